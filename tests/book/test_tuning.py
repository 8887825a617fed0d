"""What the chapter theory/tuning prints."""

import re

from tests.book.pages import outputs


def test_tuning_page_stops_early_by_the_best_so_far(site, soups):
    printed = outputs(site, soups, "theory/tuning")
    for line in (
        "patience 2: stops after epoch 6, takes epoch 4 with 0.6",
        "patience 4: stops after epoch 8, takes epoch 8 with 0.5",
        "η = 0.55:   -1.20   1.44  -1.73   2.07",
        "for n ≥ 59, however many",
    ):
        assert line in printed, line
    found = re.findall(r"^ *(\d+) trainings: grid (\d+), random (\d+)$", printed, re.MULTILINE)
    assert [int(trainings) for trainings, _, _ in found] == [9, 16, 25]
    assert all(int(grid) < int(random) for _, grid, random in found)
