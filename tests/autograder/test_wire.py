"""What crosses the boundary arrives as it was sent; anything else is refused before it is read."""

import contextlib
import fcntl
import io
import json
import mmap
import os
import socket
import struct
import threading
import time
from array import array
from collections import Counter, OrderedDict, UserList, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from autograder.sandbox import wire


def soon():
    """Return a time limit that also a busy machine keeps with the largest message."""
    return time.monotonic() + 120


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def through(pair, message):
    wire.send(pair[0], message, soon())
    return wire.receive(pair[1], soon())


def test_values_arrive_as_they_were_sent(pair):
    sent = {
        "arrays": [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 3)), np.array(2.5), np.array([True])],
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "tuple": (1, 2.5, "text", None, True),
        "nested": {"npy": [1], "tuple": {"dict": 3}},
        "odd numbers": [float("inf"), float("-inf"), 10**30],
    }
    got = through(pair, sent)
    assert [a.shape for a in got["arrays"]] == [(2, 3), (0, 3), (), (1,)]
    assert got["arrays"][0].dtype == np.float32
    np.testing.assert_array_equal(got["fortran"], sent["fortran"])
    assert got["tuple"] == sent["tuple"] and got["nested"] == sent["nested"]
    assert got["odd numbers"] == sent["odd numbers"]


def test_a_lone_surrogate_is_replaced(pair):
    assert through(pair, {"text": "a\ud800b"})["text"] == "a?b"


def frame(body: bytes, blobs: bytes = b"", size=None, body_size=None) -> bytes:
    size = len(body) + len(blobs) if size is None else size
    return struct.pack("!QI", size, len(body) if body_size is None else body_size) + body + blobs


def npy(shape, descr="<f8", data=b"") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (64 - (len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


NUMBER = npy((1,), data=b"12345678")


def with_array(blob: bytes) -> bytes:
    return frame(json.dumps({"message": {"dict": {"a": {"npy": 0}}}, "blobs": [len(blob)]}).encode(), blob)


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        frame(b"", size=2**40),
        frame(b"{}", body_size=100),
        frame(b"not json"),
        frame(b"\xff\xfe"),
        frame(b"[]"),
        frame(b'{"message": 1, "blobs": null}'),
        frame(b'{"message": {"dict": {}}, "blobs": [5]}'),
        frame(b'{"message": {"dict": {}}, "blobs": [-1, 1]}'),
        frame(b'{"message": {"npy": 0}, "blobs": null}'),
        frame(b'{"message": {"dict": {"a": {"npy": "x"}}}, "blobs": null}'),
        frame(b'{"message": {"what": 0}, "blobs": null}'),
        frame(b'{"message": ' + b"[" * 5000 + b"]" * 5000 + b', "blobs": null}'),
        with_array(npy((10**12,), data=b"12345678")),
        with_array(npy((-1,), data=b"12345678")),
        with_array(npy((2,), data=b"12345678")),
        with_array(npy((1,), descr="|O", data=b"12345678")),
        with_array(npy((1,), descr="<U2", data=b"12345678")),
        with_array(b"\x93NUMPY\x09\x00" + b" " * 20),
        with_array(b"no array"),
        with_array(pickled()),
        # One array that counts twice, an array from the end, more of everything than fits.
        frame(
            json.dumps({"message": {"dict": {"a": {"npy": 0}, "b": {"npy": 0}}}, "blobs": [len(NUMBER)]}).encode(),
            NUMBER,
        ),
        frame(json.dumps({"message": {"dict": {"a": {"npy": -1}}}, "blobs": [len(NUMBER)]}).encode(), NUMBER),
        frame(json.dumps({"message": {"dict": {}}, "blobs": [0] * 2000}).encode()),
        frame(b'{"message": {"dict": {"a": [' + b"[]," * 10**6 + b'[]]}}, "blobs": null}'),
        frame(b'{"message": {"dict": {"a": ' + b"9" * 10**5 + b'}}, "blobs": null}'),
    ],
)
def test_a_malformed_frame_is_refused(pair, raw):
    sender = threading.Thread(target=send_all, args=(pair[0], raw), daemon=True)
    sender.start()
    with pytest.raises((wire.MalformedError, wire.ClosedError)):
        wire.receive(pair[1], soon())
    pair[1].close()
    sender.join(5)


def send_all(end, raw):
    with contextlib.suppress(OSError):
        end.sendall(raw)
        end.shutdown(socket.SHUT_WR)


def test_a_frame_is_no_larger_than_the_receiver_says(pair):
    wire.send(pair[0], {"a": np.zeros(1000)}, soon())
    with pytest.raises(wire.MalformedError, match="frame of"):
        wire.receive(pair[1], soon(), most=8000)


def test_a_late_frame_times_out_although_bytes_keep_coming(pair):
    pair[0].sendall(struct.pack("!QI", 100, 50))
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        wire.receive(pair[1], start + 0.2)
    assert time.monotonic() - start < 60


def test_a_closed_connection_is_said_to_be_closed(pair):
    pair[0].close()
    with pytest.raises(wire.ClosedError):
        wire.receive(pair[1], soon())
    with pytest.raises(wire.ClosedError):
        wire.send(pair[1], {"a": "x" * 10**6}, soon())


class AlwaysEqual:
    __hash__ = None

    def __eq__(self, other):
        return True


class Float(float):
    pass


class Array(np.ndarray):
    pass


class Numbers:
    """A sequence of somebody's own."""

    def __init__(self, *numbers):
        self.numbers = numbers

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, position):
        return self.numbers[position]


class List(list):
    pass


class Size(IntEnum):
    SMALL = 3


ITSELF = np.empty((), dtype=object)
ITSELF[()] = ITSELF


@pytest.mark.parametrize(
    "value",
    [
        *(AlwaysEqual(), object(), np.array([{1}]), np.array(["a"]), [AlwaysEqual()], lambda: 0, {1, 2}, b"12"),
        *(
            deque([[1], [2, 3]]),
            np.array([AlwaysEqual()]),
            np.array(AlwaysEqual()),
            ITSELF,
            np.datetime64("2026-01-01"),
        ),
    ],
)
def test_objects_do_not_cross(value):
    with pytest.raises(wire.UnsendableError):
        wire.plain(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((Fraction(9, 4), 2.25), (Fraction(6, 2), 3), (Decimal("0.1"), 0.1), (Float(3), 3), (Size.SMALL, 3)),
        *((np.uint64(7), 7), (np.array(Fraction(1, 2)), 0.5), (np.longdouble(2), 2), (True, True)),
        *((10**400, np.inf), (-(10**400), -np.inf), (Fraction(-(10**400)), -np.inf), (Decimal("1e999"), np.inf)),
    ],
)
def test_every_real_number_crosses_as_a_plain_one(value, number):
    got = wire.plain(value)
    assert got == number and type(got) in (int, float, bool)
    assert json.loads(json.dumps(got)) == got


@pytest.mark.parametrize(
    "value",
    [
        *(List([1, 2, 3]), deque([1, 2, 3]), UserList([1, 2, 3]), range(1, 4), array("i", [1, 2, 3]), Numbers(1, 2, 3)),
        *(memoryview(array("d", [1, 2, 3])), bytearray([1, 2, 3]), np.array([1, 2, 3], dtype=object)),
        *(deque([Fraction(1), 2, Decimal(3)]), List([Size(3) - 2, np.float16(2), Float(3)]), pd.Index([1, 2, 3])),
        *(pd.Series([1, 2, 3], dtype=object), pd.Series([1, 2, Fraction(3)]), np.array([1, 2, Fraction(3)])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_numpy_makes_the_right_numbers_of_crosses_as_these(value):
    assert np.asarray(wire.plain(value)).astype(float).tolist() == [1, 2, 3]
    assert np.asarray(wire.plain([value, value])).astype(float).tolist() == [[1, 2, 3]] * 2


def test_what_is_missing_among_objects_stays_missing():
    assert wire.plain(np.array([[1, None], [Fraction(1, 2), 2]])) == [[1, None], [0.5, 2]]


@pytest.mark.parametrize(
    "value", [(k for k in range(3)), map(abs, [1]), zip([1], [2], strict=True), iter([1]), {"a": 1}.values()]
)
def test_numbers_that_come_one_by_one_are_refused_with_what_to_do(value):
    name = type(value).__name__
    for given in (value, [1, (value,)], deque([value]), np.array([value, None])):
        with pytest.raises(wire.UnsendableError, match=rf"^a {name}, whose numbers come one by one: put list\(…\)"):
            wire.plain(given)


def test_mappings_cross_as_dictionaries():
    for value in (OrderedDict(a=1), Counter("a"), MappingProxyType({"a": np.int8(1)}), {"a": Fraction(1)}):
        assert wire.plain(value) == {"a": 1} and type(wire.plain(value)) is dict


def test_an_array_of_a_subclass_crosses_as_a_plain_array():
    value = wire.plain(np.arange(3.0).view(Array))
    assert type(value) is np.ndarray and value.tolist() == [0, 1, 2]
    assert wire.plain(np.float32(0.5)) == 0.5 and type(wire.plain(np.int64(3))) is int
    masked = wire.plain(np.ma.masked_array([1.0, 2.0], mask=[True, False]))
    assert type(masked) is np.ndarray


def test_numbers_that_have_no_plain_twin_and_tuples_with_names_cross():
    Result = namedtuple("Result", "loss accuracy")
    assert wire.plain(Result(np.longdouble(0.5), np.uint8(3))) == (0.5, 3)
    assert type(wire.plain(Result(1, 2))) is tuple
    assert {type(part) for part in wire.plain([np.longdouble(1), np.float16(1)])} == {float}
    assert type(wire.plain(np.bool_(True))) is bool


def test_the_weight_counts_what_a_value_takes():
    assert wire.weight(np.zeros(10**6)) >= 8 * 10**6
    assert wire.weight({"a": ["x" * 1000, ("y" * 500,)]}) >= 1500
    assert wire.weight([[]] * 1000) >= 1000 * 56


def test_a_list_without_end_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(wire.UnsendableError):
        wire.plain(endless)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.zeros(wire.MAX_FRAME // 8 + 1), "MB"),
        ([np.zeros(1)] * (wire.MAX_ARRAYS + 1), "arrays"),
        ([0] * (wire.MAX_PARTS + 1), "an array holds them better"),
    ],
)
def test_too_much_is_refused_before_it_is_sent(value, says):
    with pytest.raises(wire.UnsendableError, match=says):
        wire.encode({"a": value})


def test_changes_in_place_are_found():
    before = (np.arange(4.0), [np.zeros(2), np.ones(2)], 3, np.array([np.nan]))
    after = wire.copy(before)
    assert wire.differing(before, after) == ()
    after[0][2] = 9
    after[1][1][0] = 5
    assert wire.differing(before, after) == (0, 1)
    reshaped = wire.copy(before)
    reshaped[0].shape = (2, 2)
    assert wire.differing(before, reshaped) == (0,)


# Large arrays, in shared memory.


@pytest.fixture
def room():
    memory = wire.shared_room()
    yield memory
    os.close(memory)


def ask(pair, room, message):
    """Send a question as the trusted side does; return it as a job has it, with the descriptors that came along."""
    came = []
    wire.ask_shared(pair[0], message, room, soon())
    return wire.receive(pair[1], soon(), came=came), came


def test_large_arrays_go_there_and_back_in_shared_memory(pair, room):
    images = np.arange(3 * 2**22, dtype=np.float32).reshape(3, 2**20, 4)
    asked, came = ask(pair, room, {"id": 1, "args": (images, np.asfortranarray(images[0]), np.zeros((0, 3)))})
    for got, sent in zip(asked["args"], (images, images[0], np.zeros((0, 3))), strict=True):
        np.testing.assert_array_equal(got, sent)
    # What the frame itself holds is small, though the same message fits into no frame of an answer.
    with pytest.raises(wire.UnsendableError, match="at most 16 MB"):
        wire.encode({"value": images}, wire.MAX_REPLY)
    wire.answer_shared(pair[1], {"id": 1, "value": [images, "text"]}, came[1])
    answer = wire.receive(pair[0], soon(), wire.MAX_REPLY, room)
    np.testing.assert_array_equal(answer["value"][0], images)
    assert answer["value"][1] == "text"
    for descriptor in came:
        os.close(descriptor)


def test_exactly_the_limit_crosses_and_a_byte_more_does_not(pair, room):
    most = np.zeros(wire.MAX_SHARED, np.uint8)
    asked, came = ask(pair, room, {"args": (most,)})
    assert asked["args"][0].nbytes == wire.MAX_SHARED
    wire.answer_shared(pair[1], {"value": most}, came[1])
    assert wire.receive(pair[0], soon(), memory=room)["value"].nbytes == wire.MAX_SHARED
    more = np.zeros(wire.SHARED_ROOM, np.uint8)
    with pytest.raises(wire.UnsendableError, match="at most 128 MB"):
        wire.answer_shared(pair[1], {"value": more}, came[1])
    with pytest.raises(wire.UnsendableError, match="at most 128 MB"):
        wire.ask_shared(pair[0], {"args": (more,)}, room)
    for descriptor in came:
        os.close(descriptor)


def test_text_of_a_large_question_or_answer_stays_small(pair, room):
    with pytest.raises(wire.UnsendableError, match="at most 16 MB"):
        wire.answer_shared(pair[1], {"value": "x" * (wire.MAX_REPLY + 1)}, room)


def test_a_job_can_only_read_the_question_and_can_resize_neither_memory(pair, room):
    _, (question, answer) = ask(pair, room, {"args": (np.ones(1000),)})
    refused = [
        lambda: os.pwrite(question, b"x", 0),
        lambda: os.ftruncate(question, 0),
        lambda: mmap.mmap(question, 100, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE),
        lambda: os.ftruncate(answer, 0),
        lambda: os.ftruncate(answer, 2 * wire.SHARED_ROOM),
        lambda: os.pwrite(answer, b"x", wire.SHARED_ROOM),
        lambda: fcntl.fcntl(answer, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE),
        lambda: fcntl.fcntl(question, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE),
    ]
    for number, attempt in enumerate(refused):
        with pytest.raises(OSError):
            attempt()
            pytest.fail(f"attempt {number} was possible")
    # Made through the file system, it is the same memory with the same seals.
    again = os.open(f"/proc/self/fd/{question}", os.O_RDONLY)
    with pytest.raises(OSError):
        os.open(f"/proc/self/fd/{question}", os.O_RDWR | os.O_TRUNC)
    for descriptor in (question, answer, again):
        os.close(descriptor)


def apart(sizes, message=None):
    message = {"dict": {"a": {"npy": 0}}} if message is None else message
    return frame(json.dumps({"message": message, "blobs": sizes}).encode())


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (apart([2**40]), b""),
        (apart([wire.SHARED_ROOM + 1]), b""),
        (apart([wire.SHARED_ROOM // 2 + 1] * 2), b""),
        (apart([10**400]), b""),
        (apart([-1, 1]), b""),
        (apart([1.5]), b""),
        (apart(["8"]), b""),
        (apart([0] * 2000), b""),
        # Nothing was written there, less or more than the header says, or something else.
        (apart([len(NUMBER)]), b""),
        (apart([len(NUMBER) - 1]), NUMBER),
        (apart([len(NUMBER) + 1]), NUMBER),
        (apart([wire.SHARED_ROOM]), NUMBER),
        (apart([len(NUMBER)]), npy((2,), data=b"12345678")),
        (apart([len(NUMBER)]), npy((10**12,), data=b"12345678")[: len(NUMBER)]),
        (apart([len(NUMBER)]), npy((1,), descr="|O", data=b"12345678")),
        (apart([len(pickled())]), pickled()),
        (apart([len(NUMBER)], {"dict": {"a": {"npy": 0}, "b": {"npy": 0}}}), NUMBER),
        (apart([len(NUMBER)], {"dict": {"a": {"npy": 1}}}), NUMBER),
        # An array in the frame.
        (with_array(NUMBER), NUMBER),
        (frame(b"", size=wire.MAX_REPLY + 1), b""),
    ],
    ids=range(20),
)
def test_a_malformed_answer_in_shared_memory_is_refused(pair, room, raw, content):
    os.pwrite(room, content, 0)
    pair[0].sendall(raw)
    with pytest.raises(wire.MalformedError):
        wire.receive(pair[1], soon(), wire.MAX_REPLY, room)


@pytest.mark.parametrize("sizes", [[2**40], [wire.SHARED_ROOM + 1], [wire.SHARED_ROOM // 2 + 1] * 2])
def test_what_is_declared_too_large_is_refused_before_it_gets_room(pair, room, sizes):
    pair[0].sendall(apart(sizes))
    with pytest.raises(wire.MalformedError, match=f"arrays of {sum(sizes)} bytes"):
        wire.receive(pair[1], soon(), wire.MAX_REPLY, room)


def test_an_answer_is_what_it_was_when_it_was_taken(pair, room):
    """A job that goes on writing changes nothing that was looked at already."""
    wire.answer_shared(pair[0], {"value": np.arange(5.0)}, room)
    got = wire.receive(pair[1], soon(), wire.MAX_REPLY, room)
    os.pwrite(room, b"\xff" * 500, 0)
    assert got["value"].tolist() == [0, 1, 2, 3, 4]


def test_a_descriptor_that_a_job_sends_is_not_taken(pair, room):
    """It could be of a file that blocks whoever reads it, and each would take one of the grader's."""
    before = len(os.listdir("/proc/self/fd"))
    reading, writing = os.pipe()
    whole = wire.encode({"id": 1, "value": 2.0})
    socket.send_fds(pair[0], [whole[:5]], [reading] * 200)
    socket.send_fds(pair[0], [whole[5:]], [reading])
    assert wire.receive(pair[1], soon(), wire.MAX_REPLY, room)["value"] == 2.0
    os.close(reading)
    os.close(writing)
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_answer_that_never_ends_times_out(pair, room):
    pair[0].sendall(struct.pack("!QI", 100, 100) + b'{"message": ')
    with pytest.raises(TimeoutError):
        wire.receive(pair[1], time.monotonic() + 0.2, wire.MAX_REPLY, room)
