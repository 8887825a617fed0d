"""Lab 1 on drawn inputs: honest ways agree with the reference wherever they are asked, known faults do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autograder.checking import compare
from autograder.checking.student import NotebookStudent, StudentError
from autograder.labs.lab1 import LAB, counting, evaluation, reference
from autograder.labs.lab1.faults import FAULTS
from autograder.sandbox import wire
from source_lib.layers import arithmetic
from tests.labs.lab1.variants import VARIANTS, functions

pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
COURSE = LAB.oracle()
EXAMPLES = pytest.mark.parametrize("examples", [25, pytest.param(300, marks=pytest.mark.long)])
TIMED = ("ten", "thirty")

sizes = st.integers(1, 9)
channels = st.integers(1, 4)
odd = st.sampled_from([1, 3, 5, 7])
kinds = st.sampled_from(["float32", "float64"])


def drawn(examples):
    """Ask a property of so many examples: always the same ones in the short form, others each time in the long one."""
    return settings(max_examples=examples, deadline=None, derandomize=examples < 100, database=None)


@st.composite
def numbers(draw, shape, kind, most=8.0):
    """Draw an array of sane numbers: both signs, zeros, ties, very small ones, in C or in Fortran order.

    None is so large that the sum of some products is exact to less than the tolerance in single precision.
    """
    values = draw(arrays(kind, shape, elements=st.floats(-most, most, width=32)))
    scale = draw(st.sampled_from([1.0, 1.0, 1e-3]))
    return np.array(values * np.asarray(scale, kind), order=draw(st.sampled_from(["C", "F"])))


@st.composite
def convolutions(draw, batch=False):
    kind = draw(kinds)
    inputs, outputs = draw(channels), draw(channels)
    number = (draw(st.integers(1, 3)),) if batch else ()
    x = draw(numbers((*number, draw(sizes), draw(sizes), inputs), kind))
    shape = (draw(odd), draw(odd), inputs, outputs)
    W = draw(numbers(shape, kind)) / np.asarray(8 * np.prod(shape[:-1]), kind)
    return x, W, draw(numbers((outputs,), kind)), draw(st.sampled_from(["linear", "relu", "sigmoid"]))


@st.composite
def denses(draw):
    kind = draw(kinds)
    inputs, outputs = draw(st.integers(1, 9)), draw(st.integers(1, 7))
    h = draw(numbers((inputs, 1) if draw(st.booleans()) else (inputs,), kind))
    W = draw(numbers((outputs, inputs), kind)) / np.asarray(8 * inputs, kind)
    return h, W, draw(numbers((outputs, 1), kind)), draw(st.sampled_from(["linear", "relu", "sigmoid", "softmax"]))


@st.composite
def activations(draw):
    name = draw(st.sampled_from(["linear", "relu", "sigmoid", "softmax"]))
    if name == "softmax":
        number = draw(st.integers(1, 9))
        shape = draw(st.sampled_from([(number,), (number, 1)]))
    else:
        shape = tuple(draw(st.lists(sizes, min_size=1, max_size=4)))
    return draw(numbers(shape, draw(kinds), most=80.0)), name


@st.composite
def images(draw, least=1):
    size = st.integers(least, 9)
    return (draw(numbers((draw(size), draw(size), draw(channels)), draw(kinds))),)


@st.composite
def networks(draw):
    kinds = st.one_of(st.tuples(odd, odd, channels, channels), st.tuples(channels, channels), st.just((0,)))
    layers = draw(st.lists(kinds, max_size=6))
    # As `util.get_weights` aligns them: as many biases as outputs.
    biases = {4: lambda w: (w[3],), 2: lambda w: (w[0], 1), 1: lambda w: (0,)}
    return [np.ones(w, "float32") for w in layers], [np.ones(biases[len(w)](w), "float32") for w in layers]


@st.composite
def predictions(draw):
    samples, classes = draw(st.integers(1, 8)), draw(st.integers(2, 6))
    scores = draw(arrays("float64", (samples, classes), elements=st.floats(0.0078125, 1.0, width=32), unique=True))
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).astype(draw(kinds))
    true = draw(st.lists(st.integers(0, classes - 1), min_size=samples, max_size=samples))
    return probabilities, np.eye(classes, dtype="float32")[true]


INPUTS = {
    "activation": activations(),
    "conv2d_layer": convolutions(),
    # No block: there is nothing to take the maximum of.
    "pool2d_layer": images(least=2),
    "flatten_layer": images(),
    "dense_layer": denses(),
    "count_weights": networks(),
    "evaluate": predictions(),
    "fast_conv2d_layer": convolutions(batch=True),
}


def told(function, answer, arguments):
    """Return how an answer differs from the reference under the comparison of the checks, or None."""
    expected = getattr(reference, function)(*arguments)
    if function == "evaluate":
        pair = evaluation._pair(answer)
        problems = (compare.difference(*both) for both in zip(pair, expected, strict=True))
        return next((problem for problem in problems if problem), None)
    if function == "count_weights":
        return None if counting._number(answer) == expected else f"{answer} is not {expected}"
    if function == "dense_layer":
        shape = np.shape(answer)
        assert shape in ((len(expected),), (len(expected), 1)), shape
        answer = np.reshape(answer, expected.shape)
    return compare.difference(answer, expected)


@pytest.mark.parametrize(("function", "way"), [(f, way) for f, ways in VARIANTS.items() for way in ways])
@EXAMPLES
def test_variant_agrees_with_the_reference_and_keeps_its_inputs(function, way, examples):
    answer = functions(**{function: VARIANTS[function][way]})[function]

    @drawn(examples)
    @given(INPUTS[function])
    def holds(arguments):
        mine = wire.copy(arguments)
        assert told(function, answer(*mine), arguments) is None
        assert wire.differing(arguments, mine) == ()

    holds()


class Recording(NotebookStudent):
    """Answers right, and keeps what was asked."""

    def ask(self, function, *args):
        self.notes.setdefault("asked", []).append((function, wire.copy(args)))
        return super().ask(function, *args)


def asked(check, line, seed):
    """Return what a line asks of somebody who is right, as in `Check.__call__`."""
    rng = np.random.default_rng(seed).spawn(len(check.lines))[check.lines.index(line)]
    student = Recording(functions(), COURSE)
    assert line.question(student, rng) is None
    return [arguments for function, arguments in student.notes["asked"] if function == check.function]


def differs(fault, arguments):
    """Return whether a fault shows on one question: another answer, an error instead, or an input that it changed."""
    theirs = wire.copy(arguments)
    try:
        answer = fault.apply(getattr(reference, fault.function))(*theirs)
    except Exception:
        answer = StudentError
    try:
        getattr(reference, fault.function)(*wire.copy(arguments))
    except ValueError:
        return answer is not StudentError
    if answer is StudentError or wire.differing(arguments, theirs):
        return True
    outputs = len(arguments[1]) if fault.function == "dense_layer" else None
    if outputs and (isinstance(answer, tuple) or np.shape(answer) not in ((outputs,), (outputs, 1))):
        return True
    return told(fault.function, answer, arguments) is not None


@pytest.mark.parametrize("check", LAB.checks, ids=lambda check: check.function)
@pytest.mark.parametrize("examples", [2, pytest.param(100, marks=pytest.mark.long)])
def test_every_fault_shows_in_the_questions_of_each_line_that_it_costs(check, examples):
    @drawn(examples)
    @given(st.integers(0, 2**64))
    def holds(seed):
        for line in check.lines:
            costly = [m for m in FAULTS if m.function == check.function and f"{check.function}.{line.key}" in m.loses]
            questions = asked(check, line, seed) if costly and line.key not in TIMED else []
            for fault in costly if questions else ():
                assert any(differs(fault, arguments) for arguments in questions), (fault.id, line.key)

    holds()


@EXAMPLES
def test_sizes_and_parameters_are_those_of_the_arithmetic(examples):
    solved = functions()

    @drawn(examples)
    @given(convolutions(), images(least=2), st.integers(1, 9))
    def holds(convolution, image, outputs):
        h, W, b, act = convolution
        padding = map(arithmetic.same_padding, W.shape)
        same = [arithmetic.output_size(*along) for along in zip(h.shape, W.shape[:2], (1, 1), padding, strict=False)]
        assert solved["conv2d_layer"](h, W, b, act).shape == (*same, W.shape[3]) == (*h.shape[:2], W.shape[3])
        pooled = solved["pool2d_layer"](*image)
        halves = [arithmetic.output_size(n, kernel=2, stride=2) for n in image[0].shape[:2]]
        assert pooled.shape == (*halves, image[0].shape[2])
        flat = solved["flatten_layer"](pooled)
        V, c = np.ones((outputs, flat.size)), np.zeros((outputs, 1))
        assert np.size(solved["dense_layer"](flat, V, c, "linear")) == outputs
        convolutional = arithmetic.conv_parameters(W.shape[:2], *W.shape[2:])
        total = convolutional + arithmetic.dense_parameters(flat.size, outputs)
        assert solved["count_weights"]([W, np.zeros(0), V], [b, np.zeros(0), c]) == total

    holds()
