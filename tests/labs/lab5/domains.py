"""What lab 5 asks of its functions, read off its text alone: what may come in, and what may go wrong.

The mutation score (`benchmarks.mutation`) judges the checks by it, so nothing here comes from them. What counts as
asked:

- ``preprocess``: one to six images of three channels, with values from -1 to 1; sides from 1 to 24, larger and smaller
  than the image; any offset from 0 to 255 and any scale from 50 to 255.
- ``overlay``: color images, and gray ones with one channel or none, from 0 to 1; heat maps of the same size or smaller,
  from 0 to 1.
- ``activations`` and ``grad_cam``: see `tests.labs.lab5.domains_inside`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder.checking.faults import Fault
from benchmarks.domain import Domain, Region, change_input, no_difference, one_of, raise_error
from tests.labs.lab5 import domains_inside, ways

Rng = np.random.Generator
WAYS = {name: ways.WAYS[name] for name in ("preprocess", "overlay", "activations", "grad_cam")}
namespace = ways.namespace


_KINDS = ("noise", "noise", "dark", "bright", "edge", "flat", "zeros", "large steps")


def _picture(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    """Return an image from 0 to 1 of one kind."""
    kind, noise = one_of(rng, _KINDS), rng.uniform(0, 1, shape)
    if kind == "edge":
        return np.sort(noise, axis=int(rng.integers(2)))
    return {
        "dark": 0.15 * noise,
        "bright": 1 - 0.15 * noise,
        "flat": 0 * noise + rng.uniform(0, 1, shape[-1]),
        "zeros": 0 * noise,
        "large steps": np.round(2 * noise) / 2,
    }.get(kind, noise)


def _interpolated(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return an array [rows, columns, ...] between the centers of whose pixels lines are drawn."""
    for axis, side in enumerate((rows, columns)):
        count = values.shape[axis]
        at = np.clip((np.arange(side) + 0.5) * count / side - 0.5, 0, count - 1)
        low = np.minimum(at.astype(int), max(count - 2, 0))
        part = (at - low).reshape([-1 if k == axis else 1 for k in range(values.ndim)])
        high = np.minimum(low + 1, count - 1)
        values = np.take(values, low, axis) * (1 - part) + np.take(values, high, axis) * part
    return values


# Preprocessing.


def _draw_images(rng: Rng) -> tuple:
    rows, columns = (int(one_of(rng, (1, 2, 3, 5, 8, 8, 12, int(rng.integers(1, 16))))) for _ in range(2))
    columns = rows if rng.random() < 0.4 else columns
    images = np.stack([2 * _picture(rng, (rows, columns, 3)) - 1 for _ in range(int(rng.integers(1, 7)))])
    side = int(one_of(rng, (rows, max(rows, columns), 2 * rows, 1, 3, 7, 16, int(rng.integers(1, 25)))))
    offset = float(one_of(rng, (127.0, 127.5, 0.0, rng.uniform(0, 255))))
    scale = float(one_of(rng, (128.0, 127.5, 50.0, 255.0, rng.uniform(50, 255))))
    return images.astype(one_of(rng, ("float32", "float64"))), side, offset, scale


def _prepare(images: np.ndarray, side: int, offset: float, scale: float) -> np.ndarray:
    pixels = 127.5 * (np.moveaxis(images.astype("float64"), 0, -1) + 1)
    return np.moveaxis((_interpolated(pixels, side, side) - offset) / scale, -1, 0)


_IMAGE_REGIONS = {
    "one image": Region("count", lambda x, s, o, c: len(x) == 1),
    "several images": Region("count", lambda x, s, o, c: len(x) > 1),
    "square images": Region("shape", lambda x, s, o, c: x.shape[1] == x.shape[2]),
    "tall images": Region("shape", lambda x, s, o, c: x.shape[1] > x.shape[2]),
    "wide images": Region("shape", lambda x, s, o, c: x.shape[1] < x.shape[2]),
    "one row or column": Region("rows", lambda x, s, o, c: min(x.shape[1:3]) == 1),
    "an odd number of rows": Region("rows", lambda x, s, o, c: x.shape[1] % 2 == 1),
    "an even number of rows": Region("rows", lambda x, s, o, c: x.shape[1] % 2 == 0),
    "the right size": Region("side", lambda x, s, o, c: x.shape[1:3] == (s, s)),
    "larger": Region("side", lambda x, s, o, c: s > max(x.shape[1:3])),
    "smaller": Region("side", lambda x, s, o, c: s < min(x.shape[1:3])),
    "side odd": Region("side", lambda x, s, o, c: s % 2 == 1),
    "no offset": Region("offset", lambda x, s, o, c: o == 0),
    "offset > 127.2": Region("offset", lambda x, s, o, c: o > 127.2),
    "offset < 127.2": Region("offset", lambda x, s, o, c: 0 < o < 127.2),
    "scale < 100": Region("scale", lambda x, s, o, c: c < 100),
    "scale > 128": Region("scale", lambda x, s, o, c: c > 128),
    "scale < 128": Region("scale", lambda x, s, o, c: c < 128),
    "dark images": Region("values", lambda x, s, o, c: x.max() < 0),
    "bright images": Region("values", lambda x, s, o, c: x.min() > 0),
    "float32": Region("type", lambda x, s, o, c: x.dtype == np.float32),
    "float64": Region("type", lambda x, s, o, c: x.dtype == np.float64),
}
_IMAGE_WRONGS = {
    "returns one more": lambda value, arguments: value + 1,
    "returns bytes": lambda value, arguments: _prepare(*arguments[:2], 0.0, 1.0),
    "forgets the offset": lambda value, arguments: _prepare(*arguments[:2], 0.0, arguments[3]),
    "forgets the scale": lambda value, arguments: _prepare(*arguments[:3], 1.0),
    "prepares twice": lambda value, arguments: (value - arguments[2]) / arguments[3],
    "scales to 1 first": lambda value, arguments: (_prepare(*arguments[:2], 0.0, 255.0) - arguments[2]) / arguments[3],
    "mirrors": lambda value, arguments: value[:, :, ::-1],
    "swaps red and blue": lambda value, arguments: value[..., ::-1],
    "prepares the first image alone": lambda value, arguments: np.repeat(value[:1], len(value), axis=0),
    "rounds": lambda value, arguments: np.round(value, 2),
    "cuts off what is beyond -1 and 1": lambda value, arguments: np.clip(value, -0.9, 0.9),
    "transposes": lambda value, arguments: np.swapaxes(value, 1, 2),
    "puts channels first": lambda value, arguments: np.moveaxis(value, -1, 1),
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}

# Overlays.


def _draw_overlay(rng: Rng) -> tuple:
    rows, columns = (int(one_of(rng, (1, 2, 3, 5, 8, 12, int(rng.integers(1, 16))))) for _ in range(2))
    image = _picture(rng, (rows, columns, int(one_of(rng, (3, 3, 1)))))
    image = image[..., 0] if image.shape[2] == 1 and rng.random() < 0.5 else image
    size = [(rows, columns), (1, 1), tuple(int(rng.integers(1, n + 1)) for n in (rows, columns))][int(rng.integers(3))]
    heat = _picture(rng, (*size, 1))[..., 0]
    types = [one_of(rng, ("float32", "float64")) for _ in range(2)]
    return image.astype(types[0]), heat.astype(types[1])


def _overlaid(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    colors = np.atleast_3d(image.astype("float64")) * np.ones(3)
    share = _interpolated(heat.astype("float64")[..., None], *image.shape[:2]) / 2
    return (1 - share) * colors + share * np.eye(3)[0]


_OVERLAY_REGIONS = {
    "color": Region("channels", lambda i, h: i.shape[2:] == (3,)),
    "gray with a channel": Region("channels", lambda i, h: i.shape[2:] == (1,)),
    "gray without": Region("channels", lambda i, h: i.ndim == 2),
    "square": Region("shape", lambda i, h: i.shape[0] == i.shape[1]),
    "tall": Region("shape", lambda i, h: i.shape[0] > i.shape[1]),
    "wide": Region("shape", lambda i, h: i.shape[0] < i.shape[1]),
    "three columns": Region("shape", lambda i, h: i.shape[1] == 3),
    "one row": Region("rows", lambda i, h: i.shape[0] == 1),
    "an odd number of rows": Region("rows", lambda i, h: i.shape[0] % 2 == 1),
    "an even number of rows": Region("rows", lambda i, h: i.shape[0] % 2 == 0),
    "a heat map of the same size": Region("size", lambda i, h: i.shape[:2] == h.shape),
    "a smaller heat map": Region("size", lambda i, h: h.shape[0] < i.shape[0] and h.shape[1] < i.shape[1]),
    "a single number of heat": Region("size", lambda i, h: h.size == 1),
    "no heat": Region("heat", lambda i, h: h.max() == 0),
    "little heat": Region("heat", lambda i, h: 0 < h.max() < 0.3),
    "much heat": Region("heat", lambda i, h: h.min() > 0.7),
    "dark": Region("values", lambda i, h: i.max() < 0.3),
    "bright": Region("values", lambda i, h: i.min() > 0.7),
    "float32": Region("type", lambda i, h: i.dtype == np.float32),
    "float64": Region("type", lambda i, h: i.dtype == np.float64),
}
_OVERLAY_WRONGS = {
    "returns the image": lambda value, arguments: np.atleast_3d(arguments[0]) * np.ones(3),
    "adds the heat": lambda value, arguments: _plus(*arguments),
    "adds it and cuts it off": lambda value, arguments: np.clip(_plus(*arguments), 0, 1),
    "takes blue": lambda value, arguments: _overlaid(np.atleast_3d(arguments[0])[..., ::-1], arguments[1])[..., ::-1],
    "takes all of the heat": lambda value, arguments: _overlaid(arguments[0], 2 * arguments[1]),
    "takes a quarter of it": lambda value, arguments: _overlaid(arguments[0], arguments[1] / 2),
    "turns the heat around": lambda value, arguments: _overlaid(arguments[0], 1 - arguments[1]),
    "mirrors": lambda value, arguments: value[:, ::-1],
    "returns bytes": lambda value, arguments: np.round(255 * value),
    "rounds": lambda value, arguments: np.round(value, 2),
    "keeps one channel": lambda value, arguments: value[..., :1],
    "makes it gray": lambda value, arguments: value.mean(axis=-1, keepdims=True) * np.ones(3),
    "transposes": lambda value, arguments: np.swapaxes(value, 0, 1),
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}


def _plus(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    share = _interpolated(heat.astype("float64")[..., None], *image.shape[:2]) / 2
    return np.atleast_3d(image) * np.ones(3) + share * np.eye(3)[0]


DOMAINS = {
    "preprocess": Domain(_draw_images, _prepare, no_difference, _IMAGE_REGIONS, _IMAGE_WRONGS),
    "overlay": Domain(_draw_overlay, _overlaid, no_difference, _OVERLAY_REGIONS, _OVERLAY_WRONGS),
    **domains_inside.DOMAINS,
}


def faulty(fault: Fault, answer: Callable) -> Callable:
    """Return a right function with a known fault, which takes the recipe and the seed of a model in its place."""
    if fault.function not in domains_inside.DOMAINS:
        return fault.apply(answer)
    changed = fault.apply(lambda model, seed, *rest: answer(model, *rest))
    return lambda model, *rest: changed(model, 0, *rest)
