"""What a cell makes and what it looks up is read from its text."""

import ast
import doctest

import pytest

from autograder.submissions import names
from autograder.submissions.names import changed_by, lacking, looked_up, made_by


def test_examples():
    assert doctest.testmod(names, extraglobs={"ast": ast}).failed == 0


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a = b = 1\n(c, [d, *e]) = x\nf: int = 2\ng += 1", "abcdefg"),
        ("for a in x:\n    b = 1\nwhile (c := f()):\n    pass\nwith open(x) as d:\n    e = 1", "abcde"),
        ("import a.x, y as b\nfrom x import c, y as d", "abcd"),
        ("def a(x): y = 1\nclass b:\n    z = 1\nasync def c(): pass\nlambda q: (r := 1)", "abc"),
        ("try:\n    a = 1\nexcept ValueError:\n    b = 1\nfinally:\n    c = 1", "abc"),
        ("match x:\n    case [a, *b]:\n        c = 1\n    case d:\n        pass", "abcd"),
        ("[a for a in x]\nx.y = 1\nx['z'] = 2\nprint(x)", ""),
    ],
)
def test_names_that_a_cell_makes(text, made):
    assert made_by(ast.parse(text).body) == set(made)


FUNCTIONS = {
    node.name: node
    for node in ast.parse(
        "def needs(x, k=1): return x + k + data\ndef perhaps(x):\n    if x: return 1\n    return data\n"
        "def own():\n    data = 1\n    return data\ndef shared():\n    global data\n    data += 1\n"
        "def calls(): return needs(1)\ndef one(): return other() + data\ndef other(): return one()"
    ).body
}


@pytest.mark.parametrize(
    ("text", "surely", "perhaps"),
    [
        ("x = data.K", True, True),
        ("x = data[0] if data else 1", True, True),
        ("x = 1 if y else data", False, True),
        ("if y:\n    x = data", False, True),
        ("for k in data:\n    pass", True, True),
        ("for k in y:\n    x = data", True, True),
        ("while data:\n    x = 1", True, True),
        ("with open(data) as f:\n    pass", True, True),
        ("try:\n    x = data\nexcept NameError:\n    x = 1", False, True),
        ("try:\n    x = data\nfinally:\n    y = 1", True, True),
        ("x = y or data", False, True),
        ("x = data or y", True, True),
        ("assert y, data", False, True),
        ("del data", True, True),
        ("data += 1", True, True),
        ("data = 1", False, False),
        ("data = data + 1", True, True),
        ("for data in y:\n    x = data", False, True),
        ("x = [data for data in y]", False, False),
        ("x = [data for k in y]", False, True),
        ("x = lambda: data", False, False),
        ("x = lambda k=data: k", True, True),
        ("def f(x): return data", False, False),
        ("def f(x=data): pass", True, True),
        ("@data\ndef f(x): pass", True, True),
        ("def f(x: data): pass", True, True),
        ("class A(data): pass", True, True),
        ("class A:\n    x = data", True, True),
        ("class A:\n    data = 1\n    x = data", False, False),
        ("match data:\n    case 1: pass", True, True),
        ("match y:\n    case 1:\n        x = data", False, True),
        ("x = needs(1)", True, True),
        ("x = calls()", True, True),
        ("x = perhaps(1)", False, True),
        ("x = own()", False, False),
        ("x = shared()", True, True),
        ("x = one()", True, True),
        ("x = needs", False, False),
        ("x = y.data", False, False),
    ],
)
def test_what_a_statement_needs(text, surely, perhaps):
    (statement,) = ast.parse(text).body
    assert lacking(statement, {"data"}, FUNCTIONS) == ({"data"} if surely else set())
    assert ("data" in looked_up([statement], FUNCTIONS, surely=False)) == perhaps


def test_functions_that_call_each_other_are_entered_once():
    text = "\n".join(f"def f{k}(): return f{k + 1}() + f{k + 1}()" for k in range(200))
    functions = {node.name: node for node in ast.parse(text).body}
    assert "f200" in looked_up(ast.parse("f0()").body, functions, surely=True)


def test_what_a_cell_changes():
    assert changed_by(ast.parse("a.b[0] = 1\nif x:\n    c.sort()\nprint(d)\ne = f.g()").body) == {"a", "c"}
