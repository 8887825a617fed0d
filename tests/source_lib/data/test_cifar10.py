"""CIFAR-10: where it is looked for, what is refused, and a sample whose halves share no pixel."""

import os

import numpy as np
import pytest

from source_lib.data import DataGenerator, DatasetError, cifar10

REAL = os.environ.get("CNN_COURSE_DATA")


@pytest.fixture(autouse=True)
def bare_machine(tmp_path, monkeypatch):
    """A folder of the course without data, an empty cache, and no connection."""
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(cifar10, "CIFAR10_URL", "https://no-such-host.invalid/cifar-10-python.tar.gz")
    return tmp_path


def arrays(train=1000, test=500):
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (train, 32, 32, 3), dtype=np.uint8),
        "y_train": (np.arange(train) % 10).astype(np.uint8),
        "x_test": rng.integers(0, 256, (test, 32, 32, 3), dtype=np.uint8),
        "y_test": (np.arange(test) % 10).astype(np.uint8),
    }


@pytest.mark.parametrize("name", ["cifar10.npz", "cifar10_subset.npz"])
@pytest.mark.parametrize("column", [False, True])
def test_a_file_of_the_course_is_read(bare_machine, name, column):
    made = arrays()
    written = {key: value[:, None] if column and key.startswith("y") else value for key, value in made.items()}
    np.savez(bare_machine / name, **written, class_names=np.array(cifar10.NAMES))
    found, origin = cifar10.load_cifar10()
    assert name in origin and all(np.array_equal(a, b) for a, b in zip(found, made.values(), strict=True))
    data = DataGenerator(verbose=False)
    data.generate("cifar10", N_valid=100, source="real")
    assert (data.N_train, data.N_valid, data.N_test, data.C, data.K) == (900, 100, 500, 3, 10)
    assert data.class_names[3] == "cat" and data.title == "CIFAR-10"


WRONG = {
    "gray": lambda a: a | {"x_train": a["x_train"][..., :1]},
    "too few": lambda a: a | {"x_train": a["x_train"][:90], "y_train": a["y_train"][:90]},
    "floats": lambda a: a | {"x_train": a["x_train"] / np.float32(255)},
    "a class missing": lambda a: a | {"y_test": np.minimum(a["y_test"], 8)},
    "labels of other images": lambda a: a | {"y_train": a["y_train"][:-1]},
    "other classes": lambda a: a | {"class_names": np.array([f"kind {k}" for k in range(10)])},
    "a key missing": lambda a: {key: value for key, value in a.items() if key != "y_test"},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_is_not_cifar10_is_refused_and_never_passed_over(bare_machine, change):
    np.savez(bare_machine / "cifar10_subset.npz", **change(arrays()))
    with pytest.raises(DatasetError, match="is not CIFAR-10.*Delete it"):
        cifar10.load_cifar10()
    with pytest.raises(DatasetError):
        DataGenerator().generate("cifar10", source="real")


def test_a_file_that_was_cut_off_is_refused(bare_machine):
    path = bare_machine / "cifar10.npz"
    np.savez(path, **arrays())
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(DatasetError, match="damaged"):
        cifar10.load_cifar10()


def test_without_files_and_connection_the_sample_takes_its_place(bare_machine, capsys):
    with pytest.raises(DatasetError, match="no connection to the internet.*cifar10.npz or cifar10_subset.npz"):
        cifar10.load_cifar10()
    data = DataGenerator()
    data.generate("cifar10", N_train=100, N_valid=50)
    assert data.source == "sample" and data.class_names == cifar10.PHOTOGRAPH_NAMES
    assert data.title.startswith("Sample, not CIFAR-10")
    assert "This is a sample, not CIFAR-10" in capsys.readouterr().out


def test_the_sample_is_the_same_everywhere_and_balanced():
    x, y, x_test, y_test = cifar10.cifar10_sample()
    assert x.shape == (3000, 32, 32, 3) and x_test.shape == (1000, 32, 32, 3)
    assert x.dtype == y.dtype == x_test.dtype == y_test.dtype == np.uint8
    assert np.bincount(y).tolist() == [300] * 10 and np.bincount(y_test).tolist() == [100] * 10
    again = cifar10.crops(np.random.default_rng(0), cifar10.N_CROPS_TRAIN, "train")
    assert np.array_equal(again[0], x) and np.array_equal(again[1], y)


def test_no_pixel_is_in_both_halves(monkeypatch):
    """Each pixel of a photograph says which tile it is in: training crops have even ones, test crops odd ones."""
    rows, columns = np.indices((80, 120))
    board = ((rows // 20 + columns // 30) % 2).astype(float)
    monkeypatch.setattr(cifar10, "_photograph", lambda name: board)
    rng = np.random.default_rng(3)
    for test in (False, True):
        assert all((cifar10._crop(rng, board, test) == float(test)).all() for _ in range(200))


def test_other_seeds_give_other_crops():
    first, second = (cifar10.crops(np.random.default_rng(seed), 20, "test")[0] for seed in (5, 6))
    assert not any(np.array_equal(one, other) for one in first for other in second)
    with pytest.raises(ValueError, match="none for 'valid'"):
        cifar10.crops(np.random.default_rng(0), 10, "valid")


def test_hues_say_nothing_about_the_class():
    """The mean difference of two channels of a class is that of all, within what 300 crops allow."""
    x, y, *_ = cifar10.cifar10_sample()
    hues = np.diff(x.mean(axis=(1, 2)), axis=1)
    error = hues.std(axis=0) / np.sqrt(300)
    assert all((np.abs(hues[y == k].mean(axis=0) - hues.mean(axis=0)) < 4.5 * error).all() for k in range(10))


@pytest.mark.skipif(
    not REAL or not os.path.exists(f"{REAL}/cifar10_subset.npz"), reason="CNN_COURSE_DATA has no CIFAR-10"
)
def test_the_real_images(monkeypatch):
    monkeypatch.setenv("CNN_COURSE_DATA", REAL)
    data = DataGenerator(verbose=False)
    data.generate("cifar10", N_train=200, N_valid=100, source="real")
    assert data.x_train.shape == (200, 32, 32, 3) and np.bincount(data.y_train).tolist() == [20] * 10
    assert -1 <= data.x_test.min() < -0.9 and 0.9 < data.x_test.max() <= 1
