"""Ways to write ``sigmoid_backward``."""

import math

import numpy as np
from scipy import special


def value_and_rest(da, z):
    s = 1 / (1 + np.exp(-z))
    return da * s * (1 - s)


def value_less_square(da, z):
    s = 1 / (1 + np.exp(-z.astype("float64")))
    return da * (s - s**2)


def by_expit(da, z):
    s = special.expit(z)
    return da * s * (1 - s)


def two_expits(da, z):
    return da * special.expit(z) * special.expit(-z)


def by_tanh(da, z):
    s = 0.5 * (1 + np.tanh(0.5 * z))
    return da * s * (1 - s)


def by_square_of_tanh(da, z):
    return da * (1 - np.tanh(z / 2) ** 2) / 4


def by_cosh(da, z):
    return da / (2 * np.cosh(z / 2)) ** 2


def by_cosh_of_whole(da, z):
    return da / (2 + 2 * np.cosh(np.asarray(z, dtype="float64")))


def by_sizes(da, z):
    power = np.exp(-np.abs(z))
    return da * power / (1 + power) ** 2


def both_signs(da, z):
    z = z.astype("float64")
    power = np.exp(-np.abs(z))
    s = np.where(z >= 0, 1, power) / (1 + power)
    return da * s * (1 - s)


def loop(da, z):
    dz = np.zeros(z.shape)
    for place in np.ndindex(z.shape):
        s = 1 / (1 + math.exp(-z[place]))
        dz[place] = da[place] * s * (1 - s)
    return dz


def loop_over_flat(da, z):
    found = []
    for gradient, value in zip(da.ravel().tolist(), z.ravel().tolist(), strict=True):
        power = math.exp(-abs(value))
        found.append(gradient * power / (1 + power) / (1 + power))
    return np.array(found).reshape(z.shape)


def comprehension(da, z):
    slopes = [math.exp(v) / (1 + math.exp(v)) ** 2 for v in z.ravel().tolist()]
    return da * np.reshape(slopes, z.shape)


def by_einsum(da, z):
    s = 1 / (1 + np.exp(-z))
    return np.einsum("...,...,...->...", da, s, 1 - s)


def function_inside(da, z):
    def sigmoid(x):
        return np.exp(x) / (1 + np.exp(x))

    return sigmoid(z) * (1 - sigmoid(z)) * da


def powers_of_both(da, z):
    return da / (2 + np.exp(z) + np.exp(-z))


def logarithms(da, z):
    return da * np.exp(-np.logaddexp(0, z) - np.logaddexp(0, -z))


def log_expits(da, z):
    return np.exp(special.log_expit(z) + special.log_expit(-z)) * da


def in_place_of_own(da, z):
    dz = special.expit(z)
    dz *= 1 - dz
    dz *= da
    return dz


def multiplied(da, z):
    a = np.reciprocal(1 + np.exp(np.negative(z)))
    return np.multiply(np.multiply(a, np.subtract(1, a)), da)


def vectorized(da, z):
    slope = np.vectorize(lambda v: (1 - math.tanh(v / 2) ** 2) / 4, otypes=["float64"])
    return da * slope(z)


def rows_one_by_one(da, z):
    found = []
    for gradient, row in zip(da, z, strict=True):
        s = special.expit(row)
        found.append(gradient * s * (1 - s))
    return np.array(found)


def quarter_less(da, z):
    away = special.expit(z) - 0.5
    return da * (0.25 - away**2)
