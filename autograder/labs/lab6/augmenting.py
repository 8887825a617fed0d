"""What is asked of `split` and `augment`: of what they return only properties can be right, so these are looked at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autograder.checking import compare, error_texts
from autograder.checking.domain import Question
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.shuffles import not_shuffled
from autograder.checking.student import Student, StudentError, once
from autograder.labs.lab6.domains import FAMILIES, PAIRS
from autograder.labs.lab6.drawing import Rng, draw_pair, draw_twins
from autograder.labs.lab6.faults import HINTS
from autograder.labs.lab6.places import Fit, differently, fit, wrapped

_SECONDS = 60.0
#: Pairs that are augmented, and each of the first ones twice with the same numbers.
_PAIRS, _TWICE = 40, 8
#: In how many of the pixels an image and its mask must agree, but for interpolation along the edge.
_AGREE = 0.93
#: In how many of the pairs a mask must be too large or too small to be charged.
_OF_PAIRS = 0.2
#: How much of an image a gland must cover for its place to be seen, and how much of it its mask must.
_SEEN, _COVERS = 0.03, 0.75
_GLANDS = {
    "one": "gland",
    "several": "glands",
    "border": "gland at its border",
    "pixel": "gland of one pixel",
    "nothing": "surroundings and no gland",
    "all": "gland and nothing else",
}
_NO_PAIR = "augment returned something else than an image and a mask of numbers."
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
_AUGMENT_CELL = """
def course_augmented(pairs, places, seeds, first):
    import numpy as np
    found = []
    for number, (place, seed) in enumerate(zip(places, seeds)):
        image, mask = (one.copy() for one in pairs[place])
        kept = image.copy(), mask.copy()
        try:
            one, other = augment(image, mask, np.random.default_rng(seed))
        except Exception as error:
            # What stops on images of one kind is not stopped by the others.
            if number < first:
                raise
            found += [f"{type(error).__name__}: {error}", 0.0, 0.0]
            continue
        changed = not (np.array_equal(image, kept[0]) and np.array_equal(mask, kept[1]))
        found += [np.array(one), np.array(other), float(changed)]
    return found
"""


def _sent(student: Student, cell: str, function: str, call: str, *arguments) -> list:
    try:
        with student.fresh(cell, seconds=_SECONDS, code_only=True) as side:
            return list(side.call(call, *arguments))
    except StudentError as error:
        raise StudentError(error_texts.without_ours(str(error), function)) from None


def _hint(name: str) -> str:
    return HINTS[name][0]


# Splitting.


class _Split(NamedTuple):
    """What a student's function made of images: the parts by seed, the first seed twice."""

    images: np.ndarray
    group: np.ndarray
    parts: list[tuple[np.ndarray, np.ndarray]]
    changed: bool


def _splits(student: Student, sets: list[tuple], seeds: list[list[int]]) -> tuple[list[_Split], str]:
    """Return what became of sets of images, and why there is no more; empty where it is all."""
    sent = _sent(student, _SPLIT_CELL, "split", "course_splits", [images for images, _ in sets], seeds)
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
            return f"Image {int(min(set(train) & set(valid)))} is in both parts. {_hint('split_overlap')}"
        if len(both) != len(set(both)) or set(both) != set(range(count)):
            return f"The parts hold {len(set(both))} of the {count} images. {_hint('split_missing')}"
        # Without the group that was taken last it is not enough.
        last = size[found.group[valid.astype(int)]].max(initial=1)
        if not count / 5 <= len(valid) < count / 5 + last:
            return f"{len(valid)} of {count} images are for validation. {_hint('split_size')}"
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
            return f"{len(shared)} {have} a twin on the other side. {_hint('split_twins')}"
    return None


def _seeded(found: _Split) -> str | None:
    sets = [frozenset(int(one) for one in valid) for _, valid in found.parts]
    if not all(sets):
        return "It returns no images for validation yet, so the seed cannot count."
    if sets[0] != sets[1]:
        return f"The same seed gave two splits. {_hint('split_unseeded')}"
    # By the groups in the order of their first image: whoever keeps twins together shuffles these.
    first = np.sort(np.unique(found.group, return_index=True)[1])
    # Of fewer groups the same may be chosen several times by chance.
    if len(first) >= _TOLD_APART and len(set(sets)) == 1:
        return f"All seeds gave the same split. {_hint('split_fixed')}"
    if len(first) < _SHUFFLED:
        return None
    draws = np.array([[place in valid for place in first] for valid in sets[1:]], dtype=int)
    if not_shuffled(draws):
        return f"The choice follows the order of the data. {_hint('split_moved_on')}"
    return f"Two seeds gave the same split. {_hint('split_fixed')}" if len(set(sets)) < len(sets) - 1 else None


SPLIT = Check(
    "split",
    (
        Line("parts", "Each image in one part, a fifth of them for validation", 0.5, _split_line(_whole)),
        Line("twins", "Copies and mirror images of an image are on its side", 0.25, _split_line(_apart)),
        Line("seed", "The same split for the same seed, another for another", 0.25, _split_line(_seeded)),
    ),
)


# Augmenting.


class _OfKind(NamedTuple):
    """What became of a pair of some kind: an image and a mask, or why there are none."""

    what: str
    given: tuple[np.ndarray, np.ndarray]
    image: np.ndarray
    mask: np.ndarray
    repeated: bool
    problem: str


class _Augmented:
    """What a student's function made of pairs, and whether it changed what it was given.

    The first pairs show a bright gland each, whose place is compared with that of the mask to parts of a pixel. The
    others are of all kinds.
    """

    def __init__(self, student: Student, rng: Rng) -> None:
        pairs = [draw_pair(rng) for _ in range(_PAIRS)]
        questions = PAIRS.questions(int(rng.integers(2**63)))
        kinds = [question.arguments for question in questions]
        seeds = [int(seed) for seed in rng.integers(0, 10**6, _PAIRS + len(kinds))]
        calls = [
            *enumerate(seeds[:_PAIRS]),
            *enumerate(seeds[:_TWICE]),
            *((place, seed + 1) for place, seed in enumerate(seeds[:_TWICE])),
        ]
        of_kinds = list(enumerate(seeds))[_PAIRS:]
        places, drawn = zip(*calls, *of_kinds, *of_kinds, strict=True)
        given = [list(pair) for pair in (*pairs, *kinds)]
        sent = _sent(student, _AUGMENT_CELL, "augment", "course_augmented", given, [*places], [*drawn], len(calls))
        if len(sent) != 3 * len(places):
            raise StudentError(_NO_PAIR)
        made = list(zip(sent[::3], sent[1::3], sent[2::3], strict=True))
        first, once_more = made[: len(calls)], made[len(calls) :]
        self.given, self.changed = pairs, any(changed for _, _, changed in made)
        self.images, self.masks = [_numbers(one) for one, _, _ in first], [_numbers(other) for _, other, _ in first]
        for one, other in zip(self.images, self.masks, strict=True):
            if problem := _other_shape(*pairs[0], one, other):
                raise StudentError(problem)
        twice = zip(questions, once_more[: len(kinds)], once_more[len(kinds) :], strict=True)
        self.of_kinds = [_of_kind(*one) for one in twice]
        self.fits: list[Fit] = [fit(one, other) for one, other in zip(self.images, self.masks, strict=True)][:_PAIRS]
        self.wraps = any(one.wraps for one in self.fits) or wrapped(self.images[:_PAIRS], self.masks[:_PAIRS])


def _of_kind(question: Question, made: tuple, again: tuple) -> _OfKind:
    given, at = question.arguments, question.regions
    light = "dark" if at["dark"] != (at["kind"] == "nothing") else "bright"
    what = f"an image {list(given[0].shape)} with {light} {_GLANDS[at['kind']]}"
    if isinstance(made[0], str):
        return _OfKind(what, given, *given, True, f"augment stopped with {made[0]}")
    one, other = (_numbers(part) for part in made[:2])
    problem = _other_shape(*given, one, other)
    same = not isinstance(again[0], str) and all(
        np.array_equal(*both) for both in zip(made[:2], again[:2], strict=True)
    )
    return _OfKind(what, given, one, other, same, problem)


def _numbers(value: object) -> np.ndarray:
    found = compare.array(value)
    if found is None:
        raise StudentError(_NO_PAIR)
    return found


def _other_shape(image: np.ndarray, mask: np.ndarray, one: np.ndarray, other: np.ndarray) -> str:
    """Return in words that an image and a mask came back in other shapes; empty where they did not."""
    if one.shape == image.shape and other.shape == mask.shape:
        return ""
    larger = min(one.ndim, other.ndim) > 1 and (one.shape[:2] > image.shape[:2] or other.shape > mask.shape)
    return (
        f"augment returned {list(one.shape)} and {list(other.shape)} where {list(image.shape)} and {list(mask.shape)} "
        "are expected."
    ) + (f" {_hint('augment_larger')}" if larger else "")


@once
def _augmented(student: Student, rng: Rng) -> _Augmented:
    """Return what became of pairs: the same for all lines."""
    return _Augmented(student, rng)


def _augment_line(look) -> object:
    def question(student: Student, rng: Rng) -> Problem | None:
        what = f"augment {_PAIRS} images [48, 48, 3] with their masks, each with a random generator of its own"
        try:
            made = _augmented(student, rng)
            found = look(student, made)
        except StudentError as error:
            return lost(what, str(error))
        if found:
            return lost(what, found)
        # What wraps around is charged with the range of the image.
        asked = look in _OF_KINDS and not (look is _alike and made.wraps)
        for one in made.of_kinds if asked else ():
            if problem := _OF_KINDS[look](one):
                return lost(f"augment {one.what}", problem)
        return None

    return question


def _bright(image: np.ndarray) -> np.ndarray | None:
    """Return where an image is bright, by the two levels that it was drawn with; None where it has no contrast."""
    gray = image.mean(axis=-1)
    low, high = np.percentile(gray, (5, 99.5))
    return gray > (low + high) / 2 if high - low > 1e-3 * max(1e-6, abs(high)) else None


def _alike(student: Student, made: _Augmented) -> str | None:
    moved, agree, still_image, still_mask = [], [], 0, 0
    for (image, mask), one, other, fitted in zip(made.given, made.images, made.masks, made.fits, strict=False):
        inside = other > 0.5 * max(1.0, other.max())
        bright = _bright(np.nan_to_num(one))
        moved.append((inside != (mask > 0)).mean() > 0.02)
        # What wraps around is charged with the range of the image.
        if bright is None or fitted.wraps:
            continue
        agree.append((bright == inside).mean())
        still_image += (bright == _bright(image)).mean() > 0.97
        still_mask += not moved[-1]
    if np.mean(moved) < 0.25:
        hint = "augment_mask_still" if agree and np.mean(agree) < _AGREE else "augment_nothing"
        return f"In {np.mean(moved):.0%} of the pairs the mask is moved. {_hint(hint)}"
    # Where values wrap around, single images are neither bright nor dark, and that is charged with their range.
    most = 0.25 if any(one.wraps for one in made.fits) else 0.0
    if agree and np.mean(np.array(agree) < _AGREE) > most:
        hint = "augment_image_still" if still_image > 0.9 * len(agree) else "augment_apart"
        wrong = int(np.sum(np.array(agree) < _AGREE))
        return f"In {wrong} of {len(agree)} pairs the mask is not where the gland is in the image. {_hint(hint)}"
    if what := differently(made.fits):
        return f"{what} {_hint('augment_apart')}"
    return None


def _binary(student: Student, made: _Augmented) -> str | None:
    for one in made.masks:
        levels = np.unique(one)
        if not np.isin(levels, (0, 1)).all():
            hint = "augment_255" if len(levels) == 2 else "augment_gray"
            return f"A mask has {len(levels)} values from {levels[0]:.3g} to {levels[-1]:.3g}. {_hint(hint)}"
        if len(levels) < 2:
            return "A mask is empty, though it held a gland in the middle of the image."
    # Of masks that are moved by themselves, sizes say nothing, and that is charged already.
    if differently(made.fits):
        return None
    edges = np.array([one.edge for one in made.fits])
    for sign, words, hint in ((-1, "smaller", "augment_border_cut"), (1, "larger", "augment_border_grown")):
        if np.mean(edges == sign) >= _OF_PAIRS:
            return (
                f"In {int(np.sum(edges == sign))} of {len(edges)} pairs the mask is {words} than the gland "
                f"in the image, by a border. {_hint(hint)}"
            )
    return None


def _range(student: Student, made: _Augmented) -> str | None:
    for (image, _), one, fitted in zip(made.given, made.images, made.fits, strict=False):
        if not np.isfinite(one).all() or one.min() < 0 or one.max() > 255:
            return f"An image has values from {one.min():.4g} to {one.max():.4g}. {_hint('augment_beyond')}"
        part = one.mean() / image.mean()
        if fitted.wraps:
            continue
        if not 0.4 < part < 2.2 or one.max() < 60:
            where = f"An image with values up to {image.max()} came back with values up to {one.max():.3g}"
            hint = "augment_scaled" if 0.2 < one.max() <= 1.5 else "augment_black"
            return f"{where}. {_hint(hint)}"
        if len(np.unique(one)) < 12:
            return f"An image came back with {len(np.unique(one))} different values. {_hint('augment_black')}"
    if made.wraps:
        return f"Bright pixels came back dark, or dark ones bright. {_hint('augment_wraps')}"
    return None


def _repeatable(student: Student, made: _Augmented) -> str | None:
    same = [
        np.array_equal(made.images[k], made.images[_PAIRS + k])
        and np.array_equal(made.masks[k], made.masks[_PAIRS + k])
        for k in range(_TWICE)
    ]
    other = [
        np.array_equal(made.images[k], made.images[_PAIRS + _TWICE + k])
        and np.array_equal(made.masks[k], made.masks[_PAIRS + _TWICE + k])
        for k in range(_TWICE)
    ]
    if not all(same):
        return f"The same generator gave two results. {_hint('augment_unseeded')}"
    if all(other):
        return f"Other generators gave the same results. {_hint('augment_fixed')}"
    return None


def _kept(student: Student, made: _Augmented) -> str | None:
    if made.changed:
        return f"It changed its input in place. {_hint('augment_in_place')}"
    if not decided(student, "augment").get("alike", True) and not decided(student, "augment").get("range", True):
        return "It gives neither images nor masks yet, so unchanged inputs cannot count."
    return None


def _in_place(one: _OfKind) -> str:
    """Return in words that a mask does not lie where the glands of its image are; empty where it does."""
    if one.problem:
        return one.problem
    image, mask = one.given
    inside = one.mask > one.mask.max() / 2
    if not mask.any():
        return "There was no gland, and the mask came back with one." if inside.any() else ""
    if mask.all():
        return "" if inside.mean() > 0.3 else "All of it was gland, and the mask came back without most of it."
    if mask.sum() < _SEEN * mask.size or inside.sum() < _SEEN * mask.size:
        return ""
    dark = image[mask > 0].mean() < image[mask == 0].mean()
    gray = np.nan_to_num(one.image).mean(axis=-1)
    low, high = np.percentile(gray, (1, 99))
    if high - low < 8:
        return ""
    gland = (gray < (low + high) / 2) == dark
    # A border too many or too few is charged with the mask. Of dark glands only what lies under the mask is known:
    # corners that a turned image leaves empty are dark as well.
    agree = _widened(gland)[inside].mean()
    agree = agree if dark else min(agree, _widened(inside)[gland].mean())
    return "" if agree > _COVERS else f"The mask is not where the gland is in the image. {_hint('augment_apart')}"


def _widened(where: np.ndarray) -> np.ndarray:
    import scipy.ndimage as ndimage

    return ndimage.binary_dilation(where, iterations=2)


def _of_bits(one: _OfKind) -> str:
    levels = np.unique(one.mask)
    if np.isin(levels, (0, 1)).all():
        return ""
    hint = "augment_255" if len(levels) <= 2 else "augment_gray"
    return f"A mask has {len(levels)} values from {levels[0]:.3g} to {levels[-1]:.3g}. {_hint(hint)}"


def _as_bright(one: _OfKind) -> str:
    image, found = one.given[0], one.image
    if not np.isfinite(found).all() or found.min() < 0 or found.max() > 255:
        return f"An image has values from {found.min():.4g} to {found.max():.4g}. {_hint('augment_beyond')}"
    if 0.4 < found.mean() / image.mean() < 2.2:
        return ""
    hint = "augment_scaled" if 0.2 < found.max() <= 1.5 else "augment_black"
    return f"An image whose mean is {image.mean():.0f} came back with {found.mean():.3g}. {_hint(hint)}"


#: What is looked at in pairs of other kinds, by what each line looks at in the first ones.
_OF_KINDS = {
    _alike: _in_place,
    _binary: _of_bits,
    _range: _as_bright,
    _repeatable: lambda one: (
        "" if one.repeated else f"The same generator gave two results. {_hint('augment_unseeded')}"
    ),
}

AUGMENT = Check(
    "augment",
    (
        Line("alike", "The same geometry for image and mask, and other geometries in turn", 1.0, _augment_line(_alike)),
        Line("binary", "The mask still holds 0 and 1 alone", 0.5, _augment_line(_binary)),
        Line("range", "The image still has values from 0 to 255, as bright as before", 0.75, _augment_line(_range)),
        Line(
            "seeded", "The same result for the same state of rng, another for another", 0.5, _augment_line(_repeatable)
        ),
        Line("inputs", "Image and mask are left as they were", 0.25, _augment_line(_kept)),
    ),
)
