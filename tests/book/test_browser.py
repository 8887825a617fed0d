"""Pages in a real browser, which has no network."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.book.pages import BOOK, PAGES

WIDE = {"width": 1280, "height": 900}
HEAVY = 1_500_000
SOME_CHAPTERS = [name for name in PAGES if name.startswith("theory/")][:2]
VISITED = [*PAGES, "search"]
#: The first page of each part, and all that write HTML of their own, as figures to play with do; those of the labs
#: write the same table.
EACH_KIND = {
    *{Path(name).parent: name for name in reversed(VISITED)}.values(),
    *(name for name in PAGES if not name.startswith("labs/") and "\nHTML(" in (BOOK / f"{name}.md").read_text()),
    "search",
}


@dataclass
class Visit:
    """A page that was opened for the first time, and what the browser had to say."""

    page: object
    problems: list = field(default_factory=list)
    requests: list = field(default_factory=list)


def is_mathjax(address):
    return "mathjax" in address


@pytest.fixture(scope="module", params=VISITED)
def visit(request, browser, address):
    page = browser.new_page(viewport=WIDE, color_scheme="light")
    seen = Visit(page)
    page.on("requestfinished", lambda finished: seen.requests.append(finished))
    page.on("requestfailed", lambda failed: seen.problems.append(("failed", failed.url)))
    page.on("pageerror", lambda error: seen.problems.append(("error", str(error))))
    page.on(
        "console",
        lambda said: said.type == "error" and seen.problems.append(("console", f"{said.text} {said.location['url']}")),
    )
    page.goto(f"{address}/{request.param}.html", wait_until="load")
    page.evaluate("() => window.MathJax?.startup?.promise")
    yield seen
    page.close()


def test_page_loads_alone_and_without_an_error(visit, site):
    problems = visit.problems
    if not (site / "_static" / "mathjax").exists():
        problems = [problem for problem in problems if not is_mathjax(problem[1])]
        if len(problems) < len(visit.problems):
            warnings.warn("MathJax was not at hand when the site was built: its formulas were not tried.", stacklevel=1)
    assert problems == []


def test_page_moves_little_on_first_load(visit):
    # Packed with gzip, as the server sends it, in bytes.
    moved = {
        request.url: request.sizes()["responseBodySize"]
        for request in visit.requests
        if request.resource_type != "font" and not is_mathjax(request.url)
    }
    assert len(moved) > 10
    heaviest = sorted(((size, url) for url, size in moved.items()), reverse=True)[:5]
    assert sum(moved.values()) < HEAVY, heaviest


def test_page_fits_a_phone(visit):
    page = visit.page
    page.set_viewport_size({"width": 390, "height": 844})
    # Whatever sticks out must scroll inside a box of its own.
    wide = page.evaluate(
        """() => [...document.querySelectorAll("article *")].filter(e => {
            if (e.getBoundingClientRect().right <= innerWidth + 1 || e.closest("mjx-container, .math")) return false;
            for (let box = e.parentElement; box.tagName !== "ARTICLE"; box = box.parentElement)
                if (["auto", "scroll", "hidden"].includes(getComputedStyle(box).overflowX)) return false;
            return true;
        }).map(e => e.outerHTML.slice(0, 120))"""
    )
    page.set_viewport_size(WIDE)
    assert wide == []


@pytest.mark.parametrize("visit", [name for name in VISITED if name.startswith("theory/")], indirect=True)
def test_chapter_begins_with_a_picture(visit):
    for width, height in ((1280, 800), (390, 844)):
        visit.page.set_viewport_size({"width": width, "height": height})
        # Below a picture that is cut off, no reader looks for the rest.
        middle = visit.page.evaluate(
            """() => Math.min(...[...document.querySelectorAll("article :is(img, svg, canvas)")]
                .filter(each => each.checkVisibility() && each.getBoundingClientRect().width > 100)
                .map(each => each.getBoundingClientRect())
                .map(box => scrollY + (box.top + box.bottom) / 2))"""
        )
        assert middle < height, (width, middle)
    visit.page.set_viewport_size(WIDE)


def test_no_link_of_the_finished_page_is_dead(visit, site, soups, address):
    # Scripts have added links and anchors by now.
    links, anchors = visit.page.evaluate(
        """() => [
            [...document.querySelectorAll("a[href]")]
                .map(a => [a.getAttribute("href"), a.href, !!a.closest("nav, .logo")]),
            [...document.querySelectorAll("[id]")].map(anchor => anchor.id),
        ]"""
    )
    here, _ = urldefrag(visit.page.url)
    dead = []
    for written, whole, in_navigation in links:
        target, fragment = urldefrag(whole)
        path = Path(site, unquote(urlsplit(target).path).lstrip("/"))
        if not whole.startswith(address):
            alive = urlsplit(whole).scheme in {"http", "https", "mailto"}
        elif written == "#":
            # So the theme says "this page" in its navigation; elsewhere it would be a link without a place.
            alive = in_navigation
        elif target == here:
            alive = unquote(fragment) in anchors
        else:
            alive = path.is_file() and (not fragment or soups[path].find(id=unquote(fragment)))
        dead += [] if alive else [written]
    assert len(links) > 10
    assert dead == []


def violations(page, part=":root", **options):
    options = {"resultTypes": ["violations"], "preload": False} | options
    run = "([part, options]) => axe.run(part === ':root' ? document : document.querySelector(part), options)"
    found = page.evaluate(run, [part, options])["violations"]
    return [
        (each["id"], node["html"][:200], node["failureSummary"])
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(
    "visit",
    [
        *(name if name in EACH_KIND else pytest.param(name, marks=pytest.mark.long) for name in VISITED),
        "404",
    ],
    indirect=True,
)
def test_page_has_no_serious_barrier_in_either_color_scheme(visit):
    from axe_playwright_python.base import AXE_FILE_PATH

    page = visit.page
    page.evaluate(Path(AXE_FILE_PATH).read_text())
    contrast = {"color-contrast": {"enabled": False}, "label-content-name-mismatch": {"enabled": True}}
    assert violations(page, rules=contrast) == []

    # What looks alike is looked at once: words of code in one color, rows of a table, functions of a module. Formulas
    # have the color of the text around them.
    page.evaluate(
        """() => {
            document.querySelectorAll("mjx-container").forEach(formula => formula.remove());
            document.querySelectorAll("article tr:nth-child(n + 9)").forEach(row => row.remove());
            const seen = {};
            const count = kind => (seen[kind] = (seen[kind] ?? 0) + 1);
            for (const entry of document.querySelectorAll("dl.py")) if (count(entry.className) > 4) entry.remove();
            for (const word of document.querySelectorAll(".highlight span")) {
                if (word.firstElementChild) continue;
                const kind = word.className + word.parentElement.className + word.closest(".highlight").className;
                if (count(kind) > 1) word.replaceWith(...word.childNodes);
            }
        }"""
    )
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        # The page for a wrong address has no switch: it follows the browser at once.
        page.wait_for_function("scheme => (document.documentElement.dataset.theme ?? scheme) === scheme", arg=scheme)
        # Colors that fade from one scheme to the other are neither.
        page.evaluate("() => document.getAnimations().forEach(change => change.finish())")
        assert violations(page, runOnly=["color-contrast"]) == [], scheme


def test_search_finds_receptive_field(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/index.html", wait_until="load")
    page.keyboard.press("Control+k")
    page.keyboard.type("receptive field")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=receptive+field*")
    page.locator("#search-results li a").first.click()
    page.wait_for_url(lambda url: "search.html" not in url)
    assert "receptive field" in page.locator("article").inner_text().lower()
    page.close()


@pytest.mark.parametrize("name", SOME_CHAPTERS)
def test_chapter_is_printed_whole(browser, address, name):
    page = browser.new_page(viewport={"width": 700, "height": 1000}, color_scheme="dark")
    page.goto(f"{address}/{name}.html", wait_until="load")
    folded = page.locator("details:not(.left-out)")
    assert folded.count() >= 3 and not folded.first.get_attribute("open")
    page.emulate_media(media="print")
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    hidden = page.evaluate(
        """() => [...document.querySelectorAll("details:not(.left-out) > :not(summary)")]
            .filter(part => !part.checkVisibility({opacityProperty: true, visibilityProperty: true}))
            .map(part => part.outerHTML.slice(0, 100))"""
    )
    assert hidden == []
    titles = page.locator("details.hide > summary").evaluate_all(
        "all => all.map(each => getComputedStyle(each, '::after').content)"
    )
    assert '"Code that confirms it"' in titles and any("left out here" in title for title in titles)
    for part in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article", ".prev-next-footer"):
        assert not page.locator(part).first.is_visible(), part
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    cut = page.evaluate(
        """() => [...document.querySelectorAll("article pre, article img, article table")]
            .filter(part => part.checkVisibility() && part.getBoundingClientRect().right > innerWidth + 1)
            .map(part => part.outerHTML.slice(0, 100))"""
    )
    assert cut == []
    # Code that is longer than a page must not wait for an empty one.
    breaks = page.locator("details.hide .highlight, details.hide pre").evaluate_all(
        "all => [...new Set(all.map(each => getComputedStyle(each).breakInside))]"
    )
    assert breaks == ["auto"]
    page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert not folded.first.get_attribute("open")

    paper = page.pdf(format="A4")
    assert paper.startswith(b"%PDF") and paper.count(b"/Type /Page\n") >= 3
    page.close()
