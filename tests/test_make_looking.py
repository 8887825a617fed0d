"""What is looked at inside a network: each map against another way to compute it."""

import json
import os

import numpy as np
import pytest

from book import make_looking
from book.make_looking import LAST, OUTPUT, Probe, box_share, collage, half_share, occluded, softmax
from source_lib.pretrained.efficientnet_lite import imagenet_names, installed, load_efficientnet_lite0


@pytest.fixture(scope="module")
def kept():
    with np.load(OUTPUT, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return arrays, json.loads(bytes(arrays.pop("about")))


@pytest.fixture(scope="module")
def probe():
    if not installed() and os.environ.get("CI"):
        pytest.fail("CI needs the extra transfer.")
    if not installed():
        pytest.skip("the extra transfer is not installed, so there are no weights of ImageNet here")
    return Probe(load_efficientnet_lite0())


@pytest.fixture(scope="module")
def classes():
    return [imagenet_names().index(name) for name in ("Egyptian cat", "espresso")]


def test_heat_at_the_last_maps_is_the_score_divided_among_the_places(probe, classes):
    image = collage()
    found, average = probe.heat(LAST, image, classes)
    inner = probe.responses(LAST, image[None])[0]
    kernel, bias = probe.model.get_layer("logits").get_weights()
    divided = np.einsum("rsc,ck->krs", inner, kernel[:, classes])
    np.testing.assert_allclose(found, np.maximum(divided, 0) / 49, atol=1e-5)
    np.testing.assert_allclose(
        divided.mean(axis=(1, 2)) + bias[classes], probe.scores(image[None])[0, classes], atol=1e-4
    )
    np.testing.assert_allclose(average, inner.mean(axis=-1), atol=1e-6)
    assert (found > 0).any(axis=(1, 2)).all() and (divided < 0).any()


def test_heat_at_an_inner_layer_has_the_weights_that_small_changes_show(probe, classes):
    import keras

    layer = "block10_add"
    image = collage()
    inner = probe.responses(layer, image[None])
    # The rest of the network, from the inner maps to the scores.
    rest = keras.Model(probe.model.get_layer(layer).output, probe.model.output)
    step = 1e-2 * np.abs(inner).max()
    heat, _ = probe.heat(layer, image, classes)
    weights = []
    for channel in range(inner.shape[-1]):
        moved = np.repeat(inner, 2, axis=0)
        moved[0, ..., channel] += step
        moved[1, ..., channel] -= step
        weights.append(moved)
    scores = rest.predict(np.concatenate(weights), verbose=0)[:, classes].reshape(-1, 2, len(classes))
    # Moved everywhere at once, so that the difference is the sum of the slopes over all places.
    slopes = (scores[:, 0] - scores[:, 1]) / (2 * step) / inner[0, ..., 0].size
    expected = np.maximum(np.einsum("rsc,ck->krs", inner[0], slopes), 0)
    for one, other in zip(heat, expected, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


def test_occlusion_is_what_one_covered_image_loses(probe, classes):
    image = collage()
    lost = occluded(probe, image, classes)
    assert lost.shape == (2, 12, 12)
    covered = image.copy()
    covered[32:80, 64:112] = 127
    before, after = softmax(probe.scores(np.stack([image, covered])))[:, classes]
    np.testing.assert_allclose(lost[:, 2, 4], before - after, atol=1e-5)


def test_what_is_kept_is_what_the_network_says(probe, classes, kept):
    arrays, about = kept
    found, average = probe.heat(LAST, collage(), classes)
    np.testing.assert_allclose(arrays[f"gradcam collage {LAST}"], found, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(arrays[f"mean collage {LAST}"], average, rtol=2e-3, atol=2e-3)
    chances = softmax(probe.scores(collage()[None]))[0, classes]
    np.testing.assert_allclose(about["collage"]["probabilities"], chances, atol=2e-4)
    np.testing.assert_allclose(arrays["filters"], probe.model.get_layer("stem_conv").get_weights()[0], atol=2e-3)


def test_random_scores_leave_the_average_of_the_maps_as_it_is(probe, classes, monkeypatch):
    monkeypatch.setattr(make_looking, "RANDOM_SEEDS", (0,))
    monkeypatch.setattr(make_looking, "RANDOM_STEPS", ("scores", "block 11"))
    before = probe.model.get_weights()
    first, second = make_looking.randomized(probe, collage(), classes)
    assert first["mean"] == 1 and first["gradcam"] < 0.9 and second["mean"] < 1
    assert all(np.array_equal(one, other) for one, other in zip(before, probe.model.get_weights(), strict=True))


def test_every_layer_has_a_depth_and_steps_go_down():
    names = ["stem_conv", "stem_conv_bn", "block0_depthwise", "block15_project_bn", "head_conv", "logits"]
    assert [make_looking._depth(name) for name in names] == [0, 0, 1, 16, 17, 18]
    reached = [make_looking._reached(step) for step in make_looking.RANDOM_STEPS]
    assert reached == sorted(reached, reverse=True) and reached[0] == 18 and reached[-1] == 0


@pytest.mark.parametrize(
    ("heat", "share"), [([[1], [0]], 1), ([[0], [1]], 0), ([[1], [5], [1]], 0.5), ([[0], [0]], 0.5), ([[3], [1]], 0.75)]
)
def test_share_of_a_half(heat, share):
    assert half_share(np.array(heat, float), top=True) == pytest.approx(share)
    assert half_share(np.array(heat, float), top=False) == pytest.approx(1 - share)


def test_share_of_a_box():
    inside, box = box_share(np.ones((7, 7)), (0, 0.5, 0.25, 0.75))
    assert inside == pytest.approx(box) == pytest.approx(0.25)
    left = np.zeros((7, 7))
    left[:, 0] = 1
    assert box_share(left, (0, 1, 0.5, 1))[0] < 1e-6 and box_share(left, (0, 1, 0, 0.5))[0] > 0.999


def test_patches_are_what_lies_below_the_strongest_place():
    image = np.zeros((224, 224, 3), np.float32)
    image[64:96, 128:160] = 255
    response = np.zeros((7, 7))
    response[2, 4] = 1
    assert make_looking._crop(image, response, field=20, stride=32).min() == 255
    response[2, 4], response[0, 0] = 0, 1
    assert make_looking._crop(image, response, field=20, stride=32).max() == 0


def test_receptive_fields_are_those_of_the_layers_before():
    found = make_looking.fields()
    assert found["stem_relu"] == (3, 2)
    # 3 of the stem; 2 * 2 of block 0; 2 * 2 and 2 * 4 of blocks 1 and 2.
    assert found["block2_add"] == (3 + 4 + 4 + 8, 4)
    assert found["head_relu"][1] == 32


def test_both_photographs_are_in_each_arrangement():
    above, below = collage("chelsea"), collage("coffee")
    np.testing.assert_array_equal(above[:112], below[112:])
    np.testing.assert_array_equal(collage(flip=True)[:112], above[:112, ::-1])
    np.testing.assert_array_equal(collage(mirror=True)[112:], above[112:, ::-1])


def test_command_says_why_it_made_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert make_looking.main(["--output", str(tmp_path / "x.npz")]) == 1
    error = capsys.readouterr().err
    assert "Nothing was looked at." in error and "pip install 'cnn-course[transfer]'" in error
    assert not list(tmp_path.iterdir())
