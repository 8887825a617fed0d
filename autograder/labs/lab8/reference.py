"""The course's own answers to compare with: forward passes of TensorFlow, and what its tape says of them.

Reading them says what is asked and not how to solve it. Answers of several arrays are packed into one vector, one array
after another, so that each answer is one array of numbers. TensorFlow is imported by the first question, not by
importing this module. Its own operations are called: those of Keras take several times as long for arrays as small as
these.
"""

from __future__ import annotations

import numpy as np


def pack(*parts):
    """Return all numbers of some arrays as one vector of float64, one array after another.

    Examples
    --------
    >>> pack(np.ones((1, 2)), np.zeros(1))
    array([1., 1., 0.])
    """
    return np.concatenate([np.asarray(one, dtype="float64").ravel() for one in parts])


def _gradients(forward, upstream, *inputs):
    """Return the gradients of a loss by the inputs of a layer, where ``upstream`` is that by its output.

    Without ``upstream`` the output is the loss.
    """
    import tensorflow as tf

    tensors = [tf.constant(np.asarray(one, dtype="float64")) for one in inputs]
    given = None if upstream is None else tf.constant(np.asarray(upstream, dtype="float64"))
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        output = forward(*tensors)
    return [np.asarray(one) for one in tape.gradient(output, tensors, output_gradients=given)]


def relu_backward(da, z):
    """Return the gradient by the input of a ReLU; its slope at 0 is 0.

    Parameters
    ----------
    da, z : array of any shape, the same
        The gradient by the output, and the input.

    Returns
    -------
    array of float64, shaped like `z`
    """
    import tensorflow as tf

    return _gradients(tf.nn.relu, da, z)[0]


def sigmoid_backward(da, z):
    """Return the gradient by the input of a sigmoid.

    Parameters
    ----------
    da, z : array of any shape, the same
        The gradient by the output, and the input.

    Returns
    -------
    array of float64, shaped like `z`
    """
    import tensorflow as tf

    return _gradients(tf.nn.sigmoid, da, z)[0]


def softmax_cross_entropy_backward(z, t):
    """Return the gradient of the mean cross-entropy by the scores that softmax takes.

    Parameters
    ----------
    z : array, shape [N, K]
        Scores.
    t : array, shape [N, K]
        True classes, one-hot.

    Returns
    -------
    array of float64, shape [N, K]
    """
    import tensorflow as tf

    true = np.asarray(t, dtype="float64")

    def loss(scores):
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(true, scores))

    return _gradients(loss, None, z)[0]


def dense_backward(dz, h, W):
    """Return the gradients of a dense layer ``z = h Wᵀ + b``.

    Parameters
    ----------
    dz : array, shape [N, K]
        The gradient by the output.
    h : array, shape [N, I]
    W : array, shape [K, I]

    Returns
    -------
    array of float64
        Those by `h`, by `W` and by the bias [K], packed.
    """
    import tensorflow as tf

    def layer(h, W, b):
        return tf.matmul(h, W, transpose_b=True) + b

    return pack(*_gradients(layer, dz, h, W, np.zeros(np.shape(W)[0])))


def pool2d_backward(da, h):
    """Return the gradient of max pooling of 2 × 2; of equal largest values the first one in row-major order gets it.

    Parameters
    ----------
    da : array, shape [N, D_y // 2, D_x // 2, C]
        The gradient by the output.
    h : array, shape [N, D_y, D_x, C]

    Returns
    -------
    array of float64, shaped like `h`
    """
    import tensorflow as tf

    return _gradients(lambda h: tf.nn.max_pool2d(h, 2, 2, "VALID"), da, h)[0]


def conv2d_backward(dz, h, W):
    """Return the gradients of a convolutional layer with zero padding: cross-correlation and bias.

    Parameters
    ----------
    dz : array, shape [N, D_y, D_x, C_O]
        The gradient by the output.
    h : array, shape [N, D_y, D_x, C_I]
    W : array, shape [R, S, C_I, C_O]

    Returns
    -------
    array of float64
        Those by `h`, by `W` and by the bias [C_O], packed.
    """
    import tensorflow as tf

    def layer(h, W, b):
        return tf.nn.conv2d(h, W, 1, "SAME") + b

    return pack(*_gradients(layer, dz, h, W, np.zeros(np.shape(W)[3])))


def batch_norm_backward(dy, x, gamma, epsilon):
    """Return the gradients of batch normalization with the statistics of the batch, channels last.

    Parameters
    ----------
    dy : array, shaped like `x`
        The gradient by the output.
    x : array, shape [N, K] or [N, D_y, D_x, K]
    gamma : array, shape [K]
    epsilon : float
        Is added to the variance.

    Returns
    -------
    array of float64
        Those by `x`, by `gamma` and by beta [K], packed.
    """
    import tensorflow as tf

    def layer(x, gamma, beta):
        mean, variance = tf.nn.moments(x, list(range(np.ndim(x) - 1)))
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, float(epsilon))

    return pack(*_gradients(layer, dy, x, gamma, np.zeros(np.shape(gamma))))


def gradient_check(f, x, df):
    """Return whether `df` is the gradient of `f` at `x`, as SciPy's finite differences have it.

    Parameters
    ----------
    f : callable
        Takes an array shaped like `x`, and returns a number.
    x : array
    df : array, shaped like `x`

    Returns
    -------
    bool
    """
    from scipy.optimize import approx_fprime

    x, df = np.asarray(x, dtype="float64"), np.asarray(df, dtype="float64")
    measured = approx_fprime(x.ravel(), lambda flat: float(f(flat.reshape(x.shape))), 1e-7)
    off = np.abs(measured - df.ravel())
    return bool(np.all(off <= 1e-3 * max(np.abs(measured).max(), np.abs(df).max())))


def _network(layers):
    """Return a function of images and of all weights and biases in turn that gives the scores of a network."""
    import tensorflow as tf

    apply = {
        "conv2d": lambda h, W, b: tf.nn.conv2d(h, W, 1, "SAME") + b,
        "dense": lambda h, W, b: tf.matmul(h, W, transpose_b=True) + b,
        "relu": tf.nn.relu,
        "sigmoid": tf.nn.sigmoid,
        "pool2d": lambda h: tf.nn.max_pool2d(h, 2, 2, "VALID"),
        "flatten": lambda h: tf.reshape(h, (h.shape[0], -1)),
    }

    def scores(x, *parameters):
        left = list(parameters)
        for kind, *own in layers:
            x = apply[kind](x, *(left.pop(0) for _ in own))
        return x

    return scores


def parameters_of(layers):
    """Return all weights and biases of a network in turn.

    Parameters
    ----------
    layers : list of [kind, *arrays]
    """
    return [np.asarray(one, dtype="float64") for _, *own in layers for one in own]


def train_network(layers, x, y, rng, epochs, batch_size, learning_rate, momentum):
    """Train a network by gradient descent with momentum on the mean cross-entropy, and return its new parameters.

    Parameters
    ----------
    layers : list of [kind, *arrays]
        ``"conv2d"`` and ``"dense"`` with weights and bias; ``"relu"``, ``"sigmoid"``, ``"pool2d"`` and ``"flatten"``.
    x : array
        Images [N, D_y, D_x, C], or vectors [N, I] where the first layer is a dense one.
    y : array of int, shape [N]
        Their classes.
    rng : numpy.random.Generator, or int
        Orders the images anew in each epoch.
    epochs, batch_size : int
    learning_rate, momentum : float

    Returns
    -------
    array of float64
        All weights and biases in turn, packed.
    """
    import keras
    import tensorflow as tf

    scores, rng = _network(layers), np.random.default_rng(rng)
    x, y = np.asarray(x, dtype="float64"), np.asarray(y)
    variables = [keras.Variable(one, dtype="float64") for one in parameters_of(layers)]
    # Keras makes numbers of single precision of Python's own, so its learning rate is 1.
    optimizer = keras.optimizers.SGD(1.0, momentum=momentum)
    optimizer.build(variables)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]

            def loss(*parameters, rows=rows):
                each = tf.nn.sparse_softmax_cross_entropy_with_logits(y[rows], scores(x[rows], *parameters))
                return tf.reduce_mean(each)

            gradients = _gradients(loss, None, *variables)
            optimizer.apply([tf.constant(learning_rate * one) for one in gradients], variables)
    return pack(*variables)


def scores_of(layers, x):
    """Return what a network makes of images.

    Parameters
    ----------
    layers : list of [kind, *arrays]
    x : array

    Returns
    -------
    array of float64, shape [N, K]
    """
    return activations_of(layers, x)[-1]


def activations_of(layers, x):
    """Return what goes into each layer of a network, and the scores.

    Parameters
    ----------
    layers : list of [kind, *arrays]
    x : array

    Returns
    -------
    list of array of float64
        One more than there are layers.
    """
    found = [np.asarray(x, dtype="float64")]
    for one in layers:
        found.append(np.asarray(_network([one])(found[-1], *parameters_of([one]))))
    return found


def backward_loop(h, W):
    """Do the work of a loop over samples and channels, without its result: the unit of the speed ratio.

    A loop that solves a batch calls ``scipy.signal.convolve2d`` twice for every sample, input and output channel: for
    the gradient by the image and for that by the kernel. This calls it as often, on planes and kernels of those sizes,
    but always with the same ones. So it has the price of the loop and is no gradient.

    Parameters
    ----------
    h : array, shape [N, D_y, D_x, C_I]
    W : array, shape [R, S, C_I, C_O]

    Returns
    -------
    array, shape [D_y, D_x]
        The sum of all calls; it means nothing.
    """
    from scipy.signal import convolve2d

    plane, kernel = h[0, :, :, 0], W[:, :, 0, 0]
    wide = np.pad(plane, [(k // 2, k // 2) for k in kernel.shape])
    total, weights = np.zeros(plane.shape, plane.dtype), np.zeros(kernel.shape, kernel.dtype)
    for _ in range(len(h) * W.shape[2] * W.shape[3]):
        total += convolve2d(plane, kernel, mode="same")
        weights += convolve2d(wide, plane, mode="valid")
    return total + weights.sum()
