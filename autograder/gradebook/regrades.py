"""Requests to look at a grade again: a queue, and a log of what was asked and decided that is never rewritten.

The log, ``regrades.jsonl`` in the course's folder, has one line of JSON for each thing that happened. Lines are added
at its end alone. What was stopped while it wrote a line left a part of it there: that part stays, counts for nothing,
and running the same command again adds the whole line below it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.checking.lab import Lab
from autograder.errors import UserError
from autograder.gradebook import append_log
from autograder.gradebook.platform_grades import FinalGrade
from autograder.gradebook.platforms import Handed
from autograder.gradebook.roster import Roster, cell_of, csv_rows, header_words, known_columns
from source_lib.text import in_series, shorten, visible

LOG = "regrades.jsonl"
ASKED, DECIDED = "asked", "decided"
#: Characters of a request that are kept.
MAX_TEXT = 4000
_TIMES = {"timestamp", "time", "date", "submitted at", "completion time", "submission time", "submitted on"}
#: Columns of forms that say nothing about the request.
_IDLE = {"start time", "last modified time", "response", "response id", "group", "course", "department", "institution"}


@dataclass(frozen=True)
class Request:
    """One request, and what became of it.

    Attributes
    ----------
    id : str
        Stands for the lab, the student, the time and the text.
    lab, student : str
    asked : str
        When, as the form says it; may be empty.
    text : str
    before, most : float
        The student's points when the request was taken in, and those possible.
    after : float, optional
        The points when it was decided; None while it is open.
    by, note : str
        Who decided, and what that person wrote.
    """

    id: str
    lab: str
    student: str
    asked: str
    text: str
    before: float
    most: float
    after: float | None = None
    by: str = ""
    note: str = ""


@dataclass(frozen=True)
class Log:
    """What the log says.

    Attributes
    ----------
    requests : tuple of Request
        In the order in which they were taken in.
    cut_off : tuple of int
        Lines that are no record: whatever wrote them was stopped.
    """

    requests: tuple[Request, ...] = ()
    cut_off: tuple[int, ...] = ()

    def open_of(self, lab: str) -> list[Request]:
        """Return the requests about a lab that nobody has decided yet.

        Parameters
        ----------
        lab : str
            Its name.
        """
        return [one for one in self.requests if one.lab == lab and one.after is None]


@dataclass(frozen=True)
class Read:
    """What a file of requests holds.

    Attributes
    ----------
    requests : tuple of Request
        Those about the lab.
    problems : tuple of str
        Why other lines are none, a sentence each.
    elsewhere : int
        How many lines are about other labs.
    """

    requests: tuple[Request, ...]
    problems: tuple[str, ...]
    elsewhere: int


def read_requests(path: Path, lab: Lab, grades: Mapping[str, FinalGrade], roster: Roster | None) -> Read:
    """Return the requests in a CSV file, such as the answers of a form.

    Parameters
    ----------
    path : pathlib.Path
        The first line names the columns. One says who: an id, an e-mail address or a name; one may say the lab, one the
        time. What the others hold is the request.
    lab : Lab
    grades : mapping of str to FinalGrade
        Of the lab, by student.
    roster : Roster, optional
        Knows addresses and names; without it, the file must hold the id.

    Raises
    ------
    UserError
        If the file cannot be read, or has no column that says who asks, or none that says what.
    """
    rows = csv_rows(path, "file of requests")
    header = header_words(rows[0][1]) if rows else []
    who = {kind: place for kind, place in known_columns(header).items() if kind not in ("platform", "handed")}
    if all(place is None for place in who.values()):
        names = in_series([shorten(title, 30) for title in rows[0][1][:12]]) if rows else "nothing"
        raise UserError(
            f"The file of requests {path} has no column that says who asks, such as student id or e-mail; it holds: "
            f"{names}."
        )
    about = next((n for n, title in enumerate(header) if re.search(r"\b(lab|assignment)\b", title)), None)
    when = next((n for n, title in enumerate(header) if title in _TIMES), None)
    rest = [n for n, title in enumerate(header) if n not in (*who.values(), about, when) and title not in _IDLE]
    if not rest:
        raise UserError(f"The file of requests {path} has no column that says what to look at again.")
    found, problems, elsewhere = [], [], 0
    for line, row in rows[1:]:
        if not any(map(str.strip, row)):
            continue
        if about is not None and not _is_about(cell_of(row, about), lab):
            elsewhere += 1
            continue
        cells = {kind: cell_of(row, place) for kind, place in who.items()}
        student, problem = _student(cells, grades, roster)
        text = _text([(rows[0][1][n].strip(), cell_of(row, n)) for n in rest])
        problem = problem or ("" if text else "says nothing about what to look at again")
        if not problem and (student not in grades or grades[student].exempt):
            problem = f"is of {visible(student)}, who has no grade in {lab.name}"
        if problem:
            problems.append(f"{path.name}, line {line}, {problem}. It was not taken.")
        else:
            found.append(_request(lab.name, student, cell_of(row, when), text, grades[student]))
    return Read(tuple(dict.fromkeys(found)), tuple(problems), elsewhere)


def _is_about(cell: str, lab: Lab) -> bool:
    said = _plain(cell)
    return said in (_plain(lab.name), _plain(lab.title)) or said == _plain(lab.title.partition(":")[0])


def _plain(text: str) -> str:
    return "".join(re.findall(r"\w+", text.casefold()))


def _student(cells: Mapping[str, str], grades: Mapping[str, FinalGrade], roster: Roster | None) -> tuple[str, str]:
    """Return who asks, and why that is not known; empty where it is."""
    name = cells["name"] or f"{cells['first']} {cells['last']}".strip()
    said = next(filter(None, (cells["student"], cells["email"], name)), "nobody")
    if roster is not None:
        entry, problem = roster.find(Handed("form", "", name, email=cells["email"], sid=cells["student"]))
        known = entry.student if entry is not None else ""
        problem = problem.partition(":")[0]
    else:
        known = next((text for text in (cells["student"], cells["email"], name) if text in grades), "")
        problem = "has no grade under that id, and there is no roster that knows more"
    return known, "" if known else f"is of {shorten(visible(said), 60)}, who {problem}"


def _text(cells: Sequence[tuple[str, str]]) -> str:
    written = [(title, text) for title, text in cells if text]
    told = written[0][1] if len(cells) == 1 and written else " ".join(f"{title}: {text}" for title, text in written)
    return shorten(told, MAX_TEXT)


def _request(lab: str, student: str, asked: str, text: str, grade: FinalGrade) -> Request:
    mark = hashlib.sha256("\0".join((lab, student, asked, text)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return Request(mark, lab, student, shorten(asked, 60), text, round(grade.points, 4), grade.most)


def take_in(root: Path, requests: Sequence[Request]) -> list[Request]:
    """Add requests to the log; return those that were not in it.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    requests : sequence of Request

    Raises
    ------
    UserError
        If the log cannot be read or written.
    """
    with append_log.opened(root / LOG) as (file, content):
        log = _parsed(content)
        known = {one.id for one in log.requests}
        new = [one for one in requests if one.id not in known]
        told = ("id", "lab", "student", "asked", "text", "before", "most")
        append_log.append(file, [{"event": ASKED} | {name: getattr(one, name) for name in told} for one in new])
    return new


def decide(root: Path, lab: str, student: str, grade: FinalGrade | None, by: str, note: str = "") -> list[Request]:
    """Add to the log that a person decided a student's open requests, with the points of today; return them.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    lab, student : str
    grade : FinalGrade, optional
        The student's grade of today.
    by : str
        Who decided.
    note : str

    Raises
    ------
    UserError
        If the student has no open request, the grade is not final, nobody is named, or the log cannot be read or
        written.
    """
    if not by.strip():
        raise UserError("Say who decided: --by NAME")
    with append_log.opened(root / LOG) as (file, content):
        log = _parsed(content)
        asked = [one for one in log.open_of(lab) if one.student == student]
        if not asked:
            raise UserError(f"There is no open request of {visible(student)} about {lab}.")
        if grade is None or grade.waiting:
            why = grade.waiting[0] if grade is not None else "there is none"
            raise UserError(
                f"The grade of {visible(student)} in {lab} is not final ({why}). Finish it first, for instance in "
                "formgrader, and run this again."
            )
        after = round(grade.points, 4)
        same = {"event": DECIDED, "lab": lab, "student": student, "after": after, "by": by.strip(), "note": note}
        append_log.append(file, [same | {"id": one.id, "before": one.before} for one in asked])
    return [Request(**(vars(one) | {"after": after, "by": by.strip(), "note": note})) for one in asked]


def read_log(root: Path) -> Log:
    """Return what the log says; nothing where there is none yet.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    path = root / LOG
    try:
        return _parsed(path.read_bytes()) if path.exists() else Log()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None


def _parsed(content: bytes) -> Log:
    requests: dict[str, Request] = {}
    cut_off = []
    for number, record in append_log.parsed(content):
        try:
            _take(record, requests)
        except (ValueError, KeyError, TypeError, AttributeError):
            cut_off.append(number)
    return Log(tuple(requests.values()), tuple(cut_off))


def _take(record: Mapping[str, Any], requests: dict[str, Request]) -> None:
    mark = record["id"]
    if record["event"] == ASKED:
        told = {name: str(record[name]) for name in ("id", "lab", "student", "asked", "text")}
        requests.setdefault(mark, Request(**told, before=float(record["before"]), most=float(record["most"])))
    elif requests[mark].after is None:
        told = {"after": float(record["after"]), "by": str(record["by"]), "note": str(record["note"])}
        requests[mark] = Request(**(vars(requests[mark]) | told))
