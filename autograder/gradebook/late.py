"""What handing in late costs: worked out anew from the due date, the extensions and all points, whenever it is asked.

No code of a student runs for it, so a due date, a rule or an extension that changes after grading takes effect with the
next command, and points that people give count as well. The rule is nbgrader's: a plugin class that
``AssignLatePenalties.plugin_class`` names, from a package or from a file in the course's folder.
"""

from __future__ import annotations

import math
import numbers

from nbgrader.api import Assignment, Gradebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from autograder.errors import in_short
from autograder.gradebook.course_folder import CONFIG, CourseError, CourseFolder
from source_lib.text import shorten, visible


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
    CourseError
        If the rule cannot be used. Nothing is stored then.
    """
    rule = LateRule(course, course.config)
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
