"""The network that comes with the course knows the shapes that it was trained with, and is read with care."""

import json

import numpy as np
import pytest

from book.make_small_network import REPORT, drawn, main
from source_lib.pretrained import WeightsError, small_network
from source_lib.pretrained.small_network import (
    FILE,
    FILLINGS,
    SHAPES,
    build_small_network,
    load_small_network,
    pack,
)
from tests.conftest import ROOT


def test_it_knows_the_shapes_that_it_was_trained_with():
    x, y = drawn(480, seed=1234)
    report = json.loads(REPORT.read_text())
    found = load_small_network().predict(x, verbose=0).argmax(axis=1)
    accuracy = (found == y).mean()
    assert accuracy > 0.7, "by chance: 1 of 24"
    assert abs(accuracy - report["test_accuracy"]) < 4 * np.sqrt(0.25 / 480)
    assert report["classes"] == len(SHAPES) * len(FILLINGS) == 24
    assert report["parameters"] == load_small_network().count_params()


def test_other_sides_have_the_same_weights_and_larger_maps():
    bare = load_small_network(96, top=False)
    assert bare.output_shape == (None, 12, 12, 128)
    for one, other in zip(bare.get_weights(), load_small_network().get_weights(), strict=False):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("side", [0, 12, -8, 32.0, None, True])
def test_other_sides_are_refused(side):
    with pytest.raises(ValueError, match="multiple of 8, such as 32 or 96; got"):
        build_small_network(side)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"\x93NUMPY", "other", "cut"])
def test_a_damaged_file_is_refused(tmp_path, monkeypatch, content):
    whole = (ROOT / "source_lib" / "pretrained" / FILE).read_bytes()
    if content == "other":
        content = pack(build_small_network(top=False))
    elif content == "cut":
        content = whole[: len(whole) // 2]
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    monkeypatch.setattr(small_network.resources, "files", lambda package: tmp_path)
    with pytest.raises(WeightsError, match=r"small_network\.npz is missing or damaged\. Install the course once more"):
        load_small_network()


def test_images_are_drawn_alike_for_the_same_seed_and_hold_every_class():
    x, y = drawn(48, seed=5)
    again, _ = drawn(48, seed=5)
    other, _ = drawn(48, seed=6)
    np.testing.assert_array_equal(x, again)
    assert np.abs(x - other).max() > 0.5
    assert x.shape == (48, 32, 32, 3) and x.dtype == np.float32 and -1 <= x.min() < x.max() <= 1
    assert np.bincount(y).tolist() == [2] * 24


def test_command_trains_and_writes_both_files(tmp_path):
    weights, report = tmp_path / "w.npz", tmp_path / "r.json"
    assert main(["--images", "96", "--epochs", "1", "--weights", str(weights), "--report", str(report)]) == 0
    with np.load(weights, allow_pickle=False) as archive:
        assert archive["block0_conv.kernel"].shape == (3, 3, 3, 24)
    assert json.loads(report.read_text())["images"]["training"] == 96


def test_command_says_what_could_not_be_written(tmp_path, capsys):
    nowhere = str(tmp_path / "none" / "w.npz")
    assert main(["--images", "24", "--epochs", "1", "--weights", nowhere, "--report", str(tmp_path / "r.json")]) == 1
    assert "could not be written" in capsys.readouterr().err
