"""What came in under a platform's name goes back under it; a roster that contradicts itself is refused."""

import pytest

from autograder.errors import UserError
from autograder.gradebook.platform_names import (
    COLLECTED,
    Collected,
    RosterEntry,
    read_collected,
    read_roster,
    roster_of,
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
    assert read_collected(tmp_path) == {} and roster_of(tmp_path) == {}


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


def test_a_roster_is_read_as_spreadsheet_programs_write_it(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_bytes(
        '\ufeffPlatform ID;ID;E-mail;Name\r\n"7";ada;ada@example.org;"Lovelace; Ada"\r\n;bob;;\r\n\r\n'.encode()
    )
    assert list(read_roster(path).values()) == [
        RosterEntry("ada", "Lovelace; Ada", "ada@example.org", "7"),
        RosterEntry("bob"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Student,ID,SIS User ID,SIS Login ID,Section\nAda,7,s-1,ada,A\n",
        "Identifier,Full name,ID number,Email address\nParticipant 7,Ada,ada,\n",
        "id,name,email,platform id\nada,Ada,,7\n",
    ],
)
def test_what_a_platform_exports_is_a_roster(tmp_path, text):
    path = tmp_path / "roster.csv"
    path.write_text(text)
    assert read_roster(path) == {"ada": RosterEntry("ada", "Ada", "", "7")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no column id"),
        ("name,email\nAda,a@b\n", "names no column id"),
        ("id,name\nada,A\nada,B\n", "line 3: the id ada is there twice"),
        ("id,platform id\nada,7\nbob,7\n", "line 3: bob and ada have the same platform id 7"),
        ("id,name\n,Ada\n", "line 2: the id is missing"),
        (b"id,name\nada,\xff\n", "is no text in UTF-8"),
        ('id,name\nada,"' + "x" * 200_000 + '"\n', "is no CSV"),
    ],
)
def test_a_roster_that_is_wrong_gets_a_sentence(tmp_path, text, said):
    path = tmp_path / "roster.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=said):
        read_roster(path)
