"""What crosses the boundary arrives as it was sent; anything else is refused before it is read."""

import contextlib
import io
import json
import socket
import struct
import threading
import time
from collections import namedtuple

import numpy as np
import pytest

from autograder.sandbox import wire


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def through(pair, message):
    wire.send(pair[0], message, time.monotonic() + 5)
    return wire.receive(pair[1], time.monotonic() + 5)


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
        wire.receive(pair[1], time.monotonic() + 5)
    pair[1].close()
    sender.join(5)


def send_all(end, raw):
    with contextlib.suppress(OSError):
        end.sendall(raw)
        end.shutdown(socket.SHUT_WR)


def test_a_frame_is_no_larger_than_the_receiver_says(pair):
    wire.send(pair[0], {"a": np.zeros(1000)}, time.monotonic() + 5)
    with pytest.raises(wire.MalformedError, match="frame of"):
        wire.receive(pair[1], time.monotonic() + 5, most=8000)


def test_a_late_frame_times_out_although_bytes_keep_coming(pair):
    pair[0].sendall(struct.pack("!QI", 100, 50))
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        wire.receive(pair[1], start + 0.2)
    assert time.monotonic() - start < 5


def test_a_closed_connection_is_said_to_be_closed(pair):
    pair[0].close()
    with pytest.raises(wire.ClosedError):
        wire.receive(pair[1], time.monotonic() + 5)
    with pytest.raises(wire.ClosedError):
        wire.send(pair[1], {"a": "x" * 10**6}, time.monotonic() + 5)


class AlwaysEqual:
    __hash__ = None

    def __eq__(self, other):
        return True


class Float(float):
    pass


class Array(np.ndarray):
    pass


@pytest.mark.parametrize(
    "value", [AlwaysEqual(), object(), Float(3), np.array([{}]), np.array(["a"]), [AlwaysEqual()], lambda: 0, {1, 2}]
)
def test_objects_do_not_cross(value):
    with pytest.raises(wire.UnsendableError):
        wire.plain(value)


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
