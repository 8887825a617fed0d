"""The glossary: one sentence for each term, and a link to a section that holds the term."""

import re

import pytest
from mdit_py_plugins.anchors.index import slugify

from tests.book.pages import BOOK, of_page

NAME = "reference/glossary"
ENTRY = re.compile(r"^(\S.*)\n  (.+)\. \[\]\(/(theory/[\w-]+)\.md#([\w-]+)\)$", re.MULTILINE)
#: A term in another form than in its section.
STEMS = {
    "calibration": "calibrated",
    "dead unit": "dead",
    "fine-tuning": "fine-tune",
    "functional model": "functional",
    "leakage": "leak",
    "multiply-add": "multiply-adds",
    "sparse weights": "sparse",
}


def body():
    return re.search(r"```{glossary}\n(.*)```", (BOOK / f"{NAME}.md").read_text(), re.DOTALL)[1]


ENTRIES = {term: found for term, *found in ENTRY.findall(body())}


def section(page, anchor):
    """Return the text of a section, its own parts included, by the slug of its heading."""
    text = re.sub(r"^```\{code-cell\}.*?^```$", "", (BOOK / f"{page}.md").read_text(), flags=re.M | re.DOTALL)
    lines, start, depth = text.splitlines(), None, 0
    for number, line in enumerate(lines):
        heading = re.match(r"(#+) (.*)", line)
        if not heading:
            continue
        if start is not None and len(heading[1]) <= depth:
            return "\n".join(lines[start:number])
        if start is None and slugify(heading[2]) == anchor:
            start, depth = number, len(heading[1])
    return None if start is None else "\n".join(lines[start:])


def test_every_entry_is_one_sentence_with_one_link():
    assert len(ENTRIES) == len(re.findall(r"^\S", body(), re.MULTILINE)) >= 100
    assert list(ENTRIES) == sorted(ENTRIES, key=str.casefold)
    assert [term for term, (sentence, *_) in ENTRIES.items() if re.search(r"[.!?] [A-Z]", sentence)] == []


@pytest.mark.parametrize("term", ENTRIES)
def test_link_leads_to_a_section_that_holds_the_term(term):
    _, page, anchor = ENTRIES[term]
    text = section(page, anchor)
    assert text is not None, f"{page} has no section {anchor}"
    words = " ".join(re.sub(r"[*_]", "", text).split()).casefold()
    assert STEMS.get(term, term).casefold() in words


def test_glossary_on_the_site_links_each_term_to_a_titled_section(site, soups):
    page = of_page(site, soups, NAME)
    terms = page.select("dl.glossary > dt")
    assert [term.get_text().rstrip("#") for term in terms] == list(ENTRIES)
    for definition in page.select("dl.glossary > dd"):
        (link,) = definition.select("a[href]")
        assert link.get_text().strip() and "#" in link["href"]
