"""What the chapter theory/augmentation prints, and the figure in which digits are changed."""

import json
import re

import numpy as np
import pytest

from source_lib.data.mnist import mnist_sample
from source_lib.interactive.augmentation import changes, fates
from tests.book.pages import AT_ONCE, BOOK, median_answer, of_page, outputs


def test_augmentation_page_tells_kinds_apart_and_finds_twins(site, soups):
    printed = outputs(site, soups, "theory/augmentation")
    edges = {name.strip(): float(value) for name, value in re.findall(r"^(\S.*?) +edges +([\d.]+) ", printed, re.M)}
    assert {name for name, kept in edges.items() if kept > 0.9} == {"warmer", "colder", "vignette", "color twist"}
    assert {"random crop", "fish-eye", "ripples", "glitch"} <= set(edges)
    # Labels decided by a coin flip: half is all there is to know, unless a twin is on the other side.
    honest, leaky = (int(number) for number in re.findall(r"split.*: +(\d+) %", printed))
    assert 40 < honest < 60 and leaky > 75


def test_augmentation_page_shows_what_flips_cost(site, soups):
    lines = map(json.loads, (BOOK / "_data" / "regularization.jsonl").read_text().splitlines()[1:])
    flips = [line["test_accuracy"] for line in lines if line["method"] == "flips"]
    text = " ".join(of_page(site, soups, "theory/augmentation").find("article").get_text().split())
    assert f"{np.mean(flips):.1f} % of the test images right with flips" in text


@pytest.fixture(scope="module")
def surveyed():
    x_train, y_train, x_test, y_test = mnist_sample()
    of_class, judged = fates(x_train / 255, y_train, x_test / 255, y_test)
    return of_class, judged, y_test


@pytest.fixture
def figure(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{address}/theory/augmentation.html", wait_until="domcontentloaded")
    yield page.locator(".augmentation")
    page.close()


def one(digit):
    return "an 8" if digit == 8 else f"a {digit}"


def percents(texts):
    return [int(text.removesuffix(" %")) for text in texts]


def test_figure_agrees_with_the_judge_for_every_change(figure, surveyed):
    of_class, judged, labels = surveyed
    assert figure.locator("select option").all_text_contents() == list(changes())
    for place, (name, row) in enumerate(of_class.items()):
        figure.locator("select").select_option(index=place)
        for digit in {place % 10, 6, 9}:
            figure.get_by_role("radio", name=str(digit), exact=True).check()
            shares = percents(figure.locator(".augmentation-shares td:nth-child(2)").all_text_contents())
            fate = row[digit]
            assert np.allclose(shares, [100 * fate.same, 100 * fate.other, 100 * fate.none], atol=0.51), (name, digit)
            verdict = figure.locator(".augmentation-verdict").inner_text()
            named = one(digit)
            opening = {"same": f"Still {named}.", "other": f"No longer {named}:", "none": "No digit any more"}
            assert verdict.startswith(opening[fate.verdict])
            if fate.verdict == "other":
                assert verdict.endswith(f"most often for {one(fate.taken_for)}.")
            plain = re.search(r"On the plain pixels, (\d+) %", figure.locator(".augmentation-advice").inner_text())[1]
            assert abs(int(plain) - 100 * fate.plain) <= 0.51
            captions = figure.locator(".augmentation-tiles figcaption").all_text_contents()
            shown = [*judged["as it is"][labels == digit][:4], *judged[name][labels == digit][:4]]
            assert captions == ["no digit" if d < 0 else str(d) for d in shown]


def test_half_a_turn_makes_nines_of_sixes(figure):
    assert figure.locator(".augmentation-verdict").inner_text().endswith("most often for a 9.")
    widths = figure.locator(".augmentation-bar").evaluate_all("bars => bars.map(bar => bar.offsetWidth)")
    assert widths[1] > 50 > 5 > widths[0]
    # The tile shows the changed six: read the pixels that are painted, and compare with the table's picture.
    ink = figure.page.evaluate(
        """async () => {
            const tile = document.querySelectorAll(".augmentation-picture")[4];
            const shares = getComputedStyle(tile).backgroundPosition.matchAll(/([\\d.]+)%/g);
            const place = Array.from(shares, (match) => Number(match[1]));
            const picture = new Image();
            picture.src = getComputedStyle(tile).backgroundImage.slice(5, -2);
            await picture.decode();
            const canvas = document.createElement("canvas");
            canvas.width = canvas.height = 28;
            const pen = canvas.getContext("2d");
            pen.drawImage(picture, -(picture.width - 28) * place[0] / 100, -(picture.height - 28) * place[1] / 100);
            return Array.from(pen.getImageData(0, 0, 28, 28).data).filter((_, i) => i % 4 === 0);
        }"""
    )
    _, _, x, y = mnist_sample()
    assert np.abs(np.reshape(ink, (28, 28)) - x[y == 6][0][::-1, ::-1].astype(float)).max() < 10


def test_explorer_is_used_with_the_keyboard_alone(figure):
    page, verdict = figure.page, figure.locator(".augmentation-verdict")
    figure.get_by_role("radio", name="6", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert verdict.inner_text() == "Still an 8."
    figure.get_by_label("Change").focus()
    page.keyboard.press("ArrowDown")
    assert verdict.inner_text().startswith("No digit any more")
    assert figure.locator("select").evaluate("s => s.selectedOptions[0].text") == "a quarter turn to the left"


def test_explorer_answers_a_key_in_time(figure):
    figure.get_by_role("radio", name="6", exact=True).focus()
    milliseconds = median_answer(figure.page, ".augmentation-tiles", ["ArrowRight", "ArrowLeft"])
    print(f"The explorer answered a key press in {milliseconds:.1f} ms (median of 20).")
    assert milliseconds < AT_ONCE


def test_explorer_is_a_table_without_script_and_in_print(browser, address, surveyed):
    of_class, _, _ = surveyed
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/theory/augmentation.html", wait_until="domcontentloaded")
    figure = page.locator(".augmentation")
    assert not figure.locator("select").is_visible()
    rows = figure.locator(".augmentation-all tbody").all()
    assert len(rows) == len(of_class)
    for row, (name, fate_of) in zip(rows, of_class.items(), strict=True):
        assert row.locator("img").is_visible() and name in row.locator("img").get_attribute("alt")
        shares = [int(re.match(r"\d+", text)[0]) for text in row.locator("td").all_text_contents()[1:]]
        assert np.allclose(shares, [100 * fate.same for fate in fate_of], atol=0.51)
    context.close()

    page = browser.new_page()
    page.goto(f"{address}/theory/augmentation.html", wait_until="domcontentloaded")
    table = page.locator(".augmentation-all")
    assert not table.is_visible() and page.locator(".augmentation select").is_visible()
    page.emulate_media(media="print")
    assert table.is_visible() and not page.locator(".augmentation select").is_visible()
    page.close()
