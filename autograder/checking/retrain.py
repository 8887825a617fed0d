"""Train a student's model anew, or take one that was handed in, and predict with it where no student's code has been.

What a student's side says about its own accuracy earns nothing. A model leaves that side as a configuration and
weights, is rebuilt from an allow-list of layers in a process that no student's code has touched, and predicts there
images whose labels never left this side. A file of weights is read in such a process too, and never in this one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.checking import compare, model_config
from autograder.checking.model_config import ConfigError
from autograder.checking.student import MAX_BYTES, Fresh, Student, StudentError
from source_lib.saved_model import CONFIG_FILE, WEIGHTS_FILE

#: What one training may use: processor time of its process, in seconds, on all cores together.
CPU_SECONDS = 480
#: Images of noise that a model is built with.
BUILT_WITH = 5
#: It may wait for its turn so much longer.
WALL = 4
#: Of images, labels and predictions so many bytes go at once; of pixels in a batch, so many numbers.
_PART = 2**25
_BATCH = 2**19

_TRAIN = """
course_taken = [[], [], [], []]

def course_described(model):
    import json
    compiled = model.get_compile_config() if getattr(model, "compiled", False) else None
    return [model.to_json(), json.dumps(compiled, default=str)]

def course_build(seed, x):
    import keras
    keras.utils.set_random_seed(seed)
    model = build_model()
    if not hasattr(model, "to_json"):
        return [type(model).__name__]
    return [*course_described(model), model.predict(x, verbose=0), model.predict(x, verbose=0)]

def course_take(number, part):
    course_taken[number].append(part)

def course_train(seed):
    import json
    import keras
    import numpy as np
    x, y, x_valid, y_valid = (np.concatenate(parts) for parts in course_taken)
    keras.utils.set_random_seed(seed)
    model = build_model()
    before = [np.array(w) for w in model.get_weights()]
    log = train_model(model, x, y, x_valid, y_valid)
    after = model.get_weights()
    history = getattr(log, "history", log)
    losses = [float(loss) for loss in history["loss"]] if isinstance(history, dict) and "loss" in history else []
    changed = any(not np.array_equal(a, b) for a, b in zip(before, after))
    return [*course_described(model), losses, changed, *after]
"""
_PREDICT = """
def course_layers(model):
    for layer in model.layers:
        yield from course_layers(layer) if hasattr(layer, "layers") else [layer]

def course_rebuild(config, *weights):
    import keras
    global model
    model = keras.models.model_from_json(config)
    model.set_weights(list(weights))
    for layer in course_layers(model):
        # A layer that normalizes computes with what it made of its weights before.
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()

def course_predict(x, batch):
    return model.predict(x, batch_size=batch, verbose=0)
"""
#: Keras' own reader of such a file wants a path, which may be larger than a job's folder, and tells of what does not
#: fit in a page of text. Its format is kept: "layers/<class>_<number>/vars/<number>", models in models likewise.
_READ = '''
def course_layers(model, path, seen):
    """Yield each layer of a model with where its variables are in a file of weights."""
    import re
    counts = {}
    for layer in model.layers:
        name = re.sub("(.)([A-Z][a-z]+)", r"\\1_\\2", type(layer).__name__)
        name = re.sub("([a-z])([A-Z])", r"\\1_\\2", name).lower()
        counts[name] = number = counts.get(name, -1) + 1
        place = f"{path}layers/{name}_{number}" if number else f"{path}layers/{name}"
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if hasattr(layer, "layers"):
            yield from course_layers(layer, place + "/", seen)
        else:
            yield layer, place
            if hasattr(layer, "layer"):
                yield layer.layer, place + "/layer"

def course_read(config, content):
    import io
    import h5py
    import keras
    model = keras.models.model_from_json(config)
    if not model.built:
        return "the model does not know the shape of its images; begin it with keras.Input"
    try:
        file = h5py.File(io.BytesIO(content.tobytes()), "r")
    except Exception:
        return "the file is cut off, or is no HDF5 file"
    try:
        known = set()
        for layer, place in course_layers(model, "", set()):
            known.add("/".join(place.split("/")[:2]))
            wanted, found, read = {}, file.get(place + "/vars", {}), {}
            layer.save_own_variables(wanted)
            for key, value in wanted.items():
                if key not in found:
                    return f"the layer {layer.name[:60]!r} has no weights there"
                if found[key].shape != tuple(value.shape):
                    return (
                        f"the layer {layer.name[:60]!r} needs weights of the shape {list(value.shape)}, and there they "
                        f"have {str(list(found[key].shape))[:60]}"
                    )
                if found[key].dtype.kind not in "fiu":
                    return f"the weights of the layer {layer.name[:60]!r} are no numbers"
                read[key] = found[key][()]
            if len(found) > len(wanted):
                return f"the layer {layer.name[:60]!r} has more weights there than in the model"
            if wanted:
                layer.load_own_variables(read)
        for name in file.get("layers", {}):
            if f"layers/{name}" not in known and len(file[f"layers/{name}"].get("vars", ())):
                return f"it holds weights of a layer {name[:60]!r}, which the model does not have"
    except Exception as error:
        return f"it cannot be read ({type(error).__name__})"
    return model.get_weights()
'''


@dataclass(frozen=True)
class ModelSpec:
    """What a lab asks of a model.

    Attributes
    ----------
    input_shape : tuple of int
        Of one image: [H, W, C].
    output_shape : tuple of int
        Of what the model gives for one image: [K] for classes, [1] for a number, [H, W, 1] for a mask.
    output : str
        The same in words, such as "10 probabilities".
    build, train : str
        The student's functions: ``build_model()`` returns a compiled model, and ``train_model(model, x, y, x_valid,
        y_valid)`` trains it and returns the log.
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    output: str
    build: str = "build_model"
    train: str = "train_model"


@dataclass(frozen=True)
class Model:
    """A model as it leaves a student's side.

    Attributes
    ----------
    config : str
        What ``model.to_json()`` gave. It is not trusted.
    weights : list of numpy.ndarray
        As ``model.get_weights()`` gives them.
    name : str
        What messages call it.
    """

    config: str
    weights: list[np.ndarray]
    name: str = "The trained model"


@dataclass(frozen=True)
class Built:
    """A model that was built and not trained.

    Attributes
    ----------
    config : str
        What ``model.to_json()`` gave. It is not trusted.
    compiled : str
        What ``model.get_compile_config()`` gave, as JSON; ``null`` where the model is not compiled.
    outputs : tuple of object
        What the model gave for the same images, asked twice. Whatever the student's side sent.
    """

    config: str
    compiled: str
    outputs: tuple[Any, Any]


@dataclass(frozen=True)
class Training:
    """What one training gave.

    Attributes
    ----------
    model : Model
        The trained model.
    losses : list
        One loss per epoch, as the student's side says; empty where it returned no log.
    changed : bool
        Whether the model has other weights than before, as the student's side says.
    """

    model: Model
    losses: list[Any] = field(default_factory=list)
    changed: bool = False


def build(student: Student, spec: ModelSpec, seconds: float = 60.0) -> Built:
    """Let a student's code build its model and predict `BUILT_WITH` images of noise, twice.

    Parameters
    ----------
    student : Student
    spec : ModelSpec
    seconds : float
        Of wall time, for all of it.

    Returns
    -------
    Built

    Raises
    ------
    StudentError
        If there is no model.
    """
    x = np.random.default_rng(0).uniform(-1, 1, (BUILT_WITH, *spec.input_shape)).astype("float32")
    answer = _asked(student, spec, seconds, None, lambda side: side.call("course_build", 1, x))
    if not isinstance(answer, (list, tuple)) or len(answer) != 4 or not all(isinstance(a, str) for a in answer[:2]):
        kind = answer[0] if isinstance(answer, (list, tuple)) and answer and isinstance(answer[0], str) else "nothing"
        raise StudentError(f"{spec.build} returned {kind[:60]} where a Keras model is expected.")
    return Built(answer[0], answer[1], (answer[2], answer[3]))


def train(
    student: Student, spec: ModelSpec, data: Sequence[np.ndarray], seed: int = 1, cpu: int = CPU_SECONDS
) -> Training:
    """Let a student's code build a model and train it on images of this side.

    Parameters
    ----------
    student : Student
    spec : ModelSpec
    data : sequence of numpy.ndarray
        What ``train_model`` takes after the model: images [N, H, W, C], what is right for each, and the same for
        validation. It has no limit but the memory of the job.
    seed : int
        Of Keras' random numbers.
    cpu : int
        Processor time in seconds.

    Returns
    -------
    Training

    Raises
    ------
    StudentError
        If there is no trained model.
    """

    def asked(side: Fresh) -> Any:
        for number, values in enumerate(data):
            for part in _parts(values, values.nbytes / max(len(values), 1)):
                side.call("course_take", number, part)
        return side.call("course_train", seed)

    answer = _asked(student, spec, WALL * cpu, cpu, asked)
    if (
        not isinstance(answer, (list, tuple))
        or len(answer) < 4
        or not all(isinstance(text, str) for text in answer[:2])
        or not isinstance(answer[2], (list, tuple))
        or (weights := _weights(answer[4:])) is None
    ):
        raise StudentError(f"{spec.train} sent something that is no trained model.")
    return Training(Model(answer[0], weights), list(answer[2]), answer[3] is True)


def handed_in(student: Student, folder: str = "", cpu: int = CPU_SECONDS) -> Model:
    """Return a model that was handed in as the two files that `source_lib.saved_model.save_model` writes.

    Parameters
    ----------
    student : Student
    folder : str
        The folder in which they lie, relative to the notebook; beside it by default.
    cpu : int
        Processor time in seconds, to read them.

    Returns
    -------
    Model

    Raises
    ------
    StudentError
        If a file is missing, too large or cut off, the model has a layer that is not allowed, or the weights do not fit
        it. The text says which, in a sentence.
    """
    prefix = f"{folder}/" if folder else ""
    config_file, weights_file = prefix + CONFIG_FILE, prefix + WEIGHTS_FILE
    name = f"The model in {config_file}"
    content, weights = _file(student, config_file), _file(student, weights_file)
    if len(weights) > MAX_BYTES:
        raise StudentError(
            f"The file {weights_file} has {len(weights) / 2**20:.1f} MB; at most {MAX_BYTES // 2**20} MB of weights "
            "are read."
        )
    try:
        config = model_config.rebuildable(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise StudentError(f"{name} has a configuration that cannot be read.") from None
    except ConfigError as error:
        raise StudentError(f"{name} {error}") from None
    with student.fresh(_READ, cpu=cpu, seconds=WALL * cpu, alone=True) as side:
        try:
            answer = side.call("course_read", config, np.frombuffer(weights, dtype=np.uint8))
        except StudentError as error:
            raise _not_rebuilt(name, error) from None
    if isinstance(answer, str):
        raise StudentError(f"The weights in {weights_file} cannot be used: {answer[:300]}.")
    if not isinstance(answer, (list, tuple)) or (read := _weights(answer)) is None:
        raise StudentError(f"The weights in {weights_file} cannot be used.")
    return Model(config, read, name)


def predict(
    student: Student,
    spec: ModelSpec,
    model: Model,
    x: np.ndarray,
    cpu: int = CPU_SECONDS,
    seconds: float | None = None,
) -> np.ndarray:
    """Return what a model predicts that is rebuilt from its configuration and weights, far from any student's code.

    Parameters
    ----------
    student : Student
        Whose model it is. Its code has no part in this.
    spec : ModelSpec
    model : Model
    x : numpy.ndarray, shape [N, H, W, C]
        Images. They have no limit: they go in parts.
    cpu : int
        Processor time in seconds.
    seconds : float, optional
        Of wall time, for each part; by default `WALL` times the processor time.

    Returns
    -------
    numpy.ndarray of float64, shape [N, ...]
        Finite numbers of ``spec.output_shape`` for each image.

    Raises
    ------
    StudentError
        If the model cannot be rebuilt, or gives something else.
    """
    try:
        config = model_config.rebuildable(model.config)
    except ConfigError as error:
        raise StudentError(f"The model {error}" if model.name == Model.name else f"{model.name} {error}") from None
    batch = max(1, min(256, _BATCH // math.prod(spec.input_shape)))
    found = []
    with student.fresh(_PREDICT, cpu=cpu, seconds=WALL * cpu if seconds is None else seconds, alone=True) as side:
        try:
            side.call("course_rebuild", config, *model.weights)
            for part in _parts(x, max(x[:1].nbytes, 8 * math.prod(spec.output_shape))):
                answer = compare.array(side.call("course_predict", part, batch))
                if answer is None or answer.shape != (len(part), *spec.output_shape):
                    raise _Refused(f"{model.name} does not give {spec.output} for each image.")
                if not np.all(np.isfinite(answer)):
                    raise _Refused(f"{model.name} gives numbers that are not finite: its training diverged.")
                found.append(answer)
        except _Refused:
            raise
        except StudentError as error:
            raise _not_rebuilt(model.name, error) from None
    return np.concatenate(found)


def verified(
    student: Student,
    spec: ModelSpec,
    model: Model,
    x: np.ndarray,
    right: np.ndarray,
    metric: Callable[[np.ndarray, np.ndarray], float],
    **limits: Any,
) -> float:
    """Return the score of a model on images whose labels the sandbox does not have.

    Parameters
    ----------
    student : Student
        Whose model it is.
    spec : ModelSpec
    model : Model
    x : numpy.ndarray, shape [N, H, W, C]
        Images.
    right : numpy.ndarray
        What is right for each: it stays on this side.
    metric : callable
        Takes predictions and what is right, such as those of `autograder.checking.metrics`.
    **limits
        ``cpu`` and ``seconds``, as `predict` takes them.

    Returns
    -------
    float

    Raises
    ------
    StudentError
        As `predict` raises.
    """
    return metric(predict(student, spec, model, x, **limits), right)


class _Refused(StudentError):
    """A rebuilt model gives what it should not."""


def _asked(student: Student, spec: ModelSpec, seconds: float, cpu: int | None, question: Callable[[Fresh], Any]) -> Any:
    """Return what a student's side answers to the course's cell, its errors in the words of the lab."""
    source = _TRAIN.replace("build_model", spec.build).replace("train_model", spec.train)
    try:
        with student.fresh(source, cpu=cpu, seconds=seconds) as side:
            return question(side)
    except StudentError as error:
        raise StudentError(_in_words(str(error), spec)) from None


def _in_words(text: str, spec: ModelSpec) -> str:
    """Return an error without the course's own functions, which are not the student's business."""
    for ours, theirs in (("course_build", spec.build), ("course_train", spec.train), ("course_take", spec.train)):
        text = text.replace(ours, theirs)
    for name in (spec.build, spec.train):
        text = text.replace(f"{name} calls {name}, which is", f"{name} is").replace(
            f"{spec.train} calls {spec.build}, which is", f"{spec.build} is"
        )
        if f"name '{name}' is not defined" in text:
            return f"There is no function {name} yet."
    return text


def _not_rebuilt(name: str, error: StudentError) -> StudentError:
    text = str(error)
    for ours in ("course_rebuild", "course_predict", "course_read"):
        text = text.replace(ours, "it")
    return StudentError(f"{name} cannot be rebuilt for grading: {text}")


def _file(student: Student, name: str) -> bytes:
    content = student.files.get(name)
    if content is None:
        missing = f"There is no file {name} beside the notebook; save_model writes it, and it is handed in with it."
        raise StudentError(next((note for note in student.left_out if f" {name}" in note), missing))
    return content


def _weights(sent: Sequence[Any]) -> list[np.ndarray] | None:
    """Return weights as arrays, or None where they are none. One without a shape crosses as a number."""
    if not all(isinstance(one, np.ndarray) or type(one) in (int, float) for one in sent):
        return None
    return [np.asarray(one) for one in sent]


def _parts(values: np.ndarray, each: float) -> Iterator[np.ndarray]:
    """Yield an array in parts that cross at once, where a row takes ``each`` bytes; an empty one as one part."""
    rows = max(1, int(_PART // max(each, 1)))
    for start in range(0, max(len(values), 1), rows):
        yield values[start : start + rows]
