"""Scores of several files for the same images: mean, spread, confidence interval, and what may be printed.

Each function takes what F files predict for N images and returns one `Score`. `METRICS` says of each what its files
hold, what a board calls it, and how far a single image can move it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import scipy

from autograder.checking.contest import IMAGES_PER_STEP, Contest
from autograder.checking.metrics import dice_of_images

#: Of more images than this, steps become no smaller.
MOST_IMAGES = 5000
CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


@dataclass(frozen=True)
class Score:
    """What several files reach on the same images.

    Attributes
    ----------
    mean, sd : float
        Mean and sample standard deviation over the files.
    low, high : float
        95 % confidence interval of the mean: what it could be on other images of the same kind, with the same models.
    """

    mean: float
    sd: float
    low: float
    high: float


def public_part(labels: np.ndarray, secret: int, lab: str) -> np.ndarray:
    """Return which images the public part of a leaderboard is computed on: half of each class, at random.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape [N]
        Classes of the test images; all 0 where they have none.
    secret : int
        The course's secret.
    lab : str
        The lab; each has a split of its own.

    Returns
    -------
    numpy.ndarray of bool, shape [N]
        True for the public images; the others are private. The same for the same arguments.
    """
    rng = np.random.default_rng([secret, zlib.crc32(f"leaderboard {lab}".encode())])
    order = rng.permutation(len(labels))
    public = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        # Of two odd classes, one gives more to the public part and the other to the private one.
        public[members[: (len(members) + int(label) % 2) // 2]] = True
    return public


def accuracy(classes: np.ndarray, labels: np.ndarray) -> Score:
    """Return the accuracy of several files of classes.

    Parameters
    ----------
    classes : numpy.ndarray of int, shape [F, N]
        What each of F files predicts for N images.
    labels : numpy.ndarray of int, shape [N]
        The right classes, of any number of classes.

    Returns
    -------
    Score

    Notes
    -----
    The files are about the same images and often wrong on the same ones, so they are no F·N independent answers. Their
    share of right answers is one number per image. Its variance, within each class, gives the variance of the mean
    over images, and that an *effective* number of images, with which the interval is Wilson's [1]_, [2]_. Where no
    image differs from another there is no variance to go by; then it is as wide as for one file of N images.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
       Statistical Association 22, 1927.
    .. [2] C. Franco, R. J. A. Little, T. A. Louis and E. V. Slud, "Comparative study of confidence intervals for
       proportions in complex sample surveys", Journal of Survey Statistics and Methodology 7(3), 2019.

    Examples
    --------
    >>> accuracy(np.array([[0, 1, 1, 2], [0, 0, 1, 2]]), np.array([0, 0, 1, 2])).mean
    0.875
    """
    right = np.asarray(classes) == labels
    return _share(right.mean(axis=1), _variance(right.mean(axis=0) / len(labels), labels), len(labels))


def auc(probabilities: np.ndarray, labels: np.ndarray) -> Score:
    """Return the area under the ROC curve of several files of probabilities.

    Of more than two classes, it is the mean over the classes of each one's AUC against all others (one-vs-rest, macro).
    A class without images has none and is left out.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape [F, N] or [F, N, K]
        The probability of class 1, or of each of K classes, in each of F files for N images.
    labels : numpy.ndarray of int, shape [N]
        The right classes.

    Returns
    -------
    Score

    Raises
    ------
    ValueError
        If all images are of one class.

    Notes
    -----
    The AUC is the mean, over the images of a class, of the share of all others that an image is ranked right against,
    ties half. These shares give its variance [1]_; averaged over the files first, they give that of the mean. Of
    several classes, each image has a part in each class's AUC; the variance of these parts' sums, within each class,
    is that of the mean of all. From the variance follows the interval as in `accuracy`. Where there is none, the
    largest that an AUC can have is taken [2]_: that of a share of as many images as the smallest class has. Of 400
    images it holds what is true in 95 of 100 cases, and in about 90 where the AUC is above 0.99 and few images say
    anything.

    References
    ----------
    .. [1] E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the areas under two or more correlated
       receiver operating characteristic curves: a nonparametric approach", Biometrics 44(3), 1988.
    .. [2] Z. W. Birnbaum and O. M. Klose, "Bounds for the variance of the Mann-Whitney statistic", Annals of
       Mathematical Statistics 28(4), 1957.

    Examples
    --------
    >>> auc(np.array([[0.1, 0.6, 0.4, 0.9]]), np.array([0, 0, 1, 1])).mean
    0.75
    """
    probabilities = np.asarray(probabilities)
    each, part, smallest = [], np.zeros(len(labels)), len(labels)
    for column, own in _against_rest(labels, 1 if probabilities.ndim == 2 else probabilities.shape[2]):
        values = probabilities if column is None else probabilities[:, :, column]
        ones, others = values[:, own], values[:, ~own]
        n_ones, n_others = ones.shape[1], others.shape[1]
        everything = scipy.stats.rankdata(np.concatenate([ones, others], axis=1), axis=1)
        of_ones = (everything[:, :n_ones] - scipy.stats.rankdata(ones, axis=1)) / n_others
        of_others = 1 - (everything[:, n_ones:] - scipy.stats.rankdata(others, axis=1)) / n_ones
        each.append(of_ones.mean(axis=1))
        part[own] += of_ones.mean(axis=0) / n_ones
        part[~own] += of_others.mean(axis=0) / n_others
        smallest = min(smallest, n_ones, n_others)
    return _share(np.mean(each, axis=0), _variance(part / len(each), labels), smallest)


def dice(masks: np.ndarray, truth: np.ndarray) -> Score:
    """Return the Dice coefficient of several files of masks: the mean over images of each one's.

    Parameters
    ----------
    masks : numpy.ndarray of bool, shape [F, N, D_y, D_x]
        What each of F files marks in N images.
    truth : numpy.ndarray of bool, shape [N, D_y, D_x]
        What should be marked.

    Returns
    -------
    Score
        The interval is that of `accuracy`, images not divided into classes: a Dice coefficient of an image lies
        between 0 and 1 as a share of right answers does.

    Examples
    --------
    >>> truth = np.array([[[1, 1, 0, 0]], [[0, 0, 0, 0]]], bool)
    >>> dice(np.array([[[[1, 0, 0, 0]], [[0, 0, 0, 0]]]], bool), truth).mean
    0.8333333333333333
    """
    each = dice_of_images(masks, truth)
    variance = _variance(each.mean(axis=0) / len(truth), np.zeros(len(truth)))
    return _share(each.mean(axis=1), variance, len(truth))


def mse(values: np.ndarray, targets: np.ndarray) -> Score:
    """Return the mean squared error of several files of values. Less is better.

    Parameters
    ----------
    values : numpy.ndarray of float, shape [F, N]
        What each of F files predicts for N examples.
    targets : numpy.ndarray of float, shape [N]
        What is right, in the same unit.

    Returns
    -------
    Score
        In that unit squared.

    Notes
    -----
    The squared error of an example, averaged over the files, is one number per example; their variance gives the
    standard error of the mean. Squared errors are skewed, so the interval is the usual one of the *logarithm* of the
    mean: it reaches further up than down and never below 0. Where no example differs from another, it is a point.

    Examples
    --------
    >>> mse(np.array([[1.0, 2.0, 5.0]]), np.array([1.0, 2.0, 2.0])).mean
    3.0
    """
    errors = (np.asarray(values) - targets) ** 2
    mean = float(errors.mean())
    error = math.sqrt(_variance(errors.mean(axis=0) / len(targets), np.zeros(len(targets))))
    factor = math.exp(min(_Z * error / mean, 700)) if mean > 0 else 1.0
    return Score(mean, _sd(errors.mean(axis=1)), mean / factor, mean * factor)


def guessing(labels: np.ndarray, files: int, classes: int = 2) -> tuple[Score, Score]:
    """Return what random guessing is expected to reach: accuracy and AUC.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape [N]
        The right classes; of them only their numbers matter.
    files : int
        How many files are guessed, each for itself.
    classes : int
        Number of classes, each guessed as often; the probability of each is guessed for itself.

    Returns
    -------
    accuracy, auc : Score
        ``low`` and ``high`` are where the mean of so many files falls in 95 % of cases. The variance of an AUC is that
        of the Mann-Whitney statistic where both classes are alike.
    """
    count, share = len(labels), 1 / classes
    sizes = [int(own.sum()) for _, own in _against_rest(labels, 1 if classes == 2 else classes)]
    of_auc = sum((count + 1) / (12 * size * (count - size)) for size in sizes) / len(sizes) ** 2
    both = []
    for mean, variance in ((share, share * (1 - share) / count), (0.5, of_auc)):
        reach = _Z * math.sqrt(variance / files)
        both.append(Score(mean, math.sqrt(variance), max(mean - reach, 0.0), min(mean + reach, 1.0)))
    return both[0], both[1]


def auc_images(labels: np.ndarray, classes: int = 2) -> float:
    """Return the number of images of balanced classes of which one moves an AUC as far as one of these does at most.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape [N]
    classes : int
        Number of classes.

    Returns
    -------
    float
        N where all classes are as large, fewer otherwise. One image moves the AUC by at most twice its inverse.

    Examples
    --------
    >>> auc_images(np.array([0, 0, 0, 1])), auc_images(np.array([0, 0, 1, 1, 2, 2]), 3)
    (2.0, 6.0)
    """
    found = [own for _, own in _against_rest(labels, 1 if classes == 2 else classes)]
    # An image is one of those that are ranked, or one of those that they are ranked against.
    moved = sum(np.where(own, 1 / own.sum(), 1 / (~own).sum()) for own in found) / len(found)
    return 2 / float(moved.max())


def steps(
    images: float, span: float = 1.0, runs: int = 5, images_per_step: float = IMAGES_PER_STEP
) -> tuple[float, float]:
    """Return to which steps scores on so many images are printed: means and intervals, and standard deviations.

    Steps are 1, 2 or 5 times a power of ten. They keep a promise about any single image, whatever is predicted for it,
    even in every file. With 5 images per step,

    - it moves the mean by at most a fifth of a step, and the standard deviation by at most two fifths of its step,
      where the score is a mean over images, each between 0 and `span`: accuracy, Dice and squared errors;
    - it moves an AUC by at most twice as much, where `images` is `auc_images`.

    Parameters
    ----------
    images : float
        Number of images, N.
    span : float
        How far the best score of an image is from the worst.
    runs : int
        Number of files.
    images_per_step : float
        How many images make a step. A mean moves by at most 1 / `images_per_step` of one.

    Returns
    -------
    step, fine : float
        Of means and intervals, and of standard deviations.

    Examples
    --------
    >>> steps(1500)
    (0.005, 0.002)
    >>> steps(50, span=45**2, images_per_step=0.1)
    (5.0, 5.0)
    """
    least = span * images_per_step / min(images, MOST_IMAGES)
    # The standard deviation of files of which a half is moved; a single file has none.
    half = runs // 2
    spread = math.sqrt(half * (runs - half) / (runs * (runs - 1))) if runs > 1 else 1.0
    return round_up(least), round_up(least * spread)


def printed(score: Score, step: float, fine: float) -> Score:
    """Return a score as it may be printed, each number at the nearest step.

    Parameters
    ----------
    score : Score
    step, fine : float
        The step of means and intervals, and that of standard deviations: see `steps`.

    Returns
    -------
    Score

    Examples
    --------
    >>> printed(Score(0.78512, 0.00731, 0.76249, 0.80251), *steps(1500))
    Score(mean=0.785, sd=0.008, low=0.76, high=0.805)
    """
    mean, low, high = (_to_step(value, step) for value in (score.mean, score.low, score.high))
    return Score(mean, _to_step(score.sd, fine), low, high)


def decimals(step: float) -> int:
    """Return how many decimals a step needs."""
    return max(0, -math.floor(math.log10(step) + 1e-9))


def round_up(number: float) -> float:
    """Return the next number that is 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> round_up(0.0033), round_up(50), round_up(62)
    (0.005, 50.0, 100.0)
    """
    exponent = math.floor(math.log10(number) + 1e-9)
    digit = next(digit for digit in (1, 2, 5, 10) if digit * 10.0**exponent >= number * (1 - 1e-9))
    return round(digit * 10.0**exponent, 12)


@dataclass(frozen=True)
class Metric:
    """A score as a board has it.

    Attributes
    ----------
    title : str
        What its column is called.
    word : str
        What it is called in a sentence, after "mean".
    kind : {"class", "probability", "mask", "value"}
        What its files hold.
    score : callable
        Takes what F files predict, [F, N, ...], and the labels, [N, ...], and returns a `Score`.
    simple : callable
        Takes labels and the contest, and returns the `Score` of what knows nothing of the images.
    images : callable
        Takes labels and the contest, and returns the number of images as `steps` takes it.
    span : callable
        Takes the contest, and returns how far the best score of an image is from the worst.
    low_is_best : bool
    """

    title: str
    word: str
    kind: str
    score: Callable[[np.ndarray, np.ndarray], Score]
    simple: Callable[[np.ndarray, Contest], Score]
    images: Callable[[np.ndarray, Contest], float] = lambda labels, contest: len(labels)
    span: Callable[[Contest], float] = lambda contest: 1.0
    low_is_best: bool = False

    @property
    def labels(self) -> str:
        """The kind of labels that it needs: "class", "mask" or "value"."""
        return "class" if self.kind == "probability" else self.kind

    def steps(self, labels: np.ndarray, contest: Contest) -> tuple[float, float]:
        """Return the steps in which this score is printed.

        Parameters
        ----------
        labels : numpy.ndarray, shape [N, ...]
            The labels of the images that are scored.
        contest : Contest

        Returns
        -------
        step, fine : float
            Of means and intervals, and of standard deviations.
        """
        return steps(self.images(labels, contest), self.span(contest), contest.runs, contest.images_per_step)


METRICS = {
    "accuracy": Metric(
        "Accuracy",
        "accuracy",
        "class",
        accuracy,
        lambda labels, contest: guessing(labels, contest.runs, contest.classes)[0],
    ),
    "auc": Metric(
        "AUC",
        "AUC",
        "probability",
        auc,
        lambda labels, contest: guessing(labels, contest.runs, contest.classes)[1],
        lambda labels, contest: auc_images(labels, contest.classes),
    ),
    "dice": Metric(
        "Dice", "Dice coefficient", "mask", dice, lambda truth, contest: dice(np.ones_like(truth)[None], truth)
    ),
    "mse": Metric(
        "Mean squared error",
        "squared error",
        "value",
        mse,
        lambda targets, contest: mse(np.full((1, len(targets)), targets.mean()), targets),
        span=lambda contest: float(contest.limits[1] - contest.limits[0]) ** 2,
        low_is_best=True,
    ),
}


def _against_rest(labels: np.ndarray, columns: int) -> list[tuple[int | None, np.ndarray]]:
    """Return whose AUC is computed, each with its column of probabilities; None for class 1 alone."""
    pairs = [(None, labels == 1)] if columns == 1 else [(label, labels == label) for label in range(columns)]
    pairs = [(column, own) for column, own in pairs if own.any() and not own.all()]
    if not pairs:
        raise ValueError("An AUC needs images of two classes at least.")
    return pairs


def _variance(part: np.ndarray, labels: np.ndarray) -> float:
    """Return the variance of a sum of one part per image, each class drawn by itself."""
    # One image says nothing of its class's variance, so all are taken together.
    strata = labels if np.unique(labels, return_counts=True)[1].min() > 1 else np.zeros(len(labels))
    classes = [part[strata == label] for label in np.unique(strata)]
    # Rounding gives equal numbers a variance.
    return float(sum(len(one) * one.var(ddof=1) for one in classes if np.ptp(one) > 0))


def _to_step(value: float, step: float) -> float:
    return round(round(value / step) * step, decimals(step))


def _sd(each: np.ndarray) -> float:
    return float(each.std(ddof=1)) if len(each) > 1 else 0.0


def _share(each: np.ndarray, variance: float, without_variance: int) -> Score:
    mean = min(max(float(each.mean()), 0.0), 1.0)
    images = mean * (1 - mean) / variance if variance > 0 else 0
    # Of images that are all right or all wrong there is none either, whatever classes of one image seem to have.
    low, high = _wilson(mean, images or without_variance)
    return Score(mean, _sd(each), low, high)


def _wilson(share: float, count: float) -> tuple[float, float]:
    """Return Wilson's interval for a share of a number that need not be whole, as SciPy's binomial test asks for."""
    middle = share + _Z**2 / (2 * count)
    reach = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return max((middle - reach) / (1 + _Z**2 / count), 0.0), min((middle + reach) / (1 + _Z**2 / count), 1.0)
