"""What the chapter theory/fast prints: what is stored of the timings, and what follows from sizes alone."""

import json
import re

import numpy as np
import pytest

from book.make_timings import chapter_code
from tests.book.pages import BOOK, code_cells, of_page, outputs

NAME = "theory/fast"


@pytest.fixture(scope="module")
def stored():
    about, *lines = map(json.loads, (BOOK / "_data" / "timings.jsonl").read_text().splitlines())
    return about, {
        (line["study"], line.get("way", line.get("what")), line.get("size", line.get("batch", line.get("dtype")))): line
        for line in lines
    }


def median(one, other):
    return np.median([a / b for a, b in zip(one["seconds"], other["seconds"], strict=True)])


def test_page_shows_the_stored_ratios(site, soups, stored):
    about, line = stored
    page = of_page(site, soups, NAME).find("article")
    (table,) = [table for table in page.select("table") if "times as fast" in table.get_text()]
    rows = [[cell.get_text(strip=True) for cell in row.find_all("td")] for row in table.select("tbody tr")]
    assert len(rows) == 7
    loops = line["one layer", "by_loops", None]
    layer = about["one layer"]
    for name, factor, quartiles, memory in rows:
        own = line["one layer", name, None]
        shown, low, high = (float(text.replace(",", "")) for text in (factor, *quartiles.split(" to ")))
        assert shown == pytest.approx(median(loops, own), rel=0.06), name
        assert low <= shown <= high
        if "bytes" in own:
            assert float(memory) == pytest.approx(own["bytes"] / (4 * layer["count"] * layer["side"] ** 2), abs=0.06)
        else:
            assert (name, memory) == ("by_keras", "not measured")
    text = " ".join(page.get_text().split())
    assert f"on {about['made']} it did so" in text and f"with {about['cores']} processor cores" in text
    assert f"NumPy {about['versions']['numpy']}" in text and f"SciPy {about['versions']['scipy']}" in text
    assert f"medians of {about['rounds']} rounds" in text


def test_crossover_on_the_page_is_the_stored_one(site, soups, stored):
    about, line = stored
    text = " ".join(of_page(site, soups, NAME).find("article").get_text().split())
    found = re.search(r"wins clearly against the matrix product from (\d+) × (\d+) on", text)
    assert found and found[1] == found[2]
    sizes = about["kernel sizes"]["sizes"]
    ratios = {k: median(line["kernel sizes", "by_fft", k], line["kernel sizes", "by_rows", k]) for k in sizes}
    assert all((ratio < 1) for k, ratio in ratios.items() if k >= int(found[1]))
    assert ratios[sizes[0]] > 1


def test_roofline_follows_from_the_stored_times(site, soups, stored):
    about, line = stored
    arithmetic, reading = (line["products", what, "float32"] for what in ("arithmetic", "reading"))
    operations = 2 * about["products"]["arithmetic"] ** 3
    ridge = median(reading, arithmetic) * operations / (4 * about["products"]["reading"])
    text = " ".join(of_page(site, soups, NAME).find("article").get_text().split())
    (shown,) = re.findall(r"Their ratio is ([\d.]+) operations", text)
    assert float(shown) == pytest.approx(ridge, abs=0.06)
    printed = outputs(site, soups, NAME)
    # Each weight is used once: two operations, four bytes, and the 4096 numbers in and out beside 4096² weights.
    single = re.search(r"^dense, 4096 to 4096 +batch of +1: +([\d.]+)", printed, re.MULTILINE)
    assert float(single[1]) == pytest.approx(2 * 4096**2 / (4 * (4096**2 + 2 * 4096)), abs=0.05)
    conv = re.search(r"^convolution 3 × 3, 32 channels +batch of +1: +([\d.]+)", printed, re.MULTILINE)
    moved = 4 * (14 * 14 * 32 + 3 * 3 * 32 * 32 + 14 * 14 * 32)
    assert float(conv[1]) == pytest.approx(2 * 14 * 14 * 32 * 9 * 32 / moved, abs=0.05)


def test_page_prints_what_numpy_says_of_memory(site, soups):
    printed = outputs(site, soups, NAME)
    for line in (
        "windows: (2, 3, 2, 2) strides (16, 4, 16, 4)",
        "do the windows share the image's memory? True",
        "do the rows share it?                    False",
        "float32: about 6 decimal digits, 10⁸ + 1 - 10⁸ = 0.0  10⁸ - 10⁸ + 1 = 1.0",
        "strides (9408, 336, 12, 4)",
        "rows and columns: (24, 6) so 144 numbers instead of 42",
        "the pixel stands in it 6 times",
    ):
        assert line in printed, line
    products = re.search(r"products to add up: +([\d,]+)", printed)
    assert int(products[1].replace(",", "")) == 64 * 64 * 8 * 5 * 5
    # All seven give the numbers of the loop, as well as float32 can hold them.
    apart = dict(re.findall(r"^(by_\w+) +(\de-\d+)$", printed, re.MULTILINE))
    assert len(apart) == 7 and all(0 < float(value) < 1e-5 for value in apart.values())


def test_what_is_timed_stands_on_the_page():
    shown = "\n\n".join(code_cells(NAME))
    for line in chapter_code().splitlines():
        assert line in shown
    assert chapter_code().count("def by_") == 7
