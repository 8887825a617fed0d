"""The text of lab 4: its cells have the roles that grading needs, its numbers are right, and answers stay back."""

import re
import shutil
import subprocess

import jupytext
import nbformat
import pytest

from autograder.labs import get_lab
from autograder.labs.lab4 import accuracy, images, plan, sweeps
from source_lib.experiments import N_DEVELOP
from tests.conftest import PROGRAM, ROOT

LAB = get_lab("lab4")
TEXT = ROOT / "assignments" / "lab4" / "lab4.md"


@pytest.fixture(scope="module")
def lab():
    return jupytext.read(TEXT)


@pytest.fixture(scope="module")
def prose(lab):
    return "\n".join(cell.source for cell in lab.cells if cell.cell_type == "markdown")


def test_the_points_in_the_text_are_those_of_the_checks(prose):
    rows = dict(re.findall(r"^\| [1-8] \| `(\w+)`.*\| ([\d.]+) \|$", prose, re.MULTILINE))
    assert {name: float(points) for name, points in rows.items()} == {one.function: one.points for one in LAB.checks}
    assert f"in total | {LAB.points:g} |" in prose
    manual = [int(points) for points in re.findall(r"\*\*[a-g]\) .*?\((\d) points?\)\.\*\*", prose)]
    assert sum(manual) == LAB.manual["discussion"] == 10


def test_the_counts_of_parameters_in_the_text_are_right(prose):
    for row in (
        [plan.parameters(plan.cnn(blocks)) for blocks in (1, 2, 3, 4)],
        [plan.parameters(plan.cnn(maps=maps)) for maps in (8, 16, 32, 64)],
    ):
        assert " | ".join(f"{count:,}" for count in row) in prose
    assert f"{plan.parameters(plan.cnn(maps=32, batch_norm=True)):,}" in prose
    assert "636{,}010" in prose and plan.parameters(plan.fnn()) == 636_010


def test_the_limits_in_the_text_are_those_of_the_checks(lab, prose):
    assert f"at least {sweeps.LEAST_SETTINGS} with at least {sweeps.LEAST_RUNS} runs" in prose
    assert f"**{sweeps.STANDARD_ERRORS:g}** standard errors" in prose
    assert accuracy.MOST_PARAMETERS == 10**6 and "at most a million parameters" in prose
    first, second, third = (f"{band:g}" for band in images.BANDS["real"])
    assert f"{first} % of MNIST's test images earn 2 points, {second} % 2 more, and {third} % the last one" in prose
    assert (
        "{:g}, {:g} and {:g} %".format(*images.BANDS["sample"]) in prose and f"{images.N_TEST:,} test images" in prose
    )
    assert any(f'data.generate("mnist", N_valid={N_DEVELOP})' in cell.source for cell in lab.cells)


def test_what_trains_or_draws_is_not_run_while_grading(lab):
    for cell in lab.cells:
        trains = re.search(r"\.fit\(|sweep\(\{|data\.generate\(|plt\.show", cell.source)
        if cell.cell_type == "code" and trains and not cell.metadata.get("nbgrader", {}).get("solution"):
            assert "explore" in cell.metadata.get("tags", []), cell.source


def test_a_release_keeps_the_solution_back(tmp_path):
    (tmp_path / "assignments").mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "assignments" / "lab4", tmp_path / "assignments" / "lab4")
    done = subprocess.run([PROGRAM, "release", "lab4", "--course", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    released = nbformat.read(tmp_path / "assignments" / "release" / "lab4" / "lab4.ipynb", as_version=4)
    answers = [
        cell
        for cell in released.cells
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code"
    ]
    assert len(answers) == len(LAB.checks) - 1 + 2 and all(
        "raise NotImplementedError()" in one.source for one in answers
    )
    text = "\n".join(cell.source for cell in answers)
    assert "np.add.at" not in text and "ddof" not in text and "SpatialDropout2D" not in text
