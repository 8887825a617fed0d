"""What each function of arrays may be asked, as regions along axes: read off the text of the lab."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.checking.domain import Domain, Regions

Rng = np.random.Generator
_TYPES = ("float64", "float32")


def _domain(axes: Mapping[str, Sequence[Any]], draw: Callable[[Rng, Regions], tuple]) -> Domain:
    """Return a domain of which questions are also drawn freely, each from any region of every axis."""

    def freely(rng: Rng) -> tuple:
        return draw(rng, {axis: regions[int(rng.integers(len(regions)))] for axis, regions in axes.items()})

    return Domain(axes, draw, freely=freely)


def draw_runs(rng: Rng, count: int, gap: float, spread: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Return runs of two networks over the same seeds in the same order: seeds have a part in both accuracies.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
    gap : float
        By how much the first one is better.
    spread : float
        Of the differences.
    """
    seeds = rng.permutation(100)[:count].astype("float64")
    common = rng.uniform(0.4, 0.6, count)
    return (
        np.column_stack([seeds, common + gap + rng.normal(0, spread, count)]),
        np.column_stack([seeds, common]),
    )


def _draw_compare(rng: Rng, at: Regions) -> tuple:
    a, b = draw_runs(rng, at["count"], at["gap"])
    if at["alike"]:
        a[:, 1] = b[:, 1]
    if at["seeds"] in ("a has others", "both have"):
        a = np.vstack([a, [[101, 0.9], [103, 0.1]]])
    if at["seeds"] in ("b has others", "both have"):
        b = np.vstack([b, [[102, 0.2], [104, 0.7], [105, 0.6]]])
    if at["order"] == "any":
        a, b = rng.permutation(a), rng.permutation(b)
    return a, b


COMPARE = _domain(
    {
        "count": (3, 4, 5, 10),
        "gap": (0.0, 0.005, 0.05, -0.05, 0.3, -0.3),
        "seeds": ("the same", "a has others", "b has others", "both have"),
        "order": ("the same", "any"),
        # Twice, so that most of what is drawn freely differs.
        "alike": (False, True, False),
    },
    _draw_compare,
)


def _columns(rng: Rng, rows: int, kinds: str, columns: int) -> np.ndarray:
    center, size = {"small": (0, 1), "large": (5000, 700), "negative": (-40, 6), "tiny": (0.02, 0.004)}[kinds]
    return rng.normal(center, size, (rows, columns)) * rng.uniform(0.5, 2, columns)


def _draw_standardize(rng: Rng, at: Regions) -> tuple:
    known, asked = at["rows"]
    train = _columns(rng, known, at["values"], at["columns"])
    new = _columns(rng, asked, at["values"], at["columns"]) + at["shift"] * np.abs(train).mean()
    which = {
        "none": np.zeros(at["columns"], dtype=bool),
        "one": np.arange(at["columns"]) == 0,
        "all": np.ones(at["columns"], dtype=bool),
    }[at["constant"]]
    train[:, which] = at["at"]
    if asked > 1 or rng.random() < 0.3:
        new[0, which] = at["at"]
    return train, new


STANDARDIZE = _domain(
    {
        "rows": ((2, 1), (2, 3), (2, 30), (5, 1), (5, 5), (40, 1), (40, 3), (40, 60)),
        "columns": (1, 2, 13),
        "values": ("small", "large", "negative", "tiny"),
        "shift": (0, 0.5),
        "constant": ("none", "one", "all", "none"),
        # Sums of these are exact, so that their deviation is 0 however it is computed: that of a column of 0.1 is not.
        "at": (0.0, 4.0, -1.0, 0.25),
    },
    _draw_standardize,
)


def _draw_mse(rng: Rng, at: Regions) -> tuple:
    rows = at["columns"] if at["rows"] == "as many as columns" else at["rows"]
    x = rng.normal(at["center"], at["size"], (rows, at["columns"]))
    w = np.zeros(at["columns"] + 1) if at["w"] == "zeros" else rng.normal(0, 2, at["columns"] + 1)
    y = at["scale"] * rng.normal(0.5, 1, rows) + at["level"]
    y = y[:, None] if at["y"] == "column" else y
    return tuple(one.astype(at["type"]) for one in (w, x, y))


MSE = _domain(
    {
        "rows": (1, 2, 7, 30, "as many as columns"),
        "columns": (1, 2, 5),
        "center": (0, 3, -3),
        "size": (2, 0.3),
        "w": ("any", "zeros", "any"),
        "scale": (1, 20),
        "level": (0, -30),
        "y": ("row", "column"),
        "type": _TYPES,
    },
    _draw_mse,
)


def draw_members(rng: Rng, members: int, images: int, classes: int, sure: float = 2.0) -> np.ndarray:
    """Return probabilities [M, N, K] of networks that agree in part.

    Parameters
    ----------
    rng : numpy.random.Generator
    members, images, classes : int
    sure : float
        The larger, the surer.
    """
    common = rng.normal(0, sure / 2, (1, images, classes))
    logits = np.exp(common + rng.normal(0, sure, (members, images, classes)))
    return logits / logits.sum(axis=-1, keepdims=True)


def _draw_average(rng: Rng, at: Regions) -> tuple:
    p = draw_members(rng, at["members"], at["images"], at["classes"]).astype(at["type"])
    weights = {
        "equal": np.ones(at["members"]),
        "any": rng.uniform(0.5, 3, at["members"]),
        "one alone": np.eye(at["members"])[int(rng.integers(at["members"]))],
        "not the first": rng.uniform(0.5, 3, at["members"]),
    }[at["weights"]]
    if at["weights"] == "not the first" and at["members"] > 1:
        weights[0] = 0.0
    return p, weights * {"1": 1 / weights.sum(), "small": 0.01, "as they are": 1, "large": 20}[at["sum"]]


AVERAGE = _domain(
    {
        "members": (1, 2, 3, 6),
        "images": (1, 2, 3, 20),
        "classes": (2, 3, 10),
        "weights": ("equal", "any", "one alone", "not the first", "any"),
        "sum": ("1", "small", "as they are", "large"),
        "type": _TYPES,
    },
    _draw_average,
)


def draw_ties(rng: Rng, members: int, images: int, classes: int) -> np.ndarray:
    """Return probabilities of an even number of networks, half of which choose one class and half another.

    A third class, where there is one, gets the largest average: it has no vote.

    Parameters
    ----------
    rng : numpy.random.Generator
    members, images, classes : int
    """
    p = np.zeros((members, images, classes))
    for image in range(images):
        one, other, *rest = rng.permutation(classes)
        for member in range(members):
            chosen = one if member < members // 2 else other
            largest = rng.uniform(0.42, 0.48) if rest else rng.uniform(0.55, 0.95)
            p[member, image, chosen] = largest
            if rest:
                p[member, image, rest[0]] = largest - 0.01
                p[member, image, one if chosen == other else other] = 1.01 - 2 * largest
            else:
                p[member, image, one if chosen == other else other] = 1 - largest
    return p[rng.permutation(members)]


def _draw_vote(rng: Rng, at: Regions) -> tuple:
    if at["kind"] == "ties" and at["members"] % 2 == 0:
        p = draw_ties(rng, at["members"], at["images"], at["classes"])
    else:
        # Where networks are surer still, single precision makes ties of what differs.
        sure = {"unsure": 0.5, "nearly even": 0.1, "very sure": 3.0}.get(at["kind"], 2.0)
        p = draw_members(rng, at["members"], at["images"], at["classes"], sure)
    return (p.astype(at["type"]),)


VOTE = _domain(
    {
        "members": (1, 2, 3, 4, 5, 8, 9),
        "images": (1, 3, 20),
        "classes": (2, 3, 10),
        "kind": ("sure", "unsure", "nearly even", "very sure", "ties"),
        "type": _TYPES,
    },
    _draw_vote,
)


def _draw_gain(rng: Rng, at: Regions) -> tuple:
    p = draw_members(rng, at["members"], at["images"], at["classes"], at["sure"])
    if at["agree"]:
        # Each is a little of itself and much of the first one.
        p = (p + 9 * p[:1]) / 10
    p = p.astype(at["type"])
    right = p.mean(axis=0).argmax(axis=-1)
    other = rng.integers(0, at["classes"], at["images"])
    return p, np.where(rng.random(at["images"]) < at["right"], right, other)


GAIN = _domain(
    {
        "members": (2, 3, 6),
        "images": (1, 7, 40),
        "classes": (2, 3, 10),
        "sure": (2.0, 0.3),
        "agree": (False, True),
        "right": (0.0, 0.5, 1.0),
        "type": _TYPES,
    },
    _draw_gain,
)


def _draw_similar(rng: Rng, at: Regions) -> tuple:
    found = []
    for name, count in zip(("a", "b"), at["counts"], strict=True):
        one = rng.normal(*at["values"], (count, at["length"]))
        if at["zero"] in (name, "both"):
            one[0] = 0
        found.append(one.astype(at["type"]))
    return tuple(found)


SIMILAR = _domain(
    {
        "counts": ((1, 1), (1, 3), (4, 1), (2, 2), (5, 5), (9, 2), (2, 9)),
        "length": (1, 2, 16),
        # Mean and deviation.
        "values": ((0, 0.05), (0, 1), (1, 1), (0, 50), (1, 50)),
        "zero": ("none", "a", "b", "both", "none"),
        "type": _TYPES,
    },
    _draw_similar,
)


def draw_scores(
    rng: Rng, count: int, ties: bool, apart: float = 1.5, share: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores of pairs, and whether they match; the largest score is one of a pair that matches.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
    ties : bool
        Whether several pairs have the same score.
    apart : float
        By how much pairs that match score higher.
    share : float
        Which part of the pairs matches, about.
    """
    same = (rng.random(count) < share).astype(int)
    same[:2] = 0, 1
    scores = rng.normal(0, 1, count) + apart * same
    scores[1] = scores.max() + 1
    scores = np.round(scores) if ties else np.round(scores, 4)
    if ties:
        scores[1] += 1
    return scores, same


def _draw_threshold(rng: Rng, at: Regions) -> tuple:
    scores, same = draw_scores(rng, at["count"], at["ties"], at["apart"], at["share"])
    order = rng.permutation(at["count"])
    return at["factor"] * scores[order] + at["shift"], same[order], at["rate"]


THRESHOLD = _domain(
    {
        "count": (2, 5, 20, 200),
        "ties": (False, True),
        "apart": (0.0, 1.5, 6.0),
        "share": (0.5, 0.2, 0.8),
        "rate": (0.0, 0.01, 0.1, 0.25, 0.5, 0.37, 1.0),
        "factor": (1.0, 0.1),
        "shift": (0.0, -30.0),
    },
    _draw_threshold,
)


# Regressions.


def draw_table(
    rng: Rng, rows: int, columns: int, center: float, scale: float, together: float = 0.5, explained: float = 0.85
) -> tuple[np.ndarray, np.ndarray]:
    """Return standardized columns that are correlated, and a target that they explain in part.

    Parameters
    ----------
    rng : numpy.random.Generator
    rows, columns : int
    center, scale : float
        The mean of the target, and its deviation.
    together : float
        How much all columns have in common, beside what each has of its own.
    explained : float
        Which part of the target's variance a line explains, from 0 to 1; where rows are few, a little more.

    Returns
    -------
    numpy.ndarray, shape [rows, columns]
    numpy.ndarray, shape [rows]
    """
    x = rng.normal(size=(rows, columns)) + together * rng.normal(size=(rows, 1))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    line = x @ rng.uniform(0.5, 1.5, columns) * rng.choice([-1, 1])
    y = math.sqrt(explained) * line / line.std() + math.sqrt(1 - explained) * rng.normal(size=rows)
    return x, center + scale * (y - y.mean()) / y.std()


def _draw_fit(rng: Rng, at: Regions) -> tuple:
    scale = at["scale"] * rng.uniform(0.9, 1.1) if at["scale"] != 1 else 1.0
    columns, together = at["columns"]
    x, y = draw_table(rng, at["rows"], columns, at["center"] * scale, scale, together, at["explained"])
    return x, y, int(rng.integers(at["seed"][0], at["seed"][1]))


#: Few: each is a training. How many columns there are, and what they have in common, are one axis, since one column has
#: nothing in common. The mean of the target is told in its deviations.
FITS = Domain(
    {
        "rows": (40, 61, 120, 200),
        "columns": ((1, 0.0), (2, 0.0), (2, 1.5), (6, 0.0), (6, 0.8)),
        "explained": (0.99, 0.75, 0.3),
        "center": (0.0, 2.0, -2.0, 8.0),
        "scale": (1.0, 0.02, 9.0, 77.0),
        "seed": ((0, 1), (1, 1000), (2000, 100_000)),
    },
    _draw_fit,
)
