"""Small networks by recipe, with weights drawn from a seed: both sides make the same ones, and only text crosses.

A recipe is a word for each layer, behind the shape of the image: ``"8x7x3 c3.4 p f s5"`` takes images [8, 7, 3], has a
convolution with 4 kernels of 3 × 3 and ReLU, max pooling, flattens, and gives 5 probabilities.
"""

import numpy as np

#: What the words mean: see `build`. Layers have these names, numbered from 1.
NAMES = {"c": "conv", "l": "conv", "b": "bn", "p": "pool", "a": "pool", "d": "drop", "f": "flat", "g": "gap"}


def build(recipe, seed):
    """Return the network of a recipe.

    Parameters
    ----------
    recipe : str
        Begins with ``S`` for a sequential model. ``c3.4`` is a convolution with ReLU, ``l3.4`` one without activation,
        ``b`` batch normalization, ``p`` and ``a`` max and average pooling, ``d`` dropout, ``r`` a residual path of one
        convolution, ``f`` flattens, ``g`` takes the average over all places, ``h8`` is a dense layer with ReLU. The
        last word is ``s5`` for 5 classes with softmax or ``o5`` without. With ``-2`` behind it no weight of class 2 is
        positive, and with ``~2`` all are 0.
    seed : int

    Returns
    -------
    keras.Model
    """
    import keras
    from keras import layers

    words = recipe.split()
    sequential = words[0] == "S"
    words = words[sequential:]
    inputs = x = keras.Input(tuple(int(n) for n in words[0].split("x")))
    counts, made, special = {}, [], ("", 0)
    for word in words[1:]:
        kind, rest = word[0], word[1:]
        name = NAMES.get(kind, "dense")
        counts[name] = counts.get(name, 0) + 1
        name = f"{name}{counts[name]}"
        if kind in "clr":
            side, filters = (int(n) for n in rest.split("."))
            activation = None if kind == "l" else "relu"
            name = name if kind != "r" else f"path{counts['dense']}"
            layer = layers.Conv2D(filters, side, padding="same", activation=activation, name=name)
        elif kind in "pa":
            layer = (layers.MaxPooling2D if kind == "p" else layers.AveragePooling2D)(2, padding="same", name=name)
        elif kind in "so":
            for mark in "-~":
                if mark in rest:
                    rest, _, number = rest.partition(mark)
                    special = mark, int(number)
            layer = layers.Dense(int(rest), activation="softmax" if kind == "s" else None, name="scores")
        elif kind == "h":
            layer = layers.Dense(int(rest), activation="relu", name=name)
        else:
            others = {"b": layers.BatchNormalization, "f": layers.Flatten, "g": layers.GlobalAveragePooling2D}
            layer = layers.Dropout(0.5, name=name) if kind == "d" else others[kind](name=name)
        made.append(layer)
        x = layers.Add(name=f"add{counts['dense']}")([x, layer(x)]) if kind == "r" else layer(x)
    model = keras.Sequential([inputs, *made]) if sequential else keras.Model(inputs, x)
    model.set_weights(drawn(model, seed, *special))
    return model


def drawn(model, seed, mark="", number=0):
    """Return weights for a model that were drawn from a seed, so that no layer does nothing."""
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
    if mark:
        values[-2][:, number] = 0 if mark == "~" else -np.abs(values[-2][:, number]) - 0.01
    return values
