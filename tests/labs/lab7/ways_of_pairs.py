"""More right ways to compare embeddings and to choose a threshold: each small change is a fault to be found."""

import numpy as np

# Similarities.


def similarities_outer(a, b):
    lengths = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    products = a @ b.T
    return np.divide(products, lengths, out=np.zeros(lengths.shape), where=lengths > 0)


def similarities_units_first(a, b):
    def unit(x):
        length = np.linalg.norm(x, axis=1, keepdims=True)
        return x / np.where(length > 0, length, 1)

    return unit(a) @ unit(b).T


def similarities_sklearn(a, b):
    from sklearn.metrics.pairwise import cosine_similarity

    return cosine_similarity(a, b)


def similarities_normalized(a, b):
    from sklearn.preprocessing import normalize

    return normalize(a) @ normalize(b).T


def similarities_scipy(a, b):
    from scipy.spatial.distance import cdist

    found = 1 - cdist(a.astype("float64"), b.astype("float64"), "cosine")
    found[~a.any(axis=1)] = 0
    found[:, ~b.any(axis=1)] = 0
    return found


def similarities_nan(a, b):
    with np.errstate(invalid="ignore"):
        found = a @ b.T / np.sqrt((a**2).sum(axis=1)[:, None] * (b**2).sum(axis=1))
    return np.nan_to_num(found)


def similarities_einsum(a, b):
    square_a, square_b = np.einsum("ne,ne->n", a, a), np.einsum("me,me->m", b, b)
    square_a[square_a == 0] = 1
    square_b[square_b == 0] = 1
    return np.einsum("ne,me->nm", a, b) / np.sqrt(square_a)[:, None] / np.sqrt(square_b)


def similarities_pairs(a, b):
    found = np.zeros((len(a), len(b)))
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            length = np.linalg.norm(one) * np.linalg.norm(other)
            if length != 0:
                found[i, j] = one @ other / length
    return found


def similarities_rows(a, b):
    found = []
    for one in a:
        length = np.linalg.norm(one) * np.linalg.norm(b, axis=1)
        found.append(np.where(length == 0, 0, b @ one / np.where(length == 0, 1, length)))
    return np.array(found)


def similarities_broadcast(a, b):
    products = (a[:, None, :] * b[None, :, :]).sum(axis=2)
    lengths = np.sqrt((a[:, None, :] ** 2).sum(axis=2) * (b[None, :, :] ** 2).sum(axis=2))
    lengths[lengths == 0] = 1
    return products / lengths


def similarities_hypot(a, b):
    import math

    def length(x):
        return math.hypot(*x.tolist()) or 1.0

    return [[float(np.dot(one, other)) / (length(one) * length(other)) for other in b] for one in a]


def similarities_law_of_cosines(a, b):
    a, b = a.astype("float64"), b.astype("float64")
    square_a, square_b = (a**2).sum(axis=1)[:, None], (b**2).sum(axis=1)[None, :]
    between = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
    lengths = np.sqrt(square_a * square_b)
    return (square_a + square_b - between) / np.where(lengths > 0, 2 * lengths, 1)


def similarities_filled(a, b):
    found = np.empty((a.shape[0], b.shape[0]))
    for j in range(b.shape[0]):
        length = np.sqrt(np.sum(a * a, axis=1)) * np.sqrt(np.sum(b[j] * b[j]))
        length[length == 0] = np.inf
        found[:, j] = a.dot(b[j]) / length
    return found


def similarities_masked(a, b):
    lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)[None, :]
    lengths = np.ma.masked_equal(lengths, 0)
    return (np.dot(a, b.T) / lengths).filled(0)


def similarities_tensorflow(a, b):
    import tensorflow as tf

    a, b = (tf.cast(x, "float64") for x in (a, b))
    lengths = tf.norm(a, axis=1)[:, None] * tf.norm(b, axis=1)[None, :]
    return tf.math.divide_no_nan(tf.matmul(a, b, transpose_b=True), lengths).numpy()


def similarities_max(a, b):
    def unit(x):
        length = np.sqrt(np.square(x).sum(axis=-1, keepdims=True))
        return x / np.maximum(length, 1e-30)

    return np.inner(unit(a), unit(b))


def similarities_angles(a, b):
    """The cosine of the angle itself."""
    found = np.zeros((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            size = np.sqrt(np.vdot(a[i], a[i]) * np.vdot(b[j], b[j]))
            if size > 0:
                found[i, j] = np.cos(np.arccos(np.clip(np.vdot(a[i], b[j]) / size, -1, 1)))
    return found


def similarities_keras(a, b):
    import keras

    units = [np.asarray(keras.utils.normalize(np.asarray(x, "float64"), axis=1)) for x in (a, b)]
    return units[0] @ units[1].transpose()


def similarities_scaled_table(a, b):
    found = np.tensordot(a, b, axes=(1, 1))
    for axis, x in enumerate((a, b)):
        length = np.sqrt(np.sum(x**2, axis=1))
        length = np.where(length == 0, 1.0, length)
        found = found / np.expand_dims(length, 1 - axis)
    return found


# A threshold.


def threshold_for_candidates(scores, same, rate):
    others = scores[same == 0]
    fitting = [one for one in scores if np.mean(others >= one) <= rate]
    return min(fitting)


def threshold_for_counted(scores, same, rate):
    others = [score for score, match in zip(scores, same, strict=True) if match == 0]
    best = max(scores)
    for one in scores:
        accepted = sum(other >= one for other in others)
        if accepted / len(others) <= rate and one < best:
            best = one
    return best


def threshold_for_table(scores, same, rate):
    others = scores[same != 1]
    accepted = (others[None, :] >= scores[:, None]).mean(axis=1)
    return scores[accepted <= rate].min()


def threshold_for_searched(scores, same, rate):
    others = np.sort(scores[same == 0])
    candidates = np.sort(scores)
    part = (len(others) - np.searchsorted(others, candidates)) / len(others)
    return candidates[np.argmax(part <= rate)]


def threshold_for_downwards(scores, same, rate):
    strangers = scores[same == 0]
    best = None
    for one in np.unique(scores)[::-1]:
        if np.count_nonzero(strangers >= one) / strangers.size > rate:
            break
        best = one
    return best


def threshold_for_next(scores, same, rate):
    strangers = scores[same < 1]
    return next(one for one in sorted(scores) if (strangers >= one).mean() <= rate)


def threshold_for_groups(scores, same, rate):
    import itertools

    pairs = sorted(zip(scores.tolist(), same.tolist(), strict=True), reverse=True)
    strangers = sum(match == 0 for _, match in pairs)
    best, accepted = pairs[0][0], 0
    for score, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
        accepted += sum(match == 0 for _, match in group)
        if accepted / strangers > rate:
            return best
        best = score
    return best


def threshold_for_cumulated(scores, same, rate):
    order = np.argsort(scores, kind="stable")
    sorted_scores, strangers = scores[order], (same[order] == 0)
    above = strangers[::-1].cumsum()[::-1] / strangers.sum()
    first = np.searchsorted(sorted_scores, sorted_scores)
    return sorted_scores[above[first] <= rate][0]


def threshold_for_bisection(scores, same, rate):
    candidates, strangers = sorted(set(scores.tolist())), scores[same == 0]
    low, high = 0, len(candidates) - 1
    for _ in candidates:
        middle = (low + high) // 2
        if low == high:
            break
        if np.mean(strangers >= candidates[middle]) <= rate:
            high = middle
        else:
            low = middle + 1
    return candidates[low]


def threshold_for_pandas(scores, same, rate):
    import pandas as pd

    table = pd.DataFrame({"score": scores, "stranger": same == 0}).groupby("score")["stranger"].sum()
    part = table[::-1].cumsum() / table.sum()
    return part[part <= rate].index.min()


def threshold_for_filter(scores, same, rate):
    strangers = np.compress(same == 0, scores)
    return min(filter(lambda one: np.average(strangers >= one) <= rate, scores))


def threshold_for_while(scores, same, rate):
    candidates = np.unique(scores)
    strangers, k = scores[same == 0], 0
    while (strangers >= candidates[k]).sum() > rate * len(strangers) + 1e-9:
        k += 1
    return candidates[k]


def threshold_for_complement(scores, same, rate):
    strangers = scores[same == 0]
    for one in sorted(scores.tolist()):
        if np.mean(strangers < one) >= 1 - rate - 1e-12:
            return one
    return None


def threshold_for_where(scores, same, rate):
    candidates = np.unique(scores)
    strangers = scores[np.flatnonzero(same == 0)]
    parts = np.array([np.sum(strangers >= one) for one in candidates]) / len(strangers)
    return float(candidates[np.where(parts <= rate)[0][0]])


def threshold_for_weights(scores, same, rate):
    stranger = 1 - same
    found = np.inf
    for one in scores:
        if stranger @ (scores >= one) / stranger.sum() <= rate:
            found = min(found, one)
    return found


def threshold_for_histogram(scores, same, rate):
    candidates, place = np.unique(scores, return_inverse=True)
    count = np.bincount(place, weights=same == 0, minlength=len(candidates))
    accepted = count.sum() - np.cumsum(count) + count
    return candidates[accepted / count.sum() <= rate].min()


def threshold_for_masked(scores, same, rate):
    strangers = scores[same == 0]
    fits = np.array([(strangers >= one).sum() <= rate * strangers.size + 1e-9 for one in scores])
    return np.where(fits, scores, np.inf).min()


def threshold_for_recursion(scores, same, rate):
    strangers = scores[same == 0]

    def first(left):
        one = left.min()
        return one if np.mean(strangers >= one) <= rate else first(left[left > one])

    return first(scores)


def threshold_for_dictionary(scores, same, rate):
    strangers = scores[~same.astype(bool)]
    accepted = {one: float((strangers >= one).mean()) for one in scores.tolist()}
    return min(one for one, part in accepted.items() if part <= rate)
