"""Small arrays printed side by side, so that a person sees in one glance where they differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checking import compare

WIDTH, HEIGHT = 70, 11
MOST_NUMBERS = 200
_GAP = "   "
#: The label of what came back. What it is compared with is the part before it, and both must not look the same.
YOURS = "yours"


def side_by_side(parts: Sequence[tuple[str, Any]]) -> str:
    """Return labeled values as blocks of text side by side.

    Parameters
    ----------
    parts : sequence of (str, object)
        Labels, and arrays or texts. Of an array with channels each channel is a block, labeled as NumPy selects it.
        Kernels are known by their label, ``W``.

    Returns
    -------
    str
        At most `HEIGHT` lines of `WIDTH` characters; empty where that is too little room.

    Examples
    --------
    >>> print(side_by_side([("h", np.array([[1, -2], [3, 4]])), ("yours", np.array([4]))]))
    h       yours
     1 -2   4
     3  4
    """
    parts = [(label, _in_words(value)) for label, value in parts]
    values = [value if isinstance(value, str) else compare.array(value) for _, value in parts]
    if any(value is None or (not isinstance(value, str) and value.size > MOST_NUMBERS) for value in values):
        return ""
    for digits in (4, 6, 9):
        blocks = [_blocks(label, value, digits) for (label, _), value in zip(parts, values, strict=True)]
        rows = [[block[1:] for block in some] for some in blocks]
        if len(parts) < 2 or rows[-1] != rows[-2]:
            break
    text = _flowed([block for some in blocks for block in some])
    lines = text.split("\n")
    return text if len(lines) <= HEIGHT and max(map(len, lines)) <= WIDTH else ""


def _in_words(value: Any) -> Any:
    """Return a tuple that is no array in words, and anything else as it is."""
    several = isinstance(value, tuple) and len(value) > 1 and compare.array(value) is None
    return f"a tuple of {len(value)}" if several else value


def place(expected: Any, got: Any, named: Callable[[tuple[int, ...]], str] | None = None) -> str:
    """Return where two arrays of one shape differ most, and the two numbers there; empty where nothing can be said.

    Parameters
    ----------
    expected, got : array-like
    named : callable, optional
        Takes the index, and says which number that is; by default it is the index itself.
    """
    expected, got = compare.array(expected), compare.array(got)
    # A few numbers would be the whole answer to a question that is scored.
    if expected is None or got is None or expected.shape != got.shape or expected.size < 8:
        return ""
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.nan_to_num(np.abs(got - expected), nan=np.inf)
    at = tuple(map(int, np.unravel_index(int(np.argmax(off - compare.RTOL * np.abs(expected))), off.shape)))
    index = f"[{', '.join(map(str, at))}]" if named is None else named(at)
    return f"at {index}\nexpected {_number(expected[at], 6):>12}\n{YOURS:<8} {_number(got[at], 6):>12}"


def _blocks(label: str, value: np.ndarray | str, digits: int) -> list[list[str]]:
    """Return the blocks of one value, each a list of lines, the label first."""
    if isinstance(value, str):
        return [[label, value]]
    if value.size == 0:
        return [[label, f"empty {compare.shape(value)}"]]
    if value.ndim < 3:
        return [[label, *_rows(np.atleast_2d(value), digits)]]
    # The axes of the picture; the others select it.
    shown = (0, 1) if value.ndim == 3 or label == "W" else (value.ndim - 3, value.ndim - 2)
    others = [extent for axis, extent in enumerate(value.shape) if axis not in shown]
    blocks = []
    for select in np.ndindex(*others):
        left = iter(select)
        index = tuple(slice(None) if axis in shown else next(left) for axis in range(value.ndim))
        name = ", ".join(":" if isinstance(one, slice) else str(one) for one in index)
        blocks.append([label if math.prod(others) == 1 else f"{label}[{name}]", *_rows(value[index], digits)])
    return blocks


def _rows(values: np.ndarray, digits: int) -> list[str]:
    texts = [[_number(number, digits) for number in row] for row in values]
    signed = any(text.startswith("-") for row in texts for text in row)
    width = max(len(text) for row in texts for text in row)
    width = max(width, 1 + max(len(text.lstrip("-")) for row in texts for text in row)) if signed else width
    return [" ".join(text.rjust(width) for text in row) for row in texts]


def _number(value: float, digits: int) -> str:
    # What is below every tolerance is 0; adding 0 takes the sign off it.
    value = (0.0 if abs(value) < 1e-9 else float(value)) + 0.0
    if value.is_integer() and abs(value) < 10**digits * 100:
        return str(int(value))
    return f"{value:.{digits}g}"


def _flowed(blocks: list[list[str]]) -> str:
    """Set blocks side by side, as many as there is room for, and the next ones below."""
    if not blocks:
        return ""
    bands: list[list[list[str]]] = [[]]
    taken = 0
    for block in blocks:
        width = max(map(len, block))
        if bands[-1] and taken + len(_GAP) + width > WIDTH:
            bands.append([])
            taken = 0
        taken += width + len(_GAP) * bool(bands[-1])
        bands[-1].append([line.ljust(width) for line in block])
    texts = []
    for band in bands:
        height = max(map(len, band))
        full = [[*block, *[" " * len(block[0])] * (height - len(block))] for block in band]
        texts.append("\n".join(_GAP.join(lines).rstrip() for lines in zip(*full, strict=True)))
    return "\n\n".join(texts)
