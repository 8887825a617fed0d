"""The trusted side of the sandbox: start it warm, hand out one job per submission, and end what does not answer."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.sandbox import launch, wire
from autograder.sandbox.launch import SandboxError
from autograder.sandbox.worker import IMPORTS, USED_UP

START_SECONDS = 180.0
ORDER_SECONDS = 20.0


#: bubblewrap ends with the thread that started it, so one thread starts all and stays.
_launching = ThreadPoolExecutor(1, thread_name_prefix="sandboxes")


class JobEndedError(Exception):
    """The job ended instead of answering: by itself, by a signal, or by a limit."""


class JobTimeoutError(Exception):
    """The job did not answer in time and was ended."""


@dataclass(frozen=True)
class Limits:
    """What one job may use.

    Attributes
    ----------
    memory : int
        Address space of each process, in bytes. TensorFlow itself needs most of 2 GB.
    processes : int
        Processes and threads together.
    file : int
        Largest file, in bytes.
    megabytes : int
        Size of each of the job's folders (``/tmp``, ``/work``, ``/dev/shm``), in MB.
    cpu : int
        Processor time of each process, in seconds.
    """

    memory: int = 4 * 2**30
    processes: int = 128
    file: int = 64 * 2**20
    megabytes: int = 64
    cpu: int = 300

    def settings(self) -> dict[str, int]:
        """Return the limits by the names that the kernel gives them."""
        return {
            "AS": self.memory,
            "NPROC": self.processes,
            "FSIZE": self.file,
            "CPU": self.cpu,
            "CORE": 0,
            "NOFILE": 512,
        }


@dataclass(frozen=True)
class JobOptions:
    """How one job differs from the others of its sandbox.

    Attributes
    ----------
    trusted : bool
        For the course's own code. The kernel counts the processes of all jobs of a sandbox together, so one that
        starts as many as it may would else keep this one from starting any.
    cpu : int, optional
        Processor time of each of its processes, in seconds; that of the sandbox's limits by default.
    large : bool
        Whether what it is asked and what it answers may be as large as weights and images are: up to
        `wire.MAX_SHARED` bytes of arrays, in shared memory.
    without_data : bool
        Whether the files of data sets that come with the course's packages are out of its sight. Without isolation they
        cannot be.
    """

    trusted: bool = False
    cpu: int | None = None
    large: bool = False
    without_data: bool = False


class Sandbox:
    """A warm process that forks one job after another.

    Parameters
    ----------
    isolation : {"bubblewrap", "process"}
        ``"process"`` has resource limits only and protects nothing: for trusted code.
    limits : Limits, optional
        What one job may use.
    without : sequence of str
        Packages that are not there, but for stand-ins that can be imported and compute nothing.
    lazy : bool
        Start it when its first job is wanted.
    imports : sequence of str
        Modules that it imports once, before all jobs.

    Raises
    ------
    SandboxError
        If it cannot be started.
    """

    def __init__(
        self,
        isolation: str = "bubblewrap",
        limits: Limits | None = None,
        without: Sequence[str] = (),
        lazy: bool = False,
        imports: Sequence[str] = IMPORTS,
    ) -> None:
        if isolation not in ("bubblewrap", "process"):
            raise SandboxError(f"Unknown isolation {isolation!r}: choose bubblewrap or process.")
        self.isolation = isolation
        self.limits = limits or Limits()
        self.without = tuple(without)
        self.imports = tuple(imports)
        self.restarts = 0
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._scratch: Path | None = None
        self._jobs = 0
        # Orders and their replies share one channel, and several threads may give orders.
        self._lock = threading.RLock()
        self._ready = self._stopped = False
        if not lazy:
            self._launch()

    def _launch(self) -> None:
        isolated = self.isolation == "bubblewrap"
        settings = {
            "isolated": isolated,
            "limits": self.limits.settings(),
            "megabytes": self.limits.megabytes,
            "private": launch.private_folders() if isolated else [],
            "folder": launch.JOB,
            "without": self.without,
            "imports": self.imports,
            "seccomp": base64.b64encode(launch.filter_program() if isolated else b"").decode(),
        }
        mine, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as errors:
            worker = [sys.executable, "-m", "sandbox.worker", json.dumps(settings | {"control": theirs.fileno()})]
            if isolated:
                command, environment = [*launch.bubblewrap(self.without), *worker], {"PATH": launch.SYSTEM_PATH}
            else:
                self._scratch = Path(tempfile.mkdtemp(prefix="cnn-course-"))
                self._scratch.chmod(0o711)
                environment = os.environ | launch.environment(self._scratch, launch.course_links(self._scratch))
                command = worker
            try:
                self._process = _launching.submit(
                    subprocess.Popen,
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    pass_fds=[theirs.fileno()],
                    env=environment,
                    cwd="/",
                    start_new_session=True,
                ).result()
            except OSError as error:
                raise SandboxError(f"The sandbox cannot be started: {error}.") from None
            self._errors = os.dup(errors.fileno())
        self._control, self._ready = mine, False

    def wait(self) -> None:
        """Wait until the sandbox is warm.

        Raises
        ------
        SandboxError
            If it does not become warm; the text holds what it said last.
        """
        with self._lock:
            if not self._ready:
                self._greet()

    def _greet(self) -> None:
        if self._stopped:
            raise SandboxError("The sandbox was stopped.")
        if self._process is None:
            self._launch()
        try:
            hello = wire.receive(self._control, time.monotonic() + START_SECONDS)
        except (wire.ClosedError, wire.MalformedError, TimeoutError) as error:
            said = self._last_words()
            self.close()
            raise SandboxError(f"The sandbox did not start: {said or error}. Try `cnn-course doctor`.") from None
        if hello.get("threads") != 1:
            self.close()
            raise SandboxError(
                f"The sandbox has {hello.get('threads')} threads after its imports, where a fork needs exactly one. "
                "A package that it imports starts threads; see `warm_up` in autograder/sandbox/worker.py."
            )
        self._ready = True

    def _last_words(self) -> str:
        size = os.fstat(self._errors).st_size
        lines = os.pread(self._errors, 4096, max(0, size - 4096)).decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def job(self, options: JobOptions | None = None) -> Job:
        """Fork a fresh job.

        Parameters
        ----------
        options : JobOptions, optional
            How it differs from others.

        Returns
        -------
        Job

        Raises
        ------
        SandboxError
            If the sandbox neither answers nor can be started again.
        """
        with self._lock:
            self.wait()
            return self._fork(options or JobOptions())

    def _fork(self, options: JobOptions) -> Job:
        for _ in range(2):
            mine, theirs = socket.socketpair()
            number = self._jobs = self._jobs + 1
            settings: dict[str, Any] = {}
            limits = self.limits.settings()
            own = {"NPROC": 16 * limits["NPROC"]} if options.trusted else {}
            own |= {} if options.cpu is None else {"CPU": options.cpu}
            # The memory of an answer is a file to the kernel.
            own |= {"FSIZE": max(limits["FSIZE"], wire.SHARED_ROOM)} if options.large else {}
            if own:
                settings["limits"] = limits | own
            if options.without_data and self.isolation == "bubblewrap":
                settings["private"] = [*launch.private_folders(), *launch.data_folders()]
            if self._scratch is not None:
                folder = tempfile.mkdtemp(prefix="job-", dir=self._scratch)
                if os.geteuid() == 0:
                    os.chown(folder, launch.NOBODY, launch.NOBODY)
                settings["folder"] = folder
            with theirs:
                try:
                    reply = self._order({"start": number, "settings": settings}, theirs)
                except (wire.ClosedError, wire.MalformedError, TimeoutError, OSError):
                    mine.close()
                    self.restart()
                    continue
            if "failed" in reply:
                mine.close()
                raise SandboxError(f"A job could not be isolated: {reply['failed']}.")
            return Job(self, number, mine, self.restarts, settings.get("folder"), large=options.large)
        raise SandboxError("The sandbox stopped answering twice in a row.")

    def end(self, number: int) -> str:
        """End a job with all that it started; return how it ended: an exit code, or minus a signal's number."""
        with self._lock:
            try:
                return str(self._order({"end": number}).get("status", ""))
            except (wire.ClosedError, wire.MalformedError, TimeoutError, OSError):
                self.restart()
                return ""

    def _order(self, order: Mapping[str, Any], channel: socket.socket | None = None) -> dict[str, Any]:
        if self._control is None:
            raise wire.ClosedError("the sandbox is closed")
        deadline = time.monotonic() + ORDER_SECONDS
        self._control.settimeout(ORDER_SECONDS)
        socket.send_fds(self._control, [json.dumps(order).encode()], [channel.fileno()] if channel else [])
        return wire.receive(self._control, deadline)

    def restart(self) -> None:
        """Tear the sandbox down with all its jobs, and start it anew.

        Raises
        ------
        SandboxError
            If it does not start, or was stopped.
        """
        self.close()
        if self._stopped:
            raise SandboxError("The sandbox was stopped.")
        self.restarts += 1
        self._launch()
        self.wait()

    def stop(self) -> None:
        """End the sandbox for good, from whatever thread: whoever waits for it gets an error at once."""
        self._stopped = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the sandbox and all its jobs."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            os.close(self._errors)
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Job:
    """One fork with a socket of its own. Ends at the first answer that is late or malformed.

    Attributes
    ----------
    sandbox : Sandbox
        Where it was forked.
    number : int
    channel : socket.socket
        To it.
    born : int
        How often the sandbox had been restarted then.
    folder : str, optional
        Its own, where it is not isolated.
    ended : str, optional
        How it ended, in words.
    large : bool
        Whether arrays travel in shared memory.
    """

    sandbox: Sandbox
    number: int
    channel: socket.socket
    born: int
    folder: str | None = None
    ended: str | None = None
    large: bool = False
    _requests: int = field(default=0)

    def request(self, message: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and return its reply.

        Parameters
        ----------
        message : mapping
        seconds : float
            Until the whole reply must be there.

        Returns
        -------
        dict

        Raises
        ------
        JobTimeoutError
            If there is no whole reply after ``seconds``.
        JobEndedError
            If the job ended, or sent what is no reply.
        wire.UnsendableError
            If the request is too large. The job goes on.
        """
        if self.ended is not None:
            raise JobEndedError(self.ended)
        self._requests += 1
        deadline = time.monotonic() + seconds
        try:
            exchange = self._exchange_shared if self.large else self._exchange
            reply = exchange({"id": self._requests, **message}, deadline)
            if type(reply.get("id")) is not int or reply["id"] != self._requests:
                raise wire.MalformedError("a reply to another question")
        except TimeoutError:
            self.end()
            raise JobTimeoutError(f"no answer within {seconds:g} seconds") from None
        except wire.MalformedError as error:
            self.end()
            self.ended = f"it sent {error}"
            raise JobEndedError(self.ended) from None
        except (wire.ClosedError, OSError):
            raise JobEndedError(self.end()) from None
        return reply

    def _exchange(self, message: dict[str, Any], deadline: float) -> dict[str, Any]:
        wire.send(self.channel, message, deadline)
        return wire.receive(self.channel, deadline, wire.MAX_REPLY)

    def _exchange_shared(self, message: dict[str, Any], deadline: float) -> dict[str, Any]:
        room = wire.shared_room()
        try:
            wire.ask_shared(self.channel, message, room, deadline)
            return wire.receive(self.channel, deadline, wire.MAX_REPLY, room)
        finally:
            os.close(room)

    @property
    def orphaned(self) -> bool:
        """Whether the sandbox that forked the job is gone, and the job with it."""
        return self.sandbox.restarts != self.born

    def end(self) -> str:
        """End the job with all that it started, and return how it ended in words."""
        if self.ended is None:
            self.channel.close()
            self.ended = _in_words("" if self.orphaned else self.sandbox.end(self.number))
            if self.folder:
                shutil.rmtree(self.folder, ignore_errors=True)
        return self.ended


def _in_words(status: str) -> str:
    if status == USED_UP:
        return "it used up its processor time"
    if not status.lstrip("-").isdigit():
        return "the sandbox stopped"
    code = int(status)
    if code == -signal.SIGKILL:
        return "it was killed, as happens when memory runs out"
    if code < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"it was stopped by the signal {names.get(-code, -code)}"
    return f"it left with exit code {code}"
