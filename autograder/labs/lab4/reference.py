"""The course's own answers to compare with. Each hands its work to Keras or scikit-learn, or reads a plan.

Answers of several arrays are packed into one vector (see `packing`), networks are plans (see `plan`), and
`order_matters` answers for many functions at once: so each answer is one array of numbers.
"""

from __future__ import annotations

import numpy as np

from autograder.labs.lab4 import curves, plan
from autograder.labs.lab4.packing import pack

#: Blocks of pixels that the order is tried with.
_BLOCKS = 20_000
#: Keras pools in single precision.
_ROUNDING = 1e-5


def build_fnn():
    """Return the plan of the network 784-800-10."""
    return plan.fnn()


def build_cnn(blocks=3, maps=8, activation="relu", pool_first=False, dropout=0.0, batch_norm=False):
    """Return the plan of the convolutional network.

    Parameters
    ----------
    blocks, maps, activation, pool_first, dropout, batch_norm
        As the lab's text has them.
    """
    return plan.cnn(blocks, maps, activation, pool_first, dropout, batch_norm)


def order_matters(functions, pooling):
    """Return for each function whether the order of activation and pooling changes the result, as 0 or 1.

    Parameters
    ----------
    functions : list of [name, stretch, shift, scale, offset], or of callable
        As `curves.curve` takes them.
    pooling : {"max", "average"}

    Returns
    -------
    array of float64, shape [number of functions]
    """
    import keras

    rng = np.random.default_rng(0)
    # As Keras pools them, so that no number crosses a jump by being rounded.
    image = rng.uniform(-curves.FARTHEST, curves.FARTHEST, (1, 2 * _BLOCKS, 2, 1)).astype("float32")
    pool = {"max": keras.ops.max_pool, "average": keras.ops.average_pool}[pooling]
    answers = []
    for one in functions:
        function = one if callable(one) else curves.curve(*one)
        before, after = pool(function(image), 2), function(np.asarray(pool(image, 2)))
        off = np.abs(np.asarray(before) - after).max()
        answers.append(float(off > _ROUNDING * max(1.0, np.abs(after).max())))
    return np.array(answers)


def _stepped(optimizer, weights, gradients, **state):
    """Let an optimizer of Keras make one step from a given state; return its variables of each kind.

    Each number moves by itself, so all arrays go as one.
    """
    import keras

    variable = keras.Variable(pack(weights), dtype="float64")
    optimizer.build([variable])
    for name, values in state.items():
        getattr(optimizer, name)[0].assign(pack(values))
    optimizer.apply([keras.ops.convert_to_tensor(pack(gradients))], [variable])
    return np.concatenate([np.asarray(variable), *(np.asarray(getattr(optimizer, name)[0]) for name in state)])


def sgd_step(w, g, v, lr, momentum):
    """Make one step of gradient descent with momentum.

    Parameters
    ----------
    w, g, v : list of array
        Weights, their gradients, and the velocities, all of the same shapes.
    lr, momentum : float

    Returns
    -------
    array of float64
        The new weights and the new velocities, packed.
    """
    import keras

    # Without momentum Keras keeps no velocities.
    optimizer = keras.optimizers.SGD(lr, momentum=momentum or 1e-300)
    return _stepped(optimizer, w, g, momentums=v)


def adam_step(w, g, m, s, t, lr, beta_1, beta_2, epsilon):
    """Make one step of Adam.

    Parameters
    ----------
    w, g, m, s : list of array
        Weights, their gradients, and the averages of the gradients and of their squares.
    t : int
        The number of this step, from 1.
    lr, beta_1, beta_2, epsilon : float

    Returns
    -------
    array of float64
        The new weights and both new averages, packed.
    """
    import keras

    optimizer = keras.optimizers.Adam(lr, epsilon=epsilon)
    # Keras makes numbers of single precision of Python's own: 1 - beta would be off by a hundred-thousandth.
    optimizer.beta_1, optimizer.beta_2 = (keras.ops.convert_to_tensor(b, "float64") for b in (beta_1, beta_2))
    optimizer.iterations.assign(t - 1)
    return _stepped(optimizer, w, g, _momentums=m, _velocities=s)


def l1_l2(w, l1, l2):
    """Return the penalty on the kernels among some weights, and its gradient.

    Parameters
    ----------
    w : list of array
    l1, l2 : float

    Returns
    -------
    array of float64
        The penalty, and the gradients packed.
    """
    import keras
    import tensorflow as tf

    # What is left out has the factor 0.
    counts = pack([np.full(np.shape(one), float(np.ndim(one) > 1)) for one in w])
    weights = tf.Variable(pack(w))
    with tf.GradientTape() as tape:
        kernels = weights * counts
        # Keras makes numbers of single precision of Python's own, so its factors are 1.
        penalty = l1 * keras.regularizers.L1(1.0)(kernels) + l2 * keras.regularizers.L2(1.0)(kernels)
    return pack([np.asarray(penalty)], [np.asarray(tape.gradient(penalty, weights))])


def confusion_matrix(y_true, y_pred, classes):
    """Count how often each class was taken for each: row by the truth, column by the prediction.

    Parameters
    ----------
    y_true, y_pred : array of int, shape [N]
    classes : int

    Returns
    -------
    array of float64, shape [classes, classes]
    """
    from sklearn import metrics

    return metrics.confusion_matrix(y_true, y_pred, labels=np.arange(classes)).astype("float64")


def misclassified(y_true, probabilities):
    """Return which images were classified wrong, the one about which the network was surest first.

    Parameters
    ----------
    y_true : array of int, shape [N]
    probabilities : array, shape [N, K]

    Returns
    -------
    array of float64, shape [number of wrong ones]
    """
    import keras

    largest = np.asarray(keras.ops.max(np.asarray(probabilities, dtype="float64"), axis=1))
    hits = np.asarray(keras.metrics.sparse_categorical_accuracy(np.asarray(y_true), np.asarray(probabilities)))
    wrong = np.where(hits > 0, -1.0, largest)
    _, order = keras.ops.top_k(wrong, int(np.count_nonzero(hits == 0)))
    return np.asarray(order, dtype="float64")
