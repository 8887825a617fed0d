"""Why a point was lost: what was asked, what came out, and the smallest input found that shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder import hints
from autograder.checks import compare, show
from autograder.hints import Wrong
from autograder.rubric import ASKED, Mutant, Problem, Question, StudentError
from autograder.student import Answer, Student

#: How often a student is asked more for the sake of one lost line, and how many seconds that may take for all of them.
MOST_QUESTIONS, MOST_SECONDS = 12, 2.0
#: An answer with fewer numbers may be that of a fault by chance.
FEW_NUMBERS = 8
_SPENT = "seconds spent on reasons"

#: Asks one small question and returns what is wrong with its answer.
Small = Callable[[Student], "Wrong | str | None"]


@dataclass(frozen=True)
class Telling:
    """What a lab knows about its functions beside the right answers.

    Attributes
    ----------
    mutants : sequence of Mutant
        The known faults.
    asked : callable
        Takes a function's name and arguments, and says in the terms of the lab what that asks for, without a full stop.
    excuse : callable
        Takes a student and a wrong answer. Where another function of the student is at fault, says so; else ``""``.
    """

    mutants: Sequence[Mutant]
    asked: Callable[[str, Sequence], str]
    excuse: Callable[[Student, Wrong], str] = lambda student, wrong: ""

    def sentence(self, function: str, arguments: Sequence) -> str:
        """Return the sentence that says what was asked."""
        return f"{ASKED}{self.asked(function, arguments)}."


class EnoughError(Exception):
    """No more may be asked for a reason. No point depends on it."""


class Listening:
    """A student, and what it was asked last."""

    def __init__(self, student: Student) -> None:
        self.student, self.course, self.notes = student, student.course, student.notes
        self.material, self.owner, self.fresh = student.material, student.owner, student.fresh
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


class _Sparing(Listening):
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


def reasoned(question: Callable[..., Any], telling: Telling, smaller: Iterable[Small] = ()) -> Question:
    """Return a rubric's question whose problems say what was asked, and later also why and where it shows.

    Parameters
    ----------
    question : callable
        Takes a student and a random generator, and returns a `Wrong`, a sentence, a `Problem`, or None where all is
        right.
    telling : Telling
        Of the lab.
    smaller : iterable of callable
        The same question with small inputs, the smallest first. They are asked only where the line is lost, and are
        the same for everyone: what they show is no input that is scored.

    Returns
    -------
    callable
    """
    smaller = tuple(smaller)

    def asked(student: Student, rng: Any) -> Problem | None:
        listening = Listening(student)
        try:
            problem = question(listening, rng)
        except StudentError as error:
            problem = str(error)
        if isinstance(problem, str):
            return Problem(f"{telling.sentence(*listening.last)} {problem}")
        if isinstance(problem, Wrong):
            wrong = problem
            plain = _message(telling, wrong, "")
            return Problem(plain, more=lambda: _explained(student, wrong, telling, smaller))
        return problem

    return asked


def _message(telling: Telling, wrong: Wrong, hint: str) -> str:
    kept = ", and leave the inputs as they are" if wrong.changed else ""
    sentence = f"{ASKED}{telling.asked(wrong.function, wrong.arguments)}{kept}."
    return f"{sentence} {wrong.function} {wrong.what}.{' ' * bool(hint)}{hint}"


def _explained(student: Student, wrong: Wrong, telling: Telling, smaller: Sequence[Small]) -> Problem:
    """Return what is wrong with the fault that fits and the smallest input found that shows it."""
    sparing = _Sparing(student)
    names: list[str] = []
    try:
        hint = telling.excuse(sparing, wrong)
    except EnoughError:
        hint = ""
    names = [] if hint else hints.suspects(student.course, wrong)
    numbers = compare.array(wrong.view(wrong.got))
    by_chance = numbers is None or numbers.size < FEW_NUMBERS
    small, names = _smallest(sparing, names, smaller, by_chance)
    # Of no numbers at all no fault is expected.
    if not hint and (names or numbers is not None):
        hint = hints.told(telling.mutants, names)
    return Problem(_message(telling, small or wrong, hint), _example(small) if small else _place(wrong))


def _smallest(
    student: Student, names: list[str], smaller: Sequence[Small], by_chance: bool
) -> tuple[Wrong | None, list[str]]:
    """Return the first small question with a wrong answer, and which of the suspected faults also give that one.

    Where no small answer is that of a suspected fault, it fitted by chance, and is not suspected any more. Where it may
    well have fitted ``by_chance``, all small answers must be those of the fault.
    """
    course, complete = student.course, True
    wrong: list[Wrong] = []
    for question in smaller:
        try:
            found = question(student)
        except StudentError:
            continue
        except EnoughError:
            complete = False
            break
        if isinstance(found, Wrong):
            wrong.append(found)
            # One that shows the suspected fault and no other is worth a few numbers more.
            if not names or any(hints.fits_alone(course, name, found) for name in names):
                break
    if by_chance:
        names = [name for name in names if all(hints.fits(course, name, one) for one in wrong)]
    fitting = [(one, [name for name in names if hints.fits(course, name, one)]) for one in wrong]
    fitting = [(one, some) for one, some in fitting if some]
    if alone := [(one, some) for one, some in fitting if any(hints.fits_alone(course, name, one) for name in some)]:
        return alone[0]
    if fitting:
        return fitting[0]
    if names and (not smaller or not complete):
        return None, names
    return wrong[0] if wrong else None, []


def _example(wrong: Wrong) -> str:
    return show.side_by_side(wrong.shown) or show.side_by_side(wrong.shown[-2:]) or _place(wrong)


def _place(wrong: Wrong) -> str:
    return show.place(wrong.expected, wrong.compared)
