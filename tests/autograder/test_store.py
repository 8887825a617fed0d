"""The gradebook holds all of a verdict or nothing of it, and never an older one as if it were new."""

import datetime

import nbformat
import pytest
from nbgrader.api import Gradebook
from traitlets.config import Config

from autograder.gradebook.course_folder import open_course
from autograder.gradebook.store import Store
from autograder.labs import get_lab

LAB = get_lab("lab1")


@pytest.fixture
def store(course):
    opened = Store(open_course(course), LAB, Config())
    yield opened
    opened.close()


def graded(points):
    """Return a notebook whose check cells put out these points."""
    cells = []
    for check in LAB.checks:
        cell = nbformat.v4.new_code_cell("")
        cell.metadata["nbgrader"] = {"grade_id": check.grade_id, "grade": True, "solution": False, "points": 8.0}
        data = {"text/plain": repr(points)} if isinstance(points, float) else {"text/plain": points}
        cell.outputs = [nbformat.v4.new_output("execute_result", data=data)]
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells)


def scores(course, student="ada"):
    """Return the scores of a student, as somebody else who opens the gradebook sees them."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        (notebook,) = gradebook.find_submission(LAB.name, student).notebooks
        return {
            grade.name: (grade.auto_score, grade.needs_manual_grade)
            for grade in notebook.grades
            if grade.name != "discussion"
        }


def test_points_are_stored_for_everybody_to_see(store, course):
    store.save("ada", None, graded(2.0), flagged=False)
    assert set(scores(course).values()) == {(2.0, False)}
    store.save("ada", None, graded(1.5), flagged=True)
    assert set(scores(course).values()) == {(1.5, True)}


def test_half_a_notebook_is_not_stored(store, course):
    store.save("ada", None, graded(2.0), flagged=False)
    broken = graded(3.0)
    broken.cells[-1].metadata["nbgrader"]["grade_id"] = "no_such_cell"
    with pytest.raises(Exception, match="no_such_cell"):
        store.save("ada", None, broken, flagged=False)
    assert set(scores(course).values()) == {(2.0, False)}
    store.save("ada", None, graded(4.0), flagged=False)
    assert set(scores(course).values()) == {(4.0, False)}


def test_points_that_are_withdrawn_are_seen_to_be_missing(store, course):
    store.save("ada", None, graded(2.0), flagged=False)
    store.save("bob", None, graded(2.0), flagged=False)
    store.withdraw(["ada", "never handed in"])
    assert set(scores(course).values()) == {(None, True)}
    assert set(scores(course, "bob").values()) == {(2.0, False)}


def test_what_a_person_entered_stays(store, course):
    store.save("ada", None, graded(2.0), flagged=False)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.find_grade("discussion", "lab1", "lab1", "ada").manual_score = 8.5
        gradebook.find_grade("check_pool2d_layer", "lab1", "lab1", "ada").extra_credit = 1.0
        gradebook.db.commit()
    store.withdraw(["ada"])
    store.save("ada", None, graded(3.0), flagged=False)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        assert gradebook.find_grade("discussion", "lab1", "lab1", "ada").score == 8.5
        assert gradebook.find_grade("check_pool2d_layer", "lab1", "lab1", "ada").score == 4.0


def finish(course, **scores):
    """Give points as a person does in formgrader, who then has nothing left to look at."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        for grade in gradebook.find_submission_notebook("lab1", "lab1", "ada").grades:
            grade.manual_score, grade.needs_manual_grade = scores.get(grade.name, grade.manual_score), False
        gradebook.db.commit()


def waiting(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        grades = gradebook.find_submission_notebook("lab1", "lab1", "ada").grades
        return {grade.name for grade in grades if grade.needs_manual_grade}


def test_what_a_person_has_finished_stays_finished_where_there_is_nothing_new(store, course):
    everything = {*(check.grade_id for check in LAB.checks), "discussion"}
    store.save("ada", None, graded(2.0), flagged=True)
    finish(course, discussion=8.5, check_pool2d_layer=4.0)
    # Withdrawn since the checks changed, and graded again.
    store.withdraw(["ada"])
    assert waiting(course) == everything - {"discussion", "check_pool2d_layer"}
    store.save("ada", None, graded(2.0), flagged=False, unchanged=everything)
    assert waiting(course) == set()
    store.save("ada", None, graded(1.0), flagged=False, unchanged=everything - {"check_pool2d_layer"})
    assert waiting(course) == {"check_pool2d_layer"}
    finish(course)
    store.save("ada", None, graded(1.0), flagged=True, unchanged=everything)
    assert waiting(course) == set()
    store.save("ada", None, graded(1.0), flagged=True)
    assert waiting(course) == everything


LATE = """
from nbgrader.plugins import BasePlugin

class Half(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score / 2
"""


def test_what_a_person_accepted_although_it_was_flagged_stays_so_where_there_is_nothing_new(store, course):
    checks = {check.grade_id for check in LAB.checks}
    store.save("ada", None, graded(2.0), flagged=True)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        for grade in gradebook.find_submission(LAB.name, "ada").notebooks[0].grades:
            grade.needs_manual_grade = False
        gradebook.db.commit()
    store.gradebook.db.expire_all()
    store.withdraw(["ada"])
    # Until the new points are there, they are seen to be missing.
    assert set(scores(course).values()) == {(None, True)}
    store.save("ada", None, graded(2.0), flagged=True, unchanged=checks - {"check_flatten_layer"})
    assert {name for name, (_, waits) in scores(course).items() if waits} == {"check_flatten_layer"}
    # What is not withdrawn meanwhile is as the gradebook has it.
    store.save("ada", None, graded(2.0), flagged=True, unchanged=checks)
    assert {name for name, (_, waits) in scores(course).items() if waits} == {"check_flatten_layer"}


def test_who_is_late_loses_what_the_course_says(course):
    due = datetime.datetime(2026, 1, 1, 12)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.update_or_create_assignment(LAB.name, duedate=due)
    (course / "late_by_half.py").write_text(LATE)
    folder = open_course(course)
    folder.config.AssignLatePenalties.plugin_class = "late_by_half.Half"
    store = Store(folder, LAB, folder.config)
    for when, lost in ((due + datetime.timedelta(hours=1), 8.0), (due - datetime.timedelta(hours=1), None)):
        store.save("ada", when, graded(2.0), flagged=False)
        with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
            submission = gradebook.find_submission(LAB.name, "ada")
            assert submission.timestamp == when
            assert submission.notebooks[0].late_submission_penalty == lost
    store.close()
