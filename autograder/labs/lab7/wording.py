"""How a question of the lab is put in words, and what a person needs to see of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checking.reasons import Wording
from autograder.labs.lab7.faults import FAULTS
from source_lib.text import counted

PARAMETERS = {
    "compare_runs": ("runs_a", "runs_b"),
    "standardize": ("x_train", "x"),
    "mse_and_gradient": ("w", "x", "y"),
    "average_probabilities": ("p", "weights"),
    "majority_vote": ("p",),
    "ensemble_gain": ("p", "y"),
    "similarities": ("a", "b"),
    "threshold_for": ("scores", "same", "rate"),
}


def asked(function: str, arguments: Sequence[Any]) -> str:
    """Say in the terms of the lab what a question asks for.

    Parameters
    ----------
    function : str
    arguments : sequence
    """
    first = np.shape(arguments[0])
    if function == "compare_runs":
        return f"compare {counted(len(arguments[0]), 'run')} of one network with {len(arguments[1])} of another"
    if function == "standardize":
        rows, columns = counted(len(arguments[1]), "row"), counted(first[1], "column")
        return f"bring {rows} to the scale of {first[0]} training rows of {columns}"
    if function == "mse_and_gradient":
        return f"the error and its gradient for inputs {list(np.shape(arguments[1]))}, y {list(np.shape(arguments[2]))}"
    if function == "similarities":
        return f"the similarities of embeddings {list(first)} and {list(np.shape(arguments[1]))}"
    if function == "threshold_for":
        # The sentence holds no other full stop than its last.
        return f"the threshold for {first[0]} pairs at {100 * arguments[2]:g} % of false matches"
    what = {
        "average_probabilities": "average the probabilities",
        "majority_vote": "take a vote",
        "ensemble_gain": "measure the ensemble",
    }[function]
    return f"{what} of {counted(first[0], 'network')} for {counted(first[1], 'image')} and {first[2]} classes"


def inputs(function: str, arguments: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return the arguments as a person needs to see them.

    Parameters
    ----------
    function : str
    arguments : sequence
    """
    return list(zip(PARAMETERS[function], arguments, strict=True))


def a_row(shape: Sequence[int | str], first: bool = False) -> str:
    """Say what a column is where a row is asked for, to complete "the function …".

    Parameters
    ----------
    shape : sequence of int or str
        Of the row.
    first : bool
        Whether the axis too many is the first one.

    Examples
    --------
    >>> a_row([5], first=True)
    'returned [1, 5] where a row [5] is expected. That is a mistake of shape alone: take what is inside'
    """
    row = list(shape)
    if not row:
        return "returned a number in an array [1] where the number itself is expected: take it out of the array"
    count = row[0]
    if first:
        return (
            f"returned [1, {count}] where a row [{count}] is expected. That is a mistake of shape alone: take what is "
            "inside"
        )
    return (
        f"returned a column [{count}, 1] where a row [{count}] is expected. That is a mistake of shape alone: take the "
        f"only column. A row [{count}] minus this column would be [{count}, {count}]"
    )


WORDING = Wording(tuple(fault for fault in FAULTS if fault.function in PARAMETERS), asked, inputs=inputs)
