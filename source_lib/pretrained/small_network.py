"""A small network that the course trained on drawn shapes: what transfer begins with where nothing better is at hand.

Its 24 classes are shapes with fillings, drawn by `book/make_small_network.py`, so that its weights come with the course
and owe nothing to anybody's photographs. It has seen edges, corners, colors and textures, and not one animal or car.
"""

from __future__ import annotations

import io
import zipfile
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from source_lib.pretrained.torch_file import WeightsError

if TYPE_CHECKING:
    import keras

#: The file with its weights, in this package.
FILE = "small_network.npz"
#: Bytes minus the offset, divided by the scale, as of the course's data sets: from -1 to 1.
OFFSET, SCALE = 127.5, 127.5
#: What both sides of an image are multiples of, and the side that the network was trained with.
MULTIPLE, TRAINED_SIDE = 8, 32
SHAPES = ("disk", "square", "triangle", "star", "cross", "ring")
FILLINGS = ("plain", "stripes", "checks", "dots")
CHANNELS = (24, 48, 96, 128)


def build_small_network(side: int = TRAINED_SIDE, *, top: bool = True) -> keras.Model:
    """Build the small network with weights that were drawn at random.

    Parameters
    ----------
    side : int
        Height and width of the images, a multiple of 8.
    top : bool
        Whether the average over all places and the layer for its 24 classes follow behind the last maps.

    Returns
    -------
    keras.Model
        From images [N, side, side, 3] to the scores of 24 classes before softmax, [N, 24], or to the maps of the layer
        ``block3_relu``, [N, side/8, side/8, 128].

    Raises
    ------
    ValueError
        If the side is not a multiple of 8.

    Examples
    --------
    >>> build_small_network(96, top=False).output_shape
    (None, 12, 12, 128)
    """
    import keras
    from keras import layers

    if isinstance(side, bool) or not isinstance(side, (int, np.integer)) or side < MULTIPLE or side % MULTIPLE:
        raise ValueError(
            f"The course's small network takes images whose side is a multiple of {MULTIPLE}, such as 32 or 96; got "
            f"{side!r}."
        )
    inputs = x = keras.Input((int(side), int(side), 3))
    for block, channels in enumerate(CHANNELS):
        if block:
            x = layers.MaxPooling2D(name=f"block{block}_pool")(x)
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"block{block}_conv")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"block{block}_bn")(x)
        x = layers.ReLU(name=f"block{block}_relu")(x)
    if top:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        x = layers.Dense(len(SHAPES) * len(FILLINGS), name="logits")(x)
    return keras.Model(inputs, x, name="small_network")


def load_small_network(side: int = TRAINED_SIDE, *, top: bool = True) -> keras.Model:
    """Build the small network with the weights that come with the course.

    Parameters
    ----------
    side : int
        Height and width of the images, a multiple of 8.
    top : bool
        Whether the layer for its 24 classes is wanted; see `build_small_network`.

    Returns
    -------
    keras.Model
        All its layers are trainable.

    Raises
    ------
    ValueError
        If the side is not a multiple of 8.
    WeightsError
        If the file that comes with the course is missing or damaged.
    """
    model = build_small_network(side, top=top)
    path = resources.files("source_lib.pretrained") / FILE
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            found = {name: archive[name].astype(np.float32) for name in archive.files}
        for layer in model.layers:
            layer.set_weights([found[_key(weight)] for weight in layer.weights])
    except (OSError, ValueError, LookupError, zipfile.BadZipFile, EOFError):
        raise WeightsError(
            f"The course's own file {path} is missing or damaged. Install the course once more."
        ) from None
    return model


def pack(model: keras.Model) -> bytes:
    """Return the file that `load_small_network` reads.

    Parameters
    ----------
    model : keras.Model
        What `build_small_network` built with its top, trained.

    Returns
    -------
    bytes
        An ``.npz`` of float16: half the size, and the third digit of a weight is what it changes.
    """
    file = io.BytesIO()
    np.savez_compressed(file, **{_key(weight): np.float16(weight.numpy()) for weight in model.weights})
    return file.getvalue()


def _key(weight: keras.Variable) -> str:
    return ".".join(weight.path.split("/")[-2:])
