"""More right ways to fit a regression: descents of several kinds, and others that reach the same weights."""

import numpy as np
from scipy import linalg, optimize

# Other ways to the same weights, which the text allows.


def fit_regression_least_squares(x, y, seed):
    inputs = np.column_stack([x, np.ones(len(x))])
    return np.linalg.lstsq(inputs, y, rcond=None)[0]


def fit_regression_normal_equations(x, y, seed):
    inputs = np.hstack([x, np.ones((len(x), 1))])
    return np.linalg.solve(inputs.T @ inputs, inputs.T @ y)


def fit_regression_pseudoinverse(x, y, seed):
    inputs = np.append(x, np.ones((x.shape[0], 1)), axis=1)
    return np.linalg.pinv(inputs) @ y


def fit_regression_orthogonal(x, y, seed):
    q, r = np.linalg.qr(np.c_[x, np.ones(len(x))])
    return linalg.solve_triangular(r, q.T @ y)


def fit_regression_singular_values(x, y, seed):
    u, s, vt = np.linalg.svd(np.c_[x, np.ones(len(x))], full_matrices=False)
    return vt.T @ ((u.T @ y) / s)


def fit_regression_factored(x, y, seed):
    inputs = np.vstack([x.T, np.ones(len(x))])
    return linalg.cho_solve(linalg.cho_factor(inputs @ inputs.T), inputs @ y)


def fit_regression_centered(x, y, seed):
    middle = y.mean()
    slopes = np.linalg.solve(x.T @ x, x.T @ (y - middle))
    return np.array([*slopes, middle - x.mean(axis=0) @ slopes])


def fit_regression_covariances(x, y, seed):
    columns = x.shape[1]
    both = np.cov(x, y, rowvar=False)
    slopes = np.linalg.inv(both[:columns, :columns]) @ both[:columns, columns]
    return np.append(slopes, np.mean(y) - np.mean(x, axis=0) @ slopes)


def fit_regression_sklearn(x, y, seed):
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(x, y)
    return [*model.coef_, model.intercept_]


def fit_regression_by_einsum(x, y, seed):
    inputs = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    squares = np.einsum("nd,ne->de", inputs, inputs)
    return np.linalg.inv(squares) @ np.einsum("nd,n->d", inputs, y)


def fit_regression_eliminated(x, y, seed):
    rows = [[*map(float, row), 1.0] for row in x]
    count = len(rows[0])
    table = [
        [sum(row[i] * row[j] for row in rows) for j in range(count)]
        + [sum(row[i] * float(target) for row, target in zip(rows, y, strict=True))]
        for i in range(count)
    ]
    for i in range(count):
        for k in range(count):
            if k != i:
                factor = table[k][i] / table[i][i]
                table[k] = [a - factor * b for a, b in zip(table[k], table[i], strict=True)]
    return [table[i][count] / table[i][i] for i in range(count)]


def fit_regression_by_minimize(x, y, seed):
    inputs = np.column_stack([x, np.ones(len(x))])
    scale = np.std(y)

    def loss(w):
        off = inputs @ w - y / scale
        return np.mean(off**2), 2 * off @ inputs / len(y)

    return scale * optimize.minimize(loss, np.zeros(inputs.shape[1]), jac=True).x


def fit_regression_by_bounds(x, y, seed):
    inputs = np.column_stack([x, np.ones(len(x))])
    return optimize.lsq_linear(inputs, y).x


# Descents with the gradient of all rows.


def fit_regression_newton(x, y, seed):
    inputs = np.column_stack([x, np.ones(len(x))])
    w = np.random.default_rng(seed).normal(size=inputs.shape[1])
    slope = inputs.T @ (inputs @ w - y)
    return w - np.linalg.solve(inputs.T @ inputs, slope)


def fit_regression_all_rows(x, y, seed):
    slopes, level = np.zeros(x.shape[1]), 0.0
    for _ in range(300):
        off = x @ slopes + level - y
        slopes = slopes - 0.2 * (off @ x) / len(y)
        level = level - 0.2 * off.mean()
    return np.append(slopes, level)


def fit_regression_from_moments(x, y, seed):
    inputs = np.column_stack([x, np.ones(len(x))])
    squares, products = inputs.T @ inputs / len(x), inputs.T @ y / len(x)
    rate = 1 / np.linalg.eigvalsh(squares)[-1]
    w = np.zeros(len(products))
    for _ in range(200):
        w = w - rate * (squares @ w - products)
    return w


def fit_regression_heavy_ball(x, y, seed):
    rng = np.random.default_rng(seed)
    inputs = np.column_stack([x, np.ones(len(x))])
    w, v = rng.normal(0, 0.1, inputs.shape[1]), 0.0
    for _ in range(250):
        v = 0.7 * v - 0.1 * inputs.T @ (inputs @ w - y) / len(y)
        w = w + v
    return w


def fit_regression_line_search(x, y, seed):
    inputs = np.column_stack([x, np.ones(len(x))])
    w = np.zeros(inputs.shape[1])
    for _ in range(120):
        g = inputs.T @ (inputs @ w - y)
        along = inputs @ g
        size = along @ along
        if size < 1e-18 * (y @ y):
            break
        w = w - (g @ g) / size * g
    return w


def fit_regression_conjugate(x, y, seed):
    inputs = np.column_stack([x, np.ones(len(x))])
    w = np.zeros(inputs.shape[1])
    left = inputs.T @ y
    way, size = left, left @ left
    first = size
    while size > 1e-20 * first:
        bent = inputs.T @ (inputs @ way)
        step = size / (way @ bent)
        w, left = w + step * way, left - step * bent
        size, before = left @ left, size
        way = left + size / before * way
    return w


def fit_regression_one_weight_at_a_time(x, y, seed):
    inputs = np.column_stack([x, np.ones(len(x))])
    w, off = np.zeros(inputs.shape[1]), -y
    for _ in range(80):
        for d in range(len(w)):
            column = inputs[:, d]
            step = column @ off / (column @ column)
            w[d] -= step
            off = off - step * column
    return w


# Descents in batches.


def fit_regression_growing_batches(x, y, seed):
    rng = np.random.default_rng(seed)
    w = np.zeros(x.shape[1] + 1)
    for size in [8] * 5 + [len(x)] * 150:
        order = rng.permutation(len(x))
        for start in range(0, len(x), size):
            some = order[start : start + size]
            off = x[some] @ w[:-1] + w[-1] - y[some]
            w = w - 0.1 * np.append(off @ x[some], off.sum()) / len(some)
    return w


def fit_regression_averaged(x, y, seed):
    """The mean of all weights after the first third of the way."""
    rng = np.random.default_rng(seed)
    inputs = np.column_stack([x, np.ones(len(x))])
    w, total, count = np.zeros(inputs.shape[1]), 0.0, 0
    for epoch in range(240):
        for some in np.array_split(rng.permutation(len(x)), 4):
            w = w - 0.1 * (inputs[some] @ w - y[some]) @ inputs[some] / len(some)
            if epoch >= 80:
                total = total + w
                count += 1
    return total / count


def fit_regression_falling_rate(x, y, seed):
    rng = np.random.RandomState(seed)
    mean, width = np.mean(y), np.std(y)
    targets = (y - mean) / width
    w = np.zeros(x.shape[1] + 1)
    for k in range(240):
        rate = 0.3 / (1 + 0.1 * k)
        order = rng.permutation(len(x))
        for some in np.array_split(order, 4):
            off = x[some] @ w[:-1] + w[-1] - targets[some]
            w[:-1] -= rate * x[some].T @ off / len(some)
            w[-1] -= rate * np.mean(off)
    w = w * width
    w[-1] += mean
    return w
