"""What grading will see of a submission, for the student who is about to hand it in: the same look, on any machine."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from nbformat.notebooknode import NotebookNode

from autograder.submissions.cells import UnreadableNotebookError, explores, parse, read_content, runnable
from autograder.submissions.choosing import STUBS, Seen, choose, look_into, misfit
from autograder.submissions.files import files_beside, names_in
from autograder.submissions.wanted import Wanted
from source_lib.text import counted, in_series, shorten, visible

_LISTED = 20


@dataclass(frozen=True)
class Preview:
    """What grading will see.

    Attributes
    ----------
    told : tuple of str
        What will be taken and run, in sentences.
    problems : tuple of str
        What should be put right before it is handed in.
    unfilled : tuple of str
        The parts that nobody has begun.
    """

    told: tuple[str, ...]
    problems: tuple[str, ...]
    unfilled: tuple[str, ...] = ()


def preview(folder: Path, wanted: Wanted, checks: Set[str], released: Set[str]) -> Preview:
    """Look at a folder as grading will look at it.

    Parameters
    ----------
    folder : pathlib.Path
    wanted : Wanted
        What the lab wants.
    checks : set of str
        The ``grade_id`` of the cells that are asked from outside.
    released : set of str
        The `exploring.fingerprint` of each released cell that only explores.
    """

    def look(name: str) -> Seen:
        try:
            return look_into(read_content(folder / name), wanted, name)
        except UnreadableNotebookError as error:
            return Seen(str(error))

    names = names_in(folder)
    choice = choose(names, wanted, look)
    told = list(choice.said)
    problems = list(choice.doubts)
    unfilled: list[str] = []
    if choice.notebook:
        said, wrong, unfilled = _notebook(folder / choice.notebook, wanted, checks, released)
        told += said
        problems += wrong
    beside, left_out = files_beside(folder / wanted.notebook)
    read = [visible(name) for name in beside if name != choice.notebook]
    if read and choice.notebook:
        more = f" and {len(read) - _LISTED} more" if len(read) > _LISTED else ""
        told.append(f"Files beside it: {in_series(read[:_LISTED]) if not more else ', '.join(read[:_LISTED]) + more}.")
    problems += left_out
    if choice.missing:
        problems.append(f"Not there: {in_series(choice.missing)}. The lab asks for it beside the notebook.")
    return Preview(tuple(told), tuple(problems), tuple(unfilled))


def _notebook(path: Path, wanted: Wanted, checks: Set[str], released: Set[str]) -> tuple[list[str], ...]:
    """Return what is said of a notebook, what is wrong with it, and which parts nobody has begun."""
    try:
        notebook = parse(read_content(path), path.name)
    except UnreadableNotebookError as error:
        return [], [str(error)], []
    if wrong := misfit(notebook, wanted, path.name):
        return [], [wrong], []
    problems = list(notebook.metadata.get("cut", []))
    meta = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    ids = [one.get("grade_id") for one in meta]
    if lost := sorted(wanted.cells - set(ids)):
        problems.append(
            f"{counted(len(lost), 'cell')} that {wanted.lab} scores {'is' if len(lost) == 1 else 'are'} not there: "
            f"{in_series(lost)}. Take {'it' if len(lost) == 1 else 'them'} over from the notebook that you were given."
        )
    if twice := sorted({name for name in ids if name and ids.count(name) > 1}):
        problems.append(f"There is more than one cell called {in_series(twice)}. Delete the copies.")
    told = [f"{path.name} has {counted(len(notebook.cells), 'cell')}, {len(wanted.cells - set(lost))} of them scored."]
    open_ones = [
        one["grade_id"]
        for one, cell in zip(meta, notebook.cells, strict=True)
        if one.get("solution") is True and any(stub in cell.source for stub in STUBS)
    ]
    if open_ones:
        told.append(f"Not filled in yet: {in_series(open_ones)}. If they are, the notebook has not been saved since.")
    told.append(_run(notebook, checks, released))
    return told, problems, open_ones


def _run(notebook: NotebookNode, checks: Set[str], released: Set[str]) -> str:
    skipped = [number for number, cell in enumerate(notebook.cells, start=1) if explores(cell, released)]
    run = runnable(notebook, checks, released, explored=False)
    which = f": cell {', '.join(map(str, skipped[:_LISTED]))}" if skipped else ""
    more = f" and {len(skipped) - _LISTED} more" if len(skipped) > _LISTED else ""
    return (
        f"Grading runs {counted(len(run), 'cell')} of code and asks the functions itself. "
        f"It skips {len(skipped)} that only explore{which}{more}, but for what they define."
    )


def lines(found: Preview, wanted: Wanted) -> list[str]:
    """Return a preview as lines of text.

    Parameters
    ----------
    found : Preview
    wanted : Wanted
    """
    problems = [f"To put right: {shorten(text, 600)}" for text in found.problems]
    if problems:
        end = f"{counted(len(problems), 'thing')} to put right."
    elif found.unfilled:
        end = f"{wanted.lab} can be handed in, with {counted(len(found.unfilled), 'part')} that nobody has begun."
    else:
        end = f"{wanted.lab} can be handed in as it is."
    return [*found.told, *problems, end]
