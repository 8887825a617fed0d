"""The explorer of receptive fields: what every output cell sees in every stack of layers, computed beforehand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from source_lib.layers.arithmetic import output_size, receptive_field
from source_lib.layers.receptive_fields import cells_seen


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
