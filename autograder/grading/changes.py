"""Who would gain or lose by grading again, how much and by which lines: told before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from autograder.checking.lab import Lab
from autograder.gradebook.feedback_pages import Recorded
from autograder.gradebook.item_analysis import Answered
from autograder.grading.grade import Verdict


@dataclass(frozen=True)
class LineChange:
    """One line of the rubric that gives a student other points.

    Attributes
    ----------
    function, title : str
        Whose check, and what is asked.
    before, after : float, optional
        Points; None where the line is not asked.
    """

    function: str
    title: str
    before: float | None
    after: float | None

    @property
    def difference(self) -> float:
        """What the student gains; negative for a loss."""
        return (self.after or 0.0) - (self.before or 0.0)


@dataclass(frozen=True)
class Change:
    """What grading again would change for one student.

    Attributes
    ----------
    student : str
    before : float, optional
        Points of the automatic parts as they count today; None where there is no grade.
    after : float
        As they would count.
    lines : tuple of LineChange
        Those that change the points, in the order of the rubric; none where there is no grade yet.
    by_hand : tuple of str
        Functions whose points would change but for those that a person gave, which stay.
    flags : tuple of str
        Why a person would have to look who has not to today.
    """

    student: str
    before: float | None
    after: float
    lines: tuple[LineChange, ...] = ()
    by_hand: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """What the student gains; negative for a loss."""
        return self.after - (self.before or 0.0)

    @property
    def nothing(self) -> bool:
        """Whether all is as before."""
        return self.before is not None and not (self.lines or self.by_hand or self.flags)


def change_of(lab: Lab, student: str, before: Answered | None, recorded: Recorded | None, verdict: Verdict) -> Change:
    """Return what a new verdict would change.

    Parameters
    ----------
    lab : Lab
    student : str
    before : Answered, optional
        The lines of the verdict of today; None where there is none.
    recorded : Recorded, optional
        What the gradebook holds; None where the student is not in it.
    verdict : Verdict
        The new one.

    Returns
    -------
    Change
    """
    given = {name: one.manual for name, one in recorded.scores.items()} if recorded is not None else {}
    by_person = {check.grade_id for check in lab.checks if given.get(check.grade_id) is not None}
    old = {} if before is None else dict(before.items)
    new = {(item.check, item.title): item for item in verdict.items}
    fixed = sum(given[name] for name in by_person)
    counted = [
        sum(item.points for item in items.values() if item.check not in by_person) + fixed for items in (old, new)
    ]
    lines = _lines(lab, old, new) if before is not None else []
    return Change(
        student,
        None if before is None else counted[0],
        counted[1],
        tuple(line for name, line in lines if name not in by_person),
        tuple(dict.fromkeys(line.function for name, line in lines if name in by_person)),
        tuple(flag for flag in verdict.flags if before is None or flag not in before.flags),
    )


def _lines(lab: Lab, old: Mapping, new: Mapping) -> list[tuple[str, LineChange]]:
    """Return the lines that give other points, each with the ``grade_id`` of its check."""
    functions = {check.grade_id: check.function for check in lab.checks}
    found = []
    for check, title in dict.fromkeys([*new, *old]):
        points = [one[check, title].points if (check, title) in one else None for one in (old, new)]
        line = LineChange(functions.get(check, check.removeprefix("check_")), title, *points)
        if line.difference:
            found.append((check, line))
    return found


def alike(changes: Iterable[Change]) -> list[tuple[list[str], Change]]:
    """Return those of whom something changes, with all whom the same changes: who loses first, then who gains.

    Parameters
    ----------
    changes : iterable of Change

    Returns
    -------
    list of (list of str, Change)
        Students in the order given, and what changes for each of them.
    """
    found: dict[Change, list[str]] = {}
    for one in changes:
        if not one.nothing:
            found.setdefault(replace(one, student=""), []).append(one.student)
    return sorted(
        ((students, one) for one, students in found.items()),
        key=lambda pair: (pair[1].before is None, not pair[1].difference, pair[1].difference, pair[0]),
    )


def by_line(changes: list[Change]) -> list[tuple[LineChange, int]]:
    """Return the changed lines of a class, each with the number of students whom it concerns, most of them first.

    Parameters
    ----------
    changes : list of Change
    """
    found: dict[LineChange, int] = {}
    for line in (line for change in changes for line in change.lines):
        found[line] = found.get(line, 0) + 1
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0].function, pair[0].title))
