"""The digits that `train_network` learns while grading, drawn with the course's secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.images import loaded, noisy
from autograder.labs.lab8.drawing import Rng

CLASSES = 10
#: Pixels at each side, after 2 × 2 pixels have become one.
SIDE = 14
#: By how many pixels of 28 a digit is moved at most: what a linear classifier has learned then fits badly.
MOVED = 3
#: The part of test images that must be right, in percent. The page of the lab prints what a linear classifier reaches.
#: With some secrets what is right learns worse than with others, and gets its points with each.
BAND = 70.0
#: How the network is trained.
EPOCHS, BATCH_SIZE, LEARNING_RATE, MOMENTUM = 10, 32, 0.05, 0.9


def small(images: np.ndarray) -> np.ndarray:
    """Return images with the mean of each 2 × 2 pixels in their place.

    Parameters
    ----------
    images : numpy.ndarray, shape [N, 28, 28, 1]

    Returns
    -------
    numpy.ndarray, shape [N, 14, 14, 1]
    """
    return images.reshape(len(images), SIDE, 2, SIDE, 2, 1).mean(axis=(2, 4))


def for_grading(course: Path | None, seed: int) -> Mapping[str, Any]:
    """Return the digits that a submission is trained with, and those that it is tested on.

    Their classes are exchanged for each other by the secret: weights that were brought along know nothing of them.

    Parameters
    ----------
    course : pathlib.Path, optional
        Is not needed: the digits are always those of the sample.
    seed : int
        Of all that is drawn.

    Returns
    -------
    dict
        ``x_train`` [N, 14, 14, 1], ``y_train`` [N], ``x_test`` and ``y_test``; ``layers``, a network that knows
        nothing yet, ``epochs``, and ``band``, what is asked.
    """
    data, rng = loaded("mnist", "sample"), np.random.default_rng([seed, 8])
    classes = rng.permutation(CLASSES)
    found: dict[str, Any] = {}
    for part, x, y in (("train", data.x_train, data.y_train), ("test", data.x_test, data.y_test)):
        order = rng.permutation(len(x))
        found |= {f"x_{part}": small(_moved(x[order], rng)), f"y_{part}": classes[np.asarray(y)[order]]}
    return found | {"layers": network(rng), "epochs": EPOCHS, "band": BAND}


def _moved(images: np.ndarray, rng: Rng) -> np.ndarray:
    """Return images moved by at most `MOVED` pixels each way, with a little noise; what comes in is background."""
    edge = ((0, 0), (MOVED, MOVED), (MOVED, MOVED), (0, 0))
    wide, (rows, columns) = np.pad(images, edge, constant_values=-1), images.shape[1:3]
    places = rng.integers(0, 2 * MOVED + 1, (len(images), 2))
    return noisy(np.stack([wide[k, y : y + rows, x : x + columns] for k, (y, x) in enumerate(places)]), rng)


def network(rng: Rng, side: int = SIDE, kernels: Sequence[int] = (8, 16), classes: int = CLASSES) -> list[list]:
    """Return a network of convolutions, each with a ReLU and pooling behind it, and a dense layer, its weights drawn.

    Parameters
    ----------
    rng : numpy.random.Generator
    side : int
        Pixels at each side.
    kernels : sequence of int
        Of each convolution.
    classes : int

    Returns
    -------
    list of [kind, *arrays]
    """
    layers: list[list] = []
    channels = 1
    for count in kernels:
        W = rng.normal(0, np.sqrt(2 / (9 * channels)), (3, 3, channels, count))
        layers += [["conv2d", W, np.zeros(count)], ["relu"], ["pool2d"]]
        side, channels = side // 2, count
    inputs = channels * side**2
    return [*layers, ["flatten"], ["dense", rng.normal(0, np.sqrt(1 / inputs), (classes, inputs)), np.zeros(classes)]]


def linear_accuracy(seed: int) -> float:
    """Return how many test images logistic regression on the pixels classifies right, in percent.

    Parameters
    ----------
    seed : int
        Of the images.
    """
    from sklearn.linear_model import LogisticRegression

    drawn = for_grading(None, seed)
    x, x_test = (drawn[name].reshape(len(drawn[name]), -1) for name in ("x_train", "x_test"))
    classifier = LogisticRegression(C=0.1, max_iter=300).fit(x, drawn["y_train"])
    return 100 * float(classifier.score(x_test, drawn["y_test"]))
