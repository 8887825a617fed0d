"""Sizes, parameters and receptive fields against hand-worked numbers and Keras' own shapes; steps against SciPy."""

import doctest

import keras
import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

from source_lib.layers import arithmetic
from source_lib.layers.arithmetic import (
    assemble,
    conv_multiply_adds,
    conv_parameters,
    conv_transpose_sides,
    conv_transpose_size,
    cross_correlate_steps,
    dense_parameters,
    keras_same_padding,
    output_size,
    padding_sides,
    receptive_field,
    same_padding,
)

IMAGE = np.array([[1, 0, 2, 3, 1], [3, 2, 0, 7, 0], [0, 6, 1, 1, 4]])
KERNEL = np.array([[-1, 0, 2], [3, -2, 0], [1, 1, -4]])


def test_examples_in_docstrings():
    assert doctest.testmod(arithmetic).failed == 0


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "padding", "dilation", "expected"),
    [
        (5, 3, 1, 0, 1, 3),
        (5, 3, 1, 1, 1, 5),
        (5, 3, 2, 1, 1, 3),
        (6, 3, 2, 0, 1, 2),
        (7, 2, 2, 0, 1, 3),
        (512, 9, 1, 0, 1, 504),
        (1, 1, 1, 0, 1, 1),
        (9, 3, 1, 0, 4, 1),
        (10, 3, 2, 1, 3, 3),
        (6, 1, 1, 0, 9, 6),
        (6, 4, 3, (0, 1), 1, 2),
    ],
)
def test_output_size(n, kernel, stride, padding, dilation, expected):
    assert output_size(n, kernel, stride, padding, dilation) == expected
    # The same, counted: where the window may begin in the padded axis.
    before, after = padding if isinstance(padding, tuple) else (padding, padding)
    span = max(range(0, dilation * kernel, dilation)) + 1
    assert len(range(0, n + before + after - span + 1, stride)) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 5), r"window of 5 does not fit into 4 .*⌊\(4 \+ 2·0 − 5\)/1⌋ \+ 1 = 0"),
        ((4, 9, 2, 1), r"1 added on each side: ⌊\(4 \+ 2·1 − 9\)/2⌋ \+ 1 = −1"),
        ((4, 9, 1, (1, 2)), r"1 added before and 2 after: ⌊\(4 \+ \(1 \+ 2\) − 9\)/1⌋ \+ 1 = −1"),
        (
            (8, 3, 1, 0, 4),
            r"dilation 4, which spans 9, does not fit .*⌊\(8 \+ 2·0 − \(4·\(3 − 1\) \+ 1\)\)/1⌋ \+ 1 = 0",
        ),
        ((4, 0), "kernel is 0"),
        ((0, 1), "n is 0"),
        ((4, 2, 0), "stride is 0"),
        ((4, 2, 1, -1), "padding is -1"),
        ((4, 2, 1, (1, -2)), "padding is -2"),
        ((4, 2, 1, "full"), "'full'; as a word"),
        ((4, 2, 1, 0, 0), "dilation is 0"),
    ],
)
def test_impossible_sizes(arguments, message):
    with pytest.raises(ValueError, match=message):
        output_size(*arguments)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_transposed_size_is_keras_and_what_kernels_cover(padding):
    for n in (1, 2, 5):
        for kernel in (1, 2, 3, 4, 5):
            for stride, dilation, more in (
                (1, 1, None),
                (2, 1, None),
                (3, 1, None),
                (3, 1, 0),
                (3, 1, 2),
                (1, 2, None),
            ):
                settings = {"strides": stride, "dilation_rate": dilation, "output_padding": more}
                layer = keras.layers.Conv2DTranspose(1, (kernel, 1), padding=padding, **settings)
                size = layer.compute_output_shape((None, n, 1, 1))[1]
                if not size:
                    with pytest.raises(ValueError, match="size is 0"):
                        conv_transpose_size(n, kernel, stride, padding, dilation, more)
                    continue
                assert conv_transpose_size(n, kernel, stride, padding, dilation, more) == size
                before, after = conv_transpose_sides(n, kernel, stride, padding, dilation, more)
                covered = max(stride * place + dilation * step for place in range(n) for step in range(kernel)) + 1
                # What is not cut off is there, and behind it come places that no kernel covers.
                assert 0 <= before <= after <= before + 1 and covered - before - after <= size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 3, 2, 1), "padding is 1; that of a transposed convolution is 'valid' or 'same'"),
        ((4, 3, 2, "same", 2), "stride 2 and dilation 2 are both above 1"),
        ((4, 3, 2, "same", 1, 2), "output_padding is 2; it is at least 0 and less than the stride, 2"),
        ((4, 3, 2, "same", 1, -1), "output_padding is -1"),
        ((0, 3), "n is 0"),
    ],
)
def test_impossible_transposed_sizes(arguments, message):
    for function in (conv_transpose_size, conv_transpose_sides):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


def test_same_padding_keeps_the_size():
    for kernel in (1, 3, 5, 11):
        for dilation in (1, 2, 3):
            padding = same_padding(kernel, dilation)
            assert output_size(17, kernel, padding=padding, dilation=dilation) == 17
            assert keras_same_padding(17, kernel, dilation=dilation) == (padding, padding)
    with pytest.raises(ValueError, match="odd"):
        same_padding(4)


def test_same_padding_of_keras_is_seen_where_a_kernel_of_ones_counts_zeros():
    for n, kernel, stride in np.ndindex(12, 7, 4):
        n, kernel, stride = n + 1, kernel + 1, stride + 1
        counted = keras.ops.conv(np.ones((1, n, 1)), np.ones((kernel, 1, 1)), stride, "same")[0, :, 0]
        before, after = keras_same_padding(n, kernel, stride)
        padded = np.pad(np.ones(n), (before, after))
        expected = [padded[i : i + kernel].sum() for i in range(0, n + before + after - kernel + 1, stride)]
        assert np.array_equal(counted, expected), (n, kernel, stride)
        assert output_size(n, kernel, stride, "same") == len(expected)
    assert padding_sides(6, 4, 3, "same") == (0, 1)


def test_multiply_adds_are_the_products_of_a_loop():
    rows, columns, kernel, channels_in, channels_out = 3, 4, (2, 5), 3, 6
    products = sum(1 for _ in np.ndindex(rows, columns, channels_out, *kernel, channels_in))
    assert conv_multiply_adds((rows, columns), kernel, channels_in, channels_out) == products
    assert conv_multiply_adds(3, 2, 1, 1) == 9 * 4
    with pytest.raises(ValueError, match="output is 0"):
        conv_multiply_adds((3, 0), 2, 1, 1)


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


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [(3, 1)],
        [(3, 1), (2, 2), (3, 1)],
        [(5, 2), (3, 3), (2, 1)],
        [(1, 1), (7, 2)],
        [(3, 1, 2)],
        [(3, 2, 3), (2, 2), (3, 1, 4)],
    ],
)
def test_receptive_field_is_what_an_output_depends_on(layers):
    # Walk back from one output value to the input pixels below it.
    seen = {0}
    for kernel, stride, *rest in reversed(layers):
        (dilation,) = rest or [1]
        seen = {stride * position + dilation * offset for position in seen for offset in range(kernel)}
    assert receptive_field(layers) == max(seen) - min(seen) + 1


@pytest.mark.parametrize(("layer", "message"), [((2, 0), "stride is 0"), ((2, 1, 0), "dilation is 0")])
def test_receptive_field_rejects_nonsense(layer, message):
    with pytest.raises(ValueError, match=message):
        receptive_field([(3, 1), layer])


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
