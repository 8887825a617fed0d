"""The course's own answers to compare with, as layers and operations of Keras.

They follow the contracts of lab 1. Each hands its work to Keras, so reading them says what is asked and not how to
solve it. Keras is imported by the first question, not by importing this module.
"""

from __future__ import annotations

import numpy as np


def _tensor(values):
    import keras

    return keras.ops.convert_to_tensor(np.asarray(values, dtype="float64"))


def activation(x, activation):
    """Apply an activation function by its name.

    Parameters
    ----------
    x : array
        Any shape for ``'linear'``, ``'relu'`` and ``'sigmoid'``; one vector [K] or column [K, 1] for ``'softmax'``.
    activation : {'linear', 'relu', 'sigmoid', 'softmax'}

    Returns
    -------
    array of float64, shaped like `x`

    Raises
    ------
    ValueError
        If there is no activation of that name.

    Examples
    --------
    >>> activation(np.array([-1.0, 2.0]), "relu")
    array([0., 2.])
    """
    import keras

    if activation not in ("linear", "relu", "sigmoid", "softmax"):
        raise ValueError(f"Unknown activation {activation!r}; known are linear, relu, sigmoid and softmax.")
    options = {"axis": 0} if activation == "softmax" else {}
    return np.asarray(getattr(keras.activations, activation)(_tensor(x), **options))


def fast_conv2d_layer(x, W, b, act, padding="same"):
    """Apply a convolutional layer to a batch: cross-correlation, bias and activation.

    Parameters
    ----------
    x : array, shape [N, D_y, D_x, C_I]
    W : array, shape [R, S, C_I, C_O]
    b : array, shape [C_O]
    act : str
        A name that `activation` knows.
    padding : {'same', 'valid'}
        ``'same'``, zeros around the image, is what the lab asks for.

    Returns
    -------
    array of float64, shape [N, D_y, D_x, C_O]
    """
    import keras

    total = keras.ops.conv(_tensor(x), _tensor(W), padding=padding) + _tensor(b)
    return activation(total, act)


def conv2d_layer(h, W, b, act, padding="same"):
    """Apply a convolutional layer to one image: `fast_conv2d_layer` on a batch of one.

    Parameters
    ----------
    h : array, shape [D_y, D_x, C_I]
    W, b, act, padding
        As in `fast_conv2d_layer`.

    Returns
    -------
    array of float64, shape [D_y, D_x, C_O]
    """
    return fast_conv2d_layer(np.asarray(h)[None], W, b, act, padding)[0]


def pool2d_layer(h):
    """Take the maximum of every 2 × 2 block of each channel; an odd last row or column is dropped.

    Parameters
    ----------
    h : array, shape [D_y, D_x, C]

    Returns
    -------
    array of float64, shape [D_y // 2, D_x // 2, C]
    """
    import keras

    return np.asarray(keras.ops.max_pool(_tensor(h)[None], 2, padding="valid"))[0]


def flatten_layer(h):
    """Return an image as one vector, the channel running fastest.

    Parameters
    ----------
    h : array, shape [D_y, D_x, C]

    Returns
    -------
    array of float64, shape [D_y * D_x * C]
    """
    import keras

    return np.asarray(keras.ops.reshape(_tensor(h), [-1]))


def dense_layer(h, W, b, act):
    """Apply a dense layer to one vector.

    Parameters
    ----------
    h : array, shape [I] or [I, 1]
    W : array, shape [K, I]
    b : array, shape [K, 1]
    act : str
        A name that `activation` knows.

    Returns
    -------
    array of float64, shape [K, 1]
    """
    # A dense layer is a convolution of an image of one pixel, with an input channel for every input.
    pixel, kernel = np.reshape(h, (1, 1, -1)), np.transpose(W)[None, None]
    return activation(conv2d_layer(pixel, kernel, np.ravel(b), "linear").reshape(-1, 1), act)


def count_weights(W, b):
    """Count the parameters of a network.

    Parameters
    ----------
    W, b : list of array
        Weights and biases by layer, empty arrays where a layer has none.

    Returns
    -------
    int
    """
    import keras

    return int(sum(keras.ops.size(values) for values in (*W, *b)))


def evaluate(y_prob, y_onehot):
    """Return the mean cross-entropy per sample and the accuracy in percent.

    Parameters
    ----------
    y_prob : array, shape [N, K]
        Predicted probabilities.
    y_onehot : array, shape [N, K]
        True classes, one-hot.

    Returns
    -------
    tuple of two float
        Cross-entropy in nat, accuracy from 0 to 100. A probability of 0 counts as ``keras.config.epsilon()``.
    """
    import keras

    predicted, true = _tensor(y_prob), _tensor(y_onehot)
    loss = keras.losses.CategoricalCrossentropy(dtype="float64")(true, predicted)
    hits = keras.metrics.categorical_accuracy(true, predicted)
    return float(np.asarray(loss)), 100.0 * float(np.mean(np.asarray(hits), dtype="float64"))


def convolve_loop(x, W):
    """Do the work of the course's loop over samples and channels, without its result: the unit of the speed ratio.

    A loop that solves a batch calls ``scipy.signal.convolve2d`` once for every sample, input and output channel.
    This calls it as often, on planes and kernels of those sizes, but always with the same plane and kernel. So it
    has the price of the loop and is not a layer.

    Parameters
    ----------
    x : array, shape [N, D_y, D_x, C_I]
    W : array, shape [R, S, C_I, C_O]

    Returns
    -------
    array, shape [D_y, D_x]
        The sum of all calls; it means nothing.
    """
    from scipy.signal import convolve2d

    plane, kernel = x[0, :, :, 0], W[:, :, 0, 0]
    total = np.zeros(plane.shape, plane.dtype)
    for _ in range(len(x) * W.shape[2] * W.shape[3]):
        total += convolve2d(plane, kernel, mode="same")
    return total
