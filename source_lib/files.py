"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give a file to write that takes a path's name once it is whole; where writing fails, nothing is left of it.

    Parameters
    ----------
    path : pathlib.Path
        What is there is replaced.

    Raises
    ------
    OSError
        If the new file cannot be written or renamed.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
