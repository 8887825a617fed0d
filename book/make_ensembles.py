"""Train the members whose averages the chapter *Ensembles* looks at, and keep what each of them answers.

Takes about five minutes of one core. What was trained is kept in ``book/_build/runs/ensembles``: stop it whenever you
like, and start it again. Nothing is chosen, so that PatchCamelyon's validation images and CIFAR-10's test images are
new ones.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from book.make_transfer import CIFAR10, Images, read_images
from book.stored import DATA, WORK, Kept, circumstances
from source_lib.atomic_files import atomic_write
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras

    from source_lib.data import DataGenerator

OUTPUT = DATA / "ensembles.npz"
N_TRAIN, N_NEW = 3000, 3000
EPOCHS, BATCH, RATE = 8, 64, 3e-3
SEEDS = (0, 1, 2, 3, 4)
#: Restarts of the rate in the training of which snapshots are taken, and its seeds.
CYCLES, SNAPSHOT_SEEDS = 4, (0, 1)
MAPS = (16, 32, 64)
#: Of CIFAR-10, with so many images and epochs that each member learns them by heart.
N_OBJECTS, N_NEW_OBJECTS, OBJECT_EPOCHS = 2000, 1500, 16
#: All ways to lay a square on itself: turns by right angles, and whether it is mirrored first.
VIEWS = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))


def network(maps: tuple[int, ...] = MAPS, classes: int = 1, by_heart: bool = False) -> keras.Model:
    """Build a member: convolutions with batch normalization and poolings, an average over all places, scores.

    Parameters
    ----------
    maps : tuple of int
        Feature maps of each convolution.
    classes : int
        How many scores.
    by_heart : bool
        Whether the network is one that learns its images by heart: without random flips in training, and with a weight
        for each place instead of the average.

    Returns
    -------
    keras.Model
        From images [32, 32, 3] to scores; one score is a logit that is positive for tumor.
    """
    import keras
    from keras import layers

    parts: list[Any] = [keras.Input((32, 32, 3))]
    if not by_heart:
        parts.append(layers.RandomFlip("horizontal_and_vertical"))
    for channels in maps:
        parts += [layers.Conv2D(channels, 3, padding="same", use_bias=False)]
        parts += [layers.BatchNormalization(momentum=0.9), layers.ReLU(), layers.MaxPooling2D()]
    places = layers.Flatten() if by_heart else layers.GlobalAveragePooling2D()
    return keras.Sequential([*parts, places, layers.Dense(classes)])


def restarted(steps: int, cycles: int, rate: float = RATE) -> np.ndarray:
    """Return the rate of each step where it falls to 0 along half a cosine, and jumps up again, several times.

    Parameters
    ----------
    steps : int
        Of the whole training.
    cycles : int
        How often the rate falls.
    rate : float
        At the beginning of each cycle.

    Returns
    -------
    numpy.ndarray, shape [steps]

    Examples
    --------
    >>> restarted(4, 2, rate=1.0).round(2).tolist()
    [1.0, 0.5, 1.0, 0.5]
    """
    within = np.arange(steps) * cycles / steps % 1
    return rate * (1 + np.cos(np.pi * within)) / 2


def view(images: np.ndarray, turns: int, mirrored: bool) -> np.ndarray:
    """Turn images by right angles, mirrored from left to right before that or not.

    Parameters
    ----------
    images : numpy.ndarray, shape [N, D, D, C]
    turns : int
        How often they are turned to the left by a right angle.
    mirrored : bool

    Returns
    -------
    numpy.ndarray, shape [N, D, D, C]
    """
    return np.ascontiguousarray(np.rot90(images[:, :, ::-1] if mirrored else images, turns, axes=(1, 2)))


def trained(
    x: np.ndarray, y: np.ndarray, seed: int, epochs: int, cycles: int = 1, classes: int = 1
) -> tuple[keras.Model, list[list[np.ndarray]]]:
    """Train a member, and return it with its weights at the end of each cycle of the rate.

    Parameters
    ----------
    x : numpy.ndarray of float32, shape [N, 32, 32, 3]
    y : numpy.ndarray of int, shape [N]
        Labels: 1 for tumor, or numbers of classes.
    seed : int
        Of the first weights, the order of the images and the flips.
    epochs : int
        In all.
    cycles : int
        How often the rate falls to 0. A divisor of `epochs`.
    classes : int
        How many; with 1 the labels are 0 and 1, with more the network is one that learns its images by heart.

    Returns
    -------
    model : keras.Model
    weights : list of list of numpy.ndarray
        Of each cycle, the last ones those that the model has.

    Raises
    ------
    ValueError
        If a cycle would not be a whole number of epochs.
    """
    import keras

    if epochs % cycles:
        raise ValueError(f"{epochs} epochs cannot be split into {cycles} cycles of the same length.")
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = network(classes=classes, by_heart=classes > 1)
    several = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loss = keras.losses.BinaryCrossentropy(from_logits=True) if classes == 1 else several
    model.compile(keras.optimizers.Adam(RATE), loss)
    rates = iter(restarted(epochs * -(-len(x) // BATCH), cycles))
    weights: list[list[np.ndarray]] = []

    class Cycles(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.model.optimizer.learning_rate.assign(next(rates))

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            if (epoch + 1) % (epochs // cycles) == 0:
                weights.append(self.model.get_weights())

    model.fit(x, np.float32(y), batch_size=BATCH, epochs=epochs, callbacks=[Cycles()], verbose=0)
    return model, weights


def members(data: DataGenerator, kept: Kept, epochs: int = EPOCHS) -> dict[str, np.ndarray]:
    """Return the logits of each member for each new image.

    Parameters
    ----------
    data : DataGenerator
        Images of tissue: those for training, and as new ones those for validation.
    kept : Kept
        Where each training is kept.
    epochs : int
        Of each training.

    Returns
    -------
    dict of numpy.ndarray of float16
        ``seeds``, shape [5, N], trainings that differ in their seed; ``views``, shape [5, 8, N], what the same networks
        answer to each of the `VIEWS`; ``bags``, shape [5, N], trainings with the same seeds, each on images drawn with
        replacement; ``snapshots``, shape [2, 4, N], one training each; ``colors``, shape [N], gradient boosting on
        statistics of the colors.
    """
    x, y, new = data.x_train, data.y_train, data.x_valid

    def answers(model: keras.Model, images: np.ndarray) -> list[float]:
        return np.round(model.predict(images, batch_size=500, verbose=0)[:, 0].astype(float), 3).tolist()

    def seeds(seed: int, epochs: int) -> dict[str, Any]:
        model, _ = trained(x, y, seed, epochs)
        return {"views": [answers(model, view(new, *each)) for each in VIEWS]}

    def bags(seed: int, epochs: int) -> dict[str, Any]:
        rows = np.random.default_rng(seed).integers(0, len(x), len(x))
        return {"logits": answers(trained(x[rows], y[rows], seed, epochs)[0], new)}

    def snapshots(seed: int, epochs: int, cycles: int) -> dict[str, Any]:
        model, weights = trained(x, y, seed, epochs, cycles)
        found = []
        for each in weights:
            model.set_weights(each)
            found.append(answers(model, new))
        return {"logits": found}

    def colors(count: int) -> dict[str, Any]:
        from sklearn.ensemble import HistGradientBoostingClassifier

        from autograder.leaderboard.baseline import color_statistics

        boosted = HistGradientBoostingClassifier(random_state=0).fit(color_statistics(x), y)
        return {"logits": np.round(boosted.decision_function(color_statistics(new)), 3).tolist()}

    views = np.array([kept(seeds, seed=seed, epochs=epochs)["views"] for seed in SEEDS])
    found = {
        "seeds": views[:, 0],
        "views": views,
        "bags": [kept(bags, seed=seed, epochs=epochs)["logits"] for seed in SEEDS],
        "snapshots": [kept(snapshots, seed=s, epochs=epochs, cycles=CYCLES)["logits"] for s in SNAPSHOT_SEEDS],
        "colors": kept(colors, count=len(x))["logits"],
    }
    return {name: np.asarray(logits, np.float16) for name, logits in found.items()}


def objects(
    images: Images, kept: Kept, count: int = N_OBJECTS, epochs: int = OBJECT_EPOCHS
) -> tuple[np.ndarray, list[float]]:
    """Return the scores of members that learn few images of CIFAR-10 by heart, for test images.

    Parameters
    ----------
    images : book.make_transfer.Images
    kept : Kept
        Where each training is kept.
    count, epochs : int
        Training images, the same for all members, and how often each is seen.

    Returns
    -------
    scores : numpy.ndarray of float16, shape [5, N, 10]
    known : list of float
        Which share of its training images each member has right.
    """
    rows = images.chosen(count, 0)
    x, new = (np.float32(part) / 127.5 - 1 for part in (images.x[rows], images.x_test[:N_NEW_OBJECTS]))

    def member(seed: int, count: int, epochs: int) -> dict[str, Any]:
        model, _ = trained(x, images.y[rows], seed, epochs, classes=10)
        known = model.predict(x, batch_size=500, verbose=0).argmax(axis=1) == images.y[rows]
        scores = model.predict(new, batch_size=500, verbose=0).astype(float)
        return {"known": round(float(known.mean()), 4), "scores": np.round(scores, 3).tolist()}

    found = [kept(member, seed=seed, count=count, epochs=epochs) for seed in SEEDS]
    return np.float16([each["scores"] for each in found]), [each["known"] for each in found]


def main(argv: list[str] | None = None) -> int:
    """Train from the command line; 1 with the reason where that was not possible."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Train the members whose averages the chapter on ensembles looks at.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file (default: the one that the book reads)")
    parser.add_argument("--work", type=Path, default=WORK / "ensembles", help="folder where trainings are kept")
    options = parser.parse_args(argv)

    from source_lib.data import DataGenerator, DatasetError

    try:
        options.work.mkdir(parents=True, exist_ok=True)
        data = DataGenerator(verbose=False)
        data.generate("patchcam", N_train=N_TRAIN, N_valid=N_NEW, source="real")
        kept = Kept(options.work, f"PatchCamelyon, {N_TRAIN} and {N_NEW}")
        made = members(data, kept)
        images = read_images(os.environ.get("CNN_COURSE_DATA", ""))
        made["objects"], known = objects(images, kept)
        made["object_labels"] = np.uint8(images.y_test[:N_NEW_OBJECTS])
        about = {
            "data": data.title,
            "images": {"training": data.N_train, "new": data.N_valid},
            "objects": {
                "data": "CIFAR-10",
                "training": N_OBJECTS,
                "new": N_NEW_OBJECTS,
                "epochs": OBJECT_EPOCHS,
                "known": known,
            },
            "seeds": list(SEEDS),
            "epochs": EPOCHS,
            "batch": BATCH,
            "rate": RATE,
            "cycles": CYCLES,
            "parameters": [network().count_params(), network(classes=10, by_heart=True).count_params()],
            "seconds": kept.spent,
            "processor_seconds": round(sum(kept.spent.values())),
            **circumstances(),
        }
        write(options.output, about, data.y_valid, made)
    except (OSError, LookupError, DatasetError) as error:
        print(
            f"Nothing was trained. {error} CNN_COURSE_DATA names the folder with patchcam and {CIFAR10}.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"Stopped. What was trained is in {options.work}, and is not trained again.", file=sys.stderr)
        return 130
    print(f"The members' answers are in {options.output}")
    return 0


def write(path: Path, about: dict[str, Any], labels: np.ndarray, made: dict[str, np.ndarray]) -> None:
    """Write the file that the chapter reads: the answers that count, the labels, and how they were made.

    Parameters
    ----------
    path : pathlib.Path
        An ``.npz`` archive.
    about : dict
        What JSON can hold.
    labels : numpy.ndarray of int, shape [N]
        Of the new images.
    made : dict of numpy.ndarray
        As `members` and `objects` return it. Of the views, all of the first network and the average probability of each
        are kept.
    """
    views = made["views"].astype(float)
    all_views = np.log(_probability(views).mean(axis=1)) - np.log(_probability(-views).mean(axis=1))
    arrays = {name: logits for name, logits in made.items() if name != "views"}
    arrays |= {"views": made["views"][0], "all_views": np.float16(all_views), "labels": np.uint8(labels)}
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez_compressed(file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)


def _probability(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


if __name__ == "__main__":
    sys.exit(main())
