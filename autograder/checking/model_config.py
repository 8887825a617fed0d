"""What a Keras model is, told from its configuration: which layers it has, and how it is regularized."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from source_lib.text import shorten

MAX_CONFIG = 2**20
#: For cells of the course that ask a student's model for its configuration, which is then all that is believed of it.
#: Without how it is compiled: a loss or a schedule of one's own may not be one that can be written down.
CELL = """
def course_built(model, shape):
    if getattr(model, "built", True) is False:
        model.build((None, *shape))
    return model

def course_config(model):
    compiled = bool(getattr(model, "compiled", False))
    if compiled:
        model.compiled = False
    try:
        return model.to_json()
    finally:
        if compiled:
            model.compiled = True
"""
#: Layers of Keras that hold code of whoever wrote the model, or read a file: no model that is rebuilt has one.
REFUSED = frozenset(
    "FlaxLayer IntegerLookup JaxLayer Lambda StringLookup TFSMLayer TextVectorization TorchModuleWrapper".split()  # noqa: SIM905
)
#: All others.
ALLOWED = frozenset(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention AugMix
    AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional
    CategoryEncoding CenterCrop Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D
    Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D Cropping3D CutMix
    Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Equalization Flatten GRU
    GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention HashedCrossing
    Hashing Identity InputLayer LSTM LSTMCell LayerNormalization LeakyReLU Masking MaxNumBoundingBoxes MaxPooling1D
    MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp MultiHeadAttention Multiply Normalization PReLU
    Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter
    RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale
    RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness
    RandomShear RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding
    STFTSpectrogram SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D
    SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells Subtract TimeDistributed UnitNormalization
    UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """.split()  # noqa: SIM905
)
_MODELS = frozenset(("Sequential", "Functional", "Model"))
#: Where operations come from that stand in a functional model like layers, such as ``keras.ops.softmax(x)``. Those of
#: Keras that take a function are elsewhere.
_OPERATIONS = frozenset(f"keras.src.ops.{part}" for part in ("image", "math", "nn", "numpy"))
#: Where what a layer is set up with comes from: initializers and the like, and a layer that another one wraps.
_SETTINGS = frozenset(f"keras.{part}" for part in ("activations", "constraints", "initializers", "regularizers"))
#: Values that are no objects of Keras.
_VALUES = frozenset(
    ("__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__", "__tuple__")
)
#: TensorFlow's names of functions that Keras has too, and Keras' names.
_SAME_FUNCTION = {"softmax_v2": "softmax", "log_softmax_v2": "log_softmax", "swish": "silu"}
#: Layers that change what a model is trained with. Whether one does is measured: see `regularization`.
AUGMENTING = frozenset(name for name in ALLOWED if name.startswith("Random")) | {"AugMix", "CutMix", "MixUp"}
AUGMENTING |= {"RandAugment"}
_DROPOUT = frozenset(
    "AlphaDropout Dropout GaussianDropout SpatialDropout1D SpatialDropout2D SpatialDropout3D".split()  # noqa: SIM905
)
_NORMALIZING = frozenset(("BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization"))
#: What regularizes nothing that anybody could measure: less dropout or noise, less weight decay, and images that
#: augmentation changes by less, as a part of the range of their values.
LEAST_DROPOUT, LEAST_DECAY, LEAST_CHANGE = 0.01, 1e-5, 1e-3


class ConfigError(ValueError):
    """A configuration that cannot be judged. The text completes "The model …"."""


def layers(config: str) -> list[dict[str, Any]]:
    """Return the configuration of each layer of a model, those of models and layers inside it in their place.

    Parameters
    ----------
    config : str
        What ``model.to_json()`` gave. It is not trusted.

    Returns
    -------
    list of dict
        With ``class_name``, ``config`` and whatever Keras adds.

    Raises
    ------
    ConfigError
        If it is no such thing, or has layers that are not rebuilt.
    """
    return _read(config)[1]


def fixed_inputs(config: str) -> None:
    """Make sure that a model takes images of one size.

    Parameters
    ----------
    config : str
        What ``model.to_json()`` gave. It is not trusted.

    Raises
    ------
    ConfigError
        If a side is left open, or as `layers` raises.
    """
    # A model inside it may leave open what the whole one fixes.
    for layer in _read(config)[0]["config"].get("layers", ()):
        shape = layer["config"].get("batch_shape") or layer["config"].get("batch_input_shape")
        if layer["class_name"] == "InputLayer" and isinstance(shape, list) and None in shape[1:]:
            raise ConfigError(
                f"takes images {shape[1:]}, of any size. Give keras.Input the whole shape: None leaves a side open."
            )


def rebuildable(config: str) -> str:
    """Return a configuration that Keras makes the same model of, where it cannot read what it wrote itself.

    How the model is trained is left out: predictions need none of it, and a loss, a metric or a learning rate of
    somebody's own is code.

    Parameters
    ----------
    config : str
        What ``model.to_json()`` gave. It is not trusted.

    Raises
    ------
    ConfigError
        As `layers` raises.
    """
    document, found = _read(config)
    for layer in found:
        # Keras 3.15 writes the range of a shear with a negative end and refuses to read that.
        if layer["class_name"] == "RandomShear":
            layer["config"] |= {key: _farthest(layer["config"].get(key)) for key in ("x_factor", "y_factor")}
    return json.dumps(document)


def _farthest(range: Any) -> float:
    ends = [abs(end) for end in (range if isinstance(range, list) else [range]) if type(end) in (int, float)]
    return min(max(ends, default=0.0), 1.0)


def _read(config: str) -> tuple[Any, list[dict[str, Any]]]:
    """Return a configuration without how the model is trained, and the layers in it."""
    if len(config) > MAX_CONFIG:
        raise ConfigError("has a configuration that is too large to be read.")
    try:
        document = _normalized(json.loads(config))
        found = list(_walk(document, 0))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError("has a configuration that cannot be read.") from None
    return document, found


def _normalized(value: Any) -> Any:
    """Return a value without how models are trained, and functions under Keras' own names."""
    if isinstance(value, list):
        return [_normalized(part) for part in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "function" and value.get("module") == "builtins":
        name = value.get("config")
        if isinstance(name, str) and name in _SAME_FUNCTION:
            return _SAME_FUNCTION[name]
    return {key: _normalized(part) for key, part in value.items() if key != "compile_config"}


def _walk(node: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    if depth > 10:
        raise ConfigError("has models in models without end.")
    name, module, settings = str(node["class_name"]), str(node.get("module", "")), node["config"]
    if node.get("registered_name") not in (None, name) or module.partition(".")[0] not in ("keras", ""):
        raise ConfigError(
            f"has {shorten(name, 60)}, which is no layer of Keras; a model of Keras' own layers is needed."
        )
    if not isinstance(settings, dict):
        raise ConfigError("has a configuration that cannot be read.")
    called = f"{shorten(name, 60)} {shorten(repr(settings.get('name')), 60)}"
    for part in (node.get("inbound_nodes"), node.get("build_config")):
        _plain(part, called)
    if name in _MODELS:
        for layer in settings["layers"]:
            yield from _walk(layer, depth + 1)
        _plain({key: value for key, value in settings.items() if key != "layers"}, called)
    elif name in ALLOWED or (module in _OPERATIONS and name.isidentifier()):
        _plain(settings, called)
        yield node
        for layer in _wrapped(settings):
            yield from _walk(layer, depth + 1)
    else:
        raise ConfigError(f"has a layer {called}, which is not rebuilt for grading; use another one.")


def _wrapped(settings: Any) -> Iterator[dict[str, Any]]:
    """Yield the layers that a layer holds."""
    for part in settings.values() if isinstance(settings, dict) else settings if isinstance(settings, list) else ():
        if isinstance(part, dict) and (part.get("module") == "keras.layers" or part.get("class_name") in _MODELS):
            yield part
        elif isinstance(part, (dict, list)):
            yield from _wrapped(part)


def _plain(value: Any, layer: str) -> None:
    """Make sure that nothing inside a layer is more than settings of Keras' own: an initializer, a regularizer."""
    if isinstance(value, dict):
        if "class_name" in value:
            # Keras takes any function of its own packages by its name, those that read files and load models too.
            name, module = value["class_name"], value.get("module")
            own = value.get("registered_name") in (None, name)
            known = (
                (module in _SETTINGS and name != "function")
                or (module == "keras.layers" and name in ALLOWED)
                or (str(module).partition(".")[0] == "keras" and name in _MODELS)
                or (module in ("keras", "keras.dtype_policies") and name == "DTypePolicy")
                or (module is None and name in _VALUES)
            )
            if not (own and known):
                raise ConfigError(f"has {_named(value)} inside its layer {layer}, and only Keras' own can be rebuilt.")
        activation = value.get("activation")
        if isinstance(activation, dict) and "class_name" not in activation:
            raise ConfigError(f"has a function of its own as activation of its layer {layer}; name one of Keras' own.")
        for part in value.values():
            _plain(part, layer)
    elif isinstance(value, list):
        for part in value:
            _plain(part, layer)


def _named(value: dict[str, Any]) -> str:
    """Return what a part of a configuration is, in words."""
    name, function = str(value["class_name"]), value.get("config")
    if name == "__lambda__":
        return "a lambda function"
    if name == "function" and isinstance(function, str):
        return f"the function {shorten(function, 60)}"
    return f"the class {shorten(name, 60)}"


def regularization(config: str, compiled: str, changes: Mapping[str, float]) -> dict[str, str]:
    """Return by what a model is regularized: for each kind, the first layer or setting that shows it.

    Parameters
    ----------
    config : str
        What ``model.to_json()`` gave.
    compiled : str
        What ``model.get_compile_config()`` gave, as JSON.
    changes : mapping of str to float
        How much each augmenting layer changes images while a model is trained, as a part of the range of their values,
        by the layer's name: a rotation by 0 changes nothing.

    Returns
    -------
    dict of str to str
        Of the kinds ``"dropout"``, ``"weight decay"``, ``"batch normalization"`` and ``"augmentation"`` those that have
        an effect: at least `LEAST_DROPOUT`, `LEAST_DECAY` and `LEAST_CHANGE`.

    Raises
    ------
    ConfigError
        As `layers` raises.
    """
    found: dict[str, str] = {}
    for layer in layers(config):
        name, settings = layer["class_name"], layer["config"]
        rates = [settings.get(key) for key in ("dropout", "recurrent_dropout")]
        rates += [settings.get("rate")] if name in _DROPOUT else []
        rates += [settings.get("stddev")] if name == "GaussianNoise" else []
        if any(_reaches(rate, LEAST_DROPOUT) for rate in rates):
            found.setdefault("dropout", name)
        if name in _NORMALIZING and settings.get("trainable") is not False:
            found.setdefault("batch normalization", name)
        if name in AUGMENTING and _reaches(changes.get(settings.get("name")), LEAST_CHANGE):
            found.setdefault("augmentation", name)
        if any(_decays(value) for key, value in settings.items() if key.endswith("_regularizer")):
            found.setdefault("weight decay", f"{name} with a regularizer")
    try:
        optimizer = json.loads(compiled).get("optimizer") or {}
        if _reaches(optimizer.get("config", {}).get("weight_decay"), LEAST_DECAY):
            found.setdefault("weight decay", f"{shorten(str(optimizer.get('class_name')), 60)} with weight_decay")
    except (ValueError, AttributeError, TypeError, RecursionError):
        pass
    return found


def _reaches(value: Any, least: float) -> bool:
    return type(value) in (int, float) and least <= value < float("inf")


def _decays(regularizer: Any) -> bool:
    settings = regularizer.get("config") if isinstance(regularizer, dict) else None
    return isinstance(settings, dict) and any(_reaches(settings.get(k), LEAST_DECAY) for k in ("l1", "l2", "factor"))
