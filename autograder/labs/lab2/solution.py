"""How lab 2's own solution is trained: once for each seed, each time on 128 other images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.checking.reproduction import Record, Reproduction, Solution

if TYPE_CHECKING:
    from source_lib.data import DataGenerator

SEEDS = (0, 1, 2, 3, 4)


def train(
    solution: Solution, data: DataGenerator, kept: Path, seeds: Iterable[int] = SEEDS
) -> tuple[Record, list[Record]]:
    """Train once for each seed.

    Parameters
    ----------
    solution : Solution
    data : DataGenerator
        All training images of a data set, and its test images.
    kept : pathlib.Path
        Where each training is kept.
    seeds : iterable of int

    Returns
    -------
    dict
        About all of them.
    list of dict
        Of each, its seed, its accuracy on test images in percent, and its seconds.
    """
    from source_lib.experiments import N_TRAIN, repeat

    runs = repeat(solution.build_model, solution.train_model, data, kept, seeds, final=True)
    about = {"images": {"training": N_TRAIN, "test": data.N_test}}
    return about, [{"seed": run.seed, "accuracy": run.test_accuracy, "seconds": run.seconds} for run in runs]


REPRODUCTION = Reproduction("mnist", train)
