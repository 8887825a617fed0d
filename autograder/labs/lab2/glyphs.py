"""Glyphs that no data set holds, drawn with the course's secret, in handwriting that varies as that of digits does."""

from __future__ import annotations

import numpy as np

#: Points of a stroke that are inked, and strokes of a glyph.
_POINTS, _STROKES = 24, 3
#: How much one hand differs from another: in the corners of a stroke, as a part of the glyph's size; in turn, slant and
#: size; and in the place, in pixels.
_SHAKE, _TURN, _SLANT, _SIZE, _MOVE = 0.12, 0.3, 0.3, 0.2, 1.5
_PARTS = 64


def draw(rng: np.random.Generator, labels: np.ndarray, classes: int, size: int = 28) -> np.ndarray:
    """Return images of glyphs, one for each label; what the glyph of a class looks like is drawn too.

    Parameters
    ----------
    rng : numpy.random.Generator
    labels : numpy.ndarray of int, shape [N]
        The class of each image, from 0 to ``classes`` - 1.
    classes : int
    size : int
        Height and width of an image.

    Returns
    -------
    numpy.ndarray of float32, shape [N, size, size, 1]
        From -1, paper, to 1, ink.

    Examples
    --------
    >>> images = draw(np.random.default_rng(0), np.array([0, 1, 0]), 2)
    >>> images.shape, float(images.min()) >= -1, float(images.max()) <= 1
    ((3, 28, 28, 1), True, True)
    """
    corners = _alphabet(rng, classes)[labels]
    corners = corners + _SHAKE * rng.normal(size=corners.shape)
    points = _curves(corners).reshape(len(labels), -1, 2)
    points = _by_hand(points, rng)
    scale, middle = 0.36 * size, (size - 1) / 2
    places = middle + scale * points + rng.uniform(-_MOVE, _MOVE, (len(labels), 1, 2))
    width = rng.uniform(0.8, 1.5, len(labels))
    parts = [_inked(places[k : k + _PARTS], width[k : k + _PARTS], size) for k in range(0, len(labels), _PARTS)]
    return np.concatenate(parts)[..., None].astype("float32")


def _alphabet(rng: np.random.Generator, classes: int) -> np.ndarray:
    """Return the four corners of each stroke of each glyph [K, strokes, 4, 2], in a square from -1 to 1."""
    return rng.uniform(-1, 1, (classes, _STROKES, 4, 2))


def _curves(corners: np.ndarray) -> np.ndarray:
    """Return points of cubic Bézier curves."""
    t = np.linspace(0, 1, _POINTS)[:, None]
    weights = np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    return weights @ corners


def _by_hand(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    count = len(points)
    turn, slant, wide, high = (most * rng.uniform(-1, 1, count) for most in (_TURN, _SLANT, _SIZE, _SIZE))
    cos, sin = np.cos(turn), np.sin(turn)
    rotation = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    shape = np.stack([np.stack([1 + high, 0 * slant], -1), np.stack([slant, 1 + wide], -1)], -2)
    return points @ (rotation @ shape).transpose(0, 2, 1)


def _inked(places: np.ndarray, width: np.ndarray, size: int) -> np.ndarray:
    """Return the images of points that a pen of a width went through."""
    pixels = np.arange(size)
    down = (places[:, :, 0, None] - pixels) ** 2
    across = (places[:, :, 1, None] - pixels) ** 2
    nearest = (down[:, :, :, None] + across[:, :, None, :]).min(axis=1)
    return 2 / (1 + np.exp(np.clip(3 * (np.sqrt(nearest) - width[:, None, None]), -30, 30))) - 1
