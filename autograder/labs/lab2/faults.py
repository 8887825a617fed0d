"""The known faults of lab 2: what becomes of a right submission, and the lines that each loses.

A training cannot be compared with that of a fault number by number, so these faults give no hints. They prove the
checks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from autograder.checking.faults import Fault
from source_lib.experiments import N_DEVELOP, choose

#: Where the runs of a submission are.
RUNS_FILE = "runs.jsonl"


def line(
    seed: int, accuracy: float, data: str = "MNIST", trained: int = 60_000 - N_DEVELOP, tested: int = 10_000
) -> str:
    """Return a line of a file of runs, as `source_lib.experiments` writes it, with about this accuracy in percent.

    Parameters
    ----------
    seed : int
    accuracy : float
        On the test images, in percent.
    data : str
        The title of the data set.
    trained, tested : int
        How many training and test images it has.
    """
    run = {
        "seed": seed,
        "data": data,
        "subset": choose(range(trained), seed)[0].tolist(),
        "epochs": 2,
        "loss": [2.0, 1.0 + seed / 10],
        "accuracy": [50.0, 75.0],
        "val_loss": [2.0, 1.5],
        "val_accuracy": [50.0, 62.5 + seed],
        "test_loss": 0.5,
        "test_accuracy": 100 * round(accuracy * tested / 100) / tested,
        "seconds": 3.25,
        "model": "0123456789abcdef",
        "valid_loss": 0.5,
        "valid_accuracy": float(round(accuracy)),
    }
    return json.dumps(run) + "\n"


def runs(data: str = "MNIST", trained: int = 60_000 - N_DEVELOP, tested: int = 10_000, more: float = 0.0) -> str:
    """Return a file of five runs on a data set with so many images, with about 71 % of the tests right, or more.

    Parameters
    ----------
    data : str
        The title of the data set.
    trained, tested : int
        How many training and test images it has.
    more : float
        Added to each accuracy, in percentage points.
    """
    return "".join(
        line(seed, one + more, data, trained, tested) for seed, one in enumerate((71.2, 69.9, 72.8, 70.4, 73.1))
    )


RUNS = runs()


def _fault(
    id: str,
    loses: frozenset[str],
    code: Callable[[str], str] | None = None,
    runs: Callable[[str], str | None] | None = None,
) -> Fault:
    """Return a fault of the solution's code, or one of the file of runs."""
    if code is not None:
        return Fault(id, loses, code, to="code")

    def changed(files: Mapping[str, bytes]) -> dict[str, bytes]:
        others = {name: content for name, content in files.items() if name != RUNS_FILE}
        text = runs(files[RUNS_FILE].decode())
        return others if text is None else {**others, RUNS_FILE: text.encode()}

    return Fault(id, loses, changed, to="files")


def _loses(*lines: str) -> frozenset[str]:
    return frozenset(lines)


def _put(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        if old not in text:
            raise ValueError(f"{old!r} is not there to be changed")
        return text.replace(old, new)

    return change


def _each(change: Callable[[dict], object]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        runs = [json.loads(one) for one in text.splitlines()]
        for run in runs:
            change(run)
        return "".join(json.dumps(run) + "\n" for run in runs)

    return changed


def _with_log(then: str) -> Callable[[str], str]:
    """Return a change that does something with the log of the training."""
    return lambda code: re.sub(r"return (model\.fit\(.*\))", rf"log = \1\n    {then}", code)


_ACCURACY = ("accuracy.half", "accuracy.full")
_TRAINING = ("train_model.log", "train_model.validation", *_ACCURACY)
_ALL_RUNS = ("runs.enough", "runs.subsets", "runs.complete", "runs.one")
_REPORTED = ("reported.mean", "reported.variance")
_NO_MODEL = ("build_model.takes", "build_model.gives", "build_model.same", "build_model.one", "build_model.two")

FAULTS = (
    # The model.
    _fault(
        "nothing-regularized",
        _loses("build_model.one", "build_model.two"),
        lambda code: re.sub(r" +layers\.(Random|Dropout).*\n", "", code),
    ),
    _fault("one-kind-alone", _loses("build_model.two"), _put("layers.Dropout(0.2)", "layers.Dropout(0.0)")),
    _fault("one-kind-hardly", _loses("build_model.two"), _put("layers.Dropout(0.2)", "layers.Dropout(1e-9)")),
    _fault(
        "augmentation-hardly",
        _loses("build_model.two"),
        _put("layers.RandomTranslation(0.05, 0.05)", "layers.RandomTranslation(1e-6, 1e-6)"),
    ),
    _fault(
        "other-input-size",
        _loses("build_model.takes", *_ACCURACY),
        _put("keras.Input((28, 28, 1))", "keras.Input((32, 32, 3))"),
    ),
    _fault(
        "an-object-that-is-no-model",
        _loses("build_model.gives", *_ACCURACY),
        lambda code: (
            _put("    return model\n", "    return Pretends(model)\n")(
                _put("layers.Flatten(),", "layers.Flatten(), layers.Rescaling(0.0),")(code)
            )
            + "class Pretends:\n"
            "    def __init__(self, model):\n"
            "        self.model = model\n"
            "    def __getattr__(self, name):\n"
            "        return getattr(self.model, name)\n"
            "    def predict(self, x, **how):\n"
            "        return np.eye(10)[np.arange(len(x)) % 10]\n"
        ),
    ),
    _fault(
        # One that augments predictions as well. Keras' own do not, whatever they are called with.
        "a-layer-of-ones-own",
        _loses(*_NO_MODEL, *_ACCURACY),
        lambda code: (
            "from keras import layers\n"
            "class Always(layers.RandomTranslation):\n"
            "    def call(self, x, training=None):\n"
            "        return super().call(x, training=True)\n"
            + _put("layers.RandomTranslation(0.05, 0.05)", "Always(0.1, 0.1)")(code)
        ),
    ),
    _fault(
        "logits",
        _loses("build_model.gives"),
        lambda code: _put('"categorical_crossentropy"', "keras.losses.CategoricalCrossentropy(from_logits=True)")(
            _put('10, activation="softmax"', "10")(code)
        ),
    ),
    _fault("eleven-classes", _loses("build_model.gives", *_ACCURACY), _put("Dense(10,", "Dense(11,")),
    _fault(
        "not-compiled", _loses("build_model.takes", *_ACCURACY), lambda code: re.sub(r" +model\.compile.*\n", "", code)
    ),
    _fault("no-model", _loses(*_NO_MODEL, *_ACCURACY), _put("    return model\n", "    return None\n")),
    _fault(
        "not-a-number",
        _loses("build_model.gives", *_ACCURACY),
        _put("Dense(64,", "Dense(64, kernel_initializer=keras.initializers.Constant(float('nan')),"),
    ),
    # Its training.
    _fault(
        "trains-on-the-validation-images",
        _loses("train_model.validation"),
        _put("model.fit(x, y,", "model.fit(np.concatenate([x] + [x_valid] * 3), np.concatenate([y] + [y_valid] * 3),"),
    ),
    _fault("returns-nothing", _loses("train_model.log"), _put("return model.fit", "model.fit")),
    _fault(
        "returns-the-last-values",
        _loses("train_model.log"),
        _with_log("return {name: values[-1] for name, values in log.history.items()}"),
    ),
    _fault("raises-after-the-training", _loses("train_model.log"), _with_log('return log.history["acc"]')),
    _fault(
        "trains-another-model",
        _loses(*_TRAINING),
        _put("    return model.fit", "    model = build_model()\n    return model.fit"),
    ),
    _fault(
        "picks-its-epoch-by-test-images-of-the-notebook",
        _loses(*_TRAINING),
        _put("(x_valid, y_valid)", "(data.x_test, data.y_test_oh)"),
    ),
    _fault("learns-nothing", _loses(*_ACCURACY), _put("Adam(5e-3)", "Adam(1e-7)")),
    _fault("diverges", _loses(*_ACCURACY), _put("Adam(5e-3)", "SGD(float('nan'))")),
    _fault(
        "raises",
        _loses(*_TRAINING),
        _put("    return model.fit", "    raise RuntimeError('out of luck')\n    return model.fit"),
    ),
    # The file of runs.
    _fault("no-file", _loses(*_ALL_RUNS, *_REPORTED), runs=lambda text: None),
    _fault("four-runs", _loses("runs.enough", "runs.subsets"), runs=lambda text: "".join(text.splitlines(True)[:4])),
    _fault("cut-in-the-middle", _loses("runs.enough", "runs.subsets"), runs=lambda text: text[:-100]),
    _fault(
        "damaged-line",
        _loses(*_ALL_RUNS, *_REPORTED),
        runs=lambda text: text.replace('"epochs": 2', '"epochs": two', 1),
    ),
    _fault(
        "same-images-five-times", _loses("runs.subsets"), runs=_each(lambda run: run.update(subset=list(range(128))))
    ),
    _fault("repeated-seed", _loses("runs.one"), runs=lambda text: text + text.splitlines(True)[0]),
    _fault("two-models", _loses("runs.one"), runs=lambda text: text.replace("0123456789abcdef", "another", 1)),
    _fault("invented-accuracies", _loses("runs.complete"), runs=_each(lambda run: run.update(test_accuracy=71.23456))),
    _fault(
        "more-than-everything", _loses("runs.complete"), runs=_each(lambda run: run.update(val_accuracy=[50.0, 104.0]))
    ),
    _fault("seconds-made-up", _loses("runs.complete"), runs=_each(lambda run: run.update(seconds=-3.0))),
    _fault("diverged", _loses("runs.complete"), runs=_each(lambda run: run.update(loss=[2.0, float("nan")]))),
    _fault(
        "images-chosen-by-hand",
        _loses("runs.subsets"),
        runs=_each(lambda run: run.update(subset=[(1000 * run["seed"] + 7 * k) % 59000 for k in range(128)])),
    ),
    _fault(
        "of-unknown-images",
        _loses(*_ALL_RUNS, *_REPORTED),
        runs=_each(lambda run: run.update(data="digits of my own")),
    ),
    _fault("says-it-twice", _loses(*_ALL_RUNS, *_REPORTED), runs=lambda text: text.replace("}", ', "seed": 0}', 1)),
    _fault("epochs-made-up", _loses("runs.complete"), runs=_each(lambda run: run.update(epochs=200))),
    # What is reported.
    _fault("variance-with-n", _loses("reported.variance"), _put("ddof=1", "ddof=0")),
    _fault("standard-deviation", _loses("reported.variance"), _put("np.var(", "np.std(")),
    _fault(
        "variance-over-epochs",
        _loses("reported.variance"),
        _put(
            "np.var(accuracies, ddof=1)",
            "np.var(np.concatenate([run.val_accuracy for run in experiments.read_runs('runs.jsonl')]), ddof=1)",
        ),
    ),
    _fault("best-run", _loses("reported.mean"), _put("np.mean(accuracies)", "np.max(accuracies)")),
    _fault("fractions", _loses(*_REPORTED), _put("run.test_accuracy for", "run.test_accuracy / 100 for")),
    _fault(
        "numbers-typed-in",
        _loses(*_REPORTED),
        _put(
            '"mean": np.mean(accuracies), "sample variance": np.var(accuracies, ddof=1)',
            '"mean": 95.0, "sample variance": 0.5',
        ),
    ),
    _fault("reports-nothing", _loses(*_REPORTED), lambda code: re.sub(r"    return \{.*", "    pass", code)),
)
