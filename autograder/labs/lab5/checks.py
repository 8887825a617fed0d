"""Lab 5, CIFAR-10, transfer and looking inside: what is asked of each function, line by line."""

from autograder.labs.lab5 import designs, measured, networks, pictures

CHECKS = (
    networks.BASELINE,
    designs.CHECK,
    networks.WIDE_AND_DEEP,
    measured.ACCURACY,
    pictures.PREPROCESS,
    networks.TRANSFER,
    measured.TRANSFER,
    pictures.ACTIVATIONS,
    pictures.GRAD_CAM,
    pictures.OVERLAY,
)
