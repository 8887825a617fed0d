"""Questions that several functions of the lab are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Question
from autograder.checking.hints import Wrong
from autograder.checking.student import Answer, Student
from autograder.labs.lab6.wording import PARAMETERS, inputs


def compared(
    student: Student, function: str, arguments: tuple, answer: Answer | None = None, expected: Any = None
) -> Wrong | None:
    """Ask a function, or take what it answered, and compare that with the reference or with what is expected.

    Parameters
    ----------
    student : Student
    function : str
    arguments : tuple
    answer : Answer, optional
    expected : object, optional

    Returns
    -------
    Wrong or None
    """
    answer = student.ask(function, *arguments) if answer is None else answer
    expected = student.oracle.call(function, *arguments) if expected is None else expected
    what = compare.difference(answer.value, expected)
    if what is None:
        return None
    shown = (*inputs(function, arguments), ("expected", expected), (YOURS, _shown(answer.value)))
    return Wrong(function, arguments, answer.value, what, expected, answer.value, shown)


def _shown(value: Any) -> Any:
    numbers = compare.array(value)
    return "no numbers" if numbers is None else numbers


def changed_input(function: str, arguments: tuple, answer: Answer) -> Wrong | None:
    """Return which inputs were changed in place.

    Parameters
    ----------
    function : str
    arguments : tuple
    answer : Answer
    """
    if not answer.modified:
        return None
    names = " and ".join(PARAMETERS[function][position] for position in answer.modified)
    return Wrong(function, arguments, answer.value, f"changed its input {names}", changed=answer.modified, shown=())


def judge(function: str) -> Callable:
    """Return what judges an answer to a question of a domain.

    Parameters
    ----------
    function : str
    """

    def judged(student: Student, question: Question, answer: Answer, expected: np.ndarray) -> Wrong | None:
        wrong = compared(student, function, question.arguments, answer, expected)
        return wrong or changed_input(function, question.arguments, answer)

    return judged


def number(value: Any) -> float | None:
    """Return an answer as one finite number, or None where it is something else."""
    values = compare.array(value)
    return float(values) if values is not None and values.ndim == 0 and np.isfinite(values) else None
