"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

#: Seconds after which what another process was writing may be taken for left behind.
_LEFT_ALONE = 600.0


@contextlib.contextmanager
def atomic_write(path: Path, private: bool = False) -> Iterator[Path]:
    """Give a file to write that takes a path's name once it is whole; where writing fails, nothing is left of it.

    What a process that was killed left of its own is removed by the next one that writes there.

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
    _remove_leftovers(path)
    try:
        if private:
            os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove what processes that are gone were writing."""
    # Elsewhere a signal of 0 would end the process that is asked.
    if os.name != "posix":
        return
    named = re.compile(rf"\.{re.escape(path.name)}\.([1-9][0-9]{{0,9}})\.part")
    with contextlib.suppress(OSError):
        for other in os.listdir(path.parent):
            part = path.with_name(other)
            # Whoever writes from another machine or container has a process that does not run here.
            old = (found := named.fullmatch(other)) and time.time() - part.stat().st_mtime > _LEFT_ALONE
            if old and not _runs(int(found[1])):
                part.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


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
