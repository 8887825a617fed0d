"""Lab 1, implementing a CNN: what is asked of each function, line by line.

A line looks at one thing, on inputs where nothing else can go wrong: whether the channels are summed is asked
with kernels that a flip does not change, the bias as a difference of two answers, the activation against the
student's own answer without it. So one fault costs once. And no line pays for a function that returns zeros, a
constant or its input.
"""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.hints import Wrong
from autograder.checking.problem import Problem
from autograder.checking.questions import compare_with_reference
from autograder.checking.reasons import Small, Wording
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Answer, Oracle, Student, StudentError
from autograder.labs.lab1.faults import FAULTS

Rng = np.random.Generator

_PARAMETERS = {
    "activation": ("x", "activation"),
    "conv2d_layer": ("h", "W", "b", "act"),
    "pool2d_layer": ("h",),
    "flatten_layer": ("h",),
    "dense_layer": ("h", "W", "b", "act"),
    "count_weights": ("W", "b"),
    "evaluate": ("y_prob", "y_onehot"),
    "fast_conv2d_layer": ("x", "W", "b", "act"),
}


# How a question is put, and how its answer is told.


def _several(count: int, one: str, more: str | None = None) -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _picture(h: np.ndarray) -> str:
    return f"{_size(h.shape[-3:-1])} pixels and {_several(h.shape[-1], 'channel')}"


def _shapes(arrays: Sequence[np.ndarray]) -> str:
    return ", ".join(map(compare.shape, arrays))


def _ending(b: np.ndarray, act: str) -> str:
    bias = "with a bias" if np.any(b) else "no bias"
    return f"{bias}, {'no activation' if act == 'linear' else f'{act!r} last'}"


def _vector(x: np.ndarray) -> str:
    if x.ndim == 1:
        return f"a vector of {_several(x.size, 'number')}"
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
        between = "" if W.shape[2:] == (1, 1) else f" from {_several(W.shape[2], 'channel')} to {W.shape[3]}"
        batch = f"a batch of {_several(len(h), 'image')}{', each' * (len(h) > 1)}" if h.ndim == 4 else "an image"
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
        sizes = f"{_several(np.size(h), 'input')} and {_several(len(W), 'output')}"
        return f"apply a dense layer of {sizes}, {_ending(b, act)}, giving [{len(W)}] or [{len(W)}, 1]"
    if function == "count_weights":
        W, b = arguments
        return f"count the parameters of a network with weights of shape {_shapes(W)} and biases of shape {_shapes(b)}"
    y_prob, _ = arguments
    return f"the cross-entropy and the accuracy of {_several(len(y_prob), 'sample')} and {y_prob.shape[1]} classes"


def _inputs(function: str, arguments: Sequence) -> list[tuple[str, Any]]:
    """Return the arguments as a person needs to see them: without a bias that is 0, and of a network the shapes."""
    parts = []
    for name, value in zip(_PARAMETERS[function], arguments, strict=True):
        if isinstance(value, list):
            parts.append((name, _shapes(value)))
        elif isinstance(value, np.ndarray) and (name != "b" or np.any(value)):
            parts.append((name, value))
    return parts


def _wrong(
    function: str,
    arguments: tuple,
    answer: Answer,
    what: str,
    *shown: tuple[str, Any],
    expected: Any = None,
    compared: Any = None,
    **options: Any,
) -> Wrong:
    """Return a wrong answer with all that tells about it; ``shown`` is what differs, beside the inputs."""
    compared = answer.value if compared is None else compared
    shown = shown or (("expected", expected), (YOURS, compared))
    parts = (*_inputs(function, arguments), *shown)
    return Wrong(function, arguments, answer.value, what, expected, compared, parts, **options)


_compared = functools.partial(compare_with_reference, inputs=_inputs)


def _first(problems: Any) -> str | None:
    return next((problem for problem in problems if problem is not None), None)


def _unchanged(
    student: Student,
    function: str,
    questions: Sequence[tuple],
    alive: Callable[[list], bool],
) -> Wrong | str | None:
    """Ask whether the inputs are as before, of a function that does something with them."""
    values = []
    for arguments in questions:
        answer = student.ask(function, *arguments)
        if answer.modified:
            names = " and ".join(_PARAMETERS[function][position] for position in answer.modified)
            what = f"changed its input {names}"
            return _wrong(function, arguments, answer, what, changed=answer.modified)
        values.append(answer.value)
    if alive(values):
        return None
    return f"{function} kept its inputs, but what it returns does not follow from them yet, so this cannot count."


def _alive(questions: Sequence[tuple]) -> Callable[[list], bool]:
    """Tell numbers that follow from the first two questions from zeros, constants and the inputs themselves."""

    def alive(values: list) -> bool:
        first, second = values[:2]
        if not compare.varied(first) or compare.agree(first, second):
            return False
        bare = np.squeeze(compare.array(first))
        return not any(compare.agree(bare, np.squeeze(a)) for a in questions[0] if isinstance(a, np.ndarray))

    return alive


def _own(student: Student, values: np.ndarray, name: str) -> Any:
    """Return what the student's own activation makes of values, or None."""
    try:
        return student.call("activation", values, name)
    except StudentError:
        return None


def _applies(student: Student, function: str, arguments: tuple, names: Sequence[str]) -> Wrong | str | None:
    """Ask whether a layer applies the activation to what it gives with ``'linear'``.

    Right is what the reference makes of that, or the student's own activation: a fault there has cost already.
    """
    linear = student.call(function, *arguments, "linear")
    values = compare.array(linear)
    if values is None or values.size < 2 or not np.all(np.isfinite(values)):
        return f"With 'linear' {function} returned no array of finite numbers to compare with."
    proven = False
    for name in names:
        question = (*arguments, name)
        own = _own(student, values, name)
        try:
            answer = student.ask(function, *question)
        except StudentError as error:
            if own is None:
                continue
            return str(error)
        true = student.oracle.call(function, *question)
        if not compare.agree(answer.value, true):
            true = student.oracle.call("activation", values.ravel(), name).reshape(values.shape)
        if compare.agree(answer.value, true):
            proven |= compare.varied(true) and not compare.agree(true, values)
        elif own is not None and compare.agree(answer.value, own):
            proven |= compare.varied(own) and not compare.agree(own, values)
        else:
            what = f"did not give {name!r} of its own 'linear' answer: it {compare.difference(answer.value, true)}"
            shown = ((f"{YOURS}, 'linear'", values), (f"{name!r} of it", true), (f"{YOURS}, {name!r}", answer.value))
            return _wrong(function, question, answer, what, *shown, expected=true)
    if proven:
        return None
    return f"Whether {function} applies its activation cannot be seen: none changed its result. Mend activation first."


def _activation_at_fault(student: Student, wrong: Wrong) -> str:
    """Say so where a layer is right but for what the student's own activation makes of it."""
    *arguments, act = wrong.arguments
    if wrong.changed or _PARAMETERS[wrong.function][-1] != "act" or not compare.varied(wrong.got):
        return ""
    total = student.oracle.call(wrong.function, *arguments, "linear")
    own = _own(student, total, act)
    true = student.oracle.call("activation", total.ravel(), act).reshape(total.shape)
    if not compare.agree(wrong.view(wrong.got), wrong.view(own)) or compare.agree(own, true):
        return ""
    return (
        f"The layer itself is right: this is what your own activation makes of the right sum with {act!r}. "
        "Mend activation first."
    )


# What is drawn.


def _signed(rng: Rng, *shape: int) -> np.ndarray:
    """Return numbers of both signs, none near 0."""
    values = rng.uniform(0.2, 3.0, math.prod(shape))
    values[::2] *= -1
    return rng.permutation(values).reshape(shape)


def _image(rng: Rng, *shape: int) -> np.ndarray:
    return _signed(rng, *shape).astype("float32")


def _weights(rng: Rng, *shape: int) -> np.ndarray:
    """Return weights that keep sums near 1, where single precision is exact enough."""
    return (rng.normal(size=shape) / math.sqrt(math.prod(shape[:-1]))).astype("float32")


def _convolution(rng: Rng, size: tuple[int, int], channels: tuple[int, int], batch: tuple[int, ...] = ()) -> tuple:
    """Return an image or a batch of odd and unequal height and width, kernels, and a bias of both signs."""
    rows, columns = rng.permutation([7, 9])
    image = _image(rng, *batch, rows, columns, channels[0])
    return image, _weights(rng, *size, *channels), _image(rng, channels[1])


def _predictions(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of 7 samples and 5 classes, 3 of them right: 42.9 % is no part of 5."""
    probabilities = 0.1 + 0.5 * rng.dirichlet(np.ones(5), 7)
    classes = probabilities.argmax(axis=1)
    wrong = rng.permutation(7)[:4]
    classes[wrong] = (classes[wrong] + rng.integers(1, 5, 4)) % 5
    return probabilities.astype("float32"), np.eye(5, dtype="float32")[classes]


# activation


def _activation_linear(student: Student, rng: Rng) -> Wrong | str | None:
    x = _signed(rng, 3, 5, 2)
    problem = _compared(student, "activation", x, "linear")
    if problem is None and all(compare.agree(_own(student, x, name), x) for name in ("relu", "sigmoid")):
        return "activation returns its input whatever it is asked, so 'linear' cannot count yet."
    return problem


def _activation_named(name: str, *shapes: tuple[int, ...]) -> Callable:
    def question(student: Student, rng: Rng) -> Wrong | None:
        return _first(_compared(student, "activation", _signed(rng, *shape), name) for shape in shapes)

    return question


def _activation_column(student: Student, rng: Rng) -> Wrong | str | None:
    return _softmax_column(student, _signed(rng, 5))


def _softmax_column(student: Student, x: np.ndarray) -> Wrong | str | None:
    own = student.call("activation", x, "softmax")
    if not compare.varied(own) or compare.agree(own, x) or compare.array(own).shape != x.shape:
        return "The softmax of a vector is not there yet, so that of a column cannot be compared with it."
    column = x[:, None]
    answer = student.ask("activation", column, "softmax")
    values = compare.array(answer.value)
    if values is not None and values.shape == x.shape:
        values = values[:, None]
    expected = compare.array(own)[:, None]
    what = compare.difference(values if values is not None else answer.value, expected)
    if what is None:
        return None
    shown = ("as the vector", expected), (YOURS, answer.value)
    return _wrong("activation", (column, "softmax"), answer, f"{what}, as for the vector", *shown, expected=expected)


def _activation_large(student: Student, rng: Rng) -> Wrong | str | None:
    # Eighths stay exact when 1000 is added, in single precision too.
    x = rng.permutation(np.arange(-24, 25))[:6] / 8
    wide = np.concatenate([x, [-1000.0, 1000.0]])
    return _first(
        _large(student, question, name, near)
        for name, near, question in (
            ("sigmoid", np.clip(wide, -30, 30), wide),
            ("softmax", x, x + 1000),
            ("softmax", x, x - 1000),
        )
    )


def _large(student: Student, x: np.ndarray, name: str, near: np.ndarray) -> Wrong | str | None:
    own = student.call("activation", near, name)
    if not compare.varied(own) or compare.array(own).shape != near.shape:
        return (
            f"activation(x, '{name}') is not there yet for small numbers, so large ones cannot be compared with them."
        )
    answer = student.ask("activation", x, name)
    what = compare.difference(answer.value, own)
    if what is None:
        return None
    true = compare.agree(own, student.oracle.call("activation", near, name))
    shown = ("expected" if true else f"{YOURS} near 0", own), (YOURS, answer.value)
    return _wrong("activation", (x, name), answer, what, *shown, expected=own)


def _activation_unknown(student: Student, rng: Rng) -> Wrong | str | None:
    x = _signed(rng, 6)
    own = {name: _own(student, x, name) for name in ("relu", "sigmoid", "softmax")}
    if all(values is None for values in own.values()):
        student.call("activation", x, "relu")
    if not any(compare.agree(values, student.oracle.call("activation", x, name)) for name, values in own.items()):
        return "None of 'relu', 'sigmoid' and 'softmax' is right yet, so refusing other names cannot count."
    return _refused(student, x, str(rng.choice(["cosine", "no_such_name", "parabola", "step_down"])))


def _refused(student: Student, x: np.ndarray, unknown: str) -> Wrong | None:
    try:
        answer = student.ask("activation", x, unknown)
    except StudentError:
        return None
    got = (
        answer.value if compare.array(answer.value) is not None else "nothing" if answer.value is None else "no numbers"
    )
    shown = ("expected", "an error"), (YOURS, got)
    return _wrong("activation", (x, unknown), answer, "did not raise an error", *shown)


def _activation_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    first, second = _signed(rng, 6), _signed(rng, 6)
    problems = []
    for name in ("relu", "sigmoid", "softmax"):
        questions = ((first, name), (second, name))
        try:
            problem = _unchanged(student, "activation", questions, _alive(questions))
        except StudentError as error:
            problem = str(error)
        if isinstance(problem, Wrong):
            return problem
        problems.append(problem)
    return None if None in problems else problems[0]


# conv2d_layer


def _inside(student: Student, h: np.ndarray, W: np.ndarray) -> Wrong | None:
    """Ask for a convolution without bias and compare where the kernel lies inside the image."""
    arguments = (h, W, np.zeros(W.shape[3], "float32"), "linear")
    answer = student.ask("conv2d_layer", *arguments)
    expected = student.oracle.call("conv2d_layer", *arguments)
    inside = tuple(slice(k // 2, size - k // 2) for k, size in zip(W.shape[:2], h.shape[:2], strict=True))
    inner = expected[inside]
    got = compare.array(answer.value)
    if got is not None and got.shape == expected.shape:
        got = got[inside]
    elif got is None or got.shape != inner.shape:
        what = compare.difference(answer.value, expected)
        return _wrong("conv2d_layer", arguments, answer, what, expected=expected)
    what = compare.difference(got, inner)
    if what is None:
        return None
    shown = (("expected inside", inner), (f"{YOURS} inside", got)) if inner.shape != expected.shape else ()
    return _wrong("conv2d_layer", arguments, answer, what, *shown, expected=inner, compared=got)


def _centered(W: np.ndarray) -> np.ndarray:
    """Return kernels that are 0 but in the middle: neither a flip nor the border shows."""
    only = np.zeros_like(W)
    middle = W.shape[0] // 2, W.shape[1] // 2
    only[middle] = W[middle]
    return only


def _conv_kernel(student: Student, rng: Rng) -> Wrong | str | None:
    size = tuple(rng.permutation([3, 5]))
    h, W, _ = _convolution(rng, size, (3, 2))
    single = _convolution(rng, size, (1, 1))[:2]
    problem = _attempt(_inside, student, h, W)
    # Where the channels alone are at fault, which costs in another line, one channel shows the kernel.
    if problem is not None and _attempt(_inside, student, h, _centered(W)) is not None:
        return _inside(student, *single)
    return problem


def _attempt(question: Callable[..., Wrong | str | None], *arguments: Any) -> Wrong | str | None:
    try:
        return question(*arguments)
    except StudentError as error:
        return str(error)


def _conv_channels(student: Student, rng: Rng) -> Wrong | None:
    # As many out as in first: exchanged channels then give numbers, which show the fault, and no error.
    problems = []
    for channels in ((3, 3), (4, 2)):
        h, W, _ = _convolution(rng, (3, 3), channels)
        W[1, 1] = _signed(rng, *channels) / channels[0]
        problems.append((h, _centered(W)))
    return _first(_inside(student, h, W) for h, W in problems)


def _conv_border(student: Student, rng: Rng) -> Wrong | None:
    h, W, _ = _convolution(rng, (3, 3), (1, 1))
    return _compared(student, "conv2d_layer", h, np.full_like(W, 0.25), np.zeros(1, "float32"), "linear")


def _conv_bias(student: Student, rng: Rng) -> Wrong | None:
    return _conv_adds(student, *_convolution(rng, (3, 3), (3, 3)))


def _conv_adds(student: Student, h: np.ndarray, W: np.ndarray, b: np.ndarray) -> Wrong | None:
    arguments = (h, W, b, "linear")
    without = compare.array(student.call("conv2d_layer", h, W, np.zeros_like(b), "linear"))
    answer = student.ask("conv2d_layer", *arguments)
    values = compare.array(answer.value)
    shape = values is not None and values.ndim == 3 and values.shape[2] == len(b)
    if not shape or without is None or values.shape != without.shape:
        expected = student.oracle.call("conv2d_layer", *arguments)
        what = compare.difference(answer.value, expected) or "does not have the shape that it has with b = 0"
        return _wrong("conv2d_layer", arguments, answer, what, expected=expected)
    return _added("conv2d_layer", arguments, answer, without, b)


def _added(function: str, arguments: tuple, answer: Answer, without: np.ndarray, b: np.ndarray, **options: Any) -> Any:
    """Compare an answer with what came without a bias and the bias."""
    values = compare.array(answer.value)
    with np.errstate(invalid="ignore"):
        what = compare.difference(values - without, np.broadcast_to(b, values.shape))
    if what is None:
        return None
    shown = ((f"{YOURS}, b = 0", without), ("expected", without + b), (YOURS, values))
    what = f"less the same with b = 0 {what}"
    return _wrong(function, arguments, answer, what, *shown, expected=without + b, **options)


def _conv_activation(student: Student, rng: Rng) -> Wrong | str | None:
    return _applies(student, "conv2d_layer", _convolution(rng, (3, 3), (3, 3)), ("relu", "sigmoid"))


def _conv_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    questions = [(*_convolution(rng, (3, 3), (3, 3)), "linear")]
    questions.append((_image(rng, *questions[0][0].shape), *questions[0][1:]))
    return _unchanged(student, "conv2d_layer", questions, _alive(questions))


# pool2d_layer


def _pool_maximum(student: Student, rng: Rng) -> Wrong | None:
    h = _image(rng, *rng.permutation([6, 8]), 1)
    # One block of negative numbers alone: its largest is not 0.
    h[:2, :2] = -np.abs(h[:2, :2])
    return _compared(student, "pool2d_layer", h)


def _pool_all_blocks(student: Student, rng: Rng) -> str | None:
    """Ask whether the last block counts: cutting an image to half its size looks like pooling and is none."""
    h = _image(rng, 4, 6, 1)
    other = h.copy()
    other[2:, 4:] += 10
    values = [compare.array(student.call("pool2d_layer", image)) for image in (h, other)]
    if not compare.agree(*values):
        return None
    return "pool2d_layer returns the same whatever the last block of 2 × 2 holds, so this cannot count yet."


def _pool_channels(student: Student, rng: Rng) -> Wrong | str | None:
    return _channel_by_channel(student, _image(rng, 8, 6, 3)) or _pool_all_blocks(student, rng)


def _channel_by_channel(student: Student, h: np.ndarray) -> Wrong | None:
    answer = student.ask("pool2d_layer", h)
    expected = student.oracle.call("pool2d_layer", h)
    values = compare.array(answer.value)
    if values is None or values.ndim != 3 or values.shape[2] != h.shape[2] or values.shape == h.shape:
        what = compare.difference(answer.value, expected) or "did not keep the channels"
        return _wrong("pool2d_layer", (h,), answer, what, expected=expected)
    for channel in range(h.shape[2]):
        alone = compare.array(student.call("pool2d_layer", h[:, :, channel : channel + 1]))
        got = values[:, :, channel : channel + 1]
        if alone is None or not compare.varied(alone):
            return _wrong("pool2d_layer", (h,), answer, "returned the same number everywhere", expected=expected)
        if what := compare.difference(got, alone):
            what = f"in channel {channel}, against that channel alone, {what}"
            shown = (f"channel {channel} alone", alone), (f"{YOURS}[:, :, {channel}]", got)
            return _wrong("pool2d_layer", (h,), answer, what, *shown, expected=alone, compared=got)
    return None


def _pool_odd(student: Student, rng: Rng) -> Wrong | str | None:
    rows, columns = rng.permutation([7, 9])
    h = _image(rng, rows, columns, 1)
    # A block that only holds the last pixel is negative, so that zeros beside it show.
    h[-1, -1] = -np.abs(h[-1, -1])
    return _dropped(student, h) or _pool_all_blocks(student, rng)


def _dropped(student: Student, h: np.ndarray) -> Wrong | None:
    even = h[: h.shape[0] // 2 * 2, : h.shape[1] // 2 * 2].copy()
    own = compare.array(student.call("pool2d_layer", even))
    answer = student.ask("pool2d_layer", h)
    expected = student.oracle.call("pool2d_layer", h)
    if own is None or own.shape != expected.shape or not compare.varied(own):
        own = expected
    what = compare.difference(answer.value, own)
    if what is None:
        return None
    shown = ("expected" if compare.agree(own, expected) else f"{YOURS}, even part", own), (YOURS, answer.value)
    return _wrong("pool2d_layer", (h,), answer, what, *shown, expected=own)


def _pool_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    questions = [(_image(rng, 7, 9, 3),), (_image(rng, 7, 9, 3),)]
    return _unchanged(student, "pool2d_layer", questions, _alive(questions)) or _pool_all_blocks(student, rng)


# flatten_layer


def _flatten_order(student: Student, rng: Rng) -> Wrong | None:
    return _in_order(student, _image(rng, 3, 5, 2))


def _in_order(student: Student, h: np.ndarray) -> Wrong | None:
    answer = student.ask("flatten_layer", h)
    values = compare.array(answer.value)
    # A row or a column costs in the line on the shape, not here.
    got = values.ravel() if values is not None and values.size == max(values.shape, default=0) else answer.value
    expected = student.oracle.call("flatten_layer", h)
    what = compare.difference(got, expected)
    return _wrong("flatten_layer", (h,), answer, what, expected=expected, compared=got) if what else None


def _flatten_vector(student: Student, rng: Rng) -> Wrong | None:
    return _one_axis(student, _image(rng, 3, 5, 2))


def _one_axis(student: Student, h: np.ndarray) -> Wrong | None:
    answer = student.ask("flatten_layer", h)
    values = compare.array(answer.value)
    expected = student.oracle.call("flatten_layer", h)
    what = None
    if values is None or values.shape != (h.size,):
        what = compare.difference(answer.value, expected)
    elif not compare.agree(np.sort(values), np.sort(h, axis=None)):
        what = "does not return the numbers of the image"
    return _wrong("flatten_layer", (h,), answer, what, expected=expected) if what else None


def _flatten_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    questions = [(_image(rng, 3, 5, 2),), (_image(rng, 3, 5, 2),)]
    return _unchanged(student, "flatten_layer", questions, _alive(questions))


# dense_layer


def _dense(rng: Rng, outputs: int = 5, inputs: int = 5) -> tuple:
    # As many out as in by default: transposed weights, which cost in the line on the sum, then give no error.
    h, W, b = _image(rng, inputs), _weights(rng, inputs, outputs).T.copy(), _image(rng, outputs, 1)
    # One sum well below 0 and one well above, whatever is drawn: else no activation shows.
    W[:2] = np.sign(h) * rng.uniform(0.5, 1.0, (2, inputs)) * [[-1], [1]]
    b[0] = 0.3
    return h, W, b


def _column(value: Any) -> np.ndarray | None:
    """Return an answer of a dense layer as a vector; [K] and [K, 1] are both right.

    A matrix [K, K] that comes from adding a column to a vector holds either of them K times: it costs in
    the line on the shape, not here.
    """
    values = compare.array(value)
    if values is None:
        return None
    if values.ndim == 2 and values.shape[0] == values.shape[1] > 1:
        if compare.agree(values, np.broadcast_to(values[:1], values.shape)):
            return values[0]
        if compare.agree(values, np.broadcast_to(values[:, :1], values.shape)):
            return values[:, 0]
    return values.ravel() if values.size == max(values.shape, default=0) else values


def _dense_sum(student: Student, rng: Rng) -> Wrong | None:
    return _first(_summed(student, *_dense(rng, *sizes)[:2]) for sizes in ((5, 5), (3, 7)))


def _summed(student: Student, h: np.ndarray, W: np.ndarray) -> Wrong | None:
    arguments = (h, W, np.zeros((len(W), 1), "float32"), "linear")
    answer = student.ask("dense_layer", *arguments)
    got = _column(answer.value)
    expected = student.oracle.call("dense_layer", *arguments)
    what = compare.difference(answer.value if got is None else got, expected[:, 0])
    if what is None:
        return None
    shown = ("expected", expected), (YOURS, answer.value)
    options = {"expected": expected[:, 0], "compared": got, "view": _column}
    return _wrong("dense_layer", arguments, answer, what, *shown, **options)


def _dense_bias(student: Student, rng: Rng) -> Wrong | None:
    return _dense_adds(student, *_dense(rng))


def _dense_adds(student: Student, h: np.ndarray, W: np.ndarray, b: np.ndarray) -> Wrong | None:
    arguments = (h, W, b, "linear")
    without = compare.array(student.call("dense_layer", h, W, np.zeros_like(b), "linear"))
    answer = student.ask("dense_layer", *arguments)
    values = compare.array(answer.value)
    if values is None or without is None or values.shape != without.shape:
        what = "does not have the shape that it has with b = 0"
        expected = student.oracle.call("dense_layer", *arguments)
        return _wrong("dense_layer", arguments, answer, what, expected=expected, view=_column)
    with np.errstate(invalid="ignore"):
        what = compare.difference(_column(values - without), b[:, 0])
    if what is None:
        return None
    column = _column(without)
    shown = (
        (f"{YOURS}, b = 0", without),
        ("expected", column[:, None] + b if column.shape == (len(b),) else "that plus b"),
        (YOURS, values),
    )
    return _wrong("dense_layer", arguments, answer, f"less the same with b = 0 {what}", *shown, view=_column)


def _dense_shape(student: Student, rng: Rng) -> Wrong | str | None:
    first, second = _dense(rng), _dense(rng)
    if problem := _one_per_output(student, *first):
        return problem
    hidden = compare.array(student.call("dense_layer", *first, "linear"))
    if not compare.varied(hidden) or compare.agree(hidden.ravel(), first[0]):
        return "dense_layer has a right shape, but no numbers that follow from its inputs yet, so this cannot count."
    # A network stacks dense layers, so a layer must take what it returns.
    plain = student.call("dense_layer", hidden.ravel(), *second[1:], "linear")
    stacked = student.ask("dense_layer", hidden, *second[1:], "linear")
    if _attempt_shape(stacked.value) in ((5,), (5, 1)) and compare.agree(_column(stacked.value), _column(plain)):
        return None
    return f"dense_layer returned {compare.shape(hidden)}, but does not take that as the input of the next dense layer."


def _one_per_output(student: Student, h: np.ndarray, W: np.ndarray, b: np.ndarray) -> Wrong | None:
    arguments = (h, W, b, "linear")
    answer = student.ask("dense_layer", *arguments)
    outputs = len(W)
    if _attempt_shape(answer.value) in ((outputs,), (outputs, 1)):
        return None
    values = compare.array(answer.value)
    returned = "no real numbers" if values is None else compare.shape(values)
    what = f"returned {returned} where [{outputs}] or [{outputs}, 1] is expected"
    expected = student.oracle.call("dense_layer", *arguments)
    return _wrong("dense_layer", arguments, answer, what, expected=expected)


def _attempt_shape(value: Any) -> tuple[int, ...] | None:
    values = compare.array(value)
    return None if values is None else values.shape


def _dense_activation(student: Student, rng: Rng) -> Wrong | str | None:
    return _applies(student, "dense_layer", _dense(rng), ("relu", "sigmoid", "softmax"))


def _dense_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    first = _dense(rng)
    questions = [(*first, "linear"), (_image(rng, 5), *first[1:], "linear")]
    return _unchanged(student, "dense_layer", questions, _alive(questions))


# count_weights


def _network(rng: Rng, empty: bool = False) -> tuple[list, list]:
    """Return the weights and biases of a small network, with pooling and flattening where ``empty``."""
    channels, filters, hidden, classes = (int(n) for n in rng.permutation([2, 3, 4, 6]))
    W = [_weights(rng, 3, 5, channels, filters), _weights(rng, hidden, filters), _weights(rng, classes, hidden)]
    b = [_image(rng, filters), _image(rng, hidden, 1), _image(rng, classes, 1)]
    if empty:
        nothing = np.zeros(0, "float32")
        W, b = ([part[0], nothing, nothing.copy(), *part[1:]] for part in (W, b))
    return W, b


def _sizes(arrays: list) -> int:
    return sum(values.size for values in arrays)


def _number(value: Any) -> float:
    """Return an answer as one number, NaN where it is none."""
    values = compare.array(value)
    return float(values.ravel()[0]) if values is not None and values.size == 1 else math.nan


def _counted(value: Any) -> str:
    number = _number(value)
    return "no number" if math.isnan(number) else f"{number:.10g}"


def _count_weights(student: Student, rng: Rng) -> Wrong | None:
    W, b = _network(rng)
    # One more dense layer, so that no count of lists or axes is right by chance.
    return _all_weights(student, [*W, _weights(rng, 7, len(W[-1]))], [*b, _image(rng, 7, 1)])


def _all_weights(student: Student, W: list, b: list) -> Wrong | None:
    answer = student.ask("count_weights", W, b)
    total = student.oracle.call("count_weights", W, b)
    number = _number(answer.value)
    if number in (total, total - _sizes(b)):
        return None
    # Not the right number itself: there is only one to a question that is scored.
    off = "" if math.isnan(number) else ", which is too few" if number < total else ", which is too many"
    shown = ("expected", _counted(total)), (YOURS, _counted(answer.value))
    return _wrong("count_weights", (W, b), answer, f"returned {_counted(answer.value)}{off}", *shown)


def _count_biases(student: Student, rng: Rng) -> Wrong | None:
    many, few = (int(n) for n in rng.permutation([8, 9, 11, 12])[:2])
    return _exchanged(student, rng, max(many, few) * 2, min(many, few))


def _exchanged(student: Student, rng: Rng, many: int, few: int) -> Wrong | None:
    """Ask for a layer with few inputs and many outputs and for the opposite: as many weights, fewer biases."""
    wide = [_weights(rng, many, few)], [_image(rng, many, 1)]
    tall = [_weights(rng, few, many)], [_image(rng, few, 1)]
    answer = student.ask("count_weights", *wide)
    number = _number(student.call("count_weights", *tall))
    if _number(answer.value) - number == many - few:
        return None
    what = f"returned {_counted(answer.value)} and, with inputs and outputs exchanged, {_counted(number)}"
    shown = (
        (YOURS, _counted(answer.value)),
        ("exchanged: W", _shapes(tall[0])),
        ("b", _shapes(tall[1])),
        ("expected", f"{many - few} less"),
        (YOURS, _counted(number)),
    )
    return _wrong("count_weights", wide, answer, f"{what}, which is not {many - few} less", *shown)


def _count_empty(student: Student, rng: Rng) -> Wrong | str | None:
    seed = rng.integers(2**32)
    dense, pooled = (_network(np.random.default_rng(seed), empty) for empty in (False, True))
    if problem := _with_empty(student, dense, pooled):
        return problem
    got = _number(student.call("count_weights", *pooled))
    other = _number(student.call("count_weights", [_weights(rng, 2, 3)], [_image(rng, 2, 1)]))
    return "count_weights gives the same number for any network, so this cannot count yet." if got == other else None


def _with_empty(student: Student, dense: tuple, pooled: tuple) -> Wrong | None:
    """Ask for a network with layers that have no weights, and without them."""
    answer = student.ask("count_weights", *pooled)
    plain = _number(student.call("count_weights", *dense))
    if _number(answer.value) == plain:
        return None
    what = f"returned {_counted(answer.value)}, and {_counted(plain)} without the layers that have no weights"
    shown = ("without [0]", _counted(plain)), ("expected", "the same"), (YOURS, _counted(answer.value))
    return _wrong("count_weights", pooled, answer, what, *shown)


def _count_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    questions = [_network(rng, empty=True), ([_weights(rng, 2, 3)], [_image(rng, 2, 1)])]

    def alive(values: list) -> bool:
        first, second = map(_number, values)
        return math.isfinite(first) and math.isfinite(second) and first != second

    return _unchanged(student, "count_weights", questions, alive)


# evaluate


def _pair(value: Any) -> tuple[float, float] | None:
    """Return the cross-entropy and the accuracy of an answer, or None where it is no pair of numbers."""
    if isinstance(value, np.ndarray) and value.shape[:1] == (2,):
        value = list(value)
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return None
    arrays = [compare.array(part) for part in value]
    if any(part is None or part.size != 1 for part in arrays):
        return None
    return float(arrays[0].ravel()[0]), float(arrays[1].ravel()[0])


def _loss(value: Any) -> float | None:
    pair = _pair(value)
    return None if pair is None else pair[0]


def _accuracy(value: Any) -> float | None:
    pair = _pair(value)
    return None if pair is None else pair[1]


_NO_PAIR = "returned something else than two numbers, the cross-entropy and the accuracy"


def _telling(student: Student, rng: Rng, view: Callable[[Any], float | None]) -> tuple[tuple, float]:
    """Draw predictions whose right number is not right by chance when it is rounded or in half precision."""
    while True:
        arguments = _predictions(rng)
        expected = view(student.oracle.call("evaluate", *arguments))
        if not any(compare.agree(near, expected) for near in (np.float16(expected), round(expected, 1))):
            return arguments, expected


def _evaluate_part(name: str, view: Callable[[Any], float | None]) -> Callable:
    def question(student: Student, rng: Rng) -> Wrong | None:
        return _one_of_two(student, *_telling(student, rng, view), name, view)

    return question


def _one_of_two(
    student: Student, arguments: tuple, expected: float, name: str, view: Callable[[Any], float | None]
) -> Wrong | None:
    answer = student.ask("evaluate", *arguments)
    got = view(answer.value)
    what = _NO_PAIR
    if got is not None:
        if compare.difference(got, expected) is None:
            return None
        # Not the right number itself: there is only one to a question that is scored.
        off = "no number" if math.isnan(got) else "too small" if got < expected else "too large"
        what = f"has a wrong {name}: {got:.6g} is {off}"
    shown = (f"expected {name}", f"{expected:.6g}"), (YOURS, "no pair" if got is None else f"{got:.6g}")
    return _wrong("evaluate", arguments, answer, what, *shown, view=view)


def _certain(rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions that are certain and right but for one: there the true class has 0, or 1 / e."""
    classes = rng.integers(0, 4, 5)
    true = np.eye(4, dtype="float32")[classes]
    sample, wrong = int(rng.integers(5)), int(rng.integers(1, 4))
    zero, known = true.copy(), true.copy()
    zero[sample] = np.roll(true[sample], wrong)
    known[sample] = np.where(true[sample] == 1, math.exp(-1), (1 - math.exp(-1)) / 3)
    return zero, known, true


def _evaluate_zero(student: Student, rng: Rng) -> Wrong | None:
    return _certainly_wrong(student, *_certain(rng))


def _certainly_wrong(student: Student, zero: np.ndarray, known: np.ndarray, true: np.ndarray) -> Wrong | None:
    answer = student.ask("evaluate", zero, true)
    # A cross-entropy of 1 for the sample in question is the measure, so a wrong mean does not cost here.
    loss, one = _loss(answer.value), _loss(student.call("evaluate", known, true))
    if loss is None or one is None:
        what = _NO_PAIR
    elif not math.isfinite(loss):
        what = f"has a cross-entropy of {loss} where one true class has probability 0: a finite number is asked"
    elif not abs(loss) > 10 * abs(one):
        what = f"has a cross-entropy of {loss:.4g} where one true class has probability 0: its share must exceed 10"
    else:
        return None
    least = 10 / len(true)
    shown = (
        ("expected cross-entropy", f"finite, above {least:.4g}"),
        (YOURS, "no pair" if loss is None else f"{loss:.4g}"),
    )
    return _wrong("evaluate", (zero, true), answer, what, *shown, view=_loss)


def _evaluate_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    zero, _, true = _certain(rng)
    # 43 % and 80 % are right here, so one number at least differs.
    questions = [_predictions(rng), (zero, true)]

    def alive(values: list) -> bool:
        first, second = map(_pair, values)
        return first is not None and second is not None and not compare.agree(first, second)

    return _unchanged(student, "evaluate", questions, alive)


# fast_conv2d_layer

#: The batch that is timed: maps as small as MNIST's after two poolings, with many channels. Its loop takes a quarter of
#: a second, and few bytes are sent for that work.
_BATCH, _SIZE, _KERNEL, _CHANNELS = 20, (7, 5), (3, 3), (64, 80)
#: With this much to spare no loop is timed beside it. The first call is often slower than the next.
_CLEARLY, _ALONE = 45, 2
#: With this little no noise explains what is missing.
_HOPELESS = 2
_TRIES = 5
#: How often a part of the batch is timed before it is believed to be slow.
_PARTS = 4
#: How much slower than at its best the loop may be for other work on the machine.
_CREDIBLE = 2

_loops: dict[int, tuple[weakref.ref, float]] = {}


def _fast_answers(student: Student, rng: Rng) -> Wrong | str | None:
    x, W, b = _convolution(rng, tuple(rng.permutation([3, 5])), (3, 2), batch=(4,))
    problem = _compared(student, "fast_conv2d_layer", x, W, b, "linear")
    return problem or _applies(student, "fast_conv2d_layer", (x, W, b), ("relu", "sigmoid"))


def _fast_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    questions = [(*_convolution(rng, (3, 3), (3, 3), batch=(2,)), "linear")]
    questions.append((_image(rng, *questions[0][0].shape), *questions[0][1:]))
    return _unchanged(student, "fast_conv2d_layer", questions, _alive(questions))


def _loop_seconds(course: Oracle, x: np.ndarray, W: np.ndarray, again: bool) -> float:
    """Return the least time that the course's loop took so far, measured once more where ``again``."""
    known, best = _loops.get(id(course), (None, math.inf))
    if known is None or known() is not course:
        best = math.inf
    if again or best == math.inf:
        best = min(best, course.ask("convolve_loop", x, W).seconds)
        _loops[id(course)] = weakref.ref(course), best
    return best


def _timed(rng: Rng, batch: int = _BATCH, channels: tuple[int, int] = _CHANNELS) -> tuple:
    x = rng.uniform(-1, 1, (batch, *_SIZE, channels[0])).astype("float32")
    return x, _weights(rng, *_KERNEL, *channels), _image(rng, channels[1])


def _speed(student: Student, rng: Rng) -> tuple[float, str | None]:
    """Return how many times faster than the loop the student is, and what is wrong with the timed answer.

    Every timing has inputs of its own, so no answer can be remembered, and every timed answer is compared with the
    reference. A ratio that is clear at once is believed; any other is measured side by side, several times, and
    the best of each is compared, because other work on the machine only ever adds time.
    """
    # Loops in plain Python would take minutes for the whole batch: a small part of it shows them.
    small = _timed(rng, 1, (32, 40))
    x, W, b = _timed(rng)
    loop = _loop_seconds(student.oracle, x, W, again=False)
    part = math.inf
    for _ in range(_PARTS):
        # A machine that is at something else for a moment may stop more than one answer.
        part = min(part, student.ask("fast_conv2d_layer", *small, "linear").seconds)
        if part <= loop / 10:
            break
    else:
        return loop / part, None
    mine = math.inf
    side_by_side = math.inf
    for attempt in range(_ALONE - 1 + _TRIES):
        answer = student.ask("fast_conv2d_layer", x, W, b, "linear")
        what = compare.difference(answer.value, student.oracle.call("fast_conv2d_layer", x, W, b, "linear"))
        if what:
            return 0.0, f"The timed answer is not right, so its speed does not count: it {what}. Mend that first."
        mine = min(mine, answer.seconds)
        if attempt < _ALONE and loop / mine >= _CLEARLY or attempt + 1 == _ALONE and loop / mine < _HOPELESS:
            return loop / mine, None
        if attempt + 1 >= _ALONE:
            # A submission that keeps the machine busy meanwhile would gain from it, without this by any factor.
            side_by_side = min(side_by_side, student.oracle.ask("convolve_loop", x, W).seconds, _CREDIBLE * loop)
            ratio = side_by_side / mine
            # Two more pairs can mend what noise did to one, not a factor of five.
            if ratio < _HOPELESS or (attempt >= _ALONE and not 10 / 3 <= ratio < 1.1 * 30):
                break
        x, W, b = _timed(rng)
    return side_by_side / mine, None


def time_the_loop(course: Oracle) -> None:
    """Time the loop while the machine is quiet."""
    x, W, _ = _timed(np.random.default_rng(0))
    for _ in range(2):
        _loop_seconds(course, x, W, again=True)


def _fast_ratio(asked: int) -> Callable:
    def question(student: Student, rng: Rng) -> Problem | None:
        if "speed" not in student.notes:
            try:
                student.notes["speed"] = _speed(student, rng)
            except StudentError as error:
                student.notes["speed"] = 0.0, str(error)
        ratio, problem = student.notes["speed"]
        if problem is None and ratio >= asked:
            return None
        measured = f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"
        problem = problem or (
            f"It ran {measured} times as fast as the loop over samples and channels; {asked} times are asked. "
            "Let array operations work on all samples, pixels and channels at once; only a short loop may be left."
        )
        sentence = _WORDING.sentence("fast_conv2d_layer", (*_timed(np.random.default_rng(0)), "linear"))
        return Problem(f"{sentence} {problem}")

    return question


# The same questions with small inputs, the smallest first: a lost line shows the first of these that is wrong as well.
# They are the same for everyone and come from no secret, and no point is given for them.


def _integers(*shape: int) -> np.ndarray:
    """Return small integers of both signs, different ones where there is room, the same for the same shape."""
    rng, count = np.random.default_rng(shape), math.prod(shape)
    values = [sign * value for value in range(1, min(count // 2 + 2, 10)) for sign in (-1, 1)]
    return rng.choice(values, shape, replace=count > len(values)).astype("float32")


def _counting(*shape: int) -> np.ndarray:
    """Return 1, 2, 3 and so on in C order."""
    return np.arange(1, math.prod(shape) + 1, dtype="float32").reshape(shape)


def _corner(*size: int) -> np.ndarray:
    """Return one kernel whose first two numbers show which way round it lies."""
    W = np.zeros((*size, 1, 1), "float32")
    W.flat[:2] = 1, 2
    return W


def _literal(*values: Any) -> np.ndarray:
    return np.array(values, "float32")


def _small(judge: Callable, *arguments: Any) -> Small:
    return lambda student: judge(student, *arguments)


def _small_activation(name: str, *inputs: np.ndarray) -> list[Small]:
    return [_small(_compared, "activation", x, name) for x in inputs]


def _small_layer(function: str, *questions: tuple[tuple, Sequence[str]]) -> list[Small]:
    return [_small(_applies, function, arguments, names) for arguments, names in questions]


def _small_part(name: str, view: Callable[[Any], float | None]) -> list[Small]:
    def question(arguments: tuple) -> Small:
        return lambda student: _one_of_two(
            student, arguments, view(student.oracle.call("evaluate", *arguments)), name, view
        )

    quarter, half = (0.25, 0.75), (0.5, 0.5)
    return [
        question((_literal(quarter), _literal((0, 1)))),
        question((_literal(quarter), _literal((1, 0)))),
        question((_literal(quarter, half), _literal((0, 1), (1, 0)))),
        question((_literal(quarter, (0.5, 0.25), (1, 0)), _literal((0, 1), (1, 0), (0, 1)))),
    ]


def _smaller_convolutions(batch: tuple[int, ...] = ()) -> tuple[tuple, tuple, tuple]:
    """Return three layers without their activation: one pixel by one, with two channels, with a kernel as well."""
    one = np.broadcast_to(_literal(2, -3)[:, None], (*batch, 1, 2, 1)).copy()
    return (
        (one, np.ones((1, 1, 1, 1), "float32"), _literal(1)),
        (_integers(*batch, 1, 2, 2), _literal(1, -2).reshape(1, 1, 2, 1), _literal(1)),
        (_integers(*batch, 3, 3, 1), _corner(3, 3), _literal(1)),
    )


_X = _literal(-1, 2)
_PAIR, _TWO, _FULL = _smaller_convolutions()
_DENSE = _literal(1, -2), _literal((1, 2), (3, 4)), _literal((1,), (-1,))
_DENSE_WIDE = _literal(1, -2, 3), _integers(2, 3), _literal((2,), (-1,))
_NOTHING = np.zeros(0, "float32")


_WORDING = Wording(FAULTS, _asked, _activation_at_fault, _inputs)


_INPUTS = "The inputs are not changed"

CHECKS = (
    Check(
        "activation",
        (
            Line(
                "linear",
                "'linear' returns its input",
                0.5,
                _activation_linear,
                smaller=_small_activation("linear", _X, _integers(1, 2, 2)),
            ),
            Line(
                "relu",
                "'relu' of a vector and of an image",
                0.5,
                _activation_named("relu", (7,), (3, 5, 2)),
                smaller=_small_activation("relu", _X, _integers(4), _integers(1, 2, 2)),
            ),
            Line(
                "sigmoid",
                "'sigmoid' of a vector and of an image",
                0.5,
                _activation_named("sigmoid", (7,), (3, 5, 2)),
                smaller=_small_activation("sigmoid", _X, _integers(4), _integers(1, 2, 2)),
            ),
            Line(
                "softmax",
                "'softmax' of a vector",
                0.5,
                _activation_named("softmax", (5,)),
                smaller=_small_activation("softmax", _X, _integers(4)),
            ),
            Line(
                "softmax_column",
                "'softmax' of a column [K, 1] has the numbers of the vector",
                0.5,
                _activation_column,
                smaller=[_small(_softmax_column, x) for x in (_X, _integers(4))],
            ),
            Line(
                "large",
                "'sigmoid' and 'softmax' of large numbers, positive and negative",
                0.5,
                _activation_large,
                smaller=[
                    _small(_large, x, name, near)
                    for name, near, x in (
                        ("sigmoid", _literal(-30, 30), _literal(-1000, 1000)),
                        ("softmax", _X, _X + 1000),
                        ("softmax", _X, _X - 1000),
                    )
                ],
            ),
            Line(
                "unknown",
                "Any other name raises an error",
                0.5,
                _activation_unknown,
                smaller=[_small(_refused, _X, "no_such_name")],
            ),
            Line("inputs", _INPUTS, 0.5, _activation_inputs),
        ),
        wording=_WORDING,
    ),
    Check(
        "conv2d_layer",
        (
            Line(
                "kernel",
                "The kernel is applied the right way round, square or not",
                2.5,
                _conv_kernel,
                smaller=[
                    _small(_inside, _integers(3, 1, 1), _corner(3, 1)),
                    _small(_inside, _integers(1, 3, 1), _corner(1, 3)),
                    _small(_inside, _integers(3, 3, 1), _corner(3, 3)),
                    _small(_inside, _integers(4, 5, 1), _corner(3, 5)),
                    _small(_inside, _integers(5, 4, 1), _corner(5, 3)),
                    _small(_inside, _integers(3, 3, 2), _integers(3, 3, 2, 1)),
                    _small(_inside, _integers(5, 7, 2), _integers(3, 5, 2, 2)),
                ],
            ),
            Line(
                "channels",
                "Every output channel sums over all input channels",
                1.5,
                _conv_channels,
                smaller=[
                    _small(_inside, _integers(1, 1, 2), _literal(1, -2).reshape(1, 1, 2, 1)),
                    _small(_inside, _integers(1, 1, 2), _literal(1, 2, 3, 4).reshape(1, 1, 2, 2)),
                    _small(_inside, _integers(3, 3, 2), _centered(_integers(3, 3, 2, 1))),
                    _small(_inside, _integers(3, 3, 2), _centered(_integers(3, 3, 2, 2))),
                    _small(_inside, _integers(3, 3, 3), _centered(_integers(3, 3, 3, 2))),
                ],
            ),
            Line(
                "border",
                "Zeros around the image keep its size",
                1.0,
                _conv_border,
                smaller=[
                    _small(
                        _compared,
                        "conv2d_layer",
                        _integers(*size, 1),
                        np.ones((*kernel, 1, 1), "float32"),
                        _literal(0),
                        "linear",
                    )
                    for size, kernel in (((1, 3), (1, 3)), ((3, 1), (3, 1)), ((3, 3), (3, 3)), ((3, 5), (3, 3)))
                ],
            ),
            Line(
                "bias",
                "Each output channel adds its bias once",
                1.0,
                _conv_bias,
                smaller=[
                    _small(_conv_adds, *arguments)
                    for arguments in (
                        (_integers(1, 1, 1), _literal(3).reshape(1, 1, 1, 1), _literal(2)),
                        (_integers(1, 1, 2), _literal(3, -1).reshape(1, 1, 2, 1), _literal(2)),
                        (_integers(3, 3, 2), _integers(3, 3, 2, 1), _literal(2)),
                        (_integers(3, 3, 2), _integers(3, 3, 2, 2), _literal(2, -3)),
                    )
                ],
            ),
            Line(
                "activation",
                "The activation comes last, after sum and bias",
                1.5,
                _conv_activation,
                smaller=_small_layer(
                    "conv2d_layer", (_PAIR, ["relu"]), (_TWO, ["relu"]), (_FULL, ["relu"]), (_PAIR, ["sigmoid"])
                ),
            ),
            Line("inputs", _INPUTS, 0.5, _conv_inputs),
        ),
        wording=_WORDING,
    ),
    Check(
        "pool2d_layer",
        (
            Line(
                "maximum",
                "The maximum of every block of 2 × 2",
                1.5,
                _pool_maximum,
                smaller=[
                    _small(_compared, "pool2d_layer", h)
                    for h in (
                        _literal(((-1,), (2,)), ((-3,), (-4,))),
                        _literal(((-2,), (-3,)), ((-1,), (-4,))),
                        _integers(2, 4, 1),
                        _integers(4, 4, 1),
                        _integers(4, 6, 1),
                    )
                ],
            ),
            Line(
                "channels",
                "Each channel by itself",
                1.0,
                _pool_channels,
                smaller=[_small(_channel_by_channel, _integers(*shape)) for shape in ((2, 4, 2), (4, 4, 2), (4, 4, 3))],
            ),
            Line(
                "odd",
                "An odd last row or column is dropped",
                1.0,
                _pool_odd,
                smaller=[_small(_dropped, -np.abs(_integers(*size, 1))) for size in ((3, 2), (2, 3), (3, 3), (5, 5))],
            ),
            Line("inputs", _INPUTS, 0.5, _pool_inputs),
        ),
        wording=_WORDING,
    ),
    Check(
        "flatten_layer",
        (
            Line(
                "order",
                "The numbers in C order",
                1.0,
                _flatten_order,
                smaller=[
                    _small(_in_order, _counting(*shape)) for shape in ((2, 2, 1), (1, 2, 2), (2, 2, 2), (2, 3, 2))
                ],
            ),
            Line(
                "vector",
                "One axis, all numbers of the image",
                0.5,
                _flatten_vector,
                smaller=[_small(_one_axis, _counting(*shape)) for shape in ((1, 2, 1), (2, 2, 1), (2, 2, 2))],
            ),
            Line("inputs", _INPUTS, 0.5, _flatten_inputs),
        ),
        wording=_WORDING,
    ),
    Check(
        "dense_layer",
        (
            Line(
                "sum",
                "The weighted sum of the inputs",
                1.5,
                _dense_sum,
                smaller=[
                    _small(_summed, *arguments)
                    for arguments in (
                        (_literal(2), _literal((3,))),
                        _DENSE[:2],
                        (_literal(1, -2), _literal((3, 4))),
                        _DENSE_WIDE[:2],
                    )
                ],
            ),
            Line(
                "bias",
                "Each output adds its bias",
                0.5,
                _dense_bias,
                smaller=[
                    _small(_dense_adds, *arguments)
                    for arguments in ((_literal(2), _literal((3,)), _literal((1,))), _DENSE, _DENSE_WIDE)
                ],
            ),
            Line(
                "shape",
                "One number per output, and layers can be stacked",
                0.5,
                _dense_shape,
                smaller=[_small(_one_per_output, *arguments) for arguments in (_DENSE, _DENSE_WIDE)],
            ),
            Line(
                "activation",
                "The activation comes last, softmax over all outputs",
                1.0,
                _dense_activation,
                smaller=_small_layer(
                    "dense_layer",
                    (_DENSE, ["relu"]),
                    (_DENSE, ["softmax"]),
                    (_DENSE, ["sigmoid"]),
                    (_DENSE_WIDE, ["softmax"]),
                ),
            ),
            Line("inputs", _INPUTS, 0.5, _dense_inputs),
        ),
        wording=_WORDING,
    ),
    Check(
        "count_weights",
        (
            Line(
                "weights",
                "All weights are counted",
                1.0,
                _count_weights,
                smaller=[
                    _small(_all_weights, *arguments)
                    for arguments in (
                        ([_integers(2, 3)], [_integers(2, 1)]),
                        ([_integers(1, 3, 1, 2)], [_integers(2)]),
                        ([_integers(1, 3, 1, 2), _integers(3, 2)], [_integers(2), _integers(3, 1)]),
                    )
                ],
            ),
            Line(
                "biases",
                "All biases are counted",
                1.0,
                _count_biases,
                smaller=[
                    lambda student, sizes=sizes: _exchanged(student, np.random.default_rng(0), *sizes)
                    for sizes in ((2, 1), (4, 2))
                ],
            ),
            Line(
                "empty",
                "Layers without weights count nothing",
                0.5,
                _count_empty,
                smaller=[
                    _small(_with_empty, *networks)
                    for networks in (
                        (
                            ([_integers(2, 3)], [_integers(2, 1)]),
                            ([_NOTHING, _integers(2, 3)], [_NOTHING, _integers(2, 1)]),
                        ),
                    )
                ],
            ),
            Line("inputs", _INPUTS, 0.5, _count_inputs),
        ),
        wording=_WORDING,
    ),
    Check(
        "evaluate",
        (
            Line(
                "cross_entropy",
                "The mean cross-entropy per sample",
                2.0,
                _evaluate_part("cross-entropy", _loss),
                smaller=_small_part("cross-entropy", _loss),
            ),
            Line(
                "zero",
                "A probability of 0 costs much, but not infinitely much",
                1.0,
                _evaluate_zero,
                smaller=[
                    _small(
                        _certainly_wrong,
                        *(np.array(rows, "float32") for rows in (zero, known, true)),
                    )
                    for zero, known, true in (
                        ([[0, 1]], [[math.exp(-1), 1 - math.exp(-1)]], [[1, 0]]),
                        ([[0, 1], [0, 1]], [[math.exp(-1), 1 - math.exp(-1)], [0, 1]], [[1, 0], [0, 1]]),
                    )
                ],
            ),
            Line(
                "accuracy",
                "The accuracy in percent",
                1.5,
                _evaluate_part("accuracy", _accuracy),
                smaller=_small_part("accuracy", _accuracy),
            ),
            Line("inputs", _INPUTS, 0.5, _evaluate_inputs),
        ),
        wording=_WORDING,
    ),
    Check(
        "fast_conv2d_layer",
        (
            Line(
                "answers",
                "A batch gets the answers of the layer",
                1.5,
                _fast_answers,
                smaller=[
                    *(
                        _small(_compared, "fast_conv2d_layer", x, W, b, "linear")
                        for x, W, b in (
                            (_integers(1, 1, 1, 1), _literal(3).reshape(1, 1, 1, 1), _literal(2)),
                            (_literal(2, -3).reshape(2, 1, 1, 1), np.ones((1, 1, 1, 1), "float32"), _literal(1)),
                            (_integers(1, 1, 3, 1), _corner(1, 3), _literal(1)),
                            (_integers(1, 3, 1, 1), _corner(3, 1), _literal(1)),
                            (_integers(1, 3, 3, 1), _corner(3, 3), _literal(1)),
                        )
                    ),
                    *_small_layer("fast_conv2d_layer", (_smaller_convolutions((1,))[0], ["relu"])),
                    _small(
                        _compared,
                        "fast_conv2d_layer",
                        _integers(2, 3, 3, 2),
                        _integers(3, 3, 2, 2),
                        _literal(1, -2),
                        "linear",
                    ),
                ],
            ),
            Line("inputs", _INPUTS, 0.5, _fast_inputs),
            Line("ten", "At least 10 times as fast as the loop over samples and channels", 1.0, _fast_ratio(10)),
            Line("thirty", "At least 30 times as fast as the loop over samples and channels", 2.0, _fast_ratio(30)),
        ),
        wording=_WORDING,
    ),
)
