"""Lab 2, regularization: the model as it is built, the file of runs, and an accuracy that is measured again.

What a student's side says about its own accuracy earns nothing. It trains anew on images that were drawn with the
course's secret, its model crosses as a configuration and weights, is rebuilt in a process that no student's code has
touched, and predicts there images whose labels never left this side.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.checking import compare, model_config, retrain
from autograder.checking.metrics import accuracy, one_hot
from autograder.checking.model_config import ConfigError
from autograder.checking.problem import Problem, lost
from autograder.checking.retrain import Built, ModelSpec, Training
from autograder.checking.rubric import Check, Line
from autograder.checking.sequential_test import Bands, points_reached
from autograder.checking.student import FLAGS, Student, StudentError, once
from autograder.labs.lab2 import images
from autograder.labs.lab2.faults import RUNS_FILE
from source_lib.experiments import N_TRAIN, Run, RunsError, read_runs, summarize

Rng = np.random.Generator

LEAST_RUNS = 5
#: What one training may use: processor time of its process, on all cores together. It may wait for its turn longer.
CPU_SECONDS = 480
#: And the predictions of a trained model, on the clock.
_PREDICT_SECONDS = 60.0
#: A reported number may be rounded to two decimals.
_ROUNDED = 0.006
_MODEL = ModelSpec(images.SHAPE, (images.CLASSES,), f"{images.CLASSES} probabilities")


# The model as it is built.


@once
def _built(student: Student) -> Built:
    """Return a fresh model, how it is compiled, and what it gives for five images, twice."""
    return retrain.build(student, _MODEL)


def _takes(student: Student, rng: Rng) -> Problem | None:
    what = f"build a model of images {list(images.SHAPE)}, compiled with a loss and an optimizer"
    try:
        built = _built(student)
        model_config.layers(built.config)
        if json.loads(built.compiled) is None:
            raise StudentError("The model is not compiled, so it cannot be trained: end with model.compile(...).")
    except ConfigError as error:
        return lost(what, f"The model {error}")
    except (StudentError, ValueError) as error:
        return lost(what, str(error))
    return None


def _gives(student: Student, rng: Rng) -> Problem | None:
    what = f"give {_MODEL.output} for each image, which sum to 1"
    try:
        found = compare.array(_built(student).outputs[0])
    except StudentError as error:
        return lost(what, str(error))
    expected = [retrain.BUILT_WITH, *_MODEL.output_shape]
    if found is None or list(found.shape) != expected:
        shape = "no numbers" if found is None else compare.shape(found)
        return lost(what, f"For {retrain.BUILT_WITH} images it gives {shape} where {expected} is expected.")
    if not np.all(np.isfinite(found)):
        return lost(what, "It gives numbers that are infinite or not a number (nan).")
    if (found < 0).any() or not np.allclose(found.sum(axis=1), 1, atol=1e-3):
        total = found.sum(axis=1)[0]
        hint = "These look like scores before softmax: end the model in a softmax."
        return lost(what, f"For the first image they sum to {total:.3g}. {hint}")
    return None


def _same(student: Student, rng: Rng) -> Problem | None:
    what = "give the same image the same probabilities each time"
    try:
        first, second = (compare.array(answer) for answer in _built(student).outputs)
    except StudentError as error:
        return lost(what, str(error))
    if first is None or second is None or first.size < 2:
        return lost(what, "It gives no probabilities yet.")
    if compare.agree(first, second):
        return None
    problem = (
        "Asked twice, it gives different ones: something that is for training alone, such as augmentation or dropout, "
        "acts on predictions too. Leave training=True out."
    )
    return lost(what, problem)


def _kinds(least: int) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        what = (
            "regularize the model in "
            + ("one way" if least == 1 else "two ways")
            + ": dropout, weight decay, batch normalization or augmentation, as layers or settings of the model"
        )
        try:
            built = _built(student)
            found = model_config.regularization(built.config, built.compiled)
        except ConfigError as error:
            return lost(what, f"The model {error}")
        except StudentError as error:
            return lost(what, str(error))
        if len(found) >= least:
            return None
        seen = ", ".join(f"{kind} ({where})" for kind, where in found.items()) or "none of them"
        return lost(what, f"In the model as it is built there is {seen}.")

    return question


# Its training.


@once
def _trained(student: Student) -> tuple[Training, float]:
    """Train once on few images, with others to watch it by whose labels are all wrong in the same way.

    Returns what came back, and on how many of the watched images the model says what only they say, in percent.
    """
    drawn = _images(student)
    training = _train(student, *(drawn[name] for name in ("try_x", "try_y", "try_x_valid", "try_y_valid")), seed=1)
    try:
        return training, _accuracy(student, training, drawn["try_x_valid"], drawn["try_y_valid"])
    except StudentError:
        return training, np.nan


def _train(
    student: Student, x: np.ndarray, y: np.ndarray, x_valid: np.ndarray, y_valid: np.ndarray, seed: int
) -> Training:
    data = x, one_hot(y, images.CLASSES), x_valid, one_hot(y_valid, images.CLASSES)
    return retrain.train(student, _MODEL, data, seed, CPU_SECONDS)


def _accuracy(student: Student, training: Training, x: np.ndarray, y: np.ndarray) -> float:
    """Return how many images a trained model classifies right, in percent."""
    limits = {"cpu": CPU_SECONDS, "seconds": _PREDICT_SECONDS}
    return 100 * retrain.verified(student, _MODEL, training.model, x, y, accuracy, **limits)


def _log(student: Student, rng: Rng) -> Problem | None:
    what = "train the model that it is given, and return the log of model.fit"
    try:
        training, _ = _trained(student)
    except StudentError as error:
        return lost(what, str(error))
    if not training.changed:
        return lost(what, "The model's weights are the same before and after: another one was trained.")
    if not training.losses or not all(isinstance(loss, float) for loss in training.losses):
        return lost(what, "It returned no log with a loss for each epoch: return model.fit(...).")
    return None


def _validation(student: Student, rng: Rng) -> Problem | None:
    what = "leave the validation images for watching the training, and never train on them"
    try:
        training, wrong = _trained(student)
    except StudentError as error:
        return lost(what, str(error))
    if not training.changed:
        return lost(what, "Nothing was trained yet, so this cannot count.")
    if not wrong <= 45:
        reason = f"it learned {wrong:.0f} % of them by heart" if wrong == wrong else "the model cannot be rebuilt"
        problem = f"Given validation images with wrong labels that no other image has, {reason}."
        return lost(what, problem)
    return None


# The file of runs, and what is reported of it.


@once
def _runs(student: Student) -> list[Run]:
    if RUNS_FILE not in student.files:
        raise StudentError(f"There is no file {RUNS_FILE} beside the notebook. Hand it in with it.")
    try:
        runs = student.read(RUNS_FILE, read_runs)
    except RunsError as error:
        raise StudentError(str(error).replace("The file of runs", RUNS_FILE)) from None
    if not runs:
        raise StudentError(f"{RUNS_FILE} holds no run.")
    return runs


def _of_runs(what: str, look: Callable[[list[Run]], str | None]) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        try:
            problem = look(_runs(student))
        except StudentError as error:
            problem = str(error)
        return lost(what, problem) if problem else None

    return question


def _enough(runs: list[Run]) -> str | None:
    if len(runs) >= LEAST_RUNS:
        return None
    return f"{RUNS_FILE} holds {len(runs)}. Run the trainings again: those that are there are not repeated."


def _distinct(runs: list[Run]) -> str | None:
    if len(runs) < LEAST_RUNS:
        return f"{RUNS_FILE} holds only {len(runs)} runs."
    for run in runs:
        if len(set(run.subset)) != N_TRAIN:
            return f"The run with seed {run.seed} was trained on {len(set(run.subset))} different images."
    subsets = {frozenset(run.subset) for run in runs}
    if len(subsets) >= LEAST_RUNS:
        return None
    return f"The {len(runs)} runs used {len(subsets)} different choice{'s' * (len(subsets) > 1)} of images."


def _complete(runs: list[Run]) -> str | None:
    for run in runs:
        where = f"The run with seed {run.seed}"
        if not 0 < run.epochs == len(run.loss) == len(run.accuracy) or len(run.val_loss) not in (0, run.epochs):
            return f"{where} tells {run.epochs} epochs, {len(run.loss)} losses and {len(run.accuracy)} accuracies."
        for value in (*run.accuracy, *run.val_accuracy, run.test_accuracy):
            if not 0 <= value <= 100:
                return f"{where} has an accuracy of {value:g} %."
        # Not of the training images: an epoch may show each of them several times.
        tested = images.test_images().get(run.data)
        hits = run.test_accuracy * tested / 100 if tested else 0.0
        if abs(hits - round(hits)) > 1e-6:
            return f"{where} has a test accuracy of {run.test_accuracy:g} %, which {tested} test images cannot give."
    return None


def _of_one(runs: list[Run]) -> str | None:
    if len({run.data for run in runs}) > 1:
        return f"Some used {runs[0].data}, and others another data set."
    if len({run.model for run in runs}) > 1:
        return "The model or its training was changed between them. Give each variant a file of its own."
    if len({run.seed for run in runs}) < len(runs):
        return "A seed is there twice."
    return None


def _reported(key: str, of: str, value: Callable[[Any], float]) -> Callable[[Student, Rng], Problem | None]:
    what = f"report the {of} of the test accuracies of all runs in {RUNS_FILE}, in percent, to two decimals"

    def question(student: Student, rng: Rng) -> Problem | None:
        try:
            told = student.call("reported")
            right = value(summarize(_runs(student)))
        except StudentError as error:
            return lost(what, str(error))
        number = told.get(key) if isinstance(told, Mapping) else None
        found = compare.array(number)
        if found is None or found.size != 1 or not np.isfinite(found).all():
            return lost(what, f"reported() gives no number under {key!r}.")
        got = float(found.reshape(-1)[0])
        if math.isfinite(right) and abs(got - right) <= _ROUNDED + 1e-9:
            return None
        return lost(what, f"It gives {got:.6g}.{_which(key, got, _runs(student))}")

    return question


def _which(key: str, got: float, runs: list[Run]) -> str:
    """Say which known mistake gives this number, where one does."""
    accuracies = np.array([run.test_accuracy for run in runs])
    last = np.concatenate([np.array(run.val_accuracy or run.accuracy) for run in runs])
    known = {
        "That is the variance with n in the denominator; the sample variance has n - 1.": accuracies.var(),
        "That is the standard deviation, the square root of the variance.": accuracies.std(ddof=1),
        "That is the best run, not the average of all.": accuracies.max(),
        "That is over all epochs; take each run's accuracy on the test images once.": (
            last.mean() if key == "mean" else last.var(ddof=1)
        ),
        "That is a fraction; report it in percent.": (
            accuracies.mean() / 100 if key == "mean" else accuracies.var(ddof=1) / 1e4
        ),
    }
    fitting = [hint for hint, value in known.items() if abs(got - value) <= _ROUNDED]
    return f" {fitting[0]}" if len(fitting) == 1 else ""


# The accuracy, measured again.


@once
def _verified(student: Student) -> tuple[list[float], int, str]:
    """Train as often as it takes; return the accuracies, how many thresholds their average reaches, and what failed."""
    material = student.material
    bands: Bands = tuple(material["bands"])
    accuracies: list[float] = []
    while (reached := points_reached(accuracies, bands)) is None:
        run = len(accuracies)
        try:
            data = (material[name][run] for name in ("x", "y", "x_valid", "y_valid"))
            training = _train(student, *data, seed=run + 2)
        except StudentError as error:
            return accuracies, 0, f"Training {run + 1} gave no model: {error}"
        try:
            accuracies.append(_accuracy(student, training, material["x_test"], material["y_test"]))
        except StudentError as error:
            return accuracies, 0, f"Training {run + 1}: {error}"
    _compare_with_reported(student, accuracies)
    return accuracies, reached, ""


def _compare_with_reported(student: Student, accuracies: list[float]) -> None:
    """Leave a note where the file of runs claims much more than was measured. It costs nothing by itself."""
    try:
        runs = [run for run in _runs(student) if run.data == student.material["data"]]
    except StudentError:
        return
    if len(runs) < 2:
        return
    told = summarize(runs)
    spread = max(2.0, told.standard_deviation, float(np.std(accuracies)))
    off = told.mean - float(np.mean(accuracies))
    if off > 1 + 3 * spread * math.sqrt(1 / len(runs) + 1 / len(accuracies)):
        student.notes.setdefault(FLAGS, []).append(
            f"{RUNS_FILE} tells an average of {told.mean:.1f} %, and {len(accuracies)} fresh trainings gave "
            f"{np.mean(accuracies):.1f} %."
        )


def _reaches(least: int) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        threshold = student.material["bands"][2 - least]
        what = f"reach {threshold:g} % on test images on average over trainings on {N_TRAIN} images each"
        try:
            accuracies, reached, failed = _verified(student)
        except StudentError as error:
            return lost(what, str(error))
        if reached >= least:
            return None
        told = ", ".join(f"{accuracy:.1f} %" for accuracy in accuracies)
        measured = f"Fresh trainings on other images gave {told}. " if accuracies else ""
        advice = failed or "That is too far below it: look at your curves for what is missing."
        return lost(what, measured + advice)

    return question


def _images(student: Student) -> Mapping[str, Any]:
    """Return the images for grading; in a notebook, those of the sample."""
    return student.material or images.for_grading(None, int(np.random.default_rng().integers(2**31)))


_LATER = (
    "grading trains your model anew, on other images than yours, and counts its predictions for test images that it "
    "never showed. Your own runs tell you what to expect."
)

CHECKS = (
    Check(
        "build_model",
        (
            Line("takes", f"A compiled Keras model of images {list(images.SHAPE)}", 0.5, _takes),
            Line("gives", f"{_MODEL.output} for each image", 1.0, _gives),
            Line("same", "The same image gets the same probabilities each time", 0.5, _same),
            Line("one", "One kind of regularization in the model as built", 1.5, _kinds(1)),
            Line("two", "A second kind", 1.5, _kinds(2)),
        ),
    ),
    Check(
        "train_model",
        (
            Line("log", "Trains the model that it is given, and returns the log", 1.0, _log),
            Line("validation", "Does not train on the validation images", 1.0, _validation),
        ),
    ),
    Check(
        "runs",
        (
            Line("enough", "At least five runs", 1.5, _of_runs("keep at least five runs", _enough)),
            Line(
                "subsets",
                "Each on 128 other images",
                1.5,
                _of_runs(f"train at least five times, each time on {N_TRAIN} other images", _distinct),
            ),
            Line(
                "complete",
                "Epochs, losses and accuracies of each",
                1.0,
                _of_runs("keep of each run its epochs, losses and accuracies, as they came", _complete),
            ),
            Line("one", "All of one model and one data set", 1.0, _of_runs("average runs of one model", _of_one)),
        ),
    ),
    Check(
        "reported",
        (
            Line("mean", "The average test accuracy", 1.0, _reported("mean", "average", lambda s: s.mean)),
            Line(
                "variance",
                "Its sample variance",
                1.0,
                _reported("sample variance", "sample variance", lambda s: s.variance),
            ),
        ),
    ),
    Check(
        "accuracy",
        (
            Line("half", "Verified: the lower threshold on average", 5.0, _reaches(1), later=_LATER),
            Line("full", "Verified: the upper threshold, 90 % on MNIST, on average", 5.0, _reaches(2), later=_LATER),
        ),
    ),
)
