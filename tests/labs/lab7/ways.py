"""Right ways to write each function of lab 7. No package that students get may hold one."""

import numpy as np


def minibatches_permuted(n, size, rng):
    order = rng.permutation(n)
    return np.split(order, range(size, n, size))


def minibatches_shuffled(n, size, rng):
    order = list(range(n))
    rng.shuffle(order)
    batches = []
    while order:
        batches.append(np.array(order[:size]))
        order = order[size:]
    return tuple(batches)


def compare_scipy(runs_a, runs_b):
    from scipy import stats

    seeds = sorted(set(runs_a[:, 0]) & set(runs_b[:, 0]))
    a = np.array([runs_a[runs_a[:, 0] == seed, 1][0] for seed in seeds])
    b = np.array([runs_b[runs_b[:, 0] == seed, 1][0] for seed in seeds])
    if (a == b).all():
        return [0, 0, 1, 0]
    found = stats.ttest_rel(a, b)
    return [float((a - b).mean()), found.statistic, found.pvalue, int(np.sign((a - b).mean()) * (found.pvalue < 0.05))]


def compare_pandas(runs_a, runs_b):
    import pandas as pd
    from scipy.special import betainc

    both = pd.DataFrame(runs_a, columns=["seed", "a"]).merge(pd.DataFrame(runs_b, columns=["seed", "b"]), on="seed")
    gap = both["a"] - both["b"]
    n = len(gap)
    if not gap.any():
        return np.array([0.0, 0.0, 1.0, 0.0])
    t = gap.mean() / gap.sem()
    # The tails of Student's distribution by the incomplete beta function.
    p = betainc((n - 1) / 2, 0.5, (n - 1) / (n - 1 + t**2))
    return np.array([gap.mean(), t, p, 0 if p >= 0.05 else np.sign(t)])


def standardize_broadcast(x_train, x):
    deviation = x_train.std(0)
    deviation[x_train.max(0) == x_train.min(0)] = 1
    return (x - x_train.mean(0)) / deviation


def standardize_columns(x_train, x):
    columns = []
    for d in range(x_train.shape[1]):
        mean = sum(x_train[:, d]) / len(x_train)
        variance = sum((value - mean) ** 2 for value in x_train[:, d]) / len(x_train)
        by = 1.0 if (x_train[:, d] == x_train[0, d]).all() else variance**0.5
        columns.append((x[:, d] - mean) / by)
    return np.stack(columns, axis=1)


def mse_array(w, x, y):
    inputs = np.hstack([x, np.ones((len(x), 1))])
    off = inputs @ w - y.reshape(-1)
    return (off**2).mean(), 2 / len(x) * inputs.T @ off


def mse_loops(w, x, y):
    y = np.asarray(y).ravel()
    loss, gradient = 0.0, [0.0] * len(w)
    for row, target in zip(x, y, strict=True):
        row = [*row.tolist(), 1.0]
        off = sum(a * b for a, b in zip(w, row, strict=True)) - target
        loss += off**2 / len(y)
        gradient = [g + 2 * off * value / len(y) for g, value in zip(gradient, row, strict=True)]
    return [loss, gradient]


def fit_descent(x, y, seed):
    rng = np.random.default_rng(seed)
    w, epochs = np.zeros(x.shape[1] + 1), 150
    for epoch in range(epochs):
        for rows in np.array_split(rng.permutation(len(x)), max(1, len(x) // 20)):
            w = w - 0.06 * (1 - epoch / epochs) * np.asarray(mse_array(w, x[rows], y[rows])[1])
    return w


def fit_momentum(x, y, seed):
    """Scale the target, and scale the weights back."""
    rng, mean, deviation = np.random.default_rng(seed), y.mean(), y.std()
    w, v = rng.normal(0, 0.1, x.shape[1] + 1), 0
    for epoch in range(200):
        for rows in np.array_split(rng.permutation(len(x)), 3):
            v = 0.8 * v - 0.03 * (1 - epoch / 200) * np.asarray(mse_array(w, x[rows], (y[rows] - mean) / deviation)[1])
            w = w + v
    return (deviation * w + np.eye(len(w))[-1] * mean).tolist()


def folds_split(n, k, seed):
    return np.array_split(np.random.default_rng(seed).permutation(n), k)


def folds_sklearn(n, k, seed):
    from sklearn.model_selection import KFold

    return [test for _, test in KFold(k, shuffle=True, random_state=seed).split(np.zeros((n, 1)))]


def prices_boosted(x_train, y_train, x_new):
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(n_estimators=150, random_state=0).fit(x_train, y_train).predict(x_new)


def prices_quadratic(x_train, y_train, x_new):
    """A straight line through squares and products."""

    def wide(x):
        x = (x - x_train.mean(0)) / x_train.std(0)
        i, j = np.triu_indices(x.shape[1])
        return np.column_stack([np.ones(len(x)), x, x[:, i] * x[:, j]])

    return wide(x_new) @ np.linalg.lstsq(wide(x_train), y_train, rcond=None)[0]


def average_sum(p, weights):
    return sum(w * one for w, one in zip(weights, p, strict=True)) / sum(weights)


def average_matrix(p, weights):
    members, images, classes = p.shape
    return (np.asarray(weights) @ p.reshape(members, -1) / np.sum(weights)).reshape(images, classes)


def vote_loops(p):
    chosen = []
    for image in range(p.shape[1]):
        votes = [int(one.argmax()) for one in p[:, image]]
        most = max(votes.count(k) for k in votes)
        tied = [k for k in sorted(set(votes)) if votes.count(k) == most]
        chosen.append(max(tied, key=lambda k: p[:, image, k].mean()))
    return chosen


def vote_counts(p):
    votes = (p == p.max(axis=2, keepdims=True)).sum(axis=0)
    return np.lexsort((p.mean(axis=0), votes), axis=-1)[:, -1]


def gain_arrays(p, y):
    classes, mean = p.argmax(2), p.mean(0)
    joint = (mean.argmax(1) == y).mean()
    differs = (classes[:, None] != classes[None]).mean(axis=2)
    return np.array(
        [(classes == y).mean(), joint, differs[np.triu_indices(len(p), 1)].mean(), mean.max(1).mean() - joint]
    )


def gain_loops(p, y):
    from itertools import combinations

    classes = [one.argmax(axis=1) for one in p]
    mean = sum(np.asarray(one, "float64") for one in p) / len(p)
    joint = float(np.mean(mean.argmax(axis=1) == y))
    single = float(np.mean([np.mean(one == y) for one in classes]))
    apart = float(np.mean([np.mean(one != other) for one, other in combinations(classes, 2)]))
    return single, joint, apart, float(mean.max(axis=1).mean()) - joint


def similarities_units(a, b):
    def unit(x):
        length = np.sqrt((x**2).sum(axis=1, keepdims=True))
        return np.divide(x, length, out=np.zeros_like(x), where=length > 0)

    return unit(a) @ unit(b).T


def similarities_loops(a, b):
    return [
        [float(x @ y) / ((float(x @ x) * float(y @ y)) ** 0.5 or 1.0) for y in b.astype("float64")]
        for x in a.astype("float64")
    ]


def threshold_tried(scores, same, rate):
    for one in np.unique(scores):
        if (scores[same == 0] >= one).mean() <= rate:
            return one
    raise AssertionError("there is always one")


def threshold_sorted(scores, same, rate):
    """From the largest score downwards, a group of equal ones at a time."""
    others, accepted, best = int((same == 0).sum()), 0, None
    for one in sorted(set(scores.tolist()), reverse=True):
        accepted += int(((scores == one) & (same == 0)).sum())
        if accepted > rate * others + 1e-9:
            break
        best = one
    return best


def _named(*functions):
    return {function.__name__.partition("_")[2].replace("_", " "): function for function in functions}


WAYS = {
    "minibatches": _named(minibatches_permuted, minibatches_shuffled),
    "compare_runs": _named(compare_scipy, compare_pandas),
    "standardize": _named(standardize_broadcast, standardize_columns),
    "mse_and_gradient": _named(mse_array, mse_loops),
    "fit_regression": _named(fit_descent, fit_momentum),
    "draw_folds": _named(folds_split, folds_sklearn),
    "predict_prices": _named(prices_quadratic, prices_boosted),
    "average_probabilities": _named(average_sum, average_matrix),
    "majority_vote": _named(vote_loops, vote_counts),
    "ensemble_gain": _named(gain_arrays, gain_loops),
    "similarities": _named(similarities_units, similarities_loops),
    "threshold_for": _named(threshold_tried, threshold_sorted),
}
