"""What is asked of ``conv2d_layer``."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.hints import Wrong
from autograder.checking.questions import first_problem, small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Answer, Student
from autograder.labs.lab1.domains import CONVOLUTION
from autograder.labs.lab1.drawing import (
    Rng,
    corner_kernel,
    draw_convolution,
    draw_image,
    draw_signed,
    literal,
    small_integers,
    smaller_convolutions,
)
from autograder.labs.lab1.shared import (
    INPUTS_TITLE,
    applies_activation,
    ask_layer,
    attempt,
    compared_layer,
    domain_of_layer,
    follows_from,
    inputs_unchanged,
    small_layer,
)
from autograder.labs.lab1.wording import WORDING, own_activation, wrong_answer


def _inside(student: Student, h: np.ndarray, W: np.ndarray) -> Wrong | None:
    """Ask for a convolution without bias and compare where the kernel lies inside the image."""
    arguments = (h, W, np.zeros(W.shape[3], "float32"), "linear")
    answer, expected = ask_layer(student, "conv2d_layer", *arguments)
    inside = tuple(slice(k // 2, size - k // 2) for k, size in zip(W.shape[:2], h.shape[:2], strict=True))
    inner = expected[inside]
    got = compare.array(answer.value)
    if got is not None and got.shape == expected.shape:
        got = got[inside]
    elif got is None or got.shape != inner.shape:
        what = compare.difference(answer.value, expected)
        return wrong_answer("conv2d_layer", arguments, answer, what, expected=expected)
    what = compare.difference(got, inner)
    if what is None:
        return None
    shown = (("expected inside", inner), (f"{YOURS} inside", got)) if inner.shape != expected.shape else ()
    return wrong_answer("conv2d_layer", arguments, answer, what, *shown, expected=inner, compared=got)


def _centered(W: np.ndarray) -> np.ndarray:
    """Return kernels that are 0 but in the middle: neither a flip nor the border shows."""
    only = np.zeros_like(W)
    middle = W.shape[0] // 2, W.shape[1] // 2
    only[middle] = W[middle]
    return only


def _conv_kernel(student: Student, rng: Rng) -> Wrong | str | None:
    size = tuple(rng.permutation([3, 5]))
    h, W, _ = draw_convolution(rng, size, (3, 2))
    single = draw_convolution(rng, size, (1, 1))[:2]
    problem = attempt(_inside, student, h, W)
    # Where the channels alone are at fault, which costs in another line, one channel shows the kernel.
    if problem is not None and attempt(_inside, student, h, _centered(W)) is not None:
        return _inside(student, *single)
    return problem


def _conv_channels(student: Student, rng: Rng) -> Wrong | None:
    # As many out as in first: exchanged channels then give numbers, which show the fault, and no error.
    problems = []
    for channels in ((3, 3), (4, 2)):
        h, W, _ = draw_convolution(rng, (3, 3), channels)
        W[1, 1] = draw_signed(rng, *channels) / channels[0]
        problems.append((h, _centered(W)))
    return first_problem(_inside(student, h, W) for h, W in problems)


def _conv_border(student: Student, rng: Rng) -> Wrong | None:
    h, W, _ = draw_convolution(rng, (3, 3), (1, 1))
    return _bordered(student, h, np.full_like(W, 0.25))


def _bordered(student: Student, h: np.ndarray, W: np.ndarray) -> Wrong | None:
    return compared_layer(student, "conv2d_layer", h, W, np.zeros(1, "float32"), "linear")


def _conv_bias(student: Student, rng: Rng) -> Wrong | None:
    return _conv_adds(student, *draw_convolution(rng, (3, 3), (3, 3)))


def _conv_adds(student: Student, h: np.ndarray, W: np.ndarray, b: np.ndarray) -> Wrong | None:
    arguments = (h, W, b, "linear")
    without = compare.array(ask_layer(student, "conv2d_layer", h, W, np.zeros_like(b), "linear")[0].value)
    answer, expected = ask_layer(student, "conv2d_layer", *arguments)
    values = compare.array(answer.value)
    shape = values is not None and values.ndim == 3 and values.shape[2] == len(b)
    if not shape or without is None or values.shape != without.shape:
        what = compare.difference(answer.value, expected) or "does not have the shape that it has with b = 0"
        return wrong_answer("conv2d_layer", arguments, answer, what, expected=expected)
    return _added("conv2d_layer", arguments, answer, without, b)


def _added(function: str, arguments: tuple, answer: Answer, without: np.ndarray, b: np.ndarray, **options: Any) -> Any:
    """Compare an answer with what came without a bias and the bias."""
    values = compare.array(answer.value)
    with np.errstate(invalid="ignore"):
        what = compare.difference(values - without, np.broadcast_to(b, values.shape))
    if what is None:
        return None
    shown = ((f"{YOURS}, b = 0", without), ("expected", without + b), (YOURS, values))
    what = f"less the same with b = 0 {what}"
    return wrong_answer(function, arguments, answer, what, *shown, expected=without + b, **options)


def _conv_activation(student: Student, rng: Rng) -> Wrong | str | None:
    return applies_activation(student, "conv2d_layer", draw_convolution(rng, (3, 3), (3, 3)), ("relu", "sigmoid"))


def _conv_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    questions = [(*draw_convolution(rng, (3, 3), (3, 3)), "linear")]
    questions.append((draw_image(rng, *questions[0][0].shape), *questions[0][1:]))
    return inputs_unchanged(student, "conv2d_layer", questions, follows_from(questions))


def _convolves(student: Student, rng: Rng) -> str | None:
    """Ask for the least that a convolution does: with one weight beside the middle the image moves, whichever way."""
    h, W = draw_image(rng, 7, 8, 1), np.zeros((3, 3, 1, 1), "float32")
    W[tuple(rng.choice([(0, 1), (1, 0), (1, 2), (2, 1)]))] = 1
    got = compare.array(student.call("conv2d_layer", h, W, np.zeros(1, "float32"), "linear"))
    for image in (h, compare.array(own_activation(student, h, "linear"))):
        if got is not None and image is not None and not compare.agree(np.squeeze(got), np.squeeze(image)):
            there = np.isin(image.astype("float32"), got.astype("float32"))
            # 'valid' loses the border.
            if there.mean() > 0.4:
                return None
    return "conv2d_layer does not yet take what lies beside a pixel."


_PAIR, _TWO, _FULL = smaller_convolutions()


CHECK = Check(
    "conv2d_layer",
    (
        Line(
            "kernel",
            "The kernel is applied the right way round, square or not",
            2.5,
            _conv_kernel,
            core=_convolves,
            smaller=[
                small(_inside, small_integers(3, 1, 1), corner_kernel(3, 1)),
                small(_inside, small_integers(1, 3, 1), corner_kernel(1, 3)),
                small(_inside, small_integers(3, 3, 1), corner_kernel(3, 3)),
                small(_inside, small_integers(3, 4, 1), corner_kernel(3, 3)),
                small(_inside, small_integers(4, 5, 1), corner_kernel(3, 5)),
                small(_inside, small_integers(5, 4, 1), corner_kernel(5, 3)),
                small(_inside, small_integers(3, 3, 2), small_integers(3, 3, 2, 1)),
                small(_inside, small_integers(5, 7, 2), small_integers(3, 5, 2, 2)),
            ],
        ),
        Line(
            "channels",
            "Every output channel sums over all input channels",
            1.5,
            _conv_channels,
            smaller=[
                small(_inside, small_integers(1, 1, 2), literal(1, -2).reshape(1, 1, 2, 1)),
                small(_inside, small_integers(2, 3, 1), literal(1, 2).reshape(1, 1, 1, 2)),
                small(_inside, small_integers(1, 1, 2), literal(1, 2, 3, 4).reshape(1, 1, 2, 2)),
                small(_inside, small_integers(3, 3, 1), _centered(small_integers(3, 3, 1, 1))),
                small(_inside, small_integers(3, 3, 2), _centered(small_integers(3, 3, 2, 1))),
                small(_inside, small_integers(3, 3, 2), _centered(small_integers(3, 3, 2, 2))),
                small(_inside, small_integers(3, 3, 3), _centered(small_integers(3, 3, 3, 2))),
            ],
        ),
        Line(
            "border",
            "Zeros around the image keep its size",
            1.0,
            _conv_border,
            smaller=[
                small(_bordered, small_integers(*size, 1), np.ones((*kernel, 1, 1), "float32"))
                for size, kernel in (((1, 3), (1, 3)), ((3, 1), (3, 1)), ((3, 3), (3, 3)), ((3, 5), (3, 3)))
            ],
        ),
        Line(
            "bias",
            "Each output channel adds its bias once",
            0.5,
            _conv_bias,
            smaller=[
                small(_conv_adds, *arguments)
                for arguments in (
                    (small_integers(1, 1, 1), literal(3).reshape(1, 1, 1, 1), literal(2)),
                    (small_integers(1, 1, 2), literal(3, -1).reshape(1, 1, 2, 1), literal(2)),
                    (small_integers(1, 2, 1), literal(3, -1).reshape(1, 1, 1, 2), literal(2, -3)),
                    (small_integers(3, 3, 2), small_integers(3, 3, 2, 1), literal(2)),
                    (small_integers(3, 3, 2), small_integers(3, 3, 2, 2), literal(2, -3)),
                )
            ],
        ),
        Line(
            "activation",
            "The activation comes last, after sum and bias",
            1.0,
            _conv_activation,
            smaller=small_layer(
                "conv2d_layer", (_PAIR, ["relu"]), (_TWO, ["relu"]), (_FULL, ["relu"]), (_PAIR, ["sigmoid"])
            ),
        ),
        Line("inputs", INPUTS_TITLE, 0.5, _conv_inputs),
        domain_of_layer("conv2d_layer", CONVOLUTION, 1.0),
    ),
    wording=WORDING,
)
