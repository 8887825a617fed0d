"""What the chapter theory/see-a-network says, and its figure in a real browser: drawing, choosing, switching, files."""

import gzip
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from matplotlib.image import imsave

from source_lib.interactive import export
from source_lib.interactive.network_file import rebuild
from source_lib.interactive.see_network import DIGITS, draw
from source_lib.layers.receptive_fields import cells_seen
from tests.book.lab_networks import BUILT_BY, sample, trained
from tests.book.pages import BOOK, live_page, median_answer, of_page
from tests.book.test_browser import violations

NAME = "theory/see-a-network"
KEPT = json.loads((BOOK / "_data" / "network-to-see.json").read_text())
NETWORK, ABOUT = KEPT["network"], KEPT["about"]
#: The last figures that are shown.
SHOWN = {"atol": 1e-4, "rtol": 0}


@pytest.fixture(scope="module")
def network():
    """What Keras gives for each layer of the page's network."""
    model = rebuild(NETWORK)
    return keras.Model(model.inputs[0], [layer.output for layer in model.layers])


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A network of one's own, with other images, another range of pixels and three classes; and its file."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((20, 16, 1)),
            layers.Conv2D(4, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(20, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    path = tmp_path_factory.mktemp("own") / "mine.json"
    return model, export(model, path, low=-1, high=1, classes=["ox", "<b>cow</b>", "yak"])


@pytest.fixture
def page(browser, address):
    with live_page(browser, f"{address}/{NAME}.html", ".see") as page:
        yield page


def scores(page):
    return np.array([float(each) for each in page.locator(".see-scores .see-score").all_inner_texts()])


def outputs(network, image):
    return [np.asarray(each)[0] for each in network(np.float32(image)[None, ..., None])]


def number(text):
    return float(text.replace("−", "-"))


def result(page):
    """Return the number that the figure explains, as its text has it."""
    return number(page.locator(".see-text").inner_text().split(" = ")[-1].split("\n= ")[-1].strip(". \n"))


def choose(page, layer, **places):
    page.locator("[data-choose=layer]").select_option(str(layer))
    for name, value in places.items():
        page.locator(f"[data-choose={name}]").fill(str(value))
        page.locator(f"[data-choose={name}]").press("Tab")


def clear(page):
    page.get_by_role("button", name="Clear").click()


# what is said


def test_page_says_what_was_measured(text):
    right, n = ABOUT["right"], ABOUT["images"]["test"]
    assert f"has {ABOUT['parameters']:,} parameters" in text and ABOUT["parameters"] == 21578
    assert f"With 8 bits it gets {100 * right['8'] / n:.2f} % right, with the weights as trained" in text
    assert "8, 16 and 32 of them" in text and f"{ABOUT['processor_seconds'] / 60:.0f} minutes of one processor" in text


def test_tables_hold_the_layers_and_the_bits(site, soups):
    tables = [
        [[cell.get_text() for cell in row.select("td")] for row in table.select("tbody tr")]
        for table in of_page(site, soups, NAME).select("article .cell_output table")
    ]
    layer_rows, bit_rows = tables
    model = rebuild(NETWORK)
    for (kind, gives, parameters), layer in zip(layer_rows, model.layers, strict=True):
        assert kind in ("convolution", "relu", "pooling", "flatten", "dense", "softmax")
        assert gives == " × ".join(f"{n:,}" for n in layer.output.shape[1:])
        assert parameters == (f"{layer.count_params():,}" if layer.count_params() else "")
    assert [row[0] for row in bit_rows] == list(ABOUT["right"])
    for bits, count, share in bit_rows:
        assert count.startswith(f"{ABOUT['right'][bits]:,} of ") and share == f"{ABOUT['right'][bits] / 100:.2f} %"


def test_figure_is_below_400_kilobytes(site, soups):
    (figure,) = of_page(site, soups, NAME).select(".see")
    files = ["see-arithmetic.js", "see-network.js", "see-network.css"]
    sizes = {name: len((site / "_static" / name).read_bytes()) for name in files}
    sizes["figure"] = len(str(figure).encode())
    print(f"{sum(sizes.values()) / 1000:.0f} kB: {sizes}, packed with gzip {len(gzip.compress(str(figure).encode()))}")
    assert sum(sizes.values()) < 400_000


def test_figure_is_a_picture_without_script_and_in_print(browser, address, page):
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{address}/{NAME}.html", wait_until="domcontentloaded")
    assert plain.locator(".see-still img").is_visible() and not plain.locator(".see-live").is_visible()
    said = plain.locator(".see-still p").inner_text()
    best = int(np.argmax(ABOUT["shown"]))
    assert said.startswith(f"A drawn {best}, and the maps of a trained network")
    assert f"The network says {best} with {max(ABOUT['shown']):.4f}" in said
    context.close()
    assert not page.locator(".see-still").is_visible()
    page.emulate_media(media="print")
    assert page.locator(".see-still img").is_visible() and not page.locator(".see-live").is_visible()


# drawing


def test_digits_that_one_can_choose_are_read_as_what_they_are(page, network):
    for digit, strokes in enumerate(DIGITS):
        page.get_by_role("button", name=f"Draw {'an' if digit == 8 else 'a'} {digit}").click()
        found = scores(page)
        np.testing.assert_allclose(found, outputs(network, draw(strokes))[-1], **SHOWN)
        assert found.argmax() == digit and page.locator(".see-scores .best .see-class").inner_text() == str(digit)


def test_digit_is_drawn_with_the_mouse(page, network):
    clear(page)
    box = page.locator(".see-pad").bounding_box()
    # From the middle of a pixel to the middle of another.
    at = [(box["x"] + box["width"] * x / 28, box["y"] + box["height"] * y / 28) for x, y in ((14.5, 5.5), (14.5, 22.5))]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=9)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('.see-scores .best .see-class').textContent === '1'")
    np.testing.assert_allclose(
        scores(page), outputs(network, draw([((14.5, 5.5), (14.5, 22.5))]))[-1], rtol=0, atol=0.01
    )
    # Without the button nothing is drawn.
    before = scores(page)
    page.mouse.move(at[0][0] - 60, at[0][1])
    page.mouse.move(at[0][0] + 60, at[0][1])
    np.testing.assert_array_equal(scores(page), before)


def test_digit_is_drawn_with_the_keyboard_alone(page, network):
    page.locator(".see-pad").focus()
    page.keyboard.press("Delete")
    np.testing.assert_allclose(scores(page), outputs(network, np.zeros((28, 28)))[-1], **SHOWN)
    # The pen waits a quarter below the top, in the middle.
    page.keyboard.press("Space")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowLeft")
    np.testing.assert_allclose(scores(page), outputs(network, draw([((14.5, 7.5), (14.5, 21.5))]))[-1], **SHOWN)
    page.wait_for_function("() => document.querySelector('.see-said').textContent.startsWith('The network says 1')")


def test_centering_moves_the_ink_to_the_middle(page):
    clear(page)
    page.locator(".see-pad").focus()
    for key in ("ArrowUp", "ArrowUp", "Space", *["ArrowLeft"] * 9, "Space"):
        page.keyboard.press(key)
    middle = """() => {
        const pad = document.querySelector(".see-pad"), side = pad.width;
        const { data } = pad.getContext("2d").getImageData(0, 0, side, side);
        let mass = 0, row = 0, column = 0;
        // Blue alone: the frame of the receptive field is yellow.
        for (let i = 0; i < side * side; i += 1) {
            const value = data[4 * i + 2] > 120 ? data[4 * i + 2] : 0;
            mass += value; row += value * Math.floor(i / side); column += value * (i % side);
        }
        return [28 * row / mass / side, 28 * column / mass / side];
    }"""
    page.locator(".see-pad").evaluate("pad => pad.blur()")
    assert page.evaluate(middle) == pytest.approx([5.5, 10], abs=0.7)
    for _ in range(2):
        page.get_by_role("button", name="Center").click()
        assert page.evaluate(middle) == pytest.approx([14, 14], abs=0.7)
    clear(page)
    before = scores(page)
    page.get_by_role("button", name="Center").click()
    np.testing.assert_array_equal(scores(page), before)


def test_picture_of_a_digit_is_read(page, tmp_path):
    # Dark on a bright ground, large, and in a corner.
    paper = np.full((300, 420), 0.9)
    paper[20:244, 150:374] -= 0.8 * np.kron(draw(DIGITS[5]), np.ones((8, 8)))
    imsave(tmp_path / "five.png", paper, cmap="gray", vmin=0, vmax=1)
    page.locator("[data-take=image]").set_input_files(tmp_path / "five.png")
    page.wait_for_function("() => document.querySelector('.see-loaded').textContent.includes('is shown with 28 × 28')")
    assert scores(page).argmax() == 5
    (tmp_path / "none.png").write_bytes(b"no picture")
    before = scores(page)
    page.locator("[data-take=image]").set_input_files(tmp_path / "none.png")
    page.wait_for_function("() => document.querySelector('.see-loaded').textContent.includes('is no image that this')")
    np.testing.assert_array_equal(scores(page), before)


def test_maps_follow_the_pen_unless_motion_is_reduced(browser, address, page):
    final = scores(page)
    # The theme moves its own bars for a moment after a page was loaded.
    assert page.evaluate("document.querySelector('.see').getAnimations({subtree: true}).length") == 0
    moving = browser.new_page(reduced_motion="no-preference")
    moving.goto(f"{address}/{NAME}.html", wait_until="load")
    moving.locator(".see.live").wait_for()
    first = scores(moving)
    moving.wait_for_function("best => document.querySelector('.see-scores .best .see-score').textContent === best",
                             arg=f"{final.max():.4f}")  # fmt: skip
    np.testing.assert_allclose(scores(moving), final, **SHOWN)
    assert first.shape == final.shape
    moving.close()


def test_maps_follow_a_key_in_time(page):
    page.locator(".see-pad").focus()
    page.keyboard.press("Delete")
    page.keyboard.press("Space")
    median = median_answer(page, ".see-scores", ["ArrowDown", "ArrowRight", "ArrowDown", "ArrowLeft"])
    line = page.locator(".see-time").inner_text()
    assert line.startswith("136 maps, 21,578 parameters: computed in ")
    print(f"All maps follow a key in {median:.1f} ms (median of 20): {line}.")


# choosing a number


def test_number_is_chosen_with_a_click_and_explained(page, network):
    page.get_by_role("button", name="Draw a 5").click()
    expected = outputs(network, draw(DIGITS[5]))
    maps = [k for k, layer in enumerate(NETWORK["layers"]) if k < len(expected) and expected[k].ndim == 3]
    canvases = page.locator(".see-panel canvas")
    assert canvases.count() == len(maps) + 1
    passed, rng = {}, np.random.default_rng(0)
    for k in maps:
        layer = NETWORK["layers"][k]
        size = layer["weights"]["shape"][0] if layer["kind"] == "convolution" else layer.get("size", [0])[0]
        passed[k] = [
            *passed.get(k - 1, []),
            *([(size, layer["stride"][0], 1, layer.get("padding", 0))] if size else []),
        ]
        rows, columns, count = expected[k].shape
        across = 8 if count >= 24 else 4
        channel, row, column = int(rng.integers(count)), int(rng.integers(rows)), int(rng.integers(columns))
        canvas = canvases.nth(maps.index(k))
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        side = (box["width"] - 2 * (across - 1)) / across
        x = channel % across * (side + 2) + side * (column + 0.5) / columns
        y = channel // across * (side + 2) + side * (row + 0.5) / rows
        canvas.click(position={"x": x, "y": y})
        found = [int(page.locator(f"[data-choose={name}]").input_value()) for name in ("channel", "row", "column")]
        assert found == [channel, row, column], NETWORK["layers"][k]["name"]
        assert result(page) == pytest.approx(expected[k][row, column, channel], abs=1e-5)
        said = page.locator(".see-result").inner_text()
        seen = [cells_seen(28, passed[k], cell)[0] for cell in (row, column)]
        assert f"rows {seen[0][0]} to {seen[0][-1]}, columns {seen[1][0]} to {seen[1][-1]}" in said


def test_text_of_a_number_adds_up(page, network):
    page.get_by_role("button", name="Draw an 8").click()
    expected = outputs(network, draw(DIGITS[8]))
    third = [k for k, layer in enumerate(NETWORK["layers"]) if layer["kind"] == "convolution"][2]
    choose(page, third, channel=9, row=0, column=6)
    text = page.locator(".see-text").inner_text().replace("−", "-")
    factors = [(float(x), float(w)) for x, w in re.findall(r"(-?\d+\.\d+)·\(?(-?\d+\.\d+)\)?", text)]
    total, bias, value = map(float, re.search(r"sum (\S+) \+ bias \(?([-\d.]+)\)? = (\S+)", text).groups())
    assert len(factors) == 16 * 9
    assert sum(x * w for x, w in factors) == pytest.approx(total, abs=1e-4)
    assert total + bias == pytest.approx(value, abs=2e-6)
    assert value == pytest.approx(expected[third][0, 6, 9], abs=1e-5)
    # In the corner of the map there is padding: a row and a column of the window.
    assert page.locator(".see-terms td.padding").count() == 16 * 5
    cards = [
        [[number(cell) for cell in table.locator("td").all_inner_texts()] for table in card.locator("table").all()]
        for card in page.locator(".see-card").all()[:3]
    ]
    for window, kernel, products in cards:
        np.testing.assert_allclose(np.multiply(window, kernel), products, atol=0.04)


def test_every_kind_of_layer_is_explained(page, network):
    page.get_by_role("button", name="Draw a 2").click()
    expected = outputs(network, draw(DIGITS[2]))
    options = page.locator("[data-choose=layer]").locator("option").evaluate_all("all => all.map(each => +each.value)")
    assert options == [k for k, layer in enumerate(NETWORK["layers"]) if layer["kind"] != "flatten"]
    for k in options:
        choose(page, k, channel=2)
        values = expected[k]
        row, column = (int(page.locator(f"[data-choose={name}]").input_value()) for name in ("row", "column"))
        assert result(page) == pytest.approx(values[row, column, 2] if values.ndim == 3 else values[2], abs=1e-5)
        assert page.locator(".see-terms").inner_text().strip()


def test_number_is_chosen_with_the_keyboard_alone(page):
    second = page.locator(".see-panel canvas").nth(3)
    second.focus()
    page.keyboard.press("ArrowRight")
    before = [int(page.locator(f"[data-choose={name}]").input_value()) for name in ("channel", "row", "column")]
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "PageDown"):
        page.keyboard.press(key)
    after = [int(page.locator(f"[data-choose={name}]").input_value()) for name in ("channel", "row", "column")]
    assert after == [before[0] + 1, before[1] + 2, before[2] + 1]
    assert f"map {after[0]}, row {after[1]}, column {after[2]}" in second.get_attribute("aria-label")
    assert page.evaluate("document.activeElement.tagName") == "CANVAS"
    # The border holds.
    for _ in range(30):
        page.keyboard.press("ArrowUp")
    assert page.locator("[data-choose=row]").input_value() == "0"
    choose(page, 0, row=99)
    assert page.locator("[data-choose=row]").input_value() == "27"


def test_walking_back_ends_in_the_first_layer(page):
    choose(page, len(NETWORK["layers"]) - 1, channel=3)
    back = page.get_by_role("button", name="Walk back")
    places = []
    while back.is_enabled() and len(places) < 20:
        back.click()
        places.append(int(page.locator("[data-choose=layer]").input_value()))
    shown = [k for k, layer in enumerate(NETWORK["layers"]) if layer["kind"] != "flatten"]
    assert places == shown[-2::-1]


# switches and classes


def test_switches_change_what_they_should(page, network):
    page.get_by_role("button", name="Draw a 4").click()
    sums = [layer["kind"] for layer in NETWORK["layers"]].index("dense")
    choose(page, sums, channel=4)
    before, score = scores(page), result(page)
    order, pooling = page.get_by_role("combobox", name="order"), page.locator("[data-switch=average]")
    order.select_option("1")
    assert [each.split(" ")[0] for each in page.locator(".see-panel b").all_inner_texts()[:3]] == [
        "convolution",
        "max",
        "ReLU",
    ]
    np.testing.assert_array_equal(scores(page), before)
    pooling.select_option("1")
    swapped = result(page)
    order.select_option("")
    assert abs(result(page) - swapped) > 0.01
    pooling.select_option("")
    np.testing.assert_array_equal(scores(page), before)
    page.get_by_role("checkbox", name="ReLU").uncheck()
    assert abs(result(page) - score) > 0.01 and "ReLU, off" in page.locator(".see-panel").nth(1).inner_text()
    page.get_by_role("checkbox", name="ReLU").check()
    page.get_by_role("checkbox", name="bias").uncheck()
    clear(page)
    np.testing.assert_allclose(scores(page), 0.1, **SHOWN)


def test_grad_cam_is_shown_for_the_class_that_is_chosen(page):
    page.get_by_role("button", name="Draw a 3").click()
    # The frame of the receptive field is yellow; the heat has more red than green.
    pixels = """() => {
        const { data } = document.querySelector(".see-pad").getContext("2d").getImageData(0, 0, 200, 200);
        let found = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i] - data[i + 1] > 60) found += 1;
        return found;
    }"""

    def colored():
        return page.evaluate(pixels)

    assert colored() == 0
    three = page.locator(".see-scores button").nth(3)
    three.focus()
    page.keyboard.press("Enter")
    assert three.get_attribute("aria-pressed") == "true" and colored() > 1000
    page.wait_for_function("() => document.querySelector('.see-said').textContent.includes('Grad-CAM of 3, in orange')")
    page.keyboard.press("Enter")
    assert three.get_attribute("aria-pressed") == "false" and colored() == 0


# a network of one's own


def test_own_network_is_shown_and_goes_again(page, own):
    model, path = own
    page.get_by_role("button", name="Draw a 3").click()
    ours = scores(page)
    page.locator("[data-take=network]").set_input_files(path)
    page.wait_for_function("() => document.querySelector('.see-loaded').textContent.startsWith('mine.json is shown')")
    assert page.locator(".see-loaded").inner_text().endswith(f"{model.count_params() - 16:,} parameters.")
    assert page.locator(".see-class").all_inner_texts() == ["ox", "<b>cow</b>", "yak"]
    titles = page.locator(".see-panel b").all_inner_texts()
    assert titles == ["convolution", "ReLU 1", "max pooling", "dense 1", "ReLU 2", "dense 2"]
    clear(page)
    np.testing.assert_allclose(scores(page), model.predict(np.full((1, 20, 16, 1), -1.0), verbose=0)[0], **SHOWN)
    for k in page.locator("[data-choose=layer] option").evaluate_all("all => all.map(each => each.value)"):
        choose(page, k)
        page.locator(".see-text").wait_for()
    page.locator(".see-scores button").nth(1).click()
    page.get_by_role("button", name="Draw an 8").click()
    page.get_by_role("button", name="Back to the course's").click()
    page.get_by_role("button", name="Draw a 3").click()
    np.testing.assert_array_equal(scores(page), ours)


#: How the switches of each lab's network are called: what acts, and the orders to choose from, its own first.
LAB_SWITCHES = {
    "lab1": ("ReLU", "ReLU, pooling"),
    "lab2": ("ReLU", "ReLU, pooling"),
    "lab4": ("tanh", "pooling, tanh"),
}


@pytest.mark.parametrize(
    "lab", [pytest.param(lab, marks=pytest.mark.long if lab == "lab2" else ()) for lab in BUILT_BY]
)
def test_network_trained_in_a_lab_is_shown(page, tmp_path, lab):
    data, model = sample(), trained(lab)
    assert model.evaluate(data.x_test, data.y_test, verbose=0)[1] > 0.8
    page.locator("[data-take=network]").set_input_files(export(model, tmp_path / f"{lab}.json"))
    page.locator(".see-loaded", has_text=f"{lab}.json is shown now").wait_for()
    for digit in (3, 7):
        page.get_by_role("button", name=f"Draw a {digit}").click()
        image = 2 * draw(DIGITS[digit])[None, ..., None] - 1
        np.testing.assert_allclose(scores(page), model.predict(image, verbose=0)[0], **SHOWN)
    page.wait_for_function("() => document.querySelector('.see-said').textContent.startsWith('The network says ')")
    # The switches are those of this network, and stand as it has them.
    name, order = LAB_SWITCHES[lab]
    assert page.get_by_role("checkbox", name=name, exact=True).is_checked()
    chosen = page.get_by_role("combobox", name="order").locator("option:checked")
    assert chosen.inner_text() == order
    before = scores(page)
    other = ", ".join(order.split(", ")[::-1])
    page.get_by_role("combobox", name="order").select_option(label=other)
    np.testing.assert_allclose(scores(page), before, **SHOWN)
    titles = page.locator(".see-panel b").all_inner_texts()
    assert (titles[1].startswith("max pooling")) == other.startswith("pooling")
    # Every layer can be reached with the keyboard, and says which number is chosen.
    for canvas in page.locator(".see-panel canvas").all():
        canvas.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        assert " Chosen: " in canvas.get_attribute("aria-label")
    page.get_by_role("checkbox", name=name, exact=True).uncheck()
    assert f"{name}, off" in " ".join(page.locator(".see-panel b").all_inner_texts())
    # The next network begins with all switches as they were.
    page.get_by_role("button", name="Back to the course's").click()
    assert page.get_by_role("checkbox", name="ReLU", exact=True).is_checked()
    assert page.get_by_role("combobox", name="order").locator("option:checked").inner_text() == "ReLU, pooling"


def test_switches_that_a_network_lacks_are_not_there(page, tmp_path):
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, "softmax")])
    page.locator("[data-take=network]").set_input_files(export(model, tmp_path / "dense.json"))
    page.locator(".see-loaded", has_text="dense.json is shown now").wait_for()
    labels = page.locator(".see-switches label:visible").all_inner_texts()
    assert [label.strip() for label in labels] == ["bias"]


def dropped(page, name, content, kind="application/json"):
    page.evaluate(
        """([name, content, type]) => {
            const files = new DataTransfer();
            files.items.add(new File([typeof content === "number" ? " ".repeat(content) : content], name, {type}));
            for (const event of ["dragover", "drop"])
                document.querySelector(".see-live")
                    .dispatchEvent(new DragEvent(event, {dataTransfer: files, bubbles: true}));
        }""",
        [name, content, kind],
    )


def test_file_can_be_dropped(page, own):
    dropped(page, "mine.json", own[1].read_text())
    page.wait_for_function("() => document.querySelector('.see-loaded').textContent.startsWith('mine.json is shown')")
    assert page.locator(".see-class").first.inner_text() == "ox"


def cut_off(network):
    return json.dumps(network)[:-100]


def not_a_number(network):
    return json.dumps(network | {"layers": [network["layers"][0] | {"weights": {"shape": [3, 3, 1, 8]}}]})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda network: "", "It is no JSON file, or it is cut off."),
        (cut_off, "It is no JSON file, or it is cut off."),
        (lambda network: "[1, 2]", "This is no file of a network."),
        (lambda network: json.dumps(network | {"version": 7}), "This file has version 7 of the format"),
        (not_a_number, "The weights of layer convolution1 cannot be read"),
        (lambda network: 8_000_001, "It has 8.0 MB; this page reads 8 MB at most."),
    ],
)
def test_wrong_file_gets_a_sentence_and_changes_nothing(page, content, sentence):
    before = scores(page)
    dropped(page, "other.json", content(NETWORK))
    page.wait_for_function("() => document.querySelector('.see-loaded').textContent")
    said = page.locator(".see-loaded").inner_text()
    assert said.startswith("other.json was not taken, and nothing has changed.") and sentence in said
    np.testing.assert_array_equal(scores(page), before)
    assert not page.get_by_role("button", name="Back to the course's").is_visible()


# for everybody


def test_figure_fits_a_phone(browser, address, own):
    page = browser.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce", has_touch=True)
    page.goto(f"{address}/{NAME}.html", wait_until="load")
    page.locator(".see.live").wait_for()
    for network in (None, own[1]):
        if network:
            page.locator("[data-take=network]").set_input_files(network)
            page.locator(".see-class", has_text="yak").wait_for()
        wide = page.locator(".see *:visible").evaluate_all(
            """all => all.filter(each => !each.closest(".see-terms, .see-text"))
                .filter(each => each.getBoundingClientRect().right > innerWidth)
                .map(each => each.outerHTML.slice(0, 100))"""
        )
        assert wide == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # The digit and what the network says of it are on the first screen, and all maps are sharp.
    assert page.locator(".see-scores").bounding_box()["y"] < 500
    page.close()


def test_figure_in_use_has_no_serious_barrier(page, own):
    from axe_playwright_python.base import AXE_FILE_PATH

    page.evaluate(Path(AXE_FILE_PATH).read_text())
    page.locator(".see-scores button").nth(3).click()
    for k, layer in enumerate(NETWORK["layers"]):
        if layer["kind"] in ("dense", "pooling", "softmax"):
            choose(page, k)
            assert violations(page, ".see") == [], layer["kind"]
    page.locator("[data-take=network]").set_input_files(own[1])
    page.locator(".see-class", has_text="yak").wait_for()
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate("() => document.getAnimations().forEach(change => change.finish())")
    assert violations(page, ".see") == []
