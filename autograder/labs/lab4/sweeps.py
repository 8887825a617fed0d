"""What is asked of `reported`: a sweep over the settings of one factor, of which each has a file of runs."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.checking import compare
from autograder.checking.problem import Problem, lost
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Student, StudentError, once
from autograder.labs.lab4.drawing import Rng
from source_lib.experiments import Run, RunsError, read_runs
from source_lib.text import shorten

#: How the files of a sweep are called; what stands for the star is the name of the setting.
FILES = re.compile(r"sweep-([\w.+-]{1,40})\.jsonl")
LEAST_SETTINGS, LEAST_RUNS, MOST_FILES = 3, 3, 60
#: Two settings differ by more than chance where their averages are so many standard errors apart.
STANDARD_ERRORS = 3.0
#: So near to that, either answer is right: who rounded is not charged.
_NEAR = 0.05
#: A reported number may be rounded to two decimals.
_ROUNDED = 0.006
_KEYS = ("mean", "sample variance", "standard error")

Sweep = Mapping[str, np.ndarray]


@once
def _sweep(student: Student) -> Sweep:
    """Return the validation accuracies of each setting, in percent."""
    files = sorted(name for name in student.files if FILES.fullmatch(name))[:MOST_FILES]
    if len(files) < LEAST_SETTINGS:
        there = f"there are {len(files)}" if files else "there is none"
        raise StudentError(
            f"A sweep has at least {LEAST_SETTINGS} settings, each with a file sweep-NAME.jsonl beside the notebook, "
            f"and {there}. Hand them in with it."
        )
    found: dict[str, np.ndarray] = {}
    copied: dict[tuple, str] = {}
    for name in files:
        runs = _read(student, name)
        key = tuple((run.seed, run.valid_accuracy, run.loss) for run in runs)
        if key in copied:
            raise StudentError(f"{copied[key]} and {name} hold the same runs. Each setting needs runs of its own.")
        copied[key] = name
        found[FILES.fullmatch(name)[1]] = np.array([run.valid_accuracy for run in runs], dtype="float64")
    return found


def _read(student: Student, name: str) -> list[Run]:
    try:
        runs = student.read(name, read_runs)
    except RunsError as error:
        raise StudentError(str(error).replace("The file of runs", name)) from None
    if len(runs) < LEAST_RUNS:
        raise StudentError(f"{name} holds {len(runs)} runs; a setting needs at least {LEAST_RUNS}.")
    if len({run.seed for run in runs}) < len(runs):
        raise StudentError(f"{name} holds a seed twice.")
    if len({run.model for run in runs}) > 1 or len({run.data for run in runs}) > 1:
        raise StudentError(f"{name} holds runs of more than one network, training or data set.")
    for run in runs:
        if run.valid_accuracy is None or not 0 <= run.valid_accuracy <= 100:
            raise StudentError(
                f"The run with seed {run.seed} in {name} was not measured on validation images: set some aside with "
                "N_valid when you load the data."
            )
    return runs


def statistics(accuracies: np.ndarray) -> dict[str, float]:
    """Return the mean, the sample variance and the standard error of the mean of some accuracies."""
    variance = float(np.var(accuracies, ddof=1))
    return {
        "mean": float(np.mean(accuracies)),
        "sample variance": variance,
        "standard error": math.sqrt(variance / len(accuracies)),
    }


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Return how many standard errors of their difference two averages are apart.

    Parameters
    ----------
    one, other : numpy.ndarray
        Accuracies of each.
    """
    left, right = statistics(one), statistics(other)
    distance = abs(left["mean"] - right["mean"])
    error = math.hypot(left["standard error"], right["standard error"])
    return distance / error if error > 0 else math.inf if distance > 0 else 0.0


def _reported(student: Student) -> Mapping[str, Any]:
    told = student.call("reported")
    if not isinstance(told, Mapping):
        raise StudentError(f"reported() returned {compare.in_words(told)} where a dict is expected.")
    return told


def _settings(student: Student, rng: Rng) -> Problem | None:
    what = (
        "report the mean, the sample variance and the standard error of the validation accuracies of each setting, in "
        "percent, to two decimals"
    )
    try:
        sweep, told = _sweep(student), _reported(student).get("settings")
        if not isinstance(told, Mapping):
            return lost(what, "reported() has no dict under 'settings'.")
        for name, accuracies in sweep.items():
            one, right = told.get(name), statistics(accuracies)
            if not isinstance(one, Mapping):
                return lost(what, f"reported()['settings'] has no dict under {name!r}.")
            for key in _KEYS:
                found = compare.array(one.get(key))
                if found is None or found.size != 1 or not np.isfinite(found).all():
                    return lost(what, f"For {name!r} there is no number under {key!r}.")
                got = float(found.reshape(-1)[0])
                if abs(got - right[key]) > _ROUNDED:
                    hint = _which(student, name, key, got)
                    return lost(what, f"The {key} of {name!r} is {got:.6g} in reported().{hint}")
        if len(told) > len(sweep):
            more = sorted(str(name) for name in told.keys() - sweep.keys())
            return lost(what, f"It also reports {shorten(', '.join(more), 60)}, for which there is no file.")
    except StudentError as error:
        return lost(what, str(error))
    return None


def _which(student: Student, name: str, key: str, got: float) -> str:
    """Say which known mistake gives this number, where one does."""
    runs = _read(student, f"sweep-{name}.jsonl")
    valid = np.array([run.valid_accuracy for run in runs])
    test = np.array([run.test_accuracy for run in runs])
    known: dict[str, float] = {
        "That is of the test accuracies, which are not for choosing.": statistics(test)[key],
        "That is a fraction; report it in percent.": statistics(valid / 100)[key],
    }
    if key == "mean":
        known["That is the best run, not the average."] = float(valid.max())
    if key == "sample variance":
        known["That has n in the denominator; the sample variance has n - 1."] = float(valid.var())
        known["That is the standard deviation, the root of the variance."] = float(valid.std(ddof=1))
    if key == "standard error":
        known["That is the standard deviation of one run; divide it by the root of n."] = float(valid.std(ddof=1))
        known["That divides by n, and not by its root."] = float(valid.std(ddof=1)) / len(valid)
        known["That has n in the denominator of the variance."] = float(valid.std()) / math.sqrt(len(valid))
    fitting = [hint for hint, value in known.items() if abs(got - value) <= _ROUNDED]
    return f" {fitting[0]}" if len(fitting) == 1 else ""


def _differ(student: Student, rng: Rng) -> Problem | None:
    what = (
        f"list under 'differ' the pairs of settings whose averages are more than {STANDARD_ERRORS:g} standard errors "
        "of their difference apart"
    )
    try:
        sweep, told = _sweep(student), _reported(student).get("differ")
    except StudentError as error:
        return lost(what, str(error))
    pairs = _pairs(told)
    if pairs is None:
        return lost(what, "reported() has no list of pairs of names under 'differ'; an empty list is one too.")
    if unknown := sorted({name for pair in pairs for name in pair} - sweep.keys()):
        return lost(what, f"There is no setting {shorten(repr(unknown[0]), 60)}: name them as their files are named.")
    if itself := sorted(next(iter(pair)) for pair in pairs if len(pair) == 1):
        return lost(what, f"The pair of {itself[0]!r} with itself is listed, and it does not differ from itself.")
    if wrong := _first_wrong(sweep, pairs):
        return lost(what, f"{wrong}.")
    drawn = _drawn(sweep, rng)
    found = _told_of(student, drawn)
    if found is not None and (wrong := _first_wrong(drawn, found)):
        return lost(what, f"Your own files would not show it, but of other runs in files of these names: {wrong}.")
    return None


def _first_wrong(sweep: Sweep, pairs: set[frozenset[str]]) -> str | None:
    """Say which pair is listed and should not be, or the other way around."""
    for one, other in itertools.combinations(sweep, 2):
        distance = apart(sweep[one], sweep[other])
        if abs(distance - STANDARD_ERRORS) <= _NEAR:
            continue
        if (distance > STANDARD_ERRORS) != (frozenset((one, other)) in pairs):
            listed = "are listed" if frozenset((one, other)) in pairs else "are not listed"
            return f"{one!r} and {other!r} {listed}, and they are {distance:.2f} standard errors apart"
    return None


#: A cell of the course: other files of the same names in a folder of their own, and what is reported there.
_CELL = """
def course_reported(names, contents):
    import os
    import tempfile

    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, content in zip(names, contents):
                with open(name, "w", encoding="utf-8") as file:
                    file.write(content)
            return reported()
        finally:
            os.chdir(before)
"""
#: What that may take on the clock.
_SECONDS = 60.0


def _drawn(sweep: Sweep, rng: Rng) -> dict[str, np.ndarray]:
    """Return drawn accuracies for the settings of a sweep, as many of each as there are.

    Neighbors are two to three, or more than three standard errors apart, in turn, and the runs of one seed lie equally
    far from their averages: who draws the line elsewhere, or compares the runs of one seed, is seen.
    """
    error, mean = 0.1, 60.0
    found, patterns = {}, {}
    far = bool(rng.integers(2))
    for name, accuracies in sweep.items():
        count = len(accuracies)
        if count not in patterns:
            pattern = rng.normal(size=count)
            patterns[count] = (pattern - pattern.mean()) / pattern.std(ddof=1)
        found[name] = np.round(mean + error * math.sqrt(count) * patterns[count], 6)
        mean += error * math.sqrt(2) * (rng.uniform(3.2, 3.8) if far else rng.uniform(2.2, 2.8))
        far = not far
    return found


def _told_of(student: Student, sweep: Sweep) -> set[frozenset[str]] | None:
    """Return which pairs are reported of other files; None where the report does not follow the files in its folder.

    Such a report is judged by the student's own files alone.
    """
    names, contents = [], []
    for name, accuracies in sweep.items():
        # What read_runs has understood already; a last line may be cut off.
        lines = [line for line in student.files[f"sweep-{name}.jsonl"].split(b"\n") if line.strip()]
        runs = [json.loads(line) for line in lines[: len(accuracies)]]
        changed = [run | {"valid_accuracy": one} for run, one in zip(runs, accuracies.tolist(), strict=True)]
        names.append(f"sweep-{name}.jsonl")
        contents.append("".join(json.dumps(run) + "\n" for run in changed))
    try:
        with student.fresh(_CELL, seconds=_SECONDS) as side:
            told = side.call("course_reported", names, contents)
    except StudentError:
        return None
    settings = told.get("settings") if isinstance(told, Mapping) else None
    if not isinstance(settings, Mapping):
        return None
    for name, accuracies in sweep.items():
        one = settings.get(name)
        mean = compare.array(one.get("mean")) if isinstance(one, Mapping) else None
        if mean is None or mean.size != 1 or not abs(float(mean.reshape(-1)[0]) - accuracies.mean()) <= _ROUNDED:
            return None
    pairs = _pairs(told.get("differ"))
    return pairs if pairs is not None and set().union(*pairs) <= sweep.keys() else None


def _pairs(told: Any) -> set[frozenset[str]] | None:
    """Return pairs of names in any order, or None where these are none."""
    if isinstance(told, np.ndarray):
        told = told.tolist()
    if not isinstance(told, (list, tuple)):
        return None
    pairs = set()
    for pair in told:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(name, str) for name in pair):
            return None
        pairs.add(frozenset(pair))
    return pairs


Question = Callable[[Student, Rng], Problem | None]
CHECK = Check(
    "reported",
    (
        Line("settings", "Mean, sample variance and standard error of each setting of a sweep", 1.0, _settings),
        Line("differ", "Which settings differ by more than chance", 1.0, _differ),
    ),
)
