"""An instructor knows who would gain and who would lose before anything is written, and nothing is."""

import hashlib
import shutil
import subprocess
from dataclasses import replace

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.gradebook.course_folder import open_course
from autograder.gradebook.feedback_pages import CellScore, Recorded, read_gradebook
from autograder.gradebook.item_analysis import Answered, read_verdict
from autograder.grading.changes import alike, by_line, change_of
from autograder.grading.executors import LocalExecutor
from autograder.grading.grade import Verdict
from autograder.grading.pipeline import CourseError, grade_all
from autograder.labs import get_lab
from benchmarks.semester import class_of
from tests.conftest import PROGRAM, SEED, scores

LAB = get_lab("lab1")
FLATTEN = "check_flatten_layer"


def contents(course):
    return {
        str(path.relative_to(course)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in course.rglob("*")
        if path.is_file()
    }


def put(course, student, change=lambda source: source, function="flatten_layer"):
    notebook = nbformat.read(course / "assignments/source/lab1/lab1.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == function)
    cell.source = change(cell.source)
    place = course / "assignments/submitted" / student / "lab1"
    place.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, place / "lab1.ipynb")


def wrong(source):
    return source.replace("return h.flatten()", "return h.flatten() + 1")


@pytest.fixture(scope="module")
def course(released, tmp_path_factory, bare_sandbox, sandbox):
    """Three graded: one will have corrected an answer, one broken one, one is as before; a fourth came since."""
    place = tmp_path_factory.mktemp("preview") / "course"
    shutil.copytree(released, place)
    put(place, "gains", wrong)
    put(place, "loses")
    put(place, "stays")
    opened = open_course(place)
    here = LocalExecutor(opened.root, LAB, [bare_sandbox], sandbox)
    assert len(list(grade_all(opened, LAB, ["gains", "loses", "stays"], here, seed=SEED))) == 3
    (place / "groups.csv").write_text("lab,group,student\nlab1,g,loses\nlab1,g,too\n")
    put(place, "gains")
    put(place, "loses", wrong)
    put(place, "comes")
    return place


def test_a_preview_changes_nothing_and_says_what_grading_then_does(course):
    before = contents(course)
    stored = scores(course)
    command = [PROGRAM, "grade", "lab1", "--course", course, "--seed", str(SEED)]
    done = subprocess.run([*command, "--preview"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert contents(course) == before
    said = " ".join(done.stdout.split())
    lost = sum(line.points for line in LAB.check(FLATTEN).lines) - stored["gains"][FLATTEN][0]
    whole = f"{LAB.points:g}"
    assert f"gains: {LAB.points - lost:g} → {whole} (+{lost:g})" in said
    assert f"loses and too: {whole} → {LAB.points - lost:g} (−{lost:g})" in said
    assert f"comes: no grade → {whole}" in said and "stays" not in said
    assert f"− {lost:g}".replace(" ", "") in said and "flatten_layer: " in said and "for 1 student" in said
    assert (
        "1 would gain, 1 would lose, 1 keep their automatic points, 1 have no grade yet. Nothing was written." in said
    )

    done = subprocess.run([*command, "--no-feedback"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = scores(course)
    moved = {name: after[name][FLATTEN][0] - stored[name][FLATTEN][0] for name in stored}
    assert moved == {"gains": lost, "loses": -lost, "stays": 0}


def test_without_a_secret_there_is_nothing_to_preview_and_none_is_made(course, tmp_path):
    place = shutil.copytree(course, tmp_path / "course")
    (place / "course_secret").unlink()
    opened = open_course(place)
    with pytest.raises(CourseError, match="has no course_secret yet"):
        list(grade_all(opened, LAB, ["stays"], None, seed=SEED, save=False))
    assert not (place / "course_secret").exists()


def answered(passed=True, **more):
    (one,) = class_of(LAB, 1)
    items = {key: replace(item, passed=passed, message="", **more) for key, item in one.items.items()}
    return Answered("ada", items)


def test_a_line_that_is_new_gone_or_worth_more_is_told_by_its_difference():
    before = answered()
    (first, second, third) = list(before.items)[:3]
    items = dict(before.items)
    items[first] = replace(items[first], max_points=items[first].max_points + 1)
    del items[second]
    items[third[0], "New"] = replace(items[third], title="New", max_points=0.5)
    change = change_of(LAB, "ada", before, None, Verdict(list(items.values()), ["Look."]))
    gone = before.items[second].points
    assert [(line.title, line.before, line.after) for line in change.lines] == [
        (first[1], before.items[first].points, before.items[first].points + 1),
        ("New", None, 0.5),
        (second[1], gone, None),
    ]
    assert change.difference == pytest.approx(1.5 - gone) and change.flags == ("Look.",)
    assert by_line([change, change])[0][1] == 2
    same = change_of(LAB, "ada", before, None, Verdict(list(before.items.values())))
    assert same.nothing and by_line([same]) == []


def test_those_of_whom_the_same_changes_are_told_together_who_loses_first():
    before = answered()
    (first, second) = list(before.items)[:2]

    def after(**more):
        items = dict(before.items)
        for key, points in more.items():
            name = {"first": first, "second": second}[key]
            items[name] = replace(items[name], max_points=items[name].max_points + points)
        return Verdict(list(items.values()))

    verdicts = {
        "ann": after(first=1),
        "bob": after(first=1, second=-1),
        "cy": after(second=-1),
        "dee": after(first=1),
        "eve": after(),
        "flo": after(first=2),
    }
    changes = [change_of(LAB, name, before, None, verdict) for name, verdict in verdicts.items()]
    changes.append(change_of(LAB, "new", None, None, after()))
    told = [(students, one.before is not None and one.difference) for students, one in alike(changes)]
    assert told == [(["cy"], -1), (["ann", "dee"], 1), (["flo"], 2), (["bob"], 0), (["new"], False)]


def test_what_a_person_gave_stays_and_is_said():
    after = Verdict(list(answered(passed=False).items.values()))
    given = {check.grade_id: CellScore(2.0, check.points, 2.0, False, 2.0) for check in LAB.checks[:1]}
    change = change_of(LAB, "ada", answered(), Recorded(0, 0, 0, given), after)
    assert change.by_hand == (LAB.checks[0].function,)
    assert change.after == 2.0 and change.before == pytest.approx(LAB.points - LAB.checks[0].points + 2.0)
    assert not {line.function for line in change.lines} & {LAB.checks[0].function}


def test_the_gradebook_says_what_a_person_gave(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.find_grade(FLATTEN, "lab1", "lab1", "stays").manual_score = 1.5
        gradebook.db.commit()
    opened = open_course(course)
    stays = read_gradebook(opened, LAB)["stays"]
    assert stays.scores[FLATTEN].manual == 1.5 and stays.scores[LAB.checks[0].grade_id].manual is None
    verdict = Verdict([replace(item, passed=False) for item in read_verdict(opened, LAB, "stays").items.values()])
    change = change_of(LAB, "stays", read_verdict(opened, LAB, "stays"), stays, verdict)
    assert change.after == 1.5 and "flatten_layer" in change.by_hand
