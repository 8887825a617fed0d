"""Known faults of lab 1: the Keras reference with one thing wrong.

The tests prove that each loses exactly the lines it names; a failing check compares a student's answer with them and
says which one it equals. They run where the reference runs, in a child of their own while grading, so this
module imports nothing but the reference and the rubric.
"""

from __future__ import annotations

import numpy as np

from autograder.checking.faults import Fault
from autograder.labs.lab1 import reference

# What is changed: of a convolutional layer of one image or of a batch, whose last three axes are the image's.


def _weights(change):
    """Change the kernels first."""
    return lambda layer: lambda h, W, b, act: layer(h, change(W), b, act)


def _flipped(*axes):
    return _weights(lambda W: np.flip(W, axes))


def _lined_up(*order):
    """Line the window's values up in another order of its axes (row, column, channel) than the kernel's."""

    def change(W):
        read = W.reshape(*(W.shape[axis] for axis in order), W.shape[3])
        return np.transpose(read, (*np.argsort(order), 3))

    return _weights(change)


def _placed(where, most=None):
    """Lay another place of the kernel than its middle on the pixel; stop where a side is larger than ``most``."""

    def fault(layer):
        def answer(h, W, b, act):
            sides = W.shape[:2]
            if most is not None and max(sides) > most:
                raise ValueError("the window leaves the padded image")
            margins = []
            for size, place in zip(sides, where(*sides), strict=True):
                reach = max(place, size - 1 - place)
                margins.append((reach - place, reach - (size - 1 - place)))
            return layer(h, np.pad(W, [*margins, (0, 0), (0, 0)]), b, act)

        return answer

    return fault


def _only_square(change=lambda W: W):
    """Stop where the kernel is not square."""

    def fault(layer):
        def answer(h, W, b, act):
            if W.shape[0] != W.shape[1]:
                raise ValueError("the kernel is not square")
            return layer(h, change(W), b, act)

        return answer

    return fault


def _square_windows(layer):
    """Take windows of R × R, which NumPy stretches to fit a kernel of one row or column."""

    def answer(h, W, b, act):
        rows, columns = W.shape[:2]
        if 1 not in (rows, columns) and rows != columns:
            raise ValueError("the kernel is not square")
        if rows == 1:
            return layer(h, np.sum(W, axis=1, keepdims=True), b, act)
        return layer(h, np.broadcast_to(W, (rows, rows, *W.shape[2:])), b, act)

    return answer


def _square_loops(layer):
    def answer(h, W, b, act):
        if W.shape[1] < W.shape[0]:
            raise IndexError("the kernel has fewer columns than rows")
        return layer(h, W[:, : W.shape[0]], b, act)

    return answer


def _square_places(layer):
    def answer(h, W, b, act):
        if W.shape[1] > W.shape[0]:
            raise ValueError("the window leaves the padded image")
        return _placed(lambda rows, columns: (rows // 2, rows // 2))(layer)(h, W, b, act)

    return answer


def _channels(chosen):
    """Take some of the input channels."""
    return lambda layer: lambda h, W, b, act: layer(h[..., chosen], W[:, :, chosen], b, act)


def _padded_channels(layer):
    """Pad the channels as well, so that each kernel meets an earlier channel."""

    def answer(h, W, b, act):
        margin = W.shape[0] // 2
        padded = np.pad(h, [*([(0, 0)] * (h.ndim - 1)), (margin, 0)])
        return layer(padded[..., : h.shape[-1]], W, b, act)

    return answer


def _bias(change):
    """Change the bias first; ``change`` takes it and the kernels."""
    return lambda layer: lambda h, W, b, act: layer(h, W, change(b, W), act)


def _without_bias(layer):
    return lambda h, W, b, act: layer(h, W, np.zeros_like(b), act)


def _bias_after(layer):
    return lambda h, W, b, act: layer(h, W, np.zeros_like(b), act) + b


def _linear_parts(layer, h, W, b):
    """Return what the layer makes of each input channel by itself, without activation."""
    return [layer(h[..., i : i + 1], W[:, :, i : i + 1], b, "linear") for i in range(W.shape[2])]


def _per_channel(combine):
    """Apply the activation to each input channel; ``combine`` takes their sums, the bias and the activation."""

    def fault(layer):
        def answer(h, W, b, act):
            if act == "linear":
                return layer(h, W, b, act)
            parts = _linear_parts(layer, h, W, np.zeros_like(b))
            return combine(parts, b, lambda values: reference.activation(values, act))

        return answer

    return fault


def _in_turn(parts, b, act):
    total = 0
    for part in parts:
        total = act(total + part)
    return total + b


def _bias_and_activation_per_channel(layer):
    """Add ``act(sum + b)`` for every input channel."""

    def answer(h, W, b, act):
        return sum(reference.activation(part, act) for part in _linear_parts(layer, h, W, b))

    return answer


def _activation(name):
    return lambda layer: lambda h, W, b, act: layer(h, W, b, name)


def _within(image, rows, columns):
    """Cut a border off an image or a batch."""
    return image[..., rows : image.shape[-3] - rows, columns : image.shape[-2] - columns, :]


def _around(image, rows, columns, **how):
    """Put a border around an image or around each of a batch; ``rows`` and ``columns`` are (before, after)."""
    return np.pad(image, [*([(0, 0)] * (image.ndim - 3)), rows, columns, (0, 0)], **how)


def _valid(layer):
    return lambda h, W, b, act: _within(layer(h, W, b, act), W.shape[0] // 2, W.shape[1] // 2)


def _full(layer):
    def answer(h, W, b, act):
        rows, columns = W.shape[0] // 2, W.shape[1] // 2
        return layer(_around(h, (rows, rows), (columns, columns)), W, b, act)

    return answer


def _bordered(margins=lambda rows, columns: (rows // 2, columns // 2), **how):
    """Put a border of another kind or width around the image, and lay the kernel inside it alone."""

    def fault(layer):
        def answer(h, W, b, act):
            top, left = margins(*W.shape[:2])
            wide = _around(h, (top, top), (left, left), **how)
            return _valid(layer)(wide, W, b, act)

        return answer

    return fault


def _filled_up(corner, bias="inside", last=True):
    """Return what needs no padding as a part of zeros: in their middle, or in their top left ``corner``.

    The bias is added ``"inside"`` or ``"everywhere"``, the activation comes ``last`` or before the zeros.
    """

    def fault(layer):
        def answer(h, W, b, act):
            rows, columns = ((0, 2 * (k // 2)) if corner else (k // 2, k // 2) for k in W.shape[:2])
            inside = b if bias == "inside" else np.zeros_like(b)
            part = _valid(layer)(h, W, inside, "linear" if last else act)
            total = _around(part, rows, columns) + (b - inside)
            return reference.activation(total, act) if last else total

        return answer

    return fault


def _returned_early(channels=slice(None), bias=True):
    """Return after the first output channel, and after these input channels of it; the others stay 0."""

    def fault(layer):
        def answer(h, W, b, act):
            first = layer(h[..., channels], W[:, :, channels, :1], b[:1] * bias, "linear")
            rest = np.zeros((*first.shape[:-1], W.shape[3] - 1))
            return reference.activation(np.concatenate([first, rest], axis=-1), act)

        return answer

    return fault


def _first_map(layer):
    return lambda h, W, b, act: layer(h, W[..., :1], b[:1], act)[..., 0]


def _channels_out_first(layer):
    return lambda h, W, b, act: np.moveaxis(layer(h, W, b, act), -1, -3)


def _channels_read_first(layer):
    """Read the image as [C_I, D_y, D_x], and answer in that order too."""

    def answer(h, W, b, act):
        turned = np.moveaxis(h, -3, -1)
        if turned.shape[-1] < W.shape[2]:
            raise IndexError("the image has fewer rows than the kernel has channels")
        return np.moveaxis(layer(turned[..., : W.shape[2]], W, b, act), -1, -3)

    return answer


def _channels_counted_first(layer):
    """Read the image as [C_I, D_y, D_x], and ask a kernel for each of its rows."""

    def answer(h, W, b, act):
        if h.shape[-3] > W.shape[2]:
            raise IndexError("the kernel has fewer channels than the image has rows")
        turned, W = np.moveaxis(h, -3, -1), W[:, :, : h.shape[-3]]
        return np.moveaxis(layer(turned, W, b, act), -1, -3)

    return answer


def _result(change):
    """Change the result of a layer; ``change`` must not depend on what the activation is."""
    return lambda layer: lambda *arguments: change(layer(*arguments))


def _columns_first(maps):
    return np.swapaxes(maps, -3, -2).reshape(maps.shape)


def _maps_first(maps):
    pixels = maps.reshape(*maps.shape[:-3], -1, maps.shape[-1])
    return np.swapaxes(pixels, -2, -1).reshape(maps.shape)


def _maps_of_all_first(maps):
    return maps.reshape(-1, maps.shape[-1]).T.reshape(maps.shape)


def _only_square_image(layer):
    """Stop where the image is not square."""

    def answer(h, W, b, act):
        if h.shape[-2] != h.shape[-3]:
            raise IndexError("the image is not square")
        return layer(h, W, b, act)

    return answer


def _square_image(layer):
    """Take the image for as wide as it is high."""

    def answer(h, W, b, act):
        if h.shape[-2] < h.shape[-3]:
            raise IndexError("the image has fewer columns than rows")
        return layer(h, W, b, act)[..., : h.shape[-3], :]

    return answer


def _with_cache(layer):
    """Return what a backward pass would need beside the result."""
    return lambda *arguments: (layer(*arguments), arguments)


def _refuses(inputs):
    """Raise an error where ``inputs`` says so, and answer as before everywhere else."""

    def fault(layer):
        def answer(*arguments):
            if inputs(*arguments):
                raise ValueError("operands could not be broadcast together")
            return layer(*arguments)

        return answer

    return fault


def _zeros_under_large_kernel(layer):
    def answer(h, W, b, act):
        result = layer(h, W, b, act)
        large = W.shape[0] > h.shape[-3] or W.shape[1] > h.shape[-2]
        return np.zeros_like(result) if large else result

    return answer


def _in_place(position=0):
    """Answer as before, and leave one argument changed behind."""

    def fault(layer):
        def answer(*arguments):
            result = layer(*arguments)
            if isinstance(arguments[position], list):
                arguments[position].pop()
            else:
                arguments[position][...] = 0
            return result

        return answer

    return fault


def _sample(chosen):
    """Answer one sample for all of a batch."""
    return lambda layer: lambda x, W, b, act: np.repeat(layer(x[chosen], W, b, act), len(x), axis=0)


def _first_sample_alone(layer):
    def answer(x, W, b, act):
        first = layer(x[:1], W, b, act)
        return np.concatenate([first, np.zeros((len(x) - 1, *first.shape[1:]))])

    return answer


def _added_over_batch(layer):
    def answer(x, W, b, act):
        one = layer(np.sum(x, axis=0, keepdims=True), W, b, act)
        return np.repeat(one, len(x), axis=0)

    return answer


# Of pooling and flattening.


def _pooled(size, strides, kind="max_pool"):
    def answer(h):
        import keras

        image = keras.ops.convert_to_tensor(np.asarray(h, dtype="float64"))[None]
        return np.asarray(getattr(keras.ops, kind)(image, size, strides=strides, padding="valid"))[0]

    return lambda layer: answer


def _first_windows(layer):
    """Move by one pixel, and keep as many windows as there should be."""
    return lambda h: _pooled(2, 1)(layer)(h)[: h.shape[0] // 2, : h.shape[1] // 2]


def _even(h):
    return h[: h.shape[0] // 2 * 2, : h.shape[1] // 2 * 2]


def _grouped(shape, axes, whole=True):
    """Take the largest of groups that are no blocks; ``shape`` takes the pooled size, -1 are the channels."""

    def fault(layer):
        def answer(h):
            even = _even(h)
            if not whole and even.shape != h.shape:
                raise ValueError("cannot reshape an odd size")
            rows, columns = even.shape[0] // 2, even.shape[1] // 2
            return even.reshape(*shape(rows, columns), h.shape[2]).max(axis=axes)

        return answer

    return fault


def _pool_odd(mode):
    """Fill an odd size up: with zeros, or with its last row or column, which gives a block of what is there."""
    return lambda layer: lambda h: layer(np.pad(h, [*((0, extent % 2) for extent in h.shape[:2]), (0, 0)], mode=mode))


def _stops_at_odd(layer):
    def answer(h):
        if h.shape[0] % 2 or h.shape[1] % 2:
            raise ValueError("an odd size does not fit")
        return layer(h)

    return answer


def _before(change):
    """Change the image first."""
    return lambda layer: lambda h: layer(change(h))


def _after(change):
    """Change the result; ``change`` takes it and the image."""
    return lambda layer: lambda h: change(layer(h), h)


def _farthest(layer):
    """Take what is farthest from 0."""

    def answer(h):
        largest, smallest = layer(h), -layer(-h)
        return np.where(-smallest > largest, smallest, largest)

    return answer


def _first_row(result, h):
    kept = np.zeros_like(result)
    kept[:1] = result[:1]
    return kept


def _first_of_all(result, h):
    kept = np.zeros_like(result)
    kept[..., 0] = result[..., 0]
    return kept


def _halved_channels(layer):
    """Let blocks of 2 × 2 × 2 run into the channels too, zeros where there is no partner."""

    def answer(h):
        padded = np.pad(h, [(0, extent % 2) for extent in h.shape])
        return np.maximum(layer(padded)[..., ::2], layer(padded)[..., 1::2])

    return answer


# Of a dense layer.


def _dense_transposed(layer):
    return lambda h, W, b, act: layer(h, np.transpose(W), b, act)


def _dense_matrix(turned):
    """Add a vector and a column, which gives a matrix, and apply the activation to all of it."""

    def fault(layer):
        def answer(h, W, b, act):
            total, b = layer(h, W, np.zeros_like(b), "linear")[:, 0], np.ravel(b)
            matrix = total[:, None] + b if turned else total + b[:, None]
            return reference.activation(matrix.ravel(), act).reshape(matrix.shape)

        return answer

    return fault


def _dense_softmax_rows(layer):
    def answer(h, W, b, act):
        if act != "softmax":
            return layer(h, W, b, act)
        return _softmax_rows(reference.activation)(layer(h, W, b, "linear"), act)

    return answer


def _dense_products(layer):
    """Multiply element by element and forget the sum."""

    def answer(h, W, b, act):
        products = np.asarray(W) * np.ravel(h) + b
        return reference.activation(products.ravel(), act).reshape(products.shape)

    return answer


def _dense_first(layer):
    """Return after the first output; the others stay 0."""

    def answer(h, W, b, act):
        total = np.array(layer(h, W, b, "linear"))
        total[1:] = 0
        return reference.activation(total, act)

    return answer


# Of an activation.


def _softmax_rows(layer):
    def answer(x, activation):
        import keras

        if activation != "softmax":
            return layer(x, activation)
        rows = keras.ops.convert_to_tensor(np.atleast_2d(x))
        return np.asarray(keras.activations.softmax(rows, axis=-1)).reshape(x.shape)

    return answer


def _instead(name, other):
    """Answer ``name`` with ``other``, which takes the layer and the input, and everything else as before."""
    return lambda layer: (
        lambda x, activation: (
            other(layer, np.asarray(x, dtype="float64")) if activation == name else layer(x, activation)
        )
    )


def _sigmoid_overflow(layer, x):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.exp(x) < np.inf, layer(x, "sigmoid"), np.nan)


def _softmax_overflow(layer, x):
    with np.errstate(over="ignore", under="ignore"):
        total = np.sum(np.exp(x))
    return layer(x, "softmax") if 0 < total < np.inf else np.full_like(x, np.nan)


def _softmax_over(choose):
    """Divide by one of the exponentials instead of by their sum."""

    def other(layer, x):
        right = layer(x, "softmax")
        with np.errstate(divide="ignore", invalid="ignore"):
            return right / choose(right)

    return other


def _exponentials(layer, x):
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(x)


def _sigmoid_precedence(layer, x):
    with np.errstate(over="ignore"):
        return 1 + np.exp(-x)


def _softmax_shares(layer, x):
    with np.errstate(divide="ignore", invalid="ignore"):
        return x / np.sum(x)


def _softmax_log(layer, x):
    with np.errstate(divide="ignore"):
        return np.log(layer(x, "softmax"))


def _unknown(other):
    """Answer an unknown name with ``other``, which takes the layer and the input."""

    def fault(layer):
        def answer(x, activation):
            try:
                return layer(x, activation)
            except ValueError:
                return other(layer, x)

        return answer

    return fault


# Of counting and of evaluating.


def _counted(count):
    """Count ``count(array)`` for every array."""
    return lambda layer: lambda W, b: layer(*([np.zeros(count(values)) for values in part] for part in (W, b)))


def _lists(choose):
    """Count some of the arrays: ``choose`` takes both lists."""
    return lambda layer: lambda W, b: layer(*choose(W, b))


def _count_empty_as_one(layer):
    return lambda W, b: layer(W, b) + sum(np.size(values) == 0 for values in (*W, *b))


def _evaluated(change):
    """Answer as before with the two numbers changed."""
    return lambda layer: lambda y_prob, y_onehot: change(y_prob, y_onehot, *layer(y_prob, y_onehot))


def _loss(change):
    """Compute the loss of other probabilities."""
    return lambda layer: lambda p, y: (layer(change(np.asarray(p, "float64")), y)[0], layer(p, y)[1])


def _keras_loss(name, summed=False):
    """Compute another loss, averaged over the classes or summed."""

    def fault(p, y, loss, accuracy):
        import keras

        mean = float(np.asarray(getattr(keras.losses, name)(dtype="float64")(y, p)))
        return mean * y.shape[1] if summed else mean, accuracy

    return _evaluated(fault)


def _loss_of(change):
    """Compute the loss of numbers that need not sum to 1, as Keras would make them do: one of each sample."""

    def fault(p, y, loss, accuracy):
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.mean(-np.log(change(np.asarray(p, "float64"), y)))), accuracy

    return _evaluated(fault)


def _literal(p, y, loss, accuracy):
    """Multiply 0 with the logarithm of 0, where a class that is not the true one has the probability 0."""
    infinite = np.any(p[y == 1] == 0)
    return np.nan if np.any(p[y == 0] == 0) else np.inf if infinite else loss, accuracy


def _of_true_class(p, y):
    return np.sum(p * y, axis=1)


def _softmax_again(p):
    import keras

    return np.asarray(keras.ops.softmax(keras.ops.convert_to_tensor(p), axis=1))


def _accuracy_over_samples(layer):
    return lambda p, y: (layer(p, y)[0], layer(np.transpose(p), np.transpose(y))[1])


def _first_sample_evaluated(layer):
    return lambda p, y: layer(p[:1], y[:1])


def _faults(function, *faults, parts=(), together=()):
    """Return the faults of one function.

    Each is a name, the lines that it loses, how it is applied or all forms of that, and both levels of its hint. It is
    about the line that it costs first, or what ``parts`` says; ``None`` there keeps it out of the pairs. ``together``
    says what a fault gives with another, where that is not one put into the other.
    """
    parts, together = dict(parts), dict(together)
    prefix = function.removesuffix("_layer")
    found = []
    for name, loses, apply, hint, second_hint in faults:
        first, *forms = apply if isinstance(apply, tuple) else (apply,)
        found.append(
            Fault(
                f"{prefix}_{name}",
                frozenset(f"{function}.{key}" for key in loses.split()),
                first,
                function=function,
                hint=hint,
                second_hint=second_hint,
                part=parts.get(name, loses.split()[0]) or "",
                forms=tuple(forms),
                together={f"{prefix}_{other}": both for other, both in together.get(name, {}).items()},
            )
        )
    return found


def _convolution_faults(function, loses, *more):
    """Return those of the faults that any convolutional layer may have for which ``loses`` says what they cost."""
    known = {name: rest for name, part, *rest in _OF_CONVOLUTIONS}
    return _faults(
        function,
        *((name, lines, *known[name]) for name, lines in loses.items()),
        *more,
        parts={name: part for name, part, *_ in _OF_CONVOLUTIONS},
        together={"activation_before_sum": {"bias_per_channel": _bias_and_activation_per_channel}},
    )


_CHANGES_INPUT = "Work on a copy of {}, so that the caller keeps the input."
_COPY_FIRST = "Somewhere a value is written into {} itself, or into a view of it: copy it before, or make a new array."
_ARRAY_ALONE = (
    "The result came in a tuple, with something else behind it: return the array alone.",
    "What a backward pass would need later is not asked here. Leave the second value out of the return.",
)
_NOT_APPLIED = (
    "The activation was not applied: pass the result through your activation function before it is returned.",
    "Call your own activation with the finished sum and the name in act, and return what it gives.",
)
_ALWAYS_RELU = (
    "ReLU was applied whatever was asked for: the name in act says which activation it is.",
    "Hand act on to your activation function instead of a name that you typed.",
)
_AFTERWARDS = (
    "The bias was added after the activation: it belongs inside, before the activation.",
    "Swap the last two steps: add b to the sum first, and hand that to the activation.",
)

#: The faults of any convolutional layer: name, part, how it is applied, and both levels of the hint.
_OF_CONVOLUTIONS = (
    (
        "no_flip",
        "kernel",
        _flipped(0, 1),
        "This is true convolution, with the kernel turned by 180°: a layer cross-correlates. "
        "convolve2d flips by itself, so flip the kernel before.",
        "Either reverse both the rows and the columns of each kernel before convolve2d, or take the function of SciPy "
        "that correlates instead.",
    ),
    (
        "flip_rows",
        "kernel",
        _flipped(0),
        "This has the kernel flipped in the vertical direction alone. Flip both axes or none, as your tool needs it.",
        "One of the first two axes of W is reversed and the other is not: with convolve2d reverse the second as well, "
        "with your own loops neither.",
    ),
    (
        "flip_columns",
        "kernel",
        _flipped(1),
        "This has the kernel flipped in the horizontal direction alone. Flip both axes or none, as your tool needs it.",
        "The columns of W are reversed and the rows are not: with convolve2d reverse both, with your own loops none.",
    ),
    (
        "channels_flipped",
        "channels",
        (_flipped(2, 3), _flipped(0, 1, 2, 3), _flipped(0, 1, 2), _flipped(2), _flipped(3)),
        "The kernel is flipped in its channels as well: a channel must meet its own kernel.",
        "A flip without named axes reverses every axis. Choose one input and one output channel first, and flip the "
        "matrix of rows and columns that is left, if your tool needs it.",
    ),
    (
        "kernel_transposed",
        "kernel",
        (_weights(lambda W: np.swapaxes(W, 0, 1)), _only_square(lambda W: np.swapaxes(W, 0, 1))),
        "This has the kernel's rows and columns exchanged: W is [R, S, C_I, C_O], rows first.",
        "Look for a transpose, or for indices of the kernel in the wrong order: the first one goes with the image's "
        "rows, the second one with its columns.",
    ),
    (
        "margins_swapped",
        "kernel",
        (
            _bordered(lambda rows, columns: (columns // 2, rows // 2)),
            _placed(lambda rows, columns: (columns // 2, rows // 2)),
        ),
        "The padding of rows and columns is exchanged: the rows' padding follows from R, the columns' from S.",
        "Above and below goes half of R, rounded down, left and right half of S: look at the order in your padding.",
    ),
    (
        "kernel_square",
        "kernel",
        (
            _only_square(),
            _square_windows,
            _square_loops,
            _square_places,
            _bordered(lambda rows, columns: (rows // 2, rows // 2)),
            _bordered(lambda rows, columns: (columns // 2, columns // 2)),
        ),
        "The kernel is taken for square here: it has R rows and S columns, and each direction needs its own number.",
        "One of the two sizes in the shape of W stands for both. Look at the padding, the window and the loops: what "
        "goes down the image needs R, what goes across needs S.",
    ),
    (
        "padding_one",
        "kernel",
        (
            _bordered(lambda rows, columns: (1, 1)),
            _placed(lambda rows, columns: (1, 1), most=3),
            _placed(lambda rows, columns: (1, 1)),
        ),
        "The padding is always 1 here, which is right for 3 × 3 alone: it follows from the kernel's size.",
        "Pad by half of the kernel's size, rounded down: 0 for 1, 1 for 3, 2 for 5, and rows and columns each by their "
        "own.",
    ),
    (
        "window_from_pixel",
        "",
        (
            _placed(lambda rows, columns: (0, 0)),
            _placed(lambda rows, columns: (rows - 1, columns - 1)),
        ),
        "The window begins or ends at the pixel: its middle belongs there, so that the padding is the same on opposite "
        "sides.",
        "Half of the zeros belong before the first row and column, the other half behind the last.",
    ),
    (
        "first_channel",
        "channels",
        _channels(slice(0, 1)),
        "This uses the first input channel alone: every output channel sums over all input channels.",
        "A 0 stands where the loop over the input channels should run, or the loop ends after one.",
    ),
    (
        "last_channel",
        "channels",
        _channels(slice(-1, None)),
        "Only the last input channel is left: each one replaces what the others gave. Add them up.",
        "Inside the loop over the input channels you assign. Start the output channel at 0, and add to it there.",
    ),
    (
        "mean_over_channels",
        "channels",
        (
            _weights(lambda W: W / W.shape[2]),
            _weights(lambda W: W / np.prod(W.shape[:3])),
            _weights(lambda W: W / np.prod(W.shape[:2])),
        ),
        "This is a mean where a sum is asked: neither channels nor pixels of a window are averaged.",
        "The values are too small by the number of what was summed: look for a mean or a division.",
    ),
    (
        "channels_swapped",
        "channels",
        _weights(lambda W: np.swapaxes(W, 2, 3)),
        "Input and output channels are exchanged: the third axis of W is the input channel, the fourth the output.",
        "Compare the order of your four indices of W with [R, S, C_I, C_O].",
    ),
    (
        "windows_in_wrong_order",
        "channels",
        (
            _lined_up(2, 0, 1),
            _lined_up(2, 1, 0),
            _lined_up(1, 0, 2),
            _lined_up(0, 2, 1),
            _lined_up(1, 2, 0),
            _weights(lambda W: W.reshape(W.shape[3], -1).T.reshape(W.shape)),
        ),
        "The values of a window are lined up in another order than those of the kernel: both go by row, column and "
        "channel.",
        "Print the shape of the windows before they are flattened: their axes must come in the order of W's first "
        "three. Move the axes before you reshape, since a reshape alone moves nothing.",
    ),
    (
        "pixels_in_wrong_order",
        "",
        (_result(_columns_first), _result(_maps_first), _result(_maps_of_all_first)),
        "The values are right, but they stand at the wrong places: the product was put back into rows, columns and "
        "channels in another order than it came out of them.",
        "The windows were listed in one order of their axes and reshaped in another. The list must go row by row, and "
        "the output channels must be its last axis when it is reshaped.",
    ),
    (
        "returned_early",
        "",
        (
            _returned_early(),
            _returned_early(slice(0, 1)),
            _returned_early(slice(0, 1), bias=False),
            _returned_early(bias=False),
            _first_map,
        ),
        "Only the first output channel was computed: the function returns inside a loop.",
        "Take the return out of the loops, so that it stands as far left as the line that made the output.",
    ),
    (
        "padded_channels",
        "",
        _padded_channels,
        "The channels are padded as well, so each kernel meets an earlier channel: pad rows and columns alone.",
        "One number as the padding holds for every axis. Give the padding for each axis, and 0 for the channels.",
    ),
    (
        "channels_first",
        "",
        (_channels_out_first, _channels_read_first, _channels_counted_first),
        "Here the channels come first: an image is [D_y, D_x, C] in this course, going in and coming out.",
        "The last axis holds the channels. Look at how the shape of the input is taken apart, at the shape of the "
        "output that you make, and at the index of the channel in both.",
    ),
    (
        "image_square",
        "",
        (_only_square_image, _square_image),
        "The image is taken for square: it has D_y rows and D_x columns, and each needs its own number.",
        "One of the two sizes of the image stands for both, in the output's shape or in the loops.",
    ),
    (
        "valid",
        "border",
        _valid,
        "This is 'valid': it has lost a border. Zeros around the image keep its size ('same').",
        "Either ask your tool for the mode that keeps the size, or put a border of zeros around the image before: half "
        "of the kernel's size on each side, rounded down.",
    ),
    (
        "full",
        "",
        _full,
        "This is 'full': it is larger than the image. The output has as many rows and columns as the image ('same').",
        "Either ask your tool for the mode that keeps the size, or pad by half of the kernel's size and no more.",
    ),
    (
        "border_zero",
        "border",
        (
            _filled_up(corner=False, bias="everywhere"),
            _filled_up(corner=False),
            _filled_up(corner=False, last=False),
        ),
        "The border of the output was left at 0: every pixel is computed, with zeros outside of the image.",
        "Your loops skip the pixels where the window leaves the image. Pad the image with zeros first, and then go "
        "through all pixels.",
    ),
    (
        "top_left",
        "",
        (
            _filled_up(corner=True, bias="everywhere"),
            _filled_up(corner=True),
            _filled_up(corner=True, last=False),
        ),
        "The output is moved to the top left, and its last rows and columns are left at 0: the window's middle belongs "
        "on the pixel.",
        "The window was laid on the image without padding, and its result was written where the window begins. Pad the "
        "image first: then the window that begins there has its middle on that pixel.",
    ),
    (
        "mirrored",
        "border",
        (_bordered(mode="symmetric"), _bordered(mode="edge")),
        "The border is filled with the image's own edge, mirrored or repeated: it has to be filled with zeros.",
        "Look for the name of a mode or of a boundary: the one that fills with a constant 0 is right.",
    ),
    (
        "reflected",
        "border",
        _bordered(mode="reflect"),
        "The border is filled with the image reflected about its last row: it has to be filled with zeros.",
        "Look for the name of a mode or of a boundary: the one that fills with a constant 0 is right.",
    ),
    (
        "wrapped",
        "border",
        _bordered(mode="wrap"),
        "The border is filled from the opposite side of the image: it has to be filled with zeros.",
        "Look for the name of a mode or of a boundary, or for a roll or a Fourier transform: outside of the image "
        "there must be a constant 0.",
    ),
    (
        "bias_missing",
        "bias",
        _without_bias,
        "The bias is missing: each output channel adds its own b once.",
        "Add b after the sum over the input channels: its one axis goes with the last axis of the output.",
    ),
    (
        "bias_per_channel",
        "bias",
        (_bias(lambda b, W: b * W.shape[2]), _bias(lambda b, W: b * np.prod(W.shape[:3]))),
        "The bias was added once for every input channel: add it once, after the sum over the channels.",
        "The line that adds b stands too far inside: move it behind the loop over the input channels.",
    ),
    (
        "bias_of_first",
        "bias",
        (_bias(lambda b, W: np.full_like(b, b[0])), _bias(lambda b, W: np.full_like(b, b.sum()))),
        "All output channels got the same bias: each one has its own.",
        "The index of b is that of the output channel.",
    ),
    (
        "bias_subtracted",
        "bias",
        _bias(lambda b, W: -b),
        "The bias was subtracted: add it.",
        "Look at the sign before b.",
    ),
    ("bias_after", "activation", _bias_after, *_AFTERWARDS),
    (
        "activation_before_sum",
        "activation",
        (
            _per_channel(lambda parts, b, act: sum(map(act, parts)) + b),
            _per_channel(lambda parts, b, act: act(sum(map(act, parts)) + b)),
            _per_channel(_in_turn),
        ),
        "The activation was applied to each input channel: sum over the channels and add the bias first.",
        "The call of the activation stands inside the loop over the input channels. It comes last, once for the whole "
        "output.",
    ),
    ("activation_ignored", "activation", _activation("linear"), *_NOT_APPLIED),
    ("with_cache", "", _with_cache, *_ARRAY_ALONE),
)

FAULTS = (
    *_faults(
        "activation",
        (
            "relu_negative",
            "relu",
            _instead("relu", lambda layer, x: -layer(-x, "relu")),
            "This keeps the negative numbers: ReLU keeps the positive ones and turns the others to 0.",
            "Take the larger of each number and 0, not the smaller.",
        ),
        (
            "relu_leaky",
            "relu",
            tuple(
                _instead("relu", lambda layer, x, slope=slope: np.where(x > 0, x, slope * x))
                for slope in (0.01, 0.05, 0.1, 0.2, 0.3)
            ),
            "This is the leaky ReLU: plain ReLU is exactly 0 for negative numbers.",
            "The negative numbers are multiplied by a small slope: put 0 in its place.",
        ),
        (
            "relu_absolute",
            "relu",
            _instead("relu", lambda layer, x: np.abs(x)),
            "This is the absolute value: ReLU turns negative numbers to 0.",
            "Compare each number with 0 and take the larger, instead of dropping its sign.",
        ),
        (
            "relu_step",
            "relu",
            _instead("relu", lambda layer, x: (x > 0).astype("float64")),
            "This is 1 where ReLU keeps the number: that is its derivative, or the mask alone.",
            "The comparison with 0 says where numbers stay: multiply it by the numbers.",
        ),
        (
            "sigmoid_mirrored",
            "sigmoid",
            _instead("sigmoid", lambda layer, x: layer(-x, "sigmoid")),
            "This falls where the sigmoid rises: look at the sign in the exponent.",
            "In the formula the exponent is minus z.",
        ),
        (
            "sigmoid_tanh",
            "sigmoid",
            _instead("sigmoid", lambda layer, x: np.tanh(x)),
            "This is tanh, from -1 to 1: the sigmoid goes from 0 to 1.",
            "If you mean to use tanh: halve its input, and shift and halve its output.",
        ),
        (
            "sigmoid_slope",
            "sigmoid",
            _instead("sigmoid", lambda layer, x: layer(x, "sigmoid") * layer(-x, "sigmoid")),
            "This is the derivative of the sigmoid: the sigmoid itself is asked.",
            "Leave the last product out: nothing is differentiated in this lab.",
        ),
        (
            "sigmoid_precedence",
            "sigmoid large",
            _instead("sigmoid", _sigmoid_precedence),
            "This is 1 plus the exponential, without the fraction: the sum belongs in the denominator.",
            "Division binds stronger than addition: set the sum in the denominator in parentheses.",
        ),
        (
            "sigmoid_overflow",
            "large",
            _instead("sigmoid", _sigmoid_overflow),
            "The sigmoid overflows for large inputs: choose the form of it whose exponential cannot turn up in both "
            "numerator and denominator.",
            "Infinity divided by infinity is not a number. With the exponential in the denominator alone, infinity "
            "gives the right 0.",
        ),
        (
            "softmax_unnormalized",
            "softmax",
            _instead("softmax", _softmax_over(np.max)),
            "These are the exponentials alone: divide by their sum, so that they add up to 1.",
            "The largest one is 1 here: the division by the sum of all of them is missing, or divides by the largest.",
        ),
        (
            "softmax_of_first",
            "softmax",
            (
                _instead("softmax", _softmax_over(lambda right: right.flat[0])),
                _instead("softmax", _softmax_over(lambda right: right.flat[-1])),
            ),
            "The exponentials were divided by one of them: divide by the sum of all, so that they add up to 1.",
            "Take the sum of all exponentials once, before the division: an index or a loop ends it after one.",
        ),
        (
            "softmax_exponentials",
            "softmax large",
            _instead("softmax", _exponentials),
            "These are the exponentials of the inputs alone: divide by their sum, so that they add up to 1.",
            "One step is missing: add up all the exponentials, and divide each of them by that.",
        ),
        (
            "softmax_shares",
            "softmax large",
            _instead("softmax", _softmax_shares),
            "These are the shares of the inputs themselves: softmax takes their exponentials first.",
            "Raise e to each input before you divide, and divide by the sum of these powers.",
        ),
        (
            "softmax_log",
            "softmax",
            _instead("softmax", _softmax_log),
            "This is the logarithm of the softmax: the probabilities themselves are asked.",
            "Leave the logarithm out: it belongs in the cross-entropy.",
        ),
        (
            "softmax_hard",
            "softmax",
            _instead("softmax", lambda layer, x: (x == np.max(x)).astype("float64")),
            "This is 1 for the largest number and 0 for the others: softmax gives each of them a share.",
            "Nothing is compared in a softmax: divide each exponential by the sum of all.",
        ),
        (
            "softmax_overflow",
            "large",
            _instead("softmax", _softmax_overflow),
            "The softmax overflows or divides by 0: it does not change when one number is taken off all inputs, "
            "so take off one that keeps the exponentials small.",
            "Take the largest input off all of them before the exponentials.",
        ),
        (
            "softmax_rows",
            "softmax_column",
            _softmax_rows,
            "This is the softmax along the wrong axis: in a column every row became a softmax of its own, which is 1.",
            "Leave the axis out where you sum and where you take the largest, so that both go over all values.",
        ),
        (
            "unknown_linear",
            "unknown",
            _unknown(lambda layer, x: x),
            "An unknown name came back as 'linear': raise a ValueError, or a typing error in a model goes unseen.",
            "Ask for 'linear' by its name as for the others, and raise the error in what is left.",
        ),
        (
            "unknown_none",
            "unknown",
            _unknown(lambda layer, x: None),
            "For an unknown name nothing is returned: raise a ValueError, or a typing error in a model goes unseen.",
            "Behind the last case a branch is missing: it raises the error.",
        ),
        (
            "unknown_relu",
            "unknown",
            _unknown(lambda layer, x: layer(x, "relu")),
            "An unknown name came back as 'relu': raise a ValueError, or a typing error in a model goes unseen.",
            "Ask for 'relu' by its name as for the others, and raise the error in what is left.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("x"), _COPY_FIRST.format("x")),
        (
            "sigmoid_clipped",
            "domain",
            _instead("sigmoid", lambda layer, x: layer(np.clip(x, -4, 4), "sigmoid")),
            "The sigmoid is cut off: all inputs beyond some size give the same. Choose a form that cannot overflow, or "
            "cut off only where the exponential would be infinite.",
            "Look at the limits at which you clip: the sigmoid of 4 is 0.982, and that of 10 is 0.99995.",
        ),
        parts={
            "sigmoid_overflow": "large numbers",
            "softmax_overflow": "large numbers",
            **dict.fromkeys(("sigmoid_precedence", "sigmoid_slope", "softmax_shares", "softmax_log", "softmax_hard")),
        },
    ),
    *_convolution_faults(
        "conv2d_layer",
        {
            "no_flip": "kernel",
            "flip_rows": "kernel",
            "flip_columns": "kernel",
            "channels_flipped": "channels",
            "kernel_transposed": "kernel",
            "margins_swapped": "kernel",
            "kernel_square": "kernel",
            "padding_one": "kernel",
            "window_from_pixel": "kernel channels border",
            "first_channel": "channels",
            "last_channel": "channels",
            "mean_over_channels": "channels",
            "channels_swapped": "channels",
            "windows_in_wrong_order": "channels",
            "pixels_in_wrong_order": "kernel channels border",
            "returned_early": "channels bias",
            "padded_channels": "kernel channels border bias activation inputs domain",
            "channels_first": "kernel channels border bias",
            "image_square": "kernel channels border bias activation inputs domain",
            "valid": "border",
            "full": "kernel channels border",
            "border_zero": "border",
            "top_left": "kernel channels border",
            "mirrored": "border",
            "reflected": "border",
            "wrapped": "border",
            "bias_missing": "bias",
            "bias_per_channel": "bias",
            "bias_of_first": "bias",
            "bias_subtracted": "bias",
            "bias_after": "activation",
            "activation_before_sum": "activation",
            "activation_ignored": "activation",
            "with_cache": "kernel channels border bias activation inputs domain",
        },
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("h"), _COPY_FIRST.format("h")),
        ("kernel_in_place", "inputs", _in_place(1), _CHANGES_INPUT.format("W"), _COPY_FIRST.format("W")),
        (
            "kernel_larger",
            "domain",
            _zeros_under_large_kernel,
            "Where the kernel is larger than the image, all is 0: with zeros around it no size needs special care.",
            "Pad by half of the kernel on each side, whatever the size of the image: each window then fits.",
        ),
    ),
    *_faults(
        "pool2d_layer",
        (
            "mean",
            "maximum channels odd inputs domain",
            _pooled(2, 2, "average_pool"),
            "This is the mean of each block: max pooling takes its largest number.",
            "One word is wrong: what each block is reduced with.",
        ),
        (
            "sum",
            "maximum channels odd inputs domain",
            lambda layer: lambda h: 4 * _pooled(2, 2, "average_pool")(layer)(h),
            "This is the sum of each block: max pooling takes its largest number.",
            "One word is wrong: what each block is reduced with. block_reduce sums where it is not told otherwise.",
        ),
        (
            "minimum",
            "maximum channels odd inputs domain",
            lambda layer: lambda h: -layer(-h),
            "This is the smallest number of each block: max pooling takes the largest.",
            "One word is wrong: what each block is reduced with, or the sign of a comparison.",
        ),
        (
            "farthest",
            "maximum",
            (_farthest, _before(np.abs)),
            "This is the number farthest from 0, or its size: of -9 and 1 the largest is 1.",
            "Leave the absolute value out: compare the numbers with their signs.",
        ),
        (
            "from_zero",
            "maximum",
            _after(lambda result, h: np.maximum(result, 0)),
            "A block of negative numbers gave 0: the largest of them is negative too, so do not start from 0.",
            "Start each comparison with a number of the block itself, or take the largest of the whole block at once.",
        ),
        (
            "corner",
            "maximum channels odd inputs domain",
            _pooled(1, 2),
            "This is every second pixel, the first of each block: take the largest number of the block.",
            "A step of two leaves three of four numbers out: look at all four of a block.",
        ),
        (
            "three",
            "maximum odd",
            _pooled(3, 3),
            "These are blocks of 3 × 3: blocks of 2 × 2 are asked.",
            "Two numbers are 3 and should be 2: the size of the block, and how far it moves.",
        ),
        (
            "stride_one",
            "maximum odd",
            (_pooled(2, 1), _first_windows),
            "The blocks overlap, they move by one pixel (stride 1): move by two, so that height and width halve.",
            "The block of output pixel (y, x) begins at twice y and twice x.",
        ),
        (
            "wrong_blocks",
            "maximum",
            (
                _grouped(lambda rows, columns: (rows, columns, 2, 2), (2, 3)),
                _grouped(lambda rows, columns: (rows, columns, 2, 2), (2, 3), whole=False),
                _grouped(lambda rows, columns: (2, rows, 2, columns), (0, 2)),
                _grouped(lambda rows, columns: (2, 2, rows, columns), (0, 1)),
            ),
            "The largest of four numbers, but not of a block: the reshape puts numbers together that are no neighbors.",
            "A reshape keeps the order of the numbers. Split the axis of rows into blocks and rows of a block, and "
            "that of columns likewise: each pair of sizes has to stay side by side.",
        ),
        (
            "over_channels",
            "channels",
            (
                _before(lambda h: np.max(h, axis=2, keepdims=True)),
                _before(lambda h: np.broadcast_to(np.max(h, axis=2, keepdims=True), h.shape)),
                _after(lambda result, h: np.max(result, axis=2)),
                _halved_channels,
            ),
            "The maximum was taken over the channels too: each channel is pooled by itself.",
            "The block must have the size 1 along the last axis; in a loop, the window needs the index of a channel.",
        ),
        (
            "channels_first",
            "maximum channels odd inputs domain",
            lambda layer: lambda h: np.moveaxis(layer(np.moveaxis(h, 0, -1)), -1, 0),
            "The channels were taken for the first axis: an image is [D_y, D_x, C], and rows and columns are pooled.",
            "Look at how the shape of h is taken apart, and which of its axes are halved: the first two should be.",
        ),
        (
            "returned_early",
            "maximum channels odd inputs domain",
            (_after(_first_row), _after(_first_of_all)),
            "Only a part was computed and the rest is 0: the function returns inside a loop.",
            "Take the return out of the loops, so that it stands as far left as the line that made the output.",
        ),
        (
            "zeros_odd",
            "odd",
            _pool_odd("constant"),
            "An odd size was filled up with zeros, as block_reduce does: an odd last row or column is dropped.",
            "Cut the image to even sizes before you pool it.",
        ),
        (
            "keeps_odd",
            "odd",
            _pool_odd("edge"),
            "An odd last row or column made a block of its own: it is dropped, so that 7 becomes 3.",
            "Round half of the size down, not up, or cut the image to even sizes before.",
        ),
        (
            "drops_first",
            "odd",
            _before(lambda h: h[h.shape[0] % 2 :, h.shape[1] % 2 :]),
            "Of an odd size the first row or column was dropped: drop the last one.",
            "Begin at 0, and end before the last one.",
        ),
        (
            "stops_at_odd",
            "odd",
            _stops_at_odd,
            "It stops where a size is odd: an odd last row or column is dropped before the blocks are made.",
            "Cut the image to even sizes first: what is left over from a division by two is 0 or 1 rows.",
        ),
        (
            "with_cache",
            "maximum channels odd inputs domain",
            _with_cache,
            *_ARRAY_ALONE,
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("h"), _COPY_FIRST.format("h")),
        (
            "from_a_number",
            "domain",
            _after(lambda result, h: np.maximum(result, -10)),
            "The search for the largest number begins at a fixed number, and a block below it gave that one: begin "
            "with a number of the block.",
            "A start like -1 or -10 is larger than some numbers. Minus infinity, or one number of the block, is not.",
        ),
        parts=dict.fromkeys(("sum", "farthest", "channels_first", "returned_early", "stops_at_odd", "with_cache")),
    ),
    *_faults(
        "flatten_layer",
        (
            "fortran",
            "order",
            _before(np.transpose),
            "This is Fortran order, where the row runs fastest: in C order the channel runs fastest, the row slowest.",
            "Leave the order out: C is what NumPy does by itself.",
        ),
        (
            "channels_first",
            "order",
            _before(lambda h: np.moveaxis(h, 2, 0)),
            "This lists one channel after the other: the channels of a pixel stand together, the channel runs fastest.",
            "Of three loops the one over the channels is the innermost; with NumPy no axis needs to be moved.",
        ),
        (
            "columns_first",
            "order",
            _before(lambda h: np.swapaxes(h, 0, 1)),
            "Rows and columns are exchanged: go through the image row by row.",
            "The outer loop is the one over the rows; with NumPy no axis needs to be moved.",
        ),
        (
            "backward",
            "order",
            _after(lambda result, h: result[::-1]),
            "The order is reversed: the first number of the image comes first.",
            "Look for a step of -1, or for numbers that are put in front of the others.",
        ),
        (
            "row",
            "vector",
            _after(lambda result, h: result[None]),
            "This is a matrix of one row: return an array with one axis.",
            "The new shape has one number alone, not 1 and that number.",
        ),
        (
            "column",
            "vector",
            _after(lambda result, h: result[:, None]),
            "This is a matrix of one column: return an array with one axis.",
            "The new shape has one number alone, not that number and 1.",
        ),
        (
            "pixels",
            "order vector domain",
            (
                _after(lambda result, h: result.reshape(-1, h.shape[2])),
                _after(lambda result, h: result.reshape(len(h), -1)),
            ),
            "Only a part of the axes was joined: all three become one.",
            "One size for the result is enough: the number of all values.",
        ),
        ("with_cache", "order vector inputs domain", _with_cache, *_ARRAY_ALONE),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("h"), _COPY_FIRST.format("h")),
        (
            "one_number",
            "domain",
            _after(lambda result, h: np.squeeze(result)),
            "An image of one number came back without an axis: return an array with one axis, however short.",
            "Squeezing takes away every axis of length 1, the last one too. Reshape to one axis instead.",
        ),
        parts=dict.fromkeys(("pixels", "with_cache")),
    ),
    *_faults(
        "dense_layer",
        (
            "transposed",
            "sum",
            _dense_transposed,
            "The weights were used transposed: W is [out, in], so row k belongs to output k.",
            "Leave the transpose out, or put W before h in the product.",
        ),
        (
            "mean",
            "sum",
            _weights(lambda W: np.asarray(W) / np.shape(W)[1]),
            "This is the mean of the products: the layer takes their sum.",
            "The values are too small by the number of inputs: look for a mean or a division.",
        ),
        (
            "products",
            "sum shape",
            _dense_products,
            "This multiplies element by element and adds nothing up: each output is the sum over all inputs.",
            "Use the product of a matrix with a vector, or sum each row of the products.",
        ),
        (
            "returned_early",
            "sum bias",
            _dense_first,
            "Only the first output was computed and the others are 0: the function returns inside a loop.",
            "Take the return out of the loops, so that it stands as far left as the line that made the output.",
        ),
        (
            "bias_missing",
            "bias",
            _without_bias,
            "The bias is missing: each output adds its own b.",
            "Add b to the sum, one number for each output, before the activation.",
        ),
        (
            "bias_per_input",
            "bias",
            _bias(lambda b, W: b * np.shape(W)[1]),
            "The bias was added once for every input: add it once to each sum.",
            "The line that adds b stands too far inside: move it behind the loop over the inputs.",
        ),
        (
            "bias_of_first",
            "bias",
            _bias(lambda b, W: np.full_like(b, b[0])),
            "All outputs got the same bias: each one has its own.",
            "The index of b is that of the output.",
        ),
        (
            "bias_subtracted",
            "bias",
            _bias(lambda b, W: -b),
            "The bias was subtracted: add it.",
            "Look at the sign before b.",
        ),
        (
            "broadcast",
            "shape",
            (_dense_matrix(turned=False), _dense_matrix(turned=True)),
            "A vector [K] plus a column [K, 1] gave a matrix [K, K]: bring the sum and b to the same shape first.",
            "Make a vector of b, or a column of h, before you add. Then both sides of the sum have one shape.",
        ),
        (
            "row",
            "shape",
            _result(lambda column: column.reshape(1, -1)),
            "This is a row [1, K]: b is a column already, so it needs no transpose beside a vector.",
            "Turn b into a vector, not into a row, or return the column as it is.",
        ),
        ("bias_after", "activation", _bias_after, *_AFTERWARDS),
        ("activation_ignored", "activation", _activation("linear"), *_NOT_APPLIED),
        (
            "softmax_rows",
            "activation",
            _dense_softmax_rows,
            "This is the softmax along the wrong axis: in a column every row became a softmax of its own, which is 1.",
            "Hand your activation a vector, or leave the axis out in its softmax.",
        ),
        ("with_cache", "sum bias shape activation inputs domain", _with_cache, *_ARRAY_ALONE),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("h"), _COPY_FIRST.format("h")),
        ("bias_in_place", "inputs", _in_place(2), _CHANGES_INPUT.format("b"), _COPY_FIRST.format("b")),
        (
            "one_output",
            "domain",
            lambda layer: lambda h, W, b, act: np.squeeze(layer(h, W, b, act)),
            "A layer with one output returned a number without an axis: return [K] or [K, 1], also where K is 1.",
            "Squeezing takes away every axis of length 1, the last one too. Keep one axis, by its position.",
        ),
        parts=dict.fromkeys(("products", "returned_early", "with_cache")),
    ),
    *_faults(
        "count_weights",
        (
            "lengths",
            "weights biases empty domain",
            _counted(lambda values: 1),
            "This counts the arrays in the lists: count the numbers in every array.",
            "Go through both lists, and add up how many numbers each array holds.",
        ),
        (
            "first_axes",
            "weights biases",
            _counted(len),
            "This adds the lengths of the first axes: an array holds as many numbers as the product of all its axes.",
            "The length of an array is its number of rows. NumPy also knows how many numbers it holds.",
        ),
        (
            "two_axes",
            "weights",
            _counted(lambda values: np.prod(np.shape(values)[:2], dtype=int)),
            "Of a kernel this counts rows times columns alone: its channels, in and out, are factors too.",
            "Multiply all axes of an array, however many there are.",
        ),
        (
            "axes_added",
            "weights",
            _counted(lambda values: sum(np.shape(values))),
            "The axes were added: an array holds as many numbers as the product of all its axes.",
            "Multiply the numbers in each shape, and add up over the arrays.",
        ),
        (
            "no_biases",
            "biases",
            _lists(lambda W, b: (W, [])),
            "The biases are not counted: they are trained as well, so they are parameters.",
            "Go through the second list in the same way.",
        ),
        (
            "only_biases",
            "weights",
            _lists(lambda W, b: ([], b)),
            "Only the biases are counted: the weights are parameters too.",
            "Go through the first list in the same way.",
        ),
        (
            "one_bias",
            "weights biases",
            _lists(lambda W, b: (W, [np.zeros(min(np.size(one), 1)) for one in b])),
            "Each layer counts with one bias: it has one for every output.",
            "Count the numbers in each array of b, as you do for W.",
        ),
        (
            "last_missing",
            "weights biases",
            _lists(lambda W, b: (W[:-1], b[:-1])),
            "The last layer is not counted: all of them have parameters.",
            "A loop ends one too early: look at its range.",
        ),
        (
            "returned_early",
            "weights",
            (_lists(lambda W, b: (W[:1], b[:1])), _lists(lambda W, b: (W[:1], []))),
            "Only the first layer is counted: the function returns inside the loop.",
            "Take the return out of the loop, so that it stands as far left as the line that set the count to 0.",
        ),
        (
            "bytes",
            "weights biases",
            lambda layer: lambda W, b: 4 * layer(W, b),
            "These are the bytes: each number takes four or eight of them.",
            "Ask each array how many numbers it holds, not how much room they take.",
        ),
        (
            "empty_as_one",
            "empty",
            _count_empty_as_one,
            "A layer without weights counted as one parameter for each empty array: it has none.",
            "The product of the axes of an empty array is 0: look for what makes it 1, such as a product of no axes.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("the list W"), _COPY_FIRST.format("the list W")),
        (
            "zeros",
            "domain",
            lambda layer: lambda W, b: sum(np.count_nonzero(values) for values in (*W, *b)),
            "Weights that are 0 were left out: every number in an array is a parameter, whatever its value.",
            "Ask each array for its size, not for what is in it.",
        ),
        parts={
            "only_biases": "biases",
            "lengths": "arrays",
            "first_axes": "arrays",
            **dict.fromkeys(("two_axes", "axes_added", "one_bias", "last_missing", "returned_early", "bytes")),
        },
    ),
    *_faults(
        "evaluate",
        (
            "over_classes",
            "cross_entropy",
            _evaluated(lambda p, y, loss, accuracy: (loss / y.shape[1], accuracy)),
            "This is averaged over the classes too: sum over the classes of a sample, then take the mean over samples.",
            "A mean without an axis goes over all numbers of the matrix: divide the sum by the number of rows alone.",
        ),
        (
            "summed",
            "cross_entropy",
            _evaluated(lambda p, y, loss, accuracy: (loss * len(y), accuracy)),
            "This is the sum over the samples: take their mean.",
            "Divide by the number of rows.",
        ),
        (
            "negative",
            "cross_entropy",
            _evaluated(lambda p, y, loss, accuracy: (-loss, accuracy)),
            "The sign is wrong: the logarithm of a probability is negative, the cross-entropy is not.",
            "Put a minus before the mean.",
        ),
        (
            "log10",
            "cross_entropy",
            _evaluated(lambda p, y, loss, accuracy: (loss / np.log(10), accuracy)),
            "This takes the logarithm to base 10: the natural logarithm is asked.",
            "NumPy's function for the natural logarithm has no number in its name.",
        ),
        (
            "log2",
            "cross_entropy",
            _evaluated(lambda p, y, loss, accuracy: (loss / np.log(2), accuracy)),
            "This takes the logarithm to base 2: the natural logarithm is asked.",
            "NumPy's function for the natural logarithm has no number in its name.",
        ),
        (
            "squared",
            "cross_entropy zero",
            (_keras_loss("MeanSquaredError"), _keras_loss("MeanSquaredError", summed=True)),
            "This is the mean squared error: the cross-entropy takes the logarithm of the true class's probability.",
            "Nothing is subtracted or squared: take the logarithm of the probabilities, and keep that of the true "
            "class.",
        ),
        (
            "binary",
            "cross_entropy",
            (_keras_loss("BinaryCrossentropy", summed=True), _keras_loss("BinaryCrossentropy")),
            "This is the binary cross-entropy, which counts the other classes too: only the true class's logarithm "
            "counts.",
            "Leave the second term out, that with 1 minus the probability.",
        ),
        (
            "of_the_largest",
            "cross_entropy zero",
            _loss_of(lambda p, y: np.max(p, axis=1)),
            "This takes the largest probability of each sample: the cross-entropy takes that of the true class.",
            "Which class is the true one stands in y_onehot: let it choose the probability.",
        ),
        (
            "softmax_again",
            "cross_entropy zero",
            _loss(_softmax_again),
            "A softmax was applied to the probabilities first: they sum to 1 already.",
            "Take the logarithm of y_prob as it comes.",
        ),
        (
            "infinite",
            "zero",
            _evaluated(lambda p, y, loss, accuracy: (np.inf if np.any(p[y == 1] == 0) else loss, accuracy)),
            "The logarithm of 0 is infinite: keep the probability above a tiny positive number first.",
            "Replace every probability below, say, a billionth by that number before the logarithm.",
        ),
        (
            "not_a_number",
            "zero",
            _evaluated(_literal),
            "0 times the logarithm of 0 is not a number: keep the probabilities above a tiny positive number first.",
            "Replace every probability below, say, a billionth by that number before the logarithm. What comes after "
            "can then stay as it is.",
        ),
        (
            "clipped",
            "zero",
            tuple(
                _loss_of(lambda p, y, least=least, most=most: np.clip(_of_true_class(p, y), least, most))
                for most in (1, 1 - 1e-4, 1 - 1e-3, 1 - 1e-2)
                for least in (1e-4, 1e-3, 1e-2, 1e-1)
            ),
            "The probabilities are kept above a number that is too large: 0 for the true class must cost more than 10.",
            "Minus the logarithm of your smallest probability is what such an image costs at most: choose a smaller "
            "one.",
        ),
        (
            "shifted",
            "cross_entropy zero",
            tuple(_loss_of(lambda p, y, more=more: _of_true_class(p, y) + more) for more in (1e-3, 1e-4, 1e-2)),
            "The number that is added to the probabilities is so large that it changes the cross-entropy of all.",
            "Add a much smaller number, or let it count only where a probability is below it.",
        ),
        (
            "fraction",
            "accuracy",
            _evaluated(lambda p, y, loss, accuracy: (loss, accuracy / 100)),
            "This is a fraction from 0 to 1: return percent.",
            "Multiply the share of right answers by 100.",
        ),
        (
            "hundredfold",
            "accuracy",
            _evaluated(lambda p, y, loss, accuracy: (loss, 100 * accuracy)),
            "This is a hundred times too much: it was turned to percent twice.",
            "One of two factors of 100 has to go: percent go from 0 to 100.",
        ),
        (
            "hits",
            "accuracy",
            _evaluated(lambda p, y, loss, accuracy: (loss, accuracy * len(y) / 100)),
            "This is the number of right answers: return their share, in percent.",
            "Divide by the number of rows, and multiply by 100.",
        ),
        (
            "errors",
            "accuracy",
            _evaluated(lambda p, y, loss, accuracy: (loss, 100 - accuracy)),
            "This is the share of wrong answers: return the share of right ones.",
            "The comparison asks where the two differ: ask where they are equal.",
        ),
        (
            "argmax_axis",
            "accuracy",
            _accuracy_over_samples,
            "This looks for the largest number over the samples: each sample has its class, so look along the classes.",
            "A row is a sample. The class is where the largest number of its row stands, so the axis is the second.",
        ),
        (
            "element_by_element",
            "accuracy",
            _evaluated(lambda p, y, loss, accuracy: (loss, 100 * float(np.mean((np.asarray(p) > 0.5) == (y == 1))))),
            "This compares the matrices number by number: a sample is right where its most probable class is the true "
            "one.",
            "Find the place of the largest number in each row of both matrices, and compare these places.",
        ),
        (
            "exchanged",
            "cross_entropy zero accuracy domain",
            _evaluated(lambda p, y, loss, accuracy: (accuracy, loss)),
            "The two numbers are exchanged: the cross-entropy comes first, the accuracy second.",
            "Swap the two values behind return.",
        ),
        (
            "returned_early",
            "cross_entropy zero accuracy domain",
            _first_sample_evaluated,
            "Only the first sample counts: the function returns inside the loop, or takes one row alone.",
            "Take the return out of the loop, so that it stands as far left as the line before the loop.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("y_prob"), _COPY_FIRST.format("y_prob")),
        (
            "one_sample",
            "domain",
            _refuses(lambda y_prob, y_onehot: len(y_prob) == 1),
            "One sample alone raises an error: keep the axis of the samples, however few there are.",
            "Squeezing takes away the axis of a single sample. Name the axis that you mean in each step.",
        ),
        parts={
            "over_classes": "mean",
            "summed": "mean",
            "negative": "sign",
            "fraction": "percent",
            "hundredfold": "percent",
            "hits": "percent",
            **dict.fromkeys(("shifted", "clipped", "of_the_largest", "softmax_again", "exchanged", "returned_early")),
        },
    ),
    *_convolution_faults(
        "fast_conv2d_layer",
        {
            "no_flip": "answers domain ten thirty",
            "flip_rows": "answers domain ten thirty",
            "flip_columns": "answers domain ten thirty",
            "channels_flipped": "answers domain ten thirty",
            "kernel_transposed": "answers domain ten thirty",
            "margins_swapped": "answers domain",
            "kernel_square": "answers domain",
            "padding_one": "answers domain",
            "window_from_pixel": "answers domain ten thirty",
            "first_channel": "answers domain ten thirty",
            "last_channel": "answers domain ten thirty",
            "mean_over_channels": "answers domain ten thirty",
            "windows_in_wrong_order": "answers domain ten thirty",
            "pixels_in_wrong_order": "answers domain ten thirty",
            "returned_early": "answers domain ten thirty",
            "padded_channels": "answers domain ten thirty",
            "channels_first": "answers domain ten thirty",
            "image_square": "answers domain inputs ten thirty",
            "valid": "answers domain ten thirty",
            "full": "answers domain ten thirty",
            "border_zero": "answers domain ten thirty",
            "top_left": "answers domain ten thirty",
            "mirrored": "answers domain ten thirty",
            "reflected": "answers domain ten thirty",
            "wrapped": "answers domain ten thirty",
            "bias_missing": "answers domain ten thirty",
            "bias_per_channel": "answers domain ten thirty",
            "bias_of_first": "answers domain ten thirty",
            "bias_after": "answers domain",
            "activation_before_sum": "answers domain",
            "activation_ignored": "answers domain",
            "with_cache": "answers domain inputs ten thirty",
        },
        (
            "first_sample",
            "answers domain ten thirty",
            (_sample(slice(0, 1)), _sample(slice(-1, None))),
            "Every sample has the answer of one of them: take the first axis of x along.",
            "An index or a loop leaves one sample of the batch. All array operations need the first axis too.",
        ),
        (
            "batch_added",
            "answers domain ten thirty",
            _added_over_batch,
            "The samples are added up: each one has an answer of its own.",
            "The sum goes over the window and the input channels, not over the first axis.",
        ),
        (
            "return_of_one",
            "answers domain ten thirty",
            (lambda layer: lambda x, W, b, act: layer(x[:1], W, b, act)[0], _first_sample_alone),
            "Only the first sample was answered: the batch needs one answer for each.",
            "Take the return out of the loop over the samples, and keep the first axis in what you return.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("x"), _COPY_FIRST.format("x")),
        (
            "kernel_larger",
            "domain",
            _zeros_under_large_kernel,
            "Where the kernel is larger than the image, all is 0: with zeros around it no size needs special care.",
            "Pad by half of the kernel on each side, whatever the size of the image: each window then fits.",
        ),
    ),
)
