"""Known faults of lab 1: the Keras reference with one thing wrong.

The tests prove that each loses exactly the lines it names; a failing check compares a student's answer with them and
says which one it equals. They run where the reference runs, in a child of their own while grading, so this
module imports nothing but the reference and the rubric.
"""

from __future__ import annotations

import numpy as np

from autograder import reference
from autograder.rubric import Mutant


def _flipped(*axes):
    return lambda h, W, b, act: reference.conv2d_layer(h, np.flip(W, axes), b, act)


def _kernel_transposed(h, W, b, act):
    return reference.conv2d_layer(h, np.swapaxes(W, 0, 1), b, act)


def _channels_swapped(h, W, b, act):
    return reference.conv2d_layer(h, np.swapaxes(W, 2, 3), b, act)


def _first_channel(h, W, b, act):
    return reference.conv2d_layer(h[:, :, :1], W[:, :, :1], b, act)


def _without_bias(layer):
    return lambda h, W, b, act: layer(h, W, np.zeros_like(b), act)


def _bias_per_channel(h, W, b, act):
    return reference.conv2d_layer(h, W, b * W.shape[2], act)


def _bias_after(layer):
    return lambda h, W, b, act: layer(h, W, np.zeros_like(b), act) + b


def _activation_before_sum(h, W, b, act):
    channels = range(W.shape[2])
    return b + sum(
        reference.conv2d_layer(h[:, :, i : i + 1], W[:, :, i : i + 1], np.zeros_like(b), act) for i in channels
    )


def _without_activation(layer):
    return lambda h, W, b, act: layer(h, W, b, "linear")


def _valid(layer):
    return lambda h, W, b, act: layer(h, W, b, act, "valid")


def _bordered(mode):
    def answer(h, W, b, act):
        rows, columns = W.shape[0] // 2, W.shape[1] // 2
        wide = np.pad(h, ((rows, rows), (columns, columns), (0, 0)), mode=mode)
        return reference.conv2d_layer(wide, W, b, act, "valid")

    return answer


def _margins_swapped(h, W, b, act):
    rows, columns = W.shape[0] // 2, W.shape[1] // 2
    wide = np.pad(h, ((columns, columns), (rows, rows), (0, 0)))
    return reference.conv2d_layer(wide, W, b, act, "valid")


def _in_place(layer, position=0):
    """Answer right, and leave one argument changed behind."""

    def answer(*arguments):
        result = layer(*arguments)
        if isinstance(arguments[position], list):
            arguments[position].pop()
        else:
            arguments[position][...] = 0
        return result

    return answer


def _batch_flipped(x, W, b, act):
    return reference.fast_conv2d_layer(x, np.flip(W, (0, 1)), b, act)


def _first_sample(x, W, b, act):
    return np.repeat(reference.fast_conv2d_layer(x[:1], W, b, act), len(x), axis=0)


def _pooled(h, size, strides, padding="valid", kind="max_pool"):
    import keras

    image = keras.ops.convert_to_tensor(np.asarray(h, dtype="float64"))[None]
    return np.asarray(getattr(keras.ops, kind)(image, size, strides=strides, padding=padding))[0]


def _pool_zeros(h):
    odd = [(0, extent % 2) for extent in h.shape[:2]]
    return reference.pool2d_layer(np.pad(h, [*odd, (0, 0)]))


def _pool_over_channels(h):
    return reference.pool2d_layer(np.max(h, axis=2, keepdims=True))


def _dense_transposed(h, W, b, act):
    return reference.dense_layer(h, np.transpose(W), b, act)


def _dense_broadcast(h, W, b, act):
    matrix = reference.dense_layer(h, W, np.zeros_like(b), "linear")[:, 0] + b
    return reference.activation(matrix.ravel(), act).reshape(matrix.shape)


def _dense_softmax_rows(h, W, b, act):
    if act != "softmax":
        return reference.dense_layer(h, W, b, act)
    return _softmax_rows(reference.dense_layer(h, W, b, "linear"), act)


def _softmax_rows(x, activation):
    import keras

    if activation != "softmax":
        return reference.activation(x, activation)
    return np.asarray(keras.activations.softmax(keras.ops.convert_to_tensor(np.atleast_2d(x)), axis=-1)).reshape(
        x.shape
    )


def _instead(name, other):
    """Answer ``name`` with ``other`` and everything else right."""

    def answer(x, activation):
        return other(np.asarray(x, dtype="float64")) if activation == name else reference.activation(x, activation)

    return answer


def _sigmoid_overflow(x):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.exp(x) < np.inf, reference.activation(x, "sigmoid"), np.nan)


def _softmax_overflow(x):
    with np.errstate(over="ignore", under="ignore"):
        total = np.sum(np.exp(x))
    return reference.activation(x, "softmax") if 0 < total < np.inf else np.full_like(x, np.nan)


def _softmax_unnormalized(x):
    right = reference.activation(x, "softmax")
    return right / np.max(right)


def _unknown(other):
    def answer(x, activation):
        try:
            return reference.activation(x, activation)
        except ValueError:
            return other(x)

    return answer


def _count_lengths(W, b):
    return len(W) + len(b)


def _count_first_axes(W, b):
    W, b = ([np.zeros(len(values)) for values in part] for part in (W, b))
    return reference.count_weights(W, b)


def _count_without_biases(W, b):
    return reference.count_weights(W, [])


def _count_biases_only(W, b):
    return reference.count_weights([], b)


def _count_empty_as_one(W, b):
    return reference.count_weights(W, b) + sum(np.size(values) == 0 for values in (*W, *b))


def _evaluated(change):
    """Answer as the reference with its two numbers changed."""

    def answer(y_prob, y_onehot):
        return change(y_prob, y_onehot, *reference.evaluate(y_prob, y_onehot))

    return answer


def _evaluate_squared(y_prob, y_onehot):
    import keras

    loss = keras.losses.MeanSquaredError(dtype="float64")(y_onehot, y_prob)
    return float(np.asarray(loss)), reference.evaluate(y_prob, y_onehot)[1]


def _evaluate_infinite(y_prob, y_onehot):
    loss, accuracy = reference.evaluate(y_prob, y_onehot)
    return (np.inf if np.any(y_prob[y_onehot == 1] == 0) else loss), accuracy


def _evaluate_not_a_number(y_prob, y_onehot):
    loss, accuracy = reference.evaluate(y_prob, y_onehot)
    return (np.nan if np.any(y_prob == 0) else loss), accuracy


def _accuracy_over_samples(y_prob, y_onehot):
    loss, _ = reference.evaluate(y_prob, y_onehot)
    return loss, reference.evaluate(np.transpose(y_prob), np.transpose(y_onehot))[1]


def _mutants(function, *faults):
    return [
        Mutant(f"{function.removesuffix('_layer')}_{name}", function, answer, frozenset(loses.split()), hint)
        for name, loses, answer, hint in faults
    ]


_CHANGES_INPUT = "The answer is right, but {} changed by the call. Work on a copy, so that the caller keeps the input."

MUTANTS = (
    *_mutants(
        "activation",
        (
            "relu_negative",
            "relu",
            _instead("relu", lambda x: -reference.activation(-x, "relu")),
            "This keeps the negative numbers: ReLU keeps the positive ones and turns the others to 0.",
        ),
        (
            "relu_leaky",
            "relu",
            _instead("relu", lambda x: np.where(x > 0, x, 0.01 * x)),
            "This is the leaky ReLU: plain ReLU is exactly 0 for negative numbers.",
        ),
        (
            "relu_absolute",
            "relu",
            _instead("relu", np.abs),
            "This is the absolute value: ReLU turns negative numbers to 0.",
        ),
        (
            "sigmoid_mirrored",
            "sigmoid",
            _instead("sigmoid", lambda x: reference.activation(-x, "sigmoid")),
            "This falls where the sigmoid rises: look at the sign in the exponent.",
        ),
        (
            "sigmoid_tanh",
            "sigmoid",
            _instead("sigmoid", np.tanh),
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
            _unknown(lambda x: x),
            "An unknown name came back as 'linear': raise a ValueError, or a typing error in a model goes unseen.",
        ),
        (
            "unknown_none",
            "unknown",
            _unknown(lambda x: None),
            "For an unknown name nothing is returned: raise a ValueError, or a typing error in a model goes unseen.",
        ),
        (
            "unknown_relu",
            "unknown",
            _unknown(lambda x: reference.activation(x, "relu")),
            "An unknown name came back as 'relu': raise a ValueError, or a typing error in a model goes unseen.",
        ),
        ("in_place", "inputs", _in_place(reference.activation), _CHANGES_INPUT.format("x was")),
    ),
    *_mutants(
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
            _margins_swapped,
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
            _valid(reference.conv2d_layer),
            "This is 'valid': it has lost a border. Zeros around the image keep its size ('same').",
        ),
        (
            "mirrored",
            "border",
            _bordered("symmetric"),
            "The border is filled with the image mirrored at its edge: it has to be filled with zeros.",
        ),
        (
            "reflected",
            "border",
            _bordered("reflect"),
            "The border is filled with the image reflected about its last row: it has to be filled with zeros.",
        ),
        (
            "wrapped",
            "border",
            _bordered("wrap"),
            "The border is filled from the opposite side of the image: it has to be filled with zeros.",
        ),
        (
            "bias_missing",
            "bias",
            _without_bias(reference.conv2d_layer),
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
            _bias_after(reference.conv2d_layer),
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
            _without_activation(reference.conv2d_layer),
            "The activation was not applied: pass the result through your activation function before it is returned.",
        ),
        ("in_place", "inputs", _in_place(reference.conv2d_layer), _CHANGES_INPUT.format("h was")),
        ("kernel_in_place", "inputs", _in_place(reference.conv2d_layer, 1), _CHANGES_INPUT.format("W was")),
    ),
    *_mutants(
        "pool2d_layer",
        (
            "mean",
            "maximum",
            lambda h: _pooled(h, 2, 2, kind="average_pool"),
            "This is the mean of each block: max pooling takes its largest number.",
        ),
        (
            "minimum",
            "maximum",
            lambda h: -reference.pool2d_layer(-h),
            "This is the smallest number of each block: max pooling takes the largest.",
        ),
        (
            "from_zero",
            "maximum",
            lambda h: np.maximum(reference.pool2d_layer(h), 0),
            "A block of negative numbers gave 0: the largest of them is negative too, so do not start from 0.",
        ),
        (
            "corner",
            "maximum odd",
            lambda h: _pooled(h, 1, 2),
            "This is every second pixel, the first of each block: take the largest number of the block.",
        ),
        ("three", "maximum odd", lambda h: _pooled(h, 3, 3), "These are blocks of 3 × 3: blocks of 2 × 2 are asked."),
        (
            "stride_one",
            "maximum odd",
            lambda h: _pooled(h, 2, 1),
            "The blocks overlap, they move by one pixel (stride 1): move by two, so that height and width halve.",
        ),
        (
            "over_channels",
            "channels",
            _pool_over_channels,
            "The maximum was taken over the channels too: each channel is pooled by itself.",
        ),
        (
            "zeros_odd",
            "odd",
            _pool_zeros,
            "An odd size was filled up with zeros, as block_reduce does: an odd last row or column is dropped.",
        ),
        (
            "keeps_odd",
            "odd",
            lambda h: _pooled(h, 2, 2, padding="same"),
            "An odd last row or column made a block of its own: it is dropped, so that 7 becomes 3.",
        ),
        ("in_place", "inputs", _in_place(reference.pool2d_layer), _CHANGES_INPUT.format("h was")),
    ),
    *_mutants(
        "flatten_layer",
        (
            "fortran",
            "order",
            lambda h: reference.flatten_layer(np.transpose(h)),
            "This is Fortran order, where the row runs fastest: in C order the channel runs fastest, the row slowest.",
        ),
        (
            "channels_first",
            "order",
            lambda h: reference.flatten_layer(np.moveaxis(h, 2, 0)),
            "This lists one channel after the other: the channels of a pixel stand together, the channel runs fastest.",
        ),
        (
            "columns_first",
            "order",
            lambda h: reference.flatten_layer(np.swapaxes(h, 0, 1)),
            "Rows and columns are exchanged: go through the image row by row.",
        ),
        (
            "row",
            "vector",
            lambda h: reference.flatten_layer(h)[None],
            "This is a matrix of one row: return an array with one axis.",
        ),
        (
            "column",
            "vector",
            lambda h: reference.flatten_layer(h)[:, None],
            "This is a matrix of one column: return an array with one axis.",
        ),
        ("in_place", "inputs", _in_place(reference.flatten_layer), _CHANGES_INPUT.format("h was")),
    ),
    *_mutants(
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
            _without_bias(reference.dense_layer),
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
            _bias_after(reference.dense_layer),
            "The bias was added after the activation: it belongs inside, before the activation.",
        ),
        (
            "activation_ignored",
            "activation",
            _without_activation(reference.dense_layer),
            "The activation was not applied: pass the result through your activation function before it is returned.",
        ),
        (
            "softmax_rows",
            "activation",
            _dense_softmax_rows,
            "This is the softmax along the wrong axis: in a column every row became a softmax of its own, which is 1.",
        ),
        ("in_place", "inputs", _in_place(reference.dense_layer), _CHANGES_INPUT.format("h was")),
        ("bias_in_place", "inputs", _in_place(reference.dense_layer, 2), _CHANGES_INPUT.format("b was")),
    ),
    *_mutants(
        "count_weights",
        (
            "lengths",
            "weights biases empty",
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
            _count_without_biases,
            "The biases are not counted: they are trained as well, so they are parameters.",
        ),
        ("only_biases", "weights", _count_biases_only, "Only the biases are counted: the weights are parameters too."),
        (
            "empty_as_one",
            "empty",
            _count_empty_as_one,
            "A layer without weights counted as one parameter for each empty array: it has none.",
        ),
        ("in_place", "inputs", _in_place(reference.count_weights), _CHANGES_INPUT.format("the list W was")),
    ),
    *_mutants(
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
            _evaluate_squared,
            "This is the mean squared error: the cross-entropy takes the logarithm of the true class's probability.",
        ),
        (
            "infinite",
            "zero",
            _evaluate_infinite,
            "The logarithm of 0 is infinite: keep the probability above a tiny positive number first.",
        ),
        (
            "not_a_number",
            "zero",
            _evaluate_not_a_number,
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
        ("in_place", "inputs", _in_place(reference.evaluate), _CHANGES_INPUT.format("y_prob was")),
    ),
    *_mutants(
        "fast_conv2d_layer",
        (
            "no_flip",
            "answers ten thirty",
            _batch_flipped,
            "This is true convolution, with the kernel turned by 180°: a layer cross-correlates.",
        ),
        (
            "valid",
            "answers ten thirty",
            _valid(reference.fast_conv2d_layer),
            "This is 'valid': it has lost a border. Zeros around the images keep their size ('same').",
        ),
        (
            "first_sample",
            "answers ten thirty",
            _first_sample,
            "Every sample has the answer of the first: take the first axis of x along.",
        ),
        (
            "bias_missing",
            "answers ten thirty",
            _without_bias(reference.fast_conv2d_layer),
            "The bias is missing: each output channel adds its own b once.",
        ),
        (
            "bias_after",
            "answers",
            _bias_after(reference.fast_conv2d_layer),
            "The bias was added after the activation: it belongs inside, before the activation.",
        ),
        (
            "activation_ignored",
            "answers",
            _without_activation(reference.fast_conv2d_layer),
            "The activation was not applied: pass the result through your activation function before it is returned.",
        ),
        ("in_place", "inputs", _in_place(reference.fast_conv2d_layer), _CHANGES_INPUT.format("x was")),
    ),
)

_ANSWERS = {mutant.id: mutant.answer for mutant in MUTANTS}


def mutant(id, *arguments):
    """Answer as the known fault ``id`` does.

    Parameters
    ----------
    id : str
        The fault's `Mutant.id`.
    *arguments
        What its function is called with.

    Returns
    -------
    array, number or tuple
        What a function with this fault returns.

    Raises
    ------
    KeyError
        If there is no such fault.
    """
    return _ANSWERS[id](*arguments)
