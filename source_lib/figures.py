"""Figures that chapters share: numbers in a grid, with the window that is being looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Readable on paper, on screens, and without seeing red and green apart.
WINDOW_COLOR = "#d55e00"
PADDING_COLOR = "#e8e8e8"


def number_grid(
    ax: Axes,
    values: np.ndarray,
    highlight: tuple[int, int, int, int] | None = None,
    title: str | None = None,
    *,
    padding: int | tuple[int, int] = 0,
    number_format: str = "{:.4g}",
) -> None:
    """Draw a table of numbers as a grid of pixels.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    values : array_like, shape [rows, columns]
        The numbers. A cell that is NaN stays empty, so an output can be shown while it is being filled.
    highlight : (row, column, rows, columns), optional
        A window that is framed: its first row and column, and its size.
    title : str, optional
        What stands above.
    padding : int or (int, int)
        Rows and columns at each edge that are shown as padding, in gray.
    number_format : str
        How a number is written.

    Raises
    ------
    ValueError
        If the values are not a table, or the window reaches out of it.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> number_grid(ax, [[1, 2, 3], [4, 5, 6]], highlight=(0, 1, 2, 2), title="Input")
    """
    from matplotlib.patches import Rectangle

    values = np.asarray(values)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"values is a table [rows, columns]; this one has shape {values.shape}.")
    rows, columns = values.shape
    pad_rows, pad_columns = (padding, padding) if np.ndim(padding) == 0 else padding
    for row, column in np.ndindex(rows, columns):
        framed = not (pad_rows <= row < rows - pad_rows and pad_columns <= column < columns - pad_columns)
        face = PADDING_COLOR if framed else "white"
        ax.add_patch(Rectangle((column, row), 1, 1, facecolor=face, edgecolor="0.4", linewidth=0.8))
        if not np.isnan(values[row, column]):
            text = number_format.format(values[row, column]).replace("-", "−")
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color="black")
    if highlight is not None:
        top, left, height, width = highlight
        if not (0 <= top <= rows - height and 0 <= left <= columns - width and height > 0 and width > 0):
            raise ValueError(f"The window {highlight} does not lie inside a table of {rows} rows, {columns} columns.")
        ax.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=WINDOW_COLOR, linewidth=2.5, zorder=3))
    # Room for half a line's width, which would be cut off at the edge otherwise.
    ax.set_xlim(-0.05, columns + 0.05)
    ax.set_ylim(rows + 0.05, -0.05)
    ax.set_aspect("equal")
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=10)
