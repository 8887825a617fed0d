"""Trainings all over what may be asked of `train_network`, and where they must end.

The networks are of dense layers, so small that the course follows every order that the images may come in, and finds
the one that a training took.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from autograder.checking.domain import Domain, Regions
from autograder.labs.lab8.drawing import Rng

#: What stands between two dense layers; with nothing there is one.
KINDS = ("nothing", "relu", "sigmoid")
#: Images of the small sets, how many of them are a batch, epochs, and how many trainings.
ORDERS = ((2, 1, 5, 24), (3, 2, 3, 8), (2, 3, 2, 8))


def draw_layers(rng: Rng, kind: str, inputs: int, classes: int) -> list[list]:
    """Return a network of one dense layer, or of two with an activation between them.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : {"nothing", "relu", "sigmoid"}
        What stands between.
    inputs, classes : int

    Returns
    -------
    list of [kind, *arrays]
    """
    sizes = (inputs, classes) if kind == "nothing" else (inputs, 4, classes)
    dense = [["dense", rng.normal(0, 0.6, (n, m)), rng.normal(0, 0.3, n)] for m, n in itertools.pairwise(sizes)]
    return dense if kind == "nothing" else [dense[0], [kind], dense[1]]


def _draw_equal(rng: Rng, at: Regions) -> tuple:
    count, size = at["batches"]
    classes = int(rng.integers(2, 5))
    x, y = rng.normal(size=(1, 3)), rng.integers(0, classes, 1)
    layers = draw_layers(rng, at["kind"], 3, classes)
    return layers, x.repeat(count, axis=0), y.repeat(count), at["epochs"], size, at["rate"], at["momentum"]


#: Trainings on images that are all equal, so that their order does not matter. Long ones go over no kink.
EQUAL = Domain(
    {
        "batches": ((1, 1), (1, 4), (2, 3), (5, 1), (5, 2), (6, 3), (4, 4), (3, 8), (7, 5), (9, 4)),
        "kind": KINDS,
        "epochs": (1, 2, 3, 6, 12),
        "momentum": (0.0, 0.2, 0.5, 0.9, 0.97),
        "rate": (0.02, 0.3, 1.0),
    },
    _draw_equal,
    possible=lambda at: at.get("kind") != "relu" or (at.get("epochs", 1) < 6 and at.get("rate", 0.02) < 1),
)


def in_some_order(rng: Rng, momenta: Sequence[float]) -> list[tuple]:
    """Return trainings on few images that are told apart.

    Parameters
    ----------
    rng : numpy.random.Generator
    momenta : sequence of float
        Taken in turn.

    Returns
    -------
    list of tuple
        Layers, images and classes, epochs, the size of a batch, the learning rate and momentum.
    """
    found = []
    for count, size, epochs, trainings in ORDERS:
        each = zip(itertools.cycle(momenta), itertools.cycle(("nothing", "sigmoid")), range(trainings), strict=False)
        for momentum, kind, _ in each:
            x = rng.normal(size=(count, 3))
            x *= rng.uniform(1, 2, (count, 1)) / np.linalg.norm(x, axis=1, keepdims=True)
            layers = draw_layers(rng, kind, 3, 3)
            # Small steps tell orders apart less clearly: they are taken where these are not compared.
            rate = 0.6 if size == 1 else float(rng.choice([0.05, 0.6]))
            found.append((layers, x, rng.permutation(3)[:count], epochs, size, rate, momentum))
    return found


def orders_of(count: int, size: int, epochs: int) -> np.ndarray:
    """Return all orders that images may come in, but for those that differ within a batch.

    Parameters
    ----------
    count, size, epochs : int
        Of the images, of a batch, and of passes over all images.

    Returns
    -------
    numpy.ndarray of int, shape [S, epochs, count]
    """
    batches = range(0, count, size)
    different = {
        tuple(tuple(sorted(order[first : first + size])) for first in batches): order
        for order in itertools.permutations(range(count))
    }
    return np.array(list(itertools.product(different.values(), repeat=epochs)))


def ends(arguments: tuple, orders: np.ndarray) -> np.ndarray:
    """Return the weights and biases that a training ends with, for each order of the images.

    Parameters
    ----------
    arguments : tuple
        As `in_some_order` returns them.
    orders : numpy.ndarray of int, shape [S, epochs, N]

    Returns
    -------
    numpy.ndarray, shape [S, P]
        All of a network in turn, packed.
    """
    layers, x, y, epochs, size, rate, momentum = arguments
    t = np.eye(len(layers[-1][2]))[y]
    # Weights [S, J, I] and biases [S, 1, J].
    w = [[np.repeat(np.atleast_2d(one)[None], len(orders), axis=0) for one in arrays] for _, *arrays in layers]
    v = [[np.zeros_like(one) for one in arrays] for arrays in w]
    kinds = [kind for kind, *_ in layers]
    for epoch, first in itertools.product(range(epochs), range(0, len(x), size)):
        rows = orders[:, epoch, first : first + size]
        slopes = _slopes(kinds, w, x[rows], t[rows])
        v = [[momentum * a - rate * b for a, b in zip(*both, strict=True)] for both in zip(v, slopes, strict=True)]
        w = [[a + b for a, b in zip(*both, strict=True)] for both in zip(w, v, strict=True)]
    return np.column_stack([one.reshape(len(orders), -1) for arrays in w for one in arrays])


def _slopes(kinds: Sequence[str], w: Sequence[Sequence[np.ndarray]], h: np.ndarray, t: np.ndarray) -> list[list]:
    """Return the gradients of the mean cross-entropy of a batch [S, B, I], layer by layer."""
    inputs = []
    for kind, arrays in zip(kinds, w, strict=True):
        inputs.append(h)
        if kind == "dense":
            h = h @ arrays[0].transpose(0, 2, 1) + arrays[1]
        else:
            h = np.maximum(h, 0) if kind == "relu" else 1 / (1 + np.exp(-h))
    p = np.exp(h - h.max(axis=2, keepdims=True))
    dz = (p / p.sum(axis=2, keepdims=True) - t) / t.shape[1]
    found: list[list] = []
    for kind, arrays, h in zip(kinds[::-1], w[::-1], inputs[::-1], strict=True):
        if kind == "dense":
            found.insert(0, [dz.transpose(0, 2, 1) @ h, dz.sum(axis=1, keepdims=True)])
            dz = dz @ arrays[0]
        else:
            found.insert(0, [])
            s = 1 / (1 + np.exp(-h))
            dz = dz * ((h > 0) if kind == "relu" else s * (1 - s))
    return found


def repeated(orders: np.ndarray) -> str | None:
    """Return in words which epochs take the images in an order that is known before; None where none do.

    Parameters
    ----------
    orders : numpy.ndarray of bool, shape [T, epochs]
        Of trainings on two images with random generators of their own: whether the first image comes first. Of 24
        trainings, two epochs that are drawn agree in all of them once in 2²⁴ times.
    """
    epochs = range(orders.shape[1])
    for one in epochs:
        if len(set(orders[:, one])) == 1:
            return f"Whatever rng is, epoch {one + 1} takes the images in the same order. Draw it with rng."
    for one, other in itertools.combinations(epochs, 2):
        if len(set(orders[:, one] ^ orders[:, other])) == 1:
            return (
                f"The order of epoch {one + 1} decides that of epoch {other + 1}. Draw a new order with rng at the "
                "beginning of each epoch, inside of the loop."
            )
    return None
