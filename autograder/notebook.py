"""The check of a lab in the notebook that is open: the same rubric that grades it, with fresh inputs every time."""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking import forbidden_use, hints
from autograder.checking.hidden_state import HiddenState, hidden_state
from autograder.checking.lab import Lab
from autograder.checking.rubric import Check, Item, Line
from autograder.checking.student import Namespace, NotebookStudent
from autograder.checking.tables import Points, number
from autograder.labs import get_lab
from autograder.submissions.absent import explained
from source_lib.tensorflow_settings import quiet_tensorflow

# Stock nbgrader scores a cell with anything on stderr as 0, and TensorFlow greets there.
quiet_tensorflow()


#: How the second level of a hint begins, and what is said where there is none.
SECOND_HINT = "Second hint: "
NO_SECOND_HINT = "There is no second hint for this: the reasons above say all that the check knows."


class UnknownCheckError(Exception):
    """The lab has no such function. The text names those that it has."""

    def _render_traceback_(self) -> list[str]:
        # IPython shows these lines instead of a traceback.
        return [str(self)]


class PracticeError(UnknownCheckError):
    """No practice can be shown. The text says what to write instead."""


class UnknownHintError(UnknownCheckError):
    """There is no such level of hints. The text names those that there are."""


@dataclass(frozen=True)
class _Row(Item):
    """One function in the table of all: it may have earned a part of its points."""

    earned: float = 0.0

    @property
    def points(self) -> float:
        return self.earned


def lab_check(name: str, functions: Mapping[str, Any]) -> Callable[..., Points]:
    """Return the ``check`` function of a lab; `autograder.open_lab` documents it.

    Parameters
    ----------
    name : str
        The lab.
    functions : mapping of str to object
        The notebook's ``globals()``.

    Returns
    -------
    callable
    """
    lab = get_lab(name)
    hidden = hidden_state(functions, lab.explore_cells)
    shown: dict[str, str] = {}

    def check(
        function: str | None = None, hint: int = 1, *, practice: bool | int = False, answer: Any = None
    ) -> Points:
        """Judge one function, or all of them, with new inputs.

        Parameters
        ----------
        function : str, optional
            For example ``"conv2d_layer"``; all functions without it.
        hint : {1, 2}
            With 2, each hint is followed by a more direct one. It costs nothing.
        practice : bool or int
            Show other numbers than those that are graded, and judge an answer to them. True draws new ones each time, a
            number shows the same again.
        answer : object, optional
            To the numbers of that practice.

        Returns
        -------
        Points
            The points earned; a notebook shows them as a table.

        Raises
        ------
        UnknownCheckError
            If the lab has no such function.
        PracticeError
            If there is nothing to practice, or it is not clear what.
        UnknownHintError
            If there is no such level of hints.
        """
        if hint not in (1, 2):
            raise UnknownHintError(f"There is no hint {hint!r}: a check gives hint 1 by itself, and more with hint=2.")
        if practice is not False or answer is not None:
            return _practiced(lab, functions, function, practice, answer, shown)
        chosen = lab.checks if function is None else (_find(lab, function),)
        notes = _later(chosen)
        # Without the lines that only grading can judge.
        chosen = [replace(one, lines=tuple(line for line in one.lines if not line.later)) for one in chosen]
        student = NotebookStudent(functions, _oracle(name), dict(functions))
        verdicts: list[list[Item]] = []
        printed: list[tuple[str, str]] = []
        with hidden.as_graded() if hidden else contextlib.nullcontext():
            for one in chosen:
                student.printed = []
                items = [one.formed(student)] if one.form is not None else _judged(lab, one, student)
                verdicts.append([_explained(item, hidden) for item in items])
                printed += _first_printed(one, student.printed)
            notes += dict.fromkeys(student.remarks)
            notes += hidden.doubts([one.function for one in chosen]) if hidden else []
        if hint == 2:
            verdicts = [
                with_second_hints(lab, one.function, items) for one, items in zip(chosen, verdicts, strict=True)
            ]
            lost = [item for items in verdicts for item in items if not item.passed]
            notes += [NO_SECOND_HINT] * (bool(lost) and not any(SECOND_HINT in item.message for item in lost))
        if function is None:
            rows = [_row(one, items) for one, items in zip(chosen, verdicts, strict=True) if items]
            return Points(rows, lab.title, notes, printed)
        return Points(verdicts[0], chosen[0].function, notes, printed)

    check.submission = functools.partial(_look, lab)
    return check


def _look(lab: Lab, folder: str = ".") -> None:
    """Print what grading will see of the files in a folder, as ``cnn-course check-submission`` does.

    Parameters
    ----------
    lab : Lab
    folder : str
        Where the saved notebook and its files are.
    """
    # Reading notebooks takes a package that no check needs.
    from autograder.submissions.preview import lines, preview

    found = preview(Path(folder), lab.wanted, {check.grade_id for check in lab.checks}, lab.explore_cells)
    print("\n".join(lines(found, lab.wanted)))


def _explained(item: Item, hidden: HiddenState | None) -> Item:
    return replace(item, message=explained(item.message, hidden.why)) if hidden else item


def _first_printed(check: Check, printed: list[str]) -> list[tuple[str, str]]:
    """Return what a function printed for the first question for which it did, under what that is."""
    more = f" The same for {len(printed) - 1} more questions is not shown." if len(printed) > 1 else ""
    return [(f"Printed while {check.function} was asked:{more}", printed[0])] if printed else []


#: Practices are numbered from 0, below this.
MOST_PRACTICES = 10**6


def _practiced(
    lab: Lab, functions: Mapping[str, Any], function: str | None, practice: bool | int, answer: Any, shown: dict
) -> Points:
    """Return a round of practice; ``shown`` is by function what was given last, so that the next one is another."""
    if lab.practice is None:
        raise PracticeError(f"{lab.name} has no practice: its check draws new inputs whenever it is called.")
    if function is None:
        raise PracticeError(f'Practice is about one function: check("{lab.checks[0].function}", practice=True).')
    chosen = _find(lab, function)
    name = chosen.function
    numbered = type(practice) is int and 0 <= practice < MOST_PRACTICES
    if answer is not None and not numbered:
        raise PracticeError(
            f'Say which numbers the answer is for, by the number beside them: check("{name}", practice=4821, answer=…).'
        )
    if not numbered and practice is not True:
        raise PracticeError(f"practice is True, or the number of a practice, from 0 to {MOST_PRACTICES - 1}.")
    while True:
        seed = practice if numbered else secrets.randbelow(MOST_PRACTICES)
        found = lab.practice(name, seed, functions, answer)
        if numbered or found.given != shown.get(name):
            break
    shown[name] = found.given
    items = [] if found.problems is None else chosen.items(found.problems)
    notes = (
        *found.notes,
        f'These are not the numbers that are graded, and nothing here counts. check("{name}", practice=True) draws '
        f"others, practice={seed} shows these again.",
    )
    return Points.practiced(found.given, items, f"{name}, practice {seed}", notes)


def with_second_hints(lab: Lab, function: str, items: Iterable[Item]) -> list[Item]:
    """Return items whose messages hold the second level of their hints as well, where there is one.

    Parameters
    ----------
    lab : Lab
        Whose known mistakes have the hints.
    function : str
        The function that was judged.
    items : iterable of Item
        Its lines. Those that are passed stay as they are.
    """
    faults = [fault for fault in lab.faults if fault.function in (function, "")]
    seconds = [(item, hints.second_hint(faults, item.message)) for item in items]
    return [
        replace(item, message=f"{item.message} {SECOND_HINT}{second}") if second and not item.passed else item
        for item, second in seconds
    ]


def _later(checks: Iterable[Check]) -> list[str]:
    """Say which points of some checks only grading can give."""
    waiting: dict[str, list[tuple[Check, list[Line]]]] = {}
    for check in checks:
        for reason in dict.fromkeys(line.later for line in check.lines if line.later):
            lines = [line for line in check.lines if line.later == reason]
            waiting.setdefault(reason, []).append((check, lines))
    told = []
    for reason, parts in waiting.items():
        total = sum(line.points for _, lines in parts for line in lines)
        points = f"{number(total)} more {'point' if total == 1 else 'points'} while grading"
        if len(parts) == 1:
            ((check, lines),) = parts
            titles = "; ".join(line.title for line in lines)
            told.append(f"{check.function}, {points} ({titles}): {reason}")
        else:
            names = ", ".join(check.function for check, _ in parts)
            told.append(f"{points} ({names}): {reason}")
    return told


def _judged(lab: Lab, check: Check, student: NotebookStudent) -> list[Item]:
    """Return the items of a check, as grading finds them too where the lab's packages are only stand-ins.

    A function is asked twice: a look at what it calls would make it slower, and its time may count.
    """
    helped = check(student, np.random.default_rng())
    if not lab.forbidden:
        return helped
    # With other questions, since what an answer remembers of the first ones it does not compute; but what was measured
    # with the packages is measured again only for who calls them.
    alone = replace(student, forbidden=lab.forbidden, notes=dict(student.notes), noted={}, printed=[])
    check.judge(alone, np.random.default_rng())
    if check.function not in alone.noted:
        return helped
    alone.notes.clear()
    items = check.items(check.judge(alone, np.random.default_rng()))
    functions = [one.function for one in lab.checks]
    guilty, _ = forbidden_use.blamed([check], functions, alone.noted, {check.grade_id: items})
    if check.function in guilty:
        return check.failed(forbidden_use.sentence(check.function, guilty[check.function]))
    return forbidden_use.proven(check, items, helped, lab.forbidden)[0]


@functools.cache
def _oracle(name: str) -> Namespace:
    return get_lab(name).oracle()


def _find(lab: Lab, function: str) -> Check:
    for check in lab.checks:
        if function in (check.function, check.grade_id):
            return check
    names = ", ".join(check.function for check in lab.checks)
    raise UnknownCheckError(f"{lab.name} has no function {function!r} to check. It has {names}.")


def _row(check: Check, items: list[Item]) -> _Row:
    failed = [item for item in items if not item.passed]
    message = f"{failed[0].title}: {failed[0].reason}" if failed else ""
    if len(failed) > 1 and any(item.reason != failed[0].reason for item in failed):
        message += f' {number(len(failed) - 1)} more: check("{check.function}") shows all.'
    earned = sum(item.points for item in items)
    return _Row(check.grade_id, check.function, check.points, not failed, message, earned=earned)
