"""What is asked of `confusion_matrix` and `misclassified`."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Question, whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Answer, Student
from autograder.labs.lab4.domains import PREDICTED, SURE, sure_predictions
from autograder.labs.lab4.drawing import Rng
from autograder.labs.lab4.shared import changed_input
from autograder.labs.lab4.wording import WORDING, inputs


def _difference(got: Any, expected: np.ndarray) -> str | None:
    """Say how whole numbers differ, also where there are none."""
    values = compare.array(got)
    if expected.size == 0:
        empty = values is not None and values.size == 0
        return None if empty else f"returned {compare.in_words(got)} where none is wrong, so an empty array is expected"
    return compare.difference(got, expected, exact=True)


def _compared(student: Student, function: str, *arguments: Any, answer: Answer | None = None) -> Wrong | None:
    answer = student.ask(function, *arguments) if answer is None else answer
    expected = student.oracle.call(function, *arguments)
    what = _difference(answer.value, expected)
    return _wrong(function, arguments, answer, what, expected) if what else None


def _wrong(function: str, arguments: tuple, answer: Answer, what: str, expected: np.ndarray) -> Wrong:
    got = compare.array(answer.value)
    shown = (*inputs(function, arguments), ("expected", expected), (YOURS, "no numbers" if got is None else got))
    return Wrong(function, arguments, answer.value, what, expected, got, shown)


def _judge(student: Student, question: Question, answer: Answer, expected: np.ndarray) -> Wrong | None:
    what = _difference(answer.value, expected)
    function = "confusion_matrix" if len(question.arguments) == 3 else "misclassified"
    if what:
        return _wrong(function, question.arguments, answer, what, expected)
    return changed_input(student, function, question.arguments, answer)


# The confusion matrix.


def _counts(student: Student, rng: Rng) -> Wrong | None:
    # Neither class is missing in either, and no row is as its column.
    every = np.arange(5)
    y_true = rng.permutation(np.concatenate([every, rng.choice(5, 40, p=[0.1, 0.3, 0.1, 0.2, 0.3])]))
    y_pred = np.where(rng.random(45) < 0.5, y_true, rng.permutation(np.concatenate([every, rng.integers(0, 5, 40)])))
    for k in every:
        y_pred[np.flatnonzero(y_true == k)[0]] = k
    return _compared(student, "confusion_matrix", y_true, y_pred, 5)


def _missing(student: Student, rng: Rng) -> Wrong | None:
    classes = int(rng.integers(6, 10))
    first, last = 1, classes - 2
    y_true = rng.integers(first, last + 1, 30)
    y_pred = np.where(rng.random(30) < 0.6, y_true, rng.integers(first, last + 1, 30))
    return _has_all(student, y_true, y_pred, classes)


def _has_all(student: Student, y_true: np.ndarray, y_pred: np.ndarray, classes: int) -> Wrong | str | None:
    """Ask with classes that are missing; how the others are counted has cost already."""
    arguments = (y_true, y_pred, classes)
    answer = student.ask("confusion_matrix", *arguments)
    values = compare.array(answer.value)
    expected = student.oracle.call("confusion_matrix", *arguments)
    if values is None or values.shape != expected.shape:
        return _wrong(
            "confusion_matrix", arguments, answer, _difference(answer.value, expected) or "is wrong", expected
        )
    if not compare.varied(values):
        return "confusion_matrix counts nothing yet, so classes that are missing cannot count."
    there = np.union1d(y_true, y_pred)
    gone = np.setdiff1d(np.arange(classes), there)
    if np.any(np.nan_to_num(values[gone], nan=1.0)) or np.any(np.nan_to_num(values[:, gone], nan=1.0)):
        what = "has numbers where a class is neither true nor predicted"
        return _wrong("confusion_matrix", arguments, answer, what, expected)
    return None


_TRUE, _PREDICTED = np.array([0, 0, 0, 1, 2, 2, 1]), np.array([0, 1, 1, 1, 2, 0, 1])
CONFUSION = Check(
    "confusion_matrix",
    (
        Line(
            "counts",
            "Rows are the truth, columns the predictions",
            0.5,
            _counts,
            smaller=[small(_compared, "confusion_matrix", _TRUE, _PREDICTED, 3)],
        ),
        Line(
            "missing",
            "Classes that do not occur have their row and column",
            0.5,
            _missing,
            smaller=[small(_has_all, np.array([1, 1, 2]), np.array([1, 2, 2]), 4)],
        ),
        whole_domain("confusion_matrix", PREDICTED, _judge, 0.5, exact=lambda question: True),
    ),
    wording=WORDING,
)


# Which images are wrong.


def _sure(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    return sure_predictions(rng, 40, 4, 18)


def _which(student: Student, rng: Rng) -> Wrong | None:
    return _the_right_ones(student, *_sure(rng))


def _the_right_ones(student: Student, y_true: np.ndarray, probabilities: np.ndarray) -> Wrong | None:
    """Ask which are wrong, in any order."""
    answer = student.ask("misclassified", y_true, probabilities)
    expected = student.oracle.call("misclassified", y_true, probabilities)
    values = compare.array(answer.value)
    sorted_ = np.sort(values) if values is not None and values.ndim == 1 else answer.value
    what = _difference(sorted_, np.sort(expected))
    return _wrong("misclassified", (y_true, probabilities), answer, what, expected) if what else None


def _order(student: Student, rng: Rng) -> Wrong | str | None:
    return _in_order(student, *_sure(rng))


def _in_order(student: Student, y_true: np.ndarray, probabilities: np.ndarray) -> Wrong | str | None:
    """Ask whether those that the student has found come in their order."""
    arguments = (y_true, probabilities)
    answer = student.ask("misclassified", *arguments)
    values = compare.array(answer.value)
    if values is None or values.ndim != 1 or len(np.unique(values)) < 3:
        return "misclassified returns no row numbers of several images yet, so their order cannot count."
    if not set(values.tolist()) <= set(range(len(y_true))):
        return "misclassified returns something else than row numbers, so their order cannot count."
    own = values.astype(int)
    right = own[np.argsort(-probabilities.max(axis=1)[own], kind="stable")]
    if np.array_equal(own, right):
        return None
    what = _difference(values, right.astype("float64")) or "is in another order"
    return _wrong("misclassified", arguments, answer, what, student.oracle.call("misclassified", *arguments))


_SURE = (
    np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]),
    np.array(
        [
            *([0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.5, 0.2, 0.3], [0.1, 0.2, 0.7], [0.2, 0.7, 0.1], [0.3, 0.55, 0.15]),
            *([0.02, 0.9, 0.08], [0.05, 0.1, 0.85], [0.65, 0.2, 0.15], [0.05, 0.75, 0.2]),
        ]
    ),
)
MISCLASSIFIED = Check(
    "misclassified",
    (
        Line("which", "Which images are wrong", 0.5, _which, smaller=[small(_the_right_ones, *_SURE)]),
        Line("order", "The surest first", 0.5, _order, smaller=[small(_in_order, *_SURE)]),
        whole_domain("misclassified", SURE, _judge, 0.5, exact=lambda question: True),
    ),
    wording=WORDING,
)
