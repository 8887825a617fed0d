"""The course's own answers to compare with. Each hands its work to scikit-learn, SciPy, pandas or TensorFlow.

Where a student returns a tuple, the answer here is one vector of the same numbers.
"""

from __future__ import annotations

import numpy as np

#: Below this probability a difference is no longer put down to chance.
LEVEL = 0.05


def compare_runs(runs_a, runs_b):
    """Return the mean difference of two networks' accuracies, t and p of the paired test, and which one is better.

    Parameters
    ----------
    runs_a, runs_b : array, shape [N, 2]
        Seed and accuracy of each run.

    Returns
    -------
    array of float64, shape [4]
        The last number is 1 where a is better, -1 where b is, and 0 where that may be chance.
    """
    import pandas as pd
    from scipy import stats

    a, b = (pd.Series(runs[:, 1], index=runs[:, 0].astype(int)) for runs in (runs_a, runs_b))
    both = pd.concat([a, b], axis=1, join="inner").to_numpy()
    gaps = both[:, 0] - both[:, 1]
    if not gaps.any():
        return np.array([0.0, 0.0, 1.0, 0.0])
    found = stats.ttest_1samp(gaps, 0.0)
    return np.array([gaps.mean(), found.statistic, found.pvalue, np.sign(gaps.mean()) * (found.pvalue < LEVEL)])


def standardize(x_train, x):
    """Return rows on the scale of the training rows.

    Parameters
    ----------
    x_train : array, shape [N, D]
    x : array, shape [M, D]

    Returns
    -------
    array of float64, shape [M, D]
    """
    from sklearn.preprocessing import StandardScaler

    return StandardScaler().fit(np.asarray(x_train, "float64")).transform(np.asarray(x, "float64"))


def mse_and_gradient(w, x, y):
    """Return the mean squared error of a linear prediction, and its gradient, in one vector.

    Parameters
    ----------
    w : array, shape [D + 1]
        The weights, and the intercept last.
    x : array, shape [N, D]
    y : array, shape [N] or [N, 1]

    Returns
    -------
    array of float64, shape [D + 2]
    """
    import tensorflow as tf

    inputs = np.column_stack([np.asarray(x, "float64"), np.ones(len(x))])
    weights = tf.Variable(np.asarray(w, "float64")[:, None])
    with tf.GradientTape() as tape:
        error = tf.reduce_mean(tf.math.squared_difference(inputs @ weights, np.asarray(y, "float64").reshape(-1, 1)))
    return np.concatenate([[error.numpy()], tape.gradient(error, weights).numpy()[:, 0]])


def average_probabilities(p, weights):
    """Return the weighted average of what several networks say.

    Parameters
    ----------
    p : array, shape [M, N, K]
    weights : array, shape [M]

    Returns
    -------
    array of float64, shape [N, K]
    """
    return np.average(np.asarray(p, "float64"), axis=0, weights=np.asarray(weights, "float64"))


def majority_vote(p):
    """Return the class that most networks choose; of tied ones that with the larger average probability.

    Parameters
    ----------
    p : array, shape [M, N, K]

    Returns
    -------
    array of float64, shape [N]
    """
    import keras

    p = np.asarray(p, "float64")
    counts = keras.utils.to_categorical(p.argmax(axis=-1), p.shape[-1]).astype("float64").sum(axis=0)
    # An average is at most 1, so half of it decides among equal counts alone.
    return (counts + p.mean(axis=0) / 2).argmax(axis=-1).astype("float64")


def ensemble_gain(p, y):
    """Return the members' mean accuracy, that of their average, how often two differ, and how sure the average is.

    Parameters
    ----------
    p : array, shape [M, N, K]
    y : array of int, shape [N]

    Returns
    -------
    array of float64, shape [4]
        The last number is the mean of the largest probabilities of the average, less its accuracy.
    """
    from scipy.spatial.distance import pdist
    from sklearn.metrics import accuracy_score

    p = np.asarray(p, "float64")
    classes, average = p.argmax(axis=-1), p.mean(axis=0)
    members = float(np.mean([accuracy_score(y, one) for one in classes]))
    together = float(accuracy_score(y, average.argmax(axis=-1)))
    return np.array([members, together, pdist(classes, "hamming").mean(), average.max(axis=-1).mean() - together])


def similarities(a, b):
    """Return the cosine between each embedding of one kind and each of another.

    Parameters
    ----------
    a : array, shape [N, E]
    b : array, shape [M, E]

    Returns
    -------
    array of float64, shape [N, M]
    """
    from sklearn.metrics.pairwise import cosine_similarity

    return cosine_similarity(np.asarray(a, "float64"), np.asarray(b, "float64"))


def threshold_for(scores, same, rate):
    """Return the smallest score from which on at most a part of the pairs that do not match is accepted.

    Parameters
    ----------
    scores : array, shape [N]
    same : array of 0 and 1, shape [N]
    rate : float

    Returns
    -------
    float
    """
    others = np.sort(scores[np.asarray(same) == 0])
    candidates = np.unique(scores)
    accepted = len(others) - np.searchsorted(others, candidates, side="left")
    return float(candidates[accepted <= rate * len(others) + 1e-9].min())
