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
    """Return the faults of one function: name, the lines that it loses, how it is applied, both levels of its hint."""
    return [
        Fault(
            f"{function}_{name}",
            frozenset(f"{function}.{key}" for key in loses.split()),
            apply,
            function=function,
            hint=hint,
            second_hint=second,
        )
        for name, loses, apply, hint, second in rows
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
        "no_normalization_with_dropout",
        "together",
        _no_normalization_with_dropout,
        "With dropout there is no batch normalization any more.",
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
        "Sorting goes from small to large: turn it round.",
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
