"""What a network for pixels does, as a few numbers."""

import numpy as np

from autograder.checking.network_numbers import PARTS, acts_otherwise, fill, leaves, numbers, probe

#: Images that a network is tried with: one of the lab, and others with sides that are multiples of 4, and of 8.
SQUARE, OF_FOUR, OF_EIGHT = (128, 128), (36, 52), (40, 56)
#: Rows and columns of the images with which levels are told: each halving is one.
_SIDE = 64
#: What a U-Net has: two scores per pixel of `SQUARE` and of `OF_EIGHT`, three halvings, no softmax; all of it and the
#: way through each of its three skip connections say something.
UNET = (*SQUARE, 2, *OF_EIGHT, 2, 1, 0, 1, 1, 1, 1)
UNET_FORM, UNET_SKIPS = slice(0, 8), slice(8, 12)
#: Weights so many times as large make scores larger, and no probabilities.
_LARGER = 1000.0


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

    Weights are drawn and everything that is added is 0, so what comes from zeros is zero. Then what layers give is
    replaced by 0: of the deepest ones; and of all that is smaller than a level, without and with the convolutions of
    that level that lead further down. Where these two differ, what was there before pooling has come by another way.
    Maps that were pooled, and an image that was made smaller, have not.

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
    found = [*_shape(model, SQUARE), *_shape(model, OF_EIGHT)]
    try:
        # One of a fixed size is asked for images of that size: that it is fixed is charged elsewhere.
        side = model.inputs[0].shape[1] or _SIDE
        watched = _Watched(model, probe((side, side, 3)))
        whole, deepest = watched.given(), max(watched.level.values())
        found += [float(deepest >= 3), float(_squashes(model, watched)), _differ(whole, watched.given(silent=3))]
        for level in (2, 1, 0):
            down = watched.leading_down(level)
            found.append(_differ(watched.given(cut=level), watched.given(cut=level, without=down), whole))
    except Exception:
        found += [0.0] * (len(UNET) - len(found))
    return np.array(found, dtype="float64")


def _differ(one, other, whole=None):
    """Return whether two answers differ by more than rounding, measured by the larger of all answers."""
    size = np.abs(one if whole is None else whole).max()
    return float(np.abs(one - other).max() > 1e-6 * size)


def _squashes(model, watched):
    """Return whether a network has a softmax, or ends in something else whose values stay between -1 and 1."""
    for layer in leaves(model):
        if "softmax" in (type(layer).__name__.lower(), getattr(getattr(layer, "activation", None), "__name__", "")):
            return True
    last = [layer for layer in watched.order if layer.weights][-1]
    kept = last.get_weights()
    last.set_weights([_LARGER * one for one in kept])
    found = np.abs(watched.given()).max()
    last.set_weights(kept)
    return found <= 1.001


class _Watched:
    """A model whose layers are watched while it is asked, and give zeros where that is wanted.

    ``level`` has for each layer with weights, by its id, how often the image was halved where it is reached; ``order``
    all layers as they are reached.
    """

    def __init__(self, model, images):
        self._model, self._images = model, images
        self.level, self.order, self._outputs, self._first = {}, [], {}, {}
        self._cut, self._silent, self._without = 99, 99, ()
        for layer in {id(layer): layer for layer in leaves(model)}.values():
            layer.call = self._watching(layer, layer.call)

    def given(self, cut=99, silent=99, without=()):
        """Return what the model gives where layers beyond a level give zeros: all of them, or those with weights."""
        self._cut, self._silent, self._without, self._outputs = cut, silent, without, {}
        found = np.asarray(self._model(self._images, training=False))
        self._first = self._first or dict(self._outputs)
        return found

    def leading_down(self, level):
        """Return the layers with weights at a level on which others depend that are smaller."""
        found = []
        # In the order in which they are reached: what comes behind all of these leads to none.
        below = [key for key, own in self.level.items() if own > level]
        first = list(self.level).index(below[-1]) if below else 0
        for key in (key for key in list(self.level)[:first] if self.level[key] == level):
            self.given(without=(key,))
            if any(_differ(self._first[other], self._outputs[other]) for other in below):
                found.append(key)
        return found

    def _watching(self, layer, call):
        def answer(*arguments, **named):
            given = call(*arguments, **named)
            # What has no places, such as a weight for each map, is no level.
            placed = len(given.shape) == 4 and given.shape[1] > 1
            level = int(round(np.log2(self._images.shape[1] / given.shape[1]))) if placed else -1
            key = id(layer)
            if not self._first:
                self.order.append(layer)
            if layer.weights:
                self.level[key] = level if level < 0 else min(level, self.level.get(key, level))
                # Of a layer that is used twice, what it gives first.
                self._outputs.setdefault(key, np.asarray(given))
            zero = level > self._cut or (layer.weights and level >= self._silent) or key in self._without
            return given * 0 if zero else given

        return answer
