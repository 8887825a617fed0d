"""What is drawn for a question."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Rng = np.random.Generator
KINDS = ("mixed", "negative", "positive", "tiny", "large", "zeros", "nothing", "ties")


def draw_values(rng: Rng, kind: str, *shape: int) -> np.ndarray:
    """Return numbers of one kind.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : {"mixed", "negative", "positive", "tiny", "large", "zeros", "nothing", "ties"}
        Of both signs from 0.2 to 3, of one sign, a hundredth as large, ten times as large, many zeros, zeros alone,
        small whole numbers that repeat.
    *shape : int

    Returns
    -------
    numpy.ndarray of float64
    """
    mixed = rng.uniform(0.2, 3.0, math.prod(shape))
    mixed[::2] *= -1
    mixed = rng.permutation(mixed).reshape(shape)
    return {
        "mixed": lambda: mixed,
        "negative": lambda: -np.abs(mixed),
        "positive": lambda: np.abs(mixed),
        "tiny": lambda: mixed / 100,
        "large": lambda: mixed * 10,
        "zeros": lambda: mixed * (rng.random(shape) < 0.4),
        "nothing": lambda: np.zeros(shape),
        "ties": lambda: np.round(mixed),
    }[kind]()


def draw_list(rng: Rng, shapes: Sequence[Sequence[int]], kind: str = "mixed", dtype: str = "float64") -> list:
    """Return arrays of some shapes.

    Parameters
    ----------
    rng : numpy.random.Generator
    shapes : sequence of sequence of int
    kind : str
        As `draw_values` takes it.
    dtype : str
    """
    return [draw_values(rng, kind, *shape).astype(dtype) for shape in shapes]


def some_shapes(rng: Rng, most: int = 4, least_axes: int = 1) -> list[tuple[int, ...]]:
    """Return shapes of one to so many arrays.

    Parameters
    ----------
    rng : numpy.random.Generator
    most : int
    least_axes : int
        Of each array; it has at most four.
    """
    count = int(rng.integers(1, most + 1))
    axes = rng.integers(least_axes, 5, count)
    return [tuple(int(n) for n in rng.integers(1, 5, number)) for number in axes]
