"""What is measured for the chapter on data: its pieces one by one, and the file against its settings."""

import json

import numpy as np
import pytest

from book import make_data
from book.make_data import houses, main, mislabeled, read_houses, shifted
from book.stored import Kept


@pytest.fixture(scope="module")
def stored():
    about, *lines = (json.loads(line) for line in make_data.OUTPUT.read_text().splitlines())
    return about, lines


def test_file_holds_what_the_settings_name(stored):
    about, lines = stored
    found = [(line["share"], line["seed"]) for line in lines if line["what"] == "labels"]
    assert sorted(found) == sorted((share, seed) for share in make_data.NOISE for seed in make_data.SEEDS)
    for line in lines:
        if line["what"] == "labels":
            assert {len(line[key]) for key in ("given", "correct", "test")} == {make_data.EPOCHS}
    kinds = {(line["shift"], line["strength"]) for line in lines if line["what"] == "shift"}
    named = {(kind, strength) for kind, strengths in make_data.SHIFTS.items() for strength in strengths}
    assert kinds == named | {("none", 0), ("other digits", 0)}
    assert about["processor_seconds"] > 0 and set(about["versions"]) >= {"keras", "tensorflow", "python"}


def test_no_row_of_the_house_prices_is_written_down(stored):
    _, lines = stored
    of_houses = [line for line in lines if line["what"] in ("groups", "prices", "changed", "proxies")]
    assert len(of_houses) == 8
    assert all(len(value) == 2 for line in of_houses for value in line.values() if isinstance(value, list))
    (groups,) = (line for line in of_houses if line["what"] == "groups")
    assert sum(groups["tracts"]) == 506 and min(groups["tracts"]) >= 30


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_wrong_labels_are_as_many_as_asked_and_all_of_another_class(share):
    labels = np.arange(200) % 10
    told = mislabeled(labels, share, np.random.default_rng(0))
    assert (told != labels).sum() == round(200 * share)
    assert told.min() >= 0 and told.max() <= 9 and (labels == np.arange(200) % 10).all()


def test_shifts_do_what_they_are_called():
    rng = np.random.default_rng(0)
    images = np.zeros((3, 9, 9, 1), np.uint8)
    images[:, 4, 4] = 200
    moved = shifted(images, "moved", 2, rng)
    assert all(np.abs(np.argwhere(each[..., 0]) - 4).tolist() == [[2, 2]] for each in moved)
    assert (shifted(images, "inverted", 1, rng) == 255 - images).all()
    assert np.unique(shifted(images, "contrast", 0.5, rng)).tolist() == [64, 164]
    blurred = shifted(images, "blur", 1.0, rng)
    assert blurred.max() < 60 and blurred[0, 4, 5] > 10
    noisy = shifted(np.full((20, 9, 9, 1), 128, np.uint8), "noise", 10, rng)
    assert noisy.std() == pytest.approx(10, rel=0.1)
    bar = np.zeros((1, 9, 9, 1), np.uint8)
    bar[:, :, 4] = 255
    turned = shifted(bar, "turned", 90, rng)[0, ..., 0]
    assert (turned[4] > 200).all() and turned.sum() == bar.sum()
    with pytest.raises(ValueError, match="There is no shift 'fog'. Use one of noise, blur"):
        shifted(images, "fog", 1, rng)


def test_a_column_that_lowers_prices_of_a_group_shows_in_its_residuals(tmp_path):
    rng = np.random.default_rng(0)
    group = np.arange(200) % 5 == 0
    size = rng.normal(size=200)
    x = np.column_stack([size, np.where(group, 50.0, make_data.LARGEST)])
    y = 20 + 3 * size - 5 * group + rng.normal(0, 0.1, 200)
    lines = [*houses(x, y, ["rooms", "b"], Kept(tmp_path, "drawn"), repeats=2)]
    found = {(line["what"], line.get("name"), line.get("with_b")): line for line in lines}
    assert found["groups", None, None]["tracts"] == [40, 160]
    assert found["prices", "ridge", True]["residual"] == pytest.approx([0, 0], abs=0.1)
    # Without the column the model says the same for both, and the group is a fifth of the rows.
    assert found["prices", "ridge", False]["residual"] == pytest.approx([-4, 1], abs=0.1)
    assert found["changed", "ridge", None]["change"] == pytest.approx([5, 0], abs=0.1)
    assert 0.3 < found["proxies", None, None]["auc"] < 0.7, "the other column tells nothing of the group"


def test_table_is_read_by_its_names(tmp_path):
    (tmp_path / make_data.HOUSES).write_text('"rm","b","medv"\n6.5,396.9,24\n"7",10,50\n')
    x, y, names = read_houses(str(tmp_path))
    assert names == ["rm", "b"] and x.tolist() == [[6.5, 396.9], [7, 10]] and y.tolist() == [24, 50]
    (tmp_path / make_data.HOUSES).write_text("rm,medv\n6.5,24\n")
    with pytest.raises(LookupError, match="has no column b"):
        read_houses(str(tmp_path))


def test_command_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    assert main(["--output", str(tmp_path / "x.jsonl"), "--work", str(tmp_path / "work")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Nothing was measured.") and "BostonHousing.csv" in error
    assert not (tmp_path / "x.jsonl").exists()
