"""What is asked of ``pool2d_layer``."""

from __future__ import annotations

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Question, whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab1.domains import POOLING
from autograder.labs.lab1.drawing import Rng, draw_image, literal, small_integers
from autograder.labs.lab1.shared import INPUTS_TITLE, follows_from, inputs_unchanged, judge_exactly
from autograder.labs.lab1.wording import WORDING, compared, wrong_answer


def _pool_maximum(student: Student, rng: Rng) -> Wrong | None:
    h = draw_image(rng, *rng.permutation([6, 8]), 1)
    # One block of negative numbers alone: its largest is not 0.
    h[:2, :2] = -np.abs(h[:2, :2])
    return compared(student, "pool2d_layer", h, exact=True)


def _pool_all_blocks(student: Student, rng: Rng) -> str | None:
    """Ask whether the last block counts: cutting an image to half its size looks like pooling and is none."""
    h = draw_image(rng, 4, 6, 1)
    other = h.copy()
    other[2:, 4:] += 10
    values = [compare.array(student.call("pool2d_layer", image)) for image in (h, other)]
    if not compare.agree(*values):
        return None
    return "pool2d_layer returns the same whatever the last block of 2 × 2 holds, so this cannot count yet."


def _pool_channels(student: Student, rng: Rng) -> Wrong | str | None:
    return _channel_by_channel(student, draw_image(rng, 8, 6, 3)) or _pool_all_blocks(student, rng)


def _channel_by_channel(student: Student, h: np.ndarray) -> Wrong | None:
    answer = student.ask("pool2d_layer", h)
    expected = student.oracle.call("pool2d_layer", h)
    values = compare.array(answer.value)
    if values is None or values.ndim != 3 or values.shape[2] != h.shape[2] or values.shape == h.shape:
        what = compare.difference(answer.value, expected) or "did not keep the channels"
        return wrong_answer("pool2d_layer", (h,), answer, what, expected=expected)
    for channel in range(h.shape[2]):
        alone = compare.array(student.call("pool2d_layer", h[:, :, channel : channel + 1]))
        got = values[:, :, channel : channel + 1]
        if alone is None or not compare.varied(alone):
            return wrong_answer("pool2d_layer", (h,), answer, "returned the same number everywhere", expected=expected)
        if what := compare.difference(got, alone):
            what = f"in channel {channel}, against that channel alone, {what}"
            shown = (f"channel {channel} alone", alone), (f"{YOURS}[:, :, {channel}]", got)
            return wrong_answer("pool2d_layer", (h,), answer, what, *shown, expected=alone, compared=got)
    return None


def _pool_odd(student: Student, rng: Rng) -> Wrong | str | None:
    rows, columns = rng.permutation([7, 9])
    h = draw_image(rng, rows, columns, 1)
    # A block that only holds the last pixel is negative, so that zeros beside it show.
    h[-1, -1] = -np.abs(h[-1, -1])
    return _dropped(student, h) or _pool_all_blocks(student, rng)


def _dropped(student: Student, h: np.ndarray) -> Wrong | None:
    even = h[: h.shape[0] // 2 * 2, : h.shape[1] // 2 * 2].copy()
    own = compare.array(student.call("pool2d_layer", even))
    answer = student.ask("pool2d_layer", h)
    expected = student.oracle.call("pool2d_layer", h)
    if own is None or own.shape != expected.shape or not compare.varied(own):
        own = expected
    what = compare.difference(answer.value, own)
    if what is None:
        return None
    shown = ("expected" if compare.agree(own, expected) else f"{YOURS}, even part", own), (YOURS, answer.value)
    return wrong_answer("pool2d_layer", (h,), answer, what, *shown, expected=own)


def _pool_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    questions = [(draw_image(rng, 6, 8, 3),), (draw_image(rng, 6, 8, 3),)]
    return inputs_unchanged(student, "pool2d_layer", questions, follows_from(questions)) or _pool_all_blocks(
        student, rng
    )


def _takes_the_largest(student: Student, rng: Rng) -> str | None:
    """Ask for the least that max pooling does: it returns numbers of the image, the largest one among them."""
    h = np.abs(draw_image(rng, 6, 6, 1))
    for y, x in np.ndindex(2, 2):
        image = h.copy()
        image[2 + y, 2 + x] += 10
        got = compare.array(student.call("pool2d_layer", image))
        if (
            got is None
            or not 0 < got.size < h.size
            or not np.isin(got.astype("float32"), image).all()
            or got.max() < 10
        ):
            return "pool2d_layer does not yet return the largest numbers of the image."
    return None


def _excused(question: Question, lost: frozenset[str]) -> bool:
    (h,) = question.arguments
    odd = h.shape[0] % 2 or h.shape[1] % 2
    return "maximum" in lost or bool(odd and "odd" in lost) or (h.shape[2] > 1 and "channels" in lost)


CHECK = Check(
    "pool2d_layer",
    (
        Line(
            "maximum",
            "The maximum of every block of 2 × 2",
            1.0,
            _pool_maximum,
            core=_takes_the_largest,
            smaller=[
                small(compared, "pool2d_layer", h)
                for h in (
                    literal(((-1,), (2,)), ((-3,), (-4,))),
                    literal(((-2,), (-3,)), ((-1,), (-4,))),
                    small_integers(2, 4, 1),
                    small_integers(4, 4, 1),
                    small_integers(4, 6, 1),
                )
            ],
        ),
        Line(
            "channels",
            "Each channel by itself",
            1.0,
            _pool_channels,
            smaller=[small(_channel_by_channel, small_integers(*shape)) for shape in ((2, 4, 2), (4, 4, 2), (4, 4, 3))],
        ),
        Line(
            "odd",
            "An odd last row or column is dropped",
            1.0,
            _pool_odd,
            smaller=[small(_dropped, -np.abs(small_integers(*size, 1))) for size in ((3, 2), (2, 3), (3, 3), (5, 5))],
        ),
        Line("inputs", INPUTS_TITLE, 0.5, _pool_inputs),
        whole_domain(
            "pool2d_layer", POOLING, judge_exactly("pool2d_layer"), 0.5, _excused, exact=lambda question: True
        ),
    ),
    wording=WORDING,
)
