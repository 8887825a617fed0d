"""What the chapter theory/regularization prints."""

import json
import re

import numpy as np

from tests.book.pages import BOOK, of_page, outputs


def test_regularization_page_shows_the_stored_trainings(site, soups):
    about, *lines = map(json.loads, (BOOK / "_data" / "regularization.jsonl").read_text().splitlines())
    page = of_page(site, soups, "theory/regularization").find("article")
    (table,) = [table for table in page.select("table") if "test accuracy [%]" in table.get_text()]
    shown = {}
    for row in table.select("tbody tr"):
        name, accuracy, gain, loss = (cell.get_text(strip=True) for cell in row.find_all("td"))
        shown[name] = (accuracy, gain.partition(" ")[0], loss)
    reached = {name: [line["test_accuracy"] for line in lines if line["method"] == name] for name in about["methods"]}
    losses = {name: [line["test_loss"] for line in lines if line["method"] == name] for name in about["methods"]}
    for name, values in reached.items():
        gain = f"{np.mean(values) - np.mean(reached['nothing']):+.1f}".replace("-", "−")
        assert shown[name] == (
            f"{np.mean(values):.1f} ({np.std(values, ddof=1):.1f})",
            "" if name == "nothing" else gain,
            f"{np.mean(losses[name]):.2f}",
        )
    text = " ".join(page.get_text().split())
    assert f"were made on {about['made']}" in text and f"Keras {about['versions']['keras']}" in text
    printed = outputs(site, soups, "theory/regularization")
    zeros = {
        (kind, float(strength)): int(share)
        for kind, strength, share in re.findall(r"(L\d) with strength +([\d.]+): +(\d+) %", printed)
    }
    assert all(zeros["L1", strength] > zeros["L2", strength] + 30 for strength in (0.1, 1, 10))
