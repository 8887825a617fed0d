"""How an answer is compared with the right one, and how the difference is said in a few words."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Single and double precision pass, half precision and rounding do not.
RTOL, ATOL = 1e-4, 1e-5
#: Of so many deviations of a sum's rounding error, none is larger.
_ROUNDINGS = 5.0
#: A tuple of more parts is not described part by part.
MOST_PARTS = 3


def array(value: Any) -> np.ndarray | None:
    """Return an answer as an array of float64, or None where it is not real numbers."""
    try:
        # NumPy would give each of many texts the room of the longest.
        if _holds_text(value):
            return None
        values = np.asarray(value)
        # What is too large for float64 is infinite, and no news to whoever grades.
        with np.errstate(over="ignore", invalid="ignore"):
            return values.astype("float64") if values.dtype.kind in "biuf" else None
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError):
        return None


def _holds_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, (list, tuple)) and any(map(_holds_text, value)))


def shape(value: np.ndarray) -> str:
    """Return a shape as the course writes it: ``[7, 9, 3]``."""
    return str(list(value.shape)) if value.ndim else "a single number"


def sum_rounding(terms: float, *factors: np.ndarray) -> float:
    """Return how far off sums of products may be in single precision, where large terms cancel.

    Each of `n` additions rounds a sum of about ``sqrt(n)`` terms, and ``sqrt(n)`` roundings add up [1]_.

    Parameters
    ----------
    terms : float
        How many each sum has.
    *factors : array
        Whose entries are multiplied in a term.

    References
    ----------
    .. [1] N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM, 2002, section 4.2.
    """
    allowed = _ROUNDINGS * float(np.finfo("float32").eps) * terms
    for values in (np.asarray(one, dtype="float64") for one in factors):
        allowed *= float(np.sqrt(np.mean(values**2))) if values.size else 0.0
    return allowed


def difference(got: Any, expected: Any, exact: bool = False, rounding: float = 0.0) -> str | None:
    """Say in a few words how an answer differs from the right one.

    Parameters
    ----------
    got : object
        The answer.
    expected : array or number
        The right one.
    exact : bool
        Whether numbers are only chosen or moved and nothing is computed: then they are the same in single precision.
    rounding : float
        How far off a sum of many terms may be in single precision, beside the tolerances.

    Returns
    -------
    str or None
        Completes "the function …"; None where the answer is right: of the same shape, finite, and within ``RTOL``
        and ``ATOL``, or the same where it must be exact. An answer without numbers is never right.

    Examples
    --------
    >>> difference(np.zeros((2, 3)), np.zeros((2, 4)))
    'returned [2, 3] where [2, 4] is expected'
    >>> difference((np.zeros((2, 3)), None), np.zeros((2, 3)))
    'returned a tuple of 2 values ([2, 3], nothing) where [2, 3] is expected'
    >>> difference(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    'is off by up to 1 (2 where 3 is expected)'
    """
    expected = np.asarray(expected, dtype="float64")
    values = array(got)
    if values is None or values.shape != expected.shape:
        return f"returned {in_words(got)} where {shape(expected)} is expected"
    if values.size == 0:
        return f"returned {shape(values)}, which holds no numbers"
    if not np.all(np.isfinite(values)):
        return "returned numbers that are infinite or not a number (nan)"
    with np.errstate(over="ignore"):
        off = np.abs(values - expected)
        most = allowed(expected, exact, rounding)
        if np.all(off <= most):
            return None
        worst = np.unravel_index(np.argmax(off - most), off.shape)
    return f"is off by up to {off[worst]:.3g} ({values[worst] + 0.0:.6g} where {expected[worst] + 0.0:.6g} is expected)"


def allowed(expected: np.ndarray, exact: bool = False, rounding: float = 0.0) -> np.ndarray:
    """Return how far an answer may be from each right number.

    Parameters
    ----------
    expected : numpy.ndarray of float64
    exact : bool
        Whether nothing is computed: then no further than the next number in single precision.
    rounding : float
        As in `difference`.
    """
    if exact:
        return np.spacing(np.abs(expected).astype("float32")).astype("float64")
    return ATOL + rounding + RTOL * np.abs(expected)


def in_words(got: Any) -> str:
    """Return what kind of answer came, for a person: its shape, that it is a tuple, or that it is no numbers.

    Parameters
    ----------
    got : object
        The answer.

    Examples
    --------
    >>> in_words((1.0, 2.0, 3.0, 4.0))
    'a tuple of 4 values'
    """
    if got is None:
        return "nothing (is a return missing?)"
    if isinstance(got, tuple):
        count = "one value" if len(got) == 1 else f"{len(got)} values"
        parts = ", ".join(map(_part_in_words, got)) if len(got) <= MOST_PARTS else ""
        return f"a tuple of {count}" + (f" ({parts})" if parts else "")
    values = array(got)
    return "something else than real numbers" if values is None else shape(values)


def _part_in_words(part: Any) -> str:
    return "nothing" if part is None else "a tuple" if isinstance(part, tuple) else in_words(part)


def agree(got: Any, expected: Any) -> bool:
    """Return whether an answer is what it is compared with, within the tolerance. One without numbers never is.

    Parameters
    ----------
    got : object
        The answer.
    expected : array-like
        What it is compared with, within ``RTOL`` and ``ATOL``.

    Returns
    -------
    bool
    """
    values = array(got)
    return (values is None or values.size > 0) and alike(got, expected)


def alike(got: Any, other: Any) -> bool:
    """Return whether two answers look the same, for the name of a fault: two NaN, two infinities and two empty ones do.

    Parameters
    ----------
    got, other : object
        Compared within ``RTOL`` and ``ATOL``.

    Returns
    -------
    bool
    """
    # Before a large answer is converted: whoever explains it compares it with many others.
    if isinstance(got, np.ndarray) and isinstance(other, np.ndarray) and got.shape != other.shape:
        return False
    left, right = array(got), array(other)
    if left is None or right is None:
        return got is other
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=RTOL, atol=ATOL, equal_nan=True))


def varied(value: Any) -> bool:
    """Return whether an answer is finite numbers that are not all the same: no stub returns that."""
    values = array(value)
    if values is None or values.size < 2 or not np.all(np.isfinite(values)):
        return False
    first = values.flat[0]
    with np.errstate(over="ignore"):
        return bool(max(values.max() - first, first - values.min()) > allowed(first))
