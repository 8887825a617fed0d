"""A page that cannot be made is named."""

import pytest

from autograder.gradebook.course_folder import CourseError, open_course
from autograder.gradebook.feedback_pages import write_feedback
from autograder.labs import get_lab


def test_a_student_who_was_not_graded_has_no_page(course):
    with pytest.raises(CourseError, match="The feedback page of ada was not made"):
        write_feedback(open_course(course), get_lab("lab1"), "ada")
