"""Tables of the instructor's own in the course's folder: who hands in together, and who need not hand in.

``groups.csv`` has a line for each member of a group, ``exempt.csv`` one for each student and lab. The gradebook knows
neither: a group has the one submission that it handed in, and the others get its grade and its page.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.gradebook.course_folder import CourseError
from autograder.gradebook.platform_names import ROSTER, read_text
from autograder.gradebook.roster import read_roster, unfit
from autograder.labs import lab_names
from source_lib.text import in_series, visible

GROUPS, EXEMPT = "groups.csv", "exempt.csv"


@dataclass(frozen=True)
class Group:
    """Students who hand in one submission.

    Attributes
    ----------
    name : str
    members : tuple of str
        Their ids, in the order of the table.
    """

    name: str
    members: tuple[str, ...]


def read_table(path: Path, titles: Sequence[str], a_line: str) -> list[tuple[int, dict[str, str]]]:
    """Return the lines of a table in the course's folder, each with its number; none where there is no table.

    Parameters
    ----------
    path : pathlib.Path
    titles : sequence of str
        Of its columns.
    a_line : str
        What a line holds, for a person.

    Raises
    ------
    CourseError
        If it is no CSV, or has other columns.
    UserError
        If it cannot be read.
    """
    if not path.exists():
        return []
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    try:
        if [title.strip().lower() for title in next(reader, [])] != list(titles):
            raise CourseError(f"The first line of {path} is {','.join(titles)}.")
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise CourseError(f"{path}, line {reader.line_num}, is no CSV: {error}.") from None
    for number, row in rows:
        if len(row) != len(titles):
            raise CourseError(f"{path}, line {number}: a line is {a_line}.")
    return [(number, dict(zip(titles, row, strict=True))) for number, row in rows]


def read_groups(root: Path, lab: str) -> list[Group]:
    """Return who hands in a lab together.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    lab : str
        Its name.

    Raises
    ------
    CourseError
        If a line names no lab, no group or no student of the roster, or if a student is in two groups of a lab.
    UserError
        If the table or the roster cannot be read.
    """
    path = root / GROUPS
    groups: dict[tuple[str, str], list[str]] = {}
    owners: dict[tuple[str, str], str] = {}
    rows = read_table(path, ("lab", "group", "student"), "a lab, a group and a student")
    known = _enrolled(root) if rows else frozenset()
    for number, row in rows:
        name, student = row["group"], row["student"]
        problem = _problem(row["lab"], student, known) or ("" if name else "there is no group")
        other = owners.setdefault((row["lab"], student), name)
        if other != name or student in groups.get((row["lab"], name), ()):
            twice = f"in the groups {visible(other)} and {visible(name)}" if other != name else "there twice"
            problem = problem or f"{visible(student)} is {twice} for {row['lab']}"
        if problem:
            raise CourseError(f"{path}, line {number}: {problem}.")
        groups.setdefault((row["lab"], name), []).append(student)
    return [Group(name, tuple(members)) for (of, name), members in groups.items() if of == lab]


def read_exempt(root: Path, lab: str) -> frozenset[str]:
    """Return who need not hand in a lab.

    Parameters
    ----------
    root : pathlib.Path
        The course's folder.
    lab : str
        Its name.

    Raises
    ------
    CourseError
        If a line names no lab or no student of the roster, or is there twice.
    UserError
        If the table or the roster cannot be read.
    """
    path = root / EXEMPT
    rows = read_table(path, ("lab", "student"), "a lab and a student")
    known = _enrolled(root) if rows else frozenset()
    seen: set[tuple[str, str]] = set()
    for number, row in rows:
        one = row["lab"], row["student"]
        problem = _problem(*one, known) or (f"{visible(one[1])} is there twice for {one[0]}" if one in seen else "")
        if problem:
            raise CourseError(f"{path}, line {number}: {problem}.")
        seen.add(one)
    return frozenset(student for of, student in seen if of == lab)


def _enrolled(root: Path) -> frozenset[str]:
    """Return who is on the roster; empty where there is none."""
    path = root / ROSTER
    return frozenset(one.student for one in read_roster(path).students) if path.exists() else frozenset()


def _problem(lab: str, student: str, known: frozenset[str]) -> str:
    if lab not in lab_names():
        return f"there is no lab {visible(lab)!r}; the labs are {in_series(lab_names())}"
    if reason := unfit(student):
        return f"the id {visible(student)[:60]!r} {reason}"
    return f"{visible(student)} is not on the roster" if known and student not in known else ""


def handed_in_by(groups: Iterable[Group], students: Iterable[str], lab: str) -> dict[str, str]:
    """Return by member of each group that handed something in, which of them did.

    Parameters
    ----------
    groups : iterable of Group
    students : iterable of str
        Who handed in.
    lab : str
        Its name.

    Raises
    ------
    CourseError
        If two members of a group did.
    """
    here = set(students)
    found: dict[str, str] = {}
    for group in groups:
        did = [student for student in group.members if student in here]
        if len(did) > 1:
            raise CourseError(
                f"{in_series([visible(one) for one in did])} of group {visible(group.name)} each handed in {lab}, and "
                f"one submission counts for a group. Take whoever works alone out of {GROUPS}, or remove what does not "
                f"count: cnn-course drop STUDENT --lab {lab}"
            )
        found |= dict.fromkeys(group.members if did else (), did[0] if did else "")
    return found


def with_members(by: Mapping[str, str], students: Iterable[str]) -> list[str]:
    """Return students, and after each who handed in for a group, the others of it.

    Parameters
    ----------
    by : mapping of str to str
        As `handed_in_by` gives it.
    students : iterable of str
    """
    others: dict[str, list[str]] = {}
    for member, who in by.items():
        others.setdefault(who, []).append(member)
    return list(dict.fromkeys(one for student in students for one in (student, *others.get(student, ()))))
