"""MNIST: the real files, found on this machine or downloaded, and a sample of digits that is always at hand."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np

from source_lib.data.dataset import Arrays, Dataset
from source_lib.data.downloading import CONNECT_SECONDS, below_home, reach, reason
from source_lib.data.locations import DATA_VARIABLE, DatasetError, keras_cache

MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

#: Seconds without a single byte until a download counts as broken off.
STALL_SECONDS = 15

#: How many of the 1797 digits are for training; the rest, which come later in the file, are for testing.
DIGITS_TRAIN = 1297


def load_mnist(verbose: bool = True) -> tuple[Arrays, str]:
    """Return MNIST from ``$CNN_COURSE_DATA/mnist.npz``, from Keras' cache, or downloaded, in this order.

    Parameters
    ----------
    verbose : bool
        Whether a download shows its progress.

    Returns
    -------
    arrays : tuple of numpy.ndarray
        ``x_train`` [60000, 28, 28], ``y_train`` [60000], ``x_test`` [10000, 28, 28], ``y_test`` [10000], as uint8.
    origin : str
        Where they came from, in a few words.

    Raises
    ------
    DatasetError
        If there is a file in ``CNN_COURSE_DATA`` that is not MNIST or not whole, or if there is none and it cannot be
        downloaded.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998.
    """
    folder = os.environ.get(DATA_VARIABLE, "")
    own = Path(folder).expanduser().absolute() / "mnist.npz" if folder else None
    if own is not None and os.path.lexists(own):
        return read_mnist(own), f"the folder {DATA_VARIABLE}"

    cached = keras_cache() / "mnist.npz"
    damage = ""
    if os.path.isfile(cached):
        try:
            return read_mnist(cached), "Keras' cache"
        except DatasetError:
            damage = " (the file that is there is damaged)"
    try:
        return _download_mnist(cached.parent, verbose), "a fresh download"
    except DatasetError as error:
        missing = f"There is no mnist.npz in {own.parent}, which {DATA_VARIABLE} names. " if own else ""
        raise DatasetError(
            f"{missing}MNIST could not be downloaded: {error}. Download {MNIST_URL} elsewhere and save it as "
            f"{own or below_home(cached)}{'' if own else damage}"
            + ("." if own else f", or set {DATA_VARIABLE} to the folder that holds it.")
        ) from None


def read_mnist(path: str | os.PathLike) -> Arrays:
    """Read MNIST from an ``.npz`` file and make sure that all of it is there.

    Parameters
    ----------
    path : str or path
        A file with the keys ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    Returns
    -------
    tuple of numpy.ndarray
        The four arrays, as in `load_mnist`.

    Raises
    ------
    DatasetError
        If the file cannot be read, is cut off, or does not hold what MNIST holds.
    """
    keys = ("x_train", "y_train", "x_test", "y_test")
    shapes = ((60000, 28, 28), (60000,), (10000, 28, 28), (10000,))
    advice = "Delete it, or replace it by a whole copy"
    try:
        # Reading all of an archive's member compares it with the checksum that the archive holds.
        with np.load(path, allow_pickle=False) as archive:
            arrays = tuple(archive[key] for key in keys)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}. {advice}.") from None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError):
        raise DatasetError(f"{path} is damaged, perhaps by an interrupted download. {advice}.") from None
    except (KeyError, TypeError, AttributeError, NotImplementedError):
        raise DatasetError(f"{path} is not MNIST: it lacks one of the arrays {', '.join(keys)}. {advice}.") from None

    found = tuple(array.shape for array in arrays)
    if found != shapes:
        raise DatasetError(f"{path} is not MNIST: its arrays have the shapes {found}, not {shapes}. {advice}.")
    labels = np.union1d(arrays[1], arrays[3])
    if any(array.dtype != np.uint8 for array in arrays) or not np.array_equal(labels, np.arange(10)):
        raise DatasetError(f"{path} is not MNIST: it does not hold bytes with the labels 0 to 9. {advice}.")
    return arrays


def _download_mnist(folder: Path, verbose: bool) -> Arrays:
    """Download MNIST into a folder, where it gets its name only once its checksum is right, and read it."""
    import pooch

    # It writes the file's whole path to stderr, which notebooks show in red.
    pooch.get_logger().setLevel("WARNING")
    try:
        reach(MNIST_URL, CONNECT_SECONDS)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            if not os.access(folder, os.W_OK):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            if verbose:
                print(f"Downloading MNIST from {MNIST_URL}")
            downloader = pooch.HTTPDownloader(progressbar=verbose, timeout=(CONNECT_SECONDS, STALL_SECONDS))
            return read_mnist(pooch.retrieve(MNIST_URL, MNIST_SHA256, "mnist.npz", folder, downloader=downloader))
    except (OSError, ValueError) as error:
        raise DatasetError(reason(error, MNIST_URL, "MNIST")) from None


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


DATASET = Dataset(
    name="mnist",
    title="MNIST",
    sample_title="scikit-learn's digits, enlarged to 28×28",
    class_names=tuple("0123456789"),
    n_train=60000,
    load=load_mnist,
    sample=mnist_sample,
    sample_folder="sklearn/datasets/data",
)
