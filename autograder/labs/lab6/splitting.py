"""What is asked of `split`: only properties of what it returns can be right, so these are looked at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autograder.checking import compare
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line
from autograder.checking.shuffles import not_shuffled
from autograder.checking.student import Student, StudentError, once
from autograder.labs.lab6.domains import FAMILIES
from autograder.labs.lab6.drawing import Rng, draw_twins
from autograder.labs.lab6.shared import answers, hint_of

#: Seeds of splits: enough to tell a shuffle from an order that is turned on.
_SEEDS = 8
#: How often all pairs of regions are covered: what a seed decides shows only where there are many groups.
_ROUNDS = 2
#: Seeds of each other set, and from how many groups on these do not all give the same by chance, and an order shows.
_FEW_SEEDS, _TOLD_APART, _SHUFFLED = 4, 15, 36
_SPLIT_CELL = """
def course_splits(sets, seeds):
    import numpy as np
    found = []
    for number, (images, some) in enumerate(zip(sets, seeds)):
        try:
            changed = False
            for seed in some:
                given = images.copy()
                train, valid = split(given, seed)
                found += [np.asarray(train), np.asarray(valid)]
                changed |= not np.array_equal(given, images)
            found.append(float(changed))
        except Exception as error:
            # What stops on images of one kind is not stopped by the others.
            if number == 0:
                raise
            return [*found[: sum(2 * len(one) + 1 for one in seeds[:number])], f"{type(error).__name__}: {error}"]
    return found
"""


class _Split(NamedTuple):
    """What a student's function made of images: the parts by seed, the first seed twice."""

    images: np.ndarray
    group: np.ndarray
    parts: list[tuple[np.ndarray, np.ndarray]]
    changed: bool


def _splits(student: Student, sets: list[tuple], seeds: list[list[int]]) -> tuple[list[_Split], str]:
    """Return what became of sets of images, and why there is no more; empty where it is all."""
    sent = answers(student, _SPLIT_CELL, "split", "course_splits", [images for images, _ in sets], seeds)
    stopped = str(sent.pop()) if sent and isinstance(sent[-1], str) else ""
    found = []
    for (images, group), some in zip(sets, seeds, strict=True):
        mine, sent = sent[: 2 * len(some)], sent[2 * len(some) :]
        values = [compare.array(one) for one in mine]
        if not values and stopped:
            break
        if len(values) != 2 * len(some) or any(one is None or one.ndim != 1 for one in values) or not sent:
            raise StudentError("split returned something else than two arrays of indices.")
        parts = list(zip(values[::2], values[1::2], strict=True))
        found.append(_Split(images, group, parts, bool(sent.pop(0))))
    return found, stopped


@once
def _split_sets(student: Student, rng: Rng) -> tuple[list[tuple], list[list[int]]]:
    """Return sets of images with their groups, and the seeds of each: the same for all lines."""
    rounds = [FAMILIES.questions(int(rng.integers(2**63))) for _ in range(_ROUNDS)]
    families = [question.arguments for some in rounds for question in some]
    many = [draw_twins(rng, side) for side in (12, 11)]
    seeds = [[int(seed) for seed in rng.choice(10_000, _SEEDS, replace=False)] for _ in many]
    seeds = [[first, first, *others] for first, *others in seeds]
    few = ([first, *range(first, first + _FEW_SEEDS)] for *_, first in families)
    return [*many, *((images, group) for images, group, _ in families)], [*seeds, *few]


@once
def _split_all(student: Student, sets: list[tuple], seeds: list[list[int]]) -> tuple[list[_Split], str]:
    """Return what became of them, and why there is no more; empty where it is all."""
    # In two parts: more arrays than a sandbox accepts at once. What stops on the first set of a part is stopped by all,
    # so the second part begins with a set that went well.
    half = len(sets) // 2
    found, stopped = _splits(student, sets[:half], seeds[:half])
    if stopped:
        return found, stopped
    more, stopped = _splits(student, [sets[0], *sets[half:]], [seeds[0], *seeds[half:]])
    return found + more[1:], stopped


def _split_line(look) -> object:
    def question(student: Student, rng: Rng) -> Problem | None:
        sets, seeds = _split_sets(student, rng)
        try:
            found, stopped = _split_all(student, sets, seeds)
        except StudentError as error:
            return lost(_split_what(sets[0][0]), str(error))
        for number, one in enumerate(found):
            # Parts of few images that hold none are charged with the parts.
            if number and look is not _whole and not all(len(part) for parts in one.parts for part in parts):
                continue
            if problem := look(one):
                return lost(_split_what(one.images), problem)
        # Charged once.
        return (
            lost(_split_what(sets[len(found)][0]), f"split stopped with {stopped}")
            if stopped and look is _whole
            else None
        )

    return question


def _split_what(images: np.ndarray) -> str:
    shape = f"{len(images)} images of {images.shape[1]}×{images.shape[2]} pixels"
    return f"split {shape}, of which some may be copies or mirror images of others"


def _whole(found: _Split) -> str | None:
    count, size = len(found.group), np.bincount(found.group)
    for train, valid in found.parts:
        both = np.concatenate([train, valid])
        if set(train) & set(valid):
            return f"Image {int(min(set(train) & set(valid)))} is in both parts. {hint_of('split_overlap')}"
        if len(both) != len(set(both)) or set(both) != set(range(count)):
            return f"The parts hold {len(set(both))} of the {count} images. {hint_of('split_missing')}"
        # Without the group that was taken last it is not enough.
        last = size[found.group[valid.astype(int)]].max(initial=1)
        if not count / 5 <= len(valid) < count / 5 + last:
            return f"{len(valid)} of {count} images are for validation. {hint_of('split_size')}"
    return "It changed the images that it was given." if found.changed else None


def _apart(found: _Split) -> str | None:
    group = found.group
    for both, valid in found.parts:
        # An image that is in both parts is charged elsewhere.
        train = np.setdiff1d(both, valid)
        inside = [np.unique(group[one.astype(int)]) for one in (train, valid) if len(one) and one.max() < len(group)]
        if len(inside) < 2:
            return "It returns no two parts yet, so twins on both sides cannot count."
        if len(shared := np.intersect1d(*inside)):
            have = "image has" if len(shared) == 1 else "images have"
            return f"{len(shared)} {have} a twin on the other side. {hint_of('split_twins')}"
    return None


def _seeded(found: _Split) -> str | None:
    sets = [frozenset(int(one) for one in valid) for _, valid in found.parts]
    if not all(sets):
        return "It returns no images for validation yet, so the seed cannot count."
    if sets[0] != sets[1]:
        return f"The same seed gave two splits. {hint_of('split_unseeded')}"
    # By the groups in the order of their first image: whoever keeps twins together shuffles these.
    first = np.sort(np.unique(found.group, return_index=True)[1])
    # Of fewer groups the same may be chosen several times by chance.
    if len(first) >= _TOLD_APART and len(set(sets)) == 1:
        return f"All seeds gave the same split. {hint_of('split_fixed')}"
    if len(first) < _SHUFFLED:
        return None
    draws = np.array([[place in valid for place in first] for valid in sets[1:]], dtype=int)
    if not_shuffled(draws):
        return f"The choice follows the order of the data. {hint_of('split_moved_on')}"
    return f"Two seeds gave the same split. {hint_of('split_fixed')}" if len(set(sets)) < len(sets) - 1 else None


SPLIT = Check(
    "split",
    (
        Line("parts", "Each image in one part, a fifth of them for validation", 0.5, _split_line(_whole)),
        Line("twins", "Copies and mirror images of an image are on its side", 0.25, _split_line(_apart)),
        Line("seed", "The same split for the same seed, another for another", 0.25, _split_line(_seeded)),
    ),
)
