"""What comes after grading costs for a class of 300: the report on its lines, and what goes back to a platform."""

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
from autograder.gradebook.course_folder import CONFIG, NOTES, open_course
from autograder.gradebook.item_analysis import Answered
from autograder.gradebook.platform_names import Collected, write_collected
from autograder.grading.grade import Verdict, as_stored
from autograder.labs import get_lab
from benchmarks.report import Figure

ROOT = Path(__file__).resolve().parent.parent
LAB = "lab1"
STUDENTS, QUICK_STUDENTS = 300, 12
REPEATS = 3
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
    """Run the commands on a made-up class and return the seconds that each took, start-up included."""
    lab, count = get_lab(LAB), QUICK_STUDENTS if quick else STUDENTS
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        course = Path(scratch) / "course"
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
        for what, arguments in (("report", ["report", LAB]), ("export to Moodle", ["export", LAB, "--to", "moodle"])):
            seconds, processor = [], []
            for _ in range(1 if quick else REPEATS):
                start, used = time.perf_counter(), _used()
                subprocess.run([PROGRAM, *arguments, "--course", course], check=True, capture_output=True)
                seconds.append(time.perf_counter() - start)
                processor.append(_used() - used)
            found += [
                Figure(f"{what} of {count}", median(seconds), unit="s", raw={"seconds": seconds}),
                Figure(f"{what} of {count}, processor time", median(processor), unit="s", raw={"seconds": processor}),
            ]
    return found


def _used() -> float:
    """Return the seconds of processor time that ended processes of this one have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
