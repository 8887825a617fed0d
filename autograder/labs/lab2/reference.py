"""The network of lab 2 that has no regularization, and what it reaches where a student's training is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import numpy as np


def plain_model() -> keras.Model:
    """Build and compile the network with which the lab begins."""
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
    return model


def plain_accuracy(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, epochs: int = 20) -> Any:
    """Return how many test images the plain network classifies right after its training, in percent.

    Parameters
    ----------
    x, y : numpy.ndarray
        Images [N, 28, 28, 1] and their classes, one-hot.
    x_test, y_test : numpy.ndarray
        Others, and their classes as numbers.
    epochs : int
        Of its training.
    """
    import keras

    keras.utils.set_random_seed(1)
    model = plain_model()
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    return 100 * float((model.predict(x_test, verbose=0).argmax(axis=1) == y_test).mean())
