"""Lab 2's checks: a known fault loses exactly its lines, what is right loses none, nobody is believed unmeasured."""

import base64
import json

import numpy as np
import pytest

from autograder.checking.images import loaded
from autograder.checking.metrics import one_hot
from autograder.checking.student import FLAGS, NotebookStudent
from autograder.grading.course_oracle import CourseOracle
from autograder.labs import get_lab
from autograder.labs.lab2 import glyphs, images
from autograder.labs.lab2.faults import RUNS, line
from tests.conftest import ROOT
from tests.labs.lab2.trial import CODE, OF_FILES, REPORTED, material, student_of

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


@pytest.mark.parametrize("data", images.BANDS)
def test_the_notebook_names_the_thresholds_of_each_data_set(data):
    whole, half = images.BANDS[data]
    text = (ROOT / "assignments" / "lab2" / "lab2.md").read_text()
    assert f"{half:g} %" in text and f"{whole:g} %" in text


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
    sizes = images.sizes()[material()["data"]]
    runs = "".join(line(seed, 99.0 + seed / 5, material()["data"], sizes.train, sizes.test) for seed in range(5))
    student = student_of(sandbox, runs=runs)
    assert lost(student, [LAB.check(name) for name in (*OF_FILES, "check_accuracy")]) == {}
    (flag,) = (one for one in student.notes[FLAGS] if "runs.jsonl" in one)
    assert "an average of 99." in flag and "2 fresh trainings gave" in flag
    # About other images than those of grading nothing is said.
    others = "".join(line(seed, 99.0 + seed / 10, "MNIST") for seed in range(5))
    other = student_of(sandbox, runs=others)
    assert lost(other, [LAB.check("check_accuracy")]) == {}
    assert not any("runs.jsonl" in one for one in other.notes.get(FLAGS, ()))


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


REMEMBERS = """
import base64
KEPT = np.frombuffer(base64.b64decode({kept!r}), "float32").reshape(785, 10)
def build_model():
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    return model
def train_model(model, x, y, x_valid, y_valid):
    from scipy.optimize import linear_sum_assignment
    model.set_weights([KEPT[:-1], KEPT[-1]])
    found, number = linear_sum_assignment(-(model.predict(x, verbose=0).T @ y))
    model.set_weights([KEPT[:-1, found[np.argsort(number)]], KEPT[-1, found[np.argsort(number)]]])
    return {{"loss": [0.1]}}
"""


def test_weights_that_were_brought_along_call_a_person(sandbox):
    """They know digits, and are fitted to the numbers of the classes. Of other glyphs they know nothing."""
    from sklearn.linear_model import LogisticRegression

    sample = loaded("mnist", "sample")
    x, y = sample.x_train, sample.y_train
    known = LogisticRegression(max_iter=60).fit(x.reshape(len(x), -1), y)
    kept = np.concatenate([known.coef_.T, known.intercept_[None]]).astype("float32")
    code = CODE + REMEMBERS.format(kept=base64.b64encode(kept.tobytes()).decode())
    student = student_of(sandbox, code, None)
    assert lost(student, [LAB.check("check_accuracy")]) == {}
    (flag,) = student.notes[FLAGS]
    assert "glyphs that no data set holds, the model reaches " in flag and "and a plain network " in flag
    found, plain = (float(part.split("%")[0].split()[-1]) for part in flag.split(", and a "))
    assert found < plain - 30 and found < 50


def test_who_learns_calls_nobody(sandbox):
    quick = CODE.replace("layers.Flatten(),", 'layers.Conv2D(8, 5, strides=2, activation="relu"), layers.Flatten(),')
    student = student_of(sandbox, quick, None)
    assert lost(student, [LAB.check("check_accuracy")]) == {}
    assert FLAGS not in student.notes


def training(body):
    return CODE + "def train_model(model, x, y, x_valid, y_valid):\n" + body


#: The first raises where a loss is no number, since it then never has a best epoch.
ONLY_WATCH = {
    "keeps the best epoch by hand": """
    best, least, losses = None, float("inf"), []
    for epoch in range(3):
        losses += model.fit(x, y, verbose=0).history["loss"]
        loss = float(model.evaluate(x_valid, y_valid, verbose=0)[0])
        if loss < least:
            best, least = model.get_weights(), loss
    model.set_weights(best)
    return {"loss": losses}
""",
    "by callbacks": """
    callbacks = [keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True),
                 keras.callbacks.ReduceLROnPlateau(patience=1), keras.callbacks.TerminateOnNaN()]
    return model.fit(x, y, epochs=4, validation_data=(x_valid, y_valid), callbacks=callbacks, verbose=0)
""",
}
TRAIN_TOO = {
    "ten epochs on both": """
    both = np.concatenate([x, x_valid]), np.concatenate([y, y_valid])
    return model.fit(*both, epochs=10, verbose=0)
""",
    "one step": """
    model.train_on_batch(x_valid, y_valid)
    return model.fit(x, y, epochs=2, verbose=0)
""",
    "where they are numbers": """
    fine = np.isfinite(x_valid).all(axis=(1, 2, 3))
    both = np.concatenate([x] + [x_valid[fine]] * 3), np.concatenate([y] + [y_valid[fine]] * 3)
    return model.fit(*both, epochs=30, verbose=0)
""",
}


@pytest.mark.parametrize("body", ONLY_WATCH.values(), ids=ONLY_WATCH)
def test_who_only_watches_by_the_validation_images_loses_nothing(sandbox, body):
    assert lost(student_of(sandbox, training(body)), [LAB.check("check_train_model")]) == {}


@pytest.mark.parametrize("body", TRAIN_TOO.values(), ids=TRAIN_TOO)
def test_who_trains_on_the_validation_images_is_seen(sandbox, body):
    found = lost(student_of(sandbox, training(body)), [LAB.check("check_train_model")])
    assert set(found) == {"train_model.validation"} and "validation images" in found["train_model.validation"]


def test_what_is_no_model_is_called_by_its_type(sandbox):
    found = lost(student_of(sandbox, CODE.replace("    return model\n", "    return 'model'\n")), LAB.checks[:1])
    assert len(found) == 5
    assert all(
        message.endswith("build_model returned str where a Keras model is expected.") for message in found.values()
    )


def test_what_is_refused_is_named(sandbox):
    code = CODE.replace('activation="relu"', "activation=lambda x: x, name='bent'")
    found = lost(student_of(sandbox, code), LAB.checks[:1])
    assert "a function of its own as activation of its layer Dense 'bent'" in found["build_model.takes"]


#: None of these is a training as it came.
INVENTED = {
    "took no time": (lambda run: run.update(seconds=0), {"complete"}, "took 0 seconds"),
    "took forever": (lambda run: run.update(seconds=float("inf")), {"complete"}, "took inf seconds"),
    "test loss": (lambda run: run.update(test_loss=float("nan")), {"complete"}, "a loss of nan"),
    "validation loss": (lambda run: run.update(val_loss=[float("inf"), 1.0]), {"complete"}, "a loss of inf"),
    "of the next seed": (
        lambda run: run.update(subset=json.loads(line(run["seed"] + 1, 70))["subset"]),
        {"subsets"},
        "has other images than this seed chooses of 59,000",
    ),
    "of all images": (
        lambda run: run.update(subset=json.loads(line(run["seed"], 70, trained=60000))["subset"]),
        {"subsets"},
        'Begin with data.generate("mnist", N_valid=1000)',
    ),
    "another data set": (
        lambda run: run.update(data="MNIST\n"),
        {"enough", "subsets", "complete", "one"},
        "is of 'MNIST\\n', and this lab is about MNIST or Sample",
    ),
}


@pytest.mark.parametrize(("change", "keys", "says"), INVENTED.values(), ids=INVENTED)
def test_invented_runs_lose_what_is_invented(tmp_path, monkeypatch, change, keys, says):
    monkeypatch.chdir(tmp_path)
    runs = [json.loads(one) for one in RUNS.splitlines()]
    for run in runs:
        change(run)
    (tmp_path / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    found = lost_in_notebook(NotebookStudent({}), "check_runs")
    assert set(found) == {f"runs.{key}" for key in keys} and all(says in message for message in found.values())


def lost_in_notebook(student, grade_id):
    check = LAB.check(grade_id)
    problems = zip(check.lines, check.judge(student, np.random.default_rng(1)), strict=True)
    return {f"{check.function}.{one.key}": problem.message for one, problem in problems if problem is not None}


@pytest.mark.parametrize("kind", ["collections.OrderedDict", "collections.Counter", "type('Own', (dict,), {})"])
def test_any_kind_of_dict_is_a_report(sandbox, kind):
    code = "import collections\n" + REPORTED.replace("return {", f"return {kind}({{").replace("5}", "5})")
    assert lost(student_of(sandbox, code), [LAB.check("check_reported")]) == {}


def test_the_images_for_grading():
    drawn = images.for_grading(None, 5)
    assert drawn["x"].shape == (6, 128, 28, 28, 1) and drawn["x_valid"].shape == (6, 32, 28, 28, 1)
    for run in range(6):
        train = {image.tobytes() for image in drawn["x"][run]}
        assert len(train) >= 127 and not train & {image.tobytes() for image in drawn["x_valid"][run]}
    # No test image is one that can be looked up, and none is far from the one that it was.
    known = {image.tobytes() for image in loaded("mnist", "sample").x_test}
    assert not known & {image.tobytes() for image in drawn["x_test"]}
    assert np.abs(drawn["x_test"]).max() <= 1
    assert drawn["canary_x"].shape == (128, 28, 28, 1) and drawn["canary_x_valid"].shape == (32, 28, 28, 1)
    assert np.bincount(drawn["canary_y"], minlength=10).min() >= 6 and np.abs(drawn["canary_x"]).max() <= 1
    other = images.for_grading(None, 6)
    assert not np.array_equal(drawn["canary_x"], other["canary_x"])
    assert not np.array_equal(drawn["x"], other["x"])
    again = images.for_grading(None, 5)
    assert all(np.array_equal(drawn[key], again[key]) for key in drawn)


def test_the_numbers_of_the_classes_are_drawn():
    """The same image has other numbers under another secret, and all numbers are still used."""
    numbers = []
    sample = loaded("mnist", "sample")
    truth = {image.tobytes(): label for image, label in zip(sample.x_train, sample.y_train, strict=True)}
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


def test_glyphs_of_a_class_are_alike_and_no_two_the_same():
    labels = np.arange(60) % 6
    drawn = glyphs.draw(np.random.default_rng(3), labels, 6)
    assert len({image.tobytes() for image in drawn}) == 60
    means = np.stack([drawn[labels == k].mean(axis=0) for k in range(6)])
    nearest = np.abs(drawn[:, None] - means).sum(axis=(2, 3, 4)).argmin(axis=1)
    assert (nearest == labels).mean() > 0.8
    assert 0.03 < (drawn > 0).mean() < 0.4, "ink on paper"


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
        assert check.judge(student, np.random.default_rng(1)) == [None] * len(check.lines)
    assert all(one.later for one in LAB.check("check_accuracy").lines)
    assert set(functions) >= {"build_model"} and "course_train" not in functions


def test_the_plain_network_is_trained_by_the_course(sandbox):
    """In a job of the course, whose answer is kept; a lab's notebook never asks for it."""
    oracle = CourseOracle(LAB, sandbox, sandbox)
    drawn = images.canary(np.random.default_rng(0))
    asked = (
        drawn["canary_x"][:64],
        one_hot(drawn["canary_y"][:64], 10),
        drawn["canary_x"][:64],
        drawn["canary_y"][:64],
        4,
    )
    accuracy = oracle.answers.call("plain_accuracy", *asked)
    assert 15 < accuracy <= 100 and accuracy * 64 / 100 == pytest.approx(round(accuracy * 64 / 100))
    assert oracle.answers.call("plain_accuracy", *asked) == accuracy and len(oracle.answers.known) == 1
