"""How good predictions are: one number for what a model gives and what is right."""

from __future__ import annotations

import numpy as np


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return labels as rows of one 1 and zeros.

    Parameters
    ----------
    labels : numpy.ndarray of int
        Of any shape, from 0 to ``classes`` - 1.
    classes : int
        How many there are.

    Returns
    -------
    numpy.ndarray of float32
        With one axis more, of length ``classes``.

    Examples
    --------
    >>> one_hot(np.array([2, 0]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    return np.eye(classes, dtype="float32")[labels]


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of right classes.

    Parameters
    ----------
    outputs : numpy.ndarray, shape [..., K]
        One value per class, the largest counts. With K = 1 it is the probability of class 1, which counts above 0.5.
    labels : numpy.ndarray of int, shape [...]
        The right classes: of images, or of their pixels.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the shapes do not fit, or there is nothing to score.

    Examples
    --------
    >>> accuracy(np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]), np.array([0, 1]))
    0.5
    """
    outputs, labels = np.asarray(outputs), np.asarray(labels)
    _fit(outputs.shape[:-1], labels.shape)
    classes = outputs[..., 0] > 0.5 if outputs.shape[-1] == 1 else outputs.argmax(axis=-1)
    return float((classes == labels).mean())


def auc(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the area under the ROC curve of two classes: how often an image of class 1 ranks above one of class 0.

    Parameters
    ----------
    outputs : numpy.ndarray, shape [N], [N, 1] or [N, 2]
        The probability of class 1, in the last column.
    labels : numpy.ndarray of int, shape [N]
        The right classes, 0 or 1, both there.

    Returns
    -------
    float
        From 0 to 1; a tie counts half.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a class is missing.

    Examples
    --------
    >>> auc(np.array([[0.1], [0.6], [0.4], [0.9]]), np.array([0, 0, 1, 1]))
    0.75
    """
    outputs, labels = np.asarray(outputs), np.asarray(labels)
    if outputs.ndim > 2 or (outputs.ndim == 2 and outputs.shape[1] > 2):
        raise ValueError(f"The outputs have the shape {list(outputs.shape)}; an AUC is of one value per image.")
    _fit(outputs.shape[:1], labels.shape)
    if set(np.unique(labels)) != {0, 1}:
        raise ValueError("An AUC needs images of both classes, 0 and 1.")
    # Not at the top: whoever opens a notebook would wait for it.
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, outputs if outputs.ndim == 1 else outputs[:, -1]))


def dice(outputs: np.ndarray, masks: np.ndarray) -> float:
    """Return the Dice coefficient, averaged over images: twice what two masks share, over the sum of their sizes.

    Parameters
    ----------
    outputs : numpy.ndarray, shape [N, H, W] or [N, H, W, 1]
        The probability that a pixel belongs to the mask; above 0.5 it does.
    masks : numpy.ndarray, shape [N, H, W] or [N, H, W, 1]
        The right masks, of 0 and 1.

    Returns
    -------
    float
        From 0 to 1. An image without a mask gives 1 where none is predicted, and 0 elsewhere.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    An average over images; all pixels of all images taken as one give another number, in which small masks hardly
    count.

    Examples
    --------
    >>> dice(np.array([[[0.9, 0.8], [0.1, 0.2]]]), np.array([[[1, 0], [0, 0]]]))
    0.6666666666666666
    """
    outputs, masks = _without_channel(outputs), _without_channel(masks)
    _fit(outputs.shape, masks.shape)
    return float(dice_of_images(outputs > 0.5, masks > 0.5).mean())


def dice_of_images(masks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return twice what masks and truth have in common, as a part of what both have; 1 where both are empty.

    Parameters
    ----------
    masks : numpy.ndarray of bool, shape [..., D_y, D_x]
    truth : numpy.ndarray of bool, shape [N, D_y, D_x]

    Returns
    -------
    numpy.ndarray of float64, shape [..., N]
    """
    both = np.count_nonzero(masks & truth, axis=(-2, -1))
    marked = np.count_nonzero(masks, axis=(-2, -1)) + np.count_nonzero(truth, axis=(-2, -1))
    return np.where(marked == 0, 1.0, 2 * both / np.maximum(marked, 1))


def mse(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean squared error.

    Parameters
    ----------
    outputs : numpy.ndarray, shape [N], [N, 1] or [N, D]
        What is predicted.
    targets : numpy.ndarray, shape [N] or [N, D]
        What is right, in the same unit; [N] goes with [N, 1] too.

    Returns
    -------
    float
        In the square of that unit.

    Raises
    ------
    ValueError
        If the shapes do not fit. [N, 1] - [N] would be [N, N] in NumPy, and its mean a wrong number.

    Examples
    --------
    >>> mse(np.array([[1.0], [3.0]]), np.array([1.0, 1.0]))
    2.0
    """
    outputs, targets = np.asarray(outputs, dtype="float64"), np.asarray(targets, dtype="float64")
    if targets.ndim == 1 and outputs.shape[1:] == (1,):
        outputs = outputs[:, 0]
    _fit(outputs.shape, targets.shape)
    return float(np.square(outputs - targets).mean())


def _without_channel(masks: np.ndarray) -> np.ndarray:
    masks = np.asarray(masks)
    return masks[..., 0] if masks.ndim == 4 and masks.shape[-1] == 1 else masks


def _fit(outputs: tuple[int, ...], right: tuple[int, ...]) -> None:
    if outputs != right or 0 in right:
        raise ValueError(f"Outputs for {list(outputs)} do not fit what is right for {list(right)}.")
