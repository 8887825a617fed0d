"""What is asked of `pool2d_backward`."""

from __future__ import annotations

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.hints import Wrong
from autograder.checking.questions import first_problem, small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab8.domains import POOLING
from autograder.labs.lab8.drawing import Rng, literal, signed, whole
from autograder.labs.lab8.shared import (
    INPUTS_TITLE,
    as_wrong,
    domain_line,
    inputs_unchanged,
    wrong_whole,
)
from autograder.labs.lab8.wording import WORDING

_NAME = "pool2d_backward"
#: By so much all of equal numbers but the first are made smaller.
_LESS = 0.125


def _drawn(rng: Rng, samples: int, rows: int, columns: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    return signed(rng, samples, rows // 2, columns // 2, channels), signed(rng, samples, rows, columns, channels)


def _maximum(student: Student, rng: Rng) -> Wrong | None:
    shapes = ((1, 6, 4, 1), (2, 4, 6, 3), (3, 2, 8, 2))
    return first_problem(wrong_whole(student, _NAME, _drawn(rng, *shape), exact=True) for shape in shapes)


def _blocks(h: np.ndarray) -> np.ndarray:
    """Return the four numbers of each block of 2 × 2 in row-major order, as the last axis."""
    return np.stack([h[:, r::2, s::2] for r in (0, 1) for s in (0, 1)], axis=-1)


def _ties(student: Student, rng: Rng) -> Wrong | str | None:
    problems = []
    for pair in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (0, 1, 2, 3)):
        da, h = _drawn(rng, 1, 4, 6, 2)
        # Who takes the farthest from 0 for the largest has lost another line for it.
        problems.append((da, _tied(np.abs(h), pair)))
    return first_problem(_first_of_equals(student, *one) for one in problems)


def _tied(h: np.ndarray, places: tuple[int, ...]) -> np.ndarray:
    """Return images in whose blocks these places hold the same largest number."""
    h = h.copy()
    largest = _blocks(h).max(axis=-1)
    for place in places:
        h[:, place // 2 :: 2, place % 2 :: 2] = largest
    return h


def _first_of_equals(student: Student, da: np.ndarray, h: np.ndarray) -> Wrong | str | None:
    """Ask whether equal numbers give the student's own answer to all but the first of them a little smaller."""
    first, last = h.copy(), h.copy()
    blocks = _blocks(h)
    equal = blocks == blocks.max(axis=-1, keepdims=True)
    for place in range(4):
        here = slice(None), slice(place // 2, None, 2), slice(place % 2, None, 2)
        first[here] -= _LESS * (equal[..., place] & (equal.argmax(axis=-1) != place))
        last[here] -= _LESS * (equal[..., place] & (3 - equal[..., ::-1].argmax(axis=-1) != place))
    answer, right = student.ask(_NAME, da, h), student.oracle.call(_NAME, da, h)
    if compare.difference(answer.value, right, exact=True) is None:
        return None
    own, other = (student.call(_NAME, da, one) for one in (first, last))
    values = compare.array(own)
    if values is None or values.shape != h.shape or not compare.varied(values) or compare.agree(own, other):
        values = right
    what = compare.difference(answer.value, values)
    if what is None:
        return None
    name = "expected" if compare.agree(values, right) else f"{YOURS}, others smaller"
    return as_wrong(_NAME, (da, h), answer, what, values, (name, values), (YOURS, answer.value))


def _odd(student: Student, rng: Rng) -> Wrong | None:
    shapes = ((2, 5, 7, 2), (1, 4, 3, 1), (1, 7, 2, 3))
    return first_problem(_dropped(student, *_drawn(rng, *shape)) for shape in shapes)


def _dropped(student: Student, da: np.ndarray, h: np.ndarray) -> Wrong | None:
    """Ask whether an odd last row or column gets 0, and the rest what it gets without them."""
    rows, columns = (2 * (extent // 2) for extent in h.shape[1:3])
    even = h[:, :rows, :columns].copy()
    own, right = compare.array(student.call(_NAME, da, even)), student.oracle.call(_NAME, da, h)
    answer = student.ask(_NAME, da, h)
    expected = right
    if own is not None and own.shape == even.shape and compare.varied(own):
        expected = np.zeros_like(right)
        expected[:, :rows, :columns] = own
    what = compare.difference(answer.value, expected)
    if what is None or compare.agree(answer.value, right):
        return None
    name = "expected" if compare.agree(expected, right) else f"{YOURS}, even part"
    return as_wrong(_NAME, (da, h), answer, what, expected, (name, expected), (YOURS, answer.value))


def _inputs(student: Student, rng: Rng) -> Wrong | str | None:
    return inputs_unchanged(student, _NAME, [_drawn(rng, 2, 4, 6, 2), _drawn(rng, 2, 4, 6, 2)])


def _image(*rows: tuple) -> np.ndarray:
    return literal(*rows)[None, :, :, None]


def _small(rows: int, columns: int, channels: int = 1, samples: int = 1) -> tuple[np.ndarray, np.ndarray]:
    da = np.abs(whole(samples, rows // 2, columns // 2, channels))
    return da, np.random.default_rng(rows).permutation(np.arange(samples * rows * columns * channels)).reshape(
        samples, rows, columns, channels
    ).astype("float32")


CHECK = Check(
    _NAME,
    (
        Line(
            "maximum",
            "The gradient goes to the largest of each block, all others get 0",
            1.25,
            _maximum,
            smaller=[
                small(wrong_whole, _NAME, arguments)
                for arguments in (
                    (_image((3,)), _image((1, 4), (2, 3))),
                    (_image((3, -2)), _image((-1, -4, 2, 3), (-2, -3, 5, 1))),
                    _small(4, 4),
                    _small(2, 4, 2),
                    _small(4, 4, 3, 2),
                )
            ],
        ),
        Line(
            "ties",
            "Of equal largest numbers the first one in row-major order gets all of it",
            1.0,
            _ties,
            smaller=[
                small(_first_of_equals, _image((3,)), _image(*block))
                for block in (((1, 4), (4, 3)), ((4, 4), (1, 2)), ((1, 2), (4, 4)), ((2, 2), (2, 2)))
            ],
        ),
        Line(
            "odd",
            "An odd last row or column had no part in it, and gets 0",
            0.75,
            _odd,
            smaller=[small(_dropped, *_small(*size)) for size in ((3, 2), (2, 3), (3, 3), (5, 5))],
        ),
        Line("inputs", INPUTS_TITLE, 0.25, _inputs),
        domain_line(_NAME, POOLING, 0.75, exact=True),
    ),
    wording=WORDING,
)
