"""How lab 3's own solution is trained: on all training images, on a part of them, and on the sample."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autograder.checking.metrics import accuracy, auc
from autograder.checking.reproduction import Kept, Record, Reproduction, Solution

if TYPE_CHECKING:
    from source_lib.data import DataGenerator

SEEDS = (0, 1, 2)
#: Trainings on a part of the training images, scored on the rest.
SPLITS = (0,)
#: Trainings on the sample, as a student without PatchCamelyon makes them; scored on test images that this secret draws.
SAMPLE_SEEDS = (1, 2, 3, 4, 5)
SAMPLE_SECRET = 0
#: How many of the training images such a rest has, one of so many.
_PART = 7


def train(
    solution: Solution,
    data: DataGenerator,
    kept: Path,
    seeds: Iterable[int] = SEEDS,
    splits: Iterable[int] = SPLITS,
    sample_seeds: Iterable[int] = SAMPLE_SEEDS,
) -> tuple[Record, list[Record]]:
    """Train once for each seed and each split, and on the sample.

    Parameters
    ----------
    solution : Solution
    data : DataGenerator
        PatchCamelyon, with its validation images.
    kept : pathlib.Path
        Where each training is kept.
    seeds : iterable of int
        Trainings that are scored on the validation images.
    splits : iterable of int
        Trainings that are scored on the seventh of the training images that each leaves out.
    sample_seeds : iterable of int
        Trainings on the sample's images, whatever `data` is.

    Returns
    -------
    dict
        About all of them.
    list of dict
        Of each, what it was scored on, its accuracy and its AUC there, both from 0 to 1, and its seconds.
    """
    done = Kept(kept)
    everything = np.arange(data.N_train)
    wanted = [("validation", seed, data, everything, data.x_valid, data.y_valid) for seed in seeds]
    for split in splits:
        order = np.random.default_rng(split).permutation(data.N_train)
        rest, most = np.split(order, [data.N_train // _PART])
        wanted.append(("split", split, data, most, data.x_train[rest], data.y_train[rest]))
    if sample_seeds := tuple(sample_seeds):
        drawn, y_test = sample()
        rows = np.arange(drawn.N_train)
        wanted += [("sample", seed, drawn, rows, drawn.x_test, y_test) for seed in sample_seeds]
    lines = []
    for judged, seed, images, rows, x, y in wanted:
        about = {"judged": judged, "seed": seed, "images": len(rows)}
        parts = (images.x_train[rows], images.y_train[rows], x, y)
        line = done.do(about, lambda seed=seed, parts=parts: train_once(solution, seed, *parts))
        print(f"{judged} {seed}: accuracy {line['accuracy']:.4f}, AUC {line['auc']:.4f}", flush=True)
        lines.append(line)
    return {"images": {"training": data.N_train, "validation": data.N_valid}}, lines


def sample() -> tuple[DataGenerator, np.ndarray]:
    """Return the sample with test images of `SAMPLE_SECRET`, and their classes."""
    from source_lib.data import DataGenerator, patchcam

    x_test, y_test = patchcam.tissue_test(SAMPLE_SECRET)
    data = DataGenerator(verbose=False)
    data.generate("patchcam", source="sample", sample_test=x_test)
    return data, y_test.astype(np.int64)


def train_once(
    solution: Solution, seed: int, x: np.ndarray, y: np.ndarray, x_valid: np.ndarray, y_valid: np.ndarray
) -> Record:
    """Train with one seed and return what the model reaches.

    Parameters
    ----------
    solution : Solution
    seed : int
    x, y : numpy.ndarray
        Images [N, 32, 32, 3] as float32, and their classes [N].
    x_valid, y_valid : numpy.ndarray
        The same for validation.

    Returns
    -------
    dict
        Accuracy and AUC on the validation images, both from 0 to 1, and the seconds of wall and of processor time.
    """
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = solution.build_model()
    start, used = time.perf_counter(), time.process_time()
    solution.train_model(model, x, y, x_valid, y_valid)
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    probability = model.predict(x_valid, verbose=0)
    return {
        "accuracy": accuracy(probability, y_valid),
        "auc": auc(probability, y_valid),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
    }


REPRODUCTION = Reproduction("patchcam", train, colors=True)
