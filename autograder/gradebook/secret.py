"""The course's secret: a number that seeds the questions, made once and kept out of git."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from autograder.errors import UserError

NAME = "course_secret"


class SecretError(UserError):
    """The secret cannot be read or made. The text says where and what to do."""


def read_or_make(course: Path) -> int:
    """Return the secret of a course; make it where there is none yet.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.

    Returns
    -------
    int
        The same for everyone in the course and for every regrade.

    Raises
    ------
    SecretError
        If the file holds anything but a number, or cannot be written.
    """
    path = course / NAME
    try:
        if not path.exists():
            handle, beside = tempfile.mkstemp(prefix=f".{NAME}-", dir=course)
            with os.fdopen(handle, "w") as file:
                file.write(f"{secrets.randbits(64)}\n")
            try:
                # A link fails where the file is there by now: two runs at once agree on one secret.
                os.link(beside, path)
            except FileExistsError:
                pass
            finally:
                os.unlink(beside)
        text = path.read_text().strip()
    except OSError as error:
        raise SecretError(f"The course's secret {path} cannot be read or made: {error.strerror}.") from None
    if not text.isdigit():
        raise SecretError(f"{path} does not hold a number. Delete it to make a new secret; questions then change.")
    return int(text)
