"""Submissions to lab 1 that cheat, spy, break or hang: the corpus, and how one is handed in.

Each module holds some families. Most submissions start from the untouched release, so that what is paid is what the
attack earned; those that destroy start from the solved notebook.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import pkgutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

#: An attack that could read what it must not says so with this word, followed by what it read.
LEAKED = "LEAKED>"
#: An attack that writes outside of its folder writes files of this name.
MARKER = "hostile-was-here"
#: Who handed in the solved notebook, sits beside each of them, and comes last.
NEIGHBOR = "zz-neighbor"
FUNCTIONS = (
    *("activation", "conv2d_layer", "pool2d_layer", "flatten_layer"),
    *("dense_layer", "count_weights", "evaluate", "fast_conv2d_layer"),
)
#: What an attack in a cell knows of the lab.
_PRELUDE = f"""
FULL = {{"activation": 4.0, "conv2d_layer": 8.0, "pool2d_layer": 4.0, "flatten_layer": 2.0, "dense_layer": 4.0,
        "count_weights": 3.0, "evaluate": 5.0, "fast_conv2d_layer": 5.0}}
MARKER, LEAKED = "{MARKER}", "{LEAKED[:-1]}" + "{LEAKED[-1]}"
"""


@dataclass(frozen=True)
class Hostile:
    """One hostile submission.

    Attributes
    ----------
    name : str
        Unique, and the student's name when it is handed in.
    tries : str
        One sentence: what it tries.
    cell : str
        Code that is put into a cell after the set-up.
    answers : mapping of str to str
        Cells of answers with other code.
    solved : bool
        Whether it starts from the solved notebook instead of the released one.
    points : float
        What its honest part earns.
    change : callable, optional
        Changes the notebook before it is written.
    text : callable, optional
        Changes the file's bytes.
    beside : callable, optional
        Gets the folder once the notebook lies in it.
    family : str
        Filled in from the module.
    """

    name: str
    tries: str
    cell: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    solved: bool = False
    points: float = 0.0
    change: Callable[[NotebookNode], None] | None = None
    text: Callable[[bytes], bytes] | None = None
    beside: Callable[[Path], None] | None = None
    family: str = ""


def corpus() -> list[Hostile]:
    """Return all hostile submissions, family by family."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("test_"))
    return [one for name in modules for one in importlib.import_module(f"{__name__}.{name}").SUBMISSIONS]


def family(name: str, *submissions: Hostile) -> list[Hostile]:
    """Return submissions with the name of their family."""
    return [Hostile(**{**vars(one), "family": name}) for one in submissions]


def stubs(body: str, functions: tuple[str, ...] = FUNCTIONS) -> dict[str, str]:
    """Return answers that all take anything and have one body."""
    return {name: f"def {name}(*args):\n    name = {name!r}\n    {body}" for name in functions}


def find(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """Return a cell by its name."""
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def hand_in(one: Hostile, folder: Path, released: NotebookNode, solved: NotebookNode) -> Path:
    """Write a hostile submission into a folder and return the notebook's path.

    Parameters
    ----------
    one : Hostile
    folder : pathlib.Path
        Made here; its name is the lab's.
    released, solved : NotebookNode
        What it starts from; not changed.
    """
    notebook = nbformat.from_dict(json.loads(json.dumps(solved if one.solved else released)))
    for name, source in one.answers.items():
        find(notebook, name).source = source
    if one.cell:
        attack = nbformat.v4.new_code_cell(_PRELUDE + one.cell, id="attack")
        notebook.cells.insert(notebook.cells.index(find(notebook, "activation")), attack)
    if one.change is not None:
        one.change(notebook)
    content = json.dumps(notebook, indent=1).encode()
    path = folder / f"{folder.name}.ipynb"
    folder.mkdir(parents=True)
    path.write_bytes(content if one.text is None else one.text(content))
    if one.beside is not None:
        one.beside(folder)
    return path


def digest(one: Hostile) -> str:
    """Return what stands for the content of a submission: it changes when the attack does, not when the lab does."""
    names = [name for function in FUNCTIONS for name in (function, f"check_{function}")]
    cells = [
        nbformat.v4.new_code_cell(name, id=name, metadata={"nbgrader": {"grade_id": name, "grade": "check" in name}})
        for name in names
    ]
    blank = nbformat.v4.new_notebook(cells=cells)
    found = hashlib.sha256(repr((one.family, one.tries, one.solved, one.points)).encode())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / one.name / "lab1"
        hand_in(one, folder, blank, blank)
        # The folder itself may have become a link.
        for path in sorted([folder, *([] if folder.is_symlink() else folder.rglob("*"))]):
            found.update(f"{path.relative_to(folder.parent)}\0".encode("utf-8", "surrogateescape"))
            if path.is_symlink():
                found.update(os.readlink(path).encode())
            elif path.is_file():
                size = path.stat().st_size
                found.update(path.read_bytes() if size < 2**28 else str(size).encode())
    return found.hexdigest()[:16]
