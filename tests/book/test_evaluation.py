"""What the chapter theory/evaluation prints."""

import re

from tests.book.pages import outputs


def test_evaluation_page_computes_the_auc_in_three_ways_that_agree(site, soups):
    printed = outputs(site, soups, "theory/evaluation")
    three = re.findall(r"^(?:trapezoids|pairs|scikit-learn) +(0\.\d{12})$", printed, re.MULTILINE)
    assert len(three) == 3 and len(set(three)) == 1
    for line in (
        "9.5 of 12 pairs, so the AUC is 0.792",
        "average 92.0 %, sample variance 2.5, standard error 0.707",
        "   5 trainings: factor   2.78",
        "in pairs:      95 % interval from +0.39 to +1.09",
    ):
        assert line in printed, line
    held = dict(re.findall(r"factor (.+?) +holds the truth in ([\d.]+)%", printed))
    assert abs(float(held["t with n - 1"]) - 95) < 0.5 and float(held["1.96"]) < 90
