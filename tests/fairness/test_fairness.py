"""Right submissions get everything, whatever way they are written and saved, and call nobody."""

import json
import shutil
import subprocess

import pytest

from autograder.gradebook.course_folder import open_course
from autograder.sandbox.pool import Sandbox
from tests.conftest import PROGRAM
from tests.fairness import corpus
from tests.fairness.submission import SUBMISSIONS, Submission, named

# nbgrader uses its database layer in a way that newer versions of that layer warn about.
pytestmark = pytest.mark.filterwarnings("ignore:Object of type <Submitted")
#: Which submissions are graded, with the questions of which seed: in the suite every third, in the long form all.
SOME = list(SUBMISSIONS)[::3]
FORMS = [
    pytest.param((SOME, 1), id="a third, seed 1"),
    *(pytest.param((list(SUBMISSIONS), seed), id=f"seed {seed}", marks=pytest.mark.long) for seed in (1, 2, 3, 4, 5)),
]


def _unflipped(notebook, folder):
    cell = named(notebook, "conv2d_layer")
    assert "::-1, ::-1" in cell.source
    cell.source = cell.source.replace("::-1, ::-1", ":, :")


#: Handed in with the others: who rejects nobody at all would reject it neither.
WRONG = Submission("wrong", "True convolution instead of cross-correlation.", _unflipped)


@pytest.fixture(scope="module")
def handed_in(released, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fairness") / "course"
    shutil.copytree(released, folder)
    return open_course(folder), corpus.hand_in(open_course(folder), [*SUBMISSIONS.values(), WRONG])


@pytest.fixture(scope="module", params=FORMS)
def rejected(request, handed_in, sandbox, bare_sandbox):
    """What is wrong with whom, after the whole class was graded at once."""
    students, seed = request.param
    course, _ = handed_in
    with Sandbox(**corpus.LAB.packages) as second:
        verdicts = corpus.graded(course, [*students, WRONG.name], [bare_sandbox, second], sandbox, seed)
    assert verdicts.keys() == {*students, WRONG.name}
    return corpus.rejected(verdicts)


def test_a_right_submission_gets_everything_and_calls_nobody(rejected):
    lost = {student: (SUBMISSIONS[student].says, why) for student, why in rejected.items() if student != WRONG.name}
    assert lost == {}


def test_a_wrong_one_among_them_does_not(rejected):
    assert "check_conv2d_layer" in rejected[WRONG.name][0]


def test_there_are_many_and_each_is_another(handed_in):
    course, students = handed_in
    assert len(SUBMISSIONS) >= 60
    solved = (course.step("source", ".", "lab1") / "lab1.ipynb").read_bytes()
    contents = {(course.step("submitted", student, "lab1") / "lab1.ipynb").read_bytes() for student in students}
    assert len(contents | {solved}) == len(students) + 1
    assert len({one.says for one in SUBMISSIONS.values()}) == len(SUBMISSIONS)


@pytest.mark.long
def test_the_command_says_the_same_and_makes_a_page_for_everybody(released, tmp_path, sandbox_works):
    folder = tmp_path / "course"
    shutil.copytree(released, folder)
    students = corpus.hand_in(open_course(folder))
    command = [PROGRAM, "grade", "lab1", "--course", folder, "--json", folder / "out.json", "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    records = json.loads((folder / "out.json").read_text())
    assert {record["student"] for record in records} == set(students)
    assert [(r["student"], r["points"], r["message"]) for r in records if (r["points"], r["message"]) != (35, "")] == []
    for student in students:
        page = (folder / "assignments" / "feedback" / student / "lab1" / "lab1.html").read_text(encoding="utf-8")
        assert "Automatic points: 35 of 35." in page, student
