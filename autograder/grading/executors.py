"""Where submissions are graded: in parallel on this machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import queue
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import joblib
from joblib import Parallel, delayed

from autograder.checking.lab import Lab
from autograder.grading import answer_cache
from autograder.grading.course_oracle import CourseOracle
from autograder.grading.grade import Conditions, Verdict, grade_submission, unreadable
from autograder.sandbox.pool import Sandbox
from autograder.submissions import reader
from autograder.submissions.cells import UnreadableNotebookError
from autograder.submissions.submission import Submission

#: Reads what one student handed in; raises `UnreadableNotebookError`.
Read = Callable[[str], Submission]


class Executor(Protocol):
    """Where submissions are graded, and how they are isolated there."""

    isolation: str

    def grade(
        self, students: Iterable[str], read: Read, conditions: Conditions, started: Callable[[], None]
    ) -> Iterator[tuple[str, Verdict]]:
        """Grade each student's submission once, in any order.

        Parameters
        ----------
        students : iterable of str
        read : callable
            Takes a student id, and returns the `Submission`; raises `UnreadableNotebookError`.
        conditions : Conditions
        started : callable
            Called when the first submission is about to be graded.

        Yields
        ------
        tuple of str and Verdict
        """


class LocalExecutor:
    """This machine.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder, where its answers are kept.
    lab : Lab
    sandboxes : sequence of Sandbox
        Where submissions run, as many in parallel. They lack the packages of ``lab.forbidden`` and stay open.
    complete : Sandbox
        One that has all packages, for the course's own answers. It stays open, and may be lazy.
    keep : bool
        Whether new answers of the course are kept there.
    """

    def __init__(
        self, course: Path, lab: Lab, sandboxes: Sequence[Sandbox], complete: Sandbox, keep: bool = True
    ) -> None:
        self.course, self.lab, self.sandboxes, self.complete = course, lab, sandboxes, complete
        self.keep = keep
        self.isolation = complete.isolation

    def grade(
        self, students: Iterable[str], read: Read, conditions: Conditions, started: Callable[[], None]
    ) -> Iterator[tuple[str, Verdict]]:
        known = answer_cache.read(self.course, self.lab)
        oracle = CourseOracle(self.lab, self.complete, self.sandboxes[0], known)
        started()
        free: queue.SimpleQueue[Sandbox] = queue.SimpleQueue()
        for sandbox in self.sandboxes:
            free.put(sandbox)

        def graded(student: str) -> tuple[str, Verdict]:
            try:
                submission = read(student)
            except UnreadableNotebookError as error:
                return student, unreadable(self.lab, str(error), self.isolation)
            sandbox = free.get()
            try:
                return student, grade_submission(submission, conditions, sandbox, oracle)
            finally:
                free.put(sandbox)

        # Threads suffice: the work is done in the sandboxes, and this process mostly waits for them. One more than
        # there are sandboxes keeps them at work while this one saves.
        number = len(self.sandboxes) + 1
        run = Parallel(n_jobs=number, backend="threading", return_as="generator_unordered", pre_dispatch=number)
        try:
            with _quick_turns():
                yield from run(delayed(graded)(student) for student in students)
        except BaseException:
            # Whoever still waits for an answer must not keep this process from ending.
            for sandbox in (*self.sandboxes, self.complete):
                sandbox.stop()
            reader.stop()
            raise
        finally:
            if self.keep and oracle.answers.known.keys() != known.keys():
                answer_cache.write(self.course, self.lab, oracle.answers.known)


@contextlib.contextmanager
def _quick_turns() -> Iterator[None]:
    """Let threads take turns often: one that waits for an answer measures how long it took."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def code() -> str:
    """Return what stands for this grader: all its code, and the versions of what computes."""
    own = [path.read_bytes() for path in sorted(Path(__file__).parents[1].rglob("*.py"))]
    versions = [importlib.metadata.version(name) for name in answer_cache.PACKAGES]
    return joblib.hash((own, versions, sys.version))
