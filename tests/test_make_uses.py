"""The three small networks of the first chapter: their data, boxes out of a map, and the answers that are stored."""

import json

import numpy as np
import pytest

from book import make_uses
from book.make_uses import OUTPUT, SCENE, STRIDE, answers, boxes_of, crops, half_of, load, overlap, photograph, scenes


@pytest.fixture(scope="module")
def kept():
    with np.load(OUTPUT, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_crops_come_from_the_half_that_is_asked_for():
    for right in (False, True):
        pieces, classes = crops(8, 1, right)
        assert pieces.shape == (8, 64, 64, 1) and list(classes) == [0, 1, 2, 3] * 2
        half = half_of("coins", right)
        windows = np.lib.stride_tricks.sliding_window_view(half, (64, 64))
        for piece in pieces[classes == 1, ..., 0]:
            assert any((windows == turned).all(axis=(2, 3)).any() for turned in (piece, piece[:, ::-1]))
    assert half_of("coins", False).shape[1] + half_of("coins", True).shape[1] == 384


def test_scenes_have_a_middle_for_each_disk_in_them():
    images, masks, maps = scenes(12, 5)
    assert images.shape == masks.shape == (12, SCENE, SCENE, 1) and maps.shape == (12, 16, 16, 2)
    assert images.min() >= 0 and images.max() <= 1 and set(np.unique(masks)) == {0, 1}
    assert np.array_equal(scenes(12, 5)[0], images) and not np.array_equal(scenes(12, 6)[0], images)
    # Disks are brighter than the ground, and the place of a middle lies on one.
    assert all(
        image[mask > 0].mean() > image[mask == 0].mean() + 0.1 for image, mask in zip(images, masks, strict=True)
    )
    for mask, targets in zip(masks, maps, strict=True):
        for row, column in np.argwhere(targets[..., 0] > 0.9):
            assert mask[STRIDE * row + 1, STRIDE * column + 1, 0] == 1
            assert 6.5 / 16 <= targets[row, column, 1] <= 1


def test_overlap_of_boxes_by_hand():
    assert overlap([0, 0, 4, 4], [0, 0, 4, 4]) == 1
    assert overlap([0, 0, 4, 4], [2, 0, 6, 4]) == pytest.approx(8 / 24)
    assert overlap([0, 0, 4, 4], [4, 4, 8, 8]) == 0


def test_boxes_are_the_peaks_without_doubles():
    answer = np.full((8, 8, 2), [-6.0, 0.5])
    answer[2, 3], answer[2, 4] = [4, 0.5], [1, 0.5]
    answer[6, 6] = [2, 0.25]
    found = boxes_of(answer)
    assert found.shape == (2, 5) and found[0, 4] > found[1, 4] > 0.5
    top, left, bottom, right = found[0, :4]
    # A radius of 0.5 · 16 pixels of the halved photograph, around a middle between columns 3 and 4.
    assert bottom - top == pytest.approx(32) and right - left == pytest.approx(32)
    assert (top + bottom) / 2 == pytest.approx(8 * 2.5, abs=0.5) and 8 * 3.5 < (left + right) / 2 < 8 * 4.5
    assert boxes_of(np.full((4, 4, 2), -6.0)).shape == (0, 5)


def test_stored_answers_are_those_of_the_networks_that_are_shipped(kept):
    models = {name: load(name) for name in ("classifier", "detector", "U-Net")}
    again = answers(models)
    assert again["probabilities"] == pytest.approx(kept["probabilities"], abs=0.002)
    assert again["boxes"].shape == kept["boxes"].shape
    assert again["boxes"] == pytest.approx(kept["boxes"], abs=0.1)
    assert np.abs(again["pixels"].astype(int) - kept["pixels"]).max() <= 1
    about = json.loads(bytes(kept["about"]))
    assert about["parameters"] == {name: model.count_params() for name, model in models.items()}
    assert OUTPUT.stat().st_size < 500_000


def test_answers_are_right_for_the_most_part(kept):
    assert kept["probabilities"].argmax() == make_uses.PHOTOGRAPHS.index("coins")
    assert kept["pixels"].shape == photograph().shape
    about = json.loads(bytes(kept["about"]))
    assert about["new_crops_right"] > 0.9 and about["new_scenes_iou"] > 0.8


@pytest.mark.long
def test_a_short_training_writes_the_file(tmp_path):
    path = tmp_path / "uses.npz"
    assert make_uses.main(["--epochs", "1", "--images", "32", "--output", str(path)]) == 0
    with np.load(path, allow_pickle=False) as archive:
        assert {"probabilities", "boxes", "pixels", "about"} <= set(archive.files)
