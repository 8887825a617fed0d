"""Ways to write ``flatten_layer``."""

import itertools

import numpy as np


def reshaped(h):
    return h.reshape(-1)


def reshaped_to_its_size(h):
    D_y, D_x, C = h.shape
    return np.reshape(h, (D_y * D_x * C,))


def flattened(h):
    return h.flatten("C")


def raveled(h):
    return np.ravel(h, order="C")


def iterated(h):
    return np.fromiter(h.flat, dtype=float, count=h.size)


def chained(h):
    return np.array(list(itertools.chain.from_iterable(itertools.chain.from_iterable(h))))


def concatenated(h):
    return np.concatenate([pixel for row in h for pixel in row])


def stacked_rows(h):
    return np.hstack([np.hstack(list(row)) for row in h])


def filled(h):
    D_y, D_x, C = h.shape
    out = np.zeros(D_y * D_x * C)
    for y in range(D_y):
        for x in range(D_x):
            for c in range(C):
                out[(y * D_x + x) * C + c] = h[y, x, c]
    return out


def counted(h):
    out, place = np.empty(h.size), 0
    for row in h:
        for pixel in row:
            for value in pixel:
                out[place] = value
                place += 1
    return out


def divided(h):
    _, D_x, C = h.shape
    return np.array([h[k // (D_x * C), k // C % D_x, k % C] for k in range(h.size)])


def unraveled(h):
    return h[np.unravel_index(np.arange(h.size), h.shape)]


def taken(h):
    return np.take(h, range(h.size))


def turned(h):
    return h.transpose(2, 1, 0).flatten(order="F")


def appended(h):
    values = []
    for y in range(len(h)):
        for x in range(h.shape[1]):
            values.extend(h[y, x].tolist())
    return np.array(values)


def recursive(h):
    def lined_up(values):
        return sum((lined_up(part) for part in values), []) if isinstance(values, list) else [values]

    return np.asarray(lined_up(h.tolist()))


def interleaved(h):
    D_y, D_x, C = h.shape
    out = np.zeros(D_y * D_x * C, dtype=h.dtype)
    for c in range(C):
        out[c::C] = h[:, :, c].ravel()
    return out


def row_by_row(h):
    length = h.shape[1] * h.shape[2]
    out = np.zeros(h.shape[0] * length)
    for y in range(h.shape[0]):
        out[y * length : (y + 1) * length] = h[y].reshape(length)
    return out


def enumerated(h):
    out = {}
    for (y, x, c), value in np.ndenumerate(h):
        out[y, x, c] = value
    return np.array([out[place] for place in sorted(out)])


def two_steps(h):
    return h.reshape(h.shape[0], -1).reshape(-1)
