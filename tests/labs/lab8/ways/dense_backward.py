"""Ways to write ``dense_backward``."""

import numpy as np
from scipy.linalg import blas


def products(dz, h, W):
    return dz @ W, dz.T @ h, dz.sum(axis=0)


def a_list(dz, h, W):
    return [np.dot(dz, W), np.dot(dz.T, h), np.sum(dz, axis=0)]


def column_of_biases(dz, h, W):
    db = np.sum(dz, axis=0)[:, None]
    return dz.dot(W), dz.T.dot(h), db


def by_einsum(dz, h, W):
    dh = np.einsum("nk,ki->ni", dz, W)
    dW = np.einsum("nk,ni->ki", dz, h)
    return dh, dW, np.einsum("nk->k", dz)


def by_tensordot(dz, h, W):
    return np.tensordot(dz, W, axes=(1, 0)), np.tensordot(dz, h, axes=(0, 0)), dz.sum(0)


def loops(dz, h, W):
    N, K = dz.shape
    inputs = h.shape[1]
    dh, dW, db = np.zeros((N, inputs)), np.zeros((K, inputs)), np.zeros(K)
    for n in range(N):
        for k in range(K):
            db[k] += dz[n, k]
            for i in range(inputs):
                dh[n, i] += dz[n, k] * W[k, i]
                dW[k, i] += dz[n, k] * h[n, i]
    return dh, dW, db


def loop_over_samples(dz, h, W):
    dh, dW, db = np.zeros(h.shape), np.zeros(W.shape), np.zeros(len(W))
    for n in range(len(h)):
        dh[n] = W.T @ dz[n]
        dW += np.outer(dz[n], h[n])
        db += dz[n]
    return dh, dW, db


def loop_with_zip(dz, h, W):
    dW = sum(gradient[:, None] * values[None, :] for gradient, values in zip(dz, h, strict=True))
    dh = np.array([gradient @ W for gradient in dz])
    return dh, dW, sum(gradient for gradient in dz)


def loop_over_outputs(dz, h, W):
    dh = np.zeros(h.shape)
    dW = np.zeros(W.shape)
    db = np.zeros(W.shape[0])
    for k in range(W.shape[0]):
        dh += dz[:, k : k + 1] * W[k]
        dW[k] = (dz[:, k : k + 1] * h).sum(axis=0)
        db[k] = dz[:, k].sum()
    return dh, dW, db


def loop_over_inputs(dz, h, W):
    columns = [dz @ W[:, i] for i in range(W.shape[1])]
    weights = [h[:, i] @ dz for i in range(h.shape[1])]
    return np.stack(columns, axis=1), np.stack(weights, axis=1), np.add.reduce(dz)


def broadcast(dz, h, W):
    dh = (dz[:, :, None] * W[None]).sum(axis=1)
    dW = (dz[:, :, None] * h[:, None, :]).sum(axis=0)
    return dh, dW, dz.sum(axis=0)


def turned(dz, h, W):
    return (W.T @ dz.T).T, (h.T @ dz).T, dz.T.sum(axis=1)


def ones_for_the_bias(dz, h, W):
    return dz @ W, dz.T @ h, dz.T @ np.ones(len(dz))


def bias_as_input(dz, h, W):
    wide = np.hstack([h, np.ones((len(h), 1))])
    both = dz.T @ wide
    return np.matmul(dz, W), both[:, :-1], both[:, -1]


def by_matmul(dz, h, W):
    return np.matmul(dz, W), np.matmul(np.transpose(dz), h), np.matmul(np.ones((1, len(dz))), dz)[0]


def by_blas(dz, h, W):
    dz, h, W = (np.asarray(one, dtype="float64") for one in (dz, h, W))
    return blas.dgemm(1.0, dz, W), blas.dgemm(1.0, dz, h, trans_a=True), dz.sum(axis=0)


def in_double_precision(dz, h, W):
    dz, h, W = dz.astype("float64"), h.astype("float64"), W.astype("float64")
    dh = dz @ W
    dW = np.swapaxes(dz, 0, 1) @ h
    db = np.cumsum(dz, axis=0)[-1]
    return dh, dW, db


def by_inner(dz, h, W):
    return np.inner(dz, W.T), np.inner(dz.T, h.T), np.inner(dz.T, np.ones(len(dz)))


def by_places(dz, h, W):
    dW = np.empty(W.shape)
    for k, i in np.ndindex(W.shape):
        dW[k, i] = np.dot(dz[:, k], h[:, i])
    dh = np.empty(h.shape)
    for n, i in np.ndindex(h.shape):
        dh[n, i] = np.dot(dz[n], W[:, i])
    return dh, dW, np.array([dz[:, k].sum() for k in range(dz.shape[1])])


def einsum_with_lists(dz, h, W):
    dh = np.einsum(dz, [0, 1], W, [1, 2], [0, 2])
    dW = np.einsum(dz, [0, 1], h, [0, 2], [1, 2])
    return dh, dW, np.einsum(dz, [0, 1], [1])


def batched(dz, h, W):
    dW = np.matmul(dz[:, :, None], h[:, None, :]).sum(axis=0)
    dh = np.matmul(dz[:, None, :], W)[:, 0]
    return dh, dW, dz.sum(axis=0, keepdims=True)


def pieces(dz, h, W):
    dW, db = np.zeros(W.shape), np.zeros(len(W))
    dh = []
    for start in range(0, len(h), 4):
        part = dz[start : start + 4]
        dh.append(part @ W)
        dW += part.T @ h[start : start + 4]
        db += part.sum(axis=0)
    return np.concatenate(dh), dW, db
