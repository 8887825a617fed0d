"""A network as a few numbers: with weights that depend on nothing but the shapes of its layers.

It runs where a student's model is rebuilt, and where the course builds its own, so it needs NumPy and Keras alone; labs
send its text there.
"""

import zlib

import numpy as np

#: Numbers that stand for an array of any size.
PARTS = 8


def canonical(name, shape, period=0):
    """Return weights that depend on what they are and on their shape alone.

    Parameters
    ----------
    name : str
        Such as ``kernel``.
    shape : tuple of int
    period : int
        The rows of a dense kernel repeat after so many, so that the order of what is concatenated does not matter.
    """
    rng = np.random.default_rng(zlib.crc32(f"{name} {list(shape)}".encode()))
    if name in ("moving_variance", "gamma"):
        return rng.uniform(0.5, 1.6, shape)
    if "kernel" not in name:
        return rng.normal(0, 0.3, shape)
    values = rng.normal(0, 1.4 / np.sqrt(max(1, np.prod(shape[:-1]))), shape)
    if period and len(shape) == 2 and shape[0] % period == 0:
        values = np.tile(values[:period], (shape[0] // period, 1))
    return values


def fill(model, period=0):
    """Give a model canonical weights.

    Parameters
    ----------
    model : keras.Model
    period : int
        As in `canonical`.
    """
    model.set_weights([canonical(one.name, tuple(one.shape), period) for one in model.weights])
    return model


def numbers(values):
    """Return `PARTS` numbers that stand for an array."""
    values = np.asarray(values, dtype="float64").ravel()
    rng = np.random.default_rng(values.size)
    return rng.normal(0, 1 / np.sqrt(max(1, values.size)), (PARTS, values.size)) @ values


def probe(shape, count=2):
    """Return fixed images or maps of noise from -1 to 1.

    Parameters
    ----------
    shape : sequence of int
        Of one.
    count : int
    """
    return (
        np.random.default_rng(zlib.crc32(str(list(shape)).encode())).uniform(-1, 1, (count, *shape)).astype("float32")
    )


def leaves(model):
    """Yield the layers of a model, those of models inside it in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        elif type(layer).__name__ != "InputLayer":
            yield layer


def acts_otherwise(model, x):
    """Return whether a model gives something else while it is trained.

    Parameters
    ----------
    model : keras.Model
    x : array
        Images or maps.

    Returns
    -------
    float
        0 or 1.
    """
    return float(not np.allclose(model(x, training=True), model(x, training=False), atol=1e-6))
