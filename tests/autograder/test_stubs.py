"""A stand-in can be imported, passed on and asked about, and nothing more."""

import subprocess
import sys

import pytest

BEGIN = "from autograder.sandbox import stubs\nstubs.install(['keras', 'tensorflow', 'no_such_package'])\n"


def ran(source):
    """Run code in a process of its own: what stands in for a package stays in its place."""
    return subprocess.run([sys.executable, "-c", BEGIN + source], capture_output=True, text=True)


@pytest.mark.parametrize(
    "source",
    [
        "import keras, tensorflow as tf\nfrom tensorflow.keras import layers as L\nimport no_such_package.deep.down",
        "from keras import *",
        "import tensorflow as tf\nassert not isinstance(3, tf.Tensor) and not issubclass(int, tf.nn.Module)",
        "import keras\nclass Mine(keras.Model):\n    x: keras.KerasTensor = None\n    def f(self) -> keras.Layer: pass",
        "import keras\nassert keras.backend.floatx() == 'float32' and keras.config.epsilon() == 1e-7",
        "import keras\nassert keras.layers.Dense is keras.layers.Dense and keras.__version__",
        "import keras, numpy as np\nx = np.arange(3)\ny = keras.ops.convert_to_numpy(x)\n"
        "assert type(y) is np.ndarray and y is not x and np.array_equal(x, y)",
        "import keras, tensorflow as tf\nassert tf.is_tensor(3) is keras.utils.is_keras_tensor([1]) is False",
        "import keras, numpy as np\nkeras.utils.set_random_seed(3)\nfirst = np.random.rand()\n"
        "keras.utils.set_random_seed(3)\nassert np.random.rand() == first",
        "import keras, tensorflow as tf\nfrom importlib.metadata import version\n"
        "assert tf.__version__ == version('tensorflow') >= '2.0' and keras.__version__ == version('keras')",
        "from tensorflow import keras as k\nimport tensorflow.keras as K\nassert k.__version__ == K.__version__ > '1'",
        "import no_such_package as p\nassert p.__version__ == '0'",
        "import keras\ntry: keras.Model()\nexcept Exception as error: assert 'keras.Model is not there' in str(error)",
    ],
)
def test_what_computes_nothing_works(source):
    done = ran(source)
    assert done.returncode == 0, done.stderr
    assert "tensorflow.python" not in done.stderr


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("import keras\nkeras.ops.conv([1], [2])", "keras.ops.conv"),
        ("import keras.ops as K\nK.conv([1], [2])", "keras.ops.conv"),
        ("from keras.ops import conv as mine\nmine()", "keras.ops.conv"),
        ("from keras.src.ops.nn import conv\nconv()", "keras.src.ops.nn.conv"),
        ("import keras\nclass Mine(keras.layers.Layer): pass\nMine()", "keras.layers.Layer"),
        ("import tensorflow as tf\n@tf.function\ndef f(): pass", "tensorflow.function"),
        ("import keras\ngetattr(keras, 'op' + 's').relu(1)", "keras.ops.relu"),
        ("import keras\nkeras.ops.convert_to_tensor([1])", "keras.ops.convert_to_tensor"),
        ("import keras\nclass Mine(keras.ops.convert_to_numpy.conv): pass\nMine(1)", "keras.ops.convert_to_numpy.conv"),
    ],
)
def test_whatever_is_called_is_noted_and_refused(source, named):
    body = "\n".join("    " + line for line in source.splitlines())
    done = ran(f"def asked():\n{body}\ntry: asked()\nexcept stubs.StubError: print(stubs.noted)")
    assert done.stdout.startswith(f"[('{named}', ["), done.stderr
    assert "asked" in done.stdout


def test_what_is_noted_does_not_grow_without_end():
    done = ran(
        "import keras\nfor _ in range(1000):\n    try: keras.Model()\n    except Exception: pass\n"
        "print(len(stubs.noted))"
    )
    assert done.stdout.strip() == "20"
