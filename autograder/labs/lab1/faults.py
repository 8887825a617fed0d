"""Known faults of lab 1: the Keras reference with one thing wrong.

The tests prove that each loses exactly the lines it names; a failing check compares a student's answer with them and
says which one it equals. They run where the reference runs, in a child of their own while grading, so this
module imports nothing but the reference and the rubric.
"""

from __future__ import annotations

import numpy as np

from autograder.checking.faults import Fault
from autograder.labs.lab1 import reference


def _flipped(*axes):
    return lambda layer: lambda h, W, b, act: layer(h, np.flip(W, axes), b, act)


def _kernel_transposed(layer):
    return lambda h, W, b, act: layer(h, np.swapaxes(W, 0, 1), b, act)


def _channels_swapped(layer):
    return lambda h, W, b, act: layer(h, np.swapaxes(W, 2, 3), b, act)


def _first_channel(layer):
    return lambda h, W, b, act: layer(h[:, :, :1], W[:, :, :1], b, act)


def _without_bias(layer):
    return lambda h, W, b, act: layer(h, W, np.zeros_like(b), act)


def _bias_per_channel(layer):
    return lambda h, W, b, act: layer(h, W, b * W.shape[2], act)


def _bias_after(layer):
    return lambda h, W, b, act: layer(h, W, np.zeros_like(b), act) + b


def _activation_before_sum(layer):
    def answer(h, W, b, act):
        channels = range(W.shape[2])
        return b + sum(layer(h[:, :, i : i + 1], W[:, :, i : i + 1], np.zeros_like(b), act) for i in channels)

    return answer


def _without_activation(layer):
    return lambda h, W, b, act: layer(h, W, b, "linear")


def _within(image, rows, columns):
    """Cut a border off an image or a batch."""
    return image[..., rows : image.shape[-3] - rows, columns : image.shape[-2] - columns, :]


def _valid(layer):
    return lambda h, W, b, act: _within(layer(h, W, b, act), W.shape[0] // 2, W.shape[1] // 2)


def _bordered(swapped=False, **how):
    """Put a border of another kind around the image, with the margins of rows and columns exchanged or not."""

    def fault(layer):
        def answer(h, W, b, act):
            rows, columns = W.shape[0] // 2, W.shape[1] // 2
            margins = (columns, rows) if swapped else (rows, columns)
            wide = np.pad(h, [*((margin, margin) for margin in margins), (0, 0)], **how)
            return _within(layer(wide, W, b, act), rows, columns)

        return answer

    return fault


def _refuses(inputs):
    """Raise an error where ``inputs`` says so, and answer as before everywhere else."""

    def fault(layer):
        def answer(*arguments):
            if inputs(*arguments):
                raise ValueError("operands could not be broadcast together")
            return layer(*arguments)

        return answer

    return fault


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


def _first_sample(layer):
    return lambda x, W, b, act: np.repeat(layer(x[:1], W, b, act), len(x), axis=0)


def _pooled(size, strides, kind="max_pool"):
    def answer(h):
        import keras

        image = keras.ops.convert_to_tensor(np.asarray(h, dtype="float64"))[None]
        return np.asarray(getattr(keras.ops, kind)(image, size, strides=strides, padding="valid"))[0]

    return lambda layer: answer


def _pool_odd(mode):
    """Fill an odd size up: with zeros, or with its last row or column, which gives a block of what is there."""
    return lambda layer: lambda h: layer(np.pad(h, [*((0, extent % 2) for extent in h.shape[:2]), (0, 0)], mode=mode))


def _before(change):
    """Change the image first."""
    return lambda layer: lambda h: layer(change(h))


def _after(change):
    """Change the result."""
    return lambda layer: lambda h: change(layer(h))


def _dense_transposed(layer):
    return lambda h, W, b, act: layer(h, np.transpose(W), b, act)


def _dense_broadcast(layer):
    def answer(h, W, b, act):
        matrix = layer(h, W, np.zeros_like(b), "linear")[:, 0] + b
        return reference.activation(matrix.ravel(), act).reshape(matrix.shape)

    return answer


def _dense_softmax_rows(layer):
    def answer(h, W, b, act):
        if act != "softmax":
            return layer(h, W, b, act)
        return _softmax_rows(reference.activation)(layer(h, W, b, "linear"), act)

    return answer


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


def _softmax_unnormalized(layer, x):
    right = layer(x, "softmax")
    return right / np.max(right)


def _softmax_exponentials(layer, x):
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(x)


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


def _count_lengths(layer):
    return lambda W, b: layer(*([np.zeros(1) for _ in part] for part in (W, b)))


def _count_first_axes(layer):
    return lambda W, b: layer(*([np.zeros(len(values)) for values in part] for part in (W, b)))


def _count_empty_as_one(layer):
    return lambda W, b: layer(W, b) + sum(np.size(values) == 0 for values in (*W, *b))


def _evaluated(change):
    """Answer as before with the two numbers changed."""
    return lambda layer: lambda y_prob, y_onehot: change(y_prob, y_onehot, *layer(y_prob, y_onehot))


def _squared(y_prob, y_onehot, loss, accuracy):
    import keras

    return float(np.asarray(keras.losses.MeanSquaredError(dtype="float64")(y_onehot, y_prob))), accuracy


def _accuracy_over_samples(layer):
    return lambda y_prob, y_onehot: (layer(y_prob, y_onehot)[0], layer(np.transpose(y_prob), np.transpose(y_onehot))[1])


def _faults(function, *faults, parts=()):
    """Return the faults of one function; a fault is about the line that it costs first, or what ``parts`` says."""
    parts = dict(parts)
    return [
        Fault(
            f"{function.removesuffix('_layer')}_{name}",
            frozenset(f"{function}.{key}" for key in loses.split()),
            apply,
            function=function,
            hint=hint,
            part=parts.get(name, loses.split()[0]),
        )
        for name, loses, apply, hint in faults
    ]


_CHANGES_INPUT = "Work on a copy of {}, so that the caller keeps the input."

FAULTS = (
    *_faults(
        "activation",
        (
            "relu_negative",
            "relu",
            _instead("relu", lambda layer, x: -layer(-x, "relu")),
            "This keeps the negative numbers: ReLU keeps the positive ones and turns the others to 0.",
        ),
        (
            "relu_leaky",
            "relu",
            _instead("relu", lambda layer, x: np.where(x > 0, x, 0.01 * x)),
            "This is the leaky ReLU: plain ReLU is exactly 0 for negative numbers.",
        ),
        (
            "relu_absolute",
            "relu",
            _instead("relu", lambda layer, x: np.abs(x)),
            "This is the absolute value: ReLU turns negative numbers to 0.",
        ),
        (
            "sigmoid_mirrored",
            "sigmoid",
            _instead("sigmoid", lambda layer, x: layer(-x, "sigmoid")),
            "This falls where the sigmoid rises: look at the sign in the exponent.",
        ),
        (
            "sigmoid_tanh",
            "sigmoid",
            _instead("sigmoid", lambda layer, x: np.tanh(x)),
            "This is tanh, from -1 to 1: the sigmoid goes from 0 to 1.",
        ),
        (
            "sigmoid_overflow",
            "large",
            _instead("sigmoid", _sigmoid_overflow),
            "The sigmoid overflows for large inputs: choose the form of it whose exponential cannot turn up in both "
            "numerator and denominator.",
        ),
        (
            "softmax_unnormalized",
            "softmax",
            _instead("softmax", _softmax_unnormalized),
            "These are the exponentials alone: divide by their sum, so that they add up to 1.",
        ),
        (
            "softmax_exponentials",
            "softmax large",
            _instead("softmax", _softmax_exponentials),
            "These are the exponentials of the inputs alone: divide by their sum, so that they add up to 1.",
        ),
        (
            "softmax_overflow",
            "large",
            _instead("softmax", _softmax_overflow),
            "The softmax overflows or divides by 0: it does not change when one number is taken off all inputs, "
            "so take off one that keeps the exponentials small.",
        ),
        (
            "softmax_rows",
            "softmax_column",
            _softmax_rows,
            "This is the softmax along the wrong axis: in a column every row became a softmax of its own, which is 1.",
        ),
        (
            "unknown_linear",
            "unknown",
            _unknown(lambda layer, x: x),
            "An unknown name came back as 'linear': raise a ValueError, or a typing error in a model goes unseen.",
        ),
        (
            "unknown_none",
            "unknown",
            _unknown(lambda layer, x: None),
            "For an unknown name nothing is returned: raise a ValueError, or a typing error in a model goes unseen.",
        ),
        (
            "unknown_relu",
            "unknown",
            _unknown(lambda layer, x: layer(x, "relu")),
            "An unknown name came back as 'relu': raise a ValueError, or a typing error in a model goes unseen.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("x")),
        (
            "sigmoid_clipped",
            "domain",
            _instead("sigmoid", lambda layer, x: layer(np.clip(x, -4, 4), "sigmoid")),
            "The sigmoid is cut off: all inputs beyond some size give the same. Choose a form that cannot overflow, or "
            "cut off only where the exponential would be infinite.",
        ),
        parts={"sigmoid_overflow": "large numbers", "softmax_overflow": "large numbers"},
    ),
    *_faults(
        "conv2d_layer",
        (
            "no_flip",
            "kernel",
            _flipped(0, 1),
            "This is true convolution, with the kernel turned by 180°: a layer cross-correlates. "
            "convolve2d flips by itself, so flip the kernel before.",
        ),
        (
            "flip_rows",
            "kernel",
            _flipped(0),
            "This has the kernel flipped in the vertical direction alone."
            " Flip both axes or none, as your tool needs it.",
        ),
        (
            "flip_columns",
            "kernel",
            _flipped(1),
            "This has the kernel flipped in the horizontal direction alone."
            " Flip both axes or none, as your tool needs it.",
        ),
        (
            "kernel_transposed",
            "kernel",
            _kernel_transposed,
            "This has the kernel's rows and columns exchanged: W is [R, S, C_I, C_O], rows first.",
        ),
        (
            "margins_swapped",
            "kernel",
            _bordered(swapped=True),
            "The padding of rows and columns is exchanged: the rows' padding follows from R, the columns' from S.",
        ),
        (
            "first_channel",
            "channels",
            _first_channel,
            "This uses the first input channel alone: every output channel sums over all input channels.",
        ),
        (
            "channels_swapped",
            "channels",
            _channels_swapped,
            "Input and output channels are exchanged: the third axis of W is the input channel, the fourth the output.",
        ),
        (
            "valid",
            "border",
            _valid,
            "This is 'valid': it has lost a border. Zeros around the image keep its size ('same').",
        ),
        (
            "mirrored",
            "border",
            _bordered(mode="symmetric"),
            "The border is filled with the image mirrored at its edge: it has to be filled with zeros.",
        ),
        (
            "reflected",
            "border",
            _bordered(mode="reflect"),
            "The border is filled with the image reflected about its last row: it has to be filled with zeros.",
        ),
        (
            "wrapped",
            "border",
            _bordered(mode="wrap"),
            "The border is filled from the opposite side of the image: it has to be filled with zeros.",
        ),
        (
            "bias_missing",
            "bias",
            _without_bias,
            "The bias is missing: each output channel adds its own b once.",
        ),
        (
            "bias_per_channel",
            "bias",
            _bias_per_channel,
            "The bias was added once for every input channel: add it once, after the sum over the channels.",
        ),
        (
            "bias_after",
            "activation",
            _bias_after,
            "The bias was added after the activation: it belongs inside, before the activation.",
        ),
        (
            "activation_before_sum",
            "activation",
            _activation_before_sum,
            "The activation was applied to each input channel: sum over the channels and add the bias first.",
        ),
        (
            "activation_ignored",
            "activation",
            _without_activation,
            "The activation was not applied: pass the result through your activation function before it is returned.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("h")),
        ("kernel_in_place", "inputs", _in_place(1), _CHANGES_INPUT.format("W")),
        (
            "kernel_larger",
            "domain",
            _refuses(lambda h, W, b, act: W.shape[0] > h.shape[0] or W.shape[1] > h.shape[1]),
            "A kernel larger than the image raises an error: with zeros around the image it needs no special care.",
        ),
    ),
    *_faults(
        "pool2d_layer",
        (
            "mean",
            "maximum channels odd inputs domain",
            _pooled(2, 2, "average_pool"),
            "This is the mean of each block: max pooling takes its largest number.",
        ),
        (
            "minimum",
            "maximum channels odd inputs domain",
            lambda layer: lambda h: -layer(-h),
            "This is the smallest number of each block: max pooling takes the largest.",
        ),
        (
            "from_zero",
            "maximum",
            _after(lambda result: np.maximum(result, 0)),
            "A block of negative numbers gave 0: the largest of them is negative too, so do not start from 0.",
        ),
        (
            "corner",
            "maximum channels odd inputs domain",
            _pooled(1, 2),
            "This is every second pixel, the first of each block: take the largest number of the block.",
        ),
        ("three", "maximum odd", _pooled(3, 3), "These are blocks of 3 × 3: blocks of 2 × 2 are asked."),
        (
            "stride_one",
            "maximum odd",
            _pooled(2, 1),
            "The blocks overlap, they move by one pixel (stride 1): move by two, so that height and width halve.",
        ),
        (
            "over_channels",
            "channels",
            _before(lambda h: np.max(h, axis=2, keepdims=True)),
            "The maximum was taken over the channels too: each channel is pooled by itself.",
        ),
        (
            "zeros_odd",
            "odd",
            _pool_odd("constant"),
            "An odd size was filled up with zeros, as block_reduce does: an odd last row or column is dropped.",
        ),
        (
            "keeps_odd",
            "odd",
            _pool_odd("edge"),
            "An odd last row or column made a block of its own: it is dropped, so that 7 becomes 3.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("h")),
        (
            "from_a_number",
            "domain",
            _after(lambda result: np.maximum(result, -10)),
            "The search for the largest number begins at a fixed number, and a block below it gave that one: begin "
            "with a number of the block.",
        ),
    ),
    *_faults(
        "flatten_layer",
        (
            "fortran",
            "order",
            _before(np.transpose),
            "This is Fortran order, where the row runs fastest: in C order the channel runs fastest, the row slowest.",
        ),
        (
            "channels_first",
            "order",
            _before(lambda h: np.moveaxis(h, 2, 0)),
            "This lists one channel after the other: the channels of a pixel stand together, the channel runs fastest.",
        ),
        (
            "columns_first",
            "order",
            _before(lambda h: np.swapaxes(h, 0, 1)),
            "Rows and columns are exchanged: go through the image row by row.",
        ),
        (
            "row",
            "vector",
            _after(lambda result: result[None]),
            "This is a matrix of one row: return an array with one axis.",
        ),
        (
            "column",
            "vector",
            _after(lambda result: result[:, None]),
            "This is a matrix of one column: return an array with one axis.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("h")),
        (
            "one_number",
            "domain",
            _after(np.squeeze),
            "An image of one number came back without an axis: return an array with one axis, however short.",
        ),
    ),
    *_faults(
        "dense_layer",
        (
            "transposed",
            "sum",
            _dense_transposed,
            "The weights were used transposed: W is [out, in], so row k belongs to output k.",
        ),
        (
            "bias_missing",
            "bias",
            _without_bias,
            "The bias is missing: each output adds its own b.",
        ),
        (
            "broadcast",
            "shape",
            _dense_broadcast,
            "A vector [K] plus a column [K, 1] gave a matrix [K, K]: bring the sum and b to the same shape first.",
        ),
        (
            "bias_after",
            "activation",
            _bias_after,
            "The bias was added after the activation: it belongs inside, before the activation.",
        ),
        (
            "activation_ignored",
            "activation",
            _without_activation,
            "The activation was not applied: pass the result through your activation function before it is returned.",
        ),
        (
            "softmax_rows",
            "activation",
            _dense_softmax_rows,
            "This is the softmax along the wrong axis: in a column every row became a softmax of its own, which is 1.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("h")),
        ("bias_in_place", "inputs", _in_place(2), _CHANGES_INPUT.format("b")),
        (
            "one_output",
            "domain",
            lambda layer: lambda h, W, b, act: np.squeeze(layer(h, W, b, act)),
            "A layer with one output returned a number without an axis: return [K] or [K, 1], also where K is 1.",
        ),
    ),
    *_faults(
        "count_weights",
        (
            "lengths",
            "weights biases empty domain",
            _count_lengths,
            "This counts the arrays in the lists: count the numbers in every array.",
        ),
        (
            "first_axes",
            "weights biases",
            _count_first_axes,
            "This adds the lengths of the first axes: an array holds as many numbers as the product of all its axes.",
        ),
        (
            "no_biases",
            "biases",
            lambda layer: lambda W, b: layer(W, []),
            "The biases are not counted: they are trained as well, so they are parameters.",
        ),
        (
            "only_biases",
            "weights",
            lambda layer: lambda W, b: layer([], b),
            "Only the biases are counted: the weights are parameters too.",
        ),
        (
            "empty_as_one",
            "empty",
            _count_empty_as_one,
            "A layer without weights counted as one parameter for each empty array: it has none.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("the list W")),
        (
            "zeros",
            "domain",
            lambda layer: lambda W, b: sum(np.count_nonzero(values) for values in (*W, *b)),
            "Weights that are 0 were left out: every number in an array is a parameter, whatever its value.",
        ),
        parts={"only_biases": "biases", "lengths": "arrays", "first_axes": "arrays"},
    ),
    *_faults(
        "evaluate",
        (
            "over_classes",
            "cross_entropy",
            _evaluated(lambda p, y, loss, accuracy: (loss / y.shape[1], accuracy)),
            "This is averaged over the classes too: sum over the classes of a sample, then take the mean over samples.",
        ),
        (
            "summed",
            "cross_entropy",
            _evaluated(lambda p, y, loss, accuracy: (loss * len(y), accuracy)),
            "This is the sum over the samples: take their mean.",
        ),
        (
            "negative",
            "cross_entropy",
            _evaluated(lambda p, y, loss, accuracy: (-loss, accuracy)),
            "The sign is wrong: the logarithm of a probability is negative, the cross-entropy is not.",
        ),
        (
            "log10",
            "cross_entropy",
            _evaluated(lambda p, y, loss, accuracy: (loss / np.log(10), accuracy)),
            "This takes the logarithm to base 10: the natural logarithm is asked.",
        ),
        (
            "log2",
            "cross_entropy",
            _evaluated(lambda p, y, loss, accuracy: (loss / np.log(2), accuracy)),
            "This takes the logarithm to base 2: the natural logarithm is asked.",
        ),
        (
            "squared",
            "cross_entropy zero",
            _evaluated(_squared),
            "This is the mean squared error: the cross-entropy takes the logarithm of the true class's probability.",
        ),
        (
            "infinite",
            "zero",
            _evaluated(lambda p, y, loss, accuracy: (np.inf if np.any(p[y == 1] == 0) else loss, accuracy)),
            "The logarithm of 0 is infinite: keep the probability above a tiny positive number first.",
        ),
        (
            "not_a_number",
            "zero",
            _evaluated(lambda p, y, loss, accuracy: (np.nan if np.any(p == 0) else loss, accuracy)),
            "0 times the logarithm of 0 is not a number: keep the probabilities above a tiny positive number first.",
        ),
        (
            "fraction",
            "accuracy",
            _evaluated(lambda p, y, loss, accuracy: (loss, accuracy / 100)),
            "This is a fraction from 0 to 1: return percent.",
        ),
        (
            "errors",
            "accuracy",
            _evaluated(lambda p, y, loss, accuracy: (loss, 100 - accuracy)),
            "This is the share of wrong answers: return the share of right ones.",
        ),
        (
            "argmax_axis",
            "accuracy",
            _accuracy_over_samples,
            "This looks for the largest number over the samples: each sample has its class, so look along the classes.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("y_prob")),
        (
            "one_sample",
            "domain",
            _refuses(lambda y_prob, y_onehot: len(y_prob) == 1),
            "One sample alone raises an error: keep the axis of the samples, however few there are.",
        ),
        parts={"over_classes": "mean", "summed": "mean", "negative": "sign", "fraction": "percent"},
    ),
    *_faults(
        "fast_conv2d_layer",
        (
            "no_flip",
            "answers domain ten thirty",
            _flipped(0, 1),
            "This is true convolution, with the kernel turned by 180°: a layer cross-correlates.",
        ),
        (
            "valid",
            "answers domain ten thirty",
            _valid,
            "This is 'valid': it has lost a border. Zeros around the images keep their size ('same').",
        ),
        (
            "first_sample",
            "answers domain ten thirty",
            _first_sample,
            "Every sample has the answer of the first: take the first axis of x along.",
        ),
        (
            "bias_missing",
            "answers domain ten thirty",
            _without_bias,
            "The bias is missing: each output channel adds its own b once.",
        ),
        (
            "bias_after",
            "answers domain",
            _bias_after,
            "The bias was added after the activation: it belongs inside, before the activation.",
        ),
        (
            "activation_ignored",
            "answers domain",
            _without_activation,
            "The activation was not applied: pass the result through your activation function before it is returned.",
        ),
        ("in_place", "inputs", _in_place(), _CHANGES_INPUT.format("x")),
        (
            "kernel_larger",
            "domain",
            _refuses(lambda x, W, b, act: W.shape[0] > x.shape[1] or W.shape[1] > x.shape[2]),
            "A kernel larger than the images raises an error: with zeros around them it needs no special care.",
        ),
        parts={
            "no_flip": "kernel",
            "valid": "border",
            "first_sample": "batch",
            "bias_missing": "bias",
            "bias_after": "bias",
            "activation_ignored": "activation",
        },
    ),
)
