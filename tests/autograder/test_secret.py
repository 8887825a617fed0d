"""One secret for a course, made once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from autograder.gradebook.secret import NAME, SecretError, read_or_make


def test_it_is_made_once_and_for_its_owner_only(tmp_path):
    first = read_or_make(tmp_path)
    assert read_or_make(tmp_path) == first
    assert (tmp_path / NAME).stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_two_courses_have_two_secrets(tmp_path):
    (tmp_path / "other").mkdir()
    assert read_or_make(tmp_path) != read_or_make(tmp_path / "other")


def test_many_at_once_agree(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(read_or_make, [tmp_path] * 64))) == 1


@pytest.mark.parametrize("content", ["", "seven", "-3", "1.5"])
def test_anything_but_a_number_is_refused(tmp_path, content):
    (tmp_path / NAME).write_text(content)
    with pytest.raises(SecretError, match="does not hold a number"):
        read_or_make(tmp_path)


def test_a_missing_folder_is_explained(tmp_path):
    with pytest.raises(SecretError, match="cannot be read or made"):
        read_or_make(tmp_path / "nowhere")
