"""Grading on submission: what appears in the folder of submissions is graded, and its feedback page written.

A submission counts once it has lain still for a moment. What was graded and holds is not graded again, so whoever
starts this anew, after a kill too, goes on where it was.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import watchfiles
from sqlalchemy.exc import SQLAlchemyError

from autograder.checking.lab import Lab
from autograder.errors import UserError, in_short
from autograder.gradebook import append_log
from autograder.gradebook.course_folder import CourseFolder
from autograder.gradebook.feedback_pages import write_feedback
from autograder.gradebook.late import update_penalties
from autograder.grading.executors import Executor
from autograder.grading.pipeline import Graded, grade_all
from autograder.sandbox.launch import SandboxError

#: In the course's folder: a line for each submission that was graded so.
WATCHED = "watched.jsonl"
#: How long the files of a submission lie still before it is graded, and how often all are looked at, in seconds.
QUIET, RESCAN = 0.6, 30.0
#: How long to wait where something is wrong with the course, or another program holds the gradebook.
RETRY = 10.0
#: Gradings of one student in a day, in UTC, unless the instructor says otherwise.
PER_DAY = 20
#: Files of a submission that are looked at for a change.
MAX_FILES = 1000
#: What stands for the files of a submission: name, size and time of each.
Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Event:
    """What happened to one student's submission.

    Attributes
    ----------
    student : str
    graded : Graded, optional
        The verdict; None where it was not graded.
    problem : str
        Why it was not graded, or why there is no page; may be empty.
    """

    student: str
    graded: Graded | None = None
    problem: str = ""


class Waiting:
    """Which submissions have changed since they were graded, and since when they lie still.

    Parameters
    ----------
    submitted : pathlib.Path
        The folder of submissions.
    lab : str
        Its name.
    """

    def __init__(self, submitted: Path, lab: str) -> None:
        self.submitted, self.lab = submitted, lab
        self.done: dict[str, Signature] = {}
        self.changed: dict[str, tuple[Signature, float]] = {}

    def look(self, students: Iterable[str], now: float) -> None:
        """Find out which submissions are not as they were graded.

        Parameters
        ----------
        students : iterable of str
        now : float
            In seconds, of any clock that runs forward.
        """
        for student in students:
            signature = self._signature(student)
            if not signature or signature == self.done.get(student):
                self.changed.pop(student, None)
            elif self.changed.get(student, ((), 0.0))[0] != signature:
                self.changed[student] = signature, now

    def everybody(self) -> list[str]:
        """Return who has a folder for the lab."""
        folders = sorted(self.submitted.iterdir()) if self.submitted.is_dir() else []
        return [one.name for one in folders if not one.name.startswith(".") and (one / self.lab).is_dir()]

    def still(self, now: float) -> list[str]:
        """Return whose changed submission has lain still long enough.

        Parameters
        ----------
        now : float
        """
        return [student for student, (_, since) in self.changed.items() if now - since >= QUIET]

    def graded(self, student: str) -> None:
        """Note that what was there is graded.

        Parameters
        ----------
        student : str
        """
        self.done[student], _ = self.changed.pop(student)

    def again(self, student: str, when: float) -> None:
        """Note that what is there is to be tried again.

        Parameters
        ----------
        student : str
        when : float
            From then on, and once it has lain still.
        """
        signature, _ = self.changed[student]
        self.changed[student] = signature, when

    def whose(self, path: str) -> str | None:
        """Return whose submission a path belongs to; None where it is none of the lab.

        Parameters
        ----------
        path : str
        """
        with contextlib.suppress(ValueError):
            parts = Path(path).relative_to(self.submitted).parts
            if parts and not parts[0].startswith(".") and parts[1:2] in ((), (self.lab,)):
                return parts[0]
        return None

    def _signature(self, student: str) -> Signature:
        folder = self.submitted / student / self.lab
        found = []
        # Whoever writes may take a file away while this looks.
        with contextlib.suppress(OSError):
            for path in folder.rglob("*"):
                if not path.is_dir() and len(found) < MAX_FILES:
                    state = path.lstat()
                    found.append((str(path.relative_to(folder)), state.st_size, state.st_mtime_ns))
        return tuple(sorted(found))


def watch(
    course: CourseFolder,
    lab: Lab,
    executor: Executor,
    per_day: int = PER_DAY,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Grade what appears in the folder of submissions, and write its page, until told to stop.

    Of each student one submission is graded at a time: what comes meanwhile is graded after it.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    executor : Executor
        Where submissions are graded.
    per_day : int
        How often a student's submission is graded in a day, in UTC. What comes after that waits for the next one.
    stop : threading.Event, optional
        Set to stop.

    Yields
    ------
    Event
        As they happen; why a submission waits is told once.

    Raises
    ------
    UserError
        If another watch is at work, or the folder cannot be watched.
    """
    waiting = Waiting(course.step("submitted"), lab.name)
    with _alone(course.root / f".watch-{lab.name}.lock"):
        waiting.submitted.mkdir(parents=True, exist_ok=True)
        told: set[tuple[str, str]] = set()
        scanned = -RESCAN
        for changes in watchfiles.watch(
            waiting.submitted,
            watch_filter=None,
            debounce=200,
            rust_timeout=int(500 * QUIET),
            yield_on_timeout=True,
            stop_event=stop,
        ):
            now = time.monotonic()
            touched = {waiting.whose(path) for _, path in changes} - {None}
            if now - scanned >= RESCAN:
                touched, scanned = {*touched, *waiting.everybody()}, now
            waiting.look(sorted({*touched, *waiting.changed}), now)
            yield from _turn(course, lab, executor, waiting, per_day, told)


def _turn(
    course: CourseFolder,
    lab: Lab,
    executor: Executor,
    waiting: Waiting,
    per_day: int,
    told: set[tuple[str, str]],
) -> Iterator[Event]:
    """Grade those whose turn it is."""
    students = waiting.still(time.monotonic())
    if not students:
        return
    today = datetime.datetime.now(datetime.UTC).date()
    used = gradings(course.root, lab.name, today)
    over = [student for student in students if used[student] >= per_day]
    for student in over:
        yield from _once(
            told, student, f"was graded {per_day} times on {today}; what is there now waits for the next day."
        )
    turn = [student for student in students if student not in over]
    if turn:
        yield from _graded(course, lab, executor, waiting, turn, told)


def _graded(
    course: CourseFolder,
    lab: Lab,
    executor: Executor,
    waiting: Waiting,
    students: list[str],
    told: set[tuple[str, str]],
) -> Iterator[Event]:
    try:
        done = {one.student: one for one in grade_all(course, lab, students, executor)}
        _note(course.root, lab.name, [student for student in students if not done[student].kept])
        update_penalties(course, lab.name)
        pages = [student for student in students if not (done[student].kept and _has_page(course, lab, student))]
        problems = {page.student: page.problem for page in write_feedback(course, lab, pages) if page.problem}
    except SandboxError:
        raise
    except (UserError, SQLAlchemyError) as error:
        # What a person must correct, such as a table, or a gradebook that another program holds.
        reason = (
            str(error) if isinstance(error, UserError) else f"The gradebook cannot be used now ({in_short(error)})."
        )
        for student in students:
            waiting.again(student, time.monotonic() + RETRY)
            yield from _once(told, student, f"{reason} It is tried again.")
        return
    for student in students:
        waiting.graded(student)
        yield Event(student, done[student], problems.get(student, ""))


def _once(told: set[tuple[str, str]], student: str, problem: str) -> Iterator[Event]:
    if (student, problem) not in told:
        told.add((student, problem))
        yield Event(student, problem=problem)


def _has_page(course: CourseFolder, lab: Lab, student: str) -> bool:
    """Return whether the page is there and not older than the grade: a kill may have come between them."""
    page = course.step("feedback", student, lab.name) / f"{lab.name}.html"
    notebook = course.step("autograded", student, lab.name) / f"{lab.name}.ipynb"
    try:
        return page.stat().st_mtime_ns >= notebook.stat().st_mtime_ns
    except OSError:
        return False


def gradings(root: Path, lab: str, day: datetime.date) -> Counter[str]:
    """Return how often each student's submission was graded so on a day, in UTC.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    lab : str
        Its name.
    day : datetime.date

    Raises
    ------
    UserError
        If the log cannot be read.
    """
    path = root / WATCHED
    try:
        content = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    lines = (line for _, line in append_log.parsed(content) if isinstance(line, dict) and line.get("lab") == lab)
    return Counter(str(line.get("student")) for line in lines if str(line.get("when", "")).startswith(day.isoformat()))


def _note(root: Path, lab: str, students: list[str]) -> None:
    with append_log.opened(root / WATCHED) as (file, _):
        append_log.append(file, [{"lab": lab, "student": student} for student in students])


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    try:
        lock = open(path, "w")  # noqa: SIM115
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError("Another watch is at work on this lab. Stop it first.") from None
        yield
