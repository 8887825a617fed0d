"""What a network for pixels does, as a few numbers."""

import numpy as np

from autograder.checking.network_numbers import PARTS, acts_otherwise, fill, leaves, numbers, probe

#: Images that a network is tried with: one of the lab, and others with sides that are multiples of 4, and of 8.
SQUARE, OF_FOUR, OF_EIGHT = (128, 128), (36, 52), (40, 56)
#: Rows and columns of the images with which levels are told: each halving is one.
_SIDE = 64
#: What a U-Net has: two scores per pixel of `SQUARE` and of `OF_EIGHT`, no dense layer, three halvings; all of it and
#: the way through each of its three skip connections say something.
UNET = (*SQUARE, 2, *OF_EIGHT, 2, 0, 1, 1, 1, 1, 1)
UNET_FORM, UNET_SKIPS = slice(0, 8), slice(8, 12)


def _shape(model, sides):
    """Return the shape of what a model gives for images of a size; zeros where it takes none."""
    # Keras lets a sequential model take other images than those of its input, and a functional one not.
    named = model.inputs[0].shape[1:3]
    if any(own not in (None, side) for own, side in zip(named, sides)):  # noqa: B905
        return [0, 0, 0]
    try:
        given = model(probe((*sides, 3)))
    except Exception:
        return [0, 0, 0]
    return [*given.shape[1:], 0, 0, 0][:3]


def _dense(model):
    return sum(type(layer).__name__ in ("Dense", "Flatten", "GlobalAveragePooling2D") for layer in leaves(model))


def fcn(model):
    """Return the numbers of a network whose layers follow each other.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    array
        The shapes of what it gives for images of `SQUARE` and `OF_FOUR`, how many layers lose the place of a pixel;
        then how many parameters it has, whether it acts otherwise in training, and `PARTS` numbers.
    """
    fill(model)
    form = [*_shape(model, SQUARE), *_shape(model, OF_FOUR), _dense(model)]
    images = probe((*SQUARE, 3))
    try:
        given = numbers(np.asarray(model(images, training=False))[:, 40:80, 40:80])
        otherwise = acts_otherwise(model, images)
    except Exception:
        given, otherwise = np.zeros(PARTS), 0.0
    return np.array([*form, model.count_params(), otherwise, *given], dtype="float64")


#: Where the parts of `fcn` are.
FCN_FORM, FCN_LAYERS = slice(0, 7), slice(7, None)


def unet(model):
    """Return the numbers of a network that goes down to a bottleneck and up again.

    Weights are drawn and everything that is added is 0, so what comes from zeros is zero. Then all layers below a level
    get weights of 0: whatever the output says of the image now has come another way.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    array
        As `UNET`.
    """
    fill(model)
    for variable in model.weights:
        if variable.name in ("bias", "beta", "moving_mean"):
            variable.assign(np.zeros(variable.shape))
    found = [*_shape(model, SQUARE), *_shape(model, OF_EIGHT), _dense(model)]
    try:
        # One of a fixed size is asked for images of that size: that it is fixed is charged elsewhere.
        side = model.inputs[0].shape[1] or _SIDE
        images = probe((side, side, 3))
        levels = _levels(model, images)
        given = [np.asarray(model(images, training=False))]
        deepest = max(level for _, level in levels)
        for level in (3, 2, 1):
            for layer, own in levels:
                if own >= level:
                    layer.set_weights([np.zeros_like(one) for one in layer.get_weights()])
            given.append(np.asarray(model(images, training=False)))
        size = np.abs(given[0]).max()
        # Without anything below the first level, what is left must still depend on the image.
        given.append(given[-1][::-1])
        flags = [float(np.abs(a - b).max() > 1e-6 * size) for a, b in zip(given, given[1:], strict=False)]
        found += [float(deepest >= 3), *flags]
    except Exception:
        found += [0.0] * 5
    return np.array(found, dtype="float64")


def _levels(model, images):
    """Return each layer that has weights with how often the image was halved when it is reached."""
    seen = {}

    def watched(layer, call):
        def answer(*arguments, **named):
            given = call(*arguments, **named)
            rank_4 = len(given.shape) == 4 and given.shape[1]
            level = int(round(np.log2(images.shape[1] / given.shape[1]))) if rank_4 else 99
            seen[id(layer)] = min(level, seen.get(id(layer), 99))
            return given

        return answer

    every = list({id(layer): layer for layer in leaves(model)}.values())
    for layer in every:
        layer.call = watched(layer, layer.call)
    model(images, training=False)
    return [(layer, seen[id(layer)]) for layer in every if layer.weights and id(layer) in seen]
