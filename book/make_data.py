"""Measure what the chapter *Data* shows of real data: wrong labels, images that shift, and the column ``b``.

Takes about three minutes of one core. What was measured is kept in ``book/_build/runs/data``: stop it whenever you
like, and start it again. Nothing is chosen. Of the house prices, sums over groups are written down and no row.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from book.make_transfer import Images
from book.make_transformer import read_mnist
from book.stored import DATA, WORK, Kept, circumstances, write_lines
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras

OUTPUT = DATA / "data.jsonl"
HOUSES = "BostonHousing.csv"
N_TRAIN, N_TEST, EPOCHS, BATCH, RATE = 3000, 2000, 16, 32, 1e-3
#: Shares of training labels that are replaced by another class, drawn at random.
NOISE = (0.0, 0.2, 0.4, 0.6)
SEEDS = (0, 1)
#: Shifts of test images by name, each with its strengths from weak to strong.
SHIFTS = {
    "noise": (20, 40, 80),
    "blur": (0.5, 1.0, 2.0),
    "contrast": (0.7, 0.4, 0.2),
    "moved": (1, 3, 5),
    "turned": (10, 25, 45),
    "inverted": (1,),
}
#: Below this value of ``b`` it tells the share of Black people up to a choice of two, both above 26 percent.
MIRROR = 136.9
#: Of no Black people at all, the largest value that ``b`` can have.
LARGEST = 396.9
FOLDS, REPEATS = 10, 5


def network() -> keras.Model:
    """Build the CNN: two convolutions with poolings, and two dense layers that can learn images by heart."""
    import keras
    from keras import layers

    parts: list[Any] = [keras.Input((28, 28, 1))]
    for maps in (16, 32):
        parts += [layers.Conv2D(maps, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
    return keras.Sequential([*parts, layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10)])


def mislabeled(labels: np.ndarray, share: float, rng: np.random.Generator, classes: int = 10) -> np.ndarray:
    """Replace a share of the labels by another class each.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape [N]
    share : float
        Which share becomes wrong, rounded to whole labels.
    rng : numpy.random.Generator
    classes : int

    Returns
    -------
    numpy.ndarray of int, shape [N]

    Examples
    --------
    >>> changed = mislabeled(np.zeros(10, int), 0.3, np.random.default_rng(0))
    >>> int((changed != 0).sum())
    3
    """
    found = labels.copy()
    rows = rng.permutation(len(labels))[: round(share * len(labels))]
    found[rows] = (found[rows] + rng.integers(1, classes, len(rows))) % classes
    return found


def shifted(images: np.ndarray, kind: str, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Change images as another camera or another hand would.

    Parameters
    ----------
    images : numpy.ndarray of uint8, shape [N, D, D, 1]
    kind : str
        One of `SHIFTS`.
    strength : float
        Standard deviation of the noise in gray levels, or of the blur in pixels; the factor of the contrast; pixels by
        which an image is moved in a random direction; degrees by which it is turned to a random side.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of uint8, shape [N, D, D, 1]

    Raises
    ------
    ValueError
        If there is no such shift.
    """
    from scipy import ndimage

    x = np.float32(images[..., 0])
    if kind == "noise":
        x = x + rng.normal(0, strength, x.shape)
    elif kind == "blur":
        x = ndimage.gaussian_filter(x, (0, strength, strength))
    elif kind == "contrast":
        x = 127.5 + strength * (x - 127.5)
    elif kind == "moved":
        steps = rng.choice([-1, 1], (len(x), 2)) * int(strength)
        x = np.stack([ndimage.shift(each, step, order=0) for each, step in zip(x, steps, strict=True)])
    elif kind == "turned":
        sides = rng.choice([-1, 1], len(x)) * strength
        x = np.stack([ndimage.rotate(each, a, reshape=False, order=1) for each, a in zip(x, sides, strict=True)])
    elif kind == "inverted":
        x = 255 - x
    else:
        raise ValueError(f"There is no shift {kind!r}. Use one of {', '.join(SHIFTS)}.")
    return np.uint8(np.clip(np.rint(x), 0, 255))[..., None]


def digits(images: Images, kept: Kept, epochs: int = EPOCHS) -> Iterator[dict[str, Any]]:
    """Yield what a CNN for MNIST reaches with wrong labels in training, and with shifted images in the test.

    Parameters
    ----------
    images : book.make_transfer.Images
    kept : Kept
        Where each training is kept.
    epochs : int

    Yields
    ------
    dict
        ``what`` is ``"labels"``, with ``share`` and by epoch ``given``, the share of training images to which the
        network gives the label it was told, ``correct``, the share of those with a wrong label to which it gives the
        right one all the same, and ``test``; or ``"shift"``, with ``accuracy`` and the mean ``confidence``.
    """
    import keras
    from scipy.special import softmax

    from source_lib.data.mnist import mnist_sample

    x_test, y_test = images.x_test[:N_TEST], images.y_test[:N_TEST]

    def scaled(x: np.ndarray) -> np.ndarray:
        return np.float32(x) / 127.5 - 1

    def labels(share: float, seed: int, epochs: int) -> dict[str, Any]:
        rows = images.chosen(N_TRAIN, seed)
        x, truth = scaled(images.x[rows]), images.y[rows]
        told = mislabeled(truth, share, np.random.default_rng(seed))
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        model = network()
        model.compile(keras.optimizers.Adam(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        curves: dict[str, list[float]] = {"given": [], "correct": [], "test": []}

        class Watch(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
                said = self.model.predict(x, batch_size=500, verbose=0).argmax(axis=1)
                new = self.model.predict(scaled(x_test), batch_size=500, verbose=0).argmax(axis=1)
                wrong = told != truth
                curves["given"].append(round(float(np.mean(said == told)), 4))
                curves["correct"].append(round(float(np.mean(said[wrong] == truth[wrong])), 4) if wrong.any() else 0.0)
                curves["test"].append(round(float(np.mean(new == y_test)), 4))

        model.fit(x, told, batch_size=BATCH, epochs=epochs, callbacks=[Watch()], verbose=0)
        found: dict[str, Any] = {"curves": curves}
        if share == 0:
            rng = np.random.default_rng(seed)
            found["shifts"] = [answers(model, "none", 0, x_test, y_test)]
            for kind, strengths in SHIFTS.items():
                found["shifts"] += [
                    answers(model, kind, each, shifted(x_test, kind, each, rng), y_test) for each in strengths
                ]
            x_train, y_train, x_more, y_more = mnist_sample()
            other = np.concatenate([x_train, x_more])[..., None], np.concatenate([y_train, y_more])
            found["shifts"].append(answers(model, "other digits", 0, *other))
        return found

    def answers(model: keras.Model, kind: str, strength: float, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
        chances = softmax(model.predict(scaled(x), batch_size=500, verbose=0).astype(float), axis=1)
        right = chances.argmax(axis=1) == y
        return {
            "shift": kind,
            "strength": strength,
            "accuracy": round(float(right.mean()), 4),
            "confidence": round(float(chances.max(axis=1).mean()), 4),
        }

    for seed in SEEDS:
        for share in NOISE:
            found = kept(labels, share=share, seed=seed, epochs=epochs)
            shifts = found.pop("shifts", [])
            yield {"what": "labels", **found, **found.pop("curves")}
            yield from ({"what": "shift", "seed": seed, **each} for each in shifts)


def read_houses(folder: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read the table of house prices.

    Parameters
    ----------
    folder : str
        Where the file is.

    Returns
    -------
    x : numpy.ndarray, shape [506, 13]
    y : numpy.ndarray, shape [506]
        Median value in thousands of dollars.
    names : list of str
        Of the columns of `x`.

    Raises
    ------
    OSError, LookupError, ValueError
        If there is no such file, or it is a different one.
    """
    with (Path(folder) / HOUSES).open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "medv"]
    if "b" not in names:
        raise LookupError(f"{HOUSES} has no column b.")
    x = np.array([[float(row[name]) for name in names] for row in rows])
    return x, np.array([float(row["medv"]) for row in rows]), names


def houses(x: np.ndarray, y: np.ndarray, names: list[str], kept: Kept, repeats: int = REPEATS) -> Iterator[dict]:
    """Yield what the column ``b`` does to predictions for two groups of tracts.

    Parameters
    ----------
    x, y, names
        As `read_houses` returns them.
    kept : Kept
        Where each measurement is kept.
    repeats : int
        How often the rows are cut into folds, each time in another way.

    Yields
    ------
    dict
        ``what`` is ``"groups"``; ``"prices"``, with the mean residual of each group, averaged over repeats, for a model
        with or without ``b``; ``"changed"``, by how much predictions change where ``b`` is that of a tract in which no
        Black people live; or ``"proxies"``, how well other columns tell the group.
    """
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    column = names.index("b")
    group = x[:, column] < MIRROR
    without = np.delete(x, column, axis=1)

    def model(name: str, seed: int = 0) -> Any:
        if name == "ridge":
            return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 3, 11)))
        return GradientBoostingRegressor(subsample=0.7, random_state=seed)

    def by_group(values: np.ndarray) -> list[float]:
        return [round(float(values[rows].mean()), 3) for rows in (group, ~group)]

    def prices(name: str, with_b: bool, repeats: int) -> dict[str, Any]:
        columns = x if with_b else without
        found = []
        for seed in range(repeats):
            folds = KFold(FOLDS, shuffle=True, random_state=seed)
            residual = y - cross_val_predict(model(name, seed), columns, y, cv=folds)
            found.append([by_group(residual), by_group(np.abs(residual)), [float(np.mean(residual**2))] * 2])
        means, spread = np.mean(found, axis=0).round(3).tolist(), np.std(found, axis=0, ddof=1).round(3).tolist()
        return {"residual": means[0], "absolute": means[1], "squared": means[2][0], "spread": spread[0]}

    def changed(name: str) -> dict[str, Any]:
        fitted = model(name).fit(x, y)
        other = x.copy()
        other[:, column] = LARGEST
        return {"change": by_group(fitted.predict(other) - fitted.predict(x))}

    def proxies(seed: int) -> dict[str, Any]:
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        guess = GradientBoostingClassifier(random_state=seed)
        chance = cross_val_predict(guess, without, group, cv=folds, method="predict_proba")[:, 1]
        return {"auc": round(float(roc_auc_score(group, chance)), 3)}

    yield {
        "what": "groups",
        "tracts": [int(group.sum()), int((~group).sum())],
        "target": by_group(y),
        "cut_off": int((y == y.max()).sum()),
        "largest": float(y.max()),
        "without_black_people": int((x[:, column] == LARGEST).sum()),
    }
    for name in ("ridge", "boosting"):
        for with_b in (True, False):
            yield {"what": "prices", **kept(prices, name=name, with_b=with_b, repeats=repeats)}
        yield {"what": "changed", **kept(changed, name=name)}
    yield {"what": "proxies", **kept(proxies, seed=0)}


def main(argv: list[str] | None = None) -> int:
    """Measure from the command line; 1 with the reason where that was not possible."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Measure what the chapter on data shows.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file (default: the one that the book reads)")
    parser.add_argument("--work", type=Path, default=WORK / "data", help="folder where measurements are kept")
    options = parser.parse_args(argv)
    folder = os.environ.get("CNN_COURSE_DATA", "")
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        kept = Kept(options.work, f"MNIST, {N_TRAIN} and {N_TEST}"), Kept(options.work, HOUSES)
        lines = [*houses(*read_houses(folder), kept[1]), *digits(read_mnist(folder), kept[0])]
        about = {
            "what": "about",
            "data": "MNIST, and Boston Housing",
            "images": {"training": N_TRAIN, "test": N_TEST},
            "seeds": list(SEEDS),
            "epochs": EPOCHS,
            "folds": FOLDS,
            "repeats": REPEATS,
            "parameters": network().count_params(),
            "processor_seconds": round(sum(sum(each.spent.values()) for each in kept)),
            **circumstances(),
        }
        write_lines(options.output, [about, *lines])
    except (OSError, LookupError, ValueError) as error:
        print(
            f"Nothing was measured. {error} CNN_COURSE_DATA names the folder with mnist.npz and {HOUSES}.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"Stopped. What was measured is in {options.work}, and is not measured again.", file=sys.stderr)
        return 130
    print(f"The measurements are in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
