"""What is asked of the functions of images and maps: `preprocess`, `activations`, `grad_cam` and `overlay`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.domain import Question, whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import changed_inputs, compare_with_reference
from autograder.checking.reasons import Small
from autograder.checking.rubric import Check, Line, decided
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
    return compare_with_reference(student, function, *arguments, inputs=inputs, answer=answer, expected=expected)


def _changed(function: str, arguments: tuple, answer: Answer) -> Wrong | None:
    what = changed_inputs(answer, PARAMETERS[function])
    return None if what is None else Wrong(function, arguments, answer.value, what, changed=answer.modified)


def _judge(student: Student, question: Question, answer: Answer, expected: np.ndarray) -> Wrong | None:
    function = _function_of(question.arguments)
    wrong = _compared(student, function, question.arguments, answer, expected)
    # What a line about unchanged inputs has charged already is not charged again.
    charged = not decided(student, function).get("inputs", True)
    return wrong if wrong or charged else _changed(function, question.arguments, answer)


def _function_of(arguments: tuple) -> str:
    """Return which function takes such arguments: each takes another number of them, or other ones."""
    if isinstance(arguments[0], str):
        return "grad_cam" if len(arguments) == 5 else "activations"
    return "preprocess" if len(arguments) == 4 else "overlay"


def _each(
    function: str,
    questions: Callable[[Rng], Sequence[tuple]],
    counts: Callable[[Any], bool] = lambda expected: True,
) -> Callable[[Student, Rng], Wrong | None]:
    """Return a question that asks several times and looks at what differs first, where the right answer counts."""

    def question(student: Student, rng: Rng) -> Wrong | None:
        asking = list(questions(rng))
        answers = student.ask_all(function, asking)
        for arguments, answer in zip(asking, answers, strict=True):
            if isinstance(answer, StudentError):
                answer = student.ask(function, *arguments)
            expected = student.oracle.call(function, *arguments)
            if counts(expected) and (wrong := _compared(student, function, arguments, answer, expected)):
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


def _other_sizes(rng: Rng) -> list[tuple[tuple, tuple]]:
    """Return images of other sizes, each with the same resized beforehand: offset and scale are asked elsewhere."""
    found = []
    for rows, columns, side in ((8, 8, 16), (8, 8, 12), (7, 9, 16), (9, 9, 5)):
        noise = rng.uniform(-1, 1, (rows, columns, 3))
        images = np.stack([2 * draw_image(rng, "photograph", rows, columns, 3) - 1, noise])
        rest = (side, 127.0, 128.0)
        found.append(((images, *rest), (_resized(images, side, side), *rest)))
    return found


def _resized(images: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return images [N, H, W, C] of another size, between the centers of whose pixels lines are drawn."""
    for axis, side in ((1, rows), (2, columns)):
        count = images.shape[axis]
        at = np.clip((np.arange(side) + 0.5) * count / side - 0.5, 0, count - 1)
        below = np.minimum(at.astype(int), max(count - 2, 0))
        share = (at - below).reshape([-1 if k == axis else 1 for k in range(4)])
        above = np.minimum(below + 1, count - 1)
        images = np.take(images, below, axis) * (1 - share) + np.take(images, above, axis) * share
    return images


def _as_own(
    function: str, questions: Callable[[Rng], Sequence[tuple[tuple, tuple]]], slack: float = 0.0
) -> Callable[[Student, Rng], Wrong | str | None]:
    """Return a question whether answers are those that the function itself gives to plainer arguments.

    What is wrong with those is charged elsewhere. Where the line of plain values is lost, so much more may be off:
    whoever rounds gets other numbers before resizing than behind it.
    """

    def question(student: Student, rng: Rng) -> Wrong | str | None:
        for arguments, plainer in questions(rng):
            own = student.call(function, *plainer)
            if not compare.varied(own):
                return f"{function} does not answer anything yet that depends on its input, so this cannot count."
            answer, expected = student.ask(function, *arguments), compare.array(own)
            values = compare.array(answer.value)
            rounds = slack and not decided(student, function).get("values", True)
            comparable = values is not None and values.shape == expected.shape
            if rounds and comparable and np.all(np.abs(values - expected) <= slack):
                continue
            if wrong := _compared(student, function, arguments, answer, expected):
                return wrong
        return None

    return question


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
    """Return questions, first those in whose networks every known fault shows in a way of its own."""
    found = []
    networks = (("c3.5 c3.4 f h9", "conv1"), ("l3.5 b c3.6 f", "conv2"), ("c3.4 p l3.6 b g", "conv2"))
    # Of three classes that differ, no function knows all that knows one.
    for (network, layer), k in zip(networks, rng.permutation(5)[:3], strict=True):
        recipe = recipe_of(network, 8, 9, 3, "s5")
        image = 2 * draw_image(rng, str(rng.choice(["noise", "photograph"])), 8, 9, 3) - 1
        found.append((recipe, int(rng.integers(10_000)), layer, image.astype("float32"), int(k)))
    # A class that something speaks for everywhere: no number of its map is 0.
    k = int(rng.integers(5))
    image = rng.uniform(-1, 1, (8, 9, 3)).astype("float32")
    found.append((recipe_of("c3.12 g", 8, 9, 3, f"s5^{k}"), int(rng.integers(10_000)), "conv1", image, k))
    return found


def _several_classes(rng: Rng) -> list[tuple]:
    """Return questions about classes of several networks: something speaks for one of them, whoever looks."""
    recipe = recipe_of("c3.4 p c3.6 f", 8, 9, 3, "o5")
    images = rng.uniform(-1, 1, (6, 8, 9, 3)).astype("float32")
    return [(recipe, int(rng.integers(10_000)), "conv2", image, k % 5) for k, image in enumerate(images)]


def _answered(student: Student, asking: Sequence[tuple]) -> list[Answer]:
    """Return the answers of `grad_cam`; where one stopped, it stops again by itself, so that it can be said why."""
    answers = student.ask_all("grad_cam", asking)
    return [
        student.ask("grad_cam", *arguments) if isinstance(answer, StudentError) else answer
        for arguments, answer in zip(asking, answers, strict=True)
    ]


def _nothing(rng: Rng) -> list[tuple]:
    found = []
    for mark in "-~":
        k = int(rng.integers(5))
        recipe = recipe_of("c3.4 p c3.6 g", 8, 9, 3, f"s5{mark}{k}")
        found.append((recipe, int(rng.integers(10_000)), "conv2", rng.uniform(-1, 1, (8, 9, 3)).astype("float32"), k))
    return found


_DEAD = "It gives the same everywhere, for every class of a network, so this cannot count yet."


def _zeros(student: Student, rng: Rng) -> Wrong | str | None:
    """Ask for classes that nothing speaks for, and for others: a function of zeros alone is none."""
    asking, alive = _nothing(rng), _several_classes(rng)
    answers = _answered(student, [*asking, *alive])
    if not any(compare.varied(answer.value) for answer in answers[len(asking) :]):
        return _DEAD
    for arguments, answer in zip(asking, answers, strict=False):
        values = compare.array(answer.value)
        # Where the map itself is wrong, what is left to ask is whether it is made of numbers.
        if not decided(student, "grad_cam").get("heat", True) and values is not None and np.all(np.isfinite(values)):
            continue
        if wrong := _compared(student, "grad_cam", arguments, answer):
            return replace(wrong, what=f"{wrong.what}; where nothing speaks for a class, every number is 0")
    return None


def _left_alone(student: Student, rng: Rng) -> Wrong | str | None:
    asking = [*_heat(rng)[:2], *_several_classes(rng)]
    answers = _answered(student, asking)
    for arguments, answer in zip(asking, answers, strict=True):
        if 0 in answer.modified:
            return "Afterward the model gave other probabilities than before: leave its layers as they were."
        if wrong := _changed("grad_cam", arguments, answer):
            return wrong
    return None if any(compare.varied(answer.value) for answer in answers) else _DEAD


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


def _gray(rng: Rng) -> list[tuple[tuple, tuple]]:
    """Return gray images, each with the same in three channels."""
    return [
        ((image, heat), (np.repeat(np.atleast_3d(image), 3, axis=2), heat))
        for image, heat in _shown(1, (6, 7, 6, 7))(rng) + _shown(None, (6, 7, 6, 7), (3, 3, 3, 3))(rng)
    ]


def _small_heat(rng: Rng) -> list[tuple[tuple, tuple]]:
    """Return images with smaller heat maps, each with the same resized beforehand."""
    return [
        ((image, heat), (image, _resized(heat[None, ..., None], *image.shape[:2])[0, ..., 0]))
        for image, heat in _shown(3, (8, 8, 4, 4), (9, 7, 3, 2), (6, 6, 1, 1))(rng)
    ]


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
            # One byte, at the scale of these questions.
            _as_own("preprocess", _other_sizes, slack=1.01 / 128),
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
        # What nothing speaks for is asked in a line of its own.
        about_models(
            Line("heat", "The heat map of a class, from 0 to 1", 1.0, _each("grad_cam", _heat, compare.varied))
        ),
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
            _as_own("overlay", _gray),
            smaller=[_small("overlay", _LITTLE, np.array([[1.0, 0.5]]))],
        ),
        Line(
            "size",
            "A heat map smaller than the image is resized",
            0.25,
            _as_own("overlay", _small_heat),
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
