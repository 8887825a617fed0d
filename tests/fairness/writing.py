"""How it is written: classes, lambdas, decorators, recursion, types, prints, names."""

from tests.fairness.submission import answer, extra, named, submission


@submission
def objects(notebook, folder):
    """Layers are objects of classes with __call__; the answers are instances and bound methods."""
    answer(
        notebook,
        activation="""
            from abc import ABC, abstractmethod

            class Function(ABC):
                known = {}
                def __init_subclass__(cls, **options):
                    Function.known[cls.__name__.lower()] = cls()
                @abstractmethod
                def __call__(self, x): ...

            class Linear(Function):
                def __call__(self, x): return x

            class Relu(Function):
                def __call__(self, x): return np.fmax(x, 0)

            class Sigmoid(Function):
                def __call__(self, x): return (np.tanh(np.divide(x, 2)) + 1) / 2

            class Softmax(Function):
                def __call__(self, x):
                    e = np.exp(x - np.max(x))
                    return e / np.sum(e)

            class Activation:
                def __call__(self, x, activation):
                    return Function.known[activation](x)

            activation = Activation()
            """,
        conv2d_layer="""
            class Convolution:
                def __init__(self, mode="same"):
                    self.mode = mode
                def plane(self, h, k):
                    return sum(convolve2d(h[:, :, i], k[::-1, ::-1, i], mode=self.mode) for i in range(h.shape[2]))
                def apply(self, h, W, b, act):
                    return activation(np.dstack([self.plane(h, W[..., o]) + b[o] for o in range(len(b))]), act)

            conv2d_layer = Convolution().apply
            """,
        pool2d_layer="""
            class Pooling:
                size = 2
                @classmethod
                def forward(cls, h):
                    n = cls.size
                    return block_reduce(h[:len(h) // n * n, :h.shape[1] // n * n], block_size=(n, n, 1), func=np.max)

            pool2d_layer = Pooling.forward
            """,
        count_weights="""
            class Counter:
                @staticmethod
                def total(W, b):
                    return int(np.concatenate([np.ravel(a) for a in (*W, *b)]).shape[0])

            count_weights = Counter.total
            """,
    )


@submission
def types_everywhere(notebook, folder):
    """Type hints of every kind, dataclasses, enums and protocols, TensorFlow's tensor among the hints."""
    extra(
        notebook,
        """
        from __future__ import annotations
        """,
        before="setup",
    )
    answer(
        notebook,
        activation="""
            import enum
            from typing import Callable, Literal, Optional, Protocol, TypeVar, Union

            import numpy.typing as npt
            import tensorflow as tf

            Array = npt.NDArray[np.floating]
            T = TypeVar("T", bound=Array)
            ArrayLike = Union[Array, "tf.Tensor", keras.KerasTensor]

            class Kind(str, enum.Enum):
                LINEAR = "linear"
                RELU = "relu"
                SIGMOID = "sigmoid"
                SOFTMAX = "softmax"

            class Elementwise(Protocol):
                def __call__(self, x: T) -> T: ...

            Name = Literal["linear", "relu", "sigmoid", "softmax"]

            def activation(x: Array | tf.Tensor, activation: Name) -> Optional[Array]:
                match Kind(activation):
                    case Kind.LINEAR:
                        return x
                    case Kind.RELU:
                        return np.where(x < 0, 0, x)
                    case Kind.SIGMOID:
                        positive: Array = np.exp(-np.abs(x))
                        return np.where(x >= 0, 1 / (1 + positive), positive / (1 + positive))
                    case Kind.SOFTMAX:
                        shifted: Array = x - x.max(initial=-np.inf)
                        return np.exp(shifted) / np.exp(shifted).sum()
            """,
        conv2d_layer="""
            from dataclasses import dataclass, field

            @dataclass(frozen=True, slots=True)
            class Parameters:
                W: Array
                b: Array
                margins: tuple[int, int] = field(init=False)

                def __post_init__(self) -> None:
                    object.__setattr__(self, "margins", (self.W.shape[0] // 2, self.W.shape[1] // 2))

            def conv2d_layer(h: np.ndarray, W: np.ndarray, b: "np.ndarray", act: str) -> np.ndarray:
                p = Parameters(W, b)
                (my, mx), z = p.margins, np.zeros((*h.shape[:2], len(b)))
                padded: Array = np.pad(h, ((my, my), (mx, mx), (0, 0)))
                for o in range(len(b)):
                    for i in range(h.shape[-1]):
                        z[:, :, o] += convolve2d(padded[:, :, i], W[::-1, ::-1, i, o], mode="valid")
                return activation(z + p.b, act)
            """,
        count_weights="""
            def count_weights(W: list[Array], b: list[Array], /) -> int:
                return sum(map(np.size, W + b))
            """,
    )


@submission
def functional(notebook, folder):
    """Only lambdas, partial and operators: no def in any answer."""
    extra(
        notebook,
        """
        import operator
        from functools import partial, reduce
        from itertools import chain, product

        def layer(x, W, b, act, *, pad):
            R, S = W.shape[:2]
            p = np.pad(x, ((0, 0), (R // 2,) * 2, (S // 2,) * 2, (0, 0)), mode=pad)
            part = lambda rs: p[:, rs[0]:rs[0] + x.shape[1], rs[1]:rs[1] + x.shape[2]] @ W[rs]
            return activation(reduce(operator.add, map(part, product(range(R), range(S)))) + b, act)
        """,
    )
    answer(
        notebook,
        activation="""
            activation = lambda x, activation: {
                "linear": lambda x: x,
                "relu": lambda x: (abs(x) + x) / 2,
                "sigmoid": lambda x: np.reciprocal(1 + np.exp(-np.clip(x, -500, 500))),
                "softmax": lambda x: np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x))),
            }[activation](x)
            """,
        fast_conv2d_layer="fast_conv2d_layer = partial(layer, pad='constant')",
        conv2d_layer="conv2d_layer = lambda h, *args: layer(h[np.newaxis], *args, pad='constant')[0]",
        pool2d_layer="""
            cut = lambda h: h[:h.shape[0] & ~1, :h.shape[1] & ~1]
            pool2d_layer = lambda h: np.maximum.reduce([cut(h)[r::2, s::2] for r in (0, 1) for s in (0, 1)])
            """,
        flatten_layer="flatten_layer = np.ravel",
        dense_layer="""
            affine = lambda W, h, b: operator.add(operator.matmul(W, h), b)
            dense_layer = lambda h, W, b, act: activation(affine(W, h.ravel(), b.ravel()), act)
            """,
        count_weights="count_weights = lambda W, b: sum(map(operator.attrgetter('size'), chain(W, b)))",
        evaluate="""
            evaluate = lambda y_prob, y_onehot: (
                -np.log(np.where(y_prob > 0, y_prob, 1e-38))[y_onehot > 0].mean(),
                (y_prob.argmax(-1) == y_onehot.argmax(-1)).mean() * 100,
            )
            """,
    )


@submission
def decorators(notebook, folder):
    """Every answer is decorated: timed, logged, with errors of NumPy silenced, counted."""
    extra(
        notebook,
        """
        import contextlib
        from functools import wraps

        calls = {}

        def timed(function):
            @wraps(function)
            def wrapper(*args, **kwargs):
                start = time.perf_counter()
                try:
                    return function(*args, **kwargs)
                finally:
                    calls.setdefault(function.__name__, []).append(time.perf_counter() - start)
                    print(f"{function.__name__} took {calls[function.__name__][-1]:.6f} s")
            return wrapper

        def repeat(times):
            def decorate(function):
                def wrapper(*args):
                    for _ in range(times):
                        result = function(*args)
                    return result
                return wrapper
            return decorate

        class Traced:
            def __init__(self, function):
                self.function, self.depth = function, 0
            def __call__(self, *args):
                self.depth += 1
                return self.function(*args)

        @contextlib.contextmanager
        def quietly():
            with np.errstate(all="ignore"):
                yield
        """,
    )
    for function, decorator in {
        "activation": "@quietly()",
        "conv2d_layer": "@timed",
        "pool2d_layer": "@repeat(times=2)",
        "flatten_layer": "@Traced",
        "dense_layer": "@np.errstate(over='ignore', invalid='ignore')",
        "count_weights": "@timed\n@repeat(3)",
        "evaluate": "@Traced\n@timed",
        "fast_conv2d_layer": "@timed",
    }.items():
        named(notebook, function).source = f"{decorator}\n{named(notebook, function).source}"


@submission
def generators(notebook, folder):
    """Windows come from generators, and arrays from iterators."""
    answer(
        notebook,
        conv2d_layer="""
            def windows(h, R, S):
                padded = np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
                for y in range(h.shape[0]):
                    for x in range(h.shape[1]):
                        yield padded[y:y + R, x:x + S]

            def conv2d_layer(h, W, b, act):
                R, S, _, C_O = W.shape
                sums = (np.sum(window * W[..., o]) + b[o] for window in windows(h, R, S) for o in range(C_O))
                return activation(np.fromiter(sums, dtype=float).reshape(*h.shape[:2], C_O), act)
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                def blocks():
                    for y in range(0, h.shape[0] - 1, 2):
                        yield from (h[y:y + 2, x:x + 2] for x in range(0, h.shape[1] - 1, 2))
                return np.array([block.max(axis=(0, 1)) for block in blocks()]).reshape(h.shape[0] // 2, -1, h.shape[2])
            """,
        flatten_layer="def flatten_layer(h):\n    return np.array([*np.nditer(h, order='C')])",
        count_weights="""
            def count_weights(W, b):
                return len([number for layer in zip(W, b) for array in layer for number in array.flat])
            """,
    )


@submission
def recursion(notebook, folder):
    """Recursion in place of loops."""
    answer(
        notebook,
        flatten_layer="""
            def flatten_layer(h):
                return np.concatenate([flatten_layer(part) for part in h]) if np.ndim(h) > 1 else np.array(h)
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                rows, columns, channels = h.shape
                if rows < 2 or columns < 2:
                    return np.empty((rows // 2, columns // 2, channels))
                if rows < 4 and columns < 4:
                    return h[:2, :2].max(axis=(0, 1), keepdims=True)
                if rows >= columns:
                    middle = rows // 4 * 2
                    return np.vstack([pool2d_layer(h[:middle]), pool2d_layer(h[middle:])])
                middle = columns // 4 * 2
                return np.hstack([pool2d_layer(h[:, :middle]), pool2d_layer(h[:, middle:])])
            """,
        count_weights="""
            def count_weights(W, b):
                if not W and not b:
                    return 0
                first, *rest = W or b
                return first.size + (count_weights(rest, b) if W else count_weights(W, rest))
            """,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                def summed(i, o):
                    plane = convolve2d(h[..., i], W[::-1, ::-1, i, o], mode="same")
                    return plane if i == 0 else plane + summed(i - 1, o)
                return activation(np.stack([summed(h.shape[-1] - 1, o) for o in range(b.size)], -1) + b, act)
            """,
    )


@submission
def factories(notebook, folder):
    """Nested functions: a function makes the functions, with state in closures."""
    answer(
        notebook,
        activation="""
            def make_activation():
                table = {}
                def register(name):
                    def add(function):
                        table[name] = function
                        return function
                    return add
                @register("linear")
                def _(x): return x
                @register("relu")
                def _(x): return np.maximum(0, x)
                @register("sigmoid")
                def _(x):
                    out = np.empty(np.shape(x))
                    out[x >= 0] = 1 / (1 + np.exp(-x[x >= 0]))
                    out[x < 0] = np.exp(x[x < 0]) / (1 + np.exp(x[x < 0]))
                    return out
                @register("softmax")
                def _(x):
                    shifted = x - np.max(x)
                    return np.exp(shifted - np.log(np.exp(shifted).sum()))
                def activation(x, activation):
                    try:
                        return table[activation](x)
                    except KeyError:
                        raise NotImplementedError(f"{activation} is not known") from None
                return activation

            activation = make_activation()
            """,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                calls = 0
                def add(plane, i, o):
                    nonlocal calls
                    calls += 1
                    plane += convolve2d(h[:, :, i], np.flip(W[:, :, i, o]), mode="same")
                out = np.zeros((h.shape[0], h.shape[1], W.shape[3]))
                for o in range(W.shape[3]):
                    for i in range(W.shape[2]):
                        add(out[:, :, o], i, o)
                assert calls == W.shape[2] * W.shape[3]
                return activation(out + b, act)
            """,
    )


@submission
def constants(notebook, folder):
    """Global constants, tables and modes that the answers look up when they are called."""
    extra(
        notebook,
        """
        EPS: float = 1e-9
        MODE, POOL, PERCENT = "same", 2, 1e2
        AXES = {"rows": 0, "columns": 1}
        FLIP = (slice(None, None, -1),) * 2
        ACTIVATIONS = dict(linear=np.positive, relu=lambda x: np.clip(x, 0, None))
        ACTIVATIONS.update(sigmoid=lambda x: (1 + np.tanh(x / 2)) / 2)
        ACTIVATIONS["softmax"] = lambda x: np.exp(x - np.max(x)) / np.exp(x - np.max(x)).sum()
        """,
    )
    answer(
        notebook,
        activation="""
            def activation(x, activation):
                if activation not in ACTIVATIONS:
                    raise Exception("choose one of " + ", ".join(ACTIVATIONS))
                return ACTIVATIONS[activation](x)
            """,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                global LAST_SHAPE
                LAST_SHAPE = h.shape
                out = np.zeros((LAST_SHAPE[AXES["rows"]], LAST_SHAPE[AXES["columns"]], W.shape[-1]))
                for o, i in np.ndindex(W.shape[3], W.shape[2]):
                    out[..., o] += convolve2d(h[..., i], W[FLIP][..., i, o], MODE)
                return ACTIVATIONS[act](np.add(out, b))
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                loss = -np.log((y_prob + EPS)[np.nonzero(y_onehot)]).mean()
                return loss, PERCENT * (y_prob.argmax(1) == y_onehot.argmax(1)).mean()
            """,
    )


@submission
def catches_errors(notebook, folder):
    """Turns NumPy's warnings into errors inside a function and handles them there."""
    answer(
        notebook,
        activation="""
            import warnings

            def activation(x, activation):
                if activation == "sigmoid":
                    try:
                        with np.errstate(over="raise"):
                            return 1 / (1 + np.exp(-x))
                    except FloatingPointError:
                        return 1 / (1 + np.exp(-np.clip(x, -700, 700)))
                if activation == "softmax":
                    with warnings.catch_warnings():
                        warnings.simplefilter("error")
                        try:
                            return np.exp(x) / np.exp(x).sum()
                        except RuntimeWarning:
                            return np.exp(x - x.max()) / np.exp(x - x.max()).sum()
                if activation in ("relu", "linear"):
                    return x if activation == "linear" else x * np.heaviside(x, 0)
                raise ValueError(activation)
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                try:
                    return h.reshape(h.shape[0] // 2, 2, h.shape[1] // 2, 2, h.shape[2]).max(axis=(1, 3))
                except ValueError:
                    return pool2d_layer(h[:h.shape[0] // 2 * 2, :h.shape[1] // 2 * 2])
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                with np.errstate(divide="ignore", invalid="ignore"):
                    logs = np.nan_to_num(np.log(y_prob), neginf=-100)
                    hits = y_prob.argmax(1) == y_onehot.argmax(1)
                    return -(y_onehot * logs).sum() / len(y_onehot), hits.sum() / len(y_prob) * 100
            """,
    )


@submission
def validates_inputs(notebook, folder):
    """Asserts what it was promised about its inputs, and refuses other shapes."""
    for function, check in {
        "conv2d_layer": "assert h.ndim == 3 and W.ndim == 4 and h.shape[2] == W.shape[2], 'shapes'\n"
        "    assert b.shape == (W.shape[3],)\n"
        "    if W.shape[0] % 2 == 0 or W.shape[1] % 2 == 0: raise ValueError('even kernel')\n"
        "    if act not in ('linear', 'relu', 'sigmoid'): raise ValueError(act)",
        "pool2d_layer": "assert isinstance(h, np.ndarray) and h.ndim == 3 and h.dtype.kind == 'f'",
        "flatten_layer": "assert len(h.shape) == 3",
        "dense_layer": "assert W.ndim == 2 and b.shape == (W.shape[0], 1) and np.size(h) == W.shape[1]\n"
        "    if not isinstance(act, str): raise TypeError",
        "count_weights": "assert isinstance(W, list) and isinstance(b, list) and len(W) == len(b)",
        "evaluate": "assert y_prob.shape == y_onehot.shape and np.all(y_prob >= 0) and np.all(y_prob <= 1)\n"
        "    np.testing.assert_allclose(y_onehot.sum(axis=1), 1)\n"
        "    np.testing.assert_allclose(y_prob.sum(axis=1), 1, rtol=1e-5)",
        "fast_conv2d_layer": "assert x.ndim == 4 and x.shape[3] == W.shape[2] and len(b) == W.shape[3]",
    }.items():
        cell = named(notebook, function)
        head, quotes, body = cell.source.rpartition('"""')
        cell.source = f"{head}{quotes}\n    {check}{body}"


@submission
def prints(notebook, folder):
    """Prints inside every loop, draws a progress bar, clears the output."""
    extra(
        notebook,
        """
        import sys
        from IPython.display import clear_output, display

        def bar(things, width=40):
            things = list(things)
            for number, thing in enumerate(things, start=1):
                done = width * number // len(things)
                print("\\r[" + "█" * done + "·" * (width - done) + f"] {number}/{len(things)}", end="", flush=True)
                yield thing
            print()

        try:
            from tqdm.auto import tqdm
        except ImportError:
            tqdm = bar
        """,
    )
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                print("h", h.shape, "W", W.shape, h)
                z = np.zeros((*h.shape[:2], W.shape[3]))
                for o in tqdm(range(W.shape[3])):
                    for i in range(W.shape[2]):
                        z[:, :, o] += convolve2d(h[:, :, i], W[::-1, ::-1, i, o], mode="same")
                    clear_output(wait=True)
                    display(z[:, :, o])
                return activation(z + b, act)
            """,
        dense_layer="""
            def dense_layer(h, W, b, act):
                print("dense " * 10_000, file=sys.stdout)
                os.system("echo shape: $PWD")
                display(pd.DataFrame(W))
                return activation(W @ h.reshape(-1, 1) + b, act)
            """,
        fast_conv2d_layer=named(notebook, "fast_conv2d_layer").source.replace(
            "for n in range(0, N, 64):", "for n in tqdm(range(0, N, 64)):"
        ),
    )


@submission
def stderr_and_logging(notebook, folder):
    """Warns, writes to stderr, and logs at every level from inside the answers."""
    extra(
        notebook,
        """
        import logging
        import sys
        import warnings

        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(levelname)s %(message)s", force=True)
        logging.getLogger().addHandler(logging.FileHandler("lab.log"))
        log = logging.getLogger(__name__)
        log.info("start")
        warnings.warn("no GPU here")
        """,
    )
    answer(
        notebook,
        flatten_layer="def flatten_layer(h):\n    log.debug('flatten %s', h.shape)\n    return h.reshape(h.size)",
        count_weights="""
            def count_weights(W, b):
                warnings.warn("deprecated", DeprecationWarning)
                log.error("counting %d layers", len(W))
                return sum(a.size for a in W) + sum(a.size for a in b)
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                sys.stderr.write("evaluating\\n")
                os.write(2, b"evaluating\\n")
                with np.errstate(all="warn"):
                    costs = np.where(y_onehot == 1, np.minimum(-np.log(y_prob), 1e6), 0)
                log.warning("costs %s", costs)
                return costs.sum(axis=1).mean(), (y_prob.argmax(axis=1) == y_onehot.argmax(axis=1)).mean() * 100
            """,
    )


@submission
def reuses_answers(notebook, folder):
    """One function for all: the dense layer is a convolution, and the convolution is the fast one, far below it."""
    answer(
        notebook,
        conv2d_layer="def conv2d_layer(h, W, b, act):\n    return fast_conv2d_layer(h[None], W, b, act)[0]",
        dense_layer="""
            def dense_layer(h, W, b, act):
                z = conv2d_layer(h.reshape(1, 1, -1), W.T[None, None], b[:, 0], "linear")
                return activation(flatten_layer(z), act)
            """,
        flatten_layer="def flatten_layer(h):\n    return activation(h, 'linear').reshape((count_weights([h], []),))",
    )


@submission
def keras_as_a_type(notebook, folder):
    """Asks Keras and TensorFlow only what something is and for their settings, and computes by itself."""
    answer(
        notebook,
        flatten_layer="""
            def flatten_layer(h):
                import tensorflow as tf
                if tf.is_tensor(h) or keras.utils.is_keras_tensor(h) or isinstance(h, (tf.Tensor, tf.Variable)):
                    h = h.numpy()
                return np.reshape(h, -1).astype(keras.config.floatx())
            """,
        pool2d_layer="""
            def pool2d_layer(h):
                h = keras.ops.convert_to_numpy(h)
                h = h[:h.shape[0] // 2 * 2, :h.shape[1] // 2 * 2]
                return block_reduce(h, (2, 2, 1), np.max)
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                eps = keras.backend.epsilon()
                p = np.clip(y_prob, eps, 1 - eps)
                hits = p.argmax(-1) == y_onehot.argmax(-1)
                return -np.mean(np.sum(y_onehot * np.log(p), axis=-1)), 100 * np.mean(hits)
            """,
    )


@submission
def swedish(notebook, folder):
    """Names with å, ä and ö, Greek letters and emoji in comments, as a student in Linköping or Uppsala may write."""
    answer(
        notebook,
        activation='''
            def activation(x, activation):
                """Aktiveringsfunktionen. Tänk på att e^x blir för stort! ⚠️ 🤯"""
                σ = lambda z: 0.5 * (1 + np.tanh(z / 2))  # σ(z) är sigmoiden
                if activation == "linear": return x
                if activation == "relu": return np.maximum(x, 0)   # allt under noll försvinner
                if activation == "sigmoid": return σ(x)
                if activation == "softmax":
                    täljare = np.exp(x - x.max())
                    return täljare / täljare.sum()
                raise ValueError(f"Okänd aktivering: {activation} 😕")
            ''',
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                höjd, bredd, kanaler = h.shape
                utdata = np.zeros((höjd, bredd, W.shape[3]))
                for ö in range(W.shape[3]):
                    for å in range(kanaler):
                        # Faltningen vänder på kärnan, så vi vänder tillbaka den först.
                        utdata[:, :, ö] += convolve2d(h[:, :, å], W[::-1, ::-1, å, ö], mode="same")
                    utdata[:, :, ö] += b[ö]
                return activation(utdata, act)
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                ε = 1e-12
                förlust = -(y_onehot * np.log(y_prob + ε)).sum(1).mean()
                andel_rätt = (y_prob.argmax(1) == y_onehot.argmax(1)).mean()
                return förlust, andel_rätt * 100
            """,
    )
    named(notebook, "discussion").source = "**a)** Skillnaderna är små, ungefär 10⁻⁷. — Åsa Öström ✍️ 数字 مرحبا"
