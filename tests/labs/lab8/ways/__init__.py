"""Right ways to write each function of lab 8: loops, array operations, einsum and im2col, in both precisions.

Each is a function of its own, whose text the mutation score changes.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tests.labs.lab8.ways import train

FUNCTIONS = (
    *("relu_backward", "sigmoid_backward", "softmax_cross_entropy_backward", "dense_backward", "pool2d_backward"),
    *("conv2d_backward", "batch_norm_backward", "gradient_check", "train_network"),
)
_MODULES = {function: importlib.import_module(f"{__name__}.{function}") for function in FUNCTIONS}


def _defined(module: Any) -> dict[str, Callable]:
    return {
        name.replace("_", " "): way
        for name, way in vars(module).items()
        if inspect.isfunction(way) and way.__module__ == module.__name__
    }


WAYS: Mapping[str, Mapping[str, Callable]] = {function: _defined(module) for function, module in _MODULES.items()}
#: What the ways use: a changed one that misses its modules would be found for the wrong reason.
_AROUND = {
    name: value
    for module in _MODULES.values()
    for name, value in vars(module).items()
    if inspect.ismodule(value) or getattr(value, "__module__", "").startswith("numpy")
}
#: What stands for the other functions of a student who is right in them, since it takes the least time.
_USUAL = {
    "relu_backward": "times mask",
    "sigmoid_backward": "by expit",
    "softmax_cross_entropy_backward": "by special",
    "dense_backward": "products",
    "pool2d_backward": "argmax of stack",
    "conv2d_backward": "im2col",
    "batch_norm_backward": "short on rows",
    "gradient_check": "central",
    "train_network": "shuffled slices",
}
RIGHT = {function: WAYS[function][way] for function, way in _USUAL.items()}


def namespace(function: str, answer: Callable) -> dict[str, Any]:
    """Return the functions of a student, with one answer in its place and what it uses around it.

    Parameters
    ----------
    function : str
    answer : callable
    """
    return _AROUND | {"slopes_of": train.slopes_of} | RIGHT | {function: answer}
