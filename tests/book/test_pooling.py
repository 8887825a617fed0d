"""What the chapter theory/pooling prints, with the shifts measured again in another way."""

import re

import numpy as np
from scipy.signal import convolve2d
from skimage.measure import block_reduce
from skimage.transform import resize
from sklearn.datasets import load_digits

from tests.book.pages import of_page, outputs


def test_odd_sizes_are_dropped_by_keras_and_filled_up_by_block_reduce(site, soups):
    printed = outputs(site, soups, "theory/pooling")
    assert "Keras drops what is left over:\n [[-1 -1]]\n" in printed
    text = " ".join(of_page(site, soups, "theory/pooling").find("article").get_text().split())
    assert "7 × 7 becomes 3 × 3, not 4 × 4" in text


def test_gradients_are_those_of_each_pooling(site, soups):
    printed = outputs(site, soups, "theory/pooling")
    for name, shares in (("max", [0, 0, 1, 0]), ("average", [0.25] * 4), ("sum", [1] * 4)):
        (said,) = re.findall(rf"^{name} +\[([\d. ]+)\]$", printed, flags=re.MULTILINE)
        assert list(map(float, said.split())) == shares


def row_of(printed, name):
    return [float(value) for value in re.search(rf"^{name} +((?:\d\.\d+ ?)+)$", printed, re.MULTILINE)[1].split()]


def test_shifts_change_as_much_as_the_page_says(site, soups):
    printed = outputs(site, soups, "theory/pooling")
    digits = load_digits().images[:40] / 16
    images = np.zeros((40, 48, 48))
    images[:, 12:36, 12:36] = resize(digits, (40, 24, 24), order=1, mode="constant")
    straight, slanted = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]), np.array([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]])
    kernels = [np.rot90(kernel, turns) for turns in range(4) for kernel in (straight, slanted)]

    def edges(image):
        return np.stack([np.maximum(convolve2d(image, kernel[::-1, ::-1], "same"), 0) for kernel in kernels])

    def change(features, shift):
        values = []
        for image in images:
            a, b = features(image).ravel(), features(np.roll(image, shift, axis=1)).ravel()
            values.append(np.linalg.norm(a - b) / np.hypot(np.linalg.norm(a), np.linalg.norm(b)))
        return np.mean(values)

    ways = {
        "pixels": lambda x: x,
        "edges": edges,
        "max pooling 2 × 2": lambda x: block_reduce(edges(x), (1, 2, 2), np.max),
        "max pooling 8 × 8": lambda x: block_reduce(edges(x), (1, 8, 8), np.max),
        "global average": lambda x: edges(x).mean(axis=(1, 2)),
    }
    for name, features in ways.items():
        said = row_of(printed, name)
        assert len(said) == 9
        for shift in (1, 5):
            assert abs(said[shift] - change(features, shift)) < 0.0051, (name, shift)


def test_strides_break_what_the_average_promised(site, soups):
    printed = outputs(site, soups, "theory/pooling")
    strides, pooled, blurred = (row_of(printed, name) for name in ("strides", "max pooling", "blurred"))
    for values in (strides, pooled, blurred):
        assert values[0] == values[4] == values[8] == 0 and max(values) > 0
    assert max(strides) > max(pooled) > 4 * max(blurred)
    assert "shift 7: another answer\nshift 8: the same" in printed
