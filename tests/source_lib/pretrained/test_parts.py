"""A model is cut in two and hands on what it did, whole or as layers of its own; what cannot be cut is refused."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from source_lib.pretrained import load_backbone
from source_lib.pretrained.parts import save_tail, split_model, without_last_layer


@pytest.fixture(scope="module")
def backbone():
    return load_backbone(32, "small", verbose=False)


def nested(backbone):
    x = keras.Input((32, 32, 3))
    h = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(backbone.model(x)))
    return keras.Model(x, layers.Dense(4, activation="softmax")(h))


def flat(backbone):
    h = layers.GlobalAveragePooling2D()(backbone.model.output)
    return keras.Model(backbone.model.inputs, layers.Dense(4, activation="softmax")(h))


@pytest.mark.parametrize("build", [nested, flat])
@pytest.mark.parametrize("layer", ["block1_relu", "block3_relu"])
def test_both_parts_one_after_the_other_are_the_model(backbone, build, layer):
    model = build(backbone)
    stem, tail = split_model(model, layer)
    x = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype("float32")
    assert np.allclose(tail(stem(x)), model(x), atol=1e-6)
    assert stem.count_params() + tail.count_params() == model.count_params()
    dense = tail.layers[-1]
    features = np.asarray(without_last_layer(tail)(stem(x)))
    scores = np.exp(features @ np.asarray(dense.kernel) + np.asarray(dense.bias))
    assert np.allclose(scores / scores.sum(axis=1, keepdims=True), model(x), atol=1e-5)
    # They share weights: what is trained in the tail is trained in the model.
    tail.layers[-1].set_weights([np.zeros_like(one) for one in tail.layers[-1].get_weights()])
    assert np.allclose(model(x), 0.25)


def test_a_path_that_goes_around_the_cut_is_named():
    x = keras.Input((8, 8, 3))
    h = layers.Conv2D(3, 3, padding="same", name="inner")(x)
    model = keras.Model(x, layers.GlobalAveragePooling2D()(layers.Add()([x, h])))
    with pytest.raises(ValueError, match="another path goes around it"):
        split_model(model, "inner")
    with pytest.raises(ValueError, match="no layer 'outer'"):
        split_model(model, "outer")


def test_a_tail_is_saved_with_what_it_stands_on(backbone, tmp_path):
    _, tail = split_model(nested(backbone), "block1_relu")
    folder = tmp_path / "transfer"
    assert save_tail(tail, backbone, "block1_relu", folder).parent == folder
    assert json.loads((folder / "backbone.json").read_text()) == {
        "backbone": backbone.name,
        "side": 32,
        "layer": "block1_relu",
    }
    with pytest.raises(ValueError, match="'block2_relu' gives"):
        save_tail(tail, backbone, "block2_relu", folder)
    with pytest.raises(ValueError, match="no layer 'block9_relu'"):
        save_tail(tail, backbone, "block9_relu", folder)
