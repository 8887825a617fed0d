"""Functions that `gradient_check` is asked about, each made of numbers, and gradients of them, right and wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.checking import compare
from autograder.checking.domain import Domain, Regions
from autograder.labs.lab8.drawing import Rng

#: How near the nearest kink lies, in the text of the lab too.
NEAREST = 1e-4
#: A wrong gradient is off by such a part of its largest entry at least; the text promises a little less.
_LEAST = 0.024


def value_of(x, kind, slopes, places, scale, level):
    """Return the value of a function of an array: a sum over its numbers and over neighbors in it.

    Parameters
    ----------
    x : array
    kind : {"smooth", "separate", "relu", "absolute"}
        Of ``"separate"`` no number has to do with its neighbors.
    slopes, places : array, as long as `x` has numbers
    scale : float
    level : float
        What is added, so that the value may be large beside its slopes.
    """
    import numpy as np

    x = np.asarray(x, dtype="float64").ravel()
    if kind == "smooth":
        return float(scale * (level + np.sum(slopes * np.sin(x - places)) + np.sum(x[1:] * x[:-1]) / 4))
    if kind == "separate":
        return float(scale * (level + np.sum(slopes * np.sin(x - places))))
    if kind == "relu":
        return float(scale * (level + np.sum(slopes * np.maximum(x - places, 0) + x**2 / 4)))
    return float(scale * (level + np.sum(slopes * np.abs(x - places) + x**2 / 4)))


def gradient_of(
    x: np.ndarray, kind: str, slopes: np.ndarray, places: np.ndarray, scale: float, level: float
) -> np.ndarray:
    """Return the gradient of `value_of`.

    Parameters
    ----------
    x, kind, slopes, places, scale, level
        As `value_of` has them.

    Returns
    -------
    numpy.ndarray, shaped like `x`
    """
    flat = np.asarray(x, dtype="float64").ravel()
    if kind in ("smooth", "separate"):
        found = slopes * np.cos(flat - places)
        if kind == "smooth":
            found[1:] += flat[:-1] / 4
            found[:-1] += flat[1:] / 4
    else:
        sides = flat > places if kind == "relu" else np.sign(flat - places)
        found = slopes * sides + flat / 2
    return scale * found.reshape(np.shape(x))


@dataclass(frozen=True)
class Claim:
    """A question: whether an array is the gradient of a function.

    Attributes
    ----------
    x, df : numpy.ndarray
    told : list
        What makes the function, as `value_of` takes it after `x`.
    is_right : bool
    what : str
        The claim, for a person.
    """

    x: np.ndarray
    df: np.ndarray
    told: list
    is_right: bool
    what: str

    @property
    def sent(self) -> list:
        """What goes to the student's side: all but the answer."""
        return [self.x, self.df, *self.told]


def is_far(df: np.ndarray, right: np.ndarray) -> bool:
    """Return whether an array is off by enough to be no gradient, beside the largest entry of both.

    Parameters
    ----------
    df : numpy.ndarray
        What is claimed.
    right : numpy.ndarray
        The gradient, of the same shape.
    """
    return bool(np.abs(df - right).max() >= _LEAST * max(np.abs(df).max(), np.abs(right).max()))


# All that may be asked.

_SHAPES = ((1,), (2,), (7,), (110,), (5, 1), (3, 4), (9, 8), (2, 3, 2), (2, 1, 3, 2), (3, 4, 2, 4))
_VALUES = ("mixed", "negative", "positive", "small", "large", "zeros", "nothing")
_AXES = {
    "shape": _SHAPES,
    "values": _VALUES,
    "kind": ("smooth", "separate", "relu", "absolute"),
    "slopes": ("mixed", "positive", "negative", "tiny", "one"),
    "scale": (1.0, 1e-5, 1e4),
    "level": (0.0, 1000.0),
    "dtype": ("float32", "float64"),
    "order": ("C", "F"),
}
_RIGHT = ("exact", "six digits", "float32")
_WRONG = ("first", "last", "one", "one far", "two", "many", "parts", "opposite", "nothing", "moved", "too large")


def _numbers(rng: Rng, kind: str, count: int) -> np.ndarray:
    """Return numbers of one kind for `x`."""
    values = rng.uniform(0.3, 2.0, count)
    mixed = values * rng.choice([-1, 1], count)
    return {
        "mixed": lambda: mixed,
        "negative": lambda: -values,
        "positive": lambda: values,
        "small": lambda: mixed / 200,
        "large": lambda: rng.uniform(70, 100, count) * rng.choice([-1, 1], count),
        "zeros": lambda: mixed * (rng.random(count) < 0.4),
        "nothing": lambda: np.zeros(count),
    }[kind]()


def _slopes(rng: Rng, kind: str, count: int) -> np.ndarray:
    values = rng.uniform(0.5, 2.0, count)
    mixed = values * rng.choice([-1, 1], count)
    if kind in ("positive", "negative"):
        return values if kind == "positive" else -values
    if kind == "tiny":
        # What is measured of most is rounding.
        return np.where(np.arange(count) == rng.integers(count), mixed, 1e-9 * mixed)
    if kind == "one":
        mixed[rng.integers(count)] *= 30
    return mixed


def _places(rng: Rng, x: np.ndarray, kind: str, slopes: np.ndarray) -> np.ndarray:
    """Return where the sines begin, or the kinks lie: most of them near, on both sides, and none too near."""
    count = x.size
    if kind in ("smooth", "separate"):
        # Where the slope is not nearly 0.
        return x - rng.uniform(-1, 1, count)
    away = rng.uniform(NEAREST, 10 * NEAREST, count) * rng.choice([-1, 1], count)
    places = x + np.where(rng.random(count) < 0.7, away, rng.choice([-1.0, 1.0], count))
    # The largest slope counts on its side of the kink: a gradient of zeros alone is not asked about.
    steepest = int(np.argmax(np.abs(slopes)))
    places[steepest] = x[steepest] - rng.uniform(NEAREST, 3 * NEAREST)
    return places


def _claimed(rng: Rng, kind: str, right: np.ndarray) -> tuple[np.ndarray, str]:
    """Return an array that is claimed to be a gradient, and what it is."""
    count, largest = right.size, float(np.abs(right).max())
    part = float(rng.choice([-1, 1]) * rng.choice([0.025, 0.03, 0.1, 0.5]))
    place = {"first": 0, "last": count - 1}.get(kind, int(rng.integers(count)))
    df = right.copy()
    if kind == "exact":
        return df, "the right gradient"
    if kind == "six digits":
        return df + 4e-7 * largest * rng.uniform(-1, 1, right.shape), "a gradient that is right to six digits"
    if kind == "float32":
        return df.astype("float32"), "the right gradient in single precision"
    if kind in ("first", "last", "one", "one far"):
        # Twenty-fold, or what grows where the entry that it stands in is the largest.
        df.flat[place] += (20 * part if kind == "one far" else 1.1 * part) * largest
        what = f"one that is off in entry {place} of {count} alone"
    elif kind == "two":
        other = (place + 1) % count
        df.flat[place] += max(abs(part), 0.05) * largest
        df.flat[other] -= max(abs(part), 0.05) * largest
        what = "one in which two errors cancel in the sum"
    elif kind == "many":
        df += 0.3 * largest * rng.uniform(-1, 1, right.shape)
        what = "one that is off in all entries"
    elif kind == "parts":
        df *= 1 + (part if abs(part) > 0.05 else 4 * part)
        what = "one that is too large or too small by a factor"
    elif kind == "opposite":
        df, what = -right, "one of the opposite sign"
    elif kind == "nothing":
        df, what = np.zeros_like(right), "one of zeros"
    elif kind == "moved":
        df, what = np.roll(right.ravel(), 1).reshape(right.shape), "one whose entries stand one place on"
    else:
        df, what = 1000 * right, "one that is 1000 times too large"
    # Entries that are the same may be moved, and two errors in one number cancel.
    return (df, what) if is_far(df, right) else (-right, "one of the opposite sign")


_NAMES = {"smooth": "sines", "separate": "sines", "relu": "ReLUs", "absolute": "absolute values"}


def _draw(rng: Rng, at: Regions) -> tuple[Claim]:
    shape, count = at["shape"], math.prod(at["shape"])
    # Of single precision before the kinks are drawn: rounding must bring none nearer.
    x = _numbers(rng, at["values"], count).astype(at["dtype"])
    slopes = _slopes(rng, at["slopes"], count)
    told = [at["kind"], slopes, _places(rng, x.astype("float64"), at["kind"], slopes), at["scale"], at["level"]]
    right = gradient_of(x.reshape(shape), *told)
    if np.abs(right).max() < 0.1 * at["scale"]:
        # The slopes of two parts cancel, and what is measured is what is left of both.
        return _draw(rng, at)
    df, claim = _claimed(rng, at["claim"], right)
    x, df = (np.array(one.reshape(shape), order=at["order"]) for one in (x, df))
    more = ", far from 0" if at["level"] else ""
    what = (
        f"{claim} of a sum of {_NAMES[at['kind']]}{more}, for x {compare.shape(x)} of {x.dtype}, where the largest "
        f"entry is {np.abs(right).max():.1g}"
    )
    return (Claim(x, df, told, at["claim"] in _RIGHT, what),)


def _possible(at: Regions) -> bool:
    # In one number there is no other entry, and what cancels in the sum is nothing.
    return not (at.get("shape") == (1,) and at.get("claim") in ("two", "moved"))


def _freely(claims: Sequence[str]) -> Callable[[Rng], tuple[Claim]]:
    axes = {**_AXES, "claim": claims}

    def draw(rng: Rng) -> tuple[Claim]:
        while True:
            at = {axis: regions[int(rng.integers(len(regions)))] for axis, regions in axes.items()}
            at["shape"] = tuple(int(rng.integers(1, 6)) for _ in at["shape"])
            if _possible(at):
                return _draw(rng, at)

    return draw


#: What is right and what is wrong, apart: each pair of regions is asked with both.
RIGHT, WRONG = (
    Domain({**_AXES, "claim": claims}, _draw, _possible, _freely(claims), free=40) for claims in (_RIGHT, _WRONG)
)


def all_over(seed: int) -> list[Claim]:
    """Return claims from all over what may be asked, the smallest first.

    Parameters
    ----------
    seed : int
        The same seed gives the same claims.
    """
    found = [question.arguments[0] for domain in (RIGHT, WRONG) for question in domain.questions(seed)]
    return sorted(found, key=lambda claim: claim.x.size)
