"""Right submissions to lab 2 whose trainings take a second, and the images that they are graded with."""

import functools

from autograder.checking.student import Namespace
from autograder.grading.answer_cache import AnswerCache
from autograder.grading.student import SandboxStudent, Timeouts
from autograder.labs.lab2 import LAB, images, reference
from autograder.labs.lab2.faults import RUNS, RUNS_FILE
from autograder.submissions.submission import Submission
from tests.labs.kit import asked

#: Checks that train nothing.
OF_FILES = ("check_runs", "check_reported")
#: Each check trains anew. The first seed asks of a fault only the checks that it concerns, the second asks them all.
LONG_SEEDS = 2
#: No package that students get may hold one.
CODE = """
import json
import keras
import numpy as np
from keras import layers
from source_lib import experiments

def build_model():
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.RandomTranslation(0.05, 0.05),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ])
    model.compile(keras.optimizers.Adam(5e-3), "categorical_crossentropy", metrics=["accuracy"])
    return model

def train_model(model, x, y, x_valid, y_valid):
    return model.fit(x, y, batch_size=16, epochs=10, validation_data=(x_valid, y_valid), verbose=0)

def reported():
    accuracies = [run.test_accuracy for run in experiments.read_runs("runs.jsonl")]
    return {"mean": np.mean(accuracies), "sample variance": np.var(accuracies, ddof=1)}
"""


REPORTED = """
def reported():
    import json
    a = [json.loads(line)["test_accuracy"] for line in open("runs.jsonl")]
    mean = sum(a) / len(a)
    variance = sum((x - mean) ** 2 for x in a) / (len(a) - 1)
    return {"mean": round(mean, 2), "sample variance": round(variance, 2), "runs": 5}
"""
_OTHERS = {
    "functional, convolutions, weight decay": """
import keras
from keras import layers, regularizers
def build_model():
    x = keras.Input((28, 28, 1))
    h = layers.GaussianNoise(0.1)(x)
    h = layers.Conv2D(8, 5, strides=3, activation="relu", kernel_regularizer=regularizers.L2(1e-4))(h)
    h = layers.BatchNormalization()(h)
    model = keras.Model(x, layers.Dense(10, activation="softmax")(layers.Flatten()(h)))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model
def train_model(model, x, y, x_valid, y_valid):
    stop = keras.callbacks.EarlyStopping(patience=8, restore_best_weights=True)
    return model.fit(x, y, 8, 25, validation_data=(x_valid, y_valid), callbacks=[stop], verbose=0)
""",
    "softmax layer, AdamW, labels as numbers, two fits": """
import keras, numpy as np
from keras import layers
def build_model():
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.RandomZoom(0.1), layers.Flatten(), layers.Dense(10),
                              layers.Softmax()])
    model.compile(keras.optimizers.AdamW(5e-3, weight_decay=0.01), "sparse_categorical_crossentropy")
    return model
def train_model(model, x, y, x_valid, y_valid):
    labels = np.argmax(y, axis=1)
    model.fit(x, labels, batch_size=16, epochs=5, verbose=0)
    return model.fit(x, labels, batch_size=16, epochs=10, verbose=0).history
""",
}
#: Code by what is special about it.
SOLUTIONS = {"dropout and shifts": CODE} | {name: code + REPORTED for name, code in _OTHERS.items()}
VARIANTS = tuple(SOLUTIONS)


@functools.cache
def material():
    """Return images of the sample, fewer of them for testing, and thresholds that a quick training reaches."""
    drawn = dict(images.for_grading(None, 5))
    return drawn | {"x_test": drawn["x_test"][:250], "y_test": drawn["y_test"][:250], "bands": (50.0, 35.0)}


@functools.cache
def oracle():
    """Return the course's own answers, whose plain network is trained as shortly as the submissions here."""
    return AnswerCache(Namespace({"plain_accuracy": functools.partial(reference.plain_accuracy, epochs=8)}))


def student_of(sandbox, code=CODE, runs=RUNS, more=None):
    files = {} if runs is None else {"runs.jsonl": runs.encode()}
    submission = Submission(files=files | (more or {}))
    return SandboxStudent(sandbox, {0: code}, submission, oracle(), timeouts=Timeouts(60, 30, 600), material=material())


def outcome(tools, seed, variant=None, fault=None):
    code, files, checks = SOLUTIONS[variant] if variant else CODE, {RUNS_FILE: RUNS.encode()}, LAB.checks
    if fault is not None and fault.to == "code":
        code = fault.apply(code)
    elif fault is not None:
        files = fault.apply(files)
    if fault is not None and fault.to == "files":
        checks = [LAB.check(name) for name in OF_FILES]
    elif fault is not None and seed == 0:
        concerned = {line.partition(".")[0] for line in fault.loses}
        checks = [check for check in checks if check.function in concerned]
    runs = files.get(RUNS_FILE)
    with student_of(tools.fixture("sandbox"), code, None if runs is None else runs.decode()) as student:
        return asked(student, checks, 1)
