"""Many questions in one message, and their answers in one reply.

An array of its own in a frame costs more than most of the answers. So the numbers of all arrays lie one after another,
and a list says which of them belong together. It runs beside a student's code, as `wire` does, and decides nothing.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

#: What a number in memory is aligned to.
_ALIGNED = 16
BATCH = 16


class Questions(tuple):
    """The arguments of many questions, each a tuple of arrays, numbers, text, and lists and mappings of these.

    Examples
    --------
    >>> questions = Questions([(np.eye(2), "relu"), (np.ones(3), "linear")])
    >>> unpack(*questions.packed)[1]
    (array([1., 1., 1.]), 'linear')
    """

    @functools.cached_property
    def batches(self) -> list[Questions]:
        """The same in parts that a slow function answers in time, too."""
        return [Questions(self[start : start + BATCH]) for start in range(0, len(self), BATCH)]

    @functools.cached_property
    def packed(self) -> tuple[str, np.ndarray]:
        """JSON of all arguments, and the bytes of the arrays."""
        blobs: list[bytes] = []
        end = 0

        def pack(value: Any) -> Any:
            nonlocal end
            if isinstance(value, np.ndarray):
                fortran = value.flags.f_contiguous and not value.flags.c_contiguous
                blob = value.tobytes("F" if fortran else "C")
                start = end
                end += -(-len(blob) // _ALIGNED) * _ALIGNED
                blobs.append(blob.ljust(end - start, b"\0"))
                return {"at": [start, len(blob), value.dtype.str, fortran, value.shape]}
            if isinstance(value, dict):
                return {"of": [[key, pack(part)] for key, part in value.items()]}
            return [pack(part) for part in value] if isinstance(value, (list, tuple)) else value

        text = json.dumps(pack(self))
        return text, np.frombuffer(b"".join(blobs), dtype=np.uint8)


def unpack(text: str, numbers: np.ndarray) -> list[tuple]:
    """Return the questions that `Questions.packed` holds. Their arrays are read-only.

    Parameters
    ----------
    text : str
    numbers : numpy.ndarray of uint8
    """
    numbers = numbers.view()
    numbers.flags.writeable = False

    def value(part: Any) -> Any:
        if isinstance(part, dict) and "of" in part:
            return {key: value(one) for key, one in part["of"]}
        if isinstance(part, dict):
            start, length, dtype, fortran, shape = part["at"]
            array = numbers[start : start + length].view(dtype)
            return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
        return [value(one) for one in part] if isinstance(part, list) else part

    return [tuple(map(value, question)) for question in json.loads(text)]


def flattened(values: Sequence[Any]) -> tuple[list[list[int] | None], np.ndarray]:
    """Return the shapes of those values that are arrays of real numbers, None for others, and all their numbers.

    Parameters
    ----------
    values : sequence
        Plain values (see `wire.plain`).
    """
    arrays = [_array(one) for one in values]
    numbers = [one.ravel().astype(np.float64) for one in arrays if one is not None]
    return [None if one is None else list(one.shape) for one in arrays], np.concatenate(numbers or [np.zeros(0)])


def _array(value: Any) -> np.ndarray | None:
    """Return an array, or what a list makes, where it holds real numbers."""
    try:
        array = np.asarray(value) if isinstance(value, (list, np.ndarray)) else None
    except ValueError:
        return None
    return array if array is not None and array.dtype.kind in "biuf" else None


def restored(shapes: Sequence[Any], numbers: np.ndarray) -> list[np.ndarray | None]:
    """Return the arrays that `flattened` took apart, None where there was none.

    Parameters
    ----------
    shapes : sequence of list of int or None
    numbers : numpy.ndarray of float64

    Raises
    ------
    ValueError
        If these are no shapes, or not those of so many numbers.
    """
    if not all(shape is None or is_shape(shape) for shape in shapes):
        raise ValueError("no shapes")
    sizes = [0 if shape is None else math.prod(shape) for shape in shapes]
    if numbers.shape != (sum(sizes),):
        raise ValueError("shapes of other numbers")
    parts = np.split(numbers, np.cumsum(sizes))[: len(sizes)]
    return [None if shape is None else part.reshape(shape) for shape, part in zip(shapes, parts, strict=True)]


def is_shape(value: Any) -> bool:
    """Return whether a value is a list of sizes, as many as an array may have axes."""
    return (
        isinstance(value, list) and len(value) <= 32 and all(type(size) is int and 0 <= size < 2**31 for size in value)
    )
