"""What is special about this lab; that faults lose their lines is tried in tests/labs/test_labs.py."""

import numpy as np
import pytest

from autograder.checking.student import NotebookStudent
from autograder.labs.lab8 import LAB


@pytest.mark.parametrize("stub", [lambda x, slope: x, lambda x, slope: None, lambda x, slope: 0 * x])
def test_a_stub_earns_nothing(stub):
    (item,) = LAB.checks[0](NotebookStudent({"leaky_relu": stub}, LAB.oracle()), np.random.default_rng(0))
    assert not item.passed
