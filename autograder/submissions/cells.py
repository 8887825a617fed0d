"""What the cells of a submitted notebook are: read leniently, with the roles that the release gave them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode, from_dict

from autograder.submissions.contents import HAND_IN, why_unreadable
from autograder.submissions.exploring import EXPLORE, MAX_SOURCE, text_explores
from autograder.submissions.python_source import MAX_WORDS, definitions, words

MAX_BYTES = 200 * 2**20
#: Lists, mappings and their parts. A file of empty ones takes gigabytes to read, and nothing else runs meanwhile.
MAX_PARTS = 2_000_000
MAX_CELLS = 2000
#: Where a clean notebook keeps what `clean` cut, until `restore` tells it.
_CUT = "cut"
_LISTED = 10


class UnreadableNotebookError(Exception):
    """A submitted file that is no notebook. The text is for the student and says what to do."""


@dataclass(frozen=True)
class Role:
    """What the release says of one cell; nothing that a submission says can change it.

    Attributes
    ----------
    grade_id : str
        The cell's name.
    cell_type : {"code", "markdown", "raw"}
    source : str
        The text that was released.
    checksum : str or None
        nbgrader's checksum of the released cell.
    grade, solution, locked : bool
        nbgrader's roles: scored, filled in by the student, not to be changed.
    points : float
        What the cell is worth where it is scored.
    earlier : tuple of str
        The `role_marks` of the cell in earlier releases: whoever holds one of these has changed nothing.
    """

    grade_id: str
    cell_type: str
    source: str
    checksum: str | None
    grade: bool
    solution: bool
    locked: bool
    points: float
    earlier: tuple[str, ...] = ()

    @property
    def metadata(self) -> dict[str, Any]:
        """The nbgrader metadata of the released cell."""
        metadata: dict[str, Any] = {
            "schema_version": 3,
            "grade_id": self.grade_id,
            "grade": self.grade,
            "solution": self.solution,
            "locked": self.locked,
            "task": False,
            "cell_type": self.cell_type,
        }
        if self.checksum:
            metadata["checksum"] = self.checksum
        if self.grade:
            metadata["points"] = self.points
        return metadata


def role_marks(role: Role) -> tuple[str, str]:
    """Return what a release's settings and its text of a cell are known by later.

    Parameters
    ----------
    role : Role
    """
    return _settings_mark(role.metadata, role.cell_type), _text_mark(role.source)


def _settings_mark(metadata: Mapping[str, Any], cell_type: str) -> str:
    said = [metadata.get(key) for key in ("grade", "solution", "locked")]
    points = metadata.get("points")
    # A number, since some tools write 5 as 5.0.
    worth = float(points) if isinstance(points, (int, float)) else points
    return f"settings {json.dumps([*said, worth, cell_type])}"


def _text_mark(source: str) -> str:
    return f"text {hashlib.sha256(source.strip().encode('utf-8', 'replace')).hexdigest()}"


_ADVICE = "Open it in JupyterLab, save it with File > Save Notebook, and hand that file in again."
#: What to do about a notebook that is too large to be read.
SMALLER = "Choose Edit > Clear Outputs of All Cells, save, and hand it in again."


def read_notebook(path: Path) -> NotebookNode:
    """Return a submitted file as a clean notebook: `read_content`, and then `parse`."""
    return parse(read_content(path), path.name)


def read_content(path: Path) -> bytes:
    """Return what a submitted file holds.

    Parameters
    ----------
    path : pathlib.Path
        The submitted file.

    Raises
    ------
    UnreadableNotebookError
        If it or its folder is a link, or it is not a file, or too large.
    """
    try:
        if path.is_symlink() or path.parent.is_symlink():
            raise UnreadableNotebookError(
                f"{path.name if path.is_symlink() else path.parent.name} is a link, which was not followed. "
                "Hand in the notebook itself, not a link."
            )
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "is no regular file" if path.exists() else "is not there"
            raise UnreadableNotebookError(f"{path.name} {what}. {HAND_IN}")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UnreadableNotebookError(
                f"{path.name} has {size // 2**20} MB, more than the {MAX_BYTES // 2**20} MB that are read. {SMALLER}"
            )
        return path.read_bytes()
    except OSError as error:
        raise UnreadableNotebookError(f"{path.name} cannot be opened: {error.strerror}.") from None


def parse(content: bytes, name: str) -> NotebookNode:
    """Return a clean notebook from what a submitted file holds, taking over what has a meaning and nothing else.

    Parameters
    ----------
    content : bytes
        All of the file.
    name : str
        What the file is called.

    Returns
    -------
    NotebookNode
        Version 4.5, without outputs. Cells that are no cells are left out, and what is too much or too long is cut:
        `restore` tells it.

    Raises
    ------
    UnreadableNotebookError
        If it is not JSON, has too many parts, or no list of cells.
    """
    if sum(map(content.count, (b"[", b"{", b","))) > MAX_PARTS:
        raise UnreadableNotebookError(f"{name} holds too many values to be read. {SMALLER}")
    document, encoding = _document(content, name)
    notebook = clean(document)
    if notebook is None:
        raise UnreadableNotebookError(f"{name} is not a notebook: it has no list of cells. {_ADVICE}")
    notebook.metadata[_CUT] += encoding
    return notebook


def _document(content: bytes, name: str) -> tuple[Any, list[str]]:
    """Return what JSON's reader makes of a file, and what is to be said of its encoding."""
    try:
        return json.loads(content), []
    except UnicodeDecodeError:
        with contextlib.suppress(ValueError, RecursionError):
            read = json.loads(content.decode("cp1252", "replace"))
            return read, [
                f"{name} is not in UTF-8: a text editor saved it in an older encoding. It was read as Windows-1252, so "
                f"some characters may be wrong. {_ADVICE}"
            ]
    except (ValueError, RecursionError) as error:
        if known := why_unreadable(content, name):
            raise UnreadableNotebookError(known) from None
        if isinstance(error, json.JSONDecodeError):
            if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated"):
                raise UnreadableNotebookError(
                    f"{name} cannot be read as a notebook: it ends in the middle (line {error.lineno}), as after an "
                    "upload or a download that was cut off. Find your own copy and hand that in."
                ) from None
            raise UnreadableNotebookError(
                f"{name} cannot be read as a notebook (line {error.lineno}). {_ADVICE}"
            ) from None
    raise UnreadableNotebookError(
        why_unreadable(content, name) or f"{name} cannot be read as a notebook. {_ADVICE}"
    ) from None


def clean(document: Any) -> NotebookNode | None:
    """Return a notebook of version 4.5 with the cells of a document, or None where it has no list of cells."""
    raw_cells = document.get("cells") if isinstance(document, dict) else None
    sheets = document.get("worksheets") if isinstance(document, dict) else None
    if raw_cells is None and isinstance(sheets, list):
        # Version 3 kept cells in worksheets, and the text of a code cell under "input".
        lists = [sheet["cells"] for sheet in sheets if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)]
        old = [cell for cells in lists for cell in cells if isinstance(cell, dict)]
        raw_cells = [{**cell, "source": cell.get("source", cell.get("input", ""))} for cell in old]
    if not isinstance(raw_cells, list):
        return None
    sources = [_source(raw) for raw in raw_cells[:MAX_CELLS]]
    read = [_cell(raw, source) for raw, source in zip(raw_cells, sources, strict=False)]
    cells = [cell for cell in read if cell is not None]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    notebook = nbformat.v4.new_notebook()
    notebook.cells = cells
    long = [number for number, source in enumerate(sources, start=1) if len(source) > MAX_SOURCE]
    notebook.metadata[_CUT] = _cut(len(raw_cells), long)
    return notebook


def _cut(count: int, long: list[int]) -> list[str]:
    """Return what of a notebook was not read, in sentences."""
    notes = []
    if count > MAX_CELLS:
        notes.append(f"The notebook has {count} cells, and {MAX_CELLS} are read; those after them were left out.")
    if long:
        which = ", ".join(map(str, long[:_LISTED])) + (" and others" if len(long) > _LISTED else "")
        cells = f"Cell {which} is" if len(long) == 1 else f"The cells {which} are"
        notes.append(
            f"{cells} longer than {MAX_SOURCE // 2**20} MB: code of that length is left out, and text is cut off."
        )
    return notes


def _source(raw: Any) -> str:
    source = raw.get("source") if isinstance(raw, dict) else None
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _cell(raw: Any, source: str) -> NotebookNode | None:
    if not isinstance(raw, dict) or raw.get("cell_type") not in ("code", "markdown", "raw"):
        return None
    # Of code that is cut off, the half that is left would do something else.
    source = "" if raw["cell_type"] == "code" and len(source) > MAX_SOURCE else source[:MAX_SOURCE]
    # A lone surrogate would break every file that the cell is written to later.
    source = source.encode("utf-8", "replace").decode("utf-8")
    cell = _new(raw["cell_type"], source)
    metadata = raw.get("metadata") if isinstance(raw.get("metadata"), dict) else {}
    nbgrader = metadata.get("nbgrader")
    if isinstance(nbgrader, dict) and isinstance(nbgrader.get("grade_id"), str):
        kept = {key: value for key, value in nbgrader.items() if isinstance(value, (str, bool, int, float))}
        cell.metadata["nbgrader"] = NotebookNode(kept)
    if isinstance(metadata.get("tags"), list) and EXPLORE in metadata["tags"]:
        cell.metadata["tags"] = [EXPLORE]
    if cell.cell_type == "markdown" and (pictures := _attachments(raw.get("attachments"))):
        cell["attachments"] = from_dict(pictures)
    return cell


def _new(cell_type: str, source: str) -> NotebookNode:
    """Return an empty cell. What nbformat makes is the same, but it validates each against the whole schema."""
    code = {"execution_count": None, "outputs": []} if cell_type == "code" else {}
    return NotebookNode(cell_type=cell_type, metadata=NotebookNode(), source=source, **code)


def _attachments(raw: Any) -> dict[str, dict[str, str]]:
    pictures: dict[str, dict[str, str]] = {}
    for name, bundle in raw.items() if isinstance(raw, dict) else ():
        if not re.fullmatch(r"[\w.() -]{1,100}", str(name)) or not isinstance(bundle, dict):
            continue
        for kind, data in bundle.items():
            data = "".join(data) if isinstance(data, list) and all(isinstance(d, str) for d in data) else data
            if kind in ("image/png", "image/jpeg", "image/gif") and isinstance(data, str):
                data = "".join(data.split())
                if re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", data):
                    pictures[name] = {kind: data}
    return pictures


def restore(notebook: NotebookNode, roles: Mapping[str, Role]) -> list[str]:
    """Give the cells of a notebook the roles of the release, in place.

    An edited locked cell gets its released text back, and the edit follows as an ordinary cell, so that work written in
    the wrong place still runs. A deleted scored cell comes back. Of several cells with one name, one keeps it: the one
    that was filled in.

    Parameters
    ----------
    notebook : NotebookNode
        The submission; changed.
    roles : mapping of str to Role
        The release, by ``grade_id``, in its order.

    Returns
    -------
    list of str
        What a person should look at: one sentence for each change that nobody makes by accident, and for what was cut.
    """
    notes: list[str] = list(notebook.metadata.pop(_CUT, []))
    edited: list[str] = []
    named: dict[str, list[NotebookNode]] = {name: [] for name in roles}
    for cell in notebook.cells:
        name = _grade_id(cell)
        if name in named:
            named[name].append(cell)
        else:
            cell.metadata.pop("nbgrader", None)
    for name, copies in named.items():
        role = roles[name]
        filled = [cell for cell in copies if role.solution and cell.source != role.source]
        keeper = next(iter(filled + copies), None)
        for cell in copies:
            if cell is not keeper:
                del cell.metadata["nbgrader"]
        if keeper is not None and (changed := _changed(keeper, role)):
            what = ", ".join(changed)
            notes.append(f"The settings of the cell {name} were changed ({what}); the released ones were used.")

    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        name = _grade_id(cell)
        role = roles.get(name) if name else None
        if role is None:
            cells.append(cell)
            continue
        restored = _released(role) if role.locked or cell.cell_type != role.cell_type else cell
        restored.metadata["nbgrader"] = NotebookNode(role.metadata)
        if not role.locked:
            restored.source = cell.source
            if "attachments" in cell and restored.cell_type == "markdown":
                restored["attachments"] = cell["attachments"]
        cells.append(restored)
        if role.locked and cell.source.strip() != role.source.strip() and _text_mark(cell.source) not in role.earlier:
            if role.grade:
                edited.append(name)
            cell.metadata.pop("nbgrader", None)
            cell["id"] = f"{cell['id']}-edited"
            cells.append(cell)

    if edited:
        notes.append(f"Check cells were edited; the released ones were used: {', '.join(edited)}.")

    # A deleted cell that defines nothing new comes back where it does no harm: the set-up first, the scored last.
    missing = [role for name, role in roles.items() if not named[name]]
    before = [_released(role) for role in missing if role.locked and not role.grade]
    after = [_released(role) for role in missing if role.grade]
    notebook.cells = [*before, *cells, *after]
    return notes


def _grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _changed(cell: NotebookNode, role: Role) -> list[str]:
    said = cell.metadata["nbgrader"]
    wanted = {key: role.metadata[key] for key in ("grade", "solution", "locked", "points") if key in role.metadata}
    changed = [key for key, value in wanted.items() if said.get(key, value) != value]
    changed += ["cell type"] if cell.cell_type != role.cell_type else []
    return [] if changed and _settings_mark(role.metadata | said, cell.cell_type) in role.earlier else changed


def _released(role: Role) -> NotebookNode:
    cell = _new(role.cell_type, role.source)
    cell["id"] = f"released-{re.sub(r'[^a-zA-Z0-9_-]', '-', role.grade_id)}"[:64]
    cell.metadata["nbgrader"] = NotebookNode(role.metadata)
    return cell


def runnable(
    notebook: NotebookNode, check_ids: Iterable[str], released: Set[str] = frozenset(), explored: bool = True
) -> dict[int, str]:
    """Return what is to be run, by the position of its cell.

    Check cells are asked from outside and never run. Of a cell that only explores, what it defines is kept: copying
    such a cell copies its tag, and somebody's helper must not vanish for that.

    Parameters
    ----------
    notebook : NotebookNode
    check_ids : iterable of str
        The ``grade_id`` of the check cells.
    released : set of str
        The `exploring.fingerprint` of each released cell that only explores.
    explored : bool
        Keep what cells define that only explore, for which they are read.

    Returns
    -------
    dict of int to str
    """
    checks = set(check_ids)
    sources: dict[int, str] = {}
    room = MAX_WORDS
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or _grade_id(cell) in checks:
            continue
        text = cell.source
        if explores(cell, released):
            room -= words(text)
            text = definitions(text) if explored and room >= 0 else ""
        if text.strip():
            sources[position] = text
    return sources


def explores(cell: NotebookNode, released: Set[str] = frozenset()) -> bool:
    """Return whether a cell is skipped while grading because it only explores or trains.

    Parameters
    ----------
    cell : NotebookNode
    released : set of str
        The `exploring.fingerprint` of each released cell that only explores.
    """
    if cell.cell_type != "code" or _grade_id(cell) is not None:
        return False
    return text_explores(cell.source, cell.metadata.get("tags", []), released)
