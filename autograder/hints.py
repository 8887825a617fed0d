"""Which known fault fits a wrong answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograder.checks import compare
from autograder.rubric import Mutant, StudentError
from autograder.student import Student


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
    mine = [mutant for mutant in mutants if mutant.function == function]
    if changed:
        # The fault's own name stands before the arguments.
        shifted = tuple(position + 1 for position in changed)
        fits = [mutant for mutant in mine if _changed(student, mutant, arguments) == shifted]
    else:
        right = _answer(student, view, function, *arguments)
        faulty = [(mutant, _answer(student, view, "mutant", mutant.id, *arguments)) for mutant in mine]
        got = view(answer)
        fits = [
            mutant
            for mutant, value in faulty
            if value is not _NONE and compare.agree(value, got) and (right is _NONE or not compare.agree(value, right))
        ]
    return fits[0].hint if len(fits) == 1 else ""


#: No answer at all; None would be one.
_NONE = object()


def _answer(student: Student, view: Callable[[Any], Any], function: str, *arguments: Any) -> Any:
    try:
        return view(student.course.call(function, *arguments))
    except StudentError:
        return _NONE


def _changed(student: Student, mutant: Mutant, arguments: tuple) -> tuple[int, ...]:
    try:
        return student.course.ask("mutant", mutant.id, *arguments).modified
    except StudentError:
        return ()
