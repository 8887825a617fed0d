"""Notebook in, verdict out: run a submission beside the course's answers and grade it item by item."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from nbformat.notebooknode import NotebookNode

from autograder.checking import forbidden_use
from autograder.checking.lab import Lab
from autograder.checking.problem import Problem
from autograder.checking.rubric import Check, Item
from autograder.checking.student import FLAGS
from autograder.errors import in_short
from autograder.grading.course_oracle import CourseOracle
from autograder.grading.makers import Makers
from autograder.grading.student import SandboxStudent, Timeouts
from autograder.sandbox.launch import SandboxError
from autograder.sandbox.pool import JobEndedError, JobTimeoutError, Sandbox
from autograder.submissions import cells, reader
from autograder.submissions.absent import explained
from autograder.submissions.cell_run import CellRun
from autograder.submissions.choosing import misfit
from autograder.submissions.reader import StoppedError
from autograder.submissions.sanitize import printable, without_links
from autograder.submissions.submission import Submission
from source_lib.text import visible

_NO_MODULE = re.compile(r"No module named '([\w.]{1,60})'")
#: How long an answer may take that is only asked for to show what is wrong.
REASON_SECONDS = 2.0
UNJUDGED = "This could not be judged automatically; a person will look at it."


@dataclass(frozen=True)
class Verdict:
    """What grading one submission found.

    Attributes
    ----------
    items : list of Item
        Every line of the lab's rubric, asked.
    flags : list of str
        Why a person must look; empty where nobody has to.
    ran : dict of int to CellRun
        What each cell did, by its position in the restored notebook.
    isolation : str
        ``"bubblewrap"`` or ``"process"``.
    seconds : float
        Wall time.
    """

    items: list[Item]
    flags: list[str] = field(default_factory=list)
    ran: dict[int, CellRun] = field(default_factory=dict)
    isolation: str = "bubblewrap"
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """``"graded"``, or ``"flagged"`` where a person must look."""
        return "flagged" if self.flags else "graded"

    @property
    def points(self) -> float:
        """Points earned over all automatic items."""
        return float(sum(item.points for item in self.items))

    @property
    def max_points(self) -> float:
        """Points possible over all automatic items."""
        return float(sum(item.max_points for item in self.items))

    def of_check(self, grade_id: str) -> list[Item]:
        """Return the items of one check cell."""
        return [item for item in self.items if item.check == grade_id]


@dataclass(frozen=True)
class Conditions:
    """What is the same for all submissions of a class.

    Attributes
    ----------
    seed : int
        Of the questions; the same seed asks everyone the same.
    roles : mapping of str to Role
        What the release says of each cell.
    timeouts : Timeouts
        How long to wait.
    material : mapping
        What the lab brings for grading alone.
    """

    seed: int
    roles: Mapping[str, cells.Role] = field(default_factory=dict)
    timeouts: Timeouts = Timeouts()
    material: Mapping[str, Any] = field(default_factory=dict)


def grade_submission(submission: Submission, conditions: Conditions, sandbox: Sandbox, oracle: CourseOracle) -> Verdict:
    """Return the verdict of `grade`; where that fails, one that calls a person: it must never end a whole class.

    Parameters
    ----------
    submission : Submission
    conditions : Conditions
    sandbox : Sandbox
        Where it runs.
    oracle : CourseOracle
        Of the lab.

    Returns
    -------
    Verdict
    """
    lab = oracle.lab
    try:
        notebook = reader.call(cells.parse, submission.content, f"{lab.name}.ipynb")
        doubt = misfit(notebook, lab.wanted)
        notes = (*cells.restore(notebook, conditions.roles), *submission.notes)
    except cells.UnreadableNotebookError as error:
        return unreadable(lab, str(error), sandbox.isolation)
    except StoppedError as error:
        return unreadable(lab, f"{lab.name}.ipynb {error}. {cells.SMALLER}", sandbox.isolation)
    except Exception as error:
        return unreadable(lab, f"This submission could not be read ({in_short(error)}).", sandbox.isolation)
    try:
        verdict = grade(notebook, lab, sandbox, oracle, conditions, replace(submission, notes=notes))
    except Exception as error:
        return unreadable(lab, f"This submission could not be graded ({in_short(error)}).", sandbox.isolation)
    # Whoever wrote the lab's functions into a notebook of their own is paid for them, and calls nobody.
    return replace(verdict, flags=[*verdict.flags, _sentence(doubt)]) if doubt and not verdict.points else verdict


def grade(
    notebook: NotebookNode,
    lab: Lab,
    sandbox: Sandbox,
    oracle: CourseOracle,
    conditions: Conditions,
    submission: Submission | None = None,
) -> Verdict:
    """Grade one submission.

    It runs where the packages that the lab is about are only stand-ins, so an answer that lets them compute gives none.
    A notebook whose cells need them is run a second time where they are there, and paid for what it answers both times.
    What it answers only there calls a person.

    Parameters
    ----------
    notebook : NotebookNode
        The submission with the roles of its cells restored (see `cells.restore`).
    lab : Lab
        The rubric.
    sandbox : Sandbox
        Where the submission runs, without the packages of ``lab.forbidden``.
    oracle : CourseOracle
        The course's answers, and the sandbox that has those packages.
    conditions : Conditions
        What is the same for all submissions.
    submission : Submission, optional
        What lies beside the notebook, who handed it in, and what a person must look at already.

    Returns
    -------
    Verdict
    """
    submission = submission or Submission()
    start = time.perf_counter()
    sources, flags = _sources(notebook, lab)
    flags = [*submission.notes, *flags]
    given = submission, oracle.answers, conditions.timeouts, conditions.material
    student = SandboxStudent(sandbox, sources, *given)
    outcome = _ask_checks(lab, student, conditions.seed)
    items = dict(outcome.items)
    functions = [check.function for check in lab.checks]
    guilty, elsewhere = forbidden_use.blamed(lab.checks, functions, student.noted, items)
    if elsewhere or any(what.noted for what in student.ran.values()):
        with oracle.lent:
            outcome = _ask_checks(lab, SandboxStudent(oracle.complete, sources, *given), conditions.seed)
        # Who called a package is told by the student's side, and may be made up: it explains, and it never pays.
        for check in lab.checks:
            if check.function not in guilty:
                both = items[check.grade_id], outcome.items[check.grade_id]
                items[check.grade_id], doubt = forbidden_use.proven(check, *both, lab.forbidden)
                flags += filter(None, [doubt])
    for check in lab.checks:
        if check.function in guilty:
            items[check.grade_id] = check.failed(forbidden_use.sentence(check.function, guilty[check.function]))
    flags += outcome.flags
    flags += [f"Cell {position + 1}: {what.cut_off}" for position, what in sorted(outcome.ran.items()) if what.cut_off]
    listed = [item for check in lab.checks for item in items[check.grade_id]]
    makers = Makers(notebook, outcome.ran, lab.explore_cells)
    listed = [replace(item, message=explained(item.message, makers.find)) for item in listed]
    flags += _for_want_of_packages(listed, outcome.ran)
    flags = [_sentence(flag) for flag in flags]
    items = [
        replace(item, message=_sentence(item.message), example=without_links(printable(item.example, lines=True)))
        for item in listed
    ]
    return Verdict(items, flags, outcome.ran, sandbox.isolation, time.perf_counter() - start)


def _sources(notebook: NotebookNode, lab: Lab) -> tuple[dict[int, str], list[str]]:
    """Return what is to be run, and why a person must look."""
    checks = [check.grade_id for check in lab.checks]
    try:
        return reader.call(cells.runnable, notebook, checks, lab.explore_cells), []
    except StoppedError as error:
        flag = f"A cell that only explores {error}; what such cells define was left out."
        return cells.runnable(notebook, checks, lab.explore_cells, explored=False), [flag]


@dataclass(frozen=True)
class _Outcome:
    """One run of a submission: the items of each check, what cells did, and what went wrong on our side."""

    items: dict[str, list[Item]]
    ran: dict[int, CellRun]
    flags: list[str]


def _ask_checks(lab: Lab, student: SandboxStudent, seed: int) -> _Outcome:
    items: dict[str, list[Item]] = {}
    problems: dict[str, list[Problem | None]] = {}
    flags: list[str] = []
    try:
        student.run()
        for check in lab.checks:
            try:
                problems[check.grade_id] = check.judge(student, generator(check, seed))
                items[check.grade_id] = check.items(problems[check.grade_id])
            except (SandboxError, JobEndedError, JobTimeoutError):
                raise
            except Exception as error:
                # A fault of the check is never the student's: say so, pay nothing yet, and call a person.
                flags.append(f"The check of {check.function} failed by itself ({in_short(error)}).")
                items[check.grade_id] = check.failed(UNJUDGED)
        # Every point is decided, so an answer that hangs now costs some seconds and nothing else.
        student.timeouts = replace(student.timeouts, question=min(student.timeouts.question, REASON_SECONDS))
        for check in lab.checks:
            if check.grade_id in problems:
                items[check.grade_id] = check.items(check.explained(problems[check.grade_id]))
    except Exception as error:
        # One submission must never end the grading of a class.
        which = "The sandbox" if isinstance(error, (SandboxError, JobEndedError, JobTimeoutError)) else "The grader"
        flags.append(f"{which} failed while this was graded ({in_short(error)}).")
    finally:
        student.close()
    for check in lab.checks:
        items.setdefault(check.grade_id, check.failed(UNJUDGED))
    flags += student.notes.get(FLAGS, [])
    return _Outcome(items, dict(student.ran), flags)


def generator(check: Check, seed: int) -> np.random.Generator:
    """Return what the questions of a check are drawn from: the same for all who are graded with one seed.

    Parameters
    ----------
    check : Check
    seed : int
    """
    return np.random.default_rng([seed, zlib.crc32(check.grade_id.encode())])


def _for_want_of_packages(items: list[Item], ran: Mapping[int, CellRun]) -> list[str]:
    """Say where points were lost since a package is not installed here, as it may be where the student works."""
    lost = [item.message for item in items if not item.passed]
    missing = [name for message in lost for name in _NO_MODULE.findall(message)]
    if any("stopped with NameError" in message for message in lost):
        errors = [what.error for _, what in sorted(ran.items()) if what.error]
        said = [str(error.get("evalue")) for error in errors if error.get("ename") == "ModuleNotFoundError"]
        missing += [name for text in said for name in _NO_MODULE.findall(text)]
    if not missing:
        return []
    names = ", ".join(list(dict.fromkeys(missing))[:5])
    return [f"Points were lost where a package is needed that is not installed here ({names})."]


def _sentence(text: str) -> str:
    """Return what may hold a student's words as they may stand on a page, beside formulas."""
    return without_links(printable(text))


def unreadable(lab: Lab, reason: str, isolation: str) -> Verdict:
    """Return the verdict on a submission that cannot be read: nothing earned, and a person must look.

    Parameters
    ----------
    lab : Lab
    reason : str
        For the student.
    isolation : {"bubblewrap", "process"}
    """
    reason = _sentence(reason)
    items = [item for check in lab.checks for item in check.failed(reason)]
    return Verdict(items, [reason], isolation=isolation)


def as_stored(verdict: Verdict) -> dict[str, Any]:
    """Return what `from_stored` needs to make the verdict again, but for what the cells put out."""
    return {
        "items": [dict(vars(item)) for item in verdict.items],
        "flags": verdict.flags,
        "isolation": verdict.isolation,
        "seconds": verdict.seconds,
    }


def from_stored(stored: Mapping[str, Any]) -> Verdict:
    """Return a verdict that `as_stored` wrote down."""
    items = [Item(**item) for item in stored["items"]]
    return Verdict(items, list(stored["flags"]), {}, stored["isolation"], stored["seconds"])


def as_record(student: str, lab: Lab, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as one entry of the JSON report.

    Parameters
    ----------
    student : str
    lab : Lab
    verdict : Verdict

    Returns
    -------
    dict
        Text, numbers and lists, as JSON has them.
    """
    items = [
        {
            "check": item.check,
            "title": item.title,
            "points": item.points,
            "max_points": item.max_points,
            "passed": item.passed,
            "message": item.message,
            "example": item.example,
        }
        for item in verdict.items
    ]
    return {
        "student": visible(student),
        "assignment": lab.name,
        "status": verdict.status,
        "points": verdict.points,
        "max_points": verdict.max_points,
        "isolation": verdict.isolation,
        "seconds": round(verdict.seconds, 3),
        "message": " ".join(verdict.flags),
        "items": items,
    }
