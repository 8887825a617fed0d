"""What a lab wants to be handed in: the notebook, its cells, and the files beside it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a student for one lab.

    Attributes
    ----------
    lab : str
        The lab's name.
    cells : frozenset of str
        The ``grade_id`` of each cell that is scored.
    files : tuple of str
        What lies beside the notebook, by relative name. A star stands for any characters but a slash, a bar for "or":
        ``"masks.npz|masks.png"``.
    """

    lab: str
    cells: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()

    @property
    def notebook(self) -> str:
        """What the notebook is called."""
        return f"{self.lab}.ipynb"
