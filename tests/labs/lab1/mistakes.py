"""Mistakes as students write them, each with the known fault that its message must name.

The code is theirs: NumPy, SciPy and loops, and nothing of the reference. `LISTED` were made in public code of this lab
and its neighbors; `FURTHER` are others. A mistake is a name, the function, the ids of the faults without the function's
own name, and the code.
"""

import textwrap

_LOOPS = """
def conv2d_layer(h, W, b, act):
    D_y, D_x, C_I = h.shape
    R, S, _, C_O = W.shape
    out = np.zeros((D_y, D_x, C_O))
    for o in range(C_O):
        for i in range(C_I):
            out[:, :, o] += convolve2d(h[:, :, i], np.flip(W[:, :, i, o]), mode="same")
        out[:, :, o] += b[o]
    return activation(out, act)
"""

_PIXELS = """
def conv2d_layer(h, W, b, act):
    D_y, D_x, C_I = h.shape
    R, S, _, C_O = W.shape
    padded = np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    out = np.zeros((D_y, D_x, C_O))
    for y in range(D_y):
        for x in range(D_x):
            for o in range(C_O):
                out[y, x, o] = np.sum(padded[y : y + R, x : x + S] * W[..., o]) + b[o]
    return activation(out, act)
"""

_FAST = """
def fast_conv2d_layer(x, W, b, act):
    R, S, C_I, C_O = W.shape
    N, D_y, D_x, _ = x.shape
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    windows = sliding_window_view(padded, (R, S), axis=(1, 2))
    columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(N * D_y * D_x, R * S * C_I)
    out = columns @ W.reshape(R * S * C_I, C_O) + b
    return activation(out.reshape(N, D_y, D_x, C_O), act)
"""

_OFFSETS = """
def fast_conv2d_layer(x, W, b, act):
    R, S = W.shape[:2]
    N, D_y, D_x, C_I = x.shape
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    out = np.zeros((N, D_y, D_x, W.shape[3]))
    for r in range(R):
        for s in range(S):
            out += padded[:, r : r + D_y, s : s + D_x] @ W[r, s]
    return activation(out + b, act)
"""

_POOL = """
def pool2d_layer(h):
    D_y, D_x, C = h.shape
    out = np.zeros((D_y // 2, D_x // 2, C))
    for y in range(D_y // 2):
        for x in range(D_x // 2):
            for c in range(C):
                out[y, x, c] = np.max(h[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, c])
    return out
"""

_DENSE = """
def dense_layer(h, W, b, act):
    return activation(W @ h.reshape(-1, 1) + b, act)
"""

_EVALUATE = """
def evaluate(y_prob, y_onehot):
    p = np.clip(y_prob, 1e-12, 1)
    loss = -np.mean(np.sum(y_onehot * np.log(p), axis=1))
    accuracy = 100 * np.mean(np.argmax(y_prob, axis=1) == np.argmax(y_onehot, axis=1))
    return loss, accuracy
"""

_COUNT = """
def count_weights(W, b):
    total = 0
    for w, v in zip(W, b):
        total += w.size
        total += v.size
    return total
"""

_ACTIVATION = """
def activation(x, activation):
    if activation == "linear":
        return x
    elif activation == "relu":
        return np.maximum(x, 0)
    elif activation == "sigmoid":
        return 1 / (1 + np.exp(-x))
    elif activation == "softmax":
        e = np.exp(x - np.max(x))
        return e / np.sum(e)
    else:
        raise ValueError(activation)
"""

_FLATTEN = """
def flatten_layer(h):
    values = []
    for y in range(h.shape[0]):
        for x in range(h.shape[1]):
            for c in range(h.shape[2]):
                values.append(h[y, x, c])
    return np.array(values)
"""


def _edit(code, *changes):
    """Return code with parts of it replaced, each of which must be there once."""
    for old, new in changes:
        assert code.count(old) == 1, (old, code)
        code = code.replace(old, new)
    return code


def _whole(code):
    return textwrap.dedent(code)


LISTED = (
    ("assigned, convolve2d", "conv2d_layer", "last_channel", _edit(_LOOPS, ("] += convolve2d", "] = convolve2d"))),
    (
        "assigned with its bias",
        "conv2d_layer",
        "last_channel",
        _edit(
            _LOOPS,
            ("] += convolve2d", "] = convolve2d"),
            ('mode="same")', 'mode="same") + b[o]'),
            ("        out[:, :, o] += b[o]\n", ""),
        ),
    ),
    (
        "assigned, offsets",
        "fast_conv2d_layer",
        "last_channel",
        _whole("""
        def fast_conv2d_layer(x, W, b, act):
            out = np.zeros((*x.shape[:3], W.shape[3]))
            for o in range(W.shape[3]):
                for i in range(W.shape[2]):
                    out[..., o] = ndimage.correlate(x[..., i], W[None, :, :, i, o], mode="constant")
            return activation(out + b, act)
        """),
    ),
    (
        "all axes flipped, convolve2d",
        "conv2d_layer",
        "channels_flipped",
        _edit(
            _LOOPS,
            ("    out = np.zeros", "    W = np.flip(W)\n    out = np.zeros"),
            ("np.flip(W[:, :, i, o])", "W[:, :, i, o]"),
        ),
    ),
    (
        "all axes flipped, windows",
        "conv2d_layer",
        "channels_flipped",
        _edit(_PIXELS, ("    padded = ", "    W = W[::-1, ::-1, ::-1, ::-1]\n    padded = ")),
    ),
    (
        "a kernel flipped with its channels",
        "conv2d_layer",
        "channels_flipped",
        _edit(_LOOPS, ("np.flip(W[:, :, i, o])", "np.flip(W[:, :, :, o])[:, :, i]")),
    ),
    (
        "all axes flipped, fast",
        "fast_conv2d_layer",
        "channels_flipped",
        _edit(_OFFSETS, ("@ W[r, s]", "@ np.flip(W)[r, s]")),
    ),
    (
        "transposed, convolve2d",
        "conv2d_layer",
        "kernel_transposed",
        _edit(_LOOPS, ("np.flip(W[:, :, i, o])", "np.flip(W[:, :, i, o].T)")),
    ),
    (
        "transposed, loops over its numbers",
        "conv2d_layer",
        "kernel_transposed",
        _whole("""
        def conv2d_layer(h, W, b, act):
            D_y, D_x, C_I = h.shape
            R, S, _, C_O = W.shape
            padded = np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
            out = np.zeros((D_y, D_x, C_O))
            for o in range(C_O):
                for i in range(C_I):
                    for r in range(R):
                        for s in range(S):
                            out[:, :, o] += padded[r : r + D_y, s : s + D_x, i] * W[s, r, i, o]
            return activation(out + b, act)
        """),
    ),
    (
        "transposed, fast",
        "fast_conv2d_layer",
        "kernel_transposed",
        _edit(_OFFSETS, ("@ W[r, s]", "@ W[s, r]")),
    ),
    (
        "mean over channels",
        "conv2d_layer",
        "mean_over_channels",
        _whole("""
        def conv2d_layer(h, W, b, act):
            out = []
            for o in range(W.shape[3]):
                maps = [correlate2d(h[:, :, i], W[:, :, i, o], "same") for i in range(W.shape[2])]
                out.append(np.mean(maps, axis=0) + b[o])
            return activation(np.stack(out, axis=-1), act)
        """),
    ),
    (
        "mean over channels, fast",
        "fast_conv2d_layer",
        "mean_over_channels",
        _edit(_OFFSETS, ("activation(out + b", "activation(out / C_I + b")),
    ),
    (
        "return in the inner loop",
        "conv2d_layer",
        "returned_early",
        _edit(
            _LOOPS, ("        out[:, :, o] += b[o]\n    return", "            out[:, :, o] += b[o]\n            return")
        ),
    ),
    (
        "return in the outer loop",
        "conv2d_layer",
        "returned_early",
        _edit(_LOOPS, ("\n    return", "\n        return")),
    ),
    (
        "one map returned in the loop",
        "conv2d_layer",
        "returned_early",
        _whole("""
        def conv2d_layer(h, W, b, act):
            for o in range(W.shape[3]):
                z = np.zeros(h.shape[:2])
                for i in range(W.shape[2]):
                    z += correlate2d(h[:, :, i], W[:, :, i, o], "same")
                z += b[o]
                return activation(z, act)
        """),
    ),
    (
        "return in the loop, pooling",
        "pool2d_layer",
        "returned_early",
        _edit(_POOL, ("\n    return", "\n        return")),
    ),
    (
        "return in the loop, dense",
        "dense_layer",
        "returned_early",
        _whole("""
        def dense_layer(h, W, b, act):
            out = np.zeros(len(W))
            for k in range(len(W)):
                for i in range(len(h)):
                    out[k] += W[k, i] * h[i]
                out[k] += b[k, 0]
                return activation(out, act)
        """),
    ),
    (
        "return in the loop, counting",
        "count_weights",
        "returned_early",
        _edit(_COUNT, ("    return", "        return")),
    ),
    (
        "return in the loop, evaluating",
        "evaluate",
        "returned_early",
        _whole("""
        def evaluate(y_prob, y_onehot):
            loss, hits = 0, 0
            for n, (p, t) in enumerate(zip(y_prob, y_onehot), start=1):
                loss -= np.log(max(p[t.argmax()], 1e-12))
                hits += p.argmax() == t.argmax()
                return loss / n, 100 * hits / n
        """),
    ),
    (
        "channels come out first",
        "conv2d_layer",
        "channels_first",
        _whole("""
        def conv2d_layer(h, W, b, act):
            maps = []
            for o in range(W.shape[3]):
                z = sum(correlate2d(h[:, :, i], W[:, :, i, o], "same") for i in range(h.shape[2]))
                maps.append(z + b[o])
            return activation(np.array(maps), act)
        """),
    ),
    (
        "channels read first",
        "conv2d_layer",
        "channels_first",
        _whole("""
        def conv2d_layer(h, W, b, act):
            _, D_y, D_x = h.shape
            out = np.zeros((W.shape[3], D_y, D_x))
            for o in range(W.shape[3]):
                for i in range(W.shape[2]):
                    out[o] += correlate2d(h[i], W[:, :, i, o], "same")
                out[o] += b[o]
            return activation(out, act)
        """),
    ),
    (
        "channels counted first",
        "conv2d_layer",
        "channels_first",
        _whole("""
        def conv2d_layer(h, W, b, act):
            C_I, D_y, D_x = h.shape
            out = np.zeros((W.shape[3], D_y, D_x))
            for o in range(W.shape[3]):
                for i in range(C_I):
                    out[o] += correlate2d(h[i], W[:, :, i, o], "same")
                out[o] += b[o]
            return activation(out, act)
        """),
    ),
    (
        "channels first, pooling",
        "pool2d_layer",
        "channels_first",
        _whole("""
        def pool2d_layer(h):
            C, D_y, D_x = h.shape
            return block_reduce(h[:, : D_y // 2 * 2, : D_x // 2 * 2], (1, 2, 2), np.max)
        """),
    ),
    (
        "channels first, flattening",
        "flatten_layer",
        "channels_first",
        "def flatten_layer(h):\n    return h.transpose(2, 0, 1).ravel()",
    ),
    (
        "channels first, fast",
        "fast_conv2d_layer",
        "channels_first",
        _edit(_OFFSETS, ("activation(out + b, act)", "activation(out + b, act).transpose(0, 3, 1, 2)")),
    ),
    (
        "windows by channel first",
        "fast_conv2d_layer",
        "windows_in_wrong_order",
        _edit(_FAST, (".transpose(0, 1, 2, 4, 5, 3)", "")),
    ),
    (
        "windows by column first",
        "fast_conv2d_layer",
        "windows_in_wrong_order",
        _edit(_FAST, ("4, 5, 3)", "5, 4, 3)")),
    ),
    (
        "kernels by output first",
        "fast_conv2d_layer",
        "windows_in_wrong_order",
        _edit(_FAST, ("W.reshape(R * S * C_I, C_O)", "W.reshape(C_O, -1).T")),
    ),
    (
        "windows by channel first, one image",
        "conv2d_layer",
        "windows_in_wrong_order",
        _whole("""
        def conv2d_layer(h, W, b, act):
            R, S, C_I, C_O = W.shape
            padded = np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
            windows = sliding_window_view(padded, (R, S), axis=(0, 1)).reshape(*h.shape[:2], -1)
            return activation(windows @ W.reshape(-1, C_O) + b, act)
        """),
    ),
    (
        "maps before pixels",
        "fast_conv2d_layer",
        "pixels_in_wrong_order",
        _edit(
            _FAST,
            ("columns @ W.reshape(R * S * C_I, C_O) + b", "W.reshape(R * S * C_I, C_O).T @ columns.T + b[:, None]"),
        ),
    ),
    (
        "return in the loop over the samples",
        "fast_conv2d_layer",
        "return_of_one",
        _whole("""
        def fast_conv2d_layer(x, W, b, act):
            out = np.zeros((*x.shape[:3], W.shape[3]))
            for n in range(len(x)):
                out[n] = conv2d_layer(x[n], W, b, act)
                return out
        """),
    ),
    (
        "return in the loop over the output channels",
        "fast_conv2d_layer",
        "returned_early",
        _whole("""
        def fast_conv2d_layer(x, W, b, act):
            out = np.zeros((*x.shape[:3], W.shape[3]))
            for o in range(W.shape[3]):
                out[..., o] = sum(
                    ndimage.correlate(x[..., i], W[None, :, :, i, o], mode="constant") for i in range(x.shape[3])
                )
                out[..., o] += b[o]
                return activation(out, act)
        """),
    ),
    (
        "pixels column by column",
        "fast_conv2d_layer",
        "pixels_in_wrong_order",
        _edit(_FAST, (".transpose(0, 1, 2, 4, 5, 3)", ".transpose(0, 2, 1, 4, 5, 3)")),
    ),
    (
        "reshape without blocks",
        "pool2d_layer",
        "wrong_blocks",
        _whole("""
        def pool2d_layer(h):
            H, W, C = h.shape
            h = h[: H // 2 * 2, : W // 2 * 2]
            return h.reshape(H // 2, W // 2, 2, 2, C).max(axis=(2, 3))
        """),
    ),
    (
        "reshape without blocks or cutting",
        "pool2d_layer",
        "wrong_blocks",
        _whole("""
        def pool2d_layer(h):
            H, W, C = h.shape
            return h.reshape(H // 2, W // 2, 2, 2, C).max(axis=(2, 3))
        """),
    ),
    (
        "windows with stride 1",
        "pool2d_layer",
        "stride_one",
        "def pool2d_layer(h):\n    return sliding_window_view(h, (2, 2), axis=(0, 1)).max(axis=(3, 4))",
    ),
    (
        "windows with stride 1 in loops",
        "pool2d_layer",
        "stride_one",
        _edit(_POOL, ("h[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, c]", "h[y : y + 2, x : x + 2, c]")),
    ),
    (
        "maximum over channels",
        "pool2d_layer",
        "over_channels",
        _edit(_POOL, ("2 * x + 2, c]", "2 * x + 2]")),
    ),
    (
        "maximum over channels, one map",
        "pool2d_layer",
        "over_channels",
        _whole("""
        def pool2d_layer(h):
            H, W = h.shape[0] // 2, h.shape[1] // 2
            return h[: 2 * H, : 2 * W].reshape(H, 2, W, -1).reshape(H, 2, W, 2, -1).max(axis=(1, 3, 4))
        """),
    ),
    (
        "blocks of 2 x 2 x 2",
        "pool2d_layer",
        "over_channels from_zero",
        _whole("""
        def pool2d_layer(h):
            h = h[: h.shape[0] // 2 * 2, : h.shape[1] // 2 * 2]
            return block_reduce(h, 2, np.max)
        """),
    ),
    (
        "cross-entropy typed literally",
        "evaluate",
        "not_a_number",
        _edit(_EVALUATE, ("np.clip(y_prob, 1e-12, 1)", "y_prob")),
    ),
    (
        "logarithm of the true one typed literally",
        "evaluate",
        "infinite",
        _edit(_EVALUATE, ("np.sum(y_onehot * np.log(p), axis=1)", "np.log(np.sum(y_onehot * y_prob, axis=1))")),
    ),
    (
        "square kernel, windows",
        "conv2d_layer",
        "kernel_square",
        _edit(_PIXELS, ("R, S, _, C_O = W.shape", "C_O = W.shape[3]\n    R = S = W.shape[0]")),
    ),
    (
        "square kernel, loops over its numbers",
        "conv2d_layer",
        "kernel_square",
        _whole("""
        def conv2d_layer(h, W, b, act):
            D_y, D_x, C_I = h.shape
            k, C_O = W.shape[0], W.shape[3]
            padded = np.pad(h, ((k // 2, k // 2), (k // 2, k // 2), (0, 0)))
            out = np.zeros((D_y, D_x, C_O))
            for r in range(k):
                for s in range(k):
                    out += padded[r : r + D_y, s : s + D_x] @ W[r, s]
            return activation(out + b, act)
        """),
    ),
    (
        "square padding, windows",
        "conv2d_layer",
        "kernel_square",
        _edit(_PIXELS, ("(S // 2, S // 2), (0", "(R // 2, R // 2), (0")),
    ),
    (
        "square padding, all windows",
        "conv2d_layer",
        "kernel_square",
        _whole("""
        def conv2d_layer(h, W, b, act):
            p = W.shape[0] // 2
            padded = np.pad(h, ((p, p), (p, p), (0, 0)))
            windows = sliding_window_view(padded, W.shape[:2], axis=(0, 1))
            return activation(np.einsum("yxirs,rsio->yxo", windows, W) + b, act)
        """),
    ),
    (
        "square kernel, reshaped",
        "conv2d_layer",
        "kernel_square",
        _whole("""
        def conv2d_layer(h, W, b, act):
            k, C_I, C_O = W.shape[0], W.shape[2], W.shape[3]
            padded = np.pad(h, ((k // 2, k // 2), (k // 2, k // 2), (0, 0)))
            windows = sliding_window_view(padded, (k, k), axis=(0, 1)).transpose(0, 1, 3, 4, 2)
            return activation(windows.reshape(*h.shape[:2], -1) @ W.reshape(k * k * C_I, C_O) + b, act)
        """),
    ),
    (
        "square kernel, fast",
        "fast_conv2d_layer",
        "kernel_square",
        _edit(_OFFSETS, ("R, S = W.shape[:2]", "R = S = W.shape[0]")),
    ),
    (
        "padding of 1, all windows",
        "conv2d_layer",
        "padding_one",
        _whole("""
        def conv2d_layer(h, W, b, act):
            padded = np.pad(h, ((1, 1), (1, 1), (0, 0)))
            windows = sliding_window_view(padded, W.shape[:2], axis=(0, 1))
            return activation(np.einsum("yxirs,rsio->yxo", windows, W) + b, act)
        """),
    ),
    (
        "padding of 1, windows",
        "conv2d_layer",
        "padding_one",
        _edit(_PIXELS, ("((R // 2, R // 2), (S // 2, S // 2), (0, 0))", "((1, 1), (1, 1), (0, 0))")),
    ),
    (
        "padding of 1 by hand",
        "conv2d_layer",
        "padding_one",
        _whole("""
        def conv2d_layer(h, W, b, act):
            D_y, D_x, C_I = h.shape
            R, S, _, C_O = W.shape
            out = np.zeros((D_y, D_x, C_O))
            for y in range(D_y):
                for x in range(D_x):
                    for r in range(R):
                        for s in range(S):
                            if 0 <= y + r - 1 < D_y and 0 <= x + s - 1 < D_x:
                                out[y, x] += h[y + r - 1, x + s - 1] @ W[r, s]
            return activation(out + b, act)
        """),
    ),
    (
        "padding of 1, fast",
        "fast_conv2d_layer",
        "padding_one",
        _edit(_OFFSETS, ("(R // 2, R // 2), (S // 2, S // 2)", "(1, 1), (1, 1)")),
    ),
    (
        "border left 0",
        "conv2d_layer",
        "border_zero",
        _whole("""
        def conv2d_layer(h, W, b, act):
            R, S, C_I, C_O = W.shape
            top, left = R // 2, S // 2
            out = np.zeros((*h.shape[:2], C_O))
            for y in range(top, h.shape[0] - top):
                for x in range(left, h.shape[1] - left):
                    window = h[y - top : y + top + 1, x - left : x + left + 1]
                    for o in range(C_O):
                        out[y, x, o] = np.sum(window * W[:, :, :, o])
            return activation(out + b, act)
        """),
    ),
    (
        "border left 0, bias inside",
        "conv2d_layer",
        "border_zero",
        _whole("""
        def conv2d_layer(h, W, b, act):
            R, S, C_I, C_O = W.shape
            top, left = R // 2, S // 2
            out = np.zeros((*h.shape[:2], C_O))
            for y in range(top, h.shape[0] - top):
                for x in range(left, h.shape[1] - left):
                    window = h[y - top : y + top + 1, x - left : x + left + 1]
                    for o in range(C_O):
                        out[y, x, o] = np.sum(window * W[:, :, :, o]) + b[o]
            return activation(out, act)
        """),
    ),
    (
        "written to the top left",
        "conv2d_layer",
        "top_left",
        _whole("""
        def conv2d_layer(h, W, b, act):
            R, S, C_I, C_O = W.shape
            D_y, D_x, _ = h.shape
            out = np.zeros((D_y, D_x, C_O))
            for y in range(D_y - R + 1):
                for x in range(D_x - S + 1):
                    for o in range(C_O):
                        out[y, x, o] = np.sum(h[y : y + R, x : x + S] * W[:, :, :, o]) + b[o]
            return activation(out, act)
        """),
    ),
    (
        "written to the top left, fast",
        "fast_conv2d_layer",
        "top_left",
        _whole("""
        def fast_conv2d_layer(x, W, b, act):
            windows = sliding_window_view(x, W.shape[:2], axis=(1, 2))
            valid = np.tensordot(windows, W, axes=((4, 5, 3), (0, 1, 2)))
            out = np.zeros((*x.shape[:3], W.shape[3]))
            out[:, : valid.shape[1], : valid.shape[2]] = valid
            return activation(out + b, act)
        """),
    ),
    (
        "divided by the first exponential",
        "activation",
        "softmax_of_first",
        _edit(_ACTIVATION, ("e / np.sum(e)", "e / e[0]")),
    ),
    (
        "summed with a return too early",
        "activation",
        "softmax_of_first",
        _edit(
            _ACTIVATION,
            (
                "        return e / np.sum(e)",
                "        total = 0\n        for one in e.ravel():\n"
                "            total += one\n            return e / total",
            ),
        ),
    ),
    ("clipped at 1e-4", "evaluate", "clipped", _edit(_EVALUATE, ("1e-12", "1e-4"))),
    ("clipped at 0.01", "evaluate", "clipped", _edit(_EVALUATE, ("1e-12, 1)", "0.01, 0.99)"))),
    (
        "a row of the bias",
        "dense_layer",
        "row",
        "def dense_layer(h, W, b, act):\n    return activation(W @ h + b.T, act)",
    ),
    ("a column and a row", "dense_layer", "broadcast", _edit(_DENSE, ("+ b,", "+ b.T,"))),
    ("a vector and a column", "dense_layer", "broadcast", _edit(_DENSE, ("h.reshape(-1, 1)", "h"))),
    (
        "cache, convolution",
        "conv2d_layer",
        "with_cache",
        _edit(_LOOPS, ("return activation(out, act)", "cache = (h, W, b)\n    return activation(out, act), cache")),
    ),
    ("cache, pooling", "pool2d_layer", "with_cache", _edit(_POOL, ("return out", "return out, {'h': h}"))),
    ("cache, flattening", "flatten_layer", "with_cache", "def flatten_layer(h):\n    return h.ravel(), h.shape"),
    (
        "cache, dense",
        "dense_layer",
        "with_cache",
        "def dense_layer(h, W, b, act):\n    z = W @ h + b.ravel()\n    return activation(z, act), z",
    ),
    ("cache, fast", "fast_conv2d_layer", "with_cache", _edit(_FAST, ("C_O), act)", "C_O), act), columns"))),
    ("a fraction", "evaluate", "fraction", _edit(_EVALUATE, ("100 * np.mean", "np.mean"))),
    (
        "percent twice",
        "evaluate",
        "hundredfold",
        _edit(_EVALUATE, ("return loss, accuracy", "return loss, accuracy * 100")),
    ),
    (
        "activation and bias in the loop",
        "conv2d_layer",
        "activation_before_sum bias_per_channel",
        _whole("""
        def conv2d_layer(h, W, b, act):
            out = np.zeros((*h.shape[:2], W.shape[3]))
            for o in range(W.shape[3]):
                for i in range(W.shape[2]):
                    conv = convolve2d(h[:, :, i], W[::-1, ::-1, i, o], mode="same")
                    out[:, :, o] += activation(conv + b[o], act)
            return out
        """),
    ),
)

FURTHER = (
    ("mean of a window", "conv2d_layer", "mean_over_channels", _edit(_PIXELS, ("np.sum(padded", "np.mean(padded"))),
    (
        "padding of every axis",
        "conv2d_layer",
        "padded_channels",
        _whole("""
        def conv2d_layer(h, W, b, act):
            R, S, C_I, C_O = W.shape
            padded = np.pad(h, R // 2)
            out = np.zeros((*h.shape[:2], C_O))
            for o in range(C_O):
                for i in range(C_I):
                    map = correlate2d(padded[:, :, i], W[:, :, i, o], "same")
                    out[:, :, o] += map[R // 2 : R // 2 + h.shape[0], R // 2 : R // 2 + h.shape[1]]
            return activation(out + b, act)
        """),
    ),
    (
        "padding at the end",
        "conv2d_layer",
        "window_from_pixel",
        _edit(_PIXELS, ("((R // 2, R // 2), (S // 2, S // 2), (0, 0))", "((0, R - 1), (0, S - 1), (0, 0))")),
    ),
    (
        "mode full",
        "conv2d_layer",
        "full",
        _whole("""
        def conv2d_layer(h, W, b, act):
            maps = []
            for o in range(W.shape[3]):
                maps.append(sum(correlate2d(h[:, :, i], W[:, :, i, o], "full") for i in range(W.shape[2])) + b[o])
            return activation(np.stack(maps, axis=2), act)
        """),
    ),
    (
        "mode valid",
        "conv2d_layer",
        "valid",
        _whole("""
        def conv2d_layer(h, W, b, act):
            maps = []
            for o in range(W.shape[3]):
                maps.append(sum(correlate2d(h[:, :, i], W[:, :, i, o], mode="valid") for i in range(W.shape[2])) + b[o])
            return activation(np.stack(maps, axis=2), act)
    """),
    ),
    ("one bias for all", "conv2d_layer", "bias_of_first", _edit(_LOOPS, ("b[o]", "b[0]"))),
    (
        "bias for every product",
        "conv2d_layer",
        "bias_per_channel",
        _edit(_PIXELS, ("W[..., o]) + b[o]", "W[..., o] + b[o])")),
    ),
    ("bias subtracted", "conv2d_layer", "bias_subtracted", _edit(_LOOPS, ("] += b[o]", "] -= b[o]"))),
    (
        "square image",
        "conv2d_layer",
        "image_square",
        _edit(_PIXELS, ("D_y, D_x, C_I = h.shape", "D_y = D_x = h.shape[0]\n    C_I = h.shape[2]")),
    ),
    (
        "border repeated",
        "conv2d_layer",
        "mirrored",
        _edit(_PIXELS, ("(0, 0)))", "(0, 0)), mode='edge')")),
    ),
    ("true convolution", "conv2d_layer", "no_flip", _edit(_LOOPS, ("np.flip(W[:, :, i, o])", "W[:, :, i, o]"))),
    ("one flip", "conv2d_layer", "flip_rows", _edit(_LOOPS, ("np.flip(W[:, :, i, o])", "W[:, ::-1, i, o]"))),
    (
        "activation in the loop",
        "conv2d_layer",
        "activation_before_sum",
        _edit(
            _LOOPS,
            (
                '+= convolve2d(h[:, :, i], np.flip(W[:, :, i, o]), mode="same")',
                '+= activation(convolve2d(h[:, :, i], np.flip(W[:, :, i, o]), mode="same"), act)',
            ),
            ("return activation(out, act)", "return out"),
        ),
    ),
    (
        "activation in the loop and at the end",
        "conv2d_layer",
        "activation_before_sum",
        _edit(
            _LOOPS,
            (
                '+= convolve2d(h[:, :, i], np.flip(W[:, :, i, o]), mode="same")',
                '+= activation(convolve2d(h[:, :, i], np.flip(W[:, :, i, o]), mode="same"), act)',
            ),
        ),
    ),
    ("first sample for all", "fast_conv2d_layer", "first_sample", _edit(_OFFSETS, ("padded[:, r", "padded[0, r"))),
    (
        "batch summed",
        "fast_conv2d_layer",
        "batch_added",
        _whole("""
        def fast_conv2d_layer(x, W, b, act):
            R, S = W.shape[:2]
            padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
            windows = sliding_window_view(padded, (R, S), axis=(1, 2))
            out = np.einsum("nyxirs,rsio->yxo", windows, W)
            return activation(np.broadcast_to(out + b, (*x.shape[:3], W.shape[3])), act)
    """),
    ),
    ("smallest", "pool2d_layer", "minimum", _edit(_POOL, ("np.max", "np.min"))),
    ("mean of a block", "pool2d_layer", "mean", _edit(_POOL, ("np.max", "np.mean"))),
    (
        "block_reduce as it is",
        "pool2d_layer",
        "sum",
        _whole("""
        def pool2d_layer(h):
            return block_reduce(h[: h.shape[0] // 2 * 2, : h.shape[1] // 2 * 2], (2, 2, 1))
    """),
    ),
    (
        "filled up with zeros",
        "pool2d_layer",
        "zeros_odd",
        "def pool2d_layer(h):\n    return block_reduce(h, (2, 2, 1), np.max)",
    ),
    (
        "floor-sized output",
        "pool2d_layer",
        "stops_at_odd",
        _whole("""
        def pool2d_layer(h):
            out = np.zeros((h.shape[0] // 2, h.shape[1] // 2, h.shape[2]))
            for c in range(h.shape[2]):
                out[:, :, c] = block_reduce(h[:, :, c], (2, 2), np.max)
            return out
    """),
    ),
    (
        "starts from zero",
        "pool2d_layer",
        "from_zero",
        _whole("""
        def pool2d_layer(h):
            out = np.zeros((h.shape[0] // 2, h.shape[1] // 2, h.shape[2]))
            for y, x, c in np.ndindex(out.shape):
                for r in range(2):
                    for s in range(2):
                        out[y, x, c] = max(out[y, x, c], h[2 * y + r, 2 * x + s, c])
            return out
    """),
    ),
    (
        "every second pixel",
        "pool2d_layer",
        "corner",
        "def pool2d_layer(h):\n    return h[: h.shape[0] // 2 * 2 : 2, : h.shape[1] // 2 * 2 : 2]",
    ),
    ("rows kept", "flatten_layer", "pixels", "def flatten_layer(h):\n    return h.reshape(h.shape[0], -1)"),
    ("Fortran", "flatten_layer", "fortran", "def flatten_layer(h):\n    return h.flatten('F')"),
    (
        "columns outside",
        "flatten_layer",
        "columns_first",
        _edit(
            _FLATTEN,
            ("y in range(h.shape[0])", "x in range(h.shape[1])"),
            ("x in range(h.shape[1]):\n            for c", "y in range(h.shape[0]):\n            for c"),
        ),
    ),
    (
        "transposed weights",
        "dense_layer",
        "transposed",
        "def dense_layer(h, W, b, act):\n    return activation(h @ W + b.ravel(), act)",
    ),
    ("no sum", "dense_layer", "products", "def dense_layer(h, W, b, act):\n    return activation(W * h + b, act)"),
    (
        "bias in the loop",
        "dense_layer",
        "bias_per_input",
        _whole("""
        def dense_layer(h, W, b, act):
            out = np.zeros(len(W))
            for k in range(len(W)):
                for i in range(len(h)):
                    out[k] += W[k, i] * h[i] + b[k, 0]
            return activation(out, act)
    """),
    ),
    (
        "bias after the activation",
        "dense_layer",
        "bias_after",
        "def dense_layer(h, W, b, act):\n    return activation((W @ h).ravel(), act) + b.ravel()",
    ),
    (
        "axes added",
        "count_weights",
        "axes_added",
        _edit(_COUNT, ("w.size", "sum(w.shape)"), ("v.size", "sum(v.shape)")),
    ),
    ("two axes", "count_weights", "two_axes", _edit(_COUNT, ("w.size", "int(np.prod(w.shape[:2]))"))),
    ("lengths", "count_weights", "first_axes", _edit(_COUNT, ("w.size", "len(w)"), ("v.size", "len(v)"))),
    (
        "one bias a layer",
        "count_weights",
        "one_bias",
        _edit(_COUNT, ("        total += v.size", "        if v.size:\n            total += 1")),
    ),
    ("last layer left out", "count_weights", "last_missing", _edit(_COUNT, ("zip(W, b)", "zip(W[:-1], b[:-1])"))),
    ("base 10", "evaluate", "log10", _edit(_EVALUATE, ("np.log(", "np.log10("))),
    (
        "mean over all",
        "evaluate",
        "over_classes",
        _edit(_EVALUATE, ("np.mean(np.sum(y_onehot * np.log(p), axis=1))", "np.mean(y_onehot * np.log(p))")),
    ),
    (
        "binary",
        "evaluate",
        "binary",
        _edit(
            _EVALUATE,
            (
                "np.sum(y_onehot * np.log(p), axis=1)",
                "np.sum(y_onehot * np.log(p) + (1 - y_onehot) * np.log(1 - p + 1e-12), axis=1)",
            ),
        ),
    ),
    (
        "largest instead of true",
        "evaluate",
        "of_the_largest",
        _edit(_EVALUATE, ("np.sum(y_onehot * np.log(p), axis=1)", "np.log(p.max(axis=1))")),
    ),
    (
        "softmax again",
        "evaluate",
        "softmax_again",
        _edit(_EVALUATE, ("np.clip(y_prob, 1e-12, 1)", "np.exp(y_prob) / np.exp(y_prob).sum(axis=1, keepdims=True)")),
    ),
    ("added", "evaluate", "shifted", _edit(_EVALUATE, ("np.clip(y_prob, 1e-12, 1)", "y_prob + 1e-3"))),
    ("exchanged", "evaluate", "exchanged", _edit(_EVALUATE, ("return loss, accuracy", "return accuracy, loss"))),
    ("hits", "evaluate", "hits", _edit(_EVALUATE, ("100 * np.mean", "np.sum"))),
    (
        "element by element",
        "evaluate",
        "element_by_element",
        _edit(_EVALUATE, ("np.argmax(y_prob, axis=1) == np.argmax(y_onehot, axis=1)", "np.round(y_prob) == y_onehot")),
    ),
    (
        "along the wrong axis",
        "evaluate",
        "argmax_axis",
        _edit(
            _EVALUATE,
            (
                "np.argmax(y_prob, axis=1) == np.argmax(y_onehot, axis=1)",
                "np.argmax(y_prob, axis=0) == np.argmax(y_onehot, axis=0)",
            ),
        ),
    ),
    ("leaky with 0.2", "activation", "relu_leaky", _edit(_ACTIVATION, ("np.maximum(x, 0)", "np.maximum(x, 0.2 * x)"))),
    ("mask alone", "activation", "relu_step", _edit(_ACTIVATION, ("np.maximum(x, 0)", "np.where(x > 0, 1, 0)"))),
    (
        "without parentheses",
        "activation",
        "sigmoid_precedence",
        _edit(_ACTIVATION, ("1 / (1 + np.exp(-x))", "1 / 1 + np.exp(-x)")),
    ),
    (
        "sigmoid that overflows",
        "activation",
        "sigmoid_overflow",
        _edit(_ACTIVATION, ("1 / (1 + np.exp(-x))", "np.exp(x) / (1 + np.exp(x))")),
    ),
    (
        "softmax that overflows",
        "activation",
        "softmax_overflow",
        _edit(_ACTIVATION, ("np.exp(x - np.max(x))", "np.exp(x)")),
    ),
    ("shares", "activation", "softmax_shares", _edit(_ACTIVATION, ("np.exp(x - np.max(x))", "x"))),
    (
        "softmax along rows",
        "activation",
        "softmax_rows",
        _edit(
            _ACTIVATION,
            ("np.max(x)", "np.max(x, axis=-1, keepdims=True)"),
            ("np.sum(e)", "np.sum(e, axis=-1, keepdims=True)"),
        ),
    ),
)
