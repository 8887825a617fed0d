"""What was handed in is read in another process, which can be ended: a file that takes its reader forever stops nobody.

Every reader takes a time that is proportional to what it reads, as far as is known. What is not known ends here: a
reader that uses up its processor time, its memory or its stack ends alone. Processes stay for the next file. They run
the course's own code, which is trusted, over bytes that are not.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pickle
import queue
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from typing import Any

from autograder.errors import UserError, in_short

#: Processor time for one call, in seconds. A file of the largest size that is read takes a part of it.
SECONDS = 20.0
#: A process may wait for its turn so much longer.
WALL = 6
#: Address space of a process, in bytes.
MEMORY = 4 * 2**30
START_SECONDS = 180.0
#: What most calls need is imported before the first one comes.
_PRELOADED = (
    *("autograder.submissions.cells", "autograder.submissions.layout", "autograder.submissions.sanitize"),
    "source_lib.predictions",
)
_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from autograder.submissions import reader
reader.main()
"""


class StoppedError(Exception):
    """A reader was ended before it was done. The text completes "It …"."""


class _Process:
    """One process that calls functions, one after the other, in a child that it makes anew where one was ended."""

    def __init__(self) -> None:
        self.ready = False
        self.channel, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, str(theirs.fileno()), json.dumps(sys.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def call(self, function: Callable[..., Any], args: tuple, seconds: float) -> tuple[Exception | None, Any]:
        """Return the error and the value of a call."""
        self._wait()
        try:
            self.channel.send_bytes(pickle.dumps((function, args, seconds), pickle.HIGHEST_PROTOCOL))
            if not self.channel.poll(WALL * seconds):
                raise StoppedError(f"was not read within {WALL * seconds:g} seconds")
            error, value = pickle.loads(self.channel.recv_bytes())
        except (EOFError, OSError):
            error, value = -signal.SIGKILL, None
        return (StoppedError(_how(error, seconds)), None) if isinstance(error, int) else (error, value)

    def _wait(self) -> None:
        """Wait until the process has imported what it needs."""
        if self.ready:
            return
        with contextlib.suppress(EOFError, OSError):
            self.ready = self.channel.poll(START_SECONDS) and bool(self.channel.recv_bytes())
        if not self.ready:
            raise UserError(
                "The process that reads submissions does not start. Try: "
                "python -c 'import autograder.submissions.layout, autograder.submissions.sanitize'"
            )

    @property
    def fit(self) -> bool:
        """Whether it can be called: the kernel may have ended it, or its child, for want of memory."""
        return self.process.poll() is None and not (self.ready and self.channel.poll(0))

    def kill(self) -> None:
        """End it, with its child, from whatever thread."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it, with its child, and wait until it is gone."""
        self.channel.close()
        self.kill()
        self.process.wait()


def _how(status: int, seconds: float) -> str:
    if status == -signal.SIGPROF:
        return f"takes more than {seconds:g} seconds to be read"
    return f"ended its reader ({signal.Signals(-status).name if status < 0 else f'exit code {status}'})"


#: Processes that wait for work. The one that worked last comes first: what it remembers is of use.
_idle: queue.LifoQueue[_Process] = queue.LifoQueue()
_at_work: set[_Process] = set()


def prepare() -> None:
    """Start a process, so that the first file does not wait for it."""
    _idle.put(_Process())


def call(function: Callable[..., Any], *args: Any, seconds: float | None = None) -> Any:
    """Return what a function returns that reads something of a submission, called in another process.

    Parameters
    ----------
    function : callable
        One of a module, known by its name there.
    *args
        What can be pickled, as must be what it returns.
    seconds : float, optional
        Processor time; by default `SECONDS`.

    Returns
    -------
    object

    Raises
    ------
    StoppedError
        If it took too long or too much memory, or ended the process.
    Exception
        Whatever the function raised.
    """
    process = _process()
    _at_work.add(process)
    try:
        error, value = process.call(function, args, SECONDS if seconds is None else seconds)
    except BaseException:
        # It may still be at work, or be gone.
        process.close()
        raise
    finally:
        _at_work.discard(process)
    _idle.put(process)
    if error is not None:
        raise error
    return value


def _process() -> _Process:
    with contextlib.suppress(queue.Empty):
        while True:
            waiting = _idle.get_nowait()
            if waiting.fit:
                return waiting
            waiting.close()
    return _Process()


def stop() -> None:
    """End what is being read, from whatever thread: whoever waits for it gets a `StoppedError` at once."""
    for process in list(_at_work):
        process.kill()


@atexit.register
def close() -> None:
    """End all processes that wait for work."""
    with contextlib.suppress(queue.Empty):
        while True:
            _idle.get_nowait().close()


def main() -> None:
    """Call what the other side asks for until it closes: the work of such a process."""
    channel = Connection(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # jsonschema imports a check of web addresses where it finds one, for seconds, and no notebook needs it.
    sys.modules.setdefault("rfc3987_syntax", None)
    for module in _PRELOADED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    channel.send_bytes(b"ready")
    while True:
        child = os.fork()
        if child == 0:
            _serve(channel)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            return
        # In its place: how it was ended.
        channel.send_bytes(pickle.dumps((status, None)))


def _serve(channel: Connection) -> None:
    try:
        while True:
            channel.send_bytes(_answered(channel.recv_bytes()))
    except (EOFError, OSError):
        os._exit(0)
    finally:
        os._exit(1)


def _answered(question: bytes) -> bytes:
    """Return the error and the value of one call, pickled; the kernel ends the process where its time is used up."""
    function, args, seconds = pickle.loads(question)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        answer = None, function(*args)
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        return pickle.dumps((StoppedError(f"takes more than {MEMORY / 2**30:g} GB of memory to be read"), None))
    except Exception as error:
        return pickle.dumps((_portable(error), None))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _portable(error: Exception) -> Exception:
    """Return an exception that arrives on the other side: some cannot be pickled, or not be made again."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(in_short(error))
