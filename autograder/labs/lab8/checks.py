"""Lab 8, backward passes: what is asked of each function, line by line.

A line looks at one thing, on inputs where nothing else can go wrong: of a convolution the way round of the kernel is
asked with one channel and inside the image, the channels with kernels of one weight, and the border with kernels that a
flip does not change. So one fault costs once.
"""

from autograder.labs.lab8 import (
    activations,
    convolution,
    dense,
    finite_differences,
    normalization,
    pooling,
    scores,
    training,
)

CHECKS = (
    activations.RELU,
    activations.SIGMOID,
    scores.CHECK,
    dense.CHECK,
    pooling.CHECK,
    convolution.CHECK,
    normalization.CHECK,
    finite_differences.CHECK,
    training.CHECK,
)
