"""Which images are graded: some of CIFAR-10 that the course's secret chooses and changes a little, or of the sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.images import found, moved
from autograder.errors import UserError
from source_lib.data import DatasetError, cifar10

SHAPE = (cifar10.SIZE, cifar10.SIZE, 3)
CLASSES = 10
N_TEST = 1000
#: Training images that a person is told about who looks at a model that knows test images better.
N_KNOWN = 400
#: From so many training images on, the bands are those of all of CIFAR-10.
ALL_OF_IT = 40_000


@dataclass(frozen=True)
class Bands:
    """Which part of the test images must be right.

    Attributes
    ----------
    own : tuple of float
        For the student's own network: the least, more, and the most that is asked.
    frozen : dict of str to float
        By the backbone's name, what a linear classifier on its frozen features reaches: transfer must reach more.
    most : dict of str to float
        The most that is asked of transfer.
    """

    own: tuple[float, float, float]
    frozen: Mapping[str, float]
    most: Mapping[str, float]


LITE, MOBILE, SMALL = "EfficientNet-Lite0", "MobileNetV2", "Small network of the course"
#: What `load_backbone` is asked for, by the name that it gives.
SOURCES = {LITE: "efficientnet", MOBILE: "mobilenet", SMALL: "small"}
#: By what is graded: a part of CIFAR-10, all of it, or the sample. The page of the lab prints what the classifiers
#: without a convolution of one's own reach: the least of ``own`` lies above the linear one on pixels.
BANDS = {
    "part": Bands((0.50, 0.60, 0.66), {LITE: 0.76, MOBILE: 0.76, SMALL: 0.45}, {LITE: 0.78, MOBILE: 0.78, SMALL: 0.52}),
    "all": Bands((0.55, 0.70, 0.78), {LITE: 0.79, MOBILE: 0.79, SMALL: 0.47}, {LITE: 0.82, MOBILE: 0.82, SMALL: 0.56}),
    "sample": Bands(
        (0.30, 0.42, 0.55), {LITE: 0.77, MOBILE: 0.77, SMALL: 0.43}, {LITE: 0.78, MOBILE: 0.78, SMALL: 0.46}
    ),
}
TITLES = {
    "part": "a part of CIFAR-10",
    "all": "CIFAR-10",
    "sample": "the sample, crops of photographs",
}


def for_grading(course: Path | None, seed: int) -> Mapping[str, Any]:
    """Return the images that submissions are tested with.

    Test images are chosen with the course's secret, half of them are mirrored, and all are moved by a pixel at most and
    changed a little, so that none of them is one that can be looked up. Those of the sample are cut anew from the half
    of the photographs that no student trains with.

    Parameters
    ----------
    course : pathlib.Path, optional
        Without it, images are those of the sample.
    seed : int
        Of all that is drawn.

    Returns
    -------
    dict
        ``x_test`` [N, 32, 32, 3] from -1 to 1, ``y_test`` [N] and ``mirrored`` [N]; ``x_known`` and ``y_known`` of the
        images for training; ``kind``, one of `BANDS`, and ``data``, what the images are.

    Raises
    ------
    UserError
        If there are files of CIFAR-10 that cannot be read.
    """
    kind = "sample" if course is None else found(*cifar10.FILES, cached=cifar10.CACHE_FOLDER)
    rng = np.random.default_rng([seed, 5])
    if kind == "sample":
        x_test, y_test = cifar10.crops(rng, N_TEST, "test")
        x, y = cifar10.crops(rng, N_KNOWN, "train")
    else:
        try:
            (x, y, x_test, y_test), _ = cifar10.load_cifar10(verbose=False)
        except DatasetError as error:
            raise UserError(str(error)) from None
        kind = "all" if len(x) >= ALL_OF_IT else "part"
        chosen, known = rng.permutation(len(y_test))[:N_TEST], rng.permutation(len(y))[:N_KNOWN]
        x_test, y_test, x, y = x_test[chosen], y_test[chosen], x[known], y[known]
    mirrored = rng.random(len(x_test)) < 0.5
    x_test = np.where(mirrored[:, None, None, None], x_test[:, :, ::-1], x_test)
    return {
        "x_test": moved(_floats(x_test), rng, mode="edge"),
        "y_test": y_test.astype(np.int64),
        "mirrored": mirrored,
        "x_known": moved(_floats(x), rng, mode="edge"),
        "y_known": y.astype(np.int64),
        "kind": kind,
        "data": TITLES[kind],
    }


def _floats(images: np.ndarray) -> np.ndarray:
    """Return bytes as numbers from -1 to 1."""
    return images.astype("float32") / np.float32(127.5) - 1
