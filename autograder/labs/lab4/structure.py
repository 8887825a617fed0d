"""What a student's functions build, read from the configuration of the model as a plan."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.checking import error_texts, model_config
from autograder.checking.model_config import ConfigError
from autograder.checking.student import Student, StudentError
from autograder.labs.lab4 import plan

#: A cell of the course: it builds the models that are asked for, and describes each.
CELL = (
    model_config.CELL
    + """
def course_models(function, questions):
    return [course_described(globals()[function](*positional, **dict(named))) for positional, named in questions]

def course_described(model):
    if not hasattr(model, "to_json"):
        return "no model: " + type(model).__name__
    return course_config(course_built(model, (28, 28, 1)))
"""
)
#: What building all models of one line may take on the clock.
SECONDS = 60.0
#: Layers that act in training alone, or not at all, have no row where they do nothing.
_DROPOUT = {"Dropout": plan.DROPOUT_NUMBERS, "SpatialDropout2D": plan.DROPOUT_MAPS}


def built(student: Student, function: str, questions: Sequence[tuple[tuple, Mapping[str, Any]]]) -> list[np.ndarray]:
    """Return the plans of the models that a student's function builds.

    Parameters
    ----------
    student : Student
    function : str
    questions : sequence of (tuple, mapping)
        Positional and named arguments of each.

    Returns
    -------
    list of numpy.ndarray

    Raises
    ------
    StudentError
        If there is no model, or one that is not of Keras' own layers. The text is for the student.
    """
    sent = [[list(positional), [list(item) for item in named.items()]] for positional, named in questions]
    try:
        with student.fresh(CELL, seconds=SECONDS, code_only=True) as side:
            answer = side.call("course_models", function, sent)
    except StudentError as error:
        raise StudentError(error_texts.without_ours(str(error), function)) from None
    if not isinstance(answer, (list, tuple)) or len(answer) != len(sent):
        raise StudentError(f"{function} sent something that is no model.")
    return [read(function, one) for one in answer]


def read(function: str, config: Any) -> np.ndarray:
    """Return the plan of a model from what ``model.to_json()`` gave.

    Parameters
    ----------
    function : str
        Whose model it is, for the text of errors.
    config : object
        It is not trusted.

    Raises
    ------
    StudentError
        If it is no model of Keras' own layers, one after the other.
    """
    if not isinstance(config, str) or config.startswith("no model: "):
        kind = config.removeprefix("no model: ")[:60] if isinstance(config, str) else "something"
        raise StudentError(f"{function} returned {kind} where a Keras model is expected.")
    try:
        # Refuses code, layers of somebody's own, and what is too large or too deep.
        model_config.fixed_inputs(config)
        document = json.loads(model_config.rebuildable(config))
        return plan.numbers(_rows(_chain(document)))
    except ConfigError as error:
        raise StudentError(f"The model {error}") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, ZeroDivisionError):
        raise StudentError(f"The model of {function} cannot be read: build it of Keras' usual layers.") from None


def _chain(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the layers of a model that is one chain, those of models inside it in their place."""
    settings = document["config"]
    layers = settings["layers"]
    if document["class_name"] != "Sequential":
        _make_sure_of_chain(layers, settings)
    for layer in layers:
        if layer["class_name"] in ("Sequential", "Functional", "Model"):
            yield from _chain(layer)
        else:
            yield layer


def _make_sure_of_chain(layers: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> None:
    """Make sure that each layer of a functional model takes what the one before it gives, once."""
    before = None
    for layer in layers:
        nodes = layer.get("inbound_nodes") or []
        sources = [_source(node) for node in nodes]
        if sources != ([] if before is None else [before]):
            raise ConfigError("has layers with several inputs or outputs; one after the other is asked for.")
        before = layer["config"]["name"] if "name" in layer["config"] else layer["name"]
    last = settings.get("output_layers") or []
    if str(before) not in json.dumps(last):
        raise ConfigError("gives something else than what its last layer gives.")


def _source(node: Any) -> str:
    tensors = list(_tensors(node))
    return tensors[0]["config"]["keras_history"][0] if len(tensors) == 1 else ""


def _tensors(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            yield node
        else:
            for part in node.values():
                yield from _tensors(part)
    elif isinstance(node, list):
        for part in node:
            yield from _tensors(part)


def _rows(layers: Iterator[Mapping[str, Any]]) -> plan.Rows:
    """Return the rows of layers that follow each other."""
    rows: plan.Rows = []
    shape: tuple[int, ...] = ()
    padded = 0
    for layer in layers:
        name, config = layer["class_name"], layer["config"]
        if name == "InputLayer":
            given = config.get("batch_shape") or config["batch_input_shape"]
            if shape:
                # That of a model inside another one.
                continue
            shape = tuple(int(n) for n in given[1:])
            rows.append((plan.INPUT, *shape[: plan.WIDTH - 1]))
            continue
        found, shape, padded = _row(name, config, shape, padded)
        rows += found
        activation = config.get("activation")
        if name not in ("Activation",) and activation is not None and _named(activation) != "linear":
            rows.append(plan.activation(_named(activation)))
    return rows


def _row(name: str, config: Mapping[str, Any], shape: tuple[int, ...], padded: int) -> tuple[plan.Rows, tuple, int]:
    """Return the rows of one layer, the shape after it, and the zeros around it that a convolution will take in."""
    if config.get("data_format") not in (None, "channels_last"):
        return [_other(name)], shape, padded
    if name == "ZeroPadding2D" and len(shape) == 3:
        margins = config["padding"]
        if margins in ([[1, 1], [1, 1]], [1, 1]) and not padded:
            return [], shape, 1
        return [_other(name)], shape, 0
    if padded and name != "Conv2D":
        return [_other("ZeroPadding2D"), _other(name)], shape, 0
    if name == "Conv2D" and len(shape) == 3:
        (rows, columns), strides = config["kernel_size"], list(config["strides"])
        plain = list(config.get("dilation_rate", [1, 1])) == [1, 1] and config.get("groups", 1) == 1
        same = config["padding"] == "same"
        if not plain or config["padding"] not in ("same", "valid") or rows != columns or (padded and same):
            return [_other(name)], shape, 0
        size = shape[0] + 2 * padded
        size = -(-size // strides[0]) if same else (size - rows) // strides[0] + 1
        filters = int(config["filters"])
        row = (plan.CONVOLUTION, filters, rows, columns, *strides, size, float(bool(config["use_bias"])))
        return [row], (size, size, filters), 0
    if name in ("MaxPooling2D", "AveragePooling2D") and len(shape) == 3:
        (rows, columns), strides = config["pool_size"], list(config.get("strides") or config["pool_size"])
        same = config["padding"] == "same"
        sizes = [
            -(-size // stride) if same else (size - extent) // stride + 1
            for size, extent, stride in zip(shape, (rows, columns), strides, strict=False)
        ]
        code = plan.MAX if name == "MaxPooling2D" else plan.AVERAGE
        return [(code, rows, columns, *strides, *sizes)], (*sizes, shape[2]), 0
    if name == "Flatten":
        return [(plan.FLATTEN,)], (int(np.prod(shape)),), 0
    if name == "Reshape":
        target = [int(n) for n in config["target_shape"]]
        if target in ([-1], [int(np.prod(shape))]):
            return [(plan.FLATTEN,)], (int(np.prod(shape)),), 0
        return [(plan.RESHAPE,)], tuple(target), 0
    if name == "MaxPooling1D":
        return [(plan.PAIRS, *config["pool_size"][:1])], shape, 0
    if name == "GlobalAveragePooling2D":
        return [(plan.GLOBAL,)], shape[-1:], 0
    if name == "Dense" and len(shape) == 1:
        return [(plan.DENSE, int(config["units"]), float(bool(config["use_bias"])))], (int(config["units"]),), 0
    if name == "BatchNormalization":
        axis = config.get("axis", -1)
        axis = axis[0] if isinstance(axis, list) else axis
        right = axis in (-1, len(shape)) and config.get("center", True) and config.get("scale", True)
        right = right and config.get("trainable", True) is not False
        return [(plan.NORMALIZATION,) if right else _other(name)], shape, 0
    if name in _DROPOUT:
        rate, noise = float(config["rate"]), config.get("noise_shape")
        if rate == 0:
            return [], shape, 0
        code = _DROPOUT[name]
        if name == "Dropout" and noise is not None and len(shape) == 3:
            code = plan.DROPOUT_MAPS if list(noise[1:3]) == [1, 1] and noise[3] in (None, shape[2]) else code
        return [(code, round(rate, 6))], shape, 0
    if name == "Activation":
        named = _named(config["activation"])
        return ([] if named == "linear" else [plan.activation(named)]), shape, 0
    if name == "ReLU":
        plain = config.get("max_value") is None and not config.get("negative_slope") and not config.get("threshold")
        return [plan.activation("relu") if plain else _other(name)], shape, 0
    if name == "Softmax":
        return [plan.activation("softmax") if config.get("axis", -1) in (-1, len(shape)) else _other(name)], shape, 0
    if name == "LeakyReLU":
        return [plan.activation("leaky_relu")], shape, 0
    if name == "Identity":
        return [], shape, 0
    if name.lower() in plan.ACTIVATIONS:
        # An operation that stands in a functional model like a layer, such as ``keras.ops.relu(x)``.
        return [plan.activation(name.lower())], shape, 0
    return [_other(name)], shape, 0


def _named(activation: Any) -> str:
    """Return the name of an activation from its configuration."""
    if isinstance(activation, dict):
        settings = activation.get("config")
        activation = settings if isinstance(settings, str) else activation.get("class_name")
    name = str(activation)
    return {"ReLU": "relu", "Softmax": "softmax"}.get(name, name)


def _other(name: str) -> tuple:
    return plan.OTHER, 1 + zlib.crc32(name.encode()) % 9000
