"""Who is flagged gets a grade once a person has looked, with the automatic points of today and of later."""

import pytest
from nbgrader.api import Gradebook

from autograder import cli
from autograder.gradebook.course_folder import open_course
from autograder.gradebook.feedback_pages import read_gradebook
from autograder.gradebook.platform_grades import class_grades
from autograder.labs import get_lab
from tests.gradebooks import make_course

LAB = get_lab("lab1")
FULL = {check.grade_id: check.points for check in LAB.checks}


def flag(course, *students):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        for student in students:
            for notebook in gradebook.find_submission("lab1", student).notebooks:
                for grade in notebook.grades:
                    grade.needs_manual_grade = True
        gradebook.db.commit()


@pytest.fixture
def course(tmp_path):
    """Odd and empty are flagged; of odd a person must grade a part too, and fine is not flagged."""
    made = make_course(
        tmp_path / "course",
        {
            "odd": FULL | {"discussion": None},
            "empty": dict.fromkeys([*FULL, "discussion"], 0.0),
            "fine": FULL | {"discussion": (7.0, False)},
            "stopped": FULL | {LAB.checks[2].grade_id: None},
        },
    )
    flag(made, "odd", "empty", "stopped")
    return made


@pytest.fixture
def run(course, monkeypatch, capsys):
    def call(*students):
        monkeypatch.setattr("sys.argv", ["cnn-course", "accept", "lab1", *students, "--course", str(course)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return ended.value.code, " ".join((printed.out + printed.err).split())

    return call


def waiting(course, student):
    scores = read_gradebook(open_course(course), LAB)[student].scores
    return {name for name, score in scores.items() if score.waits}


def test_automatic_points_count_and_what_a_person_must_grade_still_waits(course, run):
    code, said = run("odd", "empty")
    assert code == 0, said
    assert f"odd: {LAB.points:g} of {LAB.points + LAB.manual['discussion']:g} count. discussion still" in said
    assert "empty: 0 of" in said and waiting(course, "odd") == {"discussion"} and waiting(course, "empty") == set()
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        grades = class_grades(course, gradebook, "lab1")
        # Points stay the grader's own, so that a check that is corrected later corrects them.
        kept = {grade.manual_score for grade in gradebook.find_submission("lab1", "odd").notebooks[0].grades}
    assert kept == {None} and grades["empty"].waiting == ()
    assert grades["odd"].waiting == ("discussion is not graded yet",)


@pytest.mark.parametrize(
    ("student", "reason"),
    [
        ("fine", "no automatic points wait"),
        ("nobody", "has no grade"),
        ("stopped", f"no automatic points for {LAB.checks[2].grade_id} yet"),
    ],
)
def test_one_who_cannot_be_accepted_is_named_and_nobody_is(course, run, student, reason):
    before = waiting(course, "odd")
    code, said = run("odd", student)
    assert code == 1 and student in said and reason in said and "Nothing was changed." in said
    assert waiting(course, "odd") == before


def test_a_group_is_accepted_by_any_of_its_members(course, run):
    (course / "groups.csv").write_text("lab,group,student\nlab1,red,odd\nlab1,red,other\n")
    code, said = run("other", "odd")
    assert code == 0 and said.count("count.") == 1 and waiting(course, "odd") == {"discussion"}
