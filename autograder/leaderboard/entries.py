"""What a leaderboard is made from: the labels, what each student handed in, and what to call them."""

from __future__ import annotations

import csv
import hmac
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autograder.labs.lab3.checks import CLASSES, PROBABILITIES, TRAININGS
from autograder.errors import UserError
from autograder.submissions.files import files_beside
from autograder.submissions.sanitize import printable
from source_lib.text import shorten
from source_lib.predictions import FileProblem, among, read_predictions

#: Files of each kind that are asked for, and how many.
FILES = {"class": CLASSES, "probability": PROBABILITIES}
RUNS = TRAININGS
#: Of each class: both parts of the board need some.
MIN_IMAGES = 8
MAX_NAME = 60
MAX_NOTE = 240
MAX_NAMES_BYTES = 2**22


@dataclass(frozen=True)
class HandedIn:
    """What one student predicts, as far as it can be understood.

    Attributes
    ----------
    classes : numpy.ndarray of int64, shape [5, N], or None
        None where one of the files has no clear meaning.
    probabilities : numpy.ndarray of float64, shape [5, N], or None
        The same of the probabilities of class 1.
    notes : tuple of str
        What is to be known of the files. Without classes, the first one says why.
    """

    classes: np.ndarray | None
    probabilities: np.ndarray | None
    notes: tuple[str, ...] = ()


def read_labels(path: Path) -> np.ndarray:
    """Return the instructor's labels of the test images.

    Parameters
    ----------
    path : pathlib.Path
        ``id,class``. What a spreadsheet program does to such a file is understood.

    Returns
    -------
    numpy.ndarray of int64, shape [N]

    Raises
    ------
    UserError
        If it is not there, cannot be understood, or holds too few images of a class. No label is in the text.
    """
    if not path.is_file():
        raise UserError(
            f"There is no label file {path}. Name it with --labels FILE, or make it together with the students' "
            f"images: cnn-course data patchcam --from DIR --labels {path}"
        )
    read = read_predictions(path, classes=2, column="class")
    if read.values is None:
        line = read.problems[0].line
        place = f"{path}, line {line}," if line else f"{path}"
        raise UserError(
            f"{place} is not what a label file holds: the header id,class, and a 0 or 1 for each test image. What is "
            f"wrong with it says: cnn-course check-csv --column class {path}"
        )
    counts = np.bincount(read.values, minlength=2)
    if counts.min() < MIN_IMAGES:
        raise UserError(
            f"{path} has {counts[0]} images of class 0 and {counts[1]} of class 1. A leaderboard needs at least "
            f"{MIN_IMAGES} of each."
        )
    return read.values


def read_handed_in(folder: Path, images: int | None) -> HandedIn:
    """Return what a student predicts.

    Parameters
    ----------
    folder : pathlib.Path
        The student's own. Links in it are not followed, and files that are too large are not read.
    images : int, optional
        How many test images there are; by default as many as each file has.

    Returns
    -------
    HandedIn
    """
    files, left_out = files_beside(folder / "notebook.ipynb")
    found: dict[str, np.ndarray | None] = {}
    notes: list[str] = []
    for column, names in FILES.items():
        read = [read_predictions(files[name], images, 2, column, name) for name in names if name in files]
        faults = [problem for one in read for problem in one.problems if not problem.harmless] + among(read)
        values = [one.values for one in read]
        whole = len(read) == RUNS and all(one is not None and one.shape == values[0].shape for one in values)
        found[column] = np.stack(values) if whole else None
        # What keeps the files from being understood comes before what is only untidy.
        broken = {one.name for one in read if one.values is None}
        faults.sort(key=lambda problem: (problem.file not in broken, problem.line is None))
        missing = [
            FileProblem(name, None, "It was not handed in.", *left_out[:1]) for name in names if name not in files
        ]
        if len(missing) == RUNS:
            missing = [FileProblem(f"{names[0]} to {names[-1]}", None, "None of them was handed in.", *left_out[:1])]
        what = "" if column == "class" or whole else "No AUC. "
        notes += _in_short([*missing, *faults], what)
    return HandedIn(found["class"], found["probability"], tuple(notes))


def _in_short(problems: list[FileProblem], what: str) -> list[str]:
    if not problems:
        return []
    more = len(problems) - 1
    also = f" And {more} more." if more else ""
    return [shorten(what + printable(str(problems[0])), MAX_NOTE - len(also)) + also]


def read_nicknames(path: Path) -> dict[str, str]:
    """Return nicknames by student from a CSV file with the header ``student,nickname``.

    Raises
    ------
    UserError
        If it cannot be read, or is not of that form.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_NAMES_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"The file of names {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"The file of names {path} is no text in UTF-8. Save it as CSV in UTF-8.") from None
    rows = csv.reader(io.StringIO(text, newline=""))
    given: dict[str, str] = {}
    try:
        header = next(rows, [])
        if [name.strip().lower() for name in header] != ["student", "nickname"]:
            raise UserError(f"The first line of {path} is student,nickname. Each other line is an id and a nickname.")
        for row in rows:
            if not any(map(str.strip, row)):
                continue
            if len(row) != 2:
                raise UserError(f"{path}, line {rows.line_num}: a line is an id, a comma and a nickname.")
            student, nickname = row[0].strip(), row[1].strip()
            if student in given:
                raise UserError(f"{path}, line {rows.line_num}: {printable(student)} is there a second time.")
            if nickname:
                given[student] = shown(nickname)
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num}, is no CSV: {error}.") from None
    return given


def pseudonym(student: str, secret: int) -> str:
    """Return a name that stays the same for a student, and that nobody without the course's secret can compute."""
    digest = hmac.digest(str(secret).encode(), b"leaderboard\0" + os.fsencode(student), "sha256").hex().upper()
    return f"Student {digest[:4]}-{digest[4:8]}"


def call(students: Iterable[str], nicknames: Mapping[str, str], secret: int | None = None) -> dict[str, str]:
    """Return what to call each student: the nickname, or else the id, or with a secret a pseudonym.

    Raises
    ------
    UserError
        If a nickname is what somebody else is called.
    """
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for student in students:
        names[student] = nicknames.get(student) or (shown(student) if secret is None else pseudonym(student, secret))
        other = taken.setdefault(names[student].casefold(), student)
        if other != student and {other, student} & nicknames.keys():
            raise UserError(
                f"{shown(student)} and {shown(other)} would both be called {names[student]}. Change a nickname."
            )
    return names


def shown(name: str) -> str:
    """Return a name as it may stand on a page, and a stand-in for one that leaves nothing to show."""
    return shorten(printable(name), MAX_NAME) or "(no name)"
