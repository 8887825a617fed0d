"""What is asked of `minibatches`, `draw_folds` and `fit_regression`: many answers are right, so properties are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograder.checking import compare, error_texts
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.shuffles import not_shuffled, numbered
from autograder.checking.student import Student, StudentError, once
from autograder.labs.lab7.domains import FITS, draw_table
from autograder.labs.lab7.wording import a_row
from source_lib.text import counted

Rng = np.random.Generator
Question = Callable[[Student, Rng], "Problem | None"]

_EPOCHS = """
def course_epochs(cases, epochs):
    import numpy as np
    found = []
    for n, size, seed in cases:
        rng = np.random.default_rng(seed)
        found.append([[np.asarray(part) for part in minibatches(n, size, rng)] for _ in range(epochs)])
    return found
"""
#: How far the error of a fit may be above the least there is, as a part of it, and of the variance of the target.
_ABOVE, _OF_VARIANCE = 0.02, 1e-3
#: Grading waits no longer for one answer, so whoever checks a notebook need not either.
MOST_SECONDS = 10.0


def _asking(what: str, question: Callable[[Student, Rng], str | None]) -> Question:
    """Return a question whose sentence, or whose missing answer, becomes a problem."""

    def asks(student: Student, rng: Rng) -> Problem | None:
        try:
            problem = question(student, rng)
        except StudentError as error:
            problem = error_texts.without_ours(str(error), "minibatches")
        return None if problem is None else lost(what, problem)

    return asks


def _rows(parts: Any, what: str) -> list[np.ndarray]:
    """Return parts of rows as arrays of whole numbers."""
    if not isinstance(parts, (list, tuple, np.ndarray)) or len(parts) == 0:
        raise StudentError(f"It returned {compare.in_words(parts)}, where a list of {what} is expected.")
    found = [compare.array(part) for part in parts]
    if any(part is None or part.ndim != 1 or np.any(part % 1 != 0) for part in found):
        raise StudentError(f"Each of the {what} must be an array of row numbers.")
    if any(part.size and np.asarray(sent).dtype.kind == "f" for part, sent in zip(found, parts, strict=True)):
        raise StudentError(
            f"The {what} hold numbers with a decimal point, and x[rows] stops with those: give integers."
        )
    return [part.astype(int) for part in found]


# Batches.

#: Rows and the size of a batch: what the numbers of rows are in which batches, full ones alone and with a rest.
_SIZES = (1, 2, 3, 8, 20)


def _full(rng: Rng) -> list[tuple[int, int]]:
    """Return numbers of rows, each with the size of batches that are all full."""
    return [(size * count, size) for size in _SIZES for count in (1, 2, int(rng.integers(3, 6)), 40 // size + 1)]


def _with_rest(rng: Rng) -> list[tuple[int, int]]:
    """Return numbers of rows, each with the size of batches of which the last one is smaller, or the only one."""
    found = [(50, 8), (61, 20), (9, 10), (1, 20)]
    for size in _SIZES[1:]:
        rests = {1, size - 1, int(rng.integers(1, size))}
        found += [(size * count + rest, size) for rest in sorted(rests) for count in (0, 1, 3, 40 // size + 1)]
    return found


_LEFT_OVER = "Rows that do not fill a batch are a smaller one at the end, also where it is the only one."


def _epochs(
    student: Student, cases: list[tuple[int, int]], seeds: list[int], epochs: int = 1
) -> list[list[list[np.ndarray]]]:
    """Return the batches of each epoch of each case, whose generators are made of seeds."""
    asked = [[n, size, seed] for (n, size), seed in zip(cases, seeds, strict=True)]
    with student.fresh(_EPOCHS, code_only=True) as side:
        sent = side.call("course_epochs", asked, epochs)
    if not isinstance(sent, (list, tuple)) or len(sent) != len(cases):
        raise StudentError("It returned nothing that is a list of batches.")
    for (n, size), found in zip(cases, sent, strict=True):
        if any(isinstance(one, (list, tuple)) and len(one) == 0 for one in found):
            raise StudentError(f"For n = {n} in batches of {size} it returned an empty list. {_LEFT_OVER}")
    return [[_rows(one, "batches") for one in found] for found in sent]


def _seeds(rng: Rng, cases: list[tuple[int, int]]) -> list[int]:
    return [int(seed) for seed in rng.integers(1000, size=len(cases))]


def _not_every_row(n: int, size: int, rows: np.ndarray) -> str | None:
    """Say how the rows of an epoch are not each in it once."""
    if len(rows) != n:
        return f"Of {counted(n, 'row')} in batches of {size}, an epoch has {len(rows)}."
    if np.array_equal(np.sort(rows), np.arange(n)):
        return None
    missing = np.setdiff1d(np.arange(n), rows)
    be = "is" if len(missing) == 1 else "are"
    return f"Of {counted(n, 'row')} in batches of {size}, {len(missing)} {be} not in the epoch, and others come twice."


def _every(student: Student, rng: Rng) -> str | None:
    cases = _full(rng)
    for (n, size), (batches,) in zip(cases, _epochs(student, cases, _seeds(rng, cases)), strict=True):
        if problem := _not_every_row(n, size, np.concatenate(batches)):
            return problem
    return None


def _last(student: Student, rng: Rng) -> str | None:
    cases = [*_with_rest(rng), *_full(rng)]
    for (n, size), (batches,) in zip(cases, _epochs(student, cases, _seeds(rng, cases)), strict=True):
        sizes = [len(one) for one in batches]
        right = [size] * (n // size) + [n % size] * (n % size > 0)
        if sizes != right:
            hint = f" {_LEFT_OVER}" if sizes == right[:-1] else ""
            return f"For n = {n} in batches of {size}, the sizes should be {_few(right)}; they are {_few(sizes)}.{hint}"
        # Who is wrong where all batches are full has lost another line for it.
        if decided(student, "minibatches").get("every", True) and (
            problem := _not_every_row(n, size, np.concatenate(batches))
        ):
            return problem
    return None


def _few(sizes: list[int]) -> str:
    """Return sizes for a person to read; of many, those at both ends."""
    return str(sizes) if len(sizes) < 9 else f"[{', '.join(map(str, sizes[:3]))}, …, {', '.join(map(str, sizes[-2:]))}]"


def _order(student: Student, rng: Rng) -> str | None:
    # Few enough batches for one message.
    cases = [(40, 1), (100, 20), *((n, size) for n in (40, 53) for size in (2, 8, 20, n))]
    seeds = _seeds(rng, cases)
    sent = _epochs(student, 2 * cases, 2 * seeds, _LOOKED_AT)
    for (n, size), epochs, again in zip(cases, sent[: len(cases)], sent[len(cases) :], strict=True):
        rows = [np.concatenate(one) for one in epochs]
        if any(len(one) < n // 2 or len(np.unique(one)) < 10 for one in rows):
            return "It gives no rows yet whose order could be looked at."
        # The order of the rows within a batch is nobody's business, and one batch of all rows has no other order.
        if size < n and (problem := _not_shuffled(n, size, [list(map(np.sort, one)) for one in epochs])):
            return problem
        if not all(map(np.array_equal, rows, map(np.concatenate, again))):
            return "A generator of the same seed gave other batches. Draw from rng, and from nothing else."
    return None


#: How many epochs are drawn one after the other: enough that what comes of luck is far from what is asked.
_LOOKED_AT = 4


def _not_shuffled(n: int, size: int, epochs: list[list[np.ndarray]]) -> str | None:
    """Say how the batches of several epochs, each sorted in itself, do not come from a shuffle of all rows.

    Examples
    --------
    >>> batches = [np.array([0, 1]), np.array([2, 3])]
    >>> _not_shuffled(4, 2, [batches, batches[::-1]]).partition(",")[0]
    'The same rows always share a batch'
    """
    rows = [np.concatenate(one) for one in epochs]
    if all(np.all(np.diff(one) >= 0) for one in rows):
        return "The rows come in the order of the data. Shuffle them with rng."
    pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
    if any(np.array_equal(rows[i], rows[j]) for i, j in pairs):
        return "Two epochs have the same batches. Draw a new order from rng each time."
    shared = [{tuple(batch.tolist()) for batch in one} for one in epochs]
    if size > 1 and any(shared[i] == shared[j] for i, j in pairs):
        return (
            "The same rows always share a batch, and only the order of the batches changes. Shuffle the rows before "
            "you cut them."
        )
    if _neighbors(n, size, epochs) > _MOST_NEIGHBORS:
        return (
            "Rows that are neighbors in the data mostly stay neighbors: moving all rows on, or a few to other places, "
            "is no shuffle. Draw the place of every row from rng."
        )
    whole = all(np.array_equal(np.sort(one), np.arange(n)) for one in rows)
    return not_shuffled(np.array([numbered(one, n) for one in epochs])) if whole else None


#: So much of the way from what a shuffle gives to the order of the data: seven deviations for all sizes that are asked.
_MOST_NEIGHBORS = 0.5


def _neighbors(n: int, size: int, epochs: list[list[np.ndarray]]) -> float:
    """Return how many neighbors in the data still are some, from 0 for a shuffle, on average, to 1 for no change.

    Neighbors are rows of one batch; in batches of one row they are the rows of two batches that follow each other.
    """
    kept = []
    for batches in epochs:
        if size == 1:
            step = np.abs(np.diff(np.concatenate(batches)))
            kept.append(np.mean((step == 1) | (step == n - 1)))
            continue
        # Rows that are missing share a batch with nobody, and those that are not there count for nothing.
        number = -1 - np.arange(n)
        for place, batch in enumerate(batches):
            number[batch[(batch >= 0) & (batch < n)]] = place
        kept.append(np.mean(number == np.roll(number, 1)))
    by_luck, all_of_them = (2 / n, 1.0) if size == 1 else ((size - 1) / (n - 1), (size - 1) / size)
    return float((np.mean(kept) - by_luck) / (all_of_them - by_luck))


MINIBATCHES = Check(
    "minibatches",
    (
        Line(
            "every",
            "Every row once per epoch, where all batches are full",
            0.75,
            _asking("cut the rows of an epoch into batches", _every),
        ),
        Line("last", "The last, smaller batch is kept", 0.5, _asking("keep the batch that is not full", _last)),
        Line("order", "Other batches each epoch, from rng", 0.75, _asking("shuffle the rows of each epoch", _order)),
    ),
)


# Folds.


def _folds(student: Student, n: int, k: int, seed: int) -> list[np.ndarray]:
    parts = _rows(student.call("draw_folds", n, k, seed), "folds")
    if len(parts) != k:
        raise StudentError(f"It returned {counted(len(parts), 'fold')} where {k} are asked for.")
    return parts


def _parts(student: Student, rng: Rng) -> str | None:
    for k in (2, 3, 5, 10):
        for n in (
            k,
            k + 1,
            2 * k - 1,
            3 * k,
            4 * k + 1,
            int(rng.integers(5 * k, 6 * k)),
            60,
            61,
            60 + int(rng.integers(30)),
        ):
            parts = _folds(student, n, k, int(rng.integers(1000)))
            rows, sizes = np.concatenate(parts), [len(one) for one in parts]
            if not np.array_equal(np.sort(rows), np.arange(n)):
                missing = n - len(np.intersect1d(rows, np.arange(n)))
                again = len(rows) - n + missing
                return f"Of {counted(n, 'row')} in {k} folds, {missing} in no fold, and {again} more than once."
            if max(sizes) - min(sizes) > 1:
                return f"Of {n} rows, the {k} folds have {sizes}: their sizes may differ by 1 at most."
    return None


def _drawn(student: Student, rng: Rng) -> str | None:
    for n, k in ((60, 5), (40, 2), (61, 10), (45, 4)):
        seed = int(rng.integers(1000))
        first, again, other, *more = (
            _folds(student, n, k, one) for one in (seed, seed, *range(seed + 1, seed + _LOOKED_AT + 2))
        )
        if any(len(np.unique(one)) < 3 for one in first):
            return "It gives no folds yet."
        if all(len(one) and np.ptp(one) == len(one) - 1 for one in first):
            return "The folds are blocks of neighboring rows. Tables are often sorted: shuffle first."
        if not all(np.array_equal(np.sort(one), np.sort(two)) for one, two in zip(first, again, strict=True)):
            return "The same seed gave other folds."
        if all(np.array_equal(np.sort(one), np.sort(two)) for one, two in zip(first, other, strict=True)):
            return "Another seed gave the same folds."
        parts = [first, other, *more]
        # What is in no fold or in two is charged elsewhere.
        if all(np.array_equal(np.sort(np.concatenate(one)), np.arange(n)) for one in parts) and (
            problem := not_shuffled(np.array([numbered(one, n) for one in parts]))
        ):
            return problem
    return None


FOLDS = Check(
    "draw_folds",
    (
        Line("parts", "Every row in one fold, and folds of one size", 0.5, _asking("cut rows into folds", _parts)),
        Line("drawn", "Shuffled by the seed", 0.5, _asking("draw folds by a seed", _drawn)),
    ),
)


# A regression.


def _fitted(student: Student, x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    start, used = time.perf_counter(), time.process_time()
    answer = student.ask("fit_regression", x, y, seed)
    # In a notebook the function runs in this process; while grading it runs elsewhere, and its limit is kept there.
    taken = min(time.perf_counter() - start, time.process_time() - used)
    if taken > MOST_SECONDS:
        raise StudentError(
            f"One answer took {taken:.0f} seconds, and {MOST_SECONDS:.0f} is the limit while grading: take fewer steps."
        )
    w = compare.array(answer.value)
    if w is not None and w.shape == (x.shape[1] + 1, 1):
        # One fault costs once: the first line.
        if decided(student, "fit_regression").get("converges", True):
            raise StudentError(f"It {a_row([len(w)])}.")
        w = w[:, 0]
    if w is None or w.shape != (x.shape[1] + 1,):
        raise StudentError(
            f"It returned {compare.in_words(answer.value)}, where [{x.shape[1] + 1}] is expected: a weight for each "
            "column, and the intercept."
        )
    if not np.all(np.isfinite(w)):
        raise StudentError("Its numbers are infinite or no numbers: the learning rate is too large.")
    if answer.modified:
        raise StudentError("It changed its input in place.")
    return w


def _converges(student: Student, rng: Rng) -> str | None:
    return _near_the_least(student, rng, ((200, 3, 0.0, 1.0), (90, 6, 0.0, 1.0), (40, 1, 0.0, 1.0)))


def _units(student: Student, rng: Rng) -> str | None:
    problem = _near_the_least(student, rng, ((150, 2, 5.0, 1.0), (120, 3, 22.0, 9.0), (80, 2, 150.0, 77.0)))
    # One fault costs once: who does not come near in the plain case has lost another line for it.
    if problem or not decided(student, "fit_regression").get("converges", True):
        return problem
    for (x, y, _), found in _all_over(student, rng):
        if isinstance(found, StudentError):
            raise found
        if problem := _too_far(x, y, found):
            return problem
    return None


def _near_the_least(student: Student, rng: Rng, problems: tuple) -> str | None:
    for rows, columns, center, scale in problems:
        x, y = draw_table(rng, rows, columns, center, scale)
        if problem := _too_far(x, y, _fitted(student, x, y, int(rng.integers(1000)))):
            return problem
    return None


#: So many seconds of answers are enough, where each takes long: no more tables are asked then.
_ENOUGH = 8.0


@once
def _all_over(student: Student, rng: Rng) -> list[tuple[tuple, np.ndarray | StudentError]]:
    """Return tables of every kind with the weights that fit them, or why there are none."""
    return list(_weights(student, [one.arguments for one in FITS.questions(int(rng.integers(2**31)))]))


def _weights(student: Student, asked: Sequence[tuple]) -> Iterator[tuple[tuple, np.ndarray | StudentError]]:
    start = time.perf_counter()
    for x, y, seed in asked:
        try:
            found: np.ndarray | StudentError = _fitted(student, x, y, seed)
        except StudentError as error:
            found = error
        yield (x, y, seed), found
        if time.perf_counter() - start > _ENOUGH:
            return


# Weights of a descent that diverged may be finite, and their squares not.
@np.errstate(over="ignore", invalid="ignore")
def _too_far(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> str | None:
    """Say by how much weights miss the least error, where that is more than is allowed."""
    inputs = np.column_stack([x, np.ones(len(x))])
    least = float(np.mean((inputs @ np.linalg.lstsq(inputs, y, rcond=None)[0] - y) ** 2))
    found = float(np.mean((inputs @ w - y) ** 2))
    most = (1 + _ABOVE) * least + _OF_VARIANCE * float(np.var(y))
    if found <= most:
        return None
    return (
        f"For a target with mean {np.mean(y):.4g} and deviation {np.std(y):.4g}, {counted(len(x), 'row')}, "
        f"{counted(x.shape[1], 'column')}, the "
        f"mean squared error is {found:.4g}; the least possible is {least:.4g}, and {most:.4g} would do. "
        f"{_cause(w, inputs, y, found)}"
    )


def _cause(w: np.ndarray, inputs: np.ndarray, y: np.ndarray, found: float) -> str:
    """Say what the weights of a fit that is not good enough look like."""
    best = np.linalg.lstsq(inputs, y, rcond=None)[0]
    level = abs(best[-1])
    if level > np.std(y) and abs(w[-1]) < 0.01 * level:
        return "The intercept stays near 0: does it take part in each step, and do you scale back what you scaled?"
    if np.any(w) and np.std(inputs @ w) < 0.05 * np.std(y) and abs(np.mean(inputs @ w - y)) < 0.1 * np.std(y):
        return (
            "All rows get nearly the mean of y, whatever their columns say. A row minus a column leads there: it is an "
            "array [N, N] of every prediction minus every target. Look at the shapes in mse_and_gradient."
        )
    if found > 2 * float(np.mean((inputs * [*[0.0] * (len(w) - 1), 1.0] @ best - y) ** 2)):
        return "That is worse than the mean of y alone: too few steps, too high a rate, or a target not scaled back."
    # Along the way from zeros: what stopped early lies before the best weights.
    if float(w @ best) < 0.98 * float(best @ best):
        return "The weights are still on their way: take more steps, or longer ones at first."
    return "The weights jump around the best ones: let the rate fall further toward the end."


def _seed(student: Student, rng: Rng) -> str | None:
    x, y = draw_table(rng, 60, 2, 0.0, 1.0)
    seed = int(rng.integers(1000))
    one, other = (_fitted(student, x, y, seed) for _ in range(2))
    if not np.any(one):
        return "All its numbers are 0: nothing is fitted yet."
    if not _are_same(one, other):
        return _UNSEEDED
    # Where there are no weights, another line says so.
    first = [(asked, found) for asked, found in _all_over(student, rng) if not isinstance(found, StudentError)]
    again = _weights(student, [asked for asked, _ in first])
    pairs = zip(first, again, strict=False)
    return None if all(_are_same(found, other) for (_, found), (_, other) in pairs) else _UNSEEDED


_UNSEEDED = "The same seed gave other weights."


def _are_same(one: np.ndarray, other: np.ndarray | StudentError) -> bool:
    return not isinstance(other, StudentError) and np.allclose(one, other, rtol=1e-9, atol=1e-12)


REGRESSION = Check(
    "fit_regression",
    (
        Line("converges", "Reaches the least error", 1.0, _asking("fit standardized targets", _converges)),
        Line(
            "units",
            "Also for other tables, and for targets in units of their own",
            0.5,
            _asking("fit targets with a mean, and tables of every kind", _units),
        ),
        Line("seed", "The same seed, the same weights", 0.5, _asking("fit the same problem twice", _seed)),
    ),
)
