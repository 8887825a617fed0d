"""The text of lab 6: its cells have the roles that grading needs, its numbers are right, and answers stay back."""

import re
import shutil
import subprocess

import jupytext
import nbformat
import numpy as np
import pytest

from autograder.labs import get_lab
from autograder.labs.lab6 import images, networks, networks_of
from book import make_solutions
from source_lib.data import glands
from tests.conftest import PROGRAM, ROOT

LAB = get_lab("lab6")
TEXT = ROOT / "assignments" / "lab6" / "lab6.md"


@pytest.fixture(scope="module")
def lab():
    return jupytext.read(TEXT)


@pytest.fixture(scope="module")
def prose(lab):
    return "\n".join(cell.source for cell in lab.cells if cell.cell_type == "markdown")


def test_the_points_in_the_text_are_those_of_the_checks(prose):
    rows = dict(re.findall(r"^\| [1-7] \| `(\w+)`.*\| ([\d.]+) \|$", prose, re.MULTILINE))
    assert {name: float(points) for name, points in rows.items()} == {one.function: one.points for one in LAB.checks}
    assert f"in total | {LAB.points:g} |" in prose
    manual = [float(points) for points in re.findall(r"\*\*[a-d]\) .*?\(([\d.]+) points?\)\.\*\*", prose)]
    assert sum(manual) == LAB.manual["discussion"] == 6


def test_the_counts_of_parameters_in_the_text_are_right(prose):
    own = [f"{layer.count_params():,}" for layer in networks_of.fcn().layers if layer.weights]
    table = prose.partition("S2's first network, from top to bottom")[2]
    rows = re.findall(r"^\| (?:transposed )?convolution.*\| ([\d,]+) \|$", table, re.MULTILINE)
    assert rows == own and "| all | | | 8,634 |" in prose
    assert networks.MOST_PARAMETERS == 3_000_000 and "At most 3 million parameters" in prose


def test_the_bands_in_the_text_are_those_of_the_checks(prose):
    for kind, name, known in (("real", "real images", "0.65"), ("sample", "the sample", "0.5")):
        bands = " | ".join(f"{band:g}" for band in images.BANDS[kind])
        assert f"| {name} | about {known} | {bands} |" in prose
    drawn = glands.draw_glands([1], 40)[1]
    everything = np.mean(2 * drawn.sum((1, 2)) / (drawn.sum((1, 2)) + drawn[0].size))
    assert abs(everything - 0.5) < 0.05


def test_what_trains_or_draws_is_not_run_while_grading(lab):
    for cell in lab.cells:
        trains = re.search(r"= fit\(|glands\.load\(|plt\.show|= train_model\(", cell.source)
        if cell.cell_type == "code" and trains and not cell.metadata.get("nbgrader", {}).get("solution"):
            assert "explore" in cell.metadata.get("tags", []), cell.source


def test_the_solution_to_reproduce_has_its_parts():
    solved = make_solutions.solution("lab6")
    assert solved.build_model().count_params() > 8634
    train, valid = solved.parts["split"](glands.draw_glands([2], 10)[0], 0)
    assert len(valid) == 2 and len(train) == 8
    assert {"augment", "averaged_scores", "build_fcn"} <= set(solved.parts)


def test_a_release_keeps_the_solution_back(tmp_path):
    (tmp_path / "assignments").mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "assignments" / "lab6", tmp_path / "assignments" / "lab6")
    done = subprocess.run([PROGRAM, "release", "lab6", "--course", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "assignments" / "release" / "lab6"
    released = nbformat.read(folder / "lab6.ipynb", as_version=4)
    answers = [
        cell
        for cell in released.cells
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code"
    ]
    assert len(answers) == len(LAB.checks) - 1 + 2 and all(
        "raise NotImplementedError()" in one.source for one in answers
    )
    text = "\n".join(cell.source for cell in answers)
    assert "map_coordinates" not in text and "Concatenate" not in text and "take_along_axis" not in text
    assert (folder / "test_images.npz").is_file() and (tmp_path / images.LABELS).is_file()
