"""A course folder whose gradebook was filled by hand: for what comes after grading, without grading."""

import functools
import shutil
import tempfile
from pathlib import Path

from nbgrader.api import Gradebook

from autograder.labs import get_lab

ROOT = Path(__file__).resolve().parent.parent


@functools.cache
def _empty(lab):
    """Return the bytes of a gradebook that knows a lab and nobody: nbgrader takes seconds to make one."""
    known = get_lab(lab)
    with tempfile.TemporaryDirectory() as scratch:
        with Gradebook(f"sqlite:///{scratch}/gradebook.db", "cnn-course") as gradebook:
            gradebook.add_assignment(lab)
            gradebook.add_notebook(lab, lab)
            for check in known.checks:
                gradebook.add_grade_cell(check.grade_id, lab, lab, max_score=check.points, cell_type="code")
            for name, points in known.manual.items():
                gradebook.add_grade_cell(name, lab, lab, max_score=points, cell_type="markdown")
                gradebook.add_solution_cell(name, lab, lab)
        return (Path(scratch) / "gradebook.db").read_bytes()


def make_course(folder, grades, lab="lab1"):
    """Write a course folder, and by student what the gradebook holds of each cell: the automatic points or None.

    A cell that is graded by hand has a pair instead: what a person gave, and whether a person must look again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    (folder / "gradebook.db").write_bytes(_empty(lab))
    with Gradebook(f"sqlite:///{folder}/gradebook.db", "cnn-course") as gradebook:
        for student, cells in grades.items():
            gradebook.add_student(student)
            gradebook.add_submission(lab, student)
            (notebook,) = gradebook.find_submission(lab, student).notebooks
            for grade in notebook.grades:
                given = cells.get(grade.name)
                grade.manual_score, waits = given if isinstance(given, tuple) else (None, given is None)
                grade.auto_score = None if isinstance(given, tuple) else given
                grade.needs_manual_grade = waits
        gradebook.db.commit()
    return folder
