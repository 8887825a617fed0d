"""What of a verdict goes into nbgrader's gradebook: all of it at once, or nothing."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterable, Iterator, Set

from nbformat.notebooknode import NotebookNode
from nbgrader.api import BaseCell, Comment, Grade, Gradebook, SubmittedNotebook
from nbgrader.preprocessors import SaveAutoGrades
from traitlets.config import Config

from autograder.checking.lab import Lab
from autograder.gradebook.course_folder import CourseError, CourseFolder
from autograder.gradebook.late import LateRule, seconds_late


class _Opened:
    """Answers what nbgrader's ``SaveAutoGrades`` asks a gradebook, for one notebook that was read at once."""

    def __init__(self, gradebook: Gradebook, stored: SubmittedNotebook) -> None:
        self.db = self
        named = (
            gradebook.db.query(BaseCell.name, kind).join(kind.cell).filter(kind.notebook_id == stored.id)
            for kind in (Grade, Comment)
        )
        self._grades, self._comments = map(dict, named)

    def find_grade(self, cell: str, *_: str) -> Grade:
        return self._grades[cell]

    def find_comment(self, cell: str, *_: str) -> Comment:
        return self._comments[cell]

    def commit(self) -> None:
        """Nothing: it is done once for all."""


class Store:
    """One lab's place in the gradebook, open while a class is graded.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    config : Config
        Of nbgrader's preprocessors that store grades and penalties.

    Raises
    ------
    CourseError
        If the course's rule for late submissions cannot be used.
    """

    def __init__(self, course: CourseFolder, lab: Lab, config: Config) -> None:
        self.late = LateRule(course, config)
        self.lab = lab
        self.gradebook = Gradebook(course.gradebook, course.directory.course_id)
        self.grades = SaveAutoGrades(config=config)
        self.grades.student_id, self.grades.notebook_id, self.grades.assignment_id = "", lab.name, lab.name
        self.kernelspec = self.gradebook.find_notebook(lab.name, lab.name).kernelspec
        self._finished: dict[str, set[str]] = {}

    def complete(self) -> set[str]:
        """Return who has all automatic points of the lab."""
        checks = {check.grade_id for check in self.lab.checks}
        return {
            submission.student.id
            for submission in self.gradebook.assignment_submissions(self.lab.name)
            if all(g.auto_score is not None for n in submission.notebooks for g in n.grades if g.name in checks)
        }

    def withdraw(self, students: Iterable[str]) -> None:
        """Take back the automatic points of submissions that are about to be graded again.

        Whatever stops the grading then leaves a grade that a person sees to be missing, and never last week's. What a
        person gave stays, and so does whether it is finished.
        """
        checks = {check.grade_id for check in self.lab.checks}
        with at_once(self.gradebook):
            known = {one.student.id: one for one in self.gradebook.assignment_submissions(self.lab.name)}
            for student in students:
                for notebook in known[student].notebooks if student in known else ():
                    # A person may have accepted them although they were flagged.
                    self._finished[student] = {one.name for one in notebook.grades if not one.needs_manual_grade}
                    for grade in notebook.grades:
                        if grade.name in checks:
                            grade.auto_score = None
                            grade.needs_manual_grade |= grade.manual_score is None

    def save(
        self,
        student: str,
        when: datetime.datetime | None,
        notebook: NotebookNode,
        flagged: bool,
        unchanged: Set[str] = frozenset(),
    ) -> None:
        """Store one graded notebook. What a person entered by hand stays.

        Parameters
        ----------
        student : str
        when : datetime.datetime, optional
            When it was handed in.
        notebook : NotebookNode
            Its check cells put out their points.
        flagged : bool
            Whether a person must look at it.
        unchanged : set of str
            The cells, by ``grade_id``, of which a person would see nothing new: where one has finished, it stays so.
        """
        known = {"timestamp": when} if when is not None else {}
        with at_once(self.gradebook):
            self.gradebook.update_or_create_student(student)
            submission = self.gradebook.update_or_create_submission(self.lab.name, student, **known)
            (stored,) = submission.notebooks
            finished = {grade.name for grade in stored.grades if not grade.needs_manual_grade}
            finished = (finished | self._finished.pop(student, set())) & unchanged
            self.grades.gradebook = _Opened(self.gradebook, stored)
            for position, cell in enumerate(notebook.cells):
                self.grades.preprocess_cell(cell, {}, position)
            for grade in stored.grades:
                # nbgrader reopens what a person has graded whenever it is graded again.
                grade.needs_manual_grade = (grade.needs_manual_grade or flagged) and grade.name not in finished
            session = self.gradebook.db()
            session.flush()
            # The database sums up the points.
            session.refresh(stored)
            stored.late_submission_penalty = None
            # A rule that fails is reported once for the class.
            with contextlib.suppress(CourseError):
                stored.late_submission_penalty = self.late.penalty(student, stored.score, seconds_late(submission))

    def close(self) -> None:
        """Close the gradebook."""
        self.gradebook.close()


@contextlib.contextmanager
def at_once(gradebook: Gradebook) -> Iterator[None]:
    """Keep nbgrader's methods, which commit one by one, from committing before all is there.

    Parameters
    ----------
    gradebook : Gradebook
    """
    session = gradebook.db()
    session.commit = session.flush
    try:
        yield
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.commit
    session.commit()
