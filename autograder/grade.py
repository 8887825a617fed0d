"""Notebook in, verdict out: run a submission beside the course's answers and judge it item by item."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from nbformat.notebooknode import NotebookNode

from autograder import cells, ownwork, reference, rubric
from autograder.rubric import Item, Lab, StudentError
from autograder.sandbox.launch import SandboxError
from autograder.sandbox.pool import JobEndedError, JobTimeoutError, Sandbox
from autograder.student import Answer, Asked, Patience, Ran, Remembering, SandboxStudent
from autograder.untrusted import printable

MAX_FILES = 100
MAX_FILE_BYTES = 16 * 2**20
MAX_ENTRIES = 1000
UNJUDGED = "This could not be judged automatically; a person will look at it."


@dataclass(frozen=True)
class Verdict:
    """What grading one submission found.

    Attributes
    ----------
    items : list of Item
        Every line of the lab's rubric, judged.
    flags : list of str
        Why a person must look; empty where nobody has to.
    ran : dict of int to Ran
        What each cell did, by its position in the restored notebook.
    isolation : str
        ``"bubblewrap"`` or ``"process"``.
    seconds : float
        Wall time.
    """

    items: list[Item]
    flags: list[str] = field(default_factory=list)
    ran: dict[int, Ran] = field(default_factory=dict)
    isolation: str = "bubblewrap"
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """``"graded"``, or ``"flagged"`` where a person must look."""
        return "flagged" if self.flags else "graded"

    @property
    def points(self) -> float:
        """Points earned over all automatic items."""
        return float(sum(item.points for item in self.items))

    @property
    def max_points(self) -> float:
        """Points possible over all automatic items."""
        return float(sum(item.max_points for item in self.items))

    def of_check(self, grade_id: str) -> list[Item]:
        """Return the items of one check cell."""
        return [item for item in self.items if item.check == grade_id]


class Course:
    """The course's own answers to a lab, from a job of their own that no student's code has touched.

    Parameters
    ----------
    lab : Lab
        Whose mutants are needed.
    sandbox : Sandbox
        Where the job comes from.
    """

    def __init__(self, lab: Lab, sandbox: Sandbox) -> None:
        modules = [rubric, reference, importlib.import_module(f"autograder.mutants.{lab.name}")]
        sources = {module.__name__: inspect.getsource(module) for module in modules}
        # The sandbox does not see this package, so its text goes over the wire and becomes modules of the same names.
        cell = (
            "import sys, types, json\n"
            "sys.modules['autograder'].__path__ = []\n"
            "sys.modules['autograder.mutants'] = types.ModuleType('autograder.mutants')\n"
            f"for _name, _source in json.loads({json.dumps(sources)!r}).items():\n"
            "    _module = types.ModuleType(_name)\n"
            "    sys.modules[_name] = _module\n"
            "    setattr(sys.modules[_name.rpartition('.')[0]], _name.rpartition('.')[2], _module)\n"
            "    exec(compile(_source, _name, 'exec'), vars(_module))\n"
            "    globals().update({k: v for k, v in vars(_module).items() if not k.startswith('_')})\n"
        )
        self._sandbox, self._cell = sandbox, cell
        self._asked = self._start()
        self.answers: Asked = Remembering(self)
        if lab.prepare is not None:
            lab.prepare(self.answers)

    def _start(self) -> SandboxStudent:
        asked = SandboxStudent(self._sandbox, {0: self._cell}, patience=Patience(60, 60, 10**9))
        ran = asked.run()[0]
        if ran.error is not None or ran.cut_off is not None:
            reason = ran.cut_off or f"{ran.error.get('ename')}: {ran.error.get('evalue')}"
            raise SandboxError(f"The course's own answers do not load: {reason}")
        return asked

    def ask(self, function: str, *args: Any) -> Answer:
        """Ask once more in a fresh job where the job is gone: that is never the student's fault.

        Raises
        ------
        StudentError
            If the function itself raised, as a known fault may.
        SandboxError
            If there is no answer from a fresh job either.
        """
        try:
            return self._asked.ask(function, *args)
        except StudentError:
            if self._asked.alive:
                raise
        self._asked = self._start()
        try:
            return self._asked.ask(function, *args)
        except StudentError as error:
            if self._asked.alive:
                raise
            raise SandboxError(f"The course's own answer to {function} did not come: {error}") from None

    def call(self, function: str, *args: Any) -> Any:
        """Return only the value of `ask`."""
        return self.ask(function, *args).value


def grade(
    notebook: NotebookNode,
    lab: Lab,
    sandbox: Sandbox,
    course: Asked,
    seed: int,
    files: Mapping[str, bytes] | None = None,
    notes: list[str] | None = None,
    patience: Patience | None = None,
) -> Verdict:
    """Judge one submission.

    Parameters
    ----------
    notebook : NotebookNode
        The submission with the roles of its cells restored (see `cells.restore`).
    lab : Lab
        The rubric.
    sandbox : Sandbox
        Where the submission runs.
    course : Asked
        The course's answers.
    seed : int
        Of the questions; the same seed asks everyone the same.
    files : mapping of str to bytes, optional
        What lies beside the notebook.
    notes : list of str, optional
        What restoring found that a person must look at.
    patience : Patience, optional
        How long to wait.

    Returns
    -------
    Verdict
    """
    start = time.perf_counter()
    flags = list(notes or [])
    items: list[Item] = []
    ran: dict[int, Ran] = {}
    student = None
    try:
        sources = cells.runnable(notebook, [check.grade_id for check in lab.checks])
        borrowed = _borrowed(sources, files or {}, lab, flags)
        student = SandboxStudent(sandbox, sources, files, course, patience)
        ran = student.run()
        for check in lab.checks:
            rng = np.random.default_rng([seed, zlib.crc32(check.grade_id.encode())])
            if check.function in borrowed:
                items += check.failed(borrowed[check.function])
                continue
            try:
                items += check(student, rng)
            except (SandboxError, JobEndedError, JobTimeoutError):
                raise
            except Exception as error:
                # A fault of the check is never the student's: say so, pay nothing yet, and call a person.
                flags.append(f"The check of {check.function} failed by itself ({in_short(error)}).")
                items += check.failed(UNJUDGED)
    except Exception as error:
        # One submission must never end the grading of a class.
        which = "The sandbox" if isinstance(error, (SandboxError, JobEndedError, JobTimeoutError)) else "The grader"
        flags.append(f"{which} failed while this was graded ({in_short(error)}).")
        judged = {item.check for item in items}
        for check in lab.checks:
            if check.grade_id not in judged:
                items += check.failed(UNJUDGED)
    finally:
        if student is not None:
            student.close()
    flags += [f"Cell {position + 1}: {what.cut_off}" for position, what in sorted(ran.items()) if what.cut_off]
    items = [replace(item, message=printable(item.message)) for item in items]
    flags = [printable(flag) for flag in flags]
    return Verdict(items, flags, ran, sandbox.isolation, time.perf_counter() - start)


def _borrowed(sources: Mapping[int, str], files: Mapping[str, bytes], lab: Lab, flags: list[str]) -> dict[str, str]:
    modules = {name: content.decode("utf-8", "replace") for name, content in files.items() if name.endswith(".py")}
    functions = [check.function for check in lab.checks]
    try:
        return ownwork.borrowed(sources.values(), functions, lab.forbidden, modules)
    except ownwork.TooMuchSourceError as error:
        flags.append(str(error))
        return {}


def in_short(error: BaseException) -> str:
    """Return an exception in one line for a person who must look."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def unreadable(lab: Lab, reason: str, isolation: str) -> Verdict:
    """Return the verdict on a submission that cannot be read: nothing earned, and a person must look."""
    reason = printable(reason)
    items = [item for check in lab.checks for item in check.failed(reason)]
    return Verdict(items, [reason], isolation=isolation)


def files_beside(notebook: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the regular files of a submission folder, by relative name, and what was left out and why.

    Links are not followed: one of them could name any file of this machine.
    """
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    room = MAX_FILE_BYTES
    for path in _entries(notebook.parent):
        name = str(path.relative_to(notebook.parent))
        try:
            if path.is_symlink():
                left_out.append(f"The submission holds a link, {name}, which was not followed.")
            elif path.is_file() and path != notebook and path.suffix != ".ipynb" and path.name != "timestamp.txt":
                room -= path.stat().st_size
                if room < 0 or len(files) >= MAX_FILES:
                    left_out.append("The files beside the notebook are too many or too large; some were left out.")
                    break
                files[name] = path.read_bytes()
        except OSError as error:
            left_out.append(f"The file {name} cannot be read ({error.strerror}); it was left out.")
    return files, left_out[:MAX_FILES]


def links_beside(notebook: Path) -> list[str]:
    """Return the relative names of the links of a submission folder."""
    return [str(path.relative_to(notebook.parent)) for path in _entries(notebook.parent) if path.is_symlink()]


def _entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, links to folders not entered, sorted as far as it is read."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        found += [Path(place, name) for name in sorted([*names, *folders])]
        if len(found) > MAX_ENTRIES:
            break
    return sorted(found)


def as_record(student: str, lab: Lab, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as one entry of the JSON report."""
    items = [
        {
            "check": item.check,
            "title": item.title,
            "points": item.points,
            "max_points": item.max_points,
            "passed": item.passed,
            "message": item.message,
        }
        for item in verdict.items
    ]
    return {
        "student": printable(student),
        "assignment": lab.name,
        "status": verdict.status,
        "points": verdict.points,
        "max_points": verdict.max_points,
        "isolation": verdict.isolation,
        "seconds": round(verdict.seconds, 3),
        "message": " ".join(verdict.flags),
        "items": items,
    }
