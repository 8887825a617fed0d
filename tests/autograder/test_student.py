"""A check asks a notebook and a sandbox in the same words and hears the same answers."""

import contextlib
import linecache
import os
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from autograder.checking.student import FLAGS, Namespace, NotebookStudent, StudentError
from autograder.grading.answer_cache import AnswerCache
from autograder.grading.student import MOST_BUSY, SandboxStudent, Timeouts, _busy
from autograder.submissions import reader
from autograder.submissions.submission import Submission
from source_lib.experiments import RunsError, read_runs
from source_lib.predictions import read_predictions

CELL = """
import numpy as np
calls = []
def double(x):
    print('noise')
    return 2 * x
def spoil(x):
    x += 1
    return x
def large(megabytes, count):
    return [np.zeros(megabytes * 2**17) for _ in range(count)]
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


@pytest.mark.parametrize(
    ("megabytes", "count", "says"),
    [(15, 1, None), (17, 1, "large returned 17.0 MB; at most 16 MB are accepted."), (9, 2, "large returned 18.0 MB")],
)
def test_both_sides_take_as_much_of_an_answer(student, megabytes, count, says):
    expected = pytest.raises(StudentError, match=says) if says else contextlib.nullcontext()
    with expected:
        assert len(student.call("large", megabytes, count)) == count


@pytest.mark.parametrize(("count", "says"), [(2, None), (3, "large returned 150.0 MB; at most 128 MB are accepted.")])
def test_both_sides_take_as_much_of_a_model(student, count, says):
    expected = pytest.raises(StudentError, match=says) if says else contextlib.nullcontext()
    with student.fresh(CELL, seconds=20) as side, expected:
        assert len(side.call("large", 50, count)) == count


def test_both_sides_ask_with_as_much(student):
    with pytest.raises(StudentError, match="double cannot be asked with what another function returned: 76.3 MB"):
        student.call("double", np.zeros(10**7 + 1))


def test_notebook_says_what_grading_does_not_wait_for(monkeypatch):
    monkeypatch.setattr("autograder.checking.student.QUESTION_SECONDS", 0.01)
    slow = NotebookStudent({"slow": lambda: time.sleep(0.02)})
    for _ in range(2):
        slow.call("slow")
    (remark,) = slow.remarks
    assert re.fullmatch(r"slow took \d+ seconds for one answer here, and grading waits 0.01\.", remark)


def test_notebook_says_which_files_grading_leaves_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open(tmp_path / "large.bin", "wb") as file:
        file.truncate(10**9)
    student = NotebookStudent({})
    assert not student.files and "too large" in student.remarks[0]


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
    student = SandboxStudent(sandbox, cells, timeouts=Timeouts(cell=4.0))
    ran = student.run()
    assert (student.call("one"), student.call("two")) == (1, 2)
    assert "exit code 1" in ran[3].cut_off and "4 seconds" in ran[7].cut_off
    assert ran[0].cut_off is None and ran[5].cut_off is None
    student.close()


@pytest.mark.parametrize(
    "line",
    [
        "print(data.x_train.shape)",
        "import no_such_package",
        "from numpy import no_such_name",
        "from google.colab import drive",
        "photo = open('/home/asa/cat.png')",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:1')",
        "import requests; requests.get('http://127.0.0.1:1')",
        "import os; os.makedirs('/content/figures')",
        "name = input('Your name')",
        "%autosave 60",
        "%tensorflow_version 2.x",
        "%load_ext no_such_extension",
    ],
)
def test_what_follows_a_line_that_needs_what_is_not_there_is_defined(sandbox, line):
    cell = f"def before(): return 1\n{line}\nfrom math import sqrt\ndef root(x): return sqrt(x)\nprint('not reached')"
    student = SandboxStudent(sandbox, {0: cell})
    assert student.run()[0].error is not None
    assert "not reached" not in str(student.ran[0].outputs)
    assert (student.call("before"), student.call("root", 9)) == (1, 3)
    student.close()


def test_a_module_beside_the_notebook_comes_before_the_graders_own(sandbox):
    files = {"sandbox.py": b"def double(x): return 2 * x", "worker/__init__.py": b"three = 3", "wire.py": b"four = 4"}
    cell = "import sandbox, wire\nfrom worker import three\ndef f(x): return sandbox.double(x) + three + wire.four"
    student = SandboxStudent(sandbox, {0: cell}, Submission(files=files))
    assert student.call("f", 5) == 17
    student.close()


def test_what_a_notebook_asks_of_the_machine_is_answered(sandbox):
    student = SandboxStudent(sandbox, {0: "import getpass, os, pathlib\nwho = getpass.getuser(), pathlib.Path.home()"})
    assert student.run()[0].error is None
    student.close()


def test_installing_packages_without_a_network_does_not_use_up_the_time_of_a_cell(sandbox):
    lines = "!pip install -q no-such-package-1\n%pip install no-such-package-2 numpy\n!pip install -U no-such-package-3"
    student = SandboxStudent(sandbox, {0: f"{lines}\ndef f(): return 1"})
    assert student.run()[0].cut_off is None
    # How pip says that it found nothing depends on its settings.
    assert "ERROR: " in str(student.ran[0].outputs)
    assert student.call("f") == 1
    student.close()


def test_figures_are_inline_whatever_a_notebook_asks(sandbox):
    cell = "%matplotlib {}\nimport matplotlib.pyplot as plt\nplt.plot([0, 1])\nplt.show()\ndef f(): return 1"
    ways = ("", "inline", "widget", "notebook", "qt", "-l")
    student = SandboxStudent(sandbox, {k: cell.format(way) for k, way in enumerate(ways)})
    for k, ran in student.run().items():
        assert ran.error is None and any("image/png" in shown.get("data", {}) for shown in ran.outputs), ways[k]
    student.close()


@pytest.mark.parametrize("line", ["raise Exception('old')", "assert False", "1 / 0", "raise SystemExit", "[][1]"])
def test_what_follows_a_line_that_raises_is_not_defined(sandbox, line):
    student = SandboxStudent(sandbox, {0: "def f(): return 1", 1: f"{line}\ndef f(): return 2"})
    assert student.call("f") == 1
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


@pytest.mark.parametrize("modified", ["[0] * 10**5", "[5]", "[-1]", "[1, 0]", "[True]", "3", "[0.0]", "np.zeros(1)"])
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
    student = SandboxStudent(sandbox, {0: forge})
    with pytest.raises(StudentError, match="sent something that is no answer"):
        student.call("f", 1, 2)
    student.close()


def test_what_was_called_of_other_packages_is_kept_in_a_few_short_names(sandbox):
    forge = "from sandbox import stubs\nstubs.noted += [('n' * 500, ['c' * 200] * 100 + ['f'])] * 100"
    student = SandboxStudent(sandbox, {0: forge, 1: f"def f():\n    {forge.replace(chr(10), chr(10) + '    ')}"})
    assert student.call("f") is None
    for noted in (student.ran[0].noted, student.noted["f"]):
        assert 0 < len(noted) <= 20 and len(noted[0].name) <= 100
        assert len(noted[0].callers) <= 50 and {len(name) for name in noted[0].callers} <= {1, 100}
        assert noted[0].callers[-1] == "f"
    student.close()


def test_outputs_of_all_cells_together_have_an_end(sandbox):
    flood = "from IPython.display import HTML, display\ndisplay(HTML('a' * 2_000_000))\ndisplay(HTML('b' * 2_000_000))"
    student = SandboxStudent(sandbox, dict.fromkeys(range(12), flood))
    ran = student.run()
    assert "put out too much" in str(ran[11].outputs) and "aaa" in str(ran[0].outputs)
    student.close()


def test_a_function_that_hangs_is_asked_once_and_others_still_answer(sandbox):
    cells = {0: "def hangs():\n    while True: pass\ndef fine(): return 3\ndef ends():\n    import os; os._exit(4)"}
    student = SandboxStudent(sandbox, cells, timeouts=Timeouts(question=3.0))
    for _ in range(2):
        with pytest.raises(StudentError, match="did not answer within 3 seconds"):
            student.call("hangs")
    with pytest.raises(StudentError, match="exit code 4"):
        student.call("ends")
    assert student.call("fine") == 3
    student.close()


def test_the_whole_has_an_end_too(sandbox):
    cells = dict.fromkeys(range(10), "import time; time.sleep(1)")
    student = SandboxStudent(sandbox, cells, timeouts=Timeouts(total=2.0))
    ran = student.run()
    assert any("used up" in what.cut_off for what in ran.values() if what.cut_off)
    student.close()


def test_what_else_runs_for_a_submission_is_not_its_notebook_s(sandbox, monkeypatch):
    passed = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed[0], perf_counter=time.perf_counter)
    monkeypatch.setattr("autograder.grading.student.time", clock)
    # More than the whole has on the busiest machine.
    total = Timeouts().total
    with SandboxStudent(sandbox, {0: CELL}) as student:
        student.run()
        with student.fresh("def course_waits(): return 3"):
            passed[0] += MOST_BUSY * total
        assert student.call("counts") == 1
        passed[0] += MOST_BUSY * total
        with pytest.raises(StudentError, match=f"before the notebook's {total:g} seconds were used up"):
            student.call("counts")


@pytest.mark.parametrize(
    ("timeouts", "seconds", "says"),
    [
        (Timeouts(question=2.0), 2.5, "did not answer within 2 seconds"),
        (Timeouts(total=6.0), 7.0, "did not answer before the notebook's 6 seconds were used up"),
    ],
    ids=["an answer", "the whole"],
)
def test_on_a_busy_machine_it_may_take_longer(sandbox, monkeypatch, timeouts, seconds, says):
    cells = {0: "import time\ndef takes(seconds):\n    time.sleep(seconds)\n    return 1"}
    monkeypatch.setattr(os, "getloadavg", lambda: (3.0 * os.cpu_count(), 0.0, 0.0))
    with SandboxStudent(sandbox, cells, timeouts=timeouts) as student:
        assert student.call("takes", seconds) == 1
        with pytest.raises(StudentError, match=says):
            student.call("takes", 60)


def test_a_machine_that_has_just_become_busy_is_known_at_once(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * os.cpu_count())]
    try:
        deadline = time.monotonic() + 120
        while _busy() <= 1.5:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        for one in burning:
            one.kill()
            one.wait()


def test_the_course_is_asked_once_for_the_same_question():
    namespace = {}
    exec(CELL, namespace)
    course = AnswerCache(Namespace(namespace))
    first = course.call("double", np.arange(3.0))
    first[:] = 9
    np.testing.assert_array_equal(course.call("double", np.arange(3.0)), [0, 2, 4])
    assert (course.call("counts"), course.call("counts")) == (1, 1)
    assert course.ask("counts").value == 2


def test_what_the_course_remembers_does_not_grow_over_a_class(monkeypatch):
    monkeypatch.setattr("autograder.grading.answer_cache.MAX_ANSWERS", 3)
    namespace = {}
    exec(CELL, namespace)
    course = AnswerCache(Namespace(namespace))
    assert course.call("counts") == 1
    for number in range(9):
        assert course.call("double", number) == 2 * number
        assert course.call("counts") == 1
    assert len(course.known) == 3


def test_the_course_does_not_remember_what_a_student_made_large():
    namespace = {}
    exec(CELL, namespace)
    course = AnswerCache(Namespace(namespace))
    assert course.call("double", np.ones(200_000)).sum() == 400_000
    assert course.call("double", np.ones(1000)).sum() == 2000
    assert [answer.size for answer in course.known.values()] == [1000]


def test_answers_that_the_course_gave_do_not_pile_up_either():
    calls = []
    course = AnswerCache(Namespace({"double": lambda x: 2 * x, "counts": lambda: calls.append(1) or len(calls)}))
    for number in range(50):
        assert course.call("double", np.full(100_000, number))[0] == 2 * number
        assert course.call("counts") == 1
    assert sum(value.nbytes for value in course.known.values() if isinstance(value, np.ndarray)) <= 2**25


def test_a_file_that_takes_too_long_to_read_calls_a_person_and_the_next_are_not_tried(monkeypatch):
    files = {"right.csv": b"id,class\n0,1\n", "long.csv": b"id,class\n" + b"1,0\n" * 10**6, "later.csv": b"id,class\n"}
    student = SandboxStudent(None, {}, Submission(files=files))
    assert student.read("right.csv", read_predictions, 1).values.tolist() == [1]
    monkeypatch.setattr(reader, "SECONDS", 0.001)
    monkeypatch.setattr(reader, "WALL", 10**4)
    with pytest.raises(StudentError, match="The file long.csv takes more than 0.001 seconds to be read"):
        student.read("long.csv", read_predictions, 1)
    monkeypatch.undo()
    with pytest.raises(StudentError, match="later.csv was not read, since long.csv takes too long"):
        student.read("later.csv", read_predictions, 1)
    assert len(student.notes[FLAGS]) == 2 and "long.csv" in student.notes[FLAGS][0]
    with pytest.raises(RunsError, match="is no run"):
        SandboxStudent(None, {}, Submission(files={"runs.jsonl": b"{}\n"})).read("runs.jsonl", read_runs)


def test_a_notebook_reads_its_files_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_bytes(b"id,class\n0,1\n")
    assert NotebookStudent({}).read("a.csv", read_predictions, 1).values.tolist() == [1]
