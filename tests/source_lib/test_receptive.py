"""What cells see: against gradients of a sum with positive weights, and the catalogue against what it stands for."""

import doctest
import itertools
import json

import numpy as np
import pytest

from source_lib import receptive
from source_lib.arithmetic import output_size, receptive_field
from source_lib.receptive import catalogue, cells_seen

KINDS = [(3, 1), (3, 2), (3, 1, 2), (2, 2)]


def test_examples_in_docstrings():
    assert doctest.testmod(receptive).failed == 0


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


def test_catalogue_holds_every_stack_with_all_that_it_sees():
    n, depth = 11, 3
    traces = json.loads(json.dumps(catalogue(n, KINDS, depth)))
    fitting = 0
    for length in range(1, depth + 1):
        for stack in itertools.product(range(len(KINDS)), repeat=length):
            word, layers = "".join(map(str, stack)), [KINDS[kind] for kind in stack]
            assert traces["field"][word] == [receptive_field(layers), int(np.prod([layer[1] for layer in layers]))]
            # As the explorer reads it: layer by layer, and at each the rest of the stack on a map of that size.
            size = n
            for place, kind in enumerate(word):
                if (misfit := traces["misfits"].get(f"{size}:{kind}")) is not None:
                    with pytest.raises(ValueError) as error:
                        cells_seen(n, layers[: place + 1], 0)
                    assert str(error.value) == misfit
                    assert f"{n}:{word}" not in traces["sees"]
                    break
                size = len(traces["sees"][f"{size}:{kind}"].split())
            else:
                fitting += 1
                sizes = [n]
                for kernel, stride, *dilation in layers:
                    sizes.append(output_size(sizes[-1], kernel, stride, 0, *dilation))
                assert size == sizes[-1]
                for cell in range(size):
                    for place, seen in enumerate(cells_seen(n, layers, cell)[:-1]):
                        mask = int(traces["sees"][f"{sizes[place]}:{word[place:]}"].split()[cell], 36)
                        assert [bit for bit in range(sizes[place]) if mask >> bit & 1] == seen
    assert 0 < fitting < 4 + 16 + 64


def test_catalogue_keeps_to_one_digit_per_layer():
    with pytest.raises(ValueError, match="at most ten kinds, not 11"):
        catalogue(9, [(3, 1)] * 11, 1)
