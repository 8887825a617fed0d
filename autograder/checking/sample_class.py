"""A sample class for the demo: students who make one typical mistake each, on the solved notebook of a lab."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.errors import UserError

if TYPE_CHECKING:
    from nbformat.notebooknode import NotebookNode

    Change = Callable[[NotebookNode], None]

#: nbgrader's marks around a solution.
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


def _unchanged(notebook: NotebookNode) -> None:
    """Leave the notebook as it is."""


def _no_files(material: Mapping[str, Any]) -> Mapping[str, bytes]:
    return {}


def _whole(content: bytes) -> bytes:
    return content


@dataclass(frozen=True)
class Sample:
    """One member of a sample class.

    Attributes
    ----------
    name : str
        The student id, which says it all.
    points : tuple of float
        The least and the most automatic points that it gets.
    loses : frozenset of str
        The functions whose check it does not pass whole.
    change : callable
        Changes the notebook in place.
    files : callable
        Takes what the lab brings for grading, and returns what lies beside the notebook, by name.
    content : callable
        Changes the bytes of the notebook's file.
    solved : bool
        Whether it starts from the solved notebook, or from the one that was released.
    flagged : bool
        Whether a person must look at it.
    """

    name: str
    points: tuple[float, float]
    loses: frozenset[str] = frozenset()
    change: Change = _unchanged
    files: Callable[[Mapping[str, Any]], Mapping[str, bytes]] = _no_files
    content: Callable[[bytes], bytes] = _whole
    solved: bool = True
    flagged: bool = False


def _nothing_to_prepare(course: Path, seed: int) -> None:
    """Leave the course's folder as it is."""


@dataclass(frozen=True)
class SampleClass:
    """The sample class of one lab.

    Attributes
    ----------
    samples : tuple of Sample
    written : str
        What everybody writes where a person grades.
    prepare : callable
        Takes the course's folder and its secret before the lab is released, and puts there what grading needs.
    """

    samples: tuple[Sample, ...]
    written: str = ""
    prepare: Callable[[Path, int], None] = _nothing_to_prepare


def find_cell(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """Return the cell of a ``grade_id``.

    Parameters
    ----------
    notebook : NotebookNode
    grade_id : str

    Raises
    ------
    UserError
        If the notebook has none.
    """
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            return cell
    raise UserError(f"The sample class does not fit its lab: there is no cell {grade_id}.")


def edit(grade_id: str, old: str, new: str) -> Change:
    """Return a change that puts one typical mistake into one answer of the solved notebook.

    Parameters
    ----------
    grade_id : str
        The cell.
    old, new : str
        What is replaced, and by what.

    Raises
    ------
    UserError
        When the change is made, if the cell does not hold the text.
    """

    def change(notebook: NotebookNode) -> None:
        cell = find_cell(notebook, grade_id)
        if old not in cell.source:
            raise UserError(f"The sample class does not fit its lab: {grade_id} holds no {old!r} to change.")
        cell.source = cell.source.replace(old, new)

    return change


def add(source: str, before: str) -> Change:
    """Return a change that adds a code cell before the cell of a ``grade_id``.

    Parameters
    ----------
    source : str
        Of the new cell.
    before : str
        The ``grade_id`` of the cell that it stands before.
    """

    def change(notebook: NotebookNode) -> None:
        from nbformat.v4 import new_code_cell

        notebook.cells.insert(notebook.cells.index(find_cell(notebook, before)), new_code_cell(source))

    return change


def together(*changes: Change) -> Change:
    """Return a change that makes several, one after the other."""

    def change(notebook: NotebookNode) -> None:
        for one in changes:
            one(notebook)

    return change


def without_marks(source: str) -> str:
    """Return the text of a cell without nbgrader's marks around the solution."""
    return "\n".join(line for line in source.split("\n") if line.strip() not in (BEGIN, END))
