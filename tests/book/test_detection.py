"""What the chapter theory/detection shows, computed again in other ways."""

import re

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from tests.book.pages import code_cells, of_page

NAME = "theory/detection"


def cells_of(box):
    """Return a canvas on which the pixels of a box of whole numbers are set."""
    canvas = np.zeros((130, 130), bool)
    top, left, bottom, right = box
    canvas[top:bottom, left:right] = True
    return canvas


def by_pixels(one, other):
    one, other = cells_of(one), cells_of(other)
    return (one & other).sum() / (one | other).sum()


FIVE = {
    "A": (10, 10, 50, 50),
    "B": (14, 12, 54, 52),
    "C": (12, 44, 52, 84),
    "D": (18, 40, 58, 80),
    "E": (10, 30, 50, 70),
}


def test_overlaps_of_five_boxes_are_those_of_their_pixels(printed):
    for name, box in FIVE.items():
        row = "  ".join(f"{by_pixels(box, other):.3f}" for other in FIVE.values())
        assert f"{name}    {row}" in printed


@pytest.mark.parametrize(("threshold", "stay"), [(0.5, "A C E"), (0.4, "A C")])
def test_suppression_keeps_what_no_better_kept_box_overlaps(printed, threshold, stay):
    kept = []
    for name in "ABCDE":
        if all(by_pixels(FIVE[name], FIVE[other]) <= threshold for other in kept):
            kept.append(name)
    assert kept == stay.split() and f"threshold {threshold}: {stay}\n" in printed


def test_fewer_boxes_stay_the_lower_the_threshold(printed, text):
    left = [int(number.replace(",", "")) for number in re.findall(r"threshold 0\.\d: +([\d,]+) boxes stay", printed)]
    assert len(left) == 5 and left == sorted(left, reverse=True) and left[-1] >= 24
    (detector,) = re.findall(r"detector: ([\d,]+) boxes", printed)
    assert f"It gave {detector} boxes. There are 24 coins." in text


def test_anchors_are_counted(printed):
    rows, columns = -(-(303 - 8) // 16), 384 // 16
    number = rows * columns * 6
    assert f"{rows} · {columns} places · 2 sizes · 3 shapes = {number:,} anchors" in printed
    positive, negative, between = (
        int(re.search(pattern, printed)[1].replace(",", ""))
        for pattern in (r"with a coin: ([\d,]+)", r"with all coins: +([\d,]+)", r"in between: ([\d,]+)")
    )
    assert positive + negative + between == number and negative > 10 * positive
    for gamma, name in ((0, "cross-entropy"), (2, "focal, gamma = 2")):
        coins, rest = positive * 0.5**gamma * np.log(2), -negative * 0.05**gamma * np.log(0.95)
        assert re.search(rf"{name} +{coins:.1f} +{rest:.2f} +{rest / (coins + rest):.0%}", printed)
    assert re.search(r"put back: \[ *16\. 305\. +72\. 365\.\] IoU 1\.000", printed)


def test_generalized_overlap_falls_where_the_plain_one_is_0(printed):
    rows = re.findall(r"^ +(\d+) +([\d.]+) +(-?[\d.]+) +([\d.]+)$", printed, re.MULTILINE)
    found = {int(shift): (float(plain), float(general)) for shift, plain, general, _ in rows}
    assert found[40] == (0, 0) and found[60][0] == found[100][0] == 0
    # A gap of 20 in a hull of 100, and one of 60 in a hull of 140.
    assert found[60][1] == pytest.approx(-20 / 100) and found[100][1] == pytest.approx(-60 / 140, abs=0.005)


def test_average_precision_by_hand(printed):
    order = np.array([1, 0, 1, 1, 0, 0])
    marks = re.findall(r"^ ?[01]\.\d\d +[\d.]+ +(yes|no) ", printed, re.MULTILINE)
    assert [mark == "yes" for mark in marks] == order.astype(bool).tolist()
    # scikit-learn divides by the three that were found, so three quarters of it is over four things.
    plain = 3 / 4 * average_precision_score(order, -np.arange(6))
    assert f"at each thing: {plain:.4f}" in printed
    levels = np.linspace(0, 1, 101)
    hundred = np.where(levels <= 0.25, 1, np.where(levels <= 0.75, 0.75, 0)).mean()
    eleven = (3 * 1 + 5 * 0.75) / 11
    for name, value in (("VOC since 2010", 0.625), ("VOC until 2009", eleven), ("COCO", hundred)):
        assert re.search(rf"{name}\): +{value:.4f}", printed)


def test_average_precision_of_the_coins_falls_with_the_threshold(printed, text):
    rows = re.findall(r"^ +(0\.\d+) +([\d.]+) +([\d.]+) +([\d.]+)$", printed, re.MULTILINE)
    found = {float(row[0]): [float(value) for value in row[1:]] for row in rows if float(row[0]) in (0.5, 0.75, 0.9)}
    assert found[0.5][2] > found[0.75][2] > found[0.9][2]
    for small, large, mean in found.values():
        assert mean == pytest.approx((small + large) / 2, abs=0.001)
    assert f"has {found[0.5][2]:.2f} at an IoU of 0.5" in text
    cut = [float(value) for value in re.findall(r"recall ends at [\d.]+, mAP ([\d.]+)", printed)]
    assert cut == sorted(cut, reverse=True) and cut[0] > cut[-1] + 0.2 and cut[0] == found[0.5][2]


def test_answers_of_the_exercises(site, soups, printed, text):
    for answer in (
        "0.391 = 0.391",
        "area 4200, 0.184 = 0.184",
        "d = 33: IoU 0.504, 1 boxes stay",
        "d = 34: IoU 0.493, 2 boxes stay",
        "[4096, 1024, 256, 64, 16] 5456 49,104 0.16%, one in 614",
        "corners [16. 56.] [80. 88.]",
        "first {'all points': 0.55, '11 points': 0.591}",
        "second {'all points': 0.3, '11 points'",
        "scikit-learn: 0.917",
    ):
        assert answer in printed
    workings = of_page(site, soups, NAME).select("article .admonition.dropdown")
    assert len(workings) == len(re.findall(r"Show the working", text)) == 5


def test_mistakes_are_named(site, soups):
    boxes = [box.get_text() for box in of_page(site, soups, NAME).select("article .admonition.warning")]
    for title in ("four numbers fit everywhere", "takes true things away", "mAP of what?", "a list that was cut"):
        assert len([box for box in boxes if title in box]) == 1


def test_page_needs_no_network_of_its_own():
    assert not re.search(r"import (keras|tensorflow)", "\n".join(code_cells(NAME)))
