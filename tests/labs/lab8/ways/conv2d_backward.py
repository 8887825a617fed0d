"""Ways to write ``conv2d_backward``."""

import itertools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage, signal


def shifts(dz, h, W):
    R, S, C_I, C_O = W.shape
    _, D_y, D_x, _ = h.shape
    top, left = R // 2, S // 2
    wide = np.pad(h, ((0, 0), (top, top), (left, left), (0, 0)))
    dwide, dW = np.zeros(wide.shape), np.zeros(W.shape)
    for r in range(R):
        for s in range(S):
            dwide[:, r : r + D_y, s : s + D_x] += dz @ W[r, s].T
            dW[r, s] = np.tensordot(wide[:, r : r + D_y, s : s + D_x], dz, axes=((0, 1, 2), (0, 1, 2)))
    return dwide[:, top : top + D_y, left : left + D_x], dW, dz.sum(axis=(0, 1, 2))


def shifts_with_einsum(dz, h, W):
    R, S = W.shape[:2]
    N, Y, X, _ = h.shape
    around = ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0))
    h_wide, z_wide = np.pad(h, around), np.pad(dz, around)
    dh, dW = np.zeros(h.shape), np.zeros(W.shape)
    for r, s in itertools.product(range(R), range(S)):
        dh += np.einsum("nyxo,io->nyxi", z_wide[:, r : r + Y, s : s + X], W[R - 1 - r, S - 1 - s])
        dW[r, s] = np.einsum("nyxi,nyxo->io", h_wide[:, r : r + Y, s : s + X], dz)
    return dh, dW, np.einsum("nyxo->o", dz)


def windows_and_einsum(dz, h, W):
    R, S, _, _ = W.shape
    around = ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0))
    z_windows = sliding_window_view(np.pad(dz, around), (R, S), axis=(1, 2))
    h_windows = sliding_window_view(np.pad(h, around), (R, S), axis=(1, 2))
    dh = np.einsum("nyxors,rsio->nyxi", z_windows, W[::-1, ::-1], optimize=True)
    dW = np.einsum("nyxirs,nyxo->rsio", h_windows, dz, optimize=True)
    return dh, dW, dz.sum(axis=(0, 1, 2))


def im2col(dz, h, W):
    R, S, C_I, C_O = W.shape
    around = ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0))
    rows = (
        sliding_window_view(np.pad(h, around), (R, S), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3).reshape(-1, R * S * C_I)
    )
    back = sliding_window_view(np.pad(dz, around), (R, S), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    gradients = dz.reshape(-1, C_O)
    kernels = W[::-1, ::-1].transpose(0, 1, 3, 2).reshape(R * S * C_O, C_I)
    dh = (back.reshape(-1, R * S * C_O) @ kernels).reshape(h.shape)
    return dh, (rows.T @ gradients).reshape(W.shape), gradients.sum(axis=0)


def columns_to_images(dz, h, W):
    R, S, C_I, C_O = W.shape
    N, Y, X, _ = h.shape
    wide = np.pad(h, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    rows = np.stack([wide[:, r : r + Y, s : s + X] for r in range(R) for s in range(S)], axis=3)
    gradients = dz.reshape(-1, C_O)
    dW = (rows.reshape(-1, R * S * C_I).T @ gradients).reshape(W.shape)
    drows = (gradients @ W.reshape(-1, C_O).T).reshape(N, Y, X, R, S, C_I)
    dwide = np.zeros(wide.shape)
    for r in range(R):
        for s in range(S):
            dwide[:, r : r + Y, s : s + X] += drows[:, :, :, r, s]
    return dwide[:, R // 2 : R // 2 + Y, S // 2 : S // 2 + X], dW, gradients.sum(axis=0)


def loops_over_outputs(dz, h, W):
    R, S, C_I, C_O = W.shape
    N, Y, X, _ = h.shape
    top, left = R // 2, S // 2
    wide = np.pad(h, ((0, 0), (top, top), (left, left), (0, 0)))
    dwide, dW, db = np.zeros(wide.shape), np.zeros(W.shape), np.zeros(C_O)
    for n in range(N):
        for y in range(Y):
            for x in range(X):
                for o in range(C_O):
                    dwide[n, y : y + R, x : x + S] += W[:, :, :, o] * dz[n, y, x, o]
                    dW[:, :, :, o] += wide[n, y : y + R, x : x + S] * dz[n, y, x, o]
                    db[o] += dz[n, y, x, o]
    return dwide[:, top : top + Y, left : left + X], dW, db


def loops_over_pixels(dz, h, W):
    R, S = W.shape[:2]
    N, Y, X, _ = h.shape
    top, left = R // 2, S // 2
    wide = np.pad(h, ((0, 0), (top, top), (left, left), (0, 0)))
    dwide, dW = np.zeros(wide.shape), np.zeros(W.shape)
    for n, y, x in np.ndindex(N, Y, X):
        dwide[n, y : y + R, x : x + S] += W @ dz[n, y, x]
        dW += wide[n, y : y + R, x : x + S][..., None] * dz[n, y, x]
    return dwide[:, top : top + Y, left : left + X], dW, dz.reshape(-1, dz.shape[3]).sum(axis=0)


def loops_with_bounds(dz, h, W):
    R, S = W.shape[:2]
    N, Y, X, _ = h.shape
    dh, dW = np.zeros(h.shape), np.zeros(W.shape)
    for y in range(Y):
        for x in range(X):
            for r in range(R):
                for s in range(S):
                    v, u = y + r - R // 2, x + s - S // 2
                    if 0 <= v < Y and 0 <= u < X:
                        dh[:, v, u] += dz[:, y, x] @ W[r, s].T
                        dW[r, s] += h[:, v, u].T @ dz[:, y, x]
    return dh, dW, dz.sum(axis=0).sum(axis=0).sum(axis=0)


def scipy_planes(dz, h, W):
    R, S, C_I, C_O = W.shape
    dh, dW = np.zeros(h.shape), np.zeros(W.shape)
    wide = np.pad(h, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    for n in range(len(h)):
        for i in range(C_I):
            for o in range(C_O):
                full = signal.convolve2d(dz[n, :, :, o], W[:, :, i, o], mode="full")
                dh[n, :, :, i] += full[R // 2 : R // 2 + h.shape[1], S // 2 : S // 2 + h.shape[2]]
                dW[:, :, i, o] += signal.correlate2d(wide[n, :, :, i], dz[n, :, :, o], mode="valid")
    return dh, dW, dz.sum(axis=(0, 1, 2))


def scipy_planes_flipped(dz, h, W):
    R, S, C_I, C_O = W.shape
    top, left = R // 2, S // 2
    wide, back = (np.pad(one, ((0, 0), (top, top), (left, left), (0, 0))) for one in (h, dz))
    dh, dW = np.zeros(h.shape), np.zeros(W.shape)
    for n, i, o in np.ndindex(len(h), C_I, C_O):
        dh[n, ..., i] += signal.correlate2d(back[n, ..., o], W[::-1, ::-1, i, o], mode="valid")
        dW[..., i, o] += signal.convolve2d(wide[n, ..., i], dz[n, ::-1, ::-1, o], mode="valid")
    return dh, dW, np.add.reduce(dz, axis=(0, 1, 2))


def scipy_by_direct_sums(dz, h, W):
    R, S, C_I, C_O = W.shape
    Y, X = h.shape[1:3]
    dh, dW = np.zeros(h.shape), np.zeros(W.shape)
    wide = np.pad(h, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    for i in range(C_I):
        for o in range(C_O):
            kernel = W[None, :, :, i, o]
            full = signal.convolve(dz[..., o], kernel, method="direct")
            dh[..., i] += full[:, R // 2 : R // 2 + Y, S // 2 : S // 2 + X]
            dW[:, :, i, o] = signal.correlate(wide[..., i], dz[..., o], mode="valid", method="direct")[0]
    return dh, dW, dz.sum(axis=(0, 1, 2))


def ndimage_planes(dz, h, W):
    R, S, C_I, C_O = W.shape
    dh = np.zeros(h.shape)
    for n, i, o in itertools.product(range(len(h)), range(C_I), range(C_O)):
        plane = dz[n, :, :, o].astype("float64")
        dh[n, :, :, i] += ndimage.convolve(plane, W[:, :, i, o], mode="constant")
    wide = np.pad(h, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    dW = np.empty(W.shape)
    for r, s in np.ndindex(R, S):
        part = wide[:, r : r + h.shape[1], s : s + h.shape[2]].reshape(-1, C_I)
        dW[r, s] = part.T @ dz.reshape(-1, C_O)
    return dh, dW, dz.sum(axis=(0, 1, 2))


def image_by_image(dz, h, W):
    R, S, C_I, C_O = W.shape
    dh, dW, db = [], np.zeros(W.shape), np.zeros(C_O)
    for image, gradient in zip(h, dz, strict=True):
        Y, X = image.shape[:2]
        wide = np.pad(image, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
        back = np.pad(gradient, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
        own = np.zeros(image.shape)
        for r in range(R):
            for s in range(S):
                own += back[R - 1 - r : R - 1 - r + Y, S - 1 - s : S - 1 - s + X] @ W[r, s].T
                dW[r, s] += np.tensordot(wide[r : r + Y, s : s + X], gradient, axes=([0, 1], [0, 1]))
        dh.append(own)
        db += gradient.sum(axis=(0, 1))
    return np.array(dh), dW, db


def a_list_and_a_column(dz, h, W):
    R, S = W.shape[:2]
    N, Y, X, inputs = h.shape
    wide = np.zeros((N, Y + R - 1, X + S - 1, inputs))
    wide[:, R // 2 : R // 2 + Y, S // 2 : S // 2 + X] = h
    back = np.zeros_like(wide)
    dW = np.empty_like(W, dtype="float64")
    flat = dz.reshape(-1, dz.shape[3])
    for r in range(R):
        for s in range(S):
            back[:, r : r + Y, s : s + X] += (flat @ W[r, s].T).reshape(N, Y, X, inputs)
            dW[r, s] = wide[:, r : r + Y, s : s + X].reshape(-1, inputs).T @ flat
    return [back[:, R // 2 : R // 2 + Y, S // 2 : S // 2 + X], dW, flat.sum(axis=0)[:, None]]


def cut_slices(dz, h, W):
    R, S = W.shape[:2]
    Y, X = h.shape[1:3]
    dh, dW = np.zeros(h.shape), np.zeros(W.shape)
    for r in range(R):
        for s in range(S):
            v, u = r - R // 2, s - S // 2
            at = slice(max(v, 0), max(Y + min(v, 0), 0)), slice(max(u, 0), max(X + min(u, 0), 0))
            to = slice(max(-v, 0), max(Y - max(v, 0), 0)), slice(max(-u, 0), max(X - max(u, 0), 0))
            dh[:, at[0], at[1]] += np.matmul(dz[:, to[0], to[1]], W[r, s].T)
            dW[r, s] = np.einsum("nyxi,nyxo->io", h[:, at[0], at[1]], dz[:, to[0], to[1]])
    return dh, dW, dz.sum(axis=(0, 1, 2))


def tensordot_of_windows(dz, h, W):
    R, S = W.shape[:2]
    pads = [(0, 0), (R // 2,) * 2, (S // 2,) * 2, (0, 0)]
    back = sliding_window_view(np.pad(dz, pads), (R, S), axis=(1, 2))
    fore = sliding_window_view(np.pad(h, pads), (R, S), axis=(1, 2))
    dh = np.tensordot(back, np.flip(W, (0, 1)), axes=([4, 5, 3], [0, 1, 3]))
    dW = np.tensordot(fore, dz, axes=([0, 1, 2], [0, 1, 2])).transpose(1, 2, 0, 3)
    return dh, dW, np.tensordot(dz, np.ones(dz.shape[:3]), axes=([0, 1, 2], [0, 1, 2]))


def a_forward_function(dz, h, W):
    def correlate(images, kernels):
        R, S = kernels.shape[:2]
        wide = np.pad(images, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
        out = np.zeros((*images.shape[:3], kernels.shape[3]))
        for r in range(R):
            for s in range(S):
                out += wide[:, r : r + images.shape[1], s : s + images.shape[2]] @ kernels[r, s]
        return out

    dh = correlate(dz, W[::-1, ::-1].swapaxes(2, 3))
    dW = np.zeros(W.shape)
    R, S = W.shape[:2]
    for r in range(R):
        for s in range(S):
            one = np.zeros((R, S, h.shape[3], h.shape[3]))
            one[r, s] = np.eye(h.shape[3])
            dW[r, s] = np.einsum("nyxi,nyxo->io", correlate(h, one), dz)
    return dh, dW, dz.sum(axis=(0, 1, 2))


def as_matrix(dz, h, W):
    R, S, C_I, C_O = W.shape
    N, Y, X, _ = h.shape
    places = np.full((Y + R - 1, X + S - 1), Y * X)
    places[R // 2 : R // 2 + Y, S // 2 : S // 2 + X] = np.arange(Y * X).reshape(Y, X)
    met = sliding_window_view(places, (R, S)).reshape(Y * X, R * S)
    values = np.concatenate([h.reshape(N, Y * X, C_I), np.zeros((N, 1, C_I))], axis=1)
    gradients = dz.reshape(N, Y * X, C_O)
    dW = np.einsum("npki,npo->kio", values[:, met], gradients).reshape(W.shape)
    dvalues = np.zeros(values.shape)
    for k in range(R * S):
        part = gradients @ W.reshape(R * S, C_I, C_O)[k].T
        for n in range(N):
            np.add.at(dvalues[n], met[:, k], part[n])
    return dvalues[:, :-1].reshape(h.shape), dW, gradients.sum(axis=(0, 1))


def in_double_precision(dz, h, W):
    dz, h, W = (one.astype("float64") for one in (dz, h, W))
    r, s = W.shape[0] // 2, W.shape[1] // 2
    around = ((0, 0), (r, r), (s, s), (0, 0))
    view = sliding_window_view(np.pad(h, around), W.shape[:2], axis=(1, 2))
    dW = np.einsum("abcirs,abco->rsio", view, dz)
    view = sliding_window_view(np.pad(dz, around), W.shape[:2], axis=(1, 2))[..., ::-1, ::-1]
    dh = np.einsum("abcors,rsio->abci", view, W)
    return dh, dW, dz.sum((0, 1, 2))


def one_output_channel_at_a_time(dz, h, W):
    R, S, C_I, C_O = W.shape
    _, Y, X, _ = h.shape
    wide = np.pad(h, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    dwide, dW, db = np.zeros(wide.shape), np.zeros(W.shape), np.zeros(C_O)
    for o in range(C_O):
        gradient = dz[..., o]
        db[o] = gradient.sum()
        for r, s in np.ndindex(R, S):
            dwide[:, r : r + Y, s : s + X] += gradient[..., None] * W[r, s, :, o]
            dW[r, s, :, o] = (wide[:, r : r + Y, s : s + X] * gradient[..., None]).sum(axis=(0, 1, 2))
    return dwide[:, R // 2 : Y + R // 2, S // 2 : X + S // 2], dW, db


def channels_first_inside(dz, h, W):
    R, S, C_I, C_O = W.shape
    images, gradients = np.moveaxis(h, 3, 1), np.moveaxis(dz, 3, 1)
    Y, X = images.shape[2:]
    around = ((0, 0), (0, 0), (R // 2, R // 2), (S // 2, S // 2))
    wide, back = np.pad(images, around), np.pad(gradients, around)
    dimages, dW = np.zeros(images.shape), np.zeros((C_O, C_I, R, S))
    for r in range(R):
        for s in range(S):
            dimages += np.einsum("noyx,io->niyx", back[:, :, r : r + Y, s : s + X], W[-1 - r, -1 - s])
            dW[:, :, r, s] = np.einsum("noyx,niyx->oi", gradients, wide[:, :, r : r + Y, s : s + X])
    return np.moveaxis(dimages, 1, 3), dW.transpose(2, 3, 1, 0), gradients.sum(axis=(0, 2, 3))
