"""What is asked of `conv2d_backward`: each gradient by itself, on inputs where nothing else can go wrong."""

from __future__ import annotations

import math

import numpy as np

from autograder.checking.hints import Wrong
from autograder.checking.questions import first_problem, small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab8.domains import CONVOLUTION
from autograder.labs.lab8.drawing import Rng, signed, whole
from autograder.labs.lab8.shared import INPUTS_TITLE, domain_line, inputs_unchanged, wrong_part
from autograder.labs.lab8.speed import at_least
from autograder.labs.lab8.wording import WORDING

_NAME = "conv2d_backward"


def _layer(rng: Rng, samples: int, size: tuple[int, int], kernel: tuple[int, int], channels: tuple[int, int]) -> tuple:
    W = signed(rng, *kernel, *channels) / np.float32(math.sqrt(math.prod(kernel) * max(channels)))
    return signed(rng, samples, *size, channels[1]), signed(rng, samples, *size, channels[0]), W


def _small_layer(samples: int, size: tuple, kernel: tuple, channels: tuple) -> tuple:
    shapes = (samples, *size, channels[1]), (samples, *size, channels[0]), (*kernel, *channels)
    return tuple(whole(*shape, seed=seed) for seed, shape in enumerate(shapes))


def _inside(kernel: tuple[int, ...], size: tuple[int, ...]) -> tuple[slice, ...]:
    return (slice(None), *(slice(k // 2, extent - k // 2) for k, extent in zip(kernel, size, strict=True)))


def _wrong_inside(student: Student, dz: np.ndarray, h: np.ndarray, W: np.ndarray) -> Wrong | None:
    """Compare dh where the kernel lies inside the image."""
    inside = _inside(W.shape[:2], h.shape[1:3])
    return wrong_part(student, _NAME, (dz, h, W), 0, lambda part: part[inside])


def _kernel(student: Student, rng: Rng) -> Wrong | None:
    kernels = (3, 3), tuple(rng.permutation([3, 5])), tuple(rng.permutation([1, 3]))
    return first_problem(_wrong_inside(student, *_layer(rng, 1, (8, 7), kernel, (1, 1))) for kernel in kernels)


def _channels(student: Student, rng: Rng) -> Wrong | None:
    # As many out as in first: exchanged channels then give numbers, and no error. A single weight has no way round.
    sizes = ((2, (3, 3)), (1, (4, 2)), (3, (2, 5)))
    drawn = (_layer(rng, samples, (4, 5), (1, 1), channels) for samples, channels in sizes)
    return first_problem(wrong_part(student, _NAME, arguments, 0) for arguments in drawn)


def _border(student: Student, rng: Rng) -> Wrong | None:
    problems = []
    for kernel in ((3, 3), (5, 5)):
        dz, h, W = _layer(rng, 1, (7, 6), kernel, (1, 1))
        problems.append((dz, h, np.full_like(W, 0.25)))
    return first_problem(wrong_part(student, _NAME, arguments, 0) for arguments in problems)


def _weights(student: Student, rng: Rng) -> Wrong | None:
    # Square kernels, as many channels out as in: an error of dh elsewhere has cost already.
    sizes = ((1, (7, 6), (5, 5), (1, 1)), (3, (6, 5), (3, 3), (2, 2)), (2, (5, 6), (3, 3), (3, 3)))
    # Each twice: what is left over from the question before must not be in the answer.
    drawn = [one for size in sizes for one in [_layer(rng, *size)] * 2]
    return first_problem(wrong_part(student, _NAME, arguments, 1) for arguments in drawn)


def _bias(student: Student, rng: Rng) -> Wrong | None:
    sizes = ((3, (3, 3), (3, 3), (3, 3)), (2, (4, 5), (3, 3), (4, 4)), (1, (5, 4), (3, 3), (2, 2)))
    drawn = (_layer(rng, *size) for size in sizes)
    return first_problem(wrong_part(student, _NAME, arguments, 2) for arguments in drawn)


def _inputs(student: Student, rng: Rng) -> Wrong | str | None:
    return inputs_unchanged(student, _NAME, [_layer(rng, 2, (5, 6), (3, 3), (2, 2)) for _ in range(2)])


def _only_here(part: int, *layers: tuple) -> list:
    return [small(wrong_part, _NAME, _small_layer(*layer), part) for layer in layers]


def _even_kernel(size: tuple[int, int], kernel: tuple[int, int]) -> tuple:
    dz, h, W = _small_layer(1, size, kernel, (1, 1))
    return dz, h, np.ones_like(W)


CHECK = Check(
    _NAME,
    (
        Line(
            "kernel",
            "dh: the kernel is applied the right way round, square or not",
            1.5,
            _kernel,
            smaller=[
                small(_wrong_inside, *_small_layer(1, size, kernel, (1, 1)))
                for size, kernel in (
                    *(((1, 3), (1, 3)), ((3, 1), (3, 1)), ((3, 3), (3, 3)), ((3, 4), (3, 3)), ((4, 5), (3, 5))),
                    ((6, 4), (5, 3)),
                )
            ],
        ),
        Line(
            "channels",
            "dh: every input channel sums over all output channels",
            1.0,
            _channels,
            smaller=_only_here(
                0,
                (1, (1, 1), (1, 1), (1, 2)),
                (1, (1, 1), (1, 1), (2, 2)),
                (1, (1, 2), (1, 1), (2, 2)),
                (1, (2, 2), (1, 1), (3, 2)),
            ),
        ),
        Line(
            "border",
            "dh: it has the size of the image, border included",
            1.0,
            _border,
            smaller=[
                small(wrong_part, _NAME, _even_kernel(size, kernel), 0)
                for size, kernel in (((1, 3), (1, 3)), ((3, 1), (3, 1)), ((3, 3), (3, 3)), ((4, 5), (3, 3)))
            ],
        ),
        Line(
            "weights",
            "dW: which pixel meets which gradient, added up over batch and positions",
            1.5,
            _weights,
            smaller=_only_here(
                1,
                (1, (1, 3), (1, 3), (1, 1)),
                (1, (3, 1), (3, 1), (1, 1)),
                (2, (1, 1), (1, 1), (1, 1)),
                (1, (1, 1), (1, 1), (2, 2)),
                (1, (3, 3), (3, 3), (1, 1)),
                (2, (3, 3), (3, 3), (1, 1)),
                (1, (3, 3), (3, 3), (2, 2)),
                (2, (3, 3), (3, 3), (2, 2)),
            ),
        ),
        Line(
            "bias",
            "db: added up over batch and pixels",
            0.5,
            _bias,
            smaller=_only_here(
                2,
                (1, (1, 2), (1, 1), (1, 1)),
                (2, (1, 1), (1, 1), (1, 1)),
                (1, (2, 1), (1, 1), (1, 2)),
                (2, (2, 2), (1, 1), (1, 2)),
                (2, (3, 3), (1, 1), (1, 3)),
            ),
        ),
        Line("inputs", INPUTS_TITLE, 0.25, _inputs),
        domain_line(_NAME, CONVOLUTION, 0.75),
        Line("ten", "At least 10 times as fast as the loop over samples and channels", 0.5, at_least(10)),
        Line("thirty", "At least 30 times as fast as the loop over samples and channels", 1.0, at_least(30)),
    ),
    wording=WORDING,
)
