"""What the figure of glands is made of: the kept file against the sample, and its windows against Keras."""

import json

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score

from book import make_glands_to_see
from book.make_glands_to_see import NETWORKS, OUTPUT, PICTURE, chain, chosen, main, make, still
from book.make_segmentation import build
from source_lib.data.glands import draw_glands, drawn_parts
from source_lib.interactive.see_glands import boxes, decoded


@pytest.fixture(scope="module")
def stored():
    return json.loads(OUTPUT.read_text())


@pytest.fixture(scope="module")
def practice():
    return drawn_parts()[2:]


def test_file_holds_what_was_made(stored):
    about = stored["about"]
    assert about["images"] == {"training": 70, "validation": 15, "practice": 40}
    settings = {key: about[key] for key in ("epochs", "batch", "learning_rate", "window", "seed")}
    assert settings == {
        "epochs": make_glands_to_see.EPOCHS,
        "batch": make_glands_to_see.BATCH,
        "learning_rate": make_glands_to_see.RATE,
        "window": make_glands_to_see.WINDOW,
        "seed": make_glands_to_see.SEED,
    }
    assert about["processor_seconds"] > 10 and set(about["versions"]) >= {"keras", "tensorflow", "python"}
    assert {network["key"]: network["name"] for network in stored["networks"]} == NETWORKS
    for network in stored["networks"]:
        model = build(network["key"])
        assert network["layers"] == chain(model)
        assert network["parameters"] == sum(np.prod(weight.shape) for weight in model.trainable_weights)
    assert OUTPUT.with_name(PICTURE).read_bytes().startswith(b"\x89PNG")


def test_pictures_are_those_of_the_sample_that_nobody_trained_with(stored, practice):
    images, masks = practice
    assert stored["about"]["shown"] == chosen(masks.astype(bool)).tolist()
    for k, one in zip(stored["about"]["shown"], stored["pictures"], strict=True):
        np.testing.assert_array_equal(decoded(one["image"]), images[k])
        labels = decoded(one["masks"])[..., 2]
        np.testing.assert_array_equal(labels > 0, masks[k] > 0)
        assert [gland["pixels"] for gland in one["glands"]] == np.bincount(labels.ravel())[1:].tolist()
    widest = [max(gland["width"] for gland in one["glands"]) for one in stored["pictures"]]
    assert widest == sorted(widest)


def test_dice_is_that_of_the_masks(stored, practice):
    for k, one in zip(stored["about"]["shown"], stored["pictures"], strict=True):
        for place, key in enumerate(NETWORKS):
            expected = f1_score(practice[1][k].ravel(), decoded(one["masks"])[..., place].ravel() > 127)
            assert stored["about"]["dice"][key][k] == pytest.approx(expected, abs=1e-4)
    # What the chapter says: the U-Net is ahead on average.
    means = {key: np.mean(values) for key, values in stored["about"]["dice"].items()}
    assert len(stored["about"]["dice"]["fcn"]) == 40 and means["unet"] > means["fcn"]


def test_picture_on_paper_is_that_of_the_file(stored):
    png, said = still(stored)
    assert said == stored["about"]["still"] and png.startswith(b"\x89PNG")
    assert len(OUTPUT.with_name(PICTURE).read_bytes()) < 80_000


@pytest.mark.parametrize("network", NETWORKS)
def test_windows_are_what_changes_an_output(network):
    # Zeros give zeros. With positive weights whatever is seen raises the output, and nothing cancels.
    model = build(network)
    model.set_weights(
        [
            np.ones(weight.shape) if "variance" in weight.path or "gamma" in weight.path
            else np.full(weight.shape, 1 / np.prod(weight.shape[:-1])) if weight.path.endswith("kernel")
            else np.zeros(weight.shape)
            for weight in model.weights
        ]
    )  # fmt: skip
    side, narrow = 128, 8
    gray = np.full((side, side, narrow, 3), 127.5, np.float32)
    for row in range(side):
        gray[row, row] = 1e30
    raised = model.predict(gray, batch_size=32, verbose=0)[:, :, narrow // 2, 1] > 0
    rows = np.arange(side)
    found = boxes(chain(model), (side, side), np.stack([rows, rows], axis=1))
    for row in rows:
        seen = np.flatnonzero(raised[:, row])
        assert (seen[0], seen[-1]) == (found[row][0], found[row][2]) and len(seen) == seen[-1] - seen[0] + 1
        # Rows and columns are treated alike.
        assert found[row][::2] == found[row][1::2]


def test_making_on_few_images_and_epochs():
    x, y = draw_glands([5], make_glands_to_see.N_VALID + 4)
    made = make((x, y, x[:5], y[:5]), epochs=1)
    assert made["about"]["images"] == {"training": 4, "validation": 15, "practice": 5}
    assert len(made["pictures"]) == len(make_glands_to_see.SHARES)
    assert all(len(values) == 5 and 0 <= min(values) <= max(values) <= 1 for values in made["about"]["dice"].values())
    keras.utils.clear_session()


def test_command_says_why_nothing_was_made(tmp_path, capsys):
    assert main(["--output", str(tmp_path / "missing" / "made.json")]) == 1
    assert capsys.readouterr().err.startswith(f"Nothing was made. There is no folder {tmp_path / 'missing'}")
