"""Which images are graded: PatchCamelyon's, whose labels the course keeps, or a sample's that its secret draws."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autograder.errors import UserError
from source_lib.data import DataGenerator, DatasetError, patchcam
from source_lib.predictions import read_predictions, write_csv

#: Beside the course's configuration. ``cnn-course data patchcam`` writes it, or the release of the sample's images.
LABELS = Path("labels") / "lab3.csv"
#: Beside the released notebook, where the sample is graded.
SAMPLE_TEST = "sample_test.npy"
#: The average accuracy that each line asks for. Logistic regression on the mean and the deviation of each color channel
#: stays below the first, and gradient boosting on all that colors say below the last: the page of the lab prints both.
BANDS = {"real": (0.735, 0.755, 0.775), "sample": (0.65, 0.70, 0.75)}


def for_grading(course: Path, seed: int) -> Mapping[str, Any]:
    """Return the labels of the test images and of the validation images, and what the images are.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    seed : int
        The course's secret, which draws the test images of the sample.

    Returns
    -------
    dict
        ``y_test`` [N], ``y_valid`` [N], ``bands``, and ``data``, what the images are.

    Raises
    ------
    UserError
        If the labels of the test images are missing, or are not those of the images that this machine has.
    """
    path = course / LABELS
    x_test, y_test = patchcam.tissue_test(seed)
    kind = "sample" if _of_sample(path, y_test) or patchcam.find_patchcam() is None else "real"
    data = DataGenerator(verbose=False)
    try:
        # As in the notebook, but for the training images: which ones are for validation does not depend on these.
        data.generate("patchcam", N_train=1, source=kind, sample_test=x_test)
    except DatasetError as error:
        raise UserError(str(error)) from None
    if path.is_file():
        truth = _read(path, data)
    elif kind == "sample":
        truth = y_test.astype(np.int64)
    else:
        raise UserError(
            f"There are no labels for grading: {path} is missing. The file is written when the images are made: "
            f"cnn-course data patchcam --from DIR --labels {LABELS}"
        )
    return {"y_test": truth, "y_valid": data.y_valid, "bands": BANDS[kind], "data": data.title}


def for_release(course: Path, seed: int) -> Mapping[str, bytes]:
    """Return what students get beside the notebook: the test images of the sample, where that is graded.

    Their labels are written into the course's folder, so that they are known whatever becomes of the secret.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    seed : int
        The course's secret.

    Returns
    -------
    dict of str to bytes
        By the file's name; empty where images of PatchCamelyon are graded.

    Raises
    ------
    UserError
        If the labels cannot be written, or are there already and of images that another secret drew.
    """
    path = course / LABELS
    x_test, y_test = patchcam.tissue_test(seed)
    if not _of_sample(path, y_test):
        if patchcam.find_patchcam() is not None:
            return {}
        if path.is_file():
            return _nothing_new(path)
        try:
            path.parent.mkdir(exist_ok=True)
            write_csv(path, "class", y_test)
        except OSError as error:
            raise UserError(f"The labels {path} of the sample cannot be written: {error.strerror}.") from None
    file = io.BytesIO()
    np.save(file, x_test)
    return {SAMPLE_TEST: file.getvalue()}


def _nothing_new(path: Path) -> Mapping[str, bytes]:
    """Return no files, since the labels are of images of PatchCamelyon that lie elsewhere; refuse an older sample."""
    if read_predictions(path, patchcam.N_TISSUE_TEST, column="class").values is None:
        return {}
    raise UserError(
        f"{path} holds the labels of a sample that another secret drew. Keep the release that you have, whose images "
        "these are. Or delete this file and release again: then nothing counts that was predicted before."
    )


def _of_sample(path: Path, y_test: np.ndarray) -> bool:
    """Return whether the course's labels are those of the sample that its secret draws."""
    found = read_predictions(path, len(y_test), column="class").values if path.is_file() else None
    return found is not None and np.array_equal(found, y_test)


def _read(path: Path, data: DataGenerator) -> np.ndarray:
    labels = read_predictions(path, data.N_test, data.K, "class", str(path))
    faults = [problem for problem in labels.problems if not problem.harmless]
    if faults:
        where = " There is no PatchCamelyon on this machine, so they are compared with its sample."
        raise UserError(
            f"The labels for grading do not fit. {replace(faults[0], remedy='')} There must be one class, 0 or 1, for "
            f"each of the {data.N_test} test images.{where if data.source == 'sample' else ''}"
        )
    return labels.values
