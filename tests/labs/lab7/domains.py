"""What lab 7 asks of two of its functions of arrays, read off its text alone: what may come in, and what may go wrong.

The mutation score (`benchmarks.mutation`) judges the checks by it, so nothing here comes from them. What is asked:

- ``standardize``: two training rows or more, one new row or more, columns of any unit, of which some may be the same in
  all training rows.
- ``majority_vote``: probabilities of one network or more for one image or more and two classes or more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checking import compare
from benchmarks.domain import Domain, Region
from tests.labs.lab7.more_ways import WAYS as WAYS

Rng = np.random.Generator


def namespace(function: str, answer: Callable) -> dict[str, Any]:
    """Return the functions of a student, with one answer in its place."""
    return {function: answer}


def _one_of(rng: Rng, values: Sequence) -> Any:
    return values[int(rng.integers(len(values)))]


def _raise(value: Any, arguments: Sequence) -> None:
    raise ValueError("no answer")


def _changes_input(value: Any, arguments: Sequence) -> Any:
    arguments[0][...] = 0
    return value


def _same(value: Any, expected: np.ndarray, arguments: Sequence) -> bool:
    return compare.difference(value, expected) is None


# Standardizing.


def _draw_rows(rng: Rng) -> tuple:
    columns = int(_one_of(rng, (1, 2, 3, 5, 13)))
    count, new = int(_one_of(rng, (2, 3, 10, 50))), int(_one_of(rng, (1, 1, 2, 7, 50)))
    center = _one_of(rng, (0, 0, 300, -50)) * rng.uniform(0.5, 1, columns)
    size = _one_of(rng, (1, 0.01, 40)) * rng.uniform(0.5, 2, columns)
    train = rng.normal(center, size, (count, columns))
    rows = rng.normal(center + _one_of(rng, (0, 1)) * size, size, (new, columns))
    for d in np.flatnonzero(rng.random(columns) < _one_of(rng, (0, 0, 0.4, 1))):
        train[:, d] = _one_of(rng, (0.0, 1.0, -3.0, 12.0))
        rows[:, d] = train[0, d] + _one_of(rng, (0.0, 0.0, 2.0)) * rng.normal(size=new)
    return train, rows


def _scaled(train: np.ndarray, rows: np.ndarray) -> np.ndarray:
    center = train.mean(axis=0)
    spread = np.sqrt(np.mean((train - center) ** 2, axis=0))
    return (rows - center) / np.where(train.max(axis=0) > train.min(axis=0), spread, 1.0)


def _constant(train: np.ndarray) -> np.ndarray:
    return np.ptp(train, axis=0) == 0


_ROW_REGIONS = {
    "one column": Region("columns", lambda t, x: t.shape[1] == 1),
    "several columns": Region("columns", lambda t, x: t.shape[1] > 1),
    "two training rows": Region("training rows", lambda t, x: len(t) == 2),
    "many training rows": Region("training rows", lambda t, x: len(t) > 9),
    "one new row": Region("new rows", lambda t, x: len(x) == 1),
    "several new rows": Region("new rows", lambda t, x: len(x) > 1),
    "more new rows than training rows": Region("new rows", lambda t, x: len(x) > len(t)),
    "no column is constant": Region("constant", lambda t, x: not _constant(t).any()),
    "a column is constant": Region("constant", lambda t, x: _constant(t).any()),
    "all columns are constant": Region("constant", lambda t, x: _constant(t).all()),
    "a constant column that varies later": Region("constant", lambda t, x: (x != t[:1])[:, _constant(t)].any()),
    "small values": Region("values", lambda t, x: np.abs(t).max() < 0.1),
    "large values": Region("values", lambda t, x: np.abs(t).max() > 100),
    "negative values": Region("values", lambda t, x: t.max() < 0),
}
_ROW_WRONGS = {
    "returns one more": lambda value, arguments: value + 1,
    "returns the rows": lambda value, arguments: arguments[1],
    "does not divide": lambda value, arguments: arguments[1] - arguments[0].mean(axis=0),
    "scales by the new rows": lambda value, arguments: _scaled(arguments[1], arguments[1]),
    "scales by all rows": lambda value, arguments: _scaled(np.vstack(arguments), arguments[1]),
    "cuts off": lambda value, arguments: np.clip(value, -0.5, 0.5),
    "takes absolute values": lambda value, arguments: np.abs(value),
    "rounds": lambda value, arguments: np.round(value, 2),
    "returns the first row alone": lambda value, arguments: np.repeat(value[:1], len(value), axis=0),
    "mirrors the columns": lambda value, arguments: value[:, ::-1],
    "returns nothing": lambda value, arguments: None,
    "raises an error": _raise,
    "changes its input": _changes_input,
}

# Votes.


def _draw_votes(rng: Rng) -> tuple:
    members, images, classes = (int(_one_of(rng, some)) for some in ((1, 2, 3, 4, 5, 8), (1, 2, 9, 30), (2, 3, 4, 10)))
    logits = _one_of(rng, (0.3, 2, 6)) * rng.normal(size=(members, images, classes))
    if rng.random() < 0.3:
        logits += 2 * rng.normal(size=(1, images, classes))
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return (p.astype(_one_of(rng, ("float32", "float64"))),)


def _votes(p: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(one, minlength=p.shape[2]) for one in p.argmax(axis=2).T])


def _voted(p: np.ndarray) -> np.ndarray:
    votes = _votes(p)
    return np.argmax(votes + p.astype("float64").mean(axis=0) / 2, axis=1).astype("float64")


def _tied(p: np.ndarray) -> np.ndarray:
    votes = np.sort(_votes(p), axis=1)
    return votes[:, -1] == votes[:, -2]


_VOTE_REGIONS = {
    "one network": Region("members", lambda p: len(p) == 1),
    "two networks": Region("members", lambda p: len(p) == 2),
    "an odd number of networks": Region("members", lambda p: len(p) % 2 == 1),
    "more than four networks": Region("members", lambda p: len(p) > 4),
    "one image": Region("images", lambda p: p.shape[1] == 1),
    "several images": Region("images", lambda p: p.shape[1] > 1),
    "two classes": Region("classes", lambda p: p.shape[2] == 2),
    "more than three classes": Region("classes", lambda p: p.shape[2] > 3),
    "no ties": Region("ties", lambda p: not _tied(p).any()),
    "a tie": Region("ties", lambda p: _tied(p).any()),
    "all are tied": Region("ties", lambda p: _tied(p).all()),
    "sure": Region("sure", lambda p: p.max(axis=2).min() > 0.5),
    "unsure": Region("sure", lambda p: p.max() < 0.7),
    "float32": Region("type", lambda p: p.dtype == np.float32),
    "float64": Region("type", lambda p: p.dtype == np.float64),
}
_VOTE_WRONGS = {
    "returns the next class": lambda value, arguments: (np.asarray(value) + 1) % arguments[0].shape[2],
    "returns one more": lambda value, arguments: np.asarray(value) + 1,
    "asks the first network": lambda value, arguments: arguments[0][0].argmax(axis=1),
    "asks the last network": lambda value, arguments: arguments[0][-1].argmax(axis=1),
    "averages": lambda value, arguments: arguments[0].mean(axis=0).argmax(axis=1),
    "gives ties to the first": lambda value, arguments: _votes(arguments[0]).argmax(axis=1),
    "returns the first image's": lambda value, arguments: np.full(len(value), value[0]),
    "reverses the images": lambda value, arguments: np.asarray(value)[::-1],
    "returns the least likely": lambda value, arguments: arguments[0].mean(axis=0).argmin(axis=1),
    "returns a column": lambda value, arguments: np.asarray(value)[:, None],
    "returns nothing": lambda value, arguments: None,
    "raises an error": _raise,
    "changes its input": _changes_input,
}

DOMAINS = {
    "standardize": Domain(_draw_rows, _scaled, _same, _ROW_REGIONS, _ROW_WRONGS),
    "majority_vote": Domain(_draw_votes, _voted, _same, _VOTE_REGIONS, _VOTE_WRONGS),
}
