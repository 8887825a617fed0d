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
    opened = Store(open_course(course), LAB, Config(), penalties=True)
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


def test_who_is_late_loses_what_the_course_says(store, course):
    due = datetime.datetime(2026, 1, 1, 12)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.update_or_create_assignment(LAB.name, duedate=due)
    store.penalties.plugin_class.penalty_method = "zero"
    try:
        for when, lost in ((due + datetime.timedelta(hours=1), 16.0), (due - datetime.timedelta(hours=1), None)):
            store.save("ada", when, graded(2.0), flagged=False)
            with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
                submission = gradebook.find_submission(LAB.name, "ada")
                assert submission.timestamp == when
                assert submission.notebooks[0].late_submission_penalty == lost
    finally:
        store.penalties.plugin_class.penalty_method = "none"
