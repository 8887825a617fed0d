"""What own cells do: helpers, experiments, comparisons with Keras, tests, magics, figures, settings."""

from tests.fairness.submission import answer, extra, named, submission


@submission
def helpers_in_extra_cells(notebook, folder):
    """The work is done by helpers in cells of their own, above and far below the answers."""
    extra(
        notebook,
        """
        def pad_image(h, W):
            R, S = W.shape[:2]
            return np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))

        def correlate(h, k):
            return convolve2d(h, k[::-1, ::-1], mode="valid")
        """,
        before="conv2d_layer",
    )
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                return activation(add_bias(all_channels(pad_image(h, W), W), b), act)
            """,
        evaluate="def evaluate(y_prob, y_onehot):\n    return my_loss(y_prob, y_onehot), my_accuracy(y_prob, y_onehot)",
    )
    extra(
        notebook,
        """
        def all_channels(padded, W):
            return np.dstack([
                sum(correlate(padded[..., i], W[..., i, o]) for i in range(W.shape[2])) for o in range(W.shape[3])
            ])

        def add_bias(z, b):
            return z + b

        def my_loss(p, t):
            return -np.log(np.maximum(p, 1e-15))[t == 1].mean()

        my_accuracy = lambda p, t: 100 * np.mean(np.argmax(p, 1) == np.argmax(t, 1))
        """,
        before=None,
    )


@submission
def tags_copied_with_cells(notebook, folder):
    """Helpers stand in copies of cells that explore, so they carry that tag."""
    extra(
        notebook,
        """
        from scipy import special
        from google.colab import files
        import math as m

        EPSILON = 1e-8
        NAMES = ["linear", "relu", "sigmoid", "softmax"]
        clip = lambda p: np.clip(p, EPSILON, 1)

        class Counter:
            def __init__(self):
                self.number = 0
            def add(self, array):
                self.number += m.prod(array.shape)

        def relu(x):
            return np.maximum(x, 0)

        FUNCTIONS = {"linear": np.asarray, "relu": relu, "sigmoid": special.expit}
        FUNCTIONS["softmax"] = lambda x: special.softmax(x)
        images = data.x_train[:3]
        plt.imshow(images[0, :, :, 0])
        """,
        tags=["explore"],
    )
    answer(
        notebook,
        activation="""
            def activation(x, activation):
                if activation not in NAMES:
                    raise ValueError(activation)
                return FUNCTIONS[activation](x)
            """,
        count_weights="""
            def count_weights(W, b):
                counter = Counter()
                for array in W + b:
                    counter.add(array)
                return counter.number
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                loss = -(y_onehot * np.log(clip(y_prob))).sum(1).mean()
                return loss, (y_prob.argmax(1) == y_onehot.argmax(1)).mean() * 100
            """,
    )


@submission
def experiments_above_helpers(notebook, folder):
    """An untagged cell looks at the data first, which cells that explore load, and defines its helpers after that."""
    extra(
        notebook,
        """
        digit = data.x_train[0]
        print(digit.shape, digit.min(), digit.max())

        def flipped(kernel):
            return kernel[::-1, ::-1]

        MODE = "same"
        """,
        before="conv2d_layer",
    )
    cell = named(notebook, "conv2d_layer")
    cell.source = cell.source.replace('W[::-1, ::-1, i, o], mode="same"', "flipped(W[:, :, i, o]), mode=MODE")


@submission
def file_of_somebody_else(notebook, folder):
    """A cell reads a file that was not handed in, and defines its helpers after that."""
    extra(
        notebook,
        """
        photo = plt.imread("/home/asa/Pictures/cat.png")
        plt.imshow(photo)

        def even(h):
            return h[:h.shape[0] // 2 * 2, :h.shape[1] // 2 * 2]
        """,
        before="pool2d_layer",
    )
    answer(notebook, pool2d_layer="def pool2d_layer(h):\n    return block_reduce(even(h), (2, 2, 1), np.max)")


@submission
def colab_first(notebook, folder):
    """Begins like a notebook on Colab: installs, mounts the drive, asks for a version of TensorFlow, then imports."""
    extra(notebook, "%pip install -q cnn-course scikit-image", before="setup")
    extra(
        notebook,
        """
        %tensorflow_version 2.x
        import scipy.ndimage as ndi
        """,
    )
    extra(
        notebook,
        """
        from google.colab import drive
        drive.mount("/content/drive")
        %cd /content/drive/MyDrive
        import sys
        sys.path.append("/content/drive/MyDrive/lab1")

        def correlate(h, k):
            return ndi.correlate(h, k, mode="constant")
        """,
    )
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                planes = [sum(correlate(h[..., i], W[..., i, o]) for i in range(W.shape[2])) for o in range(W.shape[3])]
                return activation(np.stack(planes, axis=-1) + b, act)
            """,
    )


@submission
def downloads_through_keras(notebook, folder):
    """An untagged cell loads MNIST through Keras, which needs the network, and defines its helpers after that."""
    extra(
        notebook,
        """
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
        x_train = x_train[..., None] / 255

        def even(h):
            return h[:h.shape[0] // 2 * 2, :h.shape[1] // 2 * 2]
        """,
    )
    answer(notebook, pool2d_layer="def pool2d_layer(h):\n    return block_reduce(even(h), (2, 2, 1), np.max)")


@submission
def asks_for_a_name(notebook, folder):
    """A cell asks for the student's name with input(), and writes it to a folder of Colab, before its helpers."""
    extra(
        notebook,
        """
        name = input("Namn: ")

        def stable(x):
            return x - np.max(x)
        """,
    )
    extra(notebook, "open('/content/namn.txt', 'w').write('Åsa')\ndef stable_powers(x):\n    return np.exp(stable(x))")
    cell = named(notebook, "activation")
    cell.source = cell.source.replace("np.exp(x - np.max(x))", "stable_powers(x)")


@submission
def checks_versions(notebook, folder):
    """Asserts the versions of Python, TensorFlow and Keras before its imports, as textbooks do."""
    extra(
        notebook,
        """
        import sys
        assert sys.version_info >= (3, 5)
        import tensorflow as tf
        from tensorflow import keras as tfk
        assert tf.__version__ >= "2.0"
        assert int(keras.__version__.split(".")[0]) >= 3 and tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 16)
        print(tf.__version__, keras.__version__, tfk.__version__)
        from scipy.special import expit, softmax
        """,
    )
    answer(
        notebook,
        activation="""
            def activation(x, activation):
                relu = np.vectorize(lambda v: max(v, 0.0))
                return {"linear": np.array, "relu": relu, "sigmoid": expit, "softmax": softmax}[activation](x)
            """,
    )


@submission
def compares_with_keras(notebook, folder):
    """Own cells compare each layer with Keras and TensorFlow, with assertions, between the answers."""
    extra(
        notebook,
        """
        import tensorflow as tf
        tf.random.set_seed(1)
        keras.utils.set_random_seed(1)
        print("GPUs:", tf.config.list_physical_devices("GPU"))

        def same(mine, theirs):
            np.testing.assert_allclose(np.squeeze(mine), np.squeeze(theirs), rtol=1e-4, atol=1e-5)
        """,
    )
    extra(
        notebook,
        """
        h = np.random.default_rng(0).normal(size=(7, 9, 3)).astype("float32")
        layer = keras.layers.Conv2D(4, (3, 5), padding="same", activation="relu", bias_initializer="ones")
        theirs = layer(h[None])[0]
        same(conv2d_layer(h, *map(np.asarray, layer.weights), "relu"), theirs)
        same(pool2d_layer(h), keras.layers.MaxPooling2D()(h[None]))
        same(pool2d_layer(h), tf.nn.max_pool2d(h[None], 2, 2, "VALID"))
        """,
        before="flatten_layer",
    )
    extra(
        notebook,
        """
        from source_lib.data import DataGenerator as Data
        small = Data(verbose=False)
        small.generate("mnist", N_train=20, source="sample")
        print(small.x_train.shape)
        same(flatten_layer(h), tf.reshape(h, -1))
        """,
        before=None,
    )


@submission
def trains_a_model(notebook, folder):
    """Trains a small Keras model in an untagged cell and runs the own functions with its weights."""
    extra(
        notebook,
        """
        class Noise(keras.layers.Layer):
            def call(self, x):
                return x

        class Stop(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.model.stop_training = logs["loss"] < 0.01

        rng = np.random.default_rng(2)
        images, labels = rng.random((40, 6, 6, 1)), rng.integers(0, 3, 40)
        small = keras.Sequential([
            keras.Input((6, 6, 1)), Noise(), keras.layers.Conv2D(2, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax"),
        ])
        small.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = small.fit(images, labels, epochs=2, verbose=2, callbacks=[Stop()])
        plt.plot(history.history["loss"])
        parameters = [np.asarray(w) for w in small.weights]

        def forward(h):
            h = pool2d_layer(conv2d_layer(h, *parameters[:2], "relu"))
            return dense_layer(flatten_layer(h), parameters[2].T, parameters[3][:, None], "softmax")

        assert np.allclose([np.ravel(forward(h)) for h in images], small.predict(images, verbose=0), atol=1e-5)
        """,
        before=None,
    )


@submission
def own_tests(notebook, folder):
    """Tests itself with assertions, unittest and doctest, in cells after the answers."""
    extra(
        notebook,
        '''
        import doctest
        import unittest

        def check_shapes():
            """
            >>> conv2d_layer(np.ones((4, 5, 2)), np.ones((3, 3, 2, 6)), np.zeros(6), "relu").shape
            (4, 5, 6)
            >>> activation(np.array([-1.0, 2.0]), "relu").tolist()
            [0.0, 2.0]
            """

        class TestLayers(unittest.TestCase):
            def test_flatten(self):
                self.assertEqual(flatten_layer(np.zeros((2, 3, 4))).shape, (24,))
            def test_unknown(self):
                with self.assertRaises(Exception):
                    activation(np.zeros(3), "swish")
            def test_fast(self):
                x, W, b = np.random.rand(2, 6, 7, 3), np.random.rand(3, 3, 3, 4), np.random.rand(4)
                slow = np.stack([conv2d_layer(h, W, b, "relu") for h in x])
                np.testing.assert_allclose(fast_conv2d_layer(x, W, b, "relu"), slow, rtol=1e-4)

        doctest.testmod(verbose=True)
        unittest.main(argv=["first-arg-is-ignored"], exit=False)
        assert np.isclose(activation(np.zeros(1), "sigmoid"), 0.5)
        ''',
        before=None,
    )


@submission
def raises_at_the_end(notebook, folder):
    """The last cells raise, one of them on purpose, after everything is defined."""
    extra(notebook, "assert conv2d_layer is None, 'tänk om'", before="flatten_layer")
    extra(notebook, "# Kör inte längre än hit.\nraise KeyboardInterrupt", before=None)
    extra(notebook, "raise SystemExit('STOP')", before=None)
    extra(notebook, "conv2d_layer(1, 2, 3, 4)", before=None)
    extra(notebook, "for line in open('notes.txt'): print line", before=None)


@submission
def old_version_switched_off(notebook, folder):
    """An abandoned version of an answer stands in a cell that raises first, so that it is never defined."""
    extra(
        notebook,
        """
        raise Exception("old version, do not run")

        def conv2d_layer(h, W, b, act):
            return h  # the border is missing
        """,
        before=None,
    )


@submission
def magics(notebook, folder):
    """Magics of every kind: figures, timing, shell, environment, reloading, capturing, profiling."""
    extra(
        notebook,
        """
        %matplotlib inline
        %config InlineBackend.figure_format = 'retina'
        %load_ext autoreload
        %autoreload 2
        %autosave 120
        %env OMP_NUM_THREADS=1
        %precision 4
        %xmode Verbose
        from scipy.special import expit as logistic
        """,
    )
    cell = named(notebook, "activation")
    cell.source = "%%time\n" + cell.source.replace("0.5 * (1 + np.tanh(0.5 * x))", "logistic(x)")
    cell = named(notebook, "flatten_layer")
    cell.source = "%%capture out\n" + cell.source
    extra(
        notebook,
        """
        !ls -la
        files = !ls
        %timeit -n 3 -r 2 conv2d_layer(np.ones((28, 28, 1)), np.ones((3, 3, 1, 4)), np.zeros(4), "relu")
        %time y = pool2d_layer(np.ones((4, 4, 1)))
        %prun -q flatten_layer(np.ones((4, 4, 1)))
        conv2d_layer?
        %who
        %lsmagic
        """,
        before=None,
    )
    extra(notebook, "%%timeit -n 2 -r 2\nactivation(np.ones(5), 'softmax')", before=None)
    extra(notebook, "%%bash\necho $HOME; python --version; nvidia-smi", before=None)
    extra(notebook, "%%html\n<b>Klart!</b>", before=None)
    extra(notebook, "%%javascript\nalert('done')", before=None)
    extra(notebook, "%history", before=None)
    extra(notebook, "_, __, _i, Out[1]", before=None)


@submission
def pylab(notebook, folder):
    """Star imports of NumPy and pylab, which replace max, sum and others by NumPy's."""
    extra(notebook, "from numpy import *\nfrom pylab import *\nfrom numpy.random import *")
    answer(
        notebook,
        activation="""
            def activation(x, activation):
                if activation == "linear": return x
                if activation == "relu": return where(x > 0, x, 0)
                if activation == "sigmoid": return (tanh(x / 2) + 1) / 2
                if activation == "softmax": return exp(x - max(x)) / sum(exp(x - max(x)))
                raise ValueError
            """,
        dense_layer="def dense_layer(h, W, b, act):\n    return activation(dot(W, ravel(h)) + ravel(b), act)",
        count_weights="def count_weights(W, b):\n    return sum([size(a) for a in W]) + sum([size(a) for a in b])",
        evaluate="""
            def evaluate(y_prob, y_onehot):
                loss = -mean(sum(y_onehot * log(maximum(y_prob, 1e-12)), axis=1))
                return loss, 100 * mean(argmax(y_prob, axis=1) == argmax(y_onehot, axis=1))
            """,
    )


@submission
def imports_in_odd_places(notebook, folder):
    """Imports inside functions and loops, under misleading names, and of scikit-image as a whole."""
    answer(
        notebook,
        activation="""
            def activation(x, activation):
                import numpy as jnp
                from math import inf
                if activation in ("linear", "relu"):
                    return jnp.clip(x, -inf if activation == "linear" else 0, inf)
                if activation == "sigmoid":
                    from scipy.special import expit as keras_sigmoid
                    return keras_sigmoid(x)
                if activation == "softmax":
                    return jnp.exp(x - jnp.max(x)) / jnp.sum(jnp.exp(x - jnp.max(x)))
                raise ValueError(activation)
            """,
        pool2d_layer="""
            import skimage

            def pool2d_layer(h):
                crop = skimage.util.crop(h, [(0, h.shape[0] % 2), (0, h.shape[1] % 2), (0, 0)])
                return skimage.measure.block_reduce(crop, block_size=(2, 2, 1), func=np.max)
            """,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                out = np.zeros(h.shape[:2] + W.shape[3:])
                for o in range(W.shape[3]):
                    import importlib
                    signal = importlib.import_module("scipy.signal")
                    tf = __import__("scipy").ndimage
                    for i in range(W.shape[2]):
                        out[..., o] += signal.correlate(h[..., i], W[..., i, o], mode="same")
                return activation(out + b, act)
            """,
    )


@submission
def plots(notebook, folder):
    """Draws in extra cells and inside an answer, with styles, LaTeX, animations and saved figures."""
    extra(
        notebook,
        """
        import matplotlib as mpl
        from matplotlib.animation import FuncAnimation
        from IPython.display import HTML, Markdown, display
        plt.style.use("seaborn-v0_8-darkgrid")
        mpl.rcParams.update({"figure.figsize": (3, 2), "font.family": "Comic Sans MS"})
        display(Markdown("**Filter**"), HTML("<i>kärnor</i>"), pd.DataFrame(np.eye(3)))
        fig, axes = plt.subplots(2, 2)
        for ax in axes.flat:
            ax.imshow(np.random.rand(5, 5))
            ax.set_title(r"$\\sigma(x) = \\frac{1}{1 + e^{-x}}$")
        os.makedirs("figures", exist_ok=True)
        plt.savefig("figures/filters.pdf")
        plt.show()
        with plt.xkcd():
            plt.plot(range(3))
        """,
        before="flatten_layer",
    )
    answer(
        notebook,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                true, guess = y_onehot.argmax(1), y_prob.argmax(1)
                plt.figure()
                plt.hist2d(true, guess)
                plt.show()
                return -np.log(np.clip(y_prob[range(len(true)), true], 1e-7, 1)).mean(), (true == guess).mean() * 100
            """,
    )


@submission
def widgets(notebook, folder):
    """An interactive cell with ipywidgets, and one that awaits."""
    extra(
        notebook,
        """
        from ipywidgets import FloatSlider, interact

        @interact(x=FloatSlider(min=-3, max=3))
        def show(x):
            print(activation(np.array([x]), "sigmoid"))
        """,
        before=None,
    )
    extra(
        notebook,
        """
        import asyncio
        await asyncio.sleep(0.01)

        async def count():
            return count_weights([np.ones(3)], [np.ones(2)])

        print(await count())
        """,
        before=None,
    )


@submission
def global_settings(notebook, folder):
    """Changes how NumPy, pandas, Python and random numbers behave, for everything that follows."""
    extra(
        notebook,
        """
        import gc
        import locale
        import random
        import sys
        import warnings
        from decimal import getcontext

        np.random.seed(42)
        random.seed(42)
        np.set_printoptions(precision=2, suppress=True, threshold=5)
        np.seterr(all="raise")
        warnings.filterwarnings("error")
        pd.set_option("display.max_rows", 4)
        sys.setrecursionlimit(20_000)
        getcontext().prec = 6
        gc.disable()
        locale.setlocale(locale.LC_ALL, "")
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        os.environ["PYTHONHASHSEED"] = "0"
        """,
    )


@submission
def names_taken(notebook, folder):
    """Leaves variables called h, W, b, x, sum and list behind, and deletes some."""
    extra(
        notebook,
        """
        h, W, b, x, act = 1, 2, 3, 4, "softmax"
        list, type, id, input, dir = [1, 2], "relu", 7, None, "figures"
        def answer(): return "no"
        functions = function = args = value = request = reply = shell = wire = stubs = None
        for _ in range(3):
            _ = conv2d_layer
        del x
        """,
        before=None,
    )


@submission
def slow_cell(notebook, folder):
    """A cell takes some seconds, and another fills some hundred megabytes."""
    extra(notebook, "time.sleep(1.5)\nrows = [i ** 2 for i in range(300_000)]", before=None)
    extra(notebook, "big = np.ones((5000, 5000))\nprint((big @ big[:, :5]).sum())", before=None)
