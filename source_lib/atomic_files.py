"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_write(path: Path, private: bool = False) -> Iterator[Path]:
    """Give a file to write that takes a path's name once it is whole; where writing fails, nothing is left of it.

    Parameters
    ----------
    path : pathlib.Path
        What is there is replaced.
    private : bool
        Whether only its owner may read the new file.

    Yields
    ------
    pathlib.Path
        The file to write, in the same folder.

    Raises
    ------
    OSError
        If the new file cannot be written or renamed.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if private:
            os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
