"""How a question of the lab is put in words, and what a person needs to see of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checking.reasons import Wording
from autograder.labs.lab5.faults import FAULTS

PARAMETERS = {
    "build_baseline": (),
    "build_wide_and_deep": ("shape_a", "shape_b"),
    "build_transfer": ("backbone", "seed", "unfreeze", "classes"),
    "preprocess": ("images", "side", "offset", "scale"),
    "activations": ("model", "seed", "layer", "image"),
    "grad_cam": ("model", "seed", "layer", "image", "k"),
    "overlay": ("image", "heat"),
}
_KINDS = {
    "c": "convolution {0}×{0} with {1} maps and ReLU",
    "l": "convolution {0}×{0} with {1} maps",
    "t": "convolution {0}×{0} with {1} maps and ReLU, and a step of 2",
    "r": "a residual path of a convolution {0}×{0}",
    "b": "batch normalization",
    "p": "max pooling",
    "a": "average pooling",
    "d": "dropout",
    "f": "flatten",
    "g": "global average pooling",
    "h": "dense {0} with ReLU",
    "s": "dense {0} with softmax",
    "o": "dense {0}",
}


def network(recipe: str) -> str:
    """Return a recipe as a person reads it.

    Examples
    --------
    >>> network("8x7x3 c3.4 g s5-2")
    'convolution 3×3 with 4 maps and ReLU, global average pooling, dense 5 with softmax'
    """
    words = [word for word in recipe.split() if word != "S"][1:]
    return ", ".join(_KINDS[word[0]].format(*re.split("[-^~]", word[1:])[0].split(".")) for word in words)


def asked(function: str, arguments: Sequence[Any]) -> str:
    """Say in the terms of the lab what a question asks for.

    Parameters
    ----------
    function : str
    arguments : sequence
    """
    if function == "build_baseline":
        return "build the network of 390,410 parameters"
    if function == "build_wide_and_deep":
        a, b = (list(shape) for shape in arguments)
        return f"build the network for images {a} and {b}"
    if function == "build_transfer":
        recipe, _, unfreeze, classes = arguments
        what = f"trainable from {unfreeze!r} on" if unfreeze else "all of it frozen"
        backbone = network(recipe.removesuffix(" g s2"))
        return f"build a model for {classes} classes on a backbone that was used before ({backbone}), {what}"
    if function == "preprocess":
        images, side, *_ = arguments
        return f"prepare images {list(images.shape)} for a network that takes {side}×{side} pixels"
    if function == "activations":
        recipe, _, layer, image = arguments
        return f"what layer {layer!r} gives for an image {list(image.shape)}, in a model of {network(recipe)}"
    if function == "grad_cam":
        recipe, _, layer, image, k = arguments
        return (
            f"the heat map of layer {layer!r} for class {k} and an image {list(image.shape)}, in a model of "
            f"{network(recipe)}"
        )
    image, heat = arguments
    return f"put a heat map {list(heat.shape)} over an image {list(image.shape)}"


def inputs(function: str, arguments: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return the arguments as a person needs to see them.

    Parameters
    ----------
    function : str
    arguments : sequence
    """
    return [
        (name, value)
        for name, value in zip(PARAMETERS[function], arguments, strict=True)
        if name != "seed" and isinstance(value, (np.ndarray, int, float))
    ]


WORDING = Wording(tuple(fault for fault in FAULTS if fault.to == "function"), asked, inputs=inputs)
