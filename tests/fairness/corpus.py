"""The fairness corpus: right submissions, written and saved in the different ways of honest people."""

from __future__ import annotations

from collections.abc import Iterable

import nbformat

from autograder.checking.sample_class import BEGIN, END
from autograder.gradebook.course_folder import CourseFolder
from autograder.grading.executors import LocalExecutor
from autograder.grading.grade import Verdict
from autograder.grading.pipeline import grade_all
from autograder.labs import get_lab
from autograder.sandbox.pool import Sandbox

# They fill the corpus.
from tests.fairness import arranging, computing, own_cells, returning, saving, writing  # noqa: F401
from tests.fairness.submission import SUBMISSIONS, Submission

LAB = get_lab("lab1")


def hand_in(course: CourseFolder, submissions: Iterable[Submission] = SUBMISSIONS.values()) -> list[str]:
    """Write submissions into a course folder with the lab released, and return who handed in."""
    solved = (course.step("source", ".", LAB.name) / f"{LAB.name}.ipynb").read_text(encoding="utf-8")
    students = []
    for one in submissions:
        notebook = nbformat.reads(solved, as_version=4)
        for cell in notebook.cells:
            cell.source = "\n".join(line for line in cell.source.split("\n") if line.strip() not in (BEGIN, END))
        folder = course.step("submitted", one.name, LAB.name)
        folder.mkdir(parents=True)
        written = one.change(notebook, folder)
        place = folder / f"{LAB.name}.ipynb"
        place.write_bytes(nbformat.writes(notebook).encode() if written is None else written)
        students.append(one.name)
    return students


def graded(
    course: CourseFolder, students: Iterable[str], bare: Iterable[Sandbox], complete: Sandbox, seed: int
) -> dict[str, Verdict]:
    """Grade submissions as ``cnn-course grade`` does, with the questions of a seed."""
    place = LocalExecutor(course.root, LAB, list(bare), complete)
    return {one.student: one.verdict for one in grade_all(course, LAB, students, place, seed=seed)}


def rejected(verdicts: dict[str, Verdict]) -> dict[str, list[str]]:
    """Return what kept submissions from full marks, or from being graded without a person, by student."""
    found = {
        student: [*verdict.flags, *(f"{i.check}, {i.title}: {i.message}" for i in verdict.items if not i.passed)]
        for student, verdict in verdicts.items()
    }
    return {student: reasons for student, reasons in found.items() if reasons}
