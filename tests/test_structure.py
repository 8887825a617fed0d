"""How the code hangs together: imports run one way, from top to bottom, and never in a circle."""

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from re import _parser as sre_parse

import grimp
import pytest

import autograder
from autograder.labs import lab_names
from benchmarks import structure
from tests.conftest import ROOT

#: What `source_lib` knows nothing of.
ABOVE = {"autograder", "nbgrader", "IPython", "ipykernel", "jupyter", "jupyter_core", "jupytext", "nbformat"}
INSIDE = {"autograder.sandbox", *(f"autograder.sandbox.{name}" for name in ("packed", "stubs", "wire", "worker"))}


@pytest.fixture(scope="module")
def graph():
    return structure.import_graph(external=True)


def rooms():
    return re.findall(r"^- ``(\w+)``: ", autograder.__doc__, re.MULTILINE)


def package(folder, **modules):
    """Write a package, and return which of its modules imports which."""
    name = folder.name
    (folder / "__init__.py").touch()
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text.replace("here", name))
    return grimp.build_graph(name, cache_dir=None)


def test_imports_are_found_wherever_they_stand(graph):
    assert graph.direct_import_exists(importer="autograder.sandbox.worker", imported="autograder.sandbox.wire")
    assert graph.direct_import_exists(importer="autograder.sandbox.worker", imported="matplotlib"), "in a function"
    assert graph.direct_import_exists(importer="autograder", imported="autograder.checking.tables"), "for type checkers"
    found = {path.parent for name in structure.PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert [str(folder) for folder in found if not (folder / "__init__.py").is_file()] == [], (
        "grimp does not look there"
    )


@pytest.mark.parametrize(
    "back",
    [
        "import here.one",
        "from here import one",
        "from . import one",
        "def f():\n    from here.one import f",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from here.one import One",
    ],
)
def test_a_circle_is_found_however_it_closes(tmp_path, monkeypatch, back):
    monkeypatch.syspath_prepend(tmp_path)
    name = f"circle{abs(hash(back))}"
    (tmp_path / name).mkdir()
    graph = package(tmp_path / name, one="import here.two", two="import here.three", three=back, four="import here.one")
    assert structure.circles(graph) == [[f"{name}.one", f"{name}.three", f"{name}.two"]]


def test_imports_never_run_in_a_circle(graph):
    assert structure.circles(graph) == []


def test_docstring_lists_the_rooms_of_the_grader(graph):
    assert sorted(rooms()) == sorted(name.removeprefix("autograder.") for name in graph.find_children("autograder"))


def test_imports_run_from_top_to_bottom(graph):
    upward = graph.find_illegal_dependencies_for_layers(layers=rooms(), containers={"autograder"})
    ways = [route for found in upward for route in found.routes]
    arrows = {" -> ".join([*sorted(way.heads), *way.middle, *sorted(way.tails)]) for way in ways}
    assert arrows == set(), "a room imports one above it; the order stands in autograder/__init__.py"
    assert graph.find_modules_that_directly_import("autograder") == set()


def test_library_knows_nothing_of_grading_or_jupyter(graph):
    library = {"source_lib", *graph.find_descendants("source_lib")}
    wrong = {
        (module, other)
        for module in library
        for other in graph.find_modules_directly_imported_by(module)
        if other.partition(".")[0] in ABOVE
    }
    assert wrong == set()


@pytest.mark.parametrize("name", ["packed", "stubs", "wire", "worker"])
def test_what_runs_in_the_sandbox_imports_nothing_that_decides(graph, name):
    assert (ROOT / "autograder" / "sandbox" / "__init__.py").read_text().strip() == "", "it runs in the sandbox too"
    needed = graph.find_upstream_modules(f"autograder.sandbox.{name}")
    assert {module for module in needed if module.startswith(("autograder", "source_lib"))} <= INSIDE


def test_no_lab_imports_another(graph):
    labs = grimp.Layer(*lab_names(), independent=True)
    found = graph.find_illegal_dependencies_for_layers(layers=[labs], containers={"autograder.labs"})
    assert {(one.importer, one.imported) for one in found} == set()


def test_command_compares_checkouts(tmp_path):
    for name in structure.PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('"""A package."""\n\n# Nothing else.\nimport autograder.one\n')
    (tmp_path / "autograder" / "one.py").write_text("import autograder\n\nx = [\n    1,\n]\n")
    command = [sys.executable, "-m", "benchmarks.structure"]
    # Wide enough for a table whose head holds the names of both folders.
    wide = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run([*command, tmp_path, ROOT], cwd=ROOT, env=wide, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    numbers = dict(re.findall(r"│ (.*?) +│ +(\d+) │", done.stdout))
    assert numbers == {
        "modules": "3",
        "imports between them": "3",
        "circles of imports": "1",
        "lines of code in autograder": "5",
        "lines of code in source_lib": "1",
    }

    done = subprocess.run([*command, tmp_path / "absent"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "There is no package autograder" in done.stderr and "Traceback" not in done.stderr


def unreliable(pattern):
    """Return whether an expression holds a group that never gives back what it matched."""
    waiting = [sre_parse.parse(pattern.pattern, pattern.flags & ~re.UNICODE)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, sre_parse.SubPattern):
            waiting += list(part)
        elif isinstance(part, (tuple, list)):
            if part and str(part[0]) == "ATOMIC_GROUP":
                return True
            if (
                part
                and str(part[0]) == "POSSESSIVE_REPEAT"
                and (len(part[1][2]) != 1 or str(part[1][2][0][0]) not in ONE)
            ):
                return True
            waiting += [one for one in part if isinstance(one, (tuple, list, sre_parse.SubPattern))]
    return False


#: What matches one character.
ONE = ("IN", "LITERAL", "NOT_LITERAL", "ANY")


def test_no_expression_needs_a_newer_python():
    # Up to version 3.11.4 Python matches possessive groups wrongly (CPython issue 106052), and Debian 12 has 3.11.2.
    assert unreliable(re.compile(r"(?:a++,b++\n)*+")) and unreliable(re.compile(r"x(?>ab|a)c"))
    assert not unreliable(re.compile(r"[a-z]++,\s*+.?+(?:a|b)*"))
    found = []
    for package in structure.PACKAGES:
        root = importlib.import_module(package)
        for info in pkgutil.walk_packages(root.__path__, f"{package}."):
            if info.name.endswith("__main__"):
                continue
            for name, value in vars(importlib.import_module(info.name)).items():
                values = (
                    value.values()
                    if isinstance(value, dict)
                    else value
                    if isinstance(value, (list, tuple))
                    else [value]
                )
                found += [(info.name, name) for one in values if isinstance(one, re.Pattern) and unreliable(one)]
    assert found == []
