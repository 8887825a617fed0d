"""The sample class of lab 2."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from nbformat.notebooknode import NotebookNode

from autograder.checking.sample_class import Sample, SampleClass, edit, find_cell
from autograder.errors import UserError
from autograder.labs.lab2 import faults, images


def _quick(notebook: NotebookNode) -> None:
    """Make the model small and its training short: a demo must not take an evening.

    Its accuracy lies so far below what is asked that two trainings are enough to tell.
    """
    for size, smaller in (("(32, 5)", "(8, 5)"), ("(64)", "(16)"), ("(128)", "(32)")):
        edit("build_model", f"convolution{size}", f"convolution{smaller}")(notebook)
    # So few steps leave no time to learn in spite of much dropout.
    edit("build_model", "Dropout(0.4)", "Dropout(0.03)")(notebook)
    cell = find_cell(notebook, "train_model")
    cell.source, count = re.subn(r"(epochs, repeats, batch) = .*", r"\1 = 1, 5, 16", cell.source)
    if count != 1:
        raise UserError("The sample class does not fit its lab: train_model names no epochs to shorten.")


def _runs(material: Mapping[str, Any], more: float = 0.0) -> dict[str, bytes]:
    """Return runs with the images that are at hand here."""
    data = material["data"]
    return {"runs.jsonl": faults.runs(data, images.sizes()[data].train, images.sizes()[data].test, more).encode()}


SAMPLE_CLASS = SampleClass(
    written="Augmentation helped most. A flipped 2 is no 2. I worked alone.",
    samples=(
        Sample("01-quick-training", (14, 14), frozenset(("accuracy",)), _quick, _runs),
        Sample(
            "02-claims-too-much",
            (14, 14),
            frozenset(("accuracy",)),
            _quick,
            functools.partial(_runs, more=25.0),
            flagged=True,
        ),
    ),
)
