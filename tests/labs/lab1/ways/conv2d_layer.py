"""Ways to write ``conv2d_layer``."""

import functools
import itertools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage, signal
from scipy.signal import convolve2d


def offsets(h, W, b, act):
    D_y, D_x, C_I = h.shape
    R, S, _, C_O = W.shape
    padded = np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    z = np.zeros((D_y, D_x, C_O))
    for r in range(R):
        for s in range(S):
            z += padded[r : r + D_y, s : s + D_x] @ W[r, s]
    return activation(z + b, act)


def einsum(h, W, b, act):
    R, S = W.shape[:2]
    padded = np.pad(h, [(R // 2,) * 2, (S // 2,) * 2, (0, 0)])
    windows = sliding_window_view(padded, (R, S), axis=(0, 1))
    return activation(np.einsum("yxirs,rsio->yxo", windows, W) + b, act)


def matrix_of_windows(h, W, b, act):
    D_y, D_x, C_I = h.shape
    R, S, _, C_O = W.shape
    padded = np.zeros((D_y + R - 1, D_x + S - 1, C_I))
    padded[R // 2 : R // 2 + D_y, S // 2 : S // 2 + D_x] = h
    rows = np.array([padded[y : y + R, x : x + S].ravel() for y in range(D_y) for x in range(D_x)])
    z = rows @ W.reshape(-1, C_O) + b
    return activation(z.reshape(D_y, D_x, C_O), act)


def spectrum(h, W, b, act):
    D_y, D_x, C_I = h.shape
    C_O = W.shape[3]
    z = np.zeros((D_y, D_x, C_O))
    for o in range(C_O):
        for i in range(C_I):
            plane, kernel = h[:, :, i].astype(np.float64), W[::-1, ::-1, i, o].astype(np.float64)
            z[:, :, o] += signal.fftconvolve(plane, kernel, mode="same")
    return activation(z + b, act)


def flipped_filter(h, W, b, act):
    z = np.zeros((*h.shape[:2], W.shape[3]))
    for i, o in itertools.product(range(W.shape[2]), range(W.shape[3])):
        plane = h[:, :, i].astype(np.float64)
        z[:, :, o] += ndimage.convolve(plane, W[::-1, ::-1, i, o], mode="constant", cval=0.0)
    return activation(z + b, act)


def three_axes(h, W, b, act):
    R, S, _, C_O = W.shape
    padded = np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    maps = [signal.correlate(padded, W[..., o], mode="valid", method="direct")[..., 0] for o in range(C_O)]
    return activation(np.stack(maps, axis=2) + b, act)


def pixel_by_pixel(h, W, b, act):
    D_y, D_x, _ = h.shape
    R, S, _, C_O = W.shape
    padded = np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    z = np.empty((D_y, D_x, C_O))
    for y in range(D_y):
        for x in range(D_x):
            window = padded[y : y + R, x : x + S]
            for o in range(C_O):
                z[y, x, o] = np.sum(window * W[:, :, :, o]) + b[o]
    return activation(z, act)


def window_by_window(h, W, b, act):
    D_y, D_x, _ = h.shape
    R, S, _, C_O = W.shape
    z = np.zeros((D_y, D_x, C_O))
    for y in range(D_y):
        for x in range(D_x):
            top, left = y - R // 2, x - S // 2
            rows, columns = slice(max(top, 0), top + R), slice(max(left, 0), left + S)
            window = h[rows, columns]
            r, s = max(-top, 0), max(-left, 0)
            kernel = W[r : r + window.shape[0], s : s + window.shape[1]]
            z[y, x] = np.tensordot(window, kernel, axes=3) + b
    return activation(z, act)


def rolled(h, W, b, act):
    D_y, D_x, _ = h.shape
    R, S, _, C_O = W.shape
    padded = np.pad(h, ((R, R), (S, S), (0, 0)))
    z = np.zeros((D_y, D_x, C_O))
    for r in range(R):
        for s in range(S):
            moved = np.roll(padded, (R // 2 - r, S // 2 - s), axis=(0, 1))[R : R + D_y, S : S + D_x]
            z += np.dot(moved, W[r, s])
    return activation(z + b, act)


def on_padded_planes(h, W, b, act):
    R, S, C_I, C_O = W.shape
    maps = []
    for o in range(C_O):
        plane = 0
        for i in range(C_I):
            padded = np.pad(h[..., i], ((R // 2, R // 2), (S // 2, S // 2)))
            plane = plane + convolve2d(padded, np.rot90(W[..., i, o], 2), mode="valid")
        maps.append(plane + b[o])
    return activation(np.stack(maps, axis=-1), act)


def cut_out_of_the_full(h, W, b, act):
    D_y, D_x, C_I = h.shape
    R, S, _, C_O = W.shape
    z = np.zeros((D_y, D_x, C_O))
    for o in range(C_O):
        for i in range(C_I):
            full = convolve2d(h[:, :, i], W[::-1, ::-1, i, o])
            z[:, :, o] += full[R // 2 : R // 2 + D_y, S // 2 : S // 2 + D_x]
    z += b
    return activation(z, act)


def transformed(h, W, b, act):
    D_y, D_x, _ = h.shape
    R, S, _, _ = W.shape
    size = (D_y + R - 1, D_x + S - 1)
    image = np.fft.rfft2(h.astype(np.float64), size, axes=(0, 1))
    kernels = np.fft.rfft2(W[::-1, ::-1].astype(np.float64), size, axes=(0, 1))
    full = np.fft.irfft2(np.einsum("yxi,yxio->yxo", image, kernels), size, axes=(0, 1))
    return activation(full[R // 2 :, S // 2 :][:D_y, :D_x] + b, act)


def row_by_row(h, W, b, act):
    D_y, D_x, C_I = h.shape
    R, S, _, C_O = W.shape
    z = np.zeros((D_y, D_x, C_O)) + b
    for y in range(D_y):
        for r in range(R):
            row = y + r - R // 2
            if row < 0 or row >= D_y:
                continue
            for i in range(C_I):
                for o in range(C_O):
                    full = np.convolve(h[row, :, i], W[r, ::-1, i, o])
                    z[y, :, o] += full[S // 2 : S // 2 + D_x]
    return activation(z, act)


def spread(h, W, b, act):
    D_y, D_x, _ = h.shape
    R, S, _, C_O = W.shape
    full = np.zeros((D_y + R - 1, D_x + S - 1, C_O))
    for r in range(R):
        for s in range(S):
            full[R - 1 - r : R - 1 - r + D_y, S - 1 - s : S - 1 - s + D_x] += h @ W[r, s]
    top, left = (R - 1) // 2, (S - 1) // 2
    return activation(full[top : top + D_y, left : left + D_x] + b, act)


def channels_first(h, W, b, act):
    R, S, C_I, C_O = W.shape
    image = np.moveaxis(h, -1, 0)
    padded = np.pad(image, ((0, 0), (R // 2, R // 2), (S // 2, S // 2)))
    windows = sliding_window_view(padded, (R, S), axis=(1, 2)).transpose(1, 2, 0, 3, 4)
    kernels = W.transpose(2, 0, 1, 3).reshape(C_I * R * S, C_O)
    return activation(windows.reshape(*h.shape[:2], -1) @ kernels + b, act)


def one_more_column(h, W, b, act):
    D_y, D_x, C_I = h.shape
    R, S, _, C_O = W.shape
    padded = np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    rows = [padded[y : y + R, x : x + S].reshape(-1) for y in range(D_y) for x in range(D_x)]
    extended = np.column_stack([np.array(rows), np.ones(D_y * D_x)])
    weights = np.vstack([W.reshape(R * S * C_I, C_O), b.reshape(1, C_O)])
    return activation((extended @ weights).reshape(D_y, D_x, C_O), act)


def folded(h, W, b, act):
    R, S = W.shape[:2]
    D_y, D_x = h.shape[:2]
    padded = np.pad(h.astype(np.float64), ((R // 2,) * 2, (S // 2,) * 2, (0, 0)))
    places = itertools.product(range(R), range(S))
    z = functools.reduce(lambda total, rs: total + padded[rs[0] :, rs[1] :][:D_y, :D_x] @ W[rs], places, b)
    return activation(z, act)


def recursive_over_channels(h, W, b, act):
    def total(i, o):
        if i < 0:
            return b[o]
        return total(i - 1, o) + convolve2d(h[:, :, i], W[::-1, ::-1, i, o], mode="same")

    C_I, C_O = W.shape[2:]
    return activation(np.dstack([total(C_I - 1, o) for o in range(C_O)]), act)


def output_channel_last(h, W, b, act):
    R, S, C_I, C_O = W.shape
    z = np.empty(h.shape[:2] + (C_O,))
    for o, bias in enumerate(b):
        layers = [signal.correlate2d(h[:, :, i], W[:, :, i, o], "same", "fill", 0) for i in range(C_I)]
        z[:, :, o] = np.sum(layers, axis=0) + bias
    return activation(z, act)
