"""Ways to write ``pool2d_backward``."""

import itertools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def loops(da, h):
    N, D_y, D_x, C = h.shape
    dh = np.zeros(h.shape)
    for n in range(N):
        for y in range(D_y // 2):
            for x in range(D_x // 2):
                for c in range(C):
                    block = h[n, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2, c]
                    r, s = np.unravel_index(block.argmax(), (2, 2))
                    dh[n, 2 * y + r, 2 * x + s, c] = da[n, y, x, c]
    return dh


def loops_over_places(da, h):
    dh = np.zeros_like(h)
    for n, y, x, c in np.ndindex(da.shape):
        place = np.argmax(h[n, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2, c])
        dh[n, 2 * y + place // 2, 2 * x + place % 2, c] = da[n, y, x, c]
    return dh


def loops_with_comparisons(da, h):
    dh = np.zeros(h.shape)
    for n, y, x, c in np.ndindex(da.shape):
        best = (2 * y, 2 * x)
        for r in range(2):
            for s in range(2):
                if h[n, 2 * y + r, 2 * x + s, c] > h[n, best[0], best[1], c]:
                    best = (2 * y + r, 2 * x + s)
        dh[n, best[0], best[1], c] = da[n, y, x, c]
    return dh


def loops_with_break(da, h):
    dh = np.zeros(h.shape)
    for (n, y, x, c), gradient in np.ndenumerate(da):
        block = h[n, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2, c]
        for r, s in itertools.product(range(2), range(2)):
            if block[r, s] == block.max():
                dh[n, 2 * y + r, 2 * x + s, c] += gradient
                break
    return dh


def free_blocks(da, h):
    dh = np.zeros(h.shape)
    rows, columns = h.shape[1] // 2 * 2, h.shape[2] // 2 * 2
    corners = [(r, s) for r in (0, 1) for s in (0, 1)]
    largest = np.max([h[:, r:rows:2, s:columns:2] for r, s in corners], axis=0)
    free = np.ones(da.shape, dtype=bool)
    for r, s in corners:
        here = free & (h[:, r:rows:2, s:columns:2] == largest)
        dh[:, r:rows:2, s:columns:2] = np.where(here, da, 0)
        free &= ~here
    return dh


def argmax_of_stack(da, h):
    rows, columns = 2 * da.shape[1], 2 * da.shape[2]
    stack = np.stack([h[:, r:rows:2, s:columns:2] for r in range(2) for s in range(2)])
    place = stack.argmax(axis=0)
    dh = np.zeros(h.shape)
    for k in range(4):
        dh[:, k // 2 : rows : 2, k % 2 : columns : 2] = da * (place == k)
    return dh


def reshaped(da, h):
    N, Y, X, C = da.shape
    blocks = h[:, : 2 * Y, : 2 * X].reshape(N, Y, 2, X, 2, C).transpose(0, 1, 3, 5, 2, 4).reshape(N, Y, X, C, 4)
    mask = np.arange(4) == blocks.argmax(axis=-1)[..., None]
    found = (da[..., None] * mask).reshape(N, Y, X, C, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    dh = np.zeros(h.shape)
    dh[:, : 2 * Y, : 2 * X] = found.reshape(N, 2 * Y, 2 * X, C)
    return dh


def put_along(da, h):
    N, Y, X, C = da.shape
    blocks = h[:, : 2 * Y, : 2 * X].reshape(N, Y, 2, X, 2, C).transpose(0, 1, 3, 5, 2, 4).reshape(-1, 4)
    part = np.zeros(blocks.shape)
    np.put_along_axis(part, blocks.argmax(axis=1)[:, None], da.reshape(-1, 1), axis=1)
    part = part.reshape(N, Y, X, C, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(N, 2 * Y, 2 * X, C)
    return np.pad(part, ((0, 0), (0, h.shape[1] % 2), (0, h.shape[2] % 2), (0, 0)))


def windows(da, h):
    view = sliding_window_view(h, (2, 2), axis=(1, 2))[:, ::2, ::2]
    place = view.reshape(*view.shape[:4], 4).argmax(axis=-1)
    dh = np.zeros(h.shape)
    n, y, x, c = np.indices(da.shape)
    dh[n, 2 * y + place // 2, 2 * x + place % 2, c] = da
    return dh


def fancy_places(da, h):
    rows, columns = 2 * (h.shape[1] // 2), 2 * (h.shape[2] // 2)
    four = np.array([h[:, 0:rows:2, 0:columns:2], h[:, 0:rows:2, 1:columns:2],
                     h[:, 1:rows:2, 0:columns:2], h[:, 1:rows:2, 1:columns:2]])  # fmt: skip
    r, s = np.divmod(np.argmax(four, axis=0), 2)
    n, y, x, c = np.ogrid[tuple(slice(extent) for extent in da.shape)]
    dh = np.zeros(h.shape)
    dh[n, 2 * y + r, 2 * x + s, c] = da
    return dh


def added_at(da, h):
    dh = np.zeros(h.shape)
    n, y, x, c = np.indices(da.shape)
    four = np.stack([h[n, 2 * y + k // 2, 2 * x + k % 2, c] for k in range(4)], axis=-1)
    k = np.argmax(four, axis=-1)
    np.add.at(dh, (n, 2 * y + k // 2, 2 * x + k % 2, c), da)
    return dh


def loop_over_blocks(da, h):
    dh = np.zeros(h.shape)
    for y in range(da.shape[1]):
        for x in range(da.shape[2]):
            block = h[:, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].reshape(len(h), 4, -1)
            mask = np.arange(4)[:, None] == block.argmax(axis=1)[:, None, :]
            part = (mask * da[:, y, x][:, None, :]).reshape(len(h), 2, 2, -1)
            dh[:, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2] = part
    return dh


def comparisons(da, h):
    rows, columns = h.shape[1] // 2 * 2, h.shape[2] // 2 * 2
    a, b = h[:, 0:rows:2, 0:columns:2], h[:, 0:rows:2, 1:columns:2]
    c, d = h[:, 1:rows:2, 0:columns:2], h[:, 1:rows:2, 1:columns:2]
    first = (a >= b) & (a >= c) & (a >= d)
    second = (b > a) & (b >= c) & (b >= d)
    third = (c > a) & (c > b) & (c >= d)
    dh = np.zeros(h.shape)
    dh[:, 0:rows:2, 0:columns:2] = da * first
    dh[:, 0:rows:2, 1:columns:2] = da * second
    dh[:, 1:rows:2, 0:columns:2] = da * third
    dh[:, 1:rows:2, 1:columns:2] = da * ~(first | second | third)
    return dh


def rows_then_columns(da, h):
    Y, X = da.shape[1], da.shape[2]
    even = h[:, : 2 * Y, : 2 * X]
    left, right = even[:, :, 0::2], even[:, :, 1::2]
    across = np.maximum(left, right)
    upper, lower = across[:, 0::2], across[:, 1::2]
    wide = np.zeros(across.shape)
    wide[:, 0::2] = np.where(upper >= lower, da, 0)
    wide[:, 1::2] = np.where(upper >= lower, 0, da)
    dh = np.zeros(h.shape)
    dh[:, : 2 * Y, 0 : 2 * X : 2] = np.where(left >= right, wide, 0)
    dh[:, : 2 * Y, 1 : 2 * X : 2] = np.where(left >= right, 0, wide)
    return dh


def cumulated_mask(da, h):
    N, Y, X, C = da.shape
    blocks = h[:, : 2 * Y, : 2 * X].reshape(N, Y, 2, X, 2, C).transpose(0, 1, 3, 2, 4, 5).reshape(N, Y, X, 4, C)
    equal = blocks == blocks.max(axis=3, keepdims=True)
    first = equal & (np.cumsum(equal, axis=3) == 1)
    part = (first * da[:, :, :, None, :]).reshape(N, Y, X, 2, 2, C).transpose(0, 1, 3, 2, 4, 5)
    dh = np.zeros(h.shape)
    dh[:, : 2 * Y, : 2 * X] = part.reshape(N, 2 * Y, 2 * X, C)
    return dh


def by_einsum(da, h):
    rows, columns = 2 * da.shape[1], 2 * da.shape[2]
    four = np.stack([h[:, r:rows:2, s:columns:2] for r in range(2) for s in range(2)], axis=-1)
    mask = np.eye(4)[four.argmax(axis=-1)].reshape(*da.shape, 2, 2)
    part = np.einsum("nyxc,nyxcrs->nyrxsc", da, mask)
    dh = np.zeros(h.shape)
    dh[:, :rows, :columns] = part.reshape(len(h), rows, columns, h.shape[3])
    return dh


def channels_one_by_one(da, h):
    dh = np.zeros(h.shape)
    for n in range(len(h)):
        for c in range(h.shape[3]):
            image, gradient = h[n, :, :, c], da[n, :, :, c]
            for y, x in np.ndindex(gradient.shape):
                values = [image[2 * y, 2 * x], image[2 * y, 2 * x + 1],
                          image[2 * y + 1, 2 * x], image[2 * y + 1, 2 * x + 1]]  # fmt: skip
                k = values.index(max(values))
                dh[n, 2 * y + k // 2, 2 * x + k % 2, c] = gradient[y, x]
    return dh


def flat_places(da, h):
    N, D_y, D_x, C = h.shape
    dh = np.zeros(h.size)
    numbers = np.arange(h.size).reshape(h.shape)
    rows, columns = D_y // 2 * 2, D_x // 2 * 2
    where = np.stack([numbers[:, r:rows:2, s:columns:2] for r in range(2) for s in range(2)], axis=-1)
    best = h.ravel()[where].argmax(axis=-1)
    dh[np.take_along_axis(where, best[..., None], axis=-1)[..., 0]] = da
    return dh.reshape(h.shape)


def backward_through_corners(da, h):
    rows, columns = 2 * da.shape[1], 2 * da.shape[2]
    best = np.full(da.shape, -np.inf)
    place = np.zeros(da.shape, dtype=int)
    for k in (3, 2, 1, 0):
        corner = h[:, k // 2 : rows : 2, k % 2 : columns : 2]
        place = np.where(corner >= best, k, place)
        best = np.maximum(corner, best)
    dh = np.zeros(h.shape)
    for k in range(4):
        dh[:, k // 2 : rows : 2, k % 2 : columns : 2][place == k] = da[place == k]
    return dh


def repeated(da, h):
    rows, columns = 2 * da.shape[1], 2 * da.shape[2]
    even = h[:, :rows, :columns]
    four = np.stack([even[:, r::2, s::2] for r in range(2) for s in range(2)])
    place = four.argmax(axis=0).repeat(2, axis=1).repeat(2, axis=2)
    own = (2 * (np.arange(rows) % 2)[:, None] + np.arange(columns) % 2)[None, :, :, None]
    dh = np.zeros(h.shape)
    dh[:, :rows, :columns] = da.repeat(2, axis=1).repeat(2, axis=2) * (place == own)
    return dh


def by_kron(da, h):
    dh = np.zeros(h.shape)
    rows, columns = 2 * da.shape[1], 2 * da.shape[2]
    for n in range(len(h)):
        for c in range(h.shape[3]):
            image = h[n, :rows, :columns, c]
            four = np.stack([image[r::2, s::2] for r in range(2) for s in range(2)])
            for k in range(4):
                corner = np.zeros((2, 2))
                corner[k // 2, k % 2] = 1
                dh[n, :rows, :columns, c] += np.kron(da[n, :, :, c] * (four.argmax(axis=0) == k), corner)
    return dh
