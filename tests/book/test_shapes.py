"""What the chapter theory/shapes prints."""

import re

import numpy as np
from scipy.signal import correlate2d

from tests.book.pages import of_page, outputs


def test_sizes_are_those_of_scipy(site, soups):
    printed = outputs(site, soups, "theory/shapes")
    image, kernel = np.ones((9, 12)), np.ones((3, 5))
    for mode in ("valid", "same", "full"):
        shape = correlate2d(image, kernel, mode).shape
        assert re.search(rf"{mode} +padding .*: {re.escape(str(shape))}, SciPy .*same numbers: True", printed)
    # Each row of the table, by laying a kernel of ones on an image of ones.
    (table,) = [
        t for t in of_page(site, soups, "theory/shapes").select("article table") if "parameters" in t.get_text()
    ]
    rows = [[cell.get_text(strip=True) for cell in row.find_all("td")] for row in table.select("tbody tr")]
    assert len(rows) == 6
    for row in rows:
        n, k, padding, stride, size = (int(re.match(r"\d+", row[i])[0]) for i in (0, 1, 2, 3, 5))
        c_in, c_out = map(int, row[4].split("→"))
        line = np.convolve(np.ones(n + 2 * padding), np.ones(k), "valid")[::stride]
        assert size == len(line) and int(row[6].replace(",", "")) == k * k * c_in * c_out + c_out


def test_same_with_a_stride_is_not_symmetric(site, soups):
    printed = outputs(site, soups, "theory/shapes")
    pixels = np.arange(1, 7)
    behind = np.convolve(np.pad(pixels, (0, 1)), np.ones(3), "valid")[::2]
    around = np.convolve(np.pad(pixels, 1), np.ones(3), "valid")[::2]
    assert not np.array_equal(behind, around)
    for line, expected in (("Keras, same", behind), ("one zero on both sides", around)):
        assert np.array_equal(np.fromstring(re.search(rf"{line}: +\[(.*?)\]", printed)[1], sep=" "), expected)
    assert "from 512 to 504: 9 × 9\nfrom 514 to 504: 11 × 11" in printed
    assert "an image of 32 pixels becomes 34" in " ".join(
        of_page(site, soups, "theory/shapes").find("article").get_text().split()
    )
