"""Why a point was lost: what was asked, what came out, and the smallest input found that shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.checking import array_text, compare, hints
from autograder.checking.faults import Fault
from autograder.checking.hints import Wrong
from autograder.checking.problem import ASKED, Problem
from autograder.checking.student import Answer, Student, StudentError

#: How often a student is asked more for the sake of one lost line, and how many seconds that may take for all of them.
MOST_QUESTIONS, MOST_SECONDS = 12, 2.0
#: An answer with fewer numbers may be that of a fault by chance.
FEW_NUMBERS = 8
_SPENT = "seconds spent on reasons"

#: Looks at one thing and returns what is wrong with it, or None where it is right.
Question = Callable[[Student, np.random.Generator], "Wrong | Problem | str | None"]
#: Asks one small question and returns what is wrong with its answer.
Small = Callable[[Student], "Wrong | str | None"]


def _call_in_words(function: str, arguments: Sequence) -> str:
    shapes = [f"an array {list(one.shape)}" if isinstance(one, np.ndarray) else repr(one)[:40] for one in arguments]
    return f"call {function} with {', '.join(shapes) or 'no arguments'}"


def _no_excuse(student: Student, wrong: Wrong) -> str:
    return ""


def numbered_inputs(function: str, arguments: Sequence) -> list[tuple[str, Any]]:
    """Return all arguments of a function, numbered from 1.

    Parameters
    ----------
    function : str
    arguments : sequence

    Returns
    -------
    list of (str, object)
    """
    return [(f"input {k}", value) for k, value in enumerate(arguments, start=1)]


@dataclass(frozen=True)
class Wording:
    """What a lab knows about its functions beside the right answers.

    Attributes
    ----------
    faults : sequence of Fault
        The known faults.
    asked : callable
        Takes a function's name and arguments, and says in the terms of the lab what that asks for, without a full stop.
    excuse : callable
        Takes a student and a wrong answer. Where another function of the student is at fault, says so; else ``""``.
    inputs : callable
        Takes a function's name and arguments, and returns those that a person needs to see, each with its label.
    """

    faults: Sequence[Fault]
    asked: Callable[[str, Sequence], str] = _call_in_words
    excuse: Callable[[Student, Wrong], str] = _no_excuse
    inputs: Callable[[str, Sequence], Sequence[tuple[str, Any]]] = numbered_inputs

    def sentence(self, function: str, arguments: Sequence) -> str:
        """Return the sentence that says what was asked.

        Parameters
        ----------
        function : str
        arguments : sequence
        """
        return f"{ASKED}{self.asked(function, arguments)}."


class EnoughError(Exception):
    """No more may be asked for a reason. No point depends on it."""


class RecordingStudent:
    """A student, and what it was asked last."""

    def __init__(self, student: Student) -> None:
        self.student, self.oracle, self.notes = student, student.oracle, student.notes
        self.material, self.owner = student.material, student.owner
        self.fresh, self.read = student.fresh, student.read
        self.last: tuple[str, tuple] | None = None

    @property
    def alive(self) -> bool:
        return self.student.alive

    @property
    def files(self) -> Mapping[str, bytes]:
        # Read from the disk where the student is a notebook, so only for whom they matter.
        return self.student.files

    def ask(self, function: str, *args: Any) -> Answer:
        self.last = function, args
        return self.student.ask(function, *args)

    def call(self, function: str, *args: Any) -> Any:
        return self.ask(function, *args).value


class BudgetedStudent(RecordingStudent):
    """A student that is asked seldom, and never again once it died."""

    def __init__(self, student: Student) -> None:
        super().__init__(student)
        self.left = MOST_QUESTIONS

    def ask(self, function: str, *args: Any) -> Answer:
        if not self.alive or self.left <= 0 or self.notes.get(_SPENT, 0.0) > MOST_SECONDS:
            raise EnoughError
        self.left -= 1
        start = time.perf_counter()
        try:
            return super().ask(function, *args)
        finally:
            self.notes[_SPENT] = self.notes.get(_SPENT, 0.0) + time.perf_counter() - start


def find_problem(
    question: Question,
    student: Student,
    rng: np.random.Generator,
    wording: Wording | None = None,
    smaller: Sequence[Small] = (),
) -> Problem | None:
    """Ask one question and return what is wrong with the answer, or None.

    Parameters
    ----------
    question : callable
        Takes a student and a random generator, and returns a `Wrong`, a sentence, a `Problem`, or None where all is
        right. Where it raises a `StudentError`, there is no answer.
    student : Student
    rng : numpy.random.Generator
    wording : Wording, optional
        Of the lab. With it, the problem says what was asked, and later also why and where it shows.
    smaller : sequence of callable
        The same question with small inputs, the smallest first.

    Returns
    -------
    Problem or None
    """
    if wording is None:
        try:
            problem = question(student, rng)
        except StudentError as error:
            problem = str(error)
        return Problem(problem) if isinstance(problem, str) else problem
    recording = RecordingStudent(student)
    try:
        problem = question(recording, rng)
    except StudentError as error:
        problem = _raised(*recording.last, str(error)) or str(error)
    if isinstance(problem, Wrong):
        wrong = problem
        return Problem(_message(wording, wrong, ""), more=lambda: _explained(student, wrong, wording, tuple(smaller)))
    if isinstance(problem, str):
        return Problem(f"{wording.sentence(*recording.last)} {problem}")
    return problem


def _raised(function: str, arguments: tuple, error: str) -> Wrong | None:
    """Return the wrong answer of a function that raised; None where it gave none for another reason."""
    if not error.startswith(f"{function} stopped with "):
        return None
    return Wrong(function, arguments, None, error.removeprefix(f"{function} ").removesuffix("."), raised=True)


def _message(wording: Wording, wrong: Wrong, hint: str) -> str:
    kept = ", and leave the inputs as they are" if wrong.changed else ""
    sentence = f"{ASKED}{wording.asked(wrong.function, wrong.arguments)}{kept}."
    return f"{sentence} {wrong.function} {wrong.what}.{' ' * bool(hint)}{hint}"


def _explained(student: Student, wrong: Wrong, wording: Wording, smaller: Sequence[Small]) -> Problem:
    """Return what is wrong with the fault that fits and the smallest input found that shows it."""
    budgeted = BudgetedStudent(student)
    names: list[str] = []
    try:
        hint = wording.excuse(budgeted, wrong)
    except EnoughError:
        hint = ""
    names = [] if hint else hints.suspects(student.oracle, wrong)
    numbers = compare.array(wrong.view(wrong.got))
    by_chance = numbers is None or numbers.size < FEW_NUMBERS
    small, names = _smallest(budgeted, names, smaller, by_chance, wording)
    # Of no numbers at all no fault is expected.
    if not hint and (names or numbers is not None):
        hint = hints.hint_of(wording.faults, names)
    return Problem(_message(wording, small or wrong, hint), _example(small) if small else _place(wrong))


def _smallest(
    student: BudgetedStudent, names: list[str], smaller: Sequence[Small], by_chance: bool, wording: Wording
) -> tuple[Wrong | None, list[str]]:
    """Return the first small question with a wrong answer, and which of the suspected faults also give that one.

    Where no small answer is that of a suspected fault, it fitted by chance, and is not suspected any more. Where it may
    well have fitted ``by_chance``, all small answers must be those of the fault.
    """
    oracle, complete = student.oracle, True
    wrong: list[Wrong] = []
    for question in smaller:
        try:
            found = question(student)
        except StudentError as error:
            found = _raised(*student.last, str(error)) if student.last is not None else None
            found = found and _beside_the_right_one(student, found, wording)
        except EnoughError:
            complete = False
            break
        if isinstance(found, Wrong):
            wrong.append(found)
            # One that shows the suspected fault and no other is worth a few numbers more.
            if not names or any(hints.fits_alone(oracle, name, found) for name in names):
                break
    if by_chance:
        names = [name for name in names if all(hints.fits(oracle, name, one) for one in wrong)]
    fitting = [(one, [name for name in names if hints.fits(oracle, name, one)]) for one in wrong]
    fitting = [(one, some) for one, some in fitting if some]
    if alone := [(one, some) for one, some in fitting if any(hints.fits_alone(oracle, name, one) for name in some)]:
        return alone[0]
    if fitting:
        return fitting[0]
    if names and (not smaller or not complete):
        return None, names
    return wrong[0] if wrong else None, []


def _beside_the_right_one(student: Student, wrong: Wrong, wording: Wording) -> Wrong | None:
    """Return what raised with its inputs and the right answer beside it; None where that cannot be shown."""
    try:
        expected = student.oracle.call(wrong.function, *wrong.arguments)
    except StudentError:
        return None
    error = wrong.what.removeprefix("stopped with ").partition(":")[0]
    shown = (*wording.inputs(wrong.function, wrong.arguments), ("expected", expected), (array_text.YOURS, error))
    return replace(wrong, shown=shown)


def _example(wrong: Wrong) -> str:
    return array_text.side_by_side(wrong.shown) or array_text.side_by_side(wrong.shown[-2:]) or _place(wrong)


def _place(wrong: Wrong) -> str:
    return array_text.place(wrong.expected, wrong.compared)
