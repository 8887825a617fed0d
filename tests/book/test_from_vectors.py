"""What the chapter theory/from-vectors prints."""

import math
import re

import numpy as np
from scipy.signal import correlate2d

from tests.book.pages import of_page, outputs

NAME = "theory/from-vectors"


def numbers(text):
    return [float(number) for number in text.split()]


def text_of(site, soups):
    return " ".join(of_page(site, soups, NAME).find("article").get_text().split())


def test_forward_pass_is_that_of_paper_and_pencil(site, soups):
    printed = outputs(site, soups, NAME)
    # x = (2, 1, 3): hidden sums 2 - 3 = -1 and 4 - 1 + 3 - 1 = 5, scores 0 + 1 = 1 and 5 - 2 = 3.
    assert "= -1, and after the ReLU 0\n" in printed and "= 5, and after the ReLU 5\n" in printed
    assert re.search(r"score of class 0: .* = 1\n", printed) and re.search(r"score of class 1: .* = 3\n", printed)
    first = 1 / (1 + math.exp(3 - 1))
    assert f"probabilities: [{first:.3f} {1 - first:.3f}]" in printed


def test_costs_are_what_keras_counts(site, soups):
    import keras

    (table,) = [t for t in of_page(site, soups, NAME).select("table") if "CIFAR-10" in t.get_text()]
    shown = {}
    for row in table.select("tbody tr"):
        name, *counts = (" ".join(cell.get_text().split()) for cell in row.find_all("td"))
        shown[name] = [int(count.replace(",", "")) for count in counts]
    for name, shape in {"MNIST, 28 × 28 × 1": (28, 28, 1), "CIFAR-10, 32 × 32 × 3": (32, 32, 3)}.items():
        dense = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(100)])
        conv = keras.Sequential([keras.Input(shape), keras.layers.Conv2D(100, 3)])
        assert shown[name] == [dense.count_params(), conv.count_params()]
    phone = 3000 * 4000 * 3 * 100 + 100
    assert shown["a photo of a phone, 3,000 × 4,000 × 3"][0] == phone
    text = text_of(site, soups)
    assert f"fill {4 * phone / 1e9:.1f} gigabytes" in text
    maps = 224 * 224 * 100
    assert f"would need {(224 * 224 * 3 + 1) * maps / 1e12:.1f} trillion weights" in text


def test_shuffling_costs_the_cnn_and_not_the_mlp(site, soups):
    printed = outputs(site, soups, NAME)
    (mlp, mlp_shuffled), (cnn, cnn_shuffled) = (
        (numbers(before), numbers(after))
        for before, after in re.findall(
            r"images as they are: +\[([\d. ]+)\]\nright, shuffled images: +\[([\d. ]+)\]", printed
        )
    )
    assert [len(values) for values in (mlp, mlp_shuffled, cnn, cnn_shuffled)] == [3] * 4
    assert abs(np.mean(mlp) - np.mean(mlp_shuffled)) < 2
    assert min(cnn) > max(mlp) and max(cnn_shuffled) < min(mlp_shuffled)
    said = re.search(
        r"the MLP has (\d+) % right before and (\d+) % after the shuffling, the CNN (\d+) % and (\d+) %",
        text_of(site, soups),
    )
    for value, runs in zip(said.groups(), (mlp, mlp_shuffled, cnn, cnn_shuffled), strict=True):
        assert abs(int(value) - np.mean(runs)) < 0.6
    # 144 inputs, 64 hidden values, 10 classes; 64 kernels of 5 x 5 and a dense layer from 64 maxima.
    assert f"parameters of the MLP: {145 * 64 + 65 * 10}\nparameters of the CNN: {26 * 64 + 65 * 10}" in printed
    assert "WARNING" not in printed


def test_moving_ruins_the_mlp_and_not_the_cnn(site, soups):
    printed = outputs(site, soups, NAME)
    lines = re.findall(r"moved by (\d): MLP (\d+) %, CNN (\d+) %", printed)
    moved = {int(pixels): (int(mlp), int(cnn)) for pixels, mlp, cnn in lines}
    assert list(moved) == [0, 1, 2]
    assert moved[0][0] > 90 and moved[1][0] < 60 and moved[2][0] < 20
    assert moved[2][1] > moved[0][1] - 6
    text = text_of(site, soups)
    assert f"the MLP is down to {moved[2][0]} %" in text and f"The CNN still has {moved[2][1]} %" in text
    assert "the map moved along: True" in printed
    taught = [int(right) for right in re.findall(r"moved by \d: (\d+) % right", printed)]
    assert min(taught) > 80 and "25 versions of each digit" in printed


def test_matrices_are_convolutions(site, soups):
    printed = outputs(site, soups, NAME)
    band = np.zeros((6, 8), dtype=int)
    for row in range(6):
        band[row, row : row + 3] = -1, 0, 2
    assert str(band) in printed
    result = np.correlate([0, 1, 3, 2, 2, 0, 1, 4], [-1, 0, 2], "valid")
    assert re.search(rf"dense layer with this matrix: {re.escape(str(result))}\n", printed)
    # A kernel without its middle column has six weights that are not zero; count what of them lies on the image.
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    inside = correlate2d(np.ones((8, 8)), np.abs(np.sign(kernel)), "same").sum()
    assert f"cells that are not zero: {inside / 64**2:.1%}" in printed
    assert "same as sliding the kernel: True" in printed


def test_fewer_weights_need_fewer_images(site, soups):
    printed = outputs(site, soups, NAME)
    rows = re.findall(r"^ +(\d+) +([\d.]+) +([\d.]+) +([\d.]+)$", printed, flags=re.MULTILINE)
    errors = {int(row[0]): [float(error) for error in row[1:]] for row in rows}
    assert list(errors) == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    needed = [min(n for n, row in errors.items() if row[kind] < 0.1) for kind in range(3)]
    said = "the dense layer needs {} to get below the noise of its examples, the local one {}, the convolution {}."
    assert said.format(*needed) in text_of(site, soups)
    assert needed[0] > needed[1] > needed[2] == 1
    # Below 64 images, the 64 weights of an output of the dense layer are not even determined; the local layer has 9.
    assert all(row[0] > 0.3 for n, row in errors.items() if n < 64)
    assert all(row[1] > 0.3 for n, row in errors.items() if n < 9)
    assert "weights to find: 2304 dense, 324 local, 9 in the convolution" in printed
