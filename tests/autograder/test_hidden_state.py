"""The check in a notebook and the grade pay the same: each notebook of a table runs in a kernel, and is graded."""

import copy
import dataclasses
import html
import os
import re

import jupytext
import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook

from autograder.checking.hidden_state import CELL_SECONDS
from autograder.grading.course_oracle import CourseOracle
from autograder.grading.grade import Conditions, grade
from autograder.labs import get_lab
from autograder.submissions import cells
from autograder.submissions.exploring import MAX_SOURCE
from tests.conftest import ROOT
from tests.short import one_in

FUNCTION = "flatten_layer"
WHOLE = get_lab("lab1")
LAB = dataclasses.replace(WHOLE, checks=(WHOLE.check(f"check_{FUNCTION}"),))
SETUP = "import numpy as np\nfrom autograder import open_lab\ncheck = open_lab('lab1', globals())"
DATA = "import types\ndata = types.SimpleNamespace(order='C', K=10)"
#: What an answer may be that needs a name: it is right with the value, and stops without the name.
NEEDS = "def flatten_layer(h):\n    return h.ravel(order={})"
SAYS = "That cell only explores, so grading does not run it. Make it in a cell without the tag explore"


def explore(text):
    return text, {"tags": ["explore"]}


def answer(text):
    role = {"grade_id": FUNCTION, "grade": False, "solution": True, "locked": False, "schema_version": 3}
    return text, {"nbgrader": role | {"task": False}}


class Kernel:
    """A kernel, asked as JupyterLab asks: with what a cell's metadata holds, or without, as Colab does."""

    def __init__(self, folder):
        self.file = folder / "lab1.ipynb"
        environment = os.environ | {"JPY_SESSION_NAME": str(self.file), "PYTHONPATH": str(ROOT)}
        self.manager, self.client = start_new_kernel(kernel_name="python3", cwd=folder, env=environment)

    def run(self, text, metadata=None):
        """Run a cell, and return what it printed, the table that it showed, and its error."""
        request = {"code": text, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = self.client.session.msg("execute_request", {**request, "stop_on_error": False}, metadata=metadata)
        self.client.shell_channel.send(message)
        printed, shown, error = "", {}, None
        while True:
            reply = self.client.get_iopub_msg(timeout=120)
            if reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            content = reply["content"]
            if reply["msg_type"] == "stream":
                printed += content["text"]
            elif reply["msg_type"] == "execute_result":
                shown = content["data"]
            elif reply["msg_type"] == "error":
                error = content["ename"]
            elif reply["msg_type"] == "status" and content["execution_state"] == "idle":
                return printed, shown, error

    def check(self):
        """Return the points and the table of the check, in a kernel that is otherwise left as it is."""
        printed, shown, error = self.run(f"check('{FUNCTION}')", {"cellId": "check", "deletedCells": []})
        assert (printed, error) == ("", None)
        return float(shown["text/plain"]), shown["text/html"]

    def play(self, notebook, order=None, jupyterlab=True):
        """Run the cells of a notebook in a fresh namespace."""
        self.run("%reset -f")
        self.run(SETUP, {"cellId": "setup", "deletedCells": [], "nbgrader": {"grade_id": "setup"}})
        for number in order or range(len(notebook)):
            text, metadata = notebook[number]
            sent = {"cellId": f"cell-{number}", "deletedCells": [], **metadata} if jupyterlab else {}
            self.run(text, sent)
        return self.check()

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    started = Kernel(tmp_path_factory.mktemp("notebook"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def course(sandbox, bare_sandbox):
    return CourseOracle(WHOLE, sandbox, bare_sandbox)


def graded(notebook, sandbox, course):
    made = new_notebook(cells=[new_code_cell(SETUP)])
    for text, metadata in notebook:
        made.cells.append(new_code_cell(text, metadata=copy.deepcopy(metadata)))
    read = cells.clean(made)
    cut = cells.restore(read, {})
    verdict = grade(read, LAB, sandbox, course, Conditions(1))
    assert verdict.flags == [] and bool(cut) == any(len(text) > MAX_SOURCE for text, _ in notebook)
    return verdict.points, " ".join(item.message for item in verdict.items)


#: By what is special about a notebook: its cells, and what both sides pay.
NOTEBOOKS = {
    "right": ([answer(NEEDS.format("'C'"))], 2),
    "the name of a cell that explores": ([explore(DATA), answer(NEEDS.format("data.order"))], 0),
    "the tag is not there": ([(DATA, {}), answer(NEEDS.format("data.order"))], 2),
    "the same name made in a cell of its own, later": (
        [explore(DATA), answer(NEEDS.format("data.order")), (DATA + "\nprint('mine')", {})],
        2,
    ),
    "the same name made in a cell of its own, before": (
        [(DATA, {}), explore(DATA.replace("'C'", "'F'")), answer(NEEDS.format("data.order"))],
        2,
    ),
    "a small number, made again with the same value": (
        [explore("N = len('abc')"), ("N = 3", {}), answer("def flatten_layer(h):\n    return h.ravel()[: h.size * N]")],
        2,
    ),
    "a number that exploring changes": (
        [("N = 3", {}), explore("N = len('')"), answer("def flatten_layer(h):\n    return h.ravel()[: h.size * N]")],
        2,
    ),
    "a number that exploring puts right": (
        [("N = 0", {}), explore("N = len('abc')"), answer("def flatten_layer(h):\n    return h.ravel()[: h.size * N]")],
        0,
    ),
    "in the answer's own cell": ([answer("order = len('') or 'C'\n" + NEEDS.format("order"))], 2),
    "a function of a cell that explores": (
        [
            explore("def flat(h):\n    return h.ravel()\nshown = flat(np.ones(3))"),
            answer("def flatten_layer(h):\n    return flat(h)"),
        ],
        2,
    ),
    "a function of a cell that explores, which needs its data": (
        [
            explore(f"{DATA}\ndef flat(h):\n    return h.ravel(data.order)"),
            answer("def flatten_layer(h):\n    return flat(h)"),
        ],
        0,
    ),
    "a constant, a table and a module of a cell that explores": (
        [
            explore("import math\nORDERS = {'rows': 'C'}\nHALF = 0.5\ntotal = sum([1, 2])"),
            answer("def flatten_layer(h):\n    return h.ravel(ORDERS['rows'])[: int(math.ceil(HALF)) * h.size]"),
        ],
        2,
    ),
    "a table of a cell that explores, which the cell fills": (
        [explore("ORDERS = {}\nORDERS['rows'] = 'C'"), answer(NEEDS.format("ORDERS['rows']"))],
        2,
    ),
    "a class of a cell that explores, and its object": (
        [
            explore("class Order:\n    name = 'C'\nprint(Order.name)"),
            ("order = Order()", {}),
            answer("def flatten_layer(h):\n    assert isinstance(order, Order)\n    return h.ravel(order.name)"),
        ],
        2,
    ),
    "what a cell makes of data that is not there": (
        [explore(DATA), ("order = data.order", {}), answer(NEEDS.format("order"))],
        0,
    ),
    "what a function makes of data that is not there": (
        [explore(DATA), ("def found():\n    return data.order\norder = found()", {}), answer(NEEDS.format("order"))],
        0,
    ),
    "what stands before the line that needs the data": (
        [explore(DATA), ("order = str('C')\nprint(data.K)", {}), answer(NEEDS.format("order"))],
        2,
    ),
    "a function after the line that needs the data": (
        [
            explore(DATA),
            ("print(data.K)\ndef flat(h):\n    return h.ravel()", {}),
            answer("def flatten_layer(h):\n    return flat(h)"),
        ],
        2,
    ),
    "an answer after the line that needs the data": (
        [explore(DATA), answer("print(data.K)\n" + NEEDS.format("'C'"))],
        2,
    ),
    "an answer that is computed after that line": (
        [explore(DATA), answer("import functools\nprint(data.K)\nflatten_layer = functools.partial(np.ravel)")],
        0,
    ),
    "an error that is caught": (
        [
            explore(DATA),
            ("try:\n    order = data.order\nexcept NameError:\n    order = 'C'", {}),
            answer(NEEDS.format("order")),
        ],
        2,
    ),
    "a default where the name is not there": (
        [explore(DATA), ("order = data.order if 'data' in globals() else 'C'", {}), answer(NEEDS.format("order"))],
        2,
    ),
    "a table of a cell that explores, which it fills by computing": (
        [explore("ORDERS = {}\nORDERS['rows'] = str('C')"), answer(NEEDS.format("ORDERS['rows']"))],
        0,
    ),
    "an answer that does without": (
        [
            explore(DATA),
            answer(
                "def flatten_layer(h):\n    try:\n        order = data.order\n    except NameError:\n"
                "        order = 'C'\n    return h.ravel(order)"
            ),
        ],
        2,
    ),
    "a name that Python has too": (
        [explore("sum = len('abc')"), answer("def flatten_layer(h):\n    return h.ravel()[: sum([h.size])]")],
        2,
    ),
    "a loop variable": (
        [explore("for k in range(3):\n    pass"), ("for k in 'C':\n    order = k", {}), answer(NEEDS.format("order"))],
        2,
    ),
    "an answer that only a cell which explores makes": (
        [explore("import functools\nflatten_layer = functools.partial(np.ravel, order='C')")],
        0,
    ),
    "an answer written in a cell that explores": ([explore(NEEDS.format("'C'"))], 2),
    "a cell that says so in its first line": (
        [("# explore\n" + DATA, {}), answer(NEEDS.format("data.order"))],
        0,
    ),
    "a cell whose first line only sounds like it": (
        [("# explore the data\n" + DATA, {}), answer(NEEDS.format("data.order"))],
        2,
    ),
    "a cell that stops before it makes the name": (
        [explore("order = str('C')"), ("1 / 0\norder = 'C'", {}), answer(NEEDS.format("order"))],
        0,
    ),
    "a cell that is too long": (
        [("order = 'C'\n" + "#" * MAX_SOURCE, {}), answer(NEEDS.format("order"))],
        0,
    ),
}


#: Where the notebook says what the page does not: of what may be right, of another cell, or of one that was cut.
SAID_HERE = {
    "an error that is caught": "order is made in",
    "a default where the name is not there": "order is made in",
    "a cell that is too long": "That cell is longer than 1 MB",
    "a cell that stops before it makes the name": "order is made in",
}


@pytest.mark.parametrize("name", one_in(2, NOTEBOOKS))
def test_both_sides_pay_the_same(kernel, bare_sandbox, course, name):
    notebook, points = NOTEBOOKS[name]
    checked, table = kernel.play(notebook)
    paid, message = graded(notebook, bare_sandbox, course)
    assert (checked, paid) == (points, points), (table, message)
    assert notes(table) == notes(message) or name in SAID_HERE, (table, message)
    assert SAID_HERE.get(name, "") in table


def notes(text):
    """Return which cells a table or a message names, and why."""
    return set(re.findall(r"(\w+ is made in the cell .*?)\. (?:That|While)", html.unescape(text)))


@pytest.mark.parametrize("jupyterlab", [True, False])
def test_released_cell_is_known_without_its_tag(kernel, bare_sandbox, course, jupyterlab):
    lab = jupytext.read(ROOT / "assignments" / "lab1" / "lab1.md")
    (released,) = (cell.source for cell in lab.cells if cell.source.startswith("places = np.arange"))
    notebook = [(released.replace("\n", "\n\n") + "\n", {"tags": []}), answer(NEEDS.format("'CF'[places.size < 0]"))]
    checked, table = kernel.play(notebook, jupyterlab=jupyterlab)
    assert checked == 0 and "places is made in the cell that begins with &quot;places = np.arange(" in table
    assert graded(notebook, bare_sandbox, course)[0] == 0
    notebook[0] = notebook[0][0].replace("places", "own = 1; places", 1), {}
    assert kernel.play(notebook, jupyterlab=jupyterlab)[0] == graded(notebook, bare_sandbox, course)[0] == 2


def test_tag_is_read_from_the_saved_notebook_where_nothing_else_tells_it(kernel):
    notebook = [explore(DATA), answer(NEEDS.format("data.order"))]
    assert kernel.play(notebook, jupyterlab=False)[0] == 2
    saved(kernel, notebook)
    try:
        assert kernel.play(notebook, jupyterlab=False)[0] == 0
        # JupyterLab knows better than what was saved last.
        assert kernel.play([(DATA, {}), notebook[1]])[0] == 2
        kernel.file.write_text("no notebook")
        assert kernel.play(notebook, jupyterlab=False)[0] == 2
    finally:
        kernel.file.unlink()


def saved(kernel, notebook):
    made = new_notebook(cells=[new_code_cell(text, metadata=metadata) for text, metadata in notebook])
    nbformat.write(made, kernel.file)


def test_the_time_of_a_check_is_not_that_of_the_cell_that_calls_it(kernel):
    slow = "import time\ndef flatten_layer(h):\n    time.sleep(0.01)\n    return h.ravel()\n"
    kernel.play([answer(slow)])
    kernel.run("from autograder.checking import hidden_state\nhidden_state.CELL_SECONDS = 3.0", {"cellId": "limit"})
    try:
        # The answers to all that is asked take far longer than the limit; what makes the function takes no time.
        kernel.run(slow + "check('flatten_layer')", {"cellId": "both"})
        assert "seconds, and grading leaves out" not in kernel.check()[1]
        kernel.run("import time\ntime.sleep(3.1)\n" + slow, {"cellId": "both"})
        assert re.search(r"It took \d+ seconds, and grading leaves out a cell after 3\.", kernel.check()[1])
    finally:
        kernel.run(f"hidden_state.CELL_SECONDS = {CELL_SECONDS}", {"cellId": "limit"})


def test_cells_that_were_run_in_another_order_are_told(kernel):
    twice = [answer(NEEDS.format("'C'")), (NEEDS.format("'F'"), {})]
    early = [("order = base", {}), ("base = 'C'", {}), answer(NEEDS.format("order"))]
    try:
        saved(kernel, twice)
        checked, told = kernel.play(twice, order=[1, 0])
        assert checked == 2 and "flatten_layer is here as the cell that begins with" in told and "Keep one" in told
        assert "Keep one" not in kernel.play(twice)[1]
        saved(kernel, early)
        checked, told = kernel.play(early, order=[1, 0, 2])
        assert checked == 2 and "That cell needs base, which is made further down" in told
        saved(kernel, [early[1], early[0], early[2]])
        assert "further down" not in kernel.play(early, order=[1, 0, 2])[1]
    finally:
        kernel.file.unlink()


def test_what_was_run_before_the_set_up_is_known(kernel):
    kernel.run("%reset -f")
    kernel.run("# explore\n" + DATA)
    kernel.run(SETUP)
    kernel.run(NEEDS.format("data.order"))
    assert kernel.check()[0] == 0


def test_names_come_back_and_cells_can_be_put_right_in_any_order(kernel):
    notebook = [explore(DATA), ("order = data.order", {}), answer(NEEDS.format("order"))]
    assert kernel.play(notebook)[0] == 0
    assert "10 C" in kernel.run("print(data.K, order)")[0], "what a check takes out is put back"
    kernel.run(DATA, {"cellId": "cell-0", "deletedCells": [], "tags": []})
    assert kernel.check()[0] == 2, "the tag was taken off, and the cell that needs the data was not run again"
    kernel.run(DATA, {"cellId": "cell-0", "deletedCells": [], "tags": ["explore"]})
    assert kernel.check()[0] == 0, "the tag is there again"
    kernel.run("order = 'C'", {"cellId": "cell-1", "deletedCells": []})
    assert kernel.check()[0] == 2
    assert kernel.play(notebook[1:2] + notebook[2:])[0] == 0, "the data is gone here too"


def test_what_may_not_be_there_is_said_and_costs_nothing(kernel):
    uses = answer(NEEDS.format("ORDERS['rows']"))
    table = ("ORDERS = {'rows': 'F'}", {})
    checked, said = kernel.play([table, explore("ORDERS.update(rows='C')"), uses])
    assert checked == 2 and "ORDERS is changed in the cell that begins with &quot;ORDERS.update" in said
    cell = {"cellId": "own", "deletedCells": []}
    checked, said = kernel.play([("ORDERS = {'rows': 'C'}", cell), uses])
    assert (checked, "has been changed" in said) == (2, False)
    kernel.run("WAYS = {'rows': 'C'}", cell)
    checked, said = kernel.check()
    assert checked == 2 and "ORDERS was made in a cell that began with" in said
    kernel.run("ORDERS = {'rows': 'C'}", {"cellId": "another", "deletedCells": []})
    assert "has been changed" not in kernel.check()[1]
    kernel.run("1", {"cellId": "last", "deletedCells": ["another"]})
    checked, said = kernel.check()
    assert checked == 2 and "has been changed or deleted since" in said
    # What the answer does not need is nobody's business.
    assert "deleted" not in kernel.play([answer(NEEDS.format("'C'"))])[1]


def test_cell_that_runs_another_makes_no_more_than_it_does(kernel):
    own = explore("get_ipython().run_cell('inner = 1'); K = len('abc')")
    checked, _ = kernel.play([("order = 'C'", {}), own, answer(NEEDS.format("order"))])
    assert checked == 2


def test_what_is_printed_shows_and_what_tensorflow_logs_does_not(kernel):
    printing = (
        "import logging, sys\ndef flatten_layer(h):\n    print('shape', h.shape)\n    "
        "print('\\x1b[1m10 %\\r<b>done', end='')\n"
        "    logging.getLogger('tensorflow').warning('5 out of the last 5 calls triggered tf.function retracing')\n"
        "    return h.ravel()"
    )
    kernel.run("import logging, sys; logging.getLogger('tensorflow').addHandler(logging.StreamHandler(sys.stdout))")
    try:
        checked, table = kernel.play([answer(printing)])
        shown = re.search(
            r"<p[^>]*>Printed while flatten_layer was asked:(.*?)</p><pre[^>]*>(.*?)</pre>", table, re.DOTALL
        )
        assert checked == 2 and re.fullmatch(r"shape \(.*\)\n&lt;b&gt;done", shown[2])
        assert re.fullmatch(r" The same for \d+ more questions is not shown.", shown[1])
    finally:
        kernel.run("import logging; logging.getLogger('tensorflow').handlers.clear()")
