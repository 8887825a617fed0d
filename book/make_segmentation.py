"""Train the networks whose masks the chapter *Segmentation* compares, on real glands and on drawn ones.

Takes five to ten minutes of one core. What was trained is kept in ``book/_build/runs``: stop it whenever you like, and
start it again. Of the real images only numbers are kept, since they may be used for research and not be handed on; the
pictures on the page are of tissue that is drawn here.

This stands in ``book`` and in no package on purpose: a lab asks students for such networks and losses.

References
----------
K. Sirinukunwattana et al., "Gland segmentation in colon histology images: The GlaS challenge contest", Medical Image
Analysis 35, 2017.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from book.stored import DATA, WORK, circumstances
from source_lib.atomic_files import atomic_write
from source_lib.data.glands import SIZE, draw_glands, find_glands, read_part
from source_lib.data.locations import DATA_VARIABLE, DatasetError
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras

OUTPUT = DATA / "segmentation.npz"
#: Of the real images: how many are held out, by a fixed draw, and how many of the others choose the epoch.
N_TEST, N_VALID, SPLIT_SEED = 20, 15, 0
SEEDS = (0, 1, 2)
EPOCHS, BATCH, RATE = 50, 8, 1e-3
#: Networks learn from windows, a new one of each image in each epoch: as many steps at a quarter of the work.
WINDOW = 64
#: Every image three times, as the report has it: itself and two flips. Fewer epochs, as each is three times as long.
TWIN_EPOCHS, TWIN_SEEDS, FLIPS = 20, (0, 1), (0, 1, 2)
#: Drawn images for training, validation and showing.
N_DRAWN, DRAWN_SEEDS = (60, 12, 4), (0, 1, 2)
#: Name of a training, and what it is trained with.
RECIPES: dict[str, dict[str, Any]] = {
    "fcn": {"network": "fcn"},
    "no skips": {"network": "decoder"},
    "skips": {"network": "decoder", "skips": True},
    "unet": {"network": "unet"},
}
#: Edges of the parts of a gland: pixels from the nearest pixel outside of it, and how bright a pixel of its inside is.
DEPTHS, DARK = (0, 4.5, 9.5, 1000), 40


def build(network: str, skips: bool = False, filters: int = 8, levels: int = 3) -> keras.Model:
    """Build a network that gives two scores for each pixel.

    Parameters
    ----------
    network : {"fcn", "decoder", "unet"}
        The report's first network, its second one with a convolution behind each transposed one, and a U-Net.
    skips : bool
        Whether the second one gets the maps of its first half joined to those of the same size in its second half.
    filters, levels : int
        Of the U-Net: maps of the first convolution, and poolings.

    Returns
    -------
    keras.Model
        From images [rows, columns, 3] with values from 0 to 255 to scores [rows, columns, 2]. Rows and columns are
        multiples of 4, for the U-Net of 2 to the power of `levels`.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    import keras
    from keras import layers

    if network not in ("fcn", "decoder", "unet"):
        raise ValueError(f"There is no network {network!r}. Use 'fcn', 'decoder' or 'unet'.")

    def convolution(x, maps, times=1, normalized=True):
        for _ in range(times):
            x = layers.Conv2D(maps, 3, padding="same", use_bias=not normalized or network == "decoder")(x)
            x = layers.BatchNormalization(momentum=0.9)(x) if normalized else x
            x = layers.ReLU()(x)
        return x

    first = keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(first)
    if network == "unet":
        left = []
        for level in range(levels):
            left.append(convolution(x, filters * 2**level, 2))
            x = layers.MaxPooling2D()(left[-1])
        x = convolution(x, filters * 2**levels, 2)
        for level in reversed(range(levels)):
            x = layers.Conv2DTranspose(filters * 2**level, 2, strides=2)(x)
            x = convolution(layers.Concatenate()([left[level], x]), filters * 2**level, 2)
    else:
        normalized, left = network == "decoder", []
        for maps in (8, 16):
            left.append(convolution(x, maps, normalized=normalized))
            x = layers.MaxPooling2D()(left[-1])
        x = convolution(x, 32, normalized=normalized)
        for maps, passed in ((16, left[1]), (8, left[0])):
            x = layers.Conv2DTranspose(maps, 2, strides=2)(x)
            if network == "decoder":
                x = convolution(layers.Concatenate()([passed, x]) if skips else x, maps)
    return keras.Model(first, layers.Conv2D(2, 1)(x))


def turned(arrays: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """Return images or masks [N, rows, columns, ...], each in one of the eight ways to lay a square onto itself.

    Parameters
    ----------
    arrays : numpy.ndarray
        Square images or masks.
    ways : numpy.ndarray of int, shape [N]
        From 0 to 7: whether columns are reversed, whether rows are, and whether both change places, as bits.
    """
    found = np.empty_like(arrays)
    for place, (one, way) in enumerate(zip(arrays, ways, strict=True)):
        one = one[:, ::-1] if way & 1 else one
        one = one[::-1] if way & 2 else one
        found[place] = one.swapaxes(0, 1) if way & 4 else one
    return found


def windows(images: np.ndarray, masks: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return of each image and its mask the same square of `WINDOW` pixels, at a place that is drawn."""
    corners = rng.integers(0, SIZE - WINDOW + 1, (len(images), 2))
    cut = [np.s_[place, row : row + WINDOW, column : column + WINDOW] for place, (row, column) in enumerate(corners)]
    return np.stack([images[each] for each in cut]), np.stack([masks[each] for each in cut])


def counts(found: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return of each image how many pixels are rightly found, wrongly found, and missed, as int [N, 3]."""
    both = (found & masks).sum(axis=(1, 2))
    return np.stack([both, found.sum(axis=(1, 2)) - both, masks.sum(axis=(1, 2)) - both], axis=1)


def overlap(numbers: np.ndarray) -> np.ndarray:
    """Return 2 TP / (2 TP + FP + FN) of rows of `counts`, 1 where nothing is there and nothing is found."""
    right, wrong, missed = np.asarray(numbers).T
    whole = 2 * right + wrong + missed
    return np.where(whole == 0, 1.0, 2 * right / np.maximum(whole, 1))


def predicted(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return masks [N, rows, columns] as bool."""
    scores = model.predict(np.float32(images), batch_size=20, verbose=0)
    return scores[..., 1] > scores[..., 0]


def train(
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    seed: int,
    epochs: int,
    *,
    network: str,
    skips: bool = False,
    augment: bool = True,
) -> tuple[keras.Model, list[float]]:
    """Train once, and go back to the epoch with the best average overlap on the validation images.

    Parameters
    ----------
    parts : two pairs of numpy.ndarray
        Images [N, 128, 128, 3] and masks [N, 128, 128] for training, and for validation.
    seed : int
        Of the first weights, of the order of the images, and of how they are turned and where they are cut.
    epochs : int
    network, skips
        As for `build`.
    augment : bool
        Whether each image is turned in one of eight ways, drawn anew in each epoch.

    Returns
    -------
    keras.Model
        With the weights of its best epoch.
    list of float
        Average overlap on the validation images after each epoch.
    """
    import keras

    (images, masks), (x_valid, y_valid) = parts
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = build(network, skips)
    model.compile(keras.optimizers.Adam(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history, best = [], model.get_weights()
    for _ in range(epochs):
        ways = rng.integers(8, size=len(images)) if augment else np.zeros(len(images), int)
        x, y = windows(turned(images, ways), turned(masks, ways), rng)
        model.fit(np.float32(x), np.int32(y)[..., None], batch_size=BATCH, verbose=0)
        history.append(float(overlap(counts(predicted(model, x_valid), y_valid)).mean()))
        if history[-1] >= max(history):
            best = model.get_weights()
    model.set_weights(best)
    return model, [round(value, 4) for value in history]


def split(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which images are for training, for validation and for the test: the same whenever it is asked."""
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    test, valid, rest = np.split(order, [N_TEST, N_TEST + N_VALID])
    return np.sort(rest), np.sort(valid), np.sort(test)


def of_images(images: np.ndarray, masks: np.ndarray) -> dict[str, Any]:
    """Return what is known of the images without any network: shares, sizes of glands, and how much a coarse map loses.

    Parameters
    ----------
    images : numpy.ndarray of uint8, shape [N, 128, 128, 3]
    masks : numpy.ndarray of bool, shape [N, 128, 128]
    """
    from scipy.ndimage import distance_transform_edt, label
    from skimage.transform import downscale_local_mean, resize

    widths, diameters = [], []
    for mask in masks:
        islands, number = label(mask)
        for island in range(1, number + 1):
            inside = islands == island
            # Pieces of a few pixels are glands that the edge of the image cuts off.
            if inside.sum() > 30:
                widths.append(2 * distance_transform_edt(np.pad(inside, 1)).max())
                diameters.append(2 * np.sqrt(inside.sum() / np.pi))
    coarse = {}
    for stride in (2, 4, 8, 16, 32):
        again = [resize(downscale_local_mean(mask.astype(float), (stride, stride)), mask.shape) > 0.5 for mask in masks]
        coarse[stride] = round(float(overlap(counts(np.stack(again), masks)).mean()), 4)
    return {
        "count": len(images),
        "share": [round(float(mask.mean()), 4) for mask in masks],
        "widths": [round(float(width), 1) for width in widths],
        "diameters": [round(float(diameter), 1) for diameter in diameters],
        "coarse": coarse,
        "blue": int(images[..., 2].max()),
    }


def by_color(train_part: tuple[np.ndarray, np.ndarray], test_part: tuple[np.ndarray, np.ndarray]) -> list[list[int]]:
    """Return the counts on test images where each pixel is judged by its own color alone."""
    from sklearn.linear_model import LogisticRegression

    (x, y), (x_test, y_test) = train_part, test_part
    model = LogisticRegression().fit(x[:, ::4, ::4, :2].reshape(-1, 2) / 255, y[:, ::4, ::4].ravel())
    found = model.predict(x_test[..., :2].reshape(-1, 2) / 255).reshape(y_test.shape)
    return counts(found, y_test).tolist()


def by_depth(found: np.ndarray, images: np.ndarray, masks: np.ndarray) -> dict[str, list[list[int]]]:
    """Return how many pixels of glands are found, and how many there are, by depth, in dark and in bright parts.

    Returns
    -------
    dict
        ``"dark"`` and ``"bright"``: for each part of `DEPTHS` found and all. ``"outside"``: dark pixels outside of
        glands that are taken for glands, and all of them.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    depth = np.stack([distance_transform_edt(mask) for mask in masks])
    dark = gaussian_filter(images[..., :2].max(axis=-1).astype(float), (0, 2, 2)) < DARK
    table: dict[str, list[list[int]]] = {"outside": [[int((found & dark & ~masks).sum()), int((dark & ~masks).sum())]]}
    for name, where in (("dark", dark), ("bright", ~dark)):
        parts = [where & (depth > low) & (depth <= high) for low, high in zip(DEPTHS, DEPTHS[1:], strict=False)]
        table[name] = [[int((found & part).sum()), int(part.sum())] for part in parts]
    return table


def changed(model: keras.Model, images: np.ndarray, masks: np.ndarray) -> dict[str, list[list[int]]]:
    """Return the counts where the images are not what the network was trained with, and those of eight views averaged.

    Returns
    -------
    dict
        ``"divided"``: images from 0 to 1 in place of 0 to 255. ``"stain"``: three fifths of the green stain.
        ``"eight views"``: test-time augmentation with the eight ways to lay a square onto itself.
    """
    paler = np.float32(images) * np.float32([1, 0.6, 1])
    total = np.zeros((*masks.shape, 2), np.float32)
    for way in range(8):
        ways = np.full(len(images), way)
        scores = model.predict(np.float32(turned(images, ways)), batch_size=20, verbose=0)
        chances = np.exp(scores - scores.max(axis=-1, keepdims=True))
        chances /= chances.sum(axis=-1, keepdims=True)
        # Both axes exchanged after a reversal: undone in the other order.
        back = chances.swapaxes(1, 2) if way & 4 else chances
        total += turned(back, ways & 3)
    return {
        "divided": counts(predicted(model, images / 255), masks).tolist(),
        "stain": counts(predicted(model, paler), masks).tolist(),
        "eight views": counts(total[..., 1] > total[..., 0], masks).tolist(),
    }


def compared(images: np.ndarray, masks: np.ndarray, recipe: str, seed: int) -> dict[str, Any]:
    """Train one network of `RECIPES` on the real images, and measure it on those that are held out."""
    rest, valid, test = split(len(images))
    model, history = train([(images[rows], masks[rows]) for rows in (rest, valid)], seed, EPOCHS, **RECIPES[recipe])
    found = predicted(model, images[test])
    line = {
        "what": recipe,
        "history": history,
        "test": counts(found, masks[test]).tolist(),
        "depth": by_depth(found, images[test], masks[test]),
    }
    return line | (changed(model, images[test], masks[test]) if recipe == "unet" else {})


def copies(
    images: np.ndarray, masks: np.ndarray, way: str, seed: int
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], list[np.ndarray]]:
    """Return three copies of each image that is not for the test, and which are for training and for validation.

    Parameters
    ----------
    images, masks : numpy.ndarray
        The real ones.
    way : {"split first", "copied first"}
        Whether the copies of one image stay together, or all copies are shuffled before they are split.
    seed : int
        Of the shuffling.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray, numpy.ndarray)
        Images, masks, and which image each is a copy of.
    list of two numpy.ndarray of int
        Places for training and for validation.
    """
    rest, valid, _ = split(len(images))
    rows = np.repeat(np.concatenate([rest, valid]), len(FLIPS))
    ways = np.tile(FLIPS, len(rest) + len(valid))
    order = np.arange(len(rows))
    if way == "copied first":
        order = np.random.default_rng(seed).permutation(order)
    return (turned(images[rows], ways), turned(masks[rows], ways), rows), np.split(order, [len(FLIPS) * len(rest)])


def by_neighbor(images: np.ndarray, masks: np.ndarray, way: str, seed: int) -> list[list[int]]:
    """Return the counts on validation images where each gets the mask of the training image that is most like it.

    Images are compared with all of their mirror images, as a network that learned flips by heart would. This is the
    extreme of a network that remembers and understands nothing.
    """
    from scipy.spatial.distance import cdist

    (x, y, _), (known, asked) = copies(images, masks, way, seed)
    small = x[..., :2].reshape(len(x), SIZE // 8, 8, SIZE // 8, 8, 2).mean(axis=(2, 4))
    found = np.zeros_like(y[asked])
    best = np.full(len(asked), np.inf)
    for reversal in range(4):
        ways = np.full(len(known), reversal)
        distances = cdist(small[asked].reshape(len(asked), -1), turned(small[known], ways).reshape(len(known), -1))
        nearer = distances.min(axis=1) < best
        best = np.minimum(best, distances.min(axis=1))
        found[nearer] = turned(y[known], ways)[distances.argmin(axis=1)][nearer]
    return counts(found, y[asked]).tolist()


def with_twins(images: np.ndarray, masks: np.ndarray, way: str, seed: int) -> dict[str, Any]:
    """Train the report's second network with three copies of each image, chosen for validation before or after copying.

    Parameters
    ----------
    images, masks
        The real ones.
    way : {"split first", "copied first"}
    seed : int
    """
    (x, y, rows), parts = copies(images, masks, way, seed)
    test = split(len(images))[2]
    model, history = train([(x[part], y[part]) for part in parts], seed, TWIN_EPOCHS, network="decoder", augment=False)
    return {
        "what": way,
        "history": history,
        "twins": int(np.isin(rows[parts[1]], rows[parts[0]]).sum()),
        "valid": counts(predicted(model, x[parts[1]]), y[parts[1]]).tolist(),
        "test": counts(predicted(model, images[test]), masks[test]).tolist(),
    }


def drawn_tissue(part: int) -> tuple[np.ndarray, np.ndarray]:
    """Return drawn images, and their masks as bool: 0 for training, 1 for validation, 2 for showing."""
    images, masks = draw_glands([DRAWN_SEEDS[part]], N_DRAWN[part])
    return images, masks.astype(bool)


def on_drawn(network: str) -> dict[str, np.ndarray]:
    """Train with drawn tissue, and return how likely each pixel of the images that are shown is gland, as bytes."""
    drawn = [drawn_tissue(part) for part in range(len(N_DRAWN))]
    model, _ = train(drawn[:2], 0, EPOCHS, network=network)
    scores = model.predict(np.float32(drawn[2][0]), verbose=0)
    return {network: np.uint8(np.rint(255 / (1 + np.exp(scores[..., 0] - scores[..., 1]))))}


class Kept:
    """Measures what was not measured before, and keeps it.

    Parameters
    ----------
    work : pathlib.Path
        Folder for what was measured.
    images : str
        What is trained with, such as a digest of the images; other images are measured anew.
    """

    def __init__(self, work: Path, images: str):
        self.work, self.images = work, images
        self.seconds = 0.0

    def __call__(self, name: str, measure: Callable[[], dict[str, Any]], **settings: Any) -> dict[str, Any]:
        """Return a measurement as it was kept, or measure it. Arrays and numbers alike."""
        key = json.dumps([self.images, EPOCHS, TWIN_EPOCHS, WINDOW, name, settings], sort_keys=True)
        path = self.work / f"segmentation-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
        if not path.is_file():
            begin = time.process_time()
            found = measure()
            arrays = {key: value for key, value in found.items() if isinstance(value, np.ndarray)}
            rest = {key: value for key, value in found.items() if key not in arrays}
            rest["seconds"] = round(time.process_time() - begin, 1)
            self.work.mkdir(parents=True, exist_ok=True)
            save(path, arrays, rest)
        arrays, about = load(path)
        self.seconds += about.pop("seconds")
        return arrays | about


def save(path: Path, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> int:
    """Write arrays and what is not an array into one file, and return its size in bytes."""
    file = io.BytesIO()
    np.savez_compressed(file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
    with atomic_write(path) as part:
        part.write_bytes(file.getvalue())
    return len(file.getvalue())


def load(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return arrays, json.loads(bytes(arrays.pop("about")))


def make(folder: Path, work: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what the chapter shows: arrays by name, and numbers.

    Parameters
    ----------
    folder : pathlib.Path
        Of the real images.
    work : pathlib.Path
        Where single trainings are kept.
    """
    images, masks = read_part(folder)
    masks = masks.astype(bool)
    rest, valid, test = split(len(images))
    kept = Kept(work, hashlib.sha256(images.tobytes() + masks.tobytes()).hexdigest())
    shown, shown_masks = drawn_tissue(2)
    arrays = {"drawn": shown[..., :2], "masks": np.packbits(shown_masks, axis=-1)}
    runs = []
    for seed in SEEDS:
        for recipe, settings in RECIPES.items():
            found = kept(recipe, lambda r=recipe, s=seed: compared(images, masks, r, s), seed=seed, settings=settings)
            runs.append(found | {"seed": seed})
            print(recipe, seed, overlap(found["test"]).mean().round(4), flush=True)
        for way in ("split first", "copied first") if seed in TWIN_SEEDS else ():
            found = kept(way, lambda w=way, s=seed: with_twins(images, masks, w, s), seed=seed)
            runs.append(found | {"seed": seed})
            print(way, seed, *(overlap(found[part]).mean().round(4) for part in ("valid", "test")), flush=True)
    for network in ("fcn", "unet"):
        arrays |= kept(
            "drawn", lambda network=network: on_drawn(network), network=network, drawn=[N_DRAWN, DRAWN_SEEDS]
        )
    about = {
        "images": of_images(images, masks),
        "parts": {"train": len(rest), "valid": len(valid), "test": len(test)},
        "valid_share": [round(float(mask.mean()), 4) for mask in masks[valid]],
        "test_share": [round(float(mask.mean()), 4) for mask in masks[test]],
        "color": by_color((images[rest], masks[rest]), (images[test], masks[test])),
        "neighbor": {
            way: [by_neighbor(images, masks, way, seed) for seed in SEEDS] for way in ("split first", "copied first")
        },
        "runs": runs,
        "settings": {
            "epochs": EPOCHS,
            "twin_epochs": TWIN_EPOCHS,
            "batch": BATCH,
            "rate": RATE,
            "window": WINDOW,
            "dark": DARK,
        },
        "depths": DEPTHS,
        "drawn": N_DRAWN,
        "processor_seconds": round(kept.seconds),
        **circumstances(),
    }
    return arrays, about


def main(argv: list[str] | None = None) -> int:
    """Make the file from the command line; 1 with the reason where it could not be made."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Train the networks of the chapter Segmentation.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file (default: the one that the book reads)")
    parser.add_argument("--work", type=Path, default=WORK, help="where single trainings are kept")
    options = parser.parse_args(argv)
    try:
        folder = find_glands()
        if folder is None:
            raise DatasetError(f"There are no real images. {DATA_VARIABLE} names the folder with WARWICK/Train.")
        arrays, about = make(folder / "Train", options.work)
        size = save(options.output, arrays, about)
    except (DatasetError, OSError) as error:
        print(f"Nothing was trained. {error}", file=sys.stderr)
        return 1
    print(f"{len(about['runs'])} trainings, {size:,} bytes, are in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
