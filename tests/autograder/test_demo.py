"""The demo in a copy of the repository, as somebody sees it first."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from autograder.demo import MARK, sample_class
from autograder.labs import all_labs
from tests.conftest import PROGRAM, ROOT

KEPT_OUT = shutil.ignore_patterns(".venv", ".git", "demo", "results", ".*_cache", "__pycache__", "submitted")


#: In the suite lab 1, of which most is told, and the newest, which may be somebody's own; the long form shows all.
SOME = [all_labs()[1], all_labs()[-1]]


@pytest.fixture(
    scope="module", params=[pytest.param(SOME, id="some"), pytest.param([], id="all", marks=pytest.mark.long)]
)
def shown(request, tmp_path_factory, sandbox_works):
    """A copy of the repository, the labs that its demo showed, and what that said."""
    copy = tmp_path_factory.mktemp("demo") / "repository"
    shutil.copytree(ROOT, copy, ignore=KEPT_OUT)
    shutil.rmtree(copy / "book" / "_build", ignore_errors=True)
    labs = [lab.name for lab in request.param]
    done = subprocess.run([PROGRAM, "demo", *labs, "--no-site", "--course", copy], capture_output=True, text=True)
    return copy, request.param or all_labs(), done


def test_it_ends_well_and_says_where_everything_is(shown):
    copy, labs, done = shown
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert not (copy / "book" / "_build").exists() and "index.html" not in done.stdout
    (page,) = [Path(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("Feedback:")]
    assert "What to do next" in page.read_text()
    assert "Isolation: bubblewrap" in done.stdout
    assert [path.stem for path in sorted((copy / "demo").glob("report-*"))] == [f"report-{lab.name}" for lab in labs]


@pytest.mark.long
def test_it_builds_the_site_too(tmp_path, site, sandbox_works):
    """As somebody sees it first. What the pages print is known; putting it on the pages is the demo's."""
    folder = tmp_path / "repository"
    shutil.copytree(ROOT, folder, ignore=KEPT_OUT)
    shutil.rmtree(folder / "book" / "_build", ignore_errors=True)
    shutil.copytree(site.parent / "work", folder / "book" / "_build" / "work")
    done = subprocess.run([PROGRAM, "demo", "--course", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    first = folder / "book" / "_build" / "html" / "index.html"
    assert str(first) in done.stdout and first.is_file()


def test_each_of_the_class_gets_what_its_name_says(shown):
    copy, labs, done = shown
    for lab in labs:
        found = json.loads((copy / "demo" / f"report-{lab.name}.json").read_text())
        records = {record["student"]: record for record in found}
        samples = {sample.name: sample for sample in sample_class(lab).samples}
        assert records.keys() == samples.keys() and len(samples) >= 2
        for name, sample in samples.items():
            record = records[name]
            least, most = sample.points
            lost = {item["check"].removeprefix("check_") for item in record["items"] if not item["passed"]}
            assert least <= record["points"] <= most, (name, record["points"])
            # Where the points may vary, so may what is lost.
            assert lost == sample.loses or least < most and lost <= sample.loses, name
            assert (record["status"] == "flagged") == sample.flagged, (name, record["message"])
            assert name in done.stdout
            page = copy / "demo" / "assignments" / "feedback" / name / lab.name / f"{lab.name}.html"
            assert f"Automatic points: {record['points']:g} of {lab.points:g}." in page.read_text()


def test_a_lab_that_is_not_there_is_one_sentence(tmp_path):
    done = subprocess.run([PROGRAM, "demo", "lab1", "lab99", "--course", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and "lab99" in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_the_demo_s_is_left_alone(shown):
    copy, _, _ = shown
    (copy / "demo" / MARK).unlink()
    (copy / "demo" / "mine.txt").write_text("precious")
    again = subprocess.run([PROGRAM, "demo", "--course", copy], capture_output=True, text=True)
    assert again.returncode == 1 and "in the way" in again.stderr
    assert (copy / "demo" / "mine.txt").read_text() == "precious"
