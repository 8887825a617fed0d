"""What is asked of `augment`: only properties of what it returns can be right, so these are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autograder.checking import compare
from autograder.checking.domain import Question
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.student import Student, StudentError, once
from autograder.labs.lab6.domains import PAIRS
from autograder.labs.lab6.drawing import Rng, draw_opposites
from autograder.labs.lab6.places import Fit, Shown, differently, fit, shown, wrapped
from autograder.labs.lab6.shared import answers, hint_of

#: Pairs that are augmented, the first ones twice with the same numbers, and some with others: so many flips that are
#: drawn are not all the same by chance.
_PAIRS, _TWICE, _OTHERS = 40, 8, 20
#: How many of its pixels must change for a mask to be moved, and in how many of the pairs: the lab asks for a quarter,
#: and by chance fewer of 40 are. How unlikely it must be that none of the larger ones is.
_MOVED, _OFTEN, _BY_CHANCE = 8, 0.125, 1e-3
#: From how many pixels on a mask differs from an image all of whose pixels are only laid elsewhere.
_EXACT = 4
#: In how many of the pixels an image and its mask must agree, but for interpolation along the edge.
_AGREE = 0.93
#: In how many of the pairs a mask must be too large or too small to be charged.
_OF_PAIRS = 0.2
#: How much of an image a gland must cover for its place to be seen, and how much of it its mask must.
_SEEN, _COVERS = 0.03, 0.85
#: What float32 may be beyond 255.
_ROUNDING = 1e-3
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
class _Pair:
    """What became of a pair, or why nothing did.

    ``given`` are an image, its mask, and the image with bright and dark exchanged; ``opposite`` is what became of that
    with the same numbers, None where it is not known.
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
        if self.opposite is None or self.opposite.shape != self.image.shape or _darker(self.given[2], self.opposite):
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
        by_light = _bright(self.image)
        return max([*found, *([] if by_light is None else [by_light])], key=self.agrees, default=None)

    def agrees(self, gland: np.ndarray) -> float:
        return float((gland == self.inside).mean())

    @cached_property
    def known(self) -> np.ndarray:
        """Which pixels are made of what was given, and not erased or left empty."""
        return self.shown.known if self.shown else np.ones(self.mask.shape, bool)

    def fit(self) -> Fit:
        if self.shown is None or self.agrees(self.gland) > max(
            map(self.agrees, (self.shown.gland, _smooth(self.shown.gland)))
        ):
            return fit(self.image, self.mask)
        return fit(np.where(self.gland, 200.0, 60.0)[..., None], self.mask)


class _Augmented:
    """What a student's function made of pairs, and whether it changed what it was given.

    The first pairs show a bright gland each, whose place is compared with that of the mask to parts of a pixel. The
    others are of all kinds. Each image comes again with bright and dark exchanged, and with the same numbers: what
    differs shows its gland in any light, and corners that are empty or patches that are erased do not differ.
    """

    def __init__(self, student: Student, rng: Rng) -> None:
        questions = PAIRS.questions(int(rng.integers(2**63)))
        given = [*(draw_opposites(rng) for _ in range(_PAIRS)), *(question.arguments for question in questions)]
        drawn = list(enumerate(int(seed) for seed in rng.integers(0, 10**6, len(given))))
        calls = {
            "first": drawn[:_PAIRS],
            "twice": drawn[:_TWICE],
            "others": [(place, seed + 1) for place, seed in drawn[:_OTHERS]],
            "kinds": drawn[_PAIRS:],
            "again": drawn[_PAIRS:],
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
        self.first = [_Pair("", *one) for one in zip(given, *zip(*made["first"], strict=True), opposites, strict=False)]
        kinds = zip(questions, made["kinds"], opposites[_PAIRS:], strict=True)
        self.kinds = [_of_kind(*one) for one in kinds]
        self.repeated = [
            isinstance(one[0], str) or (not isinstance(two[0], str) and _equal(one, two))
            for one, two in zip(made["kinds"], made["again"], strict=True)
        ]
        self.fits: list[Fit] = [one.fit() for one in self.first]
        # Where a mask lies elsewhere, its pixels say nothing on light.
        fair = [one for one in self.first if one.gland is None or (one.agrees(one.gland) >= _AGREE and not _off(one))]
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


def _of_kind(question: Question, made: tuple, opposite: np.ndarray | None) -> _Pair:
    given, at = question.arguments, question.regions
    light = "dark" if at["dark"] != (at["kind"] == "nothing") else "bright"
    what = f"an image {list(given[0].shape)} with {light} {_GLANDS[at['kind']]}"
    if isinstance(made[0], str):
        return _Pair(what, given, *given[:2], problem=f"augment stopped with {made[0]}")
    one, other = (_numbers(part) for part in made[:2])
    return _Pair(what, given, one, other, opposite, _other_shape(*given[:2], one, other))


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
        # What wraps around is charged with the range of the image, and a border with the mask.
        asked = look in _OF_KINDS and not (look is _alike and (made.wraps or _edge(made)))
        for one in made.kinds if asked else ():
            if problem := _OF_KINDS[look](one):
                return lost(f"augment {one.what}", problem)
        if look is _repeatable and not all(made.repeated):
            return lost(f"augment {made.kinds[made.repeated.index(False)].what}", _unseeded())
        return None

    return question


def _bright(image: np.ndarray) -> np.ndarray | None:
    """Return where an image is bright, by the two levels that it was drawn with; None where it has no contrast."""
    gray = image.mean(axis=-1)
    low, high = np.percentile(gray, (5, 99.5))
    return gray > (low + high) / 2 if high - low > 1e-3 * max(1e-6, abs(high)) else None


def _alike(student: Student, made: _Augmented) -> str | None:
    # What wraps around is charged with the range of the image.
    seen = [
        one for one, fitted in zip(made.first, made.fits, strict=True) if one.gland is not None and not fitted.wraps
    ]
    agree = np.array([one.agrees(one.gland) for one in seen])
    moved = np.mean([one.moved for one in made.first])
    if moved < _OFTEN:
        hint = "augment_mask_still" if len(agree) and np.mean(agree) < _AGREE else "augment_nothing"
        return f"In {moved:.0%} of the pairs the mask is moved. {hint_of(hint)}"
    # Where values wrap around, single images are neither bright nor dark, and that is charged with their range.
    most = 0.25 if made.wraps else 0.0
    if len(agree) and np.mean(agree < _AGREE) > most:
        still = np.mean([(one.gland == _bright(one.given[0])).mean() > 0.97 for one in seen])
        hint = "augment_image_still" if still > 0.9 else "augment_apart"
        wrong = int(np.sum(agree < _AGREE))
        return f"In {wrong} of {len(agree)} pairs the mask is not where the gland is in the image. {hint_of(hint)}"
    if what := differently(made.fits):
        return f"{what} {hint_of('augment_apart')}"
    # A border is charged with the mask.
    if not _edge(made) and (wrong := sum(map(_off, seen))) > _OF_PAIRS / 4 * len(seen):
        return f"In {wrong} of {len(seen)} pairs the mask is off by a pixel or more. {hint_of('augment_apart')}"
    return _in_turn(made, float(moved))


def _off(one: _Pair) -> bool:
    """Return whether a mask differs from its image, all of whose pixels were only laid elsewhere."""
    before = one.given[1] > 0
    # What was blurred, or made of fewer pixels, has other rows and columns.
    if not (one.shown and one.shown.sharp and _profile(one.shown.gland) == _profile(before)):
        return False
    wrong = np.sum(one.shown.gland != one.inside)
    return bool(not before.all() and wrong >= min(_EXACT, before.sum()) and not _not_bits(one.mask))


def _profile(where: np.ndarray) -> list:
    """Return what no mirror image, turn by a right angle or shift changes."""
    return sorted(sorted(where.sum(axis).tolist()) for axis in (0, 1))


def _in_turn(made: _Augmented, moved: float) -> str | None:
    # What is the same altogether is charged with the generator.
    if all(made.still) and not all(made.other):
        return f"With other generators the mask was moved in the same way. {hint_of('augment_same_way')}"
    larger = [one for one in made.kinds if len(one.mask) > 48 and not one.given[1].all() and one.given[1].any()]
    if (1 - moved) ** len(larger) < _BY_CHANCE and not any(one.problem or one.moved for one in larger):
        return f"In none of {len(larger)} larger pairs the mask is moved. {hint_of('augment_small')}"
    return None


def _binary(student: Student, made: _Augmented) -> str | None:
    for one in made.masks:
        if problem := _not_bits(one):
            return problem
    for one in made.first:
        if len(np.unique(one.mask)) < 2 and (one.gland is None or one.agrees(one.gland) < 0.98):
            return "A mask is empty, or full, though its image shows a gland."
    # Of masks that are moved by themselves, sizes say nothing, and that is charged already.
    return None if differently(made.fits) else _edge(made)


def _edge(made: _Augmented) -> str | None:
    edges = np.array([one.edge for one in made.fits])
    for sign, words, hint in ((-1, "smaller", "augment_border_cut"), (1, "larger", "augment_border_grown")):
        if np.mean(edges == sign) >= _OF_PAIRS:
            return (
                f"In {int(np.sum(edges == sign))} of {len(edges)} pairs the mask is {words} than the gland "
                f"in the image, by a border. {hint_of(hint)}"
            )
    return None


def _range(student: Student, made: _Augmented) -> str | None:
    for one, fitted in zip(made.first, made.fits, strict=True):
        if not fitted.wraps and (problem := _as_bright(one)):
            return problem
        if (levels := len(np.unique(one.image))) < 3:
            return f"An image came back with {levels} different values. {hint_of('augment_black')}"
    if made.wraps:
        return f"Bright pixels came back dark, or dark ones bright. {hint_of('augment_wraps')}"
    return None


def _unseeded() -> str:
    return f"The same generator gave two results. {hint_of('augment_unseeded')}"


def _repeatable(student: Student, made: _Augmented) -> str | None:
    if not all(made.same):
        return _unseeded()
    return f"Other generators gave the same results. {hint_of('augment_fixed')}" if all(made.other) else None


def _kept(student: Student, made: _Augmented) -> str | None:
    if made.changed:
        return f"It changed its input in place. {hint_of('augment_in_place')}"
    if not decided(student, "augment").get("alike", True) and not decided(student, "augment").get("range", True):
        return "It gives neither images nor masks yet, so unchanged inputs cannot count."
    return None


def _in_place(one: _Pair) -> str:
    """Return in words that a mask does not lie where the glands of its image are; empty where it does."""
    if one.problem:
        return one.problem
    if not one.given[1].any():
        return "There was no gland, and the mask came back with one." if one.inside.any() else ""
    # By its opposite or by its light: one is enough.
    found = [_covers(one, one.shown.gland, True)] if one.shown else []
    parted = one.shown is not None and one.shown.parted
    if not parted and (gland := _by_light(one)) is not None:
        # Of dark glands only what lies under the mask is known: corners that are left empty are dark as well.
        found.append(_covers(one, gland, not one.dark))
    # Light that is lost is charged with the range of the image.
    if any(found) and not _off(one) or _as_bright(one):
        return ""
    return f"The mask is not where the gland is in the image. {hint_of('augment_apart')}" if found else ""


def _covers(one: _Pair, gland: np.ndarray, both: bool) -> bool:
    """Return whether a mask is where a gland is, but for its edge, which is charged with the mask."""
    parts = [(gland, one.inside), *([(one.inside, gland)] if both else [])]
    return all(part.mean() < _SEEN or _widened(wide)[part].mean() > _COVERS for wide, part in parts)


def _by_light(one: _Pair) -> np.ndarray | None:
    """Return where an image shows a gland by its light; None where it is too small or has no contrast."""
    gray = np.nan_to_num(one.image).mean(axis=-1)
    low, high = np.percentile(gray, (1, 99))
    share = one.given[1].mean()
    return (gray < (low + high) / 2) == one.dark if high - low >= 8 and _SEEN <= share < 1 else None


def _smooth(where: np.ndarray) -> np.ndarray:
    """Return it without single pixels, as those of noise that wraps around are."""
    import scipy.ndimage as ndimage

    return ndimage.median_filter(where, 3)


def _widened(where: np.ndarray) -> np.ndarray:
    import scipy.ndimage as ndimage

    return ndimage.binary_dilation(where, iterations=2)


def _not_bits(mask: np.ndarray) -> str:
    levels = np.unique(mask)
    if np.isin(levels, (0, 1)).all():
        return ""
    hint = "augment_255" if len(levels) <= 2 else "augment_gray"
    return f"A mask has {len(levels)} values from {levels[0]:.3g} to {levels[-1]:.3g}. {hint_of(hint)}"


def _darker(image: np.ndarray, found: np.ndarray) -> bool:
    """Return whether even what is brightest in an image has lost its light."""
    return bool(np.percentile(found, 99) < 0.4 * np.percentile(image, 99))


def _as_bright(one: _Pair) -> str:
    """Return in words that an image is not as bright as it was; empty where it is, but for what was put in front."""
    if one.problem:
        return ""
    (image, _, opposite), found = one.given, one.image
    if not np.isfinite(found).all():
        return f"An image has values that are no numbers. {hint_of('augment_nan')}"
    if found.min() < -_ROUNDING or found.max() > 255 + _ROUNDING:
        return f"An image has values from {found.min():.4g} to {found.max():.4g}. {hint_of('augment_beyond')}"
    if one.shown and one.given[1].sum() == 1:
        # Who stretches the light makes all dark by a single bright pixel, and its opposite bright.
        image, found = image / 2 + opposite / 2, found / 2 + one.opposite / 2
    means = image.mean(), found[one.known].mean()
    what = f"An image whose mean is {means[0]:.0f} came back with {means[1]:.3g}"
    if means[1] < 0.4 * means[0] and _darker(image, found[one.known]):
        return f"{what}. {hint_of('augment_scaled' if 0.2 < found.max() <= 1.5 else 'augment_black')}"
    # A part of an image that shows its gland is brighter than all of it, and then its opposite is darker.
    both = np.mean(found[one.known] + one.opposite[one.known]) / 2 if one.shown else means[1]
    if means[1] > 2.2 * means[0] and both > 0.8 * (image.mean() + opposite.mean()):
        return f"{what}. {hint_of('augment_light')}"
    return ""


#: What is looked at in pairs of other kinds, by what each line looks at in the first ones.
_OF_KINDS = {
    _alike: _in_place,
    _binary: lambda one: "" if one.problem else _not_bits(one.mask),
    _range: _as_bright,
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
