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


#: How many drawn images of tissue there are of each part.
TISSUE_COUNTS = {"train": 3000, "valid": 500, "test": 1000}


def patchcam_sample() -> tuple[np.ndarray, np.ndarray, np.ndarray, None, np.ndarray, np.ndarray]:
    """Return drawn tissue in the layout of PatchCamelyon, without the labels of the test images, as there.

    Nuclei lie on a stained ground. In half of the images nearly all are round, in the others nearly all are long:
    class 1. Their areas, their number, the colors and the sharpness are drawn alike for both, so color says next to
    nothing about the class. It is no tissue, and an accuracy on it says nothing about PatchCamelyon.

    Returns
    -------
    x_train, y_train, x_test, y_test, x_valid, y_valid : numpy.ndarray of uint8
        Images [N, 32, 32, 3] and classes [N], half of them 1; ``y_test`` is None. `tissue_labels` has it.

    Examples
    --------
    >>> x_train, y_train, x_test, y_test, x_valid, y_valid = patchcam_sample()
    >>> x_train.shape, y_train.mean(), y_test
    ((3000, 32, 32, 3), 0.5, None)
    """
    drawn = {part: _tissue(part) for part in TISSUE_COUNTS}
    return *drawn["train"], drawn["test"][0], None, *drawn["valid"]


def tissue_labels() -> np.ndarray:
    """Return the classes of the test images of `patchcam_sample`, for whoever grades."""
    return _tissue("test")[1]


def _tissue(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Draw one part; nobody needs to be able to draw the same on another version of NumPy."""
    rng = np.random.default_rng([*TISSUE_COUNTS].index(part))
    count, most, size = TISSUE_COUNTS[part], 9, 32
    labels = rng.permutation(np.arange(count) % 2)
    nuclei = rng.integers(6, most + 1, (count, 1))
    order = rng.random((count, most)).argsort(axis=1)
    there = order < nuclei
    # At most one nucleus of an image is of the other kind.
    long = (order >= rng.integers(0, 2, (count, 1))) == (labels == 1)[:, None]
    stretch = np.where(long, rng.uniform(1.9, 2.6, there.shape), rng.uniform(1.0, 1.25, there.shape))
    area = rng.uniform(5.0, 12.0, (count, 1)) * rng.uniform(0.7, 1.3, there.shape)
    turn = rng.uniform(0, np.pi, there.shape)
    # One to each field of 3×3, so that they rarely touch.
    fields = np.stack(np.divmod(np.arange(most), 3), axis=1) * size / 3 + size / 6
    places = fields + rng.uniform(-3.0, 3.0, (count, most, 2))
    sharp = rng.uniform(1.5, 4.0, (count, 1, 1))
    y, x = np.mgrid[:size, :size] + 0.5
    ink = np.zeros((count, size, size))
    for nucleus in range(most):
        down, across = (v - places[:, nucleus, k, None, None] for k, v in enumerate((y, x)))
        cos, sin = (f(turn[:, nucleus, None, None]) for f in (np.cos, np.sin))
        wide = area[:, nucleus, None, None] * stretch[:, nucleus, None, None]
        high = area[:, nucleus, None, None] / stretch[:, nucleus, None, None]
        reach = np.sqrt((across * cos + down * sin) ** 2 / wide + (down * cos - across * sin) ** 2 / high)
        shade = 1 / (1 + np.exp(sharp * 2 * (reach - 1)))
        ink = np.maximum(ink, np.where(there[:, nucleus, None, None], shade, 0))
    ground = np.array([230, 180, 205]) + rng.normal(0, 14, (count, 3))
    stain = np.array([105, 65, 140]) + rng.normal(0, 18, (count, 3))
    strength = rng.uniform(0.6, 1.0, (count, 1, 1, 1))
    images = ground[:, None, None] + strength * ink[..., None] * (stain - ground)[:, None, None]
    images += rng.normal(0, rng.uniform(4, 10, (count, 1, 1, 1)), images.shape)
    return np.clip(np.rint(images), 0, 255).astype(np.uint8), labels.astype(np.uint8)
