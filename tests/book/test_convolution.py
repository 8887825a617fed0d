"""What the chapter theory/convolution prints, and the figure in which a kernel moves over an image."""

import itertools
import re

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

from tests.book.pages import AT_ONCE, median_answer, of_page, outputs

IMAGE = np.array([[1, 0, 2, 3, 1], [3, 2, 0, 7, 0], [0, 6, 1, 1, 4]])
KERNEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
#: What the figure offers, in its order.
KERNELS = {
    "edges, 3 × 3": KERNEL,
    "lopsided, 3 × 3": np.array([[1, 2, 0], [0, -1, 3], [4, 0, 0]]),
    "diagonal, 2 × 2": np.array([[1, 0], [0, -1]]),
    "line, 1 × 3": np.array([[-1, 2, -1]]),
    "tall, 5 × 1": np.array([[1], [2], [0], [-2], [-1]]),
}


def test_convolution_page_prints_what_scipy_computes(site, soups):
    printed = outputs(site, soups, "theory/convolution")
    assert str(correlate2d(IMAGE, KERNEL, "same")) in printed
    assert "3 × 5 becomes 5 × 7" in printed
    assert "the output moved along:  True\nthe output stayed:       False" in printed
    text = " ".join(of_page(site, soups, "theory/convolution").find("article").get_text().split())
    assert "Now there are 15 positions" in text and "PyTorch is not installed where it was made" in text


def test_three_layouts_give_one_number(site, soups):
    printed = outputs(site, soups, "theory/convolution")
    rng = np.random.default_rng(0)
    images, weights = rng.integers(-3, 4, size=(2, 6, 7, 3)), rng.integers(-3, 4, size=(3, 5, 3, 4))
    terms = [correlate2d(images[1, :, :, c], weights[:, :, c, 3], "valid")[2, 0] for c in range(3)]
    assert len(set(terms)) == 3 and 0 not in terms, "each channel must count"
    for way in ("Keras itself", "in Keras' layout", "in PyTorch's layout"):
        assert float(re.search(rf"{way}: +(\S+)", printed)[1]) == sum(terms)
    said = re.search("with SciPy: +(.+)", printed)[1].replace("=", "+").split(" + ")
    assert list(map(float, said)) == [*terms, sum(terms)]
    assert "PyTorch: (2, 3, 6, 7) (4, 3, 3, 5)" in printed and "weights: (3, 5, 3, 4)" in printed


def shown(figure):
    """Return the tables of the figure as arrays, and where the window lies."""
    return figure.evaluate(
        """figure => {
            const number = (text) => Number(text.replace("−", "-"));
            const grid = (name, of) => Array.from(figure.querySelectorAll(`table.${name} tr`), (row) =>
                Array.from(row.cells, of));
            const here = (cell) => cell.classList.contains("here");
            return {
                ...Object.fromEntries(["padded", "kernel", "products", "output"].map((name) =>
                    [name, grid(name, (cell) => number(cell.textContent))])),
                window: grid("padded", here), place: grid("output", here),
                unreached: figure.querySelectorAll("td.later").length,
                formula: figure.querySelector(".stepper-formula").textContent,
                sizes: figure.querySelector(".stepper-sizes").innerText,
            };
        }"""
    )


@pytest.fixture
def stepper(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{address}/theory/convolution.html", wait_until="domcontentloaded")
    yield page.locator(".stepper")
    page.close()


def test_every_choice_is_what_scipy_computes(stepper):
    choices = [select.locator("option").all_text_contents() for select in stepper.locator("select").all()]
    assert choices == [[*KERNELS], ["0", "1", "2"], ["1", "2"], ["cross-correlation", "true convolution"]]
    rng = np.random.default_rng(0)
    for (name, kernel), padding, stride, operation in itertools.product(
        KERNELS.items(), range(3), (1, 2), (correlate2d, convolve2d)
    ):
        turned = int(operation is convolve2d)
        picked = (list(KERNELS).index(name), padding, stride - 1, turned)
        for select, index in zip(("kernel", "padding", "stride", "operation"), picked, strict=True):
            stepper.locator(f"select[name={select}]").select_option(index=index)
        padded = np.pad(IMAGE, padding)
        if len(padded) < len(kernel):
            now = shown(stepper)
            assert "does not fit" in now["formula"] and "rows: 3 + 2·0 − 5 = −2" in now["sizes"]
            assert now["products"] == now["output"] == [] and stepper.get_by_role("button", disabled=True).count() == 2
            continue
        expected = operation(padded, kernel, "valid")[::stride, ::stride]
        place = int(rng.integers(expected.size))
        stepper.locator("input[type=range]").fill(str(place))
        now = shown(stepper)
        row, column = np.unravel_index(place, expected.shape)
        read = kernel[::-1, ::-1] if turned else kernel
        top, left, (height, width) = stride * row, stride * column, kernel.shape
        window = padded[top : top + height, left : left + width]
        assert np.array_equal(now["padded"], padded) and np.array_equal(now["kernel"], read)
        assert np.array_equal(now["products"], window * read)
        assert np.array_equal(now["output"], expected)
        assert np.argwhere(now["place"]).tolist() == [[row, column]]
        assert now["unreached"] == expected.size - place - 1
        marked = np.zeros(padded.shape, dtype=bool)
        marked[top : top + height, left : left + width] = True
        assert np.array_equal(now["window"], marked)
        left_side, *_, total = now["formula"].replace("−", "-").split(" = ")
        assert left_side == f"y[{row}, {column}]" and int(total) == expected[row, column]
        factors = re.findall(r"\(?(-?\d+)\)?·\(?(-?\d+)\)?", now["formula"].replace("−", "-"))
        assert [int(x) * int(w) for x, w in factors] == (window * read).ravel().tolist()
        n, k = IMAGE.shape, kernel.shape
        assert now["sizes"].splitlines() == [
            f"{axis}: ⌊({n[i]} + 2·{padding} − {k[i]}) / {stride}⌋ + 1 = {expected.shape[i]}"
            for i, axis in enumerate(("rows", "columns"))
        ]


def test_stepper_is_used_with_the_keyboard_alone(stepper):
    page, said = stepper.page, stepper.locator(".stepper-formula")
    stepper.get_by_role("button", name="Next").focus()
    for _ in range(14):
        page.keyboard.press("Enter")
    assert said.inner_text().startswith("y[2, 4] = ") and said.inner_text().endswith("= −9")
    # The button went out of service under the keyboard's focus; the slider takes over.
    page.keyboard.press("ArrowLeft")
    assert said.inner_text().endswith("= 6")
    stepper.get_by_label("Operation").focus()
    page.keyboard.press("ArrowDown")
    assert said.inner_text().startswith("y[2, 3] = ") and said.inner_text().endswith("= −6")
    # Back where the output has no such place: the window goes to the last one there is.
    stepper.get_by_label("Padding").focus()
    page.keyboard.press("ArrowUp")
    assert said.inner_text().startswith("y[0, 2] = ")


def test_stepper_speaks_once_when_keys_come_fast(stepper):
    page = stepper.page
    page.evaluate(
        """() => {
            window.heard = [];
            const said = document.querySelector(".stepper-said");
            new MutationObserver(() => window.heard.push(said.textContent)).observe(said, {childList: true});
        }"""
    )
    stepper.get_by_label("Position").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("window.heard.length > 0")
    assert page.evaluate("window.heard") == ["Row 1, column 1: the sum is −4."]
    assert stepper.get_by_label("Position").get_attribute("aria-valuetext") == "row 1, column 1"


def test_stepper_answers_a_key_in_time(stepper):
    stepper.get_by_label("Position").focus()
    milliseconds = median_answer(stepper.page, ".stepper-formula", ["ArrowRight", "ArrowLeft"])
    print(f"The stepper answered a key press in {milliseconds:.1f} ms (median of 20).")
    assert milliseconds < AT_ONCE


def test_stepper_is_a_set_of_tables_without_script_and_in_print(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/theory/convolution.html", wait_until="domcontentloaded")
    figure = page.locator(".stepper")
    assert not figure.locator("select, button, input").first.is_visible()
    assert figure.locator(".stepper-choice").inner_text() == "edges, 3 × 3, padding 1, stride 1, cross-correlation"
    rows = [row.inner_text().replace("−", "-").split() for row in figure.locator("table.output tr").all()]
    assert np.array_equal(np.array(rows, dtype=int), correlate2d(IMAGE, KERNEL, "same"))
    context.close()

    page = browser.new_page()
    page.goto(f"{address}/theory/convolution.html", wait_until="domcontentloaded")
    figure = page.locator(".stepper")
    assert not figure.locator(".stepper-choice").is_visible()
    figure.get_by_label("Stride").select_option(label="2")
    page.emulate_media(media="print")
    assert not figure.locator("select, button, input").first.is_visible()
    assert figure.locator(".stepper-choice").inner_text().endswith("stride 2, cross-correlation")
    colors = figure.locator("table.output td").evaluate_all("cells => cells.map(c => getComputedStyle(c).color)")
    assert len(colors) == 6 and not any("0)" in color and "rgba" in color for color in colors), colors
    page.close()
