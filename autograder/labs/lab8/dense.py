"""What is asked of `dense_backward`: each of the three gradients by itself."""

from __future__ import annotations

from collections.abc import Callable

from autograder.checking.hints import Wrong
from autograder.checking.questions import first_problem, small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab8.domains import DENSE
from autograder.labs.lab8.drawing import Rng, signed, whole
from autograder.labs.lab8.shared import INPUTS_TITLE, domain_line, inputs_unchanged, wrong_part
from autograder.labs.lab8.wording import WORDING

#: Samples, inputs and outputs. As many of each: what is transposed in one gradient then gives numbers and no error,
#: which would cost the others. Other sizes are asked over the whole domain.
_SIZES = ((4, 4, 4), (3, 3, 3), (6, 6, 6))
_SMALL_SIZES = ((2, 2, 2), (3, 3, 3), (1, 2, 2), (2, 3, 2))


def _layer(rng: Rng, samples: int, inputs: int, outputs: int) -> tuple:
    return signed(rng, samples, outputs), signed(rng, samples, inputs), signed(rng, outputs, inputs)


def _part(number: int) -> Callable[[Student, Rng], Wrong | None]:
    def question(student: Student, rng: Rng) -> Wrong | None:
        drawn = (_layer(rng, *sizes) for sizes in _SIZES)
        return first_problem(wrong_part(student, "dense_backward", arguments, number) for arguments in drawn)

    return question


def _small_layer(samples: int, inputs: int, outputs: int) -> tuple:
    return whole(samples, outputs), whole(samples, inputs, seed=1), whole(outputs, inputs, seed=2)


def _small(number: int) -> list:
    return [small(wrong_part, "dense_backward", _small_layer(*sizes), number) for sizes in _SMALL_SIZES]


def _inputs(student: Student, rng: Rng) -> Wrong | str | None:
    return inputs_unchanged(student, "dense_backward", [_layer(rng, 4, 4, 4), _layer(rng, 4, 4, 4)])


CHECK = Check(
    "dense_backward",
    (
        Line("dh", "dh: the gradient by the inputs", 1.0, _part(0), smaller=_small(0)),
        Line("dW", "dW: that by the weights, added up over the batch", 1.25, _part(1), smaller=_small(1)),
        Line("db", "db: that by the biases, added up over the batch", 0.75, _part(2), smaller=_small(2)),
        Line("inputs", INPUTS_TITLE, 0.25, _inputs),
        domain_line("dense_backward", DENSE, 0.75),
    ),
    wording=WORDING,
)
