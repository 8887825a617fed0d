"""A model is written as two files from which it can be rebuilt, or the student reads why not."""

import keras
import numpy as np
import pytest
from keras import layers

from source_lib.saved_model import CONFIG_FILE, WEIGHTS_FILE, save_model


def trained():
    x = keras.Input((9, 7, 2))
    block = keras.Sequential([layers.Conv2D(3, 3), layers.BatchNormalization()])
    model = keras.Model(x, layers.Dense(2)(layers.Flatten()(block(layers.RandomFlip()(x)))))
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(8, 9, 7, 2)), rng.normal(size=(8, 2)), epochs=2, verbose=0)
    return model


def test_keras_makes_the_same_model_of_the_files(tmp_path):
    model = trained()
    assert save_model(model, tmp_path) == tmp_path / WEIGHTS_FILE
    assert sorted(path.name for path in tmp_path.iterdir()) == [CONFIG_FILE, WEIGHTS_FILE]
    again = keras.models.model_from_json((tmp_path / CONFIG_FILE).read_text())
    again.load_weights(tmp_path / WEIGHTS_FILE)
    x = np.random.default_rng(1).normal(size=(4, 9, 7, 2))
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
    # The model can be trained further, as nothing had happened.
    assert model.compiled and model.fit(x, np.zeros((4, 2)), verbose=0).history["loss"]


def test_what_the_optimizer_keeps_is_left_out(tmp_path):
    model = keras.Sequential([keras.Input((20, 20, 1)), layers.Flatten(), layers.Dense(500)])
    model.compile("adam", "mse")
    model.fit(np.ones((2, 20, 20, 1)), np.ones((2, 500)), verbose=0)
    size = save_model(model, tmp_path).stat().st_size
    assert size < 1.1 * 4 * model.count_params()


def test_older_files_are_replaced(tmp_path):
    save_model(keras.Sequential([keras.Input((2,)), layers.Dense(1)]), tmp_path)
    save_model(keras.Sequential([keras.Input((3,)), layers.Dense(5)]), tmp_path)
    again = keras.models.model_from_json((tmp_path / CONFIG_FILE).read_text())
    again.load_weights(tmp_path / WEIGHTS_FILE)
    assert again.output_shape == (None, 5)


class Own(keras.Model):
    def call(self, x):
        return x


def large():
    return keras.Sequential([keras.Input((6000,)), layers.Dense(6000)])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: 3, "takes a Keras model; this is int"),
        (lambda: keras.Sequential([layers.Dense(3)]), "Begin it with keras.Input"),
        (lambda: (model := Own(), model.build((None, 3)))[0], "a class of its own, Own"),
        (large, r"The weights take 137\.4 MB; at most 128 MB are graded"),
    ],
    ids=["no model", "no shape", "own class", "too large"],
)
def test_what_cannot_be_graded_is_not_written(tmp_path, make, says):
    with pytest.raises(ValueError, match=says):
        save_model(make(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="There is no folder .*missing to save the model in"):
        save_model(keras.Sequential([keras.Input((2,)), layers.Dense(1)]), tmp_path / "missing")
