"""What each function of arrays may be asked: the regions of its inputs, as the notebook describes them."""

from __future__ import annotations

import numpy as np

from autograder.checking.domain import Domain, Regions
from autograder.labs.lab6.drawing import KINDS, Rng, draw_families, draw_history, draw_mask, draw_opposites, draw_scores

_SIZES = ((1, 1), (1, 6), (5, 1), (4, 4), (3, 8), (9, 5), (16, 16))
_FORMS = ("uint8", "int64", "float64", "bool", "mixed", "negative", "positive", "large", "ties")


def _predicted(rng: Rng, labels: np.ndarray, form: str) -> np.ndarray:
    """Return labels of a type, or scores of a kind."""
    if form in ("uint8", "int64", "float64", "bool"):
        return labels.astype(form)
    return draw_scores(rng, labels, form).astype(str(rng.choice(["float32", "float64"])))


def _draw_masks(rng: Rng, at: Regions) -> tuple:
    shape = (at["images"], *at["size"])
    truth = np.stack([draw_mask(rng, at["truth"], *shape[1:]) for _ in range(shape[0])])
    if at["pred"] == "right":
        labels = truth.copy()
    elif at["pred"] == "wrong":
        labels = 1 - truth
    else:
        labels = np.stack([draw_mask(rng, at["pred"], *shape[1:]) for _ in range(shape[0])])
    if at["mixed"] and shape[0] > 1:
        # Not all images of a batch are of a kind.
        truth[0] = draw_mask(rng, "few", *shape[1:])
        labels[0] = truth[0] if at["pred"] == "right" else draw_mask(rng, "some", *shape[1:])
    return _predicted(rng, labels, at["form"]), truth.astype(at["dtype"]), at["per_image"], at["iou"]


def _any_masks(rng: Rng) -> tuple:
    shape = (int(rng.integers(1, 7)), *(int(n) for n in rng.integers(1, 10, 2)))
    labels, truth = (
        np.stack([draw_mask(rng, str(rng.choice(KINDS)), *shape[1:]) for _ in range(shape[0])]) for _ in range(2)
    )
    form, dtype = str(rng.choice(_FORMS)), str(rng.choice(["uint8", "int64", "float32", "bool"]))
    flags = (bool(rng.random() < 0.5), bool(rng.random() < 0.5))
    return _predicted(rng, labels, form), truth.astype(dtype), *flags


OVERLAP = Domain(
    {
        "images": (1, 2, 3, 6),
        "size": _SIZES,
        "truth": KINDS,
        "pred": (*KINDS, "right", "wrong"),
        "mixed": (False, True),
        "form": _FORMS,
        "dtype": ("uint8", "int64", "float32", "bool"),
        "per_image": (False, True),
        "iou": (False, True),
    },
    _draw_masks,
    freely=_any_masks,
    free=120,
)


def _classes(rng: Rng, kind: str, classes: int, shape: tuple[int, ...]) -> np.ndarray:
    known = {
        "all": np.arange(classes),
        "not the first": np.arange(1, classes),
        "not the last": np.arange(classes - 1),
        "one": rng.integers(0, classes, 1),
    }[kind]
    return rng.choice(known, shape)


_LOGITS = ("small", "mixed", "large", "huge", "moved up", "moved down", "equal")


def _logits(rng: Rng, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    values = rng.normal(0, 2, shape)
    # Far beyond the exponents that a float64 holds, and losses on both sides of 1.
    moved = rng.uniform(800, 1500, (*shape[:-1], 1))
    return {
        "small": values / 20,
        "mixed": values,
        "large": 10 * values,
        "huge": 2500 * values,
        "moved up": 2 * values + moved,
        "moved down": 2 * values - moved,
        "equal": np.zeros(shape) + rng.normal(0, 2),
    }[kind]


def _weights(rng: Rng, kind: str, classes: int) -> np.ndarray | None:
    drawn = rng.uniform(0.2, 3, classes)
    return {"none": None, "equal": np.full(classes, drawn[0]), "drawn": drawn, "steep": drawn**4}[kind]


def _draw_pixels(rng: Rng, at: Regions) -> tuple:
    shape = (at["images"], *at["size"])
    masks = _classes(rng, at["masks"], at["classes"], shape).astype(at["dtype"])
    logits = _logits(rng, at["logits"], (*shape, at["classes"])).astype(at["type"])
    return logits, masks, _weights(rng, at["weights"], at["classes"])


def _any_pixels(rng: Rng) -> tuple:
    classes = int(rng.integers(2, 7))
    shape = (int(rng.integers(1, 5)), *(int(n) for n in rng.integers(1, 8, 2)))
    # A batch of a single pixel is small enough to be asked often.
    shape = (1, 1, 1) if rng.random() < 0.4 else shape
    masks = _classes(rng, str(rng.choice(["all", "not the first", "not the last", "one"])), classes, shape)
    logits = _logits(rng, str(rng.choice(_LOGITS)), (*shape, classes))
    weights = _weights(rng, str(rng.choice(["none", "equal", "drawn", "steep"])), classes)
    types = str(rng.choice(["float32", "float64"])), str(rng.choice(["uint8", "int32", "int64"]))
    return logits.astype(types[0]), masks.astype(types[1]), weights


PIXELS = Domain(
    {
        "images": (1, 2, 4),
        "size": ((1, 1), (1, 5), (4, 1), (3, 3), (2, 6), (7, 4)),
        "classes": (2, 3, 5, 6),
        "masks": ("all", "not the first", "not the last", "one"),
        "logits": _LOGITS,
        "weights": ("none", "equal", "drawn", "steep"),
        "dtype": ("uint8", "int64", "int32"),
        "type": ("float32", "float64"),
    },
    _draw_pixels,
    freely=_any_pixels,
    free=200,
)


def _draw_soft(rng: Rng, at: Regions) -> tuple[np.ndarray, np.ndarray]:
    shape = (at["images"], *at["size"])
    masks = np.stack([draw_mask(rng, at["masks"], *shape[1:]) for _ in range(shape[0])])
    if at["mixed"] and shape[0] > 1:
        masks[0] = draw_mask(rng, "nothing" if masks[0].any() else "some", *shape[1:])
    # Where an image has no gland, no number above and below that is small enough may show, so sums are 0 or not small.
    p = {
        "any": rng.uniform(0.02, 0.98, shape),
        "good": 0.02 + 0.6 * masks + rng.uniform(0, 0.36, shape),
        "sure": (rng.random(shape) < 0.5).astype("float64"),
        "right": masks.astype("float64"),
        "low": rng.uniform(0.012, 0.05, shape),
        "high": rng.uniform(0.95, 0.99, shape),
        "none": np.zeros(shape),
    }[at["p"]]
    return masks, p.astype("float32")


#: What a soft loss is asked. All pairs of regions and a few of more: each costs a call of TensorFlow.
SOFT = Domain(
    {
        "images": (1, 2, 4),
        "size": ((1, 1), (1, 6), (5, 2), (4, 4), (3, 8), (9, 14)),
        "masks": KINDS,
        "mixed": (False, True),
        "p": ("any", "good", "sure", "right", "low", "high", "none"),
    },
    _draw_soft,
)


def _draw_groups(rng: Rng, at: Regions) -> tuple:
    count = {
        "least": rng.integers(4, 6),
        "few": rng.integers(6, 9),
        # What the seed decides shows in these.
        "some": rng.integers(15, 18),
        "more": rng.integers(18, 22),
        "many": rng.integers(22, 25),
    }[at["count"]]
    families = draw_families(rng, {**at, "groups": int(count)})
    first = {"zero": 0, "small": rng.integers(1, 10_000), "large": rng.integers(2**20, 2**31 - 10)}[at["seed"]]
    return *families, int(first)


#: What is split: images, the number of the group of each, and a seed.
FAMILIES = Domain(
    {
        "count": ("least", "few", "some", "more", "many"),
        "rest": (0, 1, 2, 3, 4),
        "side": (2, 3, 7, 8),
        "twins": ("none", "copies", "across", "down", "both", "all", "large"),
        "kind": ("any", "across", "down", "dark", "alike"),
        "seed": ("zero", "small", "large"),
    },
    _draw_groups,
    # So few pixels of 0 and 1, or mirrored ones, are often the same by chance.
    possible=lambda at: at.get("side", 8) > 3 or at.get("kind", "any") == "any",
)


#: Pairs that are augmented, and their images with bright and dark exchanged.
#: What turns and shifts an image by pixels needs some of them.
PAIRS = Domain(
    {
        "side": (40, 41, 64, 81, 101, 128),
        "kind": ("one", "several", "border", "pixel", "nothing", "all"),
        "dark": (False, True),
    },
    lambda rng, at: draw_opposites(rng, at["side"], at["kind"], at["dark"]),
)


_HISTORIES = ("falling", "rising", "turning", "noisy", "flat", "ties")


def _history(rng: Rng, kind: str, other: str, epochs: int, scale: float) -> dict[str, list[float]]:
    return {"loss": draw_history(rng, other, epochs, scale), "val_loss": draw_history(rng, kind, epochs, scale)}


def _draw_stop(rng: Rng, at: Regions) -> tuple:
    history = _history(rng, at["kind"], at["training"], at["epochs"], at["scale"])
    return history, at["patience"], at["min_delta"]


def _any_stop(rng: Rng) -> tuple:
    epochs = int(rng.integers(1, 31))
    kind, other = (str(rng.choice(_HISTORIES)) for _ in range(2))
    # Ties with a least step would be decided by rounding.
    delta = (
        0.0 if kind in ("ties", "flat") else float(rng.choice([0.0, rng.uniform(0.001, 0.2), rng.uniform(0.2, 0.6)]))
    )
    return _history(rng, kind, other, epochs, float(rng.choice([0.1, 1, 5]))), int(rng.integers(1, 12)), delta


STOPPING = Domain(
    {
        "kind": _HISTORIES,
        "training": ("falling", "noisy", "rising"),
        "epochs": (1, 2, 3, 6, 12, 40),
        "patience": (1, 2, 3, 5, 11),
        "min_delta": (0.0, 0.0137, 0.11, 0.37),
        "scale": (0.3, 1.0, 4.0),
    },
    _draw_stop,
    possible=lambda at: not (at.get("kind") in ("ties", "flat") and at.get("min_delta", 0) > 0),
    freely=_any_stop,
    free=150,
)
