"""Images that grading draws: whether the real ones are here, and small changes so that none can be looked up."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np

from autograder.errors import UserError
from source_lib.data import DataGenerator, DatasetError
from source_lib.data.locations import DATA_VARIABLE, keras_cache

#: By how much a value may differ from the image's own, where values are from -1 to 1: three of 256 steps.
NOISE = 3 / 127.5


def found(*names: str, cached: str) -> str:
    """Return whether the real images of a data set are on this machine: grading downloads nothing.

    Parameters
    ----------
    *names : str
        Of files, any of which holds them, in the folder that ``CNN_COURSE_DATA`` names.
    cached : str
        The file or the folder that Keras keeps them in.

    Returns
    -------
    str
        ``"real"`` or ``"sample"``.
    """
    folder = os.environ.get(DATA_VARIABLE, "")
    places = [Path(folder).expanduser() / name for name in names] if folder else []
    there = any(place.is_file() for place in places) or (keras_cache() / cached).exists()
    return "real" if there else "sample"


@functools.cache
def loaded(name: str, source: str) -> DataGenerator:
    """Return a data set, read once. Whoever takes it changes nothing in it.

    Parameters
    ----------
    name : str
        As in `DataGenerator.generate`.
    source : str
        ``"real"`` or ``"sample"``.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    data = DataGenerator(verbose=False)
    try:
        data.generate(name, source=source)
    except DatasetError as error:
        raise UserError(str(error)) from None
    return data


def noisy(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return images whose values differ by at most `NOISE` from those given.

    Parameters
    ----------
    images : numpy.ndarray of float32, values from -1 to 1
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of float32
    """
    return np.clip(images + rng.uniform(-NOISE, NOISE, images.shape).astype("float32"), -1, 1)


def moved(images: np.ndarray, rng: np.random.Generator, **border: Any) -> np.ndarray:
    """Return images moved by at most a pixel each way, and then as `noisy` has them.

    Parameters
    ----------
    images : numpy.ndarray of float32, shape [N, D_y, D_x, C], values from -1 to 1
    rng : numpy.random.Generator
    **border
        What comes in at the edge, as in `numpy.pad`.

    Returns
    -------
    numpy.ndarray of float32, shape [N, D_y, D_x, C]
    """
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), **border)
    height, width = images.shape[1:3]
    places = zip(*rng.integers(0, 3, (2, len(images))), strict=True)
    return noisy(np.stack([padded[k, d : d + height, r : r + width] for k, (d, r) in enumerate(places)]), rng)
