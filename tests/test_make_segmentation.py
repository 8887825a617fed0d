"""What is trained for the chapter on segmentation: its pieces against other ways to compute them, and its file."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion
from sklearn.metrics import f1_score

from book import make_segmentation
from book.make_segmentation import (
    DEPTHS,
    FLIPS,
    RECIPES,
    SEEDS,
    TWIN_SEEDS,
    Kept,
    build,
    by_depth,
    by_neighbor,
    copies,
    counts,
    drawn_tissue,
    load,
    main,
    of_images,
    overlap,
    save,
    split,
    train,
    turned,
    windows,
)
from source_lib.data.glands import draw_glands
from source_lib.layers.model_walk import walk


@pytest.fixture(scope="module")
def stored():
    return load(make_segmentation.OUTPUT)


@pytest.fixture(scope="module")
def drawn():
    images, masks = draw_glands([7], 6)
    return images, masks.astype(bool)


def test_file_holds_every_training_that_the_settings_name(stored):
    arrays, about = stored
    runs = about["runs"]
    for what in RECIPES:
        assert [run["seed"] for run in runs if run["what"] == what] == list(SEEDS), what
    for what in ("split first", "copied first"):
        assert [run["seed"] for run in runs if run["what"] == what] == list(TWIN_SEEDS), what
    for run in runs:
        assert len(run["test"]) == about["parts"]["test"] == 20
        epochs = "epochs" if run["what"] in RECIPES else "twin_epochs"
        assert len(run["history"]) == about["settings"][epochs]
    assert about["parts"] == {"train": 50, "valid": 15, "test": 20} and about["images"]["count"] == 85
    assert about["images"]["blue"] == 0
    assert about["processor_seconds"] > 0 and set(about["versions"]) >= {"keras", "tensorflow", "python"}
    assert set(arrays) == {"drawn", "masks", "fcn", "unet"}


def test_no_real_image_is_kept(stored):
    arrays, _ = stored
    images, masks = drawn_tissue(2)
    np.testing.assert_array_equal(arrays["drawn"], images[..., :2])
    np.testing.assert_array_equal(np.unpackbits(arrays["masks"], axis=-1).astype(bool), masks)


def test_counts_of_test_images_belong_to_the_same_masks(stored):
    _, about = stored
    for run in about["runs"]:
        right, _, missed = np.array(run["test"]).T
        np.testing.assert_allclose((right + missed) / 128**2, about["test_share"], atol=1e-4)
    # The parts are those of `split`, of all images in the order of their names.
    for part, rows in zip(("valid_share", "test_share"), split(85)[1:], strict=True):
        np.testing.assert_array_equal(about[part], np.array(about["images"]["share"])[rows])


@pytest.mark.parametrize(
    ("settings", "trained", "sees"),
    [
        ({"network": "fcn"}, 8634, 18),
        ({"network": "decoder"}, 11_698, 26),
        ({"network": "decoder", "skips": True}, 14_578, 26),
        ({"network": "unet"}, 121_186, 100),
    ],
)
def test_networks_have_their_parameters_and_fields(settings, trained, sees):
    model = build(**settings)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == trained
    row = walk(model, (128, 128, 3))[-1]
    assert row.receptive_field == (sees, sees) and row.output_shape == (128, 128, 2)
    assert model(np.zeros((1, 40, 72, 3), "float32")).shape == (1, 40, 72, 2)


def test_network_of_another_name_is_refused():
    with pytest.raises(ValueError, match="There is no network 'resnet'"):
        build("resnet")


def test_image_is_turned_in_eight_ways_and_its_mask_alike(drawn):
    images, masks = drawn
    eight = turned(np.repeat(images[:1], 8, axis=0), np.arange(8))
    assert len({one.tobytes() for one in eight}) == 8
    known = {np.rot90(image, k).tobytes() for k in range(4) for image in (images[0], images[0][:, ::-1])}
    assert {one.tobytes() for one in eight} == known
    np.testing.assert_array_equal(turned(images[..., 0], np.full(6, 5)), images[..., 0][:, :, ::-1].swapaxes(1, 2))
    bright = images.sum(axis=-1) * masks
    np.testing.assert_array_equal(
        turned(images, np.arange(6)).sum(axis=-1) * turned(masks, np.arange(6)), turned(bright, np.arange(6))
    )


def test_windows_are_the_same_of_image_and_mask(drawn):
    images, masks = drawn
    marked = images.copy()
    marked[..., 2] = masks
    x, y = windows(marked, masks, np.random.default_rng(0))
    assert x.shape == (6, 64, 64, 3)
    np.testing.assert_array_equal(x[..., 2], y)
    assert not np.array_equal(x, windows(marked, masks, np.random.default_rng(1))[0])


def test_overlap_is_f1_of_each_image_and_1_where_nothing_is():
    rng = np.random.default_rng(0)
    found, true = rng.random((2, 3, 4, 5)) < 0.5
    found[2] = true[2] = False
    numbers = counts(found, true)
    expected = [f1_score(true[k].ravel(), found[k].ravel()) for k in range(2)]
    np.testing.assert_allclose(overlap(numbers), [*expected, 1.0])
    assert overlap([[0, 1, 0]]) == 0


def test_split_is_fixed_and_whole():
    parts = split(85)
    assert [len(part) for part in parts] == [50, 15, 20]
    assert sorted(np.concatenate(parts)) == list(range(85))
    np.testing.assert_array_equal(parts[2], split(85)[2])


def test_copies_stay_together_only_where_the_split_comes_first():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (85, 128, 128, 3), dtype=np.uint8)
    masks = np.zeros((85, 128, 128), bool)
    for mask, (row, column) in zip(masks, rng.integers(0, 90, (85, 2)), strict=True):
        mask[row : row + 40, column : column + 25] = True
    known_image = split(85)[0][3]
    for way in ("split first", "copied first"):
        (x, y, rows), (known, asked) = copies(images, masks, way, 0)
        assert sorted(np.concatenate([known, asked])) == list(range(65 * len(FLIPS)))
        assert np.isin(rows[asked], rows[known]).any() == (way == "copied first")
        assert not np.isin(rows, split(85)[2]).any(), "none is for the test"
        np.testing.assert_array_equal(np.bincount(rows)[np.unique(rows)], len(FLIPS))
        assert (
            x[rows == known_image].sum(dtype=int) == 3 * images[known_image].sum(dtype=int)
            and (y[rows == known_image].sum(axis=(1, 2)) == masks[known_image].sum()).all()
        )
    honest, twins = (overlap(by_neighbor(images, masks, way, 0)).mean() for way in ("split first", "copied first"))
    assert twins > 0.85 and honest < 0.5


def test_depth_counts_pixels_of_glands_once(drawn):
    images, masks = drawn[0].copy(), drawn[1]
    images[:3] = 0
    found = masks.copy()
    for k in range(len(found)):
        found[k] = binary_erosion(masks[k], iterations=5, border_value=1)
    table = by_depth(found, images, masks)
    assert sum(there for tone in ("dark", "bright") for _, there in table[tone]) == masks.sum()
    for tone in ("dark", "bright"):
        shallow, _, deep = table[tone]
        assert len(table[tone]) == len(DEPTHS) - 1
        assert shallow[0] < 0.2 * shallow[1] and deep[0] == deep[1] > 0
    assert table["outside"][0][0] == 0 < table["outside"][0][1]


def test_images_are_described_without_a_network():
    masks = np.zeros((2, 128, 128), bool)
    masks[0, 32:64, 32:64] = True
    masks[1, 10:31, 40:61] = masks[1, 100:103, 0:3] = True
    found = of_images(np.zeros((2, 128, 128, 3), np.uint8), masks)
    assert found["widths"] == [pytest.approx(32, abs=1), pytest.approx(22, abs=1)], "a few pixels are no gland"
    assert found["share"] == [pytest.approx(1 / 16), pytest.approx((21 * 21 + 9) / 128**2, abs=1e-4)]
    values = list(found["coarse"].values())
    assert values == sorted(values, reverse=True) and values[0] > 0.95 > values[-1]


def test_images_for_training_validation_and_showing_are_others():
    parts = [drawn_tissue(part) for part in range(3)]
    assert [len(images) for images, _ in parts] == list(make_segmentation.N_DRAWN)
    assert all(masks.dtype == bool for _, masks in parts)
    known = {image.tobytes() for images, _ in parts for image in images}
    assert len(known) == sum(make_segmentation.N_DRAWN)


def test_training_keeps_its_best_epoch(drawn):
    images, masks = drawn
    parts = [(images[:4], masks[:4]), (images[4:], masks[4:])]
    model, history = train(parts, 1, 3, network="fcn")
    again = overlap(counts(make_segmentation.predicted(model, images[4:]), masks[4:])).mean()
    assert len(history) == 3 and again == pytest.approx(max(history), abs=1e-4)


def test_what_was_measured_is_not_measured_again(tmp_path):
    calls = []

    def measure():
        calls.append(1)
        return {"mask": np.eye(3, dtype=np.uint8), "history": [0.5, 0.6]}

    kept = Kept(tmp_path, "some images")
    for _ in range(2):
        found = kept("fcn", measure, seed=0)
        np.testing.assert_array_equal(found["mask"], np.eye(3))
        assert found["history"] == [0.5, 0.6]
    Kept(tmp_path, "other images")("fcn", measure, seed=0)
    kept("fcn", measure, seed=1)
    assert len(calls) == 3 and kept.seconds >= 0


def test_file_comes_back_as_it_was_written(tmp_path):
    size = save(tmp_path / "x.npz", {"a": np.arange(3)}, {"b": [1, {"c": 0.5}]})
    arrays, about = load(tmp_path / "x.npz")
    assert about == {"b": [1, {"c": 0.5}]} and arrays["a"].tolist() == [0, 1, 2]
    assert (tmp_path / "x.npz").stat().st_size == size


def test_command_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    assert main(["--output", str(tmp_path / "x.npz"), "--work", str(tmp_path / "work")]) == 1
    error = capsys.readouterr().err
    assert "Nothing was trained." in error and "CNN_COURSE_DATA names the folder with WARWICK/Train" in error
    assert not (tmp_path / "x.npz").exists()
