"""Right ways to solve lab 4, and how it is asked: functions in this process, models and files in the sandbox."""

import functools

import numpy as np

from autograder.checking.student import NotebookStudent
from autograder.grading.answer_cache import AnswerCache
from autograder.labs.lab4 import LAB, reference
from autograder.labs.lab4.packing import unpack
from tests.labs.kit import asked
from tests.labs.lab4.realize import realized
from tests.labs.lab4.ways import WAYS, namespace

SEEDS, LONG_SEEDS = 2, 10
NOT_LOST = {}
NOT_NAMED = {"build_cnn.together": "Where two arguments show a fault together, a fault of one of them alone fits too."}
VARIANTS = tuple(f"{function}: {way}" for function, ways in WAYS.items() for way in ways)


@functools.cache
def oracle():
    return AnswerCache(LAB.oracle())


def as_student(function, answer):
    """Return a function as a student writes it from one that answers as the reference does: packed, or with a plan."""

    def steps(*arguments):
        found = answer(*arguments)
        # Those that write into what they are given leave it as it is when the answer is made.
        return unpack(found, *[arguments[0]] * (2 if function == "sgd_step" else 3))

    return {
        "build_fnn": lambda: realized(answer()),
        "build_cnn": lambda *args, **named: realized(answer(*args, **named)),
        "order_matters": lambda activation, pooling: bool(answer([activation], pooling)[0]),
        "sgd_step": steps,
        "adam_step": steps,
        "l1_l2": lambda w, l1, l2: _number_and_list(answer(w, l1, l2), w),
    }.get(function, answer)


def _number_and_list(vector, w):
    (penalty,), gradients = unpack(vector, [np.zeros(1)], w)
    return float(penalty[0]), gradients


def outcome(tools, seed, variant=None, fault=None):
    if fault is not None:
        function = fault.function
        answer = as_student(function, fault.apply(getattr(reference, function)))
    else:
        function, way = variant.split(": ")
        answer = WAYS[function][way]
    student = NotebookStudent(namespace(function, answer), oracle())
    return asked(student, [LAB.check(f"check_{function}")], seed)
