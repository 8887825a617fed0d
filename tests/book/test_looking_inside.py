"""What the chapter theory/looking-inside shows, and what it must not hold."""

import ast
import importlib
import pkgutil
import re

import numpy as np
import pytest

import source_lib
from tests.book.pages import BOOK, code_cells, of_page

NAME = "theory/looking-inside"


def test_grad_cam_by_hand_is_what_is_printed(printed):
    maps, slopes = np.array([[4, 0, 2, 0], [0, 6, 0, 2]]), np.array([[1, 0, 1, 2], [-2, 0, -1, -1]])
    total = slopes.mean(axis=1) @ maps
    assert f"with ReLU {np.maximum(total, 0).reshape(2, 2).tolist()}" in printed
    assert "each slope is the weight by Z: True" in printed
    assert "48 pixels: 12 places, 144 in all, the middle is covered 9 times" in printed


def test_table_says_where_the_maps_lie(site, soups):
    rows = [
        [cell.get_text() for cell in row.select("td")]
        for row in of_page(site, soups, NAME).select("article .cell_output table tbody tr")
    ]
    shares = {row[0]: [int(re.match(r"\d+", cell)[0]) for cell in row[1:]] for row in rows if len(row) == 3}
    assert min(shares["Grad-CAM, last maps"]) > 75
    assert sum(shares["average of the last maps"]) == pytest.approx(100, abs=4), "one map for both classes"


def test_rocket_is_told_by_the_experiment(printed, text):
    found = {
        name: (float(missile), float(platform))
        for name, missile, platform in re.findall(r"(\w+) +missile ([\d.]+), drilling platform ([\d.]+)", printed)
    }
    assert found["covered"][0] < found["whole"][0] / 4 and found["covered"][1] > found["whole"][1]
    assert found["alone"][1] < found["whole"][1] / 4
    assert "drilling platform” gets surer" in text


def test_what_the_sources_claim_is_answered(text):
    assert "Watch out: two of five look like Sobel" in text
    assert "Watch out: an activation map is no explanation" in text


def test_nobody_is_handed_the_functions_that_a_lab_asks_for():
    asked = {"activations", "grad_cam", "overlay"}
    for found in pkgutil.walk_packages(source_lib.__path__, "source_lib."):
        assert not asked & set(vars(importlib.import_module(found.name))), found.name
    for page in (BOOK / "theory").glob("*.md"):
        if "format_name: myst" in page.read_text():
            for cell in code_cells(f"theory/{page.stem}"):
                code = "\n".join(line for line in cell.splitlines() if not line.startswith((":", "---")))
                try:
                    tree = ast.parse(code)
                except SyntaxError:
                    continue
                defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
                assert not asked & defined, page


def test_page_needs_neither_keras_nor_the_extra():
    code = "\n".join(code_cells(NAME))
    assert not re.search(r"import (keras|tensorflow)|pretrained", code)
