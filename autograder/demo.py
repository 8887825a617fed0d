"""A sample class, graded from start to end: what the course does, to be watched once."""

from __future__ import annotations

import contextlib
import functools
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbformat.notebooknode import NotebookNode
from rich.console import Console

from autograder import reports
from autograder.checks import digits
from autograder.checks.lab3 import LABELS
from autograder.course import CONFIG, CourseFolder, open_course
from autograder.errors import UserError
from autograder.mutants import lab2, lab3
from autograder.places import Here
from autograder.release import BEGIN, END, release
from autograder.rubric import get_lab
from autograder.sandbox.launch import probe
from autograder.sandbox.pool import Sandbox
from source_lib.predictions import table, write_csv
from source_lib.samples import tissue_labels

MARK = ".made-by-cnn-course-demo"
#: Submissions that are graded beside each other.
BESIDE = 2
#: What the class writes where a person grades.
WRITTEN = {
    "lab0": "At the corner four pixels count. Each kernel of the second convolution has one bias. I worked alone.",
    "lab1": "The loop asks Python once per channel and sample; the fast version asks once per batch.",
    "lab2": "Augmentation helped most. A flipped 2 is no 2. I worked alone.",
    "lab3": "Six convolutions, chosen by the AUC of the validation images. I worked alone.",
}


@dataclass(frozen=True)
class Sample:
    """One member of the sample class: a name that says it all, and what became of the solved notebook.

    ``files`` takes what the lab brings for grading, and returns what lies beside the notebook. What is not ``solved``
    is the notebook as it was released.
    """

    name: str
    change: Callable[[NotebookNode], None] = lambda notebook: None
    files: Callable[[Mapping[str, Any]], Mapping[str, bytes]] = lambda material: {}
    solved: bool = True


def edit(function: str, old: str, new: str) -> Callable[[NotebookNode], None]:
    """Return a change that puts one typical mistake into one answer of the solved notebook."""

    def change(notebook: NotebookNode) -> None:
        cell = _cell(notebook, function)
        if old not in cell.source:
            raise UserError(f"The demo's sample class does not fit its lab: {function} holds no {old!r} to change.")
        cell.source = cell.source.replace(old, new)

    return change


def add(source: str, before: str = "activation") -> Callable[[NotebookNode], None]:
    """Return a change that adds a code cell before a named one."""

    def change(notebook: NotebookNode) -> None:
        notebook.cells.insert(notebook.cells.index(_cell(notebook, before)), nbformat.v4.new_code_cell(source))

    return change


def _named(student: str, *changes: Callable[[NotebookNode], None]) -> Callable[[NotebookNode], None]:
    """Return a change that writes a student's id into a notebook of lab 0, and makes others."""

    def change(notebook: NotebookNode) -> None:
        for one in (edit("student_id", '"solution"', f'"{student}"'), *changes):
            one(notebook)

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


def _quick(notebook: NotebookNode) -> None:
    """Make lab 2's model small and its training short: a demo must not take an evening."""
    for size, smaller in (("(32, 5)", "(8, 5)"), ("(64)", "(16)"), ("(128)", "(32)")):
        edit("build_model", f"convolution{size}", f"convolution{smaller}")(notebook)
    # So few steps leave no time to learn in spite of much dropout. The accuracy lies well between the two that are
    # asked for, so that few trainings are enough to tell.
    for rate in ("0.2", "0.4"):
        edit("build_model", f"Dropout({rate})", "Dropout(0.03)")(notebook)
    _train_for(notebook, 2, 10)


def _overconfident(notebook: NotebookNode) -> None:
    _quick(notebook)
    _train_for(notebook, 1, 5)


def _train_for(notebook: NotebookNode, epochs: int, repeats: int) -> None:
    cell = _cell(notebook, "train_model")
    cell.source, count = re.subn(r"(epochs, repeats, batch) = .*", rf"\1 = {epochs}, {repeats}, 16", cell.source)
    if count != 1:
        raise UserError("The demo's sample class does not fit its lab: train_model names no epochs to shorten.")


def _runs(material: Mapping[str, Any], more: float = 0.0) -> dict[str, bytes]:
    """Return runs of lab 2 with the images that are at hand here."""
    data = material["data"]
    return {"runs.jsonl": lab2.runs(data, digits.test_images()[data], more).encode()}


def _predicted(material: Mapping[str, Any]) -> dict[str, bytes]:
    """Return files as five good trainings of lab 3 write them, without an evening of training: drawn from the truth."""

    def drawn(part: str, k: int) -> np.ndarray:
        truth = material[f"y_{part}"]
        away = np.random.default_rng([k, len(truth)]).normal(2 * truth - 1)
        return 1 / (1 + np.exp(-2 * away))

    files = {"valid_labels.csv": table("class", material["y_valid"])}
    for k in range(1, 6):
        test = drawn("test", k)
        files[f"run{k}.csv"] = table("class", (test > 0.5).astype(int))
        files[f"run{k}_prob.csv"] = table("probability", test)
        files[f"run{k}_valid.csv"] = table("probability", drawn("valid", k))
    return files


def _with(fault: str) -> Callable[[Mapping[str, Any]], Mapping[str, bytes]]:
    """Return the same files with one known fault of lab 3."""
    (change,) = (known.files for known in lab3.FAULTS if known.id == fault)

    def files(material: Mapping[str, Any]) -> dict[str, bytes]:
        right = _predicted(material)
        labels = right.pop("valid_labels.csv")
        return change(right) | {"valid_labels.csv": labels}

    return files


CLASSES: dict[str, tuple[Sample, ...]] = {
    "lab0": (
        Sample("01-full-marks", _named("01-full-marks")),
        Sample("02-numbers-of-another", _named("01-full-marks")),
        Sample(
            "03-true-convolution",
            _named(
                "03-true-convolution",
                edit("my_convolution", "exercise.kernel", "np.array(exercise.kernel)[::-1, ::-1]"),
            ),
        ),
        Sample(
            "04-biases-forgotten",
            _named(
                "04-biases-forgotten",
                edit("my_parameters", "channels[k + 1])", "channels[k + 1], bias=False)"),
                edit("my_parameters", "exercise.hidden)", "exercise.hidden, bias=False)"),
                edit("my_parameters", "exercise.classes)", "exercise.classes, bias=False)"),
            ),
        ),
        Sample("05-untouched", solved=False),
    ),
    "lab1": (
        Sample("01-full-marks"),
        Sample("02-kernel-not-flipped", edit("conv2d_layer", "::-1", ":")),
        Sample("03-mean-instead-of-max", edit("pool2d_layer", "np.max", "np.mean")),
        Sample("04-biases-not-counted", edit("count_weights", ", *b", "")),
        Sample("05-untouched", solved=False),
        Sample("06-crash", add("import ctypes\nctypes.string_at(0)")),
        Sample("07-endless-loop", edit("flatten_layer", BEGIN, "while True:\n        pass")),
        Sample("08-cheat", _cheat),
        Sample("09-lets-keras-do-it", _borrow),
        Sample("10-not-a-notebook"),
    ),
    "lab2": (
        Sample("01-quick-training", _quick, _runs),
        Sample("02-claims-too-much", _overconfident, functools.partial(_runs, more=25.0)),
        Sample("05-untouched", solved=False),
    ),
    "lab3": (
        Sample("01-five-trainings", files=_predicted),
        Sample("02-saved-by-a-spreadsheet", files=_with("semicolons")),
        Sample("03-one-training-five-times", files=_with("one_training_under_five_names")),
        Sample("04-rows-shuffled", files=_with("rows_shuffled")),
        Sample("05-untouched", solved=False),
    ),
}


def run(course: Path, console: Console) -> None:
    """Build the site, release the labs, grade the sample class, write feedback, and say where everything is.

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
    if not builder.is_file() or not all((root / "assignments" / lab / f"{lab}.md").is_file() for lab in CLASSES):
        raise UserError(f"{root} is not the course's repository: the demo needs its book and its labs.")
    folder = _fresh_course(root)
    console.print("Building the site meanwhile. The first time, that takes some minutes.")
    with _building(builder) as built:
        _grade_all(folder, console)
        console.rule("4 of 4  The site")
        with console.status("It was begun first; now it is waited for"):
            built()
    for what, path in (
        ("Site", root / "book" / "_build" / "html" / "index.html"),
        ("Feedback", folder.step("feedback", CLASSES["lab1"][1].name, "lab1") / "lab1.html"),
        ("All feedback", folder.step("feedback")),
        ("Reports", folder.root / "report-lab1.json"),
    ):
        console.print(f"{what + ':':<14}{path}", soft_wrap=True)


@contextlib.contextmanager
def _building(builder: Path) -> Iterator[Callable[[], None]]:
    """Build the site beside everything else, and give a function that waits for its end.

    Grading leaves processors idle, when one submission trains longer than the others.
    """
    command = [sys.executable, str(builder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def built() -> None:
        _, complaints = process.communicate()
        if process.returncode != 0:
            raise UserError(
                complaints.strip() or f"The site was not built: its builder ended with {process.returncode}."
            )

    try:
        yield built
    finally:
        if process.poll() is None:
            # As Ctrl-C would: it ends what it started, and leaves the old site as it was.
            process.send_signal(signal.SIGINT)
            process.communicate()


def _grade_all(folder: CourseFolder, console: Console) -> None:
    console.rule("1 of 4  The releases")
    students: dict[str, list[str]] = {}
    for name in CLASSES:
        console.print(f"What students get: {release(folder, get_lab(name))}", soft_wrap=True)
        students[name] = hand_in(folder, name)

    console.rule(f"2 of 4  Grading {sum(map(len, students.values()))} submissions")
    reason = probe()
    isolation = "bubblewrap"
    if reason is not None:
        isolation = "process"
        console.print(f"[yellow]No sandbox here, so this demo grades without one.[/yellow] {reason}", soft_wrap=True)
    records: dict[str, list[dict]] = {}
    with contextlib.ExitStack() as stack:
        complete = stack.enter_context(Sandbox(isolation, lazy=True))
        # Labs that forbid the same share them: to start one takes longer than to grade a submission.
        beside: dict[tuple[str, ...], list[Sandbox]] = {}
        for name in CLASSES:
            lab = get_lab(name)
            if lab.forbidden not in beside:
                started = [Sandbox(isolation, without=lab.forbidden) for _ in range(BESIDE)]
                beside[lab.forbidden] = [stack.enter_context(sandbox) for sandbox in started]
            place = Here(folder.root, lab, beside[lab.forbidden], complete)
            records[name], _ = reports.run_grading(folder, lab, students[name], place, None)

    console.rule("3 of 4  Feedback")
    for name in CLASSES:
        reports.write_feedback_pages(folder, get_lab(name), students[name])
        reports.write_json(folder.root / f"report-{name}.json", records[name])
        console.print(get_lab(name).title)
        reports.summarize(records[name])
    console.print(f"Isolation: {isolation}")


def _fresh_course(root: Path) -> CourseFolder:
    place = root / "demo"
    if place.exists():
        if not (place / MARK).is_file():
            raise UserError(f"{place} is in the way and was not made by the demo. Move it, then run the demo again.")
        shutil.rmtree(place)
    (place / "assignments").mkdir(parents=True)
    (place / MARK).touch()
    shutil.copy(root / CONFIG, place / CONFIG)
    for lab in CLASSES:
        shutil.copytree(root / "assignments" / lab, place / "assignments" / lab)
    # Images of lab 3 without their labels could not be graded, so the class works with the sample.
    (place / LABELS).parent.mkdir()
    write_csv(place / LABELS, "class", tissue_labels())
    return open_course(place)


def hand_in(folder: CourseFolder, lab: str) -> list[str]:
    """Write the submissions of the sample class to a lab and return its names."""
    solved = folder.step("source", ".", lab) / f"{lab}.ipynb"
    released = folder.step("release", ".", lab) / f"{lab}.ipynb"
    material = get_lab(lab).material
    known = material(folder.root, 0) if material is not None else {}
    for sample in CLASSES[lab]:
        notebook = nbformat.read(solved if sample.solved else released, as_version=4)
        if sample.solved:
            for written in get_lab(lab).manual:
                _cell(notebook, written).source = WRITTEN[lab]
        sample.change(notebook)
        for cell in notebook.cells:
            lines = cell.source.split("\n")
            cell.source = "\n".join(line for line in lines if line.strip() not in (BEGIN, END))
        place = folder.step("submitted", sample.name, lab)
        place.mkdir(parents=True)
        text = nbformat.writes(notebook)
        (place / f"{lab}.ipynb").write_text(text[: len(text) // 2] if sample.name == "10-not-a-notebook" else text)
        for name, content in sample.files(known).items():
            (place / name).write_bytes(content)
    return [sample.name for sample in CLASSES[lab]]


def _cell(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            return cell
    raise UserError(f"The demo's sample class does not fit its lab: there is no cell {grade_id}.")
