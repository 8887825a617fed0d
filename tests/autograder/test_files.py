"""What of a submission folder is read: regular files, few and small, and no link."""

import shutil

from autograder.submissions.files import (
    MAX_ENTRIES,
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_WEIGHTS_BYTES,
    files_beside,
    links_beside,
)


def test_too_many_or_too_large_files_are_left_out(tmp_path):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(10**9)
    files, left_out = files_beside(tmp_path / "lab1.ipynb")
    assert files == {} and "too large" in left_out[0]


def test_what_is_too_large_keeps_nothing_small_out(tmp_path):
    for number in range(5):
        with open(tmp_path / f"model{number}.keras", "wb") as file:
            file.truncate(6 * 2**20)
    (tmp_path / "run1.csv").write_text("id,class")
    files, left_out = files_beside(tmp_path / "lab3.ipynb")
    assert list(files) == ["model0.keras", "model1.keras", "run1.csv"] and len(left_out) == 1
    for number in range(MAX_FILES):
        (tmp_path / f"run{number}.csv").write_text("id,class")
    files, left_out = files_beside(tmp_path / "lab3.ipynb")
    assert "run1.csv" in files and len(files) <= MAX_FILES and sum(map(len, files.values())) <= MAX_FILE_BYTES


def test_weights_have_room_of_their_own(tmp_path):
    """A network of 40 MB is taken, and so is all that would be taken without it."""
    for name, size in (("a.weights.h5", 40), ("data.bin", 15), ("b.weights.h5", 100), ("c.weights.h5", 200)):
        with open(tmp_path / name, "wb") as file:
            file.truncate(size * 2**20)
    files, left_out = files_beside(tmp_path / "lab5.ipynb")
    assert {name: len(content) // 2**20 for name, content in files.items()} == {"a.weights.h5": 40, "data.bin": 15}
    assert left_out == [
        "The file b.weights.h5 has 100.0 MB, and at most 128 MB of weights are read; it was left out.",
        "The file c.weights.h5 has 200.0 MB, and at most 128 MB of weights are read; it was left out.",
    ]
    (tmp_path / "b.weights.h5").unlink()
    with open(tmp_path / "a.weights.h5", "wb") as file:
        file.truncate(MAX_WEIGHTS_BYTES)
    assert set(files_beside(tmp_path / "lab5.ipynb")[0]) == {"a.weights.h5", "data.bin"}


def test_nothing_is_taken_from_a_folder_that_is_a_link(tmp_path):
    (tmp_path / "somebody").mkdir()
    (tmp_path / "somebody" / "helper.py").write_text("answer = 42")
    (tmp_path / "mine").symlink_to(tmp_path / "somebody")
    files, left_out = files_beside(tmp_path / "mine" / "lab1.ipynb")
    assert files == {} and "link to another folder" in left_out[0]


def test_a_helper_is_found_beside_a_repository_an_environment_and_caches(tmp_path):
    for number in range(300):
        for folder in (".git/objects", ".venv/lib", "__pycache__", "__MACOSX/lab1", "env/lib/python3", "figures/old"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / f"{number}.bin").write_bytes(b"x")
    (tmp_path / ".venv" / "python").symlink_to("/usr/bin/python3")
    (tmp_path / "tools" / "deep").mkdir(parents=True)
    for name in ("helpers.py", "zebra.csv", "tools/__init__.py", "tools/deep/more.py"):
        (tmp_path / name).write_text("x")
    files, left_out = files_beside(tmp_path / "lab1.ipynb")
    assert {"helpers.py", "zebra.csv", "tools/__init__.py"} <= set(files)
    assert not any(name.startswith((".git", ".venv", "__pycache__", "__MACOSX")) for name in files)
    assert len(left_out) == 1 and "too many" in left_out[0]
    shutil.rmtree(tmp_path / "env")
    shutil.rmtree(tmp_path / "figures")
    files, left_out = files_beside(tmp_path / "lab1.ipynb")
    assert list(files) == ["helpers.py", "zebra.csv", "tools/__init__.py", "tools/deep/more.py"] and left_out == []


def test_a_link_is_found_behind_any_number_of_files(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for number in range(MAX_ENTRIES):
            (tmp_path / folder / str(number)).touch()
    (tmp_path / "b" / ".hidden" / "c").mkdir(parents=True)
    (tmp_path / "b" / ".hidden" / "c" / "secret").symlink_to("/etc/passwd")
    assert links_beside(tmp_path / "lab1.ipynb") == ["b/.hidden/c/secret"]
