"""What the course draws on: every item has a place or a reason, every place is there, and no page is forgotten."""

import re

import jupytext
import pytest
from myst_parser.mdit_to_docutils.base import default_slugify

from autograder.labs import get_lab
from book.draws import is_lab, link, listed, tables
from tests.book.pages import BOOK, PAGES, of_page

LISTED = listed(BOOK)
#: How many items the list of the sources has: who takes one out must say so here.
COUNTS = {
    ("A", "S1"): 21,
    ("A", "S0"): 10,
    ("A", "S4"): 9,
    ("A", "S3"): 23,
    ("B", "S2"): 31,
    ("C", "S4"): 21,
    ("D", "S2"): 19,
    ("E", "S3"): 6,
    ("F", "S1 to S4"): 10,
    ("G", "S2 and S4"): 11,
}
ITEMS = [
    pytest.param(item, id=f"{part['letter']}-{group['source']}-{number}".replace(" ", "-"))
    for part in LISTED["parts"]
    for group in part["groups"]
    for number, item in enumerate(group["items"], 1)
]
PLACES = sorted({place for item in ITEMS for place in item.values[0].get("where", ())})


def headings(text):
    """Return the anchors of a page's headings, as MyST spells them."""
    cells = jupytext.reads(text, fmt="md:myst").cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    prose = re.sub(r"^(`{3,}|~{3,}).*?^\1$", "", prose, flags=re.MULTILINE | re.DOTALL)
    return {default_slugify(title.replace("`", "").strip()) for title in re.findall(r"^#{1,3} (.*)$", prose, re.M)}


def asked(lab):
    """Return the names of what a lab asks for."""
    lab = get_lab(lab)
    return {check.function for check in lab.checks} | set(lab.manual)


def forgotten(pages, places, unlinked):
    """Return the pages of theory and labs that nothing leads to and that have no reason."""
    reached = {place.partition("#")[0] for place in places}
    return [page for page in pages if page.startswith(("theory/", "labs/")) and page not in reached | set(unlinked)]


def test_parts_and_numbers_of_items_are_complete():
    found = {
        (part["letter"], group["source"]): len(group["items"]) for part in LISTED["parts"] for group in part["groups"]
    }
    assert found == COUNTS
    assert [part["letter"] for part in LISTED["parts"]] == list("ABCDEFG")
    assert set(LISTED["sources"]) == {"S0", "S1", "S2", "S3", "S4"}


@pytest.mark.parametrize("item", ITEMS)
def test_every_item_has_places_or_a_reason(item):
    assert set(item) <= {"what", "where", "missing"}
    assert item["what"].strip() and "|" not in item["what"]
    assert item.get("where") or item.get("missing")
    assert len(set(item.get("where", ()))) == len(item.get("where", ()))
    if "missing" in item:
        assert re.match(r"(not yet|left out): \w", item["missing"]), item["missing"]


@pytest.mark.parametrize("place", PLACES)
def test_every_place_is_there(place):
    page, _, within = place.partition("#")
    assert page in PAGES
    if not within:
        return
    if is_lab(page):
        assert within in asked(page.removeprefix("labs/"))
    else:
        assert within in headings((BOOK / f"{page}.md").read_text())


def test_no_chapter_and_no_lab_is_forgotten():
    unlinked = LISTED["unlinked"]
    assert not forgotten(PAGES, PLACES, unlinked)
    reached = {place.partition("#")[0] for place in PLACES}
    assert all(page in PAGES and page not in reached and reason for page, reason in unlinked.items())


def test_a_forgotten_page_is_found():
    pages = ["index", "theory/one", "theory/two", "labs/lab9"]
    assert forgotten(pages, ["theory/one#a-heading"], {"labs/lab9": "for its teachers"}) == ["theory/two"]


def test_a_chapter_on_architectures_is_linked_once_it_is_there():
    items = [item.values[0] for item in ITEMS]
    waiting = [item["what"] for item in items if "chapter on architectures" in item.get("missing", "")]
    assert "theory/architectures" not in PAGES or not waiting


def test_headings_are_spelled_as_myst_spells_them():
    text = "# A: `b`, c\n\n```{code-cell}\n# no heading\n```\n\n## What is n − 1?\n\n#### too deep\n"
    assert headings(text) == {"a-b-c", "what-is-n--1"}


def test_links_name_what_a_lab_asks_for():
    assert link("labs/report#template") == "[](/labs/report.md#template)"
    assert link("labs/lab4#l1_l2") == "[Lab 4: `l1_l2`](/labs/lab4.md)"
    assert link("theory/uses") == "[](/theory/uses.md)"


def test_page_names_the_five_documents_as_the_list_does():
    text = " ".join((BOOK / "reference/sources.md").read_text().split())
    for name, title in LISTED["sources"].items():
        assert f"**{name}**, {title}" in text


def test_tables_have_a_row_for_every_item():
    rows = [line for line in tables(BOOK).splitlines() if line.startswith("| ") and not line.startswith("| item ")]
    assert len([row for row in rows if not row.startswith("| :--")]) == len(ITEMS)
    assert all(row.count("|") == 3 for row in rows)


def test_site_has_a_row_with_its_links_for_every_item(site, soups):
    rows = of_page(site, soups, "reference/sources").select("article table tbody tr")
    assert len(rows) == len(ITEMS)
    for row, item in zip(rows, ITEMS, strict=True):
        places = item.values[0].get("where", ())
        for a, place in zip(row.select("td:last-child a[href]"), places, strict=True):
            page, _, within = place.partition("#")
            address, _, anchor = a["href"].partition("#")
            assert (site / "reference" / address).resolve() == (site / f"{page}.html").resolve()
            assert a.get_text(strip=True) and bool(anchor) == bool(within and not is_lab(page))
