"""Whatever is handed in as a notebook ends as graded or flagged, and its feedback page runs nothing of it."""

import contextlib
import random
import shutil
import time

import nbformat
import pytest
from nbconvert.exporters import NotebookExporter
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import determine_grade
from traitlets.config import Config

from autograder.checking.rubric import Item
from autograder.gradebook.course_folder import errors_only, open_course
from autograder.gradebook.released_cells import read_roles
from autograder.grading import course_oracle, grade, nbgrader_plugin
from autograder.grading.nbgrader_plugin import RestoreCells, write_verdict
from autograder.submissions.cell_run import CellRun
from autograder.submissions.cells import UnreadableNotebookError, read_notebook
from autograder.submissions.sanitize import printable
from tests.fuzz import mutator
from tests.fuzz.conftest import LAB, SEED, TIMEOUTS, Classroom, active, wrong_score, wrong_verdict


def case(number):
    return random.Random(f"{SEED} {number}")


VERDICT = grade.Verdict(
    [Item(check.grade_id, line.title, line.points, True) for check in LAB.checks for line in check.lines],
    ran={number: CellRun([{"text": "out"}], {"ename": "E", "evalue": "no"}) for number in range(0, 60, 3)},
)


@pytest.fixture(scope="module")
def roles(released):
    return read_roles(f"sqlite:///{released}/gradebook.db", "lab1", "lab1")


@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.long)])
def test_whatever_is_handed_in_is_refused_in_words_or_becomes_the_released_notebook(tiny, roles, tmp_path, tell, count):
    path, start, read = tmp_path / "lab1.ipynb", time.perf_counter(), 0
    for number in range(count):
        content = mutator.notebook(case(number), tiny)
        path.write_bytes(content)
        began = time.process_time()
        try:
            read += becomes_the_released_notebook(path, roles)
        except Exception as error:
            raise AssertionError(f"case {number} of FUZZ_SEED={SEED}, {path}: {error!r}") from error
        assert time.process_time() - began < 10, f"case {number} of FUZZ_SEED={SEED}, {path}, takes very long"
    assert read > count / 4
    tell("notebooks read, restored and written", count, start)


def becomes_the_released_notebook(path, roles):
    try:
        notebook = read_notebook(path)
    except UnreadableNotebookError as error:
        assert str(error) == printable(str(error)) and len(str(error)) < 500 and "hand" in str(error).lower()
        return False
    notebook, _ = RestoreCells().preprocess(notebook, {"nbgrader": {}, "roles": roles})
    write_verdict(notebook, LAB, VERDICT)
    nbformat.validate(notebook)
    again = nbformat.reads(nbformat.writes(notebook).encode().decode(), as_version=4)
    named = {}
    for cell in again.cells:
        if "nbgrader" in cell.metadata:
            name = cell.metadata["nbgrader"]["grade_id"]
            assert name not in named and cell.metadata["nbgrader"] == roles[name].metadata
            named[name] = cell
    for check in LAB.checks:
        cell = named[check.grade_id]
        assert cell.source == roles[check.grade_id].source
        assert determine_grade(cell) == (check.points, check.points)
    return True


@pytest.mark.parametrize("count", [12, pytest.param(1_500, marks=pytest.mark.long)])
def test_every_submission_is_graded_or_flagged_and_has_a_page_that_runs_nothing_of_it(
    classroom, tiny, elements, tell, count
):
    start = time.perf_counter()
    contents = {f"case-{number}": mutator.notebook(case(number), tiny, tear=0.15) for number in range(count)}
    paths = {student: classroom.hand_in(student, content) for student, content in contents.items()}
    classroom.hand_in("right", tiny)
    verdicts = classroom.grade([*paths, "right"])
    assert set(verdicts) == {*paths, "right"}
    assert (verdicts["right"].points, verdicts["right"].status) == (2.0, "graded")
    stored = classroom.scores()
    ours = active(elements(classroom.page("right")), "right")
    assert not any(name == "script" for name, *_ in ours)
    wrong = {}
    for student, path in paths.items():
        verdict = verdicts[student]
        wrong[student] = wrong_verdict(verdict, most=2.0) or wrong_score(verdict, stored.get(student))
        if wrong[student] is None:
            page = classroom.page(student)
            alien = active(elements(page), student) - ours
            if alien or f"Automatic points: {verdict.points:g} of 35." not in page or len(page) > 20_000_000:
                wrong[student] = f"its page of {len(page)} characters holds {alien}"
        wrong[student] = wrong[student] and f"{wrong[student]} ({path})"
    assert not any(wrong.values()), f"FUZZ_SEED={SEED}: { {k: v for k, v in wrong.items() if v} }"
    tell("notebooks graded, saved and shown", count, start)


@pytest.mark.parametrize("count", [4, pytest.param(300, marks=pytest.mark.long)])
def test_plain_nbgrader_grades_what_it_can_read_and_stores_the_same(
    classroom, released, tiny, bare_sandbox, sandbox, tmp_path, monkeypatch, tell, count
):
    start = time.perf_counter()
    plain = Classroom(open_course(shutil.copytree(released, tmp_path / "plain")), bare_sandbox, sandbox)
    # At the level of JSON alone: of torn bytes nbgrader reads nearly nothing, and says so itself.
    contents = {f"case-{number}": mutator.twisted(case(number), tiny) for number in range(count)} | {"right": tiny}
    paths = {student: plain.hand_in(student, content) for student, content in contents.items()}
    for student, content in contents.items():
        classroom.hand_in(student, content)
    classroom.grade(list(contents))
    # nbgrader makes its preprocessors anew for each notebook; they find the sandboxes here.
    monkeypatch.setitem(
        nbgrader_plugin._held,
        ("bubblewrap", "lab1"),
        (bare_sandbox, course_oracle.CourseOracle(LAB, sandbox, bare_sandbox)),
    )
    config = Config(plain.folder.config)
    config.CourseDirectory.assignment_id = "lab1"
    config.TrustedExecute = Config(
        seed=1, cell_seconds=TIMEOUTS.cell, question_seconds=TIMEOUTS.question, total_seconds=TIMEOUTS.total
    )
    with errors_only() as said, contextlib.suppress(NbGraderException):
        Autograde(coursedir=CourseDirectory(config=config), config=config).start()
    ours, theirs = classroom.scores(), plain.scores()
    wrong = {}
    for student, path in paths.items():
        if plain.folder.step("autograded", student, "lab1").is_dir():
            if theirs[student] != ours[student]:
                wrong[student] = f"{ours[student]} and not {theirs[student]} ({path})"
        elif readable(path):
            reasons = [line for line in said if "Traceback" in line]
            wrong[student] = f"it can be read and was not graded ({path}): {reasons}"
        elif any(score for score, _ in theirs.get(student, {}).values()):
            wrong[student] = f"it was not graded and has points ({path})"
    assert not wrong, f"FUZZ_SEED={SEED}: {wrong}"
    assert plain.folder.step("autograded", "right", "lab1").is_dir()
    tell("notebooks graded by plain nbgrader too", count, start)


def readable(path):
    """Whether nbconvert gets as far as the first preprocessor."""
    try:
        NotebookExporter(config=Config(Exporter={"default_preprocessors": []})).from_filename(str(path))
        return True
    except Exception:
        return False
