"""The number grid: what is written where, and what is framed."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from source_lib.figures import PADDING_COLOR, WINDOW_COLOR, number_grid


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_numbers_stand_in_their_cells(ax):
    number_grid(ax, [[1, -2.5, 3], [4, np.nan, 6]], title="Input")
    written = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in ax.texts}
    assert written == {(0.5, 0.5): "1", (0.5, 1.5): "−2.5", (0.5, 2.5): "3", (1.5, 0.5): "4", (1.5, 2.5): "6"}
    assert ax.get_title() == "Input"
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the first row is on top"


def test_window_and_padding_are_marked(ax):
    number_grid(ax, np.pad([[5, 7, 9]], 1), highlight=(0, 2, 3, 2), padding=1)
    cells, window = ax.patches[:-1], ax.patches[-1]
    gray = [(int(cell.get_y()), int(cell.get_x())) for cell in cells if to_hex(cell.get_facecolor()) == PADDING_COLOR]
    assert len(gray) == 12 and (1, 1) not in gray and (1, 0) in gray
    assert (window.get_y(), window.get_x(), window.get_height(), window.get_width()) == (0, 2, 3, 2)
    assert to_hex(window.get_edgecolor()) == WINDOW_COLOR


def test_padding_of_one_axis(ax):
    number_grid(ax, np.zeros((3, 2)), padding=(1, 0))
    assert sum(to_hex(cell.get_facecolor()) == PADDING_COLOR for cell in ax.patches) == 4


def test_what_cannot_be_drawn(ax):
    with pytest.raises(ValueError, match="table"):
        number_grid(ax, [1, 2, 3])
    with pytest.raises(ValueError, match="inside"):
        number_grid(ax, np.zeros((3, 3)), highlight=(1, 1, 3, 3))
