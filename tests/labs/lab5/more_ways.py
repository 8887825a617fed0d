"""Many more honest ways to write `preprocess` and `overlay` than in `ways`: what the mutation score changes.

The name of a way begins with what it is of, and its end says how it goes about it. Each holds all that it does, since
what it called would not be changed with it.
"""

import functools
import itertools

import keras
import numpy as np
import tensorflow as tf
from scipy import interpolate, ndimage, sparse
from skimage import color, transform

# Preprocessing. With a library that resizes.


def preprocess_tensorflow(images, side, offset, scale):
    pixels = tf.image.resize(127.5 * (tf.cast(images, tf.float32) + 1.0), [side, side])
    return ((pixels - offset) / scale).numpy()


def preprocess_raw_operation(images, side, offset, scale):
    pixels = np.multiply(np.add(images, 1, dtype="float32"), 127.5, dtype="float32")
    resized = tf.raw_ops.ResizeBilinear(images=pixels, size=(side, side), half_pixel_centers=True).numpy()
    return np.divide(np.subtract(resized, offset), scale)


def preprocess_channels_first(images, side, offset, scale):
    first = np.transpose(np.asarray(images, "float32"), (0, 3, 1, 2))
    first = keras.ops.image.resize(first, (side, side), interpolation="bilinear", data_format="channels_first")
    prepared = ((np.asarray(first) + 1) * 127.5 - offset) / scale
    return prepared.transpose(0, 2, 3, 1)


def preprocess_one_by_one(images, side, offset, scale):
    found = []
    for image in images:
        resized = transform.resize(
            image.astype("float64"), (side, side), order=1, mode="edge", anti_aliasing=False, preserve_range=True
        )
        found.append((127.5 * resized + 127.5 - offset) / scale)
    return np.stack(found)


def preprocess_zoom(images, side, offset, scale):
    rows, columns = images.shape[1:3]
    pixels = 127.5 * (images.astype("float64") + 1)
    factors = (1, side / rows, side / columns, 1)
    return (ndimage.zoom(pixels, factors, order=1, mode="nearest", grid_mode=True) - offset) / scale


def preprocess_affine(images, side, offset, scale):
    prepared = np.empty((len(images), side, side, 3))
    steps = np.array(images.shape[1:3]) / side
    for k, image in enumerate(images):
        for c in range(3):
            plane = 127.5 * (image[:, :, c].astype("float64") + 1)
            prepared[k, :, :, c] = ndimage.affine_transform(
                plane, steps, (steps - 1) / 2, output_shape=(side, side), order=1, mode="nearest"
            )
    return (prepared - offset) / scale


def preprocess_map_coordinates(images, side, offset, scale):
    count, rows, columns, channels = images.shape
    r, c = np.meshgrid(
        (np.arange(side) + 0.5) * rows / side - 0.5, (np.arange(side) + 0.5) * columns / side - 0.5, indexing="ij"
    )
    planes = [
        ndimage.map_coordinates(images[n, :, :, k].astype("float64"), (r, c), order=1, mode="nearest")
        for n in range(count)
        for k in range(channels)
    ]
    values = np.array(planes).reshape(count, channels, side, side)
    return np.moveaxis((255 * (values + 1) / 2 - offset) / scale, 1, -1)


def preprocess_keras_coordinates(images, side, offset, scale):
    count, rows, columns = images.shape[:3]
    r = (np.arange(side, dtype="float32") + 0.5) * rows / side - 0.5
    c = (np.arange(side, dtype="float32") + 0.5) * columns / side - 0.5
    grid = np.meshgrid(np.arange(count), r, c, np.arange(3), indexing="ij")
    pixels = (images.astype("float32") + 1) * 127.5
    found = keras.ops.image.map_coordinates(pixels, np.stack(grid).astype("float32"), order=1, fill_mode="nearest")
    return (keras.ops.convert_to_numpy(found) - offset) / scale


# Preprocessing. With a library that interpolates.


def preprocess_interp(images, side, offset, scale):
    values = 127.5 * (images.astype("float64") + 1)
    for axis in (1, 2):
        count = values.shape[axis]
        centers = (np.arange(count) + 0.5) / count
        wanted = (np.arange(side) + 0.5) / side
        values = np.apply_along_axis(lambda line, x=wanted, y=centers: np.interp(x, y, line), axis, values)
    return (values - offset) / scale


def preprocess_interp_planes(images, side, offset, scale):
    rows, columns = images.shape[1:3]
    down, right = np.linspace(0, rows, 2 * side + 1)[1::2], np.linspace(0, columns, 2 * side + 1)[1::2]
    channels = []
    for c in range(3):
        planes = []
        for image in images[..., c]:
            wide = np.array([np.interp(right, np.arange(columns) + 0.5, line) for line in image])
            planes.append(np.array([np.interp(down, np.arange(rows) + 0.5, line) for line in wide.T]).T)
        channels.append((127.5 * (np.array(planes) + 1) - offset) / scale)
    return np.stack(channels, axis=3)


def preprocess_spline(images, side, offset, scale):
    """A spline of degree 1 through what was repeated at the edges, so that nothing lies outside."""
    values = np.pad(images.astype("float64"), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    for axis in (1, 2):
        nodes = np.arange(values.shape[axis]) - 0.5
        wanted = (np.arange(side) + 0.5) * (len(nodes) - 2) / side
        values = interpolate.make_interp_spline(nodes, values, k=1, axis=axis)(wanted)
    return (127.5 * values + (127.5 - offset)) / scale


def preprocess_grid(images, side, offset, scale):
    _, rows, columns, _ = images.shape
    bordered = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)], "edge").astype("float64")
    nodes = (np.arange(-1, rows + 1), np.arange(-1, columns + 1))
    look = interpolate.RegularGridInterpolator(nodes, np.moveaxis(bordered, 0, 2), method="linear")
    r = (2 * np.arange(side) + 1) * rows / (2 * side) - 0.5
    c = (2 * np.arange(side) + 1) * columns / (2 * side) - 0.5
    found = look(np.stack(np.meshgrid(r, c, indexing="ij"), axis=-1))
    return (np.moveaxis(found, 2, 0) * 127.5 + 127.5 - offset) / scale


# Preprocessing. As a product with matrices.


def preprocess_hats(images, side, offset, scale):
    """Each pixel weighs by its distance, up to 1."""
    weights = []
    for count in images.shape[1:3]:
        at = np.clip((np.arange(side) + 0.5) * count / side - 0.5, 0, count - 1)
        weights.append(np.maximum(1 - np.abs(at[:, None] - np.arange(count)), 0))
    pixels = np.einsum("ri,cj,nijk->nrck", *weights, 127.5 * (images + 1.0))
    return (pixels - offset) / scale


def preprocess_matrix_products(images, side, offset, scale):
    def matrix(count):
        found = np.zeros((side, count))
        for k in range(side):
            at = min(max((k + 0.5) * count / side - 0.5, 0), count - 1)
            low = int(at)
            found[k, low] += 1 - (at - low)
            found[k, min(low + 1, count - 1)] += at - low
        return found

    planes = images.transpose(0, 3, 1, 2).astype("float64")
    planes = matrix(images.shape[1]) @ planes @ matrix(images.shape[2]).T
    return ((127.5 * (planes + 1) - offset) / scale).transpose(0, 2, 3, 1)


def preprocess_tensordot(images, side, offset, scale):
    values = ((images.astype("float64") + 1) * 127.5 - offset) / scale
    for axis in (1, 2):
        count = values.shape[axis]
        at = ((np.arange(side) + 0.5) * count / side - 0.5).clip(0, count - 1)
        low = np.floor(at)
        part = (at - low)[:, None]
        node = np.arange(count)
        weights = np.where(node == low[:, None], 1 - part, np.where(node == low[:, None] + 1, part, 0))
        values = np.moveaxis(np.tensordot(weights, values, axes=(1, axis)), 0, axis)
    return values


def preprocess_sparse(images, side, offset, scale):
    """One matrix from all pixels of an image to all pixels of the resized one."""
    parts = []
    for count in images.shape[1:3]:
        at = np.clip((np.arange(side) + 0.5) * count / side - 0.5, 0, count - 1)
        low = at.astype(int)
        high = np.minimum(low + 1, count - 1)
        weights, places = np.concatenate([1 - at + low, at - low]), np.concatenate([low, high])
        parts.append(sparse.coo_array((weights, (np.tile(np.arange(side), 2), places)), shape=(side, count)))
    whole = sparse.kron(*parts).tocsr()
    flat = images.reshape(len(images), -1, 3).astype("float64")
    found = np.array([whole @ pixels for pixels in flat]).reshape(-1, side, side, 3)
    return (127.5 * (found + 1) - offset) / scale


# Preprocessing. By gathering pixels.


def preprocess_corners(images, side, offset, scale):
    pixels = 127.5 * (np.asarray(images, np.float64) + 1)
    _, rows, columns, _ = pixels.shape
    y = np.clip((np.arange(side) + 0.5) * (rows / side) - 0.5, 0, rows - 1)
    x = np.clip((np.arange(side) + 0.5) * (columns / side) - 0.5, 0, columns - 1)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    bottom, right = np.ceil(y).astype(int), np.ceil(x).astype(int)
    down, over = (y - top)[:, None, None], (x - left)[:, None]
    found = (1 - down) * (1 - over) * pixels[:, top[:, None], left]
    found = found + (1 - down) * over * pixels[:, top[:, None], right]
    found = found + down * (1 - over) * pixels[:, bottom[:, None], left]
    found = found + down * over * pixels[:, bottom[:, None], right]
    return (found - offset) / scale


def preprocess_lines_in_loops(images, side, offset, scale):
    count, rows, columns, channels = images.shape
    tall = np.zeros((count, side, columns, channels))
    for r in range(side):
        y = (r + 0.5) * rows / side - 0.5
        top = max(int(np.floor(y)), 0)
        bottom = min(int(np.floor(y)) + 1, rows - 1)
        share = y - np.floor(y)
        tall[:, r] = (1 - share) * images[:, top] + share * images[:, bottom]
    prepared = np.zeros((count, side, side, channels))
    for c in range(side):
        x = (c + 0.5) * columns / side - 0.5
        left = max(int(np.floor(x)), 0)
        right = min(int(np.floor(x)) + 1, columns - 1)
        share = x - np.floor(x)
        prepared[:, :, c] = (1 - share) * tall[:, :, left] + share * tall[:, :, right]
    prepared += 1
    prepared *= 127.5
    prepared -= offset
    prepared /= scale
    return prepared


def preprocess_whole_numbers(images, side, offset, scale):
    """Positions as fractions of whole numbers: what is left of a division is the share."""
    values = images.astype("float64")
    for axis in (1, 2):
        count = values.shape[axis]
        low, rest = np.divmod((2 * np.arange(side) + 1) * count - side, 2 * side)
        share = np.expand_dims(rest / (2 * side), tuple(range(1, 4 - axis)))
        one = values.take(np.maximum(low, 0), axis=axis)
        other = values.take(np.minimum(low + 1, count - 1), axis=axis)
        values = one + share * (other - one)
    return ((values + 1) * 127.5 - offset) / scale


def preprocess_single_precision(images, side, offset, scale):
    values = np.float32(127.5) * (images.astype(np.float32) + np.float32(1))
    for _ in range(2):
        # The axis that is done goes behind the other one.
        count = values.shape[1]
        at = (np.arange(side, dtype=np.float32) + np.float32(0.5)) * np.float32(count / side) - np.float32(0.5)
        at = np.minimum(np.maximum(at, 0), count - 1)
        low = at.astype(np.int32)
        share = (at - low)[None, :, None, None]
        high = np.where(low < count - 1, low + 1, low)
        values = values[:, low] * (1 - share) + values[:, high] * share
        values = values.swapaxes(1, 2)
    return ((values - np.float32(offset)) / np.float32(scale)).astype(np.float32)


def preprocess_clipped_pads(images, side, offset, scale):
    def along_rows(values):
        count = values.shape[1]
        bordered = np.concatenate([values[:, :1], values, values[:, -1:]], axis=1)
        at = (np.arange(side) + 0.5) * count / side + 0.5
        low = np.trunc(at).astype(int)
        slopes = np.diff(bordered, axis=1)
        return bordered[:, low] + (at - low).reshape(1, -1, 1, 1) * slopes[:, low]

    turned = along_rows(images.astype("float64")).transpose(0, 2, 1, 3)
    found = along_rows(turned).transpose(0, 2, 1, 3)
    return found * (127.5 / scale) + (127.5 - offset) / scale


def preprocess_reduced(images, side, offset, scale):
    def resized(values, axis):
        lines = np.moveaxis(values, axis, 0)
        at = [(k + 0.5) * len(lines) / side - 0.5 for k in range(side)]
        at = [max(0.0, min(position, len(lines) - 1.0)) for position in at]
        found = []
        for position in at:
            share = position % 1
            behind = min(int(position) + 1, len(lines) - 1)
            found.append(lines[int(position)] * (1 - share) + lines[behind] * share)
        return np.moveaxis(np.array(found), 0, axis)

    pixels = 255 * (images.astype("float64") / 2 + 0.5)
    return (functools.reduce(resized, [2, 1], pixels) - offset) / scale


def preprocess_searched(images, side, offset, scale):
    prepared = (127.5 * images.astype("float64") - (offset - 127.5)) / scale
    for axis in (1, 2):
        count = prepared.shape[axis]
        centers = np.arange(count) + 0.5
        at = np.clip((np.arange(side) + 0.5) * count / side, 0.5, count - 0.5)
        behind = np.searchsorted(centers, at, side="left")
        before = np.maximum(behind - 1, 0)
        share = centers[behind] - at
        share = share[None, :, None, None] if axis == 1 else share[None, None, :, None]
        prepared = share * np.take(prepared, before, axis) + (1 - share) * np.take(prepared, behind, axis)
    return prepared


# Overlays. With a library that resizes.


def overlay_tensorflow(image, heat):
    colors = tf.cast(image, tf.float32)
    if len(colors.shape) == 2:
        colors = colors[..., tf.newaxis]
    if colors.shape[-1] == 1:
        colors = tf.image.grayscale_to_rgb(colors)
    share = tf.image.resize(tf.cast(heat, tf.float32)[..., None], colors.shape[:2]) / 2
    return ((1 - share) * colors + share * tf.constant([1.0, 0.0, 0.0])).numpy()


def overlay_layer(image, heat):
    rows, columns = image.shape[0], image.shape[1]
    layer = keras.layers.Resizing(rows, columns, interpolation="bilinear")
    h = np.asarray(layer(heat.astype("float32").reshape(1, *heat.shape, 1))).reshape(rows, columns)
    planes = image.reshape(rows, columns, -1).astype("float64") * np.ones((1, 1, 3))
    planes *= (1 - h / 2)[:, :, None]
    planes[:, :, 0] += h / 2
    return planes


def overlay_operations(image, heat):
    x = keras.ops.cast(image, "float32")
    x = keras.ops.expand_dims(x, -1) if image.ndim == 2 else x
    x = keras.ops.repeat(x, 3 // x.shape[-1], axis=-1)
    h = keras.ops.image.resize(keras.ops.cast(heat, "float32")[None], image.shape[:2], data_format="channels_first")[0]
    red, green, blue = keras.ops.unstack(x, axis=-1)
    mixed = [red + (1 - red) * h / 2, green - green * h / 2, blue - blue * h / 2]
    return keras.ops.convert_to_numpy(keras.ops.stack(mixed, axis=-1))


def overlay_gray_to_color(image, heat):
    colors = image if image.shape[2:] == (3,) else color.gray2rgb(np.squeeze(image, 2) if image.ndim == 3 else image)
    h = transform.resize(
        heat.astype("float64"), colors.shape[:2], order=1, mode="edge", anti_aliasing=False, preserve_range=True
    )
    alpha = np.expand_dims(h, 2) * 0.5
    return colors * (1 - alpha) + alpha * np.eye(3)[0]


def overlay_zoom(image, heat):
    shape = image.shape[:2]
    factors = [n / m for n, m in zip(shape, heat.shape, strict=True)]
    h = ndimage.zoom(heat.astype("float64"), factors, order=1, mode="nearest", grid_mode=True)
    colors = np.broadcast_to(np.atleast_3d(image), (*shape, 3))
    return colors + h[..., None] / 2 * (np.array([1.0, 0.0, 0.0]) - colors)


def overlay_affine(image, heat):
    steps = np.divide(heat.shape, image.shape[:2])
    h = ndimage.affine_transform(
        np.asarray(heat, dtype="float64"),
        np.diag(steps),
        offset=steps / 2 - 0.5,
        output_shape=image.shape[:2],
        order=1,
        mode="nearest",
    )
    gray = image.ndim == 2 or image.shape[2] == 1
    colors = np.repeat(image.reshape(*h.shape, 1), 3, axis=2) if gray else image.copy()
    colors = colors.astype("float64")
    colors[..., 1:] *= 1 - h[..., None] / 2
    # Screened with the heat: what is dark of one is dark of the other.
    colors[..., 0] = 1 - (1 - colors[..., 0]) * (1 - h / 2)
    return colors


def overlay_map_coordinates(image, heat):
    rows, columns = image.shape[:2]
    r, c = np.indices((rows, columns)) + 0.5
    at = (r * heat.shape[0] / rows - 0.5, c * heat.shape[1] / columns - 0.5)
    share = ndimage.map_coordinates(heat, at, output="float64", order=1, mode="nearest") / 2
    planes = np.moveaxis(np.atleast_3d(image), -1, 0)
    planes = planes if len(planes) == 3 else np.concatenate([planes] * 3)
    red = np.array([1, 0, 0]).reshape(3, 1, 1)
    return np.moveaxis((1 - share) * planes + share * red, 0, 2)


# Overlays. With a library that interpolates.


def overlay_interp(image, heat):
    rows, columns = image.shape[:2]
    height, width = heat.shape
    down = (np.arange(rows) + 0.5) * height / rows
    right = (np.arange(columns) + 0.5) * width / columns
    wide = np.stack([np.interp(right, np.arange(width) + 0.5, line) for line in heat])
    h = np.stack([np.interp(down, np.arange(height) + 0.5, line) for line in wide.T], axis=1)
    found = np.zeros((rows, columns, 3))
    found[:] = image[:, :, None] if image.ndim == 2 else image
    found *= 1 - 0.5 * h[:, :, None]
    found[:, :, 0] += 0.5 * h
    return found


def overlay_spline(image, heat):
    h = np.pad(heat.astype("float64"), 1, mode="edge")
    for axis in range(2):
        nodes = np.arange(h.shape[axis]) - 0.5
        wanted = (np.arange(image.shape[axis]) + 0.5) * heat.shape[axis] / image.shape[axis]
        h = interpolate.make_interp_spline(nodes, h, 1, axis=axis)(wanted)
    layers = np.dsplit(image, 3) if image.shape[2:] == (3,) else [np.atleast_3d(image)] * 3
    return np.dstack([layer[..., 0] * (1 - h / 2) + h / 2 * (k == 0) for k, layer in enumerate(layers)])


def overlay_grid(image, heat):
    shape = image.shape[:2]
    nodes = [np.arange(-1, n + 1) for n in heat.shape]
    look = interpolate.RegularGridInterpolator(nodes, np.pad(heat.astype("float64"), 1, "edge"))
    places = [(np.arange(n) + 0.5) * m / n - 0.5 for n, m in zip(shape, heat.shape, strict=True)]
    share = 0.5 * look(tuple(np.meshgrid(*places, indexing="ij")))[:, :, np.newaxis]
    if image.ndim == 2:
        colors = np.dstack([image, image, image])
    elif image.shape[-1] == 1:
        colors = np.tile(image, 3)
    else:
        colors = image
    return np.average(
        [colors, np.broadcast_to([1.0, 0, 0], (*shape, 3))], axis=0, weights=np.repeat([1 - share, share], 3, axis=-1)
    )


# Overlays. As a product with matrices.


def overlay_matrices(image, heat):
    def matrix(count, wanted):
        found = np.zeros((wanted, count))
        for k in range(wanted):
            at = (k + 0.5) * count / wanted - 0.5
            low = int(np.floor(at))
            found[k, max(low, 0)] += low + 1 - at
            found[k, min(low + 1, count - 1)] += at - low
        return found

    (height, width), (rows, columns) = heat.shape, image.shape[:2]
    h = matrix(height, rows) @ heat.astype("float64") @ matrix(width, columns).T
    channels = np.atleast_3d(image)
    out = np.empty((rows, columns, 3))
    for c in range(3):
        plane = channels[:, :, c % channels.shape[2]]
        out[:, :, c] = plane * (1 - h / 2)
    out[:, :, 0] = out[:, :, 0] + h / 2
    return out


def overlay_hats(image, heat):
    weights = []
    for count, wanted in zip(heat.shape, image.shape, strict=False):
        at = np.clip((np.arange(wanted) + 0.5) * count / wanted - 0.5, 0, count - 1)
        weights.append(np.clip(1 - np.abs(np.subtract.outer(at, np.arange(count))), 0, None))
    share = np.einsum("ri,ij,cj->rc", weights[0], heat, weights[1]) / 2
    gray = image.size == share.size
    colors = np.einsum("rc,k->rck", image.reshape(share.shape), np.ones(3)) if gray else image
    return np.einsum("rc,rck->rck", 1 - share, colors) + np.einsum("rc,k->rck", share, [1.0, 0.0, 0.0])


def overlay_sparse(image, heat):
    parts = []
    for count, wanted in zip(heat.shape, image.shape[:2], strict=True):
        at = np.clip((np.arange(wanted) + 0.5) * count / wanted - 0.5, 0, count - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, count - 1)
        places = np.arange(wanted)
        one = sparse.coo_array((1 - (at - low), (places, low)), shape=(wanted, count))
        parts.append(one + sparse.coo_array((at - low, (places, high)), shape=(wanted, count)))
    h = sparse.kron(parts[0], parts[1]) @ heat.astype("float64").ravel()
    pixels = image.reshape(len(h), -1)
    red = h / 2 + (1 - h / 2) * pixels[:, 0]
    green, blue = (pixels[:, k] - h * pixels[:, k] / 2 for k in (1 % pixels.shape[1], -1))
    return np.column_stack([red, green, blue]).reshape(*image.shape[:2], 3)


def overlay_tensordot(image, heat):
    """Image and red are two layers, and each pixel has a weight for either."""
    h = heat.astype("float64")
    for wanted in image.shape[:2]:
        # What was resized goes behind, so that the other axis comes next.
        count = h.shape[0]
        at = np.clip((np.arange(wanted) + 0.5) * count / wanted - 0.5, 0, count - 1)
        low = at.astype(int)[:, None]
        node = np.arange(count)
        share = at[:, None] - low
        weights = (node == low) * (1 - share) + (node == low + 1) * share
        h = np.tensordot(h, weights, axes=(0, 1))
    colors = np.ones(3) * (image if image.ndim == 3 else image[..., np.newaxis])
    both = np.stack([colors, np.zeros_like(colors)], axis=2)
    both[:, :, 1, 0] = 1
    return (np.stack([1 - h / 2, h / 2], axis=-1)[..., None, :] @ both)[..., 0, :]


# Overlays. By gathering numbers.


def overlay_corners(image, heat):
    colors = np.stack([image] * 3, axis=-1) if image.ndim == 2 else image
    colors = np.concatenate([colors, colors, colors], axis=-1) if colors.shape[-1] == 1 else colors
    rows, columns, _ = colors.shape
    height, width = heat.shape
    y = np.clip((np.arange(rows) + 0.5) * height / rows - 0.5, 0, height - 1)
    x = np.clip((np.arange(columns) + 0.5) * width / columns - 0.5, 0, width - 1)
    top, left = y.astype(int), x.astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, over = (y - top)[:, None], x - left
    upper = heat[np.ix_(top, left)] * (1 - over) + heat[np.ix_(top, right)] * over
    lower = heat[np.ix_(bottom, left)] * (1 - over) + heat[np.ix_(bottom, right)] * over
    h = upper * (1 - down) + lower * down
    return np.where(np.arange(3) == 0, colors + (1 - colors) * h[..., None] / 2, colors * (1 - h[..., None] / 2))


def overlay_pixels_in_loops(image, heat):
    rows, columns = image.shape[:2]
    height, width = heat.shape
    numbers, colors = heat.tolist(), np.atleast_3d(image).tolist()
    out = []
    for r in range(rows):
        y = min(max((r + 0.5) * height / rows - 0.5, 0), height - 1)
        top = int(y)
        bottom = min(top + 1, height - 1)
        line = []
        for c in range(columns):
            x = min(max((c + 0.5) * width / columns - 0.5, 0), width - 1)
            left = int(x)
            right = min(left + 1, width - 1)
            above = numbers[top][left] + (x - left) * (numbers[top][right] - numbers[top][left])
            below = numbers[bottom][left] + (x - left) * (numbers[bottom][right] - numbers[bottom][left])
            h = above + (y - top) * (below - above)
            pixel = colors[r][c] * 3 if len(colors[r][c]) == 1 else colors[r][c]
            line.append([(1 - h / 2) * value + h / 2 * part for value, part in zip(pixel, (1, 0, 0), strict=True)])
        out.append(line)
    return np.array(out)


def overlay_whole_numbers(image, heat):
    h = heat.astype("float64")
    for axis, wanted in enumerate(image.shape[:2]):
        count = h.shape[axis]
        low, rest = np.divmod((2 * np.arange(wanted) + 1) * count - wanted, 2 * wanted)
        share = (rest / (2 * wanted)).reshape((-1, 1) if axis == 0 else (1, -1))
        one, other = (np.take(h, k, axis, mode="clip") for k in (low, low + 1))
        h = (1 - share) * one + share * other
    colors = image.astype("float64")
    if colors.ndim < 3:
        colors = np.expand_dims(colors, axis=-1)
    colors = np.broadcast_to(colors, (*h.shape, 3)).copy()
    for c, part in enumerate("100"):
        colors[..., c] -= h / 2 * (colors[..., c] - int(part))
    return colors


def overlay_single_precision(image, heat):
    h = heat.astype(np.float32)
    for axis in (0, 1):
        count, wanted = h.shape[axis], image.shape[axis]
        step = np.float32(count / wanted)
        at = (np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * step - np.float32(0.5)
        at = np.where(at < 0, np.float32(0), at)
        low = np.minimum(at.astype(np.int32), count - 1)
        high = np.minimum(low + 1, count - 1)
        share = at - low
        share = share[:, None] if axis == 0 else share
        h = h.take(low, axis) * (1 - share) + h.take(high, axis) * share
    half = np.float32(0.5) * h[:, :, None]
    colors = np.atleast_3d(image).astype(np.float32) + np.zeros(3, np.float32)
    return (np.float32(1) - half) * colors + half * np.array([1, 0, 0], dtype=np.float32)


def overlay_slopes(image, heat):
    bordered = np.pad(np.asarray(heat, dtype=float), ((1, 1), (1, 1)), mode="edge")
    y = (np.arange(image.shape[0]) + 0.5) * heat.shape[0] / image.shape[0] + 0.5
    x = (np.arange(image.shape[1]) + 0.5) * heat.shape[1] / image.shape[1] + 0.5
    down = np.diff(bordered, axis=0)[y.astype(int)] * (y % 1)[:, None] + bordered[y.astype(int)]
    share = (np.diff(down, axis=1)[:, x.astype(int)] * (x % 1) + down[:, x.astype(int)]) / 2
    if image.ndim == 3 and image.shape[2] == 3:
        red, green, blue = np.moveaxis(image, 2, 0)
    else:
        red = green = blue = image.reshape(share.shape)
    return np.stack([red * (1 - share) + share, green * (1 - share), blue * (1 - share)], axis=2)


def overlay_flat_pixels(image, heat):
    places = itertools.product(*map(range, image.shape[:2]))
    scales = [m / n for m, n in zip(heat.shape, image.shape, strict=False)]
    padded = np.pad(heat, 1, mode="edge").astype("float64")
    share = np.empty(image.shape[:2])
    for place in places:
        (top, down), (left, right) = (divmod((k + 0.5) * s + 0.5, 1) for k, s in zip(place, scales, strict=True))
        corner = padded[int(top) : int(top) + 2, int(left) : int(left) + 2]
        share[place] = np.array([1 - down, down]) @ corner @ np.array([1 - right, right]) / 2
    colors = np.full((*share.shape, 3), image if image.ndim == 3 else image[:, :, None], dtype="float64")
    return colors * (1 - share)[..., None] + share[..., None] * [1, 0, 0]
