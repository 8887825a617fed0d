"""The leaderboard of lab 3: accuracy and AUC of five trainings on the test images."""

from autograder.checking.contest import Contest
from autograder.labs.lab3.checks import CLASSES, PROBABILITIES
from autograder.labs.lab3.images import LABELS
from source_lib.data.patchcam import tissue_test

CONTEST = Contest(
    name="lab3",
    title="Tumor classification",
    files={"accuracy": CLASSES, "auc": PROBABILITIES},
    labels=LABELS,
    make_labels="cnn-course data patchcam --from DIR --labels",
    dataset="patchcam",
    sample_test=tissue_test,
)
