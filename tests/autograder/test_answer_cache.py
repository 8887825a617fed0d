"""The course's answers, kept for the next time."""

import os
import stat
from collections import OrderedDict

import numpy as np
import pytest

from autograder.checking.student import Namespace, StudentError
from autograder.grading import answer_cache
from autograder.grading.answer_cache import AnswerCache
from autograder.labs import get_lab
from autograder.labs.lab1 import reference

LAB = get_lab("lab1")


class Once(Namespace):
    """Counts how often the course is really asked."""

    asked = 0

    def ask(self, function, *args):
        self.asked += 1
        return super().ask(function, *args)


def test_answers_are_kept_whatever_they_are(tmp_path):
    course = Once(vars(reference))
    first = AnswerCache(course)
    image = np.arange(12.0).reshape(2, 3, 2)
    flat = first.call("flatten_layer", image)
    pair = first.call("evaluate", np.eye(3), np.eye(3))
    with pytest.raises(StudentError, match="Unknown activation 'no'"):
        first.call("activation", image, "no")
    answer_cache.write(tmp_path, LAB, first.known)
    again = AnswerCache(course, OrderedDict(answer_cache.read(tmp_path, LAB)))
    asked = course.asked
    np.testing.assert_array_equal(again.call("flatten_layer", image), flat)
    assert again.call("evaluate", np.eye(3), np.eye(3)) == pair
    with pytest.raises(StudentError, match="Unknown activation 'no'"):
        again.call("activation", image, "no")
    assert course.asked == asked == 3
    again.call("flatten_layer", image + 1)
    assert course.asked == 4


def test_nobody_else_reads_them(tmp_path):
    answer_cache.write(tmp_path, LAB, {b"question": 1.0})
    assert stat.S_IMODE(answer_cache.place(tmp_path, LAB).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [".course_answers-lab1"]


def test_answers_of_other_code_and_half_a_file_do_not_hold(tmp_path, monkeypatch):
    answer_cache.write(tmp_path, LAB, {b"question": 1.0})
    assert answer_cache.read(tmp_path, LAB) == {b"question": 1.0}
    content = answer_cache.place(tmp_path, LAB).read_bytes()
    answer_cache.place(tmp_path, LAB).write_bytes(content[: len(content) // 2])
    assert answer_cache.read(tmp_path, LAB) == {}
    answer_cache.place(tmp_path, LAB).write_bytes(content)
    monkeypatch.setattr(answer_cache, "PACKAGES", ("keras", "tensorflow"))
    assert answer_cache.read(tmp_path, LAB) == {}


def test_where_nothing_can_be_written_grading_goes_on(tmp_path):
    answer_cache.write(tmp_path / "nowhere", LAB, {b"question": 1.0})
    assert answer_cache.read(tmp_path / "nowhere", LAB) == {} and os.listdir(tmp_path) == []
