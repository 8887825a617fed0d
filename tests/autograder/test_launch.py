"""What a job in the sandbox sees and may do: tried from inside, as a student's code would."""

import os
import sys
from pathlib import Path

import pytest

from autograder.sandbox import launch
from autograder.sandbox.launch import SandboxError, private_folders, probe, refuse_to_show
from autograder.sandbox.pool import Sandbox

ROOT = Path(__file__).resolve().parents[2]
EXCHANGE = Path(launch.EXCHANGE)


@pytest.fixture(scope="module")
def job(sandbox):
    fresh = sandbox.job()
    yield fresh
    fresh.end()


def says(job, expression):
    reply = job.request({"run": f"import os, sys, socket, glob\nprint({expression})"}, 20)
    if reply["error"]:
        return reply["error"]["ename"]
    return "".join(output.get("text", "") for output in reply["outputs"]).strip()


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "assignments" / "lab1" / "lab1.md",
        ROOT / "autograder" / "labs" / "lab1" / "checks.py",
        ROOT / "autograder" / "labs" / "lab1" / "reference.py",
        ROOT / "autograder" / "labs" / "lab1" / "faults.py",
        ROOT / "nbgrader_config.py",
        ROOT / "README.md",
        Path.home() / ".bashrc",
        Path("/etc/passwd"),
        Path("/etc/shadow"),
        Path("/var/log"),
    ],
)
def test_what_is_not_the_job_s_is_not_there(job, path):
    assert says(job, f"os.path.exists({str(path)!r})") == "False"


def test_the_grader_is_not_importable(job):
    assert says(job, "sys.modules['autograder'].__doc__") == "Stands in for the grader, which runs outside."
    assert says(job, "__import__('importlib').import_module('autograder.labs.lab1.checks')") == "ModuleNotFoundError"


def test_a_job_is_nobody_without_capabilities(job):
    assert says(job, "os.getuid() != 0 and os.getgid() != 0") == "True"
    status = says(job, "open('/proc/self/status').read()")
    told = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    assert {told[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert told["NoNewPrivs"].strip() == "1" and told["Seccomp"].strip() == "2"


def test_a_job_sees_its_own_processes_only(job):
    assert says(job, "sorted(int(p) for p in os.listdir('/proc') if p.isdigit())") == "[1]"


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket()",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_INET6)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.create_connection(('127.0.0.1', 22), 1)",
        "os.setuid(0)",
        "os.chroot('/')",
        "os.open('/usr/planted', os.O_CREAT | os.O_WRONLY)",
        "os.open('/planted', os.O_CREAT | os.O_WRONLY)",
        "os.open('/dev/planted', os.O_CREAT | os.O_WRONLY)",
        "os.open(os.path.join(sys.prefix, 'planted'), os.O_CREAT | os.O_WRONLY)",
        "os.open('/course/source_lib/planted.py', os.O_CREAT | os.O_WRONLY)",
        "os.open('/course/sandbox/worker.py', os.O_WRONLY)",
        "os.mknod('disk', 0o60600, os.makedev(8, 0))",
    ],
)
def test_what_a_job_must_not_do_fails(job, attempt):
    assert says(job, attempt) in ("PermissionError", "OSError", "FileNotFoundError")


@pytest.mark.parametrize(
    "command",
    [
        "unshare --user true",
        "unshare --mount true",
        "mount -t tmpfs none /tmp",
        "umount /proc",
        "nsenter --target 1 --mount true",
        "mount -o remount,rw /usr",
        "hostname other",
        "bwrap --ro-bind / / true",
    ],
)
def test_a_program_gets_no_further(job, command):
    code = f"import subprocess\nprint(subprocess.run({command.split()!r}, capture_output=True).returncode)"
    reply = job.request({"run": code}, 20)
    if reply["error"] is None:
        assert reply["outputs"][0]["text"].strip() != "0"
    else:
        assert reply["error"]["ename"] == "FileNotFoundError"


def test_a_child_cannot_be_traced_nor_the_kernel_s_keys_be_used(job):
    source = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "libc.ptrace(0, 0, 0, 0), ctypes.get_errno(), libc.syscall(250, 0, -3, 1), libc.syscall(425, 1, 0)"
    )
    reply = job.request({"run": source}, 20)
    assert "(-1, 1, -1, -1)" in str(reply["outputs"])


def test_two_jobs_share_nothing(sandbox):
    first, second = sandbox.job(), sandbox.job()
    listen = "import socket\nheard = socket.socket(socket.AF_UNIX)\nheard.bind('\\0meeting')\nheard.listen()"
    assert first.request({"run": listen}, 10)["error"] is None
    meet = "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0meeting')"
    assert second.request({"run": meet}, 10)["error"]["ename"] == "ConnectionRefusedError"
    first.end()
    second.end()


def test_the_interpreter_s_own_folder_is_never_covered():
    assert "/dev/shm" in private_folders()
    covered = [folder for folder in private_folders() if sys.prefix.startswith(folder + "/")]
    assert covered == []


@pytest.mark.parametrize("place", [sys.prefix, f"{sys.prefix}/share/course", "/usr/local/courses/cnn"])
def test_a_course_that_the_sandbox_would_show_is_refused(place):
    with pytest.raises(SandboxError, match="students' code could read .* Keep the course elsewhere"):
        refuse_to_show(Path(place))


def test_a_course_beside_its_environment_is_fine(tmp_path):
    refuse_to_show(Path(sys.prefix).parent)
    refuse_to_show(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make nbgrader's exchange")
def test_the_exchange_of_nbgrader_is_not_seen(sandbox_works):
    made = not EXCHANGE.exists()
    EXCHANGE.mkdir(parents=True, exist_ok=True)
    (EXCHANGE / "planted").touch()
    try:
        with Sandbox(imports=()) as own:
            assert says(own.job(), f"os.listdir({str(EXCHANGE)!r})") == "[]"
    finally:
        (EXCHANGE / "planted").unlink()
        if made:
            EXCHANGE.rmdir()


def test_a_missing_bubblewrap_is_explained(monkeypatch):
    monkeypatch.setattr("autograder.sandbox.launch.SYSTEM_PATH", "/nowhere")
    assert "apt-get install bubblewrap" in probe()
    with pytest.raises(SandboxError, match="bubblewrap"):
        Sandbox()


def test_an_unknown_isolation_is_refused():
    with pytest.raises(SandboxError, match="choose bubblewrap or process"):
        Sandbox("docker")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_as_root_a_process_job_is_nobody():
    with Sandbox("process", imports=()) as own:
        reply = own.job().request({"run": "import os\nprint(os.getuid(), os.geteuid(), os.getgroups())"}, 10)
        assert reply["outputs"][0]["text"].strip() == "65534 65534 []"
