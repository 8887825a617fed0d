"""What comes before and after grading costs a class of 300, from the archive to the export, and how soon feedback is.

Times are those of the commands, start-up included; of feedback, from a file's arrival until its page is there.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from nbgrader.api import Gradebook

from autograder.checking.lab import Lab
from autograder.checking.rubric import Item
from autograder.errors import UserError
from autograder.gradebook.course_folder import CONFIG, NOTES, open_course
from autograder.gradebook.item_analysis import Answered
from autograder.gradebook.platform_names import Collected, write_collected
from autograder.grading.grade import Verdict, as_stored
from autograder.labs import all_labs, get_lab
from benchmarks.report import Figure
from tests import platforms

ROOT = Path(__file__).resolve().parent.parent
LAB = "lab1"
STUDENTS, QUICK_STUDENTS = 300, 12
REPEATS = 20
#: What is wanted, in seconds.
COLLECT, REPORT, WATCH = 10.0, 5.0, 3.0
#: Seconds after which the watch is given up.
GIVEN_UP = 180.0
#: Bytes of pictures and texts in one graded notebook.
OUTPUT = 200_000
PROGRAM = Path(sys.executable).with_name("cnn-course")


def class_of(lab: Lab, students: int, seed: int = 0) -> list[Answered]:
    """Return the verdicts of a made-up class: each student makes known faults, the weak more of them than the strong.

    Parameters
    ----------
    lab : Lab
    students : int
    seed : int
        Who makes which.

    Returns
    -------
    list of Answered
        The lines that a fault loses say its hint, as those of a graded notebook do. One in twenty wrote nothing.
    """
    rng = np.random.default_rng(seed)
    functions = sorted({fault.function for fault in lab.faults if fault.hint and fault.function})
    answers = []
    for number in range(students):
        ability = rng.normal()
        lost: dict[str, str] = {}
        for function in functions:
            if rng.random() < 1 / (1 + np.exp(1.5 * ability + 0.8)):
                known = [fault for fault in lab.faults if fault.hint and fault.function == function]
                # Some mistakes are made far more often than others.
                fault = known[min(int(rng.geometric(0.5)) - 1, len(known) - 1)]
                lost |= dict.fromkeys(fault.loses, fault.hint)
        nothing = number % 20 == 19
        items = {}
        for check in lab.checks:
            for line in check.lines:
                hint = "is not written yet." if nothing else lost.get(f"{check.function}.{line.key}", "")
                message = f"Asked: a question with small numbers. {check.function} {hint}" if hint else ""
                items[check.grade_id, line.title] = Item(check.grade_id, line.title, line.points, not hint, message)
        answers.append(Answered(f"student-{number:03}", items))
    return answers


def write_class(course: Path, lab: Lab, answers: Sequence[Answered], output: int = 0) -> None:
    """Write a course folder as grading leaves it: the gradebook, and graded notebooks that hold their verdicts.

    Parameters
    ----------
    course : pathlib.Path
        Made where it is missing.
    lab : Lab
    answers : sequence of Answered
    output : int
        Bytes that the cells of each notebook put out.
    """
    course.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / CONFIG, course / CONFIG)
    folder = open_course(course)
    with Gradebook(folder.gradebook, folder.directory.course_id) as gradebook:
        gradebook.add_assignment(lab.name)
        gradebook.add_notebook(lab.name, lab.name)
        for check in lab.checks:
            gradebook.add_grade_cell(check.grade_id, lab.name, lab.name, max_score=check.points, cell_type="code")
        for one in answers:
            gradebook.add_student(one.student)
            gradebook.add_submission(lab.name, one.student)
            (notebook,) = gradebook.find_submission(lab.name, one.student).notebooks
            for grade in notebook.grades:
                grade.auto_score = sum(item.points for (check, _), item in one.items.items() if check == grade.name)
                grade.needs_manual_grade = False
        gradebook.db.commit()
    for one in answers:
        verdict = Verdict(list(one.items.values()), list(one.flags))
        (folder.step("submitted", one.student, lab.name)).mkdir(parents=True)
        place = folder.step("autograded", one.student, lab.name)
        place.mkdir(parents=True)
        cells = [{"cell_type": "raw", "id": "padding", "metadata": {}, "source": "x" * output}]
        notebook = {"cells": cells, "metadata": {NOTES: {"verdict": as_stored(verdict)}}, "nbformat": 4}
        (place / f"{lab.name}.ipynb").write_text(json.dumps(notebook | {"nbformat_minor": 5}))
        page = folder.step("feedback", one.student, lab.name) / f"{lab.name}.html"
        page.parent.mkdir(parents=True)
        page.write_text("<p>" + "x" * output)


def figures(quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Run the commands on a made-up class and return the seconds that each took."""
    with tempfile.TemporaryDirectory() as scratch:
        found = _taking_in(Path(scratch), quick, tell)
    with tempfile.TemporaryDirectory() as scratch:
        found += _after_grading(Path(scratch) / "course", quick, tell)
    with tempfile.TemporaryDirectory() as scratch:
        return [*found, _watching(Path(scratch), quick, tell)]


def _taking_in(course: Path, quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Collect a class from Moodle's archive, in the lab that asks for most files, each time into an empty course."""
    lab = max(all_labs(), key=lambda one: len(one.files))
    students = platforms.classmates(lab, QUICK_STUDENTS if quick else STUDENTS, outputs=OUTPUT)
    shutil.copy(ROOT / CONFIG, course)
    archive = platforms.write_archive(course / "given.zip", "moodle", lab, students)
    platforms.write_roster(course / "roster.csv", students)
    tell(f"An archive of {len(students)} submissions of {lab.name} is written.")

    def empty() -> None:
        shutil.rmtree(course / "assignments", ignore_errors=True)
        for path in (*course.glob("collected.jsonl"), *course.glob(".collected-*")):
            path.unlink()

    what = f"collect of {len(students)} with {1 + len(lab.files)} files each"
    return _measured(what, ["collect", lab.name, archive], course, quick, COLLECT, empty)


def _after_grading(course: Path, quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Report on a class and give its grades and pages back."""
    lab, count = get_lab(LAB), QUICK_STUDENTS if quick else STUDENTS
    tell(f"A class of {count} is written.")
    answers = class_of(lab, count)
    write_class(course, lab, answers, OUTPUT)
    write_collected(
        course,
        [
            Collected(LAB, one.student, "moodle", f"{one.student}_{number}_assignsubmission_file", str(number))
            for number, one in enumerate(answers, start=1)
        ],
    )
    return [
        *_measured(f"report of {count}", ["report", LAB], course, quick, REPORT),
        *_measured(f"export of {count} to Moodle", ["export", LAB, "--to", "moodle"], course, quick),
    ]


def _measured(
    what: str,
    arguments: list,
    course: Path,
    quick: bool,
    at_most: float | None = None,
    before: Callable[[], None] = lambda: None,
) -> list[Figure]:
    """Return the median time and processor time of a command."""
    seconds, processor = [], []
    for _ in range(1 if quick else REPEATS):
        before()
        start, used = time.perf_counter(), _used()
        subprocess.run([PROGRAM, *arguments, "--course", course], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
        processor.append(_used() - used)
    return [
        Figure(what, median(seconds), at_most=at_most, unit="s", raw={"seconds": seconds}),
        Figure(f"{what}, processor time", median(processor), unit="s", raw={"seconds": processor}),
    ]


def _watching(course: Path, quick: bool, tell: Callable[[str], None]) -> Figure:
    """Return the median time from a right notebook's arrival until its feedback page is there, one after the other."""
    shutil.copy(ROOT / CONFIG, course)
    shutil.copytree(ROOT / "assignments" / LAB, course / "assignments" / LAB)
    subprocess.run([PROGRAM, "release", LAB, "--course", course], check=True, capture_output=True)
    notebook = (course / "assignments" / "source" / LAB / f"{LAB}.ipynb").read_bytes()

    def feedback(student: str) -> float:
        """Hand in, and return the seconds until the page is there."""
        folder = course / "assignments" / "submitted" / student / LAB
        folder.mkdir(parents=True)
        start = time.perf_counter()
        (folder / f"{LAB}.ipynb").write_bytes(notebook)
        while not (course / "assignments" / "feedback" / student / LAB / f"{LAB}.html").exists():
            if watch.poll() is not None or time.perf_counter() - start > GIVEN_UP:
                raise UserError(f"cnn-course watch gave no feedback to {student}.")
            time.sleep(0.01)
        return time.perf_counter() - start

    command = [PROGRAM, "watch", LAB, "--course", course]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as watch:
        try:
            tell(f"The watch gave the first feedback {feedback('first'):.1f} s after it was started.")
            seconds = [feedback(f"student-{number}") for number in range(2 if quick else REPEATS)]
        finally:
            watch.kill()
    return Figure("feedback of watch", median(seconds), at_most=WATCH, unit="s", raw={"seconds": seconds})


def _used() -> float:
    """Return the seconds of processor time that ended processes of this one have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
