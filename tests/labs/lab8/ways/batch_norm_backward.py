"""Ways to write ``batch_norm_backward``."""

import numpy as np


def short(dy, x, gamma, epsilon):
    axes = tuple(range(x.ndim - 1))
    s = np.sqrt(x.var(axis=axes) + epsilon)
    n = (x - x.mean(axis=axes)) / s
    dx = gamma / s * (dy - dy.mean(axis=axes) - n * (dy * n).mean(axis=axes))
    return dx, (dy * n).sum(axis=axes), dy.sum(axis=axes)


def short_on_rows(dy, x, gamma, epsilon):
    shape = x.shape
    x, dy = x.reshape(-1, shape[-1]), dy.reshape(-1, shape[-1])
    n = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + epsilon)
    dgamma, dbeta = (dy * n).sum(axis=0), dy.sum(axis=0)
    dx = gamma / np.sqrt(x.var(axis=0) + epsilon) * (dy - (dbeta + n * dgamma) / len(x))
    return dx.reshape(shape), dgamma, dbeta


def short_times_number(dy, x, gamma, epsilon):
    rows, gradients = x.reshape(-1, x.shape[-1]).astype("float64"), dy.reshape(-1, x.shape[-1])
    m = len(rows)
    inverse = 1 / np.sqrt(np.var(rows, axis=0) + epsilon)
    normal = (rows - rows.mean(axis=0)) * inverse
    dn = gradients * gamma
    dx = inverse / m * (m * dn - dn.sum(axis=0) - normal * np.sum(dn * normal, axis=0))
    return dx.reshape(x.shape), np.sum(gradients * normal, axis=0), gradients.sum(axis=0)


def step_by_step(dy, x, gamma, epsilon):
    shape, K = x.shape, x.shape[-1]
    x, dy = x.reshape(-1, K).astype("float64"), dy.reshape(-1, K)
    m = x.shape[0]
    centered = x - x.mean(axis=0)
    variance = np.mean(centered**2, axis=0)
    root = np.sqrt(variance + epsilon)
    normal = centered / root
    dnormal = dy * gamma
    droot = -np.sum(dnormal * centered, axis=0) / root**2
    dvariance = droot / (2 * root)
    dcentered = dnormal / root + dvariance * 2 * centered / m
    dmean = -dcentered.sum(axis=0)
    dx = dcentered + dmean / m
    return dx.reshape(shape), np.sum(dy * normal, axis=0), np.sum(dy, axis=0)


def three_ways(dy, x, gamma, epsilon):
    axes = tuple(range(x.ndim - 1))
    m = x.size / x.shape[-1]
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    dn = dy * gamma
    dvar = (dn * (x - mean)).sum(axis=axes) * -0.5 * (variance + epsilon) ** -1.5
    dmean = dn.sum(axis=axes) * -1 / np.sqrt(variance + epsilon)
    dx = dn / np.sqrt(variance + epsilon) + dvar * 2 * (x - mean) / m + dmean / m
    normal = (x - mean) / np.sqrt(variance + epsilon)
    return dx, (dy * normal).sum(axis=axes), dy.sum(axis=axes)


def all_three_ways(dy, x, gamma, epsilon):
    axes = tuple(range(x.ndim))[:-1]
    m = np.prod(x.shape[:-1])
    center = x - np.mean(x, axis=axes, keepdims=True)
    power = 1 / (np.var(x, axis=axes, keepdims=True) + epsilon)
    direct = gamma * dy * np.sqrt(power)
    by_variance = -center * power**1.5 * np.sum(gamma * dy * center, axis=axes, keepdims=True) / m
    by_mean = -np.sum(direct, axis=axes, keepdims=True) / m
    return direct + by_variance + by_mean, np.sum(dy * center * np.sqrt(power), axis=axes), np.sum(dy, axis=axes)


def channel_by_channel(dy, x, gamma, epsilon):
    dx = np.zeros(x.shape)
    dgamma, dbeta = np.zeros(len(gamma)), np.zeros(len(gamma))
    for k in range(len(gamma)):
        values, gradients = x[..., k].astype("float64"), dy[..., k]
        deviation = np.sqrt(values.var() + epsilon)
        normal = (values - values.mean()) / deviation
        dgamma[k] = (gradients * normal).sum()
        dbeta[k] = gradients.sum()
        rest = gradients - gradients.mean() - normal * (gradients * normal).mean()
        dx[..., k] = gamma[k] * rest / deviation
    return dx, dgamma, dbeta


def loops(dy, x, gamma, epsilon):
    K = x.shape[-1]
    rows, gradients = x.reshape(-1, K), dy.reshape(-1, K)
    m = len(rows)
    dx, dgamma, dbeta = np.zeros((m, K)), np.zeros(K), np.zeros(K)
    for k in range(K):
        mean = sum(float(rows[n, k]) for n in range(m)) / m
        variance = sum((float(rows[n, k]) - mean) ** 2 for n in range(m)) / m
        root = (variance + epsilon) ** 0.5
        for n in range(m):
            dgamma[k] += gradients[n, k] * (rows[n, k] - mean) / root
            dbeta[k] += gradients[n, k]
        for n in range(m):
            normal = (rows[n, k] - mean) / root
            dx[n, k] = gamma[k] / root * (gradients[n, k] - dbeta[k] / m - normal * dgamma[k] / m)
    return dx.reshape(x.shape), dgamma, dbeta


def a_list(dy, x, gamma, epsilon):
    axes = tuple(np.arange(x.ndim - 1))
    normal = (x - x.mean(axes)) / np.sqrt(x.var(axes) + epsilon)
    dbeta = dy.sum(axes)
    dgamma = (dy * normal).sum(axes)
    m = x.size // len(gamma)
    return [gamma * (dy - dbeta / m - normal * dgamma / m) / np.sqrt(x.var(axes) + epsilon), dgamma, dbeta]


def by_einsum(dy, x, gamma, epsilon):
    rows, gradients = (one.reshape(-1, x.shape[-1]).astype("float64") for one in (x, dy))
    m = len(rows)
    center = rows - np.einsum("nk->k", rows) / m
    inverse = 1 / np.sqrt(np.einsum("nk,nk->k", center, center) / m + epsilon)
    normal = np.einsum("nk,k->nk", center, inverse)
    dgamma, dbeta = np.einsum("nk,nk->k", gradients, normal), np.einsum("nk->k", gradients)
    rest = gradients - dbeta / m - np.einsum("nk,k->nk", normal, dgamma) / m
    return np.einsum("nk,k->nk", rest, gamma * inverse).reshape(x.shape), dgamma, dbeta


def by_matrix(dy, x, gamma, epsilon):
    K = x.shape[-1]
    rows, gradients = x.reshape(-1, K).astype("float64"), dy.reshape(-1, K).astype("float64")
    m = len(rows)
    centering = np.eye(m) - np.ones((m, m)) / m
    center = centering @ rows
    dx = np.empty(rows.shape)
    for k in range(K):
        root = np.sqrt(center[:, k] @ center[:, k] / m + epsilon)
        jacobian = (np.eye(m) - np.outer(center[:, k], center[:, k]) / (m * root**2)) @ centering / root
        dx[:, k] = gamma[k] * jacobian.T @ gradients[:, k]
    normal = center / np.sqrt((center**2).mean(axis=0) + epsilon)
    return dx.reshape(x.shape), np.sum(normal * gradients, axis=0), gradients.sum(axis=0)


def transposed(dy, x, gamma, epsilon):
    values = np.moveaxis(x, -1, 0).reshape(len(gamma), -1)
    gradients = np.moveaxis(dy, -1, 0).reshape(len(gamma), -1)
    root = np.sqrt(values.var(axis=1, keepdims=True) + epsilon)
    normal = (values - values.mean(axis=1, keepdims=True)) / root
    dbeta, dgamma = gradients.sum(axis=1), (gradients * normal).sum(axis=1)
    rest = gradients - gradients.mean(axis=1, keepdims=True) - normal * (gradients * normal).mean(axis=1, keepdims=True)
    dx = gamma[:, None] / root * rest
    return np.moveaxis(dx.reshape(len(gamma), *x.shape[:-1]), 0, -1), dgamma, dbeta


def helper_inside(dy, x, gamma, epsilon):
    axes = tuple(range(x.ndim - 1))

    def mean(values):
        return values.mean(axis=axes, keepdims=True)

    root = np.sqrt(mean((x - mean(x)) ** 2) + epsilon)
    normal = (x - mean(x)) / root
    dx = gamma * (dy - mean(dy) - normal * mean(dy * normal)) / root
    return dx, np.sum(dy * normal, axis=axes), np.sum(dy, axis=axes)


def projected(dy, x, gamma, epsilon):
    shape = x.shape
    x, dy = x.reshape(-1, shape[-1]).astype("float64"), dy.reshape(-1, shape[-1])
    root = np.sqrt(x.var(axis=0) + epsilon)
    normal = (x - x.mean(axis=0)) / root
    dx = dy * gamma / root
    dx = dx - dx.mean(axis=0) - normal * (dx * normal).mean(axis=0)
    return dx.reshape(shape), (dy * normal).sum(axis=0), dy.sum(axis=0)


def columns_of_parameters(dy, x, gamma, epsilon):
    rows, gradients = x.reshape(-1, x.shape[-1]), dy.reshape(-1, x.shape[-1])
    deviation = (rows.var(axis=0) + epsilon) ** 0.5
    normal = (rows - rows.mean(axis=0)) / deviation
    dgamma = (gradients * normal).sum(axis=0, keepdims=True)
    dbeta = gradients.sum(axis=0, keepdims=True)
    dx = gamma / deviation * (gradients - dbeta / len(rows) - normal * dgamma / len(rows))
    return dx.reshape(x.shape), dgamma.T, dbeta.T


def by_dot(dy, x, gamma, epsilon):
    K = x.shape[-1]
    rows, gradients = np.reshape(x, (-1, K)), np.reshape(dy, (-1, K))
    ones = np.ones(len(rows)) / len(rows)
    center = rows - ones @ rows
    inverse = 1 / np.sqrt(ones @ center**2 + epsilon)
    normal = center * inverse
    dx = gamma * inverse * (gradients - ones @ gradients - normal * (ones @ (gradients * normal)))
    return dx.reshape(x.shape), len(rows) * (ones @ (gradients * normal)), gradients.T @ np.ones(len(rows))


def moments(dy, x, gamma, epsilon):
    axes = tuple(range(x.ndim - 1))
    x, dy = x.astype("float64"), dy.astype("float64")
    mean = x.mean(axis=axes)
    variance = (x * x).mean(axis=axes) - mean**2
    inverse = (variance + epsilon) ** -0.5
    by_center = (dy * x).mean(axis=axes) - dy.mean(axis=axes) * mean
    dx = gamma * inverse * (dy - dy.mean(axis=axes) - (x - mean) * inverse**2 * by_center)
    m = x.size / x.shape[-1]
    return dx, m * by_center * inverse, dy.sum(axis=axes)


def in_steps_of_lists(dy, x, gamma, epsilon):
    parts = []
    for k, g in enumerate(gamma):
        v, d = x[..., k], dy[..., k]
        c = v - v.mean()
        s = np.sqrt(np.mean(c * c) + epsilon)
        parts.append((g * (d / s - d.mean() / s - c * np.mean(d * c) / s**3), (d * c).sum() / s, d.sum()))
    dx, dgamma, dbeta = zip(*parts, strict=True)
    return np.stack(dx, axis=-1), np.array(dgamma), np.array(dbeta)


def sums_first(dy, x, gamma, epsilon):
    axes = tuple(range(dy.ndim - 1))
    dbeta = np.add.reduce(dy, axis=axes)
    centered = x - np.average(x, axis=axes)
    inverse = np.reciprocal(np.sqrt(np.average(np.square(centered), axis=axes) + epsilon))
    dgamma = inverse * np.add.reduce(dy * centered, axis=axes)
    m = np.prod(dy.shape[:-1])
    dx = gamma * inverse * (dy - (dbeta + centered * inverse * dgamma) / m)
    return dx, dgamma, dbeta


def pixels_first(dy, x, gamma, epsilon):
    if x.ndim == 4:
        dx, dgamma, dbeta = pixels_first(dy.reshape(-1, x.shape[3]), x.reshape(-1, x.shape[3]), gamma, epsilon)
        return dx.reshape(x.shape), dgamma, dbeta
    root = np.sqrt(np.var(x, axis=0) + epsilon)
    normal = (x - np.mean(x, axis=0)) / root
    dnormal = gamma * dy
    dx = (dnormal - dnormal.mean(axis=0) - normal * np.mean(dnormal * normal, axis=0)) / root
    return dx, np.sum(normal * dy, axis=0), np.sum(dy, axis=0)


def with_deviation(dy, x, gamma, epsilon):
    axes = tuple(range(x.ndim - 1))
    total = np.hypot(x.std(axis=axes), np.sqrt(epsilon))
    normal = (x - x.mean(axis=axes)) / total
    spread = dy - dy.mean(axis=axes)
    dx = (spread - normal * (spread * normal).mean(axis=axes)) * gamma / total
    return dx, np.sum(dy * normal, axis=axes), np.sum(dy, axis=axes)
