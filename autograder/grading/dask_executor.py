"""Where submissions are graded: on the workers of a Dask cluster, which may be many machines."""

from __future__ import annotations

import atexit
import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from autograder.checking.lab import Lab
from autograder.errors import UserError
from autograder.grading import executors
from autograder.grading.course_oracle import CourseOracle
from autograder.grading.executors import Read
from autograder.grading.grade import Conditions, Verdict, grade_submission, unreadable
from autograder.labs import get_lab
from autograder.sandbox.pool import Sandbox
from autograder.submissions.cells import UnreadableNotebookError
from autograder.submissions.submission import Submission

CONNECT_SECONDS = 20
#: Submissions on their way for each thread of a worker: one that it grades, and one that comes next.
AHEAD = 2


class ClusterError(UserError):
    """The cluster cannot be used. The text says why and what to do."""


class DaskExecutor:
    """A running Dask cluster. Each thread of its workers keeps a warm sandbox; nothing else is kept there.

    Where a worker is lost, the scheduler gives what it was at to another one.

    Parameters
    ----------
    address : str
        Of the scheduler, for example ``tcp://10.0.0.1:8786``.
    lab : Lab
    isolation : {"bubblewrap", "process"}

    Raises
    ------
    ClusterError
        If Dask is not installed.
    """

    def __init__(self, address: str, lab: Lab, isolation: str = "bubblewrap") -> None:
        try:
            import distributed
        except ImportError:
            raise ClusterError(
                "Grading on a cluster needs Dask, which is not installed. Install it here and on the workers with: "
                "pip install --constraint constraints.txt '.[instructor,cluster]'"
            ) from None
        self.distributed = distributed
        self.address, self.lab, self.isolation = address, lab, isolation

    def grade(
        self, students: Iterable[str], read: Read, conditions: Conditions, started: Callable[[], None]
    ) -> Iterator[tuple[str, Verdict]]:
        with self._connected() as client:
            if not client.nthreads():
                raise ClusterError(
                    f"The cluster at {self.address} has no workers. Start some: dask worker {self.address}"
                )
            started()
            waiting, code = iter(students), executors.code()
            done = self.distributed.as_completed(loop=client.loop)
            asked: dict[str, str] = {}
            while True:
                ahead = max(AHEAD * sum(client.nthreads().values()), AHEAD)
                for student in itertools.islice(waiting, max(ahead - len(asked), 0)):
                    try:
                        submission = read(student)
                    except UnreadableNotebookError as error:
                        yield student, unreadable(self.lab, str(error), self.isolation)
                        continue
                    future = client.submit(
                        grade_on_worker, self.lab.name, submission, conditions, self.isolation, code, pure=False
                    )
                    asked[future.key] = student
                    done.add(future)
                if not asked:
                    return
                future = next(done)
                yield asked.pop(future.key), self._verdict(future)

    def _connected(self):
        try:
            return self.distributed.Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ClusterError(
                f"No Dask scheduler answers at {self.address} ({reason}). Start one with: dask scheduler"
            ) from None

    def _verdict(self, future) -> Verdict:
        try:
            return future.result()
        except UserError:
            raise
        except self.distributed.KilledWorker:
            reason = "Several workers of the cluster were lost while this was graded. Grade it on one machine."
        except Exception as error:
            reason = f"The cluster failed while this was graded ({type(error).__name__}: {str(error)[:200]})."
        return unreadable(self.lab, reason, self.isolation)


@dataclass
class _Room:
    """What a worker keeps from one submission to the next."""

    free: queue.SimpleQueue
    oracle: CourseOracle


_rooms: dict[tuple[str, str], _Room] = {}
_lock = threading.Lock()


def grade_on_worker(lab: str, submission: Submission, conditions: Conditions, isolation: str, code: str) -> Verdict:
    """Grade one submission on a worker.

    Parameters
    ----------
    lab : str
        The lab's name.
    submission : Submission
    conditions : Conditions
    isolation : {"bubblewrap", "process"}
    code : str
        What `executors.code` returns where the class is graded.

    Returns
    -------
    Verdict

    Raises
    ------
    ClusterError
        If the worker has another version of the grader, or of what computes.
    SandboxError
        If it cannot isolate anything.
    """
    from distributed import get_worker

    worker = get_worker()
    if executors.code() != code:
        raise ClusterError(
            f"The worker {worker.address} has another version of the grader or of its packages. Install the same "
            "everywhere, with the versions of constraints.txt, and start the workers again."
        )
    with _lock:
        room = _rooms.get((lab, isolation)) or _furnished(lab, isolation, worker.state.nthreads)
    sandbox = room.free.get()
    try:
        return grade_submission(submission, conditions, sandbox, room.oracle)
    finally:
        room.free.put(sandbox)


def _furnished(name: str, isolation: str, threads: int) -> _Room:
    lab = get_lab(name)
    complete = Sandbox(isolation, imports=lab.imports, lazy=True)
    sandboxes = [Sandbox(isolation, **lab.packages) for _ in range(threads)]
    for sandbox in (complete, *sandboxes):
        atexit.register(sandbox.close)
    free: queue.SimpleQueue[Sandbox] = queue.SimpleQueue()
    for sandbox in sandboxes:
        free.put(sandbox)
    room = _rooms[name, isolation] = _Room(free, CourseOracle(lab, complete, sandboxes[0]))
    return room
