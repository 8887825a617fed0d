"""Plain American English in all that people read: `style.yml` holds the rules, each with an example of its own."""

import ast
import functools
import re

import jupytext
import pytest
import yaml

from tests.conftest import ROOT

RULES = yaml.safe_load((ROOT / "tests" / "style.yml").read_text())
#: What is no sentence of ours: formulas, code, what roles and links name, titles in quotation marks.
NOT_PROSE = [
    r"(?ms)^(`{3,}|~{3,})(?!\{glossary).*?^\1",
    r"(?m)^%.*$",
    r"(?s)\$\$.*?\$\$",
    r"\$[^$\n]+\$",
    r"\{[\w:]+\}`[^`]*`",
    r"`[^`]*`",
    r"\]\([^)]*\)",
    r"<[^>]+>",
]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]


def pattern(rule):
    return re.compile(rule["pattern"], 0 if rule.get("case") else re.IGNORECASE)


def prose(text):
    """Return the sentences of a text in Markdown, paragraph by paragraph, each in one line."""
    for each in NOT_PROSE:
        text = re.sub(each, " X ", text)
    text = re.sub(r"(?m)^\s*(?:[-*+]|\d+\.|#+|>|:) ", "\n\n", text)
    return [" ".join(part.replace("*", "").replace("[", "").split()) for part in re.split(r"\n\s*\n", text)]


def strings(code):
    """Return the texts of a program: messages, what figures say, docstrings; an f-string in one piece."""
    tree = ast.parse(code)
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.value


@functools.cache
def texts(path):
    """Return what a reader of a file sees of it as sentences."""
    if path.suffix == ".py":
        return [part for text in strings(path.read_text()) if " " in text for part in prose(text)]
    if path.name in DOCUMENTS:
        return prose(path.read_text())
    found = []
    for cell in jupytext.read(path, fmt="md:myst").cells:
        if cell.cell_type != "code":
            found += prose(cell.source)
            continue
        found.append(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", ""))
        code = re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.MULTILINE)
        found += [part for text in strings(code) if " " in text for part in prose(text)]
    return found


FILES = sorted(
    [
        *(ROOT / name for name in DOCUMENTS),
        *ROOT.glob("book/*.md"),
        *ROOT.glob("book/*/*.md"),
        *ROOT.glob("book/*.py"),
        *ROOT.glob("assignments/lab*/lab*.md"),
        *ROOT.glob("source_lib/**/*.py"),
        *ROOT.glob("autograder/**/*.py"),
    ]
)


def breaches(sentences, rules):
    """Return what the rules find, as lines for a person to go through."""
    return "\n".join(
        f"{hit[0]!r}: {rule['instead']}"
        for rule in rules
        for sentence in sentences
        for hit in pattern(rule).finditer(sentence)
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["bad"][:30])
def test_rule_finds_its_bad_example_and_passes_its_good_one(rule):
    assert breaches([rule["bad"]], [rule])
    assert breaches([rule["good"]], RULES) == ""


def test_what_a_sentence_is():
    text = "# Who\n\nIt *moves* [toward](towards.md) $x$ and `grey`.\n\n```python\ncolour = 1\n```\n"
    assert [part for part in prose(text) if part] == ["Who", "It moves toward X X and X .", "X"]
    assert list(strings('f"a {b} c"\n"d"')) == ["a X c", "d"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_is_plain_american_english(path):
    assert breaches(texts(path), RULES) == ""
