"""What lab 6 asks of its functions of arrays, read off its text alone: what may come in, and what may go wrong.

The mutation score (`benchmarks.mutation`) judges the checks by it, so nothing here comes from them. What counts as
asked:

- ``dice``: one image or several, of any size from one pixel on; labels as integers, floats or booleans, or two scores
  of any sign and size; images without a gland, marked or not; both flags.
- ``pixel_cross_entropy``: two classes to six, scores from near 0 to thousands, integers of any type; weights or none.
- ``should_stop``: trainings of one epoch and more, losses that fall, rise, turn, jump or stay the same; a patience from
  1 on; a least step of 0 or more. Where that is more than 0, losses do not differ by exactly as much.

- ``soft_dice_loss``: one image or several, of one pixel on, with a gland or without; probabilities from 0 to 1. Those
  of an image without a gland are all 0 or add up to 0.01 at least, since the small number may be another one.
- ``split``: four groups of twins or more, alone, copied or mirrored, of images of 2×2 pixels or more; any seed. Each of
  them is split with several seeds, and what is right is judged by properties: a choice is no shuffle where all seeds
  give the same, or groups that follow each other in the data.

- ``augment``: square images of 40 pixels and more, with one gland, several, one at the border, none, a single pixel,
  or nothing else; glands brighter or darker than what is around them. Any geometry is right, so properties are judged:
  the shapes, a mask of 0 and 1 that lies where the glands of its image are, but for its edges; an image from 0 to 255,
  about as bright as before; the same for the same generator; what was given stays as it was. How often anything moves,
  and whether a mask is off by a part of a pixel, shows only in many images. `autograder.labs.lab6.faults` has such
  faults.

The other functions build networks. Their faults are there as well.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.ndimage as ndimage

from benchmarks.domain import Domain, Region, change_input, no_difference, one_of, raise_error
from tests.labs.lab6 import more_ways, ways, ways_of_augmenting, ways_of_soft_dice, ways_of_splits

Rng = np.random.Generator
#: What draws by itself, and goes on from call to call; always the same in a run of the tests.
_OWN = np.random.default_rng(0)
#: What the ways use: a changed one that misses its modules would be found for the wrong reason.
_AROUND = {
    name: value
    for module in (ways, more_ways, ways_of_augmenting, ways_of_soft_dice, ways_of_splits)
    for name, value in vars(module).items()
    if inspect.ismodule(value) and not value.__name__.startswith("tests")
}


def namespace(function: str, answer: Callable) -> dict[str, Any]:
    """Return the functions of a student, with one answer in its place and the modules that it uses around it."""
    return _AROUND | {function: answer}


# Overlap.


def _draw_overlap(rng: Rng) -> tuple:
    shape = (int(one_of(rng, (1, 2, 3, 5))), *(int(one_of(rng, (1, 2, 3, 5, 8))) for _ in range(2)))
    truth, labels = (
        np.stack([rng.random(shape[1:]) < one_of(rng, (0, 0, 0.2, 0.5, 0.8, 1)) for _ in range(shape[0])])
        for _ in range(2)
    )
    if rng.random() < 0.15:
        labels = truth.copy()
    elif rng.random() < 0.15:
        labels = ~truth
    pred = labels.astype(one_of(rng, ("uint8", "int64", "float64", "bool")))
    if rng.random() < 0.5:
        away = rng.normal(0, 1, shape) + one_of(rng, (0, 0, -8, 8, 1000))
        # Of equal scores the background wins.
        half = np.where(labels, 1, -rng.integers(0, 2, shape)) * rng.uniform(0.05, 3, shape)
        pred = np.stack([away - half, away + half], axis=-1).astype(one_of(rng, ("float32", "float64")))
    truth = truth.astype(one_of(rng, ("uint8", "int32", "float32", "bool")))
    return pred, truth, bool(rng.random() < 0.5), bool(rng.random() < 0.5)


def _labels(pred: np.ndarray) -> np.ndarray:
    return np.argmax(pred, axis=-1) > 0 if pred.ndim == 4 else pred > 0


def _counts(pred: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, ...]:
    mine, right = _labels(pred), truth > 0
    return tuple(np.array([int(np.sum(one[k])) for k in range(len(mine))]) for one in (mine & right, mine, right))


def _solve_overlap(pred: np.ndarray, truth: np.ndarray, per_image: bool, iou: bool) -> np.ndarray:
    found = []
    for both, a, b in zip(*_counts(pred, truth), strict=True):
        found.append(1.0 if a + b == 0 else both / (a + b - both) if iou else both / ((a + b) / 2))
    return np.array(found) if per_image else np.array(np.mean(found))


def _with(each: Callable) -> Callable:
    """Return a wrong answer by what it makes of three counts of an image."""

    def wrong(value: Any, arguments: Sequence) -> np.ndarray:
        pred, truth, per_image, iou = arguments
        found = []
        for both, a, b in zip(*_counts(pred, truth), strict=True):
            d = float(each(both, a, b, truth[0].size))
            found.append(d / (2 - d) if iou else d)
        return np.array(found) if per_image else np.array(np.mean(found))

    return wrong


def _pooled(value: Any, arguments: Sequence) -> np.ndarray:
    pred, truth, per_image, iou = arguments
    if per_image:
        return value
    both, a, b = (int(one.sum()) for one in _counts(pred, truth))
    d = 1.0 if a + b == 0 else 2 * both / (a + b)
    return np.array(d / (2 - d) if iou else d)


_OVERLAP_REGIONS = {
    "one image": Region("images", lambda p, t, e, j: len(t) == 1),
    "several images": Region("images", lambda p, t, e, j: len(t) > 1),
    "labels": Region("form", lambda p, t, e, j: p.ndim == 3),
    "scores": Region("form", lambda p, t, e, j: p.ndim == 4),
    "scores below 0": Region("signs", lambda p, t, e, j: p.ndim == 4 and p.max() < 0),
    "scores above 0": Region("signs", lambda p, t, e, j: p.ndim == 4 and p.min() > 0),
    "boolean labels": Region("signs", lambda p, t, e, j: p.dtype == bool),
    "labels as floats": Region("signs", lambda p, t, e, j: p.ndim == 3 and p.dtype.kind == "f"),
    "of each image": Region("result", lambda p, t, e, j: e),
    "the mean": Region("result", lambda p, t, e, j: not e),
    "Dice": Region("index", lambda p, t, e, j: not j),
    "intersection over union": Region("index", lambda p, t, e, j: j),
    "an image without a gland": Region("glands", lambda p, t, e, j: (t.reshape(len(t), -1).sum(1) == 0).any()),
    "nothing but glands": Region("glands", lambda p, t, e, j: (t > 0).all()),
    "nothing marked anywhere": Region("marked", lambda p, t, e, j: not _labels(p).any()),
    "everything marked": Region("marked", lambda p, t, e, j: _labels(p).all()),
    "all right": Region("marked", lambda p, t, e, j: (_labels(p) == (t > 0)).all()),
    "one row": Region("size", lambda p, t, e, j: t.shape[1] == 1),
    "tall": Region("size", lambda p, t, e, j: t.shape[1] > t.shape[2]),
    "wide": Region("size", lambda p, t, e, j: t.shape[1] < t.shape[2]),
    "boolean truth": Region("type", lambda p, t, e, j: t.dtype == bool),
    "truth as integers": Region("type", lambda p, t, e, j: t.dtype.kind in "iu"),
}
_OVERLAP_WRONGS = {
    "forgets the factor": _with(lambda both, a, b, n: both / max(1, a + b)),
    "adds 1 above and below": _with(lambda both, a, b, n: (2 * both + 1) / (a + b + 1)),
    "gives 0 for nothing": _with(lambda both, a, b, n: 2 * both / max(1, a + b)),
    "gives 1 wherever there is no gland": _with(lambda both, a, b, n: 1 if b == 0 else 2 * both / (a + b)),
    "gives the recall": _with(lambda both, a, b, n: both / b if b else 1),
    "gives the accuracy": _with(lambda both, a, b, n: (n - a - b + 2 * both) / n),
    "counts all images as one": _pooled,
    "takes the other score": lambda value, a: _solve_overlap(
        a[0][..., ::-1] if a[0].ndim == 4 else a[0], np.asarray(a[1]), *a[2:]
    ),
    "takes scores above 0": lambda value, a: _solve_overlap(
        a[0][..., 1] > 0 if a[0].ndim == 4 else a[0], np.asarray(a[1]), *a[2:]
    ),
    "takes the other index": lambda value, a: _solve_overlap(a[0], a[1], a[2], not a[3]),
    "returns a mean": lambda value, a: np.array(np.mean(value)) if a[2] else value + 0.01,
    "returns 1 minus it": lambda value, arguments: 1 - value,
    "rounds": lambda value, arguments: np.round(value, 2),
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}

# Cross-entropy.


def _draw_pixels(rng: Rng) -> tuple:
    classes = int(one_of(rng, (2, 2, 3, 4, 6)))
    shape = (int(one_of(rng, (1, 2, 3))), *(int(one_of(rng, (1, 2, 3, 5))) for _ in range(2)))
    logits = rng.normal(0, 1, (*shape, classes)) * one_of(rng, (0.05, 1, 3, 30, 2000))
    logits = logits + one_of(rng, (0, 0, 900, -900))
    some = rng.permutation(classes)[: int(rng.integers(1, classes + 1))]
    masks = rng.choice(some, shape).astype(one_of(rng, ("uint8", "int32", "int64")))
    drawn = rng.uniform(0.1, 4, classes)
    weights = one_of(rng, (None, None, drawn, np.full(classes, drawn[0])))
    return logits.astype(one_of(rng, ("float32", "float64"))), masks, weights


def _surprises(logits: np.ndarray, masks: np.ndarray) -> np.ndarray:
    z = logits.astype("float64")
    away = z - np.take_along_axis(z, masks.astype(int)[..., None], axis=-1)
    return np.logaddexp.reduce(away, axis=-1)


def _solve_pixels(logits: np.ndarray, masks: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    share = np.ones(masks.shape) if weights is None else weights[masks.astype(int)]
    return np.array((share * _surprises(logits, masks)).sum() / share.sum())


def _by_count(value: Any, arguments: Sequence) -> np.ndarray:
    logits, masks, weights = arguments
    return value if weights is None else np.array(np.mean(weights[masks.astype(int)] * _surprises(logits, masks)))


def _over_rows(value: Any, arguments: Sequence) -> np.ndarray:
    logits, masks, weights = arguments
    z = logits.astype("float64")
    logs = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    losses = -np.take_along_axis(logs, masks.astype(int)[..., None], axis=-1)[..., 0]
    return np.array(np.average(losses, weights=None if weights is None else weights[masks.astype(int)]))


_PIXEL_REGIONS = {
    "two classes": Region("classes", lambda z, y, w: z.shape[-1] == 2),
    "more classes": Region("classes", lambda z, y, w: z.shape[-1] > 2),
    "one image": Region("images", lambda z, y, w: len(z) == 1),
    "several images": Region("images", lambda z, y, w: len(z) > 1),
    "a single pixel": Region("size", lambda z, y, w: y.size == 1),
    "one row": Region("size", lambda z, y, w: y.shape[1] == 1),
    "several rows": Region("size", lambda z, y, w: y.shape[1] > 1),
    "no weights": Region("weights", lambda z, y, w: w is None),
    "equal weights": Region("weights", lambda z, y, w: w is not None and np.ptp(w) == 0),
    "weights that differ": Region("weights", lambda z, y, w: w is not None and np.ptp(w) > 0),
    "scores near 0": Region("scores", lambda z, y, w: np.abs(z).max() < 0.3),
    "scores far above 0": Region("scores", lambda z, y, w: z.min() > 700),
    "scores far below 0": Region("scores", lambda z, y, w: z.max() < -700),
    "scores far apart": Region("scores", lambda z, y, w: np.ptp(z) > 1500),
    "one class alone": Region("masks", lambda z, y, w: len(np.unique(y)) == 1),
    "no pixel of the first class": Region("masks", lambda z, y, w: (y > 0).all()),
    "float32": Region("type", lambda z, y, w: z.dtype == np.float32),
    "float64": Region("type", lambda z, y, w: z.dtype == np.float64),
}
_PIXEL_WRONGS = {
    "adds up": lambda value, a: value * a[1].size + (a[1].size == 1),
    "divides by the number of classes": lambda value, a: value / a[0].shape[-1],
    "takes softmax over rows": _over_rows,
    "takes another class": lambda value, a: _solve_pixels(a[0][..., ::-1], a[1], a[2]),
    "divides by the number of pixels": _by_count,
    "ignores the weights": lambda value, a: _solve_pixels(a[0], a[1], None),
    "turns the weights around": lambda value, a: _solve_pixels(a[0], a[1], None if a[2] is None else 1 / a[2]),
    "caps the loss": lambda value, arguments: np.minimum(value, 1.0),
    "overflows": lambda value, a: np.array(np.nan) if np.abs(a[0]).max() > 700 else value,
    "takes the base 2": lambda value, arguments: value / np.log(2),
    "changes the sign": lambda value, arguments: -value,
    "leaves background out": lambda value, a: _solve_pixels(a[0], a[1], np.eye(a[0].shape[-1])[0] * -0.9 + 1),
    "rounds": lambda value, arguments: np.round(value, 1),
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}

# Stopping.


def _draw_stop(rng: Rng) -> tuple:
    def losses(epochs: int) -> list[float]:
        kind = one_of(rng, ("falls", "rises", "turns", "jumps", "jumps", "same", "ties"))
        x = np.arange(epochs)
        scale = one_of(rng, (0.1, 1, 5))
        noise = rng.normal(0, 0.02, epochs) * scale
        values = {
            "falls": 2 - 0.05 * x * scale + noise,
            "rises": 1 + 0.05 * x * scale + noise,
            "turns": 1 + 0.05 * np.abs(x - epochs // 2) * scale + noise,
            "jumps": 1 + 10 * noise,
            "same": np.ones(epochs),
            "ties": rng.integers(1, 4, epochs) / 4,
        }[kind]
        return [float(value) for value in values]

    epochs = int(one_of(rng, (1, 2, 3, 5, 8, 15, 40)))
    history = {"loss": losses(epochs), "val_loss": losses(epochs)}
    tied = len(set(history["val_loss"])) < epochs
    delta = 0.0 if tied else float(one_of(rng, (0, 0, rng.uniform(0.005, 0.05), rng.uniform(0.05, 0.4))))
    return history, int(one_of(rng, (1, 1, 2, 3, 5, 10))), delta


def _place(losses: Sequence[float], delta: float) -> int:
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best] - delta:
            best = epoch
    return best


def _solve_stop(history: dict, patience: int, min_delta: float) -> np.ndarray:
    best = _place(history["val_loss"], min_delta)
    return np.array([float(len(history["val_loss"]) - best > patience), float(best)])


def _stops(rule: Callable) -> Callable:
    """Return a wrong answer whose epoch is right and which stops by another rule."""

    def wrong(value: Any, arguments: Sequence) -> np.ndarray:
        history, patience, _ = arguments
        since = len(history["val_loss"]) - 1 - value[1]
        return np.array([float(rule(history["val_loss"], since, patience)), value[1]])

    return wrong


def _restores(place: Callable) -> Callable:
    """Return a wrong answer with another epoch, which stops by it."""

    def wrong(value: Any, arguments: Sequence) -> np.ndarray:
        history, patience, delta = arguments
        best = float(place(history, delta))
        return np.array([float(len(history["val_loss"]) - 1 - best >= patience), best])

    return wrong


def _forgets(value: Any, arguments: Sequence) -> Any:
    arguments[0]["val_loss"].clear()
    return value


def _losses(history: dict) -> np.ndarray:
    return np.array(history["val_loss"])


_STOP_REGIONS = {
    "one epoch": Region("epochs", lambda h, p, d: len(h["val_loss"]) == 1),
    "few epochs": Region("epochs", lambda h, p, d: 2 <= len(h["val_loss"]) <= 3),
    "many epochs": Region("epochs", lambda h, p, d: len(h["val_loss"]) >= 15),
    "a patience of 1": Region("patience", lambda h, p, d: p == 1),
    "more patience": Region("patience", lambda h, p, d: p > 1),
    "more patience than epochs": Region("patience", lambda h, p, d: p >= len(h["val_loss"])),
    "no least step": Region("step", lambda h, p, d: d == 0),
    "a least step": Region("step", lambda h, p, d: d > 0),
    "a large least step": Region("step", lambda h, p, d: d > 0.2),
    "the last is the smallest": Region(
        "shape", lambda h, p, d: len(h["loss"]) > 1 and _losses(h).argmin() == len(h["loss"]) - 1
    ),
    "the first is the smallest": Region("shape", lambda h, p, d: len(h["loss"]) > 1 and _losses(h).argmin() == 0),
    "the smallest comes between": Region("shape", lambda h, p, d: 0 < _losses(h).argmin() < len(h["loss"]) - 1),
    "equal losses": Region("ties", lambda h, p, d: len(set(h["val_loss"])) < len(h["val_loss"])),
    "it stops": Region("answer", lambda h, p, d: _solve_stop(h, p, d)[0] == 1),
    "it goes on": Region("answer", lambda h, p, d: _solve_stop(h, p, d)[0] == 0),
}
_STOP_WRONGS = {
    "stops too early": _stops(lambda losses, since, patience: since + 1 >= patience),
    "stops too late": _stops(lambda losses, since, patience: since > patience),
    "never stops": _stops(lambda losses, since, patience: False),
    "always stops": _stops(lambda losses, since, patience: True),
    "counts all epochs": _stops(lambda losses, since, patience: len(losses) > patience),
    "looks at the last difference": _stops(lambda losses, since, patience: len(losses) < 2 or losses[-1] >= losses[-2]),
    "looks at the training loss": _restores(lambda h, d: _place(h["loss"], d)),
    "ignores the least step": _restores(lambda h, d: _place(h["val_loss"], 0)),
    "takes the last epoch": _restores(lambda h, d: len(h["val_loss"]) - 1),
    "takes the first epoch": _restores(lambda h, d: 0),
    "takes the largest loss": _restores(lambda h, d: int(np.argmax(h["val_loss"]))),
    "takes the last of equal ones": _restores(
        lambda h, d: (
            len(h["val_loss"]) - 1 - int(np.argmin(h["val_loss"][::-1])) if d == 0 else _place(h["val_loss"], d)
        )
    ),
    "counts from 1": lambda value, arguments: value + np.array([0, 1]),
    "turns both around": lambda value, arguments: value[::-1] if value[0] != value[1] else 1 - value,
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
    "changes its input": _forgets,
}

# A loss with a gradient.


def _draw_probabilities(rng: Rng) -> tuple:
    shape = (int(one_of(rng, (1, 2, 3, 5))), *(int(one_of(rng, (1, 2, 3, 5, 8, 16))) for _ in range(2)))
    masks = np.stack([rng.random(shape[1:]) < one_of(rng, (0, 0.2, 0.5, 0.5, 0.8, 1)) for _ in range(shape[0])])
    masks = masks.astype("float32")
    kind = one_of(rng, ("any", "any", "good", "bad", "sure", "right", "low", "high", "none"))
    p = {
        "any": rng.uniform(0.02, 0.98, shape),
        "good": 0.02 + 0.6 * masks + rng.uniform(0, 0.36, shape),
        "bad": 0.62 - 0.6 * masks + rng.uniform(0, 0.36, shape),
        "sure": rng.random(shape) < 0.5,
        "right": masks,
        "low": rng.uniform(0.01, 0.05, shape),
        "high": rng.uniform(0.95, 0.99, shape),
        "none": np.zeros(shape),
    }[kind]
    return masks, p.astype("float32")


def _solve_soft(masks: Any, p: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(_soft(*(tf.reduce_sum(one, (1, 2)) for one in (masks * p, masks, p))))


def _soft(shared: Any, of_masks: Any, of_p: Any, factor: float = 2, tiny: float = 1e-6) -> Any:
    return 1 - (factor * shared + tiny) / (of_masks + of_p + tiny)


def _ask_soft(function: Callable, arguments: Sequence) -> tuple[Any, np.ndarray | None]:
    """Return a loss and its gradient."""
    import tensorflow as tf

    masks, p = (tf.constant(one) for one in arguments)
    with tf.GradientTape() as recorded:
        recorded.watch(p)
        value = function(masks, p)
    number = np.asarray(value, dtype="float64")
    gradient = recorded.gradient(value, p) if tf.is_tensor(value) else None
    return number, None if gradient is None else np.asarray(tf.convert_to_tensor(gradient), dtype="float64")


def _right_soft(value: tuple, expected: tuple, arguments: Sequence) -> bool:
    (number, gradient), (right, slopes), (masks, p) = value, expected, arguments
    # Another small number changes a loss by less, and a gradient where there is a gland.
    if number.shape != () or not abs(number - right) < 2e-4:
        return False
    if gradient is None or gradient.shape != p.shape or not np.isfinite(gradient).all():
        return False
    # What is cut off at 0 or 1 has two gradients there.
    known = masks.any(axis=(1, 2)) & ((p > 0) & (p < 1)).all(axis=(1, 2))
    off = np.abs(gradient - slopes)[known].max(initial=0)
    return bool(off <= 0.05 * np.abs(slopes[known]).max(initial=0) + 1e-4)


def _endless(p: Any) -> Any:
    """Return 0 with a gradient that is no number."""
    import tensorflow as tf

    return tf.reduce_sum(tf.sqrt(p - p))


def _softly(each: Callable) -> Callable:
    """Return a wrong loss by what it makes of all images: TensorFlow, the masks and the probabilities."""

    def wrong(value: Any, arguments: Sequence) -> Any:
        import tensorflow as tf

        return tf.reduce_mean(each(tf, *arguments))

    return wrong


def _with_sums(of_sums: Callable) -> Callable:
    return _softly(lambda tf, g, p: of_sums(*(tf.reduce_sum(one, axis=(1, 2)) for one in (g * p, g, p))))


_SOFT_REGIONS = {
    "one image": Region("images", lambda g, p: len(g) == 1),
    "several images": Region("images", lambda g, p: len(g) > 1),
    "a single pixel": Region("size", lambda g, p: g.shape[1] == g.shape[2] == 1),
    "one row": Region("size", lambda g, p: g.shape[1] == 1),
    "tall": Region("size", lambda g, p: g.shape[1] > g.shape[2]),
    "wide": Region("size", lambda g, p: g.shape[1] < g.shape[2]),
    "square": Region("size", lambda g, p: g.shape[1] == g.shape[2] > 1),
    "large": Region("size", lambda g, p: g.shape[1] * g.shape[2] > 100),
    "an image without a gland": Region("glands", lambda g, p: not np.asarray(g).any(axis=(1, 2)).all()),
    "no gland at all": Region("glands", lambda g, p: not np.asarray(g).any()),
    "nothing but glands": Region("glands", lambda g, p: np.asarray(g).all()),
    "a gland in each image": Region("glands", lambda g, p: np.asarray(g).any(axis=(1, 2)).all()),
    "sure": Region("probabilities", lambda g, p: np.isin(p, (0, 1)).all()),
    "soft": Region("probabilities", lambda g, p: ((np.asarray(p) > 0) & (np.asarray(p) < 1)).all()),
    "near 0": Region("probabilities", lambda g, p: 0 < np.asarray(p).max() < 0.06),
    "near 1": Region("probabilities", lambda g, p: np.asarray(p).min() > 0.94 and np.asarray(p).max() < 1),
    "nothing marked": Region("probabilities", lambda g, p: not np.asarray(p).any()),
    "all right": Region("probabilities", lambda g, p: np.array_equal(g, p)),
}
_SOFT_WRONGS = {
    "takes 1 off": _with_sums(lambda both, g, p: _soft(both, g, p) - 1),
    "returns the coefficient": _with_sums(lambda both, g, p: 1 - _soft(both, g, p)),
    "forgets the factor": _with_sums(lambda both, g, p: _soft(both, g, p, factor=1)),
    "adds 1 above and below": _with_sums(lambda both, g, p: _soft(both, g, p, tiny=1)),
    "adds nothing": _with_sums(lambda both, g, p: _soft(both, g, p, tiny=0)),
    "divides by the union": _with_sums(lambda both, g, p: 1 - (both + 1e-6) / (g + p - both + 1e-6)),
    "squares": _softly(
        lambda tf, g, p: _soft(*(tf.reduce_sum(one, (1, 2)) for one in (g * p, g, p**2))),
    ),
    "counts all images as one": _softly(
        lambda tf, g, p: _soft(tf.reduce_sum(g * p), tf.reduce_sum(g), tf.reduce_sum(p))
    ),
    "rounds probabilities": lambda value, a: _solve_soft(a[0], a[1].numpy().round()),
    "looks at the first image": lambda value, a: _solve_soft(a[0][:1], a[1][:1]),
    "turns masks around": lambda value, a: _solve_soft(1 - a[0], a[1]),
    "loses its gradient": lambda value, a: _solve_soft(a[0], a[1].numpy()),
    "holds what stands below": _softly(
        lambda tf, g, p: _soft(*(tf.reduce_sum(one, (1, 2)) for one in (g * p, g, tf.stop_gradient(p))))
    ),
    "has half of the gradient": lambda value, a: (value + _solve_soft(a[0], a[1].numpy())) / 2,
    "has no finite gradient": lambda value, a: value + _endless(a[1]),
    "returns one of each image": lambda value, a: value + 0 * a[1][:, 0, 0],
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
}


# Splits.


def _draw_images(rng: Rng) -> tuple:
    side = int(one_of(rng, (2, 3, 4, 7, 8)))
    kind = one_of(rng, ("any", "any", "symmetric", "dark", "alike")) if side > 3 else "any"
    turns = one_of(rng, ((), (0,), (1,), (2,), (3,), (0, 1, 2, 3), (0, 1, 2, 3)))
    sizes = rng.integers(1, one_of(rng, (2, 3, 7)) if turns else 2, int(one_of(rng, (4, 6, 12, 12, 25)))).tolist()
    if turns:
        sizes[0] += 1
    if rng.random() < 0.4:
        sizes += [1] * (-sum(sizes) % 5)
    base = rng.integers(0, 256, (side, side, 3), dtype="uint8")
    images = []
    for size in sizes:
        image = rng.integers(0, 2 if kind == "dark" else 256, (side, side, 3), dtype="uint8")
        if kind == "symmetric":
            image = image | image[::-1]
        elif kind == "alike":
            image = rng.permutation(base.reshape(-1, 3)).reshape(base.shape)
        images.append(image)
        images += [_view(image, int(one_of(rng, turns))) for _ in range(size - 1)]
    images = np.stack(images)[rng.permutation(len(images))]
    seed = int(one_of(rng, (0, 1, rng.integers(2, 5000), rng.integers(2**24, 2**31 - 10))))
    # What is the same by chance is a twin too; few groups are left to choose from then.
    return (images, seed) if len(set(_groups(images))) > 3 else _draw_images(rng)


def _view(image: np.ndarray, turn: int) -> np.ndarray:
    return (image, image[:, ::-1], image[::-1], image[::-1, ::-1])[turn]


def _groups(images: np.ndarray, turns: Sequence[int] = range(4)) -> list[int]:
    """Return for each image the number of its group, in the order in which they come."""
    numbers: dict[bytes, int] = {}
    keys = [min(_view(image, turn).tobytes() for turn in turns) for image in images]
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _halves(group: Sequence[int], order: Sequence[int], least: float) -> tuple[np.ndarray, np.ndarray]:
    """Return images of groups that are taken in an order, and the others before them."""
    group, chosen = np.asarray(group), np.zeros(len(group), dtype=bool)
    for number in order:
        if chosen.sum() < least:
            chosen |= group == number
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _order(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(count)


def _solve_split(images: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    group = _groups(images)
    return _halves(group, _order(max(group) + 1, seed), len(images) / 5)


#: How many seeds are asked for beside the first, which is asked twice.
_MORE_SEEDS = 4


def _ask_split(function: Callable, arguments: Sequence) -> list[tuple[np.ndarray, ...]]:
    images, seed = arguments
    found = []
    for one in (seed, *range(seed, seed + 1 + _MORE_SEEDS)):
        train, valid = function(images, one)
        found.append(
            tuple(np.asarray(part).astype(int) if np.size(part) else np.zeros(0, int) for part in (train, valid))
        )
    return found


def _right_split(value: list, expected: list, arguments: Sequence) -> bool:
    group = np.array(_groups(arguments[0]))
    return all(_parts_are_right(*parts, group) for parts in value) and _seeds_are_right(value, group)


def _parts_are_right(train: np.ndarray, valid: np.ndarray, group: np.ndarray) -> bool:
    if train.ndim != 1 or valid.ndim != 1 or not len(valid):
        return False
    if not np.array_equal(np.sort(np.concatenate([train, valid])), np.arange(len(group))):
        return False
    apart = not np.isin(group[valid], group[train]).any()
    largest = max(np.sum(group == number) for number in group[valid])
    return bool(apart and len(valid) - largest < len(group) / 5 <= len(valid))


def _seeds_are_right(value: list, group: np.ndarray) -> bool:
    chosen = [sorted(set(group[valid].tolist())) for _, valid in value]
    if chosen[0] != chosen[1]:
        return False
    count = group.max() + 1
    # Of fewer groups, all seeds may choose the same by chance.
    if count >= 12 and all(one == chosen[0] for one in chosen):
        return False
    # The same for groups that follow each other, or come at one distance: also where they go on at the beginning.
    in_order = [len(set(np.diff(one))) < 2 or len(set(np.diff(_turned(one, count)))) < 2 for one in chosen]
    return not (count >= 20 and min(map(len, chosen)) > 2 and all(in_order))


def _turned(chosen: Sequence[int], count: int) -> list[int]:
    """Return places behind the largest gap first, and those before it as if they came after the last."""
    gap = int(np.argmax(np.diff([*chosen, chosen[0] + count])))
    return [*chosen[gap + 1 :], *(one + count for one in chosen[: gap + 1])]


def _related(*turns: int) -> Callable:
    """Return whether some image has a twin of one kind, and none of another one."""

    def holds(images: np.ndarray, seed: int) -> bool:
        keys = [image.tobytes() for image in images]
        mirrored = [{_view(image, turn).tobytes() for turn in turns} for image in images]
        kin = [any(keys[k] in mirrored[j] for j in range(len(keys)) if j != k) for k in range(len(keys))]
        return any(kin) and len(set(_groups(images))) == len(set(_groups(images, (0, *turns))))

    return holds


def _sizes(images: np.ndarray) -> np.ndarray:
    return np.bincount(_groups(images))


def _by_groups(turns: Sequence[int]) -> Callable:
    """Return a wrong split that knows twins of some kinds alone."""

    def wrong(value: Any, arguments: Sequence) -> tuple[np.ndarray, np.ndarray]:
        images, seed = arguments
        # Of a pair, the keys differ where its kind is not known.
        group = _groups(images, turns) if turns else list(range(len(images)))
        return _halves(group, _order(max(group) + 1, seed), len(images) / 5)

    return wrong


def _chosen(order: Callable, least: Callable = lambda images: len(images) / 5) -> Callable:
    """Return a wrong split that takes groups in another order, or until there are others than a fifth."""

    def wrong(value: Any, arguments: Sequence) -> tuple[np.ndarray, np.ndarray]:
        images, seed = arguments
        group = _groups(images)
        return _halves(group, order(max(group) + 1, seed), least(images))

    return wrong


_SPLIT_REGIONS = {
    "few images": Region("images", lambda x, s: len(x) < 12),
    "some images": Region("images", lambda x, s: 12 <= len(x) < 30),
    "many images": Region("images", lambda x, s: len(x) >= 30),
    "images that can be divided by 5": Region("rest", lambda x, s: len(x) % 5 == 0),
    "images that cannot be divided by 5": Region("rest", lambda x, s: len(x) % 5 > 0),
    "few groups": Region("groups", lambda x, s: len(_sizes(x)) < 10),
    "many groups": Region("groups", lambda x, s: len(_sizes(x)) > 18),
    "no twins": Region("twins", lambda x, s: _sizes(x).max() == 1),
    "twins": Region("twins", lambda x, s: _sizes(x).max() > 1),
    "copies alone": Region("twins", _related(0)),
    "images mirrored left to right alone": Region("twins", _related(1)),
    "images mirrored top to bottom alone": Region("twins", _related(2)),
    "images mirrored both ways alone": Region("twins", _related(3)),
    "groups of five or more": Region("twins", lambda x, s: _sizes(x).max() > 4),
    "tiny images": Region("size", lambda x, s: x.shape[1] < 4),
    "images of an odd side": Region("size", lambda x, s: x.shape[1] % 2 == 1),
    "images of an even side": Region("size", lambda x, s: x.shape[1] % 2 == 0),
    "images that are their own mirror images": Region("values", lambda x, s: np.array_equal(x, x[:, ::-1])),
    "images of 0 and 1": Region("values", lambda x, s: x.max() < 2),
    "images of the same pixels": Region("values", lambda x, s: len(set(x.sum((1, 2, 3)).tolist())) == 1),
    "a seed of 0": Region("seed", lambda x, s: s == 0),
    "a small seed": Region("seed", lambda x, s: 0 < s < 10_000),
    "a large seed": Region("seed", lambda x, s: s > 2**20),
}
_SPLIT_WRONGS = {
    "puts an image into both parts": lambda value, a: (np.append(value[0], value[1][0]), value[1]),
    "drops an image": lambda value, a: (value[0][1:], value[1]),
    "takes an image twice": lambda value, a: (value[0], np.append(value[1], value[1][0])),
    "exchanges the parts": lambda value, a: value[::-1],
    "counts from 1": lambda value, a: tuple(part + 1 for part in value),
    "moves an image": lambda value, a: (np.append(value[0], value[1][0]), value[1][1:]),
    "looks for no twins": _by_groups(()),
    "looks for copies alone": _by_groups((0,)),
    "does not mirror left to right": _by_groups((0, 2)),
    "does not mirror top to bottom": _by_groups((0, 1)),
    "mirrors both ways alone": _by_groups((0, 3)),
    "takes half of the images": _chosen(_order, lambda images: len(images) / 2),
    "rounds down": _chosen(_order, lambda images: len(images) // 5),
    "takes more than a fifth": _chosen(_order, lambda images: len(images) / 5 + 1),
    "takes a fifth of the groups": lambda value, a: _halves(
        _groups(a[0]), _order(len(_sizes(a[0])), a[1])[: -(-len(_sizes(a[0])) // 5)], len(a[0])
    ),
    "ignores the seed": _chosen(lambda count, seed: _order(count, 3)),
    "draws anew each time": _chosen(lambda count, seed: _OWN.permutation(count)),
    "takes the first groups": _chosen(lambda count, seed: np.arange(count)),
    "begins at the seed": _chosen(lambda count, seed: np.roll(np.arange(count), -(seed % count))),
    "returns masks": lambda value, a: tuple(np.isin(np.arange(len(a[0])), part) for part in value),
    "returns one array": lambda value, a: np.concatenate(value),
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}

# Augmenting.


def _outline(rng: Rng, side: int, row: float, column: float, size: float) -> np.ndarray:
    """Return a gland of three steps, which no turn and no mirror leaves as it was."""
    below, beside = (np.mgrid[:side, :side] - side * np.array([row, column])[:, None, None]) / (side * size)
    steps = np.select([beside < -0.2, beside < 0.3], [1.0, 0.6], 0.25)
    return (np.abs(beside) < rng.uniform(0.7, 0.9)) & (below > -1) & (below < steps)


def _draw_to_augment(rng: Rng) -> tuple:
    side = int(one_of(rng, (40, 41, 48, 55, 64, 90, 127, 128)))
    kind = one_of(rng, (*3 * ("one", "several", "border"), "pixel", "nothing", "all"))
    mask = np.full((side, side), kind == "all")
    if kind == "one":
        mask = _outline(rng, side, *rng.uniform(0.35, 0.6, 2), rng.uniform(0.2, 0.3))
    elif kind == "several":
        mask = _outline(rng, side, 0.3, 0.25, 0.18) | _outline(rng, side, *rng.uniform(0.6, 0.7, 2), 0.2)
    elif kind == "border":
        mask = np.rot90(_outline(rng, side, 0.3, rng.uniform(0, 0.15), 0.3), rng.integers(4))
    elif kind == "pixel":
        mask[tuple(rng.integers(0, side, 2))] = True
    dark = rng.random() < 0.5
    light = np.where(mask != dark, rng.uniform(180, 225), rng.uniform(45, 75))[..., None]
    image = light + rng.normal(0, one_of(rng, (1, 5)), (side, side, 3))
    return np.clip(np.rint(image), 0, 255).astype("uint8"), mask.astype("uint8"), int(rng.integers(2**31))


def _solve_augment(image: np.ndarray, mask: np.ndarray, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    moved = int(rng.integers(1, 8))
    return _laid(image, moved), _laid(mask, moved)


def _laid(image: np.ndarray, number: int) -> np.ndarray:
    """Return one of the eight ways to lay a square."""
    turned = np.rot90(image, number % 4)
    return (turned[:, ::-1] if number > 3 else turned).copy()


def _ask_augment(function: Callable, arguments: Sequence) -> list[tuple]:
    image, mask, seed = arguments
    found = []
    for _ in range(2):
        given = image.copy(), mask.copy()
        one, other = function(*given, np.random.default_rng(seed))
        kept = np.array_equal(given[0], image) and np.array_equal(given[1], mask)
        found.append((np.array(one), np.array(other), kept))
    return found


def _right_augment(value: list, expected: list, arguments: Sequence) -> bool:
    (image, mask, kept), (again, too, _) = value
    given, before = arguments[:2]
    if not kept or image.shape != given.shape or mask.shape != before.shape:
        return False
    if not (np.array_equal(image, again) and np.array_equal(mask, too)) or not np.isin(mask, (0, 1)).all():
        return False
    if not np.isfinite(image).all() or image.min() < 0 or image.max() > 255:
        return False
    # A part that shows more of a gland has another mean, and what is brightest is as bright.
    bright = 0.5 < image.mean() / given.mean() < 2 or np.percentile(image, 99) > 0.5 * np.percentile(given, 99)
    return bool(bright) and _lies_right(image, mask > 0, given, before > 0)


def _lies_right(image: np.ndarray, mask: np.ndarray, given: np.ndarray, before: np.ndarray) -> bool:
    """Return whether the glands of an image are where its mask is, but for its edges."""
    if not before.any() or before.all():
        return bool(not mask.any() if not before.any() else mask.mean() > 0.5)
    if min(before.mean(), mask.mean()) < 0.02:
        return True
    # Away from the edges, with the middle of what is left on either side.
    inner, outer = (ndimage.binary_erosion(one, iterations=2, border_value=1) for one in (mask, ~mask))
    gray = ndimage.median_filter(image.astype("float64").mean(-1), 3)
    dark = given[before].mean() < given[~before].mean()
    if not inner.any():
        return True
    gland = gray < np.median(gray[outer]) / 2 + np.median(gray[inner]) / 2
    gland = gland if dark else ~gland
    # Corners that are left empty are dark, and a patch may be erased.
    return bool(gland[inner].mean() > 0.7 and (dark or gland[outer].mean() < 0.15))


_AUGMENT_REGIONS = {
    "a side below 45": Region("side", lambda x, y, s: len(y) < 45),
    "a side of 60 and more": Region("side", lambda x, y, s: len(y) >= 60),
    "a side of 100 and more": Region("side", lambda x, y, s: len(y) >= 100),
    "an odd side": Region("rest", lambda x, y, s: len(y) % 2 == 1),
    "an even side": Region("rest", lambda x, y, s: len(y) % 2 == 0),
    "a side that 8 divides": Region("rest", lambda x, y, s: len(y) % 8 == 0),
    "no gland": Region("glands", lambda x, y, s: not y.any()),
    "nothing but gland": Region("glands", lambda x, y, s: y.all()),
    "a gland of one pixel": Region("glands", lambda x, y, s: y.sum() == 1),
    "glands of many pixels": Region("glands", lambda x, y, s: 0.02 < y.mean() < 1),
    "a gland at the border": Region(
        "glands", lambda x, y, s: not y.all() and any(np.rot90(y, turns)[0].any() for turns in range(4))
    ),
    "an image that is mostly bright": Region("light", lambda x, y, s: x.mean() > 140),
    "an image that is mostly dark": Region("light", lambda x, y, s: x.mean() < 110),
}


def _each(image: Callable, mask: Callable) -> Callable:
    """Return a wrong answer by what is made of the right image and of the right mask."""
    return lambda value, arguments: (image(value[0]), mask(value[1]))


_AUGMENT_WRONGS = {
    "leaves the mask": lambda value, a: (value[0], a[1].copy()),
    "leaves the image": lambda value, a: (a[0].copy(), value[1]),
    "mirrors the mask once more": _each(np.array, lambda mask: mask[:, ::-1]),
    "turns the image once more": _each(np.rot90, np.array),
    "transposes the mask": _each(np.array, np.transpose),
    "exchanges gland and surroundings": _each(np.array, lambda mask: 1 - mask),
    "empties the mask": _each(np.array, np.zeros_like),
    "blurs the mask": _each(np.array, lambda mask: ndimage.uniform_filter(mask.astype(float), 3)),
    "gives a mask of 255": _each(np.array, lambda mask: mask * np.uint8(255)),
    "gives an image up to 1": _each(lambda image: image / 255, np.array),
    "gives a black image": _each(np.zeros_like, np.array),
    "goes beyond 255": _each(lambda image: image * 1.6, np.array),
    "goes below 0": _each(lambda image: image.astype(float) - 90, np.array),
    "gives a quarter of the light": _each(lambda image: image // 4, np.array),
    "draws with another generator": lambda value, a: _solve_augment(*a[:2], _OWN),
    "gives noise without rng": lambda value, a: (
        np.clip(value[0] + _OWN.normal(0, 5, value[0].shape), 0, 255),
        value[1],
    ),
    "cuts off a row": _each(lambda image: image[1:], lambda mask: mask[1:]),
    "gives a gray image": _each(lambda image: image.mean(axis=-1), np.array),
    "gives the channels first": _each(lambda image: image.transpose(2, 0, 1), np.array),
    "gives the mask a channel": _each(np.array, lambda mask: mask[..., None]),
    "exchanges both": lambda value, arguments: value[::-1],
    "returns the image alone": lambda value, arguments: value[0],
    "returns nothing": lambda value, arguments: None,
    "raises an error": raise_error,
    "changes its input": change_input,
}


_MEASURED = ("dice", "pixel_cross_entropy", "soft_dice_loss", "split", "augment", "should_stop")
WAYS = {function: ways.WAYS[function] for function in _MEASURED}
DOMAINS = {
    "dice": Domain(_draw_overlap, _solve_overlap, no_difference, _OVERLAP_REGIONS, _OVERLAP_WRONGS),
    "pixel_cross_entropy": Domain(_draw_pixels, _solve_pixels, no_difference, _PIXEL_REGIONS, _PIXEL_WRONGS),
    "soft_dice_loss": Domain(
        _draw_probabilities, _solve_soft, _right_soft, _SOFT_REGIONS, _SOFT_WRONGS, slow=True, ask=_ask_soft
    ),
    "split": Domain(_draw_images, _solve_split, _right_split, _SPLIT_REGIONS, _SPLIT_WRONGS, slow=True, ask=_ask_split),
    "augment": Domain(
        _draw_to_augment,
        _solve_augment,
        _right_augment,
        _AUGMENT_REGIONS,
        _AUGMENT_WRONGS,
        slow=True,
        ask=_ask_augment,
    ),
    "should_stop": Domain(_draw_stop, _solve_stop, no_difference, _STOP_REGIONS, _STOP_WRONGS),
}
