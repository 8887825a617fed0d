"""Ways to write ``pool2d_layer``."""

import functools
import itertools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage
from skimage.util import view_as_blocks


def four_slices(h):
    rows, columns = h.shape[0] // 2 * 2, h.shape[1] // 2 * 2
    upper = np.maximum(h[0:rows:2, 0:columns:2], h[0:rows:2, 1:columns:2])
    lower = np.maximum(h[1:rows:2, 0:columns:2], h[1:rows:2, 1:columns:2])
    return np.maximum(upper, lower)


def rows_then_columns(h):
    D_y, D_x, _ = h.shape
    rows = np.maximum(h[: D_y - D_y % 2 : 2], h[1::2])
    return np.maximum(rows[:, : D_x - D_x % 2 : 2], rows[:, 1::2])


def reduced(h):
    y, x = h.shape[0] // 2, h.shape[1] // 2
    corners = [h[r : 2 * y : 2, s : 2 * x : 2] for r in range(2) for s in range(2)]
    return np.maximum.reduce(corners)


def stacked(h):
    y, x = 2 * (h.shape[0] // 2), 2 * (h.shape[1] // 2)
    return np.stack([h[:y:2, :x:2], h[1:y:2, :x:2], h[:y:2, 1:x:2], h[1:y:2, 1:x:2]]).max(axis=0)


def every_second_window(h):
    windows = sliding_window_view(h, (2, 2), axis=(0, 1))
    return windows[::2, ::2].max(axis=(-2, -1))


def loop_over_blocks(h):
    D_y, D_x, C = h.shape
    out = np.empty((D_y // 2, D_x // 2, C))
    for y in range(D_y // 2):
        for x in range(D_x // 2):
            out[y, x] = h[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].max(axis=(0, 1))
    return out


def loop_with_comparisons(h):
    D_y, D_x, C = h.shape
    out = np.full((D_y // 2, D_x // 2, C), -np.inf)
    for y in range(D_y // 2 * 2):
        for x in range(D_x // 2 * 2):
            for c in range(C):
                if h[y, x, c] > out[y // 2, x // 2, c]:
                    out[y // 2, x // 2, c] = h[y, x, c]
    return out


def comprehension(h):
    rows, columns, channels = h.shape
    return np.array(
        [
            [[np.max(h[y : y + 2, x : x + 2, c]) for c in range(channels)] for x in range(0, columns - 1, 2)]
            for y in range(0, rows - 1, 2)
        ]
    )


def filtered(h):
    D_y, D_x, C = h.shape
    # The window of the filter ends at the pixel, so that of an odd pixel is its block.
    largest = ndimage.maximum_filter(h, size=(2, 2, 1))
    return largest[1::2, 1::2]


def blocks_of_skimage(h):
    rows, columns = h.shape[0] // 2 * 2, h.shape[1] // 2 * 2
    even = np.ascontiguousarray(h[:rows, :columns])
    blocks = view_as_blocks(even, (2, 2, h.shape[2]))
    return blocks.max(axis=(2, 3, 4))


def sorted_blocks(h):
    y, x, c = h.shape[0] // 2, h.shape[1] // 2, h.shape[2]
    blocks = h[: 2 * y, : 2 * x].reshape(y, 2, x, 2, c).swapaxes(1, 2).reshape(y, x, 4, c)
    return np.sort(blocks, axis=2)[:, :, -1]


def reduced_at(h):
    even = h[: h.shape[0] // 2 * 2, : h.shape[1] // 2 * 2]
    rows = np.maximum.reduceat(even, np.arange(0, even.shape[0], 2), axis=0)
    return np.maximum.reduceat(rows, np.arange(0, even.shape[1], 2), axis=1)


def smallest_of_the_negative(h):
    y, x = h.shape[0] // 2, h.shape[1] // 2
    return -np.min(-h[: y * 2, : x * 2].reshape(y, 2, x, 2, h.shape[2]), axis=(1, 3))


def channel_by_channel(h):
    planes = []
    for plane in np.moveaxis(h, -1, 0):
        y, x = plane.shape[0] // 2, plane.shape[1] // 2
        planes.append(plane[: 2 * y, : 2 * x].reshape(y, 2, x, 2).max(3).max(1))
    return np.stack(planes, axis=-1)


def split(h):
    rows = [np.amax(h[k : k + 2], axis=0) for k in range(0, h.shape[0] - 1, 2)]
    columns = [np.amax([row[k : k + 2] for row in rows], axis=1) for k in range(0, h.shape[1] - 1, 2)]
    return np.stack(columns, axis=1)


def recursive(h):
    def pooled(image):
        if image.shape[0] < 2:
            return []
        top = np.maximum(image[0], image[1])
        even = top[: len(top) // 2 * 2]
        return [np.maximum(even[::2], even[1::2]), *pooled(image[2:])]

    return np.array(pooled(h))


def folded(h):
    y, x = h.shape[0] // 2, h.shape[1] // 2
    out = h[0 : 2 * y : 2, 0 : 2 * x : 2]
    for r, s in itertools.product((0, 1), repeat=2):
        other = h[r : 2 * y : 2, s : 2 * x : 2]
        out = np.where(other > out, other, out)
    return out


def functional(h):
    y, x, _ = h.shape
    cut = h[: y & -2, : x & -2]
    return functools.reduce(np.fmax, (cut[r::2, s::2] for r in (0, 1) for s in (0, 1)))


def picked(h):
    y, x, c = h.shape[0] // 2, h.shape[1] // 2, h.shape[2]
    blocks = h[: 2 * y, : 2 * x].reshape(y, 2, x, 2, c).transpose(0, 2, 4, 1, 3).reshape(y, x, c, 4)
    best = np.argmax(blocks, axis=3)
    return np.take_along_axis(blocks, best[..., None], axis=3)[..., 0]
