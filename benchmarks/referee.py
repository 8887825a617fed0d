"""The first process of a sealed room in which another grader grades one submission: it starts, waits and looks.

It runs as a program, without this package. ``python referee.py '{"student": …, "neighbor": …, "seconds": …}'`` has
stock nbgrader grade a student, and a neighbor where one is named; ``'{"command": […], "result": …, "seconds": …}'``
runs any command, and tells what it wrote into a file. In the room nothing protects the referee but that the first
process of a namespace cannot be killed from within, and that is all it needs: the room is thrown away afterwards, and
what it prints is a measurement and no grade.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

ROOM, COURSE, CODE = Path("/room"), Path("/room/course"), Path("/room/code")
LIMITS = {"AS": 6 * 2**30, "NPROC": 160, "FSIZE": 2**28, "CPU": 120, "NOFILE": 1024, "CORE": 0}
GRACE = 3.0
#: What is read of a result, and of what a command said.
MOST, LAST = 2**25, 2000


def _limit():
    # What takes the whole machine takes less of it from whoever else works there.
    os.nice(10)
    for name, value in LIMITS.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def _others():
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _reap():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _run(command, folder, seconds, said=subprocess.DEVNULL):
    """Run a command to its end or the deadline; return its exit code or None, and whether it left processes."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        start_new_session=True,
        preexec_fn=_limit,
    )
    code = None
    with contextlib.suppress(subprocess.TimeoutExpired):
        code = process.wait(seconds)
    time.sleep(0.5)
    _reap()
    left = bool(_others())
    if left and code is not None:
        # What was left behind may have something to do still.
        time.sleep(GRACE)
    for _ in range(50):
        for pid in _others():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        if not _others():
            break
        time.sleep(0.1)
    return code, left and code is not None


def _scores(student):
    """Return the points of each check in the gradebook, manual ones before automatic ones as nbgrader does, or None."""
    with contextlib.closing(sqlite3.connect(COURSE / "gradebook.db")) as base:
        rows = base.execute(
            "select base_cell.name, grade.auto_score, grade.manual_score from grade "
            "join base_cell on base_cell.id = grade.cell_id "
            "join submitted_notebook n on n.id = grade.notebook_id "
            "join submitted_assignment s on s.id = n.assignment_id "
            "where s.student_id = ? and base_cell.name like 'check_%'",
            (student,),
        ).fetchall()
    found = {name: manual if manual is not None else automatic for name, automatic, manual in rows}
    return found if found and None not in found.values() else None


def _sum(scores):
    return None if scores is None else float(sum(scores.values()))


def _content(folder):
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")) if not folder.is_symlink() else ():
        if path.is_file() and not path.is_symlink() and path.suffix != ".pyc" and path.stat().st_size < 2**28:
            found.update(str(path).encode("utf-8", "surrogateescape") + path.read_bytes())
    return found.hexdigest()


def _written(marker):
    """Return whether there is a file of that name anywhere that can be written."""
    places = ("/room", "/tmp", "/dev/shm", "/var/tmp")
    return any(marker in name for place in places for _, _, names in os.walk(place) for name in names)


def _shown(student, word):
    """Return whether a graded notebook puts out a word."""
    path = COURSE / "assignments" / "autograded" / student / "lab1" / "lab1.ipynb"
    try:
        cells = json.loads(path.read_bytes())["cells"]
    except (OSError, ValueError, KeyError):
        return False
    return any(word in json.dumps(cell.get("outputs", ())) for cell in cells)


def _one_command(told):
    said = ROOM / "said.txt"
    start = time.monotonic()
    with open(said, "wb") as file:
        code, left = _run(told["command"], ROOM, told["seconds"], file)
    result = {"code": code, "seconds": round(time.monotonic() - start, 1), "left": left, "result": None}
    with contextlib.suppress(OSError), open(told["result"], "rb") as file:
        result["result"] = file.read(MOST).decode("utf-8", "replace")
    with contextlib.suppress(OSError):
        result["said"] = said.read_bytes()[-LAST:].decode("utf-8", "replace")
    return result


def _stock(told):
    for source, target in (("/template", COURSE), ("/code", CODE)):
        subprocess.run(["cp", "-a", "--no-preserve=ownership", "--sparse=always", source, target], check=True)
    others = [COURSE / "assignments" / "submitted" / told["neighbor"]] if told["neighbor"] else []
    watched = [CODE, COURSE / "assignments" / "source", *others]
    before = [_content(folder) for folder in watched]
    start = time.monotonic()
    code, left = _run(["nbgrader", "autograde", "lab1"], COURSE, told["seconds"])
    result = {"code": code, "seconds": round(time.monotonic() - start, 1), "left": left}
    try:
        scores, neighbor = (_scores(told[who]) for who in ("student", "neighbor"))
    except sqlite3.Error:
        scores, neighbor = None, None
    result |= {"points": _sum(scores), "neighbor": _sum(neighbor), "scores": scores}
    result["changed"] = [_content(folder) for folder in watched] != before or any(
        (ROOM / "home").glob(".ipython/profile_default/startup/*.py")
    )
    return result | {"wrote": _written(told["marker"]), "read": _shown(told["student"], told["leaked"])}


def main():
    told = json.loads(sys.argv[1])
    # Nobody in the room may look into this process.
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
    print(json.dumps(_one_command(told) if "command" in told else _stock(told)))


if __name__ == "__main__":
    main()
