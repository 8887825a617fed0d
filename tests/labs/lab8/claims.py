"""What ``gradient_check`` may be asked, read off the text of lab 8: functions, and gradients that are right or wrong.

What counts as asked: one number or more, on 1 to 4 axes, up to 100, float32 or float64, in C or in Fortran order, zeros
too; functions that are smooth, or have kinks no nearer than 0.0001, and whose value may be a thousand times as large as
their slopes; gradients whose largest entry is from 0.00001 to 10000, and of which single entries may be nearly 0. A
right one is right to six digits, a wrong one is off by 2.4 % of the largest entry or more: a right answer need not be
sharp at the 2 % of the text.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from benchmarks.domain import Domain, Region, one_of, raise_error

Rng = np.random.Generator
_NEAREST, _LEAST = 1e-4, 0.024


@dataclass(frozen=True, eq=False)
class Curve:
    """A function of an array, made of numbers. A copy of it is itself."""

    kind: str
    shape: tuple[int, ...]
    slopes: np.ndarray
    places: np.ndarray
    size: float
    level: float

    def __call__(self, v: Any) -> float:
        """Return the value at an array."""
        v = np.asarray(v, dtype="float64")
        if v.shape != self.shape:
            raise ValueError(f"an array of shape {self.shape} is expected, and not {v.shape}")
        return float(self.size * (self.level + self._parts(v.ravel())[0]))

    def __deepcopy__(self, memo: dict) -> Curve:
        return self

    def gradient(self, v: np.ndarray) -> np.ndarray:
        """Return the gradient at an array."""
        return self.size * self._parts(np.asarray(v, "float64").ravel())[1].reshape(self.shape)

    def _parts(self, v: np.ndarray) -> tuple[float, np.ndarray]:
        away = v - self.places
        if self.kind == "waves":
            return self.slopes @ np.sin(away), self.slopes * np.cos(away)
        if self.kind == "a parabola":
            return self.slopes @ v + away @ away / 8, self.slopes + away / 4
        if self.kind == "a softmax":
            return special.logsumexp(self.slopes * away), self.slopes * special.softmax(self.slopes * away)
        if self.kind == "ReLUs":
            return self.slopes @ np.maximum(away, 0), self.slopes * (away > 0)
        return self.slopes @ np.abs(away), self.slopes * np.sign(away)


def _sizes(rng: Rng) -> tuple[int, ...]:
    axes = int(rng.integers(1, 5))
    most = (90, 9, 5, 4)[axes - 1]
    return tuple(int(one_of(rng, (1, 2, 3, most, *rng.integers(1, most + 1, 2)))) for _ in range(axes))


def _point(rng: Rng, count: int) -> np.ndarray:
    kind = one_of(rng, ("both signs", "both signs", "negative", "positive", "small", "large", "zeros", "nothing"))
    x = rng.uniform(0.2, 3.0, count)
    if kind == "negative":
        return -x
    if kind == "positive":
        return x
    x *= rng.choice([-1, 1], count)
    factor = {"small": 0.003, "large": 30.0, "zeros": rng.choice([0.0, 1.0], count), "nothing": 0.0}
    return x * factor.get(kind, 1.0)


def _curve(rng: Rng, x: np.ndarray) -> Curve:
    count = x.size
    kind = one_of(rng, ("waves", "a parabola", "a softmax", "ReLUs", "absolutes"))
    slopes = rng.uniform(0.5, 2.0, count) * rng.choice([-1, 1], count)
    how = one_of(rng, ("all", "all", "one sign", "few", "one"))
    if how == "one sign":
        slopes = np.abs(slopes) * rng.choice([-1, 1])
    elif how == "few" and kind != "a parabola":
        slopes *= np.where(rng.random(count) < 0.5, 1e-8, 1.0)
    elif how == "one":
        slopes[rng.integers(count)] *= 20 if kind != "a softmax" else 2
    away = rng.choice([-1, 1], count) * one_of(
        rng, (rng.uniform(_NEAREST, 8 * _NEAREST, count), rng.uniform(_NEAREST, 1, count), rng.uniform(0.5, 1, count))
    )
    places = x.ravel().astype("float64") - away
    level = one_of(rng, (0.0, 0.0, 50.0, 1000.0))
    return Curve(kind, x.shape, slopes, places, float(one_of(rng, (1.0, 1.0, 1e-4, 3e3))), level)


def _wrong(rng: Rng, right: np.ndarray) -> np.ndarray:
    count, largest = right.size, np.abs(right).max()
    df = right.copy()
    place = int(one_of(rng, (0, count - 1, int(rng.integers(count)))))
    part = one_of(rng, (-1, 1)) * one_of(rng, (0.026, 0.05, 0.2, 1.0, 30.0))
    kind = one_of(rng, ("one", "one", "one", "two", "all", "factor", "opposite", "zeros", "turned"))
    if kind == "one":
        df.flat[place] += part * largest
    elif kind == "two":
        df.flat[place] += part * largest
        df.flat[(place + 1) % count] -= part * largest
    elif kind == "all":
        df += 0.2 * largest * rng.uniform(-1, 1, df.shape)
    elif kind == "factor":
        df *= one_of(rng, (0.1, 0.5, 0.95, 1.05, 2.0, 100.0))
    elif kind == "turned":
        df = np.ascontiguousarray(df.ravel()[::-1]).reshape(df.shape)
    else:
        df = -df if kind == "opposite" else 0 * df
    far = np.abs(df - right).max() >= _LEAST * max(largest, np.abs(df).max())
    return df if far else -right


def draw(rng: Rng) -> tuple[Curve, np.ndarray, np.ndarray]:
    """Return a function, a point, and a gradient that is right or wrong, each in half of all cases."""
    shape = _sizes(rng)
    x = _point(rng, math.prod(shape)).astype(one_of(rng, ("float32", "float64"))).reshape(shape)
    f = _curve(rng, x)
    right = f.gradient(x)
    if np.abs(right).max() < 0.05 * f.size:
        return draw(rng)
    if rng.random() < 0.5:
        df = right * (1 + one_of(rng, (0, 0, 4e-7)) * rng.uniform(-1, 1, shape))
        df = df.astype(one_of(rng, ("float64", "float64", "float32")))
    else:
        df = _wrong(rng, right)
    order = one_of(rng, ("C", "C", "F"))
    return f, np.array(x, order=order), np.array(df, order=order)


def _measured(f: Callable, x: np.ndarray) -> np.ndarray:
    return _measured_once(f, x.astype("float64").tobytes(), x.shape)


@functools.lru_cache(maxsize=4)
def _measured_once(f: Callable, numbers: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Measure what all regions look at."""
    point = np.frombuffer(numbers).reshape(shape).copy()
    found = np.zeros(shape)
    for place in np.ndindex(shape):
        kept, ends = point[place], []
        for step in (1e-5, -1e-5):
            point[place] = kept + step
            ends.append(f(point))
        point[place] = kept
        found[place] = (ends[0] - ends[1]) / 2e-5
    return found


def _errors(f: Callable, x: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Return how far off each entry is, as a part of the largest."""
    measured = _measured(f, x)
    return np.abs(measured - df) / max(np.abs(measured).max(), np.abs(df).max())


def solve(f: Callable, x: np.ndarray, df: np.ndarray) -> bool:
    """Return whether a gradient is right."""
    return bool(_errors(f, x, df).max() < 0.005)


def _same(value: Any, expected: bool, arguments: Sequence) -> bool:
    """Take True or False, as NumPy has them too, and nothing else."""
    return isinstance(value, (bool, np.bool_)) and bool(value) == expected


def _off(test: Callable[[np.ndarray], bool]) -> Callable[..., bool]:
    return lambda f, x, df: test(_errors(f, x, df).ravel() > 0.005)


def _is_near_a_kink(f: Callable, x: np.ndarray, df: np.ndarray) -> bool:
    point, step = x.astype("float64"), 1e-3
    here, bends = f(point), []
    for place in np.ndindex(x.shape):
        kept, ends = point[place], []
        for sign in (1, -1):
            point[place] = kept + sign * step
            ends.append(f(point))
        point[place] = kept
        bends.append(abs(ends[0] + ends[1] - 2 * here) / step)
    return max(bends) > 0.1 * np.abs(_measured(f, x)).max()


def _among(low: float, high: float = math.inf) -> Callable[..., bool]:
    return lambda f, x, df: low <= np.abs(_measured(f, x)).max() < high


def _points(test: Callable[[np.ndarray], bool]) -> Callable[..., bool]:
    return lambda f, x, df: test(x)


REGIONS = {
    "the gradient is right": Region("truth", solve),
    "the gradient is wrong": Region("truth", lambda f, x, df: not solve(f, x, df)),
    "one entry is wrong": Region("errors", _off(lambda off: off.sum() == 1)),
    "one of several entries is wrong": Region("errors", _off(lambda off: off.sum() == 1 < off.size)),
    "the first entry alone is wrong": Region("errors", _off(lambda off: off[0] and off.sum() == 1 < off.size)),
    "the last entry alone is wrong": Region("errors", _off(lambda off: off[-1] and off.sum() == 1 < off.size)),
    "all entries are wrong": Region("errors", _off(lambda off: bool(off.all()))),
    "the error is small": Region("size of the error", lambda f, x, df: 0.005 < _errors(f, x, df).max() < 0.06),
    "the error is large": Region("size of the error", lambda f, x, df: _errors(f, x, df).max() > 0.5),
    "df is zeros": Region("size of the error", lambda f, x, df: not df.any()),
    "df is float32": Region("type of df", lambda f, x, df: df.dtype == "float32"),
    **{f"x has {n} axes": Region("axes", lambda f, x, df, n=n: x.ndim == n) for n in (1, 2, 3, 4)},
    "x is one number": Region("size of x", _points(lambda x: x.size == 1)),
    "x is a few numbers": Region("size of x", _points(lambda x: 1 < x.size <= 8)),
    "x is many numbers": Region("size of x", _points(lambda x: x.size > 30)),
    "x is negative": Region("values of x", _points(lambda x: x.max() < 0)),
    "x is positive": Region("values of x", _points(lambda x: x.min() > 0)),
    "x is large": Region("values of x", _points(lambda x: np.abs(x).max() > 50)),
    "x is small": Region("values of x", _points(lambda x: 0 < np.abs(x).max() < 0.05)),
    "x holds zeros": Region("values of x", _points(lambda x: bool((x == 0).any()))),
    "x is zeros": Region("values of x", _points(lambda x: not x.any())),
    "x is float32": Region("type of x", _points(lambda x: x.dtype == "float32")),
    "x is float64": Region("type of x", _points(lambda x: x.dtype == "float64")),
    "x lies in Fortran order": Region("order", _points(lambda x: not x.flags.c_contiguous)),
    "a kink is near": Region("kinks", _is_near_a_kink),
    "no kink is near": Region("kinks", lambda f, x, df: not _is_near_a_kink(f, x, df)),
    "the gradient is small": Region("size of the gradient", _among(0, 1e-2)),
    "the gradient is large": Region("size of the gradient", _among(1e3)),
    "the gradient is neither small nor large": Region("size of the gradient", _among(0.1, 100)),
    "entries are nearly 0": Region(
        "entries", lambda f, x, df: bool((np.abs(m := _measured(f, x)) < 1e-4 * np.abs(m).max()).any())
    ),
    "f is far larger than its slopes": Region(
        "size of f", lambda f, x, df: abs(f(x)) > 100 * np.abs(_measured(f, x)).max()
    ),
}


def _change(position: int) -> Callable:
    def change(value: bool, arguments: Sequence) -> bool:
        arguments[position][...] += 1
        return value

    return change


WRONGS = {
    "says the opposite": lambda value, arguments: not value,
    "says True": lambda value, arguments: True,
    "says False": lambda value, arguments: False,
    "returns the error": lambda value, arguments: float(_errors(*arguments).max()),
    "returns an answer for each entry": lambda value, arguments: np.full(arguments[1].shape, value),
    "returns a list": lambda value, arguments: [value],
    "returns text": lambda value, arguments: str(value),
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
    "changes x": _change(1),
    "changes df": _change(2),
}
DOMAIN = Domain(draw, solve, _same, REGIONS, WRONGS)
