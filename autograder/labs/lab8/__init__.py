"""Lab 8, backward passes."""

from autograder.checking.lab import Lab
from autograder.labs.lab8.checks import CHECKS
from autograder.labs.lab8.faults import FAULTS
from autograder.labs.lab8.images import for_grading
from autograder.labs.lab8.speed import time_the_loop

LAB = Lab(
    name="lab8",
    title="Lab 8: Backward passes",
    chapters=("Backpropagation through a CNN", "The layers around it", "Training", "Making it fast"),
    checks=CHECKS,
    manual={},
    faults=FAULTS,
    reference="autograder.labs.lab8.reference",
    forbidden=("keras", "tensorflow", "autograder", "source_lib"),
    prepare=time_the_loop,
    timed=("backward_loop",),
    material=for_grading,
)
