"""A course folder that would grade without the sandbox is no course folder."""

import pytest

from autograder.gradebook.course_folder import CourseError, open_course


def test_the_folders_are_those_of_the_configuration(course):
    folder = open_course(course)
    assert folder.step("submitted", "ada", "lab1") == course / "assignments/submitted/ada/lab1"
    assert folder.gradebook == f"sqlite:///{course}/gradebook.db"


def test_a_folder_without_configuration_is_none(tmp_path):
    with pytest.raises(CourseError, match="--course DIR"):
        open_course(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("c = get_config()\n", "does not grade in the sandbox"),
        ("import nothing_of_that_name\n", "fails"),
        ("c = get_config(\n", "fails"),
        (
            "c = get_config()\nc.Autograde.autograde_preprocessors = ['nbgrader.preprocessors.Execute',"
            " 'autograder.nbgrader_plugin.TrustedExecute']\n",
            "no other Execute",
        ),
    ],
)
def test_a_configuration_that_would_run_code_unprotected_is_refused(tmp_path, text, says):
    (tmp_path / "nbgrader_config.py").write_text(text)
    with pytest.raises(CourseError, match=says):
        open_course(tmp_path)
