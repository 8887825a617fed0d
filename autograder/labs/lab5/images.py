"""Which images are graded: some of CIFAR-10 that the course's secret chooses and changes a little, or of the sample."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograder.errors import UserError
from source_lib.data import DatasetError, cifar10
from source_lib.data.locations import DATA_VARIABLE, keras_cache

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
    "part": Bands((0.50, 0.60, 0.68), {LITE: 0.76, MOBILE: 0.76, SMALL: 0.45}, {LITE: 0.82, MOBILE: 0.82, SMALL: 0.60}),
    "all": Bands((0.55, 0.70, 0.78), {LITE: 0.80, MOBILE: 0.80, SMALL: 0.48}, {LITE: 0.86, MOBILE: 0.86, SMALL: 0.65}),
    "sample": Bands(
        (0.30, 0.40, 0.48), {LITE: 0.72, MOBILE: 0.72, SMALL: 0.30}, {LITE: 0.78, MOBILE: 0.78, SMALL: 0.42}
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
    """
    kind = "sample" if course is None else _found()
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
        "x_test": _moved(x_test, rng),
        "y_test": y_test.astype(np.int64),
        "mirrored": mirrored,
        "x_known": _moved(x, rng),
        "y_known": y.astype(np.int64),
        "kind": kind,
        "data": TITLES[kind],
    }


def _found() -> str:
    """Return whether real images are on this machine: grading downloads nothing."""
    folder = os.environ.get(DATA_VARIABLE, "")
    places = [Path(folder).expanduser() / name for name in cifar10.FILES] if folder else []
    there = any(place.is_file() for place in places) or (keras_cache() / cifar10.CACHE_FOLDER).is_dir()
    return "real" if there else "sample"


def _moved(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return images from -1 to 1, moved by at most a pixel each way, with values that differ by at most three steps."""
    images = images.astype("float32") / 127.5 - 1
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    down, right = rng.integers(0, 3, (2, len(images)))
    size = cifar10.SIZE
    moved = np.stack([padded[k, d : d + size, r : r + size] for k, (d, r) in enumerate(zip(down, right, strict=True))])
    return np.clip(moved + rng.uniform(-3 / 127.5, 3 / 127.5, moved.shape), -1, 1).astype("float32")
