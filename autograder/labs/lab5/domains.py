"""What each function may be asked: the regions of its inputs, as the notebook describes them."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np

from autograder.checking.domain import Domain, Regions
from autograder.labs.lab5.recipes import NAMES

Rng = np.random.Generator
_TYPES = ("float32", "float64")
SHAPES = ((8, 8), (7, 9), (5, 12), (13, 6), (1, 1), (2, 3))
#: Offsets and scales: of EfficientNet-Lite0, of MobileNetV2 and the small network, and others.
SCALINGS = ((127.0, 128.0), (127.5, 127.5), (110.0, 60.0), (0.0, 255.0), (200.0, 50.0))


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


def _any_prepared(rng: Rng) -> tuple:
    rows, columns = (int(n) for n in rng.integers(1, 14, 2))
    columns = rows if rng.random() < 0.4 else columns
    images = [
        2 * draw_image(rng, str(rng.choice(_IMAGES)), rows, columns, 3) - 1 for _ in range(int(rng.integers(1, 5)))
    ]
    side = int(rng.choice([rows, columns, 1, 2, 5, 8, 13, int(rng.integers(1, 22))]))
    offset = float(rng.choice([0.0, 127.0, 127.5, rng.uniform(0, 255)]))
    scale = float(rng.choice([50.0, 128.0, 127.5, 255.0, rng.uniform(50, 255)]))
    return np.stack(images).astype(str(rng.choice(_TYPES))), side, offset, scale


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
    freely=_any_prepared,
)

#: Networks and the seed of each: of one many questions are asked, and it is built once. Nearly any two properties come
#: together in one of them.
NETWORKS = tuple(
    (recipe, seed)
    for seed, recipe in enumerate(
        (
            "S 9x6x1 c3.1 b f o5-1^2~3",
            "6x11x3 c3.8 d p c3.4 g s2",
            "S 13x4x3 l3.4 d b p c3.6 f s10-0^4~9",
            "8x8x1 c3.5 r3.5 a c3.1 g h6 o5-4^0~2",
            "2x3x3 c3.6 d b g s5-3^1~0",
            "7x7x3 t5.8 l1.3 d f h8 s5-2^3~4",
            "S 12x12x1 c5.7 a c3.2 b f o2",
            "5x8x3 l3.4 b p d c3.12 f s10-5^6~1",
            "S 10x7x3 t3.6 d f o10-7^9~3",
            "6x9x1 c3.4 b p c3.1 f h7 o10-9^2~6",
            "S 6x6x1 c3.1 p c3.8 g s2",
            "S 5x12x3 c3.12 d g s5-2^1~4",
            "12x5x1 c3.3 d c3.1 g h5 o2",
            "S 7x7x3 c3.4 b p c3.1 d g h5 s10-1^0~8",
        )
    )
)


def recipe_of(network: str, rows: int, columns: int, channels: int, last: str) -> str:
    """Return the recipe of a network for images of a shape, with its last word.

    Parameters
    ----------
    network : str
        The words of its layers, behind an ``S`` where it is sequential.
    rows, columns, channels : int
        Of the images.
    last : str
        The last word.
    """
    start, _, rest = network.partition(" ") if network.startswith("S ") else ("", "", network)
    return " ".join(filter(None, (start, f"{rows}x{columns}x{channels}", rest, last)))


def layers_of(recipe: str) -> dict[str, str]:
    """Return the word of each layer of a network by its name, in their order; residual paths are left out.

    Parameters
    ----------
    recipe : str

    Examples
    --------
    >>> layers_of("S 8x7x3 c3.5 r3.5 p c3.6 g s5-1")
    {'conv1': 'c3.5', 'add1': 'r3.5', 'pool1': 'p', 'conv2': 'c3.6', 'gap1': 'g', 'scores': 's5-1'}
    """
    counts: dict[str, int] = {}
    found = {}
    _, *words, last = recipe.removeprefix("S ").split()
    for word in words:
        kind = "add" if word[0] == "r" else NAMES[word[0]]
        counts[kind] = counts.get(kind, 0) + 1
        found[f"{kind}{counts[kind]}"] = word
    return found | {"scores": last}


#: The letters of the words of layers, by what a layer is.
_KINDS = {"convolution": "clt", "normalization": "b", "pooling": "pa", "dropout": "d", "sum": "r", "vector": "fgh"}
_SEEN = ("noise", "photograph", "black", "bright")


def _of_kind(recipe: str, kind: str) -> list[str]:
    """Return the names of the layers of a network that are of a kind: of `_KINDS`, "first" and "last" convolution."""
    if kind in ("first", "last"):
        return _of_kind(recipe, "convolution")[:1] if kind == "first" else _of_kind(recipe, "convolution")[-1:]
    return [name for name, word in layers_of(recipe).items() if word[0] in _KINDS.get(kind, "") or name == kind]


def _classes_of(recipe: str, kind: str) -> list[int]:
    """Return the classes of a network that are of a kind: "first", "last", "between", or the mark of their weights."""
    count, *marks = re.split("([-^~])", recipe.split()[-1][1:])
    marked = dict(zip(marks[::2], map(int, marks[1::2]), strict=True))
    classes = list(range(int(count)))
    if kind in "-^~":
        return [marked[kind]] if kind in marked else []
    return {"first": classes[:1], "last": classes[-1:]}.get(kind, classes[1:-1])


def _possible(at: Regions) -> bool:
    if "network" not in at:
        return True
    recipe, _ = at["network"]
    return bool(
        _of_kind(recipe, at.get("layer", "first")) and ("class" not in at or _classes_of(recipe, str(at["class"])))
    )


def _draw_seen(rng: Rng, at: Regions) -> np.ndarray:
    shape, *_ = at["network"][0].removeprefix("S ").split()
    image = 2 * draw_image(rng, at["image"], *map(int, shape.split("x"))) - 1
    return image.astype(at["dtype"])


def _draw_looking(rng: Rng, at: Regions) -> tuple:
    recipe, seed = at["network"]
    layers, classes = _of_kind(recipe, at["layer"]), _classes_of(recipe, at["class"])
    layer, k = layers[int(rng.integers(len(layers)))], classes[int(rng.integers(len(classes)))]
    return recipe, seed, layer, _draw_seen(rng, at), k


LOOKING = Domain(
    {
        "network": NETWORKS,
        "layer": ("first", "last", "normalization", "pooling", "dropout", "sum"),
        "class": ("first", "last", "between", "-", "^", "~"),
        "image": _SEEN,
        "dtype": _TYPES,
    },
    _draw_looking,
    possible=_possible,
)


def _draw_maps(rng: Rng, at: Regions) -> tuple:
    recipe, seed = at["network"]
    layers = _of_kind(recipe, at["layer"])
    return recipe, seed, layers[int(rng.integers(len(layers)))], _draw_seen(rng, at)


MAPS = Domain(
    {
        "network": NETWORKS,
        "layer": ("convolution", "vector", "scores", "normalization", "pooling", "dropout", "sum"),
        "image": _SEEN,
        "dtype": _TYPES,
    },
    _draw_maps,
    possible=_possible,
)


def draw_heat(rng: Rng, kind: str, rows: int, columns: int) -> np.ndarray:
    """Return a heat map from 0 to 1.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : {"any", "nothing", "everywhere", "one"}
    rows, columns : int
    """
    heat = rng.uniform(0, 1, (rows, columns))
    return {"any": heat, "nothing": 0 * heat, "everywhere": 0 * heat + 1, "one": 1.0 * (heat == heat.max())}[kind]


def _draw_shown(rng: Rng, at: Regions) -> tuple:
    rows, columns = at["shape"]
    image = draw_image(rng, at["image"], rows, columns, 3 if at["channels"] == "color" else 1)
    image = image[..., 0] if at["channels"] == "none" else image
    size = {"same": (rows, columns), "small": (-(-rows // 3), -(-columns // 4)), "one": (1, 1), "row": (1, columns)}
    heat = draw_heat(rng, at["heat"], *size[at["size"]])
    return image.astype(at["dtype"]), heat.astype(at["heat_dtype"])


def _any_shown(rng: Rng) -> tuple:
    rows, columns = (int(rng.choice([1, 2, 3, int(n)])) for n in rng.integers(1, 14, 2))
    image = draw_image(rng, str(rng.choice(_IMAGES)), rows, columns, int(rng.choice([1, 3])))
    image = image[..., 0] if image.shape[2] == 1 and rng.random() < 0.5 else image
    size = ((rows, columns), (1, 1), tuple(int(rng.integers(1, n + 1)) for n in (rows, columns)))
    strength = float(rng.choice([1.0, 0.2]))
    heat = strength * draw_heat(rng, str(rng.choice(["any", "nothing", "one"])), *size[int(rng.integers(3))])
    heat = 1 - heat if rng.random() < 0.3 else heat
    return image.astype(str(rng.choice(_TYPES))), heat.astype(str(rng.choice(_TYPES)))


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
    freely=_any_shown,
)
