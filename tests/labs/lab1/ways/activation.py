"""Ways to write ``activation``."""

import math

import numpy as np
from scipy import special


def table_of_lambdas(x, activation):
    functions = {
        "linear": lambda z: z,
        "relu": lambda z: np.maximum(0, z),
        "sigmoid": lambda z: np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z))),
        "softmax": lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
    }
    return functions[activation](x)


def refused_first(x, activation):
    if activation not in ("linear", "relu", "sigmoid", "softmax"):
        raise ValueError(activation)
    if activation == "relu":
        x = np.clip(x, 0, None)
    elif activation == "sigmoid":
        x = special.expit(x)
    elif activation == "softmax":
        x = special.softmax(x, axis=0)
    return x


def masks(x, activation):
    out = np.array(x, dtype=float)
    if activation == "relu":
        out[out < 0] = 0
    elif activation == "sigmoid":
        positive = out > 0
        out[positive] = 1 / (1 + np.exp(-out[positive]))
        powers = np.exp(np.array(x, dtype=float)[~positive])
        out[~positive] = powers / (1 + powers)
    elif activation == "softmax":
        out -= out.max()
        out = np.exp(out)
        out /= out.sum()
    elif activation != "linear":
        raise NameError(f"{activation} is unknown")
    return out


def number_by_number(x, activation):
    def sigmoid(z):
        if z < 0:
            return math.exp(z) / (1 + math.exp(z))
        return 1 / (1 + math.exp(-z))

    values = [float(z) for z in np.ravel(x)]
    if activation == "linear":
        result = values
    elif activation == "relu":
        result = [z if z > 0 else 0 for z in values]
    elif activation == "sigmoid":
        result = [sigmoid(z) for z in values]
    elif activation == "softmax":
        largest = max(values)
        powers = [math.exp(z - largest) for z in values]
        total = sum(powers)
        result = [power / total for power in powers]
    else:
        raise ValueError("unknown activation")
    return np.array(result).reshape(np.shape(x))


def vectorized(x, activation):
    def half(z):
        return 0.5 + 0.5 * math.tanh(z / 2)

    if activation == "softmax":
        shifted = x - np.amax(x)
        return np.exp(shifted) / np.sum(np.exp(shifted), axis=0)
    one = {"linear": lambda z: z, "relu": lambda z: max(z, 0.0), "sigmoid": half}[activation]
    return np.vectorize(one, otypes=[float])(x)


def absolute_values(x, activation):
    if activation == "linear":
        return x + 0
    elif activation == "relu":
        return (x + np.abs(x)) / 2
    elif activation == "sigmoid":
        power = np.exp(-np.abs(x))
        return np.where(x < 0, power, 1) / (1 + power)
    elif activation == "softmax":
        return np.exp(x - special.logsumexp(x))
    else:
        raise KeyError(activation)


def log_of_sums(x, activation):
    if activation == "sigmoid":
        return np.exp(-np.logaddexp(0, -x))
    if activation == "softmax":
        largest = np.max(x)
        return np.exp(x - largest - np.log(np.sum(np.exp(x - largest))))
    if activation == "relu":
        return np.where(np.signbit(x), 0, x)
    if activation == "linear":
        return x.copy()
    raise ValueError(f"{activation}?")


def chosen_by_index(x, activation):
    names = ["linear", "relu", "sigmoid", "softmax"]
    which = names.index(activation)
    if which == 0:
        return np.positive(x)
    if which == 1:
        return np.fmax(x, 0)
    if which == 2:
        return np.reciprocal(1 + np.exp(-np.clip(x, -60, 60)))
    powers = np.exp(np.subtract(x, np.max(x)))
    return np.divide(powers, powers.sum())


def methods_of_a_class(x, activation):
    class Functions:
        def linear(self, z):
            return z

        def relu(self, z):
            return z * (z >= 0)

        def sigmoid(self, z):
            return special.expit(z)

        def softmax(self, z):
            return special.softmax(z)

    known = [name for name in dir(Functions) if not name.startswith("_")]
    if activation not in known:
        raise AttributeError(activation)
    return getattr(Functions(), activation)(x)


def piecewise(x, activation):
    x = np.asarray(x, dtype=np.float64)
    if activation == "linear":
        return x
    if activation == "relu":
        return np.piecewise(x, [x > 0], [lambda z: z, 0])
    if activation == "sigmoid":
        return np.piecewise(x, [x >= 0], [lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(z) / (1 + np.exp(z))])
    if activation == "softmax":
        flat = x.ravel()
        powers = np.exp(flat - flat.max())
        return (powers / powers.sum()).reshape(x.shape)
    raise ValueError(activation)


def selected(x, activation):
    if activation == "softmax":
        return np.exp(special.log_softmax(np.ravel(x))).reshape(x.shape)
    if activation in ("linear", "relu", "sigmoid"):
        choices = [x, np.select([x > 0], [x], 0), 1 - special.expit(-x)]
        return choices[("linear", "relu", "sigmoid").index(activation)]
    raise NotImplementedError(activation)


def with_assert(x, activation):
    assert activation in {"linear", "relu", "sigmoid", "softmax"}, f"no {activation}"
    if activation == "linear":
        return np.array(x)
    if activation == "relu":
        return np.maximum(x, np.zeros_like(x))
    if activation == "sigmoid":
        return (1 + np.tanh(x / 2)) / 2
    top = x.max()
    return np.exp(x - top) / np.exp(x - top).sum(axis=0, keepdims=True)


def guards(x, activation):
    match activation:
        case "linear":
            return x
        case "relu":
            return x.clip(min=0)
        case "sigmoid":
            with np.errstate(over="ignore"):
                return 1.0 / (1.0 + np.exp(-x.astype(np.float64)))
        case "softmax" if x.size > 0:
            e = np.exp(x.astype(np.float64) - x.max())
            return e / e.sum()
    raise ValueError(f"unknown: {activation}")


def nested_functions(x, activation):
    def softmax():
        centered = x - x.max()
        weights = np.exp(centered)
        return weights * (1 / weights.sum())

    def sigmoid():
        return 0.5 * np.tanh(0.5 * x) + 0.5

    def relu():
        return np.heaviside(x, 0) * x

    if activation == "linear":
        return x
    if activation == "relu":
        return relu()
    if activation == "sigmoid":
        return sigmoid()
    if activation == "softmax":
        return softmax()
    raise Exception(activation)


def in_place_on_a_copy(x, activation):
    z = x.copy()
    if activation == "relu":
        np.maximum(z, 0, out=z)
    elif activation == "sigmoid":
        np.negative(z, out=z)
        np.clip(z, -80, 80, out=z)
        np.exp(z, out=z)
        z += 1
        z = 1 / z
    elif activation == "softmax":
        z -= z.max()
        np.exp(z, out=z)
        z /= np.sum(z)
    elif activation != "linear":
        raise ValueError(activation)
    return z


def one_return(x, activation):
    e = np.exp(x - np.max(x)) if activation == "softmax" else None
    result = (
        x
        if activation == "linear"
        else np.where(x > 0, x, 0.0)
        if activation == "relu"
        else special.expit(x)
        if activation == "sigmoid"
        else e / e.sum()
        if activation == "softmax"
        else None
    )
    if result is None:
        raise ValueError(f"The activation {activation} does not exist.")
    return result


def softmax_of_two(x, activation):
    # The sigmoid is the softmax of z and 0.
    if activation == "linear":
        return 1.0 * x
    if activation == "relu":
        return np.max([x, np.zeros(x.shape)], axis=0)
    if activation == "sigmoid":
        both = np.stack([x, np.zeros(x.shape)])
        powers = np.exp(both - both.max(axis=0))
        return powers[0] / powers.sum(axis=0)
    if activation == "softmax":
        ratios = np.exp(np.subtract.outer(x.ravel(), x.ravel()).clip(max=700)).sum(axis=0)
        return (1 / ratios).reshape(x.shape)
    raise ValueError(activation)


def tried(x, activation):
    x = np.asarray(x)
    known = {"linear": 0, "relu": 1, "sigmoid": 2, "softmax": 3}
    try:
        number = known[activation]
    except KeyError:
        raise ValueError(f"Choose one of {list(known)}") from None
    shift = x.max() if number == 3 else 0
    if number < 2:
        return np.where(number == 0, x, np.maximum(x, 0))
    if number == 2:
        return np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))) / (1 + np.exp(-abs(x)))
    powers = np.power(np.e, x - shift)
    return powers / powers.sum()
