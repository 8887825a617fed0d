"""Files of predictions, as Kaggle takes them: checked line by line, and read where the meaning is clear."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from source_lib.atomic_files import atomic_write
from source_lib.text import shorten

#: Larger files are not read: ten million lines take less.
MAX_BYTES = 200 * 2**20
COLUMNS = ("class", "probability")
#: Bytes of a header that is taken apart.
MAX_HEADER = 10_000

#: Around numbers; those between two digits may stand for anything.
_SPACES = re.compile(rb"(?m)^[ \t]++|(?<![ \t])[ \t]++(?=[,\n])|(?<=,)[ \t]++")
_NUMBER = rb"[+-]?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+"
#: A line as it must be. Eighteen digits fit into an integer.
_RIGHT = {
    "class": re.compile(rb"(?:[0-9]{1,18}+,[0-9]{1,18}+\n)*+"),
    "probability": re.compile(rb"(?:[0-9]{1,18}+," + _NUMBER + rb"\n)*+"),
}
#: A line whose meaning is clear all the same: its id, and what is predicted, as any number.
_CLEAR = re.compile(rb"(?:[0-9]{1,18}+(?:\.0*+)?+," + _NUMBER + rb"\n)*+")
_NOT_A_NUMBER = re.compile(r"[+-]?(nan|inf(inity)?|na|n/a|null|none|-)?", re.IGNORECASE)


class ImagesToPredict(Protocol):
    """What is to be predicted, for example a `DataGenerator`.

    Attributes
    ----------
    N_test : int
        Number of test images.
    K : int
        Number of classes.
    """

    N_test: int
    K: int


@dataclass(frozen=True)
class FileProblem:
    """One thing about a file of predictions that its author should know.

    Attributes
    ----------
    file : str
        Its name.
    line : int or None
        The first line where it shows, counted from 1; None where it is about the whole file.
    what : str
        What is there, as a sentence.
    remedy : str
        What to do, as a sentence; empty for a note.
    harmless : bool
        Whether the file is right all the same, and this is only a note.
    """

    file: str
    line: int | None
    what: str
    remedy: str = ""
    harmless: bool = False

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return " ".join(filter(None, [f"{place}: {self.what}", self.remedy]))


@dataclass(frozen=True)
class Predictions:
    """What one file predicts.

    Attributes
    ----------
    name : str
        The file's name.
    column : {"class", "probability"} or None
        What it holds; None where that is not clear.
    values : numpy.ndarray of int64 or float64, shape [N], or None
        The prediction for the ids 0 to N - 1, in this order. It is there wherever what the file means is clear, even
        where its form is wrong; None where it is not.
    problems : tuple of FileProblem
        What is wrong with it, and notes.
    """

    name: str
    column: str | None
    values: np.ndarray | None
    problems: tuple[FileProblem, ...]

    @property
    def right(self) -> bool:
        """Whether nothing is wrong with it."""
        return all(problem.harmless for problem in self.problems)


class _Reading:
    """One file while it is read: what was found so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[FileProblem] = []

    def fault(self, line: int | None, what: str, remedy: str) -> None:
        self.problems.append(FileProblem(self.name, line, what, remedy))

    def note(self, line: int | None, what: str) -> None:
        self.problems.append(FileProblem(self.name, line, what, harmless=True))


def read_predictions(
    file: str | os.PathLike | bytes,
    rows: int | None = None,
    classes: int = 2,
    column: str | None = None,
    name: str | None = None,
) -> Predictions:
    """Read one file of predictions and report what is wrong with it.

    A right file is text in UTF-8 with the header ``id,class`` or ``id,probability`` and one line for each image of the
    test set: its index, and a class from 0 to ``classes - 1``, or the probability of class 1, from 0 to 1.

    Parameters
    ----------
    file : str, path or bytes
        The file, or what it holds.
    rows : int, optional
        Number of images. By default as many as there are lines.
    classes : int
        Number of classes.
    column : {"class", "probability"}, optional
        What it should hold; either by default.
    name : str, optional
        What to call it; its file name by default.

    Returns
    -------
    Predictions
        What it predicts, and what is wrong with it.

    Raises
    ------
    ValueError
        If `column` is neither.

    Notes
    -----
    Lines that end in CR LF, empty lines at the end and ids in another order are noted and right. What spreadsheet
    programs do besides (a byte-order mark, semicolons, decimal commas, quotes, classes as ``1.0``) is wrong, since
    a grader elsewhere may take it for something else, but what was meant is still read.

    Examples
    --------
    >>> read_predictions(b"id,class\\n0,1\\n1,0\\n", rows=2).values
    array([1, 0])
    >>> print(*read_predictions(b"id,class\\n0,1\\n1,0.0\\n", name="run1.csv").problems, sep="\\n")
    run1.csv, line 3: The class is written as 0.0. Write whole numbers: classes.astype(int).
    """
    if column not in (None, *COLUMNS):
        raise ValueError(f"A file of predictions has the column {' or '.join(COLUMNS)}, not {column!r}.")
    reading = _Reading(name or ("the file" if isinstance(file, bytes) else Path(file).name))
    content = file if isinstance(file, bytes) else _content(Path(file), reading)
    text = None if content is None else _text(content, reading)
    if text is None:
        return Predictions(reading.name, None, None, tuple(reading.problems))
    header, _, body = text.partition(b"\n")
    found, body, readable = _header(header, body, column, reading)
    values = None
    if readable:
        body = _without_last_lines(body, reading)
        table = _table(body, found, reading)
        if table is not None:
            values = _values(*table, found, rows, classes, reading)
    reading.problems.sort(key=lambda problem: (problem.harmless, problem.line or 0))
    return Predictions(reading.name, found, values, tuple(reading.problems))


def write_csv(file: str | os.PathLike, column: str, values: Iterable[float]) -> Path:
    """Write a file of predictions, or of labels: one line for each image, its index and its value.

    Parameters
    ----------
    file : str or path
        An older file of that name is replaced, once the new one is complete.
    column : {"class", "probability"}
        What the values are.
    values : iterable of int or float
        In the order of the images.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(file)
    with atomic_write(path) as part:
        part.write_bytes(table(column, values))
    return path


def table(column: str, values: Iterable[float]) -> bytes:
    """Return what a file of predictions holds; `write_csv` writes it.

    Parameters
    ----------
    column : {"class", "probability"}
        What the values are.
    values : iterable of int or float
        In the order of the images.

    Returns
    -------
    bytes
        A header, and one line for each image: its index and its value.

    Examples
    --------
    >>> table("class", [1, 0])
    b'id,class\\n0,1\\n1,0\\n'
    """
    lines = (f"{k},{value}\n" for k, value in enumerate(np.asarray(values).tolist()))
    return f"id,{column}\n{''.join(lines)}".encode()


def check_predictions(
    files: Mapping[str, str | os.PathLike | bytes],
    rows: int | None = None,
    classes: int = 2,
    column: str | None = None,
) -> list[FileProblem]:
    """Check files of predictions, each by itself and against each other.

    Parameters
    ----------
    files : mapping of str to str, path or bytes
        The files or what they hold, by the name to call them.
    rows : int, optional
        As in `read_predictions`.
    classes : int
        As in `read_predictions`.
    column : {"class", "probability"}, optional
        As in `read_predictions`.

    Returns
    -------
    list of FileProblem
        Empty where all is right.

    Raises
    ------
    ValueError
        If `column` is neither.
    """
    read = [read_predictions(file, rows, classes, column, name) for name, file in files.items()]
    return [problem for one in read for problem in one.problems] + among(read)


def check_csv(
    *files: str | os.PathLike,
    dataset: ImagesToPredict | None = None,
    rows: int | None = None,
    classes: int = 2,
    column: str | None = None,
) -> bool:
    """Print whether files of predictions are right, and for each fault where it is and how to fix it.

    Parameters
    ----------
    *files : str or path
        The files.
    dataset : DataGenerator, optional
        Knows the number of test images, ``N_test``, and of classes, ``K``.
    rows : int, optional
        Number of images; not needed with `dataset`.
    classes : int
        Number of classes; not needed with `dataset`.
    column : {"class", "probability"}, optional
        As in `read_predictions`.

    Returns
    -------
    bool
        Whether nothing is wrong. Notes are no faults.

    Raises
    ------
    ValueError
        If `column` is neither.
    """
    if dataset is not None:
        rows, classes = dataset.N_test, dataset.K
    # By their names, or by their paths where two have the same name.
    names = [Path(file).name for file in files]
    names = [name if names.count(name) == 1 else str(file) for name, file in zip(names, files, strict=True)]
    read = [read_predictions(file, rows, classes, column, name) for name, file in zip(names, files, strict=True)]
    between = among(read)
    for one in read:
        problems = [*one.problems, *(problem for problem in between if problem.file == one.name)]
        if all(problem.harmless for problem in problems):
            what = "classes" if one.column == "class" else "probabilities"
            print(f"{one.name}: right, {len(one.values)} {what}.")
        for problem in problems:
            print(problem)
    return not between and all(one.right for one in read)


def among(read: Iterable[Predictions]) -> list[FileProblem]:
    """Return what is wrong between files: one that predicts the same as another, or for another number of images."""
    problems: list[FileProblem] = []
    seen: dict[tuple, str] = {}
    first: Predictions | None = None
    for one in read:
        if one.values is None:
            continue
        first = first or one
        if len(one.values) != len(first.values):
            what = f"It predicts {len(one.values)} images, and {first.name} {len(first.values)}."
            problems.append(FileProblem(one.name, None, what, "Predict the same test set with each model."))
        key = (one.column, one.values.tobytes())
        if key in seen:
            what = f"It predicts the same as {seen[key]} for every image."
            remedy = "Each file is of a training of its own: train again, and write its predictions under its own name."
            problems.append(FileProblem(one.name, None, what, remedy))
        seen.setdefault(key, one.name)
    return problems


def _content(path: Path, reading: _Reading) -> bytes | None:
    try:
        if not path.is_file():
            what = "There is no such file." if not path.exists() else "This is no file."
            reading.fault(None, what, "Write it with util.pred_test(model, dataset, name).")
            return None
        if path.stat().st_size > MAX_BYTES:
            what = f"It has {path.stat().st_size // 2**20} MB; more than {MAX_BYTES // 2**20} MB are not read."
            reading.fault(None, what, "A line is an id and one number.")
            return None
        return path.read_bytes()
    except OSError as error:
        reading.fault(None, f"It cannot be read ({error.strerror}).", "Look at its permissions.")
        return None


def _text(content: bytes, reading: _Reading) -> bytes | None:
    """Return what a file holds with plain line ends, or None where it is no text."""
    again = "Write it with util.pred_test, or save it as UTF-8."
    if not content.strip():
        reading.fault(None, "It is empty.", "Write it with util.pred_test(model, dataset, name).")
        return None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeError:
            reading.fault(1, "It is no text.", again)
            return None
        reading.fault(1, "It is encoded as UTF-16, as spreadsheet programs do.", again)
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
        what = "It begins with a byte-order mark, which spreadsheet programs write and others take for a part of 'id'."
        reading.fault(1, what, "Save it as UTF-8 without a byte-order mark, or write it with util.pred_test.")
    if b"\0" in content:
        reading.fault(_line(content, content.index(b"\0")), "It is no text.", again)
        return None
    try:
        content.decode()
    except UnicodeDecodeError as error:
        reading.fault(_line(content, error.start), "It is not encoded as UTF-8.", again)
        return None
    if b"\r" in content:
        kind = "CR LF, as on Windows" if b"\r\n" in content else "CR, as on old Macs"
        reading.note(1, f"Its lines end in {kind}. This is read as well.")
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content if content.endswith(b"\n") else content + b"\n"


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def _header(header: bytes, body: bytes, column: str | None, reading: _Reading) -> tuple[str | None, bytes, bool]:
    """Return what the file holds, its lines with commas between two columns, and whether these can be read at all."""
    wanted = f"id,{column}" if column else "id,class or id,probability"
    remedy = f"The first line is {wanted}."
    if len(header) > MAX_HEADER:
        start = _shown(header[:MAX_HEADER].decode(errors="ignore"))
        reading.fault(1, f"It has {len(header)} characters: {start!r}.", remedy)
        return None, body, False
    text = header.decode()
    if ";" in text or "\t" in text:
        separator = ";" if ";" in text else "\t"
        called = "semicolons" if separator == ";" else "tabs"
        decimal = separator == ";" and re.search(rb"[0-9],[0-9]", body[:4096])
        also = " and decimal commas" if decimal else ""
        reading.fault(
            1, f"Its columns are separated by {called}{also}.", "Separate them by commas, with points in numbers."
        )
        if decimal:
            body = body.replace(b",", b".")
        text, body = text.replace(separator, ","), body.replace(separator.encode(), b",")
    if '"' in text or b'"' in body[:4096]:
        at = 1 if '"' in text else 2 + body[: body.index(b'"')].count(b"\n")
        reading.fault(at, "There are quotes around what it holds.", "Write numbers without quotes.")
        text, body = text.replace('"', ""), body.replace(b'"', b"")
    names = [name.strip() for name in text.split(",")]
    if names != text.split(","):
        reading.fault(1, "There are spaces in the header.", remedy)
    if len(names) == 3 and names[0] in ("", "Unnamed: 0", "index") and names[1].lower() == "id":
        what = "There is a column of row numbers before the ids, which pandas writes by default."
        reading.fault(1, what, "Write it with to_csv(..., index=False), or with util.pred_test.")
        names, body = names[1:], re.sub(rb"(?m)^[^,\n]*+,", b"", body)
    if all(re.fullmatch(r"[+-]?[0-9.]+", name) for name in names):
        reading.fault(1, "There is no header.", remedy)
        return column, header + b"\n" + body, len(names) == 2
    if len(names) > 2:
        what = f"It has {len(names)} columns: {_shown(text)}."
        one = "the probability of class 1" if column == "probability" else "the class, which is argmax(axis=1)"
        reading.fault(1, what, f"A file of predictions has two: id, and {one}.")
        return None, body, False
    if len(names) < 2:
        reading.fault(1, f"Its header is {_shown(text)!r}, which is one column.", remedy)
        return None, body, False
    if names[0] != "id":
        reading.fault(1, f"Its first column is called {_shown(names[0])!r}.", remedy)
    found = names[1] if names[1] in COLUMNS else names[1].lower()
    if found not in COLUMNS:
        reading.fault(1, f"Its second column is called {_shown(names[1])!r}.", remedy)
        return column, body, names[0].lower() == "id"
    if names[1] != found:
        reading.fault(1, f"Its second column is called {_shown(names[1])!r}.", remedy)
    if column is not None and found != column:
        reading.fault(1, f"It holds {_many(found)}, where {_many(column)} are expected.", remedy)
        return found, body, False
    return found, body, names[0].lower() == "id"


def _shown(text: str) -> str:
    return shorten(text, 40)


def _many(column: str) -> str:
    return "classes" if column == "class" else "probabilities"


def _without_last_lines(body: bytes, reading: _Reading) -> bytes:
    stripped = body.rstrip(b" \t\n,")
    cut = body[: body.find(b"\n", len(stripped)) + 1] if stripped else b""
    if empty := body.count(b"\n") - cut.count(b"\n"):
        lines = "an empty line" if empty == 1 else f"{empty} empty lines"
        reading.note(
            cut.count(b"\n") + 2, f"There {'is' if empty == 1 else 'are'} {lines} at the end. This is read as well."
        )
    return cut


def _table(body: bytes, column: str | None, reading: _Reading) -> tuple[np.ndarray, np.ndarray] | None:
    """Return ids and what is predicted, or None where a line's meaning is not clear."""
    if not body:
        reading.fault(2, "There are no predictions in it.", "Write it with util.pred_test(model, dataset, name).")
        return None
    if spaces := _SPACES.search(body):
        line = body[body.rfind(b"\n", 0, spaces.start()) + 1 : body.index(b"\n", spaces.start())].decode()
        what = f"There are spaces around what it holds: {_shown(line)!r}."
        reading.fault(_line(body, spaces.start()) + 1, what, "Write numbers and commas alone.")
        body = _SPACES.sub(b"", body)
    right = _RIGHT[column or "probability"].match(body).end()
    if right < len(body):
        line = body[right : body.index(b"\n", right)].decode()
        if not _diagnosed(line, _line(body, right) + 1, column, reading):
            return None
        # What is wrong with the first line may be no more than a float where a whole number is expected.
        clear = _CLEAR.match(body).end()
        if clear < len(body):
            line = body[clear : body.index(b"\n", clear)].decode()
            _diagnosed(line, _line(body, clear) + 1, column, reading)
            return None
    if column == "class" and right == len(body):
        table = np.loadtxt(io.BytesIO(body), delimiter=",", dtype=np.int64, ndmin=2)
        return table[:, 0], table[:, 1]
    table = np.loadtxt(io.BytesIO(body), delimiter=",", dtype=np.float64, ndmin=2)
    return table[:, 0].astype(np.int64), table[:, 1]


def _diagnosed(text: str, line: int, column: str | None, reading: _Reading) -> bool:
    """Report what is wrong with a line; return whether its meaning is clear."""
    two = f"A line is an id, a comma and {'a class' if column == 'class' else 'a number'}."
    fields = text.split(",")
    if not text.strip(" ,"):
        reading.fault(line, "There is an empty line between others.", "Delete it.")
        return False
    if len(fields) != 2:
        reading.fault(line, f"It has {len(fields)} {'value' if len(fields) == 1 else 'values'}: {_shown(text)!r}.", two)
        return False
    number, value = fields
    if not re.fullmatch(r"[0-9]{1,18}", number):
        clear = re.fullmatch(r"[0-9]{1,18}\.0*", number) is not None
        what = f"The id is written as {_shown(number)}." if clear else f"The id {_shown(number)!r} is no whole number."
        reading.fault(line, what, "Ids are the indices of the test images: 0, 1, 2 and so on.")
        if not clear:
            return False
    if not value or _NOT_A_NUMBER.fullmatch(value):
        what = "The prediction is missing." if not value else f"The prediction is {_shown(value)}."
        reading.fault(line, what, "The model gave no finite number for this image: look at its loss.")
        return False
    if not re.fullmatch(_NUMBER.decode(), value):
        reading.fault(line, f"{_shown(value)!r} is no number.", two)
        return False
    if column == "class" and re.fullmatch(r"[0-9]+", value) is None:
        if float(value).is_integer() and float(value) >= 0:
            reading.fault(
                line, f"The class is written as {_shown(value)}.", "Write whole numbers: classes.astype(int)."
            )
        elif float(value) < 0:
            reading.fault(line, f"The class {_shown(value)} is negative.", "Classes are counted from 0.")
        else:
            what = f"The class {_shown(value)} is no whole number; it looks like a probability."
            reading.fault(line, what, "Write the class: argmax(axis=1), or 1 where the probability is above 0.5.")
            return False
    elif column == "class" and len(value) > 18:
        reading.fault(line, f"The class {_shown(value)} is out of range.", "Classes are counted from 0.")
        return False
    return True


def _values(
    ids: np.ndarray, values: np.ndarray, column: str | None, rows: int | None, classes: int, reading: _Reading
) -> np.ndarray | None:
    """Return the predictions in the order of their ids, or None where they are not one for each image."""
    count = len(ids) if rows is None else rows
    whole = _whole(ids, count, rows, reading)
    if column == "class" and values.dtype != np.int64 and (values % 1 != 0).any():
        at = int(np.argmax(values % 1 != 0))
        what = f"The class {values[at]:g} is no whole number; it looks like a probability."
        reading.fault(at + 2, what, "Write the class: argmax(axis=1), or 1 where the probability is above 0.5.")
        return None
    least, most = (0, classes - 1) if column == "class" else (0.0, 1.0)
    outside = np.flatnonzero(~((values >= least) & (values <= most)))
    if outside.size and column is not None:
        value = f"{values[outside[0]]:g}"
        if column == "class":
            remedy = (
                f"Classes are whole numbers from 0 to {classes - 1}: take argmax over the classes, which is axis=1."
            )
        else:
            remedy = "Probabilities are between 0 and 1: end the model in a sigmoid, or apply it to its output."
        reading.fault(int(outside[0]) + 2, f"The {column} {value} is out of range.", remedy)
    if len(values) > 1 and (values == values[0]).all():
        remedy = "The model does not look at the image: look at its training loss."
        reading.fault(None, f"It predicts {values[0]:g} for every image.", remedy)
    if not whole or (outside.size and column is not None):
        return None
    ordered = np.empty_like(values)
    ordered[ids] = values
    if column == "class" and ordered.dtype != np.int64:
        ordered = ordered.astype(np.int64)
    return ordered


def _whole(ids: np.ndarray, count: int, rows: int | None, reading: _Reading) -> bool:
    """Return whether there is each id once."""
    every = f"There is one line for each of the {count} test images, with the ids 0 to {count - 1}."
    first = np.unique(ids, return_index=True)[1]
    again = np.ones(len(ids), dtype=bool)
    again[first] = False
    if again.any():
        at = int(np.argmax(again))
        reading.fault(at + 2, f"The id {ids[at]} is there a second time.", every)
        return False
    if rows is not None and len(ids) != rows:
        last = len(ids) + 1
        reading.fault(last, f"It ends after {len(ids)} {'prediction' if len(ids) == 1 else 'predictions'}.", every)
        return False
    outside = np.flatnonzero(ids >= count)
    if outside.size:
        missing = int(np.setdiff1d(np.arange(count), ids)[0])
        at = int(outside[0])
        # Each id is there once.
        from_one = len(ids) == count and (ids.min(), ids.max()) == (1, count)
        what = "The ids begin with 1." if from_one else f"The id {ids[at]} is out of range, and {missing} is missing."
        reading.fault(2 if from_one else at + 2, what, f"{every}")
        return False
    if (ids[1:] < ids[:-1]).any():
        at = int(np.argmax(ids[1:] < ids[:-1])) + 1
        reading.note(at + 2, "The ids are not in order. Each prediction is taken for its own id.")
    return True
