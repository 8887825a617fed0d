"""Images for grading, drawn with the course's secret, and what a classifier reaches on them that is no network."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.images import found, loaded, noisy

SHAPE = (28, 28, 1)
CLASSES = 10
#: How many test images and how many training images a model is asked about, where there are so many.
N_TEST, N_KNOWN = 5000, 2000
#: What is asked of the accuracy on test images, in percent. A linear classifier stays below the lowest band of each:
#: the page of the lab prints what it reaches.
BANDS = {"real": (97.0, 98.0, 99.0), "sample": (94.0, 96.0, 97.0)}


def for_grading(course: Path | None, seed: int) -> Mapping[str, Any]:
    """Return the images that a submitted model is asked about.

    Test images are drawn with the secret, and their values changed by a little, so that none is one that could be
    looked up number by number. As many training images are drawn beside them: a model that knows the test images better
    than those is one that remembers them.

    Parameters
    ----------
    course : pathlib.Path, optional
        Without it, images are those of the sample.
    seed : int
        Of all that is drawn.

    Returns
    -------
    dict
        ``x_test`` [N, 28, 28, 1] and ``y_test`` [N]; ``x_known`` and ``y_known`` of training images; ``bands``, and
        ``data``, what the images are.
    """
    kind = "sample" if course is None else found("mnist.npz", cached="mnist.npz")
    data = loaded("mnist", kind)
    rng = np.random.default_rng([seed, 4])
    tested, known = rng.permutation(len(data.y_test))[:N_TEST], rng.permutation(len(data.y_train))[:N_KNOWN]
    return {
        "x_test": noisy(data.x_test[tested], rng),
        "y_test": data.y_test[tested],
        "x_known": noisy(data.x_train[known], rng),
        "y_known": data.y_train[known],
        "bands": BANDS[kind],
        "data": data.title,
    }


def linear_accuracy(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> float:
    """Return how many test images logistic regression on the pixels classifies right, in percent.

    Parameters
    ----------
    x : numpy.ndarray, shape [N, 28, 28, 1]
    y : numpy.ndarray of int, shape [N]
    x_test, y_test : numpy.ndarray
        The same of images to test with.
    """
    from sklearn.linear_model import LogisticRegression

    def pixels(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1)

    classifier = LogisticRegression(C=1.0 if len(x) < 10_000 else 0.01, max_iter=100)
    with warnings.catch_warnings():
        # After a hundred steps its accuracy moves no more, though its weights do.
        warnings.simplefilter("ignore")
        classifier.fit(pixels(x), y)
    return 100 * float(classifier.score(pixels(x_test), y_test))


def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training images, their classes, test images and their classes of the sample."""
    data = loaded("mnist", "sample")
    return data.x_train, data.y_train, data.x_test, data.y_test
