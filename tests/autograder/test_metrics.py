"""Scores of predictions, against numbers worked out by hand."""

import numpy as np
import pytest

from autograder.checking.metrics import accuracy, auc, dice, mse, one_hot


def test_one_hot():
    assert one_hot(np.array([[2, 0]]), 3).tolist() == [[[0, 0, 1], [1, 0, 0]]]


def test_accuracy_of_classes_of_one_probability_and_of_pixels():
    scores = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.2, 0.6, 0.2]])
    assert accuracy(scores, np.array([2, 1, 1])) == pytest.approx(2 / 3)
    # A probability of exactly one half is class 0, as `pred_test` writes it.
    assert accuracy(np.array([[0.4], [0.5], [0.9], [0.7]]), np.array([0, 0, 1, 0])) == 0.75
    pixels = np.zeros((1, 2, 3, 4))
    pixels[..., 3] = 1
    assert accuracy(pixels, np.array([[[3, 3, 0], [3, 1, 3]]])) == pytest.approx(4 / 6)


def test_auc_counts_a_tie_half_and_takes_the_last_column():
    labels = np.array([0, 1, 0, 1])
    assert auc(np.array([0.1, 0.9, 0.4, 0.4]), labels) == 0.875
    assert auc(np.array([[0.1], [0.9], [0.4], [0.4]]), labels) == 0.875
    assert auc(np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4], [0.6, 0.4]]), labels) == 0.875
    assert auc(-np.array([0.1, 0.9, 0.4, 0.4]), labels) == 0.125


def test_dice_is_an_average_over_images():
    right = np.zeros((3, 4, 5), int)
    right[0, :2, :2] = 1
    right[1, 0, 0] = 1
    given = np.zeros((3, 4, 5, 1))
    given[0, :2, :4] = 0.9
    # 4 of 4 shared of 8 predicted; nothing of one pixel; no mask, and none predicted.
    assert dice(given, right) == pytest.approx((2 * 4 / 12 + 0 + 1) / 3)
    given[2, 3, 4] = 1
    assert dice(given, right[..., np.newaxis]) == pytest.approx((2 * 4 / 12 + 0 + 0) / 3)


def test_mse_does_not_spread_a_column_over_a_row():
    assert mse(np.array([[1.0], [3.0], [5.0]]), np.array([1.0, 1.0, 2.0])) == pytest.approx((0 + 4 + 9) / 3)
    assert mse(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]])) == 2.5


@pytest.mark.parametrize(
    ("metric", "outputs", "right"),
    [
        (accuracy, (3, 4), (4,)),
        (accuracy, (0, 4), (0,)),
        (auc, (3, 4), (3,)),
        (auc, (3,), (2,)),
        (dice, (2, 4, 4, 2), (2, 4, 4)),
        (dice, (2, 4, 4, 1), (2, 4, 5)),
        (mse, (3, 2), (3,)),
    ],
)
def test_what_does_not_fit_is_refused(metric, outputs, right):
    with pytest.raises(ValueError, match="do not fit|one value per image"):
        metric(np.ones(outputs), np.ones(right, int))


def test_an_auc_of_one_class_is_refused():
    with pytest.raises(ValueError, match="both classes"):
        auc(np.array([0.1, 0.2]), np.array([1, 1]))
