"""The best network that is at hand is chosen, and said."""

import socket
import urllib.error

import pytest

from source_lib.pretrained import Backbone, WeightsError, backbone, efficientnet_lite, load_backbone


@pytest.fixture
def at_hand(monkeypatch, tmp_path):
    """Say what is installed and whether the server of MobileNetV2 answers; Keras' cache is empty."""
    asked = []

    def set_up(extra, online):
        def answer(request, timeout):
            asked.append(request.full_url)
            if not online:
                raise urllib.error.URLError(socket.gaierror("no name"))
            return open("/dev/null", "rb")

        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        monkeypatch.setattr(efficientnet_lite, "installed", lambda: extra)
        monkeypatch.setattr("urllib.request.urlopen", answer)
        return asked

    return set_up


@pytest.fixture
def drawn_weights(monkeypatch):
    """MobileNetV2 as Keras builds it, with weights that need no download."""
    import keras

    build = keras.applications.MobileNetV2

    def undownloaded(**options):
        assert options.pop("weights") == "imagenet"
        return build(weights=None, **options)

    monkeypatch.setattr("keras.applications.MobileNetV2", undownloaded)


def test_the_real_one_is_taken_where_it_is_installed(at_hand, capsys):
    if not efficientnet_lite.installed():
        pytest.skip("the extra transfer is not installed, so there are no weights of ImageNet here")
    asked = at_hand(extra=True, online=True)
    found = load_backbone(96)
    assert found.title == "EfficientNet-Lite0, trained on ImageNet"
    assert (found.side, found.offset, found.scale) == (96, 127, 128)
    assert found.model.output_shape == (None, 3, 3, 1280)
    assert capsys.readouterr().out == "Backbone: EfficientNet-Lite0, trained on ImageNet; images of 96×96.\n"
    assert asked == [], "nothing is asked of a server that is not needed"
    load_backbone(32, verbose=False)
    assert capsys.readouterr().out == ""


def test_online_without_the_extra_it_is_mobilenet(at_hand, drawn_weights, capsys):
    asked = at_hand(extra=False, online=True)
    found = load_backbone(96)
    assert found.title == "MobileNetV2, trained on ImageNet"
    assert (found.offset, found.scale) == (127.5, 127.5)
    assert found.model.output_shape == (None, 3, 3, 1280)
    assert "Backbone: MobileNetV2" in capsys.readouterr().out
    assert asked and asked[0].startswith("https://storage.googleapis.com/")


def test_what_keras_has_downloaded_is_taken_without_a_network(at_hand, drawn_weights, tmp_path):
    asked = at_hand(extra=False, online=False)
    cached = tmp_path / "models" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5"
    cached.parent.mkdir()
    cached.touch()
    assert load_backbone(96, verbose=False).name == "MobileNetV2"
    assert asked == []


@pytest.mark.parametrize(
    ("side", "online", "why"),
    [(96, False, "cannot be downloaded"), (64, True, "no MobileNetV2 for images of this side")],
)
def test_where_neither_is_there_the_small_one_says_that_it_is_no_real_one(at_hand, capsys, side, online, why):
    at_hand(extra=False, online=online)
    found = load_backbone(side, verbose=False)
    assert found.title == "Small network of the course, trained on 24 kinds of drawn shapes"
    out = capsys.readouterr().out
    assert "It takes the place of a real one" in out and why in out and "pip install 'cnn-course[transfer]'" in out
    assert found.model.input_shape == (None, side, side, 3) and (found.offset, found.scale) == (127.5, 127.5)


def test_an_extra_that_is_damaged_is_not_passed_over(at_hand, monkeypatch):
    at_hand(extra=True, online=True)

    def damaged(side, top):
        raise WeightsError("it is damaged")

    monkeypatch.setattr(efficientnet_lite, "load_efficientnet_lite0", damaged)
    with pytest.raises(WeightsError, match="it is damaged"):
        load_backbone()


def test_one_that_is_requested_and_not_there_is_an_error(at_hand):
    at_hand(extra=False, online=False)
    with pytest.raises(WeightsError, match=r"its server cannot be reached\. Connect to the internet, or install"):
        load_backbone(96, "mobilenet")
    with pytest.raises(ValueError, match=r"96, 128, 160, 192, 224 pixels; got 100"):
        load_backbone(100, "mobilenet")
    with pytest.raises(ValueError, match="There is no source 'resnet'"):
        load_backbone(96, "resnet")


def test_a_download_that_fails_is_one_sentence(at_hand, monkeypatch):
    at_hand(extra=False, online=True)

    def broken(**options):
        raise OSError("the connection broke\nTraceback of something")

    monkeypatch.setattr("keras.applications.MobileNetV2", broken)
    with pytest.raises(WeightsError, match=r"could not be loaded: the connection broke\. Delete") as error:
        load_backbone(96, "mobilenet")
    assert "\n" not in str(error.value)


def test_a_server_that_does_not_answer_does_not_hold_anybody_up(monkeypatch):
    waited = []

    def silent(request, timeout):
        waited.append(timeout)
        raise TimeoutError

    monkeypatch.setattr("urllib.request.urlopen", silent)
    assert not backbone._online()
    assert waited == [backbone.CONNECT_SECONDS]


def test_a_backbone_is_a_value():
    assert Backbone(None, "A", "B", 32, 0.0, 1.0).title == "A, trained on B"
