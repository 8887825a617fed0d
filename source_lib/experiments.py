"""Trainings that are repeated: each on other images, kept as one line of a file, continued after an interruption."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

from source_lib.atomic_files import atomic_write

if TYPE_CHECKING:
    import keras

    from source_lib.data import DataGenerator

#: What one training gets: so few images that a network learns them by heart, and too few others to train on.
N_TRAIN, N_VALID = 128, 32
#: Validation images of the data set, which no training gets: to choose between models by.
N_DEVELOP = 1000
#: What a file of runs may hold that is read: runs, images of one, and epochs of one.
MAX_RUNS, MAX_SUBSET, MAX_EPOCHS = 1000, 60_000, 100_000


class RunsError(ValueError):
    """A file of runs that cannot be read or continued. The message says why and what to do."""


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    seed : int
        Decides which images were chosen, and Keras' random numbers.
    data : str
        What the images are, for example ``"MNIST"``.
    subset : tuple of int
        Indices of the training images, among those that the data set has for training.
    epochs : int
        How many epochs were trained.
    loss, accuracy, val_loss, val_accuracy : tuple of float
        One value for each epoch; accuracies in percent.
    test_loss, test_accuracy : float
        At the end, on the test images; the accuracy in percent.
    seconds : float
        Wall time of the training.
    model : str
        Stands for the network and the training: runs of one file must not be of two.
    valid_loss, valid_accuracy : float, optional
        At the end, on the validation images of the data set, which no training gets; None where it has none.
    """

    seed: int
    data: str
    subset: tuple[int, ...]
    epochs: int
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    val_loss: tuple[float, ...]
    val_accuracy: tuple[float, ...]
    test_loss: float
    test_accuracy: float
    seconds: float
    model: str
    valid_loss: float | None = None
    valid_accuracy: float | None = None


@dataclass(frozen=True)
class Summary:
    """Accuracy over several runs, in percent.

    Attributes
    ----------
    images : str
        On which it was measured: ``"validation"`` or ``"test"``.
    runs : int
        How many.
    mean : float
        Their average.
    variance : float
        Their sample variance, with ``runs - 1`` in the denominator, in squared percent; not a number for one run.
    """

    images: str
    runs: int
    mean: float
    variance: float

    @property
    def standard_deviation(self) -> float:
        """The square root of the sample variance, in percent."""
        return math.sqrt(self.variance)


def repeat(
    build_model: Callable[[], keras.Model],
    train_model: Callable[..., Any],
    dataset: DataGenerator,
    file: str | os.PathLike,
    seeds: Iterable[int] = range(5),
    *,
    final: bool = False,
    images: int = N_TRAIN,
) -> list[Run]:
    """Train once for each seed, each time on other images, and keep each training as one line of a file.

    Trainings that the file holds already are not repeated: stop this whenever you like, and call it again. Each trained
    model is measured on the validation images of the data set and on its test images; what is shown is the accuracy on
    the validation images until you say that nothing will be changed anymore.

    Parameters
    ----------
    build_model : callable
        Returns a fresh, compiled Keras model.
    train_model : callable
        Takes the model, ``x``, ``y``, ``x_valid`` and ``y_valid``, labels one-hot, and returns what ``model.fit``
        returned.
    dataset : DataGenerator
        Images are chosen from its training images: ``images`` to train with and 32 others to watch the training with.
    file : str or path
        Where the runs are kept, one line of JSON each.
    seeds : iterable of int
        One for each training.
    final : bool
        Whether nothing will be chosen anymore: show the accuracy on the test images.
    images : int
        How many images each training gets.

    Returns
    -------
    list of Run
        In the order of the seeds.

    Raises
    ------
    RunsError
        If the file cannot be read or written, or holds runs of another network, training or data set.
    ValueError
        If there are too few images, ``train_model`` does not return a log, or the training diverged.
    """
    from tqdm.auto import tqdm

    path, seeds = Path(file), list(seeds)
    if len(dataset.x_train) < images + N_VALID:
        raise ValueError(
            f"There are {len(dataset.x_train)} training images; {images} and {N_VALID} others are chosen from them. "
            "Let generate give all that there are, leave N_train out, or ask for fewer images."
        )
    if not 0 < images <= MAX_SUBSET:
        raise ValueError(f"A training cannot get {images} images; ask for 1 to {MAX_SUBSET:,}.")
    if not final and not dataset.N_valid:
        raise ValueError(
            f"There are no validation images to choose a model by. Set some aside: generate(..., N_valid={N_DEVELOP})."
        )
    model = fingerprint(build_model, train_model)
    known = {run.seed: run for run in read_runs(path)} if path.exists() else {}
    for run in known.values():
        if run.model != model or run.data != dataset.title:
            other = "another data set" if run.data != dataset.title else "another network or another training"
            raise RunsError(
                f"{path} holds runs of {other}. Runs that are averaged must be of one: give this one a file of its "
                "own, or rename the old one."
            )
        if len(run.subset) != images:
            raise RunsError(
                f"{path} holds runs with {len(run.subset)} images each, and {images} are asked for now. Give these a "
                "file of their own, or rename the old one."
            )
    with tqdm(seeds, desc="trainings", unit="run") as bar:
        for seed in bar:
            if seed not in known:
                known[seed] = _train(build_model, train_model, dataset, seed, model, images)
                _append(path, known[seed])
            bar.set_postfix_str(f"{_accuracy(known[seed], final):.1f} % of the {_images(final)} images")
    return [known[seed] for seed in seeds]


def choose(labels: Sized, seed: int, images: int = N_TRAIN) -> tuple[np.ndarray, np.ndarray]:
    """Return which images a run trains with and which it watches its training with.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape [N]
        Classes of all training images. Only their number matters.
    seed : int
        Of the run.
    images : int
        How many it trains with.

    Returns
    -------
    train, valid : numpy.ndarray of int64
        So many and 32 indices; no image is in both.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    return order[:images], order[images : images + N_VALID]


def _train(
    build_model: Callable[[], keras.Model],
    train_model: Callable[..., Any],
    dataset: DataGenerator,
    seed: int,
    model: str,
    images: int,
) -> Run:
    import keras

    train, valid = choose(dataset.y_train, seed, images)
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    network = build_model()
    start = time.perf_counter()
    log = train_model(
        network,
        dataset.x_train[train],
        dataset.y_train_oh[train],
        dataset.x_train[valid],
        dataset.y_train_oh[valid],
    )
    seconds = time.perf_counter() - start
    curves = _curves(log)
    if not all(math.isfinite(value) for curve in curves.values() for value in curve):
        raise ValueError(
            f"The training with seed {seed} diverged: its loss is not a finite number. It is not kept. Lower the "
            "learning rate, or look for a division by 0 or a logarithm of it."
        )
    valid_loss, valid_accuracy = None, None
    if dataset.N_valid:
        valid_loss, valid_accuracy = _measured(network, dataset.x_valid, dataset.y_valid, dataset.K, "validation")
    test_loss, test_accuracy = _measured(network, dataset.x_test, dataset.y_test, dataset.K, "test")
    return Run(
        seed=int(seed),
        data=dataset.title,
        subset=tuple(train.tolist()),
        epochs=len(curves["loss"]),
        **curves,
        test_loss=test_loss,
        test_accuracy=test_accuracy,
        seconds=round(seconds, 3),
        model=model,
        valid_loss=valid_loss,
        valid_accuracy=valid_accuracy,
    )


def _measured(network: keras.Model, x: np.ndarray, y: np.ndarray, classes: int, images: str) -> tuple[float, float]:
    """Return the loss of a trained network on images, and how many of them it classifies right, in percent."""
    probabilities = np.asarray(network.predict(x, verbose=0), dtype=np.float64)
    if probabilities.shape != (len(y), classes):
        raise ValueError(
            f"The model gives {list(probabilities.shape)} for the {images} images; [{len(y)}, {classes}] is needed: a "
            "probability for each class."
        )
    likely = np.clip(probabilities[np.arange(len(y)), y], 1e-7, 1)
    return float(-np.log(likely).mean()), 100 * float((probabilities.argmax(axis=1) == y).mean())


def _curves(log: Any) -> dict[str, tuple[float, ...]]:
    """Return loss and accuracy of each epoch from what a training returned."""
    history = getattr(log, "history", log)
    if not isinstance(history, Mapping) or not history.get("loss"):
        raise ValueError("train_model must return the log of the training: return model.fit(...).")
    curves = {}
    for key, scale in (("loss", 1), ("accuracy", 100), ("val_loss", 1), ("val_accuracy", 100)):
        found = next((values for name, values in history.items() if _is(name, key)), ())
        curves[key] = tuple(scale * float(value) for value in found)
    return curves


def _is(name: str, key: str) -> bool:
    validates = name.startswith("val_") == key.startswith("val_")
    return name == key or (validates and key.endswith("accuracy") and name.endswith(("accuracy", "acc")))


def fingerprint(build_model: Callable[[], keras.Model], train_model: Callable | None = None) -> str:
    """Return what stands for a network and its training: another one for each change that may change what is trained.

    Name a file after it, and what it holds is never taken for what another network gives.

    Parameters
    ----------
    build_model : callable
        Returns a fresh Keras model. Its layers count and their settings, and how it is compiled.
    train_model : callable, optional
        Trains it. What its code does counts, and the numbers and texts that it takes from around it, such as a number
        of epochs; so do the functions that it calls and that were written in the same place.

    Returns
    -------
    str
        16 hexadecimal digits: the same in each process, though not in each version of Keras and Python.

    Examples
    --------
    >>> import keras
    >>> def network(units):
    ...     return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
    >>> fingerprint(lambda: network(2)) == fingerprint(lambda: network(2))
    True
    >>> fingerprint(lambda: network(2)) == fingerprint(lambda: network(3))
    False
    """
    import keras

    keras.utils.clear_session()
    network = build_model()
    digest = hashlib.sha256(network.to_json().encode())
    if getattr(network, "compiled", False):
        digest.update(json.dumps(network.get_compile_config(), sort_keys=True, default=str).encode())
    if train_model is not None:
        digest.update("\n".join(_code_around(train_model, set())).encode())
    return digest.hexdigest()[:16]


def _code_around(function: Any, seen: set[Any]) -> Iterator[str]:
    """Return what a function does, and the functions of the same place that it calls, as lines of text."""
    while isinstance(function, functools.partial):
        yield repr((function.args, sorted(function.keywords.items())))
        function = function.func
    code = getattr(function, "__code__", None)
    if code is None or code in seen:
        return
    seen.add(code)
    yield from _instructions(code)
    yield repr(_settings(function))
    for _, value in _names_around(function):
        if getattr(value, "__globals__", None) is function.__globals__:
            yield from _code_around(value, seen)


def _instructions(code: CodeType) -> Iterator[str]:
    """Return what code does, that of functions inside it too, whatever line it stands in."""
    # Which attribute is read, and which function is called, is in the names alone.
    yield repr((code.co_code.hex(), code.co_names))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)
        else:
            # The order of a set of texts is another one in each process.
            yield repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _names_around(function: Any) -> list[tuple[str, Any]]:
    """Return what a function takes from around it, by its names."""
    names = set(_names_in(function.__code__))
    found = {name: value for name, value in function.__globals__.items() if name in names}
    return sorted((found | inspect.getclosurevars(function).nonlocals).items())


def _settings(function: Any) -> list[tuple[str, Any]]:
    """Return the numbers and texts by name that a function takes from around it, such as a number of epochs."""
    defaults = inspect.signature(function).parameters.values()
    found = [*_names_around(function), *((one.name, one.default) for one in defaults)]
    return sorted((name, value) for name, value in found if isinstance(value, (bool, int, float, str)))


def _append(path: Path, run: Run) -> None:
    line = json.dumps(asdict(run), separators=(",", ":"), allow_nan=True) + "\n"
    try:
        _run(json.loads(line))
    except RunsError as error:
        # One line that cannot be read would cost all the others.
        raise RunsError(f"The training with seed {run.seed} is not kept in {path}: {error}.") from None
    try:
        content = path.read_bytes() if path.exists() else b""
        # What an interruption left of a line is no run.
        content = content[: content.rfind(b"\n") + 1]
        with atomic_write(path) as part:
            part.write_bytes(content + line.encode())
    except OSError as error:
        raise RunsError(f"{path} cannot be written ({error.strerror}).") from None


def read_runs(file: str | os.PathLike | bytes) -> list[Run]:
    """Read a file of runs.

    Parameters
    ----------
    file : str, path or bytes
        The file, or what it holds. A last line that was cut off is left out.

    Returns
    -------
    list of Run

    Raises
    ------
    RunsError
        If it cannot be read, or a line is no run. The text names the line.
    """
    name = "The file of runs" if isinstance(file, bytes) else str(file)
    try:
        content = file if isinstance(file, bytes) else Path(file).read_bytes()
    except OSError as error:
        raise RunsError(f"{name} cannot be read ({error.strerror}).") from None
    lines = content.split(b"\n")
    runs = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            if len(runs) == MAX_RUNS:
                raise RunsError(f"{name} holds more than {MAX_RUNS} runs. Give each model a file of its own.")
            try:
                runs.append(_run(json.loads(line, object_pairs_hook=_once_each)))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                if number == len(lines):
                    break  # no line end: it was cut off while it was written
                reason = error if isinstance(error, RunsError) else "it is no line of JSON"
                raise RunsError(f"{name}, line {number} is no run: {reason}.") from None
    return runs


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, which says nothing twice."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise RunsError("it says something twice")
    return values


def _run(values: Any) -> Run:
    """Return a run from what a line holds, of the right types."""
    if not isinstance(values, dict):
        raise RunsError("it is no object")
    made: dict[str, Any] = {}
    for field in fields(Run):
        value = values.get(field.name)
        if value is None and field.default is None:
            continue
        if field.name not in values:
            raise RunsError(f"it has no {field.name!r}")
        if field.type == "str":
            right = isinstance(value, str) and len(value) <= 200
        elif field.type == "int":
            right = _is_int(value)
        elif field.type.startswith("float"):
            right = _is_number(value)
            value = float(value) if right else value
        else:
            whole = field.type == "tuple[int, ...]"
            right = isinstance(value, list) and len(value) <= (MAX_SUBSET if whole else MAX_EPOCHS)
            right = right and all(map(_is_int if whole else _is_number, value))
            value = tuple(value if whole else map(float, value)) if right else value
        if not right:
            raise RunsError(f"its {field.name!r} is not what it should be")
        made[field.name] = value
    return Run(**made)


def _is_int(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < 2**63)


def _images(final: bool) -> str:
    return "test" if final else "validation"


def _accuracy(run: Run, final: bool) -> float:
    accuracy = run.test_accuracy if final else run.valid_accuracy
    if accuracy is None:
        raise RunsError(
            f"The run with seed {run.seed} was not measured on validation images. Set some aside for them, "
            f"generate(..., N_valid={N_DEVELOP}), and train again with another file."
        )
    return accuracy


def summarize(runs: Sequence[Run], *, final: bool = False) -> Summary:
    """Return the average accuracy and its sample variance, on validation images until all choices are made.

    Parameters
    ----------
    runs : sequence of Run
        At least one.
    final : bool
        Whether nothing will be chosen anymore: take the accuracies on the test images.

    Returns
    -------
    Summary
        It says which images it is about.

    Raises
    ------
    RunsError
        If there is none, or one was not measured on validation images.

    Notes
    -----
    The sample variance of :math:`n` values is :math:`s^2 = \\frac{1}{n-1} \\sum_i (a_i - \\bar a)^2`. With :math:`n` in
    the denominator it would come out too small on average, since the same values gave :math:`\\bar a`.
    """
    if not runs:
        raise RunsError("There are no runs to average.")
    accuracies = np.array([_accuracy(run, final) for run in runs])
    variance = float(accuracies.var(ddof=1)) if len(runs) > 1 else math.nan
    return Summary(_images(final), len(runs), float(accuracies.mean()), variance)


def plot_runs(runs: Sequence[Run], title: str = "", *, final: bool = False) -> None:
    """Draw the curves of all runs with their mean and spread, on a new figure, and beside them their accuracies.

    Parameters
    ----------
    runs : sequence of Run
        At least one. Those that ended early count as long as they lasted.
    title : str
        What stands above.
    final : bool
        Whether nothing will be chosen anymore: show the accuracies on the test images, else on validation images.

    Raises
    ------
    RunsError
        If there are none, or one was not measured on validation images.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    summary = summarize(runs, final=final)
    _, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained", width_ratios=(3, 3, 1.4))
    for ax, key, label in ((axes[0], "loss", "Loss"), (axes[1], "accuracy", "Accuracy [%]")):
        for name, style, color in ((key, "training", "C0"), (f"val_{key}", "validation", "C1")):
            curves = [getattr(run, name) for run in runs if getattr(run, name)]
            if not curves:
                continue
            table = np.full((len(curves), max(map(len, curves))), np.nan)
            for row, curve in zip(table, curves, strict=True):
                row[: len(curve)] = curve
            epochs = np.arange(1, table.shape[1] + 1)
            ax.plot(epochs, table.T, color=color, alpha=0.25, linewidth=0.8)
            mean, spread = np.nanmean(table, axis=0), np.nanstd(table, axis=0)
            ax.plot(epochs, mean, color=color, linewidth=2, label=f"{style}, mean")
            ax.fill_between(epochs, mean - spread, mean + spread, color=color, alpha=0.15)
        ax.set(xlabel="Epoch", ylabel=label)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
        ax.legend()
    accuracies = [_accuracy(run, final) for run in runs]
    axes[2].scatter(np.zeros(len(runs)), accuracies, alpha=0.6)
    spread = 0 if summary.runs == 1 else summary.standard_deviation
    axes[2].errorbar([0.4], [summary.mean], [spread], fmt="o", color="C3", capsize=4)
    axes[2].set(
        xlim=(-0.5, 0.9),
        xticks=[0, 0.4],
        xticklabels=["runs", "mean"],
        ylabel=f"{_images(final).capitalize()} accuracy [%]",
    )
    axes[2].grid(alpha=0.3)
    if title or runs:
        axes[0].figure.suptitle(" · ".join(filter(None, [title, runs[0].data])), fontsize=10)
