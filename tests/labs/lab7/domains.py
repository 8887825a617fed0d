"""What lab 7 asks of its functions of arrays and rows, read off its text alone: what may come in, what may go wrong.

The mutation score (`benchmarks.mutation`) judges the checks by it, so nothing here comes from them. What is asked:

- ``minibatches``: one row or more, batches of any size, also larger than there are rows.
- ``compare_runs``: three seeds in common or more, in any order, with others among them; both alike, or differences
  that are never all the same.
- ``standardize``: two training rows or more, one new row or more, columns of any unit, of which some may be the same in
  all training rows.
- ``mse_and_gradient``: one row or more, one column or more, targets as a row or as a column.
- ``draw_folds``: two folds or more, and at least as many rows.
- ``average_probabilities``, ``majority_vote``, ``ensemble_gain``: probabilities of one network or more (two for a gain)
  for one image or more and two classes or more; weights of any sum, of which some may be 0.
- ``similarities``: one embedding or more on either side, of one number or more, of which some may be all zeros.
- ``threshold_for``: pairs that match and pairs that do not, the largest score among the first; rates from 0 to 1.

- ``fit_regression``: as `tests.labs.lab7.fits` has it.

One is missing. What is right of ``predict_prices`` is what it reaches on a table: a small change makes it a little
worse or better. Its faults are those of `autograder.labs.lab7.faults`.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checking import compare
from benchmarks.domain import Domain, Region, change_input, no_difference, one_of, raise_error
from tests.labs.lab7 import (
    fits,
    more_ways,
    ways,
    ways_of_ensembles,
    ways_of_fits,
    ways_of_pairs,
    ways_of_rows,
    ways_of_runs,
)

Rng = np.random.Generator
_MORE = (ways_of_runs, ways_of_ensembles, ways_of_pairs, ways_of_rows, ways_of_fits)


def _ways(function: str) -> dict[str, Callable]:
    found = dict(ways.WAYS[function])
    for module in _MORE:
        for name, way in vars(module).items():
            if name.startswith(f"{function}_"):
                found[name.removeprefix(f"{function}_").replace("_", " ")] = way
    return found


WAYS = more_ways.WAYS | {
    function: _ways(function)
    for function in (
        *("minibatches", "compare_runs", "mse_and_gradient", "draw_folds", "average_probabilities", "ensemble_gain"),
        *("similarities", "threshold_for", "fit_regression"),
    )
}
#: What the ways use: a changed one that misses its modules would be found for the wrong reason.
_AROUND = {
    name: value
    for module in (ways, more_ways, *_MORE)
    for name, value in vars(module).items()
    if inspect.ismodule(value)
} | {"mse_array": ways.mse_array}


def namespace(function: str, answer: Callable) -> dict[str, Any]:
    """Return the functions of a student, with one answer in its place and the modules that it uses around it."""
    return _AROUND | {function: answer}


# Standardizing.


def _draw_rows(rng: Rng) -> tuple:
    columns = int(one_of(rng, (1, 2, 3, 5, 13)))
    count, new = int(one_of(rng, (2, 3, 10, 50))), int(one_of(rng, (1, 1, 2, 7, 50)))
    center = one_of(rng, (0, 0, 300, -50)) * rng.uniform(0.5, 1, columns)
    size = one_of(rng, (1, 0.01, 40)) * rng.uniform(0.5, 2, columns)
    train = rng.normal(center, size, (count, columns))
    rows = rng.normal(center + one_of(rng, (0, 1)) * size, size, (new, columns))
    for d in np.flatnonzero(rng.random(columns) < one_of(rng, (0, 0, 0.4, 1))):
        train[:, d] = one_of(rng, (0.0, 1.0, -3.0, 12.0))
        rows[:, d] = train[0, d] + one_of(rng, (0.0, 0.0, 2.0)) * rng.normal(size=new)
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
    "raises an error": raise_error,
    "changes its input": change_input,
}

# Votes.


def _draw_votes(rng: Rng) -> tuple:
    members, images, classes = (int(one_of(rng, some)) for some in ((1, 2, 3, 4, 5, 8), (1, 2, 9, 30), (2, 3, 4, 10)))
    logits = one_of(rng, (0.3, 2, 6)) * rng.normal(size=(members, images, classes))
    if rng.random() < 0.3:
        logits += 2 * rng.normal(size=(1, images, classes))
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return (p.astype(one_of(rng, ("float32", "float64"))),)


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
    "raises an error": raise_error,
    "changes its input": change_input,
}

# Batches.


class Dice(np.random.Generator):
    """A generator that may be drawn from: whoever does so has not changed an argument. It knows its last copy."""

    last: Dice | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dice)

    __hash__ = np.random.Generator.__hash__

    def __deepcopy__(self, memo: dict) -> Dice:
        self.last = Dice(copy.deepcopy(self.bit_generator, memo))
        return self.last

    def was_drawn_from(self) -> bool:
        """Return whether a number came out of the last copy."""
        return self.last is None or self.last.bit_generator.state != self.bit_generator.state


def _draw_batches(rng: Rng) -> tuple:
    size = int(one_of(rng, (1, 2, 3, 8, 20)))
    n = int(one_of(rng, (size, size * 3, size * 5, int(rng.integers(1, 70)), max(1, size - 1))))
    return n, size, Dice(np.random.PCG64(int(rng.integers(2**31))))


def _batches(n: int, size: int, rng: Rng) -> list[np.ndarray]:
    rows = rng.permutation(n)
    return [rows[k : k + size] for k in range(0, n, size)]


def _rows_of(value: Any) -> list[np.ndarray] | None:
    """Return parts of rows as arrays of numbers; None where they are none."""
    if not isinstance(value, (list, tuple, np.ndarray)) or len(value) == 0:
        return None
    parts = [compare.array(part) for part in value]
    return None if any(part is None or part.ndim != 1 for part in parts) else parts


#: From so many rows on, an order that is that of the data was not drawn.
_MANY = 12


def _right_batches(value: Any, expected: Any, arguments: Sequence) -> bool:
    n, size, rng = arguments
    parts = _rows_of(value)
    if parts is None or [len(part) for part in parts] != [min(size, n - k) for k in range(0, n, size)]:
        return False
    rows = np.concatenate(parts)
    mixed = bool(np.any(np.diff(rows) < 0) and np.any(np.diff(rows) > 0))
    # Rows of a batch may be sorted, and then few batches hold many neighbors by chance.
    apart = n <= 3 * size or np.mean(np.abs(np.diff(rows)) == 1) < 0.6
    # All of the first half come first by chance in one shuffle of 184,756 where there are 20.
    halves = n >= 20 and np.max(rows[: n // 2]) < n // 2
    drawn = n < _MANY or n <= size or (mixed and apart and not halves and rng.was_drawn_from())
    whole = all(np.asarray(part).dtype.kind in "iu" for part in value)
    return drawn and whole and np.array_equal(np.sort(rows), np.arange(n))


_BATCH_REGIONS = {
    "one row per batch": Region("size", lambda n, size, rng: size == 1),
    "batches of 2 or 3": Region("size", lambda n, size, rng: size in (2, 3)),
    "large batches": Region("size", lambda n, size, rng: size > 3),
    "all batches are full": Region("rest", lambda n, size, rng: n % size == 0),
    "a smaller batch at the end": Region("rest", lambda n, size, rng: n % size > 0 and n > size),
    "one batch is enough": Region("rows", lambda n, size, rng: n <= size),
    "fewer rows than a batch": Region("rows", lambda n, size, rng: n < size),
    "many rows": Region("rows", lambda n, size, rng: n > 30),
}
_BATCH_WRONGS = {
    "drops the last batch": lambda value, arguments: value[:-1],
    "drops what is no full batch": lambda value, arguments: [one for one in value if len(one) == arguments[1]],
    "fills the last batch up": lambda value, arguments: [np.resize(one, arguments[1]) for one in value],
    "does not shuffle": lambda value, arguments: np.split(
        np.arange(arguments[0]), range(arguments[1], arguments[0], arguments[1])
    ),
    "draws with repetition": lambda value, arguments: [0 * one + one[0] for one in value],
    "counts from 1": lambda value, arguments: [one + 1 for one in value],
    "joins two batches": lambda value, arguments: [np.concatenate(value[:2]), *value[2:]],
    "gives a batch twice": lambda value, arguments: [*value, value[0]],
    "returns one array": lambda value, arguments: np.concatenate(value),
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
}

# Folds.


def _draw_split(rng: Rng) -> tuple:
    k = int(one_of(rng, (2, 3, 5, 10)))
    n = int(one_of(rng, (k, k + 1, 3 * k, int(rng.integers(k, 90)), 60)))
    return n, k, int(rng.integers(1000))


def _folds(n: int, k: int, seed: int) -> list[np.ndarray]:
    return np.array_split(np.random.default_rng(seed).permutation(n), k)


def _right_folds(value: Any, expected: Any, arguments: Sequence) -> bool:
    n, k, seed = arguments
    parts = _rows_of(value)
    if parts is None or len(parts) != k or max(map(len, parts)) - min(map(len, parts)) > 1:
        return False
    if not np.array_equal(np.sort(np.concatenate(parts)), np.arange(n)):
        return False
    fold = np.empty(n)
    for number, part in enumerate(parts):
        fold[part.astype(int)] = number
    # Neither neighbors nor every k-th row: both are rows in the order of the table.
    in_order = np.all(np.diff(fold) >= 0) or np.array_equal(fold, np.arange(n) % k)
    # Nor what another seed draws.
    of_another = seed > 0 and all(map(np.array_equal, parts, _folds(n, k, 0)))
    return n < _MANY or k > n / 2 or not (in_order or of_another)


_FOLD_REGIONS = {
    "two folds": Region("folds", lambda n, k, seed: k == 2),
    "ten folds": Region("folds", lambda n, k, seed: k == 10),
    "a row per fold": Region("rows", lambda n, k, seed: n == k),
    "few rows": Region("rows", lambda n, k, seed: n < 12),
    "many rows": Region("rows", lambda n, k, seed: n > 40),
    "folds of one size": Region("rest", lambda n, k, seed: n % k == 0),
    "a rest": Region("rest", lambda n, k, seed: n % k > 0),
    "a rest of one row": Region("rest", lambda n, k, seed: n % k == 1),
}
_FOLD_WRONGS = {
    "drops the rest": lambda value, a: [one[: a[0] // a[1]] for one in value] if a[0] % a[1] else value[:-1],
    "puts a row into two folds": lambda value, a: [np.append(value[0], value[1][0]), *value[1:]],
    "overlaps": lambda value, a: [value[0][: len(one)] for one in value],
    "drops a fold": lambda value, a: value[1:],
    "joins two folds": lambda value, a: [np.concatenate(value[:2]), *value[2:]],
    "returns training rows": lambda value, a: [np.setdiff1d(np.arange(a[0] + 1), one) for one in value],
    "counts from 1": lambda value, a: [one + 1 for one in value],
    "returns one array": lambda value, a: np.concatenate(value),
    "returns nothing": lambda value, a: None,
    "raises an error": raise_error,
}

# Runs.


def _draw_runs(rng: Rng) -> tuple:
    count = int(one_of(rng, (3, 4, 5, 6, 10, 20)))
    seeds = rng.permutation(200)[:count].astype("float64")
    b = rng.uniform(0.1, 0.9, count)
    a = b + one_of(rng, (0.0, 0.003, 0.02, 0.3, -0.01, -0.05)) + rng.normal(0, one_of(rng, (0.002, 0.02)), count)
    if rng.random() < 0.15:
        a = b.copy()
    runs_a, runs_b = np.column_stack([seeds, a]), np.column_stack([seeds, b])
    for others, runs in ((300, "a"), (600, "b")):
        more = int(one_of(rng, (0, 0, 1, 3)))
        alone = np.column_stack([others + rng.permutation(200)[:more], rng.uniform(0.1, 0.9, more)])
        if runs == "a":
            runs_a = np.vstack([runs_a, alone])
        else:
            runs_b = np.vstack([runs_b, alone])
    if rng.random() < 0.6:
        runs_a, runs_b = rng.permutation(runs_a), rng.permutation(runs_b)
    if _near_the_level(runs_a, runs_b):
        return _draw_runs(rng)
    return runs_a, runs_b


def _gaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    other = {int(seed): score for seed, score in b}
    return np.array([score - other[int(seed)] for seed, score in a if int(seed) in other])


def _near_the_level(a: np.ndarray, b: np.ndarray) -> bool:
    return abs(_compared(a, b)[2] - 0.05) < 1e-4


def _compared(a: np.ndarray, b: np.ndarray) -> tuple:
    from scipy import special

    d = _gaps(a, b)
    if not d.any():
        return 0.0, 0.0, 1.0, 0
    n, mean = len(d), d.sum() / len(d)
    t = mean / np.sqrt(((d - mean) ** 2).sum() / (n - 1) / n)
    p = 2 * special.stdtr(n - 1, -abs(t))
    return mean, t, p, (1 if mean > 0 else -1) if p < 0.05 else 0


def _with_t(factor: Callable) -> Callable:
    def wrong(value: Any, arguments: Sequence) -> tuple:
        from scipy import special

        d = _gaps(*arguments)
        t = value[1] * factor(d)
        return value[0], t, 2 * special.stdtr(len(d) - 1, -abs(t)), value[3]

    return wrong


def _same_rows(value: Any, arguments: Sequence) -> tuple:
    a, b = (one.copy() for one in arguments)
    count = min(len(a), len(b))
    a[:, 0], b[:, 0] = np.arange(len(a)), np.arange(len(b))
    return _compared(a[:count], b[:count])


def _both_ways(a: np.ndarray, b: np.ndarray) -> tuple[set, set]:
    return set(a[:, 0].tolist()), set(b[:, 0].tolist())


_RUN_REGIONS = {
    "three seeds": Region("seeds", lambda a, b: len(_gaps(a, b)) == 3),
    "many seeds": Region("seeds", lambda a, b: len(_gaps(a, b)) > 5),
    "a has a seed alone": Region("others", lambda a, b: bool(set.difference(*_both_ways(a, b)))),
    "b has a seed alone": Region("others", lambda a, b: bool(set.difference(*_both_ways(a, b)[::-1]))),
    "the same seeds in the same order": Region("others", lambda a, b: np.array_equal(a[:, 0], b[:, 0])),
    "the same seeds in another order": Region(
        "others", lambda a, b: len(a) == len(b) == len(_gaps(a, b)) and not np.array_equal(a[:, 0], b[:, 0])
    ),
    "a is better": Region("better", lambda a, b: _compared(a, b)[3] == 1),
    "b is better": Region("better", lambda a, b: _compared(a, b)[3] == -1),
    "nobody can tell": Region("better", lambda a, b: _compared(a, b)[3] == 0 and _gaps(a, b).any()),
    "both are alike": Region("better", lambda a, b: not _gaps(a, b).any(), alone=True),
}
_RUN_WRONGS = {
    "takes b less a": lambda value, arguments: (-value[0], -value[1], value[2], -value[3]),
    "divides by the deviation": _with_t(lambda d: 1 / np.sqrt(len(d))),
    "has n in the variance": _with_t(lambda d: np.sqrt(len(d) / (len(d) - 1))),
    "takes one tail": lambda value, arguments: (*value[:2], value[2] / 2, value[3]),
    "takes the other tail": lambda value, arguments: (*value[:2], 1 - value[2], value[3]),
    "pairs by rows": _same_rows,
    "always names one": lambda value, arguments: (*value[:3], 1 if value[0] > 0 else -1),
    "never names one": lambda value, arguments: (*value[:3], 0),
    "names the other one": lambda value, arguments: (*value[:3], -value[3]),
    "has no sign in t": lambda value, arguments: (value[0], abs(value[1]), *value[2:]),
    "returns percent": lambda value, arguments: (100 * value[0], *value[1:]),
    "leaves out who is better": lambda value, arguments: value[:3],
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}

# An error with its gradient.


def _draw_errors(rng: Rng) -> tuple:
    rows, columns = int(one_of(rng, (1, 2, 3, 8, 40))), int(one_of(rng, (1, 1, 2, 4, 7)))
    x = rng.normal(one_of(rng, (0, 0, 4, -2)), one_of(rng, (0.3, 1, 5)), (rows, columns))
    w = rng.normal(one_of(rng, (0, 2)), 1, columns + 1) * one_of(rng, (0, 1, 1, 3))
    y = rng.normal(one_of(rng, (0, 5, -30)), one_of(rng, (1, 9)), rows)
    if rng.random() < 0.4:
        y = y[:, None]
    kind = one_of(rng, ("float64", "float64", "float32"))
    return w.astype(kind), x.astype(kind), y.astype(kind)


def _loss_and_gradient(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    inputs = np.column_stack([x.astype("float64"), np.ones(len(x))])
    off = inputs @ w.astype("float64") - y.astype("float64").ravel()
    return float(off @ off) / len(x), 2 * off @ inputs / len(x)


def _same_parts(value: Any, expected: tuple, arguments: Sequence) -> bool:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return False
    loss, gradient = map(compare.array, value)
    if loss is None or gradient is None or loss.size != 1 or gradient.shape != expected[1].shape:
        return False
    return compare.difference(np.append(loss, gradient), np.append(*expected)) is None


def _every_row_with_every_row(value: Any, arguments: Sequence) -> tuple:
    w, x, y = arguments
    if y.ndim == 1:
        return value
    off = x @ w[:-1] + w[-1] - y
    return np.mean(off**2), value[1]


_ERROR_REGIONS = {
    "one row": Region("rows", lambda w, x, y: len(x) == 1),
    "two rows": Region("rows", lambda w, x, y: len(x) == 2),
    "many rows": Region("rows", lambda w, x, y: len(x) > 7),
    "one column": Region("columns", lambda w, x, y: x.shape[1] == 1),
    "two columns": Region("columns", lambda w, x, y: x.shape[1] == 2),
    "many columns": Region("columns", lambda w, x, y: x.shape[1] > 3),
    "as many rows as columns": Region("columns", lambda w, x, y: x.shape[0] == x.shape[1]),
    "a row of targets": Region("target", lambda w, x, y: y.ndim == 1),
    "a column of targets": Region("target", lambda w, x, y: y.ndim == 2),
    "weights of 0": Region("weights", lambda w, x, y: not w.any()),
    "an intercept below 0": Region("weights", lambda w, x, y: w[-1] < 0),
    "large targets": Region("values", lambda w, x, y: np.abs(y).max() > 20),
    "float32": Region("type", lambda w, x, y: w.dtype == np.float32),
    "float64": Region("type", lambda w, x, y: w.dtype == np.float64),
}
_ERROR_WRONGS = {
    "returns half": lambda value, arguments: (value[0] / 2, value[1] / 2),
    "returns half of the gradient": lambda value, arguments: (value[0], value[1] / 2),
    "returns the root": lambda value, arguments: (np.sqrt(value[0]), value[1]),
    "sums": lambda value, arguments: (len(arguments[1]) * value[0], len(arguments[1]) * value[1]),
    "sums the gradient": lambda value, arguments: (value[0], len(arguments[1]) * value[1]),
    "reverses the gradient": lambda value, arguments: (value[0], -value[1]),
    "forgets the intercept": lambda value, arguments: (value[0], np.append(value[1][:-1], 0)),
    "has the intercept first": lambda value, arguments: (value[0], np.roll(value[1], 1)),
    "leaves the intercept out": lambda value, arguments: (value[0], value[1][:-1]),
    "broadcasts": _every_row_with_every_row,
    "adds 1 %": lambda value, arguments: (1.01 * value[0], value[1]),
    "returns the gradient first": lambda value, arguments: value[::-1],
    "returns the loss alone": lambda value, arguments: value[0],
    "returns one vector": lambda value, arguments: np.append(*value),
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}

# Averages.


def _probabilities(rng: Rng, least: int = 1) -> np.ndarray:
    members = int(one_of(rng, (least, 2, 3, 6)))
    images, classes = (int(one_of(rng, some)) for some in ((1, 2, 9, 30), (2, 3, 10)))
    logits = one_of(rng, (0.3, 2, 6)) * rng.normal(size=(members, images, classes))
    if rng.random() < 0.3:
        logits += 3 * rng.normal(size=(1, images, classes))
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return p.astype(one_of(rng, ("float32", "float64")))


def _draw_average(rng: Rng) -> tuple:
    p = _probabilities(rng)
    weights = rng.uniform(0.1, 1, len(p)) * one_of(rng, (0.01, 1, 40))
    if rng.random() < 0.25:
        weights = np.full(len(p), one_of(rng, (1.0, 0.2, 1 / len(p))))
    if rng.random() < 0.3 and len(p) > 1:
        weights[int(rng.integers(len(p)))] = 0.0
    return p, weights


def _averaged(p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.einsum("mnk,m->nk", p.astype("float64"), weights / weights.sum())


_AVERAGE_REGIONS = {
    "one network": Region("members", lambda p, w: len(p) == 1),
    "two networks": Region("members", lambda p, w: len(p) == 2),
    "many networks": Region("members", lambda p, w: len(p) > 3),
    "one image": Region("images", lambda p, w: p.shape[1] == 1),
    "several images": Region("images", lambda p, w: p.shape[1] > 1),
    "as many images as networks": Region("images", lambda p, w: p.shape[0] == p.shape[1]),
    "two classes": Region("classes", lambda p, w: p.shape[2] == 2),
    "ten classes": Region("classes", lambda p, w: p.shape[2] == 10),
    "equal weights": Region("weights", lambda p, w: np.ptp(w) == 0),
    "weights that differ": Region("weights", lambda p, w: np.ptp(w) > 0),
    "a weight of 0": Region("weights", lambda p, w: (w == 0).any()),
    "weights that add up to 1": Region("sum", lambda p, w: abs(w.sum() - 1) < 1e-9),
    "small weights": Region("sum", lambda p, w: w.sum() < 0.1),
    "large weights": Region("sum", lambda p, w: w.sum() > 5),
    "float32": Region("type", lambda p, w: p.dtype == np.float32),
    "float64": Region("type", lambda p, w: p.dtype == np.float64),
}
_AVERAGE_WRONGS = {
    "forgets the weights": lambda value, a: a[0].mean(axis=0),
    "does not divide": lambda value, a: value * a[1].sum(),
    "divides by the number": lambda value, a: value * a[1].sum() / len(a[1]),
    "turns the weights around": lambda value, a: _averaged(a[0], a[1][::-1]),
    "asks the first network": lambda value, a: a[0][0],
    "asks the last network": lambda value, a: a[0][-1],
    "averages votes": lambda value, a: _averaged(np.eye(a[0].shape[2])[a[0].argmax(axis=2)], a[1]),
    "averages logarithms": lambda value, a: np.exp(_averaged(np.log(a[0].astype("float64")), a[1])),
    "returns classes": lambda value, a: value.argmax(axis=1),
    "reverses the classes": lambda value, a: value[:, ::-1],
    "rounds": lambda value, a: np.round(value, 2),
    "returns the columns": lambda value, a: value.T if value.shape[0] != value.shape[1] else value + 1,
    "returns nothing": lambda value, a: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}

# Gains.


def _draw_gain(rng: Rng) -> tuple:
    p = _probabilities(rng, 2)
    # The last bit of float32 must not decide which class the average is for.
    while np.diff(np.sort(p.mean(axis=0, dtype="float64"), axis=-1)[:, -2:]).min() < 1e-5:
        p = _probabilities(rng, 2)
    y = np.where(
        rng.random(p.shape[1]) < one_of(rng, (0, 0.5, 0.9, 1)),
        p.mean(axis=0).argmax(axis=1),
        rng.integers(0, p.shape[2], p.shape[1]),
    )
    return p, y


def _gained(p: np.ndarray, y: np.ndarray) -> tuple:
    p, m = p.astype("float64"), len(p)
    said, blend = p.argmax(axis=2), p.mean(axis=0)
    joint = np.mean(blend.argmax(axis=1) == y)
    differ = [np.mean(said[i] != said[j]) for i in range(m) for j in range(i)]
    return np.mean(said == y), joint, sum(differ) / len(differ), blend.max(axis=1).mean() - joint


def _with_part(place: int, part: Callable) -> Callable:
    def wrong(value: Any, arguments: Sequence) -> tuple:
        p = arguments[0].astype("float64")
        return (*value[:place], part(value, p, p.argmax(axis=2), arguments[1]), *value[place + 1 :])

    return wrong


_GAIN_REGIONS = {
    "two networks": Region("members", lambda p, y: len(p) == 2),
    "three networks": Region("members", lambda p, y: len(p) == 3),
    "many networks": Region("members", lambda p, y: len(p) > 3),
    "one image": Region("images", lambda p, y: p.shape[1] == 1),
    "many images": Region("images", lambda p, y: p.shape[1] > 8),
    "two classes": Region("classes", lambda p, y: p.shape[2] == 2),
    "ten classes": Region("classes", lambda p, y: p.shape[2] == 10),
    "the average is always right": Region("right", lambda p, y: _gained(p, y)[1] == 1),
    "the average errs": Region("right", lambda p, y: _gained(p, y)[1] < 1),
    "the average is too sure": Region("sure", lambda p, y: _gained(p, y)[3] > 0.05),
    "the average is too unsure": Region("sure", lambda p, y: _gained(p, y)[3] < -0.05),
    "all agree": Region("disagreement", lambda p, y: _gained(p, y)[2] == 0),
    "some disagree": Region("disagreement", lambda p, y: _gained(p, y)[2] > 0),
    "float32": Region("type", lambda p, y: p.dtype == np.float32),
    "float64": Region("type", lambda p, y: p.dtype == np.float64),
}
_GAIN_WRONGS = {
    "takes the best network": _with_part(0, lambda v, p, said, y: (said == y).mean(axis=1).max()),
    "takes the first network": _with_part(0, lambda v, p, said, y: (said[0] == y).mean()),
    "returns errors": lambda value, a: (1 - value[0], 1 - value[1], *value[2:]),
    "counts votes": _with_part(1, lambda v, p, said, y: np.mean(_votes(p).argmax(axis=1) == y)),
    "takes the members for the average": _with_part(1, lambda v, p, said, y: v[0] - 0.01),
    "counts where any differs": _with_part(2, lambda v, p, said, y: (said != said[0]).any(axis=0).mean()),
    "counts who is right": _with_part(
        2, lambda v, p, said, y: np.mean([np.mean((a == y) != (b == y)) for a in said for b in said])
    ),
    "counts pairs of one network too": _with_part(2, lambda v, p, said, y: v[2] * (len(p) - 1) / len(p)),
    "returns agreement": _with_part(2, lambda v, p, said, y: 1 - v[2]),
    "turns the sign around": _with_part(3, lambda v, p, said, y: -v[3]),
    "asks how sure the members are": _with_part(3, lambda v, p, said, y: p.max(axis=2).mean() - v[0]),
    "does not subtract": _with_part(3, lambda v, p, said, y: v[3] + v[1]),
    "leaves the last out": lambda value, a: value[:3],
    "returns nothing": lambda value, a: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}

# Similarities.


def _draw_embeddings(rng: Rng) -> tuple:
    length = int(one_of(rng, (1, 2, 3, 8, 64)))
    kind = one_of(rng, ("float64", "float32"))
    found = []
    for _ in range(2):
        one = rng.normal(one_of(rng, (0, 0, 1)), one_of(rng, (0.05, 1, 30)), (int(one_of(rng, (1, 2, 5, 12))), length))
        if rng.random() < 0.3:
            one[rng.random(len(one)) < 0.5] = 0
        found.append(one.astype(kind))
    return tuple(found)


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype("float64"), b.astype("float64")
    found = np.zeros((len(a), len(b)))
    for i, j in np.ndindex(*found.shape):
        lengths = np.sqrt((a[i] @ a[i]) * (b[j] @ b[j]))
        found[i, j] = a[i] @ b[j] / lengths if lengths else 0
    return found


def _zero(x: np.ndarray) -> bool:
    return bool((~x.any(axis=1)).any())


_SIMILAR_REGIONS = {
    "one with one": Region("counts", lambda a, b: len(a) == len(b) == 1),
    "one with several": Region("counts", lambda a, b: len(a) == 1 < len(b)),
    "as many of both": Region("counts", lambda a, b: len(a) == len(b) > 1),
    "more of the first": Region("counts", lambda a, b: len(a) > len(b)),
    "more of the second": Region("counts", lambda a, b: len(a) < len(b)),
    "one number each": Region("length", lambda a, b: a.shape[1] == 1),
    "two numbers each": Region("length", lambda a, b: a.shape[1] == 2),
    "long embeddings": Region("length", lambda a, b: a.shape[1] > 7),
    "zeros in the first": Region("zeros", lambda a, b: _zero(a)),
    "zeros in the second": Region("zeros", lambda a, b: _zero(b)),
    "no zeros": Region("zeros", lambda a, b: not _zero(a) and not _zero(b)),
    "large numbers": Region("values", lambda a, b: np.abs(a).max() > 20),
    "small numbers": Region("values", lambda a, b: np.abs(a).max() < 0.3),
    "float32": Region("type", lambda a, b: a.dtype == np.float32),
    "float64": Region("type", lambda a, b: a.dtype == np.float64),
}
_SIMILAR_WRONGS = {
    "forgets the lengths": lambda value, a: a[0] @ a[1].T,
    "divides by one length": lambda value, a: value * np.linalg.norm(a[1], axis=1),
    "divides by the squares": lambda value, a: value / (1e-9 + np.linalg.norm(a[1], axis=1)),
    "returns distances": lambda value, a: 1 - value,
    "takes absolute values": lambda value, a: np.abs(value) + 1e-3,
    "returns angles": lambda value, a: np.arccos(np.clip(value, -1, 1)),
    "gives 1 for zeros": lambda value, a: value + ~np.outer(a[0].any(axis=1), a[1].any(axis=1)),
    "gives no number for zeros": lambda value, a: np.where(np.outer(a[0].any(axis=1), a[1].any(axis=1)), value, np.nan),
    "subtracts the means": lambda value, a: _cosines(*(x - x.mean(axis=1, keepdims=True) for x in a)),
    "returns the other order": lambda value, a: value.T if value.shape[0] != value.shape[1] else value.T + 0.01,
    "compares each with its own": lambda value, a: np.diag(value),
    "rounds": lambda value, a: np.round(value, 2),
    "returns nothing": lambda value, a: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}

# Thresholds.


def _draw_pairs(rng: Rng) -> tuple:
    count = int(one_of(rng, (2, 3, 6, 20, 80)))
    same = (rng.random(count) < one_of(rng, (0.3, 0.5, 0.8))).astype(int)
    scores = rng.normal(0, 1, count) + one_of(rng, (0, 1, 5)) * same
    if rng.random() < 0.4:
        scores = np.round(scores)
    same[:2] = 0, 1
    scores[1] = scores.max() + 1
    order = rng.permutation(count)
    scores, same = (scores * one_of(rng, (1, 0.1)) + one_of(rng, (0, 0, -5)))[order], same[order]
    rate = float(one_of(rng, (0, 1, 0.25, 0.5, rng.uniform(0, 1), rng.uniform(0, 0.2))))
    # Where the rate is no part that rounding can miss.
    part = rate * np.sum(same == 0)
    return (scores, same, rate) if abs(part - round(part)) > 1e-6 or 4 * rate % 1 == 0 else _draw_pairs(rng)


def _threshold(scores: np.ndarray, same: np.ndarray, rate: float) -> float:
    others = scores[same == 0]
    fitting = [one for one in np.unique(scores) if np.count_nonzero(others >= one) <= rate * len(others) + 1e-9]
    return float(fitting[0])


def _other_threshold(part: Callable) -> Callable:
    def wrong(value: Any, arguments: Sequence) -> float:
        scores, same, rate = arguments
        return float(min([one for one in scores if part(scores, same, one) <= rate], default=scores.max()))

    return wrong


_THRESHOLD_REGIONS = {
    "two pairs": Region("pairs", lambda s, m, r: len(s) == 2),
    "few pairs": Region("pairs", lambda s, m, r: len(s) < 7),
    "many pairs": Region("pairs", lambda s, m, r: len(s) > 10),
    "scores that are the same": Region("ties", lambda s, m, r: len(np.unique(s)) < len(s)),
    "scores that all differ": Region("ties", lambda s, m, r: len(np.unique(s)) == len(s)),
    "a rate of 0": Region("rate", lambda s, m, r: r == 0),
    "a small rate": Region("rate", lambda s, m, r: 0 < r < 0.2),
    "a rate of 1": Region("rate", lambda s, m, r: r == 1),
    "a rate that is exactly met": Region("rate", lambda s, m, r: 0 < r < 1 and r * np.sum(m == 0) % 1 == 0),
    "all scores below 0": Region("values", lambda s, m, r: s.max() < 0),
    "most do not match": Region("matches", lambda s, m, r: m.mean() < 0.4),
    "most match": Region("matches", lambda s, m, r: m.mean() > 0.6),
    "both are far apart": Region("apart", lambda s, m, r: s[m == 1].min() > s[m == 0].max()),
    "both overlap": Region("apart", lambda s, m, r: s[m == 1].min() < s[m == 0].max()),
}
_THRESHOLD_WRONGS = {
    "accepts above alone": _other_threshold(lambda s, m, one: np.mean(s[m == 0] > one)),
    "counts a part of all pairs": _other_threshold(lambda s, m, one: np.mean((s >= one) & (m == 0))),
    "counts who matches": _other_threshold(lambda s, m, one: np.mean(s[m == 1] >= one)),
    "counts who is rejected": _other_threshold(lambda s, m, one: np.mean(s[m == 0] < one)),
    "takes the quantile": lambda value, a: np.quantile(a[0][a[1] == 0], 1 - a[2]) + 1e-3,
    "takes the largest score": lambda value, a: a[0].max(),
    "takes the smallest score": lambda value, a: a[0].min(),
    "takes the next score": lambda value, a: a[0][a[0] > value].min() if (a[0] > value).any() else value + 1,
    "takes the score before": lambda value, a: a[0][a[0] < value].max() if (a[0] < value).any() else value - 1,
    "adds a little": lambda value, a: value + 0.01,
    "returns the place": lambda value, a: int(np.flatnonzero(a[0] == value)[0]) + 0.5,
    "returns the rate": lambda value, a: a[2] + 0.01,
    "returns nothing": lambda value, a: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}

DOMAINS = {
    "minibatches": Domain(_draw_batches, _batches, _right_batches, _BATCH_REGIONS, _BATCH_WRONGS),
    "compare_runs": Domain(_draw_runs, _compared, no_difference, _RUN_REGIONS, _RUN_WRONGS),
    "standardize": Domain(_draw_rows, _scaled, no_difference, _ROW_REGIONS, _ROW_WRONGS),
    "mse_and_gradient": Domain(_draw_errors, _loss_and_gradient, _same_parts, _ERROR_REGIONS, _ERROR_WRONGS),
    "draw_folds": Domain(_draw_split, _folds, _right_folds, _FOLD_REGIONS, _FOLD_WRONGS),
    "average_probabilities": Domain(_draw_average, _averaged, no_difference, _AVERAGE_REGIONS, _AVERAGE_WRONGS),
    "majority_vote": Domain(_draw_votes, _voted, no_difference, _VOTE_REGIONS, _VOTE_WRONGS),
    "ensemble_gain": Domain(_draw_gain, _gained, no_difference, _GAIN_REGIONS, _GAIN_WRONGS),
    "similarities": Domain(_draw_embeddings, _cosines, no_difference, _SIMILAR_REGIONS, _SIMILAR_WRONGS),
    "threshold_for": Domain(_draw_pairs, _threshold, no_difference, _THRESHOLD_REGIONS, _THRESHOLD_WRONGS),
    "fit_regression": fits.DOMAIN,
}
