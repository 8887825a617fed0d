"""A group has one submission, and each of it the grade and the page; who is exempt counts nowhere."""

import csv
import datetime
import os
import shutil
import subprocess
import zipfile
from dataclasses import replace

import pytest
from nbgrader.api import Gradebook

from autograder import cli
from autograder.errors import UserError
from autograder.gradebook.class_tables import Group, handed_in_by, read_exempt, read_groups, with_members
from autograder.gradebook.course_folder import CourseError, open_course
from autograder.gradebook.item_analysis import analyze_course
from autograder.grading.pipeline import students_of
from autograder.labs import get_lab
from benchmarks.semester import class_of, write_class
from tests.conftest import PROGRAM

LAB = get_lab("lab1")
NAMES = ("ada", "bob", "cleo", "dan", "eve")
GROUPS = "lab,group,student\nlab1,g1,ada\nlab1,g1,bob\nlab1,g1,cleo\nlab2,g1,ada\nlab2,g1,dan\n"


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Ada, Dan and Eve handed in lab 1 and were graded; all five are on the roster."""
    place = tmp_path_factory.mktemp("tables") / "course"
    answers = class_of(LAB, 3, seed=2)
    write_class(
        place, LAB, [replace(one, student=name) for one, name in zip(answers, ("ada", "dan", "eve"), strict=True)]
    )
    rows = [f"{name},{name.title()} L,{name}@x,{5000 + number}" for number, name in enumerate(NAMES)]
    (place / "roster.csv").write_text("\n".join(["id,name,email,platform id", *rows, ""]))
    with Gradebook(f"sqlite:///{place}/gradebook.db") as gradebook:
        gradebook.find_assignment("lab1").duedate = datetime.datetime(2026, 5, 4)
        for one in gradebook.assignment_submissions("lab1"):
            one.timestamp = datetime.datetime(2026, 5, 3)
        gradebook.db.commit()
    return place


@pytest.fixture
def course(graded, tmp_path):
    return shutil.copytree(graded, tmp_path / "course")


def run(monkeypatch, capsys, course, *arguments):
    monkeypatch.setattr("sys.argv", ["cnn-course", *map(str, arguments), "--course", str(course)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return ended.value.code, " ".join((printed.out + printed.err).split())


def exported(course, name):
    with open(course / "exports" / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_of_a_group_gets_the_grade_and_the_page(course, monkeypatch, capsys):
    (course / "groups.csv").write_text(GROUPS)
    code, said = run(monkeypatch, capsys, course, "feedback", "lab1", "--student", "bob")
    assert code == 0, said
    pages = [(course / "assignments/feedback" / name / "lab1/lab1.html").read_text() for name in ("ada", "bob", "cleo")]
    assert len(set(pages)) == 1 and "ada, bob and cleo" in pages[0]
    assert not (course / "assignments/submitted/bob").exists()
    code, said = run(monkeypatch, capsys, course, "export", "lab1", "--to", "moodle")
    assert code == 0 and "In the roster" not in said, said
    grades = {row["Full name"]: row["Grade"] for row in exported(course, "lab1-moodle-grades.csv")}
    assert set(grades) == {f"{name.title()} L" for name in NAMES}
    assert grades["Ada L"] == grades["Bob L"] == grades["Cleo L"]
    with zipfile.ZipFile(course / "exports/lab1-moodle-feedback.zip") as archive:
        (bob,) = [name for name in archive.namelist() if "Bob" in name]
        assert archive.read(bob).decode() == pages[0]


def test_an_export_of_nbgrader_knows_groups_and_who_is_exempt(course):
    (course / "groups.csv").write_text(GROUPS)
    (course / "exempt.csv").write_text("lab,student\nlab1,eve\n")
    command = [PROGRAM.with_name("nbgrader"), "export", "--to", "all.csv"]
    command += ["--exporter=autograder.nbgrader_plugin.CanvasExport"]
    environment = os.environ | {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with open(course / "all.csv", newline="") as file:
        rows = {row["ID"]: row["lab1"] for row in csv.DictReader(file)}
    assert rows["5004"] == "EX" and rows["5000"] == rows["5001"] == rows["5002"] != ""


def test_who_is_exempt_counts_neither_in_the_report_nor_in_the_maximum(course, monkeypatch, capsys):
    with open(course / "groups.csv", "w") as file:
        file.write(GROUPS)
    (course / "exempt.csv").write_text("lab,student\nlab1,eve\nlab1,bob\nlab2,ada\n")
    folder = open_course(course)
    found = analyze_course(folder, LAB, students_of(folder, LAB))
    assert len(found.points) == 2 and found.ahead.tolist() == [24.0, 24.0]
    code, said = run(monkeypatch, capsys, course, "export", "lab1", "--to", "canvas")
    assert code == 0, said
    cells = {row["Student"]: row[LAB.title] for row in exported(course, "lab1-canvas-grades.csv")}
    assert cells["Eve L"] == cells["Bob L"] == "EX" and cells["Ada L"] == cells["Cleo L"] != "EX"
    code, said = run(monkeypatch, capsys, course, "export", "lab1", "--to", "moodle")
    assert code == 0 and "bob and eve. Exempt: Moodle's import cannot say so" in said
    assert {row["Full name"] for row in exported(course, "lab1-moodle-grades.csv")} == {"Ada L", "Cleo L", "Dan L"}
    # A file from Canvas is filled in with the same word, and one of Moodle keeps its line.
    sheet = course / "Grades.csv"
    sheet.write_text(f"Student,ID,SIS Login ID,{LAB.title} (1)\n    Points Possible,,,35\nEve,5004,,\n")
    code, said = run(monkeypatch, capsys, course, "export", "lab1", "--to", "canvas", "--fill", sheet)
    assert code == 0 and '"5004","","EX"' in (course / "exports/lab1-canvas-grades.csv").read_text(), said


def test_where_all_are_exempt_there_is_nothing_to_export(course, monkeypatch, capsys):
    (course / "exempt.csv").write_text("lab,student\n" + "".join(f"lab1,{name}\n" for name in NAMES))
    code, said = run(monkeypatch, capsys, course, "export", "lab1", "--to", "canvas")
    assert code == 1 and "Nobody has a grade in lab1" in said and not (course / "exports").exists()


@pytest.mark.parametrize("command", [["export", "lab1", "--to", "canvas"], ["feedback", "lab1"], ["report", "lab1"]])
def test_two_of_a_group_that_handed_in_stop_every_command_before_it_writes(course, command, monkeypatch, capsys):
    (course / "groups.csv").write_text("lab,group,student\nlab1,g7,dan\nlab1,g7,eve\n")
    before = {path: path.stat().st_mtime_ns for path in course.rglob("*") if path.is_file()}
    code, said = run(monkeypatch, capsys, course, *command)
    assert code == 1 and "dan and eve of group g7 each handed in lab1" in said
    assert {path: path.stat().st_mtime_ns for path in course.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("lab1,g1,zoe", "line 2: zoe is not on the roster"),
        ("lab1,g1,ada\nlab1,g2,ada", "line 3: ada is in the groups g1 and g2 for lab1"),
        ("lab1,g1,ada\nlab1,g1,ada", "line 3: ada is there twice for lab1"),
        ("lab1,,ada", "line 2: there is no group"),
        ("lab01,g1,ada", "line 2: there is no lab 'lab01'; the labs are lab0"),
        ("lab1,g1,../ada", r"line 2: the id '\.\./ada' cannot be the name of a folder"),
        ("lab1,ada", "line 2: a line is a lab, a group and a student"),
        ('lab1,g1,"' + "x" * 200_000, "is no CSV"),
    ],
)
def test_a_table_of_groups_that_is_wrong_gets_a_sentence(course, table, said):
    (course / "groups.csv").write_text(f"lab,group,student\n{table}\n")
    with pytest.raises(CourseError, match=said):
        read_groups(course, "lab1")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("lab,student\nlab1,zoe", "line 2: zoe is not on the roster"),
        ("lab,student\nlab1,ada\nlab1,ada", "line 3: ada is there twice for lab1"),
        ("student,lab\nada,lab1", r"The first line of .*exempt.csv is lab,student\."),
        (b"lab,student\nlab1,\xff\n", "is no text in UTF-8"),
    ],
)
def test_a_table_of_who_is_exempt_that_is_wrong_gets_a_sentence(course, table, said):
    (course / "exempt.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(UserError, match=said):
        read_exempt(course, "lab1")


def test_without_a_roster_ids_are_taken_as_they_stand(tmp_path):
    (tmp_path / "groups.csv").write_text(GROUPS)
    assert read_groups(tmp_path, "lab2") == [Group("g1", ("ada", "dan"))]
    assert read_groups(tmp_path, "lab0") == [] and read_exempt(tmp_path, "lab1") == frozenset()


def test_who_comes_after_whom():
    groups = [Group("a", ("x", "y")), Group("b", ("p", "q"))]
    by = handed_in_by(groups, ["y", "z"], "lab1")
    assert by == {"x": "y", "y": "y"}
    assert with_members(by, ["y", "z"]) == ["y", "x", "z"]
