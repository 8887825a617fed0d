"""What the chapter theory/receptive-fields prints, and its figure in a real browser."""

import json
import re

import pytest

from source_lib.layers.arithmetic import receptive_field
from source_lib.layers.receptive_fields import cells_seen
from tests.book.pages import AT_ONCE, least_median, of_page, outputs

NAME = "theory/receptive-fields"
#: What the figure offers, as a reader sees it, and the layers that it stands for.
KINDS = {
    "kernel 3": (3, 1),
    "kernel 5": (5, 1),
    "kernel 3, stride 2": (3, 2),
    "kernel 3, dilation 2": (3, 1, 2),
    "kernel 3, dilation 4": (3, 1, 4),
    "pooling 2, stride 2": (2, 2),
}


def test_page_prints_what_walking_back_gives(site, soups):
    printed = outputs(site, soups, NAME)
    assert "output cell 1 sees [2, 3, 4], and through them the input cells [2, 3, 4, 5, 6]" in printed
    assert re.search(r"dilation 2 +r = +8 \+ 2·\(3 − 1\)·2 = 16", printed) and "source_lib agrees: True" in printed
    assert "dilation 1, 2, 4: spans 15 cells and sees 15 of them" in printed
    assert "dilation 2, 2, 2: spans 13 cells and sees 7 of them" in printed
    assert "five convolutions:          11\nwith two poolings between:  34" in printed
    text = " ".join(of_page(site, soups, NAME).find("article").get_text().split())
    assert "At the end a value sees 212 of 224 pixels" in text and "begins 90 pixels outside" in text


def test_vgg_table_is_the_published_one(site, soups):
    # A. Araujo, W. Norris and J. Sim, Distill, 2019, and counted by hand for the first layers.
    (table,) = [t for t in of_page(site, soups, NAME).select("article table") if "start" in t.find("tr").get_text()]
    rows = [[cell.get_text(strip=True) for cell in row.find_all("td")] for row in table.select("tbody tr")]
    assert len(rows) == 18
    assert [row[2] for row in rows[:6]] == ["3", "5", "6", "10", "14", "16"]
    assert rows[-1][1:] == ["7 × 7 × 512", "212", "32", "−90"]


def test_effective_field_is_a_shrinking_part_of_the_receptive_field(site, soups):
    found = re.findall(
        r"(\d+) layers: receptive field +(\d+), nine tenths lie within +(\d+):", outputs(site, soups, NAME)
    )
    numbers = [tuple(map(int, line)) for line in found]
    assert [field for _, field, _ in numbers] == [2 * depth + 1 for depth, _, _ in numbers]
    shares = [side / field for _, field, side in numbers]
    assert len(shares) == 3 and shares == sorted(shares, reverse=True) and shares[-1] < 0.6


def test_figure_is_whole_without_its_script(site, soups):
    (figure,) = of_page(site, soups, NAME).select(".receptive")
    picture, said = figure.find("svg"), figure.select_one(".receptive-said").get_text()
    layers = [KINDS[choice.select_one("option[selected]").get_text()] for choice in figure.select("select")]
    (cell,) = [index for index, rect in enumerate(picture.select("rect")[-9:]) if "chosen" in rect.get("class", [])]
    seen = cells_seen(24, layers, cell)
    assert len(picture.select("rect.seen")) == sum(map(len, seen[:-1]))
    assert f"Output cell {cell} sees" in said and f"cells {seen[0][0]} to {seen[0][-1]} of the input" in said
    assert picture["role"] == "img" and picture["aria-label"] == said
    assert len(figure.find("script").string) < 100_000
    traces = json.loads(figure.find("script").string)
    assert sum(len(stack) == 3 for stack in traces["field"]) == len(KINDS) ** 3


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{address}/{NAME}.html", wait_until="domcontentloaded")
    page.wait_for_selector(".receptive.live")
    yield page
    page.close()
    assert not problems


def shown(page):
    """Return the seen places of every row of the picture, from the input to the output."""
    rows = page.evaluate(
        """() => {
            const rows = {};
            for (const cell of document.querySelectorAll(".receptive rect"))
                (rows[cell.getAttribute("y")] ??= []).push(cell.classList.length);
            return Object.keys(rows).sort((a, b) => a - b).map(y => rows[y]);
        }"""
    )
    return [[place for place, marked in enumerate(row) if marked] for row in rows], [len(row) for row in rows]


def stack_up(page, names):
    figure = page.locator(".receptive")
    while figure.locator("select:visible").count() > len(names):
        figure.get_by_role("button", name="Remove").click()
    while figure.locator("select:visible").count() < len(names):
        figure.get_by_role("button", name="Add").click()
    for place, name in enumerate(names):
        figure.locator("select").nth(place).select_option(label=name)


def test_script_says_first_what_the_page_said_without_it(page, site, soups):
    (figure,) = of_page(site, soups, NAME).select(".receptive")
    assert page.locator(".receptive-said").inner_text() == figure.select_one(".receptive-said").get_text()
    drawn = page.locator(".receptive svg").evaluate("svg => svg.querySelectorAll('line').length")
    assert drawn == len(figure.select("svg line"))


@pytest.mark.parametrize(
    "names",
    [
        ["kernel 5"],
        ["kernel 3, dilation 4"],
        ["pooling 2, stride 2", "kernel 3, dilation 4"],
        ["kernel 3, dilation 2", "kernel 3, dilation 2", "kernel 3, dilation 2"],
        ["kernel 3, stride 2", "kernel 5", "pooling 2, stride 2"],
        ["kernel 3, stride 2", "kernel 3, stride 2", "kernel 3"],
        ["pooling 2, stride 2", "pooling 2, stride 2", "pooling 2, stride 2"],
    ],
)
def test_figure_agrees_with_source_lib(page, names):
    stack_up(page, names)
    layers = [KINDS[name] for name in names]
    slider = page.get_by_role("slider", name="Output cell")
    slider.focus()
    page.keyboard.press("Home")
    last = int(slider.get_attribute("max"))
    for cell in range(last + 1):
        seen, sizes = shown(page)
        assert seen == cells_seen(24, layers, cell)
        said = page.locator(".receptive-said").inner_text()
        assert said.startswith(f"Output cell {cell} sees")
        assert f"spans {receptive_field(layers)} input cells" in said
        assert page.locator(".receptive svg").get_attribute("aria-label") == said
        page.keyboard.press("ArrowRight")
    assert sizes[-1] == last + 1
    with pytest.raises(ValueError, match="no output cell"):
        cells_seen(24, layers, last + 1)


def test_layers_are_stacked_with_the_keyboard_alone(page):
    figure = page.locator(".receptive")
    said = figure.locator(".receptive-said")
    figure.get_by_role("button", name="Remove").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert figure.locator("select:visible").count() == 1 and "spans 3 input cells" in said.inner_text()
    # The button went out of service under the keyboard's focus; the other one takes over.
    page.keyboard.press("Enter")
    assert figure.locator("select:visible").count() == 2 and "spans 4 input cells" in said.inner_text()
    figure.get_by_role("combobox", name="Layer 2").focus()
    page.keyboard.press("ArrowUp")
    assert (
        figure.get_by_role("combobox", name="Layer 2").locator("option:checked").inner_text() == "kernel 3, dilation 4"
    )
    assert "spans 11 input cells" in said.inner_text()


def test_output_cell_is_chosen_with_a_click(page):
    page.locator('.receptive rect[data-cell="0"]').click()
    assert page.locator(".receptive-said").inner_text().startswith("Output cell 0 sees")
    assert page.get_by_role("slider", name="Output cell").input_value() == "0"


def test_layer_that_does_not_fit_is_told_with_the_formula(page):
    stack_up(page, ["kernel 3, dilation 4"] * 3)
    said = page.locator(".receptive-said").inner_text()
    assert said.startswith("Layer 3 does not fit. A window of 3 with dilation 4, which spans 9, does not fit into 8")
    assert "⌊(8 + 2·0 − (4·(3 − 1) + 1))/1⌋ + 1 = 0" in said
    # What fits is still there.
    assert "Here is what comes before it. Output cell 3 sees cells 3, 7, 11 behind layer 1" in said
    seen, sizes = shown(page)
    assert sizes == [24, 16, 8] and seen == cells_seen(24, [KINDS["kernel 3, dilation 4"]] * 2, seen[-1][0])
    assert "no room" in page.locator(".receptive-labels").inner_text()


def test_key_press_is_answered_within_a_tenth_of_a_second(page):
    stack_up(page, ["kernel 5", "kernel 3, dilation 2", "kernel 3"])
    slider = page.get_by_role("slider", name="Output cell")
    slider.focus()
    page.keyboard.press("Home")
    slider.evaluate(
        """slider => {
            let pressed;
            slider.addEventListener("keydown", () => { pressed = performance.now(); }, true);
            slider.addEventListener("input", () => requestAnimationFrame(
                () => setTimeout(() => times.push(performance.now() - pressed))));
        }"""
    )

    def answers():
        page.evaluate("window.times = []")
        for press in range(20):
            before = page.locator(".receptive-said").inner_text()
            page.keyboard.press("ArrowLeft" if press % 2 else "ArrowRight")
            page.wait_for_function(f"times.length > {press}")
            assert page.locator(".receptive-said").inner_text() != before
        times = page.evaluate("times")
        assert len(times) == 20
        return times

    median = least_median(answers)
    print(f"The receptive field explorer answers a key press in {median:.1f} ms, median of 20.")
    assert median < AT_ONCE


def test_figure_prints_without_its_controls(page):
    page.emulate_media(media="print")
    assert not page.locator(".receptive-controls").is_visible()
    assert page.locator(".receptive svg").is_visible() and page.locator(".receptive-said").is_visible()
