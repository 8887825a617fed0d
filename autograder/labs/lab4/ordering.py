"""What is asked of `order_matters`: for many functions of one variable, which differ from course to course."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from autograder.checking import compare
from autograder.checking.hints import Wrong
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student, StudentError
from autograder.labs.lab4 import curves
from autograder.labs.lab4.drawing import Rng
from autograder.labs.lab4.structure import in_words
from autograder.labs.lab4.wording import WORDING, asked

#: A cell of the course: a function cannot be sent, so it is made beside the student's code.
_CELL = (
    inspect.getsource(curves).replace("from __future__ import annotations\n", "").partition("\n\ndef matters")[0]
    + """

def course_answers(functions, pooling):
    found = []
    for told in functions:
        answer = order_matters(curve(*told), pooling)
        if getattr(answer, "shape", None) == ():
            answer = answer.item() if hasattr(answer, "item") else bool(answer)
        found.append(float(answer) if isinstance(answer, (bool, int, float)) else float("nan"))
    return np.array(found)
"""
)
#: What answers about all functions may take on the clock.
_SECONDS = 60.0


def _ask(pooling: str) -> Callable[[Student, Rng], Wrong | Problem | None]:
    def question(student: Student, rng: Rng) -> Wrong | Problem | None:
        kinds = [(name, sign) for name in curves.PLAIN for sign in (1, -1)]
        functions = [curves.draw(rng, *kinds[k], pooling) for k in rng.permutation(len(kinds))]
        return _judged(student, functions, pooling)

    return question


def _judged(student: Student, functions: list, pooling: str) -> Wrong | Problem | None:
    try:
        with student.fresh(_CELL, seconds=_SECONDS, code_only=True) as side:
            got = compare.array(side.call("course_answers", functions, pooling))
    except StudentError as error:
        problem = in_words(str(error), "order_matters")
        return lost(asked("order_matters", (functions, pooling)), problem)
    right = np.array([float(curves.matters(*one, pooling)) for one in functions])
    if got is None or got.shape != right.shape:
        return lost(asked("order_matters", (functions, pooling)), "order_matters sent something that is no answer.")
    if np.isnan(got).any():
        return lost(asked("order_matters", (functions, pooling)), "order_matters returned neither True nor False.")
    wrong = np.flatnonzero(got != right)
    if not len(wrong):
        return None
    one = functions[wrong[0]]
    what = f"is wrong about {len(wrong)} of {len(right)}; it says {bool(got[wrong[0]])} of {_told(one)}"
    return Wrong("order_matters", (functions, pooling), got, what)


def _told(one: list) -> str:
    name, stretch, shift, scale, offset = one
    return f"{scale:.2f}·f({stretch:.2f}·x {shift:+.2f}) {offset:+.2f} with f = {name!r}, for example"


CHECK = Check(
    "order_matters",
    (
        Line("max", "With max pooling: 34 functions, all told right", 1.0, _ask("max")),
        Line("average", "With average pooling: 34 functions, all told right", 1.0, _ask("average")),
    ),
    wording=WORDING,
)
