"""Sizes, parameters and receptive fields against hand-worked numbers and Keras' own shapes; steps against SciPy."""

import doctest

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

from source_lib import arithmetic
from source_lib.arithmetic import (
    assemble,
    conv_parameters,
    cross_correlate_steps,
    dense_parameters,
    output_size,
    receptive_field,
    same_padding,
)

IMAGE = np.array([[1, 0, 2, 3, 1], [3, 2, 0, 7, 0], [0, 6, 1, 1, 4]])
KERNEL = np.array([[-1, 0, 2], [3, -2, 0], [1, 1, -4]])


def test_examples_in_docstrings():
    assert doctest.testmod(arithmetic).failed == 0


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "padding", "expected"),
    [
        (5, 3, 1, 0, 3),
        (5, 3, 1, 1, 5),
        (5, 3, 2, 1, 3),
        (6, 3, 2, 0, 2),
        (7, 2, 2, 0, 3),
        (512, 9, 1, 0, 504),
        (1, 1, 1, 0, 1),
    ],
)
def test_output_size(n, kernel, stride, padding, expected):
    assert output_size(n, kernel, stride, padding) == expected
    # The same, counted: where the window may begin in the padded axis.
    assert len(range(0, n + 2 * padding - kernel + 1, stride)) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 5), "window of 5 does not fit into 4"),
        ((4, 0), "kernel is 0"),
        ((0, 1), "n is 0"),
        ((4, 2, 0), "stride is 0"),
        ((4, 2, 1, -1), "padding is -1"),
    ],
)
def test_impossible_sizes(arguments, message):
    with pytest.raises(ValueError, match=message):
        output_size(*arguments)


def test_same_padding_keeps_the_size():
    for kernel in (1, 3, 5, 11):
        assert output_size(17, kernel, padding=same_padding(kernel)) == 17
    with pytest.raises(ValueError, match="odd"):
        same_padding(4)


def test_parameters():
    assert conv_parameters((3, 5), 2, 4) == 3 * 5 * 2 * 4 + 4
    assert conv_parameters(3, 2, 4, bias=False) == 72
    assert dense_parameters(7, 3) == 24
    assert dense_parameters(7, 3, bias=False) == 21
    # The network of three 5x5 convolutions on CIFAR-10 images that lab 0 asks for.
    convolutions = conv_parameters(5, 3, 32) + conv_parameters(5, 32, 64) + conv_parameters(5, 64, 128)
    assert convolutions + dense_parameters(4 * 4 * 128, 64) + dense_parameters(64, 10) == 390410
    with pytest.raises(ValueError, match="channels_in is 0"):
        conv_parameters(3, 0, 4)
    with pytest.raises(ValueError, match="n_out is 0"):
        dense_parameters(3, 0)


@pytest.mark.parametrize("layers", [[], [(3, 1)], [(3, 1), (2, 2), (3, 1)], [(5, 2), (3, 3), (2, 1)], [(1, 1), (7, 2)]])
def test_receptive_field_is_what_an_output_depends_on(layers):
    # Walk back from one output value to the input pixels below it.
    seen = {0}
    for kernel, stride in reversed(layers):
        seen = {stride * position + offset for position in seen for offset in range(kernel)}
    assert receptive_field(layers) == max(seen) - min(seen) + 1


def test_receptive_field_rejects_nonsense():
    with pytest.raises(ValueError, match="stride is 0"):
        receptive_field([(3, 1), (2, 0)])


@pytest.mark.parametrize("padding", [0, 1, (2, 0), (0, 1)])
def test_steps_are_cross_correlation(padding):
    rows, columns = (padding, padding) if isinstance(padding, int) else padding
    padded = np.pad(IMAGE, ((rows, rows), (columns, columns)))
    np.testing.assert_array_equal(
        assemble(cross_correlate_steps(IMAGE, KERNEL, padding)), correlate2d(padded, KERNEL, "valid")
    )
    np.testing.assert_array_equal(
        assemble(cross_correlate_steps(IMAGE, KERNEL[::-1, ::-1], padding)), convolve2d(padded, KERNEL, "valid")
    )


def test_steps_keep_every_term():
    steps = cross_correlate_steps(IMAGE, KERNEL)
    assert [(step.row, step.column) for step in steps] == [(0, 0), (0, 1), (0, 2)]
    np.testing.assert_array_equal(steps[1].window, [[0, 2, 3], [2, 0, 7], [6, 1, 1]])
    np.testing.assert_array_equal(steps[1].products, [[0, 0, 6], [6, 0, 0], [6, 1, -4]])
    assert steps[1].total == 15
    assert steps[1].formula == "0·(−1) + 2·0 + 3·2 + 2·3 + 0·(−2) + 7·0 + 6·1 + 1·1 + 1·(−4) = 15"


def test_steps_with_stride_and_even_kernel():
    image = np.arange(15).reshape(3, 5)
    output = assemble(cross_correlate_steps(image, np.array([[1, -2]]), stride=2))
    np.testing.assert_array_equal(output, [[0 - 2, 2 - 6], [10 - 22, 12 - 26]])


def test_formula_writes_decimals_and_negative_totals():
    (step,) = cross_correlate_steps([[0.1, 0.2]], [[3, -4.5]])
    assert step.formula == "0.1·3 + 0.2·(−4.5) = −0.6"


def test_steps_reject_other_inputs():
    with pytest.raises(ValueError, match="one channel"):
        cross_correlate_steps(np.zeros((3, 3, 2)), KERNEL)
    with pytest.raises(ValueError, match="does not fit"):
        cross_correlate_steps(IMAGE[:2], KERNEL)
    with pytest.raises(ValueError, match="no steps"):
        assemble([])
    with pytest.raises(ValueError, match="missing"):
        assemble(cross_correlate_steps(IMAGE, KERNEL, 1)[1:])
