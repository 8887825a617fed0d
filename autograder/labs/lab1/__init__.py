"""Lab 1, implementing a CNN."""

from autograder.checking.lab import Lab
from autograder.labs.lab1.checks import CHECKS
from autograder.labs.lab1.fast_convolution import time_the_loop
from autograder.labs.lab1.faults import FAULTS

LAB = Lab(
    name="lab1",
    title="Lab 1: Implementing a CNN",
    chapters=(
        "Convolution",
        "Padding, stride and output size",
        "Pooling, and what survives a shift",
        "The layers around it",
        "What a network costs",
        "Making it fast",
    ),
    checks=CHECKS,
    manual={"discussion": 10.0},
    faults=FAULTS,
    reference="autograder.labs.lab1.reference",
    forbidden=("keras", "tensorflow", "autograder", "source_lib"),
    prepare=time_the_loop,
    timed=("convolve_loop",),
)
