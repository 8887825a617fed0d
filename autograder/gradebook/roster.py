"""Who is in a class: a CSV file of the instructor's own, or one that a learning platform exports."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import UserError
from autograder.gradebook.platforms import Handed
from source_lib.text import in_series, shorten, visible

MAX_BYTES = 2**24
MAX_ROWS = 100_000
#: What the columns may be called, the surest name first; case, spaces and marks make no difference.
_HEADERS = {
    "student": (
        *("student id", "sis login id", "username", "user name", "login", "login id", "id number", "sis user id"),
        *("org defined id", "sid", "matriculation number", "id"),
    ),
    "name": ("name", "full name", "student name", "student", "last name first name"),
    "first": ("first name", "firstname", "given name", "forename"),
    "last": ("last name", "lastname", "surname", "family name"),
    "email": ("email", "e-mail", "email address", "mail"),
    "platform": (
        *("platform id", "platform s id", "canvas id", "canvas user id", "moodle id", "brightspace id", "user id"),
        *("identifier", "participant", "participant id", "id"),
    ),
    "handed": ("last modified submission", "submission time", "submitted at"),
}


@dataclass(frozen=True)
class Enrolled:
    """One student of a class.

    Attributes
    ----------
    student : str
        The id in the course.
    name, email, platform_id : str
        Empty where the roster has none.
    handed : str
        When the platform says that something was handed in, as it writes it.
    """

    student: str
    name: str = ""
    email: str = ""
    platform_id: str = ""
    handed: str = ""


@dataclass
class Roster:
    """A class, by all that may tell whose a submission is.

    Attributes
    ----------
    students : list of Enrolled
    """

    students: list[Enrolled]
    _by: dict[str, dict[str, list[Enrolled]]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for kind in ("platform", "email", "id", "name"):
            self._by[kind] = {}
        for one in self.students:
            keys = {
                "platform": {platform_number(one.platform_id)},
                "email": {one.email.casefold()},
                "id": {one.student.casefold()},
                "name": name_keys(one.name),
            }
            for kind, values in keys.items():
                for value in values - {""}:
                    self._by[kind].setdefault(value, []).append(one)

    def find(self, handed: Handed) -> tuple[Enrolled | None, str]:
        """Return whose a submission is, and why that is not known; empty where it is.

        Parameters
        ----------
        handed : Handed
        """
        asked = (
            ("platform", [platform_number(handed.user_id)]),
            ("email", [handed.email.casefold(), handed.person.casefold(), handed.user_id.casefold()]),
            ("id", [handed.sid.casefold(), handed.person.casefold(), handed.user_id.casefold()]),
            ("name", [_letters(handed.person), _words(handed.person), _words(handed.person.partition("-")[2])]),
        )
        for kind, values in asked:
            for value in filter(None, values):
                found = self._by[kind].get(value, [])
                if len(found) == 1:
                    return found[0], ""
                if found:
                    same = in_series([visible(one.student) for one in found[:5]])
                    return None, f"may be {same}: add the platform's id to the roster"
        return None, "is not on the roster: add a line for this student, and collect again"


def platform_number(text: str) -> str:
    """Return an id of a platform as it can be compared: Moodle writes "Participant 123" in one place and 123 in others.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> platform_number(" Participant 123")
    '123'
    """
    return re.sub(r"^participant\s+", "", text.strip().casefold())


def _words(name: str) -> str:
    """Return the words of a name in their order of the alphabet, without accents and marks."""
    return " ".join(sorted(_split(name)))


def _letters(name: str) -> str:
    return "".join(_split(name))


def _split(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name.casefold())
    return re.findall(r"[^\W_]+", "".join(one for one in plain if not unicodedata.combining(one)))


def name_keys(name: str) -> set[str]:
    """Return all that stands for a name: its words in any order, and in one, whichever of them come first.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> sorted(name_keys("Åsa Berg"))
    ['asa berg', 'asaberg', 'bergasa']
    """
    words = _split(name)
    turned = {"".join([*words[start:], *words[:start]]) for start in range(min(len(words), 12))}
    return {*turned, " ".join(sorted(words))} - {""}


def read_roster(path: Path) -> Roster:
    """Return a roster.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file with a header. Needed is a column for the id; those for the name, the e-mail address and the
        platform's id are of use. The files that Moodle and Canvas export will do: without a column for the id, the
        e-mail address is the id.

    Returns
    -------
    Roster

    Raises
    ------
    UserError
        If it cannot be read, has no such column, or names a student twice.
    """
    rows = csv_rows(path)
    header = header_words(rows[0][1]) if rows else []
    places = known_columns(header)
    if places["student"] is None:
        named = in_series([shorten(title, 30) for title in rows[0][1][:12]]) if rows else "nothing"
        raise UserError(
            f"The roster {path} has no column for the student's id. Its first line must name the columns, such as "
            f"id,name,e-mail,platform's id; it holds: {named}."
        )
    students: list[Enrolled] = []
    for line, row in rows[1:]:
        cell = {kind: cell_of(row, place) for kind, place in places.items()}
        name = cell["name"] or f"{cell['first']} {cell['last']}".strip()
        if name.casefold().startswith("points possible") or not any(map(str.strip, row)):
            continue
        problem = unfit(cell["student"])
        if problem:
            raise UserError(f"The roster {path}, line {line}: the id {visible(cell['student'])[:60]!r} {problem}.")
        students.append(Enrolled(cell["student"], name, cell["email"], cell["platform"], cell["handed"]))
    if not students:
        raise UserError(f"The roster {path} names no student.")
    for kind, values in (
        ("id", [one.student.casefold() for one in students]),
        ("platform's id", [platform_number(one.platform_id) for one in students]),
    ):
        if repeated := _repeated(values):
            raise UserError(f"The roster {path} has the {kind} {repeated} more than once. Correct it first.")
    return Roster(students)


def csv_rows(path: Path, what: str = "roster") -> list[tuple[int, list[str]]]:
    """Return the lines of a CSV file that a platform or a person wrote, each with its number.

    Parameters
    ----------
    path : pathlib.Path
    what : str
        It is called so where it cannot be read.

    Raises
    ------
    UserError
        If it cannot be read, is too large, or no CSV.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"The {what} {path} has more than {MAX_BYTES // 2**20} MB, so it is none.")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"The {what} {path} cannot be read: {error.strerror}.") from None
    if content.startswith((b"PK", b"\xd0\xcf")):
        raise UserError(f"The {what} {path} is a spreadsheet. Save it as CSV.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    first = text.partition("\n")[0]
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        for row in reader:
            rows.append((reader.line_num, row))
            if len(rows) > MAX_ROWS:
                raise UserError(f"The {what} {path} has more than {MAX_ROWS:,} lines, so it is none.")
    except csv.Error as error:
        raise UserError(f"The {what} {path}, line {reader.line_num}, is no CSV: {error}.") from None
    return rows


def header_words(titles: Iterable[str]) -> list[str]:
    """Return titles of columns as they can be compared.

    Parameters
    ----------
    titles : iterable of str

    Examples
    --------
    >>> header_words(["E-Mail Address"])
    ['e mail address']
    """
    return [" ".join(re.findall(r"[a-z0-9]+", title.casefold())) for title in titles]


def known_columns(header: Sequence[str]) -> dict[str, int | None]:
    """Return the place of each column; one named "id" is the platform's where another one is the student's.

    Parameters
    ----------
    header : sequence of str
        As `header_words` gives it.

    Returns
    -------
    dict of str to int or None
        Of ``student``, ``name``, ``first``, ``last``, ``email``, ``platform`` and ``handed``.
    """
    places: dict[str, int | None] = {}
    for kind, names in _HEADERS.items():
        used = set(places.values())
        plain = ["".join(re.findall(r"[a-z0-9]+", name)) for name in names]
        joined = [title.replace(" ", "") for title in header]
        places[kind] = next((joined.index(n) for n in plain if n in joined and joined.index(n) not in used), None)
    if places["student"] is None:
        places["student"] = places["email"]
    return places


def cell_of(row: Sequence[str], place: int | None) -> str:
    """Return what stands at a place of a line; empty where there is nothing.

    Parameters
    ----------
    row : sequence of str
    place : int, optional
    """
    return row[place].strip() if place is not None and place < len(row) else ""


def _repeated(values: Iterable[str]) -> str:
    seen: set[str] = set()
    for value in values:
        if value and value in seen:
            return shorten(visible(value), 60)
        seen.add(value)
    return ""


def unfit(student: str) -> str:
    """Return why a text cannot be the name of a student's folder; empty where it can."""
    if not student:
        return "is missing"
    if "/" in student or student.startswith(".") or not student.isprintable() or len(student.encode()) > 150:
        return "cannot be the name of a folder; choose another one"
    return ""
