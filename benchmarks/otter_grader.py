"""otter-grader as another grader: its environment, its tests of the lab, and a submission as it takes it.

The tests are those that an instructor with the lab's rubric would write: a test file for each function, and in it a
test case for each line with the line's points, which compares the answers to the questions that the line asks with the
reference's by ``numpy.testing.assert_allclose``. Lines that ask for something else than numbers have a test of their
own: that an error is raised, a shape, a finite number, that inputs are left as they were, a time. The questions are
those that the course draws for one seed.

``otter run`` grades in the process that it is started in and a kernel beside it, without isolation. So each submission
is graded in a sealed room, as for stock nbgrader, which protects the machine and tells the grader nothing.
"""

from __future__ import annotations

import base64
import copy
import functools
import hashlib
import json
import os
import pickle
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

from autograder.checking.compare import ATOL, RTOL
from autograder.checking.lab import Lab
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Answer, NotebookStudent
from autograder.errors import UserError
from autograder.grading.grade import generator
from autograder.sandbox import launch
from autograder.submissions.cells import EXPLORE
from benchmarks.grader import SEED, WORKERS, GradeAll, NoGradeError, one_by_one
from benchmarks.grading import LAB
from benchmarks.hostile import sealed

REQUIREMENTS = Path(__file__).with_name("otter_requirements.txt")
ENVIRONMENT = Path(__file__).with_name("environments") / "otter"
#: Of the whole of ``otter run`` for one submission, in seconds.
DEADLINE = 180
#: What is larger than this nobody uploads, and no notebook of this lab is larger than that, in bytes.
_MOST, _LARGE = 2**28, 2**24

#: What the setup cell imports that answers must not use: it is not installed where otter grades.
_FORBIDDEN_IMPORT = re.compile(rf"^(import|from)\s+({'|'.join(LAB.forbidden)})\b.*\n?", re.MULTILINE)
_OPEN_LAB = re.compile(r"^check = open_lab\(.*\)[ \t]*$", re.MULTILINE)
_CHECK = re.compile(r"^check\(\"(\w+)\"\)[ \t]*$", re.MULTILINE)
_IGNORED = "otter_ignore"


class NoEnvironmentError(UserError):
    """There is no environment with otter here. The text says how to make one."""


# The environment.


def environment(make: bool = True) -> Path:
    """Return the folder of the environment with otter, made from the pinned requirements where it is not there.

    Parameters
    ----------
    make : bool
        Make it, with pip, which needs the network.

    Raises
    ------
    NoEnvironmentError
        If it is not there and may not or cannot be made.
    """
    wanted, ready = REQUIREMENTS.read_bytes(), ENVIRONMENT / "ready"
    if ready.is_file() and ready.read_bytes() == wanted:
        return ENVIRONMENT
    if not make:
        raise NoEnvironmentError(
            f"There is no {ENVIRONMENT} with what {REQUIREMENTS.name} names. "
            "`python -m benchmarks --only graders` makes it."
        )
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    steps = (
        [sys.executable, "-m", "venv", ENVIRONMENT],
        [ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS],
    )
    for step in steps:
        ended = subprocess.run(step, capture_output=True, text=True)
        if ended.returncode:
            said = (ended.stderr.strip() or ended.stdout.strip())[-1000:]
            raise NoEnvironmentError(f"The environment with otter cannot be made. {step[2]} {step[3]} said:\n{said}")
    ready.write_bytes(wanted)
    return ENVIRONMENT


def version() -> str:
    """Return the version of otter that is pinned."""
    return re.search(r"^otter-grader==(\S+)$", REQUIREMENTS.read_text(), re.MULTILINE)[1]


# The tests.

_PRELUDE = '''\
"""{title}"""

import base64
import copy
import pickle
import time

import numpy as np
from otter.test_files import test_case
from scipy.signal import convolve2d

OK_FORMAT = False
name = "{function}"
points = None

# By line: what the function is called with, and what the reference answers, None where it raises an error.
QUESTIONS = pickle.loads(base64.b64decode("{questions}"))


def called(function, arguments):
    return function(*copy.deepcopy(arguments))


def same_numbers(got, expected):
    got, expected = np.asarray(got, dtype="float64"), np.asarray(expected, dtype="float64")
    assert got.shape == expected.shape, f"the shape is {{got.shape}} and not {{expected.shape}}"
    np.testing.assert_allclose(got, expected, rtol={rtol:g}, atol={atol:g})


def raises(function, arguments):
    try:
        called(function, arguments)
    except Exception:
        return True
    return False
'''

_NUMBERS = """\
    for arguments, expected in QUESTIONS["{key}"]:
        answer = called({function}, arguments)
        same_numbers({got}, {expected})"""
_ERRORS = """\
    for arguments, expected in QUESTIONS["{key}"]:
        assert raises({function}, arguments) == (expected is None)"""
_UNCHANGED = """\
    answers = []
    for arguments, expected in QUESTIONS["{key}"]:
        given = copy.deepcopy(arguments)
        answers.append(np.asarray({function}(*given), dtype="float64"))
        np.testing.assert_equal(given, arguments)
    assert len({{answer.tobytes() for answer in answers}}) > 1, "the answer is always the same\""""
_ONE_PER_OUTPUT = """\
    for arguments, expected in QUESTIONS["{key}"]:
        outputs = len(arguments[1])
        assert np.shape(called({function}, arguments)) in ((outputs,), (outputs, 1))"""
_ONE_AXIS = """\
    for arguments, expected in QUESTIONS["{key}"]:
        same_numbers(np.sort(called({function}, arguments)), np.sort(expected))"""
_COSTS_MUCH = """\
    for (y_prob, y_onehot), expected in QUESTIONS["{key}"]:
        cross_entropy = called({function}, (y_prob, y_onehot))[0]
        assert np.isfinite(cross_entropy)
        if (y_prob[y_onehot == 1] == 0).any():
            assert cross_entropy * len(y_prob) > 10"""
_WITHIN_WHAT_IS_FREE = """\
    for (y_prob, y_onehot), expected in QUESTIONS["{key}"]:
        cross_entropy, accuracy = map(np.ravel, called({function}, (y_prob, y_onehot)))
        same_numbers(accuracy, np.ravel(expected[1]))
        chosen = np.sum(y_prob * y_onehot, axis=1, dtype="float64")
        zeros, known = np.sum(chosen == 0), chosen[chosen > 0]
        right, free = np.sum(-np.log(known)), np.exp(-10) * np.sum(1 / known) + 1e-5
        assert np.isfinite(cross_entropy).all() and cross_entropy.size == 1
        assert cross_entropy * len(chosen) >= right + 10 * zeros - free
        assert zeros or cross_entropy * len(chosen) <= right + free"""
_FAST = """\
    (x, W, b, act), expected = QUESTIONS["{key}"][0]
    loop = fast = np.inf
    for _ in range(5):
        start = time.perf_counter()
        answer = {function}(x.copy(), W, b, act)
        fast = min(fast, time.perf_counter() - start)
        same_numbers(answer, expected)
        start = time.perf_counter()
        for n in range(len(x)):
            for i in range(W.shape[2]):
                for o in range(W.shape[3]):
                    convolve2d(x[n, :, :, i], W[:, :, i, o], mode="same")
        loop = min(loop, time.perf_counter() - start)
        if loop >= {factor} * fast:
            return
    assert loop >= {factor} * fast, f"it is {{loop / fast:.1f}} times as fast as the loop\""""

#: What of an answer is compared, and with what of the reference's: of all lines of a function, or of one.
_VIEWS = {
    "dense_layer": ("np.ravel(answer)", "np.ravel(expected)"),
    "flatten_layer": ("np.ravel(answer)", "expected"),
    "count_weights": ("np.ravel(answer)", "np.ravel(expected)"),
    "evaluate.cross_entropy": ("np.ravel(answer[0])", "np.ravel(expected[0])"),
    "evaluate.accuracy": ("np.ravel(answer[1])", "np.ravel(expected[1])"),
}
_BODIES = {
    "activation.unknown": _ERRORS,
    "dense_layer.shape": _ONE_PER_OUTPUT,
    "flatten_layer.vector": _ONE_AXIS,
    "evaluate.zero": _COSTS_MUCH,
    "evaluate.domain": _WITHIN_WHAT_IS_FREE,
    "fast_conv2d_layer.ten": _FAST.replace("{factor}", "10"),
    "fast_conv2d_layer.thirty": _FAST.replace("{factor}", "30"),
}


_TIMED = ("fast_conv2d_layer.ten", "fast_conv2d_layer.thirty")


class _RightStudent(NotebookStudent):
    """The reference in the place of a student, and what it was asked."""

    def __init__(self, lab: Lab, function: str) -> None:
        oracle = lab.oracle()
        super().__init__(oracle.functions, oracle)
        self.function, self.asked = function, []

    def ask(self, function: str, *args: Any) -> Answer:
        arguments = copy.deepcopy(args)
        answer = None
        try:
            answer = super().ask(function, *args)
            return answer
        finally:
            if function == self.function:
                self.asked.append((arguments, None if answer is None else answer.value))


def questions(lab: Lab, check: Check, seed: int) -> dict[str, list[tuple[tuple, Any]]]:
    """Return what the lines of a check ask its function, and what is right, None where the reference raises an error.

    Parameters
    ----------
    lab : Lab
    check : Check
    seed : int
        Of the questions.

    Returns
    -------
    dict of str to list of tuple
        By line, arguments and answers.
    """
    found = {}
    for line, rng in zip(check.lines, generator(check, seed).spawn(len(check.lines)), strict=True):
        student = _RightStudent(lab, check.function)
        line.question(student, rng)
        found[line.key] = student.asked
        if f"{check.function}.{line.key}" in _TIMED:
            # What is timed is the largest batch; how often it is asked depends on the machine.
            found[line.key] = [max(student.asked, key=lambda asked: asked[0][0].size)]
    return found


@functools.cache
def all_questions() -> dict[str, dict[str, list[tuple[tuple, Any]]]]:
    """Return `questions` of all checks of the lab, by function."""
    return {check.function: questions(LAB, check, SEED) for check in LAB.checks}


def tests() -> dict[str, str]:
    """Return otter's test files of the lab, by function."""
    return {check.function: file_of_tests(LAB, check, all_questions()[check.function]) for check in LAB.checks}


def digest(tests: bool = False) -> str:
    """Return what stands for what the lab asks: it changes when that does.

    Parameters
    ----------
    tests : bool
        What stands for otter's tests of it, too.
    """
    found = hashlib.sha256()
    for check in LAB.checks:
        for line in check.lines:
            if tests:
                found.update(case(check, line).encode())
            for arguments, _ in all_questions()[check.function][line.key]:
                found.update(_content(arguments))
    return found.hexdigest()[:16]


def _content(value: Any) -> bytes:
    """Return what stands for arguments; an answer of the reference among them may differ in its last digits."""
    if isinstance(value, (list, tuple)):
        return b"[" + b",".join(map(_content, value)) + b"]"
    if isinstance(value, str):
        return value.encode()
    array = np.asarray(value)
    return f"{array.dtype}{array.shape}".encode() + (np.round(array.astype("float64"), 2) + 0.0).tobytes()


def file_of_tests(lab: Lab, check: Check, asked: Mapping[str, list[tuple[tuple, Any]]]) -> str:
    """Return otter's test file of one function.

    Parameters
    ----------
    lab : Lab
    check : Check
    asked : mapping
        As `questions` returns it.
    """
    content = base64.b64encode(pickle.dumps(dict(asked), protocol=5)).decode()
    head = {"title": f"{lab.title}: {check.function}.", "function": check.function, "questions": content}
    cases = (case(check, line) for line in check.lines)
    return "\n\n".join([_PRELUDE.format(**head, rtol=RTOL, atol=ATOL), *cases])


def case(check: Check, line: Line) -> str:
    """Return the test case of a line, as Python.

    Parameters
    ----------
    check : Check
    line : Line
    """
    name = f"{check.function}.{line.key}"
    got, expected = _VIEWS.get(name, _VIEWS.get(check.function, ("answer", "expected")))
    body = (_UNCHANGED if line.key == "inputs" else _BODIES.get(name, _NUMBERS)).format(
        key=line.key, function=check.function, got=got, expected=expected
    )
    head = f"@test_case(name={line.title!r}, points={line.points:g})"
    return f"{head}\ndef test_{line.key}({check.function}):\n{body}\n"


# A submission.


def as_otter_takes_it(content: bytes) -> bytes:
    """Return the notebook of a submission as it would be in a course that uses otter.

    Where the course's notebook opens the lab and checks, this one makes otter's notebook object and checks with that.
    Cells that explore have the tag with which otter leaves them out, and so has what the setup imports of packages that
    answers must not use. All else is as it was handed in, also what is no notebook.

    Parameters
    ----------
    content : bytes
        Of the file.
    """
    notebook = read_notebook(content)
    if notebook is None:
        return content
    changed = []
    for cell in notebook["cells"]:
        changed += _cells_for_otter(cell) if _is_code(cell) else [cell]
    return json.dumps(notebook | {"cells": changed}).encode()


def read_notebook(content: bytes) -> dict[str, Any] | None:
    """Return a notebook as JSON, in version 4, or None where it is no notebook or larger than any of this lab.

    Parameters
    ----------
    content : bytes
        Of the file.
    """
    if len(content) > _LARGE:
        return None
    try:
        notebook = json.loads(content)
        if "worksheets" in notebook:
            notebook = _of_today(notebook)
        return notebook if isinstance(notebook["cells"], list) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _of_today(notebook: dict[str, Any]) -> Any:
    """Return a notebook of version 3 as graders read it, or None where that fails."""
    try:
        return json.loads(nbformat.writes(nbformat.convert(nbformat.from_dict(notebook), 4)))
    except Exception:
        # A broken one makes nbformat raise what it meets.
        return None


def _is_code(cell: Any) -> bool:
    return (
        isinstance(cell, dict)
        and cell.get("cell_type") == "code"
        and isinstance(cell.get("metadata"), dict)
        and isinstance(cell.get("source"), (str, list))
        and all(isinstance(line, str) for line in cell["source"])
    )


def _tags(cell: dict[str, Any]) -> list[Any]:
    tags = cell["metadata"].get("tags")
    return tags if isinstance(tags, list) else []


def only_explores(cell: Any) -> bool:
    """Return whether a cell of a notebook, as JSON, is skipped while grading because it only explores or trains."""
    return _is_code(cell) and EXPLORE in _tags(cell) and "grade_id" not in (cell["metadata"].get("nbgrader") or {})


def _cells_for_otter(cell: dict[str, Any]) -> list[dict[str, Any]]:
    source, tags = "".join(cell["source"]).replace("\r\n", "\n"), _tags(cell)
    if only_explores(cell):
        return [cell | {"metadata": cell["metadata"] | {"tags": [*tags, _IGNORED]}}]
    if not _OPEN_LAB.search(source):
        return [cell | {"source": _CHECK.sub(r'grader.check("\1")', source)}]
    kept = _FORBIDDEN_IMPORT.sub("", source)
    kept = _OPEN_LAB.sub("import otter\ngrader = otter.Notebook()", kept)
    left_out = {"tags": [*tags, _IGNORED]}
    imports = "".join(match[0] for match in _FORBIDDEN_IMPORT.finditer(source))
    apart = {"cell_type": "code", "metadata": left_out, "source": imports, "outputs": [], "execution_count": None}
    return [apart | ({"id": "imports-of-the-course"} if "id" in cell else {}), cell | {"source": kept}]


def pack(folder: Path, target: Path) -> None:
    """Write what was handed in as the archive that otter takes: the notebook and the files beside it.

    Links, pipes and files without end are left out, and so are further notebooks: a student's export takes one.
    """
    notebook = f"{folder.name}.ipynb"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for place, _, names in os.walk(folder):
            for path in sorted(Path(place, name) for name in names):
                name = str(path.relative_to(folder))
                mode = path.lstat()
                usual = stat.S_ISREG(mode.st_mode) and mode.st_size <= _MOST and name.isprintable()
                if name == notebook and usual:
                    archive.writestr(notebook, as_otter_takes_it(path.read_bytes()))
                elif usual and path.suffix != ".ipynb":
                    archive.write(path, name)


@contextmanager
def ready(base: Path) -> Iterator[GradeAll]:
    """Make ready, and yield what grades submissions.

    Parameters
    ----------
    base : pathlib.Path
        The course's folder, which otter has no use for.
    """
    place = environment()
    with tempfile.TemporaryDirectory(prefix="cnn-course-otter-") as scratch:
        folder = Path(scratch) / "tests"
        folder.mkdir()
        for function, text in tests().items():
            (folder / f"{function}.py").write_text(text, encoding="utf-8")
        archive = generate(place, Path(scratch))
        yield one_by_one(lambda handed_in: grade(place, archive, handed_in), WORKERS)


def generate(place: Path, scratch: Path) -> Path:
    """Have ``otter generate`` make its archive of tests, and return the archive.

    Parameters
    ----------
    place : pathlib.Path
        The environment with otter.
    scratch : pathlib.Path
        Where the tests lie, in a folder ``tests``.
    """
    command = [place / "bin" / "otter", "generate", "--tests-dir", "tests", "--no-environment", "--no-requirements"]
    ended = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
    archive = next(scratch.glob("*.zip"), None)
    if ended.returncode or archive is None:
        raise UserError(f"otter generate ended with {ended.returncode}. It said:\n{ended.stderr.strip()[-1000:]}")
    return archive


def grade(place: Path, archive: Path, folder: Path) -> dict[str, float]:
    """Run ``otter run`` on one submission in a sealed room, and return the points by function.

    Raises
    ------
    NoGradeError
        If it ended without points.
    """
    with tempfile.TemporaryDirectory(prefix="cnn-course-room-") as scratch:
        room = Path(scratch)
        room.chmod(0o755)
        pack(folder, room / f"{LAB.name}.zip")
        shutil.copy(archive, room / "autograder.zip")
        # Otter's kernel sends what it logs to its own machine, by name.
        (room / "hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n")
        command = [str(place / "bin" / "otter"), "run", "--no-logo", "--autograder", "/in/autograder.zip"]
        told = {
            "command": [*command, "--output-dir", "/room", f"/in/{LAB.name}.zip"],
            "result": "/room/results.json",
            "seconds": DEADLINE,
        }
        variables = launch.environment(Path("/room/home"), Path("/room/home"))
        variables |= {"PATH": f"{place}/bin:/usr/bin:/bin", "USER": "grader", "MPLBACKEND": "agg"}
        binds = {**_interpreter(place), "/in": str(room), "/etc/hosts": str(room / "hosts")}
        result = sealed(binds, variables, str(place / "bin" / "python"), told)
    if result is None or result["code"] is None:
        raise NoGradeError("It did not end.")
    if result["result"] is None:
        raise NoGradeError(result.get("said", "").strip().rpartition("\n")[2][:200] or "It said nothing.")
    return points_of(result["result"])


def points_of(text: str) -> dict[str, float]:
    """Return the points by function that stand in otter's results.

    Parameters
    ----------
    text : str
        Of the file ``results.json``.

    Raises
    ------
    NoGradeError
        If there are none.
    """
    functions = {check.function for check in LAB.checks}
    try:
        tests = json.loads(text)["tests"]
        found = {test["name"]: float(test["score"]) for test in tests if test["name"] in functions}
    except (ValueError, KeyError, TypeError):
        raise NoGradeError("Its results are not what it writes.") from None
    if not found:
        # Where the kernel left no results, otter writes 0 points and says that it failed, so that a person looks.
        raise NoGradeError("Its results hold no points.")
    return {function: found.get(function, 0.0) for function in sorted(functions)}


def _interpreter(place: Path) -> dict[str, str]:
    """Return the folders that otter's interpreter needs, each bound to its own place."""
    binds = {"/usr": "/usr"}
    real = Path(os.path.realpath(place / "bin" / "python")).parents[1]
    for folder in (str(real), str(place)):
        if not folder.startswith("/usr/"):
            binds[folder] = folder
    return binds
