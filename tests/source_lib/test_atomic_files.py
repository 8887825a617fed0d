"""A file is the old one or the new one, whatever happens in between."""

import os
import stat
import subprocess
import sys
import time

import pytest

from source_lib.atomic_files import atomic_write


def test_a_file_takes_its_name_once_it_is_whole(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic_write(path) as part:
        part.write_text("new")
        assert path.read_text() == "old" and part.parent == tmp_path
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_what_was_interrupted_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="there"), atomic_write(tmp_path / "there") as part:
        part.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_only_the_owner_reads_a_private_file(tmp_path):
    path = tmp_path / "secret"
    with atomic_write(path, private=True) as part:
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
        part.write_text("1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_text() == "1"


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    path = tmp_path / "a.b (1).txt"
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    left = f".{path.name}.{gone.pid}.part"
    others = [
        f".{path.name}.{os.getppid()}.part",
        f".other.{gone.pid}.part",
        f".{path.name}.x.part",
        f".{path.name}.part",
    ]
    young = f".{path.name}.{2**22 + 1}.part"
    for name in (left, young, *others):
        (tmp_path / name).write_text("half")
    for name in (left, *others):
        os.utime(tmp_path / name, (time.time() - 3600,) * 2)
    with atomic_write(path) as part:
        part.write_text("whole")
    assert {one.name for one in tmp_path.iterdir()} == {path.name, young, *others}
