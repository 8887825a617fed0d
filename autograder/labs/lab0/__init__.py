"""Lab 0, convolution arithmetic."""

from autograder.checking.lab import Lab
from autograder.labs.lab0.checks import CHECKS
from autograder.labs.lab0.faults import FAULTS
from autograder.labs.lab0.practice import practice

LAB = Lab(
    name="lab0",
    title="Lab 0: Convolution arithmetic",
    chapters=(
        "Convolution",
        "Padding, stride and output size",
        "Receptive fields",
        "Pooling, and what survives a shift",
        "What a network costs",
    ),
    checks=CHECKS,
    manual={"working": 5.0},
    faults=FAULTS,
    # Its notebook computes with NumPy alone, so nothing waits for Keras.
    imports=(),
    practice=practice,
)
