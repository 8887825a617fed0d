"""Ask a pretrained network what it sees in photographs, and keep what the chapter *Looking inside* shows.

Takes about three minutes of one core and needs the extra ``transfer``. The photographs come with scikit-image.

This stands in ``book`` and in no package on purpose. A lab asks students for functions that return a layer's maps and a
heat map, so that nothing that they install may hold one. The chapter explains each map by its formula and shows what is
kept in ``book/_data``; what computes the maps is here, which neither the site nor the package carries along.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from book.stored import DATA, circumstances
from source_lib.atomic_files import atomic_write
from source_lib.layers.arithmetic import receptive_field
from source_lib.pretrained.efficientnet_lite import (
    OFFSET,
    SCALE,
    STAGES,
    TRAINED_SIDE,
    build_efficientnet_lite0,
    imagenet_names,
    load_efficientnet_lite0,
)
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras

OUTPUT = DATA / "looking-inside.npz"
#: Layers whose maps are shown, from the image to the last.
LAYERS = ("stem_relu", "block2_add", "block7_add", "block10_add", "head_relu")
#: Layers whose channels are looked for in many photographs, how many channels of each, and how many patches.
PATCH_LAYERS, N_CHANNELS, N_PATCHES, PATCH_SIDE = ("stem_relu", "block2_add", "block7_add", "head_relu"), 5, 4, 28
N_MAPS = 6
LAST = "head_relu"
#: What hides a part of the photograph, in pixels, and how far it moves.
HIDDEN, STEP = 48, 16
RANDOM_SEEDS = (0, 1, 2, 3, 4)
#: What has been drawn at random, from the scores down; each entry holds those before it.
RANDOM_STEPS = ("scores", "head", "block 15", "block 11", "block 5", "all")
#: Where the rocket stands in scikit-image's photograph: rows and columns, as a share of its sides.
ROCKET = (0.29, 0.97, 0.47, 0.535)
#: Photographs that patches are looked for in.
CORPUS = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "motorcycle_left", "immunohistochemistry")
CORPUS += ("brick", "grass", "gravel", "camera", "coins", "page")


def photograph(name: str) -> np.ndarray:
    """Return a photograph that comes with scikit-image, in three channels of bytes."""
    from skimage import data
    from skimage.color import gray2rgb
    from skimage.io import imread

    # The function for this one loads a second file and a third.
    image = (
        imread(Path(data.__file__).parent / f"{name}.png") if name.startswith("motorcycle") else getattr(data, name)()
    )
    return np.asarray(gray2rgb(image) if image.ndim == 2 else image[..., :3])


def shrunk(image: np.ndarray, rows: int = TRAINED_SIDE, columns: int = TRAINED_SIDE) -> np.ndarray:
    """Return an image of another size, as float32 from 0 to 255."""
    from skimage.transform import resize

    return np.float32(resize(image, (rows, columns), preserve_range=True, anti_aliasing=True))


def collage(top: str = "chelsea", flip: bool = False, mirror: bool = False) -> np.ndarray:
    """Return the cat and the coffee in one square, each in a half of it, one above the other.

    Parameters
    ----------
    top : {"chelsea", "coffee"}
        Which one is above.
    flip, mirror : bool
        Whether the cat and the coffee are mirrored, left to right.

    Returns
    -------
    numpy.ndarray of float32, shape [224, 224, 3]
        From 0 to 255.
    """
    half = TRAINED_SIDE // 2
    cat = shrunk(photograph("chelsea")[:225, :450], half, TRAINED_SIDE)
    coffee = shrunk(photograph("coffee")[60:360], half, TRAINED_SIDE)
    cat, coffee = cat[:, ::-1] if flip else cat, coffee[:, ::-1] if mirror else coffee
    return np.concatenate([cat, coffee] if top == "chelsea" else [coffee, cat])


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return probabilities from scores, along the last axis."""
    raised = np.exp(np.float64(scores) - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


class Probe:
    """A network that can be asked for scores and for maps, with photographs from 0 to 255.

    Parameters
    ----------
    model : keras.Model
        To the scores of ImageNet's classes.
    """

    def __init__(self, model: keras.Model):
        import keras

        self.model = model
        self._inner = {
            name: keras.Model(model.input, [model.get_layer(name).output, model.output])
            for name in dict.fromkeys((*LAYERS, *PATCH_LAYERS))
        }

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Return scores [N, 1000] of images [N, 224, 224, 3]."""
        return np.asarray(self.model.predict((images - OFFSET) / SCALE, batch_size=32, verbose=0))

    def responses(self, layer: str, images: np.ndarray) -> np.ndarray:
        """Return the maps [N, rows, columns, channels] of a layer."""
        return np.asarray(self._inner[layer].predict((images - OFFSET) / SCALE, batch_size=32, verbose=0)[0])

    def heat(self, layer: str, image: np.ndarray, classes: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return Grad-CAM of several classes [classes, rows, columns], and the average over a layer's channels.

        References
        ----------
        R. R. Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based localization",
        ICCV 2017, equations 1 and 2.
        """
        import tensorflow as tf

        prepared = tf.constant((image[None] - OFFSET) / SCALE)
        with tf.GradientTape() as tape:
            inner, scores = self._inner[layer](prepared, training=False)
            wanted = tf.gather(scores[0], classes)
        # One row of derivatives for each class: [classes, 1, rows, columns, channels].
        slopes = tape.jacobian(wanted, inner).numpy()[:, 0]
        inner = inner.numpy()[0]
        weights = slopes.mean(axis=(1, 2))
        return np.maximum(np.einsum("rsc,kc->krs", inner, weights), 0), inner.mean(axis=-1)


def occluded(probe: Probe, image: np.ndarray, classes: list[int]) -> np.ndarray:
    """Return how much probability each class loses while a gray square hides a part of the image.

    Parameters
    ----------
    probe : Probe
    image : numpy.ndarray of float32, shape [224, 224, 3]
    classes : list of int

    Returns
    -------
    numpy.ndarray, shape [classes, rows, columns]
        One entry for each place of the square. Negative where the class gains.

    References
    ----------
    M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.2.
    """
    corners = range(0, TRAINED_SIDE - HIDDEN + 1, STEP)
    images = np.repeat(image[None], len(corners) ** 2, axis=0)
    for hidden, (row, column) in zip(images, ((r, c) for r in corners for c in corners), strict=True):
        hidden[row : row + HIDDEN, column : column + HIDDEN] = OFFSET
    before = softmax(probe.scores(image[None]))[0, classes]
    after = softmax(probe.scores(images))[:, classes]
    return (before - after).T.reshape(len(classes), len(corners), len(corners))


def fields() -> dict[str, tuple[int, int]]:
    """Return of each layer that is shown how many pixels one of its numbers sees along an axis, and its stride."""
    found, passed, block = {}, [(3, 2)], 0
    found["stem_relu"] = (receptive_field(passed), 2)
    for repeats, kernel, first, _, _ in STAGES:
        for repeat in range(repeats):
            passed.append((kernel, first if repeat == 0 else 1))
            found[f"block{block}_add"] = (receptive_field(passed), int(np.prod([stride for _, stride in passed])))
            block += 1
    found["head_relu"] = found[f"block{block - 1}_add"]
    return {name: found[name] for name in dict.fromkeys((*LAYERS, *PATCH_LAYERS))}


def tiles() -> tuple[np.ndarray, np.ndarray]:
    """Return squares of all photographs at two scales, and which photograph each is of."""
    from skimage.transform import rescale

    found, owners = [], []
    for owner, name in enumerate(CORPUS):
        image = photograph(name)
        small = TRAINED_SIDE / min(image.shape[:2])
        for scale in (1.0, small) if small < 1 else (small,):
            sized = rescale(image, scale, channel_axis=-1, preserve_range=True, anti_aliasing=scale < 1)
            for row in _starts(sized.shape[0]):
                for column in _starts(sized.shape[1]):
                    found.append(np.float32(sized[row : row + TRAINED_SIDE, column : column + TRAINED_SIDE]))
                    owners.append(owner)
    return np.stack(found), np.array(owners)


def _starts(length: int) -> list[int]:
    length = max(length, TRAINED_SIDE)
    count = 1 + (length - TRAINED_SIDE) // TRAINED_SIDE
    return [int(start) for start in np.linspace(0, length - TRAINED_SIDE, count)]


def patches(probe: Probe) -> dict[str, np.ndarray]:
    """Return the parts of the photographs that some channels of each layer respond to most, and which channels.

    A channel is taken where its strongest responses stand out from its usual ones. At most two patches of a channel are
    of one photograph.
    """
    images, owners = tiles()
    found = {}
    for layer in PATCH_LAYERS:
        field, stride = fields()[layer]
        responses = probe.responses(layer, images)
        strongest = responses.max(axis=(1, 2))
        order = np.argsort(-strongest, axis=0)
        best = np.take_along_axis(strongest, order[: 2 * N_PATCHES], axis=0).mean(axis=0)
        selective = np.argsort(-(best - strongest.mean(axis=0)) / (strongest.std(axis=0) + 1e-3))
        crops, channels = [], []
        for channel in selective:
            taken: list[int] = []
            for tile in order[:, channel]:
                if sum(owners[other] == owners[tile] for other in taken) < 2:
                    taken.append(int(tile))
                if len(taken) == N_PATCHES:
                    break
            if strongest[taken[-1], channel] <= 0.05:
                continue
            crops.append([_crop(images[tile], responses[tile, ..., channel], field, stride) for tile in taken])
            channels.append(int(channel))
            if len(channels) == N_CHANNELS:
                break
        found[f"patches {layer}"] = np.uint8(np.rint(np.clip(crops, 0, 255)))
        found[f"channels {layer}"] = np.array(channels, np.int16)
    return found


def _crop(image: np.ndarray, response: np.ndarray, field: int, stride: int) -> np.ndarray:
    """Return what lies below the strongest place of a map, at most half of an image wide."""
    half = min(max(field, 9), TRAINED_SIDE // 2) // 2
    center = [int((place + 0.5) * stride) for place in np.unravel_index(response.argmax(), response.shape)]
    row, column = (int(np.clip(place, half, TRAINED_SIDE - half)) for place in center)
    return shrunk(image[row - half : row + half, column - half : column + half], PATCH_SIDE, PATCH_SIDE)


def randomized(probe: Probe, image: np.ndarray, classes: list[int]) -> list[dict[str, Any]]:
    """Return how alike maps stay while layers are drawn at random, from the scores down.

    References
    ----------
    J. Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, cascading randomization.
    """
    from scipy.stats import spearmanr

    grad, mean = probe.heat(LAST, image, classes)
    model = load_efficientnet_lite0()
    found = []
    for seed in RANDOM_SEEDS:
        import keras

        keras.utils.set_random_seed(seed)
        fresh = build_efficientnet_lite0()
        model.set_weights(probe.model.get_weights())
        for step in RANDOM_STEPS:
            for layer, other in zip(model.layers, fresh.layers, strict=True):
                if layer.weights and _depth(layer.name) >= _reached(step):
                    layer.set_weights(other.get_weights())
            changed, changed_mean = Probe(model).heat(LAST, image, classes)
            pairs = [*zip(grad, changed, strict=True), (mean, changed_mean)]
            ranks = [
                0.0 if np.ptp(two) == 0 else float(spearmanr(one.ravel(), two.ravel()).statistic) for one, two in pairs
            ]
            found.append(
                {"seed": seed, "step": step, "gradcam": np.mean(ranks[:-1]).round(4), "mean": round(ranks[-1], 4)}
            )
    return found


def _depth(name: str) -> int:
    if name == "logits":
        return 18
    if name.startswith("head"):
        return 17
    return 0 if name.startswith("stem") else 1 + int(name.removeprefix("block").split("_")[0])


def _reached(step: str) -> int:
    known = {"scores": 18, "head": 17, "all": 0}
    return known[step] if step in known else 1 + int(step.split()[1])


def half_share(heat: np.ndarray, top: bool) -> float:
    """Return which share of a heat map lies in one half of the image. The row in the middle counts half."""
    rows = np.clip(len(heat) / 2 - np.arange(len(heat)), 0, 1)
    share = float((rows[:, None] * heat).sum() / heat.sum()) if heat.sum() else 0.5
    return share if top else 1 - share


def box_share(heat: np.ndarray, box: tuple[float, float, float, float]) -> tuple[float, float]:
    """Return which share of a heat map lies in a box, and which share of the image the box is."""
    large = shrunk(heat, TRAINED_SIDE, TRAINED_SIDE)
    inside = np.zeros_like(large)
    top, bottom, left, right = (round(TRAINED_SIDE * edge) for edge in box)
    inside[top:bottom, left:right] = 1
    return float((large * inside).sum() / large.sum()), float(inside.mean())


def make() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what the chapter shows: arrays by name, and numbers and names about them."""
    begin = time.process_time()
    names = imagenet_names()
    probe = Probe(load_efficientnet_lite0())
    arrays: dict[str, np.ndarray] = {"filters": np.float16(probe.model.get_layer("stem_conv").get_weights()[0])}
    about: dict[str, Any] = {"fields": {name: list(field) for name, field in fields().items()}}

    cat = shrunk(photograph("chelsea"))
    for layer in LAYERS:
        maps = probe.responses(layer, cat[None])[0]
        strong = np.sort(np.argsort(-maps.std(axis=(0, 1)))[:N_MAPS])
        scaled = maps[..., strong] / np.abs(maps[..., strong]).max(axis=(0, 1))
        arrays[f"maps {layer}"] = np.int8(np.rint(127 * scaled))
        arrays[f"shown {layer}"] = np.int16(strong)
        about.setdefault("zero", {})[layer] = round(float((maps == 0).mean()), 3)
    arrays |= patches(probe)

    wanted = {
        "cat": (cat, ["Egyptian cat", "espresso"]),
        "collage": (collage(), ["Egyptian cat", "espresso"]),
        "rocket": (shrunk(photograph("rocket")), ["missile", "drilling platform, offshore rig"]),
    }
    for name, (image, classes) in wanted.items():
        numbers = [names.index(each) for each in classes]
        probabilities = softmax(probe.scores(image[None]))[0]
        about[name] = {
            "classes": classes,
            "probabilities": [round(float(probabilities[k]), 4) for k in numbers],
            "first": [[names[k], round(float(probabilities[k]), 4)] for k in np.argsort(-probabilities)[:5]],
        }
        for layer in (LAST, "block10_add"):
            grad, mean = probe.heat(layer, image, numbers)
            arrays[f"gradcam {name} {layer}"], arrays[f"mean {name} {layer}"] = np.float16(grad), np.float16(mean)
        arrays[f"occlusion {name}"] = np.float16(occluded(probe, image, numbers))
    numbers = [names.index(each) for each in ("Egyptian cat", "espresso")]
    about["arrangements"] = [
        _arrangement(probe, numbers, top, flip, mirror)
        for top in ("chelsea", "coffee")
        for flip in (False, True)
        for mirror in (False, True)
    ]
    heat = probe.heat(LAST, wanted["rocket"][0], [names.index(each) for each in wanted["rocket"][1]])[0]
    about["rocket"]["inside"] = [round(box_share(each, ROCKET)[0], 4) for each in heat]
    about["rocket"]["box"] = round(box_share(heat[0], ROCKET)[1], 4)
    about["rocket"]["hidden"] = _without_rocket(probe, wanted["rocket"][0], wanted["rocket"][1], names)
    about["randomized"] = randomized(probe, wanted["collage"][0], numbers)
    about |= {"hidden": HIDDEN, "step": STEP, "random_seeds": len(RANDOM_SEEDS), "corpus": list(CORPUS)}
    return arrays, about | {"processor_seconds": round(time.process_time() - begin), **circumstances()}


def _arrangement(probe: Probe, numbers: list[int], top: str, flip: bool, mirror: bool) -> dict[str, Any]:
    """Return which share of each class' heat lies in the half of its object, by two methods, and of the average map."""
    image = collage(top, flip, mirror)
    grad, mean = probe.heat(LAST, image, numbers)
    hidden = np.maximum(occluded(probe, image, numbers), 0)
    halves = [top == "chelsea", top == "coffee"]
    shares: Callable = lambda maps: [round(half_share(heat, half), 4) for heat, half in zip(maps, halves, strict=True)]  # noqa: E731
    return {"top": top, "gradcam": shares(grad), "occlusion": shares(hidden), "mean": shares([mean, mean])}


def _without_rocket(probe: Probe, image: np.ndarray, classes: list[str], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the probabilities where the rocket is covered by the sky beside it, and where all but the rocket is."""
    top, bottom, left, right = (round(TRAINED_SIDE * edge) for edge in ROCKET)
    covered, alone = image.copy(), np.broadcast_to(image[:, 130:131], image.shape).copy()
    covered[top:bottom, left:right] = image[top:bottom, right + 2 : right + 3]
    alone[top:bottom, left:right] = image[top:bottom, left:right]
    chances = softmax(probe.scores(np.stack([image, covered, alone])))[:, [names.index(each) for each in classes]]
    return {
        name: [round(float(p), 4) for p in row]
        for name, row in zip(("whole", "covered", "alone"), chances, strict=True)
    }


def main(argv: list[str] | None = None) -> int:
    """Make the file from the command line; 1 with the reason where it could not be made."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Look into a pretrained network for the chapter Looking inside.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file (default: the one that the book reads)")
    options = parser.parse_args(argv)

    from source_lib.pretrained import WeightsError

    try:
        arrays, about = make()
        file = io.BytesIO()
        np.savez_compressed(file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
        with atomic_write(options.output) as part:
            part.write_bytes(file.getvalue())
    except (OSError, WeightsError) as error:
        print(f"Nothing was looked at. {error}", file=sys.stderr)
        return 1
    print(f"{len(arrays)} arrays, {len(file.getvalue()):,} bytes, are in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
