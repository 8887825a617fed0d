"""Glands with masks: the real ones are read as they should be, the sample is hard for the right reason."""

import io

import numpy as np
import pytest
from PIL import Image

from source_lib.data import DatasetError, glands


@pytest.fixture(autouse=True)
def nothing_real(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    if "real" not in request.node.name:
        monkeypatch.delenv("CNN_COURSE_DATA", raising=False)


@pytest.fixture(scope="module")
def few():
    return glands.draw_glands([3], 24)


def write(folder, count=glands.LEAST_IMAGES, size=128, level=255):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k in range(count):
        image = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(image).save(folder / f"image_{k:02}.png")
        Image.fromarray((image[..., 0] > 200) * np.uint8(level)).save(folder / f"label_{k:02}.png")


def test_the_sample_is_the_same_every_time_and_other_seeds_are_other_images(few):
    again = glands.draw_glands([3], 24)
    assert all(np.array_equal(a, b) for a, b in zip(few, again, strict=True))
    assert not np.array_equal(few[0][:2], glands.draw_glands([4], 2)[0])
    x, y = few
    assert x.dtype == y.dtype == np.uint8 and set(np.unique(y)) == {0, 1} and not x[..., 2].any()


def test_no_threshold_of_a_color_tells_glands_of_the_sample(few):
    x, y = few
    best = 0
    for channel in (0, 1):
        for level in range(20, 250, 10):
            for marked in (x[..., channel] > level, x[..., channel] <= level):
                both = (marked & (y > 0)).sum((1, 2))
                best = max(best, np.mean(2 * both / (marked.sum((1, 2)) + y.sum((1, 2)))))
    everything = np.mean(2 * y.sum((1, 2)) / (y.sum((1, 2)) + y[0].size))
    assert best < everything + 0.12, "a color alone must not be enough"


def test_in_the_sample_some_glands_are_dark_inside_and_some_bright(few):
    from scipy.ndimage import distance_transform_edt

    x, y = few
    inside = [image[..., 1][distance_transform_edt(mask) > 7] for image, mask in zip(x, y, strict=True)]
    means = np.array([values.mean() for values in inside if values.size])
    around = np.median(x[..., 1][y == 0])
    assert (means < 0.75 * around).any() and (means > 1.2 * around).any()


def test_real_images_without_a_test_part_hold_out_twenty_that_nobody_trains_with(tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    write(tmp_path / "WARWICK" / "Train", 45)
    x, y, x_test, y_test = glands.real_parts()
    assert (len(x), len(x_test)) == (25, 20) and y.max() == y_test.max() == 1
    assert not {image.tobytes() for image in x} & {image.tobytes() for image in x_test}
    again = glands.real_parts()
    assert np.array_equal(again[2], x_test)
    write(tmp_path / "WARWICK" / "Test", 40)
    assert [len(part) for part in glands.real_parts()] == [45, 45, 40, 40]


def test_real_images_of_this_machine_are_what_the_course_says():
    if glands.find_glands() is None:
        pytest.skip("there is no WARWICK on this machine")
    found = glands.load("real", verbose=False)
    assert (found.N_train, found.N_test, found.source, found.practice) == (65, 20, "real", True)
    assert not found.x_train[..., 2].any() and 0.4 < found.y_train.mean() < 0.6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "label_03.png").unlink(), "label_03.png is missing or damaged"),
        (lambda folder: (folder / "image_02.png").write_bytes(b"\x89PNG\r\n\x1a\ncut"), "image_02.png is missing or"),
        (lambda folder: (folder / "image_00.png").unlink(), "holds 39 images, where at least 40"),
        (lambda folder: Image.new("L", (64, 64)).save(folder / "label_05.png"), "64 × 64 pixels, where 128 × 128"),
        (lambda folder: Image.new("L", (128, 128), 7).save(folder / "label_05.png"), "has the value 7; masks are"),
    ],
)
def test_what_is_wrong_with_files_is_said(tmp_path, monkeypatch, change, message):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    write(tmp_path / "WARWICK" / "Train")
    change(tmp_path / "WARWICK" / "Train")
    with pytest.raises(DatasetError, match=message):
        glands.load("real")


def test_where_there_are_none_the_sample_takes_their_place_and_says_so(capsys):
    found = glands.load()
    said = capsys.readouterr().out
    assert found.source == "sample" and found.title.startswith("Sample, not WARWICK")
    assert "This is a sample" in said and "There is no folder WARWICK" in said and "for practice" in said
    with pytest.raises(DatasetError, match="no source 'local'"):
        glands.load("local")


def test_test_images_of_the_course_take_the_place_of_those_for_practice(tmp_path, few):
    (tmp_path / "test_images.npz").write_bytes(glands.save_test(few[0][:3]))
    found = glands.load("sample", verbose=False)
    assert np.array_equal(found.x_test, few[0][:3]) and not found.practice


@pytest.mark.parametrize("kind", ["no archive", "other name", "pickled", "other shape"])
def test_a_damaged_file_of_test_images_is_one_sentence(tmp_path, kind):
    file = io.BytesIO()
    x = np.zeros((2, 128, 128, 3), np.uint8)
    if kind == "other name":
        np.savez(file, x=x)
    elif kind == "pickled":
        np.savez(file, images=np.array([{}], dtype=object))
    elif kind == "other shape":
        np.savez(file, images=x[:, :64])
    (tmp_path / "test_images.npz").write_bytes(b"PK nothing" if kind == "no archive" else file.getvalue())
    with pytest.raises(DatasetError, match="Replace it by the file that came with the lab"):
        glands.load("sample")
