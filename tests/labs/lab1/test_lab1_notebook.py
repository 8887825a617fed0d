"""The text of lab 1: its cells have the roles that grading needs, its solution is right, and its stubs earn nothing."""

import copy
import os
import re
from pathlib import Path

import jupytext
import numpy as np
import pytest
from nbclient import NotebookClient
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import ClearSolutions

from autograder.gradebook.release import REPORT
from autograder.labs import get_lab

ROOT = Path(__file__).resolve().parents[3]
TEXT = ROOT / "assignments" / "lab1" / "lab1.md"
LOAD = 'data.generate("mnist", N_train=1000)'
LAB = get_lab("lab1")
FUNCTIONS = [check.function for check in LAB.checks]
POINTS = {check.grade_id: check.points for check in LAB.checks}


@pytest.fixture(scope="module")
def lab():
    return jupytext.read(TEXT)


@pytest.fixture
def stubs(lab):
    return ClearSolutions().preprocess(copy.deepcopy(lab), {})[0]


def by_id(notebook):
    roles = [(cell.metadata.get("nbgrader", {}).get("grade_id"), cell) for cell in notebook.cells]
    found = {name: cell for name, cell in roles if name}
    assert len(found) == sum(name is not None for name, _ in roles), "two cells share a grade_id"
    return found


def role(cell):
    return {key: cell.metadata.nbgrader[key] for key in ("grade", "solution", "locked")}


def prose(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def executed(notebook, folder, **options):
    """Run a notebook in a kernel of its own, in a folder that is not the checkout."""
    notebook = copy.deepcopy(notebook)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", **options)
    client.resources = {"metadata": {"path": str(folder)}}
    client.execute(env=environment)
    return notebook


def on_sample(notebook):
    """Return the notebook with few images that are always there in place of those it would look for."""
    notebook = copy.deepcopy(notebook)
    (cell,) = (cell for cell in notebook.cells if LOAD in cell.source)
    cell.source = cell.source.replace(LOAD, 'data.generate("mnist", N_train=150, N_test=100, source="sample")')
    return notebook


def result(cell):
    """Return the number that a cell's one result holds, and fail on anything else in its outputs."""
    (output,) = cell.outputs
    assert output.output_type == "execute_result", output
    return float(output.data["text/plain"])


def tables(notebook, text):
    """Return the HTML results of the code cells that contain a text."""
    return [
        output.data["text/html"]
        for cell in notebook.cells
        if cell.cell_type == "code" and text in cell.source
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    ]


# The contract with nbgrader and the rubric


def test_graded_cells_carry_the_points_of_the_rubric(lab):
    graded = {name: cell.metadata.nbgrader.points for name, cell in by_id(lab).items() if cell.metadata.nbgrader.grade}
    assert graded == POINTS | LAB.manual


@pytest.mark.parametrize("function", FUNCTIONS)
def test_check_cell_is_one_locked_question(lab, function):
    cell = by_id(lab)[f"check_{function}"]
    assert cell.cell_type == "code"
    assert cell.source == f'check("{function}")'
    assert role(cell) == {"grade": True, "solution": False, "locked": True}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_solution_cell_hides_the_body_and_keeps_signature_and_docstring(lab, stubs, function):
    cell = by_id(lab)[function]
    assert role(cell) == {"grade": False, "solution": True, "locked": False}
    assert cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION") == 1
    stub = by_id(stubs)[function].source
    assert stub.startswith(f"def {function}(")
    assert stub.endswith('    """\n    # YOUR CODE HERE\n    raise NotImplementedError()')
    assert stub.split("# YOUR CODE")[0] in cell.source


def test_each_check_follows_its_function_and_both_follow_the_setup(lab):
    order = list(by_id(lab))
    expected = ["setup"] + [name for function in FUNCTIONS for name in (function, f"check_{function}")]
    assert order == [*expected, *LAB.manual]


def test_setup_is_locked_and_needs_neither_data_nor_network(lab):
    cell = by_id(lab)["setup"]
    assert role(cell) == {"grade": False, "solution": False, "locked": True}
    assert cell.source.endswith('check = open_lab("lab1", globals())')
    assert "generate" not in cell.source
    assert cell.source.index("TF_CPP_MIN_LOG_LEVEL") < cell.source.index("import keras")
    assert cell.source.index("OPENBLAS_NUM_THREADS") < cell.source.index("import numpy")


def test_discussion_is_an_answer_in_words_with_its_questions_kept(lab, stubs):
    cell = by_id(lab)["discussion"]
    assert cell.cell_type == "markdown"
    assert role(cell) == {"grade": True, "solution": True, "locked": False}
    questions = re.findall(r"^\*\*([a-z])\) .*\((\d+) points\)\.\*\*", by_id(stubs)["discussion"].source, re.MULTILINE)
    assert [letter for letter, _ in questions] == list("abcd")
    assert sum(int(points) for _, points in questions) == LAB.manual["discussion"]
    assert by_id(stubs)["discussion"].source.count("YOUR ANSWER HERE") == len(questions)


def test_every_other_code_cell_is_skipped_while_grading(lab):
    others = [cell for cell in lab.cells if cell.cell_type == "code" and "nbgrader" not in cell.metadata]
    assert others
    assert [cell.source for cell in others if cell.metadata.get("tags") != ["explore"]] == []
    assert [name for name, cell in by_id(lab).items() if "tags" in cell.metadata] == []


def test_nbgrader_accepts_the_metadata(lab, stubs):
    for notebook in (lab, stubs):
        MetadataValidator().validate_nb(notebook)
    for cell in by_id(lab).values():
        assert cell.metadata.nbgrader.schema_version == MetadataValidator.schema_version
        assert cell.metadata.nbgrader.cell_type == cell.cell_type


def test_text_and_notebook_are_the_same_thing(lab):
    text = jupytext.writes(lab, fmt="md:myst")
    again = jupytext.reads(text, fmt="md:myst")
    for cells in (lab.cells, again.cells):
        assert len(cells) == len(lab.cells)
    for before, after in zip(lab.cells, again.cells, strict=True):
        assert (before.cell_type, before.source, before.metadata) == (after.cell_type, after.source, after.metadata)


# The prose


def test_points_in_the_prose_are_those_of_the_rubric(lab):
    rows = dict(re.findall(r"^\| \d+ \| `(\w+)`.* \| (\d+) \|$", prose(lab), re.MULTILINE))
    expected = {check.function: check.points for check in LAB.checks} | LAB.manual
    assert {name: float(points) for name, points in rows.items()} == expected
    assert f"| automatic, in total | {LAB.points:g} |" in prose(lab)
    headings = re.findall(r"^## \d+\. .*\((\d+) points\)$", prose(lab), re.MULTILINE)
    assert [float(points) for points in headings] == list(expected.values())


def test_speeds_in_the_prose_are_those_of_the_rubric(lab):
    asked = re.findall(r"^- at least (\d+) times as fast", prose(lab), re.MULTILINE)
    titles = [line.title for line in LAB.check("check_fast_conv2d_layer").lines]
    assert asked == re.findall(r"At least (\d+) times", "\n".join(titles))
    assert len(asked) == 2


def test_what_answers_must_not_call_is_said(lab):
    (rule,) = [line for line in prose(lab).splitlines() if "gets 0 points" in line]
    names = {"keras": "Keras", "tensorflow": "TensorFlow", "source_lib": "`source_lib`", "autograder": "`autograder`"}
    assert all(names[package] in rule for package in LAB.forbidden)


def test_prose_shows_in_jupyterlab(lab):
    assert re.findall(r"^(?:```|:::)+\{.*|<[a-z]+.*>|\{[a-z]+\}`", prose(lab), re.MULTILINE) == []


def test_links_lead_to_files_beside_the_notebook(lab):
    links = re.findall(r"\]\(([^)]+)\)", prose(lab))
    assert links
    assert [link for link in links if not (TEXT.parent / link).is_file() and link != REPORT.name] == []
    assert REPORT.read_text() == (ROOT / "book" / "labs" / "report.md").read_text()


# The solution


@pytest.fixture(scope="module")
def solution(lab):
    functions = {}
    for name, cell in by_id(lab).items():
        if name in ("setup", *FUNCTIONS):
            source = cell.source.split("check = open_lab")[0]
            exec(compile(source, name, "exec"), functions)
    return functions


@pytest.mark.parametrize(
    ("batch", "kernel"),
    [
        ((65, 4, 3, 1), (3, 3, 1, 2)),
        ((130, 3, 5, 2), (5, 1, 2, 3)),
        ((1, 1, 1, 3), (3, 5, 3, 1)),
        ((64, 2, 7, 1), (1, 3, 1, 1)),
    ],
)
def test_fast_convolution_equals_the_loop(solution, batch, kernel):
    rng = np.random.default_rng(3)
    x, W, b = rng.normal(size=batch), rng.normal(size=kernel), rng.normal(size=kernel[3])
    slow = np.stack([solution["conv2d_layer"](image, W, b, "sigmoid") for image in x])
    fast = solution["fast_conv2d_layer"](x, W, b, "sigmoid")
    assert fast.dtype == np.float32
    np.testing.assert_allclose(fast, slow, atol=1e-6)


def test_solution_earns_all_points_and_equals_keras(lab, tmp_path):
    notebook = on_sample(lab)
    table = copy.deepcopy(notebook.cells[-1])
    table.source = 'float(util.layer_table(model, network, data.x_test[0])["difference"].max())'
    notebook.cells.append(table)
    done = executed(notebook, tmp_path)
    cells = by_id(done)
    assert {name: result(cells[name]) for name in POINTS} == POINTS
    assert result(done.cells[-2]) == LAB.points
    # With trained weights, sums of float32 and of float64 still agree.
    assert 0 < result(done.cells[-1]) < 1e-4
    compared = tables(done, "compare_with_keras(")
    assert len(compared) == 2
    for html in compared:
        assert (html.count(">True<"), html.count(">False<")) == (4, 0)


def test_stubs_earn_nothing(stubs, tmp_path):
    done = executed(on_sample(stubs), tmp_path, allow_errors=True)
    cells = by_id(done)
    assert {name: result(cells[name]) for name in POINTS} == dict.fromkeys(POINTS, 0.0)
    assert result(done.cells[-1]) == 0.0


@pytest.mark.long
def test_solution_equals_keras_on_real_mnist(lab, tmp_path, monkeypatch):
    folder = os.environ.get("CNN_COURSE_DATA")
    if not folder or not Path(folder, "mnist.npz").is_file():
        pytest.skip("CNN_COURSE_DATA names no folder with mnist.npz")
    monkeypatch.setenv("CNN_COURSE_DATA", str(Path(folder).resolve()))
    done = executed(lab, tmp_path)
    assert "This is a sample" not in str(done)
    compared = tables(done, "compare_with_keras(")
    assert len(compared) == 2
    for html in compared:
        assert (html.count(">True<"), html.count(">False<")) == (4, 0)
