"""Right ways to write each function of lab 1, and known faults put into the first of them."""

from dataclasses import replace

import numpy as np

from autograder.checking.student import NotebookStudent
from autograder.labs.lab1 import LAB
from tests.labs.kit import asked
from tests.labs.lab1 import variants

#: Lines that measure time: they are asked with the first seed alone.
TIMED = ("ten", "thirty")
SEEDS, LONG_SEEDS = 2, 60
NOT_LOST = {
    "activation.linear": "Stubs lose it. Any other fault in it would cost the layers too, which are asked with it."
}
NOT_NAMED = {f"fast_conv2d_layer.{key}": "The line on the answers names it." for key in TIMED}
VARIANTS = tuple(f"{function}: {way}" for function, ways in variants.VARIANTS.items() for way in ways)

ORACLE = LAB.oracle()


def right_way(function):
    """Return what a fault is put into: Keras takes many times as long as NumPy for the same small answer."""
    # The first way to pool stops where a fault leaves it no rows.
    ways = {"pool2d_layer": variants.pool2d_layer_block_reduce} if function == "pool2d_layer" else {}
    way = variants.functions(**ways)[function]

    def answer(*arguments):
        value = way(*arguments)
        # One that changes its inputs is a fault of its own, and a view would change with them.
        return value.copy() if isinstance(value, np.ndarray) else value

    return answer


def outcome(tools, seed, variant=None, fault=None):
    if fault is not None:
        function, answer = fault.function, fault.apply(right_way(fault.function))
    else:
        function, way = variant.split(": ")
        answer = variants.VARIANTS[function][way]
    check = LAB.check(f"check_{function}")
    if seed > 0:
        check = replace(check, lines=tuple(line for line in check.lines if line.key not in TIMED))
    student = NotebookStudent(variants.functions(**{function: answer}), ORACLE)
    return asked(student, [check], seed)
