"""The limits that a lab states are those that hold, in the notebook and while grading."""

import pytest

from autograder.grading.student import Timeouts
from autograder.labs import all_labs
from autograder.sandbox import wire
from autograder.submissions.cells import MAX_CELLS
from autograder.submissions.exploring import EXPLORE_LINE, MAX_SOURCE
from autograder.submissions.files import MAX_FILE_BYTES, MAX_FILES, MAX_WEIGHTS_BYTES, WEIGHTS
from autograder.submissions.limits import CELL_SECONDS, QUESTION_SECONDS, TOTAL_SECONDS
from source_lib.saved_model import MAX_WEIGHTS
from tests.conftest import ROOT

MB = 2**20
STATED = (
    f"- **Limits of grading.** A cell may take {CELL_SECONDS:g} seconds, an answer {QUESTION_SECONDS:g}, and all of "
    f"the notebook {TOTAL_SECONDS:g}. The first {MAX_CELLS} cells are read, up to {MAX_SOURCE // MB} MB of each, and "
    f"beside the notebook {MAX_FILES} files, {MAX_FILE_BYTES // MB} MB together, with room of its own for "
    f"{MAX_WEIGHTS_BYTES // MB} MB of `{WEIGHTS}` files. What is more is left out, and a person is told. An answer may "
    f"have {wire.MAX_REPLY // MB} MB, the weights of a model {wire.MAX_SHARED // MB} MB."
)


@pytest.mark.parametrize("lab", all_labs(), ids=lambda lab: lab.name)
def test_lab_states_the_limits(lab):
    text = (ROOT / "assignments" / lab.name / f"{lab.name}.md").read_text()
    assert STATED in text.splitlines(), f"write this line into the lab:\n{STATED}"


def test_lab_template_states_them_too():
    assert STATED in (ROOT / "autograder" / "lab_template" / "assignment" / "LAB.md.txt").read_text().splitlines()


@pytest.mark.parametrize("name", ["lab1", "lab2", "lab3"])
def test_lab_says_how_a_cell_that_explores_is_marked(name):
    text = (ROOT / "assignments" / name / f"{name}.md").read_text()
    assert f"begin the cell with the line `{EXPLORE_LINE}`" in text


def test_limits_are_the_same_on_both_sides():
    assert (Timeouts().cell, Timeouts().question, Timeouts().total) == (CELL_SECONDS, QUESTION_SECONDS, TOTAL_SECONDS)
    assert MAX_WEIGHTS == MAX_WEIGHTS_BYTES == wire.MAX_SHARED
