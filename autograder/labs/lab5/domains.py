"""What each function may be asked: the regions of its inputs, as the notebook describes them."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from autograder.checking.domain import Domain, Regions

Rng = np.random.Generator
_TYPES = ("float32", "float64")
SHAPES = ((8, 8), (7, 9), (5, 12), (13, 6), (1, 1), (2, 3))
#: Offsets and scales: of EfficientNet-Lite0, of MobileNetV2 and the small network, of VGG's middle, of none.
SCALINGS = ((127.0, 128.0), (127.5, 127.5), (110.0, 60.0), (0.0, 255.0), (0.0, 1.0))


@functools.cache
def _photographs() -> tuple[np.ndarray, ...]:
    """Return photographs that come with scikit-image, from 0 to 1."""
    from skimage import data, io

    folder = Path(data.__file__).parent
    return tuple(io.imread(folder / f"{name}.png")[..., :3] / 255.0 for name in ("chelsea", "coffee", "astronaut"))


def draw_image(rng: Rng, kind: str, rows: int, columns: int, channels: int) -> np.ndarray:
    """Return an image [rows, columns, channels] from 0 to 1.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : {"noise", "photograph", "dark", "bright", "black", "flat"}
    rows, columns, channels : int
    """
    if kind == "photograph":
        photograph = _photographs()[int(rng.integers(3))]
        top, left = (int(rng.integers(n - 8 * m)) for n, m in zip(photograph.shape, (rows, columns), strict=False))
        part = photograph[top : top + 8 * rows : 8, left : left + 8 * columns : 8]
        return part if channels == 3 else part[..., :channels]
    noise = rng.uniform(0, 1, (rows, columns, channels))
    return {
        "noise": noise,
        "dark": 0.2 * noise,
        "bright": 0.8 + 0.2 * noise,
        "black": 0 * noise,
        "flat": 0 * noise + rng.uniform(0.1, 0.9, channels),
    }[kind]


_IMAGES = ("noise", "photograph", "dark", "bright", "black", "flat")


def _draw_prepared(rng: Rng, at: Regions) -> tuple:
    rows, columns = at["shape"]
    images = [2 * draw_image(rng, at["image"], rows, columns, 3) - 1 for _ in range(at["count"])]
    side = {"same": max(rows, columns), "twice": 2 * max(rows, columns), "odd": 2 * max(rows, columns) + 3, "small": 3}
    return np.stack(images).astype(at["dtype"]), side[at["side"]], *at["scaling"]


PREPARED = Domain(
    {
        "count": (1, 2, 5),
        "shape": SHAPES,
        "image": _IMAGES,
        "side": ("same", "twice", "odd", "small"),
        "scaling": SCALINGS,
        "dtype": _TYPES,
    },
    _draw_prepared,
)

#: Networks by recipe, without what they take and give, and the layers that are asked of each.
NETWORKS = (
    "c3.4 g",
    "S c3.5 p c3.6 g",
    "l3.4 b c3.5 f",
    "c3.4 p d c3.6 f h8",
    "S c5.3 a l3.4 b g",
    "c3.4 r3.4 p c1.5 g h7",
)


def recipe_of(network: str, rows: int, columns: int, channels: int, last: str) -> str:
    """Return the recipe of a network for images of a shape, with its last word."""
    start, _, rest = network.partition(" ") if network.startswith("S ") else ("", "", network)
    return " ".join(filter(None, (start, f"{rows}x{columns}x{channels}", rest, last)))


def layers_of(network: str) -> list[str]:
    """Return the names of the convolutions of a network, in their order; a residual path is none."""
    return [f"conv{k + 1}" for k in range(sum(word[0] in "cl" for word in network.split()))]


def _draw_looking(rng: Rng, at: Regions) -> tuple:
    rows, columns = at["shape"]
    classes, k = at["classes"], int(rng.integers(at["classes"]))
    mark = {"any": "", "negative": f"-{k}", "flat": f"~{k}"}[at["class"]]
    network = at["network"]
    recipe = recipe_of(network, rows, columns, at["channels"], f"{at['last']}{classes}{mark}")
    layer = layers_of(network)[0 if at["layer"] == "first" else -1]
    image = (2 * draw_image(rng, at["image"], rows, columns, at["channels"]) - 1).astype(at["dtype"])
    return recipe, int(rng.integers(10_000)), layer, image, k


LOOKING = Domain(
    {
        "network": NETWORKS,
        "layer": ("first", "last"),
        "shape": ((8, 8), (7, 9), (5, 12)),
        "channels": (1, 3),
        "classes": (2, 5, 10),
        "last": ("s", "o"),
        "class": ("any", "negative", "flat"),
        "image": ("noise", "photograph", "black"),
        "dtype": _TYPES,
    },
    _draw_looking,
)


def _draw_maps(rng: Rng, at: Regions) -> tuple:
    rows, columns = at["shape"]
    network = at["network"]
    recipe = recipe_of(network, rows, columns, at["channels"], "s5")
    words = [word for word in network.split() if word != "S"]
    kinds = {"convolution": layers_of(network)[-1], "first": layers_of(network)[0], "scores": "scores"}
    kinds["vector"] = "gap1" if "g" in words else "flat1"
    kinds["other"] = "bn1" if "b" in words else "pool1" if {"p", "a"} & set(words) else "conv1"
    image = (2 * draw_image(rng, at["image"], rows, columns, at["channels"]) - 1).astype(at["dtype"])
    return recipe, int(rng.integers(10_000)), kinds[at["layer"]], image


MAPS = Domain(
    {
        "network": NETWORKS,
        "layer": ("convolution", "first", "scores", "vector", "other"),
        "shape": ((8, 8), (7, 9), (5, 12)),
        "channels": (1, 3),
        "image": ("noise", "photograph", "black"),
        "dtype": _TYPES,
    },
    _draw_maps,
)


def draw_heat(rng: Rng, kind: str, rows: int, columns: int) -> np.ndarray:
    """Return a heat map from 0 to 1."""
    heat = rng.uniform(0, 1, (rows, columns))
    return {"any": heat, "nothing": 0 * heat, "everywhere": 0 * heat + 1, "one": 1.0 * (heat == heat.max())}[kind]


def _draw_shown(rng: Rng, at: Regions) -> tuple:
    rows, columns = at["shape"]
    image = draw_image(rng, at["image"], rows, columns, 3 if at["channels"] == "color" else 1)
    image = image[..., 0] if at["channels"] == "none" else image
    size = {"same": (rows, columns), "small": (-(-rows // 3), -(-columns // 4)), "one": (1, 1), "row": (1, columns)}
    heat = draw_heat(rng, at["heat"], *size[at["size"]])
    return image.astype(at["dtype"]), heat.astype(at["heat_dtype"])


SHOWN = Domain(
    {
        "shape": ((8, 8), (7, 9), (5, 12), (13, 6), (1, 1)),
        "channels": ("color", "one", "none"),
        "image": _IMAGES,
        "size": ("same", "small", "one", "row"),
        "heat": ("any", "nothing", "everywhere", "one"),
        "dtype": _TYPES,
        "heat_dtype": _TYPES,
    },
    _draw_shown,
)
