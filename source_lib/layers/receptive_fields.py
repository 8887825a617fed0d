"""Which cells an output cell sees in every earlier layer of a small network in one dimension."""

from __future__ import annotations

from collections.abc import Sequence

from source_lib.layers.arithmetic import output_size, padding_sides


def cells_seen(n: int, layers: Sequence[tuple], cell: int) -> list[list[int]]:
    """Return which cells an output cell depends on, in the input and behind every layer.

    Parameters
    ----------
    n : int
        Cells of the input.
    layers : sequence of tuples
        Kernel size and stride of every layer, first layer first; then, where they are not 1 and 0, its dilation and
        its padding, as `output_size` takes them.
    cell : int
        Place of the output cell, counted from 0.

    Returns
    -------
    list of list of int
        Places in the input, behind the first layer and so on; the last list is the output cell itself. Padding is
        not among them.

    Raises
    ------
    ValueError
        If the layers do not fit on the input, or there is no such output cell.

    Examples
    --------
    >>> cells_seen(9, [(3, 1), (3, 2)], 1)
    [[2, 3, 4, 5, 6], [2, 3, 4], [1]]

    With dilation there are holes.

    >>> cells_seen(9, [(3, 1, 2)], 0)
    [[0, 2, 4], [0]]
    """
    sizes, windows = [n], []
    for layer in layers:
        kernel, stride, dilation, padding = (*layer, *(1, 0)[len(layer) - 2 :])
        before, _ = padding_sides(sizes[-1], kernel, stride, padding, dilation)
        windows.append((kernel, stride, dilation, before))
        sizes.append(output_size(sizes[-1], kernel, stride, padding, dilation))
    if not 0 <= cell < sizes[-1]:
        raise ValueError(f"There is no output cell {cell}: they are counted from 0 to {sizes[-1] - 1}.")
    seen = [[cell]]
    for size, (kernel, stride, dilation, before) in zip(reversed(sizes[:-1]), reversed(windows), strict=True):
        under = {stride * place + dilation * step - before for place in seen[0] for step in range(kernel)}
        seen.insert(0, sorted(place for place in under if 0 <= place < size))
    return seen
