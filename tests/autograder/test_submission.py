"""What one student handed in, from where it lay."""

import pytest

from autograder.checking.lab import Lab
from autograder.grading.grade import Verdict, as_record
from autograder.submissions.submission import read_submission


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "lab1.ipynb"
    path.write_text("{}")
    return path


@pytest.mark.parametrize("owner", ["ada", "Åsa B.", "uni\\ada", "[odd]*name", ""])
def test_a_name_that_can_be_read_calls_nobody(path, owner):
    assert read_submission(path, owner).notes == ()


@pytest.mark.parametrize("owner", ["a\u202eb", "a\u200bb", "ab\n", "a\udcff", "ab\u00a0", "\x1b[31mab"])
def test_a_name_with_what_does_not_show_calls_a_person_who_reads_it_written_out(path, owner):
    (note,) = read_submission(path, owner).notes
    assert "characters that do not show: " in note and note.isprintable() and "\\" in note


def test_a_report_tells_names_apart_that_look_alike():
    lab = Lab("lab1", "", (), {})
    names = ["ab", "a\u202eb", "a\u200bb", "ab\n", "a b", "a  b", "a\tb", "\x1b[0mab", "a\\u202eb", "ab\udcff"]
    told = [as_record(name, lab, Verdict([]))["student"] for name in names]
    assert len(set(told)) == len(names) and all(name.isprintable() for name in told)
    assert told[0] == "ab" and told[1] == "a\\u202eb"
