"""Questions that several functions of the lab are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.hints import Wrong
from autograder.checking.reasons import Small
from autograder.checking.student import Student, StudentError
from autograder.labs.lab1.wording import PARAMETERS, own_activation, wrong_answer


def first_problem(problems: Any) -> str | None:
    """Return the first of some problems, or None where there is none."""
    return next((problem for problem in problems if problem is not None), None)


def inputs_unchanged(
    student: Student,
    function: str,
    questions: Sequence[tuple],
    alive: Callable[[list], bool],
) -> Wrong | str | None:
    """Ask whether the inputs are as before, of a function that does something with them.

    Parameters
    ----------
    student : Student
    function : str
    questions : sequence of tuple
        The arguments of each.
    alive : callable
        Takes all answers, and returns whether they follow from the questions.
    """
    values = []
    for arguments in questions:
        answer = student.ask(function, *arguments)
        if answer.modified:
            names = " and ".join(PARAMETERS[function][position] for position in answer.modified)
            what = f"changed its input {names}"
            return wrong_answer(function, arguments, answer, what, changed=answer.modified)
        values.append(answer.value)
    if alive(values):
        return None
    return f"{function} kept its inputs, but what it returns does not follow from them yet, so this cannot count."


def follows_from(questions: Sequence[tuple]) -> Callable[[list], bool]:
    """Tell numbers that follow from the first two questions from zeros, constants and the inputs themselves."""

    def alive(values: list) -> bool:
        first, second = values[:2]
        if not compare.varied(first) or compare.agree(first, second):
            return False
        bare = np.squeeze(compare.array(first))
        return not any(compare.agree(bare, np.squeeze(a)) for a in questions[0] if isinstance(a, np.ndarray))

    return alive


def applies_activation(student: Student, function: str, arguments: tuple, names: Sequence[str]) -> Wrong | str | None:
    """Ask whether a layer applies the activation to what it gives with ``'linear'``.

    Right is what the reference makes of that, or the student's own activation: a fault there has cost already.

    Parameters
    ----------
    student : Student
    function : str
        A layer, whose last argument is the activation's name.
    arguments : tuple
        All others.
    names : sequence of str
        Activations to try.
    """
    linear = student.call(function, *arguments, "linear")
    values = compare.array(linear)
    if values is None or values.size < 2 or not np.all(np.isfinite(values)):
        return f"With 'linear' {function} returned no array of finite numbers to compare with."
    proven = False
    for name in names:
        question = (*arguments, name)
        own = own_activation(student, values, name)
        try:
            answer = student.ask(function, *question)
        except StudentError as error:
            if own is None:
                continue
            return str(error)
        true = student.oracle.call(function, *question)
        if not compare.agree(answer.value, true):
            true = student.oracle.call("activation", values.ravel(), name).reshape(values.shape)
        if compare.agree(answer.value, true):
            proven |= compare.varied(true) and not compare.agree(true, values)
        elif own is not None and compare.agree(answer.value, own):
            proven |= compare.varied(own) and not compare.agree(own, values)
        else:
            what = f"did not give {name!r} of its own 'linear' answer: it {compare.difference(answer.value, true)}"
            shown = ((f"{YOURS}, 'linear'", values), (f"{name!r} of it", true), (f"{YOURS}, {name!r}", answer.value))
            return wrong_answer(function, question, answer, what, *shown, expected=true)
    if proven:
        return None
    return f"Whether {function} applies its activation cannot be seen: none changed its result. Fix activation first."


def attempt(question: Callable[..., Wrong | str | None], *arguments: Any) -> Wrong | str | None:
    """Ask a question, and return why there is no answer as a sentence.

    Parameters
    ----------
    question : callable
    *arguments

    Returns
    -------
    Wrong, str or None
    """
    try:
        return question(*arguments)
    except StudentError as error:
        return str(error)


def small(question: Callable, *arguments: Any) -> Small:
    """Return a question with fixed arguments.

    Parameters
    ----------
    question : callable
        Takes a student and the arguments.
    *arguments
    """
    return lambda student: question(student, *arguments)


def small_layer(function: str, *questions: tuple[tuple, Sequence[str]]) -> list[Small]:
    """Return questions about the activation of a layer.

    Parameters
    ----------
    function : str
    *questions : tuple
        The arguments of the layer, and the names of activations.

    Returns
    -------
    list of callable
    """
    return [small(applies_activation, function, arguments, names) for arguments, names in questions]


INPUTS_TITLE = "The inputs are not changed"
