"""The course's answers to the questions of a lab, kept beside its secret: a class is asked the same another day."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import inspect
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib

from autograder import reference, rubric
from autograder.rubric import Lab

#: Packages whose versions the answers depend on.
PACKAGES = ("keras", "tensorflow", "numpy", "scipy")


def place(course: Path, lab: Lab) -> Path:
    """Return where the answers to a lab are, or would be. They depend on the secret, so they are as secret."""
    return course / f".course_answers-{lab.name}"


def read(course: Path, lab: Lab) -> dict[bytes, Any]:
    """Return the answers that still hold: none where the course's code or its packages have changed since.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    lab : Lab

    Returns
    -------
    dict of bytes to object
        By their questions, as `student.Remembering` knows them.
    """
    # Whatever is wrong with the file, answers can be asked again.
    with contextlib.suppress(Exception):
        kept = joblib.load(place(course, lab))
        if kept["conditions"] == _conditions(lab):
            return kept["known"]
    return {}


def write(course: Path, lab: Lab, known: Mapping[bytes, Any]) -> None:
    """Keep answers for the next time; where they cannot be kept, that only costs time."""
    with contextlib.suppress(OSError):
        handle, beside = tempfile.mkstemp(prefix=f"{place(course, lab).name}-", dir=course)
        try:
            with os.fdopen(handle, "wb") as file:
                joblib.dump({"conditions": _conditions(lab), "known": dict(known)}, file)
            os.replace(beside, place(course, lab))
        except BaseException:
            os.unlink(beside)
            raise


def _conditions(lab: Lab) -> str:
    modules = [rubric, reference, importlib.import_module(f"autograder.mutants.{lab.name}")]
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return joblib.hash(([inspect.getsource(module) for module in modules], versions, sys.version))
