"""A person has looked at flagged submissions and agrees: what was graded automatically counts as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nbgrader.api import Gradebook, SubmittedAssignment

from autograder.checking.lab import Lab
from autograder.gradebook.class_tables import handed_in_by, read_groups
from autograder.gradebook.course_folder import CourseError, CourseFolder
from autograder.gradebook.feedback_pages import open_gradebook
from autograder.gradebook.store import at_once
from source_lib.text import in_series, visible


@dataclass(frozen=True)
class Accepted:
    """What counts of one submission now.

    Attributes
    ----------
    student : str
        Who handed it in.
    points, most : float
        Of all parts, earned so far and possible.
    waiting : tuple of str
        Parts that a person must still grade.
    """

    student: str
    points: float
    most: float
    waiting: tuple[str, ...]


def accept(course: CourseFolder, lab: Lab, students: Iterable[str]) -> list[Accepted]:
    """Take flagged submissions for looked at: their automatic points count. All of them at once, or none.

    Parts without automatic points, such as a written answer, still wait for a person. Points are not entered as a
    person's own: whatever changes the automatic ones later changes them here too.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    students : iterable of str
        Whoever handed in, or a member of that group.

    Returns
    -------
    list of Accepted
        In the order given, each submission once.

    Raises
    ------
    CourseError
        If one of them was not graded, or waits for nobody; or if the gradebook cannot be read.
    """
    with open_gradebook(course) as gradebook, at_once(gradebook):
        graded = {one.student.id: one for one in gradebook.assignment_submissions(lab.name)}
        by = handed_in_by(read_groups(course.root, lab.name), graded, lab.name)
        return [_accept(gradebook, lab, graded, who) for who in dict.fromkeys(by.get(one, one) for one in students)]


def _accept(gradebook: Gradebook, lab: Lab, graded: dict[str, SubmittedAssignment], student: str) -> Accepted:
    if student not in graded:
        raise CourseError(f"{visible(student)} has no grade in {lab.name}. Nothing was changed.")
    (notebook,) = graded[student].notebooks
    checks = {check.grade_id for check in lab.checks}
    if missing := [one.name for one in notebook.grades if one.name in checks and one.auto_score is None]:
        raise CourseError(
            f"{visible(student)} has no automatic points for {in_series(missing)} yet. Nothing was changed. Grade "
            f"first: cnn-course grade {lab.name}"
        )
    settled = [one for one in notebook.grades if one.needs_manual_grade and one.auto_score is not None]
    if not settled:
        raise CourseError(
            f"Of {visible(student)} no automatic points wait for a person in {lab.name}. Nothing was changed."
        )
    for grade in settled:
        grade.needs_manual_grade = False
    session = gradebook.db()
    session.flush()
    session.refresh(notebook)
    waiting = tuple(one.name for one in notebook.grades if one.needs_manual_grade)
    return Accepted(student, notebook.score, notebook.max_score, waiting)
