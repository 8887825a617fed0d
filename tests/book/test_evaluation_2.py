"""What the chapter theory/evaluation-2 shows agrees with the stored scores, evaluated here in other ways."""

import re

import numpy as np
import pytest
from scipy.special import expit, log_softmax
from scipy.stats import poisson
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, classification_report, roc_auc_score

from autograder.labs import get_lab, lab_names
from book.make_ensembles import OUTPUT
from tests.book.pages import PAGES, code_cells, of_page

NAME = "theory/evaluation-2"
TITLE = "Evaluation II: thresholds, calibration and slides"


@pytest.fixture(scope="module")
def kept():
    with np.load(OUTPUT, allow_pickle=False) as archive:
        return {name: archive[name].astype(float) for name in archive.files if name != "about"}


@pytest.fixture(scope="module")
def thing(kept):
    return kept["object_labels"].astype(int)


def probabilities(scores, temperature=1.0):
    return np.exp(log_softmax(scores / temperature, axis=-1))


def test_the_chapter_follows_the_first_one_and_comes_before_data(site, soups):
    place = PAGES.index(NAME)
    assert PAGES[place - 1 : place + 2] == ["theory/evaluation", NAME, "theory/data"]
    assert of_page(site, soups, NAME).find("h1").get_text().startswith(TITLE)


def test_labs_that_ask_for_what_it_teaches_name_it():
    asked = {"a confusion matrix": "confusion_matrix", "a threshold": "threshold_for"}
    for lab in map(get_lab, lab_names()):
        functions = {check.function for check in lab.checks}
        assert TITLE in lab.chapters or not functions & set(asked.values()), lab.name
    # Its discussion asks for the threshold of a clinic.
    assert TITLE in get_lab("lab3").chapters


def test_table_of_the_classes_is_scikit_learns_report(site, soups, kept, thing):
    (table,) = [t for t in of_page(site, soups, NAME).select("article table") if "called so" in t.get_text()]
    rows = [[cell.get_text(strip=True) for cell in row.select("td")] for row in table.select("tbody tr")]
    said = kept["objects"][0].argmax(axis=1)
    report = classification_report(thing, said, output_dict=True)
    for k, (_, images, called, recall, precision) in enumerate(rows[:-1]):
        assert [int(images), int(called)] == [np.sum(thing == k), np.sum(said == k)]
        assert recall == f"{report[str(k)]['recall']:.0%}" and precision == f"{report[str(k)]['precision']:.0%}"
    assert rows[-1][-2:] == [f"{report['macro avg'][key]:.1%}" for key in ("recall", "precision")]


def test_most_frequent_confusions_by_counting(printed, kept, thing):
    names = re.findall(r'"(\w+)"', next(c for c in code_cells(NAME) if "NAMES = " in c).split("NAMES = ")[1])[:10]
    found = re.findall(r"^(\w+) +called (\w+) +(\d+)%, in the other direction (\d+)%", printed, re.MULTILINE)
    assert len(found) == 6
    for shown, answer, share, back in found:
        for a, b, expected in ((shown, answer, share), (answer, shown, back)):
            rows = thing == names.index(a)
            called = np.mean(kept["objects"][:, rows].argmax(axis=2) == names.index(b))
            assert float(expected) == pytest.approx(100 * called, abs=0.51)
    assert [int(share) for *_, share, _ in found] == sorted((int(share) for *_, share, _ in found), reverse=True)


def test_chance_of_full_cells_is_poissons(printed):
    for count in (10, 5):
        line = re.search(rf"^ ?{count} \w+ called five *: {count}% of all mistakes.* (\S+)$", printed, re.MULTILINE)
        assert float(line[1]) == pytest.approx(1 - poisson.cdf(count - 1, 100 / 90), rel=0.1)


def test_cheapest_threshold_is_the_derived_one_for_true_probabilities(printed):
    found = re.findall(
        r"^(calibrated|too sure) +cheapest at ([\d.]+): ([\d.]+); at 1/11 ([\d.]+)", printed, re.MULTILINE
    )
    (_, right, least, at_formula), (_, other, as_low, dearer) = ((name, *map(float, rest)) for name, *rest in found)
    assert right == pytest.approx(1 / 11, abs=0.012) and at_formula == pytest.approx(least, abs=2e-3)
    # Twice the score squares the odds.
    assert other == pytest.approx(expit(2 * np.log(1 / 10)), abs=0.003)
    assert as_low == pytest.approx(least, abs=2e-3) and dearer > 1.2 * least


def cost(positive, p, threshold):
    called = p > threshold
    return np.mean(np.where(positive, 10 * ~called, called))


def test_costs_of_tissue_by_counting(printed, kept):
    p, tumor = expit(kept["seeds"][0])[1000:], kept["labels"][1000:] == 1
    for name, value in {
        "at one half": cost(tumor, p, 0.5),
        "at 1/11": cost(tumor, p, 1 / 11),
        "all are tumors": np.mean(~tumor),
    }.items():
        assert float(re.search(rf"{name} +average cost ([\d.]+)", printed)[1]) == pytest.approx(value, abs=6e-4)
    threshold = float(re.search(r"^threshold ([\d.]+)$", printed, re.MULTILINE)[1])
    for part, name in ((slice(1000), "validation"), (slice(1000, None), "test")):
        hits, alarms = re.search(rf"{name} *: ([\d.]+)% ± .* (\d+)% false alarms", printed).groups()
        q, label = expit(kept["seeds"][0])[part], kept["labels"][part]
        assert float(hits) == pytest.approx(100 * np.mean(q[label == 1] >= threshold), abs=0.4)
        assert float(alarms) == pytest.approx(100 * np.mean(q[label == 0] >= threshold), abs=1)


def test_rare_positives_change_precision_and_not_the_auc(printed, kept):
    p, tumor = expit(kept["seeds"][0]), kept["labels"] == 1
    found = re.findall(r"^ *([\d.]+)% positive: AUC ([\d.]+), average precision ([\d.]+)", printed, re.MULTILINE)
    assert [float(share) for share, *_ in found] == pytest.approx([50, 10, 1], abs=0.05)
    for share, auc, precision in (map(float, row) for row in found):
        weight = np.where(tumor, share, 100 - share)
        assert auc == pytest.approx(roc_auc_score(tumor, p), abs=0.01)
        assert precision == pytest.approx(average_precision_score(tumor, p, sample_weight=weight), abs=0.02)


def error_by_sklearn(p, labels):
    """The calibration error from scikit-learn's curve, weighted by the answers in each bin."""
    sure, right = p.max(axis=1), p.argmax(axis=1) == labels
    share, confidence = calibration_curve(right, sure, n_bins=10)
    counts = np.histogram(sure, np.linspace(0, 1, 11))[0]
    return np.sum(np.abs(share - confidence) * counts[counts > 0]) / len(sure)


def test_temperature_repairs_the_calibration_error(printed, kept, thing):
    rows = re.findall(
        r"training \d: T = ([\d.]+), ECE ([\d.]+) to ([\d.]+), cross-entropy ([\d.]+) to ([\d.]+)", printed
    )
    assert len(rows) == len(kept["objects"])
    for member, row in zip(kept["objects"], rows, strict=True):
        t, before, after, loss, new_loss = map(float, row)
        labels = thing[500:]
        assert before == pytest.approx(error_by_sklearn(probabilities(member[500:]), labels), abs=2e-3)
        assert after == pytest.approx(error_by_sklearn(probabilities(member[500:], t), labels), abs=6e-3)
        assert after < 0.4 * before and new_loss < loss
        # No other temperature on a fine grid has a smaller loss on the validation images.
        grid = np.linspace(1, 3, 401)
        losses = [-np.log(probabilities(member[:500], g)[np.arange(500), thing[:500]]).mean() for g in grid]
        assert t == pytest.approx(grid[np.argmin(losses)], abs=0.011)
    assert "does any answer change? False" in printed


def test_cheapest_threshold_moves_to_the_formula_with_the_temperature(printed, kept, thing):
    found = dict(re.findall(r"^(as trained|with temperature) +cheapest at ([\d.]+)", printed, re.MULTILINE))
    ts = [float(t) for t in re.findall(r"training \d: T = ([\d.]+)", printed)]
    grid = np.linspace(0.02, 0.3, 141)
    for name, used in {"as trained": np.ones(len(ts)), "with temperature": ts}.items():
        costs = [
            np.mean(
                [
                    cost(thing[500:] == k, probabilities(member[500:], t)[:, k], g)
                    for member, t in zip(kept["objects"], used, strict=True)
                    for k in range(10)
                ]
            )
            for g in grid
        ]
        # The valley is flat: what the page names costs hardly more than the cheapest of this grid.
        assert np.interp(float(found[name]), grid, costs) < min(costs) + 1e-3
    before, after = float(found["as trained"]), float(found["with temperature"])
    assert after == pytest.approx(1 / 11, abs=0.02) and after > 1.4 * before


def test_intervals_by_slide_hold_and_those_by_image_do_not(printed):
    found = re.findall(r"by (image|slide): 95 % interval ([\d.]+) points wide, holds the truth in (\d+)%", printed)
    (_, narrow, missed), (_, wide, held) = ((name, float(width), int(share)) for name, width, share in found)
    assert missed < 70 < 85 < held
    rho = float(re.search(r"correlation within a slide ([\d.]+)", printed)[1])
    spread = float(re.search(r"standard deviation of ([\d.]+) points", printed)[1])
    assert wide / narrow == pytest.approx(np.sqrt(1 + 49 * rho), rel=0.1)
    assert wide == pytest.approx(2 * 1.96 * spread, rel=0.15)


def test_answers_of_the_exercises(site, soups, printed):
    for answer in (
        "accuracy 99 / 130 = 0.762",
        "[0.8 0.8 0.3] average 0.633",
        "too sure by a factor of 2: 0.0025 = 1/401",
        "ask from 0.051 to 0.500",
        "ECE 0.140; 0.76 sure, 0.65 right",
        "T = 2: [0.629 0.231 0.14 ]",
        "design effect 20.9, on 2,000 images a standard error of 0.0307",
    ):
        assert answer in printed
    assert len(of_page(site, soups, NAME).select("article .admonition.dropdown")) == 6


def test_page_trains_nothing_and_needs_no_images():
    assert not re.search(r"import keras|DataGenerator|CNN_COURSE_DATA", "\n".join(code_cells(NAME)))
