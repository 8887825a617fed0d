"""What is asked of `augment`: only properties of what it returns can be right, so these are looked at."""

from __future__ import annotations

import numpy as np

from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.student import Student, StudentError
from autograder.labs.lab6.drawing import Rng
from autograder.labs.lab6.pairs import AGREE, FIRST, Augmented, Pair, augmented, bright, darker
from autograder.labs.lab6.places import differently
from autograder.labs.lab6.shared import hint_of

#: In how many of the pairs a mask must be moved: the lab asks for a quarter, and by chance fewer of 40 are. How
#: unlikely it must be that none of the larger ones is.
_OFTEN, _BY_CHANCE = 0.125, 1e-3
#: In how many of the pairs a mask must be too large or too small to be charged.
_OF_PAIRS = 0.2
#: How much of an image a gland must cover for its place to be seen, and how much of it its mask must.
_SEEN, _COVERS = 0.03, 0.85
#: What float32 may be beyond 255.
_ROUNDING = 1e-3


def _augment_line(look) -> object:
    def question(student: Student, rng: Rng) -> Problem | None:
        what = f"augment {FIRST} images [48, 48, 3] with their masks, each with a random generator of its own"
        try:
            made = augmented(student, rng)
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


def _alike(student: Student, made: Augmented) -> str | None:
    # What wraps around is charged with the range of the image.
    seen = [
        one for one, fitted in zip(made.first, made.fits, strict=True) if one.gland is not None and not fitted.wraps
    ]
    agree = np.array([one.agrees(one.gland) for one in seen])
    moved = np.mean([one.moved for one in made.first])
    if moved < _OFTEN:
        hint = "augment_mask_still" if len(agree) and np.mean(agree) < AGREE else "augment_nothing"
        return f"In {moved:.0%} of the pairs the mask is moved. {hint_of(hint)}"
    # Where values wrap around, single images are neither bright nor dark, and that is charged with their range.
    most = 0.25 if made.wraps else 0.0
    if len(agree) and np.mean(agree < AGREE) > most:
        still = np.mean([(one.gland == bright(one.given[0])).mean() > 0.97 for one in seen])
        hint = "augment_image_still" if still > 0.9 else "augment_apart"
        wrong = int(np.sum(agree < AGREE))
        return f"In {wrong} of {len(agree)} pairs the mask is not where the gland is in the image. {hint_of(hint)}"
    if what := differently(made.fits):
        return f"{what} {hint_of('augment_apart')}"
    # A border is charged with the mask.
    if not _edge(made) and (wrong := sum(one.off for one in seen)) > _OF_PAIRS / 4 * len(seen):
        return f"In {wrong} of {len(seen)} pairs the mask is off by a pixel or more. {hint_of('augment_apart')}"
    return _in_turn(made, float(moved))


def _in_turn(made: Augmented, moved: float) -> str | None:
    # What is the same altogether is charged with the generator.
    if all(made.still) and not all(made.other):
        return f"With other generators the mask was moved in the same way. {hint_of('augment_same_way')}"
    larger = [one for one in made.kinds if len(one.mask) > 48 and not one.given[1].all() and one.given[1].any()]
    if (1 - moved) ** len(larger) < _BY_CHANCE and not any(one.problem or one.moved for one in larger):
        return f"In none of {len(larger)} larger pairs the mask is moved. {hint_of('augment_small')}"
    return None


def _binary(student: Student, made: Augmented) -> str | None:
    for one in made.masks:
        if problem := _not_bits(one):
            return problem
    for one in made.first:
        if len(np.unique(one.mask)) < 2 and (one.gland is None or one.agrees(one.gland) < 0.98):
            return "A mask is empty, or full, though its image shows a gland."
    # Of masks that are moved by themselves, sizes say nothing, and that is charged already.
    return None if differently(made.fits) else _edge(made)


def _edge(made: Augmented) -> str | None:
    edges = np.array([one.edge for one in made.fits])
    for sign, words, hint in ((-1, "smaller", "augment_border_cut"), (1, "larger", "augment_border_grown")):
        if np.mean(edges == sign) >= _OF_PAIRS:
            return (
                f"In {int(np.sum(edges == sign))} of {len(edges)} pairs the mask is {words} than the gland "
                f"in the image, by a border. {hint_of(hint)}"
            )
    return None


def _range(student: Student, made: Augmented) -> str | None:
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


def _repeatable(student: Student, made: Augmented) -> str | None:
    if not all(made.same):
        return _unseeded()
    return f"Other generators gave the same results. {hint_of('augment_fixed')}" if all(made.other) else None


def _kept(student: Student, made: Augmented) -> str | None:
    if made.changed:
        return f"It changed its input in place. {hint_of('augment_in_place')}"
    if not decided(student, "augment").get("alike", True) and not decided(student, "augment").get("range", True):
        return "It gives neither images nor masks yet, so unchanged inputs cannot count."
    return None


def _in_place(one: Pair) -> str:
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
    if any(found) and not one.off or _as_bright(one):
        return ""
    return f"The mask is not where the gland is in the image. {hint_of('augment_apart')}" if found else ""


def _covers(one: Pair, gland: np.ndarray, both: bool) -> bool:
    """Return whether a mask is where a gland is, but for its edge, which is charged with the mask."""
    parts = [(gland, one.inside), *([(one.inside, gland)] if both else [])]
    return all(part.mean() < _SEEN or _widened(wide)[part].mean() > _COVERS for wide, part in parts)


def _by_light(one: Pair) -> np.ndarray | None:
    """Return where an image shows a gland by its light; None where it is too small or has no contrast."""
    gray = np.nan_to_num(one.image).mean(axis=-1)
    low, high = np.percentile(gray, (1, 99))
    share = one.given[1].mean()
    return (gray < (low + high) / 2) == one.dark if high - low >= 8 and _SEEN <= share < 1 else None


def _widened(where: np.ndarray) -> np.ndarray:
    import scipy.ndimage as ndimage

    return ndimage.binary_dilation(where, iterations=2)


def _not_bits(mask: np.ndarray) -> str:
    levels = np.unique(mask)
    if np.isin(levels, (0, 1)).all():
        return ""
    hint = "augment_255" if len(levels) <= 2 else "augment_gray"
    return f"A mask has {len(levels)} values from {levels[0]:.3g} to {levels[-1]:.3g}. {hint_of(hint)}"


def _as_bright(one: Pair) -> str:
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
    if means[1] < 0.4 * means[0] and darker(image, found[one.known]):
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
