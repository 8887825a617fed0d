"""Lab 2, regularization."""

from autograder.checking.lab import Lab
from autograder.labs.lab2.checks import CHECKS, material
from autograder.labs.lab2.faults import FAULTS

LAB = Lab(
    name="lab2",
    title="Lab 2: Regularization",
    checks=CHECKS,
    manual={"discussion": 6.0},
    faults=FAULTS,
    material=material,
)
