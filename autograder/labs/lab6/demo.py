"""The sample class of lab 6."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from autograder.checking.sample_class import Sample, SampleClass, edit, together
from source_lib.masks import packed

Files = Callable[[Mapping[str, Any]], Mapping[str, bytes]]


def _as_by_hand(material: Mapping[str, Any], part: float, seed: int = 0) -> np.ndarray:
    """Return masks in which some blocks of pixels are wrong, as those of a network are."""
    truth = material["masks"]
    rng = np.random.default_rng(seed)
    count, rows, columns = truth.shape
    wrong = np.kron(rng.random((count, rows // 4, columns // 4)) < part, np.ones((4, 4), bool))
    return (truth > 0) ^ wrong


def _packed(part: float, change: Callable[[np.ndarray], np.ndarray] = lambda masks: masks) -> Files:
    return lambda material: {"masks.npz": packed(change(_as_by_hand(material, part)))}


def _picture(material: Mapping[str, Any]) -> Mapping[str, bytes]:
    masks = _as_by_hand(material, 0.03, 1)
    file = io.BytesIO()
    Image.fromarray(masks.reshape(-1, masks.shape[2]) * np.uint8(255)).save(file, "PNG")
    return {"masks.png": file.getvalue()}


SAMPLE_CLASS = SampleClass(
    written="The worst images are dark glands. Three seeds each; I worked alone.",
    samples=(
        Sample("01-all-right", (24, 24), files=_packed(0.04)),
        Sample(
            "02-pooled-and-mask-not-moved",
            (22, 23),
            frozenset(("dice", "augment")),
            together(
                edit("dice", "float(np.mean(overlaps))", "float(2 * common.sum() / max(areas.sum(), 1))"),
                edit("augment", "scipy.ndimage.map_coordinates(mask, order=0, **where)", "mask.copy()"),
            ),
            files=_picture,
        ),
        Sample("03-inverted", (18, 18), frozenset(("masks",)), files=_packed(0.04, lambda masks: ~masks)),
        Sample(
            "04-no-skips-and-early-stop",
            (18, 22.5),
            frozenset(("build_unet", "should_stop", "masks")),
            together(
                edit(
                    "build_unet",
                    "layers.Concatenate()([fine, layers.Conv2DTranspose(depth, 2, strides=2)(h)])",
                    "layers.Conv2DTranspose(depth, 2, strides=2)(h)",
                ),
                edit("should_stop", "len(watched) - winner > patience", "len(watched) - winner >= patience"),
            ),
            files=_packed(0.2),
        ),
    ),
)
