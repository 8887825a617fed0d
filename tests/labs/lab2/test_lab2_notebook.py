"""The text of lab 2: its cells have the roles that grading needs, and a release gives nothing away."""

import json
import re
import shutil
import subprocess

import jupytext
import keras
import nbformat
import pytest

from autograder.checking.model_config import LEAST_CHANGE, LEAST_DECAY, LEAST_DROPOUT, REFUSED
from autograder.gradebook.release import REPORT
from autograder.labs import get_lab
from autograder.labs.lab2.reference import plain_model
from source_lib.experiments import N_DEVELOP
from tests.conftest import PROGRAM, ROOT

LAB = get_lab("lab2")
TEXT = ROOT / "assignments" / "lab2" / "lab2.md"


@pytest.fixture(scope="module")
def lab():
    return jupytext.read(TEXT)


def roles_of(notebook):
    return {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }


def test_the_cells_that_are_scored_are_those_of_the_rubric(lab):
    scored = {name: role.points for name, role in roles_of(lab).items() if role.grade}
    assert scored == {check.grade_id: check.points for check in LAB.checks} | LAB.manual


def test_each_check_cell_asks_for_its_part(lab):
    for cell in lab.cells:
        role = cell.metadata.get("nbgrader", {})
        if role.get("grade") and cell.cell_type == "code":
            assert cell.source == f'check("{role["grade_id"].removeprefix("check_")}")' and role["locked"]


def test_the_points_in_the_text_add_up(lab):
    text = "\n".join(cell.source for cell in lab.cells if cell.cell_type == "markdown")
    rows = [int(points) for points in re.findall(r"^\| [1-5] \|.*\| (\d+) \|$", text, re.MULTILINE)]
    assert rows == [check.points for check in LAB.checks] and f"in total | {LAB.points:g} |" in text


def test_what_trains_is_not_run_while_grading(lab):
    for cell in lab.cells:
        if cell.cell_type == "code" and re.search(r"experiments\.repeat\(|data\.generate\(|plt\.show", cell.source):
            assert "explore" in cell.metadata.get("tags", []), cell.source


def test_the_plain_network_is_that_of_the_lab(lab):
    """What the canary is compared with is what students begin with."""
    (source,) = (cell.source for cell in lab.cells if "def overfitting_model" in cell.source)
    functions = {"keras": keras, "layers": keras.layers}
    exec(source[: source.index("baseline =")], functions)

    def described(model):
        return re.sub(
            r"_\d+\b", "", json.dumps([model.get_config()["layers"], model.get_compile_config()], default=str)
        )

    assert described(functions["overfitting_model"]()) == described(plain_model())
    assert "batch_size=32" in source


def test_the_lab_lists_the_layers_that_are_refused(lab):
    (text,) = (cell.source for cell in lab.cells if "Keras' own layers" in cell.source)
    (rule,) = (line for line in text.split("\n") if "Keras' own layers" in line)
    named = {name for name in re.findall(r"`(\w+)`", rule) if hasattr(keras.layers, name)}
    assert named == REFUSED


def test_the_limits_in_the_text_are_those_of_the_check(lab):
    text = "\n".join(cell.source for cell in lab.cells)
    assert f"A dropout below {LEAST_DROPOUT:g}," in text and f"a weight decay below {LEAST_DECAY:.5f}" in text
    assert LEAST_CHANGE == 1e-3 and "less than a thousandth of the range" in text
    assert f'data.generate("mnist", N_valid={N_DEVELOP})' in text and f"{N_DEVELOP:,} of them" in text


def test_a_release_keeps_the_solution_back_and_has_the_page_on_reporting(tmp_path):
    (tmp_path / "assignments").mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "assignments" / "lab2", tmp_path / "assignments" / "lab2")
    done = subprocess.run([PROGRAM, "release", "lab2", "--course", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "assignments" / "release" / "lab2"
    assert {path.name for path in folder.iterdir()} == {"lab2.ipynb", "get-started.md", "report.md"}
    assert (folder / "report.md").read_text() == REPORT.read_text()
    released = nbformat.read(folder / "lab2.ipynb", as_version=4)
    answers = [
        cell
        for cell in released.cells
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "code"
    ]
    assert len(answers) == 3 and all("raise NotImplementedError()" in cell.source for cell in answers)
    assert "ddof" not in "\n".join(cell.source for cell in answers)
