"""A contest: what a lab says of its leaderboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: A printed step is at least what so many images change, so that a single one rarely shows.
IMAGES_PER_STEP = 5


@dataclass(frozen=True)
class Contest:
    """What the leaderboard of a lab is made from. A lab that has one defines it as ``CONTEST`` in its room ``contest``.

    Attributes
    ----------
    name : str
        The name of the lab.
    title : str
        What the page calls the lab.
    files : mapping of str to tuple of str
        The files that each student hands in, one for each training, by the metric that they are scored with. The first
        metric ranks; whoever lacks files of another has no score there. Metrics and what their files hold:

        ============ =================================================================================================
        ``accuracy`` CSV ``id,class``
        ``auc``      CSV ``id,probability`` of class 1; of more than two classes ``id,probability_0,probability_1,...``
        ``dice``     masks: ``.npz`` with ``masks=numpy.packbits(masks, axis=2)`` of masks [N, D_y, D_x], or a black and
                     white PNG, one mask below the other
        ``mse``      CSV ``id,value``
        ============ =================================================================================================
    labels : pathlib.Path
        Where the labels are in the course's folder, of the same form as the files: ``id,class``, masks or ``id,value``.
    make_labels : str
        The command that makes the labels, up to their path; empty where there is none.
    classes : int
        Number of classes, K, for ``accuracy`` and ``auc``.
    shape : tuple of int, optional
        D_y and D_x of a mask, for ``dice``.
    limits : tuple of float, optional
        The least and the largest value that a label can have, for ``mse``. A prediction beyond them counts as the
        nearest of them.
    examples : str
        What is predicted, in the plural.
    images_per_step : float
        Numbers are printed in steps that so many images make at least. With fewer than 5, models are told apart more
        finely, and single images show more often: see `autograder.leaderboard.scores.steps`.
    dataset : str, optional
        The data set whose colors alone are a reference on the board, for classes of color images.
    sample_test : callable, optional
        Takes the course's secret, and returns the test images that it draws for that data set's sample, and their
        labels, to know these by.

    Examples
    --------
    >>> masks = Contest("glands", "Glands", {"dice": ("masks.npz",)}, Path("labels/glands.npz"), shape=(128, 128))
    >>> masks.metric, masks.runs
    ('dice', 1)
    """

    name: str
    title: str
    files: Mapping[str, tuple[str, ...]]
    labels: Path
    make_labels: str = ""
    classes: int = 2
    shape: tuple[int, int] | None = None
    limits: tuple[float, float] | None = None
    examples: str = "images"
    images_per_step: float = IMAGES_PER_STEP
    dataset: str | None = None
    sample_test: Callable[[int], tuple[np.ndarray, np.ndarray]] | None = None

    @property
    def metric(self) -> str:
        """The metric that ranks."""
        return next(iter(self.files))

    @property
    def runs(self) -> int:
        """How many files of a kind there are, one for each training."""
        return len(self.files[self.metric])
