"""Accuracy and AUC of several files for the same images: mean, spread, confidence interval, and what may be printed."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

#: A printed step is at least what so many images change, so that a single one rarely shows.
IMAGES_PER_STEP = 5
#: The nearest step that is ever printed.
FINEST = 0.001
CONFIDENCE = 0.95
_Z = float(norm.ppf(0.5 + CONFIDENCE / 2))
#: One image moves the standard deviation of five files by no more than this part of what it moves their mean by.
_OF_SPREAD = math.sqrt(0.3)


@dataclass(frozen=True)
class Score:
    """What several files reach on the same images.

    Attributes
    ----------
    mean, sd : float
        Mean and sample standard deviation over the files, from 0 to 1.
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
        Classes of the test images.
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
        The right classes.

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
    >>> accuracy(np.array([[0, 1, 1, 1], [0, 0, 1, 1]]), np.array([0, 0, 1, 1])).mean
    0.875
    """
    right = np.asarray(classes) == labels
    image = right.mean(axis=0)
    variance = sum(
        (members.mean() ** 2) * image[members].var(ddof=1) / members.sum() for members in (labels == 0, labels == 1)
    )
    return _score(right.mean(axis=1), variance, len(labels))


def auc(probabilities: np.ndarray, labels: np.ndarray) -> Score:
    """Return the area under the ROC curve of several files of probabilities.

    Parameters
    ----------
    probabilities : numpy.ndarray of float, shape [F, N]
        The probability of class 1 in each of F files for N images.
    labels : numpy.ndarray of int, shape [N]
        The right classes, 0 or 1, both there.

    Returns
    -------
    Score

    Notes
    -----
    The AUC is the mean, over the images of a class, of the share of the other class that an image is ranked right
    against, ties half. These shares give its variance [1]_; averaged over the files first, they give that of the mean.
    From the variance follows the interval as in `accuracy`. Where there is none, the largest that an AUC can have is
    taken [2]_: that of a share of as many images as the smaller class has. Of 400 images it holds what is true in 95 of
    100 cases, and in about 90 where the AUC is above 0.99 and few images say anything.

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
    ones, zeros = (np.asarray(probabilities)[:, labels == label] for label in (1, 0))
    everything = rankdata(np.concatenate([ones, zeros], axis=1), axis=1)
    n_ones, n_zeros = ones.shape[1], zeros.shape[1]
    of_ones = (everything[:, :n_ones] - rankdata(ones, axis=1)) / n_zeros
    of_zeros = 1 - (everything[:, n_ones:] - rankdata(zeros, axis=1)) / n_ones
    variance = sum(share.mean(axis=0).var(ddof=1) / share.shape[1] for share in (of_ones, of_zeros))
    return _score(of_ones.mean(axis=1), variance, min(n_ones, n_zeros))


def guessing(labels: np.ndarray, files: int) -> tuple[Score, Score]:
    """Return what random guessing is expected to reach: accuracy and AUC.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape [N]
        The right classes; of them only their numbers matter.
    files : int
        How many files are guessed, each for itself.

    Returns
    -------
    accuracy, auc : Score
        ``low`` and ``high`` are where the mean of so many files falls in 95 % of cases. The variance of the AUC is that
        of the Mann-Whitney statistic where both classes are alike.
    """
    ones = int(labels.sum())
    zeros = len(labels) - ones
    both = []
    for variance in (0.25 / len(labels), (len(labels) + 1) / (12 * ones * zeros)):
        reach = _Z * math.sqrt(variance / files)
        both.append(Score(0.5, math.sqrt(variance), max(0.5 - reach, 0.0), min(0.5 + reach, 1.0)))
    return both[0], both[1]


def steps(images: int) -> tuple[float, float]:
    """Return to which steps scores on so many images are printed: means and intervals, and standard deviations.

    Steps are 1, 2 or 5 times a power of ten. One image that is predicted otherwise, even in every file, moves the mean
    of an accuracy and its standard deviation by at most a fifth of their steps, and the mean of an AUC of balanced
    classes by at most two fifths.

    Examples
    --------
    >>> steps(1500)
    (0.005, 0.002)
    """
    least = IMAGES_PER_STEP / images
    return _round_number(least), _round_number(least * _OF_SPREAD)


def printed(score: Score, images: int) -> Score:
    """Return a score as it may be printed, each number at the nearest step for so many images."""
    step, fine = steps(images)
    mean, low, high = (_to_step(value, step) for value in (score.mean, score.low, score.high))
    return Score(mean, _to_step(score.sd, fine), low, high)


def decimals(step: float) -> int:
    """Return how many decimals a step needs."""
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _round_number(least: float) -> float:
    exponent = math.floor(math.log10(max(least, FINEST)) + 1e-9)
    digit = next(digit for digit in (1, 2, 5, 10) if digit * 10.0**exponent >= max(least, FINEST) * (1 - 1e-9))
    return round(digit * 10.0**exponent, 12)


def _to_step(value: float, step: float) -> float:
    return round(round(value / step) * step, decimals(step))


def _score(each: np.ndarray, variance: float, without_variance: int) -> Score:
    mean = float(each.mean())
    images = float(mean * (1 - mean) / variance) if variance > 0 else without_variance
    low, high = _wilson(mean, images)
    return Score(mean, float(each.std(ddof=1)) if len(each) > 1 else 0.0, low, high)


def _wilson(share: float, count: float) -> tuple[float, float]:
    """Return Wilson's interval for a share of a number that need not be whole, as SciPy's binomial test asks for."""
    middle = share + _Z**2 / (2 * count)
    reach = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return max((middle - reach) / (1 + _Z**2 / count), 0.0), min((middle + reach) / (1 + _Z**2 / count), 1.0)
