"""What lab 6 asks of its functions of arrays, read off its text alone: what may come in, and what may go wrong.

The mutation score (`benchmarks.mutation`) judges the checks by it, so nothing here comes from them. What counts as
asked:

- ``dice``: one image or several, of any size from one pixel on; labels as integers, floats or booleans, or two scores
  of any sign and size; images without a gland, marked or not; both flags.
- ``pixel_cross_entropy``: two classes to six, scores from near 0 to thousands, integers of any type; weights or none.
- ``should_stop``: trainings of one epoch and more, losses that fall, rise, turn, jump or stay the same; a patience from
  1 on; a least step of 0 or more. Where that is more than 0, losses do not differ by exactly as much.

Of the other functions only properties can be right, or they build networks: their faults are those of
`autograder.labs.lab6.faults`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.domain import Domain, Region, change_input, no_difference, one_of, raise_error
from tests.labs.lab6 import more_ways

Rng = np.random.Generator
WAYS = {"dice": more_ways.DICE, "pixel_cross_entropy": more_ways.CROSS_ENTROPY, "should_stop": more_ways.STOP}


#: What the ways use: a changed one that misses its modules would be found for the wrong reason.
_AROUND = {name: value for name, value in vars(more_ways).items() if inspect.ismodule(value)}


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

DOMAINS = {
    "dice": Domain(_draw_overlap, _solve_overlap, no_difference, _OVERLAP_REGIONS, _OVERLAP_WRONGS),
    "pixel_cross_entropy": Domain(_draw_pixels, _solve_pixels, no_difference, _PIXEL_REGIONS, _PIXEL_WRONGS),
    "should_stop": Domain(_draw_stop, _solve_stop, no_difference, _STOP_REGIONS, _STOP_WRONGS),
}
