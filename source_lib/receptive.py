"""Which cells an output cell sees in every earlier layer of a small network in one dimension."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from source_lib.arithmetic import output_size, padding_sides, receptive_field


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


def catalogue(n: int, kinds: Sequence[tuple], depth: int) -> dict[str, Any]:
    """Return what every output cell sees, for every stack of layers up to a depth: the traces of the explorer.

    A stack is written as the places of its layers among `kinds`, such as ``"02"``. What a cell sees some layers back
    depends only on those layers and on the size of the map in front of them, so that is how it is kept.

    Parameters
    ----------
    n : int
        Cells of the input.
    kinds : sequence of tuples
        What a layer may be: kernel size, stride and, where it is not 1, dilation. At most ten.
    depth : int
        Most layers of a stack.

    Returns
    -------
    dict
        Ready for JSON. ``size`` is `n`, ``depth`` is `depth`. ``field`` maps a stack to its receptive field and its
        jump. ``sees`` maps ``"SIZE:STACK"`` to one number per output cell, in base 36 and with spaces between: the sum
        of ``2**place`` over all cells that it sees in a map of that size in front of the stack. ``misfits`` maps
        ``"SIZE:KIND"`` to what is wrong where the layer does not fit on a map of that size.

    Raises
    ------
    ValueError
        If there are more than ten kinds, or a number is too small.

    Examples
    --------
    >>> traces = catalogue(5, [(3, 1), (2, 2)], 2)
    >>> traces["sees"]["5:01"]
    'f'
    >>> traces["field"]["01"]
    [4, 2]
    >>> traces["misfits"]["2:0"].split(": ")[1]
    '⌊(2 + 2·0 − 3)/1⌋ + 1 = 0, and a size is at least 1.'
    """
    if len(kinds) > 10:
        raise ValueError(
            f"A stack is written with one digit per layer, so there are at most ten kinds, not {len(kinds)}."
        )
    field: dict[str, list[int]] = {}
    sees: dict[str, str] = {}
    misfits: dict[str, str] = {}
    sizes = {n}
    for length in range(depth, 0, -1):
        reached = set()
        for size, stack in itertools.product(sorted(sizes), itertools.product(range(len(kinds)), repeat=length)):
            layers = [kinds[kind] for kind in stack]
            word = "".join(map(str, stack))
            field[word] = [receptive_field(layers), math.prod(stride for _, stride, *_ in layers)]
            try:
                reached.add(_size(size, layers[:1]))
                outputs = _size(size, layers)
            except ValueError as error:
                if length == 1:
                    misfits[f"{size}:{word}"] = str(error)
                continue
            masks = (sum(1 << place for place in cells_seen(size, layers, cell)[0]) for cell in range(outputs))
            sees[f"{size}:{word}"] = " ".join(map(_base_36, masks))
        # Shorter stacks stand alone on the input, or behind one more layer of those here.
        sizes |= reached
    return {"size": n, "depth": depth, "field": field, "sees": sees, "misfits": misfits}


def _size(n: int, layers: Sequence[tuple]) -> int:
    for kernel, stride, *dilation in layers:
        n = output_size(n, kernel, stride, 0, *dilation)
    return n


def _base_36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = digits[digit] + text
    return text or "0"
