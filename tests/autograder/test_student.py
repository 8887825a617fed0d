"""A check asks a notebook and a sandbox in the same words and hears the same answers."""

import linecache

import numpy as np
import pytest

from autograder.rubric import StudentError
from autograder.student import Namespace, NotebookStudent, Patience, Remembering, SandboxStudent

CELL = """
import numpy as np
calls = []
def double(x):
    print('noise')
    return 2 * x
def spoil(x):
    x += 1
    return x
def raises(x):
    return x[99]
def none_yet(x):
    raise NotImplementedError
def counts():
    calls.append(1)
    return len(calls)
not_a_function = 3
"""


@pytest.fixture(params=["notebook", "sandbox"])
def student(request):
    if request.param == "notebook":
        namespace = {}
        exec(compile(CELL, "<ipython-input-1>", "exec"), namespace)
        yield NotebookStudent(namespace)
    else:
        asked = SandboxStudent(request.getfixturevalue("sandbox"), {0: CELL})
        yield asked
        asked.close()


def test_a_function_answers(student, capsys):
    answer = student.ask("double", np.arange(3.0))
    np.testing.assert_array_equal(answer.value, [0, 2, 4])
    assert answer.modified == () and answer.seconds > 0
    assert capsys.readouterr().out == ""


def test_what_is_asked_stays_as_it_is(student):
    mine = np.zeros(3)
    assert student.ask("spoil", mine).modified == (0,)
    np.testing.assert_array_equal(mine, 0)


def test_an_error_names_the_function_in_which_it_happened():
    cell = """
def inner(x):
    return x[99]
def unwritten(x):
    raise NotImplementedError
def outer(x):
    return inner(x)
def calling(x):
    return [unwritten(one) for one in x]
"""
    namespace = {}
    # IPython tells the lines of a cell from such a file.
    file = "<ipython-input-7>"
    linecache.cache[file] = (len(cell), None, cell.splitlines(keepends=True), file)
    exec(compile(cell, file, "exec"), namespace)
    student = NotebookStudent(namespace)
    with pytest.raises(StudentError, match=r"outer stopped with IndexError.* \(in inner, line 3 of its cell: return x"):
        student.call("outer", np.zeros(3))
    with pytest.raises(StudentError, match=r"inner stopped with IndexError: .* \(line 3 of its cell: return x"):
        student.call("inner", np.zeros(3))
    with pytest.raises(StudentError, match=r"^calling calls unwritten, which is not written yet\.$"):
        student.call("calling", np.zeros(3))
    with pytest.raises(StudentError, match=r"^unwritten is not written yet\.$"):
        student.call("unwritten", 1)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("raises", "raises stopped with IndexError"),
        ("none_yet", "none_yet is not written yet"),
        ("missing", "There is no function missing"),
        ("not_a_function", "not a function but int"),
    ],
)
def test_no_answer_says_why(student, function, says):
    with pytest.raises(StudentError, match=says):
        student.call(function, *([np.zeros(3)] if function != "missing" else []))


def test_a_cell_that_ends_the_process_is_left_out_and_the_rest_counts(sandbox):
    cells = {0: "def one(): return 1", 3: "import os; os._exit(1)", 5: "def two(): return 2", 7: "while True: pass"}
    student = SandboxStudent(sandbox, cells, patience=Patience(cell=1.5))
    ran = student.run()
    assert (student.call("one"), student.call("two")) == (1, 2)
    assert "exit code 1" in ran[3].cut_off and "1.5 seconds" in ran[7].cut_off
    assert ran[0].cut_off is None and ran[5].cut_off is None
    student.close()


def test_too_many_such_cells_end_it(sandbox):
    student = SandboxStudent(sandbox, dict.fromkeys(range(9), "import os; os._exit(1)") | {9: "def f(): return 1"})
    ran = student.run()
    assert sum("ended the process" in ran[k].cut_off for k in ran if ran[k].cut_off) == SandboxStudent.MAX_LOST_CELLS
    with pytest.raises(StudentError, match="no function f"):
        student.call("f")
    student.close()


def test_cells_that_end_the_process_late_do_not_cost_what_stands_before_them(sandbox):
    cells = {0: "def f(): return 1"} | dict.fromkeys(range(1, 8), "import os; os._exit(1)") | {9: "def g(): return 2"}
    student = SandboxStudent(sandbox, cells)
    assert student.call("f") == 1
    with pytest.raises(StudentError, match="no function g"):
        student.call("g")
    student.close()


def test_what_is_too_large_to_be_asked_with_is_said(sandbox):
    student = SandboxStudent(sandbox, {0: "def f(x): return 1"})
    with pytest.raises(StudentError, match="f cannot be asked with what another function returned: 76.3 MB"):
        student.call("f", np.zeros(10**7 + 1))
    assert student.call("f", 1) == 1
    student.close()


@pytest.mark.parametrize("modified", ["[0] * 10**6", "[5]", "[-1]", "[1, 0]", "[True]", "3", "[0.0]", "np.zeros(1)"])
def test_a_forged_list_of_changed_inputs_is_no_answer(sandbox, modified):
    forge = f"""
import numpy as np, os, stat, sys
from sandbox import wire
def f(x, y):
    for k in os.listdir('/proc/self/fd'):
        try:
            if stat.S_ISSOCK(os.fstat(int(k)).st_mode):
                os.write(int(k), wire.encode({{'id': 2, 'value': 1.0, 'modified': {modified}}}))
        except OSError: pass
    return 1
"""
    student = SandboxStudent(sandbox, {0: forge}, patience=Patience(question=3))
    with pytest.raises(StudentError, match="sent something that is no answer"):
        student.call("f", 1, 2)
    student.close()


def test_outputs_of_all_cells_together_have_an_end(sandbox):
    flood = "from IPython.display import HTML, display\ndisplay(HTML('a' * 2_000_000))\ndisplay(HTML('b' * 2_000_000))"
    student = SandboxStudent(sandbox, dict.fromkeys(range(12), flood))
    ran = student.run()
    assert "put out too much" in str(ran[11].outputs) and "aaa" in str(ran[0].outputs)
    student.close()


def test_a_function_that_hangs_is_asked_once_and_others_still_answer(sandbox):
    cells = {0: "def hangs():\n    while True: pass\ndef fine(): return 3\ndef ends():\n    import os; os._exit(4)"}
    student = SandboxStudent(sandbox, cells, patience=Patience(question=1.0))
    for _ in range(2):
        with pytest.raises(StudentError, match="did not answer within 1 seconds"):
            student.call("hangs")
    with pytest.raises(StudentError, match="exit code 4"):
        student.call("ends")
    assert student.call("fine") == 3
    student.close()


def test_the_whole_has_an_end_too(sandbox):
    cells = dict.fromkeys(range(10), "import time; time.sleep(1)")
    student = SandboxStudent(sandbox, cells, patience=Patience(total=2.0))
    ran = student.run()
    assert any("used up" in what.cut_off for what in ran.values() if what.cut_off)
    student.close()


def test_the_course_is_asked_once_for_the_same_question():
    namespace = {}
    exec(CELL, namespace)
    course = Remembering(Namespace(namespace))
    first = course.call("double", np.arange(3.0))
    first[:] = 9
    np.testing.assert_array_equal(course.call("double", np.arange(3.0)), [0, 2, 4])
    assert (course.call("counts"), course.call("counts")) == (1, 1)
    assert course.ask("counts").value == 2


def test_what_the_course_remembers_does_not_grow_over_a_class(monkeypatch):
    monkeypatch.setattr("autograder.student.REMEMBERED", 3)
    namespace = {}
    exec(CELL, namespace)
    course = Remembering(Namespace(namespace))
    assert course.call("counts") == 1
    for number in range(9):
        assert course.call("double", number) == 2 * number
        assert course.call("counts") == 1
    assert len(course.known) == 3
