"""More right ways to cut rows into batches and into folds: each small change is a fault to be found."""

import itertools

import numpy as np

# Batches.


def minibatches_comprehension(n, size, rng):
    order = rng.permutation(n)
    return [order[k : k + size] for k in range(0, n, size)]


def minibatches_loop(n, size, rng):
    order, batches = rng.permutation(n), []
    for start in range(0, n, size):
        batches.append(order[start : start + size])
    return batches


def minibatches_starts(n, size, rng):
    order, batches = rng.permutation(n), []
    for start in range(n):
        if start % size == 0:
            batches.append(order[start : min(start + size, n)])
    return batches


def minibatches_cut_off(n, size, rng):
    left, batches = rng.permutation(n), []
    for _ in range((n + size - 1) // size):
        batches.append(left[:size])
        left = left[size:]
    return batches


def minibatches_ceiling(n, size, rng):
    order = rng.permutation(n)
    count = -(-n // size)
    return [order[k * size : (k + 1) * size] for k in range(count)]


def minibatches_array_split(n, size, rng):
    return np.array_split(rng.permutation(n), np.arange(size, n, size))


def minibatches_in_place(n, size, rng):
    order = np.arange(n)
    rng.shuffle(order)
    return [order[k : k + size] for k in range(0, n, size)]


def minibatches_sorted_noise(n, size, rng):
    order = np.argsort(rng.random(n))
    return [order[k : k + size] for k in range(0, len(order), size)]


def minibatches_choice(n, size, rng):
    order = rng.choice(n, n, replace=False)
    return np.split(order, range(size, n, size))


def minibatches_permuted_axis(n, size, rng):
    order = rng.permuted(np.arange(n))
    return list(np.split(order, np.arange(size, n, size)))


def minibatches_zipped(n, size, rng):
    rows = iter(rng.permutation(n).tolist())
    groups = itertools.zip_longest(*[rows] * size)
    return [np.array([row for row in group if row is not None]) for group in groups]


def minibatches_full_and_rest(n, size, rng):
    order = rng.permutation(n)
    full = n - n % size
    batches = list(order[:full].reshape(-1, size))
    if full < n:
        batches.append(order[full:])
    return batches


def minibatches_buffer(n, size, rng):
    batches, batch = [], []
    for row in rng.permutation(n):
        batch.append(row)
        if len(batch) == size:
            batches.append(np.array(batch))
            batch = []
    if batch:
        batches.append(np.array(batch))
    return batches


def minibatches_popped(n, size, rng):
    left = rng.permutation(n).tolist()
    return [np.array([left.pop() for _ in range(min(size, n - start))]) for start in range(0, n, size)]


def minibatches_numbers(n, size, rng):
    number = np.arange(n) // size
    order = rng.permutation(n)
    return [order[number == k] for k in range(number[-1] + 1)]


def minibatches_assigned(n, size, rng):
    """Draw for each row which batch it belongs to."""
    number = rng.permutation(np.arange(n) // size)
    return [rng.permutation(np.flatnonzero(number == k)) for k in range(number.max() + 1)]


def minibatches_sorted_within(n, size, rng):
    """Draw which rows share a batch; within a batch they are sorted."""
    order = rng.permutation(n)
    return [np.sort(order[k : k + size]) for k in range(0, n, size)]


def minibatches_generator(n, size, rng):
    def cut(order):
        for k in range(0, n, size):
            yield order[k : k + size]

    return list(cut(rng.permutation(n)))


def minibatches_padded(n, size, rng):
    order = rng.permutation(n)
    table = np.full(-(-n // size) * size, -1)
    table[:n] = order
    return [row[row >= 0] for row in table.reshape(-1, size)]


def minibatches_recursion(n, size, rng):
    def cut(order):
        return [order[:size], *cut(order[size:])] if len(order) > size else [order]

    return cut(rng.permutation(n))


# Folds.


def draw_folds_array_split(n, k, seed):
    rng = np.random.default_rng(seed)
    return np.array_split(rng.permutation(n), k)


def draw_folds_strided(n, k, seed):
    order = np.random.default_rng(seed).permutation(n)
    return [order[j::k] for j in range(k)]


def draw_folds_remainder(n, k, seed):
    number = np.random.default_rng(seed).permutation(n) % k
    return [np.flatnonzero(number == j) for j in range(k)]


def draw_folds_in_place(n, k, seed):
    rows = np.arange(n)
    np.random.default_rng(seed).shuffle(rows)
    return [rows[j::k] for j in range(k)]


def draw_folds_bounds(n, k, seed):
    rows = np.random.default_rng(seed).permutation(n)
    bounds = [round(j * n / k) for j in range(k + 1)]
    return [rows[bounds[j] : bounds[j + 1]] for j in range(k)]


def draw_folds_legacy(n, k, seed):
    order = np.random.RandomState(seed).permutation(n)
    return np.array_split(order, k)


def draw_folds_python(n, k, seed):
    import random

    rows = list(range(n))
    random.Random(seed).shuffle(rows)
    return [np.array(rows[j::k]) for j in range(k)]


def draw_folds_sizes(n, k, seed):
    order, folds, start = np.random.default_rng(seed).permutation(n), [], 0
    for j in range(k):
        size = n // k + (1 if j < n % k else 0)
        folds.append(order[start : start + size])
        start += size
    return folds


def draw_folds_dealt(n, k, seed):
    folds = [[] for _ in range(k)]
    for place, row in enumerate(np.random.default_rng(seed).permutation(n)):
        folds[place % k].append(row)
    return [np.array(fold) for fold in folds]


def draw_folds_noise(n, k, seed):
    order = np.argsort(np.random.default_rng(seed).random(n))
    return [np.sort(part) for part in np.array_split(order, k)]


def draw_folds_sklearn_indices(n, k, seed):
    from sklearn.model_selection import KFold

    folds = KFold(n_splits=k, shuffle=True, random_state=seed)
    return [held for _, held in folds.split(np.arange(n))]


def draw_folds_cumulated(n, k, seed):
    sizes = np.full(k, n // k)
    sizes[: n % k] += 1
    order = np.random.default_rng(seed).permutation(n)
    return np.split(order, np.cumsum(sizes)[:-1])


def draw_folds_repeated(n, k, seed):
    number = np.resize(np.arange(k), n)
    np.random.default_rng(seed).shuffle(number)
    return [np.nonzero(number == j)[0] for j in range(k)]


def draw_folds_popped(n, k, seed):
    left = np.random.default_rng(seed).permutation(n).tolist()
    folds = []
    for j in range(k, 0, -1):
        folds.append([left.pop() for _ in range(len(left) // j)])
    return folds


def draw_folds_tile(n, k, seed):
    number = np.tile(np.arange(k), n // k + 1)[:n]
    number = np.random.default_rng(seed).permutation(number)
    return [np.arange(n)[number == j] for j in range(k)]


def draw_folds_choice(n, k, seed):
    rng, left, folds = np.random.default_rng(seed), np.arange(n), []
    for j in range(k):
        chosen = rng.choice(left, len(left) // (k - j), replace=False)
        folds.append(chosen)
        left = np.setdiff1d(left, chosen)
    return folds


def draw_folds_sets(n, k, seed):
    order = np.random.default_rng(seed).permutation(n)
    return [np.array(sorted(set(order[j::k].tolist()))) for j in range(k)]


def draw_folds_frame(n, k, seed):
    import pandas as pd

    shuffled = pd.Series(range(n)).sample(frac=1, random_state=seed).to_numpy()
    return [shuffled[j::k] for j in range(k)]


def draw_folds_dictionary(n, k, seed):
    folds = {}
    for j, row in zip(itertools.cycle(range(k)), np.random.default_rng(seed).permutation(n), strict=False):
        folds.setdefault(j, []).append(row)
    return list(folds.values())
