"""Wrong answers to lab 1, each as a student would write it: the corpus beside the right and the hostile ones.

An answer with one of the lab's known faults costs the lines of that fault and no others. The other answers are right on
some inputs and wrong on others; nobody has said what lines they cost, only that they must not be paid in full.
"""

from __future__ import annotations

from dataclasses import dataclass

_BASES = {
    "activation": """
def activation(x, activation):
    if activation == "linear":
        return x
    if activation == "relu":
        return np.maximum(x, 0)
    if activation == "sigmoid":
        return 0.5 * (1 + np.tanh(x / 2))
    if activation == "softmax":
        powers = np.exp(x - np.max(x))
        return powers / np.sum(powers)
    raise ValueError(f"There is no activation {activation!r}.")
""",
    "conv2d_layer": """
def conv2d_layer(h, W, b, act):
    D_y, D_x, C_I = h.shape
    R, S, _, C_O = W.shape
    z = np.zeros((D_y, D_x, C_O))
    for o in range(C_O):
        for i in range(C_I):
            z[:, :, o] += convolve2d(h[:, :, i], np.flip(W[:, :, i, o]), mode="same")
        z[:, :, o] += b[o]
    return activation(z, act)
""",
    "pool2d_layer": """
def pool2d_layer(h):
    D_y, D_x, C = h.shape
    out = np.zeros((D_y // 2, D_x // 2, C))
    for y in range(D_y // 2):
        for x in range(D_x // 2):
            out[y, x] = np.max(h[2 * y : 2 * y + 2, 2 * x : 2 * x + 2], axis=(0, 1))
    return out
""",
    "flatten_layer": """
def flatten_layer(h):
    return h.flatten()
""",
    "dense_layer": """
def dense_layer(h, W, b, act):
    return activation(W @ np.ravel(h) + np.ravel(b), act)
""",
    "count_weights": """
def count_weights(W, b):
    return sum(np.size(w) for w in W) + sum(np.size(v) for v in b)
""",
    "evaluate": """
def evaluate(y_prob, y_onehot):
    p = np.maximum(y_prob, 1e-30)
    loss = -np.mean(np.sum(y_onehot * np.log(p), axis=1))
    accuracy = 100 * np.mean(np.argmax(y_prob, axis=1) == np.argmax(y_onehot, axis=1))
    return loss, accuracy
""",
    "fast_conv2d_layer": """
def fast_conv2d_layer(x, W, b, act):
    R, S = W.shape[:2]
    padded = np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))
    windows = sliding_window_view(padded, (R, S), axis=(1, 2))
    z = np.tensordot(windows, W, axes=((4, 5, 3), (0, 1, 2))) + b
    return activation(z, act)
""",
}
#: Right answers by function, which the wrong ones differ from.
RIGHT = {function: source.strip() + "\n" for function, source in _BASES.items()}


@dataclass(frozen=True)
class Wrong:
    """One wrong answer.

    Attributes
    ----------
    name : str
        Unique in the corpus.
    function : str
        The function that is wrong; the others are right.
    source : str
        What the student wrote.
    fault : str
        The id of the known fault that it has; empty where it is none of them.
    shown_by : str
        Where it is no known fault: arguments of the function, as Python, that show that it is wrong.
    """

    name: str
    function: str
    source: str
    fault: str = ""
    shown_by: str = ""


def _changed(function: str, changes: tuple[tuple[str, str], ...]) -> str:
    source = RIGHT[function]
    for old, new in changes:
        if source.count(old) != 1:
            raise ValueError(f"{old!r} stands {source.count(old)} times in the right {function}, and not once.")
        source = source.replace(old, new)
    return source


def _faulty(function: str, **changes: tuple[tuple[str, str], ...]) -> list[Wrong]:
    """Return answers with the lab's faults, by the fault's id without the name of its function."""
    prefix = function.removesuffix("_layer")
    return [
        Wrong(f"{prefix}-{name}".replace("_", "-"), function, _changed(function, changed), fault=f"{prefix}_{name}")
        for name, changed in changes.items()
    ]


def _narrow(function: str, name: str, shown_by: str, *changes: tuple[str, str]) -> Wrong:
    """Return an answer that is right for most inputs."""
    prefix = function.removesuffix("_layer").replace("_", "-")
    return Wrong(f"{prefix}-{name}", function, _changed(function, changes), shown_by=shown_by)


_SIGMOID, _RAISE = "0.5 * (1 + np.tanh(x / 2))", 'raise ValueError(f"There is no activation {activation!r}.")'
_SOFTMAX = "powers = np.exp(x - np.max(x))\n        return powers / np.sum(powers)"
_KERNEL, _BIAS = "np.flip(W[:, :, i, o])", "        z[:, :, o] += b[o]\n"
_CONVOLVED = 'convolve2d(h[:, :, i], np.flip(W[:, :, i, o]), mode="same")'
_SUM = "z[:, :, o] += " + _CONVOLVED
_BLOCK = "np.max(h[2 * y : 2 * y + 2, 2 * x : 2 * x + 2], axis=(0, 1))"
_ACCURACY = "100 * np.mean(np.argmax(y_prob, axis=1) == np.argmax(y_onehot, axis=1))"
_LOOPS = "for y in range(D_y // 2):\n        for x in range(D_x // 2):"
_DENSE = "activation(W @ np.ravel(h) + np.ravel(b), act)"
_DENSE_IN_COLUMNS = """z = W @ h.reshape(-1, 1) + b
    if act == "softmax":
        return np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    return activation(z, act)"""
_COUNT = "sum(np.size(w) for w in W) + sum(np.size(v) for v in b)"


def corpus() -> list[Wrong]:
    """Return all wrong answers: first those with known faults, then those that are right on most inputs."""
    return [*_known(), *_right_on_most_inputs()]


def _known() -> list[Wrong]:
    return [
        *_faulty(
            "activation",
            relu_negative=(("np.maximum(x, 0)", "np.minimum(x, 0)"),),
            relu_leaky=(("np.maximum(x, 0)", "np.where(x > 0, x, 0.01 * x)"),),
            relu_absolute=(("np.maximum(x, 0)", "np.abs(x)"),),
            sigmoid_mirrored=(("x / 2", "-x / 2"),),
            sigmoid_tanh=((_SIGMOID, "np.tanh(x)"),),
            sigmoid_overflow=((_SIGMOID, "np.exp(x) / (1 + np.exp(x))"),),
            softmax_unnormalized=(("powers / np.sum(powers)", "powers"),),
            softmax_exponentials=((_SOFTMAX, "return np.exp(x)"),),
            softmax_overflow=(("np.exp(x - np.max(x))", "np.exp(x)"),),
            softmax_rows=(("np.sum(powers)", "np.sum(powers, axis=-1, keepdims=True)"),),
            unknown_linear=((_RAISE, "return x"),),
            unknown_none=((_RAISE, "return None"),),
            unknown_relu=((_RAISE, "return np.maximum(x, 0)"),),
            in_place=(("return np.maximum(x, 0)", "x[x < 0] = 0\n        return x"),),
        ),
        *_faulty(
            "conv2d_layer",
            no_flip=((_KERNEL, "W[:, :, i, o]"),),
            flip_rows=((_KERNEL, "np.flip(W[:, :, i, o], axis=1)"),),
            flip_columns=((_KERNEL, "np.flip(W[:, :, i, o], axis=0)"),),
            kernel_transposed=((_KERNEL, _KERNEL + ".T"),),
            margins_swapped=(
                (
                    "z = np.zeros((D_y, D_x, C_O))",
                    "h = np.pad(h, ((S // 2, S // 2), (R // 2, R // 2), (0, 0)))\n"
                    "    z = np.zeros((h.shape[0] - R + 1, h.shape[1] - S + 1, C_O))",
                ),
                ('"same"', '"valid"'),
            ),
            first_channel=(("range(C_I)", "range(1)"),),
            channels_swapped=(("W[:, :, i, o]", "W[:, :, o, i]"),),
            valid=(("(D_y, D_x, C_O)", "(D_y - R + 1, D_x - S + 1, C_O)"), ('"same"', '"valid"')),
            mirrored=(('"same"', '"same", boundary="symm"'),),
            reflected=(
                ("z = np", 'h = np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)), mode="reflect")\n    z = np'),
                ('"same"', '"valid"'),
            ),
            wrapped=(('"same"', '"same", boundary="wrap"'),),
            bias_missing=((_BIAS, ""),),
            bias_per_channel=((_BIAS, "    " + _BIAS),),
            bias_after=((_BIAS, ""), ("activation(z, act)", "activation(z, act) + b")),
            activation_before_sum=((_CONVOLVED, f"activation({_CONVOLVED}, act)"), ("activation(z, act)", "z")),
            activation_ignored=(("activation(z, act)", "z"),),
            in_place=(("    return", "    h[h < 0] = 0\n    return"),),
            kernel_in_place=(
                ("    for o in", "    W[:] = W[::-1, ::-1].copy()\n    for o in"),
                (_KERNEL, "W[:, :, i, o]"),
            ),
        ),
        *_faulty(
            "pool2d_layer",
            mean=(("np.max", "np.mean"),),
            minimum=(("np.max", "np.min"),),
            from_zero=(("return out", "return np.maximum(out, 0)"),),
            corner=(("    D_y, D_x, C = h.shape\n", "    return h[::2, ::2].copy()\n"),),
            three=(
                ("(D_y // 2, D_x // 2, C)", "(D_y // 3, D_x // 3, C)"),
                (_LOOPS, _LOOPS.replace("2", "3")),
                (_BLOCK, "h[3 * y : 3 * y + 3, 3 * x : 3 * x + 3].max(axis=(0, 1))"),
            ),
            stride_one=(
                ("(D_y // 2, D_x // 2, C)", "(D_y - 1, D_x - 1, C)"),
                (_LOOPS, _LOOPS.replace("// 2", "- 1")),
                (_BLOCK, "h[y : y + 2, x : x + 2].max(axis=(0, 1))"),
            ),
            over_channels=(("D_x // 2, C)", "D_x // 2, 1)"), ("axis=(0, 1)", "axis=(0, 1, 2)")),
            zeros_odd=(("    D_y, D_x, C = h.shape\n", "    return block_reduce(h, (2, 2, 1), np.max)\n"),),
            keeps_odd=(
                ("(D_y // 2, D_x // 2, C)", "((D_y + 1) // 2, (D_x + 1) // 2, C)"),
                (_LOOPS, _LOOPS.replace("D_y", "(D_y + 1)").replace("D_x", "(D_x + 1)")),
            ),
            in_place=(("    return", "    h[h < 0] = 0\n    return"),),
        ),
        *_faulty(
            "flatten_layer",
            fortran=(("flatten()", "flatten('F')"),),
            channels_first=(("h.flatten", "np.moveaxis(h, 2, 0).flatten"),),
            columns_first=(("h.flatten", "np.swapaxes(h, 0, 1).flatten"),),
            row=(("flatten()", "reshape(1, -1)"),),
            column=(("flatten()", "reshape(-1, 1)"),),
            in_place=(("return h.flatten()", "flat = h.flatten()\n    h[:] = 0\n    return flat"),),
        ),
        *_faulty(
            "dense_layer",
            transposed=(("W @", "W.T @"),),
            bias_missing=((" + np.ravel(b)", ""),),
            broadcast=(("np.ravel(b)", "b"),),
            bias_after=((_DENSE, "activation(W @ np.ravel(h), act) + np.ravel(b)"),),
            activation_ignored=((_DENSE, "W @ np.ravel(h) + np.ravel(b)"),),
            softmax_rows=(("return " + _DENSE, _DENSE_IN_COLUMNS),),
            in_place=(("return " + _DENSE, f"a = {_DENSE}\n    h[h < 0] = 0\n    return a"),),
            bias_in_place=(
                ("return " + _DENSE, "b += (W @ np.ravel(h))[:, None]\n    return activation(b.copy(), act)"),
            ),
        ),
        *_faulty(
            "count_weights",
            lengths=((_COUNT, "len(W) + len(b)"),),
            first_axes=((_COUNT, "sum(len(w) for w in [*W, *b])"),),
            no_biases=((" + sum(np.size(v) for v in b)", ""),),
            only_biases=(("sum(np.size(w) for w in W) + ", ""),),
            empty_as_one=((_COUNT, "sum(max(np.size(w), 1) for w in [*W, *b])"),),
            in_place=(("return " + _COUNT, f"total = {_COUNT}\n    W.clear()\n    return total"),),
        ),
        *_faulty(
            "evaluate",
            over_classes=(("np.sum(y_onehot * np.log(p), axis=1)", "y_onehot * np.log(p)"),),
            summed=(("np.mean(np.sum(y_onehot * np.log(p), axis=1))", "np.sum(y_onehot * np.log(p))"),),
            negative=(("-np.mean", "np.mean"),),
            log10=(("np.log(p)", "np.log10(p)"),),
            log2=(("np.log(p)", "np.log2(p)"),),
            squared=(("-np.mean(np.sum(y_onehot * np.log(p), axis=1))", "np.mean((y_prob - y_onehot) ** 2)"),),
            infinite=(("-np.mean(np.sum(y_onehot * np.log(p), axis=1))", "-np.mean(np.log(y_prob[y_onehot == 1]))"),),
            not_a_number=(("np.log(p)", "np.log(y_prob)"),),
            fraction=(("100 * ", ""),),
            errors=(("y_prob, axis=1) ==", "y_prob, axis=1) !="),),
            argmax_axis=((_ACCURACY, _ACCURACY.replace("axis=1", "axis=0")),),
            in_place=(("1e-30)", "1e-30, out=y_prob)"),),
        ),
        *_faulty(
            "fast_conv2d_layer",
            no_flip=(("(windows, W,", "(windows, W[::-1, ::-1],"),),
            valid=(("np.pad(x, ((0, 0), (R // 2, R // 2), (S // 2, S // 2), (0, 0)))", "x"),),
            first_sample=(("activation(z, act)", "np.repeat(activation(z[:1], act), len(x), axis=0)"),),
            bias_missing=((" + b", ""),),
            bias_after=((" + b", ""), ("activation(z, act)", "activation(z, act) + b")),
            activation_ignored=(("activation(z, act)", "z"),),
            in_place=(("    return", "    x[x < 0] = 0\n    return"),),
        ),
    ]


def _right_on_most_inputs() -> list[Wrong]:
    return [
        _narrow(
            "activation",
            "linear-clipped",
            "np.array([-5.0, 5.0]), 'linear'",
            ("return x\n", "return np.clip(x, -3, 3)\n"),
        ),
        _narrow(
            "activation",
            "names-that-begin-so",
            "np.array([-1.0, 2.0]), 'relu6'",
            ('activation == "relu"', 'activation.lower().startswith("relu")'),
        ),
        _narrow(
            "activation",
            "empty-name",
            "np.array([-1.0, 2.0]), ''",
            ('activation == "linear"', 'activation in ("linear", "")'),
        ),
        _narrow(
            "activation",
            "sigmoid-clipped",
            "np.array([-9.0, 9.0]), 'sigmoid'",
            (_SIGMOID, "1 / (1 + np.exp(-np.clip(x, -6, 6)))"),
        ),
        _narrow(
            "activation", "softmax-of-neighbors", "np.array([0.0, 900.0]), 'softmax'", ("np.max(x)", "np.ravel(x)[0]")
        ),
        _narrow(
            "conv2d_layer",
            "padding-fixed",
            "np.zeros((9, 9, 1)), np.ones((7, 7, 1, 1)), np.zeros(1), 'linear'",
            (
                "z = np",
                "h = np.pad(h, ((2, 2), (2, 2), (0, 0)))\n"
                "    h = h[2 - R // 2 : D_y + 2 + R // 2, 2 - S // 2 : D_x + 2 + S // 2]\n    z = np",
            ),
            ('"same"', '"valid"'),
        ),
        _narrow(
            "conv2d_layer",
            "four-channels",
            "np.ones((5, 5, 6)), np.ones((3, 3, 6, 1)), np.zeros(1), 'linear'",
            ("range(C_I)", "range(min(C_I, 4))"),
        ),
        _narrow(
            "conv2d_layer",
            "room-of-the-input",
            "np.ones((5, 5, 1)), np.ones((3, 3, 1, 3)), np.zeros(3), 'linear'",
            ("np.zeros((D_y, D_x, C_O))", "np.zeros(h.shape)"),
            ("activation(z, act)", "activation(z[:, :, :C_O], act)"),
        ),
        _narrow(
            "pool2d_layer",
            "from-minus-ten",
            "np.full((2, 2, 1), -50.0)",
            (_BLOCK, f"np.maximum(-10, {_BLOCK})"),
        ),
        _narrow(
            "pool2d_layer",
            "both-sides-odd",
            "-np.ones((3, 4, 1))",
            (
                "    D_y, D_x, C = h.shape\n",
                "    if h.shape[0] % 2 and h.shape[1] % 2:\n        h = h[:-1, :-1]\n"
                "    return block_reduce(h, (2, 2, 1), np.max)\n",
            ),
        ),
        _narrow(
            "flatten_layer",
            "two-channels",
            "np.zeros((2, 2, 3))",
            ("h.flatten()", "np.stack([h[:, :, 0], h[:, :, 1]], axis=2).ravel()"),
        ),
        _narrow(
            "dense_layer",
            "one-output",
            "np.ones(2), np.ones((1, 2)), np.zeros((1, 1)), 'linear'",
            (_DENSE, f"np.squeeze({_DENSE})"),
        ),
        _narrow(
            "count_weights",
            "zeros-left-out",
            "[np.zeros((2, 3))], [np.zeros((2, 1))]",
            (_COUNT, "sum(np.count_nonzero(w) for w in [*W, *b])"),
        ),
        _narrow(
            "count_weights",
            "equal-ones-once",
            "[np.ones((2, 3))], [np.ones((2, 1))]",
            (_COUNT, "sum(len(np.unique(w)) for w in [*W, *b])"),
        ),
        _narrow("evaluate", "three-of-seven", "np.eye(2), np.eye(2)", (_ACCURACY, "300 / 7")),
        _narrow(
            "evaluate",
            "five-classes",
            "np.full((2, 10), 0.1), np.eye(10)[:2]",
            ("-np.mean(np.sum(y_onehot * np.log(p), axis=1))", "-5 * np.mean(y_onehot * np.log(p))"),
        ),
    ]
