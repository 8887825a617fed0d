"""The figure in which a network sees a digit: the pen, and the HTML that its script finds."""

import doctest
import json

import numpy as np
import pytest
from bs4 import BeautifulSoup

from source_lib.interactive import see_network
from source_lib.interactive.see_network import DIGITS, PEN, draw, see_network_html


def test_examples_of_the_docstrings():
    assert doctest.testmod(see_network).failed == 0


def test_pen_is_white_within_and_fades_to_black():
    image = draw([[(4, 14.5), (24, 14.5)]])
    distance = np.abs(np.arange(28) + 0.5 - 14.5)
    np.testing.assert_allclose(image[:, 14], np.clip((PEN[0] - distance) / (PEN[0] - PEN[1]), 0, 1), atol=1e-6)
    assert image.dtype == np.float32 and not image[:, 0].any()


def test_curve_goes_through_its_points_without_corners():
    points = ((6, 20), (14, 6), (22, 20))
    image = draw([points])
    assert all(image[int(row), int(column)] == 1 for column, row in points)
    # Beside the straight lines, outside of the triangle.
    assert image[12, 8] == 1 > draw([points[:2], points[1:]])[12, 8] + 0.5


def test_other_sides_hold_the_same_digit_at_another_size():
    small, large = draw(DIGITS[8], 28), draw(DIGITS[8], 56)
    assert np.abs(large.reshape(28, 2, 28, 2).mean(axis=(1, 3)) - small).max() < 0.2


def test_digits_keep_clear_of_the_border_as_those_of_mnist_do():
    for strokes in DIGITS:
        image = draw(strokes)
        inside = np.pad(image[2:-2, 2:-2], 2)
        assert np.array_equal(inside, image) and image.sum() > 20


def test_figure_is_a_picture_and_a_sentence_without_its_script():
    figure = BeautifulSoup(see_network_html({"name": "</script>"}, b"png", 'A "3".'), "html.parser").div
    still = figure.select_one(".see-still")
    assert still.img["src"] == "data:image/png;base64,cG5n" and still.img["alt"] == still.p.get_text() == 'A "3".'
    assert "hidden" in figure.select_one(".see-live").attrs
    data = json.loads(figure.script.string)
    assert data["network"]["name"] == "</script>" and len(data["digits"]) == 10 and data["digit"] == 3
    for control in figure.select("input, select"):
        assert control.find_parent("label").get_text(strip=True)


def test_there_are_ten_digits():
    with pytest.raises(ValueError, match="no digit 10 to draw at first; they go from 0 to 9"):
        see_network_html({}, b"", "", digit=10)
