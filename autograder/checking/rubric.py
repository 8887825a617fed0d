"""What is asked and what it is worth: items, lines and checks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograder.checking.problem import Problem, without_asked
from autograder.checking.reasons import Question, Small, Wording, find_problem
from autograder.checking.student import Student, StudentError
from source_lib.text import shorten

#: Under this name, with the function's after it, a check leaves in a student's notes which lines are passed so far.
_DECIDED = "lines decided of "


def decided(student: Student, function: str) -> dict[str, bool]:
    """Return which lines of a check are passed, of those that are decided already.

    Parameters
    ----------
    student : Student
    function : str

    Returns
    -------
    dict of str to bool
        By the keys of the lines, in their order.
    """
    return student.notes.setdefault(_DECIDED + function, {})


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
    core : callable, optional
        A question like ``question``, about the least that the function must do at all. It is asked where the line is
        lost. Where it fails too, no other line of the check is paid: without its core a function has nothing to add to.
    """

    key: str
    title: str
    points: float
    question: Question
    smaller: Sequence[Small] = ()
    later: str = ""
    core: Question | None = None


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
        passed = student.notes[_DECIDED + self.function] = {}
        problems: list[Problem | None] = []
        for line, line_rng in zip(self.lines, rngs, strict=True):
            problems.append(find_problem(line.question, student, line_rng, self.wording, line.smaller))
            passed[line.key] = problems[-1] is None
        for position, (line, line_rng) in enumerate(zip(self.lines, rngs, strict=True)):
            problem = problems[position]
            if problem is None or line.core is None or find_problem(line.core, student, line_rng) is None:
                continue
            # Found out once, however many lines wait.
            problem = problems[position] = replace(problem, more=problem.more and functools.cache(problem.more))
            problems = [one or _waiting(line, problem) for one in problems]
        return problems

    def explained(self, problems: Iterable[Problem | None]) -> list[Problem | None]:
        """Return the same problems with what can be found out about them by asking more."""
        return [problem and (problem.more() if problem.more is not None else problem) for problem in problems]

    def items(self, problems: Sequence[Problem | None]) -> list[Item]:
        """Return the items of a verdict."""
        shown = [problem or Problem("") for problem in problems]
        if self.wording is None:
            shown = _said_once(self.lines, shown)
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


#: A reason with so many characters is not read twice.
_LONG = 40


def _said_once(lines: Sequence[Line], problems: Sequence[Problem]) -> list[Problem]:
    """Return problems of which each says its reason, or the line that has said the same before."""
    first: dict[str, str] = {}
    found = []
    for line, problem in zip(lines, problems, strict=True):
        reason = without_asked(problem.message)
        title = first.setdefault(reason, line.title)
        if title != line.title and len(reason) > _LONG:
            asked = problem.message.removesuffix(reason)
            problem = replace(problem, message=f"{asked}The reason is the same as for “{shorten(title, 60)}”.")
        found.append(problem)
    return found


def _waiting(line: Line, problem: Problem) -> Problem:
    """Return why no other line is paid yet: ``problem`` of the line that holds the core of the function."""

    def said(one: Problem) -> Problem:
        reason = without_asked(one.message)
        asked = one.message.removesuffix(reason)
        return replace(one, message=f"{asked}All other lines wait for “{line.title}”. {reason}", more=None)

    more = problem.more
    return replace(said(problem), more=None if more is None else lambda: said(more()))
