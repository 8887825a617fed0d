"""Lab 2, regularization: the model as it is built, the file of runs, and an accuracy that is measured again.

What a student's side says about its own accuracy earns nothing. It trains anew on images that were drawn with the
course's secret, its model crosses as a configuration and weights, is rebuilt in a process that no student's code has
touched, and predicts there images whose labels never left this side.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import compare, model_config, retrain
from autograder.checking.metrics import accuracy, one_hot
from autograder.checking.problem import Problem, lost
from autograder.checking.retrain import Built, ModelSpec, Rebuilt, Training
from autograder.checking.rubric import Check, Line
from autograder.checking.sequential_test import Bands, points_reached
from autograder.checking.student import FLAGS, Student, StudentError, once
from autograder.labs.lab2 import images
from autograder.labs.lab2.faults import RUNS_FILE
from autograder.labs.lab2.reference import plain_model
from source_lib.experiments import N_DEVELOP, N_TRAIN, Run, RunsError, choose, read_runs, summarize
from source_lib.text import shorten

Rng = np.random.Generator

LEAST_RUNS = 5
#: What one training may use: processor time of its process, on all cores together. It may wait for its turn longer.
CPU_SECONDS = 480
#: And the predictions of a trained model, on the clock.
_PREDICT_SECONDS = 60.0
#: Probabilities that differ by less from image to image are the same.
_ALIKE = 1e-6
#: Images to watch a trial training by that are no numbers.
_POISONED = 4
#: Who never saw them with their labels says what these say of fewer than so many images, in percent.
_BY_HEART = 45
#: So far below the plain network, in percentage points, a person is asked to look: see ``benchmarks/canary.py``.
FAR_BELOW = 30.0
#: A reported number may be rounded to two decimals.
_ROUNDED = 0.006
#: The course's own model, for a training whose model cannot be trained.
_PLAIN = "import keras\n" + inspect.getsource(plain_model)
_MODEL = ModelSpec(images.SHAPE, (images.CLASSES,), f"{images.CLASSES} probabilities")


# The model as it is built.


@once
def _built(student: Student) -> Built:
    """Return a fresh model, and how it is compiled."""
    return retrain.build(student, _MODEL)


@once
def _rebuilt(student: Student) -> Rebuilt:
    """Return what the fresh model does where it is rebuilt: what a student's side says of it earns nothing."""
    return retrain.rebuild(student, _MODEL, _built(student).model, _PREDICT_SECONDS)


def _of_model(what: str, look: Callable[[Built, Rebuilt], str | None]) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        try:
            problem = look(_built(student), _rebuilt(student))
        except StudentError as error:
            problem = str(error)
        return lost(what, problem) if problem else None

    return question


def _takes(built: Built, rebuilt: Rebuilt) -> str | None:
    if rebuilt.input_shape != _MODEL.input_shape:
        takes = "something else" if rebuilt.input_shape is None else f"images {list(rebuilt.input_shape)}"
        return f"It takes {takes}. Begin it with keras.Input({_MODEL.input_shape})."
    if json.loads(built.compiled) is None:
        return "The model is not compiled, so it cannot be trained: end with model.compile(...)."
    return None


def _gives(built: Built, rebuilt: Rebuilt) -> str | None:
    if not rebuilt.outputs:
        return "It gives no numbers."
    found = rebuilt.outputs[0]
    expected = [retrain.BUILT_WITH, *_MODEL.output_shape]
    if list(found.shape) != expected:
        return f"For {retrain.BUILT_WITH} images it gives {compare.shape(found)} where {expected} is expected."
    if not np.all(np.isfinite(found)):
        return "It gives numbers that are infinite or not a number (nan)."
    if (found < 0).any() or not np.allclose(found.sum(axis=1), 1, atol=1e-3):
        hint = "These look like scores before softmax: end the model in a softmax."
        return f"For the first image they sum to {found.sum(axis=1)[0]:.3g}. {hint}"
    if np.ptp(found, axis=0).max() < _ALIKE:
        return "It gives the same for every image, whatever is on it."
    return None


def _same(built: Built, rebuilt: Rebuilt) -> str | None:
    if not rebuilt.outputs or rebuilt.outputs[0].size < 2:
        return "It gives no probabilities yet."
    if compare.agree(*rebuilt.outputs):
        return None
    return (
        "Asked twice, it gives different ones: something that is for training alone, such as augmentation or dropout, "
        "acts on predictions too. Leave training=True out."
    )


def _kinds(least: int) -> Callable[[Student, Rng], Problem | None]:
    what = (
        "regularize the model in "
        + ("one way" if least == 1 else "two ways")
        + ": dropout, weight decay, batch normalization or augmentation, as layers or settings of the model"
    )

    def look(built: Built, rebuilt: Rebuilt) -> str | None:
        found = model_config.regularization(built.model.config, built.compiled, rebuilt.changes)
        if len(found) >= least:
            return None
        seen = ", ".join(f"{kind} ({where})" for kind, where in found.items()) or "none of them"
        return (
            f"In the model as it is built there is {seen}. What is weaker than a dropout of "
            f"{model_config.LEAST_DROPOUT:g} or a weight decay of {model_config.LEAST_DECAY:g}, or hardly changes an "
            "image, does not count."
        )

    return _of_model(what, look)


# Its training.


@once
def _trained(student: Student) -> tuple[Training, str]:
    """Train once on few images; return what came back, and what speaks for training on the images to watch it by.

    Those have labels that are all wrong in the same way, so that the model says what only they say if it learned them.
    And some of them are no numbers: a single step on these leaves no number in the weights, however short the training.
    Where that stops a training which only looks at them, another one is made without.
    """
    drawn = _images(student)
    training, learned = _tried(student, drawn) if _can_train(student) else (None, False)
    if training is None or not _is_trained(training):
        # A fault of the model is charged there: the course's own shows whether the training is right.
        training, learned = _tried(student, drawn, _PLAIN)
    if not training.changed:
        return training, training.failed or "Nothing was trained yet, so this cannot count."
    try:
        wrong = _accuracy(student, training, drawn["try_x_valid"], drawn["try_y_valid"])
    except StudentError as error:
        return training, str(error)
    if learned:
        return (
            training,
            f"Given {_POISONED} validation images that are no numbers (nan), its weights became nan as well.",
        )
    if wrong > _BY_HEART:
        problem = f"it learned {wrong:.0f} % of them by heart"
        return training, f"Given validation images with wrong labels that no other image has, {problem}."
    return training, ""


def _can_train(student: Student) -> bool:
    """Return whether a student's model can be trained at all, with images and labels of the lab."""
    try:
        built, rebuilt = _built(student), _rebuilt(student)
    except StudentError:
        return False
    fits = [answer.shape[1:] == _MODEL.output_shape and np.all(np.isfinite(answer)) for answer in rebuilt.outputs]
    return _takes(built, rebuilt) is None and bool(fits) and all(fits)


def _is_trained(training: Training) -> bool:
    return training.changed and all(np.all(np.isfinite(one)) for one in training.model.weights)


def _tried(student: Student, drawn: Mapping[str, Any], given: str = "") -> tuple[Training, bool]:
    """Train with images to watch it by of which some are no numbers; where that fails, without those.

    Returns the training, and whether these images made the difference between weights that are numbers and none.
    """
    x_valid, others = drawn["try_x_valid"], ("try_x", "try_y", "try_y_valid")
    x, y, y_valid = (drawn[name] for name in others)
    poisoned = np.concatenate([np.full_like(x_valid[:_POISONED], np.nan), x_valid[_POISONED:]])
    training = _train(student, x, y, poisoned, y_valid, seed=1, given=given)
    if not training.failed and _is_trained(training):
        return training, False
    clean = _train(student, x, y, x_valid, y_valid, seed=1, given=given)
    return clean, training.changed and not _is_trained(training) and _is_trained(clean)


def _train(
    student: Student,
    x: np.ndarray,
    y: np.ndarray,
    x_valid: np.ndarray,
    y_valid: np.ndarray,
    seed: int,
    given: str = "",
) -> Training:
    data = x, one_hot(y, images.CLASSES), x_valid, one_hot(y_valid, images.CLASSES)
    spec = replace(_MODEL, build="plain_model") if given else _MODEL
    return retrain.train(student, spec, data, seed, CPU_SECONDS, given)


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
    if training.failed:
        return lost(what, training.failed)
    if not training.changed:
        return lost(what, "The model's weights are the same before and after: another one was trained.")
    if not training.losses or not all(isinstance(loss, float) for loss in training.losses):
        return lost(what, "It returned no log with a loss for each epoch: return model.fit(...).")
    return None


def _validation(student: Student, rng: Rng) -> Problem | None:
    what = "leave the validation images for watching the training, and never train on them"
    try:
        _, problem = _trained(student)
    except StudentError as error:
        problem = str(error)
    return lost(what, problem) if problem else None


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
    known = images.sizes()
    for run in runs:
        if run.data not in known:
            raise StudentError(
                f"The run with seed {run.seed} is of {shorten(repr(run.data), 60)}, and this lab is about "
                f"{' or '.join(known)}."
            )
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
    if len(subsets) < LEAST_RUNS:
        return f"The {len(runs)} runs used {len(subsets)} different choice{'s' * (len(subsets) > 1)} of images."
    known = images.sizes()
    for run in runs:
        if list(run.subset) != choose(range(known[run.data].train), run.seed)[0].tolist():
            return (
                f"The run with seed {run.seed} has other images than this seed chooses of {known[run.data].train:,}. "
                f'Begin with data.generate("mnist", N_valid={N_DEVELOP}) and train with experiments.repeat.'
            )
    return None


def _complete(runs: list[Run]) -> str | None:
    for run in runs:
        where = f"The run with seed {run.seed}"
        if not 0 < run.epochs == len(run.loss) == len(run.accuracy) or len(run.val_loss) not in (0, run.epochs):
            return f"{where} tells {run.epochs} epochs, {len(run.loss)} losses and {len(run.accuracy)} accuracies."
        for value in (*run.accuracy, *run.val_accuracy, run.test_accuracy):
            if not 0 <= value <= 100:
                return f"{where} has an accuracy of {value:g} %."
        for value in (*run.loss, *run.val_loss, run.test_loss):
            if not math.isfinite(value):
                return f"{where} has a loss of {value:g}: it diverged, and is no result."
        if not 0 < run.seconds < math.inf:
            return f"{where} took {run.seconds:g} seconds."
        # Not of the training images: an epoch may show each of them several times.
        tested = images.sizes()[run.data].test
        hits = run.test_accuracy * tested / 100
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
            right = value(summarize(_runs(student), final=True))
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
            data = [material[name][run] for name in ("x", "y", "x_valid", "y_valid")]
            accuracies.append(_reached(student, data, material["x_test"], material["y_test"], seed=run + 2))
        except StudentError as error:
            return accuracies, 0, f"Training {run + 1} gave no accuracy: {error}"
    if reached:
        _try_canary(student)
    _compare_with_reported(student, accuracies)
    return accuracies, reached, ""


def _reached(student: Student, data: Sequence[np.ndarray], x_test: np.ndarray, y_test: np.ndarray, seed: int) -> float:
    """Train once, and return how many test images the model classifies right, in percent."""
    training = _train(student, *data, seed=seed)
    if training.failed and not training.changed:
        raise StudentError(training.failed)
    return _accuracy(student, training, x_test, y_test)


def _try_canary(student: Student) -> None:
    """Leave a note where a training on glyphs that nobody has seen gives far less than a network that only learns.

    Whoever brings weights along that know digits, and fits them to the numbers of the classes, is seen here.
    """
    names = ("canary_x", "canary_y", "canary_x_valid", "canary_y_valid", "canary_x_test", "canary_y_test")
    x, y, x_valid, y_valid, x_test, y_test = (student.material[name] for name in names)
    plain = student.oracle.call("plain_accuracy", x, one_hot(y, images.CLASSES), x_test, y_test)
    try:
        found = _reached(student, (x, y, x_valid, y_valid), x_test, y_test, seed=1)
        reaches = f"reaches {found:.1f} %"
    except StudentError as error:
        found, reaches = 0.0, f"gives no accuracy ({error})"
    if found < plain - FAR_BELOW:
        student.notes.setdefault(FLAGS, []).append(
            f"Trained on {len(x)} images of {images.CLASSES} glyphs that no data set holds, the model {reaches}, and a "
            f"plain network {plain:.1f} %: does it learn from the images that it is given, or does it remember others?"
        )


def _compare_with_reported(student: Student, accuracies: list[float]) -> None:
    """Leave a note where the file of runs claims much more than was measured. It costs nothing by itself."""
    try:
        runs = [run for run in _runs(student) if run.data == student.material["data"]]
    except StudentError:
        return
    if len(runs) < 2:
        return
    told = summarize(runs, final=True)
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
            Line(
                "takes",
                f"A compiled Keras model of images {list(images.SHAPE)}",
                0.5,
                _of_model(
                    f"build a model of images {list(images.SHAPE)}, compiled with a loss and an optimizer", _takes
                ),
            ),
            Line(
                "gives",
                f"{_MODEL.output} for each image",
                1.0,
                _of_model(f"give {_MODEL.output} for each image, which sum to 1 and vary with the image", _gives),
            ),
            Line(
                "same",
                "The same image gets the same probabilities each time",
                0.5,
                _of_model("give the same image the same probabilities each time", _same),
            ),
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
