"""What a Keras model is, told from its configuration: which layers it has, and how it is regularized."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from source_lib.text import shorten

MAX_CONFIG = 2**20
#: Layers of Keras that a model may have which is rebuilt for grading. None of them holds code.
ALLOWED = frozenset(
    """
    Activation ActivityRegularization Add AlphaDropout Average AveragePooling2D BatchNormalization CenterCrop
    Concatenate Conv2D Conv2DTranspose Cropping2D Dense DepthwiseConv2D Dropout ELU Flatten GaussianDropout
    GaussianNoise GlobalAveragePooling2D GlobalMaxPooling2D GroupNormalization InputLayer LayerNormalization LeakyReLU
    MaxPooling2D Maximum Minimum Multiply Normalization PReLU Permute RandomBrightness RandomColorDegeneration
    RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur
    RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation
    RandomSharpness RandomShear RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing
    SeparableConv2D Softmax SpatialDropout2D SpectralNormalization Subtract UnitNormalization UpSampling2D
    ZeroPadding2D
    """.split()  # noqa: SIM905
)
_MODELS = frozenset(("Sequential", "Functional", "Model"))
#: Where what a layer is set up with comes from: initializers and the like, and a layer that another one wraps.
_SETTINGS = frozenset(f"keras.{part}" for part in ("activations", "constraints", "initializers", "regularizers"))
_AUGMENTING = frozenset(name for name in ALLOWED if name.startswith("Random"))
_DROPOUT = frozenset(("Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise"))
_NORMALIZING = frozenset(("BatchNormalization", "GroupNormalization", "LayerNormalization"))


class ConfigError(ValueError):
    """A configuration that cannot be judged. The text completes "The model …"."""


def layers(config: str) -> list[dict[str, Any]]:
    """Return the configuration of each layer of a model, those of models inside it in their place.

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
    if len(config) > MAX_CONFIG:
        raise ConfigError("has a configuration that is too large to be read.")
    try:
        found = list(_walk(json.loads(config), 0))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError("has a configuration that cannot be read.") from None
    return found


def _walk(node: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    if depth > 10:
        raise ConfigError("has models in models without end.")
    name, module = str(node["class_name"]), str(node.get("module", ""))
    if node.get("registered_name") not in (None, name) or module.partition(".")[0] not in ("keras", ""):
        raise ConfigError(
            f"has {shorten(name, 60)}, which is no layer of Keras; a model of Keras' own layers is needed."
        )
    if name in _MODELS:
        for layer in node["config"]["layers"]:
            yield from _walk(layer, depth + 1)
    elif name in ALLOWED:
        if not isinstance(node.get("config"), dict):
            raise ConfigError("has a configuration that cannot be read.")
        _plain(node["config"])
        yield node
    else:
        raise ConfigError(f"has a layer {shorten(name, 60)}, which is not rebuilt for grading; use another one.")


def _plain(value: Any) -> None:
    """Make sure that nothing inside a layer is more than settings of Keras' own: an initializer, a regularizer."""
    if isinstance(value, dict):
        if "class_name" in value:
            # Keras takes any function of its own packages by its name, those that read files and load models too.
            name, module = value["class_name"], value.get("module")
            own = value.get("registered_name") in (None, name)
            known = (
                (module in _SETTINGS and name != "function")
                or (module == "keras.layers" and name in ALLOWED)
                or (module in ("keras", "keras.dtype_policies") and name == "DTypePolicy")
                or (module is None and name in ("__tuple__", "__numpy__", "__tensor__"))
            )
            if not (own and known):
                raise ConfigError("has a function or a class of its own inside a layer; Keras' own are needed.")
        activation = value.get("activation")
        if isinstance(activation, dict) and "class_name" not in activation:
            raise ConfigError("has a function of its own as activation; name one of Keras' own.")
        for part in value.values():
            _plain(part)
    elif isinstance(value, list):
        for part in value:
            _plain(part)


def rebuildable(config: str) -> str:
    """Return a configuration that Keras makes the same model of, where it cannot read what it wrote itself.

    Parameters
    ----------
    config : str
        What ``model.to_json()`` gave. It is not trusted.

    Raises
    ------
    ConfigError
        As `layers` raises.
    """
    layers(config)
    document = json.loads(config)
    for layer in _walk(document, 0):
        # Keras 3.15 writes the range of a shear with a negative end and refuses to read that. It is for training alone.
        if layer["class_name"] == "RandomShear":
            layer["config"] |= {"x_factor": 0.0, "y_factor": 0.0}
    return json.dumps(document)


def regularization(config: str, compiled: str) -> dict[str, str]:
    """Return by what a model is regularized: for each kind, the first layer or setting that shows it.

    Parameters
    ----------
    config : str
        What ``model.to_json()`` gave.
    compiled : str
        What ``model.get_compile_config()`` gave, as JSON.

    Returns
    -------
    dict of str to str
        Of the kinds ``"dropout"``, ``"weight decay"``, ``"batch normalization"`` and ``"augmentation"`` those that have
        an effect: a dropout of nothing and a weight decay of 0 are none.

    Raises
    ------
    ConfigError
        As `layers` raises.
    """
    found: dict[str, str] = {}
    for layer in layers(config):
        name, settings = layer["class_name"], layer["config"]
        if name in _DROPOUT and _positive(settings.get("rate", settings.get("stddev"))):
            found.setdefault("dropout", name)
        if name in _NORMALIZING:
            found.setdefault("batch normalization", name)
        if name in _AUGMENTING and _augments(settings):
            found.setdefault("augmentation", name)
        if any(_decays(value) for key, value in settings.items() if key.endswith("_regularizer")):
            found.setdefault("weight decay", f"{name} with a regularizer")
    try:
        optimizer = json.loads(compiled).get("optimizer") or {}
        if _positive(optimizer.get("config", {}).get("weight_decay")):
            found.setdefault("weight decay", f"{shorten(str(optimizer.get('class_name')), 60)} with weight_decay")
    except (ValueError, AttributeError, TypeError, RecursionError):
        pass
    return found


def _positive(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < float("inf")


def _decays(regularizer: Any) -> bool:
    settings = regularizer.get("config") if isinstance(regularizer, dict) else None
    return isinstance(settings, dict) and any(_positive(settings.get(key)) for key in ("l1", "l2", "factor"))


def _augments(settings: dict[str, Any]) -> bool:
    """Return whether an augmenting layer changes anything: a rotation by 0 does not."""
    sizes = [value for key, value in settings.items() if key.endswith(("factor", "value_range")) or key == "mode"]
    flat = [number for size in sizes for number in (size if isinstance(size, list) else [size])]
    return not flat or any(number not in (0, 0.0, None) for number in flat)
