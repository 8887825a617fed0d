"""What the lines of a class tell: computed as the sources say, and not at all where it would be chance."""

import json

import numpy as np
import pytest

from autograder.checking.rubric import Item
from autograder.errors import UserError
from autograder.gradebook.course_folder import NOTES, open_course
from autograder.gradebook.item_analysis import (
    Answered,
    analyze,
    analyze_course,
    discrimination,
    reliability,
    thirds_of,
)
from autograder.labs import get_lab
from benchmarks.semester import class_of, write_class

LAB = get_lab("lab1")
NO_FLIP = next(fault for fault in LAB.faults if fault.id == "conv2d_no_flip")
#: Six people and four items; alpha by hand: 4/3 (1 − (sum of variances) / (variance of sums)).
SCORES = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]], float)


def student(name, lost=(), message="Asked: a. It is 3.5 and should be 7.", flags=()):
    """Return a verdict that lost some lines, as ``function.key``, for one reason."""
    items = {}
    for check in LAB.checks:
        for line in check.lines:
            gone = lost == "all" or f"{check.function}.{line.key}" in lost
            item = Item(check.grade_id, line.title, line.points, not gone, message if gone else "")
            items[check.grade_id, line.title] = item
    return Answered(name, items, tuple(flags))


def test_alpha_is_that_of_the_formula_and_lies_in_its_interval():
    scores = np.repeat(SCORES, 5, axis=0)
    people, items = scores.shape
    by_hand = (
        items / (items - 1) * (1 - sum(np.var(column, ddof=1) for column in scores.T) / np.var(scores.sum(1), ddof=1))
    )
    found = reliability(scores)
    assert found.alpha == pytest.approx(by_hand, rel=1e-12) and 0.8 < found.alpha < 0.9
    assert found.low < found.alpha < found.high < 1
    # Ten times the class, a narrower interval about the same number.
    more = reliability(np.repeat(SCORES, 50, axis=0))
    assert more.high - more.low < (found.high - found.low) / 2


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (SCORES, "Too few: 6 students count, and 10 are needed"),
        (np.ones((20, 1)), "single line"),
        (np.ones((20, 3)), "Everybody has the same points"),
        (np.zeros((0, 3)), "Too few: 0"),
    ],
)
def test_a_reliability_that_would_be_chance_is_not_computed(scores, said):
    found = reliability(scores)
    assert found.alpha is None and said in found.problem


def test_discrimination_is_the_correlation_with_all_other_points():
    passed = np.array([True, True, True, False, False, False] * 2)
    others = np.array([9.0, 8, 5, 6, 2, 1] * 2)
    assert discrimination(passed, others) == pytest.approx(np.corrcoef(passed, others)[0, 1])
    assert discrimination(np.ones(12, bool), others) is None
    assert discrimination(passed, np.ones(12)) is None
    assert discrimination(passed[:9], others[:9]) is None


def test_who_has_the_same_points_is_in_the_same_third():
    assert thirds_of(np.array([1.0, 1, 1, 5, 9, 9])).tolist() == [0, 0, 0, 1, 2, 2]
    assert set(thirds_of(np.full(7, 3.0))) == {1}
    assert thirds_of(np.zeros(0)).tolist() == []


def test_the_line_says_which_known_mistake_was_made_and_by_whom():
    other = next(line for line in LAB.lines if line.startswith("pool2d_layer."))
    weak = [student(f"w{k}", {*NO_FLIP.loses, other}, f"Asked: a. It is wrong. {NO_FLIP.hint}") for k in range(4)]
    others = [student(f"o{k}", NO_FLIP.loses, f"Asked: a. It is {k}.5 away.") for k in range(3)]
    analysis = analyze(LAB, [*weak, *others, *(student(f"r{k}") for k in range(8))])
    (line,) = [one for one in analysis.lines if f"{one.function}.{one.key}" in NO_FLIP.loses][:1]
    assert (line.passed, line.students) == (8, 15)
    assert [(one.id, one.text, one.students) for one in line.mistakes] == [
        ("conv2d_no_flip", NO_FLIP.hint, 4),
        ("", "It is … away.", 3),
    ]
    assert line.mistakes[0].by_third == (4, 0, 0) and line.discrimination > 0
    assert [one.id for one in analysis.mistakes if one.function == "conv2d_layer"] == ["conv2d_no_flip"]


def test_who_wrote_nothing_and_what_cannot_be_read_does_not_count():
    answers = [
        *(student(f"r{k}") for k in range(3)),
        student("untouched", "all", "conv2d_layer is not written yet."),
        student("broken", "all", "lab1.ipynb is no notebook.", ["lab1.ipynb is no notebook."]),
        None,
        Answered("another rubric", {("check_x", "a line"): Item("check_x", "a line", 1.0, True)}),
    ]
    analysis = analyze(LAB, answers)
    assert len(analysis.points) == 3 and set(analysis.points) == {LAB.points}
    assert (analysis.untouched, analysis.unread, analysis.without) == (1, 1, 2)


def test_a_class_in_which_nobody_counts_is_no_error():
    analysis = analyze(LAB, [None, student("untouched", "all", "x is not written yet.")])
    assert len(analysis.points) == 0 and {line.share for line in analysis.lines} == {0.0}


def test_verdicts_come_from_the_course_s_folder_and_broken_ones_are_counted(tmp_path):
    answers = class_of(LAB, 15)
    write_class(tmp_path, LAB, answers)
    course = open_course(tmp_path)
    names = [one.student for one in answers]
    broken = course.step("autograded", names[0], "lab1") / "lab1.ipynb"
    for content in ("{", "[]", json.dumps({"metadata": {NOTES: {"verdict": {"items": [{"x": 1}], "flags": []}}}})):
        broken.write_text(content)
        found = analyze_course(course, LAB, names)
        assert found.without == 1 and len(found.points) == 14
    assert found.lines == analyze(LAB, answers[1:]).lines
    with pytest.raises(UserError, match="Grade it: cnn-course grade lab1"):
        analyze_course(course, LAB, ["nobody"])
