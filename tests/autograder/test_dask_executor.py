"""The same grading on a Dask cluster: a scheduler and workers that are processes of their own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from distributed import Client
from nbformat.v4 import new_code_cell

from autograder.grading import dask_executor
from autograder.grading.grade import Conditions
from autograder.submissions.submission import Submission
from tests.autograder.test_pipeline import CLASS, hand_in, solved
from tests.conftest import PROGRAM, scores

GRADE = [PROGRAM, "grade", "lab1", "--no-feedback", "--seed", "3"]


@contextlib.contextmanager
def started(folder, *command):
    """Run a Dask program in a folder of its own."""
    environment = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "120s"}
    with open(folder / f"{command[0]}.log", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command], cwd=folder, stdout=log, stderr=log, env=environment
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory, sandbox_works):
    folder = tmp_path_factory.mktemp("dask")
    # It takes a port that is free, and writes the address into the file.
    file = folder / "scheduler.json"
    where = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
    with (
        started(folder, "scheduler", *where, "--no-dashboard"),
        Client(scheduler_file=str(file), timeout=300, set_as_default=False) as client,
    ):
        yield client, folder


def worker(folder, address):
    own = ("--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder))
    return started(folder, "worker", address, *own)


def test_a_scheduler_that_is_not_there_is_explained(course, monkeypatch):
    hand_in(course, "ada", solved(course))
    code = "from autograder import cli; from autograder.grading import dask_executor\n"
    code += "dask_executor.CONNECT_SECONDS = 1\ncli.main()"
    # Nobody else gets this port, and nobody listens at it.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        command = [sys.executable, "-c", code, "grade", "lab1", "--course", course, "--dask", address]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"No Dask scheduler answers at {address}" in done.stderr and "dask scheduler" in done.stderr


def test_a_cluster_without_workers_is_explained(course, scheduler):
    hand_in(course, "ada", solved(course))
    client, _ = scheduler
    done = subprocess.run(
        [*GRADE, "--course", course, "--dask", client.scheduler.address], capture_output=True, text=True
    )
    assert done.returncode == 1 and "has no workers" in done.stderr and "Traceback" not in done.stderr


def test_a_class_is_graded_though_a_worker_is_lost(course, scheduler, tmp_path):
    for number, name in enumerate(["right", "borrows", "settings", "right", "exits", "right", "raises", "right"]):
        notebook = solved(course)
        CLASS["edited-settings" if name == "settings" else name][0](notebook)
        notebook.cells.append(new_code_cell("import time; time.sleep(1)"))
        hand_in(course, f"student-{number}", notebook)
    hand_in(course, "student-8", b"no notebook")
    alone = tmp_path / "alone"
    shutil.copytree(course, alone)
    client, folder = scheduler
    address = client.scheduler.address
    with worker(folder, address) as first, worker(folder, address):
        client.wait_for_workers(2, timeout=300)
        grading = subprocess.Popen([*GRADE, "--course", course, "--dask", address], stdout=subprocess.PIPE, text=True)
        autograded = course / "assignments" / "autograded"
        deadline = time.monotonic() + 400
        while time.monotonic() < deadline and grading.poll() is None and len(list(autograded.glob("*/lab1"))) < 3:
            time.sleep(0.1)
        first.send_signal(signal.SIGKILL)
        said, _ = grading.communicate(timeout=400)
        assert grading.returncode == 2 and "9 graded, 3 of them flagged" in said
        assert len(client.nthreads()) == 1
        # The one that is left says no to a grader that is not its own.
        given = "lab1", Submission(content=b"{}"), Conditions(3)
        with pytest.raises(dask_executor.ClusterError, match="another version of the grader"):
            client.submit(dask_executor.grade_on_worker, *given, "bubblewrap", "other code", pure=False).result()
    assert subprocess.run([*GRADE, "--course", alone], capture_output=True).returncode == 2
    assert scores(course) == scores(alone)
