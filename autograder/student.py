"""How a check asks: the same question goes to a notebook's own functions, or to those in a sandbox."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from autograder.rubric import StudentError
from autograder.sandbox import wire
from autograder.sandbox.inert import MAX_CALLERS, MAX_NOTED
from autograder.sandbox.pool import Job, JobEndedError, JobTimeoutError, Sandbox
from autograder.sandbox.worker import NoAnswerError, answer
from autograder.source import definitions
from autograder.submission import files_beside

MAX_MESSAGE = 1000
#: Under this name a check leaves in a student's notes what a person should look at.
FLAGS = "flags"
#: Errors of a line that needs what is not there while grading: data that cells load which only explore, files that were
#: not handed in, folders to write to, packages of Colab, magics of a notebook's server, the network, a keyboard.
_NOT_HERE = (
    *("NameError", "ImportError", "ModuleNotFoundError", "UsageError", "EOFError"),
    *("FileNotFoundError", "PermissionError", "OSError"),
    *("URLError", "HTTPError", "ConnectionError", "ConnectionRefusedError", "gaierror"),
)
#: What all cells of a submission may put out, as `wire.weight` counts.
MAX_OUTPUT = 32 * 2**20
TOO_MUCH = "Not shown: the cells of this notebook put out too much.\n"
#: How many of the course's answers are kept, of how many bytes each, and of how many in all, as `wire.weight` counts.
#: What the course asks by itself is smaller; a student's own numbers may be as large as an answer.
REMEMBERED, MAX_REMEMBERED, REMEMBERED_BYTES = 2000, 2**20, 2**25
MAX_NAME = 100


@dataclass(frozen=True)
class Answer:
    """What came back from one question.

    Attributes
    ----------
    value : array, number, str, or a list or tuple of these
        What the function returned. Anything with ``__array__`` arrives as a NumPy array.
    seconds : float
        Wall time from asking to having the whole answer.
    modified : tuple of int
        Positions of the arguments that the function changed in place.
    """

    value: Any
    seconds: float
    modified: tuple[int, ...] = ()


class Asked(Protocol):
    """Anything that answers questions: a student, or the course itself."""

    def ask(self, function: str, *args: Any) -> Answer:
        """Call ``function`` on copies of ``args``.

        Raises
        ------
        StudentError
            If there is no answer: the function is missing, raised, hung, or returned no arrays or numbers.
        """

    def call(self, function: str, *args: Any) -> Any:
        """Return only the value of `ask`."""


class Student(Asked, Protocol):
    """A student, together with the course's own answers to compare with.

    ``course`` answers for the reference (``course.call("conv2d_layer", ...)``) and for the known faults
    (``course.call("mutant", "conv2d_no_flip", ...)``). In a notebook it runs in the same process; while grading it is
    a child of its own that no student's code has touched. ``notes`` is scratch space for what one line
    measured and the next line needs. ``alive`` is whether it can be asked without running its notebook again.
    ``files`` is what lies beside the notebook, and ``material`` what the lab brings for grading alone, such as images
    or labels; in a notebook there is none. ``owner`` is the student id of whoever handed the notebook in, told by where
    it lay and by nothing in it; empty in a notebook.
    """

    course: Asked
    notes: dict[str, Any]
    alive: bool
    files: Mapping[str, bytes]
    material: Mapping[str, Any]
    owner: str

    def fresh(self, source: str, cpu: int | None = None, seconds: float | None = None, alone: bool = False) -> Fresh:
        """Return the same student anew, with a cell of the course after the others: as nothing asked before left it.

        Parameters
        ----------
        source : str
            The cell; its functions can be asked. What they answer is the student's side's answer, and no more.
        cpu : int, optional
            Processor time in seconds, and ``seconds`` of wall time, for all that is asked.
        alone : bool
            Without the student's cells and files.
        """


class Fresh(Asked, Protocol):
    """An answering side that is ended when its ``with`` block is left."""

    def __enter__(self) -> Fresh: ...

    def __exit__(self, *_: object) -> None: ...


@dataclass
class Namespace:
    """Answers with the functions of a namespace, in this process.

    Parameters
    ----------
    functions : mapping of str to object
        Usually ``globals()`` of a notebook. Looked up anew for every question, so a cell may be run again.
    """

    functions: Mapping[str, Any]

    def ask(self, function: str, *args: Any) -> Answer:
        # A print inside the function is no fault and must not bury the table of results.
        quiet = io.StringIO()
        start = time.perf_counter()
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            try:
                value, modified = answer(self.functions, function, args)
            except NoAnswerError as error:
                raise StudentError(str(error)) from None
        return Answer(value, time.perf_counter() - start, modified)

    def call(self, function: str, *args: Any) -> Any:
        return self.ask(function, *args).value

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be ended here."""


@dataclass
class NotebookStudent(Namespace):
    """The student of a notebook that is open: functions and the course's answers in the same process.

    Parameters
    ----------
    functions : mapping of str to object
        The notebook's ``globals()``.
    course : Asked
        The course's answers.
    """

    course: Asked = field(default_factory=lambda: Namespace({}))
    notes: dict[str, Any] = field(default_factory=dict)
    alive: bool = True
    material: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""

    @property
    def files(self) -> Mapping[str, bytes]:
        """What lies in the folder in which the notebook runs."""
        return files_beside(Path("notebook.ipynb").absolute())[0]

    def fresh(
        self, source: str, cpu: int | None = None, seconds: float | None = None, alone: bool = False
    ) -> Namespace:
        functions = {} if alone else dict(self.functions)
        exec(compile(source, "the check", "exec"), functions)
        return Namespace(functions)


def course_of(*modules: ModuleType) -> Namespace:
    """Return the course's answers from the modules that hold them, the later ones first asked."""
    functions: dict[str, Any] = {}
    for module in modules:
        functions |= vars(module)
    return Namespace(functions)


@dataclass(frozen=True)
class Patience:
    """How long the trusted side waits, in seconds of wall time.

    Attributes
    ----------
    cell : float
        For one cell.
    question : float
        For one answer.
    total : float
        For a whole submission; what is asked later gets no answer.
    """

    cell: float = 20.0
    question: float = 10.0
    total: float = 180.0


@dataclass(frozen=True)
class Noted:
    """What was called of a package that is only a stand-in, and the functions that led there, the innermost last."""

    name: str
    callers: tuple[str, ...]


@dataclass(frozen=True)
class Ran:
    """What one cell did: its outputs as they came, its error, or the reason why it was cut off.

    ``noted`` holds what it called of packages that are only stand-ins.
    """

    outputs: list[Any]
    error: dict[str, Any] | None = None
    cut_off: str | None = None
    noted: tuple[Noted, ...] = ()


class SandboxStudent:
    """Answers with the functions of a notebook that runs in a sandbox.

    A cell that hangs or ends the process is left out, and the notebook runs again without it in a fresh job: whatever
    else it defines still counts. A function that hangs is not asked twice.

    Parameters
    ----------
    sandbox : Sandbox
        Where jobs come from.
    sources : mapping of int to str
        The cells to run, by their position.
    files : mapping of str to bytes, optional
        What lies beside the notebook.
    course : Asked, optional
        The course's answers.
    patience : Patience, optional
        How long to wait.
    trusted : bool
        Whether the code is the course's own.
    material : mapping, optional
        What the lab brings for grading alone. It stays on this side.
    cpu : int, optional
        Processor time of its jobs, in seconds; that of the sandbox's limits by default.
    owner : str
        The student id of whoever handed the notebook in. It stays on this side.
    """

    MAX_LOST_CELLS = 5
    #: Where a cell of the course comes after all others.
    LAST = 10**9

    def __init__(
        self,
        sandbox: Sandbox,
        sources: Mapping[int, str],
        files: Mapping[str, bytes] | None = None,
        course: Asked | None = None,
        patience: Patience | None = None,
        trusted: bool = False,
        material: Mapping[str, Any] | None = None,
        cpu: int | None = None,
        owner: str = "",
    ) -> None:
        self.sandbox, self.trusted, self.cpu, self.owner = sandbox, trusted, cpu, owner
        self.material: Mapping[str, Any] = material or {}
        self.sources = dict(sources)
        self.files = dict(files or {})
        self.course: Asked = course or Namespace({})
        self.notes: dict[str, Any] = {}
        self.patience = patience or Patience()
        self.ran: dict[int, Ran] = {}
        self.noted: dict[str, list[Noted]] = {}
        self._job: Job | None = None
        self._silent: dict[str, str] = {}
        self._breakdowns = 0
        self._room = MAX_OUTPUT
        self._end = time.monotonic() + self.patience.total

    @property
    def alive(self) -> bool:
        """Whether a job stands ready to answer."""
        return self._job is not None

    def run(self) -> dict[int, Ran]:
        """Run the notebook, as often as cells have to be left out, and return what each cell did."""
        while self._job is None:
            self._job = self._attempt()
        return self.ran

    def _attempt(self) -> Job | None:
        """Run all cells in a fresh job; None where one of them ended it and was left out for the next time."""
        job = self.sandbox.job(self.trusted, self.cpu)
        self._room = MAX_OUTPUT
        for name, content in self.files.items():
            job.request({"file": name, "bytes": np.frombuffer(content, dtype=np.uint8)}, self.patience.cell)
        for position, source in list(self.sources.items()):
            seconds = min(self.patience.cell, self._end - time.monotonic())
            try:
                reply = job.request({"run": source}, max(seconds, 0.0))
            except JobTimeoutError:
                reason = f"it did not finish within {self.patience.cell:g} seconds"
                if seconds < self.patience.cell:
                    reason = f"the {self.patience.total:g} seconds for the whole notebook were used up"
            except JobEndedError as error:
                if self._forgiven(job):
                    return None
                reason = f"it ended the process: {error}"
            else:
                self._keep(position, reply)
                error = self.ran[position].error
                if error is not None and (self.ran[position].noted or error.get("ename") in _NOT_HERE):
                    # What the cell defines after the line that needs what is not there.
                    self._define(job, source)
                continue
            self.ran[position] = Ran([], cut_off=f"This cell was left out: {reason}.")
            del self.sources[position]
            lost = sum(ran.cut_off is not None for ran in self.ran.values())
            if lost >= self.MAX_LOST_CELLS or time.monotonic() >= self._end:
                # Those before it ran, so they will run again.
                for rest in [other for other in self.sources if other > position]:
                    self.ran[rest] = Ran([], cut_off="This cell was not run: too many others had to be left out.")
                    del self.sources[rest]
            return None
        return job

    def _define(self, job: Job, source: str) -> None:
        seconds = min(self.patience.cell, self._end - time.monotonic())
        with contextlib.suppress(JobTimeoutError, JobEndedError):
            job.request({"run": definitions(source)}, max(seconds, 0.0))

    def _keep(self, position: int, reply: dict[str, Any]) -> None:
        outputs, error = reply.get("outputs"), reply.get("error")
        kept = [{"text": TOO_MUCH}]
        self._room -= wire.weight([outputs, error])
        if self._room >= 0:
            kept = outputs if isinstance(outputs, list) else []
        error = error if self._room >= 0 and isinstance(error, dict) else None
        self.ran[position] = Ran(kept, error, noted=_noted(reply))

    def ask(self, function: str, *args: Any) -> Answer:
        if function in self._silent:
            raise StudentError(self._silent[function])
        self.run()
        seconds = min(self.patience.question, self._end - time.monotonic())
        start = time.perf_counter()
        try:
            reply = self._job.request({"ask": function, "args": args}, max(seconds, 0.0))
        except wire.UnsendableError as error:
            raise StudentError(f"{function} cannot be asked with what another function returned: {error}") from None
        except JobTimeoutError:
            self._job = None
            self._silent[function] = f"{function} did not answer within {self.patience.question:g} seconds."
            if seconds < self.patience.question:
                self._silent[function] = f"{function} was not asked: the notebook used up its time."
            raise StudentError(self._silent[function]) from None
        except JobEndedError as error:
            job, self._job = self._job, None
            if self._forgiven(job):
                return self.ask(function, *args)
            self._silent[function] = f"{function} ended the process instead of answering: {error}."
            raise StudentError(self._silent[function]) from None
        taken = time.perf_counter() - start
        if noted := _noted(reply):
            self.noted.setdefault(function, []).extend(noted)
        if isinstance(reply.get("error"), str):
            raise StudentError(reply["error"][:MAX_MESSAGE])
        modified = reply.get("modified")
        if "value" not in reply or not _are_positions(modified, len(args)):
            raise StudentError(f"{function} sent something that is no answer.")
        return Answer(reply["value"], taken, tuple(modified))

    def call(self, function: str, *args: Any) -> Any:
        return self.ask(function, *args).value

    def _forgiven(self, job: Job) -> bool:
        """Return whether the whole sandbox went down, for the first time: that is hardly the student's doing."""
        if not job.orphaned or self._breakdowns:
            return False
        self._breakdowns += 1
        return True

    def fresh(
        self, source: str, cpu: int | None = None, seconds: float | None = None, alone: bool = False
    ) -> SandboxStudent:
        seconds = self.patience.question if seconds is None else seconds
        # The course's own cell must run, however much time the student's cells took.
        patience = Patience(self.patience.cell, seconds, self.patience.total + seconds)
        sources = {**({} if alone else self.sources), self.LAST: source}
        files = None if alone else self.files
        return SandboxStudent(self.sandbox, sources, files, self.course, patience, cpu=cpu)

    def close(self) -> None:
        """End the job with all that it started."""
        if self._job is not None:
            self._job.end()
            self._job = None

    def __enter__(self) -> SandboxStudent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Remembering:
    """The course's answers, asked once: everyone gets the same questions.

    Parameters
    ----------
    asked : Asked
        Whom to ask what is not known yet.
    known : OrderedDict, optional
        Answers by their questions, the one that was wanted last at the end; what raised is known as a `StudentError`.
    """

    asked: Asked
    known: OrderedDict[bytes, Any] = field(default_factory=OrderedDict)
    _bytes: int = field(default=0, repr=False)
    _lock: Any = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self._bytes = sum(map(wire.weight, self.known.values()))

    def ask(self, function: str, *args: Any) -> Answer:
        """Ask anew: whoever wants the seconds wants them measured."""
        return self.asked.ask(function, *args)

    def call(self, function: str, *args: Any) -> Any:
        try:
            question = hashlib.blake2b(wire.encode({"ask": function, "args": args}), digest_size=16).digest()
        except wire.UnsendableError:
            return self.asked.call(function, *args)
        with self._lock:
            if question not in self.known:
                answer = self._answer(function, args)
                if wire.weight(answer) > MAX_REMEMBERED:
                    return answer
                self.known[question] = answer
                self._bytes += wire.weight(answer)
                # Questions that hold a student's own numbers come once; they must not pile up over a class.
                while len(self.known) > REMEMBERED or self._bytes > REMEMBERED_BYTES:
                    self._bytes -= wire.weight(self.known.popitem(last=False)[1])
            self.known.move_to_end(question)
            answer = self.known[question]
        if isinstance(answer, StudentError):
            raise StudentError(str(answer))
        return wire.copy(answer)

    def _answer(self, function: str, args: tuple) -> Any:
        try:
            return self.asked.call(function, *args)
        except StudentError as error:
            return error


def _noted(reply: dict[str, Any]) -> tuple[Noted, ...]:
    entries = reply.get("noted")
    return tuple(
        Noted(entry[0][:MAX_NAME], tuple(name[:MAX_NAME] for name in entry[1][-MAX_CALLERS:]))
        for entry in (entries[:MAX_NOTED] if isinstance(entries, list) else ())
        if isinstance(entry, tuple)
        and len(entry) == 2
        and isinstance(entry[0], str)
        and isinstance(entry[1], list)
        and all(isinstance(name, str) for name in entry[1])
    )


def _are_positions(value: Any, count: int) -> bool:
    """Return whether a value is a sorted list of different positions among so many arguments."""
    return (
        isinstance(value, list)
        and all(type(position) is int for position in value)
        and value == sorted(set(value).intersection(range(count)))
    )
