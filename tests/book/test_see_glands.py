"""The figure of the chapter theory/segmentation in which one points at a pixel of a mask, in a real browser."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from source_lib.interactive.see_glands import boxes, decoded
from tests.book.pages import BOOK, live_page, of_page
from tests.book.test_browser import violations

NAME = "theory/segmentation"
KEPT = json.loads((BOOK / "_data" / "glands-to-see.json").read_text())
NETWORKS, ABOUT = KEPT["networks"], KEPT["about"]
PICTURES = [[decoded(one[key]) for key in ("image", "masks")] for one in KEPT["pictures"]]
SHOWN = ABOUT["still"]["picture"]
SIDE = 128


@pytest.fixture
def page(browser, address):
    with live_page(browser, f"{address}/{NAME}.html", ".glands") as page:
        yield page


def place(page):
    return [int(page.locator(f".glands [data-choose={name}]").input_value()) for name in ("row", "column")]


def choose(page, row, column):
    for name, value in (("row", row), ("column", column)):
        page.locator(f".glands [data-choose={name}]").fill(str(value))
        page.locator(f".glands [data-choose={name}]").press("Tab")


def said(page):
    """Return what is said of the pixel that is chosen, once it is said."""
    row, column = place(page)
    page.wait_for_function(
        "start => document.querySelector('.glands-said').textContent.includes(start)",
        arg=f"Row {row}, column {column} ",
    )
    return page.locator(".glands-said").inner_text()


def percent(share):
    if 0 < share < 0.005:
        return "less than 1 %"
    return "more than 99 %" if 0.995 < share < 1 else f"{np.floor(100 * share + 0.5):.0f} %"


def expected(picture, row, column):
    """Return what the figure has to say of a pixel, worked out from the masks of the file."""
    masks = PICTURES[picture][1]
    number = masks[row, column, 2]
    gland = KEPT["pictures"][picture]["glands"][number - 1] if number else {}
    where = f"a gland of {gland['pixels']:,} pixels, {gland['width']:g} wide" if number else "no gland"
    sentences = [f"Row {row}, column {column} lies in {where}."]
    for k, network in enumerate(NETWORKS):
        ((top, left, bottom, right),) = boxes(network["layers"], (SIDE, SIDE), [(row, column)])
        window = masks[top : bottom + 1, left : right + 1, 2]
        some = (window > 0).mean()
        if number:
            own = (window == number).sum() / (masks[..., 2] == number).sum()
            share = f"{'all' if own == 1 else percent(own)} of this gland{', and nothing else' if some == 1 else ''}"
        else:
            share = f"{percent(some)} of that is gland" if some else "no gland in it"
        likely = int(masks[row, column, k])
        verdict = "right" if (likely > 127) == (number > 0) else "wrong"
        sentences.append(
            f"The {network['name']} saw rows {top} to {bottom}, columns {left} to {right}: {share}. "
            f"It says {'gland' if likely > 127 else 'no gland'}, {likely / 255:.2f}, {verdict}."
        )
    return " ".join(sentences)


def nearly_all(picture):
    """Return the largest part of a gland below all of it that the second network saw, and the pixel it saw it for."""
    labels = PICTURES[picture][1][..., 2]
    sizes, shares = np.bincount(labels.ravel()), {}
    within = np.argwhere(labels)[::5]
    for place, (top, left, bottom, right) in zip(
        within.tolist(), boxes(NETWORKS[1]["layers"], labels.shape, within), strict=True
    ):
        number = labels[tuple(place)]
        shares[tuple(place)] = (labels[top : bottom + 1, left : right + 1] == number).sum() / sizes[number]
    # In pictures of narrow glands it saw all of each.
    return max(((share, place) for place, share in shares.items() if share < 1), default=(1, (0, 0)))


def plain(text):
    return " ".join(text.replace("\u00a0", " ").split())


def color_at(page, panel, row, column):
    """Return the color in the middle of a pixel of the image, as a canvas shows it."""
    return page.evaluate(
        """([panel, row, column, side]) => {
            const canvas = document.querySelector(`[data-panel=${panel}] canvas`);
            const scale = canvas.width / side;
            const at = [column, row].map(each => Math.floor((each + 0.5) * scale));
            return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
        }""",
        [panel, row, column, SIDE],
    )


# what is said


def test_chapter_says_what_was_measured(text):
    dice = {key: np.array(values) for key, values in ABOUT["dice"].items()}
    assert f"average Dice is {dice['fcn'].mean():.3f} for the small network and {dice['unet'].mean():.3f} for" in text
    assert f"is better on {(dice['unet'] > dice['fcn']).sum()} of them" in text
    assert f"You see {len(PICTURES)} of {ABOUT['images']['practice']} images that nobody trained with" in text


def test_figure_is_below_400_kilobytes(site, soups):
    (figure,) = of_page(site, soups, NAME).select(".glands")
    files = ["see-arithmetic.js", "glands.js", "glands.css"]
    sizes = {name: len((site / "_static" / name).read_bytes()) for name in files}
    sizes["figure"] = len(str(figure).encode())
    print(f"{sum(sizes.values()) / 1000:.0f} kB: {sizes}")
    assert sum(sizes.values()) < 400_000


def test_page_loads_what_the_figure_needs_and_nothing_of_others(site, soups):
    loaded = [tag["src"].split("/")[-1].split("?")[0] for tag in of_page(site, soups, NAME).select("script[src]")]
    assert {"glands.js", "see-arithmetic.js", "exercise.js"} <= set(loaded)
    assert not {"see-network.js", "stepper.js", "receptive.js"} & set(loaded)


def test_figure_is_a_picture_without_script_and_in_print(browser, address, page):
    context = browser.new_context(java_script_enabled=False)
    plain_page = context.new_page()
    plain_page.goto(f"{address}/{NAME}.html", wait_until="domcontentloaded")
    assert plain_page.locator(".glands-still img").is_visible()
    assert not plain_page.locator(".glands-live").is_visible()
    words = plain_page.locator(".glands-still p").inner_text()
    assert words == plain_page.locator(".glands-still img").get_attribute("alt")
    for network in NETWORKS:
        there = ABOUT["still"][network["key"]]
        top, left, bottom, right = there["box"]
        assert f"The {network['name']} saw {bottom - top + 1} × {right - left + 1} pixels" in words
        assert f"a probability of {there['likely']:.2f}; Dice of its mask is {there['dice']:.3f}" in words
    context.close()
    assert not page.locator(".glands-still").is_visible()
    page.emulate_media(media="print")
    assert page.locator(".glands-still img").is_visible() and not page.locator(".glands-live").is_visible()


# numbers


@pytest.mark.parametrize("picture", range(len(PICTURES)))
def test_masks_and_dice_are_those_of_the_file(page, picture):
    page.get_by_role("combobox", name="Picture").select_option(str(picture))
    masks = PICTURES[picture][1]
    for k, network in enumerate(NETWORKS):
        dice = f1_score(masks[..., 2].ravel() > 0, masks[..., k].ravel() > 127)
        panel = page.locator(f"[data-panel=mask{k}]")
        assert f"Dice {dice:.3f}" in panel.inner_text()
        assert f"Mask of the {network['name']}, Dice {dice:.3f}." in panel.locator("canvas").get_attribute("aria-label")
    # In the middle of the widest gland at first, and everything said of it is right.
    row, column = place(page)
    assert [row, column] == max(KEPT["pictures"][picture]["glands"], key=lambda gland: gland["width"])["middle"]
    assert plain(said(page)) == expected(picture, row, column)
    assert 0.9 < nearly_all(len(PICTURES) - 1)[0] < 1
    rng = np.random.default_rng(picture)
    places = [(0, 0), (SIDE - 1, SIDE - 1), nearly_all(picture)[1], *rng.integers(0, SIDE, (6, 2)).tolist()]
    for row, column in places:
        choose(page, row, column)
        assert plain(said(page)) == expected(picture, row, column)


def test_colors_show_what_is_chosen(page):
    masks = PICTURES[SHOWN][1]
    view = page.get_by_role("combobox", name="Masks show")
    # Out of the way of the cross and the frames: of both windows around a corner.
    choose(page, 0, 0)
    far = np.argwhere(np.ones((SIDE, SIDE), bool))
    far = far[(far > 70).all(axis=1)]
    kinds = {}
    for row, column in far.tolist():
        kinds.setdefault((bool(masks[row, column, 2]), bool(masks[row, column, 0] > 127)), (row, column))
    assert len(kinds) == 4
    expected_colors = {(True, True): 240, (False, False): 14}
    for (there, found), at in kinds.items():
        view.select_option("0")
        color = color_at(page, "mask0", *at)
        if there == found:
            assert color == [expected_colors[there, found]] * 3
        else:
            assert color == ([222, 98, 0] if found else [0, 114, 178])
        view.select_option("1")
        assert color_at(page, "mask0", *at) == [240 if found else 14] * 3
        view.select_option("2")
        gray = 14 + masks[at[0], at[1], 0] / 255 * 226
        assert color_at(page, "mask0", *at) == pytest.approx([gray] * 3, abs=1)
        assert color_at(page, "truth", *at) == [240 if there else 14] * 3
        assert color_at(page, "image", *at) == PICTURES[SHOWN][0][at].tolist()


# choosing


@pytest.mark.parametrize("panel", ["image", "truth", "mask0", "mask1"])
def test_pixel_is_chosen_with_a_click_or_by_dragging(page, panel):
    canvas = page.locator(f"[data-panel={panel}] canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    scale = box["width"] / SIDE
    canvas.click(position={"x": 40.5 * scale, "y": 97.5 * scale})
    assert place(page) == [97, 40]
    assert plain(said(page)) == expected(SHOWN, 97, 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 60.5 * scale, box["y"] + 30.5 * scale, steps=4)
    assert place(page) == [30, 60]
    # Beyond the edge the last pixel is chosen.
    page.mouse.move(box["x"] + 60.5 * scale, box["y"] - 20, steps=2)
    assert place(page) == [0, 60]
    page.mouse.up()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    assert place(page)[0] == 0


def test_pixel_is_chosen_with_the_keyboard_alone(page):
    page.get_by_role("button", name="Where only the U-Net is right").focus()
    page.keyboard.press("Tab")
    mask = page.locator("[data-panel=mask0] canvas")
    assert mask.evaluate("canvas => canvas === document.activeElement")
    choose(page, 50, 60)
    mask.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "Shift+ArrowDown", "Shift+ArrowRight"):
        page.keyboard.press(key)
    assert place(page) == [56, 67]
    assert "Chosen: row 56, column 67, " in mask.get_attribute("aria-label")
    assert plain(said(page)) == expected(SHOWN, 56, 67)
    for _ in range(9):
        page.keyboard.press("Shift+ArrowDown")
    assert place(page) == [SIDE - 1, 67]
    page.keyboard.press("Tab")
    assert page.locator("[data-panel=mask1] canvas").evaluate("canvas => canvas === document.activeElement")
    choose(page, 999, -4)
    assert place(page) == [SIDE - 1, 0]


def test_buttons_find_what_they_say(page):
    masks = np.int64(PICTURES[SHOWN][1])
    there, right = masks[..., 2] > 0, [(masks[..., k] > 127) == (masks[..., 2] > 0) for k in (0, 1)]
    apart = np.abs(masks[..., 0] - masks[..., 1])
    for k, network in enumerate(NETWORKS):
        page.get_by_role("button", name=f"Where only the {network['name']} is right").click()
        row, column = place(page)
        only = right[k] & ~right[1 - k]
        assert only[row, column] and apart[row, column] == apart[only].max()
        assert plain(page.locator(".glands-said").inner_text()) == expected(SHOWN, row, column)
    page.get_by_role("button", name="Middle of the widest gland").click()
    assert place(page) == [ABOUT["still"]["row"], ABOUT["still"]["column"]] and there[tuple(place(page))]


def test_nothing_moves_by_itself(browser, address):
    page = browser.new_page(reduced_motion="no-preference")
    page.goto(f"{address}/{NAME}.html", wait_until="load")
    page.locator(".glands.live").wait_for()
    page.get_by_role("button", name="Where only the FCN is right").click()
    moving = page.evaluate("document.querySelector('.glands').getAnimations({subtree: true}).map(each => each.effect)")
    assert moving == []
    page.close()


# for everybody


def test_figure_fits_a_phone(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce", has_touch=True)
    page.goto(f"{address}/{NAME}.html", wait_until="load")
    page.locator(".glands.live").wait_for()
    wide = page.locator(".glands *:visible").evaluate_all(
        """all => all.filter(each => each.getBoundingClientRect().right > innerWidth)
            .map(each => each.outerHTML.slice(0, 100))"""
    )
    assert wide == [] and page.evaluate("document.documentElement.scrollWidth") <= 390
    canvas = page.locator("[data-panel=mask1] canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box["width"] > 120
    page.touchscreen.tap(box["x"] + box["width"] * 64.5 / SIDE, box["y"] + box["width"] * 20.5 / SIDE)
    assert place(page) == [20, 64] and plain(said(page)) == expected(SHOWN, 20, 64)
    page.close()


def test_figure_in_use_has_no_serious_barrier(page):
    from axe_playwright_python.base import AXE_FILE_PATH

    page.evaluate(Path(AXE_FILE_PATH).read_text())
    for view in range(3):
        page.get_by_role("combobox", name="Masks show").select_option(str(view))
        page.get_by_role("button", name="Where only the U-Net is right").click()
        assert violations(page, ".glands") == []
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate("() => document.getAnimations().forEach(change => change.finish())")
    assert violations(page, ".glands") == []
