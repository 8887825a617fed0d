"""What each function of arrays may be asked: the regions of its inputs, as the notebook describes them."""

from __future__ import annotations

import numpy as np

from autograder.checking.domain import Domain, Regions
from autograder.labs.lab4.drawing import KINDS, Rng, draw_list, draw_values, some_shapes

_TYPES = ("float32", "float64")
#: Shapes of the arrays of a list: of one network, of a single array, and of none but biases.
_SHAPES = (
    ((4,),),
    ((1,),),
    ((3, 4), (4,)),
    ((3, 3, 1, 2), (2,), (8, 3), (3,)),
    ((2, 5),),
    ((1, 1), (1,)),
    ((5,), (2, 3), (4, 1, 2)),
    ((3,), (4,)),
    ((2,), (1,), (5,), (2,)),
    ((3, 3), (3, 3)),
    ((12, 10), (10,), (10, 2), (2,), (2, 2), (2,)),
)
_VALUES = ("mixed", "negative", "positive", "tiny", "large", "zeros", "nothing", "ties")


def _any_kind(rng: Rng, kinds: tuple[str, ...] = KINDS) -> str:
    return str(rng.choice(kinds))


def _draw_sgd(rng: Rng, at: Regions) -> tuple:
    w, g, v = (draw_list(rng, at["shapes"], at[name], at["dtype"]) for name in ("w", "g", "v"))
    return w, g, v, at["lr"], at["momentum"]


def _any_sgd(rng: Rng) -> tuple:
    shapes, dtype = some_shapes(rng), str(rng.choice(_TYPES))
    w, g, v = (draw_list(rng, shapes, _any_kind(rng), dtype) for _ in range(3))
    lr = float(rng.choice([rng.uniform(0.05, 1), 1.0, 2.0]))
    momentum = float(rng.choice([0.0, 0.5, 0.9, rng.uniform(0, 1), 1.0]))
    return w, g, v, lr, momentum


SGD = Domain(
    {
        "shapes": _SHAPES,
        "w": _VALUES,
        "g": _VALUES,
        "v": _VALUES,
        "lr": (0.05, 0.5, 1.0, 2.0),
        "momentum": (0.0, 0.5, 0.9, 0.99, 1.0),
        "dtype": _TYPES,
    },
    _draw_sgd,
    freely=_any_sgd,
    free=60,
)


def _squares(rng: Rng, shapes: list, kind: str, dtype: str) -> list:
    """Return averages of squares, never negative, and not so small that rounding shows."""
    return [np.abs(one).astype(dtype) for one in draw_list(rng, shapes, kind, dtype)]


def _draw_adam(rng: Rng, at: Regions) -> tuple:
    shapes, dtype = at["shapes"], at["dtype"]
    w, m = (draw_list(rng, shapes, at[name], dtype) for name in ("w", "m"))
    g = draw_list(rng, shapes, at["g"], dtype)
    s = _squares(rng, shapes, at["s"], dtype)
    return w, g, m, s, at["t"], at["lr"], at["beta_1"], at["beta_2"], at["epsilon"]


def _any_adam(rng: Rng) -> tuple:
    shapes, dtype = some_shapes(rng), str(rng.choice(_TYPES))
    w, m = (draw_list(rng, shapes, _any_kind(rng), dtype) for _ in range(2))
    g = draw_list(rng, shapes, _any_kind(rng), dtype)
    s = _squares(rng, shapes, _any_kind(rng), dtype)
    t = int(rng.choice([1, 2, 3, int(rng.integers(1, 200)), 10_000]))
    beta_1, beta_2 = float(rng.choice([0.0, 0.5, 0.9, 0.99])), float(rng.choice([0.5, 0.9, 0.99, 0.999]))
    epsilon = float(rng.choice([1e-8, 1e-7, 1e-3, 0.1, 1.0]))
    return w, g, m, s, t, float(rng.uniform(0.05, 1)), beta_1, beta_2, epsilon


ADAM = Domain(
    {
        "shapes": _SHAPES,
        "w": _VALUES,
        "g": _VALUES,
        "m": ("mixed", "negative", "tiny", "zeros", "nothing"),
        "s": ("positive", "tiny", "large", "zeros", "nothing"),
        "t": (1, 2, 3, 10, 100, 10_000),
        "lr": (0.05, 0.5, 1.0),
        "beta_1": (0.0, 0.5, 0.9, 0.99),
        "beta_2": (0.5, 0.9, 0.99, 0.999),
        "epsilon": (1e-7, 1e-3, 0.1, 1.0),
        "dtype": _TYPES,
    },
    _draw_adam,
    freely=_any_adam,
    free=60,
)


def _draw_penalty(rng: Rng, at: Regions) -> tuple:
    return draw_list(rng, at["shapes"], at["w"], at["dtype"]), at["l1"], at["l2"]


def _any_penalty(rng: Rng) -> tuple:
    shapes = some_shapes(rng, 5)
    dtype = str(rng.choice(_TYPES))
    w = [draw_values(rng, _any_kind(rng), *shape).astype(dtype) for shape in shapes]
    l1, l2 = (float(rng.choice([0.0, 0.01, 1.0, rng.uniform(0, 0.5)])) for _ in range(2))
    return w, l1, l2


PENALTY = Domain(
    {
        "shapes": _SHAPES,
        "w": _VALUES,
        "l1": (0.0, 0.01, 0.3, 1.0),
        "l2": (0.0, 0.01, 0.3, 1.0),
        "dtype": _TYPES,
    },
    _draw_penalty,
    freely=_any_penalty,
    free=120,
)


def _classes_of(rng: Rng, kind: str, samples: int, classes: int) -> np.ndarray:
    """Return class numbers: of all classes, without the first, without the last, of one, or of two."""
    known = {
        "all": np.arange(classes),
        "not the first": np.arange(1, classes),
        "not the last": np.arange(classes - 1),
        "one": rng.integers(0, classes, 1),
        "two": rng.permutation(classes)[:2],
    }[kind]
    return rng.choice(known, samples)


_CLASSES = ("all", "not the first", "not the last", "one", "two")


def _draw_predicted(rng: Rng, at: Regions) -> tuple:
    y_true = _classes_of(rng, at["true"], at["samples"], at["classes"])
    y_pred = _classes_of(rng, at["predicted"], at["samples"], at["classes"])
    hits = rng.random(at["samples"]) < at["hits"]
    y_pred = np.where(hits, y_true, y_pred)
    return y_true.astype(at["dtype"]), y_pred.astype(at["dtype"]), at["classes"]


def _any_predicted(rng: Rng) -> tuple:
    classes = int(rng.integers(2, 13))
    samples = int(rng.choice([1, 2, 5, classes, 20, 100, int(rng.integers(1, 300))]))
    y_true, y_pred = (_classes_of(rng, str(rng.choice(_CLASSES)), samples, classes) for _ in range(2))
    y_pred = np.where(rng.random(samples) < rng.choice([0, 0.5, 0.9, 1]), y_true, y_pred)
    dtype = str(rng.choice(["int64", "int32", "uint8"]))
    return y_true.astype(dtype), y_pred.astype(dtype), classes


PREDICTED = Domain(
    {
        "samples": (1, 2, 7, 40, 300),
        "classes": (2, 3, 5, 10, 12),
        "true": _CLASSES,
        "predicted": _CLASSES,
        "hits": (0.0, 0.5, 1.0),
        "dtype": ("int64", "int32", "uint8"),
    },
    _draw_predicted,
    freely=_any_predicted,
    free=200,
)


def sure_predictions(
    rng: Rng, samples: int, classes: int, wrong: int, spread: float = 1.0, least: float = 0.0
) -> tuple:
    """Return classes and probabilities of which so many are wrong; no two are equally sure, and no row has a tie.

    Parameters
    ----------
    rng : numpy.random.Generator
    samples, classes, wrong : int
    spread : float
        How sure the network is: 1 from hardly to nearly certain, less for hardly.
    least : float
        No prediction is less sure than this.

    Returns
    -------
    y_true : numpy.ndarray of int64, shape [N]
    probabilities : numpy.ndarray of float64, shape [N, K]
    """
    least = max(1 / classes, least)
    steps = (np.arange(samples) + rng.uniform(0.3, 0.7, samples)) / samples
    sure = rng.permutation(least + (1 - least) * (0.06 + 0.92 * spread * steps))
    # The rest is shared out unevenly, so that neither the second largest nor the true one follows from the largest.
    best = rng.integers(0, classes, samples)
    probabilities = np.zeros((samples, classes))
    for row, top, place in zip(probabilities, sure, best, strict=True):
        rest = rng.dirichlet(np.full(classes - 1, 0.7)) if classes > 2 else np.ones(1)
        # None of the others may reach the largest.
        most = 0.96 * top / (1 - top)
        rest = rest if rest.max() < most else np.full(classes - 1, 1 / (classes - 1))
        row[np.arange(classes) != place] = (1 - top) * rest
        row[place] = top
    y_true = best.copy()
    places = rng.permutation(samples)[:wrong]
    y_true[places] = (best[places] + rng.integers(1, classes, wrong)) % classes
    return y_true, probabilities


def _draw_sure(rng: Rng, at: Regions) -> tuple:
    samples = at["samples"]
    wrong = {"none": 0, "one": 1, "some": max(1, samples // 3), "all": samples}[at["wrong"]]
    y_true, probabilities = sure_predictions(rng, samples, at["classes"], wrong, at["spread"], at["least"])
    return y_true.astype(at["labels"]), probabilities.astype(at["dtype"])


def _any_sure(rng: Rng) -> tuple:
    classes = int(rng.integers(2, 13))
    samples = int(rng.choice([1, 2, 5, classes, 12, 30, 60]))
    wrong = int(rng.integers(0, samples + 1))
    spread, least = float(rng.choice([0.2, 1.0])), float(rng.choice([0.0, 0.0, 0.5]))
    y_true, probabilities = sure_predictions(rng, samples, classes, wrong, spread, least)
    return y_true.astype(str(rng.choice(["int64", "int32", "uint8"]))), probabilities.astype(str(rng.choice(_TYPES)))


SURE = Domain(
    {
        "samples": (1, 2, 6, 25, 60),
        "classes": (2, 3, 5, 10),
        "wrong": ("none", "one", "some", "all"),
        "spread": (0.2, 1.0),
        "least": (0.0, 0.5),
        "labels": ("int64", "int32", "uint8"),
        "dtype": _TYPES,
    },
    _draw_sure,
    freely=_any_sure,
    free=200,
)


def _draw_cnn(rng: Rng, at: Regions) -> tuple:
    return tuple(at[name] for name in ("blocks", "maps", "activation", "pool_first", "dropout", "batch_norm"))


CNN = Domain(
    {
        "blocks": (1, 2, 3, 4),
        "maps": (1, 3, 8, 16, 32),
        "activation": ("relu", "tanh", "sigmoid"),
        "pool_first": (False, True),
        "dropout": (0.0, 0.1, 0.6),
        "batch_norm": (False, True),
    },
    _draw_cnn,
)
