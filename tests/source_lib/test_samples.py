"""The stand-in for MNIST: its layout, and that training and test images differ."""

import numpy as np

from source_lib.samples import mnist_sample


def test_layout_is_that_of_mnist():
    x_train, y_train, x_test, y_test = mnist_sample()
    assert x_train.shape == (1297, 28, 28) and x_test.shape == (500, 28, 28)
    assert x_train.dtype == x_test.dtype == np.uint8
    assert x_train.min() == 0 and x_train.max() == 255
    assert not x_train[:, :4].any() and not x_train[:, :, -4:].any(), "digits are framed with background"
    for labels, images in ((y_train, x_train), (y_test, x_test)):
        counts = np.bincount(labels)
        assert len(counts) == 10 and len(labels) == len(images)
        assert counts.min() > 0.85 * counts.max(), "no class is rare"


def test_no_image_is_in_both_parts():
    x_train, _, x_test, _ = mnist_sample()
    assert not {image.tobytes() for image in x_train} & {image.tobytes() for image in x_test}


def test_images_still_show_their_digits():
    # A nearest-neighbor classifier that only chance could help would get a tenth right.
    from sklearn.neighbors import KNeighborsClassifier

    x_train, y_train, x_test, y_test = mnist_sample()
    model = KNeighborsClassifier(1).fit(x_train.reshape(len(x_train), -1), y_train)
    assert model.score(x_test.reshape(len(x_test), -1), y_test) > 0.9
