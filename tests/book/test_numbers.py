"""No number stands in a chapter's prose that the code of its section neither holds nor prints."""

import re

import jupytext
import pytest

from tests.book.pages import BOOK, PAGES, of_page

CHAPTERS = [name for name in PAGES if name.startswith("theory/")]
#: A name such as CIFAR-10 or float32 holds no number.
NUMBER = re.compile(r"(?<![\w.,\-])\d+(?:,\d{3})*(?:\.\d+)?(?![\w-])")
#: What is not prose: formulas, code, what roles and links name, comments, options of directives.
NOT_PROSE = [
    r"(?ms)^(`{3,}|~{3,})(?:\{code-block\}|\w|$)[^`]*?^\1",
    r"(?m)^:[\w-]+:.*$",
    r"(?ms)^---\n.*?^---$",
    r"(?m)^%.*$",
    r"(?s)\$\$.*?\$\$",
    r"\$[^$]+\$",
    r"\{[\w:]+\}`[^`]*`",
    r"`[^`]*`",
    r"\]\([^)]*\)",
    r"<[^>]+>",
]
#: Numbers that no code need produce: years, labs, exercises and chapters by name, places in a list, all and nothing.
ALLOWED = [
    r"\b(?:1[89]|20)\d\d\b",
    r"\b[Ll]abs? \d(?:(?:, \d)*,? (?:and|to) \d)?",
    r"\b[Ee]xercises? \d+",
    r"\b(?:[Cc]hapter|[Ss]ection)s? \d+(?:\.\d+)*",
    r"(?m)^(?:\s*|\| )\d+\. ",
    r"(?m)^\*\*\d+\.\*\*",
    r"(?<![\d.])\b[01]\b(?![.,]?\d)",
]


def prose_of(text):
    for pattern in NOT_PROSE + ALLOWED:
        text = re.sub(pattern, " ", text)
    return text


def numbers_in(text):
    return {float(found.replace(",", "")) for found in NUMBER.findall(text)}


def sections_of(name):
    """Return the prose of each section of a chapter and the code in it, by heading."""
    notebook = jupytext.read(BOOK / f"{name}.md", fmt="md:myst")
    sections, heading = {}, "the start"
    for cell in notebook.cells:
        parts = (
            re.split(r"^## (.*)$", cell.source, flags=re.MULTILINE) if cell.cell_type == "markdown" else [cell.source]
        )
        for place, part in enumerate(parts):
            if place % 2:
                heading = part
            sections.setdefault(heading, {"markdown": "", "code": ""})[
                cell.cell_type if not place % 2 else "markdown"
            ] += part + "\n"
    return sections


def printed(site, soups, name):
    """Return what the code of each section put on the page, in the order of the sections."""
    top = of_page(site, soups, name).find("article").find("section")
    own = [cell for cell in top.select(".cell_output") if cell.find_parent("section") is top]
    inner = [section.select(".cell_output") for section in top.find_all("section", recursive=False)]
    return [" ".join(cell.get_text(" ") for cell in cells) for cells in [own, *inner]]


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_number_in_prose_stands_in_the_code_of_its_section_or_comes_out_of_it(site, soups, name):
    unknown = {}
    sections = sections_of(name)
    outputs = printed(site, soups, name)
    assert len(outputs) == len(sections)
    for (heading, section), output in zip(sections.items(), outputs, strict=True):
        known = numbers_in(section["code"].replace("_", "")) | numbers_in(output)
        # A share of 0.95 is 95 % in words.
        known |= {round(100 * share, 9) for share in known if share < 1}
        if found := numbers_in(prose_of(section["markdown"])) - known:
            unknown[heading] = sorted(found)
    assert not unknown


def test_what_prose_is():
    text = (
        "# A title\n\nThere are {glue:text}`n` of 7 in $3 + 4$ and `8`, see lab 2 and {cite:p}`lecun1998`, 1998.\n\n"
        "**3.** CIFAR-10 in float32 has 0 to 1.\n\n1. one\n\n:::{note}\n:class: x5\n\nand 1,234.5 here\n:::\n"
        "```{code-block} python\nx = 9\n```\n"
    )
    assert numbers_in(prose_of(text)) == {7.0, 1234.5}
