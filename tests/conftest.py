"""What many tests share: one warm sandbox, and one course folder with lab 1 released."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# As in the labs and in the sandbox, before NumPy is imported: on a busy machine a second thread of OpenBLAS stalls the
# first, and a vectorized answer then looks slow.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.executable).with_name("cnn-course")


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
    from autograder.rubric import get_lab
    from autograder.sandbox.pool import Sandbox

    with Sandbox(without=get_lab("lab1").forbidden) as warm:
        warm.wait()
        yield warm


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """A course folder in which lab 1 is released; tests copy it."""
    folder = tmp_path_factory.mktemp("released")
    (folder / "assignments").mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "assignments" / "lab1", folder / "assignments" / "lab1")
    subprocess.run([PROGRAM, "release", "lab1", "--course", folder], check=True, capture_output=True)
    return folder


@pytest.fixture
def course(released, tmp_path):
    """A fresh course folder with lab 1 released and nothing handed in."""
    folder = tmp_path / "course"
    shutil.copytree(released, folder)
    return folder
