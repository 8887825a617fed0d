"""Lab 3: right submissions get everything, known faults lose exactly their lines, and guessing earns no accuracy."""

import copy
import json
import os
import shutil
import subprocess
from types import SimpleNamespace

import h5py
import jupytext
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbgrader.preprocessors import ClearSolutions

from autograder.checking.student import FLAGS, NotebookStudent
from autograder.errors import UserError
from autograder.gradebook.release import disagreements
from autograder.labs import get_lab
from autograder.labs.lab3 import checks, contents, images, solution
from autograder.labs.lab3.faults import FAULTS
from autograder.leaderboard.baseline import color_scores
from autograder.notebook import lab_check
from autograder.submissions import cells
from book.stored import DATA, read_lines
from source_lib import predictions, util
from source_lib.data import DataGenerator, patchcam
from source_lib.predictions import table
from tests.conftest import PROGRAM, ROOT
from tests.labs.lab3 import trial
from tests.labs.lab3.trial import SEPARATIONS, report, right_files, scores, validation

LAB = get_lab("lab3")
TEXT = ROOT / "assignments" / "lab3" / "lab3.md"
POINTS = {line.key: line.points for check in LAB.checks for line in check.lines}
ACCURACY = {"some", "more", "all"}
REAL = os.environ.get("CNN_COURSE_DATA")


@pytest.fixture(autouse=True)
def no_real_images(monkeypatch, tmp_path):
    monkeypatch.delenv("CNN_COURSE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture(scope="module")
def material():
    return trial.material()


@pytest.fixture(scope="module")
def right(material):
    return right_files(material)


@pytest.fixture
def judge(material, tmp_path, monkeypatch):
    """Return what is wrong with a submission, by the keys of the lines that it loses."""

    def problems(files, reported, material=material, **functions):
        for path in tmp_path.glob("run*.csv"):
            path.unlink()
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        monkeypatch.chdir(tmp_path)
        told = reported if callable(reported) else lambda: reported
        student = NotebookStudent({"reported": told, **functions}, material=material)
        keys = [line.key for check in LAB.checks for line in check.lines]
        found = [one for check in LAB.checks for one in check.judge(student, np.random.default_rng(0))]
        return {key: problem.message for key, problem in zip(keys, found, strict=True) if problem is not None}

    return problems


# The rubric


def test_the_points_are_those_of_the_course():
    assert {check.function: check.points for check in LAB.checks} == {"files": 11, "accuracy": 9, "reported": 4}
    assert (LAB.points, LAB.manual) == (24, {"discussion": 6.0})
    assert sum(POINTS[key] for key in ("classes", "probabilities", "validation")) == 8 and POINTS["five"] == 3


def test_colors_alone_reach_no_first_and_no_last_band():
    about, *lines = read_lines(DATA / "solution-lab3.jsonl")
    tissue, y_test = solution.sample()
    of_sample = color_scores(tissue.x_train, tissue.y_train, tissue.x_test, y_test)
    for kind, colors in (("real", about["colors"]), ("sample", of_sample)):
        first, _, last = images.BANDS[kind]
        assert list(images.BANDS[kind]) == sorted(images.BANDS[kind])
        assert first > colors["mean_colors"]["accuracy"] + 0.01, kind
        assert last > colors["boosting"]["accuracy"] + 0.005, kind
    # The course's own network reaches all of them, and its trainings on the sample are no copies of each other.
    for judged, kind in (("validation", "real"), ("sample", "sample")):
        of_kind = [line for line in lines if line["judged"] == judged]
        assert min(line["accuracy"] for line in of_kind) > images.BANDS[kind][-1], kind
        assert len({line["auc"] for line in of_kind}) == len(of_kind) and max(line["auc"] for line in of_kind) < 0.99


@pytest.mark.long
@pytest.mark.skipif(not REAL, reason="CNN_COURSE_DATA is not set: no real images here")
def test_what_colors_reach_on_real_images_is_what_is_stored(monkeypatch):
    monkeypatch.setenv("CNN_COURSE_DATA", REAL)
    data = DataGenerator(verbose=False)
    data.generate("patchcam", source="real")
    found = color_scores(data.x_train, data.y_train, data.x_valid, data.y_valid)
    for name, stored in read_lines(DATA / "solution-lab3.jsonl")[0]["colors"].items():
        assert found[name] == pytest.approx(stored, abs=0.003)


# Right submissions


def test_a_right_submission_gets_everything(judge, right, material):
    accuracies = [np.mean(predictions.read_predictions(right[n]).values == material["y_test"]) for n in checks.CLASSES]
    assert 0.80 < min(accuracies) < max(accuracies) < 0.89, "the faults are told for these"
    assert judge(right, report(validation(right), material["y_valid"])) == {}


@pytest.mark.parametrize("outputs", [1, 2])
def test_models_with_one_and_with_two_outputs_get_everything(judge, material, tmp_path, outputs):
    import keras

    # The model is real, and its images are the scores themselves.
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(outputs, "sigmoid" if outputs == 1 else "softmax")])
    model.set_weights([np.ones((1, 1)), np.zeros(1)] if outputs == 1 else [np.array([[-1.0, 1.0]]), np.zeros(2)])
    for k, separation in enumerate(SEPARATIONS, start=1):
        images = {part: scores(material[f"y_{part}"], separation, k)[:, None] for part in ("test", "valid")}
        data = SimpleNamespace(x_test=images["test"], x_valid=images["valid"])
        util.pred_test(model, data, tmp_path / f"run{k}")
        util.pred_test(model, data, tmp_path / f"run{k}_prob", probabilities=True)
        util.pred_test(model, data, tmp_path / f"run{k}_valid.csv", probabilities=True, part="valid")
    files = {path.name: path.read_bytes() for path in tmp_path.glob("run*.csv")}
    assert len(files) == 15
    assert judge(files, report(validation(files), material["y_valid"])) == {}


# Wrong ones


def files_with(fault, right):
    return fault.apply(right) if fault.to == "files" else right


def report_with(fault):
    return fault.apply(report) if fault.to == "report" else report


@pytest.mark.parametrize(
    ("fault", "key", "says"),
    [
        ("one_hot_classes", "classes", "It has 3 columns: id,0,1"),
        ("argmax_over_images", "classes", "It ends after 2 predictions"),
        ("classes_as_floats", "classes", "It is the same in run2.csv, run3.csv, run4.csv, run5.csv"),
        ("probabilities_for_classes", "classes", "It holds probabilities, where classes are expected"),
        ("rows_shuffled", "some", "That is what guessing gives"),
        ("labels_inverted", "some", "worse than guessing"),
        ("ids_from_one", "classes", "The ids begin with 1"),
        ("four_trainings", "five", "run5.csv, run5_prob.csv, run5_valid.csv"),
        ("one_training_under_five_names", "five", "run2.csv: It predicts the same as run1.csv"),
        ("one_training_with_noise", "five", "It is the same in run3.csv, run4.csv, run5.csv, run2_prob.csv"),
        ("mean_of_the_others", "five", "It can be computed from"),
        ("classes_as_booleans", "classes", "The class is written as "),
        ("values_in_brackets", "probabilities", "The probability is written as [0."),
        (
            "probability_of_class_0",
            "probabilities",
            "the images to which run1.csv gives class 0 have the higher numbers",
        ),
        ("probability_of_class_0", "validation", "the images without a tumor have the higher numbers"),
        ("classes_as_probabilities", "validation", "It holds 2 different numbers, as classes do"),
        ("probabilities_sorted", "probabilities", "sorted by size"),
        ("probabilities_shuffled", "probabilities", "It does not fit run1.csv"),
        ("probabilities_shuffled", "validation", "no better than guessing"),
        ("probabilities_of_another_run", "probabilities", "run5_prob.csv"),
        ("auc_in_another_order", "auc", "in another order"),
    ],
)
def test_what_is_said_of_a_fault(judge, right, material, fault, key, says):
    (fault,) = (one for one in FAULTS if one.id == fault)
    files = files_with(fault, right)
    told = report_with(fault)(validation(right), material["y_valid"])
    assert says in judge(files, told)[key]


def test_nothing_earns_nothing(judge):
    def reported():
        raise NotImplementedError

    assert set(judge({}, reported)) == set(POINTS)


@pytest.mark.parametrize("value", [0, 1, 0.5])
def test_one_answer_for_all_images_earns_nothing_but_the_form_of_nothing(judge, material, value):
    files = {name: table("class", np.full(1000, int(value))) for name in checks.CLASSES}
    files |= {name: table("probability", np.full(1000, value)) for name in checks.PROBABILITIES}
    files |= {name: table("probability", np.full(500, value)) for name in checks.VALIDATION}
    for told in ({"auc": [0.5] * 5, "mean": 0.5, "sample variance": 0.0}, {"auc": [0] * 5}, {}, 0, None, [0.5] * 5):
        assert set(judge(files, told)) == set(POINTS)


def test_files_that_hold_nothing_earn_nothing(judge):
    files = dict.fromkeys((*checks.CLASSES, *checks.PROBABILITIES, *checks.VALIDATION), b"")
    assert set(judge(files, {"auc": [0.9] * 5, "mean": 0.9, "sample variance": 0.0})) == set(POINTS)


def test_guessing_earns_no_accuracy(judge, material):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        guesses = {f"run{k}.csv": table("class", rng.integers(0, 2, 1000)) for k in range(1, 6)}
        problems = judge(right_files(material) | guesses, {})
        assert set(problems) == ACCURACY | {"auc", "mean", "variance"}, problems


@pytest.mark.parametrize("kind", images.BANDS)
def test_the_lines_of_accuracy(judge, right, material, kind):
    def file(hits, shift):
        classes = 1 - material["y_test"]
        places = (np.arange(hits) + shift) % 1000
        classes[places] = material["y_test"][places]
        return table("class", classes)

    told = report(validation(right), material["y_valid"])
    steps = [round(1000 * band) for band in images.BANDS[kind]]
    earned = {0: 0, 1000: 9} | {step + over: 3 * (k + over + 1) for k, step in enumerate(steps) for over in (-1, 0)}
    for hits, points in earned.items():
        files = right | {f"run{k}.csv": file(hits, 7 * k) for k in range(1, 6)}
        problems = judge(files, told, material | {"bands": images.BANDS[kind]})
        assert 9 - 3 * len(set(problems) & ACCURACY) == points, hits


def test_leaving_out_the_worst_file_is_no_advantage(judge, material):
    for separations in ((0.6, 0.6, 0.6, 0.6, 0.02), (1.0, 1.0, 1.0, 1.0, 0.3), (0.5, 0.5, 0.5, 0.5, 0.2)):
        files = right_files(material, separations)
        told = report(validation(files), material["y_valid"])
        whole = judge(files, told)
        for worst in (None, b"", b"id,class\n0,1\n"):
            fewer = {k: v for k, v in files.items() if k != "run5.csv"} | ({} if worst is None else {"run5.csv": worst})
            problems = judge(fewer, told)
            assert set(whole) & ACCURACY <= set(problems) & ACCURACY
            assert sum(POINTS[key] for key in problems) > sum(POINTS[key] for key in whole)
    assert "0.5 (no classes that can be understood)" in problems["all"] and "counts as guessing" in problems["all"]


def test_labels_that_were_known_and_labels_of_other_images_call_a_person(judge, right, material):
    known = right | {f"run{k}.csv": table("class", material["y_test"]) for k in range(1, 6)}
    others = material | {"y_test": np.random.default_rng(0).permutation(material["y_test"])}
    told = report(validation(right), material["y_valid"])
    flags = []
    for files, brought in ((right, material), (known, material), (right, others)):
        judge(files, told, brought)
        student = NotebookStudent({}, material=brought)
        lost = [one for one in LAB.check("check_accuracy").judge(student, np.random.default_rng(0)) if one]
        assert len(lost) == (3 if brought is others else 0)
        flags.append(student.notes.get(FLAGS, []))
    assert flags[0] == [] and len(flags[1]) == len(flags[2]) == 1
    assert "right for 100 % of the test images, and for up to 8" in flags[1][0]
    assert "right for 5" in flags[2][0] or "right for 4" in flags[2][0]


@pytest.mark.parametrize(
    ("change", "lost", "says"),
    [
        (lambda told: told["auc"], {"auc", "mean", "variance"}, "no dictionary"),
        (lambda told: {"mean": told["mean"]}, {"auc", "variance"}, "no list of numbers under 'auc'"),
        (lambda told: told | {"auc": told["auc"][:4]}, {"auc", "variance"}, "It gives 4, and there are 5"),
        (lambda told: told | {"auc": "0.9 " * 5}, {"auc", "variance"}, "no list of numbers"),
        (lambda told: told | {"mean": float("nan")}, {"mean"}, "no number under 'mean'"),
        (lambda told: told | {"mean": told["mean"] + 0.006}, {"mean"}, "the files give"),
        (lambda told: told | {"sample variance": 0}, {"variance"}, "have the sample variance"),
        (lambda told: told | {"sample variance": round(told["sample variance"], 2)}, {"variance"}, "It gives 0"),
        (lambda told: told | {"auc": [0.1, 0.2, 0.4, 0.3, 0.5], "sample variance": 0.025}, {"auc", "variance"}, ""),
    ],
)
def test_a_report_that_is_not_right(judge, right, material, change, lost, says):
    problems = judge(right, change(report(validation(right), material["y_valid"])))
    assert set(problems) == lost and says in problems[min(lost)], problems


def test_validation_files_of_test_images_are_seen_where_there_are_as_many(judge, right, material):
    as_many = material | {"y_valid": material["y_test"]}
    files = right | {f"run{k}_valid.csv": right[f"run{k}_prob.csv"] for k in range(1, 6)}
    problems = judge(files, report(validation(files, 1000), material["y_test"]), as_many)
    assert set(problems) == {"validation"} and "the same as run1_prob.csv" in problems["validation"]


def test_files_of_the_sample_are_seen_where_others_are_asked_for(judge, right, material):
    y = np.arange(3000) % 2
    real = {"y_test": y, "y_valid": y, "bands": images.BANDS["real"], "data": "PatchCamelyon"}
    problems = judge(right, report(validation(right), material["y_valid"]), real)
    assert set(problems) == set(POINTS) - {"five"} | {"five"} and "The sample has 1000" in problems["classes"]
    assert "The sample has 500" in problems["validation"]
    practice = {name: table("class", np.arange(500) % 2) for name in checks.CLASSES}
    problems = judge(right | practice, report(validation(right), material["y_valid"]))
    assert "500 images for practice" in problems["classes"] and "sample_test.npy" in problems["classes"]


# What files hold


def probabilities(content):
    return predictions.read_predictions(content).values


def every(files, change, kinds=("_prob", "_valid"), runs=range(1, 6)):
    """Change the probabilities of some files, each with a random generator of its own."""
    names = [f"run{k}{kind}.csv" for kind in kinds for k in runs]
    return files | {
        name: table("probability", np.clip(change(probabilities(files[name]), np.random.default_rng(k)), 0, 1))
        for k, name in enumerate(names)
    }


def from_run_1(files, change):
    copied = {name: files[f"run1{name[4:]}"] for name in files}
    return every(copied, change, runs=range(2, 6))


def of_others(files, combine):
    """Make the last run's probabilities from the other four's."""
    made = {
        f"run5{kind}.csv": combine(np.stack([probabilities(files[f"run{k}{kind}.csv"]) for k in range(1, 5)]))
        for kind in ("_prob", "_valid")
    }
    return files | {name: table("probability", values) for name, values in made.items()}


def logits(p):
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return np.log(p / (1 - p))


FALSE = {
    "noise of a thousandth": (lambda f: from_run_1(f, lambda p, rng: p + rng.normal(0, 1e-3, len(p))), {"five"}),
    "the same squared": (lambda f: every(from_run_1(f, lambda p, rng: p), lambda p, rng: p**2, runs=[3]), {"five"}),
    "the same, sharper": (lambda f: from_run_1(f, lambda p, rng: 1 / (1 + np.exp(-logits(p) * 2))), {"five"}),
    "a little of another": (lambda f: of_others(f, lambda p: 0.97 * p[0] + 0.03 * p[2]), {"five"}),
    "weighted mean": (lambda f: of_others(f, lambda p: np.average(p, axis=0, weights=[4, 3, 2, 1])), {"five"}),
    "mean of two": (lambda f: of_others(f, lambda p: p[1:3].mean(axis=0)), {"five"}),
    "mean of logits": (lambda f: of_others(f, lambda p: 1 / (1 + np.exp(-logits(p).mean(axis=0)))), {"five"}),
    "median": (lambda f: of_others(f, lambda p: np.median(p, axis=0)), {"five"}),
    "largest": (lambda f: of_others(f, lambda p: p.max(axis=0)), {"five"}),
    "mean with noise": (
        lambda f: of_others(f, lambda p: p.mean(axis=0) + np.random.default_rng(0).normal(0, 1e-3, p.shape[1])),
        {"five"},
    ),
    "turned around in one file": (lambda f: every(f, lambda p, rng: 1 - p, ["_prob"], [3]), {"probabilities"}),
    "turned around for validation": (lambda f: every(f, lambda p, rng: 1 - p, ["_valid"]), {"validation"}),
    "sorted downward": (lambda f: every(f, lambda p, rng: -np.sort(-p), ["_prob"]), {"probabilities"}),
    "the last image first": (lambda f: every(f, lambda p, rng: p[::-1]), {"probabilities", "validation"}),
    "one image further": (lambda f: every(f, lambda p, rng: np.roll(p, 1)), {"probabilities", "validation"}),
    "classes with a noise of 1e-9": (
        lambda f: every(f, lambda p, rng: (p > 0.5) + rng.normal(0, 1e-9, len(p)), ["_valid"]),
        {"validation"},
    ),
    "classes as 0.1 and 0.9": (
        lambda f: every(f, lambda p, rng: 0.1 + 0.8 * (p > 0.5)),
        {"probabilities", "validation"},
    ),
    "votes of five": (lambda f: every(f, lambda p, rng: np.round(5 * p) / 5, ["_prob"]), {"probabilities"}),
    "all of one training but the classes": (
        lambda f: f | {f"run{k}{kind}.csv": f[f"run1{kind}.csv"] for k in range(2, 6) for kind in ("_prob", "_valid")},
        {"five"},
    ),
}


@pytest.mark.parametrize("name", FALSE)
def test_files_that_are_not_what_they_must_be(judge, right, material, name):
    change, loses = FALSE[name]
    files = change(right)
    problems = judge(files, report(validation(files), material["y_valid"]))
    assert set(problems) == loses, problems


def test_files_of_classes_with_few_changes_are_of_one_training(judge, right, material):
    truth = probabilities(right["run1.csv"])
    for changed, loses in ((1, {"five"}), (4, {"five"}), (60, set())):
        files = dict(right)
        for k in range(2, 6):
            classes = truth.copy()
            classes[np.random.default_rng(k).choice(1000, changed, replace=False)] ^= 1
            files[f"run{k}.csv"] = table("class", classes)
        problems = judge(files, report(validation(files), material["y_valid"]))
        assert set(problems) & {"five"} == loses


def test_what_is_reported_of_turned_probabilities_may_be_of_either_class(judge, right, material):
    turned = every(right, lambda p, rng: 1 - p, ["_valid"])
    for files in (right, turned):
        told = report(validation(files), material["y_valid"])
        assert set(judge(turned, told)) == {"validation"}
    wrong = told | {"auc": [0.2] * 5}
    assert set(judge(turned, wrong)) == {"validation", "auc", "variance"}


def flags(files, material):
    student = NotebookStudent({}, material=material)
    LAB.check("check_accuracy").judge(student, np.random.default_rng(0))
    return student.notes.get(FLAGS, [])


def test_what_calls_a_person_and_costs_nothing(judge, right, material):
    told = report(validation(right), material["y_valid"])
    assert judge(right, told) == {} and flags(right, material) == []
    # Classes and noise that says nothing: no number of it is another's, and each fits its classes.
    noise = every(right, lambda p, rng: np.where(p > 0.5, 0.75, 0.25) + rng.uniform(-0.24, 0.24, len(p)))
    assert judge(noise, report(validation(noise), material["y_valid"])) == {}
    (flag,) = flags(noise, material)
    assert "classes with noise" in flag and sum(name in flag for name in noise) >= 8
    # One run whose validation images were named by their labels.
    known = material["y_valid"] * 0.9 + np.random.default_rng(0).uniform(0, 0.1, 500)
    files = right | {"run4_valid.csv": table("probability", known)}
    assert judge(files, report(validation(files), material["y_valid"])) == {}
    (flag, *_) = flags(files, material)
    assert "Training 4" in flag and "100 % of the validation images" in flag


def test_weak_trainings_are_trainings(judge, material):
    """Whoever earns no accuracy still loses nothing for files that are what they must be."""
    files = right_files(material, (0.35, 0.3, 0.4, 0.3, 0.35))
    assert set(judge(files, report(validation(files), material["y_valid"]))) == ACCURACY


def test_of_two_files_that_do_not_fit_the_one_that_tells_less_is_wrong():
    """Shuffled classes agree with the truth by chance, and one time in forty by more than two standard errors."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 1000)
    sure = rng.normal(1.0 * truth)
    own = (sure > 0.5).astype(int)
    shuffled = [rng.permutation(own) for _ in range(200)]
    assert any(contents.side(one, truth) > 0 for one in shuffled)
    assert all(contents.tells_more(sure, one, truth) for one in shuffled)
    assert not contents.tells_more(sure, own, truth) and not contents.tells_more(own, sure, truth)
    assert not any(contents.tells_more(one, own, truth) for one in shuffled)


def test_contents_of_few_images_are_not_judged(material):
    few = predictions.read_predictions(b"id,probability\n0,0\n1,0.5\n2,1\n")
    assert contents.by_itself(few) is None and contents.copies([few, few, few]) == ([], set())
    assert contents.for_labels(few, np.array([1, 0, 0])) is None and contents.for_classes(few, few) is None


# In an open notebook


def test_a_notebook_knows_the_form_and_the_report_and_leaves_the_accuracy_to_grading(judge, right, material):
    data = DataGenerator(verbose=False)
    data.generate("patchcam", source="sample", sample_test=patchcam.tissue_test(trial.SECRET)[0])
    told = report(validation(right), material["y_valid"])
    judge(right, told)
    check = lab_check("lab3", {"reported": lambda: told, "data": data})
    assert [float(check(name)) for name in ("files", "reported", "accuracy")] == [11, 4, 0]
    assert float(check()) == 15 and "only whoever grades has the labels" in check("accuracy").html
    (shorter,) = (fault for fault in FAULTS if fault.id == "cut_in_the_middle")
    judge(shorter.apply(right), told)
    assert float(check("files")) == 7


TURNED = """\
turned = pd.read_csv("run1_valid.csv")
turned["probability"] = 1 - turned["probability"]
turned.to_csv("run1_valid.csv", index=False)
float(check("files"))
"""


def test_in_a_kernel_the_images_are_known_though_grading_skips_the_cell_that_loads_them(
    judge, right, material, text, tmp_path
):
    np.save(tmp_path / images.SAMPLE_TEST, patchcam.tissue_test(trial.SECRET)[0])
    told = report(validation(right), material["y_valid"])
    judge(right, told)
    (loads,) = (cell for cell in text.cells if "data.generate(" in cell.source)
    assert "explore" in loads.metadata.tags
    asks = [f"def reported():\n    return {told!r}", 'float(check("reported"))', 'float(check("files"))', TURNED]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [by_id(text)["setup"], loads, *map(nbformat.v4.new_code_cell, asks)]
    client = NotebookClient(notebook, timeout=300, kernel_name="python3")
    client.resources = {"metadata": {"path": str(tmp_path)}}
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    reported, files, turned = (float(cell.outputs[-1].data["text/plain"]) for cell in notebook.cells[-3:])
    assert (reported, files) == (4, 11) and turned < 11


def test_without_images_a_notebook_checks_what_it_can(judge, right, material):
    told = report(validation(right), material["y_valid"])
    judge(right, told)
    check = lab_check("lab3", {"reported": lambda: told})
    assert float(check("files")) == 11 and float(check("reported")) == 0
    assert "run the cell that makes data" in check("reported").html
    judge(right | {"run3.csv": table("class", np.arange(999) % 2)}, told)
    assert float(check("files")) < 11 and "It predicts 999 images" in check("files").html


# What grading brings


def test_what_is_released_is_what_is_graded_and_nobody_else_can_draw_it(tmp_path, material):
    (name, content), *others = LAB.for_release(tmp_path, trial.SECRET).items()
    (tmp_path / name).write_bytes(content)
    data = DataGenerator(verbose=False)
    data.generate("patchcam", source="sample", sample_test=tmp_path / name)
    assert not others and data.N_test == len(material["y_test"]) and data.y_test is None
    # Another secret changes nothing of what was released, but would draw other images.
    np.testing.assert_array_equal(LAB.material(tmp_path, 1)["y_test"], material["y_test"])
    assert np.mean(patchcam.tissue_test(1)[1] == material["y_test"]) < 0.6
    assert LAB.for_release(tmp_path, trial.SECRET) == {name: content}
    with pytest.raises(UserError, match="another secret drew"):
        LAB.for_release(tmp_path, 1)


def test_nothing_is_drawn_where_real_images_are_graded(tmp_path, monkeypatch):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "lab3.csv").write_bytes(table("class", np.arange(12) // 6))
    assert LAB.for_release(tmp_path, 1) == {}, "the images may lie on another machine"
    (tmp_path / "labels" / "lab3.csv").unlink()
    write_images(tmp_path / "data" / "patchcam")
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path / "data"))
    assert LAB.for_release(tmp_path, 1) == {} and not list((tmp_path / "labels").iterdir())


def write_images(folder, test=12):
    """Write tiny files in the form of PatchCamelyon."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, count in (("train", 20), ("valid", 10), ("test_x", test)):
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file["x"] = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
            if name != "test_x":
                file["y"] = (np.arange(count) % 2).astype(np.uint8)


def test_the_sample_is_graded_without_a_file_of_labels(tmp_path, material):
    found = LAB.material(tmp_path, trial.SECRET)
    for part in ("y_test", "y_valid"):
        np.testing.assert_array_equal(found[part], material[part])
    assert "Sample" in found["data"] and found["bands"] == images.BANDS["sample"]


def test_real_images_are_graded_with_their_labels(tmp_path, monkeypatch):
    write_images(tmp_path / "data" / "patchcam")
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path / "data"))
    with pytest.raises(UserError, match=r"no labels for grading: .*labels/lab3.csv is missing.* --labels"):
        LAB.material(tmp_path, 1)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "lab3.csv").write_bytes(table("class", np.arange(12) // 6))
    found = LAB.material(tmp_path, 1)
    data = DataGenerator(verbose=False)
    data.generate("patchcam")
    assert found["y_test"].tolist() == [0] * 6 + [1] * 6
    assert found["y_valid"].tolist() == data.y_valid.tolist() and found["data"] == "PatchCamelyon"


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (table("class", np.arange(11) % 2), r"lab3.csv, line 12: It ends after 11 predictions. There must be one"),
        (table("class", np.arange(12) % 3), "The class 2 is out of range"),
        (table("probability", np.arange(12) / 12), "It holds probabilities"),
        (table("class", np.zeros(12, int)), "for every image"),
        (b"", "It is empty"),
        (b"\x00\x01" * 50, "It is no text"),
    ],
)
def test_labels_that_do_not_fit_the_images_stop_grading(tmp_path, monkeypatch, labels, says):
    write_images(tmp_path / "data" / "patchcam")
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path / "data"))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "lab3.csv").write_bytes(labels)
    with pytest.raises(UserError, match=says) as error:
        LAB.material(tmp_path, 1)
    assert "There must be one class, 0 or 1, for each of the 12 test images." in str(error.value)


def test_labels_of_images_that_this_machine_has_not(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "lab3.csv").write_bytes(table("class", np.arange(3000) % 2))
    with pytest.raises(UserError, match="each of the 1000 test images. There is no PatchCamelyon on this machine"):
        LAB.material(tmp_path, 1)


def test_the_course_s_own_labels_say_that_the_sample_is_graded(tmp_path, monkeypatch, material):
    write_images(tmp_path / "data" / "patchcam")
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path / "data"))
    (tmp_path / "labels").mkdir()
    predictions.write_csv(tmp_path / "labels" / "lab3.csv", "class", material["y_test"])
    found = LAB.material(tmp_path, trial.SECRET)
    assert found["data"] == material["data"]
    for part in ("y_test", "y_valid"):
        np.testing.assert_array_equal(found[part], material[part])


def test_damaged_images_never_fall_back_on_the_sample(tmp_path, monkeypatch):
    write_images(tmp_path / "data" / "patchcam")
    (tmp_path / "data" / "patchcam" / "valid.h5").write_bytes(b"half")
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path / "data"))
    with pytest.raises(UserError, match=r"valid\.h5 cannot be read"):
        LAB.material(tmp_path, 1)


# The notebook


@pytest.fixture(scope="module")
def text():
    return jupytext.read(TEXT)


def by_id(notebook):
    return {cell.metadata["nbgrader"]["grade_id"]: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


def test_the_text_agrees_with_the_rubric(text):
    assert disagreements(text, LAB) == []
    named = by_id(text)
    order = ["setup", "build_model", "train_model", "check_files", "check_accuracy", "reported", "check_reported"]
    assert list(named) == [*order, "discussion"]
    for check in LAB.checks:
        assert named[check.grade_id].source == f'check("{check.function}")'
    stubs = by_id(ClearSolutions().preprocess(copy.deepcopy(text), {})[0])
    for name in ("build_model", "train_model", "reported"):
        assert stubs[name].source.endswith('    """\n    # YOUR CODE HERE\n    raise NotImplementedError()')
    for kind, bands in images.BANDS.items():
        stated = "{:g} %, {:g} % and {:g} %".format(*(100 * band for band in bands))
        assert any(stated in cell.source for cell in text.cells), kind
    for number in ("11", "9", "4", "24", "6"):
        assert f"| {number} |" in "".join(cell.source for cell in text.cells)


def test_what_trains_or_needs_images_is_not_run_while_grading(text):
    sources = cells.runnable(cells.clean(copy.deepcopy(text)), [check.grade_id for check in LAB.checks])
    assert not [source for source in sources.values() if "generate(" in source or "pred_test(" in source]
    for name in ("build_model", "train_model", "reported", "setup"):
        assert by_id(text)[name].source in sources.values()


def test_the_model_is_what_the_text_asks_for(text):
    import keras

    space = {"keras": keras, "layers": keras.layers}
    exec(by_id(text)["build_model"].source, space)
    model = space["build_model"]()
    assert 1e5 <= model.count_params() <= 3e5
    kinds = {type(layer).__name__: layer.get_config() for layer in model.layers}
    assert kinds["RandomFlip"]["mode"] == "horizontal_and_vertical"
    for name in ("RandomContrast", "RandomBrightness"):
        assert list(kinds[name]["value_range"]) == [-1, 1] and kinds[name]["factor"] != 0
    assert {"BatchNormalization", "Dropout"} <= set(kinds)
    x = np.random.default_rng(0).uniform(-1, 1, (6, 32, 32, 3)).astype("float32")
    logs = model.evaluate(x, np.arange(6) % 2, verbose=0, return_dict=True)
    assert {"accuracy", "auc"} <= set(logs)
    assert model.predict(x, verbose=0).shape == (6, 1)


def run(*arguments, folder):
    environment = {key: value for key, value in os.environ.items() if key != "CNN_COURSE_DATA"}
    environment |= {"KERAS_HOME": str(folder / "keras")}
    return subprocess.run([PROGRAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def test_from_release_to_feedback(sandbox_works, right, material, tmp_path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    (tmp_path / "course_secret").write_text(f"{trial.SECRET}\n")
    shutil.copytree(ROOT / "assignments" / "lab3", tmp_path / "assignments" / "lab3")
    done = run("release", "lab3", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    release = tmp_path / "assignments" / "release" / "lab3"
    given = {path.name for path in release.iterdir()}
    assert given == {"get-started.md", "lab3.ipynb", "report.md", "sample_test.npy"}
    truth = predictions.read_predictions(tmp_path / "labels" / "lab3.csv").values
    np.testing.assert_array_equal(truth, material["y_test"])

    def hand_in(student, notebook, files):
        place = tmp_path / "assignments" / "submitted" / student / "lab3"
        place.mkdir(parents=True)
        nbformat.write(notebook, place / "lab3.ipynb")
        for name, content in files.items():
            (place / name).write_bytes(content)

    released = nbformat.read(release / "lab3.ipynb", as_version=4)
    solved = copy.deepcopy(released)
    solutions = by_id(jupytext.read(TEXT))
    for name, cell in by_id(solved).items():
        cell.source = solutions[name].source
    files = right | {"valid_labels.csv": table("class", material["y_valid"])}
    typed = copy.deepcopy(solved)
    told = report(validation(right), material["y_valid"])
    by_id(typed)["reported"].source = f"def reported():\n    return {told!r}"
    (spreadsheet,) = (fault for fault in FAULTS if fault.id == "semicolons")
    large = {"model.keras": bytes(17 * 2**20), "run3.csv": b"id,class\n" + b"0,1\n" * (5 * 10**6)}
    hand_in("ada", solved, files)
    hand_in("typed", typed, right)
    hand_in("semicolons", solved, spreadsheet.apply(files))
    hand_in("large", solved, files | large)
    hand_in("untouched", released, {})
    done = run("grade", "lab3", "--json", "out.json", folder=tmp_path)
    assert done.returncode == 2, done.stderr
    records = {record["student"]: record for record in json.loads((tmp_path / "out.json").read_text())}
    points = {student: record["points"] for student, record in records.items()}
    assert points == {"ada": 24, "typed": 24, "semicolons": 20, "large": 24 - 3, "untouched": 0}
    assert [student for student, record in records.items() if record["status"] == "flagged"] == ["large"]
    page = (tmp_path / "assignments" / "feedback" / "semicolons" / "lab3" / "lab3.html").read_text()
    assert "Its columns are separated by semicolons" in page and "Automatic points: 20 of 24" in page


@pytest.mark.long
def test_the_notebook_runs_from_top_to_bottom_on_the_sample(text, material, tmp_path):
    np.save(tmp_path / images.SAMPLE_TEST, patchcam.tissue_test(trial.SECRET)[0])
    notebook = copy.deepcopy(text)
    for cell in notebook.cells:
        cell.source = cell.source.replace("epochs, batch = 9, 64", "epochs, batch = 6, 64")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_HOME": str(tmp_path)}
    environment.pop("CNN_COURSE_DATA", None)
    client = NotebookClient(notebook, timeout=1800, kernel_name="python3")
    client.resources = {"metadata": {"path": str(tmp_path)}}
    client.execute(env=environment)
    points = {
        name: float(cell.outputs[-1].data["text/plain"])
        for name, cell in by_id(notebook).items()
        if name.startswith("check_")
    }
    assert points == {"check_files": 11, "check_accuracy": 0, "check_reported": 4}
    read = [predictions.read_predictions(tmp_path / name).values for name in checks.CLASSES]
    assert np.mean(np.stack(read) == material["y_test"]) > images.BANDS["sample"][-1]
