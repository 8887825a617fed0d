"""Ways to write ``count_weights``."""

import functools
import itertools
import math
import operator

import numpy as np


def two_sums(W, b):
    return sum(np.size(values) for values in W) + sum(np.size(values) for values in b)


def added_lists(W, b):
    return sum(values.size for values in W + b)


def mapped(W, b):
    return sum(map(np.size, itertools.chain(W, b)))


def products(W, b):
    total = 0
    for values in itertools.chain(W, b):
        total += math.prod(values.shape)
    return total


def lengths(W, b):
    return sum(len(values.ravel()) for values in (*W, *b))


def layer_by_layer(W, b):
    total = 0
    for weights, biases in zip(W, b, strict=True):
        total += weights.size + biases.size
    return total


def indexed(W, b):
    N = 0
    for k in range(len(W)):
        N += W[k].size
        N += b[k].size
    return N


def concatenated(W, b):
    return np.concatenate([values.reshape(-1) for values in [*W, *b]]).size


def bytes_of_memory(W, b):
    return sum(values.nbytes // values.itemsize for values in [*W, *b])


def ones(W, b):
    return int(sum(np.ones_like(values).sum() for values in W) + sum(np.ones_like(values).sum() for values in b))


def element_by_element(W, b):
    count = 0
    for values in W + b:
        for _ in values.flat:
            count += 1
    return count


def reduced(W, b):
    return functools.reduce(lambda total, values: total + values.size, [*W, *b], 0)


def recursive(W, b):
    def counted(arrays):
        if not arrays:
            return 0
        return arrays[0].size + counted(arrays[1:])

    return counted(list(W)) + counted(list(b))


def nested(W, b):
    def counted(values):
        return sum(counted(part) for part in values) if isinstance(values, list) else 1

    return sum(counted(values.tolist()) for values in W) + sum(counted(values.tolist()) for values in b)


def sizes_in_an_array(W, b):
    sizes = np.array([[weights.size, biases.size] for weights, biases in zip(W, b, strict=True)])
    return sizes.sum()


def cumulated(W, b):
    return int(np.cumsum([values.size for values in [*W, *b]])[-1])


def by_kind(W, b):
    total = 0
    for weights in W:
        if weights.ndim == 4:
            R, S, C_I, C_O = weights.shape
            total += R * S * C_I * C_O + C_O
        elif weights.ndim == 2:
            K, I = weights.shape  # noqa: E741
            total += K * I + K
    return total


def outputs(W, b):
    total = 0
    for weights, biases in zip(W, b, strict=True):
        if weights.size > 0:
            out = len(biases)
            total += (weights.size // out + 1) * out
    return total


def popped(W, b):
    waiting, total = list(W) + list(b), 0
    while waiting:
        total += waiting.pop().size
    return total


def shapes_multiplied(W, b):
    def size(shape):
        return functools.reduce(operator.mul, shape, 1)

    return sum(size(np.shape(values)) for values in W) + sum(size(np.shape(values)) for values in b)


def skipped(W, b):
    total = 0
    for values in [*W, *b]:
        if len(values) == 0:
            continue
        total += np.prod(np.shape(values), dtype=int)
    return int(total)
