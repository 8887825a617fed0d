"""What is drawn for a question, and the small inputs that are the same for everyone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Rng = np.random.Generator


def draw_signed(rng: Rng, *shape: int) -> np.ndarray:
    """Return numbers of both signs, none near 0.

    Parameters
    ----------
    rng : numpy.random.Generator
    *shape : int

    Returns
    -------
    numpy.ndarray of float64
        Half of them negative, sizes from 0.2 to 3.
    """
    values = rng.uniform(0.2, 3.0, math.prod(shape))
    values[::2] *= -1
    return rng.permutation(values).reshape(shape)


def draw_image(rng: Rng, *shape: int) -> np.ndarray:
    """Return an image, or a batch, of numbers of both signs.

    Parameters
    ----------
    rng : numpy.random.Generator
    *shape : int

    Returns
    -------
    numpy.ndarray of float32
    """
    return draw_signed(rng, *shape).astype("float32")


def draw_weights(rng: Rng, *shape: int) -> np.ndarray:
    """Return weights that keep sums near 1, where single precision is exact enough.

    Parameters
    ----------
    rng : numpy.random.Generator
    *shape : int
        The last axis is the outputs.

    Returns
    -------
    numpy.ndarray of float32
    """
    return (rng.normal(size=shape) / math.sqrt(math.prod(shape[:-1]))).astype("float32")


def draw_convolution(rng: Rng, size: tuple[int, int], channels: tuple[int, int], batch: tuple[int, ...] = ()) -> tuple:
    """Return an image or a batch of odd and unequal height and width, kernels, and a bias of both signs.

    Parameters
    ----------
    rng : numpy.random.Generator
    size : tuple of int
        Rows and columns of the kernel.
    channels : tuple of int
        In and out.
    batch : tuple of int
        Empty for a single image.

    Returns
    -------
    image, kernels, biases : numpy.ndarray of float32
        Shapes [*batch, 7, 9, C_I] or [*batch, 9, 7, C_I], [R, S, C_I, C_O] and [C_O].
    """
    rows, columns = rng.permutation([7, 9])
    image = draw_image(rng, *batch, rows, columns, channels[0])
    return image, draw_weights(rng, *size, *channels), draw_image(rng, channels[1])


def draw_values(rng: Rng, kind: str, *shape: int) -> np.ndarray:
    """Return numbers of one kind.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : {"mixed", "negative", "positive", "tiny", "large", "deep", "zeros", "nothing", "ties"}
        Of both signs, of one, within 0.01 of 0, up to 50 to both sides, near -50, many zeros, zeros alone, small
        integers that repeat.
    *shape : int

    Returns
    -------
    numpy.ndarray of float64
    """
    mixed = draw_signed(rng, *shape)
    return {
        "mixed": lambda: mixed,
        "negative": lambda: -np.abs(mixed),
        "positive": lambda: np.abs(mixed),
        "tiny": lambda: mixed / 300,
        "large": lambda: np.sign(mixed) * rng.uniform(5, 50, shape),
        "deep": lambda: -50 - np.abs(mixed),
        "zeros": lambda: mixed * (rng.random(shape) < 0.4),
        "nothing": lambda: np.zeros(shape),
        "ties": lambda: np.round(mixed),
    }[kind]()


def small_integers(*shape: int) -> np.ndarray:
    """Return small integers of both signs, different ones where there is room, the same for the same shape."""
    rng, count = np.random.default_rng(shape), math.prod(shape)
    values = [sign * value for value in range(1, min(count // 2 + 2, 10)) for sign in (-1, 1)]
    return rng.choice(values, shape, replace=count > len(values)).astype("float32")


def counting_up(*shape: int) -> np.ndarray:
    """Return 1, 2, 3 and so on in C order."""
    return np.arange(1, math.prod(shape) + 1, dtype="float32").reshape(shape)


def corner_kernel(*size: int) -> np.ndarray:
    """Return one kernel whose first two numbers show which way round it lies."""
    W = np.zeros((*size, 1, 1), "float32")
    W.flat[:2] = 1, 2
    return W


def literal(*values: Any) -> np.ndarray:
    """Return numbers as an array of float32."""
    return np.array(values, "float32")


def smaller_convolutions(batch: tuple[int, ...] = ()) -> tuple[tuple, tuple, tuple]:
    """Return three layers without their activation: one pixel by one, with two channels, with a kernel as well."""
    one = np.broadcast_to(literal(2, -3)[:, None], (*batch, 1, 2, 1)).copy()
    return (
        (one, np.ones((1, 1, 1, 1), "float32"), literal(1)),
        (small_integers(*batch, 1, 2, 2), literal(1, -2).reshape(1, 1, 2, 1), literal(1)),
        (small_integers(*batch, 3, 3, 1), corner_kernel(3, 3), literal(1)),
    )
