"""Which known fault is named."""

import numpy as np
import pytest

from autograder.hints import hint
from autograder.rubric import Mutant, StudentError
from autograder.student import Namespace, NotebookStudent


def mutants_of(**answers):
    return [Mutant(name, "double", answer, frozenset({"x"}), f"It is {name}.") for name, answer in answers.items()]


def student_with(mutants, **course):
    answers = {one.id: one.answer for one in mutants}
    functions = {"double": lambda x: 2 * x, "mutant": lambda name, *rest: answers[name](*rest), **course}
    return NotebookStudent({}, Namespace(functions))


def zeroing(x):
    result = 2 * x
    x[...] = 0
    return result


MUTANTS = mutants_of(tripled=lambda x: 3 * x, squared=lambda x: x**2, zeroing=zeroing)
X = np.array([1.0, -3.0, 4.0])


def named(answer, x=X, mutants=MUTANTS, **options):
    return hint(student_with(mutants), mutants, "double", (x,), answer, **options)


def test_the_one_fault_that_fits_is_named():
    assert named(3 * X) == "It is tripled."
    assert named((3 * X).astype("float32")) == "It is tripled."


def test_an_answer_that_fits_none_is_not_named():
    assert named(5 * X) == ""
    assert named(None) == ""
    assert named("text") == ""
    assert named(3 * X[:2]) == ""


def test_a_fault_that_does_not_show_on_these_inputs_is_not_named():
    # 2² is 2 · 2, so the square is right here and its name would be a guess.
    assert named(np.array([4.0]), np.array([2.0])) == ""


def test_two_faults_that_fit_are_not_named():
    assert named(np.array([9.0]), np.array([3.0])) == ""
    assert named(np.array([9.0, 12.0]), np.array([3.0, 4.0])) == "It is tripled."


def test_faults_of_other_functions_are_not_asked():
    other = [Mutant("other", "triple", lambda x: 3 * x, frozenset({"x"}), "It is other.")]
    assert named(3 * X, mutants=other) == ""


def test_what_was_changed_in_place_names_the_fault_that_changes_the_same():
    assert named(2 * X, changed=(0,)) == "It is zeroing."
    assert named(2 * X, changed=(1,)) == ""
    assert named(2 * X) == ""


def test_only_what_counts_is_compared():
    pairs = mutants_of(halved=lambda x: (x[0] / 2, 0.0), other=lambda x: (x[0] * 2, 7.0))
    student = student_with(pairs, double=lambda x: (2 * x[0], 1.0))
    assert hint(student, pairs, "double", (X,), (X[0] / 2, 99.0), lambda pair: pair[0]) == "It is halved."
    assert hint(student, pairs, "double", (X,), (X[0] / 2, 99.0)) == ""
    assert hint(student, pairs, "double", (X,), (3.0, 7.0), lambda pair: pair[1]) == "It is other."


def test_infinite_answers_are_compared_too():
    infinite = mutants_of(infinite=lambda x: x / 0.0)
    with np.errstate(divide="ignore"):
        assert named(X / 0.0, mutants=infinite) == "It is infinite."


@pytest.mark.parametrize("answer", [None, X])
def test_where_the_right_answer_is_an_error_what_answers_is_a_fault(answer):
    def refusing(x):
        raise ValueError("no")

    silent = mutants_of(silent=lambda x: None, linear=lambda x: x, raising=refusing)
    student = student_with(silent, double=refusing)
    assert hint(student, silent, "double", (X,), answer) == ("It is silent." if answer is None else "It is linear.")


def test_a_fault_that_raises_is_passed_over():
    def raising(x):
        raise StudentError("no answer")

    assert named(3 * X, mutants=[*MUTANTS, *mutants_of(raising=raising)]) == "It is tripled."
