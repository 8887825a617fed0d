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


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 4)])
def test_an_answer_without_numbers_agrees_with_nothing(shape):
    empty = np.zeros(shape)
    assert not compare.agree(empty, empty) and not compare.varied(empty)
    assert compare.alike(empty, empty.copy()) and not compare.alike(empty, np.zeros((1, *shape)))
    assert "holds no numbers" in compare.difference(empty, empty)
    assert compare.difference([], np.zeros(2)) == "returned [0] where [2] is expected"


@pytest.mark.parametrize(
    ("got", "says"),
    [
        ((np.zeros((2, 3)), {}), "a tuple of 2 values ([2, 3], something else than real numbers)"),
        ((np.zeros((2, 3)),), "a tuple of one value ([2, 3])"),
        (((), None, (1, 2)), "a tuple of 3 values (a tuple, nothing, a tuple)"),
        ((1, 2, 3, 4, 5), "a tuple of 5 values"),
        ((), "a tuple of 0 values"),
        (None, "nothing (is a return missing?)"),
        ([[1], [2, 3]], "something else than real numbers"),
        (2.0, "a single number"),
    ],
)
def test_what_came_is_named_and_a_tuple_as_one(got, says):
    assert compare.difference(got, np.zeros((2, 3))) == f"returned {says} where [2, 3] is expected"


def test_a_tuple_of_the_right_numbers_is_right():
    assert compare.difference(((1, 2), (3, 4)), [[1, 2], [3, 4]]) is None
    assert "off by up to 1" in compare.difference((1, 2), [1, 3])


@pytest.mark.parametrize("off", [1e-7, -1e-6, 5e-6])
def test_where_nothing_is_computed_every_number_is_the_same(off):
    right = np.array([0.1, -2.5, 1000.0])
    assert compare.difference(right + off, right) is None
    assert "is off by" in compare.difference(right + off, right, exact=True)
    assert compare.difference(right.astype("float32"), right.astype("float32"), exact=True) is None
    assert compare.difference(right.tolist(), right, exact=True) is None
    assert compare.difference(right.astype("float32"), right, exact=True) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", [np.longdouble("1e400"), -np.longdouble("1e4000"), np.inf, np.nan])
def test_numbers_beyond_double_precision_are_not_finite_and_warn_nobody(number):
    value = np.array([1.0, number])
    assert not np.isfinite(compare.array(value)[1])
    assert "infinite or not a number" in compare.difference(value, np.ones(2))
