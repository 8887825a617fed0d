"""What the models reach that are handed in: on images of the course, rebuilt where no student's code has been.

A student's own network comes with all its layers. Of transfer come the head and the layers that were fine-tuned: the
course puts its own backbone beneath, and the rest must be that backbone's rest and one dense layer.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checking import compare, model_config, network_numbers, retrain
from autograder.checking.built_networks import namespace_of
from autograder.checking.metrics import accuracy
from autograder.checking.model_config import ConfigError
from autograder.checking.problem import Problem, lost
from autograder.checking.retrain import Model, ModelSpec
from autograder.checking.rubric import Check, Line
from autograder.checking.student import FLAGS, Student, StudentError, once
from autograder.labs.lab5 import measuring
from autograder.labs.lab5.images import BANDS, CLASSES, SHAPE, SMALL, SOURCES
from autograder.labs.lab5.networks import MOST_PARAMETERS
from source_lib.pretrained.parts import BACKBONE_FILE

Rng = np.random.Generator
FOLDER = "transfer"
_SPEC = ModelSpec(SHAPE, (CLASSES,), f"{CLASSES} probabilities", probabilities=True)
#: Processor time for predictions, and wall time, in seconds.
_CPU, _SECONDS = 300, 300.0
#: Images that go through the backbone at once, and the largest that it is given.
_BATCH, MOST_SIDE = 25, 128
#: The largest description of a backbone, in bytes.
_MOST_TEXT = 10_000
#: A model that knows test images so much better than training images, or those as they were so much better than their
#: mirror images, has perhaps looked them up. Networks of the course differ by less than half of that.
_SUSPECT = 0.15

_PREDICT = (
    namespace_of("course_measuring", network_numbers, measuring)
    + """
def course_stem(source, side, layer, classes):
    import keras
    from source_lib.pretrained import WeightsError, load_backbone
    from source_lib.pretrained.parts import split_model
    global stem, tail, backbone, course_reads
    from source_lib.pretrained.backbone import Backbone
    try:
        backbone = load_backbone(side, source, verbose=False)
    except WeightsError as error:
        return ["missing", str(error)]
    except ValueError as error:
        return ["wrong", str(error)]
    h = keras.layers.GlobalAveragePooling2D()(backbone.model.output)
    whole = keras.Model(backbone.model.inputs, keras.layers.Dense(classes, activation="softmax")(h))
    if layer not in [one.name for one in backbone.model.layers]:
        return ["wrong", f"{backbone.name} has no layer of the name in its file"]
    try:
        stem, tail = split_model(whole, layer)
    except ValueError as error:
        return ["wrong", str(error)]
    if not stem.weights:
        return ["wrong", "all of the backbone was handed in, and what is looked for is its rest behind a layer"]
    return ["there", ""]

def course_tail(config, *weights):
    import keras
    import numpy as np
    global tail
    model = keras.models.model_from_json(config)
    model.set_weights(list(weights))
    if len(model.inputs) != 1 or tuple(model.input_shape[1:]) != tuple(tail.input_shape[1:]):
        return f"it takes {list(model.input_shape[1:])}, and that layer gives {list(tail.input_shape[1:])}"
    if model.count_params() != tail.count_params():
        return (f"it has {model.count_params():,} parameters, and the backbone's rest with one dense layer has "
                f"{tail.count_params():,}")
    maps = np.maximum(course_measuring["probe"](tail.input_shape[1:], 3), 0)
    kept = model.get_weights()
    course_measuring["fill"](model), course_measuring["fill"](tail)
    same = np.allclose(model(maps, training=False), tail(maps, training=False), rtol=1e-3, atol=1e-4)
    if not same:
        return "with the same weights it gives something else than the backbone's rest with one dense layer"
    model.set_weights(kept)
    tail = model
    return ""

def course_transferred(x):
    import keras
    import numpy as np
    side = backbone.side
    images = keras.ops.image.resize((np.asarray(x, "float32") + 1) * 127.5, (side, side))
    maps = stem((images - backbone.offset) / backbone.scale, training=False)
    return np.asarray(tail(maps, training=False))
"""
)


@dataclass(frozen=True)
class _Reached:
    """What a model reaches, from 0 to 1: on test images, on these as they were and mirrored, and on training images."""

    test: float
    plain: float
    mirrored: float
    known: float


def _reached(student: Student, predicted: Callable[[np.ndarray], np.ndarray], what: str) -> _Reached:
    drawn = student.material
    test, known = predicted(drawn["x_test"]), predicted(drawn["x_known"])
    right, mirrored = drawn["y_test"], drawn["mirrored"]
    found = _Reached(
        accuracy(test, right),
        accuracy(test[~mirrored], right[~mirrored]),
        accuracy(test[mirrored], right[mirrored]),
        accuracy(known, drawn["y_known"]),
    )
    flags = student.notes.setdefault(FLAGS, [])
    if found.test > found.known + _SUSPECT:
        flags.append(
            f"{what} is right for {100 * found.test:.0f} % of the test images and for {100 * found.known:.0f} % of the "
            "training images: were test images looked up?"
        )
    if found.plain > found.mirrored + _SUSPECT:
        flags.append(
            f"{what} is right for {100 * found.plain:.0f} % of the test images as they are and for "
            f"{100 * found.mirrored:.0f} % of others that are mirrored: were they looked up?"
        )
    return found


@once
def _own_model(student: Student) -> Model:
    """Return the student's own network, if it is one that is graded."""
    model = retrain.handed_in(student, cpu=_CPU)
    parameters = sum(one.size for one in model.weights)
    if parameters > MOST_PARAMETERS:
        raise StudentError(
            f"The model has {parameters:,} parameters; at most {MOST_PARAMETERS:,} are allowed, as of both designs."
        )
    return model


def _own_form(student: Student) -> str | None:
    """Look at the files of the own network, for whoever checks a notebook: whether it can be rebuilt and answers."""
    x = np.random.default_rng(0).uniform(-1, 1, (5, *SHAPE)).astype("float32")
    retrain.predict(student, _SPEC, _own_model(student), x, cpu=_CPU, seconds=_SECONDS)
    return None


@once
def _own(student: Student) -> _Reached:
    model = _own_model(student)
    limits = {"cpu": _CPU, "seconds": _SECONDS}
    return _reached(student, lambda x: retrain.predict(student, _SPEC, model, x, **limits), "The own network")


@contextlib.contextmanager
def _standing(student: Student) -> Iterator[tuple[str, Any]]:
    """Put the model that was handed in on a backbone of the course; yield that one's name, and the side that has both.

    Raises
    ------
    StudentError
        If there is no such model, or it is not the rest of that backbone with a new head.
    """
    source, side, layer, name = _described(student)
    model = retrain.handed_in(student, FOLDER, cpu=_CPU)
    if sum(one.size for one in model.weights) > MOST_PARAMETERS:
        raise StudentError(f"The model in {FOLDER} has more than {MOST_PARAMETERS:,} parameters.")
    try:
        config = model_config.rebuildable(model.config)
    except ConfigError as error:
        raise StudentError(f"The model in {FOLDER} {error}") from None
    with student.fresh(_PREDICT, cpu=_CPU, seconds=_SECONDS, alone=True) as side_of_course:
        kind, problem = side_of_course.call("course_stem", source, side, layer, CLASSES)
        if kind == "missing":
            note = f"The model in {FOLDER} stands on {name}, which is not on this machine: it cannot be graded here."
            student.notes.setdefault(FLAGS, []).append(note)
            raise StudentError(f"It stands on {name}, which whoever grades does not have. Ask your instructor.")
        if kind != "there":
            raise StudentError(f"{FOLDER}/{BACKBONE_FILE} does not fit: {problem[:300]}.")
        _fit(side_of_course, model, config)
        yield name, side_of_course


def _transfer_form(student: Student) -> str | None:
    """Look at the files of transfer, for whoever checks a notebook: whether they stand on their backbone and answer."""
    x = np.random.default_rng(0).uniform(-1, 1, (5, *SHAPE)).astype("float32")
    with _standing(student) as (_, side):
        _predicted(side, x)
    return None


@once
def _transfer(student: Student) -> tuple[str, _Reached]:
    """Return on which backbone a model stands, and what it reaches."""
    with _standing(student) as (name, side):
        return name, _reached(student, lambda x: _predicted(side, x), "The model that transfers")


def _fit(side: Any, model: Model, config: str) -> None:
    try:
        problem = side.call("course_tail", config, *model.weights)
    except StudentError as error:
        raise StudentError(
            f"{model.name} cannot be rebuilt for grading: {str(error).replace('course_tail', 'it')}"
        ) from None
    if problem:
        raise StudentError(
            f"{model.name} is not the rest of the backbone with a new head: {str(problem)[:300]}. Save it with "
            "save_tail."
        )


def _predicted(side: Any, x: np.ndarray) -> np.ndarray:
    parts = []
    for start in range(0, len(x), _BATCH):
        answer = compare.array(side.call("course_transferred", x[start : start + _BATCH]))
        if answer is None or answer.shape != (len(x[start : start + _BATCH]), CLASSES):
            raise StudentError(f"The model in {FOLDER} does not give {CLASSES} probabilities for each image.")
        if not np.all(np.isfinite(answer)):
            raise StudentError(f"The model in {FOLDER} gives numbers that are not finite: its training diverged.")
        parts.append(answer)
    return np.concatenate(parts)


def _described(student: Student) -> tuple[str, int, str, str]:
    """Return what the file says about the backbone: its source, the side of its images, the layer, and its name."""
    name = f"{FOLDER}/{BACKBONE_FILE}"
    content = student.files.get(name)
    if content is None:
        raise StudentError(f"There is no file {name} beside the notebook; save_tail writes it with the model.")
    try:
        told = json.loads(content[: _MOST_TEXT + 1].decode("utf-8")) if len(content) <= _MOST_TEXT else None
        backbone, side, layer = told["backbone"], told["side"], told["layer"]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise StudentError(f"The file {name} cannot be understood. Save the model with save_tail.") from None
    if backbone not in SOURCES or not isinstance(layer, str) or type(side) is not int or not 1 <= side <= MOST_SIDE:
        raise StudentError(
            f"The file {name} names no backbone of the course, or images of more than {MOST_SIDE} pixels. The "
            f"backbones are {', '.join(SOURCES)}."
        )
    return SOURCES[backbone], side, layer, backbone


def _percent(part: float) -> str:
    return f"{100 * part:g} %"


def _reaches(band: int) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        least = student.material.get("own", BANDS[student.material["kind"]].own)[band]
        what = f"be right for at least {_percent(least)} of the test images with the network that you built yourself"
        try:
            found = _own(student).test
        except StudentError as error:
            return lost(what, str(error))
        if found >= least - 1e-9:
            return None
        return lost(what, f"It is right for {100 * found:.1f} % of {student.material['data']}.{_like_what(found)}")

    return question


def _like_what(found: float) -> str:
    if found < 0.15:
        return (
            " That is guessing. Does the saved model have the weights of the trained one, and are its images from -1 "
            "to 1, as DataGenerator gives them?"
        )
    return " Train longer, augment, or choose the other design, by the validation images."


def _transfers(key: str) -> Callable[[Student, Rng], Problem | None]:
    what = {
        "frozen": "be right more often with transfer than a linear classifier on the frozen backbone",
        "own": "be right more often with transfer than with the network that you built yourself",
        "most": "be right for as many test images with transfer as the top band asks for",
    }[key]

    def question(student: Student, rng: Rng) -> Problem | None:
        try:
            name, found = _transfer(student)
            least = _own(student).test if key == "own" else _band(student, key, name)
        except StudentError as error:
            return lost(what, str(error))
        # The small network of the course was trained on drawn shapes: it need not beat what was trained on photographs.
        if key == "own" and name == SMALL:
            least -= SMALL_MARGIN
        if found.test > least or (key == "most" and found.test >= least - 1e-9):
            return None
        than = {"frozen": "that classifier", "own": "your own network", "most": "the top band"}[key]
        return lost(
            what,
            f"On {name} it is right for {100 * found.test:.1f} % of the test images, and {than} for {_one(least)}.",
        )

    return question


#: So much less may transfer reach on the small network than the student's own network does.
SMALL_MARGIN = 0.3


def _one(part: float) -> str:
    return f"{100 * part:.1f} %"


def _band(student: Student, key: str, name: str) -> float:
    given = student.material.get(key)
    return given if given is not None else getattr(BANDS[student.material["kind"]], key)[name]


_LATER = (
    "grading asks the network in your files about images that were drawn for it, and their labels are not here. Your "
    "own validation images tell you what to expect."
)


def _title(band: int) -> str:
    parts = [f"{_percent(BANDS[kind].own[band])} {of}" for kind, of in _OF.items()]
    return f"Test images: {', '.join(parts)}"


_OF = {"part": "with 12,000 training images", "all": "with 45,000", "sample": "of the sample"}

ACCURACY = Check(
    "accuracy",
    tuple(
        Line(key, _title(band), points, _reaches(band), later=_LATER)
        for band, (key, points) in enumerate((("least", 2.0), ("more", 2.0), ("most", 1.0)))
    ),
    form=_own_form,
)
TRANSFER = Check(
    "transfer",
    (
        Line("frozen", "Better than a linear classifier on frozen features", 1.0, _transfers("frozen"), later=_LATER),
        Line("own", "Better than your own network", 1.0, _transfers("own"), later=_LATER),
        Line("most", "The top band: see the page of the lab", 1.0, _transfers("most"), later=_LATER),
    ),
    form=_transfer_form,
)
