"""PatchCamelyon: read the course's part of it, make that part from the official files, and draw tissue as a sample.

References
----------
B. S. Veeling, J. Linmans, J. Winkens, T. Cohen and M. Welling, "Rotation equivariant CNNs for digital pathology",
MICCAI 2018. B. Ehteshami Bejnordi et al., "Diagnostic assessment of deep learning algorithms for detection of lymph
node metastases in women with breast cancer", JAMA 318(22), 2017.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from source_lib.atomic_files import atomic_write
from source_lib.data.dataset import Dataset
from source_lib.data.locations import DATA_VARIABLE, DatasetError, keras_cache
from source_lib.predictions import write_csv
from source_lib.text import shorten

FOLDER = "patchcam"
#: Height and width of the course's images, in pixels: the part of an official one that decides its class.
SIZE = 32
#: How many images a course gets of each part.
COUNTS = {"train": 20000, "valid": 3000, "test": 3000}
MANIFEST = "patchcam.json"
#: How many drawn images of tissue there are of each part. The test part that comes with the package is for practice.
TISSUE_COUNTS = {"train": 3000, "valid": 500, "test": 500}
#: How many test images a course draws for itself: another number, so that files of the wrong ones are known by it.
N_TISSUE_TEST = 1000
#: Which part of the nuclei is long, on average, in images of class 0 and of class 1.
_LONG = (0.25, 0.75)
#: Beside a course's secret, so that what else is drawn with it is drawn otherwise.
_OF_COURSE = 3
#: Images that are read at once: of the official size, 28 MB.
_AT_ONCE = 1024
#: Where the official files keep images and labels, and where the course's own do.
_OFFICIAL = ("camelyonpatch_level_2_split_{part}_x.h5", "camelyonpatch_level_2_split_{part}_y.h5")
_OWN = ("{part}.h5", "{part}.h5")


def folder_for_data() -> Path:
    """Return the folder where the course looks for PatchCamelyon first, and makes it."""
    folder = os.environ.get(DATA_VARIABLE, "")
    return (Path(folder).expanduser().absolute() if folder else keras_cache()) / FOLDER


def load_patchcam(verbose: bool = True) -> tuple[tuple[np.ndarray | None, ...], str]:
    """Return PatchCamelyon from ``$CNN_COURSE_DATA/patchcam``, or from Keras' cache.

    Parameters
    ----------
    verbose : bool
        Not used: nothing is downloaded.

    Returns
    -------
    arrays : tuple
        As `read_patchcam` returns them.
    origin : str
        Where they came from, in a few words.

    Raises
    ------
    DatasetError
        If it is in neither place, or damaged.
    """
    folder = find_patchcam()
    if folder is None:
        raise DatasetError(
            f"There is no PatchCamelyon in {folder_for_data()}. Get the files of your course and put them there, or "
            "make them from the official ones: cnn-course data patchcam --from DIR"
        )
    return read_patchcam(folder), "Keras' cache" if folder == keras_cache() / FOLDER else f"the folder {DATA_VARIABLE}"


def find_patchcam() -> Path | None:
    """Return the folder with files of PatchCamelyon that is read, whole or not; None where there is none."""
    places = dict.fromkeys((folder_for_data(), keras_cache() / FOLDER))
    names = ("train.h5", "valid.h5", "test_x.h5")
    return next((folder for folder in places if any(os.path.lexists(folder / name) for name in names)), None)


def read_patchcam(folder: str | os.PathLike) -> tuple[np.ndarray | None, ...]:
    """Read the course's part of PatchCamelyon and make sure that all of it is there.

    Parameters
    ----------
    folder : str or path
        Holds ``train.h5`` and ``valid.h5``, with the data sets ``x`` and ``y``, and ``test_x.h5`` with ``x`` alone.

    Returns
    -------
    x_train, y_train, x_test, y_test, x_valid, y_valid : numpy.ndarray of uint8, or None
        Images [N, 32, 32, 3] and labels [N], 1 where there is tumor tissue. ``y_test`` is None: whoever made the files
        keeps these labels.

    Raises
    ------
    DatasetError
        If a file is missing, cannot be read, is not whole or not what it should be.
    """
    folder = Path(folder)
    sums = _checksums(folder)
    (x_train, y_train), (x_valid, y_valid) = (
        _read(folder / f"{part}.h5", ("x", "y"), sums) for part in ("train", "valid")
    )
    (x_test,) = _read(folder / "test_x.h5", ("x",), sums)
    return x_train, y_train, x_test, None, x_valid, y_valid


def _checksums(folder: Path) -> Mapping[str, str]:
    # Files that were made elsewhere come without a list of checksums.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return dict(json.loads((folder / MANIFEST).read_text())["sha256"])
    return {}


def _read(path: Path, names: tuple[str, ...], sums: Mapping[str, str]) -> tuple[np.ndarray, ...]:
    import h5py

    advice = "Replace it by a whole copy"
    if not path.is_file():
        raise DatasetError(f"{path} is missing. {advice}, or make it: cnn-course data patchcam --from DIR")
    if path.name in sums and _sha256(path) != sums[path.name]:
        raise DatasetError(f"{path} is not as it was made: its checksum differs. {advice}.")
    try:
        with h5py.File(path, "r") as file:
            arrays = tuple(np.asarray(file[name]) for name in names)
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read, perhaps since it is not whole ({_reason(error)}). {advice}."
        ) from None
    except (KeyError, TypeError, ValueError):
        raise DatasetError(f"{path} is not PatchCamelyon: it lacks {' or '.join(names)}. {advice}.") from None
    x = arrays[0]
    if x.ndim != 4 or x.shape[1:] != (SIZE, SIZE, 3) or x.dtype != np.uint8 or not len(x):
        raise DatasetError(
            f"{path} holds images of shape {x.shape} and type {x.dtype}, where [N, {SIZE}, {SIZE}, 3] of uint8 is "
            "expected. The course's part of official files is made by: cnn-course data patchcam --from DIR"
        )
    labels = [array.reshape(-1) for array in arrays[1:]]
    if any(len(y) != len(x) or not np.isin(y, (0, 1)).all() for y in labels):
        raise DatasetError(f"{path} does not hold a label, 0 or 1, for each of its {len(x)} images. {advice}.")
    return x, *(y.astype(np.uint8) for y in labels)


def make_patchcam(
    origin: str | os.PathLike,
    target: str | os.PathLike,
    counts: Mapping[str, int] = COUNTS,
    seed: int = 0,
    labels: str | os.PathLike | None = None,
    progress: Callable[[str, int, int], None] = lambda part, done, total: None,
) -> dict[str, Any]:
    """Make the course's part of PatchCamelyon from the official files, or a smaller part from a course's own.

    Of each part a random choice is taken, half of it with tumor tissue, and the center of 32×32 pixels of each image,
    which is what the label is about. Images are read a few at a time, so memory does not grow with the files. A file
    gets its name once it is whole.

    Parameters
    ----------
    origin : str or path
        Holds ``camelyonpatch_level_2_split_train_x.h5`` and so on, or a course's own ``train.h5`` and ``valid.h5``. Of
        these the test images are taken from what is left of ``valid.h5``.
    target : str or path
        Folder for ``train.h5``, ``valid.h5``, ``test_x.h5`` and a list of their checksums; made where it is missing.
    counts : mapping of str to int
        Images of ``train``, ``valid`` and ``test``.
    seed : int
        Of the choice.
    labels : str or path, optional
        File for the labels of the test images, ``id,class``. Not for students; it must not lie in `target`.
    progress : callable
        Gets a part's name, and how many of how many images of it were looked at.

    Returns
    -------
    dict
        The manifest: seed, number of images, where they are from, and the checksum of each file.

    Raises
    ------
    DatasetError
        If a file is missing or not what it should be, has too few images, or one cannot be written.
    """
    origin, target = Path(origin), Path(target)
    labels = None if labels is None else Path(labels)
    if labels is not None and labels.absolute().parent == target.absolute():
        raise DatasetError(f"{labels} would lie among what students get. Keep the labels of the test images elsewhere.")
    if origin.resolve() == target.resolve():
        raise DatasetError(f"{target} holds what is read. Name another folder with --to.")
    rng = np.random.default_rng(seed)
    try:
        target.mkdir(parents=True, exist_ok=True)
        made: dict[str, str] = {}
        for part, (images, y, rows) in _parts(origin, counts, rng).items():
            name = "test_x.h5" if part == "test" else f"{part}.h5"
            given = None if part == "test" else y
            _write_part(images, target / name, rows, given, lambda done, total, part=part: progress(part, done, total))
            made[name] = _sha256(target / name)
            if part == "test" and labels is not None:
                labels.parent.mkdir(parents=True, exist_ok=True)
                write_csv(labels, "class", y)
    except OSError as error:
        raise DatasetError(f"The files cannot be made ({_reason(error)}).") from None
    manifest = {"from": origin.name, "seed": seed, "images": dict(counts), "sha256": made}
    with atomic_write(target / MANIFEST) as part:
        part.write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def _parts(
    origin: Path, counts: Mapping[str, int], rng: np.random.Generator
) -> dict[str, tuple[Path, np.ndarray, np.ndarray]]:
    """Return for each part the file of its images, the labels of those to take, and their rows, in that order."""
    if not origin.is_dir():
        raise DatasetError(f"There is no folder {origin}.")
    packed = sorted(path.name for path in origin.glob("*.h5.gz"))
    names = next((names for names in (_OFFICIAL, _OWN) if (origin / names[0].format(part="train")).is_file()), None)
    if names is None:
        if packed:
            raise DatasetError(f"The files in {origin} are packed. Unpack them first: gunzip {origin}/*.h5.gz")
        wanted = _OFFICIAL[0].format(part="train")
        raise DatasetError(f"There is no {wanted} in {origin}, and no train.h5. Name the folder of the official files.")
    chosen: dict[str, tuple[Path, np.ndarray, np.ndarray]] = {}
    for part in ("train", "valid", "test"):
        images, truth = (origin / name.format(part=part) for name in names)
        held_out = part == "test" and names is _OWN and not images.is_file()
        if held_out:
            images, truth = (origin / name.format(part="valid") for name in names)
        for path in (images, truth):
            if not path.is_file():
                also = f" Unpack it first: gunzip {path}.gz" if f"{path.name}.gz" in packed else ""
                raise DatasetError(f"{path} is missing.{also}")
        y = _labels(truth)
        free = np.setdiff1d(np.arange(len(y)), chosen["valid"][2]) if held_out else np.arange(len(y))
        rows = _balanced(y, free, counts[part], images, rng)
        chosen[part] = images, y[rows], rows
    return chosen


def _balanced(y: np.ndarray, free: np.ndarray, count: int, path: Path, rng: np.random.Generator) -> np.ndarray:
    halves = (count - count // 2, count // 2)
    rows = []
    for label, half in enumerate(halves):
        members = free[y[free] == label]
        if len(members) < half:
            raise DatasetError(f"{path} has {len(members)} images left of class {label}; {half} were requested.")
        rows.append(rng.choice(members, half, replace=False))
    return rng.permutation(np.concatenate(rows))


def _labels(path: Path) -> np.ndarray:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            y = np.asarray(file["y"]).reshape(-1)
    except (KeyError, TypeError):
        raise DatasetError(f"{path} holds no labels: there is no data set y in it.") from None
    if not np.isin(y, (0, 1)).all():
        raise DatasetError(f"{path} holds labels that are neither 0 nor 1.")
    return y.astype(np.uint8)


def _write_part(
    source: Path, target: Path, rows: np.ndarray, y: np.ndarray | None, progress: Callable[[int, int], None]
) -> None:
    import h5py

    with h5py.File(source, "r") as file, atomic_write(target) as part:
        try:
            images = file["x"]
            height, width, channels = images.shape[1:]
        except (KeyError, ValueError):
            raise DatasetError(f"{source} holds no images: there is no data set x [N, D_y, D_x, 3] in it.") from None
        if min(height, width) < SIZE or channels != 3:
            raise DatasetError(
                f"{source} holds images of {height}×{width} pixels and {channels} channels; {SIZE}×{SIZE}×3 is needed."
            )
        top, left = (height - SIZE) // 2, (width - SIZE) // 2
        with h5py.File(part, "w") as made:
            x = made.create_dataset(
                "x",
                (len(rows), SIZE, SIZE, 3),
                np.uint8,
                compression="gzip",
                chunks=(min(64, len(rows)), SIZE, SIZE, 3),
            )
            if y is not None:
                made.create_dataset("y", data=y)
            # Read in the order of the file, which is what makes it fast, and written to their own places.
            place = np.full(len(images), -1, np.int64)
            place[rows] = np.arange(len(rows))
            chosen = np.empty((len(rows), SIZE, SIZE, 3), np.uint8)
            for start in range(0, len(images), _AT_ONCE):
                wanted = place[start : start + _AT_ONCE]
                if (wanted >= 0).any():
                    block = images[start : start + _AT_ONCE, top : top + SIZE, left : left + SIZE]
                    chosen[wanted[wanted >= 0]] = block[wanted >= 0]
                progress(min(start + _AT_ONCE, len(images)), len(images))
            x[...] = chosen


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: OSError) -> str:
    return shorten(" ".join(str(error.strerror or error).split()), 120)


def patchcam_sample() -> tuple[np.ndarray, np.ndarray, np.ndarray, None, np.ndarray, np.ndarray]:
    """Return drawn tissue in the layout of PatchCamelyon, without the labels of the test images, as there.

    Nuclei lie on a stained ground. In half of the images most of them are round, in the others most are long: class 1.
    Their areas, their number, the colors and the sharpness are drawn alike for both, so color says next to nothing
    about the class, and since it is *most* of few nuclei, nobody can be right for all images. It is no tissue, and an
    accuracy on it says nothing about PatchCamelyon.

    Returns
    -------
    x_train, y_train, x_test, y_test, x_valid, y_valid : numpy.ndarray of uint8
        Images [N, 32, 32, 3] and classes [N], half of them 1; ``y_test`` is None. These test images are for practice:
        whoever grades draws others with `tissue_test`.

    Examples
    --------
    >>> x_train, y_train, x_test, y_test, x_valid, y_valid = patchcam_sample()
    >>> x_train.shape, y_train.mean(), y_test
    ((3000, 32, 32, 3), 0.5, None)
    """
    drawn = {part: _tissue([seed], count) for seed, (part, count) in enumerate(TISSUE_COUNTS.items())}
    return *drawn["train"], drawn["test"][0], None, *drawn["valid"]


def tissue_test(secret: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the test images that a course grades where it has no PatchCamelyon.

    Parameters
    ----------
    secret : int
        The course's. Whoever does not know it cannot compute the classes.

    Returns
    -------
    x : numpy.ndarray of uint8, shape [N, 32, 32, 3]
        The images, of the same kind as those of `patchcam_sample`.
    y : numpy.ndarray of uint8, shape [N]
        Their classes, half of them 1.

    Examples
    --------
    >>> x, y = tissue_test(20261128)
    >>> x.shape, y.mean()
    ((1000, 32, 32, 3), 0.5)
    """
    return _tissue([secret, _OF_COURSE], N_TISSUE_TEST)


def _tissue(seed: list[int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw images; nobody needs to be able to draw the same on another version of NumPy."""
    rng = np.random.default_rng(seed)
    most, size = 9, SIZE
    labels = rng.permutation(np.arange(count) % 2)
    nuclei = rng.integers(6, most + 1, (count, 1))
    order = rng.random((count, most)).argsort(axis=1)
    there = order < nuclei
    long = rng.random(there.shape) < np.asarray(_LONG)[labels][:, None]
    stretch = np.where(long, rng.uniform(1.7, 2.4, there.shape), rng.uniform(1.0, 1.3, there.shape))
    area = rng.uniform(5.0, 11.0, (count, 1)) * rng.uniform(0.7, 1.3, there.shape)
    turn = rng.uniform(0, np.pi, there.shape)
    # One to each field of 3×3, so that they rarely touch.
    fields = np.stack(np.divmod(np.arange(most), 3), axis=1) * size / 3 + size / 6
    places = fields + rng.uniform(-3.0, 3.0, (count, most, 2))
    sharp = rng.uniform(1.5, 3.5, (count, 1, 1))
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
    images += rng.normal(0, rng.uniform(7, 14, (count, 1, 1, 1)), images.shape)
    return np.clip(np.rint(images), 0, 255).astype(np.uint8), labels.astype(np.uint8)


DATASET = Dataset(
    name="patchcam",
    title="PatchCamelyon",
    sample_title="drawn tissue with round and long nuclei",
    class_names=("no tumor", "tumor"),
    n_train=COUNTS["train"],
    load=load_patchcam,
    sample=patchcam_sample,
    brings_validation=True,
)
