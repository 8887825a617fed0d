"""What the chapter theory/pixels prints."""

import re
from pathlib import Path

import numpy as np
import skimage.data
from scipy.spatial.distance import cdist
from skimage.transform import resize
from sklearn.datasets import load_digits

from tests.book.pages import code_cells, of_page, outputs


def text_of(site, soups):
    return " ".join(of_page(site, soups, "theory/pixels").find("article").get_text().split())


def test_resolution_table_is_that_of_a_nearest_neighbor(site, soups):
    digits = load_digits()
    printed = outputs(site, soups, "theory/pixels")
    shown = {
        int(side): float(right) for side, right in re.findall(r"(\d) × \d, +\d+ in all: +([\d.]+) % right", printed)
    }
    assert list(shown) == [8, 7, 6, 5, 4, 3, 2, 1]
    for side in (8, 4, 2):
        small = resize(digits.images, (len(digits.images), side, side), order=1, anti_aliasing=side < 8)
        vectors = small.reshape(len(small), -1)
        nearest = cdist(vectors[1297:], vectors[:1297]).argmin(axis=1)
        right = 100 * np.mean(digits.target[:1297][nearest] == digits.target[1297:])
        assert abs(shown[side] - right) <= 0.6, "two training digits at the same distance may change places"
    text = text_of(site, soups)
    assert f"still gives {shown[4]:.0f} % instead of {shown[8]:.0f} %" in text
    assert f"Even with 9 pixels, where you would hardly see a digit, {shown[3]:.0f} % are right" in text
    assert 5 < shown[1] < 25


def test_bytes_overflow_as_they_do(site, soups):
    printed = outputs(site, soups, "theory/pixels")
    values = [100, 150, 200, 250]

    def line(numbers):
        return r"\[ *" + " +".join(map(str, numbers)) + r"\]"

    assert re.search("brighter by 100: +" + line([(v + 100) % 256 for v in values]), printed)
    assert re.search("darker by 120: +" + line([(v - 120) % 256 for v in values]), printed)
    assert f"the average of 200 and 250: [{(200 + 250) % 256 // 2}]" in printed
    assert re.search("then clip: +" + line([min(v + 100, 255) for v in values]), printed)
    assert "abs(a - b): 100\n" in printed and f"abs(b - a): {(100 - 200) % 256} " in printed


def test_ranges_are_compared_as_the_text_says(site, soups):
    (table,) = [t for t in of_page(site, soups, "theory/pixels").select("table") if "rate 0.001" in t.get_text()]
    reached = {}
    for row in table.select("tbody tr"):
        name, *cells = (cell.get_text(strip=True) for cell in row.find_all("td"))
        reached[name] = [int(cell.rstrip(" %")) for cell in cells]
    assert all(both >= one for both, one in zip(reached["-1 to 1"], reached["0 to 1"], strict=True))
    assert max(reached["0 to 255"]) < 70 < max(reached["0 to 1"]) and reached["0 to 255"][-1] < 15
    # Once: -1 and 1. Twice: each of them divided by 127.5, minus 1.
    assert f"lies between {-1 / 127.5 - 1:.3f} and {1 / 127.5 - 1:.3f}" in text_of(site, soups)
    assert "Its eight bits make 256 different values" in text_of(site, soups)


def test_shapes_and_weights_are_those_of_the_libraries(site, soups):
    printed = outputs(site, soups, "theory/pixels")
    cat = skimage.data.chelsea()
    rows, columns, _ = cat.shape
    assert re.search(rf"rows and columns first: \({rows}, {columns}, 3\)\n.*: +\({columns}, {rows}\)", printed)
    # ITU-R BT.709, as scikit-image's rgb2gray rounds it.
    assert "weights of red, green, blue: [0.2125 0.7154 0.0721]" in printed
    assert "the first is the red channel: True\nthe first is the red channel: False" in printed
    suit = [int(value) for value in re.search(r"orange suit: +\[ *(\d+) +(\d+) +(\d+)\]", printed).groups()]
    assert suit[0] > 2 * suit[1] > 2 * suit[2], "orange is much red, some green, little blue"
    assert "after painting on the copy:  0\nafter painting on the slice: 9" in printed
    assert (
        f"uint8: {25 * 1080 * 1920 * 3 / 1e6:.1f} megabytes\nfloat32: {4 * 25 * 1080 * 1920 * 3 / 1e6:.1f}" in printed
    )


def test_page_takes_only_pictures_that_are_shipped():
    source = "\n".join(code_cells("theory/pixels"))
    used = set(re.findall(r"data\.(\w+)\(\)", source))
    shipped = {path.stem for path in Path(skimage.data.__file__).parent.iterdir()}
    assert used and used <= shipped
