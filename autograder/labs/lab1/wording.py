"""How a question of the lab is put in words, and what a person needs to see of its answer."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.hints import Wrong
from autograder.checking.questions import compare_with_reference
from autograder.checking.reasons import Wording
from autograder.checking.student import Answer, Student, StudentError
from autograder.labs.lab1.faults import FAULTS
from source_lib.text import counted

PARAMETERS = {
    "activation": ("x", "activation"),
    "conv2d_layer": ("h", "W", "b", "act"),
    "pool2d_layer": ("h",),
    "flatten_layer": ("h",),
    "dense_layer": ("h", "W", "b", "act"),
    "count_weights": ("W", "b"),
    "evaluate": ("y_prob", "y_onehot"),
    "fast_conv2d_layer": ("x", "W", "b", "act"),
}


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _picture(h: np.ndarray) -> str:
    return f"{_size(h.shape[-3:-1])} pixels and {counted(h.shape[-1], 'channel')}"


def in_shapes(arrays: Sequence[np.ndarray]) -> str:
    """Return the shapes of arrays as a person reads them."""
    return ", ".join(map(compare.shape, arrays))


def _ending(b: np.ndarray, act: str) -> str:
    bias = "with a bias" if np.any(b) else "no bias"
    return f"{bias}, {'no activation' if act == 'linear' else f'{act!r} last'}"


def _vector(x: np.ndarray) -> str:
    if x.ndim == 1:
        return f"a vector of {counted(x.size, 'number')}"
    return f"a column {compare.shape(x)}" if x.ndim == 2 else f"an image of {_picture(x)}"


def _asked(function: str, arguments: Sequence) -> str:
    """Say in the terms of the lab what a question asks for and what should come out."""
    if function == "activation":
        x, name = arguments
        if name not in ("linear", "relu", "sigmoid", "softmax"):
            return f"apply {name!r}, which is no known name, to {_vector(x)}, which must raise an error"
        large = " near ±1000" if np.max(np.abs(x), initial=0) > 900 else ""
        return f"apply {name!r} to {_vector(x)}{large}, giving {compare.shape(x)}"
    if function in ("conv2d_layer", "fast_conv2d_layer"):
        h, W, b, act = arguments
        kernel = "a kernel" if W.shape[2:] == (1, 1) else "kernels"
        between = "" if W.shape[2:] == (1, 1) else f" from {counted(W.shape[2], 'channel')} to {W.shape[3]}"
        batch = f"a batch of {counted(len(h), 'image')}{', each' * (len(h) > 1)}" if h.ndim == 4 else "an image"
        out = [*h.shape[:-1], W.shape[3]]
        kernel = f"{kernel} of {_size(W.shape[:2])}{between}"
        return f"convolve {batch} of {_picture(h)}, with {kernel}, {_ending(b, act)}, giving {out}"
    if function == "pool2d_layer":
        (h,) = arguments
        return f"pool an image of {_picture(h)}, giving {[h.shape[0] // 2, h.shape[1] // 2, h.shape[2]]}"
    if function == "flatten_layer":
        return f"flatten an image of {_picture(arguments[0])}, giving [{arguments[0].size}]"
    if function == "dense_layer":
        h, W, b, act = arguments
        sizes = f"{counted(np.size(h), 'input')} and {counted(len(W), 'output')}"
        return f"apply a dense layer of {sizes}, {_ending(b, act)}, giving [{len(W)}] or [{len(W)}, 1]"
    if function == "count_weights":
        W, b = arguments
        return (
            f"count the parameters of a network with weights of shape {in_shapes(W)} and biases of shape {in_shapes(b)}"
        )
    y_prob, _ = arguments
    return f"the cross-entropy and the accuracy of {counted(len(y_prob), 'sample')} and {y_prob.shape[1]} classes"


def _inputs(function: str, arguments: Sequence) -> list[tuple[str, Any]]:
    """Return the arguments as a person needs to see them: without a bias that is 0, and of a network the shapes."""
    parts = []
    for name, value in zip(PARAMETERS[function], arguments, strict=True):
        if isinstance(value, list):
            parts.append((name, in_shapes(value)))
        elif isinstance(value, np.ndarray) and (name != "b" or np.any(value)):
            parts.append((name, value))
    return parts


def wrong_answer(
    function: str,
    arguments: tuple,
    answer: Answer,
    what: str,
    *shown: tuple[str, Any],
    expected: Any = None,
    compared: Any = None,
    **options: Any,
) -> Wrong:
    """Return a wrong answer with all that is known of it; ``shown`` is what differs, beside the inputs.

    Parameters
    ----------
    function : str
    arguments : tuple
    answer : Answer
    what : str
        What is wrong; completes "the function …".
    *shown : (str, object)
        What a person needs to see beside the inputs; what is expected and what came by default.
    expected, compared : object
        What was compared.
    **options
        Of `Wrong`.

    Returns
    -------
    Wrong
    """
    compared = answer.value if compared is None else compared
    shown = shown or (("expected", expected), (YOURS, compared))
    parts = (*_inputs(function, arguments), *shown)
    return Wrong(function, arguments, answer.value, what, expected, compared, parts, **options)


compared = functools.partial(compare_with_reference, inputs=_inputs)


def own_activation(student: Student, values: np.ndarray, name: str) -> Any:
    """Return what the student's own activation makes of values, or None.

    Parameters
    ----------
    student : Student
    values : numpy.ndarray
    name : str
    """
    try:
        return student.call("activation", values, name)
    except StudentError:
        return None


def _activation_at_fault(student: Student, wrong: Wrong) -> str:
    """Say so where a layer is right but for what the student's own activation makes of it."""
    *arguments, act = wrong.arguments
    if wrong.changed or PARAMETERS[wrong.function][-1] != "act" or not compare.varied(wrong.got):
        return ""
    total = student.oracle.call(wrong.function, *arguments, "linear")
    own = own_activation(student, total, act)
    true = student.oracle.call("activation", total.ravel(), act).reshape(total.shape)
    if not compare.agree(wrong.view(wrong.got), wrong.view(own)) or compare.agree(own, true):
        return ""
    return (
        f"The layer itself is right: this is what your own activation makes of the right sum with {act!r}. "
        "Fix activation first."
    )


WORDING = Wording(FAULTS, _asked, _activation_at_fault, _inputs)
