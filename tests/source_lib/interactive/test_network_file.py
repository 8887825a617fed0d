"""Networks as files: what is written says the same as the Keras model, and what cannot be shown is refused."""

import doctest
import json

import keras
import numpy as np
import pytest
from keras import layers

from source_lib.interactive import export, network_file
from source_lib.interactive.network_file import describe, quantized, rebuild, unpacked


def sequential(*parts, shape=(12, 10, 1)):
    """Return a model whose weights, moving averages included, are all drawn at random."""
    model = keras.Sequential([keras.Input(shape), *parts])
    rng = np.random.default_rng(5)
    # Positive, as variances must be, and of both signs elsewhere.
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, weight.shape) if "variance" in weight.path else rng.normal(0, 0.4, weight.shape)
            for weight in model.weights
        ]
    )
    return model


#: Models as students of the labs build them, and the kinds of layers that are written.
MODELS = {
    "lab 1": (
        lambda: sequential(
            layers.Conv2D(3, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(4, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
            layers.Flatten(), layers.Dense(5, activation="softmax"),
        ),
        "convolution activation pooling convolution activation pooling flatten dense softmax",
    ),
    "lab 2": (
        lambda: sequential(
            keras.Sequential([layers.RandomTranslation(0.1, 0.1), layers.RandomRotation(0.1)]),
            layers.Conv2D(3, 5, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU(),
            layers.MaxPooling2D(), layers.Dropout(0.2), layers.Flatten(),
            layers.Dense(6, use_bias=False), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.4),
            layers.Dense(4, activation="softmax"),
        ),
        "convolution activation pooling flatten dense activation dense softmax",
    ),
    "lab 4": (
        lambda: sequential(
            layers.Conv2D(3, 3, padding="same"), layers.MaxPooling2D(2, strides=1), layers.Activation("tanh"),
            layers.SpatialDropout2D(0.2), layers.Conv2D(2, 3), layers.Activation("sigmoid"), layers.Flatten(),
            layers.Dense(3), layers.Softmax(),
        ),
        "convolution pooling activation convolution activation flatten dense softmax",
    ),
    "an average at the end, and scores": (
        lambda: sequential(
            layers.Rescaling(2.0, offset=-1.0),
            layers.Conv2D(3, (3, 2), strides=(2, 1), padding="same", activation="relu"),
            layers.BatchNormalization(scale=False), layers.AveragePooling2D(2), layers.GlobalAveragePooling2D(),
            layers.Dense(3), shape=(12, 10, 3),
        ),
        "scale convolution activation scale pooling average dense softmax",
    ),
    "a dense network": (
        lambda: sequential(
            layers.Flatten(), layers.Dense(7, "relu"), layers.GaussianNoise(0.1), layers.Dense(2, "softmax")
        ),
        "flatten dense activation dense softmax",
    ),
}  # fmt: skip


def images_for(model, count=6):
    return np.float32(np.random.default_rng(1).random((count, *model.input_shape[1:])))


def test_examples_of_the_docstrings():
    assert doctest.testmod(network_file).failed == 0


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_computes_what_the_model_computes(name, tmp_path):
    build, kinds = MODELS[name]
    model = build()
    path = export(model, tmp_path / "mine.json", classes=[f"kind {k}" for k in range(model.output_shape[-1])])
    network = json.loads(path.read_text())
    assert [layer["kind"] for layer in network["layers"]] == kinds.split()
    assert network["format"] == "network to see" and network["version"] == 1 and network["classes"][1] == "kind 1"
    x = images_for(model)
    expected = model.predict(x, verbose=0)
    if name.endswith("scores"):
        expected = keras.ops.convert_to_numpy(keras.ops.softmax(expected))
    np.testing.assert_allclose(rebuild(network).predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.json"]


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_rounded_weights_are_whole_multiples_near_the_weights(bits):
    network = describe(MODELS["lab 1"][0]())
    rounded = quantized(network, bits)
    for before, after in zip(network["layers"], rounded["layers"], strict=True):
        if "weights" not in before:
            assert before == after
            continue
        exact, close, scale = unpacked(before["weights"]), unpacked(after["weights"]), after["weights"]["scale"]
        whole = np.rint(close / scale)
        np.testing.assert_allclose(close, whole * np.float32(scale), rtol=1e-6)
        assert np.abs(whole).max() == 2 ** (bits - 1) - 1
        assert (np.abs(exact - close) <= 0.5001 * np.float32(scale)).all()
        assert before["bias"] == after["bias"]
    assert "int8" in json.dumps(rounded) and "int8" not in json.dumps(network)


def test_a_channel_of_zeros_stays_zero():
    model = MODELS["lab 1"][0]()
    weights = model.get_weights()
    weights[0][..., 1] = 0
    model.set_weights(weights)
    first = quantized(describe(model))["layers"][0]["weights"]
    assert not unpacked(first)[..., 1].any() and unpacked(first)[..., 0].any()


def broken(model):
    weights = model.get_weights()
    weights[1][0] = np.nan
    model.set_weights(weights)
    return model


def functional():
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(inputs)))


class Dense(layers.Layer):
    """A layer of somebody's own that is called like one of Keras'."""

    def call(self, x):
        return x


DENSE = layers.Flatten, lambda: layers.Dense(3)
REFUSED = {
    "functional": (functional, "a keras.Sequential; this is Functional.*keras.Sequential\\(model.layers\\)"),
    "no model": (lambda: "mine", "this is str"),
    "no size": (lambda: keras.Sequential([layers.Flatten(), layers.Dense(3)]), r"Begin it with keras.Input\(\(28"),
    "large images": (lambda: sequential(*(f() for f in DENSE), shape=(65, 8, 1)), r"at most 64 × 64.*\[65, 8, 1\]"),
    "two channels": (lambda: sequential(*(f() for f in DENSE), shape=(8, 8, 2)), r"1 or 3\]"),
    "vector": (lambda: sequential(layers.Dense(3), shape=(8,)), r"takes \[8\]"),
    "lambda": (lambda: sequential(layers.Lambda(lambda x: x, name="mine"), layers.Flatten()), "mine .Lambda. is none"),
    "one's own": (lambda: sequential(layers.Flatten(), Dense(name="twin")), "layer twin .Dense. is none"),
    "padded pooling": (lambda: sequential(layers.MaxPooling2D(2, padding="same")), "pads its maps"),
    "dilation": (lambda: sequential(layers.Conv2D(2, 3, dilation_rate=2)), "groups or dilation"),
    "activation": (lambda: sequential(layers.Conv2D(2, 3, activation="gelu")), "activation gelu; .* relu, tanh"),
    "leaky": (lambda: sequential(layers.ReLU(negative_slope=0.1)), "no plain ReLU"),
    "dense on maps": (lambda: sequential(layers.Dense(3)), "Put Flatten before it"),
    "maps at the end": (lambda: sequential(layers.Conv2D(2, 3)), r"2 to 100 scores; this one ends with \[10, 8, 2\]"),
    "one score": (lambda: sequential(layers.Flatten(), layers.Dense(1)), r"ends with \[1\]"),
    "NaN": (lambda: broken(MODELS["lab 1"][0]()), "weights that are not finite numbers. Train the network anew"),
    "parameters": (
        lambda: sequential(layers.Flatten(), layers.Dense(9000), layers.Dense(3)),
        "1,116,003 parameters.*1,000,000",
    ),
    "products": (
        lambda: sequential(
            layers.Conv2D(64, 7, padding="same"), layers.Conv2D(64, 7, padding="same"),
            layers.Flatten(), layers.Dense(2), shape=(24, 24, 1),
        ),
        "117,.* products for an image",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_page_cannot_show_is_refused_with_a_reason(name, tmp_path):
    build, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        export(build(), tmp_path / "mine.json")
    assert list(tmp_path.iterdir()) == []


def test_other_wrong_arguments_are_refused(tmp_path):
    model = MODELS["a dense network"][0]()
    for more, message in (
        ({"low": 1, "high": 1}, "two different values"),
        ({"high": float("nan")}, "two different values"),
        ({"classes": ["a"]}, "has 2 outputs"),
        ({"classes": ["a", "a"]}, "no two alike"),
        ({"bits": 1}, "2 to 8 bits"),
    ):
        with pytest.raises(ValueError, match=message):
            export(model, tmp_path / "mine.json", **more)
    with pytest.raises(ValueError, match="There is no folder .*none to write mine.json into"):
        export(model, tmp_path / "none" / "mine.json")
    assert list(tmp_path.iterdir()) == []
