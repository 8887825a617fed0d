"""Whether rows were shuffled before they were cut into parts: what is left of their order in several draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: So much of the way from what a shuffle gives to parts of rows that follow each other, at the distance that is found
#: most often.
_MOST_REGULAR = 0.7
#: So many times the variance that the mean place of a row has after shuffles. It is that of chi-squared by its degrees
#: of freedom: with 40 rows less than one in a million shuffles goes beyond.
_MOST_BOUND = 2.6


def numbered(parts: Sequence[np.ndarray], n: int) -> np.ndarray:
    """Return in which part each row is.

    Parameters
    ----------
    parts : sequence of numpy.ndarray of int
        Numbers of rows, each in one part.
    n : int
        How many rows there are.

    Returns
    -------
    numpy.ndarray of int, shape [n]

    Examples
    --------
    >>> numbered([np.array([2, 0]), np.array([1])], 3).tolist()
    [0, 1, 0]
    """
    found = np.zeros(n, dtype=int)
    for number, rows in enumerate(parts):
        found[rows] = number
    return found


def not_shuffled(draws: np.ndarray) -> str | None:
    """Say what is left of the order of rows, over several draws that should be shuffled anew each.

    Parameters
    ----------
    draws : numpy.ndarray of int, shape [M, n]
        In which part each row is, by draw; several parts of two rows and more.

    Returns
    -------
    str or None
        A sentence. None where nothing is left, and where a shuffle may well leave as much.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> not_shuffled(np.array([rng.permutation(60) // 12 for _ in range(6)]))
    >>> not_shuffled(np.array([np.roll(np.arange(60), k) // 12 for k in (3, 29, 41)])).partition(":")[0]
    'Rows that are neighbors in the data mostly share a part'
    >>> not_shuffled(np.array([(np.arange(60) + k) % 5 for k in range(5)])).partition(":")[0]
    'Rows that are 5 apart in the data mostly share a part'
    """
    n = draws.shape[1]
    # Where as many are in each part in every draw, all rows of this are the same.
    sizes = np.array([np.bincount(one, minlength=draws.max() + 1) for one in draws])
    by_luck = float(np.mean(np.sum(sizes * (sizes - 1), axis=1)) / (n * (n - 1)))
    # What parts of rows that follow each other have.
    at_most = float(np.mean(np.sum(np.maximum(sizes - 1, 0), axis=1)) / n)
    apart = np.arange(1, n // 2 + 1)
    shared = np.array([[np.mean(one == np.roll(one, step)) for step in apart] for one in draws])
    if at_most and np.mean(shared.max(axis=1)) - by_luck > _MOST_REGULAR * (at_most - by_luck):
        steps = set(apart[shared.argmax(axis=1)].tolist())
        which = "neighbors" if steps == {1} else f"{steps.pop()} apart" if len(steps) == 1 else "at one distance"
        return f"Rows that are {which} in the data mostly share a part: draw the place of every row."
    spread = float(np.var(draws))
    if spread and np.var(draws.mean(axis=0)) * len(draws) > _MOST_BOUND * spread:
        return (
            "Which part a row comes to depends on where it stands in the data, in every draw: draw its place among all."
        )
    return None
