"""Train the two networks of the figure *What did it see of the gland?*, and keep what they say of drawn tissue.

Takes a few minutes of one core and needs no data: the tissue is drawn here. The networks are those of the chapter
*Segmentation*, whose first one a lab of the course builds too.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from book.make_segmentation import BATCH, RATE, WINDOW, counts, overlap, train
from book.stored import DATA, circumstances
from source_lib.atomic_files import atomic_write
from source_lib.data.glands import drawn_parts
from source_lib.interactive.see_glands import boxes, decoded, islands
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras

OUTPUT = DATA / "glands-to-see.json"
#: What the page shows on paper and without scripts: the middle of the widest gland of this picture.
PICTURE, SHOWN, COLORS = "glands-to-see.png", 2, 64
NETWORKS = {"fcn": "FCN", "unet": "U-Net"}
#: Drawn images that choose the epoch; the others of the sample are trained with.
N_VALID, EPOCHS, SEED = 15, 40, 0
#: Pictures are taken at these shares of the practice images, ordered by the width of their widest gland.
SHARES = (0.125, 0.375, 0.625, 0.875)


def chain(model: keras.Model) -> list[dict[str, Any]]:
    """Return the layers that decide how far an output sees, first layer first.

    In these networks the longest way leads through all of them, so a chain says it all.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    list of dict
        ``kind``, ``size`` and ``stride`` of each, as `source_lib.interactive.see_glands.boxes` takes them.
    """
    found = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ("Conv2D", "Conv2DTranspose"):
            name = "convolution" if kind == "Conv2D" else "transposed"
            found.append({"kind": name, "size": layer.kernel_size[0], "stride": layer.strides[0]})
        elif kind == "MaxPooling2D":
            found.append({"kind": "pooling", "size": layer.pool_size[0], "stride": layer.strides[0]})
    return found


def chosen(masks: np.ndarray) -> np.ndarray:
    """Return which images are shown: from narrow glands to wide ones, whatever the networks make of them.

    Parameters
    ----------
    masks : numpy.ndarray of bool, shape [N, rows, columns]

    Returns
    -------
    numpy.ndarray of int
    """
    widest = [max((gland["width"] for gland in islands(mask)[1]), default=0) for mask in masks]
    return np.argsort(widest, kind="stable")[(np.array(SHARES) * len(masks)).astype(int)]


def likely(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return how likely each pixel is gland, as bytes: 255 is certain, and 128 and more is gland."""
    scores = model.predict(np.float32(images), batch_size=20, verbose=0)
    return np.uint8(np.rint(255 / (1 + np.exp(np.clip(scores[..., 0] - scores[..., 1], -50, 50)))))


def make(parts: tuple[np.ndarray, ...], epochs: int = EPOCHS) -> dict[str, Any]:
    """Train both networks, and keep what they say of the pictures that are shown.

    Parameters
    ----------
    parts : tuple of numpy.ndarray
        Images and masks for training and validation, and images and masks that nobody trains with.
    epochs : int

    Returns
    -------
    dict
        ``networks`` and ``pictures``, as the figure takes them, and ``about``: with what they were made, and Dice of
        each image that nobody trained with.
    """
    x, y, x_test, y_test = parts
    y, y_test = y.astype(bool), y_test.astype(bool)
    begin = time.process_time()
    told: dict[str, np.ndarray] = {}
    networks = []
    for network, name in NETWORKS.items():
        learned = [(x[:-N_VALID], y[:-N_VALID]), (x[-N_VALID:], y[-N_VALID:])]
        model, _ = train(learned, SEED, epochs, network=network)
        told[network] = likely(model, x_test)
        trained = int(sum(np.prod(weight.shape) for weight in model.trainable_weights))
        networks.append({"key": network, "name": name, "parameters": trained, "layers": chain(model)})
    spent = time.process_time() - begin
    shown = chosen(y_test)
    return {
        "about": {
            "images": {"training": len(x) - N_VALID, "validation": N_VALID, "practice": len(x_test)},
            "epochs": epochs,
            "batch": BATCH,
            "learning_rate": RATE,
            "window": WINDOW,
            "seed": SEED,
            "shown": shown.tolist(),
            "dice": {key: overlap(counts(found > 127, y_test)).round(4).tolist() for key, found in told.items()},
            "processor_seconds": round(spent),
            **circumstances(),
        },
        "networks": networks,
        "pictures": [picture(x_test[k], y_test[k], [told[key][k] for key in NETWORKS]) for k in shown],
    }


def picture(image: np.ndarray, mask: np.ndarray, told: list[np.ndarray]) -> dict[str, Any]:
    """Return one picture as the figure takes it.

    Parameters
    ----------
    image : numpy.ndarray of uint8, shape [rows, columns, 3]
    mask : numpy.ndarray of bool, shape [rows, columns]
    told : list of two numpy.ndarray of uint8, shape [rows, columns]
        How likely each pixel is gland.

    Returns
    -------
    dict
        ``image`` and ``masks`` as PNG files in base64: red and green are the two stains; red and green are what the
        two networks say, and blue is the number of the gland, 0 where there is none. ``glands`` are those, with their
        ``pixels``, their ``width`` and the ``middle`` of the largest circle that fits in.
    """
    labels, glands = islands(mask)
    return {"image": _png(image), "masks": _png(np.stack([*told, labels], axis=-1)), "glands": glands}


def _png(values: np.ndarray) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values)).save(file, "PNG", optimize=True)
    return b64encode(file.getvalue()).decode()


def still(made: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Draw one picture, both masks and the windows of one pixel, for paper and for readers without scripts.

    Parameters
    ----------
    made : dict
        What `make` returned.

    Returns
    -------
    png : bytes
    said : dict
        What is on it: which ``picture``, ``row`` and ``column``, and by network the ``box`` that it saw, how ``likely``
        gland is there, and ``dice`` of the mask.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle
    from PIL import Image

    one = made["pictures"][SHOWN]
    image, masks = (decoded(one[key]) for key in ("image", "masks"))
    row, column = max(one["glands"], key=lambda gland: gland["width"])["middle"]
    truth = masks[..., 2] > 0
    said: dict[str, Any] = {"picture": SHOWN, "row": row, "column": column}
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
    axes[0].imshow(image)
    axes[0].set_title("tissue, and what each saw", fontsize=10)
    axes[1].imshow(truth, cmap="gray")
    axes[1].set_title("truth", fontsize=10)
    marks = (("#f0e442", "-"), ("#56b4e9", "--"))
    for place, (network, (color, style)) in enumerate(zip(made["networks"], marks, strict=True)):
        found = masks[..., place] > 127
        dice = float(overlap(counts(found[None], truth[None]))[0])
        top, left, bottom, right = boxes(network["layers"], truth.shape, [(row, column)])[0]
        frame = (left - 0.5, top - 0.5), right - left + 1, bottom - top + 1
        axes[0].add_patch(Rectangle(*frame, fill=False, edgecolor=color, linestyle=style, linewidth=2))
        axes[2 + place].imshow(found, cmap="gray")
        axes[2 + place].set_title(f"{network['name']}, Dice {dice:.3f}", fontsize=10)
        said[network["key"]] = {
            "box": [top, left, bottom, right],
            "likely": round(int(masks[row, column, place]) / 255, 3),
            "dice": round(dice, 4),
        }
    for one_axes in axes:
        one_axes.plot(column, row, "+", color="#d55e00", markersize=11, markeredgewidth=2)
        one_axes.set_axis_off()
    drawn, file = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110)
    plt.close(figure)
    # Few colors are enough for paper, and a third of the bytes.
    Image.open(drawn).convert("RGB").quantize(COLORS).save(file, "PNG", optimize=True)
    return file.getvalue(), said


def main(argv: list[str] | None = None) -> int:
    """Make the file from the command line; 1 with the reason where it could not be made."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Train the networks of the figure 'What did it see of the gland?'.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to (default: into book/_data)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"default: {EPOCHS}")
    options = parser.parse_args(argv)
    if not options.output.parent.is_dir():
        print(f"Nothing was made. There is no folder {options.output.parent} to write into.", file=sys.stderr)
        return 1
    try:
        made = make(drawn_parts(), options.epochs)
        png, made["about"]["still"] = still(made)
        for path, content in (
            (options.output.with_name(PICTURE), png),
            (options.output, json.dumps(made).encode() + b"\n"),
        ):
            with atomic_write(path) as part:
                part.write_bytes(content)
    except OSError as error:
        print(f"Nothing was made. {error}", file=sys.stderr)
        return 1
    for network in made["networks"]:
        mean = np.mean(made["about"]["dice"][network["key"]])
        print(f"{network['name']}: Dice {mean:.3f} on {made['about']['images']['practice']} drawn images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
