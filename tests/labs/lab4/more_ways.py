"""Many more honest ways to write lab 4 than in `ways`: what the mutation score changes.

The name of a way begins with what it is of, and its end says how it goes about it.
"""

import functools
import itertools
import math
import operator
from collections import Counter

import keras
import numpy as np
from keras import layers
from scipy import sparse

# Networks. Each way is another mixture of how layers are put together.


def cnn_add_one_by_one(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    model = keras.Sequential()
    model.add(keras.Input((28, 28, 1)))
    for k in range(blocks):
        model.add(layers.Conv2D(maps * 2**k, (3, 3), padding="same"))
        if batch_norm:
            model.add(layers.BatchNormalization())
        if k < blocks - 1 and pool_first:
            model.add(layers.MaxPooling2D((2, 2), (1, 1) if k == 2 else (2, 2)))
        model.add(layers.Activation(activation))
        if k < blocks - 1 and not pool_first:
            model.add(layers.MaxPooling2D((2, 2), (1, 1) if k == 2 else (2, 2)))
        if k < blocks - 1 and dropout:
            model.add(layers.SpatialDropout2D(dropout))
    model.add(layers.Flatten())
    model.add(layers.Dense(10, "softmax"))
    return model


def cnn_strides_from_a_table(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    strides = [2, 2, 1]
    filters = [maps, 2 * maps, 4 * maps, 8 * maps]
    stack = [keras.Input((28, 28, 1))]
    for k, number in enumerate(filters[:blocks]):
        stack += [layers.Conv2D(number, 3, padding="same")]
        stack += [layers.BatchNormalization()] if batch_norm else []
        if k + 1 < blocks:
            both = [layers.Activation(activation), layers.MaxPooling2D(2, strides[k])]
            stack += both[::-1] if pool_first else both
            stack += [layers.SpatialDropout2D(dropout)] if dropout > 0 else []
        else:
            stack += [layers.Activation(activation)]
    return keras.Sequential([*stack, layers.Flatten(), layers.Dense(10), layers.Softmax()])


def cnn_doubling_as_it_goes(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    x = inputs = keras.Input((28, 28, 1))
    number, left = maps, blocks
    while left > 0:
        x = layers.Conv2D(number, 3, padding="same")(x)
        if batch_norm:
            x = layers.BatchNormalization()(x)
        left -= 1
        pool = layers.MaxPooling2D(2, 1 if x.shape[1] == 7 else 2)
        if left > 0 and pool_first:
            x = layers.Activation(activation)(pool(x))
        elif left > 0:
            x = pool(layers.Activation(activation)(x))
        else:
            x = layers.Activation(activation)(x)
        if left > 0 and dropout > 0:
            x = layers.SpatialDropout2D(dropout)(x)
        number *= 2
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))


def cnn_last_block_apart(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    def convolution(number):
        return [layers.Conv2D(number, 3, padding="same")] + [layers.BatchNormalization()] * batch_norm

    found = [keras.Input((28, 28, 1))]
    for k in range(blocks - 1):
        found += convolution(maps * 2**k)
        pair = [layers.Activation(activation), layers.MaxPooling2D(2, strides=min(2, 4 - k) if k < 2 else 1)]
        if pool_first:
            pair.reverse()
        found += pair
        if dropout > 0:
            found.append(layers.SpatialDropout2D(dropout))
    found += convolution(maps * 2 ** (blocks - 1)) + [layers.Activation(activation)]
    return keras.Sequential(found + [layers.Flatten(), layers.Dense(10, activation="softmax")])


def cnn_recursive(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    def block(x, k):
        x = layers.Conv2D(maps * 2**k, 3, padding="same")(x)
        x = layers.BatchNormalization()(x) if batch_norm else x
        if k == blocks - 1:
            return layers.Activation(activation)(x)
        steps = [layers.Activation(activation), layers.MaxPooling2D(2, strides=1 if k > 1 else 2)]
        for step in sorted(steps, key=lambda one: isinstance(one, layers.Activation) == pool_first):
            x = step(x)
        return block(layers.SpatialDropout2D(dropout)(x), k + 1)

    image = keras.Input((28, 28, 1))
    return keras.Model(image, layers.Softmax()(layers.Dense(10)(layers.Flatten()(block(image, 0)))))


def cnn_reduced(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    def grow(x, k):
        x = layers.Conv2D(maps << k, 3, 1, "same")(x)
        if batch_norm:
            x = layers.BatchNormalization()(x)
        if k == blocks - 1:
            return layers.Activation(activation)(x)
        pooling, act = layers.MaxPool2D(strides=[2, 2, 1][k]), layers.Activation(activation)
        x = act(pooling(x)) if pool_first else pooling(act(x))
        return layers.SpatialDropout2D(dropout)(x) if dropout else x

    image = keras.Input((28, 28, 1))
    maps_out = functools.reduce(grow, range(blocks), image)
    return keras.Model(image, layers.Dense(10, activation="softmax")(layers.Reshape((-1,))(maps_out)))


def cnn_padded_by_hand(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    model = [keras.Input((28, 28, 1))]
    for k in range(blocks):
        model += [layers.ZeroPadding2D((1, 1)), layers.Conv2D(maps * 2**k, 3, padding="valid")]
        if batch_norm:
            model += [layers.BatchNormalization()]
        inside = k < blocks - 1
        pool = [layers.MaxPooling2D(pool_size=2, strides=2 if k <= 1 else 1)] * inside
        act = [layers.Activation(activation)]
        model += pool + act if pool_first else act + pool
        model += [layers.SpatialDropout2D(dropout)] * (inside and dropout > 0)
    return keras.Sequential(model + [layers.Flatten(), layers.Dense(10, activation="softmax")])


def cnn_noise_shape(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    x = image = keras.Input((28, 28, 1))
    for k in range(blocks):
        number = maps * 2**k
        x = layers.Conv2D(number, 3, padding="same")(x)
        if batch_norm is True:
            x = layers.BatchNormalization(axis=3)(x)
        if k == blocks - 1:
            x = layers.Activation(activation)(x)
            continue
        if pool_first is True:
            x = layers.MaxPooling2D(2, 1 if k == 2 else 2)(x)
        x = layers.Activation(activation)(x)
        if pool_first is False:
            x = layers.MaxPooling2D(2, 1 if k == 2 else 2)(x)
        if dropout:
            x = layers.Dropout(dropout, noise_shape=(None, 1, 1, number))(x)
    return keras.Model(image, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))


def cnn_names(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    kinds = {"act": lambda: layers.Activation(activation), "pool": lambda: layers.MaxPooling2D(2, 2)}
    kinds["small"] = lambda: layers.MaxPooling2D(2, 1)
    order = []
    for k in range(1, blocks + 1):
        order.append(maps * 2 ** (k - 1))
        pool = "small" if k == 3 else "pool"
        order += ["act"] if k == blocks else [pool, "act", "drop"] if pool_first else ["act", pool, "drop"]
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for one in order:
        if isinstance(one, int):
            model.add(layers.Conv2D(one, 3, padding="same"))
            if batch_norm:
                model.add(layers.BatchNormalization())
        elif one == "drop":
            model.add(layers.SpatialDropout2D(dropout))
        else:
            model.add(kinds[one]())
    model.add(layers.Flatten())
    model.add(layers.Dense(10, activation="softmax"))
    return model


def cnn_size_decides(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    size, number = 28, maps
    parts = []
    for k in range(blocks):
        parts.append(layers.Conv2D(number, 3, padding="same"))
        if batch_norm:
            parts.append(layers.BatchNormalization())
        number = number + number
        if k + 1 == blocks:
            parts.append(layers.Activation(activation))
        else:
            stride = 2 if size % 2 == 0 else 1
            size = size // 2 if stride == 2 else size - 1
            pair = (layers.Activation(activation), layers.MaxPooling2D(2, stride))
            parts.extend(pair if not pool_first else (pair[1], pair[0]))
            if dropout > 0.0:
                parts.append(layers.SpatialDropout2D(rate=dropout))
    return keras.Sequential([keras.Input((28, 28, 1)), *parts, layers.Flatten(), layers.Dense(10), layers.Softmax()])


def cnn_activation_inside(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    x = image = keras.Input((28, 28, 1))
    for k in range(blocks):
        last = k == blocks - 1
        fused = not batch_norm and (last or not pool_first)
        x = layers.Conv2D(maps * 2**k, 3, padding="same", activation=activation if fused else None)(x)
        if batch_norm:
            x = layers.BatchNormalization()(x)
        if not last and pool_first:
            x = layers.MaxPooling2D(strides=1 if k == 2 else 2)(x)
        if not fused:
            x = layers.Activation(activation)(x)
        if not last and not pool_first:
            x = layers.MaxPooling2D(strides=1 if k == 2 else 2)(x)
        if not last and dropout:
            x = layers.SpatialDropout2D(dropout)(x)
    x = layers.Flatten()(x)
    return keras.Model(image, layers.Dense(10, activation="softmax")(x))


def cnn_slices(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    def one(k):
        convolution = [layers.Conv2D(maps * 2**k, 3, padding="same"), layers.BatchNormalization()]
        pair = [layers.Activation(activation), layers.MaxPooling2D(2, 1 + (k < 2))]
        drop = [layers.SpatialDropout2D(dropout)]
        return convolution[: 1 + batch_norm] + pair[:: -1 if pool_first else 1] + drop[: dropout > 0]

    def final(k):
        convolution = [layers.Conv2D(maps * 2**k, 3, padding="same"), layers.BatchNormalization()]
        return convolution[: 1 + batch_norm] + [layers.Activation(activation)]

    body = [layer for k in range(blocks - 1) for layer in one(k)] + final(blocks - 1)
    return keras.Sequential([keras.Input((28, 28, 1)), *body, layers.Flatten(), layers.Dense(10, activation="softmax")])


def cnn_iterators(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    layers_of_all = iter(())
    for k, stride in zip(range(blocks), (2, 2, 1, 1), strict=False):
        block = [layers.Conv2D(filters=maps * 2**k, kernel_size=3, padding="same")]
        if batch_norm:
            block.append(layers.BatchNormalization())
        if k < blocks - 1:
            block.append(layers.MaxPooling2D(2, strides=stride))
            block.insert(len(block) if pool_first else len(block) - 1, layers.Activation(activation))
            block.append(layers.SpatialDropout2D(dropout))
        else:
            block.append(layers.Activation(activation))
        layers_of_all = itertools.chain(layers_of_all, block)
    end = [layers.Flatten(), layers.Dense(units=10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers_of_all, *end])


def cnn_nested_models(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    outer = keras.Sequential([keras.Input((28, 28, 1))])
    for k in range(blocks):
        inner = keras.Sequential([layers.Conv2D(maps * 2**k, 3, padding="same")])
        if batch_norm:
            inner.add(layers.BatchNormalization())
        outer.add(inner)
        if k == blocks - 1:
            outer.add(layers.Activation(activation))
        else:
            tail = [layers.Activation(activation), layers.MaxPooling2D(2, 1 if k == 2 else 2)]
            outer.add(keras.Sequential(tail[::-1] if pool_first else tail))
            if dropout != 0:
                outer.add(layers.SpatialDropout2D(dropout))
    outer.add(keras.Sequential([layers.Flatten(), layers.Dense(10, activation="softmax")]))
    return outer


def cnn_operations(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    x = image = keras.Input((28, 28, 1))
    for k in range(blocks):
        x = layers.Conv2D(maps * 2**k, 3, padding="same")(x)
        if batch_norm:
            x = layers.BatchNormalization()(x)
        act = {"relu": keras.ops.relu, "tanh": keras.ops.tanh, "sigmoid": keras.ops.sigmoid}[activation]
        if k < blocks - 1:
            pool = layers.MaxPooling2D(2, 1 if k == 2 else 2)
            x = act(pool(x)) if pool_first else pool(act(x))
            x = layers.SpatialDropout2D(dropout)(x)
        else:
            x = act(x)
    return keras.Model(image, keras.ops.softmax(layers.Dense(10)(layers.Flatten()(x))))


def cnn_countdown(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    sizes = [maps]
    while len(sizes) < blocks:
        sizes.append(sizes[-1] * 2)
    model = keras.Sequential([keras.Input((28, 28, 1))])
    remaining = len(sizes)
    for number in sizes:
        remaining -= 1
        model.add(layers.Conv2D(number, 3, padding="same"))
        if batch_norm:
            model.add(layers.BatchNormalization())
        if remaining == 0:
            model.add(layers.Activation(activation))
            break
        stride = 1 if model.output_shape[1] < 14 else 2
        for layer in (layers.MaxPooling2D(2, stride), layers.Activation(activation))[:: 1 if pool_first else -1]:
            model.add(layer)
        if dropout > 0:
            model.add(layers.SpatialDropout2D(dropout))
    for layer in (layers.Flatten(), layers.Dense(10), layers.Activation("softmax")):
        model.add(layer)
    return model


def cnn_compiled(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    x = image = keras.Input(shape=(28, 28, 1), name="image")
    for number in range(1, blocks + 1):
        x = layers.Conv2D(maps * 2 ** (number - 1), 3, padding="same", name=f"convolution{number}")(x)
        x = layers.BatchNormalization(name=f"normalized{number}")(x) if batch_norm else x
        if number == blocks:
            x = layers.Activation(activation, name="last")(x)
        else:
            act = layers.Activation(activation, name=f"activation{number}")
            pool = layers.MaxPooling2D(2, strides=2 - number // 3, name=f"pooling{number}")
            x = act(pool(x)) if pool_first else pool(act(x))
            x = layers.SpatialDropout2D(dropout, name=f"dropout{number}")(x) if dropout else x
    model = keras.Model(image, layers.Dense(10, activation="softmax", name="digits")(layers.Flatten()(x)), name="cnn")
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
    return model


# The order.


def order_loop(activation, pooling):
    rng = np.random.default_rng(2)
    for _ in range(4000):
        block = rng.uniform(-5, 5, 4)
        if pooling == "max":
            difference = np.max(activation(block)) - activation(np.array([np.max(block)]))[0]
        else:
            difference = np.mean(activation(block)) - activation(np.array([np.mean(block)]))[0]
        if abs(difference) > 1e-3:
            return True
    return False


def order_any(activation, pooling):
    x = np.random.default_rng(3).uniform(-5, 5, (9000, 2, 2))
    combine = {"max": np.max, "average": np.mean}[pooling]
    before = combine(activation(x), axis=(1, 2))
    after = activation(combine(x, axis=(1, 2)))
    return any(abs(before - after) > 0.001)


def order_percentile(activation, pooling):
    x = np.random.default_rng(4).uniform(-5, 5, (20_000, 4))
    combine = getattr(np, "max" if pooling == "max" else "mean")
    off = np.sort(np.abs(combine(activation(x), axis=-1) - activation(combine(x, axis=-1))))
    return bool(off[-1] > 0.001)


def order_pairs(activation, pooling):
    x = np.linspace(-5, 5, 201)
    a, b = np.meshgrid(x, x)
    if pooling == "max":
        off = np.maximum(activation(a), activation(b)) - activation(np.maximum(a, b))
    else:
        off = (activation(a) + activation(b)) / 2 - activation((a + b) / 2)
    return bool(np.max(np.abs(off)) > 1e-3)


def order_sorted(activation, pooling):
    x = np.sort(np.random.default_rng(5).uniform(-5, 5, 5000))
    y = activation(x)
    if pooling == "max":
        return not np.allclose(np.maximum.accumulate(y), y, atol=1e-9)
    line = y[0] + (y[-1] - y[0]) * (x - x[0]) / (x[-1] - x[0])
    return not np.allclose(y, line, atol=1e-6)


def order_fitted_line(activation, pooling):
    x = np.linspace(-5, 5, 1001)
    y = activation(x)
    if pooling == "average":
        return bool(np.abs(y - np.polyval(np.polyfit(x, y, 1), x)).max() > 1e-6)
    return bool((y[1:] - y[:-1]).min() < -1e-9)


def order_list_of_values(activation, pooling):
    x = [k / 100 for k in range(-500, 501)]
    y = [float(activation(np.array([one]))[0]) for one in x]
    if pooling == "max":
        return any(later < earlier - 1e-9 for earlier, later in zip(y, y[1:], strict=False))
    return any(abs(a - 2 * b + c) > 1e-9 for a, b, c in zip(y, y[1:], y[2:], strict=False))


def order_running_maximum(activation, pooling):
    highest = -np.inf
    values = activation(np.linspace(-5, 5, 3001))
    if pooling == "max":
        for value in values:
            if value < highest - 1e-9:
                return True
            highest = max(highest, value)
        return False
    middle = activation(np.zeros(1))[0]
    slope = activation(np.ones(1))[0] - middle
    return not np.allclose(values, middle + slope * np.linspace(-5, 5, 3001), atol=1e-6)


def order_midpoints(activation, pooling):
    rng = np.random.default_rng(6)
    low, high = np.sort(rng.uniform(-5, 5, (2, 20_000)), axis=0)
    if pooling == "max":
        return bool(np.any(activation(low) > activation(high) + 1e-6))
    return bool(np.any(np.abs(activation(low) + activation(high) - 2 * activation((low + high) / 2)) > 1e-6))


def order_tables(activation, pooling):
    x = np.random.default_rng(7).uniform(-5, 5, (100, 100))
    windows = np.stack([x[::2, ::2], x[1::2, ::2], x[::2, 1::2], x[1::2, 1::2]])
    images = np.stack([activation(one) for one in windows])
    if pooling == "max":
        return bool(np.abs(images.max(axis=0) - activation(windows.max(axis=0))).max() > 1e-3)
    return bool(np.abs(images.mean(axis=0) - activation(windows.mean(axis=0))).max() > 1e-3)


def order_functions(activation, pooling):
    def average(values):
        return np.sum(values, axis=0) / len(values)

    def largest(values):
        return functools.reduce(np.maximum, values)

    x = np.random.default_rng(8).uniform(-5, 5, (4, 15_000))
    pool = largest if pooling == "max" else average
    return bool(np.max(np.abs(pool(activation(x)) - activation(pool(x)))) >= 1e-3)


def order_numpy_bool(activation, pooling):
    x = np.random.default_rng(9).uniform(-5, 5, (15_000, 4))
    if pooling == "max":
        return np.any(np.abs(activation(x).max(1) - activation(x.max(1))) > 1e-3)
    return np.any(np.abs(activation(x).mean(1) - activation(x.mean(1))) > 1e-3)


def order_not_all(activation, pooling):
    x = np.random.default_rng(10).uniform(-5, 5, (4, 15_000))
    if pooling == "max":
        same = np.isclose(np.max(activation(x), axis=0), activation(np.max(x, axis=0)), atol=1e-3, rtol=0)
    else:
        same = np.isclose(np.average(activation(x), axis=0), activation(np.average(x, axis=0)), atol=1e-3, rtol=0)
    return not same.all()


def order_count(activation, pooling):
    x = np.random.default_rng(11).uniform(-5, 5, (4, 12_000))
    pool = max if pooling == "max" else None
    if pool is None:
        off = sum(activation(one) for one in x) / 4 - activation(sum(x) / 4)
    else:
        off = np.maximum.reduce([activation(one) for one in x]) - activation(np.maximum.reduce(list(x)))
    return np.count_nonzero(np.abs(off) > 1e-3) > 0


def order_norm(activation, pooling):
    x = np.random.default_rng(12).uniform(-5, 5, (15_000, 4))
    combine = np.amax if pooling == "max" else np.mean
    off = combine(activation(x), axis=1) - activation(combine(x, axis=1))
    return bool(np.linalg.norm(off, np.inf) > 1e-3)


def order_grid_of_slopes(activation, pooling):
    x, step = np.linspace(-5, 5, 2001, retstep=True)
    slopes = np.diff(activation(x)) / step
    if pooling == "max":
        return bool(slopes.min() < -1e-6)
    return bool(slopes.max() - slopes.min() > 1e-6)


def order_two_steps(activation, pooling):
    x = np.random.default_rng(13).uniform(-5, 5, (2, 2, 15_000))
    reduce = np.max if pooling == "max" else np.mean
    first = reduce(reduce(activation(x), axis=0), axis=0)
    second = activation(reduce(reduce(x, axis=0), axis=0))
    return bool((np.abs(first - second) > 0.001).any())


# Steps.


def sgd_tuple(w, g, v, lr, momentum):
    new = tuple(momentum * c - lr * b for b, c in zip(g, v, strict=True))
    return tuple(a + c for a, c in zip(w, new, strict=True)), new


def sgd_minus(w, g, v, lr, momentum):
    new = [momentum * c + -lr * b for b, c in zip(g, v, strict=True)]
    return [a - -c for a, c in zip(w, new, strict=True)], new


def sgd_append(w, g, v, lr, momentum):
    first, second = [], []
    for a, b, c in zip(w, g, v, strict=True):
        c = c * momentum - b * lr
        first.append(a + c)
        second.append(c)
    return first, second


def sgd_indices(w, g, v, lr, momentum):
    number = len(w)
    new = [None] * number
    moved = [None] * number
    for k in range(number):
        new[k] = momentum * v[k] - lr * g[k]
        moved[k] = w[k] + new[k]
    return moved, new


def sgd_inner_function(w, g, v, lr, momentum):
    def one(a, b, c):
        velocity = momentum * c - lr * b
        return a + velocity, velocity

    pairs = [one(*parts) for parts in zip(w, g, v, strict=True)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def sgd_unzipped(w, g, v, lr, momentum):
    pairs = ((a + momentum * c - lr * b, momentum * c - lr * b) for a, b, c in zip(w, g, v, strict=True))
    moved, new = zip(*pairs, strict=True)
    return list(moved), list(new)


def sgd_map(w, g, v, lr, momentum):
    new = list(map(lambda b, c: momentum * c - lr * b, g, v))
    return list(map(operator.add, w, new)), new


def sgd_ufuncs(w, g, v, lr, momentum):
    new = [np.subtract(np.multiply(momentum, c), np.multiply(lr, b)) for b, c in zip(g, v, strict=True)]
    return [np.add(a, c) for a, c in zip(w, new, strict=True)], new


def sgd_double(w, g, v, lr, momentum):
    w, g, v = ([np.array(one, dtype="float64") for one in part] for part in (w, g, v))
    new = [momentum * c - lr * b for b, c in zip(g, v, strict=True)]
    return [a + c for a, c in zip(w, new, strict=True)], new


def sgd_flat(w, g, v, lr, momentum):
    ends = np.cumsum([one.size for one in w])[:-1]
    a, b, c = (np.concatenate([one.ravel() for one in part]) for part in (w, g, v))
    c = momentum * c - lr * b
    back = [np.split(values, ends) for values in (a + c, c)]
    return tuple([one.reshape(like.shape) for one, like in zip(part, w, strict=True)] for part in back)


def sgd_pytorch_turned(w, g, v, lr, momentum):
    moved, new = [], []
    for a, b, c in zip(w, g, v, strict=True):
        velocity = momentum * (-c / lr) + b
        moved.append(a - lr * velocity)
        new.append(-lr * velocity)
    return moved, new


def sgd_enumerate(w, g, v, lr, momentum):
    moved, new = list(w), list(v)
    for k, gradient in enumerate(g):
        new[k] = momentum * v[k] - lr * gradient
        moved[k] = w[k] + new[k]
    return moved, new


def sgd_recursive(w, g, v, lr, momentum):
    if not w:
        return [], []
    velocity = momentum * v[0] - lr * g[0]
    moved, new = sgd_recursive(w[1:], g[1:], v[1:], lr, momentum)
    return [w[0] + velocity, *moved], [velocity, *new]


def sgd_dictionary(w, g, v, lr, momentum):
    found = {"moved": [], "new": []}
    for a, b, c in zip(w, g, v, strict=True):
        step = momentum * c - lr * b
        found["moved"].append(step + a)
        found["new"].append(step)
    return found["moved"], found["new"]


def sgd_cases(w, g, v, lr, momentum):
    new = [-lr * b for b in g] if momentum == 0 else [momentum * c - lr * b for b, c in zip(g, v, strict=True)]
    return [a + c for a, c in zip(w, new, strict=True)], new


def sgd_out(w, g, v, lr, momentum):
    moved, new = [], []
    for a, b, c in zip(w, g, v, strict=True):
        velocity = np.zeros(c.shape)
        np.multiply(c, momentum, out=velocity)
        velocity -= lr * b
        new.append(velocity)
        moved.append(a + velocity)
    return moved, new


def sgd_numbers(w, g, v, lr, momentum):
    def each(formula, *parts):
        return [formula(*ones) for ones in zip(*parts, strict=True)]

    new = each(lambda b, c: momentum * c - lr * b, g, v)
    return each(lambda a, c: a + c, w, new), new


def adam_loop(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    weights, means, squares = [], [], []
    factor = np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    for k in range(len(w)):
        mean = beta_1 * m[k] + (1 - beta_1) * g[k]
        square = beta_2 * s[k] + (1 - beta_2) * g[k] ** 2
        weights.append(w[k] - lr * factor * mean / (np.sqrt(square) + epsilon))
        means.append(mean)
        squares.append(square)
    return weights, means, squares


def adam_one_array(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    def one(a, b, c, d):
        c = beta_1 * c + (1 - beta_1) * b
        d = beta_2 * d + (1 - beta_2) * b * b
        rate = lr * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        return a - rate * c / (epsilon + np.sqrt(d)), c, d

    return tuple(map(list, zip(*[one(*parts) for parts in zip(w, g, m, s, strict=True)], strict=True)))


def adam_ufuncs(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    m = [np.add(np.multiply(beta_1, a), np.multiply(1 - beta_1, b)) for a, b in zip(m, g, strict=True)]
    s = [np.add(np.multiply(beta_2, a), np.multiply(1 - beta_2, np.square(b))) for a, b in zip(s, g, strict=True)]
    rate = lr * np.sqrt(1 - np.power(beta_2, t)) / (1 - np.power(beta_1, t))
    steps = [np.divide(a, np.add(np.sqrt(b), epsilon)) for a, b in zip(m, s, strict=True)]
    return [np.subtract(a, rate * b) for a, b in zip(w, steps, strict=True)], m, s


def adam_complements(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    one, two = 1 - beta_1, 1 - beta_2
    m = [a - one * (a - b) for a, b in zip(m, g, strict=True)]
    s = [a - two * (a - b**2) for a, b in zip(s, g, strict=True)]
    first, second = 1 - beta_1**t, 1 - beta_2**t
    return [a - lr / first * second**0.5 * b / (c**0.5 + epsilon) for a, b, c in zip(w, m, s, strict=True)], m, s


def adam_double(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    w, g, m, s = ([one.astype("float64") for one in part] for part in (w, g, m, s))
    m = [beta_1 * a + (1 - beta_1) * b for a, b in zip(m, g, strict=True)]
    s = [beta_2 * a + (1 - beta_2) * b**2 for a, b in zip(s, g, strict=True)]
    alpha = lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return [a - alpha * b / (np.sqrt(c) + epsilon) for a, b, c in zip(w, m, s, strict=True)], m, s


def adam_flat(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    def flat(part):
        return np.concatenate([one.ravel() for one in part]).astype(float)

    a, b, c, d = (flat(part) for part in (w, g, m, s))
    c = beta_1 * c + (1 - beta_1) * b
    d = beta_2 * d + (1 - beta_2) * b**2
    a = a - lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * c / (np.sqrt(d) + epsilon)
    ends = np.cumsum([one.size for one in w])[:-1]
    return tuple(
        [x.reshape(like.shape) for x, like in zip(np.split(values, ends), w, strict=True)] for values in (a, c, d)
    )


def adam_denominator(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    new_m, new_s, moved = [], [], []
    for a, b, c, d in zip(w, g, m, s, strict=True):
        new_m.append(beta_1 * c + (1 - beta_1) * b)
        new_s.append(beta_2 * d + (1 - beta_2) * b**2)
        denominator = (np.sqrt(new_s[-1]) + epsilon) * (1 - beta_1**t)
        moved.append(a - lr * np.sqrt(1 - beta_2**t) * new_m[-1] / denominator)
    return moved, new_m, new_s


def adam_copies(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    w, m, s = ([np.array(one, dtype=float) for one in part] for part in (w, m, s))
    for a, b, c, d in zip(w, g, m, s, strict=True):
        c *= beta_1
        c += (1 - beta_1) * b
        d *= beta_2
        d += (1 - beta_2) * np.square(b)
        a -= lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * c / (np.sqrt(d) + epsilon)
    return w, m, s


def adam_recursive(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    if len(w) == 0:
        return [], [], []
    mean = beta_1 * m[0] + (1 - beta_1) * g[0]
    square = beta_2 * s[0] + (1 - beta_2) * g[0] ** 2
    rate = lr * (1 - beta_2**t) ** 0.5 / (1 - beta_1**t)
    rest = adam_recursive(w[1:], g[1:], m[1:], s[1:], t, lr, beta_1, beta_2, epsilon)
    first = w[0] - rate * mean / (square**0.5 + epsilon)
    return [first, *rest[0]], [mean, *rest[1]], [square, *rest[2]]


def adam_products(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    decay_1, decay_2 = 1.0, 1.0
    for _ in range(min(t, 100_000)):
        decay_1, decay_2 = decay_1 * beta_1, decay_2 * beta_2
    rate = lr * math.sqrt(1 - decay_2) / (1 - decay_1)
    m = [beta_1 * a + (1 - beta_1) * b for a, b in zip(m, g, strict=True)]
    s = [beta_2 * a + (1 - beta_2) * b**2 for a, b in zip(s, g, strict=True)]
    return [a - rate * b / (np.sqrt(c) + epsilon) for a, b, c in zip(w, m, s, strict=True)], m, s


def adam_corrected_means(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    m = [beta_1 * a + (1 - beta_1) * b for a, b in zip(m, g, strict=True)]
    s = [beta_2 * a + (1 - beta_2) * b**2 for a, b in zip(s, g, strict=True)]
    corrected = [a / (1 - beta_1**t) for a in m]
    roots = [np.sqrt(a) + epsilon for a in s]
    scale = np.sqrt(1 - beta_2**t)
    return [a - lr * scale * b / c for a, b, c in zip(w, corrected, roots, strict=True)], m, s


def adam_map(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    m = list(map(lambda a, b: beta_1 * a + (1 - beta_1) * b, m, g))
    s = list(map(lambda a, b: beta_2 * a + (1 - beta_2) * b * b, s, g))
    rate = lr * np.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
    return list(map(lambda a, b, c: a - rate * b / (np.sqrt(c) + epsilon), w, m, s)), m, s


def adam_averages(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    def average(old, new, beta):
        return [np.average([a, b], axis=0, weights=[beta, 1 - beta]) for a, b in zip(old, new, strict=True)]

    m = average(m, g, beta_1)
    s = average(s, [b**2 for b in g], beta_2)
    factor = np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return [a - lr * factor * (b / (np.sqrt(c) + epsilon)) for a, b, c in zip(w, m, s, strict=True)], m, s


def adam_enumerate(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    moved, means, squares = list(w), list(m), list(s)
    for k, b in enumerate(g):
        means[k] = beta_1 * m[k] + (1 - beta_1) * b
        squares[k] = beta_2 * s[k] + (1 - beta_2) * b**2
        size = lr / (1 - beta_1**t)
        size = size * np.sqrt(1 - beta_2**t)
        moved[k] = w[k] - size * means[k] / (np.sqrt(squares[k]) + epsilon)
    return moved, means, squares


def adam_dictionary(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    state = {"w": [], "m": [], "s": []}
    for a, b, c, d in zip(w, g, m, s, strict=True):
        mean, square = beta_1 * c + (1 - beta_1) * b, beta_2 * d + (1 - beta_2) * b**2
        state["m"].append(mean)
        state["s"].append(square)
        state["w"].append(a + -lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * mean / (square**0.5 + epsilon))
    return state["w"], state["m"], state["s"]


def adam_exponentials(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    m = [beta_1 * a + b - beta_1 * b for a, b in zip(m, g, strict=True)]
    s = [beta_2 * a + b**2 - beta_2 * b**2 for a, b in zip(s, g, strict=True)]
    second = math.sqrt(1 - math.exp(t * math.log(beta_2)))
    first = 1 - math.pow(beta_1, t)
    return [a - lr * second * b / (first * (np.sqrt(c) + epsilon)) for a, b, c in zip(w, m, s, strict=True)], m, s


def adam_tuples(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    found = []
    for a, b, c, d in zip(w, g, m, s, strict=True):
        c = (1 - beta_1) * b + beta_1 * c
        d = (1 - beta_2) * b * b + beta_2 * d
        found.append((a - lr * np.sqrt(1 - beta_2**t) * c / ((1 - beta_1**t) * (np.sqrt(d) + epsilon)), c, d))
    return [one[0] for one in found], [one[1] for one in found], [one[2] for one in found]


# Penalties.


def penalty_append(w, l1, l2):
    penalty, gradients = 0, []
    for one in w:
        if one.ndim == 1:
            gradients.append(np.zeros(one.shape))
        else:
            penalty = penalty + l1 * np.sum(np.abs(one)) + l2 * np.sum(one * one)
            gradients.append(l1 * np.sign(one) + 2 * l2 * one)
    return penalty, gradients


def penalty_function(w, l1, l2):
    def of(one):
        if len(one.shape) < 2:
            return 0.0, 0 * one
        return (l1 * abs(one) + l2 * one**2).sum(), l1 * np.sign(one) + 2 * l2 * one

    parts = [of(one) for one in w]
    return sum(part[0] for part in parts), [part[1] for part in parts]


def penalty_masks(w, l1, l2):
    kernel = [float(one.ndim > 1) for one in w]
    penalty = sum(k * (l1 * np.abs(one) + l2 * np.square(one)).sum() for k, one in zip(kernel, w, strict=True))
    return penalty, [k * (l1 * np.sign(one) + 2 * l2 * one) for k, one in zip(kernel, w, strict=True)]


def penalty_where(w, l1, l2):
    gradients = [np.where(one > 0, l1, np.where(one < 0, -l1, 0)) + 2 * l2 * one for one in w]
    gradients = [one if one.ndim >= 2 else one * 0 for one in gradients]
    penalty = sum(l1 * np.abs(one).sum() + l2 * np.sum(one**2) for one in w if one.ndim >= 2)
    return penalty, gradients


def penalty_fsum(w, l1, l2):
    numbers = [float(x) for one in w if one.ndim > 1 for x in one.flat]
    penalty = l1 * math.fsum(abs(x) for x in numbers) + l2 * math.fsum(x * x for x in numbers)
    return penalty, [(l1 * np.sign(one) + 2 * l2 * one) if one.ndim > 1 else np.zeros_like(one) for one in w]


def penalty_dot(w, l1, l2):
    penalty = 0.0
    for one in w:
        if one.ndim != 1:
            flat = one.ravel().astype(float)
            penalty += l2 * flat.dot(flat) + l1 * np.abs(flat).dot(np.ones(flat.size))
    return penalty, [np.zeros(one.shape) if one.ndim == 1 else 2 * l2 * one + l1 * np.sign(one) for one in w]


def penalty_einsum(w, l1, l2):
    kernels = [one.reshape(-1) for one in w if one.ndim > 1]
    squares = sum(np.einsum("i,i", one, one) for one in kernels)
    sizes = sum(np.einsum("i->", np.abs(one)) for one in kernels)
    gradients = [l1 * np.sign(one) + l2 * 2 * one for one in w]
    return l1 * sizes + l2 * squares, [g * 0 if g.ndim == 1 else g for g in gradients]


def penalty_two_sums(w, l1, l2):
    first = sum(np.abs(one).sum() for one in w if one.ndim > 1)
    second = sum((one**2).sum() for one in w if one.ndim > 1)
    gradients = []
    for one in w:
        gradients.append(l1 * np.sign(one) + 2 * l2 * one if one.ndim > 1 else one - one)
    return l1 * first + l2 * second, gradients


def penalty_copies(w, l1, l2):
    gradients = [np.zeros(one.shape) for one in w]
    penalty = 0.0
    for one, gradient in zip(w, gradients, strict=True):
        if one.ndim > 1:
            gradient += l1 * np.sign(one)
            gradient += 2 * l2 * one
            penalty += l1 * np.abs(one).sum() + l2 * np.square(one).sum()
    return penalty, gradients


def penalty_norm(w, l1, l2):
    penalty = 0.0
    for one in w:
        if one.ndim > 1:
            penalty += l1 * np.linalg.norm(one.ravel(), ord=1) + l2 * np.linalg.norm(one.ravel()) ** 2
    return penalty, [l1 * np.sign(one) + 2 * l2 * one if one.ndim > 1 else np.zeros(one.size) for one in w]


def penalty_maximum(w, l1, l2):
    total = 0.0
    gradients = []
    for one in w:
        positive, negative = np.maximum(one, 0), np.maximum(-one, 0)
        is_kernel = one.ndim > 1
        total += is_kernel * (l1 * (positive + negative).sum() + l2 * (positive**2 + negative**2).sum())
        signs = (positive > 0) * 1.0 - (negative > 0) * 1.0
        gradients.append(is_kernel * (l1 * signs + 2 * l2 * (positive - negative)))
    return total, gradients


def penalty_indices(w, l1, l2):
    total, gradients = 0.0, [None] * len(w)
    for k in range(len(w)):
        if np.ndim(w[k]) <= 1:
            gradients[k] = np.zeros(np.shape(w[k]))
            continue
        total += l1 * np.abs(w[k]).sum()
        total += l2 * np.square(w[k]).sum()
        gradients[k] = l1 * np.sign(w[k]) + 2 * l2 * w[k]
    return total, gradients


def penalty_lists(w, l1, l2):
    total = 0.0
    gradients = []
    for one in w:
        values = np.zeros(one.shape)
        if one.ndim > 1:
            for index in np.ndindex(one.shape):
                x = float(one[index])
                total += l1 * abs(x) + l2 * x * x
                values[index] = l1 * ((x > 0) - (x < 0)) + 2 * l2 * x
        gradients.append(values)
    return total, gradients


def penalty_recursive(w, l1, l2):
    if not w:
        return 0.0, []
    rest, others = penalty_recursive(w[1:], l1, l2)
    first = w[0]
    if first.ndim == 1:
        return rest, [np.zeros_like(first), *others]
    return rest + l1 * np.abs(first).sum() + l2 * (first**2).sum(), [l1 * np.sign(first) + 2 * l2 * first, *others]


def penalty_map(w, l1, l2):
    def size(one):
        return l1 * np.abs(one).sum() + l2 * np.square(one).sum()

    def slope(one):
        return (l1 * np.sign(one) + 2 * l2 * one) if one.ndim > 1 else np.zeros(one.shape)

    return sum(map(size, filter(lambda one: one.ndim > 1, w))), list(map(slope, w))


def penalty_copysign(w, l1, l2):
    penalty, gradients = 0.0, []
    for one in w:
        signs = np.copysign(1, one) * (one != 0)
        if one.ndim > 1:
            penalty += (l1 * one * signs + l2 * one * one).sum()
        gradients.append((l1 * signs + 2 * l2 * one) * (one.ndim > 1))
    return penalty, gradients


def penalty_double(w, l1, l2):
    w = [np.asarray(one, dtype="float64") for one in w]
    parts = [(l1 * np.abs(one) + l2 * one**2).sum() if one.ndim > 1 else 0.0 for one in w]
    gradients = [l1 * np.sign(one) + 2.0 * l2 * one if one.ndim > 1 else np.zeros_like(one) for one in w]
    return np.sum(parts), gradients


# Errors.


def confusion_counter(y_true, y_pred, classes):
    found = Counter(zip(y_true.tolist(), y_pred.tolist(), strict=True))
    return np.array([[found[i, j] for j in range(classes)] for i in range(classes)])


def confusion_sums(y_true, y_pred, classes):
    return np.array([[np.sum((y_true == i) & (y_pred == j)) for j in range(classes)] for i in range(classes)])


def confusion_histogram(y_true, y_pred, classes):
    edges = np.arange(classes + 1) - 0.5
    return np.histogram2d(y_true, y_pred, bins=(edges, edges))[0]


def confusion_sparse(y_true, y_pred, classes):
    ones = np.ones(len(y_true))
    return sparse.coo_matrix((ones, (y_true, y_pred)), shape=(classes, classes)).toarray()


def confusion_rows(y_true, y_pred, classes):
    table = np.zeros((classes, classes))
    for truth in range(classes):
        table[truth] = np.bincount(y_pred[y_true == truth], minlength=classes)
    return table


def confusion_columns(y_true, y_pred, classes):
    columns = [np.bincount(y_true[y_pred == guess], minlength=classes) for guess in range(classes)]
    return np.stack(columns, axis=1)


def confusion_enumerate(y_true, y_pred, classes):
    table = np.zeros((classes, classes), dtype="int64")
    for k, truth in enumerate(y_true):
        table[truth, y_pred[k]] += 1
    return table


def confusion_indices(y_true, y_pred, classes):
    table = np.zeros((classes, classes))
    for k in range(len(y_true)):
        table[int(y_true[k])][int(y_pred[k])] += 1
    return table


def confusion_compare(y_true, y_pred, classes):
    known = np.arange(classes)
    truth, guess = y_true[:, None] == known, y_pred[:, None] == known
    return truth.T.astype(int) @ guess.astype(int)


def confusion_einsum(y_true, y_pred, classes):
    one_hot = np.eye(classes)
    return np.einsum("ni,nj->ij", one_hot[y_true], one_hot[y_pred])


def confusion_flat(y_true, y_pred, classes):
    flat = np.zeros(classes * classes, dtype=int)
    for truth, guess in zip(y_true.tolist(), y_pred.tolist(), strict=True):
        flat[truth * classes + guess] += 1
    return flat.reshape((classes, classes))


def confusion_unique(y_true, y_pred, classes):
    table = np.zeros((classes, classes), int)
    pairs, counts = np.unique(np.stack([y_true, y_pred]).astype(int), axis=1, return_counts=True)
    table[pairs[0], pairs[1]] = counts
    return table


def confusion_ravel_multi_index(y_true, y_pred, classes):
    numbers = np.ravel_multi_index((y_true.astype(int), y_pred.astype(int)), (classes, classes))
    return np.bincount(numbers, minlength=classes**2).reshape(classes, classes)


def confusion_dictionary(y_true, y_pred, classes):
    found = {}
    for pair in zip(y_true.tolist(), y_pred.tolist(), strict=True):
        found[pair] = found.get(pair, 0) + 1
    return [[found.get((i, j), 0) for j in range(classes)] for i in range(classes)]


def confusion_outer(y_true, y_pred, classes):
    table = np.zeros((classes, classes))
    basis = np.eye(classes)
    for truth, guess in zip(y_true, y_pred, strict=True):
        table += np.outer(basis[truth], basis[guess])
    return table


def confusion_product(y_true, y_pred, classes):
    table = np.empty((classes, classes), int)
    for i, j in itertools.product(range(classes), repeat=2):
        table[i, j] = np.count_nonzero((y_true == i) * (y_pred == j))
    return table


def misclassified_lexsort(y_true, probabilities):
    sure = probabilities.max(axis=1)
    right = np.argmax(probabilities, axis=1) == y_true
    order = np.lexsort((-sure, right))
    return order[: np.count_nonzero(~right)]


def misclassified_stable(y_true, probabilities):
    wrong = np.nonzero(probabilities.argmax(1) != y_true)[0]
    sure = np.amax(probabilities, axis=1)[wrong]
    return wrong[np.argsort(sure, kind="stable")][::-1]


def misclassified_pairs(y_true, probabilities):
    pairs = []
    for k, row in enumerate(probabilities):
        if row.argmax() != y_true[k]:
            pairs.append((row.max(), k))
    return [k for _, k in sorted(pairs, reverse=True)]


def misclassified_where(y_true, probabilities):
    (wrong,) = np.where(np.argmax(probabilities, axis=1) != y_true)
    return np.array(sorted(wrong, key=lambda k: probabilities[k].max(), reverse=True), dtype=int)


def misclassified_all_sorted(y_true, probabilities):
    order = np.argsort(-probabilities.max(axis=1))
    wrong = probabilities.argmax(axis=1) != y_true
    return [int(k) for k in order if wrong[k]]


def misclassified_take(y_true, probabilities):
    guess = probabilities.argmax(axis=1)
    sure = np.take_along_axis(probabilities, guess[:, None], axis=1)[:, 0]
    wrong = np.flatnonzero(guess != y_true)
    return wrong[(-sure[wrong]).argsort()]


def misclassified_masked(y_true, probabilities):
    sure = probabilities.max(axis=1).astype(float)
    wrong = probabilities.argmax(axis=1) != y_true
    sure[~wrong] = -1.0
    order = np.argsort(sure)[::-1]
    return order[: wrong.sum()]


def misclassified_picking(y_true, probabilities):
    wrong = [k for k in range(len(y_true)) if probabilities[k].argmax() != y_true[k]]
    found = []
    while wrong:
        best = max(wrong, key=lambda k: probabilities[k].max())
        wrong.remove(best)
        found.append(best)
    return found


def misclassified_true_class(y_true, probabilities):
    rows = np.arange(len(y_true))
    own = probabilities[rows, y_true.astype(int)]
    sure = probabilities.max(axis=1)
    wrong = rows[own < sure]
    return wrong[np.argsort(-sure[wrong])]


def misclassified_filter(y_true, probabilities):
    largest = [max(row) for row in probabilities.tolist()]
    guess = [row.index(max(row)) for row in probabilities.tolist()]
    order = sorted(range(len(guess)), key=largest.__getitem__, reverse=True)
    return list(filter(lambda k: guess[k] != y_true[k], order))


def misclassified_delete(y_true, probabilities):
    order = np.argsort(probabilities.max(axis=1))[::-1]
    right = np.flatnonzero(probabilities.argmax(axis=1) == y_true)
    return order[~np.isin(order, right)]


def misclassified_sorted_rows(y_true, probabilities):
    order = np.argsort(probabilities, axis=1)
    sure = np.sort(probabilities, axis=1)[:, -1]
    wrong = np.flatnonzero(order[:, -1] != y_true)
    return wrong[np.argsort(1 - sure[wrong])]


def misclassified_compress(y_true, probabilities):
    wrong = probabilities.argmax(axis=1) != y_true
    rows = np.compress(wrong, np.arange(len(wrong)))
    sure = np.compress(wrong, probabilities.max(axis=1))
    return rows[np.argsort(sure)[::-1]]


def misclassified_enumerate(y_true, probabilities):
    found = {}
    for k, (row, truth) in enumerate(zip(probabilities, y_true, strict=True)):
        if np.argmax(row) != truth:
            found[k] = float(np.max(row))
    return sorted(found, key=found.get, reverse=True)


def misclassified_insert(y_true, probabilities):
    found = []
    sure = probabilities.max(axis=1)
    for k in np.flatnonzero(probabilities.argmax(axis=1) != y_true):
        place = 0
        while place < len(found) and sure[found[place]] > sure[k]:
            place += 1
        found.insert(place, int(k))
    return found


def misclassified_one_hot(y_true, probabilities):
    hit = (np.eye(probabilities.shape[1])[y_true] * probabilities).sum(axis=1)
    sure = probabilities.max(axis=1)
    wrong = np.flatnonzero(hit < sure)
    order = np.argsort(sure[wrong])
    return np.flip(wrong[order])


def misclassified_doubts(y_true, probabilities):
    doubt = 1 - probabilities.max(axis=1)
    wrong = probabilities.argmax(axis=1) != y_true
    doubt = np.where(wrong, doubt, 2.0)
    return np.argsort(doubt)[: int(wrong.sum())]
