"""Pages in a real browser."""

import pytest

from tests.book.pages import PAGES


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone(browser, address, name):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{address}/{name}.html", wait_until="domcontentloaded")
    # Whatever sticks out must scroll inside a box of its own.
    wide = page.evaluate(
        """() => [...document.querySelectorAll("article *")].filter(e => {
            if (e.getBoundingClientRect().right <= innerWidth + 1 || e.closest("mjx-container, .math")) return false;
            for (let box = e.parentElement; box.tagName !== "ARTICLE"; box = box.parentElement)
                if (["auto", "scroll", "hidden"].includes(getComputedStyle(box).overflowX)) return false;
            return true;
        }).map(e => e.outerHTML.slice(0, 120))"""
    )
    page.close()
    assert not wide and not problems
