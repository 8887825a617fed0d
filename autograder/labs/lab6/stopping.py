"""What is asked of `should_stop`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autograder.checking import compare
from autograder.checking.domain import whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab6.domains import STOPPING
from autograder.labs.lab6.drawing import Rng, draw_history
from autograder.labs.lab6.shared import compared, judge
from autograder.labs.lab6.wording import WORDING


def _histories(rng: Rng) -> list[tuple]:
    """Return questions with and without a least step, among them trainings that go on and ones that should end."""
    found = []
    for kind, epochs, patience, delta in (
        ("turning", 14, 3, 0.0),
        ("noisy", 25, 6, 0.0),
        ("falling", 12, 4, 0.0),
        ("noisy", 30, 8, 0.06),
        ("falling", 16, 3, 0.073),
        ("rising", 9, 4, 0.0),
        ("turning", 20, 9, 0.013),
        ("noisy", 12, 11, 0.0),
    ):
        history = {"loss": draw_history(rng, "falling", epochs), "val_loss": draw_history(rng, kind, epochs)}
        found.append((history, patience, delta))
    return found


def _best(student: Student, rng: Rng) -> Wrong | None:
    for arguments in _histories(rng):
        if wrong := _epoch(student, arguments):
            return wrong
    return None


def _epoch(student: Student, arguments: tuple) -> Wrong | None:
    """Ask which epoch was the best; whether training stops is asked elsewhere."""
    answer = student.ask("should_stop", *arguments)
    right = student.oracle.call("should_stop", *arguments)
    values = compare.array(answer.value)
    if values is not None and values.shape == (2,) and values[1] == right[1]:
        return None
    wrong = compared(student, "should_stop", arguments, answer, right)
    what = None if values is None or values.shape != (2,) else f"says epoch {values[1]:g}, where {right[1]:g} is right"
    return replace(wrong, what=what or wrong.what, view=lambda value: _part(value, 1))


def _part(value, place):
    values = compare.array(value)
    return values[place] if values is not None and values.shape == (2,) else None


def _stop(student: Student, rng: Rng) -> Wrong | str | None:
    losses, patience, delta = _PLAIN
    told = compare.array(student.call("should_stop", losses, patience, delta))
    if told is None or told.shape != (2,) or told[1] != 2:
        return "should_stop does not find the epoch with the smallest validation loss yet, so this cannot count."
    # Fixed ones too: in those that are drawn, a rule that is wrong by one epoch may give the same by luck.
    for arguments in (*_STOP, *_histories(rng)):
        if wrong := _stopping(student, arguments):
            return wrong
    return None


def _stopping(student: Student, arguments: tuple) -> Wrong | str | None:
    """Ask whether training stops, by the student's own best epoch."""
    history, patience, _ = arguments
    answer = student.ask("should_stop", *arguments)
    values = compare.array(answer.value)
    if values is None or values.shape != (2,) or not np.isfinite(values[1]):
        return compared(student, "should_stop", arguments, answer)
    expected = float(len(history["val_loss"]) - 1 - values[1] >= patience)
    if values[0] == expected:
        return None
    right = student.oracle.call("should_stop", *arguments)
    wrong = compared(student, "should_stop", arguments, answer, np.array([expected, values[1]]))
    words = "stops" if values[0] else "goes on"
    since = len(history["val_loss"]) - 1 - int(values[1])
    what = f"{words}, {since} epochs after the best, with a patience of {patience}"
    return replace(wrong, what=what, expected=right, view=lambda value: _part(value, 0))


def _told(losses: list[float], *validation: float) -> dict[str, list[float]]:
    return {"loss": losses, "val_loss": list(validation)}


_FALLS = [0.9, 0.7, 0.6, 0.5, 0.4]
#: A validation loss that falls and rises, while that of training falls.
_PLAIN = (_told(_FALLS, 1.0, 0.8, 0.5, 0.6, 0.7), 9, 0.0)
#: Small questions, each of which shows another mistake: losses, patience and least step.
_BEST = (
    (_told(_FALLS, 1.0, 0.8, 0.85, 0.82, 0.9), 3, 0.0),
    (_told([0.5, 0.6, 0.7, 0.8, 0.9], 1.0, 0.8, 0.85, 0.82, 0.84), 3, 0.0),
    (_told(_FALLS[:4], 1.0, 0.98, 0.95, 0.99), 2, 0.03),
    (_told(_FALLS[:4], 1.0, 0.98, 0.9, 0.89), 2, 0.03),
)
_STOP = (
    (_told([0.9, 0.8, 0.7, 0.6, 0.5, 0.45], 0.5, 0.6, 0.62, 0.64, 0.6, 0.9), 2, 0.0),
    (_told(_FALLS[:4], 0.9, 0.5, 0.6, 0.7), 2, 0.0),
    (_told(_FALLS[:4], 0.9, 0.7, 0.5, 0.51), 2, 0.0),
    (_told(_FALLS[:4], 0.9, 0.7, 0.5, 0.49), 3, 0.0),
    (_told(_FALLS[:3], 0.9, 0.7, 0.3), 5, 0.0),
    (_told(_FALLS[:4], 0.5, 0.51, 0.52, 0.53), 3, 0.0),
)
CHECK = Check(
    "should_stop",
    (
        Line(
            "best",
            "The epoch whose weights are restored",
            0.25,
            _best,
            [lambda student, one=one: _epoch(student, one) for one in _BEST],
        ),
        Line(
            "stop",
            "Whether training stops",
            0.5,
            _stop,
            [lambda student, one=one: _stopping(student, one) for one in _STOP],
        ),
        whole_domain("should_stop", STOPPING, judge("should_stop"), 0.25),
    ),
    wording=WORDING,
)
