"""What being late costs follows the due date, the extension and all points of today, and no code runs for it."""

import datetime

import pytest
from nbgrader.api import Gradebook

from autograder import cli
from autograder.gradebook.course_folder import CourseError, open_course
from autograder.gradebook.feedback_pages import read_gradebook
from autograder.gradebook.late import PercentPerDay, update_penalties
from autograder.labs import get_lab
from tests.gradebooks import make_course

LAB = get_lab("lab1")
FULL = {check.grade_id: check.points for check in LAB.checks} | {"discussion": (5.0, False)}
DUE = datetime.datetime(2026, 5, 4, 12)
RULE = """
from nbgrader.plugins import BasePlugin

class PerDay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {answer}
"""


@pytest.fixture
def course(tmp_path):
    """Three submissions: in time, a day late, and a day late with an extension of a day."""
    folder = make_course(tmp_path / "course", dict.fromkeys(("early", "late", "extended"), FULL))
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        for student, hours in (("early", -1), ("late", 24), ("extended", 24)):
            gradebook.find_submission("lab1", student).timestamp = DUE + datetime.timedelta(hours=hours)
        gradebook.db.commit()
    return folder


def change(course, duedate=DUE, extension=None, discussion=5.0):
    """Do what an instructor does with nbgrader's own commands after everything was graded."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.find_assignment("lab1").duedate = duedate
        gradebook.find_submission("lab1", "extended").extension = extension
        gradebook.find_grade("discussion", "lab1", "lab1", "late").manual_score = discussion
        gradebook.db.commit()


def rule(course, answer, name):
    """Put a plugin beside the configuration and name it there; modules are imported once, so each has a name."""
    (course / f"{name}.py").write_text(RULE.format(answer=answer))
    with open(course / "nbgrader_config.py", "a") as file:
        file.write(f'\nc.AssignLatePenalties.plugin_class = "{name}.PerDay"\n')


def penalties(course):
    return {student: one.penalty for student, one in read_gradebook(open_course(course), LAB).items()}


def test_a_due_date_an_extension_and_points_of_later_count_without_grading_again(course):
    rule(course, "score * 0.1 * total_seconds_late / 86400", "tenth_a_day")
    assert update_penalties(open_course(course), "lab1") == []
    change(course)
    assert update_penalties(open_course(course), "lab1") == ["extended", "late"]
    assert penalties(course) == {"early": 0, "late": pytest.approx(4), "extended": pytest.approx(4)}
    assert update_penalties(open_course(course), "lab1") == []
    change(course, extension=datetime.timedelta(days=1), discussion=10.0)
    assert update_penalties(open_course(course), "lab1") == ["extended", "late"]
    assert penalties(course) == {"early": 0, "late": pytest.approx(4.5), "extended": 0}
    recorded = read_gradebook(open_course(course), LAB)
    assert recorded["late"].late == "It came 1 day 0 h 0 min after 4 May 2026, 12:00 UTC."
    assert recorded["early"].late == recorded["extended"].late == ""
    change(course, duedate=None, extension=datetime.timedelta(days=1))
    assert update_penalties(open_course(course), "lab1") == ["late"]


@pytest.mark.parametrize(("answer", "lost"), [("-5", 0), ("1000", 40), ("None", 0)])
def test_nobody_gains_by_being_late_or_falls_below_nothing(course, answer, lost):
    rule(course, answer, f"answers_{abs(hash(answer))}")
    change(course)
    update_penalties(open_course(course), "lab1")
    assert penalties(course)["late"] == lost


@pytest.mark.parametrize(
    ("answer", "said"),
    [("1 / 0", "fails for .*ZeroDivisionError"), ("'much'", "is no number"), ("float('nan')", "is no number")],
)
def test_a_rule_that_fails_stores_nothing_and_is_named(course, answer, said):
    rule(course, answer, f"fails_{abs(hash(answer))}")
    change(course)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.find_submission_notebook("lab1", "lab1", "late").late_submission_penalty = 3.0
        gradebook.db.commit()
    with pytest.raises(CourseError, match=said):
        update_penalties(open_course(course), "lab1")
    assert penalties(course)["late"] == 3.0


@pytest.mark.parametrize("command", [["export", "lab1", "--to", "canvas"], ["feedback", "lab1"]])
def test_a_rule_that_cannot_be_found_is_a_sentence(course, command, monkeypatch, capsys):
    with open(course / "nbgrader_config.py", "a") as file:
        file.write('\nc.AssignLatePenalties.plugin_class = "no_such_file.Rule"\n')
    (course / "assignments" / "submitted" / "late" / "lab1").mkdir(parents=True)
    monkeypatch.setattr("sys.argv", ["cnn-course", *command, "--course", str(course)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert ended.value.code == 1 and "no_such_file.Rule" in printed.err and "Traceback" not in printed.err


TABLE = "lab,student,due\nlab1,,2026-05-04 14:00\nlab1,extended,2026-05-06T00:00+02:00\nlab2,,2026-06-01\n"


def test_a_table_of_due_dates_counts_in_the_course_s_time_zone(course):
    rule(course, "score * 0.1", "tenth")
    (course / "deadlines.csv").write_text(TABLE)
    with open(course / "nbgrader_config.py", "a") as file:
        file.write('\nc.Exchange.timezone = "Europe/Stockholm"\n')
    assert update_penalties(open_course(course), "lab1") == ["late"]
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        assert gradebook.find_assignment("lab1").duedate == DUE
        assert gradebook.find_submission("lab1", "extended").extension == datetime.timedelta(hours=34)
    (course / "deadlines.csv").write_text("".join(TABLE.splitlines(keepends=True)[:2]))
    assert update_penalties(open_course(course), "lab1") == ["extended"]
    # Labs that are not in the table keep what nbgrader's own commands say.
    (course / "deadlines.csv").write_text("lab,student,due\n")
    assert update_penalties(open_course(course), "lab1") == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("lab1,,tomorrow", "line 2: 'tomorrow' is no date"),
        ("lab1,,2026-02-30", "line 2: '2026-02-30' is no date"),
        ("lab1,,2026-05-04\nlab1,,2026-05-05", "line 3: the class is there twice for lab1"),
        ("lab1,ada,2026-05-04", "the line of the class is missing for lab1"),
        ("lab1,,2026-05-04\nlab1,ada,2026-05-03", "ada has to hand in before the class for lab1"),
        ("lab1,2026-05-04", "line 2: a line is a lab, a student or nothing, and a date"),
        (",,2026-05-04", "there is no lab"),
        ("lab1,,0001-01-01T00:00+14:00", "no date"),
    ],
)
def test_a_table_that_is_wrong_changes_nothing_and_gets_a_sentence(course, table, said):
    change(course)
    (course / "deadlines.csv").write_text(f"lab,student,due\n{table}\n")
    with pytest.raises(CourseError, match=said):
        update_penalties(open_course(course), "lab1")
    assert penalties(course)["late"] == 0


@pytest.mark.parametrize(("hours", "lost"), [(0.25, 0), (0.26, 4), (24, 4), (24.1, 8), (1000, 20)])
def test_the_rule_that_comes_with_the_course_takes_a_part_for_each_day(hours, lost):
    plugin = PercentPerDay(percent=10, most=50, grace_minutes=15)
    assert plugin.late_submission_penalty("ada", 40.0, 3600 * hours) == pytest.approx(lost)
