"""Ways to write ``evaluate``."""

import math

import numpy as np
from scipy import special


def maximum(y_prob, y_onehot):
    p = np.maximum(y_prob, 1e-10)
    cross_entropy = -np.sum(y_onehot * np.log(p)) / y_prob.shape[0]
    accuracy = np.mean(np.argmax(y_prob, axis=1) == np.argmax(y_onehot, axis=1)) * 100
    return cross_entropy, accuracy


def clipped(y_prob, y_onehot):
    N = len(y_prob)
    p = y_prob.astype(np.float64).clip(1e-12, 1)
    hits = (y_prob.argmax(1) == y_onehot.argmax(1)).sum()
    return -(y_onehot * np.log(p)).sum(axis=1).mean(), 100 * hits / N


def added(y_prob, y_onehot):
    log = np.log(y_prob.astype(float) + 1e-9)
    return float(-(log * y_onehot).sum(1).mean()), float(100.0 * (y_prob.argmax(-1) == y_onehot.argmax(-1)).mean())


def loop_over_images(y_prob, y_onehot):
    loss, hits = 0.0, 0
    for p, y in zip(y_prob, y_onehot, strict=True):
        k = int(np.argmax(y))
        loss -= math.log(max(float(p[k]), 1e-20))
        if np.argmax(p) == k:
            hits += 1
    return loss / len(y_prob), 100 * hits / len(y_prob)


def two_loops(y_prob, y_onehot):
    N, K = y_prob.shape
    total, right = 0, 0
    for n in range(N):
        best, true = 0, 0
        for k in range(K):
            if y_onehot[n, k] == 1:
                true = k
                total += -np.log(max(y_prob[n, k], 1e-8))
            if y_prob[n, k] > y_prob[n, best]:
                best = k
        right += best == true
    return total / N, right / N * 100


def masked(y_prob, y_onehot):
    true = y_prob[y_onehot == 1]
    loss = -np.log(np.where(true > 0, true, 1e-15)).mean()
    accuracy = np.count_nonzero(y_prob.argmax(axis=1) == y_onehot.argmax(axis=1)) / len(true) * 100
    return loss, accuracy


def taken_along(y_prob, y_onehot):
    classes = np.argmax(y_onehot, axis=1)
    true = np.take_along_axis(y_prob, classes[:, None], axis=1)[:, 0]
    loss = np.mean(-np.log(np.fmax(true, 1e-6)))
    return loss, np.mean(classes == np.argmax(y_prob, axis=1)) * 100


def einsum(y_prob, y_onehot):
    true = np.einsum("nk,nk->n", y_prob, y_onehot)
    loss = -np.average(np.log(np.clip(true, 1e-7, None)))
    return loss, 100 * np.average(np.equal(y_prob.argmax(1), y_onehot.argmax(1)))


def product_with_itself(y_prob, y_onehot):
    N = y_prob.shape[0]
    logs = np.log(np.maximum(y_prob, 1e-30))
    loss = -np.trace(y_onehot @ logs.T) / N
    hits = sum(np.argmax(y_prob[n]) == np.argmax(y_onehot[n]) for n in range(N))
    return loss, hits * 100.0 / N


def dotted(y_prob, y_onehot):
    logs = np.log(np.clip(y_prob, 1e-16, 1))
    loss = -np.vdot(y_onehot, logs) / len(logs)
    right = np.nonzero(y_prob.argmax(1) == y_onehot.argmax(1))[0]
    return loss, 100 * len(right) / len(logs)


def entropies(y_prob, y_onehot):
    # Of a one-hot row, the relative entropy is the cross-entropy.
    loss = special.rel_entr(y_onehot, np.maximum(y_prob, 1e-14)).sum(axis=1).mean()
    return loss, 100 * (np.argmax(y_prob, 1) == np.argmax(y_onehot, 1)).mean()


def xlogy(y_prob, y_onehot):
    p = y_prob.copy()
    p[p < 1e-13] = 1e-13
    loss = -special.xlogy(y_onehot, p).sum() / p.shape[0]
    accuracy = 100 * (1 - np.mean(y_prob.argmax(1) != y_onehot.argmax(1)))
    return loss, accuracy


def in_base_two(y_prob, y_onehot):
    bits = -np.log2(np.maximum((y_prob * y_onehot).sum(axis=1), 2.0**-60))
    return bits.mean() * np.log(2), 100 * np.mean((y_prob.argmax(1) - y_onehot.argmax(1)) == 0)


def comprehension(y_prob, y_onehot):
    N = len(y_onehot)
    losses = [-math.log(p[list(y).index(1)] or 1e-12) for p, y in zip(y_prob, y_onehot, strict=True)]
    hits = [list(p).index(max(p)) == list(y).index(1) for p, y in zip(y_prob, y_onehot, strict=True)]
    return sum(losses) / N, 100 * sum(hits) / N


def running_means(y_prob, y_onehot):
    loss = accuracy = 0.0
    for n, (p, y) in enumerate(zip(y_prob, y_onehot, strict=True)):
        one = -np.sum(y * np.log(p + 1e-18, dtype=np.float64))
        loss += (one - loss) / (n + 1)
        accuracy += (100.0 * (p.argmax() == y.argmax()) - accuracy) / (n + 1)
    return loss, accuracy


def sorted_classes(y_prob, y_onehot):
    best = np.argsort(y_prob, axis=1)[:, -1]
    true = np.argsort(y_onehot, axis=1)[:, -1]
    p = np.maximum(y_prob[np.arange(len(true)), true], 1e-11)
    return np.log(1 / p).mean(), (best == true).sum() / len(best) * 100


def largest_is_true(y_prob, y_onehot):
    true = np.max(y_prob * y_onehot, axis=1)
    hit = true == np.max(y_prob, axis=1)
    return np.log(np.maximum(true, 1e-9)).mean() * -1, hit.mean() * 100


def product_of_all(y_prob, y_onehot):
    logs = np.where(y_onehot > 0, np.log(np.maximum(y_prob, 1e-24)), 0)
    n = np.size(y_onehot, 0)
    return np.negative(logs.sum() / n), np.divide(np.sum(y_prob.argmax(1) == y_onehot.argmax(1)), n) * 100


def ranked(y_prob, y_onehot):
    true = y_onehot.argmax(axis=1)
    probability = np.array([y_prob[n, k] for n, k in enumerate(true)], dtype=float)
    above = (y_prob > y_prob[range(len(true)), true][:, None]).sum(axis=1)
    probability[probability == 0] = 1e-10
    return -sum(np.log(probability)) / len(true), 100 * (above == 0).mean()


def nested_functions(y_prob, y_onehot):
    def loss(p, y):
        return -float(np.dot(y, np.log(np.maximum(p, 1e-7))))

    def hit(p, y):
        return float(p.argmax() == y.argmax())

    pairs = list(zip(y_prob, y_onehot, strict=True))
    return np.mean([loss(*pair) for pair in pairs]), 100 * np.mean([hit(*pair) for pair in pairs])
