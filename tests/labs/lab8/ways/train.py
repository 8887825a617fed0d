"""Ways to write ``train_network``, and a forward pass of the network."""

import copy

import numpy as np


def of_layer(kind, h, layer):
    if kind == "relu":
        return np.maximum(h, 0)
    if kind == "sigmoid":
        return 1 / (1 + np.exp(-h))
    if kind == "flatten":
        return h.reshape(len(h), -1)
    if kind == "pool2d":
        N, Y, X, C = h.shape
        return h[:, : Y // 2 * 2, : X // 2 * 2].reshape(N, Y // 2, 2, X // 2, 2, C).max(axis=(2, 4))
    W, b = layer["W"], layer["b"]
    if kind == "dense":
        return h @ W.T + b
    R, S = W.shape[:2]
    wide = np.pad(h, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    return sum(wide[:, r : r + h.shape[1], s : s + h.shape[2]] @ W[r, s] for r, s in np.ndindex(R, S)) + b


def gradients_of(layers, x, t, around):
    """Return the gradients by weights and biases of each layer; ``around`` holds the backward passes."""
    inputs = [x]
    for one in layers:
        inputs.append(of_layer(one["kind"], inputs[-1], one))
    gradient = around["softmax_cross_entropy_backward"](inputs.pop(), t)
    found = []
    for one in layers[::-1]:
        h, kind = inputs.pop(), one["kind"]
        if kind == "flatten":
            gradient, own = gradient.reshape(h.shape), ()
        elif "W" in one:
            gradient, *own = around[f"{kind}_backward"](gradient, h, one["W"])
        else:
            gradient, own = around[f"{kind}_backward"](gradient, h), ()
        found.append(dict(zip("Wb", own, strict=False)))
    return found[::-1]


def trained_with(around):
    """Return ways to train with some backward passes."""

    def shuffled_slices(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
        layers = copy.deepcopy(layers)
        velocities = [{name: np.zeros_like(one[name]) for name in "Wb" if name in one} for one in layers]
        classes = len(layers[-1]["b"])
        for _ in range(epochs):
            order = rng.permutation(len(x))
            for start in range(0, len(x), batch_size):
                rows = order[start : start + batch_size]
                for one, v, g in zip(
                    layers, velocities, gradients_of(layers, x[rows], np.eye(classes)[y[rows]], around), strict=True
                ):
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
                for k, g in enumerate(gradients_of(layers, x[rows], t[rows], around)):
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
                for one, speed, g in zip(layers, speeds, gradients_of(layers, x[rows], t[rows], around), strict=True):
                    for name in g:
                        speed[name] = momentum * speed.get(name, 0.0) - learning_rate * g[name]
                        one[name] += speed[name]
        return tuple(layers)

    return {"shuffled slices": shuffled_slices, "arrays split": arrays_split, "by draws": by_draws}
