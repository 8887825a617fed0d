"""How fast `conv2d_backward` is, compared with the course's loop on the same machine at the same time."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable

import numpy as np

from autograder.checking import compare
from autograder.checking.problem import Problem
from autograder.checking.questions import fast_enough
from autograder.checking.rubric import decided
from autograder.checking.student import Answer, Oracle, Student
from autograder.labs.lab8.drawing import Rng, signed
from autograder.labs.lab8.shared import part_of, right_part, rounding
from autograder.labs.lab8.wording import RETURNED, WORDING

_NAME = "conv2d_backward"
#: The batch that is timed: maps as small as those after two poolings, with many channels. Few bytes are sent for much
#: work.
_BATCH, _SIZE, _KERNEL, _CHANNELS = 8, (9, 7), (3, 3), (32, 40)
#: A part of it that loops in plain Python need a second for, and no minute.
_PART = 1, (6, 8)
#: Three times the largest factor that is asked: no noise makes one of the other.
_CLEARLY = 90.0
_TRIES = 8
#: Whoever is that many times as fast as the loop no longer has a long one.
_ARRAYS = 8
#: How much slower than at its best the loop may be for other work on the machine: a submission that keeps it busy gains
#: no more.
_CREDIBLE = 2.0
#: Which lines say whether each of the three gradients is right.
_LINES = ("kernel", "channels", "border"), ("weights",), ("bias",)

_loops: dict[int, tuple[weakref.ref, float]] = {}


def _drawn(rng: Rng, samples: int = _BATCH, channels: tuple[int, int] = _CHANNELS) -> tuple:
    W = signed(rng, *_KERNEL, *channels) / np.float32(math.sqrt(math.prod(_KERNEL) * max(channels)))
    return signed(rng, samples, *_SIZE, channels[1]), signed(rng, samples, *_SIZE, channels[0]), W


def time_the_loop(course: Oracle) -> None:
    """Time the loop while the machine is quiet."""
    _, h, W = _drawn(np.random.default_rng(0))
    seconds = min(course.ask("backward_loop", h, W).seconds for _ in range(2))
    _loops[id(course)] = weakref.ref(course), seconds


def _quiet(course: Oracle) -> float:
    known, quiet = _loops.get(id(course), (None, math.inf))
    if known is None or known() is not course:
        time_the_loop(course)
        _, quiet = _loops[id(course)]
    return quiet


def _not_right(student: Student, arguments: tuple, answer: Answer) -> str | None:
    """Say what is wrong with the timed answer, where no other line has been lost for it."""
    passed, right = decided(student, _NAME), student.oracle.call(_NAME, *arguments)
    for number, lines in enumerate(_LINES):
        part = part_of(_NAME, arguments, answer.value, number)
        if isinstance(part, str):
            return part
        # Whoever has lost a line for this gradient has paid, but must have computed something.
        if not all(passed.get(line, True) for line in lines) and compare.varied(part):
            continue
        off = rounding(_NAME, arguments, number)
        what = compare.difference(part, right_part(_NAME, arguments, right, number), rounding=off)
        if what is not None:
            return what.replace("is off", f"has a {RETURNED[_NAME][number]} that is off", 1)
    return None


def _ratio(student: Student, rng: Rng) -> tuple[float, str | None]:
    """Return how many times faster than the loop the student is, and what is wrong with the timed answer.

    Every timing has inputs of its own, so no answer can be remembered. A ratio that is clear at once is believed; any
    other is measured side by side several times, and the best of each is compared: other work only ever adds time.
    """
    quiet = _quiet(student.oracle)
    part = min(student.ask(_NAME, *_drawn(rng, _PART[0], _PART[1])).seconds for _ in range(2))
    if part > quiet:
        return quiet / part, None
    mine = side_by_side = math.inf
    for attempt in range(_TRIES):
        arguments = _drawn(rng)
        answer = student.ask(_NAME, *arguments)
        if attempt == 0 and (what := _not_right(student, arguments, answer)):
            return 0.0, f"The timed answer is not right, so its speed does not count: it {what}. Fix that first."
        mine = min(mine, answer.seconds)
        if quiet / mine >= _CLEARLY:
            return quiet / mine, None
        loop = student.oracle.ask("backward_loop", *arguments[1:]).seconds
        side_by_side = min(side_by_side, loop, _CREDIBLE * quiet)
    return side_by_side / mine, None


def at_least(factor: int) -> Callable[[Student, Rng], Problem | None]:
    """Return the question whether a submission is so many times as fast as the loop.

    Parameters
    ----------
    factor : int
    """

    def too_slow(ratio: float) -> str:
        return (
            f"It ran {ratio:.2g} times as fast as the loop over samples and channels, and {factor} times are asked. "
            + (
                "Loops are no longer what is slow. Products of matrices (@, tensordot, einsum with optimize) are "
                "faster than an einsum without them."
                if ratio >= _ARRAYS
                else "Let array operations work on all samples, pixels and channels at once, so that only a short loop "
                "is left."
            )
        )

    def sentence() -> str:
        return WORDING.sentence(_NAME, _drawn(np.random.default_rng(0)))

    return fast_enough(factor, _ratio, too_slow, sentence)
