"""What is asked of `sgd_step` and `adam_step`: steps that follow each other, the student's own state carried over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.domain import whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import small
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.student import Student
from autograder.labs.lab4.domains import ADAM, SGD
from autograder.labs.lab4.drawing import Rng, draw_list
from autograder.labs.lab4.packing import pack
from autograder.labs.lab4.shared import RETURNED, compared_packed, judge_packed, lists, packed_or_none, whole
from autograder.labs.lab4.wording import WORDING

_STEPS = 4
_NETWORK = ((3, 4), (4,), (2, 3, 2))


# Gradient descent with momentum.


def _packed_sgd(arguments: Sequence, value: Any) -> np.ndarray:
    return pack(*lists(value, RETURNED["sgd_step"], arguments[0]))


def _count(w: Sequence[np.ndarray]) -> int:
    return sum(one.size for one in w)


def _sgd_plain(student: Student, rng: Rng) -> Wrong | None:
    w, g = draw_list(rng, _NETWORK), draw_list(rng, _NETWORK)
    return _plain(student, w, g, float(rng.uniform(0.1, 0.9)))


def _plain(student: Student, w: list, g: list, lr: float) -> Wrong | None:
    arguments = (w, g, [np.zeros_like(one) for one in w], lr, 0.0)
    count = _count(w)
    return compared_packed(
        student, "sgd_step", arguments, _packed_sgd, lambda v: v[:count], where="in the new weights "
    )[1]


def _sgd_momentum(student: Student, rng: Rng) -> Wrong | None:
    # Where a plain step is wrong, that has cost already: without gradients there is momentum alone.
    scale = float(decided(student, "sgd_step").get("plain", True))
    w, v = draw_list(rng, _NETWORK), draw_list(rng, _NETWORK)
    return _carried(student, rng, w, v, float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.3, 0.95)), scale)


def _carried(student: Student, rng: Rng, w: list, v: list, lr: float, momentum: float, scale: float) -> Wrong | None:
    for _ in range(_STEPS):
        g = [scale * one for one in draw_list(rng, [one.shape for one in w])]
        arguments = (w, g, v, lr, momentum)
        value, wrong = compared_packed(student, "sgd_step", arguments, _packed_sgd)
        if wrong is not None:
            return wrong
        w, v = lists(value, ("w", "v"), w)
    return None


_W, _G, _V = [whole([[1, -2], [0, 4]])], [whole([[1, 2], [-3, 0]])], [whole([[2, 0], [1, -1]])]
SGD_CHECK = Check(
    "sgd_step",
    (
        Line(
            "plain",
            "Without momentum: against the gradient, by the learning rate",
            0.5,
            _sgd_plain,
            # What some mistakes do alike without momentum, they do otherwise with it.
            smaller=[
                small(_plain, _W, _G, 0.5),
                lambda student: _carried(student, np.random.default_rng(0), _W, _V, 0.5, 0.25, 1.0),
            ],
        ),
        Line(
            "momentum",
            "With momentum: the velocities carried over several steps",
            0.5,
            _sgd_momentum,
            smaller=[
                lambda student: _carried(
                    student,
                    np.random.default_rng(0),
                    *(_W, _V, 0.5, 0.25),
                    float(decided(student, "sgd_step").get("plain", True)),
                )
            ],
        ),
        whole_domain("sgd_step", SGD, judge_packed("sgd_step", _packed_sgd), 0.5),
    ),
    wording=WORDING,
)


# Adam.

_NAMES = RETURNED["adam_step"]
#: After so many steps nothing is left to correct; and an epsilon that is none.
_LATE, _NONE = 10**6, 1e-12


def _packed_adam(arguments: Sequence, value: Any) -> np.ndarray:
    return pack(*lists(value, _NAMES, arguments[0]))


def _state(rng: Rng, shapes: Sequence = _NETWORK) -> tuple[list, list, list, list]:
    w, g, m = (draw_list(rng, shapes) for _ in range(3))
    return w, g, m, [np.abs(one) for one in draw_list(rng, shapes)]


def _adam_moments(student: Student, rng: Rng) -> Wrong | None:
    return _moments(student, rng, *_state(rng), *(float(rng.uniform(0.5, 0.95)) for _ in range(2)))


def _moments(
    student: Student, rng: Rng, w: list, g: list, m: list, s: list, beta_1: float, beta_2: float
) -> Wrong | None:
    count = _count(w)
    for t in range(1, _STEPS + 1):
        arguments = (w, g, m, s, t, 0.5, beta_1, beta_2, 1e-7)
        where = "in the two averages "
        value, wrong = compared_packed(student, "adam_step", arguments, _packed_adam, lambda v: v[count:], where=where)
        if wrong is not None:
            return wrong
        # The weights are of no matter here, and may be anything.
        _, m, s = lists(value, _NAMES, w)
        g = draw_list(rng, [one.shape for one in w])
    return None


def _own(student: Student, arguments: tuple) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """Return the student's own answer, its step of the weights, and its own two averages."""
    answer = student.ask("adam_step", *arguments)
    vector = packed_or_none(_packed_adam, arguments, answer.value)
    count = _count(arguments[0])
    if vector is None:
        nothing = np.full(count, np.nan)
        return answer, nothing, nothing, nothing
    return answer, vector[:count] - pack(arguments[0]), vector[count : 2 * count], vector[2 * count :]


def _adam_step(student: Student, rng: Rng) -> Wrong | None:
    return _follows(student, *_state(rng), float(rng.uniform(0.1, 0.9)))


def _follows(student: Student, w: list, g: list, m: list, s: list, lr: float) -> Wrong | None:
    """Ask for a step that follows from the student's own averages, with nothing to correct and no epsilon."""
    arguments = (w, g, m, s, _LATE, lr, 0.75, 0.9, _NONE)
    answer, _, mean, square = _own(student, arguments)
    with np.errstate(all="ignore"):
        expected = pack(w) - lr * mean / np.sqrt(square)
    return _compared_weights(student, arguments, answer, expected)


def _compared_weights(student: Student, arguments: tuple, answer: Any, expected: np.ndarray) -> Wrong | None:
    count = _count(arguments[0])
    right = student.oracle.call("adam_step", *arguments)[:count]
    vector = packed_or_none(_packed_adam, arguments, answer.value)
    if vector is not None and compare.agree(vector[:count], right):
        # Whatever is wrong with the averages that come back beside them.
        return None
    # Where the student's own averages give no number, nothing follows from them; that they are wrong has cost already.
    there = np.isfinite(expected)
    if np.count_nonzero(there) < count / 2:
        there = np.ones(count, dtype=bool)
        expected = right
    expected = expected[there]
    where = "in the new weights "
    view = lambda v: v[:count][there]  # noqa: E731
    return compared_packed(student, "adam_step", arguments, _packed_adam, view, expected, where=where, answer=answer)[1]


def _adam_correction(student: Student, rng: Rng) -> Wrong | str | None:
    return _corrected(student, *_state(rng), float(rng.uniform(0.1, 0.9)), (3, 1, 2, 7))


def _corrected(
    student: Student, w: list, g: list, m: list, s: list, lr: float, steps: Sequence[int]
) -> Wrong | str | None:
    """Ask how much larger the first steps are than the student's own of much later."""
    beta_1, beta_2 = 0.75, 0.9
    _, late, _, _ = _own(student, (w, g, m, s, _LATE, lr, beta_1, beta_2, _NONE))
    if not compare.varied(late[np.isfinite(late)]):
        return "adam_step does not move the weights yet, so its correction cannot be seen."
    for t in steps:
        arguments = (w, g, m, s, t, lr, beta_1, beta_2, _NONE)
        answer = student.ask("adam_step", *arguments)
        factor = np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        wrong = _compared_weights(student, arguments, answer, pack(w) + factor * late)
        if wrong is not None:
            return wrong
    return None


def _adam_epsilon(student: Student, rng: Rng) -> Wrong | str | None:
    return _with_epsilon(student, *_state(rng), float(rng.uniform(0.1, 0.9)), (2, _LATE))


def _with_epsilon(
    student: Student, w: list, g: list, m: list, s: list, lr: float, steps: Sequence[int]
) -> Wrong | str | None:
    """Ask how much smaller a step is with epsilon than the student's own without it."""
    for t in steps:
        beta = 0.75, 0.9
        _, plain, _, square = _own(student, (w, g, m, s, t, lr, *beta, _NONE))
        if not compare.varied(plain[np.isfinite(plain)]):
            return "adam_step does not move the weights yet, so its epsilon cannot be seen."
        arguments = (w, g, m, s, t, lr, *beta, 0.5)
        answer = student.ask("adam_step", *arguments)
        with np.errstate(all="ignore"):
            root = np.sqrt(square)
            expected = pack(w) + plain * root / (root + 0.5)
        wrong = _compared_weights(student, arguments, answer, expected)
        if wrong is not None:
            return wrong
    return None


_M, _S = [whole([[1, 1], [-2, 3]])], [whole([[4, 1], [1, 9]])]
ADAM_CHECK = Check(
    "adam_step",
    (
        Line(
            "moments",
            "Both averages, carried over several steps",
            0.5,
            _adam_moments,
            smaller=[
                lambda student: _moments(student, np.random.default_rng(0), _W, _G, _M, _S, 0.5, 0.75),
            ],
        ),
        Line("step", "A late step follows from them", 0.5, _adam_step, smaller=[small(_follows, _W, _G, _M, _S, 0.5)]),
        Line(
            "correction",
            "The first steps are corrected for averages that begin at 0",
            0.5,
            _adam_correction,
            smaller=[small(_corrected, _W, _G, _M, _S, 0.5, (2,))],
        ),
        Line(
            "epsilon",
            "Epsilon stands beside the root",
            0.5,
            _adam_epsilon,
            smaller=[small(_with_epsilon, _W, _G, _M, _S, 0.5, (2,))],
        ),
        whole_domain("adam_step", ADAM, judge_packed("adam_step", _packed_adam), 0.5),
    ),
    wording=WORDING,
)
