"""Notebook in, verdict out: run a submission beside the course's answers and judge it item by item."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import ModuleType
from typing import Any

import numpy as np
from nbformat.notebooknode import NotebookNode

from autograder import cells, reference, rubric
from autograder.rubric import Check, Item, Lab, Problem, StudentError
from autograder.sandbox.launch import SandboxError
from autograder.sandbox.pool import JobEndedError, JobTimeoutError, Sandbox
from autograder.student import FLAGS, Answer, Patience, Ran, Remembering, SandboxStudent
from autograder.untrusted import printable, without_links

_BORROWED = "{} uses {} instead of computing its answer, so it scores 0. Write it with NumPy or SciPy."
_UNPROVEN = (
    "{} gives other answers where {} cannot be used: it needs what another function or line of the notebook makes with "
    "them. It is paid once a person has seen that it computes by itself."
)
_NO_MODULE = re.compile(r"No module named '([\w.]{1,60})'")
#: How long an answer may take that is only asked for to show what is wrong.
REASON_SECONDS = 2.0
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
    """The course's own answers to a lab, from jobs of their own that no student's code has touched.

    Each is asked once and then remembered: everyone gets the same questions.

    Parameters
    ----------
    lab : Lab
        Whose mutants are needed.
    complete : Sandbox
        Has all packages: where most answers come from, and where notebooks run that need those of ``lab.forbidden``.
        It may be lazy: where all answers are known, nobody needs it.
    beside : Sandbox
        One of those in which submissions run: where what is only timed runs.
    known : mapping, optional
        Answers of an earlier time, as `answers` holds them.
    """

    def __init__(self, lab: Lab, complete: Sandbox, beside: Sandbox, known: Mapping[str, Any] | None = None) -> None:
        self.lab, self.complete = lab, complete
        everything = [rubric, reference, importlib.import_module(f"autograder.mutants.{lab.name}")]
        self._complete, self._beside = _Jobs(complete, everything), _Jobs(beside, [reference])
        #: Held while a submission runs in the complete sandbox: its jobs share a limit on processes.
        self.lent = threading.Lock()
        self.answers = Remembering(self, OrderedDict(known or {}))
        if lab.prepare is not None:
            lab.prepare(self.answers)

    def ask(self, function: str, *args: Any) -> Answer:
        """Ask a job of the course, once more in a fresh one where it is gone: that is never the student's fault.

        Raises
        ------
        StudentError
            If the function itself raised, as a known fault may.
        SandboxError
            If there is no answer from a fresh job either.
        """
        return (self._beside if function in self.lab.timed else self._complete).ask(function, *args)

    def call(self, function: str, *args: Any) -> Any:
        """Return only the value of `ask`."""
        return self.ask(function, *args).value


class _Jobs:
    """One job after another that answers with the functions of some modules, the first when something is asked."""

    def __init__(self, sandbox: Sandbox, modules: Sequence[ModuleType]) -> None:
        sources = {module.__name__: inspect.getsource(module) for module in modules}
        # The sandbox does not see this package, so its text goes over the wire and becomes modules of the same names.
        self._cell = (
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
        self._sandbox = sandbox
        self._asked: SandboxStudent | None = None
        # One job answers for all whose submissions are graded beside each other.
        self._lock = threading.Lock()

    def ask(self, function: str, *args: Any) -> Answer:
        with self._lock:
            for last in (False, True):
                if self._asked is None:
                    self._asked = self._start()
                try:
                    return self._asked.ask(function, *args)
                except StudentError as error:
                    if self._asked.alive:
                        raise
                    self._asked = None
                    if last:
                        raise SandboxError(f"The course's own answer to {function} did not come: {error}") from None

    def _start(self) -> SandboxStudent:
        asked = SandboxStudent(self._sandbox, {0: self._cell}, patience=Patience(60, 60, 10**9), trusted=True)
        ran = asked.run()[0]
        if ran.error is not None or ran.cut_off is not None:
            reason = ran.cut_off or f"{ran.error.get('ename')}: {ran.error.get('evalue')}"
            raise SandboxError(f"The course's own answers do not load: {reason}")
        return asked


@dataclass(frozen=True)
class Task:
    """One submission as it was handed in, to be judged on this machine or another.

    Attributes
    ----------
    lab : str
        The lab's name.
    content : bytes
        What the notebook's file holds.
    files : dict of str to bytes
        What lies beside it.
    notes : list of str
        What a person must look at already.
    roles : mapping of str to Role
        What the release says of each cell.
    seed : int
        Of the questions.
    patience : Patience
        How long to wait.
    material : mapping
        What the lab brings for grading alone.
    owner : str
        The student id of whoever handed it in.
    """

    lab: str
    content: bytes
    files: dict[str, bytes]
    notes: list[str]
    roles: Mapping[str, cells.Role]
    seed: int
    patience: Patience
    material: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""


def judge(task: Task, sandbox: Sandbox, course: Course) -> Verdict:
    """Return the verdict of `grade`; where that fails, one that calls a person: it must never end a whole class."""
    lab = course.lab
    try:
        notebook = cells.parse(task.content, f"{lab.name}.ipynb")
        notes = cells.restore(notebook, task.roles) + task.notes
    except cells.UnreadableNotebookError as error:
        return unreadable(lab, str(error), sandbox.isolation)
    except Exception as error:
        return unreadable(lab, f"This submission could not be read ({in_short(error)}).", sandbox.isolation)
    try:
        given = task.seed, task.files, notes, task.patience, task.material, task.owner
        return grade(notebook, lab, sandbox, course, *given)
    except Exception as error:
        return unreadable(lab, f"This submission could not be graded ({in_short(error)}).", sandbox.isolation)


def grade(
    notebook: NotebookNode,
    lab: Lab,
    sandbox: Sandbox,
    course: Course,
    seed: int,
    files: Mapping[str, bytes] | None = None,
    notes: list[str] | None = None,
    patience: Patience | None = None,
    material: Mapping[str, Any] | None = None,
    owner: str = "",
) -> Verdict:
    """Judge one submission.

    It runs where the packages that the lab is about are only stand-ins, so an answer that lets them compute gives none.
    A notebook whose cells need them is run a second time where they are there, and paid for what it answers both times.
    What it answers only there calls a person.

    Parameters
    ----------
    notebook : NotebookNode
        The submission with the roles of its cells restored (see `cells.restore`).
    lab : Lab
        The rubric.
    sandbox : Sandbox
        Where the submission runs, without the packages of ``lab.forbidden``.
    course : Course
        The course's answers, and the sandbox that has those packages.
    seed : int
        Of the questions; the same seed asks everyone the same.
    files : mapping of str to bytes, optional
        What lies beside the notebook.
    notes : list of str, optional
        What restoring found that a person must look at.
    patience : Patience, optional
        How long to wait.
    material : mapping, optional
        What the lab brings for grading alone.
    owner : str
        The student id of whoever handed it in.

    Returns
    -------
    Verdict
    """
    start = time.perf_counter()
    flags = list(notes or [])
    sources = cells.runnable(notebook, [check.grade_id for check in lab.checks])
    student = SandboxStudent(sandbox, sources, files, course.answers, patience, material=material, owner=owner)
    judged = _judged(lab, student, seed)
    borrowed, elsewhere = _borrowed(lab, student, judged)
    items = judged.items
    if elsewhere:
        with course.lent:
            helped = SandboxStudent(
                course.complete, sources, files, course.answers, patience, material=material, owner=owner
            )
            judged = _judged(lab, helped, seed)
        # Who called a package is told by the student's side, and may be made up: it explains, and it never pays.
        items = {
            check.grade_id: _proven(check, items[check.grade_id], judged.items[check.grade_id], lab, flags)
            for check in lab.checks
            if check.function not in borrowed
        }
    for check in lab.checks:
        if check.function in borrowed:
            items[check.grade_id] = check.failed(_BORROWED.format(check.function, borrowed[check.function]))
    flags += judged.flags
    flags += [f"Cell {position + 1}: {what.cut_off}" for position, what in sorted(judged.ran.items()) if what.cut_off]
    listed = [item for check in lab.checks for item in items[check.grade_id]]
    flags += _for_want_of_packages(listed, judged.ran)
    flags = [_sentence(flag) for flag in flags]
    items = [
        replace(item, message=_sentence(item.message), example=without_links(printable(item.example, lines=True)))
        for item in listed
    ]
    return Verdict(items, flags, judged.ran, sandbox.isolation, time.perf_counter() - start)


@dataclass(frozen=True)
class _Judged:
    """One run of a submission: the items of each check, what cells did, and what went wrong on our side."""

    items: dict[str, list[Item]]
    ran: dict[int, Ran]
    flags: list[str]


def _judged(lab: Lab, student: SandboxStudent, seed: int) -> _Judged:
    items: dict[str, list[Item]] = {}
    problems: dict[str, list[Problem | None]] = {}
    flags: list[str] = []
    try:
        student.run()
        for check in lab.checks:
            rng = np.random.default_rng([seed, zlib.crc32(check.grade_id.encode())])
            try:
                problems[check.grade_id] = check.judge(student, rng)
                items[check.grade_id] = check.items(problems[check.grade_id])
            except (SandboxError, JobEndedError, JobTimeoutError):
                raise
            except Exception as error:
                # A fault of the check is never the student's: say so, pay nothing yet, and call a person.
                flags.append(f"The check of {check.function} failed by itself ({in_short(error)}).")
                items[check.grade_id] = check.failed(UNJUDGED)
        # Every point is decided, so an answer that hangs now costs some seconds and nothing else.
        student.patience = replace(student.patience, question=min(student.patience.question, REASON_SECONDS))
        for check in lab.checks:
            if check.grade_id in problems:
                items[check.grade_id] = check.items(check.explained(problems[check.grade_id]))
    except Exception as error:
        # One submission must never end the grading of a class.
        which = "The sandbox" if isinstance(error, (SandboxError, JobEndedError, JobTimeoutError)) else "The grader"
        flags.append(f"{which} failed while this was graded ({in_short(error)}).")
    finally:
        student.close()
    for check in lab.checks:
        items.setdefault(check.grade_id, check.failed(UNJUDGED))
    flags += student.notes.get(FLAGS, [])
    return _Judged(items, dict(student.ran), flags)


def _borrowed(lab: Lab, student: SandboxStudent, judged: _Judged) -> tuple[dict[str, str], bool]:
    """Return what each borrowed answer called, and whether others must be asked where those packages are there.

    Whose fault it is that ``dense_layer`` has no answer, when the ``activation`` that it calls lets Keras compute,
    the innermost of the lab's functions tells; then a person is called. One that does without after all, after an
    error, has computed.
    """
    functions = {check.function for check in lab.checks}
    borrowed: dict[str, str] = {}
    elsewhere = any(what.noted for what in student.ran.values())
    for check in lab.checks:
        lost = any(not item.passed for item in judged.items[check.grade_id])
        for noted in student.noted.get(check.function, ()) if lost else ():
            guilty = next((name for name in reversed(noted.callers) if name in functions), check.function)
            if guilty == check.function:
                borrowed.setdefault(guilty, noted.name)
            else:
                elsewhere = True
    return borrowed, elsewhere


def _proven(check: Check, alone: list[Item], helped: list[Item], lab: Lab, flags: list[str]) -> list[Item]:
    """Return the items of an answer: what it showed without the packages counts, what it shows only with them does not.

    Both runs ask the same. What passed alone was computed, even where a cell that has the packages then fails, for
    example since it downloads data.
    """
    items = [same if same.passed else item for item, same in zip(helped, alone, strict=True)]
    unproven = [item for item, same in zip(items, alone, strict=True) if item.passed and not same.passed]
    if unproven:
        message = _UNPROVEN.format(check.function, _listed(lab.forbidden))
        flags.append(message)
        return [replace(item, passed=False, message=message) if item in unproven else item for item in items]
    return items


def _for_want_of_packages(items: list[Item], ran: Mapping[int, Ran]) -> list[str]:
    """Say where points were lost since a package is not installed here, as it may be where the student works."""
    lost = [item.message for item in items if not item.passed]
    missing = [name for message in lost for name in _NO_MODULE.findall(message)]
    if any("stopped with NameError" in message for message in lost):
        errors = [what.error for _, what in sorted(ran.items()) if what.error]
        said = [str(error.get("evalue")) for error in errors if error.get("ename") == "ModuleNotFoundError"]
        missing += [name for text in said for name in _NO_MODULE.findall(text)]
    if not missing:
        return []
    names = ", ".join(list(dict.fromkeys(missing))[:5])
    return [f"Points were lost where a package is needed that is not installed here ({names})."]


def _listed(packages: tuple[str, ...]) -> str:
    return " and ".join(filter(None, [", ".join(packages[:-1]), packages[-1]]))


def _sentence(text: str) -> str:
    """Return what may hold a student's words as they may stand on a page, beside formulas."""
    return without_links(printable(text))


def in_short(error: BaseException) -> str:
    """Return an exception in one line for a person who must look."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def unreadable(lab: Lab, reason: str, isolation: str) -> Verdict:
    """Return the verdict on a submission that cannot be read: nothing earned, and a person must look."""
    reason = _sentence(reason)
    items = [item for check in lab.checks for item in check.failed(reason)]
    return Verdict(items, [reason], isolation=isolation)


def as_stored(verdict: Verdict) -> dict[str, Any]:
    """Return what `from_stored` needs to make the verdict again, but for what the cells put out."""
    return {
        "items": [asdict(item) for item in verdict.items],
        "flags": verdict.flags,
        "isolation": verdict.isolation,
        "seconds": verdict.seconds,
    }


def from_stored(stored: Mapping[str, Any]) -> Verdict:
    """Return a verdict that `as_stored` wrote down."""
    items = [Item(**item) for item in stored["items"]]
    return Verdict(items, list(stored["flags"]), {}, stored["isolation"], stored["seconds"])


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
            "example": item.example,
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
