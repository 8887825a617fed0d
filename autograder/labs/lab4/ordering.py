"""What is asked of `order_matters`: for many functions of one variable, which differ from course to course."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from autograder.checking import compare, error_texts
from autograder.checking.hints import NONE_FITS, Wrong
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student, StudentError
from autograder.labs.lab4 import curves
from autograder.labs.lab4.drawing import Rng
from autograder.labs.lab4.faults import FEW_BLOCKS, ROUNDED
from autograder.labs.lab4.wording import WORDING, asked
from source_lib.text import shorten

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
        if not isinstance(answer, (bool, int, float)):
            shape = getattr(answer, "shape", None)
            return type(answer).__name__ if shape is None else "an array " + str(list(shape))
        found.append(float(answer))
    return np.array(found)
"""
)
#: What answers about all functions may take on the clock.
_SECONDS = 60.0


def _ask(pooling: str) -> Callable[[Student, Rng], Wrong | Problem | None]:
    def question(student: Student, rng: Rng) -> Wrong | Problem | None:
        kinds = [(name, sign, turned) for name in curves.PLAIN for sign in (1, -1) for turned in (1, -1)]
        drawn = (kinds[k] for k in rng.permutation(len(kinds)))
        functions = [curves.draw(rng, name, sign, pooling, turned) for name, sign, turned in drawn]
        return _judged(student, functions, pooling)

    return question


def _judged(student: Student, functions: list, pooling: str) -> Wrong | Problem | None:
    try:
        with student.fresh(_CELL, seconds=_SECONDS, code_only=True) as side:
            sent = side.call("course_answers", functions, pooling)
    except StudentError as error:
        problem = error_texts.without_ours(str(error), "order_matters")
        return lost(asked("order_matters", (functions, pooling)), problem)
    if isinstance(sent, str):
        problem = f"order_matters returned {shorten(sent, 40)} where True or False is expected"
        one = "" if not sent.startswith("an array") else ", one answer for all blocks: does any of them differ?"
        return lost(asked("order_matters", (functions, pooling)), f"{problem}{one or '.'}")
    got = compare.array(sent)
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
    # Which functions an experiment with few blocks misses depends on its blocks, so it is known by what it never does.
    missed = right[wrong] == 1
    otherwise = FEW_BLOCKS if missed.all() else ROUNDED if not missed.any() and got.min() == 0 else NONE_FITS
    return Wrong("order_matters", (functions, pooling), got, what, otherwise=otherwise)


#: Names of functions that say more to a student than those in `curves`.
_SHOWN = {"same": "identity", "constant": "the constant 1"}


def _told(one: list) -> str:
    name, stretch, shift, scale, offset = one
    return f"{scale:.2f}·f({stretch:.2f}·x {shift:+.2f}) {offset:+.2f} with f = {_SHOWN.get(name, name)!r}, for example"


CHECK = Check(
    "order_matters",
    (
        Line("max", "With max pooling: 68 functions, all told right", 1.0, _ask("max")),
        Line("average", "With average pooling: 68 functions, all told right", 1.0, _ask("average")),
    ),
    wording=WORDING,
)
