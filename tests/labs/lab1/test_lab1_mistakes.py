"""What a message says about mistakes as students write them: the right hint, and no other."""

import numpy as np
import pytest
import scipy.ndimage
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import convolve2d, correlate2d
from skimage.measure import block_reduce

from autograder.checking.hints import NONE_FITS
from autograder.labs.lab1.faults import FAULTS
from tests.labs.lab1.mistakes import FURTHER, LISTED
from tests.labs.lab1.test_lab1 import judge
from tests.labs.lab1.variants import functions

BY_ID = {fault.id: fault for fault in FAULTS}


def written(function, code):
    """Return the names of a notebook whose other functions are right."""
    names = {
        "np": np,
        "ndimage": scipy.ndimage,
        "convolve2d": convolve2d,
        "correlate2d": correlate2d,
        "sliding_window_view": sliding_window_view,
        "block_reduce": block_reduce,
    }
    names |= functions()
    exec(code, names)
    return names


def named(function, item):
    """Return the ids of the faults whose hints stand in a message."""
    of = [fault for fault in FAULTS if fault.function == function]
    return {fault.id for fault in of if fault.hint in item.message}


@pytest.mark.parametrize(
    ("function", "faults", "code"), [pytest.param(*rest, id=name) for name, *rest in (*LISTED, *FURTHER)]
)
def test_a_mistake_is_named_by_its_hint(function, faults, code):
    expected = {f"{function.removesuffix('_layer')}_{fault}" for fault in faults.split()}
    assert expected <= BY_ID.keys()
    with np.errstate(all="ignore"):
        items = judge(function, written(function, code), 1)
    lost = {key: item for key, item in items.items() if not item.passed}
    said = {key: named(function, item) for key, item in lost.items()}
    assert set().union(*said.values()) == expected, {key: item.message for key, item in lost.items()}
    if "activation_before_sum bias" in faults:
        assert expected in said.values()
    for item in lost.values():
        assert NONE_FITS not in item.message, item.message
