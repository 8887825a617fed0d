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

#: Networks by recipe, without what they take and give, and the layers that are asked of each.
NETWORKS = (
    "c3.4 g",
    "S c3.5 p c3.6 g",
    "l3.4 b c3.1 f",
    "c3.4 p d c3.6 f h8",
    "S c5.3 a l3.4 b g",
    "c3.4 r3.4 p c1.5 g h7",
)
#: Whole networks, with the seed of each: of one network many questions may be asked, and it is built once.
SHARED = tuple(
    (recipe, seed)
    for seed, recipe in enumerate(
        (
            "S 9x6x1 c3.1 b f o5",
            "6x11x3 c3.8 d p c3.4 g s2",
            "S 13x4x3 l3.4 b p c3.6 f s10",
            "8x8x1 c3.5 r3.5 a c3.1 g h6 o5-1",
            "2x3x3 c3.6 g s5^2",
            "7x7x3 l3.4 p l1.3 f h8 s5~3",
            "S 12x12x1 c5.4 a c3.2 b g o2",
            "5x8x3 c3.4 p d c3.12 f s10",
        )
    )
)


def recipe_of(network: str, rows: int, columns: int, channels: int, last: str) -> str:
    """Return the recipe of a network for images of a shape, with its last word.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    rows, columns, channels : int
        Of the images.
    last : str
        The last word.
    """
    start, _, rest = network.partition(" ") if network.startswith("S ") else ("", "", network)
    return " ".join(filter(None, (start, f"{rows}x{columns}x{channels}", rest, last)))


def named_layers(network: str) -> dict[str, str]:
    """Return the word of each layer of a network by its name, in their order; residual paths are left out.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.

    Examples
    --------
    >>> named_layers("S c3.5 r3.5 p c3.6 g")
    {'conv1': 'c3.5', 'add1': 'r3.5', 'pool1': 'p', 'conv2': 'c3.6', 'gap1': 'g'}
    """
    counts: dict[str, int] = {}
    found = {}
    for word in network.removeprefix("S ").split():
        kind = {"r": "add", "h": "dense"}.get(word[0]) or NAMES[word[0]]
        counts[kind] = counts.get(kind, 0) + 1
        found[f"{kind}{counts[kind]}"] = word
    return found


def layers_of(network: str) -> list[str]:
    """Return the names of the convolutions of a network, in their order; a residual path is none."""
    return [name for name, word in named_layers(network).items() if word[0] in "cl"]


def _behind(network: str) -> list[str]:
    """Return the names of what follows the convolutions of a network and gives maps; the convolutions without any."""
    return [name for name, word in named_layers(network).items() if word[0] in "bpadr"] or layers_of(network)


def _draw_looking(rng: Rng, at: Regions) -> tuple:
    rows, columns = at["shape"]
    classes, k = at["classes"], int(rng.integers(at["classes"]))
    mark = {"any": "", "negative": f"-{k}", "positive": f"^{k}", "flat": f"~{k}"}[at["class"]]
    network = at["network"]
    recipe = recipe_of(network, rows, columns, at["channels"], f"{at['last']}{classes}{mark}")
    behind = _behind(network)
    layer = {
        "first": layers_of(network)[0],
        "last": layers_of(network)[-1],
        "behind": behind[int(rng.integers(len(behind)))],
    }
    image = (2 * draw_image(rng, at["image"], rows, columns, at["channels"]) - 1).astype(at["dtype"])
    return recipe, int(rng.integers(10_000)), layer[at["layer"]], image, k


def _shared(rng: Rng) -> tuple[str, int, str, np.ndarray]:
    """Return one of the shared networks, its seed, the words of its layers but the last, and an image for it."""
    recipe, seed = SHARED[int(rng.integers(len(SHARED)))]
    shape, *words = recipe.removeprefix("S ").split()
    rows, columns, channels = map(int, shape.split("x"))
    image = 2 * draw_image(rng, str(rng.choice(_SEEN)), rows, columns, channels) - 1
    return recipe, seed, " ".join(words[:-1]), image.astype(str(rng.choice(_TYPES)))


def _any_looking(rng: Rng) -> tuple:
    recipe, seed, network, image = _shared(rng)
    layers = layers_of(network) + _behind(network)
    classes, _, marked = re.split("([-^~])", recipe.split()[-1][1:] + "-0")[:3]
    k = int(marked) if rng.random() < 0.4 else int(rng.integers(int(classes)))
    return recipe, seed, layers[int(rng.integers(len(layers)))], image, k


_SEEN = ("noise", "photograph", "black", "bright")
LOOKING = Domain(
    {
        "network": NETWORKS,
        "layer": ("first", "last", "behind"),
        "shape": ((8, 8), (7, 9), (5, 12), (10, 6)),
        "channels": (1, 3),
        "classes": (2, 5, 10),
        "last": ("s", "o"),
        "class": ("any", "negative", "positive", "flat"),
        "image": _SEEN,
        "dtype": _TYPES,
    },
    _draw_looking,
    freely=_any_looking,
    free=32,
)


def _draw_maps(rng: Rng, at: Regions) -> tuple:
    rows, columns = at["shape"]
    network = at["network"]
    recipe = recipe_of(network, rows, columns, at["channels"], f"{at['last']}5")
    words = named_layers(network)
    kinds = {"convolution": layers_of(network)[-1], "first": layers_of(network)[0], "scores": "scores"}
    kinds["vector"] = "gap1" if "gap1" in words else "flat1"
    others = [name for name, word in words.items() if word[0] in "bpadrh"] or ["conv1"]
    kinds["other"] = others[int(rng.integers(len(others)))]
    image = (2 * draw_image(rng, at["image"], rows, columns, at["channels"]) - 1).astype(at["dtype"])
    return recipe, int(rng.integers(10_000)), kinds[at["layer"]], image


def _any_maps(rng: Rng) -> tuple:
    recipe, seed, network, image = _shared(rng)
    layers = [*named_layers(network), "scores"]
    return recipe, seed, layers[int(rng.integers(len(layers)))], image


MAPS = Domain(
    {
        "network": NETWORKS,
        "layer": ("convolution", "first", "scores", "vector", "other"),
        "shape": ((8, 8), (7, 9), (5, 12), (10, 6)),
        "channels": (1, 3),
        "last": ("s", "o"),
        "image": _SEEN,
        "dtype": _TYPES,
    },
    _draw_maps,
    freely=_any_maps,
    free=16,
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
