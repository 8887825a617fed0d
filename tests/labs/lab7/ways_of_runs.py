"""More right ways to compare runs and to find an error with its gradient: each small change is a fault to be found."""

import math

import numpy as np

# Runs of two networks.


def compare_runs_dictionaries(runs_a, runs_b):
    from scipy import stats

    a = {int(seed): score for seed, score in runs_a}
    b = {int(seed): score for seed, score in runs_b}
    common = [seed for seed in a if seed in b]
    gaps = np.array([a[seed] - b[seed] for seed in common])
    if not np.any(gaps):
        return 0, 0, 1, 0
    t = gaps.mean() / (gaps.std(ddof=1) / math.sqrt(len(gaps)))
    p = 2 * stats.t.sf(abs(t), len(gaps) - 1)
    return gaps.mean(), t, p, int(np.sign(t)) if p < 0.05 else 0


def compare_runs_intersect(runs_a, runs_b):
    from scipy import stats

    _, in_a, in_b = np.intersect1d(runs_a[:, 0], runs_b[:, 0], return_indices=True)
    a, b = runs_a[in_a, 1], runs_b[in_b, 1]
    if np.array_equal(a, b):
        return np.array([0.0, 0.0, 1.0, 0.0])
    t, p = stats.ttest_rel(a, b)
    better = 0
    if p < 0.05:
        better = 1 if t > 0 else -1
    return np.array([np.mean(a - b), t, p, better])


def compare_runs_one_sample(runs_a, runs_b):
    from scipy.stats import ttest_1samp

    gaps = np.array([x - y for seed, x in runs_a for other, y in runs_b if seed == other])
    if (gaps == 0).all():
        return [0.0, 0.0, 1.0, 0]
    found = ttest_1samp(gaps, 0)
    return [gaps.mean(), found.statistic, found.pvalue, (found.pvalue < 0.05) * np.sign(found.statistic)]


def compare_runs_sums(runs_a, runs_b):
    from scipy import stats

    other = dict(runs_b.tolist())
    n = total = squares = 0
    for seed, score in runs_a:
        if seed in other:
            gap = score - other[seed]
            n += 1
            total += gap
            squares += gap * gap
    if squares == 0:
        return 0.0, 0.0, 1.0, 0
    mean = total / n
    variance = (squares - n * mean * mean) / (n - 1)
    t = mean / math.sqrt(variance / n)
    p = 2 * (1 - stats.t.cdf(abs(t), n - 1))
    if p >= 0.05:
        return mean, t, p, 0
    return mean, t, p, 1 if mean > 0 else -1


def compare_runs_statistics(runs_a, runs_b):
    import statistics

    from scipy import stats

    b = dict(runs_b.tolist())
    gaps = [score - b[seed] for seed, score in runs_a.tolist() if seed in b]
    if all(gap == 0 for gap in gaps):
        return 0, 0, 1, 0
    mean = statistics.fmean(gaps)
    error = statistics.stdev(gaps) / len(gaps) ** 0.5
    p = 2 * stats.t(df=len(gaps) - 1).cdf(-abs(mean / error))
    return mean, mean / error, p, (mean > 0) - (mean < 0) if p < 0.05 else 0


def compare_runs_sorted(runs_a, runs_b):
    from scipy import stats

    a = runs_a[np.isin(runs_a[:, 0], runs_b[:, 0])]
    b = runs_b[np.isin(runs_b[:, 0], runs_a[:, 0])]
    a, b = a[np.argsort(a[:, 0]), 1], b[np.argsort(b[:, 0]), 1]
    d = a - b
    if np.ptp(d) == 0:
        return np.array([0, 0, 1, 0])
    t = np.mean(d) / stats.sem(d)
    p = 2 * stats.t.sf(np.abs(t), d.size - 1)
    return np.array([np.mean(d), t, p, np.sign(t) if p < 0.05 else 0])


def compare_runs_series(runs_a, runs_b):
    import pandas as pd
    from scipy import stats

    a = pd.Series(runs_a[:, 1], index=runs_a[:, 0])
    b = pd.Series(runs_b[:, 1], index=runs_b[:, 0])
    d = (a - b).dropna()
    if not d.any():
        return 0.0, 0.0, 1.0, 0
    t = d.mean() / d.sem()
    p = stats.t.sf(abs(t), len(d) - 1) * 2
    return d.mean(), t, p, 0 if p >= 0.05 else int(np.sign(d.mean()))


def compare_runs_masked_table(runs_a, runs_b):
    from scipy import stats

    same = runs_a[:, :1] == runs_b[:, 0]
    rows, columns = np.nonzero(same)
    d = runs_a[rows, 1] - runs_b[columns, 1]
    n = len(d)
    if np.count_nonzero(d) == 0:
        return 0, 0, 1, 0
    s2 = ((d - d.mean()) ** 2).sum() / (n - 1)
    t = d.mean() / np.sqrt(s2 / n)
    p = 2 * stats.t.sf(abs(t), n - 1)
    significant = p < 0.05
    return d.mean(), t, p, int(significant and t > 0) - int(significant and t < 0)


def compare_runs_beta(runs_a, runs_b):
    from scipy.special import betainc

    b = dict(runs_b)
    d = np.array([score - b[seed] for seed, score in runs_a if seed in b])
    if np.max(np.abs(d)) == 0:
        return [0, 0, 1, 0]
    freedom = len(d) - 1
    t = np.sqrt(len(d)) * d.mean() / d.std(ddof=1)
    p = betainc(freedom / 2, 0.5, freedom / (freedom + t * t))
    return [d.mean(), t, p, 0 if p >= 0.05 else -1 if t < 0 else 1]


def compare_runs_special(runs_a, runs_b):
    from scipy.special import stdtr

    seeds = set(runs_a[:, 0].tolist()) & set(runs_b[:, 0].tolist())
    a = [score for seed, score in sorted(runs_a.tolist()) if seed in seeds]
    b = [score for seed, score in sorted(runs_b.tolist()) if seed in seeds]
    if a == b:
        return 0.0, 0.0, 1.0, 0.0
    d = np.subtract(a, b)
    t = d.mean() / np.sqrt(d.var(ddof=1) / len(d))
    p = 2 * stdtr(len(d) - 1, -abs(t))
    return d.mean(), t, p, float(np.sign(t)) * (p < 0.05)


def compare_runs_critical(runs_a, runs_b):
    """Which is better by the quantile of t, and not by p."""
    from scipy import stats

    a, b = (dict(zip(runs[:, 0], runs[:, 1], strict=True)) for runs in (runs_a, runs_b))
    d = np.array([a[seed] - b[seed] for seed in a.keys() & b.keys()])
    if not d.any():
        return 0.0, 0.0, 1.0, 0
    t = d.mean() * len(d) ** 0.5 / d.std(ddof=1)
    law = stats.t(len(d) - 1)
    least = law.ppf(0.975)
    return d.mean(), t, 2 * law.sf(abs(t)), 1 if t > least else -1 if t < -least else 0


def compare_runs_two_tails(runs_a, runs_b):
    from scipy import stats

    d = []
    for seed in np.unique(runs_a[:, 0]):
        match = runs_b[runs_b[:, 0] == seed]
        if len(match) > 0:
            d.append(runs_a[runs_a[:, 0] == seed][0, 1] - match[0, 1])
    d = np.asarray(d)
    if np.all(d == 0):
        return np.array([0.0, 0.0, 1.0, 0.0])
    t = d.mean() / (np.std(d, ddof=1) / np.sqrt(d.size))
    tails = stats.t.cdf(-abs(t), d.size - 1) + stats.t.sf(abs(t), d.size - 1)
    return np.array([d.mean(), t, tails, np.sign(d.mean()) * (tails < 0.05)])


def compare_runs_merged(runs_a, runs_b):
    import pandas as pd
    from scipy import stats

    names = ["seed", "score"]
    both = pd.merge(pd.DataFrame(runs_a, columns=names), pd.DataFrame(runs_b, columns=names), on="seed")
    a, b = both["score_x"].to_numpy(), both["score_y"].to_numpy()
    if (a == b).all():
        return 0.0, 0.0, 1.0, 0
    t, p = stats.ttest_rel(a, b)
    return np.mean(a) - np.mean(b), t, p, 0 if p >= 0.05 else np.sign(t)


def compare_runs_searched(runs_a, runs_b):
    from scipy import stats

    b = runs_b[runs_b[:, 0].argsort()]
    place = np.searchsorted(b[:, 0], runs_a[:, 0]).clip(max=len(b) - 1)
    there = b[place, 0] == runs_a[:, 0]
    d = runs_a[there, 1] - b[place[there], 1]
    if not d.any():
        return 0, 0, 1, 0
    n = d.size
    t = d.sum() / n / (np.linalg.norm(d - d.mean()) / np.sqrt(n * (n - 1)))
    p = 2 * stats.t.sf(abs(t), n - 1)
    winner = 0
    if p < 0.05 and t > 0:
        winner = 1
    elif p < 0.05:
        winner = -1
    return d.mean(), t, p, winner


def compare_runs_interval(runs_a, runs_b):
    """One is better where the interval around the mean difference does not hold zero."""
    from scipy import stats

    b = dict(zip(*runs_b.T, strict=True))
    d = np.array([score - b[seed] for seed, score in runs_a if seed in b])
    if len(set(d.tolist())) == 1:
        return 0.0, 0.0, 1.0, 0
    error = stats.sem(d)
    half = error * stats.t.ppf(0.975, len(d) - 1)
    t = d.mean() / error
    better = 1 if d.mean() - half > 0 else -1 if d.mean() + half < 0 else 0
    return d.mean(), t, 2 * stats.t.sf(abs(t), len(d) - 1), better


def compare_runs_signed(runs_a, runs_b):
    from scipy import stats

    b = dict(map(tuple, runs_b))
    d = np.fromiter((score - b[seed] for seed, score in map(tuple, runs_a) if seed in b), float)
    if not np.count_nonzero(d):
        return 0.0, 0.0, 1.0, 0
    below = stats.ttest_1samp(d, 0, alternative="less").pvalue
    p = 2 * min(below, 1 - below)
    t = stats.ttest_1samp(d, 0).statistic
    return d.mean(), t, p, int(p < 0.05) * (1 if below > 0.5 else -1)


def compare_runs_table(runs_a, runs_b):
    from scipy import stats

    last = int(max(runs_a[:, 0].max(), runs_b[:, 0].max())) + 1
    table = np.full((2, last), np.nan)
    table[0, runs_a[:, 0].astype(int)] = runs_a[:, 1]
    table[1, runs_b[:, 0].astype(int)] = runs_b[:, 1]
    d = table[0] - table[1]
    d = d[~np.isnan(d)]
    if np.abs(d).sum() == 0:
        return 0.0, 0.0, 1.0, 0
    found = stats.ttest_1samp(d, popmean=0.0)
    return d.mean(), found.statistic, found.pvalue, np.where(found.pvalue < 0.05, np.sign(d.mean()), 0)


def compare_runs_moments(runs_a, runs_b):
    from scipy import stats

    seeds = np.intersect1d(runs_a[:, 0], runs_b[:, 0])
    pairs = np.array([(runs_a[runs_a[:, 0] == s, 1][0], runs_b[runs_b[:, 0] == s, 1][0]) for s in seeds])
    gaps = pairs[:, 0] - pairs[:, 1]
    if (gaps == 0).all():
        return 0, 0, 1, 0
    n, mean = len(gaps), np.average(gaps)
    t = mean * np.sqrt((n - 1) / np.mean((gaps - mean) ** 2))
    p = stats.t.sf(t, n - 1) * 2 if t > 0 else stats.t.cdf(t, n - 1) * 2
    return mean, t, p, 0 if p >= 0.05 else int(t / abs(t))


# An error with its gradient.


def mse_and_gradient_matrix(w, x, y):
    y = np.asarray(y).reshape(len(x))
    inputs = np.c_[x, np.ones(len(x))]
    off = inputs.dot(w) - y
    return off.dot(off) / len(x), inputs.T.dot(off) * 2 / len(x)


def mse_and_gradient_parts(w, x, y):
    y = y.flatten()
    off = x @ w[:-1] + w[-1] - y
    gradient = np.empty(len(w))
    gradient[:-1] = 2 * x.T @ off / len(y)
    gradient[-1] = 2 * off.mean()
    return np.mean(off**2), gradient


def mse_and_gradient_columns(w, x, y):
    off = np.ravel(y) * -1.0
    for d in range(x.shape[1]):
        off += w[d] * x[:, d]
    off += w[-1]
    gradient = [2 * np.mean(off * x[:, d]) for d in range(x.shape[1])]
    gradient.append(2 * np.mean(off))
    return np.mean(off * off), np.array(gradient)


def mse_and_gradient_einsum(w, x, y):
    n = len(x)
    off = np.einsum("nd,d->n", x, w[:-1]) + w[-1] - y.reshape(n)
    slope = np.einsum("n,nd->d", off, x) * 2 / n
    return np.einsum("n,n->", off, off) / n, np.append(slope, off.sum() * 2 / n)


def mse_and_gradient_column_vectors(w, x, y):
    y = np.reshape(y, (-1, 1))
    weights, intercept = w[:-1].reshape(-1, 1), w[-1]
    off = x @ weights + intercept - y
    return float((off**2).mean()), np.vstack([2 * x.T @ off / len(x), [[2 * off.mean()]]])[:, 0]


def mse_and_gradient_mean_of_rows(w, x, y):
    off = (x * w[:-1]).sum(axis=1) + w[-1] - y.ravel()
    inputs = np.column_stack([x, np.ones_like(off)])
    return np.average(off**2), (2 * off[:, None] * inputs).mean(axis=0)


def mse_and_gradient_tape(w, x, y):
    import tensorflow as tf

    weights = tf.Variable(np.asarray(w, "float64"))
    y = tf.reshape(tf.constant(np.asarray(y, "float64")), [-1])
    x = tf.constant(np.asarray(x, "float64"))
    with tf.GradientTape() as tape:
        off = tf.linalg.matvec(x, weights[:-1]) + weights[-1] - y
        loss = tf.reduce_mean(off * off)
    return loss.numpy(), tape.gradient(loss, weights).numpy()


def mse_and_gradient_differences(w, x, y):
    """Central differences, which are exact for a parabola."""
    w = np.array(w, "float64")

    def loss(v):
        return float(np.mean((x @ v[:-1] + v[-1] - np.asarray(y, "float64").ravel()) ** 2))

    gradient = [(loss(w + step) - loss(w - step)) / 2 for step in np.eye(len(w))]
    return loss(w), np.array(gradient)


def mse_and_gradient_by_row(w, x, y):
    gradient, total = np.zeros(len(w)), 0.0
    for row, target in zip(x, y.ravel(), strict=True):
        inputs = np.append(row, 1)
        off = inputs @ w - target
        gradient = gradient + 2 * off * inputs
        total = total + off**2
    return total / len(x), gradient / len(x)


def mse_and_gradient_squeezed(w, x, y):
    if y.ndim == 2:
        y = y[:, 0]
    predicted = np.matmul(x, w[:-1]) + w[-1]
    off = predicted - y
    return (off @ off) / off.size, np.concatenate([(2 / off.size) * (off @ x), [(2 / off.size) * off.sum()]])


def mse_and_gradient_normal(w, x, y):
    """By the products that do not depend on the weights."""
    inputs = np.hstack([x, np.ones((len(x), 1))]).astype("float64")
    y = y.reshape(-1).astype("float64")
    square, mixed = inputs.T @ inputs / len(y), inputs.T @ y / len(y)
    return w @ square @ w - 2 * w @ mixed + y @ y / len(y), 2 * (square @ w - mixed)


def mse_and_gradient_sklearn(w, x, y):
    from sklearn.metrics import mean_squared_error

    y = np.ravel(y)
    predicted = x @ w[:-1] + w[-1]
    slope = np.mean((predicted - y)[:, np.newaxis] * x, axis=0)
    return mean_squared_error(y, predicted), 2 * np.r_[slope, np.mean(predicted - y)]


def mse_and_gradient_target_minus(w, x, y):
    off = np.squeeze(y, axis=1) if np.ndim(y) == 2 else y
    off = off - w[-1] - x.dot(w[:-1])
    gradient = -2 * np.array([*(x.T @ off), np.sum(off)]) / len(off)
    return np.sum(np.square(off)) / len(off), gradient


def mse_and_gradient_norm(w, x, y):
    n = x.shape[0]
    off = np.insert(x, x.shape[1], 1, axis=1) @ w - y.reshape(n)
    gradient = np.tensordot(off, np.insert(x, x.shape[1], 1, axis=1), 1) / (n / 2)
    return np.linalg.norm(off) ** 2 / n, gradient


def mse_and_gradient_padded(w, x, y):
    inputs = np.pad(x, ((0, 0), (0, 1)), constant_values=1)
    off = (inputs @ w[:, None] - np.reshape(y, (len(x), 1)))[:, 0]
    return np.var(off) + np.mean(off) ** 2, [2 * np.mean(off * column) for column in inputs.T]


def mse_and_gradient_lists(w, x, y):
    *slopes, intercept = w.tolist()
    targets = y.ravel().tolist()
    off = []
    for row, target in zip(x.tolist(), targets, strict=True):
        off.append(sum(a * b for a, b in zip(slopes, row, strict=True)) + intercept - target)
    n = len(off)
    gradient = [2 * sum(o * row[d] for o, row in zip(off, x.tolist(), strict=True)) / n for d in range(len(slopes))]
    return sum(o * o for o in off) / n, np.array([*gradient, 2 * sum(off) / n])


def mse_and_gradient_keras(w, x, y):
    import keras

    y = np.asarray(y).reshape(-1)
    predicted = np.inner(x, w[:-1]) + w[-1]
    loss = keras.losses.MeanSquaredError(dtype="float64")(y, predicted)
    step = 2 * (predicted - y) / len(y)
    return float(loss), np.append(step @ x, step.sum())


def mse_and_gradient_filled(w, x, y):
    inputs = np.ones((x.shape[0], x.shape[1] + 1))
    inputs[:, :-1] = x
    off = inputs @ w
    off -= y[:, 0] if y.ndim > 1 else y
    gradient = np.zeros_like(w, dtype="float64")
    for d in range(len(w)):
        gradient[d] = 2 * (off * inputs[:, d]).sum() / len(off)
    return (off**2).sum() / len(off), gradient
