"""The demo in a copy of the repository, as somebody sees it first."""

import json
import shutil
import subprocess

import pytest

from autograder.demo import CLASSES, MARK
from tests.conftest import PROGRAM, ROOT


@pytest.fixture(scope="module")
def copy(tmp_path_factory, site):
    folder = tmp_path_factory.mktemp("demo") / "repository"
    kept_out = shutil.ignore_patterns(".venv", ".git", "demo", "results", ".*_cache", "__pycache__", "submitted")
    shutil.copytree(ROOT, folder, ignore=kept_out)
    # What the pages print is known; putting it on the pages is the demo's.
    shutil.rmtree(folder / "book" / "_build", ignore_errors=True)
    shutil.copytree(site.parent / "work", folder / "book" / "_build" / "work")
    return folder


@pytest.fixture(scope="module")
def shown(copy, sandbox_works):
    return subprocess.run([PROGRAM, "demo", "--course", copy], capture_output=True, text=True)


def test_it_ends_well_and_says_where_everything_is(copy, shown):
    assert shown.returncode == 0, shown.stdout[-3000:] + shown.stderr[-3000:]
    site = copy / "book" / "_build" / "html" / "index.html"
    page = copy / "demo/assignments/feedback/02-kernel-not-flipped/lab1/lab1.html"
    assert str(site) in shown.stdout and site.is_file()
    assert str(page) in shown.stdout and "What to do next" in page.read_text()
    assert "Isolation: bubblewrap" in shown.stdout


def records_of(copy, lab):
    return {record["student"]: record for record in json.loads((copy / "demo" / f"report-{lab}.json").read_text())}


def test_each_of_the_class_gets_what_its_name_says(copy, shown):
    records = records_of(copy, "lab1")
    assert set(records) == {sample.name for sample in CLASSES["lab1"]} and len(records) >= 8
    points = {name: record["points"] for name, record in records.items()}
    assert points["01-full-marks"] == points["06-crash"] == 35
    assert points["05-untouched"] == points["10-not-a-notebook"] == 0
    assert points["08-cheat"] == 4
    flagged = {name for name, record in records.items() if record["status"] == "flagged"}
    assert flagged == {"06-crash", "08-cheat", "10-not-a-notebook"}
    lost = {
        name: {item["check"] for item in records[name]["items"] if not item["passed"]}
        for name in ("02-kernel-not-flipped", "03-mean-instead-of-max", "04-biases-not-counted", "07-endless-loop")
    }
    assert lost == {
        "02-kernel-not-flipped": {"check_conv2d_layer"},
        "03-mean-instead-of-max": {"check_pool2d_layer"},
        "04-biases-not-counted": {"check_count_weights"},
        "07-endless-loop": {"check_flatten_layer"},
    }
    for name in records:
        assert name in shown.stdout


def test_lab_0_asks_for_everybody_s_own_numbers(copy, shown):
    records = records_of(copy, "lab0")
    lost = {name: {item["check"] for item in record["items"] if not item["passed"]} for name, record in records.items()}
    assert {name: record["points"] for name, record in records.items()} == {
        "01-full-marks": 30,
        "02-numbers-of-another": 0,
        "03-true-convolution": 24,
        "04-biases-forgotten": 29,
        "05-untouched": 0,
    }
    assert lost["03-true-convolution"] == {"check_my_convolution"} and lost["04-biases-forgotten"] == {
        "check_my_parameters"
    }
    assert [name for name, record in records.items() if record["status"] == "flagged"] == ["02-numbers-of-another"]
    assert "names the student '01-full-marks'" in records["02-numbers-of-another"]["message"]
    page = copy / "demo/assignments/feedback/04-biases-forgotten/lab0/lab0.html"
    assert "The biases are missing" in page.read_text()


def test_lab_2_is_measured(copy, shown):
    records = records_of(copy, "lab2")
    assert set(records) == {sample.name for sample in CLASSES["lab2"]}
    lost = {name: {item["check"] for item in record["items"] if not item["passed"]} for name, record in records.items()}
    assert lost["01-quick-training"] <= {"check_accuracy"} and records["01-quick-training"]["points"] >= 19
    assert lost["02-claims-too-much"] == {"check_accuracy"} and records["02-claims-too-much"]["status"] == "flagged"
    assert "fresh trainings gave" in records["02-claims-too-much"]["message"]
    assert records["05-untouched"]["points"] == 0
    page = copy / "demo/assignments/feedback/02-claims-too-much/lab2/lab2.html"
    assert "Fresh trainings on other images gave" in page.read_text()


def test_lab_3_is_judged_by_its_files(copy, shown):
    records = records_of(copy, "lab3")
    assert {name: record["points"] for name, record in records.items()} == {
        "01-five-trainings": 24,
        "02-saved-by-a-spreadsheet": 20,
        "03-one-training-five-times": 21,
        "04-rows-shuffled": 15,
        "05-untouched": 0,
    }
    page = copy / "demo/assignments/feedback/02-saved-by-a-spreadsheet/lab3/lab3.html"
    assert "separated by semicolons" in page.read_text()


def test_a_folder_that_is_not_the_demo_s_is_left_alone(copy, shown):
    (copy / "demo" / MARK).unlink()
    (copy / "demo" / "mine.txt").write_text("precious")
    again = subprocess.run([PROGRAM, "demo", "--course", copy], capture_output=True, text=True)
    assert again.returncode == 1 and "in the way" in again.stderr
    assert (copy / "demo" / "mine.txt").read_text() == "precious"
