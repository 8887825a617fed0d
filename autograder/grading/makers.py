"""Which cell of a submission makes a name that was not there when it was graded, and why it was not."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Set

from nbformat.notebooknode import NotebookNode

from autograder.submissions.absent import EXPLORES, LOOKED_UP, made_in, stops
from autograder.submissions.cell_run import CellRun
from autograder.submissions.cells import explores
from autograder.submissions.names import made_by
from autograder.submissions.python_source import MAX_WORDS, parsed, words

#: How many cells a reason goes back, where each stops for want of another.
_MOST_STEPS = 3


class Makers:
    """Finds out why names were not there when a submission was graded.

    Parameters
    ----------
    notebook : NotebookNode
        The submission with the roles of its cells restored.
    ran : mapping of int to CellRun
        What each cell did that was run, by its position.
    released : set of str
        Of the released cells that only explore, as `exploring.fingerprint` gives them.
    """

    def __init__(self, notebook: NotebookNode, ran: Mapping[int, CellRun], released: Set[str]) -> None:
        self._cells, self._ran, self._released = notebook.cells, ran, released

    def find(self, name: str, steps: int = _MOST_STEPS) -> str:
        """Return which cell makes a name, and why it is not there.

        Parameters
        ----------
        name : str
        steps : int
            How many cells the reason goes back.
        """
        position = self._positions.get(name)
        if position is None:
            return f"No cell that grading runs makes {name}."
        return made_in(name, self._cells[position].source, self._reason(position, steps - 1))

    def _reason(self, position: int, steps: int) -> str:
        if explores(self._cells[position], self._released):
            return EXPLORES
        ran = self._ran[position]
        if ran.error is None:
            return f"While grading: {ran.cut_off}"
        missing = LOOKED_UP.search(f"{ran.error.get('ename')}: {ran.error.get('evalue')}"[:200])
        if missing is None:
            return f"That cell stops while grading with {ran.error.get('ename')}."
        return stops(missing["name"], self.find(missing["name"], steps) if steps else "")

    @functools.cached_property
    def _positions(self) -> dict[str, int]:
        """The last of the cells that make each name and were not run, or not to their end."""
        found: dict[str, int] = {}
        room = MAX_WORDS
        for position, cell in enumerate(self._cells):
            ran = self._ran.get(position)
            ended = ran is not None and (ran.error is not None or ran.cut_off is not None)
            if cell.cell_type != "code" or not (ended or explores(cell, self._released)):
                continue
            room -= words(cell.source)
            tree = parsed(cell.source) if room >= 0 else None
            found |= dict.fromkeys(made_by(tree.body) if tree else (), position)
        return found
