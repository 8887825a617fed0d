"""Known faults of lab 8: right gradients with one thing wrong.

The tests prove that each loses exactly the lines it names; a failing check compares a student's answer with them and
says which one it equals. They run where the reference runs, in a child of their own while grading, so this module
imports nothing but the reference and the rubric. Where an answer is several arrays, it is packed, as the reference has
it.
"""

from __future__ import annotations

import math

import numpy as np

from autograder.checking.faults import Fault
from autograder.labs.lab8.reference import pack

_KEYS = {
    "relu": "relu_backward",
    "sigmoid": "sigmoid_backward",
    "scores": "softmax_cross_entropy_backward",
    "dense": "dense_backward",
    "pool": "pool2d_backward",
    "conv": "conv2d_backward",
    "norm": "batch_norm_backward",
    "check": "gradient_check",
    "train": "train_network",
}


def _fault(id, keys, apply, hint="", second="", part="", forms=()):
    """Return a fault of the function that its id begins with; ``keys`` are those of its lines, in one text."""
    function = _KEYS[id.partition("_")[0]]
    loses = frozenset(f"{function}.{key}" for key in keys.split())
    return Fault(id, loses, apply, function=function, hint=hint, second_hint=second, part=part, forms=forms)


def _instead(answer):
    """Answer with another function of the same arguments."""
    return lambda right: answer


def _changed(change):
    """Change the right answer; ``change`` takes it and the arguments."""
    return lambda right: lambda *arguments: change(np.array(right(*arguments)), *arguments)


def _in_place(change):
    """Answer right, and change an argument afterward."""

    def fault(right):
        def answer(*arguments):
            value = np.array(right(*arguments))
            change(*arguments)
            return value

        return answer

    return fault


def _refuses(inputs):
    """Raise an error where ``inputs`` says so, and answer as before everywhere else."""

    def fault(right):
        def answer(*arguments):
            if inputs(*arguments):
                raise ValueError("operands could not be broadcast together")
            return right(*arguments)

        return answer

    return fault


# Activations.


def _slope(da, z):
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(z, dtype="float64")))


def _masked_in_place(da, z):
    da[z <= 0] = 0


def _multiplied_in_place(da, z):
    da *= np.asarray(_slope(da, z), dtype=da.dtype) / 2


_ACTIVATIONS = (
    _fault(
        "relu_mask_of_gradient",
        "mask domain",
        _instead(lambda da, z: da * (da > 0)),
        "The mask is made of da, the gradient that comes in, and not of z, the input of the ReLU.",
        "Whether a number passed forward was decided by z. Compare z with 0, and keep da there, whatever its sign.",
    ),
    _fault(
        "relu_passes_everything",
        "mask inputs domain",
        _instead(lambda da, z: 1.0 * da),
        "The gradient passes everywhere, also where the ReLU returned 0.",
        "Where z is negative, a small change of z changes nothing, so the gradient is 0.",
    ),
    _fault(
        "relu_slope_alone",
        "mask inputs domain",
        _instead(lambda da, z: 1.0 * (z > 0)),
        "This is the slope of the ReLU alone. By the chain rule it is multiplied by the gradient that comes in.",
        "Multiply da by the slopes, number by number.",
    ),
    _fault(
        "relu_forward",
        "mask inputs domain",
        _instead(lambda da, z: np.maximum(z, 0.0)),
        "This is the ReLU itself, the way forward. The answer is made of da.",
        "Keep da where z is positive, and put 0 elsewhere.",
    ),
    _fault(
        "relu_times_value",
        "mask domain",
        _instead(lambda da, z: da * np.maximum(z, 0.0)),
        "The gradient is multiplied by the value of the ReLU, not by its slope.",
        "The slope is 1 or 0: what passes, passes as it is.",
    ),
    _fault(
        "relu_mask_turned",
        "mask domain",
        _instead(lambda da, z: da * (z < 0)),
        "The gradient passes where z is negative, which is the other way around.",
        "Look at which side of 0 the ReLU is flat.",
    ),
    _fault(
        "relu_passes_at_zero",
        "domain",
        _instead(lambda da, z: da * (z >= 0)),
        "The gradient passes where z is exactly 0. The text says that the slope there is 0.",
        "Look at the comparison: what does it say of 0 itself?",
    ),
    _fault(
        "relu_in_place",
        "inputs",
        _in_place(_masked_in_place),
        "The gradient that comes in is set to 0 in place, so whoever called the function has lost it.",
        "Look for what writes into da. Make a new array instead.",
    ),
    _fault(
        "sigmoid_of_value",
        "slope domain",
        _instead(lambda da, z: da * _slope(da, z)),
        "The gradient is multiplied by the value of the sigmoid, not by its slope.",
        "The slope is the value times one less the value.",
    ),
    _fault(
        "sigmoid_input_for_value",
        "slope domain",
        _instead(lambda da, z: da * z * (1 - z)),
        "The formula of the slope is used with z itself, and it holds for the value of the sigmoid.",
        "Compute the sigmoid of z first, and put that into the formula.",
    ),
    _fault(
        "sigmoid_slope_alone",
        "slope inputs domain",
        _instead(lambda da, z: _slope(da, z) * (1 - _slope(da, z))),
        "This is the slope alone. By the chain rule it is multiplied by the gradient that comes in.",
        "Multiply da by the slopes, number by number.",
    ),
    _fault(
        "sigmoid_plus",
        "slope domain",
        _instead(lambda da, z: da * _slope(da, z) * (1 + _slope(da, z))),
        "The value is multiplied by one plus the value; the slope of a sigmoid is never more than a quarter.",
        "Check the sign in the second factor.",
    ),
    _fault(
        "sigmoid_of_gradient",
        "slope domain",
        _instead(lambda da, z: z * _slope(z, da) * (1 - _slope(z, da))),
        "The two arguments are exchanged: the slope is taken at da.",
        "The slope is that at z, and da is what it is multiplied by.",
    ),
    _fault(
        "sigmoid_in_place",
        "inputs",
        _in_place(_multiplied_in_place),
        "The gradient that comes in is multiplied in place, so whoever called the function has lost it.",
        "Look for what writes into da. Make a new array instead.",
    ),
)


# Softmax and cross-entropy.


def _probabilities(right, z):
    """Return what softmax makes of each row of scores."""
    z = np.asarray(z, dtype="float64")
    return np.asarray(right(z, np.zeros_like(z))) * len(z)


def _over_samples(right):
    return lambda z, t: (_probabilities(right, z.T).T - t) / len(z)


def _over_all(right):
    return lambda z, t: (_probabilities(right, z.reshape(1, -1)).reshape(z.shape) - t) / len(z)


def _overflowing(right):
    return lambda z, t: np.where(np.abs(z) > 700, np.nan, right(z, t))


def _scores_in_place(z, t):
    z -= z.max(axis=1, keepdims=True) + 1


def _without_chain_rule(right):
    return lambda z, t: -t / np.maximum(_probabilities(right, z), 1e-12) / len(z)


def _underflowing(lost):
    """Have no numbers in some samples; ``lost`` takes scores and classes, and says in which."""

    def fault(right):
        def answer(z, t):
            value = np.array(right(z, t))
            value[lost(z, t)] = np.nan
            return value

        return answer

    return fault


def _powers(z):
    """Return powers of scores, in the precision of the scores; the largest of each sample is 1."""
    return np.exp(z - z.max(axis=1, keepdims=True))


_SCORES = (
    _fault(
        "scores_sum",
        "mean",
        _changed(lambda value, z, t: value * len(z)),
        "This is the gradient of the sum over the samples. The loss is their mean.",
        "Divide by the number of samples, once.",
        "mean",
    ),
    _fault(
        "scores_mean_over_all",
        "difference",
        _changed(lambda value, z, t: value / z.shape[1]),
        "The gradient is divided by the number of classes as well. The loss is a mean over the samples alone.",
        "Divide by the number of rows, not by the number of all entries.",
        "mean",
    ),
    _fault(
        "scores_sign",
        "difference",
        _changed(lambda value, z, t: -value),
        "The sign is the opposite one: a step against this gradient makes the loss larger.",
        "More score for the true class makes the loss smaller. Which sign has its gradient?",
        "sign",
    ),
    _fault(
        "scores_without_softmax",
        "difference large",
        _instead(lambda z, t: (z - t) / len(z)),
        "The scores themselves are compared with the truth. Softmax makes probabilities of them first.",
        "Compute the probabilities of each row, and take those.",
    ),
    _fault(
        "scores_true_class_alone",
        "difference",
        _changed(lambda value, z, t: value * (t > 0)),
        "Only the score of the true class gets a gradient. The others have a part in softmax too.",
        "Work the gradient of one wrong class out: how does its score change the probability of the true one?",
    ),
    _fault(
        "scores_cross_entropy_alone",
        "difference",
        _without_chain_rule,
        "This is the gradient by the probabilities. It goes on through softmax to the scores.",
        "Put both steps together on paper: nearly everything cancels.",
    ),
    _fault(
        "scores_softmax_over_samples",
        "difference mean",
        _over_samples,
        "Softmax runs over the samples. It runs over the classes of each sample.",
        "Look at the axis of the sum: the probabilities of each row add up to 1.",
    ),
    _fault(
        "scores_softmax_over_all",
        "mean",
        _over_all,
        "Softmax runs over all scores of the batch at once. It runs over the classes of each sample.",
        "Sum the powers along the axis of the classes, and keep that axis for the division.",
    ),
    _fault(
        "scores_overflow",
        "large",
        _overflowing,
        "The powers of large scores overflow.",
        "Softmax stays the same when one number is taken off all scores of a row. Which one makes all powers safe?",
    ),
    _fault(
        "scores_largest_of_all",
        "domain",
        _underflowing(lambda z, t: np.exp(z.max(axis=1) - z.max()) == 0),
        "The largest score of the whole batch is taken off, and a sample far below it has nothing but powers of 0.",
        "Take the largest score of each sample off, along the axis of the classes.",
    ),
    _fault(
        "scores_in_two_steps",
        "domain",
        _underflowing(lambda z, t: (_powers(z) == 0).any(axis=1)),
        "It divides by a probability that is 0 where the scores are far apart.",
        "Put the two steps together on paper first: the division cancels, and what is left never divides by p.",
        forms=(_underflowing(lambda z, t: ((_powers(z) == 0) & (t > 0)).any(axis=1)),),
    ),
    _fault(
        "scores_in_place",
        "inputs",
        _in_place(_scores_in_place),
        "The scores are changed in place while softmax is computed.",
        "Look for what writes into z. Make a new array instead.",
    ),
)


# Layers of which three gradients are asked: those by h, by W and by b.


def _three(packed, h, W):
    """Return the three gradients that are packed."""
    outputs = W.shape[0 if W.ndim == 2 else -1]
    dh, dW, db = np.split(np.asarray(packed, dtype="float64"), [h.size, h.size + W.size])
    return dh.reshape(h.shape), dW.reshape(W.shape), db.reshape(outputs)


def _part(number, change):
    """Change one of the three gradients; ``change`` takes it, what is right, and the arguments.

    One of another shape cannot be packed: then all three are returned as they are.
    """

    def fault(right):
        def answer(dz, h, W):
            parts = list(_three(right(dz, h, W), h, W))
            new = change(parts[number], lambda *one: _three(right(*one), one[1], one[2])[number], dz, h, W)
            fits, parts[number] = np.shape(new) == parts[number].shape, new
            return pack(*parts) if fits else tuple(parts)

        return answer

    return fault


def _square(values, *axes):
    """Exchange two axes; stop where these are not of the same length."""
    if len({values.shape[axis] for axis in axes}) > 1:
        raise ValueError("the shapes do not fit")
    return np.swapaxes(values, *axes)


def _gradient_in_place(dz, h, W):
    dz *= 0.5


def _weights_in_place(dz, h, W):
    W[...] = np.flip(W, (0, 1)) + 1


def _first_two_exchanged(right):
    def answer(dz, h, W):
        dh, dW, db = _three(right(dz, h, W), h, W)
        return pack(dW, dh, db) if dh.shape == dW.shape else (dW, dh, db)

    return answer


def _other_way_round(part, right, dz, h, W):
    """Return the product of W and dz, which goes together where there are as many samples as inputs."""
    if len(dz) != W.shape[1]:
        raise ValueError("the shapes do not fit")
    return right(dz.T, np.zeros((len(W), len(W))), W.T).T


_DENSE = (
    _fault(
        "dense_dh_not_transposed",
        "dh",
        _part(0, lambda part, right, dz, h, W: right(dz, h, _square(W, 0, 1))),
        "dh is made with W the other way around than the forward pass.",
        "The forward pass multiplies by W transposed. dh has a number for each input: which product has that shape?",
        "dh",
    ),
    _fault(
        "dense_dh_factors_exchanged",
        "dh",
        _part(0, _other_way_round),
        "dh is the product of W and dz. The order of the two counts, and dz comes first.",
        "Write the shapes down: dz is [N, K], W is [K, I], and dh is [N, I].",
        "dh",
    ),
    _fault(
        "dense_exchanged",
        "dh dW",
        _first_two_exchanged,
        "dh and dW come in the wrong order.",
        "Return dh, dW and db.",
    ),
    _fault(
        "dense_dh_mean",
        "dh",
        _part(0, lambda part, right, dz, h, W: part / len(h)),
        "dh is divided by the number of samples. The loss has done that already.",
        "Each sample has its own row of dh, so nothing is averaged there.",
        "dh",
    ),
    _fault(
        "dense_dh_summed",
        "dh",
        _part(0, lambda part, right, dz, h, W: np.broadcast_to(part.sum(axis=0), part.shape)),
        "dh is added up over the batch. Each sample has inputs of its own, and a row of its own.",
        "Only weights and biases are shared by the samples, so only their gradients are sums over the batch.",
        "dh",
    ),
    _fault(
        "dense_dW_transposed",
        "dW",
        _part(1, lambda part, right, dz, h, W: np.swapaxes(part, 0, 1)),
        "dW is transposed. It has the shape of W, [K, I].",
        "dW[k, i] is a sum of products of dz[n, k] and h[n, i]. Which product of matrices has k first?",
        "dW",
    ),
    _fault(
        "dense_dW_mean",
        "dW",
        _part(1, lambda part, right, dz, h, W: part / len(h)),
        "dW is divided by the number of samples. The gradient that comes in holds that factor already.",
        "Add up over the batch, and take no mean: the 1/N is that of the loss.",
        "dW",
    ),
    _fault(
        "dense_dW_of_one_sample",
        "dW",
        _part(1, lambda part, right, dz, h, W: right(dz[-1:], h[-1:], W)),
        "dW is that of the last sample alone. The loop overwrites what the others gave.",
        "Begin with zeros, and add the part of each sample.",
        "dW",
    ),
    _fault(
        "dense_dW_of_signs",
        "dW",
        _part(1, lambda part, right, dz, h, W: right(dz, (h > 0).astype("float64"), W)),
        "dW is made of where the inputs are positive, not of the inputs.",
        "The derivative of a product by one factor is the other one, with its size.",
        "dW",
    ),
    _fault(
        "dense_db_mean",
        "db",
        _part(2, lambda part, right, dz, h, W: part / len(h)),
        "db is the mean over the batch. It is the sum: the gradient that comes in holds the 1/N already.",
        "Every sample uses the same bias, and each adds its part.",
        "db",
    ),
    _fault(
        "dense_db_over_outputs",
        "db",
        _part(2, lambda part, right, dz, h, W: dz.sum(axis=1)),
        "db is added up over the outputs. There is one bias for each output, so the sum runs over the batch.",
        "Look at the axis of the sum.",
        "db",
    ),
    _fault(
        "dense_db_of_one_sample",
        "db",
        _part(2, lambda part, right, dz, h, W: dz[-1]),
        "db is that of the last sample alone.",
        "Begin with zeros, and add the part of each sample.",
        "db",
    ),
    _fault(
        "dense_db_of_all",
        "db",
        _part(2, lambda part, right, dz, h, W: np.full(part.shape, dz.sum(dtype="float64"))),
        "All biases get the sum of everything.",
        "Each output has a bias of its own: keep the axis of the outputs.",
        "db",
    ),
    _fault(
        "dense_only_square",
        "domain",
        _refuses(lambda dz, h, W: len({*dz.shape, *h.shape, *W.shape}) > 1),
        "It stops where there are not as many inputs as outputs, or another number of samples.",
        "Take each size from the array that has it: samples and inputs from h, outputs from W.",
    ),
    _fault(
        "dense_in_place",
        "inputs",
        _in_place(_gradient_in_place),
        "The gradient that comes in is changed in place, so whoever called the function has lost it.",
        "Look for what writes into dz. Make a new array instead.",
    ),
)


# Pooling.


def _even(h):
    """Return images without an odd last row or column."""
    rows, columns = (2 * (extent // 2) for extent in h.shape[1:3])
    return h[:, :rows, :columns]


def _filled(h, part):
    """Return a part of even size in an array of zeros that has the size of the images."""
    room = np.zeros_like(h, dtype="float64")
    room[:, : part.shape[1], : part.shape[2]] = part
    return room


def _to_each(da):
    """Return for each pixel the gradient of its block."""
    return np.asarray(da, dtype="float64").repeat(2, axis=1).repeat(2, axis=2)


def _place(right, h, *axes):
    """Return 1 where the gradient of each block goes, if rows, columns or both are gone through backward."""
    turned = np.flip(_even(h), axes)
    ones = np.ones((len(h), turned.shape[1] // 2, turned.shape[2] // 2, h.shape[3]))
    return np.flip(np.asarray(right(ones, turned)), axes)


def _tied(right, h):
    """Return 1 at each of the largest numbers of a block."""
    return np.maximum.reduce([_place(right, h, *axes) for axes in ((), (1,), (2,), (1, 2))])


def _masked(mask):
    """Give the gradient of each block to the pixels of a mask; ``mask`` takes what is right and the images."""
    return lambda right: lambda da, h: _filled(h, _to_each(da) * mask(right, h))


def _transposed_place(right, h):
    """Return 1 in each block where the largest would lie if its rows were columns."""
    place = _place(right, h)
    rows, columns = (extent // 2 for extent in place.shape[1:3])
    blocks = place.reshape(len(h), rows, 2, columns, 2, -1)
    return blocks.swapaxes(2, 4).reshape(place.shape)


def _by_columns(right):
    return lambda da, h: np.swapaxes(right(np.swapaxes(da, 1, 2), np.swapaxes(h, 1, 2)), 1, 2)


def _shared(right, h):
    tied = _tied(right, h)
    rows, columns = (extent // 2 for extent in tied.shape[1:3])
    return tied / _to_each(tied.reshape(len(h), rows, 2, columns, 2, -1).sum(axis=(2, 4)))


def _first_pixel(right, h):
    corner = np.zeros(_even(h).shape)
    corner[:, ::2, ::2] = 1
    return corner


def _stops_where_odd(right):
    def answer(da, h):
        if h.shape[1] % 2 or h.shape[2] % 2:
            raise ValueError("cannot reshape the array")
        return right(da, h)

    return answer


def _copied_into_odd(right):
    def answer(da, h):
        dh = np.array(right(da, h), dtype="float64")
        rows, columns = (2 * (extent // 2) for extent in h.shape[1:3])
        dh[:, rows:], dh[:, :, columns:] = 1, 1
        return dh

    return answer


def _one_channel(right):
    """Look for the largest in the first channel alone."""
    return lambda da, h: right(da, np.broadcast_to(h[..., :1], h.shape).copy())


def _far_below(right):
    return lambda da, h: right(da, np.maximum(h, -20))


def _gradient_of_pooling_in_place(da, h):
    da *= 0.5


_POOLING = (
    _fault(
        "pool_average",
        "maximum ties",
        _masked(lambda right, h: 0.25),
        "All four pixels of a block get a quarter. That is the backward pass of average pooling.",
        "Only the largest number has decided what went forward, so it gets all of the gradient.",
    ),
    _fault(
        "pool_to_everyone",
        "maximum ties",
        _masked(lambda right, h: 1.0),
        "All four pixels of a block get the whole gradient. It belongs to the largest alone.",
        "Make a mask of where the largest number of each block stands.",
    ),
    _fault(
        "pool_minimum",
        "maximum ties",
        lambda right: lambda da, h: right(da, -h),
        "The gradient goes to the smallest number of each block.",
        "Which of the four went forward?",
    ),
    _fault(
        "pool_first_pixel",
        "maximum ties",
        _masked(_first_pixel),
        "The gradient goes to the first pixel of each block, whichever is the largest.",
        "Look for the place of the largest number in each block.",
    ),
    _fault(
        "pool_place_exchanged",
        "maximum",
        _masked(_transposed_place),
        "Row and column of the place in the block are exchanged: the gradient goes to upper right instead of lower "
        "left.",
        "Of the four places 0, 1, 2, 3 in row-major order, 2 is the first of the second row.",
    ),
    _fault(
        "pool_largest_by_size",
        "maximum",
        lambda right: lambda da, h: right(da, np.abs(h)),
        "The number farthest from 0 counts as the largest: a negative one may be smaller than all others.",
        "Compare the numbers as they are, with their sign.",
    ),
    _fault(
        "pool_times_maximum",
        "maximum",
        _changed(lambda value, da, h: value * h),
        "The gradient is multiplied by the largest number. The slope of a maximum is 1.",
        "Where the largest number grows by a little, the output grows by as much.",
    ),
    _fault(
        "pool_channel_of_first",
        "maximum",
        _one_channel,
        "The largest is looked for in the first channel alone. Each channel has its own.",
        "Keep the axis of the channels when you look for the place.",
    ),
    _fault(
        "pool_all_ties",
        "ties",
        _masked(_tied),
        "Where several numbers are the largest, all of them get the whole gradient. The text gives it to the first.",
        "A comparison with the maximum is true at all of them. What gives a single place?",
    ),
    _fault(
        "pool_shared_ties",
        "ties",
        _masked(_shared),
        "Where several numbers are the largest, they share the gradient. The text gives it to the first.",
        "Choose one place: row by row, from left to right.",
    ),
    _fault(
        "pool_last_of_ties",
        "ties",
        _masked(lambda right, h: _place(right, h, 1, 2)),
        "Of equal largest numbers the last one gets the gradient. The text gives it to the first.",
        "In a loop, let a number that is equal not take the place of the one before.",
    ),
    _fault(
        "pool_ties_by_columns",
        "ties",
        _by_columns,
        "Of equal largest numbers the first down the columns gets the gradient. Row-major order goes along the rows.",
        "Look at the order in which your four numbers stand: upper left, upper right, lower left, lower right.",
    ),
    _fault(
        "pool_stops_where_odd",
        "odd",
        _stops_where_odd,
        "It stops where the number of rows or columns is odd.",
        "Work on the part of even size, inside an array of zeros that has the size of the image.",
    ),
    _fault(
        "pool_odd_not_zero",
        "odd",
        _copied_into_odd,
        "The last row or column of an odd size gets something. It had no part in the output.",
        "Begin with zeros in the size of the image.",
    ),
    _fault(
        "pool_begins_at_a_number",
        "domain",
        _far_below,
        "Where all numbers of a block are far below 0, the gradient goes to the first one, whichever is the largest.",
        "In a loop, begin with the first number of the block, or with minus infinity.",
    ),
    _fault(
        "pool_in_place",
        "inputs",
        _in_place(_gradient_of_pooling_in_place),
        "The gradient that comes in is changed in place, so whoever called the function has lost it.",
        "Look for what writes into da. Make a new array instead.",
    ),
)


# Convolution.


def _dh(change_W=None, change=None):
    """Make dh with other kernels, or change it."""
    if change_W is not None:
        return _part(0, lambda part, right, dz, h, W: right(dz, h, change_W(W)))
    return _part(0, lambda part, right, dz, h, W: change(part, right, dz, h, W))


def _without_border(values, kernel):
    """Return images whose border, as wide as the kernel reaches, is 0."""
    kept = np.zeros_like(values)
    rows, columns = (slice(k // 2, extent - k // 2) for k, extent in zip(kernel, values.shape[1:3], strict=True))
    kept[:, rows, columns] = values[:, rows, columns]
    return kept


def _wrapped(part, right, dz, h, W):
    """Let the gradient go on at the opposite border."""
    (rows, columns), (top, left) = h.shape[1:3], (k // 2 for k in W.shape[:2])
    turns = math.ceil(top / rows), math.ceil(left / columns)
    wide = np.pad(dz, ((0, 0), (turns[0] * rows,) * 2, (turns[1] * columns,) * 2, (0, 0)), mode="wrap")
    dh = right(wide, np.zeros((*wide.shape[:3], h.shape[3])), W)
    return dh[:, turns[0] * rows :][:, :rows, turns[1] * columns :][:, :, :columns]


def _weighed_by(change):
    return _part(1, lambda part, right, dz, h, W: change(part, right, dz, h, W))


def _accumulated(right):
    """Add what the question before gave to dW."""
    kept = {}

    def answer(dz, h, W):
        dh, dW, db = _three(right(dz, h, W), h, W)
        kept[W.shape] = dW = dW + kept.get(W.shape, 0)
        return pack(dh, dW, db)

    return answer


def _of_first_pixel(dz):
    return dz.sum(axis=0)[0, 0]


_CONVOLUTION = (
    _fault(
        "conv_dh_not_flipped",
        "kernel",
        _dh(lambda W: np.flip(W, (0, 1))),
        "dh is made with the kernel as it lies in the forward pass. Backward it is flipped in both directions.",
        "A pixel gets back from each output that it went into. The output to its right met it with a weight of the "
        "left side of the kernel.",
        "dh",
    ),
    _fault(
        "conv_dh_flipped_once",
        "kernel",
        _dh(lambda W: np.flip(W, 0)),
        "dh is made with the kernel flipped in one direction alone.",
        "Flip the rows of the kernel and its columns.",
        "dh",
        (_dh(lambda W: np.flip(W, 1)),),
    ),
    _fault(
        "conv_dh_kernel_transposed",
        "kernel",
        _dh(lambda W: np.flip(_square(W, 0, 1), (0, 1))),
        "dh is made with rows and columns of the kernel exchanged.",
        "Flipping is not transposing: W[r, s] becomes W[R − 1 − r, S − 1 − s].",
        "dh",
        (_dh(lambda W: _square(W, 0, 1)),),
    ),
    _fault(
        "conv_dh_channels_not_exchanged",
        "channels",
        _dh(lambda W: _square(W, 2, 3)),
        "dh sums over the wrong axis of W. Backward the output channels are what goes in.",
        "dh has the channels of the input. For each of them add up over the output channels, with W[r, s, i, o].",
        "channels",
    ),
    _fault(
        "conv_dh_one_output_channel",
        "channels",
        _dh(change=lambda part, right, dz, h, W: right(dz[..., -1:], h, W[..., -1:])),
        "dh is that of the last output channel alone. The loop overwrites what the others gave.",
        "Begin with zeros, and add the part of each output channel.",
        "channels",
    ),
    _fault(
        "conv_dh_mean_of_channels",
        "channels",
        _dh(change=lambda part, right, dz, h, W: part / W.shape[3]),
        "dh is the mean over the output channels. It is their sum.",
        "A pixel went into every output channel, and each gives its part back.",
        "channels",
    ),
    _fault(
        "conv_dh_valid",
        "border",
        _dh(change=lambda part, right, dz, h, W: _without_border(part, W.shape[:2])),
        "The border of dh is 0: only places count at which the whole kernel lies inside the gradient.",
        "Put zeros around dz before you go over it, as many as the kernel reaches, so that dh has the size of h.",
        "border",
    ),
    _fault(
        "conv_dh_wrapped",
        "border",
        _dh(change=_wrapped),
        "At the border dh gets something from the opposite side.",
        "Outside of dz there are zeros.",
        "border",
    ),
    _fault(
        "conv_dW_flipped",
        "weights",
        _weighed_by(lambda part, right, dz, h, W: np.flip(part, (0, 1))),
        "dW is flipped in both directions. The forward pass does not flip, and neither does dW.",
        "Weight W[r, s] met the pixel that lies r − R//2 rows below the output and s − S//2 columns to its right.",
        "dW",
    ),
    _fault(
        "conv_dW_gradient_flipped",
        "weights",
        _weighed_by(lambda part, right, dz, h, W: right(np.flip(dz, (1, 2)), h, W)),
        "dW is made with dz flipped in both directions: a true convolution, where a cross-correlation belongs.",
        "dz[y, x] meets the pixel y + r − R//2, x + s − S//2. Both indices run the same way.",
        "dW",
    ),
    _fault(
        "conv_dW_transposed",
        "weights",
        _weighed_by(lambda part, right, dz, h, W: np.swapaxes(part, 0, 1)),
        "In dW rows and columns of the kernel are exchanged.",
        "dW[r, s] has the row first.",
        "dW",
    ),
    _fault(
        "conv_dW_channels_exchanged",
        "weights",
        _weighed_by(lambda part, right, dz, h, W: np.swapaxes(part, 2, 3)),
        "In dW input and output channels are exchanged. It has the shape of W, [R, S, C_I, C_O].",
        "The third axis belongs to h, and the last one to dz.",
        "dW",
    ),
    _fault(
        "conv_dW_mean",
        "weights",
        _weighed_by(lambda part, right, dz, h, W: part / len(h)),
        "dW is divided by the number of images. The gradient that comes in holds that factor already.",
        "Add up over the batch, and take no mean: the 1/N is that of the loss.",
        "dW",
    ),
    _fault(
        "conv_dW_of_one_image",
        "weights",
        _weighed_by(lambda part, right, dz, h, W: right(dz[-1:], h[-1:], W)),
        "dW is that of the last image alone. The loop overwrites what the others gave.",
        "Begin with zeros, and add the part of each image.",
        "dW",
    ),
    _fault(
        "conv_dW_without_padding",
        "weights",
        _weighed_by(lambda part, right, dz, h, W: right(_without_border(dz, W.shape[:2]), h, W)),
        "dW leaves out the outputs at the border, whose windows reach into the padding.",
        "Put zeros around h as the forward pass does, so that each output has a whole window.",
        "dW",
    ),
    _fault(
        "conv_dW_accumulated",
        "weights",
        _accumulated,
        "",
        "",
    ),
    _fault(
        "conv_db_mean",
        "bias",
        _part(2, lambda part, right, dz, h, W: part / (dz.size // dz.shape[-1])),
        "db is a mean. Every image and every pixel adds its part, and the 1/N is in dz already.",
        "Take the sum over three axes.",
        "db",
        (
            _part(2, lambda part, right, dz, h, W: part / len(h)),
            _part(2, lambda part, right, dz, h, W: part / math.prod(h.shape[1:3])),
        ),
    ),
    _fault(
        "conv_db_of_one_image",
        "bias",
        _part(2, lambda part, right, dz, h, W: dz[-1].sum(axis=(0, 1))),
        "db is that of the last image alone.",
        "Add up over the batch as well.",
        "db",
    ),
    _fault(
        "conv_db_of_one_pixel",
        "bias",
        _part(2, lambda part, right, dz, h, W: _of_first_pixel(dz)),
        "db is added up over the batch, but of the pixels only the first one counts.",
        "The bias is added at every pixel, so each of them gives its part back.",
        "db",
    ),
    _fault(
        "conv_db_over_channels",
        "bias",
        _part(2, lambda part, right, dz, h, W: dz.sum(axis=(0, 2, 3))),
        "db is added up over the wrong axes: that of the channels is the one that stays.",
        "There is one bias for each output channel.",
        "db",
    ),
    _fault(
        "conv_db_of_all",
        "bias",
        _part(2, lambda part, right, dz, h, W: np.full(part.shape, dz.sum(dtype="float64"))),
        "All biases get the sum of everything.",
        "Each output channel has a bias of its own: keep the last axis.",
        "db",
    ),
    _fault(
        "conv_large_kernels",
        "domain",
        _refuses(lambda dz, h, W: any(k > extent for k, extent in zip(W.shape[:2], h.shape[1:3], strict=True))),
        "It stops where a kernel is larger than the image.",
        "With zeros around it, the image is always large enough. What do you cut or slide that is not?",
    ),
    _fault(
        "conv_in_place",
        "inputs",
        _in_place(_weights_in_place),
        "The kernels are changed in place.",
        "Look for what writes into W. A flipped view shares its numbers: make a new array before you change anything.",
    ),
)


# Batch normalization.


def _centered(x):
    axes = tuple(range(x.ndim - 1))
    x = np.asarray(x, dtype="float64")
    return x - x.mean(axis=axes), x.var(axis=axes), axes


def _with_more(mean, variance):
    """Leave out of dx so much of the ways through the mean and through the variance."""

    def fault(right):
        def answer(dy, x, gamma, epsilon):
            dx, dgamma, dbeta = _normalized(right, dy, x, gamma, epsilon)
            centered, spread, _ = _centered(x)
            deviation, count = np.sqrt(spread + epsilon), x.size // x.shape[-1]
            more = mean * dbeta + variance * dgamma * centered / deviation
            return pack(dx + gamma / deviation * more / count, dgamma, dbeta)

        return answer

    return fault


def _normalized(right, dy, x, gamma, epsilon):
    """Return the three gradients that are packed."""
    packed = np.asarray(right(dy, x, gamma, epsilon), dtype="float64")
    dx, dgamma, dbeta = np.split(packed, [x.size, x.size + gamma.size])
    return dx.reshape(x.shape), dgamma, dbeta


def _with_parameters(change):
    """Change dgamma and dbeta; ``change`` takes them, x and epsilon."""

    def fault(right):
        def answer(dy, x, gamma, epsilon):
            dx, *parameters = _normalized(right, dy, x, gamma, epsilon)
            return pack(dx, *change(*parameters, x, epsilon))

        return answer

    return fault


def _with_epsilon(change):
    """Give each channel an epsilon of its own; ``change`` takes its variance, its number of values and epsilon."""

    def fault(right):
        def answer(dy, x, gamma, epsilon):
            found = []
            for k, spread in enumerate(_centered(x)[1]):
                one = slice(k, k + 1)
                changed = float(change(spread, x[..., k].size, epsilon))
                found.append(_normalized(right, dy[..., one], x[..., one], gamma[one], changed))
            return pack(*(np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True)))

        return answer

    return fault


def _times_gamma(power):
    """Multiply dx by gamma once more, and dgamma by a power of it."""

    def fault(right):
        def answer(dy, x, gamma, epsilon):
            dx, dgamma, dbeta = _normalized(right, dy, x, gamma, epsilon)
            return pack(dx * gamma, dgamma * gamma**power, dbeta)

        return answer

    return fault


def _sums(right):
    """Take off sums instead of means, which are as many times as large as there are values."""

    def answer(dy, x, gamma, epsilon):
        dx, *parameters = _normalized(right, dy, x, gamma, epsilon)
        alone, count = _normalized(_with_more(1, 1)(right), dy, x, gamma, epsilon)[0], x.size // x.shape[-1]
        return pack(alone + count * (dx - alone), *parameters)

    return answer


def _by_rows(right):
    """Take the statistics of each pixel by itself, over the batch alone."""

    def answer(dy, x, gamma, epsilon):
        if x.ndim == 2:
            return right(dy, x, gamma, epsilon)
        rows = x.reshape(len(x), -1)
        wide = np.tile(gamma, rows.shape[1] // len(gamma))
        packed = np.asarray(right(dy.reshape(rows.shape), rows, wide, epsilon))
        dx, dgamma, dbeta = np.split(packed, [x.size, x.size + rows.shape[1]])
        return pack(dx, *(one.reshape(-1, len(gamma)).sum(axis=0) for one in (dgamma, dbeta)))

    return answer


def _normalization_in_place(dy, x, gamma, epsilon):
    x -= x.mean(axis=tuple(range(x.ndim - 1))) + 1


_NORMALIZATION = (
    _fault(
        "norm_running_statistics",
        "dx",
        _with_more(1, 1),
        "Mean and variance are taken as constants, as running statistics are. In training they depend on x themselves.",
        "x has three ways to the output: by itself, through the mean, and through the variance. Add all three.",
        "dx",
    ),
    _fault(
        "norm_without_mean",
        "dx",
        _with_more(1, 0),
        "The way through the mean is missing.",
        "The gradients by x of each channel add up to 0, since moving all of x changes nothing. Do yours?",
        "dx",
    ),
    _fault(
        "norm_without_variance",
        "dx",
        _with_more(0, 1),
        "The way through the variance is missing.",
        "With a tiny epsilon, making all of x twice as far from its mean changes nothing. What does that say of dx "
        "times normalized x, added up?",
        "dx",
    ),
    _fault(
        "norm_without_gamma",
        "dx",
        lambda right: (
            lambda dy, x, gamma, epsilon: pack(
                np.asarray(right(dy, x, np.ones_like(gamma), epsilon))[: x.size],
                np.asarray(right(dy, x, gamma, epsilon))[x.size :],
            )
        ),
        "dx lacks the factor gamma.",
        "What reaches the normalized numbers is dy times gamma.",
        "dx",
    ),
    _fault(
        "norm_sums_for_means",
        "dx",
        _sums,
        "dx takes off sums where means belong.",
        "Mean and variance hold a factor of 1 over the number of values of a channel.",
        "dx",
    ),
    _fault(
        "norm_without_epsilon",
        "dx parameters domain",
        lambda right: lambda dy, x, gamma, epsilon: right(dy, x, gamma, 1e-12),
        "Epsilon is left out.",
        "It is added to the variance before the root is taken, backward as well.",
    ),
    _fault(
        "norm_epsilon_outside",
        "dx parameters domain",
        _with_epsilon(lambda spread, count, epsilon: (np.sqrt(spread) + epsilon) ** 2 - spread),
        "Epsilon is added to the deviation. It is added to the variance, before the root is taken.",
        "Look at where the root begins and ends.",
    ),
    _fault(
        "norm_one_less",
        "dx parameters domain",
        _with_epsilon(lambda spread, count, epsilon: spread / max(count - 1, 1) + epsilon),
        "The variance is divided by one less than the number of values. Here it is their mean.",
        "Look for a ddof, or for a library whose variance has one by default.",
    ),
    _fault(
        "norm_gamma_twice",
        "dx parameters domain",
        _times_gamma(1),
        "Gamma is in dx twice, and in dgamma, which has none. The g of the text is dy times gamma already.",
        "dgamma is made of dy itself. dx is made of g, and has no other gamma.",
        forms=(_times_gamma(0),),
    ),
    _fault(
        "norm_each_pixel",
        "dx parameters domain",
        _by_rows,
        "Images are normalized pixel by pixel, over the batch alone. Each channel has one mean, over batch and pixels.",
        "Look at the axes: all but the last one.",
    ),
    _fault(
        "norm_gamma_of_input",
        "parameters",
        _with_parameters(lambda dgamma, dbeta, x, epsilon: (dgamma * np.sqrt(_centered(x)[1] + epsilon), dbeta)),
        "dgamma is made of x before it is normalized.",
        "Gamma multiplies the normalized numbers: take the mean off, and divide by the root of the variance.",
        "parameters",
        (
            _with_parameters(
                lambda dgamma, dbeta, x, epsilon: (
                    dgamma * np.sqrt(_centered(x)[1] + epsilon) + dbeta * x.mean(axis=_centered(x)[2]),
                    dbeta,
                )
            ),
        ),
    ),
    _fault(
        "norm_parameters_mean",
        "parameters",
        _with_parameters(lambda dgamma, dbeta, x, epsilon: (dgamma / len(x), dbeta / len(x))),
        "dgamma and dbeta are means. They are sums: the 1/N of the loss is in dy already.",
        "All values of a channel share one gamma and one beta, and each adds its part.",
        "parameters",
    ),
    _fault(
        "norm_parameters_exchanged",
        "parameters",
        _with_parameters(lambda dgamma, dbeta, x, epsilon: (dbeta, dgamma)),
        "dgamma and dbeta come in the wrong order.",
        "Return dx, dgamma and dbeta.",
        "parameters",
    ),
    _fault(
        "norm_in_place",
        "inputs",
        _in_place(_normalization_in_place),
        "x is changed in place while it is centered.",
        "Look for what writes into x. Make a new array instead.",
    ),
)


# Finite differences: faults that no single answer shows, so they have no hint; the line itself says what it saw.


def _measured(f, x, step, sides=(1, -1), dtype="float64"):
    """Return finite differences of a function at an array, the mean of those to some sides."""
    from scipy.optimize import approx_fprime

    x = np.asarray(x, dtype="float64")

    def flat(values):
        return float(f(np.reshape(values, x.shape).astype(dtype)))

    found = [approx_fprime(x.ravel(), flat, side * step) for side in sides]
    return np.mean(found, axis=0).reshape(x.shape)


def _judged(judge, step=1e-5, **options):
    """Judge by another comparison of the gradient with finite differences."""
    return _instead(lambda f, x, df: bool(judge(_measured(f, x, step, **options), np.asarray(df))))


def _close(measured, df, part=1e-2):
    return np.all(np.abs(measured - df) <= part * max(np.abs(measured).max(), np.abs(df).max()))


def _in_its_own_type(f, x, df):
    step, measured = 1e-5, np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        measured[place] = (f(up) - f(down)) / (2 * step)
    return bool(_close(measured, df))


def _close_by_itself(measured, df):
    return np.all(np.abs(measured - df) <= 1e-2 * np.maximum(np.abs(measured), np.abs(df)))


def _moves_x(right):
    def answer(f, x, df):
        value = right(f, x, df)
        x += 1e-5
        return value

    return answer


_CHECKING = (
    _fault("check_always_right", "smooth entries kinks inputs domain", _instead(lambda f, x, df: True)),
    _fault("check_always_wrong", "smooth entries kinks inputs domain", _instead(lambda f, x, df: False)),
    _fault("check_large_step", "kinks", _judged(_close, 0.01)),
    _fault("check_one_side_large_step", "kinks", _judged(_close, 0.003, sides=(1,))),
    _fault("check_tiny_step", "entries", _judged(_close, 1e-12)),
    _fault("check_type_of_x", "entries", _instead(_in_its_own_type)),
    _fault("check_each_entry_by_itself", "entries", _judged(_close_by_itself)),
    # So small a step is none in single precision.
    _fault("check_single_precision", "smooth entries kinks domain", _judged(_close, 1e-12, dtype="float32")),
    _fault("check_absolute_limit", "entries", _judged(lambda m, df: np.abs(m - df).max() < 1e-3)),
    _fault("check_sum_of_entries", "entries", _judged(lambda m, df: _close(m.sum(), df.sum()))),
    _fault("check_first_entry", "entries kinks", _judged(lambda m, df: _close(m.flat[0], df.flat[0]))),
    _fault(
        "check_last_entry_missing",
        "entries",
        _judged(lambda m, df: _close(m.flat[: max(m.size - 1, 1)], df.flat[: max(m.size - 1, 1)])),
    ),
    _fault(
        "check_sign_of_error",
        "entries",
        _judged(lambda m, df: np.all(df - m <= 1e-2 * max(np.abs(m).max(), np.abs(df).max()))),
    ),
    _fault(
        "check_other_sign_of_error",
        "entries",
        _judged(lambda m, df: np.all(m - df <= 1e-2 * max(np.abs(m).max(), np.abs(df).max()))),
    ),
    _fault(
        "check_direction_alone",
        "entries",
        _judged(lambda m, df: np.sum(m * df) > 0.9999 * np.linalg.norm(m) * np.linalg.norm(df)),
    ),
    _fault("check_wide_limit", "entries", _judged(lambda m, df: _close(m, df, 0.2))),
    _fault("check_moves_x", "inputs", _moves_x),
)


# Training: faults of the plan of its steps. Each takes a way to train and changes its arguments or what it returns.


def _uphill(right):
    return lambda layers, x, y, rng, epochs, size, rate, momentum: right(
        layers, x, y, rng, epochs, size, -rate, momentum
    )


def _without_momentum(right):
    return lambda layers, x, y, rng, epochs, size, rate, momentum: right(layers, x, y, rng, epochs, size, rate, 0.0)


def _velocity_of_one_epoch(right):
    def answer(layers, x, y, rng, epochs, size, rate, momentum):
        for _ in range(epochs):
            layers = right(layers, x, y, rng, 1, size, rate, momentum)
        return layers

    return answer


def _whole_batches(right):
    return lambda layers, x, y, rng, epochs, size, rate, momentum: right(
        layers, x, y, rng, epochs, len(x), rate, momentum
    )


def _rest_dropped(right):
    def answer(layers, x, y, rng, epochs, size, rate, momentum):
        rows = rng.permutation(len(x))[: max(len(x) - len(x) % size, min(size, len(x)))]
        return right(layers, x[rows], y[rows], rng, epochs, size, rate, momentum)

    return answer


def _sigmoid_left_out(right):
    """Take every layer for what it is but a sigmoid, which hands on what it gets."""

    def answer(layers, *rest):
        kept = [one for one in layers if one["kind"] != "sigmoid"]
        trained = iter(right(kept, *rest))
        return [next(trained) if one["kind"] != "sigmoid" else dict(one) for one in layers]

    return answer


def _stops_at_vectors(right):
    def answer(layers, x, *rest):
        samples, rows, columns, channels = np.shape(x)
        return right(layers, x, *rest)

    return answer


class _Unshuffled:
    """In the place of a generator: always the order in which things are."""

    def permutation(self, what):
        return np.arange(what) if np.ndim(what) == 0 else np.array(what)


def _not_shuffled(right):
    return lambda layers, x, y, rng, *rest: right(layers, x, y, _Unshuffled(), *rest)


class _OneOrder:
    """In the place of a generator: what it draws first, again and again."""

    def __init__(self, rng):
        self.rng, self.drawn = rng, {}

    def permutation(self, what):
        return self.drawn.setdefault(what, self.rng.permutation(what))


def _one_order(right):
    return lambda layers, x, y, rng, *rest: right(layers, x, y, _OneOrder(rng), *rest)


def _velocity_of_one_batch(right):
    """Keep the velocity only where all images are one batch."""
    return lambda layers, x, y, rng, epochs, size, rate, momentum: right(
        layers, x, y, rng, epochs, size, rate, momentum if size >= len(x) else 0.0
    )


def _rate_that_falls(right):
    def answer(layers, x, y, rng, epochs, size, rate, momentum):
        for epoch in range(epochs if momentum == 0 else 0):
            layers = right(layers, x, y, rng, 1, size, rate / (1 + epoch), momentum)
        return layers if momentum == 0 else right(layers, x, y, rng, epochs, size, rate, momentum)

    return answer


def _own_generator(right):
    return lambda layers, x, y, rng, *rest: right(layers, x, y, np.random.default_rng(), *rest)


def _classes_left_behind(right):
    def answer(layers, x, y, rng, epochs, size, rate, momentum):
        order = rng.permutation(len(x)) if size < len(x) else np.arange(len(x))
        return right(layers, x, y[order], rng, epochs, size, rate, momentum)

    return answer


def _first_batch_alone(right):
    """Take the same few images for every batch of an epoch."""

    def answer(layers, x, y, rng, epochs, size, rate, momentum):
        steps = -(-len(x) // size)
        return right(layers, x[:size], y[:size], rng, epochs * steps, size, rate, momentum)

    return answer


def _last_layer_alone(right):
    def answer(layers, *rest):
        return [*layers[:-1], right(layers, *rest)[-1]]

    return answer


def _trains_what_it_was_given(right):
    def answer(layers, *rest):
        trained = right(layers, *rest)
        for one, new in zip(layers, trained, strict=True):
            one.update(new)
        return trained

    return answer


_TRAINING = (
    _fault("train_uphill", "step accuracy", _uphill),
    _fault("train_sigmoid_left_out", "step", _sigmoid_left_out),
    _fault("train_stops_at_vectors", "step", _stops_at_vectors),
    _fault("train_last_layer_alone", "step momentum batches accuracy", _last_layer_alone),
    _fault("train_without_momentum", "momentum", _without_momentum),
    _fault("train_velocity_of_one_epoch", "momentum", _velocity_of_one_epoch),
    _fault("train_whole_batches", "batches order accuracy", _whole_batches),
    _fault("train_rest_dropped", "batches", _rest_dropped),
    _fault("train_not_shuffled", "order", _not_shuffled),
    _fault("train_one_order", "order", _one_order),
    _fault("train_velocity_of_one_batch", "momentum", _velocity_of_one_batch),
    _fault("train_rate_that_falls", "batches", _rate_that_falls),
    _fault("train_own_generator", "order", _own_generator),
    _fault("train_classes_left_behind", "order accuracy", _classes_left_behind),
    _fault("train_first_batch_alone", "order", _first_batch_alone),
    _fault("train_in_place", "inputs", _trains_what_it_was_given),
    _fault(
        "train_nothing",
        "step momentum batches order inputs accuracy",
        _instead(lambda layers, *rest: layers),
    ),
)

FAULTS = (*_ACTIVATIONS, *_SCORES, *_DENSE, *_POOLING, *_CONVOLUTION, *_NORMALIZATION, *_CHECKING, *_TRAINING)
