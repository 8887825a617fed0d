"""The leaderboard of a lab: what each student's predictions reach, and who is before whom.

What is on a board is rounded and counted so that it says next to nothing about a single image: see `scores.steps`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from autograder.errors import UserError
from autograder.labs import get_lab
from autograder.leaderboard import baseline, scores
from autograder.leaderboard.entries import RUNS, HandedIn, read_handed_in, read_labels
from autograder.leaderboard.scores import Score


@dataclass(frozen=True)
class Contest:
    """A lab with a leaderboard: its name, what the page calls it, and whose test images are predicted."""

    name: str
    title: str
    dataset: str


CONTESTS = {"lab3": Contest("lab3", "Tumor classification", "patchcam")}

#: What references are called.
GUESSING, COLORS = "Random guessing", "Color statistics"


@dataclass(frozen=True)
class BoardRow:
    """One line of a board.

    Attributes
    ----------
    name : str
        What is shown: an id, a nickname, a pseudonym, or what a reference is called.
    accuracy, auc : dict of str to Score
        By part, ``"public"`` or ``"private"``, as printed. Without probabilities, there is no AUC.
    notes : tuple of str
        What is to be known about the files, or about the reference.
    reference : bool
        Whether this is no student.
    rank : int or None
        None for a reference.
    tied : bool
        Whether another student has the same rank.
    overlaps : bool
        Whether this student is not first, but the interval of the accuracy overlaps that of one who is.
    """

    name: str
    accuracy: Mapping[str, Score]
    auc: Mapping[str, Score]
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
        What the images are.
    made : datetime
    images : dict of str to int
        How many images each part has that is shown. The first part ranks.
    total : int
        Test images in all.
    lines : tuple of BoardRow
        Students and references, the best first.
    without_rank : tuple of (str, str)
        Who handed in what cannot be understood, and the first thing that is wrong with it.
    """

    contest: Contest
    data: str
    made: datetime
    images: Mapping[str, int]
    total: int
    lines: tuple[BoardRow, ...]
    without_rank: tuple[tuple[str, str], ...]


def find_contest(lab: str) -> Contest:
    """Return the contest of a lab.

    Raises
    ------
    UserError, UnknownLabError
        If the lab has none, or there is no such lab.
    """
    if lab not in CONTESTS:
        raise UserError(f"{get_lab(lab).name} has no leaderboard. These labs have one: {', '.join(CONTESTS)}.")
    return CONTESTS[lab]


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
    folders : dict of str to pathlib.Path
        Where each student's files are.
    labels_file : pathlib.Path
        ``id,class`` of all test images.
    secret : int
        The course's; it decides which images are public.
    keep : pathlib.Path
        Folder for what need not be computed twice.
    names : dict of str to str
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
    labels = read_labels(labels_file)
    public = scores.public_part(labels, secret, contest.name)
    parts = {"private": ~public, "public": public} if private else {"public": public}
    handed_in = {student: read_handed_in(folder, len(labels)) for student, folder in folders.items()}
    understood = {student: read for student, read in handed_in.items() if read.classes is not None}
    if not understood:
        _refuse_other_images(folders, labels_file, len(labels))
    lines = [_line(names[student], read, labels, parts) for student, read in understood.items()]
    images = baseline.find_images(contest.dataset, labels)
    return Board(
        contest,
        "images that this machine does not have" if images is None else images.title,
        datetime.now().astimezone(),
        {part: int(rows.sum()) for part, rows in parts.items()},
        len(labels),
        tuple(_in_order(lines + _references(images, labels, parts, keep), next(iter(parts)))),
        tuple(
            sorted((names[student], handed_in[student].notes[0]) for student in folders if student not in understood)
        ),
    )


def _line(name: str, read: HandedIn, labels: np.ndarray, parts: Mapping[str, np.ndarray], **more: bool) -> BoardRow:
    accuracy, auc = {}, {}
    for part, rows in parts.items():
        accuracy[part] = scores.printed(scores.accuracy(read.classes[:, rows], labels[rows]), rows.sum())
        if read.probabilities is not None:
            auc[part] = scores.printed(scores.auc(read.probabilities[:, rows], labels[rows]), rows.sum())
    return BoardRow(name, accuracy, auc, read.notes, **more)


def _references(
    images: baseline.DataGenerator | None, labels: np.ndarray, parts: Mapping[str, np.ndarray], keep: Path
) -> list[BoardRow]:
    expected = {part: scores.guessing(labels[rows], RUNS) for part, rows in parts.items()}
    accuracy, auc = (
        {part: scores.printed(both[which], parts[part].sum()) for part, both in expected.items()} for which in (0, 1)
    )
    note = (
        f"These are the values that {RUNS} files of random classes and probabilities are expected to reach; 95 % of "
        "such means lie in the interval."
    )
    lines = [BoardRow(GUESSING, accuracy, auc, (note,), reference=True)]
    if images is not None:
        colors = baseline.color_baseline(images, RUNS, keep)
        note = (
            f"Gradient boosting, trained {RUNS} times, knows the colors of an image but not where they are. A score "
            "that is not better needs no shape."
        )
        read = HandedIn((colors > 0.5).astype(np.int64), colors, (note,))
        lines.append(_line(COLORS, read, labels, parts, reference=True))
    return lines


def _in_order(lines: list[BoardRow], part: str) -> list[BoardRow]:
    """Rank students by what is printed, so that an order tells no more than the numbers do."""
    students = [line for line in lines if not line.reference]
    ranks = rankdata([-line.accuracy[part].mean for line in students], method="min").astype(int).tolist()
    shared = Counter(ranks)
    reach = min((line.accuracy[part].low for line, rank in zip(students, ranks, strict=True) if rank == 1), default=1)
    ranked = [
        replace(line, rank=rank, tied=shared[rank] > 1, overlaps=rank > 1 and line.accuracy[part].high >= reach)
        for line, rank in zip(students, ranks, strict=True)
    ]
    everyone = ranked + [line for line in lines if line.reference]
    return sorted(everyone, key=lambda line: (-line.accuracy[part].mean, line.reference, line.name.casefold()))


def _refuse_other_images(folders: Mapping[str, Path], labels_file: Path, count: int) -> None:
    """Say so where all that can be understood is about another number of images than the labels are."""
    read = [read_handed_in(folder, None).classes for folder in folders.values()]
    numbers = Counter(classes.shape[1] for classes in read if classes is not None)
    if numbers and count not in numbers:
        number, students = numbers.most_common(1)[0]
        raise UserError(
            f"{labels_file} has the labels of {count} images, but nobody predicts as many: {students} of "
            f"{len(folders)} students predict {number}. Name the labels of these images with --labels FILE."
        )
