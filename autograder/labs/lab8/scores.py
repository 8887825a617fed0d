"""What is asked of `softmax_cross_entropy_backward`."""

from __future__ import annotations

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.hints import Wrong
from autograder.checking.questions import first_problem, small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab8.domains import SCORES
from autograder.labs.lab8.drawing import Rng, literal, one_hot, signed
from autograder.labs.lab8.shared import (
    INPUTS_TITLE,
    as_wrong,
    domain_line,
    inputs_unchanged,
    wrong_whole,
)
from autograder.labs.lab8.wording import WORDING

_NAME = "softmax_cross_entropy_backward"


def _drawn(rng: Rng, samples: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    return signed(rng, samples, classes), one_hot(rng, samples, classes)


def _difference(student: Student, rng: Rng) -> Wrong | None:
    return first_problem(wrong_whole(student, _NAME, _drawn(rng, 1, classes)) for classes in (4, 10, 2))


def _mean(student: Student, rng: Rng) -> Wrong | None:
    return first_problem(_averaged(student, *_drawn(rng, *sizes)) for sizes in ((5, 3), (3, 3), (2, 4)))


def _averaged(student: Student, z: np.ndarray, t: np.ndarray) -> Wrong | None:
    """Ask whether the gradient of a batch is that of each sample by itself, divided by their number."""
    answer = student.ask(_NAME, z, t)
    right = student.oracle.call(_NAME, z, t)
    alone = [compare.array(student.call(_NAME, z[k : k + 1], t[k : k + 1])) for k in range(len(z))]
    whole = all(one is not None and one.shape == (1, z.shape[1]) and np.isfinite(one).all() for one in alone)
    # Who is wrong about one sample has lost another line for it.
    own = np.concatenate(alone) / len(z) if whole and compare.varied(np.concatenate(alone)) else right
    if compare.agree(answer.value, right):
        return None
    what = compare.difference(answer.value, own)
    if what is None:
        return None
    name = "expected" if compare.agree(own, right) else f"{YOURS}, each alone, averaged"
    return as_wrong(_NAME, (z, t), answer, what, own, (name, own), (YOURS, answer.value))


def _large(student: Student, rng: Rng) -> Wrong | None:
    z, t = _drawn(rng, 3, 4)
    return _shifted(student, z.astype("float64"), t.astype("float64"))


def _shifted(student: Student, z: np.ndarray, t: np.ndarray) -> Wrong | None:
    """Ask whether a large number that is added to all scores changes nothing."""
    own, right = student.call(_NAME, z, t), student.oracle.call(_NAME, z, t)
    values = compare.array(own)
    if values is None or values.shape != right.shape or not compare.varied(values):
        values = right
    for shift in (1000.0, -1000.0):
        arguments = (z + shift, t)
        answer = student.ask(_NAME, *arguments)
        if compare.agree(answer.value, right):
            continue
        if what := compare.difference(answer.value, values):
            return as_wrong(_NAME, arguments, answer, what, values)
    return None


def _inputs(student: Student, rng: Rng) -> Wrong | str | None:
    return inputs_unchanged(student, _NAME, [_drawn(rng, 4, 3), _drawn(rng, 4, 3)])


_ONE = literal((1, 0, -1)), literal((0, 1, 0))
_TWO = literal((1, 0, -1), (0, 2, 0)), literal((0, 1, 0), (1, 0, 0))
CHECK = Check(
    _NAME,
    (
        Line(
            "difference",
            "One sample: what the probability of each class has to do with its truth",
            1.25,
            _difference,
            smaller=[small(wrong_whole, _NAME, arguments) for arguments in ((literal((1, -1)), literal((0, 1))), _ONE)],
        ),
        Line(
            "mean",
            "Several samples: the gradient of the mean",
            0.5,
            _mean,
            smaller=[small(_averaged, *_TWO), small(_averaged, _TWO[0][:, :2], literal((0, 1), (0, 1)))],
        ),
        Line(
            "large",
            "Scores far from 0: no overflow",
            0.5,
            _large,
            smaller=[small(_shifted, *(one.astype("float64") for one in pair)) for pair in (_ONE, _TWO)],
        ),
        Line("inputs", INPUTS_TITLE, 0.25, _inputs),
        domain_line(_NAME, SCORES, 0.5),
    ),
    wording=WORDING,
)
