"""Where a gland is in an image and where its mask is, to parts of a pixel: `pairs` compares both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

#: A gland of fewer pixels has no shape that could be compared.
_FEWEST = 60
#: By how much image and mask may lie apart. Where both are moved rightly, the median over pairs was up to 0.65 pixels
#: and 1.2 degrees, with enlarged parts whose mask is made by whole pixels; a mask that is moved by one pixel has 1.
_SHIFTS, _TURNS = ((50, 0.85), (75, 1.5)), ((50, 3.0), (75, 5.0))
#: How much logarithms of the ratio of areas may spread between quartiles, and how far from 0 a border of a pixel brings
#: them: one that is cut off or added brought 0.12 to 0.2 in drawn pairs, and right masks stay below 0.04.
_SPREAD, _BORDER = 0.15, 0.1
#: Values at the far end that are no chance: noise with a deviation of 15 gray levels brings dozens of them in forty
#: pairs, and what is cut off at 0 and 255 none.
_FEWEST_FAR = 8
#: Between which logarithms of that ratio centers and axes are compared: a hole that is left in an image on purpose
#: makes the gland smaller, and moves its center.
_SAME_AREA = (-0.1, 0.04)

#: In how many pixels an image and its opposite must differ to show where a gland is.
_KNOWN = 0.25
#: By how many gray levels they must differ, and in how many pixels one color may show a gland and another one not.
_CONTRAST, _PARTED = 16.0, 0.05
#: In how many pixels they may nearly be the same: some where a gland's edge was interpolated.
_NEARLY = 0.02


class Fit(NamedTuple):
    """How a mask fits the gland in its image.

    Attributes
    ----------
    shift : float
        Between both centers, in pixels; NaN where the image does not show all of one gland, or areas differ.
    turn : float
        Between both longest axes, in degrees from 0 to 90; NaN where that is not known.
    area : float
        The logarithm of the mask's area as a part of the gland's; NaN where the image does not show all of one gland.
    edge : int
        -1 where the mask lacks a border of a pixel, 1 where it has one too many, 0 otherwise.
    wraps : bool
        Whether the gland is where the mask is once bytes are counted around: 260 as 4.
    """

    shift: float
    turn: float
    area: float
    edge: int
    wraps: bool


def fit(image: np.ndarray, mask: np.ndarray) -> Fit:
    """Return how a mask fits a bright gland before a dark background.

    Parameters
    ----------
    image : numpy.ndarray, shape [D, D, 3]
    mask : numpy.ndarray, shape [D, D]

    Returns
    -------
    Fit

    Examples
    --------
    >>> mask = np.zeros((40, 40))
    >>> mask[8:28, 12:22] = 1
    >>> image = np.repeat(60 + 140 * mask[..., None], 3, axis=2)
    >>> found = fit(image, np.roll(mask, 2, axis=1))
    >>> float(found.shift), round(found.area, 2)
    (2.0, 0.02)
    """
    import scipy.ndimage as ndimage

    unknown = Fit(np.nan, np.nan, np.nan, 0, False)
    inside = mask > 0.5 * max(1.0, float(np.max(mask, initial=0)))
    if not np.isfinite(image).all() or not _FEWEST <= inside.sum() <= inside.size - _FEWEST:
        return unknown
    core = ndimage.binary_erosion(inside, iterations=2)
    core = core if core.sum() >= 20 else inside
    image = np.asarray(image, dtype="float64")
    dark = np.median(image[~inside], axis=0)
    around = np.abs(image - dark) % 256
    around = np.minimum(around, 256 - around).mean(axis=-1)
    gland = _connected(ndimage, image.mean(axis=-1), inside, core)
    counted = _connected(ndimage, around, inside, core)
    agree = [0.0 if one is None else float((one == inside).mean()) for one in (gland, counted)]
    if agree[0] < 0.93 and agree[1] > 0.97 and inside.mean() < 0.6:
        return unknown._replace(wraps=True)
    if gland is None or gland.sum() < _FEWEST or _at_border(gland) or _at_border(inside):
        return unknown
    (of_image, axis, long), (of_mask, other, too) = _moments(gland), _moments(inside)
    turn = abs((np.degrees(axis - other) + 90) % 180 - 90) if min(long, too) > 1.6 else np.nan
    area = float(np.log(inside.sum() / gland.sum()))
    square = np.ones((3, 3), bool)
    edge = 0
    if area < -_BORDER and not (ndimage.binary_erosion(gland, square) & ~inside).any() and not (inside & ~gland).any():
        edge = -1
    elif area > _BORDER and not (inside & ~ndimage.binary_dilation(gland, square)).any():
        edge = int(np.sum(gland & ~inside) < 0.1 * np.sum(inside & ~gland))
    if not _SAME_AREA[0] < area < _SAME_AREA[1]:
        return Fit(np.nan, np.nan, area, edge, False)
    return Fit(float(np.hypot(*(of_image - of_mask))), float(turn), area, edge, False)


class Shown(NamedTuple):
    """Where an image shows a gland, by its difference from its opposite.

    Attributes
    ----------
    gland : numpy.ndarray of bool, shape [D, D]
        As the mask says where the image shows neither gland nor surroundings: in empty corners, and where something
        was put in front.
    known : numpy.ndarray of bool, shape [D, D]
        Where it shows either.
    sharp : bool
        Whether all of its pixels are pixels of the image that was given: nothing lies between, is erased, or is empty.
    parted : bool
        Whether its colors show glands in other places; then ``gland`` is not the mask where they do.
    """

    gland: np.ndarray
    known: np.ndarray
    sharp: bool
    parted: bool


def shown(image: np.ndarray, opposite: np.ndarray, inside: np.ndarray) -> Shown | None:
    """Return where an image shows a bright gland.

    Parameters
    ----------
    image, opposite : numpy.ndarray, shape [D, D, 3]
        An image, and one with bright and dark exchanged, moved by the same numbers.
    inside : numpy.ndarray of bool, shape [D, D]
        The mask.

    Returns
    -------
    Shown or None
        None where both differ in too few pixels, or by too little.

    Examples
    --------
    >>> image = np.array([[200.0, 60.0, 61.0, 0.0]])[..., None]
    >>> opposite = np.array([[60.0, 200.0, 201.0, 0.0]])[..., None]
    >>> found = shown(image, opposite, np.array([[True, False, False, True]]))
    >>> found.gland.tolist(), found.known.tolist(), found.sharp
    ([[True, False, False, True]], [[True, True, True, False]], False)
    """
    import scipy.ndimage as ndimage

    colors = np.subtract(image, opposite, dtype="float64")
    light = colors.mean(axis=-1)
    most = np.percentile(np.abs(light), 95) if np.isfinite(light).all() else 0.0
    flat, least = _flat(image) & _flat(opposite), 0.02 * most
    known = (np.abs(light) > least) & ~flat
    # What was put in front is the same in both, and what is nearly the same was moved in one of them alone.
    nearly = ~known & ~flat & (np.abs(light) > 1e-6)
    if most < _CONTRAST or known.mean() < _KNOWN or nearly.mean() > _NEARLY:
        return None
    # Not where single values wrap around.
    parted = ndimage.binary_opening((colors.min(axis=-1) < -least) & (colors.max(axis=-1) > least), np.ones((3, 3)))
    if parted.mean() > _PARTED:
        return Shown(np.where(parted, ~inside, inside), known, False, True)
    sharp = not flat.any() and bool(np.abs(light).min() > 0.9 * most)
    return Shown(np.where(known, light > 0, inside), known, sharp, False)


def _flat(image: np.ndarray) -> np.ndarray:
    """Return what lies in a square of 3×3 equal pixels: these were put in front, since what is drawn has noise."""
    import scipy.ndimage as ndimage

    gray = np.asarray(image, dtype="float64").mean(axis=-1)
    same = ndimage.maximum_filter(gray, 3) - ndimage.minimum_filter(gray, 3) < 1e-6
    inner = ndimage.binary_erosion(np.ones_like(same))
    return ndimage.binary_dilation(same & inner, np.ones((3, 3)))


def _connected(ndimage, gray: np.ndarray, inside: np.ndarray, core: np.ndarray) -> np.ndarray | None:
    """Return where an image is as bright as under the core of a mask, in one piece with it; None without contrast."""
    gray = ndimage.median_filter(gray, 3, mode="nearest")
    low, high = np.median(gray[~inside]), np.median(gray[core])
    if high - low < 8:
        return None
    pieces, _ = ndimage.label(gray > (low + high) / 2)
    return np.isin(pieces, np.setdiff1d(pieces[core], 0))


def _at_border(where: np.ndarray) -> bool:
    return bool(where[[0, -1]].any() or where[:, [0, -1]].any())


def _moments(where: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return the center, the angle of the longest axis and how much longer it is, as a ratio of variances."""
    points = np.argwhere(where).astype("float64")
    values, axes = np.linalg.eigh(np.cov(points.T))
    return points.mean(axis=0), float(np.arctan2(axes[0, 1], axes[1, 1])), float(values[1] / max(values[0], 1e-9))


def differently(fits: Sequence[Fit]) -> str | None:
    """Return in words how masks lie apart from the glands in their images; None where they do not.

    Parameters
    ----------
    fits : sequence of Fit

    Returns
    -------
    str or None
    """
    shifts, turns, areas = (_known([getattr(one, name) for one in fits]) for name in ("shift", "turn", "area"))
    if any(len(shifts) and np.percentile(shifts, part) > most for part, most in _SHIFTS):
        return f"Image and mask lie {np.percentile(shifts, 75):.1f} pixels apart or more in a quarter of the pairs."
    if any(len(turns) and np.percentile(turns, part) > most for part, most in _TURNS):
        angle = np.percentile(turns, 75)
        return f"Image and mask are turned by {angle:.0f} degrees from each other, or more, in a quarter of the pairs."
    # Parts of an image that are left out on purpose make its gland smaller, and only that.
    low, high = np.percentile(areas, (25, 75)) if len(areas) else (0.0, 0.0)
    if high - low > (_SPREAD if low < -_BORDER else 2 * _SPREAD):
        return "The mask is sometimes as large as the gland in its image and sometimes not."
    return None


def _known(values: Sequence[float]) -> np.ndarray:
    """Return values without those that are not known; none where too few are left to judge by."""
    found = np.array(values)
    found = found[np.isfinite(found)]
    return found if len(found) >= 8 else found[:0]


def wrapped(images: Sequence[np.ndarray], masks: Sequence[np.ndarray], known: Sequence[np.ndarray]) -> bool:
    """Return whether single values went beyond a byte and began again at its other end.

    Parameters
    ----------
    images : sequence of numpy.ndarray, shape [D, D, 3]
        With a bright gland before a dark background.
    masks : sequence of numpy.ndarray, shape [D, D]
    known : sequence of numpy.ndarray of bool, shape [D, D]
        Which pixels are looked at.

    Returns
    -------
    bool
        Whether some values lie at the far end and fewer between, as no noise makes them. 0 and 255 do not count: values
        that are cut off, or left out on purpose, have these.
    """
    import scipy.ndimage as ndimage

    far = between = 0
    for image, mask, seen in zip(images, masks, known, strict=True):
        gray = ndimage.median_filter(np.nan_to_num(image).mean(axis=-1), 3, mode="nearest")
        core = ndimage.binary_erosion(mask > 0, iterations=2)
        bare = ndimage.binary_erosion(mask <= 0, iterations=2) & (gray < 110)
        for where, turned in ((core & (gray > 140), False), (bare, True)):
            values = image[where & seen]
            if not len(values):
                continue
            values = 255 - values if turned else values
            values = values[:, np.median(values, axis=0) > 150]
            far += int(np.sum((values >= 1) & (values < 50)))
            between += int(np.sum((values >= 50) & (values < 100)))
    return far >= _FEWEST_FAR and far > 3 * between
