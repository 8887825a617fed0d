"""Train the networks whose curves the chapters show: one small network on 128 images, regularized in several ways.

Takes about ten minutes of one core. What was trained is kept in ``book/_build/runs``: stop it whenever you
like, and start it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from book.stored import DATA, WORK, circumstances, write_lines
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras
    import numpy as np

    from source_lib.data import DataGenerator

OUTPUT = DATA / "regularization.jsonl"
SEEDS = (0, 1, 2, 3, 4)
EPOCHS, BATCH, LEARNING_RATE = 40, 32, 1e-3
#: Further training images on which the curves beside the training's are measured. Nothing is decided by them.
N_WATCH = 500
#: What is done in each way; what is not said is not done.
METHODS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "augmentation": {"augment": "small"},
    "dropout": {"drop_maps": 0.25, "drop_units": 0.5},
    "weight decay": {"l2": 2e-3},
    "batch normalization": {"normalize": True},
    "early stopping": {"patience": 10},
    "together": {"augment": "small", "drop_units": 0.5, "l2": 2e-3, "normalize": True},
    "flips": {"augment": "flips"},
}


def network(
    augment: str | None = None,
    drop_maps: float = 0,
    drop_units: float = 0,
    l2: float = 0,
    normalize: bool = False,
    patience: int | None = None,
) -> keras.Model:
    """Build and compile the small network, with what one way of regularizing adds to it.

    Parameters
    ----------
    augment : {None, "small", "flips"}
        Small rotations, shifts and zooms, or flips along both axes.
    drop_maps, drop_units : float
        Rate of dropout on the flattened maps, before the dense layer, and on that layer's output.
    l2 : float
        Factor of the penalty on the squared weights.
    normalize : bool
        Whether batch normalization stands before each ReLU.
    patience : int, optional
        Of the training, and so without effect here.

    Returns
    -------
    keras.Model
        From images [28, 28, 1] to 10 probabilities.
    """
    import keras
    from keras import layers

    black = {"fill_mode": "constant", "fill_value": -1.0}
    first = {
        None: [],
        "small": [
            layers.RandomRotation(0.04, **black),
            layers.RandomTranslation(0.1, 0.1, **black),
            layers.RandomZoom(0.1, **black),
        ],
        "flips": [layers.RandomFlip("horizontal_and_vertical")],
    }[augment]
    penalty = {"kernel_regularizer": keras.regularizers.L2(l2)} if l2 else {}

    def bent(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
        # The usual momentum averages over hundreds of batches, about as many as there are in a whole training.
        return [layer, *([layers.BatchNormalization(momentum=0.9)] if normalize else []), layers.ReLU()]

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *first,
            *bent(layers.Conv2D(16, 3, padding="same", **penalty)),
            layers.MaxPooling2D(),
            *bent(layers.Conv2D(32, 3, padding="same", **penalty)),
            layers.MaxPooling2D(),
            layers.Flatten(),
            *([layers.Dropout(drop_maps)] if drop_maps else []),
            *bent(layers.Dense(128, **penalty)),
            *([layers.Dropout(drop_units)] if drop_units else []),
            layers.Dense(10, "softmax", **penalty),
        ]
    )
    # The loss itself holds the penalty, and curves with and without one could not be compared.
    kept = ["accuracy", keras.metrics.CategoricalCrossentropy(name="entropy")]
    model.compile(keras.optimizers.Adam(LEARNING_RATE), "categorical_crossentropy", metrics=kept)
    return model


def trainer(
    watch: tuple[np.ndarray, np.ndarray], epochs: int, patience: int | None = None
) -> Callable[..., dict[str, list[float]]]:
    """Return a function that trains a network for `source_lib.experiments.repeat`.

    Parameters
    ----------
    watch : (x, y)
        Images and one-hot labels that are only looked at, after each epoch.
    epochs : int
        How many at most.
    patience : int, optional
        Stop when the loss on the 32 validation images has not been below its best for so many epochs, and take the
        weights of the best epoch.

    Returns
    -------
    callable
    """
    import keras

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.model.reset_metrics()
            found = self.model.test_on_batch(*watch, return_dict=True)
            curves["val_loss"].append(found["entropy"])
            curves["val_accuracy"].append(found["accuracy"])

    curves: dict[str, list[float]] = {}

    def training(
        model: keras.Model, x: np.ndarray, y: np.ndarray, x_valid: np.ndarray, y_valid: np.ndarray
    ) -> dict[str, list[float]]:
        curves.update(val_loss=[], val_accuracy=[])
        callbacks: list[keras.callbacks.Callback] = [Watch()]
        more: dict[str, Any] = {}
        if patience is not None:
            callbacks.append(keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True))
            more["validation_data"] = (x_valid, y_valid)
        log = model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=callbacks, **more)
        return {"loss": log.history["entropy"], "accuracy": log.history["accuracy"], **curves}

    return training


def make(
    data: DataGenerator,
    output: Path = OUTPUT,
    work: Path = WORK,
    methods: Mapping[str, Mapping[str, Any]] = METHODS,
    seeds: Iterable[int] = SEEDS,
    epochs: int = EPOCHS,
) -> None:
    """Train in each way and with each seed, and write what came out: a line about it all, then one for each training.

    Parameters
    ----------
    data : DataGenerator
        All training images of a data set, and its test images.
    output : Path
        The file, JSON lines. It is written when all trainings are done.
    work : Path
        Folder where each training is kept until then.
    methods : mapping
        Names, and what `network` and `trainer` are given.
    seeds : iterable of int
        Each decides about 128 images, the first weights and the order of batches, the same for each method.
    epochs : int
        Of each training, at most.
    """
    from source_lib.experiments import repeat

    seeds = list(seeds)
    work.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, options in methods.items():
        print(name, flush=True)
        settings = json.dumps([options, epochs, data.title], sort_keys=True)
        kept = work / f"{name.replace(' ', '-')}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}.jsonl"
        for seed in seeds:
            training = trainer(watched(data, seed), epochs, options.get("patience"))
            (run,) = repeat(lambda options=options: network(**options), training, data, kept, [seed], final=True)
            left_out = ("model", "valid_loss", "valid_accuracy")
            curves = {key: _rounded(value) for key, value in asdict(run).items() if key not in left_out}
            lines.append({"method": name, **curves})
    about = {
        "data": data.title,
        "images": {"training": 128, "validation": 32, "watched": N_WATCH, "test": data.N_test},
        "seeds": seeds,
        "epochs": epochs,
        "batch": BATCH,
        "learning_rate": LEARNING_RATE,
        "methods": {name: dict(options) for name, options in methods.items()},
        "layers": {name: _layers(options) for name, options in methods.items()},
        "parameters": {name: network(**options).count_params() for name, options in methods.items()},
        "seconds": round(sum(line["seconds"] for line in lines)),
        **circumstances(),
    }
    write_lines(output, [about, *lines])


def watched(data: DataGenerator, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images and one-hot labels that a run neither trains with nor is stopped by."""
    import numpy as np

    from source_lib.experiments import choose

    used = np.concatenate(choose(data.y_train, seed))
    rows = np.setdiff1d(np.arange(data.N_train), used)[:N_WATCH]
    return data.x_train[rows], data.y_train_oh[rows]


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_rounded(number) for number in value]
    return round(value, 4) if isinstance(value, float) else value


def _layers(options: Mapping[str, Any]) -> list[str]:
    return [type(layer).__name__ for layer in network(**options).layers]


def main(argv: list[str] | None = None) -> int:
    """Make the file from the command line; 1 with the reason where it could not be made."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Train the networks whose curves the chapters show.")
    parser.add_argument("--source", choices=("real", "sample"), default="real", help="which images (default: real)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of each training (default: {EPOCHS})")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="one training each (default: 0 to 4)")
    parser.add_argument("--methods", choices=list(METHODS), nargs="+", default=list(METHODS), help="default: all")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file (default: the one that the book reads)")
    parser.add_argument("--work", type=Path, default=WORK, help="folder where trainings are kept meanwhile")
    options = parser.parse_args(argv)
    if options.output == OUTPUT and (options.source, options.epochs, list(options.seeds), options.methods) != (
        "real",
        EPOCHS,
        list(SEEDS),
        list(METHODS),
    ):
        parser.error("the book's own file holds all methods, seeds and epochs on real images: name another --output")

    from source_lib.data import DataGenerator, DatasetError

    try:
        data = DataGenerator()
        data.generate("mnist", source=options.source)
        methods = {name: METHODS[name] for name in options.methods}
        make(data, options.output, options.work, methods, options.seeds, options.epochs)
    except (DatasetError, OSError) as error:
        print(f"The runs were not made. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"Stopped. What was trained is in {options.work}; the next time it is not trained again.", file=sys.stderr
        )
        return 130
    print(f"The runs are in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
