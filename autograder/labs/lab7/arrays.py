"""What is asked of the functions that take arrays: comparing, scaling, errors, ensembles and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Question, whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.rubric import Check, Line, decided
from autograder.checking.student import Answer, Student
from autograder.labs.lab7 import domains
from autograder.labs.lab7.wording import PARAMETERS, WORDING, a_row, inputs

Rng = np.random.Generator
View = Callable[[np.ndarray], np.ndarray]


def flat(function: str, value: Any) -> Any:
    """Return an answer that is a tuple of a number and a vector as one vector; whatever else as it is.

    Parameters
    ----------
    function : str
    value : object
    """
    if function != "mse_and_gradient" or not isinstance(value, (tuple, list)) or len(value) != 2:
        return value
    loss, gradient = (compare.array(part) for part in value)
    if loss is None or gradient is None or loss.size != 1 or gradient.ndim not in (1, 2):
        return value
    if gradient.ndim == 1:
        return np.concatenate([loss.ravel(), gradient])
    # Of one axis too many all of it has one: what is wrong with its shape is said of it.
    if gradient.shape[1] == 1:
        return np.concatenate([loss.reshape(1, 1), gradient])
    return np.concatenate([loss.reshape(1, 1), gradient], axis=1) if gradient.shape[0] == 1 else value


def _whole(vector: Any) -> Any:
    return vector


def _part(which: Any) -> View:
    """Return what of an answer counts, where it has the right number of axes; else all of it."""

    def view(value: Any) -> Any:
        """Return that part of one answer."""
        values = compare.array(value)
        try:
            return value if values is None else values[which]
        except IndexError:
            return value

    return view


#: The line of each check that an answer in the shape of a column costs, where a row is asked for. Once it is lost, the
#: others take the column for the row that it holds: one fault costs once.
_SHAPED = {
    "compare_runs": "t",
    "mse_and_gradient": "gradient",
    "majority_vote": "votes",
    "ensemble_gain": "members",
    "threshold_for": "value",
}


def _row_of(function: str, values: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """Return the row that is in an array with one axis more, of length 1; None where it is no such array."""
    if function not in _SHAPED or values.shape not in ((*right.shape, 1), (1, *right.shape)):
        return None
    return values.reshape(right.shape)


def _of_another_form(function: str, answer: Any, value: Any, right: Any) -> str:
    """Say how the form of an answer differs; ``value`` is what `flat` makes of it."""
    if function != "mse_and_gradient":
        return compare.difference(value, right) or "has another form"
    wanted = f"[{len(right) - 1}]"
    if value is answer:
        told = compare.in_words(answer)
        return f"returned {told} where two things are expected, the error and its gradient of shape {wanted}"
    told = f"returned a gradient of shape [{len(value) - 1}] where {wanted} is expected"
    return f"{told}: print the shape of the predictions less the target, which is [N]"


def _compared(
    student: Student,
    function: str,
    *arguments: Any,
    view: View = _whole,
    expected: np.ndarray | None = None,
    answer: Answer | None = None,
    shaped: bool = True,
) -> Wrong | None:
    """Ask a function, and compare what of the answer a line is about.

    Parameters
    ----------
    student : Student
    function : str
    *arguments
    view : callable
        Takes an answer, and returns what of it counts.
    expected : numpy.ndarray, optional
        What all of it should be; the reference's answer by default.
    answer : Answer, optional
        Where it was asked before.
    shaped : bool
        Whether a column costs where a row is asked for, unless it has cost the line of `_SHAPED` already.
    """
    answer = student.ask(function, *arguments) if answer is None else answer
    right = student.oracle.call(function, *arguments) if expected is None else expected
    value = flat(function, answer.value)
    values = compare.array(value)
    one_thing = function == "mse_and_gradient" and value is answer.value
    row = None if values is None or one_thing else _row_of(function, values, np.asarray(right))
    if row is not None:
        costs = shaped and decided(student, function).get(_SHAPED[function], True)
        if costs and compare.difference(view(row), view(np.asarray(right))) is None:
            wanted = right[1:] if function == "mse_and_gradient" else right
            told = a_row(np.shape(wanted), first=values.ndim > 1 and values.shape[0] == 1)
            shown = (*inputs(function, arguments), ("expected", right), (YOURS, answer.value))
            return Wrong(function, arguments, answer.value, told, right, answer.value, shown, otherwise="")
        value = values = row
    if values is None or values.shape != np.shape(right) or one_thing:
        what, got, wanted = _of_another_form(function, answer.value, value, right), answer.value, right
    else:
        got, wanted = view(values), view(np.asarray(right))
        what = compare.difference(got, wanted)
    if what is None:
        return None
    shown = (*inputs(function, arguments), ("expected", wanted), (YOURS, "nothing" if got is None else got))
    # Which fault it is shows in all of the answer.
    return Wrong(function, arguments, value, what, wanted, got, shown)


def _judging(function: str) -> Callable[[Student, Question, Answer, Any], Wrong | None]:
    """Return what judges an answer to a question of a function's domain."""

    def judge(student: Student, question: Question, answer: Answer, expected: Any) -> Wrong | None:
        wrong = _compared(student, function, *question.arguments, expected=np.asarray(expected), answer=answer)
        if wrong or not answer.modified:
            return wrong
        names = " and ".join(PARAMETERS[function][position] for position in answer.modified)
        return Wrong(function, question.arguments, answer.value, f"changed its input {names}", changed=answer.modified)

    return judge


def _asks(function: str, draw: Callable[[Rng], Sequence[tuple]], view: View = _whole, shaped: bool = True) -> Callable:
    """Return a question that compares the answers to some drawn arguments."""

    def question(student: Student, rng: Rng) -> Wrong | None:
        for arguments in draw(rng):
            if wrong := _compared(student, function, *arguments, view=view, shaped=shaped):
                return wrong
        return None

    return question


def _small(function: str, *arguments: Any, view: View = _whole) -> Callable[[Student], Wrong | None]:
    return lambda student: _compared(student, function, *arguments, view=view)


def _like(function: str, more: Callable, fewer: Callable, what: str, view: View = _whole) -> Callable:
    """Return a question whose answer is compared with the student's own to a simpler one.

    ``more`` takes a generator and returns arguments; ``fewer`` takes these, and returns the simpler ones.
    """

    def _question(student: Student, rng: Rng) -> Wrong | str | None:
        for arguments in more(rng):
            answer = student.ask(function, *arguments)
            wrong = _compared(student, function, *arguments, view=view, answer=answer)
            # Whoever is wrong elsewhere as well is compared with that.
            if wrong is None:
                continue
            own = compare.array(flat(function, student.call(function, *fewer(*arguments))))
            right = student.oracle.call(function, *arguments)
            if own is not None and _row_of(function, own, right) is not None:
                own = own.reshape(right.shape)
            if own is None or own.shape != right.shape or not compare.varied(own):
                return f"{function} gives nothing yet that {what} could be compared with."
            if wrong := _compared(student, function, *arguments, view=view, expected=own, answer=answer):
                return wrong
        return None

    return _question


def _special(*keys: str) -> Callable[[Question, frozenset[str]], bool]:
    """Return that only the lines about special cases explain what is wrong elsewhere: who is wrong everywhere pays."""
    return lambda question, lost: bool(lost) and lost <= set(keys)


# Which of two networks is better.


def _same_seeds(rng: Rng) -> list[tuple]:
    return [domains.draw_runs(rng, int(rng.integers(5, 9)), gap) for gap in (0.012, -0.006)]


def _clear_cases(rng: Rng) -> list[tuple]:
    """Return runs in which one is far better, and some in which nobody can tell."""
    cases = [domains.draw_runs(rng, 6, gap, 0.004) for gap in (0.05, -0.05)]
    a, b = domains.draw_runs(rng, 6, 0.0)
    # Differences of both signs, whose mean is a small part of their spread.
    a[:, 1] = b[:, 1] + 0.01 * np.array([1, -1, 1, -1, 1, -0.5])
    near = [_with_p(rng, count, p, sign) for count, p, sign in ((5, 0.03, 1), (4, 0.07, -1), (4, 0.03, -1))]
    return [*cases, (a, b), *near]


def _with_p(rng: Rng, count: int, p: float, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Return runs whose difference has such a probability: other rules say something else of it."""
    from scipy import stats

    a, b = domains.draw_runs(rng, count, 0.0)
    gaps = a[:, 1] - b[:, 1]
    t = sign * stats.t.isf(p / 2, count - 1)
    a[:, 1] += t * gaps.std(ddof=1) / np.sqrt(count) - gaps.mean()
    return a, b


def _other_seeds(rng: Rng) -> list[tuple]:
    a, b = domains.draw_runs(rng, 6, 0.01)
    return [(rng.permutation(np.vstack([a, [[101, 0.9]]])), rng.permutation(np.vstack([b, [[102, 0.1]]])))]


def _in_order(a: np.ndarray, b: np.ndarray) -> tuple:
    seeds = np.intersect1d(a[:, 0], b[:, 0])
    return tuple(one[np.isin(one[:, 0], seeds)][np.argsort(one[np.isin(one[:, 0], seeds), 0])] for one in (a, b))


_in_any_order = _like("compare_runs", _other_seeds, _in_order, "another order", _part(slice(0, 3)))


def _by_seeds(student: Student, rng: Rng) -> Wrong | str | None:
    """Ask about runs in any order, and whether t changes where the same accuracies belong to other seeds."""
    if problem := _in_any_order(student, rng):
        return problem
    if decided(student, "compare_runs").get("t", True):
        return None
    a, b = domains.draw_runs(rng, 6, 0.01)
    turned = np.column_stack([b[:, 0], np.roll(b[:, 1], 1)])
    own = [compare.array(student.call("compare_runs", a, other)) for other in (b, turned)]
    if all(one is not None and one.ndim for one in own) and compare.difference(own[0][1:2], own[1][1:2]) is None:
        unpaired = next(fault.hint for fault in WORDING.faults if fault.id == "compare_unpaired")
        return f"It gives the same t whichever accuracy belongs to which seed. {unpaired}"
    return None


_RUNS = (np.array([[0, 0.52], [1, 0.55], [2, 0.51]]), np.array([[0, 0.5], [1, 0.52], [2, 0.5]]))
#: Three seeds each with a t of about 2.2, 1 and 5.5: rules that are wrong say something else of one of them.
_OTHER_RUNS = [
    (np.column_stack([range(3), _RUNS[1][:, 1] + mean + [-0.01, 0, 0.01]]), _RUNS[1])
    for mean in (0.0127, 0.0058, 0.0318)
]
COMPARE = Check(
    "compare_runs",
    (
        Line(
            "t",
            "The mean difference, t and p of the paired test",
            0.75,
            _asks("compare_runs", _same_seeds, _part(slice(0, 3))),
            smaller=[_small("compare_runs", *_RUNS, view=_part(slice(0, 3)))],
        ),
        Line("seeds", "Runs are paired by their seeds", 0.75, _by_seeds),
        Line(
            "better",
            "The better one, or neither",
            0.25,
            _asks("compare_runs", _clear_cases, _part(slice(3, 4))),
            smaller=[_small("compare_runs", *runs, view=_part(slice(3, 4))) for runs in (_RUNS, *_OTHER_RUNS)],
        ),
        whole_domain("compare_runs", domains.COMPARE, _judging("compare_runs"), 0.25, _special("seeds", "better")),
    ),
    wording=WORDING,
)


# Scaling, and an error with its gradient.


def _rows(rng: Rng) -> list[tuple]:
    center, size = rng.uniform(-30, 30, 4), rng.uniform(2, 9, 4)
    return [(rng.normal(center, size, (12, 4)), rng.normal(center + size, size, (5, 4)))]


def _constant(student: Student, rng: Rng) -> Wrong | str | None:
    ((x_train, x),) = _rows(rng)
    x_train[:, 1] = 3.0
    x[:, 1] = [3.0, 5.0, 2.0, 3.0, 4.0]
    return _constant_column(student, x_train, x)


def _constant_column(student: Student, x_train: np.ndarray, x: np.ndarray) -> Wrong | str | None:
    """Compare the column that was constant; where all are scaled wrong, it must be numbers that vary, and no more."""
    answer = student.ask("standardize", x_train, x)
    if decided(student, "standardize").get("value", True):
        return _compared(student, "standardize", x_train, x, view=_column, answer=answer)
    values = compare.array(answer.value)
    fits = values is not None and values.shape == x.shape and compare.varied(values[:, 1])
    return None if fits else "standardize gives no numbers for a column that was constant in training."


_TRAIN = np.array([[1.0, 3.0], [3.0, 3.0], [5.0, 3.0]])
_column = _part((slice(None), slice(1, 2)))
STANDARDIZE = Check(
    "standardize",
    (
        Line(
            "value",
            "By mean and deviation of the training rows",
            0.75,
            _asks("standardize", _rows),
            smaller=[_small("standardize", np.array([[1.0], [3.0], [8.0]]), np.array([[7.0], [4.0]]))],
        ),
        Line(
            "constant",
            "A column that was constant in training",
            0.25,
            _constant,
            smaller=[lambda student: _constant_column(student, _TRAIN, np.array([[3.0, 3.0], [4.0, 5.0]]))],
        ),
        whole_domain("standardize", domains.STANDARDIZE, _judging("standardize"), 0.5, _special("constant")),
    ),
    wording=WORDING,
)


def _errors(rng: Rng) -> list[tuple]:
    return [(rng.normal(0, 2, 4), rng.normal(1, 2, (6, 3)), rng.normal(3, 2, 6))]


def _columns(rng: Rng) -> list[tuple]:
    return [(w, x, y[:, None]) for w, x, y in _errors(rng)]


_MSE = (np.array([1.0, 2.0]), np.array([[1.0], [3.0], [0.0]]), np.array([2.0, 9.0, -2.0]))
_loss, _gradient = _part(slice(0, 1)), _part(slice(1, None))
MSE = Check(
    "mse_and_gradient",
    (
        Line(
            "loss",
            "The mean squared error",
            0.25,
            _asks("mse_and_gradient", _errors, _loss, shaped=False),
            smaller=[_small("mse_and_gradient", *_MSE, view=_loss)],
        ),
        Line(
            "gradient",
            "Its gradient, that of the intercept too",
            0.5,
            _asks("mse_and_gradient", _errors, _gradient),
            smaller=[_small("mse_and_gradient", *_MSE, view=_gradient)],
        ),
        Line(
            "column",
            "A target of one column is as good as one row",
            0.25,
            _like("mse_and_gradient", _columns, lambda w, x, y: (w, x, y[:, 0]), "a column"),
        ),
        whole_domain("mse_and_gradient", domains.MSE, _judging("mse_and_gradient"), 0.5, _special("column")),
    ),
    wording=WORDING,
)


# Ensembles.


def _equal(rng: Rng) -> list[tuple]:
    return [(domains.draw_members(rng, 3, 5, 4), np.full(3, 1 / 3))]


def _weighted(rng: Rng) -> list[tuple]:
    return [(domains.draw_members(rng, 3, 5, 4), rng.uniform(1, 4, 3))]


_P = np.array([[[0.6, 0.4], [0.9, 0.1]], [[0.2, 0.8], [0.7, 0.3]], [[0.55, 0.45], [0.35, 0.65]]])
AVERAGE = Check(
    "average_probabilities",
    (
        Line(
            "mean",
            "The average of several networks",
            0.25,
            _asks("average_probabilities", _equal),
            smaller=[_small("average_probabilities", _P[:2], np.array([0.5, 0.5]))],
        ),
        Line(
            "weights",
            "Weights count, and need not add up to 1",
            0.25,
            _asks("average_probabilities", _weighted),
            smaller=[_small("average_probabilities", _P[:2], np.array([1.0, 3.0]))],
        ),
        whole_domain("average_probabilities", domains.AVERAGE, _judging("average_probabilities"), 0.5, _special()),
    ),
    wording=WORDING,
)


def _clear_votes(rng: Rng) -> list[tuple]:
    """Return votes without ties, of which some are overruled in the average."""
    p = domains.draw_members(rng, 3, 400, 4, 2.0)
    counts = np.eye(4)[p.argmax(axis=-1)].sum(axis=0)
    top = np.sort(counts, axis=-1)
    clear = np.flatnonzero(top[:, -1] > top[:, -2])
    other = p.mean(axis=0).argmax(axis=-1) != counts.argmax(axis=-1)
    chosen = [*clear[other[clear]][:4], *clear[~other[clear]][:8]]
    return [(p[:, rng.permutation(chosen)],)]


def _tied_votes(rng: Rng) -> list[tuple]:
    p = domains.draw_ties(rng, 4, 12, 3)
    # One vote that is no tie, and that the average would decide otherwise.
    clear = np.array([[[0.4, 0.25, 0.35]], [[0.4, 0.25, 0.35]], [[0.4, 0.25, 0.35]], [[0.01, 0.01, 0.98]]])
    return [(np.concatenate([p, clear], axis=1),), (domains.draw_ties(rng, 2, 12, 2),)]


_TIED = np.array([[[0.6, 0.4], [0.2, 0.8]], [[0.1, 0.9], [0.7, 0.3]]])
_OVERRULED = np.array([[[0.55, 0.45]], [[0.6, 0.4]], [[0.05, 0.95]]])
VOTE = Check(
    "majority_vote",
    (
        Line(
            "votes",
            "The class that most networks choose",
            0.5,
            _asks("majority_vote", _clear_votes),
            smaller=[_small("majority_vote", _OVERRULED)],
        ),
        Line(
            "ties",
            "Ties go to the larger average",
            0.5,
            _asks("majority_vote", _tied_votes),
            smaller=[_small("majority_vote", _TIED)],
        ),
        whole_domain("majority_vote", domains.VOTE, _judging("majority_vote"), 0.5),
    ),
    wording=WORDING,
)


def _gains(rng: Rng) -> list[tuple]:
    """Return an ensemble that is too sure and one that is not sure enough.

    In both, average and vote differ, and so do all other numbers that are taken for each other.
    """
    return [_gain(rng, 0.4, 1), _gain(rng, 0.95, -1)]


def _gain(rng: Rng, right: float, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an ensemble that is right for such a part of the images, and the right classes; ``sign`` 1 is too sure."""
    while True:
        p = domains.draw_members(rng, 3, 30, 4)
        average = p.mean(axis=0)
        y = np.where(rng.random(30) < right, average.argmax(axis=-1), rng.integers(0, 4, 30))
        votes = np.eye(4)[p.argmax(axis=-1)].sum(axis=0).argmax(axis=-1)
        single = (p.argmax(axis=-1) == y).mean(axis=1)
        hits = np.mean(average.argmax(axis=-1) == y)
        too_sure = sign * (average.max(axis=-1).mean() - hits)
        if np.mean(votes == y) != hits and np.ptp(single) > 0 and too_sure > 0.02:
            return p, y


_Y = np.array([0, 1])
GAIN = Check(
    "ensemble_gain",
    (
        *(
            Line(
                key,
                title,
                0.25,
                _asks("ensemble_gain", _gains, _part(slice(place, place + 1))),
                smaller=[_small("ensemble_gain", _P, _Y, view=_part(slice(place, place + 1)))],
            )
            for place, (key, title) in enumerate(
                (
                    ("members", "The mean accuracy of the networks"),
                    ("average", "The accuracy of their average"),
                    ("disagreement", "How often two of them differ"),
                    ("calibration", "By how much the average is too sure"),
                )
            )
        ),
        whole_domain("ensemble_gain", domains.GAIN, _judging("ensemble_gain"), 0.5),
    ),
    wording=WORDING,
)


# Embeddings.


def _embeddings(rng: Rng) -> list[tuple]:
    return [(rng.normal(1, 2, (4, 5)), rng.normal(0, 3, (3, 5)))]


def _with_zero(rng: Rng) -> list[tuple]:
    ((a, b),) = _embeddings(rng)
    a[0] = 0
    return [(a, b)]


_A, _B = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[0.0, 2.0], [-1.0, 0.0], [6.0, 8.0]])
_first = _part(slice(0, 1))
SIMILAR = Check(
    "similarities",
    (
        Line(
            "value",
            "The cosine of each pair",
            0.5,
            _asks("similarities", _embeddings),
            smaller=[_small("similarities", _A, _B)],
        ),
        Line(
            "zero",
            "An embedding of zeros is similar to nothing",
            0.25,
            _asks("similarities", _with_zero, _first),
            smaller=[_small("similarities", np.array([[0.0, 0.0], [1.0, 1.0]]), _B, view=_first)],
        ),
        whole_domain("similarities", domains.SIMILAR, _judging("similarities"), 0.25, _special("zero")),
    ),
    wording=WORDING,
)


def _pairs(rng: Rng) -> list[tuple]:
    """Return scores without ties, and rates that are no part which some number of pairs is.

    Some pairs that do not match have scores among the others' largest, so that every way to count gives its own answer.
    """
    found = []
    for rate in (0.12, 0.27):
        scores, same = np.arange(40) / 10, np.zeros(40, dtype=int)
        same[rng.permutation(np.arange(2, 38))[:22]] = 1
        same[[0, 39]] = 1, 1
        order = rng.permutation(40)
        found.append((scores[order] + rng.uniform(0, 0.01), same[order], rate))
    return found


def _tied_pairs(rng: Rng) -> list[tuple]:
    scores = np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], 4)
    same = np.array([0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1])
    order = rng.permutation(20)
    return [(scores[order], same[order], 0.25), (scores[order], same[order], 0.1)]


_SCORES = (np.array([0.1, 0.4, 0.5, 0.6, 0.8, 0.9]), np.array([0, 0, 1, 0, 0, 1]), 0.25)
_MORE_SCORES = (np.arange(1, 10) / 10, np.array([0, 0, 0, 1, 0, 1, 0, 1, 1]), 0.2)
THRESHOLD = Check(
    "threshold_for",
    (
        Line(
            "value",
            "The smallest threshold that keeps the rate",
            0.5,
            _asks("threshold_for", _pairs),
            smaller=[_small("threshold_for", *_SCORES), _small("threshold_for", *_MORE_SCORES)],
        ),
        Line(
            "ties",
            "Pairs of the same score are accepted together",
            0.25,
            _asks("threshold_for", _tied_pairs),
            smaller=[_small("threshold_for", np.array([0.2, 0.5, 0.5, 0.9]), np.array([0, 0, 1, 1]), 0.5)],
        ),
        whole_domain("threshold_for", domains.THRESHOLD, _judging("threshold_for"), 0.25, _special("ties")),
    ),
    wording=WORDING,
)
