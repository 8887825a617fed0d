"""Ways to write ``dense_layer``."""

import functools
import operator

import numpy as np


def product(h, W, b, act):
    return activation(W @ h.ravel() + b.ravel(), act)


def column(h, W, b, act):
    return activation(np.matmul(W, h.reshape(-1, 1)) + b, act)


def einsum(h, W, b, act):
    z = np.einsum("oi,i->o", W, h.reshape(-1))
    return activation(z + b[:, 0], act)


def tensordot(h, W, b, act):
    return activation(np.tensordot(W, h.flatten(), axes=1) + b.flatten(), act)


def sum_of_products(h, W, b, act):
    return activation(np.sum(W * np.ravel(h), axis=1) + np.ravel(b), act)


def inner(h, W, b, act):
    return activation(np.inner(W, h.ravel()) + b.squeeze(axis=1), act)


def row_by_row(h, W, b, act):
    h = h.reshape(-1)
    z = [np.dot(row, h) + bias[0] for row, bias in zip(W, b, strict=True)]
    return activation(np.array(z), act)


def two_loops(h, W, b, act):
    h = h.reshape(-1)
    z = np.zeros(W.shape[0])
    for k in range(W.shape[0]):
        for i in range(W.shape[1]):
            z[k] += W[k, i] * h[i]
        z[k] += b[k, 0]
    return activation(z, act)


def input_by_input(h, W, b, act):
    z = b.astype(np.float64)[:, 0]
    for i, value in enumerate(np.ravel(h)):
        z = z + W[:, i] * value
    return activation(z, act)


def one_more_input(h, W, b, act):
    extended = np.append(h.ravel(), 1)
    return activation(np.hstack([W, b]) @ extended, act)


def turned(h, W, b, act):
    return activation(h.reshape(1, -1) @ W.T + b.T, act).reshape(-1)


def turned_column(h, W, b, act):
    return activation((h.reshape(1, -1).dot(W.T) + b.T).T, act)


def outer(h, W, b, act):
    return activation(np.add.reduce(W.T * h.reshape(-1, 1), axis=0) + b.reshape(-1), act)


def cumulated(h, W, b, act):
    return activation(np.cumsum(W * h.ravel(), axis=1)[:, -1] + b[:, 0], act)


def lists(h, W, b, act):
    h = h.ravel().tolist()
    z = [sum(map(operator.mul, row, h), bias) for row, (bias,) in zip(W.tolist(), b.tolist(), strict=True)]
    return activation(np.array(z), act)


def single_precision(h, W, b, act):
    h, W, b = (np.asarray(values, dtype=np.float32) for values in (h, W, b))
    return activation(np.dot(W, h.reshape(-1)) + b.reshape(-1), act)


def double_precision(h, W, b, act):
    z = W.astype(np.float64).dot(h.astype(np.float64).flatten())
    z += b.astype(np.float64).flatten()
    return activation(z, act)


def recursive(h, W, b, act):
    def total(weights, values):
        if len(values) == 1:
            return weights[:, 0] * values[0]
        half = len(values) // 2
        return total(weights[:, :half], values[:half]) + total(weights[:, half:], values[half:])

    return activation(total(W, h.ravel()) + b.ravel(), act)


def folded(h, W, b, act):
    pairs = zip(W.T, h.ravel(), strict=True)
    return activation(functools.reduce(lambda z, pair: z + pair[0] * pair[1], pairs, b.ravel()), act)


def filled(h, W, b, act):
    K = len(W)
    z = np.empty((K, 1))
    for k in range(K):
        z[k, 0] = W[k].dot(h.ravel()) + b[k, 0]
    return activation(z, act)
