"""Ways to write ``softmax_cross_entropy_backward``."""

import math

import numpy as np
from scipy import special


def plain(z, t):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True) - t) / len(z)


def by_special(z, t):
    return (special.softmax(z, axis=1) - t) / z.shape[0]


def by_special_last_axis(z, t):
    p = special.softmax(z, axis=-1)
    return np.subtract(p, t) / np.shape(z)[0]


def by_logarithms(z, t):
    p = np.exp(z - special.logsumexp(z, axis=1, keepdims=True))
    return (p - t) / len(t)


def by_log_softmax(z, t):
    return np.exp(special.log_softmax(z, axis=1)) / len(z) - t / len(z)


def loop(z, t):
    N, K = z.shape
    dz = np.zeros((N, K))
    for n in range(N):
        top = max(z[n])
        powers = [math.exp(z[n, k] - top) for k in range(K)]
        for k in range(K):
            dz[n, k] = (powers[k] / sum(powers) - t[n, k]) / N
    return dz


def loop_over_samples(z, t):
    rows = []
    for scores, truth in zip(z, t, strict=True):
        powers = np.exp(scores - scores.max())
        rows.append(powers / powers.sum() - truth)
    return np.array(rows) / len(rows)


def loop_over_special(z, t):
    dz = np.empty(z.shape)
    for n in range(len(z)):
        dz[n] = special.softmax(z[n]) - t[n]
    return dz / len(z)


def true_class_less_one(z, t):
    z = z.astype("float64")
    dz = special.softmax(z, axis=1)
    dz[np.arange(len(z)), t.argmax(axis=1)] -= 1
    return dz / len(z)


def true_class_in_loop(z, t):
    dz = special.softmax(z, axis=1).astype("float64")
    for n, k in enumerate(np.argmax(t, axis=1)):
        dz[n, k] -= 1
    dz /= len(dz)
    return dz


def columns_of_sums(z, t):
    powers = np.exp(z - np.max(z, axis=1)[:, None])
    return (powers / np.sum(powers, axis=1)[:, None] - t) / len(z)


def transposed(z, t):
    powers = np.exp(z.T - z.max(axis=1))
    return (powers / powers.sum(axis=0) - t.T).T / len(z)


def by_einsum(z, t):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    p = np.einsum("nk,n->nk", powers, 1 / np.einsum("nk->n", powers))
    return (p - t) / len(z)


def jacobians(z, t):
    p = special.softmax(z.astype("float64"), axis=1)
    jacobian = np.einsum("nk,kj->nkj", p, np.eye(z.shape[1])) - np.einsum("nk,nj->nkj", p, p)
    by_p = -t / np.maximum(p, 1e-300)
    true = np.sum(t * p, axis=1, keepdims=True)
    direct = np.einsum("nkj,nk->nj", jacobian, t * (by_p * 0 - 1)) / np.maximum(true, 1e-300)
    return np.where(true > 1e-290, direct, p - t) / len(z)


def per_sample_function(z, t):
    def one(scores, truth):
        p = np.exp(scores - special.logsumexp(scores))
        return p - truth

    return np.stack([one(*pair) for pair in zip(z, t, strict=True)]) / z.shape[0]


def mean_of_parts(z, t):
    weight = 1 / len(z)
    p = special.softmax(z, axis=1)
    return weight * p - weight * t


def powers_in_place(z, t):
    powers = np.array(z, dtype="float64")
    powers -= powers.max(axis=1, keepdims=True)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=1, keepdims=True)
    powers -= t
    return powers / len(powers)


def differences_of_scores(z, t):
    z = z.astype("float64")
    apart = z[:, None, :] - z[:, :, None]
    with np.errstate(over="ignore"):
        return (1 / np.exp(apart).sum(axis=2) - t) / len(z)


def by_matrix_of_ones(z, t):
    powers = np.exp(z - np.amax(z, axis=1, keepdims=True))
    return (powers / (powers @ np.ones((z.shape[1], z.shape[1]))) - t) / len(z)


def divided_by_diagonal(z, t):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return (np.diag(1 / powers.sum(axis=1)) @ powers - t) / len(z)


def along_axis(z, t):
    p = np.apply_along_axis(special.softmax, 1, z)
    return (p - t) / len(p)


def with_lists(z, t):
    found = []
    for scores, truth in zip(z.tolist(), t.tolist(), strict=True):
        top = max(scores)
        total = math.fsum(math.exp(score - top) for score in scores)
        found.append([(math.exp(s - top) / total - y) / len(z) for s, y in zip(scores, truth, strict=True)])
    return np.array(found)
