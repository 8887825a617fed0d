"""What a network does, as a few numbers: with weights that depend on nothing but the shapes of its layers.

Two networks that are the same function have the same numbers, however they are written. This runs where a student's
model is rebuilt, and where the course builds its own, so it needs NumPy and Keras alone.
"""

import numpy as np

from autograder.checking.network_numbers import PARTS, acts_otherwise, canonical, fill, leaves, numbers, probe


def chain(model, features):
    """Return the numbers of a network whose layers follow each other.

    Parameters
    ----------
    model : keras.Model
    features : list of int
        What a map before the first dense layer should be like; layers from there on are measured with such maps.

    Returns
    -------
    array
        Of the layers before the first vector: the shape of their maps, whether they act otherwise in training, and
        `PARTS` numbers. Of the layers from there on: how many numbers they give, the same flag, and `PARTS` numbers.

    Raises
    ------
    ValueError
        If its layers do not follow each other.
    """
    import keras

    x = h = last_maps = keras.Input(model.input_shape[1:])
    rest = []
    for layer in leaves(model):
        h = layer(h)
        if rest or len(h.shape) == 2:
            rest.append(layer)
        else:
            last_maps = h
    whole = keras.Model(x, h)
    images = probe(model.input_shape[1:])
    fill(model)
    if not np.allclose(whole(images), model(images), atol=1e-5):
        raise ValueError("its layers do not follow each other")
    maps = keras.Model(x, last_maps)
    given = np.asarray(maps(images))
    shape = [*given.shape[1:], 0, 0, 0][:3]
    found = [*shape, acts_otherwise(maps, images), *numbers(given)]
    try:
        # The same layers, for maps as they should be: what is wrong before them is told there.
        x = h = keras.Input(tuple(features))
        for layer in rest:
            h = type(layer).from_config(layer.get_config())(h)
        head = fill(keras.Model(x, h))
        images = probe(features)
        found += [h.shape[-1], acts_otherwise(head, images), *numbers(head(images))]
    except Exception:
        found += [0.0] * (PARTS + 2)
    return np.array(found, dtype="float64")


#: Where the second part of `chain` begins.
CHAIN_HEAD = 4 + PARTS


def branches(model):
    """Return the numbers of a network with two inputs and two outputs.

    Returns
    -------
    array
        How many inputs and outputs it has, how many numbers each of two outputs, and the shapes of two inputs; how many
        layers convolve, and with how many parameters; whether the outputs depend on each input, and whether they still
        do where all convolutions give 0; whether it acts otherwise in training; how many other parameters it has; then
        `PARTS` numbers of each of two outputs.
    """
    fill(model, period=16)
    shapes = [tuple(one.shape[1:]) for one in model.inputs]
    x = [probe(shape) for shape in shapes]
    given = _outputs(model, x)
    depends = _depend(model, x, given)
    convolving = [layer for layer in leaves(model) if "Conv" in type(layer).__name__]
    parameters = sum(layer.count_params() for layer in convolving)
    trained = _outputs(model, x, training=True)
    otherwise = float(any(not np.allclose(a, b, atol=1e-6) for a, b in zip(given, trained, strict=True)))
    sizes = [*(one.shape[-1] for one in given), 0, 0][:2]
    values = [numbers(one) for one in given[:2]] + [np.zeros(PARTS)] * (2 - min(2, len(given)))
    for layer in convolving:
        layer.set_weights([np.zeros_like(one) for one in layer.get_weights()])
    without = _depend(model, x, _outputs(model, x))
    sides = [n for shape in [*shapes, (), ()][:2] for n in [*shape, 0, 0, 0][:3]]
    start = [len(x), len(given), *sizes, *sides, len(convolving), parameters, *depends, *without]
    rest = model.count_params() - parameters
    return np.array([*start, otherwise, rest, *np.concatenate(values)], dtype="float64")


def _depend(model, x, given):
    """Return for each of two inputs whether what a model gives depends on it, as 0 or 1."""
    found = [0.0, 0.0]
    for k in range(min(2, len(x))):
        changed = [np.roll(one, 1, axis=0) ** 2 if j == k else one for j, one in enumerate(x)]
        found[k] = float(
            any(not np.allclose(a, b, atol=1e-6) for a, b in zip(given, _outputs(model, changed), strict=True))
        )
    return found


#: Where the parts of `branches` are.
BRANCHES_FORM, BRANCHES_SHARED, BRANCHES_PATHS = slice(0, 10), slice(10, 16), slice(16, None)


def _outputs(model, x, training=False):
    given = model(x if len(x) > 1 else x[0], training=training)
    given = list(given.values()) if isinstance(given, dict) else given
    return [np.asarray(one) for one in (given if isinstance(given, (list, tuple)) else [given])]


def on_backbone(model, weights, backbone):
    """Return the numbers of a model that was built on a network which was trained before.

    Parameters
    ----------
    model : keras.Model
    weights : list of array
        Those that it had.
    backbone : keras.Model
        The network, as it was handed to whoever built on it.

    Returns
    -------
    array
        How many weights are new; whether those of the backbone are as they were; how many numbers it gives, and
        `PARTS` numbers of these with canonical weights in what is new; for each of the new weights and then of each
        of the backbone's, in its order, whether it is trainable; whether the statistics of batch normalization stay
        as they were in a step of training.
    """
    model.set_weights(list(weights))
    own = {}
    for layer in leaves(model):
        for variable in layer.weights:
            own[layer.name, variable.name] = layer, variable
    theirs = [(layer.name, variable.name) for layer in leaves(backbone) for variable in layer.weights]
    known = dict(zip(theirs, [v for layer in leaves(backbone) for v in layer.weights], strict=True))
    new = [key for key in own if key not in known]
    kept = all(key in own and np.array_equal(own[key][1], known[key]) for key in theirs)
    for key in new:
        own[key][1].assign(canonical(key[1], tuple(own[key][1].shape)))
    x = probe(model.input_shape[1:], 4)
    # Of weights that nobody knows the numbers would be others every time.
    given = np.asarray(model(x, training=False)) * kept
    flags = [float(_is_trainable(*own[key])) for key in new[:2]] + [0.0] * (2 - min(2, len(new)))
    flags += [float(key in own and _is_trainable(*own[key])) for key in theirs]
    before = [np.array(own[key][1]) for key in theirs if key in own and key[1].startswith("moving")]
    model(x, training=True)
    after = [np.array(own[key][1]) for key in theirs if key in own and key[1].startswith("moving")]
    still = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    return np.array([len(new), kept, given.shape[-1], *numbers(given), *flags, still], dtype="float64")


#: Where the parts of `on_backbone` are: what the head gives, then flags.
HEAD, FLAGS = slice(0, 3 + PARTS), slice(3 + PARTS, None)


def _is_trainable(layer, variable):
    return bool(layer.trainable and variable.trainable)
