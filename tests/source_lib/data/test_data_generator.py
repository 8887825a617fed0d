"""What `generate` leaves in the attributes, what it prints, and what it refuses."""

import doctest
import os
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from source_lib.data import DataGenerator, DatasetError, data_generator

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No data on this machine and a proxy that nobody listens at."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("CNN_COURSE_DATA", raising=False)
    return tmp_path


def sample(**options):
    data = DataGenerator(verbose=False)
    data.generate("mnist", source="sample", **options)
    return data


def test_examples_in_docstrings():
    assert doctest.testmod(data_generator).failed == 0


def test_attributes():
    data = sample(N_train=37, N_valid=13)
    assert (data.K, data.C, data.dataset, data.source) == (10, 1, "mnist", "sample")
    assert (data.N_train, data.N_valid, data.N_test) == (37, 13, 500)
    assert data.class_names == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    for part, count in (("train", 37), ("valid", 13), ("test", 500)):
        x, y, y_oh = (getattr(data, name) for name in (f"x_{part}", f"y_{part}", f"y_{part}_oh"))
        assert x.shape == (count, 28, 28, 1) and x.dtype == np.float32
        assert x.min() == -1 and x.max() == 1
        assert y.shape == (count,) and y.dtype == np.int64
        assert y_oh.shape == (count, 10) and y_oh.dtype == np.float32
        np.testing.assert_array_equal(y_oh.argmax(axis=1), y)
        assert set(np.unique(y_oh)) == {0, 1} and (y_oh.sum(axis=1) == 1).all()


def test_everything_by_default():
    data = sample()
    assert data.x_train.shape == (1297, 28, 28, 1)
    assert data.x_valid.shape == (0, 28, 28, 1) and data.y_valid_oh.shape == (0, 10)
    assert data.x_test.shape == (500, 28, 28, 1)


def test_validation_leaves_the_rest_for_training():
    data = sample(N_valid=297)
    assert len(data.x_train) == 1000
    train, valid = ({image.tobytes() for image in part} for part in (data.x_train, data.x_valid))
    assert len(train) == 1000 and len(valid) == 297 and not train & valid


def test_images_keep_their_labels():
    known = {image.tobytes(): label for image, label in zip(sample().x_train, sample().y_train, strict=True)}
    data = sample(N_train=50, N_valid=50, seed=7)
    for x, y in ((data.x_train, data.y_train), (data.x_valid, data.y_valid)):
        assert [known[image.tobytes()] for image in x] == y.tolist()


def test_chosen_parts_are_balanced():
    data = sample(N_train=128, N_valid=100, N_test=55)
    assert np.bincount(data.y_valid).tolist() == [10] * 10
    assert set(np.bincount(data.y_train)) == {12, 13}
    assert set(np.bincount(data.y_test)) == {5, 6}
    assert (np.diff(data.y_train) == 0).any(), "training images come in random order, not in turns of the classes"


def test_seed_decides():
    first, again, other = sample(N_train=40, N_valid=20), sample(N_train=40, N_valid=20), sample(N_train=40, seed=1)
    np.testing.assert_array_equal(first.x_train, again.x_train)
    np.testing.assert_array_equal(first.x_valid, again.x_valid)
    assert not np.array_equal(first.x_train, other.x_train)
    np.testing.assert_array_equal(first.x_test, other.x_test)


def test_random_state_of_numpy_is_left_alone():
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    sample(N_train=20)
    assert np.random.random() == expected


def test_a_sample_shrinks_what_it_cannot_give(capsys):
    data = DataGenerator()
    data.generate("mnist", 50000, 10000, N_test=1000, source="sample")
    assert (data.N_train, data.N_valid, data.N_test) == (1297 - 216, 216, 500)
    assert "(all that it has)" in capsys.readouterr().out
    data.generate("mnist", N_valid=10000, source="sample")
    assert (data.N_train, data.N_valid) == (1297 - 216, 216)
    data.generate("mnist", N_train=1000, N_valid=297, source="sample")
    assert (data.N_train, data.N_valid) == (1000, 297)


def test_auto_falls_back_and_says_so_in_one_line(offline, capsys):
    data = DataGenerator(verbose=False)
    data.generate("mnist", N_train=20)
    (line,) = capsys.readouterr().out.splitlines()
    assert data.source == "sample" and data.title.startswith("Sample, not MNIST")
    assert line.startswith("This is a sample, not MNIST") and "20 training" in line
    assert "mnist.npz" in line and "CNN_COURSE_DATA" in line, "how to get the real one"


def test_auto_falls_back_from_a_damaged_file(offline, capsys, monkeypatch):
    (offline / "mnist.npz").write_bytes(b"PK\x03\x04 and then the line broke")
    monkeypatch.setenv("CNN_COURSE_DATA", str(offline))
    data = DataGenerator()
    data.generate("mnist", N_train=20)
    (line,) = capsys.readouterr().out.splitlines()
    assert data.source == "sample" and str(offline / "mnist.npz") in line and "damaged" in line


def test_real_does_not_fall_back(offline, capsys):
    data = DataGenerator()
    data.generate("mnist", N_train=20, source="sample")
    before = data.x_train
    with pytest.raises(DatasetError, match="could not be downloaded"):
        data.generate("mnist", source="real")
    assert data.x_train is before


def test_a_sample_that_was_asked_for_is_called_one(capsys):
    DataGenerator().generate("mnist", N_train=20, source="sample")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("This is a sample, not MNIST")
    sample(N_train=20)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["boston"])
def test_later_data_sets_are_named_as_such(name):
    with pytest.raises(DatasetError, match=f"'{name}' is not yet available in this version. Available: mnist."):
        DataGenerator().generate(name)


def test_what_has_masks_is_loaded_elsewhere():
    with pytest.raises(DatasetError, match=r"masks in place of classes. Load it with source_lib.data.glands.load\(\)"):
        DataGenerator().generate("glands")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("mnsit",), {}, "no data set 'mnsit'. Available: mnist"),
        (("mnist",), {"source": "local"}, "no source 'local'"),
        (("mnist", 0), {}, "N_train is 0; it must be at least 1"),
        (("mnist", 10, -1), {}, "N_valid is -1"),
        (("mnist", 10, 0.1), {}, "N_valid is a number of images.*got 0.1"),
        (("mnist", "all"), {}, "N_train is a number of images"),
        (("mnist",), {"N_test": 0}, "N_test is 0"),
    ],
)
def test_mistakes_are_explained(arguments, options, message):
    with pytest.raises(DatasetError, match=message):
        DataGenerator().generate(*arguments, **options)


def test_plot_shows_images_with_their_classes():
    data = sample(N_train=30)
    data.plot(data.x_train, data.y_train_oh, count=11)
    figure = plt.gcf()
    titles = [ax.get_title() for ax in figure.axes if ax.images]
    assert titles == [str(label) for label in data.y_train[:11]]
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), data.x_train[0, :, :, 0] / 2 + 0.5)
    assert figure.get_suptitle() == data.title and figure.get_suptitle().startswith("Sample, not MNIST")
    data.plot(data.x_test[:3], data.y_test[:3])
    assert len(plt.gcf().axes) == 3
    plt.close("all")


def test_plot_explains_mistakes():
    data = sample(N_train=30)
    with pytest.raises(ValueError, match=r"\[N, D_y, D_x, C\].*\(28, 28, 1\)"):
        data.plot(data.x_train[0], data.y_train)
    with pytest.raises(ValueError, match="N at least 1"):
        data.plot(data.x_valid, data.y_valid)
    with pytest.raises(ValueError, match="30 images but 500 classes"):
        data.plot(data.x_train, data.y_test)


def test_import_is_light():
    code = (
        "import source_lib.data, source_lib.util, source_lib.cnn, source_lib.layers.arithmetic, source_lib.figures\n"
        "import sys; print(sorted({'tensorflow', 'keras', 'matplotlib', 'pandas', 'sklearn'} & set(sys.modules)))\n"
        "data = source_lib.data.DataGenerator(False); data.generate('mnist', source='sample')\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["[]", "False", ""]


@pytest.mark.skipif(not os.environ.get("CNN_COURSE_DATA"), reason="CNN_COURSE_DATA is not set: no real MNIST here")
def test_real_mnist(capsys):
    data = DataGenerator()
    data.generate("mnist", N_train=128, N_valid=1000, source="real")
    assert data.source == "real" and data.title == "MNIST"
    assert data.x_train.shape == (128, 28, 28, 1) and data.x_valid.shape == (1000, 28, 28, 1)
    assert data.x_test.shape == (10000, 28, 28, 1)
    assert data.y_test[:5].tolist() == [7, 2, 1, 0, 4], "test images keep their order"
    (line,) = capsys.readouterr().out.splitlines()
    assert "MNIST, from the folder CNN_COURSE_DATA: 128 training, 1000 validation and 10000 test" in line
    with pytest.raises(DatasetError, match="60000 images for training and validation together"):
        data.generate("mnist", N_train=55000, N_valid=5001)
    with pytest.raises(DatasetError, match="10000 test images"):
        data.generate("mnist", N_test=10001)


def test_test_images_that_came_with_a_lab_take_the_place_of_those_for_practice(offline, tmp_path, capsys):
    given = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    np.save(tmp_path / "given.npy", given)
    data = DataGenerator(verbose=False)
    for test in (tmp_path / "given.npy", str(tmp_path / "given.npy"), given):
        data.generate("patchcam", N_train=10, source="sample", sample_test=test)
        np.testing.assert_allclose(data.x_test, given / 127.5 - 1, atol=1e-6)
        assert data.N_test == 7 and data.y_test is None
    assert "practice" not in capsys.readouterr().out
    data.generate("patchcam", N_train=10, sample_test=tmp_path / "none.npy")
    assert data.N_test > 7 and "no " + str(tmp_path / "none.npy") in capsys.readouterr().out
    mnist = sample(N_train=20, sample_test=tmp_path / "given.npy")
    assert mnist.N_test == sample(N_train=20).N_test, "its test labels are not kept back"


@pytest.mark.parametrize(
    "content",
    [b"", b"no array", np.zeros((3, 32, 32, 3)), np.zeros((3, 28, 28, 1), np.uint8), np.array(None, dtype=object)],
    ids=["empty", "text", "floats", "other size", "objects"],
)
def test_test_images_that_are_none_are_refused(tmp_path, content):
    path = tmp_path / "given.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(DatasetError, match=r"given.npy .*Replace it by the file that came with the lab"):
        DataGenerator(verbose=False).generate("patchcam", source="sample", sample_test=path)
