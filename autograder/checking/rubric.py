"""What is asked and what it is worth: items, lines and checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.checking.problem import Problem, without_asked
from autograder.checking.reasons import Question, Small, Wording, find_problem
from autograder.checking.student import Student, StudentError


@dataclass(frozen=True)
class Item:
    """One line of a verdict.

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


@dataclass(frozen=True)
class Line:
    """One line of a rubric before anybody is asked.

    Attributes
    ----------
    key : str
        Its name, unique in the check.
    title : str
        What is asked, for the student.
    points : float
        What it is worth.
    question : callable
        Takes a student and a random generator, and returns what is wrong, or None.
    smaller : tuple of callable
        The same question with small inputs, the smallest first. They are asked only where the line is lost, and are
        the same for everyone: what they show is no input that is scored.
    later : str
        Where the line can only be asked while grading: says so, and why, to whoever checks a notebook.
    """

    key: str
    title: str
    points: float
    question: Question
    smaller: Sequence[Small] = ()
    later: str = ""


@dataclass(frozen=True)
class Check:
    """All lines that score one function, registered under the ``grade_id`` of the cell that they score.

    Attributes
    ----------
    function : str
        The student's function that is asked. The check cell's ``grade_id`` is ``check_<function>``.
    lines : tuple of Line
        The rubric. Every line is asked even where an earlier one failed.
    form : callable, optional
        Where all lines are asked ``later``: looks at the form of the answer alone, for whoever checks a notebook, and
        returns what is wrong with it, or None.
    wording : Wording, optional
        What the lab knows about its functions, so that a lost line says more than that it is lost: what was asked,
        which known fault fits, and the smallest input that shows it.
    """

    function: str
    lines: tuple[Line, ...]
    form: Callable[[Student], str | None] | None = None
    wording: Wording | None = None

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
        """Ask every line, as `__call__` does, and return what is wrong with each.

        Parameters
        ----------
        student : Student
        rng : numpy.random.Generator

        Returns
        -------
        list of Problem or None
            One per line, None where the answer is right.
        """
        rngs = rng.spawn(len(self.lines))
        return [
            find_problem(line.question, student, line_rng, self.wording, line.smaller)
            for line, line_rng in zip(self.lines, rngs, strict=True)
        ]

    def explained(self, problems: Iterable[Problem | None]) -> list[Problem | None]:
        """Return the same problems with what can be found out about them by asking more."""
        return [problem and (problem.more() if problem.more is not None else problem) for problem in problems]

    def items(self, problems: Sequence[Problem | None]) -> list[Item]:
        """Return the items of a verdict."""
        shown = [problem or Problem("") for problem in problems]
        return [
            Item(self.grade_id, line.title, line.points, problem is None, one.message, one.example)
            for line, problem, one in zip(self.lines, problems, shown, strict=True)
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
