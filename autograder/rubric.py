"""What is asked and what it is worth: items, lines, checks and labs."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from autograder.student import Asked, Student

#: Looks at one thing and returns what is wrong with it in one sentence, or None where it is right.
Question = Callable[["Student", np.random.Generator], str | None]


class StudentError(Exception):
    """The student's side gave no answer: it raised, hung, was missing or sent nonsense. The text is for the student."""


class UnknownLabError(Exception):
    """No lab of that name is registered. The text names those that are."""


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
        What is wrong and what to do next; empty where the line passed.
    """

    check: str
    title: str
    max_points: float
    passed: bool
    message: str = ""

    @property
    def points(self) -> float:
        """Points earned: all of the line's or none."""
        return self.max_points if self.passed else 0.0


@dataclass(frozen=True)
class Line:
    """One line of a rubric before anybody is asked: its key, title, points and question."""

    key: str
    title: str
    points: float
    question: Question


@dataclass(frozen=True)
class Check:
    """All lines that score one function, registered under the ``grade_id`` of the cell that they score.

    Attributes
    ----------
    function : str
        The student's function that is judged. The check cell's ``grade_id`` is ``check_<function>``.
    lines : tuple of Line
        The rubric. Every line is asked even where an earlier one failed.
    """

    function: str
    lines: tuple[Line, ...]

    @property
    def grade_id(self) -> str:
        return f"check_{self.function}"

    @property
    def points(self) -> float:
        """The points of the check cell: the sum over the lines."""
        return float(sum(line.points for line in self.lines))

    def __call__(self, student: Student, rng: np.random.Generator) -> list[Item]:
        """Ask every line, each with a random generator of its own.

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
        items = []
        for line, line_rng in zip(self.lines, rng.spawn(len(self.lines)), strict=True):
            try:
                problem = line.question(student, line_rng)
            except StudentError as error:
                problem = str(error)
            items.append(Item(self.grade_id, line.title, line.points, problem is None, problem or ""))
        return items

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
    """

    name: str
    title: str
    checks: tuple[Check, ...]
    manual: dict[str, float]
    forbidden: tuple[str, ...] = ()
    prepare: Callable[[Asked], None] | None = None
    timed: tuple[str, ...] = ()

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
        Its name, unique in the lab.
    function : str
        The student's function that has the fault.
    answer : callable
        Answers as a student's function with this fault does.
    loses : frozenset of str
        Keys of the lines that the fault costs, and no others.
    hint : str
        What the fault looks like and what to do, without the code that does it.
    """

    id: str
    function: str
    answer: Callable[..., object]
    loses: frozenset[str]
    hint: str


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
