"""What nbgrader reads from a graded notebook is what was judged, and nothing else."""

import json

import nbformat
import pytest
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import determine_grade
from traitlets.config import Config

from autograder.checking.rubric import Item
from autograder.gradebook.course_folder import open_course
from autograder.gradebook.released_cells import read_roles
from autograder.grading.grade import Verdict
from autograder.grading.nbgrader_plugin import RestoreCells, write_verdict
from autograder.labs import get_lab
from autograder.submissions import reader
from autograder.submissions.cell_run import CellRun

LAB = get_lab("lab1")


def graded(points_of_items, cell_points=8.0):
    cell = nbformat.v4.new_code_cell('check("conv2d_layer")')
    cell.metadata["nbgrader"] = {
        "grade_id": "check_conv2d_layer",
        "grade": True,
        "solution": False,
        "locked": True,
        "points": cell_points,
        "schema_version": 3,
    }
    cell.outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "8.0"})]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1"), cell])
    items = [Item("check_conv2d_layer", str(k), abs(p), p > 0) for k, p in enumerate(points_of_items)]
    write_verdict(notebook, LAB, Verdict(items, ran={0: CellRun([{"stream": "stderr", "text": "warned"}])}))
    return notebook


@pytest.mark.parametrize(("items", "paid"), [((3, 2, 3), 8), ((3, -2, -3), 3), ((-8,), 0), ((), 0), ((0.1, 0.2), 0.3)])
def test_nbgrader_pays_what_was_judged(items, paid):
    cell = graded(items).cells[-1]
    assert determine_grade(cell) == (pytest.approx(paid), 8)
    (output,) = cell.outputs
    assert output.output_type == "execute_result" and "<table" in output.data["text/html"]
    assert repr(float(output.data["text/plain"])) == output.data["text/plain"]


def test_no_more_is_paid_than_the_cell_is_worth():
    assert determine_grade(graded((3, 2, 3), cell_points=5.0).cells[-1]) == (5, 5)


def test_the_page_begins_with_a_summary_and_keeps_what_cells_put_out():
    notebook = graded((3, -2))
    assert notebook.cells[0].cell_type == "markdown" and "Automatic points: 3 of 5." in notebook.cells[0].source
    assert notebook.cells[1].outputs[0].text == "warned"
    nbformat.validate(notebook)


def test_what_is_shown_of_other_cells_runs_nothing_and_stalls_nothing(released):
    cells = [
        nbformat.v4.new_raw_cell("<script>alert(1)</script>\x1b[0m $\\href{x}{y}$"),
        nbformat.v4.new_markdown_cell("<img src=x onerror=alert(1)>"),
        nbformat.v4.new_code_cell("\n " * 8000),
        nbformat.v4.new_code_cell("print(1)"),
    ]
    where = {"db_url": f"sqlite:///{released}/gradebook.db", "assignment": "lab1", "notebook": "lab1"}
    restored, _ = RestoreCells().preprocess(nbformat.v4.new_notebook(cells=cells), {"nbgrader": where})
    raw, text, long, short = (cell for cell in restored.cells if "nbgrader" not in cell.metadata)
    assert raw.source == "&lt;script&gt;alert(1)&lt;/script&gt; $href{x}{y}$"
    assert text.source.startswith("*This cell") and "```" in text.source
    assert long.metadata.get("magics_language") == "text" and "magics_language" not in short.metadata


def test_texts_and_outputs_that_take_too_long_are_plain_and_call_a_person(released, monkeypatch):
    cells = [
        nbformat.v4.new_raw_cell("<b>raw</b>"),
        nbformat.v4.new_markdown_cell("*word* <b>bold</b> " * 1000, attachments={"a.png": {"image/png": "aaaa"}}),
        nbformat.v4.new_code_cell("print(1)"),
    ]
    ran = {2: CellRun([{"stream": "stdout", "text": "x"}, *[{"data": {"text/html": "<b>1</b>" * 2900}}] * 20])}
    verdict = Verdict([Item(LAB.checks[0].grade_id, "a line", 2.0, True)], ran=ran)
    where = {"db_url": f"sqlite:///{released}/gradebook.db", "assignment": "lab1", "notebook": "lab1"}
    # Processor time in which next to nothing can be read.
    monkeypatch.setattr(reader, "SECONDS", 0.001)
    monkeypatch.setattr(reader, "WALL", 10**4)
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook, resources = RestoreCells().preprocess(notebook, {"nbgrader": where, "verdict": verdict})
    own = [cell for cell in notebook.cells if "nbgrader" not in cell.metadata]
    assert own[0].source == "&lt;b&gt;raw&lt;/b&gt;" and own[2].metadata["magics_language"] == "text"
    assert own[1].source.startswith("*This cell is too long") and "```" in own[1].source
    notebook.cells = own
    write_verdict(notebook, LAB, verdict)
    assert notebook.cells[3].outputs == [] and (verdict.points, verdict.status) == (2, "flagged")
    assert [flag.partition(" takes more than 0.001 seconds to be read. ") for flag in verdict.flags] == [
        ("The text of this notebook", " takes more than 0.001 seconds to be read. ", "It is shown as it is."),
        ("What the cells put out", " takes more than 0.001 seconds to be read. ", "It is not shown."),
    ]
    assert verdict.flags == notebook.metadata["cnn_course"]["flags"]


def test_roles_come_from_the_release(released):
    roles = read_roles(f"sqlite:///{released}/gradebook.db", "lab1", "lab1")
    assert {name for name, role in roles.items() if role.grade} == {c.grade_id for c in LAB.checks} | {"discussion"}
    assert roles["check_conv2d_layer"].points == 8 and roles["check_conv2d_layer"].locked
    assert "raise NotImplementedError" in roles["conv2d_layer"].source and roles["conv2d_layer"].solution
    assert roles["setup"].locked and not roles["setup"].grade


ODD = [{"id": "x" * 65}, {"metadata": {"tags": 3}}, {"metadata": {"tags": ["a", "a"]}}]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_plain_nbgrader_grades_a_notebook_that_is_against_the_format(course, odd):
    place = course / "assignments" / "submitted" / "ada" / "lab1"
    place.mkdir(parents=True)
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "x", **odd}
    text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (place / "lab1.ipynb").write_text(text)
    folder = open_course(course)
    config = Config(folder.config)
    config.CourseDirectory.assignment_id = LAB.name
    # What is graded, and how, is not the question here.
    config.Autograde.autograde_preprocessors = []
    Autograde(coursedir=CourseDirectory(config=config), config=config).start()
    notebook = nbformat.read(folder.step("autograded", "ada", LAB.name) / "lab1.ipynb", as_version=4)
    nbformat.validate(notebook)
    names = {cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata}
    assert {check.grade_id for check in LAB.checks} <= names
