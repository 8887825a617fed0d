"""The leaderboard of lab 6: the Dice coefficient of one file of masks."""

from autograder.checking.contest import Contest
from autograder.labs.lab6.faults import MASKS
from autograder.labs.lab6.images import LABELS, SHAPE

CONTEST = Contest(
    name="lab6",
    title="Glands",
    files={"dice": (MASKS,)},
    labels=LABELS,
    make_labels="cnn-course release lab6",
    shape=SHAPE,
    # Of few images: each of them shows more in a step than where there are thousands.
    images_per_step=1,
)
