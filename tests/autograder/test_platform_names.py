"""What came in under a platform's name goes back under it."""

import pytest

from autograder.errors import UserError
from autograder.gradebook.platform_names import (
    COLLECTED,
    Collected,
    read_collected,
    write_collected,
)

ADA = Collected("lab1", "ada", "moodle", "Ada Lovelace_7_assignsubmission_file", "7", "2026-10-01T12:00:00+00:00")


def test_names_come_back_as_they_were(tmp_path):
    odd = [
        Collected("lab1", "zoë", "moodle", "Zoë Ωmega 李_8_assignsubmission_file_", "8"),
        Collected("lab1", 'say "hi"', "canvas", "=cmd|' /C calc'!A0_9_10_", "9"),
        Collected("lab2", "ada", "folders", "two\nlines"),
        Collected("lab1", "latin", "folders", "caf\udce9"),
    ]
    write_collected(tmp_path, [ADA])
    write_collected(tmp_path, odd)
    assert read_collected(tmp_path) == {(one.lab, one.student): one for one in [ADA, *odd]}
    assert list(read_collected(tmp_path, "lab2")) == [("lab2", "ada")]
    assert [path.name for path in tmp_path.iterdir()] == [COLLECTED]


def test_a_later_submission_takes_the_place_of_the_earlier(tmp_path):
    later = Collected("lab1", "ada", "canvas", "lovelaceada_LATE_1_2_", "1")
    write_collected(tmp_path, [ADA])
    write_collected(tmp_path, [later])
    assert read_collected(tmp_path) == {("lab1", "ada"): later}


def test_before_anything_was_collected_there_is_nothing(tmp_path):
    assert read_collected(tmp_path) == {}


@pytest.mark.parametrize(
    "line", ["{", "[]", "7", '{"lab": "lab1"}', '{"lab": "lab1", "student": ["ada"]}', "[" * 10**5]
)
def test_a_broken_record_is_named_by_its_line_and_nothing_is_lost(tmp_path, line):
    write_collected(tmp_path, [ADA])
    path = tmp_path / COLLECTED
    before = path.read_text() + line + "\n"
    path.write_text(before)
    with pytest.raises(UserError, match="line 2"):
        write_collected(tmp_path, [ADA])
    assert path.read_text() == before
