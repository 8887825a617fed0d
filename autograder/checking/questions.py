"""Questions that checks of functions share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.hints import Wrong
from autograder.checking.problem import Problem
from autograder.checking.reasons import Small, numbered_inputs
from autograder.checking.student import Answer, Student, StudentError

#: Takes a function's name and arguments, and returns those that a person needs to see, each with its label.
Inputs = Callable[[str, Sequence], Sequence[tuple[str, Any]]]


def named_inputs(*names: str) -> Inputs:
    """Return what shows all arguments of a function under their names.

    Examples
    --------
    >>> named_inputs("x", "slope")("leaky_relu", (3.0, 0.1))
    [('x', 3.0), ('slope', 0.1)]
    """
    return lambda function, arguments: list(zip(names, arguments, strict=True))


def compare_with_reference(
    student: Student,
    function: str,
    *arguments: Any,
    inputs: Inputs = numbered_inputs,
    exact: bool = False,
    answer: Answer | None = None,
    expected: Any = None,
) -> Wrong | None:
    """Ask a function and compare its answer with that of the reference.

    Parameters
    ----------
    student : Student
        Whoever is asked, with the oracle to compare with.
    function : str
        What is asked.
    *arguments
        With what.
    inputs : callable, optional
        What a person needs to see of the arguments; all of them by default.
    exact : bool
        As in `compare.difference`.
    answer : Answer, optional
        Where it was asked before.
    expected : object, optional
        Where the reference was asked before.

    Returns
    -------
    Wrong or None
        None where the answer is right.
    """
    answer = student.ask(function, *arguments) if answer is None else answer
    expected = student.oracle.call(function, *arguments) if expected is None else expected
    what = compare.difference(answer.value, expected, exact)
    if what is None:
        return None
    shown = (*inputs(function, arguments), ("expected", expected), (YOURS, answer.value))
    return Wrong(function, arguments, answer.value, what, expected, answer.value, shown)


def changed_inputs(answer: Answer, names: Sequence[str]) -> str | None:
    """Say which inputs a function changed in place; None where it changed none.

    Parameters
    ----------
    answer : Answer
    names : sequence of str
        Of all arguments, in their order.

    Examples
    --------
    >>> changed_inputs(Answer(None, 0.0, modified=(0, 2)), ("x", "W", "b"))
    'changed its input x and b'
    """
    if not answer.modified:
        return None
    return f"changed its input {' and '.join(names[position] for position in answer.modified)}"


def first_problem(problems: Iterable[Any]) -> Any:
    """Return the first of some problems, or None where there is none; those after it are not asked for.

    Parameters
    ----------
    problems : iterable
    """
    return next((problem for problem in problems if problem is not None), None)


def fast_enough(
    factor: float,
    measure: Callable[[Student, Any], tuple[float, str | None]],
    too_slow: Callable[[float], str],
    sentence: Callable[[], str],
) -> Callable[[Student, Any], Problem | None]:
    """Return the question whether a submission is so many times as fast as a loop; it is measured once for all factors.

    Parameters
    ----------
    factor : float
    measure : callable
        Takes a student and a random generator; returns how many times as fast it is, and what is wrong otherwise.
    too_slow : callable
        Takes the ratio, and returns the reason in words.
    sentence : callable
        Returns what was asked, in words.
    """

    def question(student: Student, rng: Any) -> Problem | None:
        if "speed" not in student.notes:
            try:
                student.notes["speed"] = measure(student, rng)
            except StudentError as error:
                student.notes["speed"] = 0.0, str(error)
        ratio, problem = student.notes["speed"]
        if problem is None and ratio >= factor:
            return None
        return Problem(f"{sentence()} {problem or too_slow(ratio)}")

    return question


def small(question: Callable, *arguments: Any) -> Small:
    """Return a question with fixed arguments.

    Parameters
    ----------
    question : callable
        Takes a student and the arguments.
    *arguments
    """
    return lambda student: question(student, *arguments)
