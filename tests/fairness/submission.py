"""How a right submission is described: a name, one sentence, and what becomes of the solved notebook and its folder.

Right means: run from top to bottom where the student works, every check of the notebook pays in full.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode


@dataclass(frozen=True)
class Submission:
    """One way to hand in the lab.

    Attributes
    ----------
    name : str
        Unique in the corpus.
    says : str
        What is special about it, in one sentence.
    change : callable
        Changes the solved notebook in place, and may put files into the folder it is handed in with. Returns the bytes
        of the notebook's file where they are not simply those that nbformat writes.
    """

    name: str
    says: str
    change: Callable[[NotebookNode, Path], bytes | None]


#: By name, in the order in which they are written down.
SUBMISSIONS: dict[str, Submission] = {}


def submission(change: Callable[[NotebookNode, Path], bytes | None]) -> Callable[[NotebookNode, Path], bytes | None]:
    """Add a way to the corpus: the function's name is its name, its docstring the sentence."""
    name = change.__name__.replace("_", "-")
    if name in SUBMISSIONS:
        raise ValueError(f"There are two submissions called {name}.")
    SUBMISSIONS[name] = Submission(name, change.__doc__.strip(), change)
    return change


def named(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """Return the cell of a grade_id."""
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def answer(notebook: NotebookNode, **texts: str) -> None:
    """Put texts into the cells of the answers, by function."""
    for function, text in texts.items():
        named(notebook, function).source = dedented(text)


def extra(notebook: NotebookNode, text: str, before: str | None = "activation", tags: Sequence[str] = ()) -> None:
    """Add a code cell before a named one, or at the end."""
    cell = nbformat.v4.new_code_cell(dedented(text))
    if tags:
        cell.metadata["tags"] = list(tags)
    notebook.cells.insert(notebook.cells.index(named(notebook, before)) if before else len(notebook.cells), cell)


def dedented(text: str) -> str:
    return textwrap.dedent(text).strip("\n")
