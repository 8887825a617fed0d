"""Many questions and answers in one message are the same questions and answers."""

import numpy as np
import pytest

from autograder.grading.student import _read_all
from autograder.sandbox import wire
from autograder.sandbox.packed import Questions, flattened, restored, unpack

VALUES = [
    np.arange(6.0).reshape(2, 3),
    np.asfortranarray(np.arange(12, dtype="float32").reshape(3, 4)),
    np.zeros((0, 3)),
    np.array(7),
    np.array([True, False, True]),
    np.arange(5, dtype="int8"),
    [np.ones(3, "float32"), np.zeros((0,))],
    "relu",
    3,
    -0.5,
    None,
]


def test_questions_come_out_as_they_went_in():
    questions = Questions([(value, "x") for value in VALUES] + [tuple(VALUES)])
    text, numbers = questions.packed
    again = unpack(text, numbers)
    assert len(again) == len(questions)
    for one, other in zip(again, questions, strict=True):
        assert wire.same(list(one), list(other))
    fortran = again[1][0]
    assert fortran.flags.f_contiguous and not fortran.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        again[0][0][0, 0] = 1


def test_mappings_come_out_as_they_went_in():
    given = {"loss": [1.0, 0.5], "at": np.arange(3.0), "of": {"deep": [np.ones((2, 1))]}}
    ((again, number),) = unpack(*Questions([(given, 2)]).packed)
    assert number == 2 and wire.same(again, given)


def test_questions_are_packed_once():
    questions = Questions([(np.ones(3),)])
    assert questions.packed is questions.packed


@pytest.mark.parametrize("values", [VALUES, [], [None], ["text", (1, 2)], [np.ones((2, 1, 2))]])
def test_arrays_are_restored_and_what_is_none_stays_out(values):
    shapes, numbers = flattened(values)
    for value, array in zip(values, restored(shapes, numbers), strict=True):
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(array, value)
        else:
            assert array is None


@pytest.mark.parametrize(
    ("shapes", "count"),
    [
        ([[3]], 2),
        ([[-1]], 1),
        ([[2, -2], [4]], 0),
        ([[1.0]], 1),
        ([[True]], 1),
        ([[2**40, 0]], 0),
        ([[1] * 65], 1),
        ([3], 3),
        (["3"], 3),
        ([{"a": 1}], 1),
        ([[[1]]], 1),
    ],
)
def test_shapes_that_are_none_are_refused(shapes, count):
    with pytest.raises(ValueError, match="shapes"):
        restored(shapes, np.zeros(count))


GOOD = {"shapes": [[2], None], "numbers": np.zeros(2), "others": [[1, {"value": 3, "modified": []}]]}


@pytest.mark.parametrize(
    "change",
    [
        {"shapes": [[2]]},
        {"shapes": None},
        {"shapes": 7},
        {"numbers": np.zeros(2, "float32")},
        {"numbers": np.zeros(3)},
        {"numbers": np.zeros((1, 2))},
        {"numbers": [0.0, 0.0]},
        {"numbers": None},
        {"others": None},
        {"others": [[7, {}]]},
        {"others": [[True, {}]]},
        {"others": [[1]]},
        {"others": [["1", {}]]},
        {"others": [[1, None]]},
    ],
    ids=str,
)
def test_a_reply_that_holds_no_answers_is_none(change):
    questions = [(np.ones(2),), (np.ones(2),)]
    assert [type(one).__name__ for one in _read_all("f", GOOD, questions, 0.1)] == ["Answer", "Answer"]
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        _read_all("f", {**GOOD, **change}, questions, 0.1)


def test_an_answer_that_is_left_out_or_makes_no_sense_is_an_error_of_its_own():
    questions = [(np.ones(2),), (np.ones(2),)]
    for others in ([], [[1, {"value": 3, "modified": [5]}]], [[1, {"error": "f stopped with ValueError."}]]):
        first, second = _read_all("f", {**GOOD, "others": others}, questions, 0.1)
        assert first.value.tolist() == [0, 0] and isinstance(second, Exception)
