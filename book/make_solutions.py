"""Train the course's own solutions of labs 2 and 3, as their texts have them, and keep what they reach.

Takes one to two hours of two cores. What was trained is kept in ``book/_build/runs``: stop it whenever you like, and
start it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupytext

from book.stored import BOOK, DATA, WORK, circumstances, read_lines, write_lines
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras
    import numpy as np

    from source_lib.data import DataGenerator

TEXTS = BOOK.parent / "assignments"
#: Of lab 2, and of lab 3, whose trainings take longer.
SEEDS, TUMOR_SEEDS = (0, 1, 2, 3, 4), (0, 1, 2)
#: Of lab 3, trainings on a part of the training images, judged by the rest.
SPLITS = (0,)
#: How many of the training images such a rest has, one of so many.
_PART = 7


@dataclass(frozen=True)
class Solution:
    """What a lab's text solves: its two functions, and what stands for them.

    Attributes
    ----------
    build_model, train_model : callable
        As the lab asks for them.
    key : str
        Of their code: trainings of other code are not taken for trainings of this one.
    """

    build_model: Callable[[], keras.Model]
    train_model: Callable[..., Any]
    key: str


def solution(lab: str) -> Solution:
    """Return the solution that a lab's text holds.

    Parameters
    ----------
    lab : str
        For example ``"lab2"``.

    Returns
    -------
    Solution
    """
    cells = {
        cell.metadata["nbgrader"]["grade_id"]: cell.source
        for cell in jupytext.read(TEXTS / lab / f"{lab}.md").cells
        if "nbgrader" in cell.metadata
    }
    code = [cells["build_model"], cells["train_model"]]
    # The instant checks are left out: nothing is asked here.
    setup = "\n".join(line for line in cells["setup"].split("\n") if "open_lab" not in line)
    space: dict[str, Any] = {}
    exec("\n\n".join([setup, *code]), space)
    return Solution(
        space["build_model"], space["train_model"], hashlib.sha256("\n".join(code).encode()).hexdigest()[:8]
    )


def regularization(data: DataGenerator, work: Path, seeds: Iterable[int] = SEEDS) -> list[dict[str, Any]]:
    """Train lab 2's solution once for each seed, each time on 128 other images.

    Parameters
    ----------
    data : DataGenerator
        All training images of a data set, and its test images.
    work : Path
        Folder where each training is kept.
    seeds : iterable of int

    Returns
    -------
    list of dict
        What the training has come to, first about all of them.
    """
    from source_lib.experiments import N_TRAIN, repeat

    solved = solution("lab2")
    work.mkdir(parents=True, exist_ok=True)
    kept = work / f"lab2-{solved.key}-{_key(data)}.jsonl"
    runs = repeat(solved.build_model, solved.train_model, data, kept, seeds)
    about = {"lab": "lab2", "data": data.title, "images": {"training": N_TRAIN, "test": data.N_test}}
    about |= {"solution": solved.key, "parameters": solved.build_model().count_params(), **circumstances()}
    return [about] + [
        {"lab": "lab2", "seed": run.seed, "accuracy": run.test_accuracy, "seconds": run.seconds} for run in runs
    ]


def tumors(
    data: DataGenerator, work: Path, seeds: Iterable[int] = TUMOR_SEEDS, splits: Iterable[int] = SPLITS
) -> list[dict[str, Any]]:
    """Train lab 3's solution once for each seed on all training images, and once for each split on most of them.

    Parameters
    ----------
    data : DataGenerator
        PatchCamelyon, with its validation images.
    work : Path
        Folder where each training is kept.
    seeds : iterable of int
        Trainings that are judged by the validation images.
    splits : iterable of int
        Trainings that are judged by the seventh of the training images that each leaves out.

    Returns
    -------
    list of dict
        What the trainings have come to, first about all of them.
    """
    import numpy as np

    solved = solution("lab3")
    kept = work / f"lab3-{solved.key}-{_key(data)}.jsonl"
    work.mkdir(parents=True, exist_ok=True)
    made = read_lines(kept)
    everything = np.arange(data.N_train)
    asked = [("validation", seed, everything, data.x_valid, data.y_valid) for seed in seeds]
    for split in splits:
        order = np.random.default_rng(split).permutation(data.N_train)
        rest, most = np.split(order, [data.N_train // _PART])
        asked.append(("split", split, most, data.x_train[rest], data.y_train[rest]))
    lines = []
    for judged, seed, rows, x, y in asked:
        line = next((line for line in made if (line["judged"], line["seed"]) == (judged, seed)), None)
        if line is None:
            found = _train(solved, seed, data.x_train[rows], data.y_train[rows], x, y)
            line = {"lab": "lab3", "judged": judged, "seed": seed, "images": len(rows), **found}
            made.append(line)
            write_lines(kept, made)
        print(f"lab3, {judged} {seed}: accuracy {line['accuracy']:.4f}, AUC {line['auc']:.4f}", flush=True)
        lines.append(line)
    about = {"lab": "lab3", "data": data.title, "images": {"training": data.N_train, "validation": data.N_valid}}
    about["colors"] = _of_colors(data)
    about |= {"solution": solved.key, "parameters": solved.build_model().count_params(), **circumstances()}
    return [about, *lines]


def _train(
    solved: Solution, seed: int, x: np.ndarray, y: np.ndarray, x_valid: np.ndarray, y_valid: np.ndarray
) -> dict[str, float]:
    import keras
    from sklearn.metrics import roc_auc_score

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = solved.build_model()
    start, used = time.perf_counter(), time.process_time()
    solved.train_model(model, x, y, x_valid, y_valid)
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    probability = model.predict(x_valid, verbose=0)[:, 0]
    return {
        "accuracy": float(((probability > 0.5) == y_valid).mean()),
        "auc": float(roc_auc_score(y_valid, probability)),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
    }


def _of_colors(data: DataGenerator) -> dict[str, float]:
    """Return what gradient boosting reaches that knows the colors of an image and no shape, on average over five."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    from autograder.leaderboard.baseline import color_predictions

    found = color_predictions(data.x_train, data.y_train, data.x_valid, 5)
    return {
        "accuracy": float(((found > 0.5) == data.y_valid).mean()),
        "auc": float(np.mean([roc_auc_score(data.y_valid, one) for one in found])),
    }


def _key(data: DataGenerator) -> str:
    settings = json.dumps([data.title, data.N_train, data.N_test])
    return hashlib.sha256(settings.encode()).hexdigest()[:8]


#: How each lab's solution is trained, with which images, and where it is kept.
LABS: Mapping[str, tuple[Callable[..., list[dict[str, Any]]], str]] = {
    "lab2": (regularization, "mnist"),
    "lab3": (tumors, "patchcam"),
}


def main(argv: list[str] | None = None) -> int:
    """Train from the command line; 1 with the reason where that was not possible."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Train the solutions of labs 2 and 3, and keep what they reach.")
    parser.add_argument("--labs", choices=list(LABS), nargs="+", default=list(LABS), help="default: all")
    parser.add_argument("--output", type=Path, default=DATA, help="folder for solution-lab2.jsonl and so on")
    parser.add_argument("--work", type=Path, default=WORK, help="folder where trainings are kept meanwhile")
    options = parser.parse_args(argv)

    from source_lib.data import DataGenerator, DatasetError

    try:
        for lab in options.labs:
            train, dataset = LABS[lab]
            data = DataGenerator()
            data.generate(dataset, source="real")
            path = options.output / f"solution-{lab}.jsonl"
            write_lines(path, train(data, options.work))
            print(f"What the solution of {lab} reaches is in {path}")
    except (DatasetError, OSError) as error:
        print(f"The solutions were not trained. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Stopped. What was trained is in {options.work}, and is not trained again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
