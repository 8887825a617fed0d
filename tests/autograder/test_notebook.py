"""The check as a student meets it, in a kernel as JupyterLab starts one."""

import inspect
import re
import sys
import textwrap

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import autograder
from autograder.labs import UnknownLabError
from autograder.labs.lab1.faults import FAULTS
from autograder.notebook import NO_SECOND_HINT, UnknownCheckError, UnknownHintError, lab_check
from tests.labs.lab1 import variants

SETUP = """
import os, sys
import numpy as np
from autograder import open_lab

check = open_lab("lab1", globals())
"""
FLATTEN = "def flatten_layer(h):\n    return h.ravel()"
BY_ID = {fault.id: fault for fault in FAULTS}
FORTRAN = "def flatten_layer(h):\n    return h.ravel(order='F')"


def run(*sources, allow_errors=False):
    cells = [new_code_cell(textwrap.dedent(source)) for source in (SETUP, *sources)]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    NotebookClient(notebook, timeout=300, kernel_name="python3", allow_errors=allow_errors).execute()
    nbformat.validate(notebook)
    return [cell.outputs for cell in notebook.cells[1:]]


def verdict(outputs):
    """Return the points and the table of a cell whose only output is a verdict."""
    assert [output.output_type for output in outputs] == ["execute_result"]
    return float(outputs[0].data["text/plain"]), outputs[0].data["text/html"]


@pytest.fixture(scope="module")
def outputs():
    """Return the outputs of one notebook, by what its cells show."""
    cells = {
        "setup": "stage = 'nothing is solved'",
        "untouched": 'check("flatten_layer")',
        "wrong": f'{FORTRAN}\n\ncheck("check_flatten_layer")',
        "second hint": f'{FORTRAN}\n\ncheck("flatten_layer", hint=2)',
        "no such hint": 'check("flatten_layer", hint=3)',
        "right": f'{FLATTEN}\n\ncheck("flatten_layer")',
        "lets keras compute": """
            import keras

            def _flat(h):
                return keras.ops.reshape(h, (-1,))

            def flatten_layer(h):
                return _flat(h)

            check("flatten_layer")""",
        "fixed": f'{FLATTEN}\n\ncheck("flatten_layer")',
        "noisy": """
            import warnings

            def pool2d_layer(h):
                print("pooling", file=sys.stderr)
                warnings.warn("careful")
                rows, columns = h.shape[0] // 2, h.shape[1] // 2
                return h[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, -1).max(axis=(1, 3))

            check("pool2d_layer")""",
        "crash": 'def pool2d_layer(h):\n    return h[1, 2, 3, 4]\n\ncheck("pool2d_layer")',
        "unknown": 'check("pooling")',
        "all": "check()",
    }
    results = run(*cells.values(), allow_errors=True)
    return dict(zip(cells, results, strict=True))


def test_verdict_is_one_result_with_points_and_a_table(outputs):
    points, table = verdict(outputs["right"])
    assert points == 2
    assert outputs["right"][0].data["text/plain"] == "2.0"
    assert table.count("<tr>") == 5
    assert "flatten_layer: 2 of 2 points" in table


def test_missing_function_scores_nothing_and_says_what_to_run(outputs):
    points, table = verdict(outputs["untouched"])
    assert points == 0
    assert table.count("There is no function flatten_layer yet. Run the cell that defines it") == 4


def test_wrong_function_keeps_what_is_right_and_gets_its_hint(outputs):
    points, table = verdict(outputs["wrong"])
    assert points == 1.25
    assert "This is Fortran order" in table


def test_answer_that_lets_keras_compute_scores_nothing_until_it_is_fixed(outputs):
    points, table = verdict(outputs["lets keras compute"])
    assert points == 0
    assert table.count("flatten_layer uses keras.ops.reshape instead of computing") == 4
    assert verdict(outputs["fixed"])[0] == 2


def test_what_a_function_prints_does_not_reach_the_cell(outputs):
    assert verdict(outputs["noisy"])[0] == 4


def test_crash_names_the_line(outputs):
    points, table = verdict(outputs["crash"])
    assert points == 0
    assert "IndexError" in table
    assert re.search(r"line 2 of its cell: return h\[1, 2, 3, 4\]", table)


def test_second_level_of_a_hint_comes_on_request_and_costs_nothing(outputs):
    points, table = verdict(outputs["wrong"])
    more, longer = verdict(outputs["second hint"])
    second = BY_ID["flatten_fortran"].second_hint
    assert more == points == 1.25
    assert second not in table and "Second hint" not in table
    assert longer.count(f"Second hint: {second}") == 1
    assert "This is Fortran order" in longer


def test_there_are_two_levels(outputs):
    (error,) = outputs["no such hint"]
    assert "There is no hint 3" in "".join(error.traceback) and "Traceback" not in "".join(error.traceback)
    with pytest.raises(UnknownHintError):
        lab_check("lab1", {})("flatten_layer", hint=0)


def test_second_level_is_there_for_what_is_of_no_known_mistake():
    names = variants.functions(flatten_layer=lambda h: h.ravel() * 7.1)
    assert "print the same number after each step" in lab_check("lab1", names)("flatten_layer", hint=2).html
    names["flatten_layer"] = lambda h: h.reshape(-1, 7, 11)
    assert "Second hint: Print the shape of each array" in lab_check("lab1", names)("flatten_layer", hint=2).html
    points = lab_check("lab1", {})("flatten_layer", hint=2)
    assert points == 0 and points.html.count(NO_SECOND_HINT) == 1
    assert NO_SECOND_HINT not in lab_check("lab1", variants.functions())("flatten_layer", hint=2).html


def test_second_level_is_in_the_table_of_all_functions():
    names = {"flatten_layer": lambda h: h.ravel(order="F")}
    assert BY_ID["flatten_fortran"].second_hint in lab_check("lab1", names)(hint=2).html


def test_unknown_function_names_those_there_are(outputs):
    (error,) = outputs["unknown"]
    assert error.output_type == "error"
    text = "\n".join(error.traceback)
    assert "lab1 has no function 'pooling' to check. It has activation, conv2d_layer," in text
    assert "File" not in text and "Traceback" not in text


def test_all_functions_are_one_table_by_function(outputs):
    points, table = verdict(outputs["all"])
    assert points == 2
    assert table.count("<tr>") == 1 + 8
    assert "2 of 35 points" in table
    assert "There is no function activation yet" in table


def test_solved_lab_gets_all_points():
    source = inspect.getsource(variants)
    first = {function: next(iter(ways.values())).__name__ for function, ways in variants.VARIANTS.items()}
    names = "\n".join(f"{function} = {name}" for function, name in first.items())
    assert verdict(run(source, f"{names}\ncheck()")[-1])[0] == 35


def test_part_of_a_function_counts_in_the_total():
    namespace = variants.functions(flatten_layer=lambda h: np.transpose(h).ravel())
    namespace = {name: namespace[name] for name in ("flatten_layer", "pool2d_layer")}
    points = lab_check("lab1", namespace)()
    assert points == 5.25
    assert "1.25 of 2" in points.html
    assert "4 of 4" in points.html


def test_every_check_draws_new_inputs():
    asked = []

    def flatten_layer(h):
        asked.append(h.copy())
        return h.ravel()

    check = lab_check("lab1", {"flatten_layer": flatten_layer})
    check("flatten_layer")
    half = len(asked)
    check("flatten_layer")
    # A few numbers, or nothing but zeros, may be drawn twice.
    first, second = ([one for one in some if len(np.unique(one)) > 5] for some in (asked[:half], asked[half:]))
    assert len(first) > 50 and not any(np.array_equal(one, other) for one in first for other in second)


def test_function_is_looked_up_when_it_is_checked():
    namespace = {}
    check = autograder.open_lab("lab1", namespace)
    assert check("flatten_layer") == 0
    namespace["flatten_layer"] = lambda h: h.ravel()
    assert check("flatten_layer") == 2


def test_time_that_counts_is_taken_without_a_look():
    """A profile function makes Python slower, so questions are asked again with it."""
    looked = []

    def fast_conv2d_layer(x, W, b, activation):
        looked.append(sys.getprofile() is not None)
        return variants.functions()["fast_conv2d_layer"](x, W, b, activation)

    assert lab_check("lab1", {"fast_conv2d_layer": fast_conv2d_layer})("fast_conv2d_layer") > 3
    # How often an answer is timed depends on how fast it was, and all others are asked as often with a look as without.
    assert looked == sorted(looked) and min(looked.count(False), looked.count(True)) > 200


def test_unknown_names_are_told_what_there_is():
    with pytest.raises(UnknownLabError, match="lab1"):
        autograder.open_lab("lab0x", {})
    with pytest.raises(UnknownCheckError, match="flatten_layer"):
        lab_check("lab1", {})("flatten")
