"""A request is taken in once and decided once, whatever stops the commands; the log only grows."""

import json

import pytest
from nbgrader.api import Gradebook

from autograder import cli
from autograder.errors import UserError
from autograder.gradebook.platform_grades import FinalGrade
from autograder.gradebook.regrades import LOG, decide, read_log, read_requests, take_in
from autograder.gradebook.roster import read_roster
from autograder.labs import get_lab
from tests.gradebooks import make_course

LAB = get_lab("lab1")
FULL = {check.grade_id: check.points for check in LAB.checks} | {"discussion": (5.0, False)}
GRADES = {"ada": FinalGrade(33.0, 45.0), "bob": FinalGrade(20.0, 45.0), "eve": FinalGrade(0.0, 0.0, exempt=True)}
#: As forms of three makers write their answers.
FORMS = {
    "google": (
        "Timestamp,Email Address,Which lab?,What should we look at again?\n"
        '2026/11/20 9:00:00,ada@x,Lab 1,"pool2d: my padding is right,\nplease look"\n'
        "2026/11/20 9:05:00,bob@x,Lab 2,Something else\n"
    ),
    "microsoft": (
        "ID;Start time;Completion time;Email;Name;Question\n"
        "1;11/20/26 8:59;11/20/26 9:00;anonymous;Ada Lovelace;pool2d: my padding is right\n"
    ),
    "own": "student id,part,why\nada,pool2d,my padding is right\n",
}


@pytest.fixture
def roster(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("id,name,email\nada,Ada Lovelace,ada@x\nbob,Bob Miller,bob@x\neve,Eve E,eve@x\n")
    return read_roster(path)


def written(tmp_path, text):
    path = tmp_path / "requests.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("form", FORMS)
def test_what_forms_export_says_who_asks_what(tmp_path, roster, form):
    read = read_requests(written(tmp_path, FORMS[form]), LAB, GRADES, roster)
    (one,) = read.requests
    assert (one.student, one.before, one.most, one.after) == ("ada", 33.0, 45.0, None)
    assert "padding is right" in one.text and "pool2d" in one.text and read.problems == ()
    assert read.elsewhere == (form == "google")
    assert one.asked == {"google": "2026/11/20 9:00:00", "microsoft": "11/20/26 9:00", "own": ""}[form]


def test_lines_that_are_no_request_are_said_and_the_others_are_taken(tmp_path, roster):
    text = "id,why\nada,one\nzoe,two\nbob,\neve,three\n,four\nada,one\n"
    read = read_requests(written(tmp_path, text), LAB, GRADES, roster)
    assert [one.text for one in read.requests] == ["one"]
    assert [problem.partition(", ")[2] for problem in read.problems] == [
        "line 3, is of zoe, who is not on the roster. It was not taken.",
        "line 4, says nothing about what to look at again. It was not taken.",
        "line 5, is of eve, who has no grade in lab1. It was not taken.",
        "line 6, is of nobody, who is not on the roster. It was not taken.",
    ]
    alone = read_requests(written(tmp_path, text), LAB, GRADES, None)
    assert "zoe, who has no grade under that id, and there is no roster" in alone.problems[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column that says who asks, such as student id or e-mail; it holds: nothing"),
        ("what,when\nx,y\n", "no column that says who asks.* it holds: what and when"),
        ("id,lab,timestamp\nada,lab1,today\n", "no column that says what to look at"),
        (b"PK\x03\x04", "file of requests .* is a spreadsheet"),
        ('id,why\nada,"' + "x" * 200_000, "is no CSV"),
    ],
)
def test_a_file_that_is_none_gets_a_sentence_and_leaves_nothing(tmp_path, roster, text, said):
    with pytest.raises(UserError, match=said):
        read_requests(written(tmp_path, text), LAB, GRADES, roster)
    with pytest.raises(UserError, match="cannot be read"):
        read_requests(tmp_path / "none.csv", LAB, GRADES, roster)
    assert not (tmp_path / LOG).exists()


def test_whatever_was_stopped_nothing_is_lost_doubled_or_rewritten(tmp_path, roster):
    path = written(tmp_path, "id,why\nada,first: Ångström\nbob,second\n")
    requests = read_requests(path, LAB, GRADES, roster).requests

    def everything():
        take_in(tmp_path, requests)
        if read_log(tmp_path).open_of("lab1")[0].student == "ada":
            decide(tmp_path, "lab1", "ada", FinalGrade(35.0, 45.0), "Grace")
        return read_log(tmp_path)

    whole = everything()
    log = tmp_path / LOG
    content = log.read_bytes()
    assert content.count(b"\n") == 3 and [one.after for one in whole.requests] == [35.0, None]
    for size in range(len(content) + 1):
        log.write_bytes(content[:size])
        again = everything()
        assert again.requests == whole.requests, content[:size]
        grown = log.read_bytes()
        assert grown.startswith(content[:size])
        events = [json.loads(line) for line in grown.splitlines() if line.endswith(b"}")]
        marks = [(event["event"], event["id"]) for event in events]
        assert len(marks) == len(set(marks)) == 3
        # A line that was whole but for its end is no line that was cut off.
        assert len(again.cut_off) == (content[:size].rpartition(b"\n")[2] not in (b"", *content.split(b"\n")))


def test_a_decision_needs_an_open_request_a_final_grade_and_a_name(tmp_path, roster):
    take_in(tmp_path, read_requests(written(tmp_path, "id,why\nada,x\n"), LAB, GRADES, roster).requests)
    before = (tmp_path / LOG).read_bytes()
    for student, grade, by, said in (
        ("bob", GRADES["bob"], "Grace", "no open request of bob about lab1"),
        ("ada", None, "Grace", "is not final"),
        ("ada", FinalGrade(1.0, 45.0, ("discussion is not graded yet",)), "Grace", "discussion is not graded yet"),
        ("ada", GRADES["ada"], " ", "Say who decided"),
    ):
        with pytest.raises(UserError, match=said):
            decide(tmp_path, "lab1", student, grade, by)
    assert (tmp_path / LOG).read_bytes() == before
    (tmp_path / LOG).unlink()
    (tmp_path / LOG).mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        read_log(tmp_path)
    with pytest.raises(UserError, match="cannot be written"):
        take_in(tmp_path, [])


def test_the_commands_from_a_form_to_a_decision(tmp_path, monkeypatch, capsys):
    course = make_course(tmp_path / "course", {"ada": FULL | {"check_pool2d_layer": 0.0}, "bob": FULL})
    path = written(tmp_path, 'student,why\nada,"[bold]pool2d[/bold] \x1b[31m is right"\nzoe,x\n')

    def run(*arguments):
        monkeypatch.setattr(
            "sys.argv", ["cnn-course", "regrade", "lab1", *map(str, arguments), "--course", str(course)]
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err and "\x1b" not in printed.out
        return ended.value.code, " ".join((printed.out + printed.err).split())

    assert run()[1].startswith("0 open, 0 decided")
    code, said = run("--requests", path)
    lost = LAB.check("check_pool2d_layer").points
    assert code == 2 and "zoe" in said and "1 new, 0 known before." in said and "[bold]pool2d[/bold]" in said
    assert f"ada: {LAB.points + 5 - lost:g} of 45 then, {LAB.points + 5 - lost:g} now" in said
    assert "cnn-course grade lab1 --student STUDENT --force" in said and "1 open, 0 decided" in said
    assert "0 new, 1 known before." in run("--requests", path)[1]
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.find_grade("check_pool2d_layer", "lab1", "lab1", "ada").manual_score = lost
        gradebook.db.commit()
    code, said = run("--decide", "ada", "--by", "Grace Hopper", "--note", "The check was wrong.")
    assert code == 0 and f"ada: {LAB.points + 5 - lost:g} → {LAB.points + 5:g} of 45, decided by Grace Hopper." in said
    assert "0 open, 1 decided" in said
    event = json.loads((course / LOG).read_text().splitlines()[-1])
    assert event["note"] == "The check was wrong." and event["when"].endswith("+00:00")
    assert run("--decide", "ada", "--by", "Grace")[0] == 1
    assert run("--by", "Grace")[0] == run("--requests", path, "--decide", "ada")[0] == 1
    with open(course / LOG, "ab") as file:
        file.write(b'{"event": "as')
    assert "lines that were cut off (3)" in run()[1]
