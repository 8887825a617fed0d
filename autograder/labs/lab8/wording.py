"""How a question of the lab is put in words, and what a person needs to see of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.reasons import Wording
from autograder.labs.lab8.faults import FAULTS
from source_lib.text import counted

PARAMETERS = {
    "relu_backward": ("da", "z"),
    "sigmoid_backward": ("da", "z"),
    "softmax_cross_entropy_backward": ("z", "t"),
    "dense_backward": ("dz", "h", "W"),
    "pool2d_backward": ("da", "h"),
    "conv2d_backward": ("dz", "h", "W"),
    "batch_norm_backward": ("dy", "x", "gamma", "epsilon"),
    "gradient_check": ("f", "x", "df"),
    "train_network": ("layers", "x", "y", "rng", "epochs", "batch_size", "learning_rate", "momentum"),
}
#: What each function returns where that is several arrays, in their order.
RETURNED = {
    "dense_backward": ("dh", "dW", "db"),
    "conv2d_backward": ("dh", "dW", "db"),
    "batch_norm_backward": ("dx", "dgamma", "dbeta"),
}


def _images(h: np.ndarray) -> str:
    rows, columns, channels = h.shape[1:]
    return f"{counted(len(h), 'image')} of {rows} × {columns} pixels and {counted(channels, 'channel')}"


def asked(function: str, arguments: Sequence[Any]) -> str:
    """Say in the terms of the lab what a question asks for.

    Parameters
    ----------
    function : str
    arguments : sequence

    Returns
    -------
    str
        Without a full stop.
    """
    if function in ("relu_backward", "sigmoid_backward"):
        layer = {"relu_backward": "a ReLU", "sigmoid_backward": "a sigmoid"}[function]
        return f"the gradient by the input of {layer}, for an array {compare.shape(arguments[1])}"
    if function == "softmax_cross_entropy_backward":
        samples, classes = arguments[0].shape
        return f"the gradient by the scores of {counted(samples, 'sample')} and {counted(classes, 'class', 'classes')}"
    if function == "dense_backward":
        _, h, W = arguments
        sizes = f"{counted(W.shape[1], 'input')} and {counted(len(W), 'output')}"
        return f"the gradients of a dense layer of {sizes}, for {counted(len(h), 'sample')}"
    if function == "pool2d_backward":
        return f"the gradient by the input of max pooling, for {_images(arguments[1])}"
    if function == "conv2d_backward":
        _, h, W = arguments
        kernels = f"kernels of {W.shape[0]} × {W.shape[1]} from {counted(W.shape[2], 'channel')} to {W.shape[3]}"
        return f"the gradients of a convolution of {_images(h)}, with {kernels}"
    if function == "batch_norm_backward":
        return f"the gradients of batch normalization, for x {compare.shape(arguments[1])}"
    if function == "gradient_check":
        return f"whether df is the gradient of f at x, an array {compare.shape(np.asarray(arguments[1]))}"
    return "train a network"


def inputs(function: str, arguments: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return the arguments as a person needs to see them.

    Parameters
    ----------
    function : str
    arguments : sequence
    """
    named = zip(PARAMETERS[function], arguments, strict=True)
    return [(name, value) for name, value in named if isinstance(value, (np.ndarray, float))]


WORDING = Wording(FAULTS, asked, inputs=inputs)
