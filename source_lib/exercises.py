"""Exercises in convolution arithmetic with numbers that are drawn for each student, from the student's id alone.

The same id gives the same numbers on every machine, in every year and with every version of NumPy: they come from a
hash and not from a random generator. Whoever knows an id can draw its exercise, so nothing here is secret.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate2d

from source_lib.layers.arithmetic import output_size

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

#: Every kernel has these weights, so that nobody's sums are longer than another's.
_PIXELS, _WEIGHTS = range(6), (-2, -1, -1, 0, 0, 1, 1, 2, 3)
_MOST_LETTERS = 255
_ODD = range(3, 33, 2)
_PARTS = (
    *("convolution", "padding", "kernel_size", "pooled_size", "second_layer"),
    *("parameters", "receptive_fields", "poolings", "global_average"),
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
        The id, as `normalized` writes it.
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
        kernel   25 rows, 23 columns
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
    image, kernel = _convolution(_Dice(name, "convolution"))
    return Exercise(
        name,
        image,
        kernel,
        **_sizes(_Dice(name, "sizes")),
        padded_kernel=_two(_Dice(name, "padding"), _ODD),
        **_counted(_Dice(name, "parameters")),
        layers=_seen(_Dice(name, "receptive_fields")),
        matrix=_matrix(_Dice(name, "poolings")),
        feature_maps=_averaged(_Dice(name, "global_average")),
    )


def readings(image: Table, kernel: Table) -> dict[str, np.ndarray]:
    """Return what becomes of an image and a kernel of odd size, by the way in which the task is read.

    Parameters
    ----------
    image : array_like, shape [D_y, D_x]
    kernel : array_like, shape [K, K]

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
        return correlate2d(np.pad(pixels, (before, 2 * half - before), mode=mode), weights, mode="valid")

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


def _convolution(dice: _Dice) -> tuple[Table, Table]:
    while True:
        weights = dice.order(_WEIGHTS)
        kernel = (weights[:3], weights[3:6], weights[6:])
        image = dice.table(_PIXELS, *IMAGE_SHAPE)
        if _tells(readings(image, kernel)) and _tells_row(image, kernel):
            return image, kernel


def _tells(found: Mapping[str, np.ndarray]) -> bool:
    """Return whether no region of the answer is the same number everywhere, or that of another reading."""
    right = found["cross-correlation"]
    for name, cells in REGIONS.items():
        index = tuple(zip(*cells, strict=True))
        others = [values[index] for how, values in found.items() if how != "cross-correlation"]
        if name == "inside":
            # There the border does not matter.
            others = [
                values[index] for how, values in found.items() if how not in ("cross-correlation", "border repeated")
            ]
        if len(set(right[index].tolist())) == 1 or any(np.array_equal(right[index], other) for other in others):
            return False
    return True


def _tells_row(image: Table, kernel: Table) -> bool:
    """Return whether the same holds for the middle row of the true convolution."""
    turned = readings(image, np.asarray(kernel)[::-1, ::-1])
    rows = {how: values[len(values) // 2] for how, values in turned.items()}
    right = rows.pop("cross-correlation")
    repeated = rows.pop("border repeated")
    ends = list(ROW_REGIONS["ends"])
    return not np.array_equal(right[ends], repeated[ends]) and not any(
        np.array_equal(right[list(cells)], other[list(cells)])
        for cells in ROW_REGIONS.values()
        for other in rows.values()
    )


def _sizes(dice: _Dice) -> dict:
    while True:
        image, kernel = _two(dice, range(200, 700)), _two(dice, _ODD)
        size = tuple(output_size(n, k) for n, k in zip(image, kernel, strict=True))
        pool, second, stride, padding = (
            dice.one(some) for some in ((2, 3, 4), range(5, 17, 2), (2, 3, 4), range(2, 9))
        )
        maps = dice.one(range(6, 33)), dice.one(range(34, 65))
        if size[0] == size[1] or padding >= second or any(n % pool == 0 for n in size):
            continue
        pooled = [output_size(n, pool, pool) for n in size]
        if pooled[0] != pooled[1] and all(_rounds(n, second, stride, padding) for n in pooled):
            return {
                "image_size": image,
                "map_size": size,
                "pool": pool,
                "maps": maps,
                "second_kernel": second,
                "second_stride": stride,
                "second_padding": padding,
            }


def _rounds(n: int, kernel: int, stride: int, padding: int) -> bool:
    """Return whether the size has to be rounded down, and no two common mistakes give the same."""
    size = output_size(n, kernel, stride, padding)
    once, never = (n + padding - kernel) // stride + 1, output_size(n, kernel, stride)
    return (n + 2 * padding - kernel) % stride != 0 and len({size, size - 1, once, never}) == 4


def _counted(dice: _Dice) -> dict:
    return {
        "input_size": dice.one(range(24, 104, 8)),
        "kernels": tuple(dice.one((3, 5, 7)) for _ in range(3)),
        "filters": (dice.one(range(8, 25)), dice.one(range(26, 49)), dice.one(range(50, 97))),
        "hidden": dice.one(range(40, 121)),
        "classes": dice.one(range(5, 26)),
    }


def _seen(dice: _Dice) -> tuple[tuple[str, int, int], ...]:
    first, second, third, fourth = (dice.one(range(3, 13, 2)) for _ in range(4))
    pool, stride = dice.one((2, 3, 4)), dice.one((2, 3))
    return (
        ("convolution", first, 1),
        ("convolution", second, 1),
        ("pooling", pool, pool),
        ("convolution", third, stride),
        ("convolution", fourth, 1),
    )


def _matrix(dice: _Dice) -> Table:
    while True:
        matrix = dice.table(range(-9, 10), *POOLED_SHAPE)
        blocks = np.asarray(matrix).reshape(2, 2, 3, 2).swapaxes(1, 2).reshape(-1, 4)
        largest, total = blocks.max(axis=1), blocks.sum(axis=1)
        # The largest number is not always the one farthest from 0, some averages are no whole numbers, and no result is
        # the same everywhere.
        discriminates = (largest != np.abs(blocks).max(axis=1)).any() and (total % 4 != 0).any()
        if discriminates and len(set(largest)) > 1 and len(set(total)) > 1:
            return matrix


def _averaged(dice: _Dice) -> tuple[Table, Table, Table]:
    count, rows, columns = MAPS_SHAPE
    while True:
        maps = tuple(dice.table(range(10), rows, columns) for _ in range(count))
        totals = [np.sum(one) for one in maps]
        if len(set(totals)) == count and min(totals) > 0 and all(np.ptp(one) for one in maps):
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
