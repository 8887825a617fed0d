"""The page on a semester: its commands run as they are written, in its order, from an archive to the final grades."""

import csv
import datetime
import os
import re
import shlex
import shutil
import signal
import subprocess

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.checking.sample_class import edit, find_cell
from autograder.labs import get_lab
from tests.conftest import PROGRAM, ROOT, running
from tests.platforms import WHEN, Student, write_archive, write_roster

TEXT = (ROOT / "book" / "instructors" / "semester.md").read_text()
LAB = get_lab("lab0")
WORKING = "At the corner four pixels count."


def blocks():
    """Return the commands of the page by the title of their section, in its order."""
    found = {}
    for section in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        found[title] = re.findall(r"^```bash\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    return found


def text_of(section, language):
    (found,) = re.findall(rf"^## {section}$.*?^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The course's folder, what each command said, and all that a class hands in."""
    root = tmp_path_factory.mktemp("semester")
    (root / "downloaded").mkdir()
    config = (ROOT / "nbgrader_config.py").read_text() + "\n" + text_of("Due dates", "python")
    (root / "nbgrader_config.py").write_text(config)
    shutil.copytree(ROOT / "assignments" / "lab0", root / "assignments" / "lab0")
    return root, {}


def solved(root, student):
    """Return a notebook in which everything is right for one student."""
    notebook = nbformat.read(root / "assignments" / "source" / "lab0" / "lab0.ipynb", as_version=4)
    edit("student_id", '"solution"', f'"{student}"')(notebook)
    for name in LAB.manual:
        find_cell(notebook, name).source = WORKING
    return nbformat.writes(notebook).encode()


def hours_late(count):
    return WHEN.replace(hour=22, minute=0) + datetime.timedelta(hours=count)


def grade_by_hand(root, points):
    """Give points for all that a person grades, as formgrader does."""
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        for submission in gradebook.assignment_submissions("lab0"):
            for grade in (one for notebook in submission.notebooks for one in notebook.grades):
                if grade.name in LAB.manual:
                    grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


def exported(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_all_commands_run_in_the_page_s_order(kept, sandbox_works):
    root, said = kept
    where = {**os.environ, "PATH": f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}"}

    def run(title):
        said[title] = []
        for block in sections[title]:
            # Where a person must look the exit code is 2, and one of this class is flagged.
            script = 'cnn-course() { command cnn-course "$@" || [ $? = 2 ]; }\n' + block
            done = subprocess.run(["bash", "-e"], input=script, cwd=root, env=where, capture_output=True, text=True)
            assert done.returncode == 0, (title, done.stdout[-2000:], done.stderr[-2000:])
            said[title].append(done.stdout)

    sections = blocks()
    # What `doctor` finds missing is this machine's.
    sections["Before the first week"] = [
        block.replace("cnn-course doctor\n", "cnn-course doctor || true\n")
        for block in sections["Before the first week"]
    ]
    run("Before the first week")
    untouched = (root / "assignments" / "release" / "lab0" / "lab0.ipynb").read_bytes()
    names = ("ada", "bob", "cleo", "dan", "eve", "finn")
    files = {name: {"lab0 (1).ipynb" if name == "cleo" else "lab0.ipynb": solved(root, name)} for name in names[:4]}
    files["eve"] = {"lab0.ipynb": untouched}
    # In an older encoding, so that a person must look.
    ((name, content),) = files["cleo"].items()
    files["cleo"] = {name: content.decode().replace("# ", "# Café: ", 1).encode("cp1252", "replace")}
    when = {"bob": hours_late(30), "dan": hours_late(20)}
    everybody = [
        Student(name, name.title(), "Miller", 5001 + number, files.get(name, {}), when.get(name, hours_late(-2)))
        for number, name in enumerate(names)
    ]
    write_roster(root / "roster.csv", everybody)
    for name, title in (("deadlines", "Due dates"), ("groups", "Groups"), ("exempt", "Who need not hand in")):
        (root / f"{name}.csv").write_text(text_of(title, "text"))
    write_archive(root / "downloaded" / "lab0.zip", "moodle", LAB, everybody[:5])
    run("Take in what was handed in")
    assert all("finn" in text and "lab0 (1).ipynb" in text for text in said["Take in what was handed in"])

    automatic, accept, by_hand = sections["Grade"]
    sections["Grade"] = [automatic]
    run("Grade")
    assert "1 of them flagged" in said["Grade"][0]
    grade_by_hand(root, 4.0)
    sections["Grade"] = [accept, by_hand]
    run("Grade")
    assert f"cleo: {LAB.points + 4 * len(LAB.manual):g} of" in said["Grade"][0]
    title = "Feedback as soon as something is there"
    (said[title],) = sections[title]
    with running(shlex.split(said[title]), stderr=None, cwd=root, env=where) as process:
        told = [process.stdout.readline() for _ in range(6)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)
    assert f"Watching {root / 'assignments' / 'submitted'} for lab0" in told[0]
    assert "ada: 30 of 30, as before" in "".join(told)
    run("Submissions that are alike")
    # All four have the same right answers.
    assert "6 of the pairs among 4 submissions" in said["Submissions that are alike"][0]
    run("Give grades and feedback back")
    # Bob has an extension, and Dan is a day late: ten percent of 34.
    grades = {row["Identifier"]: row["Grade"] for row in exported(root / "exports" / "lab0-moodle-grades.csv")}
    right = LAB.points + 4
    assert {name: float(grades[f"Participant {5001 + names.index(name)}"]) for name in names[:4]} == pytest.approx(
        {"ada": right, "bob": right, "cleo": right, "dan": 0.9 * right}
    )
    assert "Participant 5005" not in grades and "eve. Exempt" in said["Give grades and feedback back"][0]
    assert "finn" in said["Give grades and feedback back"][0]

    run("See what the class found hard")
    assert (root / "reports" / "lab0.html").is_file()

    (root / "deadlines.csv").write_text(text_of("Due dates", "text") + "lab0,dan,2026-11-09 22:00\n")
    later = Student("finn", "Finn", "Miller", 5006, {"lab0.ipynb": solved(root, "finn")}, hours_late(60))
    write_archive(root / "downloaded" / "lab0-again.zip", "moodle", LAB, [*everybody[:5], later])
    run("Somebody comes later")
    grades = {row["Identifier"]: row["Grade"] for row in exported(root / "exports" / "lab0-moodle-grades.csv")}
    assert float(grades["Participant 5004"]) == pytest.approx(right)
    # What nobody has graded by hand yet has no grade.
    assert not grades.get("Participant 5006")
    assert "finn" in said["Somebody comes later"][0]

    (root / "downloaded" / "requests.csv").write_text(
        "Timestamp,Email,Which lab?,Why?\n2026-11-20,ada@uni.example,Lab 0,?\n"
    )
    grade_by_hand(root, 4.0)
    run("A student asks you to look again")
    assert "1 new" in said["A student asks you to look again"][0]
    assert "decided by Grace Hopper" in said["A student asks you to look again"][2]
    run("A lab changes in the middle of the term")
    assert "0 would gain, 0 would lose, 6 keep" in " ".join(said["A lab changes in the middle of the term"][0].split())
    grade_by_hand(root, 4.0)
    run("Somebody leaves")
    assert "2 grades" not in said["Somebody leaves"][0] and "assignments/feedback/bob" in said["Somebody leaves"][0]
    assert not [path for path in root.rglob("*") if path.name == "bob"]
    run("Final grades")
    rows = exported(root / "exports" / "final.csv")
    assert {row["ID"] for row in rows if row.get("ID")} == {str(5001 + k) for k in (0, 2, 3, 4, 5)}
    assert next(row["lab0"] for row in rows if row["ID"] == "5005") == "EX"


def test_every_section_with_commands_was_run(kept):
    _, said = kept
    assert {title for title, found in blocks().items() if found} == set(said)
