"""What the chapter theory/normalization prints, and that its claims hold for the numbers on it."""

import re

import keras
import numpy as np
import pytest

from tests.book.pages import of_page

NAME = "theory/normalization"


def table(site, soups, heading):
    (found,) = [t for t in of_page(site, soups, NAME).select("article table") if heading == t.find("th").get_text()]
    return {
        cells[0]: cells[1:]
        for cells in ([cell.get_text(strip=True) for cell in row.select("td")] for row in found.select("tbody tr"))
    }


def test_four_layers_average_what_their_axes_say_and_are_kerass(printed):
    rows = re.findall(r"^(\w+) +(\d+) averages of +(\d+) numbers each$", printed, re.MULTILINE)
    assert {name: (int(a), int(b)) for name, a, b in rows} == {
        "batch": (8, 4 * 5 * 6),
        "layer": (4, 5 * 6 * 8),
        "instance": (4 * 8, 5 * 6),
        "group": (4 * 2, 5 * 6 * 4),
    }
    off = re.findall(r"^\w+ +largest difference from Keras (\S+)$", printed, re.MULTILINE)
    assert len(off) == 4 and all(float(value) < 1e-4 for value in off)


def test_what_each_forgets(site, soups):
    noticed = {change: [cell != "same" for cell in row] for change, row in table(site, soups, "change").items()}
    # batch, layer, instance, group
    assert list(noticed.values()) == [
        [True, False, False, False],
        [False, True, False, True],
        [True, True, False, True],
        [True, True, True, True],
    ]


def test_error_of_a_batch_falls_with_its_root_and_lies_above_that_of_independent_numbers(printed):
    line = r"^batches of +(\d+): error +([\d.]+)%; were all +(\d+) numbers independent: +([\d.]+)%$"
    rows = [tuple(map(float, row)) for row in re.findall(line, printed, re.MULTILINE)]
    assert [row[0] for row in rows] == [1, 2, 4, 8, 16, 32, 64]
    for images, error, numbers, ideal in rows:
        assert numbers == images * 14 * 14 and ideal == pytest.approx(100 / (2 * numbers) ** 0.5, abs=0.06)
        assert error > 4 * ideal
    assert rows[0][1] / rows[-1][1] == pytest.approx(8, rel=0.6)
    worth = float(re.search(r"pixels of a map are worth about ([\d.]+) independent", printed)[1])
    assert 1 / (2 * 16 * worth) ** 0.5 == pytest.approx(rows[4][1] / 100, rel=0.05)


def test_training_mode_needs_company(printed):
    rows = re.findall(r"^training mode, batches of +(\d+): ([\d.]+)%$", printed, re.MULTILINE)
    right = {int(size): float(share) for size, share in rows}
    in_use = float(re.search(r"^with the kept averages: +([\d.]+)%", printed, re.MULTILINE)[1])
    assert list(right) == [1, 2, 4, 8, 16, 64]
    assert right[1] < right[2] < right[8] and right[2] < in_use - 5 and right[64] > 85


def test_averages_that_move_spoil_old_images_and_repair_new_ones(printed):
    rows = re.findall(r"^after +(\d+) batches: old images ([\d.]+)%, paler images ([\d.]+)%$", printed, re.MULTILINE)
    assert [int(step) for step, *_ in rows] == [0, 5, 10, 40]
    old, pale = ([float(row[k]) for row in rows] for k in (1, 2))
    assert old[-1] < old[0] - 20 and pale[-1] > pale[0] + 20
    assert re.search(r"averages moved: +False\nanswers as in use: +True\nweights to be trained: 0", printed)


def test_a_factor_in_front_changes_the_gradient_alone(printed):
    rows = re.findall(
        r"^kernel × +(\d+): loss (\S+), gradient of length (\S+), cosine with the kernel (\S+), of the",
        printed,
        re.MULTILINE,
    )
    (one, loss, length, cosine), (ten, same, shorter, _) = [tuple(map(float, row)) for row in rows]
    assert (one, ten) == (1, 10) and loss == same
    assert length / shorter == pytest.approx(10, rel=0.01) and cosine < 1e-4


def test_folding_is_exact_behind_and_wrong_at_the_border_in_front(printed):
    assert float(re.search(r"largest output \S+, largest difference (\S+)$", printed, re.MULTILINE)[1]) < 1e-4
    inside, border = re.search(r"largest difference inside (\S+), at the border (\S+)$", printed, re.MULTILINE).groups()
    assert float(inside) < 1e-4 < 0.1 < float(border)


def test_parameters_are_those_of_keras(site, soups):
    made = [
        keras.layers.BatchNormalization(),
        keras.layers.LayerNormalization(),
        keras.layers.LayerNormalization(axis=(1, 2, 3)),
        keras.layers.GroupNormalization(groups=8),
        keras.layers.GroupNormalization(groups=-1),
    ]
    for layer, (trained, kept, _) in zip(made, table(site, soups, "layer").values(), strict=True):
        layer.build((None, 8, 8, 64))
        counts = [
            sum(np.prod(v.shape) for v in vs) for vs in (layer.trainable_variables, layer.non_trainable_variables)
        ]
        assert [int(text.replace(",", "")) for text in (trained, kept)] == counts


def test_large_rates_need_it(printed):
    rows = {
        name: [float(value) for value in re.findall(r"rate \S+: +(\S+)", line)]
        for name, line in re.findall(r"^(with|without) +(rate .*)$", printed, re.MULTILINE)
    }
    assert len(rows["with"]) == len(rows["without"]) == 4
    assert max(rows["with"][-2:]) < 0.5
    assert not rows["without"][-1] < 1 and min(rows["with"]) < 0.6 * np.nanmin(rows["without"])


def test_answers_to_exercises(printed):
    for line in (
        "batch     -1.342\ninstance  -1.000\nlayer     -1.144",
        "group     1,024 means of  1,568 numbers",
        "after 20 steps: 7.03\nmomentum 0.9: 44 steps\nmomentum 0.99: 459 steps",
        "in two layers: 7.0\nfolded:        7.0",
        "values after batch normalization: [-1.  1.]",
    ):
        assert line in printed, line
