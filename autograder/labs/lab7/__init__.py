"""Lab 7, challenges."""

from autograder.checking.lab import Lab
from autograder.labs.lab7.checks import CHECKS
from autograder.labs.lab7.faults import FAULTS
from autograder.labs.lab7.material import for_grading

LAB = Lab(
    name="lab7",
    title="Lab 7: Challenges",
    chapters=(
        "Training",
        "Honest evaluation begins with a split",
        "Regularization",
        "Honest evaluation",
        "Evaluation II: thresholds, calibration and slides",
        "Data",
        "Regression",
        "Ensembles",
    ),
    files=tuple(f"{folder}/{name}" for folder in "ab" for name in ("model.json", "model.weights.h5")),
    checks=CHECKS,
    manual={"discussion": 10.0},
    faults=FAULTS,
    reference="autograder.labs.lab7.reference",
    material=for_grading,
)
