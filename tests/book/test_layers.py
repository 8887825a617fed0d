"""What the chapter theory/layers prints."""

import re

from tests.book.pages import outputs


def test_layers_page_says_what_keras_does_and_what_can_be_swapped_with_max(site, soups):
    printed = outputs(site, soups, "theory/layers")
    assert re.search(r"tanh +max: True +average: False", printed)
    assert re.search(r"x squared +max: False +average: False", printed)
    assert re.search(r"by the formula: +\[nan nan nan\]", printed)
    stable, small = (re.search(rf"{which} +(\[.*\])", printed)[1] for which in ("by SciPy:", "of 1, 2 and 3:"))
    assert stable == small
    ours, keras = re.search(r"Keras: ([\d,]+), our sum: ([\d,]+)", printed).groups()
    assert ours == keras
