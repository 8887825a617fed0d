"""Whatever a function returned is held against the right answer without taking more room than it has."""

import tracemalloc

import numpy as np
import pytest

from autograder.checking import compare


@pytest.mark.parametrize("wrap", [lambda parts: parts, tuple, lambda parts: [parts], lambda parts: [1.0, [2.0, parts]]])
def test_texts_are_no_numbers_and_are_not_filled_up_to_the_longest(wrap):
    tracemalloc.start()
    try:
        assert compare.array(wrap(["a" * 100_000] + [""] * 1000)) is None
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_lists_of_numbers_are_numbers():
    assert compare.array([[1, 2.5], [True, np.float32(3)]]).tolist() == [[1, 2.5], [1, 3]]
    assert compare.array((np.arange(2), [2, 3])).tolist() == [[0, 1], [2, 3]]
    for value in (None, "1", [None], [[1], [2, 3]], [10**400], {"a": 1}, 1j):
        assert compare.array(value) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", [np.longdouble("1e400"), -np.longdouble("1e4000"), np.inf, np.nan])
def test_numbers_beyond_double_precision_are_not_finite_and_warn_nobody(number):
    value = np.array([1.0, number])
    assert not np.isfinite(compare.array(value)[1])
    assert "infinite or not a number" in compare.difference(value, np.ones(2))
