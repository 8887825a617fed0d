"""Feedback pages: nbgrader's own, made for the students that were graded."""

from __future__ import annotations

import glob
from pathlib import Path

from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.checking.lab import Lab
from autograder.gradebook.course_folder import CourseError, CourseFolder, errors_only
from autograder.submissions.sanitize import printable


def write_feedback(course: CourseFolder, lab: Lab, student: str) -> Path:
    """Write the feedback page of a student from the autograded notebook and the gradebook.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    student : str
        Who was graded.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    CourseError
        If nbgrader cannot make the page.
    """
    config = Config(course.config)
    config.CourseDirectory.assignment_id = lab.name
    # nbgrader takes it for a pattern of file names.
    config.CourseDirectory.student_id = glob.escape(student)
    config.GenerateFeedback.force = True
    with errors_only() as said:
        try:
            GenerateFeedback(coursedir=CourseDirectory(config=config), config=config).start()
        except (NbGraderException, UnicodeError) as error:
            reason = (said or [str(error)])[-1].strip().splitlines()[-1]
            raise CourseError(printable(f"The feedback page of {student} was not made: {reason}")) from None
    return course.step("feedback", student, lab.name) / f"{lab.name}.html"
