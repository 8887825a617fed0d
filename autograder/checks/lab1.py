"""Lab 1, implementing a CNN: what is asked of each function, line by line.

A line looks at one thing, on inputs where nothing else can go wrong: whether the channels are summed is asked
with kernels that a flip does not change, the bias as a difference of two answers, the activation against the
student's own answer without it. So one fault costs once. And no line pays for a function that returns zeros, a
constant or its input.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checks import compare
from autograder.hints import hint
from autograder.mutants.lab1 import MUTANTS
from autograder.rubric import Check, Lab, Line, StudentError
from autograder.student import Answer, Asked, Student

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


def _described(function: str, arguments: Sequence) -> str:
    parts = []
    for name, value in zip(_PARAMETERS[function], arguments, strict=True):
        if isinstance(value, np.ndarray):
            parts.append(f"{name} {compare.shape(value)}" if np.any(value) else f"{name} = 0")
        elif isinstance(value, list):
            parts.append(f"{name} of {len(value)} layer{'s' * (len(value) != 1)}")
        else:
            parts.append(repr(value))
    return f"{function}({', '.join(parts)})"


def _told(
    student: Student,
    function: str,
    arguments: tuple,
    answer: Answer,
    what: str,
    view: Callable[[Any], Any] = lambda value: value,
    changed: tuple[int, ...] = (),
) -> str:
    """Return a message: the question, what is wrong with its answer, and the known fault that fits."""
    named = hint(student, MUTANTS, function, arguments, answer.value, view, changed)
    return f"{_described(function, arguments)} {what}." + (f" {named}" if named else "")


def _compared(student: Student, function: str, *arguments: Any) -> str | None:
    """Ask and compare with the reference."""
    answer = student.ask(function, *arguments)
    what = compare.difference(answer.value, student.course.call(function, *arguments))
    return what and _told(student, function, arguments, answer, what)


def _first(problems: Any) -> str | None:
    return next((problem for problem in problems if problem is not None), None)


def _unchanged(
    student: Student,
    function: str,
    questions: Sequence[tuple],
    alive: Callable[[list], bool],
) -> str | None:
    """Ask whether the inputs are as before, of a function that does something with them."""
    values = []
    for arguments in questions:
        answer = student.ask(function, *arguments)
        if answer.modified:
            names = " and ".join(_PARAMETERS[function][position] for position in answer.modified)
            what = f"changed its input {names}"
            return _told(student, function, arguments, answer, what, changed=answer.modified)
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


def _applies(student: Student, function: str, arguments: tuple, names: Sequence[str]) -> str | None:
    """Ask whether a layer applies the activation to what it gives with ``'linear'``.

    Right is what the reference makes of that, or the student's own activation: a fault there has cost already.
    """
    linear = student.call(function, *arguments, "linear")
    values = compare.array(linear)
    if values is None or values.size < 2 or not np.all(np.isfinite(values)):
        return f"{_described(function, (*arguments, 'linear'))} returned no array of finite numbers to compare with."
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
        true = student.course.call(function, *question)
        if not compare.agree(answer.value, true):
            true = student.course.call("activation", values.ravel(), name).reshape(values.shape)
        if compare.agree(answer.value, true):
            proven |= compare.varied(true) and not compare.agree(true, values)
        elif own is not None and compare.agree(answer.value, own):
            proven |= compare.varied(own) and not compare.agree(own, values)
        else:
            what = compare.difference(answer.value, true)
            return _told(student, function, question, answer, f"is not '{name}' of its own 'linear' answer: it {what}")
    if proven:
        return None
    return f"Whether {function} applies its activation cannot be seen: none changed its result. Mend activation first."


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


def _activation_linear(student: Student, rng: Rng) -> str | None:
    x = _signed(rng, 3, 5, 2)
    problem = _compared(student, "activation", x, "linear")
    if problem is None and all(compare.agree(_own(student, x, name), x) for name in ("relu", "sigmoid")):
        return "activation returns its input whatever it is asked, so 'linear' cannot count yet."
    return problem


def _activation_named(name: str, *shapes: tuple[int, ...]) -> Callable:
    def question(student: Student, rng: Rng) -> str | None:
        return _first(_compared(student, "activation", _signed(rng, *shape), name) for shape in shapes)

    return question


def _activation_column(student: Student, rng: Rng) -> str | None:
    x = _signed(rng, 5)
    own = student.call("activation", x, "softmax")
    if not compare.varied(own) or compare.agree(own, x) or compare.array(own).shape != x.shape:
        return "The softmax of a vector is not there yet, so that of a column cannot be compared with it."
    column = x[:, None]
    answer = student.ask("activation", column, "softmax")
    values = compare.array(answer.value)
    if values is not None and values.shape == x.shape:
        values = values[:, None]
    what = compare.difference(values if values is not None else answer.value, compare.array(own)[:, None])
    return what and _told(student, "activation", (column, "softmax"), answer, f"{what}, as for the vector")


def _activation_large(student: Student, rng: Rng) -> str | None:
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


def _large(student: Student, x: np.ndarray, name: str, near: np.ndarray) -> str | None:
    own = student.call("activation", near, name)
    if not compare.varied(own) or compare.array(own).shape != near.shape:
        return (
            f"activation(x, '{name}') is not there yet for small numbers, so large ones cannot be compared with them."
        )
    answer = student.ask("activation", x, name)
    what = compare.difference(answer.value, own)
    size = "-1000" if np.all(x < -900) else "1000" if np.all(x > 900) else "±1000"
    return what and _told(student, "activation", (x, name), answer, f"with numbers near {size} {what}")


def _activation_unknown(student: Student, rng: Rng) -> str | None:
    x = _signed(rng, 6)
    own = {name: _own(student, x, name) for name in ("relu", "sigmoid", "softmax")}
    if all(values is None for values in own.values()):
        student.call("activation", x, "relu")
    if not any(compare.agree(values, student.course.call("activation", x, name)) for name, values in own.items()):
        return "None of 'relu', 'sigmoid' and 'softmax' is right yet, so refusing other names cannot count."
    unknown = str(rng.choice(["cosine", "no_such_name", "parabola", "step_down"]))
    try:
        answer = student.ask("activation", x, unknown)
    except StudentError:
        return None
    return _told(student, "activation", (x, unknown), answer, "did not raise an error")


def _activation_inputs(student: Student, rng: Rng) -> str | None:
    first, second = _signed(rng, 6), _signed(rng, 6)
    problems = []
    for name in ("relu", "sigmoid", "softmax"):
        questions = ((first, name), (second, name))
        try:
            problem = _unchanged(student, "activation", questions, _alive(questions))
        except StudentError as error:
            problem = str(error)
        if problem is not None and "changed its input" in problem:
            return problem
        problems.append(problem)
    return None if None in problems else problems[0]


# conv2d_layer


def _inside(student: Student, h: np.ndarray, W: np.ndarray) -> str | None:
    """Ask for a convolution without bias and compare where the kernel lies inside the image."""
    arguments = (h, W, np.zeros(W.shape[3], "float32"), "linear")
    answer = student.ask("conv2d_layer", *arguments)
    expected = student.course.call("conv2d_layer", *arguments)
    rows, columns = W.shape[0] // 2, W.shape[1] // 2
    inner = expected[rows:-rows, columns:-columns]
    got = compare.array(answer.value)
    if got is not None and got.shape == inner.shape:
        what = compare.difference(got, inner)
    elif got is not None and got.shape == expected.shape:
        what = compare.difference(got[rows:-rows, columns:-columns], inner)
    else:
        what = compare.difference(answer.value, expected)
    return what and _told(student, "conv2d_layer", arguments, answer, what)


def _centered(W: np.ndarray) -> np.ndarray:
    """Return kernels that are 0 but in the middle: neither a flip nor the border shows."""
    only = np.zeros_like(W)
    middle = W.shape[0] // 2, W.shape[1] // 2
    only[middle] = W[middle]
    return only


def _conv_kernel(student: Student, rng: Rng) -> str | None:
    size = tuple(rng.permutation([3, 5]))
    h, W, _ = _convolution(rng, size, (3, 2))
    single = _convolution(rng, size, (1, 1))[:2]
    problem = _attempt(_inside, student, h, W)
    # Where the channels alone are at fault, which costs in another line, one channel shows the kernel.
    if problem is not None and _attempt(_inside, student, h, _centered(W)) is not None:
        return _inside(student, *single)
    return problem


def _attempt(question: Callable[..., str | None], *arguments: Any) -> str | None:
    try:
        return question(*arguments)
    except StudentError as error:
        return str(error)


def _conv_channels(student: Student, rng: Rng) -> str | None:
    # As many out as in first: exchanged channels then give numbers, which show the fault, and no error.
    problems = []
    for channels in ((3, 3), (4, 2)):
        h, W, _ = _convolution(rng, (3, 3), channels)
        W[1, 1] = _signed(rng, *channels) / channels[0]
        problems.append((h, _centered(W)))
    return _first(_inside(student, h, W) for h, W in problems)


def _conv_border(student: Student, rng: Rng) -> str | None:
    h, W, _ = _convolution(rng, (3, 3), (1, 1))
    return _compared(student, "conv2d_layer", h, np.full_like(W, 0.25), np.zeros(1, "float32"), "linear")


def _conv_bias(student: Student, rng: Rng) -> str | None:
    h, W, b = _convolution(rng, (3, 3), (3, 3))
    arguments = (h, W, b, "linear")
    without = compare.array(student.call("conv2d_layer", h, W, np.zeros_like(b), "linear"))
    answer = student.ask("conv2d_layer", *arguments)
    values = compare.array(answer.value)
    if values is None or without is None or values.shape != without.shape or values.ndim != 3 or values.shape[2] != 3:
        what = compare.difference(answer.value, student.course.call("conv2d_layer", *arguments))
        what = what or "does not have the shape that it has with b = 0"
    else:
        with np.errstate(invalid="ignore"):
            what = compare.difference(values - without, np.broadcast_to(b, values.shape))
        what = what and f"less the same with b = 0 {what}"
    return what and _told(student, "conv2d_layer", arguments, answer, what)


def _conv_activation(student: Student, rng: Rng) -> str | None:
    return _applies(student, "conv2d_layer", _convolution(rng, (3, 3), (3, 3)), ("relu", "sigmoid"))


def _conv_inputs(student: Student, rng: Rng) -> str | None:
    questions = [(*_convolution(rng, (3, 3), (3, 3)), "linear")]
    questions.append((_image(rng, *questions[0][0].shape), *questions[0][1:]))
    return _unchanged(student, "conv2d_layer", questions, _alive(questions))


# pool2d_layer


def _pool_maximum(student: Student, rng: Rng) -> str | None:
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


def _pool_channels(student: Student, rng: Rng) -> str | None:
    h = _image(rng, 8, 6, 3)
    answer = student.ask("pool2d_layer", h)
    values = compare.array(answer.value)
    if values is None or values.ndim != 3 or values.shape[2] != 3 or values.shape == h.shape:
        what = compare.difference(answer.value, student.course.call("pool2d_layer", h))
        what = what or "did not keep the channels"
        return _told(student, "pool2d_layer", (h,), answer, what)
    for channel in range(3):
        alone = compare.array(student.call("pool2d_layer", h[:, :, channel : channel + 1]))
        what = (
            "returned the same number everywhere"
            if alone is None or not compare.varied(alone)
            else compare.difference(values[:, :, channel : channel + 1], alone)
        )
        if what:
            return _told(
                student, "pool2d_layer", (h,), answer, f"in channel {channel}, against that channel alone, {what}"
            )
    return _pool_all_blocks(student, rng)


def _pool_odd(student: Student, rng: Rng) -> str | None:
    rows, columns = rng.permutation([7, 9])
    h = _image(rng, rows, columns, 1)
    # A block that only holds the last pixel is negative, so that zeros beside it show.
    h[-1, -1] = -np.abs(h[-1, -1])
    even = h[: rows - 1, : columns - 1].copy()
    own = compare.array(student.call("pool2d_layer", even))
    answer = student.ask("pool2d_layer", h)
    expected = student.course.call("pool2d_layer", h)
    if own is None or own.shape != expected.shape or not compare.varied(own):
        own = expected
    what = compare.difference(answer.value, own)
    return _told(student, "pool2d_layer", (h,), answer, what) if what else _pool_all_blocks(student, rng)


def _pool_inputs(student: Student, rng: Rng) -> str | None:
    questions = [(_image(rng, 7, 9, 3),), (_image(rng, 7, 9, 3),)]
    return _unchanged(student, "pool2d_layer", questions, _alive(questions)) or _pool_all_blocks(student, rng)


# flatten_layer


def _flatten_order(student: Student, rng: Rng) -> str | None:
    h = _image(rng, 3, 5, 2)
    answer = student.ask("flatten_layer", h)
    values = compare.array(answer.value)
    # A row or a column costs in the line on the shape, not here.
    got = values.ravel() if values is not None and values.size == max(values.shape, default=0) else answer.value
    what = compare.difference(got, student.course.call("flatten_layer", h))
    return what and _told(student, "flatten_layer", (h,), answer, what)


def _flatten_vector(student: Student, rng: Rng) -> str | None:
    h = _image(rng, 3, 5, 2)
    answer = student.ask("flatten_layer", h)
    values = compare.array(answer.value)
    what = None
    if values is None or values.shape != (h.size,):
        what = compare.difference(answer.value, student.course.call("flatten_layer", h))
    elif not compare.agree(np.sort(values), np.sort(h, axis=None)):
        what = "does not return the numbers of the image"
    return what and _told(student, "flatten_layer", (h,), answer, what)


def _flatten_inputs(student: Student, rng: Rng) -> str | None:
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


def _dense_sum(student: Student, rng: Rng) -> str | None:
    for outputs, inputs in ((5, 5), (3, 7)):
        h, W, b = _dense(rng, outputs, inputs)
        arguments = (h, W, np.zeros_like(b), "linear")
        answer = student.ask("dense_layer", *arguments)
        got = _column(answer.value)
        expected = student.course.call("dense_layer", *arguments)
        what = compare.difference(answer.value if got is None else got, expected[:, 0])
        if what:
            return _told(student, "dense_layer", arguments, answer, what, _column)
    return None


def _dense_bias(student: Student, rng: Rng) -> str | None:
    h, W, b = _dense(rng)
    without = compare.array(student.call("dense_layer", h, W, np.zeros_like(b), "linear"))
    answer = student.ask("dense_layer", h, W, b, "linear")
    values = compare.array(answer.value)
    if values is None or without is None or values.shape != without.shape:
        what = "does not have the shape that it has with b = 0"
    else:
        with np.errstate(invalid="ignore"):
            what = compare.difference(_column(values - without), b[:, 0])
        what = what and f"less the same with b = 0 {what}"
    return what and _told(student, "dense_layer", (h, W, b, "linear"), answer, what, _column)


def _dense_shape(student: Student, rng: Rng) -> str | None:
    first, second = _dense(rng), _dense(rng)
    allowed = ((5,), (5, 1))
    answer = student.ask("dense_layer", *first, "linear")
    hidden = compare.array(answer.value)
    if hidden is None or hidden.shape not in allowed:
        returned = "no real numbers" if hidden is None else compare.shape(hidden)
        what = f"returned {returned} where [5] or [5, 1] is expected"
        return _told(student, "dense_layer", (*first, "linear"), answer, what)
    if not compare.varied(hidden) or compare.agree(hidden.ravel(), first[0]):
        return "dense_layer has a right shape, but no numbers that follow from its inputs yet, so this cannot count."
    # A network stacks dense layers, so a layer must take what it returns.
    plain = student.call("dense_layer", hidden.ravel(), *second[1:], "linear")
    stacked = student.ask("dense_layer", hidden, *second[1:], "linear")
    if _attempt_shape(stacked.value) in allowed and compare.agree(_column(stacked.value), _column(plain)):
        return None
    what = f"returned {compare.shape(hidden)}, but does not take that as the input of the next dense layer"
    return f"{_described('dense_layer', (*first, 'linear'))} {what}."


def _attempt_shape(value: Any) -> tuple[int, ...] | None:
    values = compare.array(value)
    return None if values is None else values.shape


def _dense_activation(student: Student, rng: Rng) -> str | None:
    return _applies(student, "dense_layer", _dense(rng), ("relu", "sigmoid", "softmax"))


def _dense_inputs(student: Student, rng: Rng) -> str | None:
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


def _count_weights(student: Student, rng: Rng) -> str | None:
    W, b = _network(rng)
    # One more dense layer, so that no count of lists or axes is right by chance.
    W, b = [*W, _weights(rng, 7, len(W[-1]))], [*b, _image(rng, 7, 1)]
    answer = student.ask("count_weights", W, b)
    total = student.course.call("count_weights", W, b)
    if _number(answer.value) in (total, total - _sizes(b)):
        return None
    return _told(student, "count_weights", (W, b), answer, f"returned {_counted(answer.value)}, not {total}")


def _count_biases(student: Student, rng: Rng) -> str | None:
    many, few = (int(n) for n in rng.permutation([8, 9, 11, 12])[:2])
    many, few = max(many, few) * 2, min(many, few)
    wide = [_weights(rng, many, few)], [_image(rng, many, 1)]
    tall = [_weights(rng, few, many)], [_image(rng, few, 1)]
    answer = student.ask("count_weights", *wide)
    number = _number(student.call("count_weights", *tall))
    if _number(answer.value) - number == many - few:
        return None
    what = f"returned {_counted(answer.value)} and, with inputs and outputs exchanged, {_counted(number)}"
    return _told(student, "count_weights", wide, answer, f"{what}, which is not {many - few} less")


def _count_empty(student: Student, rng: Rng) -> str | None:
    seed = rng.integers(2**32)
    dense, pooled = (_network(np.random.default_rng(seed), empty) for empty in (False, True))
    answer = student.ask("count_weights", *pooled)
    got, plain = _number(answer.value), _number(student.call("count_weights", *dense))
    other = _number(student.call("count_weights", [_weights(rng, 2, 3)], [_image(rng, 2, 1)]))
    if got != plain:
        what = f"with pooling and flattening returned {_counted(answer.value)}, without them {plain:.10g}"
        return _told(student, "count_weights", pooled, answer, what)
    return "count_weights gives the same number for any network, so this cannot count yet." if got == other else None


def _count_inputs(student: Student, rng: Rng) -> str | None:
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
        expected = view(student.course.call("evaluate", *arguments))
        if not any(compare.agree(near, expected) for near in (np.float16(expected), round(expected, 1))):
            return arguments, expected


def _evaluate_part(name: str, view: Callable[[Any], float | None]) -> Callable:
    def question(student: Student, rng: Rng) -> str | None:
        arguments, expected = _telling(student, rng, view)
        answer = student.ask("evaluate", *arguments)
        if view(answer.value) is None:
            what = _NO_PAIR
        else:
            what = compare.difference(view(answer.value), expected)
            what = what and f"has a wrong {name}: {view(answer.value):.6g} where {expected:.6g} is expected"
        return what and _told(student, "evaluate", arguments, answer, what, view)

    return question


def _certain(rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions that are certain and right but for one: there the true class has 0, or 1 / e."""
    classes = rng.integers(0, 4, 5)
    true = np.eye(4, dtype="float32")[classes]
    sample, wrong = int(rng.integers(5)), int(rng.integers(1, 4))
    zero, known = true.copy(), true.copy()
    zero[sample] = np.roll(true[sample], wrong)
    known[sample] = np.where(true[sample] == 1, math.exp(-1), (1 - math.exp(-1)) / 3)
    return zero, known, true


def _evaluate_zero(student: Student, rng: Rng) -> str | None:
    zero, known, true = _certain(rng)
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
    return _told(student, "evaluate", (zero, true), answer, what, _loss)


def _evaluate_inputs(student: Student, rng: Rng) -> str | None:
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
#: How much slower than at its best the loop may be for other work on the machine.
_CREDIBLE = 2

_loops: dict[int, tuple[weakref.ref, float]] = {}


def _fast_answers(student: Student, rng: Rng) -> str | None:
    x, W, b = _convolution(rng, tuple(rng.permutation([3, 5])), (3, 2), batch=(4,))
    problem = _compared(student, "fast_conv2d_layer", x, W, b, "linear")
    return problem or _applies(student, "fast_conv2d_layer", (x, W, b), ("relu", "sigmoid"))


def _fast_inputs(student: Student, rng: Rng) -> str | None:
    questions = [(*_convolution(rng, (3, 3), (3, 3), batch=(2,)), "linear")]
    questions.append((_image(rng, *questions[0][0].shape), *questions[0][1:]))
    return _unchanged(student, "fast_conv2d_layer", questions, _alive(questions))


def _loop_seconds(course: Asked, x: np.ndarray, W: np.ndarray, again: bool) -> float:
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
    part = min(student.ask("fast_conv2d_layer", *small, "linear").seconds for _ in range(2))
    x, W, b = _timed(rng)
    loop = _loop_seconds(student.course, x, W, again=False)
    if part > loop / 10:
        return loop / part, None
    mine = math.inf
    side_by_side = math.inf
    for attempt in range(_ALONE - 1 + _TRIES):
        answer = student.ask("fast_conv2d_layer", x, W, b, "linear")
        what = compare.difference(answer.value, student.course.call("fast_conv2d_layer", x, W, b, "linear"))
        if what:
            return 0.0, f"The timed answer is not right, so its speed does not count: it {what}. Mend that first."
        mine = min(mine, answer.seconds)
        if attempt < _ALONE and not _HOPELESS <= loop / mine < _CLEARLY:
            return loop / mine, None
        if attempt + 1 >= _ALONE:
            # A submission that keeps the machine busy meanwhile would gain from it, without this by any factor.
            side_by_side = min(side_by_side, student.course.ask("convolve_loop", x, W).seconds, _CREDIBLE * loop)
            ratio = side_by_side / mine
            # Two more pairs can mend what noise did to one, not a factor of five.
            if ratio < _HOPELESS or (attempt >= _ALONE and not 10 / 3 <= ratio < 1.1 * 30):
                break
        x, W, b = _timed(rng)
    return side_by_side / mine, None


def _time_the_loop(course: Asked) -> None:
    """Time the loop while the machine is quiet."""
    x, W, _ = _timed(np.random.default_rng(0))
    for _ in range(2):
        _loop_seconds(course, x, W, again=True)


def _fast_ratio(asked: int) -> Callable:
    def question(student: Student, rng: Rng) -> str | None:
        if "speed" not in student.notes:
            try:
                student.notes["speed"] = _speed(student, rng)
            except StudentError as error:
                student.notes["speed"] = 0.0, str(error)
        ratio, problem = student.notes["speed"]
        if problem or ratio >= asked:
            return problem
        measured = f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"
        return (
            f"It ran {measured} times as fast as the loop over samples and channels; {asked} times are asked. "
            "Let array operations work on all samples, pixels and channels at once; only a short loop may be left."
        )

    return question


def _check(function: str, *lines: tuple[str, str, float, Callable]) -> Check:
    return Check(function, tuple(Line(*line) for line in lines))


_INPUTS = "The inputs are not changed"

LAB = Lab(
    name="lab1",
    title="Lab 1: Implementing a CNN",
    checks=(
        _check(
            "activation",
            ("linear", "'linear' returns its input", 0.5, _activation_linear),
            ("relu", "'relu' of a vector and of an image", 0.5, _activation_named("relu", (7,), (3, 5, 2))),
            ("sigmoid", "'sigmoid' of a vector and of an image", 0.5, _activation_named("sigmoid", (7,), (3, 5, 2))),
            ("softmax", "'softmax' of a vector", 0.5, _activation_named("softmax", (5,))),
            ("softmax_column", "'softmax' of a column [K, 1] has the numbers of the vector", 0.5, _activation_column),
            ("large", "'sigmoid' and 'softmax' of large numbers, positive and negative", 0.5, _activation_large),
            ("unknown", "Any other name raises an error", 0.5, _activation_unknown),
            ("inputs", _INPUTS, 0.5, _activation_inputs),
        ),
        _check(
            "conv2d_layer",
            ("kernel", "The kernel is applied the right way round, square or not", 2.5, _conv_kernel),
            ("channels", "Every output channel sums over all input channels", 1.5, _conv_channels),
            ("border", "Zeros around the image keep its size", 1.0, _conv_border),
            ("bias", "Each output channel adds its bias once", 1.0, _conv_bias),
            ("activation", "The activation comes last, after sum and bias", 1.5, _conv_activation),
            ("inputs", _INPUTS, 0.5, _conv_inputs),
        ),
        _check(
            "pool2d_layer",
            ("maximum", "The maximum of every block of 2 × 2", 1.5, _pool_maximum),
            ("channels", "Each channel by itself", 1.0, _pool_channels),
            ("odd", "An odd last row or column is dropped", 1.0, _pool_odd),
            ("inputs", _INPUTS, 0.5, _pool_inputs),
        ),
        _check(
            "flatten_layer",
            ("order", "The numbers in C order", 1.0, _flatten_order),
            ("vector", "One axis, all numbers of the image", 0.5, _flatten_vector),
            ("inputs", _INPUTS, 0.5, _flatten_inputs),
        ),
        _check(
            "dense_layer",
            ("sum", "The weighted sum of the inputs", 1.5, _dense_sum),
            ("bias", "Each output adds its bias", 0.5, _dense_bias),
            ("shape", "One number per output, and layers can be stacked", 0.5, _dense_shape),
            ("activation", "The activation comes last, softmax over all outputs", 1.0, _dense_activation),
            ("inputs", _INPUTS, 0.5, _dense_inputs),
        ),
        _check(
            "count_weights",
            ("weights", "All weights are counted", 1.0, _count_weights),
            ("biases", "All biases are counted", 1.0, _count_biases),
            ("empty", "Layers without weights count nothing", 0.5, _count_empty),
            ("inputs", _INPUTS, 0.5, _count_inputs),
        ),
        _check(
            "evaluate",
            ("cross_entropy", "The mean cross-entropy per sample", 2.0, _evaluate_part("cross-entropy", _loss)),
            ("zero", "A probability of 0 costs much, but not infinitely much", 1.0, _evaluate_zero),
            ("accuracy", "The accuracy in percent", 1.5, _evaluate_part("accuracy", _accuracy)),
            ("inputs", _INPUTS, 0.5, _evaluate_inputs),
        ),
        _check(
            "fast_conv2d_layer",
            ("answers", "A batch gets the answers of the layer", 1.5, _fast_answers),
            ("inputs", _INPUTS, 0.5, _fast_inputs),
            ("ten", "At least 10 times as fast as the loop over samples and channels", 1.0, _fast_ratio(10)),
            ("thirty", "At least 30 times as fast as the loop over samples and channels", 2.0, _fast_ratio(30)),
        ),
    ),
    manual={"discussion": 10.0},
    prepare=_time_the_loop,
    timed=("convolve_loop",),
    forbidden=("keras", "tensorflow", "autograder", "source_lib"),
)
