"""Exercises that a page checks: enough of them in every chapter, computed and not typed in, judged in the browser."""

import ast
import json
import re
from pathlib import Path

import pytest

from source_lib.interactive import exercise
from tests.book.pages import AT_ONCE, PAGES, code_cells, median_answer, of_page
from tests.book.test_browser import is_mathjax, violations

CHAPTERS = [name for name in PAGES if name.startswith("theory/")]
FEWEST = 3
KINDS = ("number", "shape", "choice")


def forms(site, soups, name):
    return of_page(site, soups, name).select("article form.exercise")


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_has_exercises_that_the_page_checks(site, soups, name):
    found = forms(site, soups, name)
    assert len(found) >= FEWEST
    for form in found:
        data = json.loads(form.script.string)
        assert data["kind"] in KINDS and len({str(wrong) for wrong, _ in data["wrong"]}) >= 2
        assert all(hint.strip() for _, hint in data["wrong"])
        working = form.find_next(["details", "form"], class_=["dropdown", "hide", "exercise"])
        while working.name == "form":
            working = working.find_next(["details", "form"], class_=["dropdown", "hide", "exercise"])
        assert working.find_previous("h2") is form.find_previous("h2"), (
            "the worked answer is below, in the same section"
        )


def typed_in(value):
    """Return whether an expression is written out, so that no code stands behind it."""
    if isinstance(value, ast.UnaryOp):
        return typed_in(value.operand)
    return isinstance(value, ast.Constant) or (
        isinstance(value, (ast.Tuple, ast.List)) and all(typed_in(each) for each in value.elts)
    )


def asked(name):
    """Return the calls in a chapter that ask for a number, a shape or a choice."""
    trees = [ast.walk(ast.parse(cell)) for cell in code_cells(name)]
    calls = [node for tree in trees for node in tree if isinstance(node, ast.Call)]
    return [call for call in calls if ast.unparse(call.func) in {f"exercise.{kind}" for kind in KINDS}]


@pytest.mark.parametrize("name", CHAPTERS)
def test_right_and_wrong_answers_are_computed(name):
    calls = asked(name)
    assert len(calls) >= FEWEST
    for call in calls:
        given = {argument.arg: argument.value for argument in call.keywords}
        assert not typed_in(given["answer"]), ast.unparse(call)
        # The wrong options of a choice are words.
        if not ast.unparse(call.func).endswith("choice") and isinstance(given["wrong"], ast.Dict):
            assert not [ast.unparse(key) for key in given["wrong"].keys if typed_in(key)], ast.unparse(call)


NUMBER = exercise.number(
    "Parameters",
    answer=(3 * 3 * 3 + 1) * 50,
    wrong={3 * 3 * 3 * 50: "Each output channel has a `bias` too.", (3 * 3 + 1) * 50: "The image has three channels."},
)
SHARE = exercise.number("Share", answer=1 / 4, wrong={1 / 2: "Half of a half.", 3 / 4: "That is what is left."})
PERCENT = exercise.number("Accuracy", answer=25, wrong={50: "Half of a half.", 75: "The rest."}, unit="%")
PIXELS = exercise.number("Side", answer=16, wrong={15: "Add 1.", 32: "The stride?"}, unit="pixels")
SHAPE = exercise.shape("Shape", answer=(28, 28, 8), wrong={(28, 28, 3): "The filters.", (26, 26, 8): "`same` pads."})
CHOICE = exercise.choice("Which?", answer="median", wrong={"mean": "Outliers move it.", "mode": "It may be rare."})


@pytest.fixture
def shown(browser, site, address):
    """Open a page of the site with other questions in the place of its own, and return it with the form."""
    pages, heard = [], []

    def open_page(question, **options):
        page = browser.new_page(viewport={"width": 390, "height": 844}, **options)
        pages.append(page)
        path = f"{address}/theory/shapes.html"
        body = (site / "theory" / "shapes.html").read_text()
        before, article, after = re.split("(<article[^>]*>)", body, maxsplit=1)
        mine = f"{before}{article}{question._repr_html_()}{after}"
        page.route(path, lambda route: route.fulfill(body=mine, content_type="text/html"))
        page.goto(path, wait_until="load")
        page.on("request", lambda request: heard.append(request.url))
        page.on("pageerror", lambda error: heard.append(str(error)))
        return page, page.locator("form.exercise").first

    yield open_page
    for page in pages:
        page.close()
    # The page's own icon and formulas may come late.
    assert [each for each in heard if not is_mathjax(each) and not each.endswith("favicon.svg")] == []


def said(form, text):
    form.locator("input").fill(text)
    form.get_by_role("button", name="Check").click()
    return form.get_attribute("data-state"), form.locator(".exercise-verdict").inner_text()


def test_answers_are_read_as_people_write_them(shown):
    for question, right, wrong, unreadable in (
        (
            NUMBER,
            ["1400", "1,400", " 1 400 ", "1_400", "= 1400", "1.4e3", "1.4 × 10^3", "1.4*10³", "2800/2", "1.4 thousand"],
            ["-1400", "1.4", "140,000", "2^10", "−1400", "1/0.5"],
            ["", "1,40", "many", "28 x 50", "1400 pixels", "1.4.0", "1/0", "--1400", "1400;", "<b>"],
        ),
        (SHARE, ["0.25", ".25", "1/4", "25 %", "25%", "¼", "≈ 0.25", "2^-2", "0.254"], ["0.24", "25"], ["a quarter"]),
        (PERCENT, ["25", "25 %", "25 percent", "1/4"], ["0.25", "26"], ["?"]),
        (PIXELS, ["16", "16 pixels", "16 pixel", "16pixels"], ["15 pixels"], ["16 %", "16 rows", "16 × 16"]),
        (
            SHAPE,
            ["28 × 28 × 8", "28x28x8", "28 X 28 X 8", "(28, 28, 8)", "[28,28,8]", "28 28 8", "28 by 28 by 8", "28*28*8"]
            + ["(None, 28, 28, 8)", "(28, 28, 8,)"],
            ["28", "8 × 28 × 28", "(None, 28, 28)", "1,000 × 28 × 8", "28 × 28 × 8 × 1"],
            ["", "28 × 28 × eight", "28.5 × 28 × 8", "-28 × 28 × 8", "()", "28 ×"],
        ),
    ):
        _, form = shown(question)
        for state, texts in (("right", right), ("wrong", wrong), ("unreadable", unreadable)):
            for text in texts:
                assert said(form, text)[0] == state, (question, text)


def test_verdict_says_what_is_wrong(shown):
    _, form = shown(NUMBER)
    assert said(form, "1350") == ("wrong", "Not yet. Each output channel has a bias too.")
    assert form.locator(".exercise-verdict code").inner_text() == "bias"
    assert said(form, "7")[1].startswith("Not yet. Write the formula down")
    assert said(form, "1,40")[1] == "In “1,40” write a point before the decimals: 1.40"
    assert said(form, "28 x 50")[1].startswith("“28 x 50” has several numbers")
    assert said(form, "<b>x</b>")[1].startswith("“<b>x</b>” could not be read") and form.locator("b").count() == 0
    _, form = shown(SHARE)
    assert "write the % sign" in said(form, "25")[1]
    _, form = shown(PERCENT)
    assert "That is the share" in said(form, "0.25")[1]
    _, form = shown(PIXELS)
    assert said(form, "16 %")[1] == "“16 %” is a percentage; the answer is in pixels."
    _, form = shown(SHAPE)
    assert said(form, "28 × 28 × 3")[1] == "Not yet. The filters."
    assert said(form, "8 × 28 × 28")[1] == "Not yet. The sizes are right; their order is not."
    assert said(form, "28")[1] == "Not yet. You gave 1 size; the shape has 3."
    assert said(form, "28 × eight")[1].startswith("“eight” could not be read as a size")


def test_a_number_is_answered_with_the_keyboard_alone(shown):
    page, form = shown(NUMBER)
    field = form.get_by_label("Parameters")
    verdict = form.get_by_role("status")
    assert verdict.get_attribute("aria-live") == "polite"
    field.focus()
    page.keyboard.type("1350")
    page.keyboard.press("Enter")
    assert verdict.inner_text() == "Not yet. Each output channel has a bias too."
    assert field.get_attribute("aria-invalid") == "true"
    assert field.get_attribute("aria-describedby") == verdict.get_attribute("id")
    # What is being written has no verdict yet.
    page.keyboard.press("Control+a")
    page.keyboard.type("1400")
    assert verdict.inner_text() == "" and field.get_attribute("aria-invalid") is None
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert verdict.inner_text().startswith("Right.") and field.get_attribute("aria-invalid") == "false"


def test_a_choice_is_made_with_the_keyboard_alone(shown):
    page, form = shown(CHOICE)
    group = form.get_by_role("group", name="Which?")
    group.get_by_label("mean").focus()
    page.keyboard.press("Enter")
    verdict = form.get_by_role("status")
    assert verdict.inner_text() == "Choose one of the answers first."
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert verdict.inner_text() == "Not yet. Outliers move it."
    page.keyboard.press("ArrowDown")
    assert verdict.inner_text() == ""
    page.keyboard.press("Enter")
    assert verdict.inner_text().startswith("Right.")


@pytest.mark.parametrize("question", [NUMBER, SHAPE, CHOICE], ids=KINDS)
def test_form_has_no_serious_barrier_whatever_it_says(shown, question):
    from axe_playwright_python.base import AXE_FILE_PATH

    page, form = shown(question, color_scheme="light")
    page.evaluate(Path(AXE_FILE_PATH).read_text())
    page.evaluate("document.querySelectorAll('article > :not(form)').forEach(part => part.remove())")
    kind = json.loads(form.locator("script").text_content())["kind"]
    answers = [0, 1] if kind == "choice" else ["?!", "28 × 28 × 8", "1400", "1"]
    states = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
        page.evaluate("() => document.getAnimations().forEach(change => change.finish())")
        for answer in answers:
            if kind == "choice":
                form.locator("input").nth(answer).check()
                form.get_by_role("button").click()
            else:
                said(form, answer)
            states.add(form.get_attribute("data-state"))
            assert violations(page, runOnly=["wcag2a", "wcag2aa", "best-practice"]) == []
    assert {"right", "wrong"} <= states


def test_verdict_comes_in_time(shown):
    page, form = shown(SHAPE)
    form.locator("input").fill("28 × 28 × 3")
    form.locator("input").focus()
    milliseconds = median_answer(page, ".exercise-verdict", ["Enter"])
    print(f"An exercise answered in {milliseconds:.1f} ms (median of 20).")
    assert milliseconds < AT_ONCE


def test_nothing_is_kept(shown):
    page, form = shown(NUMBER)
    kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    before = page.evaluate(kept)
    assert said(form, "1400")[0] == "right"
    assert page.evaluate(kept) == before


@pytest.mark.parametrize("question", [NUMBER, SHAPE, CHOICE], ids=KINDS)
def test_question_is_readable_without_script_and_in_print(shown, browser, question):
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.set_content(question._repr_html_())
    live, form = shown(question)
    assert not form.locator(".exercise-pointer").is_visible()
    live.emulate_media(media="print")
    for where in (still.locator("form"), form):
        assert not where.locator("input, button").first.is_visible()
        assert question.text in where.inner_text() and "The worked answer is below." in where.inner_text()
        if question is CHOICE:
            assert "median" in where.inner_text()
    context.close()
