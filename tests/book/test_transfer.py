"""What the chapter theory/transfer says agrees with what was measured, and it needs no pretrained network."""

import json
import re

import numpy as np
import pytest

from book.make_transfer import OUTPUT
from tests.book.pages import code_cells

NAME = "theory/transfer"


@pytest.fixture(scope="module")
def mean():
    lines = [json.loads(line) for line in OUTPUT.read_text().splitlines()]

    def average(what, key="test", **settings):
        found = [line for line in lines if line["what"] == what and all(line[k] == v for k, v in settings.items())]
        return np.mean([line[key] for line in found])

    return average


def percent(share):
    return f"{100 * share:.1f} %"


def test_first_paragraph_says_what_was_measured(text, mean):
    (scratch,) = re.findall(r"a network from scratch has ([\d.]+ %) of the test images right", text)
    (tuned,) = re.findall(r"with the same 400, has ([\d.]+ %) right", text)
    assert (scratch, tuned) == (percent(mean("scratch", count=400)), percent(mean("tuned", count=400)))


def test_fine_tuning_is_better_than_training_from_scratch_at_every_size(mean):
    for count in (100, 400, 1600, 6400):
        assert mean("tuned", count=count) > mean("scratch", count=count) + 0.05
        assert mean("frozen", count=count) > mean("small", count=count) + 0.05, "the small network is no real one"


def test_page_runs_with_the_small_network_alone():
    code = "\n".join(code_cells(NAME))
    assert 'load_backbone(32, "small")' in code
    assert not re.search(r"efficientnet|imagenet_names|keras\.applications", code)


def test_bytes_prepared_twice_are_printed_right(printed):
    once = (np.array([0.0, 127.0, 255.0]) - 127) / 128
    assert f"once  {once.round(3)}" in printed
    assert f"twice {((once - 127) / 128).round(3)}" in printed


def test_only_trainable_keeps_batch_normalization_still(printed):
    found = {name: float(value) for name, value in re.findall(r"^(\w.*): +(\d\.\d\d)$", printed, re.MULTILINE)}
    # Three steps of one tenth toward a mean near 3.
    moved = 3 * (1 - 0.9**3)
    assert found["nothing is frozen"] == pytest.approx(moved, abs=0.2)
    # Where a newer Keras keeps what it is called with, the warning on the page has to go.
    assert found["called with training=False"] == found["nothing is frozen"]
    assert found["trainable = False"] == 0


def test_gain_of_the_source_is_set_against_chance(printed, text):
    gain, error = re.findall(r"a gain of ([\d.]+) points; .* moves it by ([\d.]+)", printed)[0]
    assert float(gain) == pytest.approx(1.4)
    assert float(error) == pytest.approx(100 * np.sqrt((0.806 * 0.194 + 0.82 * 0.18) / 10_000), abs=0.05)
    assert "Nor does the report say which layers were frozen" in text


def test_answers_of_the_exercises(printed):
    for answer in (
        "12,810 parameters, 0.37% of all",
        "128 times narrower",
        "after 10 batches 1.19",
        "more than 2 for the first time after 69 batches",
        "rate: 100 times the default of Adam",
    ):
        assert answer in printed
