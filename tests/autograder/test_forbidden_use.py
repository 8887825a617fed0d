"""Answers that have another package compute are found by reading them, and honest ones are not."""

import random
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.submissions.forbidden_use import TooMuchSourceError, forbidden_uses

FORBIDDEN = ("keras", "tensorflow", "autograder", "source_lib")
#: Of a processor, for whatever a submission holds; a loaded machine takes longer.
SECONDS = 5
SETUP = """
import keras
import numpy as np
import tensorflow as tf
from autograder import open_lab
from source_lib import util
from source_lib.data import DataGenerator

check = open_lab("lab1", globals())
"""


def found(*cells, functions=("conv2d_layer", "activation", "evaluate"), files=None):
    return forbidden_uses([SETUP, *map(textwrap.dedent, cells)], functions, FORBIDDEN, files)


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
        "keras.ops.conv",
    ),
    "import_module by alias": (
        "from importlib import import_module as im\ndef conv2d_layer(h, W, b, act):\n    return im('keras').ops(h)",
        "keras.ops",
    ),
    "import_module put together": (
        "import importlib\ndef conv2d_layer(h, W, b, act):\n    return importlib.import_module('ker' + f'as').x(h)",
        "keras.x",
    ),
    "import_module by constant": (
        "name = 'keras'\nimport importlib as il\ndef conv2d_layer(h, W, b, act):\n    return il.import_module(name)",
        "keras",
    ),
    "__import__": ("def conv2d_layer(h, W, b, act):\n    return __import__('keras').ops.conv(h, W)", "keras.ops.conv"),
    "sys.modules": (
        "import sys\ndef conv2d_layer(h, W, b, act):\n    return sys.modules['keras'].ops.conv(h, W)",
        "keras.ops.conv",
    ),
    "sys.modules.get": (
        "from sys import modules as m\ndef conv2d_layer(h, W, b, act):\n    return m.get('tensorflow')(h)",
        "tensorflow",
    ),
    "globals": ("def conv2d_layer(h, W, b, act):\n    return globals()['keras'].ops.conv(h, W)", "keras.ops.conv"),
    "user_ns": (
        "def conv2d_layer(h, W, b, act):\n    return get_ipython().user_ns['keras'].ops.conv(h, W)",
        "keras.ops.conv",
    ),
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
    "walrus": ("(kk := keras.ops)\ndef conv2d_layer(h, W, b, act):\n    return kk.conv(h, W)", "keras.ops.conv"),
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
    "put into a package": (
        "np.k = keras\ndef conv2d_layer(h, W, b, act):\n    return np.k.ops.conv(h, W)",
        "keras.ops.conv",
    ),
    "put into a package by setattr": (
        "setattr(np, 'k', keras)\ndef conv2d_layer(h, W, b, act):\n    return np.k.ops.conv(h, W)",
        "keras.ops.conv",
    ),
    "put into an object": (
        "import types\nbox = types.SimpleNamespace()\nbox.tool = keras.ops.conv\n"
        "def conv2d_layer(h, W, b, act):\n    return box.tool(h, W)",
        "keras.ops.conv",
    ),
    "put into the answer": (
        "def conv2d_layer(h, W, b, act):\n    return conv2d_layer.tool(h, W)\nconv2d_layer.tool = keras.ops.conv",
        "keras.ops.conv",
    ),
    "Keras of TensorFlow by star": (
        "from tensorflow.keras.layers import *\ndef conv2d_layer(h, W, b, act):\n    return Conv2D(3, 3)(h)",
        "keras.layers.Conv2D",
    ),
    "TensorFlow by star": (
        "from tensorflow.nn import *\ndef conv2d_layer(h, W, b, act):\n    return conv2d(h, W)",
        "tensorflow.nn.conv2d",
    ),
    "star after a stub": (
        "def conv(h):\n    return None\nfrom keras.ops import *\ndef conv2d_layer(h, W, b, act):\n    return conv(h)",
        "keras.ops.conv",
    ),
    "star in a branch": (
        "try:\n    from keras.ops import *\nexcept ImportError:\n    pass\n"
        "def conv2d_layer(h, W, b, act):\n    return conv(h)",
        "keras.ops.conv",
    ),
    "fallback import": (
        "try:\n    import keras as k\nexcept ImportError:\n    k = None\n"
        "def conv2d_layer(h, W, b, act):\n    if k is not None:\n        return k.ops.conv(h, W)\n    return h",
        "keras.ops.conv",
    ),
    "after a type check": (
        "def conv2d_layer(h, W, b, act):\n    assert isinstance(h, keras.KerasTensor)\n    return keras.ops.conv(h)",
        "keras.ops.conv",
    ),
    "in a type check": (
        "def conv2d_layer(h, W, b, act):\n    return isinstance(keras.ops.conv(h, W), np.ndarray)",
        "keras.ops.conv",
    ),
    "in a comparison": (
        "def conv2d_layer(h, W, b, act):\n    return keras.ops.relu(h) == h",
        "keras.ops.relu",
    ),
    "isinstance of one's own": (
        "isinstance = lambda a, b: b\ndef conv2d_layer(h, W, b, act):\n    return isinstance(h, keras.ops).conv(h)",
        "keras.ops",
    ),
    "tensor": (
        "def conv2d_layer(h, W, b, act):\n    return keras.ops.convert_to_tensor(h) @ W",
        "keras.ops.convert_to_tensor",
    ),
    "to_categorical": (
        "def conv2d_layer(h, W, b, act):\n    return keras.utils.to_categorical(h)",
        "keras.utils.to_categorical",
    ),
    "beside a comprehension": (
        "def conv2d_layer(h, W, b, act):\n    [0 for keras in ()]\n    return keras.ops.conv(h, W)",
        "keras.ops.conv",
    ),
    "in a comprehension": (
        "def conv2d_layer(h, W, b, act):\n    return [keras.ops.conv(x, W) for x in h]",
        "keras.ops.conv",
    ),
    "method beside a class variable": (
        "class Tool:\n    keras = 1\n    def run(self, h):\n        return keras.ops.conv(h)\n"
        "def conv2d_layer(h, W, b, act):\n    return Tool().run(h)",
        "keras.ops.conv",
    ),
    "relative import_module": (
        "import importlib as i\ndef conv2d_layer(h, W, b, act):\n    return i.import_module('.ops', 'keras').conv(h)",
        "keras.ops.conv",
    ),
    "captured cell": ("%%capture out\nconv2d_layer = keras.ops.conv", "keras.ops.conv"),
    "line that %time cannot run": (
        "def conv2d_layer(h, W, b, act):\n    return keras.ops.conv(h, W)\n%time )",
        "keras.ops.conv",
    ),
    "prompts": (">>> def conv2d_layer(h, W, b, act):\n...     return keras.ops.conv(h, W)", "keras.ops.conv"),
    "numbered prompts": (
        "In [3]: def conv2d_layer(h, W, b, act):\n   ...:     return keras.ops.conv(h, W)",
        "keras.ops.conv",
    ),
    "shift": ("  !ls\n  conv2d_layer = keras.ops.conv", "keras.ops.conv"),
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
    "type checks": (
        "def conv2d_layer(h, W, b, act):\n    assert isinstance(h, (np.ndarray, tf.Tensor)), 'no array'\n"
        "    if isinstance(h, keras.KerasTensor | tf.Variable) or hasattr(keras, 'ops'):\n        h = np.asarray(h)\n"
        "    if type(h) is tf.RaggedTensor or type(h) in (tf.SparseTensor, list):\n        h = h.numpy()\n    return h"
    ),
    "conversion": "def conv2d_layer(h, W, b, act):\n    return keras.ops.convert_to_numpy(h)",
    "settings": (
        "kb = keras.backend\ndef conv2d_layer(h, W, b, act):\n    return h.astype(keras.backend.floatx()), kb.epsilon()"
    ),
    "comparison with a package": (
        "def conv2d_layer(h, W, b, act):\n    if act == keras.activations.relu or keras is None:\n"
        "        act = 'relu'\n    return np.maximum(h, 0)"
    ),
    "flag": (
        "import importlib.util\nHAVE = importlib.util.find_spec('tensorflow') is not None\n"
        "def conv2d_layer(h, W, b, act):\n    if HAVE and not tf:\n        print('with TensorFlow')\n    return h"
    ),
    "exceptions of a package": (
        "def conv2d_layer(h, W, b, act):\n    try:\n        return h[0]\n    except (IndexError, tf.errors.OpError):\n"
        "        return h"
    ),
    "data": (
        "from keras.datasets import mnist\n(x, y), _ = mnist.load_data()\ndata = DataGenerator(verbose=False)\n"
        "def conv2d_layer(h, W, b, act):\n    return h[: data.x_test.shape[0] + len(x)]"
    ),
    "package in a package": "np.k = keras\ndef conv2d_layer(h, W, b, act):\n    return np.pad(h, 1)",
    "package in a package by setattr": (
        "setattr(np, 'k', keras)\ndef conv2d_layer(h, W, b, act):\n    return np.pad(h, 1)"
    ),
    "comparison kept with the answer": (
        "def conv2d_layer(h, W, b, act):\n    return np.pad(h, 1)\nconv2d_layer.theirs = keras.ops.conv"
    ),
    "set to None": "tf = keras = None\ndef conv2d_layer(h, W, b, act):\n    return tf or keras",
    "deleted": "del tf, keras\ndef conv2d_layer(h, W, b, act):\n    return tf.pad(h)",
    "fallback": (
        "try:\n    import keras as k\nexcept ImportError:\n    k = None\n"
        "def conv2d_layer(h, W, b, act):\n    return h if k is None else h + 1"
    ),
    "helper that is not used": (
        "def theirs(h, conv=keras.ops.conv):\n    return conv(h)\n"
        "def conv2d_layer(h, W, b, act):\n    return np.pad(h, 1)\nif __name__ == '__main__':\n    print(theirs(1))"
    ),
    "class variable of that name": (
        "class Tool:\n    keras = 3\n    size = keras + 1\ndef conv2d_layer(h, W, b, act):\n    return Tool.size"
    ),
    "comprehension of that name": "def conv2d_layer(h, W, b, act):\n    return [keras.x for keras in h if keras.y]",
    "loop, exception and pattern of that name": (
        "def conv2d_layer(h, W, b, act):\n    for keras in h:\n        keras.ops()\n    try:\n        pass\n"
        "    except ValueError as tf:\n        tf.nn()\n    match h:\n        case [util, *check]:\n"
        "            return util.x, check"
    ),
    "star with names of one's own": (
        "from keras import *\ndef conv2d_layer(h, W, b, act):\n    return convolve(missing, max(h), unknown)"
    ),
    "star before numpy's": (
        "from keras.ops import *\nfrom numpy import *\n"
        "def conv2d_layer(h, W, b, act):\n    return pad(zeros(3), 1) + exp(h)"
    ),
    "star after numpy's": (
        "from numpy import *\nfrom keras.ops import *\n"
        "def conv2d_layer(h, W, b, act):\n    return pad(zeros(3), 1) + exp(h)"
    ),
    "star before scipy's": (
        "from keras.ops import *\nfrom scipy.special import *\ndef conv2d_layer(h, W, b, act):\n    return softmax(h)"
    ),
    "star and Python's own": (
        "from keras.ops import *\nfrom math import *\ndef conv2d_layer(h, W, b, act):\n    return max(abs(h), sqrt(2))"
    ),
    "star of a module that imports numpy": (
        "from source_lib.cnn import *\ndef conv2d_layer(h, W, b, act):\n    return np.pad(h, 1)"
    ),
    "star of what is not installed": (
        "from tensorflow.no_such import *\nfrom keras.nowhere import *\n"
        "def conv2d_layer(h, W, b, act):\n    return conv(h)"
    ),
    "star of a name that is defined later": (
        "from keras.ops import *\ndef conv(h):\n    return h\ndef conv2d_layer(h, W, b, act):\n    return conv(h)"
    ),
    "modules of one's own": (
        "my_modules = {'keras': 3}\nclass Box:\n    pass\nbox = Box()\n"
        "def conv2d_layer(h, W, b, act):\n    return my_modules['keras'], box.__dict__['keras'], vars(box)['keras']"
    ),
    "name of a module in a local variable": (
        "name = 'keras'\nimport importlib\ndef conv2d_layer(h, W, b, act):\n    for name in ['scipy.signal']:\n"
        "        importlib.import_module(name)\n    return h"
    ),
    "what leaves no names": "%%timeit\nconv2d_layer = keras.ops.conv",
    "other process": "%%python\nconv2d_layer = keras.ops.conv",
    "timed line": "def conv2d_layer(h, W, b, act):\n    return h\n%timeit keras.ops.conv(1)\n%time keras.ops.conv(1)",
    "shell": "!pip list | grep keras\n%env KERAS_BACKEND=tensorflow\ndef conv2d_layer(h, W, b, act):\n    return h",
    "page of text": "%%html\n<script>conv2d_layer = keras.ops.conv</script>",
}


@pytest.mark.parametrize("way", HONEST)
def test_honest_answer_is_not_named(way):
    assert found(HONEST[way]) == {}


CONV = "def conv2d_layer(h, W, b, act):\n    return {}(h, W)"
KERAS = """
import keras
import numpy as np
def pool(h, W):
    return keras.ops.conv(h, W)
def pad(h, W):
    return np.pad(h, 1)
"""

BESIDE = {
    "import": ({"helper.py": KERAS}, "import helper\n" + CONV.format("helper.pool"), "helper.pool"),
    "from import": ({"helper.py": KERAS}, "from helper import pool as p\n" + CONV.format("p"), "helper.pool"),
    "star": ({"helper.py": KERAS}, "from helper import *\n" + CONV.format("pool"), "helper.pool"),
    "star that is listed": (
        {"helper.py": KERAS + "\n_p = pool\n__all__ = ['_p']"},
        "from helper import *\n" + CONV.format("_p"),
        "helper._p, pool",
    ),
    "star over a stub": (
        {"helper.py": "from keras.ops import conv as conv2d_layer"},
        "def conv2d_layer():\n    return None\nfrom helper import *",
        "",
    ),
    "import inside": (
        {"helper.py": KERAS},
        "def conv2d_layer(h, W, b, act):\n    from helper import pool\n    return pool(h, W)",
        "helper.pool",
    ),
    "by another name": (
        {"helper.py": KERAS},
        "import helper\ntools = helper\n" + CONV.format("tools.pool"),
        "helper.pool",
    ),
    "package of the helper": ({"helper.py": KERAS}, "import helper\n" + CONV.format("helper.keras.ops.conv"), ""),
    "import_module": (
        {"helper.py": KERAS},
        "import importlib\n" + CONV.format("importlib.import_module('helper').pool"),
        "helper.pool",
    ),
    "getattr": ({"helper.py": KERAS}, "import helper\n" + CONV.format("getattr(helper, 'pool')"), "helper.pool"),
    "module's __getattr__": (
        {"helper.py": "import keras\ndef __getattr__(name):\n    return getattr(keras.ops.conv, name)"},
        "import helper\n" + CONV.format("helper.anything"),
        "helper.anything",
    ),
    "second file": (
        {"one.py": "from two import pool as p\ndef q(h, W):\n    return p(h, W)", "two.py": KERAS},
        "import one\n" + CONV.format("one.q"),
        "one.q, two.pool",
    ),
    "package": (
        {"pkg/__init__.py": "from .mod import pool", "pkg/mod.py": KERAS},
        "import pkg\n" + CONV.format("pkg.pool"),
        "pkg.mod.pool",
    ),
    "module of a package": (
        {"pkg/mod.py": KERAS, "pkg/sub/deep.py": "from ..mod import *"},
        "import pkg.sub.deep\n" + CONV.format("pkg.sub.deep.pool"),
        "pkg.mod.pool",
    ),
    "circle": (
        {"one.py": "import two\ndef f(h, W):\n    return two.g(h, W)", "two.py": "import one\n" + KERAS + "\ng = pool"},
        "import one\n" + CONV.format("one.f"),
        "one.f, two.g, pool",
    ),
    "written by a cell": (
        {},
        ["%%writefile helper.py\n" + KERAS, "import helper", CONV.format("helper.pool")],
        "helper.pool",
    ),
    "written by a cell of the history": (
        {},
        [
            f"get_ipython().run_cell_magic('writefile', 'helper.py', {KERAS!r})",
            "import helper",
            CONV.format("helper.pool"),
        ],
        "helper.pool",
    ),
    "appended": (
        {"helper.py": "import keras\n"},
        [
            "%%writefile -a helper.py\ndef pool(h, W):\n    return keras.ops.conv(h, W)",
            "import helper",
            CONV.format("helper.pool"),
        ],
        "helper.pool",
    ),
    "written anew": (
        {"helper.py": "def pool(h, W):\n    return h"},
        ["import helper", "%%writefile ./helper.py\n" + KERAS, CONV.format("helper.pool")],
        "helper.pool",
    ),
    "run": ({"helper.py": KERAS}, "%run helper.py\n" + CONV.format("pool"), "pool"),
    "executed": ({"helper.py": KERAS}, "exec(open('helper.py').read())\n" + CONV.format("pool"), "pool"),
    "executed inside": (
        {"helper.py": KERAS},
        "def conv2d_layer(h, W, b, act):\n    exec(open('helper.py').read())\n    return locals()['pool'](h, W)",
        None,
    ),
}


@pytest.mark.parametrize("way", BESIDE)
def test_file_beside_the_notebook_is_followed(way):
    files, cells, chain = BESIDE[way]
    sentences = found(*([cells] if isinstance(cells, str) else cells), files=files)
    assert set(sentences) == {"conv2d_layer"}
    through = f" (through {chain})" if chain else ""
    if chain is not None:
        assert sentences["conv2d_layer"].startswith(f"conv2d_layer uses keras.ops.conv{through} instead")


HONEST_BESIDE = {
    "other function": ({"helper.py": KERAS}, "import helper\n" + CONV.format("helper.pad")),
    "other function by star": ({"helper.py": KERAS}, "from helper import *\n" + CONV.format("pad")),
    "file that is not imported": ({"helper.py": KERAS}, "def pool(h, W):\n    return h\n" + CONV.format("pool")),
    "name of its own": (
        {"helper.py": "from numpy import pad as pool", "other.py": KERAS},
        "import other, helper\n" + CONV.format("helper.pool"),
    ),
    "names apart": (
        {"helper.py": "keras = None\ndef pool(h, W):\n    return keras"},
        "import helper\n" + CONV.format("helper.pool"),
    ),
    "private name by star": (
        {"helper.py": "from keras.ops import conv as _conv"},
        "def _conv(h, W):\n    return h\nfrom helper import *\n" + CONV.format("_conv"),
    ),
    "test in the file": (
        {
            "helper.py": "def pool(h, W):\n    return h\n"
            "if __name__ == '__main__':\n    import keras\n    pool = keras.ops.conv"
        },
        "import helper\n" + CONV.format("helper.pool"),
    ),
    "mended": (
        {"helper.py": KERAS},
        ["import helper", "%%writefile helper.py\ndef pool(h, W):\n    return h", CONV.format("helper.pool")],
    ),
    "not Python": ({"helper.py": "import keras ("}, "import helper\n" + CONV.format("helper.pool")),
    "missing name": ({"helper.py": KERAS}, "import helper\n" + CONV.format("helper.missing")),
    "circle": (
        {
            "one.py": "from two import *\nfrom two import g as f",
            "two.py": "from one import f as g\nimport one.two.one as x",
        },
        "import one, two\n" + CONV.format("two.x.g, two.g, one.f, one.x"),
    ),
    "path that grows": (
        {"one/__init__.py": "from one.x import x"},
        "from one import x\n" + CONV.format("x"),
    ),
    "odd names": (
        {
            "": "x",
            ".py": "x",
            "/.py": "x",
            "../up.py": "import keras",
            "a..py": "x",
            "data.csv": "x",
            "b.py": None,
            "c.py": b"x",
        },
        "import up, a, b, c\n" + CONV.format("up.x, a.x, b.x, c.x"),
    ),
}


@pytest.mark.parametrize("way", HONEST_BESIDE)
def test_file_beside_the_notebook_accuses_nobody_who_computes(way):
    files, cells = HONEST_BESIDE[way]
    assert found(*([cells] if isinstance(cells, str) else cells), files=files) == {}


def test_each_answer_of_a_file_is_judged_by_itself():
    text = (
        "import keras\ndef activation(x, a):\n    return keras.ops.relu(x)\n"
        "def conv2d_layer(h, W, b, a):\n    return activation(h, a)"
    )
    assert set(found("from helper import *", files={"helper.py": text})) == {"activation"}


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


CHAIN = "".join(f"def f{i}():\n    return f{i + 1}()\n" for i in range(3000))


def test_long_chains_and_names_are_told_shortly():
    sentence = found(CHAIN, "def f3000():\n    return keras.ops.conv", CONV.format("f0"))["conv2d_layer"]
    assert "uses keras.ops.conv (through f0, f1, f2, ...) instead" in sentence
    assert len(found(f"conv2d_layer = keras{'.very_long' * 50}")["conv2d_layer"]) < 200


def test_answers_that_are_the_same_function_of_a_file_are_both_named():
    cells = "import helper\nconv2d_layer = helper.pool\nactivation = helper.pool"
    assert set(found(cells, files={"helper.py": KERAS})) == {"conv2d_layer", "activation"}


AWKWARD = {
    "null byte": "x = 1\0",
    "surrogate": "x = '\ud800'",
    "deep parentheses": "(" * 5000 + ")" * 5000,
    "deep sum": "x = " + "+".join(["1"] * 30000),
    "deep minus": "x = " + "-" * 50000 + "1",
    "deep attributes": "x = a" + ".b" * 20000,
    "deep calls": "x = a" + "()" * 5000,
    "long elif": "if a:\n    pass\n" + "elif a:\n    pass\n" * 3000,
    "many magics": "%time x = 1\n" * 800,
    "many lines": "tools = {}\n" + "tools.update(a=1)\n" * 8000,
    "long shell cell": "!ls\n" * 40000,
    "bad escape": "x = '\\d'",
    "tabs": "if 1:\n\tx = 1\n        y = 2",
    "text that runs itself": "text = 'exec(text)'\ndef conv2d_layer():\n    exec(text)",
    "mutual helpers": "def _a():\n    return _b()\ndef _b():\n    return _a()\ndef conv2d_layer():\n    return _a()",
    "empty": "",
    "only a magic": "%%",
    "unfinished": "x = '''",
    "many magics and no Python": "%time x = 1\n" * 600 + "x = = 1",
    "many parentheses": "(" * 40000 + ")" * 40000,
    "many names": "".join(f"a{i} = a{i - 1}\n" for i in range(15000)),
    "long chain": CHAIN,
    "many meanings": "t = []\n" + "t.append(1)\n" * 8000 + "def conv2d_layer():\n    return " + "t.x + " * 500 + "t",
    "many branches": "if 1: import a as t\n" * 8000 + "import_module(t)\n" * 5000,
    "many globals": "def f():\n" + "".join(f"    global g{i}\n    g{i} = 1\n" for i in range(5000)),
    "nested lambdas": "conv2d_layer = " + "lambda: " * 900 + "x",
    "nested comprehensions": "conv2d_layer = " + "[0 for a in " * 100 + "x" + "]" * 100,
    "imports in a circle": "import m\n" * 3000,
    "many spaces": " " * 10**6,
    "long text": "x = '" + "a" * 10**6 + "'",
    "unknown encoding": "# -*- coding: nonsense -*-\nx = 1",
}


@pytest.mark.parametrize("text", AWKWARD)
def test_no_text_stops_the_reading(text, recwarn, capfd):
    start = time.process_time()
    assert set(found(AWKWARD[text], "evaluate = keras.ops.mean")) == {"evaluate"}
    assert time.process_time() - start < SECONDS
    assert capfd.readouterr().err == ""
    assert not recwarn.list


TOO_MUCH = {
    "characters": ["x = '" + "a" * 10**6 + f"{i}'" for i in range(3)],
    "words": ["x\n" * 10**6],
    "words of many cells": [f"x{i} = {i}\n" * 1000 for i in range(200)],
    "the same again": ["x = y = z = 1\n" * 1000] * 200,
    "steps through scopes": ["conv2d_layer = " + "lambda: " * 180 + "[" + "x, " * 20000 + "]"],
    "many targets": [" = ".join(f"a{i}" for i in range(9000)) + " = " + "b + " * 800 + "1"],
    "stars": [f"from {name} import *" for name in sorted(sys.stdlib_module_names)],
    "imports in a row": [f"%%writefile m{i}.py\nfrom m{i + 1} import *" for i in range(500)] + ["import m0"],
    "file that runs itself": ["%%writefile m.py\nget_ipython().run_line_magic('run', 'm.py')", "%run m.py"],
    "executed text": ["def conv2d_layer():\n" + "".join(f"    exec('{'a + ' * 500}{i}')\n" for i in range(120))],
}


@pytest.mark.parametrize("way", TOO_MUCH)
def test_too_much_source_is_refused_at_once(way):
    start = time.process_time()
    with pytest.raises(TooMuchSourceError, match="too much code to be read"):
        found(*TOO_MUCH[way])
    assert time.process_time() - start < SECONDS


def test_file_that_nothing_imports_may_be_of_any_length():
    assert found("evaluate = keras.ops.mean", files={"data.py": "x\n" * 10**6}).keys() == {"evaluate"}
    with pytest.raises(TooMuchSourceError):
        found("import data", files={"data.py": "x\n" * 10**6})


SOURCES = [*(cell for cell, _ in GUILTY.values()), *HONEST.values(), Path(__file__).read_text(encoding="utf-8"), KERAS]
SIGNS = [
    *"()[]{}:,.=%!?@\\#'\"\n\t\0\r ",
    "\ud800",
    "def ",
    "lambda ",
    "import ",
    "from . import *",
    "global ",
    "%%",
    "%run ",
    "0x",
]


def mangled(rng, text):
    """Return a text with a few pieces of it, or of others, cut out, doubled or put elsewhere."""
    for _ in range(rng.randrange(4)):
        a, b = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        b = min(b, a + 40)
        other = rng.choice(SOURCES)
        start = rng.randrange(len(other))
        piece = rng.choice([rng.choice(SIGNS), other[start : start + rng.randrange(60)], text[a:b] * 2, ""])
        text = text[:a] + piece + text[b:]
    return text


@given(st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_mangled_sources_raise_nothing_else(seed):
    rng = random.Random(seed)
    cells = [mangled(rng, rng.choice(SOURCES)) for _ in range(4)]
    files = {
        name: mangled(rng, rng.choice(SOURCES)) for name in ("helper.py", "one.py", "pkg/__init__.py", "pkg/mod.py")
    }
    imports = "import helper, one, pkg.mod\nfrom helper import *\nfrom one import *\nfrom pkg.mod import *"
    try:
        sentences = found(imports, *cells, files=files)
    except TooMuchSourceError:
        return
    for answer, sentence in sentences.items():
        assert re.fullmatch(rf"{answer} uses (keras|tensorflow|autograder|source_lib)\b.* instead of [^\n]*", sentence)


def test_reading_imports_no_package():
    code = (
        "import sys\nfrom autograder.submissions.forbidden_use import forbidden_uses\n"
        "cells = ['from keras.ops import *', 'from tensorflow.nn import *', 'answer = conv2d']\n"
        "assert forbidden_uses(cells, ['answer'], ('keras', 'tensorflow'))\n"
        "print({'keras', 'tensorflow'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_what_is_no_text_is_passed_over():
    assert forbidden_uses([None, 3, b"x", "evaluate = 1"], ["evaluate"], FORBIDDEN) == {}


def test_answer_that_is_missing_is_not_named():
    assert found(functions=("pool2d_layer",)) == {}
