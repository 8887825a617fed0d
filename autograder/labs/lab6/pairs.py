"""What a student's `augment` makes of pairs of an image and its mask, and what each of them shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autograder.checking import compare
from autograder.checking.domain import Question
from autograder.checking.student import Student, StudentError, once
from autograder.labs.lab6.domains import PAIRS
from autograder.labs.lab6.drawing import Rng, draw_opposites
from autograder.labs.lab6.places import Fit, Shown, fit, shown, wrapped
from autograder.labs.lab6.shared import answers, hint_of

#: Pairs that are augmented, the first ones twice with the same numbers, and some with others: so many flips that are
#: drawn are not all the same by chance.
FIRST, _TWICE, _OTHERS = 40, 8, 20
#: How many of its pixels must change for a mask to be moved.
_MOVED = 8
#: From how many pixels on a mask differs from an image all of whose pixels are only laid elsewhere.
_EXACT = 4
#: In how many of the pixels an image and its mask must agree, but for interpolation along the edge.
AGREE = 0.93
_GLANDS = {
    "one": "gland",
    "several": "glands",
    "border": "gland at its border",
    "pixel": "gland of one pixel",
    "nothing": "surroundings and no gland",
    "all": "gland and nothing else",
}
_NO_PAIR = "augment returned something else than an image and a mask of numbers."
_AUGMENT_CELL = """
def course_augmented(pairs, places, seeds, first):
    import numpy as np
    found = []
    for number, (place, seed) in enumerate(zip(places, seeds)):
        image, mask = (one.copy() for one in pairs[place])
        kept = image.copy(), mask.copy()
        try:
            pair = augment(image, mask, np.random.default_rng(seed))
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(f"it returned {type(pair).__name__}. End with: return image, mask")
            one, other = pair
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


@dataclass(frozen=True, eq=False)
class Pair:
    """What became of an image and its mask, or why nothing did.

    Attributes
    ----------
    what : str
        What was given, in words.
    given : tuple of numpy.ndarray
        An image [D_y, D_x, 3], its mask [D_y, D_x], and the image with bright and dark exchanged.
    image, mask : numpy.ndarray
        What became of the first two.
    opposite : numpy.ndarray, optional
        What became of the last one with the same numbers, where that is known.
    problem : str
        Why nothing became of them.
    """

    what: str
    given: tuple[np.ndarray, np.ndarray, np.ndarray]
    image: np.ndarray
    mask: np.ndarray
    opposite: np.ndarray | None = None
    problem: str = ""

    @cached_property
    def inside(self) -> np.ndarray:
        return self.mask > 0.5 * np.max(self.mask, initial=0)

    @cached_property
    def moved(self) -> bool:
        return bool(np.sum(self.inside != (self.given[1] > 0)) > min(_MOVED, self.given[1].sum()))

    @cached_property
    def dark(self) -> bool:
        """Whether glands are darker than what is around them."""
        image, mask, opposite = self.given
        where = mask > 0 if mask.any() else mask == 0
        return bool((image[where].mean() < opposite[where].mean()) == mask.any())

    @cached_property
    def shown(self) -> Shown | None:
        """Where its difference from its opposite shows a gland."""
        if self.opposite is None or self.opposite.shape != self.image.shape or darker(self.given[2], self.opposite):
            return None
        return shown(*((self.opposite, self.image) if self.dark else (self.image, self.opposite)), self.inside)

    @cached_property
    def gland(self) -> np.ndarray | None:
        """Where a bright gland is, as the difference says or as light does: who draws by the image moves both apart."""
        if self.shown and self.shown.parted:
            return self.shown.gland
        if not np.isfinite(self.image).all():
            return None
        found = [self.shown.gland, _smooth(self.shown.gland)] if self.shown else []
        by_light = bright(self.image)
        return max([*found, *([] if by_light is None else [by_light])], key=self.agrees, default=None)

    @cached_property
    def off(self) -> bool:
        """Whether its mask differs from its image, all of whose pixels were only laid elsewhere."""
        before = self.given[1] > 0
        # What was blurred, or made of fewer pixels, has other rows and columns.
        if not (self.shown and self.shown.sharp and _profile(self.shown.gland) == _profile(before)):
            return False
        wrong = np.sum(self.shown.gland != self.inside)
        bits = np.isin(self.mask, (0, 1)).all()
        return bool(not before.all() and wrong >= min(_EXACT, before.sum()) and bits)

    def agrees(self, gland: np.ndarray) -> float:
        """Return in which part of the pixels the mask is where a gland is, from 0 to 1."""
        return float((gland == self.inside).mean())

    @cached_property
    def known(self) -> np.ndarray:
        """Which pixels are made of what was given, and not erased or left empty."""
        return self.shown.known if self.shown else np.ones(self.mask.shape, bool)

    def fit(self) -> Fit:
        """Return how its mask fits its gland."""
        if self.shown is None or self.agrees(self.gland) > max(
            map(self.agrees, (self.shown.gland, _smooth(self.shown.gland)))
        ):
            return fit(self.image, self.mask)
        return fit(np.where(self.gland, 200.0, 60.0)[..., None], self.mask)


class Augmented:
    """What a student's function made of pairs, and whether it changed what it was given.

    The first pairs show a bright gland each, whose place is compared with that of the mask to parts of a pixel. The
    others are of all kinds. Each image comes again with bright and dark exchanged, and with the same numbers: what
    differs shows its gland in any light, and corners that are empty or patches that are erased do not differ.

    Parameters
    ----------
    student : Student
    rng : numpy.random.Generator

    Raises
    ------
    StudentError
        If it made no pairs of the first ones.
    """

    def __init__(self, student: Student, rng: Rng) -> None:
        questions = PAIRS.questions(int(rng.integers(2**63)))
        given = [*(draw_opposites(rng) for _ in range(FIRST)), *(question.arguments for question in questions)]
        drawn = list(enumerate(int(seed) for seed in rng.integers(0, 10**6, len(given))))
        calls = {
            "first": drawn[:FIRST],
            "twice": drawn[:_TWICE],
            "others": [(place, seed + 1) for place, seed in drawn[:_OTHERS]],
            "kinds": drawn[FIRST:],
            "again": drawn[FIRST:],
            "opposites": [(len(given) + place, seed) for place, seed in drawn],
        }
        made = self._called(student, given, calls)
        self.changed = any(changed for part in made.values() for _, _, changed in part)
        for part in ("first", "twice", "others"):
            made[part] = [(_numbers(one), _numbers(other)) for one, other, _ in made[part]]
            for pair in made[part]:
                if problem := _other_shape(*given[0][:2], *pair):
                    raise StudentError(problem)
        self.masks = [mask for part in ("first", "twice", "others") for _, mask in made[part]]
        self.same = [_equal(*both) for both in zip(made["first"], made["twice"], strict=False)]
        self.other = [_equal(*both) for both in zip(made["first"], made["others"], strict=False)]
        self.still = [
            np.array_equal(one, two) for (_, one), (_, two) in zip(made["first"], made["others"], strict=False)
        ]
        opposites = [compare.array(one) if not isinstance(one, str) else None for one, _, _ in made["opposites"]]
        self.first = [Pair("", *one) for one in zip(given, *zip(*made["first"], strict=True), opposites, strict=False)]
        kinds = zip(questions, made["kinds"], opposites[FIRST:], strict=True)
        self.kinds = [_of_kind(*one) for one in kinds]
        self.repeated = [
            isinstance(one[0], str) or (not isinstance(two[0], str) and _equal(one, two))
            for one, two in zip(made["kinds"], made["again"], strict=True)
        ]
        self.fits: list[Fit] = [one.fit() for one in self.first]
        # Where a mask lies elsewhere, its pixels say nothing on light.
        fair = [one for one in self.first if one.gland is None or (one.agrees(one.gland) >= AGREE and not one.off)]
        parts = zip(*((one.image, one.mask, one.known) for one in fair), strict=True) if fair else ((), (), ())
        self.wraps = any(one.wraps for one in self.fits) or wrapped(*parts)

    @staticmethod
    def _called(student: Student, given: list[tuple], calls: dict[str, list[tuple]]) -> dict[str, list[tuple]]:
        places, seeds = zip(*(call for part in calls.values() for call in part), strict=True)
        pairs = [[image, mask] for image, mask, _ in given] + [[opposite, mask] for _, mask, opposite in given]
        must = sum(len(calls[part]) for part in ("first", "twice", "others"))
        sent = answers(student, _AUGMENT_CELL, "augment", "course_augmented", pairs, [*places], [*seeds], must)
        if len(sent) != 3 * len(places):
            raise StudentError(_NO_PAIR)
        made = zip(sent[::3], sent[1::3], sent[2::3], strict=True)
        return {name: [next(made) for _ in part] for name, part in calls.items()}


def _equal(one: tuple, two: tuple) -> bool:
    return all(
        np.array_equal(np.asarray(both[0], dtype="float64"), np.asarray(both[1], dtype="float64"), equal_nan=True)
        for both in zip(one[:2], two[:2], strict=True)
    )


def _of_kind(question: Question, made: tuple, opposite: np.ndarray | None) -> Pair:
    given, at = question.arguments, question.regions
    light = "dark" if at["dark"] != (at["kind"] == "nothing") else "bright"
    what = f"an image {list(given[0].shape)} with {light} {_GLANDS[at['kind']]}"
    if isinstance(made[0], str):
        return Pair(what, given, *given[:2], problem=f"augment stopped with {made[0]}")
    one, other = (_numbers(part) for part in made[:2])
    return Pair(what, given, one, other, opposite, _other_shape(*given[:2], one, other))


def _numbers(value: object) -> np.ndarray:
    found = compare.array(value)
    if found is None:
        raise StudentError(_NO_PAIR)
    return found


def _other_shape(image: np.ndarray, mask: np.ndarray, one: np.ndarray, other: np.ndarray) -> str:
    """Return in words that an image and a mask came back in other shapes; empty where they did not."""
    if one.shape == image.shape and other.shape == mask.shape:
        return ""
    # A square that is turned grows by a factor of 1.42 at most.
    larger = (one.ndim, other.ndim) == (3, 2) and 1 < max(one.shape[0], *other.shape) / len(mask) < 1.5
    return (
        f"augment returned {list(one.shape)} and {list(other.shape)} where {list(image.shape)} and {list(mask.shape)} "
        "are expected."
    ) + (f" {hint_of('augment_larger')}" if larger else "")


@once
def augmented(student: Student, rng: Rng) -> Augmented:
    """Return what became of pairs: the same for all lines.

    Parameters
    ----------
    student : Student
    rng : numpy.random.Generator

    Returns
    -------
    Augmented

    Raises
    ------
    StudentError
        If the function made no pairs.
    """
    return Augmented(student, rng)


def bright(image: np.ndarray) -> np.ndarray | None:
    """Return where an image is bright, by the two levels that it was drawn with; None where it has no contrast.

    Parameters
    ----------
    image : numpy.ndarray, shape [D_y, D_x, 3]

    Returns
    -------
    numpy.ndarray of bool, shape [D_y, D_x], or None
    """
    gray = image.mean(axis=-1)
    low, high = np.percentile(gray, (5, 99.5))
    return gray > (low + high) / 2 if high - low > 1e-3 * max(1e-6, abs(high)) else None


def _smooth(where: np.ndarray) -> np.ndarray:
    """Return it without single pixels, as those of noise that wraps around are."""
    import scipy.ndimage as ndimage

    return ndimage.median_filter(where, 3)


def _profile(where: np.ndarray) -> list:
    """Return what no mirror image, turn by a right angle or shift changes."""
    return sorted(sorted(where.sum(axis).tolist()) for axis in (0, 1))


def darker(image: np.ndarray, found: np.ndarray) -> bool:
    """Return whether even what is brightest in an image has lost its light.

    Parameters
    ----------
    image, found : numpy.ndarray
        Before and after.

    Returns
    -------
    bool
    """
    return bool(np.percentile(found, 99) < 0.4 * np.percentile(image, 99))
