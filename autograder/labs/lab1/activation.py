"""What is asked of ``activation``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from autograder.checking import compare
from autograder.checking.array_text import YOURS
from autograder.checking.domain import Question, whole_domain
from autograder.checking.hints import Wrong
from autograder.checking.questions import first_problem, small
from autograder.checking.reasons import Small
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Answer, Student, StudentError
from autograder.labs.lab1.domains import ACTIVATION
from autograder.labs.lab1.drawing import Rng, draw_signed, literal, small_integers
from autograder.labs.lab1.shared import INPUTS_TITLE, different, follows_from, inputs_unchanged
from autograder.labs.lab1.wording import WORDING, compared, own_activation, wrong_answer


def _activation_linear(student: Student, rng: Rng) -> Wrong | str | None:
    x = draw_signed(rng, 3, 5, 2)
    problem = compared(student, "activation", x, "linear", exact=True)
    if problem is None and all(compare.agree(own_activation(student, x, name), x) for name in ("relu", "sigmoid")):
        return "activation returns its input whatever it is asked, so 'linear' cannot count yet."
    return problem


def _activation_named(name: str, *shapes: tuple[int, ...]) -> Callable:
    def question(student: Student, rng: Rng) -> Wrong | None:
        return first_problem(
            compared(student, "activation", draw_signed(rng, *shape), name, exact=name == "relu") for shape in shapes
        )

    return question


def _activation_column(student: Student, rng: Rng) -> Wrong | str | None:
    return _softmax_column(student, draw_signed(rng, 5))


def _softmax_column(student: Student, x: np.ndarray) -> Wrong | str | None:
    own = student.call("activation", x, "softmax")
    if not compare.varied(own) or compare.agree(own, x) or compare.array(own).shape != x.shape:
        return "The softmax of a vector is not there yet, so that of a column cannot be compared with it."
    column = x[:, None]
    answer = student.ask("activation", column, "softmax")
    values = compare.array(answer.value)
    if values is not None and values.shape == x.shape:
        values = values[:, None]
    expected = compare.array(own)[:, None]
    what = compare.difference(values if values is not None else answer.value, expected)
    if what is None:
        return None
    shown = ("as the vector", expected), (YOURS, answer.value)
    return wrong_answer(
        "activation", (column, "softmax"), answer, f"{what}, as for the vector", *shown, expected=expected
    )


def _activation_large(student: Student, rng: Rng) -> Wrong | str | None:
    # Eighths stay exact when 1000 is added, in single precision too.
    x = rng.permutation(np.arange(-24, 25))[:6] / 8
    wide = np.concatenate([x, [-1000.0, 1000.0]])
    return first_problem(
        _large(student, question, name, near)
        for name, near, question in (
            ("sigmoid", np.clip(wide, -30, 30), wide),
            ("softmax", x, x + 1000),
            ("softmax", x, x - 1000),
        )
    )


def _large(student: Student, x: np.ndarray, name: str, near: np.ndarray) -> Wrong | str | None:
    own = student.call("activation", near, name)
    if not compare.varied(own) or compare.array(own).shape != near.shape:
        return (
            f"activation(x, '{name}') is not there yet for small numbers, so large ones cannot be compared with them."
        )
    answer = student.ask("activation", x, name)
    what = compare.difference(answer.value, own)
    if what is None:
        return None
    true = compare.agree(own, student.oracle.call("activation", near, name))
    shown = ("expected" if true else f"{YOURS} near 0", own), (YOURS, answer.value)
    return wrong_answer("activation", (x, name), answer, what, *shown, expected=own)


#: What is no name but looks like one.
_NEAR_NAMES = ("", "tanh", "Relu6", "softmax ", "linear_2", "sigmoids", "elu", "hard_sigmoid", "softma", "leaky_relu")


def _activation_unknown(student: Student, rng: Rng) -> Wrong | str | None:
    x = draw_signed(rng, 6)
    own = {name: own_activation(student, x, name) for name in ("relu", "sigmoid", "softmax")}
    if all(values is None for values in own.values()):
        student.call("activation", x, "relu")
    if not any(compare.agree(values, student.oracle.call("activation", x, name)) for name, values in own.items()):
        return "None of 'relu', 'sigmoid' and 'softmax' is right yet, so refusing other names cannot count."
    far = str(rng.choice(["cosine", "no_such_name", "parabola", "step_down"]))
    return first_problem(_refused(student, x, name) for name in (far, *rng.permutation(_NEAR_NAMES).tolist()))


def _refused(student: Student, x: np.ndarray, unknown: str) -> Wrong | None:
    try:
        answer = student.ask("activation", x, unknown)
    except StudentError:
        return None
    got = (
        answer.value if compare.array(answer.value) is not None else "nothing" if answer.value is None else "no numbers"
    )
    shown = ("expected", "an error"), (YOURS, got)
    return wrong_answer("activation", (x, unknown), answer, "did not raise an error", *shown)


def _activation_inputs(student: Student, rng: Rng) -> Wrong | str | None:
    first, second = draw_signed(rng, 6), draw_signed(rng, 6)
    problems = []
    for name in ("relu", "sigmoid", "softmax"):
        questions = ((first, name), (second, name))
        try:
            problem = inputs_unchanged(student, "activation", questions, follows_from(questions))
        except StudentError as error:
            problem = str(error)
        if isinstance(problem, Wrong):
            return problem
        problems.append(problem)
    return None if None in problems else problems[0]


def _judge(student: Student, question: Question, answer: Answer, expected: np.ndarray) -> Wrong | None:
    x, name = question.arguments
    values = compare.array(answer.value)
    # The numbers of a column may come as a vector.
    if name == "softmax" and values is not None and values.shape == x.shape[:1]:
        answer = replace(answer, value=values.reshape(x.shape))
    return different(student, "activation", question, answer, expected, _exact(question))


def _exact(question: Question) -> bool:
    return question.arguments[1] in ("linear", "relu")


def _excused(question: Question, lost: frozenset[str]) -> bool:
    x, name = question.arguments
    large = name in ("sigmoid", "softmax") and np.max(np.abs(x)) > 4
    column = name == "softmax" and x.ndim == 2
    return name in lost or (large and "large" in lost) or (column and "softmax_column" in lost)


def _small_activation(name: str, *inputs: np.ndarray) -> list[Small]:
    return [small(compared, "activation", x, name) for x in inputs]


_X = literal(-1, 2)


CHECK = Check(
    "activation",
    (
        Line(
            "linear",
            "'linear' returns its input",
            0.5,
            _activation_linear,
            smaller=_small_activation("linear", _X, small_integers(1, 2, 2)),
        ),
        Line(
            "relu",
            "'relu' of a vector and of an image",
            0.5,
            _activation_named("relu", (7,), (3, 5, 2)),
            smaller=_small_activation("relu", _X, small_integers(4), small_integers(1, 2, 2)),
        ),
        Line(
            "sigmoid",
            "'sigmoid' of a vector and of an image",
            0.5,
            _activation_named("sigmoid", (7,), (3, 5, 2)),
            smaller=_small_activation("sigmoid", _X, small_integers(4), small_integers(1, 2, 2)),
        ),
        Line(
            "softmax",
            "'softmax' of a vector",
            0.5,
            _activation_named("softmax", (5,)),
            smaller=_small_activation("softmax", _X, small_integers(4)),
        ),
        Line(
            "softmax_column",
            "'softmax' of a column [K, 1] has the numbers of the vector",
            0.5,
            _activation_column,
            smaller=[small(_softmax_column, x) for x in (_X, small_integers(4))],
        ),
        Line(
            "large",
            "'sigmoid' and 'softmax' of large numbers, positive and negative",
            0.5,
            _activation_large,
            smaller=[
                small(_large, x, name, near)
                for name, near, x in (
                    ("sigmoid", literal(-30, 30), literal(-1000, 1000)),
                    ("softmax", _X, _X + 1000),
                    ("softmax", _X, _X - 1000),
                )
            ],
        ),
        Line(
            "unknown",
            "Any other name raises an error",
            0.25,
            _activation_unknown,
            smaller=[small(_refused, _X, "no_such_name")],
        ),
        Line("inputs", INPUTS_TITLE, 0.25, _activation_inputs),
        whole_domain("activation", ACTIVATION, _judge, 0.5, _excused, exact=_exact),
    ),
    wording=WORDING,
)
