"""A release holds what students need and nothing that they must not have."""

import shutil

import jupytext
import nbformat
import pytest

from autograder.checking.lab import EXPLORE_FILE
from autograder.gradebook.course_folder import CourseError, open_course
from autograder.gradebook.release import (
    GET_STARTED,
    INSTALL,
    ReleaseError,
    explore_cells,
    leaks,
    read_text,
    release,
    solution_lines,
    solution_passages,
)
from autograder.labs import all_labs, get_lab
from autograder.submissions.cells import explores
from autograder.submissions.exploring import fingerprint
from tests.conftest import ROOT

LAB = get_lab("lab1")


def text_of(course):
    return course / "assignments" / "lab1" / "lab1.md"


def replace(course, old, new, count=1):
    path = text_of(course)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


@pytest.fixture
def earlier(course):
    """What was released before, to be found untouched after a refusal."""
    folder = course / "assignments" / "release" / "lab1"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(course, earlier, says):
    with pytest.raises(ReleaseError, match=says):
        release(open_course(course), LAB)
    folder = course / "assignments" / "release" / "lab1"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == earlier
    assert not [path for path in folder.parent.iterdir() if path.name != "lab1"]


def test_the_release_asks_and_does_not_answer(course):
    folder = release(open_course(course), LAB)
    notebook = nbformat.read(folder / "lab1.ipynb", as_version=4)
    source = jupytext.read(text_of(course))
    assert len(notebook.cells) == len(source.cells) + 2
    for line in solution_lines(source):
        assert line not in "\n".join(cell.source for cell in notebook.cells)
    stubs = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution") and c.cell_type == "code"]
    assert [c.metadata.nbgrader.grade_id for c in stubs] == [check.function for check in LAB.checks]
    assert all("raise NotImplementedError" in stub.source and "def " in stub.source for stub in stubs)
    assert not list(folder.rglob("*.pyc")) and not (folder / "lab1.md").exists()


@pytest.mark.parametrize("lab", all_labs(), ids=lambda lab: lab.name)
def test_every_notebook_says_how_to_begin_and_installs_the_package(lab):
    notebook = read_text(ROOT / "assignments" / lab.name / f"{lab.name}.md", lab)
    first, install = notebook.cells[:2]
    assert first.cell_type == "markdown" and first.source.startswith("# Lab ")
    assert "[Get started](get-started.md)" in first.source and lab.chapters
    for chapter in lab.chapters:
        assert f"*{chapter}*" in first.source
    assert install.source == INSTALL.rstrip() and explores(install)
    assert notebook.cells[-1].source.endswith("check.submission()") and explores(notebook.cells[-1])


def test_a_release_has_the_page_on_how_to_begin(course):
    folder = release(open_course(course), LAB)
    assert (folder / "get-started.md").read_text() == GET_STARTED.read_text()


def test_the_cell_that_installs_takes_the_file_beside_the_notebook_or_above_it(tmp_path, monkeypatch):
    notebook = tmp_path / "lab1"
    notebook.mkdir()
    monkeypatch.chdir(notebook)
    code = INSTALL.replace("source_lib", "no_such_package").replace("%pip install --quiet {packages[-1]}", "found()")
    with pytest.raises(SystemExit, match=r"The course's package is missing\. Put the file cnn_course"):
        exec(code, {"found": lambda: None})
    for folder in (tmp_path, notebook):
        (folder / "cnn_course-1.whl").touch()
        names: dict = {"found": lambda: None}
        exec(code, names)
        assert len(names["packages"]) == 1 and names["packages"][0].resolve() == folder / "cnn_course-1.whl"
        (folder / "cnn_course-1.whl").unlink()
    exec(INSTALL.replace("%pip", "raise SystemExit #"), {})


def test_the_lab_s_solutions_are_seen_as_such(course):
    lines = solution_lines(jupytext.read(text_of(course)))
    assert len(lines) > 20 and any("convolve2d(" in line for line in lines)


def test_a_solution_outside_its_region_is_refused(course, earlier):
    line = next(line for line in solution_lines(jupytext.read(text_of(course))) if "convolve2d(" in line)
    passage = next(passage for passage in solution_passages(jupytext.read(text_of(course))) if line in passage)
    with open(text_of(course), "a") as file:
        file.write("\n+++\n\n```python\n" + passage + "\n```\n")
    refused(course, earlier, "a solution or an answer, in lab1.ipynb")


def test_a_forgotten_copy_of_a_short_solution_is_refused(course, earlier):
    notebook = jupytext.read(text_of(course))
    notebook.cells.append(nbformat.v4.new_code_cell("def mine(h):\n    return h.flatten()"))
    jupytext.write(notebook, text_of(course))
    refused(course, earlier, "return h.flatten")


def test_a_solution_that_nbgrader_does_not_strip_is_refused(course, earlier):
    (course / "assignments/lab1/helpers.py").write_text(
        "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    )
    refused(course, earlier, "a solution, in helpers.py")


def test_a_copied_solution_in_a_file_is_refused(course, earlier):
    line = next(line for line in solution_lines(jupytext.read(text_of(course))) if "convolve2d(" in line)
    (course / "assignments/lab1/helpers.py").write_text(f"def f():\n    {line}\n")
    refused(course, earlier, "a solution or an answer, in helpers.py")


def test_a_solution_in_metadata_is_refused(course, earlier):
    line = next(line for line in solution_lines(jupytext.read(text_of(course))) if "convolve2d(" in line)
    notebook = jupytext.read(text_of(course))
    notebook.cells[-1].metadata["note"] = line
    jupytext.write(notebook, text_of(course))
    refused(course, earlier, "a solution or an answer, in lab1.ipynb")


def test_a_model_answer_is_refused(course, earlier):
    notebook = jupytext.read(text_of(course))
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "discussion")
    cell.source = "The loop spends its time in Python, and the matrix product spends it in BLAS."
    jupytext.write(notebook, text_of(course))
    (course / "assignments/lab1/notes.txt").write_text(cell.source)
    refused(course, earlier, "answer, in notes.txt")


@pytest.mark.parametrize(
    "name", ["solutions.txt", "answer_key.csv", "lab1-answers.npz", "gradebook.db", "course_secret"]
)
def test_a_file_that_is_named_like_an_answer_is_refused(course, earlier, name):
    (course / "assignments/lab1" / name).write_text("1")
    refused(course, earlier, name)


def test_compiled_code_is_refused(course, earlier):
    folder = course / "assignments/lab1/__pycache__"
    folder.mkdir()
    (folder / "helpers.cpython-311.pyc").write_bytes(b"\x00")
    refused(course, earlier, "compiled code")


def test_an_output_is_refused(course):
    folder = release(open_course(course), LAB)
    notebook = nbformat.read(folder / "lab1.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if c.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("stream", text="390410")]
    nbformat.write(notebook, folder / "lab1.ipynb")
    assert any("an output, in lab1.ipynb" in leak for leak in leaks(folder, notebook, course))
    cell.outputs, cell.execution_count = [], 3
    nbformat.write(notebook, folder / "lab1.ipynb")
    assert any("an output, in lab1.ipynb" in leak for leak in leaks(folder, notebook, course))


@pytest.mark.parametrize(
    "path", ["{course}/x", "/home/somebody/data", "/Users/somebody/data", "C:\\Users\\somebody\\data"]
)
def test_a_path_of_a_machine_is_refused(course, earlier, path):
    (course / "assignments/lab1/data.txt").write_text(f"see {path.format(course=course)}")
    refused(course, earlier, "a path of this machine, in data.txt")


def test_a_link_is_copied_as_what_it_leads_to_and_a_dead_one_is_named(course):
    (course / "assignments/lab1/dead.txt").symlink_to("nowhere")
    with pytest.raises(CourseError, match="dead.txt"):
        release(open_course(course), LAB)


def test_points_that_differ_from_the_rubric_are_refused(course, earlier):
    replace(
        course,
        "grade_id: check_pool2d_layer\n  locked: true\n  points: 4",
        "grade_id: check_pool2d_layer\n  locked: true\n  points: 5",
    )
    refused(course, earlier, "worth 5 points in the notebook and 4 in the checks")


def test_a_missing_check_is_refused(course, earlier):
    replace(course, "grade_id: check_pool2d_layer", "grade_id: check_pooling")
    refused(course, earlier, "check_pool2d_layer is not in the notebook")


def test_a_missing_text_is_explained(course):
    shutil.rmtree(course / "assignments" / "lab1")
    with pytest.raises(CourseError, match="The text of lab1 is missing"):
        release(open_course(course), LAB)


def test_a_release_can_be_made_again_after_students_were_graded(course):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.add_student("somebody")
        gradebook.add_submission("lab1", "somebody")
    assert release(open_course(course), LAB).is_dir()


@pytest.mark.parametrize("lab", all_labs(), ids=lambda lab: lab.name)
def test_package_of_a_lab_knows_the_released_cells_that_only_explore(lab):
    released = explore_cells(read_text(ROOT / "assignments" / lab.name / f"{lab.name}.md", lab))
    assert lab.explore_cells == set(released), f"the text changed: run cnn-course release {lab.name} in the repository"


def test_release_teaches_the_lab_s_package_which_cells_only_explore(course):
    package = course / "autograder" / "labs" / "lab1"
    package.mkdir(parents=True)
    release(open_course(course), LAB)
    assert not list(package.iterdir()), "it knows them"
    replace(course, "# Room for the experiments of your discussion.", "# Room for your experiments.")
    folder = release(open_course(course), LAB)
    known = (package / EXPLORE_FILE).read_text().split()
    assert fingerprint("# Room for your experiments.") in known and len(known) == len(LAB.explore_cells)
    notebook = nbformat.read(folder / "lab1.ipynb", as_version=4)
    tagged = [cell.source for cell in notebook.cells if "explore" in cell.metadata.get("tags", [])]
    assert set(map(fingerprint, tagged)) == set(known)
