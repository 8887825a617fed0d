"""The trainings of the deep network that the chapter on training shows: made by the script as it stands, as it says."""

import math

import keras
import numpy as np
import pytest

from book import make_deep
from book.stored import read_lines as read
from source_lib.data import DataGenerator


@pytest.fixture(scope="module")
def stored():
    return read(make_deep.OUTPUT)


def by_kind(lines):
    return [line for line in lines if "tuning" in line], [line for line in lines if "recipe" in line]


def test_stored_trainings_are_what_the_script_makes(stored):
    about, *lines = stored
    tuned, trained = by_kind(lines)
    assert about["data"] == "MNIST" and about["recipes"] == make_deep.RECIPES
    assert about["images"] == {"training": make_deep.N_TRAIN, "validation": make_deep.N_VALID, "test": 10000}
    settings = (about["epochs"], about["batch"], about["weight_decay"], about["warm_up"], tuple(about["rates"]))
    assert settings == (
        make_deep.EPOCHS,
        make_deep.BATCH,
        make_deep.WEIGHT_DECAY,
        make_deep.WARM_UP,
        make_deep.RATES,
    )
    model = make_deep.network()
    assert about["layers"] == [type(layer).__name__ for layer in model.layers]
    assert about["parameters"] == model.count_params()
    assert [(line["tuning"], line["rate"]) for line in tuned] == [
        (schedule, rate) for schedule in ("constant", "cosine") for rate in make_deep.RATES
    ]
    assert [(line["recipe"], line["seed"]) for line in trained] == [
        (name, seed) for name in make_deep.RECIPES for seed in make_deep.SEEDS
    ]
    assert set(about["versions"]) == {"python", "keras", "numpy", "tensorflow"} and about["made"] >= "2026-11-29"
    assert about["seconds"] == pytest.approx(sum(line["seconds"] for line in lines), abs=1)


def test_each_recipe_has_the_rate_that_was_best_for_its_schedule_on_validation_images(stored):
    tuned, trained = by_kind(stored[1:])
    for line in trained:
        tried = [t for t in tuned if t["tuning"] == make_deep.RECIPES[line["recipe"]]["schedule"]]
        assert line["rate"] == min(tried, key=lambda t: t["val_loss"])["rate"]
        # Not the first nor the last that was tried: a better one may lie beyond.
        assert min(make_deep.RATES) < line["rate"] < max(make_deep.RATES)
    assert make_deep.TUNING_SEED not in make_deep.SEEDS


def test_stored_trainings_are_whole(stored):
    for line in by_kind(stored[1:])[1]:
        curves = [line[f"{part}{key}"] for part in ("", "after_", "val_") for key in ("loss", "accuracy")]
        assert {len(curve) for curve in curves} == {make_deep.EPOCHS}
        assert all(math.isfinite(value) for curve in curves for value in curve)
        assert 90 < line["test_accuracy"] < 100 and line["seconds"] > 0


def test_rate_rises_along_a_line_and_falls_along_half_a_cosine():
    rate = make_deep.rate_over_steps("cosine", 0.2, 120)
    rising = round(make_deep.WARM_UP * 120)
    assert [float(rate(step)) for step in (0, rising // 2, rising)] == pytest.approx([0, 0.1, 0.2])
    for step in (rising + 11, 60, 119, 120):
        done = (step - rising) / (120 - rising)
        assert float(rate(step)) == pytest.approx(0.1 * (1 + math.cos(math.pi * done)), abs=1e-6)
    assert make_deep.rate_over_steps("constant", 0.2, 120) == 0.2
    with pytest.raises(ValueError, match="'constant' or 'cosine'"):
        make_deep.rate_over_steps("linear", 0.2, 120)


def test_network_has_ten_layers_with_weights_and_no_bias_before_a_normalization():
    model = make_deep.network()
    weighted = [layer for layer in model.layers if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense))]
    assert len(weighted) == 10 and model.output_shape == (None, 10)
    kinds = [type(layer).__name__ for layer in model.layers]
    for place, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.Conv2D):
            assert not layer.use_bias and kinds[place + 1 : place + 3] == ["BatchNormalization", "ReLU"]
    assert kinds.count("MaxPooling2D") == 2


@pytest.fixture(scope="module")
def small():
    """Few images, and a network of one convolution."""
    data = DataGenerator(verbose=False)
    data.generate("mnist", 200, 50, N_test=50, source="sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_deep.network, "__defaults__", ((4,), 1))
        yield data


def test_curves_are_cross_entropies_of_the_labels_as_they_are(small):
    # With so small a rate the weights stay what they are, so smoothing changes nothing but the loss that is minimized.
    plain, smoothed = (make_deep.train(small, 0, 1e-12, "constant", smoothing, epochs=1) for smoothing in (0.0, 0.5))
    for part in ("", "after_", "val_"):
        assert smoothed[f"{part}loss"] == pytest.approx(plain[f"{part}loss"], abs=2e-4)
    assert smoothed["test_loss"] == pytest.approx(plain["test_loss"], abs=2e-4)
    model, label = np.log([[0.7, 0.3]]), np.array([[1.0, 0.0]])
    losses = [keras.losses.CategoricalCrossentropy(True, label_smoothing=s)(label, model) for s in (0.0, 0.5)]
    assert float(losses[1]) > 1.5 * float(losses[0]), "smoothed it would be another number"


def test_small_trainings_are_made_and_kept(small, tmp_path):
    output, work = tmp_path / "made.jsonl", tmp_path / "work"
    settings = {"recipes": {"warm-up and cosine": {"schedule": "cosine"}}, "rates": (0.01,), "seeds": [3], "epochs": 1}
    make_deep.make("sample", output, work, images=(100, 50, 50), **settings)
    about, tuned, trained = read(output)
    assert about["images"] == {"training": 100, "validation": 50, "test": 50} and "sample" in about["data"]
    assert (tuned["tuning"], tuned["rate"]) == ("cosine", 0.01)
    assert (trained["recipe"], trained["seed"], trained["rate"]) == ("warm-up and cosine", 3, 0.01)
    kept = {path: path.read_bytes() for path in work.iterdir()}
    assert len(kept) == 2
    output.unlink()
    make_deep.make("sample", output, work, images=(100, 50, 50), **settings)
    assert read(output)[1:] == [tuned, trained] and {path: path.read_bytes() for path in work.iterdir()} == kept


def test_the_books_own_file_is_not_overwritten_by_a_part(capsys):
    before = make_deep.OUTPUT.read_bytes()
    with pytest.raises(SystemExit):
        make_deep.main(["--epochs", "1"])
    assert "name another --output" in capsys.readouterr().err
    assert make_deep.OUTPUT.read_bytes() == before


def test_missing_images_are_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    (tmp_path / "mnist.npz").write_bytes(b"cut off")
    assert make_deep.main(["--output", str(tmp_path / "made.jsonl"), "--work", str(tmp_path / "work")]) == 1
    told = capsys.readouterr().err
    assert told.startswith("The runs were not made.") and "mnist.npz" in told and "Traceback" not in told
    assert not (tmp_path / "made.jsonl").exists()


def test_chance_on_the_test_images_is_known(stored):
    """The standard error of an accuracy on so many images, which the chapter puts beside the differences."""
    about, *lines = stored
    accuracy = np.mean([line["test_accuracy"] for line in by_kind(lines)[1]]) / 100
    assert 0.05 < 100 * math.sqrt(accuracy * (1 - accuracy) / about["images"]["test"]) < 0.3
