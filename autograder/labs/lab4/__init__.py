"""Lab 4, MNIST experiments."""

from autograder.checking.lab import Lab
from autograder.labs.lab4.checks import CHECKS
from autograder.labs.lab4.faults import FAULTS
from autograder.labs.lab4.images import for_grading

LAB = Lab(
    name="lab4",
    title="Lab 4: MNIST experiments",
    chapters=(
        "Training",
        "Honest evaluation begins with a split",
        "Regularization",
        "Tuning hyperparameters",
        "Honest evaluation",
        "Evaluation II: thresholds, calibration and slides",
    ),
    files=("sweep-*.jsonl", "model.json", "model.weights.h5"),
    checks=CHECKS,
    manual={"discussion": 10.0},
    faults=FAULTS,
    reference="autograder.labs.lab4.reference",
    reference_parts=tuple(f"autograder.labs.lab4.{part}" for part in ("curves", "packing", "plan")),
    material=for_grading,
)
