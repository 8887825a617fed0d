"""How a question of the lab is put in words, and what a person needs to see of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checking.reasons import Wording
from autograder.labs.lab4.faults import FAULTS
from source_lib.text import counted

PARAMETERS = {
    "build_fnn": (),
    "build_cnn": ("blocks", "maps", "activation", "pool_first", "dropout", "batch_norm"),
    "order_matters": ("functions", "pooling"),
    "sgd_step": ("w", "g", "v", "lr", "momentum"),
    "adam_step": ("w", "g", "m", "s", "t", "lr", "beta_1", "beta_2", "epsilon"),
    "l1_l2": ("w", "l1", "l2"),
    "confusion_matrix": ("y_true", "y_pred", "classes"),
    "misclassified": ("y_true", "probabilities"),
}


def _shapes(arrays: Sequence[np.ndarray]) -> str:
    shapes = [str(list(one.shape)) for one in arrays]
    return ", ".join(shapes[:4]) + (f" and {len(shapes) - 4} more" if len(shapes) > 4 else "")


def call(arguments: Sequence[Any]) -> str:
    """Return in words what `build_cnn` is called with, what is as it is by default left out."""
    blocks, maps, activation, pool_first, dropout, batch_norm = arguments
    parts = [
        f"blocks={blocks}" if blocks != 3 else "",
        f"maps={maps}" if maps != 8 else "",
        f"activation={activation!r}" if activation != "relu" else "",
        "pool_first=True" if pool_first else "",
        # Without a full stop, which ends what was asked.
        f"dropout of {round(100 * dropout)} %" if dropout else "",
        "batch_norm=True" if batch_norm else "",
    ]
    return ", ".join(filter(None, parts)) or "all defaults"


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
    if function == "build_fnn":
        return "build the network with 800 hidden units and 10 probabilities"
    if function == "build_cnn":
        return f"build the network of build_cnn with {call(arguments)}"
    if function == "order_matters":
        functions, pooling = arguments
        return (
            f"say for {len(functions)} functions whether it matters if {pooling} pooling comes before or after them, "
            "with True or False"
        )
    if function == "sgd_step":
        w, *_, momentum = arguments
        return f"one step {'with' if momentum else 'without'} momentum, for weights {_shapes(w)}"
    if function == "adam_step":
        w, *_, t, _, _, _, _ = arguments
        return f"step number {t}, for weights {_shapes(w)}"
    if function == "l1_l2":
        return f"the penalty on weights {_shapes(arguments[0])} and its gradient"
    if function == "confusion_matrix":
        y_true, _, classes = arguments
        return f"count {counted(len(y_true), 'prediction')} for {classes} classes, giving [{classes}, {classes}]"
    y_true, probabilities = arguments
    images = counted(len(y_true), "image")
    return f"say which of {images} of {probabilities.shape[1]} classes are classified wrong, the surest first"


def inputs(function: str, arguments: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return the arguments as a person needs to see them: of a list of one array this array.

    Parameters
    ----------
    function : str
    arguments : sequence
    """
    shown = []
    for name, value in zip(PARAMETERS[function], arguments, strict=True):
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], np.ndarray):
            shown.append((name, value[0]))
        elif isinstance(value, np.ndarray) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            shown.append((name, value))
    return shown


WORDING = Wording(FAULTS, asked, inputs=inputs)
