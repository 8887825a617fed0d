"""Lab 2's checks: a known fault loses exactly its lines, what is right loses none, nobody is believed unmeasured."""

import numpy as np
import pytest

from autograder.checking.student import FLAGS, NotebookStudent
from autograder.grading.student import SandboxStudent, Timeouts
from autograder.labs import get_lab
from autograder.labs.lab2 import images
from autograder.labs.lab2.faults import FAULTS, RUNS, RUNS_FILE, line
from autograder.submissions.submission import Submission

LAB = get_lab("lab2")
#: Checks that train nothing: for a fault of the file of runs it is enough to ask these.
OF_FILES = ("check_runs", "check_reported")
#: A right submission whose trainings take a second; no package that students get may hold one.
CODE = """
import json
import keras
import numpy as np
from keras import layers
from source_lib import experiments

def build_model():
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.RandomTranslation(0.05, 0.05),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ])
    model.compile(keras.optimizers.Adam(5e-3), "categorical_crossentropy", metrics=["accuracy"])
    return model

def train_model(model, x, y, x_valid, y_valid):
    return model.fit(x, y, batch_size=16, epochs=10, validation_data=(x_valid, y_valid), verbose=0)

def reported():
    accuracies = [run.test_accuracy for run in experiments.read_runs("runs.jsonl")]
    return {"mean": np.mean(accuracies), "sample variance": np.var(accuracies, ddof=1)}
"""


@pytest.fixture(scope="module")
def material():
    """The images of the sample, fewer of them for testing, and thresholds that a quick training reaches."""
    drawn = dict(images.for_grading(None, 5))
    return drawn | {"x_test": drawn["x_test"][:250], "y_test": drawn["y_test"][:250], "bands": (50.0, 35.0)}


def student_of(sandbox, material, code=CODE, runs=RUNS):
    files = {} if runs is None else {"runs.jsonl": runs.encode()}
    return SandboxStudent(
        sandbox, {0: code}, Submission(files=files), timeouts=Timeouts(60, 30, 600), material=material
    )


def runs_of(fault):
    content = fault.apply({RUNS_FILE: RUNS.encode()}).get(RUNS_FILE)
    return None if content is None else content.decode()


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


def test_what_is_right_loses_nothing(sandbox, material):
    assert lost(student_of(sandbox, material)) == {}


def test_there_are_enough_faults_and_each_has_its_own_name():
    assert len(FAULTS) >= 12 and len({fault.id for fault in FAULTS}) == len(FAULTS)
    lines = {f"{check.function}.{one.key}" for check in LAB.checks for one in check.lines}
    assert lines == set().union(*(fault.loses for fault in FAULTS)), "each line is lost by some fault"


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.to == "files"], ids=lambda fault: fault.id)
def test_a_fault_of_the_file_loses_exactly_its_lines(sandbox, material, fault):
    student = student_of(sandbox, material, runs=runs_of(fault))
    assert set(lost(student, [LAB.check(name) for name in OF_FILES])) == fault.loses


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.to == "code"], ids=lambda fault: fault.id)
def test_a_fault_of_the_code_loses_exactly_its_lines(sandbox, material, fault):
    student = student_of(sandbox, material, fault.apply(CODE))
    only_reported = all(one.startswith("reported.") for one in fault.loses)
    checks = [LAB.check("check_reported")] if only_reported else LAB.checks
    assert set(lost(student, checks)) == fault.loses


def test_nothing_handed_in_earns_nothing(sandbox, material):
    everything = {f"{check.function}.{one.key}" for check in LAB.checks for one in check.lines}
    assert set(lost(student_of(sandbox, material, "pass", None))) == everything
    released = (
        "def build_model():\n    raise NotImplementedError()\ndef train_model(*a):\n    raise NotImplementedError()\n"
    )
    found = lost(student_of(sandbox, material, released + "def reported():\n    raise NotImplementedError()", None))
    assert set(found) == everything
    assert "not written yet" in found["build_model.takes"]


VARIANTS = {
    "functional, convolutions, weight decay": """
import keras
from keras import layers, regularizers
def build_model():
    x = keras.Input((28, 28, 1))
    h = layers.GaussianNoise(0.1)(x)
    h = layers.Conv2D(8, 5, strides=3, activation="relu", kernel_regularizer=regularizers.L2(1e-4))(h)
    h = layers.BatchNormalization()(h)
    model = keras.Model(x, layers.Dense(10, activation="softmax")(layers.Flatten()(h)))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model
def train_model(model, x, y, x_valid, y_valid):
    stop = keras.callbacks.EarlyStopping(patience=8, restore_best_weights=True)
    return model.fit(x, y, 8, 25, validation_data=(x_valid, y_valid), callbacks=[stop], verbose=0)
""",
    "softmax layer, AdamW, labels as numbers, two fits": """
import keras, numpy as np
from keras import layers
def build_model():
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.RandomZoom(0.1), layers.Flatten(), layers.Dense(10),
                              layers.Softmax()])
    model.compile(keras.optimizers.AdamW(5e-3, weight_decay=0.01), "sparse_categorical_crossentropy")
    return model
def train_model(model, x, y, x_valid, y_valid):
    labels = np.argmax(y, axis=1)
    model.fit(x, labels, batch_size=16, epochs=5, verbose=0)
    return model.fit(x, labels, batch_size=16, epochs=10, verbose=0).history
""",
}
REPORTED = """
def reported():
    import json
    a = [json.loads(line)["test_accuracy"] for line in open("runs.jsonl")]
    mean = sum(a) / len(a)
    variance = sum((x - mean) ** 2 for x in a) / (len(a) - 1)
    return {"mean": round(mean, 2), "sample variance": round(variance, 2), "runs": 5}
"""


@pytest.mark.parametrize("code", VARIANTS.values(), ids=VARIANTS)
def test_other_honest_ways_lose_nothing(sandbox, material, code):
    assert lost(student_of(sandbox, material, code + REPORTED)) == {}


def test_a_training_that_uses_its_time_up_is_told_so(sandbox, material, monkeypatch):
    monkeypatch.setattr("autograder.labs.lab2.checks.CPU_SECONDS", 3)
    student = student_of(
        sandbox,
        material,
        CODE.replace("    return model.fit", "    while x is not None:\n        pass\n    return model.fit"),
    )
    found = lost(student, [LAB.check("check_train_model"), LAB.check("check_accuracy")])
    assert set(found) == {"train_model.log", "train_model.validation", "accuracy.half", "accuracy.full"}
    assert all("used up its processor time" in message for message in found.values())


def test_claims_that_the_measurement_contradicts_are_flagged_and_cost_nothing(sandbox, material):
    """A file that tells of 99 % where fresh trainings give far less."""
    tested = images.test_images()[material["data"]]
    runs = "".join(line(seed, 99.0 + seed / 10, material["data"], tested) for seed in range(5))
    student = student_of(sandbox, material, runs=runs)
    assert lost(student, [LAB.check(name) for name in (*OF_FILES, "check_accuracy")]) == {}
    (flag,) = student.notes[FLAGS]
    assert "an average of 99." in flag and "2 fresh trainings gave" in flag
    # About other images than those of grading nothing is said.
    others = "".join(line(seed, 99.0 + seed / 10, "other images") for seed in range(5))
    other = student_of(sandbox, material, runs=others)
    assert lost(other, [LAB.check("check_accuracy")]) == {}
    assert FLAGS not in other.notes


def test_an_epoch_may_show_each_image_several_times(sandbox, material):
    runs = RUNS.replace("[50.0, 75.0]", f"[50.0, {100 * 1001 / 1280}]")
    assert runs != RUNS and lost(student_of(sandbox, material, runs=runs), [LAB.check("check_runs")]) == {}


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
def test_no_cheat_earns_an_accuracy(sandbox, material, cheat):
    """A model that learns nothing, and code that would have the grader believe otherwise."""
    code = CODE.replace("Adam(5e-3)", "Adam(0.0)")
    student = student_of(sandbox, material, code + cheat)
    assert set(lost(student, [LAB.check("check_accuracy")])) == {"accuracy.half", "accuracy.full"}


def test_the_images_for_grading(material):
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
