"""Choose a network that was trained before, and say which one it is."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from source_lib.data.locations import keras_cache
from source_lib.pretrained import efficientnet_lite, small_network
from source_lib.pretrained.torch_file import WeightsError

if TYPE_CHECKING:
    import keras

#: Where Keras downloads MobileNetV2 from, and the sides that it has weights for.
MOBILENET_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
MOBILENET_SIDES = (96, 128, 160, 192, 224)
_MOBILENET_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{side}_no_top.h5"
#: Seconds until a server that does not answer counts as out of reach.
CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Backbone:
    """A network without its last layer, and what one has to know to use it.

    Attributes
    ----------
    model : keras.Model
        From images [N, side, side, 3] to maps [N, height, width, channels]. All its layers are trainable.
    name : str
        What the network is called.
    trained_on : str
        What it was trained with.
    side : int
        Height and width of the images that this model takes.
    offset, scale : float
        What its images were prepared with when it was trained: bytes, minus the offset, divided by the scale.
    """

    model: keras.Model
    name: str
    trained_on: str
    side: int
    offset: float
    scale: float

    @property
    def title(self) -> str:
        """The network and what it was trained with, for figures and tables."""
        return f"{self.name}, trained on {self.trained_on}"


def load_backbone(side: int = 96, source: str = "auto", *, verbose: bool = True) -> Backbone:
    """Return a network that was trained before, without its last layer: the best one that is at hand.

    Parameters
    ----------
    side : int
        Height and width of the images. EfficientNet-Lite0 takes multiples of 32, MobileNetV2 96, 128, 160, 192 and 224,
        the small network multiples of 8; 96 suits all three.
    source : {"auto", "efficientnet", "mobilenet", "small"}
        ``"efficientnet"`` is EfficientNet-Lite0 with ImageNet's weights, from the extra ``transfer``. ``"mobilenet"``
        is MobileNetV2 with ImageNet's weights, from Keras' cache or downloaded. ``"small"`` comes with the course:
        it was trained on drawn shapes, and results with it say little about the others. ``"auto"`` takes the first of
        them that is there. A result belongs to one of them: write its ``title`` next to it.
    verbose : bool
        Whether to print which one it is. A small network that takes the place of a real one is always announced.

    Returns
    -------
    Backbone
        The network, with what its images have to look like.

    Raises
    ------
    ValueError
        If the network does not take images of this side, or there is no such source.
    WeightsError
        If the one that was requested is not there, or its weights are damaged. An extra that is installed and damaged
        is never passed over in silence.

    Examples
    --------
    >>> backbone = load_backbone(32, "small", verbose=False)
    >>> backbone.model.output_shape, backbone.title
    ((None, 4, 4, 128), 'Small network of the course, trained on 24 kinds of drawn shapes')
    """
    makers: dict[str, Callable[[int], Backbone]] = {
        "efficientnet": _efficientnet,
        "mobilenet": _mobilenet,
        "small": _small,
    }
    if source != "auto" and source not in makers:
        raise ValueError(f"There is no source {source!r}. Use 'auto', {', '.join(map(repr, makers))}.")
    chosen, reason = source, ""
    if source == "auto":
        chosen, reason = _choose(side)
    backbone = makers[chosen](side)
    if verbose or reason:
        print(f"Backbone: {backbone.title}; images of {side}×{side}.{reason}")
    return backbone


def _choose(side: int) -> tuple[str, str]:
    """Return which network is at hand, and where it is the last one why the others are not."""
    if efficientnet_lite.installed():
        return "efficientnet", ""
    if side in MOBILENET_SIDES and (_cache(side).is_file() or _online()):
        return "mobilenet", ""
    missing = "the extra is not installed, and MobileNetV2 cannot be downloaded"
    if side not in MOBILENET_SIDES:
        missing = "the extra is not installed, and there is no MobileNetV2 for images of this side"
    return "small", (
        f" It takes the place of a real one: {missing}. Expect much less of it; for the real one: "
        "pip install 'cnn-course[transfer]'"
    )


def _efficientnet(side: int) -> Backbone:
    model = efficientnet_lite.load_efficientnet_lite0(side, top=False)
    scaling = (efficientnet_lite.OFFSET, efficientnet_lite.SCALE)
    return Backbone(model, "EfficientNet-Lite0", "ImageNet", side, *scaling)


def _mobilenet(side: int) -> Backbone:
    import keras

    if side not in MOBILENET_SIDES:
        raise ValueError(
            f"MobileNetV2 has weights for images of {', '.join(map(str, MOBILENET_SIDES))} pixels; got {side!r}."
        )
    if not _cache(side).is_file() and not _online():
        raise WeightsError(
            "MobileNetV2 is not in Keras' cache, and its server cannot be reached. Connect to the internet, or install "
            "the course's own copy of a network: pip install 'cnn-course[transfer]'"
        )
    try:
        model = keras.applications.MobileNetV2(input_shape=(side, side, 3), include_top=False, weights="imagenet")
    # Keras passes on whatever urllib, h5py and TensorFlow raise.
    except Exception as error:
        reason, *_ = [*str(error).splitlines(), type(error).__name__]
        raise WeightsError(
            f"MobileNetV2 could not be loaded: {reason}. Delete {_cache(side)} if it is there, and try again."
        ) from None
    return Backbone(model, "MobileNetV2", "ImageNet", side, 127.5, 127.5)


def _small(side: int) -> Backbone:
    model = small_network.load_small_network(side, top=False)
    classes = len(small_network.SHAPES) * len(small_network.FILLINGS)
    scaling = (small_network.OFFSET, small_network.SCALE)
    return Backbone(model, "Small network of the course", f"{classes} kinds of drawn shapes", side, *scaling)


def _cache(side: int) -> Path:
    """Return where Keras keeps the weights of MobileNetV2 once they have been downloaded."""
    return keras_cache().parent / "models" / _MOBILENET_FILE.format(side=side)


def _online() -> bool:
    """Return whether the server of MobileNetV2 answers, soon."""
    request = urllib.request.Request(MOBILENET_URL + _MOBILENET_FILE.format(side=MOBILENET_SIDES[0]), method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=CONNECT_SECONDS):
            return True
    except (OSError, http.client.HTTPException):
        return False
