"""Many submissions: graded beside each other, saved in one place, one after the other."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import json
import logging
import queue
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import nbformat
from joblib import Parallel, delayed
from nbconvert.exporters import NotebookExporter
from nbformat.notebooknode import from_dict
from nbgrader.api import MissingEntry
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from autograder import grade, secret
from autograder.cells import Role, UnreadableNotebookError, read_notebook, restore
from autograder.course import CourseError, CourseFolder
from autograder.nbgrader_plugin import NOTES, TrustedExecute, read_roles
from autograder.rubric import Lab
from autograder.sandbox.launch import refuse_to_show
from autograder.sandbox.pool import Sandbox
from autograder.store import Store
from autograder.student import Patience

#: Bytes of a date. The date parser takes seconds for a hundred thousand.
MAX_STAMP = 1000


@dataclass(frozen=True)
class Graded:
    """One student's verdict, and whether it is the one of an earlier run that still holds."""

    student: str
    verdict: grade.Verdict
    kept: bool = False


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
    complete: Sandbox,
    seed: int | None = None,
    patience: Patience | None = None,
    force: bool = False,
    started: Callable[[], None] = lambda: None,
) -> Iterator[Graded]:
    """Grade submissions and save each, as it comes, in the gradebook and the ``autograded`` folder.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    students : iterable of str
    sandboxes : sequence of Sandbox
        Where submissions run, as many beside each other. They lack the packages of ``lab.forbidden`` and stay open.
    complete : Sandbox
        One that has all packages, for the course's own answers. It stays open.
    seed : int, optional
        Of the questions; the course's secret by default.
    patience : Patience, optional
        How long to wait for a student's code; what the course configures by default.
    force : bool
        Grade anew what was graded before. By default a verdict holds until the submission, the checks, the course's
        secret or the packages change.
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
    refuse_to_show(course.root)
    roles = released_roles(course, lab)
    seed = secret.read_or_make(course.root) if seed is None else seed
    patience = patience or TrustedExecute(config=course.config).patience
    free: queue.SimpleQueue[Sandbox] = queue.SimpleQueue()
    for sandbox in sandboxes:
        free.put(sandbox)
    answers = grade.Course(lab, complete)
    started()

    def graded(student: str) -> Graded:
        sandbox = free.get()
        try:
            return Graded(student, _grade_one(course, lab, student, roles, sandbox, answers, seed, patience))
        finally:
            free.put(sandbox)

    # Threads suffice: the work is done in the sandboxes, and this process mostly waits for them. One more than there
    # are sandboxes keeps them at work while this one saves.
    number = len(sandboxes) + 1
    run = Parallel(n_jobs=number, backend="threading", return_as="generator_unordered", pre_dispatch=number)
    conditions = _conditions(roles, seed, patience, complete.isolation)
    with _quick_turns(), contextlib.closing(Saver(course, lab, roles, conditions)) as saver:
        students = list(students)
        kept = {} if force else saver.still_hold(students)
        yield from (Graded(student, verdict, kept=True) for student, verdict in kept.items())
        open_ones = [student for student in students if student not in kept]
        saver.store.withdraw(open_ones)
        try:
            for result in run(delayed(graded)(student) for student in open_ones):
                yield _saved(saver, result)
        except BaseException:
            # Whoever still waits for an answer must not keep this process from ending.
            for sandbox in (*sandboxes, complete):
                sandbox.stop()
            raise


@contextlib.contextmanager
def _quick_turns() -> Iterator[None]:
    """Let threads take turns often: one that waits for an answer measures how long it took."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _conditions(roles: Mapping[str, Role], seed: int, patience: Patience, isolation: str) -> str:
    """Return what a verdict depends on beside the submission, as one text: when it changes, everybody is asked anew."""
    code = {str(path): path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py"))}
    versions = {name: importlib.metadata.version(name) for name in ("keras", "tensorflow", "numpy", "scipy")}
    return joblib.hash((roles, seed, patience, isolation, sys.version, list(code.values()), versions))


def _saved(saver: Saver, graded: Graded) -> Graded:
    """Save a verdict, or what kept it from being saved: no student's files end the grading of a class."""
    try:
        saver.save(graded)
        return graded
    except Exception as error:
        reason = f"What was graded could not be saved ({grade.in_short(error)})."
        verdict = grade.unreadable(saver.lab, reason, graded.verdict.isolation)
        verdict = replace(graded.verdict, items=verdict.items, flags=[*graded.verdict.flags, reason], ran={})
        graded = replace(graded, verdict=verdict)
        # Without the notebook and what lies beside it, at least the gradebook shows no older grade.
        with contextlib.suppress(Exception):
            saver.save(graded, bare=True)
        return graded


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
    try:
        path = notebook_path(course, lab, student)
        notebook = read_notebook(path)
        notes = restore(notebook, roles)
        files, left_out = grade.files_beside(path)
        return grade.grade(notebook, lab, sandbox, answers, seed, files, notes + left_out, patience)
    except UnreadableNotebookError as error:
        return grade.unreadable(lab, str(error), sandbox.isolation)
    except Exception as error:
        # One submission must never end the grading of a class.
        reason = f"This submission could not be graded ({grade.in_short(error)})."
        return grade.unreadable(lab, reason, sandbox.isolation)


def notebook_path(course: CourseFolder, lab: Lab, student: str) -> Path:
    """Return where a student's notebook is, or would be."""
    return course.step("submitted", student, lab.name) / f"{lab.name}.ipynb"


class Saver:
    """Writes verdicts where plain ``nbgrader autograde`` writes them, with the preprocessors of the course.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    roles : dict of str to Role
        What the release says of each cell.
    conditions : str
        Of a verdict, beside the submission.
    """

    #: Done here for a whole class, or without work: cells come clean, and their roles from the gradebook.
    OWN = frozenset(
        (
            *("ClearOutput", "OverwriteKernelspec", "OverwriteCells", "CheckCellMetadata"),
            *("SaveAutoGrades", "FlagForReview", "AssignLatePenalties"),
        )
    )

    def __init__(self, course: CourseFolder, lab: Lab, roles: dict[str, Role], conditions: str) -> None:
        self.course, self.lab, self.roles, self.conditions = course, lab, roles, conditions
        config = Config(course.config)
        config.Exporter.default_preprocessors = []
        # nbgrader logs each cell that it puts right; what matters of that is in the verdict.
        logging.getLogger("traitlets").setLevel(logging.ERROR)
        steps = course.config.Autograde
        every = [str(s) for s in (*steps.get("sanitize_preprocessors", []), *steps.get("autograde_preprocessors", []))]
        names = {name: name.rpartition(".")[2] for name in every}
        exporter = NotebookExporter(config=config)
        self.preprocessors = [
            import_item(name)(parent=exporter, enabled=True) for name in every if names[name] not in self.OWN
        ]
        self.store = Store(course, lab, config, penalties="AssignLatePenalties" in names.values())

    def save(self, graded: Graded, bare: bool = False) -> None:
        """Save one verdict: the submission and its scores in the gradebook, the notebook beside its final place first.

        Parameters
        ----------
        graded : Graded
        bare : bool
            Save the verdict alone, without what was handed in.
        """
        student, verdict = graded.student, graded.verdict
        path = notebook_path(self.course, self.lab, student)
        notebook = nbformat.v4.new_notebook()
        if not bare:
            with contextlib.suppress(UnreadableNotebookError):
                notebook = read_notebook(path)
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
            "roles": self.roles,
        }
        for preprocessor in self.preprocessors:
            notebook, resources = preprocessor(notebook, resources)
        if self.store.kernelspec:
            notebook.metadata["kernelspec"] = from_dict(json.loads(self.store.kernelspec))
        if not bare:
            notebook.metadata[NOTES] |= from_dict({"of": self._of(student), "verdict": grade.as_stored(verdict)})
        place = self.course.step("autograded", student, self.lab.name)
        beside = place.with_name(f".{place.name}.new")
        self._write(beside, nbformat.writes(notebook), path, {} if bare else grade.files_beside(path)[0])
        # In this order, whatever stops it leaves no graded notebook beside grades that are not its own.
        _remove(place)
        self.store.save(student, self._when(student), notebook, flagged=verdict.status == "flagged")
        beside.rename(place)

    def still_hold(self, students: Iterable[str]) -> dict[str, grade.Verdict]:
        """Return the verdicts of an earlier run on the same submissions under the same conditions, by student."""
        complete = self.store.complete()
        held: dict[str, grade.Verdict] = {}
        for student in students:
            notebook = self.course.step("autograded", student, self.lab.name) / f"{self.lab.name}.ipynb"
            # What cannot be read, or is not what was written here, is graded again.
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                notes = json.loads(notebook.read_bytes())["metadata"][NOTES] if student in complete else {}
                if notes["of"] == self._of(student):
                    held[student] = grade.from_stored(notes["verdict"])
        return held

    def _of(self, student: str) -> str:
        """Return what stands for a submission under the conditions of its verdict."""
        path = notebook_path(self.course, self.lab, student)
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        return joblib.hash((content, grade.files_beside(path), self._when(student), self.conditions))

    def close(self) -> None:
        self.store.close()

    def _when(self, student: str) -> datetime.datetime | None:
        folder = self.course.step("submitted", student, self.lab.name)
        if _stamp(folder) is not None:
            # The date parser raises what it likes.
            with contextlib.suppress(Exception):
                return self.course.directory.get_existing_timestamp(str(folder))
        return None

    def _write(self, beside: Path, text: str, submitted: Path, files: dict[str, bytes]) -> None:
        _remove(beside)
        beside.mkdir(parents=True)
        # What the course brings comes first: a student's file of the same name must not take its place.
        ours = {f"{self.lab.name}.ipynb": text.encode()}
        if (stamp := _stamp(submitted.parent)) is not None:
            ours["timestamp.txt"] = stamp.read_bytes()
        source = self.course.step("source", ".", self.lab.name)
        for path in sorted(source.rglob("*")) if source.is_dir() else ():
            if path.is_file() and path.suffix != ".ipynb":
                ours[str(path.relative_to(source))] = path.read_bytes()
        for name, content in {**ours, **{name: files[name] for name in files.keys() - ours}}.items():
            target = beside / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                continue  # A student's folder has the name of a file of ours, or the other way round.
            target.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)


def _stamp(folder: Path) -> Path | None:
    """Return the file that says when a submission was handed in, where it may be one: a date is short."""
    stamp = folder / "timestamp.txt"
    fits = stamp.is_file() and not stamp.is_symlink() and stamp.stat().st_size <= MAX_STAMP
    return stamp if fits else None


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
