"""Weights out of a file that PyTorch wrote, read without PyTorch and without running anything that the file holds.

Before its version 1.6, PyTorch wrote five pickles one after the other (a mark, the version of the format, a description
of the machine, the tensors, the keys of their storages) and behind them, for each storage, the count of its numbers and
the numbers themselves. A pickle is a program, and `pickle.load` runs it. Here it may only make dictionaries and
describe tensors, and what it built is compared with the file before a number is taken from it.
"""

from __future__ import annotations

import io
import math
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

#: How such a file begins, and the only version of its format.
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
#: The kinds of numbers that are read, by the names that PyTorch gives their storages. What stands for a kind in a
#: pickle is plain text, which has nothing that a pickle could change.
KINDS = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_MOST_AXES = 8


class WeightsError(ValueError):
    """A file of weights is missing, damaged, or not what it should be. The message says what to do."""


class _Tensor(NamedTuple):
    """A tensor as the file describes it; nothing of this has been compared with what is there."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """Builds what describes tensors, and refuses everything else that a pickle can ask for."""

    def __init__(self, file: io.BytesIO):
        super().__init__(file)
        self.storages: dict[str, tuple[str, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in KINDS:
            return name
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            # A function of its own for each file, since a pickle can leave notes on a function.
            return lambda *description: _describe(*description)
        raise WeightsError(
            f"it asks for {module}.{name}, which no weights need, so that it would run a program on this machine. "
            "Nothing of it was run"
        )

    def persistent_load(self, pid: Any) -> str:
        try:
            kind, storage_type, key, _, count, view = pid
            right = kind == "storage" and storage_type in KINDS and type(key) is str and _counts(count) and view is None
        except (TypeError, ValueError):
            right = False
        if not right:
            raise WeightsError("it describes a storage in a way that is not known")
        if self.storages.setdefault(key, (storage_type, count)) != (storage_type, count):
            raise WeightsError(f"it describes its storage {key[:40]} twice, in two ways")
        return key


def read_torch_file(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read the weights of a file that PyTorch wrote before its version 1.6.

    Parameters
    ----------
    path : str or path
        The file. Its numbers are float32 or int64.

    Returns
    -------
    dict of numpy.ndarray
        The tensors by their names, in the order of the file and of the shapes that PyTorch gave them.

    Raises
    ------
    WeightsError
        If there is no such file, it is cut off or longer than it says, describes more than it holds, or asks for
        anything that weights do not need. Whatever the file holds, none of it is run.

    Examples
    --------
    >>> weights = read_torch_file("efficientnet-lite0-57934424.pth")  # doctest: +SKIP
    >>> weights["_conv_stem.weight"].shape  # doctest: +SKIP
    (32, 3, 3, 3)
    """
    path = Path(path)
    try:
        file = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"The file of weights {path} cannot be read: {error.strerror or error}.") from None
    try:
        state, storages = _descriptions(file)
        return _tensors(state, _numbers(file, storages))
    except WeightsError as error:
        advice = "Install the package that it came with once more, and do not use this copy."
        raise WeightsError(f"The file of weights {path} was not loaded: {error}. {advice}") from None


def _descriptions(file: io.BytesIO) -> tuple[Any, dict[str, tuple[str, int]]]:
    """Read the five pickles, and return the tensors that they describe and the storages in the order of the file."""
    magic, protocol, machine, (state, storages), keys = (_unpickle(file, number) for number in range(5))
    if magic != MAGIC or protocol != PROTOCOL:
        raise WeightsError("it is not in the format that PyTorch wrote before its version 1.6")
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise WeightsError("the bytes of its numbers are in an order that is not read here")
    known = isinstance(keys, list) and all(type(key) is str for key in keys)
    if not known or len(keys) != len(storages) or set(keys) != set(storages):
        raise WeightsError("the storages that it lists are not those that its tensors lie in")
    return state, {key: storages[key] for key in keys}


def _unpickle(file: io.BytesIO, number: int) -> Any:
    unpickler = _Unpickler(file)
    try:
        value = unpickler.load()
    except WeightsError:
        raise
    # A pickle can fail in any way that Python can.
    except Exception:
        ended = file.tell() >= len(file.getbuffer())
        raise WeightsError(
            "it ends where weights are still described, so that it is cut off"
            if ended and number
            else "it is not in the format that PyTorch wrote before its version 1.6"
            if number == 0
            else f"part {number + 1} of its description cannot be read"
        ) from None
    return (value, unpickler.storages) if number == 3 else value


def _describe(storage: Any, offset: Any, shape: Any, strides: Any, gradient: Any = False, hooks: Any = None) -> _Tensor:
    """Return a tensor as `torch._utils._rebuild_tensor_v2` is asked for one, without its numbers."""
    right = type(storage) is str and _counts(offset)
    right = right and all(type(axes) is tuple and len(axes) <= _MOST_AXES for axes in (shape, strides))
    if not right or not all(map(_counts, (*shape, *strides))):
        raise WeightsError("it describes a tensor in a way that is not known")
    if len(shape) != len(strides):
        raise WeightsError("it describes a tensor with more steps through memory than axes, or fewer")
    return _Tensor(storage, offset, shape, strides)


def _numbers(file: io.BytesIO, storages: dict[str, tuple[str, int]]) -> dict[str, np.ndarray]:
    """Read the numbers of all storages, which end where the file ends."""
    content, place = file.getbuffer(), file.tell()
    found = {}
    for key, (storage_type, count) in storages.items():
        kind = KINDS[storage_type]
        written = int.from_bytes(content[place : place + 8], "little", signed=True)
        place += 8
        there = max(0, len(content) - place) // kind.itemsize
        if place > len(content) or there < count:
            raise WeightsError(
                f"it is cut off, since its storage {key[:40]} should hold {count:,} numbers, of which only {there:,} "
                "are there"
            )
        if written != count:
            raise WeightsError(
                f"its storage {key[:40]} says that it holds {written:,} numbers, and its description says {count:,}"
            )
        found[key] = np.frombuffer(content, kind, count, place)
        place += count * kind.itemsize
    if place != len(content):
        raise WeightsError(f"{len(content) - place:,} bytes follow behind the last of its numbers")
    return found


def _tensors(state: Any, numbers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the tensors that a state describes, each with its own copy of its numbers."""
    if not isinstance(state, dict) or not all(type(key) is str for key in state):
        raise WeightsError("it holds no tensors by name")
    tensors = {}
    for name, tensor in state.items():
        if not isinstance(tensor, _Tensor) or tensor.storage not in numbers:
            raise WeightsError(f"what it calls {name[:40]} is no tensor")
        storage, count = numbers[tensor.storage], math.prod(tensor.shape)
        steps = sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
        # A stride of 0 would repeat one number as often as the file likes.
        if count > len(storage) or (count and tensor.offset + steps >= len(storage)):
            raise WeightsError(
                f"its tensor {name[:40]} should have {count:,} numbers, and its storage does not hold them: it has "
                f"{len(storage):,} from its beginning on"
            )
        in_bytes = [stride * storage.itemsize for stride in tensor.strides]
        view = as_strided(storage[tensor.offset :], tensor.shape, in_bytes, writeable=False)
        tensors[name] = view.copy(order="C")
    return tensors


def _counts(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**40
