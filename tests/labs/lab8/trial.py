"""Right ways to write each function of lab 8, and known faults put into the first of them."""

import functools
from dataclasses import replace

import numpy as np

from autograder.checking.student import NotebookStudent
from autograder.grading.answer_cache import AnswerCache
from autograder.labs.lab8 import LAB, images
from autograder.labs.lab8.reference import pack
from autograder.labs.lab8.shared import RETURNED, right_part
from tests.labs.kit import asked
from tests.labs.lab8 import ways

#: Lines that take long or measure time: they are asked of faults that are about them, and of right ways with one seed.
TIMED = ("ten", "thirty")
SEEDS, LONG_SEEDS = 1, 20
NOT_LOST = {
    **{f"conv2d_backward.{key}": "A slow answer loses it, whatever is right in it." for key in TIMED},
}
NOT_NAMED = {}
#: Three styles of each function; the tests of the mutation score try all.
_STYLES = {
    "relu_backward": ("times mask", "loop", "by einsum", "copy emptied"),
    "sigmoid_backward": ("by expit", "loop", "by einsum", "by cosh"),
    "softmax_cross_entropy_backward": ("plain", "loop", "by einsum", "true class in loop"),
    "dense_backward": ("products", "loops", "by einsum", "column of biases"),
    "pool2d_backward": ("argmax of stack", "loops over places", "by einsum", "put along"),
    "conv2d_backward": ("im2col", "shifts", "windows and einsum", "columns to images"),
    "batch_norm_backward": ("short", "loops", "by einsum", "columns of parameters"),
    "gradient_check": ("central", "one side with small step", "by scipy", "by directions"),
    "train_network": ("shuffled slices", "arrays split", "by draws"),
}
_WAYS = {function: {way: ways.WAYS[function][way] for way in names} for function, names in _STYLES.items()}
#: Those that return arrays, whose type is their own.
_OF_ARRAYS = tuple(function for function in _STYLES if function not in ("gradient_check", "train_network"))
VARIANTS = (
    *(f"{function}: {way}" for function, found in _WAYS.items() for way in found),
    *(f"{function}: in single precision" for function in _OF_ARRAYS),
)


@functools.cache
def oracle():
    return AnswerCache(LAB.oracle())


@functools.cache
def material():
    """Return the digits of a course, and ask less of a shorter training."""
    return dict(images.for_grading(None, 5)) | {"epochs": 2, "band": 38.0}


def packed_right(function):
    """Return what a fault is put into: NumPy takes a part of the tape's time for the same small answer."""
    right = ways.RIGHT.get(function) or next(iter(_WAYS[function].values()))
    if function not in _OF_ARRAYS:
        return right

    def answer(*arguments):
        # The numbers of a fault must be those of the reference, which computes in double precision.
        double = (np.asarray(one, "float64") if isinstance(one, np.ndarray) else one for one in arguments)
        value = right(*double)
        return pack(*value) if function in RETURNED else value

    return answer


def as_student(function, answer):
    """Return a function as a student writes it from one that answers as the reference does: packed."""
    if function not in RETURNED:
        return answer

    def several(*arguments):
        packed = answer(*arguments)
        if isinstance(packed, tuple):
            return packed
        return tuple(right_part(function, arguments, packed, number) for number in range(3))

    return several


def _in_single_precision(answer):
    def single(*arguments):
        rounded = [one.astype("float32") if isinstance(one, np.ndarray) else one for one in arguments]
        value = answer(*rounded)
        if isinstance(value, (tuple, list)):
            return tuple(np.asarray(one, "float32") for one in value)
        return np.asarray(value, "float32")

    return single


def outcome(tools, seed, variant=None, fault=None):
    function, way = variant.split(": ") if variant else (fault.function, "")
    if fault is not None:
        answer = as_student(function, fault.apply(packed_right(function)))
        left_out = () if any(line.partition(".")[2] in TIMED for line in fault.loses) else TIMED
    else:
        single = way == "in single precision"
        answer = _in_single_precision(ways.RIGHT[function]) if single else _WAYS[function][way]
        left_out = () if way == "im2col" and seed == 0 else TIMED
    check = LAB.check(f"check_{function}")
    check = replace(check, lines=tuple(line for line in check.lines if line.key not in left_out))
    student = NotebookStudent(ways.namespace(function, answer), oracle(), material=material())
    return asked(student, [check], seed)
