"""A trained network as a file that the page *See a network see* reads: its layers and weights as JSON, checked."""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from source_lib.atomic_files import atomic_write
from source_lib.layers.arithmetic import conv_multiply_adds, output_size
from source_lib.text import in_series

if TYPE_CHECKING:
    import keras

#: What the file says it is. A page refuses any other version.
FORMAT, VERSION = "network to see", 1
#: The largest network that the page computes at every stroke of the pen.
MAX_PARAMETERS, MAX_PRODUCTS, MAX_SIDE, MAX_LAYERS, MAX_CLASSES = 1_000_000, 60_000_000, 64, 60, 100
#: What these layers do in training they do not do afterward.
IGNORED = frozenset(
    {
        *("Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise", "Identity", "InputLayer"),
        *("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear", "RandomContrast"),
        *("RandomBrightness", "ActivityRegularization"),
    }
)
ACTIVATIONS = ("relu", "tanh", "sigmoid")
SHOWN = ("Conv2D", "ReLU", "MaxPooling2D", "AveragePooling2D", "BatchNormalization", "Rescaling", "Flatten")
SHOWN += ("GlobalAveragePooling2D", "Dense", "Activation", "Softmax")

Entry = dict[str, Any]


def export(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    low: float = -1.0,
    high: float = 1.0,
    classes: Sequence[str] | None = None,
    bits: int = 32,
) -> Path:
    """Write a trained network to a file for the page *See a network see*, which shows it with every number it computes.

    Parameters
    ----------
    model : keras.Sequential
        Of images [rows, columns, 1 or 3] of at most 64 × 64 pixels, made of the layers that the course teaches, with
        at most a million parameters and 60 million products for an image.
    path : str or path
        Where to, such as ``"mine.json"``. A file that is there is replaced once the new one is whole.
    low, high : float
        The values that the network was trained with for a black and a white pixel; by default those of
        `source_lib.data.DataGenerator`.
    classes : sequence of str, optional
        What the outputs are called; by default they are counted from 0.
    bits : int
        32 writes the weights as they are; fewer, from 2 to 8, quantize them, see `quantized`.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ValueError
        If the network is none that the page can show, or there is no such folder. The message says what to do.

    Examples
    --------
    >>> import keras
    >>> layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    >>> export(keras.Sequential(layers), "mine.json").name  # doctest: +SKIP
    'mine.json'
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"There is no folder {path.parent} to write {path.name} into. Make it first.")
    network = describe(model, low=low, high=high, classes=classes)
    text = json.dumps(network if bits == 32 else quantized(network, bits), separators=(",", ":"), allow_nan=False)
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def describe(
    model: keras.Model, *, low: float = -1.0, high: float = 1.0, classes: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return what `export` writes, as a dictionary.

    Layers that do nothing once training is over are left out. Batch normalization becomes a part of the convolution or
    dense layer before it, or a factor and an offset for each map where an activation stands between. Where the last
    layer is a dense one without an activation, a softmax follows.

    Parameters
    ----------
    model : keras.Sequential
    low, high : float
        The values of a black and a white pixel, as in `export`.
    classes : sequence of str, optional
        What the outputs are called.

    Returns
    -------
    dict
        ``format`` and ``version``; ``name``; ``input`` with ``shape``, ``low`` and ``high``; ``classes``; and
        ``layers``, each with a ``kind``, a ``name`` and what belongs to its kind.

    Raises
    ------
    ValueError
        If the network is none that the page can show.
    """
    shape = _input_shape(model)
    if not (math.isfinite(low) and math.isfinite(high) and low != high):
        raise ValueError(f"A black pixel and a white one need two different values; got low={low} and high={high}.")
    entries: list[Entry] = []
    for layer in _plain_layers(model):
        _append(entries, layer)
    if entries and entries[-1]["kind"] in ("dense", "average", "flatten"):
        entries.append({"kind": "softmax", "name": "softmax"})
    (count,) = _checked_sizes(entries, shape)
    names = [str(name) for name in (range(count) if classes is None else classes)]
    if len(names) != count or len(set(names)) < count:
        raise ValueError(f"The network has {count} outputs; classes must name each of them, and no two alike.")
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": str(model.name),
        "input": {"shape": list(shape), "low": float(low), "high": float(high)},
        "classes": names,
        "layers": entries,
    }


def quantized(network: dict[str, Any], bits: int = 8) -> dict[str, Any]:
    """Round the weights of a network to a few bits; biases stay as they are.

    The weights of one output channel are whole multiples of one number, the largest of them divided by the largest
    whole number: symmetric quantization for each channel.

    Parameters
    ----------
    network : dict
        What `describe` returned.
    bits : int
        From 2 to 8; whole numbers from ``1 - 2**(bits - 1)`` to ``2**(bits - 1) - 1``.

    Returns
    -------
    dict
        The same network with the weights as bytes.

    Raises
    ------
    ValueError
        If there is no such number of bits.

    References
    ----------
    R. Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference: A whitepaper", 2018,
    sections 2.2 and 2.3.
    """
    if bits not in range(2, 9):
        raise ValueError(f"Weights can be rounded to 2 to 8 bits, or stay as they are with 32; got {bits}.")
    most = 2 ** (bits - 1) - 1
    layers = []
    for layer in network["layers"]:
        if "weights" in layer:
            values = unpacked(layer["weights"])
            scale = np.abs(values).max(axis=tuple(range(values.ndim - 1))) / np.float32(most)
            whole = np.rint(values / np.where(scale > 0, scale, 1)).astype(np.int8)
            packed = {"shape": list(values.shape), "type": "int8", "scale": scale.tolist(), "data": _text(whole)}
            layer = layer | {"weights": packed}
        layers.append(layer)
    return {**network, "layers": layers}


def rebuild(network: dict[str, Any]) -> keras.Sequential:
    """Build the Keras model of a network that `describe` or `quantized` returned.

    Parameters
    ----------
    network : dict

    Returns
    -------
    keras.Sequential
        One layer for each of the network's, called after its place, such as ``layer3``, with its weights.
    """
    import keras
    from keras import layers

    makers: dict[str, Callable[[Entry], keras.layers.Layer]] = {
        "convolution": lambda e: layers.Conv2D(
            e["weights"]["shape"][3], e["weights"]["shape"][:2], strides=e["stride"], padding=e["padding"]
        ),
        "dense": lambda e: layers.Dense(e["weights"]["shape"][1]),
        "pooling": lambda e: (layers.MaxPooling2D if e["of"] == "max" else layers.AveragePooling2D)(
            e["size"], e["stride"]
        ),
        "activation": lambda e: layers.Activation(e["function"]),
        "scale": lambda e: layers.BatchNormalization(epsilon=0.0),
        "average": lambda e: layers.GlobalAveragePooling2D(),
        "flatten": lambda e: layers.Flatten(),
        "softmax": lambda e: layers.Softmax(),
    }
    made = [makers[entry["kind"]](entry) for entry in network["layers"]]
    model = keras.Sequential([keras.Input(network["input"]["shape"]), *made])
    for place, (layer, entry) in enumerate(zip(made, network["layers"], strict=True)):
        layer.name = f"layer{place}"
        if "weights" in entry:
            layer.set_weights([unpacked(entry["weights"]), unpacked(entry["bias"])])
        elif entry["kind"] == "scale":
            factor, offset = unpacked(entry["factor"]), unpacked(entry["offset"])
            layer.set_weights([factor, offset, np.zeros_like(factor), np.ones_like(factor)])
    return model


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    """Return the array that a part of the file stands for.

    Parameters
    ----------
    packed : dict
        ``shape``, ``type``, ``data`` in base64, and for whole numbers ``scale``, one for each place of the last axis.

    Returns
    -------
    numpy.ndarray of float32

    Examples
    --------
    >>> unpacked({"shape": [2], "type": "int8", "scale": [0.5, 2.0], "data": "A/8="}).tolist()
    [1.5, -2.0]
    """
    values = np.frombuffer(base64.b64decode(packed["data"]), np.dtype(packed["type"]).newbyteorder("<"))
    values = values.reshape(packed["shape"]).astype(np.float32)
    return values * np.float32(packed["scale"]) if packed["type"] == "int8" else values


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()).decode()


def _packed(values: np.ndarray) -> dict[str, Any]:
    return {"shape": list(values.shape), "type": "float32", "data": _text(np.float32(values))}


# --- reading Keras' layers ----------------------------------------------------------------------------------------


def _input_shape(model: object) -> tuple[int, ...]:
    kinds = {each.__name__ for each in type(model).__mro__ if each.__module__.split(".")[0] == "keras"}
    if "Sequential" not in kinds:
        raise ValueError(
            f"The page shows networks that are one layer after another, a keras.Sequential; this is "
            f"{type(model).__name__}. Where a functional model is such a chain, keras.Sequential(model.layers) is one."
        )
    shape = tuple(model.inputs[0].shape[1:]) if model.built and model.inputs else ()
    if None in shape or len(shape) != 3 or shape[2] not in (1, 3) or max(shape[:2]) > MAX_SIDE:
        raise ValueError(
            f"The page draws images [rows, columns, 1 or 3] of at most {MAX_SIDE} × {MAX_SIDE} pixels; this network "
            f"takes {list(shape) if shape else 'a shape that is not known'}. Begin it with keras.Input((28, 28, 1))."
        )
    return shape


def _plain_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers in order, those of a sequential model within in its place."""
    found: list[keras.layers.Layer] = []
    for layer in model.layers:
        found += _plain_layers(layer) if type(layer).__name__ == "Sequential" else [layer]
    return found


def _append(entries: list[Entry], layer: keras.layers.Layer) -> None:
    kind = type(layer).__name__ if type(layer).__module__.split(".")[0] == "keras" else ""
    if kind in IGNORED:
        return
    if kind not in _READERS:
        raise ValueError(
            f"The layer {layer.name} ({type(layer).__name__}) is none that the page can show. It knows "
            f"{in_series(SHOWN)}, and leaves out dropout, noise and augmentation."
        )
    settings = layer.get_config()
    if settings.get("data_format") == "channels_first":
        raise ValueError(f"The layer {layer.name} has its channels first; the page knows channels last alone.")
    for weight in layer.get_weights():
        if not np.isfinite(weight).all():
            raise ValueError(
                f"The layer {layer.name} has weights that are not finite numbers. Train the network anew, with a "
                "smaller learning rate."
            )
    _READERS[kind](entries, layer, settings)


def _weighted(kind: str, layer: keras.layers.Layer, settings: dict[str, Any], **more: Any) -> Entry:
    weights, *bias = layer.get_weights()
    values = bias[0] if bias else np.zeros(weights.shape[-1])
    return {"kind": kind, "name": layer.name, **more, "weights": _packed(weights), "bias": _packed(values)}


def _read_convolution(entries: list[Entry], layer: keras.layers.Layer, settings: dict[str, Any]) -> None:
    if settings["groups"] != 1 or max(settings["dilation_rate"]) > 1:
        raise ValueError(f"The layer {layer.name} has groups or dilation, which the page does not know.")
    more = {"padding": settings["padding"], "stride": list(settings["strides"])}
    entries.append(_weighted("convolution", layer, settings, **more))
    _read_activation(entries, layer, settings)


def _read_dense(entries: list[Entry], layer: keras.layers.Layer, settings: dict[str, Any]) -> None:
    entries.append(_weighted("dense", layer, settings))
    _read_activation(entries, layer, settings)


def _read_activation(entries: list[Entry], layer: keras.layers.Layer, settings: dict[str, Any]) -> None:
    function = settings.get("activation", "linear")
    if function == "softmax":
        entries.append({"kind": "softmax", "name": layer.name})
    elif function in ACTIVATIONS:
        entries.append({"kind": "activation", "name": layer.name, "function": function})
    elif function != "linear":
        name = function if isinstance(function, str) else "of its own"
        raise ValueError(
            f"The layer {layer.name} has the activation {name}; the page knows {in_series([*ACTIVATIONS, 'softmax'])}."
        )


def _read_relu(entries: list[Entry], layer: keras.layers.Layer, settings: dict[str, Any]) -> None:
    if settings["max_value"] is not None or settings["negative_slope"] or settings["threshold"]:
        raise ValueError(f"The layer {layer.name} is no plain ReLU: it has a maximum, a slope or a threshold.")
    entries.append({"kind": "activation", "name": layer.name, "function": "relu"})


def _read_softmax(entries: list[Entry], layer: keras.layers.Layer, settings: dict[str, Any]) -> None:
    entries.append({"kind": "softmax", "name": layer.name})


def _read_pooling(entries: list[Entry], layer: keras.layers.Layer, settings: dict[str, Any]) -> None:
    if settings["padding"] != "valid":
        raise ValueError(f"The layer {layer.name} pads its maps; the page knows poolings with padding='valid' alone.")
    of = "max" if type(layer).__name__ == "MaxPooling2D" else "average"
    sizes = {"size": list(settings["pool_size"]), "stride": list(settings["strides"])}
    entries.append({"kind": "pooling", "name": layer.name, "of": of, **sizes})


def _read_normalization(entries: list[Entry], layer: keras.layers.Layer, settings: dict[str, Any]) -> None:
    if settings["axis"] not in (-1, [-1], 3, [3]) and len(layer.moving_mean.shape) != 1:
        raise ValueError(f"The layer {layer.name} normalizes another axis than the last one, the channels.")
    mean, variance = (np.float64(each.numpy()) for each in (layer.moving_mean, layer.moving_variance))
    factor = 1 / np.sqrt(variance + settings["epsilon"])
    factor *= np.float64(layer.gamma.numpy()) if settings["scale"] else 1
    offset = (np.float64(layer.beta.numpy()) if settings["center"] else 0) - mean * factor
    _scale(entries, layer.name, factor, offset)


def _read_rescaling(entries: list[Entry], layer: keras.layers.Layer, settings: dict[str, Any]) -> None:
    if np.ndim(settings["scale"]) or np.ndim(settings["offset"]):
        raise ValueError(f"The layer {layer.name} has one factor for each channel; the page knows one for all.")
    entries.append({"kind": "scale", "name": layer.name, "factor": settings["scale"], "offset": settings["offset"]})


def _scale(entries: list[Entry], name: str, factor: np.ndarray, offset: np.ndarray) -> None:
    """Multiply and add for each channel: within the layer before where it is linear, which changes nothing else."""
    if entries and entries[-1]["kind"] in ("convolution", "dense"):
        before = entries[-1]
        weights, bias = unpacked(before["weights"]), unpacked(before["bias"])
        before |= {"weights": _packed(weights * factor), "bias": _packed(bias * factor + offset)}
    else:
        entries.append({"kind": "scale", "name": name, "factor": _packed(factor), "offset": _packed(offset)})


def _read_plain(kind: str) -> Callable[[list[Entry], keras.layers.Layer, dict[str, Any]], None]:
    return lambda entries, layer, settings: entries.append({"kind": kind, "name": layer.name})


_READERS: dict[str, Callable[[list[Entry], Any, dict[str, Any]], None]] = {
    "Conv2D": _read_convolution,
    "Dense": _read_dense,
    "Activation": _read_activation,
    "ReLU": _read_relu,
    "Softmax": _read_softmax,
    "MaxPooling2D": _read_pooling,
    "AveragePooling2D": _read_pooling,
    "GlobalAveragePooling2D": _read_plain("average"),
    "BatchNormalization": _read_normalization,
    "Rescaling": _read_rescaling,
    "Flatten": _read_plain("flatten"),
}


# --- sizes ----------------------------------------------------------------------------------------------------------


def _checked_sizes(entries: list[Entry], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that comes out, and raise where the network is too large or its end is no list of scores."""
    parameters = products = 0
    for entry in entries:
        channels = shape[-1]
        if entry["kind"] == "scale" and not isinstance(entry["factor"], dict):
            # One factor for all channels, as the file holds them: one for each.
            entry |= {key: _packed(np.full(channels, entry[key])) for key in ("factor", "offset")}
        if entry["kind"] == "convolution":
            kernel, count = entry["weights"]["shape"][:2], entry["weights"]["shape"][3]
            shape = (*_windows(shape, kernel, entry["stride"], entry["padding"]), count)
            products += conv_multiply_adds(shape[:2], kernel, channels, count)
        elif entry["kind"] == "pooling":
            shape = (*_windows(shape, entry["size"], entry["stride"], "valid"), channels)
        elif entry["kind"] == "dense":
            if len(shape) != 1:
                raise ValueError(f"The layer {entry['name']} is dense and works on maps. Put Flatten before it.")
            shape = (entry["weights"]["shape"][1],)
            products += math.prod(entry["weights"]["shape"])
        elif entry["kind"] in ("flatten", "average"):
            shape = (math.prod(shape) if entry["kind"] == "flatten" else channels,)
        if entry["kind"] == "softmax" and len(shape) != 1:
            raise ValueError(f"The layer {entry['name']} takes the softmax of maps, which the page does not know.")
        if "weights" in entry:
            parameters += math.prod(entry["weights"]["shape"]) + entry["bias"]["shape"][0]
    if len(entries) > MAX_LAYERS or parameters > MAX_PARAMETERS or products > MAX_PRODUCTS:
        raise ValueError(
            f"The network has {len(entries)} layers and {parameters:,} parameters, and takes {products:,} products for "
            f"an image. The page computes it at every stroke of the pen, so it takes {MAX_LAYERS} layers, "
            f"{MAX_PARAMETERS:,} parameters and {MAX_PRODUCTS:,} products at most."
        )
    if len(shape) != 1 or not 2 <= shape[0] <= MAX_CLASSES:
        raise ValueError(
            f"The page shows networks that end with 2 to {MAX_CLASSES} scores; this one ends with {list(shape)}."
        )
    return shape


def _windows(shape: Sequence[int], size: Sequence[int], stride: Sequence[int], padding: str) -> tuple[int, ...]:
    return tuple(output_size(n, k, s, padding) for n, k, s in zip(shape[:2], size, stride, strict=True))
