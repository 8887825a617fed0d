"""A sample class, graded from start to end: what the course does, to be watched once."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import nbformat
from rich.console import Console

from autograder import console
from autograder.checking.lab import Lab
from autograder.checking.sample_class import Sample, SampleClass, find_cell, without_marks
from autograder.errors import UserError
from autograder.gradebook import secret
from autograder.gradebook.course_folder import CONFIG, CourseFolder, open_course
from autograder.gradebook.release import release
from autograder.grading.executors import LocalExecutor
from autograder.grading.grade import as_record
from autograder.labs import all_labs
from autograder.sandbox.launch import probe
from autograder.sandbox.pool import Sandbox

MARK = ".made-by-cnn-course-demo"
#: Submissions that are graded in parallel.
PARALLEL = 2


def run(course: Path, screen: Console, labs: Sequence[Lab] = (), site: bool = True) -> None:
    """Build the site, release labs, grade their sample classes, write feedback, and say where everything is.

    Parameters
    ----------
    course : pathlib.Path
        The course's repository.
    screen : rich.console.Console
        Where progress goes.
    labs : sequence of Lab
        What is shown; by default all labs.
    site : bool
        Whether the site is built.

    Raises
    ------
    UserError
        If this is not the course's repository, or a step fails.
    """
    root = course.resolve()
    builder = root / "book" / "build.py"
    labs = labs or all_labs()
    if not builder.is_file() or not all((root / "assignments" / lab.name / f"{lab.name}.md").is_file() for lab in labs):
        raise UserError(f"{root} is not the course's repository: the demo needs its book and its labs.")
    folder = fresh_course(root, labs)
    with contextlib.ExitStack() as stack:
        if site:
            screen.print("Building the site meanwhile. The first time, that takes some minutes.")
            built = stack.enter_context(_building(builder))
        grade_class(folder, labs, screen)
        if site:
            screen.rule("4  The site")
            with screen.status("It was begun first; now it is waited for"):
                built()
    for what, path in (
        *((("Site", root / "book" / "_build" / "html" / "index.html"),) if site else ()),
        *((f"Report, {lab.name}", folder.root / f"report-{lab.name}.json") for lab in labs),
        ("All feedback", folder.step("feedback")),
        ("Feedback", _telling_page(folder, labs)),
    ):
        screen.print(f"{what + ':':<14}{path}", soft_wrap=True)


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


def _telling_page(folder: CourseFolder, labs: Sequence[Lab]) -> Path:
    """Return the feedback page of one who made a single mistake, in the lab that has the most points."""
    lab = max(labs, key=lambda one: one.points)
    one = next((sample for sample in sample_class(lab).samples if len(sample.loses) == 1), sample_class(lab).samples[0])
    return folder.step("feedback", one.name, lab.name) / f"{lab.name}.html"


def grade_class(folder: CourseFolder, labs: Sequence[Lab], screen: Console) -> None:
    """Release labs, hand in their sample classes, grade them, and write feedback and a report for each lab.

    Parameters
    ----------
    folder : CourseFolder
        As `fresh_course` makes it.
    labs : sequence of Lab
    screen : rich.console.Console
        Where progress goes.
    """
    screen.rule("1  The releases")
    students: dict[str, list[str]] = {}
    for lab in labs:
        screen.print(f"What students get: {release(folder, lab)}", soft_wrap=True)
        students[lab.name] = hand_in(folder, lab)

    screen.rule(f"2  Grading {sum(map(len, students.values()))} submissions")
    reason = probe()
    isolation = "bubblewrap"
    if reason is not None:
        isolation = "process"
        screen.print(f"[yellow]No sandbox here, so this demo grades without one.[/yellow] {reason}", soft_wrap=True)
    records: dict[str, list[dict]] = {}
    with contextlib.ExitStack() as stack:
        complete = stack.enter_context(Sandbox(isolation, lazy=True))
        # Labs that need the same share them: to start one takes longer than to grade a submission.
        beside: dict[tuple[tuple[str, ...], ...], list[Sandbox]] = {}
        for lab in labs:
            packages = tuple(lab.packages.values())
            if packages not in beside:
                started = [Sandbox(isolation, **lab.packages) for _ in range(PARALLEL)]
                beside[packages] = [stack.enter_context(sandbox) for sandbox in started]
            executor = LocalExecutor(folder.root, lab, beside[packages], complete)
            graded = console.run_grading(folder, lab, students[lab.name], executor, None)
            records[lab.name] = [as_record(one.student, lab, one.verdict) for one in graded]

    screen.rule("3  Feedback")
    for lab in labs:
        console.write_feedback_pages(folder, lab, students[lab.name])
        console.write_json(folder.root / f"report-{lab.name}.json", records[lab.name])
        screen.print(lab.title)
        console.summarize(records[lab.name])
    screen.print(f"Isolation: {isolation}")


def fresh_course(root: Path, labs: Sequence[Lab]) -> CourseFolder:
    """Make the demo's course folder in a repository, anew, and return it.

    Parameters
    ----------
    root : pathlib.Path
        The course's repository.
    labs : sequence of Lab
        What is copied into the folder.

    Returns
    -------
    CourseFolder

    Raises
    ------
    UserError
        If something is in the way that the demo did not make.
    """
    place = root / "demo"
    if place.exists():
        if not (place / MARK).is_file():
            raise UserError(f"{place} is in the way and was not made by the demo. Move it, then run the demo again.")
        shutil.rmtree(place)
    (place / "assignments").mkdir(parents=True)
    (place / MARK).touch()
    shutil.copy(root / CONFIG, place / CONFIG)
    for lab in labs:
        shutil.copytree(root / "assignments" / lab.name, place / "assignments" / lab.name)
        sample_class(lab).prepare(place, secret.read_or_make(place))
    return open_course(place)


def sample_class(lab: Lab) -> SampleClass:
    """Return a lab's sample class; one without a room for it has one that solved everything."""
    room = lab.room("demo")
    found = room.SAMPLE_CLASS if room is not None else SampleClass((Sample("01-full-marks", (lab.points, lab.points)),))
    untouched = Sample("05-untouched", (0, 0), frozenset(check.function for check in lab.checks), solved=False)
    return replace(found, samples=tuple(sorted((*found.samples, untouched), key=lambda sample: sample.name)))


def hand_in(folder: CourseFolder, lab: Lab) -> list[str]:
    """Write the submissions of the sample class to a lab and return its names.

    Parameters
    ----------
    folder : CourseFolder
        With the lab released.
    lab : Lab
    """
    solved = folder.step("source", ".", lab.name) / f"{lab.name}.ipynb"
    released = folder.step("release", ".", lab.name) / f"{lab.name}.ipynb"
    material = lab.material(folder.root, secret.read_or_make(folder.root)) if lab.material is not None else {}
    group = sample_class(lab)
    for sample in group.samples:
        notebook = nbformat.read(solved if sample.solved else released, as_version=4)
        for written in lab.manual if sample.solved else ():
            find_cell(notebook, written).source = group.written
        sample.change(notebook)
        for cell in notebook.cells:
            cell.source = without_marks(cell.source)
        place = folder.step("submitted", sample.name, lab.name)
        place.mkdir(parents=True)
        (place / f"{lab.name}.ipynb").write_bytes(sample.content(nbformat.writes(notebook).encode()))
        for name, content in sample.files(material).items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
    return [sample.name for sample in group.samples]
