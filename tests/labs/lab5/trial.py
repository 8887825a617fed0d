"""Right ways to solve lab 5, and how it is asked: functions in this process, models as files beside the notebook."""

import functools
import json
from pathlib import Path

import keras
import numpy as np
from keras import layers
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from autograder.checking.student import NotebookStudent
from autograder.grading.answer_cache import AnswerCache
from autograder.labs.lab5 import LAB, reference
from autograder.labs.lab5.faults import MISTAKES, network
from autograder.labs.lab5.images import SMALL
from source_lib.pretrained import load_backbone
from source_lib.pretrained.parts import save_tail, split_model
from source_lib.saved_model import save_model
from tests.labs.kit import asked
from tests.labs.lab5.ways import DESIGNS, FEW, OTHER_DESIGNS

LONG_SEEDS = 4
NOT_LOST = {
    f"{function}.domain": "Stubs lose it. Each known fault shows in a line of its own, which excuses this one."
    for function in ("preprocess", "overlay")
}
NOT_NAMED = {"grad_cam.inputs": "A model that was left changed is no argument that a fault could change."}
NETWORKS = ("build_baseline", "build_wide_and_deep", "build_transfer")
FILES = ("both models", "an own network that is sequential, and a flat tail")
VARIANTS = (
    *(f"{function}: {way}" for function, ways in FEW.items() for way in ways),
    "designs: sequential and functional",
    "designs: of one function",
    *(f"files: {way}" for way in FILES),
)
#: Of these images the class is the third of the brightness of their corner.
N_TEST, SIDE, LAYER = 120, 32, "block1_relu"


@functools.cache
def oracle():
    return AnswerCache(LAB.oracle())


@functools.cache
def material():
    """Return images whose class any network can tell, and bands that a model which was hardly trained reaches."""
    rng = np.random.default_rng(5)
    drawn = {}
    for part, count in (("test", N_TEST), ("known", 300)):
        y = np.arange(count) % 10
        x = rng.uniform(-0.3, 0.3, (count, 32, 32, 3)) + (y[:, None, None, None] / 4.5 - 1) * np.array([0.6, -0.6, 0.2])
        drawn |= {f"x_{part}": x.astype("float32"), f"y_{part}": y}
    drawn["mirrored"] = np.arange(N_TEST) % 2 == 0
    return drawn | {"kind": "sample", "data": "colors", "own": (0.2, 0.3, 0.5), "frozen": 0.4, "most": 0.65}


def own_network(sequential=False):
    """Return a network that tells some of these classes by the mean color alone."""
    x = keras.Input((32, 32, 3))
    parts = [layers.GlobalAveragePooling2D(), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([x, *parts]) if sequential else keras.Model(x, parts[1](parts[0](x)))
    means = np.array([0.6, -0.6, 0.2])
    # Of two neighboring classes it knows one: right for about half of the images.
    centers = (2 * (np.arange(10) // 2) / 4.5 - 1)[:, None] * means
    bias = -20 * (centers**2).sum(axis=1) - np.arange(10) % 2
    model.set_weights([(40 * centers.T).astype("float32"), bias.astype("float32")])
    return model


def transferred(nested=True):
    """Return the backbone, and the tail of a model whose head was fitted to features of the training images."""
    backbone = load_backbone(SIDE, "small", verbose=False)
    build = FEW["build_transfer"]["nested" if nested else "flat"]
    model = build(backbone.model, "block2_conv")
    drawn = material()
    images = ((drawn["x_known"] + 1) * 127.5 - backbone.offset) / backbone.scale
    features = np.asarray(keras.ops.mean(backbone.model(images, training=False), axis=(1, 2)))
    fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.01).fit(features, drawn["y_known"])
    dense = next(layer for layer in reversed(model.layers) if layer.weights)
    dense.set_weights([fitted.coef_.T, fitted.intercept_])
    return backbone, split_model(model, LAYER)[1]


@functools.cache
def files(other=False):
    """Return what lies beside a right notebook."""
    import tempfile

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        save_model(own_network(sequential=other), folder)
        backbone, tail = transferred(nested=not other)
        save_tail(tail, backbone, LAYER, folder / "transfer")
        found = {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }
    assert json.loads(found["transfer/backbone.json"])["backbone"] == SMALL
    return found


def as_student(fault):
    """Return a function as a student writes it who makes a known mistake."""
    function = fault.function
    if function in NETWORKS:
        return lambda *arguments: network(function, MISTAKES[fault.id], *arguments)
    answer = fault.apply(getattr(reference, function))
    if function in ("activations", "grad_cam"):
        # The course's own functions take a model in place of its recipe, too.
        return lambda model, layer, image, *rest: answer(model, 0, layer, image, *rest)
    return answer


def namespace(**functions):
    return {"np": np, "keras": keras, "layers": layers, **functions}


def student_of(functions, given=None):
    for path in sorted(Path().rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    for name, content in (given or {}).items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content)
    return NotebookStudent(namespace(**functions), oracle(), material=material())


def outcome(tools, seed, variant=None, fault=None):
    if fault is None:
        function, way = variant.split(": ")
        if function == "designs":
            code = DESIGNS if way == "sequential and functional" else OTHER_DESIGNS
            return asked(student_of(defined(code)), [LAB.check("check_designs")], seed)
        if function == "files":
            checks = [LAB.check("check_accuracy"), LAB.check("check_transfer")]
            return asked(student_of({}, files(way != FILES[0])), checks, seed)
        return asked(student_of({function: FEW[function][way]}), [LAB.check(f"check_{function}")], seed)
    if fault.to == "code":
        return asked(student_of(defined(fault.apply(DESIGNS))), [LAB.check("check_designs")], seed)
    if fault.to == "files":
        checks = [LAB.check("check_accuracy"), LAB.check("check_transfer")]
        return asked(student_of({}, fault.apply(files())), checks, seed)
    return asked(student_of({fault.function: as_student(fault)}), [LAB.check(f"check_{fault.function}")], seed)


def defined(code):
    functions = {}
    exec(code, functions)
    return functions
