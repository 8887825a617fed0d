"""What is asked and what it is worth: items, lines, checks and labs."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from autograder.student import Asked, Student

#: What the sentence begins with that says what was asked. It holds no other full stop than its last.
ASKED = "Asked: "


class StudentError(Exception):
    """The student's side gave no answer: it raised, hung, was missing or sent nonsense. The text is for the student."""


class UnknownLabError(Exception):
    """No lab of that name is registered. The text names those that are."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with an answer.

    Attributes
    ----------
    message : str
        What was asked, what came out, and what to do next.
    example : str
        A small input that shows it, as lines of a fixed width; empty where there is none.
    more : callable, optional
        Finds out more, by asking further questions, and returns a better account of the same problem. It decides about
        no point, so it waits until everything that does has been asked.
    """

    message: str
    example: str = ""
    more: Callable[[], Problem] | None = None


#: Looks at one thing and returns what is wrong with it, or None where it is right.
Question = Callable[["Student", np.random.Generator], "str | Problem | None"]


@dataclass(frozen=True)
class Item:
    """One judged line of a rubric.

    Attributes
    ----------
    check : str
        The ``grade_id`` of the check cell, for example ``check_conv2d_layer``.
    title : str
        What was asked.
    max_points : float
        What the line is worth.
    passed : bool
        Whether the answer was right.
    message : str
        What was asked, what is wrong and what to do next; empty where the line passed.
    example : str
        A small input that shows what is wrong, as lines of a fixed width; may be empty.
    """

    check: str
    title: str
    max_points: float
    passed: bool
    message: str = ""
    example: str = ""

    @property
    def points(self) -> float:
        """Points earned: all of the line's or none."""
        return self.max_points if self.passed else 0.0

    @property
    def reason(self) -> str:
        """The message without the sentence that says what was asked."""
        return without_asked(self.message)


def lost(asked: str, problem: str) -> Problem:
    """Return why a line earns nothing, in the two sentences that all checks use.

    Parameters
    ----------
    asked : str
        What was asked, without a full stop.
    problem : str
        What is wrong, and what to do.
    """
    return Problem(f"{ASKED}{asked}. {problem}")


def without_asked(message: str) -> str:
    """Return a message without the sentence that says what was asked."""
    return re.sub(rf"^{ASKED}[^.]*\. ", "", message)


@dataclass(frozen=True)
class Line:
    """One line of a rubric before anybody is asked: its key, title, points and question.

    Where it can only be judged while grading, ``later`` says so to whoever checks a notebook.
    """

    key: str
    title: str
    points: float
    question: Question
    later: str = ""


@dataclass(frozen=True)
class Check:
    """All lines that score one function, registered under the ``grade_id`` of the cell that they score.

    Attributes
    ----------
    function : str
        The student's function that is judged. The check cell's ``grade_id`` is ``check_<function>``.
    lines : tuple of Line
        The rubric. Every line is asked even where an earlier one failed.
    form : callable, optional
        Where all lines are judged ``later``: looks at the form of the answer alone, for whoever checks a notebook, and
        returns what is wrong with it, or None.
    """

    function: str
    lines: tuple[Line, ...]
    form: Callable[[Student], str | None] | None = None

    @property
    def grade_id(self) -> str:
        return f"check_{self.function}"

    @property
    def points(self) -> float:
        """The points of the check cell: the sum over the lines."""
        return float(sum(line.points for line in self.lines))

    def __call__(self, student: Student, rng: np.random.Generator) -> list[Item]:
        """Ask every line, each with a random generator of its own, and then find out more about what is wrong.

        Parameters
        ----------
        student : Student
            Answers the questions.
        rng : numpy.random.Generator
            Where the inputs of the questions are drawn from; the same state asks the same questions.

        Returns
        -------
        list of Item
            One per line, in the order of the rubric.
        """
        return self.items(self.explained(self.judge(student, rng)))

    def judge(self, student: Student, rng: np.random.Generator) -> list[Problem | None]:
        """Ask every line, as `__call__` does, and return what is wrong with each."""
        problems = []
        for line, line_rng in zip(self.lines, rng.spawn(len(self.lines)), strict=True):
            try:
                problem = line.question(student, line_rng)
            except StudentError as error:
                problem = str(error)
            problems.append(Problem(problem) if isinstance(problem, str) else problem)
        return problems

    def explained(self, problems: Iterable[Problem | None]) -> list[Problem | None]:
        """Return the same problems with what can be found out about them by asking more."""
        return [problem and (problem.more() if problem.more is not None else problem) for problem in problems]

    def items(self, problems: Sequence[Problem | None]) -> list[Item]:
        """Return the judged lines."""
        told = [problem or Problem("") for problem in problems]
        return [
            Item(self.grade_id, line.title, line.points, problem is None, one.message, one.example)
            for line, problem, one in zip(self.lines, problems, told, strict=True)
        ]

    def formed(self, student: Student) -> Item:
        """Return whether an answer is right in form, as an item that is worth nothing."""
        try:
            problem = self.form(student)
        except StudentError as error:
            problem = str(error)
        return Item(self.grade_id, "Form of the answer", 0.0, problem is None, problem or "")

    def failed(self, message: str) -> list[Item]:
        """Return every line as not passed, for one reason that holds for all of them."""
        return [Item(self.grade_id, line.title, line.points, False, message) for line in self.lines]


@dataclass(frozen=True)
class Lab:
    """One lab's rubric.

    Attributes
    ----------
    name : str
        Its folder under ``assignments/``, for example ``lab1``.
    title : str
        What a person calls it.
    checks : tuple of Check
        In the order of the notebook.
    manual : dict of str to float
        Points of the cells that a person grades, by ``grade_id``.
    forbidden : tuple of str
        Top-level packages that an answer must not call instead of computing.
    prepare : callable, optional
        Asks the course for what is measured once, before any student's code runs.
    timed : tuple of str
        Functions of the course that are asked for the time they take. They need no package of ``forbidden``.
    material : callable, optional
        Takes the course's folder and the seed of the questions, and returns by name what is needed for grading alone:
        arrays, numbers and text. Raises a `UserError` where it is missing.
    """

    name: str
    title: str
    checks: tuple[Check, ...]
    manual: dict[str, float]
    forbidden: tuple[str, ...] = ()
    prepare: Callable[[Asked], None] | None = None
    timed: tuple[str, ...] = ()
    material: Callable[[Path, int], Mapping[str, Any]] | None = None

    @property
    def points(self) -> float:
        """The automatic points of the lab."""
        return float(sum(check.points for check in self.checks))

    def check(self, grade_id: str) -> Check | None:
        """Return the check that scores the cell ``grade_id``, or None."""
        return next((check for check in self.checks if check.grade_id == grade_id), None)


@dataclass(frozen=True)
class Mutant:
    """A known fault: the reference with one thing wrong.

    Attributes
    ----------
    id : str
        Its name, unique in the lab, without ``+``.
    function : str
        The student's function that has the fault.
    answer : callable
        Answers as a student's function with this fault does.
    loses : frozenset of str
        Keys of the lines that the fault costs, and no others.
    hint : str
        What the fault looks like and what to do, without the code that does it.
    part : str
        What of the answer the fault is about. Of the faults about one part, nobody makes two at once.
    fault : callable, optional
        Takes an implementation of the function and returns one that has the fault as well. Without it, the fault is
        never looked for together with another.
    """

    id: str
    function: str
    answer: Callable[..., object]
    loses: frozenset[str]
    hint: str
    part: str = ""
    fault: Callable[[Callable[..., object]], Callable[..., object]] | None = None


def known_answers(
    mutants: Iterable[Mutant], right: Callable[..., object], arguments: Sequence
) -> dict[str, tuple[Any, list[int]]]:
    """Return what the known faults of a function answer.

    Parameters
    ----------
    mutants : iterable of Mutant
        Of one function.
    right : callable
        The function without a fault.
    arguments : sequence
        What it is called with.

    Returns
    -------
    dict of str to tuple
        By `Mutant.id`, and by ``""`` for the right one: the answer, and the positions of the arguments that were
        changed in place. What raised is left out.
    """
    right = _remembering(right)
    answers = {"": right} | {m.id: m.fault(right) if m.fault is not None else m.answer for m in mutants}
    return {name: found for name, answer in answers.items() for found in _called(answer, arguments)}


def paired_answers(mutants: Iterable[Mutant], right: Callable[..., object], arguments: Sequence) -> dict[str, Any]:
    """Return what two known faults at once answer, where each by itself shows.

    Parameters
    ----------
    mutants, right, arguments
        As in `known_answers`.

    Returns
    -------
    dict of str to object
        By the two `Mutant.id` with a ``+`` between them, the fault that is put in last first. What raised is left out.
    """
    mutants, right = list(mutants), _remembering(right)
    alone = known_answers(mutants, right, arguments)
    expected = alone.get("", (None,))[0]
    shown = [m for m in mutants if m.fault is not None and m.id in alone and not _alike(alone[m.id][0], expected)]
    return {
        f"{last.id}+{first.id}": value
        for last, first in permutations(shown, 2)
        if last.part != first.part
        for value, _ in _called(last.fault(first.fault(right)), arguments)
    }


def _remembering(right: Callable[..., object]) -> Callable[..., object]:
    """Return the function with a memory: most faults need the same answer, and Keras takes its time."""
    answers: dict[bytes, Any] = {}

    def remembered(*asked: Any) -> Any:
        key = pickle.dumps(asked)
        if key not in answers:
            answers[key] = right(*asked)
        return copy.deepcopy(answers[key])

    return remembered


def _called(answer: Callable[..., object], arguments: Sequence) -> list[tuple[Any, list[int]]]:
    """Return an answer to copies of the arguments and which of these it changed; nothing where it raised."""
    own = copy.deepcopy(list(arguments))
    before = [pickle.dumps(argument) for argument in own]
    try:
        value = answer(*own)
    except Exception:
        return []
    return [(value, [k for k, argument in enumerate(own) if pickle.dumps(argument) != before[k]])]


def _alike(left: Any, right: Any) -> bool:
    try:
        return np.shape(left) == np.shape(right) and np.allclose(left, right, rtol=1e-4, atol=1e-5, equal_nan=True)
    except (TypeError, ValueError):
        return left is right


def lab_names() -> list[str]:
    """Return the names of all labs that have checks, sorted."""
    from autograder import checks

    return sorted(module.name for module in pkgutil.iter_modules(checks.__path__) if module.name.startswith("lab"))


def get_lab(name: str) -> Lab:
    """Return the lab ``name``, which the module ``autograder.checks.<name>`` defines as ``LAB``.

    Raises
    ------
    UnknownLabError
        If there is no such lab.
    """
    if name not in lab_names():
        raise UnknownLabError(f"There is no lab called {name!r}. Known labs: {', '.join(lab_names())}.")
    return importlib.import_module(f"autograder.checks.{name}").LAB
