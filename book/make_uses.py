"""Train the three small networks of the first chapter: one that classifies, one that detects, one for every pixel.

Takes some minutes of one core and needs no data but scikit-image's photographs. The classifier learns from the left
halves of four of them. The detector and the U-Net learn from drawn scenes of disks and have never seen a coin. Weights
and answers go into one file.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter
from skimage import data
from skimage.measure import block_reduce

from book.stored import DATA, circumstances
from source_lib.atomic_files import atomic_write
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras

OUTPUT = DATA / "uses.npz"
PHOTOGRAPHS = ("brick", "coins", "grass", "text")
#: Pixels along a side of a crop for the classifier, and of a drawn scene; the photograph of coins is halved.
CROP, SCENE, HALVED = 64, 64, 2
#: Input pixels from one place of the detector's map to the next.
STRIDE = 4
SEED, SCENES, CROPS, EPOCHS, BATCH, LEARNING_RATE = 0, 1500, 1200, 14, 32, 3e-3
#: Scores from which on a place is a find, and the part of a box that another one may cover.
SCORE, OVERLAP = 0.5, 0.3


def crops(count: int, seed: int, right: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Cut pieces out of one half of four photographs of scikit-image.

    Parameters
    ----------
    count : int
        How many, the same number of each.
    seed : int
        The same seed cuts the same pieces.
    right : bool
        Whether out of the right halves, else out of the left ones.

    Returns
    -------
    pieces : numpy.ndarray of float32, shape [count, 64, 64, 1]
        From 0 to 1.
    classes : numpy.ndarray of int64, shape [count]
        Places in `PHOTOGRAPHS`.
    """
    rng = np.random.default_rng(seed)
    pieces, classes = [], np.arange(count) % len(PHOTOGRAPHS)
    for kind in classes:
        half = half_of(PHOTOGRAPHS[kind], right)
        row, column = rng.integers(0, np.subtract(half.shape, CROP) + 1)
        piece = half[row : row + CROP, column : column + CROP]
        pieces.append(piece[:, ::-1] if rng.random() < 0.5 else piece)
    return np.stack(pieces)[..., None], classes


def half_of(name: str, right: bool) -> np.ndarray:
    """Return one half of a photograph, [rows, columns], from 0 to 1."""
    whole = getattr(data, name)().astype(np.float32) / 255
    middle = whole.shape[1] // 2
    return whole[:, middle:] if right else whole[:, :middle]


def scenes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw bright disks with an uneven surface on an uneven dark ground, none touching another.

    Parameters
    ----------
    count : int
        How many scenes.
    seed : int
        The same seed draws the same scenes.

    Returns
    -------
    images : numpy.ndarray of float32, shape [count, 64, 64, 1]
        From 0 to 1.
    masks : numpy.ndarray of float32, shape [count, 64, 64, 1]
        1 on a disk.
    maps : numpy.ndarray of float32, shape [count, 16, 16, 2]
        For the detector: how much a place is the middle of a disk, and that disk's radius in units of 16 pixels, where
        it is known.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((SCENE, SCENE), dtype=np.float32)
    places = STRIDE * np.arange(SCENE // STRIDE) + (STRIDE - 1) / 2
    images, masks = np.zeros((2, count, SCENE, SCENE, 1), np.float32)
    maps = np.zeros((count, len(places), len(places), 2), np.float32)
    for image, mask, targets in zip(images, masks, maps, strict=True):
        slope = rng.normal(0, 0.12, 2) @ np.stack([rows, columns]).reshape(2, -1) / SCENE
        ground = rng.uniform(0.08, 0.4) + slope.reshape(rows.shape) + _clouds(rng, 0.06)
        drawn: list[tuple[float, float, float]] = []
        for _ in range(rng.integers(2, 9)):
            radius = rng.uniform(6.5, 16)
            row, column = rng.uniform(-4, SCENE + 4, 2)
            if all(np.hypot(row - r, column - c) > radius + other + 1.5 for r, c, other in drawn):
                drawn.append((row, column, radius))
        for row, column, radius in drawn:
            distance = np.hypot(rows - row, columns - column)
            inside = np.clip(radius + 0.5 - distance, 0, 1)
            # A rim that is brighter on one side, a relief, and a shadow beside it.
            light = (np.cos(rng.uniform(0, 0.6)) * (columns - column) - (rows - row)) / radius
            surface = ground.mean() + rng.uniform(0.15, 0.45) + 0.08 * light + _clouds(rng, 0.16)
            shadow = 0.1 * np.clip(1 - np.abs(distance - radius - 1) / 2, 0, 1)
            ground = inside * surface + (1 - inside) * (ground - shadow)
            mask[..., 0] = np.maximum(mask[..., 0], distance <= radius)
            if 0 <= row < SCENE and 0 <= column < SCENE:
                near = np.exp(-((places[:, None] - row) ** 2 + (places - column) ** 2) / (2 * 3.0**2))
                targets[..., 1] = np.where(near > targets[..., 0], radius / 16, targets[..., 1])
                targets[..., 0] = np.maximum(targets[..., 0], near)
        image[..., 0] = np.clip(ground + rng.normal(0, rng.uniform(0.01, 0.05), ground.shape), 0, 1)
    return images, masks, maps


def _clouds(rng: np.random.Generator, size: float) -> np.ndarray:
    soft = gaussian_filter(rng.normal(size=(SCENE, SCENE)), rng.uniform(1, 3))
    return size * soft / soft.std()


def build(name: str) -> keras.Model:
    """Build one of the networks, for gray images of any size that is a multiple of 4, with random weights.

    Parameters
    ----------
    name : str
        ``'classifier'`` gives scores [4]; ``'detector'``, for each place of a map four times as coarse, a score and a
        radius; ``'U-Net'`` a score for each pixel.
    """
    import keras
    from keras import layers

    def conv(x: Any, filters: int) -> Any:
        return layers.ReLU()(layers.Conv2D(filters, 3, padding="same")(x))

    inputs = x = keras.Input((None, None, 1))
    if name == "classifier":
        for filters in (8, 16, 32):
            x = layers.MaxPooling2D()(conv(x, filters))
        x = layers.Dense(len(PHOTOGRAPHS))(layers.GlobalAveragePooling2D()(x))
    elif name == "detector":
        x = layers.MaxPooling2D()(conv(x, 8))
        x = layers.MaxPooling2D()(conv(conv(x, 16), 16))
        for _ in range(3):
            x = conv(x, 32)
        x = layers.Conv2D(2, 1)(x)
    else:
        first = conv(conv(x, 8), 8)
        second = conv(conv(layers.MaxPooling2D()(first), 16), 16)
        x = conv(conv(layers.MaxPooling2D()(second), 32), 32)
        x = layers.Concatenate()([second, layers.UpSampling2D(interpolation="bilinear")(x)])
        x = layers.Concatenate()([first, layers.UpSampling2D(interpolation="bilinear")(conv(x, 16))])
        x = layers.Conv2D(1, 1)(conv(x, 8))
    return keras.Model(inputs, x, name=name.replace("-", "_").lower())


def detection_loss(wanted: Any, given: Any) -> Any:
    """Return cross-entropy for the middles, in which middles count more, and the squared error of radii near them."""
    from keras import ops

    middle, score = wanted[..., 0], given[..., 0]
    entropy = ops.maximum(score, 0) - score * middle + ops.log1p(ops.exp(-ops.abs(score)))
    radii = ops.square(wanted[..., 1] - given[..., 1]) * ops.cast(middle > 0.5, "float32")
    return ops.mean((1 + 4 * middle) * entropy) + 10 * ops.mean(radii)


def train(name: str, *, count: int | None = None, epochs: int = EPOCHS) -> keras.Model:
    """Train one of the networks from a fixed seed.

    Parameters
    ----------
    name : str
        As for `build`.
    count : int, optional
        Crops or scenes; by default as many as for the page.
    epochs : int
        How often each is seen.
    """
    import keras

    keras.utils.set_random_seed(SEED)
    model = build(name)
    if name == "classifier":
        x, y = crops(count or CROPS, SEED)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    else:
        x, masks, maps = scenes(count or SCENES, SEED)
        y, loss = (maps, detection_loss) if name == "detector" else (masks, keras.losses.BinaryCrossentropy(True))
    steps = epochs * -(-len(x) // BATCH)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)), loss)
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=2)
    return model


def photograph() -> np.ndarray:
    """Return the photograph of coins at half its size, [152, 192], from 0 to 1; the row that it lacks is half black."""
    halved = block_reduce(data.coins() / 255, (HALVED, HALVED), np.mean).astype(np.float32)
    assert not any(side % STRIDE for side in halved.shape)
    return halved


def boxes_of(answer: np.ndarray) -> np.ndarray:
    """Return what a detector's map says as boxes, without those that overlap a better one.

    Parameters
    ----------
    answer : numpy.ndarray, shape [rows, columns, 2]
        Scores before the sigmoid, and radii in units of 16 pixels.

    Returns
    -------
    numpy.ndarray, shape [count, 5]
        Top, left, bottom, right in pixels of the photograph of full size, and the score from 0 to 1; the best first.
    """
    scores = 1 / (1 + np.exp(-answer[..., 0].astype(np.float64)))
    peaks = np.argwhere((scores >= SCORE) & (scores == maximum_filter(scores, 3)))
    found = []
    for row, column in sorted(peaks.tolist(), key=lambda place: -scores[tuple(place)]):
        # The middle between neighbors that are nearly as good.
        near = np.s_[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        weights, (rows, columns) = scores[near], np.mgrid[near]
        middle = np.array([(weights * rows).sum(), (weights * columns).sum()]) / weights.sum()
        center = HALVED * (STRIDE * middle + STRIDE / 2)
        radius = HALVED * 16 * answer[row, column, 1]
        box = np.array([*(center - radius), *(center + radius), scores[row, column]])
        if all(overlap(box, other) <= OVERLAP for other in found):
            found.append(box)
    return np.reshape(found, (-1, 5)).round(2)


def overlap(box: Sequence[float], other: Sequence[float]) -> float:
    """Return the intersection over union of two boxes: top, left, bottom, right."""
    (top, left, bottom, right), (top_2, left_2, bottom_2, right_2) = box[:4], other[:4]
    high, wide = min(bottom, bottom_2) - max(top, top_2), min(right, right_2) - max(left, left_2)
    shared = max(0.0, high) * max(0.0, wide)
    return shared / ((bottom - top) * (right - left) + (bottom_2 - top_2) * (right_2 - left_2) - shared)


def answers(models: dict[str, keras.Model]) -> dict[str, np.ndarray]:
    """Ask the networks what the page shows.

    Returns
    -------
    dict of numpy.ndarray
        ``probabilities`` [4] of the right half of the coins; ``boxes``, see `boxes_of`; ``pixels`` [rows, columns], the
        probability of coin in percent, of the photograph at half its size.
    """
    half = half_of("coins", right=True)
    scores = np.array(models["classifier"](half[None, ..., None]))[0].astype(np.float64)
    powers = np.exp(scores - scores.max())
    image = photograph()[None, ..., None]
    pixels = 1 / (1 + np.exp(-np.array(models["U-Net"](image))[0, ..., 0].astype(np.float64)))
    return {
        "probabilities": (powers / powers.sum()).round(4),
        "boxes": boxes_of(np.array(models["detector"](image))[0]),
        "pixels": (100 * pixels).round().astype(np.uint8),
    }


def pack(models: dict[str, keras.Model]) -> dict[str, np.ndarray]:
    """Return the weights of the networks, rounded to float16, and put the rounded ones into the networks."""
    arrays = {}
    for name, model in models.items():
        rounded = [weight.astype(np.float16) for weight in model.get_weights()]
        model.set_weights([weight.astype(np.float32) for weight in rounded])
        arrays |= {f"{name}/{place}": weight for place, weight in enumerate(rounded)}
    return arrays


def load(name: str, path: Path = OUTPUT) -> keras.Model:
    """Build one of the networks with the weights that the course ships."""
    model = build(name)
    with np.load(path, allow_pickle=False) as archive:
        weights = [archive[f"{name}/{place}"].astype(np.float32) for place in range(len(model.get_weights()))]
    model.set_weights(weights)
    return model


def main(argv: list[str] | None = None) -> int:
    """Train from the command line; 1 with the reason where the file could not be written."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Train the three small networks of the first chapter.")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"default: {EPOCHS}")
    parser.add_argument("--images", type=int, help="crops and scenes to train with (default: as many as for the page)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to (default: into book/_data)")
    options = parser.parse_args(argv)
    begin = time.process_time()
    models = {
        name: train(name, count=options.images, epochs=options.epochs) for name in ("classifier", "detector", "U-Net")
    }
    arrays = pack(models)
    x, y = crops(400, SEED + 1, right=True)
    images, masks, _ = scenes(200, SEED + 1)
    said = np.array(models["U-Net"](images)) > 0
    about = {
        "parameters": {name: model.count_params() for name, model in models.items()},
        "new_crops": len(y),
        "new_crops_right": round(float(np.mean(np.array(models["classifier"](x)).argmax(axis=1) == y)), 4),
        "scenes": options.images or SCENES,
        "new_scenes_iou": round(float(np.sum(said & (masks > 0)) / np.sum(said | (masks > 0))), 4),
        "processor_seconds": round(time.process_time() - begin),
        **circumstances(),
    }
    arrays |= answers(models) | {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
    try:
        with atomic_write(options.output) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)
    except OSError as error:
        print(f"The networks could not be written: {error}", file=sys.stderr)
        return 1
    print(json.dumps(about, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
