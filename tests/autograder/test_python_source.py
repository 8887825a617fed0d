"""Cells are read as IPython would run them, in a time that does not explode."""

import ast
import time

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from autograder.submissions.python_source import MAX_SOURCE, MAX_WORDS, parsed, words

CELLS = {
    "plain": "x = 1\nprint(x)",
    "line magic": "%matplotlib inline\nx = 1",
    "line magic inside": "for i in x:\n    %store i\n    y = 2",
    "magic with a quote": '%alias greet echo "it\'s"\nx = 1',
    "magic that goes on": "%config a = \\\n    b \\\n    c\nx = 1",
    "magic without a name": "%\nx = 1",
    "cell magic": "%%writefile helper.py\nimport keras\n",
    "cell magic after empty lines": "\n\n%%bash -e\nls\n",
    "cell magic without a body": "%%html",
    "magics of Python's cell inside": "%%capture out\n%matplotlib inline\nx = 1",
    "shell": "!pip list | grep it's\nx = 1",
    "shell with output": "  !!ls\n  x = 1",
    "shell that goes on": "!ls \\\n  -l\nx = 1",
    "assigned shell": "files = !ls *.csv\nx = files",
    "assigned magic": "a.b = %timeit -o f(x)\nx = 1",
    "two assigned": "one, two = !ls\nx = 1",
    "help": "np.pad?\nx = 1",
    "source": "np.pad??\nx = 1",
    "help before": "?np.pad\nx = 1",
    "help at the end": "x = 1\nx?",
    "wildcard": "np.*pad*?\nx = 1",
    "formats beside magics": "%matplotlib inline\nprint('n=%d' % x, 'n= %s' %x)\nx = 1\ny = x %2\nz = x!=2",
    "rest of a division beside magics": "!ls\ny = (x\n     % 2)\nz = '''\n%time\n!x\n'''",
    "question in a text": "!ls\nprint('why?')\n# why?\nx = 1",
    "call without parentheses": ", print a b\nx = 1",
    "quoted call": "; print a b\nx = 1",
    "slashed call": "/print x\nx = 1",
    "prompts": ">>> x = 1\n>>> def f():\n...     return x\n",
    "numbered prompts": "In [12]: x = 1\n   ...: y = 2",
    "second line with a prompt": "In [1]: for i in x:\n   ...:     y = 2",
    "shifted": "    x = 1\n    y = 2",
    "await": "await f()\nasync with a as b:\n    x = 1",
    "return outside": "return 1",
    "windows": "x = 1\r\n%time y = 2\r\n",
}


def names(tree):
    """Return what a tree stores, imports and defines at its top level, and the magics that it calls."""
    stored = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if getattr(call.func, "attr", "") in ("run_line_magic", "run_cell_magic")]
    magics = [[argument.value for argument in call.args] for call in named if isinstance(call.args[0], ast.Constant)]
    return sorted(stored), [
        m for m in magics if m[0] not in ("time", "timeit", "capture", "pinfo", "pinfo2", "psearch", "")
    ]


@pytest.mark.parametrize("way", CELLS)
def test_cell_is_read_as_ipython_reads_it(way):
    theirs = ast.parse(
        TransformerManager().transform_cell(CELLS[way].replace("%%capture out\n", "").replace("%time ", ""))
    )
    assert names(parsed(CELLS[way])) == names(theirs)


@pytest.mark.parametrize(
    "magic", ["%%time", "%%capture out --no-stderr", "%%prun -s cumulative", "%%debug", "\n %%time"]
)
def test_cell_that_runs_here_is_python(magic):
    assert ast.unparse(parsed(f"{magic}\nimport os\ndef f():\n    return 1")) == "import os\n\ndef f():\n    return 1"


@pytest.mark.parametrize("magic", ["%%timeit", "%%python", "%%bash", "%%writefile -a f.py", "%%html", "%%unknown"])
def test_cell_that_runs_elsewhere_defines_nothing(magic):
    tree = parsed(f"{magic}\nimport os\ndef f():\n    return 1")
    assert [type(node) for node in tree.body] == [ast.Expr]


def test_timed_line_is_python_where_it_is_some():
    assert ast.unparse(parsed("%time x = 1")) == "x = 1"
    assert ast.unparse(parsed("%time --no-raise-error x = 1")) == "x = 1"
    assert ast.unparse(parsed("%time\ny = 2")) == "pass\ny = 2"
    assert ast.unparse(parsed("%time )\ny = 2")) == "pass\ny = 2"


@pytest.mark.parametrize(
    "text",
    [
        "x = = 1",
        "def f(:",
        "x = '''",
        "(" * 5000,
        "x\0",
        "x = '\ud800'",
        "%%time\nx = = 1",
        "x" + ".b" * 20000,
        "-" * 9999,
    ],
)
def test_what_is_no_python_is_none(text, recwarn, capfd):
    assert parsed(text) is None
    assert not recwarn.list
    assert capfd.readouterr().err == ""


def test_length_is_limited():
    assert parsed("x = '" + "a" * (MAX_SOURCE - 6) + "'") is not None
    assert parsed("x = '" + "a" * (MAX_SOURCE - 5) + "'") is None
    assert parsed("x\n" * MAX_WORDS) is not None
    assert parsed("x\n" * (MAX_WORDS + 1)) is None


SLOW = {
    "magics": "%time x = 1\n" * 9000,
    "magics of no Python": "%time x = 1\n" * 9000 + "x = = 1",
    "shifted magics": "if 1:\n" + "    %store x\n" * 20000 + "x = = 1",
    "shell": "x = !ls\n" * 20000 + ")",
    "continued": "%time \\\n" * 30000,
    "many continued": "!a \\\nb\n" * 15000 + ")",
    "questions": "a " * 40000 + "?\n" + "a?\n" * 20000 + ")",
    "equals": "= " * 90000,
    "percent": "%" * 90000,
    "prompts": ">>> x\n" * 20000 + ")",
    "spaces": " " * (MAX_SOURCE - 1),
    "shifted lines": (" " * 90 + "\n") * 20000 + ")",
    "quotes": "'" * 99999,
    "parentheses": "(" * 50000 + ")" * 50000,
    "elif": "if a:\n    pass\n" + "elif a:\n    pass\n" * 15000,
}


@pytest.mark.parametrize("way", SLOW)
def test_reading_takes_no_longer_than_the_text_is_long(way):
    start = time.process_time()
    parsed(SLOW[way])
    assert time.process_time() - start < 3


def test_words_are_names_numbers_and_signs():
    assert words("") == words(" \n") == 0
    assert words("x_1 = -3.5  # two words") == 9
