"""What comes back: precision, order in memory, kinds of arrays, tuples and scalars."""

from tests.fairness.submission import answer, extra, submission


@submission
def single_precision(notebook, folder):
    """Everything in float32, what is returned too."""
    answer(
        notebook,
        activation="""
            def activation(x, activation):
                x = np.asarray(x, np.float32)
                one = np.float32(1)
                if activation == "linear":
                    return x.copy()
                elif activation == "relu":
                    return x.clip(min=0)
                elif activation == "sigmoid":
                    return one / (one + np.exp(-x))
                elif activation == "softmax":
                    return np.exp(x - x.max()) / np.exp(x - x.max()).sum(dtype=np.float32)
                else:
                    raise ValueError("unknown activation")
            """,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                h, W, b = h.astype("f4"), W.astype("f4"), b.astype("f4")
                p = np.pad(h, [(n // 2, n // 2) for n in W.shape[:2]] + [(0, 0)])
                z = np.zeros(h.shape[:2] + b.shape, "f4")
                for r, s in np.ndindex(*W.shape[:2]):
                    z += p[r:r + h.shape[0], s:s + h.shape[1]] @ W[r, s]
                return activation(z + b, act)
            """,
        dense_layer="""
            def dense_layer(h, W, b, act):
                z = np.matmul(W.astype(np.float32), h.astype(np.float32).ravel()) + b[:, 0].astype(np.float32)
                return activation(z, act)
            """,
        count_weights="""
            def count_weights(W, b):
                return np.float32(sum(a.size for a in W) + sum(a.size for a in b))
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                p = np.asarray(y_prob, np.float32)
                loss = -np.log(np.maximum(p, np.finfo(np.float32).tiny))[y_onehot == 1].mean(dtype=np.float32)
                return np.float32(loss), np.float32(100) * (p.argmax(1) == y_onehot.argmax(1)).mean(dtype=np.float32)
            """,
    )


@submission
def extended_precision(notebook, folder):
    """Everything in the longest float that the machine has, what is returned too."""
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                h, W, b = (np.asarray(a, dtype=np.longdouble) for a in (h, W, b))
                p = np.pad(h, ((W.shape[0] // 2,) * 2, (W.shape[1] // 2,) * 2, (0, 0)))
                z = np.empty((*h.shape[:2], W.shape[3]), dtype=np.longdouble)
                for y, x in np.ndindex(*h.shape[:2]):
                    z[y, x] = np.einsum("rsi,rsio->o", p[y:y + W.shape[0], x:x + W.shape[1]], W) + b
                return activation(z, act)
            """,
        dense_layer="""
            def dense_layer(h, W, b, act):
                h = np.asarray(h, np.longdouble).reshape(-1, 1)
                return activation(W.astype(np.longdouble) @ h + b, act)
            """,
        count_weights="def count_weights(W, b):\n    return np.longdouble(sum(a.size for a in W + b))",
        evaluate="""
            def evaluate(y_prob, y_onehot):
                p = np.asarray(y_prob, np.longdouble)
                loss = -np.mean(np.log(np.maximum(p[y_onehot.astype(bool)], 1e-300)))
                return loss, np.longdouble(100) * np.mean(p.argmax(axis=-1) == y_onehot.argmax(axis=-1))
            """,
    )


@submission
def fortran_order(notebook, folder):
    """Returns arrays in Fortran order, and one with its bytes the other way round."""
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                z = np.zeros(h.shape[:2] + (W.shape[-1],), order="F")
                for o in range(z.shape[2]):
                    for i in range(h.shape[2]):
                        z[..., o] += convolve2d(h[..., i], np.rot90(W[..., i, o], 2), "same")
                return np.asfortranarray(activation(z + b, act))
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                h = h[:h.shape[0] // 2 * 2, :h.shape[1] // 2 * 2]
                upper, lower = np.maximum(h[::2, ::2], h[::2, 1::2]), np.maximum(h[1::2, ::2], h[1::2, 1::2])
                return np.array(np.maximum(upper, lower), order="F")
            """,
        flatten_layer="def flatten_layer(h):\n    return np.asfortranarray(h).reshape(-1, order='C').astype('>f8')",
        fast_conv2d_layer="""
            def fast_conv2d_layer(x, W, b, act):
                R, S, C_I, C_O = W.shape
                padded = np.pad(x, ((0, 0), (R // 2,) * 2, (S // 2,) * 2, (0, 0)))
                windows = sliding_window_view(padded, (R, S), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
                z = windows.reshape(-1, R * S * C_I) @ W.reshape(-1, C_O) + b
                return np.asfortranarray(activation(z.reshape(*x.shape[:3], C_O), act))
            """,
    )


@submission
def channels_first(notebook, folder):
    """Thinks in channels first and returns views with moved axes, which lie scattered in memory."""
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                h = np.moveaxis(h, -1, 0)
                W = np.transpose(W, (3, 2, 0, 1))
                plane = lambda kernels: sum(convolve2d(c, k[::-1, ::-1], mode="same") for c, k in zip(h, kernels))
                maps = np.stack([plane(kernels) for kernels in W])
                return np.moveaxis(activation(maps + b[:, None, None], act), 0, -1)
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                h = h.transpose(2, 0, 1)
                C, H, W = h.shape
                return h[:, :H - H % 2, :W - W % 2].reshape(C, H // 2, 2, W // 2, 2).max(axis=(2, 4)).transpose(1, 2, 0)
            """,
        flatten_layer="def flatten_layer(h):\n    return np.repeat(h.reshape(-1), 2)[::2]",
        dense_layer="def dense_layer(h, W, b, act):\n    return activation((h.reshape(1, -1) @ W.T + b.T).T, act)",
    )


@submission
def read_only(notebook, folder):
    """Returns arrays that nobody may write to, some of them only spread out by broadcasting."""
    extra(
        notebook,
        """
        def frozen(array):
            array = np.asarray(array)
            array.setflags(write=False)
            return array
        """,
    )
    answer(
        notebook,
        flatten_layer="def flatten_layer(h):\n    return frozen(h.flatten())",
        pool2d_layer="""
            def pool2d_layer(h):
                blocks = sliding_window_view(h, (2, 2), axis=(0, 1))[::2, ::2]
                return frozen(blocks.max(axis=(-2, -1)))
            """,
        dense_layer="""
            def dense_layer(h, W, b, act):
                return np.broadcast_to(activation(W.dot(h.ravel()) + b.squeeze(), act), (len(W),))
            """,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                out = np.broadcast_to(b, h.shape[:2] + b.shape).copy()
                for o in range(W.shape[3]):
                    for i in range(W.shape[2]):
                        out[:, :, o] += convolve2d(h[:, :, i], W[::-1, ::-1, i, o], mode="same")
                return frozen(activation(frozen(out), act))
            """,
    )


@submission
def matrices(notebook, folder):
    """Uses np.matrix, as linear algebra courses do, and returns it."""
    answer(
        notebook,
        dense_layer="""
            def dense_layer(h, W, b, act):
                return activation(np.matrix(W) * np.asmatrix(h).reshape(-1, 1) + np.asmatrix(b), act)
            """,
        activation="""
            def activation(x, activation):
                if activation == "linear":
                    return x
                if activation == "relu":
                    return np.multiply(x, x > 0)
                if activation == "sigmoid":
                    return np.exp(-np.logaddexp(0, -x))
                if activation == "softmax":
                    e = np.exp(x - np.amax(x))
                    return e / e.sum()
                raise KeyError(activation)
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                P, T = np.matrix(y_prob), np.matrix(y_onehot)
                loss = -np.trace(np.log(np.maximum(P, 1e-20)) * T.T) / len(P)
                return loss, 100 * np.mean(P.argmax(axis=1) == T.argmax(axis=1))
            """,
    )


@submission
def masked_arrays(notebook, folder):
    """Masks what does not count, and returns masked arrays."""
    answer(
        notebook,
        activation="""
            def activation(x, activation):
                if activation == "linear":
                    return np.ma.array(x)
                if activation == "relu":
                    return np.ma.masked_less(x, 0).filled(0)
                if activation == "sigmoid":
                    negative = np.ma.masked_where(x >= 0, x)
                    positive = np.ma.masked_where(x < 0, x)
                    left = np.exp(negative) / (1 + np.exp(negative))
                    right = 1 / (1 + np.exp(-positive))
                    return np.ma.where(x < 0, left.filled(0), right.filled(0))
                if activation == "softmax":
                    powers = np.ma.exp(x - np.ma.max(x))
                    return powers / powers.sum()
                raise ValueError(activation)
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                chosen = np.ma.masked_array(y_prob, mask=(y_onehot == 0))
                loss = -np.ma.log(np.ma.maximum(chosen, 1e-9)).sum() / len(y_prob)
                return float(loss), np.ma.mean(np.argmax(y_prob, 1) == np.argmax(y_onehot, 1)) * 100
            """,
    )


@submission
def tuples(notebook, folder):
    """Returns tuples and named tuples where an array or two numbers are asked."""
    extra(notebook, "from collections import namedtuple\nScore = namedtuple('Score', 'loss accuracy')")
    answer(
        notebook,
        flatten_layer="def flatten_layer(h):\n    return tuple(h.flat)",
        dense_layer="""
            def dense_layer(h, W, b, act):
                return tuple(activation(np.inner(W, np.ravel(h)) + b.T[0], act))
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                rows, columns, _ = np.array(h.shape) // 2
                block = lambda y, x: tuple(h[2*y:2*y+2, 2*x:2*x+2].max((0, 1)))
                return tuple(tuple(block(y, x) for x in range(columns)) for y in range(rows))
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                hits = [p.argmax() == t.argmax() for p, t in zip(y_prob, y_onehot)]
                losses = [-np.log(p[t.argmax()] + 1e-9) for p, t in zip(y_prob, y_onehot)]
                return Score(loss=np.average(losses), accuracy=np.average(hits) * 100)
            """,
    )


@submission
def scalars_of_numpy(notebook, folder):
    """Returns arrays of no dimension and of one number where a number is asked."""
    answer(
        notebook,
        count_weights="""
            def count_weights(W, b):
                return np.array(sum(np.prod(a.shape, dtype=np.uint64) for a in (*W, *b)))
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                loss = np.zeros(1, dtype=np.float32)
                for p, t in zip(y_prob, y_onehot):
                    loss -= np.log(np.dot(p, t) + np.float32(1e-10))
                right = np.equal(y_prob.argmax(1), y_onehot.argmax(1)).sum(keepdims=True)
                return loss / len(y_prob), right / len(y_prob) * 100
            """,
    )


@submission
def own_kinds(notebook, folder):
    """Returns deques, arrays of Python and of objects, a class of lists, fractions, decimals and own integers."""
    extra(
        notebook,
        """
        from array import array
        from collections import UserList, deque
        from decimal import Decimal
        from enum import IntEnum
        from fractions import Fraction

        class Rows(list):
            pass

        class Hits(float):
            pass
        """,
    )
    answer(
        notebook,
        flatten_layer="def flatten_layer(h):\n    return array('d', h.ravel())",
        pool2d_layer="""
            def pool2d_layer(h):
                rows, columns, _ = np.array(h.shape) // 2
                block = lambda y, x: deque(h[2*y:2*y+2, 2*x:2*x+2].max((0, 1)))
                return Rows(Rows(block(y, x) for x in range(columns)) for y in range(rows))
            """,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                z = np.zeros(h.shape[:2] + b.shape)
                for o in range(len(b)):
                    for i in range(h.shape[2]):
                        z[..., o] += convolve2d(h[..., i], np.rot90(W[..., i, o], 2), "same")
                return np.asarray(activation(z + b, act)).astype(object)
            """,
        dense_layer="""
            def dense_layer(h, W, b, act):
                return UserList(activation(W @ np.ravel(h) + b.ravel(), act))
            """,
        count_weights="""
            def count_weights(W, b):
                return Fraction(sum(int(a.size) for a in (*W, *b)))
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                hits = int((y_prob.argmax(1) == y_onehot.argmax(1)).sum())
                loss = -np.log(np.maximum((y_prob * y_onehot).sum(1), 1e-12)).mean()
                return Decimal(float(loss)), Hits(100 * Fraction(hits, len(y_prob)))
            """,
    )
