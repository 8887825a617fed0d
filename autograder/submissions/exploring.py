"""Which cells only explore, so that grading does not run them: decided by their text alone, here and in a kernel."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Set

#: Characters of a cell.
MAX_SOURCE = 2**20
EXPLORE = "explore"
#: Says the same as the tag, where a notebook has none or loses them.
EXPLORE_LINE = f"# {EXPLORE}"


def text_explores(text: str, tags: Collection[str], released: Set[str]) -> bool:
    """Return whether a cell without a role only explores: by its tag, by its first line, or since it was released so.

    Parameters
    ----------
    text : str
    tags : collection of str
    released : set of str
        The `fingerprint` of each released cell that only explores.
    """
    first = first_line(text)
    if EXPLORE in tags or first == EXPLORE_LINE or fingerprint(text) in released:
        return True
    # What was released as a comment alone was room for what follows it now.
    return first.startswith("#") and fingerprint(first) in released


def first_line(text: str) -> str:
    """Return the first line of a cell that is neither empty nor a cell magic."""
    lines = map(str.strip, text.splitlines())
    return next((line for line in lines if line and not line.startswith("%%")), "")


def fingerprint(text: str) -> str:
    """Return what stands for the text of a cell, however its lines end and whatever lines are empty."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()[:16]
