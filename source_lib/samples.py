"""Small data sets that are always at hand, offline. They stand in for the real ones and never take their name."""

from __future__ import annotations

import numpy as np

#: How many of the 1797 digits are for training; the rest, which come later in the file, are for testing.
DIGITS_TRAIN = 1297


def mnist_sample() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return scikit-learn's handwritten digits in the layout of MNIST.

    The 8x8 images are enlarged to 20x20 and framed with 4 pixels of background, since MNIST's digits fill 20x20 pixels
    of 28x28 too. They are blurrier than MNIST's and far fewer, so an accuracy on them says nothing about MNIST.

    Returns
    -------
    x_train : numpy.ndarray of uint8, shape [1297, 28, 28]
        Training images, 0 to 255.
    y_train : numpy.ndarray of int64, shape [1297]
        Their digits, 0 to 9.
    x_test, y_test : numpy.ndarray
        500 images and their digits. No image is in both parts.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.

    Examples
    --------
    >>> x_train, y_train, x_test, y_test = mnist_sample()
    >>> x_train.shape, x_test.shape
    ((1297, 28, 28), (500, 28, 28))
    """
    from skimage.transform import resize
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = digits.images / 16.0  # their gray levels run from 0 to 16
    large = resize(small, (len(small), 20, 20), order=1, mode="constant")  # a mirrored border leaves ghosts
    images = np.pad(np.rint(255 * large).astype(np.uint8), ((0, 0), (4, 4), (4, 4)))
    labels = digits.target.astype(np.int64)
    return images[:DIGITS_TRAIN], labels[:DIGITS_TRAIN], images[DIGITS_TRAIN:], labels[DIGITS_TRAIN:]
