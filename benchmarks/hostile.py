"""What hostile submissions are paid: by stock nbgrader, which runs them unprotected, and by ``cnn-course grade``.

Stock nbgrader grades each in a room of its own (`benchmarks.referee`) that is sealed as the course's sandbox is:
private namespaces, an unprivileged user, limits, no network, and nothing that can be written but memory. An honest
neighbor is graded after it, so that what is done to others shows. The checks of the release return the points in the
notebook, as any grader that asserts there does. What was measured is kept, with a digest of each submission, and not
measured again; where nothing of it should be believed, delete the file.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.errors import UserError
from autograder.gradebook.course_folder import CONFIG
from autograder.sandbox import launch
from autograder.submissions.cells import explores
from benchmarks import report
from benchmarks.grading import LAB, ROOT, copy_of, make_course
from benchmarks.report import Figure
from tests.hostile import LEAKED, MARKER, NEIGHBOR, Hostile, corpus, digest, hand_in

DATA = ROOT / "book" / "_data" / "hostile.json"
REFEREE = Path(__file__).with_name("referee.py")
#: Of the whole of stock's run, and of one cell in it, in seconds. Two honest notebooks take a tenth on a quiet machine;
#: nbgrader's own 30 seconds for a cell are too few on a busy one.
DEADLINE, CELL = 300, 75
#: How long after the deadline a room that says nothing is closed, in seconds.
GIVEN_UP = 60.0
#: As in the tests: what hangs is given up soon.
TIMEOUTS = {"cell_seconds": 4.0, "question_seconds": 3.0, "total_seconds": 20.0}
_QUICK = 3


def figures(quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Grade the corpus, measure of stock's pay what is not known yet, and return the figures.

    Parameters
    ----------
    quick : bool
        Grade the first few of the corpus, and measure nothing of stock's.
    tell : callable
        Gets a sentence for the reader now and then.

    Returns
    -------
    list of Figure

    Raises
    ------
    UserError
        If a command fails, or honest work is not paid in full, so that nothing can be concluded from the rest.
    """
    ones = corpus()[:_QUICK] if quick else corpus()
    with tempfile.TemporaryDirectory(prefix="cnn-course-benchmark-") as place:
        base = make_course(Path(place) / "course")
        digests = {one.name: digest(one) for one in ones}
        known = {entry["digest"]: entry["stock"] for entry in kept()["submissions"]}
        unmeasured = [one for one in ones if digests[one.name] not in known and not quick]
        tell(f"stock nbgrader on {len(unmeasured)} hostile submissions that are not measured yet")
        for one, result in measured(base, unmeasured):
            tell(f"  {one.name}: {json.dumps(result)}")
            known[digests[one.name]] = result
            write([row(one, known[digests[one.name]]) for one in ones if digests[one.name] in known])
        tell(f"cnn-course grade on {len(ones)} hostile submissions")
        ours = graded(base, ones)
    rows = [row(one, known.get(digests[one.name]), ours[one.name]) for one in ones]
    if not quick:
        write(rows)
    return judged(rows)


def judged(rows: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Return the figures of what was measured; rows without stock's part count for ours alone."""
    accepted = [one["name"] for one in rows if one["ours"]["points"] > one["honest"]]
    fooled = [one["name"] for one in rows if one["stock"] and is_fooled(one)]
    found = [
        Figure("hostile submissions: false accepts", len(accepted), at_most=0, timed=False, raw={"names": accepted}),
        Figure("  hostile submissions: tried", len(rows), timed=False),
    ]
    if fooled:
        found += [Figure("  hostile submissions: that fool stock", len(fooled), timed=False, raw={"names": fooled})]
    return found


def row(one: Hostile, stock: Mapping[str, Any] | None, ours: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what is kept of one submission."""
    return {
        "name": one.name,
        "family": one.family,
        "tries": one.tries,
        "digest": digest(one),
        "honest": one.points,
        "stock": stock,
        "ours": ours and {"points": ours["points"], "status": ours["status"]},
    }


def is_fooled(entry: Mapping[str, Any]) -> bool:
    """Return whether stock paid more than was earned, or let somebody else come to harm."""
    stock = entry["stock"]
    return overpaid(entry) or harmed(entry) or any(stock[what] for what in ("changed", "wrote", "read", "left"))


def overpaid(entry: Mapping[str, Any]) -> bool:
    """Return whether stock paid more than was earned."""
    return (entry["stock"]["points"] or 0) > entry["honest"]


def harmed(entry: Mapping[str, Any]) -> bool:
    """Return whether the honest neighbor was not paid in full."""
    return entry["stock"]["neighbor"] != LAB.points


# Ours.


def graded(base: Path, ones: Sequence[Hostile]) -> dict[str, dict[str, Any]]:
    """Grade hostile submissions and an honest one with ``cnn-course grade``; return the records by student."""
    course = copy_of(base, "ours")
    with open(course / CONFIG, "a") as file:
        file.writelines(f"c.TrustedExecute.{name} = {seconds}\n" for name, seconds in TIMEOUTS.items())
    _hand_in(course, ones, *notebooks(base))
    command = [Path(sys.executable).with_name("cnn-course"), "grade", LAB.name, "--course", course, "--no-feedback"]
    ended = subprocess.run([*command, "--json", course / "out.json"], capture_output=True, text=True)
    if not (course / "out.json").is_file():
        said = ended.stderr[-2000:]
        raise UserError(f"cnn-course grade ended with {ended.returncode} and no report. It said:\n{said}")
    records = {record["student"]: record for record in json.loads((course / "out.json").read_text())}
    shutil.rmtree(course)
    if missing := {one.name for one in ones} - set(records):
        raise UserError(f"cnn-course grade has no record of {', '.join(sorted(missing))}.")
    if records[NEIGHBOR]["points"] != LAB.points:
        raise UserError(f"The honest neighbor got {records[NEIGHBOR]['points']:g} points, so nothing can be concluded.")
    return records


def notebooks(base: Path) -> tuple[NotebookNode, NotebookNode]:
    """Return the released and the solved notebook without what only explores, which stock would run."""
    found = []
    for step in ("release", "source"):
        notebook = nbformat.read(base / "assignments" / step / LAB.name / f"{LAB.name}.ipynb", as_version=4)
        notebook.cells = [cell for cell in notebook.cells if not explores(cell)]
        found.append(notebook)
    return found[0], found[1]


def _hand_in(course: Path, ones: Sequence[Hostile], released: NotebookNode, solved: NotebookNode) -> None:
    submitted = course / "assignments" / "submitted"
    hand_in(Hostile(NEIGHBOR, "Is honest.", solved=True), submitted / NEIGHBOR / LAB.name, released, solved)
    for one in ones:
        hand_in(one, submitted / one.name / LAB.name, released, solved)


# Stock.


def measured(base: Path, ones: Sequence[Hostile]) -> Iterator[tuple[Hostile, dict[str, Any]]]:
    """Let stock nbgrader grade each submission in a room of its own; yield each with what came of it.

    Raises
    ------
    UserError
        If stock does not pay an honest notebook in full and an untouched one nothing, or the room cannot be sealed.
    """
    if not ones:
        return
    controls = [Hostile("solved", "Is honest.", solved=True, points=LAB.points), Hostile("untouched", "Is empty.")]
    for one in controls:
        result = stock(base, one)
        if (result["points"], result["neighbor"]) != (one.points, LAB.points) or result["left"] or result["changed"]:
            raise UserError(f"Stock nbgrader does not grade {one.name} as it should, which proves nothing: {result}")
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        yield from zip(ones, pool.map(functools.partial(_confirmed, base), ones), strict=True)


def _confirmed(base: Path, one: Hostile) -> dict[str, Any]:
    """Measure once more where somebody lost points that were earned: a busy machine looks the same."""
    results = [stock(base, one)]
    if results[0]["neighbor"] != LAB.points or (results[0]["points"] or 0) < one.points:
        results.append(stock(base, one))
    return max(results, key=lambda result: (result["neighbor"] or 0, result["points"] or 0, result["code"] is not None))


def stock(base: Path, one: Hostile) -> dict[str, Any]:
    """Return what stock nbgrader made of a submission and of the honest one beside it.

    Returns
    -------
    dict
        ``points`` and ``neighbor``, in the gradebook or None where there are none; ``code``, how nbgrader ended, None
        at the deadline; whether files of the course or of the neighbor were ``changed``; whether the attack ``wrote``
        elsewhere, ``read`` what it must not, and ``left`` processes.
    """
    result = in_a_room_of_its_own(base, one.name, lambda course: _hand_in(course, [one], *notebooks(base)), NEIGHBOR)
    return {what: value for what, value in result.items() if what != "scores"}


def in_a_room_of_its_own(
    base: Path, student: str, hand_in: Callable[[Path], None], neighbor: str = ""
) -> dict[str, Any]:
    """Let stock nbgrader grade a class of one or two in a sealed room.

    Parameters
    ----------
    base : pathlib.Path
        A course folder with the lab released and nobody's work.
    student : str
    hand_in : callable
        Writes the submissions into the course folder that it is given.
    neighbor : str
        Who else handed in, if anybody did.

    Returns
    -------
    dict
        As `stock` returns it, with the ``scores`` by check cell.
    """
    with tempfile.TemporaryDirectory(prefix="cnn-course-room-") as place:
        course = copy_of(base, Path(place).name, stock=True)
        try:
            with open(course / CONFIG, "a") as file:
                file.write(f"c.ExecutePreprocessor.timeout = {CELL}\nc.Execute.timeout = {CELL}\n")
            hand_in(course)
            # Whoever grades can read them, and here that is somebody else.
            for path in (course / "course_secret", course / "gradebook.db"):
                path.chmod(0o644)
            code = Path(place) / "code"
            for package in ("autograder", "source_lib"):
                shutil.copytree(ROOT / package, code / package, ignore=shutil.ignore_patterns("__pycache__"))
            # As where the course is installed: what lies beside a notebook comes before what is installed.
            (code / "start").mkdir()
            (code / "start" / "sitecustomize.py").write_text("import sys\nsys.path.append('/room/code')\n")
            Path(place).chmod(0o755)
            return _in_a_room(course, code, student, neighbor)
        finally:
            shutil.rmtree(course)


def _in_a_room(course: Path, code: Path, student: str, neighbor: str = NEIGHBOR) -> dict[str, Any]:
    told = {"student": student, "neighbor": neighbor, "seconds": DEADLINE, "marker": MARKER, "leaked": LEAKED}
    binds = {**launch.interpreter(), "/template": str(course), "/code": str(code)}
    environment = launch.environment(Path("/room/home"), Path("/room/code/start"))
    environment |= {"USER": "grader", "JUPYTER_CONFIG_DIR": "/room/settings", "MPLBACKEND": "agg"}
    result = sealed(binds, environment, sys.executable, told)
    if result is not None:
        return result
    nothing = {"points": None, "neighbor": None, "scores": None, "code": None, "seconds": DEADLINE + GIVEN_UP}
    return nothing | {"changed": False, "wrote": False, "read": False, "left": False}


def sealed(
    binds: Mapping[str, str], environment: Mapping[str, str], python: str, told: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Run the referee in a sealed room and return what it tells, or None where the room had to be closed on it.

    Parameters
    ----------
    binds, environment : mapping of str to str
        What is in sight there, and the environment variables, as `launch.enclosed` takes them.
    python : str
        The interpreter, by its path inside.
    told : mapping
        What the referee is told; ``seconds`` among it.

    Raises
    ------
    UserError
        If the room could not be made.
    """
    binds = {**binds, "/referee.py": str(REFEREE), "/etc/passwd": "/etc/passwd"}
    arguments = ["--as-pid-1", "--size", str(2**30), "--tmpfs", "/room", "--dir", "/room/home"]
    for folder in ("/tmp", "/var/tmp"):
        if not any(bound == folder or bound.startswith(f"{folder}/") for bound in binds):
            arguments += ["--size", str(2**26), "--tmpfs", folder]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--chdir", "/room", "--remount-ro", "/"]
    command = [*launch.enclosed(binds, environment, arguments), python, "/referee.py", json.dumps(told)]
    try:
        ended = subprocess.run(
            command,
            env={"PATH": launch.SYSTEM_PATH},
            capture_output=True,
            text=True,
            timeout=told["seconds"] + GIVEN_UP,
            cwd="/",
        )
        return json.loads(ended.stdout)
    except subprocess.TimeoutExpired:
        return None
    except ValueError:
        raise UserError(f"The sealed room could not be made: {ended.stderr.strip()[-500:]}") from None


# What is kept.


def kept() -> dict[str, Any]:
    """Return what was measured so far, or a document without submissions."""
    try:
        document = json.loads(DATA.read_text())
    except FileNotFoundError:
        return {"submissions": []}
    same = document["measured_with"] == provenance()
    return document if same else {"submissions": []}


def provenance() -> dict[str, Any]:
    """Return what stock's results depend on beside the submissions."""
    return {
        "nbgrader": metadata.version("nbgrader"),
        "seconds for a cell": CELL,
        "isolation of stock": "bubblewrap, one room for each submission and an honest neighbor",
        "isolation of ours": "bubblewrap",
    }


def write(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows beside their place and rename, so that what was measured is never lost."""
    report.write_json(DATA, {"measured_with": provenance(), "submissions": list(rows)})
    DATA.chmod(0o644)
