"""Lab 4, MNIST experiments: what is asked of each function, line by line."""

from autograder.labs.lab4 import errors, models, optimizers, ordering, penalties

CHECKS = (
    models.FNN,
    models.CONVOLUTIONAL,
    ordering.CHECK,
    optimizers.SGD_CHECK,
    optimizers.ADAM_CHECK,
    penalties.CHECK,
    errors.CONFUSION,
    errors.MISCLASSIFIED,
)
