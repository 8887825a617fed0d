"""How lab 7's own solutions are trained: two dense networks, and the regression over ten folds, beside their baselines.

What was tried while they were chosen was judged by validation images, and by the folds of the seed `CHOSEN_WITH`, which
are not among those that are kept here.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.checking.metrics import accuracy, mse, one_hot
from autograder.checking.reproduction import Kept, Record, Reproduction, Solution
from autograder.labs.lab7.material import CLASSES, fold_error

if TYPE_CHECKING:
    from source_lib.data import DataGenerator
    from source_lib.data.house_prices import Table

#: Seeds of the networks' trainings, and on the sample; seeds of the folds.
SEEDS, SAMPLE_SEEDS, FOLD_SEEDS = (0, 1, 2, 3, 4), (0, 1, 2), (1, 2, 3, 4, 5)
#: The folds by which the regression was chosen, and how many there are.
CHOSEN_WITH, N_FOLDS = 0, 10
#: Images that are set aside to choose by.
N_VALID = 1000
MODELS = ("mean", "linear", "ridge", "boosting")


def train(
    solution: Solution,
    data: DataGenerator,
    kept: Path,
    seeds: Iterable[int] = SEEDS,
    sample_seeds: Iterable[int] = SAMPLE_SEEDS,
    fold_seeds: Iterable[int] = FOLD_SEEDS,
    epochs: int | None = None,
) -> tuple[Record, list[Record]]:
    """Train the networks once for each seed, and the regression once for each draw of folds.

    Parameters
    ----------
    solution : Solution
    data : DataGenerator
        All training images, and the test images, which each training is asked about once.
    kept : pathlib.Path
        Where each training is kept.
    seeds, sample_seeds : iterable of int
        Of the networks, on the images and on the sample.
    fold_seeds : iterable of int
        Of the folds.
    epochs : int, optional
        Where there is less time than the lab's text takes.

    Returns
    -------
    dict
        About all of them.
    list of dict
        Of each: what it was (``"linear"``, ``"boosting"``, ``"a"``, ``"b"``, or ``"prices"``), on which ``source``, its
        seed, and its accuracies from 0 to 1 or its mean squared errors.
    """
    from source_lib.data import DataGenerator
    from source_lib.data.house_prices import load_house_prices

    done, asked = Kept(kept), []

    def do(what: str, source: str, seed: int, find: Callable[[], Record]) -> None:
        asked.append(done.do({"what": what, "source": source, "seed": seed}, find))
        print(asked[-1], flush=True)

    for source in ("real", "sample"):
        # What must be known of column b is said to whoever looks at the data.
        with contextlib.redirect_stdout(io.StringIO()):
            table = load_house_prices(source, verbose=False)
        for seed in fold_seeds:
            do("prices", source, seed, lambda table=table, seed=seed: _prices(solution, table, seed))
    sample = DataGenerator(verbose=False)
    sample.generate("cifar10", source="sample")
    for images, some in ((data, seeds), (sample, sample_seeds)):
        for what in ("linear", "boosting"):
            do(what, images.source, 0, lambda what=what, images=images: _classified(what, images))
        for seed in some:
            for kind in ("a", "b"):
                do(
                    kind,
                    images.source,
                    seed,
                    lambda kind=kind, seed=seed, images=images: _network(solution, kind, images, seed, epochs),
                )
    return {"images": {"training": len(data.x_train), "test": len(data.x_test), "valid": N_VALID}}, asked


def _parts(data: DataGenerator) -> tuple[np.ndarray, np.ndarray]:
    return np.split(np.random.default_rng(0).permutation(len(data.x_train)), [N_VALID])


def _network(solution: Solution, kind: str, data: DataGenerator, seed: int, epochs: int | None) -> Record:
    import keras

    valid, rows = _parts(data)
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    build: Any = solution.build_model
    model = build(kind)
    x_valid, y_valid = data.x_train[valid], data.y_train[valid]
    log = solution.train_model(
        model,
        data.x_train[rows],
        one_hot(data.y_train[rows], CLASSES),
        x_valid,
        one_hot(y_valid, CLASSES),
        epochs=epochs,
    )
    return {
        "images": len(rows),
        "epochs": len(log.history["loss"]),
        "training": float(log.history["accuracy"][-1]),
        "valid": accuracy(model.predict(x_valid, verbose=0), y_valid),
        "test": accuracy(model.predict(data.x_test, verbose=0), data.y_test),
    }


def _classified(what: str, data: DataGenerator) -> Record:
    """Return what a classifier without a hidden layer, or one of trees, reaches on 200 directions of the pixels."""
    from sklearn.decomposition import PCA
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    _, rows = _parts(data)
    directions, classifier = {
        "linear": (200, LogisticRegression(C=0.01, max_iter=300)),
        "boosting": (50, HistGradientBoostingClassifier(max_iter=100, random_state=0)),
    }[what]
    model = make_pipeline(PCA(directions, random_state=0), classifier)
    model.fit(data.x_train[rows].reshape(len(rows), -1), data.y_train[rows])
    return {"images": len(rows), "test": float(model.score(data.x_test.reshape(len(data.x_test), -1), data.y_test))}


def _prices(solution: Solution, table: Table, seed: int) -> Record:
    """Return the mean squared error over ten folds, of the solution and of others on the same folds."""
    fold = np.random.default_rng(seed).permutation(len(table.y)) % N_FOLDS
    found = np.zeros(len(table.y))
    for one in range(N_FOLDS):
        rest = fold != one
        found[~rest] = solution.parts["predict_prices"](table.x[rest], table.y[rest], table.x[~rest])
    errors = {name: fold_error(name, table.x, table.y, fold) for name in MODELS}
    return {"rows": len(table.y), "folds": N_FOLDS, "network": mse(found, table.y), **errors}


REPRODUCTION = Reproduction("cifar10", train, parts=("standardize", "predict_prices"))
