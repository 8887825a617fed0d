"""Glands in stained tissue, with a mask for each image: the WARWICK images, and drawn tissue as a sample.

References
----------
K. Sirinukunwattana et al., "Gland segmentation in colon histology images: The GlaS challenge contest", Medical Image
Analysis 35, 2017. The images may be used for research alone, not for anything commercial, and must be cited.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from source_lib.data.locations import DATA_VARIABLE, DatasetError, keras_cache

FOLDER = "WARWICK"
#: Height and width of an image, in pixels.
SIZE = 128
#: Images that nobody trains with where there is no folder of test images, chosen once and for all.
N_HELD_OUT = 20
_HELD_OUT_SEED = 0
#: What must be there at least, so that something can be learned.
LEAST_IMAGES = 40
#: Drawn images: for training, and for practice in place of test images.
N_SAMPLE_TRAIN, N_SAMPLE_TEST = 85, 40
#: Beside the notebook: the test images of a course, without masks.
TEST_FILE = "test_images.npz"
TITLE = "WARWICK"
SAMPLE_TITLE = "drawn tissue with glands"
#: Test images of a file are not believed to be more than this.
_MOST_TEST = 1000


@dataclass(frozen=True, eq=False)
class Glands:
    """Images of tissue, and which of their pixels belong to glands.

    Attributes
    ----------
    x_train : numpy.ndarray of uint8, shape [N, 128, 128, 3]
        Images for training and validation, from 0 to 255. Their third channel is 0.
    y_train : numpy.ndarray of uint8, shape [N, 128, 128]
        Their masks: 1 in glands, 0 elsewhere.
    x_test : numpy.ndarray of uint8, shape [M, 128, 128, 3]
        Images whose masks are handed in.
    practice : bool
        Whether these test images are for practice, since the course's own are not there.
    source : {"real", "sample"}
        What the images are.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    practice: bool
    source: str

    @property
    def N_train(self) -> int:
        """Number of images for training and validation."""
        return len(self.x_train)

    @property
    def N_test(self) -> int:
        """Number of test images."""
        return len(self.x_test)

    @property
    def title(self) -> str:
        """Name of the images for figures and tables. For a sample it says so."""
        return TITLE if self.source == "real" else f"Sample, not {TITLE}: {SAMPLE_TITLE}"


def load(source: str = "auto", test: str | os.PathLike = TEST_FILE, verbose: bool = True) -> Glands:
    """Return images of glands with their masks, and the test images of the course.

    Parameters
    ----------
    source : {"auto", "real", "sample"}
        ``"real"`` looks for the folder ``WARWICK`` in the one that ``CNN_COURSE_DATA`` names, then in Keras' cache.
        ``"sample"`` draws tissue, offline. ``"auto"`` tries the first, falls back on the second, and prints that.
    test : str or path
        The file of test images that came with the lab. Where there is none, test images are for practice.
    verbose : bool
        Whether to print in one line what was loaded.

    Returns
    -------
    Glands
        Images and masks, and the test images.

    Raises
    ------
    DatasetError
        If the source is unknown, ``source="real"`` and the images are missing or damaged, or the file of test images
        holds none.

    Examples
    --------
    >>> glands = load("sample", verbose=False)
    >>> glands.x_train.shape, glands.y_train.shape, glands.practice
    ((85, 128, 128, 3), (85, 128, 128), True)
    """
    if source not in ("auto", "real", "sample"):
        raise DatasetError(f"There is no source {source!r}. Use 'auto', 'real' or 'sample'.")
    why = ""
    try:
        x, y, x_test, _ = drawn_parts() if source == "sample" else real_parts()
        kind = "sample" if source == "sample" else "real"
    except DatasetError as error:
        if source == "real":
            raise
        kind, why = "sample", f" {error}"
        x, y, x_test, _ = drawn_parts()
    given = _given(Path(test))
    found = Glands(x, y, x_test if given is None else given, given is None, kind)
    if verbose or why:
        practice = f" There is no {test} here, so the test images are for practice." if found.practice else ""
        intro = TITLE if kind == "real" else f"This is a sample, not {TITLE}: {SAMPLE_TITLE}"
        print(f"{intro}; {found.N_train} images with masks and {found.N_test} test images.{why}{practice}")
    return found


def find_glands() -> Path | None:
    """Return the folder of the real images; None where there is none."""
    folder = os.environ.get(DATA_VARIABLE, "")
    places = [Path(folder).expanduser().absolute() / FOLDER] if folder else []
    return next((place for place in (*places, keras_cache() / FOLDER) if (place / "Train").is_dir()), None)


def real_parts() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the real images: for training, and held out.

    Where the folder has a part ``Test`` with masks, that is held out; otherwise `N_HELD_OUT` of the images for training
    are, by a fixed choice. Which images are from one patient is not known, so this choice cannot look at it.

    Returns
    -------
    x_train, y_train, x_test, y_test : numpy.ndarray of uint8
        Images [N, 128, 128, 3] and masks [N, 128, 128] of 0 and 1.

    Raises
    ------
    DatasetError
        If there are none, or they are not what they should be.
    """
    folder = find_glands()
    if folder is None:
        raise DatasetError(
            f"There is no folder {FOLDER} with a part Train in {os.environ.get(DATA_VARIABLE) or keras_cache()}. Get "
            f"the images of the GlaS challenge from your course, and let {DATA_VARIABLE} name the folder that holds "
            f"{FOLDER}."
        )
    x, y = read_part(folder / "Train")
    if any((folder / "Test").glob("label_*.png")):
        return x, y, *read_part(folder / "Test")
    order = np.random.default_rng(_HELD_OUT_SEED).permutation(len(x))
    out, rest = np.sort(order[:N_HELD_OUT]), np.sort(order[N_HELD_OUT:])
    return x[rest], y[rest], x[out], y[out]


def read_part(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read ``image_*.png`` and ``label_*.png`` of one folder.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    images : numpy.ndarray of uint8, shape [N, 128, 128, 3]
    masks : numpy.ndarray of uint8, shape [N, 128, 128]
        0 and 1.

    Raises
    ------
    DatasetError
        If a file is missing, damaged or of another size.
    """
    from PIL import Image

    names = sorted(folder.glob("image_*.png"))
    if len(names) < LEAST_IMAGES:
        raise DatasetError(f"{folder} holds {len(names)} images, where at least {LEAST_IMAGES} are needed.")
    images, masks = [], []
    for name in names:
        label = name.with_name(name.name.replace("image_", "label_"))
        for path, kept, mode in ((name, images, "RGB"), (label, masks, "L")):
            try:
                with Image.open(path, formats=["PNG"]) as image:
                    size = image.size
                    kept.append(np.asarray(image.convert(mode)) if size == (SIZE, SIZE) else None)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                raise DatasetError(f"{path} is missing or damaged. Replace it by a whole copy.") from None
            if kept[-1] is None:
                raise DatasetError(f"{path} has {size[0]} × {size[1]} pixels, where {SIZE} × {SIZE} are needed.")
    levels = np.unique(np.stack(masks))
    if not np.isin(levels, (0, 1, 255)).all():
        raise DatasetError(f"A mask in {folder} has the value {levels[1]}; masks are black and white.")
    return np.stack(images), (np.stack(masks) > 0).astype(np.uint8)


def save_test(x: np.ndarray) -> bytes:
    """Return what a file of test images holds.

    Parameters
    ----------
    x : numpy.ndarray of uint8, shape [M, 128, 128, 3]

    Returns
    -------
    bytes
        Of an ``.npz`` file with the array ``images``.
    """
    import io

    file = io.BytesIO()
    np.savez_compressed(file, images=x)
    return file.getvalue()


def _given(path: Path) -> np.ndarray | None:
    """Return the test images of a file, or None where there is no such file."""
    if not path.is_file():
        return None
    remedy = "Replace it by the file that came with the lab."
    try:
        with np.load(path, allow_pickle=False) as archive:
            x = archive["images"]
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error):
        raise DatasetError(f"{path} cannot be read as test images. {remedy}") from None
    if x.dtype != np.uint8 or x.shape[1:] != (SIZE, SIZE, 3) or not 0 < len(x) <= _MOST_TEST:
        raise DatasetError(f"{path} does not hold images [M, {SIZE}, {SIZE}, 3] of uint8. {remedy}")
    return x


def drawn_parts() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return drawn tissue in the layout of `real_parts`: the same whenever it is asked for.

    Returns
    -------
    x_train, y_train, x_test, y_test : numpy.ndarray of uint8
        85 images with masks for training, and 40 for practice.
    """
    return *draw_glands([0], N_SAMPLE_TRAIN), *draw_glands([1], N_SAMPLE_TEST)


#: Of drawn glands: how often their inside is as dark as the gaps in the tissue, and how often they lack an outline.
_DARK, _BARE = 0.4, 0.3
#: How often a place for a gland is tried in an image, and the half axes of glands in pixels.
_TRIES, _AXES = (12, 70), (8.0, 24.0)


def draw_glands(seed: list[int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw tissue with glands.

    A gland has a wall of pale cells around a space that is bright in some images and dark in others. Most have an
    outline of nuclei; the wall of the rest is as dark as the tissue around it, and only its even look tells it from
    that. Nuclei, dark gaps and bright vessels lie in the tissue too, so no color belongs to glands alone.

    Parameters
    ----------
    seed : list of int
        The same seed draws the same images.
    count : int
        How many.

    Returns
    -------
    images : numpy.ndarray of uint8, shape [count, 128, 128, 3]
        The third channel is 0, as in the real images.
    masks : numpy.ndarray of uint8, shape [count, 128, 128]
        0 and 1.

    Examples
    --------
    >>> images, masks = draw_glands([7], 2)
    >>> images.shape, int(images[..., 2].max()), masks.max()
    ((2, 128, 128, 3), 0, np.uint8(1))
    """
    drawn = [_draw(rng) for rng in np.random.default_rng(seed).spawn(count)]
    images, masks = (np.stack(part) for part in zip(*drawn, strict=True))
    return images, masks


_ROW, _COLUMN = np.mgrid[:SIZE, :SIZE].astype("float64")


def _draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return one image and its mask."""
    from scipy.ndimage import gaussian_filter

    dark, bare = rng.random(2) < (_DARK, _BARE)
    # Fibers run in one direction.
    turn = rng.uniform(0, np.pi)
    along = _ROW * np.cos(turn) + _COLUMN * np.sin(turn)
    waves = gaussian_filter(rng.normal(0, 1, (SIZE, SIZE)), rng.uniform(2, 5))
    fibers = np.sin(along / rng.uniform(1.5, 3) + 14 * waves / waves.std() * 0.25)
    tissue = 105 + 16 * fibers + 14 * waves / waves.std()
    nuclei = 45 + 10 * gaussian_filter(rng.normal(0, 4, (SIZE, SIZE)), 1)
    dots = gaussian_filter((rng.random((SIZE, SIZE)) < rng.uniform(0.008, 0.02)).astype(float), 1.1)
    nuclei += 900 * dots
    # What looks like the inside of glands and is none.
    for _ in range(int(rng.integers(2, 7))):
        inside = _blob(rng, rng.uniform(0, SIZE, 2), rng.uniform(2, 4.5), rng.uniform(5, 15)) > 0
        tissue[inside] = rng.uniform(15, 45) if rng.random() < 0.6 else rng.uniform(165, 210)
        nuclei[inside] = 25
    mask = np.zeros((SIZE, SIZE), bool)
    taken = np.zeros((SIZE, SIZE), bool)
    size = rng.uniform(*_AXES)
    for _ in range(int(rng.integers(*_TRIES))):
        axes = size * rng.uniform(0.6, 1.3, 2)
        depth = _blob(rng, rng.uniform(-4, SIZE + 4, 2), *axes)
        inside = depth > 0
        if (inside & taken).any() or not inside.any():
            continue
        taken |= depth > -2
        mask |= inside
        # One gland in five is of the other kind than those around it.
        own_dark, own_bare = (kind != (rng.random() < 0.2) for kind in (dark, bare))
        pale = rng.uniform(98, 120) if own_bare else rng.uniform(125, 165)
        tissue[inside] = (pale + rng.normal(0, 5, (SIZE, SIZE)))[inside]
        nuclei[inside] = (48 + rng.normal(0, 5, (SIZE, SIZE)))[inside]
        space = depth > min(axes) * rng.uniform(0.4, 0.7)
        tissue[space] = rng.uniform(20, 50) if own_dark else rng.uniform(165, 215)
        nuclei[space] = 28
        if not own_bare:
            ring = np.exp(-(((depth - 1.5) / 1.3) ** 2)) * inside
            nuclei += ring * (70 + 40 * rng.random((SIZE, SIZE)))
            tissue -= 45 * ring
    # Stain and light differ from slide to slide.
    gains, offsets = rng.uniform(0.7, 1.3, 2), rng.uniform(-12, 12, 2)
    blurred = [gaussian_filter(one, 0.6) for one in (nuclei, tissue)]
    noisy = [one * g + o + rng.normal(0, 6, one.shape) for one, g, o in zip(blurred, gains, offsets, strict=True)]
    image = np.stack([*noisy, np.zeros((SIZE, SIZE))], axis=-1)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), mask.astype(np.uint8)


def _blob(rng: np.random.Generator, center: np.ndarray, high: float, wide: float) -> np.ndarray:
    """Return how deep each pixel lies inside a wobbly ellipse, about in pixels; less than 0 outside."""
    reach = int(1.4 * max(high, wide)) + 5
    rows, columns = (slice(max(int(c) - reach, 0), max(int(c) + reach, 0)) for c in center)
    down, right = _ROW[rows, columns] - center[0], _COLUMN[rows, columns] - center[1]
    turn = rng.uniform(0, np.pi)
    u, v = down * np.cos(turn) + right * np.sin(turn), right * np.cos(turn) - down * np.sin(turn)
    far = np.hypot(u / high, v / wide)
    side = (v / wide + 1j * u / high) / np.maximum(far, 1e-9)
    edge, power = 1.0, side
    for k in (1, 2, 3):
        power = power * side
        edge = edge + rng.uniform(0, 0.16 / k) * (power * np.exp(1j * rng.uniform(0, 6.3))).real
    depth = np.full((SIZE, SIZE), -99.0)
    depth[rows, columns] = (edge - far) * min(high, wide)
    return depth
