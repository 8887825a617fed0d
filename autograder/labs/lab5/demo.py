"""The sample class of lab 5."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograder.checking.sample_class import Sample, SampleClass, edit, together
from autograder.labs.lab5 import models
from autograder.labs.lab5.images import CLASSES, SMALL, SOURCES
from autograder.labs.lab5.solution import CUTS, SIDES, maps_of

_IMAGES, _EPOCHS = 1500, 6


@functools.cache
def _handed_in() -> dict[str, bytes]:
    """Return the files of a small network and of one on the course's small backbone, both trained for a moment."""
    import keras
    from keras import layers

    from source_lib.data import cifar10
    from source_lib.pretrained import load_backbone
    from source_lib.pretrained.parts import save_tail, split_model
    from source_lib.saved_model import save_model

    x, y = cifar10.crops(np.random.default_rng(7), _IMAGES, "train")
    x = x.astype("float32") / 127.5 - 1
    keras.utils.set_random_seed(1)
    parts = []
    for maps in (16, 32, 64):
        parts += [layers.Conv2D(maps, 3, padding="same", use_bias=False), layers.BatchNormalization(momentum=0.9)]
        parts += [layers.ReLU(), layers.MaxPooling2D()]
    parts += [layers.GlobalAveragePooling2D(), layers.Dense(CLASSES, activation="softmax")]
    own = keras.Sequential([keras.Input((32, 32, 3)), layers.RandomFlip("horizontal"), *parts])
    own.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    own.fit(x, y, batch_size=32, epochs=_EPOCHS, verbose=0)
    backbone = load_backbone(SIDES[SMALL], SOURCES[SMALL], verbose=False)
    last, first = CUTS[SMALL]
    stem, tail = split_model(models.standing(backbone.model, first), last)
    tail.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    tail.fit(maps_of(stem, x, backbone), y, batch_size=32, epochs=_EPOCHS, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        save_model(own, folder)
        save_tail(tail, backbone, last, Path(folder) / "transfer")
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _files(material: Mapping[str, Any]) -> Mapping[str, bytes]:
    return _handed_in()


def _described(**changes: Any) -> Callable[[Mapping[str, Any]], Mapping[str, bytes]]:
    """Return the same files, where the one about the backbone says something else."""

    def files(material: Mapping[str, Any]) -> Mapping[str, bytes]:
        name = "transfer/backbone.json"
        told = json.loads(_handed_in()[name]) | changes
        return {**_handed_in(), name: json.dumps(told).encode()}

    return files


#: How far such a network gets depends on the images that are graded: those of CIFAR-10, or of the sample.
_MEASURED = frozenset(("accuracy", "transfer"))

SAMPLE_CLASS = SampleClass(
    written="Augmentation helped by two points, with three seeds. I worked alone.",
    samples=(
        Sample("01-trained-for-a-moment", (16, 24), _MEASURED, files=_files),
        Sample(
            "02-freezes-nothing-and-no-relu",
            (12, 20),
            _MEASURED | {"build_transfer", "grad_cam"},
            together(
                edit("build_transfer", "follows or stage.name", "True or stage.name"),
                edit(
                    "grad_cam",
                    "tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))",
                    "tf.reduce_sum(weights * maps, -1)",
                ),
            ),
            files=_files,
        ),
        Sample("03-another-layer-named", (16, 21), _MEASURED, files=_described(layer="block0_relu")),
    ),
)
