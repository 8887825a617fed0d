"""What is drawn for a question: masks, scores, histories and pairs of images and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Rng = np.random.Generator
KINDS = ("some", "few", "most", "nothing", "all", "one pixel")


def draw_mask(rng: Rng, kind: str, *shape: int) -> np.ndarray:
    """Return a mask of 0 and 1 of one kind.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : {"some", "few", "most", "nothing", "all", "one pixel"}
    *shape : int

    Returns
    -------
    numpy.ndarray of uint8
    """
    share = {"some": 0.5, "few": 0.15, "most": 0.85, "nothing": 0.0, "all": 1.0, "one pixel": 0.0}[kind]
    mask = (rng.random(shape) < share).astype("uint8")
    if kind == "one pixel":
        mask.flat[int(rng.integers(mask.size))] = 1
    return mask


def draw_scores(rng: Rng, labels: np.ndarray, kind: str = "mixed") -> np.ndarray:
    """Return scores of two classes whose largest are given labels.

    Parameters
    ----------
    rng : numpy.random.Generator
    labels : numpy.ndarray of 0 and 1
    kind : {"mixed", "negative", "positive", "large", "ties"}
        Of what sign they are, that they lie far from 0, or that half of the pixels with label 0 have equal scores.

    Returns
    -------
    numpy.ndarray of float64, shape [*labels.shape, 2]
    """
    center = {"mixed": 0.0, "negative": -6.0, "positive": 6.0, "large": 900.0, "ties": 0.0}[kind] + rng.normal(
        0, 1.5, labels.shape
    )
    half = rng.uniform(0.1, 2, labels.shape) * np.where(labels > 0, 1, -1)
    if kind == "ties":
        half = np.where((labels > 0) | (rng.random(labels.shape) < 0.5), half, 0.0)
    return np.stack([center - half, center + half], axis=-1)


def draw_history(rng: Rng, kind: str, epochs: int, scale: float = 1.0) -> list[float]:
    """Return losses of a training, one for each epoch.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : {"falling", "rising", "turning", "noisy", "flat", "ties"}
    epochs : int
    scale : float
        Of the steps.

    Returns
    -------
    list of float
    """
    steps = rng.uniform(0.2, 1, epochs) * scale
    if kind == "falling":
        values = 3 - np.cumsum(steps) / 20
    elif kind == "rising":
        values = 1 + np.cumsum(steps) / 20
    elif kind == "turning":
        turn = int(rng.integers(1, max(2, epochs)))
        values = 2 + np.cumsum(np.where(np.arange(epochs) < turn, -steps, steps)) / 20
    elif kind == "noisy":
        values = 1.5 - 0.01 * np.arange(epochs) + scale * rng.normal(0, 0.1, epochs)
    elif kind == "flat":
        values = np.full(epochs, float(rng.uniform(0.5, 1.5)))
    else:
        values = rng.integers(1, 4, epochs) / 2
    return [float(value) for value in values]


def draw_pair(rng: Rng, side: int = 48, kind: str = "one", dark: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return an image and its mask, which tell each other's place, and look different however they are turned.

    Parameters
    ----------
    rng : numpy.random.Generator
    side : int
    kind : {"one", "several", "border", "pixel", "nothing", "all"}
        Glands: one in the middle, three, one that the border cuts, a single pixel, none, or nothing else.
    dark : bool
        Whether glands are darker than what is around them, and not brighter.

    Returns
    -------
    image : numpy.ndarray of uint8, shape [side, side, 3]
    mask : numpy.ndarray of uint8, shape [side, side]
    """
    angle = rng.uniform(0, 2 * np.pi)
    away = np.array([np.cos(angle), np.sin(angle)])
    if kind in ("one", "border"):
        inside = _gland(rng, side, 0.5 + (0.12 if kind == "one" else 0.5) * away)
    elif kind == "several":
        places = ((0.25, 0.2), (0.3, 0.75), (0.75, 0.4))
        inside = np.any([_gland(rng, side, np.array(place) + 0.04 * away, 0.5) for place in places], axis=0)
    else:
        inside = np.full((side, side), kind == "all")
        if kind == "pixel":
            inside[tuple(rng.integers(side // 4, side - side // 4, 2))] = True
    # Where nearly all is dark, light that is moved by a fifth of the range must not end in black.
    low = (50, 70) if inside.any() and not inside.all() and kind != "pixel" else (103, 109)
    light = np.where(inside != dark, rng.uniform(190, 220), rng.uniform(*low))
    image = light[..., None] + rng.normal(0, 4, (side, side, 3))
    return np.clip(np.rint(image), 0, 255).astype("uint8"), inside.astype("uint8")


def draw_opposites(
    rng: Rng, side: int = 48, kind: str = "one", dark: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return an image and its mask as `draw_pair` does, and the same image with bright and dark exchanged.

    Where both are augmented with the same numbers, they differ where either shows what was in the image, and are the
    same where corners were left empty, or something was put in front.

    Parameters
    ----------
    rng, side, kind, dark
        As `draw_pair` takes them.

    Returns
    -------
    image : numpy.ndarray of uint8, shape [side, side, 3]
    mask : numpy.ndarray of uint8, shape [side, side]
    opposite : numpy.ndarray of uint8, shape [side, side, 3]
    """
    seed = int(rng.integers(2**63))
    (image, mask), (opposite, _) = (draw_pair(np.random.default_rng(seed), side, kind, one) for one in (dark, not dark))
    return image, mask, opposite


def _gland(rng: Rng, side: int, center: np.ndarray, scale: float = 1.0) -> np.ndarray:
    row, column = (np.mgrid[:side, :side] / side - center[:, None, None]) / scale
    wide, high = rng.uniform(0.1, 0.14), rng.uniform(0.24, 0.3)
    # With a corner, so that no turn and no mirror leaves it as it was.
    return ((row / high) ** 2 + (column / wide) ** 2 < 1) | (
        (np.abs(row - 0.16) < 0.07) & (np.abs(column - 0.14) < 0.1)
    )


def draw_twins(rng: Rng, side: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return images of which some are copies or mirror images of others.

    Many that are no twins have the same pixels in other places, so that a sum, a mean or a histogram does not tell them
    apart: there are six kinds of pixels, and images of two kinds are too many for a fifth. The number of images is one
    less than a multiple of 5, so that a fifth that was rounded down is too few.

    Parameters
    ----------
    rng : numpy.random.Generator
    side : int

    Returns
    -------
    images : numpy.ndarray of uint8, shape [N, side, side, 3]
    group : numpy.ndarray of int, shape [N]
        Images with the same number are twins.
    """
    # 25 are twins of some others.
    sizes = [1] * int(rng.choice([29, 34])) + [2] * 6 + [3] * 3 + [4]
    pixels, used, first = rng.integers(0, 256, (6, side * side, 3), dtype="uint8"), np.zeros(6), []
    for size in reversed(sizes):
        kind = int(used.argmin())
        used[kind] += size
        first.append(rng.permutation(pixels[kind]).reshape(side, side, 3))
    return _twins(rng, first, sizes[::-1], range(4))


def draw_families(rng: Rng, at: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return images as `draw_twins` does, of a kind.

    Parameters
    ----------
    rng : numpy.random.Generator
    at : mapping of str to object
        ``groups``: about how many; ``rest``: of the number of images, divided by 5; ``side`` of an image; ``twins``:
        ``"none"``, ``"copies"``, mirrored ``"across"``, ``"down"`` or ``"both"``, ``"all"`` of these, or groups that
        are ``"large"``; ``kind``: ``"any"``, ``"across"`` or ``"down"`` for images that are their own mirror images,
        ``"dark"``, or ``"alike"`` for the same pixels in other places.

    Returns
    -------
    images : numpy.ndarray of uint8, shape [N, side, side, 3]
    group : numpy.ndarray of int, shape [N]
    """
    ways = {"copies": [3], "across": [0], "down": [1], "both": [2]}.get(at["twins"], range(4))
    sizes = _sizes(rng, at["groups"], at["twins"])
    sizes += [1] * ((at["rest"] - sum(sizes)) % 5)
    shape = (at["side"], at["side"], 3)
    first = [rng.integers(0, 2 if at["kind"] == "dark" else 256, shape, dtype="uint8") for _ in sizes]
    if at["kind"] == "alike":
        first = [rng.permutation(first[0].reshape(-1, 3)).reshape(shape) for _ in sizes]
    elif at["kind"] in ("across", "down"):
        # The larger one of a pixel and its mirror image is the same from both sides.
        axis = ("down", "across").index(at["kind"])
        first = [np.maximum(image, np.flip(image, axis)) for image in first]
    return _twins(rng, first, sizes, ways)


def _sizes(rng: Rng, groups: int, twins: str) -> list[int]:
    """Return how many images each group has, at first."""
    if twins == "large" and groups < 9:
        # Few images with a large group, and many images of few groups.
        return [5, 1, 1, 1] if groups < 6 else [5] * groups
    largest = {"none": 1, "all": 4, "large": 8}.get(twins, 2)
    # One of the largest is enough: whoever compares all with all takes long for many images.
    return [largest, *(int(one) for one in rng.integers(1, min(largest, 2) + 1, groups - 1))]


def _twins(
    rng: Rng, first: Sequence[np.ndarray], sizes: Sequence[int], ways: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return images with as many twins as sizes say, made in some of four ways, in an order that is drawn."""
    images, group = [], []
    for number, (image, size) in enumerate(zip(first, sizes, strict=True)):
        turned = [image[:, ::-1], image[::-1], image[::-1, ::-1], image]
        images += [image, *(turned[k] for k in np.resize(rng.permutation(ways), size - 1))]
        group += [number] * size
    order = rng.permutation(len(images))
    return np.stack(images)[order], np.array(group)[order]
