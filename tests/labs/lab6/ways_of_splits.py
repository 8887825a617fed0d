"""Right ways to split images so that twins stay together: by how these are found, shuffled and chosen."""

import collections
import hashlib
import itertools
import random

import numpy as np


def split_by_key(images, seed):
    keys = [min(v.tobytes() for v in (x, x[:, ::-1], x[::-1], x[::-1, ::-1])) for x in images]
    known = sorted(set(keys))
    order = np.random.default_rng(seed).permutation(len(known))
    of = {known[k]: place for place, k in enumerate(order)}
    group = np.array([of[key] for key in keys])
    last = next(n for n in range(len(known) + 1) if np.sum(group < n) >= len(images) / 5)
    return np.flatnonzero(group >= last), np.flatnonzero(group < last)


def split_pairwise(images, seed):
    """Compare every image with all chosen so far; lists come back."""
    rng = np.random.RandomState(seed)
    order = rng.permutation(len(images))
    valid = []
    for k in order:
        if k in valid or len(valid) >= len(images) / 5:
            continue
        for j in range(len(images)):
            views = (images[j], images[j][::-1], images[j][:, ::-1], images[j][::-1, ::-1])
            if any(np.array_equal(images[k], view) for view in views):
                valid.append(j)
    return [k for k in range(len(images)) if k not in valid], [int(k) for k in valid]


def split_defaultdict(images, seed):
    groups = collections.defaultdict(list)
    for k, x in enumerate(images):
        groups[frozenset([x.tobytes(), x[::-1].tobytes(), x[:, ::-1].tobytes(), x[::-1, ::-1].tobytes()])].append(k)
    members = list(groups.values())
    np.random.default_rng(seed).shuffle(members)
    valid = []
    while len(valid) * 5 < len(images):
        valid.extend(members.pop())
    return np.array([k for group in members for k in group]), np.array(valid)


def split_inverse(images, seed):
    """Groups as numpy.unique numbers them, and their sizes added up."""
    keys = np.array([min(v.tobytes().hex() for v in (x, np.fliplr(x), np.flipud(x), np.rot90(x, 2))) for x in images])
    _, group, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    enough = np.argmax(np.cumsum(sizes[order]) >= len(images) / 5) + 1
    chosen = np.isin(group, order[:enough])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def split_union(images, seed):
    """Each image has the number of the first that it is a twin of."""
    first = np.arange(len(images))
    for k in range(len(images)):
        for j in range(k):
            x = images[j]
            if any(np.array_equal(images[k], np.flip(x, axes)) for axes in ((), (0,), (1,), (0, 1))):
                first[k] = first[j]
                break
    groups = np.unique(first)
    rng = np.random.default_rng(seed)
    rng.shuffle(groups)
    taken = np.zeros(len(images), dtype=bool)
    for group in groups:
        if taken.sum() >= len(images) / 5:
            break
        taken |= first == group
    return np.where(~taken)[0], np.where(taken)[0]


def split_hashed(images, seed):
    def digest(x):
        return hashlib.sha256(np.ascontiguousarray(x)).hexdigest()

    names = ["".join(sorted(map(digest, (x, x[::-1], x[:, ::-1], x[::-1, ::-1])))) for x in images]
    groups = [[k for k, name in enumerate(names) if name == one] for one in dict.fromkeys(names)]
    random.Random(seed).shuffle(groups)
    valid = []
    for group in groups:
        if len(valid) >= len(images) / 5:
            break
        valid += group
    return np.setdiff1d(np.arange(len(images)), valid), np.array(valid)


def split_lists(images, seed):
    keys = [min(x.tolist(), x[::-1].tolist(), x[:, ::-1].tolist(), x[::-1, ::-1].tolist()) for x in images]
    groups = []
    for k, key in enumerate(keys):
        for group in groups:
            if keys[group[0]] == key:
                group.append(k)
                break
        else:
            groups.append([k])
    order = np.random.default_rng(seed).permutation(len(groups))
    train, valid = [], []
    for number in order:
        (valid if len(valid) < len(images) / 5 else train).extend(groups[number])
    return np.array(train), np.array(valid)


def split_random_keys(images, seed):
    rng = np.random.default_rng(seed)
    groups = {}
    for k, x in enumerate(images):
        views = [v.tobytes() for v in (x, x[::-1], x[:, ::-1], x[::-1, ::-1])]
        found = next((v for v in views if v in groups), views[0])
        groups.setdefault(found, []).append(k)
    shuffled = sorted(groups.values(), key=lambda group: rng.random())
    sizes = list(itertools.accumulate(map(len, shuffled)))
    cut = next(n for n, size in enumerate(sizes, start=1) if 5 * size >= len(images))
    parts = shuffled[cut:], shuffled[:cut]
    return tuple(np.array(list(itertools.chain(*part))) for part in parts)


def split_argsort(images, seed):
    keys = np.array([max(v.tobytes().hex() for v in (x, x[::-1], x[:, ::-1], x[::-1, ::-1])) for x in images])
    known, group = np.unique(keys, return_inverse=True)
    place = np.argsort(np.argsort(np.random.default_rng(seed).random(len(known))))[group]
    order = np.argsort(place, kind="stable")
    needed = -(-len(images) // 5)
    last = place[order[needed - 1]]
    return order[place[order] > last], order[place[order] <= last]


def split_choice(images, seed):
    groups = {}
    for k, x in enumerate(images):
        key = min(np.flip(x, axes).tobytes() for axes in ((), 0, 1, (0, 1)))
        groups[key] = [*groups.get(key, []), k]
    groups = list(groups.values())
    valid = np.array([], dtype=int)
    for number in np.random.default_rng(seed).choice(len(groups), len(groups), replace=False):
        if valid.size < 0.2 * len(images):
            valid = np.append(valid, groups[number])
    return np.delete(np.arange(len(images)), valid), valid


def split_deque(images, seed):
    waiting = collections.deque(np.random.RandomState(seed).permutation(len(images)).tolist())
    valid, train = [], []
    while waiting:
        x = images[waiting[0]]
        views = {x.tobytes(), x[::-1].tobytes(), x[:, ::-1].tobytes(), x[::-1, ::-1].tobytes()}
        twins = [k for k in waiting if images[k].tobytes() in views]
        waiting = collections.deque(k for k in waiting if k not in twins)
        if len(valid) < len(images) / 5:
            valid += twins
        else:
            train += twins
    return np.array(train), np.array(valid)


def split_recursive(images, seed):
    def take(groups, needed):
        if needed <= 0:
            return []
        return groups[0] + take(groups[1:], needed - len(groups[0]))

    groups = {}
    for k, x in enumerate(images):
        groups.setdefault(min(v.tobytes() for v in (x, x[::-1], x[:, ::-1], x[::-1, ::-1])), []).append(k)
    keys = list(groups)
    random.Random(seed).shuffle(keys)
    valid = take([groups[key] for key in keys], len(images) / 5)
    return np.array(sorted(set(range(len(images))) - set(valid))), np.array(valid)


def split_matrix(images, seed):
    """All images against all at once, in each of four views."""
    flat = images.reshape(len(images), -1)
    views = (images, images[:, ::-1], images[:, :, ::-1], images[:, ::-1, ::-1])
    same = sum((flat[:, None] == view.reshape(1, len(images), -1)).all(axis=2) for view in views) > 0
    group = same.argmax(axis=1)
    order = np.random.default_rng(seed).permutation(np.unique(group))
    chosen = np.zeros(len(images), bool)
    for number in order:
        chosen[group == number] |= chosen.sum() < len(images) / 5
    return np.flatnonzero(np.logical_not(chosen)), np.flatnonzero(chosen)


def split_components(images, seed):
    from scipy.sparse.csgraph import connected_components

    of = {}
    for k, x in enumerate(images):
        of.setdefault(x.tobytes(), k)
    links = np.zeros((len(images), len(images)))
    for k, x in enumerate(images):
        for view in (x, x[::-1], x[:, ::-1], x[::-1, ::-1]):
            links[k, of.get(view.tobytes(), k)] = 1
    count, group = connected_components(links, directed=False)
    sizes = np.bincount(group)
    valid, have = [], 0
    for number in np.random.default_rng(seed).permutation(count):
        if have < len(images) / 5:
            valid.append(number)
            have += sizes[number]
    inside = np.isin(group, valid)
    return np.nonzero(~inside)[0], np.nonzero(inside)[0]


def split_pandas(images, seed):
    import pandas as pd

    keys = pd.Series([min(v.tobytes() for v in (x, x[::-1], x[:, ::-1], x[::-1, ::-1])) for x in images])
    group = pd.Series(pd.factorize(keys)[0])
    sizes = group.value_counts().sample(frac=1, random_state=seed)
    before = sizes.cumsum() - sizes
    chosen = group.isin(sizes.index[before < len(images) / 5])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def split_legacy(images, seed):
    np.random.seed(seed)
    groups = {}
    for k, x in enumerate(images):
        groups.setdefault(min(np.array(v).tobytes() for v in (x, x[::-1], x[:, ::-1], x[::-1, ::-1])), set()).add(k)
    numbers = np.random.permutation(len(groups))
    members = list(groups.values())
    valid = set()
    for number in numbers:
        valid |= members[number] if len(valid) < len(images) / 5 else set()
    return np.array(list(set(range(len(images))) - valid)), np.array(list(valid))


def split_generator(images, seed):
    def groups():
        seen = set()
        for k in np.random.default_rng(seed).permutation(len(images)):
            if k in seen:
                continue
            x = images[k]
            twins = [
                j
                for j, y in enumerate(images)
                if any((x == view).all() for view in (y, y[::-1], y[:, ::-1], y[::-1, ::-1]))
            ]
            seen.update(twins)
            yield twins

    valid = []
    for group in groups():
        valid += group
        if len(valid) >= len(images) / 5:
            break
    return np.array([k for k in range(len(images)) if k not in set(valid)]), np.array(valid)


def split_train_first(images, seed):
    """Fill the training images from the end of an order, as long as enough is left."""
    groups = {}
    for k, x in enumerate(images):
        groups.setdefault(min(v.tobytes() for v in (x, x[::-1], x[:, ::-1], x[::-1, ::-1])), []).append(k)
    order = [list(groups.values())[n] for n in np.random.default_rng(seed).permutation(len(groups))]
    train = []
    while 5 * (len(images) - len(train) - len(order[-1])) >= len(images):
        train += order.pop()
    return np.array(train), np.concatenate(order)


def split_heap(images, seed):
    import heapq

    rng = np.random.default_rng(seed)
    groups = {}
    for k, x in enumerate(images):
        code = sorted(v.tobytes() for v in (x, x[::-1], x[:, ::-1], x[::-1, ::-1]))
        groups.setdefault(code[0], []).append(k)
    heap = [(rng.random(), group) for group in groups.values()]
    heapq.heapify(heap)
    valid = []
    while len(valid) < len(images) / 5:
        valid.extend(heapq.heappop(heap)[1])
    train = [k for _, group in heap for k in group]
    return np.sort(train), np.sort(valid)


def split_rows(images, seed):
    """The smallest view of each image as a row of numbers."""

    def smallest(x):
        return min(tuple(v.ravel()) for v in (x, x[::-1], x[:, ::-1], x[::-1, ::-1]))

    _, group = np.unique([smallest(x) for x in images], axis=0, return_inverse=True)
    group = group.ravel()
    shuffled = np.random.default_rng(seed).permutation(group.max() + 1)[group]
    for bound in range(1, len(images) + 1):
        valid = np.flatnonzero(shuffled < bound)
        if len(valid) >= len(images) / 5:
            return np.flatnonzero(shuffled >= bound), valid


def split_flags(images, seed):
    keys = {}
    side = [None] * len(images)
    for k, x in enumerate(images):
        keys.setdefault(min(v.tobytes() for v in (x, x[::-1], x[:, ::-1], x[::-1, ::-1])), []).append(k)
    names = sorted(keys)
    random.Random(int(seed)).shuffle(names)
    for name in names:
        enough = side.count("valid") >= len(images) / 5
        for k in keys[name]:
            side[k] = "train" if enough else "valid"
    return [k for k, one in enumerate(side) if one == "train"], [k for k, one in enumerate(side) if one == "valid"]


WAYS = {
    name.removeprefix("split_").replace("_", " "): way
    for name, way in list(globals().items())
    if name.startswith("split_")
}
