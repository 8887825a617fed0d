"""Figures that chapters share: numbers in a grid, curves of several trainings, pictures in rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from source_lib.layers.arithmetic import pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    pad_rows, pad_columns = pair(padding)
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


def number_grids(*grids: Mapping) -> Figure:
    """Draw grids of numbers side by side, with all cells equally large.

    Parameters
    ----------
    *grids : mapping
        What `number_grid` takes for each of them: ``values``, and where wanted ``title``, ``highlight`` and so on.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, for more to be drawn into it or saved.

    Raises
    ------
    ValueError
        If there is no grid, or `number_grid` refuses one.

    Examples
    --------
    >>> figure = number_grids({"values": [[1, 2, 3]], "title": "image"}, {"values": [[1], [2]], "title": "kernel"})
    """
    import matplotlib.pyplot as plt

    if not grids:
        raise ValueError("There are no grids to draw.")
    rows, columns = zip(*(np.atleast_2d(grid["values"]).shape[:2] for grid in grids), strict=True)
    figure, axes = plt.subplots(
        1,
        len(grids),
        figsize=(0.45 * sum(columns) + 0.55 * len(grids), 0.45 * max(rows) + 0.4),
        width_ratios=columns,
        squeeze=False,
        layout="constrained",
    )
    for ax, grid in zip(axes.flat, grids, strict=True):
        number_grid(ax, **grid)
        ax.set_ylim(max(rows) + 0.05, -0.05)
    return figure


def curves_with_spread(
    ax: Axes, curves: Sequence[Sequence[float]], label: str, *, color: str = WINDOW_COLOR, linestyle: str = "-"
) -> None:
    """Draw the average of the curves of several trainings, and a band of one standard deviation around it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    curves : sequence of sequences of float
        One for each training: its value after the first epoch, the second and so on. Trainings may have ended early:
        drawn are the epochs that all of them have, since an average over the others would be one of other trainings.
    label : str
        What the legend says.
    color, linestyle : str
        As matplotlib names them.

    Raises
    ------
    ValueError
        If there are fewer than two curves, or one has no value: then there is no spread to draw.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> curves_with_spread(ax, [[2.0, 1.0, 0.5], [2.2, 1.4]], "training")
    """
    last = min(map(len, curves), default=0)
    if len(curves) < 2 or last == 0:
        raise ValueError(f"A spread is that of two or more curves with a value each; {label!r} has {len(curves)}.")
    table = np.array([curve[:last] for curve in curves], dtype=float)
    mean, spread = table.mean(axis=0), table.std(axis=0, ddof=1)
    epochs = np.arange(1, last + 1)
    ax.plot(epochs, mean, color=color, linestyle=linestyle, linewidth=1.8, label=label)
    ax.fill_between(epochs, mean - spread, mean + spread, color=color, alpha=0.15, linewidth=0)


def picture_grid(pictures: Mapping[str, np.ndarray], columns: int = 4, size: float = 1.6) -> Figure:
    """Draw pictures in rows, each with its name above.

    Parameters
    ----------
    pictures : mapping of str to numpy.ndarray
        Names, and pictures [D_y, D_x, 3] or [D_y, D_x] with values from 0 to 255. Others are cut off there.
    columns : int
        How many stand in a row at most.
    size : float
        Width of a picture, in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, for more to be drawn into it or saved.

    Raises
    ------
    ValueError
        If there is no picture, or one has no such shape.

    Examples
    --------
    >>> figure = picture_grid({"black": np.zeros((8, 8)), "gray": np.full((8, 8, 3), 128)})
    """
    import matplotlib.pyplot as plt

    if not pictures:
        raise ValueError("There are no pictures to draw.")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(size * columns, (size + 0.3) * rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (name, picture) in zip(axes.flat, pictures.items(), strict=False):
        picture = np.asarray(picture)
        if picture.ndim != 2 and (picture.ndim != 3 or picture.shape[-1] != 3):
            raise ValueError(f"{name!r} has shape {picture.shape}; a picture is [D_y, D_x] or [D_y, D_x, 3].")
        ax.imshow(np.clip(np.rint(picture), 0, 255).astype(np.uint8), cmap="gray", vmin=0, vmax=255)
        ax.set_title(name, fontsize=9)
    return figure
