"""What is asked of ``evaluate``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Question, whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import small
from autograder.checking.reasons import Small
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.student import Answer, Student
from autograder.labs.lab1.domains import PREDICTIONS
from autograder.labs.lab1.drawing import Rng, literal
from autograder.labs.lab1.shared import INPUTS_TITLE, changed_input, inputs_unchanged
from autograder.labs.lab1.wording import WORDING, wrong_answer


def _predictions(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of 7 samples and 5 classes, 1 to 6 of them right: none of that is a part of 5."""
    probabilities = 0.1 + 0.5 * rng.dirichlet(np.ones(5), 7)
    classes = probabilities.argmax(axis=1)
    wrong = rng.permutation(7)[: rng.integers(1, 7)]
    classes[wrong] = (classes[wrong] + rng.integers(1, 5, len(wrong))) % 5
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
    student: Student,
    arguments: tuple,
    expected: float,
    name: str,
    view: Callable[[Any], float | None],
    answer: Answer | None = None,
) -> Wrong | None:
    answer = answer or student.ask("evaluate", *arguments)
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
    # No part of 7 is 80 %, which is right of the other, so one number at least differs.
    questions = [_predictions(rng), (zero, true)]

    def alive(values: list) -> bool:
        first, second = map(_pair, values)
        return first is not None and second is not None and not compare.agree(first, second)

    return inputs_unchanged(student, "evaluate", questions, alive)


def _judge(student: Student, question: Question, answer: Answer, expected: tuple) -> Wrong | None:
    passed = decided(student, "evaluate")
    y_prob, y_onehot = question.arguments
    chosen = np.sum(y_prob * y_onehot, axis=1, dtype="float64")
    lost = -np.log(chosen[chosen > 0])
    # What any epsilon that passes the line on zeros may do to a cross-entropy, and what a probability of 0 may cost.
    free = math.exp(-10) * float(np.sum(1 / chosen[chosen > 0]))
    zeros = np.count_nonzero(chosen == 0)
    least = (10 * zeros + lost.sum() - free) / len(chosen)
    most = math.inf if zeros else (lost.sum() + free) / len(chosen)
    parts = {"cross_entropy": _loss, "accuracy": _accuracy}
    # What has cost in its own line is not asked again, unless nothing would be left to ask.
    left = {key: view for key, view in parts.items() if passed.get(key, True)} or parts
    for key, view in left.items():
        got, right = view(answer.value), view(expected)
        if key == "cross_entropy" and got is not None and least <= got <= most and math.isfinite(got):
            continue
        problem = _one_of_two(student, question.arguments, right, key.replace("_", "-"), view, answer)
        if problem is not None:
            return problem
    return changed_input(student, "evaluate", question, answer)


def _excused(question: Question, lost: frozenset[str]) -> bool:
    y_prob, _ = question.arguments
    return lost >= {"cross_entropy", "accuracy"} or ("zero" in lost and not y_prob.all())


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
        # Rows of probabilities that add up to 1, none of them 0: of others the right answer is the choice of whoever
        # writes the function, and no mistake would be recognized.
        question((literal(quarter, (0.75, 0.25), (0.875, 0.125)), literal((0, 1), (1, 0), (0, 1)))),
    ]


CHECK = Check(
    "evaluate",
    (
        Line(
            "cross_entropy",
            "The mean cross-entropy per sample",
            1.75,
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
            1.25,
            _evaluate_part("accuracy", _accuracy),
            smaller=_small_part("accuracy", _accuracy),
        ),
        Line("inputs", INPUTS_TITLE, 0.5, _evaluate_inputs),
        whole_domain("evaluate", PREDICTIONS, _judge, 0.5, _excused),
    ),
    wording=WORDING,
)
