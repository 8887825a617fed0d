"""Masks of all images in one file: written, read up to a size that is known beforehand, and compared with the truth.

What is read here comes from students, and nothing in it is run.
"""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from source_lib.atomic_files import atomic_write
from source_lib.predictions import FileProblem, Predictions
from source_lib.text import counted

#: Pixels of all masks of a file whose number of images is not known.
MAX_PIXELS = 2**28
#: Larger files are not read.
MAX_BYTES = MAX_PIXELS // 8 + 2**20
#: Before the bytes of an array, NumPy's format has its type and shape.
_NPY_HEADER = 4096
#: Masks are told to be turned, mirrored or moved where they fit the truth better by so much of a correlation then, and
#: so well at least.
_BETTER, _FITS = 0.15, 0.4
#: Masks are told to be of another image where they fit that so well, and their own by so much less. Glands of two
#: images are alike by chance: the best pairs of a dozen had correlations beyond 0.4.
_FITS_OTHER, _FITS_LESS = 0.6, 0.4
#: By at most so many pixels masks are looked for beside their place.
_FARTHEST = 24


class _UnclearError(Exception):
    """Why a file cannot be understood, as the arguments of a `FileProblem` after the file's name."""


def write_masks(file: str | os.PathLike, masks: np.ndarray) -> Path:
    """Write the masks of all images, as they are handed in: packed bits in an ``.npz`` file.

    Parameters
    ----------
    file : str or path
        An older file of that name is replaced, once the new one is complete.
    masks : numpy.ndarray, shape [N, D_y, D_x]
        0 and 1, 0 and 255, or False and True.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ValueError
        If they are no masks.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_masks(Path(folder) / "masks.npz", np.ones((2, 3, 4)))
    ...     read_masks(path.read_bytes(), (3, 4)).values.shape
    (2, 3, 4)
    """
    path = Path(file)
    content = packed(masks)
    with atomic_write(path) as part:
        part.write_bytes(content)
    return path


def packed(masks: np.ndarray) -> bytes:
    """Return what a file of masks holds; `write_masks` writes it.

    Parameters
    ----------
    masks : numpy.ndarray, shape [N, D_y, D_x]

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If they are no masks.
    """
    masks = np.asarray(masks)
    if masks.ndim != 3 or masks.size == 0:
        raise ValueError(f"Masks have the shape [N, D_y, D_x]; these have {list(masks.shape)}.")
    levels = np.unique(masks)
    if len(levels) > 2 or not np.isin(levels, (0, 1, 255)).all():
        raise ValueError(f"A mask holds 0 and 1; these hold {len(levels)} values from {levels[0]:g} to {levels[-1]:g}.")
    file = io.BytesIO()
    np.savez_compressed(file, masks=np.packbits(masks > 0, axis=2))
    return file.getvalue()


def read_masks(content: bytes, shape: tuple[int, int], count: int | None = None, name: str = "the file") -> Predictions:
    """Read the masks of all images from one file, and say what is wrong with it.

    Parameters
    ----------
    content : bytes
        ``.npz`` with the array ``masks``: ``numpy.packbits(masks, axis=2)`` of masks [N, D_y, D_x]. Or a PNG of two
        levels, 0 and 255 or 0 and 1, without colors: one mask below the other, N·D_y rows of D_x pixels.
    shape : tuple of int
        D_y and D_x of a mask.
    count : int, optional
        Number of masks, N; by default as many as there are.
    name : str
        What to call the file.

    Returns
    -------
    Predictions
        Values of type bool and shape [N, D_y, D_x], None where what the file means is not clear.

    Examples
    --------
    >>> masks, file = np.array([[[1, 0, 1]], [[0, 0, 1]]]), io.BytesIO()
    >>> np.savez_compressed(file, masks=np.packbits(masks, axis=2))
    >>> read_masks(file.getvalue(), (1, 3)).values.astype(int)
    array([[[1, 0, 1]],
    <BLANKLINE>
           [[0, 0, 1]]])
    """
    problems: tuple[FileProblem, ...] = ()
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            values = _from_png(content, shape, count)
        elif content.startswith(b"PK"):
            values = _from_npz(content, shape, count)
        else:
            raise _UnclearError(None, "It is neither a PNG nor a .npz file.", _how(shape, count))
        if not values.any() or values.all():
            which = "Every pixel" if values.all() else "No pixel"
            problems = (FileProblem(name, None, f"{which} of all masks is marked.", "Look at the threshold."),)
        elif len(empty := np.flatnonzero(~values.any(axis=(1, 2)))):
            what = f"No pixel is marked in {_numbered(empty)}."
            problems = (FileProblem(name, None, what, harmless=True),)
    except _UnclearError as error:
        values, problems = None, (FileProblem(name, *error.args),)
    return Predictions(name, "mask", values, problems)


def _how(shape: tuple[int, int], count: int | None) -> str:
    size = f"[{'N' if count is None else count}, {shape[0]}, {shape[1]}]"
    return f"Write it with source_lib.masks.write_masks(file, masks), where the masks are {size} of 0 and 1."


def _from_png(content: bytes, shape: tuple[int, int], count: int | None) -> np.ndarray:
    from PIL import Image

    height, width = shape
    try:
        with warnings.catch_warnings():
            # Its size is known to be right before anything is unpacked.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                found = -(-image.height // height) if count is None else count
                if image.size != (width, found * height) or found * height * width > MAX_PIXELS:
                    if image.width == width and image.height % height == 0 and count is not None:
                        what = f"It holds {image.height // height} masks, where there must be {count}."
                        raise _UnclearError(None, what, "Put one mask for each image below the other, in their order.")
                    masks = f"{'N' if count is None else count} masks of {width} × {height}"
                    raise _UnclearError(
                        None,
                        f"It has {image.width} × {image.height} pixels.",
                        f"Put {masks} below each other: {width} pixels wide"
                        + (f" and {count * height} high." if count is not None else "."),
                    )
                if image.mode not in ("1", "L"):
                    raise _UnclearError(None, f"It is in color ({image.mode}).", "Save it in black and white.")
                pixels, levels = np.asarray(image), np.flatnonzero(image.histogram())
    except _UnclearError:
        raise
    except Exception:  # A file that was made to be wrong can fail in any way.
        raise _UnclearError(None, "It cannot be read as a PNG.", "Save it anew.") from None
    gray = [int(level) for level in levels if level not in (0, 1 if levels.max() == 1 else 255)]
    if gray:
        raise _UnclearError(None, f"It has gray pixels, for example {gray[0]}.", "A mask has two levels: 0 and 255.")
    return (pixels > 0).reshape(-1, height, width)


def _from_npz(content: bytes, shape: tuple[int, int], count: int | None) -> np.ndarray:
    height, width = shape
    size = height * -(-width // 8)
    most = MAX_PIXELS // 8 if count is None else count * size
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open("masks.npy") as file:
            # Neither the archive nor the array is believed how large it is.
            packed = io.BytesIO(file.read(most + _NPY_HEADER))
        version = np.lib.format.read_magic(packed)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        found, fortran, dtype = read_header[version](packed)
        body = packed.read()
    except Exception:  # A file that was made to be wrong can fail in any way.
        raise _UnclearError(None, "There is no array 'masks' in it that can be read.", _how(shape, count)) from None
    if len(found) == 3 and found[1:] == (height, width) and width > 1:
        levels = "0 and 255 or 0 and 1" if dtype.kind in "iu" else "one number each"
        what = f"Its array 'masks' holds pixels ({levels}, as {dtype}), which are not packed."
        raise _UnclearError(None, _short(what, 100), _how(shape, count))
    if len(found) == 3 and found[1:] == (height, -(-width // 8)) and count is not None and 0 <= found[0] != count:
        what = f"It holds {found[0]} masks, where there must be {count}."
        raise _UnclearError(None, _short(what, 100), "Write one mask for each image, in the order of the images.")
    if len(found) == 3 and found[0] > 0 and found[2] > 0 and dtype == np.uint8 and found[1] != height:
        # What was packed has an eighth of the columns, which is no size that anybody knows.
        columns = f"{8 * found[2] - 7} to {8 * found[2]}"
        what = f"It holds {found[0]} masks of {found[1]} rows and {columns} columns, not {height} and {width}."
        raise _UnclearError(None, _short(what, 100), _how(shape, count))
    right = len(found) == 3 and found[0] > 0 and found[1:] == (height, -(-width // 8)) and dtype == np.uint8
    if not right or fortran or (count is not None and found[0] != count):
        what = f"Its array 'masks' is of type {dtype} and shape {list(found)}."
        raise _UnclearError(None, _short(what, 100), _how(shape, count))
    if len(body) != found[0] * size:
        raise _UnclearError(None, "Its array 'masks' is not as large as it says.", _how(shape, count))
    packed = np.frombuffer(body, np.uint8).reshape(found)
    return np.unpackbits(packed, axis=2, count=width).view(bool)


def misplaced(masks: np.ndarray, truth: np.ndarray, name: str = "the file") -> FileProblem | None:
    """Return whether masks are right but for their place: inverted, of other images, turned, mirrored or moved.

    Parameters
    ----------
    masks, truth : numpy.ndarray, shape [N, D_y, D_x]
        What a file holds, and what is right.
    name : str
        What to call the file.

    Returns
    -------
    FileProblem or None
        None also where they are no good at all.

    Notes
    -----
    How alike two masks are is the correlation of their pixels. Masks of a poor network have a low one with their truth,
    and one that marks everything has 0; neither has a high one with the truth of another image or place.

    Examples
    --------
    >>> truth = np.random.default_rng(0).random((3, 16, 16)) < 0.5
    >>> print(misplaced(~truth, truth, "masks.npz").what)
    It is inverted: what is marked lies outside.
    """
    masks, truth = np.asarray(masks) > 0, np.asarray(truth) > 0
    own, right = _standardized(masks), _standardized(truth)
    with np.errstate(all="ignore"):
        each = np.mean(own * right, axis=(1, 2))
    fits = float(each.mean())
    if fits < -_FITS:
        return FileProblem(
            name, None, "It is inverted: what is marked lies outside.", "Mark with 1 what belongs inside."
        )
    square = masks.shape[1] == masks.shape[2]
    turned = {
        "mirrored left to right": lambda m: m[:, :, ::-1],
        "mirrored top to bottom": lambda m: m[:, ::-1],
        "turned upside down": lambda m: m[:, ::-1, ::-1],
    }
    if square:
        turned |= {
            "transposed: rows are columns": lambda m: m.transpose(0, 2, 1),
            "turned by 90 degrees": lambda m: np.rot90(m, axes=(1, 2)),
            "turned by 90 degrees the other way": lambda m: np.rot90(m, -1, axes=(1, 2)),
        }
    found = {words: float(np.mean(turn(own) * right)) for words, turn in turned.items()}
    best = max(found, key=found.get)
    # Where all masks are mirrored, some fit other images too: what explains more is said.
    swapped, of_others = _swapped(own, right, each)
    if swapped is not None and of_others > found[best]:
        what = f"The masks of {_numbered(swapped, 'image')} fit other images than their own."
        return FileProblem(name, None, what, "Write the masks in the order of the images.")
    if found[best] > max(_FITS, fits + _BETTER):
        return FileProblem(name, None, f"Its masks are {best}.", "Write them as the network gives them.")
    down, across, there = _moved(own, right)
    if max(abs(down), abs(across)) > 1 and there > max(_FITS, fits + _BETTER / 3):
        parts = [
            f"{abs(n)} pixels {words[n > 0]}" for n, words in ((down, ("up", "down")), (across, ("left", "right"))) if n
        ]
        remedy = "Look at the padding of the network, and at how its output is cut."
        return FileProblem(name, None, f"Its masks are moved, by {' and '.join(parts)}.", remedy)
    return None


def _standardized(masks: np.ndarray) -> np.ndarray:
    """Return masks of mean 0 and variance 1 each; zeros where nothing or everything is marked."""
    values = masks.astype("float32")
    values -= values.mean(axis=(1, 2), keepdims=True)
    spread = values.std(axis=(1, 2), keepdims=True)
    return np.where(spread > 1e-6, values / np.maximum(spread, 1e-6), 0)


def _swapped(own: np.ndarray, right: np.ndarray, each: np.ndarray) -> tuple[np.ndarray | None, float]:
    """Return which masks fit another image well and their own badly, where these are two at least, and how well all
    masks fit in the order in which they fit best."""
    from scipy.optimize import linear_sum_assignment

    count = len(own)
    alike = own.reshape(count, -1) @ right.reshape(count, -1).T / own[0].size
    rows, columns = linear_sum_assignment(-alike)
    found = alike[rows, columns]
    moved = rows[(rows != columns) & (found > _FITS_OTHER) & (each < found - _FITS_LESS)]
    return (moved if len(moved) >= 2 else None), float(found.mean())


def _moved(own: np.ndarray, right: np.ndarray) -> tuple[int, int, float]:
    """Return by how many rows and columns masks are moved at most likely, and how well they fit there."""
    size = [n + _FARTHEST for n in own.shape[1:]]
    product = np.conj(np.fft.rfft2(right, size)) * np.fft.rfft2(own, size)
    alike = np.fft.irfft2(product.mean(axis=0), size)
    best, place = -1.0, (0, 0)
    for down in range(-_FARTHEST // 2, _FARTHEST // 2 + 1):
        for across in range(-_FARTHEST // 2, _FARTHEST // 2 + 1):
            shared = (own.shape[1] - abs(down)) * (own.shape[2] - abs(across))
            value = float(alike[down, across]) / shared if shared > 0 else -1.0
            if value > best:
                best, place = value, (down, across)
    return *place, best


def _numbered(numbers: np.ndarray, what: str = "mask") -> str:
    shown = ", ".join(map(str, numbers[:6])) + (f" and {len(numbers) - 6} more" if len(numbers) > 6 else "")
    return f"{what}{'' if len(numbers) == 1 else 's'} {shown}"


def check_masks(
    *files: str | os.PathLike,
    shape: tuple[int, int],
    count: int | None = None,
    truth: np.ndarray | None = None,
    measure: Callable[[np.ndarray], str] | None = None,
) -> bool:
    """Print whether files of masks are right, and for each fault what to do.

    Parameters
    ----------
    *files : str or path
        The files.
    shape : tuple of int
        D_y and D_x of a mask.
    count : int, optional
        Number of images; as many as a file has by default.
    truth : numpy.ndarray, shape [N, D_y, D_x], optional
        The right masks, of validation images for example: then it is also said where masks are misplaced.
    measure : callable, optional
        Takes the masks of a file that can be read, and returns what else is said about them.

    Returns
    -------
    bool
        Whether nothing is wrong. Notes are no faults.
    """
    every = True
    for file in map(Path, files):
        try:
            with open(file, "rb") as opened:
                content = opened.read(MAX_BYTES + 1)
        except OSError as error:
            print(FileProblem(file.name, None, f"It cannot be read: {error.strerror}.", "Look at its name."))
            every = False
            continue
        if len(content) > MAX_BYTES:
            print(FileProblem(file.name, None, f"It has more than {MAX_BYTES // 2**20} MB.", _how(shape, count)))
            every = False
            continue
        read = read_masks(content, shape, len(truth) if truth is not None else count, file.name)
        problems = list(read.problems)
        if truth is not None and read.values is not None and (wrong := misplaced(read.values, truth, file.name)):
            problems.append(wrong)
        right = all(problem.harmless for problem in problems)
        every &= right
        if right:
            share = 100 * read.values.mean()
            print(f"{file.name}: right, {counted(len(read.values), 'mask')}; {share:.0f} % of pixels marked.")
        for problem in problems:
            print(problem)
        if measure is not None and read.values is not None:
            print(f"{file.name}: {measure(read.values)}")
    return every


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
