"""The file of the notebook that is open, as it was saved last: the order of its cells, and their tags."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.submissions.exploring import EXPLORE
from autograder.submissions.names import made_by
from autograder.submissions.python_source import parsed

#: A file that is larger is not read.
_MAX_BYTES = 16 * 2**20


@dataclass(frozen=True)
class SavedCell:
    """A code cell.

    Attributes
    ----------
    text : str
    tagged : bool
        Whether it has the tag of cells that only explore.
    made : frozenset of str
        The names that it makes.
    """

    text: str
    tagged: bool
    made: frozenset[str]


def saved_cells(names: Mapping[str, Any]) -> tuple[SavedCell, ...]:
    """Return the code cells of the notebook that runs in this kernel; none where its file is not known.

    Parameters
    ----------
    names : mapping of str to object
        The kernel's names: VS Code writes the file's there, and a Jupyter server into the environment.
    """
    path = Path(str(names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or ""))
    # A server may give the path from its own folder; a kernel runs in the notebook's.
    path = path if path.is_file() else Path(path.name)
    try:
        found = path.stat()
    except OSError:
        return ()
    return _read(path.absolute(), found.st_mtime_ns) if path.is_file() and found.st_size <= _MAX_BYTES else ()


@functools.lru_cache(maxsize=1)
def _read(path: Path, changed: int) -> tuple[SavedCell, ...]:
    try:
        cells = json.loads(path.read_bytes())["cells"]
        return tuple(_cell(cell) for cell in cells if cell["cell_type"] == "code")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()


def _cell(cell: Mapping[str, Any]) -> SavedCell:
    text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    tree = parsed(text)
    made = made_by(tree.body) if tree is not None else ()
    return SavedCell(text, EXPLORE in cell["metadata"].get("tags", ()), frozenset(made))
