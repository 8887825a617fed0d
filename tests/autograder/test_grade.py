"""Notebook in, verdict out."""

import dataclasses
import threading

import jupytext
import nbformat
import pytest

from autograder import cells
from autograder.grade import Course, Verdict, as_record, files_beside, grade, unreadable
from autograder.rubric import Check, Item, Line, get_lab
from autograder.sandbox.launch import SandboxError
from autograder.sandbox.pool import Sandbox
from autograder.student import SandboxStudent
from tests.conftest import ROOT

LAB = get_lab("lab1")


@pytest.fixture(scope="module")
def course(sandbox):
    return Course(LAB, sandbox)


def notebook(**changed):
    """Return the solved lab with some answers replaced."""
    solved = cells.clean(jupytext.read(ROOT / "assignments" / "lab1" / "lab1.md"))
    for cell in solved.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = changed.get(name, cell.source)
    return solved


def points(verdict, function):
    return sum(item.points for item in verdict.of_check(f"check_{function}"))


MEAN = "def pool2d_layer(h):\n    return block_reduce(h[: len(h) // 2 * 2, : h.shape[1] // 2 * 2], (2, 2, 1), np.mean)"


def test_the_solution_gets_everything(sandbox, course):
    verdict = grade(notebook(), LAB, sandbox, course.answers, seed=1)
    assert (verdict.points, verdict.max_points, verdict.status) == (35, 35, "graded"), verdict.items
    assert verdict.isolation == "bubblewrap" and verdict.seconds > 0


def test_keras_behind_a_module_beside_the_notebook_is_found(sandbox, course):
    module = b"import keras\ndef flat(h):\n    return keras.ops.reshape(h, (-1,)).numpy()"
    answer = "from helper import flat\ndef flatten_layer(h):\n    return flat(h)"
    files = {"helper.py": module, "notes.txt": b"import keras"}
    verdict = grade(notebook(flatten_layer=answer), LAB, sandbox, course.answers, seed=1, files=files)
    assert points(verdict, "flatten_layer") == 0 and verdict.points == 33
    assert "(through helper.flat" in verdict.of_check("check_flatten_layer")[0].message


def test_more_code_than_can_be_read_is_flagged_and_the_answers_count(sandbox, course):
    long = notebook()
    long.cells += [nbformat.v4.new_code_cell(f"# {number}" + " word" * 90_000) for number in range(8)]
    verdict = grade(long, LAB, sandbox, course.answers, seed=1)
    assert verdict.points == 35 and "too much code to be read" in verdict.flags[0]


def test_the_same_seed_asks_the_same_and_another_one_does_not(sandbox, course):
    said = [
        [item.message for item in grade(notebook(pool2d_layer=MEAN), LAB, sandbox, course.answers, seed=seed).items]
        for seed in (1, 1, 2)
    ]
    assert said[0] == said[1] != said[2]


def test_an_answer_that_lets_keras_compute_gets_nothing_for_that_function(sandbox, course):
    borrowed = "def flatten_layer(h):\n    return keras.layers.Flatten()(h[None])[0].numpy()"
    verdict = grade(notebook(flatten_layer=borrowed), LAB, sandbox, course.answers, seed=1)
    assert points(verdict, "flatten_layer") == 0 and verdict.points == 33
    assert all("keras" in item.message for item in verdict.of_check("check_flatten_layer"))


def test_a_wrong_activation_costs_activation_only(sandbox, course):
    wrong = (
        "def activation(x, activation):\n"
        "    if activation == 'linear': return x\n"
        "    if activation == 'relu': return np.maximum(x, 0) + 0.5\n"
        "    if activation == 'sigmoid': return np.tanh(x)\n"
        "    if activation == 'softmax': return np.exp(x - np.max(x)) / 7\n"
        "    raise ValueError(activation)"
    )
    verdict = grade(notebook(activation=wrong), LAB, sandbox, course.answers, seed=1)
    lost = {item.check for item in verdict.items if not item.passed}
    assert lost == {"check_activation"}


def test_a_check_that_fails_by_itself_calls_a_person_and_pays_nothing(sandbox, course):
    def broken(student, rng):
        raise ZeroDivisionError("a fault of ours")

    def fine(student, rng):
        return None

    lab = dataclasses.replace(
        LAB,
        checks=(
            Check("activation", (Line("broken", "Broken", 3.0, broken),)),
            Check("flatten_layer", (Line("fine", "Fine", 2.0, fine),)),
        ),
    )
    verdict = grade(notebook(), lab, sandbox, course.answers, seed=1)
    assert (verdict.points, verdict.status) == (2, "flagged")
    assert "a fault of ours" in verdict.flags[0] and "person" in verdict.items[0].message


def test_a_sandbox_that_breaks_down_flags_and_does_not_raise(sandbox, course):
    with Sandbox() as own:
        own.wait()
        own.close()
        own._launch = own.wait = lambda: (_ for _ in ()).throw(SandboxError("gone"))
        verdict = grade(notebook(), LAB, own, course.answers, seed=1)
    assert (verdict.points, verdict.status) == (0, "flagged") and "gone" in verdict.flags[0]
    assert len(verdict.items) == sum(len(check.lines) for check in LAB.checks)


def test_a_sandbox_that_is_killed_in_between_costs_nobody_anything():
    with Sandbox() as own:
        answers = Course(LAB, own).answers
        assert grade(notebook(), LAB, own, answers, seed=1).points == 35
        own._process.kill()
        own._process.wait()
        # Other questions, so that the course is really asked again.
        verdict = grade(notebook(), LAB, own, answers, seed=2)
        assert (verdict.points, verdict.status) == (35, "graded"), verdict.flags
        assert own.restarts == 1
        # In the middle of a submission: while its last cell runs.
        killer = threading.Timer(0.5, lambda: own._process.kill())
        slow = notebook()
        slow.cells.append(nbformat.v4.new_code_cell("import time; time.sleep(2)"))
        killer.start()
        verdict = grade(slow, LAB, own, answers, seed=3)
        assert (verdict.points, verdict.status) == (35, "graded"), verdict.flags
        assert own.restarts == 2


def test_a_file_beside_the_notebook_can_be_used(sandbox, course, tmp_path):
    (tmp_path / "lab1.ipynb").write_text("{}")
    (tmp_path / "helpers.py").write_text("def flat(h):\n    return h.reshape(-1)")
    (tmp_path / "timestamp.txt").write_text("2026-11-21")
    files, left_out = files_beside(tmp_path / "lab1.ipynb")
    assert list(files) == ["helpers.py"] and left_out == []
    own = "from helpers import flat\ndef flatten_layer(h):\n    return flat(h)"
    assert points(grade(notebook(flatten_layer=own), LAB, sandbox, course.answers, 1, files), "flatten_layer") == 2


def test_too_many_or_too_large_files_are_left_out(tmp_path):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(10**9)
    files, left_out = files_beside(tmp_path / "lab1.ipynb")
    assert files == {} and "too large" in left_out[0]


def test_the_course_answers_from_a_job_that_sees_the_reference_only(sandbox, course):
    assert course.answers.call("count_weights", [[1.0, 2.0]], [[3.0]]) == 3
    student = SandboxStudent(sandbox, {0: "import sys\ndef seen(): return 'autograder.reference' in sys.modules"})
    assert student.call("seen") is False
    student.close()


def test_what_cannot_be_read_earns_nothing():
    verdict = unreadable(LAB, "No notebook.", "process")
    record = as_record("ada", LAB, verdict)
    assert (record["points"], record["max_points"], record["status"]) == (0, 35, "flagged")
    assert record["message"] == "No notebook." and {item["message"] for item in record["items"]} == {"No notebook."}


def test_points_are_those_of_the_passed_items():
    verdict = Verdict([Item("a", "one", 1.5, True), Item("a", "two", 2.0, False), Item("b", "three", 1.0, True)])
    assert (verdict.points, verdict.max_points, verdict.status) == (2.5, 4.5, "graded")
    assert [item.title for item in verdict.of_check("a")] == ["one", "two"]
