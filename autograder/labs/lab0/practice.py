"""Practice: the same questions about numbers that are nobody's, with the whole verdict."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

from autograder.checking.practice import PracticeRound
from autograder.checking.student import NotebookStudent, StudentError
from autograder.labs.lab0.checks import PARTS, Part, asked_parts, line_problems
from autograder.sandbox import wire
from source_lib import exercises
from source_lib.exercises import Exercise

#: Under this name the notebook keeps its exercise. An answer that is computed follows from it.
EXERCISE = "exercise"


def practice(function: str, seed: int, functions: MutableMapping[str, Any], answer: Any) -> PracticeRound:
    """Return a round of practice.

    Parameters
    ----------
    function : str
    seed : int
    functions : mutable mapping of str to object
        The notebook's ``globals()``. Where no ``answer`` is given, its function is asked with the exercise to practice
        with in place of its own; what does not change with that is no answer to it.
    answer : object
        None where there is none yet.

    Returns
    -------
    PracticeRound
    """
    (part,) = (part for part in PARTS if part.function == function)
    given = exercises.draw_practice(seed)
    shown = "\n\n".join(map(given.about, part.about))
    if answer is None:
        answer = _computed(part, seed, functions)
    if answer is None:
        return PracticeRound(shown, None, (_to_do(part, seed),))
    values, answers = asked_parts(NotebookStudent({function: lambda: answer}), (part,))
    return PracticeRound(
        shown, list(line_problems(part, given, values, answers).values()), (f"How it is worked out: {part.working}",)
    )


def _to_do(part: Part, seed: int) -> str:
    empty = np.full(part.shape, None).tolist()
    call = f'check("{part.function}", practice={seed}, answer={empty})'
    return f"To do: {part.asked}. Work it out, and run {call} with your numbers in place of None."


def _computed(part: Part, seed: int, functions: MutableMapping[str, Any]) -> Any:
    """Return what the notebook's function makes of an exercise; None where it does not depend on it."""
    try:
        found = [_asked_with(exercises.draw_practice(other), part, functions) for other in (seed, seed + 1)]
    except StudentError:
        return None
    return None if wire.same(*found) else found[0]


def _asked_with(exercise: Exercise, part: Part, functions: MutableMapping[str, Any]) -> Any:
    with _exercise(functions, exercise):
        return NotebookStudent(functions).call(part.function)


@contextlib.contextmanager
def _exercise(functions: MutableMapping[str, Any], exercise: Exercise) -> Iterator[None]:
    """Put an exercise into the place of the notebook's own for a while."""
    own = EXERCISE in functions
    kept = functions.get(EXERCISE)
    functions[EXERCISE] = exercise
    try:
        yield
    finally:
        if own:
            functions[EXERCISE] = kept
        else:
            del functions[EXERCISE]
