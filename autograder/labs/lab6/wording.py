"""How a question of the lab is put in words, and what a person needs to see of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograder.checking.reasons import Wording
from autograder.labs.lab6.faults import FAULTS

PARAMETERS = {
    "dice": ("pred", "truth", "per_image", "iou"),
    "pixel_cross_entropy": ("logits", "masks", "weights"),
    "should_stop": ("history", "patience", "min_delta"),
    "build_fcn": (),
    "build_unet": (),
}


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
    if function == "dice":
        pred, truth, per_image, iou = arguments
        what = "intersection over union" if iou else "the Dice coefficient"
        given = "scores" if np.ndim(pred) == 4 else "labels"
        return f"{what} of {given} {list(np.shape(pred))}, {'of each image' if per_image else 'the mean over images'}"
    if function == "pixel_cross_entropy":
        logits, _, weights = arguments
        return f"the cross-entropy of scores {list(np.shape(logits))}, {'un' if weights is None else ''}weighted"
    if function == "should_stop":
        history, patience, min_delta = arguments
        least = f" and steps of {round(1000 * min_delta)} thousandths at least" if min_delta else ""
        return f"whether to stop after {len(history['val_loss'])} epochs with a patience of {patience}{least}"
    return f"build the network of {function}"


def inputs(function: str, arguments: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return the arguments as a person needs to see them.

    Parameters
    ----------
    function : str
    arguments : sequence
    """
    shown: list[tuple[str, Any]] = []
    for name, value in zip(PARAMETERS[function], arguments, strict=True):
        if isinstance(value, Mapping):
            shown += [(key, np.array(values)) for key, values in value.items()]
        elif isinstance(value, np.ndarray) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            shown.append((name, value))
    return shown


WORDING = Wording(tuple(fault for fault in FAULTS if fault.function in PARAMETERS), asked, inputs=inputs)
