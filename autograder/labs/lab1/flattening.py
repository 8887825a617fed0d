"""What is asked of ``flatten_layer``."""

from __future__ import annotations

import numpy as np

from autograder.checking import compare
from autograder.checking.domain import whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab1.domains import FLATTENING
from autograder.labs.lab1.drawing import Rng, counting_up, draw_image
from autograder.labs.lab1.shared import INPUTS_TITLE, follows_from, inputs_unchanged, judge_exactly
from autograder.labs.lab1.wording import WORDING, wrong_answer


def _flatten_order(student: Student, rng: Rng) -> Wrong | None:
    return _in_order(student, draw_image(rng, 3, 5, 2))


def _in_order(student: Student, h: np.ndarray) -> Wrong | None:
    answer = student.ask("flatten_layer", h)
    values = compare.array(answer.value)
    # A row or a column costs in the line on the shape, not here.
    got = values.ravel() if values is not None and values.size == max(values.shape, default=0) else answer.value
    expected = student.oracle.call("flatten_layer", h)
    what = compare.difference(got, expected, exact=True)
    return wrong_answer("flatten_layer", (h,), answer, what, expected=expected, compared=got) if what else None


def _flatten_vector(student: Student, rng: Rng) -> Wrong | None:
    return _one_axis(student, draw_image(rng, 3, 5, 2))


def _one_axis(student: Student, h: np.ndarray) -> Wrong | None:
    answer = student.ask("flatten_layer", h)
    values = compare.array(answer.value)
    expected = student.oracle.call("flatten_layer", h)
    what = None
    if values is None or values.shape != (h.size,):
        what = compare.difference(answer.value, expected)
    elif not compare.agree(np.sort(values), np.sort(h, axis=None)):
        what = "does not return the numbers of the image"
    return wrong_answer("flatten_layer", (h,), answer, what, expected=expected) if what else None


def _flatten_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    questions = [(draw_image(rng, 3, 5, 2),), (draw_image(rng, 3, 5, 2),)]
    return inputs_unchanged(student, "flatten_layer", questions, follows_from(questions))


CHECK = Check(
    "flatten_layer",
    (
        Line(
            "order",
            "The numbers in C order",
            0.75,
            _flatten_order,
            smaller=[small(_in_order, counting_up(*shape)) for shape in ((2, 2, 1), (1, 2, 2), (2, 2, 2), (2, 3, 2))],
        ),
        Line(
            "vector",
            "One axis, all numbers of the image",
            0.5,
            _flatten_vector,
            smaller=[small(_one_axis, counting_up(*shape)) for shape in ((1, 2, 1), (2, 2, 1), (2, 2, 2))],
        ),
        Line("inputs", INPUTS_TITLE, 0.25, _flatten_inputs),
        whole_domain("flatten_layer", FLATTENING, judge_exactly("flatten_layer"), 0.5, exact=lambda question: True),
    ),
    wording=WORDING,
)
