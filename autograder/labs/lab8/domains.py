"""What each function of the lab may be asked: the regions of its inputs, as the notebook describes them.

Arrays are of float32 or float64, in C or in Fortran order. No question is larger than loops in plain Python can answer
in a fraction of a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from autograder.checking.domain import Domain, Regions
from autograder.labs.lab8.drawing import Rng, of_kind, one_hot

#: Multiplications that one question may take.
_WORK = 30_000
_TYPES = ("float32", "float64")
_ORDERS = ("C", "F")
_KINDS = ("mixed", "negative", "positive", "tiny", "large", "zeros", "nothing", "ties")


def _array(values: np.ndarray, at: Regions) -> np.ndarray:
    return np.array(values, dtype=at["dtype"], order=at["order"])


def _some(rng: Rng, *shape: int, kinds: Sequence[str] = _KINDS, scale: float = 1.0) -> np.ndarray:
    """Return an array of any kind, type and order."""
    kind, dtype, order = (str(rng.choice(names)) for names in (kinds, _TYPES, _ORDERS))
    return np.array(scale * of_kind(rng, kind, *shape), dtype=dtype, order=order)


def _size(rng: Rng, most: int, least: int = 1) -> int:
    """Return a size, the smallest and the largest more often than others."""
    return int(rng.choice([least, most, *rng.integers(least, most + 1, 4)]))


# Activations.

_SHAPES = ((1,), (7,), (300,), (12, 1), (4, 6), (3, 5, 2), (2, 3, 4, 2))


def _any_activation(rng: Rng) -> tuple:
    axes = int(rng.integers(1, 5))
    most = {1: 40, 2: 9, 3: 5, 4: 4}[axes]
    side = int(rng.integers(1, 6))
    shape = tuple(_size(rng, most) for _ in range(axes)) if rng.random() < 0.8 else (side, side)
    return _some(rng, *shape), _some(rng, *shape, kinds=(*_KINDS, "deep", "alike"))


ACTIVATION = Domain(
    {
        "shape": _SHAPES,
        "gradient": ("mixed", "negative", "positive", "tiny", "large", "zeros", "nothing"),
        "values": ("mixed", "negative", "positive", "tiny", "large", "deep", "zeros", "nothing", "ties"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    lambda rng, at: (
        _array(of_kind(rng, at["gradient"], *at["shape"]), at),
        _array(of_kind(rng, at["values"], *at["shape"]), at),
    ),
    freely=_any_activation,
    free=140,
)


# Softmax and cross-entropy.


def _draw_scores(rng: Rng, at: Regions) -> tuple:
    shape = at["samples"], at["classes"]
    return _array(of_kind(rng, at["values"], *shape), at), _array(one_hot(rng, *shape), at)


def _any_scores(rng: Rng) -> tuple:
    samples, classes = _size(rng, 12), _size(rng, 11, 2)
    samples = classes if rng.random() < 0.15 else samples
    t = np.eye(classes)[rng.integers(0, classes, samples)]
    if rng.random() < 0.15:
        t = np.eye(classes)[np.full(samples, rng.integers(classes))]
    dtype, order = str(rng.choice(_TYPES)), str(rng.choice(_ORDERS))
    z = _some(rng, samples, classes, kinds=(*_KINDS, "far", "alike"))
    return z, np.array(t, dtype, order=order)


SCORES = Domain(
    {
        "samples": (1, 2, 3, 8, 33),
        "classes": (2, 3, 5, 10),
        "values": ("mixed", "negative", "positive", "tiny", "large", "far", "zeros", "nothing", "alike"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    _draw_scores,
    freely=_any_scores,
    free=100,
)


# Dense layers.


def _draw_dense(rng: Rng, at: Regions) -> tuple:
    samples, inputs, outputs = at["samples"], at["inputs"], at["outputs"]
    return (
        _array(of_kind(rng, at["gradient"], samples, outputs), at),
        _array(of_kind(rng, at["values"], samples, inputs), at),
        _array(of_kind(rng, at["weights"], outputs, inputs), at),
    )


def _any_dense(rng: Rng) -> tuple:
    samples, inputs, outputs = (_size(rng, 9) for _ in range(3))
    if rng.random() < 0.3:
        samples, inputs, outputs = rng.permutation([samples, outputs, outputs])
    if rng.random() < 0.1:
        inputs = samples = outputs
    return _some(rng, samples, outputs), _some(rng, samples, inputs), _some(rng, outputs, inputs)


DENSE = Domain(
    {
        "samples": (1, 2, 5, 33),
        "inputs": (1, 2, 3, 12, 60),
        "outputs": (1, 2, 4, 10),
        "gradient": ("mixed", "negative", "positive", "tiny", "zeros", "nothing", "ties"),
        "values": ("mixed", "negative", "positive", "tiny", "large", "zeros", "nothing", "ties"),
        "weights": ("mixed", "negative", "positive", "tiny", "zeros", "nothing", "ties"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    _draw_dense,
    freely=_any_dense,
    free=160,
)


# Pooling.

_PIXELS = (*_KINDS, "deep", "alike")


def _pooled(rng: Rng, samples: int, rows: int, columns: int, channels: int) -> tuple[int, ...]:
    return samples, rows // 2, columns // 2, channels


def _draw_pooling(rng: Rng, at: Regions) -> tuple:
    shape = at["samples"], *at["size"], at["channels"]
    return (
        _array(of_kind(rng, at["gradient"], *_pooled(rng, *shape)), at),
        _array(of_kind(rng, at["values"], *shape), at),
    )


def _any_pooling(rng: Rng) -> tuple:
    samples, channels = _size(rng, 4), _size(rng, 5)
    rows, columns = _size(rng, 7, 2), _size(rng, 7, 2)
    rows = columns if rng.random() < 0.25 else rows
    channels = columns if rng.random() < 0.2 else channels
    shape = samples, rows, columns, channels
    return _some(rng, *_pooled(rng, *shape)), _some(rng, *shape, kinds=_PIXELS)


POOLING = Domain(
    {
        "samples": (1, 2, 5),
        "size": ((2, 2), (2, 5), (3, 2), (4, 4), (5, 5), (6, 8), (7, 6), (14, 16), (33, 6)),
        "channels": (1, 2, 3, 9),
        "gradient": ("mixed", "negative", "positive", "tiny", "zeros", "nothing"),
        "values": ("mixed", "negative", "positive", "tiny", "zeros", "nothing", "ties", "deep"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    _draw_pooling,
    lambda at: math.prod(at.get("size", (1,))) * at.get("channels", 1) * at.get("samples", 1) <= 2500,
    _any_pooling,
    free=120,
)


# Convolution.


def _layer(rng: Rng, samples: int, size: Sequence[int], kernel: Sequence[int], channels: Sequence[int]) -> list[tuple]:
    return [(samples, *size, channels[1]), (samples, *size, channels[0]), (*kernel, *channels)]


def _draw_convolution(rng: Rng, at: Regions) -> tuple:
    shapes = _layer(rng, at["samples"], at["size"], at["kernel"], at["channels"])
    kinds = at["gradient"], at["values"], at["weights"]
    return tuple(_array(of_kind(rng, kind, *shape), at) for kind, shape in zip(kinds, shapes, strict=True))


def _is_convolved_soon(at: Regions) -> bool:
    size, kernel = at.get("size"), at.get("kernel")
    # A kernel may be larger than the image, but each of its weights lies on some pixel.
    if size and kernel and any(k // 2 >= extent for k, extent in zip(kernel, size, strict=True)):
        return False
    known = [at[axis] for axis in ("size", "kernel", "channels") if axis in at]
    return math.prod(map(math.prod, known)) * at.get("samples", 1) <= _WORK


def _any_convolution(rng: Rng) -> tuple:
    most = int(rng.choice([4, 8]))
    size = _size(rng, most), _size(rng, most)
    size = (size[0], size[0]) if rng.random() < 0.25 else size
    kernel = [min(2 * _size(rng, 4) - 1, 2 * extent - 1) for extent in size]
    kernel = [min(kernel)] * 2 if rng.random() < 0.25 else kernel
    channels = [_size(rng, 5), _size(rng, 5)]
    channels = [channels[0]] * 2 if rng.random() < 0.25 else channels
    samples = _size(rng, 4)
    if samples * math.prod(size) * math.prod(kernel) * math.prod(channels) > _WORK:
        samples, channels = 1, [min(n, 2) for n in channels]
    dz, h, W = (_some(rng, *shape) for shape in _layer(rng, samples, size, kernel, channels))
    # Symmetric kernels.
    return dz, h, W + W[::-1, ::-1] if rng.random() < 0.1 else W


CONVOLUTION = Domain(
    {
        "samples": (1, 2, 5),
        "size": ((1, 1), (1, 6), (5, 1), (2, 2), (4, 6), (5, 5), (6, 7), (14, 16), (33, 4)),
        "kernel": ((1, 1), (3, 3), (1, 5), (3, 1), (5, 3), (7, 7)),
        "channels": ((1, 1), (1, 9), (3, 1), (2, 2), (2, 5), (8, 3)),
        "gradient": ("mixed", "negative", "positive", "tiny", "zeros", "nothing", "ties"),
        "values": ("mixed", "negative", "positive", "tiny", "large", "zeros", "nothing", "ties"),
        "weights": ("mixed", "negative", "positive", "tiny", "zeros", "nothing", "ties"),
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    _draw_convolution,
    _is_convolved_soon,
    _any_convolution,
    free=130,
)


# Batch normalization.

#: Of numbers that are nearly the same nothing is asked without an epsilon: single precision has no deviation of them.
_SPREAD = ("mixed", "negative", "positive", "large", "tiny", "zeros")
_EPSILONS = (1e-3, 1e-5, 0.1, 1.0)


def _spread_out(rng: Rng, x: np.ndarray) -> np.ndarray:
    """Return numbers of which no channel has nearly the same ones in all places."""
    rows = x.reshape(-1, x.shape[-1]).copy()
    flat = np.ptp(rows, axis=0) < 0.1 * np.abs(rows).max(initial=1e-9)
    rows[0, flat] += np.abs(rows).max(initial=0) + 0.5
    return rows.reshape(x.shape)


def _draw_normalization(rng: Rng, at: Regions) -> tuple:
    shape = *at["shape"], at["channels"]
    x = _spread_out(rng, of_kind(rng, at["values"], *shape))
    return (
        _array(of_kind(rng, at["gradient"], *shape), at),
        _array(x, at),
        _array(of_kind(rng, at["gamma"], shape[-1]), at),
        float(at["epsilon"]),
    )


def _any_normalization(rng: Rng) -> tuple:
    channels = _size(rng, 6)
    shape = (_size(rng, 9, 2),) if rng.random() < 0.5 else (_size(rng, 4), _size(rng, 4, 2), _size(rng, 4))
    shape = (channels,) if rng.random() < 0.1 and channels > 1 else shape
    x = _spread_out(rng, of_kind(rng, str(rng.choice(_SPREAD)), *shape, channels))
    dtype, order = str(rng.choice(_TYPES)), str(rng.choice(_ORDERS))
    gamma = _some(rng, channels, kinds=("mixed", "negative", "positive", "tiny", "nothing", "ties"))
    dy = _some(rng, *shape, channels, kinds=("mixed", "negative", "positive", "tiny", "zeros", "nothing", "ties"))
    return dy, np.array(x, dtype, order=order), gamma, float(rng.choice(_EPSILONS))


NORMALIZATION = Domain(
    {
        "shape": ((2,), (3,), (8,), (40,), (1, 2, 2), (2, 1, 3), (3, 4, 5), (2, 6, 6)),
        "channels": (1, 2, 3, 9),
        "gradient": ("mixed", "negative", "positive", "tiny", "zeros", "nothing"),
        "values": _SPREAD,
        "gamma": ("mixed", "negative", "positive", "tiny", "nothing", "ties"),
        "epsilon": _EPSILONS,
        "dtype": _TYPES,
        "order": _ORDERS,
    },
    _draw_normalization,
    freely=_any_normalization,
    free=120,
)
