"""What crosses the trust boundary: arrays, numbers and strings, and nothing that runs.

One frame is ``[frame length][JSON length][JSON][.npy bytes]…``. The JSON lists the byte counts of the arrays that
follow and refers to them by position. Both sides use this module; it is one of those that run beside a student's
code, so it imports NumPy and the standard library only, and decides nothing.

Weights and images are too large for a frame. The array bytes of such a message lie in shared memory instead, and the
frame holds the rest. The trusted side makes that memory, always: one that the job may only read, for the question, and
one of fixed size that the job may fill, for the answer. It maps neither, and takes no descriptor from a job.
"""

from __future__ import annotations

import functools
import io
import json
import math
import os
import re
import socket
import struct
import time
import traceback
from collections.abc import Iterator, Mapping, MappingView
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np

MAX_FRAME = 64 * 2**20
#: A reply is smaller than a request may be: an array of bytes takes eight times its size once it is compared.
MAX_REPLY = 16 * 2**20
#: Bytes of the arrays of a message that lie in shared memory.
MAX_SHARED = 128 * 2**20
MAX_ARRAYS = 1000
#: Lists, mappings and their parts in one message. Empty lists take twenty times their JSON in memory, and nothing else
#: of a process runs while it reads JSON.
MAX_PARTS = 500_000
MAX_DEPTH = 20
#: What is far below these limits.
_FEW_PARTS, _FEW_BYTES = 500, 2**20
MAX_TEXT = 300
#: Bytes of an array's header that are looked at; that of an array of `MAX_DEPTH` dimensions takes fewer.
MAX_HEADER = 1000

#: The size of that memory: a header of an array takes a little too.
SHARED_ROOM = MAX_SHARED + 2**20
_LENGTHS = struct.Struct("!QI")
#: What `numpy.lib.format.write_array` writes before an array of numbers, in version 1.0 of its format.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<dtype>[<>|=][biufc]\d{1,2})', 'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<shape>(?:\d{1,18}, )*\d{0,18},?)\), \} *\n",
    re.DOTALL,
)
_SCALARS = (str, bool, float, type(None))
_NUMBERS = {"b": bool, "i": int, "u": int, "f": float}


class UnsendableError(Exception):
    """A value that is neither arrays, numbers nor strings. The text completes "the function returned …"."""


class MalformedError(Exception):
    """The other side sent what is not a frame, or a frame that is too large."""


class ClosedError(Exception):
    """The other side is gone."""


def plain(value: Any, depth: int = 0, most: int = MAX_FRAME) -> Any:
    """Return ``value`` as plain arrays, numbers, strings, and lists, tuples and dicts of these.

    Whatever NumPy can make an array of becomes a base-class array, and any real number an int or a float, so that no
    method of a student's object travels.

    Parameters
    ----------
    value : object
        What a function returned.
    depth : int
        How many lists it lies in.
    most : int
        The largest array, in bytes.

    Returns
    -------
    array, number, str, None, or a list, tuple or dict of these

    Raises
    ------
    UnsendableError
        If there is anything else in it.

    Examples
    --------
    >>> plain([Fraction(9, 4), np.int64(3), deque([1, 2])])
    [2.25, 3, array([1, 2])]
    """
    if depth > MAX_DEPTH:
        raise UnsendableError(f"lists nested more than {MAX_DEPTH} deep.")
    if type(value) in _SCALARS:
        return value
    if isinstance(value, np.generic) and value.dtype.kind in _NUMBERS:
        return _NUMBERS[value.dtype.kind](value)
    if isinstance(value, (Real, Decimal)):
        return _number(value)
    if isinstance(value, tuple):
        # A namedtuple is as good as a tuple.
        return tuple(plain(part, depth + 1, most) for part in tuple.__iter__(value))
    if isinstance(value, list):
        return [plain(part, depth + 1, most) for part in list.__iter__(value)]
    if isinstance(value, Mapping):
        return {str(key): plain(part, depth + 1, most) for key, part in value.items()}
    if isinstance(value, (Iterator, MappingView)):
        raise UnsendableError(f"a {type(value).__name__}, whose numbers come one by one: put list(…) around it.")
    return _plain_array(value, depth, most)


def _number(value: Real | Decimal) -> int | float:
    """Return a real number as a plain one; what is too large for a float is infinite."""
    try:
        number = float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    return int(value) if isinstance(value, Integral) else number


def _plain_array(value: Any, depth: int, most: int) -> Any:
    """Return what NumPy makes of a value: an array of numbers, or the parts of an array of objects."""
    kind = type(value).__name__
    try:
        array = np.asarray(value)
    except ValueError:
        raise UnsendableError(f"an object of type {kind} that holds no array of numbers.") from None
    if array.nbytes > most:
        raise UnsendableError(f"{array.nbytes // 2**20} MB; at most {most // 2**20} MB are accepted.")
    if array.dtype.kind == "O":
        parts = array.tolist()
        if parts is value:
            raise UnsendableError(f"an object of type {kind}; arrays and numbers are expected.")
        return plain(parts, depth + 1, most)
    if array.dtype.kind not in "biufc":
        raise UnsendableError(f"an array of dtype {array.dtype}; numbers are expected.")
    return np.array(array, copy=True, subok=False)


def copy(value: Any) -> Any:
    """Return a deep copy of arrays, numbers, strings, and lists, tuples and dicts of these."""
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if isinstance(value, (list, tuple)):
        return type(value)(copy(part) for part in value)
    if isinstance(value, dict):
        return {key: copy(part) for key, part in value.items()}
    return value


def weight(value: Any) -> int:
    """Return about how many bytes a plain value takes in memory."""
    total, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        total += 64 + (part.nbytes if isinstance(part, np.ndarray) else len(part) if isinstance(part, str) else 0)
        if isinstance(part, (list, tuple)):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.keys())
            waiting.extend(part.values())
    return total


def same(left: Any, right: Any) -> bool:
    """Return whether two plain values hold the same bits, NaN included.

    Parameters
    ----------
    left, right : object
        As `plain` returns them.
    """
    if isinstance(left, np.ndarray):
        return (
            isinstance(right, np.ndarray)
            and left.shape == right.shape
            and left.dtype == right.dtype
            and left.tobytes() == right.tobytes()
        )
    if isinstance(left, (list, tuple)):
        return type(left) is type(right) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    return type(left) is type(right) and left == right


def differing(before: tuple, after: tuple) -> tuple[int, ...]:
    """Return the positions at which two argument lists differ.

    Parameters
    ----------
    before, after : tuple
        Of the same length.
    """
    return tuple(k for k, (left, right) in enumerate(zip(before, after, strict=True)) if not same(left, right))


def describe(function: str, error: BaseException) -> str:
    """Return one sentence on an exception in a student's function, with the line of their cell where it happened.

    Where that is in another function, that one is named: a layer is not at fault for the activation that it calls.

    Parameters
    ----------
    function : str
    error : BaseException
    """
    calls = traceback.extract_tb(error.__traceback__)
    frames = [call for call in calls if "ipython-input" in call.filename or "ipykernel" in call.filename]
    inner = next((call.name[:MAX_TEXT] for call in reversed(frames) if not call.name.startswith("<")), function)
    if isinstance(error, NotImplementedError):
        return (
            f"{function} is not written yet."
            if inner == function
            else f"{function} calls {inner}, which is not written yet."
        )
    text = " ".join(str(error).split())
    text = text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
    sentence = f"{function} stopped with {type(error).__name__}" + (f": {text}" if text else "")
    if frames:
        code = (frames[-1].line or "").strip()
        where = "" if inner == function else f"in {inner}, "
        sentence += f" ({where}line {frames[-1].lineno} of its cell" + (f": {code[:80]}" if code else "") + ")"
    return sentence + "."


def encode(message: dict[str, Any], most: int = MAX_FRAME) -> bytes:
    """Return the frame of a message.

    Parameters
    ----------
    message : dict
    most : int
        Bytes of the frame.

    Returns
    -------
    bytes

    Raises
    ------
    UnsendableError
        If the frame would be larger than ``most`` bytes or have more than ``MAX_ARRAYS`` arrays.
    """
    body, blobs = _packed(message)
    size = len(body) + sum(map(len, blobs))
    if size > most:
        raise UnsendableError(f"{size / 2**20:.1f} MB; at most {most // 2**20} MB are accepted.")
    return b"".join([_LENGTHS.pack(size, len(body)), body, *blobs])


def refuse_large(message: dict[str, Any], most: int, shared: bool) -> None:
    """Raise the error with which a message would not be sent.

    Parameters
    ----------
    message : dict
    most : int
        Bytes of the frame.
    shared : bool
        Whether its arrays would lie in shared memory.

    Raises
    ------
    UnsendableError
    """
    if shared:
        _shared(message, most)
    elif not _is_small(message):
        encode(message, most)


def _is_small(message: dict[str, Any]) -> bool:
    """Return whether a message is far below all limits, which is told faster than its frame is made."""
    waiting: list[Any] = [message]
    parts = size = 0
    while waiting:
        part = waiting.pop()
        kind = type(part)
        if kind is np.ndarray and part.dtype.kind in "biufc":
            size += part.nbytes
        elif kind is list or kind is tuple:
            waiting.extend(part)
        elif kind is dict and all(type(key) is str for key in part):
            waiting.extend(part)
            waiting.extend(part.values())
        elif kind is str:
            size += len(part)
        elif kind not in (int, float, bool, type(None)) or (kind is int and part.bit_length() > 64):
            return False
        parts += 1
        if parts + len(waiting) > _FEW_PARTS or size > _FEW_BYTES:
            return False
    return True


def _packed(message: dict[str, Any]) -> tuple[bytes, list[memoryview]]:
    """Return the JSON of a message, and its arrays in NumPy's format."""
    blobs: list[memoryview] = []

    def pack(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            blobs.append(memoryview(_npy(value)))
            return {"npy": len(blobs) - 1}
        if isinstance(value, tuple):
            return {"tuple": [pack(part) for part in value]}
        if isinstance(value, list):
            return [pack(part) for part in value]
        if isinstance(value, dict):
            return {"dict": {key: pack(part) for key, part in value.items()}}
        return value

    body = json.dumps({"message": pack(message), "blobs": None if not blobs else [len(b) for b in blobs]}).encode()
    if len(blobs) > MAX_ARRAYS:
        raise UnsendableError(f"{len(blobs)} arrays; at most {MAX_ARRAYS} are accepted.")
    if _parts(body) > MAX_PARTS:
        raise UnsendableError(f"lists of more than {MAX_PARTS} values in all; an array holds them better.")
    return body, blobs


def _npy(array: np.ndarray) -> bytes:
    """Return what `numpy.lib.format.write_array` writes of an array of numbers."""
    if array.dtype.kind not in "biufc":
        raise UnsendableError(f"an array of dtype {array.dtype}; numbers are expected.")
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    return _header(array.dtype.str, fortran, array.shape) + array.tobytes("F" if fortran else "C")


@functools.lru_cache(1000)
def _header(dtype: str, fortran: bool, shape: tuple[int, ...]) -> bytes:
    # NumPy makes it anew each time, which takes longer than all else of a small message.
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": fortran, "shape": shape})
    return header.getvalue()


def _parts(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{") + body.count(b",")


def decode(body: bytes, blob_bytes: bytes | memoryview, memory: int | None = None) -> dict[str, Any]:
    """Return the message of a frame's JSON and array bytes; every doubt is a `MalformedError`.

    Where there is shared ``memory``, a descriptor, the array bytes lie there, and none in the frame.

    Parameters
    ----------
    body : bytes
        JSON.
    blob_bytes : bytes or memoryview
    memory : int, optional
        A descriptor.

    Returns
    -------
    dict

    Raises
    ------
    MalformedError
    """
    try:
        if _parts(body) > MAX_PARTS:
            raise MalformedError("too many values")
        document = json.loads(body.decode("utf-8"))
        sizes = document["blobs"] or []
        if len(sizes) > MAX_ARRAYS:
            raise MalformedError("too many arrays")
        if not all(type(size) is int and size >= 0 for size in sizes):
            raise MalformedError("array sizes that are none")
        # In one go, before anything is looked at: what lies in that memory may change at any time.
        blobs = memoryview(blob_bytes if memory is None else _read(memory, sum(sizes)))
        if sum(sizes) != len(blobs) or (memory is not None and blob_bytes):
            raise MalformedError("array sizes that do not add up")
        arrays: dict[int, np.ndarray] = {}
        start = 0
        for number, size in enumerate(sizes):
            arrays[number] = _array(blobs[start : start + size])
            start += size

        def unpack(value: Any, depth: int) -> Any:
            if depth > 3 * MAX_DEPTH:
                raise MalformedError("a value nested too deep")
            if isinstance(value, str):
                # A lone surrogate would break every file that it is written to later.
                return value.encode("utf-8", "replace").decode("utf-8")
            if isinstance(value, list):
                return [unpack(part, depth + 1) for part in value]
            if isinstance(value, dict):
                ((kind, inner),) = value.items()
                if kind == "npy":
                    # Taken out: one array that counts a thousand times would take a thousand times its room later.
                    return arrays.pop(inner)
                if kind == "tuple":
                    return tuple(unpack(part, depth + 1) for part in inner)
                if kind == "dict":
                    return {unpack(key, depth + 1): unpack(part, depth + 1) for key, part in inner.items()}
                raise MalformedError("an unknown kind of value")
            return value

        message = unpack(document["message"], 0)
    except MalformedError:
        raise
    except Exception as error:
        # Parsers raise what they like, and nothing that a child sends may end the grading of a class.
        raise MalformedError(f"a frame that cannot be read ({type(error).__name__})") from None
    if not isinstance(message, dict):
        raise MalformedError("a message that is not a mapping")
    return message


def _array(blob: bytes | memoryview) -> np.ndarray:
    # NumPy's own reader parses the header as Python, which fails at random where two threads do it at once, and np.load
    # trusts the header's shape and would allocate whatever it says.
    header = _HEADER.match(blob[:MAX_HEADER])
    if header is None:
        raise MalformedError("an array with an unknown header")
    dtype, fortran, extents = np.dtype(header["dtype"].decode()), header["fortran"] == b"True", header["shape"]
    shape = tuple(int(extent) for extent in extents.split(b",") if extent.strip())
    start = header.end()
    if len(shape) > MAX_DEPTH or math.prod(shape) * dtype.itemsize != len(blob) - start:
        raise MalformedError("an array whose header does not fit its bytes")
    flat = np.frombuffer(blob, dtype=dtype, offset=start)
    return flat.reshape(shape, order="F" if fortran else "C").copy()


def _read(memory: int, count: int) -> bytearray:
    """Return the first bytes of shared memory: no more than it has room for, and never by mapping it."""
    if count > SHARED_ROOM:
        raise MalformedError(f"arrays of {count} bytes")
    content = bytearray(count)
    view, start = memoryview(content), 0
    while start < count:
        got = os.preadv(memory, [view[start:]], start)
        if got == 0:
            raise MalformedError("arrays that are cut off")
        start += got
    return content


def shared_room() -> int:
    """Return a descriptor of new shared memory for an answer, which nobody can make larger or smaller."""
    import fcntl

    memory = os.memfd_create("answer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(memory, SHARED_ROOM)
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except BaseException:
        os.close(memory)
        raise
    return memory


def ask_shared(channel: socket.socket, message: dict[str, Any], room: int, deadline: float | None = None) -> None:
    """Send a message whose arrays lie in memory that the other side can read and nobody can change.

    Parameters
    ----------
    channel : socket.socket
    message : dict
        Its arrays have at most `MAX_SHARED` bytes in all; the rest of it is no larger than other messages.
    room : int
        The descriptor of `shared_room`, which goes along: where the arrays of the answer are to lie.
    deadline : float, optional
        Of ``time.monotonic``.

    Raises
    ------
    ClosedError, TimeoutError, UnsendableError
    """
    import fcntl

    frame, blobs = _shared(message, MAX_FRAME)
    memory = os.memfd_create("question", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        _write(memory, blobs)
        sealed = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, sealed)
        channel.settimeout(_remaining(deadline))
        sent = socket.send_fds(channel, [frame], [memory, room])
        channel.sendall(memoryview(frame)[sent:])
    except (BrokenPipeError, ConnectionResetError):
        raise ClosedError("the other side closed the connection") from None
    finally:
        os.close(memory)


def answer_shared(channel: socket.socket, message: dict[str, Any], room: int) -> None:
    """Send an answer whose arrays lie in the memory that came with the question.

    Parameters
    ----------
    channel : socket.socket
    message : dict
        Its arrays have at most `MAX_SHARED` bytes in all; the rest of it is no larger than other answers.
    room : int
        The descriptor of that memory.

    Raises
    ------
    ClosedError, UnsendableError
    """
    frame, blobs = _shared(message, MAX_REPLY)
    _write(room, blobs)
    channel.sendall(frame)


def _shared(message: dict[str, Any], most: int) -> tuple[bytes, list[memoryview]]:
    """Return the frame of a message without its arrays, and what of these lies in shared memory."""
    body, blobs = _packed(message)
    for size, room, limit in ((len(body), most, most), (sum(map(len, blobs)), SHARED_ROOM, MAX_SHARED)):
        if size > room:
            raise UnsendableError(f"{size / 2**20:.1f} MB; at most {limit // 2**20} MB are accepted.")
    return _LENGTHS.pack(len(body), len(body)) + body, blobs


def _write(memory: int, blobs: list[memoryview]) -> None:
    start = 0
    for blob in blobs:
        while blob:
            count = os.pwrite(memory, blob, start)
            blob, start = blob[count:], start + count


def send(channel: socket.socket, message: dict[str, Any], deadline: float | None = None, most: int = MAX_FRAME) -> None:
    """Send a message of at most ``most`` bytes before ``deadline`` (of ``time.monotonic``).

    Parameters
    ----------
    channel : socket.socket
    message : dict
    deadline : float, optional
        Of ``time.monotonic``.
    most : int
        Bytes of the frame.

    Raises
    ------
    ClosedError, TimeoutError, UnsendableError
    """
    frame = encode(message, most)
    channel.settimeout(_remaining(deadline))
    try:
        channel.sendall(frame)
    except (BrokenPipeError, ConnectionResetError):
        raise ClosedError("the other side closed the connection") from None


def receive(
    channel: socket.socket,
    deadline: float | None = None,
    most: int = MAX_FRAME,
    memory: int | None = None,
    came: list[int] | None = None,
) -> dict[str, Any]:
    """Return the next message, of at most ``most`` bytes, before ``deadline`` (of ``time.monotonic``).

    Parameters
    ----------
    channel : socket.socket
    deadline : float, optional
        Of ``time.monotonic``.
    most : int
        The largest frame, in bytes.
    memory : int, optional
        The descriptor of `shared_room`: the arrays lie there.
    came : list of int, optional
        Takes the descriptors that come along, those of `ask_shared`: a job gives one. Others get no descriptor,
        whatever is sent to them.

    Raises
    ------
    ClosedError, TimeoutError, MalformedError
    """
    size, body_size = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size, deadline, came))
    if size > most or body_size > size:
        raise MalformedError(f"a frame of {size} bytes")
    frame = memoryview(_exactly(channel, size, deadline))
    return decode(bytes(frame[:body_size]), frame[body_size:], came[0] if came else memory)


def _exactly(channel: socket.socket, count: int, deadline: float | None, came: list[int] | None = None) -> bytearray:
    parts = bytearray()
    while len(parts) < count:
        channel.settimeout(_remaining(deadline))
        try:
            if came is None:
                part = channel.recv(min(count - len(parts), 2**20))
            else:
                part, descriptors, _, _ = socket.recv_fds(channel, count - len(parts), 2, socket.MSG_CMSG_CLOEXEC)
                came += descriptors
        except (ConnectionResetError, BrokenPipeError):
            part = b""
        if not part:
            raise ClosedError("the other side closed the connection")
        parts += part
    return parts


def _remaining(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("no answer in time")
    return remaining
