"""Right ways to solve lab 6, and how it is asked: functions in this process, masks as files beside the notebook."""

import functools
import io
from pathlib import Path

import numpy as np
from PIL import Image

from autograder.checking.student import NotebookStudent
from autograder.grading.answer_cache import AnswerCache
from autograder.labs.lab6 import LAB, networks_of, reference
from autograder.labs.lab6.faults import FCN_MISTAKES, MASKS, UNET_MISTAKES
from source_lib.data import glands
from source_lib.masks import packed
from tests.labs.kit import asked
from tests.labs.lab6.ways import WAYS

LONG_SEEDS = 5
NOT_LOST = {}
NOT_NAMED = {"should_stop.stop": "Where the best epoch is another one, the line on that one names the mistake."}
FILES = ("packed bits", "a picture")
#: Of the functions that have twenty, a few are asked here; all are asked by the tests of the mutation score.
FEW = {function: dict(list(ways.items())[:3]) for function, ways in WAYS.items()}
VARIANTS = (
    *(f"{function}: {way}" for function, ways in FEW.items() for way in ways),
    *(f"files: {way}" for way in FILES),
)


@functools.cache
def oracle():
    return AnswerCache(LAB.oracle())


@functools.cache
def material():
    """Return masks of a few drawn images, and bands that good masks reach and thin ones do not."""
    _, masks = glands.draw_glands([5], 12)
    return {"masks": masks, "bands": (0.5, 0.8, 0.88), "data": "drawn"}


@functools.cache
def files(picture=False):
    """Return masks as a good network gives them: right but for some pixels."""
    rng = np.random.default_rng(1)
    masks = material()["masks"] ^ (rng.random(material()["masks"].shape) < 0.03).astype("uint8")
    if not picture:
        return {MASKS: packed(masks)}
    file = io.BytesIO()
    Image.fromarray(masks.reshape(-1, masks.shape[2]) * np.uint8(255)).save(file, "PNG")
    return {"masks.png": file.getvalue()}


def as_student(fault):
    """Return a function as a student writes it who makes a known mistake."""
    function, name = fault.function, fault.id.removeprefix(f"{fault.function}_")
    if function == "build_fcn":
        return lambda: networks_of.fcn(**FCN_MISTAKES[name])
    if function == "build_unet":
        return lambda: networks_of.unet(**UNET_MISTAKES[name])
    (right, *_) = WAYS[function].values()
    return fault.apply(getattr(reference, function, right))


def student_of(functions, given=None):
    for path in (*Path().glob("*.npz"), *Path().glob("*.png")):
        path.unlink()
    for name, content in (given or {}).items():
        Path(name).write_bytes(content)
    return NotebookStudent({"np": np, **functions}, oracle(), material=material())


def outcome(tools, seed, variant=None, fault=None):
    if fault is None:
        function, way = variant.split(": ")
        if function == "files":
            return asked(student_of({}, files(way != FILES[0])), [LAB.check("check_masks")], seed)
        return asked(student_of({function: WAYS[function][way]}), [LAB.check(f"check_{function}")], seed)
    if fault.to == "files":
        return asked(student_of({}, fault.apply(files())), [LAB.check("check_masks")], seed)
    return asked(student_of({fault.function: as_student(fault)}), [LAB.check(f"check_{fault.function}")], seed)
