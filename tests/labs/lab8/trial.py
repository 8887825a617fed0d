"""Right ways to solve the lab, and how it is asked: see tests/labs/kit.py."""

import numpy as np

from autograder.checking.student import NotebookStudent
from autograder.labs.lab8 import LAB
from tests.labs.kit import asked

#: The functions of each right way; those that it leaves out are the course's own.
SOLUTIONS = {
    "where": {"leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x)},
    "parts": {"leaky_relu": lambda x, slope: np.maximum(x, 0) + slope * np.minimum(x, 0)},
}
VARIANTS = tuple(SOLUTIONS)


def outcome(tools, seed, variant=None, fault=None):
    oracle = LAB.oracle()
    answers = {check.function: oracle.functions[check.function] for check in LAB.checks}
    answers |= SOLUTIONS[variant] if variant else {fault.function: fault.apply(answers[fault.function])}
    return asked(NotebookStudent(answers, oracle), LAB.checks, seed)
