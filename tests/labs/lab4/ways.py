"""Right ways to write each function of lab 4, in several styles, and what a student has around them."""

import itertools
import math
import types
from collections import Counter

import keras
import numpy as np
from keras import layers, regularizers
from scipy import ndimage

# Networks.


def fnn_sequential():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(800, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def fnn_functional():
    x = keras.Input((28, 28, 1))
    h = layers.ReLU()(layers.Dense(800, name="hidden")(layers.Reshape((784,))(x)))
    model = keras.Model(x, layers.Softmax()(layers.Dense(10)(h)))
    model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fnn_operations():
    x = keras.Input(shape=(28, 28, 1))
    h = keras.ops.relu(layers.Dense(800)(layers.Flatten()(x)))
    return keras.Model(inputs=x, outputs=layers.Dense(10, activation=keras.activations.softmax)(h))


def cnn_loop(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    parts = [keras.Input((28, 28, 1))]
    for block in range(blocks):
        parts.append(layers.Conv2D(maps * 2**block, 3, padding="same"))
        if batch_norm:
            parts.append(layers.BatchNormalization())
        if block == blocks - 1:
            parts.append(layers.Activation(activation))
            continue
        pooling = layers.MaxPooling2D(2, strides=1 if block == 2 else 2)
        pair = [layers.Activation(activation), pooling]
        parts += reversed(pair) if pool_first else pair
        if dropout > 0:
            parts.append(layers.SpatialDropout2D(dropout))
    return keras.Sequential([*parts, layers.Flatten(), layers.Dense(10, activation="softmax")])


def cnn_functional(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    x = image = keras.Input((28, 28, 1))
    for block in range(1, blocks + 1):
        inside = None if batch_norm or (pool_first and block < blocks) else activation
        x = layers.Conv2D(maps, (3, 3), activation=inside, padding="same")(x)
        maps = 2 * maps
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x) if batch_norm else x
        if pool_first and block < blocks:
            x = layers.MaxPool2D((2, 2), strides=(1, 1) if block == 3 else (2, 2))(x)
        if inside is None:
            x = layers.Activation(keras.activations.get(activation))(x)
        if not pool_first and block < blocks:
            x = layers.MaxPool2D((2, 2), strides=(1, 1) if block == 3 else (2, 2))(x)
        if block < blocks:
            x = layers.Dropout(dropout, noise_shape=(None, 1, 1, x.shape[-1]))(x)
    return keras.Model(image, layers.Softmax()(layers.Dense(10)(layers.Flatten()(x))))


def cnn_blocks_inside(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for k in range(blocks):
        block = keras.Sequential([layers.ZeroPadding2D(1), layers.Conv2D(maps << k, 3)])
        if batch_norm:
            block.add(layers.BatchNormalization())
        last = k + 1 == blocks
        pool = [] if last else [layers.MaxPooling2D(2, 1 if k > 1 else 2)]
        for layer in pool + [layers.Activation(activation)] if pool_first else [layers.Activation(activation)] + pool:
            block.add(layer)
        if dropout and not last:
            block.add(layers.SpatialDropout2D(dropout))
        model.add(block)
    model.add(layers.Reshape((-1,)))
    model.add(layers.Dense(10))
    model.add(layers.Activation("softmax"))
    model.compile("adam", "categorical_crossentropy")
    return model


# The order.


def order_by_experiment(activation, pooling):
    rng = np.random.default_rng(1)
    x = rng.uniform(-5, 5, (4, 20_000))
    pool = np.max if pooling == "max" else np.mean
    return np.abs(pool(activation(x), axis=0) - activation(pool(x, axis=0))).max() > 1e-3


def order_by_argument(activation, pooling):
    x = np.linspace(-5, 5, 2001)
    y = activation(x)
    if pooling == "max":
        return bool(np.any(np.diff(y) < -1e-9))
    return bool(np.any(np.abs(np.diff(y, 2)) > 1e-9))


def order_of_images(activation, pooling):
    image = np.random.default_rng(0).uniform(-5, 5, (400, 300))

    def pooled(values):
        blocks = np.reshape(values, (200, 2, 150, 2))
        return blocks.max(axis=(1, 3)) if pooling == "max" else blocks.mean(axis=(1, 3))

    return not np.allclose(pooled(activation(image)), activation(pooled(image)), atol=1e-3)


# Steps.


def sgd_lists(w, g, v, lr, momentum):
    new_v = [momentum * c - lr * b for b, c in zip(g, v, strict=True)]
    return [a + c for a, c in zip(w, new_v, strict=True)], new_v


def sgd_loop(w, g, v, lr, momentum):
    weights, velocities = [], []
    for k in range(len(w)):
        velocity = np.multiply(v[k], momentum)
        velocity = velocity - g[k] * lr
        velocities.append(velocity)
        weights.append(np.add(w[k], velocity))
    return weights, velocities


def sgd_copies(w, g, v, lr, momentum):
    w, v = [np.array(a) for a in w], [np.array(a) for a in v]
    for a, b, c in zip(w, g, v, strict=True):
        c *= momentum
        c -= lr * b
        a += c
    return [w, v]


def adam_formula(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    m = [beta_1 * a + (1 - beta_1) * b for a, b in zip(m, g, strict=True)]
    s = [beta_2 * a + (1 - beta_2) * b**2 for a, b in zip(s, g, strict=True)]
    rate = lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return [a - rate * b / (np.sqrt(c) + epsilon) for a, b, c in zip(w, m, s, strict=True)], m, s


def adam_differences(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    found = ([], [], [])
    for a, b, c, d in zip(w, g, m, s, strict=True):
        mean = c + (b - c) * (1 - beta_1)
        square = d + (np.square(b) - d) * (1 - beta_2)
        step = lr * math.sqrt(1 - beta_2**t) * mean
        step = step / ((1 - beta_1**t) * (np.sqrt(square) + epsilon))
        for part, values in zip(found, (a - step, mean, square), strict=True):
            part.append(values)
    return found


def adam_hats(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    m = [beta_1 * x + (1 - beta_1) * d for x, d in zip(m, g, strict=True)]
    s = [beta_2 * x + (1 - beta_2) * d * d for x, d in zip(s, g, strict=True)]
    root = (1 - beta_2**t) ** 0.5
    hats = [x / (1 - beta_1**t) for x in m]
    return [a - lr * h / (x**0.5 / root + epsilon / root) for a, h, x in zip(w, hats, s, strict=True)], m, s


# Penalties.


def penalty_sums(w, l1, l2):
    kernels = [one for one in w if one.ndim > 1]
    penalty = sum(l1 * np.abs(one).sum() + l2 * (one**2).sum() for one in kernels)
    return penalty, [l1 * np.sign(one) + 2 * l2 * one if one.ndim > 1 else np.zeros_like(one) for one in w]


def penalty_loop(w, l1, l2):
    total, gradients = 0.0, []
    for one in w:
        factor = 0 if np.ndim(one) < 2 else 1
        total += factor * (l1 * np.sum(np.abs(one)) + l2 * np.sum(np.square(one)))
        sign = np.where(one > 0, 1.0, 0.0) - np.where(one < 0, 1.0, 0.0)
        gradients.append(factor * (l1 * sign + l2 * 2 * one))
    return total, gradients


def penalty_norms(w, l1, l2):
    flat = [np.ravel(one) if len(one.shape) >= 2 else np.zeros(1) for one in w]
    penalty = l1 * sum(np.linalg.norm(one, 1) for one in flat) + l2 * sum(one @ one for one in flat)
    return float(penalty), [(l1 * np.sign(one) + l2 * (one + one)) * (len(one.shape) >= 2) for one in w]


# Errors.


def confusion_add_at(y_true, y_pred, classes):
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (y_true, y_pred), 1)
    return counts


def confusion_bincount(y_true, y_pred, classes):
    numbers = np.asarray(y_true, "int64") * classes + np.asarray(y_pred, "int64")
    return np.bincount(numbers, minlength=classes * classes).reshape(classes, classes)


def confusion_loop(y_true, y_pred, classes):
    counts = [[0] * classes for _ in range(classes)]
    for truth, guess in zip(y_true, y_pred, strict=True):
        counts[int(truth)][int(guess)] += 1
    return counts


def confusion_products(y_true, y_pred, classes):
    return np.eye(classes)[y_true].T @ np.eye(classes)[y_pred]


def misclassified_argsort(y_true, probabilities):
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != y_true)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1))]


def misclassified_sorted(y_true, probabilities):
    wrong = [k for k in range(len(y_true)) if np.argmax(probabilities[k]) != y_true[k]]
    return sorted(wrong, key=lambda k: -max(probabilities[k]))


def misclassified_reversed(y_true, probabilities):
    guess = np.argmax(probabilities, axis=1)
    sure = probabilities[np.arange(len(guess)), guess]
    order = np.argsort(sure)[::-1]
    return order[(guess != y_true)[order]]


#: By graded function.
WAYS = {
    "build_fnn": {one.__name__: one for one in (fnn_sequential, fnn_functional, fnn_operations)},
    "build_cnn": {one.__name__: one for one in (cnn_loop, cnn_functional, cnn_blocks_inside)},
    "order_matters": {one.__name__: one for one in (order_by_experiment, order_by_argument, order_of_images)},
    "sgd_step": {one.__name__: one for one in (sgd_lists, sgd_loop, sgd_copies)},
    "adam_step": {one.__name__: one for one in (adam_formula, adam_differences, adam_hats)},
    "l1_l2": {one.__name__: one for one in (penalty_sums, penalty_loop, penalty_norms)},
    "confusion_matrix": {
        one.__name__: one for one in (confusion_add_at, confusion_bincount, confusion_loop, confusion_products)
    },
    "misclassified": {
        one.__name__: one for one in (misclassified_argsort, misclassified_sorted, misclassified_reversed)
    },
}
_AROUND = {name: value for name, value in globals().items() if isinstance(value, types.ModuleType)}
_AROUND |= {"Counter": Counter, "itertools": itertools, "ndimage": ndimage, "regularizers": regularizers}


def namespace(function, answer):
    """Return the functions of a student who is right, with one answer in its place."""
    return _AROUND | {name: next(iter(ways.values())) for name, ways in WAYS.items()} | {function: answer}
