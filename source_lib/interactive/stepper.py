"""The figure in which a kernel moves over an image: everything it shows, computed beforehand and written as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from source_lib.interactive.markup import data_element, option_elements
from source_lib.layers.arithmetic import assemble, cross_correlate_steps, output_size

#: What the two ways to read a kernel are called, as it is first, then turned by half a turn.
OPERATIONS = ("cross-correlation", "true convolution")


def stepper_data(
    image: np.ndarray,
    kernels: Mapping[str, np.ndarray],
    paddings: Sequence[int] = (0, 1, 2),
    strides: Sequence[int] = (1, 2),
) -> dict:
    """Work out every position of every kernel for every choice of padding, stride and operation.

    Parameters
    ----------
    image : array_like of int, shape [D_y, D_x]
        One channel.
    kernels : mapping of str to array_like of int, shape [R, S]
        Names and kernels.
    paddings : sequence of int
        Zeros on each side.
    strides : sequence of int
        Pixels from one position to the next.

    Returns
    -------
    dict
        What JSON can hold. ``padded`` are the padded images, one for each padding. ``kernels`` have a ``name`` and as
        ``values`` the kernel as it is and turned by half a turn. ``runs[kernel][padding][stride][operation]``, counted
        from zero in the order given, is one choice: ``sizes`` says in words how the output's rows and columns come
        about, ``shape`` is that of the output, and ``steps`` has for each position the window's first row and column
        in the padded image, the sum, and the products row by row. Where the kernel does not fit, there are no steps.

    Raises
    ------
    ValueError
        If there is nothing to choose from, or image and kernels are not tables of integers.

    Examples
    --------
    >>> data = stepper_data([[1, 2, 3]], {"difference": [[1, -1]]}, paddings=[0], strides=[1])
    >>> run = data["runs"][0][0][0][0]
    >>> run["shape"], run["steps"]
    ([1, 2], [[0, 0, -1, 1, -2], [0, 1, -1, 2, -3]])
    >>> run["sizes"][1]
    'columns: ⌊(3 + 2·0 − 2) / 1⌋ + 1 = 2'
    """
    image = np.asarray(image)
    tables = {name: np.asarray(kernel) for name, kernel in kernels.items()}
    if not (tables and len(paddings) and len(strides)):
        raise ValueError("The figure needs at least one kernel, one padding and one stride to choose from.")
    for name, table in {"image": image, **tables}.items():
        if table.ndim != 2 or not np.issubdtype(table.dtype, np.integer):
            raise ValueError(
                f"{name!r} must be a table of integers [rows, columns]; it has shape {table.shape} and {table.dtype}."
            )
    return {
        "padded": [np.pad(image, padding).tolist() for padding in paddings],
        "paddings": list(paddings),
        "strides": list(strides),
        "kernels": [
            {"name": name, "values": [table.tolist(), table[::-1, ::-1].tolist()]} for name, table in tables.items()
        ],
        "runs": [
            [
                [[_run(image, read, padding, stride) for read in (table, table[::-1, ::-1])] for stride in strides]
                for padding in paddings
            ]
            for table in tables.values()
        ],
    }


def stepper_html(
    image: np.ndarray,
    kernels: Mapping[str, np.ndarray],
    paddings: Sequence[int] = (0, 1, 2),
    strides: Sequence[int] = (1, 2),
    *,
    kernel: str | None = None,
    padding: int = 1,
    stride: int = 1,
) -> str:
    """Return the figure as HTML: tables that say it all for one choice, and the data for all others.

    ``book/_static/stepper.js`` makes it live and ``stepper.css`` gives it its looks. Without them, and in print, it is
    a set of plain tables with the first position marked and the whole output.

    Parameters
    ----------
    image : array_like of int, shape [D_y, D_x]
        One channel.
    kernels : mapping of str to array_like of int, shape [R, S]
        Names and kernels.
    paddings, strides : sequence of int
        What there is to choose from, as in `stepper_data`.
    kernel : str, optional
        The name of the kernel that is chosen at first; by default the first one.
    padding, stride : int
        What else is chosen at first.

    Returns
    -------
    str
        One ``div`` of class ``stepper``.

    Raises
    ------
    ValueError
        If what is chosen at first is not among the choices, or the kernel does not fit there.

    Examples
    --------
    >>> html = stepper_html([[1, 2, 3]], {"difference": [[1, -1]]}, paddings=[0], padding=0)
    >>> html.startswith('<div class="stepper"')
    True
    """
    names = list(kernels)
    kernel = names[0] if kernel is None and names else kernel
    if kernel not in names or padding not in paddings or stride not in strides:
        raise ValueError(f"{kernel!r} with padding {padding} and stride {stride} is not among the choices.")
    data = stepper_data(image, kernels, paddings, strides)
    place = (names.index(kernel), list(paddings).index(padding), list(strides).index(stride))
    values = np.asarray(kernels[kernel])
    steps = cross_correlate_steps(image, values, padding, stride)
    padded = np.pad(np.asarray(image), padding)
    sizes = data["runs"][place[0]][place[1]][place[2]][0]["sizes"]
    # Room for the largest of all choices, so that nothing jumps when another one is made.
    runs = [run for of_kernel in data["runs"] for of_padding in of_kernel for pair in of_padding for run in pair]
    room = {
        "image": len(max(data["padded"], key=len)),
        "output": max(run["shape"][0] for run in runs),
    }
    style = "; ".join(f"--{name}-rows: {rows}" for name, rows in room.items())
    window = (0, 0, *values.shape)
    return "".join(
        [
            f'<div class="stepper" role="group" aria-label="A kernel moves over an image" style="{style}">',
            '<div class="stepper-controls" hidden>',
            _select("kernel", "Kernel", names, kernel),
            _select("padding", "Padding", paddings, padding),
            _select("stride", "Stride", strides, stride),
            _select("operation", "Operation", OPERATIONS, OPERATIONS[0]),
            "</div>",
            '<div class="stepper-controls" hidden><button type="button">Back</button>'
            '<button type="button">Next</button>',
            f'<label>Position <input type="range" min="0" max="{len(steps) - 1}" value="0"></label></div>',
            f'<p class="stepper-choice">{escape(kernel)}, padding {padding}, stride {stride}, {OPERATIONS[0]}</p>',
            '<div class="stepper-grids"><div class="stepper-image">',
            _table("padded", "padded image" if padding else "image", padded, frame=padding, here=window),
            '</div><div class="stepper-kernel">',
            _table("kernel", "kernel", values),
            _table("products", "products", steps[0].products),
            '</div><div class="stepper-text">',
            f'<p class="stepper-formula">y[0, 0] = {steps[0].formula}</p>',
            f'<p class="stepper-sizes">{"<br>".join(sizes)}</p>',
            '</div><div class="stepper-output">',
            _table("output", "output", assemble(steps), here=(0, 0, 1, 1)),
            "</div></div>",
            '<p class="stepper-said" role="status"></p>',
            data_element(data),
            "</div>",
        ]
    )


def _run(image: np.ndarray, kernel: np.ndarray, padding: int, stride: int) -> dict:
    sides = zip(("rows", "columns"), image.shape, kernel.shape, strict=True)
    sizes = [_size_in_words(axis, n, k, padding, stride) for axis, n, k in sides]
    if any(n + 2 * padding < k for n, k in zip(image.shape, kernel.shape, strict=True)):
        return {"sizes": sizes, "shape": [0, 0], "steps": []}
    steps = cross_correlate_steps(image, kernel, padding, stride)
    return {
        "sizes": sizes,
        "shape": list(assemble(steps).shape),
        "steps": [
            [stride * step.row, stride * step.column, step.total, *step.products.ravel().tolist()] for step in steps
        ],
    }


def _size_in_words(axis: str, n: int, k: int, padding: int, stride: int) -> str:
    """Write the formula of the output's size with its numbers, or why there is none."""
    room = n + 2 * padding - k
    if room < 0:
        return f"{axis}: {n} + 2·{padding} − {k} = {_text(room)}, the kernel does not fit"
    return f"{axis}: ⌊({n} + 2·{padding} − {k}) / {stride}⌋ + 1 = {output_size(n, k, stride, padding)}"


def _select(name: str, label: str, options: Sequence, chosen: object) -> str:
    entries = option_elements(options, chosen)
    return f'<label>{label} <select name="{name}" autocomplete="off">{entries}</select></label>'


def _table(
    name: str, title: str, values: np.ndarray, frame: int = 0, here: tuple[int, int, int, int] = (0, 0, 0, 0)
) -> str:
    rows, columns = values.shape
    top, left, height, width = here
    html = f'<table class="{name}"><caption>{title}, {rows} × {columns}</caption>'
    for i, row in enumerate(values.tolist()):
        html += "<tr>"
        for j, value in enumerate(row):
            inside = frame <= i < rows - frame and frame <= j < columns - frame
            marked = top <= i < top + height and left <= j < left + width
            classes = " ".join(["padding"] * (not inside) + ["here"] * marked)
            html += f'<td class="{classes}">{_text(value)}</td>' if classes else f"<td>{_text(value)}</td>"
        html += "</tr>"
    return html + "</table>"


def _text(value: int) -> str:
    return str(value).replace("-", "−")
