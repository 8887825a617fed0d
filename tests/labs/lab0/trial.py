"""Right answers to lab 0, given in all forms that numbers have."""

from array import array
from collections import deque
from decimal import Decimal
from fractions import Fraction

import numpy as np

from autograder.checking.student import NotebookStudent
from autograder.labs.lab0 import LAB
from autograder.labs.lab0.checks import PARTS
from source_lib import exercises
from tests.labs.kit import asked

IDS = ["ada", "anna42", "20240017", "bo.lindström", "liu-x123", "student 7", "01-full-marks", "Ω"]
SEEDS, LONG_SEEDS = len(IDS) + 4, 200


def right(given):
    """Return the right answers, as functions by name."""
    return {part.function: returning(np.asarray(part.right(given)).tolist()) for part in PARTS}


def returning(value):
    return lambda: value


class Row(list):
    """A list of somebody's own."""


def each(value, number=lambda one: one, row=list):
    """Return an answer with each number and each list of it made anew."""
    if isinstance(value, list):
        return row([each(one, number, row) for one in value])
    return number(value)


def exactly(number):
    """Return a number as a fraction of small numbers, as somebody writes it down."""
    return Fraction(number).limit_denominator(100)


FORMS = {
    "tuples": lambda value: tuple(map(tuple, value)) if np.ndim(value) == 2 else tuple(value),
    "arrays of int": lambda value: np.array(value),
    "arrays of float": lambda value: np.array(value, dtype=np.float64),
    "single precision": lambda value: np.array(value, dtype=np.float32),
    "lists of NumPy's numbers": lambda value: [np.array(one) if np.ndim(one) else np.int64(one) for one in value],
    "lists of floats": lambda value: np.array(value, dtype=float).tolist(),
    "one list too many": lambda value: [value],
    "a column": lambda value: np.array(value)[..., None],
    "columns in lists": lambda value: np.array(value)[..., None].tolist(),
    "fractions": lambda value: each(value, exactly),
    "fractions in tuples": lambda value: each(value, exactly, tuple),
    "decimals": lambda value: each(value, lambda one: Decimal(str(one))),
    "arrays of fractions": lambda value: np.array(each(value, exactly), dtype=object),
    "arrays of objects": lambda value: np.array(value).astype(object),
    "lists of arrays of objects": lambda value: [np.array(one, dtype=object) for one in value],
    "lists of a class of its own": lambda value: each(value, row=Row),
    "deques": lambda value: each(value, row=deque),
    "arrays of Python": lambda value: [array("d", one) for one in value] if np.ndim(value) == 2 else deque(value),
}
VARIANTS = tuple(FORMS)


def formed(function, value, form):
    """Return an answer in a form; averages of one map each cannot be integers."""
    if form == "lists of NumPy's numbers" and function == "my_global_average":
        return [np.float64(one) for one in value]
    if form == "arrays of int" and function in ("my_global_average", "my_poolings"):
        return np.array(value)
    return FORMS[form](value)


def owner_of(seed):
    return IDS[seed] if seed < len(IDS) else f"student{seed}"


def outcome(tools, seed, variant=None, fault=None):
    given = exercises.draw(owner_of(seed))
    values = {part.function: part.right for part in PARTS}
    if fault is not None:
        values[fault.function] = fault.apply(values[fault.function])
    answers = {name: np.asarray(answer(given)).tolist() for name, answer in values.items()}
    if variant is not None:
        answers = {name: formed(name, value, variant) for name, value in answers.items()}
    student = NotebookStudent({name: returning(value) for name, value in answers.items()}, owner=given.student)
    return asked(student, LAB.checks, seed)
