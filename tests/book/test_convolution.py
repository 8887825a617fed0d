"""What the chapter theory/convolution prints."""

import json

import numpy as np
from scipy.signal import convolve2d, correlate2d

from tests.book.pages import of_page, outputs


def test_convolution_page_prints_what_scipy_computes(site, soups):
    image = np.array([[1, 0, 2, 3, 1], [3, 2, 0, 7, 0], [0, 6, 1, 1, 4]])
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    page = of_page(site, soups, "theory/convolution")
    printed = outputs(site, soups, "theory/convolution")
    assert str(correlate2d(image, kernel, "same")) in printed
    shown = json.loads(page.select_one(".stepper script").string)
    for run, compute in (("correlation", correlate2d), ("convolution", convolve2d)):
        totals = [step["total"] for step in shown[run]["steps"]]
        assert totals == compute(image, kernel, "same").ravel().tolist()
    assert "from 512 to 504: 9 × 9\nfrom 514 to 504: 11 × 11" in printed
    assert "3 × 5 becomes 5 × 7" in printed
    assert "the output moved along:  True\nthe output stayed:       False" in printed
    text = " ".join(page.find("article").get_text().split())
    assert "Now there are 15 positions" in text and "an image of 32 pixels becomes 34" in text
