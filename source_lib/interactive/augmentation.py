"""Which changes a digit survives: changed pictures, a judge that has never seen any, and the figure to play with."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape

import numpy as np

from source_lib.interactive.markup import data_element, option_elements

Change = Callable[[np.ndarray], np.ndarray]

#: What follows for training, by `Fate.advice`.
ADVICE = {
    "avoid": "Avoid this change for this digit: the label would no longer fit the picture.",
    "needless": "The change is harmless, and there is little to learn from it.",
    "worth": "The change is harmless and worth training with: it takes nothing from the digit, and much from a "
    "classifier that has never seen it.",
}

_SIDE = 28
_MIDDLE = (_SIDE - 1) / 2


def changes() -> dict[str, Change]:
    """Return the changes by name, each a function from images [N, 28, 28] with values from 0 to 1 to such images.

    Each has one strength, and the noise is the same at every call, so that what comes out can be looked up again.

    Returns
    -------
    dict of str to callable
        The first one changes nothing.

    Examples
    --------
    >>> images = np.zeros((1, 28, 28))
    >>> images[0, 3, 5] = 1
    >>> np.argwhere(changes()["half a turn"](images)[0]).tolist()
    [[24, 22]]
    """
    return {
        "as it is": lambda x: x,
        "flipped left to right": lambda x: x[:, :, ::-1],
        "flipped upside down": lambda x: x[:, ::-1],
        "half a turn": lambda x: x[:, ::-1, ::-1],
        "a quarter turn to the left": lambda x: np.rot90(x, 1, axes=(1, 2)),
        "a quarter turn to the right": lambda x: np.rot90(x, -1, axes=(1, 2)),
        "turned by 10°": _affine(rotation=10),
        "turned by 30°": _affine(rotation=30),
        "moved by 3 pixels": _affine(translation=(3, 3)),
        "enlarged by 1.3": _affine(scale=1.3),
        "shrunk to 0.6": _affine(scale=0.6),
        "sheared by 20°": _affine(shear=20),
        "darker, 0.4 of the light": lambda x: 0.4 * x,
        "less contrast": lambda x: 0.3 + 0.4 * x,
        "inverted": lambda x: 1 - x,
        "a little noise": _noise(0.2),
        "much noise": _noise(0.5),
    }


def _affine(
    rotation: float = 0, translation: tuple[float, float] = (0, 0), scale: float = 1, shear: float = 0
) -> Change:
    """Return a change that turns (to the left), enlarges and shears around the middle, and moves."""
    from skimage.transform import AffineTransform, warp

    to_middle = AffineTransform(translation=(-_MIDDLE, -_MIDDLE))
    change = AffineTransform(scale=scale, rotation=-np.deg2rad(rotation), shear=np.deg2rad(shear))
    back = AffineTransform(translation=(_MIDDLE + translation[0], _MIDDLE + translation[1]))
    inverse = (to_middle + change + back).inverse
    return lambda x: np.stack([warp(image, inverse, order=1) for image in x])


def _noise(deviation: float) -> Change:
    def add(x: np.ndarray) -> np.ndarray:
        return np.clip(x + np.random.default_rng(0).normal(0, deviation, x.shape), 0, 1)

    return add


def upright(images: np.ndarray) -> np.ndarray:
    """Bring digits to the middle, to one size and to full contrast, and leave their shape as it is.

    That is what the makers of MNIST did with theirs. The ground becomes 0 whether it was dark or bright.

    Parameters
    ----------
    images : numpy.ndarray, shape [N, 28, 28]
        Values from 0 to 1. Most pixels of an image are ground.

    Returns
    -------
    numpy.ndarray, shape [N, 28, 28]
        The center of mass is in the middle and the root mean square distance of the ink from it is 6.5 pixels. An
        image without any ink stays empty.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998, section III.

    Examples
    --------
    >>> bar = np.zeros((1, 28, 28))
    >>> bar[0, 2:9, 3] = 0.5
    >>> rows, columns = np.nonzero(upright(bar)[0] > 0.5)
    >>> float(rows.mean()), float(columns.mean())
    (13.5, 13.5)
    """
    from scipy.ndimage import gaussian_filter
    from skimage.transform import AffineTransform, warp

    row, column = np.mgrid[:_SIDE, :_SIDE]
    result = np.zeros(np.shape(images))
    for place, image in enumerate(images):
        # Blurred a little, so that noise counts as little as it does for the eye.
        image = gaussian_filter(np.abs(image - np.median(image)), 0.6)
        if image.max() == 0:
            continue
        image = image / image.max()
        ink = np.where(image > 0.4, image, 0) / image[image > 0.4].sum()
        middle = (column * ink).sum(), (row * ink).sum()
        spread = np.sqrt((((column - middle[0]) ** 2 + (row - middle[1]) ** 2) * ink).sum())
        if spread == 0:
            continue
        scale = spread / 6.5
        to_image = AffineTransform(scale=scale, translation=[m - scale * _MIDDLE for m in middle])
        result[place] = warp(image, to_image, order=1)
    return result


class Judge:
    """Decide which digit a picture shows, or that it shows none, by the most similar digits that it knows.

    The digits are brought to the middle and to one size first (`upright`), so the judge does not care where a digit
    stands, how large it is or how bright. They are compared by the distance in their first 20 principal components,
    with the three nearest having a vote. A picture is *no digit* if even the nearest is as far away as digits of
    different classes are from each other: farther than three quarters of the known digits are from the nearest one of
    a wrong class.

    Parameters
    ----------
    images : numpy.ndarray, shape [N, 28, 28]
        Digits that the judge knows, values from 0 to 1.
    labels : numpy.ndarray of int, shape [N]
        Which digits they are.

    Attributes
    ----------
    limit : float
        The distance from which on a picture is no digit.

    Raises
    ------
    ValueError
        If there are fewer than 20 images, or only one class.
    """

    NO_DIGIT = -1

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        from scipy.spatial.distance import cdist
        from sklearn.decomposition import PCA
        from sklearn.neighbors import KNeighborsClassifier

        labels = np.asarray(labels)
        if len(images) < 20 or len(np.unique(labels)) < 2:
            raise ValueError("A judge must know at least 20 digits, of at least two classes.")
        flat = self._flat(images)
        self._reduce = PCA(20, svd_solver="covariance_eigh").fit(flat)
        known = self._reduce.transform(flat)
        self._neighbors = KNeighborsClassifier(3, algorithm="kd_tree").fit(known, labels)
        wrong = np.where(labels[:, None] != labels, cdist(known, known), np.inf)
        self.limit = float(np.quantile(wrong.min(axis=1), 0.75))

    @staticmethod
    def _flat(images: np.ndarray) -> np.ndarray:
        return upright(images).reshape(len(images), -1)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the digit of each image [N, 28, 28], `NO_DIGIT` where there is none."""
        reduced = self._reduce.transform(self._flat(images))
        nearest = self._neighbors.kneighbors(reduced, 1)[0][:, 0]
        return np.where(nearest > self.limit, self.NO_DIGIT, self._neighbors.predict(reduced))


@dataclass(frozen=True)
class Fate:
    """What becomes of the digits of one class under one change.

    Attributes
    ----------
    same, other, none : float
        Shares of the digits that the judge takes for what they were, for another digit, and for no digit. Sum 1.
    taken_for : int or None
        The other digit that they are most often taken for; None where there is none.
    plain : float
        Share that a classifier recognizes which looks at the pixels as they are and has never seen such a change.
    """

    same: float
    other: float
    none: float
    taken_for: int | None
    plain: float

    @property
    def advice(self) -> str:
        """Whether to train with the change: ``avoid`` it, it is ``needless``, or it is ``worth`` it.

        It is to be avoided where the digit does not stay the digit that its label says. It is worth it where the digit
        stays what it is, and the classifier on plain pixels misses more than a tenth of what the judge recognizes.
        """
        if self.verdict != "same":
            return "avoid"
        return "worth" if self.plain < 0.9 * self.same else "needless"

    @property
    def verdict(self) -> str:
        """The largest of the three shares in a word: ``same``, ``other`` or ``none``."""
        return max(("same", "other", "none"), key=lambda name: getattr(self, name))


def fates(
    x_train: np.ndarray, y_train: np.ndarray, x_test: np.ndarray, y_test: np.ndarray
) -> tuple[dict[str, list[Fate]], dict[str, np.ndarray]]:
    """Change the test digits in every way, and classify them by two models trained on unchanged digits only.

    One is a `Judge`, which stands for the eye. The other is a support vector machine on the plain pixels, which stands
    for a network without augmentation.

    Parameters
    ----------
    x_train : numpy.ndarray, shape [N, 28, 28]
        Digits to learn from, with values from 0 to 1.
    y_train : numpy.ndarray of int, shape [N]
        Which digits they are.
    x_test, y_test : numpy.ndarray
        Digits to change, and which they are; each of the ten must be among them.

    Returns
    -------
    of_class : dict of str to list of Fate
        For each name of `changes`, the fates of 0 to 9.
    judged : dict of str to numpy.ndarray of int, shape [N]
        For each name, which digit the judge sees in each test picture.

    Raises
    ------
    ValueError
        If a digit is missing among the test digits.
    """
    from sklearn.svm import SVC

    missing = sorted(set(range(10)) - set(np.unique(y_test).tolist()))
    if missing:
        raise ValueError(f"There is no test digit of the class {missing[0]}, so its fate is not known.")
    judge = Judge(x_train, y_train)
    plain = SVC(C=10).fit(x_train.reshape(len(x_train), -1), y_train)
    of_class, judged = {}, {}
    for name, change in changes().items():
        changed = change(x_test)
        judged[name] = judge(changed)
        recognized = plain.predict(changed.reshape(len(changed), -1)) == y_test
        of_class[name] = [
            _fate(digit, judged[name][y_test == digit], recognized[y_test == digit]) for digit in range(10)
        ]
    return of_class, judged


def _fate(digit: int, judged: np.ndarray, recognized: np.ndarray) -> Fate:
    others = judged[(judged != digit) & (judged != Judge.NO_DIGIT)]
    return Fate(
        same=float(np.mean(judged == digit)),
        other=len(others) / len(judged),
        none=float(np.mean(judged == Judge.NO_DIGIT)),
        taken_for=int(np.bincount(others).argmax()) if len(others) else None,
        plain=float(np.mean(recognized)),
    )


def explorer_html(
    of_class: Mapping[str, Sequence[Fate]],
    judged: Mapping[str, np.ndarray],
    images: np.ndarray,
    labels: np.ndarray,
    *,
    samples: int = 4,
    change: str = "half a turn",
    digit: int = 6,
) -> str:
    """Return the figure as HTML: choose a change and a digit, and see what becomes of it.

    ``book/_static/augmentation.js`` makes it live and ``augmentation.css`` gives it its looks. Without them, and in
    print, it is a table of all changes and all digits, each with a picture.

    Parameters
    ----------
    of_class, judged : mapping
        What `fates` returned for these images.
    images : numpy.ndarray, shape [N, 28, 28]
        The unchanged test digits.
    labels : numpy.ndarray of int, shape [N]
        Which digits they are.
    samples : int
        How many of each digit are shown: the first ones.
    change, digit : str, int
        What is chosen at first.

    Returns
    -------
    str
        One ``div`` of class ``augmentation``.

    Raises
    ------
    ValueError
        If a digit has fewer samples, or what is chosen at first is not there.
    """
    names = list(of_class)
    if change not in names or digit not in range(10):
        raise ValueError(f"There is no change {change!r} or no digit {digit!r} to choose at first.")
    fewest = np.bincount(labels, minlength=10).min()
    if not 1 <= samples <= fewest:
        raise ValueError(f"{samples} samples of each digit are wanted; there is one with {fewest}, and 1 is the least.")
    shown = np.array([np.flatnonzero(labels == d)[:samples] for d in range(10)])
    data = {
        "names": names,
        "advice": ADVICE,
        "fates": [
            [asdict(fate) | {"advice": fate.advice, "verdict": fate.verdict} for fate in of_class[name]]
            for name in names
        ],
        "judged": [judged[name][shown].tolist() for name in names],
    }
    groups = []
    for name in names:
        tiles = changes()[name](images[shown.ravel()]).reshape(10, samples, _SIDE, _SIDE)
        sheet = tiles.transpose(1, 2, 0, 3).reshape(samples * _SIDE, 10 * _SIDE)
        taken = ", ".join("none" if d < 0 else str(d) for d in judged[name][shown[:, 0]])
        groups.append(
            f'<tbody><tr><th colspan="10" scope="rowgroup">{escape(name)}</th></tr>'
            f'<tr><td colspan="10"><img src="{_png(sheet)}" width="{10 * _SIDE}" height="{samples * _SIDE}" '
            f'alt="Digits from 0 to 9, {escape(name)}. The judge takes the first of each for {taken}."></td></tr><tr>'
            + "".join(_cell(fate) for fate in of_class[name])
            + "</tr></tbody>"
        )
    radios = "".join(
        f'<label><input type="radio" name="augmentation-digit" value="{d}" autocomplete="off"'
        f"{' checked' if d == digit else ''}> {d}</label>"
        for d in range(10)
    )
    return "".join(
        [
            '<div class="augmentation" role="group" aria-label="What becomes of a digit that is changed">',
            '<div class="augmentation-live" hidden><div class="augmentation-controls">',
            f'<label>Change <select autocomplete="off">{option_elements(names, change)}</select></label>',
            f"<fieldset><legend>Digit</legend>{radios}</fieldset></div>",
            f'<div class="augmentation-tiles" style="--samples: {samples}"></div>',
            '<p class="augmentation-verdict"></p><table class="augmentation-shares"></table>',
            '<p class="augmentation-advice"></p><p class="augmentation-said" role="status"></p></div>',
            "<details open><summary>All changes and all digits</summary>",
            '<table class="augmentation-all"><caption>Below each digit, how many in a hundred the judge still takes '
            "for it, and what most are: ✓ still that digit, → taken for another one, most often the one named, "
            "∅ no digit.</caption>",
            f"<thead><tr>{''.join(f'<th scope=col>{d}</th>' for d in range(10))}</tr></thead>{''.join(groups)}</table>",
            f"</details>{data_element(data)}</div>",
        ]
    )


def _cell(fate: Fate) -> str:
    sign = {"same": "✓", "other": f"→ {fate.taken_for}", "none": "∅"}[fate.verdict]
    return f'<td class="{fate.verdict}">{100 * fate.same:.0f}<span>{sign}</span></td>'


def _png(sheet: np.ndarray) -> str:
    """Return a picture with values from 0 to 1 as a data address, in 16 gray levels."""
    from matplotlib.image import imsave

    few = np.rint(15 * np.clip(sheet, 0, 1)) / 15
    file = io.BytesIO()
    imsave(
        file, few, cmap="gray", vmin=0, vmax=1, format="png", metadata={"Software": None}, pil_kwargs={"optimize": True}
    )
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
