"""Whose a submission is, by an instructor's own list or by one that a platform exports."""

import pytest

from autograder.errors import UserError
from autograder.gradebook.platforms import Handed
from autograder.gradebook.roster import Enrolled, read_roster


def roster(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return read_roster(path)


@pytest.mark.parametrize(
    ("text", "student"),
    [
        ("id,name,e-mail,platform's id\nada,Ada L,ada@x,7\n", Enrolled("ada", "Ada L", "ada@x", "7")),
        ("\ufeffID;Name;E-Mail\nada;Ada L;ada@x\n", Enrolled("ada", "Ada L", "ada@x")),
        (
            'Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n"L, Ada",7,s1,ada,A\n',
            Enrolled("ada", "L, Ada", "", "7"),
        ),
        (
            "Identifier,Full name,Email address,Status,Last modified (submission)\n"
            'Participant 7,Ada L,ada@x,Submitted,"Tuesday, 3 November 2026, 10:59 PM"\n',
            Enrolled("ada@x", "Ada L", "ada@x", "Participant 7", "Tuesday, 3 November 2026, 10:59 PM"),
        ),
        ("First name\tSurname\tUsername\nAda\tL\tada\n", Enrolled("ada", "Ada L")),
    ],
)
def test_headers_are_matched_loosely(tmp_path, text, student):
    assert roster(tmp_path, text).students == [student]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,name\nada,A\nADA,B\n", "has the id ada more than once"),
        ("id,name,canvas id\na,A,7\nb,B,7\n", "platform's id 7 more than once"),
        ("id,name\n,A\n", "line 2: the id '' is missing"),
        ("id,name\n../x,A\n", "line 2: the id '../x' cannot be the name of a folder"),
        ("name,group\nA,1\n", "no column for the student's id.*name and group"),
        ("", "no column"),
        ("id,name\n", "names no student"),
        (b"PK\x03\x04", "is a spreadsheet"),
        ('id,name\n"a' + "x" * 200_000 + '",b\n', "is no CSV"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, text, says):
    with pytest.raises(UserError, match=says):
        roster(tmp_path, text)
    with pytest.raises(UserError, match="cannot be read"):
        read_roster(tmp_path / "none.csv")


def test_a_name_is_found_however_it_is_turned(tmp_path):
    found = roster(tmp_path, "id,name,email,moodle id\nasa,Åsa Öst Berg,asa@x,9\nada,Ada L,ada@x,7\n", "cp1252")
    for handed in (
        Handed("moodle", "", "Berg Åsa Öst", "1"),
        Handed("canvas", "", "bergåsaöst", "1"),
        Handed("brightspace", "", "ASA OST BERG", "1"),
        Handed("moodle", "", "Somebody Else", "9"),
        Handed("gradescope", "", "", "", "ASA@x"),
        Handed("gradescope", "", "", "", "", "asa"),
        Handed("exchange", "", "asa", "asa"),
        Handed("moodle", "", "Group 3-Åsa Öst Berg", "1"),
    ):
        assert found.find(handed)[0].student == "asa", handed
    assert "is not on the roster" in found.find(Handed("moodle", "", "Eve E", "1"))[1]


def test_two_of_one_name_are_told_apart_by_the_platform_s_id_alone(tmp_path):
    found = roster(tmp_path, "id,name,platform id\na,Ada L,1\nb,Ada L,2\n")
    assert found.find(Handed("moodle", "", "L Ada", "2"))[0].student == "b"
    assert "may be a and b: add the platform's id" in found.find(Handed("moodle", "", "L Ada", "3"))[1]
