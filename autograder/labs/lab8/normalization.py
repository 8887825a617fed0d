"""What is asked of `batch_norm_backward`."""

from __future__ import annotations

from autograder.checking.hints import Wrong
from autograder.checking.questions import first_problem, small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab8.domains import NORMALIZATION
from autograder.labs.lab8.drawing import Rng, literal, signed, whole
from autograder.labs.lab8.shared import INPUTS_TITLE, domain_line, inputs_unchanged, wrong_part
from autograder.labs.lab8.wording import WORDING

_NAME = "batch_norm_backward"
_SHAPES = ((6, 3), (2, 3, 4, 2), (5, 2))


def _drawn(rng: Rng, *shape: int) -> tuple:
    return signed(rng, *shape), signed(rng, *shape), signed(rng, shape[-1]), float(rng.uniform(0.2, 1.0))


def _dx(student: Student, rng: Rng) -> Wrong | None:
    return first_problem(wrong_part(student, _NAME, _drawn(rng, *shape), 0) for shape in _SHAPES)


def _parameters(student: Student, rng: Rng) -> Wrong | None:
    drawn = [_drawn(rng, *shape) for shape in _SHAPES]
    return first_problem(wrong_part(student, _NAME, one, number) for one in drawn for number in (1, 2))


def _small(number: int, *shape: int) -> object:
    return small(
        wrong_part, _NAME, (whole(*shape), whole(*shape, seed=1), literal(*range(1, shape[-1] + 1)), 0.25), number
    )


def _inputs(student: Student, rng: Rng) -> Wrong | str | None:
    return inputs_unchanged(student, _NAME, [_drawn(rng, 5, 3), _drawn(rng, 5, 3)])


CHECK = Check(
    _NAME,
    (
        Line(
            "dx",
            "dx: mean and variance depend on the batch as well",
            1.25,
            _dx,
            smaller=[_small(0, *shape) for shape in ((3, 1), (4, 2), (1, 2, 2, 1), (2, 2, 2, 2))],
        ),
        Line(
            "parameters",
            "dgamma and dbeta: added up over the batch and all pixels",
            0.75,
            _parameters,
            smaller=[
                _small(number, *shape) for shape in ((3, 1), (3, 2), (1, 2, 2, 1), (2, 2, 2, 2)) for number in (1, 2)
            ],
        ),
        Line("inputs", INPUTS_TITLE, 0.25, _inputs),
        domain_line(_NAME, NORMALIZATION, 0.75),
    ),
    wording=WORDING,
)
