"""Questions that several functions of the lab are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checking import compare, error_texts
from autograder.checking.domain import Question
from autograder.checking.hints import Wrong
from autograder.checking.questions import changed_inputs, compare_with_reference
from autograder.checking.student import Answer, Student, StudentError
from autograder.labs.lab6.faults import HINTS
from autograder.labs.lab6.wording import PARAMETERS, inputs

#: Of many answers at once.
_SECONDS = 60.0


def answers(student: Student, cell: str, function: str, call: str, *arguments: Any) -> list:
    """Return what a cell of the course's makes of a student's function, beside it.

    Parameters
    ----------
    student : Student
    cell : str
        Its code.
    function : str
        The student's, which errors are about.
    call : str
        What the cell defines, and is called with the arguments.
    *arguments : object

    Raises
    ------
    StudentError
        If it stops, or takes too long. The text is for the student.
    """
    try:
        with student.fresh(cell, seconds=_SECONDS, code_only=True) as side:
            return list(side.call(call, *arguments))
    except StudentError as error:
        raise StudentError(error_texts.without_ours(str(error), function)) from None


def hint_of(mistake: str) -> str:
    """Return what a known mistake means."""
    return HINTS[mistake][0]


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
    return compare_with_reference(student, function, *arguments, inputs=inputs, answer=answer, expected=expected)


def changed_input(function: str, arguments: tuple, answer: Answer) -> Wrong | None:
    """Return which inputs were changed in place.

    Parameters
    ----------
    function : str
    arguments : tuple
    answer : Answer
    """
    what = changed_inputs(answer, PARAMETERS[function])
    return what and Wrong(function, arguments, answer.value, what, changed=answer.modified, shown=())


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
