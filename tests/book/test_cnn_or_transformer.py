"""What the chapter theory/cnn-or-transformer shows: attention by hand, what a layer sees, and what was measured."""

import json
import re

import numpy as np
import pytest

from book.make_transformer import OUTPUT, TASKS, transformer
from tests.book.pages import code_cells, of_page

NAME = "theory/cnn-or-transformer"


@pytest.fixture(scope="module")
def mean():
    lines = [json.loads(line) for line in OUTPUT.read_text().splitlines()]

    def average(what, **settings):
        found = [line for line in lines if line["what"] == what and all(line[k] == v for k, v in settings.items())]
        return np.mean([line["test"] for line in found])

    return average


def percent(share):
    return f"{100 * share:.1f} %"


def test_first_paragraph_says_what_was_measured(text, mean):
    sizes = TASKS["MNIST"].sizes
    for size in (min(sizes), max(sizes)):
        cnn, vit = (mean("size", data="MNIST", kind=kind, count=size) for kind in ("cnn", "transformer"))
        assert percent(cnn) in text and percent(vit) in text and cnn > vit


def test_distance_shrinks_with_the_number_of_images(mean):
    sizes = sorted(TASKS["MNIST"].sizes)
    gaps = [
        mean("size", data="MNIST", kind="cnn", count=size) - mean("size", data="MNIST", kind="transformer", count=size)
        for size in sizes
    ]
    assert gaps[-1] < gaps[0] / 3


def test_attention_by_hand(printed):
    scores = np.exp(np.array([2.0, 0.0, 2.0]) / np.sqrt(2))
    weights = scores / scores.sum()
    expected = weights @ [10, 20, 60]
    terms = " + ".join(f"{weight:.2f} · {value}" for weight, value in zip(weights, (10, 20, 60), strict=True))
    assert f"first token: {terms} = {expected:.1f}" in printed


def test_products_of_many_numbers_decide_too_early_without_the_factor(printed):
    found = re.findall(r"d = +(\d+): variance +(\d+), .* ([\d.]+) without, ([\d.]+) with", printed)
    assert len(found) == 3
    for d, variance, without, with_factor in np.array(found, float):
        assert variance == pytest.approx(d, rel=0.15) and without > with_factor
        assert with_factor < 0.4


def test_one_layer_of_attention_sees_everything(printed):
    for name, count in {"1 convolution": 9, "3 convolutions": 49, "1 layer of attention": 225}.items():
        assert re.search(rf"{name} *: +{count} of 225 places", printed), name


def test_cutting_is_a_convolution(printed):
    assert float(re.search(r"product of matrices: (\S+)", printed)[1]) < 1e-4


def test_without_positions_a_heap_of_patches_is_the_image(printed):
    found = {
        name: float(number)
        for name, number in re.findall(r"(with|without) positions *: scores .* at most (\S+)", printed)
    }
    assert found["without"] < 1e-3 < 0.1 < found["with"]


def test_table_of_shuffled_patches(site, soups, mean):
    (table,) = [each for each in of_page(site, soups, NAME).select("article table") if "shuffled" in each.get_text()]
    rows = [[cell.get_text(strip=True) for cell in row.select("td")] for row in table.select("tbody tr")]
    count = 1600
    expected = [
        (mean("size", data="MNIST", kind="cnn", count=count), mean("rearranged", kind="cnn", order=0)),
        (mean("size", data="MNIST", kind="transformer", count=count), mean("rearranged", kind="transformer", order=0)),
        (mean("rearranged", kind="no positions", order=-1), mean("rearranged", kind="no positions", order=0)),
    ]
    assert [tuple(row[1:]) for row in rows] == [tuple(map(percent, pair)) for pair in expected]


def test_transformer_of_the_page_is_the_one_that_was_trained(printed):
    parameters = transformer(TASKS["MNIST"]).count_params()
    assert f"{parameters:,} parameters" in printed


def test_costs_of_patches(printed):
    for size in (16, 8, 4):
        n = (224 // size) ** 2
        matrices, pairs = 4 * n * 384**2 / 1e9, 2 * n * n * 384 / 1e9
        assert re.search(rf"patches of +{size}: +{n:,} tokens, +{matrices:.2f} \+ +{pairs:.2f} billion", printed)


def test_answers_of_the_exercises(site, soups, printed):
    for answer in (
        "patches (None, 14, 14, 192) 147,648",
        "positions (None, 196, 192) 37,632",
        "results [6.0, 6.0]",
        "n > 384, root 19.6, 20 patches a side, 320 pixels",
        "18,960 = 18,432 + 528",
    ):
        assert answer in printed
    assert len(of_page(site, soups, NAME).select("article .admonition.dropdown")) == 6


def test_page_trains_nothing():
    assert not re.search(r"\.fit\(|\.compile\(", "\n".join(code_cells(NAME)))
