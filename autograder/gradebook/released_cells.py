"""What a release says of each cell, and what earlier releases said: students may hold one of these."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from nbgrader.api import Gradebook

from autograder.errors import UserError
from autograder.submissions.cells import Role, role_marks
from source_lib.atomic_files import atomic_write

#: In the course's folder: by lab and cell, the marks of all releases.
RELEASED = "released_cells.json"


def read_roles(db_url: str, assignment: str, notebook: str, root: Path | None = None) -> dict[str, Role]:
    """Return what the release says of each named cell, from the gradebook.

    Parameters
    ----------
    db_url : str
        The address of the gradebook.
    assignment, notebook : str
    root : pathlib.Path, optional
        The course's folder, which knows the earlier releases.

    Raises
    ------
    nbgrader.api.MissingEntry
        If the assignment was never released.
    UserError
        If the record of earlier releases cannot be read.
    """
    earlier = read_earlier(root).get(assignment, {}) if root is not None else {}
    with Gradebook(db_url) as gradebook:
        stored = gradebook.find_notebook(notebook, assignment)
        points = {cell.name: float(cell.max_score) for cell in stored.grade_cells}
        solutions = {cell.name for cell in stored.solution_cells}
        return {
            cell.name: Role(
                grade_id=cell.name,
                cell_type=cell.cell_type,
                source=cell.source,
                checksum=cell.checksum,
                grade=cell.name in points,
                solution=cell.name in solutions,
                locked=bool(cell.locked),
                points=points.get(cell.name, 0.0),
                earlier=tuple(earlier.get(cell.name, ())),
            )
            for cell in stored.source_cells
        }


def read_earlier(root: Path) -> dict[str, dict[str, list[str]]]:
    """Return the marks of all releases by lab and cell; empty where none is recorded.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.

    Raises
    ------
    UserError
        If the file cannot be read.
    """
    path = root / RELEASED
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return {
            str(lab): {str(name): [str(mark) for mark in marks] for name, marks in cells.items()}
            for lab, cells in found.items()
        }
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, AttributeError, TypeError):
        raise UserError(
            f"{path} is damaged. Restore it from a backup, or delete it: who holds an earlier release is then flagged."
        ) from None


def remember(root: Path, lab: str, roles: Iterable[Role]) -> None:
    """Add what a release says of its cells to the record of the course's folder.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    lab : str
        Its name.
    roles : iterable of Role

    Raises
    ------
    UserError
        If the record cannot be read or written.
    """
    known = read_earlier(root)
    cells = known.setdefault(lab, {})
    for role in roles:
        cells[role.grade_id] = sorted({*cells.get(role.grade_id, ()), *role_marks(replace(role, earlier=()))})
    path = root / RELEASED
    try:
        with atomic_write(path) as part:
            part.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
