"""The network of one's own functions against Keras, and what it says when a function is not right."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers, ops

from source_lib import cnn as cnn_module
from source_lib import util
from source_lib.cnn import CNN, LayerError


def activation(x, name):
    if name == "linear":
        return x
    if name == "relu":
        return np.maximum(x, 0)
    if name == "softmax":
        e = np.exp(x - np.max(x))
        return e / e.sum()
    raise ValueError(f"unknown activation {name}")


def conv2d_layer(h, W, b, act):
    return activation(ops.convert_to_numpy(ops.conv(h[np.newaxis], W, padding="same"))[0] + b, act)


def pool2d_layer(h):
    return ops.convert_to_numpy(ops.max_pool(h[np.newaxis], 2, 2))[0]


def flatten_layer(h):
    return h.reshape(-1)


def dense_vector(h, W, b, act):
    return activation(W @ h + b[:, 0], act)


def dense_column(h, W, b, act):
    return activation(W @ h.reshape(-1, 1) + b, act)


def count_weights(W, b):
    return sum(array.size for array in [*W, *b])


def evaluate(y_prob, y_onehot):
    loss = -np.log(np.maximum((y_prob * y_onehot).sum(axis=1), 1e-12)).mean()
    return loss, 100 * (y_prob.argmax(axis=1) == y_onehot.argmax(axis=1)).mean()


FUNCTIONS = {
    "activation": activation,
    "conv2d_layer": conv2d_layer,
    "pool2d_layer": pool2d_layer,
    "flatten_layer": flatten_layer,
    "dense_layer": dense_vector,
    "count_weights": count_weights,
    "evaluate": evaluate,
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(2)
    parts = {}
    for name, count in (("train", 6), ("test", 4)):
        parts[f"x_{name}"] = rng.uniform(-1, 1, (count, 7, 9, 2)).astype(np.float32)
        parts[f"y_{name}"] = rng.integers(0, 3, count)
        parts[f"y_{name}_oh"] = np.eye(3, dtype=np.float32)[parts[f"y_{name}"]]
    return SimpleNamespace(**parts)


@pytest.fixture(scope="module")
def model():
    """Odd sizes, a kernel that is not square, layers that do nothing after training, and one without a bias."""
    keras.utils.set_random_seed(8)
    model = keras.Sequential(
        [
            keras.Input((7, 9, 2)),
            keras.Sequential([layers.RandomFlip(), layers.GaussianNoise(0.3)]),
            layers.Conv2D(4, (3, 5), padding="same", activation="relu", bias_initializer="normal"),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Conv2D(3, 3, padding="same", use_bias=False),
            layers.Activation("relu"),
            layers.Flatten(),
            layers.Dense(5, "relu", bias_initializer="normal"),
            layers.Dense(4, use_bias=False),
            layers.Dense(3, "softmax", bias_initializer="normal"),
        ]
    )
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def network(model, data, verbose=False, **functions):
    own = CNN(data, verbose, layers=FUNCTIONS | functions)
    own.setup_model(*util.get_weights(model), util.get_activations(model))
    return own


@pytest.mark.parametrize("dense_layer", [dense_vector, dense_column])
def test_output_is_that_of_keras(model, data, dense_layer):
    own = network(model, data, dense_layer=dense_layer)
    expected = model.predict(data.x_test, verbose=0)
    output = own.feedforward(data.x_test)
    assert output.shape == (4, 3)
    np.testing.assert_allclose(output, expected, atol=1e-6)
    sample = own.feedforward_sample(data.x_test[2])
    assert sample.shape == (3,)
    np.testing.assert_allclose(sample, expected[2], atol=1e-6)


def test_parameters_are_counted_by_the_given_function(model, data):
    parameters = 3 * 5 * 2 * 4 + 4 + 3 * 3 * 4 * 3 + 36 * 5 + 5 + 5 * 4 + 4 * 3 + 3
    assert network(model, data).N == parameters == model.count_params()
    assert network(model, data, count_weights=lambda W, b: len(W) + len(b)).N == 22


def test_evaluate_is_that_of_keras(model, data, capsys):
    result = network(model, data, verbose=True).evaluate()
    expected = util.evaluate(model, data, final=True)
    np.testing.assert_allclose(result, expected, rtol=1e-4)
    out = capsys.readouterr().out
    assert f"Training: cross-entropy {result[0]:.4f}, accuracy {result[1]:.2f} %" in out
    assert f"Test:     cross-entropy {result[2]:.4f}, accuracy {result[3]:.2f} %" in out
    network(model, data).evaluate()
    assert capsys.readouterr().out == ""


def test_layer_table(model, data):
    own = network(model, data)
    table = util.layer_table(model, own, data.x_test[1])
    assert list(table.columns) == ["layer", "kind", "shape", "keras", "own", "difference"]
    assert table["kind"].tolist() == own.lname and len(table) == 11
    assert table["shape"][2] == (7, 9, 4) and table["shape"][3] == (3, 4, 4)
    assert table["difference"].max() < 1e-5
    np.testing.assert_allclose(table["keras"], table["own"], rtol=1e-5)
    assert table["keras"].iloc[-1] == pytest.approx(1), "probabilities"
    first = model.layers[1](data.x_test[1:2])
    assert table["keras"][2] == pytest.approx(float(np.abs(first).sum()), rel=1e-5)


def test_layer_table_shows_where_it_goes_wrong(model, data):
    def without_bias(h, W, b, act):
        return conv2d_layer(h, W, 0 * b, act)

    table = util.layer_table(model, network(model, data, conv2d_layer=without_bias), data.x_test[1])
    assert (table["difference"][:2] == 0).all() and table["difference"][2] > 1e-3


def test_layer_table_of_a_functional_model(data):
    inputs = keras.Input((7, 9, 2))
    model = keras.Model(inputs, layers.Dense(3, "softmax")(layers.Flatten()(layers.MaxPooling2D()(inputs))))
    table = util.layer_table(model, network(model, data), data.x_test[0])
    assert table["kind"].tolist() == ["inputlayer", "maxpooling2d", "flatten", "dense"]
    assert table["difference"].max() < 1e-6


def test_layer_table_explains_mistakes(model, data):
    own = network(model, data)
    with pytest.raises(ValueError, match="one image of shape"):
        util.layer_table(model, own, data.x_test)
    other = keras.Sequential([keras.Input((7, 9, 2)), layers.Flatten()])
    with pytest.raises(ValueError, match="was set up with the layers"):
        util.layer_table(other, own, data.x_test[0])


@pytest.mark.parametrize("name", ["conv2d_layer", "pool2d_layer", "flatten_layer", "dense_layer", "activation"])
def test_a_missing_function_is_named(model, data, name):
    own = CNN(data, False, layers={key: value for key, value in FUNCTIONS.items() if key != name})
    own.setup_model(*util.get_weights(model), util.get_activations(model))
    with pytest.raises(LayerError, match=f"no function {name} yet. Run the cell that defines it"):
        own.feedforward_sample(data.x_test[0])


def test_functions_are_looked_up_when_they_are_needed(model, data):
    functions = dict(FUNCTIONS)
    own = CNN(data, False, layers=functions)
    own.setup_model(*util.get_weights(model), util.get_activations(model))
    functions["dense_layer"] = lambda h, W, b, act: np.zeros(len(W))
    assert not own.feedforward_sample(data.x_test[0]).any()


def test_a_variable_that_took_a_name(model, data):
    with pytest.raises(LayerError, match="activation is a list, not a function"):
        network(model, data, activation=["relu"]).feedforward_sample(data.x_test[0])


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("conv2d_layer", lambda h, W, b, act: None, "conv2d_layer returned None. Does it end with return"),
        ("conv2d_layer", lambda h, W, b, act: h, r"shape \(7, 9, 2\); here it should be \(7, 9, 4\)"),
        ("pool2d_layer", lambda h: np.zeros((4, 5, 4)), r"pool2d_layer.*\(4, 5, 4\).*\(3, 4, 4\)"),
        ("flatten_layer", lambda h: h.reshape(1, -1), r"flatten_layer.*\(1, 36\).*\(36,\)"),
        ("dense_layer", lambda h, W, b, act: W @ h + b, r"dense_layer.*\(5, 5\).*\(5,\) or \(5, 1\)"),
    ],
)
def test_an_output_that_cannot_be_right(model, data, name, function, message):
    with pytest.raises(LayerError, match=message):
        network(model, data, **{name: function}).feedforward_sample(data.x_test[0])


def test_evaluate_needs_two_numbers(model, data):
    with pytest.raises(LayerError, match="must return two numbers.*returned None"):
        network(model, data, evaluate=lambda y_prob, y_onehot: None).evaluate()

    def broken(y_prob, y_onehot):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="^mine$"):
        network(model, data, evaluate=broken).evaluate()


def test_lists_that_do_not_fit(data):
    own = CNN(data, False, layers=FUNCTIONS)
    none = np.empty(0)
    with pytest.raises(ValueError, match="W has 1, b has 1, lname has 1, activation has 2"):
        own.setup_model([none], [none], ["flatten"], ["linear", "linear"])
    with pytest.raises(ValueError, match="one name per layer, not 'relu'"):
        own.setup_model([none], [none], ["flatten"], "relu")
    with pytest.raises(ValueError, match="one entry per layer"):
        own.setup_model([], [], [], [])
    with pytest.raises(LayerError, match="'batchnormalization' cannot be run. Known kinds: conv2d, maxpooling2d"):
        own.setup_model([none] * 2, [none] * 2, ["flatten", "batchnormalization"], ["linear"] * 2)
    with pytest.raises(ValueError, match="Call setup_model first"):
        own.feedforward_sample(np.zeros((7, 9, 2)))


def test_other_inputs(model, data):
    own = network(model, data)
    with pytest.raises(ValueError, match=r"\[N, D_y, D_x, C\]"):
        own.feedforward(data.x_test[0])
    with pytest.raises(TypeError, match="globals"):
        CNN(data, layers=[conv2d_layer])


def test_progress_is_shown_where_it_takes_long(model, data, capsys, monkeypatch):
    network(model, data, verbose=True).feedforward(data.x_train)
    assert "images" not in capsys.readouterr().out
    monkeypatch.setattr(cnn_module, "PROGRESS_SECONDS", 0.0)
    network(model, data, verbose=True).feedforward(data.x_train)
    out = capsys.readouterr().out
    assert "\r3 of 6 images, about 0 s left" in out and "\r6 images in 0 s" in out
