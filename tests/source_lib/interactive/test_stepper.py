"""The figure in which a kernel moves: every choice is what SciPy computes, and it can be read without a script."""

import doctest
import json
from itertools import product

import numpy as np
import pytest
from bs4 import BeautifulSoup
from scipy.signal import convolve2d, correlate2d

from source_lib.interactive import stepper
from source_lib.interactive.stepper import OPERATIONS, stepper_data, stepper_html

IMAGE = np.array([[1, 0, 2, 3, 1], [3, 2, 0, 7, 0], [0, 6, 1, 1, 4]])
KERNELS = {"lopsided": np.array([[1, 2, 0], [0, -1, 3]]), "tall": np.array([[1], [2], [0], [-2], [-1]])}


def test_examples_in_docstrings():
    assert doctest.testmod(stepper).failed == 0


def test_every_run_is_what_scipy_computes():
    data = stepper_data(IMAGE, KERNELS)
    fitted = 0
    for (k, kernel), (p, padding), (s, stride), (turned, compute) in product(
        enumerate(KERNELS.values()), enumerate((0, 1, 2)), enumerate((1, 2)), enumerate((correlate2d, convolve2d))
    ):
        run = data["runs"][k][p][s][turned]
        padded = np.pad(IMAGE, padding)
        assert data["padded"][p] == padded.tolist()
        if padded.shape[0] < kernel.shape[0]:
            assert run["steps"] == [] and run["shape"] == [0, 0]
            assert run["sizes"][0] == f"rows: 3 + 2·{padding} − 5 = −{5 - 3 - 2 * padding}, the kernel does not fit"
            continue
        fitted += 1
        expected = compute(padded, kernel, "valid")[::stride, ::stride]
        assert run["shape"] == list(expected.shape)
        assert [step[2] for step in run["steps"]] == expected.ravel().tolist()
        assert [line.rpartition(" = ")[2] for line in run["sizes"]] == [str(size) for size in expected.shape]
        read = np.array(data["kernels"][k]["values"][turned])
        assert np.array_equal(read, kernel[::-1, ::-1] if turned else kernel)
        for row, column, total, *products in run["steps"]:
            window = padded[row : row + kernel.shape[0], column : column + kernel.shape[1]]
            assert products == (window * read).ravel().tolist() and sum(products) == total
    assert fitted == 20


def test_figure_says_it_all_without_a_script():
    figure = BeautifulSoup(stepper_html(IMAGE, KERNELS, kernel="lopsided", stride=2), "html.parser").div
    output = [[cell.get_text() for cell in row.find_all("td")] for row in figure.select("table.output tr")]
    expected = correlate2d(np.pad(IMAGE, 1), KERNELS["lopsided"], "valid")[::2, ::2]
    assert output == [[str(value).replace("-", "−") for value in row] for row in expected.tolist()]
    assert figure.select_one(".stepper-choice").get_text() == "lopsided, padding 1, stride 2, cross-correlation"
    assert len(figure.select("table.padded td.here")) == 6 and len(figure.select("table.padded td.padding")) == 20
    assert all("hidden" in controls.attrs for controls in figure.select(".stepper-controls"))
    chosen = [option.get_text() for option in figure.select("option[selected]")]
    assert chosen == ["lopsided", "1", "2", OPERATIONS[0]]


def test_name_cannot_end_the_data():
    kernels = {"</script><b>": KERNELS["tall"]}
    figure = BeautifulSoup(stepper_html(IMAGE, kernels, padding=1), "html.parser").div
    assert not figure.find_all("b")
    assert json.loads(figure.script.string)["kernels"][0]["name"] == "</script><b>"


@pytest.mark.parametrize(
    ("image", "kernels", "more", "message"),
    [
        (IMAGE, {}, {}, "at least one kernel"),
        (IMAGE, KERNELS, {"paddings": []}, "at least one kernel, one padding"),
        (IMAGE / 2, KERNELS, {}, r"'image' must be a table of integers.*float64"),
        (IMAGE, {"flat": np.ones(3, int)}, {}, r"'flat' must be .*shape \(3,\)"),
    ],
)
def test_what_cannot_be_traced(image, kernels, more, message):
    with pytest.raises(ValueError, match=message):
        stepper_data(image, kernels, **more)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"kernel": "none"}, "'none' with padding 1 and stride 1 is not among"),
        ({"stride": 3}, "stride 3 is not among"),
        ({"kernel": "tall", "padding": 0}, "does not fit"),
    ],
)
def test_what_cannot_be_chosen_at_first(more, message):
    with pytest.raises(ValueError, match=message):
        stepper_html(IMAGE, KERNELS, **more)
