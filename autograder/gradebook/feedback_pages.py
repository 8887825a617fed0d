"""Feedback pages: the student's own notebook with points, comments and what to do next, as one file of plain HTML.

They hold what nbgrader's own pages hold, in the same places. Those name no part, show formulas only where there is a
network, and take far longer: everything is made anew for each.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape, unescape
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader import utils
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SQLAlchemyError
from traitlets.config import Config

from autograder.checking.lab import Lab
from autograder.checking.tables import number
from autograder.gradebook.class_tables import handed_in_by, read_groups, with_members
from autograder.gradebook.course_folder import NOTES, CourseError, CourseFolder, errors_only
from autograder.gradebook.templates import template
from autograder.submissions import layout, reader
from autograder.submissions.reader import StoppedError
from autograder.submissions.sanitize import printable
from source_lib.atomic_files import atomic_write
from source_lib.text import counted, in_series, visible

#: What nbgrader writes as its own comment on an answer that is as it was released.
_UNCHANGED = "No response."
_UNCHANGED_TEXT = "You have not changed this part."


@dataclass(frozen=True)
class CellScore:
    """The points of one graded cell: None where nobody has been yet.

    Attributes
    ----------
    points : float, optional
        Earned; None where nobody has been yet.
    most : float
        That can be earned.
    automatic : float, optional
        What the grader gave.
    waits : bool
        Whether a person must look at it.
    manual : float, optional
        What a person gave, which counts instead.
    """

    points: float | None
    most: float
    automatic: float | None
    waits: bool
    manual: float | None = None


@dataclass
class Recorded:
    """What the gradebook holds of one submission.

    Attributes
    ----------
    total, most : float
        Points, and those that can be earned.
    penalty : float
        Taken off for handing in late.
    scores : dict of str to CellScore
        By ``grade_id``.
    comments : dict of str to str
        What a person wrote, by ``grade_id``.
    late : str
        How late it was handed in, for the student; empty where it was not.
    """

    total: float
    most: float
    penalty: float
    scores: dict[str, CellScore] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    late: str = ""


@dataclass(frozen=True)
class Page:
    """One student's page, and why it could not be made; empty where it was.

    Attributes
    ----------
    student : str
    path : pathlib.Path
    problem : str
        Empty where the page was made.
    """

    student: str
    path: Path
    problem: str = ""


def write_feedback(course: CourseFolder, lab: Lab, students: Sequence[str]) -> Iterator[Page]:
    """Write the feedback pages of a class from the autograded notebooks and the gradebook.

    They stand where ``nbgrader generate_feedback --force`` puts them, with copies of the files beside the notebook.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    students : sequence of str
        Who was graded. The others of a group get the page of whoever handed in for it.

    Yields
    ------
    Page
        In the order of the students, and of the members of a group. A page that cannot be made stops no other, and
        none is left of an earlier one.

    Raises
    ------
    CourseError
        If the gradebook or the table of groups cannot be read.
    """
    recorded = read_gradebook(course, lab)
    groups = read_groups(course.root, lab.name)
    by = handed_in_by(groups, recorded, lab.name)
    group_of = {member: group.members for group in groups for member in group.members}
    config = Config(course.config)
    config.CourseDirectory.assignment_id = lab.name
    converter = GenerateFeedback(coursedir=CourseDirectory(config=config), config=config)
    for student in with_members(by, students):
        folder = course.step("feedback", student, lab.name)
        path = folder / f"{lab.name}.html"
        who = by.get(student, student)
        try:
            if who not in recorded:
                raise CourseError("it was not graded.")
            shutil.rmtree(folder, ignore_errors=True)
            if who != student:
                # Whoever handed in comes first.
                shutil.copytree(course.step("feedback", who, lab.name), folder)
            else:
                source = course.step("autograded", student, lab.name) / f"{lab.name}.ipynb"
                names = in_series([visible(one) for one in group_of.get(student, (student,))])
                page = render_page(lab, names, _read(source), recorded[student])
                with errors_only():
                    converter.init_assignment(lab.name, student)
                    folder.mkdir(parents=True, exist_ok=True)
                    with atomic_write(path) as part:
                        part.write_text(page, encoding="utf-8")
                    converter.set_permissions(lab.name, student)
            yield Page(student, path)
        except Exception as error:  # Whatever a notebook holds, the others get their pages.
            shutil.rmtree(folder, ignore_errors=True)
            reason = printable(f"was not made: {error}")
            yield Page(student, path, f"The feedback page of {visible(student)} {reason}")


def _read(path: Path) -> NotebookNode:
    # The grader wrote it: nbformat would validate it all over again, which takes longer than the page.
    notebook = nbformat.reader.reads(path.read_text(encoding="utf-8"))
    if notebook.nbformat != nbformat.current_nbformat:
        raise CourseError(f"{path} is a notebook of format {notebook.nbformat}, not {nbformat.current_nbformat}")
    return notebook


def read_gradebook(course: CourseFolder, lab: Lab) -> dict[str, Recorded]:
    """Return what the gradebook holds of a lab, by student.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab

    Raises
    ------
    CourseError
        If the gradebook cannot be read.
    """
    with open_gradebook(course) as gradebook:
        return recorded_in(gradebook, lab.name)


@contextlib.contextmanager
def open_gradebook(course: CourseFolder) -> Iterator[Gradebook]:
    """Give a course's gradebook to read from.

    Parameters
    ----------
    course : CourseFolder

    Raises
    ------
    CourseError
        If it cannot be read.
    """
    try:
        with Gradebook(course.gradebook, course.directory.course_id) as gradebook:
            yield gradebook
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        raise CourseError(printable(f"The gradebook {course.gradebook} cannot be read: {reason}")) from None


def recorded_in(gradebook: Gradebook, lab: str) -> dict[str, Recorded]:
    """Return what an open gradebook holds of a lab, by student.

    Parameters
    ----------
    gradebook : Gradebook
    lab : str
        Its name.
    """
    times = (SubmittedAssignment.timestamp, SubmittedAssignment.extension, Assignment.duedate)
    columns = (SubmittedNotebook.score, SubmittedNotebook.max_score, SubmittedNotebook.late_submission_penalty, *times)

    def read(*columns: Any) -> Any:
        query = gradebook.db.query(SubmittedAssignment.student_id, *columns)
        query = query.join(SubmittedNotebook.assignment).join(SubmittedNotebook.notebook)
        query = query.join(Assignment, Assignment.id == Notebook.assignment_id)
        return query.filter(Assignment.name == lab, Notebook.name == lab)

    found = {
        student: Recorded(score - (penalty or 0), most, penalty or 0, late=how_late(*known))
        for student, score, most, penalty, *known in read(*columns)
    }
    cell = (BaseCell, BaseCell.id == Grade.cell_id)
    columns = (Grade.score, Grade.max_score, Grade.auto_score, Grade.manual_score, Grade.needs_manual_grade)
    for student, name, score, most, automatic, manual, waits in (
        read(BaseCell.name, *columns).join(Grade, Grade.notebook_id == SubmittedNotebook.id).join(*cell)
    ):
        points = None if automatic is None and manual is None else score
        found[student].scores[name] = CellScore(points, most, automatic, waits, manual)
    cell = (BaseCell, BaseCell.id == Comment.cell_id)
    for student, name, comment in (
        read(BaseCell.name, Comment.comment).join(Comment, Comment.notebook_id == SubmittedNotebook.id).join(*cell)
    ):
        found[student].comments[name] = comment or ""
    return found


def how_late(
    when: datetime.datetime | None, extension: datetime.timedelta | None, due: datetime.datetime | None
) -> str:
    """Return in a sentence how late something was handed in; empty where it was not late, or no time is known.

    Parameters
    ----------
    when : datetime.datetime, optional
        In UTC, as nbgrader keeps it.
    extension : datetime.timedelta, optional
    due : datetime.datetime, optional
        In UTC, without the extension.

    Examples
    --------
    >>> day = datetime.datetime(2026, 5, 4, 12)
    >>> how_late(day + datetime.timedelta(hours=26), datetime.timedelta(days=1), day)
    'It came 2 h 0 min after 5 May 2026, 12:00 UTC, with your extension of 1 day.'
    """
    if when is None or due is None or when <= (end := due + (extension or datetime.timedelta())):
        return ""
    minutes = math.ceil((when - end).total_seconds() / 60)
    days, rest = divmod(minutes, 24 * 60)
    late = f"{counted(days, 'day') + ' ' if days else ''}{rest // 60} h {rest % 60} min"
    more = f", with your extension of {_span(extension)}" if extension else ""
    return f"It came {late} after {end.day} {end:%B %Y, %H:%M} UTC{more}."


def _span(extension: datetime.timedelta) -> str:
    days, seconds = divmod(int(extension.total_seconds()), 24 * 3600)
    parts = [counted(days, "day") if days else "", counted(round(seconds / 3600), "hour") if seconds else ""]
    return " and ".join(filter(None, parts))


def render_page(lab: Lab, student: str, notebook: NotebookNode, recorded: Recorded) -> str:
    """Return a feedback page.

    Parameters
    ----------
    lab : Lab
    student : str
        Whose it is, or all members of a group, as it may be shown.
    notebook : NotebookNode
        As it was graded: its texts and outputs are sanitized, and its check cells hold their tables.
    recorded : Recorded
        What the gradebook holds of it.

    Returns
    -------
    str
        HTML without scripts, addresses of others, and files beside it.
    """
    notes = notebook.metadata.get(NOTES, {})
    next_steps, flags = notes.get("next"), notes.get("flags", [])
    # On nbgrader's own pages the first cell is the summary, which stands in the overview here.
    cells = notebook.cells[1:] if next_steps is not None else notebook.cells
    parts, shown = [], []
    for cell in cells:
        view = _shown(lab, cell, recorded, bool(flags))
        shown.append(view)
        if view["points"]:
            parts.append(_part(lab, view, recorded, next_steps or {}))
    scores = recorded.scores
    waiting = [
        f"{part['name']} ({_rounded(scores[part['grade_id']].most)} points)"
        for part in parts
        if scores[part["grade_id"]].points is None
    ]
    automatic = [scores[check.grade_id].automatic or 0 for check in lab.checks if check.grade_id in scores]
    return template("feedback.html.jinja").render(
        lab=lab,
        student=student,
        colors=layout.colors(),
        total=f"{_rounded(recorded.total)} of {_rounded(recorded.most)} points{' so far' if waiting else ''}",
        automatic=f"{_rounded(sum(automatic))} of {_rounded(lab.points)}",
        waiting=waiting,
        flags=flags,
        parts=parts,
        penalty=_rounded(recorded.penalty) if recorded.penalty else "",
        late=recorded.late,
        cells=shown,
    )


def _name(lab: Lab, grade_id: str) -> str:
    check = lab.check(grade_id)
    return check.function if check is not None else grade_id


def _rounded(points: float) -> str:
    return number(round(points, 2))


def _points(score: CellScore, flagged: bool) -> str:
    if score.points is None:
        return f"not graded yet ({_rounded(score.most)} points)"
    return f"{_rounded(score.points)} of {_rounded(score.most)}" + (
        # Of a flagged submission, the page says so once for all.
        ", not final yet" if score.waits and not flagged else ""
    )


def _part(lab: Lab, cell: Mapping[str, Any], recorded: Recorded, next_steps: Mapping[str, str]) -> dict[str, Any]:
    """Return a graded cell's line in the overview."""
    name = _name(lab, cell["grade_id"])
    comment = next((one for one in (cell["grade_id"], name) if _is_comment(recorded.comments.get(one))), None)
    score = recorded.scores.get(cell["grade_id"])
    # A text that nobody wrote has no points from the start, and no person and no check says why.
    empty = score is not None and not score.points and recorded.comments.get(cell["grade_id"]) == _UNCHANGED
    return {
        "grade_id": cell["grade_id"],
        "name": name,
        "anchor": cell["anchor"],
        "points": cell["points"],
        "next": next_steps.get(cell["grade_id"], _UNCHANGED_TEXT if empty else ""),
        "comment": comment and f"part-{comment}",
    }


def _is_comment(comment: str | None) -> bool:
    return bool(comment) and comment != _UNCHANGED


def _shown(lab: Lab, cell: NotebookNode, recorded: Recorded, flagged: bool) -> dict[str, Any]:
    """Return what the template shows of a cell."""
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    score = recorded.scores.get(grade_id) if utils.is_grade(cell) or utils.is_task(cell) else None
    answer = utils.is_solution(cell) or utils.is_task(cell)
    comment = recorded.comments.get(grade_id, "") if answer else ""
    if comment == _UNCHANGED:
        comment = _UNCHANGED_TEXT
    name = _name(lab, grade_id)
    html = None
    if cell.cell_type == "markdown":
        html = _markdown_html(cell.source, cell.get("attachments"))
    elif cell.cell_type == "code":
        html = _code_html(cell.source, cell.metadata.get("magics_language") == "text")
    return {
        "grade_id": grade_id,
        "anchor": f"part-{grade_id}",
        "bar": (f"Your answer: {name}" if answer else name) if answer or score is not None else "",
        "points": _points(score, flagged) if score is not None else "",
        "verdict": lab.check(grade_id) is not None,
        "html": html,
        # nbgrader's pages show raw cells as HTML, so the grader has escaped them.
        "text": unescape(cell.source),
        "outputs": cell.get("outputs", []),
        "comment": _markdown_html(comment) if comment else "",
    }


def _markdown_html(source: str, attachments: Mapping[str, Any] | None = None) -> str:
    return _laid_out(layout.markdown_html, source, attachments) if attachments else _plain_markdown_html(source)


# A class has most cells in common: they are as they were released.
@lru_cache(maxsize=300)
def _plain_markdown_html(source: str) -> str:
    return _laid_out(layout.markdown_html, source)


@lru_cache(maxsize=300)
def _code_html(source: str, plain: bool) -> str:
    return _laid_out(layout.code_html, source, plain)


def _laid_out(how: Callable[..., str], source: str, *args: Any) -> str:
    """Return HTML of a text, laid out where that can be ended; of what takes too long, the text itself."""
    try:
        return reader.call(how, source, *args)
    except StoppedError as error:
        return f'<p>This cell {escape(str(error))}. This is its text.</p><pre tabindex="0">{escape(source)}</pre>'
