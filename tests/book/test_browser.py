"""Pages in a real browser."""

import pytest

from tests.book.pages import PAGES


def test_window_is_moved_with_the_keyboard(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/theory/convolution.html", wait_until="domcontentloaded")
    said = page.locator(".stepper-formula")
    page.get_by_role("button", name="Next").focus()
    for _ in range(14):
        page.keyboard.press("Enter")
    assert said.inner_text().startswith("y[2, 4] = ") and said.inner_text().endswith("= −9")
    # The button went out of service under the keyboard's focus; the slider takes over.
    page.keyboard.press("ArrowLeft")
    assert said.inner_text().endswith("= 6")
    page.get_by_label("turn the kernel").focus()
    page.keyboard.press("Space")
    assert said.inner_text().endswith("= −6")
    page.close()


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
