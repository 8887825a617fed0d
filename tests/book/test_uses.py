"""What the chapter theory/uses prints."""

import re
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage import data

from tests.book.pages import code_cells, of_page, outputs


def text_of(site, soups):
    return " ".join(of_page(site, soups, "theory/uses").find("article").get_text().split())


def test_shapes_are_those_of_the_24_coins_on_303_by_384_pixels(site, soups):
    printed = outputs(site, soups, "theory/uses")
    assert data.coins().shape == (303, 384)
    assert "coins found: 24" in printed
    small, large = (int(n) for n in re.search(r"small coins: (\d+) +large coins: (\d+)", printed).groups())
    assert small + large == 24 and 0 < large < small
    assert "out: (24, 5)" in printed
    assert re.search(r"scores per pixel: \(303, 384, 3\)", printed)
    assert re.search(r"one mask per thing: \(24, 303, 384\)", printed)
    (table,) = [t for t in of_page(site, soups, "theory/uses").select("table") if "generation" in t.get_text()]
    shown = [[" ".join(cell.get_text().split()) for cell in row.find_all("td")] for row in table.select("tbody tr")]
    assert shown == [
        ["classification", "303 × 384 × 1", "4"],
        ["detection", "303 × 384 × 1", "24 × 5"],
        ["semantic segmentation", "303 × 384 × 1", "303 × 384 × 3"],
        ["instance segmentation", "303 × 384 × 1", "24 × 303 × 384"],
        ["generation", "12", "8 × 8 × 1"],
    ]


def test_both_classifiers_give_probabilities_and_are_right(site, soups):
    printed = outputs(site, soups, "theory/uses")
    found = re.findall(r"out of the (older method|network): +\(4,\) \[([\d. ]+)\] (\w+)", printed)
    assert [(who, answer) for who, _, answer in found] == [("older method", "coins"), ("network", "coins")]
    for _, numbers, _ in found:
        probabilities = [float(number) for number in numbers.split()]
        assert np.isclose(sum(probabilities), 1, atol=0.002) and np.argmax(probabilities) == 1


def test_networks_find_the_coins_that_they_have_never_seen(site, soups):
    printed = outputs(site, soups, "theory/uses")
    assert "coins with a box that fits: 24 of 24" in printed and "boxes that fit no coin:     0" in printed
    assert float(re.search(r"the same as the watershed: ([\d.]+)%", printed)[1]) > 95
    assert float(re.search(r"intersection over union of coin: ([\d.]+)", printed)[1]) > 0.9
    text = text_of(site, soups)
    assert "Those two have never seen a coin" in text and "generative adversarial network" in text


def test_coins_found_are_the_coins_that_a_simple_threshold_finds_too(site, soups):
    """The page floods from the rims; a blurred picture against its surroundings must give the same places."""
    coins = ndimage.gaussian_filter(data.coins().astype(float), 2)
    bright = ndimage.binary_fill_holes(coins > ndimage.gaussian_filter(coins, 40))
    found, _ = ndimage.label(ndimage.binary_opening(bright, iterations=8))
    boxes = ndimage.find_objects(found)
    printed = outputs(site, soups, "theory/uses")
    rows = re.findall(r"\[+ *(\d+) +(\d+) +(\d+) +(\d+) +([12])\]", printed)
    assert len(rows) == 3
    for top, left, bottom, right, _ in (map(int, row) for row in rows):
        middle = (top + bottom) / 2, (left + right) / 2
        near = [
            box
            for box in boxes
            if np.hypot(*((s.start + s.stop) / 2 - m for s, m in zip(box, middle, strict=True))) < 6
        ]
        assert len(near) == 1
        height, width = (s.stop - s.start for s in near[0])
        assert abs(height - (bottom - top)) < 12 and abs(width - (right - left)) < 12


def test_touching_coins_cannot_be_counted_in_the_semantic_map(site, soups):
    printed = outputs(site, soups, "theory/uses")
    things, islands = re.search(r"instance map: +(\d+)\nislands in the semantic map: (\d+)", printed).groups()
    assert things == "24" and 1 <= int(islands) < 24
    assert f"The 24 coins have become {islands} islands" in text_of(site, soups)
    assert f"instances back from the semantic map: {islands} of 24" in printed
    assert "boxes from masks are the same:        True\nsemantic map from masks is the same:  True" in printed


def test_yolo_and_the_transformer_give_as_many_numbers_as_their_authors_say(site, soups):
    text = text_of(site, soups)
    assert "7 × 7 cells, 2 boxes in each and 20 classes, the network gives 7 × 7 × 30 numbers" in text
    assert "of 16 × 16 pixels, so that 224 × 224 pixels become 196 patches" in text
    assert "after training on 14 to 300 million images" in text


def test_exercises_are_right(site, soups):
    printed = outputs(site, soups, "theory/uses")
    shared = (50 - 20) ** 2
    covered = 2 * 40**2 - shared
    assert f"{shared} / {covered} = {shared / covered:.2f}" in printed
    for what, number in (("classify", 20), ("detect", 7 * 7 * 30), ("segment", 480 * 640 * 20)):
        assert re.search(rf"{what}: +{number:,}\n", printed)
    assert re.search(
        r"patches of 16: +196 patches, +38,416 pairs\npatches of +8: +784 patches, +614,656 pairs", printed
    )
    right = int(re.search(r"right pixels: (\d+) %", printed)[1])
    # Each coin has about 30 to 60 pixels across, and there are 24 of them.
    assert 50 < right < 85 and re.search(r"large coins: +0 / \d+ = 0\n", printed)


def test_figures_that_are_quoted_say_so_and_are_those_of_the_papers(site, soups):
    printed = outputs(site, soups, "theory/uses")
    # Russakovsky et al. 2015, table 8 and section 6.4, and He et al. 2016, abstract.
    for year, error in {2010: 28.2, 2011: 25.8, 2012: 16.4, 2013: 11.7, 2014: 6.7, 2015: 3.6}.items():
        assert f"{year}: {error:4.1f} % wrong" in printed
    assert "a person: 5.1 % wrong" in printed
    assert "These numbers are quoted, not measured here" in text_of(site, soups)


def test_page_takes_only_pictures_that_are_shipped():
    """A picture that scikit-image would have to download blocks the build without a network."""
    source = "\n".join(code_cells("theory/uses"))
    used = set(re.findall(r"data\.(\w+)\(", source)) | set(re.search(r"names = \[(.*?)\]", source)[1].split('"')[1::2])
    assert {"coins", "brick", "grass", "text"} <= used
    shipped = {path.stem for path in Path(data.__file__).parent.iterdir()}
    assert used <= shipped
