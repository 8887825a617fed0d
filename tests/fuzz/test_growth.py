"""What the trusted side reads of a student's bytes takes a time that is proportional to their length, or is bounded.

Regular expressions are found in the code, so that a new one is tried as well; what reads files is a table. Each gets
long inputs of one or two parts that repeat, behind a beginning that leads into it, and an end that lets a match fail
late.
"""

import ast
import contextlib
import gc
import itertools
import json
import math
import pkgutil
import random
import re
import time
from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

import autograder
import source_lib
from autograder.checking import model_config
from autograder.grading.student import _are_positions
from autograder.labs.lab2.checks import _distinct, _of_one
from autograder.leaderboard.formats import read_numbers
from autograder.sandbox import wire
from autograder.submissions import cells, formulas, layout, reader, sanitize
from autograder.submissions.python_source import definitions, parsed, words
from source_lib import experiments, predictions
from source_lib.text import visible
from tests.conftest import ROOT
from tests.fuzz.conftest import SEED

UNITS = [
    *(
        " ",
        "\t",
        "\n",
        "\r",
        "\\",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "<",
        ">",
        "'",
        '"',
        "`",
        ",",
        ";",
        ".",
        ":",
        "=",
        "-",
        "+",
    ),
    *(
        "0",
        "9",
        "a",
        "A",
        "_",
        "%",
        "!",
        "?",
        "#",
        "&",
        "$",
        "*",
        "|",
        "/",
        "~",
        "^",
        "@",
        "\0",
        "\x1b",
        "\u202e",
        "é",
        "e9",
    ),
    *(
        "<a ",
        "<!--",
        "</",
        "&#",
        "&#0",
        "a=",
        'a="',
        "a='",
        ' a="b"',
        "\\\n",
        "%a\\\n",
        "```\n",
        "\\begin{a}",
        "\\\\[",
        "$$",
    ),
    *(
        "[[",
        "[]",
        "{}",
        '{"a":',
        "[{",
        "a,",
        "0,1\n",
        "0,0.5\n",
        " ,",
        "1 ",
        "1 ,",
        "0,",
        '"",',
        '"\n',
        "1e",
        "1.",
        "'''",
        '"""',
    ),
    *(
        "lambda:",
        "not ",
        "if a:\n ",
        "f(",
        "a.",
        "-1",
        "a if b else ",
        "*a,",
        "(a:=",
        "{a:",
        "@a\n",
        "\\'",
        "\x1b[",
        "\x1b]",
        "0;",
    ),
    *(
        "data:image/png;base64,",
        "http://",
        "javascript:",
        "&amp;",
        "> ",
        "- ",
        "1. ",
        "# ",
        "|a",
        "|-",
        "![",
        "](",
        "](a",
        "*a ",
        "_a_",
    ),
]
ENDS = ["", "x", "\n", ")", "\0"]
#: Those that are never left out.
KINDS = [" ", "\n", "\\", "[", "(", "{", "<", "'", '"', "`", ",", "0", "a", "&", "$"]
#: Characters, each length four times the one before.
LENGTHS = [2**9, 2**11, 2**13, 2**15]
#: What takes less is not looked at closer: a step for each pair of characters takes a second for the longest input.
QUICK = 0.004
#: Between what is proportional to the length, 4, and to its square, 16.
MOST = 8


def inputs(beginnings=("",), count: int | None = None):
    """Yield how inputs of a length are made by what tells them: all, or those of `KINDS` and so many others."""
    case = random.Random(f"{SEED} growth")
    pairs = [case.sample(UNITS, 2) for _ in range(60)]
    shapes = [(unit, "") for unit in UNITS] + pairs + [("".join(pair), "") for pair in pairs]
    made = list(itertools.product(beginnings, shapes, ENDS))
    if count is not None:
        usual = [(case.choice(beginnings), (kind, ""), "x") for kind in KINDS]
        made = usual + case.sample(made, min(count, len(made)))
    for beginning, (first, second), end in made:

        def make(length, beginning=beginning, first=first, second=second, end=end):
            half = length if not second else length // 2
            return beginning + first * (half // len(first)) + (second * (half // len(second)) if second else "") + end

        yield f"{beginning!r}, {first!r}, {second!r}, {end!r}", make


#: Most inputs are nothing that can be read.
REFUSED = (cells.UnreadableNotebookError, experiments.RunsError, wire.MalformedError, model_config.ConfigError)


def seconds(read: Callable, given, times: int = 1) -> float:
    """Return the processor time of the fastest of some calls."""
    taken = []
    # What else this process holds is not what is measured.
    gc.disable()
    try:
        for _ in range(times):
            start = time.thread_time()
            with contextlib.suppress(*REFUSED):
                read(given)
            taken.append(time.thread_time() - start)
    finally:
        gc.enable()
    return min(taken)


def growth(read: Callable, make: Callable[[int], object]) -> float:
    """Return how many times as long an input takes that is four times as long; 0 where all take next to nothing."""
    most, before = 0.0, make(LENGTHS[0] // 4)
    for length in LENGTHS:
        given = make(length)
        if seconds(read, given) >= QUICK:
            # On a busy machine a measurement can only be too long.
            ratio = math.inf
            for _ in range(6):
                if ratio >= MOST:
                    taken = seconds(read, given, 2) / max(seconds(read, before, 3), QUICK / MOST / 2)
                    ratio = min(ratio, taken)
            most = max(most, ratio)
            if most >= MOST:
                break
        before = given
    return most


def grown(read: Callable, encode: bool = False, **which) -> Iterator[tuple[str, float]]:
    """Yield the inputs for which a reader takes longer than is proportional to their length."""
    for told, make in inputs(**which):
        ratio = growth(read, (lambda length, make=make: make(length).encode()) if encode else make)
        if ratio >= MOST:
            yield told, ratio


# The measurement itself.


@pytest.mark.parametrize(
    "pattern", [r"[ \t]+(?=[,\n])", r"\\+(href|class)(?![A-Za-z])", r"^[ \t]*(?:a|[^\n#]*\?)$", r"\[.*?\]"]
)
def test_an_expression_with_a_step_for_each_pair_of_characters_is_found(pattern):
    assert next(grown(re.compile(pattern, re.MULTILINE).findall, count=0), None) is not None


@pytest.mark.parametrize(
    "pattern", [r"(?<![ \t])[ \t]++(?=[,\n])", r"(?<!\\)\\++(href|class)(?![A-Za-z])", r"[^<]++|<"]
)
def test_an_expression_with_a_step_for_each_character_is_not(pattern):
    assert list(grown(re.compile(pattern, re.MULTILINE).findall, count=100)) == []


# Regular expressions.

#: Those of what is never a student's: a release, a new lab, the source of a lab's own solution.
TRUSTED = {
    "autograder.gradebook.release",
    "autograder.new_lab",
    "autograder.labs.lab2.demo",
    "autograder.checking.retrain",
}
#: Those that only see texts of at most so many characters: what they decide comes after that.
BOUNDED = {
    "autograder.submissions.sanitize._STALLS_MISTUNE": sanitize.MAX_MARKDOWN,
    "autograder.submissions.sanitize._STALLS_PYGMENTS": sanitize.MAX_CODE,
}


def modules():
    for package in (autograder, source_lib):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name not in TRUSTED and not found.name.endswith(".faults") and "lab_template" not in found.name:
                yield found.name


#: How an expression is used, as Python calls it; of several, or where that does not show, in each way.
WAYS = {
    "match": lambda pattern: pattern.match,
    "fullmatch": lambda pattern: pattern.fullmatch,
    "": lambda pattern: lambda text: sum(1 for _ in pattern.finditer(text)),
}


def patterns() -> dict[str, tuple[re.Pattern, set[str]]]:
    """Return all regular expressions of the trusted side, named or not, and how they are used."""
    found = {}

    def take(name, value, ways):
        if isinstance(value, re.Pattern):
            found[name] = value, ways
        elif isinstance(value, (tuple, list)):
            for number, part in enumerate(value):
                take(f"{name}[{number}]", part, ways)
        elif isinstance(value, dict):
            for key, part in value.items():
                take(f"{name}[{key!r}]", part, ways)

    for name in modules():
        path = ROOT / (name.replace(".", "/") + ".py")
        text = path.read_text() if path.is_file() else ""
        if "import re\n" not in text:
            continue
        for attribute, value in vars(import_module(name)).items():
            used = set(re.findall(rf"\b{re.escape(attribute)}\b(?:\[[^\]]*\])*\.(\w+)\(", text))
            take(f"{name}.{attribute}", value, {way if way in WAYS else "" for way in used} or set(WAYS))
        for node in ast.walk(ast.parse(text)):
            function = getattr(node, "func", None)
            if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
                continue
            if function.value.id == "re" and function.attr != "compile" and isinstance(node.args[0], ast.Constant):
                way = function.attr if function.attr in WAYS else ""
                found[f"{name}, line {node.lineno}"] = re.compile(node.args[0].value), {way}
    whole = {f"{tag}.{name}": one for tag, allowed in sanitize._ATTRIBUTES.items() for name, one in allowed.items()}
    whole |= {"_CLASS": sanitize._CLASS, "_STYLE": sanitize._STYLE}
    return found | {name: (re.compile(one, sanitize._FLAGS), {"fullmatch"}) for name, one in whole.items()}


PATTERNS = patterns()


def test_expressions_are_found_with_and_without_a_name():
    assert {"source_lib.predictions._SPACES", "autograder.submissions.sanitize._TEX"} <= PATTERNS.keys()
    assert "autograder.submissions.python_source._PROMPTS[1][1]" in PATTERNS and len(PATTERNS) > 40
    assert any("line" in name for name in PATTERNS) and BOUNDED.keys() <= PATTERNS.keys()


@pytest.mark.parametrize("count", [10, pytest.param(2000, marks=pytest.mark.long)])
def test_every_regular_expression_takes_a_time_that_is_proportional_to_the_text(count):
    wrong = {}
    for name, (pattern, ways) in PATTERNS.items():
        for way in ways if name not in BOUNDED else ():
            if found := next(grown(WAYS[way](pattern), isinstance(pattern.pattern, bytes), count=count), None):
                wrong[name, way] = found
    assert wrong == {}, f"FUZZ_SEED={SEED}"


# What reads files, texts and answers.

_RUN = '{"seed":1,"data":"a","subset":['
_CELL = '{"cells":[{"cell_type":"code","metadata":{},"source":"'
_MODEL = '{"class_name":"Sequential","config":{"layers":['
_HEADER = "\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': ("
READERS = {
    "predictions": (
        lambda text: predictions.read_predictions(text.encode()),
        (
            "",
            "id,class\n",
            "id,class\n0,",
            "id,probability\n0,",
            "id;class\n0;",
            'id,class\n"',
            ",id,class\n",
            "id,class\r",
        ),
    ),
    "numbers": (
        lambda text: read_numbers(text.encode(), ["value"], (0, 1)),
        ("", "id,value\n", "id,value\n0,", 'id,value\n"', "id;value\n0;", "id,value\n0,1\n"),
    ),
    "runs": (lambda text: experiments.read_runs(text.encode()), ("", "{", '{"seed":', _RUN, _RUN + '1],"loss":[')),
    "notebook": (lambda text: cells.parse(text.encode(), "a.ipynb"), ("", '{"cells":[', _CELL, _CELL + '\\"},')),
    "attachments": (
        lambda text: cells.clean({"cells": [_pictured(text)]}),
        ("", "A"),
    ),
    "python": (
        parsed,
        ("", "x = 1\n", "!a\n", "%time\n", "    ", "if 1:\n    ", "x = '", "%%time\n", ">>> ", "In [1]: "),
    ),
    "definitions": (definitions.__wrapped__, ("", "!a\nx = ", "def f():\n ")),
    "words": (words, ("",)),
    "text": (sanitize.printable, ("", "\x1b[", "\x1b]")),
    "name": (visible, ("",)),
    "TeX": (sanitize.without_links, ("", "\\")),
    "HTML": (
        sanitize.safe_html,
        ("", "<b ", "<b title=", '<b title="', "<!--", "<style", "&", "&#", "<td class='", "<p><"),
    ),
    "message": (lambda text: wire.decode(text.encode(), b""), ("", '{"blobs":null,"message":', '{"blobs":[')),
    "array": (lambda text: wire._array(text.encode("latin-1", "replace")), ("", _HEADER, _HEADER + "1, 1, ")),
    "model": (model_config.layers, ("", _MODEL, _MODEL + '{"class_name":"Dense","config":')),
}


def _pictured(text):
    return {"cell_type": "markdown", "source": "", "attachments": {"a.png": {"image/png": text}}}


@pytest.mark.parametrize("count", [15, pytest.param(2000, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", READERS)
def test_every_reader_takes_a_time_that_is_proportional_to_what_it_reads(name, count):
    read, beginnings = READERS[name]
    assert list(grown(read, beginnings=beginnings, count=count)) == [], f"FUZZ_SEED={SEED}"


# What is not proportional, and so has a limit: of the text, and of the time that its largest one takes.

LIMITED = {
    "Markdown": (
        lambda text: layout.markdown_html(sanitize.safe_markdown(text)),
        sanitize.MAX_MARKDOWN,
        ("", "<b ", "<b a=", "[a](", "```\n", "```python\n", "$", "\\begin{a}", "- a\n", "|a|\n|-|\n", "> ", "[a]: "),
    ),
    "code": (
        lambda text: layout.code_html(text, not sanitize.colorable(text)),
        sanitize.MAX_CODE,
        ("", "x = '", 'f"{', "%%html\n", "!", "def f(", "x = '''"),
    ),
    "formula": (
        lambda text: formulas.formula_html.__wrapped__(text),
        formulas.MAX_TEX,
        ("", "\\frac{", "\\left(", "x_{"),
    ),
    "expression for Markdown": (
        sanitize._STALLS_MISTUNE.search,
        BOUNDED["autograder.submissions.sanitize._STALLS_MISTUNE"],
        ("", "<b ", "<b a=", "<b a='", "<b a='<b y=' "),
    ),
    "expression for code": (
        sanitize._STALLS_PYGMENTS.search,
        BOUNDED["autograder.submissions.sanitize._STALLS_PYGMENTS"],
        ("",),
    ),
}
#: Far below what a reader is given, `reader.SECONDS`.
LIMIT = 4.0


@pytest.mark.parametrize("count", [0, pytest.param(2000, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", LIMITED)
def test_what_has_a_limit_takes_little_at_it_and_beyond(name, count):
    assert LIMIT < reader.SECONDS
    read, most, beginnings = LIMITED[name]
    slow = {}
    for told, make in inputs(beginnings=beginnings, count=count):
        for length in (most - 100, 3 * most):
            if (taken := seconds(read, make(length))) > LIMIT and seconds(read, make(length)) > LIMIT:
                slow[told] = taken
    assert slow == {}, f"FUZZ_SEED={SEED}"


# Numbers that are chosen so that a mapping goes past most of the others to find one of them.


def colliding(count: int) -> list[int]:
    """Return whole numbers, the first half of them in places that a search for one of the others goes through."""
    places, size = [1], 2**18
    while len(places) < count // 2:
        places.append((5 * places[-1] + 1) % size)
    return places + [1 + size * number for number in range(1, count - len(places) + 1)]


def run(seed: int, subset: list[int]) -> bytes:
    one = experiments.Run(seed, "MNIST", tuple(subset), 1, (1.0,), (1.0,), (), (), 1.0, 1.0, 1.0, "m")
    return json.dumps(vars(one)).encode()


def test_numbers_that_collide_take_a_mapping_a_step_for_each_pair_of_them():
    assert growth(dict.fromkeys, colliding) > MOST


def _distinct_of(content: bytes) -> None:
    runs = experiments.read_runs(content)
    _distinct(runs)
    _of_one(runs)


@pytest.mark.parametrize(
    ("read", "make"),
    [
        (
            lambda content: read_numbers(content, ["value"], (0, 1)),
            lambda length: b"id,value\n" + b"".join(b"%d,0.5\n" % one for one in colliding(length)),
        ),
        (
            lambda content: predictions.read_predictions(content),
            lambda length: b"id,class\n" + b"".join(b"%d,1\n" % one for one in colliding(length)),
        ),
        (lambda value: _are_positions(value, 3), colliding),
        (_distinct_of, lambda length: run(1, colliding(length))),
        (_distinct_of, lambda length: b"\n".join(run(seed, [1]) for seed in colliding(length))),
    ],
    ids=["numbers", "predictions", "positions", "images", "seeds"],
)
def test_numbers_that_collide_are_not_looked_up_or_are_few(read, make):
    assert growth(read, make) < MOST
