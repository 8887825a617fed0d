"""How functions of models are asked: the course's cell makes the same models beside the student's code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import error_texts, model_config, network_numbers
from autograder.checking.built_networks import namespace_of
from autograder.checking.hints import Asked
from autograder.checking.rubric import Line
from autograder.checking.student import Answer, Answers, Student, StudentError
from autograder.labs.lab5 import measuring, recipes

#: What all answers of one line may take on the clock.
SECONDS = 90.0


_ANSWERS = (
    namespace_of("course_recipes", recipes)
    + """
def course_answers(function, questions, whole):
    models = {}
    return [course_answer(function, one, whole, models) for one in questions]

def course_answer(function, arguments, whole, models):
    import numpy as np
    recipe, seed, layer, image, *rest = arguments
    # A model that was left changed, or where it stopped, is not asked about again.
    model, probe, before = models.pop((recipe, seed), (None, None, None))
    if model is None:
        model, probe = course_recipes["build"](recipe, seed), np.array(image, dtype="float32")[None]
        before = np.asarray(model(probe, training=False))
    kept = np.array(image)
    try:
        value = globals()[function](model, layer, image, *rest)
    except Exception as error:
        if whole:
            raise
        return ["stopped", str(error)[:300], []]
    changed = [] if np.array_equal(before, np.asarray(model(probe, training=False))) else [0]
    if not changed:
        models[recipe, seed] = model, probe, before
    changed += [] if kept.shape == np.shape(image) and np.array_equal(kept, image) else [3]
    try:
        numbers = np.asarray(value)
        if numbers.dtype.kind in "biuf":
            return ["answered", numbers, changed]
    except Exception:
        pass
    return ["answered", type(value).__name__, changed]
"""
)
BUILD = (
    model_config.CELL
    + namespace_of("course_recipes", recipes)
    + """
def course_models(function, questions):
    return [course_sent(function, one) for one in questions]

def course_sent(function, arguments):
    if function == "build_transfer":
        import keras
        recipe, seed, unfreeze, classes = arguments
        whole = course_recipes["build"](recipe, seed)
        backbone = keras.Model(whole.inputs, whole.get_layer("gap1").input)
        build = globals()[function]
        # As the lab does: another training has used the same backbone before, and left a part of it frozen.
        try:
            build(backbone, None if unfreeze else backbone.layers[len(backbone.layers) // 2].name, classes)
        except Exception:
            # Whatever stops there is asked for itself.
            pass
        try:
            model = build(backbone, unfreeze or None, classes)
        except Exception as error:
            fresh = course_recipes["build"](recipe, seed)
            build(keras.Model(fresh.inputs, fresh.get_layer("gap1").input), unfreeze or None, classes)
            problem = type(error).__name__ + ": " + str(error)[:200]
            return ["no second model", "called again with the same backbone, it stopped with " + problem]
    else:
        model = globals()[function](*(tuple(one) for one in arguments))
    if not all(hasattr(model, name) for name in ("to_json", "get_weights")):
        return ["no model", type(model).__name__]
    return ["model", course_config(course_built(model, (32, 32, 3))), *model.get_weights()]
"""
)
MEASURE = (
    namespace_of("course_recipes", recipes)
    + namespace_of("course_measuring", network_numbers, measuring)
    + """
def course_measured(function, arguments, config, *weights):
    import keras
    model = keras.models.model_from_json(config)
    if function == "build_baseline":
        return course_measuring["chain"](model, (4, 4, 128))
    if function == "build_wide_and_deep":
        return course_measuring["branches"](model)
    recipe, seed = arguments[:2]
    whole = course_recipes["build"](recipe, seed)
    backbone = keras.Model(whole.inputs, whole.get_layer("gap1").input)
    return course_measuring["on_backbone"](model, weights, backbone)
"""
)


class ModelStudent:
    """A student whose functions are asked about models: a recipe and a seed cross, and the model is made there.

    Parameters
    ----------
    student : Student
    """

    def __init__(self, student: Student) -> None:
        self._student = student
        self.oracle, self.notes = student.oracle, student.notes
        self.material, self.owner = student.material, student.owner
        self.fresh, self.read = student.fresh, student.read

    @property
    def alive(self) -> bool:
        return self._student.alive

    @property
    def files(self) -> Any:
        return self._student.files

    def ask(self, function: str, *args: Any) -> Answer:
        (answer,) = self._ask(function, [args], whole=True)
        if isinstance(answer, StudentError):
            raise answer
        return answer

    def call(self, function: str, *args: Any) -> Any:
        return self.ask(function, *args).value

    def ask_all(self, function: str, questions: Sequence[tuple]) -> Answers:
        return Answers(self._ask(function, list(questions), whole=False))

    def _ask(self, function: str, questions: Sequence[tuple], whole: bool) -> list[Answer | StudentError]:
        recording = hasattr(self._student, "answers")
        if recording:
            self._student.last = function, questions[0]
        try:
            with self._student.fresh(_ANSWERS, seconds=SECONDS, code_only=True) as side:
                sent = side.call("course_answers", function, [list(one) for one in questions], whole)
        except StudentError as error:
            told = error_texts.without_ours(str(error), function)
            if recording:
                self._student.answers.append(Asked(function, questions[0], raised=True))
                self._student.errors[told] = function, questions[0]
            raise StudentError(told) from None
        if not isinstance(sent, (list, tuple)) or len(sent) != len(questions):
            raise StudentError(f"{function} sent something that is no answer.")
        found = [_read(function, one) for one in sent]
        if recording:
            pairs = zip(questions, found, strict=True)
            self._student.answers += [
                Asked(
                    function,
                    question,
                    None if isinstance(one, StudentError) else one.value,
                    isinstance(one, StudentError),
                )
                for question, one in pairs
            ]
        return found


def _read(function: str, sent: Any) -> Answer | StudentError:
    if not isinstance(sent, (list, tuple)) or len(sent) != 3 or sent[0] not in ("answered", "stopped"):
        return StudentError(f"{function} sent something that is no answer.")
    kind, value, changed = sent
    if kind == "stopped":
        return StudentError(f"{function} stopped: {str(value)[:300]}")
    positions = [one for one in changed if one in (0, 3)] if isinstance(changed, (list, tuple)) else []
    return Answer(None if isinstance(value, str) else value, 0.0, tuple(positions))


def about_models(line: Line) -> Line:
    """Return a line whose question is asked about models."""
    return replace(line, question=lambda student, rng: line.question(ModelStudent(student), rng), smaller=())


Question = Callable[[Student, np.random.Generator], Any]
