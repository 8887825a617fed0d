"""Feedback comes by itself soon after a file, for one submission of a student at a time, and a kill loses nothing."""

import datetime
import inspect
import random
import shutil
import signal
import sqlite3
import threading
import time

import nbformat
import pytest

from autograder import cli
from autograder.errors import UserError
from autograder.gradebook import append_log
from autograder.gradebook.course_folder import open_course
from autograder.grading.executors import LocalExecutor
from autograder.grading.watch import PER_DAY, QUIET, WATCHED, Waiting, gradings, watch
from autograder.labs import get_lab
from tests.conftest import PROGRAM, ROOT, running, scores, until

LAB = get_lab("lab1")
FLATTEN = "check_flatten_layer"


def put(course, student, right=True):
    notebook = nbformat.read(course / "assignments/source/lab1/lab1.ipynb", as_version=4)
    if not right:
        cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "flatten_layer")
        cell.source = cell.source.replace("return h.flatten()", "return h.flatten() + 1")
    place = course / "assignments/submitted" / student / "lab1"
    place.mkdir(parents=True, exist_ok=True)
    # On a busy machine half a file may lie still long enough to be graded.
    part = course / "lab1.ipynb"
    nbformat.write(notebook, part)
    part.replace(place / "lab1.ipynb")
    return place


def counted(course):
    """Return how often each was graded, on whichever day: a test may run across midnight."""
    today = datetime.datetime.now(datetime.UTC).date()
    return gradings(course, "lab1", today - datetime.timedelta(days=1)) + gradings(course, "lab1", today)


def page(course, student):
    return course / "assignments/feedback" / student / "lab1/lab1.html"


@pytest.fixture
def watched(course, bare_sandbox, sandbox):
    """A function that watches in the background: it returns what happened so far, and how to stop it."""
    stop = threading.Event()
    threads = []

    def begin(per_day=20):
        stop.clear()
        events = []
        opened = open_course(course)
        executor = LocalExecutor(opened.root, LAB, [bare_sandbox], sandbox)
        threads.append(threading.Thread(target=lambda: events.extend(watch(opened, LAB, executor, per_day, stop))))
        threads[-1].start()
        return events

    def end():
        stop.set()
        threads[-1].join(300)
        assert not threads[-1].is_alive()

    yield begin, end
    if threads and threads[-1].is_alive():
        end()


def test_a_file_that_appears_is_graded_and_gets_its_page_up_to_the_limit(course, watched, monkeypatch):
    begin, end = watched
    # The day does not change meanwhile: what is counted on another one is a test of its own.
    monkeypatch.setattr("autograder.grading.watch.gradings", lambda root, lab, day: counted(root))
    put(course, "early", right=False)
    events = begin(per_day=2)
    until(lambda: len(events) == 1)
    assert events[0].student == "early" and page(course, "early").is_file()
    put(course, "ada")
    until(lambda: len(events) == 2)
    assert (events[1].student, events[1].graded.verdict.points, events[1].problem) == ("ada", LAB.points, "")
    assert f"{LAB.points:g} of {LAB.points:g}" in page(course, "ada").read_text()
    lost = put(course, "ada", right=False)
    until(lambda: len(events) == 3)
    assert scores(course)["ada"][FLATTEN][0] < LAB.check(FLATTEN).points
    # The third of a day waits, and is told once, whatever else comes.
    put(course, "ada")
    until(lambda: len(events) == 4)
    (lost / "more.txt").write_text("x")
    time.sleep(3 * QUIET)
    assert len(events) == 4 and "was graded 2 times on" in events[3].problem and events[3].graded is None
    end()
    assert counted(course) == {"early": 1, "ada": 2}
    # Whoever begins again takes what holds as it is; where the page is missing it is written.
    page(course, "early").unlink()
    events = begin(per_day=2)
    until(lambda: len(events) == 2 and page(course, "early").is_file())
    end()
    assert {event.student: event.graded and event.graded.kept for event in events} == {"early": True, "ada": None}
    assert counted(course) == {"early": 1, "ada": 2}


def test_a_kill_loses_nothing_and_doubles_nothing(course, sandbox_works):
    command = [PROGRAM, "watch", "lab1", "--course", course]
    with running(command) as process:
        assert "Watching" in process.stdout.readline()
        put(course, "ada")
        until(lambda: (course / WATCHED).exists())
        process.send_signal(signal.SIGKILL)
    put(course, "bob", right=False)
    with open(course / WATCHED, "ab") as file:
        file.write(b'{"lab": "lab1", "stu')
    with running(command) as process:
        said = "".join(process.stdout.readline() for _ in range(3))
        assert page(course, "ada").is_file() and page(course, "bob").is_file()
        with pytest.raises(UserError, match="Another watch is at work"):
            next(watch(open_course(course), LAB, None))
        process.send_signal(signal.SIGINT)
        said += process.communicate(timeout=300)[0]
    assert "ada: 35 of 35, as before" in said and "bob: 33.25 of 35" in said and "Stopped." in said
    assert "Traceback" not in said
    assert counted(course) == {"ada": 1, "bob": 1}
    points = {name: one[FLATTEN][0] for name, one in scores(course).items()}
    assert points["ada"] == LAB.check(FLATTEN).points > points["bob"]


@pytest.mark.parametrize("kills", [pytest.param(1, id="one"), pytest.param(50, id="fifty", marks=pytest.mark.long)])
def test_kills_at_random_moments_lose_and_double_nothing(course, sandbox_works, kills):
    students = ("ada", "bob", "cleo")
    command = [PROGRAM, "watch", "lab1", "--per-day", "1000", "--course", course]
    handed_in = dict.fromkeys(students, 0)
    right = dict.fromkeys(students, True)

    def change(student):
        handed_in[student] += 1
        right[student] = handed_in[student] % 2 == 1
        put(course, student, right[student])

    def ready():
        """Return whether each page shows the points of what was handed in last."""
        points = {True: f"{LAB.points:g} of", False: "33.25 of"}
        return all(
            page(course, one).is_file()
            and f"Automatic points: {points[right[one]]}" in page(course, one).read_text()
            and (course / "assignments/autograded" / one / "lab1/lab1.ipynb").is_file()
            for one in students
        )

    for student in students:
        change(student)
    start = time.monotonic()
    with running(command):
        until(ready)
        whole = time.monotonic() - start
    chance = random.Random(7)
    for number in range(kills):
        for student in chance.sample(students, 2):
            change(student)
        with running(command):
            time.sleep(whole * chance.uniform(0.3, 1))
        for student, points in scores(course).items():
            told = {score for name, (score, _) in points.items() if name != "discussion"}
            # All of a verdict or nothing of it, and what is missing is marked.
            assert None not in told or told == {None}, student
        for one in (course / "assignments/feedback").glob("*/lab1/lab1.html"):
            assert one.read_text().rstrip().endswith("</html>")
        if number == kills - 1 or chance.random() < 0.2:
            with running(command):
                until(ready)
            assert {name: one[FLATTEN][0] == LAB.check(FLATTEN).points for name, one in scores(course).items()} == right
    noted = counted(course)
    assert set(noted) == set(students) and all(noted[one] <= handed_in[one] for one in students)
    assert not list((course / "assignments").glob("*/*/.*"))


def test_what_is_wrong_with_the_course_is_told_and_the_watch_goes_on(course, watched, monkeypatch):
    begin, _ = watched
    monkeypatch.setattr("autograder.grading.watch.RETRY", 0.5)
    (course / "deadlines.csv").write_text("lab,student,due\nlab1,,tomorrow\n")
    events = begin()
    put(course, "ada")
    until(lambda: len(events) == 1)
    assert "'tomorrow' is no date" in events[0].problem and not page(course, "ada").exists()
    # Once it is right, nobody has to hand in again.
    (course / "deadlines.csv").unlink()
    until(lambda: len(events) == 2)
    assert events[1].problem == "" and events[1].graded.kept and page(course, "ada").is_file()
    # Another program, such as formgrader, holds the gradebook for a while.
    with sqlite3.connect(course / "gradebook.db") as held:
        held.execute("BEGIN EXCLUSIVE")
        put(course, "cleo")
        until(lambda: len(events) == 3)
        assert "gradebook" in events[2].problem and "It is tried again." in events[2].problem
    until(lambda: events[-1].graded is not None)
    assert (events[-1].student, events[-1].problem) == ("cleo", "") and page(course, "cleo").is_file()
    assert counted(course) == {"ada": 1, "cleo": 1}


def test_files_that_still_change_wait(tmp_path):
    waiting = Waiting(tmp_path, "lab1")
    place = tmp_path / "ada" / "lab1"
    place.mkdir(parents=True)
    waiting.look(["ada"], 0.0)
    assert waiting.still(10.0) == []
    (place / "lab1.ipynb").write_text("half")
    waiting.look(["ada"], 10.0)
    (place / "lab1.ipynb").write_text("the whole")
    waiting.look(["ada"], 10.5)
    assert waiting.still(10.5 + QUIET / 2) == [] and waiting.still(10.51 + QUIET) == ["ada"]
    waiting.graded("ada")
    waiting.look(["ada"], 20.0)
    assert waiting.still(30.0) == []
    shutil.rmtree(tmp_path / "ada")
    waiting.look(["ada"], 40.0)
    assert waiting.still(50.0) == [] and waiting.everybody() == []


def test_the_limit_of_the_command_is_that_of_the_watch_and_of_the_page():
    assert inspect.signature(cli.watch).parameters["per_day"].default == PER_DAY
    assert f"and {PER_DAY} in a day" in (ROOT / "book/instructors/semester.md").read_text()


def test_whose_a_path_is(tmp_path):
    waiting = Waiting(tmp_path, "lab1")
    for path, student in (
        ("ada/lab1/lab1.ipynb", "ada"),
        ("ada/lab1", "ada"),
        ("ada", "ada"),
        ("ada/lab2/lab2.ipynb", None),
        ("ada/.lab1.new/lab1.ipynb", None),
        (".collect.lock", None),
        ("", None),
    ):
        assert waiting.whose(str(tmp_path / path)) == student
    assert waiting.whose("/elsewhere/ada/lab1") is None


def test_the_log_counts_days_and_labs_apart_and_a_folder_in_its_place_is_a_sentence(tmp_path):
    with append_log.opened(tmp_path / WATCHED) as (file, _):
        append_log.append(file, [{"lab": "lab1", "student": "ada"}, {"lab": "lab2", "student": "ada"}])
        file.write(b'[1]\n{"lab": "lab1", "student": "bob", "when": "2026-01-01T00:00:00+00:00"}\n')
    assert gradings(tmp_path, "lab1", datetime.date(2026, 1, 1)) == {"bob": 1}
    assert counted(tmp_path) == {"ada": 1}
    (tmp_path / WATCHED).unlink()
    (tmp_path / WATCHED).mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        gradings(tmp_path, "lab1", datetime.date(2026, 1, 1))
