"""What is asked of the functions of images and maps: `preprocess`, `activations`, `grad_cam` and `overlay`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Question, whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.reasons import Small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Answer, Student, StudentError
from autograder.labs.lab5.asking import about_models
from autograder.labs.lab5.domains import (
    LOOKING,
    MAPS,
    PREPARED,
    SHOWN,
    draw_heat,
    draw_image,
    recipe_of,
)
from autograder.labs.lab5.wording import PARAMETERS, WORDING, inputs

Rng = np.random.Generator


def _compared(student: Student, function: str, arguments: tuple, answer: Answer | None = None, expected: Any = None):
    """Ask a function, or take what it answered, and compare that with the reference."""
    answer = student.ask(function, *arguments) if answer is None else answer
    expected = student.oracle.call(function, *arguments) if expected is None else expected
    what = compare.difference(answer.value, expected)
    if what is None:
        return None
    shown = (*inputs(function, arguments), ("expected", expected), (YOURS, answer.value))
    return Wrong(function, arguments, answer.value, what, expected, answer.value, shown)


def _changed(function: str, arguments: tuple, answer: Answer) -> Wrong | None:
    if not answer.modified:
        return None
    names = " and ".join(PARAMETERS[function][position] for position in answer.modified)
    what = f"changed its input {names}"
    return Wrong(function, arguments, answer.value, what, changed=answer.modified)


def _judge(student: Student, question: Question, answer: Answer, expected: np.ndarray) -> Wrong | None:
    function = _function_of(question.arguments)
    wrong = _compared(student, function, question.arguments, answer, expected)
    # Where a line asks for unchanged inputs, that is charged there.
    kept = function in ("grad_cam", "overlay")
    return wrong if wrong or kept else _changed(function, question.arguments, answer)


def _function_of(arguments: tuple) -> str:
    """Return which function takes such arguments: each takes another number of them, or other ones."""
    if isinstance(arguments[0], str):
        return "grad_cam" if len(arguments) == 5 else "activations"
    return "preprocess" if len(arguments) == 4 else "overlay"


def _each(function: str, questions: Callable[[Rng], Sequence[tuple]]) -> Callable[[Student, Rng], Wrong | None]:
    """Return a question that asks several times and looks at what differs first."""

    def question(student: Student, rng: Rng) -> Wrong | None:
        asking = list(questions(rng))
        answers = student.ask_all(function, asking)
        for arguments, answer in zip(asking, answers, strict=True):
            if isinstance(answer, StudentError):
                answer = student.ask(function, *arguments)
            if wrong := _compared(student, function, arguments, answer):
                return wrong
        return None

    return question


def _small(function: str, *arguments: Any) -> Small:
    return lambda student: _compared(student, function, arguments)


def _inputs(function: str, questions: Callable[[Rng], Sequence[tuple]]) -> Callable[[Student, Rng], Wrong | str | None]:
    """Return a question whether inputs stay as they are, of answers that follow from them."""

    def question(student: Student, rng: Rng) -> Wrong | str | None:
        values = []
        for arguments in questions(rng):
            answer = student.ask(function, *arguments)
            if wrong := _changed(function, arguments, answer):
                return wrong
            values.append(answer.value)
        if all(compare.varied(value) for value in values) and not compare.agree(values[0], values[1]):
            return None
        return f"{function} does not answer anything yet that depends on its input, so this cannot count."

    return question


# Preprocessing.


def _same_size(rng: Rng) -> list[tuple]:
    images = [2 * draw_image(rng, kind, 8, 8, 3) - 1 for kind in ("noise", "photograph")]
    return [
        (np.stack(images), 8, 127.0, 128.0),
        (np.stack(images[:1]), 8, 127.5, 127.5),
        (images[1][None], 8, 100.0, 50.0),
    ]


def _other_sizes(rng: Rng) -> list[tuple]:
    found = []
    for rows, columns, side in ((8, 8, 16), (8, 8, 12), (7, 9, 16), (9, 9, 5)):
        # With such an offset and scale, images keep their values: what is asked here is the size alone.
        images = np.stack(
            [2 * draw_image(rng, "photograph", rows, columns, 3) - 1, rng.uniform(-1, 1, (rows, columns, 3))]
        )
        found.append((images, side, 127.5, 127.5))
    return found


def _plain_image(*values: float) -> np.ndarray:
    return np.array(values, dtype="float64").reshape(1, 1, -1, 1).repeat(3, axis=-1)


# Maps.


def _some_maps(rng: Rng) -> list[tuple]:
    found = []
    for network, layer in (("c3.4 p c3.6 g", "conv1"), ("l3.5 b c3.4 f", "bn1"), ("c3.4 d p c3.3 f h6", "conv2")):
        recipe = recipe_of(network, 7, 9, 3, "s5")
        found.append((recipe, int(rng.integers(10_000)), layer, rng.uniform(-1, 1, (7, 9, 3)).astype("float32")))
    return found


# Heat maps.


def _heat(rng: Rng) -> list[tuple]:
    found = []
    for network, layer in (("c3.4 p l3.6 b g", "conv2"), ("c3.5 c3.4 f h9", "conv1"), ("l3.5 b c3.6 f", "conv2")):
        recipe = recipe_of(network, 8, 9, 3, "s5")
        image = 2 * draw_image(rng, str(rng.choice(["noise", "photograph"])), 8, 9, 3) - 1
        found.append((recipe, int(rng.integers(10_000)), layer, image.astype("float32"), int(rng.integers(5))))
    return found


def _nothing(rng: Rng) -> list[tuple]:
    found = []
    for mark in "-~":
        k = int(rng.integers(5))
        recipe = recipe_of("c3.4 p c3.6 g", 8, 9, 3, f"s5{mark}{k}")
        found.append((recipe, int(rng.integers(10_000)), "conv2", rng.uniform(-1, 1, (8, 9, 3)).astype("float32"), k))
    return found


def _zeros(student: Student, rng: Rng) -> Wrong | str | None:
    """Ask for classes that nothing speaks for, and for one that something does: a function of zeros alone is none."""
    recipe = recipe_of("c3.4 p c3.6 g", 8, 9, 3, "o5")
    alive = (recipe, int(rng.integers(10_000)), "conv2", rng.uniform(-1, 1, (8, 9, 3)).astype("float32"), 1)
    asking = [*_nothing(rng), alive]
    answers = student.ask_all("grad_cam", asking)
    if isinstance(answers[-1], StudentError):
        student.ask("grad_cam", *alive)
    if not compare.varied(answers[-1].value):
        return "It gives the same everywhere for a class that something speaks for, so zeros cannot count yet."
    for arguments, answer in zip(asking[:-1], answers, strict=False):
        if isinstance(answer, StudentError):
            answer = student.ask("grad_cam", *arguments)
        if wrong := _compared(student, "grad_cam", arguments, answer):
            return replace(wrong, what=f"{wrong.what}; where nothing speaks for a class, every number is 0")
    return None


def _left_alone(student: Student, rng: Rng) -> Wrong | str | None:
    asking = _heat(rng)[:2]
    for arguments, answer in zip(asking, student.ask_all("grad_cam", asking), strict=True):
        if isinstance(answer, StudentError):
            answer = student.ask("grad_cam", *arguments)
        if 0 in answer.modified:
            return "Afterwards the model gave other probabilities than before: leave its layers as they were."
        if wrong := _changed("grad_cam", arguments, answer):
            return wrong
        if not compare.varied(answer.value):
            return "grad_cam gives the same everywhere, so this cannot count yet."
    return None


# Overlays.


def _shown(channels: int | None, *sizes: tuple) -> Callable[[Rng], list[tuple]]:
    def questions(rng: Rng) -> list[tuple]:
        found = []
        for rows, columns, heat_rows, heat_columns in sizes:
            image = draw_image(rng, "photograph", rows, columns, 1 if channels is None else channels)
            image = image[..., 0] if channels is None else image
            found.append((image, draw_heat(rng, "any", heat_rows, heat_columns)))
        return found

    return questions


def _gray(rng: Rng) -> list[tuple]:
    return _shown(1, (6, 7, 6, 7))(rng) + _shown(None, (6, 7, 6, 7), (3, 3, 3, 3))(rng)


_LITTLE = np.array([[0.2, 0.8]])

PREPROCESS = Check(
    "preprocess",
    (
        Line(
            "values",
            "Images of the right size: bytes, minus the offset, divided by the scale",
            0.5,
            _each("preprocess", _same_size),
            smaller=[
                _small("preprocess", _plain_image(-1, 1).reshape(1, 2, 1, 3).repeat(2, axis=2), 2, 127.0, 128.0),
                _small("preprocess", np.linspace(-1, 1, 12).reshape(1, 2, 2, 3), 2, 100.0, 50.0),
            ],
        ),
        Line(
            "size",
            "Other sizes: resized to those that the network takes",
            0.5,
            _each("preprocess", _other_sizes),
            smaller=[_small("preprocess", np.linspace(-1, 1, 12).reshape(1, 2, 2, 3), 4, 127.5, 127.5)],
        ),
        whole_domain("preprocess", PREPARED, _judge, 0.5),
    ),
    wording=WORDING,
)
ACTIVATIONS = Check(
    "activations",
    (
        about_models(
            Line("maps", "The maps of a convolution: rows, columns, channels", 0.5, _each("activations", _some_maps))
        ),
        about_models(whole_domain("activations", MAPS, _judge, 0.5)),
    ),
    wording=WORDING,
)
GRAD_CAM = Check(
    "grad_cam",
    (
        about_models(Line("heat", "The heat map of a class, from 0 to 1", 1.0, _each("grad_cam", _heat))),
        about_models(Line("zeros", "A class that nothing speaks for: zeros", 0.5, _zeros)),
        about_models(Line("inputs", "The model and the image are left as they were", 0.25, _left_alone)),
        about_models(whole_domain("grad_cam", LOOKING, _judge, 0.75)),
    ),
    wording=WORDING,
)
OVERLAY = Check(
    "overlay",
    (
        Line(
            "color",
            "A heat map over a color image of the same size",
            0.5,
            _each("overlay", _shown(3, (6, 7, 6, 7), (5, 4, 5, 4))),
            smaller=[_small("overlay", np.array([[[0.2, 0.4, 0.6], [1.0, 0.0, 0.5]]]), np.array([[1.0, 0.5]]))],
        ),
        Line(
            "gray",
            "A gray image, with one channel or none, becomes a color image",
            0.25,
            _each("overlay", _gray),
            smaller=[_small("overlay", _LITTLE, np.array([[1.0, 0.5]]))],
        ),
        Line(
            "size",
            "A heat map smaller than the image is resized",
            0.25,
            _each("overlay", _shown(3, (8, 8, 4, 4), (9, 7, 3, 2), (6, 6, 1, 1))),
            smaller=[_small("overlay", np.full((2, 4, 3), 0.5), np.array([[0.0, 1.0]]))],
        ),
        Line(
            "inputs",
            "The image and the heat map are left as they were",
            0.25,
            _inputs("overlay", _shown(3, (4, 5, 4, 5), (5, 4, 5, 4))),
        ),
        whole_domain("overlay", SHOWN, _judge, 0.25),
    ),
    wording=WORDING,
)
