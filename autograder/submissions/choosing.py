"""Which of the files that a student handed in is the notebook, and which are those that the lab asks for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from nbformat.notebooknode import NotebookNode

from autograder.submissions.cells import UnreadableNotebookError, parse
from autograder.submissions.wanted import Wanted
from source_lib.text import counted, in_series, shorten, visible

#: Where a file goes whose place another one takes.
OTHER = "other"
#: What a release has in the place of an answer.
STUBS = ("raise NotImplementedError", "YOUR ANSWER HERE")
_NOTEBOOK = re.compile(r"\.ipynb(\.(txt|json))?$", re.IGNORECASE)
#: What browsers, file managers and platforms add to a name.
_ADDED = re.compile(r"^copy of |((?<!\s)\s*\(\d{1,4}\)|-\d{1,4}|(?<![ _-])[ _-]+copy)$", re.IGNORECASE)
_LISTED = 8


@dataclass(frozen=True)
class Seen:
    """What one look into a file tells that may be the notebook.

    Attributes
    ----------
    problem : str
        Why it cannot be read as a notebook; empty where it can.
    cells : int
        Cells that the lab scores.
    filled : int
        Answers that are no longer as they were released.
    misfit : str
        Why it hardly is the lab's notebook; empty where it may be.
    digest : str
        Stands for its content.
    foreign : bool
        Whether it has cells of another lab or course.
    cut : tuple of str
        What of it is not read as it stands there, a sentence each.
    """

    problem: str = ""
    cells: int = 0
    filled: int = 0
    misfit: str = ""
    digest: str = ""
    foreign: bool = False
    cut: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """What is taken of a submission.

    Attributes
    ----------
    notebook : str
        The relative name of the notebook; empty where there is none.
    placed : dict of str to str
        By the name under which a file is taken, the one under which it was handed in.
    said : tuple of str
        What was taken under another name.
    doubts : tuple of str
        Why a person must look.
    missing : tuple of str
        Files that the lab asks for and that are not there.
    """

    notebook: str = ""
    placed: Mapping[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def look_into(content: bytes, wanted: Wanted, name: str = "") -> Seen:
    """Look into a file that may be the notebook.

    Parameters
    ----------
    content : bytes
        All of it.
    wanted : Wanted
    name : str
        What it is called; the name that is wanted by default.
    """
    digest = hashlib.sha256(content).hexdigest()
    try:
        notebook = parse(content, name or wanted.notebook)
    except UnreadableNotebookError as error:
        return Seen(str(error), digest=digest)
    ids = _ids(notebook)
    answers = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution") is True]
    filled = sum(not any(stub in cell.source for stub in STUBS) for cell in answers)
    found = wanted.cells & ids
    unlike, foreign = misfit(notebook, wanted, name), bool(ids) and not found
    return Seen("", len(found), filled, unlike, digest, foreign, tuple(notebook.metadata.get("cut", ())))


def misfit(notebook: NotebookNode, wanted: Wanted, name: str = "") -> str:
    """Return why a notebook hardly is that of the lab; empty where it has a cell that the lab scores.

    Parameters
    ----------
    notebook : NotebookNode
        As it was handed in, clean.
    wanted : Wanted
    name : str
        What it is called; the name that is wanted by default.

    Examples
    --------
    >>> from nbformat.v4 import new_markdown_cell, new_notebook
    >>> print(misfit(new_notebook(cells=[new_markdown_cell("# Other")]), Wanted("mine", frozenset({"a"}))))
    mine.ipynb has none of the cells that mine scores. It has 1 cell and begins with "Other". Is it the right file?
    """
    if not wanted.cells or wanted.cells & _ids(notebook):
        return ""
    name = shorten(name or wanted.notebook, 80)
    lines = (line.strip("# \t") for cell in notebook.cells for line in cell.source.splitlines())
    first = next(filter(None, lines), "")
    told = f'It has {counted(len(notebook.cells), "cell")} and begins with "{shorten(first, 60)}".'
    return (
        f"{name} has none of the cells that {wanted.lab} scores. "
        f"{told if first else 'It is empty.'} Is it the right file?"
    )


def _ids(notebook: NotebookNode) -> set[str]:
    return {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells} - {None}


def is_notebook(name: str) -> bool:
    """Return whether a file is a notebook by its name, and no copy that a program keeps for itself."""
    return bool(_NOTEBOOK.search(name)) and not any(
        part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts
    )


def choose(names: Iterable[str], wanted: Wanted, look: Callable[[str], Seen]) -> Choice:
    """Choose the notebook and the files that a lab asks for: where exactly one file can be meant, it is taken.

    Parameters
    ----------
    names : iterable of str
        The relative names of all files, those that were handed in last at the end.
    wanted : Wanted
    look : callable
        Takes the name of a file and looks into it. It is called only where there are several notebooks.
    """
    names = [name for name in names if name != "timestamp.txt"]
    notebooks = [name for name in names if is_notebook(name)]
    said: list[str] = []
    doubts: list[str] = []
    chosen = ""
    if len(notebooks) == 1:
        (chosen,) = notebooks
        if chosen != wanted.notebook:
            said.append(f"{visible(chosen)} was taken as {wanted.notebook}: it is the only notebook.")
    elif notebooks:
        chosen, why, doubt = _best(notebooks, wanted, look)
        said += [why] if why else []
        doubts += [doubt] if doubt else []
    else:
        doubts.append(f"There is no notebook. {_there(names)} Hand in {wanted.notebook}.")
    placed = _placed(names, chosen, wanted)
    missing = []
    for asked in wanted.files:
        lacks, told, doubt = _asked(asked, names, placed)
        missing += [lacks] if lacks else []
        said += told
        doubts += [doubt] if doubt else []
    return Choice(chosen, placed, tuple(said), tuple(doubts), tuple(missing))


def _there(names: list[str]) -> str:
    if not names:
        return "Nothing was handed in."
    shown = in_series([shorten(name, 60) for name in names[:_LISTED]])
    return f"What was handed in: {shown}{f' and {len(names) - _LISTED} more' if len(names) > _LISTED else ''}."


def _best(notebooks: list[str], wanted: Wanted, look: Callable[[str], Seen]) -> tuple[str, str, str]:
    """Return the notebook of several, what is said about it, and why a person must look; empty where there is none."""
    seen = {name: look(name) for name in notebooks}
    # The name that is wanted comes last, since of several files with one content the last one stays.
    ordered = sorted(notebooks, key=lambda name: name == wanted.notebook)
    different = list({seen[name].digest or name: name for name in ordered}.values())
    pools = (
        [name for name in different if seen[name].cells and seen[name].filled],
        [name for name in different if seen[name].cells],
        [name for name in different if not seen[name].problem],
        different,
    )
    pool = next(filter(None, pools))
    chosen = wanted.notebook if wanted.notebook in pool else pool[-1]
    others = in_series([shorten(name, 60) for name in notebooks[:_LISTED] if name != chosen])
    if len(pool) > 1:
        rivals = in_series([shorten(name, 60) for name in pool[:_LISTED] if name != chosen])
        return (
            chosen,
            "",
            f"{counted(len(pool), 'notebook')} may be meant: {visible(chosen)} was taken, and {rivals} may be the one. "
            "Which is the last version?",
        )
    if chosen == wanted.notebook:
        return chosen, "", ""
    return chosen, f"{visible(chosen)} was taken as {wanted.notebook}, and not {others}: {_why(seen, pools)}.", ""


def _why(seen: Mapping[str, Seen], pools: tuple[list[str], ...]) -> str:
    if pools[0]:
        return "it alone holds answers to the lab"
    if pools[1]:
        return "it alone has the cells of the lab"
    return "it alone can be read" if pools[2] and any(one.problem for one in seen.values()) else "they are the same"


def _placed(names: list[str], chosen: str, wanted: Wanted) -> dict[str, str]:
    """Return where each file goes: those in the notebook's folder beside it, and what is in the way elsewhere."""
    base = chosen.rpartition("/")[0]
    placed = {wanted.notebook: chosen} if chosen else {}
    inside = [name for name in names if name != chosen and base and name.startswith(f"{base}/")]
    for name in inside:
        placed.setdefault(name.removeprefix(f"{base}/"), name)
    taken = set(placed.values())
    for name in (name for name in names if name not in taken):
        placed.setdefault(name if name not in placed else f"{OTHER}/{name}", name)
    return placed


def _asked(asked: str, names: list[str], placed: dict[str, str]) -> tuple[str, list[str], str]:
    """Find a file that is asked for; return what is missing, what is said and why a person must look."""
    patterns = asked.split("|")
    if any(_fits(name, pattern) for name in placed for pattern in patterns):
        return "", [], ""
    for pattern in patterns:
        if "*" in pattern:
            found = {name.rpartition("/")[2]: name for name in placed if _fits(name.rpartition("/")[2], pattern)}
            moved = {target: name for target, name in found.items() if target not in placed}
        else:
            near = [name for name in placed if _plain(name, pattern) == pattern.casefold()]
            if len(near) > 1:
                shown = in_series([shorten(name, 60) for name in near[:_LISTED]])
                return "", [], f"Several files may be {pattern}: {shown}. None was taken for it."
            moved = {pattern: near[0]} if near else {}
        if moved:
            told = []
            for target, name in moved.items():
                placed[target] = placed.pop(name)
                told.append(f"{visible(placed[target])} was taken as {target}.")
            return "", told, ""
    return " or ".join(patterns), [], ""


def _fits(name: str, pattern: str) -> bool:
    return name.count("/") == pattern.count("/") and fnmatchcase(name, pattern)


def _plain(name: str, like: str) -> str:
    """Return the end of a name, as many parts as another one has, without what browsers and platforms add."""
    parts = name.casefold().split("/")[-1 - like.count("/") :]
    last = parts[-1].removesuffix(".txt") if not like.casefold().endswith(".txt") else parts[-1]
    stem, dot, suffix = last.partition(".")
    if "/".join([*parts[:-1], last]) == like.casefold():
        return like.casefold()
    return "/".join([*parts[:-1], _ADDED.sub("", stem) + dot + suffix])
