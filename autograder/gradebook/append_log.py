"""Logs of one line of JSON each that only grow, whatever stops those who write them."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from autograder.errors import UserError


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, bytes]]:
    """Give a log to be added to, by one at a time, and what it holds; made where it is missing, for its owner alone.

    Parameters
    ----------
    path : pathlib.Path

    Yields
    ------
    tuple of file and bytes

    Raises
    ------
    UserError
        If it cannot be opened or read.
    """
    try:
        file = open(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file, file.read()


def append(file: BinaryIO, records: Sequence[Mapping[str, Any]]) -> None:
    """Add records to a log that is `opened`, each with the time as ``when``.

    A line that was cut off is ended first, so that what is added is a line of its own.

    Parameters
    ----------
    file : binary file
    records : sequence of mapping

    Raises
    ------
    UserError
        If they cannot be written.
    """
    size = file.seek(0, os.SEEK_END)
    unfinished = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    lines = [json.dumps({**record, "when": now}, sort_keys=True) + "\n" for record in records]
    left = memoryview((("\n" if unfinished and lines else "") + "".join(lines)).encode("ascii"))
    try:
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"The log cannot be written: {error.strerror}. Run this again.") from None


def parsed(content: bytes) -> list[tuple[int, Any]]:
    """Return the lines of a log that are not empty, each with its number; None for one that was cut off.

    Parameters
    ----------
    content : bytes
    """
    found: list[tuple[int, Any]] = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            try:
                found.append((number, json.loads(line)))
            except (ValueError, RecursionError):
                found.append((number, None))
    return found
