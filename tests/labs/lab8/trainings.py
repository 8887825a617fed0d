"""The domain of ``train_network``: small networks of dense layers, and where their trainings may end.

What is right is followed in plain loops for every order that the images may come in: an answer is right if it ends
where one of these ends.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.domain import Domain, Region, change_input, one_of, raise_error
from tests.labs.lab8.ways.train import slopes_of

Rng = np.random.Generator
#: What draws by itself, and goes on from call to call; always the same in a run of the tests.
_OWN = np.random.default_rng(0)


def _draw(rng: Rng) -> tuple:
    between = one_of(rng, ("", "", "relu", "sigmoid"))
    classes = int(rng.integers(2, 5))
    sizes = (3, 4, classes) if between else (3, classes)
    layers: list[dict] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [{"kind": between}] if layers else []
        layers.append({"kind": "dense", "W": rng.normal(0, 0.6, (outputs, inputs)), "b": rng.normal(0, 0.3, outputs)})
    if rng.random() < 0.5:
        count, epochs = int(one_of(rng, (1, 2, 3, 5, 7, 8))), int(one_of(rng, (1, 2, 3, 4, 7, 10)))
        x, y = rng.normal(size=(1, 3)).repeat(count, axis=0), rng.integers(0, classes, 1).repeat(count)
    else:
        count, epochs = one_of(rng, ((2, 1), (2, 2), (2, 4), (3, 1), (3, 2)))
        x, y = rng.normal(size=(count, 3)), rng.permutation(np.arange(count) % classes)
    if between == "relu":
        # Over a kink, no two ways to round stay together.
        epochs = min(epochs, 3)
    size = int(one_of(rng, (1, 2, 2, 3, 3, count, count + 2)))
    momentum = float(one_of(rng, (0.0, 0.0, 0.3, 0.6, 0.9, 0.95)))
    rate = float(one_of(rng, (0.03, 0.2, 0.5)))
    return layers, x, y, int(rng.integers(2**31)), epochs, size, rate, momentum


def _slopes(layers: Sequence[dict], x: np.ndarray, t: np.ndarray) -> list[dict]:
    """Return the gradients of the mean cross-entropy by weights and biases."""
    if not {one["kind"] for one in layers} <= {"dense", "relu", "sigmoid"}:
        # The checks ask other networks too, which the domain does not draw.
        return slopes_of(layers, x, t)
    inputs, h = [], x
    for one in layers:
        inputs.append(h)
        if one["kind"] == "dense":
            h = np.einsum("ni,ji->nj", h, one["W"]) + one["b"]
        else:
            h = np.where(h > 0, h, 0) if one["kind"] == "relu" else 1 / (1 + np.exp(-h))
    p = np.exp(h) / np.exp(h).sum(axis=1)[:, None]
    slope, found = (p - t) / len(x), []
    for one, h in zip(layers[::-1], inputs[::-1], strict=True):
        if one["kind"] == "dense":
            found.append({"W": np.einsum("nj,ni->ji", slope, h), "b": slope.sum(axis=0)})
            slope = slope @ one["W"]
        else:
            found.append({})
            s = 1 / (1 + np.exp(-h))
            slope = np.where(h > 0, slope, 0) if one["kind"] == "relu" else slope * s * (1 - s)
    return found[::-1]


def _follow(
    layers: Sequence[dict],
    x: np.ndarray,
    t: np.ndarray,
    epochs: Iterable[Sequence[Sequence[int]]],
    rate: Callable[[int], float],
    momentum: float,
    forget: Callable[[int, int], bool] = lambda epoch, step: False,
    factor: Callable[[int], float] = lambda rows: 1,
) -> list[dict]:
    """Take a step for each batch of each epoch."""
    layers = copy.deepcopy(list(layers))
    v: dict = {}
    for epoch, batches in enumerate(epochs):
        for step, rows in enumerate(batches):
            rows = list(rows)
            for k, slopes in enumerate(_slopes(layers, x[rows], t[rows])):
                for name, slope in slopes.items():
                    before = 0 if forget(epoch, step) else v.get((k, name), 0)
                    v[k, name] = momentum * before - rate(epoch) * factor(len(rows)) * slope
                    layers[k][name] = layers[k][name] + v[k, name]
    return layers


def _batches(order: Sequence[int], size: int) -> list[Sequence[int]]:
    return [order[first : first + size] for first in range(0, len(order), size)]


def _one_hot(layers: Sequence[dict], y: np.ndarray) -> np.ndarray:
    return np.eye(len(layers[-1]["b"]))[y]


def _train(layers, x, y, rng, epochs, size, rate, momentum, classes=None, **others) -> list[dict]:
    passes = (_batches(rng.permutation(len(x)), size) for _ in range(epochs))
    t = _one_hot(layers, y if classes is None else classes)
    return _follow(layers, x, t, passes, rate if callable(rate) else lambda epoch: rate, momentum, **others)


def _packed(layers: Any) -> np.ndarray:
    return np.concatenate([np.ravel(one[name]) for one in layers for name in ("W", "b") if one["kind"] == "dense"])


def _ask(function: Callable, arguments: Sequence) -> tuple:
    """Return twice what the function makes of the same generator, and whether it kept what it was given."""
    layers, x, y, seed, *others = arguments
    found = []
    for _ in range(2):
        given = copy.deepcopy((layers, x, y))
        made = function(*given, np.random.default_rng(seed), *others)
        if not isinstance(made, (list, tuple)):
            raise TypeError("no list of layers")
        for one, old in zip(made, layers, strict=True):
            for name in old:
                if name != "kind" and np.shape(one[name]) != old[name].shape:
                    raise ValueError("another shape")
        kept = all(np.array_equal(one, old) for one, old in zip(given[1:], (x, y), strict=True))
        found.append((_packed(made), kept and np.array_equal(_packed(given[0]), _packed(layers))))
    return tuple(found)


def _right(value: tuple, expected: tuple, arguments: Sequence) -> bool:
    (found, kept), (again, _) = value
    layers, x, y, _, epochs, size, rate, momentum = arguments
    if not kept or found.shape != expected[0][0].shape or not np.array_equal(found, again):
        return False
    count, t = len(x), _one_hot(layers, y)
    equal = count < 2 or np.array_equal(x, x[:1].repeat(count, axis=0))
    orders = [tuple(range(count))] if equal else list(itertools.permutations(range(count)))
    orders = list({tuple(tuple(sorted(rows)) for rows in _batches(order, size)) for order in orders})
    for chosen in itertools.product(orders, repeat=1 if equal else epochs):
        passes = chosen * epochs if equal else chosen
        end = _packed(_follow(layers, x, t, passes, lambda epoch: rate, momentum))
        if np.allclose(found, end, rtol=2e-4, atol=2e-5):
            return True
    return False


def _differs(**changes: Callable) -> Callable:
    """Return a wrong training: arguments by name are changed by what takes all arguments."""
    names = ("layers", "x", "y", "rng", "epochs", "size", "rate", "momentum")

    def wrong(value: Any, arguments: Sequence) -> list[dict]:
        given = dict(zip(names, arguments, strict=True))
        return _train(**given | {name: change(given) for name, change in changes.items()})

    return wrong


def _rest_dropped(value: Any, arguments: Sequence) -> list[dict]:
    layers, x, y, rng, epochs, size, *others = arguments
    whole = max(len(x) // size * size, min(size, len(x)))
    return _train(layers, x[:whole], y[:whole], rng, epochs, size, *others)


def _drawn_again(value: Any, arguments: Sequence) -> list[dict]:
    """Draw images with replacement."""
    layers, x, y, rng, *others = arguments
    rows = rng.integers(0, len(x), len(x))
    return _train(layers, x[rows], y[rows], rng, *others)


def _regions() -> dict[str, Region]:
    def of(factor: str, holds: Callable) -> Region:
        return Region(factor, lambda layers, x, y, rng, e, size, rate, m: holds(layers, x, e, size, rate, m))

    return {
        "one image": of("images", lambda net, x, e, s, r, m: len(x) == 1),
        "equal images": of("images", lambda net, x, e, s, r, m: len(x) > 1 and (x == x[:1]).all()),
        "images that differ": of("images", lambda net, x, e, s, r, m: (x != x[:1]).any()),
        "a batch is one image": of("batch", lambda net, x, e, s, r, m: s == 1 < len(x)),
        "batches leave a rest": of("batch", lambda net, x, e, s, r, m: s < len(x) and len(x) % s > 0),
        "a batch is all images": of("batch", lambda net, x, e, s, r, m: s == len(x)),
        "a batch is more than all images": of("batch", lambda net, x, e, s, r, m: s > len(x)),
        "one epoch": of("epochs", lambda net, x, e, s, r, m: e == 1),
        "a few epochs": of("epochs", lambda net, x, e, s, r, m: 1 < e < 5),
        "many epochs": of("epochs", lambda net, x, e, s, r, m: e > 5),
        "no momentum": of("momentum", lambda net, x, e, s, r, m: m == 0),
        "little momentum": of("momentum", lambda net, x, e, s, r, m: 0 < m < 0.5),
        "much momentum": of("momentum", lambda net, x, e, s, r, m: m > 0.85),
        "a small learning rate": of("rate", lambda net, x, e, s, r, m: r < 0.1),
        "a large learning rate": of("rate", lambda net, x, e, s, r, m: r > 0.4),
        "one layer": of("layers", lambda net, x, e, s, r, m: len(net) == 1),
        "a ReLU": of("layers", lambda net, x, e, s, r, m: net[1]["kind"] == "relu"),
        "a sigmoid": of("layers", lambda net, x, e, s, r, m: net[1]["kind"] == "sigmoid"),
    }


_WRONGS = {
    "ignores momentum": _differs(momentum=lambda given: 0.0),
    "takes half of the momentum": _differs(momentum=lambda given: given["momentum"] / 2),
    "begins each epoch without velocity": _differs(forget=lambda given: lambda epoch, step: step == 0),
    "begins each batch without velocity": _differs(forget=lambda given: lambda epoch, step: step > 0),
    "adds gradients up": _differs(factor=lambda given: lambda rows: rows),
    "divides by the size of a batch": _differs(factor=lambda given: lambda rows: rows / given["size"]),
    "goes uphill": _differs(rate=lambda given: -given["rate"]),
    "takes twice the learning rate": _differs(rate=lambda given: 2 * given["rate"]),
    "lets the learning rate fall": _differs(rate=lambda given: lambda epoch: given["rate"] / (1 + epoch)),
    "stops one epoch too early": _differs(epochs=lambda given: given["epochs"] - 1),
    "goes on for an epoch": _differs(epochs=lambda given: given["epochs"] + 1),
    "takes all images at once": _differs(size=lambda given: len(given["x"])),
    "takes each image by itself": _differs(size=lambda given: 1),
    "drops what is left over": _rest_dropped,
    "leaves classes behind": _differs(classes=lambda given: np.roll(given["y"], 1)),
    "draws images again": _drawn_again,
    "draws with a generator of its own": _differs(rng=lambda given: _OWN),
    "trains the last layer alone": lambda value, a: [*copy.deepcopy(a[0][:-1]), value[-1]],
    "leaves the biases": lambda value, a: [
        one | ({"b": old["b"]} if "b" in old else {}) for one, old in zip(value, a[0], strict=True)
    ],
    "returns what came in": lambda value, a: copy.deepcopy(a[0]),
    "returns arrays": lambda value, a: [one["W"] for one in value if "W" in one],
    "returns the last layer": lambda value, a: value[-1:] if len(value) > 1 else value[-1],
    "returns nothing": lambda value, a: None,
    "raises an error": raise_error,
    "changes the images": lambda value, a: change_input(value, a[1:]),
}
DOMAIN = Domain(_draw, _train, _right, _regions(), _WRONGS, slow=True, ask=_ask)
