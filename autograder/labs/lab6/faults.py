"""Known faults of lab 6: a right answer with one thing wrong, and what becomes of right files of masks.

Networks are numbers, as those of `reference` are. The functions of which only properties can be right have hints too:
their checks find out which fits. All this runs where the reference runs, so it imports nothing of the grader but the
`Fault`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.checking.faults import Fault
from autograder.labs.lab6 import measuring, networks_of

# Of overlaps.


def _overlap(
    each: Callable | None = None,
    scores: Callable | None = None,
    together: Callable | None = None,
    iou: Callable | None = None,
) -> Callable:
    """Return a fault of `dice` by what it computes otherwise: the coefficient of an image from three counts, the labels
    of scores, the mean, or intersection over union."""

    def fault(right: Callable) -> Callable:
        def answer(pred, truth, per_image=False, of_union=False):
            pred, truth = np.asarray(pred), np.asarray(truth) > 0
            labels = pred if pred.ndim < 4 else (scores or (lambda z: np.argmax(z, axis=-1)))(pred)
            found = right(labels, truth, True, False)
            if each is not None:
                marked = np.asarray(labels) > 0
                counts = [np.count_nonzero(one, axis=(1, 2)) for one in (marked & truth, marked, truth)]
                with np.errstate(all="ignore"):
                    found = each(found, *(count.astype("float64") for count in counts), truth[0].size)
            with np.errstate(all="ignore"):
                found = (iou or (lambda d: d / (2 - d)))(found) if of_union else found
            if per_image:
                return found
            return np.array(np.mean(found) if together is None else together(found, labels, truth, of_union))

        return answer

    return fault


def _pooled(found: np.ndarray, labels: np.ndarray, truth: np.ndarray, of_union: bool) -> float:
    marked = np.asarray(labels) > 0
    whole = 2 * np.count_nonzero(marked & truth) / max(1, np.count_nonzero(marked) + np.count_nonzero(truth))
    return whole / (2 - whole) if of_union else whole


def _without_empty(found: np.ndarray, labels: np.ndarray, truth: np.ndarray) -> float:
    some = (np.asarray(labels) > 0).any(axis=(1, 2)) | truth.any(axis=(1, 2))
    return float(found[some].mean()) if some.any() else np.nan


def _by_exponentials(z: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        p = np.exp(z) / np.sum(np.exp(z), axis=-1, keepdims=True)
    return np.argmax(p, axis=-1)


def _kept_empty(change: Callable) -> Callable:
    """Return a change that leaves images as they are in which nothing is marked and nothing is to be."""
    return lambda found, both, a, b, size: np.where(a + b == 0, 1.0, change(both, np.maximum(a, 0), b, size))


def _mean_first(right: Callable) -> Callable:
    """Compute intersection over union of the mean coefficient."""

    def answer(pred, truth, per_image=False, iou=False):
        found = right(pred, truth, per_image, False)
        return found / (2 - found) if iou else found

    return answer


def _in_place(right: Callable) -> Callable:
    def answer(first, *others, **named):
        found = right(first, *others, **named)
        first[...] = 0
        return found

    return answer


def _faults(function: str, *rows: tuple) -> list[Fault]:
    """Return the faults of one function: name, the lines that it loses, how it is applied, both levels of its hint, and
    other forms of it."""
    return [
        Fault(
            f"{function}_{name}",
            frozenset(f"{function}.{key}" for key in loses.split()),
            apply,
            function=function,
            hint=hint,
            second_hint=second,
            forms=tuple(forms),
        )
        for name, loses, apply, hint, second, *forms in rows
    ]


_DICE = _faults(
    "dice",
    (
        "factor",
        "each",
        _overlap(_kept_empty(lambda both, a, b, n: both / (a + b))),
        "It is half of what it should be: two equal masks must give 1.",
        "What both have in common counts twice, since the sum of the sizes counts it twice too.",
    ),
    (
        "union",
        "each",
        _overlap(_kept_empty(lambda both, a, b, n: both / (a + b - both))),
        "This is intersection over union, which is never above the Dice coefficient.",
        "Divide by the sum of both sizes, not by the size of the union.",
    ),
    (
        "accuracy",
        "each",
        _overlap(_kept_empty(lambda both, a, b, n: (n - a - b + 2 * both) / n)),
        "This is the share of pixels that are right; background that both leave out must not count.",
        "Only three numbers matter: pixels in both masks, pixels in one, pixels in the other.",
    ),
    (
        "recall",
        "each",
        _overlap(_kept_empty(lambda both, a, b, n: both / np.maximum(b, 1))),
        "This is the part of the gland that was found. Marking too much must cost as well.",
        "The sizes of both masks belong in the denominator.",
    ),
    (
        "precision",
        "each",
        _overlap(_kept_empty(lambda both, a, b, n: both / np.maximum(a, 1))),
        "This is the part of what was marked that is gland. What was missed must cost as well.",
        "The sizes of both masks belong in the denominator, that of the truth too.",
    ),
    (
        "both_classes",
        "each",
        _overlap(_kept_empty(lambda both, a, b, n: both / (a + b) + (n - a - b + both) / np.maximum(2 * n - a - b, 1))),
        "This is the mean of the coefficients of gland and background; only that of the gland is asked for.",
        "Background that both leave out must not count.",
    ),
    (
        "background",
        "each",
        _overlap(_kept_empty(lambda both, a, b, n: 2 * (n - a - b + both) / np.maximum(2 * n - a - b, 1))),
        "This is the coefficient of the background.",
        "Glands are the pixels with 1.",
    ),
    (
        "smooth",
        "each",
        _overlap(lambda found, both, a, b, n: (2 * both + 1) / (a + b + 1)),
        "A number is added above and below, so that masks that share nothing do not give 0.",
        "Treat the case of two empty masks by itself, in place of a smoothing term.",
    ),
    (
        "added",
        "each",
        _overlap(_kept_empty(lambda both, a, b, n: 2 * both / np.maximum(a + b - both, 1))),
        "The sizes are too small where masks overlap: True + True is True, so what both have counts once.",
        "Count the pixels of each mask by itself, then add both numbers.",
    ),
    (
        "zero",
        "empty",
        _overlap(lambda found, both, a, b, n: np.where(a + b == 0, 0.0, found)),
        "Where there is no gland and none is marked, the answer is as right as can be.",
        "Two empty masks give 1, not 0.",
    ),
    (
        "nan",
        "empty",
        _overlap(lambda found, both, a, b, n: np.where(a + b == 0, np.nan, found)),
        "Two empty masks divide 0 by 0.",
        "Decide what two empty masks give before you divide: 1.",
    ),
    (
        "no_truth",
        "domain",
        _overlap(lambda found, both, a, b, n: np.where(b == 0, 1.0, found)),
        "An image without a gland in which something is marked counts as right.",
        "Only where both masks are empty is the coefficient 1.",
    ),
    (
        "positive",
        "scores",
        _overlap(scores=lambda z: z[..., 1] > 0),
        "A score of the gland above 0 does not make a pixel gland: it is compared with the other score.",
        "Scores of both classes may be negative, or both positive. The larger one counts.",
    ),
    (
        "half",
        "scores",
        _overlap(scores=lambda z: z[..., 1] > 0.5),
        "Scores are no probabilities, so 0.5 says nothing about them.",
        "Compare the two scores of a pixel with each other.",
    ),
    (
        "ties",
        "scores",
        _overlap(scores=lambda z: z[..., 1] >= z[..., 0]),
        "Where both scores are equal, the gland wins.",
        "Of equal scores the background wins: take numpy.argmax, or > in place of >=.",
    ),
    (
        "smaller",
        "scores",
        _overlap(scores=lambda z: np.argmin(z, axis=-1)),
        "The class with the smaller score is taken.",
        "The second of two scores is that of glands; a pixel is gland where it is the larger one.",
    ),
    (
        "pooled",
        "mean",
        _overlap(together=_pooled),
        "All pixels of all images are counted as one image. Then large glands decide.",
        "Compute the coefficient of each image first, and then the mean of these.",
    ),
    (
        "without_nan",
        "domain",
        _overlap(together=lambda found, labels, truth, of_union: _without_empty(found, labels, truth)),
        "Images without a gland, where none is marked, are left out of the mean, as numpy.nanmean does.",
        "They count 1 in the mean as well.",
    ),
    (
        "exponential",
        "domain",
        _overlap(scores=_by_exponentials),
        "The exponentials of large scores are infinite, and a quotient of these is no number.",
        "No probabilities are needed: compare the two scores themselves.",
    ),
    (
        "sum",
        "mean",
        _overlap(together=lambda found, labels, truth, of_union: np.sum(found)),
        "The coefficients are added up and not averaged.",
        "Divide by the number of images.",
    ),
    (
        "same",
        "iou",
        _overlap(iou=lambda d: d),
        "With iou=True the Dice coefficient itself comes back.",
        "With J for intersection over union and D for Dice: which J has the D that you have?",
    ),
    (
        "inverse",
        "iou",
        _overlap(iou=lambda d: 2 * d / (1 + d)),
        "This is the formula that makes Dice out of intersection over union; the other direction is asked.",
        "Intersection over union is never larger than Dice.",
    ),
    (
        "mean_first",
        "domain",
        _mean_first,
        "Intersection over union of the mean coefficient is not the mean of intersection over union.",
        "Convert the coefficient of each image first, and average then.",
    ),
    (
        "in_place",
        "domain",
        _in_place,
        "",
        "",
    ),
)


# Of cross-entropy.


def _log_softmax(z: np.ndarray, axis: int = -1) -> np.ndarray:
    z = z - z.max(axis=axis, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))


def _shifted_by_all(z: np.ndarray, axis: tuple[int, ...] | None = None) -> np.ndarray:
    """Return logarithms of softmax computed after the largest score of the array, or of an image, was subtracted."""
    z = z - z.max(axis=axis, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))


def _weighted_rows(losses: np.ndarray, y: np.ndarray, w: np.ndarray, z: np.ndarray) -> float:
    return float(np.mean(np.sum(losses * w[y], axis=-1) / np.sum(w[y], axis=-1)))


def _entropy(
    logarithms: Callable = _log_softmax,
    factor: Callable = lambda masks, classes: 1.0,
    weigh: Callable | None = None,
    masked: Callable | None = None,
) -> Callable:
    """Return a fault of the cross-entropy by what it computes otherwise."""

    def fault(right: Callable) -> Callable:
        def answer(logits, masks, weights=None):
            z, y = np.asarray(logits, dtype="float64"), np.asarray(masks).astype(int)
            with np.errstate(all="ignore"):
                every = -logarithms(z)
                losses = np.take_along_axis(every, y[..., None], axis=-1)[..., 0]
                counts = np.ones(y.shape) if weights is None else np.asarray(weights, dtype="float64")[y]
                if masked is not None:
                    counts = counts * masked(y)
                if weights is not None and weigh is not None:
                    return np.array(weigh(losses, y, np.asarray(weights, dtype="float64"), z))
                return np.array(np.sum(losses * counts) / np.sum(counts) * factor(y, z.shape[-1]))

        return answer

    return fault


_CROSS_ENTROPY = _faults(
    "pixel_cross_entropy",
    (
        "sum",
        "value",
        _entropy(factor=lambda y, k: y.size),
        "The losses of all pixels are added up and not averaged.",
        "Divide by the number of pixels of all images.",
    ),
    (
        "images",
        "value",
        _entropy(factor=lambda y, k: y.size / len(y)),
        "The losses are divided by the number of images, not by that of pixels.",
        "Average over images, rows and columns.",
    ),
    (
        "classes",
        "value",
        _entropy(factor=lambda y, k: 1 / k),
        "The zeros of a one-hot code are averaged too.",
        "Each pixel has one loss, that of its true class; divide by the number of pixels alone.",
    ),
    (
        "axis",
        "value",
        _entropy(lambda z: _log_softmax(z, axis=2)),
        "The probabilities of a pixel do not add up to 1: softmax runs over another axis.",
        "Softmax runs over the last axis, that of the classes.",
        _entropy(lambda z: _log_softmax(z, axis=1)),
        _entropy(lambda z: _log_softmax(z, axis=0)),
    ),
    (
        "unshifted",
        "value stable",
        _entropy(lambda z: z - np.log(np.sum(np.exp(z - z.max(axis=-1, keepdims=True)), axis=-1, keepdims=True))),
        "The largest score was subtracted below the logarithm, and not from the score of the true class.",
        "Subtract it from all scores of a pixel first, and go on with these alone.",
    ),
    (
        "largest_of_all",
        "stable",
        _entropy(_shifted_by_all),
        "The largest score of the whole array was subtracted, so pixels whose scores lie far below have a sum of 0.",
        "Each pixel has a largest score of its own: keep the axis, so that it is subtracted from that pixel.",
        _entropy(lambda z: _shifted_by_all(z, (1, 2, 3))),
    ),
    (
        "base_2",
        "value",
        _entropy(lambda z: _log_softmax(z) / np.log(2)),
        "The logarithm has the base 2.",
        "Take the natural logarithm.",
    ),
    (
        "sign",
        "value",
        _entropy(lambda z: -_log_softmax(z)),
        "The sign is wrong: a loss is never negative.",
        "It is minus the logarithm of the probability.",
    ),
    (
        "twice",
        "value",
        _entropy(lambda z: _log_softmax(np.exp(_log_softmax(z)))),
        "Softmax was taken twice.",
        "What comes in are scores; turn them into probabilities once.",
    ),
    (
        "other_class",
        "value",
        _entropy(lambda z: _log_softmax(z)[..., ::-1]),
        "The classes are in the wrong order: the loss is that of another class than the true one.",
        "The number in the mask is the index of the score.",
    ),
    (
        "sigmoid",
        "value stable",
        _entropy(lambda z: -np.logaddexp(0, -z)),
        "Each score was turned into a probability by itself, as for classes that do not exclude each other.",
        "Softmax divides by the sum over the classes of a pixel.",
    ),
    (
        "overflow",
        "stable",
        _entropy(lambda z: np.log(np.exp(z) / np.sum(np.exp(z), axis=-1, keepdims=True))),
        "The exponential of large scores is infinite, or that of all is 0.",
        "Softmax stays the same when the largest score of a pixel is subtracted from all of them.",
    ),
    (
        "epsilon",
        "stable",
        _entropy(lambda z: np.log(np.exp(_log_softmax(z)) + 1e-7)),
        "A small number keeps the logarithm finite, and caps the loss of a pixel that is very wrong.",
        "Compute the logarithm of softmax directly: a score minus the logarithm of a sum.",
        *(_entropy(lambda z, tiny=tiny: np.log(np.exp(_log_softmax(z)) + tiny)) for tiny in (1e-9, 1e-12, 1e-15)),
        *(
            _entropy(lambda z, tiny=tiny: np.log(np.clip(np.exp(_log_softmax(z)), tiny, 1)))
            for tiny in (1e-7, 1e-12, 1e-15)
        ),
    ),
    (
        "ignored",
        "weights",
        _entropy(weigh=lambda losses, y, w, z: losses.mean()),
        "The weights change nothing.",
        "Multiply the loss of each pixel by the weight of its true class.",
    ),
    (
        "by_count",
        "weights",
        _entropy(weigh=lambda losses, y, w, z: np.mean(losses * w[y])),
        "The weighted losses are divided by the number of pixels, as Keras does.",
        "A weighted mean is divided by the sum of the weights of all pixels.",
    ),
    (
        "by_classes",
        "weights",
        _entropy(weigh=lambda losses, y, w, z: np.sum(losses * w[y]) / np.sum(w)),
        "The weighted losses are divided by the sum of the weights of the classes.",
        "Each pixel brings a weight of its own: divide by the sum of these.",
        _entropy(weigh=lambda losses, y, w, z: np.mean(losses * w[y]) / np.sum(w)),
        _entropy(weigh=lambda losses, y, w, z: np.mean(losses * w[y]) / np.mean(w)),
    ),
    (
        "weighted_images",
        "weights",
        _entropy(weigh=lambda losses, y, w, z: np.mean([np.average(*one) for one in zip(losses, w[y], strict=True)])),
        "There is a weighted mean of each image, and these were averaged.",
        "Add up over all pixels of all images, above and below, and divide once.",
        _entropy(weigh=_weighted_rows),
    ),
    (
        "inverted",
        "weights",
        _entropy(weigh=lambda losses, y, w, z: np.average(losses, weights=1 / w[y])),
        "The weights were turned around: a large one must count more.",
        "Multiply by the weight of the true class.",
    ),
    (
        "predicted",
        "weights",
        _entropy(weigh=lambda losses, y, w, z: np.average(losses, weights=w[np.argmax(z, axis=-1)])),
        "The weight is that of the class that is predicted.",
        "The weight of a pixel is that of its true class.",
    ),
    ("in_place", "domain", _in_place, "", ""),
)


# Of stopping.


def _stopping(best: Callable | None = None, stop: Callable | None = None) -> Callable:
    """Return a fault of `should_stop`: ``best`` takes the history and the least step, and returns an epoch; ``stop``
    takes losses, how many epochs have passed since, and the patience."""

    def fault(right: Callable) -> Callable:
        def answer(history, patience, min_delta):
            losses = history["val_loss"]
            place = right(history, patience, min_delta)[1] if best is None else best(history, min_delta)
            since = len(losses) - 1 - place
            ends = since >= patience if stop is None else stop(losses, since, patience)
            return np.array([float(ends), float(place)])

        return answer

    return fault


def _records(losses: list[float], delta: float, better: Callable, previous: bool = False) -> int:
    """Return the last epoch that was better than the best one, or than the one before it."""
    best = losses[0]
    place = 0
    for epoch, loss in enumerate(losses[1:], start=1):
        if better(loss, losses[epoch - 1] if previous else best, delta):
            best, place = loss, epoch
    return place


_STOP = _faults(
    "should_stop",
    (
        "training",
        "best stop domain",
        _stopping(lambda h, d: _records(h["loss"], d, lambda new, old, d: new < old - d)),
        "The epoch is the best one for the training images: that loss falls on while the network overfits.",
        "Look at val_loss.",
    ),
    (
        "largest",
        "best stop domain",
        _stopping(lambda h, d: _records(h["val_loss"], d, lambda new, old, d: new > old + d)),
        "The epoch with the largest loss is taken.",
        "A loss is the better the smaller it is.",
    ),
    (
        "no_delta",
        "best",
        _stopping(lambda h, d: _records(h["val_loss"], 0, lambda new, old, d: new < old)),
        "A step that is smaller than min_delta counts as better.",
        "An epoch is better where its loss lies below the best one by more than min_delta.",
    ),
    (
        "previous",
        "best",
        _stopping(lambda h, d: _records(h["val_loss"], d, lambda new, old, d: new < old - d, previous=True)),
        "An epoch is compared with the one before it, so it is better right after a bad one.",
        "Compare with the best epoch so far.",
    ),
    (
        "last",
        "best stop domain",
        _stopping(lambda h, d: len(h["val_loss"]) - 1),
        "The last epoch is restored, whatever came before.",
        "Keep the number of the epoch that was better than all before it.",
    ),
    (
        "ties",
        "domain",
        _stopping(
            lambda h, d: _records(h["val_loss"], d, lambda new, old, d: new < old - d or (d == 0 and new == old))
        ),
        "An epoch with the same loss as the best one counts as better.",
        "Of equal losses the first one stays the best.",
    ),
    (
        "too_early",
        "stop",
        _stopping(stop=lambda losses, since, patience: since + 1 >= patience),
        "It stops one epoch too early.",
        "With a patience of 1, the first epoch that is not better ends the training, and no other.",
    ),
    (
        "too_late",
        "stop",
        _stopping(stop=lambda losses, since, patience: since > patience),
        "It stops one epoch too late.",
        "It ends as soon as as many epochs as the patience have passed since the best one.",
    ),
    (
        "epochs",
        "stop",
        _stopping(stop=lambda losses, since, patience: len(losses) > patience),
        "The epochs are counted from the beginning of the training.",
        "Count those since the best one.",
    ),
    (
        "difference",
        "stop",
        _stopping(stop=lambda losses, since, patience: len(losses) > 1 and abs(losses[-1] - losses[-2]) > 0.03),
        "It looks at the last two epochs alone, as the report does: such a rule fires where the loss falls fast.",
        "Count the epochs that have passed since the best one, and compare with the patience.",
    ),
    (
        "never",
        "stop",
        _stopping(stop=lambda losses, since, patience: False),
        "It never stops.",
        "Return True once as many epochs as the patience have passed since the best one.",
    ),
)


# Of networks: what is other than right, as `networks_of` takes it.

_F = networks_of.FCN
FCN_MISTAKES: dict[str, dict[str, Any]] = {
    "relu_between": {"relu": ("c", "u")},
    "relu_once": {"relu": ("c", "v"), "table": (*_F[:5], ("v", 16, 2), *_F[6:])},
    "unpadded": {"unpadded": True},
    "rescaling": {"table": (("r", 0, 0), *_F)},
    "third_pooling": {"table": (*_F[:5], ("p", 0, 2), *_F[5:])},
    "no_relu": {"relu": ()},
    "softmax": {"end": "softmax"},
    "average": {"pooling": "AveragePooling2D"},
    "five": {"table": tuple((word, maps, 5 if word == "c" else size) for word, maps, size in _F)},
    "maps": {"table": tuple((word, 2 * maps if word in "cu" else maps, size) for word, maps, size in _F)},
    "bilinear": {"table": (*_F[:5], ("b", 0, 4), ("o", 2, 1))},
    "normalized": {"extra": ("c",)},
    "one_score": {"table": (*_F[:-1], ("o", 1, 1))},
    "fixed": {"side": 128},
    "dense": {"table": (*_F[:-1], ("d", 2, 0))},
    "not_up": {"table": (*_F[:6], ("u", 8, 1), ("o", 2, 1))},
}
UNET_MISTAKES: dict[str, dict[str, Any]] = {
    "no_skips": {"joined": (False, False, False)},
    "top_alone": {"joined": (True, False, False)},
    "no_top": {"joined": (False, True, True)},
    "no_middle": {"joined": (True, False, True)},
    "late": {"kept": "late"},
    "behind_pooling": {"kept": "behind"},
    "image_made_smaller": {"kept": "image"},
    "one_score": {"outputs": 1},
    "fixed": {"side": 128},
    "two_halvings": {"depth": 2},
    "softmax": {"end": "softmax"},
    "softmax_inside": {"softmax": True},
    "sigmoid": {"end": "sigmoid"},
}


def _networks(function: str, mistakes: Mapping[str, dict], rows: Mapping[str, tuple[str, str, str]]) -> list[Fault]:
    build, measure = (networks_of.fcn, measuring.fcn) if function == "build_fcn" else (networks_of.unet, measuring.unet)
    return _faults(
        function,
        *(
            (name, rows[name][0], lambda right, changes=changes: lambda: measure(build(**changes)), *rows[name][1:])
            for name, changes in mistakes.items()
        ),
    )


_SIZES_OPEN = (
    "Only images of one size are taken: a network without a dense layer can take any.",
    ("Give None for the rows and the columns of the input, and 3 for the channels."),
)
_FCN = _networks(
    "build_fcn",
    FCN_MISTAKES,
    {
        "relu_between": (
            "layers",
            "There is an activation behind the transposed convolutions, which this network has none of.",
            "Only the three convolutions 3×3 have ReLU.",
        ),
        "relu_once": (
            "layers",
            "There is an activation between the two transposed convolutions, and nothing is between them here.",
            "Give the transposed convolutions no activation.",
        ),
        "unpadded": (
            "form layers",
            "The convolutions are not padded, so each of them takes a border from the image.",
            "The three convolutions 3×3 have padding that keeps the size.",
        ),
        "rescaling": (
            "layers",
            "The network scales what it takes. Its images come in from -1 to 1 already.",
            "Leave the layer that rescales out.",
        ),
        "third_pooling": (
            "form layers",
            "There is a third pooling, behind the last convolution of the way down.",
            "Pool behind the first and the second convolution alone.",
        ),
        "no_relu": ("layers", "There is no activation at all.", "The three convolutions 3×3 have ReLU."),
        "softmax": (
            "layers",
            "It gives probabilities, and scores are asked for: the loss takes the softmax.",
            "The last layer has no activation.",
        ),
        "average": ("layers", "It pools by averages.", "Take max pooling, 2×2."),
        "five": ("layers", "The kernels are of another size.", "The three convolutions are 3×3."),
        "maps": (
            "layers",
            "There are other numbers of maps.",
            "8, 16 and 32 maps on the way down, 16 and 8 on the way up.",
        ),
        "bilinear": (
            "layers",
            "It goes up by interpolation, without transposed convolutions.",
            "Two transposed convolutions of 2×2 with a stride of 2 double the size.",
        ),
        "normalized": ("layers", "There is batch normalization in it.", "This network has none; leave it out."),
        "one_score": (
            "form layers",
            "There is one score for each pixel, and each class needs one.",
            "The last convolution has two maps.",
        ),
        "fixed": ("form", *_SIZES_OPEN),
        "dense": (
            "form layers",
            "There is a dense layer.",
            "A convolution 1×1 does for each pixel what a dense layer would.",
        ),
        "not_up": (
            "form layers",
            "It does not come back to the size of the image.",
            "Each of the two poolings needs a transposed convolution with a stride of 2 that undoes it.",
        ),
    },
)
_NO_WAY = (
    "Nothing of the way down gets around the bottleneck: nothing is joined, as in the report, or other maps than those "
    "from before pooling.",
    "Keep what a level gives on the way down, before pooling, and join it along the channels to what comes up there.",
)
_UNET = _networks(
    "build_unet",
    UNET_MISTAKES,
    {
        "no_skips": ("skips", *_NO_WAY),
        "top_alone": (
            "skips",
            "Only the largest maps are joined.",
            "Each of the three levels above the bottleneck has a skip connection.",
        ),
        "no_top": (
            "skips",
            "The maps as large as the image are not joined, and they know the edges best.",
            "Join what came before the first pooling to what comes up last.",
        ),
        "no_middle": (
            "skips",
            "The maps of half of the size are not joined.",
            "Join what came before the second pooling too.",
        ),
        "late": ("skips", *_NO_WAY),
        "behind_pooling": ("skips", *_NO_WAY),
        "image_made_smaller": ("skips", *_NO_WAY),
        "one_score": (
            "form",
            "There is one score for each pixel where each class must have its own.",
            "The last convolution needs two maps.",
        ),
        "fixed": ("form", _SIZES_OPEN[0].replace("Only", "Just"), _SIZES_OPEN[1]),
        "two_halvings": (
            "form skips",
            "It halves the image twice, and a gland is larger than what it then sees.",
            "Go down three times, and up again as often.",
        ),
        **dict.fromkeys(
            ("softmax", "softmax_inside", "sigmoid"),
            (
                "form",
                "There is a softmax or a sigmoid in the way, and scores are asked for: the loss takes the softmax.",
                "The last convolution has no activation, and nothing comes after it.",
            ),
        ),
    },
)


# Of what has only properties: the hint by the name of the fault, and a more direct one.

HINTS: dict[str, tuple[str, str]] = {
    "soft_sign": (
        "It is lower by 1 than it should be: minus a coefficient, and not 1 minus it.",
        "A right answer must give a loss of 0.",
    ),
    "soft_score": (
        "This is the coefficient itself, which would be made small.",
        "The loss is 1 minus the coefficient.",
    ),
    "soft_hard": (
        "The probabilities are turned into 0 and 1 first, and what is rounded has no gradient.",
        "Multiply the probabilities themselves with the masks.",
    ),
    "soft_pooled": (
        "All pixels of all images are counted as one image.",
        "Sum over rows and columns of each image, divide, and take the mean over images last.",
    ),
    "soft_smooth": (
        "The number that is added above and below is too large: it changes the loss.",
        "Take 1e-6: it matters only where both sums are 0.",
    ),
    "soft_epsilon": (
        "For two empty masks all that is left is the small number above and below, and it must be the same there.",
        "Add 1e-6 once above, beside twice the sum, and once below.",
    ),
    "soft_squares": (
        "The probabilities are squared below, as in V-Net. That is another loss.",
        "Below stand the sums of the probabilities and of the mask themselves.",
    ),
    "soft_union": (
        "This is 1 minus intersection over union.",
        "Twice what both share, divided by the sum of both sizes.",
    ),
    "soft_factor": ("The factor 2 is missing.", "What both share counts twice."),
    "soft_empty": (
        "An image without a gland, where none is marked, divides 0 by 0.",
        "Add 1e-6 above and below: then it gives a loss of 0.",
    ),
    "soft_per_image": (
        "There is a number for each image, or for each pixel, and one for all is asked for.",
        "Take the mean at the end.",
    ),
    "soft_detached": (
        "The gradient cannot find its way back to the probabilities.",
        "Use keras.ops all the way, neither NumPy nor rounding nor argmax.",
    ),
    "soft_half_gradient": (
        "A part of the loss is held fixed while the gradient is taken.",
        "The probabilities stand above and below; both change.",
    ),
    "split_overlap": (
        "What is validated with must not be trained with.",
        "Choose the images for validation first; the others are for training.",
    ),
    "split_missing": ("Every image belongs in one of the parts.", "Use what is left over for training."),
    "split_size": (
        "A fifth of the images is for validation, or a little more where twins stay together.",
        "Take whole groups of twins until at least a fifth of the images is chosen.",
    ),
    "split_twins": (
        "A copy or a mirror image of a validation image was trained with, so validation measures memory.",
        "Give twins one key: the smallest of the bytes of an image, its two mirror images and both at once, say.",
    ),
    "split_unseeded": (
        "The result cannot be repeated.",
        "Draw with numpy.random.default_rng(seed), and with nothing else.",
    ),
    "split_moved_on": (
        "The seed decides where the choice begins, and shuffles nothing.",
        "Draw an order of all groups with the seed, and take them in this order.",
    ),
    "split_fixed": ("The seed changes nothing.", "Shuffle the images, or their groups, with the seed."),
    "augment_nothing": (
        "Noise and light change no geometry; mirror or turn the pair as well.",
        "Draw a mirror image or an angle with rng.",
    ),
    "augment_mask_still": (
        "The image is moved and its mask is not.",
        "Whatever moves the image must move the mask by the same numbers.",
    ),
    "augment_image_still": (
        "The mask is moved and its image is not.",
        "Whatever moves the mask must move the image by the same numbers.",
    ),
    "augment_apart": (
        "Image and mask are moved differently, as where each draws numbers of its own.",
        "Draw the numbers once, and use them for both.",
    ),
    "augment_gray": (
        "The mask was interpolated.",
        "Move it with order=0, the nearest neighbor: then no new value comes about.",
    ),
    "augment_255": ("The mask was scaled.", "A mask holds 0 and 1; 255 would be a class of its own."),
    "augment_scaled": (
        "The range was lost, as where scikit-image turns bytes into numbers up to 1.",
        "Ask for preserve_range=True, or multiply by 255 again.",
    ),
    "augment_black": (
        "The image is black, as where numbers up to 1 are turned into bytes.",
        "Bring the values back to 0 to 255 before you change the type.",
    ),
    "augment_beyond": (
        "Light and noise may not leave the range of a byte.",
        "Cut the values off at 0 and 255.",
    ),
    "augment_wraps": (
        "Values beyond 255 began again at 0, as bytes do: 260 became 4.",
        "Compute with floats, cut off at 0 and 255, and change the type last.",
    ),
    "augment_light": (
        "The image is much brighter than it was, as where values below 0 begin again at 255, or too much was added.",
        "Compute with floats, change the light by less than half, cut off at 0 and 255, and change the type last.",
    ),
    "augment_nan": (
        "They come from a division by 0, or from empty corners that were filled with NaN.",
        "Fill what is empty with a number from 0 to 255.",
    ),
    "augment_same_way": (
        "Only light and noise are drawn, and the geometry is always the same.",
        "Draw a mirror image or an angle with rng.",
    ),
    "augment_small": (
        "Images of any side from 40 pixels on may come in, so the side is len(mask) and no number of your own.",
        "Look for conditions on the side and for sizes that you wrote as numbers.",
    ),
    "augment_border_cut": (
        "The mask was interpolated, and what was less than 1 on its border was cut off by the change of type.",
        "Move the mask with order=0, the nearest neighbor.",
    ),
    "augment_border_grown": (
        "The mask was interpolated, and all of its border that was more than 0 became gland.",
        "Move the mask with order=0, the nearest neighbor.",
    ),
    "augment_larger": (
        "A turned image needs more room, and scipy.ndimage.rotate makes it: give it reshape=False.",
        "Ask for the shape of the image that came in.",
    ),
    "augment_unseeded": (
        "Something is drawn with another generator.",
        "Draw with the rng that you are given, never with numpy.random itself.",
    ),
    "augment_fixed": ("rng changes nothing.", "Draw with the rng that you are given, not with one of your own."),
    "augment_in_place": ("What is given belongs to the caller.", "Copy the image and the mask before you change them."),
}


def _soft(change: Callable) -> Callable:
    """Return a fault of the soft loss: ``change`` takes Keras' operations, masks and probabilities."""

    def fault(right: Callable) -> Callable:
        def answer(masks, p):
            import keras

            return change(keras.ops, masks, p, right)

        return answer

    return fault


def _parts(ops: Any, masks: Any, p: Any) -> tuple[Any, Any]:
    masks = ops.convert_to_tensor(masks, "float32")
    return ops.sum(masks * p, axis=[1, 2]), ops.sum(masks, axis=[1, 2]) + ops.sum(p, axis=[1, 2])


def _divided(ops: Any, masks: Any, p: Any, factor: float = 2, more: float = 1e-6) -> Any:
    shared, sizes = _parts(ops, masks, p)
    return 1 - (factor * shared + more) / (sizes + more)


def _all_as_one(ops: Any, masks: Any, p: Any, right: Callable) -> Any:
    shared, sizes = (ops.sum(one) for one in _parts(ops, masks, p))
    return 1 - (2 * shared + 1e-6) / (sizes + 1e-6)


def _held(ops: Any, masks: Any, p: Any, right: Callable) -> Any:
    shared, sizes = _parts(ops, masks, p)
    return ops.mean(1 - (2 * shared + 1e-6) / (ops.stop_gradient(sizes) + 1e-6))


def _small_number(above: float, below: float) -> Callable:
    def change(ops: Any, masks: Any, p: Any, right: Callable) -> Any:
        shared, sizes = _parts(ops, masks, p)
        return ops.mean(1 - (2 * shared + above) / (sizes + below))

    return change


def _squared(ops: Any, masks: Any, p: Any, right: Callable) -> Any:
    sizes = _parts(ops, masks, p * p)[1]
    return ops.mean(1 - (2 * _parts(ops, masks, p)[0] + 1e-6) / (sizes + 1e-6))


def _over_union(ops: Any, masks: Any, p: Any, right: Callable) -> Any:
    shared, sizes = _parts(ops, masks, p)
    return ops.mean(1 - (shared + 1e-6) / (sizes - shared + 1e-6))


#: The lines that a change loses, the change, and its hint where that has another name.
_SOFT_CHANGES: dict[str, tuple] = {
    "soft_sign": ("loss", lambda ops, m, p, right: right(m, p) - 1),
    "soft_score": ("loss", lambda ops, m, p, right: 1 - right(m, p)),
    "soft_hard": ("loss gradient", lambda ops, m, p, right: right(m, ops.round(p))),
    "soft_pooled": ("loss", _all_as_one),
    "soft_smooth": ("loss", lambda ops, m, p, right: ops.mean(_divided(ops, m, p, more=1.0))),
    "soft_thousandth": ("loss", lambda ops, m, p, right: ops.mean(_divided(ops, m, p, more=1e-3)), "soft_smooth"),
    "soft_factor": ("loss", lambda ops, m, p, right: ops.mean(_divided(ops, m, p, factor=1))),
    "soft_empty": ("loss", lambda ops, m, p, right: ops.mean(_divided(ops, m, p, more=0.0))),
    "soft_below_alone": ("loss", _small_number(0.0, 1e-6), "soft_epsilon"),
    "soft_twice_above": ("loss", _small_number(2e-6, 1e-6), "soft_epsilon"),
    "soft_squares": ("loss", _squared),
    "soft_union": ("loss", _over_union),
    "soft_per_image": ("loss", lambda ops, m, p, right: _divided(ops, m, p)),
    "soft_detached": ("gradient", lambda ops, m, p, right: right(m, ops.convert_to_numpy(p))),
    "soft_half_gradient": ("gradient", _held),
}


def _splitting(change: Callable) -> Callable:
    """Return a fault of `split`: ``change`` takes the right parts, images, the seed, and the right function."""
    return lambda right: lambda images, seed: change(*map(np.array, right(images, seed)), images, seed, right)


def _by_index(train, valid, images, seed, right):
    """Shuffle the images, twins or not."""
    order = np.random.default_rng(seed).permutation(len(images))
    count = -(-len(images) // 5)
    return order[count:], order[:count]


def _copies_only(train, valid, images, seed, right):
    """Keep equal images together, and mirror images apart."""
    keys = np.array([hash(image.tobytes()) for image in images])
    chosen: list[int] = []
    for key in np.random.default_rng(seed).permutation(np.unique(keys)):
        if len(chosen) < len(images) / 5:
            chosen += np.flatnonzero(keys == key).tolist()
    return np.setdiff1d(np.arange(len(images)), chosen), np.array(chosen)


def _in_order(order: Callable, enough: Callable = lambda count: count / 5) -> Callable:
    """Return a change that takes groups of twins in an order of their own.

    ``order`` takes how many there are and the seed; ``enough`` takes how many images there are, and returns how many
    should be chosen at least.
    """

    def _taken(train, valid, images, seed, right):
        families: dict[bytes, list[int]] = {}
        for k, image in enumerate(images):
            views = (image, image[::-1], image[:, ::-1], image[::-1, ::-1])
            families.setdefault(min(one.tobytes() for one in views), []).append(k)
        groups, chosen = list(families.values()), []
        for one in order(len(groups), seed):
            if len(chosen) < enough(len(images)):
                chosen += groups[one]
        return np.setdiff1d(np.arange(len(images)), chosen), np.array(chosen)

    return _taken


#: Stops where a fifth of the images, rounded down, is chosen.
_rounded_down = _in_order(lambda count, seed: np.random.default_rng(seed).permutation(count), lambda count: count // 5)
_moved_on = _in_order(lambda count, seed: np.roll(np.arange(count), -seed % count))
_every_fifth = _in_order(lambda count, seed: np.argsort((np.arange(count) - seed) % 5, kind="stable"))


_SPLIT_CHANGES: dict[str, tuple[str, Callable, str]] = {
    "overlap": ("parts", lambda t, v, x, s, right: (np.concatenate([t, v[:1]]), v), "split_overlap"),
    "missing": ("parts", lambda t, v, x, s, right: (t[3:], v), "split_missing"),
    "rounded_down": ("parts", _rounded_down, "split_size"),
    "size": ("parts", lambda t, v, x, s, right: (v, t), "split_size"),
    "twins": ("twins", _by_index, "split_twins"),
    "copies_only": ("twins", _copies_only, "split_twins"),
    "unseeded": (
        "seed",
        lambda t, v, x, s, right: right(x, int(np.random.default_rng().integers(2**31))),
        "split_unseeded",
    ),
    "fixed": ("seed", lambda t, v, x, s, right: right(x, 0), "split_fixed"),
    "moved_on": ("seed", _moved_on, "split_moved_on"),
    "every_fifth": ("seed", _every_fifth, "split_moved_on"),
}


def _augmenting(change: Callable) -> Callable:
    """Return a fault of `augment`: ``change`` takes the image, the mask, rng, and the right function."""
    return lambda right: lambda image, mask, rng: change(image, mask, rng, right)


def _blurred(image, mask, rng, right):
    """Interpolate the mask between its pixels."""
    one, other = right(image, mask, rng)
    other = other.astype("float64")
    other[1:-1] = (other[:-2] + 2 * other[1:-1] + other[2:]) / 4
    return one, other


def _turned(image, angle, order):
    import scipy.ndimage as ndimage

    return ndimage.rotate(image.astype("float64"), angle, reshape=False, order=order, mode="nearest")


def _mirrored(image, mask, rng):
    return (image[:, ::-1], mask[:, ::-1]) if rng.random() < 0.5 else (image, mask)


def _turned_apart(of_image: Callable, of_mask: Callable) -> Callable:
    """Return a change that mirrors image and mask alike and turns each by an angle of its own, of up to 10 degrees."""

    def change(image, mask, rng, right):
        image, mask = _mirrored(image, mask, rng)
        angles = rng.uniform(-10, 10, 2)
        one = np.clip(_turned(image, of_image(*angles), 1), 0, 255).astype("uint8")
        return one, _turned(mask, of_mask(*angles), 0).astype("uint8")

    return change


def _zoomed_alone(image, mask, rng, right):
    import scipy.ndimage as ndimage

    image, mask = _mirrored(image, mask, rng)
    part = 1 / rng.uniform(1, 1.25)
    start = (len(mask) - 1) / 2 * (1 - part)
    matrix, offset = np.diag([part, part, 1]), (start, start, 0)
    return ndimage.affine_transform(image, matrix, offset, order=1), mask.copy()


def _bordered(of_mask: Callable) -> Callable:
    """Return a change that turns image and mask alike and interpolates both."""

    def change(image, mask, rng, right):
        image, mask = _mirrored(image, mask, rng)
        angle = rng.uniform(-40, 40)
        one = np.clip(_turned(image, angle, 1), 0, 255).astype("uint8")
        return one, of_mask(_turned(mask, angle, 1)).astype("uint8")

    return change


def _wrapping(change: Callable) -> Callable:
    def answer(image, mask, rng, right):
        image, mask = _mirrored(image, mask, rng)
        return change(image, rng).astype("int64").astype("uint8"), mask.copy()

    return answer


def _changed(of_image: Callable = lambda image: image, of_mask: Callable = lambda mask: mask) -> Callable:
    """Return a change of what comes out."""

    def change(image, mask, rng, right):
        one, other = right(image, mask, rng)
        return of_image(np.asarray(one)), of_mask(np.asarray(other))

    return change


def _overwritten(image, mask, rng, right):
    found = tuple(np.array(one) for one in right(image, mask, rng))
    image[...] = found[0]
    return found


_AUGMENT_CHANGES: dict[str, tuple[str, Callable, str]] = {
    "nothing": ("alike", lambda x, m, rng, right: (_noisy(x, rng), m.copy()), "augment_nothing"),
    "mask_still": ("alike", lambda x, m, rng, right: (right(x, m, rng)[0], m.copy()), "augment_mask_still"),
    "image_still": ("alike", lambda x, m, rng, right: (_noisy(x, rng), right(x, m, rng)[1]), "augment_image_still"),
    "apart": ("alike", lambda x, m, rng, right: (right(x, m, rng)[0], right(x, m, rng)[1]), "augment_apart"),
    "transposed": ("alike", _changed(of_mask=lambda mask: mask.T), "augment_apart"),
    "turned_apart": ("alike", _turned_apart(lambda a, b: a, lambda a, b: b), "augment_apart"),
    "image_turned": ("alike", _turned_apart(lambda a, b: 1.5 * a, lambda a, b: 0), "augment_apart"),
    "opposite": ("alike", _turned_apart(lambda a, b: a, lambda a, b: -a), "augment_apart"),
    "zoomed_alone": ("alike", _zoomed_alone, "augment_apart"),
    **{
        f"apart_by_{n}": (
            "alike",
            lambda x, m, rng, right, n=n: (lambda x, m: (x.copy(), np.roll(m, n, 1)))(*_mirrored(x, m, rng)),
            "augment_apart",
        )
        for n in (1, 2, 4)
    },
    "border_cut": ("binary", _bordered(lambda mask: mask + 1e-9), "augment_border_cut"),
    "border_grown": ("binary", _bordered(lambda mask: mask > 1e-6), "augment_border_grown"),
    "noise_wraps": ("range", _wrapping(lambda x, rng: x + rng.normal(0, 30, x.shape)), "augment_wraps"),
    "little_noise_wraps": ("range", _wrapping(lambda x, rng: x + rng.normal(0, 15, x.shape)), "augment_wraps"),
    "light_wraps": ("range", _wrapping(lambda x, rng: x + rng.integers(0, 80)), "augment_wraps"),
    "gray": ("binary", _blurred, "augment_gray"),
    "of_255": ("binary", _changed(of_mask=lambda mask: mask * np.uint8(255)), "augment_255"),
    "scaled": ("range", _changed(lambda image: image / 255), "augment_scaled"),
    "black": ("range", _changed(lambda image: (image / 255).astype("uint8")), "augment_black"),
    "beyond": ("range", _changed(lambda image: image.astype("float64") * 1.4), "augment_beyond"),
    "unseeded": ("seeded", lambda x, m, rng, right: right(x, m, np.random.default_rng()), "augment_unseeded"),
    "fixed": ("seeded", lambda x, m, rng, right: right(x, m, np.random.default_rng(3)), "augment_fixed"),
    "in_place": ("inputs", _overwritten, "augment_in_place"),
}


def _noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(image + rng.normal(0, 5, image.shape), 0, 255).astype("uint8")


def _of_properties(function: str, changes: Mapping[str, tuple], kind: Callable) -> list[Fault]:
    return _faults(
        function,
        *((name, loses, kind(change), *HINTS[hint]) for name, (loses, change, hint) in changes.items()),
    )


_PROPERTIES = [
    *_of_properties("soft_dice_loss", {k: (*v, k)[:3] for k, v in _SOFT_CHANGES.items()}, _soft),
    *_of_properties("split", _SPLIT_CHANGES, _splitting),
    *_of_properties("augment", _AUGMENT_CHANGES, _augmenting),
]


# Of files of masks.

MASKS = "masks.npz"


def _of(change: Callable[[np.ndarray], np.ndarray]) -> Callable:
    """Return a fault that changes the masks of a file."""

    def apply(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        with np.load(io.BytesIO(files[MASKS])) as archive:
            bits = archive["masks"]
        masks = np.unpackbits(bits, axis=2, count=bits.shape[1])
        file = io.BytesIO()
        np.savez_compressed(file, masks=np.packbits(change(masks), axis=2))
        return {**files, MASKS: file.getvalue()}

    return apply


def _as_it_is(array: Callable[[np.ndarray], np.ndarray], name: str = "masks") -> Callable:
    """Return a fault that writes an array without packing it."""

    def apply(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        with np.load(io.BytesIO(files[MASKS])) as archive:
            bits = archive["masks"]
        file = io.BytesIO()
        np.savez_compressed(file, **{name: array(np.unpackbits(bits, axis=2, count=bits.shape[1]))})
        return {**files, MASKS: file.getvalue()}

    return apply


def _gray_picture(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Hand in probabilities as a picture."""
    from PIL import Image

    with np.load(io.BytesIO(files[MASKS])) as archive:
        bits = archive["masks"]
    below = np.unpackbits(bits, axis=2, count=bits.shape[1]).reshape(-1, bits.shape[1])
    file = io.BytesIO()
    Image.fromarray(np.where(below > 0, 230, 20).astype("uint8")).save(file, "PNG")
    return {"masks.png": file.getvalue()}


def _speckled(masks: np.ndarray) -> np.ndarray:
    """Mark a third of the background too."""
    return masks | (np.random.default_rng(0).random(masks.shape) < 0.35).astype(masks.dtype)


_ALL = "form least more most"
_FILES = [
    Fault(f"masks_{name}", frozenset(f"masks.{key}" for key in loses.split()), apply, to="files")
    for name, loses, apply in (
        ("inverted", _ALL, _of(lambda m: 1 - m)),
        ("swapped", _ALL, _of(lambda m: m[::-1])),
        ("transposed", _ALL, _of(lambda m: m.transpose(0, 2, 1))),
        ("mirrored", _ALL, _of(lambda m: m[:, :, ::-1])),
        ("moved", _ALL, _of(lambda m: np.roll(m, (11, -9), (1, 2)))),
        ("everything", _ALL, _of(np.ones_like)),
        ("one_missing", _ALL, _of(lambda m: m[1:])),
        ("smaller", _ALL, _of(lambda m: m[:, ::2, ::2])),
        ("not_packed", _ALL, _as_it_is(lambda m: 255 * m)),
        ("objects", _ALL, _as_it_is(lambda m: np.array([{}], dtype=object))),
        ("other_name", _ALL, _as_it_is(lambda m: np.packbits(m, axis=2), "arr_0")),
        ("gray", _ALL, _gray_picture),
        ("no_file", _ALL, lambda files: {}),
        ("speckled", "more most", _of(_speckled)),
    )
]

FAULTS = (*_DICE, *_CROSS_ENTROPY, *_STOP, *_FCN, *_UNET, *_PROPERTIES, *_FILES)
