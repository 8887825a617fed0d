"""Answers that let a package compute are found while they run, as grading finds them, and honest ones are not."""

import functools
import re
import sys
from html import unescape

import nbformat
import pytest

from autograder.grading.course_oracle import CourseOracle
from autograder.grading.grade import Conditions, grade
from autograder.labs import get_lab
from autograder.notebook import lab_check
from autograder.submissions.submission import Submission
from tests.short import one_in

LAB = get_lab("lab1")
SETUP = """
import keras
import numpy as np
import tensorflow as tf
from source_lib.data import DataGenerator
"""
USED = "{} uses {} instead of computing its answer, so it scores 0. Write it with NumPy or SciPy."
UNPROVEN = "{} gives other answers where keras, tensorflow, autograder and source_lib cannot be used: "
FLAT = "def flatten_layer(h):\n    {}\n"
HONEST_FLAT = FLAT.format("return h.ravel()")


def checked(source, function="flatten_layer"):
    """Return the points of a function of a notebook, and the reasons why lines of it were lost."""
    space = {"__name__": "__main__"}
    exec(SETUP + source, space)
    points = lab_check("lab1", space)(function)
    cells = [unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", points.html, re.S)]
    return float(points), {cell for cell in cells if " uses " in cell or "gives other" in cell or "stopped" in cell}


#: The same of a notebook without files beside it, which is always the same.
alone = functools.cache(checked)
GUILTY = {
    "directly": (FLAT.format("return keras.ops.ravel(h)"), "keras.ops.ravel"),
    "by alias": ("import keras.ops as K\n" + FLAT.format("return K.ravel(h)"), "keras.ops.ravel"),
    "another package": (FLAT.format("return tf.reshape(h, [-1])"), "tensorflow.reshape"),
    "by name": ("from keras.ops import ravel as r\n" + FLAT.format("return r(h)"), "keras.ops.ravel"),
    "imported inside": (FLAT.format("from keras import ops; return ops.ravel(h)"), "keras.ops.ravel"),
    "import_module": (
        FLAT.format("import importlib; return importlib.import_module('.ops', 'ker' + 'as').ravel(h)"),
        "keras.ops.ravel",
    ),
    "__import__": (FLAT.format("return __import__('keras').ops.ravel(h)"), "keras.ops.ravel"),
    "sys.modules": (FLAT.format("import sys; return sys.modules.get('keras').ops.ravel(h)"), "keras.ops.ravel"),
    "globals": (FLAT.format("return globals()['keras'].ops.ravel(h)"), "keras.ops.ravel"),
    "a name that is put together": (
        FLAT.format("return getattr(getattr(keras, 'o' + 'ps'), 'rav' + 'el')(h)"),
        "keras.ops.ravel",
    ),
    "eval": (FLAT.format("return eval('keras.ops.ravel(h)')"), "keras.ops.ravel"),
    "exec": (FLAT.format("exec('import keras as q'); return locals()['q'].ops.ravel(h)"), "keras.ops.ravel"),
    "defined by exec": ("exec('def flatten_layer(h): return keras.ops.ravel(h)')", "keras.ops.ravel"),
    "assigned": ("flatten_layer = keras.ops.ravel", "keras.ops.ravel"),
    "assigned to the namespace": ("globals()['flatten_layer'] = keras.ops.ravel", "keras.ops.ravel"),
    "the course's own answer": (
        "from autograder.labs.lab1.reference import flatten_layer",
        "autograder.labs.lab1.reference.flatten_layer",
    ),
    "lambda": ("flatten_layer = lambda h: keras.ops.ravel(h)", "keras.ops.ravel"),
    "default": ("def flatten_layer(h, f=keras.ops.ravel):\n    return f(h)", "keras.ops.ravel"),
    "nested function": (
        FLAT.format("def inner(): return keras.ops.ravel(h)\n    return inner()"),
        "keras.ops.ravel",
    ),
    "partial": (
        "import functools\nflatten_layer = functools.partial(keras.ops.reshape, newshape=-1)",
        "keras.ops.reshape",
    ),
    "layer": (FLAT.format("return keras.layers.Flatten()(h[None])[0]"), "keras.layers.Flatten"),
    "layer of tensorflow's keras": (
        FLAT.format("return tf.keras.layers.Flatten()(h[None])[0]"),
        "keras.layers.Flatten",
    ),
    "subclass": (
        FLAT.format("class Mine(keras.layers.Layer): pass\n    return np.ravel(Mine()(h))"),
        "keras.Layer",
    ),
    "last of two": (HONEST_FLAT + FLAT.format("return keras.ops.ravel(h)"), "keras.ops.ravel"),
    "first meaning kept": (
        FLAT.format("return keras.ops.ravel(h)") + "old = flatten_layer\n" + FLAT.format("return old(h)"),
        "keras.ops.ravel",
    ),
    "dictionary": ("tools = {'f': keras.ops.ravel}\n" + FLAT.format("return tools['f'](h)"), "keras.ops.ravel"),
    "put into a package": (
        FLAT.format("np.k = keras\n    try: return np.k.ops.ravel(h)\n    finally: del np.k"),
        "keras.ops.ravel",
    ),
    "put into the answer": (
        FLAT.format("return flatten_layer.tool(h)") + "flatten_layer.tool = keras.ops.ravel",
        "keras.ops.ravel",
    ),
    "after a type check": (
        FLAT.format("assert isinstance(h, np.ndarray); return keras.ops.ravel(h)"),
        "keras.ops.ravel",
    ),
    "in a type check": (FLAT.format("return h.ravel()[isinstance(keras.ops.ravel(h), int):]"), "keras.ops.ravel"),
    "in a comprehension": (FLAT.format("return [x for x in keras.ops.ravel(h)]"), "keras.ops.ravel"),
    "tensor": (FLAT.format("return keras.ops.convert_to_tensor(h.ravel())"), "keras.ops.convert_to_tensor"),
    "to_categorical": (FLAT.format("keras.utils.to_categorical([1]); return h.ravel()"), "keras.utils.to_categorical"),
    "called by a library": (
        FLAT.format("return np.apply_along_axis(keras.ops.ravel, 0, h.ravel())"),
        "keras.ops.ravel",
    ),
    "in a thread": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        + FLAT.format("return ThreadPoolExecutor(1).submit(keras.ops.ravel, h).result()"),
        "keras.ops.ravel",
    ),
    "after an error, with another package": (
        FLAT.format("try: return keras.ops.ravel(h)\n    except Exception: return tf.reshape(h, [-1])"),
        "keras.ops.ravel",
    ),
    "remembered": (
        "seen = {}\n"
        + FLAT.format(
            "k = h.tobytes()\n    if k not in seen: seen[k] = np.array(keras.ops.ravel(h))\n    return seen[k]"
        ),
        "keras.ops.ravel",
    ),
    "method": (
        "class Tool:\n    def run(self, h):\n        return keras.ops.ravel(h)\n" + FLAT.format("return Tool().run(h)"),
        "keras.ops.ravel",
    ),
    "two helpers": (
        "def _low(h): return keras.ops.ravel(h)\ndef _high(h): return _low(h)\n" + FLAT.format("return _high(h)"),
        "keras.ops.ravel",
    ),
    "a star": ("from keras.ops import *\n" + FLAT.format("return ravel(h)"), "keras.ops.ravel"),
    "a layer that is there already": (
        "f = keras.layers.Flatten()\n" + FLAT.format("return f(h[None])[0]"),
        "keras.layers.Flatten",
    ),
    "a tensor that is there already": (
        "one = tf.constant(1.0)\n" + FLAT.format("return (h * one.numpy()).ravel()"),
        "tensorflow.Tensor",
    ),
    "a graph": (
        "@tf.function\n" + FLAT.format("return tf.reshape(h, [-1])"),
        "tensorflow.types.experimental.GenericFunction",
    ),
}


@pytest.mark.parametrize("way", one_in(3, GUILTY))
def test_answer_that_lets_a_package_compute_gets_nothing_and_is_told_what_it_called(way):
    source, path = GUILTY[way]
    assert alone(source) == (0, {USED.format("flatten_layer", path)})


HONEST = {
    "texts": FLAT.format(
        '"""Like keras.ops.ravel."""\n    # tf.reshape does the same\n    "keras.ops.ravel"\n    return h.ravel()'
    ),
    "comparison elsewhere": HONEST_FLAT + "assert np.allclose(keras.ops.ravel(np.ones(3)), flatten_layer(np.ones(3)))",
    "parameter of that name": "def flatten_layer(keras):\n    return keras.ravel()",
    "local of that name": FLAT.format("tf = np; return tf.ravel(h)"),
    "replaced": FLAT.format("return keras.ops.ravel(h)") + HONEST_FLAT,
    "helper replaced": (
        "def _flat(h): return keras.ops.ravel(h)\n" + FLAT.format("return _flat(h)") + "def _flat(h): return h.ravel()"
    ),
    "annotation": "def flatten_layer(h: tf.Tensor) -> keras.KerasTensor:\n    x: tf.Tensor = h\n    return x.ravel()",
    "settings": FLAT.format(
        "keras.utils.set_random_seed(1)\n"
        "    return h.astype(keras.backend.floatx()).ravel() + 0 * keras.config.epsilon()"
    ),
    "questions": FLAT.format(
        "assert not tf.is_tensor(h) and not keras.backend.is_keras_tensor(h)\n"
        "    return keras.ops.convert_to_numpy(h).ravel()"
    ),
    "type checks": FLAT.format(
        "assert isinstance(h, (np.ndarray, tf.Tensor)) and not isinstance(h, keras.KerasTensor | tf.Variable)\n"
        "    assert hasattr(keras, 'ops') and type(h) not in (tf.RaggedTensor, list) and h.dtype != tf.int8\n"
        "    return h.ravel()"
    ),
    "comparison with a package": FLAT.format(
        "assert h is not keras.activations.relu and keras and tf; return h.ravel()"
    ),
    "imports": FLAT.format(
        "import importlib.util, keras.ops as K\n    from tensorflow.keras import layers\n"
        "    assert importlib.util.find_spec('tensorflow'); return h.ravel()"
    ),
    "exceptions of a package": FLAT.format(
        "try: return h.ravel()\n    except (IndexError, tf.errors.OpError): return h"
    ),
    "class that derives": FLAT.format(
        "class Mine(keras.layers.Layer): pass\n    class Other(tf.Module): pass\n    return h.ravel()"
    ),
    "never called": FLAT.format("def theirs(): return keras.ops.ravel(h)\n    return h.ravel()"),
    "computes after an error": FLAT.format("try: return keras.ops.ravel(h)\n    except Exception: return h.ravel()"),
    "computes after two errors": FLAT.format(
        "for f in (keras.ops.ravel, lambda x: tf.reshape(x, [-1]), keras.layers.Flatten()):\n"
        "        try: return f(h)\n        except Exception: pass\n    return h.ravel()"
    ).replace("keras.layers.Flatten()", "lambda x: keras.layers.Flatten()(x)"),
    "comparison kept with the answer": HONEST_FLAT + "flatten_layer.theirs = keras.ops.ravel",
    "data": "data = DataGenerator(verbose=False)\n" + HONEST_FLAT,
    "set to None": "tf = keras = None\n" + HONEST_FLAT,
    "star before numpy's": "from keras.ops import *\nfrom numpy import *\n" + FLAT.format("return ravel(h)"),
    "star of a name that is defined later": (
        "from keras.ops import *\ndef ravel(h): return h.reshape(-1)\n" + FLAT.format("return ravel(h)")
    ),
    "star of numpy itself": "from source_lib.layers.arithmetic import *\n" + HONEST_FLAT,
    "other module by name": FLAT.format(
        "import importlib; importlib.import_module('scipy.signal').convolve2d(h[..., 0], [[1]]); return h.ravel()"
    ),
    # Seldom, since collecting takes long beside TensorFlow.
    "rubbish is collected": FLAT.format("import gc; len(h) == 33 and gc.collect(); return h.ravel()"),
}


@pytest.mark.parametrize("way", one_in(2, HONEST))
def test_answer_that_computes_may_know_the_packages(way):
    assert alone(HONEST[way]) == (2, set())


KERAS = "import keras\nimport numpy as np\ndef pool(h): return keras.ops.ravel(h)\ndef flat(h): return np.ravel(h)\n"
BESIDE = {
    "import": ({"helper.py": KERAS}, "import helper\n" + FLAT.format("return helper.pool(h)"), False),
    "star": ({"helper.py": KERAS}, "from helper import *\n" + FLAT.format("return pool(h)"), False),
    "import inside": ({"helper.py": KERAS}, FLAT.format("from helper import pool; return pool(h)"), False),
    "package of the helper": (
        {"helper.py": KERAS},
        "import helper\n" + FLAT.format("return helper.keras.ops.ravel(h)"),
        False,
    ),
    "module's __getattr__": (
        {"helper.py": "import keras\ndef __getattr__(name): return getattr(keras.ops, name)"},
        "import helper\n" + FLAT.format("return helper.ravel(h)"),
        False,
    ),
    "second file": (
        {"one.py": "from two import pool as p\ndef q(h): return p(h)", "two.py": KERAS},
        "import one\n" + FLAT.format("return one.q(h)"),
        False,
    ),
    "package": (
        {"pkg/__init__.py": "from .mod import pool", "pkg/mod.py": KERAS},
        "import pkg\n" + FLAT.format("return pkg.pool(h)"),
        False,
    ),
    "executed": ({"helper.py": KERAS}, "exec(open('helper.py').read())\n" + FLAT.format("return pool(h)"), False),
    "other function": ({"helper.py": KERAS}, "import helper\n" + FLAT.format("return helper.flat(h)"), True),
    "not imported": ({"helper.py": KERAS}, "def pool(h): return h.ravel()\n" + FLAT.format("return pool(h)"), True),
    "test in the file": (
        {
            "helper.py": "def pool(h): return h.ravel()\n"
            "if __name__ == '__main__':\n    import keras\n    pool = keras.ops.ravel"
        },
        "import helper\n" + FLAT.format("return helper.pool(h)"),
        True,
    ),
}


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """Write files into the folder of a notebook."""

    def write(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(tmp_path)
        for name in ("helper", "one", "two", "pkg", "pkg.mod"):
            monkeypatch.delitem(sys.modules, name, raising=False)

    return write


@pytest.mark.parametrize("way", BESIDE)
def test_file_beside_the_notebook_is_followed(way, beside):
    files, source, honest = BESIDE[way]
    beside(files)
    assert checked(source) == ((2, set()) if honest else (0, {USED.format("flatten_layer", "keras.ops.ravel")}))


ACTIVATION = """
def activation(x, activation):
    if activation == "linear":
        return x
    axis = {"axis": 0} if activation == "softmax" else {}
    return keras.activations.get(activation)(keras.ops.convert_to_tensor(x), **axis)
def dense_layer(h, W, b, act):
    return activation(W @ np.reshape(h, (-1, 1)) + np.reshape(b, (-1, 1)), act)
"""


def test_innermost_function_of_the_lab_is_blamed_and_who_calls_it_waits_for_a_person():
    assert alone(ACTIVATION, "activation")[1] == {USED.format("activation", "keras.activations.get")}
    points, reasons = alone(ACTIVATION, "dense_layer")
    assert 0 < points < 5
    assert [reason.startswith(UNPROVEN.format("dense_layer")) for reason in reasons] == [True]


def test_fixed_answer_is_paid_at_once():
    space = {"__name__": "__main__"}
    exec(SETUP + FLAT.format("return keras.ops.ravel(h)"), space)
    check = lab_check("lab1", space)
    assert check("flatten_layer") == 0
    exec(HONEST_FLAT, space)
    assert check("flatten_layer") == 2


# The notebook's check and the grade.

#: What a cell makes with a package or takes from one is not there while grading: only what is said of it differs.
DIFFERS = {
    "a star",
    "the course's own answer",
    "a layer that is there already",
    "a tensor that is there already",
    "a graph",
}
#: A path under which stand-ins know the same thing.
PATHS = {"keras.layers.Flatten": "tensorflow.keras.layers.Flatten", "keras.Layer": "keras.layers.Layer"}
SPREAD = [*list(GUILTY)[::3], *sorted(DIFFERS), *list(HONEST)[::3], "computes after two errors"]


@pytest.fixture(scope="module")
def course(sandbox, bare_sandbox):
    return CourseOracle(LAB, sandbox, bare_sandbox)


def graded(source, course, sandbox, files=None, function="flatten_layer"):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (SETUP, source)])
    verdict = grade(notebook, LAB, sandbox, course, Conditions(1), Submission(files=files or {}))
    items = verdict.of_check(f"check_{function}")
    return sum(item.points for item in items), {item.reason for item in items if not item.passed}


@pytest.mark.parametrize("way", one_in(3, dict.fromkeys(SPREAD)))
def test_grading_says_the_same(way, course, bare_sandbox):
    source, path = GUILTY.get(way) or (HONEST[way], None)
    points, reasons = graded(source, course, bare_sandbox)
    assert points == alone(source)[0]
    if path and way not in DIFFERS:
        paths = (path, PATHS.get(path))
        assert reasons in [{USED.format("flatten_layer", one)} for one in paths]


@pytest.mark.parametrize("way", ["second file", "test in the file"])
def test_grading_says_the_same_of_files_beside(way, course, bare_sandbox, beside):
    files, source, _ = BESIDE[way]
    beside(files)
    encoded = {name: text.encode() for name, text in files.items()}
    assert graded(source, course, bare_sandbox, encoded) == checked(source)


@pytest.mark.parametrize("function", ["activation", "dense_layer"])
def test_grading_blames_the_same_function(function, course, bare_sandbox):
    points, reasons = graded(ACTIVATION, course, bare_sandbox, function=function)
    assert points == alone(ACTIVATION, function)[0]
    assert alone(ACTIVATION, function)[1] <= reasons
