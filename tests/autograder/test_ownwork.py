"""Answers that have another package compute are found by reading them, and honest ones are not."""

import textwrap
import time

import pytest

from autograder.ownwork import borrowed

FORBIDDEN = ("keras", "tensorflow", "autograder", "source_lib")
SETUP = """
import keras
import numpy as np
import tensorflow as tf
from autograder import open_lab
from source_lib import util
from source_lib.data_generator import DataGenerator

check = open_lab("lab1", globals())
"""


def found(*cells, functions=("conv2d_layer", "activation", "evaluate")):
    return borrowed([SETUP, *map(textwrap.dedent, cells)], functions, FORBIDDEN)


GUILTY = {
    "directly": ("def conv2d_layer(h, W, b, act):\n    return keras.ops.conv(h[None], W)[0]", "keras.ops.conv"),
    "by alias": ("import keras.ops as K\ndef conv2d_layer(h, W, b, act):\n    return K.conv(h, W)", "keras.ops.conv"),
    "by another alias": ("def conv2d_layer(h, W, b, act):\n    return tf.nn.conv2d(h, W)", "tensorflow.nn.conv2d"),
    "by name": (
        "from tensorflow.nn import conv2d as c\ndef conv2d_layer(h, W, b, act):\n    return c(h, W)",
        "tensorflow.nn.conv2d",
    ),
    "by star": ("from keras.ops import *\ndef conv2d_layer(h, W, b, act):\n    return conv(h, W)", "keras.ops.conv"),
    "by star beside numpy": (
        "from keras.ops import *\nfrom numpy import *\ndef conv2d_layer(h, W, b, act):\n    return conv(h, W)",
        "keras.ops.conv",
    ),
    "imported inside": (
        "def conv2d_layer(h, W, b, act):\n    from keras import ops\n    return ops.conv(h, W)",
        "keras.ops.conv",
    ),
    "import_module": (
        "import importlib\ndef conv2d_layer(h, W, b, act):\n    return importlib.import_module('keras.ops').conv(h, W)",
        "keras.ops",
    ),
    "import_module by alias": (
        "from importlib import import_module as im\ndef conv2d_layer(h, W, b, act):\n    return im('keras').ops(h)",
        "keras",
    ),
    "import_module put together": (
        "import importlib\ndef conv2d_layer(h, W, b, act):\n    return importlib.import_module('ker' + f'as').x(h)",
        "keras",
    ),
    "import_module by constant": (
        "name = 'keras'\nimport importlib as il\ndef conv2d_layer(h, W, b, act):\n    return il.import_module(name)",
        "keras",
    ),
    "__import__": ("def conv2d_layer(h, W, b, act):\n    return __import__('keras').ops.conv(h, W)", "keras"),
    "sys.modules": (
        "import sys\ndef conv2d_layer(h, W, b, act):\n    return sys.modules['keras'].ops.conv(h, W)",
        "keras",
    ),
    "sys.modules.get": (
        "from sys import modules as m\ndef conv2d_layer(h, W, b, act):\n    return m.get('tensorflow')(h)",
        "tensorflow",
    ),
    "globals": ("def conv2d_layer(h, W, b, act):\n    return globals()['keras'].ops.conv(h, W)", "keras"),
    "user_ns": ("def conv2d_layer(h, W, b, act):\n    return get_ipython().user_ns['keras'].ops.conv(h, W)", "keras"),
    "eval": ("def conv2d_layer(h, W, b, act):\n    return eval('keras.ops.conv(h, W)')", "keras.ops.conv"),
    "exec": (
        "def conv2d_layer(h, W, b, act):\n    exec('import keras as q')\n    return locals()['q'].ops.conv(h, W)",
        "keras",
    ),
    "defined by exec": ("exec('def conv2d_layer(h, W, b, act):\\n  return keras.ops.conv(h, W)')", "keras.ops.conv"),
    "assigned": ("conv2d_layer = keras.ops.conv", "keras.ops.conv"),
    "imported as": ("from source_lib.cnn import conv as conv2d_layer", "source_lib.cnn.conv"),
    "assigned to the namespace": ("globals()['conv2d_layer'] = keras.ops.conv", "keras.ops.conv"),
    "in a tuple": ("one, conv2d_layer = 1, keras.ops.conv", "keras.ops.conv"),
    "lambda": ("conv2d_layer = lambda h, W, b, act: keras.ops.conv(h, W)", "keras.ops.conv"),
    "default": ("def conv2d_layer(h, W, b, act, f=keras.ops.conv):\n    return f(h, W)", "keras.ops.conv"),
    "decorator": ("@tf.function\ndef conv2d_layer(h, W, b, act):\n    return h", "tensorflow.function"),
    "nested function": (
        "def conv2d_layer(h, W, b, act):\n    def inner():\n        return keras.ops.conv(h, W)\n    return inner()",
        "keras.ops.conv",
    ),
    "layer object": (
        "layer = keras.layers.ReLU()\ndef conv2d_layer(h, W, b, act):\n    return layer(h)",
        "keras.layers.ReLU",
    ),
    "in a condition": (
        "try:\n    conv2d_layer = keras.ops.conv\nexcept Exception:\n    conv2d_layer = None",
        "keras.ops.conv",
    ),
    "last of two": (
        "def conv2d_layer(h, W, b, act):\n    return h\ndef conv2d_layer(h, W, b, act):\n    return keras.ops.conv(h)",
        "keras.ops.conv",
    ),
    "timed cell": ("%%time\ndef conv2d_layer(h, W, b, act):\n    return keras.ops.conv(h, W)", "keras.ops.conv"),
    "timed cell in the history": (
        "get_ipython().run_cell_magic('time', '', 'conv2d_layer = keras.ops.conv\\n')",
        "keras.ops.conv",
    ),
    "timed line": ("%time conv2d_layer = keras.ops.conv", "keras.ops.conv"),
    "help beside": ("np.pad?\nconv2d_layer = keras.ops.conv", "keras.ops.conv"),
    "beside magics": (
        "%matplotlib inline\n!ls\nx = !pwd\ndef conv2d_layer(h, W, b, act):\n    return keras.ops.conv(h, W)",
        "keras.ops.conv",
    ),
    "walrus": ("(kk := keras.ops)\ndef conv2d_layer(h, W, b, act):\n    return kk.conv(h, W)", "keras.ops"),
    "dictionary": (
        "tools = {}\ntools['conv'] = keras.ops.conv\ndef conv2d_layer(h, W, b, act):\n    return tools['conv'](h, W)",
        "keras.ops.conv",
    ),
    "update": (
        "tools = {}\ntools.update(c=keras.ops.conv)\ndef conv2d_layer(h, W, b, act):\n    return tools['c'](h, W)",
        "keras.ops.conv",
    ),
    "global": (
        "def _set():\n    global tool\n    tool = keras.ops.conv\ndef conv2d_layer(h, W, b, act):\n    return tool(h)",
        "keras.ops.conv",
    ),
    "global import": (
        "def _set():\n    global q\n    import keras as q\ndef conv2d_layer(h, W, b, act):\n    return q.ops.conv(h)",
        "keras.ops.conv",
    ),
    "first meaning kept": (
        "def conv2d_layer(h, W, b, act):\n    return keras.ops.conv(h)\nold = conv2d_layer\n"
        "def conv2d_layer(h, W, b, act):\n    return old(h, W, b, act)",
        "keras.ops.conv",
    ),
    "wrapped": (
        "import functools\ndef conv2d_layer(h, W, b, act):\n    return keras.ops.conv(h)\n"
        "conv2d_layer = functools.cache(conv2d_layer)",
        "keras.ops.conv",
    ),
    "another answer's first meaning": (
        "def activation(x, a):\n    return keras.ops.relu(x)\nkeep = activation\ndef activation(x, a):\n    return x\n"
        "def conv2d_layer(h, W, b, act):\n    return keep(h, act)",
        "keras.ops.relu",
    ),
}


@pytest.mark.parametrize("way", GUILTY)
def test_answer_that_borrows_is_named_with_what_it_uses(way):
    cell, path = GUILTY[way]
    sentences = found(cell)
    assert set(sentences) == {"conv2d_layer"}
    assert sentences["conv2d_layer"].startswith(f"conv2d_layer uses {path} ")
    assert "scores 0" in sentences["conv2d_layer"]


HELPERS = {
    "function": ("def _conv(h, W):\n    return keras.ops.conv(h, W)", "_conv"),
    "lambda": ("_conv = lambda h, W: keras.ops.conv(h, W)", "_conv"),
    "partial": ("import functools\n_conv = functools.partial(keras.ops.conv, padding='same')", "_conv"),
    "class": ("class _conv:\n    def __call__(self, h, W):\n        return keras.ops.conv(h, W)", "_conv"),
    "class attribute": ("class _conv:\n    tool = keras.ops.conv", "_conv"),
    "class with an import": ("class _conv:\n    import keras.ops as k\n    tool = k.conv", "_conv"),
    "two steps": ("def _low(h):\n    return keras.ops.conv(h)\n\ndef _conv(h, W):\n    return _low(h)", "_conv, _low"),
    "list": ("_conv = [tool for tool in (keras.ops.conv,)][0]", "_conv"),
}


@pytest.mark.parametrize("way", HELPERS)
def test_helper_is_named(way):
    cell, chain = HELPERS[way]
    sentences = found(cell, "def conv2d_layer(h, W, b, act):\n    return _conv(h, W)")
    assert sentences["conv2d_layer"].startswith(f"conv2d_layer uses keras.ops.conv (through {chain}) ")


HONEST = {
    "numpy": "def conv2d_layer(h, W, b, act):\n    return np.tensordot(h, W)",
    "scipy and skimage": (
        "from scipy.signal import convolve2d\nfrom skimage.measure import block_reduce\n"
        "def conv2d_layer(h, W, b, act):\n    return convolve2d(block_reduce(h, 2), W)"
    ),
    "texts": (
        'def conv2d_layer(h, W, b, act):\n    """Like keras.ops.conv."""\n    # tf.nn.conv2d does the same\n'
        "    return 'keras.ops.conv'"
    ),
    "comparison elsewhere": (
        "def conv2d_layer(h, W, b, act):\n    return h\n"
        "def compare(h, W):\n    return conv2d_layer(h, W, 0, 'relu') - keras.ops.conv(h, W)\nprint(compare(1, 2))"
    ),
    "assertion elsewhere": (
        "def conv2d_layer(h, W, b, act):\n    return np.pad(h, 1)\nnp.testing.assert_allclose(1, keras.ops.ones(1))"
    ),
    "parameter of that name": "def conv2d_layer(keras, W, b, act):\n    return keras.ops(W)",
    "local of that name": "def conv2d_layer(h, W, b, act):\n    tf = np.fft\n    return tf.fft(h)",
    "attribute of that name": "def conv2d_layer(h, W, b, act):\n    h.keras = 1\n    return h.keras.ops",
    "parameters with names of the notebook": (
        "W, b, names = util.get_weights(keras.Sequential())\nx = DataGenerator().x_train\n"
        "def conv2d_layer(h, W, b, act):\n    x = [w for w in W]\n    return x + b"
    ),
    "replaced": (
        "def conv2d_layer(h, W, b, act):\n    return keras.ops.conv(h)\ndef conv2d_layer(h, W, b, act):\n    return h"
    ),
    "helper replaced": (
        "def _conv(h):\n    return keras.ops.conv(h)\ndef conv2d_layer(h, W, b, act):\n    return _conv(h)\n"
        "def _conv(h):\n    return h"
    ),
    "recursion": "def conv2d_layer(h, W, b, act):\n    return conv2d_layer(h[1:], W, b, act)",
    "annotation": "def conv2d_layer(h: tf.Tensor, W, b, act) -> keras.KerasTensor:\n    x: tf.Tensor = h\n    return x",
    "machine epsilon": "def evaluate(p, y):\n    return np.log(np.maximum(p, keras.config.epsilon()))",
    "similar names": "import numpy as keras_free\ndef conv2d_layer(h, W, b, act):\n    return keras_free.pad(h, 1)",
    "a comprehension of the notebook": (
        "names = [keras for keras in 'abc']\ndef conv2d_layer(h, W, b, act):\n    return names[0]"
    ),
    "other module by name": (
        "import importlib, sys\ndef conv2d_layer(h, W, b, act):\n"
        "    return importlib.import_module('scipy.signal'), sys.modules['numpy'], {}.get('keras')"
    ),
    "shell": "!pip list | grep keras\n%env KERAS_BACKEND=tensorflow\ndef conv2d_layer(h, W, b, act):\n    return h",
    "page of text": "%%html\n<script>conv2d_layer = keras.ops.conv</script>",
}


@pytest.mark.parametrize("way", HONEST)
def test_honest_answer_is_not_named(way):
    assert found(HONEST[way]) == {}


def test_each_answer_is_judged_by_itself():
    cells = (
        "def activation(x, a):\n    return keras.activations.get(a)(x)",
        "def conv2d_layer(h, W, b, act):\n    return activation(h, act)",
    )
    assert set(found(*cells)) == {"activation"}
    assert set(found(*reversed(cells))) == {"activation"}


def test_cells_are_read_in_order():
    honest, guilty = "def evaluate(p, y):\n    return p", "def evaluate(p, y):\n    return util.evaluate(p, y)"
    assert found(guilty, honest) == {}
    assert set(found(honest, guilty)) == {"evaluate"}


def test_cell_that_is_not_python_hides_no_other():
    assert set(found("def (", "evaluate = util.evaluate", "x = = 1")) == {"evaluate"}


AWKWARD = {
    "null byte": "x = 1\0",
    "surrogate": "x = '\ud800'",
    "deep parentheses": "(" * 5000 + ")" * 5000,
    "deep sum": "x = " + "+".join(["1"] * 50000),
    "deep minus": "x = " + "-" * 50000 + "1",
    "deep attributes": "x = a" + ".b" * 20000,
    "deep calls": "x = a" + "()" * 5000,
    "long elif": "if a:\n    pass\n" + "elif a:\n    pass\n" * 3000,
    "many magics": "%time x = 1\n" * 800,
    "many lines": "tools = {}\n" + "tools.update(a=1)\n" * 20000,
    "long shell cell": "!ls\n" * 60000,
    "bad escape": "x = '\\d'",
    "tabs": "if 1:\n\tx = 1\n        y = 2",
    "text that runs itself": "text = 'exec(text)'\ndef conv2d_layer():\n    exec(text)",
    "mutual helpers": "def _a():\n    return _b()\ndef _b():\n    return _a()\ndef conv2d_layer():\n    return _a()",
    "empty": "",
    "only a magic": "%%",
    "unfinished": "x = '''",
    "unknown encoding": "# -*- coding: nonsense -*-\nx = 1",
}


@pytest.mark.parametrize("text", AWKWARD)
def test_no_text_stops_the_reading(text, recwarn, capfd):
    start = time.perf_counter()
    assert set(found(AWKWARD[text], "evaluate = keras.ops.mean")) == {"evaluate"}
    assert time.perf_counter() - start < 20
    assert capfd.readouterr().err == ""
    assert not recwarn.list


def test_what_is_no_text_is_passed_over():
    assert borrowed([None, 3, b"x", "evaluate = 1"], ["evaluate"], FORBIDDEN) == {}


def test_answer_that_is_missing_is_not_named():
    assert found(functions=("pool2d_layer",)) == {}
