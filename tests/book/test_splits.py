"""What the chapter theory/splits prints, against closed forms and other ways to compute it."""

import re

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from tests.book.pages import PAGES, of_page

NAME = "theory/splits"


def test_the_chapter_stands_between_training_and_regularization():
    place = PAGES.index(NAME)
    assert PAGES[place - 2 : place + 2] == [
        *("theory/training", "theory/backpropagation"),
        *(NAME, "theory/regularization"),
    ]


def test_learning_by_heart_is_that_of_another_nearest_neighbor(text):
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    drawn, order = rng.permutation(y), rng.permutation(len(y))
    known, new = np.split(order, [len(y) // 2])
    for labels, words in ((y, "right with true labels"), (drawn, "with drawn ones")):
        model = KNeighborsClassifier(1).fit(x[known], labels[known])
        assert model.score(x[known], labels[known]) == 1
        expected = 100 * model.score(x[new], labels[new])
        # Which of two images at the same distance is the first, differs between the two ways.
        shown = float(re.search(rf"([\d.]+) % {words}", text)[1])
        assert shown == pytest.approx(expected, abs=0.3)


def test_a_rare_class_is_missing_as_often_as_the_formula_says(printed):
    none, more = map(int, re.search(r"none in (\d+)% of the cases, two or more in (\d+)%", printed).groups())
    assert none == pytest.approx(100 * 0.98**50, abs=2)
    assert more == pytest.approx(100 * binom.sf(1, 50, 0.02), abs=2)
    found = re.findall(r"^(\w+) +([\d,]+) images, of each digit \[([\d ]+)\]", printed, re.MULTILINE)
    assert [name for name, *_ in found] == ["training", "validation", "test"]
    sizes = [int(size.replace(",", "")) for _, size, _ in found]
    counts = np.array([row.split() for *_, row in found], int)
    assert counts.sum() == sum(sizes) == 1797 and counts.sum(axis=1).tolist() == sizes
    shares = counts / counts.sum(axis=1, keepdims=True)
    assert np.ptp(shares, axis=0).max() < 0.01


def test_spread_of_a_measured_share_is_the_formulas(printed):
    rows = re.findall(r"standard deviation ([\d.]+) \(formula ([\d.]+)\)", printed)
    assert len(rows) == 3
    for measured, formula in (map(float, row) for row in rows):
        assert measured == pytest.approx(formula, rel=0.06)
    # Four times as many images, half the spread.
    formulas = [float(formula) for _, formula in rows]
    assert formulas[0] / formulas[1] == pytest.approx(2, abs=0.02) == formulas[1] / formulas[2]


def test_folds_are_closer_to_the_truth_than_one_part(printed):
    one, five = (
        float(re.search(rf"{name} *: off by ([\d.]+) points", printed)[1]) for name in ("one part", "five folds")
    )
    assert five < 0.7 * one


def test_answers_of_the_exercises(site, soups, printed):
    for answer in (
        "= 227.9, so 228 images",
        "patients [168, 36, 36] images [8400, 1800, 1800]",
        "40 trainings with 200 images, and one with 250",
        "1.42 standard deviations of 0.10 points = 0.14 points",
    ):
        assert answer in printed
    twins = int(re.search(r"whose twin is in training: (\d+)%", printed)[1])
    assert twins == pytest.approx(100 * 1600 / 1999, abs=4)
    assert len(of_page(site, soups, NAME).select("article .admonition.dropdown")) == 5


def test_best_of_twenty_flatters_as_the_binomial_says(printed):
    below = binom.cdf(np.arange(1000), 1000, 0.9) ** 20
    assert f"{(1000 - below.sum()) / 10:.1f} % on average, for a network that has 90 %" in printed
