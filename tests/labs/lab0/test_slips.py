"""No slip in a formula of lab 0 is paid because of the numbers that were drawn."""

import pytest

from source_lib import exercises
from tests.labs.lab0.slips import FORMULAS, ON_ONE_SIDE, SAME, measured, slips

THE_SAME = {text for texts in SAME.values() for text in texts}
DRAWS = {"graded": lambda k: exercises.draw(f"secret{k}"), "practice": exercises.draw_practice}


@pytest.mark.parametrize("count", [5, pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("function", FORMULAS)
def test_no_slip_is_paid_in_full_by_chance_and_hardly_any_line(function, draw, count):
    found = measured(function, list(map(DRAWS[draw], range(count))))
    assert len(found) > 30
    paid = {one.slip.after for one in found if one.paid}
    assert paid - THE_SAME - set(ON_ONE_SIDE) == set()
    for one in found:
        if one.slip.after in THE_SAME:
            assert one.paid == count, f"{one.slip.after} is a slip: it loses something."
    # A sum of products may be right where the slip met a zero; more than that would be the draw's fault.
    kept = [n for one in found if one.paid < count for n in one.kept.values()]
    assert sum(kept) <= 0.02 * count * len(kept)


def test_every_reason_is_about_a_slip_that_is_made():
    made = {slip.after for function in FORMULAS for slip in slips(function)}
    assert THE_SAME | set(ON_ONE_SIDE) <= made
