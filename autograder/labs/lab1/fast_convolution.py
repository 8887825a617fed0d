"""What is asked of ``fast_conv2d_layer``: right answers, and how fast they come."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable

import numpy as np

from autograder.checking import compare
from autograder.checking.hints import Wrong
from autograder.checking.questions import fast_enough, small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Oracle, Student
from autograder.labs.lab1.domains import FAST_CONVOLUTION
from autograder.labs.lab1.drawing import (
    Rng,
    corner_kernel,
    draw_convolution,
    draw_image,
    draw_weights,
    literal,
    small_integers,
    smaller_convolutions,
)
from autograder.labs.lab1.shared import (
    INPUTS_TITLE,
    applies_activation,
    ask_layer,
    compared_layer,
    domain_of_layer,
    follows_from,
    inputs_unchanged,
    small_layer,
)
from autograder.labs.lab1.wording import WORDING

#: The batch that is timed: maps as small as MNIST's after two poolings, with many channels. Its loop takes a quarter of
#: a second, and few bytes are sent for that work.
_BATCH, _SIZE, _KERNEL, _CHANNELS = 20, (7, 5), (3, 3), (64, 80)


#: With this much to spare no loop is timed beside it. The first call is often slower than the next.
_CLEARLY, _ALONE = 45, 2


#: With this little no noise explains what is missing.
_HOPELESS = 2


_TRIES = 5


#: How often a part of the batch is timed before it is believed to be slow.
_PARTS = 4


#: How much slower than at its best the loop may be for other work on the machine.
_CREDIBLE = 2


_loops: dict[int, tuple[weakref.ref, float]] = {}


def _fast_answers(student: Student, rng: Rng) -> Wrong | str | None:
    x, W, b = draw_convolution(rng, tuple(rng.permutation([3, 5])), (3, 2), batch=(4,))
    problem = compared_layer(student, "fast_conv2d_layer", x, W, b, "linear")
    return problem or applies_activation(student, "fast_conv2d_layer", (x, W, b), ("relu", "sigmoid"))


def _fast_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    questions = [(*draw_convolution(rng, (3, 3), (3, 3), batch=(2,)), "linear")]
    questions.append((draw_image(rng, *questions[0][0].shape), *questions[0][1:]))
    return inputs_unchanged(student, "fast_conv2d_layer", questions, follows_from(questions))


def _loop_seconds(course: Oracle, x: np.ndarray, W: np.ndarray, again: bool) -> float:
    """Return the least time that the course's loop took so far, measured once more where ``again``."""
    known, best = _loops.get(id(course), (None, math.inf))
    if known is None or known() is not course:
        best = math.inf
    if again or best == math.inf:
        best = min(best, course.ask("convolve_loop", x, W).seconds)
        _loops[id(course)] = weakref.ref(course), best
    return best


def _timed(rng: Rng, batch: int = _BATCH, channels: tuple[int, int] = _CHANNELS) -> tuple:
    x = rng.uniform(-1, 1, (batch, *_SIZE, channels[0])).astype("float32")
    return x, draw_weights(rng, *_KERNEL, *channels), draw_image(rng, channels[1])


def _speed(student: Student, rng: Rng) -> tuple[float, str | None]:
    """Return how many times faster than the loop the student is, and what is wrong with the timed answer.

    Every timing has inputs of its own, so no answer can be remembered, and every timed answer is compared with the
    reference. A ratio that is clear at once is believed; any other is measured side by side, several times, and
    the best of each is compared, because other work on the machine only ever adds time.
    """
    # Loops in plain Python would take minutes for the whole batch: a small part of it shows them.
    small = _timed(rng, 1, (32, 40))
    x, W, b = _timed(rng)
    loop = _loop_seconds(student.oracle, x, W, again=False)
    part = math.inf
    for _ in range(_PARTS):
        # A machine that is at something else for a moment may stop more than one answer.
        part = min(part, student.ask("fast_conv2d_layer", *small, "linear").seconds)
        if part <= loop / 10:
            break
    else:
        return loop / part, None
    mine = math.inf
    side_by_side = math.inf
    for attempt in range(_ALONE - 1 + _TRIES):
        answer, expected = ask_layer(student, "fast_conv2d_layer", x, W, b, "linear")
        what = compare.difference(answer.value, expected)
        if what:
            return 0.0, f"The timed answer is not right, so its speed does not count: it {what}. Fix that first."
        mine = min(mine, answer.seconds)
        if attempt < _ALONE and loop / mine >= _CLEARLY or attempt + 1 == _ALONE and loop / mine < _HOPELESS:
            return loop / mine, None
        if attempt + 1 >= _ALONE:
            # A submission that keeps the machine busy meanwhile would gain from it, without this by any factor.
            side_by_side = min(side_by_side, student.oracle.ask("convolve_loop", x, W).seconds, _CREDIBLE * loop)
            ratio = side_by_side / mine
            # Two more pairs can undo what noise did to one, not a factor of five.
            if ratio < _HOPELESS or (attempt >= _ALONE and not 10 / 3 <= ratio < 1.1 * 30):
                break
        x, W, b = _timed(rng)
    return side_by_side / mine, None


def time_the_loop(course: Oracle) -> None:
    """Time the loop while the machine is quiet."""
    x, W, _ = _timed(np.random.default_rng(0))
    for _ in range(2):
        _loop_seconds(course, x, W, again=True)


def _fast_ratio(asked: int) -> Callable:
    def too_slow(ratio: float) -> str:
        measured = f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"
        return (
            f"It ran {measured} times as fast as the loop over samples and channels; {asked} times are asked. "
            "Let array operations work on all samples, pixels and channels at once; only a short loop may be left."
        )

    def sentence() -> str:
        return WORDING.sentence("fast_conv2d_layer", (*_timed(np.random.default_rng(0)), "linear"))

    return fast_enough(asked, _speed, too_slow, sentence)


CHECK = Check(
    "fast_conv2d_layer",
    (
        Line(
            "answers",
            "A batch gets the answers of the layer",
            1.0,
            _fast_answers,
            smaller=[
                *(
                    small(compared_layer, "fast_conv2d_layer", x, W, b, "linear")
                    for x, W, b in (
                        (small_integers(1, 1, 1, 1), literal(3).reshape(1, 1, 1, 1), literal(2)),
                        (literal(2, -3).reshape(2, 1, 1, 1), np.ones((1, 1, 1, 1), "float32"), literal(1)),
                        (small_integers(1, 1, 1, 2), literal(1, -2).reshape(1, 1, 2, 1), literal(1)),
                        (small_integers(1, 1, 1, 1), literal(1, -2).reshape(1, 1, 1, 2), literal(1, 3)),
                        (small_integers(1, 1, 3, 2), small_integers(1, 3, 2, 1), literal(1)),
                        (small_integers(1, 1, 3, 1), corner_kernel(1, 3), literal(1)),
                        (small_integers(1, 3, 1, 1), corner_kernel(3, 1), literal(1)),
                        (small_integers(1, 3, 3, 1), corner_kernel(3, 3), literal(1)),
                    )
                ),
                *small_layer("fast_conv2d_layer", (smaller_convolutions((1,))[0], ["relu"])),
                small(
                    compared_layer,
                    "fast_conv2d_layer",
                    small_integers(2, 3, 3, 2),
                    small_integers(3, 3, 2, 2),
                    literal(1, -2),
                    "linear",
                ),
            ],
        ),
        Line("inputs", INPUTS_TITLE, 0.5, _fast_inputs),
        domain_of_layer("fast_conv2d_layer", FAST_CONVOLUTION, 0.5),
        Line("ten", "At least 10 times as fast as the loop over samples and channels", 1.0, _fast_ratio(10)),
        Line("thirty", "At least 30 times as fast as the loop over samples and channels", 2.0, _fast_ratio(30)),
    ),
    wording=WORDING,
)
