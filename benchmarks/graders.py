"""The corpora as a benchmark for graders: right, wrong and hostile submissions, and what each grader pays for them.

A grader pays right where each function gets the points that its answer earns: all for a right answer, for one with a
known fault those of the lines that the fault does not cost, and for an attack what is honest in it. Results are kept,
with a digest of each submission, and not measured again; the course's own are, each time. They are measured in an order
that was drawn once, so that those of a run that was stopped are a sample.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from autograder.gradebook.course_folder import open_course
from autograder.grading.executors import LocalExecutor
from autograder.grading.pipeline import grade_all
from autograder.sandbox.pool import Sandbox
from benchmarks import hostile, otter_grader, report
from benchmarks.grader import SEED, WORKERS, GradeAll, Grader, NoGradeError, Outcome, one_by_one
from benchmarks.grading import LAB, ROOT, make_course
from benchmarks.report import Figure

DATA = ROOT / "book" / "_data" / "graders.json"
CORPORA = ("right", "wrong", "hostile")
FULL = {check.function: check.points for check in LAB.checks}
#: Its points depend on measured times; where they are too few it is graded again, so often in all.
_TIMED, _TRIES = "fast_conv2d_layer", 3
_QUICK = 2
#: Whose test for otter the page shows: the first line of the largest check.
_LARGEST = max(LAB.checks, key=lambda check: check.points)
_EXAMPLE = _LARGEST, _LARGEST.lines[0]


@dataclass(frozen=True)
class Submitted:
    """One submission of a corpus.

    Attributes
    ----------
    corpus : {"right", "wrong", "hostile"}
    name : str
        Unique in its corpus, and the student's name.
    digest : str
        Changes when the submission does, not when the lab does.
    says : str
        What is special about it, in one sentence; empty where its name says it.
    earned : mapping of str to float
        What each function earns; of a function that is left out nothing is known but that it is not right. Of an
        attack only the sum is known, under ``""``.
    """

    corpus: str
    name: str
    digest: str
    says: str = ""
    earned: Mapping[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its name among all corpora."""
        return f"{self.corpus}/{self.name}"


# The graders.


@contextmanager
def _course(base: Path) -> Iterator[GradeAll]:
    """``cnn-course grade``, with one submission at a time."""
    with tempfile.TemporaryDirectory(prefix="cnn-course-own-") as place, ExitStack() as stack:
        folder = _without_work(base, Path(place) / "course")
        course = open_course(folder)
        complete = stack.enter_context(Sandbox())
        executor = LocalExecutor(folder, LAB, [stack.enter_context(Sandbox(**LAB.packages))], complete)

        def grade(folders: Mapping[str, Path]) -> Iterator[tuple[str, Outcome]]:
            names = {handed_in.parent.name: name for name, handed_in in folders.items()}
            for handed_in in folders.values():
                _copy(handed_in, course.step("submitted", handed_in.parent.name, LAB.name))
            start = time.perf_counter()
            for one in grade_all(course, LAB, list(names), executor, seed=SEED, force=True):
                points = dict.fromkeys(FULL, 0.0)
                for item in one.verdict.items:
                    points[item.check.removeprefix("check_")] += item.points
                now = time.perf_counter()
                yield names[one.student], Outcome(points, now - start)
                start = time.perf_counter()

        yield grade


@contextmanager
def _stock(base: Path) -> Iterator[GradeAll]:
    """``nbgrader autograde`` in a sealed room, with the cells taken out that only explore, which it would run."""
    with tempfile.TemporaryDirectory(prefix="cnn-course-stock-") as place:
        empty = _without_work(base, Path(place) / "course")

        def grade(handed_in: Path) -> dict[str, float]:
            student = handed_in.parent.name

            def hand_in(course: Path) -> None:
                target = course / "assignments" / "submitted" / student / LAB.name
                _copy(handed_in, target)
                notebook = target / f"{LAB.name}.ipynb"
                notebook.write_bytes(without_exploring(notebook.read_bytes()))

            result = hostile.in_a_room_of_its_own(empty, student, hand_in)
            if result["scores"] is None:
                code = result["code"]
                raise NoGradeError("It did not end." if code is None else f"It ended with {code}, without a score.")
            return {name.removeprefix("check_"): score for name, score in result["scores"].items()}

        yield one_by_one(grade, WORKERS)


def _without_work(base: Path, target: Path) -> Path:
    """Copy a course folder without what was handed in."""
    shutil.copytree(base, target, ignore=shutil.ignore_patterns("submitted"))
    return target


def _copy(handed_in: Path, target: Path) -> None:
    """Copy what was handed in as it is, links and holes in files included."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--sparse=always", handed_in, target], check=True)


def without_exploring(content: bytes) -> bytes:
    """Return a notebook without the cells that only explore; what is no notebook as it is.

    Parameters
    ----------
    content : bytes
        Of the file.
    """
    document = otter_grader.read_notebook(content)
    if document is None:
        return content
    cells = [cell for cell in document["cells"] if not otter_grader.only_explores(cell)]
    return json.dumps(document | {"cells": cells}).encode()


#: By name in the file of results. Another grader needs one entry.
GRADERS = {
    "course": Grader(
        "cnn-course",
        metadata.version("cnn-course"),
        "`cnn-course grade`, this course's grader: questions are asked of a sandbox, and answers judged outside of it.",
        _course,
        lambda: {"questions": otter_grader.digest()},
        hostile_known="ours",
    ),
    "stock": Grader(
        "nbgrader",
        metadata.version("nbgrader"),
        "Stock `nbgrader autograde`, which runs the notebook with the course's checks in it and takes the points that "
        "they return there.",
        _stock,
        lambda: {"nbgrader": metadata.version("nbgrader"), "questions": otter_grader.digest()},
        hostile_known="stock",
    ),
    "otter": Grader(
        "otter-grader",
        otter_grader.version(),
        "`otter run`, which runs the notebook and then the tests in the same kernel. The tests compare with the "
        "reference's answers by `assert_allclose`: a test case for each line of the rubric, and in it the questions "
        "that the course draws for that line.",
        otter_grader.ready,
        lambda: {"otter-grader": otter_grader.version(), "tests": otter_grader.digest(tests=True)},
    ),
}


# The corpora.


@functools.cache
def corpora() -> dict[str, Submitted]:
    """Return all submissions by their key: what each earns is said by the corpus that it is in."""
    from tests import hostile as attacks
    from tests import wrong
    from tests.fairness.corpus import SUBMISSIONS

    costs = {fault.id: {name.rpartition(".")[2] for name in fault.loses} for fault in LAB.faults}
    found = [
        Submitted("right", one.name, _digest(inspect.getsource(one.change)), one.says, FULL)
        for one in SUBMISSIONS.values()
    ]
    for one in wrong.corpus():
        earned = {function: points for function, points in FULL.items() if function != one.function}
        if one.fault:
            lines = LAB.check(f"check_{one.function}").lines
            earned[one.function] = float(sum(line.points for line in lines if line.key not in costs[one.fault]))
        found.append(Submitted("wrong", one.name, _digest(one.source), earned=earned))
    found += [
        Submitted("hostile", one.name, attacks.digest(one), one.tries, {"": one.points}) for one in attacks.corpus()
    ]
    return {one.key: one for one in found}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def hand_in(base: Path, keys: Iterable[str]) -> dict[str, Path]:
    """Hand submissions in, in a course folder with the lab released, and return the folder of each by its key.

    Parameters
    ----------
    base : pathlib.Path
    keys : iterable of str
        Of those that are handed in.
    """
    from tests import hostile as attacks
    from tests import wrong
    from tests.fairness import corpus as right
    from tests.fairness.submission import Submission, answer

    def wrongly(one: wrong.Wrong) -> Submission:
        return Submission(one.name, one.name, lambda notebook, folder: answer(notebook, **{one.function: one.source}))

    course, keys = open_course(base), set(keys)
    right.hand_in(course, [one for one in right.SUBMISSIONS.values() if f"right/{one.name}" in keys])
    right.hand_in(course, [wrongly(one) for one in wrong.corpus() if f"wrong/{one.name}" in keys])
    notebooks = hostile.notebooks(base)
    for one in attacks.corpus():
        if f"hostile/{one.name}" in keys:
            attacks.hand_in(one, course.step("submitted", one.name, LAB.name), *notebooks)
    return {key: course.step("submitted", key.partition("/")[2], LAB.name) for key in keys}


# What is measured.


def figures(quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Have each grader grade what is not known yet, and return the figures.

    Parameters
    ----------
    quick : bool
        Grade a few right and wrong submissions with each, and keep nothing.
    tell : callable
        Gets a sentence for the reader now and then.

    Returns
    -------
    list of Figure

    Raises
    ------
    UserError
        If a grader cannot be made ready.
    """
    submissions = corpora()
    results = {name: {} if quick else known(name, submissions) for name in GRADERS}
    asked = {name: [key for key in in_drawn_order(submissions) if key not in results[name]] for name in GRADERS}
    asked = {name: few(keys) if quick else keys for name, keys in asked.items()}
    with tempfile.TemporaryDirectory(prefix="cnn-course-benchmark-") as place:
        base = make_course(Path(place) / "course")
        folders = hand_in(base, {key for keys in asked.values() for key in keys})
        for name, grader in GRADERS.items():
            tell(f"{grader.name} {grader.version}: {len(results[name])} results are known, {len(asked[name])} to come")
            if not asked[name]:
                continue
            with grader.ready(base) as grade:
                for key, result in graded(grade, submissions, {key: folders[key] for key in asked[name]}):
                    # Of an attack the sum says everything.
                    results[name][key] = result | {"less": {}} if key.startswith("hostile/") else result
                    if judged(submissions[key], result) != {"exact"}:
                        said = ", ".join(sorted(judged(submissions[key], result))) or "–"
                        tell(f"  {key}: {said} {json.dumps(result)}")
                    if not quick:
                        write(submissions, results)
    if not quick:
        write(submissions, results)
    return [figure for name in GRADERS for figure in told(name, table(submissions, results[name]))]


def in_drawn_order(keys: Mapping[str, Any]) -> list[str]:
    """Return keys in an order that was drawn once."""
    found = sorted(keys)
    random.Random(0).shuffle(found)
    return found


def few(keys: Sequence[str]) -> list[str]:
    """Return the first few right and wrong ones."""
    return [key for corpus in CORPORA[:2] for key in [one for one in keys if one.startswith(corpus)][:_QUICK]]


def graded(
    grade: GradeAll, submissions: Mapping[str, Submitted], folders: Mapping[str, Path]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Grade submissions, and yield the key and the result of each as it comes.

    One that is paid less than it earns for what is scored by time is graded again, since noise looks the same, and its
    key is yielded again where that gave more.

    Parameters
    ----------
    grade : callable
        As `benchmarks.grader.GradeAll` says.
    submissions : mapping of str to Submitted
    folders : mapping of str to pathlib.Path
        Where those lie that are graded.

    Yields
    ------
    tuple of str and dict
        The key; and ``total``, None where there is no grade, then with a ``reason``, else with the points that are
        ``less`` than full by function; and ``seconds``, with the ``load`` of the machine in that minute.
    """
    asked, best = dict(folders), {}
    for _ in range(_TRIES):
        for key, outcome in grade(asked) if asked else ():
            result = as_result(outcome)
            if key not in best or _for_speed(result) > _for_speed(best[key]):
                best[key] = result
                yield key, result
        earned = {key: submissions[key].earned.get(_TIMED, 0.0) for key in asked}
        asked = {key: folder for key, folder in asked.items() if _for_speed(best[key]) < earned[key]}


def _for_speed(result: Mapping[str, Any]) -> float:
    """Return the points for what is scored by time; where there is no grade, what no other try would better."""
    return FULL[_TIMED] if result["total"] is None else paid(result)[_TIMED]


def as_result(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as it is kept: the sum of the points, and those that are not the full ones.

    Parameters
    ----------
    outcome : Outcome
    """
    seconds = {"seconds": round(outcome.seconds, 1), "load": round(os.getloadavg()[0], 1)}
    if outcome.points is None:
        return {"total": None, "reason": outcome.reason} | seconds
    points = {function: float(outcome.points.get(function, 0.0)) for function in FULL}
    less = {function: value for function, value in points.items() if value != FULL[function]}
    return {"total": sum(points.values()), "less": less} | seconds


def paid(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the points by function that a result holds."""
    return FULL | result["less"]


def judged(one: Submitted, result: Mapping[str, Any]) -> set[str]:
    """Return what a grader made of a submission.

    Parameters
    ----------
    one : Submitted
    result : mapping
        As `graded` yields it.

    Returns
    -------
    set of str
        ``accept`` where it paid for what is wrong, ``reject`` where it did not pay what is right, ``exact`` where each
        function got what it earns, or ``none`` where there is no grade.
    """
    if result["total"] is None:
        return {"none"}
    if one.corpus == "hostile":
        # An attack that destroys its own honest part is nobody's false reject.
        return {"accept"} if result["total"] > one.earned[""] else set()
    points = paid(result)
    found = set()
    for function, full in FULL.items():
        # A narrow mistake may cost what the grader likes, but something.
        most = one.earned.get(function)
        if points[function] > most if most is not None else points[function] >= full:
            found.add("accept")
        if most is not None and points[function] < most:
            found.add("reject")
    return found or ({"exact"} if one.earned.keys() == FULL.keys() else set())


def table(submissions: Mapping[str, Submitted], results: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the counts of one grader by corpus.

    Parameters
    ----------
    submissions : mapping of str to Submitted
    results : mapping of str to mapping
        Of those that it has graded, by key.

    Returns
    -------
    dict of str to dict
        By corpus how many there are and were ``tried``, how often each verdict of `judged` was given, of how many the
        ``exact`` credit is known, and the medians of the ``seconds`` and of the ``load`` then, None where nobody
        measured any.
    """
    found = {}
    for corpus in CORPORA:
        members = {key: one for key, one in submissions.items() if one.corpus == corpus}
        tried = {key: results[key] for key in members if key in results}
        verdicts = [judged(members[key], result) for key, result in tried.items()]
        timed = [result for result in tried.values() if result.get("seconds") is not None]
        found[corpus] = {
            "submissions": len(members),
            "tried": len(tried),
            **{verdict: sum(verdict in one for one in verdicts) for verdict in ("accept", "reject", "exact", "none")},
            "exact_known": sum(members[key].earned.keys() == FULL.keys() for key in tried),
            **{what: median(result[what] for result in timed) if timed else None for what in ("seconds", "load")},
        }
    return found


def told(name: str, counts: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Return the figures of one grader; of the course's own it is said what is wanted.

    Parameters
    ----------
    name : str
        Of the grader, as in `GRADERS`.
    counts : mapping
        As `table` returns it.
    """
    wanted = {"at_most": 0} if name == "course" else {}
    found = []
    for corpus, row in counts.items():
        base = f"{GRADERS[name].name}, {corpus} submissions"
        found.append(Figure(f"  {base}: tried", row["tried"], timed=False, raw=dict(row)))
        if corpus != "right":
            found.append(Figure(f"{base}: false accepts", row["accept"], timed=False, **wanted))
        if corpus != "hostile":
            found.append(Figure(f"{base}: false rejects", row["reject"], timed=False, **wanted))
            found.append(Figure(f"{base}: no grade", row["none"], timed=False, **wanted))
        if corpus == "wrong":
            missed = {"at_least": row["exact_known"]} if wanted else {}
            found.append(Figure(f"{base}: exact credit", row["exact"], timed=False, **missed))
    return found


# What is kept.


def known(name: str, submissions: Mapping[str, Submitted]) -> dict[str, dict[str, Any]]:
    """Return what is known of a grader's results, by key: of submissions and of a grader that are as they were.

    Parameters
    ----------
    name : str
        As in `GRADERS`.
    submissions : mapping of str to Submitted
    """
    found: dict[str, dict[str, Any]] = {}
    document = json.loads(DATA.read_text()) if DATA.is_file() else {"graders": {}}
    # The course's own grader is what changes.
    if name != "course" and document["graders"].get(name, {}).get("depends") == dict(GRADERS[name].depends()):
        for row in document["submissions"]:
            key = f"{row['corpus']}/{row['name']}"
            if name in row and key in submissions and submissions[key].digest == row["digest"]:
                found[key] = row[name]
    return found | hostile_known(GRADERS[name], submissions)


def hostile_known(grader: Grader, submissions: Mapping[str, Submitted]) -> dict[str, dict[str, Any]]:
    """Return what the page on hostile submissions says that a grader pays, by key.

    Parameters
    ----------
    grader : Grader
    submissions : mapping of str to Submitted
    """
    if not grader.hostile_known:
        return {}
    rows = {f"hostile/{row['name']}": row for row in hostile.kept()["submissions"]}
    return {
        key: {"total": rows[key][grader.hostile_known]["points"], "less": {}, "seconds": None}
        for key, one in submissions.items()
        if key in rows and rows[key]["digest"] == one.digest and rows[key][grader.hostile_known]
    }


def write(submissions: Mapping[str, Submitted], results: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep all results, and the counts of each grader.

    Parameters
    ----------
    submissions : mapping of str to Submitted
    results : mapping
        By grader, and by key.
    """
    document = {
        "machine": report.machine(),
        "full": FULL,
        "example": otter_grader.case(*_EXAMPLE),
        "graders": {
            name: {
                "name": grader.name,
                "version": grader.version,
                "says": grader.says,
                "depends": dict(grader.depends()),
                "counts": table(submissions, results.get(name, {})),
            }
            for name, grader in GRADERS.items()
        },
        "submissions": [
            {"corpus": one.corpus, "name": one.name, "digest": one.digest, "says": one.says, "earned": dict(one.earned)}
            | {name: results[name][key] for name in GRADERS if key in results.get(name, {})}
            for key, one in submissions.items()
        ],
    }
    report.write_json(DATA, document)
    DATA.chmod(0o644)
