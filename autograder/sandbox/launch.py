"""How the worker is started: the command that isolates it, what it sees, and the system calls that it may make."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import shutil
import site
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from autograder.errors import UserError
from source_lib.data.data_generator import DATASETS
from source_lib.data.locations import DATA_VARIABLE, keras_cache
from source_lib.tensorflow_settings import QUIET

NOBODY = 65534
JOB = "/course/job"
HOME = "/course/home"
EXCHANGE = "/usr/local/share/nbgrader"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INSTALL = (
    "Install it with `apt-get install bubblewrap` (or your distribution's package of that name), or grade trusted code "
    "with `--isolation process`, which limits resources and protects nothing."
)


#: Calls that a notebook never needs and an escape from the sandbox does.
DENIED_CALLS = """
    acct add_key bpf chroot clone3 delete_module fanotify_init finit_module fsconfig fsmount fsopen fspick init_module
    io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie
    mount mount_setattr move_mount name_to_handle_at nfsservctl open_by_handle_at open_tree open_tree_attr
    perf_event_open personality pidfd_getfd pivot_root process_vm_readv process_vm_writev ptrace quotactl reboot
    request_key setdomainname sethostname setns settimeofday swapoff swapon syslog umount2 unshare userfaultfd vhangup
    vmsplice
""".split()  # noqa: SIM905


class SandboxError(UserError):
    """The sandbox cannot be started here. The text says why and what to do."""


def filter_program() -> bytes:
    """Return the system-call filter of a job as classic BPF.

    Raises
    ------
    SandboxError
        If libseccomp is missing.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError) as error:
        raise SandboxError(
            f"The system-call filter cannot be built ({error}). Install libseccomp, on Debian and Ubuntu with "
            "`apt-get install libseccomp2`, and the package pyseccomp."
        ) from None
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    for call in DENIED_CALLS:
        # clone3 hides its flags from a filter; without it the C library falls back to clone. A call that this
        # machine's kernel or processor does not have needs no rule.
        code = 38 if call == "clone3" else 1
        with contextlib.suppress(ValueError, OSError):
            rules.add_rule(seccomp.ERRNO(code), call)
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        rules.add_rule(seccomp.ERRNO(1), "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    # Only sockets between processes of the same job.
    rules.add_rule(seccomp.ERRNO(1), "socket", seccomp.Arg(0, seccomp.NE, int(socket.AF_UNIX)))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def environment(home: Path, course: Path) -> dict[str, str]:
    """Return the environment variables of a job.

    Parameters
    ----------
    home : pathlib.Path
        Its home folder.
    course : pathlib.Path
        The folder that holds the packages for the worker.

    Returns
    -------
    dict of str to str
    """
    return {
        "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
        "HOME": str(home),
        "USER": "student",
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(course),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "" if site.ENABLE_USER_SITE else "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        **QUIET,
        "CUDA_VISIBLE_DEVICES": "-1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "IPYTHONDIR": f"{home}/.ipython",
        "KERAS_HOME": f"{home}/.keras",
        # Without a network, trying again takes eight seconds for each package.
        "PIP_RETRIES": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _course_folders() -> dict[str, Path]:
    """Return the packages that the worker imports beside the environment's own, by name."""
    import source_lib

    return {"sandbox": Path(__file__).resolve().parent, "source_lib": Path(source_lib.__file__).resolve().parent}


def _package_folders(packages: Iterable[str]) -> list[str]:
    """Return the folders of installed packages, found without importing them."""
    specs = [importlib.util.find_spec(package) for package in packages]
    return [folder for spec in specs if spec is not None for folder in spec.submodule_search_locations or ()]


def course_links(scratch: Path) -> Path:
    """Make the folder that holds the packages for a worker without a sandbox, and return it."""
    course = scratch / "course"
    course.mkdir()
    for name, folder in _course_folders().items():
        (course / name).symlink_to(folder)
    return course


def bubblewrap(without: Iterable[str] = ()) -> list[str]:
    """Return the command that runs what follows it unprivileged and with nothing but the packages in sight.

    Packages ``without`` are not in sight.
    """
    binds = _binds()
    # The zygote gives each job namespaces of its own; the job gives the capability up before any cell runs.
    arguments = ["--cap-add", "CAP_SYS_ADMIN"]
    # A copy that is installed rather than linked would show the checks; they are no secret, but no help either.
    for packages in {os.path.dirname(_course_folders()["source_lib"]), *_site_packages()}:
        if any(packages == target or packages.startswith(target + "/") for target in binds):
            inside = os.path.join(packages, "autograder")
            arguments += ["--tmpfs", inside] if os.path.isdir(inside) else []
    for folder in [*_package_folders(without), *(f"/course/{name}" for name in without)]:
        if any(folder == target or folder.startswith(target + "/") for target in binds):
            arguments += ["--tmpfs", folder]
    for folder in [JOB, HOME, *(["/tmp"] if "/tmp" in private_folders() else [])]:
        arguments += ["--tmpfs", folder]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--chdir", JOB]
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return enclosed(binds, environment(Path(HOME), Path("/course")), arguments)


def enclosed(binds: Mapping[str, str], environment: Mapping[str, str], arguments: Iterable[str]) -> list[str]:
    """Return the command that runs what follows it unprivileged, in namespaces of its own.

    Parameters
    ----------
    binds : mapping of str to str
        What is in sight, and cannot be written: the path inside, and the one outside.
    environment : mapping of str to str
        All of it.
    arguments : iterable of str
        Further ones of bubblewrap, which come after the binds.

    Raises
    ------
    SandboxError
        If a program is missing that this needs.
    """
    tools = ["bwrap"] + (["setpriv", "unshare", "mount"] if os.geteuid() == 0 else [])
    for tool in tools:
        if shutil.which(tool, path=SYSTEM_PATH) is None:
            raise SandboxError(f"The sandbox needs `{tool}`, which is not installed. {_INSTALL}")
    binds = dict(binds)
    command = ["--unshare-all", "--unshare-user", "--disable-userns", "--new-session", "--die-with-parent"]
    command += ["--clearenv"]
    for name, value in environment.items():
        command += ["--setenv", name, value]
    for link in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(link):
            command += ["--symlink", os.readlink(link), link]
        elif os.path.isdir(link):
            binds.setdefault(link, link)
    stage = "/mnt" if os.geteuid() == 0 else None
    for number, (target, source) in enumerate(binds.items()):
        command += ["--ro-bind", f"{stage}/{number}" if stage else source, target]
    # nbgrader's exchange, where students of the same machine leave their work, lies in what the sandbox sees of /usr.
    if os.path.isdir(EXCHANGE):
        command += ["--tmpfs", EXCHANGE]
    command += [*arguments, "--"]
    if stage is None:
        return ["bwrap", *command]
    # As the host's root, bwrap would leave the job root's files: become nobody first. Folders that nobody cannot
    # enter are bound to one that it can, in a mount namespace that ends with this process.
    steps = [f"mount -t tmpfs -o mode=755 tmpfs {stage}"]
    for number, source in enumerate(binds.values()):
        make = "mkdir" if os.path.isdir(source) else "touch"
        steps += [f"{make} {stage}/{number}", f"mount --bind {shlex.quote(source)} {stage}/{number}"]
    drop = f"exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --inh-caps=-all --no-new-privs"
    script = " && ".join([*steps, f'{drop} bwrap "$@"'])
    return ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, "sh", *command]


def _site_packages() -> list[str]:
    folders = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    return [os.path.realpath(folder) for folder in folders if os.path.isdir(folder)]


def interpreter() -> dict[str, str]:
    """Return the folders of the system's programs, the interpreter and its packages, each bound to its own place."""
    binds = {"/usr": "/usr"}
    for folder in (sys.base_prefix, sys.prefix, *_site_packages()):
        if not any(folder == target or folder.startswith(target + "/") for target in binds):
            binds[folder] = folder
    # A virtual environment's links lead to the folder that holds the real interpreter.
    real = os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))
    if not any(real == target or real.startswith(target + "/") for target in binds):
        binds[real] = real
    return binds


def _binds() -> dict[str, str]:
    """Return what the sandbox sees, target by target."""
    return interpreter() | {f"/course/{name}": str(folder) for name, folder in _course_folders().items()}


def refuse_to_show(folder: Path) -> None:
    """Refuse where the sandbox would see a folder, because Python or one of its packages lies around it.

    Raises
    ------
    SandboxError
        With the folder that is in the way and what to do.
    """
    for source in _binds().values():
        if folder.resolve().is_relative_to(os.path.realpath(source)):
            raise SandboxError(
                f"The sandbox needs {source}, and the course lies in it: students' code could read {folder}. Keep the "
                "course elsewhere, with Python's environment in a folder of its own, for example .venv."
            )


def private_folders() -> list[str]:
    """Return the folders that each job gets empty and writable: all but those that hold the interpreter."""
    free = not any(target == "/tmp" or target.startswith("/tmp/") for target in _binds())
    return [JOB, HOME, "/dev/shm", *(["/tmp"] if free else [])]


def data_folders() -> list[str]:
    """Return the folders that the sandbox sees and that hold the files of data sets, real ones or samples."""
    packages = [dataset.sample_folder.partition("/") for dataset in DATASETS.values() if dataset.sample_folder]
    folders = [os.path.join(place, rest) for name, _, rest in packages for place in _package_folders([name])]
    folders += [os.environ.get(DATA_VARIABLE, ""), str(keras_cache())]
    seen = [os.path.realpath(folder) for folder in folders if folder and os.path.isdir(folder)]
    return [folder for folder in seen if any(folder.startswith(target + "/") for target in _binds())]


def probe(isolation: str = "bubblewrap") -> str | None:
    """Return None where the sandbox works here, found out by running it, else the reason why not."""
    try:
        if isolation == "bubblewrap":
            filter_program()
            run = subprocess.run(
                [*bubblewrap(), "/usr/bin/env", "true"], env={"PATH": SYSTEM_PATH}, capture_output=True, timeout=30
            )
            if run.returncode != 0:
                said = run.stderr.decode("utf-8", "replace").strip().splitlines()
                return (
                    f"bubblewrap is installed but makes no sandbox here ({said[-1] if said else 'no reason given'}). "
                    "Unprivileged user namespaces may be switched off: see `sysctl kernel.unprivileged_userns_clone` "
                    "and, on Ubuntu, `sysctl kernel.apparmor_restrict_unprivileged_userns`."
                )
    except SandboxError as error:
        return str(error)
    except subprocess.TimeoutExpired:
        return "bubblewrap did not answer within 30 seconds."
    return None
