"""The digits that `train` learns while grading, drawn with the course's secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.images import loaded, noisy
from autograder.labs.lab8.drawing import Rng

CLASSES = 10
#: Pixels at each side, after 2 × 2 pixels have become one.
SIDE = 14
#: Kernels of the convolution of the network that is trained.
KERNELS = 8
#: The part of test images that must be right, in percent. The page of the lab prints what linear classifiers reach.
BAND = 94.0
#: How the network is trained.
EPOCHS, BATCH_SIZE, LEARNING_RATE, MOMENTUM = 8, 32, 0.05, 0.9


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
        nothing yet.
    """
    data, rng = loaded("mnist", "sample"), np.random.default_rng([seed, 8])
    classes = rng.permutation(CLASSES)
    found: dict[str, Any] = {}
    for part, x, y in (("train", data.x_train, data.y_train), ("test", data.x_test, data.y_test)):
        order = rng.permutation(len(x))
        found |= {f"x_{part}": small(noisy(x[order], rng)), f"y_{part}": classes[np.asarray(y)[order]]}
    return found | {"layers": network(rng)}


def network(rng: Rng, side: int = SIDE, kernels: int = KERNELS, classes: int = CLASSES) -> list[list]:
    """Return a network with one convolution, pooling, and one dense layer, its weights drawn.

    Parameters
    ----------
    rng : numpy.random.Generator
    side, kernels, classes : int

    Returns
    -------
    list of [kind, *arrays]
    """
    inputs = kernels * (side // 2) ** 2
    return [
        ["conv2d", rng.normal(0, np.sqrt(2 / 9), (3, 3, 1, kernels)), np.zeros(kernels)],
        ["relu"],
        ["pool2d"],
        ["flatten"],
        ["dense", rng.normal(0, np.sqrt(2 / inputs), (classes, inputs)), np.zeros(classes)],
    ]


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
    classifier = LogisticRegression(C=1.0, max_iter=300).fit(x, drawn["y_train"])
    return 100 * float(classifier.score(x_test, drawn["y_test"]))
