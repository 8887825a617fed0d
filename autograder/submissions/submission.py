"""What one student handed in, as one object from intake to verdict."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import in_short
from autograder.submissions.cells import UnreadableNotebookError, read_content
from autograder.submissions.files import files_beside
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


def read_submission(path: Path, owner: str, timestamp: datetime.datetime | None = None) -> Submission:
    """Read what one student handed in.

    Parameters
    ----------
    path : pathlib.Path
        The notebook.
    owner : str
        The student id.
    timestamp : datetime.datetime, optional
        When it was handed in.

    Returns
    -------
    Submission

    Raises
    ------
    UnreadableNotebookError
        If it cannot be read. The text is for the student.
    """
    try:
        content = read_content(path)
        files, left_out = files_beside(path)
    except UnreadableNotebookError:
        raise
    except Exception as error:
        # One submission must never end the grading of a class.
        raise UnreadableNotebookError(f"This submission could not be read ({in_short(error)}).") from None
    if not owner.isprintable():
        left_out.append(f"The student's id holds characters that do not show: {visible(owner)}. Whose work is this?")
    return Submission(owner, content, files, timestamp, tuple(left_out))
