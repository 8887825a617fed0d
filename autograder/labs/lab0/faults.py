"""The known faults of lab 0: what somebody answers who does one thing wrong in an exercise.

An answer of this lab is numbers, so a fault is a function of the exercise that gives other numbers. The tests prove
that each loses exactly the lines it names, whatever was drawn; a check compares a wrong answer with what the faults
give.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.checking.faults import Fault
from source_lib.exercises import REGIONS, ROW_REGIONS, Exercise, readings
from source_lib.layers.arithmetic import conv_parameters, dense_parameters, output_size


def _fault(
    id: str, function: str, answer: Callable[[Exercise], Any], loses: frozenset[str], hint: str, second_hint: str
) -> Fault:
    """Return the fault of somebody who answers ``answer`` of an exercise, whatever is right."""
    lines = frozenset(f"{function}.{key}" for key in loses)
    return Fault(id, lines, lambda right: answer, function=function, hint=hint, second_hint=second_hint)


def _read(how: str) -> Callable[[Exercise], np.ndarray]:
    return lambda given: readings(given.image, given.kernel)[how]


def _row(how: str) -> Callable[[Exercise], np.ndarray]:
    return lambda given: readings(given.image, given.kernel)[how][1]


def _turned_row(how: str) -> Callable[[Exercise], np.ndarray]:
    """Return the middle row of what becomes of the kernel that is flipped as true convolution does."""
    return lambda given: readings(given.image, np.asarray(given.kernel)[::-1, ::-1])[how][1]


def _sides(change: Callable[..., int], *names: str) -> Callable[[Exercise], list[int]]:
    """Return rows and columns, each computed from what the exercise names."""
    return lambda given: [change(*numbers) for numbers in zip(*(getattr(given, name) for name in names), strict=True)]


def _swapped(answer: Callable[[Exercise], list]) -> Callable[[Exercise], list]:
    return lambda given: [*answer(given)[1::-1], *answer(given)[2:]]


def _pooled(given: Exercise) -> list[int]:
    return [output_size(n, given.pool, given.pool) for n in given.map_size]


def _second(change: Callable[[int, int, int, int], int], maps: Callable[[Exercise], int] | None = None) -> Callable:
    def answer(given: Exercise) -> list[int]:
        layer = given.second_kernel, given.second_stride, given.second_padding
        count = given.maps[1] if maps is None else maps(given)
        return [*(change(n, *layer) for n in _pooled(given)), count]

    return answer


def _layers(
    given: Exercise,
    convolution: Callable[[int, int, int], int] = conv_parameters,
    dense: Callable[[int, int], int] = dense_parameters,
    side: Callable[[int, tuple[int, ...]], int] = lambda size, kernels: size // 2 ** len(kernels),
    total: Callable[[list[int]], int] = sum,
    flat: Callable[[int, int], int] = lambda side, maps: side * side * maps,
) -> list[int]:
    """Return the parameters of each layer and of all, with any step done in another way."""
    channels = (3, *given.filters)
    found = [
        convolution(k, given_in, out) for k, given_in, out in zip(given.kernels, channels, channels[1:], strict=False)
    ]
    features = flat(side(given.input_size, given.kernels), given.filters[-1])
    found += [dense(features, given.hidden), dense(given.hidden, given.classes)]
    return [*found, total(found)]


def _valid_side(size: int, kernels: tuple[int, ...]) -> int:
    for kernel in kernels:
        size = (size - kernel + 1) // 2
    return max(size, 1)


def _fields(step: Callable[[str, int, int, int], tuple[int, int]], start: int = 1) -> Callable[[Exercise], list[int]]:
    """Return receptive fields where each layer adds and multiplies what ``step(kind, size, stride, jump)`` says."""

    def answer(given: Exercise) -> list[int]:
        field, jump, found = start, 1, []
        for kind, size, stride in given.layers:
            more, factor = step(kind, size, stride, jump)
            field, jump = field + more, jump * factor
            found.append(field)
        return found

    return answer


def _multiplied(given: Exercise) -> list[int]:
    return np.cumprod([size for _, size, _ in given.layers]).tolist()


def _blocks(given: Exercise) -> np.ndarray:
    """Return the windows that pooling looks at, shape [2, 3, 4]."""
    return np.asarray(given.matrix).reshape(2, 2, 3, 2).swapaxes(1, 2).reshape(2, 3, 4)


def _pooling(
    largest: Callable[[np.ndarray], np.ndarray] = lambda blocks: blocks.max(axis=2),
    mean: Callable[[np.ndarray], np.ndarray] = lambda blocks: blocks.mean(axis=2),
    total: Callable[[np.ndarray], np.ndarray] = lambda blocks: blocks.sum(axis=2),
) -> Callable[[Exercise], np.ndarray]:
    def answer(given: Exercise) -> np.ndarray:
        blocks = _blocks(given)
        return np.stack([largest(blocks), mean(blocks), total(blocks)])

    return answer


def _farthest(blocks: np.ndarray) -> np.ndarray:
    return np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[..., None], axis=2)[..., 0]


def _overlapping(given: Exercise) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(given.matrix), (2, 2))
    return np.stack([windows.max(axis=(2, 3)), windows.mean(axis=(2, 3)), windows.sum(axis=(2, 3))])


def _averaged(change: Callable[[np.ndarray], Any]) -> Callable[[Exercise], Any]:
    return lambda given: change(np.asarray(given.feature_maps))


_MATRIX, _ROW = frozenset(REGIONS), frozenset(ROW_REGIONS)
_SIDES = frozenset(("rows", "columns"))
_FIELDS = frozenset(("convolutions", "pooling", "strided", "last"))
_SWAPPED = "Rows and columns are swapped. Rows come first, as everywhere in this course."
_ONE_AXIS = "The kernel was flipped in one axis. Deep learning flips it in none, true convolution in both."

FAULTS = (
    _fault(
        "true_convolution",
        "my_convolution",
        _read("true convolution"),
        _MATRIX,
        "That is true convolution, with the kernel flipped in both axes. Deep learning lays the kernel on the image as "
        "it is.",
        "For each pixel of the answer, lay the kernel with its top left number on the pixel up and to the "
        "left of it, and multiply what lies on what.",
    ),
    _fault(
        "rows_mirrored",
        "my_convolution",
        _read("rows mirrored"),
        _MATRIX,
        _ONE_AXIS,
        "Write the kernel out as it is given, first row on top, and compare it with the one that you multiply by.",
    ),
    _fault(
        "columns_mirrored",
        "my_convolution",
        _read("columns mirrored"),
        _MATRIX,
        _ONE_AXIS,
        "Write the kernel out as it is given, first column on the left, and compare it with the one that you "
        "multiply by.",
    ),
    _fault(
        "kernel_transposed",
        "my_convolution",
        _read("transposed"),
        _MATRIX,
        "Rows and columns of the kernel are swapped.",
        "The first row of the kernel belongs over the pixels in a row above, from left to right.",
    ),
    _fault(
        "kernel_turned",
        "my_convolution",
        _read("turned left"),
        _MATRIX,
        "The kernel was turned by a quarter. Lay it on the image as it is.",
        "The kernel's first row lies on top and is read from left to right: compare the corners of yours "
        "with those that are given.",
    ),
    _fault(
        "no_padding",
        "my_convolution",
        lambda given: _read("cross-correlation")(given)[1:-1, 1:-1],
        _MATRIX - {"inside"},
        "The zero padding is missing: put a border of zeros around the image, and the answer has as many rows and "
        "columns as the image.",
        "The corner of the answer has the middle of the kernel on the corner of the image, and what hangs over it on "
        "zeros.",
    ),
    _fault(
        "border_repeated",
        "my_convolution",
        _read("border repeated"),
        _MATRIX - {"inside"},
        "The border pixels were repeated outside of the image. Zero padding puts zeros there.",
        "Write the image with a frame of zeros around it, and take the corner again.",
    ),
    _fault(
        "padded_on_one_side",
        "my_convolution",
        _read("window begins at the pixel"),
        _MATRIX,
        "All zeros were put below and to the right. Put one row or column of zeros on each of the four sides, so that "
        "the middle of the kernel lies on the pixel.",
        "Lay the middle of the kernel on the first pixel: its first row and column then lie outside, on zeros.",
    ),
    _fault(
        "signs_left_out",
        "my_convolution",
        _read("signs left out"),
        _MATRIX,
        "The minus signs of the kernel were left out.",
        "Add the products of the positive numbers of the kernel, and take off those of the negative ones.",
    ),
    _fault(
        "answer_transposed",
        "my_convolution",
        lambda given: _read("cross-correlation")(given).T,
        _MATRIX,
        "Rows and columns of the answer are swapped.",
        "Take the second number of your first row: its window is one column further to the right, not one row down.",
    ),
    _fault(
        "row_not_flipped",
        "my_true_convolution",
        _row("cross-correlation"),
        _ROW,
        "That is cross-correlation, with the kernel as it is. True convolution flips it in both axes before.",
        "Turn the kernel by half a turn first: its last number comes first. Then go on as in the exercise before.",
    ),
    _fault(
        "row_with_rows_mirrored",
        "my_true_convolution",
        _row("rows mirrored"),
        _ROW,
        _ONE_AXIS,
        "Reverse the order of the rows and that of the columns.",
    ),
    _fault(
        "row_with_columns_mirrored",
        "my_true_convolution",
        _row("columns mirrored"),
        _ROW,
        _ONE_AXIS,
        "Reverse the order of the rows and that of the columns.",
    ),
    _fault(
        "row_with_kernel_transposed",
        "my_true_convolution",
        _row("transposed"),
        _ROW,
        "The kernel was transposed. To flip it in both axes, turn it by half a turn.",
        "Corners that lie opposite each other change places, and the middle stays.",
    ),
    _fault(
        "row_without_padding",
        "my_true_convolution",
        lambda given: _row("true convolution")(given)[1:-1],
        frozenset(("ends",)),
        "The zero padding is missing: the row is as long as that of the image.",
        "At both ends of the row the window hangs over the image: there it lies on zeros.",
    ),
    _fault(
        "row_with_border_repeated",
        "my_true_convolution",
        _turned_row("border repeated"),
        frozenset(("ends",)),
        "The border pixels were repeated outside of the image. Zero padding puts zeros there.",
        "Write zeros to the left and to the right of the image's rows, and take both ends again.",
    ),
    _fault(
        "padding_of_both_sides",
        "my_padding",
        _sides(lambda k: k - 1, "padded_kernel"),
        _SIDES,
        "That is what both sides get together. Asked is the padding on each side.",
        "Halve it: one half goes before, the other behind.",
    ),
    _fault(
        "padding_rounded_up",
        "my_padding",
        _sides(lambda k: (k + 1) // 2, "padded_kernel"),
        _SIDES,
        "That is one too many: the middle of the kernel lies on the pixel, and needs no padding.",
        "Count how many of the kernel's numbers lie on one side of its middle.",
    ),
    _fault(
        "padding_swapped",
        "my_padding",
        _swapped(_sides(lambda k: k // 2, "padded_kernel")),
        _SIDES,
        _SWAPPED,
        "The first of the kernel's two sizes is its number of rows.",
    ),
    _fault(
        "kernel_off_by_one",
        "my_kernel_size",
        _sides(lambda before, after: before - after, "image_size", "map_size"),
        _SIDES,
        "That is off by one: a kernel that fits once has one position, not none.",
        "Solve the size formula for the kernel: the 1 in it changes sides as well.",
    ),
    _fault(
        "kernel_off_by_two",
        "my_kernel_size",
        _sides(lambda before, after: before - after + 2, "image_size", "map_size"),
        _SIDES,
        "That is one too many. Check it with the size formula.",
        "Put your size into the formula: the map comes out one too small.",
    ),
    _fault(
        "half_the_kernel",
        "my_kernel_size",
        _sides(lambda before, after: (before - after) // 2, "image_size", "map_size"),
        _SIDES,
        "That is how far the kernel reaches to each side of its middle.",
        "The whole kernel is its middle and what lies on both sides of it.",
    ),
    _fault(
        "kernel_swapped",
        "my_kernel_size",
        _swapped(_sides(lambda before, after: before - after + 1, "image_size", "map_size")),
        _SIDES,
        _SWAPPED,
        "Work out the rows of the kernel from the rows of the image and the map, and write them first.",
    ),
    _fault(
        "pooled_rounded_up",
        "my_pooled_size",
        lambda given: [-(-n // given.pool) for n in given.map_size],
        _SIDES,
        "The last window is not full. What does not fill a window is dropped.",
        "Divide, and leave the rest out.",
    ),
    _fault(
        "pooled_at_stride_1",
        "my_pooled_size",
        lambda given: [output_size(n, given.pool) for n in given.map_size],
        _SIDES,
        "That is the size at stride 1. Here the window moves by its own size.",
        "Put the size of the window into the formula as its stride too.",
    ),
    _fault(
        "pooled_swapped",
        "my_pooled_size",
        _swapped(_pooled),
        _SIDES,
        _SWAPPED,
        "The first of the two sizes is the number of rows.",
    ),
    _fault(
        "second_off_by_one",
        "my_second_layer",
        _second(lambda n, k, s, p: (n + 2 * p - k) // s),
        frozenset(("size",)),
        "The size is off by one: a kernel that fits once has one position, not none.",
        "The size formula ends in plus 1, after the division.",
    ),
    _fault(
        "second_rounded_up",
        "my_second_layer",
        _second(lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1),
        frozenset(("size",)),
        "The last step no longer fits, so the division is rounded down.",
        "Leave the rest of the division out before you add 1.",
    ),
    _fault(
        "second_padded_once",
        "my_second_layer",
        _second(lambda n, k, s, p: (n + p - k) // s + 1),
        frozenset(("size",)),
        "The padding is on both sides, so it counts twice.",
        "In the size formula the padding has a factor of 2.",
    ),
    _fault(
        "second_not_padded",
        "my_second_layer",
        _second(lambda n, k, s, p: output_size(n, k, s)),
        frozenset(("size",)),
        "The zero padding is missing.",
        "Add the padding of both sides to the size before you take the kernel off.",
    ),
    _fault(
        "second_at_stride_1",
        "my_second_layer",
        _second(lambda n, k, s, p: output_size(n, k, 1, p)),
        frozenset(("size",)),
        "The stride is missing.",
        "In the size formula the stride divides, before 1 is added.",
    ),
    _fault(
        "second_maps_multiplied",
        "my_second_layer",
        _second(lambda n, k, s, p: output_size(n, k, s, p), lambda given: given.maps[0] * given.maps[1]),
        frozenset(("maps",)),
        "Each kernel of the second layer sums over all maps that come in, and makes one map.",
        "As many maps come out as the layer has kernels.",
    ),
    _fault(
        "second_maps_of_the_input",
        "my_second_layer",
        _second(lambda n, k, s, p: output_size(n, k, s, p), lambda given: given.maps[0]),
        frozenset(("maps",)),
        "That is how many maps come in. Each kernel of the layer makes one.",
        "Look for the number of kernels of the second layer in the exercise.",
    ),
    _fault(
        "biases_forgotten",
        "my_parameters",
        lambda given: _layers(
            given, lambda k, i, o: conv_parameters(k, i, o, bias=False), lambda i, o: dense_parameters(i, o, bias=False)
        ),
        frozenset(("biases",)),
        "The biases are missing: every kernel and every output of a dense layer has one.",
        "Add one for each kernel of a convolution and for each output of a dense layer.",
    ),
    _fault(
        "one_bias_for_each_layer",
        "my_parameters",
        lambda given: _layers(
            given,
            lambda k, i, o: conv_parameters(k, i, o, bias=False) + 1,
            lambda i, o: dense_parameters(i, o, bias=False) + 1,
        ),
        frozenset(("biases",)),
        "There is more than one bias in a layer: every kernel and every output of a dense layer has one.",
        "As many biases as outputs: a layer of 8 kernels has 8.",
    ),
    _fault(
        "input_channels_forgotten",
        "my_parameters",
        lambda given: _layers(given, lambda k, i, o: conv_parameters(k, 1, o)),
        frozenset(("convolutions",)),
        "A kernel has weights for each of the maps that come in, three for RGB.",
        "The weights of one kernel are rows times columns times the maps that come in.",
    ),
    _fault(
        "kernel_of_one_dimension",
        "my_parameters",
        lambda given: _layers(given, lambda k, i, o: conv_parameters((k, 1), i, o)),
        frozenset(("convolutions",)),
        "A kernel has rows and columns, so its size counts twice.",
        "A kernel of 3 has 3 times 3 weights for each map that comes in.",
    ),
    _fault(
        "flattened_without_pooling",
        "my_parameters",
        lambda given: _layers(given, side=lambda size, kernels: size),
        frozenset(("dense",)),
        "The maps that are flattened were pooled before.",
        "Each pooling halves the sides. Halve as often as there is one, and then multiply.",
    ),
    _fault(
        "one_map_flattened",
        "my_parameters",
        lambda given: _layers(given, flat=lambda side, maps: side * side),
        frozenset(("dense",)),
        "All maps of the last convolution are flattened, not one.",
        "Multiply the pixels of one map by the number of maps.",
    ),
    _fault(
        "flattened_after_valid_convolutions",
        "my_parameters",
        lambda given: _layers(given, side=_valid_side),
        frozenset(("dense",)),
        "The convolutions are padded to keep the size; only pooling makes the maps smaller.",
        "Leave the sides as they are at each convolution, and halve them at each pooling.",
    ),
    _fault(
        "total_without_dense_layers",
        "my_parameters",
        lambda given: _layers(given, total=lambda found: sum(found[:3])),
        frozenset(("total",)),
        "The total holds only the convolutions.",
        "Add up all numbers that you wrote above the total.",
    ),
    _fault(
        "sizes_added",
        "my_receptive_fields",
        _fields(lambda kind, size, stride, jump: (size * jump, stride), start=0),
        _FIELDS,
        "A layer adds its size less one: its middle, or its first position, is there already.",
        "Begin with a field of 1, and add for each layer its size less one, times the strides before it.",
    ),
    _fault(
        "strides_forgotten",
        "my_receptive_fields",
        _fields(lambda kind, size, stride, jump: (size - 1, 1)),
        frozenset(("strided", "last")),
        "Behind a stride, neighbors are several pixels of the image apart: the strides of all earlier layers multiply "
        "what a layer adds.",
        "Write the product of all strides so far beside each layer, and multiply what the next one adds by it.",
    ),
    _fault(
        "stride_of_the_pooling_forgotten",
        "my_receptive_fields",
        _fields(lambda kind, size, stride, jump: (jump * (size - 1), 1 if kind == "pooling" else stride)),
        frozenset(("strided", "last")),
        "Pooling has a stride too, and it counts for every layer behind it.",
        "Put the pooling's stride into the product of strides before you go on to the next layer.",
    ),
    _fault(
        "stride_counted_too_early",
        "my_receptive_fields",
        _fields(lambda kind, size, stride, jump: (jump * stride * (size - 1), stride)),
        frozenset(("pooling", "strided")),
        "The stride of a layer counts for the layers behind it, not for itself.",
        "First add what the layer adds, with the product of the strides before it. Then multiply that "
        "product by its own.",
    ),
    _fault(
        "pooling_sees_one_pixel",
        "my_receptive_fields",
        _fields(lambda kind, size, stride, jump: (0 if kind == "pooling" else jump * (size - 1), stride)),
        frozenset(("pooling",)),
        "A pooling window sees several values too, like a kernel of its size.",
        "Add its size less one, times the strides before it, as for a kernel.",
    ),
    _fault(
        "pooling_left_out",
        "my_receptive_fields",
        _fields(lambda kind, size, stride, jump: (0, 1) if kind == "pooling" else (jump * (size - 1), stride)),
        _FIELDS - {"convolutions"},
        "The pooling was left out: its window and its stride count like those of a kernel.",
        "Give the pooling a row of its own in your working, with its size and its stride.",
    ),
    _fault(
        "sizes_multiplied",
        "my_receptive_fields",
        _multiplied,
        _FIELDS,
        "The sizes were multiplied. What a layer adds is added, times the strides of all earlier layers.",
        "Begin with 1, and for each layer add its size less one, times the product of the strides before it.",
    ),
    _fault(
        "farthest_from_zero",
        "my_poolings",
        _pooling(largest=_farthest),
        frozenset(("max",)),
        "Max pooling takes the largest number, not the one farthest from 0: 1 is larger than -9.",
        "Put the four numbers on a line: the one on the far right is the largest.",
    ),
    _fault(
        "smallest_for_largest",
        "my_poolings",
        _pooling(largest=lambda blocks: blocks.min(axis=2)),
        frozenset(("max",)),
        "That is the smallest number of each window.",
        "Take the number on the far right of the line.",
    ),
    _fault(
        "sum_for_mean",
        "my_poolings",
        _pooling(mean=lambda blocks: blocks.sum(axis=2)),
        frozenset(("average",)),
        "That is the sum. The average divides it by how many numbers are in a window.",
        "Divide by four.",
    ),
    _fault(
        "divided_by_two",
        "my_poolings",
        _pooling(mean=lambda blocks: blocks.sum(axis=2) / 2),
        frozenset(("average",)),
        "A window of 2x2 holds four numbers.",
        "Divide the sum by four.",
    ),
    _fault(
        "averages_rounded",
        "my_poolings",
        _pooling(mean=lambda blocks: np.floor(blocks.mean(axis=2))),
        frozenset(("average",)),
        "The averages were rounded. Give them as they are.",
        "Keep what stands behind the decimal point: quarters are all that can come out.",
    ),
    _fault(
        "averages_to_nearest",
        "my_poolings",
        _pooling(mean=lambda blocks: np.round(blocks.mean(axis=2))),
        frozenset(("average",)),
        "The averages were rounded. Give them as they are.",
        "Keep what stands behind the decimal point: quarters are all that can come out.",
    ),
    _fault(
        "mean_for_sum",
        "my_poolings",
        _pooling(total=lambda blocks: blocks.mean(axis=2)),
        frozenset(("sum",)),
        "That is the average. Sum pooling does not divide.",
        "Leave the division by four out.",
    ),
    _fault(
        "windows_overlap",
        "my_poolings",
        _overlapping,
        frozenset(("max", "average", "sum")),
        "The windows overlap. Here the window moves by its own size.",
        "The next window begins where the last one ended. From six columns three windows come.",
    ),
    _fault(
        "average_over_maps",
        "my_global_average",
        _averaged(lambda maps: maps.mean(axis=0)),
        frozenset(("means",)),
        "That is the average over the maps, one for each pixel. Asked is that over the pixels, one for each map.",
        "Take one map, add all its pixels, and divide by how many they are. Then take the next one.",
    ),
    _fault(
        "global_averages_cut",
        "my_global_average",
        _averaged(lambda maps: np.floor(maps.mean(axis=(1, 2)))),
        frozenset(("means",)),
        "The averages were rounded. Give them as they are.",
        "Keep what stands behind the decimal point: tenths are all that can come out.",
    ),
    _fault(
        "global_averages_to_nearest",
        "my_global_average",
        _averaged(lambda maps: np.round(maps.mean(axis=(1, 2)))),
        frozenset(("means",)),
        "The averages were rounded. Give them as they are.",
        "Keep what stands behind the decimal point: tenths are all that can come out.",
    ),
    _fault(
        "sums_of_maps",
        "my_global_average",
        _averaged(lambda maps: maps.sum(axis=(1, 2))),
        frozenset(("means",)),
        "These are the sums. Divide them by the number of pixels of a map.",
        "Count the rows and columns of a map, and divide by their product.",
    ),
    _fault(
        "largest_of_maps",
        "my_global_average",
        _averaged(lambda maps: maps.max(axis=(1, 2))),
        frozenset(("means",)),
        "That is global max pooling.",
        "Add all pixels of a map and divide by how many they are, instead of looking for the largest.",
    ),
    _fault(
        "one_average_of_all",
        "my_global_average",
        _averaged(lambda maps: maps.mean()),
        frozenset(("means",)),
        "That is one average of all maps. Each map has its own.",
        "Give as many numbers as there are maps.",
    ),
)
