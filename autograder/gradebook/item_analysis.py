"""What the lines of a rubric tell about a class: which were lost, to which known mistake, and how well they measure.

The lines of each verdict are kept in the graded notebook, which is written in the same step as the grade.
"""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np
import scipy
from nbgrader.api import Assignment, Gradebook, SubmittedAssignment

from autograder.checking.faults import Fault
from autograder.checking.lab import Lab
from autograder.checking.rubric import Item
from autograder.errors import UserError
from autograder.gradebook.class_tables import read_exempt
from autograder.gradebook.course_folder import NOTES, CourseFolder
from autograder.gradebook.feedback_pages import open_gradebook
from autograder.submissions.sanitize import printable, without_links
from source_lib.text import shorten

#: Lower, middle and upper third of a class by points.
THIRDS = ("lower", "middle", "upper")
#: With fewer students, neither discrimination nor reliability is computed: both would say something about chance.
MIN_STUDENTS = 10
#: Of the interval of the reliability.
CONFIDENCE = 0.95
MAX_REASON = 160
_UNWRITTEN = ("is not written yet", "There is no function")
_NUMBER = re.compile(r"[-+]?\d[\d.,e+-]*")


@dataclass(frozen=True)
class Answered:
    """The lines of one student's verdict.

    Attributes
    ----------
    student : str
    items : dict of (str, str) to Item
        By the check's ``grade_id`` and the line's title.
    flags : tuple of str
        Why a person must look.
    """

    student: str
    items: Mapping[tuple[str, str], Item]
    flags: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """The automatic points."""
        return sum(item.points for item in self.items.values())

    @property
    def unread(self) -> bool:
        """Whether nothing could be judged: every line was lost for one reason, which calls a person."""
        messages = {item.message for item in self.items.values()}
        return len(messages) == 1 and not self.points and messages <= set(self.flags)

    @property
    def untouched(self) -> bool:
        """Whether no line was passed and no function was written."""
        return not self.points and all(_is_unwritten(item) for item in self.items.values())


@dataclass(frozen=True)
class Mistake:
    """A known fault, or another reason, and who lost points by it.

    Attributes
    ----------
    id : str
        Of the `Fault`; empty for another reason.
    text : str
        The fault's hint, or the reason.
    by_third : tuple of int
        How many students, in the `THIRDS` of the class.
    function : str
        Whose check named it.
    """

    id: str
    text: str
    by_third: tuple[int, int, int]
    function: str

    @property
    def students(self) -> int:
        """How many students in all."""
        return sum(self.by_third)


@dataclass(frozen=True)
class LineResult:
    """One line of the rubric over a class.

    Attributes
    ----------
    check, function, key, title : str
    points : float
        What it is worth.
    passed, students : int
        How many passed, of how many.
    discrimination : float, optional
        The point-biserial correlation of the line with the points of all other lines; None where all or none passed,
        or where they are too few.
    mistakes : tuple of Mistake
        Why it was lost, the most frequent first.
    """

    check: str
    function: str
    key: str
    title: str
    points: float
    passed: int
    students: int
    discrimination: float | None
    mistakes: tuple[Mistake, ...]

    @property
    def share(self) -> float:
        """The part of the class that passed."""
        return self.passed / self.students if self.students else 0.0


@dataclass(frozen=True)
class Reliability:
    """Cronbach's alpha with its interval, or why there is none.

    Attributes
    ----------
    alpha, low, high : float, optional
    problem : str
        Why there is none; empty where there is one.
    """

    alpha: float | None = None
    low: float | None = None
    high: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class Analysis:
    """What the verdicts of a class tell about a lab.

    Attributes
    ----------
    lab : Lab
    points : numpy.ndarray, shape [N]
        The automatic points of each student who counts.
    lines : tuple of LineResult
        In the order of the rubric.
    mistakes : tuple of Mistake
        The known faults that were named, the most frequent first.
    reliability : Reliability
    thirds : tuple of int
        How many students are in each of the `THIRDS`.
    unread, untouched, without : int
        How many do not count: nothing could be judged; nothing was written; no verdict is there, or one on another
        rubric.
    ahead : numpy.ndarray, shape [M]
        Hours between handing in and the due date, negative where late, of those of whom both are known.
    """

    lab: Lab
    points: np.ndarray
    lines: tuple[LineResult, ...]
    mistakes: tuple[Mistake, ...]
    reliability: Reliability
    thirds: tuple[int, int, int]
    unread: int = 0
    untouched: int = 0
    without: int = 0
    ahead: np.ndarray = field(default_factory=lambda: np.zeros(0))


def read_verdict(course: CourseFolder, lab: Lab, student: str) -> Answered | None:
    """Return the lines of a student's verdict; None where there is none.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    student : str
    """
    path = course.step("autograded", student, lab.name) / f"{lab.name}.ipynb"
    try:
        stored = json.loads(path.read_bytes())["metadata"][NOTES]["verdict"]
        items = [Item(**item) for item in stored["items"]]
        return Answered(student, {(item.check, item.title): item for item in items}, tuple(stored["flags"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def handed_in_ahead(gradebook: Gradebook, lab: str, exempt: Set[str] = frozenset()) -> np.ndarray:
    """Return how many hours before the due date each submission came, where both times are known.

    Parameters
    ----------
    gradebook : Gradebook
    lab : str
        Its name.
    exempt : set of str
        Students who do not count.

    Returns
    -------
    numpy.ndarray, shape [M]
        Negative where it was late, extensions counted.
    """
    times = (SubmittedAssignment.timestamp, SubmittedAssignment.extension, Assignment.duedate)
    query = gradebook.db.query(SubmittedAssignment.student_id, *times)
    rows = query.join(Assignment, SubmittedAssignment.assignment_id == Assignment.id).filter(Assignment.name == lab)
    known = [times for who, *times in rows if who not in exempt]
    ahead = [due + (extra or datetime.timedelta()) - when for when, extra, due in known if when and due]
    return np.array([one.total_seconds() / 3600 for one in ahead])


def analyze_course(course: CourseFolder, lab: Lab, students: Sequence[str]) -> Analysis:
    """Return what the verdicts in a course's folder tell.

    Parameters
    ----------
    course : CourseFolder
    lab : Lab
    students : sequence of str
        Who handed in. Exempt students do not count.

    Raises
    ------
    UserError
        If nobody was graded yet, or the gradebook or the table of those who are exempt cannot be read.
    """
    exempt = read_exempt(course.root, lab.name)
    answers = [read_verdict(course, lab, student) for student in students if student not in exempt]
    if not any(answers):
        raise UserError(
            f"There is no verdict on {lab.name} yet, or none with its lines. Grade it: cnn-course grade {lab.name}"
        )
    with open_gradebook(course) as gradebook:
        return analyze(lab, answers, handed_in_ahead(gradebook, lab.name, exempt))


def analyze(lab: Lab, answers: Sequence[Answered | None], ahead: np.ndarray | None = None) -> Analysis:
    """Return what the verdicts of a class tell.

    Parameters
    ----------
    lab : Lab
    answers : sequence of Answered or None
        Of everybody who handed in.
    ahead : numpy.ndarray, optional
        As `handed_in_ahead` gives it.

    Returns
    -------
    Analysis
        Of those who count: whose notebook could be judged and who wrote something.
    """
    asked = [(check, line) for check in lab.checks for line in check.lines]
    keys = [(check.grade_id, line.title) for check, line in asked]
    there = [one for one in answers if one is not None and all(key in one.items for key in keys)]
    counting = [one for one in there if not one.unread and not one.untouched]
    passed = np.array([[one.items[key].passed for key in keys] for one in counting], dtype=bool)
    passed = passed.reshape(len(counting), len(keys))
    worth = np.array([line.points for _, line in asked])
    scores = passed * worth
    points = scores.sum(axis=1)
    thirds = thirds_of(points)
    hints = {check.function: _hints(lab.faults, check.function) for check in lab.checks}
    lines, named = [], {}
    for column, (check, line) in enumerate(asked):
        lost: dict[tuple[str, str], set[int]] = {}
        for row in np.flatnonzero(~passed[:, column]):
            for reason in reasons_of(counting[row].items[keys[column]], hints[check.function]):
                lost.setdefault(reason, set()).add(int(row))
                if reason[0]:
                    named.setdefault((*reason, check.function), set()).add(int(row))
        lines.append(
            LineResult(
                check.grade_id,
                check.function,
                line.key,
                line.title,
                line.points,
                int(passed[:, column].sum()),
                len(counting),
                discrimination(passed[:, column], points - scores[:, column]),
                _by_number(_mistake(*reason, rows, thirds, check.function) for reason, rows in lost.items()),
            )
        )
    return Analysis(
        lab,
        points,
        tuple(lines),
        _by_number(_mistake(id, text, rows, thirds, function) for (id, text, function), rows in named.items()),
        reliability(scores),
        tuple(int((thirds == third).sum()) for third in range(3)),
        unread=sum(one.unread for one in there),
        untouched=sum(one.untouched and not one.unread for one in there),
        without=len(answers) - len(there),
        ahead=np.zeros(0) if ahead is None else ahead,
    )


def discrimination(passed: np.ndarray, others: np.ndarray) -> float | None:
    """Return how well a line tells strong students from weak ones.

    This is the corrected item-total correlation: the point-biserial correlation of the line with the points of all
    other lines, so that the line is not correlated with itself.

    Parameters
    ----------
    passed : numpy.ndarray of bool, shape [N]
    others : numpy.ndarray, shape [N]
        The points of all other lines.

    Returns
    -------
    float or None
        From −1 to 1; None where one of the two is the same for all, or where there are fewer than `MIN_STUDENTS`.
    """
    if len(passed) < MIN_STUDENTS or passed.all() or not passed.any() or np.ptp(others) == 0:
        return None
    return float(scipy.stats.pointbiserialr(passed, others).statistic)


def reliability(scores: np.ndarray) -> Reliability:
    """Return Cronbach's alpha of the lines and its confidence interval.

    With the scores :math:`X_i` of k lines and their sum :math:`X`,

    .. math:: \\alpha = \\frac{k}{k-1} \\left(1 - \\frac{\\sum_i \\operatorname{var} X_i}{\\operatorname{var} X}\\right)

    (L. J. Cronbach, *Coefficient alpha and the internal structure of tests*, Psychometrika 16, 1951). The interval is
    the one of L. S. Feldt (*The approximate sampling distribution of Kuder–Richardson reliability coefficient twenty*,
    Psychometrika 30, 1965): :math:`(1 - \\alpha) / (1 - \\hat\\alpha)` has the distribution
    :math:`F_{n-1,\\, (n-1)(k-1)}`.

    Parameters
    ----------
    scores : numpy.ndarray, shape [N, K]
        Points of N students in K lines.

    Returns
    -------
    Reliability
        Without a number where there are fewer than `MIN_STUDENTS`, fewer than two lines, or where all have the same
        points.

    Examples
    --------
    >>> scores = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0)
    >>> round(reliability(scores).alpha, 3)
    1.0
    """
    students, lines = scores.shape
    if students < MIN_STUDENTS:
        return Reliability(problem=f"Too few: {students} students count, and {MIN_STUDENTS} are needed.")
    if lines < 2:
        return Reliability(problem="A single line has no reliability of this kind.")
    total = scores.sum(axis=1).var(ddof=1)
    if total == 0:
        return Reliability(problem="Everybody has the same points.")
    alpha = lines / (lines - 1) * (1 - scores.var(axis=0, ddof=1).sum() / total)
    tail = (1 - CONFIDENCE) / 2
    low, high = scipy.stats.f.ppf([1 - tail, tail], students - 1, (students - 1) * (lines - 1))
    return Reliability(float(alpha), float(1 - (1 - alpha) * low), float(1 - (1 - alpha) * high))


def thirds_of(points: np.ndarray) -> np.ndarray:
    """Return in which third of the class each student is. Students with the same points are in the same third.

    Parameters
    ----------
    points : numpy.ndarray, shape [N]

    Returns
    -------
    numpy.ndarray of int, shape [N]
        0 for the lower third, 2 for the upper one.

    Examples
    --------
    >>> thirds_of(np.array([5.0, 1.0, 9.0])).tolist()
    [1, 0, 2]
    """
    if not len(points):
        return np.zeros(0, dtype=int)
    return np.minimum(3 * (scipy.stats.rankdata(points) - 0.5) / len(points), 2).astype(int)


def reasons_of(item: Item, hints: Mapping[str, Fault]) -> list[tuple[str, str]]:
    """Return why a line was lost: each known fault that is named, or else the reason in short.

    Parameters
    ----------
    item : Item
    hints : mapping of str to Fault
        By the hint as it stands in a message, the longest first.

    Returns
    -------
    list of (str, str)
        The fault's id and hint, or an empty id and the reason, in which numbers are left out so that the same reason
        counts as one.
    """
    message, found = item.message, []
    for hint, fault in hints.items():
        if hint in message:
            found.append((fault.id, hint))
            # One hint may be the beginning of another.
            message = message.replace(hint, "")
    if found:
        return found
    if _is_unwritten(item):
        return [("", "Not written.")]
    return [("", shorten(_NUMBER.sub("…", printable(item.reason)), MAX_REASON))]


def _hints(faults: Iterable[Fault], function: str) -> dict[str, Fault]:
    """Return the faults by their hints, as `grading.grade` puts them into messages.

    Of faults with the same hint, the one of the function that was asked.
    """
    found: dict[str, Fault] = {}
    for fault in sorted(faults, key=lambda fault: fault.function != function):
        if fault.hint:
            found.setdefault(without_links(printable(fault.hint)), fault)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def _is_unwritten(item: Item) -> bool:
    return any(words in item.message for words in _UNWRITTEN)


def _mistake(id: str, text: str, rows: set[int], thirds: np.ndarray, function: str) -> Mistake:
    counts = Counter(int(thirds[row]) for row in rows)
    return Mistake(id, text, (counts[0], counts[1], counts[2]), function)


def _by_number(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    return tuple(sorted(mistakes, key=lambda one: (-one.students, one.function, one.id, one.text)))
