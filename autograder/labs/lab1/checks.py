"""Lab 1, implementing a CNN: what is asked of each function, line by line.

A line looks at one thing, on inputs where nothing else can go wrong: whether the channels are summed is asked
with kernels that a flip does not change, the bias as a difference of two answers, the activation against the
student's own answer without it. So one fault costs once. And no line pays for a function that returns zeros, a
constant or its input.
"""

from autograder.labs.lab1 import (
    activation,
    convolution,
    counting,
    dense,
    evaluation,
    fast_convolution,
    flattening,
    pooling,
)

CHECKS = (
    activation.CHECK,
    convolution.CHECK,
    pooling.CHECK,
    flattening.CHECK,
    dense.CHECK,
    counting.CHECK,
    evaluation.CHECK,
    fast_convolution.CHECK,
)
