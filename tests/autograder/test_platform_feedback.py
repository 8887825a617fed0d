"""A feedback page goes back under the name that its submission came in with, and to nobody else."""

import base64
import csv
import os
import random
import re
import subprocess
import time
import zipfile

import pytest
from nbgrader.api import Gradebook

from autograder import cli
from autograder.errors import UserError
from autograder.gradebook.course_folder import open_course
from autograder.gradebook.platform_feedback import pack_feedback, with_pictures
from autograder.gradebook.platform_grades import known_students
from autograder.gradebook.platform_names import COLLECTED, Collected, write_collected
from autograder.gradebook.roster import Enrolled
from autograder.labs import get_lab
from tests.conftest import PROGRAM
from tests.gradebooks import make_course

LAB = get_lab("lab1")
FULL = {check.grade_id: check.points for check in LAB.checks} | {"discussion": (7.0, False)}
#: As archives of the platforms had them, by student.
TAKEN = {
    "moodle": {
        "ada": "Ada Lovelace_1201_assignsubmission_file",
        "zoë": "Zoë O'Neil-李_1202_assignsubmission_file_",
        "arabic": "محمد علي_1203_assignsubmission_file",
        "formula": "=1+1_1204_assignsubmission_file",
    },
    "canvas": {
        "ada": "lovelaceada_4401_990001_",
        "late": "builderbob_LATE_4402_990002_",
        "zoë": "oneilzoë_4403_990003_",
    },
}


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path / "course", {})


def written(course, students):
    for student in students:
        folder = course / "assignments" / "feedback" / student / "lab1"
        folder.mkdir(parents=True)
        (folder / "lab1.html").write_text(f"<p>For {student}.</p>", encoding="utf-8")


def taken(course, platform):
    names = TAKEN[platform]
    write_collected(
        course,
        [
            Collected("lab1", student, platform, name, re.search(r"_(\d+)_", name)[1], "2026-10-01T12:00:00+00:00")
            for student, name in names.items()
        ],
    )
    written(course, names)
    return names


@pytest.mark.parametrize("platform", TAKEN)
def test_the_names_that_go_out_are_those_that_came_in(course, platform):
    names = taken(course, platform)
    path = course / "exports" / "feedback.zip"
    known = known_students(course, "lab1", platform)
    packed = pack_feedback(open_course(course), LAB, platform, names, known, path)
    assert not packed.left_out
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    between = "/" if platform == "moodle" else ""
    assert found == {f"{name}{between}lab1.html": f"<p>For {student}.</p>" for student, name in names.items()}
    for name in found:
        # As the platforms' importers take names apart.
        if platform == "moodle":
            assert re.fullmatch(r"[^_]*_\d+_assignsubmission_file_?/lab1\.html", name)
        else:
            assert len([part for part in name.split("_") if part.isdigit()]) == 2
    first = path.read_bytes()
    pack_feedback(open_course(course), LAB, platform, names, known, path)
    assert path.read_bytes() == first


def test_who_is_left_out_is_said_and_why(course):
    written(course, ["ada", "by-roster", "climbs"])
    write_collected(
        course,
        [
            Collected("lab1", "no-page", "moodle", "No Page_1_assignsubmission_file", "1"),
            Collected("lab1", "climbs", "moodle", "../../climbs_2_assignsubmission_file", "2"),
            Collected("lab1", "ada", "canvas", "lovelaceada_4401_990001_", "4401"),
        ],
    )
    known = {"by-roster": Enrolled("by-roster", "A_b/../c", platform_id="3")}
    everybody = ["ada", "by-roster", "climbs", "no-page"]
    packed = pack_feedback(open_course(course), LAB, "moodle", everybody, known, course / "out.zip")
    assert packed.names == {"by-roster": "A b c_3_assignsubmission_file/lab1.html"}
    assert "not known" in packed.left_out["ada"]
    assert "is no name that Moodle gives" in packed.left_out["climbs"]
    assert "cnn-course feedback lab1" in packed.left_out["no-page"]


def test_nobody_gets_the_page_of_another(course):
    written(course, ["ada", "bob"])
    name = "Ada_1_assignsubmission_file"
    write_collected(
        course, [Collected("lab1", one, "moodle", name.replace("A", a), "") for one, a in (("ada", "A"), ("bob", "a"))]
    )
    with pytest.raises(UserError, match="bob and ada have the same name"):
        pack_feedback(open_course(course), LAB, "moodle", ["ada", "bob"], {}, course / "out.zip")
    assert not (course / "out.zip").exists()


def test_pictures_beside_a_page_are_put_into_it_and_no_other_file_is(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "plot 1.png").write_bytes(b"a plot")
    (folder / "answers.txt").write_bytes(b"secret")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "huge.png").write_bytes(bytes(2**21 + 1))
    outside = [
        "../secret.png",
        f"{tmp_path}/secret.png",
        "link.png",
        "answers.txt",
        "huge.png",
        "https://x/y.png",
        "no.png",
    ]
    page = "".join(f'<img src="{name}" alt="">' for name in outside)
    assert with_pictures(page, folder) == page
    put_in = f"data:image/png;base64,{base64.b64encode(b'a plot').decode()}"
    assert with_pictures('<img alt="" src="plot 1.png">', folder) == f'<img alt="" src="{put_in}">'


@pytest.fixture
def export(monkeypatch, capsys):
    """Run the command in this process; return its exit code and what it printed."""

    def run(course, *options):
        monkeypatch.setattr("sys.argv", ["cnn-course", "export", "lab1", "--course", *map(str, (course, *options))])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out + printed.err

    return run


def test_the_command_says_who_is_missing_and_writes_both_files(tmp_path, export):
    course = make_course(tmp_path / "course", {"ada": FULL, "zoë": FULL, "open": FULL | {"discussion": None}})
    taken(course, "moodle")
    (course / "roster.csv").write_text("id,name,email,platform id\nada,Ada,a@b,1201\nabsent,No One,,99\n")
    code, said = export(course, "--to", "moodle")
    assert code == 0, said
    assert "Without grade: open. Discussion is not graded yet." in said
    assert "absent" in said and "Grades of 2 students" in said
    assert sorted(path.name for path in (course / "exports").iterdir()) == [
        "lab1-moodle-feedback.zip",
        "lab1-moodle-grades.csv",
    ]


def test_of_a_group_in_canvas_each_member_has_a_page_with_the_number_of_the_student_and_of_the_file(tmp_path, export):
    course = make_course(tmp_path / "course", {"ada": FULL, "late": FULL, "zoë": FULL})
    taken(course, "canvas")
    written(course, ["bo", "cy", "dee", "eve"])
    groups = "red,ada\nred,bo\nred,cy\nblue,late\nblue,dee\nblue,eve\n"
    (course / "groups.csv").write_text("lab,group,student\n" + "".join(f"lab1,{line}\n" for line in groups.split()))
    ids = ["bo,Bo_2 O'Neil,9001", "cy,李,9002", "dee,Dee,9003", "eve,Eve,", "ada,A,", "late,L,", "zoë,Z,"]
    (course / "roster.csv").write_text("\n".join(["id,name,platform id", *ids]) + "\n")
    code, said = export(course, "--to", "canvas")
    assert code == 0, said
    with zipfile.ZipFile(course / "exports/lab1-canvas-feedback.zip") as archive:
        assert sorted(archive.namelist()) == sorted(f"{name}lab1.html" for name in TAKEN["canvas"].values())
    with zipfile.ZipFile(course / "exports/lab1-canvas-feedback-groups.zip") as archive:
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    numbers = {tuple(part for part in name.split("_") if part.isdigit()): text for name, text in found.items()}
    assert numbers == {
        ("9001", "990001"): "<p>For bo.</p>",
        ("9002", "990001"): "<p>For cy.</p>",
        ("9003", "990002"): "<p>For dee.</p>",
    }
    assert "For 3 other members of groups" in said and "Without feedback: eve." in said
    # Moodle needs no file of the student's own; once there are no groups, no archive of them is left.
    (course / "groups.csv").unlink()
    export(course, "--to", "canvas")
    assert not (course / "exports/lab1-canvas-feedback-groups.zip").exists()


def test_who_is_exempt_and_has_handed_in_gets_the_page_and_no_grade(tmp_path, export):
    course = make_course(tmp_path / "course", {"ada": FULL, "zoë": FULL})
    taken(course, "moodle")
    (course / "exempt.csv").write_text("lab,student\nlab1,ada\nlab1,absent\n")
    _, said = export(course, "--to", "moodle")
    assert "Grades of 1 student:" in said and "Feedback for 2 students" in said and "Without feedback" not in said


def test_a_mistake_leaves_nothing_half_written(tmp_path, export):
    course = make_course(tmp_path / "course", {"ada": FULL})
    for wrong, said in (
        (["--to", "moodle", "--fill", course / "missing.csv"], "cannot be read"),
        (["--to", "canvas", "--fill", course / "nbgrader_config.py"], "no single column"),
        (["--to", "blackboard"], "blackboard"),
    ):
        code, printed = export(course, *wrong)
        assert code == 1 and said in printed, printed
    (course / COLLECTED).write_text("{\n")
    assert "line 1" in export(course, "--to", "moodle")[1]
    assert not (course / "exports").exists()
    empty = make_course(tmp_path / "empty", {})
    assert "Grade it first" in export(empty, "--to", "canvas")[1]


@pytest.mark.parametrize(("count", "named"), [(10, 10), (11, 11), (12, 10), (30, 10)])
def test_of_a_whole_class_that_waits_a_line_names_a_few(tmp_path, export, count, named):
    names = [f"s{n:02}" for n in range(count)]
    course = make_course(tmp_path / "course", {name: FULL | {"discussion": None} for name in names})
    _, said = export(course, "--to", "canvas")
    (line,) = (line for line in said.splitlines() if line.startswith("Without grade"))
    assert [name for name in names if name in line] == names[:named]
    assert (f"s09 and {count - 10} others. Discussion" in line) == (named < count)


@pytest.mark.parametrize("kills", [pytest.param(2, id="two"), pytest.param(50, id="fifty", marks=pytest.mark.long)])
def test_kills_at_random_moments_leave_whole_files_of_one_run(tmp_path, kills):
    names = [f"s{number:03}" for number in range(40)]
    course = make_course(tmp_path / "course", dict.fromkeys(names, FULL))
    write_collected(
        course,
        [
            Collected("lab1", one, "moodle", f"{one}_{k}_assignsubmission_file", f"{k}")
            for k, one in enumerate(names, 1)
        ],
    )
    table, archive = (course / "exports" / f"lab1-moodle-{name}" for name in ("grades.csv", "feedback.zip"))
    command = [PROGRAM, "export", "lab1", "--to", "moodle", "--course", course]
    chance = random.Random(5)
    # Pages that do not compress, so that packing them takes a good part of the time.
    padding = random.Random(6).randbytes(100_000).hex()

    def change(points):
        with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
            for submission in gradebook.assignment_submissions("lab1"):
                gradebook.find_grade("discussion", "lab1", "lab1", submission.student_id).manual_score = points
            gradebook.db.commit()
        for one in names:
            page = course / "assignments" / "feedback" / one / "lab1" / "lab1.html"
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(f"<p>{one} {points:g}</p>{padding}")

    def exported():
        """Return which points the two files are of; each is whole."""
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        assert [row["Full name"] for row in rows] == names
        (grade,) = {float(row["Grade"]) for row in rows}
        with zipfile.ZipFile(archive) as packed:
            assert packed.testzip() is None
            pages = [packed.read(name).decode() for name in packed.namelist()]
        assert [page.split()[0] for page in pages] == [f"<p>{one}" for one in names]
        (shown,) = {float(page.split()[1].partition("<")[0]) for page in pages}
        return grade - LAB.points, shown

    change(1.0)
    start = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    whole = time.monotonic() - start
    before = 1.0
    for number in range(kills):
        now = 2.0 + number % 2
        change(now)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * chance.uniform(0.5, 1))
        process.kill()
        process.wait()
        assert set(exported()) <= {before, now}
        for part in (course / "exports").glob(".*"):
            os.utime(part, (0, 0))
        subprocess.run(command, check=True, capture_output=True)
        assert exported() == (now, now)
        assert {path.name for path in (course / "exports").iterdir()} == {table.name, archive.name}
        before = now
