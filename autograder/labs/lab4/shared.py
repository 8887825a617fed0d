"""Questions that several functions of the lab are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Question
from autograder.checking.hints import Wrong
from autograder.checking.questions import changed_inputs
from autograder.checking.student import Answer, Student
from autograder.labs.lab4.wording import PARAMETERS, inputs
from source_lib.text import counted

#: What each function returns, in the order in which answers are packed.
RETURNED = {
    "sgd_step": ("the new weights", "the new velocities"),
    "adam_step": ("the new weights", "the new averages of the gradients", "the new averages of their squares"),
    "l1_l2": ("the penalty", "the gradients"),
}


class ShapeError(ValueError):
    """An answer has not the form that is asked for. The text completes "the function …"."""


def lists(value: Any, names: Sequence[str], likes: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """Return an answer as lists of arrays of given shapes.

    Parameters
    ----------
    value : object
        What a student's function returned.
    names : sequence of str
        What each list holds, for the text of errors.
    likes : sequence of numpy.ndarray
        The shapes that each list must have.

    Raises
    ------
    ShapeError
        If it is something else.
    """
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != len(names):
        wanted = " and ".join(names) if len(names) < 3 else ", ".join(names)
        raise ShapeError(f"returned {compare.in_words(value)} where {len(names)} lists are expected: {wanted}")
    return [list_of(part, name, likes) for part, name in zip(value, names, strict=True)]


def list_of(part: Any, name: str, likes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return one list of arrays of given shapes, as `lists` does several.

    Parameters
    ----------
    part : object
    name : str
        What it holds.
    likes : sequence of numpy.ndarray

    Raises
    ------
    ShapeError
        If it is something else.
    """
    if not isinstance(part, (tuple, list, np.ndarray)) or len(part) != len(likes):
        count = counted(len(part), "array") if isinstance(part, (tuple, list)) else compare.in_words(part)
        raise ShapeError(f"returned {count} as {name}, where a list of {counted(len(likes), 'array')} is expected")
    found = []
    for place, (one, like) in enumerate(zip(part, likes, strict=True)):
        values = compare.array(one)
        if values is None or values.shape != like.shape:
            raise ShapeError(
                f"returned {compare.in_words(one)} as number {place} of {name}, where {compare.shape(like)} is expected"
            )
        found.append(values)
    return found


#: Takes arguments and an answer, and returns it packed; raises a `ShapeError`.
Packed = Callable[[Sequence, Any], np.ndarray]


def packed_or_none(packed: Packed, arguments: Sequence, value: Any) -> np.ndarray | None:
    """Return an answer as one vector, or None where it has not the form that is asked for.

    Parameters
    ----------
    packed : callable
    arguments : sequence
    value : object
    """
    try:
        return packed(arguments, value)
    except ShapeError:
        return None


def compared_packed(
    student: Student,
    function: str,
    arguments: tuple,
    packed: Packed,
    view: Callable[[np.ndarray], np.ndarray] = lambda vector: vector,
    expected: np.ndarray | None = None,
    where: str = "",
    answer: Answer | None = None,
) -> tuple[Any, Wrong | None]:
    """Ask a function whose answer is several arrays, and compare what of it a line is about.

    Parameters
    ----------
    student : Student
    function : str
    arguments : tuple
    packed : callable
        Makes one vector of an answer.
    view : callable
        Takes that vector, and returns what of it counts.
    expected : numpy.ndarray, optional
        What that should be; of the reference's answer by default.
    where : str
        What of the answer is compared, for the sentence.
    answer : Answer, optional
        Where it was asked before.

    Returns
    -------
    value : object
        The answer as it came.
    wrong : Wrong or None
    """
    answer = student.ask(function, *arguments) if answer is None else answer
    right = student.oracle.call(function, *arguments)
    expected = view(right) if expected is None else expected
    try:
        vector = packed(arguments, answer.value)
    except ShapeError as error:
        return answer.value, Wrong(
            function, arguments, None, str(error), shown=_shown(function, arguments, right, None)
        )
    what = compare.difference(view(vector), expected)
    if what is None:
        return answer.value, None
    shown = _shown(function, arguments, expected, view(vector))
    guarded = lambda value: view(value) if isinstance(value, np.ndarray) and value.ndim == 1 else None  # noqa: E731
    # Which numbers are looked at is seen by letting the view choose among their places.
    places = view(np.arange(len(vector)))
    wrong = Wrong(
        *(function, arguments, vector, f"{where}{what}", expected, view(vector), shown, guarded),
        named=lambda at: number_in_words(function, arguments[0], int(places[at])),
    )
    return answer.value, wrong


def number_in_words(function: str, likes: Sequence[np.ndarray], index: int) -> str:
    """Say which number of which returned array stands at an index of a packed answer.

    Parameters
    ----------
    function : str
        One of `RETURNED`.
    likes : sequence of numpy.ndarray
        The shapes of the arrays in each list.
    index : int

    Examples
    --------
    >>> number_in_words("sgd_step", [np.zeros((2, 3)), np.zeros(2)], 13), number_in_words("l1_l2", [np.zeros(2)], 0)
    ('[1, 2] of array 0 of the new velocities', 'the penalty')
    """
    for name in RETURNED[function]:
        if name == "the penalty":
            if index == 0:
                return name
            index -= 1
            continue
        for position, like in enumerate(likes):
            if index < like.size:
                place = ", ".join(str(one) for one in np.unravel_index(index, like.shape))
                return f"[{place}] of {f'array {position} of ' if len(likes) > 1 else ''}{name}"
            index -= like.size
    return ""


def _shown(function: str, arguments: tuple, expected: Any, got: Any) -> tuple[tuple[str, Any], ...]:
    return (*inputs(function, arguments), ("expected", expected), (YOURS, "none" if got is None else got))


def judge_packed(function: str, packed: Packed) -> Callable:
    """Return what judges an answer to a question of a domain that is several arrays.

    Parameters
    ----------
    function : str
    packed : callable
        Makes one vector of an answer.
    """

    def judge(student: Student, question: Question, answer: Answer, expected: np.ndarray) -> Wrong | None:
        _, wrong = compared_packed(student, function, question.arguments, packed, answer=answer)
        packed_answer = replace(answer, value=packed_or_none(packed, question.arguments, answer.value))
        return wrong or changed_input(student, function, question.arguments, packed_answer)

    return judge


def changed_input(student: Student, function: str, arguments: tuple, answer: Answer) -> Wrong | None:
    """Return which inputs were changed in place.

    Parameters
    ----------
    student : Student
    function : str
    arguments : tuple
    answer : Answer
    """
    what = changed_inputs(answer, PARAMETERS[function])
    if what is None:
        return None
    return Wrong(function, arguments, answer.value, what, changed=answer.modified, shown=())


def whole(values: Any, *shape: int) -> np.ndarray:
    """Return numbers as an array of float64.

    Parameters
    ----------
    values : object
    *shape : int
        As they come by default.
    """
    return np.array(values, dtype="float64").reshape(shape or np.shape(values))


def as_numbers(answer: Answer) -> Answer:
    """Return an answer with what it holds as an array of numbers, where that can be."""
    values = compare.array(answer.value)
    return answer if values is None else replace(answer, value=values)


__all__ = [
    *("RETURNED", "ShapeError", "as_numbers", "changed_input", "compared_packed", "judge_packed", "list_of", "lists"),
    *("number_in_words", "packed_or_none", "whole"),
]
