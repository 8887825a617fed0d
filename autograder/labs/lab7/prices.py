"""What is asked of `predict_prices`: the error over folds that are drawn with the course's secret.

Each fold is predicted in a process of its own, which has seen no other fold: the training rows of one fold hold the
prices of all others. The prices of the rows to be predicted never leave this side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder.checking import compare, error_texts
from autograder.checking.metrics import mse
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line
from autograder.checking.student import FLAGS, Student, StudentError, once
from autograder.labs.lab7.material import BASELINES, FOLDS
from autograder.labs.lab7.wording import a_row

Rng = np.random.Generator
#: Processor time for one fold, and wall time, in seconds.
CPU, SECONDS = 100, 400.0
#: An error that is such a part of boosting's looks like prices that were looked up.
_SUSPECT = 0.4
_PREDICT = """
def course_prices(x, y, x_new):
    import numpy as np
    return np.asarray(predict_prices(x, y, x_new))
"""


def _predicted(student: Student, x: np.ndarray, y: np.ndarray, x_new: np.ndarray) -> np.ndarray:
    """Return what is predicted for new rows: [M], or one column [M, 1], whose numbers count and whose shape costs."""
    with student.fresh(_PREDICT, cpu=CPU, seconds=SECONDS, code_only=True) as side:
        try:
            value = side.call("course_prices", x, y, x_new)
        except StudentError as error:
            raise StudentError(error_texts.without_ours(str(error), "predict_prices")) from None
    found = compare.array(value)
    if found is None or found.shape not in ((len(x_new),), (len(x_new), 1)):
        raise StudentError(
            f"predict_prices returned {compare.in_words(value)} where [{len(x_new)}] is expected, a price for each row."
        )
    if not np.all(np.isfinite(found)):
        raise StudentError("predict_prices returned numbers that are infinite or no numbers: its training diverged.")
    return found


@once
def _error(student: Student) -> tuple[float, bool]:
    """Return the mean squared error over all folds, and whether predictions are a column.

    A note is left where the error is too good to be true.
    """
    x, y, fold = (student.material[name] for name in ("rows", "prices", "fold"))
    found, column = np.zeros(len(y)), False
    for one in range(FOLDS):
        rest = fold != one
        predicted = _predicted(student, x[rest], y[rest], x[~rest])
        found[~rest] = predicted.ravel()
        column |= predicted.ndim == 2
    error = mse(found, y)
    boosting = student.material["errors"]["boosting"]
    if error < _SUSPECT * boosting:
        student.notes.setdefault(FLAGS, []).append(
            f"predict_prices has a mean squared error of {error:.3g} over the folds, and boosting has {boosting:.3g}. "
            "The table is public: were prices looked up?"
        )
    return error, column


_NAMES = {"mean": "the mean", "ridge": "ridge regression", "boosting": "gradient boosting"}


def _below(name: str) -> Callable[[Student, Rng], Problem | None]:
    def question(student: Student, rng: Rng) -> Problem | None:
        least = student.material["most"][name]
        reached = student.material["errors"][name]
        what = (
            f"predict prices with a mean squared error of at most {least:.4g}, where {_NAMES[name]} has {reached:.4g}"
        )
        try:
            found, column = _error(student)
        except StudentError as error:
            return lost(what, str(error))
        if column and name == BASELINES[0]:
            return lost(what, f"predict_prices {a_row(['M'])}.")
        return None if found <= least else lost(what, f"Over {FOLDS} folds the mean squared error is {found:.4g}.")

    return question


def _form(student: Student) -> str | None:
    """Look at what `predict_prices` returns for a few drawn rows, for whoever checks a notebook."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5))
    y = 20 + x.sum(axis=1)
    found = _predicted(student, x, y, x[:7] + 0.1)
    if found.ndim == 2:
        return f"predict_prices {a_row([len(found)])}."
    if np.ptp(found) == 0:
        return "predict_prices returns the same number for all rows: no column has a part in its predictions."
    if not y.min() <= np.mean(found) <= y.max():
        return (
            f"predict_prices predicts {found.min():.3g} to {found.max():.3g} where the prices of the training rows are "
            f"{y.min():.3g} to {y.max():.3g}. Do you scale the predictions back, by the mean and deviation of y_train?"
        )
    return None


_LATER = (
    "grading runs predict_prices on folds that are drawn for it, each in a process of its own. Your own folds tell you "
    "what to expect."
)
CHECK = Check(
    "predict_prices",
    tuple(
        Line(name, f"Verified over {FOLDS} folds: compared with {_NAMES[name]}", 1.0, _below(name), later=_LATER)
        for name in BASELINES
    ),
    form=_form,
)
