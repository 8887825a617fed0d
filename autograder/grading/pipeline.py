"""Many submissions: graded in parallel, saved in one place, one after the other."""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import logging
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.api import MissingEntry
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from autograder.checking.lab import Lab
from autograder.errors import in_short
from autograder.gradebook import secret
from autograder.gradebook.class_tables import handed_in_by, read_groups
from autograder.gradebook.course_folder import CONFIG, CourseError, CourseFolder
from autograder.gradebook.released_cells import read_roles
from autograder.gradebook.store import Store
from autograder.grading import executors, grade
from autograder.grading.executors import Executor
from autograder.grading.nbgrader_plugin import NOTES, TrustedExecute
from autograder.grading.student import Timeouts
from autograder.sandbox.launch import refuse_to_show
from autograder.submissions import reader
from autograder.submissions.cells import Role, UnreadableNotebookError, parse, read_content
from autograder.submissions.files import files_beside
from autograder.submissions.reader import StoppedError
from autograder.submissions.submission import Submission, chosen, handed_in, read_submission, without_time

#: Bytes of the file that says when something was handed in; nbgrader and its date parser read all of it.
MAX_STAMP = 200


@dataclass(frozen=True)
class Graded:
    """One student's verdict, and whether it is the one of an earlier run that still holds.

    Attributes
    ----------
    student : str
    verdict : Verdict
    kept : bool
    """

    student: str
    verdict: grade.Verdict
    kept: bool = False


def students_of(course: CourseFolder, lab: Lab, only: str | None = None) -> list[str]:
    """Return who handed something in for a lab, sorted.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    only : str, optional
        The one student that is asked for, or a member of the group of the one who handed in.

    Returns
    -------
    list of str

    Raises
    ------
    CourseError
        If nobody did, or the one asked for did not, or if two of one group did.
    """
    submitted = course.step("submitted")
    folders = submitted.iterdir() if submitted.is_dir() else ()
    found = sorted(folder.name for folder in folders if (folder / lab.name).is_dir() and not folder.is_symlink())
    only = handed_in_by(read_groups(course.root, lab.name), found, lab.name).get(only, only)
    if only is not None and only not in found:
        raise CourseError(f"{only} handed in nothing for {lab.name}: there is no folder {submitted / only / lab.name}.")
    if not found:
        raise CourseError(f"Nobody handed in {lab.name} yet: no folder matches {submitted}/<student>/{lab.name}.")
    return found if only is None else [only]


def released_roles(course: CourseFolder, lab: Lab) -> dict[str, Role]:
    """Return the roles of the released cells.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab

    Returns
    -------
    dict of str to Role

    Raises
    ------
    CourseError
        If the gradebook cannot be opened, the lab was never released here, or its release does not agree with the
        rubric.
    """
    try:
        roles = read_roles(course.gradebook, lab.name, lab.name, course.root)
    except (OperationalError, ImportError, ArgumentError) as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())[:300]
        raise CourseError(
            f"The gradebook {_without_password(course.gradebook)} cannot be opened: {reason}. Look at db_url in "
            f"{course.root / CONFIG}, and whether that server runs."
        ) from None
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


def _without_password(address: str) -> str:
    try:
        return make_url(address).render_as_string(hide_password=True)
    except ArgumentError:
        return "of the configuration"


def grade_all(
    course: CourseFolder,
    lab: Lab,
    students: Iterable[str],
    executor: Executor,
    *,
    seed: int | None = None,
    timeouts: Timeouts | None = None,
    force: bool = False,
    started: Callable[[], None] = lambda: None,
    save: bool = True,
) -> Iterator[Graded]:
    """Grade submissions and save each, as it comes, in the gradebook and the ``autograded`` folder.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    students : iterable of str
    executor : Executor
        Where they are graded: on this machine (`LocalExecutor`) or on a cluster (`DaskExecutor`).
    seed : int, optional
        Of the questions; the course's secret by default.
    timeouts : Timeouts, optional
        How long to wait for a student's code; what the course configures by default.
    force : bool
        Grade anew what was graded before. By default a verdict holds until the submission, the checks, the course's
        secret or the packages change.
    started : callable, optional
        Called when the first submission is about to be graded.
    save : bool
        Without it nothing is written: the verdicts are those that grading would give.

    Yields
    ------
    Graded
        In the order in which they are done.

    Raises
    ------
    CourseError, SecretError, SandboxError, ClusterError
        Before anything is graded, or where the executor is lost. What was graded until then is saved.
    """
    refuse_to_show(course.root)
    if not (save or (course.root / secret.NAME).exists()):
        raise CourseError(f"{course.root} has no {secret.NAME} yet: it is made when {lab.name} is first graded.")
    roles = released_roles(course, lab)
    seed = secret.read_or_make(course.root) if seed is None else seed
    timeouts = timeouts or TrustedExecute(config=course.config).timeouts
    # With other questions too, what was released is what the secret drew.
    material = {} if lab.material is None else lab.material(course.root, secret.read_or_make(course.root))
    conditions = grade.Conditions(seed, roles, timeouts, material)
    fingerprint = joblib.hash((roles, seed, timeouts, executor.isolation, executors.code(), material))
    with contextlib.closing(Saver(course, lab, roles, fingerprint)) as saver:
        students = list(students)
        holding = saver.still_hold(students)
        kept = {} if force else holding
        yield from (Graded(student, verdict, kept=True) for student, verdict in kept.items())
        open_ones = [student for student in students if student not in kept]
        # A grade that still holds is replaced when the new one is there.
        if save:
            saver.store.withdraw([student for student in open_ones if student not in holding])
        if open_ones:
            read = functools.partial(read_one, course, lab)
            for student, verdict in executor.grade(open_ones, read, conditions, started):
                graded = Graded(student, verdict)
                yield _saved(saver, graded) if save else graded


def _saved(saver: Saver, graded: Graded) -> Graded:
    """Save a verdict, or what kept it from being saved: no student's files end the grading of a class."""
    try:
        saver.save(graded)
        return graded
    except Exception as error:
        reason = f"What was graded could not be saved ({in_short(error)})."
        verdict = grade.unreadable(saver.lab, reason, graded.verdict.isolation)
        verdict = replace(graded.verdict, items=verdict.items, flags=[*graded.verdict.flags, reason], ran={})
        graded = replace(graded, verdict=verdict)
        # Without the notebook and what lies beside it, at least the gradebook shows no older grade.
        with contextlib.suppress(Exception):
            saver.save(graded, bare=True)
        return graded


def read_one(course: CourseFolder, lab: Lab, student: str) -> Submission:
    """Return what one student handed in.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    student : str

    Returns
    -------
    Submission

    Raises
    ------
    UnreadableNotebookError
        The text is for the student.
    """
    path = notebook_path(course, lab, student)
    when = timestamp(course, path.parent)
    submission = read_submission(path, student, when, lab.wanted)
    return replace(submission, notes=(*submission.notes, *without_time(path.parent, when)))


def timestamp(course: CourseFolder, folder: Path) -> datetime.datetime | None:
    """Return when a submission was handed in, or None where nothing readable says so.

    Parameters
    ----------
    course : CourseFolder
    folder : pathlib.Path
        Of one submission.
    """
    if _stamp(folder) is not None:
        # The date parser raises what it likes.
        with contextlib.suppress(Exception):
            return course.directory.get_existing_timestamp(str(folder))
    return None


def notebook_path(course: CourseFolder, lab: Lab, student: str) -> Path:
    """Return where a student's notebook is, or would be.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    student : str
    """
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
        self.store = Store(course, lab, config)

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
        found = None if bare else handed_in(path.parent, self.lab.wanted)
        if found is not None:
            # Why it could not be read is in the verdict.
            with contextlib.suppress(UnreadableNotebookError, StoppedError):
                notebook = reader.call(parse, read_content(found.notebook), path.name)
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
            notebook.metadata[NOTES]["of"] = self._of(student)
        place = self.course.step("autograded", student, self.lab.name)
        beside = place.with_name(f".{place.name}.new")
        self._write(beside, _written(notebook), path, {} if found is None else found.files)
        unchanged = self._unchanged(place / f"{self.lab.name}.ipynb", notebook, verdict)
        # In this order, whatever stops it leaves no graded notebook beside grades that are not its own.
        _remove(place)
        self.store.save(student, self._when(student), notebook, verdict.status == "flagged", unchanged)
        beside.rename(place)

    def _unchanged(self, path: Path, notebook: NotebookNode, verdict: grade.Verdict) -> set[str]:
        """Return the scored cells of which a person who has graded the notebook before would see nothing new.

        A check must give the points that it gave, an answer have the text that it had, and no flag be new.
        """
        try:
            before = json.loads(path.read_bytes())
            old = grade.from_stored(before["metadata"][NOTES]["verdict"])
            if not set(verdict.flags) <= set(old.flags):
                return set()
            given = [
                {check.grade_id: sum(i.points for i in one.of_check(check.grade_id)) for check in self.lab.checks}
                for one in (old, verdict)
            ]
            texts = [
                {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell["source"] for cell in cells}
                for cells in (before["cells"], notebook.cells)
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return set()
        checks = {name for name, points in given[1].items() if points == given[0][name]}
        answers = {name for name, text in texts[1].items() if name and texts[0].get(name) == text}
        return checks | (answers - given[1].keys())

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
        notebook = path.parent / (chosen(path.parent, self.lab.wanted).notebook or path.name)
        content = notebook.read_bytes() if notebook.is_file() and not notebook.is_symlink() else None
        return joblib.hash((student, content, files_beside(path), self._when(student), self.conditions))

    def close(self) -> None:
        """Close the gradebook."""
        self.store.close()

    def _when(self, student: str) -> datetime.datetime | None:
        return timestamp(self.course, notebook_path(self.course, self.lab, student).parent)

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
                continue  # A student's folder has the name of a file of ours, or the other way around.
            target.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)


def _written(notebook: NotebookNode) -> str:
    """Return the text of a notebook; nbformat writes the same over many lines, which takes twenty times as long."""
    return json.dumps(notebook, ensure_ascii=False, sort_keys=True) + "\n"


def _stamp(folder: Path) -> Path | None:
    """Return the file that says when a submission was handed in, where there is one that can be read safely."""
    stamp = folder / "timestamp.txt"
    regular = stamp.is_file() and not stamp.is_symlink() and not folder.is_symlink()
    return stamp if regular and stamp.stat().st_size <= MAX_STAMP else None


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
