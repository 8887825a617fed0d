"""Known faults of lab 4: a right answer with one thing wrong, and what becomes of right files and reports.

Networks are plans and answers of several arrays are packed, as those of `reference` are, so one fault of each is one
change of an array. They run where the reference runs, so this module imports nothing of the grader but the `Fault`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.checking.faults import Fault
from autograder.labs.lab4 import curves, plan
from autograder.labs.lab4.packing import pack
from autograder.labs.lab4.plan import (
    ACTIVATION,
    AVERAGE,
    CONVOLUTION,
    DENSE,
    DROPOUT_MAPS,
    DROPOUT_NUMBERS,
    FLATTEN,
    GLOBAL,
    INPUT,
    MAX,
    NORMALIZATION,
    PAIRS,
    RESHAPE,
    Rows,
    changed,
    numbers,
    resized,
    rows_of,
)

# Of networks.


def _each(code: int, change: Callable[[tuple], list[tuple]]) -> Callable[[Rows], Rows]:
    """Return a change of each row of a kind into others."""
    return lambda rows: resized([one for row in rows for one in (change(row) if row[0] == code else [row])])


def _without_last_activation(rows: Rows) -> Rows:
    """Drop the activation of the third convolution."""
    found, convolutions = [], 0
    for row in rows:
        convolutions += row[0] == CONVOLUTION
        if not (row[0] == ACTIVATION and convolutions == 3 and row[:2] != plan.activation("softmax")):
            found.append(row)
    return found


def _before_flatten(*more: tuple) -> Callable[[Rows], Rows]:
    return lambda rows: resized([one for row in rows for one in ([*more, row] if row[0] == FLATTEN else [row])])


def _fully_pooled(right: Callable) -> Callable:
    """Pool after the last block too: what comes before the last convolution of a network of one block more."""

    def answer(blocks=3, *others, **named):
        rows, longer = rows_of(right(blocks, *others, **named)), rows_of(right(blocks + 1, *others, **named))
        place = max(k for k, row in enumerate(longer) if row[0] == CONVOLUTION)
        return numbers(longer[:place] + rows[[row[0] for row in rows].index(FLATTEN) :])

    return answer


def _flattened_first(rows: Rows) -> Rows:
    """Flatten, and pool the vector."""
    return [
        one
        for row in rows
        for one in ([(FLATTEN,), (RESHAPE,), (PAIRS, 2), (FLATTEN,)] if row[0] == FLATTEN else [row])
    ]


def _never_doubled(rows: Rows) -> Rows:
    first = next(row for row in rows if row[0] == CONVOLUTION)
    return _each(CONVOLUTION, lambda row: [(CONVOLUTION, first[1], *row[2:])])(rows)


def _grown(maps: Callable[[int, int], int]) -> Callable[[Rows], Rows]:
    """Return a change of how many maps each block has: ``maps`` takes those of the first and the block from 0."""

    def change(rows: Rows) -> Rows:
        found, block, first = [], 0, None
        for row in rows:
            if row[0] == CONVOLUTION:
                first = int(row[1]) if first is None else first
                row = (CONVOLUTION, maps(first, block), *row[2:])
                block += 1
            found.append(row)
        return found

    return change


def _strides(stride: Callable[[int], int], padded: int | None = None) -> Callable[[Rows], Rows]:
    """Return a change of how far each pooling moves; ``padded`` is which of them, from 0, is padded."""

    def change(rows: Rows) -> Rows:
        found: Rows = []
        size, number = 0, 0
        for row in rows:
            if row[0] == INPUT:
                size = int(row[1])
            elif row[0] == CONVOLUTION:
                row = (*row[:6], size, *row[7:])
            elif row[0] in (MAX, AVERAGE):
                by = stride(number)
                size = -(-size // by) if number == padded else (size - 2) // by + 1
                row = (row[0], 2, 2, by, by, size, size, *row[7:])
                number += 1
            found.append(row)
        return found

    return change


def _as_it_is(number: int) -> int:
    return 1 if number == 2 else 2


def _last_alone(code: int) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        places = [k for k, row in enumerate(rows) if row[0] == code]
        return [row for k, row in enumerate(rows) if k not in places[:-1]]

    return change


def _without_last(code: int) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        places = [k for k, row in enumerate(rows) if row[0] == code]
        return [row for k, row in enumerate(rows) if k not in places[-1:]]

    return change


def _between_the_pair(rows: Rows) -> Rows:
    """Drop between activation and pooling, whichever comes first."""
    found = list(rows)
    for k, row in enumerate(rows):
        if row[0] == DROPOUT_MAPS:
            found[k - 1], found[k] = found[k], found[k - 1]
    return found


def _behind_each_convolution(rows: Rows) -> Rows:
    """Drop right behind each convolution, the last one too."""
    dropped = [row for row in rows if row[0] == DROPOUT_MAPS][:1]
    rows = [row for row in rows if row[0] != DROPOUT_MAPS]
    return [one for row in rows for one in ([row, *dropped] if row[0] == CONVOLUTION else [row])]


def _before_convolutions(rows: Rows) -> Rows:
    """Normalize what goes into each convolution."""
    normal = [row for row in rows if row[0] == NORMALIZATION][:1]
    rows = [row for row in rows if row[0] != NORMALIZATION]
    return [one for row in rows for one in ([*normal, row] if row[0] == CONVOLUTION else [row])]


def _behind_poolings(rows: Rows) -> Rows:
    """Normalize behind each pair of activation and pooling."""
    normal = [row for row in rows if row[0] == NORMALIZATION][:1]
    rows = [row for row in rows if row[0] != NORMALIZATION]
    found: Rows = []
    for k, row in enumerate(rows):
        found.append(row)
        pair = {row[0], rows[k - 1][0]} if k else set()
        if ACTIVATION in pair and pair & {MAX, AVERAGE}:
            found += normal
    return found


def _output_as(name: str) -> Callable[[Rows], Rows]:
    """Return a change of the activation of the output."""
    return lambda rows: [plan.activation(name) if row[:2] == plan.activation("softmax") else row for row in rows]


def _exchanged_activations(rows: Rows) -> Rows:
    """Put softmax inside, and the activation from inside on the output."""
    inside = next((row for row in rows if row[0] == ACTIVATION), plan.activation("relu"))
    other = {inside[:2]: plan.activation("softmax"), plan.activation("softmax"): inside[:2]}
    return [other.get(row[:2], row) if row[0] == ACTIVATION else row for row in rows]


def _output_with_inner(rows: Rows) -> Rows:
    """Give the output the activation from inside."""
    inside = next((row for row in rows if row[0] == ACTIVATION), plan.activation("relu"))
    return [inside if row[:2] == plan.activation("softmax") else row for row in rows]


def _twice_activated(rows: Rows) -> Rows:
    """Apply the activation in the convolution, and again behind it."""
    found: Rows = []
    own = next((row for row in rows if row[0] == ACTIVATION), plan.activation("relu"))
    for row in rows:
        found.append(row)
        if row[0] == CONVOLUTION:
            found.append(own)
    return found


def _unpadded(rows: Rows) -> Rows:
    """Let every convolution shrink the maps by two, where they are large enough; a pooling takes what is left."""
    found, size = [], 28
    for row in rows:
        if row[0] == CONVOLUTION:
            size -= 2 * (size > 2)
            row = (*row[:6], size, *row[7:])
        elif row[0] == MAX:
            size = int((size - 2) // row[3] + 1)
            row = (*row[:5], size, size, *row[7:])
        found.append(row)
    return found


def _before_output(*more: tuple) -> Callable[[Rows], Rows]:
    """Return a change that puts rows before the last dense layer."""

    def change(rows: Rows) -> Rows:
        place = max(k for k, row in enumerate(rows) if row[0] == DENSE)
        return [*rows[:place], *more, *rows[place:]]

    return change


def _asked_otherwise(**others: Any) -> Callable:
    """Return a fault that answers as if something else was asked; a callable takes what was asked."""

    def fault(right: Callable) -> Callable:
        names = ("blocks", "maps", "activation", "pool_first", "dropout", "batch_norm")

        def answer(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
            given = dict(zip(names, (blocks, maps, activation, pool_first, dropout, batch_norm), strict=True))
            for name, other in others.items():
                given[name] = other(given[name]) if callable(other) else other
            return right(*given.values())

        return answer

    return fault


def _moved(code: int, before: Callable[[Rows, int], bool]) -> Callable[[Rows], Rows]:
    """Return a change that moves each row of a kind back to behind the first place where ``before`` is true."""

    def change(rows: Rows) -> Rows:
        found: Rows = []
        for row in rows:
            if row[0] != code:
                found.append(row)
                continue
            place = len(found)
            while place > 0 and not before(found, place):
                place -= 1
            found.insert(place, row)
        return found

    return change


def _later(code: int, behind: tuple[int, ...]) -> Callable[[Rows], Rows]:
    """Return a change that moves each row of a kind forward, to behind the next row of some kinds."""

    def change(rows: Rows) -> Rows:
        found: Rows = []
        waiting: Rows = []
        for row in rows:
            if row[0] == code:
                waiting.append(row)
                continue
            found.append(row)
            if row[0] in behind:
                found += waiting
                waiting = []
        return found + waiting

    return change


def _first_only(code: int) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        places = [k for k, row in enumerate(rows) if row[0] == code]
        return [row for k, row in enumerate(rows) if k not in places[1:]]

    return change


def _one_dropout(rows: Rows) -> Rows:
    """Drop numbers once, before the last layer."""
    dropped = [(DROPOUT_NUMBERS, *row[1:]) for row in rows if row[0] == DROPOUT_MAPS]
    rows = [row for row in rows if row[0] != DROPOUT_MAPS]
    place = next(k for k, row in enumerate(rows) if row[0] == DENSE)
    return [*rows[:place], *dropped[:1], *rows[place:]]


def _dropout_everywhere(rows: Rows) -> Rows:
    """Drop maps after the last block as well."""
    dropped = [row for row in rows if row[0] == DROPOUT_MAPS][:1]
    return _before_flatten(*dropped)(rows)


def _no_bias_before_normalization(rows: Rows) -> Rows:
    normalized = any(row[0] == NORMALIZATION for row in rows)
    return _each(CONVOLUTION, lambda row: [(*row[:7], 0)] if normalized else [row])(rows)


def _softmax_dropped(rows: Rows) -> Rows:
    return [row for row in rows if row[:2] != plan.activation("softmax")]


def _relu_stays_behind(rows: Rows) -> Rows:
    """Keep ReLU in the convolutions and add the other activation."""
    other = next(row for row in rows if row[0] == ACTIVATION)
    if other[:2] == plan.activation("relu"):
        return rows
    relu = (*plan.activation("relu"), *[0] * (len(other) - 2))
    return [one for row in rows for one in ([row, relu] if row[0] == CONVOLUTION else [row])]


def _no_normalization_with_dropout(right: Callable) -> Callable:
    def answer(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
        return right(blocks, maps, activation, pool_first, dropout, batch_norm and not dropout)

    return answer


def _no_dropout_with_normalization(right: Callable) -> Callable:
    def answer(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
        return right(blocks, maps, activation, pool_first, 0.0 if batch_norm else dropout, batch_norm)

    return answer


# Of the order.


def _judging(judge: Callable[[Callable, str, Any], Any]) -> Callable:
    """Return a fault of `order_matters` that judges each function by itself: ``judge`` takes it, the pooling and the
    right answer."""

    def fault(right: Callable) -> Callable:
        def answer(functions, pooling):
            found = []
            for one, answered in zip(functions, right(functions, pooling), strict=True):
                function = one if callable(one) else curves.curve(*one)
                found.append(float(judge(function, pooling, answered)))
            return np.array(found)

        return answer

    return fault


_X = np.linspace(-curves.FARTHEST, curves.FARTHEST, 4001)


def _rises(function: Callable, least: float = -1e-9) -> bool:
    return bool(np.all(np.diff(function(_X)) >= least))


def _is_straight(function: Callable) -> bool:
    return bool(np.all(np.abs(np.diff(function(_X), n=2)) < 1e-9))


def _one_block(function: Callable, pooling: str, right: Any) -> bool:
    """Try it with a single block."""
    x = np.array([1.0, 2.0, 3.5, 4.0])
    pool = np.max if pooling == "max" else np.mean
    return bool(abs(pool(function(x)) - function(pool(x))) > 1e-3)


def _exactly(function: Callable, pooling: str, right: Any) -> bool:
    """Try it, and take every difference of averages for one, rounding too."""
    x = np.random.default_rng(0).uniform(-curves.FARTHEST, curves.FARTHEST, (4000, 4))
    return bool(np.any(function(x).mean(axis=1) != function(x.mean(axis=1)))) if pooling == "average" else bool(right)


def _in_some_block_each(function: Callable, pooling: str, right: Any) -> bool:
    """Ask whether all blocks differ, not whether any does."""
    x = np.random.default_rng(0).uniform(-curves.FARTHEST, curves.FARTHEST, (4000, 4))
    pool = np.max if pooling == "max" else np.mean
    return bool(np.all(np.abs(pool(function(x), axis=1) - function(pool(x, axis=1))) > 1e-3))


def _coarse(function: Callable, pooling: str, right: Any) -> bool:
    """Take differences below one tenth for rounding."""
    x = np.random.default_rng(0).uniform(-curves.FARTHEST, curves.FARTHEST, (4000, 4))
    pool = np.max if pooling == "max" else np.mean
    return bool(np.abs(pool(function(x), axis=1) - function(pool(x, axis=1))).max() > 0.1)


#: Also said where it is not known which blocks were tried.
FEW_BLOCKS = "Only functions for which the order matters are told wrong: the experiment misses the blocks that show it."
ROUNDED = "Only functions for which the order does not matter are told wrong: rounding is taken for a difference."


def _positive_alone(function: Callable, pooling: str, right: Any) -> bool:
    """Try it with pixels from 0 to 5."""
    x = np.random.default_rng(0).uniform(0, curves.FARTHEST, (4000, 4))
    pool = np.max if pooling == "max" else np.mean
    return bool(np.abs(pool(function(x), axis=1) - function(pool(x, axis=1))).max() > 1e-6)


# Of steps.


def _stepping(change: Callable) -> Callable:
    """Return a fault that computes otherwise: ``change`` takes the arguments, and returns lists."""
    return lambda right: lambda *arguments: pack(*change(right, *arguments))


def _sgd(new_v: Callable, new_w: Callable) -> Callable:
    """Return a fault of momentum by formulas for one array each."""

    def step(right, w, g, v, lr, momentum):
        v = [new_v(*one, lr, momentum) for one in zip(w, g, v, strict=True)]
        return [new_w(*one, lr, momentum) for one in zip(w, g, v, strict=True)], v

    return _stepping(step)


def _adam(
    mean: Callable = lambda m, g, b: b * m + (1 - b) * g,
    square: Callable = lambda s, g, b: b * s + (1 - b) * g**2,
    rate: Callable = lambda lr, t, b1, b2: lr * np.sqrt(1 - b2**t) / (1 - b1**t),
    move: Callable = lambda m, s, e, old_m, old_s: m / (np.sqrt(s) + e),
    sign: int = -1,
    betas: Callable = lambda b1, b2: (b1, b2),
) -> Callable:
    """Return a fault of Adam by the formulas that are other than the right ones."""

    def step(right, w, g, m, s, t, lr, beta_1, beta_2, epsilon):
        b1, b2 = betas(beta_1, beta_2)
        new_m = [mean(np.asarray(a, "float64"), b, b1) for a, b in zip(m, g, strict=True)]
        new_s = [square(np.asarray(a, "float64"), b, b2) for a, b in zip(s, g, strict=True)]
        with np.errstate(all="ignore"):
            moved = [move(*one, epsilon, *old) for *one, old in zip(new_m, new_s, zip(m, s, strict=True), strict=True)]
            factor = rate(lr, t, beta_1, beta_2)
            return [a + sign * factor * b for a, b in zip(w, moved, strict=True)], new_m, new_s

    return _stepping(step)


def _paper(right, w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    """Add epsilon after the correction, as the paper and PyTorch do."""
    m = [beta_1 * a + (1 - beta_1) * b for a, b in zip(m, g, strict=True)]
    s = [beta_2 * a + (1 - beta_2) * b**2 for a, b in zip(s, g, strict=True)]
    hats = [(a / (1 - beta_1**t), b / (1 - beta_2**t)) for a, b in zip(m, s, strict=True)]
    return [a - lr * x / (np.sqrt(y) + epsilon) for a, (x, y) in zip(w, hats, strict=True)], m, s


def _parts_in_order(vector: np.ndarray, count: int, order: tuple[int, ...]) -> np.ndarray:
    """Return the parts of a packed answer, each of so many numbers, in another order."""
    return np.concatenate([vector[k * count : (k + 1) * count] for k in order])


def _correct_the_state(vector: np.ndarray, count: int, by_1: float, by_2: float) -> np.ndarray:
    """Return Adam's packed answer with both averages corrected."""
    return np.concatenate([vector[:count], vector[count : 2 * count] / by_1, vector[2 * count :] / by_2])


def _in_place(position: int = 0) -> Callable:
    """Answer as before, and leave an argument changed behind."""

    def fault(right: Callable) -> Callable:
        def answer(*arguments):
            found = right(*arguments)
            for one in arguments[position] if isinstance(arguments[position], list) else [arguments[position]]:
                one[...] = 0
            return found

        return answer

    return fault


# Of penalties.


def _penalized(penalty: Callable | None = None, gradient: Callable | None = None) -> Callable:
    """Return a fault of the penalty or the gradient by formulas for one kernel each."""

    def fault(right: Callable) -> Callable:
        def answer(w, l1, l2):
            found = right(w, l1, l2)
            kernels = [one for one in w if np.ndim(one) > 1]
            first = found[0] if penalty is None else sum(float(penalty(one, l1, l2)) for one in kernels)
            if gradient is None:
                return pack([first], [found[1:]])
            return pack([first], [gradient(one, l1, l2) if np.ndim(one) > 1 else np.zeros(one.shape) for one in w])

        return answer

    return fault


def _divided(w: np.ndarray) -> np.ndarray:
    """Return numbers divided by their absolute values."""
    with np.errstate(all="ignore"):
        return np.asarray(w, dtype="float64") / np.abs(w)


def _biases_too(right: Callable) -> Callable:
    """Penalize arrays of one axis as kernels of one column."""
    return lambda w, l1, l2: right([np.asarray(one)[:, None] if np.ndim(one) == 1 else one for one in w], l1, l2)


def _of_axes(axes: int) -> Callable:
    """Penalize arrays of so many axes alone."""

    def fault(right: Callable) -> Callable:
        return lambda w, l1, l2: right([one if np.ndim(one) == axes else np.ravel(one) for one in w], l1, l2)

    return fault


# Of what is wrong.


def _normalized(right: Callable) -> Callable:
    def answer(y_true, y_pred, classes):
        counts = right(y_true, y_pred, classes)
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    return answer


def _without_missing(right: Callable) -> Callable:
    def answer(y_true, y_pred, classes):
        there = np.union1d(y_true, y_pred).astype(int)
        return right(y_true, y_pred, classes)[np.ix_(there, there)]

    return answer


def _up_to_largest(right: Callable) -> Callable:
    def answer(y_true, y_pred, classes):
        largest = int(max(np.max(y_true), np.max(y_pred))) + 1
        return right(y_true, y_pred, classes)[:largest, :largest]

    return answer


def _reordered(key: Callable) -> Callable:
    """Return a fault that sorts otherwise: ``key`` takes the probabilities and the classes of the wrong ones."""

    def fault(right: Callable) -> Callable:
        def answer(y_true, probabilities):
            wrong = np.sort(right(y_true, probabilities)).astype(int)
            order = np.argsort(key(np.asarray(probabilities)[wrong], np.asarray(y_true)[wrong]), kind="stable")
            return wrong[order].astype("float64")

        return answer

    return fault


def _some_wrong(choose: Callable) -> Callable:
    """Return a fault that finds others: ``choose`` takes classes and probabilities, and returns who is wrong."""

    def fault(right: Callable) -> Callable:
        def answer(y_true, probabilities):
            chosen = np.flatnonzero(choose(np.asarray(y_true), np.asarray(probabilities)))
            sure = np.max(probabilities, axis=1)[chosen]
            return chosen[np.argsort(-sure, kind="stable")].astype("float64")

        return answer

    return fault


def _instead(value: Callable) -> Callable:
    """Return a fault that returns something of the wrong images in their order, not their numbers."""

    def fault(right: Callable) -> Callable:
        return lambda y_true, probabilities: value(
            right(y_true, probabilities).astype(int), np.asarray(y_true), np.asarray(probabilities)
        )

    return fault


def _faults(function: str, *rows: tuple) -> list[Fault]:
    """Return the faults of one function: name, the lines that it loses, how it is applied, both levels of its hint, and
    other forms of it."""
    return [
        Fault(
            f"{function}_{name}",
            frozenset(f"{function}.{key}" for key in loses.split()),
            apply,
            function=function,
            hint=hint,
            second_hint=second,
            forms=tuple(forms),
        )
        for name, loses, apply, hint, second, *forms in rows
    ]


_MORE_OF_ALL = "default blocks"

_NETWORKS = _faults(
    "build_fnn",
    (
        "no_activation",
        "hidden",
        changed(lambda rows: [row for row in rows if row[:2] != plan.activation("relu")]),
        "There is no activation behind the hidden units, so the network is a linear classifier.",
        "Give the layer of 800 units its activation, or put a layer for it behind.",
    ),
    (
        "sigmoid",
        "hidden",
        changed(
            lambda rows: [plan.activation("sigmoid") if row[:2] == plan.activation("relu") else row for row in rows]
        ),
        "The hidden units have a sigmoid where ReLU is asked for.",
        "Name the other activation in the layer of 800 units.",
    ),
    (
        "another_size",
        "hidden",
        changed(lambda rows: [(DENSE, 784, 1) if row[:2] == (DENSE, 800) else row for row in rows]),
        "The hidden layer has as many units as there are pixels; 800 are asked for.",
        "784 is what goes into the hidden layer. Its own size is the number that you pass to it.",
    ),
    (
        "takes_vectors",
        "hidden",
        changed(lambda rows: [(INPUT, 784), *rows[2:]]),
        "The network takes vectors of 784 numbers; begin it with images [28, 28, 1] and flatten them inside.",
        "Let the input have three axes, and put the layer that flattens first.",
    ),
    (
        "no_softmax",
        "output",
        changed(_softmax_dropped),
        "The network gives scores, not probabilities: end it with softmax.",
        "The activation of the last layer turns ten scores into ten probabilities.",
    ),
    (
        "sigmoid_output",
        "output",
        changed(
            lambda rows: [plan.activation("sigmoid") if row[:2] == plan.activation("softmax") else row for row in rows]
        ),
        "Ten sigmoids say ten times yes or no. One digit out of ten needs probabilities that sum to 1.",
        "Take the activation that looks at all ten scores together.",
    ),
    (
        "activations_exchanged",
        "hidden output",
        changed(_exchanged_activations),
        "Softmax and ReLU are exchanged: ReLU belongs to the hidden units, softmax to the output.",
        "Look at which of the two layers each activation stands in.",
    ),
    (
        "relu_output",
        "output",
        changed(_output_as("relu")),
        "The output has ReLU, so its ten numbers are no probabilities.",
        "The activation of the last layer turns ten scores into ten probabilities.",
    ),
    (
        "softmax_twice",
        "output",
        changed(lambda rows: [*rows, plan.activation("softmax")]),
        "Softmax is applied twice, which makes all probabilities nearly equal.",
        "Apply softmax in the last dense layer or in a layer behind it, not in both.",
    ),
    (
        "two_hidden_layers",
        "hidden",
        changed(_before_output((DENSE, 800, 1), plan.activation("relu"))),
        "There is a second layer of hidden units, which is not asked for.",
        "The network has two dense layers in all: 800 units and 10.",
    ),
    (
        "dropout",
        "hidden",
        changed(_before_output((DROPOUT_NUMBERS, 0.2))),
        "There is dropout before the output, which is not asked for.",
        "Leave the layer out. You will try dropout where it can be compared.",
    ),
    (
        "no_bias",
        "hidden",
        changed(lambda rows: [(DENSE, 800, 0) if row[:2] == (DENSE, 800) else row for row in rows]),
        "The hidden units have no bias.",
        "Leave use_bias as it is: each unit has a weight for each input and a bias.",
    ),
)
_CNN = _faults(
    "build_cnn",
    (
        "pooling_stride_one",
        _MORE_OF_ALL,
        changed(_each(MAX, lambda row: [(MAX, 2, 2, 1, 1, 0, 0)])),
        "Every pooling moves by one pixel, so the maps hardly shrink: they are halved where their size is even.",
        "Only the pooling of maps of 7×7 has stride 1. The others move by as much as their window is large.",
    ),
    (
        "fourth_stride_two",
        "blocks",
        changed(_each(MAX, lambda row: [(MAX, 2, 2, 2, 2, 0, 0)])),
        "The pooling before the fourth block halves maps of 7×7 and throws a row and a column away. There it moves by "
        "one pixel.",
        "Give the third pooling another stride than the first two: from 7×7 to 6×6.",
    ),
    (
        "relu_missing_after_third",
        "default",
        changed(_without_last_activation),
        "The third convolution has no activation, so it and the dense layer behind it are one linear function.",
        "The last block has no pooling, but it has an activation like all others.",
    ),
    (
        "maps_not_doubled",
        _MORE_OF_ALL,
        changed(_never_doubled),
        "All blocks have as many maps as the first; each has twice as many as the one before.",
        "In a loop over the blocks, the number of maps is the first one times a power of two.",
    ),
    (
        "maps_ignored",
        "blocks",
        _asked_otherwise(maps=8),
        "The first block has 8 maps whatever is asked for.",
        "Use the argument maps where the number 8 stands.",
    ),
    (
        "blocks_ignored",
        "blocks",
        _asked_otherwise(blocks=3),
        "There are three blocks whatever is asked for.",
        "Let a loop run as often as the argument blocks says.",
    ),
    (
        "no_padding",
        _MORE_OF_ALL,
        changed(_unpadded),
        "The convolutions are not padded: each takes a border of one pixel away.",
        'Maps stay as large as they are with padding="same".',
    ),
    (
        "pooled_at_the_end",
        _MORE_OF_ALL,
        _fully_pooled,
        "There is a pooling after the last block as well. Poolings stand between two blocks.",
        "As many poolings as blocks are one too many: leave the one of the last block out.",
    ),
    (
        "flattened_before_pooling",
        _MORE_OF_ALL,
        changed(_flattened_first),
        "What is pooled is flattened already, so numbers are paired that are no neighbors in the image.",
        "Pool maps, that have rows and columns; flatten last, and only once.",
    ),
    (
        "five_by_five",
        _MORE_OF_ALL,
        changed(_each(CONVOLUTION, lambda row: [(CONVOLUTION, row[1], 5, 5, *row[4:])])),
        "The kernels are 5×5 where 3×3 are asked for.",
        "The second argument of a convolution is the size of its kernel.",
    ),
    (
        "average_pooling",
        _MORE_OF_ALL,
        changed(_each(MAX, lambda row: [(AVERAGE, *row[1:])])),
        "The poolings take averages where the maximum is asked for.",
        "Take the layer whose name begins with Max.",
    ),
    (
        "global_pooling",
        _MORE_OF_ALL,
        changed(lambda rows: [(GLOBAL,) if row[0] == FLATTEN else row for row in rows]),
        "Each map is averaged to one number before the dense layer. Keep all numbers: flatten.",
        "The dense layer of the plain network sees 1,568 numbers.",
    ),
    (
        "hidden_layer",
        _MORE_OF_ALL,
        changed(_before_flatten((FLATTEN,), (DENSE, 100, 1), plan.activation("relu"))),
        "There is a dense layer between the last map and the ten units, which is not asked for.",
        "Behind the flattening comes one dense layer alone.",
    ),
    (
        "no_softmax",
        "default",
        changed(_softmax_dropped),
        "The network gives scores, not probabilities: end it with softmax.",
        "The activation of the last layer turns ten scores into ten probabilities.",
    ),
    (
        "maps_times_number",
        _MORE_OF_ALL,
        changed(_grown(lambda maps, block: maps * (block + 1))),
        "Block k has k times the maps of the first one. Each block has twice as many as the one before.",
        "The factors are 1, 2, 4 and 8: powers of two.",
    ),
    (
        "maps_times_even_number",
        "blocks",
        changed(_grown(lambda maps, block: maps * max(2 * block, 1))),
        "The fourth block has six times the maps of the first one, not eight: each block has twice as many as the "
        "one before.",
        "The factors are 1, 2, 4 and 8: powers of two.",
    ),
    (
        "doubled_too_early",
        _MORE_OF_ALL,
        changed(_grown(lambda maps, block: maps * 2 ** (block + 1))),
        "The first block has twice the maps that are asked for already.",
        "The factor of the first block is 2 to the power of 0.",
    ),
    (
        "maps_halved",
        _MORE_OF_ALL,
        changed(_grown(lambda maps, block: max(maps // 2**block, 1))),
        "The maps are halved from block to block; they are doubled where the network is asked for.",
        "The rows and columns are halved, the maps are doubled.",
    ),
    (
        "third_pooling_padded",
        "blocks",
        changed(_strides(_as_it_is, padded=2)),
        "The third pooling is padded, so its maps stay 7×7. No pooling is padded: 6×6 come out.",
        "Leave padding of the poolings as it is; stride 1 alone gives 6×6.",
    ),
    (
        "third_pooling_halves_padded",
        "blocks",
        changed(_strides(lambda number: 2, padded=2)),
        "The third pooling is padded and moves by two, which gives 4×4. Not padded and with stride 1 it gives 6×6.",
        "Give the third pooling stride 1, and leave its padding as it is.",
    ),
    (
        "second_pooling_stride_one",
        _MORE_OF_ALL,
        changed(_strides(lambda number: 1 if number == 1 else 2)),
        "The second pooling moves by one pixel already. The third one is the only one that does.",
        "A loop that counts from 0 has another number for the third pooling than one that counts from 1.",
    ),
    (
        "stride_one_from_second",
        _MORE_OF_ALL,
        changed(_strides(lambda number: 2 if number == 0 else 1)),
        "The second pooling moves by one pixel already. The third one is the only one that does.",
        "A loop that counts from 0 has another number for the third pooling than one that counts from 1.",
    ),
    (
        "sigmoid_output",
        "default",
        changed(_output_as("sigmoid")),
        "Ten sigmoids say ten times yes or no. One digit out of ten needs probabilities that sum to 1.",
        "Take the activation that looks at all ten scores together.",
    ),
    (
        "activations_exchanged",
        "default activation",
        changed(_exchanged_activations),
        "The activation and softmax are exchanged: softmax belongs to the output alone.",
        "Look at which layer each activation stands in.",
    ),
    (
        "output_with_inner_activation",
        "default activation",
        changed(_output_with_inner),
        "The output has the activation that is meant for the blocks, so it gives no probabilities.",
        "The argument activation is for the convolutions. The output has softmax whatever is asked for.",
    ),
    (
        "activated_twice",
        "default batch_norm",
        changed(_twice_activated),
        "The activation is applied in the convolution, and once more behind it.",
        "Leave it out of one of the two places. The one in the convolution is too early where batch normalization or "
        "pooling comes first.",
    ),
    (
        "activation_ignored",
        "activation",
        _asked_otherwise(activation="relu"),
        "ReLU is applied whatever activation is asked for.",
        "Hand the argument activation on to the layers.",
    ),
    (
        "two_activations",
        "activation",
        changed(_relu_stays_behind),
        "The other activation comes on top of ReLU: it should come in its place.",
        "A convolution that applies ReLU itself leaves nothing negative for the next activation.",
    ),
    (
        "pool_first_ignored",
        "pool_first",
        _asked_otherwise(pool_first=False),
        "The pooling comes last whatever pool_first says.",
        "Where pool_first is true, put the pooling before the activation. An activation inside the convolution is too "
        "early then.",
    ),
    (
        "dropout_of_numbers",
        "dropout",
        changed(_each(DROPOUT_MAPS, lambda row: [(DROPOUT_NUMBERS, *row[1:])])),
        "Single numbers are dropped. Neighbors tell nearly the same, so whole maps are to be dropped.",
        "Keras has a layer for it whose name begins with Spatial.",
    ),
    (
        "dropout_before_normalization",
        "dropout",
        changed(_moved(DROPOUT_MAPS, lambda rows, place: rows[place - 1][0] == CONVOLUTION)),
        "The dropout comes right behind the convolution, before normalization, activation and pooling.",
        "Put it last in its block, behind whichever of pooling and activation comes second.",
    ),
    (
        "dropout_once",
        "dropout",
        changed(_one_dropout),
        "There is one dropout before the dense layer; one after each pooling is asked for.",
        "Put it into the loop over the blocks.",
    ),
    (
        "dropout_after_first_block_alone",
        "dropout",
        changed(_first_only(DROPOUT_MAPS)),
        "There is dropout after the first pooling alone; one after each is asked for.",
        "Put it into the loop over the blocks, without a condition on the block but that it has a pooling.",
    ),
    (
        "dropout_after_last_pooling_alone",
        "dropout",
        changed(_last_alone(DROPOUT_MAPS)),
        "There is dropout after the last pooling alone; one after each is asked for.",
        "Put it into the loop over the blocks, without a condition on the block but that it has a pooling.",
    ),
    (
        "dropout_between_the_pair",
        "dropout",
        changed(_between_the_pair),
        "The dropout stands between activation and pooling; it comes behind both.",
        "Add it when the pair is complete.",
    ),
    (
        "dropout_behind_each_convolution",
        "dropout",
        changed(_behind_each_convolution),
        "There is dropout right behind each convolution. It comes behind activation and pooling, and there is none in "
        "the last block.",
        "Add it when the pair of activation and pooling is complete.",
    ),
    (
        "dropout_after_last_block",
        "dropout",
        changed(_dropout_everywhere),
        "There is a dropout after the last block too, which has no pooling.",
        "Dropout belongs to the blocks with a pooling.",
    ),
    (
        "dropout_rate_kept",
        "dropout",
        changed(_each(DROPOUT_MAPS, lambda row: [(DROPOUT_MAPS, round(1 - row[1], 6))])),
        "The rate is the part that is kept. In Keras it is the part that is dropped.",
        "Hand the argument on as it is.",
    ),
    (
        "dropout_always_half",
        "dropout",
        changed(_each(DROPOUT_MAPS, lambda row: [(DROPOUT_MAPS, 0.5)])),
        "The rate is one half whatever is asked for.",
        "Use the argument dropout as the rate.",
    ),
    (
        "normalized_after_activation",
        "batch_norm",
        changed(_later(NORMALIZATION, (ACTIVATION,))),
        "The batch normalization comes behind the activation, not between convolution and activation.",
        "Leave the activation out of the convolution, normalize, and put the activation behind.",
    ),
    (
        "normalized_once",
        "batch_norm",
        changed(_first_only(NORMALIZATION)),
        "Only the first convolution has a batch normalization; each one needs its own.",
        "Put it into the loop over the blocks.",
    ),
    (
        "normalized_before_convolution",
        "batch_norm",
        changed(_before_convolutions),
        "The batch normalization stands before each convolution, not behind it.",
        "Add it right after the convolution that it belongs to.",
    ),
    (
        "normalized_after_pooling",
        "batch_norm",
        changed(_behind_poolings),
        "The batch normalization comes behind activation and pooling, not between convolution and activation.",
        "Add it right after the convolution, and the activation after it.",
    ),
    (
        "last_block_not_normalized",
        "batch_norm",
        changed(_without_last(NORMALIZATION)),
        "The last block has no batch normalization; each convolution is followed by one.",
        "Add it before you ask whether this is the last block.",
    ),
    (
        "normalization_missing",
        "batch_norm",
        _asked_otherwise(batch_norm=False),
        "There is no batch normalization whatever batch_norm says.",
        "Where batch_norm is true, add a layer behind each convolution.",
    ),
    (
        "no_bias_before_normalization",
        "batch_norm",
        changed(_no_bias_before_normalization),
        "The convolutions lose their bias where batch normalization follows. That changes nothing that the network can "
        "do, but the network that is asked for has it: 155,850 parameters with 32 maps.",
        "Leave use_bias as it is.",
    ),
    (
        "no_dropout_with_normalization",
        "together",
        _no_dropout_with_normalization,
        "With batch normalization, the dropout is gone.",
        "Let each argument be looked at by itself, not by elif.",
    ),
    (
        "no_normalization_with_dropout",
        "together",
        _no_normalization_with_dropout,
        "With dropout, the batch normalization is gone.",
        "Let each argument be looked at by itself, not by elif.",
    ),
)
_ORDER = _faults(
    "order_matters",
    (
        "max_never",
        "max",
        _judging(lambda function, pooling, right: False if pooling == "max" else right),
        "It says that the order never matters with max pooling. That holds for functions that never fall.",
        "Take a block with -2 and 1, and the absolute value: what comes out in either order?",
    ),
    (
        "max_only_strictly_rising",
        "max",
        _judging(lambda function, pooling, right: not _rises(function, 1e-12) if pooling == "max" else right),
        "It counts a function that stays the same somewhere, such as a step, as one for which the order matters.",
        "Not falling is enough; rising everywhere is not needed.",
    ),
    (
        "max_falling_too",
        "max",
        _judging(
            lambda function, pooling, right: right and not _rises(lambda x: -function(x)) if pooling == "max" else right
        ),
        "It counts functions that fall everywhere among those for which the order does not matter.",
        "A falling function makes the largest number the smallest one.",
    ),
    (
        "max_as_average",
        "max",
        _judging(lambda function, pooling, right: not _is_straight(function) if pooling == "max" else right),
        "With max pooling it looks for straight lines; these matter for averages.",
        "A maximum picks one of the numbers. When does the function pick the same one?",
    ),
    (
        "average_as_max",
        "average",
        _judging(lambda function, pooling, right: not _rises(function) if pooling == "average" else right),
        "With average pooling it asks whether the function falls anywhere; a rising one may matter too.",
        "Take a block with -1 and 1, and ReLU, and work out both orders with the average.",
    ),
    (
        "average_always",
        "average",
        _judging(lambda function, pooling, right: True if pooling == "average" else right),
        "It says that the order always matters with average pooling. For a straight line it does not.",
        "Compare both orders with a tolerance: averages are rounded.",
    ),
    (
        "one_block",
        "max average",
        _judging(_one_block),
        FEW_BLOCKS,
        "Draw some thousand blocks, with numbers from all of -5 to 5, and ask whether any of them differs by more than "
        "0.001.",
    ),
    (
        "exact_comparison",
        "average",
        _judging(_exactly),
        ROUNDED,
        "Averages are rounded. Take differences below 0.001 for none.",
    ),
    (
        "all_blocks",
        "max average",
        _judging(_in_some_block_each),
        "It says True only where every single block differs. One block that differs is enough.",
        "Look at the largest of the differences, not at all of them.",
    ),
    (
        "coarse_tolerance",
        "max average",
        _judging(_coarse),
        "It takes differences of up to 0.1 for rounding. Some functions have small values, and differ by less.",
        "The text says below which difference all is rounding.",
    ),
    (
        "positive_pixels",
        "max average",
        _judging(_positive_alone),
        "It agrees with an experiment on positive numbers alone: there ReLU is a straight line.",
        "Draw numbers from -5 to 5.",
    ),
    (
        "inverted",
        "max average",
        _judging(lambda function, pooling, right: not right),
        "All answers are the wrong way round: True means that the order changes the result.",
        "Return whether both results differ, not whether they agree.",
    ),
)
_SGD = _faults(
    "sgd_step",
    (
        "wrong_sign",
        "plain",
        _sgd(lambda w, g, v, lr, mu: mu * v + lr * g, lambda w, g, v, lr, mu: w + v),
        "The step goes along the gradient, uphill.",
        "The gradient enters the velocity with a minus.",
    ),
    (
        "no_learning_rate",
        "plain",
        _sgd(lambda w, g, v, lr, mu: mu * v - g, lambda w, g, v, lr, mu: w + v),
        "The learning rate is missing.",
        "Multiply the gradient by lr where it enters the velocity.",
    ),
    (
        "momentum_sign",
        "momentum",
        _sgd(lambda w, g, v, lr, mu: -mu * v - lr * g, lambda w, g, v, lr, mu: w + v),
        "The old velocity is subtracted, so each step works against the one before.",
        "Momentum times the old velocity enters with a plus.",
    ),
    (
        "no_momentum",
        "momentum",
        _sgd(lambda w, g, v, lr, mu: -lr * g, lambda w, g, v, lr, mu: w + v),
        "The old velocity is forgotten.",
        "Begin the new velocity with momentum times the old one.",
    ),
    (
        "velocity_without_rate",
        "momentum",
        _stepping(
            lambda right, w, g, v, lr, mu: (
                [a - lr * (mu * c + b) for a, b, c in zip(w, g, v, strict=True)],
                [mu * c + b for b, c in zip(g, v, strict=True)],
            )
        ),
        "The velocity is PyTorch's, which leaves the learning rate and the minus out of it. Here both are part of it.",
        "The new weights are the old ones plus the new velocity, with nothing between.",
    ),
    (
        "damped",
        "momentum",
        _sgd(lambda w, g, v, lr, mu: mu * v - (1 - mu) * lr * g, lambda w, g, v, lr, mu: w + v),
        "The gradient is multiplied by 1 - momentum, as in a running average. Here it is not.",
        "Leave the factor of the gradient at the learning rate alone.",
    ),
    (
        "nesterov",
        "momentum",
        _sgd(lambda w, g, v, lr, mu: mu * v - lr * g, lambda w, g, v, lr, mu: w + mu * v - lr * g),
        "This is Nesterov's step, which looks ahead. The plain one is asked for.",
        "The new weights are the old ones plus the new velocity.",
    ),
    (
        "old_velocity",
        "plain momentum domain",
        _stepping(
            lambda right, w, g, v, lr, mu: (
                [a + c for a, c in zip(w, v, strict=True)],
                [mu * c - lr * b for b, c in zip(g, v, strict=True)],
            )
        ),
        "The weights move by the old velocity, not by the new one.",
        "First compute the new velocity, then add it.",
    ),
    (
        "velocity_of_other_sign",
        "momentum",
        _sgd(lambda w, g, v, lr, mu: mu * v + lr * g, lambda w, g, v, lr, mu: w - v),
        "The velocity has the other sign: here it is what is added to the weights, so the minus is part of it.",
        "Let the gradient enter the velocity with a minus, and add the velocity to the weights.",
    ),
    (
        "running_average",
        "momentum",
        _sgd(lambda w, g, v, lr, mu: mu * v + (1 - mu) * g, lambda w, g, v, lr, mu: w - lr * v),
        "The velocity is a running average of the gradients. Here it is momentum times the old one, minus the learning "
        "rate times the gradient.",
        "Write the first formula as it stands: neither 1 - momentum nor a learning rate in the second line.",
    ),
    (
        "rate_times_velocity",
        "momentum",
        _sgd(lambda w, g, v, lr, mu: lr * (mu * v - g), lambda w, g, v, lr, mu: w + v),
        "The learning rate multiplies the old velocity as well.",
        "Momentum alone stands before the old velocity; the learning rate belongs to the gradient.",
    ),
    (
        "rate_twice",
        "plain momentum domain",
        _sgd(lambda w, g, v, lr, mu: mu * v - lr * g, lambda w, g, v, lr, mu: w + lr * v),
        "The learning rate stands in both lines. It is part of the velocity already.",
        "The new weights are the old ones plus the new velocity, with nothing between.",
    ),
    (
        "old_velocity_with_one_minus_momentum",
        "momentum",
        _sgd(lambda w, g, v, lr, mu: (1 - mu) * v - lr * g, lambda w, g, v, lr, mu: w + v),
        "The old velocity is multiplied by 1 - momentum. Momentum is the part that stays.",
        "Write momentum times the old velocity.",
    ),
    (
        "momentum_on_gradient",
        "plain momentum domain",
        _sgd(lambda w, g, v, lr, mu: v - mu * lr * g, lambda w, g, v, lr, mu: w + v),
        "Momentum multiplies the gradient, and the old velocity stays whole. It is the other way around.",
        "Momentum times the old velocity, minus the learning rate times the gradient.",
    ),
    (
        "lists_exchanged",
        "plain momentum domain",
        _stepping(
            lambda right, w, g, v, lr, mu: (
                [mu * c - lr * b for b, c in zip(g, v, strict=True)],
                [a + mu * c - lr * b for a, b, c in zip(w, g, v, strict=True)],
            )
        ),
        "The two lists come back in the other order: first the new weights, then the new velocities.",
        "Exchange them in the return.",
    ),
    (
        "velocity_not_kept",
        "momentum",
        _stepping(
            lambda right, w, g, v, lr, mu: ([a + mu * c - lr * b for a, b, c in zip(w, g, v, strict=True)], list(v))
        ),
        "The velocities that come back are those that went in: the next step knows nothing of this one.",
        "Return the new velocities beside the new weights.",
    ),
    (
        "first_array_alone",
        "plain momentum domain",
        _stepping(
            lambda right, w, g, v, lr, mu: (
                [a + (mu * c - lr * b) * (k == 0) for k, (a, b, c) in enumerate(zip(w, g, v, strict=True))],
                [mu * c - lr * b for b, c in zip(g, v, strict=True)],
            )
        ),
        "Only the first array of weights moves.",
        "Go through all arrays of the lists.",
    ),
    (
        "changes_weights",
        "domain",
        _in_place(0),
        "Work on a copy of w, so that the caller keeps the input.",
        "Somewhere a value is written into w itself, as -= does: make a new array.",
    ),
)
_ADAM = _faults(
    "adam_step",
    (
        "no_bias_correction",
        "correction",
        _adam(rate=lambda lr, t, b1, b2: lr),
        "The correction of the averages is missing, so the first steps have the wrong size.",
        "Both averages begin at 0. Divide what each is too small by, which depends on t, out of it.",
    ),
    (
        "mean_not_corrected",
        "correction",
        _adam(rate=lambda lr, t, b1, b2: lr * np.sqrt(1 - b2**t)),
        "Only the average of the squares is corrected, not that of the gradients.",
        "There are two factors: one with beta_1, and the root of one with beta_2.",
    ),
    (
        "squares_not_corrected",
        "correction",
        _adam(rate=lambda lr, t, b1, b2: lr / (1 - b1**t)),
        "Only the average of the gradients is corrected, not that of the squares.",
        "There are two factors: one with beta_1, and the root of one with beta_2.",
    ),
    (
        "correction_without_root",
        "correction",
        _adam(rate=lambda lr, t, b1, b2: lr * (1 - b2**t) / (1 - b1**t)),
        "The correction of the squares has no root, although it stands beside the root of their average.",
        "What corrects s corrects the root of s by its own root.",
    ),
    (
        "counts_from_zero",
        "correction",
        _adam(rate=lambda lr, t, b1, b2: lr * np.sqrt(1 - b2 ** (t + 1)) / (1 - b1 ** (t + 1))),
        "The step is counted one too far: t is 1 in the first step already.",
        "Use t as it comes as the exponent.",
    ),
    (
        "counts_one_too_few",
        "correction",
        _adam(rate=lambda lr, t, b1, b2: lr * np.sqrt(1 - b2 ** (t - 1)) / (1 - b1 ** (t - 1)) if t > 1 else np.nan),
        "The step is counted one too few: with t = 1 nothing but a division by 0 would be left.",
        "Use t as it comes as the exponent: the first step is number 1.",
    ),
    (
        "correction_inverted",
        "correction",
        _adam(rate=lambda lr, t, b1, b2: lr * (1 - b1**t) / np.sqrt(1 - b2**t)),
        "The correction stands upside down.",
        "The factor with beta_2 is above, under a root; that with beta_1 below.",
    ),
    (
        "betas_exchanged_in_correction",
        "correction",
        _adam(rate=lambda lr, t, b1, b2: lr * np.sqrt(1 - b1**t) / (1 - b2**t)),
        "The two betas are exchanged in the correction.",
        "The root belongs to beta_2, as it does to s.",
    ),
    (
        "corrected_averages_returned",
        "moments",
        lambda right: (
            lambda w, g, m, s, t, lr, b1, b2, e: _correct_the_state(
                right(w, g, m, s, t, lr, b1, b2, e), sum(one.size for one in w), 1 - b1**t, 1 - b2**t
            )
        ),
        "The averages come back corrected, and the next step would correct them once more.",
        "Return m and s as the first two formulas have them; the correction is part of the step alone.",
    ),
    (
        "averages_exchanged",
        "moments",
        lambda right: lambda w, *rest: _parts_in_order(right(w, *rest), sum(one.size for one in w), (0, 2, 1)),
        "The two averages come back in the other order: first m, then s.",
        "Exchange them in the return.",
    ),
    (
        "weights_last",
        "moments step correction epsilon domain",
        lambda right: lambda w, *rest: _parts_in_order(right(w, *rest), sum(one.size for one in w), (1, 2, 0)),
        "The new weights come back last. They come first, then m, then s.",
        "Change the order in the return.",
    ),
    (
        "rate_decays",
        "step correction",
        _adam(rate=lambda lr, t, b1, b2: lr / np.sqrt(t) * np.sqrt(1 - b2**t) / (1 - b1**t)),
        "The learning rate falls with t. Adam does not do that by itself: its rate stays.",
        "Leave the division by the root of t out.",
    ),
    (
        "epsilon_inside",
        "epsilon",
        _adam(move=lambda m, s, e, old_m, old_s: m / np.sqrt(s + e)),
        "Epsilon stands inside the root; it belongs beside it.",
        "Take the root first, then add epsilon.",
    ),
    (
        "epsilon_missing",
        "epsilon",
        _adam(move=lambda m, s, e, old_m, old_s: m / np.sqrt(s)),
        "Epsilon is missing.",
        "Add it to the root before you divide.",
    ),
    (
        "epsilon_after_correction",
        "epsilon",
        _stepping(_paper),
        "Epsilon is added after the correction, as in the paper and in PyTorch. The formula above adds it before.",
        "Divide by the root of the uncorrected s plus epsilon, and put both corrections into the rate.",
    ),
    (
        "wrong_sign",
        "step",
        _adam(sign=1),
        "The step goes along the gradient, uphill.",
        "Subtract the step from the weights.",
    ),
    (
        "no_root",
        "step epsilon",
        _adam(move=lambda m, s, e, old_m, old_s: m / (s + e)),
        "The root is missing: the step divides by the average of the squares itself.",
        "A gradient divided by a square has no sensible size. Take the root of s.",
    ),
    (
        "gradient_instead_of_mean",
        "step",
        lambda right: (
            lambda w, g, m, s, t, lr, b1, b2, e: pack(
                [
                    np.asarray(a) - lr * np.sqrt(1 - b2**t) / (1 - b1**t) * b / (np.sqrt(b2 * c + (1 - b2) * b**2) + e)
                    for a, b, c in zip(w, g, s, strict=True)
                ],
                [b1 * a + (1 - b1) * b for a, b in zip(m, g, strict=True)],
                [b2 * a + (1 - b2) * b**2 for a, b in zip(s, g, strict=True)],
            )
        ),
        "The step takes the gradient of this step, not the average of all.",
        "Divide the new m by the root.",
    ),
    (
        "old_averages",
        "step epsilon",
        _adam(move=lambda m, s, e, old_m, old_s: old_m / (np.sqrt(old_s) + e)),
        "The step takes the averages as they were, without the gradient of this step.",
        "First compute both new averages, then the step.",
    ),
    (
        "betas_exchanged",
        "moments",
        _adam(betas=lambda b1, b2: (b2, b1)),
        "The two betas are exchanged in the averages.",
        "beta_1 belongs to the average of the gradients, beta_2 to that of the squares.",
    ),
    (
        "mean_not_weighted",
        "moments",
        _adam(mean=lambda m, g, b: b * m + g),
        "The gradient enters its average with the weight 1.",
        "The two weights of an average sum to 1.",
    ),
    (
        "squares_not_weighted",
        "moments",
        _adam(square=lambda s, g, b: b * s + g**2),
        "The squared gradient enters its average with the weight 1.",
        "The two weights of an average sum to 1.",
    ),
    (
        "gradient_not_squared",
        "moments",
        _adam(square=lambda s, g, b: b * s + (1 - b) * g),
        "The second average is of the gradients too. It is one of their squares.",
        "Square the gradient where it enters s.",
    ),
    (
        "absolute_gradient",
        "moments",
        _adam(square=lambda s, g, b: b * s + (1 - b) * np.abs(g)),
        "The second average is of the gradients' absolute values. It is one of their squares.",
        "Square the gradient where it enters s.",
    ),
    (
        "weight_squared_too",
        "moments",
        _adam(square=lambda s, g, b: b * s + ((1 - b) * g) ** 2),
        "The weight of the squared gradient is squared with it.",
        "Square the gradient alone, and multiply by 1 - beta_2 then.",
    ),
    (
        "weights_of_average_exchanged",
        "moments",
        _adam(mean=lambda m, g, b: (1 - b) * m + b * g, square=lambda s, g, b: (1 - b) * s + b * g**2),
        "Beta is the weight of what is new; it is that of the old average.",
        "With a beta near 1 an average changes slowly.",
    ),
    (
        "changes_state",
        "domain",
        _in_place(2),
        "Work on a copy of m, so that the caller keeps the input.",
        "Somewhere a value is written into m itself, as *= does: make a new array.",
    ),
)
_PENALTIES = _faults(
    "l1_l2",
    (
        "weight_decay",
        "penalty gradient",
        _penalized(
            lambda w, l1, l2: l1 * np.abs(w).sum() + l2 / 2 * np.square(w).sum(),
            lambda w, l1, l2: l1 * np.sign(w) + l2 * w,
        ),
        "L2 has the factor one half, as PyTorch's weight_decay has. Keras' L2 has none.",
        "The penalty is l2 times the sum of squares; its derivative has a factor of two.",
    ),
    (
        "decay_alone",
        "penalty gradient",
        _penalized(lambda w, l1, l2: l1 * np.abs(w).sum(), lambda w, l1, l2: l1 * np.sign(w) + l2 * w),
        "L2 shrinks the weights without being part of the penalty: that is weight decay.",
        "Add l2 times the sum of squares to the penalty, and take its derivative.",
    ),
    (
        "half_gradient",
        "gradient",
        _penalized(gradient=lambda w, l1, l2: l1 * np.sign(w) + l2 * w),
        "The gradient of the squares lacks its factor of two.",
        "Derive the square of w by hand.",
    ),
    (
        "no_sign",
        "gradient",
        _penalized(gradient=lambda w, l1, l2: l1 * np.ones(np.shape(w)) + 2 * l2 * w),
        "The gradient of L1 is the same for negative weights as for positive ones.",
        "The slope of an absolute value is -1 on one side and 1 on the other.",
    ),
    (
        "no_absolute_value",
        "penalty",
        _penalized(lambda w, l1, l2: l1 * np.sum(w) + l2 * np.square(w).sum()),
        "L1 adds the weights up with their signs, so that they cancel.",
        "Take the absolute value of each before they are added up.",
    ),
    (
        "norm",
        "penalty",
        _penalized(lambda w, l1, l2: l1 * np.abs(w).sum() + l2 * np.sqrt(np.square(w).sum())),
        "L2 has a root, as a length has. The penalty is the sum of squares itself.",
        "Leave the root out.",
    ),
    (
        "mean",
        "penalty",
        _penalized(lambda w, l1, l2: l1 * np.abs(w).mean() + l2 * np.square(w).mean()),
        "The penalty is an average over the weights; Keras adds them up.",
        "Take the sum.",
    ),
    (
        "exchanged",
        "penalty gradient",
        lambda right: lambda w, l1, l2: right(w, l2, l1),
        "The two factors are exchanged.",
        "l1 belongs to the absolute values, l2 to the squares.",
    ),
    (
        "sign_by_division",
        "domain",
        _penalized(gradient=lambda w, l1, l2: l1 * _divided(w) + 2 * l2 * w),
        "A weight that is 0 is divided by its absolute value, which gives nan. The sign of 0 is 0.",
        "NumPy has a function for the sign, which knows what to do with 0.",
    ),
    (
        "zero_counts_as_negative",
        "domain",
        _penalized(gradient=lambda w, l1, l2: l1 * np.where(np.asarray(w) > 0, 1, -1) + 2 * l2 * w),
        "A weight that is 0 gets the sign of a negative one. The sign of 0 is 0.",
        "Two cases are one too few: a weight is positive, negative or 0.",
    ),
    (
        "zero_counts_as_positive",
        "domain",
        _penalized(gradient=lambda w, l1, l2: l1 * np.where(np.asarray(w) >= 0, 1, -1) + 2 * l2 * w),
        "A weight that is 0 gets the sign of a positive one. The sign of 0 is 0.",
        "Two cases are one too few: a weight is positive, negative or 0.",
    ),
    (
        "gradient_of_l1_alone",
        "gradient",
        _penalized(gradient=lambda w, l1, l2: l1 * np.sign(w)),
        "The gradient is that of L1 alone; that of L2 is missing.",
        "Add the derivative of the squares.",
    ),
    (
        "gradient_of_l2_alone",
        "gradient",
        _penalized(gradient=lambda w, l1, l2: 2 * l2 * w),
        "The gradient is that of L2 alone; that of L1 is missing.",
        "Add the derivative of the absolute values.",
    ),
    (
        "absolute_value_as_gradient",
        "gradient",
        _penalized(gradient=lambda w, l1, l2: l1 * np.abs(w) + 2 * l2 * w),
        "The gradient of L1 is not the absolute value itself but its slope.",
        "How steep is an absolute value, left and right of 0?",
    ),
    (
        "squares_as_gradient",
        "gradient",
        _penalized(gradient=lambda w, l1, l2: l1 * np.sign(w) + 2 * l2 * np.square(w)),
        "The gradient of the squares has the squares in it. The derivative of a square is linear.",
        "Derive the square of w by hand.",
    ),
    (
        "penalty_of_l2_alone",
        "penalty",
        _penalized(lambda w, l1, l2: l2 * np.square(w).sum()),
        "The penalty is that of L2 alone; that of L1 is missing.",
        "Add l1 times the absolute values.",
    ),
    (
        "penalty_of_l1_alone",
        "penalty",
        _penalized(lambda w, l1, l2: l1 * np.abs(w).sum()),
        "The penalty is that of L1 alone; that of L2 is missing.",
        "Add l2 times the squares.",
    ),
    (
        "square_of_sum",
        "penalty",
        _penalized(lambda w, l1, l2: l1 * np.abs(w).sum() + l2 * np.sum(w) ** 2),
        "The weights are added up and then squared. Square each, and add the squares up.",
        "The square stands inside the sum.",
    ),
    (
        "first_array_alone",
        "penalty",
        lambda right: (
            lambda w, l1, l2: (
                pack([right([one for one in w if np.ndim(one) > 1][:1], l1, l2)[0]], [right(w, l1, l2)[1:]])
                if any(np.ndim(one) > 1 for one in w)
                else right(w, l1, l2)
            )
        ),
        "The penalty is that of the first kernel alone.",
        "Add up over all arrays: a return or an assignment inside the loop comes too early.",
    ),
    (
        "last_array_alone",
        "penalty",
        lambda right: (
            lambda w, l1, l2: (
                pack([right([one for one in w if np.ndim(one) > 1][-1:], l1, l2)[0]], [right(w, l1, l2)[1:]])
                if any(np.ndim(one) > 1 for one in w)
                else right(w, l1, l2)
            )
        ),
        "The penalty is that of the last kernel alone.",
        "Add each to the sum of those before: = forgets them.",
    ),
    (
        "mean_over_arrays",
        "penalty",
        lambda right: (
            lambda w, l1, l2: pack(
                [right(w, l1, l2)[0] / max(sum(np.ndim(one) > 1 for one in w), 1)], [right(w, l1, l2)[1:]]
            )
        ),
        "The penalty is an average over the kernels; it is their sum.",
        "Take the sum.",
    ),
    (
        "every_second_array",
        "penalty gradient",
        lambda right: (
            lambda w, l1, l2: right(
                [np.reshape(one, (-1, 1)) if k % 2 == 0 else np.ravel(one) for k, one in enumerate(w)], l1, l2
            )
        ),
        "Every second array is left out, as if it were a bias. How many axes an array has says whether it is one.",
        "Ask each array for its number of axes.",
    ),
    (
        "biases_in_penalty",
        "biases",
        lambda right: lambda w, l1, l2: pack([_biases_too(right)(w, l1, l2)[0]], [right(w, l1, l2)[1:]]),
        "The biases are part of the penalty, though not of its gradient.",
        "Leave arrays of one axis out of the sum too.",
    ),
    (
        "biases_in_gradient",
        "biases",
        lambda right: lambda w, l1, l2: pack([right(w, l1, l2)[0]], [_biases_too(right)(w, l1, l2)[1:]]),
        "The gradient of biases is not 0, though they are no part of the penalty.",
        "Give arrays of one axis a gradient of zeros.",
    ),
    (
        "biases_too",
        "biases",
        _biases_too,
        "Biases are penalized as well, as the report that this lab follows did. They are to be left out.",
        "Look at how many axes an array has: those of one axis get a gradient of zeros.",
    ),
    (
        "dense_alone",
        "penalty gradient",
        _of_axes(2),
        "Only arrays of two axes are penalized. The kernels of convolutions have four.",
        "Leave out what has one axis, and nothing else.",
    ),
    (
        "changes_weights",
        "domain",
        _in_place(0),
        "Work on a copy of w, so that the caller keeps the input.",
        "Somewhere a value is written into w itself: make a new array.",
    ),
)
_ERRORS = _faults(
    "confusion_matrix",
    (
        "transposed",
        "counts",
        lambda right: lambda y_true, y_pred, classes: right(y_true, y_pred, classes).T,
        "Rows and columns are exchanged: a row belongs to a true class.",
        "The true class is the first index, the predicted one the second.",
    ),
    (
        "missing_classes",
        "missing",
        _without_missing,
        "Classes that do not occur have no row and column.",
        "The argument classes says how large the matrix is, not the numbers that occur.",
    ),
    (
        "up_to_largest",
        "missing",
        _up_to_largest,
        "The matrix ends with the largest class that occurs.",
        "The argument classes says how large the matrix is, not the numbers that occur.",
    ),
    (
        "normalized",
        "counts",
        _normalized,
        "The rows are divided by their sums; counts are asked for.",
        "Leave the division out.",
    ),
    (
        "columns_normalized",
        "counts",
        lambda right: lambda *arguments: right(*arguments) / np.maximum(right(*arguments).sum(axis=0), 1),
        "The columns are divided by their sums; counts are asked for.",
        "Leave the division out.",
    ),
    (
        "shares",
        "counts",
        lambda right: lambda *arguments: right(*arguments) / len(arguments[0]),
        "The counts are divided by how many images there are; counts are asked for.",
        "Leave the division out.",
    ),
    (
        "hits_alone",
        "counts",
        lambda right: lambda *arguments: right(*arguments) * np.eye(arguments[2]),
        "Only the diagonal is filled: those that were classified wrong count too.",
        "Count every image, in the row of its class and the column of its prediction.",
    ),
    (
        "flat",
        "counts missing domain",
        lambda right: lambda *arguments: right(*arguments).ravel(),
        "The counts come as one long row.",
        "Give it classes rows and columns before you return it.",
    ),
    (
        "bins_of_what_occurs",
        "missing",
        lambda right: (
            lambda y_true, y_pred, classes: np.histogram2d(
                np.asarray(y_true, float), np.asarray(y_pred, float), bins=classes
            )[0]
        ),
        "The bins of the histogram go from the smallest class that occurs to the largest, not from 0 to classes - 1.",
        "Tell the histogram its range, or where each bin begins.",
    ),
    (
        "ones",
        "counts",
        lambda right: lambda *arguments: np.minimum(right(*arguments), 1),
        "Each pair counts once, however often it occurs.",
        "With an index of many pairs, NumPy adds to each place once only: += forgets the repetitions.",
    ),
    (
        "errors_alone",
        "counts",
        lambda right: lambda *arguments: right(*arguments) * (1 - np.eye(arguments[2])),
        "The diagonal is empty: those that were classified right count too.",
        "Count every image, not the errors alone.",
    ),
    (
        "changes_classes",
        "domain",
        _in_place(0),
        "Work on a copy of y_true, so that the caller keeps the input.",
        "Somewhere a value is written into y_true itself: make a new array.",
    ),
) + _faults(
    "misclassified",
    (
        "least_sure_first",
        "order",
        _reordered(lambda p, y: p.max(axis=1)),
        "The one about which the network was least sure comes first.",
        "Sorting goes from small to large: turn it around.",
    ),
    (
        "not_sorted",
        "order",
        _reordered(lambda p, y: np.zeros(len(y))),
        "They come in the order of the images, not by how sure the network was.",
        "Sort them by the probability of the class that was predicted.",
    ),
    (
        "by_true_class",
        "order",
        _reordered(lambda p, y: p[np.arange(len(y)), y.astype(int)]),
        "They are sorted by the probability of the true class. How sure the network was is that of its own answer.",
        "Take the largest probability of each row.",
    ),
    (
        "by_margin",
        "order",
        _reordered(lambda p, y: -(np.sort(p, axis=1)[:, -1] - np.sort(p, axis=1)[:, -2])),
        "They are sorted by the distance between the two largest probabilities.",
        "The largest probability alone says how sure the network was, as it is defined here.",
    ),
    (
        "right_ones",
        "which",
        _some_wrong(lambda y, p: p.argmax(axis=1) == y),
        "These are the images that were classified right.",
        "Take those whose prediction is not the true class.",
    ),
    (
        "below_half",
        "which",
        _some_wrong(lambda y, p: p[np.arange(len(y)), y.astype(int)] < 0.5),
        "Images count as wrong whose true class has less than one half. With several classes that may be the largest "
        "all the same.",
        "Compare the class with the largest probability with the true one.",
    ),
    (
        "probabilities",
        "which order domain",
        _instead(lambda wrong, y, p: p.max(axis=1)[wrong]),
        "What comes back is how sure the network was, not which images they are.",
        "Return row numbers.",
    ),
    (
        "places_among_wrong",
        "which order domain",
        lambda right: lambda y, p: np.argsort(np.argsort(right(y, p))).astype("float64"),
        "The numbers count the wrong images alone, not all rows.",
        "What sorts the wrong ones gives places among them: use these to pick from their row numbers.",
    ),
    (
        "tuple_of_where",
        "which order domain",
        lambda right: lambda y, p: np.sort(right(y, p))[None],
        "np.where returns a tuple with the row numbers in it, and the tuple came back.",
        "Take its first part, or use np.flatnonzero; then sort.",
        lambda right: lambda y, p: right(y, p)[None],
    ),
    (
        "column",
        "which order domain",
        lambda right: lambda y, p: right(y, p)[:, None],
        "The row numbers come as a column, [number of wrong ones, 1]. They are asked for as one row of numbers.",
        "np.argwhere gives a column; np.flatnonzero gives what is asked for.",
        lambda right: lambda y, p: np.sort(right(y, p))[:, None],
    ),
    (
        "mask",
        "which order domain",
        lambda right: lambda y, p: (np.argmax(p, axis=1) != np.asarray(y)).astype("float64"),
        "What comes back is True or False for every image. The row numbers of the wrong ones are asked for.",
        "Ask for the places where the condition is true, then sort them.",
    ),
    (
        "counts_from_one",
        "which order domain",
        lambda right: lambda y, p: right(y, p) + 1,
        "The rows are counted from 1. The first row is number 0.",
        "Leave the + 1 out.",
    ),
    (
        "last_rows_first",
        "order",
        _reordered(lambda p, y: -np.arange(len(y))),
        "They come in the order of the images turned round, not by how sure the network was.",
        "Sort them by the probability of the class that was predicted.",
    ),
    (
        "by_second_largest",
        "order",
        _reordered(lambda p, y: -np.sort(p, axis=1)[:, -2]),
        "They are sorted by the second largest probability of each row.",
        "Take the largest one.",
    ),
    (
        "by_entropy",
        "order",
        _reordered(lambda p, y: -np.sum(p * np.log(p + 1e-12), axis=1)),
        "They are sorted by the entropy of each row. How sure the network was is its largest probability here.",
        "Take the largest probability of each row.",
    ),
    (
        "surest_of_all",
        "which",
        lambda right: lambda y, p: np.argsort(-np.max(p, axis=1))[: len(right(y, p))].astype("float64"),
        "These are the images about which the network was surest, right ones too.",
        "Pick the wrong ones, and sort these.",
    ),
    (
        "mask_in_other_order",
        "which",
        lambda right: (
            lambda y, p: np.argsort(-np.max(p, axis=1))[np.argmax(p, axis=1) != np.asarray(y)].astype("float64")
        ),
        "The condition is of the images in their order, and it picks from images that are sorted already.",
        "Sort the condition in the same way, or pick the wrong ones first and sort then.",
    ),
    (
        "classes_of_them",
        "which order domain",
        _instead(lambda wrong, y, p: y[wrong].astype("float64")),
        "What comes back is of which class the images are, not which images they are.",
        "Return row numbers.",
    ),
    (
        "predictions_of_them",
        "which order domain",
        _instead(lambda wrong, y, p: p.argmax(axis=1)[wrong].astype("float64")),
        "What comes back is what the network said of the images, not which images they are.",
        "Return row numbers.",
    ),
    (
        "only_when_sure",
        "which",
        _some_wrong(lambda y, p: (p.argmax(axis=1) != y) & (p.max(axis=1) > 0.5)),
        "Images whose largest probability is below one half are left out. They are wrong too.",
        "Compare the predicted class with the true one, whatever its probability.",
    ),
    (
        "all_of_them",
        "which",
        _some_wrong(lambda y, p: np.ones(len(y))),
        "All images come back, those that were classified right too.",
        "Pick the wrong ones before or after you sort.",
    ),
    (
        "changes_classes",
        "domain",
        _in_place(1),
        "Work on a copy of probabilities, so that the caller keeps the input.",
        "Somewhere a value is written into probabilities itself: make a new array.",
    ),
)

# Of the files of a sweep, of the network that is handed in, and of what is reported: they give no hints.

#: What a sweep over the number of blocks came to: validation accuracies of five seeds each, in percent.
ACCURACIES = {
    "blocks-1": (95.5, 94.8, 95.7, 95.2, 95.4),
    "blocks-2": (96.4, 96.0, 96.9, 96.2, 96.7),
    "blocks-3": (96.6, 96.1, 97.0, 96.5, 96.2),
}
CONFIG_FILE, WEIGHTS_FILE = "model.json", "model.weights.h5"


def run(seed: int, valid: float, setting: str) -> dict[str, Any]:
    """Return a run as `source_lib.experiments` keeps it.

    Parameters
    ----------
    seed : int
    valid : float
        Accuracy on validation images, in percent.
    setting : str
        Which network it is of.
    """
    return {
        "seed": seed,
        "data": "MNIST",
        "subset": list(range(seed, seed + 40)),
        "epochs": 2,
        "loss": [1.0, 0.5 + valid / 1000],
        "accuracy": [70.0, 90.0],
        "val_loss": [],
        "val_accuracy": [],
        "test_loss": 0.2,
        "test_accuracy": round(valid - 0.65 - seed / 10, 2),
        "seconds": 2.5,
        "model": f"network-{setting}",
        "valid_loss": 0.2,
        "valid_accuracy": valid,
    }


def sweep_files(accuracies: Mapping[str, tuple[float, ...]] = ACCURACIES) -> dict[str, bytes]:
    """Return the files of a sweep, by their names."""
    return {
        f"sweep-{name}.jsonl": "".join(json.dumps(run(k, one, name)) + "\n" for k, one in enumerate(values)).encode()
        for name, values in accuracies.items()
    }


def _put(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        if old not in text:
            raise ValueError(f"{old!r} is not there to be changed")
        return text.replace(old, new)

    return change


def _file(name: str, change: Callable[[bytes], bytes | None]) -> Callable[[Mapping[str, bytes]], dict[str, bytes]]:
    """Return a change of one file; it is left out where ``change`` returns None."""

    def apply(files: Mapping[str, bytes]) -> dict[str, bytes]:
        content = change(files[name])
        others = {one: kept for one, kept in files.items() if one != name}
        return others if content is None else others | {name: content}

    return apply


def _runs(change: Callable[[list[dict]], list[dict]], name: str = "sweep-blocks-2.jsonl") -> Callable:
    def changed_file(content: bytes) -> bytes:
        runs = change([json.loads(line) for line in content.decode().splitlines()])
        return "".join(json.dumps(one) + "\n" for one in runs).encode()

    return _file(name, changed_file)


def _copied(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {**files, "sweep-blocks-3.jsonl": files["sweep-blocks-2.jsonl"]}


def weights_changed(content: bytes, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """Return a file of weights with each array changed.

    Parameters
    ----------
    content : bytes
    change : callable
        Takes an array, and returns one of the same shape.
    """
    import h5py

    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:

        def visit(name: str, one: Any) -> None:
            if isinstance(one, h5py.Dataset):
                one[...] = change(one[()])

        file.visititems(visit)
    return buffer.getvalue()


def _dense_alone(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Hand in a network without a convolution."""
    document = json.loads(files[CONFIG_FILE])
    layers = document["config"]["layers"]
    document["config"]["layers"] = [one for one in layers if one["class_name"] != "Conv2D"]
    return {**files, CONFIG_FILE: json.dumps(document).encode()}


def _with_lambda(content: bytes) -> bytes:
    return content.replace(b'"class_name": "Flatten"', b'"class_name": "Lambda"')


def _of_ones_own(content: bytes) -> bytes:
    """Register a layer under the name of one of Keras' own."""
    document = json.loads(content)
    layer = next(one for one in document["config"]["layers"] if one["class_name"] == "Dense")
    layer.update(module="mine", registered_name="keras.layers>Dense")
    return json.dumps(document).encode()


def _huge(content: bytes) -> bytes:
    document = json.loads(content)
    layer = next(one for one in document["config"]["layers"] if one["class_name"] == "Conv2D")
    layer["config"]["filters"] = 10**9
    return json.dumps(document).encode()


def _other(id: str, loses: str, apply: Callable, to: Any) -> Fault:
    return Fault(id, frozenset(loses.split()), apply, to=to)


_REPORT = "reported.settings reported.differ"
_BANDS = "accuracy.band1 accuracy.band2 accuracy.band3"
_OTHERS = [
    _other("report_of_test_images", "reported.settings", _put("one.valid_accuracy", "one.test_accuracy"), "code"),
    _other("report_of_standard_deviations", "reported.settings", _put("/ np.sqrt(len(a))", "/ 1"), "code"),
    _other("report_divides_by_n", "reported.settings", _put("/ np.sqrt(len(a))", "/ len(a)"), "code"),
    _other("report_variance_with_n", "reported.settings", _put("ddof=1", "ddof=0"), "code"),
    _other("report_in_fractions", "reported.settings", _put("one.valid_accuracy", "one.valid_accuracy / 100"), "code"),
    _other("report_of_best_runs", "reported.settings", _put('"mean": a.mean()', '"mean": a.max()'), "code"),
    _other("report_lists_all_pairs", "reported.differ", _put("> 3 * error", "> 0 * error"), "code"),
    _other("report_lists_no_pair", "reported.differ", _put("> 3 * error", "> 300 * error"), "code"),
    _other("report_of_two_errors", "reported.differ", _put("> 3 * error", "> 2 * error"), "code"),
    _other("report_of_four_errors", "reported.differ", _put("> 3 * error", "> 4 * error"), "code"),
    _other(
        "report_compares_runs_in_pairs",
        "reported.differ",
        _put(
            "error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))",
            "error = (a - b).std(ddof=1) / np.sqrt(len(a))",
        ),
        "code",
    ),
    _other(
        "report_lists_a_setting_with_itself",
        "reported.differ",
        _put("differ.append([one, other])", "differ += [[one, other], [one, one]]"),
        "code",
    ),
    _other("report_compares_deviations", "reported.differ", _put("> 3 * error", "> 3 * error * np.sqrt(5)"), "code"),
    _other("report_lists_names", "reported.differ", _put("differ.append([one, other])", "differ.append(one)"), "code"),
    _other("report_of_nothing", _REPORT, _put("    return {", "    return None and {"), "code"),
    _other("sweep_of_two_settings", _REPORT, _file("sweep-blocks-3.jsonl", lambda content: None), "files"),
    _other("sweep_of_two_runs", _REPORT, _runs(lambda runs: runs[:2]), "files"),
    _other("sweep_with_a_copied_file", _REPORT, _copied, "files"),
    _other("sweep_with_a_seed_twice", _REPORT, _runs(lambda runs: [*runs, runs[0]]), "files"),
    _other("sweep_of_two_networks", _REPORT, _runs(lambda runs: [{**runs[0], "model": "another"}, *runs[1:]]), "files"),
    _other(
        "sweep_without_validation",
        _REPORT,
        _runs(lambda runs: [{k: v for k, v in one.items() if not k.startswith("valid_")} for one in runs]),
        "files",
    ),
    _other(
        "sweep_damaged", _REPORT, _file("sweep-blocks-1.jsonl", lambda content: b"{half a line\n" + content), "files"
    ),
    _other("network_without_weights", _BANDS, _file(WEIGHTS_FILE, lambda content: None), "files"),
    _other("network_without_configuration", _BANDS, _file(CONFIG_FILE, lambda content: None), "files"),
    _other("network_cut_off", _BANDS, _file(WEIGHTS_FILE, lambda content: content[: len(content) // 2]), "files"),
    _other("network_with_lambda", _BANDS, _file(CONFIG_FILE, _with_lambda), "files"),
    _other("network_with_a_layer_of_ones_own", _BANDS, _file(CONFIG_FILE, _of_ones_own), "files"),
    _other("network_of_a_billion_maps", _BANDS, _file(CONFIG_FILE, _huge), "files"),
    _other("network_without_convolution", _BANDS, _dense_alone, "files"),
    _other(
        "network_that_diverged",
        _BANDS,
        _file(WEIGHTS_FILE, lambda content: weights_changed(content, lambda one: one * np.nan)),
        "files",
    ),
    _other(
        "network_that_learned_nothing",
        _BANDS,
        _file(WEIGHTS_FILE, lambda content: weights_changed(content, lambda one: one * 0)),
        "files",
    ),
    _other(
        "network_of_other_weights",
        _BANDS,
        _file(CONFIG_FILE, lambda content: content.replace(b'"filters": 8', b'"filters": 9')),
        "files",
    ),
]

FAULTS: tuple[Fault, ...] = (*_NETWORKS, *_CNN, *_ORDER, *_SGD, *_ADAM, *_PENALTIES, *_ERRORS, *_OTHERS)
