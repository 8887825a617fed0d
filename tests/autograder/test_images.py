"""Images for grading: whether the real ones are here, and changes that keep each from being looked up."""

import numpy as np
import pytest

from autograder.checking.images import NOISE, found, loaded, moved, noisy
from autograder.errors import UserError
from source_lib.data.locations import DATA_VARIABLE


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No data is on this machine; the folder of the course is empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    return folder


def drawn(seed=0, shape=(40, 7, 9, 2)):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def test_sample_is_graded_where_no_file_is(nowhere):
    assert found("mnist.npz", cached="mnist.npz") == "sample"


def test_sample_is_graded_where_no_folder_is_named(nowhere, monkeypatch):
    monkeypatch.delenv(DATA_VARIABLE)
    assert found("mnist.npz", cached="mnist.npz") == "sample"


@pytest.mark.parametrize("name", ["whole.npz", "part.npz"])
def test_any_of_the_files_of_the_course_counts(nowhere, name):
    (nowhere / name).write_bytes(b"")
    assert found("whole.npz", "part.npz", cached="kept") == "real"


@pytest.mark.parametrize("make", ["touch", "mkdir"])
def test_what_keras_keeps_counts(nowhere, tmp_path, make):
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    getattr(tmp_path / "keras" / "datasets" / "kept", make)()
    assert found("whole.npz", cached="kept") == "real"


def test_a_folder_in_the_place_of_the_file_does_not_count(nowhere):
    (nowhere / "whole.npz").mkdir()
    assert found("whole.npz", cached="kept") == "sample"


def test_a_data_set_is_read_once():
    assert loaded("mnist", "sample") is loaded("mnist", "sample")


def test_a_file_that_is_no_data_set_is_told_in_a_sentence(nowhere):
    (nowhere / "mnist.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"mnist\.npz is damaged"):
        loaded("mnist", "real")


def test_noise_is_small_and_changes_every_image():
    images = drawn()
    changed = noisy(images, np.random.default_rng(1))
    assert changed.dtype == np.float32 and changed.shape == images.shape and np.abs(changed).max() <= 1
    assert np.abs(changed - images).max() <= NOISE + 1e-6
    assert all(not np.array_equal(one, other) for one, other in zip(changed, images, strict=True))


def test_images_move_by_a_pixel_at_most_and_the_border_comes_in():
    images = drawn()
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-1)
    seen = set()
    for one, frame in zip(moved(images, np.random.default_rng(2), constant_values=-1), padded, strict=True):
        near = {(d, r): np.abs(one - frame[d : d + 7, r : r + 9]).max() for d in range(3) for r in range(3)}
        place, distance = min(near.items(), key=lambda item: item[1])
        assert distance <= NOISE + 1e-6
        seen.add(place)
    assert len(seen) == 9


def test_the_same_generator_gives_the_same_images():
    images = drawn()
    first, second = (moved(images, np.random.default_rng(3), mode="edge") for _ in range(2))
    assert np.array_equal(first, second) and not np.array_equal(first, moved(images, np.random.default_rng(4)))
