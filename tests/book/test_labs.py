"""The pages of the labs, and that no page gives a solution away."""

import ast
import re

import jupytext
import pytest

from autograder.gradebook.release import solution_lines
from autograder.labs import get_lab, lab_names
from book.lists import needs, titles
from tests.book.pages import PAGES, ROOT, code_cells, of_page


@pytest.mark.parametrize("lab", lab_names())
def test_points_table_is_the_rubric(site, soups, lab):
    rubric = get_lab(lab)
    (table,) = of_page(site, soups, f"labs/{lab}").select("table.rubric")
    printed, totals, function = {}, {}, None
    for row in table.select("tbody tr"):
        if head := row.select_one("th[scope=rowgroup]"):
            function = head.get_text(strip=True)
        *_, what, points = (cell.get_text(strip=True) for cell in row.find_all(["th", "td"]))
        if what in ("automatic points", "together"):
            totals[what] = float(points)
            function = None
        elif function:
            printed.setdefault(function, []).append((what, float(points)))
        else:
            totals[row.find("th").get_text(strip=True)] = float(points)
    assert printed == {check.function: [(line.title, line.points) for line in check.lines] for check in rubric.checks}
    manual = sum(rubric.manual.values())
    assert totals == {"automatic points": rubric.points, "together": rubric.points + manual} | rubric.manual


@pytest.mark.parametrize("lab", lab_names())
def test_page_of_a_lab_names_all_chapters_that_it_needs_and_how_to_begin(site, soups, lab):
    chapters = titles(ROOT / "book")
    addresses = {link["href"] for link in of_page(site, soups, f"labs/{lab}").select("article a[href]")}
    assert get_lab(lab).chapters and "../get-started.html" in addresses
    assert {f"../{chapters[title]}.html" for title in get_lab(lab).chapters} <= addresses


@pytest.mark.parametrize("lab", lab_names())
def test_page_of_a_lab_has_the_mark_for_what_it_needs(lab):
    assert "\n% what the lab needs\n" in (ROOT / "book" / "labs" / f"{lab}.md").read_text()
    named = needs(ROOT / "book", lab)
    assert named.count("/theory/") == len(get_lab(lab).chapters) > 1 and "[](/get-started.md)" in named


def test_table_of_the_labs_says_how_long_they_take_and_nothing_else(site, soups):
    takes = [row.find_all("td")[-1].get_text(strip=True) for row in _labs(site, soups)]
    assert len(takes) == len(lab_names())
    assert all(re.fullmatch(r"(an?|one|two|three)\b[\w ]* (evenings?|hours)(, [a-z ]+)?", text) for text in takes), (
        takes
    )


def _labs(site, soups):
    tables = of_page(site, soups, "index").find("article").select("table")
    (table,) = [one for one in tables if "automatic points" in one.get_text()]
    return table.select("tbody tr")


def test_lab_1_is_worth_35_and_10(site, soups):
    rows = of_page(site, soups, "index").find("article").select("table tbody tr")
    texts = [[cell.get_text(strip=True) for cell in row.find_all("td")] for row in rows]
    assert ["Lab 1: Implementing a CNN", "35", "10", "one evening, about four to six hours"] in texts


def test_sample_feedback_on_the_lab_page_is_that_of_a_flipped_kernel(site, soups):
    table, *_ = [t for t in of_page(site, soups, "labs/lab1").select("article table") if t.caption]
    results = [row.find("td").get_text(strip=True) for row in table.select("tbody tr")]
    assert results[0] == "✗ not yet" and set(results[1:]) == {"✓ passed"}
    assert "true convolution" in table.get_text()


def test_second_hint_on_the_lab_page_is_that_of_a_flipped_kernel(site, soups):
    tables = of_page(site, soups, "labs/lab1").select("table:has(caption)")
    first, second = (table for table in tables if "conv2d_layer" in table.caption.get_text())
    assert first.caption.get_text() == second.caption.get_text()
    (fault,) = [fault for fault in get_lab("lab1").faults if fault.id == "conv2d_no_flip"]
    assert fault.second_hint in second.get_text() and fault.second_hint not in first.get_text()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_defines_a_function_of_a_lab(name):
    # Of what is checked, the functions that students write: files and accuracies are words like any other.
    texts = [(ROOT / "assignments" / lab / f"{lab}.md").read_text() for lab in lab_names()]
    checked = {check.function for lab in lab_names() for check in get_lab(lab).checks}
    contracts = {function for function in checked if any(f"def {function}(" in text for text in texts)} - {"reported"}
    assert {"conv2d_layer", "build_model"} <= contracts
    for source in code_cells(name):
        for node in ast.walk(ast.parse(source)):
            defined = getattr(node, "name", None) if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else None
            stored = node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else None
            assert not {defined, stored} & contracts


@pytest.mark.parametrize("lab", lab_names())
def test_no_page_holds_a_line_of_a_solution(lab):
    secret = set(solution_lines(jupytext.read(ROOT / "assignments" / lab / f"{lab}.md")))
    assert secret
    for name in PAGES:
        lines = {line.strip() for source in code_cells(name) for line in source.splitlines()}
        assert not lines & secret, name
