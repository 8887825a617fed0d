"""Grades go back as each platform takes them: nobody's is another's, and none is a 0 that nobody gave."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from autograder.errors import UserError
from autograder.gradebook.platform_grades import (
    FinalGrade,
    canvas_csv,
    fill_in,
    grades_of,
    known_students,
    moodle_csv,
)
from autograder.gradebook.platform_names import Collected, write_collected
from autograder.gradebook.roster import Enrolled
from autograder.labs import get_lab
from tests.gradebooks import make_course

LAB = get_lab("lab1")
FULL = {check.grade_id: check.points for check in LAB.checks}
DONE = FinalGrade(32.5, 45.0)
OPEN = FinalGrade(30.0, 45.0, ("discussion is not graded yet",))
EVIL = '=HYPERLINK("http://evil")\n,"x;=1+1'


def rows(text, delimiter=","):
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_points_that_nobody_gave_yet_are_said_and_are_no_0(tmp_path):
    course = make_course(
        tmp_path / "course",
        {
            "done": FULL | {"discussion": (7.25, False)},
            "open": FULL | {"discussion": None},
            "flagged": FULL | {"discussion": (7.25, False), "check_conv2d_layer": (0.0, True)},
            "withdrawn": dict.fromkeys(FULL) | {"discussion": (9.0, False)},
        },
    )
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.find_submission_notebook("lab1", "lab1", "done").late_submission_penalty = 100.0
        gradebook.db.commit()
        found = grades_of(gradebook, "lab1")
    assert found["done"] == FinalGrade(0.0, 45.0)
    assert found["open"] == FinalGrade(35.0, 45.0, ("discussion is not graded yet",))
    assert found["flagged"].waiting == ("a person must look at check_conv2d_layer",)
    assert len(found["withdrawn"].waiting) == len(FULL)
    for made in (
        canvas_csv({"Lab 1": found}, {}),
        moodle_csv(found, {name: Enrolled(name, platform_id=name) for name in found}),
    ):
        assert made.students == ("done",)
        assert made.left_out.keys() == found.keys() - {"done"}
        assert not any(name in made.text for name in ("open", "flagged", "withdrawn"))
    assert "35" in canvas_csv({"Lab 1": found}, {}, so_far=True).text


def test_a_new_file_for_canvas_has_its_columns_and_a_row_of_possible_points():
    made = canvas_csv(
        {"Lab 1": {"ada": DONE, "bob": OPEN}, "Lab 2": {"bob": DONE}}, {"ada": Enrolled("ada", "Ada", platform_id="12")}
    )
    assert rows(made.text) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab 1", "Lab 2"],
        ["Points Possible", "", "", "", "", "45", "45"],
        ["Ada", "12", "", "", "", "32.5", ""],
        ["bob", "", "", "bob", "", "", "32.5"],
    ]
    assert made.left_out == {"bob": "Discussion is not graded yet."}


def test_a_new_worksheet_for_moodle_has_a_line_for_each_whose_number_is_known():
    known = {"ada": Enrolled("ada", "Ada Ω", "ada@example.org", "12"), "absent": Enrolled("absent", platform_id="13")}
    made = moodle_csv({"ada": DONE, "bob": DONE}, known)
    header, ada = rows(made.text)
    line = dict(zip(header, ada, strict=True))
    assert line["Identifier"] == "Participant 12" and line["Grade"] == "32.5" and line["Maximum grade"] == "45"
    assert line["Full name"] == "Ada Ω" and line["Last modified (grade)"] == "-"
    assert list(made.left_out) == ["bob"]


@pytest.mark.parametrize("evil", [EVIL, "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r\n=1", "＝1", "\u202e=1"])
def test_a_name_is_no_formula_in_a_spreadsheet(tmp_path, evil):
    entry = Enrolled(evil, evil, evil, evil)
    texts = [canvas_csv({evil: {evil: DONE}}, {evil: entry}).text, moodle_csv({evil: DONE}, {evil: entry}).text]
    sheet = tmp_path / "sheet.csv"
    with open(sheet, "w", newline="") as file:
        csv.writer(file).writerows([["Identifier", "Full name", "Grade"], ["Participant 1", evil, "-"]])
    texts.append(fill_in(sheet, "moodle", {"a": DONE}, {"a": Enrolled("a", platform_id="1")}, ["Grade"]).text)
    for text in texts:
        cells = [cell for row in rows(text) for cell in row]
        assert len(cells) > 5
        assert not [cell for cell in cells if cell.lstrip(" ").startswith(("=", "+", "@", "\t", "\r", "＝", "-2"))], (
            cells
        )
        # A program that splits at semicolons finds no formula after one where all cells are quoted.
        again = io.StringIO(newline="")
        csv.writer(again, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows(text))
        assert text == again.getvalue()


def moodle_sheet(path, delimiter=",", most="45.00"):
    path.write_text(
        "\ufeff"
        + "\n".join(
            delimiter.join(row)
            for row in (
                [
                    "Identifier",
                    "Full name",
                    "Email address",
                    "Status",
                    "Grade",
                    "Maximum grade",
                    "Last modified (grade)",
                ],
                ["Participant 12", '"Lovelace, Ada"', "ada@example.org", "Submitted", "", most, "-"],
                ["Participant 13", "Bob", "bob@example.org", "Submitted", "3.00", most, "Monday"],
                ["Participant 14", "Cy", "cy@example.org", "No submission", "", most, "-"],
            )
        ),
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_downloaded_worksheet_is_filled_in_and_keeps_everything_else(tmp_path, delimiter):
    sheet = moodle_sheet(tmp_path / "sheet.csv", delimiter)
    known = {"ada": Enrolled("ada", platform_id="12"), "bob": Enrolled("bob", email="BOB@example.org")}
    made = fill_in(sheet, "moodle", {"ada": DONE, "bob": OPEN, "dee": DONE}, known, ["Grade"])
    header, *lines = rows(made.text, delimiter)
    assert header[0] == "Identifier"
    assert [line[4] for line in lines] == ["32.5", "3.00", ""]
    assert lines[0][1] == "Lovelace, Ada" and lines[1][6] == "Monday"
    assert made.students == ("ada",)
    assert made.left_out == {"bob": "Discussion is not graded yet.", "dee": "No row of sheet.csv is this student's."}


def canvas_sheet(path, possible="45.00", column="Lab 1: Implementing a CNN (4711)"):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(
            [
                ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", column, "Current Score"],
                ["    Points Possible", "", "", "", "", possible, "(read only)"],
                ["Lovelace, Ada", "12", "s-1", "ada01", "A", "", "80"],
                ["Bob", "13", "s-2", "bob", "A", "9", "-1.5"],
            ]
        )
    return path


def test_a_downloaded_gradebook_of_canvas_is_filled_in_by_number_and_by_login(tmp_path):
    sheet = canvas_sheet(tmp_path / "sheet.csv", column=f"{LAB.title} (4711)")
    made = fill_in(sheet, "canvas", {"ada": DONE, "bob": DONE}, {"ada": Enrolled("ada", platform_id="12")}, [LAB.title])
    assert [row[5] for row in rows(made.text)] == [f"{LAB.title} (4711)", "45.00", "32.5", "32.5"]
    assert rows(made.text)[3][6] == "-1.5"


@pytest.mark.parametrize(
    ("make", "platform", "titles", "said"),
    [
        (
            lambda path: moodle_sheet(path, most="100"),
            "moodle",
            ["Grade"],
            "100 points are possible, and the lab has 45",
        ),
        (
            lambda path: canvas_sheet(path, possible="100"),
            "canvas",
            ["Lab 1: Implementing a CNN"],
            "100 points are possible",
        ),
        (canvas_sheet, "canvas", ["Lab 2"], "no single column for the grades.*--column"),
        (lambda path: path.write_text("") or path, "moodle", ["Grade"], "no header"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00") and path, "moodle", ["Grade"], "no text in UTF-8"),
        (lambda path: path / "missing", "moodle", ["Grade"], "cannot be read"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_a_sentence(tmp_path, make, platform, titles, said):
    sheet = make(tmp_path / "sheet.csv")
    with pytest.raises(UserError, match=said):
        fill_in(sheet, platform, {"ada": DONE}, {"ada": Enrolled("ada", platform_id="12")}, titles)


def test_two_students_with_one_number_are_refused(tmp_path):
    write_collected(
        tmp_path, [Collected("lab1", name, "moodle", f"{name}_7_assignsubmission_file", "7") for name in ("ada", "bob")]
    )
    with pytest.raises(UserError, match="bob and ada have the same id of Moodle, 7"):
        known_students(tmp_path, "lab1", "moodle")


def test_the_roster_s_name_and_the_platform_s_number_come_first(tmp_path):
    (tmp_path / "roster.csv").write_text("id,name,email,platform id\nada,Ada L.,a@b,1\nabsent,No One,c@d,5\n")
    write_collected(
        tmp_path,
        [
            Collected("lab1", "ada", "canvas", "lovelaceada_LATE_77_88_", "77"),
            Collected("lab1", "bob", "canvas", "builderbob_LATE_78_89_", "78"),
        ],
    )
    assert known_students(tmp_path, "lab1", "canvas") == {
        "ada": Enrolled("ada", "Ada L.", "a@b", "77"),
        "absent": Enrolled("absent", "No One", "c@d", "5"),
        "bob": Enrolled("bob", "builderbob", "", "78"),
    }


def test_nbgrader_s_own_command_finds_the_exporters(tmp_path):
    course = make_course(tmp_path / "course", {"ada": FULL | {"discussion": (7.0, False)}, "bob": FULL})
    write_collected(course, [Collected("lab1", "ada", "moodle", "Ada_12_assignsubmission_file", "12")])
    for exporter, target in (("MoodleExport", "m.csv"), ("CanvasExport", "c.csv")):
        done = subprocess.run(
            [
                *(Path(sys.executable).with_name("nbgrader"), "export", "--to", target, "--assignment", '["lab1"]'),
                f"--exporter=autograder.nbgrader_plugin.{exporter}",
            ],
            cwd=course,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "bob is left out. Discussion is not graded yet." in done.stderr
    assert rows((course / "m.csv").read_text())[1][:2] == ["Participant 12", "Ada"]
    assert rows((course / "c.csv").read_text())[2][-1] == "42"
