"""Many submissions: graded beside each other, saved in one place, one after the other."""

from __future__ import annotations

import contextlib
import datetime
import logging
import queue
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from joblib import Parallel, delayed
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook, MissingEntry
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from autograder import grade, secret
from autograder.cells import Role, UnreadableNotebookError, read_notebook, restore
from autograder.course import CourseError, CourseFolder
from autograder.nbgrader_plugin import TrustedExecute, read_roles
from autograder.rubric import Lab
from autograder.sandbox.pool import Sandbox
from autograder.student import Patience


@dataclass(frozen=True)
class Graded:
    """One student's verdict."""

    student: str
    verdict: grade.Verdict


def students_of(course: CourseFolder, lab: Lab, only: str | None = None) -> list[str]:
    """Return who handed something in for a lab, sorted.

    Raises
    ------
    CourseError
        If nobody did, or the one asked for did not.
    """
    submitted = course.step("submitted")
    folders = submitted.iterdir() if submitted.is_dir() else ()
    found = sorted(folder.name for folder in folders if (folder / lab.name).is_dir() and not folder.is_symlink())
    if only is not None and only not in found:
        raise CourseError(f"{only} handed in nothing for {lab.name}: there is no folder {submitted / only / lab.name}.")
    if not found:
        raise CourseError(f"Nobody handed in {lab.name} yet: no folder matches {submitted}/<student>/{lab.name}.")
    return found if only is None else [only]


def released_roles(course: CourseFolder, lab: Lab) -> dict[str, Role]:
    """Return the roles of the released cells.

    Raises
    ------
    CourseError
        If the lab was never released here, or its release does not agree with the rubric.
    """
    try:
        roles = read_roles(course.gradebook, lab.name, lab.name)
    except MissingEntry:
        raise CourseError(
            f"{lab.name} is not in the gradebook of {course.root}. Release it first: cnn-course release {lab.name}"
        ) from None
    for check in lab.checks:
        role = roles.get(check.grade_id)
        if role is None or role.points != check.points:
            released = "is missing" if role is None else f"is worth {role.points:g} points"
            raise CourseError(
                f"The released {lab.name} does not agree with the rubric: {check.grade_id} {released}, the rubric says "
                f"{check.points:g}. Release the lab again: cnn-course release {lab.name}"
            )
    return roles


def grade_all(
    course: CourseFolder,
    lab: Lab,
    students: Iterable[str],
    *,
    sandboxes: Sequence[Sandbox],
    seed: int | None = None,
    patience: Patience | None = None,
    started: Callable[[], None] = lambda: None,
) -> Iterator[Graded]:
    """Grade submissions and save each, as it comes, in the gradebook and the ``autograded`` folder.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    students : iterable of str
    sandboxes : sequence of Sandbox
        As many submissions are graded beside each other. They stay open.
    seed : int, optional
        Of the questions; the course's secret by default.
    patience : Patience, optional
        How long to wait for a student's code; what the course configures by default.
    started : callable, optional
        Called when the sandboxes are warm.

    Yields
    ------
    Graded
        In the order in which they are done.

    Raises
    ------
    CourseError, SecretError, SandboxError
        Before anything is graded.
    """
    roles = released_roles(course, lab)
    seed = secret.read_or_make(course.root) if seed is None else seed
    patience = patience or TrustedExecute(config=course.config).patience
    saver = Saver(course, lab)
    free: queue.SimpleQueue[tuple[Sandbox, grade.Course]] = queue.SimpleQueue()
    for sandbox in sandboxes:
        free.put((sandbox, grade.Course(lab, sandbox)))
    started()

    def graded(student: str) -> Graded:
        sandbox, answers = free.get()
        try:
            return Graded(student, _grade_one(course, lab, student, roles, sandbox, answers, seed, patience))
        finally:
            free.put((sandbox, answers))

    # Threads suffice: the work is done in the sandboxes, and this process mostly waits for them.
    number = len(sandboxes)
    run = Parallel(n_jobs=number, backend="threading", return_as="generator_unordered", pre_dispatch=number)
    for result in run(delayed(graded)(student) for student in students):
        saver.save(result)
        yield result


def _grade_one(
    course: CourseFolder,
    lab: Lab,
    student: str,
    roles: dict[str, Role],
    sandbox: Sandbox,
    answers: grade.Course,
    seed: int,
    patience: Patience,
) -> grade.Verdict:
    path = notebook_path(course, lab, student)
    try:
        notebook = read_notebook(path)
    except UnreadableNotebookError as error:
        return grade.unreadable(lab, str(error), sandbox.isolation)
    notes = restore(notebook, roles)
    files, left_out = grade.files_beside(path)
    return grade.grade(notebook, lab, sandbox, answers.answers, seed, files, notes + left_out, patience)


def notebook_path(course: CourseFolder, lab: Lab, student: str) -> Path:
    """Return where a student's notebook is, or would be."""
    return course.step("submitted", student, lab.name) / f"{lab.name}.ipynb"


class Saver:
    """Writes verdicts where plain ``nbgrader autograde`` writes them, with the preprocessors of the course.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    """

    def __init__(self, course: CourseFolder, lab: Lab) -> None:
        self.course, self.lab = course, lab
        config = Config(course.config)
        config.Exporter.default_preprocessors = []
        # nbgrader logs each cell that it puts right; what matters of that is in the verdict.
        logging.getLogger("traitlets").setLevel(logging.ERROR)
        steps = course.config.Autograde
        names = [*steps.get("sanitize_preprocessors", []), *steps.get("autograde_preprocessors", [])]
        self.exporter = NotebookExporter(config=config)
        self.preprocessors = [import_item(name)(parent=self.exporter, enabled=True) for name in names]

    def save(self, graded: Graded) -> None:
        """Save one verdict: the submission and its scores in the gradebook, the notebook beside its final place first.

        Parameters
        ----------
        graded : Graded
        """
        student, verdict = graded.student, graded.verdict
        path = notebook_path(self.course, self.lab, student)
        self._register(student)
        try:
            notebook = read_notebook(path)
        except UnreadableNotebookError:
            notebook = nbformat.v4.new_notebook()
        resources = {
            "unique_key": self.lab.name,
            "metadata": {"path": str(path.parent), "name": self.lab.name},
            "nbgrader": {
                "student": student,
                "assignment": self.lab.name,
                "notebook": self.lab.name,
                "db_url": self.course.gradebook,
            },
            "verdict": verdict,
        }
        for preprocessor in self.preprocessors:
            notebook, resources = preprocessor(notebook, resources)
        self._write(student, nbformat.writes(notebook), path)

    def _register(self, student: str) -> None:
        when = None
        stamp = self.course.step("submitted", student, self.lab.name) / "timestamp.txt"
        if stamp.is_file() and not stamp.is_symlink():
            with contextlib.suppress(ValueError, OverflowError):
                when = self.course.directory.get_existing_timestamp(str(stamp.parent))
        with Gradebook(self.course.gradebook, self.course.directory.course_id) as gradebook:
            gradebook.update_or_create_student(student)
            told = {"timestamp": when} if isinstance(when, datetime.datetime) else {}
            gradebook.update_or_create_submission(self.lab.name, student, **told)

    def _write(self, student: str, text: str, submitted: Path) -> None:
        place = self.course.step("autograded", student, self.lab.name)
        beside = place.with_name(f".{place.name}.new")
        _remove(beside)
        beside.mkdir(parents=True)
        files, _ = grade.files_beside(submitted)
        stamp = submitted.parent / "timestamp.txt"
        if stamp.is_file() and not stamp.is_symlink():
            files["timestamp.txt"] = stamp.read_bytes()
        source = self.course.step("source", ".", self.lab.name)
        for path in sorted(source.rglob("*")) if source.is_dir() else ():
            if path.is_file() and path.suffix != ".ipynb":
                files[str(path.relative_to(source))] = path.read_bytes()
        files[f"{self.lab.name}.ipynb"] = text.encode()
        for name, content in files.items():
            target = beside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        _remove(place)
        beside.rename(place)


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
