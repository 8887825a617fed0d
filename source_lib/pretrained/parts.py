"""Cut a model that stands on a pretrained network in two: what stays frozen, and what is trained and handed in.

What is frozen gives the same for an image every time. So it is computed once and kept, and a training goes through the
rest alone. And whoever grades has the network too, so that only the rest is handed in.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from source_lib.atomic_files import atomic_write
from source_lib.saved_model import save_model

if TYPE_CHECKING:
    import keras

    from source_lib.pretrained.backbone import Backbone

#: Says on which network a model stands that was handed in, and behind which of its layers it begins.
BACKBONE_FILE = "backbone.json"


def split_model(model: keras.Model, layer: str) -> tuple[keras.Model, keras.Model]:
    """Return a model in two parts, which share its weights: up to the maps of a layer, and from there on.

    Parameters
    ----------
    model : keras.Model
        Layers that follow each other, with branches between them if need be. One of them may be a model that holds
        ``layer``; it must be the first.
    layer : str
        The last layer of the first part. Everything behind it must follow from its output alone.

    Returns
    -------
    stem, tail : keras.Model
        From images to the maps of ``layer``, and from these to what the model gives. Batch normalization in a model
        inside the model is called in inference mode.

    Raises
    ------
    ValueError
        If there is no such layer, or what follows needs more than its output.

    Examples
    --------
    >>> import keras
    >>> names = [keras.layers.Conv2D(4, 3, name="a"), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2)]
    >>> stem, tail = split_model(keras.Sequential([keras.Input((8, 8, 1)), *names]), "a")
    >>> stem.output_shape, tail.input_shape
    ((None, 6, 6, 4), (None, 6, 6, 4))
    """
    import keras

    layers = [one for one in model.layers if type(one).__name__ != "InputLayer"]
    inside = layers and hasattr(layers[0], "layers") and _has(layers[0], layer)
    holder = layers[0] if inside else model
    if not _has(holder, layer):
        raise ValueError(
            f"There is no layer {layer!r} in the model, or in a model that it begins with. Choose one of "
            f"{', '.join(one.name for one in holder.layers[:4])} and so on."
        )
    maps = holder.get_layer(layer).output
    stem = keras.Model(holder.inputs[0], maps)
    if inside and holder.outputs[0] is maps:
        rest = None
    else:
        try:
            rest = keras.Model(maps, holder.outputs[0])
        except ValueError:
            raise ValueError(
                f"What follows the layer {layer!r} needs more than its output: another path goes around it. Choose a "
                "layer that everything goes through, such as the one that adds up the end of a block."
            ) from None
    if not inside:
        return stem, rest
    inputs = h = keras.Input(stem.output_shape[1:])
    h = h if rest is None else rest(h, training=False)
    for one in layers[1:]:
        h = one(h)
    return stem, keras.Model(inputs, h)


def without_last_layer(model: keras.Model) -> keras.Model:
    """Return a model that gives what the last layer of another one takes; both share their weights.

    Parameters
    ----------
    model : keras.Model
        One input, one output.

    Returns
    -------
    keras.Model
        Its layer's ``input`` would be that of the first model that the layer was part of, which may be a different one.

    Examples
    --------
    >>> import keras
    >>> parts = [keras.layers.Flatten(), keras.layers.Dense(2)]
    >>> without_last_layer(keras.Sequential([keras.Input((2, 3)), *parts])).output_shape
    (None, 6)
    """
    import keras

    output = model.outputs[0]
    nodes = (node for node in model.layers[-1]._inbound_nodes if node.output_tensors[0] is output)
    return keras.Model(model.inputs[0], next(nodes).input_tensors[0])


def _has(model: Any, name: str) -> bool:
    return any(one.name == name for one in model.layers)


def save_tail(tail: keras.Model, backbone: Backbone, layer: str, folder: str | os.PathLike = "transfer") -> Path:
    """Write the trained part of a model, and on what it stands, to be handed in.

    Parameters
    ----------
    tail : keras.Model
        The second part that `split_model` gave, trained.
    backbone : Backbone
        What the model stands on.
    layer : str
        Where it was split.
    folder : str or path
        Where to; it is made if need be.

    Returns
    -------
    pathlib.Path
        The file of weights.

    Raises
    ------
    ValueError
        If the layer is none of the backbone's, does not give what ``tail`` takes, or the model cannot be written: see
        `save_model`.
    """
    if not _has(backbone.model, layer):
        raise ValueError(f"{backbone.name} has no layer {layer!r}. Give the one at which the model was split.")
    maps = tuple(backbone.model.get_layer(layer).output.shape[1:])
    if tuple(tail.input_shape[1:]) != maps:
        raise ValueError(
            f"The model takes maps {list(tail.input_shape[1:])}, and {layer!r} gives {list(maps)}. Split the model "
            "there and save its second part."
        )
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    weights = save_model(tail, folder)
    about = {"backbone": backbone.name, "side": backbone.side, "layer": layer}
    with atomic_write(folder / BACKBONE_FILE) as part:
        part.write_text(json.dumps(about) + "\n", encoding="utf-8")
    return weights
