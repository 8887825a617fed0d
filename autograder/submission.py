"""What lies beside a submitted notebook, as far as it may be read."""

from __future__ import annotations

import os
from pathlib import Path

MAX_FILES = 100
MAX_FILE_BYTES = 16 * 2**20
MAX_ENTRIES = 1000


def files_beside(notebook: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the regular files of a submission folder, by relative name, and what was left out and why.

    Links are not followed: one of them could name any file of this machine.
    """
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    room = MAX_FILE_BYTES
    if notebook.parent.is_symlink():
        return {}, ["The submission is a link to another folder, which was not followed."]
    for path in _entries(notebook.parent):
        name = str(path.relative_to(notebook.parent))
        try:
            if path.is_symlink():
                left_out.append(f"The submission holds a link, {name}, which was not followed.")
            elif path.is_file() and path != notebook and path.suffix != ".ipynb" and path.name != "timestamp.txt":
                room -= path.stat().st_size
                if room < 0 or len(files) >= MAX_FILES:
                    left_out.append("The files beside the notebook are too many or too large; some were left out.")
                    break
                files[name] = path.read_bytes()
        except OSError as error:
            left_out.append(f"The file {name} cannot be read ({error.strerror}); it was left out.")
    return files, left_out[:MAX_FILES]


def links_beside(notebook: Path) -> list[str]:
    """Return the relative names of the links of a submission folder."""
    return [str(path.relative_to(notebook.parent)) for path in _entries(notebook.parent) if path.is_symlink()]


def _entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, links to folders not entered, sorted as far as it is read."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        found += [Path(place, name) for name in sorted([*names, *folders])]
        if len(found) > MAX_ENTRIES:
            break
    return sorted(found)
