"""Why a point was lost: what was asked, what came out, and the smallest input found that shows it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.checking import array_text, compare, error_texts, hints
from autograder.checking.faults import Fault, id_of
from autograder.checking.hints import Asked, Wrong
from autograder.checking.problem import ASKED, Problem
from autograder.checking.student import Answer, Answers, Student, StudentError

#: How often a student is asked more for the sake of one lost line, and how many seconds that may take for all of them.
MOST_QUESTIONS, MOST_SECONDS = 12, 2.0
#: How many of many answers, right and wrong, are compared with each of several faults that fit.
TELLING = 16
#: How many answers are looked at for a fault that fits, the largest first.
LOOKED_AT = 4
#: An answer with fewer numbers may be that of a fault by chance.
FEW_NUMBERS = 8
_SPENT = "seconds spent on reasons"
_NAMED = "faults that were named"

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
    """A student, what it was asked last, and what became of each question."""

    def __init__(self, student: Student) -> None:
        self.student, self.oracle, self.notes = student, student.oracle, student.notes
        self.material, self.owner = student.material, student.owner
        self.fresh, self.read = student.fresh, student.read
        self.last: tuple[str, tuple] | None = None
        self.answers: list[Asked] = []
        self.errors: dict[str, tuple[str, tuple]] = {}

    @property
    def alive(self) -> bool:
        return self.student.alive

    @property
    def files(self) -> Mapping[str, bytes]:
        # Read from the disk where the student is a notebook, so only for whom they matter.
        return self.student.files

    def ask(self, function: str, *args: Any) -> Answer:
        self.last = function, args
        try:
            answer = self.student.ask(function, *args)
        except StudentError as error:
            self.answers.append(Asked(function, args, raised=True))
            self.errors[str(error)] = function, args
            raise
        self.answers.append(Asked(function, args, answer.value))
        return answer

    def ask_all(self, function: str, questions: Sequence[tuple]) -> Answers:
        self.last = function, questions[0]
        return self.student.ask_all(function, questions)

    def call(self, function: str, *args: Any) -> Any:
        return self.ask(function, *args).value


class BudgetedStudent(RecordingStudent):
    """A student that is asked seldom, and never again once it died."""

    def __init__(self, student: Student) -> None:
        super().__init__(student)
        self.left, self.spent = MOST_QUESTIONS, False
        self.many: list[Asked] = []

    def ask(self, function: str, *args: Any) -> Answer:
        with self._spending():
            return super().ask(function, *args)

    def ask_all(self, function: str, questions: Sequence[tuple]) -> Answers:
        with self._spending():
            answers = super().ask_all(function, questions)
        # They come the smallest first. What tells faults apart is asked of each, so no more than some.
        some = range(0, 3 * len(questions) // 4, max(len(questions) // TELLING, 1))
        self.many = [
            Asked(function, questions[k], raised=True)
            if isinstance(answers[k], StudentError)
            else Asked(function, questions[k], answers[k].value)
            for k in some
        ]
        return answers

    @contextlib.contextmanager
    def _spending(self) -> Iterator[None]:
        if not self.alive or self.left <= 0 or self.notes.get(_SPENT, 0.0) > MOST_SECONDS:
            self.spent = True
            raise EnoughError
        self.left -= 1
        start = time.perf_counter()
        try:
            yield
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
        problem = str(error)
    if isinstance(problem, str):
        problem = _raised(recording, problem) or problem
    if isinstance(problem, Wrong):
        wrong = problem
        answered = recording.answers[:TELLING]
        return Problem(
            _message(wording, wrong, ""), more=lambda: _explained(student, wrong, wording, tuple(smaller), answered)
        )
    if isinstance(problem, str):
        message = f"{wording.sentence(*recording.last)} {problem}"
        answered = [one for one in recording.answers if one.function == recording.last[0]]
        return Problem(message, more=lambda: _recognized(student, message, answered, wording))
    if problem is not None and " stopped with " in problem.message:
        return replace(problem, message=f"{problem.message} {error_texts.meaning(problem.message)}")
    return problem


def _raised(recording: RecordingStudent, error: str) -> Wrong | None:
    """Return the wrong answer of a function that raised; None where it gave none for another reason."""
    function, arguments = recording.errors.get(error, ("", ()))
    if not function or not error.startswith(f"{function} stopped with "):
        return None
    return Wrong(function, arguments, None, error.removeprefix(f"{function} ").removesuffix("."), raised=True)


def _recognized(student: Student, message: str, answers: Sequence[Asked], wording: Wording) -> Problem:
    """Return a problem that is no wrong answer by itself, with the fault that fits the largest that was looked at."""
    telling = [one for one in answers if not one.raised and one.value is not None and not _by_chance(one.value)]
    if not telling:
        return Problem(message)
    largest = sorted(telling, key=lambda one: np.size(compare.array(one.value)))[::-1]
    try:
        for asked in largest[:LOOKED_AT]:
            wrong = Wrong(asked.function, asked.arguments, asked.value, "")
            if wording.excuse(BudgetedStudent(student), wrong):
                return Problem(message)
            # Where an answer is right, as zeros may be, another one tells.
            names = hints.suspects(student.oracle, wrong, together=False)
            if names:
                break
        if len(names) > 1:
            names = hints.consistent(student.oracle, wrong.function, names, telling[:TELLING])
    except (EnoughError, StudentError):
        return Problem(message)
    return Problem(f"{message} {hints.hint_of(wording.faults, names)}" if len(names) == 1 else message)


def _message(wording: Wording, wrong: Wrong, hint: str) -> str:
    kept = ", and leave the inputs as they are" if wrong.changed else ""
    sentence = f"{ASKED}{wording.asked(wrong.function, wrong.arguments)}{kept}."
    return f"{sentence} {wrong.function} {wrong.what}.{' ' * bool(hint)}{hint}"


def _by_chance(value: Any) -> bool:
    """Return whether an answer is so few numbers that a fault may give them by chance."""
    numbers = compare.array(value)
    return numbers is not None and numbers.size < FEW_NUMBERS


def _explained(
    student: Student, wrong: Wrong, wording: Wording, smaller: Sequence[Small], answered: Sequence[Asked]
) -> Problem:
    """Return what is wrong with the fault that fits and the smallest input found that shows it."""
    budgeted = BudgetedStudent(student)
    if wrong.raised:
        return _error_explained(budgeted, wrong, wording, smaller)
    try:
        hint = wording.excuse(budgeted, wrong)
    except EnoughError:
        hint = ""
    names = [] if hint else hints.suspects(student.oracle, wrong)
    numbers = compare.array(wrong.view(wrong.got))
    by_chance = numbers is None or numbers.size < FEW_NUMBERS
    small, names = _smallest(budgeted, names, smaller, by_chance, wording)
    if len(names) > 1 or (by_chance and small is None):
        telling = hints.consistent(student.oracle, wrong.function, names, budgeted.answers)
        names = telling if by_chance and small is None else telling or names
    for told in (budgeted.many, answered):
        if len(names) > 1:
            names = hints.consistent(student.oracle, wrong.function, names, told) or names
    names = _chosen(student, wrong, names)
    # Of no numbers at all no fault is expected.
    if not hint and (names or numbers is not None or wrong.changed):
        other = not names and student.notes[_NAMED][wrong.function]
        otherwise = hints.WORK_ON_A_COPY if wrong.changed else hints.FIX_THE_OTHER_FIRST if other else wrong.otherwise
        hint = hints.hint_of(wording.faults, names, otherwise)
    return Problem(_message(wording, small or wrong, hint), _example(small) if small else _place(wrong))


def _error_explained(student: BudgetedStudent, wrong: Wrong, wording: Wording, smaller: Sequence[Small]) -> Problem:
    """Return why a function raised, with the smallest input found that stops it or has a wrong answer."""
    inner = wrong.what.partition(" (in ")[2].partition(", line ")[0]
    if inner and inner != wrong.function and inner in {fault.function for fault in wording.faults}:
        hint = f"It stops inside {inner}, which {wrong.function} calls: fix {inner} first."
        return Problem(_message(wording, wrong, hint))
    found = [one for question in smaller if (one := _asked_small(student, question, wording)) is not None]
    told = any(one.function == wrong.function for one in student.answers)
    suspects = hints.suspects_of_error(student.oracle, wrong, [*student.answers, *student.many])
    names = _chosen(student, wrong, suspects, told)
    small = next(iter(found), wrong)
    hint = hints.hint_of(wording.faults, names) if len(names) == 1 else error_texts.meaning(wrong.what)
    if not small.raised:
        hint = f"Elsewhere it {wrong.what}. {hint}"
    return Problem(_message(wording, small, hint), _example(small) if small.shown else "")


def _chosen(student: Student, wrong: Wrong, names: Sequence[str], told: bool = True) -> list[str]:
    """Return the likeliest of the suspected faults, and note it for the lines that follow.

    Where nothing but an error is ``told``, only one that was named before is.
    """
    before = student.notes.setdefault(_NAMED, {}).setdefault(wrong.function, set())
    names = hints.likeliest([name for name in names if told or id_of(name) in before], before)
    if len(names) == 1:
        before.add(id_of(names[0]))
    return names


def _asked_small(student: BudgetedStudent, question: Small, wording: Wording) -> Wrong | None:
    """Ask a small question and return what is wrong with its answer, where that can be shown."""
    try:
        found = question(student)
    except StudentError as error:
        found = str(error)
    except EnoughError:
        return None
    if isinstance(found, str):
        found = _raised(student, found)
        return found and _beside_the_right_one(student, found, wording)
    return found if isinstance(found, Wrong) else None


def _smallest(
    student: BudgetedStudent, names: list[str], smaller: Sequence[Small], by_chance: bool, wording: Wording
) -> tuple[Wrong | None, list[str]]:
    """Return the first small question with a wrong answer, and which of the suspected faults also give that one.

    Where no small answer is that of a suspected fault, it fitted by chance, and is not suspected anymore. Where it may
    well have fitted ``by_chance``, all small answers must be those of the fault.
    """
    oracle, complete = student.oracle, True
    wrong: list[Wrong] = []
    for question in smaller:
        found = _asked_small(student, question, wording)
        if student.spent:
            complete = False
            break
        if found is not None:
            wrong.append(found)
            # One that shows the suspected fault and no other is worth a few numbers more.
            if not names or any(hints.fits_alone(oracle, name, found) for name in names):
                break
    if by_chance:
        names = [name for name in names if all(hints.fits(oracle, name, one) for one in wrong)]
    fitting = [(one, [name for name in names if hints.fits(oracle, name, one)]) for one in wrong]
    fitting = [(one, some) for one, some in fitting if some]
    if fitting:
        # One that can be printed, rather than one that shows no other fault.
        alone = [any(hints.fits_alone(oracle, name, one) for name in some) for one, some in fitting]
        printed = [array_text.side_by_side(one.shown) != "" for one, _ in fitting]
        return fitting[max(range(len(fitting)), key=lambda k: (printed[k], alone[k]))]
    # Many numbers are no chance: where the function differs from the fault in what is small, it is named all the same.
    if names and (not by_chance or not smaller or not complete):
        return None, names
    # Where all small answers are right, those of the fault may be as well.
    return (wrong[0], []) if wrong else (None, names)


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
    return array_text.place(wrong.expected, wrong.compared, wrong.named)
