"""Tools around a Keras model: its weights as plain arrays, its evaluation, its training curves, its predictions."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from source_lib.predictions import write_csv

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from source_lib.cnn import CNN
    from source_lib.data import DataGenerator


def get_weights(model: keras.Model) -> tuple[list[np.ndarray], list[np.ndarray], list[str]]:
    """Return the weights, the biases and the kinds of a model's layers.

    The three lists have one entry per layer, in the order of the model. A model inside the model, such as a block of
    augmentation layers, counts as its layers.

    Parameters
    ----------
    model : keras.Model
        A model that knows the shape of its input.

    Returns
    -------
    W : list of numpy.ndarray
        Weights: [R, S, C_I, C_O] for a convolution, [out, in] for a dense layer (the transpose of what Keras keeps),
        the scale [C] for batch normalization, and an empty float array where a layer has none.
    b : list of numpy.ndarray
        Biases: [C_O] for a convolution, [out, 1] for a dense layer, the offset [C] for batch normalization, and an
        empty float array where a layer has none.
    lname : list of str
        Keras' name of each layer's class in lower case: ``'conv2d'``, ``'maxpooling2d'``, ``'flatten'``, ``'dense'``,
        ``'dropout'``, ``'batchnormalization'``, ``'randomflip'``, ``'inputlayer'`` and so on.

    Raises
    ------
    ValueError
        If the model has not been built, or a layer trains weights that are neither weights nor biases of this kind.

    Notes
    -----
    The sizes of all arrays add up to the number of trainable parameters, as long as no layer is frozen. The moving
    mean and variance of batch normalization are not trained and not returned.

    Examples
    --------
    >>> import keras
    >>> model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(8, 3), keras.layers.Flatten(),
    ...                           keras.layers.Dense(10)])
    >>> W, b, lname = get_weights(model)
    >>> lname
    ['conv2d', 'flatten', 'dense']
    >>> [w.shape for w in W], [v.shape for v in b]
    ([(3, 3, 1, 8), (0,), (10, 5408)], [(8,), (0,), (10, 1)])
    """
    W, b, lname = [], [], []
    for layer in _layers(model):
        weights, bias = _layer_weights(layer)
        W.append(weights)
        b.append(bias)
        lname.append(_kind(layer))
    return W, b, lname


def get_activations(model: keras.Model) -> list[str]:
    """Return the name of each layer's activation, aligned with the lists of `get_weights`.

    Parameters
    ----------
    model : keras.Model
        Any model.

    Returns
    -------
    list of str
        Such as ``'relu'`` or ``'softmax'``; ``'linear'`` for a layer that has none.

    Examples
    --------
    >>> import keras
    >>> model = keras.Sequential([keras.layers.Conv2D(8, 3, activation="relu"), keras.layers.Flatten()])
    >>> get_activations(model)
    ['relu', 'linear']
    """
    return [getattr(getattr(layer, "activation", None), "__name__", "linear") for layer in _layers(model)]


def layer_table(model: keras.Model, cnn: CNN, x: np.ndarray) -> pd.DataFrame:
    """Compare what every layer gives for one image: Keras' model and the network of one's own functions.

    Parameters
    ----------
    model : keras.Model
        The model whose weights `cnn` was set up with. Its layers form one chain.
    cnn : CNN
        The network of one's own functions.
    x : numpy.ndarray, shape [D_y, D_x, C]
        One image.

    Returns
    -------
    pandas.DataFrame
        One row per layer with the columns ``layer`` (Keras' name of it), ``kind``, ``shape`` (of Keras' output),
        ``keras`` and ``own`` (the sum of the absolute values of the output), and ``difference`` (the largest
        absolute difference of two values at the same place).

    Raises
    ------
    ValueError
        If `x` is not one image, or `cnn` was not set up with the layers of `model`.
    source_lib.cnn.LayerError
        If a layer function is missing or returned an array of the wrong shape.
    """
    import pandas as pd

    x = np.asarray(x, dtype=np.float32)
    if x.ndim != 3:
        raise ValueError(f"x is one image of shape [D_y, D_x, C], such as x_test[0]; this one has shape {x.shape}.")
    kinds = [_kind(layer) for layer in _layers(model)]
    if cnn.lname != kinds:
        raise ValueError(f"The CNN was set up with the layers {cnn.lname}, but the model has {kinds}.")
    rows = []
    for (layer, expected), own in zip(_layer_outputs(model, x), cnn.layer_outputs(x), strict=True):
        rows.append(
            {
                "layer": layer.name,
                "kind": _kind(layer),
                "shape": expected.shape,
                "keras": float(np.abs(expected, dtype=np.float64).sum()),
                "own": float(np.abs(own, dtype=np.float64).sum()),
                "difference": float(np.abs(expected - own).max()),
            }
        )
    return pd.DataFrame(rows)


def evaluate(model: keras.Model, dataset: DataGenerator, final: bool = False) -> tuple[float, float, float, float]:
    """Print and return how well a model does on the training images and on images that it did not train on.

    Parameters
    ----------
    model : keras.Model
        A model compiled with a cross-entropy and ``metrics=["accuracy"]``.
    dataset : DataGenerator
        Where the images come from.
    final : bool
        False while a model is being chosen: uses the validation images. True once, at the end: uses the test images.

    Returns
    -------
    train_loss, train_accuracy, loss, accuracy : float
        Mean loss per image and accuracy in percent on the training images, then on the validation or the test
        images. Penalties of a regularizer are part of the loss, as in Keras.

    Raises
    ------
    ValueError
        If the model was not compiled with an accuracy, there are no validation images, or the labels of the test images
        are kept back.
    """
    part = "test" if final else "valid"
    if final and dataset.y_test is None:
        raise ValueError(
            f"Whoever grades keeps the labels of the test images of {dataset.dataset}. Write your predictions with "
            "pred_test(model, dataset, name)."
        )
    if not final and len(dataset.x_valid) == 0:
        raise ValueError(
            "There are no validation images. Set some aside with generate(..., N_valid=1000), "
            "or use evaluate(model, dataset, final=True) for the test images."
        )
    results: list[float] = []
    for name, x, y, y_oh in (
        ("Training", dataset.x_train, dataset.y_train, dataset.y_train_oh),
        (
            "Test" if final else "Validation",
            getattr(dataset, f"x_{part}"),
            getattr(dataset, f"y_{part}"),
            getattr(dataset, f"y_{part}_oh"),
        ),
    ):
        loss, accuracy = _loss_and_accuracy(model, x, y, y_oh)
        print(f"{name + ':':12s} loss {loss:.4f}, accuracy {accuracy:.2f} %")
        results += [loss, accuracy]
    return tuple(results)


def plot_training(log: keras.callbacks.History | dict[str, list[float]]) -> None:
    """Draw loss and accuracy over the epochs of a training, on a new figure.

    Parameters
    ----------
    log : keras.callbacks.History or dict
        What ``model.fit`` returned, or its ``history``: lists of one value per epoch. The keys ``loss`` and
        ``accuracy`` are drawn, and ``val_loss`` and ``val_accuracy`` where they are there.

    Raises
    ------
    ValueError
        If there is no loss in it.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    history = getattr(log, "history", log)
    if not history.get("loss"):
        raise ValueError("There is no loss to draw. Give plot_training what model.fit returned.")
    accuracy = next((key for key in history if key.endswith(("accuracy", "acc")) and not key.startswith("val_")), None)
    panels = [("Loss", "loss", 1)] + ([("Accuracy [%]", accuracy, 100)] if accuracy else [])
    _, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 3.2), squeeze=False, layout="constrained")
    for ax, (label, key, scale) in zip(axes.flat, panels, strict=True):
        for name, curve, style in (("training", key, "o-"), ("validation", f"val_{key}", "s--")):
            if curve in history:
                values = scale * np.asarray(history[curve])
                ax.plot(np.arange(1, len(values) + 1), values, style, markersize=3, label=name)
        ax.set_xlabel("Epoch")
        ax.set_ylabel(label)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
        ax.legend()


def pred_test(
    model: keras.Model,
    dataset: DataGenerator,
    name: str | os.PathLike,
    probabilities: bool = False,
    part: str = "test",
) -> Path:
    """Write what a model predicts for the test images to a CSV file.

    The file has the header ``id,class`` and one line per test image: its index in ``x_test`` and the class, 0 to K - 1.

    Parameters
    ----------
    model : keras.Model
        Its output is [N, K] with one value per class, or [N, 1] with the probability of class 1.
    dataset : DataGenerator
        Where the test images come from.
    name : str or path
        Name of the file; ``.csv`` is added where it is missing. An older file of that name is replaced, once the new
        one is complete.
    probabilities : bool
        Write ``id,probability``: the probability of class 1, of a model that tells two classes apart.
    part : {"test", "valid"}
        Predict the validation images instead, with ``"valid"``.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ValueError
        If the folder does not exist, the output has another shape or is not finite, or probabilities are requested of a
        model that does not give any.
    """
    if part not in ("test", "valid"):
        raise ValueError(f"There is no part {part!r} to predict: choose 'test' or 'valid'.")
    path = Path(name)
    path = path if path.suffix == ".csv" else path.with_name(path.name + ".csv")
    if not path.parent.is_dir():
        raise ValueError(f"There is no folder {path.parent} to write {path.name} to. Make it first.")
    output = np.asarray(model.predict(getattr(dataset, f"x_{part}"), verbose=0))
    if output.ndim != 2:
        raise ValueError(f"The model's output has shape {output.shape}; one row of class values per image is needed.")
    if not np.isfinite(output).all():
        raise ValueError("The model's output is not finite, so it predicts nothing. Look at its training loss.")
    values = _of_class_1(output) if probabilities else _classes(output)
    return write_csv(path, "probability" if probabilities else "class", values)


def _classes(output: np.ndarray) -> np.ndarray:
    return (output[:, 0] > 0.5).astype(int) if output.shape[1] == 1 else output.argmax(axis=1)


def _of_class_1(output: np.ndarray) -> np.ndarray:
    if output.shape[1] > 2:
        raise ValueError(
            f"The model has {output.shape[1]} classes; a probability of class 1 needs a model for two classes."
        )
    values = output[:, -1].astype(np.float64)
    sums = output.sum(axis=1) if output.shape[1] == 2 else np.ones(1)
    if (values < 0).any() or (values > 1).any() or not np.allclose(sums, 1, atol=1e-3):
        raise ValueError(
            "The model's output is no probability: end it in softmax over two classes, or in a sigmoid of one value."
        )
    return values


def _layers(model: keras.Model) -> Iterator[Any]:
    """Yield the layers of a model, those of models inside it in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def _kind(layer: Any) -> str:
    return type(layer).__name__.lower()


def _layer_weights(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights and the bias of one layer, empty where it has none."""
    from keras import ops

    if not layer.built:
        raise ValueError(
            f"The layer {layer.name!r} has no weights yet, since the model does not know the shape of its input. "
            "Begin the model with keras.Input, or call it on one image first."
        )
    # Convolution and dense layers keep a kernel and a bias, normalization a scale (gamma) and an offset (beta).
    # Whatever else a layer keeps, such as the random state of Dropout, is not trained.
    variables = [
        next((value for value in (getattr(layer, name, None) for name in names) if value is not None), None)
        for names in (("kernel", "gamma"), ("bias", "beta"))
    ]
    if len(layer.trainable_weights) > sum(variable is not None for variable in variables):
        raise ValueError(f"The layer {layer.name!r} of kind {_kind(layer)} has more weights than a kernel and a bias.")
    weights, bias = (
        np.empty(0, np.float32) if variable is None else np.array(ops.convert_to_numpy(variable))
        for variable in variables
    )
    if _kind(layer) == "dense":
        return weights.T, bias.reshape(-1, 1) if bias.size else bias
    return weights, bias


def _layer_outputs(model: keras.Model, x: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield every layer of a chain with its output for one image."""
    from keras import ops

    h = ops.convert_to_tensor(x[np.newaxis])
    for layer in _layers(model):
        if _kind(layer) != "inputlayer":
            trains = "training" in inspect.signature(layer.call).parameters
            h = layer(h, training=False) if trains else layer(h)
        yield layer, ops.convert_to_numpy(h)[0]


def _loss_and_accuracy(model: keras.Model, x: np.ndarray, y: np.ndarray, y_oh: np.ndarray) -> tuple[float, float]:
    """Return Keras' mean loss and its accuracy in percent."""
    advice = 'Compile it with model.compile(loss="categorical_crossentropy", metrics=["accuracy"]).'
    if not getattr(model, "compiled", False):
        raise ValueError(f"The model is not compiled, so it has no loss. {advice}")
    loss = getattr(model, "loss", None)
    sparse = "sparse" in str(getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss).lower()
    logs = model.evaluate(x, y if sparse else y_oh, verbose=0, return_dict=True)
    accuracy = next((value for key, value in logs.items() if key.endswith(("accuracy", "acc"))), None)
    if accuracy is None:
        raise ValueError(f"The model does not measure its accuracy. {advice}")
    return float(logs["loss"]), 100 * float(accuracy)
