"""Which cell of a submission makes a name that was not there, and why it was not."""

import time

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.grading.makers import Makers
from autograder.submissions.absent import EXPLORES, explained
from autograder.submissions.cell_run import CellRun
from autograder.submissions.cells import clean


def error(name, text):
    return CellRun([], error={"ename": name, "evalue": text, "traceback": ""})


def missing(name):
    return error("NameError", f"name '{name}' is not defined")


def makers(cells, ran):
    made = [new_code_cell(one) if isinstance(one, str) else one for one in cells]
    return Makers(clean(new_notebook(cells=made)), ran, frozenset())


@pytest.mark.parametrize(
    ("ran", "says"),
    [
        (CellRun([]), "No cell that grading runs makes K."),
        (None, "No cell that grading runs makes K."),
        (
            error("ValueError", "no"),
            'K is made in the cell that begins with "K = 3". That cell stops while grading with',
        ),
        (CellRun([], cut_off="This cell was left out: it was slow."), "While grading: This cell was left out: it was"),
        (missing("data"), "since data is not there. No cell that grading runs makes data."),
        (CellRun([], error={"ename": 3, "evalue": None}), "stops while grading with 3."),
    ],
)
def test_reason_is_what_the_cell_did(ran, says):
    found = makers([new_markdown_cell("K = 1"), "K = 3"], {} if ran is None else {1: ran}).find("K")
    assert says in found


def test_the_last_cell_that_makes_a_name_and_did_not_end_is_named():
    cells = ["data = 1\nK = 1", "%%time\n\nK = data.K", "K", "def f(): K = 1", "x = [K for K in y]"]
    found = makers(cells, dict.fromkeys(range(5), missing("data"))).find("K")
    assert found.startswith(
        'K is made in the cell that begins with "K = data.K". That cell stops while grading, since data'
    )


def test_reasons_follow_each_other_and_end():
    cells = ["# explore\na = load()", "b = a", "c = b", "d = c", "e = f", "f = e"]
    ran = {1: missing("a"), 2: missing("b"), 3: missing("c"), 4: missing("f"), 5: missing("e")}
    found = makers(cells, ran)
    assert found.find("c").endswith(EXPLORES) and found.find("c").count("is made in the cell") == 3
    assert found.find("d").endswith("since a is not there.")
    assert found.find("e").count("is made in the cell") == 3


def test_message_says_each_reason_once():
    error = "f stopped with NameError: name 'K' is not defined."
    message = f"{error} {error} There is no function g yet."
    assert explained(message, "{}!".format) == f"{message} K! g!"
    assert explained("All is well.", "{}!".format) == "All is well."
    assert explained("There is no function g yet.", lambda name: "") == "There is no function g yet."


def seconds(count):
    """Return the processor time in which the reasons of all names of a notebook with so many cells are found."""
    cells = [f"x{number} = x{number + 1} + {' + '.join('abc')}" for number in range(count)]
    found = makers(cells, {number: missing(f"x{number + 1}") for number in range(count)})
    start = time.thread_time()
    for number in range(count):
        found.find(f"x{number}")
    return time.thread_time() - start


def test_time_grows_with_the_notebook_and_not_with_its_square():
    # Other work on the machine only ever adds time. Eight times the cells: 8, and 64 for the square.
    few, many = (min(seconds(count) for _ in range(5)) for count in (200, 1600))
    assert many < 24 * few
