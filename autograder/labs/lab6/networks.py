"""What is asked of `build_fcn` and `build_unet`: what these networks do, found out where they are rebuilt."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from autograder.checking import built_networks, model_config, network_numbers
from autograder.checking.built_networks import Cells, namespace_of
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student
from autograder.labs.lab6 import measuring
from autograder.labs.lab6.wording import WORDING, asked

#: A network with more parameters is not measured.
MOST_PARAMETERS = 3_000_000
_SECONDS = 90.0
_BUILD = (
    model_config.CELL
    + """
def course_models(function, questions):
    return [course_sent(function) for _ in questions]

def course_sent(function):
    model = globals()[function]()
    if getattr(model, "built", True) is False:
        # One that names no input takes any size, unless a layer says otherwise.
        try:
            model = course_built(model, (None, None, 3))
        except Exception:
            model = globals()[function]()
    if not all(hasattr(model, name) for name in ("to_json", "get_weights")):
        return ["no model", type(model).__name__]
    return ["model", course_config(course_built(model, (128, 128, 3))), *model.get_weights()]
"""
)
_MEASURE = (
    namespace_of("course_measuring", network_numbers, measuring)
    + """
def course_measured(function, arguments, config, *weights):
    import keras
    model = keras.models.model_from_json(config)
    return course_measuring["fcn" if function == "build_fcn" else "unet"](model)
"""
)


def measured(student: Student, function: str, questions: Sequence[tuple]) -> list[np.ndarray]:
    """Return the numbers of the networks that a student's function builds.

    Parameters
    ----------
    student : Student
    function : str
    questions : sequence of tuple

    Returns
    -------
    list of numpy.ndarray
        One array for each question.

    Raises
    ------
    StudentError
        If there is no network, or one that is not of Keras' own layers.
    """
    cells = Cells(_BUILD, _MEASURE, _SECONDS, MOST_PARAMETERS, any_size=True)
    return built_networks.measured(student, function, questions, cells)


def _nothing(rng: np.random.Generator) -> list[tuple]:
    """Return the one question of a function without arguments."""
    return [()]


def _form_words(got: np.ndarray, right: np.ndarray) -> str:
    sizes = (measuring.SQUARE, measuring.OF_FOUR if len(got) == measuring.FCN_FORM.stop else measuring.OF_EIGHT)
    for k, sides in enumerate(sizes):
        mine, theirs = ([int(n) for n in one[3 * k : 3 * k + 3]] for one in (got, right))
        if mine != theirs:
            if not any(mine):
                return f"does not take images [{sides[0]}, {sides[1]}, 3]: leave the sizes open, as None"
            return f"gives {mine} for images [{sides[0]}, {sides[1]}, 3], where {theirs} is expected"
    if len(got) == measuring.FCN_FORM.stop:
        return "has a layer that loses where a pixel is, such as a dense one"
    if got[6] != right[6]:
        return "halves the image fewer than three times"
    return "gives no scores, which may be as large as they like: something keeps them small, such as a softmax"


def _layer_words(got: np.ndarray, right: np.ndarray) -> str:
    if got[0] != right[0]:
        return f"has {got[0]:,.0f} parameters, where {right[0]:,.0f} are expected"
    if got[1] != right[1]:
        return "acts otherwise while it is trained, as with dropout or batch normalization, which it has none of"
    return built_networks.OTHER_NUMBERS


def _skip_words(got: np.ndarray, right: np.ndarray) -> str:
    if not got[0]:
        return "gives the same whatever its deepest layers say"
    names = [name for name, there in zip(("a quarter", "a half", "all"), got[1:], strict=True) if not there]
    several = "skip connections" if len(names) > 1 else "a skip connection"
    return (
        f"lacks {several} at {', '.join(names)} of the image's size: with what lies below cut off, nothing gets by of "
        "what the convolutions give there on the way down"
    )


_line = functools.partial(built_networks.asking, asked=asked, measured=measured)

FCN = Check(
    "build_fcn",
    (
        Line(
            "form",
            "Two scores for each pixel of images of any size that is a multiple of 4, and no dense layer",
            0.75,
            _line("build_fcn", _nothing, measuring.FCN_FORM, _form_words),
        ),
        Line(
            "layers",
            "The layers of the report: 8,634 parameters, and what they do",
            1.25,
            _line("build_fcn", _nothing, measuring.FCN_LAYERS, _layer_words),
        ),
    ),
    wording=WORDING,
)
UNET = Check(
    "build_unet",
    (
        Line(
            "form",
            "Two scores for each pixel of images of any size that is a multiple of 8, halved three times",
            0.75,
            _line("build_unet", _nothing, measuring.UNET_FORM, _form_words),
        ),
        Line(
            "skips",
            "A way around the bottleneck at each of three sizes",
            1.25,
            _line("build_unet", _nothing, measuring.UNET_SKIPS, _skip_words),
        ),
    ),
    wording=WORDING,
)
