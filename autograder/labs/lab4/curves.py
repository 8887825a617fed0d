"""Functions of one variable, as `order_matters` is asked about them: each is told by a name and a few numbers.

This module runs beside a student's code too, so it needs NumPy alone and decides nothing.
"""

from __future__ import annotations

import math

import numpy as np

#: The plain ones. All take arrays.
PLAIN = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "leaky relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "bent": lambda x: np.where(x > 0, x, -0.3 * x),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "absolute": np.abs,
    "square": lambda x: x**2,
    "cube": lambda x: x**3 / 25,
    "cosine": np.cos,
    "step": lambda x: np.where(x > 0, 1.0, 0.0),
    "stairs": np.floor,
    "bump": lambda x: np.where(np.abs(x) < 1, 1.0, 0.0),
    "same": lambda x: 1.0 * x,
    "constant": lambda x: 0.0 * x + 1.0,
}
#: Those that never fall, and those that are a straight line.
RISING = frozenset(("relu", "tanh", "sigmoid", "leaky relu", "softplus", "cube", "step", "stairs", "same", "constant"))
STRAIGHT = frozenset(("same", "constant"))
JUMPING = frozenset(("step", "stairs", "bump"))
#: Numbers that a function is asked about lie between this and its negative.
FARTHEST = 5.0


def curve(name, stretch, shift, scale, offset):
    """Return the function ``scale * plain(stretch * x + shift) + offset`` of arrays.

    Parameters
    ----------
    name : str
        One of `PLAIN`.
    stretch, shift, scale, offset : float
    """
    plain = PLAIN[name]

    def function(x):
        x = np.asarray(x, dtype="float64")
        return scale * plain(stretch * x + shift) + offset

    return function


def matters(name, stretch, shift, scale, offset, pooling):
    """Return by argument whether it matters if such a function is applied before or after pooling.

    A maximum commutes with every function that never falls, an average with straight lines alone.

    Parameters
    ----------
    name, stretch, shift, scale, offset
        As `curve` takes them.
    pooling : {"max", "average"}
    """
    if scale * stretch == 0 or name == "constant":
        return False
    if pooling == "average":
        return name not in STRAIGHT
    return name not in RISING or scale * stretch < 0


def share(name, stretch, shift, scale, offset, pooling, blocks=4000):
    """Return at which part of blocks of four numbers the order changes the result by more than a hundredth.

    Parameters
    ----------
    name, stretch, shift, scale, offset
        As `curve` takes them.
    pooling : {"max", "average"}
    blocks : int
        How many are drawn.
    """
    numbers = np.random.default_rng(1).uniform(-FARTHEST, FARTHEST, (blocks, 4))
    pool = {"max": np.max, "average": np.mean}[pooling]
    function = curve(name, stretch, shift, scale, offset)
    off = np.abs(pool(function(numbers), axis=1) - function(pool(numbers, axis=1)))
    return float(np.mean(off > 0.01))


def draw(rng, name, sign, pooling, turned=None):
    """Return a drawn function of a kind, for which it never matters, or for at least two blocks in a hundred.

    Parameters
    ----------
    rng : numpy.random.Generator
    name : str
        One of `PLAIN`.
    sign : {-1, 1}
        Of its scale.
    pooling : {"max", "average"}
    turned : {-1, 1}, optional
        The sign of its stretch; drawn by default.

    Returns
    -------
    list
        As `curve` takes it.
    """
    # Half of those that bend do so near an end, and matter in few blocks alone. Where one jumps there, rounding to
    # single precision would show.
    rare = name not in JUMPING and rng.random() < 0.5
    tries = 0
    while True:
        rare, tries = rare and tries < 20, tries + 1
        # One in four is faint: its differences are small, and still more than rounding.
        low, high = (0.03, 0.05) if rng.random() < 0.25 else (0.5, 2.0)
        stretch, scale = rng.uniform(0.5, 1.5), sign * rng.uniform(low, high)
        stretch *= rng.choice([-1, 1]) if turned is None else turned
        edge = FARTHEST * stretch * rng.uniform(0.85, 0.99) * rng.choice([-1, 1])
        shift = edge if rare else rng.uniform(-1, 1)
        drawn = [name, float(stretch), float(shift), float(scale), float(rng.uniform(-1, 1))]
        if not matters(*drawn, pooling) or 0.02 <= share(*drawn, pooling) <= (0.2 if rare else 1.0):
            return drawn
