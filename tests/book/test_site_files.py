"""What the site holds beside its pages: the page for a wrong address, the card for previews, and how search weighs."""

import functools
import http.server
import threading
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from book.site_files import CARD, CARD_SIZE, draw_card, not_found
from tests.book.pages import of_page


def test_page_for_a_wrong_address_loads_nothing_and_leads_home():
    page = BeautifulSoup(not_found("A <b>title", "https://we.github.io/cnn-site"), "html.parser")
    assert page.title.get_text().endswith("A <b>title")
    assert not page.select("[src], link")
    home = {link["data-page"]: link["href"] for link in page.select("a")}
    assert home["index.html"] == "https://we.github.io/cnn-site/index.html"
    assert BeautifulSoup(not_found("A title", ""), "html.parser").a["href"] == "/index.html"


class _Pages(http.server.SimpleHTTPRequestHandler):
    """Answers as a host of sites does: where there is no file, with the site's own page, under the same address."""

    def send_error(self, code, message=None, explain=None):
        body = Path(self.directory, "course", "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("wrong", ["nothing", "theory/nothing.html", "a/b/c/d/"])
def test_first_page_is_one_click_away_at_any_depth(browser, tmp_path, wrong):
    site = tmp_path / "course"
    site.mkdir()
    (site / "404.html").write_text(not_found("The course", ""))
    (site / "index.html").write_text("<!DOCTYPE html><html lang='en'><title>home</title><h1>Home</h1></html>")
    (site / "objects.inv").touch()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Pages, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/course/{wrong}", wait_until="networkidle")
        assert page.locator("h1").inner_text() == "This page does not exist"
        page.locator("a").first.click()
        page.wait_for_url("**/course/index.html")
        assert page.locator("h1").inner_text() == "Home"
    finally:
        page.close()
        server.shutdown()
        server.server_close()


def test_card_has_the_size_of_a_preview_and_shows_something(tmp_path):
    path = tmp_path / "card.png"
    draw_card(path, "Convolutional neural networks")
    with Image.open(path) as image:
        assert image.size == CARD_SIZE
        pixels = np.asarray(image.convert("L"))
    assert path.stat().st_size < 300_000
    # A title above, and four pictures below that differ.
    assert pixels[:150].max() > 200
    strips = np.split(pixels[330:550, 60:1140], 4, axis=1)
    assert len({strip.tobytes() for strip in strips}) == 4 and min(strip.std() for strip in strips) > 20


def test_every_page_names_a_card_that_is_there(site, soups):
    for path, page in soups.items():
        if page.select("meta[property='og:title']"):
            (image,) = page.select("meta[property='og:image']")
            assert (path.parent / image["content"]).resolve() == site / CARD
            assert len(page.select_one("meta[property='og:image:alt']")["content"]) > 40
    assert (site / CARD).is_file()


def test_site_has_a_page_for_a_wrong_address(site, soups):
    assert of_page(site, soups, "404").h1.get_text() == "This page does not exist"


@pytest.mark.parametrize("wanted", ["bias", "kernel", "padding"])
def test_search_lists_chapters_before_the_reference(browser, address, wanted):
    page = browser.new_page()
    page.goto(f"{address}/search.html?q={wanted}", wait_until="load")
    page.wait_for_function("() => /found/i.test(document.querySelector('.search-summary')?.innerText)")
    found = page.locator("#search-results li a").evaluate_all("all => all.map(each => each.pathname)")
    page.close()
    behind = [name.startswith("/reference/api") for name in found]
    assert len(found) > 5 and any(behind)
    assert behind == sorted(behind), found
