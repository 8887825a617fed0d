"""Ways to write ``fast_conv2d_layer``: all of them right, most of them fast."""

import functools
import itertools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage, signal


def offsets(x, W, b, act):
    N, D_y, D_x, C_I = x.shape
    R, S, _, C_O = W.shape
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    z = np.zeros((N, D_y, D_x, C_O))
    for r in range(R):
        for s in range(S):
            z += padded[:, r : r + D_y, s : s + D_x, :] @ W[r, s]
    return activation(z + b, act)


def matrix_product(x, W, b, act):
    x, W, b = (np.asarray(array, dtype=np.float32) for array in (x, W, b))
    N, D_y, D_x, C_I = x.shape
    R, S, _, C_O = W.shape
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    windows = sliding_window_view(padded, (R, S), axis=(1, 2))
    rows = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, R * S * C_I)
    z = rows @ W.reshape(R * S * C_I, C_O) + b
    return activation(z, act).reshape(N, D_y, D_x, C_O)


def channels_before_windows(x, W, b, act):
    R, S, C_I, C_O = W.shape
    N, D_y, D_x = x.shape[:3]
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    windows = sliding_window_view(padded, (R, S), axis=(1, 2)).reshape(N * D_y * D_x, -1)
    kernels = W.transpose(2, 0, 1, 3).reshape(-1, C_O)
    return activation((windows @ kernels).reshape(N, D_y, D_x, C_O) + b, act)


def image_by_image(x, W, b, act):
    R, S, C_I, C_O = W.shape
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    kernels = W.reshape(-1, C_O)
    out = np.empty((*x.shape[:3], C_O))
    for n in range(len(x)):
        windows = sliding_window_view(padded[n], (R, S), axis=(0, 1)).transpose(0, 1, 3, 4, 2)
        out[n] = windows.reshape(*x.shape[1:3], -1) @ kernels
    return activation(out + b, act)


def some_at_a_time(x, W, b, act):
    R, S, C_I, C_O = W.shape
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    parts = []
    for start in range(0, len(x), 8):
        windows = sliding_window_view(padded[start : start + 8], (R, S), axis=(1, 2))
        parts.append(np.einsum("nyxirs,rsio->nyxo", windows, W, optimize=True))
    return activation(np.concatenate(parts) + b, act)


def margin_by_hand(x, W, b, act):
    N, D_y, D_x, C_I = x.shape
    R, S, _, C_O = W.shape
    top, left = (R - 1) // 2, (S - 1) // 2
    padded = np.zeros((N, D_y + 2 * top, D_x + 2 * left, C_I), dtype=np.result_type(x, W))
    padded[:, top : top + D_y, left : left + D_x] = x
    z = np.zeros((N, D_y, D_x, C_O), dtype=padded.dtype)
    for r, s in itertools.product(range(R), range(S)):
        z += np.dot(padded[:, r : r + D_y, s : s + D_x], W[r, s])
    return activation(z + b, act)


def spread(x, W, b, act):
    N, D_y, D_x, _ = x.shape
    R, S, _, C_O = W.shape
    full = np.zeros((N, D_y + R - 1, D_x + S - 1, C_O))
    for r in range(R):
        for s in range(S):
            full[:, R - 1 - r : R - 1 - r + D_y, S - 1 - s : S - 1 - s + D_x] += x @ W[r, s]
    return activation(full[:, R // 2 : R // 2 + D_y, S // 2 : S // 2 + D_x] + b, act)


def all_offsets_at_once(x, W, b, act):
    N, D_y, D_x, C_I = x.shape
    R, S, _, C_O = W.shape
    # One product with all kernels, and then a sum of what is shifted.
    products = (x.reshape(-1, C_I) @ W.transpose(2, 0, 1, 3).reshape(C_I, -1)).reshape(N, D_y, D_x, R, S, C_O)
    products = np.pad(products, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0), (0, 0), (0, 0)))
    z = sum(products[:, r : r + D_y, s : s + D_x, r, s] for r in range(R) for s in range(S))
    return activation(z + b, act)


def spectrum(x, W, b, act):
    D_y, D_x = x.shape[1:3]
    R, S = W.shape[:2]
    size = (D_y + R - 1, D_x + S - 1)
    images = np.fft.rfft2(x.astype(np.float64), size, axes=(1, 2))
    kernels = np.fft.rfft2(W[::-1, ::-1].astype(np.float64), size, axes=(0, 1))
    full = np.fft.irfft2(np.einsum("nyxi,yxio->nyxo", images, kernels, optimize=True), size, axes=(1, 2))
    return activation(full[:, R // 2 : R // 2 + D_y, S // 2 : S // 2 + D_x] + b, act)


def columns_first(x, W, b, act):
    N, D_y, D_x, C_I = x.shape
    R, S, _, C_O = W.shape
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    parts = [padded[:, r : r + D_y, s : s + D_x] for r in range(R) for s in range(S)]
    columns = np.stack(parts, axis=-2).reshape(N, D_y, D_x, R * S * C_I)
    return activation(columns @ W.reshape(R * S * C_I, C_O) + b, act)


def rows_then_columns(x, W, b, act):
    D_y, D_x = x.shape[1:3]
    R, S = W.shape[:2]
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    z = 0
    for r in range(R):
        windows = sliding_window_view(padded[:, r : r + D_y], S, axis=2)
        z = z + np.tensordot(windows, W[r], axes=([4, 3], [0, 1]))
    return activation(z + b, act)


def one_more_column(x, W, b, act):
    N, D_y, D_x, C_I = x.shape
    R, S, _, C_O = W.shape
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    windows = sliding_window_view(padded, (R, S), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3).reshape(-1, R * S * C_I)
    rows = np.hstack([windows, np.ones((len(windows), 1))])
    weights = np.concatenate([W.reshape(-1, C_O), b[None]])
    return activation((rows @ weights).reshape(N, D_y, D_x, C_O), act)


def gathered(x, W, b, act):
    N, D_y, D_x, C_I = x.shape
    R, S, _, C_O = W.shape
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    y = np.arange(D_y)[:, None] + np.arange(R)
    q = np.arange(D_x)[:, None] + np.arange(S)
    windows = padded[:, y[:, None, :, None], q[None, :, None, :]]
    return activation(windows.reshape(N, D_y, D_x, -1) @ W.reshape(-1, C_O) + b, act)


def folded(x, W, b, act):
    D_y, D_x = x.shape[1:3]
    R, S = W.shape[:2]
    padded = np.pad(x, ((0, 0), (R // 2,) * 2, (S // 2,) * 2, (0, 0)))
    places = itertools.product(range(R), range(S))
    z = functools.reduce(
        lambda total, rs: total + np.matmul(padded[:, rs[0] : rs[0] + D_y, rs[1] : rs[1] + D_x], W[rs]), places, b
    )
    return activation(z, act)


def correlated(x, W, b, act):
    R, S, C_I, C_O = W.shape
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    maps = [signal.correlate(padded, W[None, ..., o], mode="valid", method="direct")[..., 0] for o in range(C_O)]
    return activation(np.stack(maps, axis=3) + b, act)


def filtered(x, W, b, act):
    out = np.zeros((*x.shape[:3], W.shape[3]))
    for i in range(W.shape[2]):
        for o in range(W.shape[3]):
            kernel = W[::-1, ::-1, i, o][None]
            out[..., o] += ndimage.convolve(x[..., i].astype(np.float64), kernel, mode="constant")
    return activation(out + b, act)


def layer_for_each(x, W, b, act):
    return np.array([conv2d_layer(image, W, b, act) for image in x])


def channels_first(x, W, b, act):
    N, D_y, D_x, C_I = x.shape
    R, S, _, C_O = W.shape
    planes = np.pad(x.transpose(0, 3, 1, 2), ((0, 0), (0, 0), (R // 2, R // 2), (S // 2, S // 2)))
    windows = sliding_window_view(planes, (R, S), axis=(2, 3))
    z = np.tensordot(W, windows, axes=([2, 0, 1], [1, 4, 5])).transpose(1, 2, 3, 0)
    return activation(z + b.reshape(1, 1, 1, C_O), act)
