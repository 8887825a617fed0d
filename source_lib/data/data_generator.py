"""Data sets for the labs, split and scaled alike: one call, the same attributes whatever the images show."""

from __future__ import annotations

import operator
import os
from pathlib import Path

import numpy as np

from source_lib.data.cifar10 import DATASET as CIFAR10
from source_lib.data.dataset import Arrays, Dataset
from source_lib.data.locations import DatasetError
from source_lib.data.mnist import DATASET as MNIST
from source_lib.data.patchcam import DATASET as PATCHCAM

#: The data sets by their names.
DATASETS = {dataset.name: dataset for dataset in (MNIST, PATCHCAM, CIFAR10)}
_LATER = ("boston",)
#: What has masks in place of classes, and how that is loaded.
_MASKS = {"glands": "source_lib.data.glands.load()"}


def dataset_names() -> tuple[str, ...]:
    """Return the names that `DataGenerator.generate` knows in this version.

    Examples
    --------
    >>> dataset_names()
    ('mnist', 'patchcam', 'cifar10')
    """
    return tuple(DATASETS)


class DataGenerator:
    """Load a data set, split it, and scale it for a network.

    Parameters
    ----------
    verbose : bool
        Whether `generate` prints in one line what it loaded. A sample that takes the place of real images is always
        announced.

    Attributes
    ----------
    x_train, x_valid, x_test : numpy.ndarray of float32, shape [N, D_y, D_x, C]
        Images, scaled to [-1, 1]. The channel axis is there for gray images too.
    y_train, y_valid, y_test : numpy.ndarray of int64, shape [N]
        Class of each image, 0 to K - 1. ``y_test`` is None where whoever grades keeps these labels, as of patchcam.
    y_train_oh, y_valid_oh, y_test_oh : numpy.ndarray of float32, shape [N, K]
        The same, one-hot: 1 in the column of the class, 0 elsewhere.
    K : int
        Number of classes.
    C : int
        Number of channels: 1 for gray images, 3 for color.
    N_train, N_valid, N_test : int
        Number of images in each part.
    class_names : tuple of str
        What the K classes are called.
    dataset : str
        The name that `generate` was given.
    source : str
        ``"real"`` or ``"sample"``: what these images are, whatever was requested.
    title : str
        Name of the images for figures and tables. For a sample it says so.

    Examples
    --------
    >>> data = DataGenerator(verbose=False)
    >>> data.generate("mnist", N_train=128, N_valid=100, source="sample")
    >>> data.x_train.shape, data.y_valid_oh.shape, data.source
    ((128, 28, 28, 1), (100, 10), 'sample')
    """

    def __init__(self, verbose: bool = True):
        self.verbose = verbose

    def generate(
        self,
        dataset: str,
        N_train: int | None = None,
        N_valid: int | None = None,
        *,
        N_test: int | None = None,
        source: str = "auto",
        seed: int = 0,
        sample_test: str | os.PathLike | np.ndarray | None = None,
    ) -> None:
        """Load a data set into the attributes of this object.

        The images that the data set has for training are shuffled and split: ``N_valid`` of them are for validation,
        ``N_train`` others for training. A data set that brings validation images of its own, as patchcam does, takes
        them from those. Parts that were chosen have their classes balanced, to one image as long as no class runs out.
        The test images keep their order.

        Parameters
        ----------
        dataset : str
            A name from `dataset_names`.
        N_train : int, optional
            Number of training images; all that validation leaves by default.
        N_valid : int, optional
            Number of validation images. By default all that the data set brings for it, and none where it brings none.
        N_test : int, optional
            Number of test images; all of them by default, and always all where their labels are kept back.
        source : {"auto", "real", "sample"}
            ``"real"`` looks in the folder that the environment variable ``CNN_COURSE_DATA`` names, then in Keras'
            cache, then downloads. ``"sample"`` takes a sample that works offline. ``"auto"`` tries the
            first, falls back on the second, and prints that. A sample that has fewer images than requested gives all
            that it has, in the proportions requested.
        seed : int
            Decides which images are chosen and in which order; the same seed gives the same arrays.
        sample_test : str, path or numpy.ndarray of uint8, optional
            Test images for the sample of a data set whose test labels are kept back, in place of its own, which are
            for practice: a file that `numpy.save` wrote, or the images. Where there is no such file, and with real
            images, it changes nothing.

        Raises
        ------
        DatasetError
            If the data set is unknown or not yet available, a number of images is impossible, ``source="real"`` and
            the data is missing or damaged, or `sample_test` holds no such images. The message says what to do. The
            attributes are left as they were.
        """
        known = _find(dataset)
        if source not in ("auto", "real", "sample"):
            raise DatasetError(f"There is no source {source!r}. Use 'auto', 'real' or 'sample'.")
        N_valid = None if N_valid is None else _count("N_valid", N_valid, 0)
        N_train = None if N_train is None else _count("N_train", N_train, 1)
        N_test = None if N_test is None else _count("N_test", N_test, 1)
        if known.brings_validation and N_test is not None:
            raise DatasetError(f"All test images of {known.title} are to be predicted: leave N_test={N_test} out.")

        arrays, kind, origin = _load(known, source, self.verbose)
        x, y, x_test, y_test, *own = arrays
        practice = kind == "sample" and known.brings_validation and sample_test is not None
        if practice and (given := _given(sample_test, x_test)) is not None:
            x_test, y_test, practice = given, None, False
        requested, shrunk = (N_train, N_valid, N_test), False
        if kind == "sample":
            N_train, N_valid, N_test = _fit(known, *requested, [len(part) for part in (x, x_test, *own[:1])])
            shrunk = requested != (N_train, N_valid, N_test)
        if N_test is not None and N_test > len(x_test):
            raise DatasetError(f"{known.title} has {len(x_test)} test images; N_test={N_test} requests more.")

        rng = np.random.default_rng(seed)
        if known.brings_validation:
            N_train, N_valid = _own_parts(known, N_train, N_valid, len(x), len(own[0]))
            train, valid = _balanced_order(y, rng)[:N_train], _balanced_order(own[1], rng)[:N_valid]
        else:
            N_valid = N_valid or 0
            N_train = _available(known, N_train, N_valid, len(x))
            order = _balanced_order(y, rng)
            own = [x, y]
            valid, train = order[:N_valid], rng.permutation(order[N_valid : N_valid + N_train])
        test = np.arange(len(x_test)) if N_test is None else np.sort(_balanced_order(y_test, rng)[:N_test])

        self.dataset = dataset
        self.source = kind
        self.title = known.title if kind == "real" else f"Sample, not {known.title}: {known.sample_title}"
        names = known.sample_class_names if kind == "sample" else ()
        self.class_names = names or known.class_names
        self.K = len(known.class_names)
        for part, images, labels in (
            ("train", x[train], y[train]),
            ("valid", own[0][valid], own[1][valid]),
            ("test", x_test[test], None if y_test is None else y_test[test]),
        ):
            setattr(self, f"x_{part}", _scale(images))
            setattr(self, f"y_{part}", None if labels is None else labels.astype(np.int64))
            setattr(self, f"y_{part}_oh", None if labels is None else np.eye(self.K, dtype=np.float32)[labels])
            setattr(self, f"N_{part}", len(images))
        self.C = self.x_train.shape[-1]

        counts = f"{self.N_train} training, {self.N_valid} validation and {self.N_test} test images"
        if kind == "real" and self.verbose:
            print(f"{known.title}, from {origin}: {counts}.")
        elif kind == "sample" and (self.verbose or source == "auto"):
            fewer = " (all that it has)" if shrunk else ""
            why = f" {origin}" if origin else ' For the real images use source="real" or "auto".'
            why += f" There is no {sample_test} here, so these test images are for practice." if practice else ""
            print(f"This is a sample, not {known.title}: {known.sample_title}; {counts}{fewer}.{why}")

    def plot(self, xx: np.ndarray, yy: np.ndarray, *, count: int = 16) -> None:
        """Draw the first images of an array with their classes, on a new figure.

        Parameters
        ----------
        xx : numpy.ndarray, shape [N, D_y, D_x, C]
            Images in [-1, 1], for example ``x_train``.
        yy : numpy.ndarray, shape [N] or [N, K]
            Their classes, as numbers or one-hot.
        count : int
            How many to draw at most.

        Raises
        ------
        ValueError
            If there are no images, or not as many classes as images.
        """
        import matplotlib.pyplot as plt

        xx, yy = np.asarray(xx), np.asarray(yy)
        if xx.ndim != 4 or len(xx) == 0:
            raise ValueError(f"xx holds images as [N, D_y, D_x, C] with N at least 1; this one has shape {xx.shape}.")
        if len(yy) != len(xx):
            raise ValueError(f"There are {len(xx)} images but {len(yy)} classes.")
        if yy.ndim == 2:
            yy = yy.argmax(axis=1)
        shown = min(count, len(xx))
        columns = min(8, shown)
        rows = -(-shown // columns)
        figure, axes = plt.subplots(
            rows, columns, figsize=(1.2 * columns, 1.4 * rows + 0.5), squeeze=False, layout="constrained"
        )
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, image, label in zip(axes.flat, xx[:shown], yy[:shown], strict=False):
            ax.imshow((image.squeeze(-1) if image.shape[-1] == 1 else image) / 2 + 0.5, cmap="gray", vmin=0, vmax=1)
            ax.set_title(self.class_names[int(label)], fontsize=9)
        figure.suptitle(self.title, fontsize=10)


def _find(dataset: str) -> Dataset:
    known = ", ".join(DATASETS)
    if dataset in _LATER:
        raise DatasetError(f"The data set {dataset!r} is not yet available in this version. Available: {known}.")
    if dataset in _MASKS:
        raise DatasetError(f"{dataset!r} has masks in place of classes. Load it with {_MASKS[dataset]}.")
    if dataset not in DATASETS:
        raise DatasetError(f"There is no data set {dataset!r}. Available: {known}.")
    return DATASETS[dataset]


def _count(name: str, value: int, least: int) -> int:
    try:
        count = operator.index(value)
    except TypeError:
        raise DatasetError(f"{name} is a number of images, such as 1000; got {value!r}.") from None
    if count < least:
        raise DatasetError(f"{name} is {count}; it must be at least {least}.")
    return count


def _load(known: Dataset, source: str, verbose: bool) -> tuple[Arrays, str, str]:
    """Return the arrays, what they are, and where they are from (or why they are not the real ones)."""
    if source == "sample":
        return known.sample(), "sample", ""
    try:
        arrays, origin = known.load(verbose)
        return arrays, "real", origin
    except DatasetError as error:
        if source == "real":
            raise
        return known.sample(), "sample", str(error)


def _given(images: str | os.PathLike | np.ndarray, like: np.ndarray) -> np.ndarray | None:
    """Return the test images that are to take the place of a sample's, or None where there is no such file."""
    if isinstance(images, np.ndarray):
        found, where = images, "sample_test"
    else:
        where = Path(images)
        if not where.is_file():
            return None
        try:
            found = np.load(where, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DatasetError(
                f"{where} cannot be read ({error}). Replace it by the file that came with the lab."
            ) from None
    if not isinstance(found, np.ndarray) or found.dtype != np.uint8 or found.shape[1:] != like.shape[1:]:
        wanted = ", ".join(map(str, like.shape[1:]))
        raise DatasetError(
            f"{where} does not hold images [N, {wanted}] of uint8. Replace it by the file that came with the lab."
        )
    return found


def _fit(
    known: Dataset, N_train: int | None, N_valid: int | None, N_test: int | None, has: list[int]
) -> tuple[int | None, int | None, int | None]:
    """Shrink the numbers requested of the real data set to what a sample has, in the same proportions."""
    if known.brings_validation:
        N_train, N_valid = (None if n is None else min(n, most) for n, most in ((N_train, has[0]), (N_valid, has[2])))
    elif (N_train or 1) + (N_valid or 0) > has[0]:
        wanted = N_train or max(known.n_train - N_valid, 1)
        N_valid = N_valid * has[0] // (wanted + N_valid) if N_valid else N_valid
        N_train = has[0] - (N_valid or 0) if N_train else None
    return N_train, N_valid, None if N_test is None else min(N_test, has[1])


def _own_parts(known: Dataset, N_train: int | None, N_valid: int | None, has: int, has_valid: int) -> tuple[int, int]:
    for name, requested, there in (("training", N_train, has), ("validation", N_valid, has_valid)):
        if requested is not None and requested > there:
            raise DatasetError(f"{known.title} has {there} images for {name}; {requested} were requested.")
    return has if N_train is None else N_train, has_valid if N_valid is None else N_valid


def _available(known: Dataset, N_train: int | None, N_valid: int, has: int) -> int:
    left = has - N_valid
    if left < (N_train or 1):
        raise DatasetError(
            f"{known.title} has {has} images for training and validation together; "
            f"N_train={N_train} and N_valid={N_valid} request more."
        )
    return N_train or left


def _balanced_order(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random order in which every beginning has the classes in equal numbers, as long as they last."""
    shuffled = rng.permutation(len(labels))
    turn = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels[shuffled] == label)
        turn[members] = np.arange(len(members))
    # Within one turn, shuffling decides which class comes first.
    return shuffled[np.argsort(turn, kind="stable")]


def _scale(images: np.ndarray) -> np.ndarray:
    """Map bytes to float32 in [-1, 1] and give gray images a channel axis."""
    scaled = images.astype(np.float32)
    scaled /= np.float32(127.5)
    scaled -= np.float32(1)
    return scaled[..., np.newaxis] if scaled.ndim == 3 else scaled
