"""What handing in late costs: worked out anew from the due date, the extensions and all points, whenever it is asked.

No code of a student runs for it, so a due date, a rule or an extension that changes after grading takes effect with the
next command, and points that people give count as well. The rule is nbgrader's: a plugin class that
``AssignLatePenalties.plugin_class`` names, from a package or from a file in the course's folder. Due dates and
extensions are those of the gradebook, and where the course's folder has a table of them, those of the table.
"""

from __future__ import annotations

import datetime
import math
import numbers
import zoneinfo

from nbgrader.api import Assignment, Gradebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.plugins import BasePlugin
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import parse_utc
from traitlets import Float
from traitlets.config import Config

from autograder.errors import in_short
from autograder.gradebook.class_tables import read_table
from autograder.gradebook.course_folder import CONFIG, CourseError, CourseFolder
from source_lib.text import shorten, visible

#: In the course's folder: when what is due, for the class and for students with an extension.
DEADLINES = "deadlines.csv"
_DAY = 24 * 3600


class PercentPerDay(BasePlugin):
    """Takes a part of a submission's points for each day, or part of a day, that it is late.

    Examples
    --------
    >>> rule = PercentPerDay(percent=10, grace_minutes=15)
    >>> rule.late_submission_penalty("ada", 30, 600), rule.late_submission_penalty("ada", 30, 90000)
    (0.0, 6.0)
    """

    percent = Float(10.0, min=0.0, max=100.0, help="Of the points, for each day or part of a day.").tag(config=True)
    most = Float(100.0, min=0.0, max=100.0, help="Percent that are lost at most.").tag(config=True)
    grace_minutes = Float(0.0, min=0.0, help="Who is no later than this loses nothing.").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float:
        """Return the points that are lost, as nbgrader asks for them.

        Parameters
        ----------
        student_id : str
        score : float
        total_seconds_late : float
        """
        if total_seconds_late <= 60 * self.grace_minutes:
            return 0.0
        return score * min(self.percent * math.ceil(total_seconds_late / _DAY), self.most) / 100


class LateRule:
    """The course's rule for late submissions.

    Parameters
    ----------
    course : CourseFolder
    config : Config
        Of nbgrader's preprocessors.

    Raises
    ------
    CourseError
        If the plugin class cannot be imported or made.
    """

    def __init__(self, course: CourseFolder, config: Config) -> None:
        steps = [str(step) for step in config.get("Autograde", {}).get("autograde_preprocessors", [])]
        named = any(step.rpartition(".")[2] == "AssignLatePenalties" for step in steps)
        self.where = course.root / CONFIG
        self.name = str(config.get("AssignLatePenalties", {}).get("plugin_class", "LateSubmissionPlugin"))
        self.plugin = None
        try:
            preprocessor = AssignLatePenalties(config=config)
            if named and preprocessor.enabled:
                preprocessor.init_plugin()
                self.plugin = preprocessor.plugin_inst
        except Exception as error:
            raise CourseError(
                f"The late penalty {self.name} of {self.where} cannot be used ({in_short(error)}). Name a class as "
                f"file.Class; the file lies in {course.root} or in an installed package."
            ) from None

    def penalty(self, student: str, points: float, seconds: float) -> float | None:
        """Return what a submission loses, None for nothing.

        Parameters
        ----------
        student : str
        points : float
            All of its points, those of people included.
        seconds : float
            How late it is.

        Raises
        ------
        CourseError
            If the plugin fails, or answers with what is no number.
        """
        if self.plugin is None or seconds <= 0:
            return None
        try:
            asked = self.plugin.late_submission_penalty(student, points, seconds)
        except Exception as error:
            raise CourseError(
                f"The late penalty {self.name} of {self.where} fails for {visible(student)} ({in_short(error)})."
            ) from None
        if asked is None:
            return None
        if not isinstance(asked, numbers.Real) or not math.isfinite(asked):
            raise CourseError(
                f"The late penalty {self.name} of {self.where} is no number for {visible(student)}: "
                f"{shorten(repr(asked), 60)}."
            )
        # As in nbgrader, nobody gets points for being late, and nobody loses more than there is.
        return min(max(float(asked), 0.0), max(points, 0.0))


def update_penalties(course: CourseFolder, lab: str) -> list[str]:
    """Work out anew what being late costs in a lab, and store it.

    Parameters
    ----------
    course : CourseFolder
    lab : str
        Its name.

    Returns
    -------
    list of str
        The students whose penalty is another now.

    Raises
    ------
    CourseError, UserError
        If the rule or the table of due dates cannot be used. Nothing is stored then.
    """
    rule = LateRule(course, course.config)
    deadlines = read_deadlines(course).get(lab)
    changed = []
    with Gradebook(course.gradebook, course.directory.course_id) as gradebook:
        query = gradebook.db.query(SubmittedNotebook, SubmittedAssignment)
        query = query.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        query = query.join(Assignment, SubmittedAssignment.assignment_id == Assignment.id).filter(
            Assignment.name == lab
        )
        try:
            for notebook, submission in query:
                student = submission.student_id
                if deadlines is not None:
                    submission.assignment.duedate = deadlines[""]
                    extension = deadlines.get(student, deadlines[""]) - deadlines[""]
                    submission.extension = extension or None
                penalty = rule.penalty(student, notebook.score, seconds_late(submission))
                if abs((penalty or 0.0) - (notebook.late_submission_penalty or 0.0)) > 1e-9:
                    changed.append(student)
                notebook.late_submission_penalty = penalty
        except CourseError:
            gradebook.db.rollback()
            raise
        gradebook.db.commit()
    return sorted(changed)


def seconds_late(submission: SubmittedAssignment) -> float:
    """Return how late a submission is, its extension counted; 0 where it is not, or where a time is not known.

    Parameters
    ----------
    submission : SubmittedAssignment
    """
    # nbgrader's own property stops at an extension without a due date.
    return submission.total_seconds_late if submission.assignment.duedate is not None else 0.0


def read_deadlines(course: CourseFolder) -> dict[str, dict[str, datetime.datetime]]:
    """Return the table of due dates in a course's folder.

    Parameters
    ----------
    course : CourseFolder

    Returns
    -------
    dict of str to dict
        By lab and student, in UTC as nbgrader keeps them; that of the class under ``""``. Empty without a table.

    Raises
    ------
    CourseError
        If a line of it is not a lab, a student or nobody, and a date; if one is there twice; or if a student has to
        hand in before the class.
    """
    path = course.root / DEADLINES
    zone = str(course.config.get("Exchange", {}).get("timezone", "UTC"))
    found: dict[str, dict[str, datetime.datetime]] = {}
    for number, row in read_table(path, ("lab", "student", "due"), "a lab, a student or nothing, and a date"):
        lab, student, due = row["lab"], row["student"], row["due"]
        dates = found.setdefault(lab, {})
        if not lab or student in dates:
            what = "there is no lab" if not lab else f"{visible(student) or 'the class'} is there twice for {lab}"
            raise CourseError(f"{path}, line {number}: {what}.")
        dates[student] = _utc(due, zone, f"{path}, line {number}")
    for lab, dates in found.items():
        early = [student for student, due in dates.items() if due < dates.get("", due)]
        if "" not in dates or early:
            what = (
                f"{visible(early[0])} has to hand in before the class" if early else "the line of the class is missing"
            )
            raise CourseError(f"{path}: {what} for {lab}. The line of the class has no student.")
    return found


def _utc(text: str, zone: str, where: str) -> datetime.datetime:
    try:
        due = datetime.datetime.fromisoformat(text)
        due = due if due.tzinfo is not None else due.replace(tzinfo=zoneinfo.ZoneInfo(zone))
        return parse_utc(due)
    except zoneinfo.ZoneInfoNotFoundError:
        raise CourseError(
            f"Exchange.timezone is {zone!r}, which is no time zone. Write one as Europe/Stockholm."
        ) from None
    except (ValueError, OverflowError):
        raise CourseError(
            f"{where}: {shorten(text, 40)!r} is no date. Write 2026-11-01 23:59, or with a zone 2026-11-01T23:59+01:00."
        ) from None
