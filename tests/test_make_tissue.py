"""The images of tissue on the lab's page: drawn by chance, of both classes, and those of the data."""

import json

import numpy as np
import pytest

from book import make_tissue
from source_lib.data.locations import DatasetError
from source_lib.data.patchcam import load_patchcam


@pytest.fixture(scope="module")
def kept():
    with np.load(make_tissue.OUTPUT, allow_pickle=False) as archive:
        return archive["images"], archive["labels"], json.loads(bytes(archive["about"]))


def test_images_are_few_and_of_both_classes(kept):
    images, labels, about = kept
    assert images.shape == (2 * about["each"], 32, 32, 3) and images.dtype == np.uint8
    assert list(labels) == [0] * about["each"] + [1] * about["each"]
    assert make_tissue.OUTPUT.stat().st_size < 100_000
    # None is there twice, and none is empty.
    assert len({image.tobytes() for image in images}) == len(images) and images.std(axis=(1, 2, 3)).min() > 5


def test_the_same_seed_draws_the_same_images_of_each_class():
    images = np.arange(40, dtype=np.uint8)[:, None, None, None].repeat(3, axis=-1)
    labels = np.arange(40) % 2
    found, classes = make_tissue.chosen(images, labels, each=5, seed=3)
    assert list(classes) == [0] * 5 + [1] * 5
    assert all(image[0, 0, 0] % 2 == label for image, label in zip(found, classes, strict=True))
    again, _ = make_tissue.chosen(images, labels, each=5, seed=3)
    other, _ = make_tissue.chosen(images, labels, each=5, seed=4)
    assert np.array_equal(found, again) and not np.array_equal(found, other)
    with pytest.raises(ValueError, match="Class 0 has 20 images, and 21 are asked for"):
        make_tissue.chosen(images, labels, each=21)


def test_images_are_those_of_the_data(kept):
    try:
        (images, labels, *_), _ = load_patchcam(verbose=False)
    except DatasetError as error:
        pytest.skip(f"PatchCamelyon is not here: {error}")
    found, classes = make_tissue.chosen(images, labels)
    assert np.array_equal(found, kept[0]) and np.array_equal(classes, kept[1])


def test_missing_images_are_one_sentence(monkeypatch, tmp_path, capsys):
    def missing(verbose):
        raise DatasetError("There is no folder patchcam.")

    monkeypatch.setattr(make_tissue, "load_patchcam", missing)
    assert make_tissue.main(["--output", str(tmp_path / "tissue.npz")]) == 1
    assert capsys.readouterr().err == "Nothing was chosen. There is no folder patchcam.\n"
    assert list(tmp_path.iterdir()) == []
