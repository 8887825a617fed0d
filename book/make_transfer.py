"""Measure what the chapter *Transfer learning* shows: a pretrained network against one that begins at random.

Takes about 20 minutes of one core, and little memory beyond a gigabyte. What was measured is kept in
``book/_build/runs/transfer``: stop it whenever you like, and start it again. Settings are chosen on validation images.
The test images are asked after that, once for each training.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from book.stored import DATA, WORK, Kept, circumstances, write_lines
from source_lib.atomic_files import atomic_write
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras

OUTPUT = DATA / "transfer.jsonl"
#: The folder that `CNN_COURSE_DATA` names holds this part of CIFAR-10, 12,000 and 3,000 images chosen at random, under
#: the names that MNIST's file has: x_train, y_train, x_test and y_test.
CIFAR10 = "cifar10_subset.npz"
SIDE = 96
#: Training images are drawn from all but the last of the file's, which are for validation.
N_VALID = 2000
SEEDS = (0, 1)
#: Of other draws, so that what is chosen with them is not chosen for the runs that count.
CHOOSING_SEEDS = (10, 11)
#: Number of training images, and for it the epochs from scratch and of fine-tuning.
SIZES = {100: (60, 20), 400: (30, 10), 1600: (15, 4), 6400: (6, 2)}
RATES = (1e-4, 1e-3, 1e-2)
#: Images with which the rate of fine-tuning is chosen and batch normalization is compared.
N_CHOOSE = 400
#: With which features of several depths are compared.
N_DEPTHS = 1600
#: With which preparations are compared, and as many validation images.
N_PREPARED = 1000
BATCH = 32
SCRATCH_RATE, HEAD_RATE = 2e-3, 1e-3
#: Fine-tuning begins behind this layer: five blocks and the last convolution.
CUT = "block10_add"
#: Layers whose averages are tried as features, from the image to the last maps.
DEPTHS = ("stem_relu", "block0_project", "block2_add", "block4_add", "block7_add", "block10_add", "head_relu")
N_TISSUE, TISSUE_EPOCHS = 12_000, 3
#: Ways to prepare bytes; the first is the one that the network was trained with.
PREPARATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "(x − 127)/128": lambda x: (x - 127) / 128,
    "twice": lambda x: ((x - 127) / 128 - 127) / 128,
    "x/255 first": lambda x: (x / 255 - 127) / 128,
    "x/255 only": lambda x: x / 255,
    "none": lambda x: x,
    "channels swapped": lambda x: (x[..., ::-1] - 127) / 128,
}


@dataclass
class Images:
    """Bytes and classes for training, validation and test.

    Attributes
    ----------
    x, x_valid, x_test : numpy.ndarray of uint8, shape [N, 32, 32, 3]
        The images.
    y, y_valid, y_test : numpy.ndarray of int64, shape [N]
        Their classes.
    """

    x: np.ndarray
    y: np.ndarray
    x_valid: np.ndarray
    y_valid: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def chosen(self, count: int, seed: int) -> np.ndarray:
        """Return which training images a run has: as many of each class, as far as that goes."""
        order = np.random.default_rng(seed).permutation(len(self.y))
        turn = np.empty(len(order), int)
        for label in np.unique(self.y):
            members = self.y[order] == label
            turn[members] = np.arange(members.sum())
        return order[np.argsort(turn, kind="stable")][:count]


def read_images(folder: str, count: int | None = None, valid: int = N_VALID) -> Images:
    """Read the part of CIFAR-10.

    Parameters
    ----------
    folder : str
        Where the file is.
    count : int, optional
        Take so many for training and for test at most.
    valid : int
        How many of the last training images are for validation.

    Returns
    -------
    Images

    Raises
    ------
    OSError, KeyError, ValueError
        If there is no such file, or it is a different one.
    """
    with np.load(Path(folder) / CIFAR10, allow_pickle=False) as file:
        x, y, x_test, y_test = (file[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    y, y_test = np.int64(y).ravel(), np.int64(y_test).ravel()
    parts = (x[:-valid][:count], y[:-valid][:count], x[-valid:], y[-valid:], x_test[:count], y_test[:count])
    return Images(*parts)


def enlarged(images: np.ndarray, prepare: Callable[[np.ndarray], np.ndarray], side: int = SIDE) -> np.ndarray:
    """Enlarge images between their pixels' centers, and prepare them for a network.

    Parameters
    ----------
    images : numpy.ndarray of uint8, shape [N, D_y, D_x, 3]
    prepare : callable
        From bytes, as float32, to what the network takes.
    side : int
        Of what is returned.

    Returns
    -------
    numpy.ndarray of float32, shape [N, side, side, 3]
    """
    from keras import ops

    large = ops.image.resize(np.float32(images), (side, side), interpolation="bilinear", data_format="channels_last")
    return np.float32(prepare(np.asarray(large)))


def seen(
    model: keras.Model,
    images: np.ndarray,
    prepare: Callable[[np.ndarray], np.ndarray],
    averages: tuple[str, ...] = ("head_relu",),
    maps: str | None = None,
) -> dict[str, np.ndarray]:
    """Return what layers of the frozen network see.

    Parameters
    ----------
    model : keras.Model
        From images of one side to maps.
    images : numpy.ndarray of uint8, shape [N, D_y, D_x, 3]
    prepare : callable
        See `enlarged`.
    averages : tuple of str
        Layers whose maps are averaged over all places.
    maps : str, optional
        A layer whose maps are kept as they are.

    Returns
    -------
    dict of numpy.ndarray
        By layer, float32 of shape [N, channels], and float16 of shape [N, rows, columns, channels] for the maps.
    """
    import keras

    pooled = [keras.layers.GlobalAveragePooling2D()(model.get_layer(name).output) for name in averages]
    whole = [model.get_layer(maps).output] if maps else []
    part = keras.Model(model.input, pooled + whole)
    found: list[list[np.ndarray]] = []
    for begin in range(0, len(images), 100):
        made = part.predict_on_batch(enlarged(images[begin : begin + 100], prepare, model.input_shape[1]))
        found.append([np.asarray(one) for one in (made if isinstance(made, list) else [made])])
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    if maps:
        columns[-1] = np.float16(columns[-1])
    return dict(zip((*averages, *([f"maps of {maps}"] if maps else [])), columns, strict=True))


def compiled(model: keras.Model, rate: float, count: int, epochs: int) -> keras.Model:
    """Compile a model with Adam, whose rate falls to 0 along half a cosine, for logits and numbers of classes."""
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * -(-count // BATCH))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"])
    return model


def head(channels: int, classes: int) -> keras.Model:
    """Return the layer that is put on features: a score for each class."""
    import keras

    return keras.Sequential([keras.Input((channels,)), keras.layers.Dense(classes, name="head")])


def probed(x: np.ndarray, y: np.ndarray, classes: int, seed: int) -> tuple[Callable[[np.ndarray], np.ndarray], Any]:
    """Train a head on features, and return what predicts scores from features, and its weights for them.

    Parameters
    ----------
    x : numpy.ndarray, shape [N, channels]
        Features. All are divided by one number, the deviation of them all, which is then put into the weights. With a
        number for each channel, rare ones would get large weights, and fine-tuning would begin with a jump.
    y : numpy.ndarray of int, shape [N]
        Classes.
    classes : int
        How many there are.
    seed : int
        Of weights and order.

    Returns
    -------
    predict : callable
        From features to scores.
    weights : list of numpy.ndarray
        Kernel and bias for features as they are.
    """
    import keras

    keras.utils.set_random_seed(seed)
    deviation = float(x.std()) + 1e-6
    epochs = max(20, -(-800 * BATCH // len(x)))
    model = compiled(head(x.shape[1], classes), HEAD_RATE, len(x), epochs)
    model.fit(x / deviation, y, batch_size=BATCH, epochs=epochs, verbose=0)
    kernel, bias = model.get_weights()
    kernel = kernel / deviation
    return lambda features: features @ kernel + bias, [kernel, bias]


def accuracy(scores: np.ndarray, y: np.ndarray) -> float:
    """Return the share of right answers."""
    return round(float((scores.argmax(axis=1) == y).mean()), 4)


def upper_part(model: keras.Model, classes: int, normalize: bool = False) -> keras.Model:
    """Return what comes behind `CUT` and a head, as a model of its own that shares its layers with no other.

    Parameters
    ----------
    model : keras.Model
        The network, whose weights are copied.
    classes : int
        Of the head.
    normalize : bool
        Whether batch normalization computes with each batch's own averages in training, goes on collecting them, and
        learns. Otherwise it is frozen. Calling it with ``training=False`` would not be enough: in Keras 3.15, `fit`
        overrides that for all layers of a functional model.

    Returns
    -------
    keras.Model
        From the maps of `CUT` to scores.
    """
    import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    first = [layer.name for layer in copy.layers].index(CUT)
    inputs = keras.Input(copy.layers[first].output.shape[1:])
    made = {CUT: inputs}
    for layer in copy.layers[first + 1 :]:
        sources = layer.input if isinstance(layer.input, list) else [layer.input]
        taken = [made[tensor._keras_history.operation.name] for tensor in sources]
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = normalize
        made[layer.name] = layer(taken if len(taken) > 1 else taken[0])
    pooled = keras.layers.GlobalAveragePooling2D()(made["head_relu"])
    return keras.Model(inputs, keras.layers.Dense(classes, name="head")(pooled))


def measurements(images: Images, kept: Kept, sizes: dict[int, tuple[int, int]] = SIZES) -> Iterator[dict[str, Any]]:
    """Yield what was measured on CIFAR-10, one record after the other.

    Parameters
    ----------
    images : Images
    kept : Kept
        Where each is kept.
    sizes : dict
        Training images, and for each the epochs from scratch and of fine-tuning.

    Yields
    ------
    dict
    """
    import keras

    from source_lib.pretrained import load_backbone
    from source_lib.pretrained.small_network import build_small_network

    classes = int(images.y.max()) + 1
    backbone = load_backbone(SIDE, "efficientnet").model
    right = next(iter(PREPARATIONS.values()))
    parts = {"train": images.x, "valid": images.x_valid, "test": images.x_test}
    features: dict[str, dict[str, np.ndarray]] = {}

    def lookup() -> None:
        """Let the frozen network look at all images, once."""
        path = kept.folder / f"features-{hashlib.sha256(kept.data.encode()).hexdigest()[:10]}.npz"
        if not path.exists():
            made = {name: seen(backbone, x, right, DEPTHS, CUT) for name, x in parts.items()}
            with atomic_write(path) as part, part.open("wb") as file:
                np.savez(file, **{f"{n}/{k}": v for n, found in made.items() for k, v in found.items()})
        with np.load(path, allow_pickle=False) as archive:
            for name in parts:
                features[name] = {k.split("/", 1)[1]: archive[k] for k in archive.files if k.startswith(f"{name}/")}

    def looked() -> dict[str, Any]:
        lookup()
        return {"images": sum(map(len, parts.values()))}

    y_valid, y_test, cut = images.y_valid, images.y_test, f"maps of {CUT}"

    def frozen(count: int, seed: int, layer: str = "head_relu", final: bool = True) -> dict[str, Any]:
        rows = images.chosen(count, seed)
        predict, _ = probed(features["train"][layer][rows], images.y[rows], classes, seed)
        found = {"valid": accuracy(predict(features["valid"][layer]), y_valid)}
        return found | ({"test": accuracy(predict(features["test"][layer]), y_test)} if final else {})

    def tuned(
        count: int, seed: int, epochs: int, rate: float, normalize: bool = False, final: bool = True, log: bool = False
    ) -> dict[str, Any]:
        rows = images.chosen(count, seed)
        x, y = features["train"], images.y[rows]
        _, weights = probed(x["head_relu"][rows], y, classes, seed)
        keras.utils.set_random_seed(seed)
        model = compiled(upper_part(backbone, classes, normalize), rate, count, epochs)
        model.get_layer("head").set_weights(weights)
        maps = np.float32(x[cut][rows])
        return _fitted(
            model,
            (maps, y),
            (np.float32(features["valid"][cut]), y_valid),
            (np.float32(features["test"][cut]), y_test) if final else None,
            epochs,
            log,
        )

    def scratch(count: int, seed: int, epochs: int, log: bool = False) -> dict[str, Any]:
        rows = images.chosen(count, seed)
        keras.utils.set_random_seed(seed)
        below = build_small_network(top=False)
        pooled = keras.layers.GlobalAveragePooling2D()(below.output)
        model = keras.Model(below.input, keras.layers.Dense(classes)(pooled))
        compiled(model, SCRATCH_RATE, count, epochs)
        x, x_valid, x_test = (_scaled(part) for part in (images.x[rows], images.x_valid, images.x_test))
        made = _fitted(model, (x, images.y[rows]), (x_valid, y_valid), (x_test, y_test), epochs, log)
        return made | {"parameters": model.count_params()}

    def prepared(count: int, seed: int, way: str) -> dict[str, Any]:
        rows = images.chosen(count, seed)
        wrong = {
            name: seen(backbone, x, PREPARATIONS[way])["head_relu"]
            for name, x in (("train", images.x[rows]), ("valid", images.x_valid[:count]))
        }
        always, _ = probed(wrong["train"], images.y[rows], classes, seed)
        trained, _ = probed(features["train"]["head_relu"][rows], images.y[rows], classes, seed)
        return {
            "always": accuracy(always(wrong["valid"]), y_valid[:count]),
            "when_used": accuracy(trained(wrong["valid"]), y_valid[:count]),
        }

    def small(count: int, seed: int, trained: bool) -> dict[str, Any]:
        keras.utils.set_random_seed(seed)
        model = load_backbone(32, "small", verbose=False).model if trained else build_small_network(top=False)
        rows = images.chosen(count, seed)
        pooled = keras.Sequential([model, keras.layers.GlobalAveragePooling2D()])
        x, x_valid, x_test = (
            pooled.predict(_scaled(part), verbose=0) for part in (images.x[rows], images.x_valid, images.x_test)
        )
        predict, _ = probed(x, images.y[rows], classes, seed)
        return {"valid": accuracy(predict(x_valid), y_valid), "test": accuracy(predict(x_test), y_test)}

    yield {"what": "features", **kept(looked)}
    lookup()
    epochs_choose = sizes[N_CHOOSE][1]
    rates = [
        kept(tuned, count=N_CHOOSE, seed=seed, epochs=epochs_choose, rate=rate, final=False)
        for rate in RATES
        for seed in CHOOSING_SEEDS[:1]
    ]
    yield from ({"what": "rate", **found} for found in rates)
    best = max(RATES, key=lambda rate: np.mean([found["valid"] for found in rates if found["rate"] == rate]))
    for normalize in (False, True):
        for seed in CHOOSING_SEEDS:
            settings = {"count": N_CHOOSE, "seed": seed, "epochs": epochs_choose, "rate": best, "final": False}
            # One of these runs is there already.
            more = {"normalize": True} if normalize else {}
            yield {"what": "normalization", "normalize": normalize, **kept(tuned, **settings, **more)}
    for way in PREPARATIONS:
        yield {"what": "preparation", **kept(prepared, count=N_PREPARED, seed=0, way=way)}
    for layer in DEPTHS:
        for seed in SEEDS:
            yield {"what": "depth", **kept(frozen, count=N_DEPTHS, seed=seed, layer=layer, final=False)}
    for seed in SEEDS:
        for count, (epochs, epochs_tuned) in sizes.items():
            log = {"log": True} if seed == SEEDS[0] and count == max(sizes) else {}
            yield {"what": "frozen", **kept(frozen, count=count, seed=seed)}
            yield {"what": "scratch", **kept(scratch, count=count, seed=seed, epochs=epochs, **log)}
            yield {"what": "tuned", **kept(tuned, count=count, seed=seed, epochs=epochs_tuned, rate=best, **log)}
            for trained in (True, False):
                name = "small" if trained else "random"
                yield {"what": name, **kept(small, count=count, seed=seed, trained=trained)}


def tissue(folder: str, kept: Kept, count: int = N_TISSUE, epochs: int = TISSUE_EPOCHS) -> Iterator[dict[str, Any]]:
    """Yield what was measured on PatchCamelyon, where nothing is chosen, so that its validation images are new ones.

    Parameters
    ----------
    folder : str
        Where its files are; only their presence is looked at here.
    kept : Kept
        Where each is kept.
    count : int
        Training images.
    epochs : int
        From scratch.

    Yields
    ------
    dict
    """
    import keras
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    from autograder.leaderboard.baseline import color_statistics
    from source_lib.data import DataGenerator
    from source_lib.pretrained import load_backbone
    from source_lib.pretrained.small_network import build_small_network

    data = DataGenerator(verbose=False)
    data.generate("patchcam", N_train=count, source="real")
    x, x_new = (np.uint8(np.rint(127.5 * (part + 1))) for part in (data.x_train, data.x_valid))
    y, y_new = data.y_train, data.y_valid

    def quality(scores: np.ndarray) -> dict[str, float]:
        return {
            "accuracy": round(float(((scores > 0) == y_new).mean()), 4),
            "auc": round(float(roc_auc_score(y_new, scores)), 4),
        }

    def frozen_tissue(count: int) -> dict[str, Any]:
        model = load_backbone(SIDE, "efficientnet", verbose=False).model
        right = next(iter(PREPARATIONS.values()))
        found, new = (seen(model, part, right, DEPTHS) for part in (x, x_new))
        return {
            "layers": [
                {
                    "layer": layer,
                    "seed": seed,
                    **quality(np.diff(probed(found[layer], y, 2, seed)[0](new[layer]))[:, 0]),
                }
                for layer in DEPTHS
                for seed in SEEDS[:2]
            ]
        }

    def scratch_tissue(count: int, seed: int, epochs: int) -> dict[str, Any]:
        keras.utils.set_random_seed(seed)
        below = build_small_network(top=False)
        pooled = keras.layers.GlobalAveragePooling2D()(below.output)
        model = compiled(keras.Model(below.input, keras.layers.Dense(2)(pooled)), SCRATCH_RATE, count, epochs)
        model.fit(data.x_train, y, batch_size=BATCH, epochs=epochs, verbose=0)
        return quality(np.diff(model.predict(data.x_valid, verbose=0))[:, 0])

    def colors(count: int) -> dict[str, Any]:
        boosted = HistGradientBoostingClassifier(random_state=0).fit(color_statistics(data.x_train), y)
        return quality(boosted.decision_function(color_statistics(data.x_valid)))

    about = kept(frozen_tissue, count=count)
    layers = about.pop("layers")
    yield from ({"what": "tissue frozen", **about, **found} for found in layers)
    for seed in SEEDS[:2]:
        yield {"what": "tissue scratch", **kept(scratch_tissue, count=count, seed=seed, epochs=epochs)}
    yield {"what": "tissue colors", "new": len(y_new), **kept(colors, count=count)}


def _fitted(
    model: keras.Model,
    train: tuple[np.ndarray, np.ndarray],
    valid: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray] | None,
    epochs: int,
    log: bool,
) -> dict[str, Any]:
    """Train a model, and return its accuracies; with `log` also the losses of each epoch, taken during and after it."""
    import keras

    curves: dict[str, list[float]] = {"during": [], "after": [], "new": []}

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            curves["during"].append(round(float(logs["loss"]), 4))
            # The metrics of the epoch would go on with these images.
            for key, (x, y) in (("after", train), ("new", valid)):
                scores = np.asarray(self.model.predict(x[:N_VALID], verbose=0))
                losses = keras.losses.sparse_categorical_crossentropy(y[:N_VALID], scores, from_logits=True)
                curves[key].append(round(float(np.mean(losses)), 4))

    watch = [Watch()] if log else []
    model.fit(*train, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=watch)
    found = {"valid": accuracy(model.predict(valid[0], verbose=0), valid[1])}
    if test is not None:
        found["test"] = accuracy(model.predict(test[0], verbose=0), test[1])
    return found | ({"curves": curves} if log else {})


def _scaled(images: np.ndarray) -> np.ndarray:
    return np.float32(images) / 127.5 - 1


def main(argv: list[str] | None = None) -> int:
    """Measure from the command line; 1 with the reason where that was not possible."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Measure what the chapter on transfer learning shows.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file (default: the one that the book reads)")
    parser.add_argument("--work", type=Path, default=WORK / "transfer", help="folder where measurements are kept")
    options = parser.parse_args(argv)

    from source_lib.data import DatasetError
    from source_lib.pretrained import WeightsError

    folder = os.environ.get("CNN_COURSE_DATA", "")
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        images = read_images(folder)
        kept = Kept(options.work, CIFAR10), Kept(options.work, "PatchCamelyon")
        lines = [*measurements(images, kept[0]), *tissue(folder, kept[1])]
        spent = sum(sum(each.spent.values()) for each in kept)
        write_lines(options.output, [_about(images, spent), *lines])
    except (OSError, LookupError, DatasetError, WeightsError) as error:
        print(
            f"Nothing was measured. {error} CNN_COURSE_DATA names the folder with {CIFAR10} and patchcam.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"Stopped. What was measured is in {options.work}, and is not measured again.", file=sys.stderr)
        return 130
    print(f"The measurements are in {options.output}")
    return 0


def _about(images: Images, seconds: float) -> dict[str, Any]:
    return {
        "what": "about",
        "backbone": "EfficientNet-Lite0, trained on ImageNet",
        "data": "12,000 and 3,000 images of CIFAR-10",
        "images": {"pool": len(images.x), "validation": len(images.x_valid), "test": len(images.x_test)},
        "side": SIDE,
        "cut": CUT,
        "depths": list(DEPTHS),
        "sizes": {str(count): list(epochs) for count, epochs in SIZES.items()},
        "batch": BATCH,
        "scratch_rate": SCRATCH_RATE,
        "processor_seconds": round(seconds),
        **circumstances(),
    }


if __name__ == "__main__":
    sys.exit(main())
