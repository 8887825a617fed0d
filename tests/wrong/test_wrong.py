"""Wrong answers are wrong, and those with a known fault lose exactly its lines."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import convolve2d
from skimage.measure import block_reduce

from autograder.checking import compare
from autograder.checking.student import NotebookStudent, StudentError
from autograder.labs.lab1 import LAB
from tests.labs.kit import asked
from tests.labs.lab1.trial import TIMED
from tests.wrong import RIGHT, corpus

CORPUS = {one.name: one for one in corpus()}
FAULTS = {fault.id: fault for fault in LAB.faults}
KNOWN = [name for name, one in CORPUS.items() if one.fault]
NARROW = [name for name, one in CORPUS.items() if not one.fault]
ORACLE = LAB.oracle()
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 20))]
# What is wrong on purpose may overflow on the way.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def student(*sources):
    names = {"np": np, "convolve2d": convolve2d, "block_reduce": block_reduce}
    names["sliding_window_view"] = sliding_window_view
    for source in (*RIGHT.values(), *sources):
        exec(source, names)
    return NotebookStudent(names, ORACLE)


def lost(function, *sources, seed):
    check = LAB.check(f"check_{function}")
    check = replace(check, lines=tuple(line for line in check.lines if line.key not in TIMED))
    return asked(student(*sources), [check], seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("function", RIGHT)
def test_the_right_answers_that_they_differ_from_lose_nothing(function, seed):
    assert lost(function, seed=seed).lost == {}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", KNOWN)
def test_a_known_fault_loses_exactly_its_lines(name, seed):
    one = CORPUS[name]
    outcome = lost(one.function, one.source, seed=seed)
    assert sorted(outcome.lost) == sorted(FAULTS[one.fault].loses & outcome.asked)


@pytest.mark.parametrize("name", NARROW)
def test_any_other_is_shown_to_be_wrong(name):
    one = CORPUS[name]
    arguments = eval(f"({one.shown_by},)", {"np": np})
    right = student().ask(one.function, *arguments).value if raises(student(), one, arguments) is None else None
    wrong = student(one.source)
    if right is None:
        # It answers where an error is asked.
        assert raises(wrong, one, arguments) is None
    else:
        assert compare.agree(np.ravel(right), np.ravel(ORACLE.call(one.function, *arguments)))
        assert raises(wrong, one, arguments) or not compare.agree(wrong.call(one.function, *arguments), right)


def raises(student, one, arguments):
    try:
        student.ask(one.function, *arguments)
    except StudentError as error:
        return str(error)
    return None


def test_there_are_many_and_each_is_another():
    assert len(CORPUS) == len(corpus()) >= 80
    assert {one.function for one in CORPUS.values()} == {check.function for check in LAB.checks}
    assert len({one.source for one in CORPUS.values()} | set(RIGHT.values())) == len(CORPUS) + len(RIGHT)
    assert all(bool(one.fault) != bool(one.shown_by) for one in CORPUS.values())
    assert {one.fault for one in CORPUS.values() if one.fault} <= FAULTS.keys()
