"""Lab 4, MNIST experiments: what is asked of each function, line by line."""

from autograder.labs.lab4 import accuracy, errors, models, optimizers, ordering, penalties, sweeps

CHECKS = (
    models.FNN,
    models.CONVOLUTIONAL,
    ordering.CHECK,
    optimizers.SGD_CHECK,
    optimizers.ADAM_CHECK,
    penalties.CHECK,
    errors.CONFUSION,
    errors.MISCLASSIFIED,
    sweeps.CHECK,
    accuracy.CHECK,
)
