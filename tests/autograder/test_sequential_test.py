"""How often the rule for the measured accuracy is wrong, about whom, and how soon it stops."""

import doctest
from itertools import product

import numpy as np
import pytest

from autograder.checking import sequential_test
from autograder.checking.sequential_test import Rule, points_reached, simulate
from autograder.labs.lab2.images import BANDS


def test_examples_in_docstrings():
    assert doctest.testmod(sequential_test).failed == 0


@pytest.mark.parametrize("bands", BANDS.values(), ids=BANDS)
def test_an_honest_student_hardly_ever_loses_and_a_weak_one_hardly_ever_wins(bands):
    """The two promises of the book: 91.5 and 85 where 90 is asked, with a spread of 1.5 between trainings."""
    good = simulate(bands[0] + 1.5, 1.5, bands, rounds=20_000)
    assert good.full > 1 - 1 / 200
    weak = simulate(bands[0] - 5, 1.5, bands, rounds=20_000)
    assert weak.full < 1 / 200


def test_who_is_far_from_a_threshold_is_done_soon():
    assert simulate(96, 1.0, (90, 80), rounds=2000).trainings < 2.2
    assert simulate(60, 3.0, (90, 80), rounds=2000).trainings < 2.1
    near = simulate(89, 1.5, (90, 80), rounds=2000)
    assert 3 < near.trainings <= Rule(90).most


def test_more_accuracy_never_gets_less():
    full = [simulate(mean, 1.5, (90, 80), rounds=2000).full for mean in range(84, 96)]
    some = [(one := simulate(mean, 1.5, (90, 80), rounds=2000)).full + one.half for mean in range(74, 86)]
    assert full == sorted(full) and some == sorted(some)
    assert full[0] < 0.01 < 0.99 < full[-1] and some[0] < 0.01 < 0.99 < some[-1]


def test_it_always_ends_and_never_after_one_training():
    for accuracies in product((0.0, 79.0, 89.0, 100.0), repeat=3):
        assert points_reached(accuracies[:1], (90, 80)) is None
        assert points_reached((*accuracies, *accuracies), (90, 80)) in (0, 1, 2)


def test_half_and_full():
    assert points_reached([96.0, 95.0], (90, 80)) == 2
    assert points_reached([85.0, 84.5], (90, 80)) == 1
    assert points_reached([60.0, 65.0], (90, 80)) == 0
    assert points_reached([89.0, 89.0], (90, 80)) is None
    assert points_reached(np.array([85.0, 84.5]), (90, 80)) == 1
    assert points_reached([0.0, 100.0], (90, 80)) == points_reached([100.0, 0.0], (90, 80))


def test_simulation_is_repeatable_and_counts_the_images():
    assert simulate(89.5, 1.5, (90, 80), rounds=500) == simulate(89.5, 1.5, (90, 80), rounds=500)
    # With very few images an accuracy is mostly chance, whatever the model.
    assert simulate(91.5, 0.0, (90, 80), rounds=2000, images=20).full < simulate(91.5, 0.0, (90, 80), rounds=2000).full
    assert np.isclose(simulate(100, 0, (90, 80), rounds=100).full, 1)
