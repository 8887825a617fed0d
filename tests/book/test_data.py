"""What the chapter theory/data shows: leaks and twins on digits, and that it agrees with what was measured."""

import json
import re

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupKFold, KFold
from sklearn.neighbors import KNeighborsClassifier

from book.make_data import OUTPUT
from tests.book.pages import code_cells, of_page

NAME = "theory/data"


@pytest.fixture(scope="module")
def lines():
    return [json.loads(line) for line in OUTPUT.read_text().splitlines()][1:]


def test_split_by_writer_and_by_image_as_scikit_learns_neighbors_have_it(printed):
    x, y = load_digits(return_X_y=True)
    # A new hand begins where the digits begin with 0 to 9 at these rows.
    starts = [0, 130, 256, 386, 516, 646, 776, 915, 1029, 1157, 1287, 1415, 1545, 1667]
    writer = np.searchsorted(starts, np.arange(len(y)), side="right")
    for name, parts in {
        "image": KFold(14, shuffle=True, random_state=0).split(x),
        "writer": GroupKFold(14).split(x, groups=writer),
    }.items():
        wrong = sum((KNeighborsClassifier(1).fit(x[a], y[a]).predict(x[b]) != y[b]).sum() for a, b in parts)
        found = float(re.search(rf"split by {name}: +([\d.]+)% wrong", printed)[1])
        assert found == pytest.approx(100 * wrong / len(y), abs=0.12), name


def test_most_similar_image_is_often_by_the_same_writer(printed):
    same, chance = re.search(r"by the same writer: (\d+)%, by chance (\d+)%", printed).groups()
    assert int(same) > 3 * int(chance) and int(chance) == 7


def test_twins_flatter_as_the_formula_says(printed):
    honest, share, leaky, formula = map(
        float,
        re.search(r"honest ([\d.]+)%, with copies of (\d+)% ([\d.]+)%, by the formula ([\d.]+)%", printed).groups(),
    )
    assert formula == pytest.approx(share + (100 - share) * honest / 100, abs=0.2)
    assert leaky == pytest.approx(formula, abs=1)
    twin, other = map(
        float, re.search(r"largest distance of a twin ([\d.]+), smallest of another.* ([\d.]+)", printed).groups()
    )
    assert twin < other


def test_hardly_any_patient_is_new_after_a_random_split(printed):
    found = float(re.search(r"([\d.]+)% of the test images are of a patient whom training has not seen", printed)[1])
    # A patient with about ten images is new only if all of them are drawn for the fifth that is tested.
    assert found < 0.1


def test_wrong_labels_are_measured_as_stored(text, lines):
    curves = np.mean([line["test"] for line in lines if line["what"] == "labels" and line["share"] == 0.4], axis=0)
    assert f"the network still reaches {100 * curves.max():.1f} %" in text
    assert f"the test accuracy falls to {100 * curves[-1]:.1f} %" in text
    assert curves.max() > curves[-1]


def test_wrong_labels_of_the_test_follow_the_formula(printed):
    found = re.findall(r"true accuracy (\d+)%: measured ([\d.]+)%, by the formula ([\d.]+)%", printed)
    assert len(found) == 3
    for true, measured, formula in np.array(found, float):
        assert formula == pytest.approx(0.94 * true + 0.06 / 9 * (100 - true), abs=0.06)
        assert measured == pytest.approx(formula, abs=0.3)


def test_suspicious_labels_are_mostly_wrong_ones(printed):
    found = re.findall(r"look at +(\d+): (\d+)% of them are wrong, that is (\d+)% of all mistakes", printed)
    few, _, many = np.array(found, int)
    assert few[1] > 80 and many[2] > 80 and many[2] > few[2]


def test_shift_lowers_accuracy_more_than_confidence(text, lines):
    shifts = [line for line in lines if line["what"] == "shift"]

    def mean(kind, key):
        return 100 * np.mean([line[key] for line in shifts if line["shift"] == kind])

    other, same = mean("other digits", "accuracy"), mean("none", "accuracy")
    assert f"On the other collection {other:.1f} % are right instead of {same:.1f} %" in text
    assert mean("other digits", "confidence") > other + 5


def test_table_of_house_prices_has_what_was_measured(site, soups, text, lines):
    (table,) = [each for each in of_page(site, soups, NAME).select("article table") if "too high" in each.get_text()]
    rows = [[cell.get_text(strip=True) for cell in row.select("td")] for row in table.select("tbody tr")]
    prices = [line for line in lines if line["what"] == "prices"]
    assert len(rows) == len(prices) == 4
    for row, line in zip(rows, prices, strict=True):
        assert row[1] == ("yes" if line["with_b"] else "no") and row[0].startswith(line["name"]) or "boosting" in row[0]
        assert float(row[2]) == pytest.approx(line["squared"], abs=0.06)
        group = float(row[3].split("±")[0].replace("−", "-"))
        assert (group, float(row[4].replace("−", "-"))) == pytest.approx([-each for each in line["residual"]], abs=6e-3)
        assert [float(each) for each in row[5:]] == pytest.approx(line["absolute"], abs=6e-3)
    (change,) = [line["change"] for line in lines if line["what"] == "changed" and line["name"] == "ridge"]
    assert f"ridge regression would say {change[0]:.1f} thousand dollars more" in text


def test_column_is_explained_before_anything_is_fitted_and_no_row_is_read():
    code = "\n".join(code_cells(NAME))
    assert "BostonHousing" not in code and "CNN_COURSE_DATA" not in code and "load_boston" not in code


def test_column_b_belongs_to_one_share_or_to_two(printed):
    assert "b = 396.9: a share of 0.00" in printed
    assert "b = 136.9: a share of 0.26 or 1.00" in printed
    assert "b = 40.0: a share of 0.43 or 0.83" in printed


def test_answers_of_the_exercises(site, soups, printed):
    for answer in (
        "92%: measured 92.26%",
        "6 patients, 6000 tiles, factor 32",
        "true accuracy 97.9%, at most 95%",
        "0.018 and 0.198, together 0.216: 0.083",
        "b = 90: 0.330 or 0.930",
        "1.01e-06, 99 times below",
    ):
        assert answer in printed
    assert len(of_page(site, soups, NAME).select("article .admonition.dropdown")) == 6
