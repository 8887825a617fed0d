"""The explorer's traces: every stack of layers against what its output cells see."""

import doctest
import itertools
import json

import numpy as np
import pytest

from source_lib.interactive import receptive_field_explorer
from source_lib.interactive.receptive_field_explorer import catalogue
from source_lib.layers.arithmetic import output_size, receptive_field
from source_lib.layers.receptive_fields import cells_seen

KINDS = [(3, 1), (3, 2), (3, 1, 2), (2, 2)]


def test_examples_in_docstrings():
    assert doctest.testmod(receptive_field_explorer).failed == 0


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
