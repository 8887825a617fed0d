"""What the chapter theory/regression shows: what each loss predicts, baselines by folds, scaling, leaks."""

import re

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import t
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold

from tests.book.pages import of_page

NAME = "theory/regression"


@pytest.fixture(scope="module")
def patients():
    return load_diabetes(return_X_y=True, scaled=False)


def errors_in(printed):
    """Return the mean squared error of each model and its standard error, as the table after all models has them."""
    found = re.findall(r"^(\w[\w ]*?) +(\d+) ± +(\d+)   about R² = (-?[\d.]+)$", printed, re.MULTILINE)
    return {name: tuple(map(float, numbers)) for name, *numbers in found}


def folds(x, y, predict):
    """Return the mean squared error of each of the page's ten folds."""
    parts = KFold(10, shuffle=True, random_state=0).split(x)
    return np.array([np.mean((y[test] - predict(x[train], y[train], x[test])) ** 2) for train, test in parts])


def ridge(x, y, new):
    """Predict by ridge regression with the factor that is best where each row is left out once, all from formulas."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    x, new = (x - mean) / deviation, (new - mean) / deviation
    u, singular, vt = np.linalg.svd(x, full_matrices=False)
    centered = y - y.mean()
    best = None
    for penalty in np.logspace(-2, 3, 11):
        shrink = singular**2 / (singular**2 + penalty)
        fitted = u @ (shrink * (u.T @ centered))
        leverage = (u**2 * shrink).sum(axis=1) + 1 / len(y)
        left_out = np.mean(((centered - fitted) / (1 - leverage)) ** 2)
        if best is None or left_out < best[0]:
            best = left_out, vt.T @ (singular / (singular**2 + penalty) * (u.T @ centered))
    return y.mean() + new @ best[1]


def test_baselines_have_the_errors_that_formulas_give(printed, patients):
    found = errors_in(printed)
    assert list(found) == ["mean", "ridge", "boosting", "network", "large network"]
    for name, predict in {"mean": lambda x, y, new: np.full(len(new), y.mean()), "ridge": ridge}.items():
        values = folds(*patients, predict)
        assert found[name][0] == pytest.approx(values.mean(), abs=1), name
        assert found[name][1] == pytest.approx(values.std(ddof=1) / np.sqrt(10), abs=1), name
    for error, _, r_squared in found.values():
        assert r_squared == pytest.approx(1 - error / found["mean"][0], abs=0.006)


def test_network_is_level_with_ridge_and_a_large_one_is_not(printed, text):
    found = errors_in(printed)
    assert found["network"][0] < 1.1 * found["ridge"][0] and found["large network"][0] > 1.4 * found["ridge"][0]
    assert f"{found['network'][0]:,.0f} against {found['ridge'][0]:,.0f}" in text


def test_corrected_interval_is_wider_by_the_factor_of_the_formula(printed):
    rows = re.findall(
        r"(naive|corrected) *: difference ([+-]\d+) ± (\d+), 95 % interval from ([+-]\d+) to ([+-]\d+)", printed
    )
    (_, *naive), (_, *corrected) = rows
    naive, corrected = (np.array(row, float) for row in (naive, corrected))
    assert naive[0] == corrected[0]
    assert corrected[1] / naive[1] == pytest.approx(np.sqrt(1 + 10 / 9), rel=0.02)
    for difference, error, low, high in (naive, corrected):
        reach = t.ppf(0.975, 9) * error
        assert (low, high) == pytest.approx((difference - reach, difference + reach), abs=2.5)
    assert corrected[2] < 0 < corrected[3]


def test_constants_that_losses_prefer(printed):
    y = np.array([2.0, 3.0, 4.0, 6.0, 85.0])
    huber = minimize_scalar(lambda c: np.where(np.abs(y - c) < 2, (y - c) ** 2 / 2, 2 * np.abs(y - c) - 2).sum()).x
    for name, best in {"squared": y.mean(), "absolute": np.median(y), "Huber": huber}.items():
        assert re.search(rf"{name}: +best c = {best:.2f}\b", printed), name


def test_networks_estimate_mean_and_median(printed):
    rows = re.findall(r"(\w+) +loss: ([\d.]+) minutes from the true mean, ([\d.]+) from the true median", printed)
    to = {name: (float(mean), float(median)) for name, mean, median in rows}
    assert to["squared"][0] < to["squared"][1] / 2 and to["absolute"][1] < to["absolute"][0] / 2
    assert to["Huber"][1] < to["Huber"][0], "with a small delta it is near the median"


def test_columns_that_are_chosen_outside_of_the_folds_promise_what_is_not_there(printed):
    fake, true = (
        float(re.search(rf"{name} *: R² = ([+-][\d.]+)", printed)[1])
        for name in ("chosen with all rows", "chosen in each fold")
    )
    assert fake > 0.4 and true < 0


def test_scaling_of_inputs_and_target_pays(printed):
    rows = re.findall(r"inputs scaled: (True|False) +target scaled: (True|False) +([\d,]+)", printed)
    found = {(inputs, target): float(error.replace(",", "")) for inputs, target, error in rows}
    assert len(found) == 4 and min(found, key=found.get) == ("True", "True")
    assert found["True", "False"] > errors_in(printed)["mean"][0], "worse than saying the mean, as the page says"
    assert found["True", "True"] == pytest.approx(errors_in(printed)["network"][0], rel=0.1)


def test_shapes_that_do_not_fit_give_no_error_and_a_wrong_number(printed):
    off = np.subtract.outer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert f"mean square of them {np.mean(off**2):.3f}, of the right ones 0.000" in printed


def test_answers_of_the_exercises(site, soups, printed):
    for answer in (
        "mean 4.0 median 2.5\nHuber: 2.5",
        "6.67 2 0.9",
        "squares add up to 800, and R² is -3",
        "prediction 17.9",
        "root 3.05 = 3.05",
        "rows in both parts: 20",
        "100 values: naive 50, corrected 174",
    ):
        assert answer in printed
    for q in (0.1, 0.5, 0.9):
        best, quantile = map(float, re.search(rf"q = {q}: c = ([\d.]+), quantile ([\d.]+)", printed).groups())
        assert best == pytest.approx(quantile, abs=0.02) == pytest.approx(-4 * np.log(1 - q), rel=0.1)
    assert len(of_page(site, soups, NAME).select("article .admonition.dropdown")) == 6


def test_mistakes_are_named(site, soups):
    boxes = [box.get_text() for box in of_page(site, soups, NAME).select("article .admonition.warning")]
    assert len(boxes) == 3
    assert [word for word in ("N × N", "test rows", "squared standard") if not any(word in box for box in boxes)] == []
