"""What ``fit_regression`` may be asked, read off the text of lab 7, and how close a fit must come.

What counts as asked: 40 to 200 rows, one column to six with mean 0 and deviation 1, correlated by up to about 0.8 or
not; targets in any unit, their mean up to ten deviations from 0, which a line explains nearly, in part or hardly; seeds
up to 100,000.

The text wants an error within 2 % of the least, and a thousandth of the variance. How close a descent in batches comes
is luck in part, so a fit counts as wrong where it misses that by as much again twice: of what lies between, one drawn
problem finds what another does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checking import compare
from benchmarks.domain import Domain, Region, change_input, one_of, raise_error

Rng = np.random.Generator
#: What draws by itself, and goes on from call to call; always the same in a run of the tests.
_OWN = np.random.default_rng(0)
_ABOVE, _OF_VARIANCE, _CLEARLY = 0.02, 1e-3, 3


def _column(rng: Rng, rows: int) -> np.ndarray:
    values = one_of(rng, (rng.normal, rng.normal, rng.random))(size=rows)
    return (values - values.mean()) / values.std()


def draw(rng: Rng) -> tuple[np.ndarray, np.ndarray, int]:
    """Return columns, targets and a seed."""
    rows = int(one_of(rng, (40, 40, 41, 64, int(rng.integers(40, 130)), 200)))
    columns = int(one_of(rng, (1, 2, 3, 4, 6)))
    common = one_of(rng, (0, 0.5, 1.5)) * rng.normal(size=rows)
    x = np.column_stack([_column(rng, rows) + common for _ in range(columns)])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    line = x @ (rng.uniform(0.3, 1.5, columns) * rng.choice([-1, 1], columns))
    y = line / line.std() + one_of(rng, (0.03, 0.5, 1.5)) * rng.normal(size=rows)
    y = (y - y.mean()) / y.std()
    width = float(one_of(rng, (1.0, 0.02, 9.0, 80.0)))
    center = width * one_of(rng, (0, 0, 2, -2, float(rng.uniform(-10, 10))))
    return x, width * y + center, int(one_of(rng, (0, 1, int(rng.integers(1000)), int(rng.integers(100_000)))))


def _with_ones(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x, np.ones(len(x))])


def solve(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Return the best weights."""
    return np.linalg.lstsq(_with_ones(x), y, rcond=None)[0]


def _error(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((_with_ones(x) @ w - y) ** 2))


def _close(value: Any, expected: np.ndarray, arguments: Sequence) -> bool:
    x, y, _ = arguments
    w = compare.array(value)
    if w is None or w.shape != expected.shape or not np.all(np.isfinite(w)):
        return False
    least = _error(expected, x, y)
    return _error(w, x, y) - least <= _CLEARLY * (_ABOVE * least + _OF_VARIANCE * np.var(y))


def _same(value: Any, other: Any) -> bool:
    one, two = compare.array(value), compare.array(other)
    return two is not None and one.shape == two.shape and np.allclose(one, two, rtol=1e-9, atol=1e-12)


def _explained(x: np.ndarray, y: np.ndarray) -> float:
    return 1 - _error(solve(x, y, 0), x, y) / np.var(y)


def _together(x: np.ndarray) -> float:
    """Return the mean correlation of different columns; no number where there is one column."""
    count = x.shape[1]
    if count == 1:
        return float("nan")
    return (np.corrcoef(x, rowvar=False).sum() - count) / (count * (count - 1))


REGIONS = {
    "40 rows": Region("rows", lambda x, y, seed: len(x) == 40),
    "some rows": Region("rows", lambda x, y, seed: 40 < len(x) < 100),
    "200 rows": Region("rows", lambda x, y, seed: len(x) == 200),
    "one column": Region("columns", lambda x, y, seed: x.shape[1] == 1),
    "two or three columns": Region("columns", lambda x, y, seed: 1 < x.shape[1] < 4),
    "six columns": Region("columns", lambda x, y, seed: x.shape[1] == 6),
    "the columns are correlated": Region("correlation", lambda x, y, seed: _together(x) > 0.25),
    "the columns are hardly correlated": Region("correlation", lambda x, y, seed: _together(x) < 0.1),
    "y is around 0": Region("mean of y", lambda x, y, seed: abs(y.mean()) < 0.1 * y.std()),
    "y has a mean above 0": Region("mean of y", lambda x, y, seed: y.mean() > 0.5 * y.std()),
    "y has a mean below 0": Region("mean of y", lambda x, y, seed: y.mean() < -0.5 * y.std()),
    "y is far from 0": Region("mean of y", lambda x, y, seed: abs(y.mean()) > 3 * y.std()),
    "y is small": Region("deviation of y", lambda x, y, seed: y.std() < 0.1),
    "y has a deviation of 1": Region("deviation of y", lambda x, y, seed: abs(y.std() - 1) < 1e-9),
    "y is large": Region("deviation of y", lambda x, y, seed: y.std() > 50),
    "a line explains nearly all": Region("explained", lambda x, y, seed: _explained(x, y) > 0.95),
    "a line explains a part": Region("explained", lambda x, y, seed: 0.6 < _explained(x, y) < 0.95),
    "a line explains little": Region("explained", lambda x, y, seed: _explained(x, y) < 0.5),
    "the seed is 0": Region("seed", lambda x, y, seed: seed == 0),
    "the seed is large": Region("seed", lambda x, y, seed: seed > 1000),
}


def _moved(part: float) -> Callable:
    def moved(value: np.ndarray, arguments: Sequence) -> np.ndarray:
        return value + part * arguments[1].std() * np.where(np.arange(len(value)) % 2, -1, 1)

    return moved


def _unseeded(value: np.ndarray, arguments: Sequence) -> np.ndarray:
    return value + 1e-4 * arguments[1].std() * _OWN.normal(size=len(value))


def _scaled(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return solve(x, (y - y.mean()) / y.std(), 0)


def _change_targets(value: np.ndarray, arguments: Sequence) -> np.ndarray:
    arguments[1][...] += 1
    return value


WRONGS = {
    "stops early": lambda value, a: 0.5 * value,
    "forgets the intercept": lambda value, a: np.append(value[:-1], 0),
    "forgets the slopes": lambda value, a: np.append(0 * value[:-1], value[-1]),
    "does not scale back": lambda value, a: _scaled(*a[:2]),
    "forgets the mean when it scales back": lambda value, a: _scaled(*a[:2]) * a[1].std(),
    "has the intercept first": lambda value, a: np.roll(value, 1),
    "leaves the intercept out": lambda value, a: value[:-1],
    "jumps around the best weights": _moved(0.4),
    "turns the signs around": lambda value, a: np.append(-value[:-1], value[-1]),
    "returns a column": lambda value, a: value[:, None],
    "returns zeros": lambda value, a: 0 * value,
    "diverges": lambda value, a: np.full(len(value), np.nan),
    "draws without the seed": _unseeded,
    "returns nothing": lambda value, a: None,
    "raises an error": raise_error,
    "changes x": change_input,
    "changes y": _change_targets,
}
DOMAIN = Domain(draw, solve, _close, REGIONS, WRONGS, slow=True, again=_same)
