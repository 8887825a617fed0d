"""What is asked of `gradient_check`: functions that differ from course to course, with right gradients and wrong ones.

A function cannot be sent, so it is made beside the student's code from the numbers that describe it. Each line asks
about right gradients and wrong ones: whoever always says the same has none of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

import numpy as np

from autograder.checking import compare, error_texts
from autograder.checking.domain import DOMAIN
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.student import Student, StudentError, once
from autograder.labs.lab8.claims import NEAREST, all_over, gradient_of, value_of
from autograder.labs.lab8.drawing import Rng

#: What all answers together may take on the clock.
_SECONDS = 60.0
#: How many questions are sent at once: a message holds no more than a thousand arrays.
_BATCH = 200
_CELL = (
    inspect.getsource(value_of)
    + """

def course_checks(questions):
    import numpy as np

    found = []
    for x, df, *told in questions:
        before = np.array(x), np.array(df)

        def f(v):
            if np.shape(v) != before[0].shape:
                raise ValueError(f"f takes an array of shape {before[0].shape}, as x has, not of {np.shape(v)}")
            return value_of(v, *told)

        answer = gradient_check(f, x, df)
        if getattr(answer, "shape", None) == ():
            answer = answer.item() if hasattr(answer, "item") else bool(answer)
        if not isinstance(answer, (bool, int, float)):
            shape = getattr(answer, "shape", None)
            return type(answer).__name__ if shape is None else "an array of shape " + str(list(shape))
        same = all(np.array_equal(one, kept) for one, kept in zip((x, df), before))
        found.append([float(answer), float(same)])
    return np.array(found)
"""
)


def _drawn(rng: Rng, kind: str, shape: tuple[int, ...], scale: float = 1.0) -> list:
    """Return a question with the right gradient."""
    count = int(np.prod(shape))
    x = rng.uniform(0.3, 2.0, count) * rng.choice([-1, 1], count)
    slopes = rng.uniform(0.5, 2.0, count) * rng.choice([-1, 1], count)
    away = rng.uniform(NEAREST, 10 * NEAREST, count) * rng.choice([-1, 1], count)
    near = rng.random(count) < 0.7
    # One at least.
    near[rng.integers(count)] = True
    # Where the slope of a sine is not nearly 0.
    places = x - rng.uniform(-1, 1, count) if kind in ("smooth", "separate") else x + np.where(near, away, 1.0)
    if kind == "separate":
        # So small that what is measured of it is rounding.
        slopes[1::2] *= 1e-9
    told = [kind, slopes, places, scale, 1000.0 if kind == "separate" else 0.0]
    x = x.reshape(shape)
    return [x, gradient_of(x, *told), *told]


def _off(question: Sequence, place: int, part: float) -> list:
    """Return the question with one number of the gradient off by a part of the largest."""
    x, df, *told = question
    wrong = df.copy()
    wrong.flat[place] += part * np.abs(df).max()
    return [x, wrong, *told]


def _with(question: Sequence, df: np.ndarray) -> list:
    return [question[0], df, *question[2:]]


_SHAPES = ((1,), (5,), (3, 4), (2, 3, 2))


def _smooth(rng: Rng) -> list[tuple[list, bool, str]]:
    found = []
    for shape in _SHAPES:
        one = _drawn(rng, "smooth", shape)
        # Errors of both signs, so that a comparison of one alone finds them: another line is about that.
        while one[1].size > 1 and min(one[1].max(), -one[1].min()) < 0.1 * np.abs(one[1]).max():
            one = _drawn(rng, "smooth", shape)
        found.append((one, True, "the right gradient"))
        if one[1].size == 1:
            # Who compares with the sign of the error finds one of two wrong ones, and loses another line for it.
            continue
        found.append((_with(one, -one[1]), False, "one of the opposite sign"))
        found.append((_with(one, np.zeros_like(one[1])), False, "one of zeros"))
    return found


def _entries(rng: Rng) -> list[tuple[list, bool, str]]:
    found = []
    for shape, scale in (((6,), 1.0), ((3, 4), 1e-5), ((2, 3, 2), 1e4), ((4,), 1.0)):
        one = _drawn(rng, "smooth", shape, scale)
        count = one[1].size
        size = "" if scale == 1 else f", where the largest entry is {np.abs(one[1]).max():.1g}"
        found.append((one, True, f"the right gradient{size}"))
        for place in (0, int(rng.integers(1, count - 1)), count - 1):
            for part in (0.03, -0.03):
                what = f"one whose entry {place} of {count} is off by {part:+.0%} of the largest{size}"
                found.append((_off(one, place, part), False, what))
        found.append((_with(one, 1.1 * one[1]), False, f"one that is 10 % too large{size}"))
        if count > 4:
            shifted = _off(_off(one, 0, 0.4), count - 1, -0.4)
            found.append((shifted, False, f"one in which two errors cancel in the sum{size}"))
    one = _drawn(rng, "smooth", (1,))
    for part in (0.5, -0.5):
        found.append((_off(one, 0, part), False, f"one of a single entry that is off by {part:+.0%}"))
    for shape, scale in (((7,), 1.0), ((3, 3), 1e4)):
        one = _drawn(rng, "separate", shape, scale)
        what = f"where some entries are nearly 0, and f is about {1000 * scale:,.0f}"
        found.append((one, True, f"the right gradient, {what}"))
        found.append((_off(one, 1, 0.03), False, f"one that is off by +3% of the largest in an entry, {what}"))
    one = _in_single_precision(rng, (2, 3))
    found.append((one, True, "the right gradient at an x of float32, with numbers near 100"))
    return found


def _in_single_precision(rng: Rng, shape: tuple[int, ...]) -> list:
    """Return a question whose numbers are so large that a small step is lost in single precision."""
    x = (rng.uniform(70, 120, shape) * rng.choice([-1, 1], shape)).astype("float32")
    told = ["smooth", rng.uniform(0.5, 2.0, x.size), rng.uniform(-1, 1, x.size), 1.0, 0.0]
    return [x, gradient_of(x, *told), *told]


def _kinks(rng: Rng) -> list[tuple[list, bool, str]]:
    found = []
    for kind, shape in (("relu", (6,)), ("absolute", (2, 3)), ("relu", (3, 2, 2)), ("absolute", (5,))):
        one = _drawn(rng, kind, shape)
        name = {"relu": "a sum of ReLUs", "absolute": "a sum of absolute values"}[kind]
        found.append((one, True, f"the right gradient of {name}, near kinks"))
        # Neither the first nor the last one, about which another line asks, and of both signs: so does that line.
        places = rng.choice(np.arange(1, one[1].size - 1), 2, replace=False)
        wrong = _off(_off(one, int(places[0]), 0.45), int(places[1]), -0.3)
        found.append((wrong, False, f"one of {name} that is wrong in two entries"))
    return found


def _text(error: str) -> str:
    """Return an error in the words of the lab, and what it means."""
    text = error_texts.without_ours(error, "gradient_check")
    return f"{text} {error_texts.meaning(text)}" if " stopped with " in text else text


def _answers(student: Student, questions: Sequence[list]) -> np.ndarray:
    """Return for each question what the student said, and whether the inputs are as before.

    Raises
    ------
    StudentError
        If that is no answer.
    """
    try:
        with student.fresh(_CELL, seconds=_SECONDS, code_only=True) as side:
            parts = (questions[k : k + _BATCH] for k in range(0, len(questions), _BATCH))
            return np.concatenate([_verdicts(side.call("course_checks", part), len(part)) for part in parts])
    except StudentError as error:
        raise StudentError(_text(str(error))) from None


def _verdicts(sent: object, count: int) -> np.ndarray:
    """Return what came back from so many questions, [count, 2]."""
    if isinstance(sent, str):
        raise StudentError(f"gradient_check returned {sent[:60]} where True or False is expected.")
    found = compare.array(sent)
    if found is None or found.shape != (count, 2) or not np.isin(found[:, 0], (0, 1)).all():
        raise StudentError(
            "gradient_check returned a number. Compare the error with a limit, and return True or False."
        )
    return found


_ASKED = "whether {count} gradients are right, some of which are not"


def _line(draw: Callable[[Rng], list], hint: Callable[[np.ndarray, np.ndarray], str]) -> Callable:
    def question(student: Student, rng: Rng) -> Problem | None:
        cases = draw(rng)
        asked = _ASKED.format(count=len(cases))
        try:
            said = _answers(student, [one for one, _, _ in cases])[:, 0] == 1
        except StudentError as error:
            return lost(asked, str(error))
        return _mistaken(asked, said, [truth for _, truth, _ in cases], [what for _, _, what in cases], hint)

    return question


def _mistaken(
    asked: str,
    said: np.ndarray,
    truth: Sequence[bool],
    whats: Sequence[str],
    hint: Callable[[np.ndarray, np.ndarray], str],
) -> Problem | None:
    """Say what of some claims is judged wrongly."""
    right = np.array(truth)
    wrong = np.flatnonzero(said != right)
    if not len(wrong):
        return None
    first = int(wrong[0])
    return lost(
        asked,
        f"gradient_check is mistaken about {len(wrong)}; it says {bool(said[first])} of {whats[first]}. "
        + hint(said, right),
    )


def _constant(said: np.ndarray) -> str:
    return (
        f"It says {bool(said[0])} of all of them, so it has not compared anything yet."
        if len(set(said.tolist())) == 1
        else ""
    )


def _about_entries(said: np.ndarray, right: np.ndarray) -> str:
    return _constant(said) or (
        "Each entry counts, the size of the error without its sign, and relative to how large the gradient is."
        if (said & ~right).any()
        else "An error of the finite difference must not count: use numbers of double precision, a step not too small, "
        "and a limit relative to the largest entry: what is measured of an entry near 0 is mostly rounding."
    )


def _about_all(said: np.ndarray, right: np.ndarray) -> str:
    if (~said & right).any():
        return (
            "What is measured is never exact, and df is right to six digits only: compare with a limit that leaves "
            "room, relative to the largest entry, and take one step for all numbers, zeros and large ones too."
        )
    return _about_entries(said, right)


def _about_kinks(said: np.ndarray, right: np.ndarray) -> str:
    if (~said & right).any():
        return "A step that crosses a kink measures the slopes of both sides: take smaller ones."
    return "Each entry counts, and the limit must not be so wide that one may be wrong by a third."


@once
def _of_smooth(student: Student, rng: Rng) -> tuple[np.ndarray, list[tuple[list, bool, str]]]:
    """Return what is said of smooth functions, and what was asked: two lines look at it."""
    cases = _smooth(rng)
    return _answers(student, [one for one, _, _ in cases]), cases


def _smooth_line(student: Student, rng: Rng) -> Problem | None:
    asked = "whether gradients of smooth functions are right, some of which are not"
    try:
        found, cases = _of_smooth(student, rng)
    except StudentError as error:
        return lost(asked, str(error))
    said = found[:, 0] == 1
    return _mistaken(asked, said, [truth for _, truth, _ in cases], [what for _, _, what in cases], _about_entries)


def _inputs(student: Student, rng: Rng) -> Problem | None:
    asked = "whether gradients are right, and leave x and df as they are"
    try:
        found, _ = _of_smooth(student, rng)
    except StudentError as error:
        return lost(asked, str(error))
    if constant := _constant(found[:, 0]):
        return lost(asked, constant)
    return None if found[:, 1].all() else lost(asked, _CHANGED)


_CHANGED = "gradient_check changed its input. Take the steps in a copy of x."


def _everywhere(student: Student, rng: Rng) -> Problem | None:
    """Ask all over what f, x and df may be, where no other line has charged anything."""
    before = decided(student, "gradient_check")
    values = [passed for key, passed in before.items() if key != "inputs"]
    # Who is right nowhere has nothing that could be excused.
    if any(values) and not all(values):
        return None
    claims = all_over(int(rng.integers(2**31)))
    asked = _ASKED.format(count=len(claims))
    try:
        found = _answers(student, [claim.sent for claim in claims])
    except StudentError as error:
        return lost(asked, str(error))
    said, truth = found[:, 0] == 1, [claim.is_right for claim in claims]
    if problem := _mistaken(asked, said, truth, [claim.what for claim in claims], _about_all):
        return problem
    return lost(asked, _CHANGED) if before.get("inputs", True) and not found[:, 1].all() else None


CHECK = Check(
    "gradient_check",
    (
        Line(
            "smooth",
            "Right gradients of smooth functions pass, and grossly wrong ones do not",
            0.5,
            _smooth_line,
        ),
        Line(
            "entries",
            "One wrong entry is found, and none in a right gradient, large or small",
            1.25,
            _line(_entries, _about_entries),
        ),
        Line(
            "kinks", "Near kinks the right gradient passes, and a wrong one does not", 0.75, _line(_kinks, _about_kinks)
        ),
        Line("inputs", "The inputs are not changed", 0.25, _inputs),
        Line(DOMAIN, "Functions and gradients of every kind: sizes, signs, large and small numbers", 0.25, _everywhere),
    ),
)
