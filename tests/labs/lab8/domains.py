"""What lab 8 asks of its functions, read off its text alone: what may come in, what is right, and what may go wrong.

The mutation score (`benchmarks.mutation`) judges the checks by it, so nothing here comes from them. What counts as
asked:

- ``relu_backward`` and ``sigmoid_backward``: two arrays of one shape, of 1 to 4 axes; inputs up to 60 to both sides.
- ``softmax_cross_entropy_backward``: one sample or more, two classes or more, true classes one-hot.
- ``dense_backward``: one sample, input and output or more.
- ``pool2d_backward``: images of two rows and columns or more, with ties and without.
- ``conv2d_backward``: images of any size; kernels of 1 to 7 rows and columns, both odd, also larger than the image.
- ``batch_norm_backward``: two numbers of each channel or more, that are not all nearly the same; epsilon from 1e-5
  to 1.

- ``gradient_check``: as `tests.labs.lab8.claims` has it. ``train_network``: as `tests.labs.lab8.trainings` has it; that
  each epoch has an order of its own shows only in many trainings, and `autograder.labs.lab8.faults` has such faults.

Numbers are float32 or float64, and arrays lie in C or in Fortran order. A vector of biases may come as a row or a
column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.checking import compare
from benchmarks.domain import Domain, Region, change_input, one_of, raise_error
from tests.labs.lab8 import claims, trainings, ways

Rng = np.random.Generator
WAYS = ways.WAYS
namespace = ways.namespace
#: Lines that measure time, or train for a minute.
TIMED = ("ten", "thirty", "accuracy")
_SINGLE = float(np.finfo("float32").eps)

# What is drawn.

_KINDS = ("both signs", "both signs", "negative", "positive", "small", "whole", "zeros", "nothing")


def _numbers(rng: Rng, kind: str, shape: Sequence[int], most: float = 3.0) -> np.ndarray:
    values = rng.uniform(0.05, 1, shape) * most
    if kind == "negative":
        return -values
    if kind == "positive":
        return values
    if kind == "small":
        return rng.uniform(-0.01, 0.01, shape)
    if kind == "whole":
        return rng.integers(-3, 4, shape).astype(float)
    if kind == "zeros":
        return values * rng.choice([-1, 0, 0, 1], shape)
    if kind == "nothing":
        return np.zeros(shape)
    return values * rng.choice([-1, 1], shape)


def _laid(rng: Rng, values: np.ndarray) -> np.ndarray:
    return np.array(values, dtype=one_of(rng, ("float32", "float64")), order=one_of(rng, ("C", "C", "F")))


def _some(rng: Rng, shape: Sequence[int], kinds: Sequence[str] = _KINDS, most: float = 3.0) -> np.ndarray:
    return _laid(rng, _numbers(rng, one_of(rng, kinds), shape, most))


def _draw_activation(rng: Rng) -> tuple:
    axes = int(rng.integers(1, 5))
    most = (200, 12, 6, 4)[axes - 1]
    shape = tuple(int(one_of(rng, (1, 2, 3, most, *rng.integers(1, most + 1, 2)))) for _ in range(axes))
    return _some(rng, shape), _some(rng, shape, most=one_of(rng, (3.0, 3.0, 60.0)))


def _draw_scores(rng: Rng) -> tuple:
    samples, classes = int(one_of(rng, (1, 1, 2, 3, 5, 8, 20))), int(one_of(rng, (2, 3, 4, 5, 7, 10)))
    samples = classes if rng.random() < 0.1 else samples
    t = np.eye(classes)[rng.integers(0, classes, samples)]
    return _some(rng, (samples, classes), most=one_of(rng, (3.0, 3.0, 1000.0))), _laid(rng, t)


def _draw_dense(rng: Rng) -> tuple:
    samples, inputs, outputs = (int(one_of(rng, (1, 1, 2, 3, 4, 5, 7, 10, 20))) for _ in range(3))
    if rng.random() < 0.15:
        samples = inputs = outputs
    return _some(rng, (samples, outputs)), _some(rng, (samples, inputs)), _some(rng, (outputs, inputs))


def _draw_pooling(rng: Rng) -> tuple:
    rows, columns = (int(one_of(rng, (2, 2, 3, 4, 5, 6, 7, 8, 9))) for _ in range(2))
    rows = columns if rng.random() < 0.2 else rows
    samples, channels = int(one_of(rng, (1, 1, 2, 3, 5))), int(one_of(rng, (1, 1, 2, 3, 4, 8)))
    da = _some(rng, (samples, rows // 2, columns // 2, channels))
    # Far below zero too: whoever begins at a number that looks small enough is wrong there.
    most = one_of(rng, (3.0, 3.0, 3.0, 60.0))
    return da, _some(rng, (samples, rows, columns, channels), (*_KINDS, "whole"), most)


def _draw_convolution(rng: Rng) -> tuple:
    while True:
        size = [int(one_of(rng, (1, 2, 3, 4, 5, 6, 7, 9, 14))) for _ in range(2)]
        size = [size[0]] * 2 if rng.random() < 0.2 else size
        kernel = [int(one_of(rng, (1, 3, 3, 5, 7))) for _ in range(2)]
        kernel = [kernel[0]] * 2 if rng.random() < 0.3 else kernel
        channels = [int(one_of(rng, (1, 1, 2, 3, 4, 5, 8))) for _ in range(2)]
        channels = [channels[0]] * 2 if rng.random() < 0.15 else channels
        samples = int(one_of(rng, (1, 1, 2, 3, 5)))
        if samples * math.prod(size) * math.prod(kernel) * math.prod(channels) <= 20_000:
            break
    dz, h = (_some(rng, (samples, *size, count)) for count in channels[::-1])
    return dz, h, _some(rng, (*kernel, *channels))


def _draw_normalization(rng: Rng) -> tuple:
    channels = int(one_of(rng, (1, 1, 2, 3, 5, 8)))
    if rng.random() < 0.5:
        shape = (int(one_of(rng, (2, 2, 3, 4, 7, 20))),)
    else:
        shape = tuple(int(one_of(rng, (1, 2, 3, 5))) for _ in range(3))
        shape = (2, *shape[1:]) if math.prod(shape) == 1 else shape
    x = _numbers(rng, one_of(rng, ("both signs", "negative", "positive", "whole")), (*shape, channels))
    rows = x.reshape(-1, channels)
    rows[0] += 2 * (np.ptp(rows, axis=0) < 0.3)
    dy = _some(rng, (*shape, channels))
    return dy, _laid(rng, rows.reshape(x.shape)), _some(rng, (channels,)), float(one_of(rng, (1e-5, 1e-3, 0.1, 1.0)))


# What is right.


def _double(*arrays: np.ndarray) -> list[np.ndarray]:
    return [np.asarray(one, dtype="float64") for one in arrays]


def _relu(da: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.where(z > 0, *_double(da), 0.0)


def _sigmoid(da: np.ndarray, z: np.ndarray) -> np.ndarray:
    da, z = _double(da, z)
    return da / 4 / np.cosh(z / 2) ** 2


def _scores(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    z, t = _double(z, t)
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True) - t) / len(z)


def _dense(dz: np.ndarray, h: np.ndarray, W: np.ndarray) -> tuple:
    dz, h, W = _double(dz, h, W)
    return np.einsum("nk,ki->ni", dz, W), np.einsum("nk,ni->ki", dz, h), dz.sum(axis=0)


def _pool(da: np.ndarray, h: np.ndarray) -> np.ndarray:
    dh = np.zeros(h.shape)
    for n, y, x, c in np.ndindex(da.shape):
        place = int(h[n, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2, c].argmax())
        dh[n, 2 * y + place // 2, 2 * x + place % 2, c] = da[n, y, x, c]
    return dh


def _convolution(dz: np.ndarray, h: np.ndarray, W: np.ndarray) -> tuple:
    dz, h, W = _double(dz, h, W)
    (R, S), (Y, X) = W.shape[:2], h.shape[1:3]
    wide = np.pad(h, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    dwide, dW = np.zeros(wide.shape), np.zeros(W.shape)
    for r, s in np.ndindex(R, S):
        dwide[:, r : r + Y, s : s + X] += dz @ W[r, s].T
        dW[r, s] = wide[:, r : r + Y, s : s + X].reshape(-1, h.shape[3]).T @ dz.reshape(-1, dz.shape[3])
    return dwide[:, R // 2 : R // 2 + Y, S // 2 : S // 2 + X], dW, dz.sum(axis=(0, 1, 2))


def _normalization(dy: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float) -> tuple:
    dy, x, gamma = _double(dy, x, gamma)
    axes = tuple(range(x.ndim - 1))
    root = np.sqrt(x.var(axis=axes) + epsilon)
    normal = (x - x.mean(axis=axes)) / root
    dx = gamma / root * (dy - dy.mean(axis=axes) - normal * (dy * normal).mean(axis=axes))
    return dx, (dy * normal).sum(axis=axes), dy.sum(axis=axes)


# Who is right: within a ten-thousandth, and what single precision makes of large sums.


def _same(value: Any, expected: np.ndarray, arguments: Sequence) -> bool:
    return compare.difference(value, expected) is None


def _all_same(value: Any, expected: tuple, arguments: Sequence) -> bool:
    if not isinstance(value, (tuple, list)) or len(value) != len(expected):
        return False
    return all(_part_is_right(*pair, arguments) for pair in zip(value, expected, strict=True))


def _part_is_right(part: Any, right: np.ndarray, arguments: Sequence) -> bool:
    found = compare.array(part)
    if found is not None and right.ndim == 1 and found.shape in ((1, right.size), (right.size, 1)):
        found = found.reshape(right.shape)
    sizes = [float(np.abs(one).max()) for one in arguments if isinstance(one, np.ndarray)]
    terms = max(one.size for one in arguments if isinstance(one, np.ndarray))
    spread = 20 if len(arguments) == 4 else 1
    rounding = 5 * _SINGLE * spread * math.sqrt(terms) * max(sizes[0], sizes[0] * max(sizes[1:]))
    return found is not None and compare.difference(found, right, rounding=rounding) is None


# Where it may go wrong.


def _regions(position: int, name: str) -> dict[str, Region]:
    """Return the regions of one array by the numbers in it."""

    def holds(test: Callable[[np.ndarray], bool]) -> Callable[..., bool]:
        return lambda *arguments: test(arguments[position])

    factor = f"the values of {name}"
    return {
        f"{name} has both signs": Region(factor, holds(lambda a: a.min() < 0 < a.max())),
        f"{name} is negative": Region(factor, holds(lambda a: a.max() < 0)),
        f"{name} is positive": Region(factor, holds(lambda a: a.min() > 0)),
        f"{name} is small": Region(factor, holds(lambda a: 0 < np.abs(a).max() <= 0.01)),
        f"{name} holds whole numbers": Region(factor, holds(lambda a: bool(np.any(a)) and (a == np.round(a)).all())),
    }


def _types(position: int, name: str) -> dict[str, Region]:
    return {
        f"{name} is float32": Region(f"the type of {name}", lambda *a: a[position].dtype == "float32"),
        f"{name} is float64": Region(f"the type of {name}", lambda *a: a[position].dtype == "float64"),
    }


def _count(name: str, size: Callable[..., int], *bounds: int) -> dict[str, Region]:
    """Return regions of a size: 1 alone, and between bounds."""
    found = {f"one {name}": Region(name, lambda *a: size(*a) == 1)}
    for low, high in zip(bounds, (*bounds[1:], math.inf), strict=True):
        words = f"{low} {name} or more" if high == math.inf else f"{low} to {high - 1} {name}"
        found[words] = Region(name, lambda *a, low=low, high=high: low <= size(*a) < high)
    return found


_ACTIVATION_REGIONS = {
    **{f"{n} axes": Region("axes", lambda da, z, n=n: z.ndim == n) for n in (1, 2, 3, 4)},
    **_count("numbers", lambda da, z: z.size, 2, 13),
    **_regions(0, "da"),
    **_regions(1, "z"),
    "z is far from 0": Region("size of z", lambda da, z: np.abs(z).max() > 10),
    **_types(1, "z"),
}
_SCORE_REGIONS = {
    **_count("samples", lambda z, t: len(z), 2, 6),
    "two classes": Region("classes", lambda z, t: z.shape[1] == 2),
    "many classes": Region("classes", lambda z, t: z.shape[1] > 4),
    **_regions(0, "z"),
    "z is far from 0": Region("size of z", lambda z, t: np.abs(z).max() > 10),
    "the first class is among the true ones": Region("truth", lambda z, t: t[:, 0].any()),
    **_types(0, "z"),
}
_DENSE_REGIONS = {
    **_count("samples", lambda dz, h, W: len(h), 2, 8),
    **_count("inputs", lambda dz, h, W: h.shape[1], 2, 8),
    **_count("outputs", lambda dz, h, W: len(W), 2, 8),
    "more outputs than inputs": Region("side", lambda dz, h, W: W.shape[0] > W.shape[1]),
    "as many outputs as inputs": Region("side", lambda dz, h, W: W.shape[0] == W.shape[1] > 1),
    **_regions(0, "dz"),
    **_regions(1, "h"),
    **_regions(2, "W"),
    **_types(2, "W"),
}


def _image_regions(position: int) -> dict[str, Region]:
    def image(*arguments: Any) -> np.ndarray:
        return arguments[position]

    return {
        **_count("images", lambda *a: len(image(*a)), 2, 4),
        **_count("channels", lambda *a: image(*a).shape[3], 2, 5),
        "square images": Region("form", lambda *a: image(*a).shape[1] == image(*a).shape[2]),
        "tall images": Region("form", lambda *a: image(*a).shape[1] > image(*a).shape[2]),
        "wide images": Region("form", lambda *a: image(*a).shape[1] < image(*a).shape[2]),
    }


_POOL_REGIONS = {
    **_image_regions(1),
    "even rows": Region("rows", lambda da, h: h.shape[1] % 2 == 0),
    "odd rows": Region("rows", lambda da, h: h.shape[1] % 2 == 1),
    "even columns": Region("columns", lambda da, h: h.shape[2] % 2 == 0),
    "odd columns": Region("columns", lambda da, h: h.shape[2] % 2 == 1),
    "one block": Region("blocks", lambda da, h: da.shape[1:3] == (1, 1)),
    "many blocks": Region("blocks", lambda da, h: da.shape[1] * da.shape[2] > 6),
    **_regions(0, "da"),
    **_regions(1, "h"),
    **_types(1, "h"),
}
_CONVOLUTION_REGIONS = {
    **_image_regions(1),
    **_count("output channels", lambda dz, h, W: W.shape[3], 2, 5),
    "square kernels": Region("kernel", lambda dz, h, W: W.shape[0] == W.shape[1] > 1),
    "tall kernels": Region("kernel", lambda dz, h, W: W.shape[0] > W.shape[1]),
    "wide kernels": Region("kernel", lambda dz, h, W: W.shape[0] < W.shape[1]),
    "kernels of one weight": Region("kernel", lambda dz, h, W: W.shape[:2] == (1, 1)),
    "kernels larger than the image": Region(
        "reach", lambda dz, h, W: W.shape[0] > h.shape[1] or W.shape[1] > h.shape[2]
    ),
    "as many channels out as in": Region("channels compared", lambda dz, h, W: W.shape[2] == W.shape[3]),
    "more channels out than in": Region("channels compared", lambda dz, h, W: W.shape[2] < W.shape[3]),
    **_regions(0, "dz"),
    **_regions(1, "h"),
    **_regions(2, "W"),
    **_types(1, "h"),
}
_NORMALIZATION_REGIONS = {
    "vectors": Region("axes", lambda dy, x, gamma, epsilon: x.ndim == 2),
    "images": Region("axes", lambda dy, x, gamma, epsilon: x.ndim == 4),
    "one image": Region("axes", lambda dy, x, gamma, epsilon: x.ndim == 4 and len(x) == 1),
    "two numbers in a channel": Region("numbers", lambda dy, x, gamma, epsilon: x.size == 2 * len(gamma)),
    "many numbers in a channel": Region("numbers", lambda dy, x, gamma, epsilon: x.size > 9 * len(gamma)),
    **_count("channels", lambda dy, x, gamma, epsilon: len(gamma), 2, 4),
    "a small epsilon": Region("epsilon", lambda dy, x, gamma, epsilon: epsilon < 0.01),
    "a large epsilon": Region("epsilon", lambda dy, x, gamma, epsilon: epsilon > 0.5),
    **_regions(0, "dy"),
    "x is negative": Region("the values of x", lambda dy, x, gamma, epsilon: x.max() < 0),
    "x is positive": Region("the values of x", lambda dy, x, gamma, epsilon: x.min() > 0),
    **_regions(2, "gamma"),
    **_types(1, "x"),
}

#: Ways to be wrong about one array.
_WRONG: Mapping[str, Callable[[np.ndarray], Any]] = {
    "one more": lambda a: a + 1,
    "twice as much": lambda a: 2 * a,
    "the opposite sign": lambda a: -a,
    "sizes without sign": lambda a: np.abs(a) if (a < 0).any() else -a,
    "one per mille too much": lambda a: 1.001 * a,
    "zeros": lambda a: 0 * a,
    "the last number missing": lambda a: np.concatenate([a.ravel()[:-1], [0.0]]).reshape(a.shape),
    "the first number missing": lambda a: np.concatenate([[0.0], a.ravel()[1:]]).reshape(a.shape),
    "turned around": lambda a: a.ravel()[::-1].reshape(a.shape),
    "numbers that are rounded": lambda a: np.round(a, 2),
    "at most 1": lambda a: np.clip(a, -1, 1),
    "one number too few": lambda a: a.ravel()[1:],
    "nan": lambda a: np.full(a.shape, np.nan),
}


def _wrongs(several: bool, names: Sequence[str] = ()) -> dict[str, Callable[[Any, Sequence], Any]]:
    found: dict[str, Callable[[Any, Sequence], Any]] = {
        "raises an error": raise_error,
        "changes its input": change_input,
        "returns nothing": lambda value, arguments: None,
    }
    if not several:
        single = {f"returns {name}": lambda v, a, spoil=spoil: spoil(v) for name, spoil in _WRONG.items()}
        return found | single
    for place, part in enumerate(names):
        for name, spoil in _WRONG.items():
            found[f"has {name} in {part}"] = lambda v, a, place=place, spoil=spoil: (
                *v[:place],
                spoil(v[place]),
                *v[place + 1 :],
            )
    return found


_GRADIENTS = ("dh", "dW", "db")
DOMAINS = {
    "relu_backward": Domain(_draw_activation, _relu, _same, _ACTIVATION_REGIONS, _wrongs(False)),
    "sigmoid_backward": Domain(_draw_activation, _sigmoid, _same, _ACTIVATION_REGIONS, _wrongs(False)),
    "softmax_cross_entropy_backward": Domain(_draw_scores, _scores, _same, _SCORE_REGIONS, _wrongs(False)),
    "dense_backward": Domain(_draw_dense, _dense, _all_same, _DENSE_REGIONS, _wrongs(True, _GRADIENTS)),
    "pool2d_backward": Domain(_draw_pooling, _pool, _same, _POOL_REGIONS, _wrongs(False)),
    "conv2d_backward": Domain(
        _draw_convolution, _convolution, _all_same, _CONVOLUTION_REGIONS, _wrongs(True, _GRADIENTS)
    ),
    "batch_norm_backward": Domain(
        _draw_normalization,
        _normalization,
        _all_same,
        _NORMALIZATION_REGIONS,
        _wrongs(True, ("dx", "dgamma", "dbeta")),
    ),
    "gradient_check": claims.DOMAIN,
    "train_network": trainings.DOMAIN,
}
