"""Ways to write ``train_network``. Each gets the gradients of a batch from ``slopes_of``."""

import copy

import numpy as np

from tests.labs.lab8.ways.train import slopes_of


def shuffled_slices(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    layers = copy.deepcopy(layers)
    velocities = [{name: np.zeros_like(one[name]) for name in "Wb" if name in one} for one in layers]
    classes = len(layers[-1]["b"])
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            for one, v, g in zip(layers, velocities, slopes_of(layers, x[rows], np.eye(classes)[y[rows]]), strict=True):
                for name in v:
                    v[name] = momentum * v[name] - learning_rate * g[name]
                    one[name] = one[name] + v[name]
    return layers


def arrays_split(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    layers = [dict(one) for one in layers]
    t = np.eye(len(layers[-1]["b"]))[y]
    kept = {}
    for _ in range(epochs):
        order = np.arange(len(x))
        rng.shuffle(order)
        for rows in np.split(order, range(batch_size, len(x), batch_size)):
            for k, g in enumerate(slopes_of(layers, x[rows], t[rows])):
                for name, value in g.items():
                    kept[k, name] = momentum * kept.get((k, name), 0) + value
                    layers[k][name] = layers[k][name] - learning_rate * kept[k, name]
    return layers


def by_draws(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    layers = copy.deepcopy(list(layers))
    speeds = [{} for _ in layers]
    t = (y[:, None] == np.arange(layers[-1]["b"].shape[0])).astype("float32")
    for _ in range(epochs):
        left = list(np.argsort(rng.random(len(x))))
        while left:
            rows, left = left[:batch_size], left[batch_size:]
            for one, speed, g in zip(layers, speeds, slopes_of(layers, x[rows], t[rows]), strict=True):
                for name in g:
                    speed[name] = momentum * speed.get(name, 0.0) - learning_rate * g[name]
                    one[name] += speed[name]
    return tuple(layers)


def shuffled_copies(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net = copy.deepcopy(layers)
    t = np.eye(net[-1]["W"].shape[0])[y]
    v = [dict.fromkeys(("W", "b"), 0.0) for _ in net]
    for _ in range(epochs):
        p = rng.permutation(x.shape[0])
        xs, ts = x[p], t[p]
        for i in range(0, x.shape[0], batch_size):
            g = slopes_of(net, xs[i : i + batch_size], ts[i : i + batch_size])
            for k in range(len(net)):
                for n in g[k]:
                    v[k][n] = momentum * v[k][n] - learning_rate * g[k][n]
                    net[k][n] = net[k][n] + v[k][n]
    return net


def counted_batches(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net = [{key: np.array(value) if key != "kind" else value for key, value in one.items()} for one in layers]
    v = [{key: 0 * value for key, value in one.items() if key != "kind"} for one in net]
    count = (len(x) + batch_size - 1) // batch_size
    for _ in range(epochs):
        p = rng.permutation(len(x))
        for k in range(count):
            rows = p[k * batch_size : (k + 1) * batch_size]
            t = np.zeros((len(rows), len(net[-1]["b"])))
            t[np.arange(len(rows)), y[rows]] = 1
            for one, speed, g in zip(net, v, slopes_of(net, x[rows], t), strict=True):
                for key in speed:
                    speed[key] = momentum * speed[key] - learning_rate * g[key]
                    one[key] += speed[key]
    return net


def with_ceil(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net, v = copy.deepcopy(layers), {}
    t = np.eye(len(net[-1]["b"]))[y]
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for k in range(int(np.ceil(len(x) / batch_size))):
            rows = order[batch_size * k : batch_size * (k + 1)]
            for place, g in enumerate(slopes_of(net, x[rows], t[rows])):
                for name in g:
                    v[place, name] = momentum * v.get((place, name), 0) - learning_rate * g[name]
                    net[place][name] = net[place][name] + v[place, name]
    return net


def while_loops(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net = copy.deepcopy(layers)
    v = [{name: np.zeros(one[name].shape) for name in one if name != "kind"} for one in net]
    epoch = 0
    while epoch < epochs:
        order = rng.permutation(len(x))
        start = 0
        while start < len(order):
            rows = order[start : start + batch_size]
            g = slopes_of(net, x[rows], np.eye(len(net[-1]["b"]))[y[rows]])
            for k, one in enumerate(net):
                for name in v[k]:
                    v[k][name] = v[k][name] * momentum - g[k][name] * learning_rate
                    one[name] = one[name] + v[k][name]
            start += batch_size
        epoch += 1
    return net


def velocity_of_gradients(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    """The learning rate comes in at the end, which is the same for a rate that stays."""
    net = copy.deepcopy(layers)
    v = [dict.fromkeys(("W", "b"), 0.0) for _ in net]
    t = np.eye(len(net[-1]["b"]))[y]
    for _ in range(epochs):
        rows_in_turn = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = rows_in_turn[start : start + batch_size]
            for one, speed, g in zip(net, v, slopes_of(net, x[rows], t[rows]), strict=True):
                for name, slope in g.items():
                    speed[name] = momentum * speed[name] + slope
                    one[name] = one[name] - learning_rate * speed[name]
    return net


def steps_as_function(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net = copy.deepcopy(layers)
    t = np.eye(len(net[-1]["b"]))[y]
    v = {}

    def step(rows):
        for k, g in enumerate(slopes_of(net, x[rows], t[rows])):
            for name, slope in g.items():
                v[k, name] = momentum * v.get((k, name), 0.0) - learning_rate * slope
                net[k][name] = net[k][name] + v[k, name]

    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            step(order[start : start + batch_size])
    return net


def batches_listed(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net, v = copy.deepcopy(layers), {}
    t = np.eye(len(net[-1]["b"]))[y]
    batches = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        batches += [order[start : start + batch_size] for start in range(0, len(x), batch_size)]
    for rows in batches:
        for k, g in enumerate(slopes_of(net, x[rows], t[rows])):
            for name in g:
                v[k, name] = momentum * v.get((k, name), 0.0) - learning_rate * g[name]
                net[k][name] = net[k][name] + v[k, name]
    return net


def order_kept_and_shuffled(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    """One array of numbers, shuffled again and again."""
    net = copy.deepcopy(layers)
    v = [{name: 0.0 for name in one if name != "kind"} for one in net]
    t = np.eye(len(net[-1]["b"]))[y]
    order = list(range(len(x)))
    for _ in range(epochs):
        rng.shuffle(order)
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            for one, speed, g in zip(net, v, slopes_of(net, x[rows], t[rows]), strict=True):
                for name in speed:
                    speed[name] = momentum * speed[name] - learning_rate * g[name]
                    one[name] = one[name] + speed[name]
    return net


def by_choice(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net, v = copy.deepcopy(layers), {}
    t = np.eye(len(net[-1]["b"]))[y]
    for _ in range(epochs):
        order = rng.choice(len(x), len(x), replace=False)
        for start in range(0, len(x), batch_size):
            rows = order[start : min(start + batch_size, len(x))]
            for k, g in enumerate(slopes_of(net, x[rows], t[rows])):
                for name in g:
                    v[k, name] = momentum * v.get((k, name), 0.0) - learning_rate * g[name]
                    net[k][name] = net[k][name] + v[k, name]
    return net


def in_one_loop(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    """All steps are counted through; the order is drawn where an epoch begins."""
    net, v = copy.deepcopy(layers), {}
    t = np.eye(len(net[-1]["b"]))[y]
    steps = -(-len(x) // batch_size)
    for step in range(epochs * steps):
        if step % steps == 0:
            order = rng.permutation(len(x))
        rows = order[step % steps * batch_size :][:batch_size]
        for k, g in enumerate(slopes_of(net, x[rows], t[rows])):
            for name in g:
                v[k, name] = momentum * v.get((k, name), 0.0) - learning_rate * g[name]
                net[k][name] = net[k][name] + v[k, name]
    return net


def only_layers_with_weights(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net = copy.deepcopy(layers)
    learned = [k for k, one in enumerate(net) if "W" in one]
    v = {k: [np.zeros_like(net[k]["W"]), np.zeros_like(net[k]["b"])] for k in learned}
    t = np.eye(len(net[-1]["b"]))[y]
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            g = slopes_of(net, x[rows], t[rows])
            for k in learned:
                v[k][0] = momentum * v[k][0] - learning_rate * g[k]["W"]
                v[k][1] = momentum * v[k][1] - learning_rate * g[k]["b"]
                net[k]["W"] = net[k]["W"] + v[k][0]
                net[k]["b"] = net[k]["b"] + v[k][1]
    return net


def new_layers_for_each_step(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net = list(layers)
    v = [{} for _ in net]
    t = np.eye(len(net[-1]["b"]))[y]
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            g = slopes_of(net, x[rows], t[rows])
            v = [
                {name: momentum * old.get(name, 0.0) - learning_rate * slope for name, slope in new.items()}
                for old, new in zip(v, g, strict=True)
            ]
            net = [one | {name: one[name] + speed[name] for name in speed} for one, speed in zip(net, v, strict=True)]
    return net


def split_in_equal_parts(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    """Whole batches first, then the rest."""
    net, v = copy.deepcopy(layers), {}
    t = np.eye(len(net[-1]["b"]))[y]
    whole = len(x) // batch_size * batch_size
    for _ in range(epochs):
        order = rng.permutation(len(x))
        batches = list(order[:whole].reshape(-1, batch_size))
        if whole < len(x):
            batches.append(order[whole:])
        for rows in batches:
            for k, g in enumerate(slopes_of(net, x[rows], t[rows])):
                for name in g:
                    v[k, name] = momentum * v.get((k, name), 0.0) - learning_rate * g[name]
                    net[k][name] = net[k][name] + v[k, name]
    return net


def by_masks(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    """Each image is told the number of its batch."""
    net, v = copy.deepcopy(layers), {}
    t = np.eye(len(net[-1]["b"]))[y]
    for _ in range(epochs):
        batch = rng.permutation(len(x)) // batch_size
        for number in range(batch.max() + 1):
            rows = batch == number
            for k, g in enumerate(slopes_of(net, x[rows], t[rows])):
                for name in g:
                    v[k, name] = momentum * v.get((k, name), 0.0) - learning_rate * g[name]
                    net[k][name] = net[k][name] + v[k, name]
    return net


def zipped_velocities(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net = [dict(one) for one in layers]
    places = [(one, name) for one in net for name in one if name != "kind"]
    speeds = [np.zeros(np.shape(one[name])) for one, name in places]
    t = np.eye(len(net[-1]["b"]))[y]
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            slopes = [g[name] for g in slopes_of(net, x[rows], t[rows]) for name in ("W", "b") if name in g]
            speeds = [momentum * speed - learning_rate * slope for speed, slope in zip(speeds, slopes, strict=True)]
            for (one, name), speed in zip(places, speeds, strict=True):
                one[name] = one[name] + speed
    return net


def restored_from_last_change(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    """The velocity is what the last step added."""
    net, before = copy.deepcopy(layers), copy.deepcopy(layers)
    t = np.eye(len(net[-1]["b"]))[y]
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            for one, old, g in zip(net, before, slopes_of(net, x[rows], t[rows]), strict=True):
                for name in g:
                    last = one[name] - old[name]
                    old[name] = one[name]
                    one[name] = one[name] + momentum * last - learning_rate * g[name]
    return net


def popped(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    net, v = copy.deepcopy(layers), {}
    t = np.eye(len(net[-1]["b"]))[y]
    for _ in range(epochs):
        left = rng.permutation(len(x)).tolist()
        while left:
            rows = [left.pop() for _ in range(min(batch_size, len(left)))]
            for k, g in enumerate(slopes_of(net, x[rows], t[rows])):
                for name in g:
                    v[k, name] = momentum * v.get((k, name), 0.0) - learning_rate * g[name]
                    net[k][name] = net[k][name] + v[k, name]
    return net
