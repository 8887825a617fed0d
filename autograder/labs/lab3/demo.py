"""The sample class of lab 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.sample_class import Sample, SampleClass
from autograder.labs.lab3.faults import FAULTS
from autograder.labs.lab3.images import LABELS
from source_lib.data.patchcam import tissue_test
from source_lib.predictions import table, write_csv


def _predicted(material: Mapping[str, Any]) -> dict[str, bytes]:
    """Return files as five good trainings write them, without an evening of training: drawn from the truth."""

    def drawn(part: str, k: int) -> np.ndarray:
        truth = material[f"y_{part}"]
        away = np.random.default_rng([k, len(truth)]).normal(2 * truth - 1)
        return 1 / (1 + np.exp(-2 * away))

    files = {"valid_labels.csv": table("class", material["y_valid"])}
    for k in range(1, 6):
        test = drawn("test", k)
        files[f"run{k}.csv"] = table("class", (test > 0.5).astype(int))
        files[f"run{k}_prob.csv"] = table("probability", test)
        files[f"run{k}_valid.csv"] = table("probability", drawn("valid", k))
    return files


def _with(fault: str) -> Callable[[Mapping[str, Any]], Mapping[str, bytes]]:
    """Return the same files with one known fault."""
    (change,) = (known.apply for known in FAULTS if known.id == fault)

    def files(material: Mapping[str, Any]) -> dict[str, bytes]:
        right = _predicted(material)
        labels = right.pop("valid_labels.csv")
        return change(right) | {"valid_labels.csv": labels}

    return files


def _write_labels(course: Path, seed: int) -> None:
    # Real images without their labels could not be graded, so the class works with the sample.
    (course / LABELS).parent.mkdir()
    write_csv(course / LABELS, "class", tissue_test(seed)[1])


SAMPLE_CLASS = SampleClass(
    written="Six convolutions, chosen by the AUC of the validation images. I worked alone.",
    prepare=_write_labels,
    samples=(
        Sample("01-five-trainings", (24, 24), files=_predicted),
        Sample("02-saved-by-a-spreadsheet", (20, 20), frozenset(("files",)), files=_with("semicolons")),
        Sample(
            "03-one-training-five-times", (21, 21), frozenset(("files",)), files=_with("one_training_under_five_names")
        ),
        Sample("04-rows-shuffled", (15, 15), frozenset(("accuracy",)), files=_with("rows_shuffled"), flagged=True),
    ),
)
