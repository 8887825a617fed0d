"""What is asked of ``dense_layer``."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.hints import Wrong
from autograder.checking.questions import first_problem, small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab1.domains import DENSE
from autograder.labs.lab1.drawing import Rng, draw_image, draw_weights, literal, small_integers
from autograder.labs.lab1.shared import (
    INPUTS_TITLE,
    applies_activation,
    ask_layer,
    domain_of_layer,
    follows_from,
    inputs_unchanged,
    small_layer,
)
from autograder.labs.lab1.wording import WORDING, wrong_answer


def _dense(rng: Rng, outputs: int = 5, inputs: int = 5) -> tuple:
    # As many out as in by default: transposed weights, which cost in the line on the sum, then give no error.
    h, W, b = draw_image(rng, inputs), draw_weights(rng, inputs, outputs).T.copy(), draw_image(rng, outputs, 1)
    # One sum well below 0 and one well above, whatever is drawn: else no activation shows.
    W[:2] = np.sign(h) * rng.uniform(0.5, 1.0, (2, inputs)) * [[-1], [1]]
    b[0] = 0.3
    return h, W, b


def _column(value: Any) -> np.ndarray | None:
    """Return an answer of a dense layer as a vector; [K] and [K, 1] are both right.

    A matrix [K, K] that comes from adding a column to a vector holds either of them K times: it costs in
    the line on the shape, not here.
    """
    values = compare.array(value)
    if values is None:
        return None
    if values.ndim == 2 and values.shape[0] == values.shape[1] > 1:
        if compare.agree(values, np.broadcast_to(values[:1], values.shape)):
            return values[0]
        if compare.agree(values, np.broadcast_to(values[:, :1], values.shape)):
            return values[:, 0]
    return values.ravel() if values.size == max(values.shape, default=0) else values


def _dense_sum(student: Student, rng: Rng) -> Wrong | None:
    return first_problem(_summed(student, *_dense(rng, *sizes)[:2]) for sizes in ((5, 5), (3, 7)))


def _summed(student: Student, h: np.ndarray, W: np.ndarray) -> Wrong | None:
    arguments = (h, W, np.zeros((len(W), 1), "float32"), "linear")
    answer, expected = ask_layer(student, "dense_layer", *arguments)
    got = _column(answer.value)
    what = compare.difference(answer.value if got is None else got, expected[:, 0])
    if what is None:
        return None
    shown = ("expected", expected), (YOURS, answer.value)
    options = {"expected": expected[:, 0], "compared": got, "view": _column}
    return wrong_answer("dense_layer", arguments, answer, what, *shown, **options)


def _dense_bias(student: Student, rng: Rng) -> Wrong | None:
    return _dense_adds(student, *_dense(rng))


def _dense_adds(student: Student, h: np.ndarray, W: np.ndarray, b: np.ndarray) -> Wrong | None:
    arguments = (h, W, b, "linear")
    without = compare.array(ask_layer(student, "dense_layer", h, W, np.zeros_like(b), "linear")[0].value)
    answer, expected = ask_layer(student, "dense_layer", *arguments)
    values = compare.array(answer.value)
    if values is None or without is None or values.shape != without.shape:
        what = "does not have the shape that it has with b = 0"
        return wrong_answer("dense_layer", arguments, answer, what, expected=expected, view=_column)
    with np.errstate(invalid="ignore"):
        what = compare.difference(_column(values - without), b[:, 0])
    if what is None:
        return None
    column = _column(without)
    shown = (
        (f"{YOURS}, b = 0", without),
        ("expected", column[:, None] + b if column.shape == (len(b),) else "that plus b"),
        (YOURS, values),
    )
    return wrong_answer("dense_layer", arguments, answer, f"less the same with b = 0 {what}", *shown, view=_column)


def _multiplies(student: Student, rng: Rng) -> str | None:
    """Ask for the least that a dense layer does: one weight that is not 0 gives one number, which follows its input."""
    h, b = draw_image(rng, 4), np.zeros((4, 1), "float32")
    for output in range(4):
        W = np.zeros((4, 4), "float32")
        W[output, rng.integers(4)] = 2
        one, half = (compare.array(student.call("dense_layer", x, W, b, "linear")) for x in (h, h / 2))
        if one is not None and np.count_nonzero(one) == 1 and not compare.agree(one, half):
            return None
    return "dense_layer does not yet multiply the inputs by the weights."


def _dense_shape(student: Student, rng: Rng) -> Wrong | str | None:
    first, second = _dense(rng), _dense(rng)
    if problem := _one_per_output(student, *first):
        return problem
    hidden = compare.array(student.call("dense_layer", *first, "linear"))
    if not compare.varied(hidden) or compare.agree(hidden.ravel(), first[0]):
        return "dense_layer has a right shape, but no numbers that follow from its inputs yet, so this cannot count."
    # A network stacks dense layers, so a layer must take what it returns.
    plain = student.call("dense_layer", hidden.ravel(), *second[1:], "linear")
    stacked = student.ask("dense_layer", hidden, *second[1:], "linear")
    if _attempt_shape(stacked.value) in ((5,), (5, 1)) and compare.agree(_column(stacked.value), _column(plain)):
        return None
    return f"dense_layer returned {compare.shape(hidden)}, but does not take that as the input of the next dense layer."


def _one_per_output(student: Student, h: np.ndarray, W: np.ndarray, b: np.ndarray) -> Wrong | None:
    arguments = (h, W, b, "linear")
    answer = student.ask("dense_layer", *arguments)
    outputs = len(W)
    if _attempt_shape(answer.value) in ((outputs,), (outputs, 1)):
        return None
    what = f"returned {compare.in_words(answer.value)} where [{outputs}] or [{outputs}, 1] is expected"
    expected = student.oracle.call("dense_layer", *arguments)
    return wrong_answer("dense_layer", arguments, answer, what, expected=expected)


def _attempt_shape(value: Any) -> tuple[int, ...] | None:
    values = compare.array(value)
    return None if values is None else values.shape


def _dense_activation(student: Student, rng: Rng) -> Wrong | str | None:
    return applies_activation(student, "dense_layer", _dense(rng), ("relu", "sigmoid", "softmax"))


def _dense_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    first = _dense(rng)
    questions = [(*first, "linear"), (draw_image(rng, 5), *first[1:], "linear")]
    return inputs_unchanged(student, "dense_layer", questions, follows_from(questions))


_DENSE = literal(1, -2), literal((1, 2), (3, 4)), literal((1,), (-1,))


_DENSE_WIDE = literal(1, -2, 3), small_integers(2, 3), literal((2,), (-1,))


CHECK = Check(
    "dense_layer",
    (
        Line(
            "sum",
            "The weighted sum of the inputs",
            1.25,
            _dense_sum,
            core=_multiplies,
            smaller=[
                small(_summed, *arguments)
                for arguments in (
                    (literal(2), literal((3,))),
                    _DENSE[:2],
                    (literal(1, -2), literal((3, 4))),
                    _DENSE_WIDE[:2],
                )
            ],
        ),
        Line(
            "bias",
            "Each output adds its bias",
            0.5,
            _dense_bias,
            smaller=[
                small(_dense_adds, *arguments)
                for arguments in ((literal(2), literal((3,)), literal((1,))), _DENSE, _DENSE_WIDE)
            ],
        ),
        Line(
            "shape",
            "One number per output, and layers can be stacked",
            0.5,
            _dense_shape,
            smaller=[small(_one_per_output, *arguments) for arguments in (_DENSE, _DENSE_WIDE)],
        ),
        Line(
            "activation",
            "The activation comes last, softmax over all outputs",
            1.0,
            _dense_activation,
            smaller=small_layer(
                "dense_layer",
                (_DENSE, ["relu"]),
                (_DENSE, ["softmax"]),
                (_DENSE, ["sigmoid"]),
                (_DENSE_WIDE, ["softmax"]),
            ),
        ),
        Line("inputs", INPUTS_TITLE, 0.25, _dense_inputs),
        domain_of_layer("dense_layer", DENSE, 0.5),
    ),
    wording=WORDING,
)
