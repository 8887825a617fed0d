"""What many tests share: warm sandboxes, a course folder with lab 1 released, and the site."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

# As in the labs and in the sandbox, before NumPy is imported: on a busy machine a second thread of OpenBLAS stalls the
# first, and a vectorized answer then looks slow.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import pytest
from hypothesis import settings

from source_lib.tensorflow_settings import ONE_THREAD, quiet_tensorflow

os.environ |= ONE_THREAD
quiet_tensorflow()
# jsonschema imports a check of web addresses where it finds one, for seconds, and no notebook needs it.
sys.modules.setdefault("rfc3987_syntax", None)

# The same examples each time, here as under CI: no test fails by chance. The long form of some draws others.
settings.register_profile("course", derandomize=True, database=None, deadline=None)
settings.load_profile("course")

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.executable).with_name("cnn-course")
#: The secret of the tests' course, whose answers are known: a test that grades with another seed waits for them.
SEED = 3
#: What takes longest, so that no worker is left alone with it at the end. Of those that need the site only the first,
#: which builds it.
FIRST = [
    *(
        "book/test_pages",
        "labs/test_labs",
        "test_demo",
        "test_pipeline",
        "test_hostile",
        "test_new_lab",
        "test_mutation",
    ),
    *("test_dask_executor", "test_forbidden_use", "test_reasons", "test_lab1", "test_grade", "test_lab3"),
    *("test_lab2", "test_experiments", "test_lab0", "test_fairness", "test_retrain", "test_pool", "test_cli"),
]


def until(condition, seconds=300):
    """Wait for a condition, and return how long that took, in seconds; an error where it does not come true."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds
        time.sleep(0.01)
    return time.monotonic() - start


def _turn(item):
    path = str(item.path.with_suffix(""))
    return next((turn for turn, name in enumerate(FIRST) if path.endswith(f"/{name}")), len(FIRST))


def pytest_collection_modifyitems(items):
    items.sort(key=_turn)


def without_npm():
    """Return an environment whose path leads to the interpreter only, so that no build reaches for the network."""
    return os.environ | {"PATH": str(Path(sys.executable).parent)}


@pytest.fixture(scope="session")
def sandbox_works():
    """Skip where there is no sandbox, saying why; under CI fail, for that would hide everything that matters."""
    from autograder.sandbox.launch import probe

    reason = probe()
    if reason is not None and os.environ.get("CI"):
        pytest.fail(f"CI needs the sandbox: {reason}")
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def sandbox(sandbox_works):
    """One warm sandbox for the whole session."""
    from autograder.sandbox.pool import Sandbox

    with Sandbox() as warm:
        warm.wait()
        yield warm


@pytest.fixture(scope="session")
def bare_sandbox(sandbox_works):
    """One warm sandbox in which the packages that lab 1 is about are only stand-ins: where submissions run."""
    from autograder.labs import get_lab
    from autograder.sandbox.pool import Sandbox

    with Sandbox(**get_lab("lab1").packages) as warm:
        warm.wait()
        yield warm


def scores(course, lab="lab1"):
    """Return what the gradebook holds: by student and cell, the automatic score and whether a person must look."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        return {
            submission.student.id: {
                grade.name: (grade.auto_score, grade.needs_manual_grade)
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in gradebook.assignment_submissions(lab)
        }


@contextlib.contextmanager
def running(command, stderr=subprocess.STDOUT, **more):
    """Run a command until the ``with`` block is left; whatever goes wrong in it, nothing is left to wait for."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        # Where the tests run in the background, a shell has told all of them to ignore this signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **more,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def shared(tmp_path_factory, name):
    """Lend a folder that all processes of a run share, to one at a time: who finds it empty fills it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    folder.mkdir(exist_ok=True)
    with open(folder.with_name(f"{name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """A course folder in which lab 1 is released and the secret is `SEED`; tests copy it.

    The course's answers to its questions are known in it, as after a first grading: else each grading of these tests
    would warm up a sandbox with Keras to ask for them.
    """
    with shared(tmp_path_factory, "released") as folder:
        if not (folder / "course_secret").exists():
            (folder / "assignments").mkdir()
            shutil.copy(ROOT / "nbgrader_config.py", folder)
            shutil.copytree(ROOT / "assignments" / "lab1", folder / "assignments" / "lab1")
            subprocess.run([PROGRAM, "release", "lab1", "--course", folder], check=True, capture_output=True)
            _learn_answers(folder)
            (folder / "course_secret").write_text(f"{SEED}\n")
    return folder


def _learn_answers(course):
    """Grade the solution and the untouched notebook in a copy of a course, and keep the course's answers to both."""
    from autograder.sandbox.launch import probe

    if probe() is not None:
        return
    copy = course.with_name("learns")
    shutil.copytree(course, copy)
    for student, step in (("right", "source"), ("untouched", "release")):
        shutil.copytree(copy / "assignments" / step / "lab1", copy / "assignments" / "submitted" / student / "lab1")
    grade = [PROGRAM, "grade", "lab1", "--no-feedback", "--seed", str(SEED), "--course", copy]
    subprocess.run(grade, check=True, capture_output=True)
    shutil.copy(copy / ".course_answers-lab1", course)


@pytest.fixture
def course(released, tmp_path):
    """A fresh course folder with lab 1 released and nothing handed in."""
    folder = tmp_path / "course"
    shutil.copytree(released, folder)
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The whole site, built as `make book` builds it, into a folder of its own.

    Where tests run in parallel, the first to need it builds it, and the others wait.
    """
    with shared(tmp_path_factory, "site") as output:
        complaints = output / "complaints"
        if not complaints.exists():
            command = [sys.executable, ROOT / "book" / "build.py", "--output", output]
            done = subprocess.run(command, env=without_npm(), capture_output=True, text=True, timeout=900)
            failed = done.returncode or str(output / "html" / "index.html") not in done.stdout
            complaints.write_text(done.stdout + done.stderr if failed else "")
    assert not complaints.read_text(), complaints.read_text()
    return output / "html"


@pytest.fixture(scope="module")
def chromium():
    """Chromium without a network: whatever is not on this machine cannot be found. None where it is not installed.

    A process can have Playwright but once at a time, and while it is there, nothing else can run an event loop.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    quiet += ["--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=quiet)
        yield opened
        opened.close()
