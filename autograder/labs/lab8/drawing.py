"""What is drawn for a question, and the small inputs that are the same for everyone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Rng = np.random.Generator


def signed(rng: Rng, *shape: int, dtype: str = "float32") -> np.ndarray:
    """Return numbers of both signs, none near 0.

    Parameters
    ----------
    rng : numpy.random.Generator
    *shape : int
    dtype : str

    Returns
    -------
    numpy.ndarray
        Half of them negative, sizes from 0.2 to 3.
    """
    sizes = rng.uniform(0.2, 3.0, math.prod(shape))
    sizes[::2] *= -1
    return rng.permutation(sizes).reshape(shape).astype(dtype)


def of_kind(rng: Rng, kind: str, *shape: int) -> np.ndarray:
    """Return numbers of one kind.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : {"mixed", "negative", "positive", "tiny", "large", "far", "deep", "zeros", "nothing", "ties", "alike"}
        Of both signs, of one, within 0.01 of 0, ten and 300 times as large, near -40, many zeros, zeros alone, whole
        numbers from -3 to 3, one number everywhere.
    *shape : int

    Returns
    -------
    numpy.ndarray of float64
    """
    mixed = signed(rng, *shape, dtype="float64")
    return {
        "mixed": lambda: mixed,
        "negative": lambda: -np.abs(mixed),
        "positive": lambda: np.abs(mixed),
        "tiny": lambda: mixed / 300,
        "large": lambda: mixed * 10,
        "far": lambda: mixed * 300,
        "deep": lambda: -40 - np.abs(mixed),
        "zeros": lambda: mixed * (rng.random(shape) < 0.4),
        "nothing": lambda: np.zeros(shape),
        "ties": lambda: np.round(mixed),
        "alike": lambda: np.full(shape, mixed.flat[0]),
    }[kind]()


def one_hot(rng: Rng, samples: int, classes: int) -> np.ndarray:
    """Return true classes, of which no two in a row are the same.

    Parameters
    ----------
    rng : numpy.random.Generator
    samples, classes : int

    Returns
    -------
    numpy.ndarray of float32, shape [samples, classes]
    """
    steps = rng.integers(1, max(classes, 2), samples)
    return np.eye(classes, dtype="float32")[np.cumsum(steps) % classes]


def whole(*shape: int, seed: int = 0) -> np.ndarray:
    """Return small whole numbers of both signs, the same for the same shape and seed.

    Parameters
    ----------
    *shape : int
    seed : int
        So that two arrays of one shape are not the same.

    Returns
    -------
    numpy.ndarray of float32
    """
    rng, count = np.random.default_rng([*shape, seed]), math.prod(shape)
    known = [sign * size for size in range(1, min(count // 2 + 2, 8)) for sign in (1, -1)]
    return rng.choice(known, shape, replace=count > len(known)).astype("float32")


def literal(*values: Any) -> np.ndarray:
    """Return numbers as an array of float32."""
    return np.array(values, "float32")
