"""What cells see: against gradients of a sum with positive weights."""

import doctest

import numpy as np
import pytest

from source_lib.layers import receptive_fields
from source_lib.layers.receptive_fields import cells_seen


def test_examples_in_docstrings():
    assert doctest.testmod(receptive_fields).failed == 0


def connections(n, kernel, stride, dilation, before, after):
    """Return the matrix of a layer whose weights are all 1, from the positions of its window."""
    padded = np.pad(np.eye(n), ((before, after), (0, 0)))
    last = n + before + after - dilation * (kernel - 1)
    return np.array([padded[i : i + dilation * kernel : dilation].sum(axis=0) for i in range(0, last, stride)])


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [(3, 1)],
        [(2, 2), (3, 1, 2)],
        [(5, 2, 1, 2), (3, 1, 3, (1, 2))],
        [(1, 3), (2, 1, 4), (3, 1, 1, "same")],
    ],
)
def test_cells_seen_are_what_matrices_connect(layers):
    n = 13
    maps, sizes = [], [n]
    for kernel, stride, *rest in layers:
        dilation, padding = (*rest, *(1, 0)[len(rest) :])
        sides = {"same": (1, 1)}.get(padding, padding) if not isinstance(padding, int) else (padding, padding)
        maps.append(connections(sizes[-1], kernel, stride, dilation, *sides))
        sizes.append(len(maps[-1]))
    for cell in range(sizes[-1]):
        seen = cells_seen(n, layers, cell)
        assert len(seen) == len(layers) + 1 and seen[-1] == [cell]
        reach = np.eye(sizes[-1])[cell]
        for layer in reversed(range(len(layers))):
            reach = reach @ maps[layer]
            assert seen[layer] == np.flatnonzero(reach).tolist()
    with pytest.raises(ValueError, match=f"no output cell {sizes[-1]}: .* from 0 to {sizes[-1] - 1}"):
        cells_seen(n, layers, sizes[-1])
