"""What files of predictions must be beside their form: of these images in their order, for class 1, of one training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograder.checking.metrics import auc
from source_lib.predictions import FileProblem, Predictions

#: So many different numbers, rounded to three digits, the outputs of a network take at least.
LEAST_LEVELS = 10
#: Two trainings of one network order the images less alike than this.
SAME_ORDER = 0.995
#: How much of one training a sum of the others with weights explains. A mean of them is explained whole. Of five
#: trainings on the sample one is explained to 0.98, and two of them are as alike as that.
SAME_SUM = 0.995
#: In how many of the images two files of classes agree at least, where one is a copy with a few changes.
SAME_CLASSES = 0.995
#: How well probabilities must order the images by the classes that were read off them; 1 but for rounding.
OWN_CLASSES = 0.999
#: Standard errors of guessing.
_SURE = 2.0
#: With fewer images, chance alone can look like any of this.
_FEWEST = 30
_OWN_TRAINING = "Each file is of a training of its own: train again, and write its predictions under its own name."


def by_itself(one: Predictions) -> FileProblem | None:
    """Return what shows in a file of probabilities alone: that it holds classes, or that it was sorted.

    Parameters
    ----------
    one : Predictions
        With values.

    Returns
    -------
    FileProblem or None
    """
    if len(one.values) < _FEWEST:
        return None
    levels = len(np.unique(np.round(one.values, 3)))
    if levels < LEAST_LEVELS:
        what = f"It holds {levels} different numbers, as classes do, and no probabilities."
        return FileProblem(
            one.name, None, what, "Write the model's output itself, neither compared with 0.5 nor rounded."
        )
    steps = np.diff(one.values)
    if (steps >= 0).all() or (steps <= 0).all():
        what = "Its probabilities are sorted by size, so they are not in the order of the images."
        return FileProblem(one.name, None, what, "Write them as the model gives them: the id of an image is its index.")
    return None


def side(values: np.ndarray, labels: np.ndarray) -> int:
    """Return whether numbers are higher for class 1 (1), higher for class 0 (-1), or say no more than guessing (0).

    Parameters
    ----------
    values : numpy.ndarray, shape [N]
    labels : numpy.ndarray of int, shape [N]
        0 and 1, both there.

    Returns
    -------
    int
    """
    away = _standard_errors(values, labels)
    return int(np.sign(away)) if abs(away) > _SURE else 0


def tells_more(one: np.ndarray, other: np.ndarray, labels: np.ndarray) -> bool:
    """Return whether some numbers tell two classes apart, and others do it by less than half as much.

    Classes that are read off probabilities at a usual threshold tell the two apart two thirds as much, or more.

    Parameters
    ----------
    one, other : numpy.ndarray, shape [N]
    labels : numpy.ndarray of int, shape [N]
        0 and 1, both there.
    """
    away = _standard_errors(one, labels)
    return away > _SURE and _standard_errors(other, labels) < away / 2


def for_labels(one: Predictions, labels: np.ndarray) -> FileProblem | None:
    """Return whether probabilities are not of class 1, or not of these images, as far as their labels show.

    Parameters
    ----------
    one : Predictions
        With values.
    labels : numpy.ndarray of int, shape [N]
        The right classes of the images.

    Returns
    -------
    FileProblem or None
    """
    if len(labels) < _FEWEST or len(labels) != len(one.values) or len(np.unique(labels)) < 2:
        return None
    found = side(one.values, labels)
    if found > 0:
        return None
    if found < 0:
        return _of_class_0(one, "the images without a tumor have")
    what = "It tells the two classes apart no better than guessing does."
    remedy = (
        "Look at the order: the id of an image is its index. If that is right, the model did not learn: train that run "
        "again."
    )
    return FileProblem(one.name, None, what, remedy)


def for_classes(one: Predictions, classes: Predictions) -> FileProblem | None:
    """Return whether probabilities are not those that the classes of the same training were read off.

    Wherever the threshold was, each image of class 1 has a higher probability than each of class 0.

    Parameters
    ----------
    one : Predictions
        Probabilities.
    classes : Predictions
        What the same training says of the same images as classes.

    Returns
    -------
    FileProblem or None
    """
    if len(one.values) != len(classes.values) or len(np.unique(classes.values)) < 2 or len(one.values) < _FEWEST:
        return None
    if auc(one.values, classes.values) >= OWN_CLASSES:
        return None
    if side(one.values, classes.values) < 0:
        return _of_class_0(one, f"the images to which {classes.name} gives class 0 have")
    what = f"It does not fit {classes.name}: no threshold makes these classes of these probabilities."
    return FileProblem(one.name, None, what, "Write both with the same model, in the order of the images.")


def _of_class_0(one: Predictions, who: str) -> FileProblem:
    what = f"It holds the probability of class 0: {who} the higher numbers."
    return FileProblem(one.name, None, what, "Write that of class 1: of two outputs the second, of one output itself.")


def copies(read: Sequence[Predictions]) -> tuple[list[FileProblem], set[str]]:
    """Return which files are of no training of their own: an earlier one with noise, or computed from the others.

    Parameters
    ----------
    read : sequence of Predictions
        Files of one kind, with values.

    Returns
    -------
    problems : list of FileProblem
        One for each of these files.
    names : set of str
        What the files are called among which it holds.
    """
    read = [one for one in read if len(one.values) == len(read[0].values) >= _FEWEST]
    if read and read[0].column == "class":
        return _few_changes(read)
    problems = []
    for later, one in enumerate(read):
        for earlier in read[:later]:
            alike = max(abs(_correlation(one.values, earlier.values)), abs(_rank_correlation(one, earlier)))
            if np.array_equal(one.values, earlier.values):
                what = f"It predicts the same as {earlier.name} for every image."
            elif alike >= SAME_ORDER:
                what = f"It is {earlier.name} but for small changes: their correlation is {alike:.5f}."
            else:
                continue
            problems.append(FileProblem(one.name, None, what, _OWN_TRAINING))
            break
    if problems or len(read) < 3:
        return problems, {problem.file for problem in problems}
    explained = [_explained([one.values for one in read], k) for k in range(len(read))]
    computed = int(np.argmax(explained))
    if explained[computed] < SAME_SUM:
        return [], set()
    others = ", ".join(one.name for k, one in enumerate(read) if k != computed)
    what = f"It can be computed from {others}, as a mean of them can, or one of these can be computed from the rest."
    return [FileProblem(read[computed].name, None, what, _OWN_TRAINING)], {one.name for one in read}


def _few_changes(read: Sequence[Predictions]) -> tuple[list[FileProblem], set[str]]:
    problems = []
    for later, one in enumerate(read):
        for earlier in read[:later]:
            changed = int((one.values != earlier.values).sum())
            if 0 < changed <= (1 - SAME_CLASSES) * len(one.values):
                what = f"It differs from {earlier.name} in {changed} of {len(one.values)} images."
                problems.append(FileProblem(one.name, None, what, _OWN_TRAINING))
                break
    return problems, {problem.file for problem in problems}


def only_classes_and_noise(values: np.ndarray, labels: np.ndarray) -> bool:
    """Return whether probabilities tell classes apart, and on either side of 0.5 say nothing more.

    A network that is less sure of an image is wrong about it more often.

    Parameters
    ----------
    values : numpy.ndarray, shape [N]
    labels : numpy.ndarray of int, shape [N]
        The right classes.

    Returns
    -------
    bool
    """
    above = values > 0.5
    sides = [(values[one], labels[one]) for one in (above, ~above)]
    sides = [(v, y) for v, y in sides if min(y.sum(), len(y) - y.sum()) >= _FEWEST]
    if not sides or side(values, labels) < 1:
        return False
    return sum(_standard_errors(*one) for one in sides) / len(sides) ** 0.5 < _SURE


def _standard_errors(values: np.ndarray, labels: np.ndarray) -> float:
    """Return how far an AUC is from that of guessing, in standard errors of guessing."""
    ones = int(labels.sum())
    zeros = len(labels) - ones
    return (auc(values, labels) - 0.5) / ((ones + zeros + 1) / (12 * ones * zeros)) ** 0.5


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    return 0.0 if np.ptp(one) == 0 or np.ptp(other) == 0 else float(np.corrcoef(one, other)[0, 1])


def _rank_correlation(one: Predictions, other: Predictions) -> float:
    from scipy.stats import rankdata

    return _correlation(rankdata(one.values), rankdata(other.values))


def _explained(values: Sequence[np.ndarray], k: int) -> float:
    """Return which part of one file's variance the others explain: a sum of them with weights, or of their extremes.

    Also as logits. In order of size, the others' values of an image hold their median, the least and the largest.
    """
    best = 0.0
    for scale in (lambda p: p, lambda p: np.log(np.clip(p, 1e-6, 1)) - np.log(np.clip(1 - p, 1e-6, 1))):
        scaled = [scale(one) - scale(one).mean() for one in values]
        others = np.stack([one for j, one in enumerate(scaled) if j != k], axis=1)
        others = np.concatenate([others, np.sort(others, axis=1)], axis=1)
        others -= others.mean(axis=0)
        rest = scaled[k] - others @ np.linalg.lstsq(others, scaled[k], rcond=None)[0]
        best = max(best, 1 - float(rest @ rest) / max(float(scaled[k] @ scaled[k]), 1e-300))
    return best
