"""Networks by recipe, with weights drawn from a seed: both sides make the same ones, and only text crosses.

A recipe is a word for each layer, behind the shape of the image: ``"8x7x3 c3.4 p f s5"`` takes images [8, 7, 3], has a
convolution with 4 kernels of 3 × 3 and ReLU, max pooling, flattens, and gives 5 probabilities.
"""

import re

import numpy as np

#: What layers are called, by their words; they are numbered from 1. The last one is called "scores".
NAMES = {"c": "conv", "l": "conv", "t": "conv", "b": "bn", "p": "pool", "a": "pool", "d": "drop", "f": "flat"}
NAMES |= {"g": "gap", "h": "dense", "r": "path"}
#: For each word: the layer of Keras, what it is set to, and what the numbers behind the word mean.
TABLE = {
    "c": ("Conv2D", {"padding": "same", "activation": "relu"}, ("kernel_size", "filters")),
    "l": ("Conv2D", {"padding": "same"}, ("kernel_size", "filters")),
    "r": ("Conv2D", {"padding": "same", "activation": "relu"}, ("kernel_size", "filters")),
    "k": ("Conv2D", {"activation": "relu"}, ("kernel_size", "filters")),
    "t": ("Conv2D", {"padding": "same", "activation": "relu", "strides": 2}, ("kernel_size", "filters")),
    "z": ("ZeroPadding2D", {}, ("padding",)),
    "p": ("MaxPooling2D", {"pool_size": 2, "padding": "same"}, ()),
    "a": ("AveragePooling2D", {"pool_size": 2, "padding": "same"}, ()),
    "m": ("MaxPooling2D", {"pool_size": 2}, ()),
    "b": ("BatchNormalization", {}, ()),
    "d": ("Dropout", {"rate": 0.5}, ()),
    "f": ("Flatten", {}, ()),
    "g": ("GlobalAveragePooling2D", {}, ()),
    "x": ("GlobalMaxPooling2D", {}, ()),
    "v": ("Reshape", {"target_shape": [-1, 1]}, ()),
    "w": ("MaxPooling1D", {"pool_size": 4}, ()),
    "h": ("Dense", {"activation": "relu"}, ("units",)),
    "o": ("Dense", {}, ("units",)),
    "s": ("Dense", {"activation": "softmax"}, ("units",)),
    "q": ("Dense", {"activation": "sigmoid"}, ("units",)),
    "+": ("Concatenate", {}, ()),
}


def layer_of(word, name=None):
    """Return a fresh layer of Keras for a word, such as ``c3.4``.

    Parameters
    ----------
    word : str
    name : str, optional
        What the layer is called.
    """
    import keras

    kind, settings, meanings = TABLE[word[0]]
    given = (int(number) for number in word[1:].split(".") if number)
    return getattr(keras.layers, kind)(**settings, **dict(zip(meanings, given, strict=True)), name=name)


def plain(recipe):
    """Return the network of a recipe, with weights as Keras begins with.

    Parameters
    ----------
    recipe : str
        Begins with ``S`` for a sequential model. ``r3.4`` is a residual path of one convolution. The last word gives
        the scores of the classes.

    Returns
    -------
    keras.Model
    """
    import keras

    words = recipe.split()
    sequential = words[0] == "S"
    shape, *words = words[sequential:]
    inputs = at = keras.Input(tuple(int(side) for side in shape.split("x")))
    counts, made = {}, []
    for place, word in enumerate(words):
        name = NAMES.get(word[0], "layer")
        counts[name] = counts.get(name, 0) + 1
        made.append(layer_of(word, "scores" if place == len(words) - 1 else f"{name}{counts[name]}"))
    if sequential:
        return keras.Sequential([inputs, *made])
    for word, layer in zip(words, made, strict=True):
        after = layer(at)
        # A residual path and the addition behind it have one number.
        add = keras.layers.Add(name=layer.name.replace("path", "add")) if word[0] == "r" else None
        at = add([at, after]) if add else after
    return keras.Model(inputs, at)


def build(recipe, seed):
    """Return the network of a recipe with weights that were drawn from a seed.

    Parameters
    ----------
    recipe : str
        With ``-2`` behind the last word no weight of class 2 is positive, with ``^2`` all of them are, and with ``~2``
        all are 0. Several classes may be marked so.
    seed : int

    Returns
    -------
    keras.Model
    """
    start, *marks = re.split("([-^~])", recipe)
    model = plain(start)
    model.set_weights(drawn(model, seed, zip(marks[::2], map(int, marks[1::2]), strict=True)))
    return model


def drawn(model, seed, marks=()):
    """Return weights for a model that were drawn from a seed, so that no layer does nothing.

    Parameters
    ----------
    model : keras.Model
    seed : int
    marks : iterable of tuple
        Of ``"-"``, ``"^"`` or ``"~"`` and a class: whether its weights are all negative, positive, or 0.
    """
    rng = np.random.default_rng(seed)
    values = []
    for variable in model.weights:
        shape, name = tuple(variable.shape), variable.name
        if name == "kernel":
            value = rng.normal(0, 1.4 / np.sqrt(np.prod(shape[:-1])), shape)
        elif name in ("moving_variance", "gamma"):
            value = rng.uniform(0.5, 1.6, shape)
        else:
            value = rng.normal(0, 0.3, shape)
        values.append(value.astype("float32"))
    for mark, number in marks:
        sign = {"-": -1, "^": 1, "~": 0}[mark]
        values[-2][:, number] = sign * (np.abs(values[-2][:, number]) + 0.01)
    return values
