"""The files that contests are handed in as, beside those that `read_predictions` knows: columns of numbers, and masks.

What comes from a student is read up to a size that is known beforehand, and nothing in it is run.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence

import numpy as np

from autograder.checking.contest import Contest
from source_lib.masks import read_masks
from source_lib.predictions import FileProblem, Predictions, read_predictions

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
#: How far the sum of an image's probabilities may be from 1: they may be rounded to two digits.
_OFF = 0.05


class _UnclearError(Exception):
    """Why a file cannot be understood, as the arguments of a `FileProblem` after the file's name."""


def read_file(
    content: bytes, name: str, kind: str, contest: Contest, images: int | None = None, strict: bool = False
) -> Predictions:
    """Return what a file predicts, or holds as labels.

    Parameters
    ----------
    content : bytes
        What the file holds.
    name : str
        What to call it.
    kind : {"class", "probability", "mask", "value"}
        What it should hold; see `Contest`.
    contest : Contest
        Knows the number of classes, the size of a mask or the limits of a value.
    images : int, optional
        How many images there are; by default as many as the file has.
    strict : bool
        Whether a file with a value beyond the limits of the contest is not understood. By default, the nearest limit
        is taken.

    Returns
    -------
    Predictions
        Its values have shape [N], or [N, K] for probabilities of more than two classes, or [N, D_y, D_x] for masks.
    """
    if kind == "mask":
        return read_masks(content, contest.shape, images, name)
    if kind == "value":
        return read_numbers(content, ["value"], contest.limits, images, name, clip=not strict)
    if kind == "probability" and contest.classes > 2:
        return read_numbers(content, [f"probability_{k}" for k in range(contest.classes)], (0, 1), images, name)
    return read_predictions(content, images, contest.classes, kind, name)


def read_numbers(
    content: bytes,
    columns: Sequence[str],
    limits: tuple[float, float],
    rows: int | None = None,
    name: str = "the file",
    clip: bool = False,
) -> Predictions:
    """Read CSV with an id and some numbers a line, and say what is wrong with it.

    A right file is text in UTF-8 with the header ``id,<column>,...`` and one line for each id from 0 on, in any order.
    Semicolons, as spreadsheet programs write them, are a fault, but understood.

    Parameters
    ----------
    content : bytes
    columns : sequence of str
        Names of the columns after ``id``. Where they are several, the numbers of a line are probabilities.
    limits : tuple of float
        The least and the largest number.
    rows : int, optional
        Number of lines; by default as many as there are.
    name : str
        What to call the file.
    clip : bool
        Take the nearest limit for a number beyond it. By default, such a file is not understood.

    Returns
    -------
    Predictions
        Values of shape [N] for one column and [N, K] for K, None where what the file means is not clear.

    Examples
    --------
    >>> read_numbers(b"id,value\\n1,2.5\\n0,7\\n", ["value"], (0, 10)).values
    array([7. , 2.5])
    """
    problems = []
    try:
        lines = _lines(content, columns, rows, problems)
        at, numbers = zip(*(lines[str(index)] for index in range(len(lines))), strict=True)
        values = np.array(numbers)
        outside = np.flatnonzero(((values < limits[0]) | (values > limits[1])).any(axis=1))
        if outside.size:
            row = int(outside[0])
            number = next(f"{one:g}" for one in values[row] if not limits[0] <= one <= limits[1])
            what = f"The number {number} is not between {limits[0]:g} and {limits[1]:g}."
            if not clip:
                raise _UnclearError(at[row], what, "Look at the last layer of the model.")
            problems.append((at[row], what, "The nearest of them is taken."))
        if len(columns) > 1 and (np.abs(values.sum(axis=1) - 1) > _OFF).any():
            row = int(np.argmax(np.abs(values.sum(axis=1) - 1) > _OFF))
            what = f"The probabilities add up to {values[row].sum():.3g}, not to 1."
            problems.append((at[row], what, "End the model in a softmax."))
        if len(values) > 1 and (values == values[0]).all():
            problems.append((None, "It predicts the same for every image.", "Look at the model's training loss."))
        values = np.clip(values, *limits)[:, 0] if len(columns) == 1 else values
    except _UnclearError as error:
        values, problems = None, [error.args, *problems]
    return Predictions(name, "number", values, tuple(FileProblem(name, *one) for one in problems))


def _lines(
    content: bytes, columns: Sequence[str], rows: int | None, problems: list[tuple]
) -> dict[str, tuple[int, list[float]]]:
    """Return the line and the numbers of each id.

    Numbers can be chosen so that looking each of them up in a mapping goes past all others; texts cannot.
    """
    header = ",".join(["id", *columns])
    form = f"The first line is {header}, and each other line an index and its numbers."
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _UnclearError(None, "It is no text in UTF-8.", form) from None
    if text.startswith("\ufeff"):
        text = text[1:]
        problems.append((1, "It begins with a byte-order mark.", "Save it as UTF-8 without a byte-order mark."))
    semicolons = ";" in text.partition("\n")[0]
    if semicolons:
        problems.append((1, "Its columns are separated by semicolons.", "Separate them by commas."))
        text = text.replace(",", ".")
    found: dict[str, tuple[int, list[float]]] = {}
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if semicolons else ",")
    try:
        if (first := next(reader, [])) != header.split(","):
            raise _UnclearError(1, f"Its header is {_short(','.join(first))!r}.", form)
        for fields in reader:
            if not any(fields):
                continue
            line = reader.line_num
            if len(fields) != len(columns) + 1:
                raise _UnclearError(line, f"It has {len(fields)} values, not {len(columns) + 1}.", form)
            for field in fields[1:]:
                if not _NUMBER.fullmatch(field) or not math.isfinite(float(field)):
                    raise _UnclearError(line, f"{_short(field)!r} is no finite number.", form)
            if not re.fullmatch("[0-9]{1,18}", fields[0]):
                raise _UnclearError(line, f"The id {_short(fields[0])!r} is no whole number.", form)
            index = str(int(fields[0]))
            if index in found:
                raise _UnclearError(line, f"The id {index} is there a second time.", "Write one line for each index.")
            found[index] = line, [float(field) for field in fields[1:]]
    except csv.Error as error:
        raise _UnclearError(reader.line_num, f"It is no CSV: {error}.", form) from None
    count = len(found) if rows is None else rows
    every = f"There is one line for each id from 0 to {count - 1}."
    if not found:
        raise _UnclearError(2, "There are no numbers in it.", form)
    if len(found) != count:
        raise _UnclearError(None, f"It has {len(found)} lines of numbers.", every)
    if (last := max(map(int, found))) >= count:
        raise _UnclearError(found[str(last)][0], f"The id {last} is out of range.", every)
    return found


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
