"""Known faults of lab 7: a right answer with one thing wrong, and what becomes of right files.

They run where the reference runs, so this module imports nothing of the grader but the `Fault`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checking.faults import Fault


def _changed(change: Callable) -> Callable:
    """Return a fault that changes the right answer: ``change`` takes it and the arguments."""
    return lambda right: lambda *arguments: change(np.array(right(*arguments), "float64"), *arguments)


def _instead(answer: Callable) -> Callable:
    """Return a fault that computes something else of the same arguments."""
    return lambda right: answer


def _asked(change: Callable) -> Callable:
    """Return a fault that answers as if something else was asked."""
    return lambda right: lambda *arguments: right(*change(*arguments))


# Of two sets of runs.


def _tested(test: Callable, judged: bool = False) -> Callable:
    """Return a fault that has other t and p; ``test`` takes the accuracies of both, the right t and the right p.

    Where it is ``judged`` by them, the better one is that of the other p.
    """

    def change(right: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        seeds = np.intersect1d(a[:, 0], b[:, 0])
        a, b = (one[[int(np.flatnonzero(one[:, 0] == seed)[0]) for seed in seeds], 1] for one in (a, b))
        if np.array_equal(a, b):
            return right
        t, p = test(a, b, *right[1:3])
        return np.array([right[0], t, p, (p < 0.05) * np.sign(t) if judged else right[3]])

    return _changed(change)


def _no_case_of_zeros(better: int) -> Callable:
    """Return a fault that divides 0 by 0 where two networks have the same accuracies."""

    def change(right: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([0, np.nan, np.nan, better]) if np.array_equal(right, [0, 0, 1, 0]) else right

    return _changed(change)


def _p(t: float, runs: int) -> float:
    from scipy import stats

    return float(2 * stats.t.sf(abs(t), runs - 1))


def _unpaired(a: np.ndarray, b: np.ndarray, t: float, p: float, pooled: bool = False) -> tuple[float, float]:
    from scipy import stats

    found = stats.ttest_ind(a, b, equal_var=pooled)
    return float(found.statistic), float(found.pvalue)


def _pooled(a: np.ndarray, b: np.ndarray, t: float, p: float) -> tuple[float, float]:
    return _unpaired(a, b, t, p, pooled=True)


def _one_side(a: np.ndarray, b: np.ndarray, t: float, p: float) -> tuple[float, float]:
    return t, p / 2


def _scaled(factor: Callable) -> Callable:
    def test(a: np.ndarray, b: np.ndarray, t: float, p: float) -> tuple[float, float]:
        other = float(t * factor(a - b))
        return other, _p(other, len(a))

    return test


def _normal(a: np.ndarray, b: np.ndarray, t: float, p: float) -> tuple[float, float]:
    from scipy import stats

    return t, float(2 * stats.norm.sf(abs(t)))


def _more_degrees(more: int) -> Callable:
    def test(a: np.ndarray, b: np.ndarray, t: float, p: float) -> tuple[float, float]:
        return t, _p(t, len(a) + more)

    return test


def _without_abs(a: np.ndarray, b: np.ndarray, t: float, p: float) -> tuple[float, float]:
    return t, p if t > 0 else 2 - p


def _sorted_by_seed(a: np.ndarray, b: np.ndarray) -> tuple:
    return _by_position(*(one[np.argsort(one[:, 0])] for one in (a, b)))


def _by_position(a: np.ndarray, b: np.ndarray) -> tuple:
    """Forget the seeds: the first row of one with the first row of the other."""
    count = min(len(a), len(b))
    a, b = (np.array(one[:count], "float64") for one in (a, b))
    a[:, 0] = b[:, 0] = np.arange(count)
    return a, b


# Of the scale of columns.


def _scaling(mean: Callable, deviation: Callable) -> Callable:
    """Return a fault that takes other statistics; both take the training rows and the new ones."""

    def answer(x_train: np.ndarray, x: np.ndarray) -> np.ndarray:
        x_train, x = np.asarray(x_train, "float64"), np.asarray(x, "float64")
        by = np.asarray(deviation(x_train, x), "float64")
        return (x - mean(x_train, x)) / np.where(by > 1e-12 * (1 + np.abs(x_train).max()), by, 1.0)

    return _instead(answer)


def _mean(x_train: np.ndarray, x: np.ndarray) -> np.ndarray:
    return x_train.mean(axis=0)


def _std(x_train: np.ndarray, x: np.ndarray) -> np.ndarray:
    return x_train.std(axis=0)


def _constant_as(value: float) -> Callable:
    def change(right: np.ndarray, x_train: np.ndarray, x: np.ndarray) -> np.ndarray:
        right[:, np.ptp(x_train, axis=0) == 0] = value
        return right

    return _changed(change)


# Of errors and gradients.


def _of_parts(loss: float = 1.0, gradient: float = 1.0) -> Callable:
    return _changed(lambda right, w, x, y: np.concatenate([loss * right[:1], gradient * right[1:]]))


def _first_weight_as_intercept(right: Callable) -> Callable:
    def answer(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        found = np.array(right(np.roll(w, -1), x, y), "float64")
        return np.concatenate([found[:1], found[-1:], found[1:-1]])

    return answer


def _broadcast(right: np.ndarray, w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Take [N] from [N, 1] as NumPy does: each row with each."""
    if np.ndim(y) == 1:
        return right
    off = x @ w[:-1] + w[-1] - y
    inputs = np.column_stack([x, np.ones(len(x))])
    return np.concatenate([[np.mean(off**2)], 2 * off.mean(axis=0) @ inputs / len(x)])


def _prediction_column(right: np.ndarray, w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Take a row of targets from a column of predictions; a column of targets goes well."""
    return _broadcast(right, w, x, np.reshape(y, (-1, 1))) if np.ndim(y) == 1 else right


def _no_intercept(right: np.ndarray, w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.concatenate([right[:-1], [0.0]])


# Of ensembles.


def _votes(p: np.ndarray) -> np.ndarray:
    return np.eye(p.shape[-1])[np.asarray(p).argmax(axis=-1)]


def _ties_to(place: int) -> Callable:
    """Return a vote whose ties go to the first or the last of the tied classes."""

    def answer(p: np.ndarray) -> np.ndarray:
        counts = _votes(p).sum(axis=0)
        tied = counts == counts.max(axis=-1, keepdims=True)
        return np.array([np.flatnonzero(one)[place] for one in tied], "float64")

    return answer


def _ties_to_the_average_of_all(p: np.ndarray) -> np.ndarray:
    counts, mean = _votes(p).sum(axis=0), np.asarray(p, "float64").mean(axis=0)
    tied = (counts == counts.max(axis=-1, keepdims=True)).sum(axis=-1) > 1
    return np.where(tied, mean.argmax(axis=-1), counts.argmax(axis=-1)).astype("float64")


def _part(place: int, value: Callable) -> Callable:
    """Return a fault of one of the four numbers of a gain."""

    def change(right: np.ndarray, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        right[place] = value(right, np.asarray(p, "float64"), y)
        return right

    return _changed(change)


def _differs_from_first(right: np.ndarray, p: np.ndarray, y: np.ndarray) -> float:
    chosen = p.argmax(axis=-1)
    return (chosen[1:] != chosen[:1]).mean()


def _any_differs(right: np.ndarray, p: np.ndarray, y: np.ndarray) -> float:
    classes = p.argmax(axis=-1)
    return float((classes != classes[0]).any(axis=0).mean())


def _confidence(p: np.ndarray) -> np.ndarray:
    return p.mean(axis=0).max(axis=-1)


def _right_differs(right: np.ndarray, p: np.ndarray, y: np.ndarray) -> float:
    """Compare who is right, not who says the same."""
    hits = p.argmax(axis=-1) == y
    pairs = [(i, j) for i in range(len(p)) for j in range(i)]
    return float(np.mean([(hits[i] != hits[j]).mean() for i, j in pairs]))


# Of embeddings.


def _by_squares(right: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    lengths = np.outer(np.linalg.norm(a.astype("float64"), axis=1), np.linalg.norm(b.astype("float64"), axis=1))
    return right / np.where(lengths == 0, 1, lengths)


def _where_zero(right: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    right[~np.any(a, axis=1)] = np.nan
    return right


def _threshold(accepted: Callable) -> Callable:
    """Return a fault that counts otherwise; ``accepted`` takes scores, labels and a threshold, and returns a part."""

    def answer(scores: np.ndarray, same: np.ndarray, rate: float) -> float:
        fitting = [one for one in np.unique(scores) if accepted(scores, same, one) <= rate + 1e-12]
        return float(min(fitting)) if fitting else float(scores.max())

    return _instead(answer)


def _quantile(scores: np.ndarray, same: np.ndarray, rate: float) -> float:
    """Let NumPy interpolate between two scores."""
    return float(np.quantile(scores[same == 0], 1 - rate))


def _quantile_higher(scores: np.ndarray, same: np.ndarray, rate: float) -> float:
    return float(np.quantile(scores[same == 0], 1 - rate, method="higher"))


def _false_rejects(scores: np.ndarray, same: np.ndarray, rate: float) -> float:
    others = scores[same == 1]
    fitting = [one for one in np.unique(scores) if np.mean(others < one) <= rate]
    return float(max(fitting))


# Of rows.


def _epochs(change: Callable) -> Callable:
    """Return a fault of `minibatches`: ``change`` takes n, size and a generator."""
    return lambda right: lambda n, size, rng: change(n, size, rng)


def _cut(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def _padded(n: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    order = rng.permutation(n)
    return _cut(np.concatenate([order, order[: -n % size]]), size)


def _rolled(n: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    return _cut(np.roll(np.arange(n), int(rng.integers(n))), size)


def _halves(n: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Shuffle each half of the data by itself."""
    return _cut(np.concatenate([rng.permutation(n // 2), n // 2 + rng.permutation(n - n // 2)]), size)


def _in_steps(n: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Go through the rows in steps of a drawn length, from a drawn row on."""
    step = rng.choice([one for one in range(1, n + 1) if np.gcd(one, n) == 1])
    return _cut((step * np.arange(n) + rng.integers(n)) % n, size)


def _swapped(n: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    order = np.arange(n)
    i, j = rng.integers(n, size=2)
    order[[i, j]] = order[[j, i]]
    return _cut(order, size)


def _batches_shuffled(n: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    # The smaller one stays the last.
    full = n // size
    batches = _cut(np.arange(n), size)
    return [batches[k] for k in rng.permutation(full)] + batches[full:]


def _overlapping(right: Callable) -> Callable:
    """Draw each fold from all rows."""

    def answer(n: int, k: int, seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        return [rng.permutation(n)[: len(one)] for one in right(n, k, seed)]

    return answer


def _turned_on(n: int, k: int, seed: int) -> list[np.ndarray]:
    return np.array_split(np.roll(np.arange(n), 7 * seed % n), k)


def _every_kth(n: int, k: int, seed: int) -> list[np.ndarray]:
    return [np.arange((seed + one) % k, n, k) for one in range(k)]


def _rest_dropped(n: int, k: int, seed: int) -> list[np.ndarray]:
    order = np.random.default_rng(seed).permutation(n)
    return [order[i * (n // k) : (i + 1) * (n // k)] for i in range(k)]


def _rest_in_one(n: int, k: int, seed: int) -> list[np.ndarray]:
    parts = _rest_dropped(n, k, seed)
    return [*parts[:-1], np.concatenate([parts[-1], np.setdiff1d(np.arange(n), np.concatenate(parts))])]


def _moved(amount: float) -> Callable:
    """Return a fault of `fit_regression` that stops before it is there: a part of the way is left."""
    return lambda right: lambda x, y, seed: (1 - amount) * np.asarray(right(x, y, seed))


def _through_the_origin(right: Callable) -> Callable:
    def answer(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
        w = np.array(right(x, y, seed))
        w[-1] = 0
        return w

    return answer


def _not_scaled_back(right: Callable) -> Callable:
    def answer(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
        return np.asarray(right(x, (y - y.mean()) / y.std(), seed))

    return answer


def _of_every_pair(right: Callable) -> Callable:
    """Fit every prediction to every target, as a row minus a column does: all rows get the mean."""

    def answer(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
        w = np.array(right(x, y, seed))
        return np.append(1e-3 * w[:-1], w[-1])

    return answer


def _unseeded(right: Callable) -> Callable:
    def answer(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
        w = np.array(right(x, y, seed))
        return w * (1 + 1e-4 * np.random.default_rng().normal(size=len(w)))

    return answer


# Of prices.


def _mean_price(x_train: np.ndarray, y_train: np.ndarray, x_new: np.ndarray) -> np.ndarray:
    return np.full(len(x_new), y_train.mean())


def _unscaled(right: Callable) -> Callable:
    def answer(x_train: np.ndarray, y_train: np.ndarray, x_new: np.ndarray) -> np.ndarray:
        return (right(x_train, y_train, x_new) - y_train.mean()) / y_train.std()

    return answer


def _straight(x_train: np.ndarray, y_train: np.ndarray, x_new: np.ndarray) -> np.ndarray:
    fit = np.linalg.lstsq(np.column_stack([x_train, np.ones(len(x_train))]), y_train, rcond=None)[0]
    return np.column_stack([x_new, np.ones(len(x_new))]) @ fit


# Of files.


def _without(name: str) -> Callable:
    return lambda files: {key: value for key, value in files.items() if key != name}


def _both_the_same(files: dict[str, bytes]) -> dict[str, bytes]:
    return files | {name.replace("a/", "b/"): content for name, content in files.items() if name.startswith("a/")}


def _same_weights(files: dict[str, bytes]) -> dict[str, bytes]:
    """Hand in one network twice; the other file declares another regularizer, and has the same weights."""
    return files | {"b/model.weights.h5": files["a/model.weights.h5"]}


def _unregularized(files: dict[str, bytes]) -> dict[str, bytes]:
    """Let the first network drop nothing."""
    config = json.loads(files["a/model.json"])
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Dropout":
            layer["config"]["rate"] = 0.0
    return files | {"a/model.json": json.dumps(config).encode()}


def _fault(id: str, lines: str, apply: Callable, hint: str = "", second: str = "", **more: Any) -> Fault:
    """Return a fault of the function that its lines, divided by spaces, belong to."""
    function = lines.partition(".")[0]
    keys = [line if "." in line else f"{function}.{line}" for line in lines.split()]
    if more.get("to", "function") == "function":
        more["function"] = function
    return Fault(id, frozenset(keys), apply, hint=hint, second_hint=second, part=function, **more)


FAULTS = (
    _fault(
        "compare_reversed",
        "compare_runs.t better domain",
        _changed(lambda right, a, b: right * [-1, -1, 1, -1]),
        "The signs are those of b less a.",
        "Take the accuracies of a first, and subtract those of b.",
    ),
    _fault(
        "compare_unpaired",
        "compare_runs.t seeds better domain",
        _tested(_unpaired, judged=True),
        "This is the test for two independent groups. The two networks have their seeds in common.",
        "Subtract seed by seed, and test whether the mean of the differences is zero.",
        forms=(_tested(_unpaired), _tested(_pooled, judged=True), _tested(_pooled)),
    ),
    _fault(
        "compare_variance_with_n",
        "compare_runs.t domain",
        _tested(_scaled(lambda gaps: np.sqrt(len(gaps) / (len(gaps) - 1)))),
        "The variance of the differences has n in its denominator.",
        "The sample variance divides by n - 1: ask NumPy for one degree of freedom less.",
    ),
    _fault(
        "compare_deviation_for_standard_error",
        "compare_runs.t domain",
        _tested(_scaled(lambda gaps: 1 / np.sqrt(len(gaps)))),
        "The mean is divided by the deviation of one difference.",
        "Divide it by its standard error, which is smaller by the root of the number of seeds.",
    ),
    _fault(
        "compare_variance_for_standard_error",
        "compare_runs.t domain",
        _tested(_scaled(lambda gaps: 1 / (np.sqrt(len(gaps)) * gaps.std(ddof=1)))),
        "The mean is divided by a variance, and not by a standard error.",
        "Take the root of the variance, and divide it by the root of the number of seeds.",
    ),
    _fault(
        "compare_one_sided",
        "compare_runs.t better domain",
        _tested(_one_side, judged=True),
        "The probability is that of one side alone. Before the test nobody knows which network is better.",
        "Count both tails of the distribution.",
        forms=(_tested(_one_side),),
    ),
    _fault(
        "compare_normal",
        "compare_runs.t domain",
        _tested(_normal),
        "The probability is that of the normal distribution; with few seeds the tails of t are heavier.",
        "Take Student's distribution with one degree of freedom less than there are seeds.",
    ),
    _fault(
        "compare_degrees_of_freedom",
        "compare_runs.t domain",
        _tested(_more_degrees(1), judged=True),
        "The probability is that of another number of degrees of freedom.",
        "Of n differences one is known by the mean of all: n - 1 are free.",
        forms=(_tested(_more_degrees(-1), judged=True), *(_tested(_more_degrees(more)) for more in (1, -1))),
    ),
    _fault(
        "compare_no_case_of_zeros",
        "compare_runs.domain",
        _no_case_of_zeros(0),
        "Where all differences are 0, it divides by their deviation of 0.",
        "The text says what is returned there: ask for that case first.",
        forms=(_no_case_of_zeros(-1), _no_case_of_zeros(1)),
    ),
    _fault(
        "compare_sign_in_p",
        "compare_runs.t domain",
        _tested(_without_abs),
        "The probability of a negative t is larger than 1, or that of a positive one is: the sign of t got into p.",
        "Take the distance of t from zero, then both tails.",
    ),
    _fault(
        "compare_sorted_not_matched",
        "compare_runs.seeds",
        _asked(_sorted_by_seed),
        "Both are sorted by their seeds, but a seed that only one has moves all that follow.",
        "Keep the seeds that both have, in both, before you subtract.",
    ),
    _fault(
        "compare_by_position",
        "compare_runs.seeds",
        _asked(_by_position),
        "Runs are paired by their rows. A row of one network may be of another seed than that of the other.",
        "Find the seeds that both have, and bring both into the same order first.",
    ),
    _fault(
        "compare_t_beyond_two",
        "compare_runs.better",
        _changed(lambda right, a, b: np.array([*right[:3], np.sign(right[1]) * (abs(right[1]) > 2)])),
        "Which one is better is decided by a t beyond 2. With few seeds chance gives such a t too often.",
        "Decide by the probability: it knows how many seeds there are.",
    ),
    _fault(
        "compare_other_level",
        "compare_runs.better",
        _changed(lambda right, a, b: np.array([*right[:3], np.sign(right[0]) * (right[2] < 0.1)])),
        "Which one is better is decided at another level than 0.05.",
        "Compare the probability with the level that the text names.",
        forms=(_changed(lambda right, a, b: np.array([*right[:3], np.sign(right[0]) * (right[2] < 0.01)])),),
    ),
    _fault(
        "compare_always_names_one",
        "compare_runs.better",
        _changed(lambda right, a, b: np.array([*right[:3], np.sign(right[0])])),
        "A network is called better although the difference may be chance.",
        "Say 0 where the probability is 0.05 or more.",
    ),
    _fault(
        "standardize_by_new_rows",
        "standardize.value domain",
        _scaling(lambda train, x: x.mean(axis=0), lambda train, x: x.std(axis=0)),
        "The new rows are scaled by their own mean and deviation. Then a single row is always zero.",
        "Whatever comes later is scaled by what the training rows say.",
    ),
    _fault(
        "standardize_by_all_rows",
        "standardize.value domain",
        _scaling(
            lambda train, x: np.vstack([train, x]).mean(axis=0), lambda train, x: np.vstack([train, x]).std(axis=0)
        ),
        "Rows for testing have a part in the mean and the deviation: they leak into training.",
        "Compute both from the training rows alone.",
    ),
    _fault(
        "standardize_variance",
        "standardize.value domain",
        _scaling(_mean, lambda train, x: train.var(axis=0)),
        "Values are divided by the variance.",
        "The deviation is its root.",
    ),
    _fault(
        "standardize_by_n_minus_1",
        "standardize.value domain",
        _scaling(_mean, lambda train, x: train.std(axis=0, ddof=1) if len(train) > 1 else train.std(axis=0)),
        "The deviation has n - 1 in its denominator; the lab asks for n, as scikit-learn has it.",
        "Leave the degrees of freedom as NumPy has them by default.",
    ),
    _fault(
        "standardize_one_scale",
        "standardize.value domain",
        _scaling(lambda train, x: train.mean(), lambda train, x: np.full(train.shape[1], train.std())),
        "All columns have one mean and one deviation in common.",
        "Take them along the rows, so that each column has its own.",
    ),
    _fault(
        "standardize_not_centered",
        "standardize.value domain",
        _scaling(lambda train, x: 0.0, _std),
        "The mean is not subtracted.",
        "Subtract the mean of the training rows before you divide.",
    ),
    _fault(
        "standardize_divides_by_zero",
        "standardize.constant",
        _constant_as(np.nan),
        "A column that is the same in all training rows has the deviation 0, and dividing by it gives no number.",
        "Divide such a column by 1.",
    ),
    _fault(
        "standardize_drops_constant",
        "standardize.constant",
        _constant_as(0.0),
        "A column that was constant in training is set to 0 in all rows, also where a new row differs.",
        "Subtract its mean there too, and divide by 1.",
    ),
    _fault(
        "standardize_small_number_added",
        "standardize.constant",
        _scaling(_mean, lambda train, x: train.std(axis=0) + 1e-8),
        "A small number is added to the deviation. A column that was constant is divided by it, and grows huge.",
        "Add nothing. Put 1 where a deviation is 0.",
        forms=tuple(
            _scaling(_mean, lambda train, x, small=small: train.std(axis=0) + small)
            for small in (1e-10, 1e-9, 1e-7, 1e-6, 1e-5)
        ),
    ),
    _fault(
        "mse_half",
        "mse_and_gradient.loss gradient domain",
        _of_parts(0.5, 0.5),
        "This is half of the mean squared error.",
        "There is no factor of one half in the error, and so there is a 2 in the gradient.",
    ),
    _fault(
        "mse_gradient_without_2",
        "mse_and_gradient.gradient domain",
        _of_parts(1, 0.5),
        "The gradient is half of what it should be.",
        "The derivative of a square brings a factor down.",
    ),
    _fault(
        "mse_summed",
        "mse_and_gradient.loss gradient domain",
        _changed(lambda right, w, x, y: len(x) * right),
        "This is a sum over the rows, and not their mean.",
        "Divide by the number of rows, in the gradient too.",
        forms=(_changed(lambda right, w, x, y: np.concatenate([len(x) * right[:1], right[1:]])),),
    ),
    _fault(
        "mse_root",
        "mse_and_gradient.loss domain",
        _changed(lambda right, w, x, y: np.concatenate([np.sqrt(right[:1]), right[1:]])),
        "This is the root of the mean squared error.",
        "Return the mean of the squares as it is.",
    ),
    _fault(
        "mse_gradient_reversed",
        "mse_and_gradient.gradient domain",
        _of_parts(1, -1),
        "The gradient has the other sign: following it down would go up.",
        "The error is the prediction less the target, in this order.",
    ),
    _fault(
        "mse_no_intercept",
        "mse_and_gradient.gradient domain",
        _changed(_no_intercept),
        "The intercept has no gradient.",
        "Its gradient is that of a weight whose input is always 1.",
    ),
    _fault(
        "mse_intercept_first",
        "mse_and_gradient.gradient domain",
        _changed(lambda right, w, x, y: np.concatenate([right[:1], right[-1:], right[1:-1]])),
        "The intercept comes first. In w and in its gradient it is the last one.",
        "The order is that of w: the intercept is the last one.",
        forms=(_first_weight_as_intercept,),
    ),
    _fault(
        "mse_gradient_summed",
        "mse_and_gradient.gradient domain",
        _changed(lambda right, w, x, y: np.concatenate([right[:1], len(x) * right[1:]])),
        "The error is a mean over the rows, but its gradient is a sum.",
        "Divide the gradient by the number of rows as well.",
    ),
    _fault(
        "mse_column_broadcast",
        "mse_and_gradient.column",
        _changed(_broadcast),
        "A target of the shape [N, 1] less predictions of the shape [N] gives an array [N, N].",
        "Make one row of the target first.",
    ),
    _fault(
        "mse_prediction_column",
        "mse_and_gradient.loss gradient domain",
        _changed(_prediction_column),
        "Predictions of the shape [N, 1] less a target of the shape [N] give an array [N, N].",
        "Make a row of the predictions before you subtract, or of both.",
    ),
    _fault(
        "average_without_weights",
        "average_probabilities.weights domain",
        _instead(lambda p, weights: np.asarray(p, "float64").mean(axis=0)),
        "All networks count alike, whatever their weights are.",
        "Multiply each network's probabilities by its weight before you add.",
    ),
    _fault(
        "average_not_normalized",
        "average_probabilities.weights domain",
        _instead(lambda p, weights: np.tensordot(weights, np.asarray(p, "float64"), 1)),
        "The weights are not divided by their sum, so that probabilities do not add up to 1.",
        "Divide by the sum of the weights.",
    ),
    _fault(
        "average_by_count",
        "average_probabilities.mean weights domain",
        _instead(lambda p, weights: np.tensordot(weights, np.asarray(p, "float64"), 1) / len(p)),
        "The weighted sum is divided by the number of networks.",
        "Divide by the sum of the weights.",
    ),
    _fault(
        "average_of_votes",
        "average_probabilities.mean weights domain",
        lambda right: lambda p, weights: right(_votes(p), weights),
        "These are votes: each network's largest probability was taken for 1.",
        "Average the probabilities themselves.",
    ),
    _fault(
        "average_geometric",
        "average_probabilities.mean weights domain",
        lambda right: lambda p, weights: np.exp(right(np.log(np.asarray(p, "float64")), weights)),
        "This is the geometric mean.",
        "Add the probabilities, and not their logarithms.",
    ),
    _fault(
        "vote_ties_to_first",
        "majority_vote.ties",
        _instead(_ties_to(0)),
        "Where classes have as many votes, the one with the smallest number wins.",
        "Of the tied classes take the one with the larger average probability.",
    ),
    _fault(
        "vote_ties_to_last",
        "majority_vote.ties",
        _instead(_ties_to(-1)),
        "Where classes have as many votes, the one with the largest number wins.",
        "Of the tied classes take the one with the larger average probability, whatever its number is.",
    ),
    _fault(
        "vote_ties_to_any",
        "majority_vote.ties",
        _instead(_ties_to_the_average_of_all),
        "Where classes have as many votes, the class with the largest average of all wins, also one with fewer votes.",
        "Only the tied classes take part: compare the averages of these.",
    ),
    _fault(
        "vote_of_probabilities",
        "majority_vote.votes ties domain",
        _instead(lambda p: np.asarray(p, "float64").mean(axis=0).argmax(axis=-1).astype("float64")),
        "This is the class of the average, and no vote: one network that is very sure overrules two.",
        "Let each network choose its class first, and count.",
    ),
    _fault(
        "gain_of_best_member",
        "ensemble_gain.members",
        _part(0, lambda right, p, y: (p.argmax(axis=-1) == y).mean(axis=1).max()),
        "The first number is the accuracy of the best network, which nobody knows beforehand.",
        "Average the accuracies of all networks.",
    ),
    _fault(
        "gain_of_worst_member",
        "ensemble_gain.members",
        _part(0, lambda right, p, y: (p.argmax(axis=-1) == y).mean(axis=1).min()),
        "The first number is the accuracy of the worst network.",
        "Average the accuracies of all networks.",
    ),
    _fault(
        "gain_less_the_members",
        "ensemble_gain.average",
        _part(1, lambda right, p, y: right[1] - right[0]),
        "The second number is what the average gains, and not its accuracy.",
        "Leave the mean of the accuracies where it is, in the first number, and subtract nothing.",
        forms=(
            _part(1, lambda right, p, y: right[0] - right[1]),
            _part(1, lambda right, p, y: (right[1] - right[0]) / right[0] if right[0] else 0.0),
            _part(1, lambda right, p, y: right[1] - (p.argmax(axis=-1) == y).mean(axis=1).max()),
        ),
    ),
    _fault(
        "gain_of_vote",
        "ensemble_gain.average",
        _part(1, lambda right, p, y: (_ties_to(0)(p) == y).mean()),
        "The second number is the accuracy of a vote.",
        "Average the probabilities, and take the class of the average.",
    ),
    _fault(
        "gain_agreement",
        "ensemble_gain.disagreement",
        _part(2, lambda right, p, y: 1 - right[2]),
        "The third number is how often two networks agree.",
        "Count the images for which they choose different classes.",
    ),
    _fault(
        "gain_pairs_summed",
        "ensemble_gain.disagreement",
        _part(2, lambda right, p, y: right[2] * len(p) * (len(p) - 1) / 2),
        "The third number is a sum over the pairs.",
        "Divide by the number of pairs.",
        forms=(_part(2, lambda right, p, y: right[2] * (len(p) - 1) / 2),),
    ),
    _fault(
        "gain_any_differs",
        "ensemble_gain.disagreement",
        _part(2, _any_differs),
        "The third number counts the images about which not all networks agree.",
        "Take each pair of networks by itself, and average over the pairs.",
    ),
    _fault(
        "gain_pairs_with_itself",
        "ensemble_gain.disagreement",
        _part(2, lambda right, p, y: right[2] * (len(p) - 1) / len(p)),
        "The third number also counts each network compared with itself, which never disagrees.",
        "Take the pairs of two different networks.",
    ),
    _fault(
        "gain_pairs_with_first",
        "ensemble_gain.disagreement",
        _part(2, _differs_from_first),
        "The third number compares the first network with each other one, and leaves out all other pairs.",
        "Of three networks there are three pairs, of four there are six.",
    ),
    _fault(
        "gain_right_differs",
        "ensemble_gain.disagreement",
        _part(2, _right_differs),
        "The third number compares who is right. Two networks that are wrong in different ways disagree as well.",
        "Compare the classes that two networks choose.",
    ),
    _fault(
        "gain_calibration_reversed",
        "ensemble_gain.calibration",
        _part(3, lambda right, p, y: -right[3]),
        "The last number has the other sign: it should be positive where the average is too sure.",
        "Subtract the accuracy from the mean of the largest probabilities.",
    ),
    _fault(
        "gain_calibration_absolute",
        "ensemble_gain.calibration",
        _part(3, lambda right, p, y: abs(right[3])),
        "The last number has lost its sign: an average that is not sure enough has a negative one.",
        "Take no absolute value of the difference.",
    ),
    _fault(
        "gain_calibration_relative",
        "ensemble_gain.calibration",
        _part(3, lambda right, p, y: right[3] / right[1] if right[1] else right[3]),
        "The last number is a part of the accuracy. A difference is asked for.",
        "Subtract, and divide by nothing.",
        forms=(_part(3, lambda right, p, y: right[3] / (right[3] + right[1])),),
    ),
    _fault(
        "gain_calibration_by_the_image",
        "ensemble_gain.calibration",
        _part(3, lambda right, p, y: np.abs(_confidence(p) - (p.mean(axis=0).argmax(axis=-1) == y)).mean()),
        "The last number takes the distance for each image, and then the mean. No network has 0 by that.",
        "Take both means first, and then one difference.",
    ),
    _fault(
        "gain_calibration_of_members",
        "ensemble_gain.calibration",
        _part(3, lambda right, p, y: p.max(axis=-1).mean() - right[0]),
        "The last number is about the single networks.",
        "Take the largest probabilities of the average, and the accuracy of the average.",
        forms=(_part(3, lambda right, p, y: p.max(axis=-1).mean() - right[1]),),
    ),
    _fault(
        "similarity_dot",
        "similarities.value domain",
        _instead(lambda a, b: np.asarray(a, "float64") @ np.asarray(b, "float64").T),
        "These are products of the embeddings: long ones are similar to everything.",
        "Divide by the lengths of both embeddings.",
    ),
    _fault(
        "similarity_squared_lengths",
        "similarities.value domain",
        _changed(_by_squares),
        "The products are divided by squared lengths.",
        "Take the root: the length of each embedding, once.",
    ),
    _fault(
        "similarity_distance",
        "similarities.value zero domain",
        _instead(lambda a, b: -np.linalg.norm(a[:, None].astype("float64") - b[None], axis=-1)),
        "These are distances with a minus, and no cosines.",
        "The cosine is the product of two embeddings of length 1.",
    ),
    _fault(
        "similarity_zero",
        "similarities.zero",
        _changed(_where_zero),
        "An embedding of zeros has no length to divide by, and the result is no number.",
        "Its similarity to everything is 0.",
    ),
    _fault(
        "threshold_of_all_pairs",
        "threshold_for.value ties domain",
        _threshold(lambda scores, same, one: np.mean((scores >= one) & (same == 0))),
        "False matches are counted as a part of all pairs.",
        "The rate is a part of the pairs that do not match.",
    ),
    _fault(
        "threshold_of_rejected",
        "threshold_for.value ties domain",
        _instead(_false_rejects),
        "This is the threshold for a rate of matches that are rejected.",
        "Look at the pairs that do not match, and at how many of them are accepted.",
    ),
    _fault(
        "threshold_accepts_above",
        "threshold_for.value ties domain",
        _threshold(lambda scores, same, one: np.mean(scores[same == 0] > one)),
        "A pair whose score is the threshold itself is taken as rejected.",
        "Accepted is a score of at least the threshold.",
    ),
    _fault(
        "threshold_below_the_rate",
        "threshold_for.domain",
        _threshold(lambda scores, same, one: np.mean(scores[same == 0] >= one) + 1e-9),
        "A threshold with exactly the rate that was asked for is left out.",
        "The rate may be reached: at most is not below.",
    ),
    _fault(
        "threshold_interpolated",
        "threshold_for.value ties domain",
        _instead(_quantile),
        "This number lies between scores, as a quantile does that NumPy interpolates.",
        "Try the scores themselves as thresholds, and count for each.",
        forms=(_instead(_quantile_higher),),
    ),
    _fault(
        "threshold_of_accepted_matches",
        "threshold_for.value ties domain",
        _threshold(lambda scores, same, one: np.mean(scores[same == 1] >= one)),
        "The rate is kept among the pairs that match.",
        "Count among the pairs that do not match: to accept one of those is the mistake.",
    ),
    _fault(
        "threshold_largest",
        "threshold_for.value ties domain",
        _instead(lambda scores, same, rate: float(np.max(scores))),
        "The largest score keeps every rate, and rejects nearly all pairs that match.",
        "Of the thresholds that keep the rate take the smallest.",
    ),
    _fault(
        "minibatches_with_replacement",
        "minibatches.every",
        _epochs(lambda n, size, rng: _cut(rng.integers(0, n, n), size)),
    ),
    _fault(
        "minibatches_last_dropped",
        "minibatches.last",
        _epochs(lambda n, size, rng: _cut(rng.permutation(n)[: n - n % size], size)),
    ),
    _fault("minibatches_last_padded", "minibatches.last", _epochs(_padded)),
    _fault("minibatches_not_shuffled", "minibatches.order", _epochs(lambda n, size, rng: _cut(np.arange(n), size))),
    _fault(
        "minibatches_same_every_epoch",
        "minibatches.order",
        _epochs(lambda n, size, rng: _cut(np.random.default_rng(0).permutation(n), size)),
    ),
    _fault("minibatches_rolled", "minibatches.order", _epochs(_rolled)),
    _fault("minibatches_halves", "minibatches.order", _epochs(_halves)),
    _fault("minibatches_in_steps", "minibatches.order", _epochs(_in_steps)),
    _fault("minibatches_two_rows_swapped", "minibatches.order", _epochs(_swapped)),
    _fault("minibatches_whole_batches_shuffled", "minibatches.order", _epochs(_batches_shuffled)),
    _fault(
        "minibatches_float_numbers",
        "minibatches.every last order",
        lambda right: lambda n, size, rng: [np.asarray(one, "float64") for one in right(n, size, rng)],
    ),
    _fault(
        "minibatches_own_generator",
        "minibatches.order",
        _epochs(lambda n, size, rng: _cut(np.random.default_rng().permutation(n), size)),
    ),
    _fault("folds_overlap", "draw_folds.parts", _overlapping),
    _fault("folds_rest_dropped", "draw_folds.parts", _instead(_rest_dropped)),
    _fault("folds_rest_in_one", "draw_folds.parts", _instead(_rest_in_one)),
    _fault("folds_not_shuffled", "draw_folds.drawn", _instead(lambda n, k, seed: np.array_split(np.arange(n), k))),
    _fault("folds_turned_on", "draw_folds.drawn", _instead(_turned_on)),
    _fault("folds_every_kth", "draw_folds.drawn", _instead(_every_kth)),
    _fault(
        "folds_one_draw",
        "draw_folds.drawn",
        lambda right: lambda n, k, seed: right(n, k, 0),
    ),
    _fault("regression_stops_early", "fit_regression.converges units", _moved(0.3)),
    _fault("regression_through_the_origin", "fit_regression.units", _through_the_origin),
    _fault("regression_not_scaled_back", "fit_regression.units", _not_scaled_back),
    _fault("regression_column", "fit_regression.converges", lambda right: lambda *of: np.asarray(right(*of))[:, None]),
    _fault("regression_of_every_pair", "fit_regression.converges units", _of_every_pair),
    _fault("regression_unseeded", "fit_regression.seed", _unseeded),
    _fault("prices_of_the_mean", "predict_prices.mean ridge boosting", _instead(_mean_price)),
    _fault("prices_not_scaled_back", "predict_prices.mean ridge boosting", _unscaled),
    _fault("prices_in_a_column", "predict_prices.mean", lambda right: lambda *of: np.asarray(right(*of))[:, None]),
    _fault("prices_on_a_line", "predict_prices.ridge boosting", _instead(_straight)),
    _fault("networks_missing", "networks.dense linear more most", _without("b/model.json"), to="files"),
    _fault("networks_same_twice", "networks.dense linear", _same_weights, to="files"),
    _fault("networks_same_regularizer", "networks.dense linear", _both_the_same, to="files"),
    _fault("networks_unregularized", "networks.dense", _unregularized, to="files"),
)
