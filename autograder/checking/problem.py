"""What is wrong with an answer, in the sentences that all checks use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

#: What the sentence begins with that says what was asked. It holds no other full stop than its last.
ASKED = "Asked: "


@dataclass(frozen=True)
class Problem:
    """What is wrong with an answer.

    Attributes
    ----------
    message : str
        What was asked, what came out, and what to do next.
    example : str
        A small input that shows it, as lines of a fixed width; empty where there is none.
    more : callable, optional
        Finds out more, by asking further questions, and returns a better account of the same problem. It decides about
        no point, so it waits until everything that does has been asked.
    """

    message: str
    example: str = ""
    more: Callable[[], Problem] | None = None


def lost(asked: str, problem: str) -> Problem:
    """Return why a line earns nothing, in the two sentences that all checks use.

    Parameters
    ----------
    asked : str
        What was asked, without a full stop.
    problem : str
        What is wrong, and what to do.
    """
    return Problem(f"{ASKED}{asked}. {problem}")


def without_asked(message: str) -> str:
    """Return a message without the sentence that says what was asked."""
    return re.sub(rf"^{ASKED}[^.]*\. ", "", message)
