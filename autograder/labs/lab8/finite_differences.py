"""What is asked of `gradient_check`: functions that differ from course to course, with right gradients and wrong ones.

A function cannot be sent, so it is made beside the student's code from the numbers that describe it. Each line asks
about right gradients and wrong ones: whoever always says the same has none of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

import numpy as np

from autograder.checking import compare, error_texts
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student, StudentError
from autograder.labs.lab8.drawing import Rng

#: What all answers together may take on the clock.
_SECONDS = 60.0
#: How near the nearest kink lies, in the text of the lab too.
NEAREST = 1e-4


def value_of(x, kind, slopes, places, scale):
    """Return the value of a function of an array: a sum over its numbers and over neighbors in it.

    Parameters
    ----------
    x : array
    kind : {"smooth", "raised", "relu", "absolute"}
        Of ``"raised"`` the value is large beside its slopes.
    slopes, places : array, as long as `x` has numbers
    scale : float
    """
    import numpy as np

    x = np.asarray(x, dtype="float64").ravel()
    if kind == "smooth":
        return float(scale * (np.sum(slopes * np.sin(x - places)) + np.sum(x[1:] * x[:-1]) / 4))
    if kind == "raised":
        return float(scale * (1000 + np.sum(slopes * np.sin(x - places))))
    if kind == "relu":
        return float(scale * np.sum(slopes * np.maximum(x - places, 0) + x**2 / 4))
    return float(scale * np.sum(slopes * np.abs(x - places) + x**2 / 4))


def gradient_of(x: np.ndarray, kind: str, slopes: np.ndarray, places: np.ndarray, scale: float) -> np.ndarray:
    """Return the gradient of `value_of`.

    Parameters
    ----------
    x, kind, slopes, places, scale
        As `value_of` has them.
    """
    flat = np.asarray(x, dtype="float64").ravel()
    if kind in ("smooth", "raised"):
        found = slopes * np.cos(flat - places)
    if kind == "smooth":
        found[1:] += flat[:-1] / 4
        found[:-1] += flat[1:] / 4
    elif kind != "raised":
        sides = flat > places if kind == "relu" else np.sign(flat - places)
        found = slopes * sides + flat / 2
    return scale * found.reshape(np.shape(x))


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
    places = rng.uniform(-1, 1, count) if kind in ("smooth", "raised") else x + np.where(near, away, 1.0)
    if kind == "raised":
        # So small that what is measured of it is rounding.
        slopes[1::2] *= 1e-9
    told = [kind, slopes, places, scale]
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
        one = _drawn(rng, "raised", shape, scale)
        what = f"where some entries are nearly 0, and f is about {1000 * scale:,.0f}"
        found.append((one, True, f"the right gradient, {what}"))
        found.append((_off(one, 1, 0.03), False, f"one that is off by +3% of the largest in an entry, {what}"))
    one = _in_single_precision(rng, (2, 3))
    found.append((one, True, "the right gradient at an x of float32, with numbers near 100"))
    return found


def _in_single_precision(rng: Rng, shape: tuple[int, ...]) -> list:
    """Return a question whose numbers are so large that a small step is lost in single precision."""
    x = (rng.uniform(70, 120, shape) * rng.choice([-1, 1], shape)).astype("float32")
    told = ["smooth", rng.uniform(0.5, 2.0, x.size), rng.uniform(-1, 1, x.size), 1.0]
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


def _answers(student: Student, cases: Sequence[tuple[list, bool, str]]) -> np.ndarray:
    """Return for each question what the student said, and whether the inputs are as before.

    Raises
    ------
    StudentError
        If that is no answer.
    """
    try:
        with student.fresh(_CELL, seconds=_SECONDS, code_only=True) as side:
            sent = side.call("course_checks", [one for one, _, _ in cases])
    except StudentError as error:
        raise StudentError(_text(str(error))) from None
    if isinstance(sent, str):
        raise StudentError(f"gradient_check returned {sent[:60]} where True or False is expected.")
    found = compare.array(sent)
    if found is None or found.shape != (len(cases), 2) or not np.isin(found[:, 0], (0, 1)).all():
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
            said = _answers(student, cases)[:, 0] == 1
        except StudentError as error:
            return lost(asked, str(error))
        right = np.array([truth for _, truth, _ in cases])
        wrong = np.flatnonzero(said != right)
        if not len(wrong):
            return None
        first = int(wrong[0])
        return lost(
            asked,
            f"gradient_check is mistaken about {len(wrong)}; it says {bool(said[first])} of {cases[first][2]}. "
            + hint(said, right),
        )

    return question


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


def _about_kinks(said: np.ndarray, right: np.ndarray) -> str:
    if (~said & right).any():
        return "A step that crosses a kink measures the slopes of both sides: take smaller ones."
    return "Each entry counts, and the limit must not be so wide that one may be wrong by a third."


def _inputs(student: Student, rng: Rng) -> Problem | None:
    cases = _smooth(rng)
    asked = "whether gradients are right, and leave x and df as they are"
    try:
        found = _answers(student, cases)
    except StudentError as error:
        return lost(asked, str(error))
    if constant := _constant(found[:, 0]):
        return lost(asked, constant)
    if found[:, 1].all():
        return None
    return lost(asked, "gradient_check changed its input. Take the steps in a copy of x.")


CHECK = Check(
    "gradient_check",
    (
        Line(
            "smooth",
            "Right gradients of smooth functions pass, and grossly wrong ones do not",
            0.75,
            _line(_smooth, _about_entries),
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
    ),
)
