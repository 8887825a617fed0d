"""A new lab, as a contributor makes it: in a copy of the repository, with no other file changed."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.new_lab import NewLabError, new_lab
from tests.conftest import PROGRAM, ROOT

#: A name that no lab will have: the copy holds what a contributor has not committed yet.
NAME = "lab_of_this_test"
OURS = (f"assignments/{NAME}/", f"autograder/labs/{NAME}/", f"tests/labs/{NAME}/", f"book/labs/{NAME}.md")


def run(copy, *command):
    environment = os.environ | {"PYTHONPATH": str(copy)}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)


def contents(folder):
    """Return what each file of a repository holds, but for what running Python leaves behind."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__", ".pytest_cache", ".hypothesis"} & set(path.parts)
    }


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository's files in a folder of their own."""
    folder = tmp_path_factory.mktemp("new-lab") / "repository"
    folder.mkdir()
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so there is no list of its files")
    command = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, listed):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    return folder


@pytest.fixture(scope="module")
def made(copy):
    before = contents(copy)
    done = run(copy, PROGRAM, "new-lab", NAME, "--title", "Lab 9: A start")
    assert done.returncode == 0, done.stderr
    return before, done


def test_only_the_lab_s_own_files_are_new_and_none_is_changed(copy, made):
    before, done = made
    after = contents(copy)
    assert {name: after.get(name) for name in before} == before
    new = after.keys() - before.keys()
    assert new and all(name.startswith(OURS) for name in new)
    assert {next(place for place in OURS if name.startswith(place)) for name in new} == set(OURS)
    assert all(f"new: {place.rstrip('/')}" in done.stdout for place in OURS)


def test_it_passes_the_tests_of_all_labs_and_the_linter(copy, made):
    tests = [f"tests/labs/{NAME}", "tests/labs/test_labs.py", "-k", NAME, "-m", "not long", "-p", "no:cacheprovider"]
    done = run(copy, sys.executable, "-m", "pytest", "-q", *tests)
    # Fault, right ways and stubs of the lab, and what it says of itself.
    assert done.returncode == 0 and done.stdout.count(".") >= 8, done.stdout[-3000:]
    for check in (["check"], ["format", "--check"]):
        done = run(copy, sys.executable, "-m", "ruff", *check, f"autograder/labs/{NAME}", f"tests/labs/{NAME}")
        assert done.returncode == 0, done.stdout


def test_it_releases_grades_and_shows_in_the_demo(copy, made, sandbox_works):
    show = (
        "import pathlib, rich.console\n"
        "from autograder.demo import fresh_course, grade_class\n"
        "from autograder.labs import all_labs, get_lab\n"
        "from book.lists import needs\n"
        f"lab = get_lab({NAME!r})\n"
        "assert lab in all_labs()\n"
        "assert needs(pathlib.Path('book'), lab.name).count('/theory/') == len(lab.chapters) > 1\n"
        "grade_class(fresh_course(pathlib.Path.cwd(), [lab]), [lab], rich.console.Console())\n"
    )
    done = run(copy, sys.executable, "-c", show)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    records = {record["student"]: record for record in json.loads((copy / f"demo/report-{NAME}.json").read_text())}
    assert {name: record["points"] for name, record in records.items()} == {
        "01-full-marks": 1,
        "02-plain-relu": 0,
        "05-untouched": 0,
    }
    assert all(record["status"] == "graded" for record in records.values())
    (item,) = records["02-plain-relu"]["items"]
    assert item["message"].startswith("Asked: apply the leaky ReLU with the slope ")
    assert item["message"].endswith("Multiply them by the slope.") and "expected" in item["example"]
    page = copy / "demo/assignments/feedback/02-plain-relu" / NAME / f"{NAME}.html"
    assert "Multiply them by the slope." in page.read_text()


LAB, FAULTS, CHECKS = (f"autograder/labs/{NAME}/{name}.py" for name in ("__init__", "faults", "checks"))
TRIAL = f"tests/labs/{NAME}/trial.py"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (LAB, "LAB = Lab(", "OTHER = Lab(", "__init__.py defines no LAB. Define LAB = "),
        (CHECKS, "import ", "import numpie, ", "checks.py, line 3: ModuleNotFoundError: No module named 'numpie'"),
        (LAB, f'name="{NAME}"', 'name="lab8"', "__init__.py is called 'lab8'. Its name must be that of"),
        (
            LAB,
            "    reference=",
            "    # reference=",
            "__init__.py: the checks of leaky_relu need right answers",
        ),
        (
            FAULTS,
            "leaky_relu.negative",
            "leaky_relu.sign",
            "loses leaky_relu.sign, and no check has such a line",
        ),
        (
            FAULTS,
            'function="leaky_relu"',
            'function="relu"',
            "which no check asks. Name a function",
        ),
        (CHECKS, "1.0,", "2.0,", "check_leaky_relu is worth 1 points in the notebook and 2 in the checks"),
        (CHECKS, "1.0,", "-1.0,", "checks.py: the line leaky_relu.negative is worth -1 points. Give it more than 0"),
        (TRIAL, "VARIANTS = ", "WAYS = ", "trial.py names no VARIANTS: right ways to solve the lab, two at least"),
    ],
)
def test_a_lab_that_is_not_made_right_is_one_sentence_at_release(copy, made, file, old, new, says):
    with changed(copy / file, old, new):
        done = run(copy, PROGRAM, "release", NAME)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert says in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (LAB, "LAB = Lab(", "OTHER = Lab(", "defines no LAB"),
        (FAULTS, "leaky_relu.negative", "leaky_relu.sign", "and no check has such a line"),
        (TRIAL, "VARIANTS = ", "WAYS = ", "VARIANTS names fewer than two right ways to solve the lab"),
    ],
)
def test_a_lab_that_is_not_made_right_fails_the_tests_of_all_labs(copy, made, file, old, new, says):
    with changed(copy / file, old, new):
        tests = ["tests/labs/test_labs.py", "-k", NAME, "-p", "no:cacheprovider", "-m", "not long"]
        done = run(copy, sys.executable, "-m", "pytest", "-q", *tests)
        assert done.returncode in (1, 2) and says in " ".join(done.stdout.split()), done.stdout[-2000:]


@contextlib.contextmanager
def changed(path, old, new):
    right = path.read_text()
    assert old in right
    try:
        path.write_text(right.replace(old, new))
        yield
    finally:
        path.write_text(right)


@pytest.mark.parametrize("name", ["", "Lab9", "9lab", "lab-9", "lab 9", "../lab9", "class", "lab9/x", "läb"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(NewLabError, match="cannot be the name of a lab"):
        new_lab(tmp_path, name)


def test_what_is_there_and_what_is_no_repository_is_left_alone(copy, made, tmp_path):
    before = contents(copy)
    with pytest.raises(NewLabError, match="is there already"):
        new_lab(copy, NAME)
    (copy / "book" / "labs" / "lab97.md").write_text("mine")
    with pytest.raises(NewLabError, match="is there already"):
        new_lab(copy, "lab97")
    (copy / "book" / "labs" / "lab97.md").unlink()
    assert contents(copy) == before
    with pytest.raises(NewLabError, match="is not the course's repository"):
        new_lab(tmp_path, NAME)
    with pytest.raises(NewLabError, match="Leave out quotes"):
        new_lab(copy, "lab8", 'A "title"')
    assert not list(Path(tmp_path).iterdir())
