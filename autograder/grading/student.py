"""How a check asks: the same question goes to a notebook's own functions, or to those in a sandbox."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.student import FLAGS, Answer, Answers, Namespace, Oracle, StudentError
from autograder.sandbox import wire
from autograder.sandbox.packed import Questions, restored
from autograder.sandbox.pool import Job, JobEndedError, JobOptions, JobTimeoutError, Sandbox
from autograder.sandbox.stubs import MAX_CALLERS, MAX_NOTED
from autograder.submissions import reader
from autograder.submissions.cell_run import CellRun, Noted
from autograder.submissions.limits import CELL_SECONDS, QUESTION_SECONDS, TOTAL_SECONDS
from autograder.submissions.python_source import definitions
from autograder.submissions.reader import StoppedError
from autograder.submissions.submission import Submission

MAX_MESSAGE = 1000
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
MAX_NAME = 100
#: A machine that is busier than that is out of order.
MOST_BUSY = 4.0


@dataclass(frozen=True)
class Timeouts:
    """How long the trusted side waits, in seconds of wall time on a machine that is not busy.

    Where more processes want to run than there are processors, each gets a part of one, and waits as much longer: what
    is right earns the same on a busy machine.

    Attributes
    ----------
    cell : float
        For one cell.
    question : float
        For one answer.
    total : float
        For a whole submission, its fresh processes left out; what is asked later gets no answer.
    """

    cell: float = CELL_SECONDS
    question: float = QUESTION_SECONDS
    total: float = TOTAL_SECONDS


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
    submission : Submission, optional
        Its files and its owner; the owner stays on this side.
    oracle : Oracle, optional
        The course's answers.
    timeouts : Timeouts, optional
        How long to wait.
    material : mapping, optional
        What the lab brings for grading alone. It stays on this side.
    options : JobOptions, optional
        How its jobs differ from others of the sandbox.
    parent : SandboxStudent, optional
        Whose time this one does not use up.
    """

    MAX_LOST_CELLS = 5
    #: Where a cell of the course comes after all others.
    LAST = 10**9

    def __init__(
        self,
        sandbox: Sandbox,
        sources: Mapping[int, str],
        submission: Submission | None = None,
        oracle: Oracle | None = None,
        timeouts: Timeouts | None = None,
        material: Mapping[str, Any] | None = None,
        options: JobOptions | None = None,
        parent: SandboxStudent | None = None,
    ) -> None:
        self.sandbox, self.options = sandbox, options
        self.submission = submission or Submission()
        self.owner, self.files = self.submission.owner, dict(self.submission.files)
        self.left_out = self.submission.notes
        self.material: Mapping[str, Any] = material or {}
        self.sources = dict(sources)
        self.oracle: Oracle = oracle or Namespace({})
        self.notes: dict[str, Any] = {}
        self.timeouts = timeouts or Timeouts()
        self.ran: dict[int, CellRun] = {}
        self.noted: dict[str, list[Noted]] = {}
        self._job: Job | None = None
        self._silent: dict[str, str] = {}
        self._breakdowns = 0
        self._unread = ""
        self._room = MAX_OUTPUT
        self._end = time.monotonic() + self.timeouts.total * _busy()
        self._started, self._parent = time.monotonic(), parent

    @property
    def alive(self) -> bool:
        """Whether a job stands ready to answer."""
        return self._job is not None

    def run(self) -> dict[int, CellRun]:
        """Run the notebook, as often as cells have to be left out, and return what each cell did."""
        while self._job is None:
            self._job = self._attempt()
        return self.ran

    def _attempt(self) -> Job | None:
        """Run all cells in a fresh job; None where one of them ended it and was left out for the next time."""
        job = self.sandbox.job(self.options)
        self._room = MAX_OUTPUT
        # Small ones first: the job's folder holds less than a file of weights may have.
        for name, content in sorted(self.files.items(), key=lambda file: len(file[1])):
            with contextlib.suppress(wire.UnsendableError):
                job.request({"file": name, "bytes": np.frombuffer(content, dtype=np.uint8)}, self.timeouts.cell)
        for position, source in list(self.sources.items()):
            seconds, whole = self._seconds(self.timeouts.cell)
            try:
                reply = job.request({"load" if position == self.LAST else "run": source}, seconds)
            except JobTimeoutError:
                reason = f"it did not finish within {self.timeouts.cell:g} seconds"
                if not whole:
                    reason = f"the {self.timeouts.total:g} seconds for the whole notebook were used up"
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
            self.ran[position] = CellRun([], cut_off=f"This cell was left out: {reason}.")
            del self.sources[position]
            lost = sum(ran.cut_off is not None for ran in self.ran.values())
            if lost >= self.MAX_LOST_CELLS or time.monotonic() >= self._end:
                # Those before it ran, so they will run again.
                for rest in [other for other in self.sources if other > position]:
                    self.ran[rest] = CellRun([], cut_off="This cell was not run: too many others had to be left out.")
                    del self.sources[rest]
            return None
        return job

    def _seconds(self, most: float) -> tuple[float, bool]:
        """Return how long to wait for what may take so many seconds, and whether that is all of them."""
        most, left = most * _busy(), max(self._end - time.monotonic(), 0.0)
        return min(most, left), most <= left

    def _define(self, job: Job, source: str) -> None:
        with contextlib.suppress(JobTimeoutError, JobEndedError, StoppedError):
            job.request({"run": reader.call(definitions, source)}, self._seconds(self.timeouts.cell)[0])

    def _keep(self, position: int, reply: dict[str, Any]) -> None:
        outputs, error = reply.get("outputs"), reply.get("error")
        kept = [{"text": TOO_MUCH}]
        self._room -= wire.weight([outputs, error])
        if self._room >= 0:
            kept = outputs if isinstance(outputs, list) else []
        error = error if self._room >= 0 and isinstance(error, dict) else None
        self.ran[position] = CellRun(kept, error, noted=_noted(reply))

    def ask(self, function: str, *args: Any) -> Answer:
        reply, taken = self._request(function, {"ask": function, "args": args})
        return _read(function, reply, len(args), taken)

    def ask_all(self, function: str, questions: Sequence[tuple]) -> Answers:
        packed = questions if isinstance(questions, Questions) else Questions(questions)
        parts = [self._ask_some(function, some) for some in packed.batches]
        flat = None
        if all(part.flat is not None for part in parts):
            shapes = [shape for part in parts for shape in part.flat[0]]
            flat = shapes, np.concatenate([part.flat[1] for part in parts])
        return Answers([answer for part in parts for answer in part], flat)

    def _ask_some(self, function: str, questions: Questions) -> Answers:
        text, arrays = questions.packed
        reply, taken = self._request(function, {"ask": function, "all": text, "arrays": arrays})
        try:
            return _read_all(function, reply, questions, taken)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise StudentError(_what_went_wrong(function, reply)) from None

    def _request(self, function: str, message: dict[str, Any]) -> tuple[dict[str, Any], float]:
        """Return the reply to a message about a function, and the seconds that it took."""
        if function in self._silent:
            raise StudentError(self._silent[function])
        self.run()
        seconds, whole = self._seconds(self.timeouts.question)
        start = time.perf_counter()
        try:
            reply = self._job.request(message, seconds)
        except wire.UnsendableError as error:
            raise StudentError(f"{function} cannot be asked with what another function returned: {error}") from None
        except JobTimeoutError:
            self._job = None
            self._silent[function] = f"{function} did not answer within {self.timeouts.question:g} seconds."
            if not whole:
                self._silent[function] = (
                    f"{function} did not answer before the notebook's {self.timeouts.total:g} seconds were used up."
                )
            raise StudentError(self._silent[function]) from None
        except JobEndedError as error:
            job, self._job = self._job, None
            if self._forgiven(job):
                return self._request(function, message)
            self._silent[function] = f"{function} ended the process instead of answering: {error}."
            raise StudentError(self._silent[function]) from None
        taken = time.perf_counter() - start
        if noted := _noted(reply):
            self.noted.setdefault(function, []).extend(noted)
        return reply, taken

    def call(self, function: str, *args: Any) -> Any:
        return self.ask(function, *args).value

    def _forgiven(self, job: Job) -> bool:
        """Return whether the whole sandbox went down, for the first time: that is hardly the student's doing."""
        if not job.orphaned or self._breakdowns:
            return False
        self._breakdowns += 1
        return True

    def fresh(
        self,
        source: str,
        cpu: int | None = None,
        seconds: float | None = None,
        alone: bool = False,
        code_only: bool = False,
    ) -> SandboxStudent:
        seconds = self.timeouts.question if seconds is None else seconds
        # The course's own cell must run, however much time the student's cells took.
        timeouts = Timeouts(self.timeouts.cell, seconds, self.timeouts.total + seconds)
        sources = {**({} if alone else self.sources), self.LAST: source}
        submission = None if alone else self.submission
        if code_only and submission is not None:
            code = {name: content for name, content in submission.files.items() if name.endswith(".py")}
            submission = replace(submission, files=code)
        options = JobOptions(cpu=cpu, large=True, without_data=code_only)
        return SandboxStudent(self.sandbox, sources, submission, self.oracle, timeouts, None, options, self)

    def read(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        try:
            if self._unread:
                raise StoppedError(f"was not read, since {self._unread} takes too long")
            return reader.call(function, self.files[name], *args)
        except StoppedError as error:
            self._unread = self._unread or name
            problem = f"The file {name} {error}."
            self.notes.setdefault(FLAGS, []).append(problem)
            raise StudentError(problem) from None

    def close(self) -> None:
        """End the job with all that it started."""
        if self._parent is not None:
            self._parent._end += time.monotonic() - self._started
            self._parent = None
        if self._job is not None:
            self._job.end()
            self._job = None

    def __enter__(self) -> SandboxStudent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _busy() -> float:
    """Return how many processes want to run for each processor, from 1 to `MOST_BUSY`.

    That is over the last minute, or now where it is more: a machine that has just become busy is not known to the mean.
    """
    now = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    wanted = max(os.getloadavg()[0], now) / (os.cpu_count() or 1)
    return min(max(wanted, 1.0), MOST_BUSY)


def _read(function: str, reply: dict[str, Any], count: int, taken: float) -> Answer:
    """Return the answer to a question with so many arguments."""
    modified = reply.get("modified")
    if isinstance(reply.get("error"), str) or "value" not in reply or not _are_positions(modified, count):
        raise StudentError(_what_went_wrong(function, reply))
    return Answer(reply["value"], taken, tuple(modified))


def _read_all(function: str, reply: dict[str, Any], questions: Sequence[tuple], taken: float) -> Answers:
    """Return the answers to many questions; an error of any kind where the reply holds none."""
    shapes, numbers = reply["shapes"], reply["numbers"]
    if len(shapes) != len(questions) or numbers.dtype != np.float64:
        raise ValueError("other answers")
    arrays = restored(shapes, numbers)
    answers: list[Answer | StudentError | None] = [None if array is None else Answer(array, taken) for array in arrays]
    for position, other in reply["others"]:
        if type(position) is not int or not 0 <= position < len(questions):
            raise ValueError("an answer to no question")
        value = {} if arrays[position] is None else {"value": arrays[position]}
        try:
            answers[position] = _read(function, {**other, **value}, len(questions[position]), taken)
        except StudentError as error:
            answers[position] = error
    missing = StudentError(f"{function} sent something that is no answer.")
    whole = [missing if answer is None else answer for answer in answers]
    return Answers(whole, None if reply["others"] else (shapes, numbers))


def _what_went_wrong(function: str, reply: dict[str, Any]) -> str:
    error = reply.get("error")
    return error[:MAX_MESSAGE] if isinstance(error, str) else f"{function} sent something that is no answer."


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
        and len(value) <= count
        and all(type(position) is int for position in value)
        and value == sorted(set(value).intersection(range(count)))
    )
