"""What is asked of `pixel_cross_entropy` and `soft_dice_loss`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder.checking import compare, error_texts
from autograder.checking.domain import whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.student import Student, StudentError
from autograder.labs.lab6.domains import PIXELS, SOFT
from autograder.labs.lab6.drawing import Rng, draw_mask
from autograder.labs.lab6.faults import HINTS
from autograder.labs.lab6.shared import compared, judge, number
from autograder.labs.lab6.wording import WORDING

# Cross-entropy.


def _pixels(rng: Rng, classes: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and classes of pixels, where the classes are not equally frequent."""
    share = np.arange(1, classes + 1) / (classes * (classes + 1) / 2)
    return rng.normal(0, 1.5, (*shape, classes)), rng.permutation(
        rng.choice(classes, int(np.prod(shape)), p=share)
    ).reshape(shape)


def _value(student: Student, rng: Rng) -> Wrong | None:
    for classes, shape in ((2, (3, 4, 5)), (3, (2, 5, 3)), (4, (1, 4, 4))):
        if wrong := compared(student, "pixel_cross_entropy", (*_pixels(rng, classes, *shape), None)):
            return wrong
    return None


def _own(student: Student, logits: np.ndarray, masks: np.ndarray) -> float | None:
    """Return the student's own loss without weights, where that is a number which depends on the scores."""
    own = [number(student.call("pixel_cross_entropy", part * logits, masks, None)) for part in (1, 0.5)]
    return None if None in own or np.isclose(*own) else own[0]


_NONE_YET = "pixel_cross_entropy gives no number yet that depends on the scores, so this cannot count."
_NO_WEIGHTS = "pixel_cross_entropy gives the same with weights for the classes as without them."


def _stable(student: Student, rng: Rng) -> Wrong | str | None:
    """Ask with scores far from 0: by the student's own answer to the same scores near it, and, where these are right,
    by the right one where one score is far above the others."""
    logits, masks = _pixels(rng, 2, 2, 4, 3)
    if (own := _own(student, logits, masks)) is None:
        return _NONE_YET
    for moved in (1200.0, -1200.0):
        arguments = (logits + moved, masks, None)
        if wrong := compared(student, "pixel_cross_entropy", arguments, expected=np.array(own)):
            return wrong
    if not decided(student, "pixel_cross_entropy").get("value", True):
        return None
    # So far from 0 that the exponential of a long double overflows as well.
    return compared(student, "pixel_cross_entropy", (5000 * logits, masks, None))


def _weights(student: Student, rng: Rng) -> Wrong | str | None:
    """Ask with weights.

    Where the value without them is wrong, equal weights must change nothing, and others something.
    """
    logits, masks = _pixels(rng, 3, 2, 4, 5)
    if decided(student, "pixel_cross_entropy").get("value", True):
        for weights in (rng.uniform(0.3, 4, 3), np.array([0.2, 1.0, 5.0])):
            if wrong := compared(student, "pixel_cross_entropy", (logits, masks, weights)):
                return wrong
        return None
    if (own := _own(student, logits, masks)) is None:
        return _NONE_YET
    if wrong := compared(student, "pixel_cross_entropy", (logits, masks, np.full(3, 2.5)), expected=np.array(own)):
        return wrong
    weighted = number(student.call("pixel_cross_entropy", logits, masks, np.array([0.2, 1.0, 5.0])))
    return _NO_WEIGHTS if weighted is not None and np.isclose(weighted, own, rtol=1e-6) else None


_Z = np.array([[[[0.0, 1.0], [2.0, 0.0]]]])
_Y = np.array([[[1, 1]]])
CROSS_ENTROPY = Check(
    "pixel_cross_entropy",
    (
        Line(
            "value",
            "The mean of the cross-entropy over all pixels",
            1.0,
            _value,
            [
                lambda student: compared(student, "pixel_cross_entropy", (_Z, _Y, None)),
                lambda student: compared(
                    student,
                    "pixel_cross_entropy",
                    (np.array([[[[0.0, 1.0, 3.0], [2.0, 0.0, 1.0]]]]), np.array([[[1, 0]]]), None),
                ),
            ],
        ),
        Line(
            "stable",
            "Scores far from 0: no overflow, and no number that stands for 0",
            0.75,
            _stable,
            [lambda student: compared(student, "pixel_cross_entropy", (_Z * 1000, _Y, None))],
        ),
        Line(
            "weights",
            "With a weight for each class: the weighted mean",
            0.75,
            _weights,
            [
                lambda student: compared(
                    student, "pixel_cross_entropy", (_Z, np.array([[[0, 1]]]), np.array([1.0, 3.0]))
                )
            ],
        ),
        whole_domain("pixel_cross_entropy", PIXELS, judge("pixel_cross_entropy"), 0.5),
    ),
    wording=WORDING,
)


# Soft Dice. A gradient is taken beside the student's code, since what carries it cannot be sent.

_CELL = """
def course_losses(questions):
    return [part for masks, p in questions for part in course_loss(masks, p)]

def course_loss(masks, p):
    import numpy as np
    import tensorflow as tf
    x = tf.constant(p, "float32")
    with tf.GradientTape() as recorded:
        recorded.watch(x)
        value = soft_dice_loss(tf.constant(masks, "float32"), x)
    number = np.asarray(value, dtype="float64")
    try:
        gradient = recorded.gradient(value, x)
    except Exception:
        gradient = None
    # Where images were taken one by one, what comes is a part of a gradient.
    gradient = None if gradient is None else tf.convert_to_tensor(gradient)
    gradient = np.full(x.shape, np.nan) if gradient is None else np.asarray(gradient, dtype="float64")
    return [number, gradient]
"""
_SECONDS = 60.0
_STEP = 0.02


def _losses(
    student: Student, questions: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return what a student's loss and its gradient are for masks and probabilities."""
    try:
        with student.fresh(_CELL, seconds=_SECONDS, code_only=True) as side:
            sent = side.call("course_losses", [list(one) for one in questions])
    except StudentError as error:
        raise StudentError(error_texts.without_ours(str(error), "soft_dice_loss")) from None
    values = [compare.array(one) for one in sent] if isinstance(sent, list) else []
    if len(values) != 2 * len(questions) or any(one is None for one in values):
        raise StudentError("soft_dice_loss returned something else than a number.")
    return values[::2], values[1::2]


def soft_dice(masks: np.ndarray, p: np.ndarray) -> float:
    """Return the right loss.

    Parameters
    ----------
    masks, p : numpy.ndarray, shape [N, D_y, D_x]

    Returns
    -------
    float

    Examples
    --------
    >>> round(soft_dice(np.ones((1, 2, 2)), np.full((1, 2, 2), 0.5)), 4)
    0.3333
    """
    masks, p = np.asarray(masks, "float64"), np.asarray(p, "float64")
    shared, sizes = np.einsum("nij,nij->n", masks, p), np.einsum("nij->n", masks) + np.einsum("nij->n", p)
    return float(np.mean(1 - (2 * shared + 1e-6) / (sizes + 1e-6)))


def soft_dice_gradient(masks: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return how the right loss changes with each probability.

    Parameters
    ----------
    masks, p : numpy.ndarray, shape [N, D_y, D_x]

    Returns
    -------
    numpy.ndarray, shape [N, D_y, D_x]

    Examples
    --------
    >>> soft_dice_gradient(np.ones((1, 1, 1)), np.full((1, 1, 1), 0.5)).round(4).tolist()
    [[[-0.8889]]]
    """
    masks, p = np.asarray(masks, "float64"), np.asarray(p, "float64")
    shared, sizes = np.einsum("nij,nij->n", masks, p), np.einsum("nij->n", masks) + np.einsum("nij->n", p)
    above, below = (one[:, None, None] + 1e-6 for one in (2 * shared, sizes))
    return (above - 2 * masks * below) / below**2 / len(masks)


def _asked_losses(rng: Rng) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return what is asked, with what it is in words: soft probabilities, sure ones, and images without a gland.

    In the last of these a little is marked: there a number above and below that is too large shows.
    """
    soft = np.stack([draw_mask(rng, kind, 6, 5) for kind in ("some", "few", "most")])
    # Images of different sizes of glands, so that a mean over images is none over pixels.
    probabilities = np.clip(0.6 * soft + rng.uniform(0, 0.4, soft.shape), 0, 1)
    sure = (rng.random(soft.shape) < 0.6).astype("uint8")
    nothing = np.zeros((1, 6, 5), "uint8")
    found = [
        ("masks and probabilities [3, 6, 5]", soft, probabilities),
        ("probabilities of 0 and 1", soft, sure),
        ("an image without a gland, where none is marked", nothing, nothing),
        ("an image without a gland, with probabilities near 0", nothing, rng.uniform(5e-4, 15e-4, nothing.shape)),
    ]
    found += [(f"masks and probabilities {list(p.shape)}", masks, p) for masks, p in _wide(rng)]
    return [(words, masks, p.astype("float32")) for words, masks, p in found]


def _wide(rng: Rng) -> list[tuple[np.ndarray, np.ndarray]]:
    return [question.arguments for question in SOFT.questions(int(rng.integers(2**63)))]


def _loss(student: Student, rng: Rng) -> Problem | None:
    asking = _asked_losses(rng)
    values, _ = _losses(student, [(masks, p) for _, masks, p in asking])
    for (words, masks, p), value in zip(asking, values, strict=True):
        what = f"the soft Dice loss of {words}"
        if value.ndim != 0:
            return lost(
                what, f"It returned {compare.shape(value)} where one number is expected.{_mistake(value, 0, 0)}"
            )
        right = soft_dice(masks, p)
        if not np.isfinite(value) or abs(value - right) > 2e-4:
            # Where sums are 0 and all else is right, only the small number can be wrong.
            empty = not masks.any() and not p.any()
            hint = f" {HINTS['soft_epsilon'][0]}" if empty and np.isfinite(value) else _mistake(value, masks, p)
            if not hint and not masks.any():
                hint = f" {HINTS['soft_smooth'][0]}"
            return lost(what, f"It is {float(value):.4f} where {right:.4f} is right.{hint}")
    return None


def _mistake(value: np.ndarray, masks: np.ndarray, p: np.ndarray) -> str:
    """Return the hint for a known mistake that gives this number; empty where none does."""
    if value.ndim:
        return f" {HINTS['soft_per_image'][0]}"
    masks, p = np.asarray(masks, "float64"), np.asarray(p, "float64")
    hard = np.round(p)
    axes = (1, 2)
    with np.errstate(all="ignore"):
        known = {
            "soft_sign": soft_dice(masks, p) - 1,
            "soft_score": 1 - soft_dice(masks, p),
            "soft_hard": soft_dice(masks, hard),
            "soft_pooled": 1 - (2 * (masks * p).sum() + 1e-6) / (masks.sum() + p.sum() + 1e-6),
            "soft_smooth": np.mean(1 - (2 * (masks * p).sum(axes) + 1) / ((masks + p).sum(axes) + 1)),
            "soft_factor": np.mean(1 - ((masks * p).sum(axes) + 1e-6) / ((masks + p).sum(axes) + 1e-6)),
            "soft_empty": np.mean(1 - 2 * (masks * p).sum(axes) / (masks + p).sum(axes)),
            "soft_squares": np.mean(1 - 2 * (masks * p).sum(axes) / (masks + p**2).sum(axes)),
            "soft_union": np.mean(1 - (masks * p).sum(axes) / (masks + p - masks * p).sum(axes)),
        }
    for name, wrong in known.items():
        same = np.isnan(wrong) and np.isnan(value)
        if same or abs(wrong - float(value)) < 2e-4:
            return f" {HINTS[name][0]}"
    return ""


def _gradient(student: Student, rng: Rng) -> Problem | None:
    """Compare a gradient with what the student's own loss does where one probability is moved a little."""
    masks = np.stack([draw_mask(rng, kind, 3, 4) for kind in ("some", "most")])
    # None so near to a half that a little more would round it the other way.
    p = rng.uniform(0.15, 0.45, masks.shape) + 0.4 * (rng.random(masks.shape) < 0.5)
    places = [tuple(int(n) for n in one) for one in rng.permutation(np.argwhere(masks >= 0))[:6]]
    asking = [(masks, p.astype("float32"))]
    for place in places:
        for sign in (1, -1):
            moved = p.copy()
            moved[place] += sign * _STEP
            asking.append((masks, moved.astype("float32")))
    what = "a gradient of the loss: what it does where one probability is moved a little"
    values, gradients = _losses(student, asking)
    numbers = np.array([float(np.mean(one)) for one in values])
    with np.errstate(invalid="ignore"):
        slopes = (numbers[1::2] - numbers[2::2]) / (2 * _STEP)
    gradient = gradients[0]
    # A loss of what was rounded does not change at all.
    hint = HINTS["soft_detached" if np.abs(slopes).max() > 1e-4 else "soft_hard"][0]
    if gradient.shape != p.shape or np.isnan(gradient).any():
        return lost(what, f"There is none. {hint}")
    # The gradient of a sum over images where a mean was taken, and the reverse, is charged with the loss.
    size = max(1, int(np.size(values[0])))
    found = np.array([gradient[place] for place in places]) / size
    if np.abs(slopes).max() < 1e-4 or np.abs(found).max() < 1e-4:
        return lost(what, f"It is 0 everywhere. {hint}")
    off = np.abs(found - slopes)
    if off.max() > 0.03 * np.abs(slopes).max() + 1e-4:
        worst = int(np.argmax(off))
        where = f"It is {found[worst]:.4f} where the loss changes by {slopes[worst]:.4f}"
        return lost(what, f"{where} for each unit. {HINTS['soft_half_gradient'][0]}")
    # Where the loss is right, it is known what its gradient is everywhere.
    return _gradients(student, rng) if decided(student, "soft_dice_loss").get("loss") else None


def _gradients(student: Student, rng: Rng) -> Problem | None:
    """Compare gradients for inputs of every kind with those of the right loss."""
    asking = _wide(rng)
    _, gradients = _losses(student, asking)
    for (masks, p), gradient in zip(asking, gradients, strict=True):
        what = f"a gradient of the loss of masks and probabilities {list(p.shape)}"
        if gradient.shape != p.shape or np.isnan(gradient).all():
            return lost(what, f"There is none. {HINTS['soft_detached'][0]}")
        if not np.isfinite(gradient).all():
            return lost(what, "It has values that are no finite numbers, which no training survives.")
        # What is cut off at 0 or 1 has two gradients there, and without a gland the small number counts.
        known = masks.any(axis=(1, 2)) & ((p > 0) & (p < 1)).all(axis=(1, 2))
        right = soft_dice_gradient(masks, p)[known]
        off = np.abs(gradient[known] - right)
        if off.max(initial=0) > 0.03 * np.abs(right).max(initial=0) + 1e-4:
            worst = int(np.argmax(off))
            where = f"It is {gradient[known].flat[worst]:.4f} where the loss changes by {right.flat[worst]:.4f}"
            return lost(what, f"{where} for each unit. {HINTS['soft_half_gradient'][0]}")
    return None


def _asks(question: Callable[[Student, Rng], Problem | None]) -> Callable[[Student, Rng], Problem | None]:
    def asked(student: Student, rng: Rng) -> Problem | None:
        try:
            return question(student, rng)
        except StudentError as error:
            return lost("the soft Dice loss of masks and probabilities [N, D_y, D_x]", str(error))

    return asked


SOFT_DICE = Check(
    "soft_dice_loss",
    (
        Line("loss", "The mean over images of 1 minus a Dice coefficient of probabilities", 1.0, _asks(_loss)),
        Line("gradient", "Its gradient is how the loss changes", 1.0, _asks(_gradient)),
    ),
)
