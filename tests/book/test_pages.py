"""The site as a whole: every page is there, and nothing on it is broken or comes from elsewhere."""

import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import jupytext
import pytest

import source_lib
from book.lists import hours
from tests.book.pages import BOOK, PAGES, ROOT, links, of_page


@pytest.mark.parametrize("name", PAGES)
def test_page_is_there_whole_and_without_leftovers(site, soups, name):
    page = of_page(site, soups, name)
    article = page.find("article")
    assert len(article.get_text().split()) > 20
    assert not article.select(".problematic, .system-message, .output.traceback, .output.stderr")
    text = article.get_text()
    for leftover in ("{glue", "{cite", "{code-cell", "{doc}", ":::", "Traceback (most recent", "<Figure size"):
        assert leftover not in text, leftover


@pytest.mark.parametrize("name", PAGES)
def test_no_paragraph_is_cut_by_a_line_that_is_taken_for_a_comment(name):
    notebook = jupytext.read(BOOK / f"{name}.md", fmt="md:myst")
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.findall(r"^[^%\n].*\n%.*", prose, re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_in_order(site, soups, name):
    levels = [int(tag.name[1]) for tag in of_page(site, soups, name).find("article").find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False)), levels


def test_site_holds_no_page_beside_the_contents(site, soups):
    extra = {"search", "404"}
    assert {str(path.relative_to(site).with_suffix("")) for path in soups} - extra == set(PAGES)


def test_every_link_and_every_picture_leads_somewhere(site, soups):
    seen, broken = links(site, soups)
    assert seen > 200
    assert not broken


def test_every_picture_has_a_text(soups):
    pictures = [picture for soup in soups.values() for picture in soup.select("article img")]
    assert len(pictures) >= 10
    texts = [picture.get("alt", "") for picture in pictures]
    # A text that was not given is the picture's path.
    assert not [text for text in texts if len(text.split()) < 4 or "_images" in text]


def test_nothing_on_a_page_comes_from_elsewhere_but_mathjax(soups):
    outside = {
        tag.get("src") or tag.get("href")
        for soup in soups.values()
        for tag in soup.select("script[src], link[rel=stylesheet][href], img[src], iframe[src]")
        if urlsplit(tag.get("src") or tag.get("href")).netloc
    }
    assert all("mathjax" in address for address in outside), outside


def test_no_path_of_this_machine_is_on_the_site(site):
    places = {str(ROOT), str(Path.home()), sys.prefix, sys.base_prefix, str(site.parent)}
    places -= {"/", "/usr", "/usr/local"}
    for path in site.rglob("*"):
        if path.suffix in {".html", ".js", ".json", ".txt", ".md", ".svg", ".inv"}:
            text = path.read_text(errors="ignore")
            assert not [place for place in places if place in text], path


def test_api_lists_every_public_name_of_source_lib(site, soups):
    listed = {tag["id"] for tag in of_page(site, soups, "reference/api").select("dl.py dt[id]")}
    public = set()
    for found in pkgutil.walk_packages(source_lib.__path__, "source_lib."):
        module = importlib.import_module(found.name)
        for name, member in inspect.getmembers(module, lambda each: inspect.isfunction(each) or inspect.isclass(each)):
            if not name.startswith("_") and member.__module__ == module.__name__:
                public.add(f"{module.__name__}.{name}")
    assert len(public) > 30
    assert public - listed == set()
    assert "autograder.open_lab" in listed


def test_first_page_lists_every_chapter_with_its_time(site, soups):
    (table,) = [
        t for t in of_page(site, soups, "index").select("article table") if "chapter" in t.find("th").get_text()
    ]
    rows = [[cell.get_text(strip=True) for cell in row.select("td")] for row in table.select("tbody tr")]
    links = [row["href"].removesuffix(".html") for row in table.select("a[href]")]
    assert links == [name for name in PAGES if name.startswith("theory/")]
    assert all(re.fullmatch(r"\d*½? h", time) for _, time in rows)


def test_time_of_a_chapter_counts_prose_and_exercises():
    assert hours("word " * 12000) == "2 h"
    assert hours("word " * 12000 + "\n" + "\n".join(f"**{k}.** Why?\n" for k in range(1, 4))) == "2½ h"
    assert hours("```{code-cell}\n" + "code " * 9000 + "\n```\n") == "½ h"


@pytest.mark.parametrize("name", PAGES)
def test_page_says_in_its_head_what_it_is_about(site, soups, name):
    page = of_page(site, soups, name)
    (about,) = page.select("meta[name=description]")
    assert 20 <= len(about["content"]) <= 200
    title = page.select_one("meta[property='og:title']")["content"]
    assert title and title in page.title.get_text()
