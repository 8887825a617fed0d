"""How long grading a class takes: with stock nbgrader, with the course's preprocessors in it, and with ``cnn-course``.

Each way is the whole command in a process of its own, as a person starts it, in a fresh copy of one course folder. The
course skips cells that only explore, which stock nbgrader would run. So stock gets the same submissions without those
cells, and the others get them with those cells; what the cells cost stock is measured apart.

The floor is what the same cells and the same questions take in one warm process: without a sandbox, a gradebook or a
file that is written. A second grading of the class, which knows the course's answers as the floor does, is compared
with it by processor time, its start included.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import nbformat
import psutil
from nbgrader.api import Gradebook

from autograder.checking.sample_class import edit
from autograder.checking.student import Answer, NotebookStudent, Oracle
from autograder.errors import UserError
from autograder.gradebook import secret
from autograder.gradebook.course_folder import CONFIG, open_course
from autograder.grading import answer_cache, pipeline
from autograder.grading.grade import generator
from autograder.grading.nbgrader_plugin import NOTES
from autograder.labs import get_lab
from autograder.sandbox import stubs
from autograder.sandbox.worker import IMPORTS, warm_up
from autograder.submissions import cells
from autograder.submissions.cells import explores
from benchmarks.report import Figure, load, ratio
from source_lib.tensorflow_settings import QUIET

ROOT = Path(__file__).resolve().parents[1]
LAB = get_lab("lab1")
NUMBER, REPEATS = 100, 3
QUICK_NUMBER, QUICK_REPEATS = 3, 1
#: Cells that explore take stock more than a minute for each submission, so few must do.
EXPLORING, QUICK_EXPLORING = 1, 1

_BEGIN = "### BEGIN SOLUTION"
_RAISE = f"{_BEGIN}\n    raise NotImplementedError()"
_LOOP = f"{_BEGIN}\n    return np.stack([conv2d_layer(h, W, b, act) for h in x])"
#: What became of the solved notebook, as (function, old, new); None is the notebook as it was released.
CLASS: dict[str, list[tuple[str, str, str]] | None] = {
    "01-solved": [],
    "02-kernel-not-flipped": [("conv2d_layer", "::-1, ::-1", ":, :")],
    "03-untouched": None,
    "04-mean-instead-of-max": [("pool2d_layer", "np.max", "np.mean")],
    "05-biases-not-counted": [("count_weights", "[*W, *b]", "W")],
    "06-solved": [],
    "07-powers-overflow": [("activation", "x - np.max(x)", "x")],
    "08-bias-after-activation": [
        ("conv2d_layer", "z[:, :, o] += b[o]", "pass"),
        ("conv2d_layer", "activation(z, act)", "activation(z, act) + b"),
    ],
    "09-odd-sizes-padded": [("pool2d_layer", "block_reduce(whole", "block_reduce(h")],
    "10-solved": [],
    "11-fortran-order": [("flatten_layer", "flatten()", "flatten('F')")],
    "12-dense-without-bias": [("dense_layer", " + np.ravel(b)", "")],
    "13-accuracy-as-fraction": [("evaluate", "100 * np.mean", "np.mean")],
    "14-untouched": None,
    "15-loss-summed": [("evaluate", "-np.mean(", "-np.sum(")],
    "16-fast-is-a-loop": [("fast_conv2d_layer", _BEGIN, _LOOP)],
    "17-solved": [],
    "18-half-done": [(name, _BEGIN, _RAISE) for name in ("count_weights", "evaluate", "fast_conv2d_layer")],
    "19-three-mistakes": [
        ("conv2d_layer", "::-1, ::-1", "::-1, :"),
        ("pool2d_layer", "block_reduce(whole", "block_reduce(h"),
        ("count_weights", "[*W, *b]", "b"),
    ],
    "20-solved": [],
}

_WAYS = {
    "stock": "stock autograde",
    "stock_exploring": "stock autograde with cells that explore",
    "plain": "autograde with our preprocessors",
    "grade": "cnn-course grade",
    "grade_feedback": "cnn-course grade with feedback",
    "again": "cnn-course grade that knows the course's answers",
}
#: What writes the feedback pages of a class that was graded in one of the ways.
_PAGES = {"stock": ["nbgrader", "generate_feedback", LAB.name], "grade": ["cnn-course", "feedback", LAB.name]}
#: How often the processor time of a command is read, in seconds; what it takes after the last time is left out.
_SAMPLED = 0.25
#: The check, and those of its lines, whose points depend on measured times.
_TIMED, _TIMED_LINES = "check_fast_conv2d_layer", ("ten", "thirty")

#: By student and check cell.
Scores = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Run:
    """One command that graded: how many seconds it took, how busy the machine was, the scores, and processor time."""

    seconds: float
    load: float
    scores: Scores
    processor: float = 0.0


def figures(quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Grade the class in every way and return the figures.

    Parameters
    ----------
    quick : bool
        Three submissions, each way once.
    tell : callable
        Gets a sentence for the reader now and then.

    Returns
    -------
    list of Figure

    Raises
    ------
    UserError
        If a command fails, or did not grade in the way that it should.
    """
    number, repeats = (QUICK_NUMBER, QUICK_REPEATS) if quick else (NUMBER, REPEATS)
    measured: dict[str, list[Run]] = {}
    pages: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="cnn-course-benchmark-") as place:
        base = make_course(Path(place) / "course")
        hand_in(base, number)
        bare = copy_of(base, "bare", stock=True)
        without_exploring(bare)
        exploring = copy_of(base, "exploring", stock=True, students=QUICK_EXPLORING if quick else EXPLORING)
        autograde, grade = ["nbgrader", "autograde", LAB.name], ["cnn-course", "grade", LAB.name]
        often = (
            ("grade", base, [*grade, "--no-feedback"]),
            ("plain", base, autograde),
            ("grade_feedback", base, grade),
        )
        once = (("stock", bare, autograde), ("stock_exploring", exploring, autograde))
        # Stock comes between the others, so that a machine that gets busier or less busy meets both.
        for way, source, command in (*often, *once, *(repeats - 1) * often[:1]):
            course = copy_of(source, "run")
            students = students_in(course)
            tell(f"{_WAYS[way]}, {len(students)} submissions: {' '.join(command)}")
            seconds = run(course, command)[0]
            tell(f"  {seconds:.1f} s, {seconds / len(students):.2f} s each; load {load()[0]:.1f}")
            graded_by(course, students, ours=not way.startswith("stock"))
            measured.setdefault(way, []).append(Run(seconds, load()[0], scores_in(course, students)))
            if way in _PAGES and way not in pages:
                tell(f"feedback pages, {len(students)} submissions: {' '.join(_PAGES[way])}")
                pages[way] = run(course, _PAGES[way])[0]
                tell(f"  {pages[way]:.1f} s, {pages[way] / len(students):.3f} s each; load {load()[0]:.1f}")
            if way == "grade" and "again" not in measured:
                tell(f"{_WAYS['again']}: {' '.join(command)} --force; and the floor")
                times = run(course, [*command, "--force"], sampled=True)
                measured["again"] = [Run(times[0], load()[0], scores_in(course, students), times[1])]
                floor = floor_of(course)
            shutil.rmtree(course)
    found = judged(measured, floor) + paged(measured, pages, number)
    for figure in found:
        for way, student, check, theirs, ours in figure.raw.get("unlike", ()):
            tell(f"{figure.name}: {student}, {check}: stock gave {theirs}, {_WAYS[way]} gave {ours}")
    return found


def judged(measured: Mapping[str, Sequence[Run]], floor: Mapping[str, float]) -> list[Figure]:
    """Return the figures of what was measured.

    Parameters
    ----------
    measured : mapping of str to sequence of Run
        By way; ``stock`` is what the others are compared with.
    floor : mapping of str to float
        Processor seconds of one submission, of its ``cells`` and of its ``questions``.

    Returns
    -------
    list of Figure

    Raises
    ------
    UserError
        If not somebody earned all and somebody nothing: equal scores would then say little.
    """
    stock = measured["stock"][0].scores
    totals = {student: sum(score for (who, _), score in stock.items() if who == student) for student, _ in stock}
    if max(totals.values()) != LAB.points or min(totals.values()) != 0:
        raise UserError(f"In this class somebody must get {LAB.points:g} points and somebody 0, but they got {totals}.")
    noise: list[tuple] = []
    wrong: list[tuple] = []
    for way, runs in measured.items():
        for one in runs:
            noisy, different = disagreements(stock, one.scores)
            noise += [(way, *what) for what in noisy]
            wrong += [(way, *what) for what in different]

    times = {way: [one.seconds for one in runs] for way, runs in measured.items()}
    loads = {way: [one.load for one in runs] for way, runs in measured.items()}
    each = {way: median(times[way]) / len({who for who, _ in runs[0].scores}) for way, runs in measured.items()}
    raw = {"submissions": len(totals), "seconds": times, "load": loads, "seconds_each": each}
    base = f"{len(totals)} submissions: stock autograde"
    ours = measured["again"][0].processor / len(totals)
    return [
        Figure(f"{base} over cnn-course grade", ratio(times["stock"], times["grade"]), at_least=50, raw=raw),
        Figure(f"{base} over autograde with our preprocessors", ratio(times["stock"], times["plain"]), at_least=8),
        Figure("scores unlike stock's", len(wrong), at_most=0, timed=False, raw={"unlike": wrong, "points": totals}),
        Figure("scores unlike stock's by timing noise", len(noise), timed=False, raw={"unlike": noise}),
        Figure(
            f"{len(totals)} submissions: processor time over the floor, start included",
            ratio([ours], [sum(floor.values())]),
            at_most=2,
        ),
        Figure("  one submission: processor time, start included", ours, unit="s"),
        Figure("  one submission: the floor", sum(floor.values()), unit="s", raw={"parts": dict(floor)}),
        Figure(
            "  one submission, with cells that explore: stock autograde over cnn-course grade",
            each["stock_exploring"] / each["grade"],
        ),
        *(Figure(f"  one submission: {name}", each[way], unit="s") for way, name in _WAYS.items()),
    ]


def paged(measured: Mapping[str, Sequence[Run]], pages: Mapping[str, float], number: int) -> list[Figure]:
    """Return the figures of feedback pages.

    Parameters
    ----------
    measured : mapping of str to sequence of Run
        By way, as `judged` takes it.
    pages : mapping of str to float
        Seconds of the command that wrote the pages of a class: nbgrader's by ``stock``, the course's by ``grade``.
    number : int
        Of pages.

    Returns
    -------
    list of Figure
    """
    both = [one.seconds + pages["stock"] for one in measured["stock"]]
    ours = [one.seconds for one in measured["grade_feedback"]]
    base = f"{number} submissions: stock autograde and generate_feedback over cnn-course grade with feedback"
    return [
        Figure(base, ratio(both, ours), at_least=40, raw={"seconds": dict(pages)}),
        # With the start of the command, which a few pages do not make up for.
        Figure("one feedback page: cnn-course feedback", pages["grade"] / number, at_most=0.06, unit="s"),
        Figure("  one feedback page: generate_feedback over cnn-course feedback", pages["stock"] / pages["grade"]),
        Figure("  one feedback page: generate_feedback", pages["stock"] / number, unit="s"),
    ]


def disagreements(stock: Scores, other: Scores) -> tuple[list[tuple], list[tuple]]:
    """Return where scores differ from stock's: by noise in what is scored by time, and otherwise.

    Parameters
    ----------
    stock, other : dict
        Scores by student and check cell; `other` may hold fewer students.

    Returns
    -------
    noise, wrong : list of tuple
        Student, check cell, stock's score and the other one, None where there is none.
    """
    room = sum(line.points for line in LAB.check(_TIMED).lines if line.key in _TIMED_LINES)
    students = {student for student, _ in other}
    noise, wrong = [], []
    for student, check in sorted({*other, *(key for key in stock if key[0] in students)}):
        theirs, ours = stock.get((student, check)), other.get((student, check))
        if theirs != ours:
            noisy = check == _TIMED and None not in (theirs, ours) and abs(theirs - ours) <= room
            (noise if noisy else wrong).append((student, check, theirs, ours))
    return noise, wrong


def make_course(folder: Path) -> Path:
    """Make a course folder with the lab released and return it."""
    (folder / "assignments").mkdir(parents=True)
    shutil.copy(ROOT / CONFIG, folder)
    shutil.copytree(ROOT / "assignments" / LAB.name, folder / "assignments" / LAB.name)
    run(folder, ["cnn-course", "release", LAB.name])
    secret.read_or_make(folder)
    return folder


def hand_in(folder: Path, number: int) -> None:
    """Write so many submissions into a course folder with the lab released: those of the class, again and again.

    Their names sort in the order of the class, so that any twenty in a row are about a whole class.

    Raises
    ------
    UserError
        If a mistake does not fit the lab's solution any more.
    """
    course = open_course(folder)
    name = f"{LAB.name}.ipynb"
    for count in range(number):
        again, position = divmod(count, len(CLASS))
        student, edits = list(CLASS.items())[position]
        origin = course.step("release" if edits is None else "source", ".", LAB.name) / name
        notebook = nbformat.read(origin, as_version=4)
        for change in edits or ():
            edit(*change)(notebook)
        place = course.step("submitted", f"{again:02d}-{student}" if again else student, LAB.name)
        place.mkdir(parents=True)
        nbformat.write(notebook, place / name)


def copy_of(source: Path, name: str, stock: bool = False, students: int | None = None) -> Path:
    """Return a copy of a course folder beside it.

    Parameters
    ----------
    source : pathlib.Path
    name : str
        Of the copy.
    stock : bool
        Keep of the configuration only where the folders are.
    students : int, optional
        Keep so many submissions.
    """
    target = source.with_name(name)
    shutil.copytree(source, target)
    if stock:
        lines = (target / CONFIG).read_text().splitlines()
        kept = [line for line in lines if line.startswith(("c = ", "c.CourseDirectory."))]
        (target / CONFIG).write_text("\n".join(kept) + "\n")
    for student in students_in(target)[students:] if students is not None else ():
        shutil.rmtree(target / "assignments" / "submitted" / student)
    return target


def students_in(course: Path) -> list[str]:
    """Return who handed in, sorted."""
    return sorted(folder.name for folder in (course / "assignments" / "submitted").iterdir())


def without_exploring(course: Path) -> None:
    """Take the cells that only explore out of all submissions of a course."""
    for path in (course / "assignments" / "submitted").glob("*/*/*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if not explores(cell)]
        nbformat.write(notebook, path)


def run(course: Path, command: list[str], sampled: bool = False) -> tuple[float, float]:
    """Run one of the environment's programs in a course folder and return how long it took.

    Parameters
    ----------
    course : pathlib.Path
    command : list of str
    sampled : bool
        Read its processor time now and then, which costs some itself.

    Returns
    -------
    seconds, processor : float
        Wall time, and processor time with that of all processes that it started; 0 where it was not ``sampled``.

    Raises
    ------
    UserError
        If it does not end with 0.
    """
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", "")]),
        # None of the settings of whoever measures: stock means stock.
        "JUPYTER_CONFIG_DIR": str(course.parent / "settings"),
        **QUIET,
    }
    processor = 0.0
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        started = subprocess.Popen(
            [programs / command[0], *command[1:]], cwd=course, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        while sampled and started.poll() is None:
            processor = max(processor, _processor_time(started.pid))
            time.sleep(_SAMPLED)
        code = started.wait()
        seconds = time.perf_counter() - start
        if code != 0:
            output.seek(0)
            said = "\n".join(output.read().strip().splitlines()[-12:])
            raise UserError(f"{' '.join(command)} ended with {code}, so it was not measured. It said:\n{said}")
    return seconds, processor


def _processor_time(pid: int) -> float:
    """Return the processor time of a process and all that it started, the ended ones too: who waited counts theirs."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])
    return total


def floor_of(course: Path) -> dict[str, float]:
    """Return what `measure_floor` finds in a fresh process, as it puts stand-ins in the place of packages.

    Raises
    ------
    UserError
        If it fails.
    """
    command = [sys.executable, "-m", "benchmarks.grading", str(course)]
    environment = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if ended.returncode != 0:
        reason = (ended.stderr.strip() or "no reason given").splitlines()[-1]
        raise UserError(f"The floor was not measured: {reason}")
    return json.loads(ended.stdout.splitlines()[-1])


@dataclass
class _Uncounted:
    """The reference, and the processor time that it takes: that is no part of the floor."""

    oracle: Oracle
    seconds: float = 0.0

    def ask(self, function: str, *args: Any) -> Answer:
        start = time.process_time()
        try:
            return self.oracle.ask(function, *args)
        finally:
            self.seconds += time.process_time() - start

    def call(self, function: str, *args: Any) -> Any:
        return self.ask(function, *args).value


def measure_floor(root: Path) -> dict[str, float]:
    """Run the cells of a graded class and ask its questions in this process, and return what a submission takes.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder, with the answers that a grading kept there.

    Returns
    -------
    dict of str to float
        Processor seconds of one submission on average: of its ``cells``, and of its ``questions`` with what judges the
        answers and finds reasons.
    """
    course = open_course(root)
    roles, seed = pipeline.released_roles(course, LAB), secret.read_or_make(root)
    reference = _Uncounted(LAB.oracle())
    answers = answer_cache.AnswerCache(reference, OrderedDict(answer_cache.read(root, LAB)))
    students = students_in(root)
    submissions = [pipeline.read_one(course, LAB, student) for student in students]
    stubs.install(LAB.forbidden)
    shell = warm_up(IMPORTS, notebooks=True)
    LAB.prepare(answers)
    spent = {"cells": 0.0, "questions": 0.0}
    for submission in submissions:
        notebook = cells.parse(submission.content, f"{LAB.name}.ipynb")
        cells.restore(notebook, roles)
        shell.shell.reset(new_session=False)
        start = time.process_time()
        for source in cells.runnable(notebook, [check.grade_id for check in LAB.checks]).values():
            shell.run(source)
        spent["cells"] += time.process_time() - start
        start, reference.seconds = time.process_time(), 0.0
        student = NotebookStudent(shell.shell.user_ns, oracle=answers)
        for check in LAB.checks:
            check(student, generator(check, seed))
        spent["questions"] += time.process_time() - start - reference.seconds
    return {part: seconds / len(students) for part, seconds in spent.items()}


def graded_by(course: Path, students: Sequence[str], ours: bool) -> None:
    """Make sure who graded: nbgrader falls back to its own preprocessors without a word.

    Raises
    ------
    UserError
        If a notebook is missing, or was graded in the other way.
    """
    for student in students:
        path = course / "assignments" / "autograded" / student / LAB.name / f"{LAB.name}.ipynb"
        if not path.is_file():
            raise UserError(f"The submission {student} was not graded, so the time is that of less work.")
        if (NOTES in nbformat.read(path, as_version=4).metadata) != ours:
            wanted = "the course's preprocessors" if ours else "stock nbgrader"
            raise UserError(f"The submission {student} was not graded by {wanted}, so there is nothing to compare.")


def scores_in(course: Path, students: Sequence[str]) -> Scores:
    """Return the automatic scores that a gradebook holds."""
    checks = {check.grade_id for check in LAB.checks}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            (student, grade.name): float(grade.auto_score)
            for student in students
            for grade in gradebook.find_submission_notebook(LAB.name, LAB.name, student).grades
            if grade.name in checks
        }


if __name__ == "__main__":
    print(json.dumps(measure_floor(Path(sys.argv[1]))))
