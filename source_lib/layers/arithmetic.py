"""The arithmetic of convolutional layers: sizes, parameters, receptive fields, and one channel worked step by step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


def output_size(
    n: int, kernel: int, stride: int = 1, padding: int | tuple[int, int] | str = 0, dilation: int = 1
) -> int:
    r"""Return the size of a convolution's or a pooling's output along one axis.

    .. math:: \left\lfloor \frac{n + 2p - d (k - 1) - 1}{s} \right\rfloor + 1

    With dilation 1 the last part of the numerator is :math:`-k`.

    Parameters
    ----------
    n : int
        Size of the input, in pixels.
    kernel : int
        Size of the kernel or of the pooling window: how many pixels it looks at.
    stride : int
        Pixels from one position of the window to the next.
    padding : int, (int, int), ``'valid'`` or ``'same'``
        Pixels added on each of the two sides, or before and after; ``'valid'`` is 0, and ``'same'`` what Keras adds
        (`keras_same_padding`).
    dilation : int
        Pixels from one weight of the kernel to the next; at 1 they lie side by side.

    Returns
    -------
    int
        Number of positions of the window.

    Raises
    ------
    ValueError
        If a number is too small, or the window is larger than the padded input; the message shows the formula with the
        numbers filled in.

    References
    ----------
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016.

    Examples
    --------
    >>> output_size(28, 5)
    24
    >>> output_size(28, 5, padding=2)
    28
    >>> output_size(7, 2, stride=2)
    3
    >>> output_size(28, 3, dilation=4)
    20
    >>> output_size(7, 3, stride=2, padding="same")
    4
    """
    before, after = padding_sides(n, kernel, stride, padding, dilation)
    span = dilation * (kernel - 1) + 1
    size = (n + before + after - span) // stride + 1
    if size < 1:
        window = f"A window of {kernel}" + (f" with dilation {dilation}, which spans {span}," if dilation > 1 else "")
        added = f"{before} added on each side" if before == after else f"{before} added before and {after} after"
        padded = f"2·{before}" if before == after else f"({before} + {after})"
        taken = f"{kernel}" if dilation == 1 else f"({dilation}·({kernel} − 1) + 1)"
        raise ValueError(
            f"{window} does not fit into {n} pixels with {added}: "
            f"⌊({n} + {padded} − {taken})/{stride}⌋ + 1 = {_number(size).strip('()')}, and a size is at least 1."
        )
    return size


def padding_sides(
    n: int, kernel: int, stride: int = 1, padding: int | tuple[int, int] | str = 0, dilation: int = 1
) -> tuple[int, int]:
    """Return how many pixels a padding adds before and after one axis.

    Parameters
    ----------
    n, kernel, stride : int
        As in `output_size`.
    padding : int, (int, int), ``'valid'`` or ``'same'``
        As in `output_size`.
    dilation : int
        As in `output_size`.

    Returns
    -------
    (int, int)
        Pixels before the first one and after the last one.

    Raises
    ------
    ValueError
        If a number is too small, or the padding is none of those.

    Examples
    --------
    >>> padding_sides(28, 5, padding=2)
    (2, 2)
    >>> padding_sides(28, 5, padding="valid")
    (0, 0)
    """
    _at_least(1, n=n, kernel=kernel, stride=stride, dilation=dilation)
    if isinstance(padding, str):
        if padding not in ("valid", "same"):
            raise ValueError(f"padding is {padding!r}; as a word it is 'valid' or 'same'.")
        return keras_same_padding(n, kernel, stride, dilation) if padding == "same" else (0, 0)
    before, after = pair(padding)
    _at_least(0, padding=min(before, after))
    return before, after


def same_padding(kernel: int, dilation: int = 1) -> int:
    """Return the padding on each side that keeps the size at stride 1.

    Parameters
    ----------
    kernel : int
        Size of the kernel along one axis; odd, since an even kernel needs more on one side than on the other.
    dilation : int
        Pixels from one weight of the kernel to the next.

    Returns
    -------
    int
        Pixels on each side.

    Raises
    ------
    ValueError
        If the kernel's size is even, or a number is less than 1.

    References
    ----------
    V. Dumoulin and F. Visin, arXiv:1603.07285, 2016, who call it half padding.

    Examples
    --------
    >>> same_padding(5)
    2
    >>> same_padding(3, dilation=2)
    2
    """
    _at_least(1, kernel=kernel, dilation=dilation)
    if kernel % 2 == 0:
        raise ValueError(f"A kernel of {kernel} has no middle, so no padding is even on both sides. Use an odd one.")
    return dilation * (kernel // 2)


def keras_same_padding(n: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    r"""Return what ``padding="same"`` adds in Keras and TensorFlow, which may be more after than before.

    The output has :math:`\lceil n / s \rceil` positions, and as much is added as they need,

    .. math:: \max\left((\lceil n / s \rceil - 1)\, s + d (k - 1) + 1 - n,\ 0\right),

    half of it before, rounded down, and the rest after. So at a stride above 1 it depends on the size of the input.

    Parameters
    ----------
    n : int
        Size of the input, in pixels.
    kernel, stride, dilation : int
        As in `output_size`.

    Returns
    -------
    (int, int)
        Pixels before the first one and after the last one.

    Raises
    ------
    ValueError
        If a number is less than 1.

    References
    ----------
    TensorFlow's documentation of ``tf.nn``, "Notes on padding".

    Examples
    --------
    >>> keras_same_padding(32, 5)
    (2, 2)
    >>> keras_same_padding(32, 3, stride=2)
    (0, 1)
    >>> keras_same_padding(31, 3, stride=2)
    (1, 1)
    """
    _at_least(1, n=n, kernel=kernel, stride=stride, dilation=dilation)
    positions = -(-n // stride)
    added = max((positions - 1) * stride + dilation * (kernel - 1) + 1 - n, 0)
    return added // 2, added - added // 2


def conv_transpose_size(
    n: int, kernel: int, stride: int = 1, padding: str = "valid", dilation: int = 1, output_padding: int | None = None
) -> int:
    r"""Return the size that a transposed convolution makes of an axis, as Keras counts it.

    Each of the `n` places lays down a kernel, `stride` places from that of its neighbor, so that together they span
    :math:`(n - 1) s + d (k - 1) + 1`. Where kernels leave gaps, ``'valid'`` adds the last one:

    .. math:: (n - 1)\, s + \max(d (k - 1) + 1,\ s).

    ``'same'`` cuts it to :math:`n s`: the size from which a convolution of this stride makes `n`.

    Parameters
    ----------
    n : int
        Size of the input, in places.
    kernel, stride, dilation : int
        As in `output_size`; here the stride is how far the outputs of two neighbors are apart.
    padding : ``'valid'`` or ``'same'``
        Keras' word.
    output_padding : int, optional
        Less than the stride. Where it is given, the size is :math:`(n - 1) s + d (k - 1) + 1` with as much at the end;
        for ``'same'`` :math:`(n - 1) s + 1` for an odd span and :math:`(n - 1) s` for an even one, with as much.

    Returns
    -------
    int
        Size of the output.

    Raises
    ------
    ValueError
        If a number is too small, stride and dilation are both above 1, which Keras refuses, or the padding is none of
        those.

    References
    ----------
    V. Dumoulin and F. Visin, arXiv:1603.07285, 2016, chapter 4.

    Examples
    --------
    >>> conv_transpose_size(7, 3, stride=2, padding="same")
    14
    >>> conv_transpose_size(7, 3, stride=2)
    15
    >>> conv_transpose_size(7, 3, stride=2, padding="same", output_padding=0)
    13
    """
    _at_least(1, n=n, kernel=kernel, stride=stride, dilation=dilation)
    if padding not in ("valid", "same"):
        raise ValueError(f"padding is {padding!r}; that of a transposed convolution is 'valid' or 'same'.")
    if stride > 1 and dilation > 1:
        raise ValueError(
            f"stride {stride} and dilation {dilation} are both above 1; Keras knows one of them at a time."
        )
    span = dilation * (kernel - 1) + 1
    if output_padding is None:
        size = n * stride if padding == "same" else (n - 1) * stride + max(span, stride)
    else:
        if not 0 <= output_padding < stride:
            raise ValueError(
                f"output_padding is {output_padding}; it is at least 0 and less than the stride, {stride}."
            )
        size = (n - 1) * stride + (span % 2 if padding == "same" else span) + output_padding
    _at_least(1, size=size)
    return size


def conv_transpose_sides(
    n: int, kernel: int, stride: int = 1, padding: str = "valid", dilation: int = 1, output_padding: int | None = None
) -> tuple[int, int]:
    """Return how many places a transposed convolution cuts off before and after what its kernels span.

    They are those that the convolution which it transposes adds to its input (`keras_same_padding`).

    Parameters
    ----------
    n, kernel, stride, padding, dilation, output_padding
        As in `conv_transpose_size`.

    Returns
    -------
    (int, int)
        Places before the first one and after the last one.

    Raises
    ------
    ValueError
        As `conv_transpose_size`.

    Examples
    --------
    >>> conv_transpose_sides(7, 5, stride=2, padding="same")
    (1, 2)
    >>> conv_transpose_sides(7, 5, stride=2)
    (0, 0)
    """
    size = conv_transpose_size(n, kernel, stride, padding, dilation, output_padding)
    cut = max((n - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return cut // 2, cut - cut // 2


def conv_parameters(kernel: int | Sequence[int], channels_in: int, channels_out: int, bias: bool = True) -> int:
    """Return the number of parameters of a convolutional layer.

    Each output channel has one weight per kernel position and input channel, and one bias. The size of the image does
    not matter.

    Parameters
    ----------
    kernel : int or pair of int
        Size of the kernel; one number for a square one.
    channels_in, channels_out : int
        Number of input and output channels.
    bias : bool
        Whether the layer has biases.

    Returns
    -------
    int
        Number of weights and biases.

    Raises
    ------
    ValueError
        If a number is less than 1.

    Examples
    --------
    >>> conv_parameters(5, 3, 32)
    2432
    """
    rows, columns = pair(kernel)
    _at_least(1, kernel=min(rows, columns), channels_in=channels_in, channels_out=channels_out)
    return (rows * columns * channels_in + int(bias)) * channels_out


def dense_parameters(n_in: int, n_out: int, bias: bool = True) -> int:
    """Return the number of parameters of a dense layer.

    Parameters
    ----------
    n_in, n_out : int
        Number of inputs and outputs.
    bias : bool
        Whether the layer has biases.

    Returns
    -------
    int
        Number of weights and biases.

    Raises
    ------
    ValueError
        If a number is less than 1.

    Examples
    --------
    >>> dense_parameters(64, 10)
    650
    """
    _at_least(1, n_in=n_in, n_out=n_out)
    return (n_in + int(bias)) * n_out


def conv_multiply_adds(
    output: int | Sequence[int], kernel: int | Sequence[int], channels_in: int, channels_out: int
) -> int:
    """Return how often a convolutional layer multiplies a value with a weight, for one image.

    Each place and channel of the output is a sum of one product per kernel position and input channel. Products with
    the zeros of a padding count too, as is usual: a program that leaves them out is rare.

    Parameters
    ----------
    output : int or pair of int
        Rows and columns of the output; one number for a square one.
    kernel : int or pair of int
        Size of the kernel; one number for a square one.
    channels_in, channels_out : int
        Number of input and output channels.

    Returns
    -------
    int
        Number of multiplications, each with an addition.

    Raises
    ------
    ValueError
        If a number is less than 1.

    References
    ----------
    V. Sze, Y.-H. Chen, T.-J. Yang and J. Emer, "Efficient Processing of Deep Neural Networks: A Tutorial and Survey",
    Proceedings of the IEEE 105(12), 2017, doi:10.1109/JPROC.2017.2761740, who call them MACs.

    Examples
    --------
    >>> conv_multiply_adds(32, 5, 3, 32)
    2457600
    """
    rows, columns = pair(output)
    _at_least(1, output=min(rows, columns))
    return rows * columns * conv_parameters(kernel, channels_in, channels_out, bias=False)


def receptive_field(layers: Iterable[tuple[int, ...]]) -> int:
    r"""Return how many input pixels along one axis one output value depends on.

    .. math:: r = 1 + \sum_{l=1}^{L} d_l (k_l - 1) \prod_{i=1}^{l-1} s_i

    Padding does not change it; at the border a part of it lies outside the image. With dilation, or a stride larger
    than its kernel, there may be pixels in between that do not count: this is the distance from the first to the last.

    Parameters
    ----------
    layers : iterable of (int, int) or (int, int, int)
        Kernel size, stride and, where it is not 1, dilation of every convolution and pooling, first layer first.

    Returns
    -------
    int
        Size in input pixels; 1 where there are no layers.

    Raises
    ------
    ValueError
        If a kernel size, a stride or a dilation is less than 1.

    References
    ----------
    A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019,
    doi:10.23915/distill.00021, single-path networks; a dilated kernel counts there as one of the size that it spans.

    Examples
    --------
    Two 3x3 convolutions see what one of 5x5 sees; a pooling in between makes it more, and so does dilation.

    >>> receptive_field([(3, 1), (3, 1)])
    5
    >>> receptive_field([(3, 1), (2, 2), (3, 1)])
    8
    >>> receptive_field([(3, 1), (3, 1, 2), (3, 1, 4)])
    15
    """
    size, jump = 1, 1
    for kernel, stride, *rest in layers:
        (dilation,) = rest or (1,)
        _at_least(1, kernel=kernel, stride=stride, dilation=dilation)
        size += dilation * (kernel - 1) * jump
        jump *= stride
    return size


@dataclass(frozen=True)
class Step:
    """One position of a kernel on an image of one channel.

    Attributes
    ----------
    row, column : int
        Where the total goes in the output. At stride 1 it is also where the window begins in the padded image.
    window : numpy.ndarray, shape [R, S]
        The pixels under the kernel.
    kernel : numpy.ndarray, shape [R, S]
        The kernel.
    products : numpy.ndarray, shape [R, S]
        Pixel times weight, place by place.
    total : number
        Sum of the products.
    """

    row: int
    column: int
    window: np.ndarray
    kernel: np.ndarray
    products: np.ndarray
    total: float

    @property
    def formula(self) -> str:
        """The sum as one writes it by hand, such as ``1·2 + 3·(−1) = −1``."""
        terms = (f"{_number(x)}·{_number(w)}" for x, w in zip(self.window.flat, self.kernel.flat, strict=True))
        return f"{' + '.join(terms)} = {_number(self.total).strip('()')}"


def cross_correlate_steps(
    image: np.ndarray, kernel: np.ndarray, padding: int | tuple[int, int] = 0, stride: int = 1
) -> list[Step]:
    """Lay a kernel on every position of one channel, row by row, and keep what happens there.

    This is cross-correlation, which deep learning calls convolution: the kernel is not flipped. For
    true convolution give it the kernel flipped in both axes, ``kernel[::-1, ::-1]``.

    Parameters
    ----------
    image : array_like, shape [D_y, D_x]
        One channel.
    kernel : array_like, shape [R, S]
        The kernel.
    padding : int or (int, int)
        Zeros added on each side, for rows and columns alike or for each; 0 keeps the kernel inside ("valid").
    stride : int
        Pixels from one position to the next.

    Returns
    -------
    list of Step
        One per position. `assemble` makes the output of it.

    Raises
    ------
    ValueError
        If image or kernel is not two-dimensional, or the kernel is larger than the padded image.

    Examples
    --------
    >>> first, second = cross_correlate_steps([[1, 2, 3]], [[1, -1]])
    >>> first.formula
    '1·1 + 2·(−1) = −1'
    >>> second.window
    array([[2, 3]])
    """
    image, kernel = np.asarray(image), np.asarray(kernel)
    if image.ndim != 2 or kernel.ndim != 2:
        raise ValueError(f"Image and kernel have one channel: [rows, columns]; got {image.shape} and {kernel.shape}.")
    pad_rows, pad_columns = pair(padding)
    rows = output_size(image.shape[0], kernel.shape[0], stride, pad_rows)
    columns = output_size(image.shape[1], kernel.shape[1], stride, pad_columns)
    padded = np.pad(image, ((pad_rows, pad_rows), (pad_columns, pad_columns)))
    steps = []
    for row, column in np.ndindex(rows, columns):
        top, left = stride * row, stride * column
        window = padded[top : top + kernel.shape[0], left : left + kernel.shape[1]]
        products = window * kernel
        steps.append(Step(row, column, window, kernel, products, products.sum().item()))
    return steps


def assemble(steps: Sequence[Step]) -> np.ndarray:
    """Put the totals of all steps where they belong.

    Parameters
    ----------
    steps : sequence of Step
        All steps of one image, in the order of `cross_correlate_steps`.

    Returns
    -------
    numpy.ndarray, shape [rows, columns]
        The output of the cross-correlation.

    Raises
    ------
    ValueError
        If there are no steps, or some are missing.

    Examples
    --------
    >>> assemble(cross_correlate_steps([[1, 2, 3]], [[1, -1]]))
    array([[-1, -1]])
    """
    if not steps:
        raise ValueError("There are no steps to put together.")
    rows, columns = steps[-1].row + 1, steps[-1].column + 1
    if [(step.row, step.column) for step in steps] != list(np.ndindex(rows, columns)):
        raise ValueError("Some steps are missing or not in the order of cross_correlate_steps.")
    return np.array([step.total for step in steps]).reshape(rows, columns)


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    """Return a size for rows and for columns of one that may be written as one number for both.

    Parameters
    ----------
    value : int or pair of int
        For example a kernel's size.

    Returns
    -------
    (int, int)
        Rows and columns.

    Raises
    ------
    ValueError
        If there are not two of them.

    Examples
    --------
    >>> pair(3), pair([5, 1])
    ((3, 3), (5, 1))
    """
    rows, columns = (value, value) if np.ndim(value) == 0 else value
    return rows, columns


def _number(value: float) -> str:
    """Write a number for a person: no needless decimals, a true minus sign, and parentheses around negatives."""
    text = f"{value:.6g}"
    return f"(−{text[1:]})" if text.startswith("-") else text


def _at_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} is {value}; it must be at least {least}.")
