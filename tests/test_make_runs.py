"""The trainings that the chapters show: made by the script as it stands, and made as it says."""

import math

import numpy as np
import pytest

from book import make_runs
from book.stored import read_lines as read
from source_lib.data import DataGenerator
from source_lib.experiments import N_TRAIN, choose


@pytest.fixture(scope="module")
def stored():
    return read(make_runs.OUTPUT)


@pytest.fixture(scope="module")
def data():
    data = DataGenerator(verbose=False)
    data.generate("mnist", source="sample", N_test=50)
    return data


def test_stored_runs_are_what_the_script_makes(stored):
    about, *lines = stored
    assert about["methods"] == make_runs.METHODS and about["data"] == "MNIST"
    assert about["seeds"] == list(make_runs.SEEDS) and len(set(about["seeds"])) == 5
    settings = (about["epochs"], about["batch"], about["learning_rate"], about["images"]["watched"])
    assert settings == (make_runs.EPOCHS, make_runs.BATCH, make_runs.LEARNING_RATE, make_runs.N_WATCH)
    assert [(line["method"], line["seed"]) for line in lines] == [
        (method, seed) for method in make_runs.METHODS for seed in make_runs.SEEDS
    ]
    assert set(about["versions"]) == {"python", "keras", "numpy", "tensorflow"} and about["made"] >= "2026-11-21"
    for name, options in make_runs.METHODS.items():
        model = make_runs.network(**options)
        assert about["layers"][name] == [type(layer).__name__ for layer in model.layers]
        assert about["parameters"][name] == model.count_params()


def test_stored_runs_are_whole(stored):
    about, *lines = stored
    for line in lines:
        # The same images for each method, chosen as the lab chooses them.
        assert line["subset"] == choose(np.zeros(60000), line["seed"])[0].tolist()
        curves = [line[key] for key in ("loss", "accuracy", "val_loss", "val_accuracy")]
        assert {len(curve) for curve in curves} == {line["epochs"]}
        assert all(math.isfinite(value) for curve in curves for value in curve)
        # Each method trains to the end, early stopping aside.
        assert line["epochs"] == about["epochs"] or line["method"] == "early stopping"
        assert 0 < line["test_accuracy"] < 100 and line["seconds"] > 0
    assert about["seconds"] == pytest.approx(sum(line["seconds"] for line in lines), abs=1)


def test_small_runs_are_made_and_kept(data, tmp_path):
    methods = {"nothing": {}, "flips": make_runs.METHODS["flips"]}
    output, work = tmp_path / "made.jsonl", tmp_path / "work"
    make_runs.make(data, output, work, methods, seeds=[3], epochs=2)
    about, plain, flipped = read(output)
    assert about["data"] == data.title and about["methods"] == methods and about["images"]["test"] == 50
    assert (plain["method"], flipped["method"]) == ("nothing", "flips")
    assert plain["subset"] == flipped["subset"] == choose(data.y_train, 3)[0].tolist()
    assert len(plain["loss"]) == len(plain["val_accuracy"]) == 2
    # The same first weights, so what differs is the method.
    assert plain["loss"] != flipped["loss"] and plain["loss"][0] == pytest.approx(flipped["loss"][0], rel=0.2)
    kept = {path: path.read_bytes() for path in work.iterdir()}
    output.unlink()
    make_runs.make(data, output, work, methods, seeds=[3], epochs=2)
    assert read(output)[1:] == [plain, flipped] and {path: path.read_bytes() for path in work.iterdir()} == kept


def test_images_that_are_watched_are_others(data):
    for seed in (0, 1):
        x, y = make_runs.watched(data, seed)
        used = np.concatenate(choose(data.y_train, seed))
        assert len(x) == len(y) == make_runs.N_WATCH
        trained = {image.tobytes() for image in data.x_train[used]}
        assert not trained & {image.tobytes() for image in x}


def test_early_stopping_takes_the_weights_of_the_best_epoch(data):
    train, valid = choose(data.y_train, 0)
    x, y, x_valid = data.x_train[train], data.y_train_oh[train], data.x_train[valid]
    # Wrong labels: the better the network becomes, the worse it is on these.
    y_valid = np.roll(data.y_train_oh[valid], 1, axis=1)
    model = make_runs.network(patience=3)
    log = make_runs.trainer((x_valid, y_valid), 40, patience=3)(model, x, y, x_valid, y_valid)
    best = int(np.argmin(log["val_loss"]))
    assert len(log["loss"]) == len(log["val_loss"]) == best + 1 + 3 < 40
    taken = model.evaluate(x_valid, y_valid, verbose=0, return_dict=True)
    assert taken["entropy"] == pytest.approx(log["val_loss"][best], rel=1e-4)
    assert taken["entropy"] < log["val_loss"][-1] - 0.01


def test_curves_leave_the_penalty_out(data):
    rows = choose(data.y_train, 0)[0]
    x, y = data.x_train[rows], data.y_train_oh[rows]
    model = make_runs.network(l2=0.5)
    log = make_runs.trainer((x, y), 1)(model, x, y, x[:2], y[:2])
    penalized = model.evaluate(x, y, verbose=0)[0]
    assert penalized > 20 > 5 > max(log["loss"] + log["val_loss"])


def test_dropout_stands_behind_the_last_normalization_and_never_on_the_output():
    def order(name):
        return [type(layer).__name__ for layer in make_runs.network(**make_runs.METHODS[name]).layers]

    layers = order("together")
    assert layers.index("Dropout") > len(layers) - 1 - layers[::-1].index("BatchNormalization")
    assert layers.count("BatchNormalization") == 3 and layers[0] == "RandomRotation"
    assert [layers[-1], order("dropout")[-1]] == ["Dense", "Dense"], "nothing is dropped from the probabilities"
    assert {"Dropout", "BatchNormalization", "RandomFlip", "RandomRotation"} & set(order("nothing")) == set()


def test_the_books_own_file_is_not_overwritten_by_a_part(capsys):
    before = make_runs.OUTPUT.read_bytes()
    with pytest.raises(SystemExit):
        make_runs.main(["--epochs", "1"])
    assert "name another --output" in capsys.readouterr().err
    assert make_runs.OUTPUT.read_bytes() == before


def test_missing_images_are_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    (tmp_path / "mnist.npz").write_bytes(b"cut off")
    assert make_runs.main(["--output", str(tmp_path / "made.jsonl"), "--work", str(tmp_path / "work")]) == 1
    told = capsys.readouterr().err
    assert told.startswith("The runs were not made.") and "mnist.npz" in told and "Traceback" not in told
    assert not (tmp_path / "made.jsonl").exists()
    assert N_TRAIN == 128
