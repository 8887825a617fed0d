"""Right ways to augment an image and its mask: by the geometry, by what moves pixels, and by what else changes."""

import numpy as np
import scipy.ndimage as ndimage


def augment_quarters(image, mask, rng):
    turns, flipped = rng.integers(4), rng.integers(2)
    pair = [np.rot90(one, turns) for one in (image, mask)]
    return tuple(one[:, ::-1] if flipped else one for one in pair)


def augment_rotated(image, mask, rng):
    from skimage.transform import rotate

    angle = rng.uniform(-45, 45)
    x = rotate(image, angle, order=1, preserve_range=True, mode="reflect")
    y = rotate(mask, angle, order=0, preserve_range=True, mode="reflect")
    if rng.random() < 0.5:
        x, y = x[:, ::-1], y[:, ::-1]
    x = x + rng.normal(0, 4, x.shape)
    return np.clip(x, 0, 255).astype(np.uint8), y.astype(np.uint8)


def augment_flips_alone(image, mask, rng):
    for axis in (0, 1):
        if rng.random() < 0.5:
            image, mask = np.flip(image, axis), np.flip(mask, axis)
    return image.copy(), mask.copy()


def augment_zoomed(image, mask, rng):
    """Floats come back, and corners are empty."""
    angle = np.deg2rad(rng.uniform(0, 360))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * rng.uniform(0.9, 1.1)
    middle = np.array(mask.shape) / 2 - 0.5
    start = middle - turn @ middle
    x = np.stack([ndimage.affine_transform(image[..., c].astype(float), turn, start, order=1) for c in range(3)], -1)
    return x, ndimage.affine_transform(mask, turn, start, order=0)


def augment_transposed(image, mask, rng):
    """One of the eight ways to lay a square."""
    if rng.random() < 0.5:
        image, mask = image.transpose(1, 0, 2), mask.T
    rows, columns = rng.choice([-1, 1], 2)
    return image[::rows, ::columns].copy(), mask[::rows, ::columns].copy()


def augment_stacked(image, mask, rng):
    """Image and mask are one array of four channels, so that nothing can move them apart."""
    both = np.dstack([image, mask])
    both = np.rot90(both, int(rng.integers(1, 4)))
    if rng.integers(2):
        both = np.fliplr(both)
    return both[:, :, :3].copy(), both[:, :, 3].copy()


def augment_by_index(image, mask, rng):
    side = len(mask)
    rows, columns = np.arange(side), np.arange(side)
    if rng.random() < 0.5:
        rows = rows[::-1]
    if rng.random() < 0.5:
        columns = columns[::-1]
    return image[np.ix_(rows, columns)], mask[np.ix_(rows, columns)]


def augment_rolled(image, mask, rng):
    """What leaves at one side comes in at the other."""
    down, right = (int(one) for one in rng.integers(0, len(mask), 2))
    return np.roll(image, (down, right), axis=(0, 1)), np.roll(mask, (down, right), axis=(0, 1))


def augment_shifted(image, mask, rng):
    most = len(mask) // 8
    down, right = rng.integers(-most, most + 1, 2)
    if rng.random() < 0.5:
        image, mask = image[::-1], mask[::-1]
    x = ndimage.shift(image.astype("float32"), (down, right, 0), order=0, mode="nearest")
    return x, ndimage.shift(mask, (down, right), order=0, mode="nearest")


def augment_padded(image, mask, rng):
    """A part of the mirrored surroundings."""
    side = len(mask)
    wide = side // 6
    start = [int(one) for one in rng.integers(0, 2 * wide + 1, 2)]
    part = tuple(slice(one, one + side) for one in start)
    large = np.pad(image, ((wide, wide), (wide, wide), (0, 0)), mode="reflect")
    return large[part], np.pad(mask, wide, mode="reflect")[part]


def augment_turned_by_scipy(image, mask, rng):
    angle = rng.uniform(-180, 180)
    x = ndimage.rotate(image.astype("float64"), angle, reshape=False, order=1, mode="reflect")
    return np.clip(x, 0, 255), ndimage.rotate(mask, angle, reshape=False, order=0, mode="reflect")


def augment_cropped(image, mask, rng):
    """A part, enlarged by whole pixels."""
    side = len(mask)
    part = int(rng.integers(3 * side // 4, side))
    row, column = (int(one) for one in rng.integers(0, side - part + 1, 2))
    places = np.arange(side) * part // side
    x, y = (one[row : row + part, column : column + part][np.ix_(places, places)] for one in (image, mask))
    return (x[:, ::-1], y[:, ::-1]) if rng.random() < 0.5 else (x, y)


def augment_resized(image, mask, rng):
    from skimage.transform import resize

    side = len(mask)
    part = int(rng.integers(3 * side // 4, side))
    row, column = rng.integers(0, side - part + 1, 2)
    x, y = (one[row : row + part, column : column + part] for one in (image, mask))
    x = resize(x, image.shape, order=1, preserve_range=True)
    y = resize(y, mask.shape, order=0, preserve_range=True, anti_aliasing=False)
    if rng.random() < 0.5:
        x, y = np.flipud(x), np.flipud(y)
    return x, y.astype("uint8")


def augment_warped(image, mask, rng):
    """A wave, after a mirror image."""
    side = len(mask)
    row, column = np.mgrid[:side, :side].astype("float64")
    if rng.random() < 0.5:
        column = side - 1 - column
    row = row + 0.02 * side * np.sin(2 * np.pi * column / side + rng.uniform(0, 6))
    bands = [ndimage.map_coordinates(image[..., c].astype(float), (row, column), order=1) for c in range(3)]
    return np.stack(bands, axis=-1), ndimage.map_coordinates(mask, (row, column), order=0)


def augment_with_skimage(image, mask, rng):
    from skimage.transform import AffineTransform, warp

    middle = (len(mask) - 1) / 2
    there, back = AffineTransform(translation=(-middle, -middle)), AffineTransform(translation=(middle, middle))
    turn = AffineTransform(rotation=rng.uniform(-3, 3), scale=rng.uniform(0.9, 1.15))
    how = {"mode": "symmetric", "preserve_range": True}
    place = there + turn + back
    return warp(image, place, order=1, **how), warp(mask, place, order=0, **how).astype("uint8")


def augment_in_the_light(image, mask, rng):
    """Light and noise, then a mirror image."""
    x = image.astype("float64") * rng.uniform(0.8, 1.2) + rng.normal(0, 5, image.shape)
    x = np.clip(np.rint(x), 0, 255).astype("uint8")
    if rng.random() < 0.5:
        x, mask = x[:, ::-1], mask[:, ::-1]
    if rng.random() < 0.5:
        x, mask = x[::-1], mask[::-1]
    return x, mask.copy()


def augment_gamma(image, mask, rng):
    """Brighter or darker by a power, each color by its own."""
    power = rng.uniform(0.8, 1.25, 3)
    x = 255 * (image / 255) ** power
    turns = int(rng.integers(4))
    return np.rot90(x, turns), np.rot90(mask, turns)


def augment_blurred(image, mask, rng):
    width = rng.uniform(0, 1)
    x = np.stack([ndimage.gaussian_filter(image[..., c].astype("float32"), width) for c in range(3)], axis=-1)
    across, down = rng.random(2) < 0.5
    x, y = (x[:, ::-1], mask[:, ::-1]) if across else (x, mask)
    return (x[::-1], y[::-1]) if down else (x, y.copy())


def augment_with_a_hole(image, mask, rng):
    """A patch is erased in a copy of the image, and the mask keeps what was there."""
    x, y = image.copy(), mask.copy()
    row, column = rng.integers(0, len(mask) - 8, 2)
    x[row : row + 6, column : column + 6] = rng.integers(0, 256, (6, 6, 3))
    turns = rng.integers(4)
    return np.rot90(x, turns), np.rot90(y, turns)


def augment_by_a_list(image, mask, rng):
    """One of several functions, drawn."""
    moves = [
        lambda one: one[::-1],
        lambda one: one[:, ::-1],
        lambda one: np.rot90(one),
        lambda one: np.rot90(one, 3),
        lambda one: np.swapaxes(one, 0, 1),
    ]
    move = moves[rng.integers(len(moves))]
    return move(image), move(mask)


def _affine(image, mask, turn, shift=(0, 0), **how):
    middle = (np.array(mask.shape) - 1) / 2
    start = middle - turn @ (middle + np.array(shift))
    x = [ndimage.affine_transform(image[..., c].astype(float), turn, start, order=1, **how) for c in range(3)]
    return np.stack(x, axis=-1), ndimage.affine_transform(mask, turn, start, order=0)


def _matrix(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def augment_on_white(image, mask, rng):
    """Turned and made smaller before a white background, as a slide has."""
    return _affine(image, mask, _matrix(rng.uniform(-0.8, 0.8)) * rng.uniform(1, 1.4), cval=255)


def augment_on_the_mean(image, mask, rng):
    return _affine(image, mask, _matrix(rng.uniform(-0.8, 0.8)), cval=image.mean())


def augment_far(image, mask, rng):
    """Shifted by up to 20 pixels of 40."""
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    x, y = _affine(image, mask, np.eye(2), rng.integers(-20, 21, 2))
    return x.astype("uint8"), y


def augment_a_little(image, mask, rng):
    """Turned by up to five degrees, and no more."""
    from skimage.transform import rotate

    angle = rng.uniform(-5, 5)
    how = {"preserve_range": True, "mode": "reflect"}
    return rotate(image, angle, order=1, **how), rotate(mask, angle, order=0, **how).astype("uint8")


def augment_erased(image, mask, rng):
    """A square of any color is erased."""
    x, y = _flipped(image, mask, rng)
    wide = len(mask) // 3
    row, column = rng.integers(0, len(mask) - wide, 2)
    x[row : row + wide, column : column + wide] = rng.choice([0, 128, 255])
    return x, y


def _flipped(image, mask, rng):
    across, down = rng.choice([-1, 1], 2)
    return image[::down, ::across].copy(), mask[::down, ::across].copy()


def augment_salted(image, mask, rng):
    x, y = _flipped(image, mask, rng)
    x[rng.random(y.shape) < 0.2] = rng.choice([0, 255])
    return x, y


def augment_added_light(image, mask, rng):
    """A fifth of the range is added or taken away."""
    x, y = _flipped(image, mask, rng)
    return np.clip(x + rng.uniform(-51, 51), 0, 255).astype("float32"), y


def augment_posterized(image, mask, rng):
    x, y = _flipped(image, mask, rng)
    return x // 32 * 32, y


def augment_elastic(image, mask, rng):
    side = len(mask)
    fields = [60 * ndimage.gaussian_filter(rng.uniform(-1, 1, (side, side)), 6) for _ in range(2)]
    where = {"coordinates": np.mgrid[:side, :side] + np.array(fields), "mode": "reflect"}
    x = np.stack([ndimage.map_coordinates(image[..., c], order=1, **where) for c in range(3)], axis=-1)
    return x, ndimage.map_coordinates(mask, order=0, **where)


def augment_with_pillow(image, mask, rng):
    from PIL import Image, ImageEnhance

    angle = float(rng.uniform(-180, 180))
    x = Image.fromarray(image).rotate(angle, resample=Image.Resampling.BILINEAR, fillcolor=(255, 255, 255))
    x = ImageEnhance.Contrast(x).enhance(float(rng.uniform(0.6, 1.4)))
    return np.array(x), np.array(Image.fromarray(mask).rotate(angle))


WAYS = {
    "quarters": augment_quarters,
    "rotated": augment_rotated,
    "flips alone": augment_flips_alone,
    "zoomed": augment_zoomed,
    "transposed": augment_transposed,
    "stacked": augment_stacked,
    "by index": augment_by_index,
    "rolled": augment_rolled,
    "shifted": augment_shifted,
    "padded": augment_padded,
    "turned by SciPy": augment_turned_by_scipy,
    "cropped": augment_cropped,
    "resized": augment_resized,
    "warped": augment_warped,
    "with scikit-image": augment_with_skimage,
    "in another light": augment_in_the_light,
    "gamma": augment_gamma,
    "blurred": augment_blurred,
    "with a hole": augment_with_a_hole,
    "by a list": augment_by_a_list,
}
#: Ways that share functions, and leave corners and patches in colors of their own: the mutation score changes none.
FURTHER = {
    "on white": augment_on_white,
    "on the mean": augment_on_the_mean,
    "far": augment_far,
    "a little": augment_a_little,
    "erased": augment_erased,
    "salted": augment_salted,
    "added light": augment_added_light,
    "posterized": augment_posterized,
    "elastic": augment_elastic,
    "with Pillow": augment_with_pillow,
}
