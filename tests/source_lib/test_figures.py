"""Numbers in a grid, curves of several trainings, pictures in rows: what is drawn where, and what cannot be."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from source_lib.figures import (
    PADDING_COLOR,
    WINDOW_COLOR,
    curves_with_spread,
    number_grid,
    number_grids,
    picture_grid,
)


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


def test_average_and_sample_deviation_of_the_epochs_that_all_trainings_have(ax):
    curves_with_spread(ax, [[1, 2, 3], [3, 6], [5, 7, 9, 9]], "training", color="#0072b2", linestyle="--")
    (line,), (band,) = ax.lines, ax.collections
    np.testing.assert_allclose(line.get_xydata(), [[1, 3], [2, 5]])
    assert (line.get_label(), line.get_linestyle(), line.get_color()) == ("training", "--", "#0072b2")
    corners = {(x, round(y, 9)) for x, y in band.get_paths()[0].vertices}
    assert {(1, 1), (1, 5), (2, round(5 - 7**0.5, 9)), (2, round(5 + 7**0.5, 9))} <= corners


@pytest.mark.parametrize("curves", [[], [[1, 2]], [[1], []]])
def test_a_spread_needs_two_curves(ax, curves):
    with pytest.raises(ValueError, match="two or more curves.*'loss'"):
        curves_with_spread(ax, curves, "loss")


def test_grids_side_by_side_have_cells_of_one_size():
    figure = number_grids(
        {"values": np.ones((3, 5)), "title": "image"}, {"values": [[1], [2]], "highlight": (1, 0, 1, 1)}
    )
    figure.canvas.draw()
    first, second = figure.axes
    assert first.get_title() == "image" and [text.get_text() for text in second.texts] == ["1", "2"]
    sizes = [ax.transData.transform((1, 1)) - ax.transData.transform((0, 0)) for ax in figure.axes]
    np.testing.assert_allclose(sizes[0], sizes[1], rtol=0.1)
    # They hang from the same line.
    assert np.allclose(first.transData.transform((0, 0))[1], second.transData.transform((0, 0))[1], atol=2)
    plt.close(figure)
    with pytest.raises(ValueError, match="no grids"):
        number_grids()


def test_pictures_stand_in_rows_under_their_names():
    bright = np.full((4, 6, 3), 300.0)
    figure = picture_grid({"a": np.zeros((4, 6)), "b": bright, "c": np.full((4, 6), -9.0)}, columns=2)
    first, second, third, empty = figure.axes
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "c", ""] and not empty.images
    assert first.get_position().y0 > third.get_position().y0 and first.get_position().x0 < second.get_position().x0
    # Cut off, not scaled and not wrapped around: gray levels of two pictures can be compared.
    assert second.images[0].get_array().min() == 255 and third.images[0].get_array().max() == 0
    assert first.images[0].get_clim() == (0, 255)
    plt.close(figure)


def test_what_is_no_picture():
    with pytest.raises(ValueError, match="no pictures"):
        picture_grid({})
    with pytest.raises(ValueError, match=r"'flat' has shape \(4,\)"):
        picture_grid({"flat": np.zeros(4)})
    plt.close("all")
