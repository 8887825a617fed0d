"""The sample class of lab 4."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.checking.sample_class import Sample, SampleClass, edit
from autograder.labs.lab4 import faults, images


@functools.cache
def _network(epochs: int = 25) -> dict[str, bytes]:
    """Return the two files of a small network, trained for a moment on the sample."""
    import keras
    from keras import layers

    from source_lib.saved_model import save_model

    x, y, *_ = images.sample()
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant", fill_value=-1.0),
            layers.Conv2D(16, 5, strides=2, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _files(material: Mapping[str, Any]) -> dict[str, bytes]:
    return faults.sweep_files() | _network()


def _swapped(material: Mapping[str, Any]) -> dict[str, bytes]:
    """Return files whose weights are of another network."""
    files = _files(material)
    config = files[faults.CONFIG_FILE].replace(b'"filters": 16', b'"filters": 20')
    return files | {faults.CONFIG_FILE: config}


SAMPLE_CLASS = SampleClass(
    written="Two blocks are as good as three within the spread of the seeds. I worked alone.",
    samples=(
        # How far a small network gets depends on the images that are graded: the sample's or MNIST's.
        Sample("01-small-network", (19, 24), frozenset(("accuracy",)), files=_files),
        Sample(
            "02-penalizes-biases",
            (18.5, 23.5),
            frozenset(("l1_l2", "accuracy")),
            edit("l1_l2", "np.ndim(weights) == 1", "np.ndim(weights) == 0"),
            files=_files,
        ),
        Sample(
            "03-transposed-and-other-weights",
            (18.5, 18.5),
            frozenset(("confusion_matrix", "accuracy")),
            edit("confusion_matrix", "(y_true, y_pred), 1)", "(y_pred, y_true), 1)"),
            files=_swapped,
        ),
    ),
)
