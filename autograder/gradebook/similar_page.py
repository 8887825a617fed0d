"""Pairs of submissions with code in common, as a page that needs neither scripts nor the network."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from autograder.errors import UserError
from autograder.gradebook.similar import COMMON_LEAST, COMMON_PART, Code, Comparison, Pair
from autograder.gradebook.templates import template
from source_lib.atomic_files import write_together
from source_lib.text import counted, visible

#: So many pairs are shown, the most alike.
MOST = 50


def write_similar(found: Comparison, folder: Path) -> Path:
    """Write ``<lab>.html``, for its owner alone.

    Parameters
    ----------
    found : Comparison
    folder : pathlib.Path
        Where to; made where it is missing.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    path = folder / f"{found.lab.name}.html"
    try:
        write_together({path: similar_html(found)}, private=True)
    except OSError as error:
        raise UserError(f"The page cannot be written to {folder}: {error.strerror}.") from None
    return path


def similar_html(found: Comparison) -> str:
    """Return the whole page. Everything in it that came from a student is escaped.

    Parameters
    ----------
    found : Comparison
    """
    made = datetime.datetime.now(datetime.UTC)
    shown = found.pairs[:MOST]
    facts = [
        f"Made on {made.day} {made:%B %Y, %H:%M %Z}",
        f"{counted(len(found.students), 'submission')} compared",
        counted(len(found.pairs), "pair"),
    ]
    return template("similar.html.jinja").render(
        title=f"Similar submissions: {found.lab.title}",
        facts=" · ".join(facts),
        pairs=[_pair(one) for one in shown],
        more=f"The {MOST} most alike of {len(found.pairs)} pairs are shown. A higher --threshold shows fewer."
        if len(found.pairs) > MOST
        else "",
        alike=[visible(name) for name in found.common],
        unread=[{"name": visible(name), "reason": reason} for name, reason in sorted(found.unread.items())],
        threshold=f"{100 * found.threshold:g}",
        common=f"{100 * COMMON_PART:g} %",
        least=COMMON_LEAST,
    )


def _pair(pair: Pair) -> dict[str, Any]:
    names = [visible(code.student) for code in pair.codes]
    shares = [round(100 * share) for share in pair.shares]
    sides = [
        {
            "name": names[side],
            "label": f"Code of {names[side]} beside that of {names[1 - side]}",
            "share": shares[side],
            "cells": _cells(pair.codes[side], pair.marked[side]),
        }
        for side in (0, 1)
    ]
    return {"names": names, "shares": shares, "lines": [len(marked) for marked in pair.marked], "sides": sides}


def _cells(code: Code, marked: frozenset[int]) -> list[dict[str, Any]]:
    """Return the cells that have a marked line."""
    cells: dict[int, list[dict[str, Any]]] = {}
    for place, (number, text) in enumerate(code.lines):
        cells.setdefault(number, []).append({"text": text, "marked": place in marked})
    return [
        {"number": number, "lines": lines} for number, lines in cells.items() if any(line["marked"] for line in lines)
    ]
