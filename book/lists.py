"""A Sphinx extension: lists that nobody should keep by hand: modules, chapters with their time, what we draw on."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import yaml
from sphinx.application import Sphinx

import source_lib
from autograder.labs import get_lab
from book.draws import tables
from source_lib.text import in_series

ROOT = Path(__file__).resolve().parents[1]
#: Words of a chapter that are read in a minute, with time to look at code and figures and to think.
WORDS = 100
#: Minutes for an exercise.
EXERCISE = 10


def modules() -> list[str]:
    """Return the names of the public modules of source_lib, in order."""
    found = (module.name for module in pkgutil.walk_packages(source_lib.__path__, "source_lib."))
    return sorted(name.removeprefix("source_lib.") for name in found if "._" not in name)


def borrowed(name: str) -> list[str]:
    """Return what a module offers that another one defines; it is described once, there."""
    module = importlib.import_module(f"source_lib.{name}")
    offered = getattr(module, "__all__", ())
    return [each for each in offered if getattr(getattr(module, each), "__module__", None) != module.__name__]


def api() -> str:
    """Return a section for each module, as the API page holds it."""
    return "\n".join(
        f"## source_lib.{name}\n\n```{{eval-rst}}\n.. automodule:: source_lib.{name}\n   :members:\n"
        f"   :exclude-members: {', '.join(borrowed(name))}\n```\n"
        for name in modules()
    )


def hours(text: str) -> str:
    """Return an estimate of the time that a chapter takes, in half hours.

    Parameters
    ----------
    text : str
        The chapter, in MyST.

    Examples
    --------
    >>> hours("word " * 3000 + "\\n**1.** Why?\\n\\n**2.** Why not?\\n")
    '1 h'
    """
    prose = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    exercises = re.findall(r"^\*\*\d+\.\*\*", prose, flags=re.MULTILINE)
    halves = max(1, round((len(prose.split()) / WORDS + EXERCISE * len(exercises)) / 30))
    return f"{halves // 2 or ''}{'½' * (halves % 2)} h"


def chapters(source: Path) -> str:
    """Return the table of the chapters in the order of the contents, with the time that each takes."""
    contents = yaml.safe_load((source / "_toc.yml").read_text())
    rows = ["| chapter | takes about |", "| :-- | --: |"]
    for part in contents.get("parts", ()):
        for entry in part["chapters"]:
            name = entry.get("file", "")
            if name.startswith("theory/"):
                rows.append(f"| [](/{name}.md) | {hours((source / f'{name}.md').read_text())} |")
    return "\n".join(rows)


def titles(source: Path) -> dict[str, str]:
    """Return the name of each chapter, such as ``theory/convolution``, by its title."""
    pages = sorted((source / "theory").glob("*.md"))
    heads = {page: re.search(r"^# (.*)$", page.read_text(), flags=re.MULTILINE) for page in pages}
    return {head[1].strip(): f"theory/{page.stem}" for page, head in heads.items() if head}


def needs(source: Path, lab: str) -> str:
    """Return what a lab's page says about how to begin: the chapters that it needs, and where to install the course.

    Parameters
    ----------
    source : Path
        Folder of the pages.
    lab : str
        The lab's name.

    Raises
    ------
    KeyError
        If the lab names a chapter that there is not.
    """
    found = titles(source)
    named = in_series([f"[](/{found[title]}.md)" for title in get_lab(lab).chapters])
    chapters = f"Read {named} first, or with the notebook beside you.\n" if named else ""
    return f"{chapters}[](/get-started.md) says how to install the course, open a lab and hand it in."


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put each list in the place of its mark, a comment on a line of its own."""
    pages = Path(app.srcdir)
    marks = {
        "modules of source_lib": api,
        "chapters and their time": lambda: chapters(pages),
        "what the course draws on": lambda: tables(pages),
        "what the lab needs": lambda: needs(pages, Path(docname).name),
    }
    for mark, made in marks.items():
        if (line := f"\n% {mark}\n") in source[0]:
            source[0] = source[0].replace(line, f"\n{made()}\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
