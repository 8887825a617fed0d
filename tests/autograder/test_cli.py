"""The command line: a mistake gets a sentence, never a traceback."""

import json
import os
import re
import shutil
import subprocess

import pytest
from typer.main import get_command

from autograder import cli
from tests.conftest import PROGRAM, ROOT


def run(*arguments, **more):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, **more)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_help_names_the_commands():
    done = run("--help")
    assert done.returncode == 0
    words = set(done.stdout.split())
    instructor = {"doctor", "new-lab", "release", "collect", "grade", "feedback", "report", "export", "leaderboard"}
    instructor |= {"accept", "drop", "regrade", "similar", "watch"}
    assert instructor | {"check-submission", "check-csv", "check-masks", "data", "demo"} <= words


def test_the_instructor_s_page_has_every_command_and_every_option_of_grading():
    text = (ROOT / "book" / "instructors" / "running.md").read_text()
    table = text.partition("## The commands")[2].partition("## ")[0]
    names = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert names == {*re.findall(r"`(?:cnn-course )?([a-z][a-z-]+)[ `]", table)}
    options = text.partition("\n## Grade\n")[2].partition("\n## ")[0]
    for option in get_command(cli.app).commands["grade"].params:
        if option.opts[0].startswith("--"):
            assert any(f"`{name}" in options for name in (*option.opts, *option.secondary_opts)), option.opts


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["grade", "lab99"], "There is no lab called 'lab99'. Known labs: lab0, lab1"),
        (["release", "../lab1"], "There is no lab called"),
        (["release", "lab1", "--course", "{empty}"], "holds no nbgrader_config.py"),
        (["grade", "lab1", "--course", "{empty}"], "holds no nbgrader_config.py"),
        (["grade", "lab1", "--course", "{missing}"], "holds no nbgrader_config.py"),
        (["grade", "lab1", "--course", "{course}"], "Nobody handed in lab1 yet"),
        (["grade", "lab1", "--course", "{course}", "--student", "ada"], "ada handed in nothing"),
        (["grade", "lab1", "--course", "{course}", "--isolation", "docker"], "choose bubblewrap or process"),
        (["grade", "lab1", "--workers", "0"], "--workers"),
        (["demo", "--course", "{course}"], "not the course's repository"),
        (["mark", "lab1"], "No such command"),
        (["data", "mnist", "--from", "{empty}"], "'patchcam'"),
        (["data", "patchcam", "--from", "{empty}", "--to", "{missing}"], "Name the folder of the official files"),
        (["data", "patchcam", "--from", "{missing}", "--to", "{empty}"], "There is no folder"),
        (["check-csv"], "Missing argument"),
        (["check-csv", "run1.csv", "--column", "label"], "'class', 'probability'"),
    ],
)
def test_a_mistake_gets_a_sentence(arguments, says, course, tmp_path):
    places = {"empty": tmp_path, "missing": tmp_path / "nowhere", "course": course}
    done = run(*[argument.format(**places) for argument in arguments])
    assert done.returncode == 1
    assert says in done.stderr.replace("\n", " ")


def test_an_environment_that_was_not_activated_is_enough(tmp_path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "assignments" / "lab1", tmp_path / "assignments" / "lab1")
    done = run("release", "lab1", "--course", tmp_path, env={**os.environ, "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "gradebook.db").is_file()


def hand_in_release(course, student):
    shutil.copytree(course / "assignments/release/lab1", course / "assignments/submitted" / student / "lab1")


def test_a_lab_that_was_never_released_is_explained(course):
    hand_in_release(course, "ada")
    (course / "gradebook.db").unlink()
    done = run("grade", "lab1", "--course", course)
    assert done.returncode == 1 and "cnn-course release lab1" in done.stderr


def test_a_report_that_cannot_be_written_is_explained_before_grading(course, sandbox_works):
    hand_in_release(course, "ada")
    done = run("grade", "lab1", "--course", course, "--json", course / "nowhere" / "out.json")
    assert done.returncode == 1 and "cannot be written" in done.stderr
    assert not (course / "assignments/autograded").exists()


def test_without_the_sandbox_grading_refuses_and_says_how_to_go_on(course):
    hand_in_release(course, "ada")
    code = (
        "import sys; from autograder.sandbox import launch; launch.SYSTEM_PATH = '/nowhere'\n"
        "from autograder.cli import main; main()"
    )
    python = PROGRAM.with_name("python")
    done = subprocess.run(
        [python, "-c", code, "grade", "lab1", "--course", course], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "apt-get install bubblewrap" in done.stderr and "--isolation process" in done.stderr


def test_grading_in_a_process_is_written_on_the_grade(course):
    hand_in_release(course, "ada")
    (course / "course_secret").unlink()
    done = run("grade", "lab1", "--isolation", "process", "--json", course / "out.json", "--seed", 3, cwd=course)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads((course / "out.json").read_text())
    assert (record["isolation"], record["points"], record["student"]) == ("process", 0, "ada")
    assert not (course / "course_secret").exists()


def test_the_package_can_be_used_outside_the_checkout(tmp_path):
    done = subprocess.run(
        [
            PROGRAM.with_name("python"),
            "-c",
            "import autograder, source_lib.cnn; print(autograder.open_lab('lab1', {}))",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(ROOT) not in done.stdout


def test_files_of_predictions_are_checked(tmp_path):
    right, wrong = tmp_path / "run1.csv", tmp_path / "run2.csv"
    right.write_text("id,class\n0,1\n1,0\n2,1\n")
    wrong.write_text("id;class\n0;1\n1;0\n2;1\n")
    done = run("check-csv", right, "--rows", "3")
    assert done.returncode == 0 and done.stdout == "run1.csv: right, 3 classes.\n"
    done = run("check-csv", right, wrong)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "run1.csv: right, 3 classes."
    assert lines[1].startswith("run2.csv, line 1: Its columns are separated by semicolons. Separate them by commas")
    assert "same as run1.csv" in lines[2]
    assert run("check-csv", right, "--rows", "4").returncode == 1
    assert run("check-csv", right, "--column", "probability").returncode == 1
    assert run("check-csv", tmp_path / "run3.csv").returncode == 1


def test_files_of_masks_are_checked(tmp_path):
    import numpy as np

    from source_lib.masks import write_masks

    truth = np.zeros((3, 20, 24), bool)
    truth[:, 2:9, 3:20] = True
    right, wrong = write_masks(tmp_path / "masks.npz", truth), write_masks(tmp_path / "other.npz", ~truth)
    size = ("--height", "20", "--width", "24")
    done = run("check-masks", right, *size, "--count", "3")
    assert done.returncode == 0 and done.stdout == "masks.npz: right, 3 masks; 25 % of pixels marked.\n"
    done = run("check-masks", right, wrong, *size, "--truth", right)
    assert done.returncode == 1 and "other.npz: It is inverted" in done.stdout
    assert "masks.npz: mean Dice coefficient 1.000 over 3 images." in done.stdout
    assert "other.npz: mean Dice coefficient 0.000 over 3 images." in done.stdout
    assert run("check-masks", right).returncode == 1
    done = run("check-masks", right, "--truth", tmp_path / "none.npz")
    assert done.returncode == 1 and "cannot be read" in done.stderr and "Traceback" not in done.stderr


def test_the_courses_part_of_patchcamelyon(tmp_path):
    import h5py
    import numpy as np

    for part in ("train", "valid", "test"):
        with h5py.File(tmp_path / f"camelyonpatch_level_2_split_{part}_x.h5", "w") as file:
            file["x"] = np.zeros((8, 96, 96, 3), np.uint8)
        with h5py.File(tmp_path / f"camelyonpatch_level_2_split_{part}_y.h5", "w") as file:
            file["y"] = np.arange(8).reshape(8, 1, 1, 1) % 2
    counts = ["--train", "6", "--valid", "4", "--test", "4"]
    done = run(
        "data",
        "patchcam",
        "--from",
        tmp_path,
        *counts,
        "--labels",
        tmp_path / "labels" / "lab3.csv",
        cwd=tmp_path,
        env=os.environ | {"CNN_COURSE_DATA": str(tmp_path / "data")},
    )
    assert done.returncode == 0, done.stderr
    made = tmp_path / "data" / "patchcam"
    assert {path.name for path in made.iterdir()} == {"train.h5", "valid.h5", "test_x.h5", "patchcam.json"}
    assert str(made / "train.h5") in done.stdout and "not for students" in done.stdout
    assert run("check-csv", tmp_path / "labels" / "lab3.csv", "--rows", "4").returncode == 0
