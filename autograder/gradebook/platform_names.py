"""What a learning platform calls a submission and its student: kept when it is taken in, used when something goes back.

Two files in the course's folder say so. ``collected.jsonl`` has one line of JSON for each submission that was taken;
``roster.csv`` has one line for each student.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from autograder.errors import UserError
from source_lib.atomic_files import atomic_write

#: In the course's folder: what was taken from which platform.
COLLECTED = "collected.jsonl"
#: In the course's folder: who is in the class.
ROSTER = "roster.csv"
#: A roster or a record that is longer is none.
MAX_BYTES = 2**26


@dataclass(frozen=True)
class Collected:
    """One submission that was taken from a platform.

    Attributes
    ----------
    lab : str
        Its name.
    student : str
        The student's id in the course: the folder's name under ``submitted``.
    platform : {"moodle", "canvas", "gradescope", "brightspace", "exchange", "folders"}
        Whose form the archive had.
    name : str
        The platform's folder, or where it has none the prefix of the file's name, exactly as it stood in the archive
        and without a slash: ``Ada Lovelace_123456_assignsubmission_file`` or ``lovelaceada_LATE_123_456789_``.
    user_id : str
        The platform's number of the student, as it stood in that name; empty where it has none.
    taken : str
        When it was taken, in ISO 8601 with the time zone.
    """

    lab: str
    student: str
    platform: str
    name: str
    user_id: str = ""
    taken: str = ""


def read_collected(root: Path, lab: str | None = None) -> dict[tuple[str, str], Collected]:
    """Return what was taken from platforms.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    lab : str, optional
        The one lab that is asked for.

    Returns
    -------
    dict of (str, str) to Collected
        By lab and student; of several records, the last one. Empty where nothing was collected yet.

    Raises
    ------
    UserError
        If the file cannot be read, or a line of it is not what `write_collected` writes.
    """
    path = root / COLLECTED
    found: dict[tuple[str, str], Collected] = {}
    for number, line in enumerate(read_text(path).split("\n") if path.exists() else (), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            one = Collected(**{field.name: record.get(field.name, "") for field in fields(Collected)})
            if not all(isinstance(value, str) for value in asdict(one).values()) or not (one.lab and one.student):
                raise ValueError
        except (ValueError, AttributeError, RecursionError):
            raise UserError(
                f"{path}, line {number}, is no record of a submission. Delete the line, or move the file away and "
                "collect again."
            ) from None
        if lab in (None, one.lab):
            found[one.lab, one.student] = one
    return found


def write_collected(root: Path, records: Iterable[Collected]) -> Path:
    """Add records to those in the course's folder; one of the same lab and student is replaced.

    The file is written beside its place and renamed, so that it holds all new records or none.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    records : iterable of Collected

    Returns
    -------
    pathlib.Path

    Raises
    ------
    UserError
        If the file cannot be read or written.
    """
    return _write(root, read_collected(root) | {(one.lab, one.student): one for one in records})


def remove_collected(root: Path, names: Iterable[tuple[str, str]]) -> None:
    """Remove records of submissions.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    names : iterable of (str, str)
        Lab and student of each.

    Raises
    ------
    UserError
        If the file cannot be read or written.
    """
    gone = set(names)
    if gone:
        _write(root, {name: one for name, one in read_collected(root).items() if name not in gone})


def _write(root: Path, everything: Mapping[tuple[str, str], Collected]) -> Path:
    path = root / COLLECTED
    # Names of files that are no UTF-8 hold lone surrogates, which JSON can escape.
    lines = [json.dumps(asdict(one), sort_keys=True) for _, one in sorted(everything.items())]
    try:
        with atomic_write(path, private=True) as part:
            part.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    return path


def read_text(path: Path) -> str:
    """Return a text file that a person or a platform wrote, without a byte-order mark.

    Parameters
    ----------
    path : pathlib.Path

    Raises
    ------
    UserError
        If it cannot be read, is no UTF-8, or is too long.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{path} has more than {MAX_BYTES:,} bytes, so it is not what its name says.")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text in UTF-8. Save it as CSV in UTF-8.") from None
