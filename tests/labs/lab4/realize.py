"""A plan of a network as a Keras model: what a student would have built who makes a known fault."""

import functools

import keras
from keras import layers

from autograder.labs.lab4 import plan


def realized(rows):
    """Return a model that does what the rows of a plan say, the same one each time: most faults build it for most
    arguments."""
    return _model(tuple(tuple(map(float, row)) for row in rows))


@functools.lru_cache(maxsize=300)
def _model(rows):
    # All at once: Keras builds a sequential model anew for every layer that is added.
    parts = []
    size, pending = 0, []
    for code, *rest in rows:
        if code == plan.INPUT:
            shape = tuple(int(n) for n in rest if n)
            parts.append(keras.Input(shape))
            size = shape[0]
        elif code == plan.CONVOLUTION:
            filters, kernel, _, _, _, out, bias = (int(n) for n in rest)
            padding = "same" if out == size else "valid"
            pending = layers.Conv2D(filters, kernel, padding=padding, use_bias=bool(bias))
            parts.append(pending)
            size = out
        elif code == plan.ACTIVATION:
            parts.append(layers.Activation(plan.ACTIVATIONS[int(rest[0])]))
        elif code in (plan.MAX, plan.AVERAGE):
            kind = layers.MaxPooling2D if code == plan.MAX else layers.AveragePooling2D
            padding = "valid" if int(rest[4]) == (size - int(rest[0])) // int(rest[2]) + 1 else "same"
            parts.append(kind(int(rest[0]), strides=int(rest[2]), padding=padding))
            size = int(rest[4])
        elif code == plan.FLATTEN:
            parts.append(layers.Flatten())
        elif code == plan.DENSE:
            parts.append(layers.Dense(int(rest[0]), use_bias=bool(rest[1])))
        elif code == plan.NORMALIZATION:
            parts.append(layers.BatchNormalization())
        elif code == plan.DROPOUT_MAPS:
            parts.append(layers.SpatialDropout2D(rest[0]))
        elif code == plan.DROPOUT_NUMBERS:
            parts.append(layers.Dropout(rest[0]))
        elif code == plan.RESHAPE:
            parts.append(layers.Reshape((-1, 1)))
        elif code == plan.PAIRS:
            parts.append(layers.MaxPooling1D(int(rest[0])))
        elif code == plan.GLOBAL:
            parts.append(layers.GlobalAveragePooling2D())
    return keras.Sequential(parts)
