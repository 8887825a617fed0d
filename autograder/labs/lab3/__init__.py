"""Lab 3, tumor classification."""

from autograder.checking.lab import Lab
from autograder.labs.lab3.checks import CHECKS
from autograder.labs.lab3.faults import FAULTS
from autograder.labs.lab3.images import for_grading, for_release

LAB = Lab(
    name="lab3",
    title="Lab 3: Tumor classification",
    chapters=(
        "Keras in practice",
        "Honest evaluation begins with a split",
        "Regularization",
        "The augmentation catalogue",
        "Honest evaluation",
        "Evaluation II: thresholds, calibration and slides",
    ),
    files=(*(f"run{n}{kind}.csv" for n in range(1, 6) for kind in ("", "_prob", "_valid")), "valid_labels.csv"),
    checks=CHECKS,
    manual={"discussion": 6.0},
    faults=FAULTS,
    material=for_grading,
    for_release=for_release,
)
