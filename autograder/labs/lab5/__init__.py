"""Lab 5, CIFAR-10, transfer and looking inside."""

from autograder.checking.lab import Lab
from autograder.labs.lab5.checks import CHECKS
from autograder.labs.lab5.faults import FAULTS
from autograder.labs.lab5.images import for_grading

LAB = Lab(
    name="lab5",
    title="Lab 5: CIFAR-10, transfer, and looking inside",
    chapters=(
        "Keras in practice",
        "Honest evaluation begins with a split",
        "Regularization",
        "The augmentation catalogue",
        "Honest evaluation",
        "Transfer learning",
        "Looking inside",
    ),
    files=(
        "model.json",
        "model.weights.h5",
        *(f"transfer/{name}" for name in ("model.json", "model.weights.h5", "backbone.json")),
    ),
    checks=CHECKS,
    manual={"discussion": 10.0},
    faults=FAULTS,
    reference="autograder.labs.lab5.reference",
    reference_parts=(
        "autograder.checking.network_numbers",
        *(f"autograder.labs.lab5.{part}" for part in ("recipes", "looking", "measuring", "models")),
    ),
    material=for_grading,
)
