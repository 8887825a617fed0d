"""What the chapter theory/ensembles shows agrees with the members' stored answers, combined here in other ways."""

import itertools
import re

import numpy as np
import pytest
from scipy.special import expit, log_softmax
from sklearn.metrics import roc_auc_score

from book.make_ensembles import OUTPUT
from tests.book.pages import code_cells, of_page

NAME = "theory/ensembles"


@pytest.fixture(scope="module")
def kept():
    with np.load(OUTPUT, allow_pickle=False) as archive:
        return {name: archive[name].astype(float) for name in archive.files if name != "about"}


@pytest.fixture(scope="module")
def photographs(kept):
    return np.exp(log_softmax(kept["objects"], axis=2)), kept["object_labels"].astype(int)


def share(said, labels):
    return 100 * np.mean(said == labels)


def test_three_ways_to_combine_photographs(printed, photographs):
    members, labels = photographs
    votes = np.zeros(members.shape[1:])
    for member in members:
        votes[np.arange(len(labels)), member.argmax(axis=1)] += 1
    # Ties go to the class that the average prefers, among those with most votes.
    average = sum(members) / len(members)
    voted = np.where(votes == votes.max(axis=1, keepdims=True), average, -1).argmax(axis=1)
    for name, said in {
        "averaged probabilities": average.argmax(axis=1),
        "averaged logarithms": np.log(np.maximum(members, 1e-12)).sum(axis=0).argmax(axis=1),
        "vote": voted,
    }.items():
        assert re.search(rf"photographs, {name} *: {share(said, labels):.1f} % right", printed), name
    assert share(average.argmax(axis=1), labels) > 1 + max(share(each.argmax(axis=1), labels) for each in members)


def test_error_of_the_average_is_average_error_less_disagreement(printed, photographs, kept):
    tissue = np.stack([1 - expit(kept["seeds"]), expit(kept["seeds"])], axis=2), kept["labels"].astype(int)
    for name, (members, labels) in {"photographs": photographs, "tissue": tissue}.items():
        truth = np.eye(members.shape[2])[labels]
        alone = np.mean([((member - truth) ** 2).sum(axis=1).mean() for member in members])
        pairs = list(itertools.combinations(members, 2))
        # Over pairs: the mean square of all differences, each pair counted twice, is twice the variance.
        apart = sum(((a - b) ** 2).sum(axis=1).mean() for a, b in pairs) / len(members) ** 2
        together = ((members.mean(axis=0) - truth) ** 2).sum(axis=1).mean()
        line = f"average error {alone:.4f} − disagreement {apart:.4f} = {alone - apart:.4f}; "
        assert f"{line}error of the average {together:.4f}" in printed, name
        assert alone - apart == pytest.approx(together)


def test_table_of_members_has_their_correlations_and_gains(site, soups, kept):
    (table,) = [each for each in of_page(site, soups, NAME).select("article table") if "correlation" in each.get_text()]
    rows = [[cell.get_text(strip=True) for cell in row.select("td")] for row in table.select("tbody tr")]
    labels = kept["labels"].astype(int)
    teams = {
        "five seeds": kept["seeds"],
        "five bags": kept["bags"],
        "four snapshots": kept["snapshots"],
        "eight views of one network": kept["views"],
        "a network and colors": np.stack([np.stack([one, kept["colors"]]) for one in kept["seeds"]]),
    }
    assert [row[0] for row in rows] == list(teams)
    for name, differ, correlation, alone, together, _ in rows:
        expected = []
        for members in expit(teams[name]) if teams[name].ndim == 3 else [expit(teams[name])]:
            pairs = list(itertools.combinations(members, 2))
            expected.append(
                [
                    np.mean([((a > 0.5) != (b > 0.5)).mean() for a, b in pairs]),
                    np.corrcoef(members - labels)[np.triu_indices(len(members), 1)].mean(),
                    np.mean([roc_auc_score(labels, m) for m in members]),
                    roc_auc_score(labels, members.mean(axis=0)),
                ]
            )
        expected = np.mean(expected, axis=0)
        assert float(differ.split()[0]) == pytest.approx(100 * expected[0], abs=0.06)
        assert [float(correlation), float(alone), float(together)] == pytest.approx(expected[1:], abs=6e-4)


def test_gain_by_colors_is_measured_over_all_networks(printed, kept):
    labels, members, colors = kept["labels"].astype(int), expit(kept["seeds"]), expit(kept["colors"])
    alone = [roc_auc_score(labels, member) for member in members]
    expected = {
        "another seed": np.mean([roc_auc_score(labels, a + b) for a, b in itertools.combinations(members, 2)]),
        "four other seeds": roc_auc_score(labels, members.sum(axis=0)),
        "colors": np.mean([roc_auc_score(labels, member + colors) for member in members]),
    }
    found = re.findall(r"one network and ([a-z ]+?) *: ([+-][\d.]+) ± ([\d.]+)", printed)
    assert [name for name, *_ in found] == list(expected)
    for name, gain, error in found:
        assert float(gain) == pytest.approx(expected[name] - np.mean(alone), abs=6e-5), name
        assert 0 < float(error) < 0.01
    # What the text says: colors and four seeds are no further apart than their errors.
    assert abs(float(found[2][1]) - float(found[1][1])) < float(found[2][2])


def test_formula_of_the_variance_holds_in_the_simulation(printed):
    found = re.findall(
        r"correlation +([\d.]+): variance of the average of 5 ([\d.]+), by the formula ([\d.]+)", printed
    )
    assert len(found) == 3
    for rho, simulated, formula in np.array(found, float):
        assert formula == pytest.approx(rho + (1 - rho) / 5, abs=6e-4)
        assert simulated == pytest.approx(formula, abs=0.01)


def test_views_help_each_network_a_little(printed, kept):
    labels = kept["labels"].astype(int)
    gains = np.array([roc_auc_score(labels, b) - roc_auc_score(labels, a)
                      for a, b in zip(kept["seeds"], kept["all_views"], strict=True)])  # fmt: skip
    (gain, error) = map(float, re.search(r"gain ([+-][\d.]+) ± ([\d.]+)", printed).groups())
    assert gain == pytest.approx(gains.mean(), abs=6e-5) and gain > 0
    assert error == pytest.approx(gains.std(ddof=1) / np.sqrt(len(gains)), abs=6e-5)


def test_average_of_photographs_is_better_calibrated(printed, photographs):
    members, labels = photographs

    def error(chances):
        sure, right = chances.max(axis=1), chances.argmax(axis=1) == labels
        return sum(abs(np.sum((sure - right)[(sure > k / 10) & (sure <= (k + 1) / 10)])) for k in range(10)) / len(sure)

    before, after = np.mean([error(member) for member in members]), error(members.mean(axis=0))
    assert after < before
    found = re.findall(r"photographs: .* right, calibration error ([\d.]+)", printed)
    assert [float(value) for value in found] == pytest.approx([before, after], abs=2e-3)


def test_averaged_weights_know_next_to_nothing(printed):
    said, weights = (
        float(re.search(rf"{name}, averaged: ([\d.]+)%", printed)[1]) for name in ("what they say", "their weights")
    )
    assert weights < 0.5 * said


def test_answers_of_the_exercises(site, soups, printed):
    for answer in (
        "votes [2 2 0] averages [0.375 0.475 0.15 ]",
        "by vote, ties broken by the average: class 1",
        "5 members: 1.76",
        "0.7: 0.837",
        "0.4: 0.317",
        "0.2967 − 0.0467 = 0.2500",
        "formula 0.368",
    ):
        assert answer in printed
    assert len(of_page(site, soups, NAME).select("article .admonition.dropdown")) == 6


def test_page_trains_no_large_network_and_needs_no_images():
    code = "\n".join(code_cells(NAME))
    assert not re.search(r"import keras|DataGenerator|CNN_COURSE_DATA", code)
