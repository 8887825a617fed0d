"""What colors alone say, and whose images labels belong to."""

import h5py
import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from autograder.leaderboard import baseline
from autograder.leaderboard.baseline import (
    color_baseline,
    color_predictions,
    color_scores,
    color_statistics,
    find_images,
)
from source_lib.data.patchcam import tissue_test

DRAWN = tissue_test(7)


@pytest.fixture(scope="module")
def sample():
    return find_images("patchcam", DRAWN[1], DRAWN)


@pytest.fixture
def real(tmp_path, monkeypatch):
    """Twelve real test images on this machine: noise whose color, and nothing else, is the class."""
    folder = tmp_path / "data" / "patchcam"
    folder.mkdir(parents=True)
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    rng = np.random.default_rng(0)
    for name, count in (("train", 100), ("valid", 12), ("test_x", 12)):
        y = np.arange(count) % 2
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file["x"] = (rng.integers(0, 150, (count, 32, 32, 3)) + 60 * y[:, None, None, None]).astype(np.uint8)
            if name != "test_x":
                file["y"] = y
    return folder


def test_labels_of_the_sample_are_known_for_what_they_are(sample, real):
    assert sample.source == "sample" and sample.N_test == len(DRAWN[1])
    np.testing.assert_allclose(sample.x_test[0], DRAWN[0][0] / 127.5 - 1, atol=1e-6)
    assert find_images("patchcam", DRAWN[1], DRAWN).source == "sample", "also where real images are"


def test_other_labels_are_of_the_real_images_where_there_are_as_many(real):
    assert find_images("patchcam", np.arange(12) % 2, DRAWN).source == "real"
    assert find_images("patchcam", np.arange(13) % 2, DRAWN) is None
    other = DRAWN[1].copy()
    other[:2] = 1 - other[:2]
    assert find_images("patchcam", other, DRAWN) is None
    (real / "test_x.h5").write_bytes(b"half of it")
    assert find_images("patchcam", np.arange(12) % 2, DRAWN) is None


def test_statistics_know_the_colors_and_not_where_they_are():
    rng = np.random.default_rng(1)
    images = rng.uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    images[..., 1] += images[..., 0] / 2
    found = color_statistics(images)
    flat = images.reshape(3, -1, 3)
    np.testing.assert_allclose(found[:, :3], flat.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(found[:, 3:6], flat.std(axis=1), atol=1e-5)
    np.testing.assert_allclose(found[:, 12:15], np.median(flat, axis=1), atol=5e-3)
    np.testing.assert_allclose(found[:, 21:], [np.corrcoef(one.T)[[0, 0, 1], [1, 2, 2]] for one in flat], atol=1e-4)
    moved = rng.permuted(np.arange(1024))
    np.testing.assert_allclose(color_statistics(flat[:, moved].reshape(images.shape)), found, atol=1e-5)
    assert np.isfinite(color_statistics(np.zeros((1, 32, 32, 3), np.float32))).all()


def test_colors_say_little_about_the_sample(sample, tmp_path):
    found = color_baseline(sample, 2, tmp_path)
    assert 0.45 < np.mean((found > 0.5) == DRAWN[1]) < 0.70


def test_it_learns_what_colors_say_and_only_once(real, tmp_path, monkeypatch):
    images, keep = find_images("patchcam", np.arange(12) % 2, DRAWN), tmp_path / "course"
    keep.mkdir()
    found = color_baseline(images, 5, keep)
    assert found.shape == (5, 12) and accuracy_score(np.tile(np.arange(12) % 2, 5), found.ravel() > 0.5) == 1
    (kept,) = keep.iterdir()
    np.save(kept, 1 - found)
    np.testing.assert_array_equal(color_baseline(images, 5, keep), 1 - found)
    # What is damaged is replaced, and what is of other images, trainings or an older version is not taken.
    for damage in (kept.read_bytes()[:-3], b"", b"half"):
        kept.write_bytes(damage)
        np.testing.assert_array_equal(color_baseline(images, 5, keep), found)
        np.testing.assert_array_equal(np.load(kept), found)
    assert len(color_baseline(images, 2, keep)) == 2
    images.x_train[0] += 0.01
    color_baseline(images, 5, keep)
    monkeypatch.setattr(baseline, "VERSION", baseline.VERSION + 1)
    color_baseline(images, 5, keep)
    assert len(list(keep.iterdir())) == 4 and {path.suffix for path in keep.iterdir()} == {".npy"}


def test_of_three_classes_it_predicts_a_probability_of_each():
    rng = np.random.default_rng(2)
    y, y_test = rng.permutation(np.arange(150) % 3), np.arange(12) % 3
    x, x_test = (rng.uniform(-1, 1, (len(of), 8, 8, 3)).astype(np.float32) / 4 for of in (y, y_test))
    for images, of in ((x, y), (x_test, y_test)):
        images[np.arange(len(of)), :, :, of] += 0.5
    found = color_predictions(x, y, x_test, 2)
    assert found.shape == (2, 12, 3) and (found.argmax(axis=2) == y_test).all()
    np.testing.assert_allclose(found.sum(axis=2), 1)
    assert color_predictions(x[y < 2], y[y < 2], x_test, 2).shape == (2, 12), "of two classes, of the second alone"


def test_scores_of_what_six_numbers_say_and_of_what_colors_say():
    """What shows in the mean is known to both; what shows in nothing but a distribution is known to boosting alone."""
    rng = np.random.default_rng(3)
    y = rng.permutation(np.arange(300) % 2)
    flat = rng.uniform(-0.5, 0.5, (300, 16, 16, 3)).astype(np.float32)
    brighter = flat + 0.2 * y[:, None, None, None]
    # The same mean and deviation, but two values only.
    split = np.where(y[:, None, None, None] == 1, np.sign(flat) * np.float32(1 / 12**0.5), flat)
    for x, least, most in ((brighter, 0.99, 1.0), (split, 0.0, 0.7)):
        found = color_scores(x[:200], y[:200], x[200:], y[200:], 2)
        assert least <= found["mean_colors"]["accuracy"] <= most
        assert found["boosting"]["accuracy"] > 0.95 and found["boosting"]["auc"] > 0.95


def test_where_nothing_can_be_kept_it_is_computed_all_the_same(real, tmp_path):
    images = find_images("patchcam", np.arange(12) % 2, DRAWN)
    assert color_baseline(images, 2, tmp_path / "nowhere").shape == (2, 12)
