"""What reads a submission can be ended, and what it cannot read harms nobody else."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from autograder.submissions import cells, reader
from autograder.submissions.reader import MEMORY, StoppedError
from source_lib.experiments import RunsError, read_runs
from source_lib.predictions import read_predictions
from tests.conftest import until


def _endless():
    while True:
        pass


def _asleep():
    time.sleep(60)


def _busy(seconds):
    start = time.process_time()
    while time.process_time() - start < seconds:
        pass
    return True


def _endless_after(path):
    """Wait for a file, which takes no processor time, and then never end."""
    while not path.exists():
        time.sleep(0.01)
    _endless()


def _greedy():
    return len(bytearray(2 * MEMORY))


def _crash():
    ctypes.string_at(0)


def _leave():
    os._exit(3)


def _deep():
    return _deep()


class _OddError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def _odd():
    raise _OddError(1, 2)


def _pid():
    return os.getpid()


def test_what_is_read_comes_back_as_it_would_here():
    content = b"id,class\n0,1\n1,0\n2,x\n"
    assert reader.call(read_predictions, content) == read_predictions(content)
    read = reader.call(read_predictions, content[:-4])
    np.testing.assert_array_equal(read.values, [1, 0])
    notebook = b'{"cells": [{"cell_type": "code", "source": "a = 1", "metadata": {"tags": ["explore"]}}]}'
    assert reader.call(cells.parse, notebook, "a.ipynb") == cells.parse(notebook, "a.ipynb")
    assert reader.call(cells.parse, notebook, "a.ipynb").cells[0].metadata.tags == ["explore"]


def test_an_error_of_a_reader_is_its_own_and_ends_no_process():
    first = reader.call(_pid)
    with pytest.raises(RunsError, match="line 1 is no run"):
        reader.call(read_runs, b"{}\n")
    with pytest.raises(cells.UnreadableNotebookError, match="cannot be read as a notebook"):
        reader.call(cells.parse, b"[" * 10**6, "a.ipynb")
    with pytest.raises(RecursionError):
        reader.call(_deep)
    with pytest.raises(RuntimeError, match="1 and 2"):
        reader.call(_odd)
    assert reader.call(_pid) == first != os.getpid()


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (_endless, "takes more than 0.3 seconds to be read"),
        (_asleep, "was not read within 1.8 seconds"),
        (_greedy, "takes more than 4 GB of memory to be read"),
        (_crash, "ended its reader .SIGSEGV"),
        (_leave, "ended its reader .exit code 3"),
    ],
)
def test_what_does_not_end_or_breaks_is_ended_and_the_next_is_read(function, says, monkeypatch):
    if function is not _asleep:
        # On a busy machine it waits longer for its processor time.
        monkeypatch.setattr(reader, "WALL", 10**3)
    with pytest.raises(StoppedError, match=says):
        reader.call(function, seconds=0.3)
    assert reader.call(_pid) != os.getpid()


def test_time_is_each_call_s_own(monkeypatch):
    monkeypatch.setattr(reader, "WALL", 10**3)
    for _ in range(3):
        assert reader.call(_busy, 0.3, seconds=0.8)


def test_threads_read_at_the_same_time(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "WALL", 10**3)
    stopped = []

    def wait():
        with pytest.raises(StoppedError, match="takes more than 1 seconds"):
            reader.call(_endless_after, tmp_path / "go", seconds=1.0)
        stopped.append(True)

    waiting = threading.Thread(target=wait)
    waiting.start()
    until(lambda: reader._at_work, 120)
    assert [reader.call(len, b"abc") for _ in range(3)] == [3, 3, 3] and not stopped
    (tmp_path / "go").touch()
    waiting.join()
    assert stopped


def test_whoever_waits_can_be_told_at_once_that_it_is_over():
    # A process that is ended before it is ready is another matter.
    reader.call(len, b"abc")

    def stop():
        until(lambda: reader._at_work, 120)
        reader.stop()

    stopping = threading.Thread(target=stop)
    stopping.start()
    with pytest.raises(StoppedError, match="ended its reader .SIGKILL"):
        reader.call(_asleep)
    stopping.join()
    assert reader.call(len, b"abc") == 3


@pytest.fixture
def interrupts():
    """A shell that starts the tests in the background has them ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_an_interrupt_leaves_no_process_at_work():
    reader.close()
    reader.prepare()
    process = reader._idle.get()
    reader._idle.put(process)
    main = threading.get_ident()

    def interrupt():
        until(lambda: process in reader._at_work, 120)
        time.sleep(0.3)
        signal.pthread_kill(main, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        reader.call(_asleep)
    interrupting.join()
    assert process.process.poll() is not None
    assert reader.call(len, b"abc") == 3


def test_no_process_stays_behind(tmp_path):
    code = "from autograder.submissions import reader; import os; print(reader.call(os.getpid))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)

    def gone():
        try:
            # Where nobody asks how an orphan ended, that much of it stays.
            return psutil.Process(int(done.stdout)).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    until(gone, 120)
