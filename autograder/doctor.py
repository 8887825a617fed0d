"""Whether everything that grading needs is here."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UserError
from autograder.sandbox.launch import probe

PACKAGES = ("nbgrader", "jupytext", "tensorflow", "keras", "numpy", "scipy", "scikit-image")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is fine, and what to do where it is not."""

    fine: bool
    what: str


def examine(course: Path) -> list[Finding]:
    """Return what was found, in the order in which a person would fix it.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    """
    findings = [Finding(sys.version_info >= (3, 11), f"Python {sys.version.split()[0]} (3.11 or newer is needed)")]
    missing = []
    for name in PACKAGES:
        try:
            findings.append(Finding(True, f"{name} {importlib.metadata.version(name)}"))
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        advice = "install with: pip install --constraint constraints.txt '.[instructor]'"
        findings.append(Finding(False, f"missing packages: {', '.join(missing)}; {advice}"))
    findings.append(_sandbox())
    if not missing:
        findings += _course(course)
    findings.append(_data())
    return findings


def _sandbox() -> Finding:
    reason = probe()
    return Finding(reason is None, "the bubblewrap sandbox works" if reason is None else reason)


def _course(folder: Path) -> list[Finding]:
    from autograder.gradebook.course_folder import open_course

    try:
        course = open_course(folder)
    except UserError as error:
        return [Finding(False, str(error))]
    findings = [Finding(True, f"{course.root} is a course folder that grades in the sandbox")]
    if shutil.which("alembic") is None:
        findings.append(Finding(False, "nbgrader needs the program `alembic` on the PATH: activate the environment"))
    database = course.gradebook.removeprefix("sqlite:///")
    if database != course.gradebook and not Path(database).exists():
        return [*findings, Finding(True, "there is no gradebook yet; the first release makes it")]
    from nbgrader.api import Gradebook

    try:
        with Gradebook(course.gradebook) as gradebook:
            count = len(gradebook.assignments)
        findings.append(Finding(True, f"the gradebook {course.gradebook} opens; labs in it: {count}"))
    except Exception as error:
        reason = str(error).splitlines()[0]
        findings.append(Finding(False, f"the gradebook {course.gradebook} does not open ({reason}); restore a copy"))
    return findings


def _data() -> Finding:
    from source_lib.data import DatasetError, locations, mnist

    named = os.environ.get(locations.DATA_VARIABLE)
    for folder in ([Path(named)] if named else []) + [locations.keras_cache()]:
        if (folder / "mnist.npz").exists():
            try:
                mnist.read_mnist(folder / "mnist.npz")
            except DatasetError as error:
                return Finding(False, str(error))
            return Finding(True, f"MNIST is in {folder}")
    return Finding(True, "MNIST is not here yet; notebooks download it, or fall back to a sample that always works")
