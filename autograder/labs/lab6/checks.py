"""Lab 6, segmentation: what is asked of each function and of the masks, line by line."""

from autograder.labs.lab6 import augmenting, handed_in, losses, networks, overlap, splitting, stopping

CHECKS = (
    overlap.CHECK,
    losses.CROSS_ENTROPY,
    losses.SOFT_DICE,
    splitting.SPLIT,
    augmenting.AUGMENT,
    networks.FCN,
    networks.UNET,
    stopping.CHECK,
    handed_in.CHECK,
)
