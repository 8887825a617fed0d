"""Images for grading, drawn with the course's secret: digits in other numbers, and glyphs that nobody has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.images import found, loaded, moved
from autograder.checking.sequential_test import Rule
from autograder.labs.lab2 import glyphs
from source_lib.experiments import N_DEVELOP, N_TRAIN, N_VALID

SHAPE = (28, 28, 1)
CLASSES = 10
N_TEST = 1000
#: Images that a training is tried on before any accuracy is measured.
N_TRY = 32
#: Glyphs that the canary is tested with.
N_CANARY = 400
#: What is asked of the average accuracy for all points and for half of them, in percent. The network that the lab
#: gives reaches 82 % on MNIST and 86 % on the sample without any regularization: that must not be enough for a half.
BANDS = {"real": (90.0, 85.0), "sample": (95.0, 89.0)}


def for_grading(course: Path | None, seed: int) -> Mapping[str, Any]:
    """Return the images that a submission is trained and tested with.

    Which class has which number is drawn too, so a model that learned digits before must at least be fitted to that.
    Test images are moved by a pixel at most and their values by a little, so that none of them is one that can be
    looked up. One more training, the canary, is made with other glyphs than digits: weights that were brought along are
    of little use there.

    Parameters
    ----------
    course : pathlib.Path, optional
        Without it, images are those of the sample.
    seed : int
        Of all that is drawn.

    Returns
    -------
    dict
        ``x`` [R, 128, 28, 28, 1], ``y`` [R, 128], ``x_valid`` and ``y_valid`` [R, 32, ...] for each of R trainings;
        ``x_test`` [N, 28, 28, 1] and ``y_test`` [N]; ``try_x`` and so on for a trial, whose validation labels are all
        wrong in the same way; ``canary_x`` and so on for the canary; ``bands``, and ``data``, what the images are.
    """
    kind = "sample" if course is None else found("mnist.npz", cached="mnist.npz")
    data = loaded("mnist", kind)
    x, y, x_test, y_test = data.x_train, data.y_train, data.x_test, data.y_test
    rng = np.random.default_rng([seed, 2])
    numbers = rng.permutation(CLASSES)
    runs = Rule(BANDS[kind][0]).most
    order = rng.permutation(len(y))
    # The sample has too few images for trainings of which no two share one.
    each = [order[k * (N_TRAIN + N_VALID) :][: N_TRAIN + N_VALID] for k in range(runs)]
    each = [rows if len(rows) == N_TRAIN + N_VALID else rng.permutation(len(y))[: N_TRAIN + N_VALID] for rows in each]
    chosen = rng.permutation(len(y_test))[:N_TEST]
    tried = rng.permutation(len(y))[: 2 * N_TRY]
    wrong = rng.integers(1, CLASSES)
    return {
        "x": np.stack([x[rows[:N_TRAIN]] for rows in each]),
        "y": np.stack([numbers[y[rows[:N_TRAIN]]] for rows in each]),
        "x_valid": np.stack([x[rows[N_TRAIN:]] for rows in each]),
        "y_valid": np.stack([numbers[y[rows[N_TRAIN:]]] for rows in each]),
        "x_test": moved(x_test[chosen], rng, constant_values=-1),
        "y_test": numbers[y_test[chosen]],
        "try_x": x[tried[:N_TRY]],
        "try_y": numbers[y[tried[:N_TRY]]],
        "try_x_valid": x[tried[N_TRY:]],
        "try_y_valid": (numbers[y[tried[N_TRY:]]] + wrong) % CLASSES,
        **canary(rng),
        "bands": BANDS[kind],
        "data": data.title,
    }


def canary(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return glyphs for one training, as many as digits for another, and for its test.

    Parameters
    ----------
    rng : numpy.random.Generator

    Returns
    -------
    dict
        ``canary_x``, ``canary_y``, and the same with ``_valid`` and ``_test``.
    """
    parts = {"": N_TRAIN, "_valid": N_VALID, "_test": N_CANARY}
    y = rng.permutation(np.arange(sum(parts.values())) % CLASSES)
    x = glyphs.draw(rng, y, CLASSES)
    ends = np.cumsum(list(parts.values()))
    return {
        f"canary_{letter}{part}": values[end - count : end]
        for (part, count), end in zip(parts.items(), ends, strict=True)
        for letter, values in (("x", x), ("y", y))
    }


@dataclass(frozen=True)
class Sizes:
    """How many images the notebook's data set has.

    Attributes
    ----------
    train : int
        To choose from for each run: those that validation leaves.
    test : int
    """

    train: int
    test: int


def sizes() -> Mapping[str, Sizes]:
    """Return how many images a data set has in the notebook, by its title: the data sets that runs may be of."""
    sample = loaded("mnist", "sample")
    own = Sizes(len(sample.y_train) - N_DEVELOP, len(sample.y_test))
    return {"MNIST": Sizes(60_000 - N_DEVELOP, 10_000), sample.title: own}
