"""Right ways to write each function of lab 1, and known faults put into the reference."""

from dataclasses import replace

from autograder.checking.student import NotebookStudent
from autograder.labs.lab1 import LAB, reference
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


def outcome(tools, seed, variant=None, fault=None):
    if fault is not None:
        function, answer = fault.function, fault.apply(getattr(reference, fault.function))
    else:
        function, way = variant.split(": ")
        answer = variants.VARIANTS[function][way]
    check = LAB.check(f"check_{function}")
    if seed > 0:
        check = replace(check, lines=tuple(line for line in check.lines if line.key not in TIMED))
    student = NotebookStudent(variants.functions(**{function: answer}), ORACLE)
    return asked(student, [check], seed)
