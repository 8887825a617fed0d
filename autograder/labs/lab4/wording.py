"""How a question of the lab is put in words, and what a person needs to see of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checking.reasons import Wording
from autograder.labs.lab4.faults import FAULTS

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
    return ", ".join(str(list(one.shape)) for one in arrays)


def call(arguments: Sequence[Any]) -> str:
    """Return how `build_cnn` is called with these arguments, those left out that are as they are by default."""
    given = zip(PARAMETERS["build_cnn"], arguments, (3, 8, "relu", False, 0.0, False), strict=True)
    return f"build_cnn({', '.join(f'{name}={value!r}' for name, value, default in given if value != default)})"


def asked(function: str, arguments: Sequence[Any]) -> str:
    """Say in the terms of the lab what a question asks for.

    Parameters
    ----------
    function : str
    arguments : sequence
    """
    if function == "build_fnn":
        return "build the network with 800 hidden units and 10 probabilities"
    if function == "build_cnn":
        return f"build the network of {call(arguments)}"
    if function == "order_matters":
        functions, pooling = arguments
        return (
            f"say for {len(functions)} functions whether it matters if {pooling} pooling comes before or after them, "
            "with True or False"
        )
    if function == "sgd_step":
        w, _, _, lr, momentum = arguments
        return f"one step for weights {_shapes(w)} with lr = {lr:.3g} and momentum = {momentum:.3g}"
    if function == "adam_step":
        w, *_, t, lr, beta_1, beta_2, epsilon = arguments
        return (
            f"step number {t} for weights {_shapes(w)} with lr = {lr:.3g}, beta_1 = {beta_1:g}, beta_2 = {beta_2:g} "
            f"and epsilon = {epsilon:g}"
        )
    if function == "l1_l2":
        w, l1, l2 = arguments
        return f"the penalty on weights {_shapes(w)} and its gradient, with l1 = {l1:.3g} and l2 = {l2:.3g}"
    if function == "confusion_matrix":
        y_true, _, classes = arguments
        return f"count {len(y_true)} predictions for {classes} classes, giving [{classes}, {classes}]"
    y_true, probabilities = arguments
    return f"the wrong ones among {len(y_true)} images of {probabilities.shape[1]} classes, the surest first"


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
