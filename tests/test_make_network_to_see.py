"""The network of the page that shows it: the kept file against its settings, and how it is made."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from book import make_network_to_see
from book.make_network_to_see import BITS, OUTPUT, PICTURE, main, make, network, picture, right
from source_lib.interactive.network_file import rebuild, unpacked
from source_lib.interactive.see_network import DIGITS, draw


@pytest.fixture(scope="module")
def stored():
    return json.loads(OUTPUT.read_text())


def test_network_is_that_of_the_report():
    model = network()
    assert model.count_params() == 21578 and model.input_shape == (None, 28, 28, 1)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Conv2D", "Flatten", "Dense"]


def test_file_holds_what_was_made(stored):
    about = stored["about"]
    assert about["parameters"] == network().count_params() == rebuild(stored["network"]).count_params()
    assert about["images"] == {"training": 60000, "test": 10000} and about["data"] == "MNIST"
    settings = {key: about[key] for key in ("epochs", "batch", "learning_rate", "seed", "changes")}
    assert settings == {
        "epochs": make_network_to_see.EPOCHS,
        "batch": make_network_to_see.BATCH,
        "learning_rate": make_network_to_see.LEARNING_RATE,
        "seed": make_network_to_see.SEED,
        "changes": make_network_to_see.CHANGES,
    }
    assert list(about["right"]) == ["32", *map(str, BITS)] and about["processor_seconds"] > 60
    # Bytes keep the accuracy: a tenth of a percent of the test images at most.
    assert abs(about["right"]["32"] - about["right"][str(BITS[0])]) <= 10
    assert all(layer["weights"]["type"] == "int8" for layer in stored["network"]["layers"] if "weights" in layer)
    assert OUTPUT.with_name(PICTURE).read_bytes().startswith(b"\x89PNG")


def test_kept_network_knows_the_digits_that_the_page_draws(stored):
    images = np.stack([draw(strokes) for strokes in DIGITS])[..., None]
    probabilities = rebuild(stored["network"]).predict(images, verbose=0)
    assert probabilities.argmax(axis=1).tolist() == list(range(10))
    np.testing.assert_allclose(probabilities[make_network_to_see.DIGIT], stored["about"]["shown"], atol=1e-4)


def test_accuracy_is_measured_again(stored):
    folder = os.environ.get("CNN_COURSE_DATA", "")
    if not folder or not (Path(folder) / "mnist.npz").is_file():
        pytest.skip("CNN_COURSE_DATA names no folder with MNIST")
    with np.load(Path(folder) / "mnist.npz", allow_pickle=False) as archive:
        x, y = archive["x_test"], archive["y_test"]
    count = right(rebuild(stored["network"]), np.float32(x[..., None] / 255), y)
    # Another order of summation may turn an image over that lies on the edge.
    assert abs(count - stored["about"]["right"]["8"]) <= 1


def test_training_rounding_and_measuring_on_few_images():
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 28, 28, 1), np.float32), np.arange(64) % 10
    made = make((x, y, x[:20], y[:20]), epochs=1)
    assert made["about"]["images"] == {"training": 64, "test": 20} and made["about"]["epochs"] == 1
    assert all(0 <= count <= 20 for count in made["about"]["right"].values())
    assert unpacked(made["network"]["layers"][0]["weights"]).shape == (3, 3, 1, 8)
    png, scores = picture(made["network"])
    assert png.startswith(b"\x89PNG") and sum(scores) == pytest.approx(1, abs=1e-3)


def test_command_says_what_is_missing(tmp_path, monkeypatch, capsys):
    (tmp_path / "mnist.npz").write_bytes(b"none")
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    assert main(["--output", str(tmp_path / "made.json")]) == 1
    assert capsys.readouterr().err.startswith("Nothing was made.") and not (tmp_path / "made.json").exists()
