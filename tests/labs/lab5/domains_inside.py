"""What lab 5 asks of its functions of models, `activations` and `grad_cam`, read off its text alone.

What counts as asked:

- Models, sequential and functional, for gray and color images of any shape, with 1 to 12 maps in a layer, 2 to 10
  classes, and a last layer with softmax or without an activation.
- ``activations``: any of their layers but the one that says what comes in.
- ``grad_cam``: convolutions and what follows them, one map or many, where all that the model does goes through the
  layer: who looks at the rest of a model by itself cannot do otherwise.
- Images from -1 to 1, flat ones too. Where something speaks for a class, it is not next to nothing: what is divided
  by that is noise.

The models are few, tiny, built once and shared. A copy of one is the model itself as it was at first, and what leaves
one with other weights or another activation is wrong.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.domain import Domain, Region, no_difference, one_of, raise_error

Rng = np.random.Generator

# Models.


def _convolution(
    maps: int, kernel: int | tuple[int, int] = 3, activation: str | None = "relu", **more: Any
) -> Callable:
    return lambda: layers.Conv2D(maps, kernel, padding="same", activation=activation, **more)


_HALF, _AVERAGE = lambda: layers.MaxPooling2D(2), lambda: layers.AveragePooling2D(2, padding="same")
_MEAN, _FLAT, _RELU = layers.GlobalAveragePooling2D, layers.Flatten, layers.ReLU
_NORMAL, _DROP = layers.BatchNormalization, lambda: layers.Dropout(0.5)
#: By name: the shape of the images, how many classes, whether there is softmax, and the layers in between.
_SEQUENTIAL = {
    "plain": ((8, 8, 3), 5, True, (_convolution(4), _HALF, _convolution(6), _MEAN)),
    "single": ((9, 6, 1), 5, False, (_convolution(1), _FLAT)),
    "normalized": ((7, 9, 3), 10, True, (_convolution(4, 3, None), _NORMAL, _RELU, _convolution(5), _DROP, _FLAT)),
    "gray": ((6, 6, 1), 2, True, (_convolution(3, (3, 5)), _AVERAGE, _convolution(8, 1), _MEAN)),
    "strided": ((12, 5, 3), 2, False, (_convolution(8, 5, strides=2), _convolution(4), _FLAT)),
}
_FUNCTIONAL = {
    "wide": ((5, 12, 3), 5, True, (_convolution(12), _MEAN)),
    "hidden": (
        (8, 7, 1),
        10,
        False,
        (_convolution(4), _NORMAL, _HALF, _convolution(6), _FLAT, lambda: layers.Dense(7, "relu")),
    ),
    "linear": ((9, 9, 3), 5, True, (_convolution(4, 3, None), _AVERAGE, _convolution(3, 3, None), _MEAN)),
    "around": ((6, 8, 3), 5, True, (_convolution(4), "around", _HALF, _convolution(1), _FLAT)),
    "tiny": ((2, 3, 1), 5, False, (_convolution(5, 1), _DROP, _convolution(4), _NORMAL, _FLAT)),
    "tall": ((13, 4, 3), 2, True, (_convolution(5), _DROP, _HALF, _convolution(5, 3, "tanh"), _MEAN)),
}
_SHAPES = {name: shape for name, (shape, *_) in (_SEQUENTIAL | _FUNCTIONAL).items()}


@functools.cache
def _model(name: str) -> keras.Model:
    """Return a model of a name, always the same one, a copy of which is as the model was here."""
    shape, classes, softmax, between = (_SEQUENTIAL | _FUNCTIONAL)[name]
    x = at = keras.Input(shape)
    last = layers.Dense(classes, activation="softmax" if softmax else None)
    if name in _SEQUENTIAL:
        model = keras.Sequential([x, *(make() for make in between), last], name=name)
    else:
        for make in between:
            at = (
                layers.add([at, layers.Conv2D(at.shape[-1], 3, padding="same")(at)]) if make == "around" else make()(at)
            )
        model = keras.Model(x, last(at), name=name)
    rng = np.random.default_rng(len(name) + 10 * classes)
    model.set_weights([_weights(rng, variable) for variable in model.weights])
    if classes > 2:
        kernel, bias = last.get_weights()
        # Nothing speaks for the second class where features are not negative, everything for the third; what is seen
        # makes no difference to the fourth.
        kernel[:, 1], kernel[:, 2], kernel[:, 3] = -abs(kernel[:, 1]), abs(kernel[:, 2]), 0
        last.set_weights([kernel, bias])
    _first[model] = _state(model)
    model.__deepcopy__ = lambda memory: _as_at_first(model)
    return model


def _weights(rng: Rng, variable: Any) -> np.ndarray:
    shape = tuple(variable.shape)
    if variable.name == "kernel":
        return rng.normal(0, 1.5 / np.sqrt(np.prod(shape[:-1])), shape)
    return rng.uniform(0.5, 1.5, shape) if variable.name in ("gamma", "moving_variance") else rng.normal(0, 0.3, shape)


_first: weakref.WeakKeyDictionary[keras.Model, list] = weakref.WeakKeyDictionary()


def _state(model: keras.Model) -> list:
    return [(one, getattr(one, "activation", None), one.call, one.get_weights()) for one in model.layers]


def _changed(model: keras.Model) -> bool:
    """Return whether a model of this file is not as it was at first."""
    return any(
        getattr(one, "activation", None) is not activation or not all(map(np.array_equal, one.get_weights(), weights))
        for one, activation, _, weights in _first[model]
    )


def _as_at_first(model: keras.Model) -> keras.Model:
    for one, activation, call, weights in _first[model]:
        if one.call != call:
            one.call = call
        if activation is not None:
            one.activation = activation
        if not all(map(np.array_equal, one.get_weights(), weights)):
            one.set_weights(weights)
    return model


@functools.cache
def _images(name: str) -> list[np.ndarray]:
    """Return a few images for a model: what several questions share is looked at once."""
    rng, shape = np.random.default_rng(len(name)), _SHAPES[name]
    noise = rng.uniform(-1, 1, (4, *shape))
    return [*noise[:2], 0.1 * noise[2], 0 * noise[0], 0 * noise[0] - 1, np.sort(noise[3], axis=0), 0.6 + 0.4 * noise[3]]


def _draw(rng: Rng) -> tuple[keras.Model, np.ndarray]:
    name = str(one_of(rng, list(_SHAPES)))
    return _model(name), one_of(rng, _images(name)).astype(one_of(rng, ("float32", "float64")))


def _through(model: keras.Model) -> list[str]:
    """Return the layers of maps of a model through which all goes."""
    return [
        one.name
        for one in model.layers
        if not isinstance(one, layers.InputLayer) and len(one.output.shape) == 4 and not _aside(model, one)
    ]


def _aside(model: keras.Model, one: layers.Layer) -> bool:
    """Return whether a layer lies on a way around which another one goes."""
    joins = [each.input for each in model.layers if isinstance(each, layers.Add)]
    return any(one.output is tensor for pair in joins for tensor in pair[1:])


# What is right. The steps by themselves, since ways to be wrong take some of them. What a model of this file or any
# other one gives is kept as long as the model.

_known: weakref.WeakKeyDictionary[keras.Model, dict] = weakref.WeakKeyDictionary()


def _kept(function: Callable) -> Callable:
    """Return a function of a model, a layer's name, an image and more that does nothing twice."""

    @functools.wraps(function)
    def known(model: keras.Model, layer: str, image: np.ndarray, *more: Any) -> Any:
        image = np.asarray(image, "float32")
        found = _known.setdefault(model, {})
        key = function.__name__, layer, image.shape, image.tobytes(), more
        if key not in found:
            found[key] = function(model, layer, image, *more)
        return found[key]

    return known


def _part(model: keras.Model, layer: str) -> keras.Model:
    parts = _known.setdefault(model, {})
    if layer not in parts:
        # Sequential models have their layers before and behind as functional ones do.
        parts[layer] = keras.Model(model.inputs, [model.get_layer(layer).output, model.layers[-1].input])
    return parts[layer]


@_kept
def _maps(model: keras.Model, layer: str, image: np.ndarray) -> np.ndarray:
    return np.asarray(_part(model, layer)([image[None]], training=False)[0])[0].astype("float64")


@_kept
def _gradient(model: keras.Model, layer: str, image: np.ndarray, k: int, of: str = "score") -> np.ndarray:
    kernel, bias = model.layers[-1].get_weights()
    with tf.GradientTape() as tape:
        maps, features = _part(model, layer)([image[None]], training=False)
        scores = tf.matmul(features, kernel) + bias
        looked_at = (tf.nn.softmax(scores) if of == "probability" else scores)[0, k]
    return np.asarray(tape.gradient(looked_at, maps))[0].astype("float64")


def _activations(model: keras.Model, layer: str, image: np.ndarray) -> np.ndarray:
    return _maps(model, layer, image).copy()


def _raw(
    model: keras.Model,
    layer: str,
    image: np.ndarray,
    k: int,
    of: str = "score",
    weigh: Callable = lambda gradient: gradient.mean(axis=(0, 1)),
) -> np.ndarray:
    """Return a heat map before ReLU."""
    return (_maps(model, layer, image) * weigh(_gradient(model, layer, image, k, of))).sum(axis=-1)


def _scaled(heat: np.ndarray) -> np.ndarray:
    return heat / heat.max() if heat.max() > 0 else 0 * heat


def _heat(*arguments: Any, **other: Any) -> np.ndarray:
    return _scaled(np.maximum(_raw(*arguments, **other), 0))


def _same(value: Any, expected: np.ndarray, arguments: Sequence) -> bool:
    return not _changed(arguments[0]) and no_difference(value, expected, arguments)


# Regions.


def _about(factor: str, conditions: dict[str, Callable[..., bool]]) -> dict[str, Region]:
    """Return regions of which each takes the model, the layer, the image, and the class where there is one."""
    return {name: Region(factor, condition) for name, condition in conditions.items()}


def _is(*kinds: type) -> Callable[..., bool]:
    return lambda m, n, *rest: isinstance(m.get_layer(n), kinds)


def _given(m: keras.Model, n: str) -> tuple[int, ...]:
    return m.get_layer(n).output.shape[1:]


_OF_BOTH = {
    **_about(
        "kind",
        {
            "the model is sequential": lambda m, *rest: isinstance(m, keras.Sequential),
            "the model is functional": lambda m, *rest: not isinstance(m, keras.Sequential),
        },
    ),
    **_about(
        "last",
        {
            "the last layer has softmax": lambda m, *rest: m.layers[-1].activation is keras.activations.softmax,
            "the last layer has no activation": lambda m, *rest: m.layers[-1].activation is keras.activations.linear,
        },
    ),
    **_about(
        "model",
        {
            "there is batch normalization": lambda m, *rest: any(isinstance(one, _NORMAL) for one in m.layers),
            "there is dropout": lambda m, *rest: any(isinstance(one, layers.Dropout) for one in m.layers),
            "there is one convolution": lambda m, *rest: _convolutions(m) == 1,
            "there are several convolutions": lambda m, *rest: _convolutions(m) > 1,
            "the maps are flattened": lambda m, *rest: any(isinstance(one, _FLAT) for one in m.layers),
            "the maps are averaged": lambda m, *rest: any(isinstance(one, _MEAN) for one in m.layers),
            "a dense layer is hidden": lambda m, *rest: sum(isinstance(one, layers.Dense) for one in m.layers) > 1,
        },
    ),
    **_about(
        "shape",
        {
            "the image is square": lambda m, n, x, *rest: x.shape[0] == x.shape[1],
            "the image is tall": lambda m, n, x, *rest: x.shape[0] > x.shape[1],
            "the image is wide": lambda m, n, x, *rest: x.shape[0] < x.shape[1],
        },
    ),
    **_about(
        "channels",
        {
            "the image is gray": lambda m, n, x, *rest: x.shape[2] == 1,
            "the image has colors": lambda m, n, x, *rest: x.shape[2] == 3,
        },
    ),
    **_about(
        "image",
        {
            "the image is flat": lambda m, n, x, *rest: np.ptp(x) == 0,
            "the image is bright": lambda m, n, x, *rest: x.min() > 0,
            "the image is of both signs": lambda m, n, x, *rest: x.min() < 0 < x.max(),
        },
    ),
    **_about(
        "type",
        {
            "float32": lambda m, n, x, *rest: x.dtype == np.float32,
            "float64": lambda m, n, x, *rest: x.dtype == np.float64,
        },
    ),
    **_about(
        "layer",
        {
            "the layer is a convolution": _is(layers.Conv2D),
            "the layer is batch normalization": _is(layers.BatchNormalization),
            "the layer is pooling": _is(layers.MaxPooling2D, layers.AveragePooling2D),
            "the layer is dropout": _is(layers.Dropout),
            "the layer is no convolution": lambda m, n, *rest: not isinstance(m.get_layer(n), layers.Conv2D),
        },
    ),
    **_about(
        "place",
        {
            "it is the first layer": lambda m, n, *rest: _named(m)[0] == n,
            "it is not the first layer": lambda m, n, *rest: _named(m)[0] != n,
            "it is the last layer of maps": lambda m, n, *rest: _through(m)[-1] == n,
        },
    ),
    **_about(
        "maps",
        {
            "there is one map": lambda m, n, *rest: len(_given(m, n)) == 3 and _given(m, n)[-1] == 1,
            "there are several maps": lambda m, n, *rest: len(_given(m, n)) == 3 and _given(m, n)[-1] > 1,
            "there are more than 5 maps": lambda m, n, *rest: len(_given(m, n)) == 3 and _given(m, n)[-1] > 5,
        },
    ),
    **_about(
        "size",
        {
            "the maps are square": lambda m, n, *rest: len(_given(m, n)) == 3 and _given(m, n)[0] == _given(m, n)[1],
            "the maps have an odd number of rows": lambda m, n, *rest: (
                len(_given(m, n)) == 3 and _given(m, n)[0] % 2 == 1
            ),
            "the maps have an even number of rows": lambda m, n, *rest: (
                len(_given(m, n)) == 3 and _given(m, n)[0] % 2 == 0
            ),
            "the maps are as large as the image": lambda m, n, x, *rest: _given(m, n)[:2] == x.shape[:2],
            "the maps are smaller than the image": lambda m, n, x, *rest: (
                len(_given(m, n)) == 3 and _given(m, n)[0] < x.shape[0]
            ),
        },
    ),
}


def _convolutions(m: keras.Model) -> int:
    return sum(isinstance(one, layers.Conv2D) for one in m.layers)


def _named(m: keras.Model) -> list[str]:
    return [one.name for one in m.layers if not isinstance(one, layers.InputLayer)]


# Maps.


def _draw_maps(rng: Rng) -> tuple:
    model, image = _draw(rng)
    return model, str(one_of(rng, _named(model))), image


def _another_layer(step: int) -> Callable[[Any, Sequence], np.ndarray]:
    def spoil(value: Any, arguments: Sequence) -> np.ndarray:
        model, layer, image = arguments
        names = _named(model)
        return _activations(model, names[min(max(names.index(layer) + step, 0), len(names) - 1)], image)

    return spoil


def _in_training(value: Any, arguments: Sequence) -> np.ndarray:
    """Answer as in training, and leave the model as it was: to change it is another way to be wrong."""
    model, layer, image, *_ = arguments
    weights = model.get_weights()
    found = np.asarray(_part(model, layer)([np.asarray(image, "float32")[None]], training=True)[0])[0]
    model.set_weights(weights)
    return found


def _changes_image(value: Any, arguments: Sequence) -> Any:
    arguments[2][...] = (arguments[2] + 3) / 2
    return value


def _changes_weights(value: Any, arguments: Sequence) -> Any:
    last = arguments[0].layers[-1]
    last.set_weights([one + 0.5 * np.arange(one.shape[-1], dtype="float32") for one in last.get_weights()])
    return value


def _changes_activation(value: Any, arguments: Sequence) -> Any:
    arguments[0].layers[-1].activation = keras.activations.linear
    return value


_MAP_REGIONS = _OF_BOTH | {
    **_about(
        "vector",
        {
            "the layer gives a vector": lambda m, n, x: len(_given(m, n)) == 1,
            "the layer gives maps": lambda m, n, x: len(_given(m, n)) == 3,
            "the layer is the last one": lambda m, n, x: m.layers[-1].name == n,
            "the layer is flattened": _is(layers.Flatten),
        },
    ),
    **_about(
        "signs",
        {
            "some of its numbers are negative": lambda m, n, x: _maps(m, n, x).min() < 0,
            "none of its numbers is negative": lambda m, n, x: _maps(m, n, x).min() >= 0,
        },
    ),
}
_MAP_WRONGS = {
    "keeps the axis of the batch": lambda value, arguments: value[None],
    "takes the next layer": _another_layer(1),
    "takes the layer before": _another_layer(-1),
    "takes the first layer": _another_layer(-99),
    "takes the last layer": _another_layer(99),
    "acts as in training": _in_training,
    "averages the maps": lambda value, arguments: value.mean(axis=-1),
    "returns the first map": lambda value, arguments: value[..., :1],
    "puts channels first": lambda value, arguments: np.moveaxis(value, -1, 0),
    "transposes": lambda value, arguments: value.T,
    "mirrors": lambda value, arguments: value[:, ::-1] if value.ndim > 1 else value[::-1],
    "flattens": lambda value, arguments: value.ravel(),
    "scales": lambda value, arguments: value / max(np.abs(value).max(), 1e-9),
    "rectifies": lambda value, arguments: np.maximum(value, 0),
    "rounds": lambda value, arguments: np.round(value, 2),
    "adds one": lambda value, arguments: value + 1,
    "returns zeros": lambda value, arguments: 0 * value,
    "looks at the mirrored image": lambda value, arguments: _activations(*arguments[:2], arguments[2][:, ::-1]),
    "looks at half the contrast": lambda value, arguments: _activations(*arguments[:2], arguments[2] / 2),
    "changes the image": _changes_image,
    "changes the weights": _changes_weights,
    "changes the last activation": _changes_activation,
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
}

# Heat maps.


def _draw_heat(rng: Rng) -> tuple:
    while True:
        model, image = _draw(rng)
        layer, k = str(one_of(rng, _through(model))), int(rng.integers(model.output_shape[-1]))
        raw = _raw(model, layer, image, k)
        if raw.max() <= 0 or raw.max() > 1e-3 * np.abs(raw).max():
            return model, layer, image, k


def _another_class(value: Any, arguments: Sequence) -> np.ndarray:
    model, layer, image, k = arguments
    return _heat(model, layer, image, (k + 1) % model.output_shape[-1])


def _heat_of_another_layer(value: Any, arguments: Sequence) -> np.ndarray:
    model, layer, image, k = arguments
    names = _through(model)
    return _heat(model, names[(names.index(layer) + 1) % len(names)], image, k)


def _where_nothing(number: float) -> Callable[[Any, Sequence], np.ndarray]:
    return lambda value, arguments: value if value.max() > 0 else value + number


def _weighed(weigh: Callable[[np.ndarray], Any], of: str = "score") -> Callable[[Any, Sequence], np.ndarray]:
    return lambda value, arguments: _heat(*arguments, of=of, weigh=weigh)


def _stretched(value: Any, arguments: Sequence) -> np.ndarray:
    raw = _raw(*arguments)
    return _scaled(raw - raw.min())


def _each_rectified(value: Any, arguments: Sequence) -> np.ndarray:
    weights = _gradient(*arguments).mean(axis=(0, 1))
    return _scaled(np.maximum(_maps(*arguments[:3]) * weights, 0).sum(axis=-1))


def _mean(gradient: np.ndarray) -> np.ndarray:
    return gradient.mean(axis=(0, 1))


_HEAT_REGIONS = _OF_BOTH | {
    **_about(
        "classes",
        {
            "there are two classes": lambda m, n, x, k: m.output_shape[-1] == 2,
            "there are 5 classes": lambda m, n, x, k: m.output_shape[-1] == 5,
            "there are more than 5 classes": lambda m, n, x, k: m.output_shape[-1] > 5,
        },
    ),
    **_about(
        "class",
        {
            "it is class 0": lambda m, n, x, k: k == 0,
            "it is the last class": lambda m, n, x, k: k == m.output_shape[-1] - 1,
            "it is a class between": lambda m, n, x, k: 0 < k < m.output_shape[-1] - 1,
        },
    ),
    **_about(
        "heat",
        {
            "nothing speaks for the class": lambda *arguments: _raw(*arguments).max() <= 0,
            "all speaks against the class": lambda *arguments: _raw(*arguments).max() <= 0 > _raw(*arguments).min(),
            "the score does not change": lambda *arguments: not _gradient(*arguments).any(),
            "all speaks for the class": lambda *arguments: _raw(*arguments).min() > 0,
            "some speaks for the class and some against": lambda *arguments: (
                _raw(*arguments).min() < 0 < _raw(*arguments).max()
            ),
        },
    ),
    **_about(
        "weights",
        {
            "all weights are positive": lambda *arguments: _mean(_gradient(*arguments)).min() > 0,
            "all weights are negative": lambda *arguments: _mean(_gradient(*arguments)).max() < 0,
            "weights are of both signs": lambda *arguments: np.ptp(np.sign(_mean(_gradient(*arguments)))) == 2,
        },
    ),
}
_HEAT_WRONGS = {
    "forgets ReLU": lambda value, arguments: _scaled(_raw(*arguments)),
    "takes absolute values": lambda value, arguments: _scaled(np.abs(_raw(*arguments))),
    "shows what speaks against the class": lambda value, arguments: _scaled(np.maximum(-_raw(*arguments), 0)),
    "differentiates the probability": _weighed(_mean, "probability"),
    "averages over the channels": _weighed(lambda gradient: gradient.mean(axis=-1, keepdims=True)),
    "averages over everything": _weighed(lambda gradient: gradient.mean()),
    "averages over the rows alone": _weighed(lambda gradient: gradient.mean(axis=0)),
    "does not average": _weighed(lambda gradient: gradient),
    "takes the largest gradient": _weighed(lambda gradient: gradient.max(axis=(0, 1))),
    "takes the size of the gradient": _weighed(lambda gradient: np.abs(gradient).mean(axis=(0, 1))),
    "rectifies the gradient": _weighed(lambda gradient: np.maximum(gradient, 0).mean(axis=(0, 1))),
    "rectifies the weights": _weighed(lambda gradient: np.maximum(_mean(gradient), 0)),
    "rectifies each map": _each_rectified,
    "adds the maps": _weighed(lambda gradient: 1 + 0 * _mean(gradient)),
    "takes the first map alone": _weighed(lambda gradient: _mean(gradient) * (np.arange(gradient.shape[-1]) == 0)),
    "looks at the next class": _another_class,
    "looks at class 0": lambda value, arguments: _heat(*arguments[:3], 0),
    "looks at another layer": _heat_of_another_layer,
    "looks at the mirrored image": lambda value, arguments: _heat(*arguments[:2], arguments[2][:, ::-1], arguments[3]),
    "does not scale": lambda value, arguments: np.maximum(_raw(*arguments), 0),
    "divides by the sum": lambda value, arguments: value / max(value.sum(), 1e-9),
    "stretches from the smallest number": _stretched,
    "adds to what it divides by": lambda value, arguments: value * (1 - 1e-2),
    "is 1 where nothing speaks": _where_nothing(1.0),
    "is no number where nothing speaks": _where_nothing(np.nan),
    "keeps the axis of the batch": lambda value, arguments: value[None],
    "keeps an axis of channels": lambda value, arguments: value[..., None],
    "transposes": lambda value, arguments: value.T,
    "mirrors": lambda value, arguments: value[:, ::-1],
    "rounds": lambda value, arguments: np.round(value, 2),
    "returns zeros": lambda value, arguments: 0 * value,
    "returns per cent": lambda value, arguments: 100 * value,
    "adds a tenth": lambda value, arguments: value + 0.1,
    "changes the image": _changes_image,
    "changes the weights": _changes_weights,
    "changes the last activation": _changes_activation,
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
}

DOMAINS = {
    "activations": Domain(_draw_maps, _activations, _same, _MAP_REGIONS, _MAP_WRONGS, slow=True),
    "grad_cam": Domain(_draw_heat, _heat, _same, _HEAT_REGIONS, _HEAT_WRONGS, slow=True),
}
