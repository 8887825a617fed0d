"""Members for the chapter on ensembles: their pieces one by one, and the file against its settings."""

import json

import numpy as np
import pytest

from book import make_ensembles
from book.make_ensembles import main, network, restarted, trained, view, write
from book.stored import Kept


@pytest.fixture(scope="module")
def stored():
    with np.load(make_ensembles.OUTPUT, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(bytes(arrays.pop("about"))), arrays


def test_file_holds_the_answers_of_every_member(stored):
    about, arrays = stored
    seeds, new, things = len(make_ensembles.SEEDS), make_ensembles.N_NEW, make_ensembles.N_NEW_OBJECTS
    shapes = {name: array.shape for name, array in arrays.items()}
    assert shapes == {
        "seeds": (seeds, new),
        "bags": (seeds, new),
        "all_views": (seeds, new),
        "views": (len(make_ensembles.VIEWS), new),
        "snapshots": (len(make_ensembles.SNAPSHOT_SEEDS), make_ensembles.CYCLES, new),
        "colors": (new,),
        "labels": (new,),
        "objects": (seeds, things, 10),
        "object_labels": (things,),
    }
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert about["images"] == {"training": make_ensembles.N_TRAIN, "new": new}
    assert about["parameters"] == [network().count_params(), network(classes=10, by_heart=True).count_params()]
    assert min(about["objects"]["known"]) > 0.95
    assert about["processor_seconds"] > 0 and set(about["versions"]) >= {"keras", "tensorflow", "python"}


def test_first_view_is_the_image_as_it_is(stored):
    _, arrays = stored
    assert make_ensembles.VIEWS[0] == (0, False)
    np.testing.assert_array_equal(arrays["views"][0], arrays["seeds"][0])


def test_members_beat_chance_and_differ(stored):
    _, arrays = stored
    for name in ("seeds", "bags", "snapshots"):
        members = arrays[name].reshape(-1, arrays[name].shape[-1])
        assert (((members > 0) == arrays["labels"]).mean(axis=1) > 0.7).all(), name
        assert len({member.tobytes() for member in members}) == len(members), name
    assert ((arrays["objects"].argmax(axis=2) == arrays["object_labels"]).mean(axis=1) > 0.3).all()


def test_rate_jumps_up_at_the_beginning_of_each_cycle():
    rates = restarted(40, 4, rate=0.5)
    np.testing.assert_allclose(rates[::10], 0.5)
    for cycle in rates.reshape(4, 10):
        assert (np.diff(cycle) < 0).all() and cycle[-1] < 0.02
    np.testing.assert_allclose(restarted(6, 1)[3], make_ensembles.RATE / 2)


def test_views_are_the_eight_ways_to_lay_a_square_on_itself():
    images = np.arange(18).reshape(2, 3, 3, 1)
    views = [view(images, *each) for each in make_ensembles.VIEWS]
    assert len({each.tobytes() for each in views}) == 8
    np.testing.assert_array_equal(views[0], images)
    np.testing.assert_array_equal(view(images, 0, True)[1, 0, :, 0], [11, 10, 9])
    np.testing.assert_array_equal(view(images, 1, False)[0, 0, :, 0], [2, 5, 8])


def test_training_keeps_the_weights_of_each_cycle_and_ends_with_the_last():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 32, 32, 3)).astype(np.float32), np.arange(32) % 2
    model, weights = trained(x, y, seed=0, epochs=2, cycles=2)
    assert len(weights) == 2
    for kept, last in zip(weights[-1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, last)
    assert any(not np.array_equal(*pair) for pair in zip(*weights, strict=True))
    with pytest.raises(ValueError, match="3 epochs cannot be split into 2 cycles"):
        trained(x, y, seed=0, epochs=3, cycles=2)


def test_members_that_learn_by_heart_are_not_flipped_and_have_a_weight_for_each_place():
    model = network(classes=10, by_heart=True)
    assert "RandomFlip" not in [type(layer).__name__ for layer in model.layers] and model.output_shape == (None, 10)
    assert model.layers[-1].count_params() == (4 * 4 * make_ensembles.MAPS[-1] + 1) * 10
    assert type(network().layers[0]).__name__ == "RandomFlip" and network().output_shape == (None, 1)
    assert network().layers[-1].count_params() == make_ensembles.MAPS[-1] + 1


def test_average_over_views_is_one_of_probabilities(tmp_path):
    logits = np.zeros((2, 8, 3), np.float16)
    logits[0, :4], logits[0, 4:] = 4, -2
    made = {"views": logits, "seeds": logits[:, 0]}
    write(tmp_path / "x.npz", {"data": "some"}, np.array([0, 1, 1]), made)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as archive:
        probability = 1 / (1 + np.exp(-archive["all_views"].astype(float)))
        assert archive["views"].shape == (8, 3) and json.loads(bytes(archive["about"])) == {"data": "some"}
    expected = (1 / (1 + np.exp(-4)) + 1 / (1 + np.exp(2))) / 2
    np.testing.assert_allclose(probability, [[expected] * 3, [0.5] * 3], atol=1e-3)


def test_kept_measurements_of_both_data_sets_do_not_mix(tmp_path):
    def seeds(seed):
        return {"views": seed}

    assert Kept(tmp_path, "one")(seeds, seed=1) != Kept(tmp_path, "one")(seeds, seed=2)
    assert len(list(tmp_path.iterdir())) == 2


def test_command_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("source_lib.data.patchcam.find_patchcam", lambda: None)
    assert main(["--output", str(tmp_path / "x.npz"), "--work", str(tmp_path / "work")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Nothing was trained.") and "CNN_COURSE_DATA names the folder" in error
    assert not (tmp_path / "x.npz").exists()
