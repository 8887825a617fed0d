"""Train the small network that stands in where no real pretrained network is at hand, on shapes that are drawn here.

Takes a few minutes of one core and needs no data. The weights go into ``source_lib/pretrained``, what the training came
to into ``book/_data``. The network then knows edges, corners, colors and textures of drawn shapes, and no photograph.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from book.stored import BOOK, DATA, circumstances
from source_lib.atomic_files import atomic_write
from source_lib.pretrained.small_network import FILE, FILLINGS, SHAPES, TRAINED_SIDE, build_small_network, pack
from source_lib.tensorflow_settings import quiet_tensorflow

WEIGHTS = BOOK.parent / "source_lib" / "pretrained" / FILE
REPORT = DATA / "small-network.json"
N_TRAIN, N_TEST, EPOCHS, BATCH, LEARNING_RATE, SEED = 24_000, 2_400, 8, 64, 2e-3, 0


def drawn(count: int, seed: int, side: int = TRAINED_SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Draw shapes with fillings, at any place, size and angle, in any two colors on an uneven ground.

    Parameters
    ----------
    count : int
        How many.
    seed : int
        The same seed gives the same images.
    side : int
        Their height and width.

    Returns
    -------
    images : numpy.ndarray of float32, shape [count, side, side, 3]
        From -1 to 1.
    classes : numpy.ndarray of int64, shape [count]
        Shape times the number of fillings plus filling.
    """
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % (len(SHAPES) * len(FILLINGS))
    rng.shuffle(classes)
    steps = np.linspace(-1, 1, side)
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"))
    images = np.empty((count, side, side, 3), np.float32)
    for image, label in zip(images, classes, strict=True):
        shape, filling = divmod(int(label), len(FILLINGS))
        turn, size, place = rng.uniform(0, 2 * np.pi), rng.uniform(0.45, 0.85), rng.uniform(-0.3, 0.3, 2)
        cos, sin = np.cos(turn), np.sin(turn)
        y, x = np.tensordot([[cos, -sin], [sin, cos]], grid - place[:, None, None], 1) / size
        # Soft edges, one pixel wide.
        inside = np.clip(0.5 - _distance(SHAPES[shape], y, x) * size * side / 2, 0, 1)
        wave, phase = rng.uniform(9, 16), rng.uniform(0, 2 * np.pi, 2)
        one, two = np.sin(wave * y + phase[0]), np.sin(wave * x + phase[1])
        mix = {"plain": 0 * y, "stripes": one, "checks": one * two, "dots": one + two - 0.8}[FILLINGS[filling]]
        mix = np.clip(0.5 + 4 * mix, 0, 1)[..., None] if filling else 0 * y[..., None]
        first, second, ground, other = _colors(rng)
        slope = np.clip(0.5 + np.tensordot(rng.normal(size=2), grid, 1) / 3, 0, 1)[..., None]
        picture = inside[..., None] * (mix * second + (1 - mix) * first)
        picture += (1 - inside[..., None]) * (slope * ground + (1 - slope) * other)
        image[:] = np.clip(picture + rng.normal(0, rng.uniform(0, 0.12), picture.shape), -1, 1)
    return images, classes


def _distance(shape: str, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return a number that is negative inside of a shape and grows by one with each unit of distance, roughly."""
    radius, angle = np.hypot(y, x), np.arctan2(y, x)
    if shape == "disk":
        return radius - 0.75
    if shape == "ring":
        return np.abs(radius - 0.65) - 0.2
    if shape == "square":
        return np.maximum(np.abs(y), np.abs(x)) - 0.65
    if shape == "triangle":
        return np.max([y * np.cos(t) + x * np.sin(t) for t in (0, 2 * np.pi / 3, 4 * np.pi / 3)], axis=0) - 0.45
    if shape == "cross":
        near, far = np.minimum(np.abs(y), np.abs(x)), np.maximum(np.abs(y), np.abs(x))
        return np.maximum(near - 0.22, far - 0.8)
    return radius - 0.6 - 0.28 * np.cos(5 * angle)


def _colors(rng: np.random.Generator) -> np.ndarray:
    """Return two colors of a shape and two of the ground, each pair different enough from the other to be seen."""
    while True:
        first, second, ground, other = colors = rng.uniform(-1, 1, (4, 3))
        other[:] = ground + 0.4 * (other - ground)
        apart = [np.abs(one - two).max() for one in (first, second) for two in (ground, other)]
        if min(*apart, np.abs(first - second).max()) > 0.6:
            return colors


def train(count: int = N_TRAIN, epochs: int = EPOCHS) -> tuple[object, dict[str, object]]:
    """Train the network.

    Parameters
    ----------
    count : int
        Images to train with.
    epochs : int
        How often each is seen.

    Returns
    -------
    model : keras.Model
        With its top.
    report : dict
        What it reaches on images drawn with another seed, and with what it was made.
    """
    import keras

    begin = time.process_time()
    keras.utils.set_random_seed(SEED)
    x, y = drawn(count, SEED)
    x_test, y_test = drawn(N_TEST, SEED + 1)
    model = build_small_network()
    steps = epochs * -(-count // BATCH)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=2)
    return model, {
        "classes": len(SHAPES) * len(FILLINGS),
        "images": {"training": count, "test": N_TEST},
        "epochs": epochs,
        "batch": BATCH,
        "learning_rate": LEARNING_RATE,
        "seed": SEED,
        "parameters": model.count_params(),
        "test_accuracy": round(model.evaluate(x_test, y_test, verbose=0)[1], 4),
        "processor_seconds": round(time.process_time() - begin),
        **circumstances(),
    }


def main(argv: list[str] | None = None) -> int:
    """Train from the command line; 1 with the reason where the files could not be written."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Train the small network that comes with the course.")
    parser.add_argument("--images", type=int, default=N_TRAIN, help=f"to train with (default: {N_TRAIN})")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"default: {EPOCHS}")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where to (default: into source_lib)")
    parser.add_argument("--report", type=Path, default=REPORT, help="where to (default: into book/_data)")
    options = parser.parse_args(argv)
    model, report = train(options.images, options.epochs)
    try:
        for path, content in (
            (options.weights, pack(model)),
            (options.report, (json.dumps(report, indent=1) + "\n").encode()),
        ):
            with atomic_write(path) as part:
                part.write_bytes(content)
    except OSError as error:
        print(f"The network was trained but could not be written. {error}", file=sys.stderr)
        return 1
    print(f"{report['test_accuracy']:.1%} of the test images; the weights are in {options.weights}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
