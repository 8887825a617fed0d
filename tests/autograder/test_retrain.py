"""Models of any shape are trained anew, handed in, rebuilt and scored; what goes wrong is a sentence about the work."""

import io
import json
import re

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from autograder.checking import metrics, model_config, retrain
from autograder.checking.retrain import Model, ModelSpec
from autograder.checking.student import MAX_BYTES, NotebookStudent, StudentError, once
from autograder.grading.student import SandboxStudent
from autograder.sandbox import wire
from autograder.submissions.files import files_beside
from autograder.submissions.submission import Submission
from source_lib.saved_model import CONFIG_FILE, MAX_WEIGHTS, WEIGHTS_FILE, save_model

COLORS = ModelSpec((32, 32, 3), (3,), "3 probabilities")
BRIGHTNESS = ModelSpec((12, 9, 1), (1,), "a number")
DISCS = ModelSpec((16, 24, 3), (16, 24, 1), "a mask")
TWO = ModelSpec((10, 10, 2), (1,), "a probability", build="make_network", train="fit_network")

START = "import keras, numpy as np\nfrom keras import layers\n"
CLASSIFIER = (
    START
    + """
def build_model():
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.GlobalAveragePooling2D(), layers.Dropout(0.1),
                              layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.1), "categorical_crossentropy")
    return model
def train_model(model, x, y, x_valid, y_valid):
    return model.fit(x, y, batch_size=16, epochs=20, validation_data=(x_valid, y_valid), verbose=0)
"""
)


def colors(count, seed):
    """Return images of which one color is brightest, and which."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    x = rng.uniform(-1, 0, (count, 32, 32, 3)) + np.eye(3)[y][:, None, None]
    return x.astype("float32"), y


@pytest.fixture
def student_of(sandbox):
    made = []

    def make(code="", files=None):
        made.append(SandboxStudent(sandbox, {0: code} if code else {}, Submission(files=files or {})))
        return made[-1]

    yield make
    for student in made:
        student.close()


def test_three_classes_of_color_images(student_of):
    student = student_of(CLASSIFIER)
    (x, y), (x_test, y_test) = colors(96, 0), colors(60, 1)
    data = x, metrics.one_hot(y, 3), x[:7], metrics.one_hot(y[:7], 3)
    built = retrain.build(student, COLORS)
    rebuilt = retrain.rebuild(student, COLORS, built.model)
    assert [output.shape for output in rebuilt.outputs] == [(retrain.BUILT_WITH, 3)] * 2
    assert rebuilt.input_shape == COLORS.input_shape and not rebuilt.changes
    assert json.loads(built.compiled)["loss"] == "categorical_crossentropy"
    training = retrain.train(student, COLORS, data, seed=3)
    assert (
        training.changed and len(training.losses) == 20 and [w.shape for w in training.model.weights] == [(3, 3), (3,)]
    )
    assert retrain.verified(student, COLORS, training.model, x_test, y_test, metrics.accuracy) > 0.9
    # The same seed trains the same model again.
    again = retrain.train(student, COLORS, data, seed=3).model
    np.testing.assert_allclose(again.weights[0], training.model.weights[0], rtol=1e-4)
    # Labels that say nothing about the images give no accuracy.
    assert retrain.verified(student, COLORS, training.model, x_test, (y_test + 1) % 3, metrics.accuracy) < 0.1


def test_a_regression_with_one_output(student_of):
    code = (
        START
        + """
def build_model():
    model = keras.Sequential([keras.Input((12, 9, 1)), layers.GlobalAveragePooling2D(), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    return model
def train_model(model, x, y, x_valid, y_valid):
    return model.fit(x, y, epochs=60, verbose=0)
"""
    )
    rng = np.random.default_rng(0)
    price = rng.uniform(-1, 1, 80)
    x = (price[:, None, None, None] + rng.uniform(-0.1, 0.1, (80, 12, 9, 1))).astype("float32")
    student = student_of(code)
    training = retrain.train(student, BRIGHTNESS, (x[:60], price[:60], x[:0], price[:0]))
    error = retrain.verified(student, BRIGHTNESS, training.model, x[60:], price[60:], metrics.mse)
    assert error < 0.1 * np.var(price[60:])


def test_two_classes_by_auc_with_functions_of_other_names(student_of):
    code = (
        START
        + """
def make_network():
    x = keras.Input((10, 10, 2))
    h = layers.GlobalMaxPooling2D()(layers.Conv2D(3, 3, activation="relu")(x))
    model = keras.Model(x, layers.Dense(1, activation="sigmoid")(h))
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    return model
def fit_network(model, x, y, x_valid, y_valid):
    return model.fit(x, y, epochs=20, batch_size=8, verbose=0)
"""
    )
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 120)
    x = rng.uniform(-0.2, 0.2, (120, 10, 10, 2)).astype("float32")
    x[y == 1, 4:7, 2:5] += 0.7
    student = student_of(code)
    training = retrain.train(student, TWO, (x[:80], y[:80], x[80:90], y[80:90]))
    assert retrain.verified(student, TWO, training.model, x[80:], y[80:], metrics.auc) > 0.9


def test_a_small_segmentation_by_dice(student_of):
    code = (
        START
        + """
def build_model():
    x = keras.Input((16, 24, 3))
    h = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    d = layers.UpSampling2D()(layers.Conv2D(4, 3, padding="same", activation="relu")(layers.MaxPooling2D()(h)))
    model = keras.Model(x, layers.Conv2D(1, 1, activation="sigmoid")(layers.Concatenate()([h, d])))
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    return model
def train_model(model, x, y, x_valid, y_valid):
    return model.fit(x, y, epochs=15, batch_size=8, verbose=0)
"""
    )
    rng = np.random.default_rng(3)
    masks = np.zeros((60, 16, 24, 1), "float32")
    for mask in masks:
        top, left = rng.integers(0, 8), rng.integers(0, 14)
        mask[top : top + 7, left : left + 9] = 1
    x = (masks + rng.uniform(-0.3, 0.3, (60, 16, 24, 3))).astype("float32")
    student = student_of(code)
    training = retrain.train(student, DISCS, (x[:40], masks[:40], x[40:45], masks[40:45]))
    assert retrain.verified(student, DISCS, training.model, x[45:], masks[45:], metrics.dice) > 0.9


def test_images_that_no_message_holds_go_in_parts(student_of, monkeypatch):
    """All arrive, in their order, and so do their predictions."""
    monkeypatch.setattr(retrain, "_PART", 100_000)
    code = CLASSIFIER.replace(
        "    return model.fit(x,",
        "    assert (y.argmax(1) == np.arange(len(y)) % 3).all() and len(x) == len(y) == 50 and len(x_valid) == 0\n"
        "    return model.fit(x,",
    ).replace(", validation_data=(x_valid, y_valid)", "")
    x = colors(50, 0)[0]
    y = metrics.one_hot(np.arange(50) % 3, 3)
    student = student_of(code)
    training = retrain.train(student, COLORS, (x, y, x[:0], y[:0]))
    small = keras.models.model_from_json(training.model.config)
    small.set_weights(training.model.weights)
    assert len(list(retrain._parts(x, x[0].nbytes))) > 5
    found = retrain.predict(student, COLORS, training.model, x)
    np.testing.assert_allclose(found, small.predict(x, verbose=0), rtol=1e-4)


def heavy(units=2_000):
    """Return a classifier of color images with 8 bytes times 3072 times so many units of weights."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Flatten(),
            layers.Dense(units, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_weights_that_no_frame_holds_are_trained_and_rebuilt(student_of):
    code = START + (
        "def build_model():\n"
        "    shape = keras.Input((32, 32, 3))\n"
        "    model = keras.Sequential([shape, layers.Flatten(), layers.Dense(2000), layers.Dense(3)])\n"
        "    model.compile('sgd', 'mse')\n"
        "    return model\n"
        "def train_model(model, x, y, x_valid, y_valid):\n"
        "    return model.fit(x, y, epochs=1, verbose=0)\n"
    )
    x, y = colors(8, 0)
    y = metrics.one_hot(y, 3)
    student = student_of(code)
    training = retrain.train(student, COLORS, (x, y, x, y))
    assert sum(weights.nbytes for weights in training.model.weights) > 20e6 > wire.MAX_REPLY
    assert retrain.predict(student, COLORS, training.model, x).shape == (8, 3)


def saved(model, folder):
    """Return the files that a model is handed in as, as grading reads them."""
    save_model(model, folder)
    files, left_out = files_beside(folder / "lab5.ipynb")
    assert set(files) == {CONFIG_FILE, WEIGHTS_FILE} and not left_out
    return files


def branched():
    x = keras.Input((32, 32, 3))
    # One of its three weights is a single number.
    normalized = layers.Normalization()
    normalized.adapt(np.random.default_rng(0).uniform(-1, 3, (4, 32, 32, 3)))
    inner = keras.Sequential([layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(6.0)])
    h = layers.Add()([inner(layers.RandomFlip()(normalized(x))), layers.SeparableConv2D(4, 3, padding="same")(x)])
    h = layers.Concatenate()([layers.Conv2D(2, 1)(h), layers.Conv2D(2, 1)(h)])
    h = layers.SpectralNormalization(layers.Conv2D(2, 3))(layers.Dropout(0.3)(h))
    return keras.Model(x, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(h)))


def trained_a_little(model):
    """Give a model weights that no initializer gives, batch normalization's averages too."""
    rng = np.random.default_rng(5)
    model.set_weights([rng.uniform(0.1, 0.5, w.shape) for w in model.get_weights()])
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()
    return model


@pytest.mark.parametrize("make", [branched, heavy], ids=["branches, blocks and wrappers", "24 MB"])
def test_a_model_that_is_handed_in_predicts_as_it_did(student_of, tmp_path, make):
    model = trained_a_little(make())
    student = student_of("import os\ndef size(name): return os.path.getsize(name)", saved(model, tmp_path))
    x, _ = colors(9, 0)
    found = retrain.predict(student, COLORS, retrain.handed_in(student), x)
    np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    # Its cells see the file too.
    assert student.call("size", WEIGHTS_FILE) == (tmp_path / WEIGHTS_FILE).stat().st_size


def test_weights_that_keras_saved_itself_are_read_with_or_without_an_optimizer(student_of, tmp_path):
    """A student may call save_weights, which keeps what the optimizer keeps."""
    model = branched()
    model.compile("adam", "categorical_crossentropy")
    x, y = colors(8, 0)
    model.fit(x, metrics.one_hot(y, 3), epochs=1, verbose=0)
    folder = tmp_path / "model"
    folder.mkdir()
    model.save_weights(folder / WEIGHTS_FILE)
    (folder / CONFIG_FILE).write_text(model.to_json())
    files = files_beside(tmp_path / "lab5.ipynb")[0]
    student = student_of(files=files)
    found = retrain.predict(student, COLORS, retrain.handed_in(student, "model"), x)
    np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)


def test_a_model_is_handed_in_from_a_notebook_too(tmp_path, monkeypatch):
    model = trained_a_little(branched())
    save_model(model, tmp_path)
    monkeypatch.chdir(tmp_path)
    student = NotebookStudent({})
    x, _ = colors(4, 0)
    found = retrain.predict(student, COLORS, retrain.handed_in(student), x)
    np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    assert student.functions == {}


def edited(content, change):
    """Return a file of weights after a change of what it holds."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def replaced(place, values):
    def change(file):
        del file[place]
        if values is not None:
            file[place] = values

    return change


def declared_huge(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset("0", (10**6, 10**7), chunks=(1000, 1000))


def linked(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")


def looped(file):
    del file["layers/dense"]
    file["layers/dense"] = h5py.SoftLink("/layers/dense")


def extra(file):
    file["layers/conv2d_7/vars/0"] = np.ones(3)


def simple():
    return keras.Sequential([keras.Input((32, 32, 3)), layers.GlobalAveragePooling2D(), layers.Dense(3)])


BAD_WEIGHTS = {
    "empty": (lambda content: b"", "the file is cut off, or is no HDF5 file"),
    "truncated": (lambda content: content[: len(content) // 2], "the file is cut off, or is no HDF5 file"),
    "not HDF5": (lambda content: b"PK" + bytes(5000), "the file is cut off, or is no HDF5 file"),
    "no weights": (lambda c: edited(c, replaced("layers/dense", None)), "the layer 'dense' has no weights there"),
    "no layers": (lambda c: edited(c, replaced("layers", None)), "the layer 'dense' has no weights there"),
    "one is missing": (lambda c: edited(c, replaced("layers/dense/vars/1", None)), "the layer 'dense' has no weights"),
    "another shape": (
        lambda c: edited(c, replaced("layers/dense/vars/0", np.ones((3, 4)))),
        r"the layer 'dense' needs weights of the shape \[3, 3\], and there they have \[3, 4\]",
    ),
    "text": (
        lambda c: edited(c, replaced("layers/dense/vars/1", np.array([b"a", b"b", b"c"]))),
        "the weights of the layer 'dense' are no numbers",
    ),
    "a group": (
        lambda c: edited(
            c, lambda f: replaced("layers/dense/vars/1", None)(f) or f.create_group("layers/dense/vars/1")
        ),
        "it cannot be read",
    ),
    "huge": (lambda c: edited(c, declared_huge), r"and there they have \[1000000, 10000000\]"),
    "a link out of the file": (lambda c: edited(c, linked), "it cannot be read|the layer 'dense'"),
    "a link to itself": (lambda c: edited(c, looped), "the layer 'dense'|it cannot be read"),
    "a layer of another model": (lambda c: edited(c, extra), "it holds weights of a layer 'conv2d_7', which the model"),
    "too many": (lambda c: edited(c, lambda f: f.__setitem__("layers/dense/vars/2", np.ones(2))), "more weights there"),
}


@pytest.fixture(scope="module")
def simple_files(tmp_path_factory):
    keras.utils.clear_session()
    return saved(simple(), tmp_path_factory.mktemp("simple"))


@pytest.mark.parametrize(("change", "says"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_weights_that_cannot_be_used_say_why(student_of, simple_files, change, says):
    student = student_of(files=simple_files | {WEIGHTS_FILE: change(simple_files[WEIGHTS_FILE])})
    with pytest.raises(StudentError, match=rf"^The weights in model\.weights\.h5 cannot be used: .*({says})") as told:
        retrain.handed_in(student)
    assert "course_" not in str(told.value) and str(told.value).count(". ") == 0


def test_weights_that_are_not_finite_predict_nothing(student_of, simple_files):
    content = edited(simple_files[WEIGHTS_FILE], replaced("layers/dense/vars/1", np.array([np.nan, 0, 0])))
    student = student_of(files=simple_files | {WEIGHTS_FILE: content})
    with pytest.raises(StudentError, match=r"^The model in model\.json gives numbers that are not finite"):
        retrain.predict(student, COLORS, retrain.handed_in(student), colors(2, 0)[0])


BAD_CONFIGS = {
    "not text": (b"\xff\xfe\x00", "has a configuration that cannot be read"),
    "not JSON": (b"{", "has a configuration that cannot be read"),
    "too large": (b" " * 2**21, "has a configuration that is too large"),
    "a Lambda": (
        keras.Sequential([keras.Input((2, 2, 1)), layers.Lambda(lambda x: x)]).to_json().encode(),
        "has a layer Lambda 'lambda.*', which is not rebuilt for grading; use another one",
    ),
    "no shape of images": (
        keras.Sequential([layers.Dense(3)]).to_json().encode(),
        "the model does not know the shape of its images; begin it with keras.Input",
    ),
    "nonsense": (
        keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(2, 3)])
        .to_json()
        .replace('"filters": 2', '"filters": -2')
        .encode(),
        "cannot be rebuilt for grading: it stopped with TypeError",
    ),
}


@pytest.mark.parametrize(("config", "says"), BAD_CONFIGS.values(), ids=BAD_CONFIGS)
def test_a_configuration_that_cannot_be_used_says_why(student_of, simple_files, config, says):
    with pytest.raises(StudentError, match=says) as told:
        retrain.handed_in(student_of(files=simple_files | {CONFIG_FILE: config}))
    assert "course_" not in str(told.value)


@pytest.mark.parametrize("missing", [CONFIG_FILE, WEIGHTS_FILE])
def test_a_file_that_is_missing_is_named(student_of, simple_files, missing):
    files = {name: content for name, content in simple_files.items() if name != missing}
    with pytest.raises(StudentError, match=rf"^There is no file {missing} beside the notebook; save_model writes it"):
        retrain.handed_in(student_of(files=files))


def test_weights_that_are_too_large_say_how_large(sandbox, simple_files, tmp_path):
    (tmp_path / CONFIG_FILE).write_bytes(simple_files[CONFIG_FILE])
    (tmp_path / "runs.csv").write_text("id,class")
    with open(tmp_path / WEIGHTS_FILE, "wb") as file:
        file.truncate(MAX_BYTES + 2**20)
    files, left_out = files_beside(tmp_path / "lab5.ipynb")
    assert set(files) == {CONFIG_FILE, "runs.csv"}, "nothing else is left out"
    student = SandboxStudent(sandbox, {}, Submission(files=files, notes=tuple(left_out)))
    with pytest.raises(StudentError, match=r"The file model\.weights\.h5 has 129\.0 MB, and at most 128 MB of weights"):
        retrain.handed_in(student)
    # Where they come along anyway.
    student = SandboxStudent(sandbox, {}, Submission(files=files | {WEIGHTS_FILE: bytes(MAX_BYTES + 1)}))
    with pytest.raises(StudentError, match=r"The file model\.weights\.h5 has 128\.0 MB; at most 128 MB of weights"):
        retrain.handed_in(student)


def test_weights_as_large_as_may_be_are_read_and_stop_no_cell(student_of, simple_files):
    """They are larger than the folder of a job."""
    content = bytes(MAX_BYTES)
    student = student_of(
        "answer = open('notes.txt').read()\ndef told(): return answer",
        simple_files | {WEIGHTS_FILE: content, "notes.txt": b"here"},
    )
    assert student.call("told") == "here"
    with pytest.raises(StudentError, match="no HDF5 file"):
        retrain.handed_in(student)


SABOTAGE = {
    "nothing": ("", "There is no function build_model yet"),
    "not written": (
        CLASSIFIER + "def build_model():\n    raise NotImplementedError\n",
        "build_model is not written yet",
    ),
    "no model": (CLASSIFIER + "def build_model():\n    return 3\n", "^build_model returned int where a Keras model is"),
    "a forged answer": (
        CLASSIFIER.replace(
            "def build_model():", "def build_model():\n    globals()['course_described'] = lambda _: [1, 2]"
        ),
        "train_model sent something that is no trained model",
    ),
    "gives no weights": (
        CLASSIFIER + "def build_model():\n    return type('Odd', (), dict(to_json=1, get_weights=2, set_weights=3))\n",
        r"^train_model stopped with TypeError: 'int' object is not callable\.$",
    ),
    "an error of its own": (
        CLASSIFIER + "def build_model():\n    return layers.Nonesuch()\n",
        r"^build_model stopped with AttributeError: .* \(line \d+ of its cell: return layers\.Nonesuch\(\)\)\.$"
        r"|^train_model stopped with AttributeError: .* \(in build_model, line \d+ of its cell: return layers\.None",
    ),
    "forged weights": (
        CLASSIFIER + "keras.Model.get_weights = lambda self: ['none']\n",
        "train_model sent something that is no trained model",
    ),
    "too many weights": (
        CLASSIFIER.replace("layers.Dense(3, ", "layers.Dense(5_000_000), layers.Dense(3, ")
        + "def train_model(*all):\n    return {'loss': [1.0]}\n",
        "train_model returned 133.5 MB; at most 128 MB are accepted",
    ),
    "ends": (CLASSIFIER + "def build_model():\n    import os\n    os._exit(3)\n", "exit code 3"),
}


@pytest.mark.parametrize(("code", "says"), SABOTAGE.values(), ids=SABOTAGE)
def test_a_training_that_gives_no_model_says_why(student_of, code, says):
    x, y = colors(4, 0)
    y = metrics.one_hot(y, 3)
    with pytest.raises(StudentError, match=says) as told:
        retrain.train(student_of(code), COLORS, (x, y, x, y))
    assert "course_" not in str(told.value)


WITHOUT_A_LOG = {
    "the last values": ("return {name: values[-1] for name, values in log.history.items()}", ""),
    "one number": ("return log.history['loss'][-1]", ""),
    "text": ("return str(log.history)", ""),
    "nothing": ("pass", ""),
    "raises": (
        "return log.history['acc']",
        r"^train_model stopped with KeyError: 'acc' \(line \d+ of its cell: return",
    ),
}


@pytest.mark.parametrize(("then", "says"), WITHOUT_A_LOG.values(), ids=WITHOUT_A_LOG)
def test_a_training_without_a_log_is_a_training(student_of, then, says):
    code = CLASSIFIER.replace("return model.fit(", "log = model.fit(").replace("epochs=20", "epochs=1")
    x, y = colors(8, 0)
    y = metrics.one_hot(y, 3)
    training = retrain.train(student_of(f"{code}    {then}\n"), COLORS, (x, y, x, y))
    assert training.changed and training.losses == [] and bool(training.failed) == bool(says)
    assert re.search(says, training.failed) and "course_" not in training.failed
    assert np.isfinite(retrain.predict(student_of(), COLORS, training.model, x)).all()


OF_ONES_OWN = """
class Falling(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1 / (1.0 + keras.ops.cast(step, "float32"))
class Hits(keras.metrics.Metric):
    def __init__(self):
        super().__init__()
        self.total = self.add_weight(name="total", initializer="zeros")
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(keras.ops.sum(y_true * y_pred))
    def result(self):
        return self.total
class Step(keras.optimizers.SGD):
    pass
def off(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)
def build_model():
    model = keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")])
    model.compile(Step(Falling(), weight_decay=0.01), off, metrics=[Hits(), lambda t, p: keras.ops.mean(p)])
    return model
"""


def test_a_training_that_is_missing_is_called_so(student_of):
    x, y = colors(4, 0)
    data = x, metrics.one_hot(y, 3), x, metrics.one_hot(y, 3)
    training = retrain.train(student_of(CLASSIFIER.replace("def train_model", "def other")), COLORS, data)
    assert (training.failed, training.changed) == ("There is no function train_model yet.", False)


def test_a_loss_a_metric_an_optimizer_and_a_schedule_of_ones_own(student_of):
    """And a model that learns of the shape of its images from the images."""
    student = student_of(CLASSIFIER.replace("epochs=20", "epochs=1") + OF_ONES_OWN)
    x, y = colors(8, 0)
    built = retrain.build(student, COLORS)
    assert len(retrain.rebuild(student, COLORS, built.model).outputs) == 2
    assert model_config.regularization(built.model.config, built.compiled, {}) == {
        "weight decay": "Step with weight_decay"
    }
    training = retrain.train(student, COLORS, (x, metrics.one_hot(y, 3), x[:2], metrics.one_hot(y[:2], 3)))
    assert training.changed and len(training.losses) == 1 and not training.failed
    assert retrain.predict(student, COLORS, training.model, x).shape == (8, 3)


def rebuilt(student, *stack, shape=(32, 32, 3)):
    keras.utils.clear_session()
    made = keras.Sequential([keras.Input(shape), *stack])
    return retrain.rebuild(student, COLORS, Model(made.to_json(), made.get_weights()))


def test_what_augments_is_measured(student_of):
    """Not what is written about it: layers of which one has an effect and its twin has none."""
    stack = [
        layers.RandomRotation(0.1, name="turns"),
        layers.RandomRotation(1e-7, name="hardly_turns"),
        layers.RandomBrightness(0.2, value_range=(-1, 1), name="brightens"),
        layers.RandomBrightness(0.0, name="brightens_nothing"),
        layers.RandomShear(0.2, name="slants"),
        layers.Pipeline([layers.RandomZoom(0.2, name="zooms"), layers.RandomZoom(0.0, name="zooms_nothing")]),
        layers.RandomFlip("vertical", name="flips"),
        layers.RandomCrop(32, 32, name="crops_nothing"),
        layers.RandomCrop(24, 24, name="crops"),
    ]
    changes = rebuilt(student_of(), *stack, layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax")).changes
    assert {name for name, change in changes.items() if change >= model_config.LEAST_CHANGE} == {
        *("turns", "brightens", "slants", "zooms", "flips", "crops")
    }
    assert set(changes) >= {"hardly_turns", "brightens_nothing", "zooms_nothing", "crops_nothing"}


def test_a_model_of_other_images_is_judged_by_those(student_of):
    found = rebuilt(student_of(), layers.Flatten(), layers.Dense(4), shape=(5, 6, 2))
    assert found.input_shape == (5, 6, 2) and [output.shape for output in found.outputs] == [(5, 4)] * 2
    # Any size that has these channels.
    found = rebuilt(student_of(), layers.GlobalMaxPooling2D(), layers.Dense(3), shape=(None, None, 3))
    assert found.input_shape == COLORS.input_shape and found.outputs[0].shape == (5, 3)


def test_a_last_layer_that_begins_with_zeros_varies_all_the_same(student_of):
    student = student_of()
    found = rebuilt(student, layers.Flatten(), layers.Dense(3, "softmax", kernel_initializer="zeros"))
    assert np.ptp(found.outputs[0], axis=0).max() > 1e-3
    found = rebuilt(student, layers.Rescaling(0.0), layers.Flatten(), layers.Dense(3, "softmax"))
    assert np.ptp(found.outputs[0], axis=0).max() == 0


def test_a_training_job_has_code_and_nothing_else(student_of):
    """No weights beside the notebook, and no digits of scikit-learn's. The cells before may still read them."""
    code = (
        CLASSIFIER
        + """
import os
import own
from source_lib.data.mnist import mnist_sample
seen = sorted(os.listdir())
def beside(): return [*seen, str(len(mnist_sample()[0]))]
def train_model(model, x, y, x_valid, y_valid):
    raise RuntimeError(f"{sorted(name for name in os.listdir() if not name.startswith('.'))} {own.name}")
"""
    )
    files = {
        "own.py": b"name = 'mine'",
        "weights.npz": b"1",
        "model.weights.h5": b"2",
        "sub/more.py": b"",
        "a.txt": b"",
    }
    student = student_of(code, files)
    assert {"weights.npz", "a.txt", "1297"} <= set(student.call("beside"))
    x, y = colors(4, 0)
    data = x, metrics.one_hot(y, 3), x, metrics.one_hot(y, 3)
    assert "['own.py', 'sub'] mine" in retrain.train(student, COLORS, data).failed
    for looked_up in ("mnist_sample()", "np.load('weights.npz')", "open('a.txt')"):
        searching = f"{code}def train_model(model, *images):\n    model.set_weights({looked_up})\n"
        failed = retrain.train(student_of(searching, files), COLORS, data).failed
        assert "stopped with FileNotFoundError" in failed and failed.endswith("beside the notebook only .py files.")


def test_a_training_that_takes_too_long_is_ended(student_of):
    code = CLASSIFIER + "def build_model():\n    while True:\n        pass\n"
    x, y = colors(4, 0)
    with pytest.raises(StudentError, match="train_model ended the process instead of answering: it used up"):
        retrain.train(student_of(code), COLORS, (x, y, x, y), cpu=2)


@pytest.mark.parametrize(
    ("model", "spec", "says"),
    [
        (simple, ModelSpec((32, 32, 3), (4,), "4 probabilities"), "does not give 4 probabilities for each image"),
        (
            simple,
            ModelSpec((16, 16, 1), (3,), "3 probabilities"),
            "The trained model cannot be rebuilt for grading: it",
        ),
        (
            lambda: keras.Model(a := keras.Input((32, 32, 3)), [layers.Flatten()(a), layers.Flatten()(a)]),
            COLORS,
            "does not give 3 probabilities",
        ),
    ],
    ids=["another output", "another input", "two outputs"],
)
def test_a_model_of_another_kind_says_so(student_of, model, spec, says):
    made = model()
    taken = Model(made.to_json(), made.get_weights())
    with pytest.raises(StudentError, match=says):
        retrain.predict(student_of(), spec, taken, np.zeros((2, *spec.input_shape), "float32"))


def test_weights_that_do_not_fit_the_configuration(student_of):
    taken = Model(simple().to_json(), [np.ones((3, 4), "float32"), np.ones(3, "float32")])
    with pytest.raises(
        StudentError, match=r"^The trained model cannot be rebuilt for grading: it stopped with ValueError"
    ):
        retrain.predict(student_of(), COLORS, taken, colors(2, 0)[0])


def test_what_predicts_has_neither_the_student_s_code_nor_files(student_of):
    """A student's code that would have the rebuilt model say the right thing is not there."""
    code = CLASSIFIER + "keras.Model.predict = lambda self, x, **_: np.eye(3)[np.zeros(len(x), int)]\n"
    student = student_of(code, {"sitecustomize.py": b"1/0", "keras.py": b"1/0"})
    made = simple()
    found = retrain.predict(student, COLORS, Model(made.to_json(), made.get_weights()), colors(3, 0)[0])
    np.testing.assert_allclose(found, made.predict(colors(3, 0)[0], verbose=0), rtol=1e-4, atol=1e-6)


def test_what_was_found_out_once_is_known_also_that_it_failed():
    asked = []

    @once
    def finds(student):
        asked.append(student)
        if student.owner == "asa":
            raise StudentError("no.")
        return len(asked)

    asa, bo = NotebookStudent({}, owner="asa"), NotebookStudent({}, owner="bo")
    assert [finds(bo), finds(bo)] == [1, 1]
    for _ in range(3):
        with pytest.raises(StudentError, match=r"^no\.$"):
            finds(asa)
    assert asked == [bo, asa]


def test_the_limits_agree():
    assert MAX_WEIGHTS == MAX_BYTES == 128 * 2**20
