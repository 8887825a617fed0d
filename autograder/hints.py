"""Which known fault fits a wrong answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograder.checks import compare
from autograder.rubric import Mutant, StudentError
from autograder.student import Answer, Student


def hint(
    student: Student,
    mutants: Iterable[Mutant],
    function: str,
    arguments: tuple,
    answer: Any,
    view: Callable[[Any], Any] = lambda value: value,
    changed: tuple[int, ...] = (),
) -> str:
    """Return the hint of the one known fault that gives the student's answer, or ``""``.

    Every fault of the function is asked once, with the inputs of the question. Where none fits, or more than one,
    none is named: a wrong name costs more time than none.

    Parameters
    ----------
    student : Student
        Its ``course`` answers for the faults and for the reference.
    mutants : iterable of Mutant
        The known faults of the lab.
    function : str
        What was asked.
    arguments : tuple
        With what.
    answer : object
        What came back.
    view : callable, optional
        What of an answer counts, for example one of two numbers. Must take any answer, also one of the wrong kind.
    changed : tuple of int, optional
        Positions of the arguments that were changed in place. Where there are any, a fault fits that changes the same.

    Returns
    -------
    str
        One or two sentences, or ``""``.
    """
    right = _asked(student, function, *arguments)
    fits = []
    for mutant in mutants:
        if mutant.function != function:
            continue
        faulty = _asked(student, "mutant", mutant.id, *arguments)
        if faulty is None:
            continue
        # The fault's own name stands before the arguments.
        places = tuple(position - 1 for position in faulty.modified)
        value = view(faulty.value)
        if changed:
            found = places == changed
        else:
            wrong = right is None or not compare.agree(value, view(right.value))
            found = wrong and compare.agree(value, view(answer))
        if found:
            fits.append(mutant.hint)
    return fits[0] if len(fits) == 1 else ""


def _asked(student: Student, function: str, *arguments: Any) -> Answer | None:
    try:
        return student.course.ask(function, *arguments)
    except StudentError:
        return None
