"""What a model is told to be from its configuration, with real Keras models and with forged configurations."""

import json

import keras
import numpy as np
import pytest
from keras import layers, regularizers

from autograder.checking.model_config import ALLOWED, ConfigError, rebuildable, regularization
from autograder.checking.model_config import layers as layers_of


def config(*stack, optimizer="adam"):
    model = keras.Sequential([keras.Input((28, 28, 1)), *stack, layers.Flatten(), layers.Dense(10, "softmax")])
    model.compile(optimizer, "categorical_crossentropy")
    return model.to_json(), json.dumps(model.get_compile_config(), default=str)


@pytest.mark.parametrize(
    ("stack", "kinds"),
    [
        ([], set()),
        ([layers.Dropout(0.2)], {"dropout"}),
        ([layers.SpatialDropout2D(0.2)], {"dropout"}),
        ([layers.GaussianNoise(0.1)], {"dropout"}),
        ([layers.Dropout(0.0)], set()),
        ([layers.GaussianNoise(0.0)], set()),
        ([layers.BatchNormalization()], {"batch normalization"}),
        ([layers.Conv2D(2, 3, kernel_regularizer="l2")], {"weight decay"}),
        ([layers.Conv2D(2, 3, kernel_regularizer=regularizers.L1(1e-3))], {"weight decay"}),
        ([layers.Conv2D(2, 3, kernel_regularizer=regularizers.L2(0.0))], set()),
        ([layers.RandomRotation(0.1)], {"augmentation"}),
        ([layers.RandomRotation(0.0)], set()),
        ([layers.RandomTranslation(0.0, 0.0)], set()),
        ([layers.RandomTranslation(0.0, 0.1)], {"augmentation"}),
        ([layers.RandomFlip("horizontal")], {"augmentation"}),
        ([layers.RandomZoom((-0.1, 0.1))], {"augmentation"}),
        ([keras.Sequential([layers.RandomShear(0.1, 0.1), layers.Dropout(0.1)])], {"augmentation", "dropout"}),
    ],
)
def test_kinds_of_regularization(stack, kinds):
    assert set(regularization(*config(*stack))) == kinds


def test_weight_decay_of_the_optimizer():
    assert set(regularization(*config(optimizer=keras.optimizers.AdamW(weight_decay=1e-3)))) == {"weight decay"}
    assert set(regularization(*config(optimizer=keras.optimizers.SGD(weight_decay=1e-3)))) == {"weight decay"}
    assert regularization(*config(optimizer=keras.optimizers.AdamW(weight_decay=0.0))) == {}


def test_a_functional_model():
    x = keras.Input((28, 28, 1))
    h = layers.Concatenate()([layers.Conv2D(2, 3, padding="same")(x), layers.Dropout(0.3)(x)])
    model = keras.Model(x, layers.Dense(10)(layers.GlobalAveragePooling2D()(h)))
    assert regularization(model.to_json(), "null") == {"dropout": "Dropout"}
    assert [layer["class_name"] for layer in layers_of(model.to_json())][0] == "InputLayer"


def test_every_layer_that_is_allowed_is_one_of_keras():
    missing = [name for name in ALLOWED if not hasattr(layers, name)]
    assert not missing


@pytest.mark.parametrize(
    ("stack", "says"),
    [
        ([layers.Lambda(lambda x: x)], "Lambda"),
        ([layers.TimeDistributed(layers.Dense(2))], "TimeDistributed"),
        ([layers.Activation(lambda x: x)], "function"),
    ],
)
def test_what_holds_code_is_refused(stack, says):
    with pytest.raises(ConfigError, match=says):
        layers_of(config(*stack)[0])


def test_classes_of_ones_own_are_refused():
    @keras.saving.register_keras_serializable("mine")
    class Dense(layers.Dense):
        pass

    with pytest.raises(ConfigError, match="no layer of Keras"):
        layers_of(config(Dense(3))[0])

    @keras.saving.register_keras_serializable("mine")
    class L2(regularizers.L2):
        pass

    with pytest.raises(ConfigError, match="inside a layer"):
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
        "[" * 100_000,
        '{"class_name": "Sequential", "config": {"layers": [' * 50 + "]}}" * 50,
        " " * (2**20 + 1),
    ],
    ids=range(20),
)
def test_forged_configurations_end_in_one_sentence(forged):
    with pytest.raises(ConfigError) as told:
        layers_of(forged)
    assert str(told.value).startswith("has ") and str(told.value).isprintable()
    with pytest.raises(ConfigError):
        regularization(forged, "{}")


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
    assert json.loads(rebuildable(frozen)) == json.loads(frozen)


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
        assert regularization(model, forged) == {}


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
