"""Scores against other ways to compute them, intervals that cover, and what is printed of one image."""

import doctest
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error, roc_auc_score

from autograder.checking.contest import Contest
from autograder.checking.metrics import dice_of_images
from autograder.leaderboard import scores
from autograder.leaderboard.scores import (
    METRICS,
    Score,
    accuracy,
    auc,
    decimals,
    dice,
    guessing,
    mse,
    printed,
    public_part,
    steps,
)


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


# several classes, masks and values


@given(st.integers(0, 2**32), st.integers(2, 6), st.integers(1, 5), st.integers(4, 40))
@settings(max_examples=60, deadline=None)
def test_of_any_number_of_classes_accuracy_and_auc_are_what_scikit_learn_says(seed, classes, files, count):
    rng = np.random.default_rng(seed)
    # Some classes may have no image or one, and with few levels there are ties.
    labels = rng.integers(0, classes, count)
    labels[:2] = 0, 1
    predicted = rng.integers(0, classes, (files, count))
    each = [accuracy_score(labels, one) for one in predicted]
    score = accuracy(predicted, labels)
    assert score.mean == pytest.approx(np.mean(each), abs=1e-12)
    assert score.sd == pytest.approx(np.std(each, ddof=1) if files > 1 else 0, abs=1e-12)
    assert 0 <= score.low <= score.mean + 1e-12 and score.mean - 1e-12 <= score.high <= 1
    probabilities = rng.integers(0, 4, (files, count, classes)) / 4
    there = np.unique(labels)
    each = [np.mean([roc_auc_score(labels == label, one[:, label]) for label in there]) for one in probabilities]
    score = auc(probabilities, labels)
    assert score.mean == pytest.approx(np.mean(each), abs=1e-12)
    assert score.sd == pytest.approx(np.std(each, ddof=1) if files > 1 else 0, abs=1e-12)
    assert 0 <= score.low <= score.mean + 1e-12 and score.mean - 1e-12 <= score.high <= 1


def test_the_auc_of_three_classes_is_scikit_learns_own_mean_of_them():
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 3, 60)
    probabilities = rng.dirichlet(np.ones(3), (5, 60))
    each = [roc_auc_score(labels, one, multi_class="ovr", average="macro") for one in probabilities]
    assert auc(probabilities, labels).mean == pytest.approx(np.mean(each), abs=1e-12)


def test_both_columns_of_two_classes_say_what_one_says():
    rng = np.random.default_rng(9)
    labels = np.repeat([0, 1], [30, 71])
    one = several(rng, labels, 0.7)
    found, expected = auc(np.stack([1 - one, one], axis=2), labels), auc(one, labels)
    assert (found.mean, found.sd, found.low, found.high) == pytest.approx(
        (expected.mean, expected.sd, expected.low, expected.high), abs=1e-12
    )


def test_of_images_of_one_class_there_is_no_auc():
    with pytest.raises(ValueError, match="two classes"):
        auc(np.zeros((1, 5, 3)), np.full(5, 2))


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 12), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_dice_is_the_f_score_of_each_image(seed, files, count, marked, predicted):
    """Some masks are empty or full, and both may be."""
    rng = np.random.default_rng(seed)
    truth = rng.random((count, 3, 5)) < marked * rng.integers(0, 2, (count, 1, 1))
    masks = rng.random((files, count, 3, 5)) < predicted * rng.integers(0, 2, (count, 1, 1))
    each = [
        np.mean([f1_score(t.ravel(), m.ravel(), zero_division=1.0) for t, m in zip(truth, one, strict=True)])
        for one in masks
    ]
    score = dice(masks, truth)
    assert score.mean == pytest.approx(np.mean(each), abs=1e-12)
    assert score.sd == pytest.approx(np.std(each, ddof=1) if files > 1 else 0, abs=1e-12)
    assert 0 <= score.low <= score.mean + 1e-12 and score.mean - 1e-12 <= score.high <= 1


def test_dice_of_empty_masks_by_hand():
    truth = np.array([[[0, 0]], [[1, 0]], [[1, 1]], [[0, 0]]], bool)
    masks = np.array([[[0, 0]], [[0, 0]], [[1, 0]], [[0, 1]]], bool)
    np.testing.assert_allclose(dice_of_images(masks, truth), [1, 0, 2 / 3, 0])
    nothing = dice(np.zeros((5, 40, 2, 2), bool), np.zeros((40, 2, 2), bool))
    wilson = binomtest(40, 40).proportion_ci(method="wilson")
    assert nothing.mean == 1 and (nothing.low, nothing.high) == pytest.approx((wilson.low, wilson.high))


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_the_mean_squared_error_is_what_scikit_learn_says(seed, files, count):
    rng = np.random.default_rng(seed)
    targets = rng.normal(20, 9, count)
    values = targets + rng.normal(0, 3, (files, count))
    each = [mean_squared_error(targets, one) for one in values]
    score = mse(values, targets)
    assert score.mean == pytest.approx(np.mean(each), rel=1e-12)
    assert score.sd == pytest.approx(np.std(each, ddof=1) if files > 1 else 0, rel=1e-9)
    assert 0 <= score.low <= score.mean <= score.high


def test_the_mean_squared_error_of_what_is_all_right_or_all_equal():
    targets = np.arange(20.0)
    assert mse(np.tile(targets, (5, 1)), targets) == Score(0, 0, 0, 0)
    assert mse(targets[None] + 2, targets) == Score(4, 0, 4, 4)


@pytest.mark.parametrize("skill", [0.3, 1.0])
def test_intervals_of_several_classes_masks_and_values_cover_the_truth(skill):
    """Images are drawn anew from a pool so large that its scores are the truth."""
    rng = np.random.default_rng(6)
    pool, drawn, runs = 30_000, 240, 300
    labels = np.arange(pool) % 3
    logits = skill * 2 * np.eye(3)[labels] + 0.9 * rng.normal(size=(pool, 3)) + 0.4 * rng.normal(size=(5, pool, 3))
    truth = rng.random((pool, 2, 8)) < rng.beta(1, 2, (pool, 1, 1))
    masks = truth ^ (rng.random((5, pool, 2, 8)) < 0.3 * rng.beta(1, 1 + 3 * skill, (pool, 1, 1)))
    targets = rng.normal(20, 8, pool)
    values = targets + rng.normal(0, 3, pool) * rng.gamma(2, skill, pool) + rng.normal(0, 1, (5, pool))
    found = {
        "accuracy": (accuracy, logits.argmax(axis=2), labels),
        "auc": (auc, logits, labels),
        "dice": (dice, masks, truth),
        "mse": (mse, values, targets),
    }
    for name, (score, predicted, right) in found.items():
        mean, covered = score(predicted, right).mean, 0
        for _ in range(runs):
            classes = [rng.choice(np.flatnonzero(labels == label), drawn // 3) for label in range(3)]
            rows = np.concatenate(classes) if name in ("accuracy", "auc") else rng.choice(pool, drawn)
            one = score(predicted[:, rows], right[rows])
            covered += one.low <= mean <= one.high
        least = 0.88 if name == "mse" else 0.91
        assert least < covered / runs < 0.99, (name, covered / runs)


def test_guessing_of_three_classes_is_what_guessing_gives():
    rng = np.random.default_rng(7)
    labels = np.repeat([0, 1, 2], [30, 60, 90])
    expected = guessing(labels, 5, 3)
    found = [(accuracy(rng.integers(0, 3, (5, 180)), labels), auc(rng.random((5, 180, 3)), labels)) for _ in range(600)]
    for which, middle in ((0, 1 / 3), (1, 0.5)):
        mean = np.array([both[which].mean for both in found])
        assert mean.mean() == pytest.approx(middle, abs=0.004) and expected[which].mean == middle
        assert np.sqrt(np.mean([both[which].sd ** 2 for both in found])) == pytest.approx(expected[which].sd, rel=0.06)
        assert 0.92 < np.mean((expected[which].low <= mean) & (mean <= expected[which].high)) < 0.98


# the promise about a single image


CONTESTS = {
    "accuracy": Contest("x", "X", {"accuracy": ("a",) * 5}, Path("x"), classes=4),
    "auc": Contest("x", "X", {"auc": ("a",) * 5}, Path("x"), classes=2),
    "auc of 4": Contest("x", "X", {"auc": ("a",) * 5}, Path("x"), classes=4),
    "dice": Contest("x", "X", {"dice": ("a",) * 5}, Path("x"), shape=(2, 3)),
    "mse": Contest("x", "X", {"mse": ("a",) * 5}, Path("x"), limits=(5, 50)),
}


@pytest.mark.parametrize("name", CONTESTS)
@given(
    seed=st.integers(0, 2**32), count=st.integers(16, 60), runs=st.integers(2, 6), per_step=st.sampled_from([5, 0.5])
)
@settings(max_examples=40, deadline=None)
def test_no_single_image_moves_a_score_further_than_is_promised(name, seed, count, runs, per_step):
    """The worst is tried too: an image that is all right in some files and all wrong in others, turned around."""
    rng = np.random.default_rng(seed)
    contest = CONTESTS[name]
    metric = METRICS[contest.metric]
    contest = replace(contest, files={contest.metric: ("a",) * runs}, images_per_step=per_step)
    image = int(rng.integers(count))
    if name == "dice":
        labels = rng.random((count, 2, 3)) < 0.5
        before = rng.random((runs, count, 2, 3)) < 0.5
        best, worst = labels[image], ~labels[image]
    elif name == "mse":
        labels, before = rng.uniform(5, 50, count), rng.uniform(5, 50, (runs, count))
        labels[image] = 5
        best, worst = 5, 50
    else:
        # Classes of any size.
        labels = np.minimum(rng.geometric(0.6, count) - 1, contest.classes - 1)
        labels[: contest.classes] = np.arange(contest.classes)
        if name == "accuracy":
            before = rng.integers(0, 4, (runs, count))
            best, worst = labels[image], (labels[image] + 1) % 4
        elif name == "auc":
            before = rng.random((runs, count))
            best, worst = labels[image], 1 - labels[image]
        else:
            before = rng.random((runs, count, 4))
            best, worst = np.eye(4)[labels[image]], 1 - np.eye(4)[labels[image]]
    after = before.copy()
    some = rng.permutation(runs) < rng.integers(0, runs + 1)
    before[some, image], before[~some, image] = best, worst
    if rng.random() < 0.5:
        after[:, image] = best
    else:
        after[some, image], after[~some, image] = worst, best
    one, other = metric.score(before, labels), metric.score(after, labels)
    step, fine = metric.steps(labels, contest)
    most = (2 if contest.metric == "auc" else 1) / per_step * (1 + 1e-9)
    assert abs(one.mean - other.mean) <= most * step
    assert abs(one.sd - other.sd) <= 2 * most * fine


def test_the_promise_is_no_looser_than_it_must_be():
    """An image that is turned around in every file moves the mean by all that is promised, where the step is exact."""
    labels = np.zeros((50, 2, 3), bool)
    contest = replace(CONTESTS["dice"], images_per_step=5)
    step, _ = METRICS["dice"].steps(labels, contest)
    masks = np.zeros((5, 50, 2, 3), bool)
    before = dice(masks, labels).mean
    masks[:, 0] = True
    assert before - dice(masks, labels).mean == pytest.approx(step / 5)
    # 25 and 25 images: the same step, of which an image can move an AUC by two fifths.
    classes, contest = np.arange(50) % 2, CONTESTS["auc"]
    assert METRICS["auc"].steps(classes, contest)[0] == step
    probabilities = np.tile(classes * 1.0, (5, 1))
    probabilities[:, 0] = 2
    assert 1 - auc(probabilities, classes).mean == pytest.approx(2 * step / 5)
