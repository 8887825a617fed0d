"""Lab 2's checks: a known fault loses exactly its lines, what is right loses none, nobody is believed unmeasured."""

import numpy as np
import pytest

from autograder.checking.student import FLAGS, NotebookStudent
from autograder.labs import get_lab
from autograder.labs.lab2 import images
from autograder.labs.lab2.faults import RUNS, line
from tests.labs.lab2.trial import CODE, OF_FILES, material, student_of

LAB = get_lab("lab2")


def lost(student, checks=LAB.checks):
    """Return the lines that a submission loses, as ``check.key``."""
    found = {}
    with student:
        for check in checks:
            problems = check.judge(student, np.random.default_rng(1))
            for one, problem in zip(check.lines, problems, strict=True):
                if problem is not None:
                    found[f"{check.function}.{one.key}"] = problem.message
    assert all(message.startswith("Asked: ") for message in found.values())
    assert not any("course_" in message for message in found.values()), (
        "the course's own functions are nobody's business"
    )
    return found


def test_points_are_those_of_the_design():
    points = {check.function: check.points for check in LAB.checks}
    assert points == {"build_model": 5, "train_model": 2, "runs": 5, "reported": 2, "accuracy": 10}
    assert LAB.points == 24 and LAB.manual == {"discussion": 6}


def test_nothing_handed_in_earns_nothing(sandbox):
    everything = {f"{check.function}.{one.key}" for check in LAB.checks for one in check.lines}
    assert set(lost(student_of(sandbox, "pass", None))) == everything
    released = (
        "def build_model():\n    raise NotImplementedError()\ndef train_model(*a):\n    raise NotImplementedError()\n"
    )
    found = lost(student_of(sandbox, released + "def reported():\n    raise NotImplementedError()", None))
    assert set(found) == everything
    assert "not written yet" in found["build_model.takes"]


def test_a_training_that_uses_its_time_up_is_told_so(sandbox, monkeypatch):
    monkeypatch.setattr("autograder.labs.lab2.checks.CPU_SECONDS", 3)
    student = student_of(
        sandbox,
        CODE.replace("    return model.fit", "    while x is not None:\n        pass\n    return model.fit"),
    )
    found = lost(student, [LAB.check("check_train_model"), LAB.check("check_accuracy")])
    assert set(found) == {"train_model.log", "train_model.validation", "accuracy.half", "accuracy.full"}
    assert all("used up its processor time" in message for message in found.values())


def test_claims_that_the_measurement_contradicts_are_flagged_and_cost_nothing(sandbox):
    """A file that tells of 99 % where fresh trainings give far less."""
    tested = images.test_images()[material()["data"]]
    runs = "".join(line(seed, 99.0 + seed / 10, material()["data"], tested) for seed in range(5))
    student = student_of(sandbox, runs=runs)
    assert lost(student, [LAB.check(name) for name in (*OF_FILES, "check_accuracy")]) == {}
    (flag,) = student.notes[FLAGS]
    assert "an average of 99." in flag and "2 fresh trainings gave" in flag
    # About other images than those of grading nothing is said.
    others = "".join(line(seed, 99.0 + seed / 10, "other images") for seed in range(5))
    other = student_of(sandbox, runs=others)
    assert lost(other, [LAB.check("check_accuracy")]) == {}
    assert FLAGS not in other.notes


def test_an_epoch_may_show_each_image_several_times(sandbox):
    runs = RUNS.replace("[50.0, 75.0]", f"[50.0, {100 * 1001 / 1280}]")
    assert runs != RUNS and lost(student_of(sandbox, runs=runs), [LAB.check("check_runs")]) == {}


CHEATS = {
    "predicts what it was not asked": "keras.Model.predict = lambda self, x, **_: np.eye(10)[np.zeros(len(x), int)]",
    "forges its weights": "keras.Model.get_weights = lambda self: [np.ones(3, 'float32')]",
    "forges its configuration": "keras.Model.to_json = lambda self, **_: '{}'",
    "a layer of its own": "layers.Flatten = type('Mine', (layers.Flatten,), {})",
    "no weights at all": """
import threading
def late():
    globals()["course_train"] = lambda *_: ["{}", "null", [1.0], True]
threading.Timer(1.0, late).start()
""",
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS)
def test_no_cheat_earns_an_accuracy(sandbox, cheat):
    """A model that learns nothing, and code that would have the grader believe otherwise."""
    code = CODE.replace("Adam(5e-3)", "Adam(0.0)")
    student = student_of(sandbox, code + cheat)
    assert set(lost(student, [LAB.check("check_accuracy")])) == {"accuracy.half", "accuracy.full"}


def test_the_images_for_grading():
    drawn = images.for_grading(None, 5)
    assert drawn["x"].shape == (6, 128, 28, 28, 1) and drawn["x_valid"].shape == (6, 32, 28, 28, 1)
    for run in range(6):
        train = {image.tobytes() for image in drawn["x"][run]}
        assert len(train) >= 127 and not train & {image.tobytes() for image in drawn["x_valid"][run]}
    # No test image is one that can be looked up, and none is far from the one that it was.
    known = {image.tobytes() for image in images._load("sample")[2]}
    assert not known & {image.tobytes() for image in drawn["x_test"]}
    assert np.abs(drawn["x_test"]).max() <= 1
    other = images.for_grading(None, 6)
    assert not np.array_equal(drawn["x"], other["x"])
    again = images.for_grading(None, 5)
    assert all(np.array_equal(drawn[key], again[key]) for key in drawn)


def test_the_numbers_of_the_classes_are_drawn():
    """The same image has other numbers under another secret, and all numbers are still used."""
    numbers = []
    x, y, *_ = images._load("sample")
    truth = {image.tobytes(): label for image, label in zip(x, y, strict=True)}
    for seed in (1, 2):
        drawn = images.for_grading(None, seed)
        pairs = {(truth[image.tobytes()], label) for image, label in zip(drawn["x"][0], drawn["y"][0], strict=True)}
        assert len(pairs) == 10, "one number for each class"
        numbers.append(pairs)
        wrong = {
            (truth[i.tobytes()], label) for i, label in zip(drawn["try_x_valid"], drawn["try_y_valid"], strict=True)
        }
        assert not wrong & pairs, "the labels of the trial's validation images are all wrong"
    assert numbers[0] != numbers[1]


def test_real_images_are_taken_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    assert images.for_grading(tmp_path, 1)["data"].startswith("Sample")


def test_in_a_notebook_the_same_lines_are_asked_but_for_the_accuracy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.jsonl").write_text(RUNS)
    functions = {}
    exec(CODE, functions)
    student = NotebookStudent(functions)
    for check in LAB.checks[:4]:
        assert check.judge(student, np.random.default_rng()) == [None] * len(check.lines)
    assert all(one.later for one in LAB.check("check_accuracy").lines)
    assert set(functions) >= {"build_model"} and "course_train" not in functions
