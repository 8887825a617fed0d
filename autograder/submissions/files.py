"""What lies beside a submitted notebook, as far as it may be read."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Mapping
from itertools import accumulate
from pathlib import Path

from autograder.sandbox.wire import MAX_SHARED

MAX_FILES = 100
MAX_FILE_BYTES = 16 * 2**20
#: What Keras calls a file of weights. These have room of their own, all of them together.
WEIGHTS = ".weights.h5"
MAX_WEIGHTS_BYTES = MAX_SHARED
MAX_ENTRIES = 1000


def files_beside(notebook: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the regular files of a submission folder, by relative name, and what was left out and why.

    Links are not followed: one of them could name any file of this machine. A hidden folder, such as a repository or
    an environment, and caches hold nothing that a notebook reads.
    """
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    if notebook.parent.is_symlink():
        return {}, ["The submission is a link to another folder, which was not followed."]
    found: dict[Path, int] = {}
    for path in _entries(notebook.parent, MAX_ENTRIES, without=_is_cache):
        try:
            if path.is_symlink():
                name = path.relative_to(notebook.parent)
                left_out.append(f"The submission holds a link, {name}, which was not followed.")
            elif path.is_file() and path != notebook and path.suffix != ".ipynb" and path.name != "timestamp.txt":
                found[path] = path.stat().st_size
        except OSError as error:
            left_out.append(_unreadable(path, notebook, error))
    nearest = list(found)[:MAX_FILES]
    # Small ones first: a model that was saved must not take the place of a table of results.
    weights = [path for path in nearest if path.name.endswith(WEIGHTS)]
    others = [path for path in nearest if path not in weights]
    fits = _first(others, found, MAX_FILE_BYTES) | _first(weights, found, MAX_WEIGHTS_BYTES)
    fitting = [path for path in nearest if path in fits]
    heavy = [path for path in weights if path not in fits]
    left_out += [
        f"The file {path.relative_to(notebook.parent)} has {found[path] / 2**20:.1f} MB, and at most "
        f"{MAX_WEIGHTS_BYTES // 2**20} MB of weights are read; it was left out."
        for path in heavy
    ]
    if len(fitting) + len(heavy) < len(found):
        left_out.append("The files beside the notebook are too many or too large; some were left out.")
    for path in fitting:
        try:
            files[str(path.relative_to(notebook.parent))] = path.read_bytes()
        except OSError as error:
            left_out.append(_unreadable(path, notebook, error))
    return files, left_out[:MAX_FILES]


def _first(paths: list[Path], sizes: Mapping[Path, int], most: int) -> set[Path]:
    """Return the smallest of some files, as many as have so many bytes together."""
    smallest = sorted(paths, key=lambda path: sizes[path])
    return {path for path, sum in zip(smallest, accumulate(sizes[p] for p in smallest), strict=True) if sum <= most}


def _unreadable(path: Path, notebook: Path, error: OSError) -> str:
    return f"The file {path.relative_to(notebook.parent)} cannot be read ({error.strerror}); it was left out."


def names_in(folder: Path) -> list[str]:
    """Return the relative names of the regular files of a submission folder, the nearest first, without caches."""
    found = []
    for path in [] if folder.is_symlink() else _entries(folder, MAX_ENTRIES, without=_is_cache):
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink():
                found.append(str(path.relative_to(folder)))
    return found


def links_beside(notebook: Path) -> list[str]:
    """Return the relative names of the links of a submission folder."""
    return [str(path.relative_to(notebook.parent)) for path in _entries(notebook.parent) if path.is_symlink()]


def _entries(folder: Path, most: float = math.inf, without: Callable[[Path], bool] = lambda path: False) -> list[Path]:
    """Return what lies in a folder, the nearest first, links to folders not entered, and no folder after so many."""
    found: list[Path] = []
    waiting = deque([folder])
    while waiting and len(found) <= most:
        with contextlib.suppress(OSError):
            inside = [path for path in sorted(waiting.popleft().iterdir()) if not without(path)]
            found += inside
            waiting.extend(path for path in inside if path.is_dir() and not path.is_symlink())
    return found


def _is_cache(path: Path) -> bool:
    name = path.name
    return (name.startswith(".") or name in ("__pycache__", "__MACOSX")) and path.is_dir() and not path.is_symlink()
