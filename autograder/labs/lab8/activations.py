"""What is asked of `relu_backward` and `sigmoid_backward`."""

from __future__ import annotations

from collections.abc import Callable

from autograder.checking.hints import Wrong
from autograder.checking.questions import first_problem, small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab8.domains import ACTIVATION
from autograder.labs.lab8.drawing import Rng, literal, signed
from autograder.labs.lab8.shared import INPUTS_TITLE, domain_line, inputs_unchanged, wrong_whole
from autograder.labs.lab8.wording import WORDING

_SHAPES = ((8,), (3, 5), (2, 3, 4, 2))
_SMALL = (
    (literal(2, 3), literal(1, -1)),
    (literal(2, -3, 4, -5), literal(1, -1, -2, 2)),
    (literal((2, -3), (4, 5)), literal((-1, 2), (3, -4))),
)


def _values(function: str) -> Callable[[Student, Rng], Wrong | None]:
    def question(student: Student, rng: Rng) -> Wrong | None:
        drawn = ((signed(rng, *shape), signed(rng, *shape)) for shape in _SHAPES)
        return first_problem(wrong_whole(student, function, arguments) for arguments in drawn)

    return question


def _inputs(function: str) -> Callable[[Student, Rng], Wrong | str | None]:
    def question(student: Student, rng: Rng) -> Wrong | str | None:
        z = signed(rng, 4, 5)
        return inputs_unchanged(student, function, [(signed(rng, 4, 5), z), (signed(rng, 4, 5), z)])

    return question


def _check(function: str, key: str, title: str) -> Check:
    return Check(
        function,
        (
            Line(
                key,
                title,
                0.5,
                _values(function),
                smaller=[small(wrong_whole, function, arguments) for arguments in _SMALL],
            ),
            Line("inputs", INPUTS_TITLE, 0.25, _inputs(function)),
            domain_line(function, ACTIVATION, 0.25),
        ),
        wording=WORDING,
    )


RELU = _check("relu_backward", "mask", "The gradient passes where the input was positive, and nowhere else")
SIGMOID = _check("sigmoid_backward", "slope", "The gradient, times the slope of the sigmoid at each input")
