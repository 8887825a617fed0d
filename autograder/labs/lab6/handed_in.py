"""The masks that are handed in: read up to a size that is known, and compared with masks that no student has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checking.metrics import dice_of_images
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line
from autograder.checking.student import FLAGS, Student, StudentError, once
from autograder.labs.lab6 import images
from source_lib.data.glands import Glands
from source_lib.masks import misplaced, read_masks
from source_lib.predictions import FileProblem

Rng = np.random.Generator
#: What a file of masks may be called; of two that are there, the first counts.
FILES = ("masks.npz", "masks.png")
#: Masks that are better than this are shown to a person: two who mark glands by hand agree less.
SUSPICIOUS = 0.97


@dataclass(frozen=True)
class _Read:
    """A file of masks: what it holds, or what is wrong with it."""

    name: str
    masks: np.ndarray | None
    problem: FileProblem | None


@once
def _read(student: Student) -> _Read | None:
    """Return what the file of masks holds, None where there is none."""
    name = next((name for name in FILES if name in student.files), None)
    if name is None:
        return None
    try:
        found = student.read(name, read_masks, images.SHAPE, _count(student), name)
    except StudentError as error:
        return _Read(name, None, FileProblem(name, None, str(error), "Write it with source_lib.masks.write_masks."))
    wrong = next((problem for problem in found.problems if not problem.harmless), None)
    if other := _other(student):
        student.notes.setdefault(FLAGS, []).append(other)
    return _Read(name, found.values, wrong)


def _other(student: Student) -> str:
    """Say which file counts where two were handed in; nothing where it is one."""
    there = [name for name in FILES if name in student.files]
    return f"Both {there[0]} and {there[1]} were handed in. {there[0]} counts." if len(there) > 1 else ""


def _told(student: Student, problem: str) -> str:
    """Return what is wrong with the masks, and which file is meant where there are two."""
    return " ".join(one for one in (problem, _other(student)) if one)


def _count(student: Student) -> int | None:
    """Return how many test images there are, as far as that is known."""
    if student.material:
        return len(student.material["masks"])
    data = getattr(student, "loaded", {}).get("data")
    return data.N_test if isinstance(data, Glands) else None


_FORM = "hand in one file of masks, one for each test image in their order"


def _form(student: Student, rng: Rng) -> Problem | None:
    read = _read(student)
    if read is None:
        return lost(_FORM, f"There is neither {FILES[0]} nor {FILES[1]} beside the notebook.")
    problem = read.problem
    if problem is None and student.material:
        problem = misplaced(read.masks, student.material["masks"], read.name)
    return None if problem is None else lost(_FORM, _told(student, str(problem)))


def _formed(student: Student) -> str | None:
    """Look at the file, for whoever checks a notebook: whether it can be read and has as many masks as are asked."""
    problem = _form(student, np.random.default_rng(0))
    return None if problem is None else problem.message


@once
def _measured(student: Student) -> float:
    """Return the mean Dice coefficient over the test images; leave a note where that is suspicious."""
    read = _read(student)
    if read is None:
        raise StudentError("There is no file of masks.")
    if read.masks is None:
        raise StudentError(f"{read.problem}")
    found = float(dice_of_images(read.masks, student.material["masks"] > 0).mean())
    if found > SUSPICIOUS:
        student.notes.setdefault(FLAGS, []).append(
            f"The masks handed in have a Dice coefficient of {found:.3f} on the test images, where even two people who "
            "mark glands by hand agree less: were the right masks known?"
        )
    return found


def _reaches(band: int) -> Callable[[Student, Rng], Any]:
    def question(student: Student, rng: Rng) -> Problem | None:
        least = student.material["bands"][band]
        what = f"masks with a mean Dice coefficient of {round(100 * least)} % on the test images"
        try:
            found = _measured(student)
        except StudentError as error:
            return lost(what, str(error))
        return None if found >= least else lost(what, _told(student, f"They reach {100 * found:.1f} %."))

    return question


_LATER = (
    "grading compares your masks with the right ones, which are not here. Your own validation images tell you "
    "what to expect."
)
_TITLE = "A mean Dice coefficient of {:g} on the test images ({:g} on the sample)"
CHECK = Check(
    "masks",
    (
        Line(
            "form",
            "One mask for each test image, in place",
            1.0,
            _form,
            later="grading also finds masks that are inverted, moved, mirrored or of other images.",
        ),
        *(
            Line(key, _TITLE.format(real, practice), points, _reaches(band), later=_LATER)
            for band, (key, real, practice, points) in enumerate(
                zip(
                    ("least", "more", "most"),
                    images.BANDS["real"],
                    images.BANDS["sample"],
                    (2.0, 2.0, 1.0),
                    strict=True,
                )
            )
        ),
    ),
    form=_formed,
)
