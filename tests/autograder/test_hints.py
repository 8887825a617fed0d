"""Which known fault is named, which two at once, and when none is."""

from dataclasses import replace

import numpy as np
import pytest

from autograder.checking.faults import Fault, fault_functions
from autograder.checking.hints import NONE_FITS, SEVERAL_FIT, Wrong, fits, fits_alone, hint_of, suspects
from autograder.checking.student import Namespace


def faults_of(right, **changes):
    return [
        Fault(name, frozenset({"double.x"}), fault, function="double", hint=f"It is {name}.", part=name)
        for name, fault in changes.items()
    ]


def course_with(faults, right):
    return Namespace({"double": right, **fault_functions(faults, {"double": right})})


def double(x):
    return 2 * x


def tripled(layer):
    return lambda x: 3 * x


def squared(layer):
    return lambda x: x**2


def negative(layer):
    return lambda x: -layer(x)


def shifted(layer):
    return lambda x: layer(x) + 1


def spoiled(position):
    def fault(layer):
        def answer(*arguments):
            result = layer(*arguments)
            arguments[position][...] = 0
            return result

        return answer

    return fault


FAULTS = faults_of(double, tripled=tripled, squared=squared, negative=negative, shifted=shifted, zeroing=spoiled(0))
X = np.array([1.0, -3.0, 4.0])


def named(answer, *arguments, faults=FAULTS, right=double, **options):
    wrong = Wrong("double", arguments or (X,), answer, "is wrong", **options)
    return suspects(course_with(faults, right), wrong)


def test_the_one_fault_that_fits_is_named():
    assert named(3 * X) == ["tripled"]
    assert named((3 * X).astype("float32")) == ["tripled"]


@pytest.mark.parametrize("answer", [5 * X, None, "text", 3 * X[:2], [[1], [1, 2]]])
def test_an_answer_that_fits_none_is_not_named(answer):
    assert named(answer) == []


def test_a_fault_that_does_not_show_on_these_inputs_is_not_named():
    # 2² is 2 · 2, so the square is right here and its name would be a guess.
    assert named(np.array([4.0]), np.array([2.0])) == []


def test_every_fault_that_fits_is_suspected():
    assert named(np.array([9.0]), np.array([3.0])) == ["tripled", "squared"]
    assert named(np.array([9.0, 12.0]), np.array([3.0, 4.0])) == ["tripled"]


def test_two_at_once_are_named_whichever_is_put_in_last():
    assert named(-3 * X) == ["negative+tripled"]
    # Both orders are possible and give different numbers.
    assert named(-2 * X + 1) == ["shifted+negative"]
    assert named(-2 * X - 1) == ["negative+shifted"]


def test_two_are_not_named_where_one_alone_gives_the_same():
    # Tripling ignores what comes before it, so together with a shift it is tripling.
    assert named(3 * X) == ["tripled"]
    assert named(-2 * X) == ["negative"]


def test_two_that_are_about_the_same_part_are_not_put_together():
    same = faults_of(double, tripled=tripled, negative=negative)
    same = [replace(one, part="one") for one in same]
    assert named(-3 * X, faults=same) == []


def test_what_was_changed_in_place_names_the_fault_that_changes_the_same():
    assert named(2 * X, changed=(0,)) == ["zeroing"]
    assert named(2 * X, changed=(1,)) == []
    assert named(2 * X) == []

    def right(x, y):
        return 2 * x

    both = faults_of(right, first=spoiled(0), second=spoiled(1))
    y = np.ones(2)
    assert named(2 * X, X, y, faults=both, right=right, changed=(0, 1)) == ["first+second"]
    assert named(2 * X, X, y, faults=both, right=right, changed=(1,)) == ["second"]


def test_only_what_counts_is_compared():
    def right(x):
        return 2 * x[0], 1.0

    def halved(layer):
        return lambda x: (x[0] / 2, 0.0)

    def other(layer):
        return lambda x: (x[0] * 2, 7.0)

    pairs = faults_of(right, halved=halved, other=other)
    assert named((X[0] / 2, 99.0), faults=pairs, right=right, view=lambda pair: pair[0]) == ["halved"]
    assert named((X[0] / 2, 99.0), faults=pairs, right=right) == []
    assert named((3.0, 7.0), faults=pairs, right=right, view=lambda pair: pair[1]) == ["other"]


def test_infinite_answers_are_compared_too():
    infinite = faults_of(double, infinite=lambda layer: lambda x: x / 0.0)
    with np.errstate(divide="ignore"):
        assert named(X / 0.0, faults=infinite) == ["infinite"]


@pytest.mark.parametrize("answer", [None, X])
def test_where_the_right_answer_is_an_error_what_answers_is_a_fault(answer):
    def refusing(x):
        raise ValueError("no")

    silent = faults_of(
        refusing,
        silent=lambda layer: lambda x: None,
        linear=lambda layer: lambda x: x,
        raising=lambda layer: refusing,
    )
    assert named(answer, faults=silent, right=refusing) == (["silent"] if answer is None else ["linear"])


def test_whether_a_fault_still_fits_is_asked_anew():
    course = course_with(FAULTS, double)
    nine = Wrong("double", (np.array([3.0]),), np.array([9.0]), "is wrong")
    assert fits(course, "tripled", nine) and fits(course, "squared", nine) and not fits(course, "negative", nine)
    assert not fits_alone(course, "tripled", nine)
    twelve = Wrong("double", (np.array([4.0]),), np.array([12.0]), "is wrong")
    assert fits_alone(course, "tripled", twelve)
    assert fits_alone(course, "negative+tripled", Wrong("double", (X,), -3 * X, "is wrong"))
    assert not fits(course, "no_such_fault", twelve)


def test_what_is_told():
    assert hint_of(FAULTS, ["tripled"]) == "It is tripled."
    assert hint_of(FAULTS, ["negative+tripled"]) == "Two things at once: (1) It is tripled. (2) It is negative."
    assert hint_of(FAULTS, []) == NONE_FITS
    assert hint_of(FAULTS, ["tripled", "squared"]) == SEVERAL_FIT
