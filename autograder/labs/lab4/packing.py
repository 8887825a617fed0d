"""Answers of several arrays as one vector, so that they are compared, and known faults looked for, in one go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def pack(*parts: Sequence[Any]) -> np.ndarray:
    """Return all numbers of some lists of arrays as one vector of float64, one after another.

    Examples
    --------
    >>> pack([np.ones((1, 2)), np.zeros(1)], [np.array([3.0])])
    array([1., 1., 0., 3.])
    """
    arrays = [np.asarray(one, dtype="float64").ravel() for part in parts for one in part]
    return np.concatenate([*arrays, np.zeros(0)])


def unpack(vector: np.ndarray, *likes: Sequence[np.ndarray]) -> tuple[list[np.ndarray], ...]:
    """Return a vector as lists of arrays of the shapes of other ones: the other way around.

    Parameters
    ----------
    vector : numpy.ndarray
    *likes : sequence of numpy.ndarray

    Examples
    --------
    >>> unpack(np.arange(3.0), [np.zeros((1, 2))], [np.zeros(1)])
    ([array([[0., 1.]])], [array([2.])])
    """
    found, start = [], 0
    for like in likes:
        part = []
        for one in like:
            count = math.prod(np.shape(one))
            part.append(np.reshape(vector[start : start + count], np.shape(one)))
            start += count
        found.append(part)
    return tuple(found)
