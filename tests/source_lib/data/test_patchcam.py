"""PatchCamelyon from files, whole and broken; the course's part made from files of the official layout; the sample."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest

from source_lib.data import DataGenerator, DatasetError, patchcam
from source_lib.data.patchcam import (
    find_patchcam,
    load_patchcam,
    make_patchcam,
    patchcam_sample,
    read_patchcam,
    tissue_test,
)
from source_lib.predictions import read_predictions

COUNTS = {"train": 40, "valid": 12, "test": 14}


def write(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip")


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """Files of the official layout and image size: the center of each image says which one it is."""
    folder = tmp_path_factory.mktemp("official")
    rng = np.random.default_rng(0)
    for number, (part, count) in enumerate({"train": 1500, "valid": 90, "test": 80}.items()):
        x = np.full((count, 96, 96, 3), 255, np.uint8)
        x[:, 32:64, 32:64, 0] = number
        x[:, 32:64, 32:64, 1] = (np.arange(count) // 256)[:, None, None]
        x[:, 32:64, 32:64, 2] = (np.arange(count) % 256)[:, None, None]
        y = (rng.random(count) < 0.3).astype(np.uint8)
        write(folder / f"camelyonpatch_level_2_split_{part}_x.h5", x=x)
        write(folder / f"camelyonpatch_level_2_split_{part}_y.h5", y=y.reshape(-1, 1, 1, 1))
    return folder


def truth(official, part):
    with h5py.File(official / f"camelyonpatch_level_2_split_{part}_y.h5") as file:
        return file["y"][:].reshape(-1)


def which(images):
    """Return for each image which one of the official file it is, and make sure that it is the center of one."""
    assert (images == images[:, :1, :1]).all()
    return images[:, 0, 0, 1].astype(int) * 256 + images[:, 0, 0, 2]


def test_the_part_of_a_course(official, tmp_path):
    seen = []
    labels = tmp_path / "kept" / "lab3.csv"
    manifest = make_patchcam(official, tmp_path / "data", COUNTS, 7, labels, lambda *what: seen.append(what))
    x_train, y_train, x_test, y_test, x_valid, y_valid = read_patchcam(tmp_path / "data")
    assert [len(part) for part in (x_train, x_valid, x_test)] == [40, 12, 14] and y_test is None
    for part, (images, y) in {"train": (x_train, y_train), "valid": (x_valid, y_valid)}.items():
        assert y.mean() == 0.5
        assert len(set(which(images))) == len(images), "no image twice"
        np.testing.assert_array_equal(truth(official, part)[which(images)], y)
    kept = read_predictions(labels, rows=14)
    assert kept.right
    np.testing.assert_array_equal(truth(official, "test")[which(x_test)], kept.values)
    with h5py.File(tmp_path / "data" / "test_x.h5") as file:
        assert list(file) == ["x"], "students do not get the labels of the test images"
    assert {part: total for part, _, total in seen} == {"train": 1500, "valid": 90, "test": 80}
    assert manifest["images"] == COUNTS and sorted(manifest["sha256"]) == ["test_x.h5", "train.h5", "valid.h5"]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        *("patchcam.json", "test_x.h5", "train.h5", "valid.h5")
    ]


def test_the_seed_decides(official, tmp_path):
    sums = [make_patchcam(official, tmp_path / str(k), COUNTS, seed)["sha256"] for k, seed in enumerate((1, 1, 2))]
    assert sums[0] == sums[1] and sums[0]["train.h5"] != sums[2]["train.h5"]


def test_a_smaller_part_of_a_courses_own_files(official, tmp_path):
    make_patchcam(official, tmp_path / "own", {"train": 40, "valid": 20, "test": 10})
    (tmp_path / "own" / "test_x.h5").unlink()
    make_patchcam(
        tmp_path / "own", tmp_path / "less", {"train": 20, "valid": 10, "test": 8}, 0, tmp_path / "labels.csv"
    )
    _, _, x_test, _, x_valid, _ = read_patchcam(tmp_path / "less")
    assert len(x_test) == 8 and not set(which(x_test)) & set(which(x_valid))
    kept = read_predictions(tmp_path / "labels.csv", rows=8).values
    np.testing.assert_array_equal(truth(official, "valid")[which(x_test)], kept)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "train.h5").unlink(), r"train\.h5 is missing.*--from DIR"),
        (lambda folder: (folder / "test_x.h5").write_bytes(b"not HDF5"), r"checksum differs"),
        (lambda folder: os.truncate(folder / "valid.h5", 3000), r"checksum differs"),
    ],
)
def test_damaged_files_are_not_read(official, tmp_path, change, says):
    make_patchcam(official, tmp_path, COUNTS)
    change(tmp_path)
    with pytest.raises(DatasetError, match=says):
        read_patchcam(tmp_path)


X, Y = np.zeros((4, 32, 32, 3), np.uint8), np.array([0, 1, 0, 1], np.uint8)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": X}, "lacks x or y"),
        ({"x": X, "y": Y[:3]}, "a label, 0 or 1, for each of its 4"),
        ({"x": X, "y": Y * 2}, "a label, 0 or 1"),
        ({"x": np.zeros((4, 96, 96, 3), np.uint8), "y": Y}, r"\(4, 96, 96, 3\).*--from DIR"),
        ({"x": X.astype(np.float32), "y": Y}, "float32"),
        ({"x": X[:0], "y": Y[:0]}, r"\(0, 32"),
        (None, "not whole"),
    ],
)
def test_files_without_a_list_of_checksums_are_looked_at_too(tmp_path, arrays, says):
    for name in ("train", "valid"):
        write(tmp_path / f"{name}.h5", x=X, y=Y)
    write(tmp_path / "test_x.h5", x=X)
    assert len(read_patchcam(tmp_path)[0]) == 4
    if arrays is None:
        os.truncate(tmp_path / "valid.h5", 3000)
    else:
        write(tmp_path / "valid.h5", **arrays)
    with pytest.raises(DatasetError, match=says) as error:
        read_patchcam(tmp_path)
    assert "valid.h5" in str(error.value)


@pytest.mark.parametrize(
    ("counts", "change", "says"),
    [
        ({**COUNTS, "valid": 80}, None, r"class 1; 40 were requested"),
        (COUNTS, lambda f: (f / "camelyonpatch_level_2_split_valid_y.h5").unlink(), r"valid_y\.h5 is missing"),
        (
            COUNTS,
            lambda f: (f / "camelyonpatch_level_2_split_test_x.h5").rename(
                f / "camelyonpatch_level_2_split_test_x.h5.gz"
            ),
            r"missing\. Unpack it first: gunzip",
        ),
        (COUNTS, lambda f: [path.rename(f"{path}.gz") for path in f.iterdir()], r"packed.*gunzip"),
        (COUNTS, lambda f: [path.unlink() for path in f.iterdir()], "Name the folder of the official files"),
        (COUNTS, lambda f: write(f / "camelyonpatch_level_2_split_train_x.h5", y=Y), "no images"),
        (COUNTS, lambda f: write(f / "camelyonpatch_level_2_split_train_y.h5", x=Y), "no labels"),
        (
            COUNTS,
            lambda f: write(f / "camelyonpatch_level_2_split_valid_x.h5", x=np.zeros((90, 8, 8, 3), np.uint8)),
            "8×8 pixels",
        ),
    ],
)
def test_what_cannot_be_made_is_explained_and_leaves_no_half_file(official, tmp_path, counts, change, says):
    copy = tmp_path / "official"
    copy.mkdir()
    for path in official.iterdir():
        os.link(path, copy / path.name)
    if change is not None:
        # The files of the fixture are links: make copies of what is changed.
        for path in copy.iterdir():
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)
        change(copy)
    with pytest.raises(DatasetError, match=says):
        make_patchcam(copy, tmp_path / "data", counts)
    made = {path.name for path in (tmp_path / "data").iterdir()}
    assert made <= {"train.h5", "valid.h5"}


def test_labels_never_lie_beside_what_students_get(official, tmp_path):
    with pytest.raises(DatasetError, match="elsewhere"):
        make_patchcam(official, tmp_path, COUNTS, labels=tmp_path / "labels.csv")
    with pytest.raises(DatasetError, match="another folder"):
        make_patchcam(official, official, COUNTS)
    with pytest.raises(DatasetError, match="no folder"):
        make_patchcam(tmp_path / "none", tmp_path, COUNTS)


def test_a_killed_run_leaves_no_half_file_under_a_final_name(official, tmp_path):
    """Killed while it writes the second part, it leaves the first one whole, and the next run makes everything."""
    code = textwrap.dedent(f"""
        import time
        from source_lib.data.patchcam import make_patchcam
        def progress(part, done, total):
            if part == "valid":
                print("now", flush=True)
                time.sleep(60)
        make_patchcam({str(official)!r}, {str(tmp_path)!r}, {COUNTS!r}, progress=progress)
    """)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGKILL)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["train.h5"]
    with pytest.raises(DatasetError, match=r"valid\.h5 is missing"):
        read_patchcam(tmp_path)
    make_patchcam(official, tmp_path, COUNTS)
    assert len(read_patchcam(tmp_path)[0]) == 40


def test_memory_does_not_grow_with_the_files(tmp_path):
    """Files that unpack to 3 GB are read with less than 1 GB."""
    for part, count in {"train": 100_000, "valid": 600, "test": 600}.items():
        with h5py.File(tmp_path / f"camelyonpatch_level_2_split_{part}_x.h5", "w") as file:
            # Nothing is written, so the file is small; it reads as zeros, block by block, like any other.
            file.create_dataset("x", (count, 96, 96, 3), np.uint8, chunks=(64, 96, 96, 3), compression="gzip")
        y = np.arange(count, dtype=np.uint8) % 2
        write(tmp_path / f"camelyonpatch_level_2_split_{part}_y.h5", y=y.reshape(-1, 1, 1, 1))
    code = textwrap.dedent(f"""
        from pathlib import Path
        from source_lib.data.patchcam import make_patchcam
        make_patchcam({str(tmp_path)!r}, {str(tmp_path / "data")!r}, {{"train": 20000, "valid": 500, "test": 500}})
        # What getrusage says counts the process that started this one too.
        print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2**20, "kilobytes"


def test_where_it_is_looked_for(official, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("CNN_COURSE_DATA", raising=False)
    with pytest.raises(DatasetError, match=re.escape(str(tmp_path / "keras/datasets/patchcam"))):
        load_patchcam()
    make_patchcam(official, tmp_path / "keras/datasets/patchcam", COUNTS)
    assert load_patchcam()[1] == "Keras' cache"
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path / "data"))
    assert load_patchcam()[1] == "Keras' cache", "nothing lies in the folder"
    make_patchcam(official, tmp_path / "data/patchcam", {**COUNTS, "train": 20})
    arrays, origin = load_patchcam()
    assert len(arrays[0]) == 20 and origin == "the folder CNN_COURSE_DATA"
    (tmp_path / "data/patchcam/valid.h5").unlink()
    with pytest.raises(DatasetError, match=r"valid\.h5 is missing"):
        load_patchcam()


def test_a_folder_counts_as_found_whole_or_not(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    (tmp_path / "patchcam").mkdir()
    assert find_patchcam() is None
    cache = tmp_path / "keras/datasets/patchcam"
    cache.mkdir(parents=True)
    (cache / "train.h5").touch()
    assert find_patchcam() == cache
    # A link to a disk that is not there is no reason to take something else.
    (tmp_path / "patchcam" / "valid.h5").symlink_to("nowhere")
    assert find_patchcam() == tmp_path / "patchcam"


def test_generate_reads_it(official, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    make_patchcam(official, tmp_path / "patchcam", COUNTS)
    data = DataGenerator()
    data.generate("patchcam", source="real")
    assert "40 training, 12 validation and 14 test images" in capsys.readouterr().out
    assert (data.K, data.C, data.class_names) == (2, 3, ("no tumor", "tumor"))
    assert data.y_test is None and data.y_test_oh is None and data.x_test.dtype == np.float32
    # The test images keep their order: a prediction belongs to an image by its index.
    x_test = read_patchcam(tmp_path / "patchcam")[2]
    np.testing.assert_allclose(data.x_test, x_test / 127.5 - 1, atol=1e-6)
    data.generate("patchcam", N_train=10, N_valid=6, source="real")
    assert (data.N_train, data.N_valid, data.N_test) == (10, 6, 14)
    assert data.y_train.mean() == data.y_valid.mean() == 0.5
    for options in ({"N_train": 41}, {"N_valid": 13}, {"N_test": 5}):
        with pytest.raises(DatasetError):
            data.generate("patchcam", source="real", **options)


@pytest.mark.skipif(not os.environ.get("CNN_COURSE_DATA"), reason="CNN_COURSE_DATA is not set: no real images here")
def test_real_patchcam():
    data = DataGenerator(verbose=False)
    data.generate("patchcam", N_train=1000, source="real")
    assert data.x_train.shape == (1000, 32, 32, 3) and data.N_valid == 3000 and data.N_test == 3000


def test_manifest_is_json(official, tmp_path):
    made = make_patchcam(official, tmp_path, COUNTS)
    assert json.loads((tmp_path / patchcam.MANIFEST).read_text()) == made


@pytest.fixture(scope="module")
def tissue():
    x_train, y_train, x_test, y_test, x_valid, y_valid = patchcam_sample()
    assert y_test is None
    return {
        "train": (x_train, y_train),
        "valid": (x_valid, y_valid),
        "practice": (x_test, None),
        "test": tissue_test(5),
    }


def test_tissue_has_the_layout_of_patchcam(tissue):
    seen = set()
    for x, y in tissue.values():
        assert x.shape[1:] == (32, 32, 3) and x.dtype == np.uint8
        assert y is None or (len(x) == len(y) and y.dtype == np.uint8 and y.mean() == 0.5)
        seen |= {image.tobytes() for image in x}
    assert len(seen) == sum(len(x) for x, _ in tissue.values()), "no image twice"


def test_another_secret_draws_other_test_images():
    (x, y), (again, y_again), (other, y_other) = tissue_test(5), tissue_test(5), tissue_test(2**63 + 5)
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(y, y_again)
    assert len({image.tobytes() for image in (*x, *other)}) == 2 * len(x) and 0.4 < (y == y_other).mean() < 0.6


def test_color_alone_says_little_about_tissue(tissue):
    """Gradient boosting on what the colors of an image are, wherever they are, stays under 0.70."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    def colors(x):
        flat = x.reshape(len(x), -1, 3).astype(np.float32)
        counts = [np.stack([np.histogram(image, 8, (0, 256))[0] for image in flat[:, :, k]]) for k in range(3)]
        quantiles = np.quantile(flat, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1).transpose(1, 0, 2).reshape(len(x), -1)
        spread = np.concatenate([flat.mean(1), flat.std(1)], axis=1)
        between = [np.corrcoef(image.T)[np.triu_indices(3, 1)] for image in flat]
        return np.concatenate([spread, quantiles, np.stack(between), *counts], axis=1)

    model = HistGradientBoostingClassifier(random_state=0).fit(colors(tissue["train"][0]), tissue["train"][1])
    assert model.score(colors(tissue["test"][0]), tissue["test"][1]) < 0.70


@pytest.mark.long
def test_a_small_network_learns_the_shapes(tissue):
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(1 / 127.5, -1),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    model.fit(*tissue["train"], batch_size=64, epochs=12, verbose=0)
    assert model.evaluate(*tissue["test"], verbose=0)[1] > 0.78
