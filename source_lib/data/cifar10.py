"""CIFAR-10: real images, all or a part, and a sample cut from photographs that come with scikit-image."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from source_lib.data.dataset import Arrays, Dataset
from source_lib.data.downloading import below_home, reach, reason
from source_lib.data.locations import DATA_VARIABLE, DatasetError, keras_cache

#: Where Keras downloads CIFAR-10 from, and the folder in its cache that it unpacks it into.
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
CACHE_FOLDER = "cifar-10-batches-py-target"
#: Files in the folder of the course: all of it, or a part. The first that is there is taken.
FILES = ("cifar10.npz", "cifar10_subset.npz")
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIZE = 32
#: What a part of it must have at least, so that ten classes can be learned and tested.
LEAST_TRAIN, LEAST_TEST = 1000, 500

#: The photographs that the sample is cut from, in scikit-image's own package: the classes of the sample.
PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "motorcycle_left",
    "ihc",
)
PHOTOGRAPH_NAMES = ("astronaut", "brick wall", "photographer", "cat", "coffee", "coins", "grass", "gravel")
PHOTOGRAPH_NAMES += ("motorcycle", "tissue")
N_CROPS_TRAIN, N_CROPS_TEST = 3000, 1000
#: Each photograph is laid out in so many rows and columns of tiles, of which every other one is for testing.
TILES = 4
#: The side of a crop, as a part of the shorter side of a tile.
_LEAST_CROP, _MOST_CROP = 0.5, 0.98
#: How much the light of a crop may vary, and the noise on it, as parts of its range.
_CONTRAST, _NOISE = (0.35, 1.0), 0.06


def load_cifar10(verbose: bool = True) -> tuple[Arrays, str]:
    """Return CIFAR-10 from a file in ``$CNN_COURSE_DATA``, from Keras' cache, or downloaded by Keras, in this order.

    Parameters
    ----------
    verbose : bool
        Whether a download shows its progress.

    Returns
    -------
    arrays : tuple of numpy.ndarray
        ``x_train`` [N, 32, 32, 3], ``y_train`` [N], ``x_test`` [M, 32, 32, 3], ``y_test`` [M], as uint8. All of
        CIFAR-10 has N = 50,000 and M = 10,000; a file of the course may hold a part of it.
    origin : str
        Where they came from, in a few words.

    Raises
    ------
    DatasetError
        If there is a file in ``CNN_COURSE_DATA`` that is not CIFAR-10 or not whole, or if there is none and it cannot
        be downloaded.

    References
    ----------
    A. Krizhevsky, "Learning multiple layers of features from tiny images", technical report, University of Toronto,
    2009.
    """
    folder = os.environ.get(DATA_VARIABLE, "")
    own = Path(folder).expanduser().absolute() if folder else None
    for name in FILES if own is not None else ():
        if os.path.lexists(own / name):
            return read_cifar10(own / name), f"{name} in the folder {DATA_VARIABLE}"
    kept = keras_cache() / CACHE_FOLDER
    try:
        return _of_keras(kept, verbose), "Keras' cache" if kept.is_dir() else "a fresh download"
    except DatasetError as error:
        missing = f"There is no {' or '.join(FILES)} in {own}, which {DATA_VARIABLE} names. " if own else ""
        raise DatasetError(
            f"{missing}CIFAR-10 could not be downloaded: {error}. Where there is a connection, "
            f"keras.datasets.cifar10.load_data() downloads it to {below_home(kept)}; or set {DATA_VARIABLE} to a "
            f"folder that holds {' or '.join(FILES)}."
        ) from None


def read_cifar10(path: str | os.PathLike) -> Arrays:
    """Read CIFAR-10, or a part of it, from an ``.npz`` file and make sure that it is that.

    Parameters
    ----------
    path : str or path
        A file with the keys ``x_train``, ``y_train``, ``x_test`` and ``y_test``; if it has ``class_names`` too, they
        must be those of CIFAR-10 in their order.

    Returns
    -------
    tuple of numpy.ndarray
        The four arrays, as in `load_cifar10`.

    Raises
    ------
    DatasetError
        If the file cannot be read, is cut off, or does not hold images of CIFAR-10's form with all ten classes.
    """
    keys = ("x_train", "y_train", "x_test", "y_test")
    advice = "Delete it, or replace it by a whole copy"
    try:
        # Reading all of an archive's member compares it with the checksum that the archive holds.
        with np.load(path, allow_pickle=False) as archive:
            x, y, x_test, y_test = (archive[key] for key in keys)
            names = tuple(archive["class_names"].tolist()) if "class_names" in archive else NAMES
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}. {advice}.") from None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError):
        raise DatasetError(f"{path} is damaged, perhaps by an interrupted download. {advice}.") from None
    except (KeyError, TypeError, AttributeError, NotImplementedError):
        raise DatasetError(f"{path} is not CIFAR-10: it lacks one of the arrays {', '.join(keys)}. {advice}.") from None
    y, y_test = (labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels for labels in (y, y_test))
    if names != NAMES:
        raise DatasetError(
            f"{path} is not CIFAR-10: its classes are called {', '.join(map(str, names[:12]))}. {advice}."
        )
    for images, labels, least in ((x, y, LEAST_TRAIN), (x_test, y_test, LEAST_TEST)):
        if images.shape[1:] != (SIZE, SIZE, 3) or labels.shape != images.shape[:1] or len(images) < least:
            found = f"{list(images.shape)} and {list(labels.shape)}"
            raise DatasetError(
                f"{path} is not CIFAR-10: it has images and labels of the shapes {found}, where [N, {SIZE}, {SIZE}, 3] "
                f"and [N] are needed with N at least {least}. {advice}."
            )
        if images.dtype != np.uint8 or labels.dtype.kind not in "iu" or set(np.unique(labels)) != set(range(10)):
            raise DatasetError(f"{path} is not CIFAR-10: it does not hold bytes with the labels 0 to 9. {advice}.")
    return x, y.astype(np.uint8), x_test, y_test.astype(np.uint8)


def _of_keras(kept: Path, verbose: bool) -> Arrays:
    """Let Keras download CIFAR-10, compare it with its checksum, unpack and read it."""
    try:
        if not kept.is_dir():
            reach(CIFAR10_URL)
        from keras.datasets import cifar10

        with contextlib.nullcontext() if verbose else contextlib.redirect_stdout(io.StringIO()):
            (x, y), (x_test, y_test) = cifar10.load_data()
    # Keras passes on whatever urllib, tarfile and its own reader raise.
    except Exception as error:
        raise DatasetError(reason(error, CIFAR10_URL, "CIFAR-10")) from None
    return x, y[:, 0], x_test, y_test[:, 0]


def cifar10_sample() -> Arrays:
    """Return crops of ten photographs in the layout of CIFAR-10: the class is which photograph a crop is from.

    Half of each photograph, tile by tile, is for training and the other half for testing, so that no pixel is in both.
    A crop is printed in two colors that are drawn for it, so that colors say nothing about its class.

    Returns
    -------
    x_train : numpy.ndarray of uint8, shape [3000, 32, 32, 3]
    y_train : numpy.ndarray of uint8, shape [3000]
        0 to 9: `PHOTOGRAPH_NAMES`.
    x_test, y_test : numpy.ndarray
        1000 crops and their classes.

    Examples
    --------
    >>> x_train, y_train, x_test, y_test = cifar10_sample()
    >>> x_train.shape, x_test.shape
    ((3000, 32, 32, 3), (1000, 32, 32, 3))
    """
    x, y = crops(np.random.default_rng(0), N_CROPS_TRAIN, "train")
    return x, y, *crops(np.random.default_rng(1), N_CROPS_TEST, "test")


def crops(rng: np.random.Generator, count: int, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Draw crops of the photographs.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        How many; each class as often, to one.
    part : {"train", "test"}
        Which tiles of the photographs they are from.

    Returns
    -------
    images : numpy.ndarray of uint8, shape [count, 32, 32, 3]
    labels : numpy.ndarray of uint8, shape [count]
    """
    if part not in ("train", "test"):
        raise ValueError(f"The photographs have tiles for 'train' and for 'test', and none for {part!r}.")
    labels = rng.permutation(np.arange(count) % len(PHOTOGRAPHS)).astype(np.uint8)
    gray = np.stack([_crop(rng, _photograph(PHOTOGRAPHS[label]), part == "test") for label in labels])
    return _printed(rng, gray), labels


def _crop(rng: np.random.Generator, photograph: np.ndarray, test: bool) -> np.ndarray:
    """Return one square of a photograph, [32, 32], that lies in one tile."""
    from skimage.transform import resize

    rows, columns = (n // TILES for n in photograph.shape)
    row = int(rng.integers(TILES))
    # As on a chessboard.
    column = int(2 * rng.integers(TILES // 2) + (row + test) % 2)
    side = int(min(rows, columns) * rng.uniform(_LEAST_CROP, _MOST_CROP))
    top, left = row * rows + rng.integers(rows - side + 1), column * columns + rng.integers(columns - side + 1)
    found = photograph[top : top + side, left : left + side]
    found = found[:, ::-1] if rng.random() < 0.5 else found
    return resize(found, (SIZE, SIZE), order=1, mode="edge", anti_aliasing=side > SIZE)


def _printed(rng: np.random.Generator, gray: np.ndarray) -> np.ndarray:
    """Return gray images [N, 32, 32] printed in two colors each, with light and noise that vary."""
    count = len(gray)
    low = gray.min(axis=(1, 2), keepdims=True)
    spread = gray.max(axis=(1, 2), keepdims=True) - low
    gray = (gray - low) / np.maximum(spread, 1e-3)
    gray = gray + rng.normal(0, _NOISE, gray.shape)
    ink = rng.uniform(0, 1, (count, 1, 1, 3))
    paper = rng.uniform(0, 1, (count, 1, 1, 3))
    # Dark and light stay apart, and which of them is printed stays as it was.
    dark, light = np.minimum(ink, paper), np.maximum(ink, paper)
    strength = rng.uniform(*_CONTRAST, (count, 1, 1, 1))
    middle = (dark + light) / 2
    half = np.maximum((light - dark) / 2, 0.15) * strength
    return np.clip(255 * (middle + half * (2 * gray[..., None] - 1)), 0, 255).round().astype(np.uint8)


@functools.cache
def _photograph(name: str) -> np.ndarray:
    """Return one of scikit-image's photographs in gray, from 0 to 1, made smaller so that a crop shows something."""
    from skimage import data, io
    from skimage.color import rgb2gray
    from skimage.transform import rescale
    from skimage.util import img_as_float

    folder = Path(data.__file__).parent
    image = img_as_float(io.imread(folder / f"{name}.png"))
    image = rgb2gray(image[..., :3]) if image.ndim == 3 else image
    return rescale(image, 320 / min(image.shape), order=1, mode="edge", anti_aliasing=True)


DATASET = Dataset(
    name="cifar10",
    title="CIFAR-10",
    sample_title="crops of ten photographs of scikit-image",
    class_names=NAMES,
    n_train=50000,
    load=load_cifar10,
    sample=cifar10_sample,
    sample_folder="skimage/data",
    sample_class_names=PHOTOGRAPH_NAMES,
)
