"""Train the vision transformers and the CNNs that the chapter *CNN or transformer* compares.

Takes about twenty minutes of one core. What was trained is kept in ``book/_build/runs/transformer``: stop it whenever
you like, and start it again. Rates are chosen on validation images; the test images are asked once for each training.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from book.make_transfer import CIFAR10, Images, accuracy, read_images
from book.stored import DATA, WORK, Kept, circumstances, write_lines
from source_lib.atomic_files import atomic_write
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras

OUTPUT = DATA / "transformer.jsonl"
#: Weights of one transformer, for the pictures of what it looks at.
WEIGHTS = DATA / "transformer.npz"
BATCH = 64
N_VALID = 2000
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
#: Seeds of the trainings that count, and of those with which rates are chosen.
SEEDS, CHOOSING_SEED = (0, 1), 10


@dataclass(frozen=True)
class Task:
    """Which images are classified, by which networks, and for how long they are trained.

    Attributes
    ----------
    side, channels : int
        Of an image.
    patch : int
        Side of the transformer's patches.
    width, depth, heads : int
        Of the transformer.
    maps : tuple of int
        Feature maps of the CNN's convolutions; a max pooling stands between each two of them.
    sizes : dict of int
        Numbers of training images, and for each the epochs.
    choose : int
        With how many the rates are chosen.
    mirrored : bool
        Whether images are mirrored from left to right at random in training.
    """

    side: int
    channels: int
    patch: int
    width: int
    depth: int
    heads: int
    maps: tuple[int, ...]
    sizes: Mapping[int, int]
    choose: int
    mirrored: bool


TASKS = {
    "MNIST": Task(28, 1, 7, 48, 3, 4, (16, 32, 64, 64), {100: 100, 400: 30, 1600: 10, 6400: 4, 25600: 2}, 1600, False),
    "CIFAR-10": Task(32, 3, 8, 48, 3, 4, (16, 32, 64, 64), {500: 20, 2000: 8, 8000: 2}, 2000, True),
}
#: On which task, with how many images, and with which seeds the patches are rearranged.
REARRANGED = ("MNIST", 1600)
#: How many times as many epochs both networks get there, to see which of them was stopped too early.
LONGER = 4


def transformer(task: Task, positions: bool = True, classes: int = 10) -> keras.Model:
    """Build a small vision transformer: patches, position embeddings, layers of attention, the average of all patches.

    Parameters
    ----------
    task : Task
    positions : bool
        Whether each place has a vector of its own that is added to its patch.
    classes : int

    Returns
    -------
    keras.Model
        From images [side, side, channels] to scores.
    """
    import keras
    from keras import layers

    count = (task.side // task.patch) ** 2

    @keras.saving.register_keras_serializable("book")
    class Positions(layers.Layer):
        def build(self, shape: tuple[int | None, ...]) -> None:
            start = keras.initializers.RandomNormal(stddev=0.02)
            self.vectors = self.add_weight(shape=shape[1:], initializer=start, name="vectors")

        def call(self, x: Any) -> Any:
            return x + self.vectors

    image = keras.Input((task.side, task.side, task.channels))
    x = layers.RandomFlip("horizontal")(image) if task.mirrored else image
    x = layers.Conv2D(task.width, task.patch, strides=task.patch, name="patches")(x)
    x = layers.Reshape((count, task.width))(x)
    if positions:
        x = Positions(name="positions")(x)
    for k in range(task.depth):
        y = layers.LayerNormalization(name=f"first_norm_{k}")(x)
        x = x + layers.MultiHeadAttention(task.heads, task.width // task.heads, name=f"attention_{k}")(y, y)
        y = layers.LayerNormalization(name=f"second_norm_{k}")(x)
        y = layers.Dense(2 * task.width, "gelu", name=f"widen_{k}")(y)
        x = x + layers.Dense(task.width, name=f"narrow_{k}")(y)
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(name="last_norm")(x))
    return keras.Model(image, layers.Dense(classes, name="head")(x))


def cnn(task: Task, classes: int = 10) -> keras.Model:
    """Build a CNN of about as many parameters: convolutions with batch normalization, poolings, an average.

    Parameters
    ----------
    task : Task
    classes : int

    Returns
    -------
    keras.Model
        From images [side, side, channels] to scores.
    """
    import keras
    from keras import layers

    image = keras.Input((task.side, task.side, task.channels))
    x = layers.RandomFlip("horizontal")(image) if task.mirrored else image
    for k, maps in enumerate(task.maps):
        if k:
            x = layers.MaxPooling2D()(x)
        x = layers.Conv2D(maps, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(image, layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)))


def build(kind: str, task: Task) -> keras.Model:
    """Build a network by the name that its records have.

    Parameters
    ----------
    kind : {"cnn", "transformer", "no positions"}
    task : Task

    Raises
    ------
    ValueError
        If there is no such network.
    """
    if kind == "cnn":
        return cnn(task)
    if kind not in ("transformer", "no positions"):
        raise ValueError(f"There is no network {kind!r}. Use 'cnn', 'transformer' or 'no positions'.")
    return transformer(task, positions=kind == "transformer")


def rearranged(images: np.ndarray, patch: int, seed: int) -> np.ndarray:
    """Move the patches of all images to other places, in the same way for all images.

    Parameters
    ----------
    images : numpy.ndarray, shape [N, D, D, C]
    patch : int
        Side of a patch, a divisor of D.
    seed : int
        Of the new order.

    Returns
    -------
    numpy.ndarray, shape [N, D, D, C]

    Raises
    ------
    ValueError
        If the image cannot be cut into such patches.

    Examples
    --------
    >>> rearranged(np.arange(4).reshape(1, 2, 2, 1), 1, seed=0).ravel().tolist()
    [2, 0, 1, 3]
    """
    count, side, _, channels = images.shape
    if side % patch:
        raise ValueError(f"An image of {side} pixels cannot be cut into patches of {patch}.")
    n = side // patch
    order = np.random.default_rng(seed).permutation(n * n)
    cut = (
        images.reshape(count, n, patch, n, patch, channels).swapaxes(2, 3).reshape(count, n * n, patch, patch, channels)
    )
    moved = cut[:, order].reshape(count, n, n, patch, patch, channels).swapaxes(2, 3)
    return np.ascontiguousarray(moved).reshape(images.shape)


def read_mnist(folder: str) -> Images:
    """Read MNIST, of whose training images the last ones are for validation.

    Parameters
    ----------
    folder : str
        Where ``mnist.npz`` is.

    Returns
    -------
    book.make_transfer.Images

    Raises
    ------
    OSError, KeyError
        If there is no such file, or it is a different one.
    """
    with np.load(Path(folder) / "mnist.npz", allow_pickle=False) as file:
        x, y, x_test, y_test = (file[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    x, x_test, y, y_test = x[..., None], x_test[..., None], np.int64(y), np.int64(y_test)
    return Images(x[:-N_VALID], y[:-N_VALID], x[-N_VALID:], y[-N_VALID:], x_test, y_test)


def measurements(
    images: Mapping[str, Images],
    kept: Kept,
    tasks: Mapping[str, Task] = TASKS,
    seeds: tuple[int, ...] = SEEDS,
    rearrange: tuple[str, int] = REARRANGED,
) -> Iterator[dict[str, Any]]:
    """Yield what was measured, one record after the other.

    Parameters
    ----------
    images : mapping of Images
        By the name of the task.
    kept : Kept
        Where each is kept.
    tasks : mapping of Task
    seeds : tuple of int
        Of the trainings that count.
    rearrange : (str, int)
        On which task and with how many images patches are rearranged, and training is made longer.

    Yields
    ------
    dict
    """
    import keras

    def train(
        data: str, kind: str, count: int, epochs: int, rate: float, seed: int, final: bool = True, order: int = -1
    ) -> dict[str, Any]:
        task, of = tasks[data], images[data]
        rows = of.chosen(count, seed)
        x, x_valid, x_test = (np.float32(part) / 127.5 - 1 for part in (of.x[rows], of.x_valid, of.x_test))
        if order >= 0:
            x, x_valid, x_test = (rearranged(part, task.patch, order) for part in (x, x_valid, x_test))
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        model = build(kind, task)
        steps = epochs * -(-count // BATCH)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, steps - steps // 10, warmup_target=rate, warmup_steps=steps // 10
        )
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.05, clipnorm=1.0)
        model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, of.y[rows], batch_size=BATCH, epochs=epochs, verbose=0)

        def right(part: np.ndarray, labels: np.ndarray) -> float:
            return accuracy(model.predict(part, batch_size=500, verbose=0), labels)

        found = {"valid": right(x_valid, of.y_valid), "parameters": model.count_params()}
        if final:
            found |= {"test": right(x_test, of.y_test)}
        if (data, kind, count, seed, order) == (next(iter(tasks)), "transformer", max(task.sizes), seeds[0], -1):
            keep_weights(kept.folder / WEIGHTS.name, model)
        return found

    for data, task in tasks.items():
        best: dict[str, float] = {}
        for kind in ("cnn", "transformer"):
            settings = {"count": task.choose, "epochs": task.sizes[task.choose], "seed": CHOOSING_SEED, "final": False}
            tried = [kept(train, data=data, kind=kind, rate=rate, **settings) for rate in RATES]
            yield from ({"what": "rate", **found} for found in tried)
            best[kind] = max(tried, key=lambda found: found["valid"])["rate"]
        best["no positions"] = best["transformer"]
        for seed in seeds:
            for count, epochs in task.sizes.items():
                for kind in ("cnn", "transformer"):
                    settings = {"count": count, "epochs": epochs, "seed": seed, "rate": best[kind]}
                    yield {"what": "size", **kept(train, data=data, kind=kind, **settings)}
            if data != rearrange[0]:
                continue
            for kind, order in (("cnn", 0), ("transformer", 0), ("no positions", -1), ("no positions", 0)):
                settings = {"count": rearrange[1], "epochs": task.sizes[rearrange[1]], "seed": seed}
                found = kept(train, data=data, kind=kind, rate=best[kind], order=order, **settings)
                yield {"what": "rearranged", **found}
            for kind in ("cnn", "transformer"):
                settings = {"count": rearrange[1], "epochs": LONGER * task.sizes[rearrange[1]], "seed": seed}
                yield {"what": "longer", **kept(train, data=data, kind=kind, rate=best[kind], **settings)}


def keep_weights(path: Path, model: keras.Model) -> None:
    """Write the weights of a transformer, rounded to half precision, under the names of its layers.

    Parameters
    ----------
    path : pathlib.Path
        An ``.npz`` archive. Its names are ``LAYER/NUMBER``.
    model : keras.Model
    """
    arrays = {
        f"{layer.name}/{number}": np.float16(array)
        for layer in model.layers
        for number, array in enumerate(layer.get_weights())
        if layer.name[0] != "r"
    }
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    with atomic_write(path) as part:
        part.write_bytes(file.getvalue())


def main(argv: list[str] | None = None) -> int:
    """Measure from the command line; 1 with the reason where that was not possible."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Train what the chapter CNN or transformer compares.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file (default: the one that the book reads)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="where the weights of a transformer go")
    parser.add_argument("--work", type=Path, default=WORK / "transformer", help="folder where measurements are kept")
    options = parser.parse_args(argv)
    folder = os.environ.get("CNN_COURSE_DATA", "")
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        images = {"MNIST": read_mnist(folder), "CIFAR-10": read_images(folder)}
        kept = Kept(options.work, f"MNIST and {CIFAR10}")
        lines = [*measurements(images, kept)]
        weights = (options.work / WEIGHTS.name).read_bytes()
        about = {
            "what": "about",
            "tasks": {name: vars(task) | {"maps": list(task.maps)} for name, task in TASKS.items()},
            "images": {
                name: {"pool": len(of.x), "validation": len(of.x_valid), "test": len(of.x_test)}
                for name, of in images.items()
            },
            "seeds": list(SEEDS),
            "rates": list(RATES),
            "batch": BATCH,
            "longer": LONGER,
            "processor_seconds": round(sum(kept.spent.values())),
            **circumstances(),
        }
        write_lines(options.output, [about, *lines])
        with atomic_write(options.weights) as part:
            part.write_bytes(weights)
    except (OSError, LookupError) as error:
        print(
            f"Nothing was measured. {error} CNN_COURSE_DATA names the folder with mnist.npz and {CIFAR10}.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"Stopped. What was measured is in {options.work}, and is not measured again.", file=sys.stderr)
        return 130
    print(f"The measurements are in {options.output}, weights in {options.weights}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
