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
class Diagnosis:
    """One thing that was looked at: whether it is fine, and what to do where it is not.

    Attributes
    ----------
    fine : bool
    what : str
    """

    fine: bool
    what: str


def examine(course: Path) -> list[Diagnosis]:
    """Return what was found, in the order in which a person would fix it.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    """
    findings = [Diagnosis(sys.version_info >= (3, 11), f"Python {sys.version.split()[0]} (3.11 or newer is needed)")]
    missing = []
    for name in PACKAGES:
        try:
            findings.append(Diagnosis(True, f"{name} {importlib.metadata.version(name)}"))
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        advice = "install with: pip install --constraint constraints.txt '.[instructor]'"
        findings.append(Diagnosis(False, f"missing packages: {', '.join(missing)}; {advice}"))
    findings.append(_sandbox())
    if not missing:
        findings += _course(course)
    findings.append(_data())
    return findings


def _sandbox() -> Diagnosis:
    reason = probe()
    return Diagnosis(reason is None, "the bubblewrap sandbox works" if reason is None else reason)


def _course(folder: Path) -> list[Diagnosis]:
    from autograder.gradebook.course_folder import open_course

    try:
        course = open_course(folder)
    except UserError as error:
        return [Diagnosis(False, str(error))]
    findings = [Diagnosis(True, f"{course.root} is a course folder that grades in the sandbox")]
    if shutil.which("alembic") is None:
        findings.append(Diagnosis(False, "nbgrader needs the program `alembic` on the PATH: activate the environment"))
    database = course.gradebook.removeprefix("sqlite:///")
    if database != course.gradebook and not Path(database).exists():
        return [*findings, Diagnosis(True, "there is no gradebook yet; the first release makes it")]
    from nbgrader.api import Gradebook

    try:
        with Gradebook(course.gradebook) as gradebook:
            count = len(gradebook.assignments)
        findings.append(Diagnosis(True, f"the gradebook {course.gradebook} opens; labs in it: {count}"))
    except Exception as error:
        reason = str(error).splitlines()[0]
        findings.append(Diagnosis(False, f"the gradebook {course.gradebook} does not open ({reason}); restore a copy"))
    return findings


def _data() -> Diagnosis:
    from source_lib.data import DatasetError, locations, mnist

    named = os.environ.get(locations.DATA_VARIABLE)
    for folder in ([Path(named)] if named else []) + [locations.keras_cache()]:
        if (folder / "mnist.npz").exists():
            try:
                mnist.read_mnist(folder / "mnist.npz")
            except DatasetError as error:
                return Diagnosis(False, str(error))
            return Diagnosis(True, f"MNIST is in {folder}")
    return Diagnosis(True, "MNIST is not here yet; notebooks download it, or fall back to a sample that always works")
