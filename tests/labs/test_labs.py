"""Every lab: each known fault loses exactly its lines, each right way gets everything, and all its parts agree."""

import copy
import re

import jupytext
import pytest

from autograder.checking.problem import ASKED
from autograder.demo import sample_class
from autograder.gradebook.release import disagreements
from autograder.labs import all_labs
from tests.conftest import ROOT
from tests.labs.kit import Tools, trial_of
from tests.short import one_in, one_of_each

LABS = {lab.name: lab for lab in all_labs()}
EVERY_LAB = pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
SEEDS = pytest.mark.parametrize("seeds", ["SEEDS", pytest.param("LONG_SEEDS", marks=pytest.mark.long)])


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Where files beside a notebook are written; no real images, whatever this machine has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNN_COURSE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def outcomes(request, lab, seeds, **what):
    trial = trial_of(lab)
    count = getattr(trial, seeds, {"SEEDS": 1, "LONG_SEEDS": 3}[seeds])
    return [trial.outcome(Tools(request), seed, **what) for seed in range(count)]


@EVERY_LAB
def test_a_lab_agrees_with_itself_and_its_notebook(lab):
    assert lab.disagreements() == []
    text = ROOT / "assignments" / lab.name / f"{lab.name}.md"
    assert disagreements(jupytext.read(text), lab) == []
    assert (ROOT / "book" / "labs" / f"{lab.name}.md").is_file()


@EVERY_LAB
def test_the_sample_class_fits_its_lab(lab):
    text = jupytext.read(ROOT / "assignments" / lab.name / f"{lab.name}.md")
    samples = sample_class(lab).samples
    assert len({sample.name for sample in samples}) == len(samples) >= 2
    for sample in samples:
        least, most = sample.points
        assert 0 <= least <= most <= lab.points, sample.name
        assert sample.loses <= {check.function for check in lab.checks}, sample.name
        if sample.solved:
            sample.change(copy.deepcopy(text))


@EVERY_LAB
def test_every_line_is_lost_by_some_fault(lab):
    reasons = getattr(trial_of(lab), "NOT_LOST", {})
    assert lab.lines.keys() - set().union(*(fault.loses for fault in lab.faults)) == set(reasons)
    assert all(reasons.values())


def referred(lab, outcome, line, message):
    """Return a message, or that of the line whose reason it is said to share."""
    same = re.search("The reason is the same as for “(.+?)…?”", message)
    if same is None:
        return message
    check = lab.check(f"check_{line.partition('.')[0]}")
    (other,) = (one.key for one in check.lines if one.title.startswith(same[1]))
    return outcome.lost[f"{check.function}.{other}"]


@pytest.mark.parametrize(
    "known",
    one_of_each(
        lambda known: (known[0].name, known[1].loses),
        [(lab, fault) for lab in LABS.values() for fault in lab.faults],
        lambda known: f"{known[0].name}-{known[1].id}",
    ),
)
@SEEDS
def test_a_fault_loses_exactly_its_lines_and_is_named(request, known, seeds):
    lab, fault = known
    silent = getattr(trial_of(lab), "NOT_NAMED", {})
    others = {one.hint for one in lab.faults if one.function == fault.function} - {fault.hint, ""}
    for outcome in outcomes(request, lab, seeds, fault=fault):
        assert fault.loses & outcome.asked, f"None of {sorted(fault.loses)} was asked."
        assert sorted(outcome.lost) == sorted(fault.loses & outcome.asked)
        for line, message in outcome.lost.items():
            assert message.startswith(ASKED) and message.count(ASKED) == 1 and len(message) < 600
            told = referred(lab, outcome, line, message)
            assert told.endswith(fault.hint) or line in silent
            assert not any(hint in message for hint in others if fault.hint and hint not in fault.hint)


@pytest.mark.parametrize(
    "known",
    [
        param
        for lab in LABS.values()
        for param in one_in(
            2, [(lab, way) for way in trial_of(lab).VARIANTS], lambda known: f"{known[0].name}-{known[1]}"
        )
    ],
)
@SEEDS
def test_a_variant_gets_everything(request, known, seeds):
    lab, variant = known
    for outcome in outcomes(request, lab, seeds, variant=variant):
        assert outcome.asked and outcome.lost == {}
