"""What the cells of a submission did when they ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Noted:
    """What was called of a package that is only a stand-in, and the functions that led there, the innermost last.

    Attributes
    ----------
    name : str
        Of what was called, with its package.
    callers : tuple of str
        The functions that led there, the innermost last.
    """

    name: str
    callers: tuple[str, ...]


@dataclass(frozen=True)
class CellRun:
    """What one cell did: its outputs as they came, its error, or the reason why it was cut off.

    ``noted`` holds what it called of packages that are only stand-ins.

    Attributes
    ----------
    outputs : list
        As they came from the student's side.
    error : dict, optional
    cut_off : str, optional
        Why it was ended or left out.
    noted : tuple of Noted
        What it called of packages that are only stand-ins.
    """

    outputs: list[Any]
    error: dict[str, Any] | None = None
    cut_off: str | None = None
    noted: tuple[Noted, ...] = ()
