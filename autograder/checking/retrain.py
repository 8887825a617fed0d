"""Train a student's model anew, or take one that was handed in, and predict with it where no student's code has been.

What a student's side says about its own accuracy earns nothing. A model leaves that side as a configuration and
weights, is rebuilt from an allow-list of layers in a process that no student's code has touched, and predicts there
images whose labels never left this side. A file of weights is read in such a process too, and never in this one.
"""

from __future__ import annotations

import contextlib
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
#: Probabilities of half precision sum to 1 up to this.
_ROUNDED = 0.01
_BATCH = 2**19

_TRAIN = (
    model_config.CELL
    + """
course_taken = [[], [], [], []]
course_held = {}

def course_fresh(seed, shape):
    import keras
    keras.utils.set_random_seed(seed)
    model = build_model()
    if not all(hasattr(model, name) for name in ("to_json", "get_weights", "set_weights")):
        return None, type(model).__name__
    return course_built(model, shape), ""

def course_described(model):
    import json
    how = None
    if getattr(model, "compiled", False):
        try:
            how = model.get_compile_config() or {}
        except Exception:
            optimizer = model.optimizer
            decay = getattr(optimizer, "weight_decay", None)
            how = {"optimizer": {"class_name": type(optimizer).__name__, "config": {"weight_decay": decay}}}
    return [course_config(model), json.dumps(how, default=str)]

def course_build(seed, shape):
    model, other = course_fresh(seed, shape)
    return [other] if other else [*course_described(model), *model.get_weights()]

def course_take(number, part):
    course_taken[number].append(part)

def course_train(seed):
    import numpy as np
    x, y, x_valid, y_valid = (np.concatenate(parts) for parts in course_taken)
    model, other = course_fresh(seed, x.shape[1:])
    if other:
        return other
    course_held.update(model=model, before=[np.array(w) for w in model.get_weights()])
    return course_losses(train_model(model, x, y, x_valid, y_valid))

def course_losses(log):
    try:
        return [float(loss) for loss in list(getattr(log, "history", log)["loss"])]
    except Exception:
        return []

def course_trained():
    import numpy as np
    model, before = course_held["model"], course_held["before"]
    after = model.get_weights()
    changed = len(before) != len(after) or any(not np.array_equal(a, b) for a, b in zip(before, after))
    return [*course_described(model), changed, *after]
"""
)
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

def course_input():
    shape = getattr(model, "input_shape", None)
    return list(shape[1:]) if isinstance(shape, tuple) and all(type(n) is int for n in shape[1:]) else None

def course_predict(x, batch):
    return model.predict(x, batch_size=batch, verbose=0)

def course_change(name, images):
    import numpy as np
    (layer,) = [layer for layer in course_layers(model) if layer.name == name]
    low, high = getattr(layer, "value_range", None) or (-1.0, 1.0)
    # Inside a Pipeline a layer was never called.
    nodes = layer._inbound_nodes
    _, height, width, channels = nodes[0].input_tensors[0].shape if nodes else model.input_shape
    rows, columns = (np.linspace(0, 27, n or 28).round().astype(int) for n in (height, width))
    x = np.repeat(images[:, rows][:, :, columns], channels, axis=3)
    x = (low + (high - low) * x).astype("float32")
    changed = np.asarray(layer(x, training=True))
    return float(np.abs(changed - x).mean() / (high - low)) if changed.shape == x.shape else 1.0
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
    probabilities : bool
        Whether what it gives for one image must be probabilities: not negative, with the sum 1.
    build, train : str
        The student's functions: ``build_model()`` returns a compiled model, and ``train_model(model, x, y, x_valid,
        y_valid)`` trains it and returns the log.
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    output: str
    build: str = "build_model"
    train: str = "train_model"
    probabilities: bool = False


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
    model : Model
        With the weights that it begins with.
    compiled : str
        What ``model.get_compile_config()`` gave, as JSON; ``null`` where the model is not compiled.
    """

    model: Model
    compiled: str


@dataclass(frozen=True)
class Rebuilt:
    """What a model that was built does, found out where it was rebuilt.

    Attributes
    ----------
    input_shape : tuple of int or None
        Of the images that it takes: those of the lab, where it takes these; None where it takes no images of one size.
    outputs : tuple of numpy.ndarray
        What it gives for `BUILT_WITH` images of that shape, asked twice; empty where it takes none.
    changes : dict of str to float
        How much each augmenting layer changes images while the model is trained, as a part of the range of their
        values, by the layer's name.
    """

    input_shape: tuple[int, ...] | None
    outputs: tuple[np.ndarray, ...]
    changes: dict[str, float]


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
    failed : str
        How the training stopped, in a sentence; empty where it came to its end. The model may be trained all the same.
    """

    model: Model
    losses: list[Any] = field(default_factory=list)
    changed: bool = False
    failed: str = ""


def build(student: Student, spec: ModelSpec, seconds: float = 60.0) -> Built:
    """Let a student's code build its model.

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
    answer = _asked(student, spec, seconds, None, lambda side: side.call("course_build", 1, list(spec.input_shape)))
    if isinstance(answer, (list, tuple)) and len(answer) == 1 and isinstance(answer[0], str):
        raise _no_model(spec, answer[0])
    if not isinstance(answer, (list, tuple)) or (read := _described(answer, 2)) is None:
        raise StudentError(f"{spec.build} sent something that is no model.")
    return Built(Model(answer[0], read, "The model"), answer[1])


def rebuild(student: Student, spec: ModelSpec, model: Model, seconds: float = 60.0) -> Rebuilt:
    """Find out what a model that was built does, far from any student's code.

    Its kernels are moved by a little noise of this side: a model whose last layer begins with zeros gives the same for
    every image, and is none the worse for it.

    Parameters
    ----------
    student : Student
        Whose model it is. Its code has no part in this.
    spec : ModelSpec
    model : Model
    seconds : float
        Of wall time, for each step.

    Returns
    -------
    Rebuilt

    Raises
    ------
    StudentError
        If the model cannot be rebuilt.
    """
    rng = np.random.default_rng(0)
    moved = [_moved(weights, rng) for weights in model.weights]
    with _rebuilt(student, Model(model.config, moved, model.name), None, seconds) as side:
        shape: tuple[int, ...] | None = spec.input_shape
        outputs = _outputs(side, _images(rng, spec.input_shape))
        if not outputs:
            own = side.call("course_input")
            shape = tuple(own) if isinstance(own, list) and 0 < math.prod(own) <= _BATCH else None
            outputs = _outputs(side, _images(rng, shape)) if shape else ()
        patterns = _patterns(rng)
        changes = {}
        for layer in model_config.layers(model.config):
            name = layer["config"].get("name")
            if layer["class_name"] in model_config.AUGMENTING and isinstance(name, str):
                # One that cannot change such images, or of other than four dimensions, changes nothing.
                with contextlib.suppress(StudentError):
                    change = side.call("course_change", name, patterns)
                    changes[name] = change if type(change) is float else 0.0
    return Rebuilt(shape, outputs, changes)


def _moved(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if weights.ndim < 2 or weights.dtype.kind != "f":
        return weights
    return weights + (0.3 / math.sqrt(math.prod(weights.shape[:-1])) * rng.normal(size=weights.shape)).astype(
        weights.dtype
    )


def _outputs(side: Fresh, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return what a rebuilt model gives for the same images twice; nothing where it does not take them."""
    try:
        answers = [compare.array(side.call("course_predict", x, BUILT_WITH)) for _ in range(2)]
    except StudentError:
        if not side.alive:
            raise
        return ()
    return tuple(answer for answer in answers if answer is not None)


def _images(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return images of noise from -1 to 1, from dark ones to bright ones."""
    brightness = np.linspace(-0.8, 0.8, BUILT_WITH).reshape(-1, *(1 for _ in shape))
    return (brightness + 0.2 * rng.uniform(-1, 1, (BUILT_WITH, *shape))).astype("float32")


def _patterns(rng: np.random.Generator) -> np.ndarray:
    """Return smooth images [N, 28, 28, 1] from 0 to 1 that no turn, move or flip leaves as they are."""
    y, x = np.mgrid[:28, :28] / 27
    phases = rng.uniform(0, 2 * np.pi, (3, 32, 1, 1))
    waves = np.sin(7 * x + phases[0]) + np.sin(5 * y + phases[1]) + np.sin(4 * x + 6 * y + phases[2])
    return (0.5 + waves / 6)[..., None].astype("float32")


def train(
    student: Student,
    spec: ModelSpec,
    data: Sequence[np.ndarray],
    seed: int = 1,
    cpu: int = CPU_SECONDS,
    given: str = "",
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
    given : str
        A cell of the course, which has the function ``spec.build`` in place of the student's.

    Returns
    -------
    Training

    Raises
    ------
    StudentError
        If there is no model, or its training ended the process or took too long. One that stops with an error leaves
        the model as far as it came: see `Training.failed`.
    """
    stopped: list[StudentError] = []

    def asked(side: Fresh) -> Any:
        for number, values in enumerate(data):
            for part in _parts(values, values.nbytes / max(len(values), 1)):
                side.call("course_take", number, part)
        losses: Any = []
        try:
            losses = side.call("course_train", seed)
        except StudentError as error:
            if not side.alive:
                raise
            stopped.append(error)
        if isinstance(losses, str):
            raise _no_model(spec, losses)
        try:
            return losses, side.call("course_trained")
        except StudentError as error:
            raise (*stopped, error)[0] from None

    losses, answer = _asked(student, spec, WALL * cpu, cpu, asked, given)
    if (
        not isinstance(answer, (list, tuple))
        or not isinstance(losses, (list, tuple))
        or (read := _described(answer, 3)) is None
    ):
        raise StudentError(f"{spec.train} sent something that is no trained model.")
    failed = _in_words(str(stopped[0]), spec) if stopped else ""
    return Training(Model(answer[0], read), list(losses), answer[2] is True, failed)


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
    batch = max(1, min(256, _BATCH // math.prod(spec.input_shape)))
    found = []
    with _rebuilt(student, model, cpu, WALL * cpu if seconds is None else seconds) as side:
        for part in _parts(x, max(x[:1].nbytes, 8 * math.prod(spec.output_shape))):
            answer = compare.array(side.call("course_predict", part, batch))
            if answer is None or answer.shape != (len(part), *spec.output_shape):
                raise _Refused(f"{model.name} does not give {spec.output} for each image.")
            if not np.all(np.isfinite(answer)):
                raise _Refused(f"{model.name} gives numbers that are not finite: its training diverged.")
            if spec.probabilities and (problem := _no_probabilities(answer)):
                raise _Refused(f"{model.name} does not give {spec.output}: {problem}. End it with softmax.")
            found.append(answer)
    return np.concatenate(found)


def _no_probabilities(values: np.ndarray) -> str:
    """Say why the rows of an array are no probabilities; nothing where they are."""
    least, sums = values.min(), values.sum(axis=-1)
    if least < -_ROUNDED:
        return f"one of its numbers is {least:.2f}"
    worst = sums.flat[np.argmax(np.abs(sums - 1))]
    return f"those of one image sum to {worst:.3g}" if abs(worst - 1) > _ROUNDED else ""


@contextlib.contextmanager
def _rebuilt(student: Student, model: Model, cpu: int | None, seconds: float) -> Iterator[Fresh]:
    """Lend a side that holds a rebuilt model and nothing of the student's."""
    try:
        config = model_config.rebuildable(model.config)
    except ConfigError as error:
        raise StudentError(f"The model {error}" if model.name == Model.name else f"{model.name} {error}") from None
    with student.fresh(_PREDICT, cpu=cpu, seconds=seconds, alone=True) as side:
        try:
            side.call("course_rebuild", config, *model.weights)
            yield side
        except _Refused:
            raise
        except StudentError as error:
            raise _not_rebuilt(model.name, error) from None


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


def _asked(
    student: Student,
    spec: ModelSpec,
    seconds: float,
    cpu: int | None,
    question: Callable[[Fresh], Any],
    given: str = "",
) -> Any:
    """Return what a student's side answers to the course's cell, its errors in the words of the lab."""
    source = given + _TRAIN.replace("build_model", spec.build).replace("train_model", spec.train)
    try:
        with student.fresh(source, cpu=cpu, seconds=seconds, code_only=True) as side:
            return question(side)
    except StudentError as error:
        raise StudentError(_in_words(str(error), spec)) from None


def _in_words(text: str, spec: ModelSpec) -> str:
    """Return an error without the course's own functions, which are not the student's business."""
    ours = {"course_build": spec.build, "course_take": spec.train, "course_trained": spec.train}
    for name, theirs in (ours | {"course_train": spec.train}).items():
        text = text.replace(name, theirs)
    for name in (spec.build, spec.train):
        text = text.replace(f"{name} calls {name}, which is", f"{name} is").replace(
            f"{spec.train} calls {spec.build}, which is", f"{spec.build} is"
        )
        if text.startswith(f"{name} stopped"):
            text = text.replace(f"(in {name}, line", "(line")
        if f"name '{name}' is not defined" in text:
            return f"There is no function {name} yet."
    if "FileNotFoundError" in text:
        text += " Where a model is trained for grading there is no data set, and beside the notebook only .py files."
    return text


def _no_model(spec: ModelSpec, kind: str) -> StudentError:
    return StudentError(f"{spec.build} returned {kind[:60]} where a Keras model is expected.")


def _described(answer: Sequence[Any], before: int) -> list[np.ndarray] | None:
    """Return the weights that follow a configuration and so many other values, or None where something is amiss."""
    if len(answer) < before or not all(isinstance(text, str) for text in answer[:2]):
        return None
    return _weights(answer[before:])


def _not_rebuilt(name: str, error: StudentError) -> StudentError:
    text = str(error)
    for ours in ("course_rebuild", "course_predict", "course_read", "course_input"):
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
