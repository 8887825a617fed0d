"""Right ways to solve lab 4, and how it is asked: functions in this process, reports and files in the sandbox."""

import functools
import tempfile
from pathlib import Path

import numpy as np

from autograder.checking.student import NotebookStudent
from autograder.grading.answer_cache import AnswerCache
from autograder.grading.student import SandboxStudent, Timeouts
from autograder.labs.lab4 import LAB, images, reference
from autograder.labs.lab4.faults import sweep_files
from autograder.labs.lab4.packing import pack, unpack
from autograder.submissions.submission import Submission
from tests.labs.kit import asked
from tests.labs.lab4.realize import realized
from tests.labs.lab4.ways import FEW, cnn_loop, namespace

SEEDS, LONG_SEEDS = 1, 10
NOT_LOST = {}
NOT_NAMED = {"build_cnn.together": "Where two arguments show a fault together, a fault of one of them alone fits too."}
#: No package that students get may hold one.
CODE = """
import itertools
import json
from pathlib import Path
import numpy as np
from source_lib import experiments

def reported():
    settings, differ, found = {}, [], {}
    for path in sorted(Path().glob("sweep-*.jsonl")):
        a = np.array([one.valid_accuracy for one in experiments.read_runs(path)])
        found[path.stem.removeprefix("sweep-")] = a
    for name, a in found.items():
        error = a.std(ddof=1) / np.sqrt(len(a))
        settings[name] = {"mean": a.mean(), "sample variance": a.var(ddof=1), "standard error": error}
    for one, other in itertools.combinations(found, 2):
        a, b = found[one], found[other]
        error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        if abs(a.mean() - b.mean()) > 3 * error:
            differ.append([one, other])
    return {"settings": settings, "differ": differ}
"""
_BY_HAND = """
import glob, json, re, math
def reported():
    values = {}
    for name in glob.glob("sweep-*.jsonl"):
        with open(name) as lines:
            values[re.match("sweep-(.*).jsonl", name)[1]] = [json.loads(line)["valid_accuracy"] for line in lines]
    told = {}
    for name, a in values.items():
        mean = sum(a) / len(a)
        variance = sum((x - mean) ** 2 for x in a) / (len(a) - 1)
        told[name] = {"mean": mean, "sample variance": variance, "standard error": math.sqrt(variance / len(a))}
    pairs = set()
    for p in told:
        for q in told:
            error = math.hypot(told[p]["standard error"], told[q]["standard error"])
            if p < q and abs(told[p]["mean"] - told[q]["mean"]) / error > 3:
                pairs.add((q, p))
    rounded = {name: {key: round(value, 2) for key, value in one.items()} for name, one in told.items()}
    return {"settings": rounded, "differ": list(pairs), "budget": "six minutes"}
"""
SOLUTIONS = {"with NumPy": CODE, "by hand": _BY_HAND}
VARIANTS = (
    *(f"{function}: {way}" for function, ways in FEW.items() for way in ways),
    *(f"reported: {way}" for way in SOLUTIONS),
    "accuracy: plain network",
)


@functools.cache
def oracle():
    return AnswerCache(LAB.oracle())


@functools.cache
def material():
    """Return images of the sample, fewer of them for testing, and bands that a quick training reaches."""
    drawn = dict(images.for_grading(None, 5))
    few = {name: drawn[name][:250] for name in ("x_test", "y_test", "x_known", "y_known")}
    return drawn | few | {"bands": (55.0, 65.0, 75.0)}


@functools.cache
def network_files():
    """Return the two files of a plain network that was trained for a moment on the sample."""
    import keras

    from source_lib.saved_model import save_model

    x, y, *_ = images.sample()
    keras.utils.set_random_seed(0)
    model = cnn_loop()
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=32, epochs=4, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def as_student(function, answer):
    """Return a function as a student writes it from one that answers as the reference does: packed, or with a plan."""

    def steps(*arguments):
        return unpack(answer(*arguments), *[arguments[0]] * (2 if function == "sgd_step" else 3))

    return {
        "build_fnn": lambda: realized(answer()),
        "build_cnn": lambda *args, **named: realized(answer(*args, **named)),
        "order_matters": lambda activation, pooling: bool(answer([activation], pooling)[0]),
        "sgd_step": steps,
        "adam_step": steps,
        "l1_l2": lambda w, l1, l2: _number_and_list(answer(w, l1, l2), w),
    }.get(function, answer)


def _number_and_list(vector, w):
    (penalty,), gradients = unpack(vector, [np.zeros(1)], w)
    return float(penalty[0]), gradients


def student_of(sandbox, code=CODE, files=None):
    submission = Submission(files=files or {})
    return SandboxStudent(sandbox, {0: code}, submission, oracle(), timeouts=Timeouts(60, 30, 600), material=material())


def _right(function):
    """Return what a fault is applied to: Keras' optimizers take thirty times as long as NumPy for the same step."""
    if not function.endswith("_step"):
        return getattr(reference, function)
    way = next(iter(FEW[function].values()))
    return lambda *arguments: pack(*way(*arguments))


def outcome(tools, seed, variant=None, fault=None):
    function, way = variant.split(": ") if variant else (fault.function, "")
    if fault is not None and fault.to != "function":
        function = next(iter(fault.loses)).partition(".")[0]
    check = LAB.check(f"check_{function}")
    if function in ("reported", "accuracy"):
        code, files = SOLUTIONS.get(way, CODE), sweep_files() if function == "reported" else network_files()
        if fault is not None:
            code, files = (fault.apply(code), files) if fault.to == "code" else (code, fault.apply(files))
        with student_of(tools.fixture("sandbox"), code, files) as student:
            return asked(student, [check], seed)
    answer = as_student(function, fault.apply(_right(function))) if fault else FEW[function][way]
    return asked(NotebookStudent(namespace(function, answer), oracle()), [check], seed)
