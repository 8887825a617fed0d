"""More right ways to average networks and to measure an ensemble: each small change is a fault to be found."""

import itertools

import numpy as np

# The average.


def average_probabilities_numpy(p, weights):
    return np.average(p, axis=0, weights=weights)


def average_probabilities_broadcast(p, weights):
    weights = np.asarray(weights)[:, None, None]
    return (weights * p).sum(axis=0) / weights.sum()


def average_probabilities_loop(p, weights):
    total = np.zeros(p.shape[1:])
    for one, weight in zip(p, weights, strict=True):
        total += weight * one
    return total / np.sum(weights)


def average_probabilities_tensordot(p, weights):
    return np.tensordot(weights / weights.sum(), p, axes=1)


def average_probabilities_einsum(p, weights):
    return np.einsum("mnk,m->nk", p, weights) / sum(weights)


def average_probabilities_moved(p, weights):
    return np.moveaxis(p, 0, -1) @ (weights / np.sum(weights))


def average_probabilities_rows_sum(p, weights):
    """What probabilities add up to is the sum of the weights."""
    total = sum(weight * one for weight, one in zip(weights, p, strict=True))
    return total / total.sum(axis=1, keepdims=True)


def average_probabilities_running(p, weights):
    mean, so_far = np.zeros(p.shape[1:]), 0.0
    for one, weight in zip(p, weights, strict=True):
        so_far += weight
        if so_far > 0:
            mean = mean + (one - mean) * weight / so_far
    return mean


def average_probabilities_by_image(p, weights):
    share = weights / weights.sum()
    return np.array([share @ p[:, n] for n in range(p.shape[1])])


def average_probabilities_by_class(p, weights):
    columns = [np.dot(weights, p[:, :, k]) / np.sum(weights) for k in range(p.shape[2])]
    return np.stack(columns, axis=1)


def average_probabilities_flat(p, weights):
    members, images, classes = p.shape
    table = p.reshape(members, images * classes)
    return (weights @ table / weights.sum()).reshape(images, classes)


def average_probabilities_transposed(p, weights):
    share = np.divide(weights, np.sum(weights))
    return (p.T * share).sum(axis=-1).T


def average_probabilities_reduce(p, weights):
    import functools

    total = functools.reduce(lambda sofar, k: sofar + weights[k] * p[k], range(1, len(p)), weights[0] * p[0])
    return total / np.add.reduce(weights)


def average_probabilities_lists(p, weights):
    total = float(sum(weights))
    members, images, classes = p.shape
    return [
        [sum(weights[m] * p[m, n, k] for m in range(members)) / total for k in range(classes)] for n in range(images)
    ]


def average_probabilities_diagonal(p, weights):
    mixed = np.diag(weights / weights.sum()) @ p.reshape(len(p), -1)
    return mixed.sum(axis=0).reshape(p.shape[1:])


def average_probabilities_tensorflow(p, weights):
    import tensorflow as tf

    share = tf.constant(weights / np.sum(weights), dtype="float64")
    return tf.reduce_sum(share[:, None, None] * tf.cast(p, "float64"), axis=0).numpy()


def average_probabilities_pandas(p, weights):
    import pandas as pd

    table = pd.DataFrame(p.reshape(len(p), -1)).mul(weights, axis=0)
    return (table.sum() / np.sum(weights)).to_numpy().reshape(p.shape[1], p.shape[2])


def average_probabilities_mean(p, weights):
    share = np.asarray(weights, "float64") / np.mean(weights)
    return np.mean(share.reshape(-1, 1, 1) * p, axis=0)


def average_probabilities_filled(p, weights):
    found = np.empty(p.shape[1:])
    for n in range(p.shape[1]):
        for k in range(p.shape[2]):
            found[n, k] = np.vdot(weights, p[:, n, k])
    return found / weights.sum()


# What is gained.


def ensemble_gain_combinations(p, y):
    classes = p.argmax(axis=2)
    members = np.mean([np.mean(one == y) for one in classes])
    apart = np.mean([np.mean(a != b) for a, b in itertools.combinations(classes, 2)])
    blend = p.mean(axis=0)
    joint = np.mean(blend.argmax(axis=1) == y)
    return members, joint, apart, blend.max(axis=1).mean() - joint


def ensemble_gain_sums(p, y):
    m, n, _ = p.shape
    classes = np.argmax(p, axis=-1)
    blend = np.sum(p, axis=0) / m
    hits = (classes == y).sum() / (m * n)
    joint = (np.argmax(blend, axis=-1) == y).sum() / n
    differ, pairs = 0, 0
    for i in range(m):
        for j in range(i + 1, m):
            differ += (classes[i] != classes[j]).sum()
            pairs += 1
    return np.array([hits, joint, differ / (pairs * n), blend.max(axis=-1).sum() / n - joint])


def ensemble_gain_counts(p, y):
    """Pairs that agree, by the votes of each class."""
    m, n, k = p.shape
    votes = np.eye(k)[p.argmax(axis=2)].sum(axis=0)
    agree = (votes * (votes - 1)).sum(axis=1) / (m * (m - 1))
    blend = np.mean(p, axis=0)
    right = votes[np.arange(n), y].mean() / m
    joint = np.mean(np.argmax(blend, axis=1) == y)
    return right, joint, 1 - agree.mean(), np.mean(np.max(blend, axis=1)) - joint


def ensemble_gain_distances(p, y):
    from scipy.spatial.distance import pdist

    said = p.argmax(-1)
    blend = p.mean(0)
    joint = (blend.argmax(-1) == y).mean()
    return [(said == y).mean(), joint, pdist(said, "hamming").mean(), blend.max(-1).mean() - joint]


def ensemble_gain_sklearn(p, y):
    from sklearn.metrics import accuracy_score

    said = [one.argmax(axis=1) for one in p]
    blend = sum(p) / len(p)
    joint = accuracy_score(y, blend.argmax(axis=1))
    apart = [1 - accuracy_score(a, b) for a, b in itertools.combinations(said, 2)]
    single = [accuracy_score(y, one) for one in said]
    return sum(single) / len(single), joint, sum(apart) / len(apart), np.mean(blend.max(axis=1)) - joint


def ensemble_gain_all_pairs(p, y):
    said, m = p.argmax(axis=2), len(p)
    differ = (said[:, None, :] != said[None, :, :]).mean(axis=-1)
    blend = np.average(p, axis=0)
    joint = np.mean(blend.argmax(axis=1) == y)
    return np.mean(said == y), joint, differ.sum() / (m * (m - 1)), blend.max(axis=1).mean() - joint


def ensemble_gain_triangle(p, y):
    said = np.argmax(p, 2)
    i, j = np.triu_indices(len(said), 1)
    blend = p.mean(axis=0)
    sure, joint = np.max(blend, 1), np.argmax(blend, 1) == y
    return (said == y).mean(), joint.mean(), (said[i] != said[j]).mean(), (sure - joint).mean()


def ensemble_gain_images(p, y):
    totals = np.zeros(4)
    m = len(p)
    for n in range(p.shape[1]):
        one = p[:, n]
        said, blend = one.argmax(axis=1), one.mean(axis=0)
        hit = float(blend.argmax() == y[n])
        apart = sum(said[i] != said[j] for i in range(m) for j in range(i)) / (m * (m - 1) / 2)
        totals += [np.mean(said == y[n]), hit, apart, blend.max() - hit]
    return totals / p.shape[1]


def ensemble_gain_counter(p, y):
    from collections import Counter

    m, images = p.shape[0], p.shape[1]
    said = p.argmax(axis=2)
    same = 0
    for n in range(images):
        same += sum(count * (count - 1) for count in Counter(said[:, n].tolist()).values())
    blend = p.mean(axis=0)
    joint = np.count_nonzero(blend.argmax(axis=1) == y) / images
    return np.mean(said == y), joint, 1 - same / (m * (m - 1) * images), np.mean(blend.max(axis=1)) - joint


def ensemble_gain_equal(p, y):
    said = p.argmax(axis=2)
    single = np.equal(said, y).mean(axis=1).mean()
    pairs = list(itertools.combinations(range(len(p)), 2))
    apart = sum(np.not_equal(said[i], said[j]).mean() for i, j in pairs) / len(pairs)
    blend = p.mean(axis=0)
    wrong = np.not_equal(blend.argmax(axis=1), y).mean()
    return single, 1 - wrong, apart, blend.max(axis=1).mean() + wrong - 1


def ensemble_gain_sorted(p, y):
    said = np.argsort(p, axis=2)[:, :, -1]
    blend = np.add.reduce(p, axis=0) / len(p)
    order = np.sort(blend, axis=1)[:, -1]
    joint = np.mean(np.argsort(blend, axis=1)[:, -1] == y)
    apart = [np.mean(said[i] != said[j]) for i in range(1, len(p)) for j in range(i)]
    return np.mean(said == y), joint, np.mean(apart), np.mean(order) - joint


def ensemble_gain_pandas(p, y):
    import pandas as pd

    said = pd.DataFrame(p.argmax(axis=2).T)
    single = said.eq(y, axis=0).mean().mean()
    apart = [(said[i] != said[j]).mean() for i in said for j in said if i < j]
    blend = pd.DataFrame(p.mean(axis=0))
    joint = (blend.idxmax(axis=1) == y).mean()
    return single, joint, np.mean(apart), blend.max(axis=1).mean() - joint


def ensemble_gain_taken(p, y):
    blend = p.mean(axis=0)
    best = blend.argmax(axis=1)
    sure = np.take_along_axis(blend, best[:, None], axis=1)[:, 0]
    hits = np.where(best == y, 1.0, 0.0)
    said = p.argmax(axis=2)
    apart, count = 0.0, 0
    for j, one in enumerate(said):
        for other in said[:j]:
            apart, count = apart + np.mean(one != other), count + 1
    return np.where(said == y, 1.0, 0.0).mean(), hits.mean(), apart / count, sure.mean() - hits.mean()


def ensemble_gain_ballots(p, y):
    """Two networks agree where the product of their ballots is one."""
    m, n, k = p.shape
    ballots = np.eye(k)[p.argmax(axis=2)]
    agree = np.einsum("ink,jnk->ij", ballots, ballots) / n
    apart = 1 - (agree.sum() - np.trace(agree)) / (m * (m - 1))
    blend = p.mean(axis=0)
    joint = np.mean(blend.argmax(axis=1) == y)
    return np.einsum("mnk,nk->", ballots, np.eye(k)[y]) / (m * n), joint, apart, blend.max(axis=1).mean() - joint


def ensemble_gain_tensorflow(p, y):
    import tensorflow as tf

    said = tf.argmax(p, axis=2).numpy()
    blend = tf.reduce_mean(p, axis=0)
    joint = np.mean(tf.argmax(blend, axis=1).numpy() == y)
    apart = [np.mean(said[i] != said[j]) for i in range(len(p)) for j in range(i)]
    sure = tf.reduce_mean(tf.reduce_max(blend, axis=1)).numpy()
    return np.mean(said == y), joint, sum(apart) / len(apart), float(sure) - joint


def ensemble_gain_half(p, y):
    said = p.argmax(axis=2)
    m = said.shape[0]
    differ = 0.0
    for one in said:
        for other in said:
            differ += np.mean(one != other) / 2
    blend = p.mean(axis=0)
    joint = np.average(blend.argmax(axis=1) == y)
    return np.average(said == y), joint, differ / (m * (m - 1) / 2), np.average(blend.max(axis=1)) - joint


def ensemble_gain_rolled(p, y):
    """Each pair once, by shifting the networks against each other."""
    said, m = p.argmax(axis=2), len(p)
    shifted = [np.mean(said != np.roll(said, s, axis=0)) for s in range(1, m)]
    blend = p.sum(axis=0) / m
    joint = (blend.argmax(axis=1) == y).sum() / len(y)
    return (said == y).sum() / said.size, joint, sum(shifted) / (m - 1), blend.max(axis=1).mean() - joint


def ensemble_gain_lists(p, y):
    said = [[int(np.argmax(image)) for image in one] for one in p]
    single = [sum(a == b for a, b in zip(one, y, strict=True)) / len(y) for one in said]
    apart = []
    for one, other in itertools.combinations(said, 2):
        apart.append(sum(a != b for a, b in zip(one, other, strict=True)) / len(y))
    hits, sure = 0, 0.0
    for n in range(len(y)):
        blend = sum(one[n] for one in p) / len(p)
        hits += int(np.argmax(blend) == y[n])
        sure += float(max(blend))
    return sum(single) / len(p), hits / len(y), sum(apart) / len(apart), (sure - hits) / len(y)
