"""Who leaves takes everything along; of all others not a byte changes."""

import io
import shutil

import pytest
from nbgrader.api import Gradebook

from autograder import cli
from autograder.gradebook.collect import STAMP
from autograder.gradebook.platform_names import Collected, read_collected, write_collected
from tests.gradebooks import make_course

STEPS = ("submitted", "autograded", "feedback", "earlier")


@pytest.fixture
def course(tmp_path):
    """Ada, whose id begins as Adam's, has two labs in the gradebook and files everywhere."""
    folder = make_course(tmp_path / "course", {name: {"check_flatten_layer": 2.0} for name in ("ada", "adam", "bob")})
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        gradebook.add_assignment("lab2")
        gradebook.add_notebook("lab2", "lab2")
        gradebook.add_submission("lab2", "ada")
        gradebook.db.commit()
    for student in ("ada", "adam", "bob"):
        for step in STEPS:
            for lab in ("lab1", "lab2"):
                place = folder / "assignments" / step / student / lab
                place.mkdir(parents=True)
                (place / STAMP).write_text(f"{student} {lab}")
    write_collected(
        folder, [Collected(lab, name, "moodle", "x") for lab in ("lab1", "lab2") for name in ("ada", "bob")]
    )
    (folder / ".collected-lab1.json").write_text('{"ada": "1", "bob": "2"}')
    (folder / "roster.csv").write_text("id,name\nada,Ada\nadam,Adam\nbob,Bob\n")
    return folder


def run(monkeypatch, capsys, course, *arguments):
    monkeypatch.setattr("sys.argv", ["cnn-course", "drop", *arguments, "--course", str(course)])
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return ended.value.code, " ".join((printed.out + printed.err).split())


def files(course, without="-"):
    return {
        str(path.relative_to(course)): path.read_bytes()
        for path in course.rglob("*")
        if path.is_file() and without not in path.relative_to(course).parts and path.name != "gradebook.db"
    }


def entries(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        known = {one.id for one in gradebook.students}
        rows = {
            (lab, one.student_id, grade.name, grade.auto_score)
            for lab in ("lab1", "lab2")
            for one in gradebook.assignment_submissions(lab)
            for notebook in one.notebooks
            for grade in notebook.grades or [None]
            if grade is not None
        }
        return known, rows


def test_all_of_one_goes_and_nothing_of_others(course, monkeypatch, capsys):
    others = {name: content for name, content in files(course, "ada").items() if "collected" not in name}
    known, rows = entries(course)
    code, said = run(monkeypatch, capsys, course, "ada", "--yes")
    assert code == 0, said
    for text in (
        "the gradebook: student and 2 grades (lab1, lab2)",
        *(f"assignments/{step}/ada: 2 files" for step in STEPS),
        "collected.jsonl: lab1, lab2",
        "take the lines out of roster.csv",
        "Removed.",
    ):
        assert text in said
    assert not [path for path in course.rglob("*") if path.name == "ada"]
    assert {name: content for name, content in files(course).items() if "collected" not in name} == others
    assert set(read_collected(course)) == {("lab1", "bob"), ("lab2", "bob")}
    assert (course / ".collected-lab1.json").read_text() == '{\n"bob": "2"\n}'
    assert entries(course) == (known - {"ada"}, {row for row in rows if row[1] != "ada"})


def test_one_lab_of_one_goes_alone(course, monkeypatch, capsys):
    code, said = run(monkeypatch, capsys, course, "ada", "--lab", "lab1", "--yes")
    assert code == 0 and "the gradebook: 1 grade (lab1)" in said, said
    kept = {name for name in files(course) if "/ada/" in name}
    assert kept == {f"assignments/{step}/ada/lab2/{STAMP}" for step in STEPS}
    known, rows = entries(course)
    assert "ada" in known and not [row for row in rows if row[:2] == ("lab1", "ada")]
    # The last lab takes the student's folders along.
    run(monkeypatch, capsys, course, "ada", "--lab", "lab2", "--yes")
    assert not [path for path in course.rglob("*") if path.name == "ada"]


@pytest.mark.parametrize("more", [["--dry-run"], []])
def test_nothing_goes_before_a_person_says_so(course, more, monkeypatch, capsys):
    before, stored = files(course), entries(course)
    code, said = run(monkeypatch, capsys, course, "ada", *more)
    assert (code == 0) == bool(more) and "Nothing was removed." in said and "student and 2 grades" in said
    assert files(course) == before and entries(course) == stored


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("zoe", "There is nothing of zoe in"),
        ("../submitted", "cannot be the name of a folder"),
        (".", "cannot be the name of a folder"),
        ("", "is missing"),
        ("ad", "There is nothing of ad in"),
        ("*", "There is nothing of * in"),
    ],
)
def test_who_is_not_there_is_said_and_nobody_goes(course, name, said, monkeypatch, capsys):
    before, stored = files(course), entries(course)
    code, told = run(monkeypatch, capsys, course, name, "--yes")
    assert code == 1 and said in told
    assert files(course) == before and entries(course) == stored


def test_a_link_is_removed_and_what_it_leads_to_stays(course, monkeypatch, capsys):
    shutil.rmtree(course / "assignments/submitted/ada")
    (course / "assignments/submitted/ada").symlink_to(course / "assignments/submitted/bob")
    code, said = run(monkeypatch, capsys, course, "ada", "--yes")
    assert code == 0 and not (course / "assignments/submitted/ada").is_symlink(), said
    assert (course / "assignments/submitted/bob/lab1" / STAMP).is_file()


def test_what_was_stopped_is_finished_by_the_next_run(course, monkeypatch, capsys):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.remove_student("ada")
    shutil.rmtree(course / "assignments/submitted/ada")
    code, said = run(monkeypatch, capsys, course, "ada", "--yes")
    assert code == 0 and "the gradebook" not in said, said
    assert not [path for path in course.rglob("*") if path.name == "ada"]


def test_the_submission_of_a_group_is_not_taken_from_the_others(course, monkeypatch, capsys):
    for step in STEPS:
        shutil.rmtree(course / "assignments" / step / "bob" / "lab1")
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.remove_submission("lab1", "bob")
    (course / "groups.csv").write_text("lab,group,student\nlab1,g1,ada\nlab1,g1,bob\n")
    before, stored = files(course), entries(course)
    code, said = run(monkeypatch, capsys, course, "ada", "--yes")
    assert code == 1 and "ada handed in lab1 for bob too (group g1)" in said
    assert files(course) == before and entries(course) == stored
    assert run(monkeypatch, capsys, course, "bob", "--yes")[0] == 0


def test_files_that_were_made_from_the_student_s_labs_are_named_and_stay(course, monkeypatch, capsys):
    made = (
        "exports/lab2-moodle-grades.csv",
        "similar/lab2.html",
        "leaderboard/lab1.csv",
        "leaderboard-private/names.csv",
    )
    others = ("exports/final.csv", "exports/lab20-moodle-grades.csv", "leaderboard/lab3.html", "reports/lab2.html")
    for name in made + others:
        (course / name).parent.mkdir(exist_ok=True)
        (course / name).write_text("ada")
    _, said = run(monkeypatch, capsys, course, "ada", "--lab", "lab2", "--dry-run")
    assert all(name in said for name in made if "lab1" not in name) and "leaderboard/lab1.csv" not in said
    code, said = run(monkeypatch, capsys, course, "ada", "--yes")
    assert code == 0 and "May show the student until you make them again" in said
    assert all(name in said for name in made) and not any(name in said for name in others)
    assert all((course / name).read_text() == "ada" for name in made + others)
