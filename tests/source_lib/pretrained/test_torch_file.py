"""Files of weights are read whole or not at all, and nothing that they hold is run."""

import pickle
import struct

import numpy as np
import pytest

from source_lib.pretrained.torch_file import MAGIC, PROTOCOL, WeightsError, read_torch_file

ORDERED = b"ccollections\nOrderedDict\n)R"
MACHINE = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def raw(value):
    """Return the instructions of a pickle that put a value on its stack."""
    return pickle.dumps(value, 2)[2:-1]


def storage(key="7", count=6, kind=b"FloatStorage", view=None):
    return b"(" + raw("storage") + b"ctorch\n" + kind + b"\n" + raw(key) + raw("cpu") + raw(count) + raw(view) + b"tQ"


def tensor(place=None, offset=0, shape=(2, 3), strides=(3, 1)):
    place = storage() if place is None else place
    arguments = place + raw(offset) + raw(shape) + raw(strides) + raw(False) + ORDERED
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def state(**tensors):
    return ORDERED + b"(" + b"".join(raw(name) + text for name, text in tensors.items()) + b"u"


def numbers(values, kind="<f4", count=None):
    return struct.pack("<q", len(values) if count is None else count) + np.asarray(values, kind).tobytes()


SIX = numbers(range(6))


def written(path, described=None, keys=("7",), data=SIX, magic=MAGIC, protocol=PROTOCOL, machine=MACHINE):
    """Write a file as PyTorch did before version 1.6."""
    first = b"".join(pickle.dumps(part, 2) for part in (magic, protocol, machine))
    described = state(w=tensor()) if described is None else described
    path.write_bytes(first + b"\x80\x02" + described + b"." + pickle.dumps(list(keys), 2) + data)
    return path


def test_tensors_come_back_by_name_in_the_order_of_the_file(tmp_path):
    described = state(
        steps=tensor(storage("9", 1, b"LongStorage"), shape=(), strides=()),
        upright=tensor(storage("7", 6)),
        across=tensor(storage("7", 6), shape=(3, 2), strides=(1, 3)),
        last=tensor(storage("7", 6), offset=4, shape=(2,), strides=(1,)),
        none=tensor(storage("7", 6), shape=(0, 2), strides=(2, 1)),
    )
    path = written(tmp_path / "w.pth", described, keys=("7", "9"), data=SIX + numbers([2**40], "<i8"))
    found = read_torch_file(path)
    assert list(found) == ["steps", "upright", "across", "last", "none"]
    assert found["steps"].shape == () and found["steps"] == 2**40 and found["steps"].dtype == np.int64
    assert found["upright"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["upright"].dtype == np.float32
    assert found["across"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["last"].tolist() == [4, 5] and found["none"].shape == (0, 2)
    found["upright"][:] = 0
    assert found["across"].tolist() == [[0, 3], [1, 4], [2, 5]], "each tensor has its own numbers"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("numpy", "load"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_tensor"),
        ("collections", "namedtuple"),
        ("collections", "OrderedDict.fromkeys"),
    ],
)
@pytest.mark.parametrize("part", range(5))
def test_a_pickle_that_asks_for_anything_else_is_refused_in_whichever_part(tmp_path, module, name, part):
    mark = tmp_path / "it_ran"
    program = f"c{module}\n{name}\n".encode() + b"(" + raw(f"touch {mark}") + b"tR"
    parts = [raw(MAGIC), raw(PROTOCOL), raw(MACHINE), state(w=tensor()), raw(["7"])]
    parts[part] = program
    path = tmp_path / "w.pth"
    path.write_bytes(b"".join(b"\x80\x04" + each + b"." for each in parts) + SIX)
    with pytest.raises(
        WeightsError, match=rf"it asks for {module}\.{name}, .* Nothing of it was run\. Install"
    ) as error:
        read_torch_file(path)
    assert not mark.exists() and str(path) in str(error.value)


def test_the_program_that_is_refused_would_have_run(tmp_path):
    mark = tmp_path / "it_ran"
    pickle.loads(b"\x80\x02cposix\nsystem\n(" + raw(f"touch {mark}") + b"tR.")
    assert mark.exists()


def test_a_pickle_cannot_leave_anything_for_the_next_file(tmp_path):
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n"
    # BUILD with a pair of states: the second is set attribute by attribute.
    changed = state(w=rebuild + raw((None, {"__defaults__": (1, 2, 3, 4, 5, 6)})) + b"b0" + tensor())
    with_note = written(tmp_path / "note.pth", changed)
    whole = written(tmp_path / "whole.pth")
    assert read_torch_file(with_note)["w"].tolist() == read_torch_file(whole)["w"].tolist()
    bad = written(tmp_path / "bad.pth", state(w=rebuild + raw((None, {"__code__": 1})) + b"b0" + tensor()))
    with pytest.raises(WeightsError, match="part 4 of its description cannot be read"):
        read_torch_file(bad)
    assert read_torch_file(whole)["w"].shape == (2, 3)


@pytest.mark.parametrize("cut", [3, 20, 60, 200, -25, -24, -1])
def test_a_file_that_is_cut_off_is_refused(tmp_path, cut):
    path = written(tmp_path / "w.pth")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(WeightsError, match="cut off|not in the format|part 4"):
        read_torch_file(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        # A storage that claims more than is there, by itself or together with its tensor.
        ({"described": state(w=tensor(storage(count=10**9)))}, "1,000,000,000 numbers, of which only 6 are there"),
        ({"data": numbers(range(6), count=7)}, "says that it holds 7 numbers, and its description says 6"),
        ({"data": numbers(range(6), count=-1)}, "says that it holds -1 numbers"),
        ({"data": numbers(range(5), count=6)}, "should hold 6 numbers, of which only 5 are there"),
        ({"data": b""}, "should hold 6 numbers, of which only 0 are there"),
        ({"data": SIX + b"more"}, "4 bytes follow behind the last of its numbers"),
        # A tensor that reaches out of its storage.
        ({"described": state(w=tensor(shape=(7,), strides=(1,)))}, "tensor w should have 7 numbers"),
        ({"described": state(w=tensor(offset=1))}, "tensor w should have 6 numbers"),
        ({"described": state(w=tensor(strides=(4, 1)))}, "tensor w should have 6 numbers"),
        ({"described": state(w=tensor(shape=(2**39,), strides=(0,)))}, "tensor w should have 549,755,813,888"),
        ({"described": state(w=tensor(offset=-1))}, "describes a tensor in a way that is not known"),
        ({"described": state(w=tensor(strides=(-3, 1)))}, "describes a tensor in a way that is not known"),
        ({"described": state(w=tensor(shape=(2, True)))}, "describes a tensor in a way that is not known"),
        ({"described": state(w=tensor(strides=(1,)))}, "more steps through memory than axes"),
        ({"described": state(v=tensor(), w=tensor(place=raw("elsewhere")))}, "what it calls w is no tensor"),
        # What stands where tensors should.
        ({"described": state(w=tensor(), v=raw([1.0]))}, "what it calls v is no tensor"),
        ({"described": raw([1.0]) + b"0" + storage() + b"0" + raw({1: 2})}, "holds no tensors by name"),
        ({"described": state(w=tensor(storage(view=("7", 0, 6))))}, "describes a storage in a way"),
        ({"described": state(w=tensor(storage(count=-6)))}, "describes a storage in a way"),
        ({"described": state(w=tensor(storage(count="6")))}, "describes a storage in a way"),
        ({"described": state(w=raw("weights") + b"Q")}, "describes a storage in a way"),
        ({"described": state(w=tensor(), v=tensor(storage(count=7)))}, "describes its storage 7 twice, in two ways"),
        ({"keys": ("7", "8")}, "the storages that it lists are not those"),
        ({"keys": ()}, "the storages that it lists are not those"),
        ({"keys": ("7", "7")}, "the storages that it lists are not those"),
        # Another kind of file.
        ({"magic": 1}, "not in the format that PyTorch wrote before its version 1.6"),
        ({"protocol": 1002}, "not in the format"),
        ({"machine": {**MACHINE, "little_endian": False}}, "in an order that is not read here"),
        ({"machine": [1]}, "in an order that is not read here"),
    ],
)
def test_what_does_not_agree_with_the_file_is_refused(tmp_path, change, says):
    path = written(tmp_path / "w.pth", **change)
    with pytest.raises(WeightsError) as error:
        read_torch_file(path)
    message = str(error.value)
    assert says in message and message.startswith(f"The file of weights {path} was not loaded: ")
    assert "\n" not in message and message.endswith("do not use this copy.")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a newer file", b"\x89HDF\r\n", bytes(range(64))])
def test_another_kind_of_file_is_called_that(tmp_path, content):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not in the format that PyTorch wrote before its version 1.6"):
        read_torch_file(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.pth cannot be read: No such file"):
        read_torch_file(tmp_path / "none.pth")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_torch_file(tmp_path)
