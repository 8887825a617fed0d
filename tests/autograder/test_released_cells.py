"""A lab that is released again flags nobody for holding the release of last week."""

from dataclasses import replace

import nbformat
import pytest

from autograder.errors import UserError
from autograder.gradebook.released_cells import RELEASED, read_earlier, remember
from autograder.submissions.cells import Role, restore

OLD = {
    "setup": Role("setup", "code", "import numpy", "1", False, False, True, 0.0),
    "f": Role("f", "code", "def f(): ...", "2", False, True, False, 0.0),
    "check_f": Role("check_f", "code", 'check("f")', "3", True, False, True, 5.0),
    "essay": Role("essay", "markdown", "Write here.", "4", True, True, False, 10.0),
}
NEW = {
    **OLD,
    "setup": replace(OLD["setup"], source="import numpy as np"),
    "check_f": replace(OLD["check_f"], source='check("f")\n', points=8.0),
    "essay": replace(OLD["essay"], points=4.0),
}


def handed_in(roles, **changed):
    cells = []
    for role in roles.values():
        role = changed.get(role.grade_id, role)
        cell = nbformat.from_dict(
            {"cell_type": role.cell_type, "metadata": {}, "source": role.source, "id": role.grade_id}
        )
        cell.metadata["nbgrader"] = nbformat.from_dict(role.metadata)
        cells.append(cell)
    return nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def released(tmp_path):
    """What the newest release says of each cell, with the earlier one known."""
    for roles in (OLD, NEW, NEW):
        remember(tmp_path, "lab1", roles.values())
    earlier = read_earlier(tmp_path)["lab1"]
    return {name: replace(role, earlier=tuple(earlier[name])) for name, role in NEW.items()}


def test_who_holds_an_earlier_release_is_not_flagged_and_gets_the_points_of_today(released):
    notebook = handed_in(OLD)
    assert restore(notebook, released) == []
    assert [cell.metadata["nbgrader"]["grade_id"] for cell in notebook.cells] == list(NEW)
    assert [cell.source for cell in notebook.cells] == [role.source for role in NEW.values()]
    assert [cell.metadata["nbgrader"].get("points") for cell in notebook.cells] == [None, None, 8.0, 4.0]
    # Without the record, the same notebook looks changed.
    assert any("points" in note for note in restore(handed_in(OLD), NEW))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (replace(OLD["check_f"], points=100.0), "The settings of the cell check_f were changed (points)"),
        (replace(OLD["check_f"], grade=False), "The settings of the cell check_f were changed (grade)"),
        (replace(OLD["essay"], points=8.0), "The settings of the cell essay were changed (points)"),
        (replace(OLD["check_f"], source="5.0"), "Check cells were edited"),
    ],
)
def test_what_no_release_ever_said_is_flagged_as_before(released, changed, said):
    (note,) = restore(handed_in(OLD, **{changed.grade_id: changed}), released)
    assert said in note


def test_text_that_a_student_put_into_a_locked_cell_still_runs(released):
    notebook = handed_in(OLD, setup=replace(OLD["setup"], source="import numpy\nmine = 1"))
    assert restore(notebook, released) == []
    assert [cell.source for cell in notebook.cells][:2] == ["import numpy as np", "import numpy\nmine = 1"]


def test_the_record_grows_with_what_is_new_alone_and_damage_is_a_sentence(tmp_path):
    for _ in range(3):
        remember(tmp_path, "lab1", OLD.values())
    assert {name: len(marks) for name, marks in read_earlier(tmp_path)["lab1"].items()} == dict.fromkeys(OLD, 2)
    remember(tmp_path, "lab2", OLD.values())
    assert list(read_earlier(tmp_path)) == ["lab1", "lab2"]
    for damage in ("{", "[]", '{"lab1": 3}', '{"lab1": {"f": 3}}'):
        (tmp_path / RELEASED).write_text(damage)
        with pytest.raises(UserError, match="damaged"):
            remember(tmp_path, "lab1", OLD.values())
        assert (tmp_path / RELEASED).read_text() == damage
