"""What is asked of ``evaluate``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.hints import Wrong
from autograder.checking.reasons import Small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab1.drawing import Rng, literal
from autograder.labs.lab1.shared import INPUTS_TITLE, inputs_unchanged, small
from autograder.labs.lab1.wording import WORDING, wrong_answer


def _predictions(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of 7 samples and 5 classes, 3 of them right: 42.9 % is no part of 5."""
    probabilities = 0.1 + 0.5 * rng.dirichlet(np.ones(5), 7)
    classes = probabilities.argmax(axis=1)
    wrong = rng.permutation(7)[:4]
    classes[wrong] = (classes[wrong] + rng.integers(1, 5, 4)) % 5
    return probabilities.astype("float32"), np.eye(5, dtype="float32")[classes]


def _pair(value: Any) -> tuple[float, float] | None:
    """Return the cross-entropy and the accuracy of an answer, or None where it is no pair of numbers."""
    if isinstance(value, np.ndarray) and value.shape[:1] == (2,):
        value = list(value)
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return None
    arrays = [compare.array(part) for part in value]
    if any(part is None or part.size != 1 for part in arrays):
        return None
    return float(arrays[0].ravel()[0]), float(arrays[1].ravel()[0])


def _loss(value: Any) -> float | None:
    pair = _pair(value)
    return None if pair is None else pair[0]


def _accuracy(value: Any) -> float | None:
    pair = _pair(value)
    return None if pair is None else pair[1]


_NO_PAIR = "returned something else than two numbers, the cross-entropy and the accuracy"


def _telling(student: Student, rng: Rng, view: Callable[[Any], float | None]) -> tuple[tuple, float]:
    """Draw predictions whose right number is not right by chance when it is rounded or in half precision."""
    while True:
        arguments = _predictions(rng)
        expected = view(student.oracle.call("evaluate", *arguments))
        if not any(compare.agree(near, expected) for near in (np.float16(expected), round(expected, 1))):
            return arguments, expected


def _evaluate_part(name: str, view: Callable[[Any], float | None]) -> Callable:
    def question(student: Student, rng: Rng) -> Wrong | None:
        return _one_of_two(student, *_telling(student, rng, view), name, view)

    return question


def _one_of_two(
    student: Student, arguments: tuple, expected: float, name: str, view: Callable[[Any], float | None]
) -> Wrong | None:
    answer = student.ask("evaluate", *arguments)
    got = view(answer.value)
    what = _NO_PAIR
    if got is not None:
        if compare.difference(got, expected) is None:
            return None
        # Not the right number itself: there is only one to a question that is scored.
        off = "no number" if math.isnan(got) else "too small" if got < expected else "too large"
        what = f"has a wrong {name}: {got:.6g} is {off}"
    shown = (f"expected {name}", f"{expected:.6g}"), (YOURS, "no pair" if got is None else f"{got:.6g}")
    return wrong_answer("evaluate", arguments, answer, what, *shown, view=view)


def _certain(rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions that are certain and right but for one: there the true class has 0, or 1 / e."""
    classes = rng.integers(0, 4, 5)
    true = np.eye(4, dtype="float32")[classes]
    sample, wrong = int(rng.integers(5)), int(rng.integers(1, 4))
    zero, known = true.copy(), true.copy()
    zero[sample] = np.roll(true[sample], wrong)
    known[sample] = np.where(true[sample] == 1, math.exp(-1), (1 - math.exp(-1)) / 3)
    return zero, known, true


def _evaluate_zero(student: Student, rng: Rng) -> Wrong | None:
    return _certainly_wrong(student, *_certain(rng))


def _certainly_wrong(student: Student, zero: np.ndarray, known: np.ndarray, true: np.ndarray) -> Wrong | None:
    answer = student.ask("evaluate", zero, true)
    # A cross-entropy of 1 for the sample in question is the measure, so a wrong mean does not cost here.
    loss, one = _loss(answer.value), _loss(student.call("evaluate", known, true))
    if loss is None or one is None:
        what = _NO_PAIR
    elif not math.isfinite(loss):
        what = f"has a cross-entropy of {loss} where one true class has probability 0: a finite number is asked"
    elif not abs(loss) > 10 * abs(one):
        what = f"has a cross-entropy of {loss:.4g} where one true class has probability 0: its share must exceed 10"
    else:
        return None
    least = 10 / len(true)
    shown = (
        ("expected cross-entropy", f"finite, above {least:.4g}"),
        (YOURS, "no pair" if loss is None else f"{loss:.4g}"),
    )
    return wrong_answer("evaluate", (zero, true), answer, what, *shown, view=_loss)


def _evaluate_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    zero, _, true = _certain(rng)
    # 43 % and 80 % are right here, so one number at least differs.
    questions = [_predictions(rng), (zero, true)]

    def alive(values: list) -> bool:
        first, second = map(_pair, values)
        return first is not None and second is not None and not compare.agree(first, second)

    return inputs_unchanged(student, "evaluate", questions, alive)


def _small_part(name: str, view: Callable[[Any], float | None]) -> list[Small]:
    def question(arguments: tuple) -> Small:
        return lambda student: _one_of_two(
            student, arguments, view(student.oracle.call("evaluate", *arguments)), name, view
        )

    quarter, half = (0.25, 0.75), (0.5, 0.5)
    return [
        question((literal(quarter), literal((0, 1)))),
        question((literal(quarter), literal((1, 0)))),
        question((literal(quarter, half), literal((0, 1), (1, 0)))),
        question((literal(quarter, (0.5, 0.25), (1, 0)), literal((0, 1), (1, 0), (0, 1)))),
    ]


CHECK = Check(
    "evaluate",
    (
        Line(
            "cross_entropy",
            "The mean cross-entropy per sample",
            2.0,
            _evaluate_part("cross-entropy", _loss),
            smaller=_small_part("cross-entropy", _loss),
        ),
        Line(
            "zero",
            "A probability of 0 costs much, but not infinitely much",
            1.0,
            _evaluate_zero,
            smaller=[
                small(
                    _certainly_wrong,
                    *(np.array(rows, "float32") for rows in (zero, known, true)),
                )
                for zero, known, true in (
                    ([[0, 1]], [[math.exp(-1), 1 - math.exp(-1)]], [[1, 0]]),
                    ([[0, 1], [0, 1]], [[math.exp(-1), 1 - math.exp(-1)], [0, 1]], [[1, 0], [0, 1]]),
                    ([[1, 0], [1, 0]], [[1, 0], [1 - math.exp(-1), math.exp(-1)]], [[1, 0], [0, 1]]),
                )
            ],
        ),
        Line(
            "accuracy",
            "The accuracy in percent",
            1.5,
            _evaluate_part("accuracy", _accuracy),
            smaller=_small_part("accuracy", _accuracy),
        ),
        Line("inputs", INPUTS_TITLE, 0.5, _evaluate_inputs),
    ),
    wording=WORDING,
)
