"""What a lab shows to whoever practices: other numbers than those that are graded, and a verdict on them."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.checking.problem import Problem


@dataclass(frozen=True)
class PracticeRound:
    """One round of practice.

    Attributes
    ----------
    given : str
        The numbers, as lines of a fixed width.
    problems : sequence of Problem or None, optional
        One per line of the check, None where the answer is right. Nothing at all while there is no answer.
    notes : tuple of str
        What to do, or how the right answer is worked out.
    """

    given: str
    problems: Sequence[Problem | None] | None
    notes: tuple[str, ...]


#: Takes a function's name, the seed of its numbers, the notebook's ``globals()``, and an answer, or None.
Practice = Callable[[str, int, MutableMapping[str, Any], Any], PracticeRound]
