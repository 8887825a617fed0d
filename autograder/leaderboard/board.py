"""The leaderboard of a lab: what each student's predictions reach, and who is before whom.

What is on a board is rounded and counted so that it says next to nothing about a single image: see `scores.steps`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import scipy

from autograder.checking.contest import Contest
from autograder.checking.lab import Lab, LabError
from autograder.errors import UserError
from autograder.labs import all_labs, get_lab
from autograder.leaderboard import baseline, scores
from autograder.leaderboard.entries import Entry, read_entry, read_labels
from autograder.leaderboard.scores import METRICS, Score

#: What references are called.
GUESSING, COLORS, ALL_MARKED, THE_MEAN = "Random guessing", "Color statistics", "Every pixel", "The mean"


@dataclass(frozen=True)
class BoardRow:
    """One line of a board.

    Attributes
    ----------
    name : str
        What is shown: an id, a nickname, a pseudonym, or what a reference is called.
    scores : mapping of str to mapping of str to Score
        By metric and then by part, ``"public"`` or ``"private"``, as printed. A metric without clear files is left out.
    notes : tuple of str
        What is to be known about the files, or about the reference.
    reference : bool
        Whether this is no student.
    rank : int or None
        None for a reference.
    tied : bool
        Whether another student has the same rank.
    overlaps : bool
        Whether this student is not first, but the interval of the ranking score overlaps that of one who is.
    """

    name: str
    scores: Mapping[str, Mapping[str, Score]]
    notes: tuple[str, ...] = ()
    reference: bool = False
    rank: int | None = None
    tied: bool = False
    overlaps: bool = False


@dataclass(frozen=True)
class Board:
    """A leaderboard, ready to be shown.

    Attributes
    ----------
    contest : Contest
    data : str
        What the images are; empty where the contest does not name a data set.
    made : datetime
    images : mapping of str to int
        How many images each part has that is shown. The first part ranks.
    steps : mapping of str to mapping of str to tuple of float
        By metric and then by part: the steps in which means and standard deviations are printed.
    total : int
        Test images in all.
    rows : tuple of BoardRow
        Students and references, the best first.
    without_rank : tuple of (str, str)
        Who handed in what cannot be understood, and the first thing that is wrong with it.
    """

    contest: Contest
    data: str
    made: datetime
    images: Mapping[str, int]
    steps: Mapping[str, Mapping[str, tuple[float, float]]]
    total: int
    rows: tuple[BoardRow, ...]
    without_rank: tuple[tuple[str, str], ...]


def find_contest(name: str) -> Contest:
    """Return the contest of a lab, which its room ``contest`` defines as ``CONTEST``.

    Parameters
    ----------
    name : str
        The lab's.

    Returns
    -------
    Contest

    Raises
    ------
    UserError, UnknownLabError
        If the lab has none, or there is no such lab.
    LabError
        If the contest contradicts itself.
    """
    lab = get_lab(name)
    room = lab.room("contest")
    if room is None:
        others = [other.name for other in all_labs() if other.room("contest") is not None]
        raise UserError(f"{lab.name} has no leaderboard. These labs have one: {', '.join(others) or 'none'}.")
    contest = getattr(room, "CONTEST", None)
    if wrong := _wrong(lab, contest):
        raise LabError(f"autograder/labs/{lab.name}/contest.py: {wrong}")
    return contest


def _wrong(lab: Lab, contest: object) -> str | None:
    """Return what is wrong with a contest, and what to do."""
    if not isinstance(contest, Contest):
        return "it defines no CONTEST. Define CONTEST = Contest(...) there."
    if contest.name != lab.name:
        return f"its CONTEST is called {contest.name!r}. Its name must be that of the lab, {lab.name!r}."
    if not contest.files or any(metric not in METRICS for metric in contest.files):
        return f"files are named by metric: {', '.join(METRICS)}. Got {', '.join(contest.files) or 'none'}."
    if not contest.runs or any(len(names) != contest.runs for names in contest.files.values()):
        return "each metric needs the same number of files, one for each training, and at least one."
    if len({METRICS[metric].labels for metric in contest.files}) > 1:
        return f"{', '.join(contest.files)} need different labels. Only accuracy and auc go together."
    if contest.classes < 2:
        return "classes must be 2 or more."
    if "dice" in contest.files and (contest.shape is None or min(contest.shape) < 1):
        return "dice needs shape=(D_y, D_x), the size of a mask."
    if "mse" in contest.files and (contest.limits is None or not contest.limits[0] < contest.limits[1]):
        return "mse needs limits=(least, most), between which all labels are."
    if not contest.images_per_step > 0:
        return "images_per_step must be more than 0."
    if contest.dataset is not None and METRICS[contest.metric].labels != "class":
        return "a reference that knows colors predicts classes. Leave out dataset."
    return None


def make_board(
    contest: Contest,
    folders: Mapping[str, Path],
    labels_file: Path,
    secret: int,
    keep: Path,
    names: Mapping[str, str],
    private: bool = False,
) -> Board:
    """Compute the leaderboard of what is handed in by now.

    Parameters
    ----------
    contest : Contest
    folders : mapping of str to pathlib.Path
        Where each student's files are.
    labels_file : pathlib.Path
        The labels of all test images.
    secret : int
        The course's; it decides which images are public.
    keep : pathlib.Path
        Folder for what need not be computed twice.
    names : mapping of str to str
        What to call each student.
    private : bool
        Compute the private part too, and rank by it. Without it, no private number is computed at all.

    Returns
    -------
    Board

    Raises
    ------
    UserError
        If the labels are missing, cannot be understood, or are not of the images that were predicted.
    """
    labels = read_labels(labels_file, contest)
    classes = labels if METRICS[contest.metric].labels == "class" else np.zeros(len(labels), int)
    public = scores.public_part(classes, secret, contest.name)
    parts = {"private": ~public, "public": public} if private else {"public": public}
    steps = {
        metric: {part: METRICS[metric].steps(labels[rows], contest) for part, rows in parts.items()}
        for metric in contest.files
    }
    rows, without_rank = [], []
    for student, folder in folders.items():
        entry = read_entry(folder, contest, len(labels))
        if contest.metric in entry.predicted:
            rows.append(_row(names[student], entry, labels, parts, steps))
        else:
            without_rank.append((names[student], entry.notes[0]))
    if not rows:
        _refuse_other_images(contest, folders, labels_file, len(labels))
    images, data = None, ""
    if contest.dataset is not None:
        sample = None if contest.sample_test is None else contest.sample_test(secret)
        images = baseline.find_images(contest.dataset, labels, sample)
        data = f"{contest.examples} that this machine does not have" if images is None else images.title
    rows.append(_simple(contest, labels, parts, steps))
    if images is not None:
        rows.append(_colors(contest, images, keep, labels, parts, steps))
    return Board(
        contest,
        data,
        datetime.now().astimezone(),
        {part: int(which.sum()) for part, which in parts.items()},
        steps,
        len(labels),
        tuple(_in_order(rows, contest.metric, next(iter(parts)))),
        tuple(sorted(without_rank)),
    )


def _printed(
    score: Callable[[str, np.ndarray], Score],
    metrics: Iterable[str],
    parts: Mapping[str, np.ndarray],
    steps: Mapping[str, Mapping[str, tuple[float, float]]],
) -> dict[str, dict[str, Score]]:
    return {
        metric: {part: scores.printed(score(metric, rows), *steps[metric][part]) for part, rows in parts.items()}
        for metric in metrics
    }


def _row(
    name: str,
    entry: Entry,
    labels: np.ndarray,
    parts: Mapping[str, np.ndarray],
    steps: Mapping[str, Mapping[str, tuple[float, float]]],
    reference: bool = False,
) -> BoardRow:
    def score(metric: str, rows: np.ndarray) -> Score:
        return METRICS[metric].score(entry.predicted[metric][:, rows], labels[rows])

    return BoardRow(name, _printed(score, entry.predicted, parts, steps), entry.notes, reference)


def _simple(
    contest: Contest,
    labels: np.ndarray,
    parts: Mapping[str, np.ndarray],
    steps: Mapping[str, Mapping[str, tuple[float, float]]],
) -> BoardRow:
    """Return what is reached without looking at an image."""

    def score(metric: str, rows: np.ndarray) -> Score:
        return METRICS[metric].simple(labels[rows], contest)

    guessed = " and ".join({"accuracy": "classes", "auc": "probabilities"}.get(metric, "") for metric in contest.files)
    name, note = {
        "class": (
            GUESSING,
            f"These are the values that {contest.runs} files of random {guessed} are expected to reach; 95 % of such "
            "means lie in the interval.",
        ),
        "mask": (ALL_MARKED, "Every pixel of every mask is marked."),
        "value": (THE_MEAN, f"The mean of the labels is predicted for all {contest.examples}."),
    }[METRICS[contest.metric].labels]
    return BoardRow(name, _printed(score, contest.files, parts, steps), (note,), reference=True)


def _colors(
    contest: Contest,
    images: baseline.DataGenerator,
    keep: Path,
    labels: np.ndarray,
    parts: Mapping[str, np.ndarray],
    steps: Mapping[str, Mapping[str, tuple[float, float]]],
) -> BoardRow:
    colors = baseline.color_baseline(images, contest.runs, keep)
    classes = (colors > 0.5).astype(np.int64) if colors.ndim == 2 else colors.argmax(axis=2)
    note = (
        f"Gradient boosting, trained {contest.runs} times, knows the colors of an image but not where they are. A "
        "score that is not better needs no shape."
    )
    predicted = {"accuracy": classes, "auc": colors}
    entry = Entry({metric: predicted[metric] for metric in contest.files}, (note,))
    return _row(COLORS, entry, labels, parts, steps, reference=True)


def _in_order(rows: list[BoardRow], metric: str, part: str) -> list[BoardRow]:
    """Rank students by what is printed, so that an order gives away no more than the numbers do."""
    sign = 1 if METRICS[metric].low_is_best else -1
    students = [row for row in rows if not row.reference]
    found = [row.scores[metric][part] for row in students]
    ranks = scipy.stats.rankdata([sign * score.mean for score in found], method="min").astype(int).tolist()
    shared = Counter(ranks)
    first = [score for score, rank in zip(found, ranks, strict=True) if rank == 1]
    ranked = [
        replace(
            row,
            rank=rank,
            tied=shared[rank] > 1,
            overlaps=rank > 1 and any(score.low <= best.high and score.high >= best.low for best in first),
        )
        for row, score, rank in zip(students, found, ranks, strict=True)
    ]
    everyone = ranked + [row for row in rows if row.reference]
    return sorted(everyone, key=lambda row: (sign * row.scores[metric][part].mean, row.reference, row.name.casefold()))


def _refuse_other_images(contest: Contest, folders: Mapping[str, Path], labels_file: Path, count: int) -> None:
    """Say so where all that can be understood is about another number of images than the labels are."""
    read = [read_entry(folder, contest).predicted.get(contest.metric) for folder in folders.values()]
    numbers = Counter(predicted.shape[1] for predicted in read if predicted is not None)
    if numbers and count not in numbers:
        number, students = numbers.most_common(1)[0]
        raise UserError(
            f"{labels_file} has the labels of {count} {contest.examples}, but nobody predicts as many: {students} of "
            f"{len(folders)} students predict {number}. Name the labels of these {contest.examples} with --labels FILE."
        )
