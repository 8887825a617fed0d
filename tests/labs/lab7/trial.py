"""Right ways to solve lab 7, and how it is asked: functions in this process, networks as files beside the notebook."""

import functools
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

from autograder.checking.student import NotebookStudent
from autograder.grading.answer_cache import AnswerCache
from autograder.labs.lab7 import LAB, reference
from autograder.labs.lab7.material import BASELINES, FOLDS, fold_error
from source_lib.saved_model import save_model
from tests.labs.kit import asked
from tests.labs.lab5.trial import material as drawn_images
from tests.labs.lab7.ways import WAYS

LONG_SEEDS = 4
_DOMAINS = ("ensemble_gain",)
NOT_LOST = {
    f"{function}.domain": "Stubs lose it. Each known fault shows in a line of its own, which excuses this one."
    for function in _DOMAINS
}
FILES = ("dropout and a penalty", "augmentation and batch normalization")
VARIANTS = (
    *(f"{function}: {way}" for function, ways in WAYS.items() for way in ways),
    *(f"files: {way}" for way in FILES),
)


@functools.cache
def oracle():
    return AnswerCache(LAB.oracle())


@functools.cache
def material():
    """Return images whose class the mean color tells in part, and a table that a parabola explains and no line."""
    rng = np.random.default_rng(7)
    x = rng.uniform(-1, 1, (120, 3))
    y = 20 + 3 * x[:, 0] + 8 * x[:, 1] ** 2 + 4 * x[:, 0] * x[:, 2] + rng.normal(0, 0.3, 120)
    fold = np.arange(120) % FOLDS
    errors = {name: fold_error(name, x, y, fold) for name in BASELINES}
    most = {"mean": 0.9 * errors["mean"], "ridge": 0.5 * errors["ridge"], "boosting": 1.3 * errors["boosting"]}
    table = {"rows": x, "prices": y, "fold": fold, "errors": errors, "most": most}
    return drawn_images() | table | {"bands": (0.2, 0.3, 0.45)}


def network(*extra, penalty=None, odd=False):
    """Return a dense network that tells some of the drawn classes by their mean color; extra layers stand before it.

    Of two classes with one color it names the even one, or the odd one.
    """
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            *extra,
            layers.Flatten(),
            layers.Dense(3, name="colors"),
            layers.Dropout(0.2 if penalty is None else 0.0),
            layers.Dense(10, "softmax", name="classes", kernel_regularizer=penalty),
        ]
    )
    means = np.array([0.6, -0.6, 0.2])
    centers = (2 * (np.arange(10) // 2) / 4.5 - 1)[:, None] * means
    model.get_layer("colors").set_weights([np.tile(np.eye(3) / 1024, (1024, 1)), np.zeros(3)])
    bias = -20 * (centers**2).sum(axis=1) - (np.arange(10) + odd) % 2
    model.get_layer("classes").set_weights([(40 * centers.T).astype("float32"), bias.astype("float32")])
    return model


def saved(**networks):
    """Return networks as the files that are handed in, each in the folder of its name."""
    found = {}
    for name, model in networks.items():
        with tempfile.TemporaryDirectory() as made:
            save_model(model, made)
            found |= {f"{name}/{path.name}": path.read_bytes() for path in sorted(Path(made).iterdir())}
    return found


@functools.cache
def files(other=False):
    """Return what lies beside a right notebook."""
    if not other:
        return saved(a=network(), b=network(penalty=keras.regularizers.L1(1e-4), odd=True))
    flipped = network(layers.RandomFlip("horizontal"), penalty=keras.regularizers.L2(0.0))
    return saved(a=flipped, b=network(layers.BatchNormalization(epsilon=1e-3), odd=True))


def as_student(fault):
    """Return a function as a student writes it who makes a known mistake."""
    right, function = next(iter(WAYS[fault.function].values())), fault.function
    if not hasattr(reference, function):
        return fault.apply(right)
    answer = fault.apply(getattr(reference, function))
    if function == "mse_and_gradient":
        return lambda w, x, y: (answer(w, x, y)[0], answer(w, x, y)[1:])
    return answer


def student_of(functions, given=None):
    for path in sorted(Path().rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    for name, content in (given or {}).items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content)
    return NotebookStudent({"np": np, **functions}, oracle(), material=material())


def outcome(tools, seed, variant=None, fault=None):
    if fault is None:
        function, way = variant.split(": ")
        if function == "files":
            return asked(student_of({}, files(way != FILES[0])), [LAB.check("check_networks")], seed)
        return asked(student_of({function: WAYS[function][way]}), [LAB.check(f"check_{function}")], seed)
    if fault.to == "files":
        return asked(student_of({}, fault.apply(dict(files()))), [LAB.check("check_networks")], seed)
    return asked(student_of({fault.function: as_student(fault)}), [LAB.check(f"check_{fault.function}")], seed)
