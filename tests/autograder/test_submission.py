"""What of a submission folder is read: regular files, few and small, and no link."""

from autograder.submission import files_beside


def test_too_many_or_too_large_files_are_left_out(tmp_path):
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(10**9)
    files, left_out = files_beside(tmp_path / "lab1.ipynb")
    assert files == {} and "too large" in left_out[0]


def test_nothing_is_taken_from_a_folder_that_is_a_link(tmp_path):
    (tmp_path / "somebody").mkdir()
    (tmp_path / "somebody" / "helper.py").write_text("answer = 42")
    (tmp_path / "mine").symlink_to(tmp_path / "somebody")
    files, left_out = files_beside(tmp_path / "mine" / "lab1.ipynb")
    assert files == {} and "link to another folder" in left_out[0]
