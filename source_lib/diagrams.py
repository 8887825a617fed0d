"""Pictures of networks, drawn from the rows of a walk: a block with its branches, and maps as solids of their sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from source_lib.layers.model_walk import LayerRow

#: Colors of boxes, by what a layer does. They differ in lightness too, for those who do not see the hues.
CONVOLUTION_COLOR, DEPTHWISE_COLOR, POOLING_COLOR = "#9ecae1", "#deebf7", "#fdd0a2"
MEETING_COLOR, OTHER_COLOR = "#ffffff", "#eeeeee"
_SHORT = {
    "BatchNormalization": "batch norm.",
    "LayerNormalization": "layer norm.",
    "GlobalAveragePooling2D": "global average",
    "LayerScale": "scale",
    "Silu": "SiLU",
    "Gelu": "GELU",
    "Relu": "ReLU",
    "Relu6": "ReLU6",
    "Sigmoid": "sigmoid",
    "Flatten": "flatten",
}
_SIGNS = {"Add": "+", "Multiply": "×", "Subtract": "−", "Concatenate": "joined"}
#: Inches: of a box, and between two of them, one below the other or next to each other.
_BOX_WIDTH, _BOX_HEIGHT, _LINE_HEIGHT, _DOWN, _ACROSS = 1.45, 0.3, 0.17, 0.2, 0.12
#: Letters that fit on a line of a box.
_LETTERS = 24


@dataclass
class _Box:
    """A layer, or some small ones in a row."""

    lines: list[str]
    color: str
    width: float = _BOX_WIDTH

    @property
    def height(self) -> float:
        return _BOX_HEIGHT + _LINE_HEIGHT * (len(self.lines) - 1)


@dataclass
class _Fork:
    """Branches, each a list of boxes and forks, and what they meet in. An empty one is a line past the others."""

    branches: list[list[_Box | _Fork]]
    end: _Box

    @property
    def width(self) -> float:
        return sum(map(_width, self.branches)) + _ACROSS * (len(self.branches) - 1)

    @property
    def height(self) -> float:
        return max(map(_height, self.branches)) + 2 * _DOWN + self.end.height


def block_diagram(
    ax: Axes, rows: Sequence[LayerRow], title: str | None = None, labels: Mapping[str, str] | None = None
) -> tuple[float, float]:
    """Draw a block of a network from top to bottom, with the branches into which it forks.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw. One unit of the axes is one inch if the axes get the size that is returned.
    rows : sequence of LayerRow
        What `source_lib.layers.model_walk.walk` gives of a model with one output.
    title : str, optional
        What stands above.
    labels : mapping of str to str, optional
        What a box says instead of kind, kernel and channels, by the name of its row.

    Returns
    -------
    (float, float)
        Width and height of the drawing, in units of the axes.

    Raises
    ------
    ValueError
        If there are no rows, or the branches do not lie within one another: two of them share a layer, or one of them
        leads to another output.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from source_lib.layers.model_walk import Layer, walk
    >>> figure, ax = plt.subplots()
    >>> width, height = block_diagram(ax, walk([Layer("Conv2D", filters=8, kernel=3), Layer("ReLU")], (9, 9, 1)))
    >>> [text.get_text() for text in ax.texts]
    ['input', 'conv. 3×3, 8', 'ReLU']
    """
    if not rows:
        raise ValueError("There are no layers to draw.")
    drawn: list[int] = []
    parts = [_Box(["input"], MEETING_COLOR), *_series(rows, -1, len(rows) - 1, labels or {}, drawn)]
    if sorted(drawn) != list(range(len(rows))):
        wrong = next(row.name for place, row in enumerate(rows) if drawn.count(place) != 1)
        raise ValueError(
            f"The branches do not lie within one another: {wrong} "
            "those that meet at the end. Draw a part of the network, with one output."
        )
    width, height = _width(parts), _height(parts)
    _draw_series(ax, parts, width / 2, 0.0)
    ax.set_xlim(-0.05, width + 0.05)
    ax.set_ylim(-height - 0.05, 0.05)
    ax.set_aspect("equal")
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=9)
    return width + 0.1, height + 0.1


def _series(
    rows: Sequence[LayerRow], start: int, end: int, labels: Mapping[str, str], drawn: list[int]
) -> list[_Box | _Fork]:
    """Return what lies behind one row, up to another and with it, as boxes and forks in a row."""
    # From the end on, since each row knows what it takes from.
    back = []
    while end != start:
        drawn.append(end)
        row = rows[end]
        box = _box(row, labels)
        if len(row.inputs) == 1:
            back.append(box)
            (end,) = row.inputs
        else:
            passed = [_passed(rows, source) for source in row.inputs]
            end = max(set.intersection(*passed))
            back.append(_Fork([_series(rows, end, source, labels, drawn) for source in row.inputs], box))
    return _joined(back[::-1])


def _passed(rows: Sequence[LayerRow], end: int) -> set[int]:
    """Return the rows that every way from the network's input to a row passes, -1 for the input among them."""
    passed = {-1: {-1}}
    for place in range(end + 1):
        passed[place] = {place} | set.intersection(*(passed[source] for source in rows[place].inputs))
    return passed[end]


def _joined(parts: list[_Box | _Fork]) -> list[_Box | _Fork]:
    """Write small layers that follow each other into one box."""
    found: list[_Box | _Fork] = []
    for part in parts:
        before = found[-1] if found else None
        small = all(isinstance(each, _Box) and each.color == OTHER_COLOR for each in (before, part))
        if not small:
            found.append(part)
        elif len(before.lines[-1]) + len(part.lines[0]) + 2 <= _LETTERS:
            before.lines[-1] += f", {part.lines[0]}"
        else:
            before.lines[-1] += ","
            before.lines += part.lines
    return found


def _box(row: LayerRow, labels: Mapping[str, str]) -> _Box:
    size = "×".join(map(str, row.kernel)) if row.kernel else ""
    width, color = _BOX_WIDTH, OTHER_COLOR
    text = _SHORT.get(row.kind, row.kind)
    if row.kind == "DepthwiseConv2D":
        color, text = DEPTHWISE_COLOR, f"depthwise {size}"
    elif row.kind in ("Conv2D", "SeparableConv2D", "Conv2DTranspose"):
        word = {"Conv2D": "conv.", "SeparableConv2D": "separable", "Conv2DTranspose": "transposed"}[row.kind]
        color, text = CONVOLUTION_COLOR, f"{word} {size}, {row.output_shape[-1]}"
    elif row.kind == "Dense":
        color, text = CONVOLUTION_COLOR, f"dense, {row.output_shape[-1]}"
    elif row.kind in ("MaxPooling2D", "AveragePooling2D"):
        color, text = POOLING_COLOR, f"{'max' if row.kind[0] == 'M' else 'average'} pool {size}"
    elif row.kind in _SIGNS:
        color, text = MEETING_COLOR, _SIGNS[row.kind]
        width = _BOX_HEIGHT if len(text) == 1 else 0.8
    if row.stride and max(row.stride) > 1:
        text += f", stride {max(row.stride)}"
    return _Box([labels.get(row.name, text)], color, width)


def _width(branch: Sequence[_Box | _Fork]) -> float:
    return max((part.width for part in branch), default=_BOX_HEIGHT)


def _height(branch: Sequence[_Box | _Fork]) -> float:
    return sum(part.height for part in branch) + _DOWN * sum(isinstance(part, _Box) for part in branch[1:])


def _draw_series(ax: Axes, parts: Sequence[_Box | _Fork], x: float, y: float) -> float:
    """Draw boxes and forks below each other around x, from y on down, and return where the last one ends."""
    for number, part in enumerate(parts):
        if isinstance(part, _Fork):
            y = _draw_fork(ax, part, x, y)
            continue
        if number:
            _arrow(ax, (x, y), (x, y - _DOWN))
            y -= _DOWN
        y = _draw_box(ax, part, x, y)
    return y


def _draw_fork(ax: Axes, fork: _Fork, x: float, y: float) -> float:
    """Draw branches between the line that spreads them and the one that gathers them, and what they meet in."""
    spread, gather = y - _DOWN / 2, y - 1.5 * _DOWN - max(map(_height, fork.branches))
    left = x - fork.width / 2
    for branch in fork.branches:
        middle = left + _width(branch) / 2
        left += _width(branch) + _ACROSS
        _line(ax, (x, y), (x, spread), (middle, spread))
        end = spread
        if branch:
            # A fork draws the line to its own branches.
            boxed = isinstance(branch[0], _Box)
            (_arrow if boxed else _line)(ax, (middle, spread), (middle, y - _DOWN))
            end = _draw_series(ax, branch, middle, y - _DOWN)
        _line(ax, (middle, end), (middle, gather), (x, gather))
    _arrow(ax, (x, gather), (x, gather - _DOWN / 2))
    return _draw_box(ax, fork.end, x, gather - _DOWN / 2)


def _draw_box(ax: Axes, box: _Box, x: float, y: float) -> float:
    from matplotlib.patches import FancyBboxPatch

    style = "circle,pad=0" if box.width == _BOX_HEIGHT else "round,pad=0,rounding_size=0.06"
    look = {"facecolor": box.color, "edgecolor": "0.3", "linewidth": 0.9, "zorder": 2}
    corner = (x - box.width / 2, y - box.height)
    ax.add_patch(FancyBboxPatch(corner, box.width, box.height, boxstyle=style, **look))
    text = "\n".join(box.lines)
    ax.text(x, y - box.height / 2, text, ha="center", va="center", fontsize=8, color="black", zorder=3)
    return y - box.height


def _line(ax: Axes, *points: tuple[float, float]) -> None:
    ax.plot(*zip(*points, strict=True), color="0.3", linewidth=1, solid_joinstyle="round", zorder=1)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    from matplotlib.patches import FancyArrowPatch

    look = {"color": "0.3", "linewidth": 1, "mutation_scale": 8, "shrinkA": 0, "shrinkB": 0, "zorder": 1}
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", **look))


def volumes(ax: Axes, shapes: Mapping[str, Sequence[int]], parts: Mapping[str, int] | None = None) -> None:
    """Draw what a network holds after each layer as solids: rows × columns × channels, and vectors as bars.

    Rows and columns are drawn in proportion to their square root, channels and values to their logarithm, since in
    true proportion a map of one pixel and an image of hundreds do not fit into one picture.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    shapes : mapping of str to sequence of int
        What stands below each, and its shape: [rows, columns, channels], or [values].
    parts : mapping of str to int, optional
        Names of parts of the network, and how many of the solids belong to each, from the first on.

    Raises
    ------
    ValueError
        If there is nothing to draw, a shape is none of those, or the parts have not as many solids as there are.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> volumes(ax, {"image": (28, 28, 1), "conv": (24, 24, 6), "dense": (10,)}, {"features": 2, "classes": 1})
    """
    from matplotlib.patches import Polygon, Rectangle

    if not shapes or any(len(shape) not in (1, 3) or min(shape) < 1 for shape in shapes.values()):
        raise ValueError("A shape is [rows, columns, channels] or [values], and there is at least one.")
    if parts and sum(parts.values()) != len(shapes):
        raise ValueError(f"The parts have {sum(parts.values())} solids together, and there are {len(shapes)}.")
    solids = {name: _solid(shape) for name, shape in shapes.items()}
    bottom = -max(high for _, high, _ in solids.values()) / 2
    x, spans = 0.0, []
    for name, (deep, high, back) in solids.items():
        shape = shapes[name]
        color = POOLING_COLOR if len(shape) == 1 else CONVOLUTION_COLOR if spans else MEETING_COLOR
        look = {"facecolor": color, "edgecolor": "0.3", "linewidth": 0.9}
        low, top, right = -high / 2, high / 2, x + deep
        ax.add_patch(Rectangle((x, low), deep, high, **look))
        if back:
            above = [(x, top), (x + back, top + back), (right + back, top + back), (right, top)]
            beside = [(right, low), (right + back, low + back), (right + back, top + back), (right, top)]
            ax.add_patch(Polygon(above, **look))
            ax.add_patch(Polygon(beside, **look))
        text = f"{name}\n{'×'.join(map(str, shape))}"
        ax.text(x + deep / 2, low - 0.12, text, ha="center", va="top", fontsize=9)
        spans.append((x, right + back))
        x += max(deep + back, 0.72) + 0.45
    first = 0
    for name, count in (parts or {}).items():
        left, right = spans[first][0] - 0.1, spans[first + count - 1][1] + 0.1
        bracket = {"arrowstyle": "|-|", "mutation_scale": 4}
        ax.annotate("", (left, bottom - 1.05), (right, bottom - 1.05), arrowprops=bracket)
        ax.text((left + right) / 2, bottom - 1.2, name, ha="center", va="top", fontsize=10)
        first += count
    ax.set_xlim(-0.3, x)
    ax.set_ylim(bottom - 1.7, -bottom + 1.6)
    ax.set_aspect("equal")
    ax.set_axis_off()


def _solid(shape: Sequence[int]) -> tuple[float, float, float]:
    """Return how deep a solid is to the right, how high, and how far it goes back."""
    if len(shape) == 1:
        return 0.16, 0.25 * math.log2(shape[0] + 1), 0.0
    rows, columns, channels = shape
    return 0.12 + 0.12 * math.log2(channels), math.sqrt(rows) / 2.2, math.sqrt(columns) / 4.4
