"""What a leaderboard is made from: the labels, what each student handed in, and what to call them."""

from __future__ import annotations

import csv
import hmac
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from autograder.checking.contest import Contest
from autograder.errors import UserError
from autograder.leaderboard.formats import read_file
from autograder.leaderboard.scores import METRICS
from autograder.submissions import reader
from autograder.submissions.files import files_beside
from autograder.submissions.reader import StoppedError
from autograder.submissions.sanitize import printable
from source_lib.predictions import FileProblem, Predictions, among
from source_lib.text import shorten, visible

#: Of each class: both parts of the board need some. Of what has no classes, twice as many.
MIN_IMAGES = 8
MAX_LABEL_BYTES = 2**28
MAX_NAME = 60
MAX_NOTE = 240
MAX_NAMES_BYTES = 2**22


@dataclass(frozen=True)
class Entry:
    """What one student predicts, as far as it can be understood.

    Attributes
    ----------
    predicted : mapping of str to numpy.ndarray, shape [F, N, ...]
        What F files predict for N images, by metric. A metric is left out where one of its files has no clear meaning.
    notes : tuple of str
        What is to be known of the files. Without predictions to rank by, the first one says why.
    """

    predicted: Mapping[str, np.ndarray]
    notes: tuple[str, ...] = ()


def read_labels(path: Path, contest: Contest) -> np.ndarray:
    """Return the instructor's labels of the test images.

    Parameters
    ----------
    path : pathlib.Path
        ``id,class``, ``id,value`` or masks, as the contest asks for. What a spreadsheet program does to such a file is
        understood.
    contest : Contest

    Returns
    -------
    numpy.ndarray
        Classes of type int64 and shape [N], values of type float64 and shape [N], or masks of type bool and shape
        [N, D_y, D_x].

    Raises
    ------
    UserError
        If it is not there, cannot be understood, or holds too few images, or too few of a class. No label is in the
        text.
    """
    if not path.is_file():
        make = f", or make it together with the students' images: {contest.make_labels} {path}"
        raise UserError(
            f"There is no label file {path}. Name it with --labels FILE" + (make if contest.make_labels else ".")
        )
    kind = METRICS[contest.metric].labels
    try:
        with open(path, "rb") as file:
            read = read_file(file.read(MAX_LABEL_BYTES), path.name, kind, contest, strict=True)
    except OSError as error:
        raise UserError(f"The label file {path} cannot be read: {error.strerror}.") from None
    # Of a student's probabilities a class is read, and labels are none.
    if read.values is None or (kind == "class" and read.column != kind):
        line = read.problems[0].line
        where = f"{path}, line {line}," if line else f"{path}"
        raise UserError(f"{where} is not what a label file holds: {_right_labels(kind, path, contest)}")
    if kind == "class":
        counts = np.bincount(read.values, minlength=contest.classes)
        if counts.min() < MIN_IMAGES:
            first, *between, last = [f"{count} of class {label}" for label, count in enumerate(counts)]
            found = ", ".join([first.replace(" ", f" {contest.examples} ", 1), *between]) + f" and {last}"
            raise UserError(f"{path} has {found}. A leaderboard needs at least {MIN_IMAGES} of each.")
    elif len(read.values) < 2 * MIN_IMAGES:
        raise UserError(
            f"{path} has labels of {len(read.values)} {contest.examples}. A leaderboard needs at least "
            f"{2 * MIN_IMAGES}."
        )
    return read.values


def _right_labels(kind: str, path: Path, contest: Contest) -> str:
    if kind == "mask":
        height, width = contest.shape
        return f"the masks of all test {contest.examples}, {height} × {width} pixels each, as students hand them in."
    if kind == "value":
        least, most = contest.limits
        return f"the header id,value, and a number from {least:g} to {most:g} for each of the test {contest.examples}."
    which = "a 0 or 1" if contest.classes == 2 else f"a class from 0 to {contest.classes - 1}"
    number = "" if contest.classes == 2 else f"--classes {contest.classes} "
    return (
        f"the header id,class, and {which} for each test image. What is wrong with it says: cnn-course check-csv "
        f"{number}--column class {path}"
    )


def read_entry(folder: Path, contest: Contest, images: int | None = None) -> Entry:
    """Return what a student predicts.

    Parameters
    ----------
    folder : pathlib.Path
        The student's own. Links in it are not followed, and files that are too large are not read.
    contest : Contest
    images : int, optional
        How many test images there are; by default as many as each file has.

    Returns
    -------
    Entry
    """
    files, left_out = files_beside(folder / "notebook.ipynb")
    predicted: dict[str, np.ndarray] = {}
    notes: list[str] = []
    for metric, names in contest.files.items():
        kind = METRICS[metric].kind
        read = [_read(files[name], name, kind, contest, images) for name in names if name in files]
        faults = [finding for one in read for finding in one.problems if not finding.harmless] + among(read)
        values = [one.values for one in read]
        whole = len(read) == len(names) and all(one is not None and one.shape == values[0].shape for one in values)
        if whole:
            predicted[metric] = np.stack(values)
        # What keeps the files from being understood comes before what is only untidy.
        broken = {one.name for one in read if one.values is None}
        faults.sort(key=lambda finding: (finding.file not in broken, finding.line is None))
        absent = [name for name in names if name not in files]
        missing = [FileProblem(name, None, "It was not handed in.", *left_out[:1]) for name in absent]
        if len(missing) == len(names) > 1:
            missing = [FileProblem(f"{names[0]} to {names[-1]}", None, "None of them was handed in.", *left_out[:1])]
        without = "" if metric == contest.metric or whole else f"No {METRICS[metric].title}. "
        notes += _in_short([*missing, *faults], without)
    return Entry(predicted, tuple(notes))


def _read(content: bytes, name: str, kind: str, contest: Contest, images: int | None) -> Predictions:
    """Return what a file predicts, read where that can be ended."""
    try:
        return reader.call(read_file, content, name, kind, replace(contest, sample_test=None), images)
    except StoppedError as error:
        return Predictions(name, None, None, (FileProblem(name, None, f"It {error}.", "Write it anew."),))


def _in_short(problems: list[FileProblem], without: str) -> list[str]:
    if not problems:
        return []
    more = len(problems) - 1
    also = f" And {more} more." if more else ""
    return [shorten(without + printable(str(problems[0])), MAX_NOTE - len(also)) + also]


def read_nicknames(path: Path) -> dict[str, str]:
    """Return nicknames by student from a CSV file with the header ``student,nickname``.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    dict of str to str
        As `display_name` shows them; without those that are empty.

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
                given[student] = display_name(nickname)
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num}, is no CSV: {error}.") from None
    return given


def pseudonym(student: str, secret: int) -> str:
    """Return a name that stays the same for a student, and that nobody without the course's secret can compute.

    Parameters
    ----------
    student : str
        The student's id.
    secret : int
        The course's secret.

    Returns
    -------
    str
        For example ``Student 0AF3-91BC``.
    """
    digest = hmac.digest(str(secret).encode(), b"leaderboard\0" + os.fsencode(student), "sha256").hex().upper()
    return f"Student {digest[:4]}-{digest[4:8]}"


def display_names(students: Iterable[str], nicknames: Mapping[str, str], secret: int | None = None) -> dict[str, str]:
    """Return what to call each student: the nickname, or else the id, or with a secret a pseudonym.

    Parameters
    ----------
    students : iterable of str
        Their ids.
    nicknames : mapping of str to str
        By id.
    secret : int, optional
        The course's secret, for pseudonyms.

    Returns
    -------
    dict of str to str
        By id.

    Raises
    ------
    UserError
        If a nickname is what somebody else is called.
    """
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for student in students:
        plain = display_name(visible(student)) if secret is None else pseudonym(student, secret)
        names[student] = nicknames.get(student) or plain
        other = taken.setdefault(names[student].casefold(), student)
        if other != student and {other, student} & nicknames.keys():
            raise UserError(
                f"{display_name(student)} and {display_name(other)} would both be called {names[student]}. Change a "
                "nickname."
            )
    return names


def display_name(name: str) -> str:
    """Return a name as it may stand on a page, and a stand-in for one that leaves nothing to show."""
    return shorten(printable(name), MAX_NAME) or "(no name)"
