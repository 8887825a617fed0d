"""Questions that a page checks itself: what they hold, and what is refused before it reaches a reader."""

import doctest
import json
import math

import numpy as np
import pytest
from bs4 import BeautifulSoup

from source_lib.interactive import exercise

HINTS = {1: "Too few.", 3: "Too many."}
SHAPES = {(2, 3, 1): "No channels?", (3, 2, 4): "Rows come first."}
OPTIONS = {"mean": "Outliers move it.", "mode": "It may be rare."}


def form(question):
    return BeautifulSoup(question._repr_html_(), "html.parser").form


def data(question):
    return json.loads(form(question).script.string)


def test_examples_in_docstrings():
    assert doctest.testmod(exercise).failed == 0


def test_number_of_any_type_becomes_data():
    asked = exercise.number(
        "How many?", answer=np.int64(2), wrong={np.float32(1.0): "Too few.", 2.5: "Whole."}, unit="a"
    )
    assert data(asked) == {
        "kind": "number",
        "answer": 2,
        "tolerance": 0,
        "unit": "a",
        "wrong": [[1, "Too few."], [2.5, "Whole."]],
    }
    assert form(asked).label.get_text(" ", strip=True) == "How many? a"


@pytest.mark.parametrize(
    ("answer", "tolerance"), [(16, 0), (0.0, 0), (-3, 0), (0.21345, 0.005), (12.7, 0.5), (-0.0134, 0.0005)]
)
def test_rounding_to_two_digits_is_allowed_where_the_answer_is_no_whole_number(answer, tolerance):
    asked = data(exercise.number("?", answer=answer, wrong={99: "Far.", -99: "Farther."}))
    assert asked["tolerance"] == pytest.approx(tolerance)
    assert abs(float(f"{answer:.2g}") - answer) <= asked["tolerance"]


def test_shape_may_leave_a_size_open():
    asked = data(exercise.shape("Shape", answer=(None, np.int64(3), 4), wrong=SHAPES))
    assert asked["answer"] == [None, 3, 4] and [value for value, _ in asked["wrong"]] == [[2, 3, 1], [3, 2, 4]]


def test_options_are_sorted_unless_there_is_an_order():
    asked = exercise.choice("Which?", answer="median", wrong=OPTIONS)
    assert [label.get_text(strip=True) for label in form(asked).select("label")] == ["mean", "median", "mode"]
    assert data(asked)["answer"] == 1
    asked = exercise.choice("Which?", answer="median", wrong=OPTIONS, order=["mode", "mean", "median"])
    assert data(asked)["answer"] == 2 and data(asked)["wrong"] == [[1, OPTIONS["mean"]], [0, OPTIONS["mode"]]]


@pytest.mark.parametrize(
    "asked",
    [
        exercise.number("<b>&</b> `a<b`", answer=2, wrong={1: "</script><b>", 3: "b"}, unit="<i>"),
        exercise.shape("<b>&</b> `a<b`", answer=(2, 3), wrong={(1, 2): "</script><b>", (3, 2): "b"}),
        exercise.choice("<b>&</b> `a<b`", answer="<i>", wrong={"</form><b>": "</script><b>", "c": "b"}),
    ],
)
def test_text_cannot_become_markup(asked):
    assert not form(asked).find_all(["b", "i"])
    assert form(asked).code.get_text() == "a<b" and "<b>&</b>" in form(asked).get_text()
    assert data(asked)["wrong"][0][1] == "</script><b>"
    assert BeautifulSoup(asked._repr_html_(), "html.parser").get_text().endswith("The worked answer is below.")


def test_question_is_readable_and_holds_no_answer_before_the_script_runs():
    for asked in (
        exercise.number("How many pixels?", answer=4711, wrong={1: "a", 2: "b"}),
        exercise.shape("Which shape?", answer=(47, 11), wrong={(1, 2): "a", (3, 2): "b"}),
    ):
        assert "4711" not in form(asked).get_text() and "47" not in form(asked).get_text()
        assert all("hidden" in part.attrs for part in form(asked).select("input, button"))
    assert repr(asked).startswith("Which shape?") and "below" in repr(asked) and "47" not in repr(asked)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: exercise.number("?", answer=math.nan, wrong=HINTS), "answer is nan; it must be a finite number"),
        (lambda: exercise.number("?", answer="2", wrong=HINTS), "answer is '2'"),
        (lambda: exercise.number("?", answer=True, wrong=HINTS), "answer is True"),
        (lambda: exercise.number("?", answer=np.array([2]), wrong=HINTS), "take .item"),
        (lambda: exercise.number("?", answer=2**60, wrong=HINTS), "Ask in thousands"),
        (lambda: exercise.number("?", answer=2, wrong={math.inf: "a", 1: "b"}), "wrong answer is inf"),
        (lambda: exercise.number("?", answer=2, wrong={2.0: "a", 1: "b"}), "wrong answer 2 is taken for the right one"),
        (lambda: exercise.number("?", answer=2, wrong=HINTS, tolerance=1), "smaller tolerance"),
        (lambda: exercise.number("?", answer=2, wrong=HINTS, tolerance=-1), "tolerance is -1"),
        (lambda: exercise.number("?", answer=9.5, wrong={1: "a", 1.04: "b"}), "wrong answers 1 and 1.04 are one"),
        (lambda: exercise.number("?", answer=2, wrong={1: "a"}), "holds 1 wrong answers that differ; give at least 2"),
        (lambda: exercise.number("?", answer=2, wrong={1: "a", 3: " "}), "hint for 3 is ' '"),
        (lambda: exercise.number(" ", answer=2, wrong=HINTS), "question is ' '"),
        (lambda: exercise.number("a `b", answer=2, wrong=HINTS), "backtick is left open"),
        (lambda: exercise.shape("?", answer=(2, 2.5), wrong=SHAPES), "whole numbers"),
        (lambda: exercise.shape("?", answer=(2, -1), wrong=SHAPES), "whole numbers"),
        (lambda: exercise.shape("?", answer=(), wrong=SHAPES), "one or more"),
        (lambda: exercise.shape("?", answer=[3, 2, 4], wrong=SHAPES), "is the right one"),
        (lambda: exercise.shape("?", answer=[3, 2], wrong={(3, 1): "a"}), "at least 2"),
        (lambda: exercise.choice("?", answer="mean", wrong=OPTIONS), "both right and wrong"),
        (lambda: exercise.choice("?", answer="median", wrong={"mean": "a"}), "at least 2"),
        (lambda: exercise.choice("?", answer="", wrong=OPTIONS), "An option is ''"),
        (lambda: exercise.choice("?", answer="b", wrong={"a": "x", "c": ""}), "hint for c is ''"),
        (lambda: exercise.choice("?", answer="median", wrong=OPTIONS, order=["median", "mean"]), "each option once"),
    ],
)
def test_what_no_reader_could_use_is_refused(ask, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        ask()
