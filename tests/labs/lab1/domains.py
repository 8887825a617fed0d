"""What lab 1 asks of each function, read off its text alone: what may come in, what is right, and what may go wrong.

The mutation score (`benchmarks.mutation`) judges the checks by it, so nothing here comes from them. What counts as
asked:

- ``activation``: arrays of 1 to 4 axes and 1 to 1,000 numbers; for softmax a vector [K] or a column [K, 1]. Any other
  name must raise an error, near-names and other functions of Keras too, but not a known one in capitals, which the text
  leaves open. Numbers up to 1,000: the text warns of large ones.
- ``conv2d_layer`` and ``fast_conv2d_layer``: images of any size; kernels of 1 to 7 rows and columns, both odd, also
  larger than the image; a bias [C_O], zeros too; linear, relu and sigmoid. Kernels of whole numbers, as the lab's own
  cell on edges hands them in. Not softmax, not even kernels, not a bias as a column: the text excludes them.
- ``pool2d_layer``: images of two rows and columns or more, since less has no block.
- ``flatten_layer``: images [D_y, D_x, C] of any size.
- ``dense_layer``: h as a vector, or as a column as the layer before may return it; all four activations.
- ``count_weights``: 1 to 10 layers that are convolutions, dense ones, or have empty arrays, as ``util.get_weights``
  returns them.
- ``evaluate``: probabilities from 0.001 to 0.999, and 0 where the loss must exceed 10 for the image; no ties for the
  largest.

Numbers are float32 or float64, and arrays lie in C or in Fortran order. Non-contiguous and read-only arrays are left
out: what is asked crosses to the student's process, and arrives as an array of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import special

from autograder.checking import compare
from benchmarks.domain import Domain, Region
from tests.labs.lab1 import ways

Rng = np.random.Generator
WAYS = ways.WAYS
namespace = ways.namespace
#: Lines that measure time.
TIMED = ("ten", "thirty")
KNOWN = ("linear", "relu", "sigmoid", "softmax")
#: Names that Keras knows and the lab does not.
KERAS = ("tanh", "elu", "gelu", "softplus", "swish", "leaky_relu", "hard_sigmoid", "log_softmax", "relu6")

# What is drawn.

_SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 28, 33, 35)
_SIZE_ODDS = np.array([4, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1.5, 1])
_CHANNELS = (1, 2, 3, 4, 5, 6, 8, 9, 12)
_CHANNEL_ODDS = np.array([4, 2, 2, 1, 1, 1, 1, 1, 1])
_VALUES = (
    *("both signs", "both signs", "negative", "positive", "small", "large"),
    *("whole", "repeated", "zeros", "one huge"),
)


def _one_of(rng: Rng, values: Sequence, odds: np.ndarray | None = None) -> Any:
    return values[int(rng.choice(len(values), p=None if odds is None else odds / odds.sum()))]


def _numbers(rng: Rng, shape: tuple[int, ...], kind: str, most: float = 50.0) -> np.ndarray:
    """Draw numbers of a kind, none of them larger than ``most``."""
    if kind == "negative":
        values = -rng.uniform(_one_of(rng, (0.02, 0.6)), 1, shape) * _one_of(rng, (2.0, most))
    elif kind == "positive":
        values = rng.uniform(0.02, 1, shape) * _one_of(rng, (2.0, most))
    elif kind == "small":
        values = rng.uniform(-0.01, 0.01, shape)
    elif kind == "large":
        values = rng.uniform(0.5, 1, shape) * rng.choice([-most, most], shape)
    elif kind == "whole":
        values = rng.integers(-5, 6, shape).astype(float)
    elif kind == "repeated":
        values = rng.choice([-1.5, -0.5, 0.5, 2.0], shape)
    elif kind == "zeros":
        values = np.where(rng.random(shape) < _one_of(rng, (0.5, 0.5, 1)), 0, rng.uniform(-2, 2, shape))
    elif kind == "one huge":
        values = rng.uniform(-1, 1, shape)
        values.flat[rng.integers(values.size)] = most
    else:
        values = rng.uniform(0.02, 3, shape) * rng.choice([-1, 1], shape)
    return values


def _laid(rng: Rng, values: np.ndarray) -> np.ndarray:
    """Return numbers in single or double precision, and in C or Fortran order."""
    return np.array(values, dtype=_one_of(rng, ("float32", "float64")), order=_one_of(rng, ("C", "C", "F")))


def _image(rng: Rng, shape: tuple[int, ...], most: float = 50.0) -> np.ndarray:
    return _laid(rng, _numbers(rng, shape, _one_of(rng, _VALUES), most))


def _draw_activation(rng: Rng) -> tuple:
    name = _near_name(rng) if rng.random() < 0.2 else _one_of(rng, KNOWN)
    if name == "softmax":
        number = int(_one_of(rng, (1, 2, 3, 4, 5, 7, 8, 10, 12, 16, 50, 101, 1000)))
        shape = (number, 1) if rng.random() < 0.4 else (number,)
    else:
        rank = int(rng.integers(1, 5))
        most = (1000, 35, 9, 5)[rank - 1]
        shape = tuple(int(_one_of(rng, (1, 2, 3, most, *rng.integers(1, most + 1, 2)))) for _ in range(rank))
    kind = _one_of(rng, (*_VALUES, "spread"))
    # Numbers 30 apart, two tied for the largest, far from 0: what softmax must stand.
    values = rng.uniform(-15, 15, shape) if kind == "spread" else _numbers(rng, shape, kind, _one_of(rng, (50, 1000)))
    if np.abs(values).max() > 60:
        # In single precision, as far from 0 as that, a softmax of other numbers is hardly right to a ten-thousandth.
        values = np.round(8 * values) / 8
    return _laid(rng, values), name


def _near_name(rng: Rng) -> str:
    known = str(_one_of(rng, KNOWN))
    near = (known + " ", " " + known, known[:-1], known[1:], known + "6", known * 2)
    return str(_one_of(rng, ("", "", "none", "no_such_name", *near, "tanh", "tanh", *KERAS)))


def _draw_convolution(rng: Rng, batch: bool, most: int = 60_000) -> tuple:
    while True:
        rows, columns = (int(_one_of(rng, _SIZES, _SIZE_ODDS)) for _ in range(2))
        columns = rows if rng.random() < 0.2 else columns
        kernel = tuple(int(_one_of(rng, (1, 3, 3, 5, 7))) for _ in range(2))
        inputs, outputs = (int(_one_of(rng, _CHANNELS, _CHANNEL_ODDS)) for _ in range(2))
        number = int(_one_of(rng, (1, 2, 3, 4, 5, 7, 9, 17))) if batch else 1
        if number * rows * columns * math.prod(kernel) * inputs * outputs <= most:
            break
    x = _image(rng, (*((number,) if batch else ()), rows, columns, inputs))
    # Sums stay near 1 where the numbers are large, since single precision is right.
    scale = 1 / (math.sqrt(inputs * math.prod(kernel)) * max(1.0, float(np.abs(x).max()) / 4))
    kind = _one_of(rng, ("both signs", "both signs", "negative", "whole", "int", "zeros", "repeated", "symmetric"))
    exact = (x == np.round(x)).all() or inputs * math.prod(kernel) <= 30
    if kind in ("whole", "int") and (np.abs(x).max() > 6 or not exact):
        kind = "both signs"
    W = _numbers(rng, (*kernel, inputs, outputs), "whole" if kind == "int" else kind if kind != "symmetric" else "")
    if kind == "symmetric":
        W = W + W[::-1, ::-1]
    W = W.astype("int64") if kind == "int" else _laid(rng, W * (1 if kind == "whole" else scale))
    return x, W, _biases(rng, outputs), _one_of(rng, KNOWN[:3])


def _biases(rng: Rng, *shape: int) -> np.ndarray:
    kind = _one_of(rng, ("both signs", "both signs", "zeros", "negative", "whole"))
    return _laid(rng, _numbers(rng, shape, kind, 4.0) * (rng.random() < 0.9))


def _draw_image(rng: Rng, least: int = 1) -> tuple:
    rows, columns = (max(least, int(_one_of(rng, _SIZES, _SIZE_ODDS))) for _ in range(2))
    columns = rows if rng.random() < 0.2 else columns
    return (_image(rng, (rows, columns, int(_one_of(rng, _CHANNELS, _CHANNEL_ODDS)))),)


def _draw_dense(rng: Rng) -> tuple:
    inputs, outputs = (int(_one_of(rng, (1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 33, 100))) for _ in range(2))
    outputs = inputs if rng.random() < 0.15 else outputs
    h = _image(rng, (inputs, 1) if rng.random() < 0.3 else (inputs,))
    scale = _one_of(rng, (1, 1, 8)) / (math.sqrt(inputs) * max(1.0, float(np.abs(h).max()) / 4))
    kind = _one_of(rng, ("both signs", "both signs", "negative", "zeros", "repeated"))
    W = _laid(rng, scale * _numbers(rng, (outputs, inputs), kind))
    return h, W, _biases(rng, outputs, 1), _one_of(rng, KNOWN)


def _draw_network(rng: Rng) -> tuple:
    def numbers(*shape: int) -> np.ndarray:
        return _laid(rng, _numbers(rng, shape, kind))

    kind = _one_of(rng, ("both signs", "both signs", "zeros", "repeated", "whole", "negative"))
    W, b = [], []
    only = _one_of(rng, (None, None, "convolution", "dense"))
    for _ in range(int(_one_of(rng, (1, 1, 2, 2, 3, 4, 5, 6, 8, 10)))):
        layer = only or _one_of(rng, ("convolution", "dense", "empty"))
        first, second = (int(_one_of(rng, (1, 2, 3, 4, 6, 8, 16))) for _ in range(2))
        if layer == "convolution":
            W.append(numbers(*(int(_one_of(rng, (1, 3, 5))) for _ in range(2)), first, second))
            b.append(numbers(second))
        elif layer == "dense":
            W.append(numbers(first, second * int(_one_of(rng, (1, 1, 10)))))
            b.append(numbers(first, 1))
        else:
            W.append(np.zeros(0, "float32"))
            b.append(np.zeros(0, "float32"))
    if rng.random() < 0.3:
        b = [np.zeros_like(values) for values in b]
    return W, b


def _draw_predictions(rng: Rng) -> tuple:
    samples = int(_one_of(rng, (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 23, 40)))
    classes = int(_one_of(rng, (2, 3, 4, 5, 7, 10, 12)))
    wanted = _one_of(rng, (0.0, 0.25, 0.5, 0.75, 1.0))
    while True:
        scores = rng.normal(0, _one_of(rng, (0.3, 1, 3)), (samples, classes))
        probabilities = np.maximum(special.softmax(scores, axis=1), 0.001)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        ordered = np.sort(probabilities, axis=1)
        if np.all(ordered[:, -1] - ordered[:, -2] > 1e-4):
            break
    hit = rng.random(samples) < wanted
    best = probabilities.argmax(axis=1)
    classes_true = np.where(hit, best, (best + rng.integers(1, classes, samples)) % classes)
    if rng.random() < 0.1:
        classes_true = np.full(samples, classes_true[0])
    kind = rng.random()
    if kind < 0.25:
        # Certain, and wrong for some: their true class has probability 0.
        probabilities = np.eye(classes)[best]
    elif kind < 0.4:
        # Zeros beside the true class.
        small = (probabilities < 0.05) & ~np.eye(classes, dtype=bool)[classes_true]
        probabilities = np.where(small, 0, probabilities)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    return _laid(rng, probabilities), _laid(rng, np.eye(classes)[classes_true])


# What is right.


def _activate(x: Any, name: str) -> np.ndarray:
    x = np.asarray(x, dtype="float64")
    if name == "linear":
        return x
    if name == "relu":
        return np.where(x > 0, x, 0)
    if name == "sigmoid":
        return special.expit(x)
    if name == "softmax":
        return special.softmax(x)
    raise ValueError(name)


def _convolve_batch(x: np.ndarray, W: np.ndarray, b: np.ndarray, act: str) -> np.ndarray:
    R, S = W.shape[:2]
    padded = np.pad(np.asarray(x, "float64"), ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    W = W.astype("float64")
    total = sum(
        padded[:, r : r + x.shape[1], s : s + x.shape[2]] @ W[r, s] for r, s in itertools.product(range(R), range(S))
    )
    return _activate(total + b.astype("float64"), act)


def _convolve(h: np.ndarray, W: np.ndarray, b: np.ndarray, act: str) -> np.ndarray:
    return _convolve_batch(h[None], W, b, act)[0]


def _pool(h: np.ndarray) -> np.ndarray:
    rows, columns = h.shape[0] // 2 * 2, h.shape[1] // 2 * 2
    return np.maximum.reduce([h[r:rows:2, s:columns:2] for r in (0, 1) for s in (0, 1)])


def _flatten(h: np.ndarray) -> np.ndarray:
    return h.reshape(-1, order="C")


def _dense(h: np.ndarray, W: np.ndarray, b: np.ndarray, act: str) -> np.ndarray:
    return _activate(W.astype("float64") @ np.ravel(h) + np.ravel(b), act)


def _count(W: list, b: list) -> int:
    return sum(values.size for values in (*W, *b))


def _evaluate(y_prob: np.ndarray, y_onehot: np.ndarray) -> tuple[float, float]:
    true = y_prob[y_onehot == 1].astype("float64")
    hits = y_prob.argmax(axis=1) == y_onehot.argmax(axis=1)
    return float(-np.log(np.maximum(true, 1e-7)).mean()), 100 * float(hits.mean())


def _same(value: Any, expected: np.ndarray, arguments: Sequence) -> bool:
    return compare.difference(value, expected) is None


def _same_outputs(value: Any, expected: np.ndarray, arguments: Sequence) -> bool:
    if isinstance(value, tuple):
        return False
    shape = np.shape(value)
    return shape in ((len(expected),), (len(expected), 1)) and _same(np.reshape(value, -1), expected, arguments)


def _same_count(value: Any, expected: int, arguments: Sequence) -> bool:
    return np.size(value) == 1 and bool(np.all(np.asarray(value) == expected))


def _same_pair(value: Any, expected: tuple, arguments: Sequence) -> bool:
    y_prob, y_onehot = arguments
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 2 or any(np.size(part) != 1 for part in value):
        return False
    loss, accuracy = (float(np.reshape(part, ())) for part in value)
    true = y_prob[y_onehot == 1].astype("float64")
    if zeros := np.count_nonzero(true == 0):
        # How much such an image costs is left open, but for a limit.
        good = math.isfinite(loss) and loss * len(true) + np.log(true[true > 0]).sum() > 10 * zeros
    else:
        good = compare.difference(loss, expected[0]) is None
    return good and compare.difference(accuracy, expected[1]) is None


# Where it may go wrong.


def _of_values(position: int, letter: str, *left_out: str) -> dict[str, Region]:
    """Return the regions of the numbers in one argument."""

    def about(condition: Callable[[np.ndarray], Any]) -> Callable:
        return lambda *arguments: condition(arguments[position])

    regions = {
        "all {} < 0": lambda x: (x < 0).all(),
        "all {} >= 0": lambda x: (x >= 0).all(),
        "some {} = 0": lambda x: (x == 0).any(),
        "no {} = 0": lambda x: (x != 0).all(),
        "all |{}| <= 0.01": lambda x: np.abs(x).max() <= 0.01,
        "some |{}| > 20": lambda x: np.abs(x).max() > 20,
        "some {} > 3": lambda x: x.max() > 3,
        "all {} whole": lambda x: (x == np.round(x)).all(),
        "some {} equal": lambda x: len(np.unique(x)) < x.size,
    }
    precision = {
        "{} is float32": lambda x: x.dtype == np.float32,
        "{} is float64": lambda x: x.dtype == np.float64,
    }
    order = {"{} in Fortran order": lambda x: not x.flags.c_contiguous}
    found = {}
    for factor, group in (("values", regions), ("precision", precision), ("order", order)):
        found |= {
            name.format(letter): Region(f"{factor} of {letter}", about(condition))
            for name, condition in group.items()
            if name not in left_out
        }
    return found


def _of_size(position: int = 0, batch: bool = False) -> dict[str, Region]:
    def about(condition: Callable[[int, int], Any]) -> Callable:
        return lambda *arguments: condition(*arguments[position].shape[int(batch) :][:2])

    parity = {
        "D_y even": lambda y, x: y % 2 == 0,
        "D_x even": lambda y, x: x % 2 == 0,
        "D_y and D_x even": lambda y, x: y % 2 == x % 2 == 0,
        "D_y and D_x odd": lambda y, x: y % 2 == x % 2 == 1,
        "one of D_y and D_x odd": lambda y, x: y % 2 != x % 2,
    }
    shape = {
        "D_y = D_x": lambda y, x: y == x,
        "D_y > D_x": lambda y, x: y > x,
        "D_y < D_x": lambda y, x: y < x,
    }
    extent = {
        "D_y = 1": lambda y, x: y == 1,
        "D_x = 1": lambda y, x: x == 1,
        "D_y = 2": lambda y, x: y == 2,
        "D_x = 2": lambda y, x: x == 2,
        "D_y > 10": lambda y, x: y > 10,
        "D_x > 10": lambda y, x: x > 10,
        "D_y or D_x > 32": lambda y, x: max(y, x) > 32,
        "D_y and D_x < 4": lambda y, x: max(y, x) < 4,
    }
    return {
        name: Region(factor, about(condition))
        for factor, group in (("parity", parity), ("shape", shape), ("extent", extent))
        for name, condition in group.items()
    }


def _of_channels(number: Callable[..., int], letter: str, *thresholds: int) -> dict[str, Region]:
    regions = {f"{letter} = 1": Region(letter, lambda *arguments: number(*arguments) == 1)}
    regions |= {
        f"{letter} > {least}": Region(letter, lambda *arguments, least=least: number(*arguments) > least)
        for least in thresholds
    }
    return regions


def _of_names(names: Sequence[str], position: int) -> dict[str, Region]:
    return {
        f"act is {name!r}": Region("act", lambda *arguments, name=name: arguments[position] == name) for name in names
    }


def _convolution_regions(batch: bool) -> dict[str, Region]:
    inside = {
        "R = S = 1": lambda x, W, b, act: W.shape[:2] == (1, 1),
        "R = S": lambda x, W, b, act: W.shape[0] == W.shape[1],
        "R = S = 3": lambda x, W, b, act: W.shape[:2] == (3, 3),
        "R = S = 5": lambda x, W, b, act: W.shape[:2] == (5, 5),
        "R > S": lambda x, W, b, act: W.shape[0] > W.shape[1],
        "R < S": lambda x, W, b, act: W.shape[0] < W.shape[1],
        "R = 1 < S": lambda x, W, b, act: W.shape[0] == 1 < W.shape[1],
        "S = 1 < R": lambda x, W, b, act: W.shape[1] == 1 < W.shape[0],
        "R = 7": lambda x, W, b, act: W.shape[0] == 7,
        "S = 7": lambda x, W, b, act: W.shape[1] == 7,
        "R or S = 5": lambda x, W, b, act: 5 in W.shape[:2],
    }
    over = {
        "R > D_y": lambda x, W, b, act: W.shape[0] > x.shape[-3],
        "S > D_x": lambda x, W, b, act: W.shape[1] > x.shape[-2],
        "R > D_y and S > D_x": lambda x, W, b, act: W.shape[0] > x.shape[-3] and W.shape[1] > x.shape[-2],
    }
    both = {
        "C_O > C_I": lambda x, W, b, act: W.shape[3] > W.shape[2],
        "C_I > C_O": lambda x, W, b, act: W.shape[2] > W.shape[3],
        "C_I = C_O > 1": lambda x, W, b, act: W.shape[2] == W.shape[3] > 1,
        "C_I = C_O = 1": lambda x, W, b, act: W.shape[2] == W.shape[3] == 1,
    }
    weights = {
        "W is whole numbers (int64)": lambda x, W, b, act: W.dtype.kind == "i",
        "all W <= 0": lambda x, W, b, act: (W <= 0).all(),
        "all W = 0": lambda x, W, b, act: not W.any(),
        "some W = 0": lambda x, W, b, act: not W.all(),
        "W is symmetric": lambda x, W, b, act: np.array_equal(W, W[::-1, ::-1]) and W.shape[:2] != (1, 1),
    }
    biases = {
        "all b = 0": lambda x, W, b, act: not b.any(),
        "some b = 0": lambda x, W, b, act: not b.all(),
        "all b < 0": lambda x, W, b, act: (b < 0).all(),
        "all b whole": lambda x, W, b, act: (b == np.round(b)).all(),
        "b is float32": lambda x, W, b, act: b.dtype == np.float32,
        "b is float64": lambda x, W, b, act: b.dtype == np.float64,
    }
    precision = {
        "x is float32 and W float64": lambda x, W, b, act: x.dtype == np.float32 and W.dtype == np.float64,
        "x is float64 and W float32": lambda x, W, b, act: x.dtype == np.float64 and W.dtype == np.float32,
        "all are float32": lambda x, W, b, act: x.dtype == W.dtype == b.dtype == np.float32,
        "all are float64": lambda x, W, b, act: x.dtype == W.dtype == b.dtype == np.float64,
    }
    order = {"W in Fortran order": lambda x, W, b, act: not W.flags.c_contiguous}
    groups = (
        *(("kernel", inside), ("kernel over image", over), ("channels", both), ("weights", weights)),
        *(("bias", biases), ("precision of x", precision), ("order of W", order)),
    )
    regions = _of_size(batch=batch) | {
        # Where no weight is left, nothing of the image and the kernel matters.
        name: Region(factor, condition, alone=name == "all W = 0")
        for factor, group in groups
        for name, condition in group.items()
    }
    regions |= _of_channels(lambda x, W, b, act: W.shape[2], "C_I", 2, 4, 8)
    regions |= _of_channels(lambda x, W, b, act: W.shape[3], "C_O", 2, 4, 8)
    regions |= _of_values(0, "x", "some {} > 3") | _of_names(KNOWN[:3], 3)
    if batch:
        samples = {
            "N = 1": lambda x, W, b, act: len(x) == 1,
            "N = 2": lambda x, W, b, act: len(x) == 2,
            "N odd and > 1": lambda x, W, b, act: len(x) % 2 == 1 < len(x),
            "N > 4": lambda x, W, b, act: len(x) > 4,
            "N > 8": lambda x, W, b, act: len(x) > 8,
            "N = D_y": lambda x, W, b, act: len(x) == x.shape[1],
        }
        regions |= {name: Region("N", condition) for name, condition in samples.items()}
    return regions


def _activation_regions() -> dict[str, Region]:
    known = [name for name in KNOWN if name != "linear"]
    names = {
        "the name is ''": lambda x, name: name == "",
        "the name has a space": lambda x, name: name not in KNOWN and name.strip() in KNOWN,
        "the name begins with a known one": lambda x, name: name not in KNOWN and name.startswith(KNOWN),
        "the name is part of a known one": lambda x, name: name not in KNOWN and any(name in one for one in KNOWN),
        "the name is 'tanh'": lambda x, name: name == "tanh",
        "the name is another that Keras knows": lambda x, name: name in KERAS,
        "the name holds 'relu'": lambda x, name: name not in KNOWN and "relu" in name.lower(),
        "the name is unknown": lambda x, name: name not in KNOWN,
    }
    shapes = {
        "x has 1 axis": lambda x, name: x.ndim == 1,
        "x has 2 axes": lambda x, name: x.ndim == 2,
        "x has 3 axes": lambda x, name: x.ndim == 3,
        "x has 4 axes": lambda x, name: x.ndim == 4,
        "softmax of a vector": lambda x, name: name == "softmax" and x.ndim == 1,
        "softmax of a column": lambda x, name: name == "softmax" and x.ndim == 2,
        "x is square": lambda x, name: x.ndim == 2 and x.shape[0] == x.shape[1] > 1,
        "x is a row": lambda x, name: x.ndim == 2 and x.shape[0] == 1 < x.shape[1],
        "the last axis of x is 1": lambda x, name: x.shape[-1] == 1,
    }
    sizes = {
        "x is one number": lambda x, name: x.size == 1,
        "x is two numbers": lambda x, name: x.size == 2,
        "x has an even number of numbers": lambda x, name: x.size % 2 == 0,
        "x has an odd number of numbers": lambda x, name: x.size % 2 == 1 < x.size,
        "x has ten numbers": lambda x, name: x.size == 10,
        "x has more than 10 numbers": lambda x, name: x.size > 10,
        "x has more than 100 numbers": lambda x, name: x.size > 100,
        "x has more than 500 numbers": lambda x, name: x.size > 500,
    }
    spreads = {
        "the largest two of x tie": lambda x, name: np.count_nonzero(x == x.max()) > 1,
        "x spreads over more than 20": lambda x, name: np.ptp(x) > 20,
        "x spreads over less than 1": lambda x, name: np.ptp(x) < 1,
        "some |x| > 300": lambda x, name: np.abs(x).max() > 300,
        "the first number of x is its largest": lambda x, name: x.size > 1 and x.argmax() == 0,
        "the mean of x < 0": lambda x, name: x.mean() < 0,
    }
    groups = (("shape", shapes), ("size", sizes), ("values of x", spreads))
    regions = {name: Region("name", condition, alone=True) for name, condition in names.items()}
    regions |= {name: Region(factor, condition) for factor, group in groups for name, condition in group.items()}
    regions |= {
        f"act is {name!r}": Region("name", lambda x, act, name=name: act == name) for name in ("linear", *known)
    }
    return regions | _of_values(0, "x")


def _image_regions(letter: str = "h") -> dict[str, Region]:
    channels = {
        "C = D_x": lambda h: h.shape[2] == h.shape[1],
        "C > D_x": lambda h: h.shape[2] > h.shape[1],
        "C = 3": lambda h: h.shape[2] == 3,
        "C even": lambda h: h.shape[2] % 2 == 0,
    }
    regions = _of_size() | _of_channels(lambda h: h.shape[2], "C", 2, 4, 8)
    regions |= {name: Region("C", condition) for name, condition in channels.items()}
    return regions | _of_values(0, letter)


def _pool_regions() -> dict[str, Region]:
    more = {
        "D_y = 3": Region("extent", lambda h: h.shape[0] == 3),
        "D_x = 3": Region("extent", lambda h: h.shape[1] == 3),
        "D_y odd": Region("parity", lambda h: h.shape[0] % 2 == 1),
        "D_x odd": Region("parity", lambda h: h.shape[1] % 2 == 1),
        "all h below -20": Region("values of h", lambda h: (h < -20).all()),
        "the largest h in the last row or column": Region(
            "values of h", lambda h: np.max(h) > max(h[:-1].max(), h[:, :-1].max())
        ),
    }
    regions = _image_regions() | more
    return {name: region for name, region in regions.items() if name not in ("D_y = 1", "D_x = 1")}


def _dense_regions() -> dict[str, Region]:
    sizes = {
        "in = 1": lambda h, W, b, act: W.shape[1] == 1,
        "out = 1": lambda h, W, b, act: W.shape[0] == 1,
        "in = out > 1": lambda h, W, b, act: W.shape[0] == W.shape[1] > 1,
        "in > out": lambda h, W, b, act: W.shape[1] > W.shape[0],
        "in < out": lambda h, W, b, act: W.shape[1] < W.shape[0],
        "in > 10": lambda h, W, b, act: W.shape[1] > 10,
        "in > 32": lambda h, W, b, act: W.shape[1] > 32,
        "out = 2": lambda h, W, b, act: W.shape[0] == 2,
        "out = 10": lambda h, W, b, act: W.shape[0] == 10,
        "out > 5": lambda h, W, b, act: W.shape[0] > 5,
        "out > 10": lambda h, W, b, act: W.shape[0] > 10,
        "in even": lambda h, W, b, act: W.shape[1] % 2 == 0,
        "out even": lambda h, W, b, act: W.shape[0] % 2 == 0,
        "out odd": lambda h, W, b, act: W.shape[0] % 2 == 1,
    }
    form = {
        "h is a vector": lambda h, W, b, act: h.ndim == 1,
        "h is a column": lambda h, W, b, act: h.ndim == 2,
    }
    weights = {
        "all W <= 0": lambda h, W, b, act: (W <= 0).all(),
        "all W = 0": lambda h, W, b, act: not W.any(),
        "some W = 0": lambda h, W, b, act: not W.all(),
        "some W equal": lambda h, W, b, act: len(np.unique(W)) < W.size,
    }
    sums = {
        "the outputs spread over more than 20": lambda h, W, b, act: np.ptp(W @ np.ravel(h) + np.ravel(b)) > 20,
        "all outputs < 0 before the activation": lambda h, W, b, act: (W @ np.ravel(h) + np.ravel(b) < 0).all(),
    }
    biases = {
        "all b = 0": lambda h, W, b, act: not b.any(),
        "some b = 0": lambda h, W, b, act: not b.all(),
        "all b < 0": lambda h, W, b, act: (b < 0).all(),
        "all b whole": lambda h, W, b, act: (b == np.round(b)).all(),
    }
    precision = {
        "h is float32 and W float64": lambda h, W, b, act: h.dtype == np.float32 and W.dtype == np.float64,
        "h is float64 and W float32": lambda h, W, b, act: h.dtype == np.float64 and W.dtype == np.float32,
        "all are float32": lambda h, W, b, act: h.dtype == W.dtype == b.dtype == np.float32,
        "all are float64": lambda h, W, b, act: h.dtype == W.dtype == b.dtype == np.float64,
    }
    order = {"W in Fortran order": lambda h, W, b, act: not W.flags.c_contiguous}
    groups = (
        *(("sizes", sizes), ("form", form), ("weights", weights), ("sums", sums), ("bias", biases)),
        *(("precision of h", precision), ("order of W", order)),
    )
    regions = {
        name: Region(factor, condition, alone=name == "all W = 0")
        for factor, group in groups
        for name, condition in group.items()
    }
    values = {
        name: region for name, region in _of_values(0, "h", "some {} > 3").items() if not name.endswith("Fortran order")
    }
    return regions | values | _of_names(KNOWN, 3)


def _network_regions() -> dict[str, Region]:
    def layers(axes: int) -> Callable[[list], list]:
        return lambda W: [values for values in W if values.ndim == axes]

    convolutions, dense = layers(4), layers(2)

    def empty(W: list) -> int:
        return sum(values.size == 0 for values in W)

    def everything(W: list, b: list) -> np.ndarray:
        return np.concatenate([np.ravel(values) for values in (*W, *b)])

    number = {
        "one layer": lambda W, b: len(W) == 1,
        "two layers": lambda W, b: len(W) == 2,
        "more than 4 layers": lambda W, b: len(W) > 4,
        "ten layers": lambda W, b: len(W) == 10,
        "an even number of layers": lambda W, b: len(W) % 2 == 0,
        "an odd number of layers": lambda W, b: len(W) % 2 == 1,
    }
    kinds = {
        "no convolution": lambda W, b: not convolutions(W),
        "one convolution": lambda W, b: len(convolutions(W)) == 1,
        "two convolutions or more": lambda W, b: len(convolutions(W)) > 1,
        "no dense layer": lambda W, b: not dense(W),
        "one dense layer": lambda W, b: len(dense(W)) == 1,
        "two dense layers or more": lambda W, b: len(dense(W)) > 1,
        "convolutions alone": lambda W, b: len(convolutions(W)) == len(W),
        "dense layers alone": lambda W, b: len(dense(W)) == len(W),
        "a dense layer first": lambda W, b: W[0].ndim == 2,
        "a convolution last": lambda W, b: W[-1].ndim == 4,
    }
    empties = {
        "no empty layer": lambda W, b: empty(W) == 0,
        "one empty layer": lambda W, b: empty(W) == 1,
        "two empty layers or more": lambda W, b: empty(W) > 1,
        "empty layers alone": lambda W, b: empty(W) == len(W),
        "the first layer empty": lambda W, b: W[0].size == 0,
        "the last layer empty": lambda W, b: W[-1].size == 0,
    }
    shapes = {
        "a kernel of 1x1": lambda W, b: any(values.shape[:2] == (1, 1) for values in convolutions(W)),
        "a kernel that is not square": lambda W, b: any(v.shape[0] != v.shape[1] for v in convolutions(W)),
        "a convolution of one channel": lambda W, b: any(values.shape[2] == 1 for values in convolutions(W)),
        "a convolution to one channel": lambda W, b: any(values.shape[3] == 1 for values in convolutions(W)),
        "a dense layer with one output": lambda W, b: any(values.shape[0] == 1 for values in dense(W)),
        "a dense layer with one input": lambda W, b: any(values.shape[1] == 1 for values in dense(W)),
        "a square dense layer": lambda W, b: any(values.shape[0] == values.shape[1] for values in dense(W)),
        "two weights of the same shape": lambda W, b: len({v.shape for v in W}) < len(W) - max(0, empty(W) - 1),
    }
    values = {
        "some weight = 0": lambda W, b: (np.concatenate([v.ravel() for v in W]) == 0).any(),
        "all biases = 0": lambda W, b: not any(values.any() for values in b) and any(values.size for values in b),
        "no parameter = 0": lambda W, b: everything(W, b).all() and everything(W, b).size,
        "some parameters equal": lambda W, b: len(np.unique(everything(W, b))) < everything(W, b).size,
        "all parameters < 0": lambda W, b: (everything(W, b) < 0).all() and everything(W, b).size,
        "all parameters whole": lambda W, b: (everything(W, b) % 1 == 0).all() and everything(W, b).size,
    }
    total = {
        "less than 10 parameters": lambda W, b: 0 < _count(W, b) < 10,
        "more than 100 parameters": lambda W, b: _count(W, b) > 100,
        "more than 1000 parameters": lambda W, b: _count(W, b) > 1000,
        "an even number of parameters": lambda W, b: _count(W, b) % 2 == 0,
        "an odd number of parameters": lambda W, b: _count(W, b) % 2 == 1,
    }
    groups = (
        *(("number", number), ("kinds", kinds), ("empties", empties)),
        *(("shapes", shapes), ("values", values), ("total", total)),
    )
    return {name: Region(factor, condition) for factor, group in groups for name, condition in group.items()}


def _prediction_regions() -> dict[str, Region]:
    def hits(p: np.ndarray, y: np.ndarray) -> float:
        return float((p.argmax(1) == y.argmax(1)).mean())

    def true(p: np.ndarray, y: np.ndarray) -> np.ndarray:
        return p[y == 1]

    samples = {
        "N = 1": lambda p, y: len(p) == 1,
        "N = 2": lambda p, y: len(p) == 2,
        "N even": lambda p, y: len(p) % 2 == 0,
        "N odd and > 1": lambda p, y: len(p) % 2 == 1 < len(p),
        "N > 7": lambda p, y: len(p) > 7,
        "N > 20": lambda p, y: len(p) > 20,
    }
    classes = {
        "K = 2": lambda p, y: p.shape[1] == 2,
        "K = 3": lambda p, y: p.shape[1] == 3,
        "K = 10": lambda p, y: p.shape[1] == 10,
        "K > 5": lambda p, y: p.shape[1] > 5,
        "K even": lambda p, y: p.shape[1] % 2 == 0,
        "K odd": lambda p, y: p.shape[1] % 2 == 1,
    }
    ratio = {
        "N = K": lambda p, y: len(p) == p.shape[1],
        "N > K": lambda p, y: len(p) > p.shape[1],
        "N < K": lambda p, y: len(p) < p.shape[1],
    }
    probabilities = {
        "some p of a true class = 0": lambda p, y: (true(p, y) == 0).any(),
        "several p of true classes = 0": lambda p, y: np.count_nonzero(true(p, y) == 0) > 1,
        "some p = 0, but of no true class": lambda p, y: (p == 0).any() and (true(p, y) > 0).all(),
        "all p > 0": lambda p, y: (p > 0).all(),
        "all p are 0 or 1": lambda p, y: np.isin(p, (0, 1)).all(),
        "some p of a true class < 0.01": lambda p, y: ((true(p, y) > 0) & (true(p, y) < 0.01)).any(),
        "some p of a true class < 0.1": lambda p, y: ((true(p, y) > 0) & (true(p, y) < 0.1)).any(),
        "some p of a true class > 0.9": lambda p, y: (true(p, y) > 0.9).any(),
        "all p < 0.5": lambda p, y: p.max() < 0.5,
    }
    accuracy = {
        "no hit": lambda p, y: hits(p, y) == 0,
        "all are hits": lambda p, y: hits(p, y) == 1,
        "half or more are hits": lambda p, y: 0.5 <= hits(p, y) < 1,
        "less than half are hits": lambda p, y: 0 < hits(p, y) < 0.5,
        "the first is a hit": lambda p, y: p[0].argmax() == y[0].argmax(),
        "the last is no hit": lambda p, y: p[-1].argmax() != y[-1].argmax(),
    }
    which = {
        "all true classes are the same": lambda p, y: len(set(y.argmax(1))) == 1 and len(y) > 1,
        "class 0 is true of none": lambda p, y: not y[:, 0].any(),
        "the last class is true of some": lambda p, y: y[:, -1].any(),
        "the last class is true of none": lambda p, y: not y[:, -1].any(),
    }
    precision = {
        "y_prob is float32": lambda p, y: p.dtype == np.float32,
        "y_prob is float64": lambda p, y: p.dtype == np.float64,
    }
    other = {
        "y_onehot is float32": lambda p, y: y.dtype == np.float32,
        "y_onehot is float64": lambda p, y: y.dtype == np.float64,
    }
    order = {"y_prob in Fortran order": lambda p, y: not p.flags.c_contiguous}
    groups = (
        *(("N", samples), ("K", classes), ("N and K", ratio), ("p", probabilities), ("accuracy", accuracy)),
        *(("true classes", which), ("precision", precision), ("precision of y_onehot", other), ("order", order)),
    )
    return {name: Region(factor, condition) for factor, group in groups for name, condition in group.items()}


# How it may go wrong.


def _raise(value: Any, arguments: Sequence) -> Any:
    raise RuntimeError("This part is not written yet.")


def _changes_input(value: Any, arguments: Sequence) -> Any:
    first = arguments[0][0] if isinstance(arguments[0], list) else arguments[0]
    first += 1
    return value


def _spoilt(spoil: Callable[[np.ndarray], Any]) -> Callable[[Any, Sequence], Any]:
    """Return a way to be wrong that starts from the numbers of the right answer."""
    return lambda value, arguments: spoil(np.array(value, dtype="float64"))


def _with_one(position: int, more: float) -> Callable[[np.ndarray], np.ndarray]:
    def spoil(values: np.ndarray) -> np.ndarray:
        values.flat[position] += more
        return values

    return spoil


_ARRAYS = {
    "returns zeros": _spoilt(np.zeros_like),
    "returns the negative": _spoilt(np.negative),
    "is 1 % too large": _spoilt(lambda values: 1.01 * values),
    "adds 0.001": _spoilt(lambda values: values + 1e-3),
    "is wrong in the last number": _spoilt(_with_one(-1, 0.5)),
    "is wrong in the first number": _spoilt(_with_one(0, -0.5)),
    "raises an error": _raise,
    "returns the numbers backward": _spoilt(lambda values: values.ravel()[::-1].reshape(values.shape)),
    "returns the numbers shifted by one": _spoilt(lambda values: np.roll(values, 1)),
    "clips at 1": _spoilt(lambda values: np.clip(values, -1, 1)),
    "cuts the numbers to whole ones": _spoilt(np.trunc),
    "rounds to two digits": _spoilt(lambda values: np.round(values, 2)),
    "returns half precision": _spoilt(lambda values: values.astype("float16")),
    "returns its absolute values": _spoilt(np.abs),
    "returns the mean everywhere": _spoilt(lambda values: np.full_like(values, values.mean())),
    "returns one axis more": _spoilt(lambda values: values[None]),
    "returns no axis of length 1": _spoilt(np.squeeze),
    "leaves out the last row": _spoilt(lambda values: values[:-1]),
    "returns a nan": _spoilt(_with_one(-1, math.nan)),
    "changes its input": _changes_input,
    "returns nothing": lambda value, arguments: None,
}


def _last_channel(values: np.ndarray) -> np.ndarray:
    values[..., -1] = 0
    return values


def _first_only(values: np.ndarray) -> np.ndarray:
    values[1:] = values[:1]
    return values


def _zero_border(values: np.ndarray) -> np.ndarray:
    values[..., 0, :] = values[..., -1, :] = 0
    return values


_LAYERS = _ARRAYS | {
    "leaves the last channel 0": _spoilt(_last_channel),
    "repeats the first row": _spoilt(_first_only),
    "leaves the border 0": _spoilt(_zero_border),
    "exchanges rows and columns": _spoilt(lambda values: values.swapaxes(-3, -2)),
    "moves the channels to the front": _spoilt(lambda values: np.moveaxis(values, -1, 0)),
    "returns the channels backward": _spoilt(lambda values: values[..., ::-1]),
}


def _applies_known(value: Any, arguments: Sequence) -> Any:
    x, name = arguments
    near = next((known for known in KNOWN if known in name.lower() or (name and name.lower() in known)), "linear")
    return _activate(x, near)


def _axis_zero(value: Any, arguments: Sequence) -> Any:
    return special.softmax(arguments[0], axis=-1)


_ACTIVATIONS = {
    name: (lambda value, arguments, spoil=spoil: spoil(arguments[0] if value is None else value, arguments))
    for name, spoil in _ARRAYS.items()
    if name != "returns nothing"
} | {
    "returns its input": lambda value, arguments: arguments[0],
    "returns nothing": lambda value, arguments: None,
    "takes the name for a known one": _applies_known,
    "returns the hyperbolic tangent": lambda value, arguments: np.tanh(arguments[0]),
    "is a softmax along the last axis": _axis_zero,
}
_DENSE = {name: spoil for name, spoil in _ARRAYS.items() if name != "leaves out the last row"} | {
    "returns one output less": _spoilt(lambda values: values.ravel()[:-1]),
    "returns a row": _spoilt(lambda values: values.reshape(1, -1)),
    "returns a square": _spoilt(lambda values: values.reshape(-1, 1) + np.zeros(values.size)),
}
_FLAT = {name: spoil for name, spoil in _ARRAYS.items() if name != "returns no axis of length 1"} | {
    "returns Fortran order": lambda value, arguments: arguments[0].ravel(order="F"),
    "returns the order of memory": lambda value, arguments: arguments[0].ravel(order="K"),
    "returns one channel after the other": lambda value, arguments: np.moveaxis(arguments[0], -1, 0).ravel(),
    "returns a column": _spoilt(lambda values: values.reshape(-1, 1)),
    "returns the image": lambda value, arguments: arguments[0],
    "returns the numbers in order": _spoilt(np.sort),
}
_POOLED = _LAYERS | {
    "returns the smallest": lambda value, arguments: -_pool(-arguments[0]),
    "returns the means": lambda value, arguments: (
        sum(
            arguments[0][r : len(arguments[0]) // 2 * 2 : 2, s : arguments[0].shape[1] // 2 * 2 : 2]
            for r in (0, 1)
            for s in (0, 1)
        )
        / 4
    ),
    "returns every second pixel": lambda value, arguments: arguments[0][:-1:2, :-1:2],
    "returns nothing below 0": _spoilt(lambda values: np.maximum(values, 0)),
    "keeps an odd row": lambda value, arguments: _pool(
        np.pad(arguments[0], ((0, arguments[0].shape[0] % 2), (0, arguments[0].shape[1] % 2), (0, 0)))
    ),
}
_COUNTS: Mapping[str, Callable] = {
    "counts one too many": lambda value, arguments: value + 1,
    "counts one too few": lambda value, arguments: value - 1,
    "returns zero": lambda value, arguments: 0,
    "counts twice": lambda value, arguments: 2 * value,
    "returns the negative": lambda value, arguments: -value,
    "raises an error": _raise,
    "leaves out the biases": lambda value, arguments: _count(arguments[0], []),
    "leaves out the weights": lambda value, arguments: _count([], arguments[1]),
    "leaves out the first layer": lambda value, arguments: _count(arguments[0][1:], arguments[1][1:]),
    "leaves out the last layer": lambda value, arguments: _count(arguments[0][:-1], arguments[1][:-1]),
    "counts the first layer alone": lambda value, arguments: _count(arguments[0][:1], arguments[1][:1]),
    "leaves out the last bias": lambda value, arguments: _count(arguments[0], arguments[1][:-1]),
    "counts what is not 0": lambda value, arguments: sum(np.count_nonzero(v) for v in itertools.chain(*arguments)),
    "counts what differs": lambda value, arguments: sum(np.unique(v).size for v in itertools.chain(*arguments)),
    "counts the lengths": lambda value, arguments: sum(len(v) for v in itertools.chain(*arguments)),
    "counts an empty array as one": lambda value, arguments: sum(max(1, v.size) for v in itertools.chain(*arguments)),
    "returns a pair": lambda value, arguments: (_count(arguments[0], []), _count([], arguments[1])),
    "changes its input": _changes_input,
    "returns nothing": lambda value, arguments: None,
}


def _pair(spoil: Callable[[float, float], Any]) -> Callable[[Any, Sequence], Any]:
    return lambda value, arguments: spoil(float(value[0]), float(value[1]))


_PAIRS = {
    "has a loss 1 % too large": _pair(lambda loss, accuracy: (1.01 * loss, accuracy)),
    "has a loss 0.001 too large": _pair(lambda loss, accuracy: (loss + 1e-3, accuracy)),
    "has a negative loss": _pair(lambda loss, accuracy: (-loss, accuracy)),
    "has a loss of 0": _pair(lambda loss, accuracy: (0.0, accuracy)),
    "has a loss that is a nan": _pair(lambda loss, accuracy: (math.nan, accuracy)),
    "has an infinite loss": _pair(lambda loss, accuracy: (math.inf, accuracy)),
    "has a loss of at most 1": _pair(lambda loss, accuracy: (min(loss, 1.0), accuracy)),
    "has a loss of at most 2.3": _pair(lambda loss, accuracy: (min(loss, 2.3), accuracy)),
    "adds up the losses": lambda value, arguments: (value[0] * len(arguments[0]), value[1]),
    "divides the loss by the classes": lambda value, arguments: (value[0] / arguments[0].shape[1], value[1]),
    "has the loss in bits": _pair(lambda loss, accuracy: (loss / math.log(2), accuracy)),
    "has an accuracy of 0": _pair(lambda loss, accuracy: (loss, 0.0)),
    "has an accuracy of 100": _pair(lambda loss, accuracy: (loss, 100.0)),
    "has an accuracy of 300/7": _pair(lambda loss, accuracy: (loss, 300 / 7)),
    "has the share of errors": _pair(lambda loss, accuracy: (loss, 100 - accuracy)),
    "has the accuracy as a part of 1": _pair(lambda loss, accuracy: (loss, accuracy / 100)),
    "has the accuracy as a whole number": _pair(lambda loss, accuracy: (loss, float(int(accuracy)))),
    "misses the last image": lambda value, arguments: _of_images(arguments, slice(None, -1), value),
    "judges the first image alone": lambda value, arguments: _of_images(arguments, slice(1), value),
    "returns accuracy and loss": _pair(lambda loss, accuracy: (accuracy, loss)),
    "returns the loss alone": _pair(lambda loss, accuracy: loss),
    "raises an error": _raise,
    "changes its input": _changes_input,
    "returns nothing": lambda value, arguments: None,
}


def _of_images(arguments: Sequence, which: slice, value: Any) -> Any:
    y_prob, y_onehot = (part[which] for part in arguments)
    return _evaluate(y_prob, y_onehot) if len(y_prob) else value


DOMAINS = {
    "activation": Domain(_draw_activation, _activate, _same, _activation_regions(), _ACTIVATIONS),
    "conv2d_layer": Domain(
        lambda rng: _draw_convolution(rng, batch=False), _convolve, _same, _convolution_regions(False), _LAYERS
    ),
    "pool2d_layer": Domain(lambda rng: _draw_image(rng, least=2), _pool, _same, _pool_regions(), _POOLED),
    "flatten_layer": Domain(_draw_image, _flatten, _same, _image_regions(), _FLAT),
    "dense_layer": Domain(_draw_dense, _dense, _same_outputs, _dense_regions(), _DENSE),
    "count_weights": Domain(_draw_network, _count, _same_count, _network_regions(), _COUNTS),
    "evaluate": Domain(_draw_predictions, _evaluate, _same_pair, _prediction_regions(), _PAIRS),
    "fast_conv2d_layer": Domain(
        lambda rng: _draw_convolution(rng, batch=True), _convolve_batch, _same, _convolution_regions(True), _LAYERS
    ),
}
