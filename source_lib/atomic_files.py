"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Mapping
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


def write_together(texts: Mapping[Path, str], private: bool = False) -> None:
    """Write files that belong together: none of them takes its name before all are whole.

    Parameters
    ----------
    texts : mapping of pathlib.Path to str
        What to write where, in UTF-8; folders that are missing are made.
    private : bool
        Whether only their owner may read them.

    Raises
    ------
    IsADirectoryError
        If a folder has the name of one of them.
    OSError
        If one of them cannot be written.
    """
    for path in texts:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder", str(path))
    with contextlib.ExitStack() as renamed:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = renamed.enter_context(atomic_write(path, private))
            part.write_text(text, encoding="utf-8", newline="")
            part.chmod(0o600 if private else 0o644)
