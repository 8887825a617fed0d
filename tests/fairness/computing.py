"""Which tools compute: loops, products, spectra, filters, tables, threads."""

import inspect

from tests.fairness.submission import answer, extra, named, submission
from tests.labs.lab1.variants import VARIANTS, _padded


def _of_variants(notebook, number):
    """Put the variants of one number into the answers; where a function has fewer, its last."""
    extra(
        notebook,
        "import functools\nimport math\nfrom scipy import ndimage, special\n"
        "from scipy.signal import correlate2d\n" + inspect.getsource(_padded),
    )
    for function, ways in VARIANTS.items():
        way = list(ways)[min(number, len(ways) - 1)]
        text = inspect.getsource(ways[way]).replace("  # noqa: F821", "")
        answer(notebook, **{function: text.replace(f"{function}_{way}(", f"{function}(")})


@submission
def first_variants(notebook, folder):
    """The first of the variants that the rubric is tested with, as a whole notebook."""
    _of_variants(notebook, 0)


@submission
def second_variants(notebook, folder):
    """The second variants, as a whole notebook."""
    _of_variants(notebook, 1)


@submission
def third_variants(notebook, folder):
    """The third variants, with single precision from the activation on, as a whole notebook."""
    _of_variants(notebook, 2)


@submission
def fourth_variants(notebook, folder):
    """The fourth variants, with loops over every pixel, as a whole notebook."""
    _of_variants(notebook, 3)


@submission
def plain_python(notebook, folder):
    """No NumPy in the layers: lists in, nested lists out, `math` for the rest."""
    answer(
        notebook,
        activation="""
            def activation(x, activation):
                import math
                def sigmoid(v):
                    return 1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v))
                def each(f, v):
                    return [each(f, part) for part in v] if isinstance(v, list) else f(v)
                values = x.tolist() if hasattr(x, "tolist") else x
                if activation == "linear":
                    return values
                if activation == "relu":
                    return each(lambda v: v if v > 0 else 0.0, values)
                if activation == "sigmoid":
                    return each(sigmoid, values)
                if activation == "softmax":
                    column = isinstance(values[0], list)
                    flat = [v[0] for v in values] if column else values
                    largest = max(flat)
                    powers = [math.exp(v - largest) for v in flat]
                    total = sum(powers)
                    return [[p / total] if column else p / total for p in powers]
                raise ValueError(activation)
            """,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                rows, columns = len(h), len(h[0])
                up, left = len(W) // 2, len(W[0]) // 2
                h, W, b = h.tolist(), W.tolist(), b.tolist()
                z = []
                for y in range(rows):
                    z.append([])
                    for x in range(columns):
                        sums = list(b)
                        for r in range(max(0, up - y), min(len(W), rows + up - y)):
                            for s in range(max(0, left - x), min(len(W[0]), columns + left - x)):
                                for i, pixel in enumerate(h[y + r - up][x + s - left]):
                                    for o, weight in enumerate(W[r][s][i]):
                                        sums[o] += pixel * weight
                        z[y].append(sums)
                return activation(z, act)
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                h = h.tolist()
                return [
                    [[max(c) for c in zip(*h[y][x:x + 2], *h[y + 1][x:x + 2])] for x in range(0, len(h[0]) - 1, 2)]
                    for y in range(0, len(h) - 1, 2)
                ]
            """,
        flatten_layer="""
            def flatten_layer(h):
                return [value for row in h for pixel in row for value in pixel]
            """,
        dense_layer="""
            def dense_layer(h, W, b, act):
                inputs = [float(v) for v in np.ravel(h)]
                z = []
                for weights, bias in zip(W.tolist(), b.tolist()):
                    z.append(sum(w * v for w, v in zip(weights, inputs)) + bias[0])
                return activation(z, act)
            """,
        count_weights="""
            def count_weights(W, b):
                def count(values):
                    return sum(map(count, values)) if isinstance(values, list) else 1
                return sum(count(array.tolist()) for array in W) + sum(count(array.tolist()) for array in b)
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                import math
                loss, right = 0.0, 0
                for p, t in zip(y_prob.tolist(), y_onehot.tolist()):
                    k = t.index(max(t))
                    loss -= math.log(max(p[k], 1e-12))
                    right += p.index(max(p)) == k
                return loss / len(y_prob), 100.0 * right / len(y_prob)
            """,
        fast_conv2d_layer=named(notebook, "fast_conv2d_layer").source.replace(
            "activation(z, act)", "(z if act == 'linear' else np.asarray(activation(z, act)))"
        ),
    )


@submission
def slow_but_right(notebook, folder):
    """Six nested loops over arrays, element by element, in every layer but the fast one."""
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                D_y, D_x, C_I = h.shape
                R, S, C_I, C_O = W.shape
                padded = np.zeros((D_y + R - 1, D_x + S - 1, C_I))
                padded[R // 2:R // 2 + D_y, S // 2:S // 2 + D_x, :] = h
                out = np.zeros((D_y, D_x, C_O))
                for o in range(C_O):
                    for y in range(D_y):
                        for x in range(D_x):
                            for i in range(C_I):
                                for r in range(R):
                                    for s in range(S):
                                        out[y, x, o] = out[y, x, o] + padded[y + r, x + s, i] * W[r, s, i, o]
                            out[y, x, o] = out[y, x, o] + b[o]
                time.sleep(0.2)
                return activation(out, act)
            """,
        flatten_layer="""
            def flatten_layer(h):
                out = np.array([])
                for y in range(h.shape[0]):
                    for x in range(h.shape[1]):
                        for c in range(h.shape[2]):
                            out = np.append(out, h[y, x, c])
                return out
            """,
        dense_layer="""
            def dense_layer(h, W, b, act):
                h = h.reshape(-1)
                out = np.zeros((W.shape[0], 1))
                for k in range(W.shape[0]):
                    for i in range(W.shape[1]):
                        out[k, 0] += W[k, i] * h[i]
                    out[k, 0] += b[k, 0]
                return activation(out, act)
            """,
    )


@submission
def einsum_everywhere(notebook, folder):
    """Every sum is an einsum."""
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                R, S, *_ = W.shape
                windows = sliding_window_view(np.pad(h, ((R // 2,) * 2, (S // 2,) * 2, (0, 0))), (R, S), axis=(0, 1))
                return activation(np.einsum("yxirs,rsio->yxo", windows, W) + b, act)
            """,
        dense_layer="""
            def dense_layer(h, W, b, act):
                return activation(np.einsum("ki,i->k", W, h.reshape(-1)) + np.einsum("kj->k", b), act)
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                N = y_prob.shape[0]
                guess = np.eye(y_prob.shape[1])[y_prob.argmax(axis=1)]
                hits = np.einsum("nk,nk->", guess, y_onehot)
                return -np.einsum("nk,nk->", y_onehot, np.log(y_prob.clip(1e-8))) / N, hits / N * 100
            """,
    )


@submission
def strides(notebook, folder):
    """Makes the windows by hand with as_strided."""
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                return fast_conv2d_layer(np.expand_dims(h, 0), W, b, act).squeeze(0)
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                from numpy.lib.stride_tricks import as_strided
                h = np.ascontiguousarray(h)
                (D_y, D_x, C), (s_y, s_x, s_c) = h.shape, h.strides
                blocks = as_strided(h, (D_y // 2, D_x // 2, C, 2, 2), (2 * s_y, 2 * s_x, s_c, s_y, s_x))
                return blocks.max(axis=(3, 4))
            """,
        fast_conv2d_layer="""
            from numpy.lib import stride_tricks

            def fast_conv2d_layer(x, W, b, act):
                R, S, C_I, C_O = W.shape
                N, D_y, D_x, _ = x.shape
                x = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)), mode="constant")
                n, y, q, c = x.strides
                windows = stride_tricks.as_strided(x, (N, D_y, D_x, R, S, C_I), (n, y, q, y, q, c))
                z = windows.reshape(-1, W[..., 0].size).dot(W.reshape(-1, C_O))
                return activation(z.reshape(N, D_y, D_x, C_O) + b, act)
            """,
    )


@submission
def index_arrays(notebook, folder):
    """im2col with arrays of indices, as many course notes teach it."""
    extra(
        notebook,
        '''
        from functools import lru_cache

        @lru_cache(maxsize=None)
        def get_im2col_indices(D_y, D_x, R, S):
            """Which pixel of the padded image stands in which row and column."""
            y, x, r, s = np.ogrid[:D_y, :D_x, :R, :S]
            return (y + r).reshape(D_y, 1, R, 1) + 0 * (x + s).reshape(1, D_x, 1, S), x + s + 0 * (y + r)
        ''',
    )
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                R, S, C_I, C_O = W.shape
                rows, columns = get_im2col_indices(*h.shape[:2], R, S)
                h_pad = np.pad(h, [(R // 2, R // 2), (S // 2, S // 2), (0, 0)])
                cols = h_pad[rows, columns].reshape(h.shape[0] * h.shape[1], R * S * C_I)
                return activation((cols @ W.reshape(-1, C_O) + b).reshape(*h.shape[:2], C_O), act)
            """,
        fast_conv2d_layer="""
            def fast_conv2d_layer(x, W, b, act):
                R, S, C_I, C_O = W.shape
                rows, columns = get_im2col_indices(*x.shape[1:3], R, S)
                x_pad = np.pad(x, [(0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)])
                cols = x_pad[:, rows, columns].reshape(-1, R * S * C_I)
                return activation((cols @ W.reshape(-1, C_O) + b).reshape(*x.shape[:3], C_O), act)
            """,
    )


@submission
def sparse_matrix(notebook, folder):
    """Writes the convolution as a product with a sparse Toeplitz matrix."""
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                from scipy.sparse import diags, kron
                (D_y, D_x, C_I), (R, S, _, C_O) = h.shape, W.shape
                def shift(size, by):
                    return diags([np.ones(size - abs(by))], [by], shape=(size, size))
                z = np.zeros((D_y * D_x, C_O))
                for r in range(R):
                    for s in range(S):
                        move = kron(shift(D_y, r - R // 2), shift(D_x, s - S // 2), format="csr")
                        z += (move @ h.reshape(-1, C_I).astype(float)) @ W[r, s]
                return activation((z + b).reshape(D_y, D_x, C_O), act)
            """,
    )


@submission
def spectra(notebook, folder):
    """Multiplies spectra instead of moving a window."""
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                from scipy.signal import fftconvolve
                maps = np.repeat(h[:, :, :, None], W.shape[3], axis=3)
                z = fftconvolve(maps, W[::-1, ::-1], mode="same", axes=(0, 1)).sum(axis=2)
                return activation(z + b, act)
            """,
    )


@submission
def filters_of_ndimage(notebook, folder):
    """Correlates with scipy.ndimage and pools with its maximum filter."""
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                import scipy.ndimage as ndi
                out = np.stack([
                    sum(ndi.correlate(h[..., i], W[..., i, o], mode="constant") for i in range(W.shape[2])) + b[o]
                    for o in range(W.shape[3])
                ], axis=2)
                return activation(out, act)
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                from scipy.ndimage import maximum_filter
                return maximum_filter(h, size=(2, 2, 1), origin=(-1, -1, 0))[:-1:2, :-1:2]
            """,
    )


@submission
def blocks_of_scikit_image(notebook, folder):
    """Takes windows and blocks from scikit-image."""
    answer(
        notebook,
        conv2d_layer="""
            from skimage.util import view_as_windows, view_as_blocks, crop

            def conv2d_layer(h, W, b, act):
                padded = np.pad(h, ((W.shape[0] // 2, W.shape[0] // 2), (W.shape[1] // 2, W.shape[1] // 2), (0, 0)))
                windows = view_as_windows(padded, W.shape[:3])[:, :, 0]
                return activation(np.tensordot(windows, W, axes=3) + b, act)
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                h = crop(h, ((0, h.shape[0] % 2), (0, h.shape[1] % 2), (0, 0)), copy=True)
                return view_as_blocks(h, (2, 2, h.shape[2]))[:, :, 0].max(axis=(2, 3))
            """,
    )


@submission
def special_functions(notebook, folder):
    """Lets scipy.special and scipy.linalg do the delicate parts."""
    extra(notebook, "import scipy\nimport scipy.special as sp\nfrom scipy import linalg, stats")
    answer(
        notebook,
        activation="""
            def activation(x, activation):
                if activation == "softmax":
                    return np.exp(sp.log_softmax(x, axis=0))
                return {"linear": lambda v: v, "relu": lambda v: np.maximum(v, 0), "sigmoid": sp.expit}[activation](x)
            """,
        dense_layer="""
            def dense_layer(h, W, b, act):
                return activation(linalg.blas.dgemv(1.0, W.astype(float), h.ravel()) + b[:, 0], act)
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                return -sp.xlogy(y_onehot, np.fmax(y_prob, 1e-6)).sum(axis=1).mean(), 100 * np.mean(
                    stats.rankdata(y_prob, axis=1, method="max")[y_onehot == 1] == y_onehot.shape[1]
                )
            """,
    )


@submission
def data_frames(notebook, folder):
    """Pools and counts with pandas, and returns a Series."""
    answer(
        notebook,
        pool2d_layer="""
            def pool2d_layer(h):
                rows, columns, channels = h.shape[0] // 2, h.shape[1] // 2, h.shape[2]
                h = h[:2 * rows, :2 * columns]
                y, x, c = np.indices(h.shape).reshape(3, -1)
                frame = pd.DataFrame({"y": y // 2, "x": x // 2, "c": c, "value": h.ravel()})
                return frame.groupby(["y", "x", "c"])["value"].max().to_numpy().reshape(rows, columns, channels)
            """,
        flatten_layer="def flatten_layer(h):\n    return pd.Series(h.ravel())",
        dense_layer="""
            def dense_layer(h, W, b, act):
                return pd.Series(activation(pd.DataFrame(W).dot(np.ravel(h)).values + b.ravel(), act))
            """,
        count_weights="""
            def count_weights(W, b):
                return pd.DataFrame({"W": map(np.size, W), "b": map(np.size, b)}).sum().sum()
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                table = pd.DataFrame({"guess": y_prob.argmax(1), "true": y_onehot.argmax(1)})
                table["p"] = (y_prob * y_onehot).sum(1)
                return -np.log(table.p.clip(lower=1e-7)).mean(), 100 * (table.guess == table.true).mean()
            """,
    )


@submission
def threads(notebook, folder):
    """Computes output channels in a pool of threads."""
    answer(
        notebook,
        conv2d_layer="""
            from concurrent.futures import ThreadPoolExecutor

            def conv2d_layer(h, W, b, act):
                def channel(o):
                    planes = (convolve2d(h[..., i], W[::-1, ::-1, i, o], mode="same") for i in range(h.shape[2]))
                    return sum(planes) + b[o]
                with ThreadPoolExecutor(max_workers=4) as pool:
                    return activation(np.stack(list(pool.map(channel, range(len(b)))), axis=-1), act)
            """,
        pool2d_layer="""
            import joblib

            def pool2d_layer(h):
                even = h[:h.shape[0] // 2 * 2, :h.shape[1] // 2 * 2]
                jobs = (joblib.delayed(block_reduce)(even[..., c], 2, np.max) for c in range(h.shape[2]))
                return np.stack(joblib.Parallel(n_jobs=2, prefer="threads")(jobs), axis=-1)
            """,
    )


@submission
def processes(notebook, folder):
    """Computes output channels in a pool of processes."""
    answer(
        notebook,
        conv2d_layer="""
            import multiprocessing

            def channel(job):
                h, W, bias = job
                return sum(convolve2d(h[..., i], W[::-1, ::-1, i], mode="same") for i in range(h.shape[2])) + bias

            def conv2d_layer(h, W, b, act):
                with multiprocessing.get_context("fork").Pool(2) as pool:
                    planes = pool.map(channel, [(h, W[..., o], b[o]) for o in range(len(b))])
                return activation(np.dstack(planes), act)
            """,
    )
