"""What is trained for the chapter CNN or transformer: its pieces one by one, and the file against its settings."""

import json

import numpy as np
import pytest

from book import make_transformer
from book.make_transfer import Images
from book.make_transformer import TASKS, Task, build, keep_weights, main, measurements, rearranged, transformer
from book.stored import Kept

SMALL = Task(8, 1, 4, 8, 1, 2, (4, 4), {20: 1, 40: 1}, 40, False)


@pytest.fixture(scope="module")
def stored():
    about, *lines = (json.loads(line) for line in make_transformer.OUTPUT.read_text().splitlines())
    return about, lines


def test_file_holds_every_training_that_the_settings_name(stored):
    about, lines = stored
    sizes = [line for line in lines if line["what"] == "size"]
    for data, task in TASKS.items():
        for kind in ("cnn", "transformer"):
            found = {(line["count"], line["seed"]) for line in sizes if (line["data"], line["kind"]) == (data, kind)}
            assert found == {(count, seed) for count in task.sizes for seed in make_transformer.SEEDS}
    assert all(0.1 < line["test"] < 1 for line in sizes)
    assert about["tasks"].keys() == TASKS.keys() and about["processor_seconds"] > 0
    assert set(about["versions"]) >= {"keras", "tensorflow", "python"}


def test_rates_were_chosen_on_validation_images_with_another_draw(stored):
    _, lines = stored
    tried = [line for line in lines if line["what"] == "rate"]
    assert all("test" not in line and line["seed"] not in make_transformer.SEEDS for line in tried)
    for line in lines:
        if line["what"] == "size":
            rates = {each["rate"]: each["valid"] for each in tried if each["data"] == line["data"]
                     and each["kind"] == line["kind"]}  # fmt: skip
            assert rates[line["rate"]] == max(rates.values())


def test_both_networks_are_of_about_the_same_size():
    for task in TASKS.values():
        sizes = [build(kind, task).count_params() for kind in ("cnn", "transformer")]
        assert max(sizes) < 1.25 * min(sizes)


def test_transformer_has_the_parameters_of_the_formula():
    task, d = TASKS["MNIST"], TASKS["MNIST"].width
    tokens = (task.side // task.patch) ** 2
    inner = 4 * (d * d + d) + (2 * d * d + 2 * d) + (2 * d * d + d) + 4 * d
    expected = (task.patch**2 + 1) * d + tokens * d + task.depth * inner + 2 * d + 10 * (d + 1)
    assert transformer(task).count_params() == expected
    assert transformer(task, positions=False).count_params() == expected - tokens * d


def test_without_positions_the_order_of_patches_does_not_matter():
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype(np.float32)
    mixed = rearranged(images, 4, seed=0)
    assert not np.array_equal(images, mixed)
    for positions in (False, True):
        model = transformer(SMALL, positions)
        if positions:
            model.get_layer("positions").vectors.assign(np.eye(4, 8))
        one, other = (np.asarray(model(x)) for x in (images, mixed))
        assert np.allclose(one, other, atol=1e-4) != positions


def test_patches_are_moved_whole_and_alike_for_all_images():
    images = np.arange(2 * 36).reshape(2, 6, 6, 1)
    moved = rearranged(images, 3, seed=0)
    order = np.random.default_rng(0).permutation(4)
    for image, new in zip(images[..., 0], moved[..., 0], strict=True):
        patches = [image[:3, :3], image[:3, 3:], image[3:, :3], image[3:, 3:]]
        np.testing.assert_array_equal(new, np.block([[patches[k] for k in order[:2]], [patches[k] for k in order[2:]]]))
    with pytest.raises(ValueError, match="6 pixels cannot be cut into patches of 4"):
        rearranged(images, 4, seed=0)


def test_unknown_network_is_named():
    with pytest.raises(ValueError, match="'rnn'. Use 'cnn', 'transformer' or 'no positions'"):
        build("rnn", SMALL)


@pytest.fixture
def eager():
    """Without graphs, which take longer to trace than these networks take to train."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.long
def test_small_trainings_are_made_once_and_their_weights_are_kept(tmp_path, monkeypatch, eager):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8), np.arange(40) % 10
    images = {"drawn": Images(x, y, x[:10], y[:10], x[:10], y[:10])}
    monkeypatch.setattr(make_transformer, "RATES", (1e-3,))
    monkeypatch.setattr(make_transformer, "LONGER", 2)
    settings = {"tasks": {"drawn": SMALL}, "seeds": (0,), "rearrange": ("drawn", 20)}
    lines = [*measurements(images, Kept(tmp_path, "drawn"), **settings)]
    assert [line["what"] for line in lines] == ["rate"] * 2 + ["size"] * 4 + ["rearranged"] * 4 + ["longer"] * 2
    assert [(line["kind"], line["order"]) for line in lines[6:10]] == [
        *(("cnn", 0), ("transformer", 0), ("no positions", -1), ("no positions", 0))
    ]
    assert [line["epochs"] for line in lines[10:]] == [make_transformer.LONGER] * 2
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert [*measurements(images, Kept(tmp_path, "drawn"), **settings)] == lines
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    with np.load(tmp_path / make_transformer.WEIGHTS.name, allow_pickle=False) as archive:
        model = transformer(SMALL)
        for layer in model.layers:
            assert [weight.shape for weight in layer.get_weights()] == [
                archive[f"{layer.name}/{k}"].shape for k in range(len(layer.weights))
            ]


def test_weights_are_kept_under_the_names_of_their_layers(tmp_path):
    model = transformer(SMALL)
    keep_weights(tmp_path / "w.npz", model)
    with np.load(tmp_path / "w.npz", allow_pickle=False) as archive:
        np.testing.assert_allclose(archive["head/0"], model.get_layer("head").get_weights()[0], atol=1e-3)
        assert archive["positions/0"].shape == (4, 8)


def test_command_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    assert main(["--output", str(tmp_path / "x.jsonl"), "--work", str(tmp_path / "work")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Nothing was measured.") and "names the folder with mnist.npz" in error
    assert not (tmp_path / "x.jsonl").exists()
