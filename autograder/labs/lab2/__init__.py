"""Lab 2, regularization."""

from autograder.checking.lab import Lab
from autograder.labs.lab2.checks import CHECKS
from autograder.labs.lab2.faults import FAULTS
from autograder.labs.lab2.images import for_grading

LAB = Lab(
    name="lab2",
    title="Lab 2: Regularization",
    chapters=("Honest evaluation begins with a split", "Regularization", "Tuning hyperparameters", "Honest evaluation"),
    files=("runs.jsonl",),
    checks=CHECKS,
    manual={"discussion": 6.0},
    faults=FAULTS,
    reference="autograder.labs.lab2.reference",
    material=for_grading,
)
