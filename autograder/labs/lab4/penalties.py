"""What is asked of `l1_l2`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.domain import whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab4.domains import PENALTY
from autograder.labs.lab4.drawing import Rng, draw_list
from autograder.labs.lab4.packing import pack
from autograder.labs.lab4.shared import ShapeError, compared_packed, judge_packed, list_of, packed_or_none, whole
from autograder.labs.lab4.wording import WORDING

#: Who takes only the first, the last, every second or those of some number of axes gives another answer each.
_KERNELS = ((2, 3, 1, 2), (3, 4), (5, 2))


def _packed(arguments: Sequence, value: Any) -> np.ndarray:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ShapeError(f"returned {compare.in_words(value)} where a number and a list of gradients are expected")
    penalty = compare.array(value[0])
    if penalty is None or penalty.size != 1:
        raise ShapeError(f"returned {compare.in_words(value[0])} as the penalty, where one number is expected")
    return pack([penalty], list_of(value[1], "the gradients", arguments[0]))


def _factors(rng: Rng) -> list[tuple[float, float]]:
    l1, l2 = (float(rng.uniform(0.05, 0.5)) for _ in range(2))
    return [(l1, l2), (0.0, l2), (l1, 0.0)]


#: What of a packed answer each of two lines is about.
_PARTS = {"penalty": slice(0, 1), "gradient": slice(1, None)}


def _about(part: str) -> Callable[[Student, Rng], Wrong | None]:
    def asks(student: Student, rng: Rng) -> Wrong | None:
        for factors in _factors(rng):
            if wrong := _one(student, part, draw_list(rng, _KERNELS), *factors):
                return wrong
        return None

    return asks


def _one(student: Student, part: str, w: list, l1: float, l2: float) -> Wrong | None:
    where = f"in the {part} "
    _, wrong = compared_packed(student, "l1_l2", (w, l1, l2), _packed, lambda v: v[_PARTS[part]], where=where)
    # Which fault it is shows in all of the answer.
    return wrong and replace(wrong, view=lambda value: value)


def _biases(student: Student, rng: Rng) -> Wrong | str | None:
    kernels, biases = draw_list(rng, _KERNELS), draw_list(rng, ((2,), (4,), (2,)))
    return _beside_biases(student, kernels, biases, *_factors(rng)[0])


def _beside_biases(student: Student, kernels: list, biases: list, l1: float, l2: float) -> Wrong | str | None:
    """Ask with biases and compare with the student's own answer without them."""
    mixed = [one for pair in zip(kernels, biases, strict=True) for one in pair]
    own = packed_or_none(_packed, (kernels,), student.call("l1_l2", kernels, l1, l2))
    if own is None or not compare.varied(own):
        return "l1_l2 gives no penalty of kernels yet, so that biases are left out cannot count."
    answer = student.ask("l1_l2", mixed, l1, l2)
    vector = packed_or_none(_packed, (mixed,), answer.value)
    if vector is not None and compare.agree(vector, student.oracle.call("l1_l2", mixed, l1, l2)):
        # Whatever it does with kernels alone.
        return None
    # The student's own gradients of the kernels, and zeros for the biases.
    expected = [own[:1]]
    start = 1
    for kernel, bias in zip(kernels, biases, strict=True):
        expected += [own[start : start + kernel.size], np.zeros(bias.size)]
        start += kernel.size
    arguments = (mixed, l1, l2)
    expected = np.concatenate(expected)
    _, wrong = compared_packed(student, "l1_l2", arguments, _packed, expected=expected, answer=answer)
    return wrong


_W = [whole([[1, -2, 3], [0, 2, -4], [1, 0, 5]])]
CHECK = Check(
    "l1_l2",
    (
        Line(
            "penalty", "The penalty on kernels", 0.5, _about("penalty"), smaller=[small(_one, "penalty", _W, 0.5, 0.25)]
        ),
        Line("gradient", "Its gradient", 0.5, _about("gradient"), smaller=[small(_one, "gradient", _W, 0.5, 0.25)]),
        Line(
            "biases",
            "Arrays of one axis, such as biases, are left out",
            0.5,
            _biases,
            smaller=[small(_beside_biases, _W, [whole([1, -2])], 0.5, 0.25)],
        ),
        whole_domain("l1_l2", PENALTY, judge_packed("l1_l2", _packed), 0.5),
    ),
    wording=WORDING,
)
