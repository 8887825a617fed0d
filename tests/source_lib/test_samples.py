"""The stand-ins: their layout, that training and test images differ, and what a model can learn from them."""

import numpy as np
import pytest

from source_lib.samples import mnist_sample, patchcam_sample, tissue_labels


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


@pytest.fixture(scope="module")
def tissue():
    x_train, y_train, x_test, y_test, x_valid, y_valid = patchcam_sample()
    assert y_test is None
    return {"train": (x_train, y_train), "valid": (x_valid, y_valid), "test": (x_test, tissue_labels())}


def test_tissue_has_the_layout_of_patchcam(tissue):
    seen = set()
    for x, y in tissue.values():
        assert x.shape[1:] == (32, 32, 3) and x.dtype == y.dtype == np.uint8
        assert len(x) == len(y) and y.mean() == 0.5
        seen |= {image.tobytes() for image in x}
    assert len(seen) == sum(len(y) for _, y in tissue.values()), "no image twice"


def test_color_alone_says_little_about_tissue(tissue):
    """Gradient boosting on what the colors of an image are, wherever they are, stays under 0.70."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    def colors(x):
        flat = x.reshape(len(x), -1, 3).astype(np.float32)
        counts = [np.stack([np.histogram(image, 8, (0, 256))[0] for image in flat[:, :, k]]) for k in range(3)]
        quantiles = np.quantile(flat, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1).transpose(1, 0, 2).reshape(len(x), -1)
        spread = np.concatenate([flat.mean(1), flat.std(1)], axis=1)
        between = [np.corrcoef(image.T)[np.triu_indices(3, 1)] for image in flat]
        return np.concatenate([spread, quantiles, np.stack(between), *counts], axis=1)

    model = HistGradientBoostingClassifier(random_state=0).fit(colors(tissue["train"][0]), tissue["train"][1])
    assert model.score(colors(tissue["test"][0]), tissue["test"][1]) < 0.70


def test_a_small_network_learns_the_shapes(tissue):
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(1 / 127.5, -1),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    model.fit(*tissue["train"], batch_size=64, epochs=8, verbose=0)
    assert model.evaluate(*tissue["test"], verbose=0)[1] > 0.85
