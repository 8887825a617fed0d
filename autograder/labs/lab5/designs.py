"""What is asked of the two designs: each can be trained on the lab's images, and they differ in more than one way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checking import compare, model_config, retrain
from autograder.checking.model_config import ConfigError
from autograder.checking.problem import Problem, lost
from autograder.checking.retrain import ModelSpec
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student, StudentError, once
from autograder.labs.lab5.images import CLASSES, SHAPE
from autograder.labs.lab5.networks import MOST_PARAMETERS

Rng = np.random.Generator
SPECS = {
    name: ModelSpec(SHAPE, (CLASSES,), f"{CLASSES} probabilities", build=name)
    for name in ("build_first", "build_second")
}
_SECONDS = 60.0
#: In how many of `KINDS` the designs must differ.
LEAST = 2
KINDS = ("depth", "kernel size", "regularization", "optimizer")


@dataclass(frozen=True)
class Design:
    """What one design is like, told by its configuration.

    Attributes
    ----------
    problem : str
        Why it cannot be trained on the lab's images; empty where it can.
    features : dict of str to object
        What it is like in each of `KINDS`.
    """

    problem: str
    features: dict[str, Any]


def _design(student: Student, name: str) -> Design:
    spec = SPECS[name]
    built = retrain.build(student, spec, _SECONDS)
    parameters = sum(int(np.size(one)) for one in built.model.weights)
    if parameters > MOST_PARAMETERS:
        raise StudentError(
            f"The model of {name} has {parameters:,} parameters; at most {MOST_PARAMETERS:,} are allowed."
        )
    rebuilt = retrain.rebuild(student, spec, built.model, _SECONDS)
    try:
        layers = model_config.layers(built.model.config)
        kinds = model_config.regularization(built.model.config, built.compiled, rebuilt.changes)
    except ConfigError as error:
        raise StudentError(f"The model of {name} {error}") from None
    compiled = json.loads(built.compiled)
    return Design(
        _problem(rebuilt, compiled),
        {
            "depth": sum("kernel_size" in one["config"] or one["class_name"] == "Dense" for one in layers),
            "kernel size": tuple(
                sorted(
                    {tuple(np.atleast_1d(one["config"]["kernel_size"]).tolist()) for one in layers if _convolves(one)}
                )
            ),
            "regularization": tuple(sorted(kinds)),
            "optimizer": ((compiled or {}).get("optimizer") or {}).get("class_name", ""),
        },
    )


def _convolves(layer: dict[str, Any]) -> bool:
    return "kernel_size" in layer["config"]


def _problem(rebuilt: retrain.Rebuilt, compiled: Any) -> str:
    if rebuilt.input_shape != SHAPE:
        return f"It does not take images {list(SHAPE)}. Begin it with keras.Input({SHAPE})."
    found = rebuilt.outputs[0] if rebuilt.outputs else np.zeros(0)
    if list(found.shape) != [retrain.BUILT_WITH, CLASSES]:
        wanted = [retrain.BUILT_WITH, CLASSES]
        return f"For {retrain.BUILT_WITH} images it gives {compare.shape(found)} where {wanted} is expected."
    if not np.all(np.isfinite(found)) or (found < 0).any() or not np.allclose(found.sum(axis=1), 1, atol=1e-3):
        return "What it gives are no probabilities: end the model in a softmax."
    if not compare.agree(*rebuilt.outputs):
        return "Asked twice, it gives different ones: leave training=True out."
    if compiled is None:
        return "It is not compiled, so it cannot be trained: end with model.compile(...)."
    return _problem_of_loss(compiled["loss"]) if isinstance(compiled, dict) and "loss" in compiled else ""


def _problem_of_loss(loss: Any) -> str:
    """Return why a model cannot be trained with a loss, told by its configuration, on labels that are one-hot."""
    if loss is None:
        return "It is compiled without a loss, so it cannot be trained."
    told = json.dumps(loss).lower().replace("_", "")
    if "sparse" in told:
        return (
            "Its loss takes the numbers of the classes, and the labels of this lab are one-hot: compile it with "
            '"categorical_crossentropy".'
        )
    if '"fromlogits": true' in told:
        return "Its loss takes scores (from_logits=True), and the model gives probabilities: leave from_logits out."
    return ""


@once
def _first(student: Student) -> Design:
    return _design(student, "build_first")


@once
def _second(student: Student) -> Design:
    return _design(student, "build_second")


def _trainable(name: str, of: Callable[[Student], Design]) -> Callable[[Student, Rng], Problem | None]:
    what = f"build with {name} a compiled model of images {list(SHAPE)} that gives {CLASSES} probabilities"

    def question(student: Student, rng: Rng) -> Problem | None:
        try:
            problem = of(student).problem
        except StudentError as error:
            problem = str(error)
        return lost(what, problem) if problem else None

    return question


def _differ(student: Student, rng: Rng) -> Problem | None:
    what = f"build two designs that differ in at least {LEAST} of {', '.join(KINDS)}"
    try:
        one, other = _first(student), _second(student)
    except StudentError:
        return lost(what, "One of them is not there yet.")
    # A model that is not compiled has no optimizer that could differ.
    known = [kind for kind in KINDS if kind != "optimizer" or all(each.features[kind] for each in (one, other))]
    differing = [kind for kind in known if one.features[kind] != other.features[kind]]
    if len(differing) >= LEAST:
        return None
    seen = f"They differ in {differing[0]} alone." if differing else "They do not differ in any of these."
    told = "; ".join(f"{kind}: {_told(one.features[kind])} and {_told(other.features[kind])}" for kind in KINDS)
    missing = "" if len(known) == len(KINDS) else " Where a model is not compiled, there is no optimizer to compare."
    return lost(what, f"{seen} Found were {told}.{missing}")


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join("×".join(map(str, one)) if isinstance(one, tuple) else one for one in value) or "none"
    return str(value) or "none"


CHECK = Check(
    "designs",
    (
        Line("first", "build_first: a model that can be trained", 0.5, _trainable("build_first", _first)),
        Line("second", "build_second: a model that can be trained", 0.5, _trainable("build_second", _second)),
        Line("differ", f"They differ in at least two of: {', '.join(KINDS)}", 1.0, _differ),
    ),
)
