"""Accuracy and AUC against other ways to compute them, intervals that cover, and what is printed of one image."""

import doctest

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import accuracy_score, roc_auc_score

from autograder.leaderboard import scores
from autograder.leaderboard.scores import Score, accuracy, auc, decimals, guessing, printed, public_part, steps


def test_examples_in_docstrings():
    assert doctest.testmod(scores).failed == 0


def several(rng, labels, skill, files=5):
    """Probabilities of models that find the same images hard."""
    hard = rng.normal(size=len(labels))
    own = rng.normal(size=(files, len(labels)))
    return norm.cdf((2 * labels - 1) * skill + 0.9 * hard + 0.5 * own)


# the split


@pytest.mark.parametrize(("zeros", "ones"), [(8, 8), (9, 9), (8, 9), (13, 250), (1500, 1500)])
def test_half_of_each_class_is_public(zeros, ones):
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1], [zeros, ones]))
    public = public_part(labels, 7, "lab3")
    for label, count in ((0, zeros), (1, ones)):
        assert abs(2 * public[labels == label].sum() - count) <= 1
    assert abs(2 * public.sum() - zeros - ones) <= 1


def test_the_split_is_a_matter_of_the_secret_and_of_nothing_else():
    labels = np.random.default_rng(0).permutation(np.arange(3000) % 2)
    public = public_part(labels, 2**63 + 5, "lab3")
    np.testing.assert_array_equal(public, public_part(labels.copy(), 2**63 + 5, "lab3"))
    # Two splits that know nothing of each other agree on half of the images.
    for other in (public_part(labels, 2**63 + 6, "lab3"), public_part(labels, 2**63 + 5, "lab4")):
        assert 0.45 < (public == other).mean() < 0.55
    # Nor does it follow from where an image stands.
    assert abs(np.corrcoef(public, np.arange(3000))[0, 1]) < 0.08


# the numbers


def test_accuracy_is_what_scikit_learn_says():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 101)
    classes = rng.integers(0, 2, (5, 101))
    each = [accuracy_score(labels, one) for one in classes]
    score = accuracy(classes, labels)
    assert score.mean == pytest.approx(np.mean(each), abs=1e-12)
    assert score.sd == pytest.approx(np.std(each, ddof=1), abs=1e-12)


@pytest.mark.parametrize("levels", [3, 1000])
def test_auc_is_what_scikit_learn_says_with_ties_and_without(levels):
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], [30, 71])
    probabilities = rng.integers(0, levels, (5, 101)) / levels
    each = [roc_auc_score(labels, one) for one in probabilities]
    score = auc(probabilities, labels)
    assert score.mean == pytest.approx(np.mean(each), abs=1e-12)
    assert score.sd == pytest.approx(np.std(each, ddof=1), abs=1e-12)


def test_intervals_where_nothing_varies():
    labels = np.arange(100) % 2
    everything = np.tile(labels, (5, 1))
    wilson = binomtest(100, 100).proportion_ci(method="wilson")
    assert (accuracy(everything, labels).low, accuracy(everything, labels).high) == pytest.approx(tuple(wilson))
    half = binomtest(50, 50).proportion_ci(method="wilson")
    assert (auc(everything * 1.0, labels).low, auc(everything * 1.0, labels).high) == pytest.approx(tuple(half))
    nothing = accuracy(1 - everything, labels)
    assert nothing.low == pytest.approx(0) and nothing.high == pytest.approx(1 - wilson.low)
    assert auc(np.full((5, 100), 0.5), labels).mean == 0.5


def test_the_interval_of_one_file_is_nearly_wilsons():
    labels = np.arange(400) % 2
    classes = labels.copy()
    classes[:90] = 1 - classes[:90]
    score, wilson = accuracy(classes[None], labels), binomtest(310, 400).proportion_ci(method="wilson")
    assert score.sd == 0
    assert (score.low, score.high) == pytest.approx((wilson.low, wilson.high), abs=1e-3)


@pytest.mark.parametrize(("skill", "least_of_auc"), [(0.2, 0.93), (1.2, 0.93), (2.0, 0.88)])
def test_intervals_cover_the_truth_in_95_of_100_cases(skill, least_of_auc):
    """Images are drawn anew; the truth is known from how they are drawn. The last AUC is 0.997."""
    rng = np.random.default_rng(3)
    labels = np.arange(400) % 2
    spread = np.sqrt(0.9**2 + 0.5**2)
    truth = norm.cdf(skill / spread), norm.cdf(2 * skill / spread / np.sqrt(2))
    runs = 500
    covered, too_narrow = np.zeros(2), 0
    for _ in range(runs):
        probabilities = several(rng, labels, skill)
        classes = (probabilities > 0.5).astype(int)
        found = accuracy(classes, labels), auc(probabilities, labels)
        covered += [score.low <= true <= score.high for score, true in zip(found, truth, strict=True)]
        # As if five files of 400 images were 2000 images.
        as_if = binomtest(int((classes == labels).sum()), classes.size).proportion_ci(method="wilson")
        too_narrow += not as_if.low <= truth[0] <= as_if.high
    assert (covered / runs > (0.92, least_of_auc)).all() and (covered / runs < 0.98).all(), covered / runs
    assert too_narrow / runs > 0.12, "the simulation can tell a wrong interval"


@pytest.mark.parametrize(("zeros", "ones"), [(100, 100), (40, 160)])
def test_guessing_is_what_guessing_gives(zeros, ones):
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1], [zeros, ones])
    expected = guessing(labels, 5)
    guessed = [rng.random((5, len(labels))) for _ in range(1000)]
    found = [(accuracy((one > 0.5).astype(int), labels), auc(one, labels)) for one in guessed]
    for which in (0, 1):
        mean = np.array([both[which].mean for both in found])
        assert mean.mean() == pytest.approx(0.5, abs=0.003) == expected[which].mean
        assert np.sqrt(np.mean([both[which].sd ** 2 for both in found])) == pytest.approx(expected[which].sd, rel=0.05)
        inside = (expected[which].low <= mean) & (mean <= expected[which].high)
        assert 0.93 < inside.mean() < 0.97


# what is printed


@pytest.mark.parametrize("images", [16, 50, 250, 500, 1500, 3000, 16384, 500_000])
def test_one_image_moves_what_is_printed_by_a_fifth_of_a_step_at_most(images):
    step, fine = steps(images)
    assert 1 / images <= step / 5 * (1 + 1e-9) and step <= max(12.5 / images, 0.001)
    most = max(np.std([1 / images] * wrong + [0] * (5 - wrong), ddof=1) for wrong in range(6))
    assert most <= fine / 5 * (1 + 1e-9) and fine <= step
    assert round(step, decimals(step)) == step and round(fine, decimals(fine)) == fine


def test_everything_that_is_printed_lies_on_a_step():
    score = printed(Score(0.78512, 0.00731, 0.76249, 0.80251), *steps(1500))
    assert score == Score(0.785, 0.008, 0.76, 0.805)
    assert printed(Score(0.996, 0, 0.99, 1.0), *steps(500)).high == 1.0


def test_a_file_that_differs_in_one_id_mostly_looks_the_same():
    rng = np.random.default_rng(5)
    labels = rng.permutation(np.arange(1500) % 2)
    seen = 0
    for _ in range(300):
        classes = (several(rng, labels, rng.uniform(0.3, 1.5)) > 0.5).astype(int)
        before = printed(accuracy(classes, labels), *steps(1500))
        image = rng.integers(1500)
        classes[:, image] = 1 - classes[:, image]
        seen += printed(accuracy(classes, labels), *steps(1500)).mean != before.mean
    assert 0 < seen / 300 < 0.2
