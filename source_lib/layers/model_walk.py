"""A walk through a whole network: sizes, parameters, multiply-adds and receptive field, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from source_lib.layers.arithmetic import (
    conv_multiply_adds,
    conv_parameters,
    dense_parameters,
    output_size,
    padding_sides,
    pair,
)

if TYPE_CHECKING:
    import keras

#: Layers that leave shapes as they are and have no parameters. Augmentation does nothing once a network is used.
UNCHANGED = frozenset(
    {
        *("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Identity", "Rescaling"),
        *("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise"),
        *("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear"),
        *("RandomContrast", "RandomBrightness"),
    }
)
CONVOLUTIONS = frozenset({"Conv2D", "DepthwiseConv2D", "SeparableConv2D"})
POOLINGS = frozenset({"MaxPooling2D", "AveragePooling2D"})
GLOBAL_POOLINGS = frozenset({"GlobalAveragePooling2D", "GlobalMaxPooling2D"})
KINDS = UNCHANGED | CONVOLUTIONS | POOLINGS | GLOBAL_POOLINGS
KINDS |= {"ZeroPadding2D", "Flatten", "Dense", "BatchNormalization"}


@dataclass(frozen=True)
class Layer:
    """One layer of a network, in Keras' words; what a kind does not have is left as it is.

    Attributes
    ----------
    kind : str
        Keras' name of the class, such as ``'Conv2D'``; `KINDS` has all that are known.
    filters : int
        Output channels of ``Conv2D`` and ``SeparableConv2D``.
    kernel : int or (int, int)
        Size of the kernel or of the pooling window.
    stride : int or (int, int), optional
        Pixels from one position of the window to the next; by default 1, and for a pooling the size of its window.
    dilation : int or (int, int)
        Pixels from one weight of the kernel to the next.
    padding : int, (int, int), ((int, int), (int, int)), ``'valid'`` or ``'same'``
        Pixels added on each side; for rows and columns; before and after both; or Keras' word.
    units : int
        Outputs of ``Dense``.
    bias : bool
        Whether there are biases.
    multiplier : int
        Channels that ``DepthwiseConv2D`` and ``SeparableConv2D`` make of each input channel.
    groups : int
        Parts into which ``Conv2D`` cuts the channels; each output channel looks at one part.
    scale, center : bool
        Whether ``BatchNormalization`` learns a factor and an offset.
    keepdims : bool
        Whether a global pooling leaves a map of one place.
    trainable : bool
        Whether the parameters are trained.
    name : str
        By default the kind in lower case with a number.
    """

    kind: str
    filters: int = 0
    kernel: int | Sequence[int] = 1
    stride: int | Sequence[int] | None = None
    dilation: int | Sequence[int] = 1
    padding: int | Sequence[int] | Sequence[Sequence[int]] | str = "valid"
    units: int = 0
    bias: bool = True
    multiplier: int = 1
    groups: int = 1
    scale: bool = True
    center: bool = True
    keepdims: bool = False
    trainable: bool = True
    name: str = ""


@dataclass(frozen=True)
class LayerRow:
    """What one layer does to one image. Pairs are rows and columns; None stands where there is no such thing.

    Attributes
    ----------
    name, kind : str
        The layer.
    output_shape : tuple of int
        [rows, columns, channels], or [values] for a vector.
    parameters : int
        Weights, biases, and what batch normalization keeps.
    trainable : int
        How many of them are trained.
    multiply_adds : int
        Multiplications of a value with a weight. Poolings and activations have none.
    kernel, stride, dilation : (int, int) or None
        Of a convolution or a pooling.
    padding : ((int, int), (int, int)) or None
        Pixels added above and below, left and right.
    receptive_field : (int, int) or None
        Input pixels from the first to the last that an output value depends on, those outside of the image included.
    jump : (int, int) or None
        Input pixels from the receptive field of one output to that of its neighbor; None for a vector.
    start : (int, int) or None
        First row and column of the receptive field of the first output; negative in the padding.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    dilation: tuple[int, int] | None
    padding: tuple[tuple[int, int], tuple[int, int]] | None
    receptive_field: tuple[int, int] | None
    jump: tuple[int, int] | None
    start: tuple[int, int] | None


@dataclass(frozen=True)
class _View:
    """What a place of the present map sees of the input, along one axis."""

    places: int
    field: int = 1
    jump: int = 1
    start: int = 0

    def through(self, places: int, kernel: int = 1, stride: int = 1, dilation: int = 1, before: int = 0) -> _View:
        """Return what a place sees through a window on this map.

        The recursion is that of A. Araujo, W. Norris and J. Sim, Distill, 2019, doi:10.23915/distill.00021, from the
        input on: a place of the map is `jump` pixels from the next and itself sees `field`.
        """
        field = self.field + dilation * (kernel - 1) * self.jump
        return _View(places, field, self.jump * stride, self.start - before * self.jump)

    def whole(self) -> _View:
        return self.through(1, kernel=self.places)


def walk(
    network: keras.Model | Iterable[Layer | keras.layers.Layer], input_shape: Sequence[int] | None = None
) -> list[LayerRow]:
    """Go through a network layer by layer and work out what each one does to one image.

    Sizes, parameters and receptive fields follow from the layers' settings and `source_lib.layers.arithmetic` alone.
    Nothing is run, and Keras computes none of them.

    Parameters
    ----------
    network : keras.Model or iterable of Layer or keras.layers.Layer
        A Sequential model, a functional model in which each layer follows one other, or a list of layers. Models
        inside of a model count as their layers.
    input_shape : sequence of int, optional
        [rows, columns, channels] of an image, or [values] of a vector. A model that was built knows it.

    Returns
    -------
    list of LayerRow
        One per layer; ``pandas.DataFrame(walk(model))`` makes a table of them.

    Raises
    ------
    ValueError
        If a layer does not fit on what comes before it, with the layer and the formula; if a layer or the way in which
        the layers hang together is not known here; or if the input's shape is not known.

    References
    ----------
    V. Dumoulin and F. Visin, arXiv:1603.07285, 2016, for sizes; A. Araujo, W. Norris and J. Sim, Distill, 2019,
    doi:10.23915/distill.00021, for receptive field, jump and start.

    Examples
    --------
    >>> rows = walk([Layer("Conv2D", filters=8, kernel=3, padding="same"), Layer("MaxPooling2D", kernel=2),
    ...              Layer("Flatten"), Layer("Dense", units=10)], (28, 28, 1))
    >>> for row in rows:
    ...     print(row.name, row.output_shape, row.parameters, row.multiply_adds, row.receptive_field)
    conv2d_1 (28, 28, 8) 80 56448 (3, 3)
    maxpooling2d_1 (14, 14, 8) 0 0 (4, 4)
    flatten_1 (1568,) 0 0 (4, 4)
    dense_1 (10,) 15690 15680 (30, 30)

    At the end the receptive field is larger than the image: it counts the padding.
    """
    if input_shape is None:
        input_shape = _input_shape(network)
    shape = tuple(int(size) for size in input_shape)
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise ValueError(
            f"input_shape is {shape}; it is [rows, columns, channels] of an image, or [values] of a vector."
        )
    views = tuple(_View(size) for size in shape[:2]) if len(shape) == 3 else None
    rows, names = [], Counter()
    for number, layer in enumerate(_layers(network), start=1):
        names[layer.kind] += 1
        layer = replace(layer, name=layer.name or f"{layer.kind.lower()}_{names[layer.kind]}")
        try:
            row, views = _step(layer, shape, views)
        except ValueError as error:
            raise ValueError(f"Layer {number}, {layer.name} ({layer.kind}), on {_by(shape)}: {error}") from None
        rows.append(row)
        shape = row.output_shape
    return rows


def _step(
    layer: Layer, shape: tuple[int, ...], views: tuple[_View, _View] | None
) -> tuple[LayerRow, tuple[_View, _View] | None]:
    """Return the row of one layer on an input of this shape, and what the places of its output see."""
    kind, channels = layer.kind, shape[-1]
    needs_maps = kind in CONVOLUTIONS | POOLINGS | GLOBAL_POOLINGS | {"ZeroPadding2D"}
    if needs_maps and len(shape) != 3:
        raise ValueError("it needs maps [rows, columns, channels], and what comes here is a vector.")
    trained = kept = products = 0
    window = {}
    if kind in CONVOLUTIONS | POOLINGS:
        kernel = pair(layer.kernel)
        default = kernel if kind in POOLINGS else 1
        stride, dilation = pair(default if layer.stride is None else layer.stride), pair(layer.dilation)
        settings = list(zip(shape[:2], kernel, stride, _padding(layer.padding), dilation, strict=True))
        size = tuple(output_size(*each) for each in settings)
        padding = tuple(padding_sides(*each) for each in settings)
        window = {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}
        views = tuple(
            view.through(*each)
            for view, *each in zip(views, size, kernel, stride, dilation, (p[0] for p in padding), strict=True)
        )
        shape = (*size, channels)
        if kind in CONVOLUTIONS:
            shape, trained, products = _convolve(layer, kernel, size, channels)
    elif kind in GLOBAL_POOLINGS:
        views = tuple(view.whole() for view in views)
        shape = (1, 1, channels) if layer.keepdims else (channels,)
    elif kind == "ZeroPadding2D":
        sides = [padding_sides(1, 1, padding=each) for each in _padding(layer.padding)]
        size = tuple(n + sum(side) for n, side in zip(shape, sides, strict=False))
        views = tuple(view.through(n, before=side[0]) for view, n, side in zip(views, size, sides, strict=True))
        window = {"padding": tuple(sides)}
        shape = (*size, channels)
    elif kind == "Flatten":
        shape = (int(np.prod(shape)),)
    elif kind == "Dense":
        trained = dense_parameters(channels, layer.units, layer.bias)
        products = int(np.prod(shape)) * layer.units
        # On maps Keras applies it at each place.
        views = tuple(view.whole() for view in views) if views and len(shape) == 1 else views
        shape = (*shape[:-1], layer.units)
    elif kind == "BatchNormalization":
        trained, kept = (layer.scale + layer.center) * channels, 2 * channels
        products = int(np.prod(shape)) * layer.scale
    elif kind not in UNCHANGED:
        raise ValueError(f"this kind of layer is not known here. Known are {', '.join(sorted(KINDS))}.")
    is_map = views and len(shape) == 3
    row = LayerRow(
        name=layer.name,
        kind=kind,
        output_shape=shape,
        parameters=trained + kept,
        trainable=trained if layer.trainable else 0,
        multiply_adds=products,
        **{name: window.get(name) for name in ("kernel", "stride", "dilation", "padding")},
        receptive_field=tuple(view.field for view in views) if views else None,
        jump=tuple(view.jump for view in views) if is_map else None,
        start=tuple(view.start for view in views) if views else None,
    )
    return row, views


def _convolve(
    layer: Layer, kernel: tuple[int, int], size: tuple[int, int], channels: int
) -> tuple[tuple[int, ...], int, int]:
    """Return output shape, parameters and multiply-adds of a convolution on maps with so many channels."""
    if layer.kind == "Conv2D":
        if channels % layer.groups or layer.filters % layer.groups:
            raise ValueError(f"{channels} and {layer.filters} channels cannot be cut into {layer.groups} equal parts.")
        seen = channels // layer.groups
        parameters = conv_parameters(kernel, seen, layer.filters, layer.bias)
        return (*size, layer.filters), parameters, conv_multiply_adds(size, kernel, seen, layer.filters)
    middle = channels * layer.multiplier
    # One layer of the kernel for each channel, which looks at no other.
    products = conv_multiply_adds(size, kernel, 1, middle)
    if layer.kind == "DepthwiseConv2D":
        return (*size, middle), conv_parameters(kernel, 1, middle, layer.bias), products
    parameters = conv_parameters(kernel, 1, middle, bias=False) + conv_parameters(1, middle, layer.filters, layer.bias)
    return (*size, layer.filters), parameters, products + conv_multiply_adds(size, 1, middle, layer.filters)


def _padding(value: Any) -> tuple[Any, Any]:
    """Return the padding of rows and that of columns, each as `output_size` takes it."""
    return (value, value) if isinstance(value, str) else pair(value) if np.ndim(value) < 2 else tuple(map(tuple, value))


def _by(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) if len(shape) > 1 else f"a vector of {shape[0]}"


# --- reading Keras' layers, without importing Keras ---------------------------------------------------------------


def _is_keras(thing: object, *names: str) -> bool:
    """Return whether a class of Keras with one of these names is among the object's classes."""
    classes = type(thing).__mro__
    return any(c.__name__ in names and c.__module__.split(".")[0] == "keras" for c in classes)


def _layers(network: Any, name: str = "") -> Iterator[Layer]:
    """Yield the layers of a list or of a Keras model in the order in which an image passes them."""
    if _is_keras(network, "Functional"):
        yield from _layers(_chain(network))
    elif _is_keras(network, "Sequential"):
        yield from _layers(network.layers)
    elif _is_keras(network, "Model"):
        raise ValueError(
            f"The model {network.name} is a class of its own, so nobody but its code knows the order of its layers. "
            "Sequential and functional models can be walked through."
        )
    elif _is_keras(network, "Layer") or isinstance(network, Layer):
        raise ValueError("This is one layer; a network is a list of layers or a Keras model.")
    else:
        for layer in network:
            if isinstance(layer, Layer):
                yield layer
            elif _is_keras(layer, "Model"):
                yield from _layers(layer)
            elif not _is_keras(layer, "Layer"):
                raise ValueError(f"A layer is a Layer or a layer of Keras; {layer!r} is neither.")
            elif not _is_keras(layer, "InputLayer"):
                yield _from_keras(layer)


def _chain(model: keras.Model) -> list[Any]:
    """Return the layers of a functional model, having seen that each follows the one before and no other."""
    config, before, chain = model.get_config(), None, []
    layers = {layer.name: layer for layer in model.layers}
    for entry in config["layers"]:
        name = entry["name"]
        sources = [list(_sources(node)) for node in entry["inbound_nodes"]]
        if (sources != [[before]]) if before else sources:
            taken = ", ".join(name for each in sources for name in each) or "no other layer"
            raise ValueError(
                f"The model {model.name} is not one chain: {name} takes {taken}, not {before} alone and once. "
                "Only networks in which each layer follows one other can be walked through."
            )
        if name not in layers:
            raise ValueError(f"The model {model.name} holds the operation {name}, which is not a layer.")
        chain.append(layers[name])
        before = name
    outputs = config["output_layers"]
    if [before] != [output[0] for output in (outputs if isinstance(outputs[0], list | tuple) else [outputs])]:
        raise ValueError(f"The model {model.name} has an output that is not its last layer's.")
    return chain


def _sources(value: Any) -> Iterator[str]:
    """Yield the layers whose outputs are among a node's arguments, as Keras writes them."""
    if isinstance(value, dict):
        if "keras_history" in value:
            yield value["keras_history"][0]
        value = value.values()
    if not isinstance(value, str) and isinstance(value, Iterable):
        for each in value:
            yield from _sources(each)


#: Names that Keras' configurations have for what `Layer` holds.
_SETTINGS = {
    "filters": "filters",
    "kernel_size": "kernel",
    "pool_size": "kernel",
    "strides": "stride",
    "dilation_rate": "dilation",
    "padding": "padding",
    "units": "units",
    "use_bias": "bias",
    "depth_multiplier": "multiplier",
    "groups": "groups",
    "scale": "scale",
    "center": "center",
    "keepdims": "keepdims",
}


def _from_keras(layer: keras.layers.Layer) -> Layer:
    kind = type(layer).__name__
    if kind not in KINDS:
        return Layer(kind, name=layer.name)
    settings = layer.get_config()
    if kind not in UNCHANGED and settings.get("data_format") == "channels_first":
        raise ValueError(f"The layer {layer.name} has its channels first; only channels last are known here.")
    axis = settings.get("axis", -1)
    if kind == "BatchNormalization" and axis not in (-1, [-1], 3, [3]):
        raise ValueError(
            f"The layer {layer.name} normalizes axis {axis}; only the last one, the channels, is known here."
        )
    known = {ours: settings[theirs] for theirs, ours in _SETTINGS.items() if theirs in settings}
    return Layer(kind, **known, trainable=layer.trainable, name=layer.name)


def _input_shape(network: Any) -> tuple[int, ...]:
    shape = None
    if _is_keras(network, "Sequential", "Functional") and getattr(network, "built", False):
        inputs = network.inputs
        if len(inputs) > 1:
            raise ValueError(
                f"The model {network.name} has {len(inputs)} inputs; only networks with one are known here."
            )
        shape = tuple(inputs[0].shape[1:])
    if shape is None or None in shape:
        raise ValueError(
            "The size of the image is not known. Give input_shape=(rows, columns, channels)"
            + (", or begin the model with keras.Input." if _is_keras(network, "Model") else ".")
        )
    return shape
