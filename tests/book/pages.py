"""What the tests of the book share: which pages there are, and what is on them."""

import contextlib
import importlib.util
import math
import re
import statistics
from urllib.parse import unquote, urlsplit

import jupytext
import yaml
from bs4 import BeautifulSoup

from tests.conftest import ROOT

BOOK = ROOT / "book"
BUILDER = BOOK / "build.py"

_spec = importlib.util.spec_from_file_location("book_build", BUILDER)
book_build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(book_build)


def pages_in_contents():
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text())
    names = [contents["root"]]
    for part in contents["parts"]:
        for chapter in part["chapters"]:
            if "glob" in chapter:
                names += [str(path.relative_to(BOOK).with_suffix("")) for path in sorted(BOOK.glob(chapter["glob"]))]
            else:
                names.append(chapter["file"])
    return names


PAGES = pages_in_contents()


@contextlib.contextmanager
def live_page(browser, url, figure):
    """Open a page, wait until its figure works, and make sure that no script of it raised until it is closed."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(url, wait_until="load")
    page.locator(f"{figure}.live").wait_for()
    yield page
    assert page.errors == []
    page.close()


def trees(site):
    pages = (path for path in site.rglob("*.html") if "_static" not in path.parts)
    return {path: BeautifulSoup(path.read_text(), "html.parser") for path in pages}


def links(site, soups):
    """Return how many addresses within the site its pages hold, and those that lead nowhere."""
    ids = {path: {tag["id"] for tag in soup.find_all(id=True)} for path, soup in soups.items()}
    seen, broken = 0, []
    for path, soup in soups.items():
        for tag in soup.select("a[href], link[href], [src]"):
            address = tag.get("href") or tag.get("src")
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or address == "#":
                continue
            # An address that begins with a slash begins at the root of the site.
            folder = site if parts.path.startswith("/") else path.parent
            target = (folder / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
            seen += 1
            anchored = not parts.fragment or tag.name != "a" or parts.fragment in ids.get(target, ())
            if not target.is_file() or not anchored:
                broken.append(f"{path.relative_to(site)}: {address}")
    return seen, broken


def of_page(site, soups, name):
    return soups[site / f"{name}.html"]


def code_cells(name):
    text = (BOOK / f"{name}.md").read_text()
    if "format_name: myst" not in text:
        return re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    notebook = jupytext.reads(text, fmt="md:myst")
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return [re.sub(r"^%.*$", "", source, flags=re.MULTILINE) for source in cells]


def outputs(site, soups, name):
    return "\n".join(tag.get_text() for tag in of_page(site, soups, name).select("article .cell_output"))


#: How often answers are timed: other work on the machine only ever adds time, so the best of these tells.
ROUNDS = 5
#: What takes less is an answer at once, in milliseconds.
AT_ONCE = 100


def least_median(measured):
    """Return the median of what a function measures, in milliseconds; the least of several, unless one is short."""
    least = math.inf
    for _ in range(ROUNDS):
        least = min(least, statistics.median(measured()))
        if least < AT_ONCE:
            break
    return least


def median_answer(page, changing, keys):
    """Press keys in turn, 20 of them, and return the median time in milliseconds until the page has answered.

    Measured in the page: from the moment a key arrives until what it changes has changed and the next picture is drawn.
    Where that is long, it is measured again, and the least median counts.
    """
    page.evaluate(
        """changing => {
            let pressed = null;
            addEventListener("keydown", () => { pressed = performance.now(); }, true);
            new MutationObserver(() => {
                if (pressed === null) return;
                const since = pressed;
                pressed = null;
                requestAnimationFrame(() => setTimeout(() => window.answers.push(performance.now() - since)));
            }).observe(document.querySelector(changing), {childList: true, characterData: true, subtree: true});
        }""",
        changing,
    )

    def answers():
        page.evaluate("window.answers = []")
        for press in range(20):
            page.keyboard.press(keys[press % len(keys)])
            page.wait_for_function("count => window.answers.length === count", arg=press + 1)
        return page.evaluate("window.answers")

    return least_median(answers)
