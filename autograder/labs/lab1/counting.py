"""What is asked of ``count_weights``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Question, whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Answer, Student
from autograder.labs.lab1.domains import NETWORKS
from autograder.labs.lab1.drawing import Rng, draw_image, draw_weights, small_integers
from autograder.labs.lab1.shared import INPUTS_TITLE, changed_input, inputs_unchanged
from autograder.labs.lab1.wording import WORDING, in_shapes, wrong_answer


def _network(rng: Rng, empty: bool = False) -> tuple[list, list]:
    """Return the weights and biases of a small network, with pooling and flattening where ``empty``."""
    channels, filters, hidden, classes = (int(n) for n in rng.permutation([2, 3, 4, 6]))
    W = [
        draw_weights(rng, 3, 5, channels, filters),
        draw_weights(rng, hidden, filters),
        draw_weights(rng, classes, hidden),
    ]
    b = [draw_image(rng, filters), draw_image(rng, hidden, 1), draw_image(rng, classes, 1)]
    if empty:
        nothing = np.zeros(0, "float32")
        W, b = ([part[0], nothing, nothing.copy(), *part[1:]] for part in (W, b))
    return W, b


def _sizes(arrays: list) -> int:
    return sum(values.size for values in arrays)


def _number(value: Any) -> float:
    """Return an answer as one number, NaN where it is none."""
    values = compare.array(value)
    return float(values.ravel()[0]) if values is not None and values.size == 1 else math.nan


def _counted(value: Any) -> str:
    number = _number(value)
    return "no number" if math.isnan(number) else f"{number:.10g}"


def _count_weights(student: Student, rng: Rng) -> Wrong | None:
    W, b = _network(rng)
    # One more dense layer, so that no count of lists or axes is right by chance.
    return _all_weights(student, [*W, draw_weights(rng, 7, len(W[-1]))], [*b, draw_image(rng, 7, 1)])


def _all_weights(student: Student, W: list, b: list) -> Wrong | None:
    answer = student.ask("count_weights", W, b)
    total = student.oracle.call("count_weights", W, b)
    number = _number(answer.value)
    if number in (total, total - _sizes(b)):
        return None
    # Not the right number itself: there is only one to a question that is scored.
    off = "" if math.isnan(number) else ", which is too few" if number < total else ", which is too many"
    shown = ("expected", _counted(total)), (YOURS, _counted(answer.value))
    return wrong_answer("count_weights", (W, b), answer, f"returned {_counted(answer.value)}{off}", *shown)


def _count_biases(student: Student, rng: Rng) -> Wrong | None:
    many, few = (int(n) for n in rng.permutation([8, 9, 11, 12])[:2])
    return _exchanged(student, rng, max(many, few) * 2, min(many, few))


def _exchanged(student: Student, rng: Rng, many: int, few: int) -> Wrong | None:
    """Ask for a layer with few inputs and many outputs and for the opposite: as many weights, fewer biases."""
    wide = [draw_weights(rng, many, few)], [draw_image(rng, many, 1)]
    tall = [draw_weights(rng, few, many)], [draw_image(rng, few, 1)]
    answer = student.ask("count_weights", *wide)
    number = _number(student.call("count_weights", *tall))
    if _number(answer.value) - number == many - few:
        return None
    what = f"returned {_counted(answer.value)} and, with inputs and outputs exchanged, {_counted(number)}"
    shown = (
        (YOURS, _counted(answer.value)),
        ("exchanged: W", in_shapes(tall[0])),
        ("b", in_shapes(tall[1])),
        ("expected", f"{many - few} less"),
        (YOURS, _counted(number)),
    )
    return wrong_answer("count_weights", wide, answer, f"{what}, which is not {many - few} less", *shown)


def _count_empty(student: Student, rng: Rng) -> Wrong | str | None:
    seed = rng.integers(2**32)
    dense, pooled = (_network(np.random.default_rng(seed), empty) for empty in (False, True))
    if problem := _with_empty(student, dense, pooled):
        return problem
    got = _number(student.call("count_weights", *pooled))
    other = _number(student.call("count_weights", [draw_weights(rng, 2, 3)], [draw_image(rng, 2, 1)]))
    return "count_weights gives the same number for any network, so this cannot count yet." if got == other else None


def _with_empty(student: Student, dense: tuple, pooled: tuple) -> Wrong | None:
    """Ask for a network with layers that have no weights, and without them."""
    answer = student.ask("count_weights", *pooled)
    plain = _number(student.call("count_weights", *dense))
    if _number(answer.value) == plain:
        return None
    what = f"returned {_counted(answer.value)}, and {_counted(plain)} without the layers that have no weights"
    shown = ("without [0]", _counted(plain)), ("expected", "the same"), (YOURS, _counted(answer.value))
    return wrong_answer("count_weights", pooled, answer, what, *shown)


def _judge(student: Student, question: Question, answer: Answer, expected: int) -> Wrong | None:
    number = _number(answer.value)
    if number == expected:
        return changed_input(student, "count_weights", question, answer)
    what = f"returned {_counted(answer.value)}"
    shown = ("expected", _counted(expected)), (YOURS, _counted(answer.value))
    return wrong_answer("count_weights", question.arguments, answer, what, *shown)


def _count_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    questions = [_network(rng, empty=True), ([draw_weights(rng, 2, 3)], [draw_image(rng, 2, 1)])]

    def alive(values: list) -> bool:
        first, second = map(_number, values)
        return math.isfinite(first) and math.isfinite(second) and first != second

    return inputs_unchanged(student, "count_weights", questions, alive)


_NOTHING = np.zeros(0, "float32")


CHECK = Check(
    "count_weights",
    (
        Line(
            "weights",
            "All weights are counted",
            1.0,
            _count_weights,
            smaller=[
                small(_all_weights, *arguments)
                for arguments in (
                    ([small_integers(2, 3)], [small_integers(2, 1)]),
                    ([small_integers(1, 3, 1, 2)], [small_integers(2)]),
                    ([small_integers(1, 3, 1, 2), small_integers(3, 2)], [small_integers(2), small_integers(3, 1)]),
                )
            ],
        ),
        Line(
            "biases",
            "All biases are counted",
            0.75,
            _count_biases,
            smaller=[
                lambda student, sizes=sizes: _exchanged(student, np.random.default_rng(0), *sizes)
                for sizes in ((2, 1), (4, 2))
            ],
        ),
        Line(
            "empty",
            "Layers without weights count nothing",
            0.5,
            _count_empty,
            smaller=[
                small(_with_empty, *networks)
                for networks in (
                    (
                        ([small_integers(2, 3)], [small_integers(2, 1)]),
                        ([_NOTHING, small_integers(2, 3)], [_NOTHING, small_integers(2, 1)]),
                    ),
                )
            ],
        ),
        Line("inputs", INPUTS_TITLE, 0.25, _count_inputs),
        whole_domain("count_weights", NETWORKS, _judge, 0.5),
    ),
    wording=WORDING,
)
