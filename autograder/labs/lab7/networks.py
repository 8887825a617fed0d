"""The two dense networks that were handed in: what they are made of, and what they reach on images drawn anew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder.checking import model_config, retrain
from autograder.checking.metrics import accuracy
from autograder.checking.model_config import AUGMENTING, ConfigError
from autograder.checking.problem import Problem, lost
from autograder.checking.retrain import Model, ModelSpec
from autograder.checking.rubric import Check, Line
from autograder.checking.student import FLAGS, Student, StudentError, once
from autograder.labs.lab7.material import CLASSES, SHAPE

Rng = np.random.Generator
NETWORKS = ("a", "b")
#: The most parameters of a network: weights of both are read, and two of this size are some 64 MB.
MOST_PARAMETERS = 8_000_000
#: Layers that look at a part of the image, or weigh places by what is there.
_NOT_DENSE = ("Conv", "Pool", "Attention", "LSTM", "GRU", "RNN", "Einsum", "LocallyConnected")
#: Test images known so much better than training images were perhaps looked up.
_SUSPECT = 0.1
#: Networks that were trained apart differ about more images than this leaves.
_SAME = 0.97
_CLASSES = "classes that the networks of lab 7 give"
_CPU, _SECONDS = 200, 200.0
_SPEC = ModelSpec(SHAPE, (CLASSES,), f"{CLASSES} probabilities")


def _model(student: Student, name: str) -> Model:
    """Return a network that was handed in, if it is a dense one."""
    model = retrain.handed_in(student, name, cpu=_CPU)
    try:
        found = [layer["class_name"] for layer in model_config.layers(model.config)]
    except ConfigError as error:
        raise StudentError(f"The model in {name}/model.json {error}") from None
    other = [layer for layer in found if any(part in layer for part in _NOT_DENSE)]
    if other:
        raise StudentError(f"The network in {name} has a layer {other[0]}; dense networks are asked for.")
    if found.count("Dense") < 2:
        raise StudentError(f"The network in {name} has no hidden dense layer: it is a linear classifier.")
    count = sum(one.size for one in model.weights)
    if count > MOST_PARAMETERS:
        raise StudentError(f"The network in {name} has {count:,} parameters; at most {MOST_PARAMETERS:,} are graded.")
    return model


@once
def _both(student: Student) -> dict[str, Model]:
    return {name: _model(student, name) for name in NETWORKS}


def regularizers(model: Model) -> frozenset[str]:
    """Return by what a network is regularized, as far as its layers say it.

    Parameters
    ----------
    model : Model

    Returns
    -------
    frozenset of str
        Of ``"dropout"``, ``"weight decay"``, ``"batch normalization"`` and ``"augmentation"``.
    """
    layers = model_config.layers(model.config)
    # Whether an augmenting layer changes much is not asked here: that it is there makes the two differ.
    changes = {layer["config"].get("name"): 1.0 for layer in layers if layer["class_name"] in AUGMENTING}
    return frozenset(model_config.regularization(model.config, "{}", changes))


def _dense(student: Student, rng: Rng) -> Problem | None:
    what = "hand in two dense networks in the folders a and b, each with a regularizer that the other has not"
    try:
        found = {name: regularizers(model) for name, model in _both(student).items()}
    except StudentError as error:
        return lost(what, str(error))
    for name, other in (NETWORKS, NETWORKS[::-1]):
        if not found[name] - found[other]:
            told = ", ".join(sorted(found[name])) or "nothing"
            return lost(
                what, f"The network in {name} is regularized by {told}, and the one in {other} by all of that as well."
            )
    if _alike(*_both(student).values()):
        return lost(what, "Both files hold the same weights: this is one network, handed in twice.")
    return None


def _alike(one: Model, other: Model) -> bool:
    """Return whether two networks have the same weights, in any order: a setting of a layer has none."""
    first, second = (
        sorted((w.shape, np.asarray(w).tobytes()) for w in model.weights if w.size) for model in (one, other)
    )
    return first == second


@once
def _reached(student: Student) -> dict[str, float]:
    """Return the part of test images that each network classifies right; leave notes where that is suspicious."""
    found, classes = {}, student.notes.setdefault(_CLASSES, {})

    def measured(name: str, part: str) -> Callable[[np.ndarray, np.ndarray], float]:
        def share(predicted: np.ndarray, right: np.ndarray) -> float:
            if part == "test":
                classes[name] = predicted.argmax(axis=-1)
            return accuracy(predicted, right)

        return share

    for name, model in _both(student).items():
        shares = {}
        for part in ("test", "known"):
            x, y = student.material[f"x_{part}"], student.material[f"y_{part}"]
            score = measured(name, part)
            shares[part] = retrain.verified(student, _SPEC, model, x, y, score, cpu=_CPU, seconds=_SECONDS)
        if shares["test"] > shares["known"] + _SUSPECT:
            student.notes.setdefault(FLAGS, []).append(
                f"The network in {name} is right for {100 * shares['test']:.0f} % of the test images and for "
                f"{100 * shares['known']:.0f} % of the training images: were test images looked up?"
            )
        found[name] = shares["test"]
    return found


def _reaches(band: int, whose: Callable[..., float], which: str) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        least = student.material["bands"][band]
        what = f"classify {100 * least:.0f} % of test images right with {which}"
        try:
            found = _reached(student)
        except StudentError as error:
            return lost(what, str(error))
        same = float(np.mean(np.equal(*student.notes[_CLASSES].values())))
        if whose is min and same > _SAME:
            return lost(
                what,
                f"Both give the same class for {100 * same:.1f} % of the images, and two networks that were trained "
                "apart do not: this is one network, handed in twice.",
            )
        told = " and ".join(f"{100 * share:.1f} % with {name}" for name, share in found.items())
        return None if whose(found.values()) >= least else lost(what, f"It is {told}.")

    return question


def _form(student: Student) -> str | None:
    """Look at the files, for whoever checks a notebook."""
    problem = _dense(student, np.random.default_rng(0))
    return problem.message if problem else None


_LATER = (
    "grading asks the networks in your files about images that are drawn for it, and their labels are not here. Your "
    "own validation images tell you what to expect."
)
CHECK = Check(
    "networks",
    (
        Line("dense", "Two dense networks with different regularizers", 1.0, _dense, later=_LATER),
        Line("linear", "Both better than a linear classifier", 2.0, _reaches(0, min, "both networks"), later=_LATER),
        Line("more", "The better one: more", 1.0, _reaches(1, max, "the better network"), later=_LATER),
        Line("most", "The better one: most", 1.0, _reaches(2, max, "the better network"), later=_LATER),
    ),
    form=_form,
)
