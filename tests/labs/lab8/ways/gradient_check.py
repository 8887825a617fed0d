"""Ways to write ``gradient_check``: steps to both sides and to one, more points, and other ways to compare."""

import itertools
import math

import numpy as np
from scipy import optimize


def central(f, x, df):
    step = 1e-5
    measured = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        up, down = x.astype("float64"), x.astype("float64")
        up[place] += step
        down[place] -= step
        measured[place] = (f(up) - f(down)) / (2 * step)
    return bool(np.abs(measured - df).max() < 1e-3 * max(np.abs(measured).max(), np.abs(df).max()))


def one_side_with_small_step(f, x, df):
    x = np.array(x, dtype="float64")
    base, worst, size = f(x), 0.0, 1e-300
    for k in range(x.size):
        kept = x.flat[k]
        x.flat[k] = kept + 1e-7
        measured = (f(x) - base) / 1e-7
        x.flat[k] = kept
        worst, size = max(worst, abs(measured - df.flat[k])), max(size, abs(measured), abs(df.flat[k]))
    return worst / size < 1e-2


def by_scipy(f, x, df):
    measured = optimize.approx_fprime(np.ravel(x), lambda flat: f(flat.reshape(x.shape)), 1e-6)
    return np.linalg.norm(measured - np.ravel(df), np.inf) <= 2e-3 * np.abs(measured).max(initial=1e-300)


def by_directions(f, x, df):
    steps = 1e-6 * np.eye(x.size).reshape(x.size, *x.shape)
    measured = np.array([f(x + step) - f(x - step) for step in steps]).reshape(x.shape) / 2e-6
    return np.allclose(measured, df, rtol=0, atol=5e-3 * np.max(np.abs(measured)))


def by_check_grad(f, x, df):
    largest = np.abs(df).max()
    error = optimize.check_grad(
        lambda flat: f(flat.reshape(x.shape)), lambda flat: df.ravel(), x.ravel().astype(float), epsilon=1e-6
    )
    return bool(error < 0.01 * largest)


def plain_lists(f, x, df):
    numbers, claimed = [float(one) for one in x.ravel()], [float(one) for one in df.ravel()]
    errors, sizes = [], []
    for k, number in enumerate(numbers):
        values = []
        for moved in (number - 2e-6, number + 2e-6):
            tried = numbers[:k] + [moved] + numbers[k + 1 :]
            values.append(f(np.array(tried).reshape(x.shape)))
        slope = (values[1] - values[0]) / 4e-6
        errors.append(abs(slope - claimed[k]))
        sizes += [abs(slope), abs(claimed[k])]
    return max(errors) <= 0.005 * max(sizes)


def early_return(f, x, df):
    largest = np.max(np.abs(df))
    point = np.asarray(x, dtype="float64")
    for place, claimed in np.ndenumerate(df):
        step = np.zeros(x.shape)
        step[place] = 1e-5
        slope = (f(point + step) - f(point - step)) / 2e-5
        if abs(slope - claimed) > 5e-3 * max(abs(slope), largest):
            return False
    return True


def four_points(f, x, df):
    h = 2e-5
    measured = np.empty(x.size)
    for k in range(x.size):
        e = np.zeros(x.size)
        e[k] = h
        e = e.reshape(x.shape)
        near = f(x + e) - f(x - e)
        far = f(x + 2 * e) - f(x - 2 * e)
        measured[k] = (8 * near - far) / (12 * h)
    return bool(np.all(np.abs(measured - df.ravel()) <= 0.002 * np.abs(measured).max()))


def backward(f, x, df):
    x = x.astype(float)
    here = f(x)
    measured = np.zeros(x.shape)
    for place in itertools.product(*map(range, x.shape)):
        there = x.copy()
        there[place] -= 5e-7
        measured[place] = (here - f(there)) / 5e-7
    error = np.abs(measured - df).max()
    return bool(error <= 0.004 * np.abs(measured).max())


def with_nditer(f, x, df):
    point = np.array(x, dtype=np.float64)
    worst, largest = 0.0, np.max(np.abs(df))
    walk = np.nditer(point, flags=["multi_index"])
    while not walk.finished:
        k = walk.multi_index
        old = point[k]
        point[k] = old + 1e-6
        above = f(point)
        point[k] = old - 1e-6
        below = f(point)
        point[k] = old
        slope = (above - below) / 2e-6
        worst = max(worst, abs(slope - df[k]))
        largest = max(largest, abs(slope))
        walk.iternext()
    return worst < 8e-3 * largest


def normalized(f, x, df):
    flat = np.array(x, dtype="float64").reshape(-1)
    measured = []
    for k in range(len(flat)):
        above, below = flat.copy(), flat.copy()
        above[k] += 3e-6
        below[k] -= 3e-6
        measured.append((f(above.reshape(x.shape)) - f(below.reshape(x.shape))) / 6e-6)
    measured = np.reshape(measured, x.shape)
    unit = np.max(np.abs(measured))
    return np.allclose(measured / unit, df / unit, rtol=0, atol=4e-3)


def by_isclose(f, x, df):
    def slope(k):
        to = np.zeros(x.size)
        to[k] = 4e-6
        to = to.reshape(x.shape)
        return (f(x + to) - f(x - to)) / 8e-6

    measured = np.array([slope(k) for k in range(x.size)])
    limit = 3e-3 * np.abs([measured, df.ravel()]).max()
    return bool(np.isclose(measured, df.ravel(), rtol=0, atol=limit).all())


def asserted(f, x, df):
    measured = optimize.approx_fprime(x.ravel().astype("float64"), lambda v: f(v.reshape(x.shape)), 2e-6)
    try:
        np.testing.assert_allclose(df.ravel(), measured, rtol=0, atol=6e-3 * np.max(np.abs(measured)))
    except AssertionError:
        return False
    return True


def by_math(f, x, df):
    point = x.astype("float64")
    pairs = []
    for place in np.ndindex(*x.shape):
        kept, ends = point[place], []
        for sign in (1, -1):
            point[place] = kept + sign * 1e-6
            ends.append(f(point))
        point[place] = kept
        pairs.append(((ends[0] - ends[1]) / 2e-6, float(df[place])))
    room = 0.01 * max(abs(one) for pair in pairs for one in pair)
    return all(math.isclose(slope, claimed, rel_tol=0, abs_tol=room) for slope, claimed in pairs)


def by_numpy_gradient(f, x, df):
    measured = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = 1e-5
        three = [f(x - step), f(x), f(x + step)]
        measured[place] = np.gradient(three, 1e-5)[1]
    return np.max(np.abs(measured - df)) <= 1e-3 * np.max(np.abs(measured))


def fitted_line(f, x, df):
    steps = np.array([-2e-5, -1e-5, 1e-5, 2e-5])
    middle = f(np.asarray(x, float))
    measured = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        e = np.zeros(x.shape)
        e[place] = 1
        rises = np.array([f(x + step * e) for step in steps]) - middle
        measured[place] = np.sum(steps * rises) / np.sum(steps**2)
    return bool((np.abs(measured - df) <= 2e-3 * np.abs(measured).max()).all())


def squares(f, x, df):
    e = 1e-5 * np.identity(x.size)
    up = np.array([f((x.ravel() + one).reshape(x.shape)) for one in e])
    down = np.array([f((x.ravel() - one).reshape(x.shape)) for one in e])
    measured = (up - down) / 2e-5
    return bool(np.max((measured - df.ravel()) ** 2) <= 1e-5 * np.max(measured**2))


def by_sorting(f, x, df):
    point = np.array(x, "float64")
    errors, sizes = [], []
    for place in np.ndindex(point.shape):
        values = {}
        for sign in (1, -1):
            moved = np.copy(point)
            moved[place] += sign * 2e-5
            values[sign] = f(moved)
        slope = (values[1] - values[-1]) / 4e-5
        errors.append(abs(df[place] - slope))
        sizes.append(abs(slope))
    return bool(sorted(errors)[-1] <= 0.005 * sorted(sizes)[-1])


def two_steps(f, x, df):
    def measured_with(step):
        found = np.zeros(x.shape)
        for place in np.ndindex(x.shape):
            e = np.zeros(x.shape)
            e[place] = step
            found[place] = (f(x + e) - f(x - e)) / (2 * step)
        return found

    mean = (measured_with(1e-5) + measured_with(3e-6)) / 2
    return bool(np.max(np.abs(mean - df)) <= 2e-3 * np.max(np.abs(mean)))


def along_an_axis(f, x, df):
    corners = np.asarray(x, "float64").ravel() + 1e-6 * np.vstack([np.eye(x.size), -np.eye(x.size)])
    values = np.apply_along_axis(lambda row: f(row.reshape(x.shape)), 1, corners)
    measured = (values[: x.size] - values[x.size :]) / 2e-6
    worst = np.linalg.norm(measured - df.ravel(), ord=np.inf)
    return worst <= 0.003 * np.linalg.norm(measured, ord=np.inf)


def both_sides_apart(f, x, df):
    point, size = np.asarray(x, "float64"), 5e-7
    here = f(point)
    right, left = np.zeros(x.shape), np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        there = point.copy()
        there[place] = point[place] + size
        right[place] = (f(there) - here) / size
        there[place] = point[place] - size
        left[place] = (here - f(there)) / size
    largest = np.abs(right).max()
    return bool(np.abs(right - df).max() <= 5e-3 * largest and np.abs(left - df).max() <= 5e-3 * largest)


def counted(f, x, df):
    limit, wrong, slopes = 4e-3, 0, []
    for place in np.ndindex(x.shape):
        above, below = (np.array(x, dtype="float64") for _ in range(2))
        above[place] += 8e-6
        below[place] -= 8e-6
        slopes.append((f(above) - f(below)) / 1.6e-5)
    largest = max(map(abs, slopes))
    for slope, claimed in zip(slopes, df.flat, strict=True):
        if abs(slope - claimed) > limit * largest:
            wrong += 1
    return wrong == 0


def by_a_generator(f, x, df):
    wide = np.float64(x)

    def slopes():
        for place in np.ndindex(wide.shape):
            ends = [wide.copy() for _ in range(2)]
            ends[0][place] += 1e-6
            ends[1][place] -= 1e-6
            yield (f(ends[0]) - f(ends[1])) / 2e-6

    measured = np.fromiter(slopes(), "float64", count=x.size)
    return not np.any(np.abs(measured - df.ravel()) > 7e-3 * np.abs(measured).max())
