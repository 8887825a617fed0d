"""Lab 6, segmentation."""

from autograder.checking.lab import Lab
from autograder.labs.lab6.checks import CHECKS
from autograder.labs.lab6.faults import FAULTS
from autograder.labs.lab6.images import for_grading, for_release

LAB = Lab(
    name="lab6",
    title="Lab 6: Segmentation",
    chapters=(
        "Padding, stride and output size",
        "Receptive fields",
        "Honest evaluation begins with a split",
        "Regularization",
        "The augmentation catalogue",
        "Tuning hyperparameters",
        "Segmentation",
    ),
    files=("masks.npz|masks.png",),
    checks=CHECKS,
    manual={"discussion": 6.0},
    faults=FAULTS,
    reference="autograder.labs.lab6.reference",
    reference_parts=(
        "autograder.checking.network_numbers",
        *(f"autograder.labs.lab6.{part}" for part in ("measuring", "networks_of")),
    ),
    material=for_grading,
    for_release=for_release,
)
