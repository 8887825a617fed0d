"""A sample class, graded from start to end: what the course does, to be watched once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from rich.console import Console

from autograder import reports
from autograder.course import CONFIG, CourseFolder, open_course
from autograder.errors import UserError
from autograder.places import Here
from autograder.release import BEGIN, END, release
from autograder.rubric import get_lab
from autograder.sandbox.launch import probe
from autograder.sandbox.pool import Sandbox

LAB = "lab1"
MARK = ".made-by-cnn-course-demo"
DISCUSSION = "The loop asks Python once per channel and sample; the fast version asks once per batch."


@dataclass(frozen=True)
class Sample:
    """One member of the sample class: a name that says it all, and what became of the solved notebook."""

    name: str
    change: Callable[[NotebookNode], None]


def edit(function: str, old: str, new: str) -> Callable[[NotebookNode], None]:
    """Return a change that puts one typical mistake into one answer of the solved notebook."""

    def change(notebook: NotebookNode) -> None:
        cell = _cell(notebook, function)
        if old not in cell.source:
            raise UserError(f"The demo's sample class does not fit {LAB}: {function} holds no {old!r} to change.")
        cell.source = cell.source.replace(old, new)

    return change


def add(source: str, before: str = "activation") -> Callable[[NotebookNode], None]:
    """Return a change that adds a code cell before a named one."""

    def change(notebook: NotebookNode) -> None:
        notebook.cells.insert(notebook.cells.index(_cell(notebook, before)), nbformat.v4.new_code_cell(source))

    return change


def _cheat(notebook: NotebookNode) -> None:
    add(
        "import numpy as np\n"
        "np.allclose = np.array_equal = lambda *args, **kwargs: True\n"
        "np.testing.assert_allclose = lambda *args, **kwargs: None\n"
        "class Right(float):\n"
        "    __eq__ = __le__ = __ge__ = lambda self, other: True\n"
        "def conv2d_layer(*args):\n"
        "    return Right(1)\n"
        "print(open('../../../gradebook.db', 'rb').read())",
        before="check_conv2d_layer",
    )(notebook)
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and meta.get("grade"):
            cell.source = f"float({meta['points']})"
        elif cell.cell_type == "code" and meta.get("solution") and meta["grade_id"] != "activation":
            cell.source = "# Not worth the work."


def _borrow(notebook: NotebookNode) -> None:
    _cell(
        notebook, "pool2d_layer"
    ).source = "def pool2d_layer(h):\n    return keras.layers.MaxPooling2D()(h[None])[0].numpy()"


CLASS = (
    Sample("01-full-marks", lambda notebook: None),
    Sample("02-kernel-not-flipped", edit("conv2d_layer", "::-1", ":")),
    Sample("03-mean-instead-of-max", edit("pool2d_layer", "np.max", "np.mean")),
    Sample("04-biases-not-counted", edit("count_weights", ", *b", "")),
    Sample("05-untouched", lambda notebook: None),
    Sample("06-crash", add("import ctypes\nctypes.string_at(0)")),
    Sample("07-endless-loop", edit("flatten_layer", BEGIN, "while True:\n        pass")),
    Sample("08-cheat", _cheat),
    Sample("09-lets-keras-do-it", _borrow),
    Sample("10-not-a-notebook", lambda notebook: None),
)


def run(course: Path, console: Console) -> None:
    """Build the site, release lab 1, grade the sample class, write feedback, and say where everything is.

    Parameters
    ----------
    course : pathlib.Path
        The course's repository.
    console : rich.console.Console
        Where progress goes.

    Raises
    ------
    UserError
        If this is not the course's repository, or a step fails.
    """
    root = course.resolve()
    builder = root / "book" / "build.py"
    if not builder.is_file() or not (root / "assignments" / LAB / f"{LAB}.md").is_file():
        raise UserError(f"{root} is not the course's repository: the demo needs its book and its labs.")
    console.rule("1 of 4  The site")
    if subprocess.run([sys.executable, str(builder)], cwd=root).returncode != 0:
        raise UserError("The site was not built; the lines above say why.")

    console.rule(f"2 of 4  The release of {LAB}")
    lab = get_lab(LAB)
    folder = _fresh_course(root)
    given = release(folder, lab)
    console.print(f"What students get: {given}", soft_wrap=True)
    students = hand_in(folder)

    console.rule(f"3 of 4  Grading {len(students)} submissions")
    reason = probe()
    isolation = "bubblewrap"
    if reason is not None:
        isolation = "process"
        console.print(f"[yellow]No sandbox here, so this demo grades without one.[/yellow] {reason}", soft_wrap=True)
    with Sandbox(isolation) as complete, Sandbox(isolation, without=lab.forbidden) as sandbox:
        records, _ = reports.run_grading(folder, lab, students, Here(folder.root, lab, [sandbox], complete), None)

    console.rule("4 of 4  Feedback")
    reports.write_feedback_pages(folder, lab, students)
    reports.write_json(folder.root / "report.json", records)
    reports.summarize(records)
    console.print(f"Isolation: {isolation}")
    for what, path in (
        ("Site", root / "book" / "_build" / "html" / "index.html"),
        ("Feedback", folder.step("feedback", students[1], lab.name) / f"{lab.name}.html"),
        ("All feedback", folder.step("feedback")),
        ("Report", folder.root / "report.json"),
    ):
        console.print(f"{what + ':':<14}{path}", soft_wrap=True)


def _fresh_course(root: Path) -> CourseFolder:
    place = root / "demo"
    if place.exists():
        if not (place / MARK).is_file():
            raise UserError(f"{place} is in the way and was not made by the demo. Move it, then run the demo again.")
        shutil.rmtree(place)
    (place / "assignments").mkdir(parents=True)
    (place / MARK).touch()
    shutil.copy(root / CONFIG, place / CONFIG)
    shutil.copytree(root / "assignments" / LAB, place / "assignments" / LAB)
    return open_course(place)


def hand_in(folder: CourseFolder) -> list[str]:
    """Write the submissions of the sample class and return its names."""
    solved = folder.step("source", ".", LAB) / f"{LAB}.ipynb"
    released = folder.step("release", ".", LAB) / f"{LAB}.ipynb"
    for sample in CLASS:
        notebook = nbformat.read(released if sample.name == "05-untouched" else solved, as_version=4)
        if sample.name != "05-untouched":
            _cell(notebook, "discussion").source = DISCUSSION
        sample.change(notebook)
        for cell in notebook.cells:
            lines = cell.source.split("\n")
            cell.source = "\n".join(line for line in lines if line.strip() not in (BEGIN, END))
        place = folder.step("submitted", sample.name, LAB)
        place.mkdir(parents=True)
        text = nbformat.writes(notebook)
        (place / f"{LAB}.ipynb").write_text(text[: len(text) // 2] if sample.name == "10-not-a-notebook" else text)
    return [sample.name for sample in CLASS]


def _cell(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            return cell
    raise UserError(f"{LAB} has no cell {grade_id}.")
