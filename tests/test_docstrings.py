"""Public functions say what they take, return and raise, in numpydoc's form."""

import ast
import dataclasses
import functools
import importlib
import inspect
import pkgutil
import textwrap

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import validate

#: A parameter that is not described, one that is not there, another order.
PARAMETERS = {"PR01", "PR02", "PR03"}
#: By package, what its docstrings are checked for; of what notebooks import also types, and what is returned.
CODES = {"source_lib": PARAMETERS | {"PR04", "PR10", "RT01", "RT03", "YD01"}, "autograder": PARAMETERS}
#: Methods that do what a class above them, a protocol or nbgrader documents, and commands, whose help says it.
ELSEWHERE = ("autograder.cli.", ".ask", ".ask_all", ".call", ".fresh", "Student.read", "Executor.grade", ".preprocess")


def members(package):
    """Yield the public functions, classes and methods of a package, each with its dotted name."""
    root = importlib.import_module(package)
    found = (module.name for module in pkgutil.walk_packages(root.__path__, f"{package}."))
    for name in (package, *(module for module in found if not module.endswith("__main__"))):
        module = importlib.import_module(name)
        for key, member in vars(module).items():
            if getattr(member, "__module__", None) != name or getattr(member, "__name__", "_").startswith("_"):
                continue
            # What a private function returned is private too.
            if key.startswith("_"):
                continue
            if inspect.isfunction(member) or inspect.isclass(member):
                yield f"{name}.{member.__qualname__}", member
            if inspect.isclass(member):
                for method in vars(member).values():
                    if inspect.isfunction(method) and not method.__name__.startswith("_"):
                        yield f"{name}.{method.__qualname__}", method


MEMBERS = {name: member for package in CODES for name, member in members(package)}


def parameters(member):
    if inspect.isclass(member) and ("__init__" not in vars(member) or getattr(member, "_is_protocol", False)):
        return []
    return [name for name in inspect.signature(member).parameters if name != "self"]


def sections_missing(name, member):
    """Return what a docstring lacks, as numpydoc's validator says it."""
    if dataclasses.is_dataclass(member):
        entries = [*ClassDoc(member)["Attributes"], *ClassDoc(member)["Parameters"]]
        described = {each for entry in entries for each in entry.name.split(", ")}
        fields = {field.name for field in dataclasses.fields(member) if not field.name.startswith("_")}
        return sorted(fields - described)
    errors = validate(name)["errors"]
    return [f"{code}: {message}" for code, message in errors if code in CODES[name.partition(".")[0]]]


@functools.cache
def raised(function):
    """Return the exceptions that a function's own body raises."""
    waiting = list(ast.parse(textwrap.dedent(inspect.getsource(function))).body[0].body)
    found = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise) and node.exc is not None:
            found.add(node.exc)
        # What a nested function raises comes later; what is raised below a handler is often caught there.
        if isinstance(node, ast.Try) and node.handlers:
            waiting += [*node.handlers, *node.orelse, *node.finalbody]
        elif not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)
    called = {exc.func.id for exc in found if isinstance(exc, ast.Call) and isinstance(exc.func, ast.Name)}
    # What is private is a kind of something public, which stands there.
    return {name for name in called if not name.startswith("_")}


def elsewhere(name):
    return name.startswith(ELSEWHERE[:1]) or name.endswith((*ELSEWHERE[1:], "<lambda>"))


@pytest.mark.parametrize("name", [n for n in MEMBERS if not elsewhere(n)])
def test_public_names_are_described(name):
    assert inspect.getdoc(MEMBERS[name]), "no docstring"


@pytest.mark.parametrize("name", [n for n, m in MEMBERS.items() if len(parameters(m)) > 1 and not elsewhere(n)])
def test_what_takes_two_or_more_says_all_of_it(name):
    assert sections_missing(name, MEMBERS[name]) == []


@pytest.mark.parametrize(
    "name", [n for n, m in MEMBERS.items() if inspect.isfunction(m) and not elsewhere(n) and raised(m)]
)
def test_what_is_raised_is_said(name):
    function = MEMBERS[name]
    entries = [entry.type or entry.name for entry in FunctionDoc(function)["Raises"]]
    listed = {each for entry in entries for each in entry.split(", ")}
    assert raised(function) - listed == set()
