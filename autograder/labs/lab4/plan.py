"""A network as rows of numbers, one for each thing that it does: what checks compare, and what known faults change.

What is the same network is the same plan, however it is written: an activation is a row of its own, whether it stands
in a convolution or behind it, and what does nothing has no row.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

#: What a row begins with. Then come:
#: INPUT height, width, channels; CONVOLUTION maps, kernel rows and columns, strides, height of the result, bias;
#: ACTIVATION number; MAX and AVERAGE rows, columns, strides, height and width of the result; FLATTEN nothing; DENSE
#: units, bias; NORMALIZATION nothing; DROPOUT_MAPS and DROPOUT_NUMBERS the rate; RESHAPE nothing; PAIRS the size;
#: GLOBAL nothing; OTHER a number that stands for the name of a layer.
INPUT, CONVOLUTION, ACTIVATION, MAX, AVERAGE, FLATTEN, DENSE, NORMALIZATION = range(8)
DROPOUT_MAPS, DROPOUT_NUMBERS, RESHAPE, PAIRS, GLOBAL, OTHER = range(8, 14)
WIDTH = 8
IMAGE = (28, 28, 1)
CLASSES, HIDDEN = 10, 800
#: Activations that a plan knows by name.
ACTIVATIONS = (
    *("relu", "sigmoid", "tanh", "softmax", "elu", "gelu", "leaky_relu", "silu", "softplus", "selu", "exponential"),
    *("hard_sigmoid", "softsign", "relu6", "mish", "log_softmax"),
)

Rows = list[tuple]


def numbers(rows: Iterable[Sequence[float]]) -> np.ndarray:
    """Return rows as an array [rows, `WIDTH`], filled up with zeros."""
    return np.array([[*row, *[0] * (WIDTH - len(row))] for row in rows], dtype="float64").reshape(-1, WIDTH)


def rows_of(plan: np.ndarray) -> Rows:
    """Return the rows of an array, each with all its numbers."""
    return [tuple(row) for row in np.asarray(plan).tolist()]


def activation(name: str) -> tuple:
    """Return the row of an activation; one that is not known by name has a number that stands for it."""
    known = ACTIVATIONS.index(name) if name in ACTIVATIONS else 100 + zlib.crc32(name.encode()) % 9000
    return ACTIVATION, known


def fnn() -> np.ndarray:
    """Return the plan of the fully connected network."""
    return numbers(
        [
            *((INPUT, *IMAGE), (FLATTEN,), (DENSE, HIDDEN, 1), activation("relu")),
            *((DENSE, CLASSES, 1), activation("softmax")),
        ]
    )


def cnn(
    blocks: int = 3,
    maps: int = 8,
    act: str = "relu",
    pool_first: bool = False,
    dropout: float = 0.0,
    batch_norm: bool = False,
) -> np.ndarray:
    """Return the plan of the convolutional network with these arguments.

    Parameters
    ----------
    blocks, maps : int
    act : str
    pool_first : bool
    dropout : float
    batch_norm : bool
    """
    rows: Rows = [(INPUT, *IMAGE)]
    size = IMAGE[0]
    for block in range(blocks):
        rows.append((CONVOLUTION, maps * 2**block, 3, 3, 1, 1, size, 1))
        rows += [(NORMALIZATION,)] * bool(batch_norm)
        if block == blocks - 1:
            rows.append(activation(act))
            break
        stride = 2 - size % 2
        size = (size - 2) // stride + 1
        pair = [activation(act), (MAX, 2, 2, stride, stride, size, size)]
        rows += pair[::-1] if pool_first else pair
        rows += [(DROPOUT_MAPS, dropout)] * bool(dropout)
    return numbers([*rows, (FLATTEN,), (DENSE, CLASSES, 1), activation("softmax")])


def resized(rows: Rows) -> Rows:
    """Return rows with the sizes that follow from kernels, which are padded, and from poolings, which are not."""
    found: Rows = []
    size = 0
    for row in rows:
        if row[0] == INPUT:
            size = int(row[1])
        elif row[0] == CONVOLUTION:
            row = (*row[:6], size, *row[7:])
        elif row[0] in (MAX, AVERAGE):
            size = int((size - row[1]) // row[3] + 1)
            row = (*row[:5], size, size, *row[7:])
        found.append(row)
    return found


def parameters(plan: np.ndarray) -> int:
    """Return how many trainable parameters a plan has.

    Examples
    --------
    >>> parameters(fnn()), parameters(cnn()), parameters(cnn(maps=32, batch_norm=True))
    (636010, 21578, 155850)
    """
    total, features = 0, 0
    shape = (0, 0, 0)
    for row in rows_of(plan):
        code = row[0]
        if code == INPUT:
            shape = tuple(int(n) for n in row[1:4])
        elif code == CONVOLUTION:
            outputs = int(row[1])
            total += int(row[2] * row[3]) * shape[2] * outputs + outputs * int(row[7])
            shape = (int(row[6]), int(row[6]), outputs)
        elif code in (MAX, AVERAGE):
            shape = (int(row[5]), int(row[6]), shape[2])
        elif code == NORMALIZATION:
            total += 2 * (shape[2] or features)
        elif code in (FLATTEN, GLOBAL):
            features = math.prod(shape) if code == FLATTEN else shape[2]
            shape = (0, 0, 0)
        elif code == DENSE:
            total += (features + int(row[2])) * int(row[1])
            features = int(row[1])
    return total


def words(row: Sequence[float]) -> str:
    """Return a row as a person reads it.

    Examples
    --------
    >>> words((CONVOLUTION, 8, 3, 3, 1, 1, 28, 1)), words((MAX, 2, 2, 1, 1, 6, 6)), words((INPUT, 784, 0, 0))
    ('8 maps 3×3 to 28×28', 'max 2×2 by 1 to 6×6', 'vectors of 784 numbers')
    """
    code, *rest = row
    size = [f"{number:g}" for number in rest]
    if code == INPUT:
        there = [text for text, number in zip(size[:3], rest, strict=False) if number]
        return f"images {'×'.join(there)}" if len(there) > 1 else f"vectors of {there[0]} numbers"
    if code == CONVOLUTION:
        stride = "" if rest[3] == rest[4] == 1 else f" by {size[3]}"
        return f"{size[0]} maps {size[1]}×{size[2]}{stride} to {size[5]}×{size[5]}{'' if rest[6] else ', no bias'}"
    if code == ACTIVATION:
        known = 0 <= rest[0] < len(ACTIVATIONS)
        return ACTIVATIONS[int(rest[0])] if known else "another activation"
    if code in (MAX, AVERAGE):
        kind = "max" if code == MAX else "average"
        return f"{kind} {size[0]}×{size[1]} by {size[2]} to {size[4]}×{size[5]}"
    if code == DENSE:
        return f"dense {size[0]}{'' if rest[1] else ', no bias'}"
    return {
        FLATTEN: "flatten",
        NORMALIZATION: "batch normalization",
        DROPOUT_MAPS: f"dropout {rest[0]:g} of maps" if rest else "",
        DROPOUT_NUMBERS: f"dropout {rest[0]:g} of numbers" if rest else "",
        RESHAPE: "another shape",
        PAIRS: "max of pairs of numbers",
        GLOBAL: "global pooling",
    }.get(code, "another layer")


def first_difference(got: np.ndarray, expected: np.ndarray) -> str:
    """Say in a few words where a plan first differs from the right one; completes "the function …".

    Parameters
    ----------
    got, expected : numpy.ndarray
        Plans.

    Examples
    --------
    >>> first_difference(fnn()[:-1], fnn())
    'ends after dense 10, where softmax is expected'
    """
    left, right = rows_of(got), rows_of(expected)
    place = next((k for k, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    before = f" after {words(right[place - 1])}" if place else ""
    if place == len(left):
        return f"ends{before}, where {words(right[place])} is expected"
    if place == len(right):
        return f"has {words(left[place])}{before}, where it should end"
    return f"has {words(left[place])}{before}, where {words(right[place])} is expected"


def changed(change: Callable[[Rows], Rows]) -> Callable[[Callable], Callable]:
    """Return a fault of a network: ``change`` takes the rows and returns others."""
    return lambda right: lambda *arguments, **named: numbers(change(rows_of(right(*arguments, **named))))
