"""Train the network of the page *See a network see*, round its weights to bytes, and measure what that costs.

Takes some minutes of one core and needs MNIST. It is the network of a student report on MNIST that a lab of the course
follows: three blocks with 8, 16 and 32 maps. Its images are moved, turned and resized a little in training, since a
reader who draws does not center a digit as MNIST's makers did.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from book.stored import DATA, circumstances
from source_lib.atomic_files import atomic_write
from source_lib.data import DataGenerator, DatasetError
from source_lib.interactive.network_file import describe, quantized, rebuild
from source_lib.interactive.see_network import DIGITS, draw
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras

OUTPUT = DATA / "network-to-see.json"
#: What the page shows on paper and without scripts: a digit of those that the page draws, and its maps.
PICTURE, DIGIT = "network-to-see.png", 3
MAPS = (8, 16, 32)
EPOCHS, BATCH, LEARNING_RATE, SEED = 12, 64, 2e-3, 0
#: How far images are changed in training: turned, as a share of a whole turn, enlarged, and moved, as shares of a side.
CHANGES = {"rotation": 0.03, "zoom": 0.12, "translation": 0.1}
#: Bits for a weight that are tried; the file has the first.
BITS = (8, 7, 6, 5, 4, 3, 2)


def network() -> keras.Sequential:
    """Build the network: three blocks of convolution, ReLU and max pooling, the last without pooling, and ten scores.

    Returns
    -------
    keras.Sequential
        From images [28, 28, 1] with values from 0 to 1 to probabilities of ten digits, with 21,578 parameters.
    """
    import keras
    from keras import layers

    parts: list[Any] = [keras.Input((28, 28, 1))]
    for block, maps in enumerate(MAPS, 1):
        if block > 1:
            parts.append(layers.MaxPooling2D(name=f"pooling{block - 1}"))
        parts.append(layers.Conv2D(maps, 3, padding="same", activation="relu", name=f"convolution{block}"))
    return keras.Sequential(
        [*parts, layers.Flatten(), layers.Dense(10, "softmax", name="scores")], name="mnist_three_blocks"
    )


def trained(x: np.ndarray, y: np.ndarray, epochs: int = EPOCHS) -> keras.Sequential:
    """Train the network on images that are changed a little, other ones in each epoch.

    Parameters
    ----------
    x : numpy.ndarray, shape [N, 28, 28, 1]
        From 0 to 1.
    y : numpy.ndarray of int, shape [N]
    epochs : int
        How often each image is seen.

    Returns
    -------
    keras.Sequential
    """
    import keras
    from keras import layers

    keras.utils.set_random_seed(SEED)
    model = network()
    zoom, shift = CHANGES["zoom"], CHANGES["translation"]
    changing = [
        layers.RandomRotation(CHANGES["rotation"], fill_mode="constant"),
        layers.RandomZoom(zoom, zoom, fill_mode="constant"),
        layers.RandomTranslation(shift, shift, fill_mode="constant"),
    ]
    whole = keras.Sequential([keras.Input((28, 28, 1)), *changing, model])
    steps = epochs * -(-len(x) // BATCH)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    whole.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    whole.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=2)
    return model


def right(model: keras.Model, x: np.ndarray, y: np.ndarray) -> int:
    """Return how many images a network gets right."""
    return int((model.predict(x, batch_size=500, verbose=0).argmax(axis=1) == y).sum())


def make(images: tuple[np.ndarray, ...], epochs: int = EPOCHS) -> dict[str, Any]:
    """Train, round, and measure.

    Parameters
    ----------
    images : tuple of numpy.ndarray
        Images [N, 28, 28, 1] from 0 to 1 and labels, to train with and to test with.
    epochs : int

    Returns
    -------
    dict
        ``network``, as the page reads it, and ``about``: with what it was made, and how many test images each rounding
        gets right. The test images decide nothing.
    """
    x, y, x_test, y_test = images
    begin = time.process_time()
    model = trained(x, y, epochs)
    spent = time.process_time() - begin
    exact = describe(model, low=0.0, high=1.0)
    of_bits = {bits: quantized(exact, bits) for bits in BITS}
    return {
        "about": {
            "data": "MNIST",
            "images": {"training": len(x), "test": len(x_test)},
            "epochs": epochs,
            "batch": BATCH,
            "learning_rate": LEARNING_RATE,
            "changes": CHANGES,
            "seed": SEED,
            "parameters": model.count_params(),
            "right": {
                "32": right(rebuild(exact), x_test, y_test),
                **{str(bits): right(rebuild(rounded), x_test, y_test) for bits, rounded in of_bits.items()},
            },
            "processor_seconds": round(spent),
            **circumstances(),
        },
        "network": of_bits[BITS[0]],
    }


def picture(network: dict[str, Any]) -> tuple[bytes, list[float]]:
    """Draw a digit and all its maps, as the page does, for paper and for readers without scripts.

    Parameters
    ----------
    network : dict
        As `source_lib.interactive.network_file.describe` returns it.

    Returns
    -------
    png : bytes
    scores : list of float
        The probabilities of the ten digits.
    """
    import keras
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap

    glow = LinearSegmentedColormap.from_list("glow", ["#cdebff", "#0072b2", "#0e0e0e", "#de6200", "#fff0be"])
    model = rebuild(network)
    image = draw(DIGITS[DIGIT])
    outputs = keras.Model(model.inputs[0], [layer.output for layer in model.layers])(image[None, ..., None])
    found = {
        f"{entry['kind']} {place}": np.asarray(output)[0]
        for place, (entry, output) in enumerate(zip(network["layers"], outputs, strict=True))
        if np.ndim(output) == 4
    }
    figure = plt.figure(figsize=(9, 5.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 2.7))
    top, bottom = left.subplots(2, 1)
    top.imshow(image, cmap="gray")
    top.set_axis_off()
    scores = np.asarray(outputs[-1])[0]
    bottom.barh(
        network["classes"], scores, color=["#d55e00" if score == scores.max() else "#6f6f6f" for score in scores]
    )
    for place, score in enumerate(scores):
        bottom.text(min(score, 0.6) + 0.03, place, f"{score:.4f}", va="center", fontsize=8, color="black")
    bottom.invert_yaxis()
    bottom.set(xlim=(0, 1), xticks=[])
    bottom.spines[:].set_visible(False)
    grid = right.subplots(3, 3).ravel()
    most = 1.0
    for axes, (name, maps) in zip(grid, found.items(), strict=False):
        most = float(np.abs(maps).max()) if name.startswith("convolution") else most
        axes.imshow(_sheet(maps), cmap=glow, vmin=-most, vmax=most, interpolation="nearest")
        kind = {"activation": "ReLU", "pooling": "max pooling"}.get(name.split()[0], "convolution")
        axes.set_title(f"{kind}, {maps.shape[2]} × {maps.shape[0]} × {maps.shape[1]}", fontsize=9)
    for axes in grid:
        axes.set_axis_off()
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130, metadata={"Software": None}, pil_kwargs={"optimize": True})
    plt.close(figure)
    return file.getvalue(), np.round(scores.astype(float), 4).tolist()


def _sheet(maps: np.ndarray) -> np.ndarray:
    """Lay maps [rows, columns, C] side by side, with room between them that is drawn as nothing."""
    across = 8 if maps.shape[2] >= 24 else 4
    framed = np.pad(maps, ((0, 1), (0, 1), (0, 0)), constant_values=np.nan)
    rows, columns, count = framed.shape
    sheet = framed.reshape(rows, columns, count // across, across).transpose(2, 0, 3, 1)
    return sheet.reshape(count // across * rows, across * columns)


def main(argv: list[str] | None = None) -> int:
    """Make the file from the command line; 1 with the reason where it could not be made."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Train the network of the page 'See a network see'.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to (default: into book/_data)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"default: {EPOCHS}")
    options = parser.parse_args(argv)
    try:
        data = DataGenerator(verbose=False)
        data.generate("mnist", source="real")
        # From 0 to 1 instead of from -1 to 1: on the page black shall be nothing.
        images = ((1 + data.x_train) / 2, data.y_train, (1 + data.x_test) / 2, data.y_test)
        made = make(images, options.epochs)
        png, made["about"]["shown"] = picture(made["network"])
        for path, content in (
            (options.output.with_name(PICTURE), png),
            (options.output, json.dumps(made).encode() + b"\n"),
        ):
            with atomic_write(path) as part:
                part.write_bytes(content)
    except (OSError, DatasetError) as error:
        print(f"Nothing was made. {error}", file=sys.stderr)
        return 1
    for bits, count in made["about"]["right"].items():
        print(f"{bits} bits for a weight: {count} of {made['about']['images']['test']} test images are right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
