"""Twenty right ways for each function of the mutation score: each small change of one is a fault to be found."""

import numpy as np

from tests.labs.lab7 import ways

# Standardizing.


def standardize_as_usual(x_train, x):
    s = x_train.std(0)
    s[s == 0] = 1
    return (x - x_train.mean(0)) / s


def standardize_divide(x_train, x):
    deviation = np.std(x_train, axis=0)
    deviation = np.where(np.max(x_train, axis=0) == np.min(x_train, axis=0), 1.0, deviation)
    return np.divide(np.subtract(x, np.mean(x_train, axis=0)), deviation)


def standardize_sums(x_train, x):
    n = len(x_train)
    mean = x_train.sum(axis=0) / n
    variance = ((x_train - mean) ** 2).sum(axis=0) / n
    same = np.ptp(x_train, axis=0) == 0
    return (x - mean) / np.sqrt(np.where(same, 1, variance))


def standardize_squares(x_train, x):
    """The variance from centered columns, by einsum."""
    mean = np.einsum("nd->d", x_train) / x_train.shape[0]
    centered = x_train - mean
    variance = np.einsum("nd,nd->d", centered, centered) / x_train.shape[0]
    variance[(x_train == x_train[:1]).all(axis=0)] = 1
    return (x - mean) * variance**-0.5


def standardize_sklearn(x_train, x):
    from sklearn.preprocessing import StandardScaler

    return StandardScaler().fit(x_train).transform(x)


def standardize_pandas(x_train, x):
    import pandas as pd

    train, new = pd.DataFrame(x_train), pd.DataFrame(x)
    deviation = train.std(ddof=0).where(train.nunique() > 1, 1.0)
    return ((new - train.mean()) / deviation).to_numpy()


def standardize_scipy(x_train, x):
    from scipy import stats

    same = np.ptp(x_train, axis=0) == 0
    shown = stats.zmap(x, x_train, axis=0) if not same.any() else np.empty(x.shape)
    if same.any():
        rest = ~same
        shown[:, rest] = stats.zmap(x[:, rest], x_train[:, rest], axis=0)
        shown[:, same] = x[:, same] - x_train[0, same]
    return shown


def standardize_row_by_row(x_train, x):
    mean, deviation = x_train.mean(axis=0), x_train.std(axis=0)
    for d in range(len(mean)):
        if len(np.unique(x_train[:, d])) == 1:
            deviation[d] = 1
    return np.array([(row - mean) / deviation for row in x])


def standardize_column_lists(x_train, x):
    found = []
    for train, new in zip(x_train.T, x.T, strict=True):
        spread = train.std() if train.max() > train.min() else 1
        found.append([(value - train.mean()) / spread for value in new])
    return np.transpose(found)


def standardize_transposed(x_train, x):
    train = x_train.T
    mean = train.mean(axis=1)
    deviation = train.std(axis=1)
    deviation[train.min(axis=1) == train.max(axis=1)] = 1.0
    return ((x.T - mean[:, None]) / deviation[:, None]).T


def standardize_masked(x_train, x):
    result = x - x_train.mean(axis=0)
    moves = np.ptp(x_train, axis=0) > 0
    result[:, moves] /= x_train[:, moves].std(axis=0)
    return result


def standardize_where(x_train, x):
    centered = x - x_train.mean(axis=0)
    moves = np.ptp(x_train, axis=0) > 0
    return np.divide(centered, x_train.std(axis=0), out=centered.copy(), where=moves)


def standardize_matrix(x_train, x):
    deviation = x_train.std(axis=0)
    same = np.ptp(x_train, axis=0) == 0
    return (x - x_train.mean(axis=0)) @ np.diag(1 / (deviation * ~same + same))


def standardize_comprehension(x_train, x):
    rows, columns = x.shape
    mean = [x_train[:, d].mean() for d in range(columns)]
    deviation = [x_train[:, d].std() or 1.0 for d in range(columns)]
    deviation = [1.0 if np.ptp(x_train[:, d]) == 0 else deviation[d] for d in range(columns)]
    return np.array([[(x[n, d] - mean[d]) / deviation[d] for d in range(columns)] for n in range(rows)])


def standardize_filled(x_train, x):
    result = np.zeros(x.shape)
    for d in range(x.shape[1]):
        column = x_train[:, d]
        result[:, d] = x[:, d] - np.average(column)
        if np.ptp(column) != 0:
            result[:, d] = result[:, d] / np.sqrt(np.var(column))
    return result


def standardize_statistics(x_train, x):
    import statistics

    found = np.empty(x.shape)
    for d, column in enumerate(x_train.T.tolist()):
        spread = statistics.pstdev(column) if min(column) < max(column) else 1
        found[:, d] = (x[:, d] - statistics.fmean(column)) / spread
    return found


def standardize_norm(x_train, x):
    mean = x_train.mean(axis=0, keepdims=True)
    length = np.linalg.norm(x_train - mean, axis=0) / np.sqrt(len(x_train))
    length[np.ptp(x_train, axis=0) == 0] = 1
    return (x - mean) / length


def standardize_float(x_train, x):
    train = np.array(x_train, dtype="float64")
    mean, deviation = np.mean(train, 0), np.std(train, 0)
    return (np.array(x, dtype="float64") - mean) / np.where((train == train[0]).all(0), 1, deviation)


def standardize_tf(x_train, x):
    import tensorflow as tf

    mean, variance = tf.nn.moments(tf.constant(x_train), axes=[0])
    same = tf.reduce_max(x_train, axis=0) == tf.reduce_min(x_train, axis=0)
    return ((x - mean) / tf.where(same, tf.ones_like(variance), tf.sqrt(variance))).numpy()


# Votes.


def vote_bincount(p):
    classes = p.shape[2]
    found = []
    for n in range(p.shape[1]):
        votes = np.bincount(p[:, n].argmax(axis=1), minlength=classes)
        average = np.where(votes == votes.max(), p[:, n].mean(axis=0), -1)
        found.append(int(average.argmax()))
    return np.array(found)


def vote_one_hot(p):
    votes = np.eye(p.shape[-1])[np.argmax(p, axis=-1)].sum(axis=0)
    return np.argmax(votes + 0.5 * np.mean(p, axis=0), axis=-1)


def vote_counter(p):
    from collections import Counter

    found = []
    for image in np.swapaxes(p, 0, 1):
        votes = Counter(image.argmax(axis=1).tolist())
        found.append(max(votes, key=lambda k: (votes[k], image[:, k].sum())))
    return found


def vote_sorted(p):
    total = p.sum(axis=0)
    chosen = p.argmax(axis=2)
    found = []
    for n in range(len(total)):
        order = sorted(range(p.shape[2]), key=lambda k: ((chosen[:, n] == k).sum(), total[n, k]))
        found.append(order[-1])
    return np.array(found)


def vote_added(p):
    members, images, classes = p.shape
    votes = np.zeros((images, classes))
    for one in p:
        votes[np.arange(images), one.argmax(axis=1)] += 1
    votes += p.mean(axis=0) / 2
    return votes.argmax(axis=1)


def vote_at(p):
    members, images, classes = p.shape
    votes = np.zeros((images, classes))
    np.add.at(votes, (np.tile(np.arange(images), members), p.argmax(axis=2).ravel()), 1)
    most = votes.max(axis=1, keepdims=True)
    return np.where(votes < most, 0, p.mean(axis=0)).argmax(axis=1)


def vote_masked(p):
    votes = (p.argmax(axis=2)[..., None] == np.arange(p.shape[2])).sum(axis=0)
    average = np.ma.masked_array(p.mean(axis=0), votes != votes.max(axis=1, keepdims=True))
    return average.filled(-1).argmax(axis=1)


def vote_scipy(p):
    from scipy import stats

    chosen = p.argmax(axis=2)
    found = stats.mode(chosen, axis=0).mode
    for n in range(p.shape[1]):
        counts = [(chosen[:, n] == k).sum() for k in range(p.shape[2])]
        tied = [k for k, count in enumerate(counts) if count == max(counts)]
        if len(tied) > 1:
            found[n] = tied[int(np.argmax([p[:, n, k].sum() for k in tied]))]
    return found


def vote_pandas(p):
    import pandas as pd

    chosen, average = pd.DataFrame(p.argmax(axis=2)), p.mean(axis=0)
    found = []
    for n in chosen:
        tied = chosen[n].mode().to_numpy()
        found.append(tied[average[n, tied].argmax()])
    return np.array(found)


def vote_unique(p):
    found = []
    for n in range(p.shape[1]):
        classes, counts = np.unique(p[:, n].argmax(axis=1), return_counts=True)
        tied = classes[counts == counts.max()]
        found.append(tied[p[:, n, tied].mean(axis=0).argmax()])
    return np.asarray(found)


def vote_dictionary(p):
    found = []
    for n in range(p.shape[1]):
        votes = {}
        for member in range(p.shape[0]):
            k = int(np.argmax(p[member, n]))
            votes[k] = votes.get(k, 0) + 1
        best = None
        for k, count in votes.items():
            rank = (count, float(p[:, n, k].mean()))
            if best is None or rank > best[0]:
                best = rank, k
        found.append(best[1])
    return found


def vote_structured(p):
    votes = np.stack([(p.argmax(axis=-1) == k).sum(axis=0) for k in range(p.shape[-1])], axis=-1)
    keys = votes * 10.0 + p.mean(axis=0)
    return np.argsort(keys, axis=-1)[:, -1]


def vote_lexsort(p):
    classes = p.shape[2]
    chosen, average = p.argmax(axis=2), p.mean(axis=0)
    found = np.zeros(p.shape[1], dtype=int)
    for n in range(p.shape[1]):
        counts = np.bincount(chosen[:, n], minlength=classes)
        found[n] = np.lexsort((average[n], counts))[-1]
    return found


def vote_put(p):
    ballots = np.zeros(p.shape)
    np.put_along_axis(ballots, p.argmax(axis=2)[:, :, None], 1, axis=2)
    votes = ballots.sum(axis=0)
    leading = votes >= votes.max(axis=1)[:, None]
    return (leading * p.mean(axis=0)).argmax(axis=1)


def vote_einsum(p):
    ballots = (np.arange(p.shape[2]) == p.argmax(axis=2)[:, :, None]).astype(float)
    return np.einsum("mnk->nk", ballots + p / (2 * len(p))).argmax(axis=1)


def vote_infinity(p):
    chosen = p.argmax(axis=2)
    votes = np.array([[(column == k).sum() for k in range(p.shape[2])] for column in chosen.T])
    average = p.mean(axis=0).astype("float64")
    average[votes < votes.max(axis=1, keepdims=True)] = -np.inf
    return average.argmax(axis=1)


def vote_recount(p):
    found = []
    for n in range(p.shape[1]):
        images = p[:, n, :]
        counts = np.zeros(images.shape[1])
        for row in images:
            counts[row.argmax()] += 1
        candidates = np.flatnonzero(counts == counts.max())
        found.append(candidates[0] if len(candidates) == 1 else candidates[images.sum(0)[candidates].argmax()])
    return np.stack(found)


def vote_tf(p):
    import tensorflow as tf

    votes = tf.reduce_sum(tf.one_hot(tf.argmax(p, axis=2), p.shape[2], dtype="float64"), axis=0)
    return tf.argmax(votes + tf.reduce_mean(tf.cast(p, "float64"), axis=0) / 2, axis=1).numpy()


def _of(prefix):
    return {
        name.partition("_")[2].replace("_", " "): function
        for name, function in globals().items()
        if name.startswith(prefix)
    }


WAYS = {
    "standardize": ways.WAYS["standardize"] | _of("standardize_"),
    "majority_vote": ways.WAYS["majority_vote"] | _of("vote_"),
}
