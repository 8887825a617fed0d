"""What lab 4 asks of each function, read off its text alone: what may come in, what is right, and what may go wrong.

The mutation score (`benchmarks.mutation`) judges the checks by it, so nothing here comes from them but the
plan, in which networks are told. What counts as asked:

- ``build_cnn``: 1 to 4 blocks, 1 to 64 maps, relu, tanh and sigmoid, rates of dropout from 0 to 0.6. ``build_fnn``
  takes no arguments: there is nothing to draw.
- ``order_matters``: functions of the kinds that the text names, for which the order never matters, or for at least two
  in a hundred blocks.
- ``sgd_step`` and ``adam_step``: one to five arrays of one to four axes; rates from 0.02 to 2, since what is smaller
  than the tolerance is not asked; momentum from 0 to 1; steps from 1.
- ``l1_l2``: the same arrays, factors from 0 to 1.
- ``confusion_matrix``: 1 to 300 images, 2 to 12 classes, any of which may be missing.
- ``misclassified``: no ties, in a row or between rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from autograder.checking import compare
from autograder.labs.lab4 import curves, plan, structure
from benchmarks.domain import Domain, Region, one_of, raise_error
from tests.labs.lab4 import ways
from tests.labs.lab4.realize import realized

Rng = np.random.Generator
#: Without arguments there are no regions.
WAYS = {name: some for name, some in ways.WAYS.items() if name != "build_fnn"}


def namespace(function: str, answer: Callable) -> dict[str, Any]:
    """Return the functions of a student who is right, with one answer in its place; a plan is built there."""
    if function != "build_cnn":
        return ways.namespace(function, answer)

    def build_cnn(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
        found = answer(blocks, maps, activation, pool_first, dropout, batch_norm)
        return realized(found) if isinstance(found, np.ndarray) else found

    return ways.namespace(function, build_cnn)


# Networks.


def _draw_network(rng: Rng) -> tuple:
    return (
        int(rng.integers(1, 5)),
        int(one_of(rng, (1, 2, 3, 5, 8, 8, 10, 16, 32, 64))),
        str(one_of(rng, ("relu", "tanh", "sigmoid"))),
        bool(rng.integers(2)),
        float(one_of(rng, (0.0, 0.0, 0.1, 0.25, 0.5, 0.6))),
        bool(rng.integers(2)),
    )


def _same_network(value: Any, expected: np.ndarray, arguments: Sequence) -> bool:
    if isinstance(value, keras.Model):
        value = structure.read("build_cnn", value.to_json())
    if not isinstance(value, np.ndarray):
        return False
    if value.ndim == 2 and value.shape[1] > 1:
        # A dropout of nothing is none, in a plan as in a network.
        value = value[~(np.isin(value[:, 0], (plan.DROPOUT_MAPS, plan.DROPOUT_NUMBERS)) & (value[:, 1] == 0))]
    return np.array_equal(value, expected)


def _rows(change: Callable[[plan.Rows], plan.Rows]) -> Callable[[np.ndarray, Sequence], np.ndarray]:
    return lambda value, arguments: plan.numbers(change(plan.rows_of(value)))


def _without(code: int, which: int) -> Callable:
    def change(rows: plan.Rows) -> plan.Rows:
        places = [k for k, row in enumerate(rows) if row[0] == code]
        return [row for k, row in enumerate(rows) if not places or k != places[which]]

    return _rows(change)


def _each(code: int, change: Callable[[tuple], tuple]) -> Callable:
    return _rows(lambda rows: [change(row) if row[0] == code else row for row in rows])


_NETWORK_REGIONS = {
    **{f"blocks = {n}": Region("blocks", lambda b, m, a, p, d, n_, n=n: b == n) for n in (1, 2, 3, 4)},
    "maps = 1": Region("maps", lambda b, m, a, p, d, n: m == 1),
    "maps = 8": Region("maps", lambda b, m, a, p, d, n: m == 8),
    "maps odd": Region("maps", lambda b, m, a, p, d, n: m % 2 == 1),
    "maps < 8": Region("maps", lambda b, m, a, p, d, n: m < 8),
    "maps > 8": Region("maps", lambda b, m, a, p, d, n: m > 8),
    **{
        f"activation is {name!r}": Region("activation", lambda b, m, a, p, d, n, name=name: a == name)
        for name in ("relu", "tanh", "sigmoid")
    },
    "pool_first": Region("order", lambda b, m, a, p, d, n: p),
    "not pool_first": Region("order", lambda b, m, a, p, d, n: not p),
    "dropout = 0": Region("dropout", lambda b, m, a, p, d, n: d == 0),
    "dropout > 0": Region("dropout", lambda b, m, a, p, d, n: d > 0),
    "dropout >= 0.5": Region("dropout", lambda b, m, a, p, d, n: d >= 0.5),
    "batch_norm": Region("normalization", lambda b, m, a, p, d, n: n),
    "not batch_norm": Region("normalization", lambda b, m, a, p, d, n: not n),
}
_NETWORK_WRONGS = {
    "lacks its last activation before the dense layer": _without(plan.ACTIVATION, -2),
    "lacks its first activation": _without(plan.ACTIVATION, 0),
    "lacks softmax": _without(plan.ACTIVATION, -1),
    "has a map more in each convolution": _each(plan.CONVOLUTION, lambda row: (row[0], row[1] + 1, *row[2:])),
    "has no biases in its convolutions": _each(plan.CONVOLUTION, lambda row: (*row[:7], 0)),
    "has average pooling": _each(plan.MAX, lambda row: (plan.AVERAGE, *row[1:])),
    "has another activation": _each(
        plan.ACTIVATION, lambda row: row if row[:2] == plan.activation("softmax") else plan.activation("elu")
    ),
    "drops numbers": _each(plan.DROPOUT_MAPS, lambda row: (plan.DROPOUT_NUMBERS, *row[1:])),
    "raises an error": raise_error,
}

# The order.


class _Function:
    """A drawn function of one variable, of which the regions know what it is."""

    def __init__(self, told: list) -> None:
        self.told, self._function = told, curves.curve(*told)

    def __call__(self, x: Any) -> np.ndarray:
        return self._function(x)

    def __deepcopy__(self, memory: dict) -> _Function:
        return self

    def __repr__(self) -> str:
        return str(self.told)


def _values(function: Callable) -> np.ndarray:
    """Return the values of any function of one variable: while it is graded, a plain one comes in."""
    return function(np.linspace(-5, 5, 401))


def _draw_order(rng: Rng) -> tuple:
    pooling = str(one_of(rng, ("max", "average")))
    return _Function(curves.draw(rng, one_of(rng, list(curves.PLAIN)), one_of(rng, (-1, 1)), pooling)), pooling


def _order(function: _Function, pooling: str) -> bool:
    y = function(np.linspace(-5, 5, 4001))
    return bool(np.any(np.diff(y) < -1e-9)) if pooling == "max" else bool(np.any(np.abs(np.diff(y, 2)) > 1e-9))


_ORDER_REGIONS = {
    "pooling is 'max'": Region("pooling", lambda f, p: p == "max"),
    "pooling is 'average'": Region("pooling", lambda f, p: p == "average"),
    "f rises": Region("course", lambda f, p: (np.diff(_values(f)) > 1e-12).all()),
    "f never falls and is flat somewhere": Region(
        "course", lambda f, p: (np.diff(_values(f)) >= -1e-12).all() and not (np.diff(_values(f)) > 1e-12).all()
    ),
    "f falls": Region("course", lambda f, p: (np.diff(_values(f)) < -1e-12).all()),
    "f rises and falls": Region("course", lambda f, p: np.ptp(np.sign(np.diff(_values(f)))) > 1),
    "f is a straight line": Region("shape", lambda f, p: np.abs(np.diff(_values(f), 2)).max() < 1e-9),
    "f has few values": Region("shape", lambda f, p: len(np.unique(np.round(_values(f), 9))) < 50),
    "f jumps": Region("shape", lambda f, p: np.abs(np.diff(_values(f))).max() > 0.3),
    "f > 0 everywhere": Region("sign", lambda f, p: _values(f).min() > 0),
    "f < 0 everywhere": Region("sign", lambda f, p: _values(f).max() < 0),
    "f of both signs": Region("sign", lambda f, p: _values(f).min() < 0 < _values(f).max()),
}
_ORDER_WRONGS = {
    "says the opposite": lambda value, arguments: not value,
    "says True": lambda value, arguments: True,
    "says False": lambda value, arguments: False,
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
}

# Lists of arrays.

_KINDS = ("both signs", "both signs", "negative", "positive", "small", "large", "zeros", "whole")


def _numbers(rng: Rng, shape: tuple[int, ...], kind: str) -> np.ndarray:
    values = rng.uniform(0.05, 3, shape)
    if kind == "negative":
        return -values
    if kind == "positive":
        return values
    if kind == "whole":
        return rng.integers(-4, 5, shape).astype(float)
    values *= rng.choice([-1, 1], shape)
    if kind == "zeros":
        return values * (rng.random(shape) < one_of(rng, (0.0, 0.5)))
    return values * {"small": 0.02, "large": 10}.get(kind, 1)


def _shapes(rng: Rng) -> list[tuple[int, ...]]:
    only = one_of(rng, (None, None, 1, 2))
    count = int(one_of(rng, (1, 1, 2, 3, 4, 5)))
    axes = [int(only or rng.integers(1, 5)) for _ in range(count)]
    return [tuple(int(one_of(rng, (1, 2, 3, 4, 8))) for _ in range(number)) for number in axes]


def _lists(rng: Rng, count: int) -> list[list[np.ndarray]]:
    shapes, dtype = _shapes(rng), one_of(rng, ("float32", "float64"))
    return [
        [_numbers(rng, shape, kind).astype(dtype) for shape in shapes]
        for kind in (one_of(rng, _KINDS) for _ in range(count))
    ]


def _draw_sgd(rng: Rng) -> tuple:
    rate = float(one_of(rng, (0.05, 0.1, 1.0, 2.0, rng.uniform(0.05, 1))))
    return *_lists(rng, 3), rate, float(one_of(rng, (0.0, 0.5, 0.9, 0.99, 1.0, rng.uniform(0, 1))))


def _sgd(w, g, v, lr, momentum):
    new = [momentum * c.astype(float) - lr * b.astype(float) for b, c in zip(g, v, strict=True)]
    return [a + c for a, c in zip(w, new, strict=True)], new


def _draw_adam(rng: Rng) -> tuple:
    w, g, m, s = _lists(rng, 4)
    t = int(one_of(rng, (1, 2, 3, 5, 20, 100, 1000, 50_000)))
    betas = float(one_of(rng, (0.0, 0.5, 0.9, 0.95))), float(one_of(rng, (0.5, 0.9, 0.99, 0.999)))
    epsilon = float(one_of(rng, (1e-8, 1e-7, 1e-3, 0.1, 1.0)))
    rate = float(one_of(rng, (0.05, 0.1, 1.0, rng.uniform(0.05, 1))))
    return w, g, m, [np.abs(one) for one in s], t, rate, *betas, epsilon


def _adam(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    m = [beta_1 * a.astype(float) + (1 - beta_1) * b.astype(float) for a, b in zip(m, g, strict=True)]
    s = [beta_2 * a.astype(float) + (1 - beta_2) * b.astype(float) ** 2 for a, b in zip(s, g, strict=True)]
    rate = lr * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return [a - rate * b / (np.sqrt(c) + epsilon) for a, b, c in zip(w, m, s, strict=True)], m, s


def _same_lists(value: Any, expected: Sequence, arguments: Sequence) -> bool:
    if not isinstance(value, (tuple, list)) or len(value) != len(expected):
        return False
    return all(
        isinstance(part, (tuple, list))
        and len(part) == len(right)
        and all(compare.difference(one, other) is None for one, other in zip(part, right, strict=True))
        for part, right in zip(value, expected, strict=True)
    )


def _of_list(position: int, letter: str) -> dict[str, Region]:
    """Return the regions of the numbers in one list."""

    def about(condition: Callable[[np.ndarray], Any]) -> Callable:
        return lambda *arguments: condition(np.concatenate([np.ravel(one) for one in arguments[position]]))

    return {
        f"all {letter} < 0": Region(f"values of {letter}", about(lambda x: (x < 0).all())),
        f"all {letter} > 0": Region(f"values of {letter}", about(lambda x: (x > 0).all())),
        f"some {letter} = 0": Region(f"values of {letter}", about(lambda x: (x == 0).any())),
        f"all |{letter}| < 0.1": Region(f"values of {letter}", about(lambda x: np.abs(x).max() < 0.1)),
        f"some |{letter}| > 5": Region(f"values of {letter}", about(lambda x: np.abs(x).max() > 5)),
    }


def _of_shapes() -> dict[str, Region]:
    shapes = {
        "one array": lambda w: len(w) == 1,
        "two arrays": lambda w: len(w) == 2,
        "more than two arrays": lambda w: len(w) > 2,
        "more than three arrays": lambda w: len(w) > 3,
    }
    axes = {
        "all arrays have one axis": lambda w: all(one.ndim == 1 for one in w),
        "no array has one axis": lambda w: all(one.ndim > 1 for one in w),
        "some array has one axis": lambda w: any(one.ndim == 1 for one in w),
        "some array has three axes": lambda w: any(one.ndim == 3 for one in w),
        "some array has four axes": lambda w: any(one.ndim == 4 for one in w),
        "the last array has one axis": lambda w: w[-1].ndim == 1,
        "the first array has one axis": lambda w: w[0].ndim == 1,
    }
    sizes = {
        "some array has one number": lambda w: any(one.size == 1 for one in w),
        "some array is square": lambda w: any(one.ndim == 2 and one.shape[0] == one.shape[1] > 1 for one in w),
        "more than 50 numbers": lambda w: sum(one.size for one in w) > 50,
        "fewer than 5 numbers": lambda w: sum(one.size for one in w) < 5,
    }
    types = {
        "w is float32": lambda w: w[0].dtype == np.float32,
        "w is float64": lambda w: w[0].dtype == np.float64,
    }
    groups = (("number", shapes), ("axes", axes), ("sizes", sizes), ("type", types))
    return {
        name: Region(factor, lambda *arguments, condition=condition: condition(arguments[0]))
        for factor, group in groups
        for name, condition in group.items()
    }


def _of_number(position: int, letter: str, conditions: dict[str, Callable[[float], Any]]) -> dict[str, Region]:
    return {
        f"{letter} {name}": Region(letter, lambda *arguments, condition=condition: condition(arguments[position]))
        for name, condition in conditions.items()
    }


_SGD_REGIONS = {
    **_of_shapes(),
    **_of_list(0, "w"),
    **_of_list(1, "g"),
    **_of_list(2, "v"),
    **_of_number(3, "lr", {"= 1": lambda x: x == 1, "> 1": lambda x: x > 1, "< 0.2": lambda x: x < 0.2}),
    **_of_number(
        4,
        "momentum",
        {"= 0": lambda x: x == 0, "= 1": lambda x: x == 1, "> 0.9": lambda x: x > 0.9, "< 0.5": lambda x: x < 0.5},
    ),
}
_ADAM_REGIONS = {
    **_of_shapes(),
    **_of_list(0, "w"),
    **_of_list(1, "g"),
    **_of_list(2, "m"),
    **{name: region for name, region in _of_list(3, "s").items() if name != "all s < 0"},
    **_of_number(
        4,
        "t",
        {"= 1": lambda x: x == 1, "= 2": lambda x: x == 2, "> 10": lambda x: x > 10, "> 500": lambda x: x > 500},
    ),
    **_of_number(5, "lr", {"= 1": lambda x: x == 1, "< 0.2": lambda x: x < 0.2}),
    **_of_number(6, "beta_1", {"= 0": lambda x: x == 0, ">= 0.9": lambda x: x >= 0.9}),
    **_of_number(7, "beta_2", {"= 0.5": lambda x: x == 0.5, ">= 0.99": lambda x: x >= 0.99}),
    **_of_number(8, "epsilon", {"< 1e-6": lambda x: x < 1e-6, ">= 0.1": lambda x: x >= 0.1}),
}


def _part(which: int, change: Callable[[np.ndarray], Any]) -> Callable:
    """Return a way to be wrong about one of the lists."""

    def spoil(value: Sequence, arguments: Sequence) -> tuple:
        return tuple([change(one) for one in part] if k == which else part for k, part in enumerate(value))

    return spoil


def _changes_first(value: Any, arguments: Sequence) -> Any:
    for one in arguments[0] if isinstance(arguments[0], list) else [arguments[0]]:
        one[...] = 7
    return value


def _of_lists(count: int) -> dict[str, Callable]:
    known = {
        f"has {text} {name}": _part(k, change)
        for k, name in zip(range(count), ("weights", "velocities or means", "squares"), strict=False)
        for text, change in {
            "one per cent too large": lambda one: 1.01 * one,
            "a thousandth too large": lambda one: one + 1e-3,
            "negative": lambda one: -one,
            "rounded": lambda one: np.round(one, 2),
            "no": lambda one: np.zeros_like(one),
            "raveled": lambda one: one.ravel(),
        }.items()
    }
    return known | {
        "keeps the first array alone": lambda value, arguments: tuple(part[:1] for part in value),
        "turns the arrays round": lambda value, arguments: tuple(part[::-1] for part in value),
        "keeps the weights": lambda value, arguments: (list(arguments[0]), *value[1:]),
        "returns the weights alone": lambda value, arguments: value[0],
        "changes its input": _changes_first,
        "returns nothing": lambda value, arguments: None,
        "raises an error": raise_error,
    }


# Penalties.


def _draw_penalty(rng: Rng) -> tuple:
    (w,) = _lists(rng, 1)
    return w, *(float(one_of(rng, (0.0, 0.0, 0.01, 0.1, 1.0, rng.uniform(0, 1)))) for _ in range(2))


def _penalty(w, l1, l2):
    w = [one.astype(float) for one in w]
    kernels = [one for one in w if one.ndim > 1]
    penalty = sum((l1 * np.abs(one).sum() + l2 * (one**2).sum() for one in kernels), 0.0)
    return float(penalty), [(l1 * np.sign(one) + 2 * l2 * one) * (one.ndim > 1) for one in w]


def _same_penalty(value: Any, expected: tuple, arguments: Sequence) -> bool:
    if not isinstance(value, (tuple, list)) or len(value) != 2 or np.size(value[0]) != 1:
        return False
    penalty = compare.array(value[0])
    return (
        penalty is not None
        and compare.difference(penalty.reshape(()), expected[0]) is None
        and _same_lists([value[1]], [expected[1]], arguments)
    )


_PENALTY_REGIONS = {
    **_of_shapes(),
    **_of_list(0, "w"),
    **_of_number(1, "l1", {"= 0": lambda x: x == 0, "= 1": lambda x: x == 1, "> 0": lambda x: x > 0}),
    **_of_number(2, "l2", {"= 0": lambda x: x == 0, "= 1": lambda x: x == 1, "> 0": lambda x: x > 0}),
    "l1 > l2": Region("both", lambda w, l1, l2: l1 > l2),
    "l1 = l2": Region("both", lambda w, l1, l2: l1 == l2),
}
_PENALTY_WRONGS = {
    "has a penalty of 0": lambda value, arguments: (0.0, value[1]),
    "has half the penalty": lambda value, arguments: (value[0] / 2, value[1]),
    "has a penalty one per cent too large": lambda value, arguments: (1.01 * value[0], value[1]),
    "has a penalty of 1 too much": lambda value, arguments: (value[0] + 1, value[1]),
    "has half the gradient": lambda value, arguments: (value[0], [one / 2 for one in value[1]]),
    "has no gradient": lambda value, arguments: (value[0], [0 * one for one in value[1]]),
    "has a gradient of the other sign": lambda value, arguments: (value[0], [-one for one in value[1]]),
    "has a gradient of 1 too much": lambda value, arguments: (value[0], [one + 1 for one in value[1]]),
    "keeps the first gradient alone": lambda value, arguments: (value[0], value[1][:1]),
    "has the gradient of the first weight everywhere": lambda value, arguments: (
        value[0],
        [np.full_like(one, one.flat[0]) for one in value[1]],
    ),
    "returns the penalty alone": lambda value, arguments: value[0],
    "changes its input": _changes_first,
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
}

# Errors.


def _draw_classes(rng: Rng) -> tuple:
    classes = int(one_of(rng, (2, 2, 3, 4, 5, 7, 10, 10, 12)))
    samples = int(one_of(rng, (1, 2, 3, 5, 8, 20, 50, 300)))
    pools = [np.arange(classes)] * 3 + [np.arange(1, classes), np.arange(classes - 1), rng.integers(0, classes, 1)]
    y_true, y_pred = (rng.choice(one_of(rng, pools), samples) for _ in range(2))
    y_pred = np.where(rng.random(samples) < one_of(rng, (0, 0.5, 0.9, 1)), y_true, y_pred)
    dtype = one_of(rng, ("int64", "int64", "int32", "uint8"))
    return y_true.astype(dtype), y_pred.astype(dtype), classes


def _confusion(y_true, y_pred, classes):
    pairs = list(zip(y_true.tolist(), y_pred.tolist(), strict=True))
    return np.array([[pairs.count((i, j)) for j in range(classes)] for i in range(classes)])


def _same_counts(value: Any, expected: np.ndarray, arguments: Sequence) -> bool:
    values = compare.array(value)
    return values is not None and values.shape == np.shape(expected) and np.array_equal(values, expected)


_CONFUSION_REGIONS = {
    "N = 1": Region("N", lambda t, p, c: len(t) == 1),
    "N = 2": Region("N", lambda t, p, c: len(t) == 2),
    "N < classes": Region("N", lambda t, p, c: len(t) < c),
    "N > 20": Region("N", lambda t, p, c: len(t) > 20),
    "N > 255": Region("N", lambda t, p, c: len(t) > 255),
    "N = classes": Region("N", lambda t, p, c: len(t) == c),
    "classes = 2": Region("classes", lambda t, p, c: c == 2),
    "classes = 10": Region("classes", lambda t, p, c: c == 10),
    "classes > 10": Region("classes", lambda t, p, c: c > 10),
    "classes odd": Region("classes", lambda t, p, c: c % 2 == 1),
    "all right": Region("hits", lambda t, p, c: (t == p).all()),
    "all wrong": Region("hits", lambda t, p, c: (t != p).all()),
    "some wrong": Region("hits", lambda t, p, c: (t != p).any()),
    "no truth of class 0": Region("truth", lambda t, p, c: (t != 0).all()),
    "no truth of the last class": Region("truth", lambda t, p, c: (t != c - 1).all()),
    "one true class": Region("truth", lambda t, p, c: len(np.unique(t)) == 1),
    "all classes true": Region("truth", lambda t, p, c: len(np.unique(t)) == c),
    "class 0 never predicted": Region("predictions", lambda t, p, c: (p != 0).all()),
    "the last class never predicted": Region("predictions", lambda t, p, c: (p != c - 1).all()),
    "one predicted class": Region("predictions", lambda t, p, c: len(np.unique(p)) == 1),
    "all classes predicted": Region("predictions", lambda t, p, c: len(np.unique(p)) == c),
    "int32": Region("type", lambda t, p, c: t.dtype == np.int32),
    "uint8": Region("type", lambda t, p, c: t.dtype == np.uint8),
    "int64": Region("type", lambda t, p, c: t.dtype == np.int64),
}
_CONFUSION_WRONGS = {
    "is transposed": lambda value, arguments: value.T,
    "has one more in its first place": lambda value, arguments: (
        value + (np.arange(value.size) == 0).reshape(value.shape)
    ),
    "has one more in its last place": lambda value, arguments: (
        value + (np.arange(value.size) == value.size - 1).reshape(value.shape)
    ),
    "has one more on its diagonal": lambda value, arguments: value + np.eye(len(value)),
    "counts each pair once": lambda value, arguments: np.minimum(value, 1),
    "lacks its last row and column": lambda value, arguments: value[:-1, :-1],
    "is empty": lambda value, arguments: 0 * value,
    "has an empty diagonal": lambda value, arguments: value * (1 - np.eye(len(value), dtype=int)),
    "is divided by N": lambda value, arguments: value / len(arguments[0]),
    "is flat": lambda value, arguments: value.ravel(),
    "changes its input": _changes_first,
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
}


def _draw_sure(rng: Rng) -> tuple:
    samples, classes = int(one_of(rng, (1, 2, 3, 5, 10, 30, 60))), int(one_of(rng, (2, 3, 4, 5, 10, 12)))
    while True:
        scores = rng.normal(0, one_of(rng, (0.3, 1, 3)), (samples, classes))
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        ordered = np.sort(p, axis=1)
        tops = np.sort(ordered[:, -1])
        if (ordered[:, -1] - ordered[:, -2] > 1e-4).all() and (np.diff(tops) > 1e-5).all():
            break
    wrong = rng.random(samples) < one_of(rng, (0, 0.1, 0.5, 0.9, 1))
    y = np.where(wrong, (p.argmax(axis=1) + rng.integers(1, classes, samples)) % classes, p.argmax(axis=1))
    dtype = one_of(rng, ("int64", "int64", "int32", "uint8"))
    return y.astype(dtype), p.astype(one_of(rng, ("float32", "float64")))


def _wrong_ones(y, p):
    wrong = [k for k in range(len(y)) if int(np.argmax(p[k])) != int(y[k])]
    return np.array(sorted(wrong, key=lambda k: -float(np.max(p[k]))), dtype="int64")


def _same_rows(value: Any, expected: np.ndarray, arguments: Sequence) -> bool:
    values = compare.array(value)
    if values is None:
        return False
    return (
        values.size == 0 if not len(expected) else values.shape == expected.shape and np.array_equal(values, expected)
    )


def _errors(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return p.argmax(axis=1) != y


_SURE_REGIONS = {
    "N = 1": Region("N", lambda y, p: len(y) == 1),
    "N = 2": Region("N", lambda y, p: len(y) == 2),
    "N > 20": Region("N", lambda y, p: len(y) > 20),
    "N = K": Region("N", lambda y, p: len(y) == p.shape[1]),
    "N < K": Region("N", lambda y, p: len(y) < p.shape[1]),
    "K = 2": Region("K", lambda y, p: p.shape[1] == 2),
    "K = 10": Region("K", lambda y, p: p.shape[1] == 10),
    "K > 4": Region("K", lambda y, p: p.shape[1] > 4),
    "none wrong": Region("errors", lambda y, p: not _errors(y, p).any()),
    "one wrong": Region("errors", lambda y, p: _errors(y, p).sum() == 1),
    "several wrong": Region("errors", lambda y, p: _errors(y, p).sum() > 1),
    "all wrong": Region("errors", lambda y, p: _errors(y, p).all()),
    "the first row is wrong": Region("place", lambda y, p: _errors(y, p)[0]),
    "the last row is wrong": Region("place", lambda y, p: _errors(y, p)[-1]),
    "all are sure": Region("sureness", lambda y, p: p.max(axis=1).min() > 0.5),
    "some are not sure": Region("sureness", lambda y, p: p.max(axis=1).min() < 0.5),
    "all wrong ones are sure": Region("sureness", lambda y, p: p.max(axis=1)[_errors(y, p)].min() > 0.5),
    "float32": Region("type", lambda y, p: p.dtype == np.float32),
    "float64": Region("type", lambda y, p: p.dtype == np.float64),
    "y is uint8": Region("labels", lambda y, p: y.dtype == np.uint8),
    "y is int32": Region("labels", lambda y, p: y.dtype == np.int32),
}
_SURE_WRONGS = {
    "turns the order round": lambda value, arguments: value[::-1],
    "returns them sorted by row": lambda value, arguments: np.sort(value),
    "lacks the first": lambda value, arguments: value[1:],
    "lacks the last": lambda value, arguments: value[:-1],
    "has one more": lambda value, arguments: np.append(value, 0),
    "counts from 1": lambda value, arguments: value + 1,
    "returns none": lambda value, arguments: value[:0],
    "returns all": lambda value, arguments: np.argsort(-arguments[1].max(axis=1)),
    "returns a column": lambda value, arguments: value[:, None],
    "returns how many": lambda value, arguments: len(value),
    "changes its input": _changes_first,
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
}

DOMAINS = {
    "build_cnn": Domain(_draw_network, plan.cnn, _same_network, _NETWORK_REGIONS, _NETWORK_WRONGS, slow=True),
    "order_matters": Domain(
        _draw_order,
        _order,
        lambda value, expected, arguments: value == expected,
        _ORDER_REGIONS,
        _ORDER_WRONGS,
        slow=True,
    ),
    "sgd_step": Domain(_draw_sgd, _sgd, _same_lists, _SGD_REGIONS, _of_lists(2)),
    "adam_step": Domain(_draw_adam, _adam, _same_lists, _ADAM_REGIONS, _of_lists(3)),
    "l1_l2": Domain(_draw_penalty, _penalty, _same_penalty, _PENALTY_REGIONS, _PENALTY_WRONGS),
    "confusion_matrix": Domain(_draw_classes, _confusion, _same_counts, _CONFUSION_REGIONS, _CONFUSION_WRONGS),
    "misclassified": Domain(_draw_sure, _wrong_ones, _same_rows, _SURE_REGIONS, _SURE_WRONGS),
}
