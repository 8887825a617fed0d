"""What the course draws on, item by item, and where it has each: ``_data/sources.yml`` as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

LIST = "_data/sources.yml"


def listed(source: Path) -> dict[str, Any]:
    """Return the list of the items.

    Parameters
    ----------
    source : Path
        Folder of the pages.

    Returns
    -------
    dict
        ``sources``, ``unlinked`` and ``parts``, as the head of the file describes them.
    """
    return yaml.safe_load((source / LIST).read_text())


def link(place: str) -> str:
    """Return a place of the course as a link in MyST.

    Parameters
    ----------
    place : str
        ``PAGE``, ``PAGE#HEADING`` or ``labs/labN#NAME``, where ``NAME`` is something that the lab asks for.

    Returns
    -------
    str
        A link whose text is the title of the page or of the heading. What a lab asks for has no heading on the site:
        it leads to the lab's page, and the text names it.

    Examples
    --------
    >>> link("theory/pooling#odd-sizes")
    '[](/theory/pooling.md#odd-sizes)'
    >>> link("labs/lab1#evaluate")
    '[Lab 1: `evaluate`](/labs/lab1.md)'
    """
    page, _, within = place.partition("#")
    if within and is_lab(page):
        return f"[Lab {page.removeprefix('labs/lab')}: `{within}`](/{page}.md)"
    return f"[](/{page}.md{'#' * bool(within)}{within})"


def is_lab(page: str) -> bool:
    """Say whether a page is that of a lab, such as ``labs/lab1``."""
    return page.startswith("labs/lab")


def tables(source: Path) -> str:
    """Return the page's sections: for each part a heading, and for each of its sources a table of the items."""
    known = listed(source)
    lines = []
    for part in known["parts"]:
        lines += [f"## {part['letter']}. {part['title']}", ""]
        for group in part["groups"]:
            name = group["source"]
            named = f", {known['sources'][name]}" if name in known["sources"] else ""
            lines += [f"**{name}**{named}", "", "| item | where |", "| :-- | :-- |"]
            for item in group["items"]:
                told = [*map(link, item.get("where", ())), *([f"*{item['missing']}*"] if "missing" in item else [])]
                lines.append(f"| {item['what']} | {'; '.join(told)} |")
            lines.append("")
    return "\n".join(lines)
