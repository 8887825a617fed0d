"""What the chapter theory/layers prints."""

import re

from tests.book.pages import of_page, outputs


def test_layers_page_says_what_keras_does_and_what_can_be_swapped_with_max(site, soups):
    printed = outputs(site, soups, "theory/layers")
    assert re.search(r"tanh +same in either order\? max: True +average: False", printed)
    assert re.search(r"x squared +same in either order\? max: False +average: False", printed)
    text = " ".join(of_page(site, soups, "theory/layers").find("article").get_text().split())
    assert "gives nan, nan, nan" in text
    ours, keras = re.search(r"Keras: ([\d,]+), our sum: ([\d,]+)", printed).groups()
    assert ours == keras
