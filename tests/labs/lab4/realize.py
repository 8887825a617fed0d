"""A plan of a network as a Keras model: what a student would have built who makes a known fault."""

import keras
from keras import layers

from autograder.labs.lab4 import plan


def realized(rows):
    """Return a model that does what the rows of a plan say."""
    model = keras.Sequential()
    size, pending = 0, []
    for code, *rest in rows:
        if code == plan.INPUT:
            shape = tuple(int(n) for n in rest if n)
            model.add(keras.Input(shape))
            size = shape[0]
        elif code == plan.CONVOLUTION:
            filters, kernel, _, _, _, out, bias = (int(n) for n in rest)
            padding = "same" if out == size else "valid"
            pending = layers.Conv2D(filters, kernel, padding=padding, use_bias=bool(bias))
            model.add(pending)
            size = out
        elif code == plan.ACTIVATION:
            model.add(layers.Activation(plan.ACTIVATIONS[int(rest[0])]))
        elif code in (plan.MAX, plan.AVERAGE):
            kind = layers.MaxPooling2D if code == plan.MAX else layers.AveragePooling2D
            model.add(kind(int(rest[0]), strides=int(rest[2])))
            size = int(rest[4])
        elif code == plan.FLATTEN:
            model.add(layers.Flatten())
        elif code == plan.DENSE:
            model.add(layers.Dense(int(rest[0]), use_bias=bool(rest[1])))
        elif code == plan.NORMALIZATION:
            model.add(layers.BatchNormalization())
        elif code == plan.DROPOUT_MAPS:
            model.add(layers.SpatialDropout2D(rest[0]))
        elif code == plan.DROPOUT_NUMBERS:
            model.add(layers.Dropout(rest[0]))
        elif code == plan.RESHAPE:
            model.add(layers.Reshape((-1, 1)))
        elif code == plan.PAIRS:
            model.add(layers.MaxPooling1D(int(rest[0])))
        elif code == plan.GLOBAL:
            model.add(layers.GlobalAveragePooling2D())
    return model
