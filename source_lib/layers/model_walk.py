"""A walk through a whole network: sizes, parameters, multiply-adds and receptive field, layer by layer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Number
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from source_lib.layers.arithmetic import (
    conv_multiply_adds,
    conv_parameters,
    conv_transpose_sides,
    conv_transpose_size,
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
        *("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "StochasticDepth"),
        *("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear"),
        *("RandomContrast", "RandomBrightness"),
    }
)
CONVOLUTIONS = frozenset({"Conv2D", "DepthwiseConv2D", "SeparableConv2D"})
POOLINGS = frozenset({"MaxPooling2D", "AveragePooling2D"})
GLOBAL_POOLINGS = frozenset({"GlobalAveragePooling2D", "GlobalMaxPooling2D"})
#: Layers that change the size of maps and nothing else.
RESIZINGS = frozenset({"ZeroPadding2D", "Cropping2D", "UpSampling2D", "Resizing"})
NORMALIZATIONS = frozenset({"BatchNormalization", "LayerNormalization", "GroupNormalization", "Normalization"})
#: Layers in which branches meet: those that work place by place, and the one that puts channels after each other.
ELEMENTWISE = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"})
MERGES = ELEMENTWISE | {"Concatenate"}
KINDS = UNCHANGED | CONVOLUTIONS | POOLINGS | GLOBAL_POOLINGS | RESIZINGS | NORMALIZATIONS | MERGES
KINDS |= {"Conv2DTranspose", "Reshape", "Flatten", "Dense", "LayerScale"}
#: What `keras.ops` and operators put into a functional model: functions of each value on its own, and merges.
FUNCTIONS = frozenset({"Relu", "Relu6", "Sigmoid", "HardSigmoid", "Silu", "HardSilu", "Gelu", "Elu", "LeakyRelu"})
FUNCTIONS |= {"Softmax", "Softplus", "Tanh", "Exp", "Log", "Sqrt", "Square", "Absolute", "Negative", "Clip"}
OPERATIONS = FUNCTIONS | (MERGES - {"Average"})
ON_MAPS = CONVOLUTIONS | POOLINGS | GLOBAL_POOLINGS | RESIZINGS | {"Conv2DTranspose"}


@dataclass(frozen=True)
class Layer:
    """One layer of a network, in Keras' words; what a kind does not have is left as it is.

    Attributes
    ----------
    kind : str
        Keras' name of the class, such as ``'Conv2D'``; `KINDS` has all that are known.
    filters : int
        Output channels of ``Conv2D``, ``SeparableConv2D`` and ``Conv2DTranspose``.
    kernel : int or (int, int)
        Size of the kernel or of the pooling window.
    stride : int or (int, int), optional
        Pixels from one position of the window to the next; by default 1, and for a pooling the size of its window.
    dilation : int or (int, int)
        Pixels from one weight of the kernel to the next.
    padding : int, (int, int), ((int, int), (int, int)), ``'valid'`` or ``'same'``
        Pixels added on each side; for rows and columns; before and after both; or Keras' word. ``Cropping2D`` takes
        as many away. ``Conv2DTranspose`` knows the words only.
    output_padding : int or (int, int), optional
        Rows and columns that ``Conv2DTranspose`` adds at the end, in Keras' way.
    size : int or (int, int)
        Rows and columns that ``UpSampling2D`` makes of each.
    interpolation : str
        Of ``UpSampling2D``: ``'nearest'``, ``'bilinear'`` or another that Keras knows.
    target : sequence of int
        Rows and columns that ``Resizing`` makes; the shape that ``Reshape`` makes, where one number may be -1.
    axis : int or sequence of int
        Axes that ``LayerNormalization`` normalizes over, and the one that ``Concatenate`` lengthens; 0 is the batch.
    units : int
        Outputs of ``Dense``.
    bias : bool
        Whether there are biases.
    multiplier : int
        Channels that ``DepthwiseConv2D`` and ``SeparableConv2D`` make of each input channel.
    groups : int
        Parts into which ``Conv2D`` cuts the channels; each output channel looks at one part.
    scale, center : bool
        Whether a normalization learns a factor and an offset.
    adapts : bool
        Whether ``Normalization`` keeps the mean and the variance that it saw; those that are handed to it are no
        parameters.
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
    output_padding: int | Sequence[int] | None = None
    size: int | Sequence[int] = 2
    interpolation: str = "nearest"
    target: Sequence[int] = ()
    axis: int | Sequence[int] = -1
    units: int = 0
    bias: bool = True
    multiplier: int = 1
    groups: int = 1
    scale: bool = True
    center: bool = True
    adapts: bool = True
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
        Weights, biases, and what normalizations keep. A layer of Keras that is used again has them in its first row.
    trainable : int
        How many of them are trained.
    multiply_adds : int
        Multiplications of a value with a weight. Poolings and activations have none.
    kernel, stride, dilation : (int, int) or None
        Of a convolution or a pooling. The stride of a transposed convolution is how far its outputs are apart.
    padding : ((int, int), (int, int)) or None
        Pixels added above and below, left and right. Cropping has them negative; a transposed convolution has what it
        cuts off its output.
    receptive_field : (int, int) or None
        Input pixels from the first to the last that an output value depends on, those outside of the image included.
        Where branches meet, it reaches from the first pixel of all of them to the last; where outputs see unequally
        many pixels, as behind an upsampling, it is the most. None where a place depends on all others, so that
        nothing moves with it: where a value of the whole map is multiplied into each place, for instance.
    jump : (int, int) or None
        Input pixels from the receptive field of one output to that of its neighbor; None for a vector, and where they
        are not equally far apart.
    start : (int, int) or None
        First row and column of the receptive field of the first output; negative in the padding.
    inputs : tuple of int
        Places among the rows of those that it takes from; -1 is the network's input.
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
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class _View:
    """What the places of the present map see of the input, along one axis.

    Windows repeat: that of place p + len(first) is that of place p, moved by `shift` pixels. Without upsampling they
    repeat at each place. Places outside of the map, where padding stands, are counted on in both directions.
    """

    places: int
    first: tuple[int, ...] = (0,)
    last: tuple[int, ...] = (0,)
    shift: int = 1

    def at(self, place: int) -> tuple[int, int]:
        """Return the first and the last pixel that a place sees."""
        turns, rest = divmod(place, len(self.first))
        return self.first[rest] + turns * self.shift, self.last[rest] + turns * self.shift

    @property
    def field(self) -> int:
        return max(last - first for first, last in zip(self.first, self.last, strict=True)) + 1

    @property
    def jump(self) -> int | None:
        return self.shift if len(self.first) == 1 else None

    def seen_by(self, places: int, window: Callable[[int], tuple[int, int]], every: int, steps: int) -> _View:
        """Return what places see that look at a window, first and last place, of this map.

        The window of a place that is `every` places on is `steps` places of this map on.
        """
        turns = len(self.first) // math.gcd(len(self.first), steps)
        ends = [window(place) for place in range(every * turns)]
        first = tuple(self.at(end)[0] for end, _ in ends)
        last = tuple(self.at(end)[1] for _, end in ends)
        return _View(places, first, last, self.shift * steps * turns // len(self.first))

    def through(self, places: int, kernel: int = 1, stride: int = 1, dilation: int = 1, before: int = 0) -> _View:
        """Return what a place sees through a window on this map.

        For windows that repeat at each place this is the recursion of A. Araujo, W. Norris and J. Sim, Distill, 2019,
        doi:10.23915/distill.00021, from the input on.
        """

        def window(place: int) -> tuple[int, int]:
            first = place * stride - before
            return first, first + dilation * (kernel - 1)

        return self.seen_by(places, window, 1, stride)

    def spread(self, places: int, kernel: int, stride: int, dilation: int, before: int) -> _View:
        """Return what a place sees behind a transposed convolution, which lays a kernel down for each place."""

        def window(place: int) -> tuple[int, int]:
            # Where kernels leave a gap, no place is both: the window is empty, and its ends are its neighbors'.
            return -((dilation * (kernel - 1) - place - before) // stride), (place + before) // stride

        return self.seen_by(places, window, stride, 1)

    def enlarged(self, size: int, interpolation: str) -> _View | None:
        """Return what a place sees behind an upsampling; None where that is not known."""

        def window(place: int) -> tuple[int, int]:
            if interpolation == "nearest":
                return place // size, place // size
            # The middle of an output pixel among the middles of the input's, in parts of 1 / (2 size).
            middle = 2 * place + 1 - size
            return middle // (2 * size), -(-middle // (2 * size))

        if interpolation not in ("nearest", "bilinear"):
            return self if size == 1 else None
        return self.seen_by(self.places * size, window, size, 1)

    def whole(self) -> _View:
        return _View(1, (self.at(0)[0],), (self.at(self.places - 1)[1],), max(1, self.shift // len(self.first)))

    def joined(self, other: _View) -> _View | None:
        """Return what a place sees that sees this and another map; None where the two do not keep step."""
        if self.places == other.places == 1:
            ends = self.at(0), other.at(0)
            shift = max(self.shift, other.shift)
            return _View(1, (min(first for first, _ in ends),), (max(last for _, last in ends),), shift)
        if self.places != other.places or self.shift * len(other.first) != other.shift * len(self.first):
            return None
        turns = math.lcm(len(self.first), len(other.first))
        ends = [(*self.at(place), *other.at(place)) for place in range(turns)]
        first = tuple(min(one, two) for one, _, two, _ in ends)
        last = tuple(max(one, two) for _, one, _, two in ends)
        return _View(self.places, first, last, self.shift * turns // len(self.first))


_Shape: TypeAlias = tuple[int, ...]
_Views: TypeAlias = tuple[_View, _View] | None


@dataclass(frozen=True)
class _Tensor:
    """What one layer gives to the next: a shape without the batch, what its places see, and the layer's row."""

    shape: _Shape
    views: _Views
    row: int = -1


def walk(
    network: keras.Model | Iterable[Layer | keras.layers.Layer], input_shape: Sequence[int] | None = None
) -> list[LayerRow]:
    """Go through a network layer by layer and work out what each one does to one image.

    Sizes, parameters and receptive fields follow from the layers' settings and `source_lib.layers.arithmetic` alone.
    Nothing is run, and Keras computes none of them.

    Parameters
    ----------
    network : keras.Model or iterable of Layer or keras.layers.Layer
        A Sequential model, a functional model with one input, or a list of layers each of which follows the one
        before. Models inside of a model count as their layers.
    input_shape : sequence of int, optional
        [rows, columns, channels] of an image, or [values] of a vector. A model that was built knows it.

    Returns
    -------
    list of LayerRow
        One per layer, and each time that it is used; a layer comes after those that it takes from.
        ``pandas.DataFrame(walk(model))`` makes a table of them.

    Raises
    ------
    ValueError
        If a layer does not fit on what comes before it, with the layer and the formula; if a layer or an operation is
        not known here; or if the input's shape is not known.

    References
    ----------
    V. Dumoulin and F. Visin, arXiv:1603.07285, 2016, for sizes; A. Araujo, W. Norris and J. Sim, Distill, 2019,
    doi:10.23915/distill.00021, for receptive field, jump and start, and for what holds where branches meet.

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

    A transposed convolution doubles the size, and each output sees one or two places of the map before it.

    >>> for row in walk([Layer("Conv2D", filters=4, kernel=3, stride=2, padding="same"),
    ...                  Layer("Conv2DTranspose", filters=2, kernel=3, stride=2, padding="same")], (8, 8, 1)):
    ...     print(row.name, row.output_shape, row.parameters, row.multiply_adds, row.receptive_field, row.jump)
    conv2d_1 (4, 4, 4) 40 576 (3, 3) (2, 2)
    conv2dtranspose_1 (8, 8, 2) 74 1152 (5, 5) None
    """
    if input_shape is None:
        input_shape = _input_shape(network)
    shape = tuple(int(size) for size in input_shape)
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise ValueError(
            f"input_shape is {shape}; it is [rows, columns, channels] of an image, or [values] of a vector."
        )
    going = _Walk()
    going.through(network, [_Tensor(shape, tuple(_View(size) for size in shape[:2]) if len(shape) == 3 else None)])
    return going.rows


class _Walk:
    """The rows so far, and what has to be remembered for the next ones."""

    def __init__(self) -> None:
        self.rows: list[LayerRow] = []
        self.names: Counter[str] = Counter()
        # The layers themselves, so that none of them makes room for another with the same id.
        self.met: dict[int, Any] = {}

    def through(self, network: Any, tensors: list[_Tensor]) -> list[_Tensor]:
        """Go through a model or a list of layers, and return what comes out of it."""
        if _is_keras(network, "Functional"):
            return self.graph(network, tensors)
        if _is_keras(network, "Sequential"):
            network = network.layers
        elif _is_keras(network, "Model"):
            raise _own_class(network)
        elif _is_keras(network, "Layer") or isinstance(network, Layer):
            raise ValueError("This is one layer; a network is a list of layers or a Keras model.")
        for layer in network:
            kind = layer.kind if isinstance(layer, Layer) else type(layer).__name__
            if kind in MERGES:
                raise ValueError(
                    f"In {kind} branches meet, and in a list each layer follows one other. Build a functional model."
                )
            if _is_keras(layer, "Model"):
                tensors = self.through(layer, tensors)
            elif _is_keras(layer, "Layer") or isinstance(layer, Layer):
                tensors = tensors if _is_keras(layer, "InputLayer") else [self.layer(layer, tensors)]
            else:
                raise ValueError(f"A layer is a Layer or a layer of Keras; {layer!r} is neither.")
        return tensors

    def graph(self, model: keras.Model, tensors: list[_Tensor]) -> list[_Tensor]:
        """Go through a functional model, each layer after those that it takes from."""
        config = model.get_config()
        if "layers" not in config:
            raise _own_class(model)
        inputs = _origins(config["input_layers"])
        if len(inputs) != len(tensors):
            raise ValueError(f"The model {model.name} has {len(inputs)} inputs; only networks with one are known here.")
        layers = {layer.name: layer for layer in model.layers}
        found = dict(zip(inputs, tensors, strict=True))
        waiting = [
            (entry, number, node) for entry in config["layers"] for number, node in enumerate(entry["inbound_nodes"])
        ]
        while waiting:
            later = []
            for entry, number, node in waiting:
                sources = list(_sources(node))
                if not all(source in found for source in sources):
                    later.append((entry, number, node))
                    continue
                taken = [found[source] for source in sources]
                layer = layers.get(entry["name"])
                if layer is None:
                    results = [self.layer(_operation(model, entry, node), taken)]
                elif _is_keras(layer, "Model"):
                    results = self.through(layer, taken)
                else:
                    results = [self.layer(layer, taken)]
                found |= {(entry["name"], number, place): result for place, result in enumerate(results)}
            if len(later) == len(waiting):
                raise ValueError(f"The model {model.name} does not say what its layer {later[0][0]['name']} takes.")
            waiting = later
        outputs = _origins(config["output_layers"])
        # Keras counts the uses of a functional model from 1 among the outputs of a model, and from 0 everywhere else.
        inner = {name for name, layer in layers.items() if _is_keras(layer, "Functional")}
        return [found[name, max(0, number - (name in inner)), place] for name, number, place in outputs]

    def layer(self, layer: Layer | keras.layers.Layer, tensors: list[_Tensor]) -> _Tensor:
        """Add the row of one layer, and return what comes out of it."""
        again = False
        if not isinstance(layer, Layer):
            again = id(layer) in self.met
            self.met[id(layer)] = layer
            layer = _from_keras(layer)
        self.names[layer.kind] += 1
        layer = replace(layer, name=layer.name or f"{layer.kind.lower()}_{self.names[layer.kind]}")
        try:
            row, result = _step(layer, tensors)
        except ValueError as error:
            shapes = " and ".join(_by(tensor.shape) for tensor in tensors)
            number = len(self.rows) + 1
            raise ValueError(f"Layer {number}, {layer.name} ({layer.kind}), on {shapes}: {error}") from None
        # Weights that are used again are stored once.
        self.rows.append(replace(row, parameters=0, trainable=0) if again else row)
        return replace(result, row=len(self.rows) - 1)


def _own_class(model: Any) -> ValueError:
    return ValueError(
        f"The model {model.name} is a class of its own, so nobody but its code knows the order of its layers. "
        "Sequential and functional models can be walked through."
    )


@dataclass(frozen=True)
class _Result:
    """What a layer makes: a tensor, parameters that are trained and that are kept, multiply-adds, and its window."""

    tensor: _Tensor
    trained: int = 0
    kept: int = 0
    products: int = 0
    window: Mapping[str, Any] = field(default_factory=dict)


def _step(layer: Layer, tensors: list[_Tensor]) -> tuple[LayerRow, _Tensor]:
    """Return the row of one layer on inputs of these shapes, and what comes out of it."""
    kind = layer.kind
    if kind not in KINDS | OPERATIONS:
        raise ValueError(f"this kind of layer is not known here. Known are {', '.join(sorted(KINDS))}.")
    if len(tensors) > 1 and kind not in MERGES:
        raise ValueError(f"it takes one input, and what comes here are {len(tensors)}.")
    if len(tensors) > 1:
        result = _Result(_concatenate(layer, tensors) if kind == "Concatenate" else _meet(tensors))
    else:
        (tensor,) = tensors
        if kind in ON_MAPS and len(tensor.shape) != 3:
            raise ValueError("it needs maps [rows, columns, channels], and what comes here is a vector.")
        result = _STEPS[kind](layer, tensor.shape, tensor.views) if kind in _STEPS else _Result(tensor)
    shape, views = result.tensor.shape, result.tensor.views
    jump = tuple(view.jump for view in views) if views and len(shape) == 3 else (None,)
    row = LayerRow(
        name=layer.name,
        kind=kind,
        output_shape=shape,
        parameters=result.trained + result.kept,
        trainable=result.trained if layer.trainable else 0,
        multiply_adds=result.products,
        **{name: result.window.get(name) for name in ("kernel", "stride", "dilation", "padding")},
        receptive_field=tuple(view.field for view in views) if views else None,
        jump=None if None in jump else jump,
        start=tuple(view.first[0] for view in views) if views else None,
        inputs=tuple(tensor.row for tensor in tensors),
    )
    return row, result.tensor


# --- one function for each kind of layer that does more than leave everything as it is -----------------------------


def _windows(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    """Lay windows on maps; the channels stay as they are."""
    kernel = pair(layer.kernel)
    default = kernel if layer.kind in POOLINGS else 1
    stride, dilation = pair(default if layer.stride is None else layer.stride), pair(layer.dilation)
    settings = list(zip(shape[:2], kernel, stride, _padding(layer.padding), dilation, strict=True))
    size = tuple(output_size(*each) for each in settings)
    padding = tuple(padding_sides(*each) for each in settings)
    before = (sides[0] for sides in padding)
    views = views and tuple(
        view.through(*each) for view, *each in zip(views, size, kernel, stride, dilation, before, strict=True)
    )
    window = {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}
    return _Result(_Tensor((*size, shape[-1]), views), window=window)


def _convolution(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    result, channels = _windows(layer, shape, views), shape[-1]
    *size, _ = result.tensor.shape
    kernel = result.window["kernel"]
    middle, filters = channels * layer.multiplier, layer.filters
    if layer.kind == "Conv2D":
        if channels % layer.groups or filters % layer.groups:
            raise ValueError(f"{channels} and {filters} channels cannot be cut into {layer.groups} equal parts.")
        seen = channels // layer.groups
        trained = conv_parameters(kernel, seen, filters, layer.bias)
        products = conv_multiply_adds(size, kernel, seen, filters)
    else:
        # One layer of the kernel for each channel, which looks at no other.
        trained = conv_parameters(kernel, 1, middle, bias=layer.bias and layer.kind == "DepthwiseConv2D")
        products = conv_multiply_adds(size, kernel, 1, middle)
        filters = filters if layer.kind == "SeparableConv2D" else middle
    if layer.kind == "SeparableConv2D":
        trained += conv_parameters(1, middle, filters, layer.bias)
        products += conv_multiply_adds(size, 1, middle, filters)
    return replace(result, tensor=_Tensor((*size, filters), result.tensor.views), trained=trained, products=products)


def _transposed_convolution(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    kernel, stride, dilation = pair(layer.kernel), pair(layer.stride or 1), pair(layer.dilation)
    more = (None, None) if layer.output_padding is None else pair(layer.output_padding)
    settings = list(zip(shape[:2], kernel, stride, (layer.padding,) * 2, dilation, more, strict=True))
    size = tuple(conv_transpose_size(*each) for each in settings)
    cut = tuple(conv_transpose_sides(*each) for each in settings)
    before = (sides[0] for sides in cut)
    views = views and tuple(
        view.spread(*each) for view, *each in zip(views, size, kernel, stride, dilation, before, strict=True)
    )
    return _Result(
        _Tensor((*size, layer.filters), views),
        trained=conv_parameters(kernel, shape[-1], layer.filters, layer.bias),
        # Each value of the input is multiplied by each weight that belongs to its channel.
        products=conv_multiply_adds(shape[:2], kernel, shape[-1], layer.filters),
        window={"kernel": kernel, "stride": stride, "dilation": dilation, "padding": cut},
    )


def _global_pooling(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    views = views and tuple(view.whole() for view in views)
    return _Result(_Tensor((1, 1, shape[-1]) if layer.keepdims else shape[-1:], views))


def _edges(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    """Add rows and columns at the edges, or take them away."""
    sides = tuple(padding_sides(1, 1, padding=each) for each in _padding(layer.padding))
    if layer.kind == "Cropping2D":
        sides = tuple((-before, -after) for before, after in sides)
    size = tuple(n + sum(each) for n, each in zip(shape[:2], sides, strict=True))
    if min(size) < 1:
        left = " and ".join(f"{n} − {-sum(each)}" for n, each in zip(shape[:2], sides, strict=True))
        raise ValueError(f"of rows and columns {left} are left, and a size is at least 1.")
    views = views and tuple(
        view.through(n, before=before) for view, n, (before, _) in zip(views, size, sides, strict=True)
    )
    return _Result(_Tensor((*size, shape[-1]), views), window={"padding": sides})


def _upsampling(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    factors = pair(layer.size)
    size = tuple(n * factor for n, factor in zip(shape[:2], factors, strict=True))
    views = views and _known(
        view.enlarged(factor, layer.interpolation) for view, factor in zip(views, factors, strict=True)
    )
    return _Result(_Tensor((*size, shape[-1]), views))


def _resizing(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    size = tuple(layer.target)
    return _Result(_Tensor((*size, shape[-1]), views if size == shape[:2] else None))


def _reshaping(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    target, count = tuple(layer.target), math.prod(shape)
    rest = math.prod(size for size in target if size != -1)
    full = tuple(count // rest if size == -1 else size for size in target) if rest > 0 else target
    if target.count(-1) > 1 or math.prod(full) != count:
        raise ValueError(f"{_by(shape)} has {count} values, which do not fill {_by(target)}.")
    if len(full) not in (1, 3):
        raise ValueError(f"it makes {_by(full)}; only maps [rows, columns, channels] and vectors are known here.")
    # What belongs to no place stays so; places that are laid out anew are no map's.
    alone = views and all(view.places == 1 for view in views) and full[:-1] in ((), (1, 1))
    return _Result(_Tensor(full, views if alone or full == shape else None))


def _flattening(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    return _Result(_Tensor((math.prod(shape),), views))


def _dense(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    # On maps Keras applies it at each place.
    views = tuple(view.whole() for view in views) if views and len(shape) == 1 else views
    return _Result(
        _Tensor((*shape[:-1], layer.units), views),
        trained=dense_parameters(shape[-1], layer.units, layer.bias),
        products=math.prod(shape) * layer.units,
    )


def _channel_scale(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    return _Result(_Tensor(shape, views), trained=shape[-1], products=math.prod(shape))


def _batch_normalization(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    trained, products = (layer.scale + layer.center) * shape[-1], math.prod(shape) * layer.scale
    return _Result(_Tensor(shape, views), trained, 2 * shape[-1], products)


def _input_normalization(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    # Mean and variance of each channel, and of how many values they are.
    return _Result(_Tensor(shape, views), kept=(2 * shape[-1] + 1) * layer.adapts)


def _layer_normalization(layer: Layer, shape: _Shape, views: _Views) -> _Result:
    """Normalize each image by itself, over the given axes or, in groups of channels, over all places."""
    in_groups = layer.kind == "GroupNormalization"
    axes = [-1] if in_groups else np.atleast_1d(layer.axis).tolist()
    if 0 in axes:
        raise ValueError(f"it normalizes axis {layer.axis}, the batch; only axes of one image are known here.")
    sizes = [(1, *shape)[axis] for axis in axes]
    over_places = len(shape) == 3 and (in_groups or any(axis % 4 < 3 for axis in axes))
    trained, products = (layer.scale + layer.center) * math.prod(sizes), math.prod(shape) * layer.scale
    return _Result(_Tensor(shape, None if over_places and shape[:2] != (1, 1) else views), trained, products=products)


_STEPS: dict[str, Callable[[Layer, _Shape, _Views], _Result]] = {
    **dict.fromkeys(POOLINGS, _windows),
    **dict.fromkeys(CONVOLUTIONS, _convolution),
    **dict.fromkeys(GLOBAL_POOLINGS, _global_pooling),
    **dict.fromkeys(("ZeroPadding2D", "Cropping2D"), _edges),
    **dict.fromkeys(("LayerNormalization", "GroupNormalization"), _layer_normalization),
    "Conv2DTranspose": _transposed_convolution,
    "UpSampling2D": _upsampling,
    "Resizing": _resizing,
    "Reshape": _reshaping,
    "Flatten": _flattening,
    "Dense": _dense,
    "LayerScale": _channel_scale,
    "BatchNormalization": _batch_normalization,
    "Normalization": _input_normalization,
}


# --- where branches meet ------------------------------------------------------------------------------------------


def _meet(tensors: list[_Tensor]) -> _Tensor:
    """Return what comes out where branches meet place by place."""
    rank = max(len(tensor.shape) for tensor in tensors)
    # As Keras' layers do it: a vector is a map of one place.
    shapes = [(1,) * (rank - len(tensor.shape)) + tensor.shape for tensor in tensors]
    if any(len(set(sizes) - {1}) > 1 for sizes in zip(*shapes, strict=True)):
        raise ValueError("branches that meet place by place have the same rows, columns and channels, or just one.")
    shape = tuple(map(max, zip(*shapes, strict=True)))
    return _Tensor(shape, _joined_views(tensors, shape))


def _concatenate(layer: Layer, tensors: list[_Tensor]) -> _Tensor:
    shapes = [tensor.shape for tensor in tensors]
    rank = len(shapes[0])
    axis = layer.axis - 1 if layer.axis > 0 else layer.axis + rank
    if any(
        len(shape) != rank or shape[:axis] + shape[axis + 1 :] != shapes[0][:axis] + shapes[0][axis + 1 :]
        for shape in shapes
    ):
        raise ValueError(f"but for axis {layer.axis}, along which they are joined, all sizes must be the same.")
    shape = (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])
    # A place of what is joined along rows or columns belongs to one of the maps.
    return _Tensor(shape, _joined_views(tensors, shape) if axis == rank - 1 else None)


def _joined_views(tensors: list[_Tensor], shape: tuple[int, ...]) -> tuple[_View, _View] | None:
    """Return what places see that see the same place of several maps, or None where that is no window."""
    views = [tensor.views for tensor in tensors]
    if None in views or len({len(tensor.shape) for tensor in tensors}) > 1:
        return None
    if all(each == views[0] for each in views):
        return views[0]
    # A vector that has places was flattened, and its values see different ones.
    if len(shape) == 1 and any(view.places > 1 for each in views for view in each):
        return None
    joined = list(views[0])
    for each in views[1:]:
        joined = [one and one.joined(other) for one, other in zip(joined, each, strict=True)]
    if len(shape) == 3 and any(view and view.places != size for view, size in zip(joined, shape, strict=False)):
        return None
    return _known(joined)


def _known(views: Iterable[_View | None]) -> tuple[_View, _View] | None:
    found = tuple(views)
    return None if None in found else found


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


def _operation(model: keras.Model, entry: dict[str, Any], node: dict[str, Any]) -> Layer:
    """Return what an operation of a functional model does, such as the sum that ``a + b`` makes, as a layer."""
    kind, name = entry["class_name"], entry["name"]
    if kind not in OPERATIONS or not _is_plain(node["args"]):
        raise ValueError(
            f"The model {model.name} holds the operation {name} ({kind}), which is not a layer and not known here. "
            f"Known are layers, and of operations {', '.join(sorted(OPERATIONS))}, on tensors and numbers alone."
        )
    return Layer(kind, axis=entry["config"].get("axis", -1), name=name)


def _is_plain(value: Any) -> bool:
    """Return whether a node's arguments are tensors, numbers and lists of them; tables may change shapes."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return value.get("class_name") == "__keras_tensor__"
    return value is None or isinstance(value, Number)


def _sources(value: Any) -> Iterator[tuple[str, int, int]]:
    """Yield which tensors are among a node's arguments, as Keras writes them: layer, which use of it, which output."""
    if isinstance(value, dict):
        if "keras_history" in value:
            yield tuple(value["keras_history"])
            return
        value = value.values()
    if not isinstance(value, str) and isinstance(value, Iterable):
        for each in value:
            yield from _sources(each)


def _origins(value: Any) -> list[tuple[str, int, int]]:
    """Return which tensors are the inputs or the outputs of a functional model; Keras writes one of them as it is."""
    if isinstance(value, dict):
        value = list(value.values())
    return [tuple(value)] if isinstance(value[0], str) else [origin for each in value for origin in _origins(each)]


#: Names that Keras' configurations have for what `Layer` holds.
_SETTINGS = {
    "filters": "filters",
    "kernel_size": "kernel",
    "pool_size": "kernel",
    "strides": "stride",
    "dilation_rate": "dilation",
    "padding": "padding",
    "cropping": "padding",
    "output_padding": "output_padding",
    "size": "size",
    "interpolation": "interpolation",
    "target_shape": "target",
    "axis": "axis",
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
    one_axis = kind in NORMALIZATIONS - {"LayerNormalization"}
    if one_axis and axis not in (-1, 3) and tuple(np.atleast_1d(axis)) not in ((-1,), (3,)):
        raise ValueError(
            f"The layer {layer.name} normalizes axis {axis}; only the last one, the channels, is known here."
        )
    known = {ours: settings[theirs] for theirs, ours in _SETTINGS.items() if theirs in settings}
    if kind == "Resizing":
        known["target"] = (settings["height"], settings["width"])
    if kind == "Normalization":
        known["adapts"] = settings["mean"] is None
    if settings.get("rms_scaling"):
        known |= {"scale": True, "center": False}
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
