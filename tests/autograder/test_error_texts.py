"""What the errors of Python and NumPy are said to mean, as they are raised by the versions that are installed."""

import math

import numpy as np
import pytest
from scipy.signal import convolve2d

from autograder.checking.error_texts import SECOND_HINTS, meaning

A, B = np.zeros((3, 4)), np.zeros((2, 5))


def put(array, value):
    array[0, 0] = value


def recursing():
    return recursing()


ERRORS = {
    "do not go together": lambda: A + B,
    "another shape": lambda: A.__setitem__(slice(0, 2), np.zeros((2, 3))),
    "must be as long": lambda: A @ B,
    "as long in the first": lambda: np.dot(A, B),
    "fewer axes than you expect": lambda: np.sum(A, axis=3),
    "beyond the end of an axis": lambda: A[3, 0],
    "a loop runs too far": lambda: [1, 2][2],
    "than the index asks for": lambda: A[0, 0, 0],
    "another number of values": lambda: A.reshape(5, 2),
    "result is put into": lambda: np.zeros((1, 3)).__iadd__(A[:3, :3]),
    "functions of math": lambda: math.exp(A),
    "takes one number": lambda: put(A, B),
    "parts of unequal sizes": lambda: np.array([[1.0], [1.0, 2.0]]),
    "One number is taken there": lambda: float(A),
    "another number of axes": lambda: convolve2d(np.zeros((3, 4, 2)), A),
    "put together there": lambda: np.stack([A, B]),
    "do not have the same shape": lambda: np.concatenate([A, B]),
    "holds nothing": lambda: np.max(A[5:]),
    "one yes or no": lambda: 1 if A > 0 else 0,
    "must be a whole number": lambda: np.zeros((5 / 2, 2)),
    "a division gives a fraction": lambda: A[4 / 2],
    "comes out even": lambda: A[: 4 / 2],
    "no longer a function": lambda: "relu"(A),
    "with other arguments": lambda: put(A),
    "has no value where it is used": lambda: eval("no_such_name"),
    "returns nothing": lambda: None + A,
    "Where it is a gradient": lambda: None.numpy(),
    "nothing that was done inside the tape": lambda: (_ for _ in ()).throw(ValueError("None values not supported.")),
    "Something is None": lambda: None[0],
    "cannot take fractions": lambda: np.zeros(3, int).__iadd__(np.ones(3) / 2),
    "taken apart": lambda: [a for a, b in [(1, 2, 3)]],
    "one index at a time": lambda: [[1, 2]][0, 1],
    "computed with each other": lambda: [1] - [2],
    "is repeated so often": lambda: [1, 2] * 0.5,
    "multiplied number by number": lambda: np.float64(1.5).item() * (1, 2),
    "of another kind": lambda: [1].shape,
    "is not installed": lambda: __import__("no_such_package"),
    "divided by 0": lambda: 1 / 0,
    "without an end": recursing,
    "Look at the line": lambda: {}["weights"],
}


@pytest.mark.parametrize("said", ERRORS)
def test_an_error_is_put_in_words(said):
    with pytest.raises(Exception) as raised:
        ERRORS[said]()
    sentence = meaning(f"stopped with {type(raised.value).__name__}: {raised.value}")
    assert said in sentence
    assert len(SECOND_HINTS[sentence]) > 20
    assert not any(code in SECOND_HINTS[sentence] for code in ("np.", "(", "=", "["))
