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


def test_claims_of_reports_are_measured_by_their_standard_errors(site, soups):
    printed = outputs(site, soups, "theory/evaluation")
    rows = re.findall(r"^own network|^pretrained", printed, re.MULTILINE)
    assert len(rows) == 3
    for claim, p, m, q, n in (
        ("pretrained or own, test images", 0.820, 10_000, 0.806, 10_000),
        ("own network, training or validation", 0.842, 45_000, 0.795, 5_000),
        ("own network, test or validation", 0.806, 10_000, 0.795, 5_000),
    ):
        ratio = (p - q) / (p * (1 - p) / m + q * (1 - q) / n) ** 0.5
        assert re.search(rf"{claim} +[\d.]+ points, standard error [\d.]+: {ratio:.1f} times", printed), claim
    images, trainings = re.findall(r"^standard deviation from .*: +([\d.]+) points$", printed, re.MULTILINE)
    assert float(images) == 0.29 < float(trainings)
