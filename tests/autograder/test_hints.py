"""Which known fault is named, which two at once, and when none is."""

from dataclasses import replace

import numpy as np
import pytest

from autograder.checking.faults import Fault, fault_functions
from autograder.checking.hints import (
    NONE_FITS,
    SEVERAL_FIT,
    Asked,
    Wrong,
    fits,
    fits_alone,
    hint_of,
    likeliest,
    second_hint,
    suspects,
    suspects_of_error,
)
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
    # Where a sentence names the mistake itself, nothing is added, but a fault that fits is.
    assert hint_of(FAULTS, [], "") == "" and hint_of(FAULTS, ["tripled"], "") == "It is tripled."


def test_a_fault_is_known_in_all_its_forms_and_told_once():
    forms = faults_of(double, tripled=tripled)
    forms = [replace(one, forms=(lambda layer: lambda x: 30 * x, squared)) for one in forms]
    assert named(30 * X, faults=forms) == ["tripled~2"]
    assert named(X**2, faults=forms) == ["tripled~3"]
    # 3² is 3 · 3: two forms of one fault give it, and that is one.
    assert named(np.array([9.0]), np.array([3.0]), faults=forms) == ["tripled"]
    assert hint_of(forms, ["tripled~3"]) == "It is tripled."
    course = course_with(forms, double)
    assert fits(course, "tripled~3", Wrong("double", (X,), X**2, "is wrong"))
    assert not fits(course, "tripled", Wrong("double", (X,), X**2, "is wrong"))


def test_what_two_give_together_that_is_not_one_put_into_the_other():
    both = faults_of(double, negative=negative, shifted=shifted)
    both[0] = replace(both[0], together={"shifted": lambda layer: lambda x: 100 - layer(x)})
    (name,) = named(100 - 2 * X, faults=both)
    assert hint_of(both, [name]) == "Two things at once: (1) It is negative. (2) It is shifted."
    assert fits_alone(course_with(both, double), name, Wrong("double", (X,), 100 - 2 * X, "is wrong"))
    # As one put into the other they are still found.
    assert named(-2 * X + 1, faults=both) == ["shifted+negative"]


def test_of_several_that_one_is_likeliest_that_was_named_before_or_is_no_rare_form():
    assert likeliest(["tripled", "squared"], ()) == ["tripled", "squared"]
    assert likeliest(["tripled", "squared"], {"squared"}) == ["squared"]
    assert likeliest(["tripled~2", "squared"], ()) == ["squared"]
    assert likeliest(["tripled~2", "squared"], {"tripled"}) == ["tripled~2"]
    assert likeliest(["tripled~2", "squared~2"], ()) == ["tripled~2", "squared~2"]
    assert likeliest([], {"tripled"}) == []


def cached(layer):
    return lambda x: (layer(x), x)


@pytest.mark.parametrize("rest", [None, {"a": X}, X[:2], X, 4.0])
def test_a_result_beside_something_else_is_named_whatever_that_is(rest):
    known = faults_of(double, cached=cached, tripled=tripled)
    assert named((2 * X, rest), faults=known) == ["cached"]
    assert named([2 * X, rest], faults=known) == ["cached"]
    assert named((5 * X, rest), faults=known) == []
    assert named((2 * X,), faults=known) == [] and named(None, faults=known) == []


def stopping_at(bad, otherwise):
    def fault(layer):
        def answer(x):
            if bad(x):
                raise ValueError("no")
            return otherwise(layer)(x)

        return answer

    return fault


def asked_of(answer, *inputs):
    """Return what becomes of a function's answers to some inputs."""
    found = []
    for x in inputs:
        try:
            found.append(Asked("double", (x,), answer(x)))
        except ValueError:
            found.append(Asked("double", (x,), raised=True))
    return found


LONG = stopping_at(lambda x: len(x) > 2, lambda layer: layer)
TRIPLED_LONG = stopping_at(lambda x: len(x) > 2, tripled)
ODD = stopping_at(lambda x: len(x) % 2, lambda layer: layer)


@pytest.mark.parametrize("fault", ["long", "tripled_long", "odd"])
def test_what_raises_is_known_by_where_it_raises_and_what_it_answers_elsewhere(fault):
    known = faults_of(double, long=LONG, tripled_long=TRIPLED_LONG, odd=ODD, tripled=tripled)
    answer = next(one for one in known if one.id == fault).apply(double)
    wrong = Wrong("double", (X,), None, "stopped with ValueError: no", raised=True)
    answers = asked_of(answer, X[:1], X[:2])
    assert suspects_of_error(course_with(known, double), wrong, answers) == [fault]
    # Where nothing else was asked, nothing tells them apart.
    assert len(suspects_of_error(course_with(known, double), wrong, [])) == 3


def test_what_raises_where_no_fault_does_is_known_by_its_wrong_answers():
    known = faults_of(double, tripled=tripled, negative=negative)
    course = course_with(known, double)
    wrong = Wrong("double", (X,), None, "stopped with ValueError: no", raised=True)
    assert suspects_of_error(course, wrong, asked_of(TRIPLED_LONG(double), X[:1], X[:2])) == ["tripled"]
    assert suspects_of_error(course, wrong, asked_of(LONG(double), X[:1], X[:2])) == []
    assert suspects_of_error(course, wrong, asked_of(lambda x: 7 * x, X[:1], X[:2])) == []
    # Answers of other functions tell nothing about this one.
    assert suspects_of_error(course, wrong, [Asked("other", (X,), 3 * X)]) == []


def test_where_the_right_answer_is_an_error_none_is_suspected_of_one():
    def refusing(x):
        raise ValueError("no")

    known = faults_of(refusing, raising=lambda layer: refusing)
    wrong = Wrong("double", (X,), None, "stopped with ValueError: no", raised=True)
    assert suspects_of_error(course_with(known, refusing), wrong, []) == []


def test_second_level_of_each_hint_in_a_message():
    known = [replace(one, second_hint=f"Do not be {one.id}.") for one in FAULTS]
    assert second_hint(known, "Asked: x. It is tripled.") == "Do not be tripled."
    two = hint_of(known, ["shifted+negative"])
    assert second_hint(known, f"Asked: x. {two}") == "(1) Do not be negative. (2) Do not be shifted."
    assert second_hint(known, "Asked: x. It is something else.") == ""
    for general in (NONE_FITS, SEVERAL_FIT):
        assert "print" in second_hint(known, f"Asked: x. {general}")
    # A hint that is the beginning of another does not bring its own second level.
    longer = [*known, replace(known[0], id="longer", hint="It is tripled. Twice.", second_hint="Not that often.")]
    assert second_hint(longer, "Asked: x. It is tripled. Twice.") == "Not that often."
