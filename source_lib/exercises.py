"""Exercises in convolution arithmetic with numbers that are drawn for each student, from the student's id alone.

The same id gives the same numbers on every machine, in every year and with every version of NumPy: they come from a
hash and not from a random generator. Whoever knows an id can draw its exercise, so nothing here is secret.

Exercises to practice with are drawn from other ranges, so that none of them asks what is graded, whoever is asked.
"""

from __future__ import annotations

import functools
import hashlib
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from source_lib.layers.arithmetic import conv_parameters, output_size

#: One channel of numbers, row by row.
Table = tuple[tuple[int, ...], ...]

#: Rows and columns of the image that is convolved; with a kernel of 3x3 and zero padding also those of the answer.
IMAGE_SHAPE = (3, 5)
#: Of the matrix that is pooled with windows of 2x2, and of the maps that are averaged.
POOLED_SHAPE, MAPS_SHAPE = (4, 6), (3, 2, 5)
#: The cells of the convolved image by what lies under the kernel there: the image alone, or also zeros around it.
REGIONS: Mapping[str, tuple[tuple[int, int], ...]] = {
    "inside": ((1, 1), (1, 2), (1, 3)),
    "top": ((0, 1), (0, 2), (0, 3)),
    "bottom": ((2, 1), (2, 2), (2, 3)),
    "ends": ((1, 0), (1, 4)),
    "left_corners": ((0, 0), (2, 0)),
    "right_corners": ((0, 4), (2, 4)),
}
#: The same for its middle row, which is what the true convolution's question is about.
ROW_REGIONS: Mapping[str, tuple[int, ...]] = {"middle": (2,), "beside": (1, 3), "ends": (0, 4)}

_MOST_LETTERS = 255
_PARTS = (
    *("convolution", "padding", "kernel_size", "pooled_size", "second_layer"),
    *("parameters", "receptive_fields", "poolings", "global_average"),
)


@dataclass(frozen=True)
class Ranges:
    """What the numbers of an exercise are drawn from.

    Attributes
    ----------
    pixels : sequence of int
        Of the image that is convolved.
    weights : sequence of int
        All nine weights of every kernel, so that nobody's sums are longer than another's.
    padded : sequence of int
        Sides of the kernel whose padding is asked. From 7 on half a side is not a side less a small number.
    image_sides, first_kernels : sequence of int
        Of the first layer.
    pools, second_kernels, strides, paddings : sequence of int
        Of the pooling and of the second layer.
    maps : pair of sequence of int
        Number of kernels of the first and of the second layer.
    input_sizes, kernels, hidden, classes : sequence of int
        Of the network whose parameters are counted. Its three kernels are different ones of ``kernels``.
    filters : three sequences of int
        Number of kernels of its convolutions.
    seen, seen_pools, seen_strides : sequence of int
        Sizes of the convolutions, of the pooling and of the stride whose receptive fields are asked.
    entries, map_entries : sequence of int
        Of the matrix that is pooled, and of the maps that are averaged.
    """

    pixels: Sequence[int]
    weights: Sequence[int]
    padded: Sequence[int]
    image_sides: Sequence[int]
    first_kernels: Sequence[int]
    pools: Sequence[int]
    second_kernels: Sequence[int]
    strides: Sequence[int]
    paddings: Sequence[int]
    maps: tuple[Sequence[int], Sequence[int]]
    input_sizes: Sequence[int]
    kernels: Sequence[int]
    filters: tuple[Sequence[int], Sequence[int], Sequence[int]]
    hidden: Sequence[int]
    classes: Sequence[int]
    seen: Sequence[int]
    seen_pools: Sequence[int]
    seen_strides: Sequence[int]
    entries: Sequence[int]
    map_entries: Sequence[int]


#: What is graded is drawn from these.
GRADED = Ranges(
    pixels=range(6),
    weights=(-2, -1, -1, 0, 0, 1, 1, 2, 3),
    padded=range(7, 37, 2),
    image_sides=range(200, 700),
    first_kernels=range(3, 33, 2),
    pools=(2, 3, 4),
    second_kernels=range(5, 17, 2),
    strides=(2, 3, 4),
    paddings=range(3, 9),
    maps=(range(6, 33), range(34, 65)),
    input_sizes=range(24, 104, 8),
    kernels=(3, 5, 7),
    filters=(range(8, 25), range(26, 49), range(50, 97)),
    hidden=range(40, 121),
    classes=range(5, 26),
    seen=range(3, 15, 2),
    seen_pools=(2, 3, 4),
    seen_strides=(2, 3),
    entries=range(-9, 10),
    map_entries=range(10),
)
#: What is practiced is drawn from these: in every line of every part at least one number is none of those above.
PRACTICE = Ranges(
    pixels=range(6),
    weights=(-2, -2, -1, 0, 0, 1, 1, 2, 3),
    padded=range(37, 67, 2),
    image_sides=range(110, 170),
    first_kernels=range(3, 33, 2),
    pools=(2, 3, 4),
    second_kernels=range(6, 18, 2),
    strides=(2, 3, 4),
    paddings=range(3, 9),
    maps=(range(6, 33), range(200, 231)),
    input_sizes=range(24, 104, 8),
    kernels=(3, 5, 7),
    filters=(range(4, 8), range(16, 26), range(98, 129)),
    hidden=range(130, 181),
    classes=range(26, 41),
    seen=range(2, 16, 2),
    seen_pools=(2, 3, 4),
    seen_strides=(2, 3),
    entries=(*range(-19, -9), *range(10, 20)),
    map_entries=range(10, 30),
)


class ExerciseError(ValueError):
    """No exercise can be drawn. The message explains what to do."""

    def _render_traceback_(self) -> list[str]:
        # A notebook shows these lines in place of a traceback.
        return [str(self)]


@dataclass(frozen=True)
class Exercise:
    """The numbers of one student. Sizes are rows first.

    Attributes
    ----------
    student : str
        The id, as `normalized` writes it; empty in an exercise to practice with.
    image, kernel : tuple of tuple of int
        One channel [3, 5] and a kernel [3, 3], which differs from every turned and mirrored copy of itself.
    padded_kernel : (int, int)
        Size of the kernel whose padding the student works out; odd, and not square.
    image_size, map_size : (int, int)
        Before and after a first layer without padding, at stride 1.
    pool : int
        Size and stride of the windows that pool its maps. It divides neither side of them.
    maps : (int, int)
        Number of kernels of the first and of the second layer.
    second_kernel, second_stride, second_padding : int
        Of the second layer.
    input_size : int
        Side of the square RGB images of the network whose parameters are counted.
    kernels, filters : tuple of int
        Of its three convolutions, each padded to keep the size and followed by pooling 2x2.
    hidden, classes : int
        Sizes of its two dense layers.
    layers : tuple of (str, int, int)
        Kind, size and stride of the layers whose receptive fields the student works out.
    matrix : tuple of tuple of int
        One channel [4, 6] to be pooled.
    feature_maps : tuple of tuple of tuple of int
        Three maps [2, 5] to be averaged.
    """

    student: str
    image: Table
    kernel: Table
    padded_kernel: tuple[int, int]
    image_size: tuple[int, int]
    map_size: tuple[int, int]
    pool: int
    maps: tuple[int, int]
    second_kernel: int
    second_stride: int
    second_padding: int
    input_size: int
    kernels: tuple[int, int, int]
    filters: tuple[int, int, int]
    hidden: int
    classes: int
    layers: tuple[tuple[str, int, int], ...]
    matrix: Table
    feature_maps: tuple[Table, Table, Table]

    def about(self, part: str) -> str:
        """Return what is given in one part of the exercise, as text of a fixed width.

        Parameters
        ----------
        part : str
            ``"convolution"``, ``"padding"``, ``"kernel_size"``, ``"pooled_size"``, ``"second_layer"``,
            ``"parameters"``, ``"receptive_fields"``, ``"poolings"`` or ``"global_average"``.

        Raises
        ------
        ExerciseError
            If there is no such part.

        Examples
        --------
        >>> print(draw("anna42").about("padding"))
        kernel   29 rows, 27 columns
        """
        if part not in _PARTS:
            raise ExerciseError(f"The exercise has no part {part!r}. Its parts are {', '.join(_PARTS)}.")
        if part == "convolution":
            return _side_by_side({"image": self.image, "kernel": self.kernel})
        if part == "poolings":
            return _side_by_side({"matrix": self.matrix})
        if part == "global_average":
            return _side_by_side({f"map {k}": one for k, one in enumerate(self.feature_maps, start=1)})
        rows = {
            "padding": [("kernel", _size(self.padded_kernel))],
            "kernel_size": [
                ("image", _size(self.image_size)),
                ("its feature maps", f"{_size(self.map_size)} (no padding, stride 1)"),
            ],
            "pooled_size": [
                ("feature maps", _size(self.map_size)),
                ("pooling", f"windows of {self.pool} × {self.pool}, stride {self.pool}"),
            ],
            "second_layer": [
                ("input", f"the {self.maps[0]} pooled maps"),
                ("kernels", f"{self.maps[1]}, each {self.second_kernel} × {self.second_kernel} on all input maps"),
                ("stride", f"{self.second_stride}"),
                ("zero padding", f"{self.second_padding} on every side"),
            ],
            "parameters": self._network(),
            "receptive_fields": [
                (f"{k}. {kind}", f"{size} × {size}, stride {stride}")
                for k, (kind, size, stride) in enumerate(self.layers, start=1)
            ],
        }[part]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name.ljust(width)}   {text}" for name, text in rows)

    def _network(self) -> list[tuple[str, str]]:
        rows = [("input", f"RGB images, {self.input_size} × {self.input_size}")]
        for k, (kernel, filters) in enumerate(zip(self.kernels, self.filters, strict=True), start=1):
            rows += [
                (f"{k}. convolution", f"{filters} kernels of {kernel} × {kernel}, padded to keep the size, stride 1"),
                ("   max pooling", "windows of 2 × 2, stride 2"),
            ]
        return [
            *rows,
            ("   flattening", "all maps become one vector"),
            ("4. dense", f"{self.hidden} outputs"),
            ("5. dense", f"{self.classes} outputs"),
        ]


def normalized(student_id: str) -> str:
    """Return a student id as it counts: without spaces and invisible characters, and upper case as lower case.

    Letters that look the same and are written in several ways in Unicode are one letter (NFKC).

    Parameters
    ----------
    student_id : str

    Returns
    -------
    str

    Raises
    ------
    ExerciseError
        If it is no text or far too long, or nothing is left of it.

    Examples
    --------
    >>> normalized(" Anna42 ")
    'anna42'
    """
    if not isinstance(student_id, str):
        raise ExerciseError(f'A student id is a text in quotes, such as "anna42"; this is {student_id!r:.60}.')
    if len(student_id) > _MOST_LETTERS:
        raise ExerciseError(f"A student id has at most {_MOST_LETTERS} letters; this has {len(student_id)}.")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", student_id).casefold())
    kept = "".join(letter for letter in folded if unicodedata.category(letter)[0] not in "ZC")
    if not kept:
        raise ExerciseError('There is no student id yet. Write yours between the quotes, such as "anna42".')
    return kept


def draw(student_id: str) -> Exercise:
    """Draw the exercise of a student.

    Each number is one of a fixed list, chosen by a hash (BLAKE2b) of the id, of the part and of how often was drawn
    for that part before. A part is drawn again until it discriminates: until no other common way to read it, such as a
    flipped kernel or a size that is rounded up, gives one of its numbers.

    How many exercises there are is a product. Of image and kernel alone there are more than anybody can list; the part
    with the fewest is the padding, of two different odd sizes from 3 to 31. So two students may share the answer to one
    part, and hardly to two.

    Parameters
    ----------
    student_id : str
        As a person writes it; `normalized` keeps what counts.

    Returns
    -------
    Exercise

    Raises
    ------
    ExerciseError
        If there is no id.

    Examples
    --------
    >>> draw("anna42") == draw(" Anna42")
    True
    >>> draw("anna42").image == draw("anna43").image
    False
    """
    name = normalized(student_id)
    return _drawn(name, GRADED, name)


def draw_practice(seed: int) -> Exercise:
    """Draw an exercise to practice with.

    It has the same parts as those that are graded, and other numbers than any of them: `PRACTICE` shares no question
    with `GRADED`.

    Parameters
    ----------
    seed : int
        The same seed gives the same numbers.

    Returns
    -------
    Exercise

    Examples
    --------
    >>> draw_practice(1) == draw_practice(1)
    True
    >>> draw_practice(1).padded_kernel == draw_practice(2).padded_kernel
    False
    """
    return _drawn("", PRACTICE, "practice", str(int(seed)))


def _drawn(student: str, ranges: Ranges, *names: str) -> Exercise:
    image, kernel = _convolution(_Dice(*names, "convolution"), ranges)
    return Exercise(
        student,
        image,
        kernel,
        **_sizes(_Dice(*names, "sizes"), ranges),
        padded_kernel=_two(_Dice(*names, "padding"), ranges.padded),
        **_counted(_Dice(*names, "parameters"), ranges),
        layers=_seen(_Dice(*names, "receptive_fields"), ranges),
        matrix=_matrix(_Dice(*names, "poolings"), ranges),
        feature_maps=_averaged(_Dice(*names, "global_average"), ranges),
    )


def readings(image: Table, kernel: Table) -> dict[str, np.ndarray]:
    """Return what becomes of an image and a kernel of odd size, by the way in which the task is read.

    Parameters
    ----------
    image : array_like, shape [D_y, D_x]
    kernel : array_like, shape [K_y, K_x]
        Square.

    Returns
    -------
    dict of str to numpy.ndarray, shape [D_y, D_x]
        ``"cross-correlation"``, which deep learning calls convolution, with zeros around the image, and the others:
        the kernel mirrored or turned, its signs left out, the border pixels repeated, and a window that begins at the
        pixel in place of having it in its middle.

    Examples
    --------
    >>> readings([[1, 2, 3]], [[1]])["cross-correlation"]
    array([[1, 2, 3]])
    """
    pixels, weights = np.asarray(image), np.asarray(kernel)
    half = len(weights) // 2

    def read(weights: np.ndarray, mode: str = "constant", before: int = half) -> np.ndarray:
        padded = np.pad(pixels, (before, 2 * half - before), mode=mode)
        return np.einsum("ijkl,kl->ij", sliding_window_view(padded, weights.shape), weights)

    return {
        "cross-correlation": read(weights),
        "true convolution": read(weights[::-1, ::-1]),
        "rows mirrored": read(weights[::-1]),
        "columns mirrored": read(weights[:, ::-1]),
        "transposed": read(weights.T),
        "turned left": read(np.rot90(weights)),
        "turned right": read(np.rot90(weights, -1)),
        "transposed and turned over": read(weights.T[::-1, ::-1]),
        "signs left out": read(np.abs(weights)),
        "border repeated": read(weights, mode="edge"),
        "window begins at the pixel": read(weights, before=0),
    }


class _Dice:
    """Choices that depend on names alone, one after the other."""

    def __init__(self, *names: str) -> None:
        self.names, self.thrown = names, 0

    def one(self, options: Sequence[int]) -> int:
        text = "\0".join(["cnn-course", *self.names, str(self.thrown)])
        self.thrown += 1
        number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
        return options[number % len(options)]

    def order(self, options: Sequence[int]) -> tuple[int, ...]:
        left = list(options)
        return tuple(left.pop(self.one(range(len(left)))) for _ in options)

    def table(self, options: Sequence[int], rows: int, columns: int) -> Table:
        return tuple(tuple(self.one(options) for _ in range(columns)) for _ in range(rows))


def _two(dice: _Dice, options: Sequence[int]) -> tuple[int, int]:
    """Draw two numbers that differ: one number for both would be right by chance."""
    first = dice.one(options)
    return first, dice.one([option for option in options if option != first])


def _convolution(dice: _Dice, ranges: Ranges) -> tuple[Table, Table]:
    while True:
        weights = dice.order(ranges.weights)
        kernel = (weights[:3], weights[3:6], weights[6:])
        image = dice.table(ranges.pixels, *IMAGE_SHAPE)
        if _tells(image, kernel) and _tells_row(image, kernel):
            return image, kernel


def _tells(image: Table, kernel: Table) -> bool:
    """Return whether no region of the answer is the same number everywhere, or that of another reading or of a slip."""
    found = _read(image, kernel)
    return all(np.ptp(found[0][_index(cells)]) > 0 for cells in REGIONS.values()) and _apart(found, REGIONS)


def _tells_row(image: Table, kernel: Table) -> bool:
    """Return whether the same holds for the middle row of the true convolution."""
    middle = {name: tuple((1, k) for k in cells) for name, cells in ROW_REGIONS.items()}
    return _apart(_read(image, np.asarray(kernel)[::-1, ::-1]), middle)


def _apart(found: np.ndarray, regions: Mapping[str, tuple[tuple[int, int], ...]]) -> bool:
    """Return whether the first answer differs from all others in each region where they can differ at all."""
    for cells in regions.values():
        right, *others = found[_touching(cells)][:, *_index(cells)]
        if (others == right).all(axis=1).any():
            return False
    return True


def _index(cells: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    rows, columns = zip(*cells, strict=True)
    return list(rows), list(columns)


def _read(image: Table, kernel: Table) -> np.ndarray:
    """Return the answer, and then what comes out instead by other readings and by slips, [ways, rows, columns]."""
    places, orders = _ways()
    pixels, weights = np.append(0, np.ravel(image)), np.ravel(kernel)
    windows = np.lib.stride_tricks.sliding_window_view(pixels[places], (3, 3), axis=(1, 2))
    without_signs = np.einsum("ijab,ab->ij", windows[0], np.abs(weights[orders[0]]))
    return np.concatenate([np.einsum("wijab,wab->wij", windows, weights[orders]), without_signs[None]])


@functools.cache
def _ways() -> tuple[np.ndarray, np.ndarray]:
    """Return by way to read the task which pixel stands where, from 1 and with 0 for a zero, and which weight."""
    pixels, weights = 1 + np.arange(math.prod(IMAGE_SHAPE)).reshape(IMAGE_SHAPE), np.arange(9).reshape(3, 3)
    around, wrapped = np.pad(pixels, 1), np.pad(pixels, 1, mode="wrap")
    ways = [(around, np.rot90(way, turn)) for way in (weights, weights.T) for turn in range(4)]
    ways += [(np.pad(pixels, 1, mode="edge"), weights), (np.pad(pixels, ((0, 2), (0, 2))), weights)]
    for axis in (0, 1):
        for step, outermost, swapped in ((1, 0, [1, 0, 2]), (-1, -1, [0, 2, 1])):
            cut, over = np.array(pixels), np.array(around)
            np.moveaxis(cut, axis, 0)[outermost] = 0
            np.moveaxis(over, axis, 0)[outermost] = np.moveaxis(wrapped, axis, 0)[outermost]
            ways += [(np.pad(cut, 1), weights), (over, weights), (np.roll(around, step, axis), weights)]
            ways += [(around, np.roll(weights, step, axis)), (around, np.take(weights, swapped, axis))]
    places, orders = zip(*ways, strict=True)
    return np.stack(places), np.stack(orders)


@functools.cache
def _touching(cells: tuple[tuple[int, int], ...]) -> list[int]:
    """Return the right way and those that differ from it in some cells, found out with numbers that nobody draws."""
    weights = 2 ** np.arange(0, 27, 3) * (-1) ** np.arange(9)
    found = _read(1 + np.arange(15).reshape(IMAGE_SHAPE) ** 3, weights.reshape(3, 3))[:, *_index(cells)]
    return [0, *np.flatnonzero((found != found[0]).any(axis=1)).tolist()]


def _sizes(dice: _Dice, ranges: Ranges) -> dict:
    while True:
        image, kernel = _two(dice, ranges.image_sides), _two(dice, ranges.first_kernels)
        size = tuple(output_size(n, k) for n, k in zip(image, kernel, strict=True))
        pool, second, stride, padding = (
            dice.one(some) for some in (ranges.pools, ranges.second_kernels, ranges.strides, ranges.paddings)
        )
        maps = tuple(map(dice.one, ranges.maps))
        # A padding of half the kernel is what many take without looking.
        if len({pool, second, stride, padding, second // 2, maps[0]}) < 6 or padding >= second:
            continue
        pooled = [output_size(n, pool, pool) for n in size]
        if (
            len({*image, *size, *pooled}) == 6
            and _tells_pooled(size, pool)
            and _tells_second(pooled, second, stride, padding)
        ):
            return {
                "image_size": image,
                "map_size": size,
                "pool": pool,
                "maps": maps,
                "second_kernel": second,
                "second_stride": stride,
                "second_padding": padding,
            }


def _tells_pooled(sizes: Sequence[int], pool: int) -> bool:
    """Return whether each side is one pixel short of one more window: rounding up, and one pixel more, show."""
    return all(n % pool == pool - 1 for n in sizes)


def _tells_second(sizes: Sequence[int], kernel: int, stride: int, padding: int) -> bool:
    """Return whether no common mistake gives both sides of the second layer's maps.

    One pixel less shows where the last window fits exactly, one more where it just does not, so it takes two sides.
    """
    right = [output_size(n, kernel, stride, padding) for n in sizes]
    ways = [
        (stride, lambda n: n + 2 * padding - kernel - 1),
        (stride, lambda n: n + 2 * padding - kernel + 1),
        (stride, lambda n: n + padding - kernel),
        (stride, lambda n: n - kernel),
        (stride, lambda n: n + 2 * padding),
        *((other, lambda n: n + 2 * padding - kernel) for other in (stride - 1, stride + 1)),
    ]
    near = [[places(n) // step + 1 for n in sizes] for step, places in ways]
    near.append([-(-(n + 2 * padding - kernel) // stride) + 1 for n in sizes])
    return right not in near and right[0] != right[1]


def _counted(dice: _Dice, ranges: Ranges) -> dict:
    while True:
        size, kernels = dice.one(ranges.input_sizes), dice.order(ranges.kernels)
        filters = tuple(map(dice.one, ranges.filters))
        hidden, classes = dice.one(ranges.hidden), dice.one(ranges.classes)
        # With a first kernel of 3, as many as there are channels, the two could be mixed up.
        layers = zip(kernels, (3, *filters), filters, strict=False)
        counts = {conv_parameters(k, n_in, n_out) for k, n_in, n_out in layers}
        different = len({size, size // 8, *kernels, *filters, hidden, classes}) == 10 and len(counts) == 3
        if kernels[0] != 3 and different:
            return {
                "input_size": size,
                "kernels": kernels,
                "filters": filters,
                "hidden": hidden,
                "classes": classes,
            }


def _seen(dice: _Dice, ranges: Ranges) -> tuple[tuple[str, int, int], ...]:
    while True:
        first, second, third, fourth = (dice.one(ranges.seen) for _ in range(4))
        pool, stride = dice.one(ranges.seen_pools), dice.one(ranges.seen_strides)
        if len({first, second, third, fourth, pool, stride}) == 6:
            return (
                ("convolution", first, 1),
                ("convolution", second, 1),
                ("pooling", pool, pool),
                ("convolution", third, stride),
                ("convolution", fourth, 1),
            )


def _matrix(dice: _Dice, ranges: Ranges) -> Table:
    while True:
        matrix = dice.table(ranges.entries, *POOLED_SHAPE)
        blocks = np.asarray(matrix).reshape(2, 2, 3, 2).swapaxes(1, 2).reshape(-1, 4)
        largest, total = blocks.max(axis=1), blocks.sum(axis=1)
        # The largest number is not always the one farthest from 0, each place of a window holds it once, some averages
        # are no whole numbers, no result is the same everywhere, and no window has a number of the one below it.
        discriminates = (largest != np.abs(blocks).max(axis=1)).any() and (total % 4 != 0).any()
        everywhere = len(set(blocks.argmax(axis=1))) == 4 and (blocks[:3] != blocks[3:]).all()
        if discriminates and everywhere and len(set(largest)) > 1 and len(set(total)) > 1:
            return matrix


def _averaged(dice: _Dice, ranges: Ranges) -> tuple[Table, Table, Table]:
    count, rows, columns = MAPS_SHAPE
    while True:
        maps = tuple(dice.table(ranges.map_entries, rows, columns) for _ in range(count))
        totals = [np.sum(one) for one in maps]
        # Some average is no whole number.
        different = len(set(totals)) == count and any(total % (rows * columns) for total in totals)
        if different and min(totals) > 0 and all(np.ptp(one) for one in maps):
            return maps


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} rows, {size[1]} columns"


def _side_by_side(tables: Mapping[str, Table]) -> str:
    """Return tables side by side, each below its name."""
    blocks = []
    for name, table in tables.items():
        width = max(len(str(number)) for row in table for number in row)
        lines = [name, *("  ".join(str(number).rjust(width) for number in row) for row in table)]
        most = max(map(len, lines))
        blocks.append([line.ljust(most) for line in lines])
    height = max(map(len, blocks))
    full = [block + [" " * len(block[0])] * (height - len(block)) for block in blocks]
    return "\n".join("      ".join(row).rstrip() for row in zip(*full, strict=True))
