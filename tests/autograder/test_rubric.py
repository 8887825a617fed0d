"""Items, lines, checks and labs."""

import numpy as np
import pytest

from autograder import labs
from autograder.checking.lab import Lab
from autograder.checking.problem import Problem
from autograder.checking.rubric import Check, Item, Line
from autograder.checking.student import NotebookStudent, StudentError


def right(student, rng):
    return None


def wrong(student, rng):
    return "Not so."


def unanswered(student, rng):
    raise StudentError("There is no function.")


CHECK = Check("pool2d_layer", (Line("a", "A", 1.5, wrong), Line("b", "B", 0.5, unanswered), Line("c", "C", 2, right)))


def test_every_line_is_asked_whatever_the_ones_before_it_gave():
    assert CHECK(NotebookStudent({}), np.random.default_rng(0)) == [
        Item("check_pool2d_layer", "A", 1.5, False, "Not so."),
        Item("check_pool2d_layer", "B", 0.5, False, "There is no function."),
        Item("check_pool2d_layer", "C", 2, True, ""),
    ]


def test_what_is_found_out_later_changes_no_verdict():
    order = []

    def later(student, rng):
        order.append("judged")
        return Problem("Asked: this. Not so.", more=lambda: order.append("more") or Problem("Because.", "1 2"))

    check = Check("f", (Line("a", "A", 1, later), Line("b", "B", 2, later), Line("c", "C", 3, right)))
    items = check(NotebookStudent({}), np.random.default_rng(0))
    assert order == ["judged", "judged", "more", "more"]
    assert [(item.passed, item.message, item.example) for item in items] == [
        *[(False, "Because.", "1 2")] * 2,
        (True, "", ""),
    ]
    order.clear()
    items = check.items(check.judge(NotebookStudent({}), np.random.default_rng(0)))
    assert order == ["judged", "judged"] and items[0].message == "Asked: this. Not so." and items[0].reason == "Not so."


LONG = "There is no file model.json beside the notebook, and it has to be handed in with it."


@pytest.mark.parametrize("reason", [LONG, "It classifies 85.20 % right."])
def test_a_long_reason_is_said_once(reason):
    def line(key):
        return Line(key, f"Line {key}", 1, lambda student, rng: Problem(f"Asked: reach {key}. {reason}"))

    items = Check("accuracy", (line("a"), line("b"), line("c")))(NotebookStudent({}), np.random.default_rng(0))
    first, *others = (item.message for item in items)
    assert first == f"Asked: reach a. {reason}"
    if reason != LONG:
        assert others == [f"Asked: reach {key}. {reason}" for key in "bc"]
    else:
        assert others == [f"Asked: reach {key}. The reason is the same as for “Line a”." for key in "bc"]


def test_a_line_earns_all_or_nothing():
    assert [item.points for item in CHECK(NotebookStudent({}), np.random.default_rng(0))] == [0, 0, 2]
    assert CHECK.points == 4
    assert isinstance(CHECK.points, float)


def test_failed_gives_every_line_the_reason():
    items = CHECK.failed("It calls keras.")
    assert [(item.title, item.points, item.message) for item in items] == [
        ("A", 0, "It calls keras."),
        ("B", 0, "It calls keras."),
        ("C", 0, "It calls keras."),
    ]


def test_a_line_draws_the_same_whatever_another_draws():
    def drawing(count):
        def question(student, rng):
            return str(rng.random(count)[-1])

        return question

    def drawn(count):
        check = Check("f", (Line("a", "A", 1, drawing(count)), Line("b", "B", 1, drawing(1))))
        return [item.message for item in check(NotebookStudent({}), np.random.default_rng(7))]

    few, many = drawn(1), drawn(100)
    assert few[0] != many[0]
    assert few[1] == many[1]
    assert few[0] != few[1]


def test_a_fault_of_the_check_itself_is_not_blamed_on_the_student():
    def broken(student, rng):
        raise KeyError("typo in the check")

    with pytest.raises(KeyError):
        Check("f", (Line("a", "A", 1, broken),))(NotebookStudent({}), np.random.default_rng(0))


def test_lab_finds_checks_by_the_id_of_their_cell():
    lab = Lab("lab9", "Nine", (CHECK,), {"discussion": 3})
    assert lab.check("check_pool2d_layer") is CHECK
    assert lab.check("pool2d_layer") is None
    assert lab.points == 4


def test_registered_labs_are_found_by_name():
    assert "lab1" in labs.lab_names()
    assert "compare" not in labs.lab_names()
    assert labs.get_lab("lab1").name == "lab1"


@pytest.mark.parametrize("name", ["lab99", "compare", "", "../lab1"])
def test_unknown_lab_is_told_which_there_are(name):
    with pytest.raises(labs.UnknownLabError, match=r"Known labs: .*lab1"):
        labs.get_lab(name)
