"""What grading many submissions costs: memory and time of each from the first to the thousandth, and on a cluster.

Everything is the command ``cnn-course grade`` in a process of its own. When a submission was done is read from the
files that it wrote, so start-up is told apart from what each submission costs.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from distributed import Client

from autograder.errors import UserError
from autograder.gradebook import secret
from autograder.gradebook.course_folder import open_course
from autograder.grading.dask_executor import DaskExecutor
from autograder.grading.grade import Conditions
from autograder.grading.pipeline import read_one, released_roles
from benchmarks.grading import CLASS, LAB, copy_of, hand_in, make_course, students_in
from benchmarks.report import Figure

MANY, FEW, ON_CLUSTER, CALM = 1000, 10, 100, 300
QUICK_MANY, QUICK_CLUSTER, QUICK_CALM = 64, 6, 22
REPEATS = 3
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Run:
    """One command that graded: the seconds at which each submission was done, and what its own process used.

    Attributes
    ----------
    done : list of float
        Seconds since the start, sorted.
    memory : float
        Most megabytes that were in memory at once.
    cpu : float
        Seconds of processor time, without what its sandboxes used.
    """

    done: list[float]
    memory: float
    cpu: float


def figures(quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Grade small and large classes, here and on clusters of one and two workers, and return the figures."""
    many, calm = (QUICK_MANY, QUICK_CALM) if quick else (MANY, CALM)
    with tempfile.TemporaryDirectory(prefix="cnn-course-benchmark-") as place:
        base = make_course(Path(place) / "course")
        hand_in(base, many)
        runs: dict[int, Run] = {}
        for number in (FEW, many):
            tell(f"cnn-course grade, {number} submissions")
            runs[number] = graded(copy_of(base, f"class-{number}", students=number))
            tell(f"  {runs[number].done[-1]:.1f} s, {runs[number].memory:.0f} MB")
        workers: dict[int, Run] = {}
        judging: dict[int, float] = {}
        possible = [side_by_side()]
        # One after the other and back: a machine that gets faster or slower meanwhile does it to both.
        for turn, number in enumerate((1, 2, 2, 1) if not quick else (1, 2)):
            tell(f"cnn-course grade --dask, {number} workers")
            run, judged = on_cluster(base, f"cluster-{turn}", number, QUICK_CLUSTER if quick else ON_CLUSTER)
            tell(f"  {per_submission(run.done):.3f} s each, {judged:.3f} s without saving")
            if number not in workers or per_submission(run.done) < per_submission(workers[number].done):
                workers[number] = run
            judging[number] = min(judged, judging.get(number, judged))
            possible.append(side_by_side())
    whole = runs[many].done
    # The first class once through warms everything up.
    first, last = typical(whole[len(CLASS) :][:calm]), typical(whole[-calm:])
    once, both = (per_submission(workers[number].done) for number in (1, 2))
    return [
        Figure(
            f"{many} submissions: memory over that of {FEW}",
            runs[many].memory - runs[FEW].memory,
            at_most=50,
            timed=False,
            unit="MB",
            raw={"megabytes": {number: run.memory for number, run in runs.items()}},
        ),
        Figure(
            f"{many} submissions: cost of the last {calm} over the first {calm}",
            last / first,
            at_most=1.1,
            raw={"seconds_each": [first, last], "done": [round(second, 2) for second in whole]},
        ),
        Figure("  before the first submission is done", whole[0], unit="s"),
        Figure("  one submission on this machine", per_submission(whole), unit="s"),
        Figure(
            "  one submission in the process that judges and saves",
            (runs[many].cpu - runs[FEW].cpu) / (many - FEW),
            unit="s of CPU",
        ),
        # 1.7 of 2, on a machine whose two processors are two.
        Figure(
            "Dask: two workers over one, as part of two processes over one",
            judging[1] / judging[2] / median(possible),
            at_least=0.85,
            raw={"seconds_each": judging, "two_processes_over_one": possible},
        ),
        Figure("  Dask: two workers over one", judging[1] / judging[2]),
        Figure("  two busy processes over one, on this machine", median(possible)),
        Figure(
            "  Dask: two workers over one, with saving on the same cores",
            once / both,
            raw={"seconds_each": {1: once, 2: both}},
        ),
        Figure("  Dask: one submission in the process that reads and saves", workers[2].cpu, unit="s of CPU"),
    ]


def per_submission(done: list[float]) -> float:
    """Return how many seconds each took, from the first that was done to the last."""
    return (done[-1] - done[0]) / (len(done) - 1)


def typical(done: list[float]) -> float:
    """Return how many seconds each took in the middle one of all classes: a machine is at other things now and then."""
    ends = range(0, len(done) - len(CLASS), len(CLASS))
    return median(per_submission(done[start : start + len(CLASS) + 1]) for start in ends)


def graded(course: Path, *options: str) -> Run:
    """Grade a course folder and watch the process that does it.

    Raises
    ------
    UserError
        If it failed, or did not grade everybody.
    """
    environment = os.environ | {"PATH": os.pathsep.join([str(PROGRAMS), os.environ.get("PATH", "")])}
    command = [PROGRAMS / "cnn-course", "grade", LAB.name, "--no-feedback", "--force", *options]
    with tempfile.TemporaryFile() as said:
        begun = time.time()
        process = subprocess.Popen(command, cwd=course, env=environment, stdout=said, stderr=said)
        memory, cpu = _watched(process)
        if process.returncode != 0:
            said.seek(0)
            raise UserError(f"Grading ended with {process.returncode}: {said.read()[-2000:].decode(errors='replace')}")
    name = f"{LAB.name}/{LAB.name}.ipynb"
    notebooks = [course / "assignments" / "autograded" / student / name for student in students_in(course)]
    missing = [path for path in notebooks if not path.is_file()]
    if missing:
        raise UserError(f"{len(missing)} submissions were not graded, {missing[0]} among them.")
    return Run(sorted(path.stat().st_mtime - begun for path in notebooks), memory, cpu)


def _watched(process: subprocess.Popen) -> tuple[float, float]:
    """Wait for a process; return the most megabytes that it had in memory and its own processor time in seconds."""
    memory = cpu = 0.0
    proc = Path(f"/proc/{process.pid}")
    while process.poll() is None:
        # One that just ended has no such lines any more.
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (proc / "stat").read_text().rpartition(")")[2].split()
            cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            memory = int((proc / "status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
        time.sleep(0.1)
    return memory, cpu


_BUSY = """
import time
start = time.perf_counter()
total = 0
for k in range(10_000_000):
    total += k * k % 7
print(time.perf_counter() - start)
"""


def side_by_side() -> float:
    """Return how much faster this machine does two things in parallel than one after the other: 2 at best.

    Its processors may share one core, or be lent to others meanwhile.
    """

    def seconds(number: int) -> float:
        busy = [subprocess.Popen([sys.executable, "-c", _BUSY], stdout=subprocess.PIPE) for _ in range(number)]
        return max(float(process.communicate()[0]) for process in busy)

    return 2 * min(seconds(1) for _ in range(REPEATS)) / min(seconds(2) for _ in range(REPEATS))


def on_cluster(base: Path, name: str, workers: int, number: int) -> tuple[Run, float]:
    """Grade on a cluster of one-threaded workers that are warm, all on this machine.

    Returns
    -------
    run : Run
        Its ``cpu`` is that of one submission.
    judged : float
        Seconds for one submission where verdicts come back and are not saved: the workers' own pace.
    """
    course = copy_of(base, name, students=number)
    few = copy_of(base, f"{name}-warm", students=2 * workers)
    with cluster(course.parent, workers) as address:
        warm = graded(few, "--dask", address)
        run = graded(course, "--dask", address)
        # The quickest of some: whatever else the machine does only adds.
        judged = min(per_submission(list(_judged(course, address))) for _ in range(REPEATS))
    return Run(run.done, run.memory, (run.cpu - warm.cpu) / (number - 2 * workers)), judged


def _judged(course: Path, address: str) -> Iterator[float]:
    """Yield when each submission's verdict came back from a cluster."""
    folder = open_course(course)
    roles, seed = released_roles(folder, LAB), secret.read_or_make(folder.root)
    executor = DaskExecutor(address, LAB)
    students = students_in(course)
    conditions = Conditions(seed, roles)
    for _ in executor.grade(students, functools.partial(read_one, folder, LAB), conditions, lambda: None):
        yield time.monotonic()


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """Run a scheduler and workers on this machine; give the scheduler's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    here = ("--host", "127.0.0.1", "--no-dashboard")
    commands = [["scheduler", "--port", port, *here]]
    commands += [["worker", address, "--nthreads", "1", "--no-nanny", *here] for _ in range(workers)]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
        yield address
    finally:
        for process in running:
            process.kill()
            process.wait()
