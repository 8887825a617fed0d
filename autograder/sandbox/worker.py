"""What runs beside a student's code: a warm parent (the zygote) and one child per job that answers questions.

The zygote imports everything once and never runs a student's code. For each job it forks a child with namespaces,
limits and a socket of its own; the child runs cells, answers questions, and takes everything that it started with it
when it ends. Nothing here knows what a right answer is.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import packed, stubs, wire

MAX_TEXT = 20_000
MAX_IMAGE = 2**20
MAX_OUTPUTS = 50
#: Characters of all outputs of one cell, below what a reply may hold.
MAX_CELL = 8 * 2**20
NOBODY = 65534
GOODBYE_SECONDS = 0.3
#: How a job ended that used up its processor time.
USED_UP = "cpu"
#: What a sandbox imports once, before all jobs, where nothing else is said: most notebooks do.
IMPORTS = ("keras", "tensorflow", "scipy.signal")
TRUNCATED = "\n… the rest of this output was left out.\n"

# From the kernel's headers: linux/sched.h, linux/mount.h, linux/prctl.h.
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x08000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 0x20, 0x1000, 0x4000
MS_PRIVATE, _PROC_FLAGS = 0x40000, MS_NOSUID | MS_NODEV | MS_NOEXEC
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAP_AMBIENT = 1, 4, 22, 47
PR_CAP_AMBIENT_CLEAR_ALL, SECCOMP_MODE_FILTER, CAPABILITY_VERSION_3 = 4, 2, 0x20080522


class NoAnswerError(Exception):
    """There is no answer to a question. The text is for the student."""


def answer(
    functions: Mapping[str, Any], function: str, args: tuple, most: int = wire.MAX_FRAME
) -> tuple[Any, tuple[int, ...]]:
    """Call one function of a namespace on copies of the arguments.

    Parameters
    ----------
    functions : mapping of str to object
        The namespace.
    function : str
        The name to look up.
    args : tuple
        Plain values (see `wire.plain`).
    most : int
        The largest array that it may return, in bytes.

    Returns
    -------
    value : array, number, str, or a list, tuple or dict of these
    modified : tuple of int
        Positions of the arguments that the function changed in place.

    Raises
    ------
    NoAnswerError
        If the function is missing, is none, raised, or returned what cannot be sent.
    """
    if function not in functions:
        raise NoAnswerError(f"There is no function {function} yet. Run the cell that defines it, then check again.")
    target = functions[function]
    if not callable(target):
        kind = type(target).__name__
        raise NoAnswerError(f"{function} is not a function but {kind}. Did a variable take its name?")
    mine = wire.copy(args)
    try:
        # A warning is no fault, even where the notebook turned warnings into errors. NumPy warns as it does by itself.
        with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
            warnings.simplefilter("ignore")
            value = wire.plain(target(*mine), most=most)
    except wire.UnsendableError as error:
        raise NoAnswerError(f"{function} returned {error}") from None
    except (Exception, SystemExit) as error:
        raise NoAnswerError(wire.describe(function, error)) from None
    return value, wire.differing(args, mine)


# --- the child: cells and questions ---------------------------------------------------------------------------


class Shell:
    """IPython's shell without history, with the outputs of a cell collected instead of printed."""

    def __init__(self) -> None:
        import matplotlib
        from IPython.core.interactiveshell import InteractiveShell
        from matplotlib_inline.backend_inline import configure_inline_support, flush_figures
        from traitlets.config import Config

        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        self.shell = InteractiveShell.instance(config=config)
        configure_inline_support(self.shell, "module://matplotlib_inline.backend_inline")
        self.shell.events.register("post_execute", flush_figures)
        matplotlib.interactive(True)
        self.error: dict[str, Any] | None = None
        self.shell._showtraceback = self._keep_traceback
        # `%matplotlib inline` stands in many notebooks, or another way to show figures: here they are always inline.
        self.shell.enable_gui = lambda gui=None: None
        self.shell.enable_matplotlib = lambda gui=None: ("inline", "module://matplotlib_inline.backend_inline")
        transformer = self.shell.input_transformer_manager
        transformer.do_token_transforms = functools.partial(_without_magics, transformer.do_token_transforms)
        self.console: int | None = None

    def _keep_traceback(self, etype: type, evalue: BaseException, traceback: list[str]) -> None:
        self.error = {
            "ename": str(etype.__name__)[:200],
            "evalue": str(evalue)[:MAX_TEXT],
            "traceback": "\n".join(map(str, traceback))[-MAX_TEXT:],
        }

    def run(self, source: str) -> dict[str, Any]:
        """Run one cell and return its outputs and its error."""
        from IPython.core.error import UsageError
        from IPython.utils.capture import capture_output

        self.error = None
        with capture_output() as captured:
            # The shell puts its own hook back for each cell; a cell's last value is to be collected as well.
            self.shell.display_trap.hook = sys.displayhook
            result = self.shell.run_cell(source, store_history=False)
        # A magic that is not there ends its cell too, but IPython only prints that.
        failed = getattr(result, "error_in_exec", None)
        if self.error is None and isinstance(failed, UsageError):
            self._keep_traceback(UsageError, failed, [f"UsageError: {failed}"])
        outputs: list[dict[str, Any]] = []
        for name, text in (("stdout", captured.stdout), ("stderr", captured.stderr), ("stdout", self._printed())):
            if text:
                outputs.append({"stream": name, "text": text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + TRUNCATED})
        room = MAX_CELL
        for shown in captured.outputs[:MAX_OUTPUTS]:
            data = {str(kind): _text(value) for kind, value in shown.data.items()}
            room -= sum(map(len, data.values()))
            outputs.append({"data": data if room >= 0 else {"text/plain": TRUNCATED}})
        return {"outputs": outputs, "error": self.error}

    def load(self, source: str) -> dict[str, Any]:
        """Run a cell of the course after the student's: no line of it is shown as one of theirs."""
        try:
            exec(compile(source, "the check", "exec"), self.shell.user_ns)
        except Exception as error:
            self._keep_traceback(type(error), error, [])
            return {"outputs": [], "error": self.error}
        return {"outputs": [], "error": None}

    def redirect(self, path: str) -> None:
        """Send what is written to descriptors 1 and 2 to a file, so that a cell's ``!command`` is seen too."""
        self.console = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.dup2(self.console, 1)
        os.dup2(self.console, 2)

    def _printed(self) -> str:
        if self.console is None:
            return ""
        written = os.pread(self.console, MAX_TEXT + 1, 0)
        if written:
            os.ftruncate(self.console, 0)
        return written.decode("utf-8", "replace")


def _without_magics(otherwise: Callable[[list[str]], list[str]], lines: list[str]) -> list[str]:
    """Return a cell as it is where it is plain Python: no magic is in it, and IPython looks longer than it runs."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse("".join(lines))
        return lines
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return otherwise(lines)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii") if len(value) <= MAX_IMAGE else ""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 2 * MAX_IMAGE else text[:MAX_TEXT] + TRUNCATED


def serve(shell: Shell, channel: socket.socket) -> None:
    """Answer requests until the other side closes.

    They are ``{"id", "run": source}``, or ``load`` for a cell of the course, ``{"id", "ask": name, "args"}`` and, for
    many questions to one function at once, ``{"id", "ask": name, "all", "arrays"}`` with what `packed.Questions` packs.

    Parameters
    ----------
    shell : Shell
    channel : socket.socket
    """
    while True:
        # Of a request with large arrays: the memory that holds them, and that for the answer's.
        came: list[int] = []
        try:
            request = wire.receive(channel, came=came)
        except wire.ClosedError:
            return
        reply: dict[str, Any] = {"id": request["id"]}
        stubs.noted.clear()
        if "run" in request:
            reply |= shell.run(request["run"])
        elif "load" in request:
            reply |= shell.load(request["load"])
        elif "file" in request:
            _write(request["file"], request["bytes"])
        else:
            with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                most = wire.MAX_SHARED if came else wire.MAX_FRAME
                if "all" in request:
                    questions = packed.unpack(request["all"], request["arrays"])
                    reply |= _replies(shell.shell.user_ns, request["ask"], questions, most)
                else:
                    reply |= _reply(shell.shell.user_ns, request["ask"], request["args"], most)
        reply["noted"] = list(stubs.noted)
        try:
            if came:
                wire.answer_shared(channel, reply, came[1])
            else:
                wire.send(channel, reply, most=wire.MAX_REPLY)
        except wire.UnsendableError as error:
            wire.send(channel, {"id": request["id"], "error": f"{request.get('ask', 'The cell')} returned {error}"})
        for descriptor in came:
            os.close(descriptor)


def _reply(functions: Mapping[str, Any], function: str, args: tuple, most: int) -> dict[str, Any]:
    try:
        value, modified = answer(functions, function, args, most)
    except NoAnswerError as error:
        return {"error": str(error)}
    return {"value": value, "modified": list(modified)}


def _replies(functions: Mapping[str, Any], function: str, questions: list[tuple], most: int) -> dict[str, Any]:
    """Return the answers to many questions: arrays by their shapes and numbers, and by position what is no array."""
    replies = [_reply(functions, function, args, most) for args in questions]
    shapes, numbers = packed.flattened([reply.get("value") for reply in replies])
    others = [
        [k, {name: value for name, value in reply.items() if name != "value" or shapes[k] is None}]
        for k, reply in enumerate(replies)
        if shapes[k] is None or reply["modified"]
    ]
    return {"shapes": shapes, "numbers": numbers, "others": others}


def _write(name: str, content: np.ndarray) -> None:
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        try:
            with open(name, "wb") as file:
                file.write(content.tobytes())
        except OSError:
            # A part of it would only take the room of what the cells write.
            os.remove(name)


# --- becoming a child -----------------------------------------------------------------------------------------


def _system(name: str, *args: Any) -> None:
    plain = [argument.encode() if isinstance(argument, str) else argument for argument in args]
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*plain) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}{args}: {os.strerror(code)}")


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _private_mounts(folders: list[str], megabytes: int) -> None:
    _system("mount", None, "/", None, MS_REC | MS_PRIVATE, None)
    for folder in folders:
        _system("mount", "tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, f"size={megabytes}m,mode=0700,nr_inodes=10k")
    _system("mount", "proc", "/proc", "proc", _PROC_FLAGS, None)


def _drop_privileges(seccomp: bytes) -> None:
    _system("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _system("capset", header, (ctypes.c_uint32 * 6)())
    code = ctypes.create_string_buffer(seccomp, len(seccomp))
    program = _Program(len(seccomp) // 8, ctypes.addressof(code))
    _system("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


def _limit(limits: Mapping[str, int]) -> None:
    # Not at the top: students' notebooks import this module too, on systems without these limits.
    import resource

    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _child(shell: Shell, channel: socket.socket, settings: Mapping[str, Any], seccomp: bytes) -> None:
    """Turn this process into the job's own world and serve; never returns."""
    code = 1
    try:
        _system("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # Python's own handlers of the zygote must not run here, and an interrupt must reach the cell.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            if descriptor > 2 and descriptor != channel.fileno():
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        # A signal to the process group crosses namespaces, so the job must not share the zygote's.
        os.setsid()
        if settings["isolated"]:
            _private_mounts(settings["private"], settings["megabytes"])
        os.chdir(settings["folder"])
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
        if settings["isolated"]:
            # Or the job could take that back, and the next to run out of memory would be somebody else.
            _system("mount", None, "/proc", None, MS_REMOUNT | MS_BIND | MS_RDONLY | _PROC_FLAGS, None)
        _limit(settings["limits"])
        if settings["isolated"]:
            _drop_privileges(seccomp)
        elif os.geteuid() == 0:
            # No limit on processes holds for root, and a job has no business with root's files.
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        shell.redirect(os.path.join(settings["folder"], ".console"))
        sys.path.insert(0, "")
        # A student's own module of the name of this package is the one that they mean.
        sys.modules.pop(__package__, None)
        serve(shell, channel)
        code = 0
    except wire.ClosedError:
        code = 0
    finally:
        os._exit(code)


def _start(
    shell: Shell, channel: socket.socket, settings: Mapping[str, Any], seccomp: bytes, home: int | None
) -> tuple[int, int]:
    """Fork a job; return its pid and a descriptor that becomes readable when it has ended.

    A new process namespace holds for children only, so the zygote makes one, forks, and comes back to its own, which
    is open as ``home``.
    """
    if home is not None:
        _system("unshare", CLONE_NEWPID)
    reading, writing = os.pipe()
    job = os.fork()
    if job == 0:
        if home is not None:
            try:
                _system("unshare", CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET)
            except OSError as error:
                os.write(writing, str(error).encode())
                os._exit(1)
        _child(shell, channel, settings, seccomp)
    os.close(writing)
    channel.close()
    if home is not None:
        _system("setns", home, CLONE_NEWPID)
    # Its end of the pipe is closed with all others once it has its namespaces.
    with open(reading, "rb") as told:
        failed = told.read()
    if failed:
        os.waitpid(job, 0)
        raise OSError(failed.decode())
    return job, os.pidfd_open(job)


def _end(job: int, ended: int, cpu: int, isolated: bool) -> str:
    """End a job with all that it started; return its exit code, minus the number of a signal, or `USED_UP`."""
    # One that ends by itself is given the time to say how.
    if not select.select([ended], [], [], GOODBYE_SECONDS)[0]:
        os.kill(job, signal.SIGKILL)
    os.waitid(os.P_PID, job, os.WEXITED | os.WNOWAIT)
    if not isolated:
        with contextlib.suppress(OSError):
            os.killpg(job, signal.SIGKILL)
    os.close(ended)
    _, status, used = os.wait4(job, 0)
    code = os.waitstatus_to_exitcode(status)
    # The kernel kills at that limit as it does when memory runs out, and the signal that would tell before does not
    # reach the first process of a namespace. What it counts differs by some percent from what it reports.
    return USED_UP if code < 0 and used.ru_utime + used.ru_stime > 0.8 * cpu else str(code)


# --- the zygote -----------------------------------------------------------------------------------------------


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() has nobody to answer it while grading. Put the value into the cell instead.")


def _stand_in() -> types.ModuleType:
    """Return what ``import autograder`` gives inside the sandbox, so that the notebook's set-up cell works."""
    module = types.ModuleType("autograder", "Stands in for the grader, which runs outside.")

    def open_lab(name: str, functions: Mapping[str, Any]) -> Any:
        def check(*_: Any, **__: Any) -> None:
            print("While grading, checks run outside the notebook.")

        return check

    module.open_lab = open_lab
    return module


def warm_up(imports: Sequence[str], notebooks: bool) -> Shell:
    """Import what is used and pay for every first time once, before any fork.

    Parameters
    ----------
    imports : sequence of str
        Modules that are imported first.
    notebooks : bool
        Whether most jobs are notebooks: these use more than the course's answers do.

    Returns
    -------
    Shell
    """
    import builtins

    for name in imports:
        importlib.import_module(name)
    sys.modules["autograder"] = _stand_in()
    builtins.input = _no_input
    shell = Shell()
    # A job may not be able to read what the first cell and its error import.
    shell.run("1 / 0")
    if notebooks:
        import matplotlib.pyplot as plt
        import pandas  # noqa: F401
        import scipy.ndimage
        import scipy.special  # noqa: F401
        import skimage.transform
        import skimage.util  # noqa: F401
        from skimage.measure import block_reduce  # noqa: F401

        shell.run("import matplotlib.pyplot as _plt; _plt.plot([0, 1]); _plt.title('$x$'); _plt.show()")
        plt.close("all")
    shell.shell.reset(new_session=False)
    return shell


def _own_processes() -> int:
    """Go on in a process namespace that belongs to this user, as only to such a one there is a way back; open it."""
    _system("unshare", CLONE_NEWPID)
    zygote = os.fork()
    if zygote != 0:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(zygote, 0)[1]) & 0xFF)
    _system("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


def main() -> None:
    """Serve the trusted side: start a job on a socket that comes along, end a job, say how it ended."""
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=settings.pop("control"))
    seccomp = base64.b64decode(settings.pop("seccomp"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    home = _own_processes() if settings["isolated"] else None
    without = settings.pop("without")
    stubs.install(without)
    # Notebooks run where the packages of the lab are only stand-ins, but for a few that need them.
    shell = warm_up(settings.pop("imports"), notebooks=bool(without))
    threads = len(os.listdir("/proc/self/task"))
    gc.collect()
    gc.freeze()
    wire.send(control, {"ready": True, "threads": threads})
    jobs: dict[int, tuple[int, int, int]] = {}
    while True:
        try:
            order, channels, _, _ = socket.recv_fds(control, 4096, 1)
        except ConnectionResetError:
            return
        if not order:
            return
        request = json.loads(order)
        if "start" in request:
            try:
                job = settings | request.get("settings", {})
                started = _start(shell, socket.socket(fileno=channels[0]), job, seccomp, home)
                jobs[request["start"]] = (*started, job["limits"]["CPU"])
                wire.send(control, {"started": request["start"]})
            except OSError as error:
                wire.send(control, {"failed": str(error)})
        else:
            status = _end(*jobs.pop(request["end"]), settings["isolated"])
            wire.send(control, {"ended": request["end"], "status": status})


if __name__ == "__main__":
    main()
