"""A trained model as the two files in which it is handed in: its configuration and its weights."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

CONFIG_FILE = "model.json"
WEIGHTS_FILE = "model.weights.h5"
#: The largest file of weights that grading reads, in bytes.
MAX_WEIGHTS = 128 * 2**20


def save_model(model: keras.Model, folder: str | os.PathLike = ".") -> Path:
    """Write a model to the files ``model.json`` and ``model.weights.h5``, to be handed in beside the notebook.

    What the optimizer keeps is left out: with Adam it is twice as large as the weights, and predictions do not need it.

    Parameters
    ----------
    model : keras.Model
        A sequential or functional model of Keras' own layers that knows the shape of its input.
    folder : str or path
        Where to; older files of these names are replaced once the new ones are complete.

    Returns
    -------
    pathlib.Path
        The file of weights.

    Raises
    ------
    ValueError
        If the folder does not exist, the model is none that can be written, or its weights are too large to be graded.

    Examples
    --------
    >>> import keras
    >>> model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    >>> save_model(model, "lab").name  # doctest: +SKIP
    'model.weights.h5'
    """
    import keras

    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder} to save the model in. Make it first.")
    if not isinstance(model, keras.Model):
        raise ValueError(f"save_model takes a Keras model; this is {type(model).__name__}.")
    if not model.built:
        raise ValueError(
            "The model has no weights yet, since it does not know the shape of its input. Begin it with keras.Input."
        )
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise ValueError(
            f"The model is of a class of its own, {type(model).__name__}, which cannot be rebuilt for grading. Build "
            "it with keras.Sequential or keras.Model(inputs, outputs)."
        )
    size = sum(weight.nbytes for weight in model.get_weights())
    if size > MAX_WEIGHTS:
        raise ValueError(
            f"The weights take {size / 2**20:.1f} MB; at most {MAX_WEIGHTS // 2**20} MB are graded. Make the model "
            "smaller."
        )
    with tempfile.TemporaryDirectory(dir=folder, prefix=".model-") as made:
        config, weights = Path(made) / CONFIG_FILE, Path(made) / WEIGHTS_FILE
        config.write_text(model.to_json(), encoding="utf-8")
        # The same layers, in a model that was never compiled and has no optimizer.
        keras.Model(model.inputs, model.outputs).save_weights(weights)
        os.replace(weights, folder / WEIGHTS_FILE)
        os.replace(config, folder / CONFIG_FILE)
    return folder / WEIGHTS_FILE
