"""How many trainings it takes to believe an average: a sequential test that stops as soon as it can.

References
----------
A. Wald, "Sequential tests of statistical hypotheses", Annals of Mathematical Statistics 16(2), 1945.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: What is asked of the average, in percent, for full points and for half of them.
Bands = tuple[float, float]


@dataclass(frozen=True)
class Rule:
    """Decides from the accuracies of one training after the other whether their average reaches a threshold.

    It weighs "the average is ``threshold + 0.5``" against "it is ``threshold - 2.5``": who is near the threshold has
    the benefit of the doubt. After ``most`` trainings the nearer of both counts.

    Attributes
    ----------
    threshold : float
        What is asked of the average accuracy, in percent.
    spread : float
        Standard deviation of one training that is reckoned with, in percent.
    error : float
        How often either answer may be wrong.
    least, most : int
        Trainings that are always made, and at most.
    """

    threshold: float
    spread: float = 2.0
    error: float = 0.002
    least: int = 2
    most: int = 6

    @property
    def between(self) -> float:
        """The average that speaks for neither."""
        return self.threshold - 1.0

    def decide(self, accuracies: Sequence[float]) -> bool | None:
        """Return whether the average reaches the threshold, or None where another training must tell.

        Parameters
        ----------
        accuracies : sequence of float
            Of the trainings so far, in percent.

        Examples
        --------
        >>> Rule(90).decide([95.5, 96.0]), Rule(90).decide([90.5, 88.5]), Rule(90).decide([60.0, 64.0])
        (True, None, False)
        """
        if len(accuracies) < self.least:
            return None
        # The logarithm of the likelihood ratio of two normal distributions that are 3 percent apart.
        evidence = math.fsum(accuracy - self.between for accuracy in accuracies) * 3.0 / self.spread**2
        if abs(evidence) >= math.log((1 - self.error) / self.error):
            return evidence > 0
        return evidence >= 0 if len(accuracies) >= self.most else None


def points_reached(accuracies: Sequence[float], bands: Bands) -> int | None:
    """Return how many of the two thresholds the average reaches, or None where another training must tell.

    Parameters
    ----------
    accuracies : sequence of float
        Of the trainings so far, in percent.
    bands : tuple of float
        The thresholds for full points and for half of them.
    """
    full, half = (Rule(threshold).decide(accuracies) for threshold in bands)
    if full:
        return 2
    if full is False and half is not None:
        return int(half)
    return None


@dataclass(frozen=True)
class Operating:
    """What the rule does with a student of a true average: how often full and half points, and its trainings.

    Attributes
    ----------
    full, half : float
        How often, from 0 to 1.
    mean : float
        The true average, in percent.
    trainings : float
        On average.
    """

    mean: float
    full: float
    half: float
    trainings: float


def simulate(
    mean: float, spread: float, bands: Bands, rounds: int = 20_000, images: int = 1000, seed: int = 0
) -> Operating:
    """Return what the rule does with many students of one kind.

    Parameters
    ----------
    mean, spread : float
        Average and standard deviation of the accuracy over trainings, in percent.
    bands : tuple of float
        The thresholds.
    rounds : int
        Number of students.
    images : int
        How many images an accuracy is measured on; that alone makes it vary.
    seed : int
        Of the simulation.
    """
    rng = np.random.default_rng(seed)
    true = np.clip(rng.normal(mean, spread, (rounds, Rule(bands[0]).most)), 0, 100) / 100
    measured = 100 * rng.binomial(images, true) / images
    reached, trainings = np.zeros(rounds, int), np.zeros(rounds, int)
    for student, row in enumerate(measured):
        for count in range(1, len(row) + 1):
            decided = points_reached(row[:count], bands)
            if decided is not None:
                reached[student], trainings[student] = decided, count
                break
    return Operating(mean, float((reached == 2).mean()), float((reached == 1).mean()), float(trainings.mean()))
