"""What one student handed in, as one object from intake to verdict."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import in_short
from autograder.submissions import reader
from autograder.submissions.cells import UnreadableNotebookError, read_content
from autograder.submissions.choosing import Choice, Seen, choose, look_into
from autograder.submissions.files import files_beside, names_in
from autograder.submissions.reader import StoppedError
from autograder.submissions.wanted import Wanted
from source_lib.text import visible


@dataclass(frozen=True)
class Submission:
    """One submission.

    Attributes
    ----------
    owner : str
        The student id of whoever handed it in, known from where it lay and from nothing in it.
    content : bytes
        What the notebook's file holds.
    files : mapping of str to bytes
        What lies beside it, by relative name.
    timestamp : datetime.datetime, optional
        When it was handed in, as far as that is known.
    notes : tuple of str
        What a person must look at already.
    """

    owner: str = ""
    content: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    timestamp: datetime.datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class HandedIn:
    """What of a submission folder is taken.

    Attributes
    ----------
    notebook : pathlib.Path
        Where the notebook is, or would be.
    files : dict of str to bytes
        What lies beside it, by the name under which it is taken.
    notes : list of str
        What was left out, what was taken under another name, and why a person must look.
    choice : Choice
    """

    notebook: Path
    files: dict[str, bytes]
    notes: list[str]
    choice: Choice = Choice()


def handed_in(folder: Path, wanted: Wanted) -> HandedIn:
    """Look at a submission folder: where exactly one file can be meant, it is taken, whatever it is called.

    Parameters
    ----------
    folder : pathlib.Path
    wanted : Wanted
        What the lab wants.
    """
    choice = chosen(folder, wanted)
    notebook = folder / (choice.notebook or wanted.notebook)
    beside, left_out = files_beside(folder / wanted.notebook)
    taken = {target: name for target, name in choice.placed.items() if name in beside and name != choice.notebook}
    files = {target: beside[name] for target, name in taken.items()}
    # Of more files than are listed, the rest keeps its names.
    rest = beside.keys() - set(choice.placed.values())
    files |= {name: beside[name] for name in sorted(rest) if name not in files}
    return HandedIn(notebook, files, [*left_out, *choice.said, *choice.doubts], choice)


def without_time(folder: Path, when: datetime.datetime | None) -> list[str]:
    """Return why a person must look at when something was handed in: there is a file that says it, and does not.

    Parameters
    ----------
    folder : pathlib.Path
        Of the submission.
    when : datetime.datetime, optional
        What was read in it.
    """
    stamp = folder / "timestamp.txt"
    if when is not None or not (stamp.is_symlink() or stamp.exists()):
        return []
    return [
        f"{stamp.name} gives no time that can be read, so whether this was late is not known. Correct it: the time "
        "looks like 2026-11-03 23:59:00 UTC."
    ]


def chosen(folder: Path, wanted: Wanted) -> Choice:
    """Choose among the files of a submission folder.

    Parameters
    ----------
    folder : pathlib.Path
    wanted : Wanted
    """

    def look(name: str) -> Seen:
        try:
            return reader.call(look_into, read_content(folder / name), wanted, name)
        except StoppedError as error:
            return Seen(f"{name} {error}.")
        except UnreadableNotebookError as error:
            return Seen(str(error))

    return choose(names_in(folder), wanted, look)


def read_submission(
    path: Path, owner: str, timestamp: datetime.datetime | None = None, wanted: Wanted | None = None
) -> Submission:
    """Read what one student handed in.

    Parameters
    ----------
    path : pathlib.Path
        Where the notebook should be.
    owner : str
        The student id.
    timestamp : datetime.datetime, optional
        When it was handed in.
    wanted : Wanted, optional
        What the lab wants: then a notebook and files of other names are taken where no other can be meant.

    Returns
    -------
    Submission

    Raises
    ------
    UnreadableNotebookError
        If it cannot be read. The text is for the student.
    """
    try:
        if wanted is None:
            found = HandedIn(path, *files_beside(path))
        else:
            found = handed_in(path.parent, wanted)
            there = path.is_symlink() or path.parent.is_symlink() or path.exists()
            if not found.choice.notebook and not there:
                raise UnreadableNotebookError(found.choice.doubts[0])
        content, notes = read_content(found.notebook), list(found.notes)
    except UnreadableNotebookError:
        raise
    except Exception as error:
        # One submission must never end the grading of a class.
        raise UnreadableNotebookError(f"This submission could not be read ({in_short(error)}).") from None
    if not owner.isprintable():
        notes.append(f"The student's id holds characters that do not show: {visible(owner)}. Whose work is this?")
    return Submission(owner, content, found.files, timestamp, tuple(notes))
