"""Questions that several functions of the lab are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Domain, Judge, Question, whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import changed_inputs, compare_with_reference, first_problem
from autograder.checking.rubric import Line, decided
from autograder.checking.student import Answer, Student
from autograder.labs.lab8.wording import PARAMETERS, RETURNED, inputs
from source_lib.text import in_series

INPUTS_TITLE = "The inputs are not changed"


def shapes_of(function: str, arguments: Sequence[Any]) -> list[tuple[int, ...]]:
    """Return the shapes of what a function returns, in the order of `RETURNED`.

    Parameters
    ----------
    function : str
    arguments : sequence
    """
    if function == "batch_norm_backward":
        return [arguments[1].shape, arguments[2].shape, arguments[2].shape]
    _, h, W = arguments
    return [h.shape, W.shape, (W.shape[0 if function == "dense_backward" else -1],)]


def part_of(function: str, arguments: Sequence[Any], value: Any, number: int) -> np.ndarray | str:
    """Return one of several arrays that a function returned; a text that completes "the function …" where it is none.

    A vector may also come as a row or as a column.

    Parameters
    ----------
    function : str
    arguments : sequence
    value : object
        What it returned.
    number : int
        Which of the arrays.
    """
    names = RETURNED[function]
    if not isinstance(value, (tuple, list)) or len(value) != len(names):
        return f"returned {compare.in_words(value)} where {len(names)} arrays are expected: {in_series(names)}"
    shape, found = shapes_of(function, arguments)[number], compare.array(value[number])
    if found is not None and len(shape) == 1 and found.shape in ((1, *shape), (*shape, 1)):
        found = found.reshape(shape)
    if found is None or found.shape != shape:
        wanted = compare.shape(np.empty(shape))
        return f"returned {compare.in_words(value[number])} as {names[number]}, where {wanted} is expected"
    return found


def right_part(function: str, arguments: Sequence[Any], packed: np.ndarray, number: int) -> np.ndarray:
    """Return one of the arrays that the reference packed into a vector.

    Parameters
    ----------
    function : str
    arguments : sequence
    packed : numpy.ndarray
    number : int
    """
    shapes = shapes_of(function, arguments)
    start = sum(int(np.prod(shape)) for shape in shapes[:number])
    return packed[start : start + int(np.prod(shapes[number]))].reshape(shapes[number])


def _seen(function: str, arguments: Sequence[Any], number: int, inside: Callable) -> Callable[[Any], Any]:
    """Return what of an answer, a student's or one that is packed, is compared."""

    def view(value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.ndim == 1:
            whole = sum(int(np.prod(shape)) for shape in shapes_of(function, arguments))
            return inside(right_part(function, arguments, value, number)) if value.size == whole else None
        found = part_of(function, arguments, value, number)
        return None if isinstance(found, str) else inside(found)

    return view


def wrong_part(
    student: Student,
    function: str,
    arguments: tuple,
    number: int,
    inside: Callable[[np.ndarray], np.ndarray] = lambda part: part,
    answer: Answer | None = None,
) -> Wrong | None:
    """Ask a function that returns several arrays, and compare one of them with the reference.

    Parameters
    ----------
    student : Student
    function : str
    arguments : tuple
    number : int
        Which of the arrays.
    inside : callable
        Takes it, and returns what of it counts.
    answer : Answer, optional
        Where it was asked before.

    Returns
    -------
    Wrong or None
    """
    answer = student.ask(function, *arguments) if answer is None else answer
    right = right_part(function, arguments, student.oracle.call(function, *arguments), number)
    expected, got = inside(right), part_of(function, arguments, answer.value, number)
    view, name = _seen(function, arguments, number, inside), RETURNED[function][number]
    if isinstance(got, str):
        shown = (*inputs(function, arguments), (f"expected {name}", expected), (YOURS, "none"))
        return Wrong(function, arguments, answer.value, got, expected, None, shown, view)
    what = compare.difference(inside(got), expected, rounding=rounding(function, arguments, number))
    if what is None:
        return None
    shown = (*inputs(function, arguments), (f"expected {name}", expected), (YOURS, inside(got)))
    what = f"{what.replace('is off', f'has a {name} that is off', 1)}"
    return Wrong(function, arguments, answer.value, what, expected, inside(got), shown, view)


def rounding(function: str, arguments: Sequence[Any], number: int) -> float:
    """Return how far off one of several arrays may be in single precision, as `compare.sum_rounding` has it.

    Parameters
    ----------
    function : str
    arguments : sequence
    number : int
    """
    if function == "batch_norm_backward":
        dy, x, gamma, epsilon = arguments
        spread = np.sqrt(np.var(x, axis=tuple(range(x.ndim - 1)), dtype="float64") + epsilon)
        terms = np.sqrt(x.size // x.shape[-1])
        scale = (float(np.max(np.abs(gamma) / spread)), terms, terms)[number]
        return compare.sum_rounding(terms * scale, dy)
    dz, h, W = arguments
    samples = dz.size // dz.shape[-1]
    outputs = W.shape[0] if W.ndim == 2 else W.size // W.shape[2]
    terms, factors = ((outputs, (dz, W)), (samples, (dz, h)), (samples, (dz,)))[number]
    return compare.sum_rounding(terms, *factors)


def wrong_whole(
    student: Student, function: str, arguments: tuple, answer: Answer | None = None, exact: bool = False
) -> Wrong | None:
    """Ask a function that returns one array, and compare it with the reference.

    Parameters
    ----------
    student : Student
    function : str
    arguments : tuple
    answer : Answer, optional
        Where it was asked before.
    exact : bool
        As in `compare.difference`.

    Returns
    -------
    Wrong or None
    """
    return compare_with_reference(student, function, *arguments, inputs=inputs, exact=exact, answer=answer)


def as_wrong(function: str, arguments: tuple, answer: Answer, what: str, expected: Any, *shown: tuple) -> Wrong:
    """Return a wrong answer of one array with all that is known of it.

    Parameters
    ----------
    function : str
    arguments : tuple
    answer : Answer
    what : str
        Completes "the function …".
    expected : object
    *shown : (str, object)
        What a person needs to see beside the inputs; what is expected and what came by default.
    """
    shown = (*inputs(function, arguments), *(shown or (("expected", expected), (YOURS, answer.value))))
    return Wrong(function, arguments, answer.value, what, expected, answer.value, shown)


def inputs_unchanged(student: Student, function: str, questions: Sequence[tuple]) -> Wrong | str | None:
    """Ask whether the inputs are as before, of a function whose answers follow from them.

    Parameters
    ----------
    student : Student
    function : str
    questions : sequence of tuple
        The arguments of two questions that have different answers.
    """
    values = []
    for arguments in questions:
        answer = student.ask(function, *arguments)
        if what := changed_inputs(answer, PARAMETERS[function]):
            return Wrong(function, arguments, answer.value, what, changed=answer.modified)
        values.append((_parts if function in RETURNED else _whole)(student, function, arguments, answer.value))
    if all(map(compare.varied, values)) and not compare.agree(*values) and not _is_an_input(values[0], questions[0]):
        return None
    return f"{function} kept its inputs, but what it returns does not follow from them yet, so this cannot count."


def _whole(student: Student, function: str, arguments: tuple, value: Any) -> np.ndarray | None:
    """Return an answer that has the right form."""
    found = compare.array(value)
    fits = found is not None and found.shape == student.oracle.call(function, *arguments).shape
    return found if fits else None


def _parts(student: Student, function: str, arguments: tuple, value: Any) -> np.ndarray | None:
    """Return all parts that have the right form as one vector, but for those that are an input."""
    found = [part_of(function, arguments, value, number) for number in range(len(RETURNED[function]))]
    found = [one.ravel() for one in found if not isinstance(one, str) and not _is_an_input(one, arguments)]
    return np.concatenate(found) if found else None


def _is_an_input(value: np.ndarray, arguments: tuple) -> bool:
    return any(isinstance(one, np.ndarray) and compare.agree(value, one) for one in arguments)


def domain_line(function: str, domain: Domain, points: float, exact: bool = False) -> Line:
    """Return the line that asks a function over its whole domain.

    Parameters
    ----------
    function : str
    domain : Domain
    points : float
    exact : bool
        Whether it only chooses and moves numbers.
    """
    judge = _judge_parts(function) if function in RETURNED else _judge_whole(function, exact)
    return whole_domain(function, domain, judge, points, exact=lambda question: exact)


def _judge_whole(function: str, exact: bool) -> Judge:
    def judge(student: Student, question: Question, answer: Answer, expected: np.ndarray) -> Wrong | None:
        what = compare.difference(answer.value, expected, exact)
        if what is not None:
            return as_wrong(function, question.arguments, answer, what, expected)
        return _changed(student, function, question, answer)

    return judge


def _judge_parts(function: str) -> Judge:
    def judge(student: Student, question: Question, answer: Answer, expected: np.ndarray) -> Wrong | None:
        known = replace(answer, value=expected)
        oracle = _Known(student, known)
        numbers = range(len(RETURNED[function]))
        wrong = first_problem(
            wrong_part(oracle, function, question.arguments, number, answer=answer) for number in numbers
        )
        return wrong or _changed(student, function, question, answer)

    return judge


class _Known:
    """A student whose oracle knows the one answer that is wanted."""

    def __init__(self, student: Student, answer: Answer) -> None:
        self.oracle, self._answer = self, answer

    def call(self, function: str, *arguments: Any) -> Any:
        return self._answer.value


def _changed(student: Student, function: str, question: Question, answer: Answer) -> Wrong | None:
    """Return which inputs were changed in place, where the line that asks for that is not lost already."""
    what = changed_inputs(answer, PARAMETERS[function])
    if what is None or not decided(student, function).get("inputs", True):
        return None
    return Wrong(function, question.arguments, answer.value, what, changed=answer.modified)
