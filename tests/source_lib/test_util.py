"""Weights, tables, evaluation, curves and predictions of real Keras models, small and awkward ones."""

import copy
import csv
import doctest
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")
import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras import layers

from source_lib import util
from source_lib.data import DataGenerator
from source_lib.predictions import read_predictions


def one_hot(labels, classes=3):
    return np.eye(classes, dtype=np.float32)[labels]


@pytest.fixture
def data():
    """Images of 6 rows, 5 columns and 2 channels in three classes."""
    rng = np.random.default_rng(5)
    parts = {}
    for name, count in (("train", 7), ("valid", 4), ("test", 5)):
        labels = rng.integers(0, 3, count)
        parts |= {f"x_{name}": rng.uniform(-1, 1, (count, 6, 5, 2)).astype(np.float32), f"y_{name}": labels}
        parts[f"y_{name}_oh"] = one_hot(labels)
    return SimpleNamespace(**parts, K=3, C=2)


@pytest.fixture
def model():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [keras.Input((6, 5, 2)), layers.Flatten(), layers.Dense(4, "relu"), layers.Dense(3, "softmax")]
    )


def test_examples_in_docstrings():
    assert doctest.testmod(util).failed == 0


def test_get_weights_of_a_plain_network():
    model = keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            layers.Conv2D(4, (3, 5), padding="same", bias_initializer="normal"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3, bias_initializer="normal"),
        ]
    )
    W, b, lname = util.get_weights(model)
    assert lname == ["conv2d", "maxpooling2d", "flatten", "dense"]
    assert [w.shape for w in W] == [(3, 5, 2, 4), (0,), (0,), (3, 24)]
    assert [v.shape for v in b] == [(4,), (0,), (0,), (3, 1)]
    assert all(array.dtype == np.float32 for array in W + b)
    kernel, bias, matrix, vector = model.get_weights()
    np.testing.assert_array_equal(W[0], kernel)
    np.testing.assert_array_equal(b[0], bias)
    np.testing.assert_array_equal(W[3], matrix.T)
    np.testing.assert_array_equal(b[3][:, 0], vector)


def test_get_weights_is_a_copy(model):
    W, _, _ = util.get_weights(model)
    before = model.get_weights()[0].copy()
    W[1][:] = 0
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_get_weights_of_layers_that_do_not_fit_the_pattern():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)]),
            layers.Rescaling(2.0),
            layers.Conv2D(3, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dropout(0.5),
            layers.BatchNormalization(scale=False),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, use_bias=False),
        ]
    )
    W, b, lname = util.get_weights(model)
    shapes = {kind: (w.shape, v.shape) for kind, w, v in zip(lname, W, b, strict=True)}
    assert lname[:4] == ["randomflip", "randomrotation", "rescaling", "conv2d"] and len(lname) == 10
    assert shapes["conv2d"] == ((3, 3, 2, 3), (0,))
    assert (W[4].shape, b[4].shape) == ((3,), (3,))
    assert (W[7].shape, b[7].shape) == ((0,), (3,)), "normalization without a scale"
    assert shapes["dense"] == ((4, 3), (0,))
    assert all(shapes[kind] == ((0,), (0,)) for kind in ("randomflip", "dropout", "activation", "rescaling"))
    trainable = sum(int(np.prod(weights.shape)) for weights in model.trainable_weights)
    assert sum(array.size for array in W + b) == trainable
    assert util.get_activations(model) == ["linear"] * 5 + ["relu"] + ["linear"] * 4


def test_get_weights_of_a_functional_model():
    inputs = keras.Input((5, 7, 1))
    outputs = layers.Dense(2, activation="sigmoid")(layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    W, _, lname = util.get_weights(model)
    assert lname == ["inputlayer", "flatten", "dense"] and W[0].size == 0 and W[2].shape == (2, 35)
    assert util.get_activations(model) == ["linear", "linear", "sigmoid"]


def test_get_weights_of_a_frozen_layer_are_still_there(model):
    model.layers[1].trainable = False
    assert util.get_weights(model)[0][1].shape == (4, 60)


def test_get_weights_says_what_it_cannot_do():
    with pytest.raises(ValueError, match="does not know the shape of its input"):
        util.get_weights(keras.Sequential([layers.Dense(3)]))
    with pytest.raises(ValueError, match="separableconv2d has more weights"):
        util.get_weights(keras.Sequential([keras.Input((6, 6, 2)), layers.SeparableConv2D(3, 3)]))


def compiled(model, **options):
    model.compile(**{"loss": "categorical_crossentropy", "metrics": ["accuracy"]} | options)
    return model


def by_hand(model, x, y):
    p = np.asarray(model.predict(x, verbose=0))
    return -np.log(p[np.arange(len(y)), y]).mean(), 100 * (p.argmax(axis=1) == y).mean()


@pytest.mark.parametrize("final", [False, True])
def test_evaluate(model, data, final, capsys):
    result = util.evaluate(compiled(model), data, final=final)
    other = ("x_test", "y_test") if final else ("x_valid", "y_valid")
    expected = *by_hand(model, data.x_train, data.y_train), *by_hand(model, *(getattr(data, name) for name in other))
    np.testing.assert_allclose(result, expected, rtol=1e-4)
    out = capsys.readouterr().out
    first, second = out.splitlines()
    assert first.startswith("Training:") and second.startswith("Test:" if final else "Validation:")
    assert f"{result[2]:.4f}" in second and f"{result[3]:.2f} %" in second


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy()], ids=["name", "object"]
)
def test_evaluate_with_labels_as_numbers(model, data, loss):
    result = util.evaluate(compiled(model, loss=loss), data)
    np.testing.assert_allclose(result[:2], by_hand(model, data.x_train, data.y_train), rtol=1e-4)


def test_evaluate_explains_what_is_missing(model, data):
    with pytest.raises(ValueError, match="not compiled.*model.compile"):
        util.evaluate(model, data)
    with pytest.raises(ValueError, match="does not measure its accuracy"):
        util.evaluate(compiled(model, metrics=[]), data)
    data.x_valid = data.x_valid[:0]
    with pytest.raises(ValueError, match="no validation images.*N_valid=.*final=True"):
        util.evaluate(compiled(model), data)


def test_plot_training_draws_what_was_measured(model, data):
    log = compiled(model).fit(
        data.x_train, data.y_train_oh, validation_data=(data.x_valid, data.y_valid_oh), epochs=3, verbose=0
    )
    util.plot_training(log)
    loss, accuracy = plt.gcf().axes
    curves = {line.get_label(): line.get_ydata() for line in loss.lines}
    np.testing.assert_allclose(curves["training"], log.history["loss"])
    np.testing.assert_allclose(curves["validation"], log.history["val_loss"])
    np.testing.assert_allclose(accuracy.lines[0].get_ydata(), 100 * np.array(log.history["accuracy"]))
    assert accuracy.get_ylabel() == "Accuracy [%]" and loss.lines[0].get_xdata().tolist() == [1, 2, 3]
    plt.close("all")


def test_plot_training_of_a_loss_alone():
    util.plot_training({"loss": [2.0, 1.0]})
    assert len(plt.gcf().axes) == 1
    plt.close("all")
    with pytest.raises(ValueError, match=r"what model.fit returned"):
        util.plot_training({"val_loss": [1.0]})


def test_pred_test_writes_the_classes(model, data, tmp_path):
    (tmp_path / "first.csv").write_text("old")
    path = util.pred_test(model, data, tmp_path / "first")
    assert path == tmp_path / "first.csv" and list(tmp_path.iterdir()) == [path]
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["id", "class"]
    expected = model.predict(data.x_test, verbose=0).argmax(axis=1)
    assert rows[1:] == [[str(index), str(label)] for index, label in enumerate(expected)]
    assert util.pred_test(model, data, str(tmp_path / "v1.2.csv")).name == "v1.2.csv"
    assert util.pred_test(model, data, tmp_path / "v1.2").name == "v1.2.csv"


def test_pred_test_of_one_probability(data, tmp_path):
    model = keras.Sequential([keras.Input((6, 5, 2)), layers.Flatten(), layers.Dense(1, "sigmoid")])
    rows = util.pred_test(model, data, tmp_path / "a").read_text().splitlines()[1:]
    expected = (model.predict(data.x_test, verbose=0)[:, 0] > 0.5).astype(int)
    assert [int(row.split(",")[1]) for row in rows] == expected.tolist()


def test_pred_test_writes_probabilities(data, tmp_path):
    one = keras.Sequential([keras.Input((6, 5, 2)), layers.Flatten(), layers.Dense(1, "sigmoid")])
    two = keras.Sequential([keras.Input((6, 5, 2)), layers.Flatten(), layers.Dense(2, "softmax")])
    for model in (one, two):
        read = read_predictions(util.pred_test(model, data, tmp_path / "a", probabilities=True), rows=len(data.x_test))
        assert read.column == "probability" and not read.problems
        np.testing.assert_array_equal(read.values, model.predict(data.x_test, verbose=0)[:, -1].astype(float))
    valid = read_predictions(util.pred_test(two, data, tmp_path / "b", part="valid"), rows=len(data.x_valid))
    np.testing.assert_array_equal(valid.values, two.predict(data.x_valid, verbose=0).argmax(axis=1))


@pytest.mark.parametrize(
    ("last", "options", "says"),
    [
        (layers.Dense(3, "softmax"), {"probabilities": True}, "3 classes"),
        (layers.Dense(2), {"probabilities": True}, "no probability"),
        (layers.Dense(1), {"probabilities": True}, "no probability"),
        (layers.Dense(2, kernel_initializer=keras.initializers.Constant(np.nan)), {}, "not finite"),
        (layers.Dense(2), {"part": "train"}, "no part 'train'"),
    ],
)
def test_pred_test_refuses_what_is_no_prediction(data, tmp_path, last, options, says):
    model = keras.Sequential([keras.Input((6, 5, 2)), layers.Flatten(), last])
    with pytest.raises(ValueError, match=says):
        util.pred_test(model, data, tmp_path / "a", **options)
    assert not list(tmp_path.iterdir())


def test_labels_that_are_kept_back_are_not_evaluated(model, data):
    kept = copy.copy(data)
    kept.dataset, kept.y_test = "patchcam", None
    with pytest.raises(ValueError, match="pred_test"):
        util.evaluate(model, kept, final=True)


def test_pred_test_that_fails_leaves_the_old_file(data, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    maps = keras.Sequential([keras.Input((6, 5, 2)), layers.Conv2D(3, 1)])
    with pytest.raises(ValueError, match="one row of class values per image"):
        util.pred_test(maps, data, path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="no folder"):
        util.pred_test(maps, data, tmp_path / "none" / "a")


def test_training_and_evaluating_the_sample():
    data = DataGenerator(verbose=False)
    data.generate("mnist", N_train=600, N_valid=100, source="sample")
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, "softmax")])
    compiled(model, optimizer=keras.optimizers.Adam(0.01)).fit(data.x_train, data.y_train_oh, epochs=10, verbose=0)
    *_, accuracy = util.evaluate(model, data, final=True)
    assert accuracy > 80
