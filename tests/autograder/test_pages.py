"""A page that cannot be made is named."""

import pytest

from autograder.course import CourseError, open_course
from autograder.pages import write_feedback
from autograder.rubric import get_lab


def test_a_student_who_was_not_graded_has_no_page(course):
    with pytest.raises(CourseError, match="The feedback page of ada was not made"):
        write_feedback(open_course(course), get_lab("lab1"), "ada")
