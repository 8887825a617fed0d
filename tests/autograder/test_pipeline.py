"""A class with everything in it that a class can hand in: each gets what is theirs, and nobody else is touched."""

import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook

from autograder.gradebook.course_folder import open_course
from autograder.grading.grade import unreadable
from autograder.grading.pipeline import Graded, Saver, grade_all, released_roles
from autograder.labs import get_lab
from tests.conftest import PROGRAM, running, scores

#: A name that no database takes, as a report writes it.
NO_TEXT = r"not-utf8-\udcff"
NBGRADER = Path(sys.executable).with_name("nbgrader")


def find(notebook, name):
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def extra(source, before="activation"):
    def change(notebook):
        notebook.cells.insert(notebook.cells.index(find(notebook, before)), new_code_cell(source))

    return change


def replaced(function, old, new):
    def change(notebook):
        cell = find(notebook, function)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def duplicated(notebook):
    notebook.cells += [
        nbformat.from_dict(dict(find(notebook, name))) for name in ("check_conv2d_layer", "conv2d_layer")
    ]


def every_check_edited(notebook):
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            cell.source = str(cell.metadata.nbgrader.points)


def settings_edited(notebook):
    find(notebook, "check_conv2d_layer").metadata.nbgrader["points"] = 400
    find(notebook, "check_flatten_layer").metadata.nbgrader["grade"] = False


def checks_deleted(notebook):
    notebook.cells = [c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("grade")]


def answers_moved(notebook):
    """Deletes the cell of an answer after copying its text to a cell of one's own."""
    cell = find(notebook, "pool2d_layer")
    notebook.cells[notebook.cells.index(cell)] = new_code_cell(cell.source)


def surrogate(notebook):
    notebook.cells.append(new_code_cell("text = 'SURROGATE'"))


# name: what becomes of the solved notebook, the points, whether a person must look
CLASS = {
    "right": (lambda notebook: None, 35, False),
    "duplicated-ids": (duplicated, 35, False),
    "deleted-checks": (checks_deleted, 35, False),
    "moved-answer": (answers_moved, 35, False),
    "edited-checks": (every_check_edited, 35, True),
    "edited-settings": (settings_edited, 35, True),
    "raises": (extra("raise ValueError('oops')"), 35, False),
    "syntax-error": (extra("def broken(:"), 35, False),
    "prints-50-mb": (extra("print('x' * 50_000_000)"), 35, False),
    "loops": (extra("while True: pass"), 35, True),
    "exits": (extra("import os; os._exit(0)"), 35, True),
    "quits": (extra("exit()"), 35, False),
    "kills": (extra("import os\nfor k in (os.getppid(), 0, -1): os.kill(k, 9)"), 35, None),
    "memory": (extra("kept = []\nwhile True: kept.append(bytearray(10**9))"), 35, None),
    "forks": (extra("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"), 35, True),
    "reads": (extra("print(open('../../../gradebook.db', 'rb').read())\nprint(open('/etc/passwd').read())"), 35, False),
    "network": (extra("import urllib.request\nurllib.request.urlopen('http://127.0.0.1:1')"), 35, False),
    "leaves": (extra("import subprocess\nleft = subprocess.Popen(['sleep', '1234'])"), 35, False),
    "stderr": (extra("import sys, warnings\nprint('x', file=sys.stderr)\nwarnings.warn('y')"), 35, False),
    "surrogate": (surrogate, 35, False),
    "patches": (
        extra("import numpy as np\nnp.allclose = np.testing.assert_allclose = lambda *a, **k: True"),
        35,
        False,
    ),
    "exits-when-asked": (replaced("flatten_layer", "return h.flatten()", "import os; os._exit(0)"), 33, False),
    "loops-when-asked": (replaced("flatten_layer", "return h.flatten()", "while True: pass"), 33, False),
    "borrows": (replaced("flatten_layer", "h.flatten()", "keras.ops.reshape(h, (-1,)).numpy()"), 33, False),
}
FILES = {
    "empty-file": b"",
    "not-json": b"PK\x03\x04 this is no notebook",
    "half-a-file": b'{"cells": [{"cell_type": "code", "source": "a',
    "no-cells": b'{"metadata": {}, "nbformat": 4}',
    "nothing-in-it": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
}


def hand_in(folder, student, notebook):
    place = folder / "assignments" / "submitted" / student / "lab1"
    place.mkdir(parents=True)
    text = (
        notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).replace("SURROGATE", "\\ud800").encode()
    )
    (place / "lab1.ipynb").write_bytes(text)
    return place


def solved(folder):
    return nbformat.read(folder / "assignments" / "source" / "lab1" / "lab1.ipynb", as_version=4)


def quick(folder):
    with open(folder / "nbgrader_config.py", "a") as file:
        file.write("c.TrustedExecute.cell_seconds = 1.5\nc.TrustedExecute.question_seconds = 1.0\n")


@pytest.fixture(scope="module")
def graded(released, tmp_path_factory, sandbox_works):
    folder = tmp_path_factory.mktemp("class") / "course"
    shutil.copytree(released, folder)
    quick(folder)
    for student, (change, _, _) in CLASS.items():
        notebook = solved(folder)
        change(notebook)
        hand_in(folder, student, notebook)
    for student, content in FILES.items():
        hand_in(folder, student, content)
    shutil.copytree(folder / "assignments" / "release" / "lab1", folder / "assignments/submitted/untouched/lab1")
    (folder / "assignments/submitted/no-notebook/lab1").mkdir(parents=True)
    odd = hand_in(folder, "odd-files", solved(folder))
    (odd / "report.md").mkdir()
    (odd / "report.md" / "lab1.ipynb").touch()
    (odd / "data").mkdir()
    (odd / "data" / "numbers.csv").write_text("1,2\n")
    (odd / "timestamp.txt").write_text("the day before yesterday \0 \u202e 99999999999999999999")
    (folder / "assignments/submitted/a-folder/lab1/lab1.ipynb").mkdir(parents=True)
    (folder / "assignments/submitted/a-folder/lab1/lab1.ipynb/x.py").touch()
    hand_in(folder, "[odd]*name", solved(folder))
    hand_in(folder, os.fsdecode(b"not-utf8-\xff"), solved(folder))
    (folder / "assignments/submitted/linked-folder").mkdir()
    (folder / "assignments/submitted/linked-folder/lab1").symlink_to(folder / "assignments/submitted/right/lab1")
    stamped = hand_in(folder, "endless-timestamp", solved(folder)) / "timestamp.txt"
    with open(stamped, "wb") as file:
        file.truncate(2**36)
    linked = hand_in(folder, "linked-notebook", b"") / "lab1.ipynb"
    linked.unlink()
    linked.symlink_to(folder / "assignments/source/lab1/lab1.ipynb")
    link = hand_in(folder, "link", solved(folder))
    (link / "secret.txt").symlink_to(folder / "course_secret")
    (link / "everything").symlink_to(folder)
    os.mkfifo(link / "pipe")
    handed_in = [path for path in (folder / "assignments/submitted").rglob("*") if path.is_file() and path != stamped]
    before = {path: path.read_bytes() for path in handed_in}
    command = [PROGRAM, "grade", "lab1", "--course", folder, "--json", folder / "out.json", "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True)
    records = {record["student"]: record for record in json.loads((folder / "out.json").read_text())}
    return folder, done, records, before


def test_the_command_ends_with_a_summary_and_says_that_something_is_flagged(graded):
    _, done, records, _ = graded
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert f"{len(records)} graded" in done.stdout


@pytest.mark.parametrize("student", CLASS)
def test_each_gets_what_the_honest_cells_earn(graded, student):
    _, points, flagged = CLASS[student]
    record = graded[2][student]
    assert record["points"] == points, (record["message"], [item for item in record["items"] if not item["passed"]])
    if flagged is not None:
        assert record["status"] == ("flagged" if flagged else "graded"), record["message"]
    assert bool(record["message"]) == (record["status"] == "flagged")


@pytest.mark.parametrize("student", [*FILES, "no-notebook", "a-folder", "linked-notebook", "linked-folder"])
def test_what_cannot_be_read_scores_nothing_and_is_flagged(graded, student):
    record = graded[2][student]
    assert record["points"] == 0
    if student != "nothing-in-it":
        assert record["status"] == "flagged" and "hand" in record["message"].lower()


def test_an_untouched_notebook_scores_nothing(graded):
    record = graded[2]["untouched"]
    assert (record["points"], record["status"]) == (0, "graded")
    assert not any(item["passed"] for item in record["items"])


def test_links_are_not_followed_and_are_flagged(graded):
    folder, _, records, _ = graded
    assert records["link"]["status"] == "flagged" and "secret.txt" in records["link"]["message"]
    assert not (folder / "assignments/autograded/link/lab1/secret.txt").exists()


def test_odd_files_and_names_cost_nothing(graded):
    folder, _, records, _ = graded
    for student in ("odd-files", "[odd]*name", "endless-timestamp"):
        assert records[student]["points"] == 35, records[student]["message"]
        assert ("whether this was late is not known" in records[student]["message"]) == (student != "[odd]*name")
    kept = folder / "assignments/autograded/odd-files/lab1"
    assert (kept / "data" / "numbers.csv").read_text() == "1,2\n" and (kept / "report.md").is_file()


def test_what_cannot_be_saved_is_flagged_and_stops_nobody(graded):
    record = graded[2][NO_TEXT]
    assert record["status"] == "flagged" and "could not be saved" in record["message"]


def test_the_report_has_the_promised_keys(graded):
    for record in graded[2].values():
        assert {"student", "assignment", "status", "points", "max_points", "isolation", "seconds", "items"} <= set(
            record
        )
        assert (record["assignment"], record["max_points"], record["isolation"]) == ("lab1", 35, "bubblewrap")
        assert record["points"] == pytest.approx(sum(item["points"] for item in record["items"]))
        for item in record["items"]:
            assert set(item) == {"check", "title", "points", "max_points", "passed", "message", "example"}
            assert item["points"] == (item["max_points"] if item["passed"] else 0)
            assert bool(item["message"]) != item["passed"]


def test_the_gradebook_holds_what_the_report_says(graded):
    folder, _, records, _ = graded
    stored = scores(folder)
    # One has a name that no database takes.
    assert set(records) - set(stored) == {NO_TEXT} and set(stored) <= set(records)
    for student, record in ((student, records[student]) for student in stored):
        automatic = {name: score for name, (score, _) in stored[student].items() if name != "discussion"}
        for name, score in automatic.items():
            assert score == pytest.approx(sum(item["points"] for item in record["items"] if item["check"] == name))
        if record["status"] == "flagged":
            assert all(needs for _, needs in stored[student].values())


def test_what_was_handed_in_is_never_changed(graded):
    assert all(path.read_bytes() == content for path, content in graded[3].items())


def test_every_student_has_a_feedback_page_with_the_table(graded):
    folder, done, records, _ = graded
    for student, record in records.items():
        if student == NO_TEXT:
            # No gradebook takes its name, so it has no page, and the summary says so.
            assert f"The feedback page of {student} was not made" in done.stdout
            continue
        page = (folder / "assignments/feedback" / student / "lab1" / "lab1.html").read_text()
        assert "What to do next" in page
        assert f"Automatic points: {record['points']:g} of 35." in page


def test_no_process_is_left(graded):
    import psutil

    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert ["sleep", "1234"] not in lines


def test_plain_nbgrader_stores_the_same(graded, released, tmp_path):
    folder, _, records, _ = graded
    plain = tmp_path / "plain"
    shutil.copytree(released, plain)
    quick(plain)
    shutil.copy(folder / "course_secret", plain / "course_secret")
    students = [
        "right",
        "duplicated-ids",
        "edited-checks",
        "loops-when-asked",
        "untouched",
        "surrogate",
        "exits",
        "link",
        "linked-notebook",
        "linked-folder",
    ]
    for student in students:
        place = plain / "assignments/submitted" / student / "lab1"
        if student == "linked-folder":
            place.parent.mkdir()
            place.symlink_to(plain / "assignments/submitted/right/lab1")
            continue
        place.mkdir(parents=True)
        submitted = folder / "assignments/submitted" / student / "lab1/lab1.ipynb"
        if submitted.is_symlink():
            (place / "lab1.ipynb").symlink_to(plain / "assignments/source/lab1/lab1.ipynb")
        else:
            shutil.copy(submitted, place)
        if student == "link":
            (place / "secret.txt").symlink_to(plain / "course_secret")
            (place / "everything").symlink_to(plain)
    environment = os.environ | {"PATH": f"{NBGRADER.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([NBGRADER, "autograde", "lab1"], cwd=plain, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    left = {path.name for path in (plain / "assignments/autograded").rglob("*")}
    assert not left & {"secret.txt", "everything", "course_secret", "gradebook.db"}
    ours, theirs = scores(folder), scores(plain)
    assert {student: ours[student] for student in students} == theirs
    for student in students:
        left, right = (
            nbformat.read(root / "assignments/autograded" / student / "lab1/lab1.ipynb", as_version=4)
            for root in (folder, plain)
        )
        assert [cell.source for cell in left.cells] == [cell.source for cell in right.cells]
        points = [
            [out["data"] for cell in nb.cells if cell.cell_type == "code" for out in cell.outputs if "data" in out]
            for nb in (left, right)
        ]
        # The measured speed is the one thing that two runs need not agree on to the last digit.
        assert [{**data, "text/html": ""} for data in points[0]] == [{**data, "text/html": ""} for data in points[1]]


def test_grading_again_gives_the_same_and_keeps_what_a_person_entered(graded):
    folder, _, records, _ = graded
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("discussion", "lab1", "lab1", "right")
        grade.manual_score = 8.5
        gradebook.find_comment("discussion", "lab1", "lab1", "right").manual_comment = "Well said."
        gradebook.db.commit()
    command = [PROGRAM, "grade", "lab1", "--course", folder, "--student", "right", "--json", folder / "again.json"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    (again,) = json.loads((folder / "again.json").read_text())
    assert [i["passed"] for i in again["items"]] == [i["passed"] for i in records["right"]["items"]]
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        assert gradebook.find_grade("discussion", "lab1", "lab1", "right").score == 8.5
        assert gradebook.find_comment("discussion", "lab1", "lab1", "right").comment == "Well said."


def test_what_was_graded_is_not_graded_again(graded):
    folder, _, records, _ = graded
    command = [PROGRAM, "grade", "lab1", "--course", folder, "--no-feedback", "--json", folder / "third.json"]
    place = folder / "assignments/submitted/borrows/lab1/lab1.ipynb"
    content = place.read_bytes()
    try:
        place.write_bytes(content.replace(b"keras.ops.reshape(h, (-1,)).numpy()", b"h.reshape(-1)"))
        done = subprocess.run(command, capture_output=True, text=True)
    finally:
        place.write_bytes(content)
    # One was changed, and one could not be stored.
    assert f"{len(records) - 2} as before" in done.stdout, done.stdout
    again = {record["student"]: record for record in json.loads((folder / "third.json").read_text())}
    assert again.pop("borrows")["points"] == 35
    del again[NO_TEXT]
    for student, record in again.items():
        assert {**record, "seconds": 0} == {**records[student], "seconds": 0} or student in ("raises", "right")
    stored = scores(folder)
    assert all(score is not None for one in stored.values() for name, (score, _) in one.items() if name != "discussion")


def test_who_wants_it_graded_anew_gets_it(graded):
    folder, *_ = graded
    command = [PROGRAM, "grade", "lab1", "--course", folder, "--no-feedback", "--student", "untouched"]
    assert "as before" in subprocess.run(command, capture_output=True, text=True).stdout
    assert "as before" not in subprocess.run([*command, "--force"], capture_output=True, text=True).stdout


@pytest.fixture
def small_class(course, sandbox_works):
    """A fresh class of right, wrong and late answers."""
    quick(course)
    for number in range(6):
        notebook = solved(course)
        CLASS["borrows" if number % 3 == 2 else "right"][0](notebook)
        hand_in(course, f"student-{number}", notebook)
    return course


GRADE = [PROGRAM, "grade", "lab1", "--no-feedback", "--seed", "3"]


def test_a_run_that_is_stopped_ends_at_once_and_the_next_goes_on(small_class):
    endless = solved(small_class)
    endless.cells.append(new_code_cell("while True: pass"))
    loop = hand_in(small_class, "student-2-loops", endless)
    with open(small_class / "nbgrader_config.py", "a") as file:
        file.write("c.TrustedExecute.cell_seconds = 600.0\nc.TrustedExecute.total_seconds = 600.0\n")
    autograded = small_class / "assignments" / "autograded"
    with running([*GRADE, "--course", small_class, "--workers", "1"]) as process:
        deadline = time.monotonic() + 400
        # Two race for the one sandbox, so the third may wait for the one that loops.
        while time.monotonic() < deadline and len(list(autograded.glob("*/lab1"))) < 2:
            time.sleep(0.2)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        # Well before the cell that loops is given up.
        said, _ = process.communicate(timeout=300)
    assert "Stopped. What was graded so far is saved." in said and "Traceback" not in said
    assert process.returncode == 130, said
    shutil.rmtree(loop.parent)
    before = len(list(autograded.glob("*/lab1")))
    done = subprocess.run([*GRADE, "--course", small_class], capture_output=True, text=True)
    assert done.returncode == 0 and before >= 2 and f"{before} as before" in done.stdout
    assert sorted(path.name for path in autograded.iterdir()) == [f"student-{k}" for k in range(6)]


@pytest.mark.parametrize("kills", [1, pytest.param(40, marks=pytest.mark.long)])
def test_a_run_that_is_killed_at_any_moment_loses_nothing(small_class, tmp_path, kills):
    whole = tmp_path / "whole"
    shutil.copytree(small_class, whole)
    start = time.monotonic()
    assert subprocess.run([*GRADE, "--course", whole], capture_output=True).returncode == 0
    seconds = time.monotonic() - start
    moment = random.Random(20261121)
    for number in range(kills):
        # Last week's points must not outlive a regrade that is killed.
        notebook = solved(small_class)
        if number % 2 == 1:
            CLASS["borrows"][0](notebook)
        hand_in_again(small_class, "student-0", notebook)
        process = subprocess.Popen(
            [*GRADE, "--course", small_class], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(seconds * moment.uniform(0.4, 0.9))
        process.kill()
        process.wait()
        for points in scores(small_class).values():
            told = {score for name, (score, _) in points.items() if name != "discussion"}
            # All of a verdict or nothing of it, and what is missing is marked.
            assert None not in told or told == {None}
            assert told != {None} or all(needs for name, (_, needs) in points.items() if name != "discussion")
    hand_in_again(small_class, "student-0", solved(small_class))
    assert subprocess.run([*GRADE, "--course", small_class], capture_output=True).returncode == 0
    assert scores(small_class) == scores(whole)
    for student in (f"student-{k}" for k in range(6)):
        left, right = (
            nbformat.read(root / "assignments/autograded" / student / "lab1/lab1.ipynb", as_version=4)
            for root in (small_class, whole)
        )
        assert [cell.source for cell in left.cells] == [cell.source for cell in right.cells]
    assert not list((small_class / "assignments/autograded").glob("*/.*"))


def test_a_timestamp_is_a_date_and_no_large_file(course):
    folder, lab = open_course(course), get_lab("lab1")
    saver = Saver(folder, lab, released_roles(folder, lab), "")
    verdict = unreadable(lab, "Hand in something.", "bubblewrap")
    date = datetime.datetime(2026, 11, 21, 9, 41)
    for student, stamp, when in (("ada", b"2026-11-21 09:41:32 UTC", date), ("bob", b"1." * 10**7, None)):
        (hand_in(course, student, b"") / "timestamp.txt").write_bytes(stamp)
        start = time.process_time()
        saver.save(Graded(student, verdict))
        assert time.process_time() - start < 10
        with Gradebook(folder.gradebook) as gradebook:
            stored = gradebook.find_submission("lab1", student).timestamp
            assert (stored and stored.replace(second=0)) == when
        assert (folder.step("autograded", student, "lab1") / "timestamp.txt").is_file() == (when is not None)
    saver.close()


def test_a_second_grading_reopens_only_what_a_person_has_not_seen(course):
    folder, lab = open_course(course), get_lab("lab1")
    saver = Saver(folder, lab, released_roles(folder, lab), "")
    verdict = unreadable(lab, "A person must look.", "bubblewrap")
    notebook = solved(course)
    place = hand_in(course, "ada", b"") / "lab1.ipynb"
    everything = {"discussion", *(check.grade_id for check in lab.checks)}

    def grade_again(text, verdict=verdict):
        find(notebook, "discussion").source = text
        place.write_text(nbformat.writes(notebook))
        saver.save(Graded("ada", verdict))
        return {name for name, (_, needs) in scores(course)["ada"].items() if needs}

    assert grade_again("An answer.") == everything
    with Gradebook(folder.gradebook) as gradebook:
        for grade in gradebook.find_submission_notebook("lab1", "lab1", "ada").grades:
            grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    assert grade_again("An answer.") == set()
    assert grade_again("Another answer.") == {"discussion"}
    # A new reason to look opens everything.
    assert grade_again("Another answer.", replace(verdict, flags=[*verdict.flags, "And another."])) == everything
    saver.close()


def test_a_forced_grading_takes_no_grade_back_before_the_new_one_is_there(small_class):
    assert subprocess.run([*GRADE, "--course", small_class], capture_output=True).returncode == 0
    before = scores(small_class)
    changed = solved(small_class)
    extra("1 + 1")(changed)
    hand_in_again(small_class, "student-1", changed)
    seen = []

    class Stops:
        isolation = "bubblewrap"

        def grade(self, students, read, conditions, started):
            seen.append(scores(small_class))
            raise KeyboardInterrupt
            yield

    with pytest.raises(KeyboardInterrupt):
        list(grade_all(open_course(small_class), get_lab("lab1"), list(before), Stops(), seed=3, force=True))
    (during,) = seen
    assert {student for student in before if during[student] != before[student]} == {"student-1"}


def hand_in_again(folder, student, notebook):
    (folder / "assignments/submitted" / student / "lab1/lab1.ipynb").write_text(nbformat.writes(notebook))


def test_an_emptied_submission_loses_last_week_s_points(graded):
    folder, *_ = graded
    place = folder / "assignments/submitted/raises/lab1/lab1.ipynb"
    content = place.read_bytes()
    try:
        place.write_bytes(b"")
        command = [PROGRAM, "grade", "lab1", "--course", folder, "--student", "raises"]
        assert subprocess.run(command, capture_output=True).returncode == 2
        assert {score for name, (score, _) in scores(folder)["raises"].items() if name != "discussion"} == {0.0}
    finally:
        place.write_bytes(content)
