"""What the chapter theory/layers prints."""

import re

from tests.book.pages import of_page, outputs


def test_layers_page_says_what_keras_does_with_odd_sizes_and_with_max(site, soups):
    printed = outputs(site, soups, "theory/layers")
    assert "Keras drops what is left over:\n [[-1 -1]]\n" in printed
    assert re.search(r"tanh +same in either order\? max: True +average: False", printed)
    assert re.search(r"x squared +same in either order\? max: False +average: False", printed)
    text = " ".join(of_page(site, soups, "theory/layers").find("article").get_text().split())
    assert "7 × 7 becomes 3 × 3, not 4 × 4" in text and "gives nan, nan, nan" in text
    ours, keras = re.search(r"Keras: ([\d,]+), our sum: ([\d,]+)", printed).groups()
    assert ours == keras
