"""The accuracy of the network that was handed in: measured on images whose labels never leave this side."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checking import model_config, retrain
from autograder.checking.metrics import accuracy
from autograder.checking.model_config import ConfigError
from autograder.checking.problem import Problem, lost
from autograder.checking.retrain import Model, ModelSpec
from autograder.checking.rubric import Check, Line
from autograder.checking.student import FLAGS, Student, StudentError, once
from autograder.labs.lab4 import images
from autograder.labs.lab4.drawing import Rng
from source_lib.saved_model import CONFIG_FILE, WEIGHTS_FILE

#: The most parameters of a network that is handed in: twice the largest that the lab builds.
MOST_PARAMETERS = 1_000_000
#: Bytes of weights that can hold so many, in single precision, with what the file needs around them.
_MOST_BYTES = 4 * MOST_PARAMETERS + 2**20
#: Percentage points by which test images may be known better than training images before a person looks.
SUSPICIOUS = 1.5
_CPU, _SECONDS = 240, 120.0
_SPEC = ModelSpec(images.SHAPE, (images.CLASSES,), f"{images.CLASSES} probabilities", probabilities=True)
_CONVOLUTIONS = frozenset(("Conv2D", "SeparableConv2D", "DepthwiseConv2D"))


@once
def _model(student: Student) -> Model:
    """Return the network that was handed in, if it is one that the lab asks for."""
    weights = student.files.get(WEIGHTS_FILE)
    if weights is not None and len(weights) > _MOST_BYTES:
        raise StudentError(
            f"The file {WEIGHTS_FILE} has {len(weights) / 2**20:.1f} MB, too many for the {MOST_PARAMETERS:,} "
            "parameters that a network may have."
        )
    config = student.files.get(CONFIG_FILE)
    if config is not None:
        # Told before anything is built: a network that takes all memory helps nobody.
        _make_sure(config)
    model = retrain.handed_in(student, cpu=_CPU)
    count = sum(one.size for one in model.weights)
    if count > MOST_PARAMETERS:
        raise StudentError(f"The network has {count:,} parameters; at most {MOST_PARAMETERS:,} are graded.")
    if not all(np.all(np.isfinite(one)) for one in model.weights):
        raise StudentError(f"Some weights in {WEIGHTS_FILE} are no numbers: the training diverged.")
    return model


def _make_sure(config: bytes) -> None:
    """Make sure that a configuration has a convolution and no layer that is too large by itself."""
    try:
        found = model_config.layers(config.decode("utf-8", "replace"))
    except ConfigError as error:
        raise StudentError(f"The model in {CONFIG_FILE} {error}") from None
    if not any(layer["class_name"] in _CONVOLUTIONS for layer in found):
        raise StudentError(f"The network in {CONFIG_FILE} has no convolution; a convolutional network is asked for.")
    for layer in found:
        for key in ("units", "filters", "input_dim", "output_dim", "target_shape", "batch_shape"):
            value = layer["config"].get(key)
            sizes = value if isinstance(value, list) else [value]
            numbers = [size for size in sizes if type(size) in (int, float)]
            if any(not size < MOST_PARAMETERS for size in numbers) or math.prod(numbers) >= 100 * MOST_PARAMETERS:
                raise StudentError(
                    f"A layer of the network in {CONFIG_FILE} is too large for the {MOST_PARAMETERS:,} parameters that "
                    "it may have."
                )


def _form(student: Student) -> str | None:
    """Look at the two files, for whoever checks a notebook: whether they can be read and fit each other."""
    model = _model(student)
    x = np.random.default_rng(0).uniform(-1, 1, (5, *images.SHAPE)).astype("float32")
    retrain.predict(student, _SPEC, model, x, cpu=_CPU, seconds=_SECONDS)
    return None


@once
def _measured(student: Student) -> float:
    """Return how many test images the network classifies right, in percent; leave a note where that is suspicious."""
    model, material = _model(student), student.material
    limits: dict[str, Any] = {"cpu": _CPU, "seconds": _SECONDS}

    def measure(part: str) -> float:
        x, y = material[f"x_{part}"], material[f"y_{part}"]
        return 100 * retrain.verified(student, _SPEC, model, x, y, accuracy, **limits)

    found, known = measure("test"), measure("known")
    shares = (found, len(material["y_test"])), (known, len(material["y_known"]))
    spread = math.sqrt(sum(max(share, 1) * (100 - min(share, 99)) / count for share, count in shares))
    if found - known > SUSPICIOUS + 3 * spread:
        student.notes.setdefault(FLAGS, []).append(
            f"The network handed in classifies {found:.1f} % of the test images right and {known:.1f} % of the "
            "training images: a network that learned from the training images knows these as well or better. Does it "
            "hold test images?"
        )
    return found


def _reaches(band: int) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        least = student.material["bands"][band]
        what = f"hand in a convolutional network that classifies {least:g} % of test images right"
        try:
            found = _measured(student)
        except StudentError as error:
            return lost(what, str(error))
        return None if found >= least else lost(what, f"It classifies {found:.2f} % right.")

    return question


_LATER = (
    "grading asks the network in your files about images that were drawn for it, and their labels are not here. Your "
    "own validation images tell you what to expect."
)
_TITLE = "Verified: {} % of MNIST's test images right ({:g} % on the sample, which is for practice)"
CHECK = Check(
    "accuracy",
    tuple(
        Line(f"band{k + 1}", _TITLE.format(f"{real:g}", practice), points, _reaches(k), later=_LATER)
        for k, (real, practice, points) in enumerate(
            zip(images.BANDS["real"], images.BANDS["sample"], (2.0, 2.0, 1.0), strict=True)
        )
    ),
    form=_form,
)
