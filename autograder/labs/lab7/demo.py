"""The sample class of lab 7."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.sample_class import Sample, SampleClass, edit, together

_IMAGES, _EPOCHS = 1500, 8


@functools.cache
def _networks() -> dict[str, bytes]:
    """Return the files of two small networks, trained for a moment on the sample."""
    import keras
    from keras import layers

    from source_lib.data import cifar10
    from source_lib.saved_model import save_model

    x, y = cifar10.crops(np.random.default_rng(7), _IMAGES, "train")
    x = x.astype("float32") / 127.5 - 1
    found = {}
    for name, regularizer in (("a", layers.Dropout(0.2)), ("b", layers.BatchNormalization(momentum=0.9))):
        keras.utils.set_random_seed(1)
        parts = [layers.Flatten(), layers.Dense(64, activation="relu"), regularizer]
        model = keras.Sequential([keras.Input((32, 32, 3)), *parts, layers.Dense(10, activation="softmax")])
        model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=32, epochs=_EPOCHS, verbose=0)
        with tempfile.TemporaryDirectory() as folder:
            save_model(model, folder)
            found |= {f"{name}/{path.name}": path.read_bytes() for path in Path(folder).iterdir()}
    return found


def _files(material: Mapping[str, Any]) -> Mapping[str, bytes]:
    return _networks()


#: How far such networks and the solution's regression get depends on the images and the table that are graded.
_MEASURED = frozenset(("networks", "predict_prices"))
#: The class does not wait for long trainings: two networks instead of eight, for a tenth of the rounds.
_BRIEF = together(
    edit("predict_prices", "rounds=100", "rounds=10"),
    edit("predict_prices", "4 * [1e-4] + 4 * [1.5e-2]", "[1e-4, 1.5e-2]"),
    edit("predict_prices", "[:, :4]", "[:, :1]"),
    edit("predict_prices", "[:, 4:]", "[:, 1:]"),
)
_MEAN = edit("predict_prices", "keras.utils.set_random_seed(0)", "return np.full(len(x_new), np.mean(y_train))")

SAMPLE_CLASS = SampleClass(
    written="The paired test over five seeds finds no difference. I worked alone.",
    samples=(
        Sample("01-trained-for-a-moment", (17, 24), _MEASURED, _BRIEF, files=_files),
        Sample(
            "02-unpaired-and-first-of-the-tied",
            (14.5, 21.25),
            _MEASURED | {"compare_runs", "majority_vote"},
            together(
                _MEAN,
                edit("compare_runs", "np.std(delta, ddof=1)", "np.std(delta)"),
                edit("majority_vote", "np.where(leading, np.mean(p, axis=0), -1)", "leading"),
            ),
            files=_files,
        ),
        Sample("03-no-networks-and-the-mean-price", (16, 16), _MEASURED, _MEAN),
    ),
)
