"""Which images are graded: real glands that nobody trains with, changed by the course's secret, or drawn with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograder.errors import UserError
from source_lib.atomic_files import atomic_write
from source_lib.data import DatasetError, glands
from source_lib.masks import packed, read_masks

SHAPE = (glands.SIZE, glands.SIZE)
#: Beside the course's configuration: the masks of the test images.
LABELS = Path("labels") / "lab6.npz"
#: Drawn test images of a course.
N_TEST = 40
#: Beside a course's secret, so that what else is drawn with it is drawn otherwise.
_OF_COURSE = 6
#: The mean Dice coefficient that each line asks for. The first lies above that of marking every pixel and above that of
#: colors alone, which the page of the lab prints; the second lies above the fully convolutional network.
BANDS = {"real": (0.75, 0.82, 0.87), "sample": (0.60, 0.75, 0.85)}


def for_grading(course: Path | None, seed: int) -> Mapping[str, Any]:
    """Return the masks of the test images, and what these are.

    Parameters
    ----------
    course : pathlib.Path, optional
        The course's folder. Without it, images are those of the sample.
    seed : int
        The course's secret.

    Returns
    -------
    dict
        ``masks`` [N, 128, 128] of uint8, ``bands``, and ``data``, what the images are.

    Raises
    ------
    UserError
        If the masks of the course are damaged, or the images of this machine are.
    """
    path = None if course is None else course / LABELS
    if path is not None and path.is_file():
        read = read_masks(path.read_bytes(), SHAPE, name=str(path))
        if read.values is None:
            raise UserError(f"The masks for grading do not fit. {read.problems[0]}")
        _, drawn = drawn_test(seed)
        kind = "sample" if np.array_equal(read.values, drawn > 0) else "real"
        masks = read.values.astype(np.uint8)
    else:
        kind = "sample" if course is None or glands.find_glands() is None else "real"
        masks = _test(kind, seed)[1]
    title = glands.TITLE if kind == "real" else glands.SAMPLE_TITLE
    return {"masks": masks, "bands": BANDS[kind], "data": title}


def for_release(course: Path, seed: int) -> Mapping[str, bytes]:
    """Return what students get beside the notebook: the test images, without their masks.

    The masks are written into the course's folder, so that they are known whatever becomes of the secret.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    seed : int
        The course's secret.

    Returns
    -------
    dict of str to bytes

    Raises
    ------
    UserError
        If the masks cannot be written, or are there already and of other images.
    """
    kind = "sample" if glands.find_glands() is None else "real"
    x, y = _test(kind, seed)
    path = course / LABELS
    content = packed(y)
    if path.is_file():
        read = read_masks(path.read_bytes(), SHAPE, name=str(path))
        if read.values is None or not np.array_equal(read.values, y > 0):
            raise UserError(
                f"{path} holds the masks of other test images, drawn with another secret or from other files. Keep the "
                "release that you have, whose images these are. Or delete this file and release again: then no masks "
                "count that were made before."
            )
    else:
        try:
            path.parent.mkdir(exist_ok=True)
            with atomic_write(path) as part:
                part.write_bytes(content)
        except OSError as error:
            raise UserError(f"The masks {path} cannot be written: {error.strerror}.") from None
    return {glands.TEST_FILE: glands.save_test(x)}


def drawn_test(secret: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the test images that a course grades where it has no real ones.

    Parameters
    ----------
    secret : int

    Returns
    -------
    images : numpy.ndarray of uint8, shape [N, 128, 128, 3]
    masks : numpy.ndarray of uint8, shape [N, 128, 128]
    """
    return glands.draw_glands([secret, _OF_COURSE], N_TEST)


def _test(kind: str, secret: int) -> tuple[np.ndarray, np.ndarray]:
    """Return test images and masks: drawn, or real ones in another order, mirrored, turned and changed a little."""
    if kind == "sample":
        return drawn_test(secret)
    try:
        _, _, x, y = glands.real_parts()
    except DatasetError as error:
        raise UserError(str(error)) from None
    rng = np.random.default_rng([secret, _OF_COURSE])
    images, masks = [], []
    for k in rng.permutation(len(x)):
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        pair = [np.rot90(one[:, ::-1] if mirrored else one, turns) for one in (x[k], y[k])]
        noisy = pair[0].astype("float64") + rng.normal(0, 2, pair[0].shape) * (pair[0] > 0)
        images.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
        masks.append(pair[1])
    return np.stack(images), np.stack(masks)
