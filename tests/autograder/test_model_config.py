"""What a model is told to be from its configuration, with real Keras models and with forged configurations."""

import json

import keras
import numpy as np
import pytest
from keras import layers, regularizers

from autograder.checking.model_config import ALLOWED, REFUSED, ConfigError, fixed_inputs, rebuildable, regularization
from autograder.checking.model_config import layers as layers_of


def config(*stack, optimizer="adam"):
    model = keras.Sequential([keras.Input((28, 28, 1)), *stack, layers.Flatten(), layers.Dense(10, "softmax")])
    model.compile(optimizer, "categorical_crossentropy")
    return model.to_json(), json.dumps(model.get_compile_config(), default=str)


def kinds_of(stack, change=0.0, **how):
    """Return the kinds of regularization of a stack of layers, each of which changes images by so much."""
    return set(regularization(*config(*stack, **how), {layer.name: change for layer in stack}))


@pytest.mark.parametrize(
    ("stack", "kinds"),
    [
        ([], set()),
        ([layers.Dropout(0.2)], {"dropout"}),
        ([layers.SpatialDropout2D(0.2)], {"dropout"}),
        ([layers.GaussianNoise(0.1)], {"dropout"}),
        ([layers.Dropout(0.0)], set()),
        ([layers.Dropout(0.01)], {"dropout"}),
        ([layers.AlphaDropout(0.009)], set()),
        ([layers.GaussianNoise(0.0)], set()),
        ([layers.GaussianNoise(1e-7)], set()),
        ([layers.Reshape((28, 28)), layers.LSTM(3, recurrent_dropout=0.2)], {"dropout"}),
        ([layers.Reshape((28, 28)), layers.Bidirectional(layers.GRU(3, dropout=0.2))], {"dropout"}),
        ([layers.BatchNormalization(trainable=False)], set()),
        ([layers.BatchNormalization()], {"batch normalization"}),
        ([layers.Conv2D(2, 3, kernel_regularizer="l2")], {"weight decay"}),
        ([layers.Conv2D(2, 3, kernel_regularizer=regularizers.L1(1e-3))], {"weight decay"}),
        ([layers.Conv2D(2, 3, kernel_regularizer=regularizers.L2(0.0))], set()),
        ([layers.Conv2D(2, 3, kernel_regularizer=regularizers.L2(1e-5))], {"weight decay"}),
        ([layers.Conv2D(2, 3, kernel_regularizer=regularizers.L1L2(1e-9, 1e-30))], set()),
        ([layers.SpectralNormalization(layers.Conv2D(2, 3, kernel_regularizer="l1"))], {"weight decay"}),
        ([keras.Sequential([layers.RandomShear(0.1, 0.1), layers.Dropout(0.1)])], {"dropout"}),
    ],
)
def test_kinds_of_regularization(stack, kinds):
    assert kinds_of(stack) == kinds


@pytest.mark.parametrize(
    ("layer", "change", "kinds"),
    [
        (layers.RandomRotation(0.1), 0.05, {"augmentation"}),
        (layers.RandomRotation(0.1), 0.0, set()),
        (layers.RandomRotation(0.1), float("nan"), set()),
        (layers.RandAugment(value_range=(-1, 1)), 0.01, {"augmentation"}),
        (layers.Rescaling(0.5), 0.5, set()),
        (layers.MaxPooling2D(), 0.5, set()),
    ],
)
def test_augmentation_is_a_layer_for_it_that_changes_images(layer, change, kinds):
    assert kinds_of([layer], change) == kinds


def test_weight_decay_of_the_optimizer():
    assert kinds_of([], optimizer=keras.optimizers.AdamW(weight_decay=1e-3)) == {"weight decay"}
    assert kinds_of([], optimizer=keras.optimizers.SGD(weight_decay=1e-3)) == {"weight decay"}
    assert kinds_of([], optimizer=keras.optimizers.AdamW(weight_decay=0.0)) == set()
    assert kinds_of([], optimizer=keras.optimizers.Lion(weight_decay=1e-12)) == set()


def test_a_functional_model():
    x = keras.Input((28, 28, 1))
    h = layers.Concatenate()([layers.Conv2D(2, 3, padding="same")(x), layers.Dropout(0.3)(x)])
    model = keras.Model(x, layers.Dense(10)(layers.GlobalAveragePooling2D()(h)))
    assert regularization(model.to_json(), "null", {}) == {"dropout": "Dropout"}
    assert [layer["class_name"] for layer in layers_of(model.to_json())][0] == "InputLayer"


def test_every_layer_of_keras_is_allowed_or_refused():
    known = {name for name, one in vars(layers).items() if isinstance(one, type) and issubclass(one, layers.Layer)}
    assert known >= ALLOWED | REFUSED and not ALLOWED & REFUSED
    # Two names of one layer: configurations have the first.
    of = {getattr(layers, name) for name in ALLOWED | REFUSED} | {layers.Layer, layers.Wrapper}
    assert {getattr(layers, name) for name in known} == of


def curve(x):
    return keras.ops.tanh(x)


def start(shape, dtype=None):
    return keras.ops.ones(shape, dtype)


@pytest.mark.parametrize(
    ("stack", "says"),
    [
        ([layers.Lambda(lambda x: x, name="mine")], "has a layer Lambda 'mine', which is not rebuilt"),
        ([layers.TimeDistributed(layers.Lambda(lambda x: x))], "the class Lambda inside its layer TimeDistributed"),
        (
            [layers.Activation(lambda x: x, name="bend")],
            "a function of its own as activation of its layer Activation 'bend'",
        ),
        ([layers.Dense(3, activation=curve, name="first")], "the function curve inside its layer Dense 'first'"),
        ([layers.Dense(3, kernel_initializer=start)], "the function start inside its layer Dense 'dense"),
    ],
)
def test_what_holds_code_is_refused_by_name(stack, says):
    with pytest.raises(ConfigError, match=says):
        layers_of(config(*stack)[0])


def same_after_rebuilding(model, x):
    """Assert that a model predicts the same when it is rebuilt from its configuration and weights."""
    again = keras.models.model_from_json(rebuildable(model.to_json()))
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def test_operations_of_keras_are_rebuilt():
    x = keras.Input((6, 5, 1))
    h = keras.ops.relu(layers.Conv2D(3, 2)(x)) * 2 - 1
    h = keras.ops.mean(h[:, :, :3], axis=(1, 2))
    h = keras.ops.concatenate([h, keras.ops.sqrt(abs(h))])
    same_after_rebuilding(
        keras.Model(x, keras.ops.softmax(layers.Dense(4)(h))), np.random.default_rng(0).normal(size=(3, 6, 5, 1))
    )


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "silu", "leaky_relu", "gelu"])
def test_tensorflow_s_activations_are_rebuilt(name):
    import tensorflow as tf

    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation=getattr(tf.nn, name))])
    same_after_rebuilding(model, np.random.default_rng(0).normal(size=(5, 4)))


@pytest.mark.parametrize(
    "stack",
    [
        [layers.Reshape((28, 28)), layers.Bidirectional(layers.LSTM(3))],
        [layers.Reshape((28, 28)), layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)])],
        [layers.Reshape((28, 28)), layers.Conv1D(3, 3, dilation_rate=2), layers.GlobalMaxPooling1D()],
        [layers.TimeDistributed(keras.Sequential([layers.Dense(3), layers.ReLU()])), layers.RMSNormalization()],
        [layers.Reshape((28, 28)), layers.EinsumDense("abc,cd->abd", (28, 3)), layers.Identity()],
        [layers.Pipeline([layers.RandomFlip(), layers.RandomRotation(0.1)]), layers.AdaptiveAveragePooling2D((2, 2))],
    ],
    ids=range(6),
)
def test_layers_of_all_kinds_are_rebuilt(stack):
    model = keras.Sequential([keras.Input((28, 28, 1)), *stack, layers.Flatten(), layers.Dense(2)])
    same_after_rebuilding(model, np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype("float32"))


def test_how_a_model_is_trained_may_be_anything():
    def off(y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred))

    class Mine(keras.metrics.Mean):
        pass

    model = keras.Sequential([keras.Input((3,)), keras.Sequential([layers.Dense(2)])])
    model.layers[0].compile("sgd", off)
    model.compile(keras.optimizers.SGD(), off, metrics=[Mine()])
    assert "off" in model.to_json() and "compile_config" not in rebuildable(model.to_json())
    same_after_rebuilding(model, np.ones((2, 3)))


def test_classes_of_ones_own_are_refused():
    @keras.saving.register_keras_serializable("mine")
    class Dense(layers.Dense):
        pass

    with pytest.raises(ConfigError, match="no layer of Keras"):
        layers_of(config(Dense(3))[0])

    @keras.saving.register_keras_serializable("mine")
    class L2(regularizers.L2):
        pass

    with pytest.raises(ConfigError, match="the class L2 inside its layer Dense 'dense"):
        layers_of(config(layers.Dense(3, kernel_regularizer=L2(0.1)))[0])


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "[]",
        "null",
        "3",
        '{"class_name": "Sequential"}',
        '{"class_name": "Sequential", "config": {"layers": 3}}',
        '{"class_name": "Dense"}',
        '{"class_name": "Dense", "config": 3}',
        '{"class_name": "Dense", "module": "os", "config": {}}',
        '{"class_name": "Dense", "module": "keras_evil.layers", "config": {}}',
        '{"class_name": "Dense", "config": {"activation": {"class_name": "__lambda__", "config": {}}}}',
        '{"class_name": "Dense", "config": {"activation": {"module": "os", "class_name": "system", "config": {}}}}',
        '{"class_name": "Dense", "config": {"bias": {"module": "keras_evil", "class_name": "L2", "config": {}}}}',
        '{"class_name": "Dense", "config": {"a": {"module": "keras.utils", "class_name": "get_file", "config": {}}}}',
        '{"class_name": "Dense", "config": {"a": {"module": "keras.saving", "class_name": "load_model", "config": 1}}}',
        '{"class_name": "Dense", "config": {"a": {"module": "keras.layers", "class_name": "TFSMLayer", "config": {}}}}',
        '{"class_name": "Dense", "config": {"of": {"module": "keras.layers", "class_name": ["Dense"], "config": {}}}}',
        '{"class_name": "Dense", "module": "keras.src.ops.core", "config": {"name": "d"}}'.replace("Dense", "Map"),
        '{"class_name": "Dense", "config": {}, "inbound_nodes": [{"args": [], "kwargs": {"mask": {"module": '
        '"keras.utils", "class_name": "function", "config": "get_file"}}}]}',
        '{"class_name": "Sequential", "module": "keras", "config": {"layers": [], "more": {"module": "keras.layers", '
        '"class_name": "TFSMLayer", "config": {"filepath": "/"}}}}',
        "[" * 100_000,
        '{"class_name": "Sequential", "config": {"layers": [' * 50 + "]}}" * 50,
        " " * (2**20 + 1),
    ],
    ids=range(23),
)
def test_forged_configurations_end_in_one_sentence(forged):
    with pytest.raises(ConfigError) as told:
        layers_of(forged)
    assert str(told.value).startswith("has ") and str(told.value).isprintable()
    with pytest.raises(ConfigError):
        regularization(forged, "{}", {})


def test_settings_of_keras_own_are_rebuilt():
    stack = [
        layers.Conv2D(2, 3, kernel_regularizer="l2", kernel_constraint="max_norm", activation="gelu", dtype="float16"),
        layers.SpectralNormalization(layers.Conv2D(2, 3, kernel_initializer=keras.initializers.Constant(0.2))),
        layers.PReLU(shared_axes=(1, 2)),
        layers.Activation(layers.LeakyReLU()),
        layers.Normalization(mean=[0.1, 0.2], variance=[1.0, 2.0]),
        layers.Resizing(14, 14),
    ]
    model, _ = config(*stack)
    assert keras.models.model_from_json(rebuildable(model)).to_json()


@pytest.mark.parametrize("name", ["EfficientNetB0", "MobileNetV2", "ResNet50"])
def test_a_network_to_transfer_from_is_rebuilt(name):
    """The part that is frozen of many a student's model."""
    frozen = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(96, 96, 3)).to_json()
    assert json.loads(rebuildable(frozen)) | {"compile_config": {}} == json.loads(frozen)


def test_a_forged_compilation_shows_no_weight_decay():
    model, _ = config()
    for forged in (
        "",
        "[]",
        "3",
        '{"optimizer": 3}',
        '{"optimizer": {"config": 3}}',
        '{"optimizer": {"config": {"weight_decay": "1"}}}',
    ):
        assert regularization(model, forged, {}) == {}


NEEDS = {
    "RandomBrightness": [0.1],
    "RandomColorDegeneration": [0.1],
    "RandomContrast": [0.1],
    "RandomCrop": [24, 24],
    "RandomElasticTransform": [0.1],
    "RandomHue": [0.1],
    "RandomPosterization": [4],
    "RandomRotation": [0.1],
    "RandomSaturation": [0.1],
    "RandomSharpness": [0.1],
    "RandomShear": [0.1, 0.1],
    "RandomTranslation": [0.1, 0.1],
    "RandomZoom": [(-0.1, 0.1)],
}


@pytest.mark.parametrize("name", sorted(name for name in ALLOWED if name.startswith("Random")))
def test_a_model_with_any_augmentation_is_rebuilt_and_predicts_the_same(name):
    model = keras.Sequential([keras.Input((28, 28, 3)), getattr(layers, name)(*NEEDS.get(name, []))])
    again = keras.models.model_from_json(rebuildable(model.to_json()))
    x = np.random.default_rng(0).uniform(0, 1, (2, 28, 28, 3)).astype("float32")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("shape", [(None, None, 3), (28, None, 1), (None,)])
def test_an_input_of_any_size_is_told(shape):
    inside = keras.Sequential([keras.Input(shape), layers.ReLU()])
    for model in (inside, keras.Sequential([keras.Input(shape), inside])):
        with pytest.raises(ConfigError, match="None leaves a side open"):
            fixed_inputs(model.to_json())


def test_an_input_of_one_size_is_none():
    x = keras.Input((28, 28, 1), batch_size=None)
    assert fixed_inputs(keras.Model(x, layers.Flatten()(x)).to_json()) is None


def test_a_side_is_open_where_the_whole_model_leaves_it_open():
    with pytest.raises(ConfigError, match="None leaves a side open"):
        fixed_inputs(keras.Sequential([keras.Input((None, 8, 3)), layers.Conv2D(2, 3)]).to_json())
    inner = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 3)])
    x = keras.Input((8, 8, 3))
    fixed_inputs(keras.Model(x, layers.Flatten()(inner(x))).to_json())
    fixed_inputs(json.dumps({"class_name": "Flatten", "config": {}}))
