"""What is asked of `dice`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder.checking import compare
from autograder.checking.domain import whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab6.domains import OVERLAP
from autograder.labs.lab6.drawing import Rng, draw_mask, draw_scores
from autograder.labs.lab6.shared import compared, judge
from autograder.labs.lab6.wording import WORDING


def _masks(rng: Rng, images: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return masks whose overlap differs from image to image, and whose sizes do too."""
    kinds = ("some", "few", "most", "some")
    truth = np.stack([draw_mask(rng, kinds[k % 4], 7, 9) for k in range(images)])
    wrong = rng.random(truth.shape) < np.linspace(0.1, 0.5, images)[:, None, None]
    return np.where(wrong, 1 - truth, truth).astype("uint8"), truth


def _each(student: Student, rng: Rng) -> Wrong | str | None:
    arguments = (*_masks(rng), True, False)
    answer = student.ask("dice", *arguments)
    values = compare.array(answer.value)
    if values is not None and values.ndim == 0:
        return "dice returns one number with per_image=True too, where an array with one of each image is asked for."
    return compared(student, "dice", arguments, answer)


def _own(student: Student, pred: np.ndarray, truth: np.ndarray) -> np.ndarray | None:
    """Return the student's own Dice coefficients of images, where these are numbers that differ."""
    values = compare.array(student.call("dice", pred, truth, True, False))
    return values if values is not None and values.shape == (len(truth),) and compare.varied(values) else None


_NONE_YET = "dice gives no coefficient of each image yet that depends on its masks, so this cannot count."


def _by_own(
    student: Student, arguments: tuple, masks: tuple[np.ndarray, np.ndarray], right: Callable
) -> Wrong | str | None:
    """Compare an answer with what follows from the student's own coefficients of masks, as ``right`` takes them."""
    # Asked first: what is told of a function that stops is what was asked here.
    answer = student.ask("dice", *arguments)
    if (own := _own(student, *masks)) is None:
        return _NONE_YET
    return compared(student, "dice", arguments, answer, np.array(right(own)))


def _scores(student: Student, rng: Rng) -> Wrong | str | None:
    """Ask with scores, and compare with the student's own answer to the labels that they stand for."""
    for kind in ("mixed", "negative", "positive", "ties"):
        labels, truth = _masks(rng)
        arguments = (draw_scores(rng, labels, kind), truth, True, False)
        if wrong := _by_own(student, arguments, (labels, truth), lambda own: own):
            return wrong
    return None


def _empty(student: Student, rng: Rng) -> Wrong | str | None:
    """Ask about images of which some have no gland, marked or not; the rest as the student has it."""
    labels, truth = _masks(rng)
    pred, right = (np.concatenate([one, np.zeros_like(truth[:1])]) for one in (labels, truth))
    return _by_own(student, (pred, right, True, False), (labels, truth), lambda own: [*own, 1.0])


def _mean(student: Student, rng: Rng) -> Wrong | str | None:
    masks = _masks(rng)
    return _by_own(student, (*masks, False, False), masks, np.mean)


def _iou(student: Student, rng: Rng) -> Wrong | str | None:
    masks = _masks(rng)
    return _by_own(student, (*masks, True, True), masks, lambda own: own / (2 - own))


def _small(pred: list, truth: list, per_image: bool, iou: bool):
    arguments = (np.array(pred, "uint8"), np.array(truth, "uint8"), per_image, iou)
    return lambda student: compared(student, "dice", arguments)


_PRED, _TRUTH = [[[1, 1, 0], [0, 1, 0]]], [[[1, 0, 0], [0, 1, 0]]]
_TWO = ([[[1, 1, 1, 1]], [[1, 0, 0, 0]]], [[[1, 1, 1, 0]], [[0, 1, 0, 0]]])
CHECK = Check(
    "dice",
    (
        Line("each", "The coefficient of each image, from labels", 1.0, _each, [_small(_PRED, _TRUTH, True, False)]),
        Line(
            "scores",
            "The same from scores of two classes: the larger one counts",
            0.75,
            _scores,
            [
                lambda student: compared(
                    student, "dice", (np.array([[[[-3.0, -1.0], [2.0, 1.0]]]]), np.array([[[1, 1]]]), True, False)
                ),
                lambda student: compared(
                    student, "dice", (np.array([[[[1.0, 1.0], [1.0, 2.0]]]]), np.array([[[0, 1]]]), True, False)
                ),
            ],
        ),
        Line(
            "empty",
            "An image without a gland, where none is marked, counts 1",
            0.5,
            _empty,
            [_small([[[0, 0]], [[1, 0]]], [[[0, 0]], [[1, 1]]], True, False)],
        ),
        Line("mean", "The mean over images, not over all pixels", 0.5, _mean, [_small(*_TWO, False, False)]),
        Line("iou", "Intersection over union", 0.5, _iou, [_small(_PRED, _TRUTH, True, True)]),
        whole_domain("dice", OVERLAP, judge("dice"), 0.75),
    ),
    wording=WORDING,
)
