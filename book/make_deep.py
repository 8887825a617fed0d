"""Train the deep network whose curves the chapter on training shows: with a constant rate, with a schedule, and more.

Takes about twenty minutes of one core. What was trained is kept in ``book/_build/runs``: stop it whenever you like, and
start it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from book.stored import DATA, WORK, circumstances, read_lines, write_lines
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import keras

    from source_lib.data import DataGenerator

OUTPUT = DATA / "deep.jsonl"
N_TRAIN, N_VALID = 3000, 1000
EPOCHS, BATCH = 12, 64
#: Feature maps of each stage, and convolutions in it.
MAPS, CONVOLUTIONS = (16, 32, 64), 3
#: Of AdamW; biases and the parameters of batch normalization are left alone.
WEIGHT_DECAY = 0.01
#: Part of all steps in which the rate rises to its largest value.
WARM_UP = 1 / EPOCHS
#: The rates that are tried for each schedule, with one seed; the best on the validation images is taken.
RATES, TUNING_SEED = (3e-4, 1e-3, 3e-3, 1e-2), 100
SEEDS = (0, 1, 2, 3, 4)
#: Each differs from the one before in one thing.
RECIPES: dict[str, dict[str, Any]] = {
    "constant rate": {"schedule": "constant"},
    "warm-up and cosine": {"schedule": "cosine"},
    "label smoothing too": {"schedule": "cosine", "smoothing": 0.1},
}


def network(maps: Sequence[int] = MAPS, convolutions: int = CONVOLUTIONS) -> keras.Model:
    """Build the network: stages of convolutions with batch normalization, global average pooling, a dense layer.

    Parameters
    ----------
    maps : sequence of int
        Feature maps of each stage. Between stages a max pooling halves rows and columns.
    convolutions : int
        How many 3x3 convolutions a stage has.

    Returns
    -------
    keras.Model
        From images [28, 28, 1] to 10 scores.
    """
    import keras
    from keras import layers

    parts: list[Any] = [keras.Input((28, 28, 1))]
    for stage, channels in enumerate(maps):
        if stage:
            parts.append(layers.MaxPooling2D())
        for _ in range(convolutions):
            # What a bias adds, the normalization takes away again.
            parts.append(layers.Conv2D(channels, 3, padding="same", use_bias=False))
            # The usual momentum averages over more batches than an epoch has here.
            parts += [layers.BatchNormalization(momentum=0.9), layers.ReLU()]
    return keras.Sequential([*parts, layers.GlobalAveragePooling2D(), layers.Dense(10)])


def rate_over_steps(schedule: str, rate: float, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return what an optimizer is given as its learning rate.

    Parameters
    ----------
    schedule : {"constant", "cosine"}
        With ``"cosine"`` the rate rises along a line in the first `WARM_UP` of the steps, and falls to 0 along half a
        cosine in the others.
    rate : float
        The largest rate.
    steps : int
        Of the whole training.

    Raises
    ------
    ValueError
        If there is no such schedule.
    """
    import keras

    if schedule == "constant":
        return rate
    if schedule != "cosine":
        raise ValueError(f"There is no schedule {schedule!r}. Use 'constant' or 'cosine'.")
    rising = round(WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(0.0, steps - rising, warmup_target=rate, warmup_steps=rising)


def train(data: DataGenerator, seed: int, rate: float, schedule: str, smoothing: float, epochs: int) -> dict[str, Any]:
    """Train once, and measure after each epoch.

    Parameters
    ----------
    data : DataGenerator
        Training, validation and test images.
    seed : int
        Of the first weights and of the order of the images.
    rate, schedule
        As for `rate_over_steps`.
    smoothing : float
        Of the labels in training. All cross-entropies that are returned are those with the labels as they are.
    epochs : int

    Returns
    -------
    dict
        By epoch: ``loss`` and ``accuracy`` as Keras averages them during the epoch, ``after_loss`` and
        ``after_accuracy`` on the same images with the weights at its end, ``val_loss`` and ``val_accuracy`` on
        validation images. Accuracies in percent.
    """
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = network()
    optimizer = keras.optimizers.AdamW(
        rate_over_steps(schedule, rate, epochs * -(-data.N_train // BATCH)), weight_decay=WEIGHT_DECAY
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing),
        metrics=["accuracy", keras.metrics.CategoricalCrossentropy(from_logits=True, name="entropy")],
    )
    after: dict[str, list[float]] = {"entropy": [], "accuracy": []}

    class After(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            found = model.evaluate(data.x_train, data.y_train_oh, batch_size=500, verbose=0, return_dict=True)
            for key, values in after.items():
                values.append(found[key])

    start = time.perf_counter()
    history = model.fit(
        data.x_train,
        data.y_train_oh,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(data.x_valid, data.y_valid_oh),
        validation_batch_size=500,
        callbacks=[After()],
        verbose=0,
    ).history
    seconds = time.perf_counter() - start
    test = model.evaluate(data.x_test, data.y_test_oh, batch_size=500, verbose=0, return_dict=True)
    curves = {
        "loss": history["entropy"],
        "accuracy": history["accuracy"],
        "after_loss": after["entropy"],
        "after_accuracy": after["accuracy"],
        "val_loss": history["val_entropy"],
        "val_accuracy": history["val_accuracy"],
    }
    rounded = {
        key: [round(float(value) * (100 if "accuracy" in key else 1), 4) for value in values]
        for key, values in curves.items()
    }
    return rounded | {
        "test_loss": round(test["entropy"], 4),
        "test_accuracy": round(100 * test["accuracy"], 2),
        "seconds": round(seconds, 1),
    }


def make(
    source: str,
    output: Path = OUTPUT,
    work: Path = WORK,
    recipes: Mapping[str, Mapping[str, Any]] = RECIPES,
    rates: Sequence[float] = RATES,
    seeds: Iterable[int] = SEEDS,
    epochs: int = EPOCHS,
    images: tuple[int, int, int | None] = (N_TRAIN, N_VALID, None),
) -> None:
    """Choose a rate for each schedule, train by each recipe with each seed, and write what came out.

    Parameters
    ----------
    source : {"real", "sample"}
        Which MNIST images.
    output : Path
        The file, JSON lines: one about it all, one for each rate that was tried, one for each training. It is written
        when all trainings are done.
    work : Path
        Folder where each training is kept until then.
    recipes : mapping
        Names, and the schedule and the smoothing of each.
    rates : sequence of float
        To choose from.
    seeds : iterable of int
        Each decides about the images, the first weights and the order of batches, the same for each recipe.
    epochs : int
        Of each training.
    images : (int, int, int or None)
        How many for training, for validation and for the test; None stands for all.
    """
    from source_lib.data import DataGenerator

    seeds = list(seeds)
    work.mkdir(parents=True, exist_ok=True)
    data = DataGenerator(verbose=False)

    def trained(seed: int, rate: float, schedule: str, smoothing: float = 0.0) -> dict[str, Any]:
        settings = [source, seed, rate, schedule, smoothing, epochs, images, MAPS, CONVOLUTIONS, WEIGHT_DECAY, BATCH]
        kept = work / f"deep-{hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]}.jsonl"
        if not kept.exists():
            data.generate("mnist", images[0], images[1], N_test=images[2], source=source, seed=seed)
            write_lines(kept, [train(data, seed, rate, schedule, smoothing, epochs)])
        (line,) = read_lines(kept)
        print(f"{schedule}, rate {rate}, smoothing {smoothing}, seed {seed}: {line['val_loss'][-1]}", flush=True)
        return line

    tuned, best = [], {}
    for schedule in dict.fromkeys(recipe["schedule"] for recipe in recipes.values()):
        found = {rate: trained(TUNING_SEED, rate, schedule) for rate in rates}
        best[schedule] = min(found, key=lambda rate, found=found: found[rate]["val_loss"][-1])
        tuned += [
            {"tuning": schedule, "rate": rate, **{key: line[key][-1] for key in ("val_loss", "val_accuracy")}}
            | {"seconds": line["seconds"]}
            for rate, line in found.items()
        ]
    made = {
        # Seed by seed, so that what an interruption leaves can be compared.
        (name, seed): trained(seed, best[recipe["schedule"]], **recipe)
        for seed in seeds
        for name, recipe in recipes.items()
    }
    lines = [
        {"recipe": name, "seed": seed, "rate": best[recipe["schedule"]]} | made[name, seed]
        for name, recipe in recipes.items()
        for seed in seeds
    ]
    data.generate("mnist", images[0], images[1], N_test=images[2], source=source)
    model = network()
    about = {
        "data": data.title,
        "images": {"training": data.N_train, "validation": data.N_valid, "test": data.N_test},
        "seeds": seeds,
        "epochs": epochs,
        "batch": BATCH,
        "weight_decay": WEIGHT_DECAY,
        "warm_up": WARM_UP,
        "rates": list(rates),
        "tuning_seed": TUNING_SEED,
        "recipes": {name: dict(recipe) for name, recipe in recipes.items()},
        "layers": [type(layer).__name__ for layer in model.layers],
        "parameters": model.count_params(),
        "seconds": round(sum(line["seconds"] for line in [*tuned, *lines])),
        **circumstances(),
    }
    write_lines(output, [about, *tuned, *lines])


def main(argv: list[str] | None = None) -> int:
    """Make the file from the command line; 1 with the reason where it could not be made."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Train the deep network whose curves the chapter on training shows.")
    parser.add_argument("--source", choices=("real", "sample"), default="real", help="which images (default: real)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of each training (default: {EPOCHS})")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="one training each (default: 0 to 4)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file (default: the one that the book reads)")
    parser.add_argument("--work", type=Path, default=WORK, help="folder where trainings are kept meanwhile")
    options = parser.parse_args(argv)
    if options.output == OUTPUT and (options.source, options.epochs, tuple(options.seeds)) != ("real", EPOCHS, SEEDS):
        parser.error("the book's own file holds all seeds and epochs on real images: name another --output")

    from source_lib.data import DatasetError

    try:
        make(options.source, options.output, options.work, seeds=options.seeds, epochs=options.epochs)
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
