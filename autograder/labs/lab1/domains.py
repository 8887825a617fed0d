"""What each function of the lab may be asked: the regions of its inputs, as the notebook describes them.

Arrays are of float32 or float64, in C or in Fortran order. No question is larger than loops in plain Python can answer
in a fraction of a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from autograder.checking.domain import Domain, Regions
from autograder.labs.lab1.drawing import Rng, draw_signed, draw_values, draw_weights

#: Multiplications that one question may take.
_WORK = 60_000
_TYPES = ("float32", "float64")
_ORDERS = ("C", "F")


def _array(values: np.ndarray, at: Regions) -> np.ndarray:
    return np.array(values, dtype=at["dtype"], order=at["order"])


_KINDS = ("mixed", "negative", "positive", "tiny", "large", "zeros", "nothing", "ties")


def _some(rng: Rng, *shape: int, kinds: Sequence[str] = _KINDS, scale: float = 1.0) -> np.ndarray:
    """Return an array of any kind, type and order."""
    kind, dtype, order = (str(rng.choice(names)) for names in (kinds, _TYPES, _ORDERS))
    return np.array(scale * draw_values(rng, kind, *shape), dtype=dtype, order=order)


def _some_size(rng: Rng, most: int, count: int = 2) -> tuple[int, ...]:
    """Return sizes from 1, all the same one time in three."""
    sizes = rng.integers(1, most + 1, count)
    return tuple(int(size) for size in (np.full(count, sizes[0]) if rng.random() < 0.3 else sizes))


#: Shapes of what an activation is applied to: one axis to four.
_SHAPES = ((1,), (7,), (12,), (1000,), (12, 1), (4, 6), (3, 5, 2), (2, 3, 4, 2))


def _is_vector(shape: tuple[int, ...]) -> bool:
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def _draw_activation(rng: Rng, at: Regions) -> tuple:
    shape = at["shape"]
    if at["values"] == "apart":
        # 30 from one to the next, so that all but one exponential of a softmax are nearly 0.
        values = 30.0 * (rng.permutation(math.prod(shape)).reshape(shape) - math.prod(shape) // 2)
    else:
        values = draw_values(rng, at["values"], *shape)
    return _array(values, at), at["name"]


def _may_be_activated(at: Regions) -> bool:
    return at.get("name") != "softmax" or _is_vector(at.get("shape", (1,)))


def _any_activation(rng: Rng) -> tuple:
    name = str(rng.choice(["linear", "relu", "sigmoid", "softmax"]))
    axes = int(rng.integers(1, 3 if name == "softmax" else 5))
    most = {1: 14, 2: 8, 3: 5, 4: 4}[axes] if rng.random() < 0.9 else {1: 900, 2: 30, 3: 10, 4: 6}[axes]
    shape = _some_size(rng, most, axes)
    # Two numbers and ten come often: vectors of scores have these sizes.
    shape = (int(rng.choice([2, 10])), *shape[1:]) if rng.random() < 0.3 else shape
    shape = (1, *shape[1:]) if axes > 1 and rng.random() < 0.15 else shape
    shape = (*shape[:1], *(1 for _ in shape[1:])) if name == "softmax" or rng.random() < 0.1 else shape
    if name != "softmax" and rng.random() < 0.3:
        # One number, a row, a column and a square, short ones and long ones.
        side = int(rng.integers(2, rng.choice([6, 32])))
        shapes = [(1,), (1, 1, 1), (1, side), (1, side**2), (side**2, 1), (side, side), (side, side)]
        shape = shapes[rng.integers(len(shapes))]
    scale = float(rng.choice([1, 30])) if rng.random() < 0.3 else 1.0
    return _some(rng, *shape, kinds=(*_KINDS, "deep"), scale=scale), name


ACTIVATION = Domain(
    {
        "shape": _SHAPES,
        "values": ("mixed", "negative", "positive", "tiny", "large", "deep", "zeros", "nothing", "apart"),
        "name": ("linear", "relu", "sigmoid", "softmax"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    _draw_activation,
    _may_be_activated,
    _any_activation,
    free=320,
)


_CONVOLUTION = {
    "size": ((1, 1), (1, 6), (5, 1), (2, 2), (4, 6), (5, 5), (6, 7), (28, 28), (33, 35)),
    "kernel": ((1, 1), (3, 3), (1, 5), (3, 1), (5, 3), (7, 7)),
    "channels": ((1, 1), (1, 9), (3, 1), (2, 2), (2, 5), (8, 3)),
    "values": ("mixed", "negative", "positive", "tiny", "large", "zeros", "nothing"),
    "bias": ("mixed", "negative", "positive", "nothing"),
    "act": ("linear", "relu", "sigmoid"),
    # The notebook's edge kernels are whole numbers.
    "weights": ("real", "whole"),
    "dtype": _TYPES,
    "order": _ORDERS,
}


def _draw_layer(rng: Rng, at: Regions) -> tuple:
    batch = (at["batch"],) if "batch" in at else ()
    scale = 0.3 if at["values"] == "large" else 1.0
    h = scale * draw_values(rng, at["values"], *batch, *at["size"], at["channels"][0])
    shape = *at["kernel"], *at["channels"]
    W = _array(draw_weights(rng, *shape), at) if at["weights"] == "real" else rng.integers(-1, 2, shape)
    return _array(h, at), W, _array(draw_values(rng, at["bias"], at["channels"][1]), at), at["act"]


def _is_convolved_soon(at: Regions) -> bool:
    size, kernel = at.get("size"), at.get("kernel")
    # A kernel may be larger than the image, but each of its weights lies on some pixel.
    if size and kernel and any(k // 2 >= extent for k, extent in zip(kernel, size, strict=True)):
        return False
    known = [at[axis] for axis in ("size", "kernel", "channels") if axis in at]
    return math.prod(map(math.prod, known)) * at.get("batch", 1) <= _WORK


def _any_layer(rng: Rng, *batch: int) -> tuple:
    sizes = _some_size(rng, int(rng.choice([4, 9])))
    # A long and narrow image costs little.
    sizes = (*rng.permutation([int(rng.integers(33, 40)), sizes[0]]),) if rng.random() < 0.08 else sizes
    kernel = (2 * size - 1 for size in _some_size(rng, 4 if rng.random() < 0.4 else 2))
    kernel = (min(k, 2 * int(extent) - 1) for k, extent in zip(kernel, sizes, strict=True))
    inputs, outputs = (int(n) for n in rng.integers(1, rng.choice([4, 12], 2)))
    shape = *kernel, inputs, outputs
    scale = 1 / math.sqrt(math.prod(shape[:-1]))
    kinds = tuple(kind for kind in _KINDS if kind != "large")
    W = rng.integers(-1, 2, shape) if rng.random() < 0.2 else _some(rng, *shape, kinds=kinds, scale=scale)
    h = _some(rng, *batch, *sizes, inputs, scale=0.5)
    # Symmetric kernels and whole numbers, from a generator of their own: all else stays as it is drawn without them.
    aside = rng.spawn(1)[0]
    if math.prod(shape[:2]) > 1 and aside.random() < 0.15:
        W = W + W[::-1, ::-1]
        h = np.round(h) if aside.random() < 0.5 else h
    return h, W, _some(rng, outputs), str(rng.choice(["linear", "relu", "sigmoid"]))


CONVOLUTION = Domain(_CONVOLUTION, _draw_layer, _is_convolved_soon, _any_layer, free=160)


FAST_CONVOLUTION = Domain(
    {**_CONVOLUTION, "batch": (1, 2, 5)},
    _draw_layer,
    _is_convolved_soon,
    lambda rng: _any_layer(rng, int(rng.integers(1, rng.choice([4, 14])))),
    free=160,
)


def _any_image(rng: Rng, least: int) -> np.ndarray:
    rows, columns = (size + least for size in _some_size(rng, int(rng.choice([3, 11, 37], p=[0.4, 0.4, 0.2]))))
    if rng.random() < 0.2:
        rows, columns = (int(n) for n in rng.permutation([int(rng.integers(11, 40)), least + int(rng.integers(1, 5))]))
    channels = int(rng.integers(1, rng.choice([4, 12])))
    if rng.random() < 0.3 and columns < 13:
        channels = columns + int(rng.integers(2))
    return _some(rng, rows, columns, channels, kinds=(*_KINDS, "deep"))


POOLING = Domain(
    {
        "size": ((2, 2), (2, 5), (3, 2), (4, 4), (5, 5), (6, 8), (7, 6), (28, 30), (33, 35)),
        "channels": (1, 2, 3, 5, 9),
        "values": ("mixed", "negative", "positive", "tiny", "deep", "zeros", "nothing"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    lambda rng, at: (_array(draw_values(rng, at["values"], *at["size"], at["channels"]), at),),
    freely=lambda rng: (_any_image(rng, 1),),
    free=160,
)


FLATTENING = Domain(
    {
        "size": ((1, 1), (1, 5), (5, 1), (2, 3), (4, 4), (7, 6), (28, 28), (33, 35)),
        "channels": (1, 2, 3, 9),
        "values": ("mixed", "negative", "tiny", "large", "zeros", "nothing"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    POOLING.draw,
    freely=lambda rng: (_any_image(rng, 0),),
    free=150,
)


def _draw_dense(rng: Rng, at: Regions) -> tuple:
    inputs, outputs = at["inputs"], at["outputs"]
    scale = 0.3 if at["values"] == "large" else 1.0
    h = scale * draw_values(rng, at["values"], *((inputs, 1) if at["column"] else (inputs,)))
    W = draw_weights(rng, inputs, outputs).T
    return _array(h, at), _array(W, at), _array(draw_values(rng, at["bias"], outputs, 1), at), at["act"]


def _any_dense(rng: Rng) -> tuple:
    inputs, outputs = _some_size(rng, int(rng.choice([6, 40])))
    outputs = 10 if rng.random() < 0.2 else outputs
    kinds = tuple(kind for kind in _KINDS if kind != "large")
    scale = float(rng.choice([1, 4]))
    W = _some(rng, outputs, inputs, kinds=kinds, scale=scale / math.sqrt(inputs))
    h = _some(rng, *((inputs, 1) if rng.random() < 0.5 else (inputs,)), scale=1 / scale)
    return h, W, _some(rng, outputs, 1), str(rng.choice(["linear", "relu", "sigmoid", "softmax"]))


DENSE = Domain(
    {
        "inputs": (1, 2, 3, 5, 12, 300),
        "outputs": (1, 2, 3, 4, 10, 33),
        "column": (False, True),
        "values": ("mixed", "negative", "positive", "tiny", "large", "zeros", "nothing"),
        "bias": ("mixed", "negative", "positive", "nothing"),
        "act": ("linear", "relu", "sigmoid", "softmax"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    _draw_dense,
    freely=_any_dense,
    free=200,
)


def _draw_network(rng: Rng, at: Regions) -> tuple:
    def array(*shape: int) -> np.ndarray:
        values = {"mixed": draw_signed(rng, *shape), "zeros": np.zeros(shape), "repeated": np.full(shape, 0.5)}
        return _array(values[at["weights"]], at)

    def bias(*shape: int) -> np.ndarray:
        return _array(np.zeros(shape) if at["bias"] == "zeros" else draw_signed(rng, *shape), at)

    W, b = [], []
    channels = at["channels"]
    for k in range(at["convolutions"]):
        filters = int(rng.integers(1, 6))
        W.append(array(*at["kernel"], channels, filters))
        b.append(bias(filters))
        channels = filters
        W += [array(0)] * (at["empty"] and k % 2 == 0)
        b += [array(0)] * (at["empty"] and k % 2 == 0)
    if at["empty"]:
        W.append(array(0))
        b.append(array(0))
    for _ in range(at["dense"]):
        outputs = int(rng.integers(1, 12))
        W.append(array(outputs, channels))
        b.append(bias(outputs, 1))
        channels = outputs
    return W, b


def _any_network(rng: Rng) -> tuple:
    W, b = [], []
    kinds = _KINDS if rng.random() < 0.5 else [rng.choice(_KINDS)]
    every = ["convolution", "dense", "empty"]
    layers = (["convolution"], ["dense"], every, every)[rng.integers(4)]
    for _ in range(int(rng.choice([1, 1, 2, 2, 3, 4, 6, 9, 10, 10]))):
        kind = rng.choice(layers)
        outputs, inputs = _some_size(rng, int(rng.choice([3, 8, 40])))
        outputs, inputs = (1 if rng.random() < 0.15 else n for n in (outputs, inputs))
        kernel = tuple(2 * size - 1 for size in _some_size(rng, 3))
        shapes = {
            "convolution": ((*kernel, inputs % 9 or 1, outputs % 9 or 1), (outputs % 9 or 1,)),
            "dense": ((outputs, inputs), (outputs, 1)),
            "empty": ((0,), (0,)),
        }[kind]
        for arrays, shape in zip((W, b), shapes, strict=True):
            arrays.append(_some(rng, *shape, kinds=kinds))
    return W, b


NETWORKS = Domain(
    {
        "convolutions": (0, 1, 2, 4),
        "dense": (0, 1, 2, 3, 6),
        "empty": (False, True),
        "kernel": ((1, 1), (3, 3), (5, 3), (1, 7)),
        "channels": (1, 2, 3, 8),
        "weights": ("mixed", "zeros", "repeated"),
        "bias": ("zeros", "mixed"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    _draw_network,
    lambda at: (at.get("convolutions"), at.get("dense")) != (0, 0),
    _any_network,
    free=150,
)


def _draw_predictions(rng: Rng, at: Regions) -> tuple:
    samples, classes = at["samples"], at["classes"]
    # No two of a sample are the same, and all sums are 1.
    rest = np.linspace(1, 2, classes - 1)
    rest *= {"sure": 0.001, "between": 0.4 / rest.sum(), "even": (1 - 1.3 / classes) / rest.sum()}[at["probabilities"]]
    best = rng.integers(0, classes, samples)
    rows = [np.insert(rng.permutation(rest), k, 1 - rest.sum()) for k in best]
    hits = {"none": 0, "all": samples, "some": int(rng.integers(0, samples + 1))}[at["hits"]]
    wrong = rng.permutation(samples)[hits:]
    true = best.copy()
    true[wrong] = (true[wrong] + rng.integers(1, classes, len(wrong))) % classes
    return _array(np.array(rows), at), _array(np.eye(classes)[true], at)


def _any_predictions(rng: Rng) -> tuple:
    samples, classes = (size + 1 for size in _some_size(rng, int(rng.choice([4, 9, 30]))))
    samples, classes = max(1, samples - int(rng.random() < 0.3)), min(classes, 10)
    # Steps apart, so that none is the largest by chance alone, and some classes without any probability.
    rows = [rng.permutation(classes) + rng.uniform(0.2, 0.8) for _ in range(samples)]
    rows = np.array([row * (rng.random(classes) < 0.7) ** (rng.random() < 0.5) for row in rows]) ** rng.choice([1, 3])
    rows[np.arange(samples), rng.integers(0, classes, samples)] += rows.max() + 1
    best = rows.argmax(axis=1)
    if rng.random() < 0.2:
        rows = np.eye(classes)[best]
    true = np.where(rng.random(samples) < rng.choice([0.0, 0.5, 1.0]), best, rng.integers(0, classes, samples))
    rows /= rows.sum(axis=1, keepdims=True)
    true = np.full(samples, true[0]) if rng.random() < 0.15 else true
    (dtype, order), (other, its_order) = (map(str, (rng.choice(_TYPES), rng.choice(_ORDERS))) for _ in range(2))
    return np.array(rows, dtype, order=order), np.array(np.eye(classes)[true], other, order=its_order)


PREDICTIONS = Domain(
    {
        "samples": (1, 2, 3, 7, 23, 64),
        "classes": (2, 3, 5, 10),
        "probabilities": ("sure", "even", "between"),
        "hits": ("none", "some", "all"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    _draw_predictions,
    freely=_any_predictions,
    free=150,
)
